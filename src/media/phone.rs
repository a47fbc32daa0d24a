//! The sound of a phone: says a tone, a sound or nothing, presses keys, hears. A machine for the demo's phone and for
//! tests; it shares the engine's parts, not its rooms. Its diary (when its first packet left, when the first came) is the
//! truth that sound tests compare with.

use std::collections::VecDeque;
use std::sync::Arc;

use super::dsp;
use super::dtmf;
use super::law::{self, FRAME};
use super::rtp::{self, HEADER_BYTES, Kind};
use super::sound::{RATE, Sound};
use super::stream::{Origin, Stream, samples};
use super::words::NumberedDigit;
use crate::base::{Rng, Span, Time};
use crate::sdp::Codec;

/// Sound in each packet.
pub const PTIME: Span = Span::millis(20);
/// The longest packet of a phone.
pub const PACKET_BYTES: usize = HEADER_BYTES + FRAME;
/// What a phone keeps of what it heard: 10 minutes. Full: the oldest goes.
const HEARD_SAMPLES: usize = 10 * 60 * RATE as usize;
/// Loudness of a tone.
const AMPLITUDE: f64 = 9_000.0;

#[derive(Clone, Debug)]
pub enum Voice {
    /// Packets of silence: a phone that is muted, not gone.
    Silence,
    Tone {
        hz: f64,
    },
    /// Once, then silence.
    Sound(Arc<Sound>),
}

#[derive(Clone, Debug)]
pub struct Phone {
    codec: Codec,
    payload_type: u8,
    event_type: Option<u8>,
    stream: Stream,
    voice: Voice,
    /// Samples of the voice so far, and packets of sound.
    said: u64,
    sequence: u16,
    next: Time,
    keys: dtmf::Sender,
    key_number: u32,
    key_sequence: u16,
    keys_heard: dtmf::Receiver,
    heard: VecDeque<i16>,
    pub diary: Diary,
}

/// What a phone remembers of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diary {
    pub first_sent: Option<Time>,
    pub first_heard: Option<Time>,
    pub sent: u64,
    pub received: u64,
    /// Keys it was sent.
    pub keys: String,
    /// Packets that left more than 5 ms after their time: the tester's machine was busy.
    pub late: u64,
}

impl Phone {
    /// Speaks from `now` on, in `codec` under its payload type; `event_type` carries keys.
    pub fn new(codec: Codec, payload_type: u8, event_type: Option<u8>, rng: &mut Rng, now: Time) -> Self {
        Self {
            codec,
            payload_type,
            event_type,
            stream: Stream::new(rng.u32(), rng.u32() as u16 & 0x7FFF, rng.u32()),
            voice: Voice::Silence,
            said: 0,
            sequence: 0,
            next: now,
            keys: dtmf::Sender::default(),
            key_number: 0,
            key_sequence: 0,
            keys_heard: dtmf::Receiver::default(),
            heard: VecDeque::new(),
            diary: Diary::default(),
        }
    }

    pub fn say(&mut self, voice: Voice) {
        (self.voice, self.said) = (voice, 0);
    }

    /// Keys pressed one after the other; the number of those that are no keys.
    pub fn press(&mut self, keys: &str) -> usize {
        let digits: Vec<_> =
            (self.key_number + 1..).zip(keys.chars()).map(|(number, digit)| NumberedDigit { number, digit }).collect();
        self.key_number += digits.len() as u32;
        self.keys.offer(&digits)
    }

    pub fn deadline(&self, now: Time) -> Time {
        self.keys.deadline(now).filter(|_| self.event_type.is_some()).map_or(self.next, |key| key.min(self.next))
    }

    /// The next packet that is due; its length in `out`. Ask until `None`.
    pub fn packet(&mut self, now: Time, out: &mut [u8; PACKET_BYTES]) -> Option<usize> {
        let length = match self.event_type {
            Some(event_type) => self.key_packet(event_type, now, out),
            None => None,
        };
        let length = length.or_else(|| self.sound_packet(now, out))?;
        self.stream.sent(length - HEADER_BYTES);
        self.diary.sent += 1;
        self.diary.first_sent = self.diary.first_sent.or(Some(now));
        Some(length)
    }

    /// A datagram from the far end; what is no RTP is left alone.
    pub fn receive(&mut self, packet: &[u8], now: Time) {
        let Some(header) = Some(packet).filter(|packet| rtp::kind(packet) == Kind::Rtp).and_then(rtp::read) else {
            return;
        };
        self.diary.received += 1;
        let payload = &packet[header.payload_at..header.payload_at + header.payload_bytes];
        if self.event_type == Some(header.payload_type) {
            self.diary.keys.extend(self.keys_heard.receive(header.ssrc, header.timestamp, payload));
            return;
        }
        let codec = match header.payload_type {
            0 => Codec::Pcmu,
            8 => Codec::Pcma,
            _ => self.codec,
        };
        self.diary.first_heard = self.diary.first_heard.or(Some(now));
        self.heard.extend(payload.iter().map(|&code| law::decode(codec, code)));
        let over = self.heard.len().saturating_sub(HEARD_SAMPLES);
        self.heard.drain(..over);
    }

    /// What was heard since this was asked last, packet after packet: silence that was not sent is not in it.
    pub fn take_heard(&mut self) -> Vec<i16> {
        self.heard.drain(..).collect()
    }

    fn key_packet(&mut self, event_type: u8, now: Time, out: &mut [u8; PACKET_BYTES]) -> Option<usize> {
        let event = self.keys.packet(now)?;
        let timestamp = samples(event.started - Time(0));
        let mut stamp =
            self.stream.relay(Origin::Digits, self.key_sequence, timestamp, samples(dtmf::TONE), event.started);
        self.key_sequence = self.key_sequence.wrapping_add(1);
        stamp.marker = event.first;
        let length = HEADER_BYTES + dtmf::PAYLOAD_BYTES;
        out[HEADER_BYTES..length].copy_from_slice(&event.payload);
        rtp::write(out, event_type, self.stream.ssrc, stamp);
        Some(length)
    }

    fn sound_packet(&mut self, now: Time, out: &mut [u8; PACKET_BYTES]) -> Option<usize> {
        while self.next <= now {
            let at = self.next;
            let begins = self.said;
            self.next += PTIME;
            self.said += FRAME as u64;
            if self.keys.is_sending() {
                continue;
            }
            self.diary.late += u64::from(now - at > Span::millis(5));
            for (index, code) in (begins..).zip(&mut out[HEADER_BYTES..]) {
                *code = self.voice.code(index, self.codec);
            }
            let timestamp = samples(at - Time(0));
            let stamp = self.stream.relay(Origin::Player, self.sequence, timestamp, FRAME as u32, at);
            self.sequence = self.sequence.wrapping_add(1);
            rtp::write(out, self.payload_type, self.stream.ssrc, stamp);
            return Some(PACKET_BYTES);
        }
        None
    }
}

impl Voice {
    fn code(&self, index: u64, codec: Codec) -> u8 {
        match self {
            Self::Silence => law::silence(codec),
            Self::Tone { hz } => law::encode(codec, dsp::sine(index, RATE, *hz, AMPLITUDE)),
            Self::Sound(sound) => sound.coded(codec).get(index as usize).copied().unwrap_or(law::silence(codec)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_phones_hear_each_others_tone_and_keys() {
        let mut rng = Rng::from_number(1);
        let mut ana = Phone::new(Codec::Pcma, 8, Some(101), &mut rng, Time(0));
        let mut bo = Phone::new(Codec::Pcmu, 0, Some(101), &mut rng, Time(7_000));
        ana.say(Voice::Tone { hz: 440.0 });
        bo.say(Voice::Sound(Arc::new(Sound::from_linear(vec![4_000; 1_600]))));
        let mut now = Time(0);
        let mut buffer = [0; PACKET_BYTES];
        while now < Time(2_000_000) {
            if now == Time(500_000) {
                assert_eq!(bo.press("1x#"), 1);
            }
            while let Some(length) = ana.packet(now, &mut buffer) {
                bo.receive(&buffer[..length], now);
            }
            while let Some(length) = bo.packet(now, &mut buffer) {
                ana.receive(&buffer[..length], now);
            }
            now += Span::millis(1);
        }
        let (at_ana, at_bo) = (ana.take_heard(), bo.take_heard());
        assert_eq!(at_bo.len(), 16_000);
        assert!(dsp::goertzel(&at_bo, RATE, 440.0) > 0.97);
        assert!(at_ana[..1_600].iter().all(|sample| (3_900..4_100).contains(sample)));
        assert!(at_ana[1_600..].iter().all(|&sample| sample == 0));
        assert_eq!((ana.diary.keys.as_str(), ana.diary.late, bo.diary.late), ("1#", 0, 0));
        assert_eq!((ana.diary.first_sent, ana.diary.first_heard), (Some(Time(0)), Some(Time(7_000))));
        bo.receive(&[0x80, 200, 0, 1], now);
        assert_eq!(bo.diary.received, ana.diary.sent);
    }
}
