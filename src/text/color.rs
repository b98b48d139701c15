//! Colours, and how text looks while it is written.

use crate::wire::Colors;

/// A colour as the markup names it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Color {
    /// The screen's own.
    #[default]
    Default,
    /// One of the sixteen ANSI colours; 8 and up are the bright ones.
    Basic(u8),
    /// A number of the xterm palette, 16 and up.
    Indexed(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// Brighter colour, or bold where there is none.
pub(super) const HILITE: u8 = 1;
/// Underlined.
pub(super) const UNDERLINE: u8 = 2;
/// Italic.
pub(super) const ITALIC: u8 = 4;
/// Struck through.
pub(super) const STRIKE: u8 = 8;
/// Foreground and background swapped.
pub(super) const INVERSE: u8 = 16;
/// Blinking.
pub(super) const BLINK: u8 = 32;

/// How text looks from here on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Colour of the letters.
    pub(super) fg: Color,
    /// Colour behind them.
    pub(super) bg: Color,
    /// [`HILITE`] and the others, or-ed.
    pub(super) flags: u8,
}

/// What one code changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Everything back to the screen's own.
    Reset,
    /// The colour of the letters.
    Fg(Color),
    /// One of the eight dark colours, which also ends a hilite.
    Dark(u8),
    /// One of the eight colours, as bright as the one before.
    Hue(u8),
    /// The colour behind the letters.
    Bg(Color),
    /// A flag on.
    On(u8),
    /// A flag off.
    Off(u8),
}

impl Look {
    /// Applies what a code says.
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Reset => *self = Self::default(),
            Change::Fg(color) => self.fg = color,
            Change::Dark(hue) => {
                self.fg = Color::Basic(hue);
                self.flags &= !HILITE;
            }
            Change::Hue(hue) => {
                let bright = matches!(self.fg, Color::Basic(8..));
                self.fg = Color::Basic(if bright { hue + 8 } else { hue });
            }
            Change::Bg(color) => self.bg = color,
            Change::On(flag) => self.flags |= flag,
            Change::Off(flag) => {
                self.flags &= !flag;
                if let (HILITE, Color::Basic(bright @ 8..)) = (flag, self.fg) {
                    self.fg = Color::Basic(bright - 8);
                }
            }
        }
    }

    /// Returns the nearest look that a screen of so many colours shows. There, [`HILITE`] means bold.
    pub(super) fn on(mut self, colors: Colors) -> Self {
        self.fg = self.fg.on(colors);
        self.bg = self.bg.on(colors);
        if let (Color::Basic(dark @ 0..8), true) = (self.fg, self.flags & HILITE != 0) {
            self.fg = Color::Basic(dark + 8);
            self.flags &= !HILITE;
        }
        if colors == Colors::Ansi16 {
            // The oldest way is the one that every client knows: bold makes bright, and backgrounds are dark.
            if let Color::Basic(bright @ 8..) = self.fg {
                self.fg = Color::Basic(bright - 8);
                self.flags |= HILITE;
            }
            if let Color::Basic(bright @ 8..) = self.bg {
                self.bg = Color::Basic(bright - 8);
            }
        }
        self
    }

    /// Returns true if blank columns look different with it, so that it must not run on past the end of a line.
    pub(super) fn shows_on_blank(self) -> bool {
        self.bg != Color::Default || self.flags & (UNDERLINE | STRIKE | INVERSE) != 0
    }
}

impl Color {
    fn on(self, colors: Colors) -> Self {
        match (self, colors) {
            (_, Colors::None) => Self::Default,
            (Self::Rgb(r, g, b), Colors::Xterm256) => Self::Indexed(nearest_indexed(r, g, b)),
            (Self::Rgb(r, g, b), Colors::Ansi16) => Self::Basic(BASIC_OF[nearest_indexed(r, g, b) as usize]),
            (Self::Indexed(index), Colors::Ansi16) => Self::Basic(BASIC_OF[index as usize]),
            _ => self,
        }
    }

    /// Returns red, green and blue of a palette or true colour.
    pub(super) fn rgb(self) -> Option<(u8, u8, u8)> {
        match self {
            Self::Default => None,
            Self::Basic(index) | Self::Indexed(index) => Some(palette(index)),
            Self::Rgb(r, g, b) => Some((r, g, b)),
        }
    }
}

/// The sixteen colours as xterm paints them.
const BASIC: [(u8, u8, u8); 16] = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
    (127, 127, 127),
    (255, 0, 0),
    (0, 255, 0),
    (255, 255, 0),
    (92, 92, 255),
    (255, 0, 255),
    (0, 255, 255),
    (255, 255, 255),
];

/// The six levels of the colour cube.
const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// The nearest of the sixteen colours, for each number of the xterm palette.
static BASIC_OF: [u8; 256] = {
    let mut nearest = [0; 256];
    let mut index = 0;
    while index < 256 {
        let (r, g, b) = palette(index as u8);
        let (mut best, mut k) = (0, 1);
        while k < 16 {
            if distance((r, g, b), BASIC[k]) < distance((r, g, b), BASIC[best]) {
                best = k;
            }
            k += 1;
        }
        nearest[index] = best as u8;
        index += 1;
    }
    nearest
};

const fn palette(index: u8) -> (u8, u8, u8) {
    match index {
        0..16 => BASIC[index as usize],
        16..232 => {
            let cube = index as usize - 16;
            (LEVELS[cube / 36], LEVELS[cube / 6 % 6], LEVELS[cube % 6])
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            (grey, grey, grey)
        }
    }
}

/// How different two colours look to an eye, which sees green best: a weighted square distance.
const fn distance(a: (u8, u8, u8), b: (u8, u8, u8)) -> u32 {
    let (r, g, b) = (a.0.abs_diff(b.0) as u32, a.1.abs_diff(b.1) as u32, a.2.abs_diff(b.2) as u32);
    3 * r * r + 4 * g * g + 2 * b * b
}

/// Returns the number of the xterm palette that is nearest: in the cube, or in the row of greys.
fn nearest_indexed(r: u8, g: u8, b: u8) -> u8 {
    let level = |value: u8| match value {
        0..48 => 0,
        48..115 => 1,
        _ => (value - 35) / 40,
    };
    let cube = 16 + 36 * level(r) + 6 * level(g) + level(b);
    let mean = (u16::from(r) + u16::from(g) + u16::from(b)) / 3;
    let grey = 232 + (mean.saturating_sub(3) / 10).min(23) as u8;
    if distance((r, g, b), palette(grey)) < distance((r, g, b), palette(cube)) { grey } else { cube }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_the_screen_lacks_becomes_its_nearest() {
        let check = |color: Color, colors, expected: Color| {
            assert_eq!(color.on(colors), expected, "{color:?} {colors:?}");
        };
        check(Color::Rgb(255, 0, 0), Colors::True, Color::Rgb(255, 0, 0));
        check(Color::Rgb(255, 0, 0), Colors::Xterm256, Color::Indexed(196));
        check(Color::Rgb(255, 0, 0), Colors::Ansi16, Color::Basic(9));
        check(Color::Rgb(40, 40, 42), Colors::Xterm256, Color::Indexed(235));
        check(Color::Indexed(21), Colors::Ansi16, Color::Basic(4));
        check(Color::Indexed(231), Colors::Ansi16, Color::Basic(15));
        check(Color::Indexed(240), Colors::Ansi16, Color::Basic(8));
        check(Color::Basic(3), Colors::Xterm256, Color::Basic(3));
        check(Color::Basic(3), Colors::None, Color::Default);
    }

    #[test]
    fn each_palette_colour_is_its_own_nearest() {
        for index in 16..=255 {
            let (r, g, b) = palette(index);
            assert_eq!(palette(nearest_indexed(r, g, b)), (r, g, b));
        }
    }
}
