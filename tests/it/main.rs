//! What players, keepers and programs see of a running world: the real executable, real sockets.
//!
//! Many tests speak of the first world. They rely on this much of it: the room where new characters begin has an exit
//! `north` to a room with an exit `south` back; in it lie a lamp, a key and two things of which both are called ball
//! (`red ball`, `blue ball`).
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends by panicking")]

mod admin;
mod backup;
mod badinput;
mod brittle;
mod browser;
mod entering;
mod faults;
mod handover;
mod layers;
mod pages;
mod playing;
mod postgres;
mod processes;
mod sizes;
mod storage;
mod survival;
mod time;
mod torture;
mod transcripts;
mod typists;
mod upkeep;
mod websocket;

use everhall::testing::{Builder, TestServer};

/// The plan of a world with the executable under test.
fn plan() -> Builder {
    TestServer::with_exe(env!("CARGO_BIN_EXE_everhall"))
}

/// A fresh first world.
fn world() -> TestServer {
    plan().start()
}
