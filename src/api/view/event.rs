//! An event as subscribers see it. A pure function of the recorded event, so a replay shows the same text.
//! Kinds that only a restart needs are not shown. Long on purpose: one arm per kind.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{WatchedView, word};
use crate::api::position::Position;
use crate::base::{Span, Time, Utc};
use crate::event::words::{Actor, Line, PartyRef, Station, Wish};
use crate::event::{By, Event, Kind, Recorded};

/// Kinds that are shown, as `kinds=` takes them.
pub const KINDS: [&str; 81] = [
    "contact_opened",
    "contact_data",
    "contact_closed",
    "contact_merged",
    "leg_created",
    "leg_progress",
    "leg_answered",
    "media_heard",
    "digit",
    "leg_moved",
    "leg_rested",
    "leg_ended",
    "leg_media",
    "leg_held",
    "leg_retrieved",
    "leg_muted",
    "leg_passes_digits",
    "digits_sent",
    "announced",
    "announcement_ended",
    "call_opened",
    "call_joined",
    "call_left",
    "call_closed",
    "invite_ended",
    "route_ended",
    "chair_taken",
    "conference_limits",
    "conference_ending",
    "transfer_began",
    "transfer_ended",
    "supervision_started",
    "supervision_changed",
    "supervision_ended",
    "watch_started",
    "watch_changed",
    "watch_ended",
    "flow_started",
    "flow_node",
    "flow_ended",
    "flow_returned",
    "item_entered",
    "item_priority",
    "item_left",
    "offer_made",
    "offer_shown",
    "offer_alerting",
    "offer_confirming",
    "offer_accepted",
    "offer_connected",
    "offer_ended",
    "playback",
    "agent_signed_in",
    "agent_signed_out",
    "agent_groups",
    "agent_wish",
    "agent_overtime",
    "agent_forced",
    "agent_rest_queued",
    "agent_rest_unqueued",
    "agent_prefers",
    "preview_shown",
    "preview_ended",
    "number_rotated",
    "agent_note",
    "agent_reachable",
    "agent_work",
    "agent_work_ended",
    "registered",
    "unregistered",
    "recording_started",
    "segment",
    "recording_paused",
    "recording_resumed",
    "recording_ended",
    "command_accepted",
    "session_opened",
    "session_ended",
    "site_changed",
    "restarted",
    "alarm",
];

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EventView {
    /// `event`.
    pub r#type: &'static str,
    /// Give it back as `after` to go on behind this event.
    pub position: String,
    /// Its number in the journal; compare it with the `seq` of an answer.
    pub seq: u64,
    /// Wall clock, RFC 3339. For people: it can jump.
    pub at: String,
    /// The house's own axis, which never jumps: durations are differences of it.
    pub t_ms: i64,
    pub kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_no: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_no: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
    pub by: ActorView,
    /// What this kind has to say; see `docs/events.md`.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

/// Who acted.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ActorView {
    /// `agent` (a supervisor who forces something, and the token that says so), `integration` (an API token), `flow`,
    /// `party` (the far end of a leg) or `system`.
    pub actor: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_no: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_no: Option<u32>,
    /// The `Idempotency-Key` of the command that this completes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventsReply {
    pub seq: u64,
    #[schema(value_type = Vec<EventView>)]
    pub events: Vec<Box<RawValue>>,
    /// Where to go on, also past events that the filter left out.
    pub position: String,
    /// `true`: what happened at `before` has been reached, there is nothing more to ask for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub complete: bool,
    /// The node is being stopped, and so many contacts run still.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts_left: Option<u32>,
    /// How the session ended that asks: `closed`, `expired` or `revoked`. There is nothing more to ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<&'static str>,
}

impl ActorView {
    pub fn new(by: &By) -> Self {
        let (actor, agent_no, token_no) = match by.actor {
            Actor::Agent { agent, token } => ("agent", Some(agent.0), Some(token)),
            Actor::Integration(no) => ("integration", None, Some(no)),
            Actor::Flow => ("flow", None, None),
            Actor::Party => ("party", None, None),
            Actor::System => ("system", None, None),
        };
        Self { actor, agent_no, token_no, command_id: by.command.as_ref().map(|command| command.id.clone()) }
    }
}

impl EventView {
    /// `None` for kinds that are not shown.
    pub fn new(recorded: &Recorded) -> Option<Self> {
        let Recorded { seq, event } = recorded;
        let data = match data(event)? {
            Value::Object(data) => data,
            other => unreachable!("every arm makes an object: {other}"),
        };
        let about = &event.about;
        Some(Self {
            r#type: "event",
            position: Position(*seq).text(),
            seq: *seq,
            at: event.at.rfc3339(),
            t_ms: Span(event.t.0).as_millis(),
            kind: event.kind.name(),
            contact: about.contact.map(|id| id.to_string()),
            call: about.call.map(|id| id.to_string()),
            leg: about.leg.map(|id| id.to_string()),
            agent_no: about.agent.map(|no| no.0),
            group_no: about.group.map(|no| no.0),
            item: about.item.map(|id| id.to_string()),
            offer: about.offer.map(|id| id.to_string()),
            by: ActorView::new(&event.by),
            data,
        })
    }
}

/// A deadline as people read it: as far from the event's wall clock as from its own time.
fn at(event: &Event, t: Time) -> String {
    Utc(event.at.0 + (t.0 - event.t.0)).rfc3339()
}

fn station(station: &Station) -> Value {
    match station {
        Station::Extension(no) => json!({ "extension_no": no }),
        Station::Outside { number, confirm } => json!({ "outside": number, "confirm": confirm }),
        Station::Permanent(Line::Extension(no)) => json!({ "extension_no": no, "permanent": true }),
        Station::Permanent(Line::Outside { number, confirm }) => {
            json!({ "outside": number, "confirm": confirm, "permanent": true })
        }
    }
}

fn party(party: PartyRef) -> Value {
    match party {
        PartyRef::Trunk(no) => json!({ "trunk_no": no }),
        PartyRef::Extension(no) => json!({ "extension_no": no }),
    }
}

fn data(event: &Event) -> Option<Value> {
    let kind = &event.kind;
    Some(match kind {
        Kind::ContactOpened { .. }
        | Kind::Originated { .. }
        | Kind::Said { .. }
        | Kind::ContactData { .. }
        | Kind::ContactClosed { .. }
        | Kind::FlowStarted { .. }
        | Kind::FlowNode { .. }
        | Kind::FlowEnded { .. }
        | Kind::FlowReturned { .. } => contact_data(kind),
        Kind::LegCreated { .. }
        | Kind::LegProgress { .. }
        | Kind::LegAnswered
        | Kind::MediaHeard
        | Kind::Digit { .. }
        | Kind::LegEnded { .. }
        | Kind::LegMedia { .. } => leg_data(kind),
        Kind::CallOpened { .. } | Kind::CallJoined | Kind::CallLeft | Kind::CallClosed => leg_data(kind),
        Kind::LegHeld
        | Kind::LegRetrieved
        | Kind::LegMuted { .. }
        | Kind::DigitsSent { .. }
        | Kind::Announced { .. }
        | Kind::AnnouncementEnded { .. }
        | Kind::InviteEnded { .. }
        | Kind::ChairTaken
        | Kind::ConferenceLimits { .. }
        | Kind::ConferenceEnding { .. }
        | Kind::TransferBegan { .. }
        | Kind::TransferEnded { .. }
        | Kind::SupervisionStarted { .. }
        | Kind::SupervisionChanged { .. }
        | Kind::SupervisionEnded { .. } => verb_data(event, kind),
        Kind::ContactMerged { .. } | Kind::LegMoved { .. } | Kind::LegPassesDigits { .. } => verb_data(event, kind),
        Kind::LegRested { .. } | Kind::RouteEnded { .. } | Kind::Playback { .. } => verb_data(event, kind),
        Kind::WatchStarted { .. } | Kind::WatchChanged { .. } | Kind::WatchEnded { .. } => verb_data(event, kind),
        Kind::ItemEntered { .. }
        | Kind::ItemPriority { .. }
        | Kind::ItemLeft { .. }
        | Kind::OfferMade { .. }
        | Kind::OfferShown
        | Kind::OfferAlerting
        | Kind::OfferConfirming { .. }
        | Kind::OfferAccepted
        | Kind::OfferConnected
        | Kind::OfferEnded { .. } => offer_data(event),
        Kind::AgentSignedIn { .. }
        | Kind::AgentSignedOut
        | Kind::AgentGroups { .. }
        | Kind::AgentWish { .. }
        | Kind::AgentOvertime
        | Kind::AgentForced { .. }
        | Kind::AgentRestQueued { .. }
        | Kind::AgentRestUnqueued { .. }
        | Kind::AgentPrefers { .. }
        | Kind::PreviewShown { .. }
        | Kind::PreviewEnded { .. }
        | Kind::NumberRotated { .. }
        | Kind::AgentNote { .. }
        | Kind::AgentReachable { .. }
        | Kind::AgentWork { .. }
        | Kind::AgentWorkEnded { .. }
        | Kind::Registered { .. }
        | Kind::Unregistered { .. } => agent_data(event),
        Kind::RecordingStarted { .. }
        | Kind::Segment { .. }
        | Kind::RecordingEnded { .. }
        | Kind::RecordingPaused
        | Kind::RecordingResumed
        | Kind::CommandAccepted { .. }
        | Kind::SessionOpened { .. }
        | Kind::SessionEnded { .. }
        | Kind::SiteChanged { .. }
        | Kind::Restarted { .. }
        | Kind::Alarm { .. } => house_data(event, kind),
        Kind::LegDialog { .. } | Kind::Checkpoint { .. } => return None,
    })
}

fn contact_data(kind: &Kind) -> Value {
    match kind {
        Kind::ContactOpened { from, to, number, language, record } => {
            json!({ "from": from, "to": to, "number_no": number, "language": language, "record": record })
        }
        Kind::Originated { flow_key: Some(flow_key), .. } => json!({ "flow": flow_key }),
        Kind::Originated { first: Some(first), .. } => json!({ "by": first }),
        Kind::Originated { say, .. } => json!({ "say": say }),
        Kind::Said { ending } => json!({ "ending": ending }),
        Kind::ContactData { data } => json!({ "data": data }),
        Kind::ContactClosed { disposition, side, cause, sip_status } => {
            json!({ "disposition": disposition, "side": side, "cause": cause, "sip_status": sip_status })
        }
        Kind::FlowStarted { flow, flow_key, version } => {
            json!({ "flow_no": flow, "flow": flow_key, "version": version })
        }
        Kind::FlowNode { node, exit } => json!({ "node": node, "exit": exit }),
        Kind::FlowEnded { flow } => json!({ "flow_no": flow }),
        Kind::FlowReturned { flow, data } => json!({ "flow_no": flow, "data": data }),
        other => unreachable!("`data` sends {} elsewhere", other.name()),
    }
}

fn leg_data(kind: &Kind) -> Value {
    match kind {
        Kind::LegCreated { direction, role, party: to, remote } => {
            json!({ "direction": direction, "role": role, "party": party(*to), "remote": remote })
        }
        Kind::LegProgress { status } => json!({ "status": status }),
        Kind::Digit { digit, path } => json!({ "digit": digit, "path": path }),
        Kind::LegEnded { cause, side, sip_status } => {
            json!({ "cause": cause, "side": side, "sip_status": sip_status })
        }
        Kind::LegMedia { counts } => json!({
            "received": counts.received, "sent": counts.sent, "lost": counts.lost, "refused": counts.refused,
            "jitter_us": counts.jitter_us,
        }),
        Kind::CallOpened { call_kind } => json!({ "call_kind": call_kind }),
        Kind::LegAnswered | Kind::MediaHeard | Kind::CallJoined | Kind::CallLeft | Kind::CallClosed => json!({}),
        other => unreachable!("`data` sends {} elsewhere", other.name()),
    }
}

fn verb_data(event: &Event, kind: &Kind) -> Value {
    match kind {
        Kind::LegMuted { from, to } => json!({ "from": from, "to": to }),
        Kind::LegPassesDigits { to, on } => json!({ "to": to.to_string(), "on": on }),
        Kind::DigitsSent { digits } => json!({ "digits": digits }),
        Kind::Announced { sounds } => json!({ "sounds": sounds }),
        Kind::AnnouncementEnded { missing } => json!({ "missing": missing }),
        Kind::InviteEnded { cause } | Kind::RouteEnded { cause } => json!({ "cause": cause }),
        Kind::Playback { of, segment, step, place, length, ending } => json!({
            "of": of, "segment": segment, "step": step, "place_ms": place.as_millis(),
            "length_ms": length.as_millis(), "ending": ending,
        }),
        Kind::ConferenceLimits { seats, until, warn_at } => json!({
            "seats": seats, "until": until.map(|t| at(event, t)), "warn_at": warn_at.map(|t| at(event, t)),
        }),
        Kind::ConferenceEnding { until } => json!({ "until": at(event, *until) }),
        Kind::TransferBegan { mode } => json!({ "mode": mode }),
        Kind::TransferEnded { mode, ending, cause } => json!({ "mode": mode, "ending": ending, "cause": cause }),
        Kind::SupervisionStarted { mode, target } | Kind::SupervisionChanged { mode, target } => {
            json!({ "mode": mode, "target": WatchedView::new(*target) })
        }
        Kind::SupervisionEnded { ending, cause } => json!({ "ending": ending, "cause": cause }),
        Kind::WatchStarted { watched, mode } | Kind::WatchChanged { watched, mode } => {
            json!({ "watched_no": watched, "mode": mode })
        }
        Kind::WatchEnded { watched, ending, cause } => {
            json!({ "watched_no": watched, "ending": ending, "cause": cause })
        }
        Kind::ContactMerged { with, goes_on } => json!({ "with": with, "goes_on": goes_on }),
        Kind::LegMoved { from, to, direction, role, party: of, remote, answered: _ } => json!({
            "from": from, "to": to, "direction": direction, "role": role, "party": party(*of), "remote": remote,
        }),
        Kind::LegRested { cause, side } => json!({ "cause": cause, "side": side }),
        Kind::LegHeld | Kind::LegRetrieved | Kind::ChairTaken => json!({}),
        other => unreachable!("`data` sends {} elsewhere", other.name()),
    }
}

fn offer_data(event: &Event) -> Value {
    match &event.kind {
        Kind::ItemEntered { due, priority, visit, groups } => {
            let mut data = json!({ "due": at(event, *due), "priority": priority, "visit": visit });
            if !groups.is_empty() {
                data["group_nos"] = json!(groups);
            }
            data
        }
        Kind::ItemPriority { due, priority } => json!({ "due": at(event, *due), "priority": priority }),
        Kind::ItemLeft { exit, waited } => json!({ "exit": exit, "waited_ms": waited.as_millis() }),
        Kind::OfferMade { station: rung, until, segment, way } => {
            json!({ "station": station(rung), "until": at(event, *until), "segment": segment, "way": way })
        }
        Kind::OfferEnded { ending, sip_status, reason } => {
            json!({ "ending": ending, "sip_status": sip_status, "reason": reason })
        }
        Kind::OfferConfirming { until } => json!({ "until": at(event, *until) }),
        Kind::OfferShown | Kind::OfferAlerting | Kind::OfferAccepted | Kind::OfferConnected => json!({}),
        other => unreachable!("`data` sends {} elsewhere", other.name()),
    }
}

fn agent_data(event: &Event) -> Value {
    match &event.kind {
        Kind::AgentSignedIn { station: at_station, groups, chosen } => {
            json!({ "station": station(at_station), "group_nos": groups, "chosen": chosen })
        }
        Kind::AgentGroups { groups, chosen } => json!({ "group_nos": groups, "chosen": chosen }),
        Kind::AgentWish { wish, limit, until } => wish_data(event, *wish, *limit, *until),
        Kind::AgentForced { verb, why } => json!({ "verb": verb, "why": why }),
        Kind::AgentRestQueued { reason, length } => json!({ "reason_no": reason, "length_ms": length.as_millis() }),
        Kind::AgentRestUnqueued { granted } => json!({ "granted": granted }),
        Kind::AgentPrefers { preferences } => json!(preferences),
        Kind::PreviewShown { until, on_timeout } => {
            json!({ "until": at(event, *until), "on_timeout": word(on_timeout) })
        }
        Kind::PreviewEnded { ending } => json!({ "ending": word(ending) }),
        Kind::NumberRotated { number } => json!({ "number": number }),
        Kind::AgentNote { text } => json!({ "text": text }),
        Kind::AgentReachable { reachable, cause } => json!({ "reachable": reachable, "cause": cause }),
        Kind::AgentWork { role, until } => json!({ "role": word(role), "until": until.map(|t| at(event, t)) }),
        Kind::AgentWorkEnded { role } => json!({ "role": role }),
        Kind::Registered { extension, contact, until } => {
            json!({ "extension_no": extension, "contact": contact, "until": at(event, *until) })
        }
        Kind::Unregistered { extension, contact } => json!({ "extension_no": extension, "contact": contact }),
        Kind::AgentSignedOut | Kind::AgentOvertime => json!({}),
        other => unreachable!("`data` sends {} elsewhere", other.name()),
    }
}

fn wish_data(event: &Event, wish: Wish, limit: Option<Span>, until: Option<Time>) -> Value {
    let mut data = match wish {
        Wish::Ready => json!({ "wish": "ready" }),
        Wish::SignOut => json!({ "wish": "sign-out" }),
        Wish::NotReady(reason) => json!({ "wish": "not-ready", "reason": reason.word() }),
    };
    if let Wish::NotReady(reason) = wish
        && let Some(no) = reason.reason()
    {
        data["reason_no"] = json!(no);
    }
    if let Some(limit) = limit {
        data["limit_ms"] = json!(limit.as_millis());
    }
    if let Some(until) = until {
        data["until"] = json!(at(event, until));
    }
    data
}

fn house_data(event: &Event, kind: &Kind) -> Value {
    match kind {
        Kind::RecordingStarted { file, until } => {
            json!({ "file": file, "until": until.map(|t| at(event, t)) })
        }
        Kind::Segment { segment, from, to, began, ended } => json!({
            "segment": segment, "from_ms": from.as_millis(), "to_ms": to.as_millis(), "began": began, "ended": ended,
        }),
        Kind::RecordingEnded { length, answered, gap, cause } => json!({
            "cause": cause,
            "length_ms": length.as_millis(),
            "answered_ms": answered.as_millis(),
            "gap": gap.map(|(why, span)| json!({ "why": why, "length_ms": span.as_millis() })),
        }),
        Kind::CommandAccepted { id, code, .. } => json!({ "command_id": id.id, "token_no": id.token, "code": code }),
        Kind::RecordingPaused | Kind::RecordingResumed => json!({}),
        // Where events are pushed to is the business of whoever opened it.
        Kind::SessionOpened { session, token, delivery, lease, filter: _ } => json!({
            "session": session,
            "token_no": token,
            "deliver": super::session::way(delivery),
            "lease_ms": lease.map(|lease| lease.length.as_millis()),
            "policy": lease.map(|lease| lease.policy.word()),
        }),
        Kind::SessionEnded { session, ending } => json!({ "session": session, "ending": ending.word() }),
        Kind::SiteChanged { version } => json!({ "version": version }),
        Kind::Restarted { open_contacts } => json!({ "open_contacts": open_contacts }),
        Kind::Alarm { alarm, text } => json!({ "alarm": alarm, "text": text }),
        other => unreachable!("`data` sends {} elsewhere", other.name()),
    }
}
