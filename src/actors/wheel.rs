//! The wheel: wakes rooms when their timers are due. One on each arbiter, instead of a task for each timer.
//!
//! Sequence: room ─[`Wake`]─► wheel … wheel ─`Mail::Tick`─► room. A room says when its next timer is due whenever that
//! changes; an entry that is out of date finds nothing due, and does no harm.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use actix::prelude::*;

use crate::actors::room::{Mail, RoomActor};
use crate::actors::services::now_ms;
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

/// A wheel.
#[derive(Default)]
pub struct WheelActor {
    due: BinaryHeap<Reverse<Entry>>,
    sleeping: Option<(i64, SpawnHandle)>,
}

struct Entry {
    at: i64,
    room: RoomId,
    addr: Addr<RoomActor>,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.room) == (other.at, other.room)
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.room).cmp(&(other.at, other.room))
    }
}

impl WheelActor {
    /// Wakes those that are due, and sleeps until the next.
    fn turn(&mut self, ctx: &mut Context<Self>) {
        let now = now_ms();
        while let Some(Reverse(first)) = self.due.peek()
            && first.at <= now
        {
            if let Some(Reverse(entry)) = self.due.pop() {
                mailbox::repay(&entry.addr, Mail::Tick);
            }
        }
        let Some(Reverse(next)) = self.due.peek() else { return };
        if self.sleeping.as_ref().is_some_and(|(until, _)| *until <= next.at && *until > now) {
            return;
        }
        if let Some((_, handle)) = self.sleeping.take() {
            ctx.cancel_future(handle);
        }
        let until = next.at;
        let wait = Duration::from_millis((until - now).max(1) as u64);
        let handle = ctx.run_later(wait, |wheel, ctx| {
            wheel.sleeping = None;
            wheel.turn(ctx);
        });
        self.sleeping = Some((until, handle));
    }
}

impl Actor for WheelActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(WHEEL_MAILBOX);
    }
}

impl Handler<Wake> for WheelActor {
    type Result = ();

    fn handle(&mut self, wake: Wake, ctx: &mut Self::Context) {
        self.due.push(Reverse(Entry { at: wake.at, room: wake.room, addr: wake.addr }));
        self.turn(ctx);
    }
}
