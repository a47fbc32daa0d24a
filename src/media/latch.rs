//! The latch: which source a leg's sound is taken from, and where its own sound goes.
//! Open after each offer or answer that changes the peer's address. Takes the signalled address at once, another source
//! after three consistent packets (a peer behind NAT), then closes; opens again after 500 ms of silence.
//! What a closed latch refuses is counted per source: that is how we know which side is silent and why.

use std::net::SocketAddr;

use crate::base::{Span, Time, bounds};

/// Packets in sequence, of one source and SSRC, that make an unsignalled source the peer.
pub const CONSISTENT_PACKETS: u8 = 3;
/// Without sound for this long the latch opens again: the peer may have moved.
pub const REOPEN_AFTER: Span = Span::millis(500);

#[derive(Clone, Debug, Default)]
pub struct Latch {
    signalled: Option<SocketAddr>,
    current: Option<SocketAddr>,
    /// Last packet of `current` while the latch is closed on it.
    heard: Option<Time>,
    candidate: Option<Candidate>,
    refused: Vec<(SocketAddr, u32)>,
    refused_total: u64,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    next: u16,
    seen: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Accepted,
    /// It may become the peer: not heard yet, not refused either.
    Waiting,
    Refused,
}

impl Latch {
    /// A new offer/answer: the latch opens and what it knew is void.
    pub fn open(&mut self, signalled: SocketAddr) {
        self.signalled = Some(signalled);
        self.current = None;
        self.heard = None;
        self.candidate = None;
    }

    /// Where our sound goes: to the latched source, or else where the SDP said.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.current.or(self.signalled)
    }

    /// The latched source; `None` before any.
    pub fn current(&self) -> Option<SocketAddr> {
        self.current
    }

    /// Packets refused, by all sources.
    pub fn refused(&self) -> u64 {
        self.refused_total
    }

    /// The first [`bounds::REFUSED_SOURCES`] refused sources and their packets.
    pub fn refused_sources(&self) -> &[(SocketAddr, u32)] {
        &self.refused
    }

    /// Judges one RTP packet.
    pub fn judge(&mut self, from: SocketAddr, ssrc: u32, sequence: u16, now: Time) -> Entry {
        if self.current == Some(from) {
            self.heard = Some(now);
            self.candidate = None;
            return Entry::Accepted;
        }
        if self.is_closed(now) && !self.is_signalled_late(from) {
            return self.refuse(from);
        }
        if self.signalled == Some(from) {
            return self.close_on(from, now);
        }
        let seen = match self.candidate {
            Some(c) if c.from == from && c.ssrc == ssrc && c.next == sequence => c.seen + 1,
            Some(_) | None => 1,
        };
        if seen >= CONSISTENT_PACKETS {
            return self.close_on(from, now);
        }
        self.candidate = Some(Candidate { from, ssrc, next: sequence.wrapping_add(1), seen });
        Entry::Waiting
    }

    fn is_closed(&self, now: Time) -> bool {
        self.heard.is_some_and(|heard| now - heard < REOPEN_AFTER)
    }

    /// The old stream of a peer that moves is still in flight after the re-INVITE and may close the latch once more on
    /// the old address. The signalled address was named by the peer itself, so it wins then, also against a closed latch.
    fn is_signalled_late(&self, from: SocketAddr) -> bool {
        self.signalled == Some(from)
    }

    fn close_on(&mut self, from: SocketAddr, now: Time) -> Entry {
        self.current = Some(from);
        self.heard = Some(now);
        self.candidate = None;
        Entry::Accepted
    }

    fn refuse(&mut self, from: SocketAddr) -> Entry {
        self.refused_total += 1;
        if let Some((_, count)) = self.refused.iter_mut().find(|(source, _)| *source == from) {
            *count = count.saturating_add(1);
        } else if self.refused.len() < bounds::REFUSED_SOURCES {
            self.refused.push((from, 1));
        }
        Entry::Refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Entry::{Accepted, Refused, Waiting};

    fn source(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    /// (ms, port, ssrc, sequence, verdict); the signalled port is 1.
    fn run(latch: &mut Latch, steps: &[(i64, u16, u32, u16, Entry)]) {
        for &(ms, port, ssrc, sequence, expected) in steps {
            let at = Time(ms * 1_000);
            assert_eq!(latch.judge(source(port), ssrc, sequence, at), expected, "{ms} ms, port {port}, {sequence}");
        }
    }

    fn opened() -> Latch {
        let mut latch = Latch::default();
        latch.open(source(1));
        latch
    }

    #[test]
    fn the_signalled_address_is_taken_at_once_and_closes() {
        let mut latch = opened();
        assert_eq!(latch.destination(), Some(source(1)));
        run(
            &mut latch,
            &[
                (0, 1, 7, 10, Accepted),
                (5, 2, 8, 1, Refused),
                (25, 2, 8, 2, Refused),
                (45, 2, 8, 3, Refused),
                (60, 3, 9, 1, Refused),
                (80, 1, 7, 11, Accepted),
            ],
        );
        assert_eq!(latch.refused(), 4);
        assert_eq!(latch.refused_sources(), [(source(2), 3), (source(3), 1)]);
    }

    #[test]
    fn another_source_needs_three_consistent_packets() {
        let mut latch = opened();
        run(
            &mut latch,
            &[(0, 2, 8, 65_534, Waiting), (20, 2, 8, 65_535, Waiting), (40, 2, 8, 0, Accepted), (60, 3, 8, 1, Refused)],
        );
        assert_eq!(latch.destination(), Some(source(2)));
    }

    #[test]
    fn three_packets_that_do_not_agree_take_nothing() {
        for (name, steps) in [
            ("a gap", [(2, 8, 1), (2, 8, 2), (2, 8, 4)]),
            ("another ssrc", [(2, 8, 1), (2, 8, 2), (2, 9, 3)]),
            ("another port", [(2, 8, 1), (2, 8, 2), (3, 8, 3)]),
            ("the same packet", [(2, 8, 1), (2, 8, 1), (2, 8, 1)]),
        ] {
            let mut latch = opened();
            for (i, (port, ssrc, sequence)) in steps.into_iter().enumerate() {
                let at = Time(i as i64 * 20_000);
                assert_eq!(latch.judge(source(port), ssrc, sequence, at), Waiting, "{name}");
            }
            assert_eq!(latch.destination(), Some(source(1)), "{name}");
        }
    }

    #[test]
    fn silence_of_500_ms_opens_it_and_our_sound_stays_where_it_went() {
        let mut latch = opened();
        run(&mut latch, &[(0, 1, 7, 1, Accepted), (499, 2, 8, 1, Refused), (500, 2, 8, 2, Waiting)]);
        assert_eq!(latch.destination(), Some(source(1)));
        run(&mut latch, &[(520, 2, 8, 3, Waiting), (530, 1, 7, 2, Accepted), (540, 2, 8, 4, Refused)]);
        run(
            &mut latch,
            &[
                (1_100, 2, 8, 5, Waiting),
                (1_120, 2, 8, 6, Waiting),
                (1_140, 2, 8, 7, Accepted),
                (1_150, 3, 1, 1, Refused),
            ],
        );
        assert_eq!(latch.destination(), Some(source(2)));
    }

    #[test]
    fn a_new_offer_forgets_the_source_and_its_stragglers_do_not_keep_the_new_one_out() {
        let mut latch = opened();
        run(&mut latch, &[(0, 1, 7, 1, Accepted)]);
        latch.open(source(5));
        assert_eq!(latch.destination(), Some(source(5)));
        run(
            &mut latch,
            &[
                (20, 1, 7, 2, Waiting),
                (40, 1, 7, 3, Waiting),
                (60, 1, 7, 4, Accepted),
                (70, 5, 7, 5, Accepted),
                (80, 1, 7, 6, Refused),
            ],
        );
    }

    #[test]
    fn sources_counted_apart_are_bounded() {
        let mut latch = opened();
        run(&mut latch, &[(0, 1, 7, 1, Accepted)]);
        for port in 100..200 {
            run(&mut latch, &[(1, port, 1, 1, Refused)]);
        }
        assert_eq!((latch.refused(), latch.refused_sources().len()), (100, bounds::REFUSED_SOURCES));
    }
}
