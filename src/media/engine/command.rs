//! Commands are state: the newest version of each subject wins, applying one twice changes nothing. Rows and tracks may
//! name what is not there yet; everything is wired anew when it comes.

use std::sync::Arc;

use super::leg::{Leg, SILENCE};
use super::{Due, Engine, Output, RoomKey, Slot};
use crate::base::{LegId, Now, PlayerId, Span, TenantNo, Time, bounds};
use crate::media::player::{Missing, Player, Steer};
use crate::media::recorder::{Key, Recorder, Write};
use crate::media::rtcp;
use crate::media::sound::Sound;
use crate::media::words::{Body, Clip, Command, LegSpec, PlayerSpec, ReportBody, Source, Subject, TrackSpec};

impl Engine {
    /// Applies one command and tells the version that now holds. `tick` follows before the next packet.
    pub fn command(&mut self, tenant: TenantNo, command: Command, now: Now) {
        self.remember_wall(now);
        self.forget_closed(now.t);
        let Command { contact, version, body } = command;
        let subject = body.subject();
        let Some(body) = self.keep_for_arrival(tenant, contact, version, body) else { return };
        let have = self.versions.get(&(tenant, subject)).copied();
        if let Some(have) = have.filter(|&have| have >= version) {
            self.counters.outdated += u64::from(have > version);
            return self.report(tenant, contact, ReportBody::Applied { subject, version: have });
        }
        self.versions.insert((tenant, subject), version);
        let room = (tenant, contact);
        if let Some(recorder) = self.rooms.get(&room).and_then(|room| room.recorder) {
            // Up to now the right track heard what it was told to before.
            self.pull(recorder, tenant, now.t);
        }
        match body {
            Body::SetLeg(spec) => self.set_leg(room, spec, now.t),
            Body::SetRow { sink, sources } => self.set_row(room, sink, sources),
            Body::Hand { leg, to } => self.hand(tenant, leg, to, version, now.t),
            Body::SetPlayer(spec) => self.set_player(room, spec, now.t),
            Body::SetTrack(spec) => self.set_track(room, spec, now.t),
            Body::Close(subject) => self.close(room, subject, now.t),
            // Their sockets are the driver's, which puts them to rest.
            Body::ReturnPorts(_) => {}
        }
        self.wire(room, now.t);
        self.leave_empty(room);
        // A hand is told to the thread that gives and to the one that gets; the giver answers.
        if !matches!(subject, Subject::Hand(_)) || self.home.has(contact) {
            self.report(tenant, contact, ReportBody::Applied { subject, version });
        }
    }

    fn forget_closed(&mut self, now: Time) {
        while self.closed.front().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, key)) = self.closed.pop_front()
                && !self.is_back(key.1)
            {
                self.versions.remove(&key);
            }
        }
    }

    /// A leg that was handed away has come again.
    fn is_back(&self, subject: Subject) -> bool {
        match subject {
            Subject::Leg(leg) | Subject::Row(leg) | Subject::Hand(leg) => self.leg_slots.contains_key(&leg),
            Subject::Player(_) | Subject::Recorder(_) | Subject::Ports(_) => false,
        }
    }

    /// The version of what is over is remembered for a while, so that an older command finds it closed.
    fn forget_later(&mut self, tenant: TenantNo, subject: Subject, now: Time) {
        if self.versions.contains_key(&(tenant, subject)) {
            self.closed.push_back((now + bounds::CLOSED_MEMORY, (tenant, subject)));
        }
    }

    /// All that was told of a leg which is not here any more. Nobody closes its row.
    pub(super) fn forget_leg(&mut self, tenant: TenantNo, leg: LegId, now: Time) {
        for subject in [Subject::Leg(leg), Subject::Row(leg), Subject::Hand(leg)] {
            self.forget_later(tenant, subject, now);
        }
    }

    fn set_leg(&mut self, room: RoomKey, spec: LegSpec, now: Time) {
        let (tenant, contact) = room;
        let slot = match self.leg_slots.get(&spec.leg).copied() {
            Some(slot) => {
                self.update_leg(slot, room, spec, now);
                slot
            }
            None => {
                let (id, ports) = (spec.leg, spec.ports);
                let leg = Box::new(Leg::new(tenant, contact, spec, &mut self.rng, now));
                let slot = self.legs.insert(leg);
                self.leg_slots.insert(id, slot);
                self.outputs.push_back(Output::Listen { slot: Slot(slot), ports });
                let first = self.rng.below(rtcp::INTERVAL.as_micros() as u64 / 2) as i64;
                if let Some(leg) = self.legs.get_mut(slot) {
                    leg.report_at = now + Span::micros(rtcp::INTERVAL.as_micros() / 4 + first);
                }
                slot
            }
        };
        let room = self.rooms.entry(room).or_default();
        if !room.legs.contains(&slot) {
            room.legs.push(slot);
        }
        let Some(leg) = self.legs.get_mut(slot) else { return };
        self.counters.keys_lost += leg.keys_out.offer(&leg.spec.digits) as u64;
        self.schedule(slot, now);
    }

    /// All that a leg has to do by itself, put on the agenda.
    pub(super) fn schedule(&mut self, slot: u32, now: Time) {
        let Some(leg) = self.legs.get(slot) else { return };
        self.agenda.set(Due::Report(slot), Some(leg.report_at));
        if leg.spec.is_watched() && !leg.is_silent {
            self.agenda.set(Due::Watch(slot), Some(leg.heard + SILENCE));
        }
        if let Some(at) = leg.keys_out.deadline(now) {
            self.agenda.set(Due::Key(slot), Some(at));
        }
    }

    fn update_leg(&mut self, slot: u32, room: RoomKey, spec: LegSpec, now: Time) {
        let Some(leg) = self.legs.get_mut(slot) else { return };
        let before = (leg.tenant, leg.contact);
        (leg.tenant, leg.contact) = room;
        let connection_changed = leg.update(spec, now);
        let (tap, id) = (leg.tap, leg.spec.leg);
        if connection_changed
            && let Some((recorder, side)) = tap
            && let Some(recorder) = self.recorders.get_mut(recorder)
        {
            recorder.end_run(side, id);
        }
        if before != room {
            self.leave(slot, before, now);
        }
    }

    /// A leg goes to another contact's room.
    pub(super) fn leave(&mut self, slot: u32, room: RoomKey, now: Time) {
        let Some(leg) = self.legs.get_mut(slot) else { return };
        leg.unwire();
        let id = leg.spec.leg;
        if let Some(left) = self.rooms.get_mut(&room) {
            left.legs.retain(|&leg| leg != slot);
            left.rows.remove(&id);
        }
        self.wire(room, now);
        self.leave_empty(room);
    }

    fn set_row(&mut self, room: RoomKey, sink: LegId, mut sources: Vec<Source>) {
        sources.sort_unstable();
        sources.dedup();
        if sources.is_empty() {
            self.rooms.get_mut(&room).and_then(|room| room.rows.remove(&sink));
        } else {
            self.rooms.entry(room).or_default().rows.insert(sink, sources);
        }
    }

    /// A room without anything in it is no more.
    pub(super) fn leave_empty(&mut self, room: RoomKey) {
        if self.rooms.get(&room).is_some_and(|room| room.is_empty()) {
            self.rooms.remove(&room);
        }
    }

    fn set_player(&mut self, room: RoomKey, spec: PlayerSpec, now: Time) {
        let (tenant, contact) = room;
        let id = spec.player;
        if let Some(&slot) = self.player_slots.get(&(tenant, id)) {
            match self.players.get_mut(slot).map(|(_, _, player)| (player.steer(&spec, now), player.ends())) {
                Some((Steer::Same, _)) => return,
                Some((Steer::Changed, ends)) => return self.agenda.set(Due::PlayerEnd(slot), ends),
                Some((Steer::Another, _)) | None => {}
            }
            self.drop_player(tenant, id);
        }
        match Player::start(spec, &self.library, now) {
            Ok(player) => {
                let ends = player.ends();
                let awaited: Vec<_> = player.awaited().into_iter().cloned().collect();
                let slot = self.players.insert((tenant, contact, player));
                if !awaited.is_empty() {
                    self.loading.insert(slot);
                    self.outputs.extend(awaited.into_iter().map(Output::Load));
                }
                self.player_slots.insert((tenant, id), slot);
                self.agenda.set(Due::PlayerEnd(slot), ends);
                let room = self.rooms.entry(room).or_default();
                if !room.players.contains(&id) {
                    room.players.push(id);
                }
            }
            Err(Missing(key)) => {
                self.report(tenant, contact, ReportBody::PlayerEnded { player: id, missing: Some(key) });
            }
        }
    }

    fn set_track(&mut self, room: RoomKey, spec: TrackSpec, now: Time) {
        let (tenant, contact) = room;
        let existing = self.rooms.get(&room).and_then(|room| room.recorder);
        if let Some(recorder) = existing.and_then(|index| self.recorders.get_mut(index)) {
            return recorder.change(spec, now);
        }
        let key = Key { tenant, recorder: contact };
        self.outputs.push_back(Output::Write(Write::Open { key, file: spec.file.clone() }));
        let recorder = Recorder::start(key, spec, self.format, now);
        let next = recorder.next;
        let index = self.recorders.insert(Box::new(recorder));
        self.agenda.set(Due::Recorder(index), Some(next));
        self.rooms.entry(room).or_default().recorder = Some(index);
    }

    fn close(&mut self, room: RoomKey, subject: Subject, now: Time) {
        let (tenant, _) = room;
        self.forget_later(tenant, subject, now);
        match subject {
            Subject::Ports(_) | Subject::Hand(_) => {}
            Subject::Leg(leg) => {
                self.set_row(room, leg, Vec::new());
                if let Some(&slot) = self.leg_slots.get(&leg) {
                    self.close_leg(slot, now);
                }
            }
            Subject::Row(sink) => self.set_row(room, sink, Vec::new()),
            Subject::Player(player) => self.drop_player(tenant, player),
            Subject::Recorder(_) => self.close_recorder(room, now),
        }
    }

    /// Takes a leg out of its room; it says BYE at the next tick.
    pub(super) fn close_leg(&mut self, slot: u32, now: Time) {
        let Some(leg) = self.legs.get_mut(slot) else { return };
        let (id, room) = (leg.spec.leg, (leg.tenant, leg.contact));
        leg.unwire();
        leg.spec.receive = false;
        self.leg_slots.remove(&id);
        self.agenda_clear(slot);
        self.forget_leg(room.0, id, now);
        if let Some(room) = self.rooms.get_mut(&room) {
            room.legs.retain(|&leg| leg != slot);
            room.rows.remove(&id);
        }
        self.wire(room, now);
        self.closing.push_back(slot);
    }

    /// A sound that players wait for is there; `None`: there is none. The others go on waiting.
    pub fn loaded(&mut self, clip: &Clip, sound: Option<&Arc<Sound>>, now: Now) {
        self.remember_wall(now);
        for slot in self.loading.clone() {
            let Some((tenant, contact, player)) = self.players.get_mut(slot) else { continue };
            let room = (*tenant, *contact);
            match sound {
                Some(sound) if player.arrive(clip, sound, now.t) => {
                    let ends = player.ends();
                    self.loading.remove(&slot);
                    self.agenda.set(Due::PlayerEnd(slot), ends);
                    self.wire(room, now.t);
                }
                Some(_) => {}
                None if player.awaited().contains(clip) => self.give_up(slot, clip.to_string()),
                None => {}
            }
        }
    }

    /// What a player was to say cannot be had: it ends, and says which sound it was.
    pub(super) fn give_up(&mut self, slot: u32, missing: String) {
        let Some((tenant, contact, player)) = self.players.get(slot) else { return };
        let (tenant, contact, id) = (*tenant, *contact, player.spec().player);
        self.report(tenant, contact, ReportBody::PlayerEnded { player: id, missing: Some(missing) });
        self.drop_player(tenant, id);
    }

    fn drop_player(&mut self, tenant: TenantNo, id: PlayerId) {
        let Some(slot) = self.player_slots.remove(&(tenant, id)) else { return };
        self.loading.remove(&slot);
        self.agenda.set(Due::PlayerEnd(slot), None);
        if let Some((tenant, contact, _)) = self.players.remove(slot)
            && let Some(room) = self.rooms.get_mut(&(tenant, contact))
        {
            room.players.retain(|&player| player != id);
            // Its number may be another player's soon: nobody may go on at the old place.
            for leg in room.legs.clone() {
                if let Some(leg) = self.legs.get_mut(leg) {
                    leg.playing = leg.playing.filter(|playing| playing.player != slot);
                }
            }
        }
    }

    fn close_recorder(&mut self, room: RoomKey, now: Time) {
        let Some(index) = self.rooms.get_mut(&room).and_then(|room| room.recorder.take()) else { return };
        self.agenda.set(Due::Recorder(index), None);
        if let Some(recorder) = self.recorders.remove(index) {
            self.counters.late_samples += recorder.late();
            let (outputs, pool) = (&mut self.outputs, &self.pool);
            recorder.finish(now, pool, &mut |write| outputs.push_back(Output::Write(write)));
        }
    }
}
