//! The record of a contact as clients see it. Points of the axis are shown as far from the wall clock of the contact's
//! birth as they were from its birth, so a step of the wall in between changes no length.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{ActorView, Lens, PartyView, Ref, StationView, StretchView, SupervisionRecordView, WatchedView, word};
use crate::base::{Span, Time, Utc};
use crate::ledger::ContactRecord;
use crate::ledger::record::{
    LegRecord, OfferRecord, QueueVisit, SegmentRecord, Stretch, SupervisionRecord, TransferRecord,
};

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordView {
    pub contact: String,
    pub from: String,
    pub to: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<Ref>,
    pub language: String,
    pub opened: String,
    /// Absent while the contact lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<i64>,
    /// `answered`, `self-service`, `abandoned-in-flow`, `abandoned-in-queue`, `abandoned-ringing`, `not-answered`,
    /// `refused`, `crash` or `internal-error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
    /// Who ended it: `customer`, `agent`, `other`, `flow`, `command` or `system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sip_status: Option<u16>,
    /// Time in queues.
    pub waited_ms: i64,
    /// Time in which at least two people were connected.
    pub talk_ms: i64,
    /// Agents who talked, in the order of their first talk.
    pub agents: Vec<Ref>,
    pub groups: Vec<Ref>,
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
    pub calls: Vec<CallRecordView>,
    pub legs: Vec<LegRecordView>,
    pub visits: Vec<VisitView>,
    pub offers: Vec<OfferView>,
    /// What an order had spoken to whoever answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said: Option<SaidView>,
    pub flows: Vec<FlowView>,
    /// Keys pressed, in order.
    pub digits: Vec<DigitView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<RecordingView>,
    pub wrap_ups: Vec<WrapUpView>,
    /// Each party that gave its call away, or tried to, in order.
    pub transfers: Vec<TransferRecordView>,
    /// Who listened to what, when and how.
    pub supervisions: Vec<SupervisionRecordView>,
    /// Contacts that this one is one with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<MergedView>,
    /// Entries that did not fit into a list.
    pub cut: u64,
    /// The last event that changed the record.
    pub seq: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CallRecordView {
    pub call: String,
    /// `main`, `internal` or `consult`.
    pub kind: String,
    pub opened: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
    pub stays: Vec<StayView>,
}

/// A leg's time in a call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StayView {
    pub leg: String,
    pub joined: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LegRecordView {
    pub leg: String,
    /// `customer`, `agent`, `other` or `supervisor`.
    pub role: String,
    pub direction: String,
    pub party: PartyView,
    pub remote: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Ref>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
    pub created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ringing: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_heard: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sip_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaView>,
}

/// RTP packets that passed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MediaView {
    pub received: u64,
    pub sent: u64,
    pub lost: u64,
    /// From a source other than the peer's.
    pub refused: u64,
    pub jitter_us: u32,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VisitView {
    pub item: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Ref>,
    pub entered: String,
    pub priority: i32,
    /// 1 for the first queue of the contact.
    pub visit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// `connected`, `caller-left`, `timed-out`, `full`, `no-agent` or `withdrawn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waited_ms: Option<i64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OfferView {
    pub offer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Ref>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Ref>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    pub station: StationView,
    /// The segment of the recording that this talk becomes.
    pub segment: String,
    pub made: String,
    /// `ring` or `client`.
    pub way: String,
    /// A client showed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerting: Option<String>,
    /// A station outside was answered; `accepted` is when 1 was pressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirming: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// `connected`, `rejected`, `rang-out`, `caller-left`, `failed`, `lost-race`, `unreachable`, `rescinded` or `sent-on`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sip_status: Option<u16>,
    /// Why the agent rejected it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Text that was to be spoken.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SaidView {
    pub text: String,
    pub language: String,
    /// `whole`, `cut-short` or `failed`; absent when nobody answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
}

/// One run of a flow and the nodes it left.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FlowView {
    pub no: u32,
    pub flow: String,
    pub version: String,
    pub started: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    pub trace: Vec<StepView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepView {
    pub node: String,
    pub exit: String,
    pub at: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DigitView {
    pub digit: char,
    /// `rtp` or `info`.
    pub path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leg: Option<String>,
    pub at: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordingView {
    /// Where the sound is: left the customer, right the house.
    pub url: String,
    pub started: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answered_ms: Option<i64>,
    /// Why sound is missing, and how much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<GapView>,
    pub segments: Vec<SegmentView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GapView {
    /// `disk-full`, `disk-slow` or `write-failed`.
    pub why: String,
    pub length_ms: i64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SegmentView {
    pub segment: String,
    pub url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Ref>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Places in the recording.
    pub from_ms: i64,
    pub to_ms: i64,
    /// `answered`, `party-changed`, `ended` or `crash`.
    pub began: String,
    pub ended: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TransferRecordView {
    /// `blind`, `on-answer`, `come-back` or `consult`, as in the event `transfer_began`.
    pub mode: String,
    /// The leg that gave its call away.
    pub leg: String,
    pub from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// `completed`, `failed`, `cancelled`, `came-back`, `joined` or `customer-left`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MergedView {
    pub with: String,
    /// This one goes on with the parties of the other; else it is its alias.
    pub goes_on: bool,
    pub at: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WrapUpView {
    pub agent: Ref,
    pub from: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordReply {
    /// The last event that the records hold.
    pub seq: u64,
    pub contact: RecordView,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordsReply {
    /// The last event that the records hold.
    pub seq: u64,
    /// Newest first.
    pub contacts: Vec<RecordView>,
    /// Give it back as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// How many there are; counted when `offset` is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

/// Where the record's points of time lie for people.
struct Scale<'a> {
    record: &'a ContactRecord,
    lens: &'a Lens<'a>,
}

impl Scale<'_> {
    fn at(&self, t: Time) -> String {
        let opened = self.record.opened;
        Utc(opened.at.0 + (t - opened.t).0).rfc3339()
    }

    fn maybe(&self, t: Option<Time>) -> Option<String> {
        t.map(|t| self.at(t))
    }
}

impl RecordView {
    pub fn new(record: &ContactRecord, lens: &Lens<'_>) -> Self {
        let scale = Scale { record, lens };
        Self {
            contact: record.contact.to_string(),
            from: record.from.clone(),
            to: record.to.clone(),
            number: record.number.map(|no| lens.number(no)),
            language: record.language.clone(),
            opened: record.opened.at.rfc3339(),
            closed: record.closed.map(|moment| scale.at(moment.t)),
            duration_ms: record.closed.map(|moment| (moment.t - record.opened.t).as_millis()),
            disposition: record.disposition.map(word),
            ended_by: record.side.map(word),
            cause: record.cause.map(word),
            sip_status: record.sip_status,
            waited_ms: record.waited.as_millis(),
            talk_ms: record.talk.as_millis(),
            agents: record.agents().into_iter().map(|no| lens.agent(no)).collect(),
            groups: record.groups().into_iter().map(|no| lens.group(no)).collect(),
            data: record.data.clone(),
            calls: calls(&scale),
            legs: record.legs.iter().map(|leg| LegRecordView::new(leg, &scale)).collect(),
            visits: record.visits.iter().map(|visit| VisitView::new(visit, &scale)).collect(),
            offers: record.offers.iter().map(|offer| OfferView::new(offer, &scale)).collect(),
            said: record.said.as_ref().map(|said| SaidView {
                text: said.speech.text.clone(),
                language: said.speech.language.clone(),
                ending: said.ending.map(word),
            }),
            flows: flows(&scale),
            digits: digits(&scale),
            recording: recording(&scale),
            wrap_ups: wrap_ups(&scale),
            transfers: transfers(&scale),
            supervisions: supervisions(&scale),
            merged: merged(&scale),
            cut: record.cut,
            seq: record.last_seq,
        }
    }
}

fn calls(scale: &Scale<'_>) -> Vec<CallRecordView> {
    let view = |call: &crate::ledger::record::CallRecord| CallRecordView {
        call: call.call.to_string(),
        kind: word(call.kind),
        opened: scale.at(call.opened),
        closed: scale.maybe(call.closed),
        stays: call
            .stays
            .iter()
            .map(|stay| StayView {
                leg: stay.leg.to_string(),
                joined: scale.at(stay.joined),
                left: scale.maybe(stay.left),
            })
            .collect(),
    };
    scale.record.calls.iter().map(view).collect()
}

fn flows(scale: &Scale<'_>) -> Vec<FlowView> {
    let record = scale.record;
    let steps = |run: usize| {
        let of_run = record.trace.iter().filter(move |step| step.run as usize == run);
        of_run.map(|step| StepView { node: step.node.clone(), exit: step.exit.clone(), at: scale.at(step.t) }).collect()
    };
    let views = record.flows.iter().enumerate().map(|(run, flow)| FlowView {
        no: flow.flow.0,
        flow: flow.key.clone(),
        version: flow.version.clone(),
        started: scale.at(flow.started),
        ended: scale.maybe(flow.ended),
        trace: steps(run),
    });
    views.collect()
}

fn digits(scale: &Scale<'_>) -> Vec<DigitView> {
    let view = |digit: &crate::ledger::record::DigitRecord| DigitView {
        digit: digit.digit,
        path: word(digit.path),
        leg: digit.leg.map(|leg| leg.to_string()),
        at: scale.at(digit.t),
    };
    scale.record.digits.iter().map(view).collect()
}

fn merged(scale: &Scale<'_>) -> Vec<MergedView> {
    let view = |m: &crate::ledger::record::MergedRecord| MergedView {
        with: m.with.to_string(),
        goes_on: m.goes_on,
        at: scale.at(m.at),
    };
    scale.record.merged.iter().map(view).collect()
}

fn wrap_ups(scale: &Scale<'_>) -> Vec<WrapUpView> {
    let view = |wrap_up: &crate::ledger::record::WrapUp| WrapUpView {
        agent: scale.lens.agent(wrap_up.agent),
        from: scale.at(wrap_up.from),
        to: scale.maybe(wrap_up.to),
    };
    scale.record.wrap_ups.iter().map(view).collect()
}

fn transfers(scale: &Scale<'_>) -> Vec<TransferRecordView> {
    let view = |transfer: &TransferRecord| TransferRecordView {
        mode: word(transfer.mode),
        leg: transfer.transferor.to_string(),
        from: scale.at(transfer.began),
        to: scale.maybe(transfer.ended),
        ending: transfer.ending.map(word),
        cause: transfer.cause.map(word),
    };
    scale.record.transfers.iter().map(view).collect()
}

fn supervisions(scale: &Scale<'_>) -> Vec<SupervisionRecordView> {
    let stretch = |stretch: &Stretch| StretchView {
        mode: word(stretch.mode),
        target: WatchedView::new(stretch.target),
        from: scale.at(stretch.from),
        to: scale.maybe(stretch.to),
        by: ActorView::new(&stretch.by),
    };
    let view = |supervision: &SupervisionRecord| SupervisionRecordView {
        leg: supervision.leg.to_string(),
        agent: supervision.agent.map(|no| scale.lens.agent(no)),
        stretches: supervision.stretches.iter().map(stretch).collect(),
        ended: scale.maybe(supervision.ended),
        ending: supervision.ending.map(word),
        cause: supervision.cause.map(word),
    };
    scale.record.supervisions.iter().map(view).collect()
}

fn recording(scale: &Scale<'_>) -> Option<RecordingView> {
    let recording = scale.record.recording.as_ref()?;
    Some(RecordingView {
        url: format!("/v1/contacts/{}/recording", scale.record.contact),
        started: scale.at(recording.started),
        length_ms: recording.length.map(Span::as_millis),
        answered_ms: recording.answered.map(Span::as_millis),
        gap: recording.gap.map(|(why, length)| GapView { why: word(why), length_ms: length.as_millis() }),
        segments: scale.record.segments.iter().map(|segment| SegmentView::new(segment, scale)).collect(),
    })
}

impl SegmentView {
    fn new(segment: &SegmentRecord, scale: &Scale<'_>) -> Self {
        Self {
            segment: segment.segment.to_string(),
            url: format!("/v1/recordings/{}", segment.segment),
            agent: segment.agent.map(|no| scale.lens.agent(no)),
            leg: segment.leg.map(|leg| leg.to_string()),
            call: segment.call.map(|call| call.to_string()),
            from_ms: segment.from.as_millis(),
            to_ms: segment.to.as_millis(),
            began: word(segment.began),
            ended: word(segment.ended),
        }
    }
}

impl LegRecordView {
    fn new(leg: &LegRecord, scale: &Scale<'_>) -> Self {
        Self {
            leg: leg.leg.to_string(),
            role: word(leg.role),
            direction: word(leg.direction),
            party: PartyView::new(leg.party, scale.lens),
            remote: leg.remote.clone(),
            call: leg.call.map(|call| call.to_string()),
            agent: leg.agent.map(|no| scale.lens.agent(no)),
            offer: leg.offer.map(|offer| offer.to_string()),
            created: scale.at(leg.created),
            ringing: scale.maybe(leg.progress),
            answered: scale.maybe(leg.answered),
            media_heard: scale.maybe(leg.media_heard),
            ended: scale.maybe(leg.ended),
            cause: leg.cause.map(word),
            ended_by: leg.side.map(word),
            sip_status: leg.sip_status,
            media: leg.media.map(|counts| MediaView {
                received: counts.received,
                sent: counts.sent,
                lost: counts.lost,
                refused: counts.refused,
                jitter_us: counts.jitter_us,
            }),
        }
    }
}

impl VisitView {
    fn new(visit: &QueueVisit, scale: &Scale<'_>) -> Self {
        Self {
            item: visit.item.to_string(),
            group: visit.group.map(|no| scale.lens.group(no)),
            entered: scale.at(visit.entered),
            priority: visit.priority,
            visit: visit.visit,
            left: scale.maybe(visit.left),
            exit: visit.exit.map(word),
            waited_ms: visit.waited.map(Span::as_millis),
        }
    }
}

impl OfferView {
    fn new(offer: &OfferRecord, scale: &Scale<'_>) -> Self {
        Self {
            offer: offer.offer.to_string(),
            agent: offer.agent.map(|no| scale.lens.agent(no)),
            group: offer.group.map(|no| scale.lens.group(no)),
            item: offer.item.map(|item| item.to_string()),
            station: StationView::new(&offer.station, scale.lens),
            segment: offer.segment.to_string(),
            made: scale.at(offer.made),
            way: word(offer.way),
            shown: scale.maybe(offer.shown),
            alerting: scale.maybe(offer.alerting),
            confirming: scale.maybe(offer.confirming),
            accepted: scale.maybe(offer.accepted),
            connected: scale.maybe(offer.connected),
            ended: scale.maybe(offer.ended),
            ending: offer.ending.map(word),
            sip_status: offer.sip_status,
            reason: offer.reason.clone(),
        }
    }
}
