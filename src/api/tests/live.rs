//! Live state and verbs: what is asked of the tenant, and the views pinned by `golden.json`.

use axum::body::Body as HttpBody;
use axum::http::Request;
use serde_json::{Map, Value, json};

use super::house::{CONTACT, Rig, SEQ};
use crate::base::{AgentNo, CommandId, ExtensionNo, GroupNo, LegId, OfferId, ReasonNo, Span};
use crate::event::words::{Actor, AfterCall, OnTimeout, Preferences, Station, SupervisionMode};
use crate::switch::door::House;
use crate::switch::{AgentVerb, Body, CallTarget, Caller, Force, OfferVerb, Originate, Then, TwoWay, WatchVerb, Who};

fn data(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

#[tokio::test]
async fn views_are_the_ones_that_were_reviewed() {
    let rig = Rig::new();
    let mut views = Map::new();
    for path in [
        "/v1/extensions",
        "/v1/groups",
        "/v1/agents",
        "/v1/agents/ana",
        "/v1/agents/no:3",
        "/v1/calls",
        "/v1/resolve?to=1001",
        "/v1/resolve?to=9000&trunk=carrier",
        "/v1/resolve?to=%2B86138&agent=ana&group=support",
    ] {
        let answered = rig.get_ok(path).await;
        assert_eq!(answered.header("cordboard-seq"), Some("7"), "{path}");
        assert_eq!(answered.json()["seq"], SEQ, "{path}");
        views.insert(path.to_owned(), answered.json());
    }
    views.insert("GET /v1/calls/{contact}".into(), rig.get_ok(&format!("/v1/calls/{CONTACT}")).await.json());
    let sip = Request::get(format!("/v1/calls/{CONTACT}/sip"))
        .header("authorization", "bearer admin")
        .header("accept", "application/json")
        .body(HttpBody::empty())
        .expect("a request");
    views.insert("GET /v1/calls/{contact}/sip".into(), rig.send(sip).await.json());
    super::records::compare(include_str!("golden/live.json"), "live.json", &Value::Object(views));
}

#[tokio::test]
async fn sip_history_is_text_for_people() {
    let answered = Rig::new().get_ok(&format!("/v1/calls/{CONTACT}/sip")).await;
    assert!(answered.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    let expected = "2026-11-21T08:00:00.000Z leg 1 (11) cordboard <-- 198.51.100.20:5060\nINVITE sip:9000@demo.example \
        SIP/2.0\n\n2026-11-21T08:00:00.000Z leg 1 (11) cordboard --> 198.51.100.20:5060\nSIP/2.0 100 Trying\n\n";
    assert_eq!(answered.text(), expected);
}

type Row = (&'static str, String, Option<Value>, Body, u16);

const PAUSE: Option<ReasonNo> = Some(ReasonNo(2));

fn agent(verb: AgentVerb) -> Body {
    Body::Agent { agent: AgentNo(3), verb, force: None }
}

fn forced(verb: AgentVerb) -> Body {
    forced_by(None, verb)
}

fn forced_by(supervisor: Option<AgentNo>, verb: AgentVerb) -> Body {
    Body::Agent { agent: AgentNo(3), verb, force: Some(Force { why: "went home".into(), supervisor }) }
}

fn presence_rows() -> Vec<Row> {
    let station = Some(Station::Extension(ExtensionNo(1)));
    let why = || json!({ "force": "went home" });
    let support = Some(vec![GroupNo(2)]);
    vec![
        ("POST", "/v1/agents/ana/sign-in".into(), None, agent(AgentVerb::SignIn { station: None, groups: None }), 200),
        (
            "POST",
            "/v1/agents/no:3/sign-in".into(),
            Some(json!({ "station": { "extension": "1001" } })),
            agent(AgentVerb::SignIn { station, groups: None }),
            200,
        ),
        ("POST", "/v1/agents/ana/sign-out".into(), None, agent(AgentVerb::SignOut), 200),
        ("POST", "/v1/agents/ana/ready".into(), Some(json!({})), agent(AgentVerb::Ready), 200),
        ("POST", "/v1/agents/ana/not-ready".into(), None, agent(AgentVerb::NotReady { reason: None }), 200),
        (
            "POST",
            "/v1/agents/ana/not-ready".into(),
            Some(json!({ "reason": "meeting", "force": "went home" })),
            forced(AgentVerb::NotReady { reason: PAUSE }),
            200,
        ),
        (
            "POST",
            "/v1/agents/ana/sign-in".into(),
            Some(json!({ "groups": ["support"], "force": "went home" })),
            forced(AgentVerb::SignIn { station: None, groups: support }),
            200,
        ),
        ("POST", "/v1/agents/ana/sign-out".into(), Some(why()), forced(AgentVerb::SignOut), 200),
        (
            "POST",
            "/v1/agents/ana/sign-out".into(),
            Some(json!({ "force": "went home", "by": "no:3" })),
            forced_by(Some(AgentNo(3)), AgentVerb::SignOut),
            200,
        ),
        ("POST", "/v1/agents/ana/ready".into(), Some(why()), forced(AgentVerb::Ready), 200),
    ]
}

fn state_rows() -> Vec<Row> {
    let support = Some(vec![GroupNo(2)]);
    vec![
        (
            "POST",
            "/v1/agents/ana/groups".into(),
            Some(json!({ "groups": ["support"] })),
            agent(AgentVerb::Groups { groups: support }),
            200,
        ),
        ("POST", "/v1/agents/ana/groups".into(), None, agent(AgentVerb::Groups { groups: None }), 200),
        ("POST", "/v1/agents/ana/wrap-up".into(), None, agent(AgentVerb::WrapUp { length: None }), 200),
        (
            "POST",
            "/v1/agents/ana/wrap-up".into(),
            Some(json!({ "length_ms": 60_000 })),
            agent(AgentVerb::WrapUp { length: Some(Span::minutes(1)) }),
            200,
        ),
        (
            "POST",
            "/v1/agents/ana/extend-wrap-up".into(),
            Some(json!({ "by_ms": 1_000 })),
            agent(AgentVerb::ExtendWrapUp { by: Span::seconds(1) }),
            200,
        ),
        ("POST", "/v1/agents/ana/quit-wrap-up".into(), None, agent(AgentVerb::QuitWrapUp), 200),
        ("POST", "/v1/agents/ana/rest".into(), None, agent(AgentVerb::Rest { reason: None, length: None }), 200),
        (
            "POST",
            "/v1/agents/ana/rest".into(),
            Some(json!({ "reason": "meeting", "length_ms": 600_000, "force": "went home" })),
            forced(AgentVerb::Rest { reason: PAUSE, length: Some(Span::minutes(10)) }),
            200,
        ),
        ("POST", "/v1/agents/ana/cancel-rest".into(), None, agent(AgentVerb::CancelRest), 200),
        (
            "POST",
            "/v1/agents/ana/reserve".into(),
            Some(json!({ "length_ms": 30_000 })),
            agent(AgentVerb::Reserve { length: Span::seconds(30) }),
            200,
        ),
        ("POST", "/v1/agents/ana/release".into(), None, agent(AgentVerb::Release), 200),
        (
            "POST",
            "/v1/agents/ana/pick".into(),
            Some(json!({ "contact": CONTACT.to_string() })),
            agent(AgentVerb::Pick { contact: CONTACT }),
            200,
        ),
    ]
}

fn work_rows() -> Vec<Row> {
    vec![
        (
            "POST",
            "/v1/agents/ana/preferences".into(),
            Some(json!({ "after_call": "not-ready" })),
            agent(AgentVerb::Prefer {
                preferences: Preferences { after_call: Some(AfterCall::NotReady), auto_answer: None },
            }),
            200,
        ),
        (
            "POST",
            "/v1/agents/ana/show-offer".into(),
            Some(json!({ "offer": "12" })),
            agent(AgentVerb::Offer { offer: OfferId(12), verb: OfferVerb::Show }),
            200,
        ),
        (
            "POST",
            "/v1/agents/ana/accept-offer".into(),
            Some(json!({ "offer": "12" })),
            agent(AgentVerb::Offer { offer: OfferId(12), verb: OfferVerb::Accept }),
            200,
        ),
        (
            "POST",
            "/v1/agents/ana/reject-offer".into(),
            Some(json!({ "offer": "12", "reason": "no" })),
            agent(AgentVerb::Offer { offer: OfferId(12), verb: OfferVerb::Reject { reason: Some("no".into()) } }),
            200,
        ),
        (
            "POST",
            "/v1/agents/ana/note".into(),
            Some(json!({ "text": "lunch is over" })),
            agent(AgentVerb::Note { text: "lunch is over".into() }),
            200,
        ),
    ]
}

fn between_agents_rows() -> Vec<Row> {
    let watch = |verb| Body::Watch { agent: AgentNo(3), supervisor: AgentNo(3), verb };
    vec![
        (
            "POST",
            "/v1/agents/ana/supervise".into(),
            Some(json!({ "by": "ana", "mode": "whisper", "ring_ms": 20_000 })),
            watch(WatchVerb::Start { mode: SupervisionMode::Whisper, ring: Some(Span::seconds(20)) }),
            200,
        ),
        (
            "POST",
            "/v1/agents/ana/supervise/mode".into(),
            Some(json!({ "by": "no:3", "mode": "barge" })),
            watch(WatchVerb::Mode { mode: SupervisionMode::Barge }),
            200,
        ),
        (
            "POST",
            "/v1/agents/ana/reject-offer".into(),
            Some(json!({ "offer": "5", "to": { "group": "support" }, "ring_ms": 20_000, "reason": "not mine" })),
            Body::SendOn {
                agent: AgentNo(3),
                offer: OfferId(5),
                to: CallTarget::Groups(vec![GroupNo(2)]),
                ring: Some(Span::seconds(20)),
                reason: Some("not mine".into()),
            },
            200,
        ),
        ("POST", "/v1/agents/ana/supervise/stop".into(), Some(json!({ "by": "ana" })), watch(WatchVerb::Stop), 200),
    ]
}

fn two_way_rows() -> Vec<Row> {
    let order =
        |by, to| TwoWay { by, to: Some(to), group: None, from: None, auto_answer: None, ring: None, data: Map::new() };
    let (ana, joe) = (Caller::Agent(AgentNo(3)), CallTarget::Number("+8613912345678".into()));
    let decide = |dial| Body::Decide { agent: AgentNo(3), contact: CONTACT, dial };
    let preview =
        |on_timeout| Body::Preview { order: order(ana.clone(), joe.clone()), timeout: Span::seconds(30), on_timeout };
    vec![
        (
            "POST",
            "/v1/agents/ana/previews".into(),
            Some(json!({ "to": "+8613912345678", "timeout_ms": 30_000, "on_timeout": "dial" })),
            preview(OnTimeout::Dial),
            201,
        ),
        (
            "POST",
            "/v1/agents/ana/previews".into(),
            Some(json!({ "to": "+8613912345678", "timeout_ms": 30_000 })),
            preview(OnTimeout::Skip),
            201,
        ),
        ("POST", format!("/v1/agents/ana/previews/{CONTACT}/dial"), None, decide(true), 200),
        ("POST", format!("/v1/agents/ana/previews/{CONTACT}/skip"), None, decide(false), 200),
        (
            "POST",
            "/v1/calls".into(),
            Some(json!({ "by": { "agent": "ana" }, "to": "+8613912345678" })),
            Body::TwoWay(order(ana.clone(), joe.clone())),
            202,
        ),
        (
            "POST",
            "/v1/calls".into(),
            Some(json!({ "by": { "agent": "ana" }, "to": { "agent": "ana" }, "group": "support", "auto_answer": true,
                "ring_ms": 5_000, "from": "+864008001234", "data": { "order": 1 } })),
            Body::TwoWay(TwoWay {
                group: Some(GroupNo(2)),
                from: Some("+864008001234".into()),
                auto_answer: Some(true),
                ring: Some(Span::seconds(5)),
                data: data(&json!({ "order": 1 })),
                ..order(ana, CallTarget::Agent { agent: AgentNo(3), wait: Span::ZERO })
            }),
            202,
        ),
        (
            "POST",
            "/v1/calls".into(),
            Some(json!({ "by": { "agent": "ana" } })),
            Body::TwoWay(TwoWay { to: None, ..order(Caller::Agent(AgentNo(3)), joe) }),
            202,
        ),
        (
            "POST",
            "/v1/calls".into(),
            Some(json!({ "by": "+8613912345678", "to": { "group": "support" } })),
            Body::TwoWay(order(Caller::Number("+8613912345678".into()), CallTarget::Groups(vec![GroupNo(2)]))),
            202,
        ),
    ]
}

fn call_rows() -> Vec<Row> {
    let hangup = |who| Body::Hangup { contact: CONTACT, who, supervisor: None };
    let call = format!("/v1/calls/{CONTACT}");
    vec![
        (
            "POST",
            format!("{call}/priority"),
            Some(json!({ "priority": 5 })),
            Body::Priority { contact: CONTACT, priority: 5 },
            200,
        ),
        ("POST", format!("{call}/hangup"), None, hangup(None), 200),
        ("POST", format!("{call}/hangup"), Some(json!({ "leg": "12" })), hangup(Some(Who::Leg(LegId(12)))), 200),
        ("POST", format!("{call}/hangup"), Some(json!({ "agent": "ana" })), hangup(Some(Who::Agent(AgentNo(3)))), 200),
        (
            "POST",
            format!("{call}/hangup"),
            Some(json!({ "leg": "12", "by": "ana" })),
            Body::Hangup { contact: CONTACT, who: Some(Who::Leg(LegId(12))), supervisor: Some(AgentNo(3)) },
            200,
        ),
        (
            "PATCH",
            format!("{call}/data"),
            Some(json!({ "a": null })),
            Body::SetData { contact: CONTACT, data: data(&json!({ "a": null })) },
            200,
        ),
        (
            "POST",
            "/v1/calls".into(),
            Some(json!({ "to": "1002", "flow": "main", "from": "9000", "data": { "a": 1 } })),
            Body::Originate(Originate {
                to: "1002".into(),
                then: Then::Flow("main".into()),
                from: Some("9000".into()),
                data: data(&json!({ "a": 1 })),
            }),
            202,
        ),
        (
            "POST",
            "/v1/calls".into(),
            Some(json!({ "to": "1002", "say": { "text": "hello", "language": "en-US" } })),
            Body::Originate(Originate {
                to: "1002".into(),
                then: Then::Say { text: "hello".into(), language: Some("en-US".into()) },
                from: None,
                data: data(&json!({})),
            }),
            202,
        ),
    ]
}

#[tokio::test]
async fn verbs_become_commands() {
    let rows =
        [presence_rows(), state_rows(), work_rows(), between_agents_rows(), two_way_rows(), call_rows()].concat();
    for (method, path, body, expected, status) in rows {
        let rig = Rig::new();
        let answered = rig.ask(method, &path, "admin", body).await;
        assert_eq!(answered.status, status, "{path}: {}", answered.text());
        let heard = rig.heard.lock().expect("not poisoned");
        assert_eq!(heard.len(), 1, "{path}");
        assert_eq!((&heard[0].body, heard[0].actor), (&expected, Actor::Integration(1)), "{path}");
    }
}

#[tokio::test]
async fn originate_answers_with_the_new_contact() {
    let rig = Rig::new();
    let answered = rig.ask("POST", "/v1/calls", "admin", Some(json!({ "to": "1002", "flow": "main" }))).await;
    assert_eq!(answered.json(), json!({ "seq": SEQ, "contact": CONTACT.to_string() }));
}

#[tokio::test]
async fn the_command_id_is_the_token_and_its_key() {
    let rig = Rig::new();
    for (key, expected) in [(Some("abc"), Some("abc")), (None, None)] {
        let mut request = Request::post("/v1/agents/ana/ready").header("authorization", "Bearer node");
        request = request.header("cordboard-tenant", "demo");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let answered = rig.send(request.body(HttpBody::empty()).expect("a request")).await;
        assert_eq!(answered.status, 200, "{}", answered.text());
        let heard = rig.heard.lock().expect("not poisoned").pop().expect("a command");
        assert_eq!(heard.id, expected.map(|id| CommandId { token: 4, id: id.into() }));
    }
}

#[tokio::test]
async fn health_follows_the_house() {
    let rig = Rig::new();
    let rows = [
        (House::Starting, 503, json!({ "state": "starting" })),
        (House::Open, 200, json!({ "state": "open" })),
        (House::Shed { why: "disk" }, 503, json!({ "state": "shedding", "why": "disk" })),
        (House::Draining { contacts_left: 3 }, 503, json!({ "state": "draining", "contacts_left": 3 })),
    ];
    for (house, status, body) in rows {
        rig.api.door.set_house(house);
        let ready = rig.ask("GET", "/readyz", "", None).await;
        assert_eq!((ready.status, ready.json()), (status, body));
        assert_eq!(rig.ask("GET", "/healthz", "", None).await.status, 200);
    }
}

#[tokio::test]
async fn metrics_count_requests_and_commands() {
    let rig = Rig::new();
    rig.get_ok("/v1/agents").await;
    rig.get("/nowhere").await;
    let text = rig.get_ok("/metrics").await.text();
    for line in [
        "cordboard_http_requests_total{class=\"ok\"} 1",
        "cordboard_http_requests_total{class=\"client_error\"} 1",
        "cordboard_tenant_commands_total{tenant=\"demo\",result=\"accepted\"} 1",
        "cordboard_house_ready_state 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn the_page_and_its_description_need_no_token() {
    let rig = Rig::new();
    let page = rig.ask("GET", "/docs", "", None).await;
    assert!(page.status == 200 && page.text().contains("/openapi.json"));
    assert!(!page.text().contains("://"), "the page loads nothing from elsewhere");
    let described = rig.ask("GET", "/openapi.json", "", None).await;
    assert_eq!(described.json()["openapi"], "3.1.0");
}
