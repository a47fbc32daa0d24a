//! Events: every kind's view, filters, polls, positions.

use serde_json::{Value, json};

use super::house::T;
use super::house::{CONTACT, Rig, event, of_contact, opened};
use crate::api::position::Position;
use crate::api::view::EventView;
use crate::api::view::event::KINDS;
use crate::base::bounds::{EVENT_PAGE, POLL_PAGES};
use crate::base::{
    AgentNo, CallId, CommandId, ContactId, ExtensionNo, FlowNo, GroupNo, InterfaceNo, ItemId, LegId, OfferId, ReasonNo,
    SegmentId, SessionId, Span, TrunkNo,
};
use crate::event::session::{Delivery, Lease, LeasePolicy, SessionEnding};
use crate::event::words::{
    Actor, AfterCall, AlarmKind, CallKind, DigitPath, Direction, Disposition, EndCause, ItemExit, LegRole,
    NotReadyReason, OfferEnding, OfferWay, OnTimeout, PartyRef, PlaybackEnding, PlaybackStep, Preferences,
    PreviewEnding, RecordingGap, SegmentEdge, Side, Station, SupervisionEnding, SupervisionMode, TransferEnding,
    TransferMode, WatchEnding, Watched, Wire, Wish, WorkRole,
};
use crate::event::{About, By, DialogState, Event, Kind, MediaCounts, Recorded};

const STATION: Station = Station::Extension(ExtensionNo(1));

/// One of every kind.
fn kinds() -> Vec<Kind> {
    let mut all = contact_kinds();
    all.extend(agent_kinds());
    all.extend(house_kinds());
    all
}

fn contact_kinds() -> Vec<Kind> {
    let until = T + Span::seconds(20);
    let sip_status = Some(486);
    vec![
        opened(),
        Kind::ContactData { data: json!({ "order": "4711" }).as_object().expect("an object").clone() },
        Kind::ContactClosed {
            disposition: Disposition::Answered,
            side: Side::Agent,
            cause: EndCause::HungUp,
            sip_status: None,
        },
        Kind::ContactMerged { with: ContactId(8), goes_on: true },
        Kind::LegCreated {
            direction: Direction::Inbound,
            role: LegRole::Customer,
            party: PartyRef::Trunk(TrunkNo(1)),
            remote: "+8613800138000".into(),
        },
        Kind::LegProgress { status: 180 },
        Kind::LegAnswered,
        Kind::LegDialog { dialog: dialog() },
        Kind::MediaHeard,
        Kind::Digit { digit: '5', path: DigitPath::Rtp },
        Kind::LegMoved {
            from: Some(ContactId(8)),
            to: CONTACT,
            direction: Direction::Outbound,
            role: LegRole::Other,
            party: PartyRef::Extension(ExtensionNo(3)),
            remote: "1003".into(),
            answered: Some(T),
        },
        Kind::LegRested { cause: EndCause::PeerLeft, side: Side::Customer },
        Kind::LegEnded { cause: EndCause::Busy, side: Side::Other, sip_status },
        Kind::LegMedia { counts: MediaCounts { received: 50, sent: 49, lost: 1, refused: 0, jitter_us: 125 } },
        Kind::LegHeld,
        Kind::LegRetrieved,
        Kind::LegMuted { from: true, to: false },
        Kind::LegPassesDigits { to: LegId(116_703_443_107_610_628), on: true },
        Kind::DigitsSent { digits: "12#".into() },
        Kind::Announced { sounds: vec!["en-US/welcome".into()] },
        Kind::AnnouncementEnded { missing: Some("en-US/welcome".into()) },
        Kind::CallOpened { call_kind: CallKind::Main },
        Kind::CallJoined,
        Kind::CallLeft,
        Kind::CallClosed,
        Kind::InviteEnded { cause: Some(EndCause::Busy) },
        Kind::RouteEnded { cause: Some(EndCause::Busy) },
        Kind::ChairTaken,
        Kind::ConferenceLimits { seats: Some(5), until: Some(T + Span::minutes(60)), warn_at: None },
        Kind::ConferenceEnding { until: T + Span::minutes(60) },
        Kind::TransferBegan { mode: TransferMode::OnAnswer },
        Kind::TransferEnded {
            mode: TransferMode::OnAnswer,
            ending: TransferEnding::Failed,
            cause: Some(EndCause::NoAnswer),
        },
        Kind::SupervisionStarted { mode: SupervisionMode::Listen, target: Watched::Leg(LegId(5)) },
        Kind::SupervisionChanged { mode: SupervisionMode::Whisper, target: Watched::Leg(LegId(5)) },
        Kind::SupervisionEnded { ending: SupervisionEnding::TargetLeft, cause: Some(EndCause::PeerLeft) },
        Kind::WatchStarted { watched: AgentNo(4), mode: SupervisionMode::Listen },
        Kind::WatchChanged { watched: AgentNo(4), mode: SupervisionMode::Whisper },
        Kind::WatchEnded { watched: AgentNo(4), ending: WatchEnding::Left, cause: Some(EndCause::HungUp) },
        Kind::FlowStarted { flow: FlowNo(1), flow_key: "main".into(), version: "1a2b".into() },
        Kind::FlowNode { node: "menu".into(), exit: "1".into() },
        Kind::FlowEnded { flow: FlowNo(1) },
        Kind::FlowReturned { flow: FlowNo(1), data: Default::default() },
        Kind::ItemEntered { due: T, priority: 2, visit: 1, groups: Vec::new() },
        Kind::ItemPriority { due: T, priority: 5 },
        Kind::ItemLeft { exit: ItemExit::Connected, waited: Span::millis(15_000) },
        Kind::OfferMade { station: STATION, until, segment: SegmentId(77), way: OfferWay::Client },
        Kind::OfferShown,
        Kind::OfferAlerting,
        Kind::OfferConfirming { until },
        Kind::OfferAccepted,
        Kind::OfferConnected,
        Kind::OfferEnded { ending: OfferEnding::RangOut, sip_status: Some(487), reason: None },
    ]
}

fn agent_kinds() -> Vec<Kind> {
    let contact = "sip:1001@192.0.2.15:5060".to_owned();
    vec![
        Kind::Playback {
            of: ContactId(3),
            segment: Some(SegmentId(77)),
            step: PlaybackStep::Ended,
            place: Span::millis(4_000),
            length: Span::millis(90_000),
            ending: Some(PlaybackEnding::Stopped),
        },
        Kind::AgentSignedIn { station: STATION, groups: vec![GroupNo(2)], chosen: false },
        Kind::AgentSignedOut,
        Kind::AgentGroups { groups: vec![GroupNo(2)], chosen: true },
        Kind::AgentWish {
            wish: Wish::NotReady(NotReadyReason::RangOut),
            limit: Some(Span::minutes(5)),
            until: Some(T + Span::minutes(5)),
        },
        Kind::AgentWish { wish: Wish::NotReady(NotReadyReason::Own(ReasonNo(2))), limit: None, until: None },
        Kind::AgentWish { wish: Wish::Ready, limit: None, until: None },
        Kind::AgentWish { wish: Wish::SignOut, limit: None, until: None },
        Kind::AgentOvertime,
        Kind::AgentForced { verb: "sign-out".into(), why: "left without signing out".into() },
        Kind::AgentRestQueued { reason: Some(ReasonNo(2)), length: Span::minutes(10) },
        Kind::AgentRestUnqueued { granted: true },
        Kind::AgentPrefers {
            preferences: Preferences { after_call: Some(AfterCall::NotReady), auto_answer: Some(true) },
        },
        Kind::PreviewShown { until: T + Span::seconds(30), on_timeout: OnTimeout::Dial },
        Kind::PreviewEnded { ending: PreviewEnding::TimedOut },
        Kind::NumberRotated { number: "+864008001234".into() },
        Kind::AgentNote { text: "call your team leader".into() },
        Kind::AgentReachable { reachable: false, cause: Some(EndCause::Busy) },
        Kind::AgentWork { role: WorkRole::WrapUp, until: Some(T + Span::seconds(10)) },
        Kind::AgentWorkEnded { role: WorkRole::WrapUp },
        Kind::Registered { extension: ExtensionNo(1), contact: contact.clone(), until: T + Span::minutes(5) },
        Kind::Unregistered { extension: ExtensionNo(1), contact },
    ]
}

fn house_kinds() -> Vec<Kind> {
    let gap = Some((RecordingGap::DiskSlow, Span::millis(1_500)));
    let (from, to) = (Span::ZERO, Span::seconds(2));
    vec![
        Kind::RecordingStarted { file: "demo/2026-11-21/1.wav".into(), until: Some(T + Span::minutes(1)) },
        Kind::Segment { segment: SegmentId(77), from, to, began: SegmentEdge::Answered, ended: SegmentEdge::Ended },
        Kind::RecordingPaused,
        Kind::RecordingResumed,
        Kind::RecordingEnded {
            length: Span::seconds(2),
            answered: Span::millis(3_500),
            gap,
            cause: Some(EndCause::TooLong),
        },
        Kind::CommandAccepted { id: CommandId { token: 1, id: "abc".into() }, code: "ok".into(), body_hash: 1 },
        Kind::SessionOpened {
            session: SessionId(9),
            token: 1,
            delivery: Delivery::Push { url: "http://192.0.2.9/hook".into() },
            filter: Box::default(),
            lease: Some(Lease { length: Span::seconds(60), policy: LeasePolicy::NotReady }),
        },
        Kind::SessionEnded { session: SessionId(9), ending: SessionEnding::Expired },
        Kind::SiteChanged { version: 2 },
        Kind::Restarted { open_contacts: 3 },
        Kind::Checkpoint { open: json!({ "secret": "inside" }) },
        Kind::Alarm { alarm: AlarmKind::DiskLow, text: "9 % free".into() },
    ]
}

fn dialog() -> DialogState {
    DialogState {
        interface: InterfaceNo(0),
        transport: Wire::Udp,
        remote: ([198, 51, 100, 20], 5060).into(),
        call_id: "a".into(),
        local_tag: "b".into(),
        remote_tag: "c".into(),
        local_uri: "sip:a".into(),
        remote_uri: "sip:b".into(),
        remote_target: "sip:c".into(),
        route_set: Vec::new(),
        cseq_reserved: 1,
    }
}

#[test]
fn every_kind_has_the_view_that_was_reviewed() {
    let about = About {
        contact: Some(CONTACT),
        call: Some(CallId(10)),
        leg: Some(LegId(11)),
        agent: Some(AgentNo(3)),
        group: Some(GroupNo(2)),
        item: Some(ItemId(12)),
        offer: Some(OfferId(13)),
    };
    let by = By { actor: Actor::Integration(1), command: Some(CommandId { token: 1, id: "abc".into() }) };
    let mut shown = Vec::new();
    let mut views = Vec::new();
    for (kind, seq) in kinds().into_iter().zip(1..) {
        // The whole head once, then each kind's own part.
        let supervised = matches!(kind, Kind::AgentForced { .. });
        let forced_by = By { actor: Actor::Agent { agent: AgentNo(3), token: 1 }, command: None };
        let event = match seq {
            1 => Event { by: by.clone(), ..event(about, kind) },
            _ if supervised => Event { by: forced_by, ..event(About::default(), kind) },
            _ => event(About::default(), kind),
        };
        let Some(view) = EventView::new(&Recorded { seq, event }) else { continue };
        shown.push(view.kind);
        views.push(match seq {
            1 => serde_json::to_value(&view).expect("JSON"),
            _ if supervised => json!({ "kind": view.kind, "by": view.by, "data": view.data }),
            _ => json!({ "kind": view.kind, "data": view.data }),
        });
    }
    shown.dedup();
    assert_eq!(shown, KINDS, "`kinds=` knows what is shown");
    super::records::compare(include_str!("golden/events.json"), "events.json", &Value::Array(views));
}

fn seqs(answer: &Value) -> Vec<u64> {
    answer["events"].as_array().expect("a list").iter().map(|event| event["seq"].as_u64().expect("a seq")).collect()
}

#[tokio::test]
async fn a_poll_goes_on_behind_its_position() {
    let rig = Rig::new();
    rig.commit(of_contact(), opened());
    rig.commit(of_contact(), Kind::LegAnswered);
    let all = rig.get_ok("/v1/events?after=oldest").await.json();
    assert_eq!((seqs(&all), all["seq"].as_u64()), (vec![1, 2], Some(2)));
    let after = all["position"].as_str().expect("a position");
    rig.commit(of_contact(), Kind::CallLeft);
    assert_eq!(seqs(&rig.get_ok(&format!("/v1/events?after={after}")).await.json()), [3]);
    let first = all["events"][0]["position"].as_str().expect("a position");
    assert_eq!(seqs(&rig.get_ok(&format!("/v1/events?after={first}")).await.json()), [2, 3]);
    assert_eq!(seqs(&rig.get_ok("/v1/events").await.json()), [0; 0], "from now on");
}

#[tokio::test]
async fn filters_leave_out_and_move_on() {
    let rig = Rig::new();
    rig.commit(of_contact(), opened());
    rig.commit(About { agent: Some(AgentNo(3)), ..About::default() }, Kind::AgentSignedOut);
    rig.commit(About::default(), Kind::Checkpoint { open: json!({}) });
    rig.put(Event { tenant: crate::base::TenantNo(2), ..event(About::default(), Kind::LegAnswered) });
    rig.commit(About { group: Some(GroupNo(2)), ..of_contact() }, Kind::OfferAlerting);
    let contact = format!("contacts={CONTACT}");
    let either = format!("contacts=5,{CONTACT}&agents=ana&kinds=agent_signed_out,offer_alerting");
    for (filter, seen) in [
        ("", vec![1, 2, 5]),
        (contact.as_str(), vec![1, 5]),
        ("contacts=5", vec![]),
        ("agents=ana", vec![2]),
        ("agents=no:3", vec![2]),
        ("groups=support", vec![5]),
        ("groups=support&agents=ana", vec![2, 5]),
        ("groups=support&kinds=contact_opened", vec![]),
        (either.as_str(), vec![2, 5]),
        ("kinds=leg_answered", vec![]),
        ("kinds=agent_signed_out,contact_opened", vec![1, 2]),
    ] {
        let answer = rig.get_ok(&format!("/v1/events?after=oldest&{filter}")).await.json();
        assert_eq!(seqs(&answer), seen, "{filter}");
        assert_eq!(answer["position"], Position(5).text(), "{filter}");
    }
    let other = rig.ask("GET", "/v1/events?after=oldest", "other", None).await.json();
    assert_eq!(seqs(&other), [4]);
}

#[tokio::test]
async fn a_window_of_time_begins_and_ends_by_the_clock_of_people() {
    let rig = Rig::new();
    let put = |wall: &str| {
        let at = crate::api::instant::read("at", wall).expect("a time");
        rig.put(Event { at, ..event(About::default(), Kind::LegAnswered) })
    };
    // A clock that was set back by two minutes in between.
    assert_eq!(put("2026-11-21T08:00:00Z"), 1);
    assert_eq!(put("2026-11-21T08:02:00Z"), 2);
    assert_eq!(put("2026-11-21T08:00:30Z"), 3);
    assert_eq!(put("2026-11-21T23:59:59Z"), 4);
    // The next day's file begins with a checkpoint, number 5.
    assert_eq!(put("2026-11-22T00:00:00Z"), 6);
    assert_eq!(put("2026-11-22T10:00:00Z"), 7);
    let day = "2026-11-22T00:00:00Z";
    for (query, seen, complete) in [
        ("after=oldest", vec![1, 2, 3, 4, 6, 7], false),
        ("since=2026-11-21T08:00:30Z", vec![2, 3, 4, 6, 7], false),
        ("since=2026-11-21T09:00:30%2B01:00&before=2026-11-21T08:02:00Z", vec![3], true),
        (&format!("since={day}"), vec![6, 7], false),
        (&format!("before={day}"), vec![1, 2, 3, 4], true),
        (&format!("since={day}&before=2026-11-22T10:00:00.001Z"), vec![6, 7], false),
        (&format!("since={day}&before={day}&wait_ms=30000"), vec![], true),
        (&format!("since={day}&after={}", Position(6).text()), vec![7], false),
        (&format!("since={day}&after=newest"), vec![], false),
        ("since=2026-11-23T00:00:00Z", vec![], false),
    ] {
        let answer = rig.get_ok(&format!("/v1/events?{query}")).await.json();
        assert_eq!(seqs(&answer), seen, "{query}");
        assert_eq!(answer.get("complete"), complete.then_some(&json!(true)), "{query}");
    }
    let socket = axum::http::Request::get(format!("/v1/events?before={day}")).header("upgrade", "websocket");
    let socket = socket.header("authorization", "Bearer admin").body(axum::body::Body::empty()).expect("a request");
    let refused = rig.send(socket).await;
    assert_eq!((refused.status, &refused.json()["field"]), (400, &json!("before")), "it goes on");
    // Days before it are not read for it: they may be gone.
    rig.journal.remove_days("2026-11-22", 7).expect("removed");
    assert_eq!(seqs(&rig.get_ok("/v1/events?since=2026-11-21T08:00:30Z").await.json()), [6, 7]);
}

#[tokio::test]
async fn a_poll_that_wants_what_is_rare_reads_so_many_pages_and_no_more() {
    let rig = Rig::new();
    let most = (POLL_PAGES * EVENT_PAGE) as u64;
    for _ in 0..most + 10 {
        rig.journal.append(event(About::default(), Kind::LegAnswered), None);
    }
    rig.commit(of_contact(), Kind::CallLeft);
    let part = rig.get_ok("/v1/events?after=oldest&kinds=call_left&wait_ms=30000").await.json();
    assert_eq!((seqs(&part), part["seq"].as_u64()), (vec![], Some(most)));
    let after = part["position"].as_str().expect("a position");
    let rest = rig.get_ok(&format!("/v1/events?after={after}&kinds=call_left")).await.json();
    assert_eq!(seqs(&rest), [most + 11]);
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_its_time() {
    let rig = Rig::new();
    let before = tokio::time::Instant::now();
    assert_eq!(seqs(&rig.get_ok("/v1/events?wait_ms=700").await.json()), [0; 0]);
    assert_eq!(before.elapsed().as_millis(), 700);
    rig.get_ok("/v1/events?wait_ms=4000000000").await;
    assert_eq!(before.elapsed().as_millis(), 30_700, "a wish is cut to 30 s");
}

/// Not on a paused clock: the commit is another thread's, and a paused clock would run ahead of it.
#[tokio::test]
async fn a_poll_ends_with_the_first_event() {
    let rig = Rig::new();
    let (answer, _) = tokio::join!(rig.get_ok("/v1/events?wait_ms=30000"), async {
        tokio::task::yield_now().await;
        rig.commit(of_contact(), opened())
    });
    assert_eq!(seqs(&answer.json()), [1]);
}

#[tokio::test]
async fn positions_that_are_not_kept_are_410_with_those_that_are() {
    let rig = Rig::new();
    let day = Span::hours(24);
    rig.commit(About::default(), Kind::CallLeft);
    rig.commit(About::default(), Kind::CallLeft);
    // The next day's file begins with a checkpoint, number 3.
    for _ in 4..=5 {
        let today = event(About::default(), Kind::CallLeft);
        rig.put(Event { t: today.t + day, at: today.at + day, ..today });
    }
    let removed = rig.journal.remove_days("2026-11-22", 5).expect("removed");
    assert_eq!(removed, ["2026-11-21"]);
    for (after, gone) in [(0, true), (1, true), (2, false), (5, false), (6, true), (u64::MAX, true)] {
        let answered = rig.get(&format!("/v1/events?after={}", Position(after).text())).await;
        assert_eq!(answered.status, if gone { 410 } else { 200 }, "{after}");
        if gone {
            let problem = answered.json();
            assert_eq!(problem["code"], "position-unknown");
            assert_eq!(
                (&problem["oldest"], &problem["newest"]),
                (&json!(Position(2).text()), &json!(Position(5).text()))
            );
        }
    }
    assert_eq!(seqs(&rig.get_ok("/v1/events?after=oldest").await.json()), [4, 5]);
}
