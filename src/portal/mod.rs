//! PORTAL PROCESS. Holds sockets, knows no game.
pub mod door;
