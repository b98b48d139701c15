//! A session that types one line for the world's keeper and returns what it is answered.

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::mailbox::repay;
use crate::portal::door::{Deliver, Delivery, Gone, Open, Typed};
use crate::portal::presentation;
use crate::portal::switchboard::Switchboard;
use crate::wire::{Colors, Facts};

/// Collects what is shown until the line is acknowledged.
struct Listener {
    output: String,
    done: Option<oneshot::Sender<String>>,
}

impl Actor for Listener {
    type Context = Context<Self>;
}

impl Handler<Deliver> for Listener {
    type Result = ();

    fn handle(&mut self, Deliver(deliveries): Deliver, _: &mut Context<Self>) {
        for delivery in deliveries {
            match delivery {
                Delivery::Text { output, .. } => self.output.push_str(&presentation::plain(&output.text)),
                Delivery::Ack { .. } | Delivery::Close(_) => {
                    if let Some(done) = self.done.take() {
                        // Who asked may have given up.
                        let _ = done.send(std::mem::take(&mut self.output));
                    }
                }
                _ => {}
            }
        }
    }
}

/// Tells the switchboard that the session is over, also when nobody waits any more.
struct Ending<'a> {
    switchboard: &'a Addr<Switchboard>,
    session: crate::ids::SessionId,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        repay(self.switchboard, Gone { session: self.session, reason: "done".into() });
    }
}

/// Runs one line in a session that needs no login; returns what it was answered, as plain text.
pub(super) async fn run(switchboard: &Addr<Switchboard>, line: &str) -> Result<String, String> {
    let (done, output) = oneshot::channel();
    let door = Listener { output: String::new(), done: Some(done) }.start();
    let facts = Facts {
        protocol: "control".into(),
        width: 0,
        height: 0,
        colors: Colors::None,
        trusted: true,
        ..Facts::default()
    };
    let open = Open { facts, door: door.recipient(), resumable: false };
    let opened = switchboard.send(open).await.map_err(|error| error.to_string())?.map_err(|refused| refused.0)?;
    let session = opened.session;
    let _ending = Ending { switchboard, session };
    let line: String = line.chars().filter(|letter| !letter.is_control()).collect();
    repay(switchboard, Typed { session, line, secret: false, n: None });
    output.await.map_err(|_| "the world is shutting down".into())
}
