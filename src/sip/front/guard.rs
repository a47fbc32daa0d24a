//! How fast a source may send, and who has guessed passwords too often.
//! Owns two bounded tables. UDP sources are slowed and never banned, as anybody can write their address; a ban is for
//! (source, user) pairs on TCP. Trunks are never slowed, nor are they or sources with a live registration banned: who
//! calls this says so. In: a source and the time. Out: yes or no.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use super::Class;
use crate::base::bounds::{FAILURES_COUNTED, SOURCES_COUNTED};
use crate::base::{Span, Time};

/// Initial requests of one source address: an office of 5,000 phones behind one NAT comes back within half a minute.
pub const REQUESTS_PER_SECOND: u32 = 500;
/// What may come at once.
pub const REQUESTS_BURST: u32 = 5_000;
/// Messages of running calls are taken at this multiple of the rate.
const DIALOG_FACTOR: u32 = 8;
/// Wrong passwords of one user from one source before it is banned.
pub const FAILURES_MAX: u8 = 10;
/// How long a ban lasts, and after how long failures are forgotten.
pub const BAN: Span = Span::minutes(5);

/// What is kept of a user's name.
const USER_CHARS: usize = 64;

/// RFC-less, well known: fills at a rate up to a burst, each message takes one.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Micro-tokens.
    level: i64,
    at: Time,
}

impl Bucket {
    pub fn full(burst: u32, t: Time) -> Self {
        Self { level: i64::from(burst) * 1_000_000, at: t }
    }

    pub fn take(&mut self, per_second: u32, burst: u32, t: Time) -> bool {
        let gained = t.since(self.at).as_micros().max(0).saturating_mul(i64::from(per_second));
        self.level = self.level.saturating_add(gained).min(i64::from(burst) * 1_000_000);
        self.at = t;
        let enough = self.level >= 1_000_000;
        if enough {
            self.level -= 1_000_000;
        }
        enough
    }
}

#[derive(Debug, Default)]
pub struct Rates {
    /// Initial requests, and messages of running calls.
    buckets: BTreeMap<IpAddr, (Bucket, Bucket)>,
    pub refused: u64,
}

impl Rates {
    /// May this message in? A trunk's source is not asked about.
    pub fn admit(&mut self, source: IpAddr, class: Class, t: Time) -> bool {
        let source = network(source);
        if !self.buckets.contains_key(&source) && self.buckets.len() >= SOURCES_COUNTED {
            forget_oldest(&mut self.buckets, |(one, two)| one.at.max(two.at));
        }
        let full = |factor: u32| Bucket::full(REQUESTS_BURST * factor, t);
        let (initial, dialog) = self.buckets.entry(source).or_insert_with(|| (full(1), full(DIALOG_FACTOR)));
        let admitted = match class {
            Class::Other | Class::Invite => initial.take(REQUESTS_PER_SECOND, REQUESTS_BURST, t),
            Class::Dialog => dialog.take(REQUESTS_PER_SECOND * DIALOG_FACTOR, REQUESTS_BURST * DIALOG_FACTOR, t),
        };
        self.refused += u64::from(!admitted);
        admitted
    }
}

/// Whom an address stands for: of IPv6 a customer has 2^64 (RFC 4291 §2.5.1), and could use each of them once.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(ip) => ip.into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

/// Makes room in a full table. An eighth goes at once: a flood of forged sources would otherwise search the whole table
/// for each datagram.
fn forget_oldest<K: Ord, V>(table: &mut BTreeMap<K, V>, last: impl Fn(&V) -> Time) {
    let mut times: Vec<Time> = table.values().map(&last).collect();
    let count = times.len() / 8 + 1;
    if count > times.len() {
        return;
    }
    let (_, &mut newest, _) = times.select_nth_unstable(count - 1);
    let mut left = count;
    table.retain(|_, value| {
        let goes = left > 0 && last(value) <= newest;
        left -= usize::from(goes);
        !goes
    });
}

/// Failed credentials.
#[derive(Debug, Default)]
pub struct Failures {
    counts: BTreeMap<(IpAddr, String), (u8, Time)>,
    pub banned: u64,
}

/// Of a name only the beginning counts: it comes from anybody and may be as long as a message.
fn key(source: IpAddr, user: &str) -> (IpAddr, String) {
    (network(source), user.chars().take(USER_CHARS).collect())
}

impl Failures {
    /// On a connection alone: a datagram's address can be forged, and would ban whom it names.
    pub fn failed(&mut self, source: IpAddr, user: &str, t: Time) {
        let key = key(source, user);
        if !self.counts.contains_key(&key) && self.counts.len() >= FAILURES_COUNTED {
            forget_oldest(&mut self.counts, |(_, last)| *last);
        }
        let (count, last) = self.counts.entry(key).or_insert((0, t));
        *count = if t.since(*last) >= BAN { 1 } else { count.saturating_add(1) };
        *last = t;
    }

    pub fn succeeded(&mut self, source: IpAddr, user: &str) {
        self.counts.remove(&key(source, user));
    }

    /// Whoever asks has made sure that it is TCP, no trunk, and has no live registration.
    pub fn is_banned(&mut self, source: IpAddr, user: &str, t: Time) -> bool {
        let found = self.counts.get(&key(source, user));
        let banned = found.is_some_and(|(count, last)| *count >= FAILURES_MAX && t.since(*last) < BAN);
        self.banned += u64::from(banned);
        banned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    #[test]
    fn a_flood_is_cut_to_the_rate_and_calls_that_run_are_not() {
        let mut rates = Rates::default();
        let in_burst = (0..10_000).filter(|_| rates.admit(IP, Class::Other, Time(0))).count();
        assert_eq!(in_burst, REQUESTS_BURST as usize);
        let second = Time(0) + Span::seconds(1);
        let later = (0..10_000).filter(|_| rates.admit(IP, Class::Invite, second)).count();
        assert_eq!(later, REQUESTS_PER_SECOND as usize);
        assert!(rates.admit(IP, Class::Dialog, second));
        assert!(rates.admit(IpAddr::from([198, 51, 100, 8]), Class::Other, second), "others do not pay for it");
        assert_eq!(rates.refused, 20_000 - in_burst as u64 - later as u64);
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_are_one_source() {
        let mut rates = Rates::default();
        let at = |network: u16, host: u16| IpAddr::from([0x2001, 0xdb8, 0, network, 0, 0, 0, host]);
        let in_burst = (0..10_000).filter(|&host| rates.admit(at(1, host), Class::Other, Time(0))).count();
        assert_eq!(in_burst, REQUESTS_BURST as usize);
        assert!(rates.admit(at(2, 1), Class::Other, Time(0)), "another network");
    }

    #[test]
    fn the_table_of_sources_is_bounded() {
        let mut rates = Rates::default();
        for n in 0..SOURCES_COUNTED as u32 + 10 {
            rates.admit(IpAddr::from(n.to_be_bytes()), Class::Other, Time(i64::from(n)));
        }
        assert!(rates.buckets.len() <= SOURCES_COUNTED);
    }

    #[test]
    fn a_flood_of_forged_sources_does_not_make_each_datagram_search_the_table() {
        let mut rates = Rates::default();
        for n in 0..=SOURCES_COUNTED as u32 {
            rates.admit(IpAddr::from(n.to_be_bytes()), Class::Other, Time(i64::from(n)));
        }
        let newest = IpAddr::from((SOURCES_COUNTED as u32 - 1).to_be_bytes());
        assert!(rates.buckets.len() <= SOURCES_COUNTED * 7 / 8 + 1, "room for many is made at once");
        assert!(rates.buckets.contains_key(&newest), "the oldest go");
        let mut failures = Failures::default();
        for n in 0..=FAILURES_COUNTED as u32 {
            failures.failed(IpAddr::from(n.to_be_bytes()), "1001", Time(i64::from(n)));
        }
        assert!(failures.counts.len() <= FAILURES_COUNTED * 7 / 8 + 1);
    }

    #[test]
    fn a_long_user_name_costs_no_more_memory_than_a_short_one() {
        let mut failures = Failures::default();
        let user = "\u{e4}".repeat(30_000);
        for _ in 0..FAILURES_MAX {
            failures.failed(IP, &user, Time(0));
        }
        assert!(failures.counts.keys().all(|(_, user)| user.len() <= 128));
        assert!(failures.is_banned(IP, &user, Time(0)));
        failures.succeeded(IP, &user);
        assert!(failures.counts.is_empty());
    }

    #[test]
    fn ten_wrong_passwords_ban_one_user_from_one_source_for_a_while() {
        let mut failures = Failures::default();
        for n in 0..FAILURES_MAX {
            assert!(!failures.is_banned(IP, "1001", Time(i64::from(n))));
            failures.failed(IP, "1001", Time(i64::from(n)));
        }
        assert!(failures.is_banned(IP, "1001", Time(100)) && !failures.is_banned(IP, "1002", Time(100)));
        assert!(!failures.is_banned(IP, "1001", Time(100) + BAN));
        failures.succeeded(IP, "1001");
        assert!(failures.counts.is_empty());
    }
}
