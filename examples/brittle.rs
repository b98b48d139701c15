//! A game that kills its own server: what the tests of crashes, hangs and safe mode play in.
//!
//! ```sh
//! cargo run --example brittle -- run --data-dir /tmp/brittle
//! # as any player: crash          the process aborts in the middle of the command
//! #                hang           the command never ends, and holds its room's thread
//! #                arm            a timer of this room aborts the process, now and after each start
//! #                disarm         … and is taken away
//! #                infect, cure   the same with a global script
//! ```

use std::process::{ExitCode, abort};
use std::time::Duration;

use everhall::ids::ScriptId;
use everhall::prelude::*;
use serde::{Deserialize, Serialize};

/// How often the timer and the script look whether they are to kill.
const PERIOD: Duration = Duration::from_millis(100);

/// The id that the plan gives to the script.
const PLAGUE: ScriptId = ScriptId(2);

#[derive(Default, Clone, PartialEq, Serialize, Deserialize)]
struct Laboratory;

#[derive(Serialize, Deserialize)]
struct Bang;

impl SignalType for Bang {
    const NAME: &'static str = "bang";
}

impl RoomType for Laboratory {
    const TYPE: &'static str = "laboratory";

    fn on_signal(&mut self, signal: &Signal, _: &mut RoomCx) {
        if signal.is::<Bang>() {
            abort();
        }
    }
}

#[derive(Default, Clone, PartialEq, Serialize, Deserialize)]
struct Plague {
    has_broken_out: bool,
}

#[derive(Serialize, Deserialize)]
struct Spread {
    on: bool,
}

impl SignalType for Spread {
    const NAME: &'static str = "spread";
}

impl ScriptType for Plague {
    const TYPE: &'static str = "plague";

    fn on_tick(&mut self, _: &mut ScriptCx) {
        if self.has_broken_out {
            abort();
        }
    }

    fn on_signal(&mut self, signal: &Signal, _: &mut ScriptCx) {
        if let Some(Spread { on }) = signal.read() {
            self.has_broken_out = on;
        }
    }
}

/// Gives a command that takes no arguments.
macro_rules! command {
    ($type:ident, $name:literal, $run:expr) => {
        struct $type;

        impl Command for $type {
            const NAME: &'static str = $name;
            const HELP: &'static str = concat!("Usage: ", $name);

            fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
                let run: fn(&mut CommandCx) = $run;
                run(cx);
                Ok(())
            }
        }
    };
}

command!(Crash, "crash", |_| abort());
command!(Hang, "hang", |_| {
    loop {
        std::thread::park();
    }
});
command!(Arm, "arm", |cx| {
    let room = cx.room().room();
    cx.room().every(room, PERIOD, &Bang);
    cx.tell(text!("It ticks."));
});
command!(Disarm, "disarm", |cx| {
    let room = cx.room().room();
    cx.room().cancel::<Bang>(room);
    cx.tell(text!("It is silent."));
});
command!(Infect, "infect", |cx| {
    cx.room().signal(Target::Script(PLAGUE), &Spread { on: true });
    cx.tell(text!("Somebody coughs."));
});
command!(Cure, "cure", |cx| {
    cx.room().signal(Target::Script(PLAGUE), &Spread { on: false });
    cx.tell(text!("You feel better."));
});

fn world() -> Plan {
    let mut plan = Plan::new("The Yard", "Nothing has happened here yet.");
    let yard = plan.start_of(Laboratory);
    let cellar = plan.room_of(Laboratory, "The Cellar", "Burn marks everywhere.");
    plan.connect(yard, "down", "up", cellar);
    plan.script(Plague::default(), PERIOD);
    assert!(plan.scripts(0).iter().any(|script| script.id == PLAGUE), "{:?}", plan.scripts(0));
    plan
}

fn plugin(app: &mut App) {
    app.room::<Laboratory>().script::<Plague>().first_world(world);
    app.command(Crash).command(Hang).command(Arm).command(Disarm).command(Infect).command(Cure);
}

fn main() -> ExitCode {
    App::new("Brittle").plugin(plugin).run()
}
