//! A live contact with its calls and legs, and its SIP history, as clients see them.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Lens, Ref, SupervisionView, word};
use crate::base::{AgentNo, OfferId, Time};
use crate::event::words::PartyRef;
use crate::switch::{
    CallState, ConferenceState, ContactState, LegPhase, LegState, PlaybackState, RecordingPhase, RecordingState,
    TracedMessage, TransferPhase, TransferState, WaitState,
};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ContactView {
    /// The id of the contact, also of its record once it has ended.
    pub contact: String,
    pub from: String,
    pub to: String,
    /// The number of the site that was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<Ref>,
    pub opened: String,
    /// The flow that runs, and the node it stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The group it waits for; absent for a named agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued: Option<Ref>,
    /// What it waits for, and its rank.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait: Option<WaitView>,
    /// Attached data.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
    /// The main call first; each consult is a call of its own.
    pub calls: Vec<CallView>,
    /// The transfer or consult that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer: Option<TransferView>,
    /// What was said of it as a conference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conference: Option<ConferenceView>,
    pub recording: RecordingStateView,
    /// The recording that somebody listens to in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playback: Option<PlaybackView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlaybackView {
    /// Whose recording: a contact's id.
    pub of: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<String>,
    pub length_ms: i64,
    /// Where it was at `since`; from then on it runs, unless it is paused.
    pub at_ms: i64,
    pub since: String,
    pub paused: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WaitView {
    /// The groups whose agents may take it.
    pub groups: Vec<Ref>,
    /// The agent whom alone it is for; then there are no groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Ref>,
    /// Since when it waits there, RFC 3339.
    pub since: String,
    /// When it first entered any: its age for rank.
    pub first: String,
    /// Each step is worth a minute of waiting.
    pub priority: i32,
    /// To whom it is offered now: one agent, or several where the group rings all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub offered: Vec<OfferedView>,
}

/// An agent to whom a contact is offered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OfferedView {
    pub no: u32,
    pub id: String,
    pub offer: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TransferView {
    /// `blind`, `on-answer`, `come-back` or `consult`, as in the event `transfer_began`.
    pub mode: String,
    /// `ringing`: the target is dialled. `consulting`: it can talk to the transferor. `away`: it talks to the others, and
    /// the transferor waits until it leaves.
    pub phase: &'static str,
    /// The transferor's.
    pub leg: String,
    /// The leg that was dialled last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The call in which transferor and target meet; absent for a blind transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
}

/// The limits of a conference.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConferenceView {
    /// Parties at most; absent: 32.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seats: Option<usize>,
    /// When it ends, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// When all are warned of it, or were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warn_at: Option<String>,
}

impl ConferenceView {
    fn new(state: &ConferenceState, lens: &Lens<'_>) -> Self {
        let at = |t: Option<Time>| t.map(|t| lens.at(t));
        Self { seats: state.seats, until: at(state.until), warn_at: at(state.warn_at) }
    }
}

/// Of a contact that lives.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordingStateView {
    /// `on`, `paused` or `off`.
    pub state: &'static str,
    /// Since when, RFC 3339. Absent while it has not begun; with `off`, it was ended for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CallView {
    pub call: String,
    /// `main`, `internal` or `consult`.
    pub kind: String,
    /// The leg that has the conference, when it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chair: Option<String>,
    pub legs: Vec<LegView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LegView {
    pub leg: String,
    /// `customer`, `agent`, `other` or `supervisor`.
    pub role: String,
    /// `inbound`: the far end called us.
    pub direction: String,
    pub party: PartyView,
    /// The number or user at the far end.
    pub remote: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Ref>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
    /// `calling`, `ringing`, `answered` or `ended`.
    pub phase: &'static str,
    pub since: String,
    /// Since when a command holds it: it hears music and nobody hears it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// `from`: nobody hears it. `to`: it hears nobody. `both`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted: Option<&'static str>,
    /// The one leg that gets the keys pressed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passes_digits_to: Option<String>,
    /// Of a supervisor who has not taken over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supervision: Option<SupervisionView>,
}

/// What carries a leg.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartyView {
    Extension(Ref),
    Trunk(Ref),
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CallsReply {
    pub seq: u64,
    /// Live contacts, oldest first.
    pub contacts: Vec<ContactView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CallReply {
    pub seq: u64,
    pub contact: ContactView,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OriginateReply {
    pub seq: u64,
    /// The contact that was made; its events and its record carry this id.
    pub contact: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TracedView {
    pub leg: String,
    /// True when we sent it.
    pub sent: bool,
    pub at: String,
    /// The far end's address.
    pub remote: String,
    /// The message as it was; bytes that are not UTF-8 are replaced, long bodies are cut.
    pub text: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SipReply {
    pub seq: u64,
    pub messages: Vec<TracedView>,
}

impl PartyView {
    pub fn new(party: PartyRef, lens: &Lens<'_>) -> Self {
        match party {
            PartyRef::Extension(no) => Self::Extension(lens.extension(no)),
            PartyRef::Trunk(no) => {
                let key = lens.site.trunks.get(&no).map(|trunk| trunk.id.as_str());
                Self::Trunk(super::named(no.0, key))
            }
        }
    }
}

impl ContactView {
    pub fn new(state: &ContactState, lens: &Lens<'_>) -> Self {
        Self {
            contact: state.contact.to_string(),
            from: state.from.clone(),
            to: state.to.clone(),
            number: state.number.map(|no| lens.number(no)),
            opened: lens.at(state.opened),
            flow: state.flow.clone(),
            node: state.node.clone(),
            queued: state.queued.map(|no| lens.group(no)),
            wait: state.wait.as_ref().map(|wait| WaitView::new(wait, lens)),
            data: state.data.clone(),
            calls: state.calls.iter().map(|call| CallView::new(call, lens)).collect(),
            transfer: state.transfer.map(TransferView::new),
            conference: state.conference.map(|state| ConferenceView::new(&state, lens)),
            recording: RecordingStateView::new(state.recording, lens),
            playback: state.playback.map(|playback| PlaybackView::new(playback, lens)),
        }
    }
}

impl PlaybackView {
    fn new(playback: PlaybackState, lens: &Lens<'_>) -> Self {
        let PlaybackState { of, segment, length, at, since, paused } = playback;
        Self {
            of: of.to_string(),
            segment: segment.map(|segment| segment.to_string()),
            length_ms: length.as_millis(),
            at_ms: at.as_millis(),
            since: lens.at(since),
            paused,
        }
    }
}

impl OfferedView {
    fn new(agent: AgentNo, offer: OfferId, lens: &Lens<'_>) -> Self {
        let Ref { no, id } = lens.agent(agent);
        Self { no, id, offer: offer.to_string() }
    }
}

impl WaitView {
    fn new(wait: &WaitState, lens: &Lens<'_>) -> Self {
        Self {
            groups: wait.groups.iter().map(|no| lens.group(*no)).collect(),
            agent: wait.agent.map(|no| lens.agent(no)),
            since: lens.at(wait.since),
            first: lens.at(wait.first),
            priority: wait.priority,
            offered: wait.offered.iter().map(|(agent, offer)| OfferedView::new(*agent, *offer, lens)).collect(),
        }
    }
}

impl TransferView {
    fn new(transfer: TransferState) -> Self {
        Self {
            mode: word(transfer.mode),
            phase: match transfer.phase {
                TransferPhase::Ringing => "ringing",
                TransferPhase::Consulting => "consulting",
                TransferPhase::Away => "away",
            },
            leg: transfer.leg.to_string(),
            target: transfer.target.map(|leg| leg.to_string()),
            call: transfer.call.map(|call| call.to_string()),
        }
    }
}

impl RecordingStateView {
    fn new(recording: Option<RecordingState>, lens: &Lens<'_>) -> Self {
        let state = match recording.map(|recording| recording.phase) {
            Some(RecordingPhase::On) => "on",
            Some(RecordingPhase::Paused) => "paused",
            Some(RecordingPhase::Over) | None => "off",
        };
        let since = recording.map(|recording| lens.at(recording.since));
        let until = recording.and_then(|recording| recording.until);
        Self { state, since, until: until.map(|until| lens.at(until)) }
    }
}

impl CallView {
    fn new(call: &CallState, lens: &Lens<'_>) -> Self {
        Self {
            call: call.call.to_string(),
            kind: word(call.kind),
            chair: call.chair.map(|leg| leg.to_string()),
            legs: call.legs.iter().map(|leg| LegView::new(leg, lens)).collect(),
        }
    }
}

impl LegView {
    fn new(leg: &LegState, lens: &Lens<'_>) -> Self {
        Self {
            leg: leg.leg.to_string(),
            role: word(leg.role),
            direction: word(leg.direction),
            party: PartyView::new(leg.party, lens),
            remote: leg.remote.clone(),
            agent: leg.agent.map(|no| lens.agent(no)),
            offer: leg.offer.map(|offer| offer.to_string()),
            phase: match leg.phase {
                LegPhase::Calling => "calling",
                LegPhase::Ringing => "ringing",
                LegPhase::Answered => "answered",
                LegPhase::Ended => "ended",
            },
            since: lens.at(leg.since),
            held: leg.held.map(|since| lens.at(since)),
            muted: match (leg.muted_from, leg.muted_to) {
                (false, false) => None,
                (true, false) => Some("from"),
                (false, true) => Some("to"),
                (true, true) => Some("both"),
            },
            passes_digits_to: leg.passes_to.map(|to| to.to_string()),
            supervision: leg.supervision.map(SupervisionView::new),
        }
    }
}

impl TracedView {
    pub fn new(message: &TracedMessage, lens: &Lens<'_>) -> Self {
        Self {
            leg: message.leg.to_string(),
            sent: message.sent,
            at: lens.at(message.t),
            remote: message.remote.clone(),
            text: message.text.clone(),
        }
    }
}

/// SIP messages for people: one column per leg in the order they appear, an arrow line, then the message as it was.
pub fn ladder(messages: &[TracedView]) -> String {
    let mut legs: Vec<&str> = Vec::new();
    let mut text = String::new();
    for message in messages {
        let column = legs.iter().position(|leg| *leg == message.leg).unwrap_or_else(|| {
            legs.push(&message.leg);
            legs.len() - 1
        });
        let arrow = if message.sent { "cordboard -->" } else { "cordboard <--" };
        let head = format!("{} leg {} ({}) {arrow} {}", message.at, column + 1, message.leg, message.remote);
        let written = writeln!(text, "{head}\n{}\n", message.text.replace("\r\n", "\n").trim_end());
        written.expect("writing to a String cannot fail");
    }
    text
}
