//! `time`: in the game and outside.

use crate::text;
use crate::world::clock::CalendarTime;
use crate::world::command::{Args, Command, CommandCx};
use crate::world::types::Refusal;

pub(super) struct Time;

impl Command for Time {
    const NAME: &'static str = "time";
    const HELP: &'static str = "Usage: time\n\nTells what time it is, here and outside.\n\nFor example: time";

    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let now_ms = cx.view().now_ms();
        let game = cx.hall().clock.at(now_ms);
        let real = CalendarTime::at(now_ms);
        cx.tell(text!(
            "It is {:0>2}:{:0>2} ({}) on day {} of month {} in year {}.",
            game.hour,
            game.minute,
            game.part_of_day(),
            game.day,
            game.month,
            game.year
        ));
        cx.tell(text!("Outside this world it is {}.", real.to_string()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::commands::defaults;
    use crate::world::trial::Trial;

    #[test]
    fn both_times_are_told() {
        let mut trial = Trial::new(defaults());
        let expected =
            ["It is 00:00 (night) on day 1 of month 1 in year 1.", "Outside this world it is 2024-05-01 12:34 UTC."];
        assert_eq!(trial.run("Ann", "time").to("Ann"), expected);
    }
}
