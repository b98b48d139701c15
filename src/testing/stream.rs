//! A telnet stream as its client sees it: text without negotiations and escape sequences. Pure: bytes in, what they mean out.
//!
//! It is written from the RFCs and shares no code with the portal's telnet, so that both cannot be wrong in the same way.

pub(super) const IAC: u8 = 255;
pub(super) const DONT: u8 = 254;
pub(super) const DO: u8 = 253;
pub(super) const WONT: u8 = 252;
pub(super) const WILL: u8 = 251;
pub(super) const SB: u8 = 250;
pub(super) const GA: u8 = 249;
pub(super) const SE: u8 = 240;
pub(super) const EOR: u8 = 239;
pub(super) const NAWS: u8 = 31;
const ESC: u8 = 27;

/// What a byte brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A byte of text; lines end with `\n` alone.
    Text(u8),
    /// What stands behind the last line end was a prompt.
    Prompt,
    /// A negotiation: verb (251 WILL … 254 DONT) and option.
    Asked(u8, u8),
}

/// Where in a stream the reader is; a read may end anywhere.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Stream {
    #[default]
    Text,
    Iac,
    Option(u8),
    Sub,
    SubIac,
    Escape,
    Csi,
    Osc,
    OscEscape,
}

impl Stream {
    /// Takes the next byte.
    pub(crate) fn take(&mut self, byte: u8) -> Option<Heard> {
        let mut heard = None;
        *self = match (*self, byte) {
            (Self::Text, IAC) => Self::Iac,
            (Self::Text, ESC) => Self::Escape,
            (Self::Text, b'\r' | 0) => Self::Text,
            (Self::Text, _) | (Self::Iac, IAC) => {
                heard = Some(Heard::Text(byte));
                Self::Text
            }
            (Self::Iac, WILL..=DONT) => Self::Option(byte),
            (Self::Iac, SB) => Self::Sub,
            (Self::Iac, GA | EOR) => {
                heard = Some(Heard::Prompt);
                Self::Text
            }
            (Self::Iac, _) => Self::Text,
            (Self::Option(verb), option) => {
                heard = Some(Heard::Asked(verb, option));
                Self::Text
            }
            (Self::Sub, IAC) => Self::SubIac,
            (Self::Sub, _) => Self::Sub,
            (Self::SubIac, SE) => Self::Text,
            (Self::SubIac, _) => Self::Sub,
            (Self::Escape, b'[') => Self::Csi,
            (Self::Escape, b']') => Self::Osc,
            (Self::Escape, _) => Self::Text,
            (Self::Csi, 0x40..=0x7e) => Self::Text,
            (Self::Csi, _) => Self::Csi,
            (Self::Osc, 7) => Self::Text,
            (Self::Osc, ESC) => Self::OscEscape,
            (Self::Osc, _) => Self::Osc,
            (Self::OscEscape, _) => Self::Text,
        };
        heard
    }
}

/// Returns what tells a window size (RFC 1073).
pub(crate) fn window(columns: u16, rows: u16) -> Vec<u8> {
    let mut told = vec![IAC, SB, NAWS];
    for byte in columns.to_be_bytes().into_iter().chain(rows.to_be_bytes()) {
        told.push(byte);
        if byte == IAC {
            told.push(IAC);
        }
    }
    told.extend([IAC, SE]);
    told
}

/// Returns the offer to tell a window size, asked or not, and the size.
pub(crate) fn wide_window(columns: u16) -> Vec<u8> {
    [&[IAC, WILL, NAWS][..], &window(columns, 50)].concat()
}
