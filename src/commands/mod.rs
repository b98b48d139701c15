//! The default commands, one file each. What they say is what clients trigger on: words change with care.
//!
//! A command checks, changes the room through its context, and says so. What it wants of accounts or channels it asks
//! for; they answer the session. Files that are no command hold what two of them share: `addressed`, `holding`.

mod about;
mod addressed;
mod boot;
mod channel;
mod drop;
mod follow;
mod get;
mod give;
mod help;
mod holding;
mod home;
mod ignore;
mod inventory;
mod look;
mod option;
mod password;
mod perm;
mod pose;
mod put;
mod quit;
mod recall;
mod reload;
mod say;
mod setdesc;
mod shutdown;
mod tell;
mod time;
mod unfollow;
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
    commands.add(option::Options).add(password::Password);
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
}
