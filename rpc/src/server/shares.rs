//! What one address may take of a listener that serves everybody: connections at a time, and calls a second.
//!
//! The rate is the generic cell rate algorithm: one instant an address, no timer. A batch is charged when its length is known, after it
//! was answered, so an address can be in debt by one batch a connection, and waits the longer.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Addresses known at a time, about 100 bytes each. Further ones are refused until one of them is idle.
const MAX_ADDRESSES: usize = 4096;

/// Leading bits of an IPv6 address that its holder cannot choose.
const V6_PREFIX: u32 = 64;

/// Bounds for each address; an IPv6 network of /64 counts as one.
#[derive(Clone, Copy, Debug)]
pub struct PerAddress {
    /// Most connections at the same time.
    pub connections: usize,
    /// Calls a second in the long run; at least 1.
    pub calls_per_second: u32,
    /// Calls at once after a pause.
    pub burst: u32,
}

/// The shares of all addresses.
#[derive(Debug)]
pub(super) struct Shares {
    bounds: PerAddress,
    interval: Duration,
    table: Mutex<HashMap<IpAddr, Share>>,
}

#[derive(Debug)]
struct Share {
    connections: usize,
    /// When its calls so far are paid for at the long rate.
    paid: Instant,
}

/// One connection of an address, given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    shares: Arc<Shares>,
    address: IpAddr,
}

impl Shares {
    pub(super) fn new(bounds: PerAddress) -> Arc<Self> {
        Arc::new(Self {
            bounds,
            interval: Duration::from_secs(1) / bounds.calls_per_second.max(1),
            table: Mutex::default(),
        })
    }

    /// A place for a connection; none if the address has as many as it may, or too many addresses are at work.
    pub(super) fn seat(self: &Arc<Self>, address: IpAddr, now: Instant) -> Option<Seat> {
        let address = network(address);
        let mut table = self.lock();
        if !table.contains_key(&address) && table.len() >= MAX_ADDRESSES {
            table.retain(|_, share| share.connections > 0 || share.paid > now);
            if table.len() >= MAX_ADDRESSES {
                return None;
            }
        }
        let share = table.entry(address).or_insert(Share {
            connections: 0,
            paid: now,
        });
        if share.connections >= self.bounds.connections {
            return None;
        }
        share.connections += 1;
        drop(table);
        Some(Seat {
            shares: Arc::clone(self),
            address,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Share>> {
        // Nothing that can panic runs while it is held.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Whether the address may call now, which then counts.
    pub(super) fn may_call(&self, now: Instant) -> bool {
        let shares = &self.shares;
        let ahead = shares.interval * shares.bounds.burst;
        let mut table = shares.lock();
        let Some(share) = table.get_mut(&self.address) else {
            return false;
        };
        let paid = share.paid.max(now);
        if paid + shares.interval > now + ahead {
            return false;
        }
        share.paid = paid + shares.interval;
        true
    }

    /// Counts calls that were answered already, beyond the first of their batch.
    pub(super) fn charge(&self, calls: u32, now: Instant) {
        let shares = &self.shares;
        if let Some(share) = shares.lock().get_mut(&self.address) {
            share.paid = share.paid.max(now) + shares.interval * calls;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if let Some(share) = self.shares.lock().get_mut(&self.address) {
            share.connections = share.connections.saturating_sub(1);
        }
    }
}

/// The part of an address that its holder cannot choose.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let mask = u128::MAX << (128 - V6_PREFIX);
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn shares() -> Arc<Shares> {
        Shares::new(PerAddress {
            connections: 2,
            calls_per_second: 10,
            burst: 5,
        })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_connections_and_gets_a_place_back() {
        let (shares, now) = (shares(), Instant::now());
        let first = shares.seat(ip("192.0.2.1"), now).unwrap();
        let _second = shares.seat(ip("::ffff:192.0.2.1"), now).unwrap();
        assert!(shares.seat(ip("192.0.2.1"), now).is_none());
        assert!(shares.seat(ip("192.0.2.2"), now).is_some());
        drop(first);
        assert!(shares.seat(ip("192.0.2.1"), now).is_some());
    }

    #[test]
    fn the_addresses_of_one_v6_network_share_and_the_next_network_does_not() {
        let (shares, now) = (shares(), Instant::now());
        let _seats = ["2001:db8::1", "2001:db8::ffff:2"].map(|a| shares.seat(ip(a), now).unwrap());
        assert!(shares.seat(ip("2001:db8:0:0:1::"), now).is_none());
        assert!(shares.seat(ip("2001:db8:0:1::1"), now).is_some());
    }

    #[test]
    fn a_burst_is_served_then_the_long_rate_and_a_pause_fills_it_again() {
        let (shares, now) = (shares(), Instant::now());
        let seat = shares.seat(ip("192.0.2.1"), now).unwrap();
        let other = shares.seat(ip("192.0.2.2"), now).unwrap();
        for call in 0..5 {
            assert!(seat.may_call(now), "call {call}");
        }
        assert!(!seat.may_call(now));
        assert!(other.may_call(now), "another address is not concerned");
        let later = now + Duration::from_millis(100);
        assert!(seat.may_call(later) && !seat.may_call(later));
        let pause = now + Duration::from_secs(60);
        let served = (0..10).filter(|_| seat.may_call(pause)).count();
        assert_eq!(served, 5, "a long pause gives no more than a burst");
    }

    #[test]
    fn a_batch_is_paid_for_in_full_and_a_new_connection_does_not_forget_it() {
        let (shares, now) = (shares(), Instant::now());
        let seat = shares.seat(ip("192.0.2.1"), now).unwrap();
        assert!(seat.may_call(now));
        seat.charge(19, now);
        drop(seat);
        let seat = shares.seat(ip("192.0.2.1"), now).unwrap();
        assert!(!seat.may_call(now + Duration::from_millis(1500)));
        assert!(seat.may_call(now + Duration::from_millis(1600)));
    }

    #[test]
    fn the_table_is_bounded_and_idle_addresses_make_room() {
        let (shares, now) = (shares(), Instant::now());
        let address = |n: usize| IpAddr::from((n as u32).to_be_bytes());
        let seats: Vec<_> = (0..MAX_ADDRESSES)
            .map(|n| shares.seat(address(n), now).unwrap())
            .collect();
        assert!(shares.seat(address(MAX_ADDRESSES), now).is_none());
        seats[0].charge(10, now);
        drop(seats);
        // All are idle but the one in debt.
        assert!(shares.seat(address(MAX_ADDRESSES), now).is_some());
        assert_eq!(shares.lock().len(), 2);
    }
}
