//! The projector's fold: all tenants' events into rows. The simulator keeps the rows in memory ([`Rows`]), `store`
//! writes them to SQL; both get them from this one fold, so they cannot differ.
//! Owns which rows an event changes: contact records, agents' intervals, open state. Leaves transactions to `store`.
//! In: [`Recorded`] in order. Out: [`Changes`], the keys of rows that are to be written again from [`State`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::open::OpenAgent;
use super::{ContactRecord, Open};
use crate::base::{AgentNo, ContactId, TenantNo, Time, Utc};
use crate::event::words::{Display, NotReadyReason, Wish};
use crate::event::{Kind, Recorded};

pub type ContactKey = (TenantNo, ContactId);
/// A tenant, an agent and the event that began the interval.
pub type IntervalKey = (TenantNo, AgentNo, u64);

/// A time in which people saw one state of an agent. The intervals of an agent tile his signed-in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentInterval {
    pub tenant: TenantNo,
    pub agent: AgentNo,
    /// The event that began it.
    pub seq: u64,
    pub from: Time,
    pub from_at: Utc,
    /// `None`: it is now.
    pub to: Option<Time>,
    pub state: Display,
    /// Why he is not ready.
    pub reason: Option<NotReadyReason>,
}

/// What the fold remembers between events. Contacts that have closed may be dropped once their rows are written.
#[derive(Debug, Default)]
pub struct State {
    pub opens: BTreeMap<TenantNo, Open>,
    pub contacts: BTreeMap<ContactKey, ContactRecord>,
    /// The interval each signed-in agent is in.
    pub intervals: BTreeMap<(TenantNo, AgentNo), AgentInterval>,
    /// Events about contacts that have no record.
    pub orphans: u64,
}

/// Which rows changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub contacts: BTreeSet<ContactKey>,
    /// Whole rows: those that ended are no longer in the state.
    pub intervals: BTreeMap<IntervalKey, AgentInterval>,
    /// Intervals that turned out to have no length.
    pub void_intervals: BTreeSet<IntervalKey>,
    pub opens: BTreeSet<TenantNo>,
}

impl State {
    /// The record that must be restored before this event is folded, if there is one: a closed contact gets later facts.
    pub fn needs(&self, recorded: &Recorded) -> Option<ContactKey> {
        let key = (recorded.event.tenant, recorded.event.about.contact?);
        (!matches!(recorded.event.kind, Kind::ContactOpened { .. }) && !self.contacts.contains_key(&key)).then_some(key)
    }

    pub fn restore(&mut self, record: ContactRecord) {
        self.contacts.insert((record.tenant, record.contact), record);
    }

    /// Closed contacts leave memory.
    pub fn drop_closed(&mut self) {
        self.contacts.retain(|_, record| record.closed.is_none());
    }

    /// Folds an event into the open state alone: its rows are written already.
    pub fn catch_up(&mut self, recorded: &Recorded) {
        self.opens.entry(recorded.event.tenant).or_default().apply(recorded);
    }
}

/// Folds the next event and adds what it changes to `changes`.
pub fn fold(state: &mut State, recorded: &Recorded, changes: &mut Changes) {
    let tenant = recorded.event.tenant;
    state.catch_up(recorded);
    changes.opens.insert(tenant);
    fold_contact(state, recorded, changes);
    match &recorded.event.kind {
        Kind::Checkpoint { .. } => {
            // The agents of the checkpoint are those of the fold, unless the journal before it is gone.
            let (agents, intervals) = (state.opens.get(&tenant), &state.intervals);
            let known = intervals.keys().filter(|(t, _)| *t == tenant).map(|(_, agent)| *agent);
            let all: BTreeSet<_> = agents.into_iter().flat_map(|o| o.agents.keys().copied()).chain(known).collect();
            all.into_iter().for_each(|agent| fold_interval(state, recorded, agent, changes));
        }
        Kind::AgentSignedIn { .. }
        | Kind::AgentSignedOut
        | Kind::AgentGroups { .. }
        | Kind::AgentWish { .. }
        | Kind::AgentOvertime
        | Kind::AgentReachable { .. }
        | Kind::AgentWork { .. }
        | Kind::AgentWorkEnded { .. } => {
            if let Some(agent) = recorded.event.about.agent {
                fold_interval(state, recorded, agent, changes);
            }
        }
        Kind::ContactOpened { .. }
        | Kind::Originated { .. }
        | Kind::Said { .. }
        | Kind::ContactData { .. }
        | Kind::ContactClosed { .. } => {}
        Kind::ContactMerged { .. } | Kind::LegMoved { .. } | Kind::LegRested { .. } => {}
        Kind::LegCreated { .. } | Kind::LegProgress { .. } | Kind::LegAnswered | Kind::LegDialog { .. } => {}
        Kind::MediaHeard | Kind::Digit { .. } | Kind::LegEnded { .. } | Kind::LegMedia { .. } => {}
        Kind::CallOpened { .. } | Kind::CallJoined | Kind::CallLeft | Kind::CallClosed => {}
        Kind::LegHeld | Kind::LegRetrieved | Kind::LegMuted { .. } | Kind::DigitsSent { .. } => {}
        Kind::LegPassesDigits { .. } => {}
        Kind::Announced { .. } | Kind::AnnouncementEnded { .. } | Kind::InviteEnded { .. } | Kind::ChairTaken => {}
        Kind::RouteEnded { .. } | Kind::Playback { .. } => {}
        Kind::ConferenceLimits { .. } | Kind::ConferenceEnding { .. } => {}
        Kind::TransferBegan { .. } | Kind::TransferEnded { .. } => {}
        Kind::SupervisionStarted { .. } | Kind::SupervisionChanged { .. } | Kind::SupervisionEnded { .. } => {}
        Kind::WatchStarted { .. } | Kind::WatchChanged { .. } | Kind::WatchEnded { .. } => {}
        Kind::RecordingPaused | Kind::RecordingResumed => {}
        Kind::FlowStarted { .. } | Kind::FlowNode { .. } | Kind::FlowEnded { .. } | Kind::FlowReturned { .. } => {}
        Kind::ItemEntered { .. } | Kind::ItemPriority { .. } | Kind::ItemLeft { .. } => {}
        Kind::OfferMade { .. } | Kind::OfferShown | Kind::OfferAlerting | Kind::OfferConfirming { .. } => {}
        Kind::OfferAccepted | Kind::OfferConnected => {}
        Kind::OfferEnded { .. } | Kind::Registered { .. } | Kind::Unregistered { .. } => {}
        Kind::RecordingStarted { .. } | Kind::Segment { .. } | Kind::RecordingEnded { .. } => {}
        Kind::AgentRestQueued { .. } | Kind::AgentRestUnqueued { .. } => {}
        Kind::AgentForced { .. } | Kind::AgentPrefers { .. } | Kind::AgentNote { .. } | Kind::NumberRotated { .. } => {}
        Kind::SessionOpened { .. } | Kind::SessionEnded { .. } => {}
        Kind::PreviewShown { .. } | Kind::PreviewEnded { .. } => {}
        Kind::CommandAccepted { .. } | Kind::SiteChanged { .. } | Kind::Restarted { .. } | Kind::Alarm { .. } => {}
    }
}

fn fold_contact(state: &mut State, recorded: &Recorded, changes: &mut Changes) {
    let Some(contact) = recorded.event.about.contact else { return };
    let key = (recorded.event.tenant, contact);
    match state.contacts.get_mut(&key) {
        Some(record) => record.apply(recorded),
        None => match ContactRecord::born(recorded) {
            Some(record) => drop(state.contacts.insert(key, record)),
            None => {
                state.orphans += 1;
                return;
            }
        },
    }
    changes.contacts.insert(key);
}

/// What an agent shows after this event, against what he showed before it.
fn fold_interval(state: &mut State, recorded: &Recorded, agent: AgentNo, changes: &mut Changes) {
    let (tenant, t) = (recorded.event.tenant, recorded.event.t);
    let shown = state.opens.get(&tenant).and_then(|open| open.agents.get(&agent)).map(shown);
    let now = state.intervals.remove(&(tenant, agent));
    if let Some(before) = &now
        && shown == Some((before.state, before.reason))
    {
        state.intervals.extend(now.map(|same| ((tenant, agent), same)));
        return;
    }
    if let Some(before) = now {
        let key = (tenant, agent, before.seq);
        if before.from == t {
            changes.intervals.remove(&key);
            changes.void_intervals.insert(key);
        } else {
            changes.intervals.insert(key, AgentInterval { to: Some(t), ..before });
        }
    }
    if let Some((display, reason)) = shown {
        let (seq, from_at) = (recorded.seq, recorded.event.at);
        let begun = AgentInterval { tenant, agent, seq, from: t, from_at, to: None, state: display, reason };
        changes.intervals.insert((tenant, agent, seq), begun.clone());
        state.intervals.insert((tenant, agent), begun);
    }
}

fn shown(agent: &OpenAgent) -> (Display, Option<NotReadyReason>) {
    let display = agent.display();
    let reason = match (display, agent.wish) {
        (Display::NotReady, Wish::NotReady(reason)) => Some(reason),
        (Display::NotReady, Wish::Ready | Wish::SignOut) => None,
        (
            Display::SignedOut
            | Display::Talking
            | Display::Conference
            | Display::Consulting
            | Display::Dialing
            | Display::Monitoring
            | Display::Held
            | Display::Reserved
            | Display::Ringing
            | Display::WrapUp
            | Display::Unreachable
            | Display::Ready,
            _,
        ) => None,
    };
    (display, reason)
}

/// The rows, all of them, in memory.
#[derive(Debug, Default)]
pub struct Rows {
    state: State,
    pub contacts: BTreeMap<ContactKey, ContactRecord>,
    pub intervals: BTreeMap<IntervalKey, AgentInterval>,
    /// The seq of the last event folded.
    pub position: u64,
}

impl Rows {
    /// Folds the next event. `seq` has no gaps: anything else is our bug.
    pub fn apply(&mut self, recorded: &Recorded) {
        assert_eq!(recorded.seq, self.position + 1, "the projector folds each event once, in order");
        if let Some(record) = self.state.needs(recorded).and_then(|key| self.contacts.get(&key)) {
            self.state.restore(record.clone());
        }
        let mut changes = Changes::default();
        fold(&mut self.state, recorded, &mut changes);
        for key in changes.contacts {
            if let Some(record) = self.state.contacts.get(&key) {
                self.contacts.insert(key, record.clone());
            }
        }
        for key in &changes.void_intervals {
            self.intervals.remove(key);
        }
        self.intervals.extend(changes.intervals);
        self.state.drop_closed();
        self.position = recorded.seq;
    }

    pub fn open(&self, tenant: TenantNo) -> Option<&Open> {
        self.state.opens.get(&tenant)
    }

    pub fn opens(&self) -> &BTreeMap<TenantNo, Open> {
        &self.state.opens
    }

    /// Events about contacts that have no record.
    pub fn orphans(&self) -> u64 {
        self.state.orphans
    }
}
