//! `tunnel`: make a room in a direction, with exits both ways.

use super::dig::dig;
use super::named::Named;
use crate::text;
use crate::text::english;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::direction;
use crate::world::record::Permission;
use crate::world::types::Refusal;

pub(super) struct Tunnel;

impl Command for Tunnel {
    const NAME: &'static str = "tunnel";
    const CATEGORY: &'static str = "Building";
    const PERMISSION: Permission = Permission::Builder;
    const HELP: &'static str = "Usage: tunnel <direction> [= <name>[:type]]\n\n\
        Makes a room in that direction, with exits there and back by the opposite one.\n\n\
        For example: tunnel north = Herb Garden";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let (typed, room) = args.equals().ok_or(Refusal::new("Tunnel in which direction?"))?;
        let way = direction::parse(typed).and_then(|way| Some((way, direction::opposite(way)?)));
        let Some((way, back)) = way else {
            let names: Vec<String> = direction::names().map(str::to_owned).collect();
            let names = english::list(&names);
            return Err(text!("\"{}\" is no direction; there are {}.", typed, names).into());
        };
        let room = Named::parse_typed(room.filter(|room| !room.is_empty()).unwrap_or("Unnamed room"))?;
        dig(&room, Some(&Named::direction(way)), Some(&Named::direction(back)), cx)
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::world::record::Permission;
    use crate::world::trial::Trial;

    #[test]
    fn both_exits_are_called_by_their_directions() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        for (line, way, back, name) in
            [("tunnel ne = Cliff", "northeast", "southwest", "Cliff"), ("tunnel in", "in", "out", "Unnamed room")]
        {
            let said = trial.run("Ann", line);
            let room = &said.new_rooms[0];
            assert_eq!((room[0].key.as_str(), room[1].key.as_str()), (name, back), "{line}");
            assert_eq!(trial.entity(trial.id(way)).destination, Some(room[0].id), "{line}");
        }
        assert!(trial.entity(trial.id("ne")).is_called("northeast"));
    }

    #[test]
    fn only_directions_lead_on() {
        let mut trial = Trial::new(defaults());
        trial.permit("Ann", Permission::Builder);
        assert_eq!(trial.run("Ann", "tunnel").to("Ann"), ["Tunnel in which direction?"]);
        let [no] = trial.run("Ann", "tunnel widdershins = Fog").to("Ann").try_into().unwrap();
        assert!(no.starts_with("\"widdershins\" is no direction; there are north, south, east"), "{no}");
        trial.run("Ann", "tunnel n");
        assert_eq!(trial.run("Ann", "tunnel north").to("Ann"), ["There is an exit called \"north\" here already."]);
    }
}
