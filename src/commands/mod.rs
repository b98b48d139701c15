//! The default commands, one file each. What they say is what clients trigger on: words change with care.
//!
//! A command checks, changes the room through its context, and says so. What it wants of accounts or channels it asks
//! for; they answer the session. Files that are no command hold what two of them share: `addressed`,
//! `holding`, `named`.

mod about;
mod addressed;
mod boot;
mod channel;
mod create;
mod desc;
mod destroy;
mod dig;
mod drop;
mod examine;
mod find;
mod follow;
mod get;
mod give;
mod help;
mod history;
mod holding;
mod home;
mod ignore;
mod inventory;
mod link;
mod lock;
mod look;
mod name;
mod named;
mod open;
mod option;
mod password;
mod perm;
mod pose;
mod put;
mod quit;
mod recall;
mod reload;
mod retype;
mod say;
mod set;
mod setdesc;
mod shutdown;
mod tag;
mod teleport;
mod tell;
mod time;
mod tunnel;
mod types;
mod unfollow;
mod untag;
mod use_thing;
mod wall;
mod whisper;
mod who;

use crate::world::command::CommandSet;

/// Adds the default commands. `help` lists categories in the order in which their first command is added.
pub fn add_to(commands: &mut CommandSet) {
    commands.add(look::Look).add(help::Help).add(who::Who).add(home::Home).add(time::Time).add(recall::Recall);
    commands.add(setdesc::SetDesc).add(follow::Follow).add(unfollow::Unfollow).add(about::About).add(quit::Quit);
    commands.add(say::Say).add(pose::Pose).add(whisper::Whisper).add(tell::Tell).add(channel::Channel);
    commands.add(ignore::Ignore);
    commands.add(inventory::Inventory).add(get::Get).add(drop::Drop).add(give::Give).add(put::Put);
    commands.add(use_thing::Use);
    commands.add(option::Options).add(password::Password);
    commands.add(dig::Dig).add(tunnel::Tunnel).add(open::Open).add(link::Link).add(create::Create).add(name::Name);
    commands.add(retype::Retype);
    commands.add(desc::Desc).add(set::Set).add(lock::Lock).add(tag::Tag).add(untag::Untag).add(teleport::Teleport);
    commands.add(examine::Examine).add(find::Find).add(history::History).add(types::Types).add(destroy::Destroy);
    commands.add(boot::Boot).add(perm::Perm).add(wall::Wall).add(reload::Reload).add(shutdown::Shutdown);
}

/// Returns a set of the default commands.
pub fn defaults() -> CommandSet {
    let mut commands = CommandSet::default();
    add_to(&mut commands);
    commands
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::trial::Trial;

    #[test]
    fn every_command_has_its_own_words_and_a_help_text_with_usage_and_example() {
        let commands = defaults();
        assert_eq!(commands.clashes(), [""; 0]);
        let mut trial = Trial::new(defaults());
        trial.caller("Ann", |caller| caller.superuser = true);
        for word in trial.run("Ann", "help").to("Ann").join(" ").split([' ', ',', '\n']).filter(|word| !word.is_empty())
        {
            let Some(command) = commands.find(word) else { continue };
            assert!(command.help().starts_with("Usage: "), "{word}");
            assert!(command.help().contains("\n\nFor example: "), "{word}");
        }
    }
    #[test]
    fn only_builders_build() {
        let mut trial = Trial::new(defaults());
        trial.caller("Bob", |bob| bob.superuser = true);
        let commands = defaults();
        let boss = trial.run("Bob", "help").to("Bob").join(" ");
        let words = boss.split([' ', ',', '\n']).filter_map(|word| commands.find(word));
        let building: Vec<_> = words.filter(|command| command.category() == "Building").collect();
        assert_eq!(building.len(), 18);
        for command in building {
            let said = trial.run("Ann", &format!("{} here = lamp", command.name()));
            assert_eq!(said.to("Ann"), ["Only Builders may do that."], "{}", command.name());
            assert!(said.refused && said.hop.is_none());
        }
        assert!(!trial.run("Ann", "help").to("Ann").join(" ").contains("Building"));
    }
}
