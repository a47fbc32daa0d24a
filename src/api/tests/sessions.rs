//! Client sessions: what reaches the tenant, what is refused, the poll.

use serde_json::{Value, json};

use super::house::{Rig, SEQ, SESSION, answer, of_contact, session_state};
use crate::api::position::Position;
use crate::base::{AgentNo, FlowNo, GroupNo, Span};
use crate::event::session::{Delivery, Lease, LeasePolicy, SessionEnding};
use crate::event::{About, Filter, Kind};
use crate::switch::session::NewSession;
use crate::switch::{Answer, Body, SessionState, SessionVerb, Snapshot};

/// As many events as the fake tenant's answers have seen.
fn with_events() -> Rig {
    let rig = Rig::new();
    fill(&rig);
    rig
}

fn fill(rig: &Rig) {
    for _ in 0..SEQ {
        rig.commit(About::default(), Kind::SiteChanged { version: 1 });
    }
}

fn heard(rig: &Rig) -> Vec<Body> {
    rig.heard.lock().expect("not poisoned").drain(..).map(|command| command.body).collect()
}

fn lease(seconds: i64, policy: LeasePolicy) -> Option<Lease> {
    Some(Lease { length: Span::seconds(seconds), policy })
}

#[tokio::test]
async fn what_is_asked_for_is_what_the_tenant_opens() {
    let rig = with_events();
    let nobodys = NewSession {
        token: 7,
        agent: None,
        delivery: Delivery::Socket,
        filter: Filter::default(),
        lease: lease(60, LeasePolicy::Nothing),
    };
    let anas = NewSession {
        token: 7,
        agent: Some(AgentNo(3)),
        delivery: Delivery::Poll,
        filter: Filter {
            kinds: Some(["agent_note".to_owned()].into()),
            agents: [AgentNo(3)].into(),
            groups: [GroupNo(2)].into(),
            flows: [FlowNo(1)].into(),
            ..Filter::default()
        },
        lease: lease(10, LeasePolicy::SignOut),
    };
    let watch = json!({ "kinds": ["agent_note"], "agents": ["self"], "groups": ["support"], "flows": ["main"] });
    let rows = [
        (json!({ "deliver": "socket" }), nobodys),
        (json!({ "agent": "ana", "filter": watch, "lease_ms": 10_000, "policy": "sign-out", "deliver": "poll" }), anas),
    ];
    for (body, new) in rows {
        let opened = rig.ask("POST", "/v1/sessions", "clerk", Some(body.clone())).await;
        assert_eq!(opened.status, 201, "{}", opened.text());
        assert_eq!(opened.json()["position"], Position(SEQ).text());
        assert_eq!(heard(&rig), [Body::Session(SessionVerb::Open(new))], "{body}");
    }
    let view = rig.ask("GET", &format!("/v1/sessions/{SESSION}"), "clerk", None).await.json();
    super::records::compare(include_str!("golden/session.json"), "session.json", &view);
}

#[tokio::test]
async fn a_session_is_its_tokens_and_an_admin_sees_all() {
    let rig = with_events();
    let path = format!("/v1/sessions/{SESSION}");
    for (token, seen) in [("clerk", 1), ("admin", 1), ("viewer", 0)] {
        let all = rig.ask("GET", "/v1/sessions", token, None).await.json();
        assert_eq!(all["sessions"].as_array().map(Vec::len), Some(seen), "{token}");
        let one = rig.ask("GET", &path, token, None).await;
        assert_eq!(one.status, if seen == 1 { 200 } else { 404 }, "{token}");
    }
    heard(&rig);
    for (method, path, token, verb) in [
        ("DELETE", path.clone(), "clerk", SessionVerb::Close { session: SESSION, of: Some(7) }),
        ("DELETE", path.clone(), "admin", SessionVerb::Close { session: SESSION, of: None }),
        ("POST", format!("{path}/renew"), "clerk", SessionVerb::Renew { session: SESSION, of: Some(7) }),
        ("POST", format!("{path}/renew"), "admin", SessionVerb::Renew { session: SESSION, of: Some(1) }),
        ("GET", format!("{path}/events"), "clerk", SessionVerb::Renew { session: SESSION, of: Some(7) }),
    ] {
        let answered = rig.ask(method, &path, token, None).await;
        assert_eq!(answered.status, 200, "{method} {path} as {token}: {}", answered.text());
        assert_eq!(heard(&rig), [Body::Session(verb)], "{method} {path} as {token}");
    }
}

#[tokio::test]
async fn sessions_that_cannot_be_meant_are_refused_by_field() {
    let rig = Rig::new();
    let rows: [(Value, &str, u16, &str); 12] = [
        (json!({}), "deliver", 400, "missing field"),
        (json!({ "deliver": "pigeon" }), "deliver", 400, "pigeon"),
        (json!({ "deliver": { "push": "https://crm.example/" } }), "deliver.push", 400, "not spoken yet"),
        (json!({ "deliver": { "push": "http://a:b@crm.example/" } }), "deliver.push", 400, "no user or password"),
        (json!({ "deliver": "poll", "lease_ms": 9_999 }), "lease_ms", 400, "10s to"),
        (json!({ "deliver": "poll", "lease_ms": 86_400_001 }), "lease_ms", 400, "10s to"),
        (json!({ "deliver": "poll", "policy": "not-ready" }), "policy", 400, "name him"),
        (json!({ "deliver": "poll", "agent": "bo" }), "", 404, "bo"),
        (json!({ "deliver": "poll", "filter": { "agents": ["self"] } }), "", 404, "self"),
        (json!({ "deliver": "poll", "filter": { "groups": [] } }), "groups", 400, "1 to 256"),
        (json!({ "deliver": "poll", "filter": { "kinds": ["leg_dialog"] } }), "kinds", 400, "leg_dialog"),
        (json!({ "deliver": "poll", "filter": { "agent": "ana" } }), "filter.agent", 400, "unknown field"),
    ];
    for (body, field, status, said) in rows {
        let answered = rig.ask("POST", "/v1/sessions", "clerk", Some(body.clone())).await;
        assert_eq!(answered.status, status, "{body}: {}", answered.text());
        let problem = answered.json();
        if !field.is_empty() && field != "deliver" {
            assert_eq!(problem["field"], field, "{body}: {problem}");
        }
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(said)), "{body}: {problem}");
    }
    let forbidden = json!({ "deliver": "poll", "agent": "ana" });
    assert_eq!(rig.ask("POST", "/v1/sessions", "viewer", Some(forbidden)).await.status, 403, "not his agent to lose");
    assert_eq!(rig.ask("GET", "/v1/sessions/x/events", "clerk", None).await.status, 400);
    assert!(heard(&rig).is_empty(), "no refused request reached the tenant");
}

#[tokio::test]
async fn a_poll_sees_what_the_filter_sees_and_its_own_end() {
    let rig = with_events();
    let events = format!("/v1/sessions/{SESSION}/events?after={}", Position(SEQ).text());
    rig.commit(of_contact(), Kind::LegAnswered);
    rig.commit(About { group: Some(GroupNo(2)), ..of_contact() }, Kind::OfferAlerting);
    let seen = rig.ask("GET", &events, "clerk", None).await.json();
    assert_eq!(seen["events"].as_array().map(Vec::len), Some(1), "{seen}");
    assert_eq!((&seen["events"][0]["kind"], &seen["ended"]), (&"offer_alerting".into(), &Value::Null));
    rig.commit(About::default(), Kind::SessionEnded { session: SESSION, ending: SessionEnding::Expired });
    let seen = rig.ask("GET", &format!("{events}&wait_ms=30000"), "clerk", None).await.json();
    assert_eq!(seen["ended"], "expired", "{seen}");
    let socket = rig.ask("GET", &format!("/v1/sessions/{SESSION}/socket"), "clerk", None).await;
    assert_eq!(socket.status, 400, "it is no upgrade: {}", socket.text());
}

#[tokio::test(start_paused = true)]
async fn a_poll_leaves_half_of_the_lease_for_the_next() {
    let rig = with_events();
    let before = tokio::time::Instant::now();
    rig.ask("GET", &format!("/v1/sessions/{SESSION}/events?wait_ms=30000"), "clerk", None).await;
    assert_eq!(before.elapsed().as_millis(), 15_000);
}

#[tokio::test]
async fn a_session_of_another_way_is_409_and_one_that_ended_404() {
    let rig = Rig::answering(|command| match &command.body {
        Body::Session(SessionVerb::Renew { .. }) => {
            let new = NewSession { delivery: Delivery::Socket, ..session_state().new };
            let states = vec![SessionState { new, ..session_state() }];
            Some(Answer::Accepted { snapshot: Snapshot::Sessions(states) })
        }
        // A repeat of a command whose session has ended since.
        Body::Session(_) => Some(Answer::Accepted { snapshot: Snapshot::Sessions(Vec::new()) }),
        other => Some(answer(other)),
    });
    fill(&rig);
    let polled = rig.ask("GET", &format!("/v1/sessions/{SESSION}/events"), "clerk", None).await;
    assert_eq!((polled.status, &polled.json()["code"]), (409, &json!("wrong-delivery")));
    let opened = rig.ask("POST", "/v1/sessions", "clerk", Some(json!({ "deliver": "poll" }))).await;
    assert_eq!((opened.status, &opened.json()["code"]), (404, &json!("unknown-session")));
    assert_eq!(rig.ask("DELETE", &format!("/v1/sessions/{SESSION}"), "clerk", None).await.status, 200);
}

/// The fake tenant opens what is asked for.
fn pushing() -> Rig {
    let rig = Rig::answering(|command| {
        let Body::Session(SessionVerb::Open(new)) = &command.body else { return Some(answer(&command.body)) };
        let state = SessionState { new: new.clone(), ..session_state() };
        Some(Answer::Accepted { snapshot: Snapshot::Sessions(vec![state]) })
    });
    fill(&rig);
    rig
}

#[tokio::test]
async fn a_session_that_pushes_is_told_with_its_secret_once_it_is_saved() {
    let body = || Some(json!({ "deliver": { "push": "http://192.0.2.9:8000/hook" } }));
    let rig = pushing();
    let mut asked = rig.api.door.open_pushes();
    let (opened, ()) = tokio::join!(rig.ask("POST", "/v1/sessions", "clerk", body()), async {
        let asked = asked.recv().await.expect("it is asked to begin");
        assert_eq!((asked.state.session, asked.after), (SESSION, SEQ));
        assert_eq!(asked.state.new.lease, None, "it lives until it is closed");
        asked.reply.send(Ok("s3cret".to_owned())).expect("it waits");
    });
    assert_eq!((opened.status, &opened.json()["secret"]), (201, &json!("s3cret")), "{}", opened.text());
    // Nobody who pushes: the command can be repeated, and a session that nobody was told of ends by itself.
    let rig = pushing();
    let refused = rig.ask("POST", "/v1/sessions", "clerk", body()).await;
    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("draining")));
    assert!(matches!(heard(&rig).last(), Some(Body::Session(SessionVerb::Open(_)))), "not closed: it may be repeated");
}
