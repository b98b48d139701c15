//! A row that contradicts one that somebody else has put into the database: a bug, whoever's it is.

use diesel::connection::SimpleConnection;
use everhall::testing::{PASSWORD, TestServer, poll};

use super::super::plan;
use super::file::lock;

/// Waits until so many batches wait for the next flush.
fn wait_for_pending(server: &TestServer, batches: u64) {
    let pending = || server.status()["journal"]["pending"].as_u64();
    let found = poll(everhall::testing::DEADLINE, || (pending()? == batches).then_some(()));
    assert!(found.is_some(), "{batches} batches should wait: {}", server.status());
}

#[test]
fn only_the_line_at_fault_is_given_up_when_a_row_contradicts_another() {
    let server = plan().start();
    let [mut ann, mut bob, mut cem] = ["Ann", "Bob", "Cem"].map(|name| server.player(name));
    let mut zoe = server.telnet("Zoe");
    // What the world does not know of: it keeps the names of all accounts itself, and does not look.
    let mut other = lock(&server);
    other
        .batch_execute(
            "INSERT INTO account SELECT 999999, 'Zoe', 'zoe', 'someone else', password_hash, permission, superuser,
             character, options, ignores, created_at, last_login_at FROM account WHERE folded = 'ann'",
        )
        .unwrap();
    // While the file is locked one flush is under way, and all others wait for the next: before, at and behind the fault.
    ann.send("get lamp");
    wait_for_pending(&server, 0);
    bob.send("get key");
    wait_for_pending(&server, 1);
    zoe.send(&format!("create Zoe {PASSWORD}"));
    wait_for_pending(&server, 2);
    cem.send("get red ball");
    wait_for_pending(&server, 3);
    let old = server.server_pid();
    other.batch_execute("COMMIT").unwrap();

    zoe.expect("Something went wrong; nothing was done.");
    server.wait_for_another(old);
    ann.expect("You pick up a lamp.");
    bob.expect("You pick up a key.");
    cem.expect("You pick up a red ball.");
    for player in [&mut ann, &mut bob, &mut cem] {
        player.sync();
    }
    for (player, thing) in [(&mut ann, "lamp"), (&mut bob, "key"), (&mut cem, "red ball")] {
        let picked = format!("You pick up a {thing}.");
        assert_eq!(player.text().matches(&picked).count(), 1, "{}", player.text());
        player.ask("inventory", &format!("You are carrying: a {thing}."));
    }
    assert_eq!(ann.text().matches("Bob picks up a key.").count(), 1);
    assert_eq!(ann.text().matches("Cem picks up a red ball.").count(), 1);
    server.wait_for_log("is given up: the database refuses a row");
    // The next server has read what is stored.
    zoe.ask(&format!("create Zoe {PASSWORD}"), "The name Zoe is taken.");
    assert!(!ann.text().contains("Zoe has entered"), "nobody saw her");
}
