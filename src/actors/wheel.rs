//! The wheel: wakes rooms when their timers are due. One on each arbiter, instead of a task for each timer.
//!
//! Sequence: room ─[`Wake`]─► wheel … wheel ─`Mail::Tick`─► room. A room says when its next timer is due whenever that
//! changes; only the last time that it said counts. It turns when the server has taken over, and as long as it ticks.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use actix::prelude::*;
use rustc_hash::FxHashMap;

use crate::actors::meter::{self, Kind};
use crate::actors::room::{Mail, RoomActor};
use crate::actors::services::{Shared, now_ms};
use crate::actors::vital::Vital;
use crate::ids::RoomId;
use crate::mailbox;

/// One entry per change of a room's next due time.
const WHEEL_MAILBOX: usize = 16 * 1024;

/// A room wants to be woken. Sent by the room.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Wake {
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The room.
    pub room: RoomId,
    /// Where it is: rooms and their wheel are on one arbiter.
    pub addr: Addr<RoomActor>,
}

/// The server has taken over: timers may fire, unless it runs in safe mode.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Begin(pub Shared);

/// A wheel.
pub struct WheelActor {
    _vital: Vital,
    services: Option<Shared>,
    /// When each room wants to be woken. What it wanted before stays in `due`, and is passed over.
    wanted: FxHashMap<RoomId, (i64, Addr<RoomActor>)>,
    due: BinaryHeap<Reverse<(i64, RoomId)>>,
    sleeping: Option<(i64, SpawnHandle)>,
}

impl Default for WheelActor {
    fn default() -> Self {
        let (wanted, due) = (FxHashMap::default(), BinaryHeap::new());
        Self { _vital: Vital("wheel"), services: None, wanted, due, sleeping: None }
    }
}

impl WheelActor {
    /// Wakes those that are due, and sleeps until the next.
    fn turn(&mut self, ctx: &mut Context<Self>) {
        if self.services.as_ref().is_none_or(|services| !services.is_ticking()) {
            return;
        }
        let now = now_ms();
        while let Some(Reverse((at, room))) = self.due.peek().copied()
            && at <= now
        {
            self.due.pop();
            if self.wanted.get(&room).is_some_and(|(wanted, _)| *wanted == at)
                && let Some((_, addr)) = self.wanted.remove(&room)
            {
                mailbox::repay(&addr, Mail::Tick);
            }
        }
        let Some(Reverse((until, _))) = self.due.peek().copied() else { return };
        if self.sleeping.as_ref().is_some_and(|(sleeping, _)| *sleeping <= until && *sleeping > now) {
            return;
        }
        if let Some((_, handle)) = self.sleeping.take() {
            ctx.cancel_future(handle);
        }
        let wait = Duration::from_millis((until - now).max(1) as u64);
        let handle = ctx.run_later(wait, |wheel, ctx| {
            wheel.sleeping = None;
            wheel.turn(ctx);
        });
        self.sleeping = Some((until, handle));
    }
}

crate::counted!(WheelActor, meter::waiting(Kind::Wheel));

impl Actor for WheelActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(WHEEL_MAILBOX);
    }
}

impl Handler<Wake> for WheelActor {
    type Result = ();

    fn handle(&mut self, wake: Wake, ctx: &mut Self::Context) {
        let Wake { at, room, addr } = wake;
        let before = self.wanted.insert(room, (at, addr));
        if before.is_none_or(|(before, _)| before != at) {
            self.due.push(Reverse((at, room)));
        }
        self.turn(ctx);
    }
}

impl Handler<Begin> for WheelActor {
    type Result = ();

    fn handle(&mut self, Begin(services): Begin, ctx: &mut Self::Context) {
        self.services = Some(services);
        self.turn(ctx);
    }
}
