//! The record of one contact: everything that is known of it, folded from its events, also from those after its end.
//! Owns what the record holds and how its totals are computed. Leaves rows and indices to `projector` and `store`, the
//! form that clients see to `api`.
//! In: [`Recorded`] that name the contact. Out: [`ContactRecord`], stored as JSON in core units (microseconds).
//! Long on purpose: one record, with one arm and one part of it for each kind of event.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use super::merged::MergedRecord;
pub use super::supervision::{Stretch, SupervisionRecord};
use super::{Fold, Unknown};
use crate::base::bounds::RECORD_LIST;
use crate::base::{
    AgentNo, CallId, ContactId, FlowNo, GroupNo, ItemId, LegId, NumberNo, OfferId, SegmentId, Span, TenantNo, Time, Utc,
};
use crate::event::words::{
    CallKind, DigitPath, Direction, Disposition, EndCause, ItemExit, LegRole, OfferEnding, OfferWay, PartyRef,
    RecordingGap, SegmentEdge, Side, Speech, SpeechEnding, Station, TransferEnding, TransferMode, WorkRole,
};
use crate::event::{About, By, Event, Kind, MediaCounts, Recorded};

/// A point on the house's axis and what the clock on the wall said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    pub t: Time,
    pub at: Utc,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContactRecord {
    pub contact: ContactId,
    pub tenant: TenantNo,
    pub from: String,
    pub to: String,
    pub number: Option<NumberNo>,
    pub language: String,
    /// The recording rule at birth.
    pub record: bool,
    pub opened: Moment,
    pub closed: Option<Moment>,
    pub disposition: Option<Disposition>,
    pub side: Option<Side>,
    pub cause: Option<EndCause>,
    pub sip_status: Option<u16>,
    pub data: Map<String, Value>,
    pub calls: Vec<CallRecord>,
    pub legs: Vec<LegRecord>,
    pub visits: Vec<QueueVisit>,
    pub offers: Vec<OfferRecord>,
    /// What an order had spoken to whoever answered.
    #[serde(default)]
    pub said: Option<SaidRecord>,
    pub flows: Vec<FlowRun>,
    pub trace: Vec<FlowStep>,
    /// Personal.
    pub digits: Vec<DigitRecord>,
    pub segments: Vec<SegmentRecord>,
    pub recording: Option<RecordingRecord>,
    pub wrap_ups: Vec<WrapUp>,
    #[serde(default)]
    pub transfers: Vec<TransferRecord>,
    #[serde(default)]
    pub supervisions: Vec<SupervisionRecord>,
    /// Contacts that this one is one with.
    #[serde(default)]
    pub merged: Vec<MergedRecord>,
    /// How long two answered legs or more were in one call, whom an offer rang from its connection on: the union over
    /// all calls.
    pub talk: Span,
    /// Set while they are.
    pub talking_since: Option<Time>,
    /// The sum over the queue visits that have ended.
    pub waited: Span,
    /// Entries that did not fit into a full list.
    pub cut: u64,
    /// Events that named a leg, call, item or offer this record does not have.
    pub anomalies: u64,
    pub first_seq: u64,
    pub last_seq: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    pub call: CallId,
    pub kind: CallKind,
    pub opened: Time,
    pub closed: Option<Time>,
    pub stays: Vec<Stay>,
}

/// A leg's time in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    pub leg: LegId,
    pub joined: Time,
    pub left: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LegRecord {
    pub leg: LegId,
    pub role: LegRole,
    pub party: PartyRef,
    pub direction: Direction,
    pub remote: String,
    /// The call it was in last.
    pub call: Option<CallId>,
    pub agent: Option<AgentNo>,
    pub offer: Option<OfferId>,
    pub created: Time,
    /// The first provisional response.
    pub progress: Option<Time>,
    pub answered: Option<Time>,
    pub media_heard: Option<Time>,
    pub ended: Option<Time>,
    pub cause: Option<EndCause>,
    pub side: Option<Side>,
    pub sip_status: Option<u16>,
    pub media: Option<MediaCounts>,
    #[serde(default)]
    pub holds: Vec<Hold>,
    /// How long it talked: answered and not held, with another one like that in its call.
    #[serde(default)]
    pub talk: Span,
    /// Set while it does.
    #[serde(default)]
    pub talking_since: Option<Time>,
}

/// A time in which a leg was held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub from: Time,
    pub to: Option<Time>,
    /// Who asked; a party: the far end itself.
    pub by: By,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferRecord {
    pub mode: TransferMode,
    pub transferor: LegId,
    pub began: Time,
    pub ended: Option<Time>,
    pub ending: Option<TransferEnding>,
    pub cause: Option<EndCause>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueVisit {
    pub item: ItemId,
    /// The group that served it, or the first it waited in.
    pub group: Option<GroupNo>,
    /// Whom alone it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentNo>,
    /// The call that an agent was wanted in beside others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    pub entered: Time,
    pub due: Time,
    pub priority: i32,
    pub visit: u32,
    pub left: Option<Time>,
    pub exit: Option<ItemExit>,
    pub waited: Option<Span>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfferRecord {
    pub offer: OfferId,
    pub agent: Option<AgentNo>,
    pub group: Option<GroupNo>,
    pub item: Option<ItemId>,
    pub station: Station,
    pub segment: SegmentId,
    pub made: Time,
    #[serde(default, skip_serializing_if = "OfferWay::is_ring")]
    pub way: OfferWay,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Time>,
    pub alerting: Option<Time>,
    /// Answered outside, and not proved to be a person yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirming: Option<Time>,
    pub accepted: Option<Time>,
    pub connected: Option<Time>,
    pub ended: Option<Time>,
    pub ending: Option<OfferEnding>,
    pub sip_status: Option<u16>,
    /// Why the agent rejected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Personal: the text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SaidRecord {
    pub speech: Speech,
    /// `None`: nobody answered, or it is being said.
    pub ending: Option<SpeechEnding>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowRun {
    pub flow: FlowNo,
    pub key: String,
    pub version: String,
    pub started: Time,
    pub ended: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowStep {
    /// Index in [`ContactRecord::flows`].
    pub run: u32,
    pub node: String,
    pub exit: String,
    pub t: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigitRecord {
    pub leg: Option<LegId>,
    pub digit: char,
    pub path: DigitPath,
    pub t: Time,
}

/// A part of the recording; `from` and `to` are places in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentRecord {
    pub segment: SegmentId,
    pub agent: Option<AgentNo>,
    pub leg: Option<LegId>,
    pub call: Option<CallId>,
    pub from: Span,
    pub to: Span,
    pub began: SegmentEdge,
    pub ended: SegmentEdge,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingRecord {
    /// Below the recordings folder.
    pub file: String,
    pub started: Time,
    /// Of the sound in the file; known at its end.
    pub length: Option<Span>,
    pub answered: Option<Span>,
    pub gap: Option<(RecordingGap, Span)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrapUp {
    pub agent: AgentNo,
    pub from: Time,
    pub to: Option<Time>,
}

impl ContactRecord {
    /// The record begins with its `ContactOpened`; any other event begins none.
    pub fn born(recorded: &Recorded) -> Option<Self> {
        let event = &recorded.event;
        let Kind::ContactOpened { from, to, number, language, record } = &event.kind else { return None };
        Some(Self {
            contact: event.about.contact?,
            tenant: event.tenant,
            from: from.clone(),
            to: to.clone(),
            number: *number,
            language: language.clone(),
            record: *record,
            opened: Moment { t: event.t, at: event.at },
            closed: None,
            disposition: None,
            side: None,
            cause: None,
            sip_status: None,
            data: Map::new(),
            calls: Vec::new(),
            legs: Vec::new(),
            visits: Vec::new(),
            offers: Vec::new(),
            said: None,
            flows: Vec::new(),
            trace: Vec::new(),
            digits: Vec::new(),
            segments: Vec::new(),
            recording: None,
            wrap_ups: Vec::new(),
            transfers: Vec::new(),
            supervisions: Vec::new(),
            merged: Vec::new(),
            talk: Span::ZERO,
            talking_since: None,
            waited: Span::ZERO,
            cut: 0,
            anomalies: 0,
            first_seq: recorded.seq,
            last_seq: recorded.seq,
        })
    }

    /// Folds the next event about this contact.
    pub fn apply(&mut self, recorded: &Recorded) {
        self.last_seq = recorded.seq;
        if let Err(Unknown) = self.fold(&recorded.event) {
            self.anomalies += 1;
        }
        self.count_talk(recorded.event.t);
    }

    /// Agents who talked in it, each once, in the order of their first talk.
    pub fn agents(&self) -> Vec<AgentNo> {
        let by_offer = self.offers.iter().filter(|o| o.connected.is_some()).filter_map(|o| o.agent);
        let by_leg = self.legs.iter().filter(|leg| leg.talks() && self.has_come(leg)).filter_map(|leg| leg.agent);
        once(by_offer.chain(by_leg))
    }

    /// Groups it waited in, each once.
    pub fn groups(&self) -> Vec<GroupNo> {
        once(self.visits.iter().filter(|visit| visit.agent.is_none()).filter_map(|visit| visit.group))
    }

    /// One arm per kind.
    fn fold(&mut self, event: &Event) -> Fold {
        let (t, about) = (event.t, &event.about);
        match &event.kind {
            // The record exists: this one came twice.
            Kind::ContactOpened { .. } => return Err(Unknown),
            // Its flow is told again when it starts.
            Kind::Originated { flow_key: _, say, first: _ } => {
                self.said = say.clone().map(|speech| SaidRecord { speech, ending: None });
            }
            Kind::Said { ending } => self.said.as_mut().ok_or(Unknown)?.ending = Some(*ending),
            Kind::ContactData { data } => self.data.clone_from(data),
            Kind::ContactClosed { .. } => self.contact_closed(event)?,
            Kind::LegCreated { .. } => push(&mut self.legs, LegRecord::created(event)?, &mut self.cut),
            Kind::LegProgress { .. } => first(&mut self.leg(about)?.progress, t),
            Kind::LegAnswered => first(&mut self.leg(about)?.answered, t),
            Kind::LegDialog { .. } => drop(self.leg(about)?),
            Kind::MediaHeard => first(&mut self.leg(about)?.media_heard, t),
            Kind::Digit { digit, path } => {
                let digit = DigitRecord { leg: about.leg, digit: *digit, path: *path, t };
                push(&mut self.digits, digit, &mut self.cut);
            }
            Kind::LegMoved { from, .. } => self.leg_moved(event, *from)?,
            Kind::ContactMerged { with, goes_on } => self.merged_with(*with, *goes_on, t),
            Kind::LegRested { cause, side } => self.leg_ended(about, t, *cause, *side, None)?,
            Kind::LegEnded { cause, side, sip_status } => self.leg_ended(about, t, *cause, *side, *sip_status)?,
            Kind::LegMedia { counts } => self.leg(about)?.media = Some(*counts),
            Kind::LegHeld => self.held(about, t, event.by.clone())?,
            Kind::LegRetrieved => self.leg(about)?.release_hold(t),
            Kind::TransferBegan { mode } => {
                push(&mut self.transfers, TransferRecord::new(*mode, about, t)?, &mut self.cut);
            }
            Kind::TransferEnded { ending, cause, .. } => self.transfer_ended(t, *ending, *cause)?,
            Kind::SupervisionStarted { .. } | Kind::SupervisionChanged { .. } => self.supervised(event)?,
            Kind::SupervisionEnded { .. } => self.supervision_ended(event)?,
            Kind::CallOpened { .. } => push(&mut self.calls, CallRecord::opened(event)?, &mut self.cut),
            Kind::CallJoined => self.joined(about, t)?,
            Kind::CallLeft => self.left(about, t)?,
            Kind::CallClosed => first(&mut self.call(about)?.closed, t),
            Kind::FlowStarted { .. } => push(&mut self.flows, FlowRun::started(event)?, &mut self.cut),
            Kind::FlowNode { node, exit } => self.flow_went_on(node, exit, t)?,
            Kind::FlowEnded { flow } => self.flow_ended(*flow, t)?,
            Kind::ItemEntered { .. } => push(&mut self.visits, QueueVisit::entered(event)?, &mut self.cut),
            Kind::ItemPriority { .. } => self.visit(about)?.call = about.call,
            Kind::ItemLeft { exit, waited } => self.item_left(about, t, *exit, *waited)?,
            Kind::OfferMade { .. } => push(&mut self.offers, OfferRecord::made(event)?, &mut self.cut),
            Kind::OfferShown => first(&mut self.offer(about)?.shown, t),
            Kind::OfferAlerting => first(&mut self.offer(about)?.alerting, t),
            Kind::OfferConfirming { .. } => first(&mut self.offer(about)?.confirming, t),
            Kind::OfferAccepted => first(&mut self.offer(about)?.accepted, t),
            Kind::OfferConnected => first(&mut self.offer(about)?.connected, t),
            Kind::OfferEnded { .. } => self.offer(about)?.end(event),
            Kind::AgentWork { role, .. } => self.work(about, *role, t)?,
            Kind::AgentWorkEnded { .. } => self.wrap_up_ended(about, t),
            Kind::RecordingStarted { file, until: _ } => {
                let file = file.clone();
                self.recording = Some(RecordingRecord { file, started: t, length: None, answered: None, gap: None });
            }
            Kind::Segment { .. } => push(&mut self.segments, SegmentRecord::told(event)?, &mut self.cut),
            Kind::RecordingEnded { .. } => self.recording.as_mut().ok_or(Unknown)?.end(&event.kind),
            // Where the parties were is told by joins and leaves, what was recorded by segments.
            Kind::LegMuted { .. } | Kind::DigitsSent { .. } | Kind::Announced { .. } => {}
            Kind::LegPassesDigits { .. } => {}
            Kind::AnnouncementEnded { .. } | Kind::InviteEnded { .. } | Kind::ChairTaken => {}
            Kind::RouteEnded { .. } | Kind::Playback { .. } | Kind::FlowReturned { .. } => {}
            Kind::ConferenceLimits { .. } | Kind::ConferenceEnding { .. } => {}
            Kind::RecordingPaused | Kind::RecordingResumed => {}
            Kind::WatchStarted { .. } | Kind::WatchChanged { .. } | Kind::WatchEnded { .. } => {}
            // About the tenant, an agent or a phone; when they name a contact they add nothing to its record.
            Kind::AgentSignedIn { .. } | Kind::AgentSignedOut | Kind::AgentGroups { .. } => {}
            Kind::AgentWish { .. } | Kind::AgentReachable { .. } | Kind::AgentOvertime => {}
            Kind::AgentForced { .. } | Kind::AgentNote { .. } | Kind::NumberRotated { .. } => {}
            Kind::AgentPrefers { .. } | Kind::AgentRestQueued { .. } | Kind::AgentRestUnqueued { .. } => {}
            Kind::PreviewShown { .. } | Kind::PreviewEnded { .. } => {}
            Kind::Registered { .. } | Kind::Unregistered { .. } | Kind::CommandAccepted { .. } => {}
            Kind::SessionOpened { .. } | Kind::SessionEnded { .. } => {}
            Kind::SiteChanged { .. } | Kind::Restarted { .. } | Kind::Checkpoint { .. } | Kind::Alarm { .. } => {}
        }
        Ok(())
    }

    fn contact_closed(&mut self, event: &Event) -> Fold {
        let Kind::ContactClosed { disposition, side, cause, sip_status } = &event.kind else { return Err(Unknown) };
        self.closed = Some(Moment { t: event.t, at: event.at });
        (self.disposition, self.side, self.cause) = (Some(*disposition), Some(*side), Some(*cause));
        self.sip_status = *sip_status;
        Ok(())
    }

    fn flow_went_on(&mut self, node: &str, exit: &str, t: Time) -> Fold {
        // The one that runs; one beneath goes on when the one above has ended.
        let runs = self.flows.iter().rposition(|flow| flow.ended.is_none()).ok_or(Unknown)?;
        let run = u32::try_from(runs).map_err(|_| Unknown)?;
        let step = FlowStep { run, node: node.to_owned(), exit: exit.to_owned(), t };
        push(&mut self.trace, step, &mut self.cut);
        Ok(())
    }

    fn flow_ended(&mut self, flow: FlowNo, t: Time) -> Fold {
        let is_it = |run: &&mut FlowRun| run.flow == flow && run.ended.is_none();
        self.flows.iter_mut().rev().find(is_it).ok_or(Unknown)?.ended = Some(t);
        Ok(())
    }

    // The newest are looked at first: an event is nearly always about what began last.

    pub(super) fn leg(&mut self, about: &About) -> Result<&mut LegRecord, Unknown> {
        self.legs.iter_mut().rev().find(|leg| Some(leg.leg) == about.leg).ok_or(Unknown)
    }

    fn call(&mut self, about: &About) -> Result<&mut CallRecord, Unknown> {
        self.calls.iter_mut().rev().find(|call| Some(call.call) == about.call).ok_or(Unknown)
    }

    fn offer(&mut self, about: &About) -> Result<&mut OfferRecord, Unknown> {
        self.offers.iter_mut().rev().find(|offer| Some(offer.offer) == about.offer).ok_or(Unknown)
    }

    fn leg_ended(&mut self, about: &About, t: Time, cause: EndCause, side: Side, status: Option<u16>) -> Fold {
        let leg = self.leg(about)?;
        first(&mut leg.ended, t);
        leg.release_hold(t);
        (leg.cause, leg.side, leg.sip_status) = (Some(cause), Some(side), status);
        let id = leg.leg;
        let stays = self.calls.iter_mut().flat_map(|call| &mut call.stays);
        stays.filter(|stay| stay.leg == id).for_each(|stay| first(&mut stay.left, t));
        Ok(())
    }

    fn held(&mut self, about: &About, t: Time, by: By) -> Fold {
        let mut cut = 0;
        push(&mut self.leg(about)?.holds, Hold { from: t, to: None, by }, &mut cut);
        self.cut += cut;
        Ok(())
    }

    /// Told of both contacts, where it comes from one: it left this one, or came to it.
    fn leg_moved(&mut self, event: &Event, from: Option<ContactId>) -> Fold {
        if event.about.contact == from {
            return self.leg(&event.about).map(drop);
        }
        push(&mut self.legs, LegRecord::created(event)?, &mut self.cut);
        Ok(())
    }

    fn transfer_ended(&mut self, t: Time, ending: TransferEnding, cause: Option<EndCause>) -> Fold {
        let transfer = self.transfers.last_mut().filter(|transfer| transfer.ended.is_none()).ok_or(Unknown)?;
        (transfer.ended, transfer.ending, transfer.cause) = (Some(t), Some(ending), cause);
        Ok(())
    }

    fn joined(&mut self, about: &About, t: Time) -> Fold {
        let leg = about.leg.ok_or(Unknown)?;
        let mut cut = 0;
        let call = self.call(about)?;
        let id = call.call;
        push(&mut call.stays, Stay { leg, joined: t, left: None }, &mut cut);
        self.cut += cut;
        self.leg(about)?.call = Some(id);
        Ok(())
    }

    fn left(&mut self, about: &About, t: Time) -> Fold {
        let stays = self.call(about)?.stays.iter_mut().rev();
        let stay = stays.into_iter().find(|stay| Some(stay.leg) == about.leg).ok_or(Unknown)?;
        first(&mut stay.left, t);
        Ok(())
    }

    fn visit(&mut self, about: &About) -> Result<&mut QueueVisit, Unknown> {
        self.visits.iter_mut().rev().find(|visit| Some(visit.item) == about.item).ok_or(Unknown)
    }

    fn item_left(&mut self, about: &About, t: Time, exit: ItemExit, waited: Span) -> Fold {
        let visit = self.visit(about)?;
        (visit.left, visit.exit, visit.waited) = (Some(t), Some(exit), Some(waited));
        visit.group = about.group.or(visit.group);
        // Beside others nobody of them waits.
        let his = self.visits.iter().filter(|visit| visit.call.is_none());
        self.waited = his.filter_map(|visit| visit.waited).fold(Span::ZERO, |sum, w| sum + w);
        Ok(())
    }

    /// Work of another role ends a wrap-up: an agent does one thing for a contact at a time.
    fn work(&mut self, about: &About, role: WorkRole, t: Time) -> Fold {
        let agent = about.agent.ok_or(Unknown)?;
        let runs = self.wrap_ups.iter().any(|w| w.agent == agent && w.to.is_none());
        match (role, runs) {
            (WorkRole::WrapUp, false) => push(&mut self.wrap_ups, WrapUp { agent, from: t, to: None }, &mut self.cut),
            (WorkRole::WrapUp, true) => {}
            (
                WorkRole::Offered
                | WorkRole::Talking
                | WorkRole::Dialing
                | WorkRole::Held
                | WorkRole::Consulting
                | WorkRole::Conference
                | WorkRole::Monitoring
                | WorkRole::Reserved,
                _,
            ) => self.wrap_up_ended(about, t),
        }
        Ok(())
    }

    fn wrap_up_ended(&mut self, about: &About, t: Time) {
        let running = self.wrap_ups.iter_mut().filter(|w| w.to.is_none());
        running.filter(|w| Some(w.agent) == about.agent).for_each(|w| w.to = Some(t));
    }

    /// Whom an offer rang is there once it is connected; until then the customer waits.
    fn has_come(&self, leg: &LegRecord) -> bool {
        let offer = self.offers.iter().rev().find(|offer| Some(offer.offer) == leg.offer);
        offer.is_none_or(|offer| offer.connected.is_some())
    }

    /// Two answered legs or more in one call are a talk. A leg talks while it and another one there are not held.
    fn count_talk(&mut self, t: Time) {
        let closed = self.closed.is_some();
        let (mut connected, mut talkers) = (false, Vec::new());
        for call in self.calls.iter().filter(|call| !closed && call.closed.is_none()) {
            let here = |leg: &&LegRecord| call.stays.iter().any(|stay| stay.leg == leg.leg && stay.left.is_none());
            let answered = self.legs.iter().filter(|leg| leg.talks() && leg.ended.is_none() && self.has_come(leg));
            let answered = answered.filter(here);
            let (held, free): (Vec<_>, Vec<_>) = answered.partition(|leg| leg.is_held());
            connected |= held.len() + free.len() > 1;
            if free.len() > 1 {
                talkers.extend(free.iter().map(|leg| leg.leg));
            }
        }
        turn(&mut self.talk, &mut self.talking_since, connected, t);
        for leg in &mut self.legs {
            turn(&mut leg.talk, &mut leg.talking_since, talkers.contains(&leg.leg), t);
        }
    }
}

/// A stopwatch: runs or not from `t` on.
fn turn(sum: &mut Span, since: &mut Option<Time>, runs: bool, t: Time) {
    match (*since, runs) {
        (None, true) => *since = Some(t),
        (Some(began), false) => {
            *sum = *sum + (t - began);
            *since = None;
        }
        (None, false) | (Some(_), true) => {}
    }
}

impl TransferRecord {
    fn new(mode: TransferMode, about: &About, began: Time) -> Result<Self, Unknown> {
        let transferor = about.leg.ok_or(Unknown)?;
        Ok(Self { mode, transferor, began, ended: None, ending: None, cause: None })
    }
}

impl LegRecord {
    /// It was answered, and whoever it is is heard: a supervisor only once he has taken over.
    fn talks(&self) -> bool {
        self.answered.is_some() && self.role != LegRole::Supervisor
    }

    fn is_held(&self) -> bool {
        self.holds.last().is_some_and(|hold| hold.to.is_none())
    }

    fn release_hold(&mut self, t: Time) {
        if let Some(hold) = self.holds.last_mut() {
            first(&mut hold.to, t);
        }
    }

    fn created(event: &Event) -> Result<Self, Unknown> {
        let (direction, role, party, remote, answered) = match &event.kind {
            Kind::LegCreated { direction, role, party, remote } => (direction, role, party, remote, None),
            Kind::LegMoved { direction, role, party, remote, answered, .. } => {
                (direction, role, party, remote, *answered)
            }
            _ => return Err(Unknown),
        };
        Ok(Self {
            leg: event.about.leg.ok_or(Unknown)?,
            role: *role,
            party: *party,
            direction: *direction,
            remote: remote.clone(),
            call: None,
            agent: event.about.agent,
            offer: event.about.offer,
            created: event.t,
            progress: None,
            answered,
            media_heard: None,
            ended: None,
            cause: None,
            side: None,
            sip_status: None,
            media: None,
            holds: Vec::new(),
            talk: Span::ZERO,
            talking_since: None,
        })
    }
}

impl CallRecord {
    fn opened(event: &Event) -> Result<Self, Unknown> {
        let Kind::CallOpened { call_kind } = &event.kind else { return Err(Unknown) };
        let call = event.about.call.ok_or(Unknown)?;
        Ok(Self { call, kind: *call_kind, opened: event.t, closed: None, stays: Vec::new() })
    }
}

impl FlowRun {
    fn started(event: &Event) -> Result<Self, Unknown> {
        let Kind::FlowStarted { flow, flow_key, version } = &event.kind else { return Err(Unknown) };
        let (key, version) = (flow_key.clone(), version.clone());
        Ok(Self { flow: *flow, key, version, started: event.t, ended: None })
    }
}

impl QueueVisit {
    fn entered(event: &Event) -> Result<Self, Unknown> {
        let Kind::ItemEntered { due, priority, visit, groups: _ } = &event.kind else { return Err(Unknown) };
        let (due, priority, visit) = (*due, *priority, *visit);
        let about = &event.about;
        let (item, group, agent, call) = (about.item.ok_or(Unknown)?, about.group, about.agent, about.call);
        let (entered, left, exit, waited) = (event.t, None, None, None);
        Ok(Self { item, group, agent, call, entered, due, priority, visit, left, exit, waited })
    }
}

impl RecordingRecord {
    fn end(&mut self, kind: &Kind) {
        if let Kind::RecordingEnded { length, answered, gap, cause: _ } = kind {
            (self.length, self.answered, self.gap) = (Some(*length), Some(*answered), *gap);
        }
    }
}

impl OfferRecord {
    fn end(&mut self, event: &Event) {
        if let Kind::OfferEnded { ending, sip_status, reason } = &event.kind {
            (self.ended, self.ending, self.sip_status) = (Some(event.t), Some(*ending), *sip_status);
            self.reason.clone_from(reason);
        }
    }

    fn made(event: &Event) -> Result<Self, Unknown> {
        let Kind::OfferMade { station, segment, way, until: _ } = &event.kind else { return Err(Unknown) };
        Ok(Self {
            offer: event.about.offer.ok_or(Unknown)?,
            agent: event.about.agent,
            group: event.about.group,
            item: event.about.item,
            station: station.clone(),
            segment: *segment,
            made: event.t,
            way: *way,
            shown: None,
            alerting: None,
            confirming: None,
            accepted: None,
            connected: None,
            ended: None,
            ending: None,
            sip_status: None,
            reason: None,
        })
    }
}

impl SegmentRecord {
    fn told(event: &Event) -> Result<Self, Unknown> {
        let Kind::Segment { segment, from, to, began, ended } = event.kind else { return Err(Unknown) };
        let (agent, leg, call) = (event.about.agent, event.about.leg, event.about.call);
        Ok(Self { segment, agent, leg, call, from, to, began, ended })
    }
}

pub(super) fn push<T>(list: &mut Vec<T>, entry: T, cut: &mut u64) {
    if list.len() < RECORD_LIST {
        list.push(entry);
    } else {
        *cut += 1;
    }
}

fn first(at: &mut Option<Time>, t: Time) {
    at.get_or_insert(t);
}

fn once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    all.fold(Vec::new(), |mut list, entry| {
        if !list.contains(&entry) {
            list.push(entry);
        }
        list
    })
}
