//! `about`: what world this is, and what runs it.

use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::types::Refusal;

pub(super) struct About;

impl Command for About {
    const NAME: &'static str = "about";
    const ALIASES: &'static [&'static str] = &["version"];
    const HELP: &'static str = "Usage: about\n\nTells what world this is, and what runs it.\n\nFor example: about";

    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        cx.tell(text!("|w{}|n, a world run by Everhall {}.", cx.hall().name, env!("CARGO_PKG_VERSION")));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::world::trial::Trial;

    #[test]
    fn it_names_the_world_and_the_engine() {
        let mut trial = Trial::new(defaults());
        let expected = format!("Trial, a world run by Everhall {}.", env!("CARGO_PKG_VERSION"));
        assert_eq!(trial.run("Ann", "about").to("Ann"), [expected]);
    }
}
