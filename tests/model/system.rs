//! The whole: its state, what may happen next, and what happens then.

use stateright::{Model, Property};

use super::book::Book;
use super::database::{Database, Late};
use super::fault::Fault;
use super::portal::{Link, Portal, Screens};
use super::properties;
use super::server::{Around, Frame, Given, Memory, Server, Stage};
use super::world::{Cause, Place, Verb, Who, line};

/// What the two players type, and where they begin. Ann types two lines, Bob one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Play {
    /// By cause.
    pub verbs: [Verb; 3],
    /// The room in which Bob begins; Ann begins in the first, where the lamp lies.
    pub bob_in: usize,
}

/// Lines that each player types.
pub const TYPED: [u8; 2] = [2, 1];

/// How much may go wrong, and what is left out.
#[derive(Debug, Clone)]
pub struct System {
    /// What is played; each is an initial state.
    pub plays: Vec<Play>,
    /// How many processes may die.
    pub crashes: u8,
    /// The portal may be among them; then its players are pages, which come back.
    pub portal_dies: bool,
    /// How many hand-overs there may be.
    pub hand_overs: u8,
    /// A new server sends all that is in the outbox again, more than it need.
    pub resends_all: bool,
    /// What the protocol does wrong.
    pub fault: Option<Fault>,
}

/// Everything there is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// Which play.
    pub play: u8,
    /// The portal.
    pub portal: Portal,
    /// The portal has let something of the next frame out before it has recorded it: a fault.
    pub early: bool,
    /// The screens.
    pub screens: Screens,
    /// The database.
    pub database: Database,
    /// The server behind the wire, and one beside it.
    pub servers: [Option<Server>; 2],
    /// Transactions of servers that are gone.
    pub late: Vec<Late>,
    /// Processes that may still die.
    pub crashes: u8,
    /// Hand-overs that may still come.
    pub hand_overs: u8,
}

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A server dies: the one behind the wire or the one beside.
    Dies(usize),
    /// The portal dies, and its server with it (21).
    PortalDies,
    /// 19: a new server is started beside the old one.
    HandOver,
    /// 19: the one beside is ready: the portal sends no more lines, and asks the old one to stop.
    BesideIsReady,
    /// 21: a server that was asked to stop is idle, and exits.
    Exits,
    /// 14: all that a server wrote, and that is not lost with it, is applied: the next one gets its hello.
    Next,
    /// 9, 19: the new server takes the epoch.
    TakesEpoch,
    /// 14: it loads the world.
    Loads,
    /// 5, 6: it runs a session's next line in the room of its person.
    Runs(Who),
    /// 5: a room takes in who comes.
    Receives(usize),
    /// 16: the lamp's timer fires.
    Fires,
    /// 9: the database carries out a flush, or refuses it.
    Writes(usize),
    /// 9: it does so with a flush of a server that is gone.
    WritesLate(usize),
    /// 9: the journal hears that its flush is stored.
    IsWritten(usize),
    /// 12: the portal reads a frame and applies it.
    Applies,
    /// 14: the portal delivers or confirms a frame that it has not recorded: a fault.
    LetsOut,
    /// 14: a page comes back and sends again what is not acknowledged.
    ComesBack(Who),
    /// A page is shown what it has not seen.
    IsShown(Who),
}

impl System {
    fn around(&self, state: &State) -> Around {
        let next = state.servers[0].as_ref().and_then(|server| server.wire.first());
        let early = match next {
            Some(Frame::Groups(sent)) if state.early && self.fault == Some(Fault::ConfirmedBeforeRecorded) => {
                sent.flush
            }
            _ => None,
        };
        Around { confirmed: state.portal.applied.max(early.unwrap_or(0)), fault: self.fault }
    }

    /// Returns the steps that the protocol itself takes next.
    pub fn progress(&self, state: &State, steps: &mut Vec<Step>) {
        let [wired, beside] = &state.servers;
        if let Some(server) = wired {
            self.server_steps(state, server, steps);
        } else {
            steps.push(Step::Next);
        }
        let runs = wired.as_ref().is_some_and(|server| server.stage == Stage::Running);
        if beside.is_some() && state.portal.link == Link::Ready && runs {
            steps.push(Step::BesideIsReady);
        }
        for who in 0..2 {
            let seat = &state.portal.seats[who];
            if !seat.connected {
                steps.push(Step::ComesBack(who));
            } else if !seat.ring.is_empty() {
                steps.push(Step::IsShown(who));
            }
        }
    }

    fn server_steps(&self, state: &State, server: &Server, steps: &mut Vec<Step>) {
        if let Some(next) = server.wire.first() {
            let is_early = matches!(self.fault, Some(Fault::DeliveredBeforeRecorded | Fault::ConfirmedBeforeRecorded));
            let lets_out = is_early && !state.early && matches!(next, Frame::Groups(_));
            steps.push(if lets_out { Step::LetsOut } else { Step::Applies });
        }
        let loads_first = self.fault == Some(Fault::LoadedBeforeEpoch);
        match server.stage {
            Stage::Greeted if loads_first && server.memory.is_none() => steps.push(Step::Loads),
            Stage::Greeted => steps.push(Step::TakesEpoch),
            Stage::Taken => steps.push(Step::Loads),
            Stage::Killed => steps.push(Step::Next),
            Stage::Exited if server.wire.is_empty() => steps.push(Step::Next),
            _ => {}
        }
        let Some(memory) = server.memory.as_ref().filter(|_| matches!(server.stage, Stage::Running | Stage::Stopping))
        else {
            return;
        };
        steps.extend((0..2).filter(|who| memory.can_run(*who)).map(Step::Runs));
        steps.extend((0..memory.mail.len()).filter(|at| memory.is_first(*at)).map(Step::Receives));
        if memory.timer_room().is_some() {
            steps.push(Step::Fires);
        }
        for (at, flight) in memory.book.flights.iter().enumerate() {
            steps.push(if flight.written { Step::IsWritten(at) } else { Step::Writes(at) });
        }
        if server.stage == Stage::Stopping && memory.book.is_idle() {
            steps.push(Step::Exits);
        }
    }

    /// Takes away a server's memory; what it had sent to the database may still be carried out there.
    fn kill(state: &mut State, at: usize) {
        let Some(server) = &mut state.servers[at] else { return };
        if let Some(memory) = server.memory.take() {
            let flights = memory.book.flights.into_iter().filter(|flight| !flight.written);
            state.late.extend(flights.map(|flight| Late { epoch: server.epoch, flight }));
        }
        server.stage = Stage::Killed;
    }

    /// The portal turns to the next server: the one beside, or one that it starts now.
    fn greet_next(&self, state: &mut State) {
        let beside = state.servers[1].take();
        let mut next = beside.unwrap_or_else(|| Server::new(Stage::Greeted));
        next.stage = Stage::Greeted;
        state.portal.link = Link::Away;
        state.servers[0] = Some(next);
    }

    fn take_epoch(&self, state: &mut State) {
        state.database.epoch += 1;
        let Some(server) = &mut state.servers[0] else { return };
        server.epoch = state.database.epoch;
        server.stage = Stage::Taken;
        if let Some(memory) = &mut server.memory {
            // It has loaded the world before: a fault.
            memory.book = Book::new(state.database.flush);
            server.stage = Stage::Running;
        }
        if self.fault != Some(Fault::NoEpochCheck) {
            // Whatever comes later from older servers is refused: it need not be tried.
            state.late.clear();
        }
    }

    fn load(&self, state: &mut State) {
        let now = state.portal.hello();
        let Some(server) = &mut state.servers[0] else { return };
        let mut hello = server.hello.take().unwrap_or(now);
        if self.resends_all {
            hello.applied = 0;
        }
        if server.stage == Stage::Taken {
            server.stage = Stage::Running;
        }
        server.load(&state.database, &hello, self.fault);
    }

    fn apply(&self, state: &mut State) {
        let Some(server) = &mut state.servers[0] else { return };
        let frame = server.wire.remove(0);
        let before = [0, 1].map(|who: Who| state.portal.seats[who].ring.len());
        let released = state.portal.apply(frame, self.fault);
        Self::give(state, released);
        if std::mem::take(&mut state.early) && self.fault == Some(Fault::DeliveredBeforeRecorded) {
            // It has been shown already.
            for (seat, before) in state.portal.seats.iter_mut().zip(before) {
                seat.ring.truncate(before);
            }
        }
        if !self.portal_dies {
            // Sockets that live as long as the portal: what is applied is shown.
            for who in 0..2 {
                while self.show(state, who) {}
            }
        }
    }

    fn give(state: &mut State, lines: [Vec<Given>; 2]) {
        let Some(memory) = state.servers[0].as_mut().and_then(|server| server.memory.as_mut()) else { return };
        for (given, lines) in memory.given.iter_mut().zip(lines) {
            given.extend(lines);
        }
    }

    /// Delivers the next frame's texts to the pages that are there, and records nothing of it.
    fn let_out(&self, state: &mut State) {
        state.early = true;
        let next = state.servers[0].as_ref().and_then(|server| server.wire.first().cloned());
        let Some(frame) = next.filter(|_| self.fault == Some(Fault::DeliveredBeforeRecorded)) else { return };
        let mut ahead = state.clone();
        ahead.portal.apply(frame, self.fault);
        for who in 0..2 {
            if state.portal.seats[who].connected {
                while self.show(&mut ahead, who) {}
                state.portal.seats[who].ring.clear();
            }
        }
        state.screens = ahead.screens;
    }

    fn show(&self, state: &mut State, who: Who) -> bool {
        if state.portal.seats[who].ring.is_empty() {
            return false;
        }
        let frame = state.portal.seats[who].ring.remove(0);
        let play = &self.plays[state.play as usize];
        state.screens.show(who, &frame, |cause| verb(play, cause) == Some(Verb::Walk));
        true
    }

    fn beside_is_ready(&self, state: &mut State) {
        state.portal.link = Link::Stopping;
        if let Some(server) = &mut state.servers[0] {
            server.stage = Stage::Stopping;
        }
        let hello = state.portal.hello();
        let Some(beside) = &mut state.servers[1] else { return };
        match self.fault {
            Some(Fault::HelloTooEarly) => beside.hello = Some(hello),
            Some(Fault::LoadedBeside) => beside.load(&state.database, &hello, self.fault),
            _ => {}
        }
    }
}

impl Model for System {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let states = self.plays.iter().enumerate().map(|(play, setting)| State {
            play: play as u8,
            portal: Portal::new(TYPED),
            early: false,
            screens: Screens::default(),
            database: Database::new([Place::Room(0), Place::Room(setting.bob_in)]),
            servers: [Some(Server::new(Stage::Greeted)), None],
            late: Vec::new(),
            crashes: self.crashes,
            hand_overs: self.hand_overs,
        });
        states.collect()
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        self.progress(state, steps);
        if state.crashes > 0 {
            let alive = |at: &usize| state.servers[*at].as_ref().is_some_and(|server| !server.is_gone());
            steps.extend((0..2).filter(alive).map(Step::Dies));
            if self.portal_dies {
                steps.push(Step::PortalDies);
            }
        }
        let is_running = |server: &Server| server.stage == Stage::Running;
        let runs = state.servers[0].as_ref().is_some_and(is_running) && state.portal.link == Link::Ready;
        if state.hand_overs > 0 && runs {
            steps.push(Step::HandOver);
        }
        steps.extend((0..state.late.len()).map(Step::WritesLate));
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        let around = self.around(last);
        let fault = self.fault;
        let server = |state: &mut State, act: &dyn Fn(&mut Server)| state.servers[0].iter_mut().for_each(act);
        match step {
            Step::Dies(at) => {
                state.crashes -= 1;
                Self::kill(&mut state, at);
                if at == 1 {
                    state.servers[1] = None;
                }
            }
            Step::PortalDies => {
                state.crashes -= 1;
                for at in 0..2 {
                    Self::kill(&mut state, at);
                    state.servers[at] = None;
                }
                state.early = false;
                state.portal.forget(fault);
            }
            Step::HandOver => {
                state.hand_overs -= 1;
                state.servers[1] = Some(Server::new(Stage::Beside));
            }
            Step::BesideIsReady => self.beside_is_ready(&mut state),
            Step::Exits => {
                Self::kill(&mut state, 0);
                server(&mut state, &|server| server.stage = Stage::Exited);
            }
            Step::Next => self.greet_next(&mut state),
            Step::TakesEpoch => self.take_epoch(&mut state),
            Step::Loads => self.load(&mut state),
            Step::Runs(who) => {
                let verbs = self.plays[state.play as usize].verbs;
                server(&mut state, &|server| server.run(who, |cause| verbs[cause as usize], around));
            }
            Step::Receives(at) => server(&mut state, &|server| server.receive(at, around)),
            Step::Fires => server(&mut state, &|server| {
                if let Some(room) = server.memory.as_ref().and_then(Memory::timer_room) {
                    server.fire(room, around);
                }
            }),
            Step::Writes(at) => {
                let State { servers, database, .. } = &mut state;
                let wired = servers[0].as_mut()?;
                let flight = &mut wired.memory.as_mut()?.book.flights[at];
                flight.written = database.write(wired.epoch, flight, fault);
                if !flight.written {
                    // Another is the one: this process ends.
                    wired.memory = None;
                    wired.stage = Stage::Killed;
                }
            }
            Step::WritesLate(at) => {
                let late = state.late.remove(at);
                state.database.write(late.epoch, &late.flight, fault);
            }
            Step::IsWritten(at) => server(&mut state, &|server| server.flushed(at, around)),
            Step::Applies => self.apply(&mut state),
            Step::LetsOut => self.let_out(&mut state),
            Step::ComesBack(who) => {
                state.portal.seats[who].resume(TYPED[who]);
                let mut lines = [Vec::new(), Vec::new()];
                lines[who] = state.portal.send(who, fault);
                Self::give(&mut state, lines);
            }
            Step::IsShown(who) => while self.show(&mut state, who) {},
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

/// Returns what a cause does; nothing for the timer.
pub fn verb(play: &Play, cause: Cause) -> Option<Verb> {
    play.verbs.get(cause as usize).copied()
}

/// Returns all lines of a play.
pub fn lines() -> impl Iterator<Item = (Who, u8, Cause)> {
    (0..2).flat_map(|who| (1..=TYPED[who]).map(move |k| (who, k, line(who, k))))
}
