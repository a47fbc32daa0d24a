//! Examples of the description: one per operation that takes or gives JSON, as values of the views where they are small.

use serde_json::{Value, json};

/// Operations whose body has fields that must be there.
pub const NEEDS_BODY: [&str; 30] = [
    "open_session",
    "supervise",
    "supervise_mode",
    "supervise_agent",
    "supervise_agent_mode",
    "supervise_agent_stop",
    "route",
    "play_recording",
    "seek_playback",
    "originate",
    "show_preview",
    "set_data",
    "put_site",
    "extend_wrap_up",
    "reserve",
    "pick",
    "show_offer",
    "accept_offer",
    "reject_offer",
    "note",
    "prioritise",
    "send_digits",
    "pass_digits",
    "announce",
    "invite",
    "transfer",
    "consult",
    "merge",
    "limit_conference",
    "extend_conference",
];

/// What a client sends.
pub fn request(operation: &str) -> Option<Value> {
    Some(match operation {
        "sign_in" => json!({ "station": { "extension": "1001" }, "groups": ["support"] }),
        "sign_out" | "make_ready" => json!({ "force": "left without signing out", "by": "sue" }),
        "choose_groups" => json!({ "groups": ["support"] }),
        "make_not_ready" => json!({ "reason": "meeting" }),
        "wrap_up" => json!({ "length_ms": 60_000 }),
        "extend_wrap_up" => json!({ "by_ms": 30_000 }),
        "rest" => json!({ "reason": "lunch", "length_ms": 900_000 }),
        "reserve" => json!({ "length_ms": 30_000 }),
        "quit_wrap_up" | "cancel_rest" | "release" => json!({}),
        "pick" => json!({ "contact": "116703443107610625" }),
        "prefer" => json!({ "after_call": "ready", "auto_answer": true }),
        "show_offer" | "accept_offer" => json!({ "offer": "116703443107610630" }),
        "reject_offer" => json!({ "offer": "116703443107610630", "reason": "not my language" }),
        "note" => json!({ "text": "call your team leader" }),
        "prioritise" => json!({ "priority": 5 }),
        "originate" => json!({ "to": "1002", "flow": "main", "data": { "order": "4711" } }),
        "show_preview" => {
            json!({ "to": "+8613912345678", "timeout_ms": 30_000, "on_timeout": "skip", "group": "support",
            "data": { "name": "Li", "order": "4711" } })
        }
        "dial_preview" | "skip_preview" => json!({}),
        "put_site" => json!({ "site": "tenant: demo\ndomains: [demo.example]\n...", "dry_run": true }),
        "hang_up" => json!({ "agent": "ana", "by": "sue" }),
        "open_session" => json!({ "agent": "ana", "filter": { "agents": ["self"], "groups": ["support"] },
            "deliver": "socket", "lease_ms": 30_000, "policy": "not-ready" }),
        "hold" | "retrieve" | "unmute" => json!({ "leg": "116703443107610626" }),
        "mute" => json!({ "agent": "ana", "from": true }),
        "send_digits" => json!({ "leg": "116703443107610626", "digits": "12#" }),
        "pass_digits" => {
            json!({ "leg": "116703443107610626", "to": { "leg": "116703443107610628" }, "on": true })
        }
        "start_recording" => json!({ "length_ms": 300_000 }),
        "announce" => json!({ "call": "116703443107610627", "sounds": ["thank-you-for-waiting"] }),
        "stop_announcement" => json!({ "call": "116703443107610627" }),
        "invite" => {
            json!({ "agent": "ana", "to": "+8613912345678", "from": "+864008001234", "ring_ms": 20_000,
                "chair_leaves": "pass-on" })
        }
        "transfer" => json!({ "agent": "ana", "mode": "blind", "to": { "group": "support" } }),
        "consult" => json!({ "agent": "ana", "to": { "agent": "bo", "wait_ms": 30_000 } }),
        "supervise" => json!({ "by": "sue", "target": { "agent": "ana" }, "mode": "listen" }),
        "supervise_mode" => json!({ "agent": "sue", "mode": "whisper" }),
        "supervise_agent" => json!({ "by": "sue", "mode": "listen" }),
        "supervise_agent_mode" => json!({ "by": "sue", "mode": "whisper" }),
        "supervise_agent_stop" => json!({ "by": "sue" }),
        "route" => json!({ "by": "sue", "to": { "group": "support" } }),
        "play_recording" => json!({ "segment": "116703443107610630", "from_ms": 12_000 }),
        "seek_playback" => json!({ "by_ms": -10_000 }),
        "pause_playback" | "resume_playback" | "stop_playback" => json!({}),
        "intercept" => json!({ "agent": "sue" }),
        "complete" | "cancel" | "swap" | "join" | "give_chair" => json!({ "agent": "ana" }),
        "limit_conference" => json!({ "seats": 8, "length_ms": 3_600_000, "warn_ms": 180_000 }),
        "extend_conference" => json!({ "by_ms": 900_000 }),
        "merge" => json!({ "with": "116703443107610631", "stays": true }),
        "set_data" => json!({ "order": "4711", "note": null }),
        _ => return None,
    })
}

/// What it gets as JSON.
pub fn answer(operation: &str) -> Option<Value> {
    Some(match operation {
        "healthz" | "readyz" => json!({ "state": "open" }),
        "list_extensions" => json!({ "seq": 1290, "extensions": [extension()] }),
        "resolve" => json!({ "seq": 1290, "to": "913912345678", "outside": { "number": "+8613912345678",
            "emergency": false, "shown_by": { "rule": "rotate", "group": { "no": 1, "id": "support" } },
            "trunks": [{ "trunk": { "no": 1, "id": "carrier" }, "dials": "013912345678", "full": false,
                "shows": ["+864008001234", "+864008001235"] }] } }),
        "get_site" => json!({ "seq": 1290, "site": "tenant: demo\ndomains: [demo.example]\n..." }),
        "put_site" => json!({ "seq": 1290, "applied": true, "difference": "+  - {number: \"1005\", name: Eva}\n",
            "passwords": { "1005": "made-up-and-shown-once" } }),
        "list_groups" => json!({ "seq": 1290, "groups": [group()] }),
        "list_agents" => json!({ "seq": 1290, "agents": [agent()] }),
        "get_agent" | "sign_in" | "sign_out" | "make_ready" | "make_not_ready" | "choose_groups" | "wrap_up"
        | "extend_wrap_up" | "quit_wrap_up" | "rest" | "cancel_rest" | "reserve" | "release" | "pick" | "prefer"
        | "note" | "dial_preview" | "skip_preview" | "show_offer" | "accept_offer" | "reject_offer" => {
            json!({ "seq": 1290, "agent": agent() })
        }
        "supervise_agent" | "supervise_agent_mode" | "supervise_agent_stop" => {
            json!({ "seq": 1290, "agent": { "no": 4, "id": "sue", "name": "Sue", "state": "monitoring",
                "since": "2026-11-21T08:00:00.000Z", "station": { "extension": { "no": 4, "id": "1004" } }, "groups": [],
                "reachable": true, "supervises": { "agent": { "no": 1, "id": "ana" }, "mode": "listen",
                    "since": "2026-11-21T08:00:00.000Z", "there": true },
                "work": [{ "role": "monitoring", "since": "2026-11-21T08:00:00.000Z" }] } })
        }
        "list_calls" => json!({ "seq": 1290, "contacts": [contact()] }),
        "get_call" | "hang_up" | "set_data" | "prioritise" | "retrieve" | "mute" | "unmute" | "send_digits"
        | "pass_digits" | "limit_conference" | "extend_conference" | "announce" | "stop_announcement" | "invite"
        | "give_chair" | "transfer" | "consult" | "complete" | "cancel" | "swap" | "join" | "merge"
        | "supervise_mode" | "intercept" | "route" | "start_recording" | "stop_recording" | "pause_recording"
        | "resume_recording" => {
            json!({ "seq": 1290, "contact": contact() })
        }
        "hold" => {
            let mut held = contact();
            held["calls"][0]["legs"][0]["held"] = json!("2026-11-21T08:01:00.000Z");
            json!({ "seq": 1290, "contact": held })
        }
        "pause_playback" | "resume_playback" | "seek_playback" | "stop_playback" => {
            let mut listens = contact();
            listens["playback"] = json!({ "of": "116703443107610500", "segment": "116703443107610630",
                "length_ms": 165_000, "at_ms": 12_000, "since": "2026-11-21T08:01:00.000Z", "paused": true });
            json!({ "seq": 1290, "contact": listens })
        }
        "supervise" => {
            let mut watched = contact();
            let (leg, agent) = ("116703443107610630", json!({ "no": 4, "id": "sue" }));
            let supervision = json!({ "mode": "listen", "target": { "leg": "116703443107610628" } });
            let supervisor = json!({ "leg": leg, "role": "supervisor", "direction": "outbound",
                "party": { "extension": { "no": 4, "id": "1004" } }, "remote": "1004", "agent": agent,
                "phase": "calling", "since": "2026-11-21T08:01:00.000Z", "supervision": supervision });
            if let Some(legs) = watched["calls"][0]["legs"].as_array_mut() {
                legs.push(supervisor);
            }
            json!({ "seq": 1290, "contact": watched })
        }
        "originate" | "show_preview" | "play_recording" => json!({ "seq": 1290, "contact": "116703443107610625" }),
        "sip_history" => json!({ "seq": 1290, "messages": [{
            "leg": "116703443107610626", "sent": false, "at": "2026-11-21T08:00:00.120Z", "remote": "198.51.100.20:5060",
            "text": "INVITE sip:9000@demo.example SIP/2.0\r\n..." }] }),
        "list_contacts" => {
            json!({ "seq": 1290, "contacts": [record()], "cursor": "1795248000120000-116703443107610625", "total": 118 })
        }
        "get_contact" => json!({ "seq": 1290, "contact": record() }),
        "open_session" => json!({ "seq": 1290, "session": session(), "position": "AQAAAAAAAAUK" }),
        "get_session" | "renew_session" => json!({ "seq": 1290, "session": session() }),
        "list_sessions" => json!({ "seq": 1290, "sessions": [session()] }),
        "close_session" => json!({ "seq": 1290, "id": "116703443107610640" }),
        "session_events" => json!({ "seq": 1290, "events": [event()], "position": "AQAAAAAAAAUK" }),
        "events" => json!({ "seq": 1290, "events": [event()], "position": "AQAAAAAAAAUK" }),
        _ => return None,
    })
}

/// What it gets as text.
pub fn text(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "sip_history" => {
            "2026-11-21T08:00:00.120Z leg 1 (116703443107610626) cordboard <-- 198.51.100.20:5060\nINVITE sip:9000@demo.example SIP/2.0\n..."
        }
        "metrics" => {
            "# HELP cordboard_call_contacts_count contacts alive\n# TYPE cordboard_call_contacts_count gauge\ncordboard_call_contacts_count{tenant=\"demo\"} 12"
        }
        _ => return None,
    })
}

fn extension() -> Value {
    json!({ "no": 1, "number": "1001", "name": "Ana's phone", "bindings": [{
        "contact": "sip:1001@192.0.2.15:5060", "received": "198.51.100.7:50234", "transport": "udp",
        "until": "2026-11-21T09:00:00.000Z", "user_agent": "baresip", "usable": true }] })
}

fn group() -> Value {
    json!({ "no": 1, "id": "support", "name": "Support", "waiting": 2, "oldest": "2026-11-21T08:00:05.000Z",
        "signed_in": 4, "available": 0 })
}

fn agent() -> Value {
    json!({ "no": 1, "id": "ana", "name": "Ana", "state": "talking", "since": "2026-11-21T08:00:20.000Z",
        "station": { "extension": { "no": 1, "id": "1001" } }, "groups": [{ "no": 1, "id": "support", "level": 5 }],
        "reachable": true, "work": [{ "role": "talking", "contact": "116703443107610625", "since": "2026-11-21T08:00:20.000Z" }] })
}

fn contact() -> Value {
    json!({ "contact": "116703443107610625", "from": "+8613800138000", "to": "9000", "number": { "no": 1, "id": "9000" },
        "opened": "2026-11-21T08:00:00.120Z", "flow": "main", "node": "to_support", "data": { "order": "4711" },
        "calls": [{ "call": "116703443107610627", "kind": "main", "legs": [{
            "leg": "116703443107610626", "role": "customer", "direction": "inbound",
            "party": { "trunk": { "no": 1, "id": "carrier" } }, "remote": "+8613800138000", "phase": "answered",
            "since": "2026-11-21T08:00:00.150Z" }] }],
        "recording": { "state": "on", "since": "2026-11-21T08:00:20.000Z" } })
}

fn record() -> Value {
    json!({ "contact": "116703443107610625", "from": "+8613800138000", "to": "9000", "number": { "no": 1, "id": "9000" },
        "language": "zh-CN", "opened": "2026-11-21T08:00:00.120Z", "closed": "2026-11-21T08:03:10.120Z",
        "duration_ms": 190_000, "disposition": "answered", "ended_by": "customer", "cause": "hung-up",
        "waited_ms": 15_000, "talk_ms": 165_000, "agents": [{ "no": 1, "id": "ana" }],
        "groups": [{ "no": 1, "id": "support" }], "data": { "order": "4711" }, "calls": [], "legs": [], "visits": [],
        "offers": [], "flows": [], "digits": [], "recording": {
            "url": "/v1/contacts/116703443107610625/recording", "started": "2026-11-21T08:00:20.000Z",
            "length_ms": 165_000, "answered_ms": 165_000, "segments": [{
                "segment": "116703443107610630", "url": "/v1/recordings/116703443107610630",
                "agent": { "no": 1, "id": "ana" }, "from_ms": 0, "to_ms": 165_000, "began": "answered", "ended": "ended" }] },
        "wrap_ups": [], "transfers": [], "supervisions": [], "cut": 0, "seq": 1284 })
}

fn event() -> Value {
    json!({ "type": "event", "position": "AQAAAAAAAAUK", "seq": 1290, "at": "2026-11-21T08:00:20.000Z", "t_ms": 217_411_220_000_i64,
        "kind": "offer_connected", "contact": "116703443107610625", "agent_no": 1, "group_no": 1,
        "offer": "116703443107610629", "by": { "actor": "party" }, "data": {} })
}

fn session() -> Value {
    json!({ "id": "116703443107610640", "token_no": 2, "agent": { "no": 1, "id": "ana" }, "deliver": "socket",
        "filter": { "agents": ["ana"], "groups": ["support"] }, "lease_ms": 30_000, "policy": "not-ready",
        "opened": "2026-11-21T08:00:00.000Z", "until": "2026-11-21T08:00:30.000Z" })
}
