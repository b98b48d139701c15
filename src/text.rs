//! Marked-up text and its rendering. Pure: it knows neither sessions nor sockets.
//!
//! The world writes text once, as [`Markup`]; the portal renders it for each screen: [`render_ansi`], [`render_html`],
//! [`render_plain`]. The markup is the field's `|` code:
//!
//! | code | meaning |
//! |---|---|
//! | `\|r \|g \|y \|b \|m \|c \|w \|x` | bright red, green, yellow, blue, magenta, cyan, white, black (that is, grey) |
//! | `\|R` and so on | the dark ones |
//! | `\|520`, `\|=k`, `\|#f80`, `\|#ff8800` | colour cube (each digit 0–5), grey (`a` black to `z` white), any colour |
//! | `\|[` and one of these | the same behind the text |
//! | `\|!R` | a colour as bright as the one before |
//! | `\|h \|H` `\|u \|U` `\|i \|I` `\|s \|S` | hilite, underline, italic, strike: on and off |
//! | `\|* \|^ \|n` | inverse, blink, all off |
//! | `\|/ \|- \|_ \|>` | newline, tab, space, four spaces |
//! | `\|lc look\|lt text\|le`, `\|lu https://…\|lt text\|le` | a click runs a command, or opens a page |
//! | `\|\|` | a `\|` |
//!
//! An unknown code is shown as it stands. Control characters and invisible ones are never rendered.

use std::fmt;

use serde::{Deserialize, Serialize};

mod ansi;
mod ascii;
mod clean;
mod color;
pub mod english;
mod html;
mod plain;
mod sgr;
mod shown;
mod spoken;
mod token;

pub use ansi::{AnsiStyle, render_ansi};
pub use clean::clean;
pub use html::{HTML_CSS, render_html};
pub use plain::{render_plain, width};
pub use shown::{Escaped, Shown, markup};

/// Text whose `|` codes are meant. Make it with [`text!`](crate::text!), which escapes what is put in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Markup(String);

impl Markup {
    /// Takes text that already is markup: a keeper's description, a file of the game. Never what a player typed.
    pub fn from_markup(markup: impl Into<String>) -> Self {
        Self(markup.into())
    }

    /// Returns markup that shows plain text as it is, less what [`clean()`] leaves out.
    pub fn plain(text: &str) -> Self {
        let mut markup = Self(String::with_capacity(text.len()));
        markup.push_plain(text);
        markup
    }

    /// Appends markup.
    pub fn push(&mut self, markup: &Markup) {
        self.0.push_str(&markup.0);
    }

    /// Appends plain text.
    pub fn push_plain(&mut self, text: &str) {
        // Writing to a string cannot fail.
        let _ = clean::escape(text, &mut self.0);
    }

    /// Returns true if there is nothing in it, not even a code.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the markup, codes and all.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the markup, codes and all.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl AsRef<str> for Markup {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
pub(crate) mod noise {
    //! Random text that is likely to trip somebody up; the same for each run.

    /// Calls `check` with many texts.
    pub(crate) fn for_each(mut check: impl FnMut(&str)) {
        const PIECES: [&str; 40] = [
            "|",
            "||",
            "|r",
            "|n",
            "|[b",
            "|520",
            "|#f80",
            "|lc look|lt",
            "|lu https://a.example/?q='\"|lt",
            "|le",
            "|h",
            "|u",
            "|*",
            "|/",
            "|-",
            "|_",
            "l",
            "n",
            "[",
            "<script>",
            "</a>",
            "&amp;",
            "'\"",
            "word",
            "a",
            " ",
            "  ",
            "    ",
            "- ",
            "----",
            "=====",
            "unbreakably-long-word-that-never-ends",
            "\n",
            "\t",
            "\x1b[31m",
            "\r",
            "é",
            "日本語",
            "\u{202E}",
            "e\u{301}\u{302}",
        ];
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..4000 {
            let text: String = (0..random.usize(0..24)).map(|_| PIECES[random.usize(0..PIECES.len())]).collect();
            check(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_shows_as_it_was_typed() {
        noise::for_each(|text| {
            assert_eq!(render_plain(Markup::plain(text).as_str()), clean(text), "{text:?}");
        });
    }

    #[test]
    fn markup_is_a_string_in_json() {
        let markup = Markup::from_markup("|rred|n");
        assert_eq!(serde_json::to_string(&markup).unwrap(), "\"|rred|n\"");
        assert_eq!(serde_json::from_str::<Markup>("\"|rred|n\"").unwrap(), markup);
    }

    #[test]
    fn markup_grows_by_markup_and_by_plain_text() {
        let mut markup = Markup::default();
        assert!(markup.is_empty());
        markup.push(&Markup::from_markup("|g"));
        markup.push_plain("a|b\x07");
        assert_eq!(markup.to_string(), "|ga||b");
    }
}
