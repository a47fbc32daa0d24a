//! Legs that go to another contact, which may live on another thread. The leg with its latch, jitter buffer, sequence
//! numbers and counters is one owned value; the driver sends its sockets along. Each engine keeps the newest word of which
//! contact has a leg: who has a leg that lives elsewhere gives it away, who waits for one keeps its commands meanwhile. So
//! hands that overtake each other still end where the last one says.

use super::leg::Leg;
use super::{Engine, Output, RoomKey, Slot};
use crate::base::{ContactId, LegId, Now, TenantNo, Time, bounds};
use crate::media::words::{Body, Command, Subject};

/// Which contacts live on this engine's thread: one in `threads`, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    pub index: usize,
    pub threads: usize,
}

impl Default for Home {
    /// All of them.
    fn default() -> Self {
        Self { index: 0, threads: 1 }
    }
}

impl Home {
    /// The thread of a contact. Ids end in a sequence, so contacts go round: as even as counting legs, without a table
    /// that must be kept.
    pub fn of(self, contact: ContactId) -> usize {
        (contact.0 % self.threads as u64) as usize
    }

    pub(super) fn has(self, contact: ContactId) -> bool {
        self.of(contact) == self.index
    }
}

/// A leg between two engines.
#[derive(Debug)]
pub struct Moving {
    leg: Box<Leg>,
    /// Of the command that sent it, and of the leg's own last state.
    version: u64,
    state: u64,
}

impl Moving {
    /// Where it goes.
    pub fn contact(&self) -> ContactId {
        self.leg.contact
    }
}

/// The newest word about a leg that is not here.
#[derive(Debug)]
pub struct Awaited {
    version: u64,
    to: ContactId,
    until: Time,
    /// Its newest state and its end.
    commands: Vec<Command>,
}

impl Engine {
    /// Commands about a leg that is still on its way wait for it; the others come back.
    pub(super) fn keep_for_arrival(
        &mut self,
        tenant: TenantNo,
        contact: ContactId,
        version: u64,
        body: Body,
    ) -> Option<Body> {
        let Subject::Leg(leg) = body.subject() else { return Some(body) };
        let Some(awaited) = self.awaited.get_mut(&(tenant, leg)) else { return Some(body) };
        if version < awaited.version {
            self.counters.outdated += 1;
            return None;
        }
        let is_end = |body: &Body| matches!(body, Body::Close(_));
        awaited.commands.retain(|kept| is_end(&kept.body) != is_end(&body));
        awaited.commands.push(Command { contact, version, body });
        None
    }

    pub(super) fn hand(&mut self, tenant: TenantNo, leg: LegId, to: ContactId, version: u64, now: Time) {
        self.give_up_waiting(now);
        match self.leg_slots.get(&leg).copied() {
            Some(slot) => self.hand_over(slot, to, version, now),
            None => {
                let awaited = self.awaited.entry((tenant, leg)).or_insert(Awaited {
                    version,
                    to,
                    until: now + bounds::HAND_WAIT,
                    commands: Vec::new(),
                });
                (awaited.version, awaited.to, awaited.until) = (version, to, now + bounds::HAND_WAIT);
            }
        }
    }

    fn hand_over(&mut self, slot: u32, to: ContactId, version: u64, now: Time) {
        let Some(leg) = self.legs.get_mut(slot) else { return };
        let before = (leg.tenant, leg.contact);
        if before.1 != to {
            leg.contact = to;
            self.leave(slot, before, now);
        }
        if self.home.has(to) {
            self.enter(slot, (before.0, to), now);
        } else {
            self.give(slot, version, now);
        }
    }

    fn enter(&mut self, slot: u32, room: RoomKey, now: Time) {
        let legs = &mut self.rooms.entry(room).or_default().legs;
        if !legs.contains(&slot) {
            legs.push(slot);
        }
        self.schedule(slot, now);
        self.wire(room, now);
    }

    fn give(&mut self, slot: u32, version: u64, now: Time) {
        self.agenda_clear(slot);
        let Some(mut leg) = self.legs.remove(slot) else { return };
        let (tenant, id) = (leg.tenant, leg.spec.leg);
        self.telling.retain(|&telling| telling != slot);
        while let Some(fact) = leg.take_fact() {
            self.outputs.push_back(Output::Report(tenant, super::report(&leg, fact)));
        }
        self.leg_slots.remove(&id);
        let state = self.versions.get(&(tenant, Subject::Leg(id))).copied().unwrap_or(0);
        self.forget_leg(tenant, id, now);
        self.outputs.push_back(Output::Give { slot: Slot(slot), moving: Moving { leg, version, state } });
    }

    /// A leg from another engine has its place here. The driver gives the place its sockets, then calls
    /// [`Engine::settle`].
    pub fn arrive(&mut self, moving: Moving) -> Slot {
        let Moving { leg, version, state } = moving;
        let (tenant, id) = (leg.tenant, leg.spec.leg);
        for (subject, told) in [(Subject::Leg(id), state), (Subject::Hand(id), version)] {
            let have = self.versions.entry((tenant, subject)).or_insert(told);
            *have = told.max(*have);
        }
        let slot = self.legs.insert(leg);
        self.leg_slots.insert(id, slot);
        Slot(slot)
    }

    /// What waited for the leg is done, then it enters its contact's room, or goes on where a newer word says.
    pub fn settle(&mut self, slot: Slot, now: Now) {
        let Some(leg) = self.legs.get(slot.0) else { return };
        let (tenant, id, mut to) = (leg.tenant, leg.spec.leg, leg.contact);
        let version = self.versions.get(&(tenant, Subject::Hand(id))).copied().unwrap_or(0);
        if let Some(waited) = self.awaited.remove(&(tenant, id)) {
            to = if waited.version >= version { waited.to } else { to };
            for command in waited.commands {
                self.command(tenant, command, now);
            }
        }
        if self.leg_slots.get(&id) == Some(&slot.0) {
            self.hand_over(slot.0, to, version, now.t);
        }
    }

    fn give_up_waiting(&mut self, now: Time) {
        let lost = &mut self.counters.hands_lost;
        self.awaited.retain(|_, awaited| {
            let stays = awaited.until > now;
            *lost += if stays { 0 } else { awaited.commands.len() as u64 };
            stays
        });
    }
}
