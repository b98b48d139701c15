//! The only places that send to an actor: each says what happens when the mailbox is full.

use actix::dev::{MessageResponse, ToEnvelope};
use actix::prelude::*;

/// Sends if there is room; hands the message back if there is none or the actor is gone.
///
/// # Errors
///
/// The message itself, for the caller to answer or keep.
pub fn offer<A, M>(to: &Addr<A>, message: M) -> Result<(), M>
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send + MessageResponse<A, M>,
{
    to.try_send(message).map_err(SendError::into_inner)
}

/// Sends what is already bounded by something accepted before: one line in flight per session, one firing per
/// timer, an entity coming back. Ignores the capacity; a message to an actor that is gone is dropped.
#[expect(clippy::disallowed_methods, reason = "this is the place the lint points to")]
pub fn repay<A, M>(to: &Addr<A>, message: M)
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    to.do_send(message);
}

/// As [`repay`], to whoever handles the message.
#[expect(clippy::disallowed_methods, reason = "this is the place the lint points to")]
pub fn repay_to<M>(to: &Recipient<M>, message: M)
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    to.do_send(message);
}
