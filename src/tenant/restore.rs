//! What a restart does: acts on what was open. Far ends get BYE, contacts are closed with their cause, agents stay
//! signed in, command ids are remembered. After a panic of the machine the same happens in place.

use std::collections::{BTreeMap, BTreeSet};

use super::remember::Outcome;
use super::{Parts, Tenant};
use crate::acd;
use crate::base::{ContactId, LegId, Now, Rng, SegmentId, Span, Supplies, Time, Utc};
use crate::event::words::{By, Disposition, EndCause, OfferPhase, SegmentEdge, Side};
use crate::event::{About, Kind};
use crate::ledger::Open;
use crate::ledger::open::{OpenContact, OpenLeg};
use crate::sip::words::Act;

/// Why the machine begins anew.
#[derive(Clone, Debug)]
pub enum Why {
    /// The process has started. When the one before was last seen alive, and the lengths of the recordings that were
    /// open, as their files have them. And which tokens there are: sessions of others end.
    Start { alive: Option<Time>, recordings: BTreeMap<ContactId, Span>, tokens: BTreeSet<u32> },
    /// A panic outside of a contact.
    Panic,
}

impl Why {
    fn cause(&self) -> EndCause {
        match self {
            Self::Start { .. } => EndCause::Crash,
            Self::Panic => EndCause::InternalError,
        }
    }

    fn disposition(&self) -> Disposition {
        match self {
            Self::Start { .. } => Disposition::Crash,
            Self::Panic => Disposition::InternalError,
        }
    }

    /// How much of a recording is there; `told` when nobody measured it.
    fn recorded(&self, contact: ContactId, told: Span) -> Span {
        match self {
            Self::Start { recordings, .. } => recordings.get(&contact).copied().unwrap_or(told),
            Self::Panic => told,
        }
    }

    /// When all that was open ended: at the last sign of life of the process, so that its outage is nobody's talk or
    /// wait. A process that goes on after a panic has lost no time.
    fn ended(&self, open: &Open, now: Now) -> Now {
        let Self::Start { alive, recordings, .. } = self else { return now };
        let started = open.contacts.iter().filter_map(|(id, contact)| Some((id, contact.recording.as_ref()?.started)));
        let heard = started.filter_map(|(id, started)| Some(started + *recordings.get(id)?));
        let last = heard.chain(*alive).fold(open.last_t, Time::max).min(now.t);
        Now { t: last, wall: Utc(now.wall.0 - (now.t - last).0) }
    }
}

impl Tenant {
    /// On a fresh machine, before its first input. What ended with the process is told first, as of then; that the house
    /// has restarted, and all that follows, as of `now`.
    pub fn restore(&mut self, open: &Open, why: Why, now: Now, supplies: &mut Supplies) {
        let ended = why.ended(open, now);
        self.acd.restore(&acd_open(open), ended.t, now, supplies);
        let asked = self.tell_of_before(ended);
        self.restore_rotations(&open.rotations);
        for (id, contact) in &open.contacts {
            self.end_contact_of_before(*id, contact, &why, ended, || SegmentId(supplies.ids.mint(now.t)));
            self.say_goodbye(&contact.legs, why.cause(), now, supplies);
        }
        for (leg, open) in &open.at_rest {
            self.end_leg_of_before(None, *leg, open, why.cause(), ended);
        }
        self.say_goodbye(&open.at_rest, why.cause(), now, supplies);
        for (id, recording) in &open.unsealed {
            let length = why.recorded(*id, recording.told);
            let about = About { contact: Some(*id), ..About::default() };
            let kind = Kind::RecordingEnded { length, answered: recording.told, gap: None, cause: None };
            self.journal(ended, about, By::SYSTEM, kind, None);
        }
        let open_contacts = u32::try_from(open.contacts.len()).unwrap_or(u32::MAX);
        self.journal(now, About::default(), By::SYSTEM, Kind::Restarted { open_contacts }, None);
        asked.into_iter().for_each(|output| self.acd_said(output, now, supplies));
        self.introduce(now, supplies);
        for accepted in open.commands.iter() {
            let outcome = Outcome::Accepted { contact: accepted.contact, shown: None };
            self.accepted.remember(accepted.id.clone(), accepted.body_hash, outcome, accepted.t);
        }
        for no in self.site.extensions.keys().copied().collect::<Vec<_>>() {
            if self.sip.is_reachable(no) {
                self.acd.reachable(no, true, now, supplies);
            }
        }
        self.restore_watches(&open.watches, now, supplies);
        self.restore_sessions(open, &why, now);
        self.introduce(now, supplies);
    }

    /// What the ACD says of before is told as of then; what it asks for is answered, to be done once all has ended.
    fn tell_of_before(&mut self, ended: Now) -> Vec<acd::words::Output> {
        let mut asked = Vec::new();
        while let Some(output) = self.acd.poll() {
            match output {
                acd::words::Output::Journal { about, by, kind } => self.journal(ended, about, by, kind, None),
                acd::words::Output::Offer(_)
                | acd::words::Output::Rescind { .. }
                | acd::words::Output::ItemLeft { .. }
                | acd::words::Output::Watch { .. }
                | acd::words::Output::RingLine { .. }
                | acd::words::Output::DropLine { .. } => asked.push(output),
            }
        }
        asked
    }

    /// After the agents: a session whose token is gone may make its agent not ready.
    fn restore_sessions(&mut self, open: &Open, why: &Why, now: Now) {
        for (id, session) in &open.sessions {
            self.restore_session(*id, session, now);
        }
        match why {
            Why::Start { tokens, .. } => self.sessions.revoke(|token| tokens.contains(&token)),
            Why::Panic => {}
        }
    }

    /// `fresh`: an id of now, which no id of before can be.
    fn end_contact_of_before(
        &mut self,
        id: ContactId,
        contact: &OpenContact,
        why: &Why,
        ended: Now,
        fresh: impl FnOnce() -> SegmentId,
    ) {
        let cause = why.cause();
        for (leg, open) in &contact.legs {
            self.end_leg_of_before(Some(id), *leg, open, cause, ended);
        }
        if let Some(recording) = &contact.recording {
            let answered = ended.t.since(recording.started);
            let length = match why {
                Why::Start { .. } => why.recorded(id, recording.told),
                Why::Panic => answered,
            };
            self.close_recording_of_before(id, contact, length, answered, fresh, ended);
        }
        for call in contact.calls.keys() {
            let about = About { contact: Some(id), call: Some(*call), ..About::default() };
            self.journal(ended, about, By::SYSTEM, Kind::CallClosed, None);
        }
        let disposition = why.disposition();
        let kind = Kind::ContactClosed { disposition, side: Side::System, cause, sip_status: None };
        self.journal(ended, About { contact: Some(id), ..About::default() }, By::SYSTEM, kind, None);
    }

    fn end_leg_of_before(
        &mut self,
        contact: Option<ContactId>,
        leg: LegId,
        open: &OpenLeg,
        cause: EndCause,
        ended: Now,
    ) {
        let about = About { contact, call: open.call, leg: Some(leg), agent: open.agent, ..About::default() };
        let kind = Kind::LegEnded { cause, side: Side::System, sip_status: None };
        self.journal(ended, about, By::SYSTEM, kind, None);
        if contact.is_some() {
            self.journal(ended, about, By::SYSTEM, Kind::CallLeft, None);
        }
    }

    /// Their far ends do not know yet.
    fn say_goodbye(&mut self, legs: &BTreeMap<LegId, OpenLeg>, cause: EndCause, now: Now, supplies: &mut Supplies) {
        for dialog in legs.values().filter_map(|leg| leg.dialog.clone()) {
            self.sip.act(Act::ByeRestored { dialog: Box::new(dialog), cause }, now, supplies);
        }
    }

    /// The stretch that ran when the process died is told with the file's own length; a pause was none.
    fn close_recording_of_before(
        &mut self,
        id: ContactId,
        contact: &OpenContact,
        length: Span,
        answered: Span,
        fresh: impl FnOnce() -> SegmentId,
        ended: Now,
    ) {
        let offer = contact.offers.iter().find(|(_, offer)| offer.phase == OfferPhase::Connected);
        let call = contact.calls.keys().next().copied();
        let about = About {
            contact: Some(id),
            call,
            agent: offer.and_then(|(_, o)| o.agent),
            offer: offer.map(|(id, _)| *id),
            ..About::default()
        };
        let segment = match offer {
            Some((_, offer)) => offer.segment,
            None => fresh(),
        };
        let recording = contact.recording.as_ref();
        let from = recording.map_or(Span::ZERO, |r| r.told).min(length);
        if !recording.is_some_and(|r| r.paused) {
            let (began, edge) = (SegmentEdge::PartyChanged, SegmentEdge::Crash);
            let kind = Kind::Segment { segment, from, to: length, began, ended: edge };
            self.journal(ended, about, By::SYSTEM, kind, None);
        }
        let about = About { contact: Some(id), call, ..About::default() };
        self.journal(ended, about, By::SYSTEM, Kind::RecordingEnded { length, answered, gap: None, cause: None }, None);
    }

    /// A new machine in this one's place, before [`restore`](Self::restore): connections, bindings and site stay, and
    /// media commands go on after `media_version`.
    pub fn renewed(&self, media_version: u64, now: Now, rng: &mut Rng) -> Self {
        let mut renewed = Self::new(self.parts(), now, rng);
        renewed.sip.keep_links(&self.sip);
        renewed.contacts.go_on_after(media_version);
        renewed
    }

    fn parts(&self) -> Parts {
        Parts {
            site: std::sync::Arc::clone(&self.site),
            flows: std::sync::Arc::clone(&self.flows),
            interfaces: self.sip.interfaces().to_vec(),
            bindings: self.sip.all_bindings(),
        }
    }
}

/// The ledger's picture of agents, items and offers in the ACD's words.
fn acd_open(open: &Open) -> acd::open::Open {
    let agents = open.agents.iter().map(|(agent, state)| acd::open::OpenAgent {
        agent: *agent,
        station: state.station.clone(),
        groups: state.groups.clone(),
        since: state.since,
        wish: state.wish,
        wish_since: state.wish_since,
        reachable: state.reachable,
        works: state
            .aside
            .iter()
            .map(|work| (None, work))
            .chain(state.works.iter().map(|(contact, work)| (Some(*contact), work)))
            .map(|(contact, work)| acd::open::OpenWork {
                contact,
                role: work.role,
                since: work.since,
                until: work.until,
            })
            .collect(),
        chosen: state.chosen,
        wish_limit: state.wish_limit,
        wish_until: state.wish_until,
        overtime: state.overtime,
        talked: state.talked,
        calls: state.calls,
        offered: state.offered,
        preferences: state.preferences,
    });
    let items = open.contacts.iter().flat_map(|(holder, contact)| {
        contact.items.iter().map(|(item, state)| acd::open::OpenItem {
            item: *item,
            holder: *holder,
            call: state.call,
            agent: state.agent,
            group: state.group,
            groups: state.groups.clone(),
            due: state.due,
            priority: state.priority,
            visit: state.visit,
            since: state.entered,
        })
    });
    let offers = open.contacts.iter().flat_map(|(holder, contact)| {
        contact.offers.iter().filter_map(|(offer, state)| {
            Some(acd::open::OpenOffer {
                offer: *offer,
                item: state.item?,
                holder: *holder,
                agent: state.agent?,
                group: state.group,
                phase: state.phase,
            })
        })
    });
    let rests = open.rests.clone();
    acd::open::Open { agents: agents.collect(), items: items.collect(), offers: offers.collect(), rests }
}
