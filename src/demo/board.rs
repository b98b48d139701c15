//! A board where people leave notes, and the commands `read` and `write`.

use serde::{Deserialize, Serialize};

use crate::prelude::*;

/// How many notes it holds; the oldest goes when another comes.
const MOST: usize = 20;

/// Longest note, in characters.
const LONGEST: usize = 400;

/// The notes, oldest first.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Board {
    notes: Vec<Note>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Note {
    by: String,
    /// Milliseconds since 1970.
    at: i64,
    text: String,
}

impl ObjectType for Board {
    const TYPE: &'static str = "board";

    fn shape_description(&self, _: &Entity, mut description: Markup, _: &RoomView) -> Markup {
        description.push(&text!(" Notes on it: {}. Type |lcread|ltread|le to read them.", self.notes.len()));
        description
    }
}

fn board_here(cx: &CommandCx) -> Result<EntityId, Refusal> {
    let board = cx.view().here(Kind::Object).find(|thing| thing.state::<Board>().is_some());
    board.map(|board| board.id).ok_or(Refusal::new("There is no board here."))
}

/// `write`: leave a note.
pub(super) struct Write;

impl Command for Write {
    const NAME: &'static str = "write";
    const PERMISSION: Permission = Permission::Player;
    const HELP: &'static str = "Usage: write <text>\n\nLeaves a note on the board of this room.\n\n\
        For example: write The lantern is mine. Ann";

    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let board = board_here(cx)?;
        let text = args.rest().filter(|text| text.chars().count() <= LONGEST).map(str::to_owned);
        let text = text.ok_or(Refusal::new("A note has some words, and not too many."))?;
        let note = Note { by: cx.name(), at: cx.view().now_ms(), text };
        cx.room().with_state(board, |board: &mut Board, _| {
            board.notes.push(note);
            board.notes.drain(..board.notes.len().saturating_sub(MOST));
        });
        cx.act(text!("You pin a note to the board."), text!("{} pins a note to the board.", cx.name()));
        Ok(())
    }
}

/// `read`: see what others have left.
pub(super) struct Read;

impl Command for Read {
    const NAME: &'static str = "read";
    const HELP: &'static str = "Usage: read\n\nReads the notes on the board of this room, the newest first.";

    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let board = board_here(cx)?;
        let notes =
            cx.view().entity(board).and_then(Entity::state).map_or(Vec::new(), |board: &Board| board.notes.clone());
        if notes.is_empty() {
            return Err(Refusal::new("Nothing is written here yet."));
        }
        for Note { by, at, text } in notes.iter().rev() {
            cx.tell(text!("|w{}|n, {}: {}", by, CalendarTime::at(*at).to_string(), text));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Trial;

    #[test]
    fn notes_are_read_newest_first_with_who_and_when() {
        let mut trial = Trial::of(crate::demo::plugin);
        trial.thing_of(Board::default(), "board");
        assert_eq!(trial.run("Ann", "read").to("Ann"), ["Nothing is written here yet."]);
        assert_eq!(trial.run("Ann", "write Beware of |rme|n.").to("Bob"), ["Ann pins a note to the board."]);
        trial.pass(std::time::Duration::from_secs(60));
        trial.run("Bob", "write Of whom?");
        let expected = ["Bob, 2024-05-01 12:35 UTC: Of whom?", "Ann, 2024-05-01 12:34 UTC: Beware of |rme|n."];
        assert_eq!(trial.run("Ann", "read").to("Ann"), expected);
    }

    #[test]
    fn it_holds_so_many_and_short_ones_only() {
        let mut trial = Trial::of(crate::demo::plugin);
        let board = trial.thing_of(Board::default(), "board");
        for n in 0..MOST + 5 {
            trial.run("Ann", &format!("write note {n}"));
        }
        let notes = &trial.state::<Board>(board).notes;
        assert_eq!((notes.len(), notes[0].text.as_str()), (MOST, "note 5"));
        let refused = ["A note has some words, and not too many."];
        assert_eq!(trial.run("Ann", "write").to("Ann"), refused);
        assert_eq!(trial.run("Ann", &format!("write {}", "x".repeat(LONGEST + 1))).to("Ann"), refused);
        trial.edit(board, |board| board.location = None);
        assert_eq!(trial.run("Ann", "write hello").to("Ann"), ["There is no board here."]);
    }
}
