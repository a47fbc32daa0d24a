//! What an engine does by itself: packets of players and keys, RTCP, silence, ends of players, the recorders' hand-outs.

use std::net::SocketAddr;

use super::leg::{Leg, SILENCE};
use super::{Channel, Due, Engine, Output, Slot};
use crate::base::{Now, Span, Time};
use crate::media::dtmf;
use crate::media::law::SAMPLES_PER_MS;
use crate::media::rtcp::{self, Sent};
use crate::media::rtp::{self, HEADER_BYTES};
use crate::media::stream::{Origin, samples};
use crate::media::words::{Fact, Remote, ReportBody};

/// Packets of our own hold 10 to 60 ms.
pub(super) const PTIME_MS: std::ops::RangeInclusive<u8> = 10..=60;
const PACKET_BYTES: usize = HEADER_BYTES + *PTIME_MS.end() as usize * SAMPLES_PER_MS;
/// A sink this far behind its player leaps instead of sending a burst.
pub(super) const LATE_MAX: Span = Span::millis(100);

impl Engine {
    /// Does all that is due. `send` gets each packet: the leg whose socket sends, which socket, to whom, the bytes.
    pub fn tick(&mut self, now: Now, send: &mut impl FnMut(Slot, Channel, SocketAddr, &[u8])) {
        self.remember_wall(now);
        while let Some(slot) = self.closing.pop_front() {
            self.working = Some(slot);
            self.say_goodbye(slot, now.t, send);
            self.release(slot);
        }
        while let Some(due) = self.agenda.due(now.t) {
            self.agenda.set(due, None);
            match due {
                Due::Play(slot) | Due::Key(slot) | Due::Report(slot) | Due::Watch(slot) => self.working = Some(slot),
                Due::PlayerEnd(_) | Due::Recorder(_) | Due::Mix(_) => self.working = None,
            }
            match due {
                Due::Play(slot) => self.play(slot, now.t, send),
                Due::Key(slot) => self.send_key(slot, now.t, send),
                Due::Report(slot) => self.send_report(slot, now.t, send),
                Due::Watch(slot) => self.watch(slot, now.t),
                Due::PlayerEnd(player) => self.end_player(player),
                Due::Recorder(recorder) => self.tick_recorder(recorder, now.t),
                Due::Mix(mixer) => self.tick_mixer(mixer, now.t, send),
            }
        }
        self.working = None;
    }

    fn play(&mut self, slot: u32, now: Time, send: &mut impl FnMut(Slot, Channel, SocketAddr, &[u8])) {
        let Some(leg) = self.legs.get_mut(slot) else { return };
        let Some(mut playing) = leg.playing else { return };
        let Some((_, _, player)) = self.players.get(playing.player) else { return };
        if now - playing.next > LATE_MAX {
            (playing.next, playing.position) = (now, player.position(now));
        }
        let ptime = leg.spec.remote.map_or(20, |remote| remote.ptime_ms).clamp(*PTIME_MS.start(), *PTIME_MS.end());
        let count = usize::from(ptime) * SAMPLES_PER_MS;
        let mut packet = [0; PACKET_BYTES];
        let length = HEADER_BYTES + count;
        let codec = leg.spec.remote.map_or(crate::sdp::Codec::Pcma, |remote| remote.codec);
        if !player.read(playing.position, codec, &mut packet[HEADER_BYTES..length]) {
            leg.playing = None;
            return;
        }
        if let Some((remote, address)) = leg.outlet().filter(|_| !leg.keys_out.is_sending()) {
            let origin = Origin::Player;
            let timestamp = playing.position as u32;
            let stamp = leg.stream.relay(origin, playing.sequence, timestamp, count as u32, playing.next);
            rtp::write(&mut packet, remote.payload_type, leg.stream.ssrc, stamp);
            leg.stream.sent(count);
            send(Slot(slot), Channel::Rtp, address, &packet[..length]);
            playing.sequence = playing.sequence.wrapping_add(1);
        }
        playing.position += count as u64;
        playing.next += Span::millis(i64::from(ptime));
        leg.playing = Some(playing);
        self.agenda.set(Due::Play(slot), Some(playing.next));
    }

    fn send_key(&mut self, slot: u32, now: Time, send: &mut impl FnMut(Slot, Channel, SocketAddr, &[u8])) {
        let Some(leg) = self.legs.get_mut(slot) else { return };
        if let Some(event) = leg.keys_out.packet(now) {
            match (leg.outlet(), leg.spec.telephone_event_send) {
                (Some((_, address)), Some(payload_type)) => {
                    let packet = key_packet(leg, payload_type, event);
                    send(Slot(slot), Channel::Rtp, address, &packet);
                }
                (_, Some(_) | None) => self.counters.keys_lost += u64::from(event.first),
            }
        }
        let next = leg.keys_out.deadline(now);
        self.agenda.set(Due::Key(slot), next);
    }

    fn send_report(&mut self, slot: u32, now: Time, send: &mut impl FnMut(Slot, Channel, SocketAddr, &[u8])) {
        self.report_to_peer(slot, now, false, send);
        let half = rtcp::INTERVAL.as_micros() / 2;
        let wait = Span::micros(half + self.rng.below(rtcp::INTERVAL.as_micros() as u64) as i64);
        if let Some(leg) = self.legs.get_mut(slot) {
            leg.report_at = now + wait;
        }
        self.agenda.set(Due::Report(slot), Some(now + wait));
    }

    fn say_goodbye(&mut self, slot: u32, now: Time, send: &mut impl FnMut(Slot, Channel, SocketAddr, &[u8])) {
        // Who neither sent nor reported is not known to the far end: RFC 3550 §6.3.7 forbids its BYE.
        if self.legs.get(slot).is_some_and(|leg| leg.reported || leg.stream.packets > 0) {
            self.report_to_peer(slot, now, true, send);
        }
    }

    fn report_to_peer(
        &mut self,
        slot: u32,
        now: Time,
        bye: bool,
        send: &mut impl FnMut(Slot, Channel, SocketAddr, &[u8]),
    ) {
        let at = self.wall(now);
        let Some(leg) = self.legs.get_mut(slot) else { return };
        let Some((channel, address)) = leg.rtcp_outlet() else { return };
        let sent = (leg.stream.packets > 0).then(|| Sent {
            at,
            timestamp: leg.stream.timestamp_at(now),
            packets: leg.stream.packets as u32,
            octets: leg.stream.octets as u32,
        });
        let about = leg.reception.report(now);
        let mut packet = [0; rtcp::PACKET_BYTES];
        if let Some(length) = rtcp::write(&mut packet, leg.stream.ssrc, &leg.cname, sent, about, bye) {
            leg.reported = true;
            send(Slot(slot), channel, address, &packet[..length]);
        }
    }

    fn watch(&mut self, slot: u32, now: Time) {
        let Some(leg) = self.legs.get_mut(slot) else { return };
        if !leg.spec.is_watched() || leg.is_silent {
            return;
        }
        let until = leg.heard + SILENCE;
        if until > now {
            self.agenda.set(Due::Watch(slot), Some(until));
        } else {
            leg.is_silent = true;
            self.tell(slot, Fact::Silence);
        }
    }

    fn end_player(&mut self, player: u32) {
        let slot = player;
        let Some((tenant, contact, player)) = self.players.get(slot) else { return };
        if let Some(missing) = player.awaited().first().map(ToString::to_string) {
            return self.give_up(slot, missing);
        }
        let (tenant, contact, player) = (*tenant, *contact, player.spec().player);
        self.report(tenant, contact, ReportBody::PlayerEnded { player, missing: None });
    }

    fn tick_recorder(&mut self, index: u32, now: Time) {
        let Some(tenant) = self.recorders.get(index).map(|recorder| recorder.key().tenant) else { return };
        self.pull(index, tenant, now);
        let (outputs, pool) = (&mut self.outputs, &self.pool);
        let Some(recorder) = self.recorders.get_mut(index) else { return };
        recorder.tick(now, pool, &mut |write| outputs.push_back(Output::Write(write)));
        self.agenda.set(Due::Recorder(index), Some(recorder.next));
    }

    /// The leg is gone: its facts, its counters, its sockets.
    pub(super) fn release(&mut self, slot: u32) {
        let Some(mut leg) = self.legs.remove(slot) else { return };
        self.telling.retain(|&telling| telling != slot);
        while let Some(fact) = leg.take_fact() {
            self.outputs.push_back(Output::Report(leg.tenant, super::report(&leg, fact)));
        }
        self.outputs.push_back(Output::Release { slot: Slot(slot), ports: leg.spec.ports });
        let closed = ReportBody::LegClosed { leg: leg.spec.leg, counts: leg.counts() };
        self.report(leg.tenant, leg.contact, closed);
    }
}

fn key_packet(leg: &mut Leg, payload_type: u8, event: dtmf::Packet) -> [u8; HEADER_BYTES + dtmf::PAYLOAD_BYTES] {
    let mut packet = [0; HEADER_BYTES + dtmf::PAYLOAD_BYTES];
    packet[HEADER_BYTES..].copy_from_slice(&event.payload);
    let timestamp = samples(event.started - Time(0));
    // The event's moment, not this packet's: sound that comes after it goes on from there.
    let mut stamp = leg.stream.relay(Origin::Digits, leg.key_sequence, timestamp, samples(dtmf::TONE), event.started);
    leg.key_sequence = leg.key_sequence.wrapping_add(1);
    stamp.marker = event.first;
    rtp::write(&mut packet, payload_type, leg.stream.ssrc, stamp);
    leg.stream.sent(dtmf::PAYLOAD_BYTES);
    packet
}

impl Remote {
    /// Samples in a packet of ours.
    pub fn packet_samples(&self) -> usize {
        usize::from(self.ptime_ms.clamp(*PTIME_MS.start(), *PTIME_MS.end())) * SAMPLES_PER_MS
    }

    /// Length of a packet of ours.
    pub fn ptime(&self) -> Span {
        Span::millis(i64::from(self.ptime_ms.clamp(*PTIME_MS.start(), *PTIME_MS.end())))
    }
}
