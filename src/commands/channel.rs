//! `channel`: what there is to listen to, join, leave and read again. To speak, one types the channel's name.

use crate::text;
use crate::text::{Markup, english};
use crate::world::channel::RECENT_MESSAGES;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::{AccountsRequest, ChannelRequest};
use crate::world::record::{ChannelRecord, Permission};
use crate::world::search;
use crate::world::types::Refusal;

/// Messages that `history` shows unless told how many.
const HISTORY: u32 = 20;

pub(super) struct Channel;

impl Command for Channel {
    const NAME: &'static str = "channel";
    const ALIASES: &'static [&'static str] = &["chan", "channels"];
    const CATEGORY: &'static str = "Communication";
    const HELP: &'static str = "Usage: channel list\n       channel join <name>\n       channel leave <name>\n       \
        channel history [name] [number of messages | since <number>]\n       channel create <name>[:type] [= <description>]\n\n\
        Lists channels, and joins and leaves them. To say something on one, type its name or its short name and the text; \
        with : before the text it is a pose.\n\nFor example: pub Hello, everybody!";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let (verb, rest) = args.first().unwrap_or(("list", ""));
        match verb.to_lowercase().as_str() {
            "list" | "all" => {
                let list = list(cx);
                cx.tell(list);
            }
            "join" | "on" => ask(rest, ChannelRequest::Join, cx)?,
            "leave" | "off" => ask(rest, ChannelRequest::Leave, cx)?,
            "history" | "last" => history(rest, cx)?,
            "create" | "new" => create(rest, cx)?,
            _ => return Err(Refusal::new("Usage: channel list | join | leave | history | create")),
        }
        Ok(())
    }
}

fn ask(name: &str, request: ChannelRequest, cx: &mut CommandCx) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::new("Which channel?"));
    }
    let channel = find(name, cx)?.id;
    cx.ask_channel(channel, request);
    Ok(())
}

/// Finds a channel that the person may use.
fn find<'c>(name: &str, cx: &'c CommandCx) -> Result<&'c ChannelRecord, Refusal> {
    let found = cx.channels().find(&name.to_lowercase());
    found.filter(|channel| cx.caller().may(channel.permission)).ok_or_else(|| {
        let near = search::suggest(name, open(cx).map(|channel| channel.name.as_str()), 3);
        match near.as_slice() {
            [] => text!("There is no channel \"{}\".", name).into(),
            near => text!("There is no channel \"{}\". Did you mean {}?", name, near.join(" or ")).into(),
        }
    })
}

fn open<'c>(cx: &'c CommandCx) -> impl Iterator<Item = &'c ChannelRecord> {
    cx.channels().iter().filter(|channel| cx.caller().may(channel.permission))
}

fn list(cx: &CommandCx) -> Markup {
    let mut list = Markup::default();
    for channel in open(cx) {
        let listens = cx.caller().channels.contains(&channel.id);
        let names = std::iter::once(&channel.name).chain(&channel.aliases).cloned().collect::<Vec<_>>().join(", ");
        if !list.is_empty() {
            list.push_plain("\n");
        }
        list.push(&match cx.caller().screen_reader {
            true => text!("{}: {}. {}", names, if listens { "joined" } else { "not joined" }, channel.description),
            false => text!("|w{:<24}|n {:<7} {}", names, if listens { "joined" } else { "" }, channel.description),
        });
    }
    if list.is_empty() { text!("There are no channels.") } else { list }
}

/// `[name] [n]`, `[name] [since n]`; without a name, the first channel that the person listens to.
fn history(typed: &str, cx: &mut CommandCx) -> Result<(), Refusal> {
    let mut words: Vec<&str> = typed.split_whitespace().collect();
    let number = words.last().and_then(|word| word.parse::<u64>().ok());
    if number.is_some() {
        words.pop();
    }
    let is_since = number.is_some() && words.last().is_some_and(|word| word.eq_ignore_ascii_case("since"));
    if is_since {
        words.pop();
    }
    let request = match number {
        Some(since) if is_since => ChannelRequest::History { since: Some(since), last: RECENT_MESSAGES as u32 },
        number => {
            let last = number.map_or(HISTORY, |number| number.clamp(1, RECENT_MESSAGES as u64) as u32);
            ChannelRequest::History { since: None, last }
        }
    };
    match words.as_slice() {
        [] => {
            let first = open(cx).find(|channel| cx.caller().channels.contains(&channel.id));
            let channel = first.ok_or(Refusal::new("You listen to no channel."))?.id;
            cx.ask_channel(channel, request);
            Ok(())
        }
        [name] => ask(name, request, cx),
        _ => Err(Refusal::new("Usage: channel history [name] [number of messages | since <number>]")),
    }
}

/// The accounts know what a channel may be called.
fn create(typed: &str, cx: &mut CommandCx) -> Result<(), Refusal> {
    cx.require(Permission::Player)?;
    let (name, description) = typed.split_once('=').map_or((typed, ""), |(name, text)| (name.trim(), text.trim()));
    if name.is_empty() {
        return Err(Refusal::new("Usage: channel create <name> [= <description>]"));
    }
    let (name, type_name) = match name.rsplit_once(':') {
        Some((name, type_name)) => (name.trim(), Some(known_type(type_name.trim(), cx)?)),
        None => (name, None),
    };
    let (name, description) = (name.to_owned(), description.to_owned());
    cx.ask_accounts(AccountsRequest::CreateChannel { name, description, type_name });
    Ok(())
}

/// Builders choose a type.
fn known_type(typed: &str, cx: &CommandCx) -> Result<String, Refusal> {
    cx.require(Permission::Builder)?;
    let known = cx.hall().channels.names();
    if known.contains(&typed) {
        return Ok(typed.to_owned());
    }
    let known = english::list(&known.into_iter().map(str::to_owned).collect::<Vec<_>>());
    Err(text!("There is no type of channel called \"{}\"; there are: {}.", typed, known).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::ids::ChannelId;
    use crate::world::effects::Hop;
    use crate::world::first;
    use crate::world::trial::Trial;

    fn trial() -> Trial {
        let mut trial = Trial::new(defaults());
        for channel in first::channels() {
            trial.channel(channel);
        }
        trial.caller("Ann", |ann| ann.channels.push(ChannelId(1)));
        trial
    }

    #[test]
    fn the_list_shows_what_one_may_hear() {
        let mut trial = trial();
        let said = trial.run("Ann", "channel");
        assert_eq!(said.to("Ann"), ["Public, pub              joined  For everybody."]);
        trial.caller("Bob", |bob| bob.permission = Permission::Helper);
        assert!(
            trial.run("Bob", "chan list").to("Bob")[0]
                .ends_with("\nStaff                            For those who keep the world.")
        );
        trial.caller("Ann", |ann| ann.screen_reader = true);
        assert_eq!(trial.run("Ann", "channels").to("Ann"), ["Public, pub: joined. For everybody."]);
    }

    #[test]
    fn channels_are_asked_by_name_and_alias() {
        let mut trial = trial();
        let mut check = |line: &str, request: ChannelRequest| {
            assert_eq!(trial.run("Ann", line).hop, Some(Hop::Channel(ChannelId(1), request)), "{line}");
        };
        let history = |since, last| ChannelRequest::History { since, last };
        check("channel join public", ChannelRequest::Join);
        check("chan leave PUB", ChannelRequest::Leave);
        check("channel history", history(None, 20));
        check("channel history 5", history(None, 5));
        check("channel history pub 1000000", history(None, 200));
        check("channel history Public since 40", history(Some(40), 200));
        check("channel history since 40", history(Some(40), 200));
        check("pub", history(None, 20));
        check("pub hello |rall", ChannelRequest::Say { text: "hello |rall".into() });
    }

    #[test]
    fn a_channel_that_is_not_there_or_not_for_one_is_refused() {
        let mut trial = trial();
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("channel join", "Which channel?");
        check("channel join pblic", "There is no channel \"pblic\". Did you mean Public?");
        check("channel join staff", "There is no channel \"staff\".");
        check("channel dance", "Usage: channel list | join | leave | history | create");
        check("staff hello", "There is no command \"staff\". Type help for a list.");
        assert_eq!(trial.run("Bob", "channel history").to("Bob"), ["You listen to no channel."]);
    }

    #[test]
    fn whoever_has_an_account_makes_new_ones() {
        let mut trial = trial();
        let trade = |type_name: Option<&str>| AccountsRequest::CreateChannel {
            name: "Trade".into(),
            description: "Wares = coins".into(),
            type_name: type_name.map(str::to_owned),
        };
        let expected = trade(None);
        assert_eq!(trial.run("Ann", "channel create Trade = Wares = coins").hop, Some(Hop::Accounts(expected)));
        let usage = "Usage: channel create <name> [= <description>]";
        assert_eq!(trial.run("Ann", "channel create = Wares").to("Ann"), [usage]);
        let typed = "channel create Trade:channel = Wares = coins";
        assert_eq!(trial.run("Ann", typed).to("Ann"), ["Only Builders may do that."]);
        trial.permit("Ann", Permission::Builder);
        assert_eq!(trial.run("Ann", typed).hop, Some(Hop::Accounts(trade(Some("channel")))));
        let unknown = "There is no type of channel called \"pit\"; there are: channel.";
        assert_eq!(trial.run("Ann", "channel create Trade:pit").to("Ann"), [unknown]);
        trial.caller("Ann", |ann| ann.permission = Permission::Guest);
        assert_eq!(trial.run("Ann", "channel create Trade").to("Ann"), ["Only Players may do that."]);
    }
}
