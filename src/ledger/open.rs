//! The open state of one tenant: what is alive, folded from its events. A restart builds the tenant machine from it.
//! Owns what "open" means: contacts with calls, legs, items and offers, agents with their work, accepted command ids.
//! Leaves acting on it to the tenant machine, storing it to `store`.
//! In: [`Recorded`]. Out: [`Open`], as JSON in checkpoints and in records.db. An event that names what is not open is
//! counted in [`Open::anomalies`], never a panic: the journal may have lost the tail before it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use super::agent::{OpenAgent, OpenRest, OpenWork};
pub use super::session::OpenSession;
pub use super::supervision::OpenWatch;
use super::{Fold, Unknown};
use crate::base::bounds::{COMMAND_IDS_KEPT, COMMAND_MEMORY};
use crate::base::{
    AgentNo, CallId, CommandId, ContactId, FlowNo, GroupNo, ItemId, LegId, NumberNo, OfferId, ReasonNo, SegmentId,
    SessionId, Span, Time, Utc,
};
use crate::event::words::{
    Actor, CallKind, Direction, LegRole, OfferPhase, PartyRef, Station, SupervisionEnding, SupervisionMode,
    TransferMode, Watched,
};
use crate::event::{About, DialogState, Event, Kind, Recorded};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Open {
    /// Of the last event folded. The house's axis goes on after it.
    pub last_t: Time,
    pub contacts: BTreeMap<ContactId, OpenContact>,
    /// Legs of agents' stations that are in no contact.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub at_rest: BTreeMap<LegId, OpenLeg>,
    /// Recordings of closed contacts whose files are not complete: their writer tells it a little later.
    #[serde(default)]
    pub unsealed: BTreeMap<ContactId, OpenRecording>,
    /// Those signed in.
    pub agents: BTreeMap<AgentNo, OpenAgent>,
    /// Who waits for rest, the first first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rests: Vec<OpenRest>,
    /// Client sessions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sessions: BTreeMap<SessionId, OpenSession>,
    /// Who goes with which agent from call to call, by supervisor.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub watches: BTreeMap<AgentNo, OpenWatch>,
    /// What each rotation of calling numbers showed last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rotations: Vec<OpenRotation>,
    pub commands: CommandTable,
    /// Events that named something which was not open.
    pub anomalies: u64,
}

/// What a rotation showed last: an agent's, a group's, or the tenant's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRotation {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentNo>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupNo>,
    pub number: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenContact {
    pub from: String,
    pub to: String,
    pub number: Option<NumberNo>,
    pub language: String,
    pub record: bool,
    pub opened: Time,
    pub opened_at: Utc,
    pub data: Map<String, Value>,
    /// The flow that runs now.
    pub flow: Option<OpenFlow>,
    /// The one that goes on when the customer comes back from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_beneath: Option<OpenFlow>,
    pub calls: BTreeMap<CallId, OpenCall>,
    pub legs: BTreeMap<LegId, OpenLeg>,
    /// Those that wait in a group.
    pub items: BTreeMap<ItemId, OpenItem>,
    pub offers: BTreeMap<OfferId, OpenOffer>,
    /// A recording that has not ended.
    pub recording: Option<OpenRecording>,
    /// A transfer that has not ended.
    #[serde(default)]
    pub transfer: Option<OpenTransfer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTransfer {
    pub mode: TransferMode,
    /// The transferor, who may have left.
    pub leg: LegId,
    pub began: Time,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenFlow {
    pub flow: FlowNo,
    pub key: String,
    pub version: String,
    /// The node left last.
    pub node: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenCall {
    pub kind: CallKind,
    pub opened: Time,
    pub legs: BTreeSet<LegId>,
    /// Who has the conference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chair: Option<LegId>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenLeg {
    pub role: LegRole,
    pub party: PartyRef,
    pub direction: Direction,
    pub remote: String,
    /// The call it is in.
    pub call: Option<CallId>,
    pub agent: Option<AgentNo>,
    pub offer: Option<OfferId>,
    pub created: Time,
    pub answered: Option<Time>,
    /// Since when we hold it.
    #[serde(default)]
    pub held: Option<Time>,
    /// Since when its own far end holds us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<Time>,
    /// Of a supervisor: who hears him, and what he watches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervision: Option<(SupervisionMode, Watched)>,
    #[serde(default)]
    pub muted_from: bool,
    #[serde(default)]
    pub muted_to: bool,
    /// The one leg that gets the keys pressed at this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes_to: Option<LegId>,
    /// The latest told: what a BYE needs.
    pub dialog: Option<DialogState>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenItem {
    /// The call that an agent is wanted in beside others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// Whom alone it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentNo>,
    /// The first of its groups.
    pub group: Option<GroupNo>,
    /// All of them, when there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupNo>,
    pub entered: Time,
    pub due: Time,
    pub priority: i32,
    pub visit: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenOffer {
    pub agent: Option<AgentNo>,
    pub group: Option<GroupNo>,
    pub item: Option<ItemId>,
    pub station: Station,
    pub made: Time,
    pub until: Time,
    pub segment: SegmentId,
    pub phase: OfferPhase,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenRecording {
    pub file: String,
    pub started: Time,
    /// Up to where its segments were told.
    pub told: Span,
    /// What is written now is silence that belongs to no segment.
    #[serde(default)]
    pub paused: bool,
    /// When it was to end by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
}

/// What a repeated command id is answered with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub id: CommandId,
    pub code: String,
    pub seq: u64,
    pub body_hash: u64,
    /// The contact that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactId>,
    pub t: Time,
}

/// Accepted command ids of the last [`COMMAND_MEMORY`], at most [`COMMAND_IDS_KEPT`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Accepted>", into = "Vec<Accepted>")]
pub struct CommandTable {
    by_id: BTreeMap<CommandId, Accepted>,
    by_time: BTreeSet<(Time, CommandId)>,
}

impl CommandTable {
    pub fn get(&self, id: &CommandId) -> Option<&Accepted> {
        self.by_id.get(id)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Accepted> {
        self.by_time.iter().filter_map(|(_, id)| self.by_id.get(id))
    }

    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    fn insert(&mut self, accepted: Accepted) {
        let id = accepted.id.clone();
        self.by_time.insert((accepted.t, id.clone()));
        if let Some(before) = self.by_id.insert(id.clone(), accepted) {
            self.by_time.remove(&(before.t, id.clone()));
            // The same id at the same time: the removal above took the new entry's mark too.
            if let Some(now) = self.by_id.get(&id) {
                self.by_time.insert((now.t, id));
            }
        }
        while self.by_time.len() > COMMAND_IDS_KEPT
            && let Some((_, oldest)) = self.by_time.pop_first()
        {
            self.by_id.remove(&oldest);
        }
    }

    fn forget(&mut self, t: Time) {
        while let Some((at, _)) = self.by_time.first()
            && *at + COMMAND_MEMORY <= t
            && let Some((_, id)) = self.by_time.pop_first()
        {
            self.by_id.remove(&id);
        }
    }
}

impl From<Vec<Accepted>> for CommandTable {
    fn from(list: Vec<Accepted>) -> Self {
        let mut table = Self::default();
        list.into_iter().for_each(|accepted| table.insert(accepted));
        table
    }
}

impl From<CommandTable> for Vec<Accepted> {
    fn from(table: CommandTable) -> Self {
        table.iter().cloned().collect()
    }
}

impl Open {
    /// Folds the next event of this tenant.
    pub fn apply(&mut self, recorded: &Recorded) {
        self.pass(recorded.event.t);
        if let Err(Unknown) = self.fold(recorded) {
            self.anomalies += 1;
        }
    }

    /// Time goes on to `t`: command ids grow old. The same as an event that changes nothing.
    pub fn pass(&mut self, t: Time) {
        self.last_t = self.last_t.max(t);
        self.commands.forget(self.last_t);
    }

    /// As a checkpoint stores it.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("every key of the open state prints as text")
    }

    /// One arm per kind.
    fn fold(&mut self, recorded: &Recorded) -> Fold {
        let event = &recorded.event;
        let (t, about) = (event.t, &event.about);
        match &event.kind {
            Kind::ContactOpened { .. } => fresh(self.contacts.insert(about.contact.ok_or(Unknown)?, born(event)?)),
            // Not dialled yet: the contact alone is open, and a restart closes it.
            Kind::Originated { .. } | Kind::Said { .. } | Kind::ContactMerged { .. } => self.contact(about).map(|_| ()),
            Kind::ContactData { data } => self.contact(about).map(|c| c.data.clone_from(data)),
            Kind::ContactClosed { .. } => self.contact_closed(about, t),
            Kind::LegCreated { .. } => self.leg_created(event),
            Kind::LegAnswered => self.leg(about).map(|leg| leg.answered = leg.answered.or(Some(t))),
            Kind::LegDialog { dialog } => self.leg(about).map(|leg| leg.dialog = Some(dialog.clone())),
            Kind::LegMoved { from, to, role, .. } => self.leg_moved(about, (*from, *to), *role),
            Kind::LegRested { .. } => self.leg_rested(about),
            Kind::LegEnded { .. } => self.leg_ended(about),
            Kind::LegHeld => self.leg(about).map(|leg| *leg.hold_of(event) = Some(t)),
            Kind::LegRetrieved => self.leg(about).map(|leg| *leg.hold_of(event) = None),
            Kind::LegMuted { .. } | Kind::LegPassesDigits { .. } => self.leg_attribute(event),
            Kind::TransferBegan { mode } => self.transfer_began(about, *mode, t),
            Kind::TransferEnded { .. } => known(self.contact(about)?.transfer.take()),
            Kind::CallOpened { call_kind } => self.call_opened(about, *call_kind, t),
            Kind::CallJoined => self.contact(about)?.joined(about),
            Kind::CallLeft => self.contact(about)?.left(about),
            Kind::CallClosed => known(about.call.and_then(|id| self.contact(about).ok()?.calls.remove(&id))),
            Kind::FlowStarted { .. } => self.contact(about)?.flow_started(event),
            Kind::FlowNode { node, .. } => self.contact(about)?.flow_went_on(node),
            Kind::FlowEnded { flow } => self.contact(about)?.flow_ended(*flow),
            Kind::ItemEntered { .. } => {
                fresh(self.contact(about)?.items.insert(about.item.ok_or(Unknown)?, entered(event)?))
            }
            Kind::ItemPriority { due, priority } => {
                self.item(about).map(|item| (item.due, item.priority, item.call) = (*due, *priority, about.call))
            }
            Kind::ItemLeft { .. } => known(about.item.and_then(|id| self.contact(about).ok()?.items.remove(&id))),
            Kind::OfferMade { .. } => {
                fresh(self.contact(about)?.offers.insert(about.offer.ok_or(Unknown)?, made(event)?))
            }
            Kind::OfferShown => self.offer(about).map(|offer| offer.phase = OfferPhase::Shown),
            Kind::OfferAlerting => self.offer(about).map(|offer| offer.phase = OfferPhase::Alerting),
            Kind::OfferConfirming { .. } => self.offer(about).map(|offer| offer.phase = OfferPhase::Confirming),
            Kind::OfferAccepted => self.offer(about).map(|offer| offer.phase = OfferPhase::Accepted),
            Kind::OfferConnected => self.offer(about).map(|offer| offer.phase = OfferPhase::Connected),
            Kind::OfferEnded { .. } => known(about.offer.and_then(|id| self.contact(about).ok()?.offers.remove(&id))),
            Kind::AgentSignedIn { station, groups, chosen } => self.signed_in(about, station, groups, *chosen, t),
            Kind::AgentSignedOut => known(about.agent.and_then(|no| self.agents.remove(&no))),
            Kind::AgentGroups { groups, chosen } => self.agent(about).map(|agent| agent.chooses(groups, *chosen)),
            Kind::AgentWish { wish, limit, until } => self.agent(about).map(|a| a.wishes(*wish, *limit, *until, t)),
            Kind::AgentPrefers { preferences } => self.agent(about).map(|agent| agent.preferences = *preferences),
            Kind::AgentOvertime => self.agent(about).map(|agent| agent.overtime = true),
            Kind::AgentRestQueued { reason, length } => self.rest_queued(about, *reason, *length, t),
            Kind::AgentRestUnqueued { .. } => self.rest_unqueued(about),
            Kind::AgentReachable { reachable, cause: _ } => self.agent(about).map(|agent| agent.reachable = *reachable),
            Kind::AgentWork { role, until } => self.agent(about)?.works(about, *role, t, *until),
            Kind::AgentWorkEnded { .. } => self.agent(about)?.work_ended(about, t),
            Kind::RecordingStarted { .. } => self.contact(about).map(|c| c.recording = begun(event)),
            Kind::RecordingEnded { .. } => self.recording_ended(about),
            Kind::Segment { to, .. } => self.recorded_up_to(about, *to),
            Kind::CommandAccepted { .. } => self.accepted(recorded),
            Kind::SessionOpened { session, .. } => fresh(self.sessions.insert(*session, OpenSession::of(event)?)),
            Kind::SessionEnded { session, .. } => known(self.sessions.remove(session)),
            Kind::Checkpoint { open } => self.replace(open),
            // Facts that change nothing which is open. What a restart ended is told by the events before `Restarted`.
            Kind::LegProgress { .. } | Kind::MediaHeard | Kind::Digit { .. } | Kind::LegMedia { .. } => Ok(()),
            // A restart ends their contacts, and the agent's reservation with them.
            Kind::PreviewShown { .. } | Kind::PreviewEnded { .. } | Kind::RouteEnded { .. } => Ok(()),
            Kind::NumberRotated { number } => self.rotated(about, number),
            Kind::AgentForced { .. } | Kind::AgentNote { .. } => self.agent_known(about),
            Kind::DigitsSent { .. } | Kind::Announced { .. } | Kind::AnnouncementEnded { .. } => Ok(()),
            // Nobody is in a conference after a restart.
            Kind::InviteEnded { .. } | Kind::ConferenceLimits { .. } | Kind::ConferenceEnding { .. } => Ok(()),
            Kind::Playback { .. } | Kind::FlowReturned { .. } => Ok(()),
            Kind::ChairTaken => self.contact(about)?.chair_taken(about),
            Kind::SupervisionEnded { ending, .. } => self.supervision_ended(about, *ending),
            Kind::SupervisionStarted { .. } | Kind::SupervisionChanged { .. } => self.supervised(event),
            Kind::WatchStarted { .. } | Kind::WatchChanged { .. } | Kind::WatchEnded { .. } => self.watch(event),
            Kind::RecordingPaused | Kind::RecordingResumed => self.recording_paused(event),
            Kind::Restarted { .. } | Kind::SiteChanged { .. } | Kind::Alarm { .. } => Ok(()),
            Kind::Registered { .. } | Kind::Unregistered { .. } => Ok(()),
        }
    }

    fn leg_attribute(&mut self, event: &Event) -> Fold {
        self.leg(&event.about).map(|leg| leg.attribute(&event.kind))
    }

    fn supervised(&mut self, event: &Event) -> Fold {
        let (Kind::SupervisionStarted { mode, target } | Kind::SupervisionChanged { mode, target }) = &event.kind
        else {
            return Err(Unknown);
        };
        self.leg(&event.about).map(|leg| leg.supervision = Some((*mode, *target)))
    }

    fn supervision_ended(&mut self, about: &About, ending: SupervisionEnding) -> Fold {
        match ending {
            SupervisionEnding::TookOver => {
                self.leg(about).map(|leg| (leg.role, leg.supervision) = (LegRole::Agent, None))
            }
            SupervisionEnding::Left | SupervisionEnding::TargetLeft | SupervisionEnding::Failed => Ok(()),
        }
    }

    /// A pause that runs to the end belongs to the recording: it is as long as the contact was.
    fn contact_closed(&mut self, about: &About, t: Time) -> Fold {
        let id = about.contact.ok_or(Unknown)?;
        let recording = self.contacts.remove(&id).ok_or(Unknown)?.recording;
        if let Some(mut recording) = recording {
            if recording.paused {
                recording.told = t - recording.started;
            }
            self.unsealed.insert(id, recording);
        }
        Ok(())
    }

    /// It left its call before, and goes with what a BYE needs. Told a second time where it came to.
    fn leg_moved(&mut self, about: &About, (from, to): (Option<ContactId>, ContactId), role: LegRole) -> Fold {
        let id = about.leg.ok_or(Unknown)?;
        let leg = match from {
            None => self.at_rest.remove(&id).map(|leg| OpenLeg { role, agent: about.agent, offer: about.offer, ..leg }),
            Some(from) if about.contact == Some(from) => {
                let contact = self.contacts.get_mut(&from).ok_or(Unknown)?;
                contact.calls.values_mut().for_each(|call| call.chair_left(id));
                contact.legs.remove(&id).map(|leg| OpenLeg { call: None, ..leg })
            }
            Some(_) => {
                let leg = self.leg(about)?;
                (leg.role, leg.agent, leg.offer) = (role, about.agent, about.offer);
                return Ok(());
            }
        };
        fresh(self.contacts.get_mut(&to).ok_or(Unknown)?.legs.insert(id, leg.ok_or(Unknown)?))
    }

    fn leg_created(&mut self, event: &Event) -> Fold {
        let leg = created(event)?;
        fresh(self.legs(&event.about)?.insert(event.about.leg.ok_or(Unknown)?, leg))
    }

    fn leg_ended(&mut self, about: &About) -> Fold {
        match about.contact {
            Some(_) => self.contact(about)?.leg_ended(about).map(drop),
            None => known(about.leg.and_then(|leg| self.at_rest.remove(&leg))),
        }
    }

    /// It goes with what a BYE needs, and without what it was to the contact.
    fn leg_rested(&mut self, about: &About) -> Fold {
        let leg = self.contact(about)?.leg_ended(about)?;
        let (role, agent) = (LegRole::Agent, about.agent);
        let leg = OpenLeg { role, agent, offer: None, call: None, held: None, supervision: None, ..leg };
        let at_rest = OpenLeg { muted_from: false, muted_to: false, passes_to: None, ..leg };
        fresh(self.at_rest.insert(about.leg.ok_or(Unknown)?, at_rest))
    }

    fn transfer_began(&mut self, about: &About, mode: TransferMode, t: Time) -> Fold {
        let transfer = OpenTransfer { mode, leg: about.leg.ok_or(Unknown)?, began: t };
        fresh(self.contact(about)?.transfer.replace(transfer))
    }

    fn call_opened(&mut self, about: &About, kind: CallKind, t: Time) -> Fold {
        let call = OpenCall { kind, opened: t, legs: BTreeSet::new(), chair: None };
        fresh(self.contact(about)?.calls.insert(about.call.ok_or(Unknown)?, call))
    }

    fn signed_in(&mut self, about: &About, station: &Station, groups: &[GroupNo], chosen: bool, t: Time) -> Fold {
        let agent = OpenAgent { chosen, ..OpenAgent::signed_in(station.clone(), groups.to_vec(), t) };
        fresh(self.agents.insert(about.agent.ok_or(Unknown)?, agent))
    }

    fn rotated(&mut self, about: &About, number: &str) -> Fold {
        self.rotations.retain(|rotation| (rotation.agent, rotation.group) != (about.agent, about.group));
        self.rotations.push(OpenRotation { agent: about.agent, group: about.group, number: number.to_owned() });
        Ok(())
    }

    fn rest_queued(&mut self, about: &About, reason: Option<ReasonNo>, length: Span, t: Time) -> Fold {
        let agent = about.agent.ok_or(Unknown)?;
        self.rests.push(OpenRest { agent, reason, length, since: t });
        Ok(())
    }

    fn rest_unqueued(&mut self, about: &About) -> Fold {
        let at = self.rests.iter().position(|rest| Some(rest.agent) == about.agent).ok_or(Unknown)?;
        self.rests.remove(at);
        Ok(())
    }

    /// Said of somebody who may be signed out.
    fn agent_known(&self, about: &About) -> Fold {
        about.agent.map(drop).ok_or(Unknown)
    }

    /// The file is sealed when its writer has written: often after the contact was closed.
    fn recording_ended(&mut self, about: &About) -> Fold {
        match self.contact(about) {
            Ok(contact) => contact.recording = None,
            Err(Unknown) => drop(about.contact.and_then(|id| self.unsealed.remove(&id))),
        }
        Ok(())
    }

    /// What is resumed is told of from there on.
    fn recording_paused(&mut self, event: &Event) -> Fold {
        let (paused, t) = (event.kind == Kind::RecordingPaused, event.t);
        let recording = self.contact(&event.about)?.recording.as_mut().ok_or(Unknown)?;
        recording.paused = paused;
        if !paused {
            recording.told = t - recording.started;
        }
        Ok(())
    }

    /// The last part may be told after its contact was closed.
    fn recorded_up_to(&mut self, about: &About, to: Span) -> Fold {
        if let Some(recording) = self.contact(about).ok().and_then(|c| c.recording.as_mut()) {
            recording.told = to;
        }
        Ok(())
    }

    fn accepted(&mut self, recorded: &Recorded) -> Fold {
        let Event { t, about, kind, .. } = &recorded.event;
        let Kind::CommandAccepted { id, code, body_hash } = kind else { return Err(Unknown) };
        let (id, code, body_hash) = (id.clone(), code.clone(), *body_hash);
        let accepted = Accepted { id, code, seq: recorded.seq, body_hash, contact: about.contact, t: *t };
        self.commands.insert(accepted);
        Ok(())
    }

    fn replace(&mut self, open: &Value) -> Fold {
        let read = Self::deserialize(open).map_err(|_| Unknown)?;
        *self = Self { last_t: self.last_t.max(read.last_t), ..read };
        Ok(())
    }

    fn contact(&mut self, about: &About) -> Result<&mut OpenContact, Unknown> {
        about.contact.and_then(|id| self.contacts.get_mut(&id)).ok_or(Unknown)
    }

    /// Those of its contact; without one those at rest.
    fn legs(&mut self, about: &About) -> Result<&mut BTreeMap<LegId, OpenLeg>, Unknown> {
        if about.contact.is_none() {
            return Ok(&mut self.at_rest);
        }
        self.contact(about).map(|contact| &mut contact.legs)
    }

    fn leg(&mut self, about: &About) -> Result<&mut OpenLeg, Unknown> {
        let legs = self.legs(about)?;
        about.leg.and_then(|id| legs.get_mut(&id)).ok_or(Unknown)
    }

    fn offer(&mut self, about: &About) -> Result<&mut OpenOffer, Unknown> {
        let contact = self.contact(about)?;
        about.offer.and_then(|id| contact.offers.get_mut(&id)).ok_or(Unknown)
    }

    fn item(&mut self, about: &About) -> Result<&mut OpenItem, Unknown> {
        let contact = self.contact(about)?;
        about.item.and_then(|id| contact.items.get_mut(&id)).ok_or(Unknown)
    }

    fn agent(&mut self, about: &About) -> Result<&mut OpenAgent, Unknown> {
        about.agent.and_then(|no| self.agents.get_mut(&no)).ok_or(Unknown)
    }
}

/// An insert that found something there already is as odd as a removal that found nothing.
fn fresh<T>(before: Option<T>) -> Fold {
    before.map_or(Ok(()), |_| Err(Unknown))
}

fn known<T>(removed: Option<T>) -> Fold {
    removed.map(drop).ok_or(Unknown)
}

fn born(event: &Event) -> Result<OpenContact, Unknown> {
    let Kind::ContactOpened { from, to, number, language, record } = &event.kind else { return Err(Unknown) };
    Ok(OpenContact {
        from: from.clone(),
        to: to.clone(),
        number: *number,
        language: language.clone(),
        record: *record,
        opened: event.t,
        opened_at: event.at,
        data: Map::new(),
        flow: None,
        flow_beneath: None,
        calls: BTreeMap::new(),
        legs: BTreeMap::new(),
        items: BTreeMap::new(),
        offers: BTreeMap::new(),
        recording: None,
        transfer: None,
    })
}

fn created(event: &Event) -> Result<OpenLeg, Unknown> {
    let Kind::LegCreated { direction, role, party, remote } = &event.kind else { return Err(Unknown) };
    Ok(OpenLeg {
        role: *role,
        party: *party,
        direction: *direction,
        remote: remote.clone(),
        call: None,
        agent: event.about.agent,
        offer: event.about.offer,
        created: event.t,
        answered: None,
        held: None,
        away: None,
        supervision: None,
        muted_from: false,
        muted_to: false,
        passes_to: None,
        dialog: None,
    })
}

fn made(event: &Event) -> Result<OpenOffer, Unknown> {
    let Kind::OfferMade { station, until, segment, way: _ } = &event.kind else { return Err(Unknown) };
    Ok(OpenOffer {
        agent: event.about.agent,
        group: event.about.group,
        item: event.about.item,
        station: station.clone(),
        made: event.t,
        until: *until,
        segment: *segment,
        phase: OfferPhase::Made,
    })
}

fn entered(event: &Event) -> Result<OpenItem, Unknown> {
    let Kind::ItemEntered { due, priority, visit, groups } = &event.kind else { return Err(Unknown) };
    let (about, groups) = (&event.about, groups.clone());
    let (call, agent, group) = (about.call, about.agent, about.group);
    Ok(OpenItem { call, agent, group, groups, entered: event.t, due: *due, priority: *priority, visit: *visit })
}

fn begun(event: &Event) -> Option<OpenRecording> {
    let Kind::RecordingStarted { file, until } = &event.kind else { return None };
    let (file, until) = (file.clone(), *until);
    Some(OpenRecording { file, started: event.t, told: Span::ZERO, paused: false, until })
}

impl OpenCall {
    fn chair_left(&mut self, leg: LegId) {
        self.chair = self.chair.filter(|chair| *chair != leg);
    }
}

impl OpenLeg {
    /// What a verb has made of it.
    fn attribute(&mut self, kind: &Kind) {
        if let Kind::LegMuted { from, to } = kind {
            (self.muted_from, self.muted_to) = (*from, *to);
        } else if let Kind::LegPassesDigits { to, on } = kind {
            self.passes_to = on.then_some(*to);
        }
    }

    /// Ours, or when a party did it the far end's own.
    fn hold_of(&mut self, event: &Event) -> &mut Option<Time> {
        if event.by.actor == Actor::Party { &mut self.away } else { &mut self.held }
    }
}

impl OpenContact {
    fn flow_started(&mut self, event: &Event) -> Fold {
        let Kind::FlowStarted { flow, flow_key, version } = &event.kind else { return Err(Unknown) };
        let begun = OpenFlow { flow: *flow, key: flow_key.clone(), version: version.clone(), node: None };
        self.flow_beneath = self.flow.replace(begun);
        Ok(())
    }

    /// Of the one above or of the one beneath, which may end first.
    fn flow_ended(&mut self, flow: FlowNo) -> Fold {
        let is_it = |open: &Option<OpenFlow>| open.as_ref().is_some_and(|open| open.flow == flow);
        if is_it(&self.flow) {
            self.flow = self.flow_beneath.take();
        } else if is_it(&self.flow_beneath) {
            self.flow_beneath = None;
        } else {
            return Err(Unknown);
        }
        Ok(())
    }

    fn flow_went_on(&mut self, node: &str) -> Fold {
        self.flow.as_mut().map(|flow| flow.node = Some(node.to_owned())).ok_or(Unknown)
    }

    fn leg_ended(&mut self, about: &About) -> Result<OpenLeg, Unknown> {
        let id = about.leg.ok_or(Unknown)?;
        let leg = self.legs.remove(&id).ok_or(Unknown)?;
        if let Some(call) = leg.call.and_then(|call| self.calls.get_mut(&call)) {
            call.legs.remove(&id);
        }
        self.calls.values_mut().for_each(|call| call.chair_left(id));
        Ok(leg)
    }

    fn chair_taken(&mut self, about: &About) -> Fold {
        let call = about.call.and_then(|call| self.calls.get_mut(&call)).ok_or(Unknown)?;
        call.chair = about.leg;
        Ok(())
    }

    fn joined(&mut self, about: &About) -> Fold {
        let (id, leg_id) = about.call.zip(about.leg).ok_or(Unknown)?;
        let leg = self.legs.get_mut(&leg_id).ok_or(Unknown)?;
        self.calls.get_mut(&id).ok_or(Unknown)?.legs.insert(leg_id);
        leg.call = Some(id);
        Ok(())
    }

    /// A leg may be told to leave after its end, or after it joined another call.
    fn left(&mut self, about: &About) -> Fold {
        let (id, leg_id) = about.call.zip(about.leg).ok_or(Unknown)?;
        self.calls.get_mut(&id).ok_or(Unknown)?.legs.remove(&leg_id);
        if let Some(leg) = self.legs.get_mut(&leg_id).filter(|leg| leg.call == Some(id)) {
            leg.call = None;
        }
        Ok(())
    }
}
