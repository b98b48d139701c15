//! `toast`: raise a glass to somebody.

use everhall::prelude::*;

/// The command. `help toast` shows its help.
pub struct Toast;

impl Command for Toast {
    const NAME: &'static str = "toast";
    const HELP: &'static str = "Usage: toast <name>\n\nRaises your glass to somebody.\n\nFor example: toast bob";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let whom = cx.character(args.rest().ok_or(Refusal::new("Toast whom?"))?)?.key.clone();
        cx.act(text!("You raise your glass to {}.", whom), text!("{} raises a glass to {}.", cx.name(), whom));
        Ok(())
    }
}
