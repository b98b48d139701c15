//! Marked-up text as HTML. Nothing in it can leave its element: all text and every target is escaped.

use std::borrow::Cow;
use std::fmt::Write;

use super::clean::is_hidden;
use super::color::{BLINK, Color, HILITE, INVERSE, ITALIC, Look, STRIKE, UNDERLINE};
use super::token::{Token, tokens};
use crate::wire::Colors;

/// The style sheet for what [`render_html`] writes. A page may set `--ink` and `--paper`, its own colours.
pub const HTML_CSS: &str = include_str!("html.css");

/// Returns marked-up text as HTML for an element with `white-space: pre-wrap`.
///
/// The sixteen colours are classes (`c0`–`c15`, behind text `b0`–`b15`; see [`HTML_CSS`]), other colours are `style`
/// attributes, so a content security policy must allow `style-src-attr`. A link to a command is
/// `<a data-cmd="look" href="#">`; a link to a page opens a new tab, and only `http` and `https` make one.
pub fn render_html(markup: &str) -> String {
    let mut html = Html { out: String::with_capacity(markup.len() + markup.len() / 8), ..Html::default() };
    for token in tokens(markup) {
        match token {
            Token::Text(text) => {
                html.show_look();
                html.escaped(text);
            }
            Token::Newline => html.out.push('\n'),
            Token::Tab => html.out.push('\t'),
            Token::Change(change) => html.wanted.apply(change),
            Token::Command(target) => {
                html.begin_link();
                html.out.push_str("<a data-cmd=\"");
                html.escaped(&target_of(target));
                html.out.push_str("\" href=\"#\">");
            }
            Token::Url(target) => {
                html.end_link();
                let target = target_of(target);
                if is_web_address(&target) {
                    html.begin_link();
                    html.out.push_str("<a href=\"");
                    html.escaped(&target);
                    html.out.push_str("\" rel=\"noopener noreferrer\" target=\"_blank\">");
                }
            }
            Token::LinkEnd => html.end_link(),
        }
    }
    html.end_link();
    html.end_span();
    html.out
}

#[derive(Default)]
struct Html {
    out: String,
    wanted: Look,
    shown: Look,
    in_link: bool,
}

impl Html {
    /// Opens the span that the next text needs.
    fn show_look(&mut self) {
        let wanted = self.wanted.on(Colors::True);
        if wanted == self.shown {
            return;
        }
        self.end_span();
        self.shown = wanted;
        if wanted != Look::default() {
            open_span(wanted, &mut self.out);
        }
    }

    fn end_span(&mut self) {
        if self.shown != Look::default() {
            self.out.push_str("</span>");
            self.shown = Look::default();
        }
    }

    /// Spans stand inside links, never across their borders.
    fn begin_link(&mut self) {
        self.end_link();
        self.end_span();
        self.in_link = true;
    }

    fn end_link(&mut self) {
        if self.in_link {
            self.end_span();
            self.out.push_str("</a>");
            self.in_link = false;
        }
    }

    fn escaped(&mut self, text: &str) {
        let mut from = 0;
        for (at, byte) in text.bytes().enumerate() {
            let entity = match byte {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                b'\'' => "&#39;",
                _ => continue,
            };
            self.out.push_str(&text[from..at]);
            self.out.push_str(entity);
            from = at + 1;
        }
        self.out.push_str(&text[from..]);
    }
}

fn open_span(look: Look, out: &mut String) {
    let (mut letters, mut behind) = (look.fg, look.bg);
    let inverse = look.flags & INVERSE != 0;
    if inverse {
        std::mem::swap(&mut letters, &mut behind);
    }
    let (mut classes, mut style) = (String::new(), String::new());
    // Writing to a string cannot fail.
    for (color, class, property) in [(letters, 'c', "color"), (behind, 'b', "background-color")] {
        let _ = match color {
            Color::Default if inverse => write!(classes, "{class}i "),
            Color::Default => Ok(()),
            Color::Basic(index) => write!(classes, "{class}{index} "),
            Color::Indexed(_) | Color::Rgb(..) => {
                let (r, g, b) = color.rgb().unwrap_or_default();
                write!(style, "{property}:#{r:02x}{g:02x}{b:02x};")
            }
        };
    }
    let flags = [(HILITE, "bold "), (UNDERLINE, "u "), (ITALIC, "i "), (STRIKE, "s "), (BLINK, "blink ")];
    classes.extend(flags.iter().filter(|(flag, _)| look.flags & flag != 0).map(|(_, class)| *class));
    out.push_str("<span");
    if !classes.is_empty() {
        let _ = write!(out, " class=\"{}\"", classes.trim_end());
    }
    if !style.is_empty() {
        let _ = write!(out, " style=\"{}\"", style.trim_end_matches(';'));
    }
    out.push('>');
}

/// Returns a link's target as it is meant: `||` is `|`, and hidden characters are gone.
fn target_of(raw: &str) -> Cow<'_, str> {
    if !raw.contains("||") && !raw.contains(is_hidden) {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.replace("||", "|").replace(is_hidden, ""))
}

fn is_web_address(target: &str) -> bool {
    let starts = |scheme: &str| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    (starts("http://") || starts("https://")) && !target.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Markup, noise};

    fn check(markup: &str, expected: &str) {
        assert_eq!(render_html(markup), expected, "{markup:?}");
    }

    #[test]
    fn colours_are_spans() {
        check("a lamp", "a lamp");
        check("|rred|n plain", "<span class=\"c9\">red</span> plain");
        check("|R|[wx|u|iy", "<span class=\"c1 b15\">x</span><span class=\"c1 b15 u i\">y</span>");
        check("|500x|#0aFy", "<span style=\"color:#ff0000\">x</span><span style=\"color:#00aaff\">y</span>");
        check("|*x|ry", "<span class=\"ci bi\">x</span><span class=\"ci b9\">y</span>");
        check("|r|n|g", "");
        check("a|/b|-c", "a\nb\tc");
    }

    #[test]
    fn links_are_anchors() {
        check(
            "|rgo |lc north|lt north|le!",
            concat!(
                "<span class=\"c9\">go </span><a data-cmd=\"north\" href=\"#\"><span class=\"c9\">north</span></a>",
                "<span class=\"c9\">!</span>",
            ),
        );
        check(
            "|lu https://a.example/?x=1&y=2|lt here",
            "<a href=\"https://a.example/?x=1&amp;y=2\" rel=\"noopener noreferrer\" target=\"_blank\">here</a>",
        );
        check("|lu javascript:alert(1)|lt here|le", "here");
        check("|lu data:text/html,x|lt here|le", "here");
        check("|lc say \"a||b\" 'c'|lt x|le", "<a data-cmd=\"say &quot;a|b&quot; &#39;c&#39;\" href=\"#\">x</a>");
    }

    #[test]
    fn no_text_becomes_an_element() {
        check("<script>alert('x') & \"y\"", "&lt;script&gt;alert(&#39;x&#39;) &amp; &quot;y&quot;");
        let tag = |tag: &str| {
            tag == "/span"
                || tag == "/a"
                || tag.starts_with("span ")
                || tag.starts_with("a data-cmd=\"")
                || tag.starts_with("a href=\"http")
        };
        noise::for_each(|text| {
            let html = render_html(text);
            let (mut spans, mut links) = (0_i32, 0_i32);
            for part in html.split('<').skip(1) {
                let (name, rest) = part.split_once('>').expect("each tag ends");
                assert!(tag(name) && !rest.contains('>'), "{text:?}: {html}");
                match name.as_bytes()[..2] {
                    [b's', _] => spans += 1,
                    [b'a', _] => links += 1,
                    [b'/', b's'] => spans -= 1,
                    _ => links -= 1,
                }
                assert!((0..=1).contains(&spans) && (0..=1).contains(&links), "{text:?}: {html}");
            }
            assert_eq!((spans, links), (0, 0), "{text:?}: {html}");
            assert!(!render_html(Markup::plain(text).as_str()).contains('<'), "{text:?}");
        });
    }
}
