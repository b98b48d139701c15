//! The websocket's JSON frames, in and out. Pure: no socket, no clock, no actor.
//!
//! `docs/websocket.md` describes them for people who write clients; the golden tests below pin every one.
//! New keys and new kinds of frames may be added; what is here keeps its meaning.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::text::{render_html, render_plain};

/// Longest frame accepted from a client, in bytes; a fragmented one counts as a whole.
pub(super) const MAX_FRAME_BYTES: usize = 16 * 1024;

/// Highest number a client may give a line: what is left of 64 bits beside [`line_number`]'s other parts.
pub(super) const MAX_CLIENT_NUMBER: u64 = (1 << 48) - 1;

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ClientFrame {
    /// Something typed; may hold several lines.
    Line {
        /// The client's own number for it: from 1, growing.
        n: u64,
        /// As it was typed.
        line: String,
    },
    /// Take up the session of an earlier socket.
    Resume {
        /// What the `session` frame gave it.
        token: String,
        /// Number of the last text or event it has; 0 for none.
        seen: u64,
    },
    /// What was said on a channel after a message it has.
    Since {
        /// The channel's name.
        channel: String,
        /// Number of the last message it has.
        n: u64,
    },
    /// The size of its window, in characters.
    Size {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// Whether a screen reader is in use.
    ScreenReader(bool),
}

/// Why a frame was not understood. The text goes to the client.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum FrameError {
    /// Not JSON, or keys and values that mean nothing here.
    #[error("a frame was not understood: {0}")]
    Malformed(String),
    /// Keys that do not go together.
    #[error("a frame must be one of line, resume, since, size or screenreader, with what belongs to it")]
    Shape,
    /// A line without a usable number.
    #[error("a line needs its own number n, from 1 to {MAX_CLIENT_NUMBER}")]
    Number,
    /// Longer than [`MAX_FRAME_BYTES`].
    #[error("a frame may be {MAX_FRAME_BYTES} bytes long")]
    TooLong,
    /// A binary frame.
    #[error("frames are JSON text, not binary")]
    Binary,
    /// A resume after something else.
    #[error("resume must be the first frame")]
    Late,
}

/// All keys of all frames: a client's typo is then answered with the keys there are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    n: Option<u64>,
    line: Option<String>,
    resume: Option<String>,
    seen: Option<u64>,
    since: Option<Since>,
    size: Option<Size>,
    screenreader: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Since {
    channel: String,
    n: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Size {
    cols: u16,
    rows: u16,
}

/// Returns what a client's text frame says.
///
/// # Errors
///
/// Any [`FrameError`] but `Binary` and `Late`, which the text alone does not show.
pub(super) fn parse(text: &str) -> Result<ClientFrame, FrameError> {
    if text.len() > MAX_FRAME_BYTES {
        return Err(FrameError::TooLong);
    }
    let keys: Keys = serde_json::from_str(text).map_err(|error| FrameError::Malformed(error.to_string()))?;
    match keys {
        Keys { n, line: Some(line), resume: None, seen: None, since: None, size: None, screenreader: None } => {
            match n {
                Some(n @ 1..=MAX_CLIENT_NUMBER) => Ok(ClientFrame::Line { n, line }),
                _ => Err(FrameError::Number),
            }
        }
        Keys { n: None, line: None, resume: Some(token), seen, since: None, size: None, screenreader: None } => {
            Ok(ClientFrame::Resume { token, seen: seen.unwrap_or(0) })
        }
        Keys { n: None, line: None, resume: None, seen: None, since: Some(since), size: None, screenreader: None } => {
            Ok(ClientFrame::Since { channel: since.channel, n: since.n })
        }
        Keys { n: None, line: None, resume: None, seen: None, since: None, size: Some(size), screenreader: None } => {
            Ok(ClientFrame::Size { cols: size.cols, rows: size.rows })
        }
        Keys { n: None, line: None, resume: None, seen: None, since: None, size: None, screenreader: Some(on) } => {
            Ok(ClientFrame::ScreenReader(on))
        }
        _ => Err(FrameError::Shape),
    }
}

/// First frame out: which session this is.
///
/// `received` is the highest number of a line that arrived completely: the client sends again what is above.
pub(super) fn session(token: &str, resumed: bool, received: u64, complete: bool) -> String {
    // By hand, as all frames: the documented order of keys is easier to read than the alphabet's.
    let token = json!(token);
    format!(r#"{{"session":{{"token":{token},"resumed":{resumed},"received":{received},"complete":{complete}}}}}"#)
}

/// Returns marked-up text as the fragment `"html":"…","text":"…"`.
pub(super) fn rendering(markup: &str) -> Bytes {
    let html = json!(render_html(markup));
    let text = json!(render_plain(markup));
    Bytes::from(format!(r#""html":{html},"text":{text}"#))
}

/// Text, from its [`rendering`].
pub(super) fn text(n: u64, rendering: &[u8]) -> String {
    let rendering = String::from_utf8_lossy(rendering);
    format!(r#"{{"n":{n},{rendering}}}"#)
}

/// An event. Data that is not JSON becomes null: it must not spoil the frame.
pub(super) fn event(name: &str, n: u64, data: &str) -> String {
    let is_json = serde_json::from_str::<IgnoredAny>(data).is_ok();
    let data = if is_json { data } else { "null" };
    let name = json!(name);
    format!(r#"{{"event":{name},"n":{n},"data":{data}}}"#)
}

/// A line's answer is complete.
pub(super) fn ack(n: u64) -> String {
    format!(r#"{{"ack":{n}}}"#)
}

/// The prompt from here on, marked up.
pub(super) fn prompt(markup: &str) -> String {
    let rendering = rendering(markup);
    format!(r#"{{"prompt":{{{}}}}}"#, String::from_utf8_lossy(&rendering))
}

/// Whether what is typed should be hidden.
pub(super) fn secret(on: bool) -> String {
    format!(r#"{{"secret":{on}}}"#)
}

/// A display setting that the player chose by a command.
pub(super) fn setting(name: &str, value: &str) -> String {
    let (name, value) = (json!(name), json!(value));
    format!(r#"{{"setting":{{"name":{name},"value":{value}}}}}"#)
}

/// Something the portal did with a frame that the player should know.
pub(super) fn notice(text: &str) -> String {
    format!(r#"{{"notice":{}}}"#, json!(text))
}

/// A frame was not understood.
pub(super) fn error(text: &str) -> String {
    format!(r#"{{"error":{}}}"#, json!(text))
}

/// Last frame out.
pub(super) fn close(reason: &str) -> String {
    format!(r#"{{"close":{}}}"#, json!(reason))
}

/// Marks a client's number, so that it is never taken for the session's own count.
const NUMBERED: u64 = 1 << 62;
/// Bits for a line's place in its frame: a frame of [`MAX_FRAME_BYTES`] has fewer lines than that.
const PLACE_BITS: u32 = 14;
/// Place of a frame's last line, whichever that is.
const LAST: u64 = (1 << PLACE_BITS) - 1;

/// Returns the number that the switchboard gets for one line of the client's frame `n`.
///
/// Each line of a frame has a number of its own, in order, so that the same frame sent again is dropped line by line,
/// even if only some of its lines had arrived. No table is kept, so this holds over any number of sockets.
pub(super) fn line_number(n: u64, place: usize, last: bool) -> u64 {
    let place = if last { LAST } else { (place as u64).min(LAST - 1) };
    NUMBERED | n << PLACE_BITS | place
}

/// Returns the client's number if `number` is that of a frame's last line: then the frame is done.
pub(super) fn done(number: u64) -> Option<u64> {
    (number & NUMBERED != 0 && number & LAST == LAST).then(|| frame_of(number))
}

/// Returns the highest frame that arrived completely when `number` is the highest line that did; 0 for none.
pub(super) fn received(number: u64) -> u64 {
    match number & NUMBERED {
        0 => 0,
        _ => done(number).unwrap_or_else(|| frame_of(number).saturating_sub(1)),
    }
}

fn frame_of(number: u64) -> u64 {
    (number & !NUMBERED) >> PLACE_BITS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(frame: &str, expected: ClientFrame) {
        assert_eq!(parse(frame), Ok(expected), "{frame}");
    }

    #[track_caller]
    fn check_refused(frame: &str, says: &str) {
        let error = parse(frame).expect_err(frame).to_string();
        assert!(error.contains(says), "{frame}: {error}");
    }

    #[test]
    fn every_documented_frame_of_a_client_is_understood() {
        check(r#"{"n":1,"line":"look"}"#, ClientFrame::Line { n: 1, line: "look".into() });
        check(r#"{"n":2,"line":""}"#, ClientFrame::Line { n: 2, line: String::new() });
        check(r#"{"resume":"ab12","seen":17}"#, ClientFrame::Resume { token: "ab12".into(), seen: 17 });
        check(r#"{"since":{"channel":"Public","n":40}}"#, ClientFrame::Since { channel: "Public".into(), n: 40 });
        check(r#"{"size":{"cols":100,"rows":40}}"#, ClientFrame::Size { cols: 100, rows: 40 });
        check(r#"{"screenreader":true}"#, ClientFrame::ScreenReader(true));
    }

    #[test]
    fn what_is_not_a_frame_is_refused_with_the_reason() {
        check_refused("hello", "expected value");
        check_refused("[1]", "not understood");
        check_refused(r#"{"n":1,"line":"look","colour":"red"}"#, "unknown field `colour`");
        check_refused(r#"{"size":{"cols":100,"rows":99999}}"#, "invalid value");
        check_refused(r#"{"line":"look"}"#, "needs its own number");
        check_refused(r#"{"n":0,"line":"look"}"#, "needs its own number");
        check_refused(r#"{"n":18446744073709551615,"line":"look"}"#, "needs its own number");
        check_refused("{}", "one of line, resume");
        check_refused(r#"{"n":1,"line":"look","resume":"ab"}"#, "one of line, resume");
        check_refused(&format!(r#"{{"n":1,"line":"{}"}}"#, "x".repeat(MAX_FRAME_BYTES)), "16384 bytes");
    }

    #[test]
    fn every_frame_of_the_server_is_as_documented() {
        let golden = [
            (
                session("ab12", false, 0, true),
                r#"{"session":{"token":"ab12","resumed":false,"received":0,"complete":true}}"#,
            ),
            (text(18, &rendering("a < b")), r#"{"n":18,"html":"a &lt; b","text":"a < b"}"#),
            (event("Room.Info", 19, r#"{"num":7}"#), r#"{"event":"Room.Info","n":19,"data":{"num":7}}"#),
            (event("Odd", 20, "{"), r#"{"event":"Odd","n":20,"data":null}"#),
            (ack(1), r#"{"ack":1}"#),
            (prompt("> "), r#"{"prompt":{"html":"&gt; ","text":"> "}}"#),
            (secret(true), r#"{"secret":true}"#),
            (setting("color", "none"), r#"{"setting":{"name":"color","value":"none"}}"#),
            (notice("Cut."), r#"{"notice":"Cut."}"#),
            (error("no"), r#"{"error":"no"}"#),
            (close("Good\nbye"), r#"{"close":"Good\nbye"}"#),
        ];
        for (frame, expected) in golden {
            assert_eq!(frame, expected);
            serde_json::from_str::<serde_json::Value>(&frame).expect("a frame is JSON");
        }
    }

    #[test]
    fn the_lines_of_a_frame_have_growing_numbers_and_the_last_one_completes_it() {
        let numbers =
            [line_number(7, 0, false), line_number(7, 1, false), line_number(7, 2, true), line_number(8, 0, true)];
        assert!(numbers.is_sorted());
        assert_eq!(numbers.map(done), [None, None, Some(7), Some(8)]);
        assert_eq!(numbers.map(received), [6, 6, 7, 8]);
        assert_eq!(done(line_number(MAX_CLIENT_NUMBER, 0, true)), Some(MAX_CLIENT_NUMBER));
    }

    #[test]
    fn the_sessions_own_count_is_no_client_number() {
        assert_eq!((done(16_383), received(16_383), received(0)), (None, 0, 0));
    }
}
