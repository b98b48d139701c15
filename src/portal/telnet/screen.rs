//! Composes what a telnet client is written: texts, and the prompt that stands below them. Pure.
//!
//! A prompt is the last thing on the screen, without a line end, and is marked (GA or EOR) so that clients know that it
//! is complete. What others say meanwhile starts on a fresh line, and the prompt is put below it again.

use std::sync::Arc;

use super::{EOR_MARK, GA, IAC};
use crate::portal::door::{Output, Style};
use crate::portal::presentation;

/// What marks the end of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The client agreed on EOR.
    Eor,
    /// Everybody else.
    Ga,
    /// The client asked that no go-ahead be sent, and does not know EOR.
    Nothing,
}

/// One telnet screen.
#[derive(Debug)]
pub struct Screen {
    style: Style,
    mark: Mark,
    prompt: Arc<str>,
    /// A prompt that is not empty is the last thing on the screen.
    stands: bool,
    /// Texts came while the prompt stood: it is put below them when they are through.
    interrupted: bool,
    /// Something was typed: from then on prompts follow answers.
    typed: bool,
}

impl Screen {
    /// Returns an empty screen.
    pub fn new(style: Style) -> Self {
        Self { style, mark: Mark::Ga, prompt: "".into(), stands: false, interrupted: false, typed: false }
    }

    /// Changes how what follows is rendered and prompts are marked.
    pub fn present(&mut self, style: Style, mark: Mark) {
        (self.style, self.mark) = (style, mark);
    }

    /// Adds text on lines of its own.
    pub fn text(&mut self, output: &Output, out: &mut Vec<u8>) {
        if self.stands {
            out.extend_from_slice(b"\r\n");
            self.stands = false;
            self.interrupted = true;
        }
        let style = self.style;
        out.extend_from_slice(&output.render(style, |markup| presentation::ansi(markup, style)));
    }

    /// A line is answered: the prompt follows.
    pub fn answered(&mut self, out: &mut Vec<u8>) {
        if self.stands {
            // Of an answer without a word.
            out.extend_from_slice(b"\r\n");
        }
        self.put_prompt(out);
    }

    /// Changes the prompt. One that stands is replaced, and the first one is shown before anything was typed.
    pub fn prompt(&mut self, prompt: Arc<str>) {
        if prompt != self.prompt {
            self.interrupted |= self.stands || (!self.typed && !prompt.is_empty());
        }
        self.prompt = prompt;
    }

    /// Ends a delivery: puts the prompt back below what interrupted it.
    pub fn settle(&mut self, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.interrupted) {
            return;
        }
        if self.stands {
            out.extend_from_slice(b"\r\n");
        }
        self.put_prompt(out);
    }

    /// The player ended a line, which takes the cursor off the prompt; with echo off the portal has to do that.
    pub fn line_typed(&mut self, echo_off: bool, out: &mut Vec<u8>) {
        if echo_off {
            out.extend_from_slice(b"\r\n");
        }
        self.stands = false;
        self.interrupted = false;
        self.typed = true;
    }

    fn put_prompt(&mut self, out: &mut Vec<u8>) {
        self.stands = !self.prompt.is_empty();
        self.interrupted = false;
        if self.stands {
            out.extend_from_slice(presentation::prompt(&self.prompt, self.style).as_bytes());
        }
        match self.mark {
            Mark::Eor => out.extend_from_slice(&[IAC, EOR_MARK]),
            Mark::Ga => out.extend_from_slice(&[IAC, GA]),
            Mark::Nothing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portal::door::Form;
    use crate::wire::Colors;

    enum Step {
        Text(&'static str),
        Ack,
        Prompt(&'static str),
        Typed,
        TypedUnseen,
    }
    use Step::{Ack, Prompt, Text, Typed, TypedUnseen};

    /// Plays deliveries, each a list of steps; `|` stands for GA, `/` for CR LF.
    fn check(deliveries: &[&[Step]], expected: &str) {
        let style = Style { form: Form::Ansi, colors: Colors::None, width: 80, utf8: true, screen_reader: false };
        let (mut screen, mut out) = (Screen::new(style), Vec::new());
        for delivery in deliveries {
            for step in *delivery {
                match step {
                    Text(text) => screen.text(&Output::new((*text).into()), &mut out),
                    Ack => screen.answered(&mut out),
                    Prompt(text) => screen.prompt((*text).into()),
                    Typed => screen.line_typed(false, &mut out),
                    TypedUnseen => screen.line_typed(true, &mut out),
                }
            }
            screen.settle(&mut out);
        }
        let shown = String::from_utf8_lossy(&out).replace("\u{fffd}\u{fffd}", "|").replace("\r\n", "/");
        assert_eq!(shown, expected);
    }

    #[test]
    fn every_answer_is_followed_by_a_marked_prompt() {
        check(&[&[Text("Hi."), Ack]], "Hi./|");
        check(&[&[Prompt("> ")], &[Typed], &[Text("Hi."), Ack]], "> |Hi./> |");
        check(&[&[Typed], &[Ack]], "|");
    }

    #[test]
    fn what_others_say_starts_on_a_fresh_line_and_the_prompt_comes_back() {
        check(&[&[Prompt("> "), Ack], &[Text("Bob nods."), Text("Ann nods.")]], "> |/Bob nods./Ann nods./> |");
    }

    #[test]
    fn without_a_prompt_text_just_follows() {
        check(&[&[Ack], &[Text("Bob nods.")]], "|Bob nods./");
    }

    #[test]
    fn what_comes_while_an_answer_is_awaited_does_not_repeat_the_prompt() {
        check(&[&[Prompt("> "), Ack], &[Typed], &[Text("Bob nods.")], &[Text("Hi."), Ack]], "> |Bob nods./Hi./> |");
    }

    #[test]
    fn answers_to_a_paste_each_have_their_prompt() {
        check(&[&[Prompt("> "), Ack], &[Typed, Typed], &[Text("a"), Ack, Text("b"), Ack]], "> |a/> |/b/> |");
    }

    #[test]
    fn the_first_prompt_is_shown_before_anything_is_typed() {
        check(
            &[&[Text("Welcome!"), Prompt("Name: ")], &[Typed], &[Prompt("Password: "), Ack]],
            "Welcome!/Name: |Password: |",
        );
    }

    #[test]
    fn a_hidden_line_gets_its_line_end_from_the_portal() {
        check(
            &[&[Prompt("Password: "), Ack], &[TypedUnseen], &[Text("Hello."), Prompt(""), Ack]],
            "Password: |/Hello./|",
        );
    }
}
