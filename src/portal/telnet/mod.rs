//! Telnet: bytes in, lines out, and everything a telnet client may want to agree on.
//!
//! [`codec`] takes bytes apart, [`options`] keeps agreements (RFC 1143), [`terminal`] knows the other end, [`screen`]
//! composes what is written, [`connection`] is the actor that holds the socket, [`listener`] accepts.

pub mod codec;
pub mod connection;
pub mod listener;
pub mod options;
pub mod rate;
pub mod screen;
pub mod terminal;

pub use listener::serve;

/// Interpret as command.
pub(crate) const IAC: u8 = 255;
pub(crate) const DONT: u8 = 254;
pub(crate) const DO: u8 = 253;
pub(crate) const WONT: u8 = 252;
pub(crate) const WILL: u8 = 251;
/// Subnegotiation begins.
pub(crate) const SB: u8 = 250;
/// Go ahead: the prompt is complete.
pub(crate) const GA: u8 = 249;
/// Erase line.
pub(crate) const EL: u8 = 248;
/// Erase character.
pub(crate) const EC: u8 = 247;
/// Are you there?
pub(crate) const AYT: u8 = 246;
/// Subnegotiation ends.
pub(crate) const SE: u8 = 240;
/// End of record: the prompt is complete.
pub(crate) const EOR_MARK: u8 = 239;

/// Option: the server shows what is typed, that is: nothing, while it is a password.
pub(crate) const ECHO: u8 = 1;
/// Option: no go-ahead.
pub(crate) const SGA: u8 = 3;
/// Option: the client names its terminal.
pub(crate) const TTYPE: u8 = 24;
/// Option: prompts are marked with end of record.
pub(crate) const EOR: u8 = 25;
/// Option: the client tells its window's size.
pub(crate) const NAWS: u8 = 31;
