//! `help`: what can be typed, made from the commands themselves.

use crate::text;
use crate::text::Markup;
use crate::world::command::{AnyCommand, Args, Command, CommandCx};
use crate::world::search;
use crate::world::types::Refusal;

pub(super) struct Help;

impl Command for Help {
    const NAME: &'static str = "help";
    const ALIASES: &'static [&'static str] = &["?"];
    const HELP: &'static str = "Usage: help [command]      Short: ?\n\n\
        Lists what you can type, or explains a command.\n\nFor example: help say";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let shown = match args.rest() {
            None => list(cx),
            Some(typed) => topic(typed, cx)?,
        };
        cx.tell(shown);
        Ok(())
    }
}

/// Returns the commands by category, in columns as wide as the screen.
fn list(cx: &CommandCx) -> Markup {
    let caller = cx.caller();
    let commands: Vec<_> = cx.hall().commands.for_caller(caller).collect();
    let mut categories: Vec<&str> = Vec::new();
    for command in &commands {
        if !categories.contains(&command.category()) {
            categories.push(command.category());
        }
    }
    let column = commands.iter().map(|command| command.name().len()).max().unwrap_or(0) + 2;
    let width = if caller.width == 0 { 80 } else { usize::from(caller.width) };
    let mut list = Markup::default();
    for category in categories {
        let names = commands.iter().filter(|command| command.category() == category).map(|command| command.name());
        list.push(&text!("|w{}:|n", category));
        list.push(&if caller.screen_reader { sentence(names) } else { columns(names, column, width) });
        list.push_plain("\n");
    }
    list.push(&text!("Type |whelp|n and one of these to read about it."));
    list
}

fn sentence<'n>(names: impl Iterator<Item = &'n str>) -> Markup {
    let mut sentence = Markup::default();
    for (n, name) in names.enumerate() {
        sentence.push_plain(if n == 0 { " " } else { ", " });
        sentence.push(&link(name));
    }
    sentence
}

fn columns<'n>(names: impl Iterator<Item = &'n str>, column: usize, width: usize) -> Markup {
    let in_a_line = ((width.saturating_sub(2)) / column).max(1);
    let mut rows = Markup::default();
    let mut before = 0;
    for (n, name) in names.enumerate() {
        match n % in_a_line {
            0 => rows.push_plain("\n  "),
            _ => rows.push_plain(&" ".repeat(column.saturating_sub(before))),
        }
        rows.push(&link(name));
        before = name.len();
    }
    rows
}

/// Returns a command's name that can be clicked to read about it.
fn link(name: &str) -> Markup {
    text!("|lchelp {}|lt{}|le", name, name)
}

fn topic(typed: &str, cx: &CommandCx) -> Result<Markup, Refusal> {
    let found = cx.hall().commands.find(&typed.to_lowercase()).filter(|command| cx.caller().may(command.permission()));
    let Some(command) = found else { return Err(unknown(typed, cx)) };
    Ok(explained(command.as_ref()))
}

fn explained(command: &dyn AnyCommand) -> Markup {
    let mut shown = text!("|w{}|n", command.name());
    if !command.aliases().is_empty() {
        shown.push(&text!(" (also {})", command.aliases().join(" ")));
    }
    shown.push(&text!("\n{}", command.help()));
    shown
}

fn unknown(typed: &str, cx: &CommandCx) -> Refusal {
    let commands = cx.hall().commands.for_caller(cx.caller());
    let words = commands.flat_map(|command| std::iter::once(command.name()).chain(command.aliases().iter().copied()));
    let near = search::suggest(typed, words, 3);
    let mut text = text!("There is no help on \"{}\".", typed);
    match near.as_slice() {
        [] => text.push(&text!(" Type |lchelp|lthelp|le for a list.")),
        near => text.push(&text!(" Did you mean {}?", near.join(" or "))),
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::world::record::Permission;
    use crate::world::trial::Trial;

    fn list(trial: &mut Trial) -> String {
        trial.run("Ann", "help").to("Ann").remove(0)
    }

    #[test]
    fn the_list_has_what_one_may_use_by_category() {
        let mut trial = Trial::new(defaults());
        let text = list(&mut trial);
        let starts: Vec<&str> = text.lines().filter(|line| line.ends_with(':')).collect();
        assert_eq!(starts, ["General:", "Communication:", "Things:", "Account:"]);
        assert!(text.contains("whisper") && !text.contains("shutdown"), "{text}");
        trial.caller("Ann", |ann| ann.permission = Permission::Admin);
        assert!(list(&mut trial).contains("shutdown"));
    }

    #[test]
    fn columns_fit_the_screen_and_a_screen_reader_gets_sentences() {
        let mut trial = Trial::new(defaults());
        for width in [20_u16, 40, 80, 200] {
            trial.caller("Ann", |ann| ann.width = width);
            let text = list(&mut trial);
            let wide = text.lines().filter(|line| line.starts_with("  ")).map(str::len).max().unwrap();
            assert!(wide <= usize::from(width), "{text}");
            assert!(text.lines().all(|line| line.trim_end() == line), "{text}");
        }
        trial.caller("Ann", |ann| ann.screen_reader = true);
        assert!(list(&mut trial).contains("Things: inventory, get, drop, give, put, use\n"));
    }

    #[test]
    fn a_topic_shows_usage_and_other_words_for_it() {
        let mut trial = Trial::new(defaults());
        for line in ["help say", "? say", "?\"", "HELP SAY"] {
            let text = trial.run("Ann", line).to("Ann").remove(0);
            assert!(text.starts_with("say (also \" ')\nUsage: say <text>"), "{text}");
        }
    }

    #[test]
    fn a_typo_and_what_one_may_not_use_get_a_suggestion() {
        let mut trial = Trial::new(defaults());
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("help wisper", "There is no help on \"wisper\". Did you mean whisper?");
        check("help |rxyzzyx", "There is no help on \"|rxyzzyx\". Type help for a list.");
        check("help shutdown", "There is no help on \"shutdown\". Type help for a list.");
        check("lok", "There is no command \"lok\". Did you mean \"look\"?");
        check("shutdown", "Only Admins may do that.");
        check("|rlook", "There is no command \"|rlook\". Did you mean \"look\"?");
    }
}
