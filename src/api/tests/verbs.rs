//! The verbs of call control: what each becomes, and what is refused before it reaches the tenant.

use serde_json::{Value, json};

use super::house::{CONTACT, Rig};
use crate::base::{AgentNo, CallId, ContactId, GroupNo, LegId, Span};
use crate::event::words::{SupervisionMode, TransferMode};
use crate::switch::{
    Body, CallTarget, CallVerb, ChairLeaves, ConferenceChange, ConsultVerb, Hearers, PlaybackVerb, RecordVerb, Watch,
    Who,
};

const LEG: Option<Who> = Some(Who::Leg(LegId(12)));
const ANA: Option<Who> = Some(Who::Agent(AgentNo(3)));

async fn becomes(path: &str, body: Option<Value>, expected: CallVerb) {
    let rig = Rig::new();
    let answered = rig.ask("POST", &format!("/v1/calls/{CONTACT}/{path}"), "admin", body).await;
    assert_eq!(answered.status, 200, "{path}: {}", answered.text());
    assert_eq!(answered.json()["contact"]["contact"], CONTACT.to_string(), "{path}");
    let heard = rig.heard.lock().expect("not poisoned");
    let bodies: Vec<&Body> = heard.iter().map(|command| &command.body).collect();
    assert_eq!(bodies, [&Body::Call { contact: CONTACT, verb: expected }], "{path}");
}

fn conference(seats: Option<usize>, length: Option<Span>, warn: Option<Span>) -> CallVerb {
    let sounds = warn.map(|_| "x".to_owned()).into_iter().collect();
    CallVerb::Conference { change: ConferenceChange { seats, length, warn, sounds } }
}

#[tokio::test]
async fn verbs_of_a_leg() {
    let rows = [
        ("hold", json!({ "leg": "12" }), CallVerb::Hold { who: LEG }),
        ("hold", json!({}), CallVerb::Hold { who: None }),
        ("retrieve", json!({ "agent": "ana" }), CallVerb::Retrieve { who: ANA }),
        ("mute", json!({ "agent": "no:3" }), CallVerb::Mute { who: ANA, from: true, to: false }),
        ("mute", json!({ "leg": "12", "to": true }), CallVerb::Mute { who: LEG, from: false, to: true }),
        ("mute", json!({ "leg": "12", "from": true, "to": true }), CallVerb::Mute { who: LEG, from: true, to: true }),
        ("unmute", json!({ "leg": "12" }), CallVerb::Mute { who: LEG, from: false, to: false }),
        (
            "pass-digits",
            json!({ "leg": "12", "to": { "agent": "ana" } }),
            CallVerb::PassDigits { who: LEG, to: ANA, on: true },
        ),
        (
            "pass-digits",
            json!({ "leg": "12", "to": { "leg": "12" }, "on": false }),
            CallVerb::PassDigits { who: LEG, to: LEG, on: false },
        ),
        ("pass-digits", json!({ "on": false }), CallVerb::PassDigits { who: None, to: None, on: false }),
        ("digits", json!({ "leg": "12", "digits": "1#" }), CallVerb::Digits { who: LEG, digits: "1#".into() }),
        (
            "announce",
            json!({ "leg": "12", "sounds": ["a", "b"] }),
            CallVerb::Announce { to: Hearers::One(LEG), sounds: vec!["a".into(), "b".into()] },
        ),
        (
            "announce",
            json!({ "call": "11", "sounds": ["a"] }),
            CallVerb::Announce { to: Hearers::Call(CallId(11)), sounds: vec!["a".into()] },
        ),
        ("announce/stop", json!({ "call": "11" }), CallVerb::StopAnnounce { to: Hearers::Call(CallId(11)) }),
        ("consult/complete", json!({ "agent": "ana" }), CallVerb::Consult { who: ANA, verb: ConsultVerb::Complete }),
        ("consult/cancel", json!({ "leg": "12" }), CallVerb::Consult { who: LEG, verb: ConsultVerb::Cancel }),
        ("consult/swap", json!({}), CallVerb::Consult { who: None, verb: ConsultVerb::Swap }),
        ("chair", json!({ "agent": "ana" }), CallVerb::Chair { who: ANA }),
        ("merge", json!({ "with": "9" }), CallVerb::Merge { with: ContactId(9), stays: false }),
        ("merge", json!({ "with": "9", "stays": true }), CallVerb::Merge { with: ContactId(9), stays: true }),
        ("conference", json!({ "seats": 3 }), conference(Some(3), None, None)),
        (
            "conference",
            json!({ "length_ms": 60_000, "warn_ms": 5_000, "sounds": ["x"] }),
            conference(None, Some(Span::minutes(1)), Some(Span::seconds(5))),
        ),
        ("conference/extend", json!({ "by_ms": 60_000 }), CallVerb::ExtendConference { by: Span::minutes(1) }),
        ("consult/join", json!({ "agent": "ana" }), CallVerb::Consult { who: ANA, verb: ConsultVerb::Join }),
    ];
    for (path, body, expected) in rows {
        becomes(path, Some(body), expected).await;
    }
    let length = Some(Span::minutes(5));
    let limited = CallVerb::Record { verb: RecordVerb::Start { length } };
    becomes("record/start", Some(json!({ "length_ms": 300_000 })), limited).await;
    for (path, verb) in [
        ("record/start", RecordVerb::Start { length: None }),
        ("record/stop", RecordVerb::Stop),
        ("record/pause", RecordVerb::Pause),
        ("record/resume", RecordVerb::Resume),
    ] {
        becomes(path, None, CallVerb::Record { verb }).await;
    }
}

#[tokio::test]
async fn verbs_of_a_supervisor() {
    let (agent, ring) = (AgentNo(3), None);
    let ana = Some(Watch::Party(Who::Agent(agent)));
    let supervise = |target, mode| CallVerb::Supervise { agent, target, mode, ring };
    let rows = [
        ("supervise", json!({ "by": "ana" }), supervise(None, SupervisionMode::Listen)),
        (
            "supervise",
            json!({ "by": "no:3", "target": { "call": "11" }, "mode": "barge" }),
            supervise(Some(Watch::Call(CallId(11))), SupervisionMode::Barge),
        ),
        (
            "supervise",
            json!({ "by": "ana", "target": { "agent": "ana" }, "mode": "whisper" }),
            supervise(ana, SupervisionMode::Whisper),
        ),
        (
            "supervise/mode",
            json!({ "leg": "12", "mode": "listen", "target": { "leg": "12" } }),
            CallVerb::SuperviseMode { who: LEG, mode: SupervisionMode::Listen, target: LEG.map(Watch::Party) },
        ),
        (
            "supervise/mode",
            json!({ "agent": "ana", "mode": "barge" }),
            CallVerb::SuperviseMode { who: ANA, mode: SupervisionMode::Barge, target: None },
        ),
        ("intercept", json!({ "agent": "ana" }), CallVerb::TakeOver { who: ANA }),
    ];
    for (path, body, expected) in rows {
        becomes(path, Some(body), expected).await;
    }
}

#[tokio::test]
async fn verbs_that_name_the_number_they_show() {
    let (to, from) = (CallTarget::Number("1001".into()), Some("9000".to_owned()));
    let transfer = |mode| CallVerb::Transfer { who: None, mode, to: to.clone(), from: from.clone(), ring: None };
    let invite = CallVerb::Invite {
        who: None,
        to: to.clone(),
        from: from.clone(),
        ring: None,
        chair_leaves: ChairLeaves::PassOn,
    };
    becomes("invite", Some(json!({ "to": "1001", "from": "9000" })), invite).await;
    let consult = json!({ "to": "1001", "from": "9000" });
    becomes("consult", Some(consult), transfer(TransferMode::Consult)).await;
    let give = json!({ "mode": "on-success", "to": "1001", "from": "9000" });
    becomes("transfer", Some(give), transfer(TransferMode::OnAnswer)).await;
}

#[tokio::test]
async fn verbs_that_lead_to_somebody() {
    let number = || CallTarget::Number("1001".into());
    let ring = Some(Span::seconds(20));
    let transfer = |mode, to| CallVerb::Transfer { who: ANA, mode, to, from: None, ring: None };
    let playback = |verb| CallVerb::Playback { verb };
    let rows = [
        (
            "invite",
            json!({ "agent": "ana", "to": "1001" }),
            CallVerb::Invite { who: ANA, to: number(), from: None, ring: None, chair_leaves: ChairLeaves::PassOn },
        ),
        (
            "invite",
            json!({ "to": { "agent": "ana" }, "ring_ms": 20_000, "chair_leaves": "end" }),
            CallVerb::Invite {
                who: None,
                to: CallTarget::Agent { agent: AgentNo(3), wait: Span::ZERO },
                from: None,
                ring,
                chair_leaves: ChairLeaves::End,
            },
        ),
        (
            "transfer",
            json!({ "agent": "ana", "mode": "blind", "to": { "group": "support" } }),
            transfer(TransferMode::Blind, CallTarget::Groups(vec![GroupNo(2)])),
        ),
        (
            "transfer",
            json!({ "agent": "ana", "mode": "on-success", "to": { "agent": "ana", "wait_ms": 30_000 } }),
            transfer(TransferMode::OnAnswer, CallTarget::Agent { agent: AgentNo(3), wait: Span::seconds(30) }),
        ),
        (
            "transfer",
            json!({ "agent": "ana", "mode": "talk", "to": { "groups": ["support"] } }),
            transfer(TransferMode::ComeBack, CallTarget::Groups(vec![GroupNo(2)])),
        ),
        (
            "transfer",
            json!({ "agent": "ana", "mode": "blind", "to": { "flow": "survey" } }),
            transfer(TransferMode::Blind, CallTarget::Flow { key: "survey".into(), data: Default::default() }),
        ),
        (
            "transfer",
            json!({ "agent": "ana", "mode": "talk", "to": { "flow": "identity", "data": { "pin": "4711" } } }),
            transfer(
                TransferMode::ComeBack,
                CallTarget::Flow {
                    key: "identity".into(),
                    data: json!({ "pin": "4711" }).as_object().expect("an object").clone(),
                },
            ),
        ),
        ("route", json!({ "to": "1001", "ring_ms": 20_000 }), CallVerb::Route { supervisor: None, to: number(), ring }),
        (
            "route",
            json!({ "by": "ana", "to": { "group": "support" } }),
            CallVerb::Route { supervisor: Some(AgentNo(3)), to: CallTarget::Groups(vec![GroupNo(2)]), ring: None },
        ),
        ("playback/pause", json!({}), playback(PlaybackVerb::Pause)),
        ("playback/resume", json!({}), playback(PlaybackVerb::Resume)),
        ("playback/seek", json!({ "by_ms": -5_000 }), playback(PlaybackVerb::SeekBy(Span::seconds(-5)))),
        ("playback/seek", json!({ "to_ms": 5_000 }), playback(PlaybackVerb::SeekTo(Span::seconds(5)))),
        ("playback/stop", json!({}), playback(PlaybackVerb::Stop)),
        (
            "transfer",
            json!({ "agent": "ana", "mode": "on-success", "to": "1001" }),
            transfer(TransferMode::OnAnswer, number()),
        ),
        (
            "transfer",
            json!({ "agent": "ana", "mode": "talk", "to": "1001" }),
            transfer(TransferMode::ComeBack, number()),
        ),
        ("consult", json!({ "agent": "ana", "to": "1001" }), transfer(TransferMode::Consult, number())),
    ];
    for (path, body, expected) in rows {
        becomes(path, Some(body), expected).await;
    }
}

#[tokio::test]
async fn what_cannot_be_read_or_may_not_be_asked_reaches_nobody() {
    let rows = [
        ("hold", "admin", json!({ "leg": "12", "agent": "ana" }), 400, "bad-request", Some("agent")),
        ("hold", "admin", json!({ "leg": "x" }), 400, "bad-request", Some("leg")),
        ("hold", "admin", json!({ "agent": "bo" }), 404, "unknown-agent", None),
        ("hold", "viewer", json!({ "agent": "bo" }), 403, "forbidden", None),
        ("digits", "admin", json!({ "leg": "12" }), 400, "bad-request", Some("digits")),
        ("announce", "admin", json!({ "leg": "12", "sounds": [] }), 400, "bad-request", Some("sounds")),
        ("announce", "admin", json!({ "leg": "12", "call": "1", "sounds": ["a"] }), 400, "bad-request", Some("call")),
        ("invite", "admin", json!({ "to": "1", "ring_ms": 0 }), 400, "bad-request", Some("ring_ms")),
        ("invite", "admin", json!({ "to": "1", "ring_ms": 600_001 }), 400, "bad-request", Some("ring_ms")),
        ("conference", "admin", json!({}), 400, "bad-request", Some("seats")),
        ("conference", "admin", json!({ "seats": 33 }), 400, "bad-request", Some("seats")),
        ("conference", "admin", json!({ "length_ms": 5 }), 400, "bad-request", Some("length_ms")),
        ("conference", "admin", json!({ "seats": 3, "warn_ms": 5 }), 400, "bad-request", Some("warn_ms")),
        ("conference", "admin", json!({ "length_ms": 2_000, "warn_ms": 2_000 }), 400, "bad-request", Some("warn_ms")),
        ("conference", "admin", json!({ "seats": 3, "sounds": ["x"] }), 400, "bad-request", Some("sounds")),
        ("conference/extend", "admin", json!({ "by_ms": 0 }), 400, "bad-request", Some("by_ms")),
        ("conference/extend", "viewer", json!({ "by_ms": 1_000 }), 403, "forbidden", None),
        ("transfer", "admin", json!({ "to": "1" }), 400, "bad-request", Some("mode")),
        ("transfer", "admin", json!({ "to": "1", "mode": "kind" }), 400, "bad-request", Some("mode")),
        ("transfer", "admin", json!({ "to": { "group": "x" }, "mode": "blind" }), 422, "unknown-group", None),
        ("consult", "admin", json!({ "to": { "agent": "bo" } }), 404, "unknown-agent", None),
        ("consult", "admin", json!({ "to": { "person": "bo" } }), 400, "bad-request", Some("to")),
        ("supervise", "clerk", json!({ "by": "ana" }), 403, "forbidden", None),
        ("supervise", "admin", json!({ "by": "zoe" }), 404, "unknown-agent", None),
        ("supervise", "admin", json!({}), 400, "bad-request", Some("by")),
        ("supervise", "admin", json!({ "by": "ana", "target": { "leg": "x" } }), 400, "bad-request", Some("target")),
        ("route", "clerk", json!({ "to": "1" }), 403, "forbidden", None),
        ("route", "admin", json!({ "by": "zoe", "to": "1" }), 404, "unknown-agent", None),
        ("route", "admin", json!({}), 400, "bad-request", Some("to")),
        ("route", "admin", json!({ "to": { "group": "support", "data": {} } }), 400, "bad-request", Some("to")),
        ("playback/stop", "clerk", json!({}), 403, "forbidden", None),
        ("playback/seek", "admin", json!({}), 400, "bad-request", Some("by_ms")),
        ("playback/seek", "admin", json!({ "by_ms": 1, "to_ms": 1 }), 400, "bad-request", Some("by_ms")),
        ("record/pause", "viewer", json!({}), 403, "forbidden", None),
        ("record/pause", "clerk", json!({}), 403, "forbidden", None),
    ];
    let rig = Rig::new();
    for (path, token, body, status, code, field) in rows {
        let answered = rig.ask("POST", &format!("/v1/calls/{CONTACT}/{path}"), token, Some(body.clone())).await;
        let problem = answered.json();
        let at = format!("{path} {body} as {token}: {problem}");
        assert_eq!((answered.status, problem["code"].as_str()), (status, Some(code)), "{at}");
        assert_eq!(problem["field"].as_str(), field, "{at}");
    }
    assert!(rig.heard.lock().expect("not poisoned").is_empty());
}
