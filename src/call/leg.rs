//! A leg: one party's connection, as its contact sees it.
//! Owns its phase, its place in offer/answer and what its sockets shall do. Leaves dialogs to the endpoint, sound to the
//! media engine, and what its end means to the contact.

use super::negotiation::LegMedia;
use super::pressed::Pressed;
use super::standing::Home;
use super::supervision::Supervision;
use super::words::{Attempt, Caller, Does};
use crate::base::{AgentNo, CallId, GroupNo, ItemId, LegId, OfferId, SegmentId, Time};
use crate::event::About;
use crate::event::words::{Direction, LegRole, PartyRef};
use crate::media::words::{LegSpec, Remote};
use crate::switch::LegPhase;

#[derive(Clone, Debug)]
pub(super) struct Leg {
    pub id: LegId,
    /// The one call it is in; it goes to another by `Contact::hand`.
    pub call: CallId,
    pub role: LegRole,
    pub direction: Direction,
    pub party: PartyRef,
    /// The number or user at the far end.
    pub remote: String,
    pub phase: LegPhase,
    /// Since when `phase` is what it is.
    pub since: Time,
    /// Set when an offer made this leg.
    pub offered: Option<Offered>,
    /// Set when it is the leg of an agent who calls.
    pub caller: Option<Caller>,
    /// Set when it is a supervisor's.
    pub supervision: Option<Box<Supervision>>,
    pub media: LegMedia,
    /// Highest provisional status told in the journal.
    pub progress: u16,
    /// The far end's first packet came.
    pub heard: bool,
    /// We hold it: it hears music and nobody hears it.
    pub held_since: Option<Time>,
    /// The far end put us on hold: it wants to hear nothing.
    pub away_since: Option<Time>,
    /// Nobody hears it; it hears nobody.
    pub muted_from: bool,
    pub muted_to: bool,
    /// The one leg that gets the keys which its far end presses.
    pub passes_to: Option<LegId>,
    /// What was told last of the connected agent at its far end.
    pub does: Does,
    /// The far end stopped sending and a probe is out.
    pub probing: bool,
    /// Further ways to the station that its offer rings, should this one lead nowhere.
    pub ways: Box<[Attempt]>,
    /// Digits that may be told again in another way.
    pub pressed: Pressed,
    /// Set when it stays up between contacts.
    pub home: Option<Home>,
}

/// The offer a leg serves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offered {
    pub offer: OfferId,
    pub item: ItemId,
    pub agent: AgentNo,
    pub group: Option<GroupNo>,
    /// The name of his first part of the recording, until it is used.
    pub segment: Option<SegmentId>,
    pub connected: bool,
    /// Whoever answers must press 1 first: until then the leg talks to nobody.
    pub confirm: bool,
    /// It had its ending when the leg came here from the contact it was for.
    pub over: bool,
}

impl Leg {
    pub fn is_live(&self) -> bool {
        self.phase != LegPhase::Ended
    }

    /// Somebody is there; where a key is to prove it, it was pressed.
    pub fn is_answered(&self) -> bool {
        self.is_up() && !self.is_confirming()
    }

    /// The far end answered, be it a person or a machine.
    pub fn is_up(&self) -> bool {
        self.phase == LegPhase::Answered
    }

    /// What answered has not proved yet that it is a person.
    pub fn is_confirming(&self) -> bool {
        let asked = self.offered.is_some_and(|o| o.confirm) || self.home.is_some_and(|home| home.confirm);
        self.is_up() && asked
    }

    /// Whose leg it is, as far as an agent is known.
    pub fn agent(&self) -> Option<AgentNo> {
        let caller = self.caller.map(|c| c.agent);
        let supervisor = self.supervision.as_ref().map(|s| s.agent);
        self.offered.map(|o| o.agent).or(caller).or(supervisor).or(self.home.map(|home| home.agent))
    }

    /// The agent whose state follows from this leg: connected by an offer, or calling.
    pub fn working(&self) -> Option<AgentNo> {
        self.offered.filter(|o| o.connected).map(|o| o.agent).or(self.caller.map(|c| c.agent))
    }

    /// It talks, and neither an offer nor a command for an agent made it.
    pub fn is_by_itself(&self) -> bool {
        self.is_answered() && self.offered.is_none() && self.caller.is_none() && self.watches().is_none()
    }

    /// Nobody has put it on hold, and it has put nobody.
    pub fn is_off_hold(&self) -> bool {
        self.held_since.is_none() && self.away_since.is_none()
    }

    /// The ids an event about this leg carries beside its contact.
    pub fn about(&self) -> About {
        let offered = self.offered.as_ref();
        About {
            call: Some(self.call),
            leg: Some(self.id),
            agent: self.agent(),
            group: offered.and_then(|o| o.group).or(self.caller.and_then(|c| c.group)),
            item: offered.map(|o| o.item),
            offer: offered.map(|o| o.offer),
            ..About::default()
        }
    }

    pub fn enter(&mut self, phase: LegPhase, t: Time) {
        (self.phase, self.since) = (phase, t);
    }

    /// What the engine shall do with this leg's sockets; `None` before there is a far end to talk to.
    pub fn spec(&self) -> Option<LegSpec> {
        let agreed = self.media.agreed()?;
        Some(LegSpec {
            leg: self.id,
            ports: self.media.ports()?,
            remote: Some(Remote {
                rtp: agreed.remote,
                rtcp: agreed.remote_rtcp,
                rtcp_mux: agreed.rtcp_mux,
                codec: agreed.codec,
                payload_type: agreed.send_payload,
                ptime_ms: u8::try_from(agreed.ptime_ms).unwrap_or(20),
            }),
            latch_epoch: self.media.latch_epoch,
            telephone_event_send: agreed.telephone_event_send,
            telephone_event_receive: agreed.telephone_event_receive,
            send: agreed.send,
            receive: agreed.receive,
            watch: self.is_answered() && agreed.receive,
            digits: self.media.digits.clone(),
            keeps_keys: self.passes_to.is_some(),
        })
    }
}

const _: () = assert!(size_of::<Leg>() <= crate::base::bounds::LEG_VALUE_BYTES);
