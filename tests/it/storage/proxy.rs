//! Stands between a world and its PostgreSQL, and cuts the connection after any number of bytes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread;

/// Far more than any test sends: no cut.
const NO_CUT: i64 = i64::MAX / 2;

/// A proxy to a port of this machine. It ends with the process.
pub(super) struct Proxy {
    port: u16,
    state: Arc<State>,
}

struct State {
    /// Bytes that still pass, in both directions together.
    budget: AtomicI64,
    is_shut: AtomicBool,
    cuts: AtomicU64,
}

impl Proxy {
    /// Starts one.
    pub(super) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { budget: AtomicI64::new(NO_CUT), is_shut: AtomicBool::new(false), cuts: AtomicU64::new(0) };
        let proxy = Self { port, state: Arc::new(state) };
        let state = proxy.state.clone();
        thread::spawn(move || {
            for client in listener.incoming().filter_map(Result::ok) {
                if state.is_shut.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let (client_too, server_too) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (outward, inward) = (state.clone(), state.clone());
                thread::spawn(move || outward.pump(client, server));
                thread::spawn(move || inward.pump(server_too, client_too));
            }
        });
        proxy
    }

    /// Returns where it listens.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Cuts every connection as soon as so many bytes more have passed; until [`Proxy::let_through`] nobody gets another.
    pub(super) fn cut_after(&self, bytes: i64) {
        self.state.budget.store(bytes, Ordering::SeqCst);
    }

    /// Tells whether it has been cut.
    pub(super) fn is_cut(&self) -> bool {
        self.state.is_shut.load(Ordering::SeqCst)
    }

    /// Lets everything through from now on.
    pub(super) fn let_through(&self) {
        self.state.budget.store(NO_CUT, Ordering::SeqCst);
        self.state.is_shut.store(false, Ordering::SeqCst);
    }

    /// Returns how many connections it has cut while something was passing.
    pub(super) fn cuts(&self) -> u64 {
        self.state.cuts.load(Ordering::SeqCst)
    }
}

impl State {
    fn pump(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let left = self.budget.fetch_sub(read as i64, Ordering::SeqCst);
            let pass = read.min(left.max(0) as usize);
            if pass < read {
                self.is_shut.store(true, Ordering::SeqCst);
                self.cuts.fetch_add(1, Ordering::SeqCst);
            }
            if to.write_all(&buffer[..pass]).is_err() || pass < read {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}
