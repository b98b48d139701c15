//! A global script: its type's state and its ticker.
//!
//! Sequence: timer ─► script ─Commit─► journal. A ticker is a period and a phase: ticks that were missed while the
//! server was away come as one, with their count. State that a tick left equal is not stored; what is stored carries the
//! phase on to the tick that changed it, so that this tick is not run again and those behind it are. A tick that would change
//! something while storage is away is put off, and comes later with its count.

use std::time::Duration;

use actix::prelude::*;

use crate::actors::accounts::Everybody;
use crate::actors::batch::{Batch, Key};
use crate::actors::complaints::{self, Complaints, Concerned};
use crate::actors::meter::{self, Kind};
use crate::actors::services::{Shared, Signalled, arrived};
use crate::actors::storage::LATER;
use crate::actors::vital::Vital;
use crate::failpoint::fail_point;
use crate::wire::Item;
use crate::world::failure::{Failure, contain};
use crate::world::record::{Change, ScriptRecord};
use crate::world::script::{AnyScript, ScriptCx};

/// Its own ticks, and signals.
const SCRIPT_MAILBOX: usize = 16;

/// A global script.
pub struct ScriptActor {
    _vital: Vital,
    record: ScriptRecord,
    script: Box<dyn AnyScript>,
    /// Ticks that have been run, counted from the phase.
    ticked: i64,
    /// A tick was put off because storage is away.
    waits_for_storage: bool,
    services: Shared,
    complaints: Complaints,
}

impl ScriptActor {
    /// Returns the actor of a script that was stored as `record`.
    pub fn new(record: ScriptRecord, script: Box<dyn AnyScript>, services: Shared) -> Self {
        let complaints = Complaints::default();
        Self { _vital: Vital("script"), record, script, ticked: 0, waits_for_storage: false, services, complaints }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let _metered = meter::start(Kind::Script);
        // In safe mode, and when it ends, this server ticks no more.
        if !self.services.is_ticking() {
            return;
        }
        if self.waits_for_storage && self.services.storage.is_away() {
            return self.wait(ctx);
        }
        let batch = Batch::begin(None, self.services.now_ms());
        let due = due(&self.record, batch.now_ms);
        let ticks = (due - self.ticked).max(0) as u64;
        self.waits_for_storage = false;
        if ticks > 0 {
            fail_point!("script.tick");
            let before = std::mem::replace(&mut self.ticked, due);
            let cx = ScriptCx::new(batch.now_ms, self.services.hall.clock.at(batch.now_ms), ticks);
            if !self.run(batch, cx, |script, cx| script.on_tick(cx), ctx) {
                self.ticked = before;
                self.waits_for_storage = true;
            }
        }
        self.wait(ctx);
    }

    /// Runs a hook on a clone of the state, stores what it changed, shows and sends what it recorded. Returns false if
    /// nothing has happened, because it could not be stored.
    fn run(
        &mut self,
        mut batch: Batch,
        mut cx: ScriptCx,
        hook: impl FnOnce(&mut dyn AnyScript, &mut ScriptCx),
        ctx: &mut Context<Self>,
    ) -> bool {
        let ran = contain(|| {
            let mut script = self.script.boxed();
            hook(script.as_mut(), &mut cx);
            let json = (!script.same(self.script.as_ref())).then(|| script.to_json());
            json.map(|json| (script, json))
        });
        let state = match ran {
            Ok(state) => state,
            Err(failure) => {
                self.complain(&failure, batch.now_ms);
                self.services.commit(batch);
                return true;
            }
        };
        fail_point!("script.ticked");
        let (announced, signals) = cx.into_parts();
        let key = Key::Script(self.record.id);
        if (state.is_some() || !signals.is_empty()) && self.services.must_wait(&batch) {
            return false;
        }
        if let Some((script, json)) = state {
            self.record.state = json;
            self.record.start_at += self.ticked * self.record.period_ms;
            self.ticked = 0;
            batch.changes.push(Change::Script(Box::new(self.record.clone())));
            batch.change(key);
            self.script = script;
        }
        if let Err(failure) = self.services.send_signals(&mut batch, key, signals) {
            self.complain(&failure, batch.now_ms);
        }
        let services = self.services.clone();
        if announced.is_empty() {
            services.commit(batch);
            return true;
        }
        if batch.changed.contains(&key) {
            services.opened(&batch, key);
        }
        let everybody = services.accounts.send(Everybody);
        ctx.spawn(everybody.into_actor(self).map(move |to, _, _| {
            let to = to.unwrap_or_default().all;
            let items = announced.into_iter().map(|text| Item::Text { to: to.clone(), text: text.into_string() });
            batch.items.extend(items);
            services.commit(batch);
        }));
        true
    }

    fn complain(&mut self, failure: &Failure, now_ms: i64) {
        if self.complaints.is_news(failure.to_string(), now_ms) {
            tracing::error!(script = self.record.key, "script {} failed: {failure}", self.record.key);
            complaints::tell_all(&self.services, failure, Concerned::Everybody);
        }
    }

    fn wait(&self, ctx: &mut Context<Self>) {
        if self.record.period_ms <= 0 {
            return;
        }
        let next = self.record.start_at + (self.ticked + 1) * self.record.period_ms;
        let wait = Duration::from_millis((next - self.services.now_ms()).max(1) as u64);
        ctx.run_later(if self.waits_for_storage { LATER } else { wait }, Self::tick);
    }
}

fn due(record: &ScriptRecord, now_ms: i64) -> i64 {
    if record.period_ms <= 0 { 0 } else { (now_ms - record.start_at).div_euclid(record.period_ms) }
}

crate::counted!(ScriptActor, meter::waiting(meter::Kind::Script));

impl Actor for ScriptActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(SCRIPT_MAILBOX);
        self.wait(ctx);
    }
}

impl Handler<Signalled> for ScriptActor {
    type Result = ();

    fn handle(&mut self, Signalled { signal, sender }: Signalled, ctx: &mut Self::Context) {
        let mut batch = Batch::begin(None, self.services.now_ms());
        batch.change(Key::Script(self.record.id));
        sender.into_iter().for_each(|sender| batch.meet(sender));
        batch.changes.push(Change::SignalGone(signal.id));
        let signal = arrived(&signal);
        let cx = ScriptCx::for_signal(batch.now_ms, self.services.hall.clock.at(batch.now_ms), &signal);
        // A signal is spent with what it does: that goes on whatever storage does.
        self.run(batch, cx, |script, cx| script.on_signal(&signal, cx), ctx);
    }
}
