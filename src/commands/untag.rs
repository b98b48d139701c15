//! `untag`: take a tag off something.

use super::tag::change;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct Untag;

impl Command for Untag {
    const NAME: &'static str = "untag";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: untag <target> = <tag>[:category]\n\n\
        Takes a tag off something.\n\nFor example: untag bag = container";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        change(args, false, cx)
    }
}
