//! A global script: its type's state and its ticker.
//!
//! Sequence: timer ─► script ─Commit─► journal. A ticker is a period and a phase: ticks that were missed while the
//! server was away come as one, with their count. State that a tick left equal is not stored.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use actix::prelude::*;

use crate::actors::accounts::Everybody;
use crate::actors::batch::{Batch, Key};
use crate::actors::meter::{self, Kind};
use crate::actors::services::Shared;
use crate::ids::ScriptId;
use crate::wire::Item;
use crate::world::record::{Change, ScriptRecord};
use crate::world::script::{AnyScript, ScriptCx};

/// Its own ticks only.
const SCRIPT_MAILBOX: usize = 16;

/// A global script.
pub struct ScriptActor {
    record: ScriptRecord,
    script: Box<dyn AnyScript>,
    /// Ticks that were due before now, counted from the phase.
    ticked: i64,
    services: Shared,
}

impl ScriptActor {
    /// Returns the actor of a script that was stored as `record`.
    pub fn new(record: ScriptRecord, script: Box<dyn AnyScript>, services: Shared) -> Self {
        let ticked = due(&record, services.now_ms());
        Self { record, script, ticked, services }
    }

    /// Returns its id.
    pub fn id(&self) -> ScriptId {
        self.record.id
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let _metered = meter::start(Kind::Script);
        let mut batch = Batch::begin(None, self.services.now_ms());
        let due = due(&self.record, batch.now_ms);
        let ticks = (due - self.ticked).max(0) as u64;
        self.ticked = due;
        self.wait(ctx);
        if ticks == 0 {
            return;
        }
        let mut script = self.script.boxed();
        let game_time = self.services.hall.clock.at(batch.now_ms);
        let run = || {
            let mut cx = ScriptCx::new(batch.now_ms, game_time, ticks);
            script.on_tick(&mut cx);
            cx.into_announced()
        };
        let announced = match catch_unwind(AssertUnwindSafe(run)) {
            Ok(announced) => announced,
            Err(_) => {
                tracing::error!(script = self.record.key, "script {} panicked in on_tick", self.record.key);
                return;
            }
        };
        if !script.same(self.script.as_ref()) {
            self.record.state = script.to_json();
            batch.changes.push(Change::Script(Box::new(self.record.clone())));
            batch.change(Key::Script(self.record.id));
            self.script = script;
        }
        let services = self.services.clone();
        let everybody = services.accounts.send(Everybody);
        ctx.spawn(everybody.into_actor(self).map(move |to, _, _| {
            let to = to.unwrap_or_default();
            let items = announced.into_iter().map(|text| Item::Text { to: to.clone(), text: text.into_string() });
            batch.items.extend(items);
            services.commit(batch);
        }));
    }

    fn wait(&self, ctx: &mut Context<Self>) {
        if self.record.period_ms <= 0 {
            return;
        }
        let next = self.record.start_at + (self.ticked + 1) * self.record.period_ms;
        let wait = (next - self.services.now_ms()).max(1) as u64;
        ctx.run_later(Duration::from_millis(wait), Self::tick);
    }
}

fn due(record: &ScriptRecord, now_ms: i64) -> i64 {
    if record.period_ms <= 0 { 0 } else { (now_ms - record.start_at).div_euclid(record.period_ms) }
}

impl Actor for ScriptActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(SCRIPT_MAILBOX);
        self.wait(ctx);
    }
}
