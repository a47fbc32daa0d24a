//! Every refusal: its status, its code, the field it names.

use axum::body::Body as HttpBody;
use axum::http::Request;
use serde_json::{Value, json};

use super::house::{CONTACT, Rig};
use crate::base::bounds::WATCHED_MAX;
use crate::switch::{Answer, Code};

/// Method, path, token, body; status, code, field.
type Row<'a> = (&'a str, &'a str, &'a str, Option<Value>, u16, &'a str, Option<&'a str>);

async fn refused(rows: Vec<Row<'_>>) {
    let rig = Rig::new();
    for (method, path, token, body, status, code, field) in rows {
        let answered = rig.ask(method, path, token, body).await;
        let problem = answered.json();
        let at = format!("{method} {path} as {token}: {problem}");
        assert_eq!((answered.status, problem["code"].as_str()), (status, Some(code)), "{at}");
        assert_eq!(problem["field"].as_str(), field, "{at}");
        assert_eq!(answered.header("content-type"), Some("application/problem+json"), "{at}");
        assert_eq!(problem["status"], status, "{at}");
        assert!(
            ["title", "detail", "remedy"].iter().all(|name| problem[name].as_str().is_some_and(|t| !t.is_empty())),
            "{at}"
        );
        assert_eq!(answered.header("www-authenticate"), (status == 401).then_some("Bearer"), "{at}");
    }
    assert!(rig.heard.lock().expect("not poisoned").is_empty(), "no refused request reached the tenant");
}

#[tokio::test]
async fn who_asks_must_be_known_and_permitted() {
    let rows = vec![
        ("GET", "/v1/agents", "", None, 401, "unauthorized", None),
        ("GET", "/v1/agents", "wrong", None, 401, "unauthorized", None),
        ("GET", "/v1/agents", "nothing", None, 403, "forbidden", None),
        ("GET", "/v1/agents", "orphan", None, 404, "not-found", None),
        ("GET", "/v1/agents", "node", None, 400, "bad-request", Some("Cordboard-Tenant")),
        ("POST", "/v1/agents/ana/ready", "viewer", None, 403, "forbidden", None),
        (
            "POST",
            "/v1/agents/ana/sign-in",
            "viewer",
            Some(json!({ "station": { "extension": "7" } })),
            403,
            "forbidden",
            None,
        ),
        ("GET", "/v1/resolve?to=1", "nothing", None, 403, "forbidden", None),
        ("GET", "/v1/resolve", "admin", None, 400, "bad-request", Some("to")),
        ("GET", "/v1/resolve?to=1&agent=zoe", "admin", None, 404, "unknown-agent", None),
        ("GET", "/v1/resolve?to=1&group=x", "admin", None, 422, "unknown-group", None),
        ("GET", "/v1/resolve?to=1&trunk=x", "admin", None, 400, "bad-request", Some("trunk")),
        ("GET", "/v1/resolve?to=1&trunk=carrier&agent=ana", "admin", None, 400, "bad-request", Some("trunk")),
        ("GET", "/metrics", "", None, 401, "unauthorized", None),
        ("GET", "/metrics", "viewer", None, 403, "forbidden", None),
    ];
    refused(rows).await;
}

#[tokio::test]
async fn a_supervisor_who_is_nobody_or_forces_nothing() {
    let rows = vec![
        ("POST", "/v1/agents/ana/ready", "admin", Some(json!({ "by": "ana" })), 400, "bad-request", Some("by")),
        (
            "POST",
            "/v1/agents/ana/ready",
            "admin",
            Some(json!({ "force": "x", "by": "zoe" })),
            404,
            "unknown-agent",
            None,
        ),
        ("POST", "/v1/calls/5/hangup", "admin", Some(json!({ "by": "zoe" })), 404, "unknown-agent", None),
        ("POST", "/v1/calls/5/hangup", "clerk", Some(json!({ "by": "ana" })), 403, "forbidden", None),
    ];
    refused(rows).await;
}

#[tokio::test]
async fn an_agent_that_is_not_there_or_a_body_that_means_nothing() {
    let rows = vec![
        ("GET", "/nowhere", "admin", None, 404, "not-found", None),
        ("GET", "/v1/agents/bo", "admin", None, 404, "unknown-agent", None),
        ("GET", "/v1/agents/no:4", "admin", None, 404, "unknown-agent", None),
        ("GET", "/v1/agents/no:x", "admin", None, 404, "unknown-agent", None),
        ("GET", "/v1/contacts/18446744073709551615", "admin", None, 400, "bad-request", Some("contact")),
        ("GET", "/v1/contacts/+5", "admin", None, 400, "bad-request", Some("contact")),
        ("GET", "/v1/contacts?cursor=5-18446744073709551615", "admin", None, 400, "bad-request", Some("cursor")),
        ("GET", "/v1/recordings/1152921504606846976", "admin", None, 400, "bad-request", Some("segment")),
        ("GET", "/v1/events?contacts=18446744073709551615", "admin", None, 400, "bad-request", Some("contacts")),
        ("GET", "/v1/agents/%ff", "admin", None, 400, "bad-request", Some("path")),
        (
            "POST",
            "/v1/agents/ana/sign-in",
            "admin",
            Some(json!({ "station": { "extension": "7" } })),
            422,
            "unknown-station",
            None,
        ),
        (
            "POST",
            "/v1/agents/ana/sign-in",
            "admin",
            Some(json!({ "station": { "extension": 7 } })),
            400,
            "bad-request",
            Some("station.extension"),
        ),
        ("POST", "/v1/agents/ana/sign-in", "admin", Some(json!({ "place": 7 })), 400, "bad-request", Some("place")),
        ("POST", "/v1/agents/ana/ready", "admin", Some(json!({ "x": 7 })), 400, "bad-request", Some("x")),
        ("POST", "/v1/agents/ana/ready", "admin", Some(json!({ "force": " " })), 400, "bad-request", Some("force")),
        ("POST", "/v1/agents/ana/ready", "viewer", Some(json!({ "force": "x" })), 403, "forbidden", None),
        ("POST", "/v1/agents/ana/ready", "clerk", Some(json!({ "force": "x" })), 403, "forbidden", None),
        ("POST", "/v1/agents/ana/not-ready", "admin", Some(json!({ "reason": "x" })), 422, "unknown-reason", None),
        ("POST", "/v1/agents/ana/groups", "admin", Some(json!({ "groups": ["x"] })), 422, "not-member", None),
        ("POST", "/v1/agents/ana/groups", "admin", Some(json!({ "groups": [] })), 400, "bad-request", Some("groups")),
        (
            "POST",
            "/v1/agents/ana/wrap-up",
            "admin",
            Some(json!({ "length_ms": 1 })),
            400,
            "bad-request",
            Some("length_ms"),
        ),
        (
            "POST",
            "/v1/agents/ana/reserve",
            "admin",
            Some(json!({ "length_ms": 300_001 })),
            400,
            "bad-request",
            Some("length_ms"),
        ),
        ("POST", "/v1/agents/ana/pick", "admin", Some(json!({ "contact": "x" })), 400, "bad-request", Some("contact")),
        (
            "POST",
            "/v1/agents/ana/accept-offer",
            "admin",
            Some(json!({ "offer": "x" })),
            400,
            "bad-request",
            Some("offer"),
        ),
        (
            "POST",
            "/v1/agents/ana/reject-offer",
            "admin",
            Some(json!({ "offer": "5", "reason": "" })),
            400,
            "bad-request",
            Some("reason"),
        ),
        ("POST", "/v1/agents/ana/note", "admin", Some(json!({ "text": "" })), 400, "bad-request", Some("text")),
    ];
    refused(rows).await;
}

#[tokio::test]
async fn a_supervisor_or_a_target_that_is_not_there() {
    let rows = vec![
        (
            "POST",
            "/v1/agents/ana/reject-offer",
            "admin",
            Some(json!({ "offer": "5", "ring_ms": 5_000 })),
            400,
            "bad-request",
            Some("ring_ms"),
        ),
        (
            "POST",
            "/v1/agents/ana/reject-offer",
            "admin",
            Some(json!({ "offer": "5", "to": { "group": "x" } })),
            422,
            "unknown-group",
            None,
        ),
        ("POST", "/v1/agents/ana/supervise", "clerk", Some(json!({ "by": "ana" })), 403, "forbidden", None),
        ("POST", "/v1/agents/ana/supervise", "admin", Some(json!({})), 400, "bad-request", Some("by")),
        ("POST", "/v1/agents/zoe/supervise", "admin", Some(json!({ "by": "ana" })), 404, "unknown-agent", None),
        ("POST", "/v1/agents/ana/supervise/stop", "admin", Some(json!({ "by": "zoe" })), 404, "unknown-agent", None),
        (
            "POST",
            "/v1/agents/ana/supervise/mode",
            "admin",
            Some(json!({ "by": "ana" })),
            400,
            "bad-request",
            Some("mode"),
        ),
    ];
    refused(rows).await;
}

#[tokio::test]
async fn a_call_that_cannot_be_ordered_or_changed() {
    let big = "x".repeat(17 << 10);
    let rows = vec![
        ("POST", "/v1/calls", "admin", Some(json!({ "flow": "main" })), 400, "bad-request", Some("to")),
        ("POST", "/v1/calls", "admin", Some(json!({ "to": "", "flow": "main" })), 400, "bad-request", Some("to")),
        ("POST", "/v1/calls", "admin", Some(json!({ "to": "1", "flow": 5 })), 400, "bad-request", Some("flow")),
        (
            "POST",
            "/v1/calls",
            "admin",
            Some(json!({ "to": "1", "flow": "main", "data": { "a": big } })),
            413,
            "data-too-large",
            None,
        ),
        ("POST", "/v1/calls", "admin", Some(json!([])), 400, "bad-request", Some("to")),
        (
            "POST",
            "/v1/agents/ana/previews",
            "admin",
            Some(json!({ "to": "1" })),
            400,
            "bad-request",
            Some("timeout_ms"),
        ),
        (
            "POST",
            "/v1/agents/ana/previews",
            "admin",
            Some(json!({ "to": "1", "timeout_ms": 5 })),
            400,
            "bad-request",
            Some("timeout_ms"),
        ),
        (
            "POST",
            "/v1/agents/zoe/previews",
            "admin",
            Some(json!({ "to": "1", "timeout_ms": 5_000 })),
            404,
            "unknown-agent",
            None,
        ),
        ("POST", "/v1/agents/ana/previews/x/dial", "admin", None, 400, "bad-request", Some("contact")),
        (
            "POST",
            "/v1/calls",
            "admin",
            Some(json!({ "to": { "agent": "ana" }, "flow": "main" })),
            400,
            "bad-request",
            Some("to"),
        ),
    ];
    refused(rows).await;
}

#[tokio::test]
async fn an_order_or_change_that_cannot_be_read() {
    let big = "x".repeat(17 << 10);
    let (hangup, set_data) = (format!("/v1/calls/{CONTACT}/hangup"), format!("/v1/calls/{CONTACT}/data"));
    let rows = vec![
        (
            "POST",
            "/v1/calls",
            "admin",
            Some(json!({ "to": "1", "flow": "main", "ring_ms": 5 })),
            400,
            "bad-request",
            Some("ring_ms"),
        ),
        (
            "POST",
            "/v1/calls",
            "admin",
            Some(json!({ "by": "1", "to": "2", "flow": "main" })),
            400,
            "bad-request",
            Some("flow"),
        ),
        (
            "POST",
            "/v1/calls",
            "admin",
            Some(json!({ "by": { "group": "support" }, "to": "2" })),
            400,
            "bad-request",
            Some("by"),
        ),
        (
            "POST",
            "/v1/calls",
            "admin",
            Some(json!({ "by": { "agent": "zoe" }, "to": "2" })),
            404,
            "unknown-agent",
            None,
        ),
        ("POST", "/v1/calls", "admin", Some(json!({ "by": "1", "to": "2", "group": "x" })), 422, "unknown-group", None),
        ("GET", "/v1/calls/abc", "admin", None, 400, "bad-request", Some("contact")),
        ("POST", &hangup, "admin", Some(json!({ "leg": "x" })), 400, "bad-request", Some("leg")),
        ("POST", &hangup, "admin", Some(json!({ "leg": "12", "agent": "ana" })), 400, "bad-request", Some("agent")),
        ("PATCH", &set_data, "admin", Some(json!({ "a": big })), 413, "data-too-large", None),
    ];
    refused(rows).await;
}

#[tokio::test]
async fn a_list_with_a_wish_that_cannot_be_met() {
    let rows = vec![
        ("GET", "/v1/contacts/abc", "admin", None, 400, "bad-request", Some("contact")),
        ("GET", "/v1/contacts/5", "admin", None, 404, "not-found", None),
        ("GET", "/v1/contacts?limit=0", "admin", None, 400, "bad-request", Some("limit")),
        ("GET", "/v1/contacts?limit=501", "admin", None, 400, "bad-request", Some("limit")),
        ("GET", "/v1/contacts?limit=x", "admin", None, 400, "bad-request", Some("limit")),
        ("GET", "/v1/contacts?lmit=5", "admin", None, 400, "bad-request", Some("lmit")),
        ("GET", "/v1/contacts?since=yesterday", "admin", None, 400, "bad-request", Some("since")),
        ("GET", "/v1/contacts?agent=bo", "admin", None, 400, "bad-request", Some("agent")),
        ("GET", "/v1/contacts?group=bo", "admin", None, 400, "bad-request", Some("group")),
        ("GET", "/v1/contacts?number=bo", "admin", None, 400, "bad-request", Some("number")),
        ("GET", "/v1/contacts?disposition=good", "admin", None, 400, "bad-request", Some("disposition")),
        ("GET", "/v1/contacts?cursor=5", "admin", None, 400, "bad-request", Some("cursor")),
        ("GET", "/v1/contacts?cursor=c5&offset=5", "admin", None, 400, "bad-request", Some("offset")),
        ("GET", "/v1/contacts?at_least=-1", "admin", None, 400, "bad-request", Some("at_least")),
    ];
    refused(rows).await;
}

#[tokio::test]
async fn sound_and_events_that_are_not_there() {
    let many = format!("/v1/events?contacts={}", vec!["5"; WATCHED_MAX + 1].join(","));
    let rows = vec![
        ("GET", "/v1/recordings/abc", "admin", None, 400, "bad-request", Some("segment")),
        ("GET", "/v1/recordings/5", "admin", None, 404, "not-found", None),
        ("GET", "/v1/contacts/5/recording", "admin", None, 404, "not-found", None),
        ("GET", "/v1/events?since=yesterday", "admin", None, 400, "bad-request", Some("since")),
        ("GET", "/v1/events?before=2026-11-21", "admin", None, 400, "bad-request", Some("before")),
        ("GET", "/v1/events?after=5", "admin", None, 400, "bad-request", Some("after")),
        ("GET", "/v1/events?kinds=leg_created,leg_dialog", "admin", None, 400, "bad-request", Some("kinds")),
        ("GET", "/v1/events?contacts=x", "admin", None, 400, "bad-request", Some("contacts")),
        ("GET", "/v1/events?agents=ana,bo", "admin", None, 404, "unknown-agent", None),
        ("GET", "/v1/events?agents=self", "admin", None, 404, "unknown-agent", None),
        ("GET", "/v1/events?groups=nobody", "admin", None, 422, "unknown-group", None),
        ("GET", "/v1/events?flows=nothing", "admin", None, 404, "unknown-flow", None),
        ("GET", many.as_str(), "admin", None, 400, "bad-request", Some("contacts")),
    ];
    refused(rows).await;
}

#[tokio::test]
async fn a_wrong_method_is_405_with_allow() {
    let rig = Rig::new();
    for (method, path, allow) in [
        ("DELETE", "/v1/agents", "GET,HEAD"),
        ("PUT", "/v1/calls", "GET,HEAD,POST"),
        ("GET", "/v1/agents/ana/ready", "POST"),
        ("POST", "/docs", "GET,HEAD"),
    ] {
        let answered = rig.ask(method, path, "admin", None).await;
        assert_eq!((answered.status, answered.header("allow")), (405, Some(allow)), "{method} {path}");
        assert_eq!(answered.json()["code"], "method-not-allowed");
    }
}

#[tokio::test]
async fn every_operation_asks_for_a_token_and_a_permission() {
    let rig = Rig::new();
    let described = rig.get_ok("/openapi.json").await.json();
    let mut asked = 0;
    for (path, item) in described["paths"].as_object().expect("paths") {
        if ["/healthz", "/readyz"].contains(&path.as_str()) {
            continue;
        }
        let path = path.replace("{id}", "ana").replace("{contact}", "5").replace("{segment}", "5");
        for (method, operation) in item.as_object().expect("operations") {
            let method = method.to_uppercase();
            let example = operation["requestBody"]["content"]["application/json"]["example"].clone();
            let body = (!example.is_null()).then_some(example);
            for (token, status) in [("", 401), ("nothing", 403)] {
                let answered = rig.ask(&method, &path, token, body.clone()).await;
                assert_eq!(answered.status, status, "{method} {path} as `{token}`: {}", answered.text());
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 2 * 83);
    assert!(rig.heard.lock().expect("not poisoned").is_empty());
}

/// A flow or a text, one of them, and the text as it can be spoken.
#[tokio::test]
async fn orders_that_say_nothing_clear_are_400() {
    let rig = Rig::new();
    let rows = [
        (json!({ "to": "1" }), "flow", "or `say`"),
        (json!({ "to": "", "flow": "main" }), "to", "is empty"),
        (json!({ "to": "1", "flow": "" }), "flow", "is empty"),
        (json!({ "to": "1", "flow": "main", "say": { "text": "x" } }), "say", "exclude each other"),
        (json!({ "to": "1", "say": { "text": " " } }), "say.text", "is empty"),
        (json!({ "to": "1", "say": { "text": "x".repeat(1_001) } }), "say.text", "1001 characters"),
        (json!({ "to": "1", "say": { "text": "x", "language": "-w" } }), "say.language", "language tag"),
    ];
    for (body, field, said) in rows {
        let answered = rig.ask("POST", "/v1/calls", "admin", Some(body.clone())).await;
        assert_eq!((answered.status, &answered.json()["field"]), (400, &json!(field)), "{body}");
        assert!(answered.json()["detail"].as_str().is_some_and(|text| text.contains(said)), "{}", answered.text());
    }
    assert!(rig.heard.lock().expect("not poisoned").is_empty());
}

#[tokio::test]
async fn a_party_that_is_nobody_is_told_how_to_name_one() {
    let rig = Rig::new();
    let rows = [
        ("supervise", json!({ "by": "ana", "target": {} }), "target", "one of {\"leg\": id}, {\"agent\": id} and"),
        ("supervise", json!({ "by": "ana", "target": "ana" }), "target", "and {\"call\": id}"),
        ("pass-digits", json!({ "to": {}, "on": true }), "to", "one of {\"leg\": id} and {\"agent\": id}"),
    ];
    for (verb, body, field, said) in rows {
        let path = format!("/v1/calls/116703443107610625/{verb}");
        let answered = rig.ask("POST", &path, "admin", Some(body.clone())).await;
        assert_eq!((answered.status, &answered.json()["field"]), (400, &json!(field)), "{body}");
        assert!(answered.json()["detail"].as_str().is_some_and(|text| text.contains(said)), "{}", answered.text());
    }
    assert!(rig.heard.lock().expect("not poisoned").is_empty());
}

/// A target is one thing.
#[tokio::test]
async fn targets_that_name_no_one_thing_are_400() {
    let rig = Rig::new();
    let many: Vec<String> = (0..9).map(|_| "support".to_owned()).collect();
    let rows = [
        (json!({}), "to", "name one of"),
        (json!({ "agent": "ana", "group": "support" }), "to", "name one of"),
        (json!({ "agnet": "ana" }), "to", "or one of {\"agent\": id}"),
        (json!(1_002), "to", "a number as text"),
        (json!({ "group": "support", "wait_ms": 1 }), "to", "name one of"),
        (json!({ "groups": [] }), "to.groups", "1 to 8"),
        (json!({ "groups": many }), "to.groups", "1 to 8"),
        (json!({ "agent": "ana", "wait_ms": 3_600_001 }), "to.wait_ms", "at most 3600000"),
    ];
    for (to, field, said) in rows {
        let body = json!({ "agent": "ana", "to": to });
        let answered = rig.ask("POST", "/v1/calls/116703443107610625/consult", "admin", Some(body.clone())).await;
        assert_eq!((answered.status, &answered.json()["field"]), (400, &json!(field)), "{body}");
        assert!(answered.json()["detail"].as_str().is_some_and(|text| text.contains(said)), "{}", answered.text());
    }
    assert!(rig.heard.lock().expect("not poisoned").is_empty());
}

#[tokio::test]
async fn headers_and_bodies_that_cannot_be_read_are_400() {
    let rig = Rig::new();
    let post = || Request::post("/v1/calls").header("authorization", "Bearer admin");
    let json_post = || post().header("content-type", "application/json");
    let rows = [
        (json_post().body(HttpBody::from("{\"to\": \"1\",\n  flow}")), 400, "bad-request", None, "line 2 column 3"),
        (json_post().body(HttpBody::from("{}{}")), 400, "bad-request", None, "trailing characters"),
        (post().body(HttpBody::from("{}")), 400, "bad-request", Some("Content-Type"), "application/json"),
        (
            post().header("content-type", "text/plain").body(HttpBody::from("{}")),
            400,
            "bad-request",
            Some("Content-Type"),
            "application/json",
        ),
        (
            json_post().header("idempotency-key", "x".repeat(65)).body(HttpBody::from("{}")),
            400,
            "bad-request",
            Some("Idempotency-Key"),
            "64",
        ),
        (
            json_post().header("idempotency-key", "").body(HttpBody::from("{}")),
            400,
            "bad-request",
            Some("Idempotency-Key"),
            "64",
        ),
        (
            json_post().header("cordboard-tenant", "other").body(HttpBody::from("{}")),
            403,
            "forbidden",
            None,
            "another tenant",
        ),
        (
            json_post().header("cordboard-tenant", b"\xff".as_slice()).body(HttpBody::from("{}")),
            400,
            "bad-request",
            Some("cordboard-tenant"),
            "ASCII",
        ),
        (json_post().body(HttpBody::from(vec![b' '; (1 << 20) + 1])), 413, "body-too-large", None, "1048576"),
        (
            Request::get("/v1/agents").header("authorization", "Basic YTpi").body(HttpBody::empty()),
            401,
            "unauthorized",
            None,
            "Bearer",
        ),
    ];
    for (request, status, code, field, detail) in rows {
        let answered = rig.send(request.expect("a request")).await;
        let problem = answered.json();
        assert_eq!((answered.status, problem["code"].as_str()), (status, Some(code)), "{problem}");
        assert_eq!(problem["field"].as_str(), field, "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(detail)), "{problem}");
    }
}

#[tokio::test]
async fn what_the_tenant_refuses_keeps_its_code() {
    for (code, status) in
        [(Code::AgentBusy, 409), (Code::UnknownContact, 404), (Code::Draining, 503), (Code::LegNotNamed, 422)]
    {
        let rig = Rig::answering(move |_| Some(Answer::Refused { code, state: "talking".into() }));
        let answered = rig.ask("POST", "/v1/agents/ana/sign-out", "admin", None).await;
        assert_eq!(answered.status, status);
        assert_eq!((&answered.json()["code"], &answered.json()["detail"]), (&json!(code.text()), &json!("talking")));
        assert_eq!(answered.header("retry-after"), (status == 503).then_some("1"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_tenant_is_504() {
    let rig = Rig::answering(|_| None);
    let answered = rig.get("/v1/agents").await;
    assert_eq!((answered.status, answered.json()["code"].as_str()), (504, Some("timeout")));
}
