//! What queries see of contacts.

use serde_json::{Map, Value};

use super::Contacts;
use super::calls::Call;
use super::contact::Contact;
use super::leg::Leg;
use crate::base::{ContactId, GroupNo, NumberNo, Time};
use crate::event::words::Direction;
use crate::sip::words::Traced;
use crate::switch::{CallState, ConferenceState, LegState, PlaybackState, RecordingState, TransferState};

/// A contact without what the tenant adds: its flow.
#[derive(Clone, Debug, PartialEq)]
pub struct ContactView {
    pub contact: ContactId,
    pub from: String,
    pub to: String,
    pub number: Option<NumberNo>,
    pub opened: Time,
    pub queued: Option<GroupNo>,
    pub data: Map<String, Value>,
    pub calls: Vec<CallState>,
    pub transfer: Option<TransferState>,
    pub conference: Option<ConferenceState>,
    pub recording: Option<RecordingState>,
    pub playback: Option<PlaybackState>,
}

impl Contacts {
    pub fn view(&self, id: ContactId) -> Option<ContactView> {
        self.contacts.get(&id).filter(|c| c.is_open()).map(view)
    }

    /// Oldest first: ids order by time.
    pub fn views(&self) -> impl Iterator<Item = ContactView> {
        self.contacts.values().filter(|c| c.is_open()).map(view)
    }

    /// What a flow may look at: caller, dialled number, language, data.
    pub fn subject(&self, id: ContactId) -> Option<(String, String, String, Map<String, Value>)> {
        let contact = self.contacts.get(&id)?;
        Some((contact.from.clone(), contact.to.clone(), contact.language.clone(), Map::clone(&contact.data)))
    }

    /// Whom the far end of another leg is shown: who called, or whom a command had called.
    pub fn caller(&self, id: ContactId) -> Option<String> {
        let called = |c: &Contact| !c.two_way && c.main_leg().is_some_and(|l| l.direction == Direction::Outbound);
        let caller = |c: &Contact| if called(c) { c.to.clone() } else { c.from.clone() };
        self.contacts.get(&id).map(|c| c.shown.clone().unwrap_or_else(|| caller(c)))
    }

    /// Somebody in it is its customer, ringing or talking.
    pub fn has_customer(&self, id: ContactId) -> bool {
        self.contacts.get(&id).is_some_and(|c| c.customer.is_some())
    }

    /// The SIP messages of a contact that lives or has ended a short while ago.
    pub fn history(&self, id: ContactId) -> Option<Vec<Traced>> {
        let living = self.contacts.get(&id).map(|c| &c.history);
        living
            .or_else(|| self.ended.iter().find(|(ended, _)| *ended == id).map(|(_, h)| h))
            .map(|history| history.messages().cloned().collect())
    }

    /// A flow runs for it and decides what comes next.
    pub fn is_held_by_flow(&self, id: ContactId) -> bool {
        self.contacts.get(&id).is_some_and(|c| c.flow_holds)
    }

    /// Its live legs, the oldest first.
    /// The leg is a phone's that rings by its own number.
    pub fn rings_directly(&self, id: ContactId, leg: crate::base::LegId) -> bool {
        self.contacts.get(&id).is_some_and(|c| c.rings_directly(leg))
    }

    pub fn legs_of(&self, id: ContactId) -> Vec<LegState> {
        self.contacts.get(&id).map(|c| c.live_legs().map(leg_state).collect()).unwrap_or_default()
    }
}

fn view(contact: &Contact) -> ContactView {
    ContactView {
        contact: contact.id,
        from: contact.from.clone(),
        to: contact.to.clone(),
        number: contact.number,
        opened: contact.born,
        queued: contact.waiting.as_ref().and_then(|w| w.groups.first().copied()),
        data: Map::clone(&contact.data),
        calls: contact.calls.iter().map(|call| call_state(contact, call)).collect(),
        transfer: contact.transfer.as_ref().and_then(|transfer| transfer.state()),
        conference: contact.conference_state(),
        recording: contact.recording_state(),
        playback: contact.room.playback.as_ref().map(|playback| playback.state()),
    }
}

fn call_state(contact: &Contact, call: &Call) -> CallState {
    CallState {
        call: call.id,
        kind: call.kind,
        chair: call.chair.map(|(leg, _)| leg),
        legs: contact.live_legs().filter(|l| l.call == call.id).map(leg_state).collect(),
    }
}

fn leg_state(leg: &Leg) -> LegState {
    LegState {
        leg: leg.id,
        role: leg.role,
        direction: leg.direction,
        party: leg.party,
        remote: leg.remote.clone(),
        agent: leg.agent(),
        offer: leg.offered.map(|o| o.offer),
        phase: leg.phase,
        since: leg.since,
        held: leg.held_since,
        muted_from: leg.muted_from,
        muted_to: leg.muted_to,
        passes_to: leg.passes_to,
        supervision: leg.watches().map(|s| (s.mode, s.target)),
    }
}
