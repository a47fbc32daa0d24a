//! The list of all kinds for people and for the golden file: what each means, which ids it is about, and one sample.
//! `docs/events.md` is what [`page`] prints. A kind that is missing here fails the test.

use serde_json::json;

use super::session::{Delivery, Lease, LeasePolicy, SessionEnding};
use super::words::{
    Actor, AfterCall, AlarmKind, By, CallKind, DigitPath, Direction, Disposition, EndCause, ItemExit, LegRole,
    NotReadyReason, OfferEnding, OfferWay, OnTimeout, PartyRef, PlaybackEnding, PlaybackStep, Preferences,
    PreviewEnding, RecordingGap, SegmentEdge, Side, SpeechEnding, Station, SupervisionEnding, SupervisionMode,
    TransferEnding, TransferMode, WatchEnding, Watched, Wire, Wish, WorkRole,
};
use super::{About, DialogState, Event, Filter, Kind, MediaCounts, Recorded, VERSION};
use crate::base::{
    AgentNo, CallId, CommandId, ContactId, ExtensionNo, FlowNo, GroupNo, InterfaceNo, ItemId, LegId, NumberNo, OfferId,
    ReasonNo, SegmentId, SessionId, Span, TenantNo, Time, TrunkNo, Utc,
};

/// Ids as letters: contact, call, leg, agent, group, item, offer. In brackets: only where it applies.
struct Entry {
    ids: &'static str,
    means: &'static str,
    kind: Kind,
}

fn entry(ids: &'static str, means: &'static str, kind: Kind) -> Entry {
    Entry { ids, means, kind }
}

const STATION: Station = Station::Extension(ExtensionNo(1));

fn entries() -> Vec<Entry> {
    let contacts =
        [contact_entries(), leg_entries(), call_entries(), recording_entries(), verb_entries(), moving_entries()];
    let others = [supervision_entries(), flow_entries(), agent_entries(), work_entries(), house_entries()];
    contacts.into_iter().chain(others).flatten().collect()
}

fn contact_entries() -> Vec<Entry> {
    let text = str::to_owned;
    vec![
        entry(
            "contact",
            "A contact was born by an INVITE or a command.",
            Kind::ContactOpened {
                from: text("+8613800000000"),
                to: text("9000"),
                number: Some(NumberNo(1)),
                language: text("en-US"),
                record: true,
            },
        ),
        entry(
            "contact",
            "A command asked for it; it dials once this is on disk, and runs the flow for whoever answers or speaks a text.",
            Kind::Originated { flow_key: Some(text("main")), say: None, first: None },
        ),
        entry("contact", "What became of the text of an order.", Kind::Said { ending: SpeechEnding::Whole }),
        entry(
            "contact",
            "Attached data was set; the whole of it.",
            Kind::ContactData { data: json!({"a": 1, "b": "x"}).as_object().expect("an object").clone() },
        ),
        entry(
            "contact",
            "The last leg has ended. Later facts name the contact too.",
            Kind::ContactClosed {
                disposition: Disposition::Answered,
                side: Side::Customer,
                cause: EndCause::HungUp,
                sip_status: None,
            },
        ),
    ]
}

fn leg_entries() -> Vec<Entry> {
    vec![
        entry(
            "contact leg [agent] [offer]",
            "A leg was made by an INVITE from outside or one of ours.",
            Kind::LegCreated {
                direction: Direction::Inbound,
                role: LegRole::Customer,
                party: PartyRef::Trunk(TrunkNo(1)),
                remote: "+8613800000000".to_owned(),
            },
        ),
        entry("contact leg", "A provisional response over 100.", Kind::LegProgress { status: 180 }),
        entry("contact leg", "200 was sent or received.", Kind::LegAnswered),
        entry(
            "contact leg",
            "What a BYE needs after a restart; the latest counts.",
            Kind::LegDialog { dialog: dialog() },
        ),
        entry("contact leg", "The first packet with sound in it arrived.", Kind::MediaHeard),
        entry(
            "contact leg",
            "A key was pressed; `x` in a flow into which an agent has sent the customer to get him back.",
            Kind::Digit { digit: '1', path: DigitPath::Rtp },
        ),
        entry(
            "contact leg [agent] [offer]",
            "The leg is over.",
            Kind::LegEnded { cause: EndCause::HungUp, side: Side::Customer, sip_status: Some(200) },
        ),
        entry(
            "contact leg",
            "Its sockets are closed; may come after the contact closed.",
            Kind::LegMedia { counts: MediaCounts { received: 100, sent: 99, lost: 1, refused: 0, jitter_us: 350 } },
        ),
    ]
}

fn call_entries() -> Vec<Entry> {
    vec![
        entry("contact call", "A conversation began.", Kind::CallOpened { call_kind: CallKind::Main }),
        entry("contact call leg", "A leg is in this call from now on.", Kind::CallJoined),
        entry("contact call leg", "A leg is in this call no longer.", Kind::CallLeft),
        entry("contact call", "A conversation is over.", Kind::CallClosed),
    ]
}

fn recording_entries() -> Vec<Entry> {
    vec![
        entry(
            "contact leg agent",
            "A recording is played to this agent: of contact `of`, the part `segment` or all of it. `place` is where in it.",
            Kind::Playback {
                of: ContactId(3),
                segment: Some(SegmentId(6)),
                step: PlaybackStep::Ended,
                place: Span::seconds(90),
                length: Span::seconds(90),
                ending: Some(PlaybackEnding::Played),
            },
        ),
        entry(
            "contact",
            "A recording began; the file lies below the recordings folder. `until`: it ends by itself then.",
            Kind::RecordingStarted { file: "demo/2026-11-21/7.wav".to_owned(), until: Some(Time(9_000_000)) },
        ),
        entry(
            "contact leg [agent] [call]",
            "A part of the recording ended; `from` and `to` are places in the file.",
            Kind::Segment {
                segment: SegmentId(6),
                from: Span::seconds(1),
                to: Span::seconds(3),
                began: SegmentEdge::Answered,
                ended: SegmentEdge::Ended,
            },
        ),
        entry(
            "contact",
            "The file is complete; may come after the contact closed. `cause` is `too-long` when it had the length asked for.",
            Kind::RecordingEnded {
                length: Span::seconds(3),
                answered: Span::seconds(4),
                gap: Some((RecordingGap::DiskSlow, Span::seconds(1))),
                cause: Some(EndCause::TooLong),
            },
        ),
    ]
}

/// What was done to the parties of a contact.
fn verb_entries() -> Vec<Entry> {
    let text = str::to_owned;
    vec![
        entry(
            "contact call leg [agent]",
            "It hears music and nobody hears it. By a party: its own far end holds us, and the others hear music.",
            Kind::LegHeld,
        ),
        entry("contact call leg [agent]", "It is held no longer.", Kind::LegRetrieved),
        entry(
            "contact call leg [agent]",
            "What is muted from now on: `from`, nobody hears it; `to`, it hears nobody.",
            Kind::LegMuted { from: true, to: false },
        ),
        entry(
            "contact call leg",
            "Keys that its far end presses go to `to` alone from now on, or no longer; `digit` tells them as `x`.",
            Kind::LegPassesDigits { to: LegId(116_703_443_107_610_627), on: true },
        ),
        entry("contact call leg", "Keys were pressed for it by a command.", Kind::DigitsSent { digits: text("12#") }),
        entry(
            "contact call [leg]",
            "A leg, or all of a call, hear sounds from the library.",
            Kind::Announced { sounds: vec![text("en-US/welcome")] },
        ),
        entry(
            "contact call [leg]",
            "They were played or stopped, or one was not in the library.",
            Kind::AnnouncementEnded { missing: None },
        ),
        entry(
            "contact",
            "A caller whom a flow or queue had was sent elsewhere; with a cause he is back where he was, or gone.",
            Kind::RouteEnded { cause: Some(EndCause::NoAnswer) },
        ),
        entry(
            "contact call [leg]",
            "The dial to a further party is over: the leg it reached, or why nobody.",
            Kind::InviteEnded { cause: Some(EndCause::Busy) },
        ),
        entry(
            "contact call leg",
            "This leg has the conference: it invited first, the one before it left, or a command gave it to it.",
            Kind::ChairTaken,
        ),
        entry(
            "contact call",
            "What holds of the conference from now on: parties at most, its end, and when it is warned.",
            Kind::ConferenceLimits {
                seats: Some(8),
                until: Some(Time(3_605_000_000)),
                warn_at: Some(Time(3_545_000_000)),
            },
        ),
        entry(
            "contact call",
            "Its parties are warned: it ends then, unless it is extended.",
            Kind::ConferenceEnding { until: Time(3_605_000_000) },
        ),
        entry(
            "contact call leg [agent]",
            "The leg gives its call to somebody who is being dialled.",
            Kind::TransferBegan { mode: TransferMode::Consult },
        ),
        entry(
            "contact call leg [agent]",
            "The one ending of a transfer; `leg` is the transferor.",
            Kind::TransferEnded {
                mode: TransferMode::Blind,
                ending: TransferEnding::Failed,
                cause: Some(EndCause::NoAnswer),
            },
        ),
        entry(
            "contact",
            "This contact and `with` are one; the one that goes on has the legs of the other.",
            Kind::ContactMerged { with: ContactId(9), goes_on: true },
        ),
    ]
}

/// Legs that go elsewhere, and recordings that stand still.
fn moving_entries() -> Vec<Entry> {
    let text = str::to_owned;
    vec![
        entry(
            "contact call leg [agent]",
            "The leg left contact `from` for `to`; told of both. Without `from` it was at rest at its agent's station.",
            Kind::LegMoved {
                from: Some(ContactId(9)),
                to: ContactId(1),
                direction: Direction::Outbound,
                role: LegRole::Other,
                party: PartyRef::Extension(ExtensionNo(7)),
                remote: text("1002"),
                answered: Some(Time(4_000_000)),
            },
        ),
        entry(
            "contact call leg agent [item] [offer] [group]",
            "His part in the contact is over as if the leg had ended; it stays up, at rest at his station.",
            Kind::LegRested { cause: EndCause::PeerLeft, side: Side::Customer },
        ),
        entry("contact call", "Silence is written until it is resumed.", Kind::RecordingPaused),
        entry("contact call", "The recording goes on.", Kind::RecordingResumed),
    ]
}

fn supervision_entries() -> Vec<Entry> {
    let (target, about) = (Watched::Leg(LegId(5)), "contact call leg agent");
    vec![
        entry(
            about,
            "A supervisor hears a call from now on: `leg` is his, `target` what he watches. By who asked for it.",
            Kind::SupervisionStarted { mode: SupervisionMode::Listen, target },
        ),
        entry(
            about,
            "Who hears him, or what he watches, is this from now on.",
            Kind::SupervisionChanged { mode: SupervisionMode::Whisper, target },
        ),
        entry(
            "contact call [leg] agent",
            "He hears it no longer, or was not reached, or talks in the agent's place.",
            Kind::SupervisionEnded { ending: SupervisionEnding::TargetLeft, cause: Some(EndCause::PeerLeft) },
        ),
        entry(
            "agent",
            "A supervisor (`agent`) goes with another from call to call from now on; his phone is rung once.",
            Kind::WatchStarted { watched: AgentNo(4), mode: SupervisionMode::Listen },
        ),
        entry(
            "agent",
            "Who hears him is this from now on, also in the calls to come.",
            Kind::WatchChanged { watched: AgentNo(4), mode: SupervisionMode::Whisper },
        ),
        entry(
            "agent",
            "He goes with that agent no longer.",
            Kind::WatchEnded { watched: AgentNo(4), ending: WatchEnding::Left, cause: Some(EndCause::HungUp) },
        ),
    ]
}

fn flow_entries() -> Vec<Entry> {
    let text = str::to_owned;
    vec![
        entry(
            "contact",
            "A flow began to run.",
            Kind::FlowStarted { flow: FlowNo(1), flow_key: text("main"), version: text("5f2c") },
        ),
        entry(
            "contact",
            "A node was left by one of its exits.",
            Kind::FlowNode { node: text("menu"), exit: text("1") },
        ),
        entry("contact", "The flow is over.", Kind::FlowEnded { flow: FlowNo(1) }),
        entry(
            "contact [leg] [agent]",
            "The customer is back from a flow into which somebody had sent him, with what it attached.",
            Kind::FlowReturned {
                flow: FlowNo(1),
                data: json!({"verified": "yes"}).as_object().expect("an object").clone(),
            },
        ),
        entry(
            "contact group item",
            "An item waits in a group.",
            Kind::ItemEntered { due: Time(6_000_000), priority: 0, visit: 1, groups: Vec::new() },
        ),
        entry(
            "contact group item",
            "It waits at another place from now on.",
            Kind::ItemPriority { due: Time(1_000_000), priority: 3 },
        ),
        entry(
            "contact group item",
            "It waits no longer.",
            Kind::ItemLeft { exit: ItemExit::Connected, waited: Span::seconds(9) },
        ),
        entry(
            "contact agent group item offer",
            "An agent was chosen; his segment of the recording has its name already.",
            Kind::OfferMade { station: STATION, until: Time(9_000_000), segment: SegmentId(6), way: OfferWay::Ring },
        ),
        entry("contact agent group item offer", "The agent's client shows it; nothing rings.", Kind::OfferShown),
        entry("contact agent group item offer", "The station rings.", Kind::OfferAlerting),
        entry(
            "contact agent group item offer",
            "A station outside was answered; until then a key must say that a person did. The caller hears the queue.",
            Kind::OfferConfirming { until: Time(13_000_000) },
        ),
        entry("contact agent group item offer", "The station answered.", Kind::OfferAccepted),
        entry("contact agent group item offer", "Sound flows both ways.", Kind::OfferConnected),
        entry(
            "contact agent group item offer",
            "The one ending of an offer.",
            Kind::OfferEnded { ending: OfferEnding::Rejected, sip_status: Some(486), reason: None },
        ),
    ]
}

fn agent_entries() -> Vec<Entry> {
    vec![
        entry(
            "agent",
            "He is signed in: not ready, and unreachable until told otherwise.",
            Kind::AgentSignedIn { station: STATION, groups: vec![GroupNo(1), GroupNo(2)], chosen: false },
        ),
        entry("agent", "He is signed out.", Kind::AgentSignedOut),
        entry(
            "agent",
            "The groups of somebody signed in changed, with the site or because he chose others; the whole list.",
            Kind::AgentGroups { groups: vec![GroupNo(1)], chosen: true },
        ),
        entry(
            "agent",
            "What he wants, also during a call; then `until` is told once more when the call is over and `limit` begins.",
            Kind::AgentWish {
                wish: Wish::NotReady(NotReadyReason::Rest(Some(ReasonNo(2)))),
                limit: Some(Span::minutes(10)),
                until: Some(Time(620_000_000)),
            },
        ),
        entry("agent", "He is not ready for longer than he may be. He stays so.", Kind::AgentOvertime),
        entry(
            "agent",
            "Somebody forced what the next events tell: a supervisor, by a token, or a token by itself.",
            Kind::AgentForced { verb: "sign-out".to_owned(), why: "left without signing out".to_owned() },
        ),
        entry(
            "agent",
            "He waits for rest: the quota is used up. First come, first served.",
            Kind::AgentRestQueued { reason: None, length: Span::minutes(10) },
        ),
        entry(
            "agent",
            "He waits for rest no longer; granted: his wish follows.",
            Kind::AgentRestUnqueued { granted: true },
        ),
        entry(
            "agent",
            "What he has instead of what the site says of him, until he signs out.",
            Kind::AgentPrefers { preferences: Preferences { after_call: Some(AfterCall::Ready), auto_answer: None } },
        ),
        entry(
            "contact agent [group]",
            "An agent is shown whom he may call: the contact's `to`, with its data. He is kept free for it until then.",
            Kind::PreviewShown { until: Time(35_000_000), on_timeout: OnTimeout::Skip },
        ),
        entry(
            "contact agent [group]",
            "His phone rings, or nobody is dialled.",
            Kind::PreviewEnded { ending: PreviewEnding::Dialled },
        ),
        entry(
            "[agent] [group]",
            "A rotation showed this number: the agent's, the group's, or without either the tenant's. The next call shows the next.",
            Kind::NumberRotated { number: "+864008001234".to_owned() },
        ),
        entry("agent", "Somebody tells him something.", Kind::AgentNote { text: "call your team leader".to_owned() }),
    ]
}

/// What he can do and does, and phones.
fn work_entries() -> Vec<Entry> {
    let (extension, contact) = (ExtensionNo(1), "sip:1001@127.0.0.1:5062".to_owned());
    vec![
        entry(
            "agent",
            "His phone is there, or is not; with the cause why the leg of a permanent station is not up.",
            Kind::AgentReachable { reachable: false, cause: Some(EndCause::Busy) },
        ),
        entry(
            "[contact] agent",
            "What he does for this contact (without one: for none) from now on; it replaces what he did for it.",
            Kind::AgentWork { role: WorkRole::WrapUp, until: Some(Time(20_000_000)) },
        ),
        entry(
            "[contact] agent",
            "He does nothing for this contact any more.",
            Kind::AgentWorkEnded { role: WorkRole::WrapUp },
        ),
        entry(
            "",
            "A phone registered.",
            Kind::Registered { extension, contact: contact.clone(), until: Time(3_600_000_000) },
        ),
        entry("", "A binding was removed or ran out.", Kind::Unregistered { extension, contact }),
    ]
}

fn house_entries() -> Vec<Entry> {
    let text = str::to_owned;
    vec![
        entry(
            "[contact] [agent]",
            "A command was accepted. The table of accepted ids is a fold over these.",
            Kind::CommandAccepted {
                id: CommandId { token: 3, id: text("order-17") },
                code: text("accepted"),
                body_hash: 12_345_678_901_234_567_890,
            },
        ),
        entry(
            "[agent]",
            "A client session began; with an agent it is his client's.",
            Kind::SessionOpened {
                session: SessionId(7),
                token: 3,
                delivery: Delivery::Push { url: text("http://192.0.2.9:8000/events") },
                filter: Box::new(Filter { agents: [AgentNo(3)].into(), ..Filter::default() }),
                lease: Some(Lease { length: Span::seconds(60), policy: LeasePolicy::NotReady }),
            },
        ),
        entry(
            "[agent]",
            "It was closed, its lease ran out, or its token is gone.",
            Kind::SessionEnded { session: SessionId(7), ending: SessionEnding::Expired },
        ),
        entry("", "The tenant's site changed.", Kind::SiteChanged { version: 2 }),
        entry("", "The house started; what was open before it was ended by it.", Kind::Restarted { open_contacts: 2 }),
        entry("", "The open state at the head of a day's file.", Kind::Checkpoint { open: json!({"contacts": {}}) }),
        entry(
            "[contact] [agent]",
            "A person must look.",
            Kind::Alarm { alarm: AlarmKind::FlowSteps, text: text("flow `main` ran 2,000 steps") },
        ),
    ]
}

fn dialog() -> DialogState {
    DialogState {
        interface: InterfaceNo(0),
        transport: Wire::Udp,
        remote: std::net::SocketAddr::from(([127, 0, 0, 1], 5080)),
        call_id: "c1".to_owned(),
        local_tag: "lt".to_owned(),
        remote_tag: "rt".to_owned(),
        local_uri: "sip:9000@demo.example".to_owned(),
        remote_uri: "sip:caller@demo.example".to_owned(),
        remote_target: "sip:caller@127.0.0.1:5080".to_owned(),
        route_set: vec!["<sip:127.0.0.1:5090;lr>".to_owned()],
        cseq_reserved: 100,
    }
}

fn sample(seq: u64, entry: Entry) -> Recorded {
    let has = |id: &str| entry.ids.split(' ').any(|word| word.trim_matches(['[', ']']) == id);
    let about = About {
        contact: has("contact").then_some(ContactId(1)),
        call: has("call").then_some(CallId(2)),
        leg: has("leg").then_some(LegId(3)),
        agent: has("agent").then_some(AgentNo(4)),
        group: has("group").then_some(GroupNo(1)),
        item: has("item").then_some(ItemId(1_152_921_504_606_846_975)),
        offer: has("offer").then_some(OfferId(5)),
    };
    let command = Some(CommandId { token: 3, id: "order-17".to_owned() });
    let by = match entry.kind {
        _ if seq == 1 => By { actor: Actor::Integration(3), command },
        Kind::AgentForced { .. } => By { actor: Actor::Agent { agent: AgentNo(9), token: 3 }, command: None },
        _ => By::SYSTEM,
    };
    let (t, at) = (Time(5_000_000), Utc(1_795_000_000_000_000));
    Recorded { seq, event: Event { v: VERSION, t, at, tenant: TenantNo(1), about, by, kind: entry.kind } }
}

/// Every sample as it is stored, one a line.
fn golden() -> String {
    let lines = entries().into_iter().zip(1..).map(|(entry, seq)| sample(seq, entry));
    lines.map(|recorded| serde_json::to_string(&recorded).expect("an event prints") + "\n").collect()
}

const HEAD: &str = "# Events

Everything that happens is one of these kinds, once, in the journal. Records, figures and what a restart finds open are
folds over them. This page is printed by `src/event/catalog.rs`; a test compares the two.

Each event has `seq` (its place in the journal, without gaps), `v` (the version of the form), `t` (microseconds since
2020-01-01 on the house's own axis; durations are differences of `t`), `at` (microseconds since 1970-01-01 UTC, for
people), `tenant`, the ids it is about, `by` (who acted, and with which command) and `kind` with what the kind adds.
Minted ids are text, numbers of site objects are numbers, lengths are microseconds. Ids in brackets are there where they
apply. *Personal* kinds hold values that can name a person.

This is the stored form. What the API shows is a view with a form of its own.
";

/// `docs/events.md`.
fn page() -> String {
    let mut page = HEAD.to_owned();
    for (entry, seq) in entries().into_iter().zip(1..) {
        let name = entry.kind.name();
        let personal = if entry.kind.is_personal() { " *Personal.*" } else { "" };
        let ids = if entry.ids.is_empty() { "none" } else { entry.ids };
        page += &format!("\n## {name}\n\n{}{personal}\nIds: {ids}.\n\n", entry.means);
        let line = serde_json::to_string(&sample(seq, entry)).expect("an event prints");
        page += &format!("```json\n{line}\n```\n");
    }
    page
}

mod tests {
    use super::*;

    /// serde's own list: what it expects where it finds a kind that does not exist.
    fn all_names() -> Vec<String> {
        let error = serde_json::from_str::<Kind>(r#"{"kind":"?"}"#).expect_err("no such kind").to_string();
        let list = error.split_once("expected one of").expect("serde lists the kinds").1;
        let names = list.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        assert!(names.len() > 40, "{error}");
        names
    }

    #[test]
    fn every_kind_is_listed_once_under_its_name() {
        let mut listed: Vec<_> = entries().iter().map(|entry| entry.kind.name().to_owned()).collect();
        let mut names = all_names();
        listed.sort();
        names.sort();
        assert_eq!(listed, names);
        for entry in entries() {
            let stored = serde_json::to_value(&entry.kind).expect("a kind prints");
            assert_eq!(stored["kind"], entry.kind.name());
        }
    }

    #[test]
    fn the_stored_form_is_pinned_and_reads_back() {
        let golden = golden();
        let stored = include_str!("golden.jsonl");
        assert!(stored == golden, "src/event/golden.jsonl should be:\n{golden}");
        for (line, (entry, seq)) in stored.lines().zip(entries().into_iter().zip(1..)) {
            let read: Recorded = serde_json::from_str(line).expect("what is stored can be read");
            assert_eq!(read, sample(seq, entry));
        }
    }

    #[test]
    fn the_page_is_what_the_code_prints() {
        let page = page();
        assert!(include_str!("../../docs/events.md") == page, "docs/events.md should be:\n{page}");
    }
}
