//! What a sink sends: it owns SSRC, sequence and timestamp for its life (RFC 3550 §5.1).
//! A change of what it hears computes one offset: timestamp goes on by elapsed time on the engine's clock, sequence by
//! one, marker set. Inside one source, loss, silence and reordering are passed on as they came.

use super::law::SAMPLES_PER_MS;
use super::rtp::Stamp;
use crate::base::{Span, Time};

/// A step of the sequence that is a new start and no loss, as RFC 3550 appendix A.1 has them.
const DROPOUT_MAX: i16 = 3_000;
const MISORDER_MAX: i16 = 100;

/// Where packets come from. Another one, also another SSRC of the same leg, is a change of source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Leg {
        slot: u32,
        ssrc: u32,
    },
    Player,
    /// A sum of several, made here.
    Mix,
    /// Telephone-events we make ourselves.
    Digits,
}

#[derive(Clone, Debug)]
pub struct Stream {
    pub ssrc: u32,
    /// RTP packets and payload bytes sent, for sender reports. RFC 3550 §6.4.1: both count from the start.
    pub packets: u64,
    pub octets: u64,
    sequence: u16,
    timestamp: u32,
    /// When the first packet with `timestamp` was sent; `None` before the first.
    at: Option<Time>,
    /// Samples in the last packet: the next source begins behind it.
    last_samples: u32,
    feed: Option<Feed>,
}

/// The offset between a source's numbers and ours.
#[derive(Clone, Copy, Debug)]
struct Feed {
    origin: Origin,
    sequence_offset: u16,
    timestamp_offset: u32,
    /// Highest sequence of the source so far.
    highest: u16,
}

impl Stream {
    /// SSRC, first sequence and first timestamp are drawn by the caller. RFC 3550 §5.1: all three random.
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self { ssrc, packets: 0, octets: 0, sequence, timestamp, at: None, last_samples: 0, feed: None }
    }

    /// The stamp of a packet from `origin` that has `sequence` and `timestamp` there and holds `samples`.
    pub fn relay(&mut self, origin: Origin, sequence: u16, timestamp: u32, samples: u32, now: Time) -> Stamp {
        let (feed, marker) = match self.feed {
            Some(feed) if feed.origin == origin && feed.follows(sequence) => (feed, false),
            Some(_) | None => (self.change(origin, sequence, timestamp, now), true),
        };
        let out = Stamp {
            marker,
            sequence: sequence.wrapping_add(feed.sequence_offset),
            timestamp: timestamp.wrapping_add(feed.timestamp_offset),
        };
        let newer = (sequence.wrapping_sub(feed.highest) as i16) > 0;
        self.feed = Some(Feed { highest: if newer { sequence } else { feed.highest }, ..feed });
        if marker || newer {
            // each packet of a key carries the moment it began: that one stays, or the clock would stand still with it
            let at = self.at.filter(|_| !marker && out.timestamp == self.timestamp).unwrap_or(now);
            (self.sequence, self.timestamp, self.at, self.last_samples) =
                (out.sequence, out.timestamp, Some(at), samples);
        }
        out
    }

    /// A packet of the source that is not sent on: its place in the sequence closes, so it does not look like loss.
    pub fn skip(&mut self, origin: Origin, sequence: u16) {
        if let Some(feed) = self.feed.as_mut()
            && feed.origin == origin
            && sequence == feed.highest.wrapping_add(1)
        {
            feed.highest = sequence;
            feed.sequence_offset = feed.sequence_offset.wrapping_sub(1);
        }
    }

    /// What comes next is a change of source, also when it is the same one: the row was another in between.
    pub fn end_feed(&mut self) {
        self.feed = None;
    }

    /// Counts one packet that was handed to the network.
    pub fn sent(&mut self, payload_bytes: usize) {
        self.packets += 1;
        self.octets += payload_bytes as u64;
    }

    /// Our timestamp at `now`, for sender reports.
    pub fn timestamp_at(&self, now: Time) -> u32 {
        self.timestamp.wrapping_add(self.at.map_or(0, |at| samples(now - at)))
    }

    fn change(&self, origin: Origin, sequence: u16, timestamp: u32, now: Time) -> Feed {
        let (next_sequence, next_timestamp) = match self.at {
            None => (self.sequence, self.timestamp),
            Some(at) => {
                let elapsed = samples(now - at).max(self.last_samples);
                (self.sequence.wrapping_add(1), self.timestamp.wrapping_add(elapsed))
            }
        };
        Feed {
            origin,
            sequence_offset: next_sequence.wrapping_sub(sequence),
            timestamp_offset: next_timestamp.wrapping_sub(timestamp),
            highest: sequence,
        }
    }
}

impl Feed {
    fn follows(&self, sequence: u16) -> bool {
        (-MISORDER_MAX..=DROPOUT_MAX).contains(&(sequence.wrapping_sub(self.highest) as i16))
    }
}

/// A length of time in samples of G.711.
pub fn samples(span: Span) -> u32 {
    (span.as_micros().max(0) * SAMPLES_PER_MS as i64 / 1_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Origin = Origin::Leg { slot: 1, ssrc: 1 };
    const B: Origin = Origin::Leg { slot: 2, ssrc: 2 };

    #[test]
    fn numbers_go_on_over_changes_and_pass_gaps_on() {
        // (ms, origin, source's sequence and timestamp) -> (marker, our sequence, our timestamp), counted from 100/1000
        let steps = [
            (0, A, 500, 80_000, (true, 100, 1_000)),
            (20, A, 501, 80_160, (false, 101, 1_160)),
            (60, A, 503, 80_480, (false, 103, 1_480)),
            (61, A, 502, 80_320, (false, 102, 1_320)),
            (100, B, 9, 7, (true, 104, 1_800)),
            (120, B, 10, 167, (false, 105, 1_960)),
            (121, A, 506, 80_960, (true, 106, 2_120)),
            (141, A, 507, 81_120, (false, 107, 2_280)),
            (161, A, 5_000, 5, (true, 108, 2_440)),
            (2_161, A, 5_001, 16_005, (false, 109, 18_440)),
        ];
        let mut stream = Stream::new(1, 100, 1_000);
        for (ms, origin, sequence, timestamp, expected) in steps {
            let out = stream.relay(origin, sequence, timestamp, 160, Time(ms * 1_000));
            assert_eq!((out.marker, out.sequence, out.timestamp), expected, "at {ms} ms");
        }
        assert_eq!(stream.timestamp_at(Time(2_171_000)), 18_520);
    }

    #[test]
    fn after_a_long_key_the_clock_has_gone_on() {
        let mut stream = Stream::new(1, 100, 1_000);
        stream.relay(A, 1, 8_000, 160, Time(0));
        // a key of two seconds: each of its packets carries the moment it began
        for n in 0..100_u16 {
            let out = stream.relay(A, 2 + n, 8_160, 0, Time((20 + i64::from(n) * 20) * 1_000));
            assert_eq!(out.timestamp, 1_160);
        }
        assert_eq!(stream.timestamp_at(Time(2_020_000)), 1_160 + 16_000, "what a sender report says");
        assert_eq!(stream.relay(B, 7, 70, 160, Time(2_020_000)).timestamp, 1_160 + 16_000);
    }

    #[test]
    fn a_packet_left_out_leaves_no_gap() {
        let mut stream = Stream::new(1, 10, 0);
        stream.relay(A, 1, 0, 160, Time(0));
        stream.skip(A, 2);
        stream.skip(B, 3);
        assert_eq!(stream.relay(A, 3, 320, 160, Time(40_000)).sequence, 11);
        assert_eq!(stream.relay(A, 5, 640, 160, Time(80_000)).sequence, 13);
    }

    #[test]
    fn numbers_wrap() {
        let mut stream = Stream::new(1, 65_535, u32::MAX);
        stream.relay(A, 65_535, u32::MAX - 10, 160, Time(0));
        let out = stream.relay(A, 0, 149, 160, Time(20_000));
        assert_eq!((out.marker, out.sequence, out.timestamp), (false, 0, 159));
    }
    proptest::proptest! {
        /// Whatever sources come and go, what is sent in order has sequences that rise by one at each change and
        /// timestamps that follow the clock.
        #[test]
        fn no_change_of_source_breaks_the_stream(runs in proptest::collection::vec((0..3_u8, 1..20_u16, 0..3_000_u32), 1..30)) {
            let mut stream = Stream::new(1, 65_000, u32::MAX - 5_000);
            let (mut now, mut before, mut origin_before) = (Time(0), None::<(Stamp, Time)>, None);
            for (which, packets, base) in runs {
                let origin = Origin::Leg { slot: u32::from(which), ssrc: base };
                if origin_before.replace(origin) == Some(origin) {
                    continue;
                }
                for index in 0..packets {
                    let sequence = (base as u16).wrapping_mul(7).wrapping_add(index);
                    let out = stream.relay(origin, sequence, base.wrapping_mul(9_999).wrapping_add(u32::from(index) * 160), 160, now);
                    if let Some((last, at)) = before {
                        assert_eq!(out.sequence, last.sequence.wrapping_add(1));
                        assert_eq!(out.marker, index == 0);
                        assert_eq!(out.timestamp.wrapping_sub(last.timestamp), samples(now - at));
                    }
                    before = Some((out, now));
                    now += Span::millis(20);
                }
                now += Span::millis(i64::from(base));
            }
        }
    }
}
