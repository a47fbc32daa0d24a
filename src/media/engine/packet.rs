//! The packet path: a datagram of a leg becomes a packet of each sink that hears it. No allocation, no queue, no lock.

use std::net::SocketAddr;

use super::leg::Payload;
use super::{Channel, Due, Engine, Forward, Refusal, Slot, Verdict};
use crate::base::Time;
use crate::media::latch::Entry;
use crate::media::law;
use crate::media::rtcp;
use crate::media::rtp::{self, HEADER_BYTES, Header, Kind};
use crate::media::stream::Origin;
use crate::media::words::Fact;

use super::leg::SILENCE;

/// A packet on its way to several sinks: what it said before it was rewritten for the first.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fan {
    work: Option<Work>,
}

#[derive(Clone, Copy, Debug)]
struct Work {
    source: u32,
    header: Header,
    /// What the payload in the buffer is now.
    payload: Payload,
    length: usize,
    next: usize,
}

impl Engine {
    /// One datagram from one of a leg's sockets. `packet` is exactly what arrived; a verdict to forward has rewritten it.
    pub fn on_datagram(
        &mut self,
        slot: Slot,
        channel: Channel,
        from: SocketAddr,
        packet: &mut [u8],
        now: Time,
    ) -> Verdict {
        self.counters.packets += 1;
        self.working = Some(slot.0);
        let verdict = self.judge(slot.0, channel, from, packet, now);
        self.working = None;
        match verdict {
            Verdict::Drop(why) => self.counters.dropped[why as usize] += 1,
            Verdict::Forward(_) => self.counters.forwarded += 1,
            Verdict::Consume => {}
        }
        verdict
    }

    /// The same packet for the next sink, after a verdict with `more`.
    pub fn another(&mut self, packet: &mut [u8], now: Time) -> Option<Forward> {
        let forward = self.next_sink(packet, now)?;
        self.counters.forwarded += 1;
        Some(forward)
    }

    fn judge(&mut self, slot: u32, channel: Channel, from: SocketAddr, packet: &mut [u8], now: Time) -> Verdict {
        match (rtp::kind(packet), channel) {
            (Kind::Rtcp, Channel::Rtp | Channel::Rtcp) => self.on_rtcp(slot, channel, from, packet, now),
            (Kind::Rtp, Channel::Rtp) => self.on_rtp(slot, from, packet, now),
            (Kind::Rtp, Channel::Rtcp)
            | (
                Kind::Stun | Kind::Zrtp | Kind::Dtls | Kind::TurnChannel | Kind::Unknown,
                Channel::Rtp | Channel::Rtcp,
            ) => Verdict::Drop(Refusal::NotRtp),
        }
    }

    fn on_rtp(&mut self, slot: u32, from: SocketAddr, packet: &mut [u8], now: Time) -> Verdict {
        let Some(leg) = self.legs.get_mut(slot) else { return Verdict::Drop(Refusal::NoLeg) };
        let Some(header) = rtp::read(packet) else { return Verdict::Drop(Refusal::Malformed) };
        let Some(remote) = leg.spec.remote.filter(|_| leg.spec.receive) else {
            return Verdict::Drop(Refusal::NotListening);
        };
        match leg.latch.judge(from, header.ssrc, header.sequence, now) {
            Entry::Accepted => {}
            Entry::Waiting => return Verdict::Drop(Refusal::Waiting),
            Entry::Refused => return Verdict::Drop(Refusal::Latched),
        }
        #[cfg(test)]
        assert!(header.ssrc != super::POISON_SSRC, "a poisoned packet");
        leg.reception.packet(header.ssrc, header.sequence, header.timestamp, now);
        let was_silent = leg.hear(now);
        let is_first = !std::mem::replace(&mut leg.heard_sound, true);
        let payload = leg.payload(&remote, header.payload_type);
        let bytes = &packet[header.payload_at..header.payload_at + header.payload_bytes];
        let key = match payload {
            Some(Payload::Event) => leg.keys_in.receive(header.ssrc, header.timestamp, bytes),
            Some(Payload::Sound(_)) | None => None,
        };
        let kept = leg.keeps(payload, key.is_some(), now);
        let key = key.map(|key| if kept { Fact::KeptDigit(key) } else { Fact::Digit(key) });
        if kept {
            self.after_arrival(slot, was_silent, is_first, key, now);
            self.skip(slot, &header);
            return Verdict::Consume;
        }
        if let (Some(Payload::Sound(codec)), Some((recorder, side))) = (payload, leg.tap)
            && let Some(recorder) = self.recorders.get_mut(recorder)
        {
            recorder.packet(side, leg.spec.leg, (header.ssrc, header.timestamp, header.marker), codec, bytes, now);
        }
        if let (Some(Payload::Sound(codec)), Some(jitter)) = (payload, leg.jitter.as_mut()) {
            let rtp = (header.ssrc, header.timestamp, header.marker);
            jitter.packet(rtp, codec, bytes, leg.reception.jitter(), now);
        }
        self.after_arrival(slot, was_silent, is_first, key, now);
        let length = rtp::strip(packet, &header);
        let Some(payload) = payload else {
            self.skip(slot, &header);
            return Verdict::Drop(Refusal::PayloadType);
        };
        self.fan.work = Some(Work { source: slot, header, payload, length, next: 0 });
        self.next_sink(packet, now).map_or(Verdict::Consume, Verdict::Forward)
    }

    fn after_arrival(&mut self, slot: u32, was_silent: bool, is_first: bool, key: Option<Fact>, now: Time) {
        if was_silent {
            self.agenda.set(Due::Watch(slot), Some(now + SILENCE));
        }
        if is_first {
            self.tell(slot, Fact::FirstSound);
        }
        if let Some(key) = key {
            self.tell(slot, key);
        }
    }

    /// Rewrites the packet for the next sink that can take it.
    fn next_sink(&mut self, packet: &mut [u8], now: Time) -> Option<Forward> {
        let mut work = self.fan.work.take()?;
        let origin = Origin::Leg { slot: work.source, ssrc: work.header.ssrc };
        let sinks = self.legs.get(work.source)?.sinks.len();
        while work.next < sinks {
            let to = self.legs.get(work.source)?.sinks[work.next];
            work.next += 1;
            let Some(sink) = self.legs.get_mut(to) else { continue };
            let Some((remote, address)) = sink.outlet().filter(|_| !sink.keys_out.is_sending()) else { continue };
            let (payload_type, samples) = match work.payload {
                Payload::Sound(codec) => {
                    law::convert(codec, remote.codec, &mut packet[HEADER_BYTES..work.length]);
                    work.payload = Payload::Sound(remote.codec);
                    (remote.payload_type, (work.length - HEADER_BYTES) as u32)
                }
                Payload::Event => match sink.spec.telephone_event_send {
                    Some(payload_type) => (payload_type, 0),
                    None => {
                        sink.stream.skip(origin, work.header.sequence);
                        continue;
                    }
                },
            };
            let mut stamp = sink.stream.relay(origin, work.header.sequence, work.header.timestamp, samples, now);
            stamp.marker |= work.header.marker;
            rtp::write(packet, payload_type, sink.stream.ssrc, stamp);
            sink.stream.sent(work.length - HEADER_BYTES);
            let more = work.next < sinks;
            self.fan.work = more.then_some(work);
            return Some(Forward { to: Slot(to), address, length: work.length, more });
        }
        None
    }

    /// A packet that is not passed on leaves no gap in its sinks.
    fn skip(&mut self, slot: u32, header: &Header) {
        let origin = Origin::Leg { slot, ssrc: header.ssrc };
        let sinks = self.legs.get(slot).map_or(0, |leg| leg.sinks.len());
        for index in 0..sinks {
            let sink = self.legs.get(slot).map(|leg| leg.sinks[index]);
            if let Some(sink) = sink.and_then(|sink| self.legs.get_mut(sink)) {
                sink.stream.skip(origin, header.sequence);
            }
        }
    }

    fn on_rtcp(&mut self, slot: u32, channel: Channel, from: SocketAddr, packet: &[u8], now: Time) -> Verdict {
        let wall = self.wall(now);
        let Some(leg) = self.legs.get_mut(slot) else { return Verdict::Drop(Refusal::NoLeg) };
        if leg.spec.remote.is_none() {
            return Verdict::Drop(Refusal::NotListening);
        }
        if !leg.may_report(from) {
            return Verdict::Drop(Refusal::Latched);
        }
        let Some(heard) = rtcp::read(packet, leg.stream.ssrc) else { return Verdict::Drop(Refusal::Malformed) };
        match channel {
            Channel::Rtp => {}
            Channel::Rtcp => leg.rtcp_from = Some(from),
        }
        if let Some((_, ntp)) = heard.sender_report {
            leg.reception.sender_report(ntp, now);
        }
        if let Some(report) = heard.about_us {
            leg.peer = Some((report, report.round_trip(wall)));
        }
        let was_silent = leg.hear(now);
        self.after_arrival(slot, was_silent, false, None, now);
        Verdict::Consume
    }
}
