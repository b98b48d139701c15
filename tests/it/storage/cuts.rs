//! A connection to PostgreSQL that is cut at random bytes, again and again, while people play.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use everhall::testing::poll;

use super::super::plan;
use super::super::postgres::Database;
use super::super::typists::typists;
use super::proxy::Proxy;
use super::{check_published, publish};

/// Lines that each player publishes.
const LINES: u32 = 40;

#[test]
fn a_connection_that_is_cut_anywhere_loses_doubles_and_reorders_nothing() {
    play_over_cuts(false);
}

#[test]
fn crashes_while_the_connection_is_cut_lose_double_and_reorder_nothing() {
    play_over_cuts(true);
}

fn play_over_cuts(crashes: bool) {
    let Some(database) = Database::fresh() else { return };
    let url = database.url();
    let (before, after) = url.split_once('@').unwrap();
    let (server, name) = after.split_once('/').unwrap();
    let port = server.rsplit_once(':').map_or(5432, |(_, port)| port.parse().unwrap());
    let proxy = Proxy::to(port);
    let url = format!("{before}@127.0.0.1:{}/{name}", proxy.port());
    let server = plan().config("[storage]\npatience_ms = 500").database_url(&url).start();
    let mut players = typists(&server, 4);
    let is_over = AtomicBool::new(false);
    // As random as it need be, and the same each time.
    let mut seed = 7_u64;
    let mut roll = move |sides: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % sides
    };
    thread::scope(|scope| {
        let threads: Vec<_> = players.iter_mut().map(|player| scope.spawn(|| publish(player, LINES))).collect();
        let watcher = scope.spawn(|| {
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            is_over.store(true, Ordering::SeqCst);
        });
        let mut round = 0;
        while !is_over.load(Ordering::SeqCst) {
            round += 1;
            // Somewhere within a flush, which is about two thousand bytes.
            proxy.cut_after(roll(12_000) as i64);
            poll(Duration::from_secs(1), || (proxy.is_cut() || is_over.load(Ordering::SeqCst)).then_some(()));
            let old = if crashes && round % 8 == 0 { server.strike_server() } else { 0 };
            // Most often back before it counts as away, sometimes not.
            let pause = if roll(6) == 0 { 900 } else { roll(120) };
            poll(Duration::from_millis(pause), || None::<()>);
            proxy.let_through();
            if old != 0 {
                server.wait_for_another(old);
            }
            // Time enough for something to pass.
            poll(Duration::from_millis(30), || None::<()>);
        }
        watcher.join().unwrap();
    });
    proxy.let_through();
    for _ in 0..2 {
        players.iter_mut().for_each(|player| player.sync());
    }
    check_published(&players, LINES);
    assert!(proxy.cuts() > 10, "it was cut {} times", proxy.cuts());
    database.check("SELECT count(*) = max(n) AND count(*) = ", u64::from(LINES) * 4, " FROM channel_message");
}
