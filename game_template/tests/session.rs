//! A whole session: this game's own program, spoken to by telnet.

use everhall::testing::TestServer;

#[test]
fn a_newcomer_looks_around() {
    let server = TestServer::with_exe(env!("CARGO_BIN_EXE_game_template")).start();
    let mut ann = server.player("Ann");
    ann.ask("look", "The Crossroads");
    ann.ask("toast parrot", "You raise your glass to parrot.");
    ann.ask("north", "The Canyon");
    ann.ask("say hello", "The walls answer, \"… hello\"");
}
