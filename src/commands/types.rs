//! `types`: the types that things can be made of.

use crate::text;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::record::{Kind, Permission};
use crate::world::types::Refusal;

pub(super) struct Types;

const KINDS: [Kind; 4] = [Kind::Room, Kind::Exit, Kind::Character, Kind::Object];

impl Command for Types {
    const NAME: &'static str = "types";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: types [room | exit | character | object]\n\n\
        Lists the types that this world knows, for `dig`, `open`, `create` and `retype`.\n\nFor example: types object";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let kinds = match args.rest() {
            None => KINDS.to_vec(),
            Some(typed) => {
                let kind = Kind::parse(typed.to_lowercase().trim_end_matches('s'));
                vec![kind.ok_or_else(|| {
                    text!("There is no kind \"{}\"; there are room, exit, character and object.", typed)
                })?]
            }
        };
        let mut list = text!("Types:");
        for kind in kinds {
            list.push(&text!("\n  |w{}:|n {}", kind.name(), cx.hall().types.names(kind).join(", ")));
        }
        cx.tell(list);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::world::record::Permission;
    use crate::world::trial::Trial;

    #[test]
    fn they_are_listed_by_kind() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        let mut check = |line: &str, expected: &str| assert_eq!(trial.run("Ann", line).to("Ann"), [expected], "{line}");
        check("types", "Types:\n  room: room\n  exit: exit\n  character: character\n  object: object");
        check("types Objects", "Types:\n  object: object");
        check("types thing", "There is no kind \"thing\"; there are room, exit, character and object.");
    }
}
