//! Questions: of the keeper to the server, and of the portal to its switchboard.

use actix::prelude::*;
use tokio::sync::oneshot;

use super::{Link, Switchboard};
use crate::mailbox::Counted;
use crate::wire::ToServer;

/// Asks the server a question; the reply is its JSON, or why there is none. Sent with a timeout by the control socket.
#[derive(Debug, Message)]
#[rtype(result = "Result<String, Unanswered>")]
pub struct AskServer {
    /// `status`, `account_create` …
    pub what: String,
    /// Arguments; a JSON object.
    pub json: String,
}

/// The server is away, or went away before it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server is not ready")]
pub struct Unanswered;

/// Asks for figures. Sent by the control socket, and by the portal while it waits for the last connections.
#[derive(Debug, Message)]
#[rtype(result = "Figures")]
pub struct Report;

/// What the switchboard knows in numbers.
#[derive(Debug, Clone, MessageResponse)]
pub struct Figures {
    /// Live and resumable sessions.
    pub sessions: usize,
    /// Lines that wait in the portal.
    pub waiting_lines: usize,
    /// Lines sent and not acknowledged.
    pub lines_in_flight: usize,
    /// Epoch of the server that is obeyed.
    pub epoch: u64,
    /// Last flush applied.
    pub applied: u64,
    /// Connections of closed sessions that still write.
    pub leaving: usize,
    /// Messages that wait in the switchboard's mailbox.
    pub mail_waiting: u64,
    /// The most that have waited there at one time.
    pub most_mail_waiting: u64,
}

impl Handler<AskServer> for Switchboard {
    type Result = ResponseFuture<Result<String, Unanswered>>;

    fn handle(&mut self, ask: AskServer, _: &mut Context<Self>) -> Self::Result {
        if self.link != Link::Ready {
            return Box::pin(async { Err(Unanswered) });
        }
        self.last_ask += 1;
        let (answer, answered) = oneshot::channel();
        self.asks.insert(self.last_ask, answer);
        self.tell_server(&ToServer::Ask { id: self.last_ask, what: ask.what, json: ask.json });
        Box::pin(async { answered.await.map_err(|_| Unanswered) })
    }
}

impl Handler<Report> for Switchboard {
    type Result = Figures;

    fn handle(&mut self, _: Report, _: &mut Context<Self>) -> Figures {
        self.leaving.retain(Recipient::connected);
        Figures {
            sessions: self.book.len(),
            waiting_lines: self.book.entries().map(|(_, entry)| entry.lines.waiting()).sum(),
            lines_in_flight: self.book.entries().filter(|(_, entry)| entry.lines.in_flight().is_some()).count(),
            epoch: self.book.epoch(),
            applied: self.book.applied(),
            leaving: self.leaving.len(),
            mail_waiting: Self::waiting().now(),
            most_mail_waiting: Self::waiting().most(false),
        }
    }
}
