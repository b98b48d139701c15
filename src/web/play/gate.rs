//! How many sockets may be open: in all, and from one address. Loopback is exempt from the count by address.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use crate::config::LimitsConfig;

/// Counts the sockets of one listener. It lives on one thread, because there is one web worker.
pub(super) struct Gate {
    total_limit: usize,
    address_limit: usize,
    counts: RefCell<Counts>,
}

#[derive(Default)]
struct Counts {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why a socket was turned away. The text goes to the person at the other end.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum GateError {
    /// `limits.connections` is reached.
    #[error("All places are taken at the moment. Please try again later.")]
    Full,
    /// `limits.connections_per_address` is reached.
    #[error("There are too many connections from your address already.")]
    Address,
}

/// One socket's place. Dropping it gives the place back.
pub(super) struct Pass {
    gate: Rc<Gate>,
    address: Option<IpAddr>,
}

impl Gate {
    /// Returns a gate that nobody has passed yet.
    pub(super) fn new(limits: &LimitsConfig) -> Rc<Self> {
        Rc::new(Self {
            total_limit: limits.connections,
            address_limit: limits.connections_per_address,
            counts: RefCell::default(),
        })
    }

    /// Takes a place for a socket from `address`.
    ///
    /// # Errors
    ///
    /// [`GateError`] if there is none.
    pub(super) fn pass(self: &Rc<Self>, address: IpAddr) -> Result<Pass, GateError> {
        let address = address.to_canonical();
        let counted = (!address.is_loopback()).then_some(address);
        let mut counts = self.counts.borrow_mut();
        if counts.total >= self.total_limit {
            return Err(GateError::Full);
        }
        if let Some(address) = counted {
            let count = counts.by_address.entry(address).or_insert(0);
            if *count >= self.address_limit {
                return Err(GateError::Address);
            }
            *count += 1;
        }
        counts.total += 1;
        Ok(Pass { gate: self.clone(), address: counted })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut counts = self.gate.counts.borrow_mut();
        counts.total = counts.total.saturating_sub(1);
        if let Some(address) = self.address
            && let Some(count) = counts.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(total_limit: usize, address_limit: usize) -> Rc<Gate> {
        Rc::new(Gate { total_limit, address_limit, counts: RefCell::default() })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_cannot_take_all_places_and_gets_them_back() {
        let gate = gate(10, 2);
        let first = gate.pass(ip("192.0.2.1")).ok().unwrap();
        let _second = gate.pass(ip("::ffff:192.0.2.1")).ok().unwrap();
        assert_eq!(gate.pass(ip("192.0.2.1")).err(), Some(GateError::Address));
        assert!(gate.pass(ip("192.0.2.2")).is_ok());
        drop(first);
        assert!(gate.pass(ip("192.0.2.1")).is_ok());
    }

    #[test]
    fn loopback_counts_only_in_total() {
        let gate = gate(3, 1);
        let places: Vec<_> = (0..3).map(|_| gate.pass(ip("127.0.0.1")).ok().unwrap()).collect();
        assert_eq!(gate.pass(ip("::1")).err(), Some(GateError::Full));
        drop(places);
        assert!(gate.pass(ip("::1")).is_ok());
        assert!(gate.counts.borrow().by_address.is_empty());
    }
}
