//! Keys by RFC 4733: who pressed what (from packets), and packets that say it (from keys).
//! Owns the payload of four bytes and its timing. Leaves sequence and timestamp to the sink's stream.

use std::collections::VecDeque;

use super::words::NumberedDigit;
use crate::base::{Span, Time, bounds};

/// Bytes of one telephone-event payload. RFC 4733 §2.3.
pub const PAYLOAD_BYTES: usize = 4;
/// Length of a tone we send.
pub const TONE: Span = Span::millis(100);
/// Silence between two tones we send.
pub const PAUSE: Span = Span::millis(50);
/// Between two packets of one event. RFC 4733 §2.5.1.2 leaves it to the packet interval of the sound.
pub const UPDATE: Span = Span::millis(20);
/// The last packet of an event is sent three times, an update interval apart. RFC 4733 §2.5.1.4.
pub const END_PACKETS: u8 = 3;
/// Volume of a tone we send, in -dBm0. RFC 4733 §2.3.4.
const VOLUME: u8 = 10;
/// An event longer than a duration field of 16 bits goes on in a next segment whose timestamp lies the last duration
/// behind the first. RFC 4733 §2.5.1.3. Segments of senders that cut a little earlier are accepted too.
const SEGMENT_SAMPLES: std::ops::RangeInclusive<u32> = 0xF000..=0xFFFF;
/// A packet of an event up to 10 s before the last one is a straggler; from further back the sender's clock was set anew.
const STRAGGLER_SAMPLES: u32 = 80_000;
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// `0`-`9`, `*`, `#`, `A`-`D` as event codes 0 to 15. RFC 4733 §3.2.
pub fn event_code(digit: char) -> Option<u8> {
    let digit = digit.to_ascii_uppercase();
    KEYS.iter().position(|&key| char::from(key) == digit).map(|code| code as u8)
}

/// Finds keys in the events of one leg. By event timestamp: markers are missing with some senders and are not looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Receiver {
    last: Option<Last>,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    ssrc: u32,
    timestamp: u32,
    code: u8,
    ended: bool,
}

impl Receiver {
    /// The key, told once at the first packet of its event that arrives, whichever of its packets that is.
    pub fn receive(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) -> Option<char> {
        let &[code, flags, ..] = payload.first_chunk::<PAYLOAD_BYTES>()?;
        let ended = flags & 0x80 != 0;
        let key = char::from(*KEYS.get(code as usize)?);
        if let Some(last) = self.last.as_mut().filter(|last| last.ssrc == ssrc) {
            let ahead = timestamp.wrapping_sub(last.timestamp);
            if ahead == 0 {
                last.ended |= ended;
                return None;
            }
            if ahead.wrapping_neg() <= STRAGGLER_SAMPLES {
                return None;
            }
            if !last.ended && last.code == code && SEGMENT_SAMPLES.contains(&ahead) {
                *last = Last { ssrc, timestamp, code, ended };
                return None;
            }
        }
        self.last = Some(Last { ssrc, timestamp, code, ended });
        Some(key)
    }
}

/// Sends keys, one after the other: updates each 20 ms while the tone lasts, then its end three times.
#[derive(Clone, Debug, Default)]
pub struct Sender {
    waiting: VecDeque<(u8, u32)>,
    /// Number of the last key taken, from 1 over the leg's life.
    taken: u32,
    tone: Option<Tone>,
}

#[derive(Clone, Copy, Debug)]
struct Tone {
    code: u8,
    started: Time,
    packets: u8,
}

/// One packet to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    pub payload: [u8; PAYLOAD_BYTES],
    /// First of its event: the marker bit is set. RFC 4733 §2.2.2.
    pub first: bool,
    /// When the event began: all packets of it carry the timestamp of this moment.
    pub started: Time,
}

const TONE_PACKETS: u8 = (TONE.as_micros() / UPDATE.as_micros()) as u8;

impl Sender {
    /// Takes the keys not taken before. Full ([`bounds::DIGITS_HELD`]): the rest is dropped and returned as a number.
    pub fn offer(&mut self, digits: &[NumberedDigit]) -> usize {
        let mut dropped = 0;
        for digit in digits.iter().filter(|digit| digit.number > self.taken) {
            match event_code(digit.digit) {
                Some(code) if self.waiting.len() < bounds::DIGITS_HELD => self.waiting.push_back((code, digit.number)),
                Some(_) | None => dropped += 1,
            }
        }
        self.taken = digits.iter().map(|digit| digit.number).fold(self.taken, u32::max);
        dropped
    }

    /// A tone is being sent: other sound of the sink waits.
    pub fn is_sending(&self) -> bool {
        self.tone.is_some()
    }

    /// When the next packet is due; at once when keys wait and no tone runs.
    pub fn deadline(&self, now: Time) -> Option<Time> {
        match self.tone {
            Some(tone) => Some(tone.due()),
            None => (!self.waiting.is_empty()).then_some(now),
        }
    }

    /// The packet due at `now`, if any. The tone is over once its pause is.
    pub fn packet(&mut self, now: Time) -> Option<Packet> {
        if self.tone.is_some_and(|tone| tone.is_over() && tone.due() <= now) {
            self.tone = None;
        }
        if self.tone.is_none() {
            let (code, _) = self.waiting.pop_front()?;
            self.tone = Some(Tone { code, started: now, packets: 0 });
        }
        let tone = self.tone.as_mut().filter(|tone| !tone.is_over() && tone.due() <= now)?;
        let packet = tone.packet();
        tone.packets += 1;
        Some(packet)
    }
}

impl Tone {
    fn due(&self) -> Time {
        if self.is_over() { self.started + TONE + PAUSE } else { self.started + UPDATE * i64::from(self.packets) }
    }

    /// All packets are sent.
    fn is_over(&self) -> bool {
        self.packets >= TONE_PACKETS + END_PACKETS
    }

    fn packet(&self) -> Packet {
        let ended = self.packets >= TONE_PACKETS;
        let length = if ended { TONE } else { UPDATE * (i64::from(self.packets) + 1) };
        let [high, low] = (super::stream::samples(length) as u16).to_be_bytes();
        let flags = VOLUME | if ended { 0x80 } else { 0 };
        Packet { payload: [self.code, flags, high, low], first: self.packets == 0, started: self.started }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (event timestamp, code, end bit, duration) -> key told.
    type Step = (u32, u8, bool, u16, Option<char>);

    fn told(name: &str, steps: &[Step]) {
        let mut receiver = Receiver::default();
        for (i, &(timestamp, code, end, duration, expected)) in steps.iter().enumerate() {
            let [high, low] = duration.to_be_bytes();
            let payload = [code, 10 | if end { 0x80 } else { 0 }, high, low];
            assert_eq!(receiver.receive(1, timestamp, &payload), expected, "{name}, packet {i}");
        }
    }

    #[test]
    fn a_key_is_told_once() {
        told(
            "whole",
            &[
                (0, 5, false, 160, Some('5')),
                (0, 5, false, 320, None),
                (0, 5, true, 480, None),
                (0, 5, true, 480, None),
            ],
        );
        told("start lost", &[(0, 11, true, 480, Some('#')), (0, 11, true, 480, None)]);
        told("all ends lost, same key again", &[(0, 1, false, 160, Some('1')), (1_600, 1, false, 160, Some('1'))]);
        told(
            "straggler after the next key",
            &[(0, 1, true, 480, Some('1')), (1_600, 2, false, 160, Some('2')), (0, 1, true, 480, None)],
        );
        told(
            "a key held for 20 s",
            &[
                (0, 3, false, 65_535, Some('3')),
                (65_535, 3, false, 160, None),
                (65_535, 3, false, 65_535, None),
                (131_070, 3, true, 400, None),
                (140_000, 3, false, 160, Some('3')),
            ],
        );
        told(
            "a sender whose clock was set back",
            &[(900_000, 1, true, 480, Some('1')), (8_000, 2, false, 160, Some('2')), (8_000, 2, true, 480, None)],
        );
        told("wrapped", &[(u32::MAX - 100, 1, true, 480, Some('1')), (1_500, 1, true, 480, Some('1'))]);
        told("flash and other events are no keys", &[(0, 16, false, 160, None), (160, 36, false, 160, None)]);
        assert_eq!(Receiver::default().receive(1, 0, &[1, 2, 3]), None);
    }

    #[test]
    fn a_new_ssrc_begins_anew() {
        let mut receiver = Receiver::default();
        assert_eq!(receiver.receive(1, 5_000, &[1, 10, 0, 160]), Some('1'));
        assert_eq!(receiver.receive(2, 4_000, &[1, 10, 0, 160]), Some('1'));
    }

    fn numbered(digits: &str) -> Vec<NumberedDigit> {
        (1..).zip(digits.chars()).map(|(number, digit)| NumberedDigit { number, digit }).collect()
    }

    #[test]
    fn two_keys_are_sent_with_updates_ends_and_a_pause() {
        let mut sender = Sender::default();
        assert_eq!(sender.offer(&numbered("4#")), 0);
        assert_eq!(sender.offer(&numbered("4#")), 0);
        let mut seen = vec![];
        let mut now = Time(1_000_000);
        while let Some(due) = sender.deadline(now) {
            now = now.max(due);
            if let Some(packet) = sender.packet(now) {
                let [code, flags, high, low] = packet.payload;
                let ms = (now - Time(1_000_000)).as_millis();
                let began = (packet.started - Time(1_000_000)).as_millis();
                seen.push((ms, began, code, flags & 0x80 != 0, u16::from_be_bytes([high, low]), packet.first));
            }
        }
        let key = |code, began| {
            [(0, 160), (20, 320), (40, 480), (60, 640), (80, 800), (100, 800), (120, 800), (140, 800)]
                .map(|(ms, length)| (began + ms, began, code, ms >= 100, length, ms == 0))
        };
        assert_eq!(seen, [key(4, 0), key(11, 150)].concat());
        assert!(!sender.is_sending());
    }

    #[test]
    fn what_is_sent_is_understood() {
        let (mut sender, mut receiver) = (Sender::default(), Receiver::default());
        sender.offer(&numbered("0123456789*#ABCd"));
        let (mut heard, mut now) = (String::new(), Time(0));
        while let Some(due) = sender.deadline(now) {
            now = now.max(due);
            if let Some(packet) = sender.packet(now) {
                heard.extend(receiver.receive(
                    1,
                    crate::media::stream::samples(packet.started - Time(0)),
                    &packet.payload,
                ));
            }
        }
        assert_eq!(heard, "0123456789*#ABCD");
    }

    #[test]
    fn too_many_keys_and_none_at_all_are_counted() {
        let mut sender = Sender::default();
        assert_eq!(sender.offer(&numbered(&"1".repeat(bounds::DIGITS_HELD + 3))), 3);
        assert_eq!(sender.offer(&[NumberedDigit { number: 1_000, digit: 'x' }]), 1);
    }
}
