//! How fast a source may send, and who has guessed passwords too often.
//! Owns two bounded tables. UDP sources are slowed and never banned, as anybody can write their address; a ban is for
//! (source, user) pairs on TCP. Trunks are never slowed, nor are they or sources with a live registration banned: who
//! calls this says so. In: a source and the time. Out: yes or no.

use std::collections::BTreeMap;
use std::net::IpAddr;

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
        if !self.buckets.contains_key(&source) && self.buckets.len() >= SOURCES_COUNTED {
            self.forget(t);
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

    /// Makes room: a bucket that is full by now says nothing; if none is, the one idle for longest goes.
    fn forget(&mut self, t: Time) {
        let refill = Span::seconds(i64::from(REQUESTS_BURST / REQUESTS_PER_SECOND));
        self.buckets.retain(|_, (one, two)| t.since(one.at.max(two.at)) < refill);
        if self.buckets.len() >= SOURCES_COUNTED {
            let oldest = self.buckets.iter().min_by_key(|(_, (one, two))| one.at.max(two.at)).map(|(ip, _)| *ip);
            oldest.and_then(|ip| self.buckets.remove(&ip));
        }
    }
}

/// Failed credentials.
#[derive(Debug, Default)]
pub struct Failures {
    counts: BTreeMap<(IpAddr, String), (u8, Time)>,
    pub banned: u64,
}

impl Failures {
    pub fn failed(&mut self, source: IpAddr, user: &str, t: Time) {
        let key = (source, user.to_owned());
        if !self.counts.contains_key(&key) && self.counts.len() >= FAILURES_COUNTED {
            self.counts.retain(|_, (_, last)| t.since(*last) < BAN);
            if self.counts.len() >= FAILURES_COUNTED {
                let oldest = self.counts.iter().min_by_key(|(_, (_, last))| *last).map(|(key, _)| key.clone());
                oldest.and_then(|key| self.counts.remove(&key));
            }
        }
        let (count, last) = self.counts.entry(key).or_insert((0, t));
        *count = if t.since(*last) >= BAN { 1 } else { count.saturating_add(1) };
        *last = t;
    }

    pub fn succeeded(&mut self, source: IpAddr, user: &str) {
        self.counts.remove(&(source, user.to_owned()));
    }

    /// Whoever asks has made sure that it is TCP, no trunk, and has no live registration.
    pub fn is_banned(&mut self, source: IpAddr, user: &str, t: Time) -> bool {
        let found = self.counts.get(&(source, user.to_owned()));
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
    fn the_table_of_sources_is_bounded() {
        let mut rates = Rates::default();
        for n in 0..SOURCES_COUNTED as u32 + 10 {
            rates.admit(IpAddr::from(n.to_be_bytes()), Class::Other, Time(i64::from(n)));
        }
        assert!(rates.buckets.len() <= SOURCES_COUNTED);
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
