//! Values within marked-up text: [`text!`](crate::text!) and what it accepts.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::rc::Rc;
use std::sync::Arc;

use super::clean::{clean, escape};
use super::{Markup, width};
use crate::ids::{AccountId, ChannelId, EntityId, ScriptId, SessionId};

/// Builds [`Markup`]: the literal is markup, each argument is shown as plain text unless it is
/// `Markup` itself. So what a player typed can never bring a colour, a link or an escape sequence along.
///
/// Arguments are positional. Width, fill and alignment (`{:<20}`) count visible columns, and a precision (`{:.10}`)
/// cuts plain text; a name inside the braces (`{name}`) does not compile, because nothing could escape it.
///
/// ```
/// let line = everhall::text!("{} says, \"|w{}|n\"", "Ann", "I am |rred");
/// assert_eq!(line.as_str(), "Ann says, \"|wI am ||rred|n\"");
/// ```
///
/// ```compile_fail
/// let name = "Ann";
/// let line = everhall::text!("{name} waves.");
/// ```
#[macro_export]
macro_rules! text {
    ($markup:literal $(, $arg:expr)* $(,)?) => {
        // A format string that comes out of a macro captures no variables.
        $crate::text::markup(::std::format_args!(::std::concat!($markup) $(, $crate::text::Escaped(&$arg))*))
    };
}

/// A value that can stand in marked-up text.
pub trait Shown {
    /// Writes the value as markup.
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result;

    /// Writes no more than so many characters of it. Only plain text is cut.
    #[doc(hidden)]
    fn show_cut(&self, _characters: usize, out: &mut dyn fmt::Write) -> fmt::Result {
        self.show(out)
    }
}

/// An argument of [`text!`](crate::text!), escaped while it is formatted.
///
/// Not `Debug`: `{:?}` must not compile, for it would escape nothing.
#[doc(hidden)]
pub struct Escaped<'a, T: Shown + ?Sized>(pub &'a T);

/// Makes markup of arguments that escape themselves. Use [`text!`](crate::text!).
#[doc(hidden)]
pub fn markup(arguments: fmt::Arguments<'_>) -> Markup {
    Markup::from_markup(fmt::format(arguments))
}

impl<T: Shown + ?Sized> fmt::Display for Escaped<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(columns) = f.width() else {
            return match f.precision() {
                Some(characters) => self.0.show_cut(characters, f),
                None => self.0.show(f),
            };
        };
        let mut value = String::new();
        match f.precision() {
            Some(characters) => self.0.show_cut(characters, &mut value)?,
            None => self.0.show(&mut value)?,
        }
        let missing = columns.saturating_sub(width(&value));
        let before = match f.align() {
            Some(fmt::Alignment::Right) => missing,
            Some(fmt::Alignment::Center) => missing / 2,
            _ => 0,
        };
        let fill = f.fill();
        (0..before).try_for_each(|_| f.write_char(fill))?;
        f.write_str(&value)?;
        (before..missing).try_for_each(|_| f.write_char(fill))
    }
}

impl Shown for str {
    fn show(&self, mut out: &mut dyn fmt::Write) -> fmt::Result {
        escape(self, &mut out)
    }

    fn show_cut(&self, characters: usize, out: &mut dyn fmt::Write) -> fmt::Result {
        let text = clean(self);
        let end = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
        text[..end].show(out)
    }
}

impl Shown for Markup {
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

macro_rules! shown_as_inner {
    ($(($($lifetime:lifetime)?) $name:ty),* $(,)?) => {$(
        impl<$($lifetime,)? T: Shown + ?Sized> Shown for $name {
            fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
                (**self).show(out)
            }

            fn show_cut(&self, characters: usize, out: &mut dyn fmt::Write) -> fmt::Result {
                (**self).show_cut(characters, out)
            }
        }
    )*};
}

shown_as_inner!(('a) &'a T, ('a) &'a mut T, () Box<T>, () Rc<T>, () Arc<T>);

impl Shown for String {
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.as_str().show(out)
    }

    fn show_cut(&self, characters: usize, out: &mut dyn fmt::Write) -> fmt::Result {
        self.as_str().show_cut(characters, out)
    }
}

impl Shown for Cow<'_, str> {
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        (**self).show(out)
    }

    fn show_cut(&self, characters: usize, out: &mut dyn fmt::Write) -> fmt::Result {
        (**self).show_cut(characters, out)
    }
}

impl Shown for char {
    fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.encode_utf8(&mut [0; 4]).show(out)
    }
}

macro_rules! shown_as_displayed {
    ($($name:ty),* $(,)?) => {$(
        impl Shown for $name {
            fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
                write!(out, "{self}")
            }
        }
    )*};
}

// None of these ever displays a `|`.
shown_as_displayed!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, bool);
shown_as_displayed!(SessionId, AccountId, EntityId, ChannelId, ScriptId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_plain_text_and_markup_stays_markup() {
        let name = Arc::<str>::from("|rAnn\x1b");
        let line = text!("|c{}|n gives {} {} to {}.", name, 3_u32, Markup::from_markup("|ylamps|n"), EntityId(7));
        assert_eq!(line.as_str(), "|c||rAnn|n gives 3 |ylamps|n to #7.");
        assert_eq!(text!("Who?").as_str(), "Who?");
        assert_eq!(text!("{{{}}}", &String::from("a|b")).as_str(), "{a||b}");
    }

    #[test]
    fn columns_are_counted_as_seen() {
        let red = Markup::from_markup("|rred|n");
        assert_eq!(text!("[{:<5}]", red).as_str(), "[|rred|n  ]");
        assert_eq!(text!("[{:>5}]", "a|b").as_str(), "[  a||b]");
        assert_eq!(text!("[{:.^7}]", "日本").as_str(), "[.日本..]");
        assert_eq!(text!("[{:4.2}]", "a|b").as_str(), "[a||  ]");
        assert_eq!(text!("[{:>3}]", 7).as_str(), "[  7]");
    }
}
