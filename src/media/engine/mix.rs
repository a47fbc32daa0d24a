//! A room's sums every 20 ms on the engine's clock: frames out of the jitter buffers and players, sums to the sinks, each
//! in the packet length its far end asked for. Rooms tick in phases of 1 ms, so that they do not all want the same one.

use std::net::SocketAddr;

use super::tick::{LATE_MAX, PTIME_MS};
use super::{Channel, Engine, Slot};
use crate::base::{Span, Time};
use crate::media::law::{FRAME, SAMPLES_PER_MS};
use crate::media::mixer::Feed;
use crate::media::rtp::{self, HEADER_BYTES};
use crate::media::stream::{Origin, samples};

const TICK: Span = Span::millis(20);
const PHASE: Span = Span::millis(1);
/// A packet not quite full, and a frame on top.
const PENDING: usize = *PTIME_MS.end() as usize * SAMPLES_PER_MS + FRAME;

/// What a sink has heard of its sum and not sent yet: its packets may be longer or shorter than a frame.
#[derive(Clone, Debug)]
pub struct Hearing {
    sequence: u16,
    codes: [u8; PENDING],
    count: usize,
}

impl Default for Hearing {
    fn default() -> Self {
        Self { sequence: 0, codes: [0; PENDING], count: 0 }
    }
}

impl Hearing {
    /// What was not sent is in another law now.
    pub fn forget(&mut self) {
        self.count = 0;
    }
}

/// The next moment of a mixer's own phase.
pub fn first_tick(now: Time, mixer: u32) -> Time {
    let phase = PHASE * i64::from(mixer % 20);
    Time((now - phase).0.div_euclid(TICK.0) * TICK.0 + TICK.0) + phase
}

impl Engine {
    pub(super) fn tick_mixer(
        &mut self,
        index: u32,
        now: Time,
        send: &mut impl FnMut(Slot, Channel, SocketAddr, &[u8]),
    ) {
        let Some(mixer) = self.mixers.get_mut(index) else { return };
        // Far behind, what was missed is left out rather than sent in a burst.
        let at = if now - mixer.next > LATE_MAX { first_tick(now, index) - TICK } else { mixer.next };
        mixer.next = at + TICK;
        self.agenda.set(super::Due::Mix(index), Some(mixer.next));
        for (feed, frame) in mixer.frames() {
            match feed {
                Feed::Leg(slot) => {
                    self.working = Some(slot);
                    match self.legs.get_mut(slot).and_then(|leg| leg.jitter.as_mut()) {
                        Some(jitter) => jitter.take(at, frame),
                        None => frame.fill(0),
                    }
                }
                Feed::Player(slot) => match self.players.get(slot) {
                    Some((_, _, player)) => {
                        player.read_linear(player.position(at), frame);
                    }
                    None => frame.fill(0),
                },
            }
        }
        mixer.mix(at);
        for sink in 0..mixer.sinks() {
            self.send_sum(index, sink, at, send);
        }
        self.working = None;
    }

    fn send_sum(&mut self, index: u32, sink: usize, at: Time, send: &mut impl FnMut(Slot, Channel, SocketAddr, &[u8])) {
        let Some(mixer) = self.mixers.get_mut(index) else { return };
        let Some(slot) = mixer.leg(sink) else { return };
        self.working = Some(slot);
        let Some(leg) = self.legs.get_mut(slot) else { return };
        let outlet = leg.outlet().filter(|_| !leg.keys_out.is_sending());
        let (Some(hearing), Some((remote, address))) = (leg.hearing.as_mut(), outlet) else {
            if let Some(hearing) = leg.hearing.as_mut() {
                hearing.count = 0;
            }
            return;
        };
        let Some(codes) = mixer.hear(sink, remote.codec) else { return };
        let mut begins = at - Span::micros(hearing.count as i64 * 125);
        hearing.codes[hearing.count..hearing.count + FRAME].copy_from_slice(&codes);
        hearing.count += FRAME;
        let length = remote.packet_samples();
        let mut packet = [0; HEADER_BYTES + PENDING];
        while hearing.count >= length {
            packet[HEADER_BYTES..HEADER_BYTES + length].copy_from_slice(&hearing.codes[..length]);
            hearing.codes.copy_within(length..hearing.count, 0);
            hearing.count -= length;
            let timestamp = samples(begins - Time(0));
            let stamp = leg.stream.relay(Origin::Mix, hearing.sequence, timestamp, length as u32, begins);
            hearing.sequence = hearing.sequence.wrapping_add(1);
            rtp::write(&mut packet, remote.payload_type, leg.stream.ssrc, stamp);
            leg.stream.sent(length);
            self.counters.mixed += 1;
            send(Slot(slot), Channel::Rtp, address, &packet[..HEADER_BYTES + length]);
            begins += remote.ptime();
        }
    }
}
