//! The only place that sends to an actor, and the count of what waits in mailboxes.
//!
//! Mailboxes of this engine refuse nothing: what is sent is bounded by something accepted before, one line in flight
//! per session and one firing per timer. So how much waits is worth a look, and `status` shows it.

use std::sync::atomic::{AtomicU64, Ordering};

use actix::dev::ToEnvelope;
use actix::prelude::*;

/// How many messages wait for the actors of one kind.
#[derive(Debug, Default)]
pub struct Waiting {
    now: AtomicU64,
    most: AtomicU64,
}

impl Waiting {
    /// Nothing waits.
    pub const fn new() -> Self {
        Self { now: AtomicU64::new(0), most: AtomicU64::new(0) }
    }

    /// Returns how many messages wait.
    pub fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Returns the most that have waited at one time; with `anew`, since the last such call.
    pub fn most(&self, anew: bool) -> u64 {
        if anew { self.most.swap(self.now(), Ordering::Relaxed) } else { self.most.load(Ordering::Relaxed) }
    }
}

/// An actor whose mail is counted. [`counted!`](crate::counted) implements it.
pub trait Counted: Actor {
    /// What waits for all actors of this kind.
    fn waiting() -> &'static Waiting;
}

/// A message on its way, counted until it is handled, or dropped with the mailbox.
#[derive(Debug)]
pub struct Posted<M> {
    message: M,
    _place: Place,
}

impl<M: Message> Message for Posted<M> {
    type Result = ();
}

impl<M> Posted<M> {
    /// Takes the message out: it does not wait any more.
    pub fn open(self) -> M {
        self.message
    }
}

#[derive(Debug)]
struct Place(&'static Waiting);

impl Place {
    fn among(waiting: &'static Waiting) -> Self {
        let now = waiting.now.fetch_add(1, Ordering::Relaxed) + 1;
        if now > waiting.most.load(Ordering::Relaxed) {
            waiting.most.fetch_max(now, Ordering::Relaxed);
        }
        Self(waiting)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts the mail of an actor: `counted!(RoomActor, &WAITING)`.
#[macro_export]
macro_rules! counted {
    ($actor:ty, $waiting:expr) => {
        impl $crate::mailbox::Counted for $actor {
            fn waiting() -> &'static $crate::mailbox::Waiting {
                $waiting
            }
        }

        impl<M> ::actix::Handler<$crate::mailbox::Posted<M>> for $actor
        where
            M: ::actix::Message,
            $actor: ::actix::Handler<M>,
        {
            type Result = ();

            fn handle(&mut self, posted: $crate::mailbox::Posted<M>, ctx: &mut Self::Context) {
                let result = ::actix::Handler::<M>::handle(self, posted.open(), ctx);
                // Nobody waits for it; but if it is a future, it is to run.
                ::actix::dev::MessageResponse::handle(result, ctx, None);
            }
        }
    };
}

/// Sends what is already bounded by something accepted before: one line in flight per session, one firing per
/// timer, an entity coming back. Ignores the capacity; a message to an actor that is gone is dropped.
#[expect(clippy::disallowed_methods, reason = "this is the place the lint points to")]
pub fn repay<A, M>(to: &Addr<A>, message: M)
where
    A: Counted + Handler<Posted<M>>,
    A::Context: ToEnvelope<A, Posted<M>>,
    M: Message + Send + 'static,
{
    to.do_send(Posted { message, _place: Place::among(A::waiting()) });
}

/// As [`repay`], to whoever handles the message. Not counted: such mail is a connection's output, counted in bytes there.
#[expect(clippy::disallowed_methods, reason = "this is the place the lint points to")]
pub fn repay_to<M>(to: &Recipient<M>, message: M)
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    to.do_send(message);
}

#[cfg(test)]
mod tests {
    use super::*;

    static WAITING: Waiting = Waiting::new();

    struct Reader {
        read: Vec<u32>,
    }

    impl Actor for Reader {
        type Context = Context<Self>;
    }

    crate::counted!(Reader, &WAITING);

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Page(u32);

    #[derive(Message)]
    #[rtype(result = "Vec<u32>")]
    struct Pages;

    impl Handler<Page> for Reader {
        type Result = ();

        fn handle(&mut self, page: Page, _: &mut Context<Self>) {
            self.read.push(page.0);
        }
    }

    impl Handler<Pages> for Reader {
        type Result = MessageResult<Pages>;

        fn handle(&mut self, _: Pages, _: &mut Context<Self>) -> Self::Result {
            MessageResult(self.read.clone())
        }
    }

    #[actix::test]
    async fn what_waits_is_counted_until_it_is_read_or_dropped() {
        let reader = Reader { read: Vec::new() }.start();
        for page in 1..=3 {
            repay(&reader, Page(page));
        }
        assert_eq!(WAITING.now(), 3, "nobody has had a turn yet");
        assert_eq!(reader.send(Pages).await.unwrap(), [1, 2, 3], "in order");
        assert_eq!((WAITING.now(), WAITING.most(true), WAITING.most(false)), (0, 3, 0));

        let gone = {
            let reader = Reader { read: Vec::new() }.start();
            repay(&reader, Page(4));
            reader.downgrade()
        };
        while gone.upgrade().is_some_and(|reader| reader.connected()) {
            actix_rt::task::yield_now().await;
        }
        let reader = Reader { read: Vec::new() }.start();
        reader.send(Pages).await.unwrap();
        assert_eq!(WAITING.now(), 0, "dropped with its reader, or read");
    }
}
