//! `who`: who is connected.

use crate::world::command::{Args, Command, CommandCx};
use crate::world::effects::AccountsRequest;
use crate::world::types::Refusal;

pub(super) struct Who;

impl Command for Who {
    const NAME: &'static str = "who";
    const HELP: &'static str = "Usage: who\n\nLists who is in the world.\n\nFor example: who";

    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        cx.ask_accounts(AccountsRequest::Who);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::defaults;
    use crate::world::effects::Hop;
    use crate::world::trial::Trial;

    #[test]
    fn the_accounts_are_asked() {
        let mut trial = Trial::new(defaults());
        assert_eq!(trial.run("Ann", "who").hop, Some(Hop::Accounts(AccountsRequest::Who)));
    }
}
