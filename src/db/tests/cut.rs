//! A connection to PostgreSQL that breaks in the middle of a flush, wherever that may be.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

use super::{Stage, flush};
use crate::db::{Flush, LoadOutbox, MetaRead, Tells};
use crate::ids::{AccountId, SessionId};
use crate::world::record::{Change, StoredTell};

/// Bytes that still pass in one direction before the connection is cut. Above what any test sends: no cut.
type Budget = Arc<AtomicI64>;

const NO_CUT: i64 = i64::MAX / 2;

/// Stands between the pool and its database.
struct Proxy {
    address: SocketAddr,
    to_server: Budget,
    to_client: Budget,
}

impl Proxy {
    fn start(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let to_server = Budget::new(AtomicI64::new(NO_CUT));
        let to_client = Budget::new(AtomicI64::new(NO_CUT));
        let (outward, inward) = (Arc::clone(&to_server), Arc::clone(&to_client));
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (outward, inward) = (Arc::clone(&outward), Arc::clone(&inward));
                thread::spawn(move || pump(client, server, &outward));
                thread::spawn(move || pump(server_too, client_too, &inward));
            }
        });
        Self { address, to_server, to_client }
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, budget: &AtomicI64) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let left = budget.fetch_sub(read as i64, Ordering::SeqCst);
        let pass = read.min(left.max(0) as usize);
        if to.write_all(&buffer[..pass]).is_err() {
            break;
        }
        if pass < read {
            budget.store(NO_CUT, Ordering::SeqCst);
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn tell(id: u64) -> Change {
    Change::Tell(Box::new(StoredTell {
        id,
        to: AccountId(1),
        from: AccountId(2),
        speaker: "Bob".to_owned(),
        text: "x".repeat(200),
        at: id as i64,
    }))
}

#[test]
fn a_flush_is_written_once_wherever_its_connection_is_cut() {
    let Some(mut stage) = Stage::postgres() else { return };
    let url = stage.storage.database_url.take().unwrap();
    let (before, after) = url.split_once('@').unwrap();
    let (server, name) = after.split_once('/').unwrap();
    let proxy = Proxy::start(server.to_owned());
    stage.storage.database_url = Some(format!("{before}@{}/{name}", proxy.address));
    stage.world(|pool, taken| async move {
        let to_server = (0..1500).step_by(30).map(|bytes| (&proxy.to_server, bytes));
        let to_client = (0..300).step_by(6).map(|bytes| (&proxy.to_client, bytes));
        let mut number = 0;
        for (budget, bytes) in to_server.chain(to_client) {
            number += 1;
            budget.store(bytes, Ordering::SeqCst);
            let changes = vec![tell(number), Change::Cursor(SessionId(1), number)];
            let flush = Flush { outbox: Some(vec![7; 100]), ..flush(taken, number, changes) };
            let flushed = pool.flush(flush).await;
            assert!(flushed.is_ok(), "cut after {bytes} bytes: {flushed:?}");
            budget.store(NO_CUT, Ordering::SeqCst);
        }
        assert_eq!(pool.read(MetaRead).await.unwrap().flush, number);
        assert_eq!(pool.read(LoadOutbox { above: 0 }).await.unwrap().len() as u64, number);
        let stored: Vec<u64> = pool.read(Tells(AccountId(1))).await.unwrap().iter().map(|tell| tell.id).collect();
        assert_eq!(stored, (1..=number).collect::<Vec<_>>());
    });
}
