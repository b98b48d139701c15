//! Safe mode: how a server runs that follows five which died early. Nothing happens by itself (no script ticks, no timer
//! fires, no signal that was on its way is delivered), and only Admins get through: they log in and type as ever. Everybody
//! else stays connected; their lines are acknowledged with a sentence and not run, so that none of them, nor what their
//! hooks do, can be what the next server dies of.

use crate::text;
use crate::text::Markup;
use crate::world::caller::Caller;
use crate::world::record::Permission;

/// Tells whether a person's lines are run in safe mode.
pub(super) fn lets_through(caller: &Caller) -> bool {
    caller.may(Permission::Admin)
}

/// What everybody else is answered.
pub(super) fn not_run() -> Markup {
    text!("The world is in safe mode until a keeper has mended it. That was not done; please try again later.")
}

/// What somebody is answered who wants to come in and may not.
pub(super) fn not_in() -> Markup {
    text!("The world is in safe mode until a keeper has mended it: only Admins may come in. Please try again later.")
}

/// Stands below the welcome screen.
pub(super) fn notice() -> Markup {
    text!("\n|yThe world is in safe mode: only Admins may come in.|n")
}
