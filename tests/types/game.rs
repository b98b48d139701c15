//! The game: types that panic where they are told to, and others that make trouble.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use everhall::prelude::*;
use serde::{Deserialize, Serialize};

/// Names a file: if it is there, the game has the script that its first edition did not have.
pub(crate) const SECOND_EDITION: &str = "FAULTS_SECOND_EDITION";

pub(crate) fn run() -> ExitCode {
    App::new("Faults").plugin(plugin).run()
}

fn plugin(app: &mut App) {
    app.room::<Trap>().exit::<Trap>().character::<Trap>().object::<Trap>();
    app.exit::<Stillborn>().character::<Stillborn>().object::<Stillborn>();
    app.object::<Ledger>().object::<Echo>().object::<Runner>().character::<Hopper>();
    app.object::<Metronome>().object::<Candle>();
    app.room::<Ledge>().room::<Spring>();
    app.channel::<Pit>().global_script::<Gremlin>(Duration::from_millis(100));
    app.lock_function("boom", |_, _| panic!("a fault in a lock"));
    app.command(Trip).command(Poke).command(Arm).command(Wind).command(Seek).command(Scatter).command(Settle);
    if std::env::var_os(SECOND_EDITION).is_some_and(|file| Path::new(&file).exists()) {
        app.global_script::<Newcomer>(Duration::from_millis(200));
    }
    app.first_world(world);
}

/// A ward, and south of it a room where everything can be made to fail.
fn world() -> Plan {
    let mut plan = Plan::new("The Ward", "White tiles.");
    let ward = plan.start();
    let cellar = plan.room("The Cellar", "Here things go wrong.");
    plan.connect(ward, "down", "up", cellar);
    plan.exit(cellar, "gap", ward);
    plan.thing(cellar, "urn", "Earthenware.");
    plan.character_of(Trap::default(), cellar, "doll", "Button eyes.");
    let ledge = plan.room_of(Ledge, "The Ledge", "One step wide.");
    plan.exit_of(Trap::default(), cellar, "out", ledge);
    plan.exit(ledge, "in", cellar);
    let [one, other] = ["One Spring", "Another Spring"].map(|name| plan.room_of(Spring, name, "It bounces."));
    plan.connect(one, "left", "right", other);
    plan.character_of(Hopper::default(), one, "frog", "It sits.");
    plan.character_of(Hopper::default(), cellar, "toad", "It sits, heavily.").set_attribute("heavy", 1);
    plan
}

/// Panics in the hook of that name. It takes note of each hook that changed it.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Trap {
    at: String,
    #[serde(default)]
    told: u32,
}

impl Trap {
    #[track_caller]
    fn asked(&self, hook: &str) {
        assert!(self.at != hook, "a fault in {hook}");
    }

    #[track_caller]
    fn told(&mut self, hook: &str, cx: &mut RoomCx) {
        self.told += 1;
        if self.at == hook {
            cx.tell_room(text!("Never to be seen: {}.", hook));
        }
        self.asked(hook);
        cx.tell_room(text!("The end of {}.", hook));
    }
}

/// What pokes.
#[derive(Serialize, Deserialize)]
struct Prod;

impl SignalType for Prod {
    const NAME: &'static str = "prod";
}

impl RoomType for Trap {
    const TYPE: &'static str = "trap";
    fn can_enter(&self, _: &Entity, _: &RoomView) -> Result<(), Refusal> {
        self.asked("can_enter");
        Ok(())
    }
    fn can_leave(&self, _: &Entity, _: &RoomView) -> Result<(), Refusal> {
        self.asked("can_leave");
        Ok(())
    }
    fn shape_description(&self, description: Markup, _: &RoomView) -> Markup {
        self.asked("shape_description");
        description
    }
    fn on_enter(&mut self, _: EntityId, cx: &mut RoomCx) {
        self.told("on_enter", cx);
    }
    fn on_leave(&mut self, _: EntityId, cx: &mut RoomCx) {
        self.told("on_leave", cx);
    }
    fn on_say(&mut self, say: &Say, cx: &mut RoomCx) {
        defaults::say(say, cx);
        self.told("on_say", cx);
    }
    fn on_signal(&mut self, _: &Signal, cx: &mut RoomCx) {
        self.told("on_signal", cx);
    }
}

impl ExitType for Trap {
    const TYPE: &'static str = "trap";
    fn can_traverse(&self, _: &Entity, _: &Entity, _: &RoomView) -> Result<(), Refusal> {
        self.asked("can_traverse");
        Ok(())
    }
    fn on_traverse(&mut self, _: EntityId, who: EntityId, cx: &mut RoomCx) {
        cx.edit(who).into_iter().for_each(|who| who.set_attribute("traversed", 1));
        self.told("on_traverse", cx);
    }
    fn on_signal(&mut self, _: EntityId, _: &Signal, cx: &mut RoomCx) {
        self.told("on_signal", cx);
    }
}

impl CharacterType for Trap {
    const TYPE: &'static str = "trap";
    fn can_say(&self, _: &Entity, _: &str, _: &RoomView) -> Result<(), Refusal> {
        self.asked("can_say");
        Ok(())
    }
    fn shape_say(&self, text: String, _: &RoomView) -> String {
        self.asked("shape_say");
        text
    }
    fn on_hear(&mut self, _: EntityId, _: &Say, cx: &mut RoomCx) {
        self.told("on_hear", cx);
    }
    fn on_meet(&mut self, _: EntityId, _: EntityId, cx: &mut RoomCx) {
        self.told("on_meet", cx);
    }
    fn on_receive(&mut self, _: EntityId, _: EntityId, _: EntityId, cx: &mut RoomCx) {
        self.told("on_receive", cx);
    }
    fn on_signal(&mut self, _: EntityId, _: &Signal, cx: &mut RoomCx) {
        self.told("on_signal", cx);
    }
}

impl ObjectType for Trap {
    const TYPE: &'static str = "trap";
    fn can_get(&self, _: &Entity, _: &Entity, _: &RoomView) -> Result<(), Refusal> {
        self.asked("can_get");
        Ok(())
    }
    fn can_drop(&self, _: &Entity, _: &Entity, _: &RoomView) -> Result<(), Refusal> {
        self.asked("can_drop");
        Ok(())
    }
    fn shape_description(&self, _: &Entity, description: Markup, _: &RoomView) -> Markup {
        self.asked("shape_description");
        description
    }
    fn on_get(&mut self, _: EntityId, _: EntityId, cx: &mut RoomCx) {
        self.told("on_get", cx);
    }
    fn on_drop(&mut self, _: EntityId, _: EntityId, cx: &mut RoomCx) {
        self.told("on_drop", cx);
    }
    fn on_use(&mut self, _: EntityId, _: EntityId, cx: &mut RoomCx) -> Result<(), Refusal> {
        self.told("on_use", cx);
        Ok(())
    }
    fn on_signal(&mut self, _: EntityId, _: &Signal, cx: &mut RoomCx) {
        self.told("on_signal", cx);
    }
}

/// Panics when it is made.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Stillborn;

impl ExitType for Stillborn {
    const TYPE: &'static str = "stillborn";
    fn on_create(&mut self, _: EntityId, _: &mut RoomCx) {
        panic!("a fault in on_create");
    }
}

impl CharacterType for Stillborn {
    // A name of its own: `create` looks among things first.
    const TYPE: &'static str = "stillborn child";
    fn on_create(&mut self, _: EntityId, _: &mut RoomCx) {
        panic!("a fault in on_create");
    }
}

impl ObjectType for Stillborn {
    const TYPE: &'static str = "stillborn";
    fn on_create(&mut self, _: EntityId, _: &mut RoomCx) {
        panic!("a fault in on_create");
    }
}

/// Has state that JSON cannot hold as soon as it is used: its keys are no text.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Ledger {
    entries: HashMap<(u8, u8), u32>,
}

impl ObjectType for Ledger {
    const TYPE: &'static str = "ledger";
    fn on_use(&mut self, _: EntityId, who: EntityId, cx: &mut RoomCx) -> Result<(), Refusal> {
        self.entries.insert((1, 2), 3);
        cx.tell(who, text!("You write."));
        Ok(())
    }
}

/// Answers each signal with another to itself.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Echo {
    heard: u64,
}

impl ObjectType for Echo {
    const TYPE: &'static str = "echo";
    fn on_signal(&mut self, me: EntityId, _: &Signal, cx: &mut RoomCx) {
        self.heard += 1;
        cx.signal_from(me, Target::Entity(me), &Prod);
    }
    fn shape_description(&self, _: &Entity, _: Markup, _: &RoomView) -> Markup {
        text!("It has answered {} times.", self.heard)
    }
}

/// Strikes again and again, each time by a one-shot that it sets itself.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Metronome {
    beats: u64,
}

impl ObjectType for Metronome {
    const TYPE: &'static str = "metronome";
    fn on_signal(&mut self, me: EntityId, _: &Signal, cx: &mut RoomCx) {
        self.beats += 1;
        cx.after(me, Duration::from_millis(50), &Prod);
    }
    fn shape_description(&self, _: &Entity, _: Markup, _: &RoomView) -> Markup {
        text!("Beats: {}.", self.beats)
    }
}

/// Burns with its ticker, and is stored late: what has burnt, and in how many ticks that it was told of.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Candle {
    burnt: u64,
    told: u64,
}

impl ObjectType for Candle {
    const TYPE: &'static str = "candle";
    const LAZY: bool = true;
    fn on_signal(&mut self, _: EntityId, signal: &Signal, _: &mut RoomCx) {
        self.burnt += signal.ticks;
        self.told += 1;
    }
    fn shape_description(&self, _: &Entity, _: Markup, _: &RoomView) -> Markup {
        text!("Burnt: {}, told: {}.", self.burnt, self.told)
    }
}

/// Runs away with all others of its kind, and counts how often it was found.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Runner {
    ran: u32,
    found: u32,
}

/// Somebody looks for it.
#[derive(Serialize, Deserialize)]
struct Search;

impl SignalType for Search {
    const NAME: &'static str = "search";
}

/// All runners of the room shall go there.
#[derive(Serialize, Deserialize)]
struct Flee {
    to: EntityId,
}

impl SignalType for Flee {
    const NAME: &'static str = "flee";
}

impl ObjectType for Runner {
    const TYPE: &'static str = "runner";
    fn on_signal(&mut self, me: EntityId, signal: &Signal, cx: &mut RoomCx) {
        if let Some(Flee { to }) = signal.read() {
            self.ran += 1;
            let all = cx.view().here(Kind::Object).filter(|it| it.state::<Self>().is_some()).map(|it| it.id);
            let mut all: Vec<EntityId> = all.filter(|it| *it != me).collect();
            all.insert(0, me);
            cx.walk(all, to, Manner::Teleport);
        }
        if signal.is::<Search>() {
            self.found += 1;
        }
    }
    fn shape_description(&self, _: &Entity, _: Markup, _: &RoomView) -> Markup {
        text!("It ran {} times, and was found {} times.", self.ran, self.found)
    }
}

/// Goes through the first exit when it is poked.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Hopper {
    hops: u32,
}

impl CharacterType for Hopper {
    const TYPE: &'static str = "hopper";
    fn on_signal(&mut self, me: EntityId, _: &Signal, cx: &mut RoomCx) {
        self.hops += 1;
        let leads = |exit: &Entity| exit.destination.filter(|_| exit.key != "up" && exit.key != "gap");
        let to = cx.view().here(Kind::Exit).find_map(leads);
        if let Some(to) = to {
            cx.tell_room(text!("It hops."));
            cx.walk(vec![me], to, Manner::Teleport);
        }
    }
}

/// Pokes whoever comes in.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Spring;

impl RoomType for Spring {
    const TYPE: &'static str = "spring";
    fn on_enter(&mut self, who: EntityId, cx: &mut RoomCx) {
        cx.signal(Target::Entity(who), &Prod);
    }
}

/// Lets nobody in who is heavy.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Ledge;

impl RoomType for Ledge {
    const TYPE: &'static str = "ledge";
    fn can_enter(&self, who: &Entity, _: &RoomView) -> Result<(), Refusal> {
        match who.attribute("heavy") {
            Some(_) => Err(Refusal::new("The ledge would not hold you.")),
            None => Ok(()),
        }
    }
}

/// A channel that panics where what is said tells it to.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Pit {
    heard: u32,
}

/// What is said to a channel, a script or a room from elsewhere.
#[derive(Serialize, Deserialize)]
struct Word {
    word: String,
}

impl SignalType for Word {
    const NAME: &'static str = "word";
}

impl ChannelType for Pit {
    const TYPE: &'static str = "pit";
    fn can_speak(&self, _: &Caller, text: &str) -> Result<(), Refusal> {
        assert!(text != "can_speak", "a fault in can_speak");
        Ok(())
    }
    fn shape_text(&self, text: String) -> String {
        assert!(text != "shape_text", "a fault in shape_text");
        text
    }
    fn on_message(&mut self, message: &ChannelMessage, cx: &mut ChannelCx) {
        self.heard += 1;
        cx.show(text!("The pit has heard {}.", self.heard));
        assert!(message.text != "on_message", "a fault in on_message");
    }
    fn on_signal(&mut self, signal: &Signal, cx: &mut ChannelCx) {
        let Some(Word { word }) = signal.read() else { return };
        cx.show(text!("The pit answers, {}.", word));
        assert!(word != "on_signal", "a fault in on_signal");
    }
}

/// A script that fails as it is told: at each tick, or at that signal.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Gremlin {
    fails: bool,
    ticks: u64,
}

impl ScriptType for Gremlin {
    const TYPE: &'static str = "gremlin";
    fn on_tick(&mut self, cx: &mut ScriptCx) {
        if self.fails {
            self.ticks += 1;
            cx.announce(text!("Never to be seen: on_tick."));
            panic!("a fault in on_tick");
        }
    }
    fn on_signal(&mut self, signal: &Signal, cx: &mut ScriptCx) {
        let Some(Word { word }) = signal.read() else { return };
        self.fails = word == "on_tick";
        cx.announce(text!("The gremlin hears {}.", word));
        cx.signal(Target::ChannelNamed("Pit"), &Word { word: format!("a gremlin said {word}") });
        assert!(word != "on_signal", "a fault in on_signal");
    }
}

/// The script of the second edition.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
struct Newcomer {
    ticks: u64,
}

impl ScriptType for Newcomer {
    const TYPE: &'static str = "newcomer";
    fn on_tick(&mut self, cx: &mut ScriptCx) {
        self.ticks += cx.ticks;
        cx.announce(text!("Newcomer: {}.", self.ticks));
    }
}

struct Trip;

impl Command for Trip {
    const NAME: &'static str = "trip";
    const HELP: &'static str = "Usage: trip\n\nFalls over.";
    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        cx.act(text!("Never to be seen: trip."), text!("Never to be seen: trip."));
        panic!("a fault in a command");
    }
}

struct Poke;

impl Command for Poke {
    const NAME: &'static str = "poke";
    const HELP: &'static str = "Usage: poke <#id>\n\nSends a signal there.";
    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let id = number(args.rest())?;
        cx.room().signal(Target::Entity(id), &Prod);
        cx.tell(text!("Poked."));
        Ok(())
    }
}

struct Arm;

impl Command for Arm {
    const NAME: &'static str = "arm";
    const HELP: &'static str = "Usage: arm <word>\n\nTells the gremlin a word; or, behind `pit`, the channel.";
    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let word = args.rest().unwrap_or_default();
        match word.strip_prefix("pit ") {
            Some(word) => cx.room().signal(Target::ChannelNamed("pit"), &Word { word: word.to_owned() }),
            None => cx.room().signal(Target::script::<Gremlin>(), &Word { word: word.to_owned() }),
        }
        cx.tell(text!("Armed."));
        Ok(())
    }
}

struct Wind;

impl Command for Wind {
    const NAME: &'static str = "wind";
    const HELP: &'static str = "Usage: wind <thing> [<ms>]\n\nPokes it in a moment, or each so many ms.";
    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let (name, often) = args.first().ok_or(Refusal::new("Wind what?"))?;
        let id = cx.anything(name)?.id;
        match often {
            "" => cx.room().after(id, Duration::from_millis(50), &Prod),
            ms => cx.room().every(id, Duration::from_millis(ms.parse().unwrap_or(50)), &Prod),
        }
        cx.tell(text!("Wound."));
        Ok(())
    }
}

struct Seek;

impl Command for Seek {
    const NAME: &'static str = "seek";
    const HELP: &'static str =
        "Usage: seek <#thing> <#room>\n\nMakes all runners flee to the room, and looks for the thing.";
    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let (thing, rest) = args.first().ok_or(Refusal::new("Seek what?"))?;
        let (thing, to) = (number(Some(thing))?, number(Some(rest))?);
        cx.room().signal(Target::Entity(thing), &Flee { to });
        cx.room().signal(Target::Entity(thing), &Search);
        cx.tell(text!("Sought."));
        Ok(())
    }
}

struct Settle;

impl Command for Settle {
    const NAME: &'static str = "settle";
    const HELP: &'static str = "Usage: settle\n\nMakes this room your home.";
    fn run(&self, _: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let (who, here) = (cx.who(), cx.room().room());
        cx.room().edit(who).into_iter().for_each(|who| who.home = Some(here));
        cx.tell(text!("You settle."));
        Ok(())
    }
}

struct Scatter;

impl Command for Scatter {
    const NAME: &'static str = "scatter";
    const HELP: &'static str = "Usage: scatter <how many>\n\nPuts runners in the room.";
    fn run(&self, args: &Args, cx: &mut CommandCx) -> Result<(), Refusal> {
        let many: usize = args.rest().and_then(|many| many.parse().ok()).unwrap_or(1);
        let mut first = None;
        for n in 0..many {
            let runner = cx.new_entity(Kind::Object, "runner", &format!("runner {n}"))?;
            first = first.or(Some(runner.id));
            cx.make(runner, "scatter");
        }
        cx.tell(text!("Scattered {} from {} on.", many, first.map_or(String::new(), |id| id.to_string())));
        Ok(())
    }
}

fn number(typed: Option<&str>) -> Result<EntityId, Refusal> {
    let id = typed.and_then(|typed| typed.trim_start_matches('#').parse().ok()).map(EntityId);
    id.ok_or(Refusal::new("Which number?"))
}
