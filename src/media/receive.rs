//! What arrives from one far end, counted as RFC 3550 appendix A.1, A.3 and A.8 count it, for reports and records.

use super::law::SAMPLES_PER_MS;
use crate::base::{Span, Time};

const DROPOUT_MAX: u16 = 3_000;
const MISORDER_MAX: u16 = 100;

#[derive(Clone, Debug, Default)]
pub struct Reception {
    source: Option<Source>,
    /// Packets of all sources.
    pub received: u64,
    /// Lost of sources before this one.
    lost_before: u64,
    /// Last sender report: the middle 32 bits of its NTP time, and when it came.
    sender_report: Option<(u32, Time)>,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    base: u16,
    highest: u16,
    /// Times 65,536; on the wire modulo 2^32.
    cycles: u64,
    received: u64,
    expected_before: u64,
    received_before: u64,
    /// Arrival minus timestamp of the last packet, in samples.
    transit: i32,
    /// Sixteen times the jitter in samples.
    jitter: u32,
}

/// One report block. RFC 3550 §6.4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub ssrc: u32,
    pub fraction_lost: u8,
    /// Cumulative, 24 bits signed on the wire; kept at 0 where duplicates make it negative.
    pub lost: u32,
    pub highest: u32,
    /// In samples.
    pub jitter: u32,
    pub last_sender_report: u32,
    /// In 1/65,536 s.
    pub delay: u32,
}

impl Reception {
    /// One packet the latch let in.
    pub fn packet(&mut self, ssrc: u32, sequence: u16, timestamp: u32, now: Time) {
        self.received += 1;
        let arrival = (now.0 * SAMPLES_PER_MS as i64 / 1_000) as i32;
        let transit = arrival.wrapping_sub(timestamp as i32);
        let same = self.source.as_mut().filter(|source| source.ssrc == ssrc);
        if !same.is_some_and(|source| source.take(sequence, transit)) {
            self.begin(ssrc, sequence, transit);
        }
    }

    fn begin(&mut self, ssrc: u32, sequence: u16, transit: i32) {
        self.lost_before = self.lost();
        if self.source.is_some_and(|source| source.ssrc != ssrc) {
            self.sender_report = None;
        }
        self.source = Some(Source {
            ssrc,
            base: sequence,
            highest: sequence,
            cycles: 0,
            received: 1,
            expected_before: 0,
            received_before: 0,
            transit,
            jitter: 0,
        });
    }

    /// By sequence numbers, over all sources.
    pub fn lost(&self) -> u64 {
        self.lost_before + self.source.map_or(0, |source| source.expected().saturating_sub(source.received))
    }

    pub fn jitter(&self) -> Span {
        Span::micros(self.source.map_or(0, |source| i64::from(source.jitter >> 4) * 125))
    }

    /// The far end's sender report came.
    pub fn sender_report(&mut self, ntp: u64, now: Time) {
        self.sender_report = Some(((ntp >> 16) as u32, now));
    }

    /// What we report about the far end, for the time since the last call; `None` before its first packet.
    pub fn report(&mut self, now: Time) -> Option<Block> {
        let report = self.sender_report;
        let source = self.source.as_mut()?;
        let (expected, received) = (source.expected(), source.received);
        let (expected_now, received_now) = (expected - source.expected_before, received - source.received_before);
        (source.expected_before, source.received_before) = (expected, received);
        let lost_now = expected_now.saturating_sub(received_now);
        Some(Block {
            ssrc: source.ssrc,
            fraction_lost: (lost_now * 256).checked_div(expected_now).unwrap_or(0).min(255) as u8,
            lost: expected.saturating_sub(received).min(0x7F_FFFF) as u32,
            highest: (source.cycles + u64::from(source.highest)) as u32,
            jitter: source.jitter >> 4,
            last_sender_report: report.map_or(0, |(ntp, _)| ntp),
            delay: report.map_or(0, |(_, at)| ((now - at).as_micros() * 65_536 / 1_000_000) as u32),
        })
    }
}

impl Source {
    fn expected(&self) -> u64 {
        self.cycles + u64::from(self.highest) + 1 - u64::from(self.base)
    }

    /// False: the sequence jumped so far that this is a new start.
    fn take(&mut self, sequence: u16, transit: i32) -> bool {
        let ahead = sequence.wrapping_sub(self.highest);
        if ahead < DROPOUT_MAX {
            if sequence < self.highest {
                self.cycles += 1 << 16;
            }
            self.highest = sequence;
        } else if ahead <= u16::MAX - MISORDER_MAX {
            return false;
        }
        self.received += 1;
        let difference = transit.wrapping_sub(self.transit).unsigned_abs();
        self.transit = transit;
        // A source may set its clock anew within one SSRC; a second of difference is no jitter.
        if difference < 8_000 {
            self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(reception: &mut Reception, packets: &[(i64, u32, u16, u32)]) {
        for &(ms, ssrc, sequence, timestamp) in packets {
            reception.packet(ssrc, sequence, timestamp, Time(ms * 1_000));
        }
    }

    #[test]
    fn loss_is_counted_over_wraps_reordering_and_new_sources() {
        let mut reception = Reception::default();
        feed(&mut reception, &[(0, 1, 65_533, 0), (20, 1, 65_534, 160), (60, 1, 0, 480), (61, 1, 65_535, 320)]);
        assert_eq!((reception.received, reception.lost()), (4, 0));
        feed(&mut reception, &[(100, 1, 2, 800)]);
        assert_eq!(reception.lost(), 1);
        feed(&mut reception, &[(120, 2, 40_000, 5), (140, 2, 40_003, 485)]);
        assert_eq!((reception.received, reception.lost()), (7, 3));
        feed(&mut reception, &[(160, 2, 20_000, 645)]);
        assert_eq!(reception.lost(), 3, "a jump is a new start");
    }

    #[test]
    fn a_sender_that_leaps_through_the_numbers_is_survived() {
        let mut reception = Reception::default();
        let mut sequence = 0_u16;
        for _ in 0..1_450_000 {
            reception.packet(1, sequence, 0, Time(0));
            sequence = sequence.wrapping_add(2_999);
        }
        let block = reception.report(Time(0)).expect("a source");
        assert_eq!((block.lost, block.fraction_lost), (0x7F_FFFF, 255));
        assert!(reception.lost() > 4_000_000_000);
    }

    #[test]
    fn a_report_covers_the_time_since_the_last() {
        let mut reception = Reception::default();
        assert_eq!(reception.report(Time(0)), None);
        feed(&mut reception, &[(0, 9, 1, 0), (20, 9, 2, 160), (80, 9, 4, 640)]);
        reception.sender_report(0x1122_3344_5566_7788, Time(100_000));
        let block = reception.report(Time(600_000)).expect("a source");
        assert_eq!((block.ssrc, block.fraction_lost, block.lost, block.highest), (9, 64, 1, 4));
        assert_eq!((block.last_sender_report, block.delay), (0x3344_5566, 32_768));
        feed(&mut reception, &[(100, 9, 5, 800)]);
        assert_eq!(reception.report(Time(700_000)).expect("a source").fraction_lost, 0);
    }

    #[test]
    fn jitter_follows_the_spread_of_arrivals() {
        let mut even = Reception::default();
        let mut uneven = Reception::default();
        for i in 0..500_u32 {
            let ms = i64::from(i) * 20;
            even.packet(1, i as u16, i * 160, Time(ms * 1_000));
            uneven.packet(1, i as u16, i * 160, Time((ms + i64::from(i % 2) * 10) * 1_000));
        }
        assert_eq!(even.jitter(), Span::ZERO);
        assert!((Span::millis(9)..=Span::millis(11)).contains(&uneven.jitter()), "{}", uneven.jitter().as_micros());
    }
}
