//! What an agent does with two contacts, through the real binary: they become one and he stays, and one of them is recorded
//! for a while. And where a number leads, told before it is dialled.

use serde_json::{Value, json};

use crate::harness::sound::Stereo;
use crate::harness::wait::alone;
use crate::scenario::ua::call::{CallNo, Deed, Phase, Plan};
use crate::verbs::{Talk, place, talk};

/// Ana's phone holds the customer and talks to Cai by its other line. The second contact, and the call that is held.
fn two() -> (Talk, String, CallNo) {
    let mut talk = talk();
    let ana = place("ana");
    let held = talk.calls[ana].expect("she talks");
    talk.carries_out("ana", Deed::Hold);
    talk.hears("customer", &["music"]);
    let line = talk.stage.ends.touch(ana, |ua, t| ua.call("1900", "1001", Plan::default(), t));
    talk.answers("cai");
    let up = |uas: &[crate::scenario::ua::Ua]| uas[ana].calls.get(&line).is_some_and(|c| c.phase == Phase::Up);
    talk.stage.ends.until("her other line to be up", up);
    talk.calls[ana] = Some(line);
    talk.says("ana");
    talk.hears("cai", &["ana"]);
    talk.hears("ana", &["cai"]);
    let calls = talk.stage.server.api.get("/v1/calls");
    let ids = calls["contacts"].as_array().expect("a list").iter().filter_map(|contact| contact["contact"].as_str());
    let second = ids.filter(|id| *id != talk.contact).collect::<Vec<_>>().concat();
    (talk, second, held)
}

#[test]
fn an_agent_stays_with_both_when_his_two_contacts_become_one() {
    alone(|| {
        let (mut talk, second, held) = two();
        talk.refuses("merge", &json!({ "with": talk.contact, "stays": true }), 404, "unknown-contact");
        talk.does("merge", &json!({ "with": second, "stays": true }));
        for (who, others) in [("customer", ["ana", "cai"]), ("ana", ["customer", "cai"]), ("cai", ["customer", "ana"])]
        {
            talk.hears(who, &others);
        }
        let ana = place("ana");
        let is_over = |uas: &[crate::scenario::ua::Ua]| {
            uas[ana].calls.get(&held).is_none_or(|c| c.phase == Phase::Over) && uas[ana].live_calls() == 1
        };
        talk.stage.ends.until("the line she held to be over", is_over);
        let view = talk.view();
        let hers = view["calls"][0]["legs"].as_array().expect("a list").iter().find(|leg| leg["role"] == "agent");
        assert_eq!(hers.map(|leg| &leg["leg"]), Some(&view["calls"][0]["chair"]), "she has the conference: {view}");
        // They are one: whoever leaves, the others talk on.
        talk.hangs_up("ana");
        talk.hears("customer", &["cai"]);
        talk.hears("cai", &["customer"]);
        let first = talk.contact.clone();
        let merged = |record: &Value| (record["merged"][0]["with"].clone(), record["merged"][0]["goes_on"].clone());
        let seq = talk.stage.server.api.get("/v1/calls")["seq"].as_u64().expect("a seq");
        let alias = talk.stage.server.api.record(&second, seq);
        assert_eq!(merged(&alias), (json!(first), json!(false)), "{alias}");
        talk.stage.events.closed(&second);
        let record = talk.ends();
        assert_eq!(merged(&record), (json!(second), json!(true)), "{record}");
    });
}

#[test]
fn a_recording_ends_by_itself_and_the_talk_goes_on() {
    alone(|| {
        let (mut talk, second, _) = two();
        talk.refuses("record/start", &json!({ "length_ms": 999 }), 400, "bad-request");
        talk.refuses("record/start", &json!({ "length_ms": 1_500 }), 409, "already-done");
        let path = format!("/v1/calls/{second}/record/start");
        let answer = talk.stage.server.api.post(&path, &json!({ "length_ms": 1_500 }));
        assert!(answer["contact"]["recording"]["until"].is_string(), "{answer}");
        let ended = talk.told("recording_ended", 0);
        let data = &ended["data"];
        assert_eq!((&ended["contact"], &data["cause"]), (&json!(second), &json!("too-long")), "{ended}");
        let took = data["answered_ms"].as_i64().expect("a length");
        assert!((1_500..1_600).contains(&took), "{ended}");
        talk.hears("cai", &["ana"]);
        let again = talk.stage.server.api.send("POST", &path, &[], "{}");
        assert_eq!((again.status, &again.json()["code"]), (409, &json!("recording-over")));
        talk.hangs_up("cai");
        talk.stage.events.closed(&second);
        let seq = talk.stage.server.api.get("/v1/calls")["seq"].as_u64().expect("a seq");
        talk.stage.server.api.record(&second, seq);
        let wav = talk.stage.server.api.send("GET", &format!("/v1/contacts/{second}/recording"), &[], "");
        let samples = Stereo::read(&wav.body).left.len();
        assert!((11_200..12_900).contains(&samples), "1.5 s of 8 kHz, but {samples}");
        talk.calls[place("ana")] = None;
        talk.ends();
    });
}

#[test]
fn where_a_number_leads_is_where_dialling_it_leads() {
    alone(|| {
        let mut talk = talk();
        let resolved = |talk: &Talk, query: &str| talk.stage.server.api.get(&format!("/v1/resolve?{query}"));
        let cai = resolved(&talk, "to=1900");
        assert_eq!((&cai["extension"]["reachable"], &cai["extension"]["busy"]), (&json!(true), &json!(false)), "{cai}");
        let ana = resolved(&talk, "to=1001");
        assert_eq!(ana["extension"]["agent"]["id"], "a0", "{ana}");
        let outside = resolved(&talk, "to=913800138000&agent=a1");
        let ways = outside["outside"]["trunks"].as_array().expect("a list");
        assert_eq!((&outside["outside"]["number"], ways.len()), (&json!("+8613800138000"), 1), "{outside}");
        let nowhere = talk.stage.server.api.send("GET", "/v1/resolve?to=7777", &[], "");
        assert!(matches!(nowhere.status, 404 | 422), "{}", nowhere.json());
        // What it says of the carrier is what the carrier is sent.
        let (dials, shows) = (ways[0]["dials"].clone(), ways[0]["shows"].clone());
        let before = talk.stage.ends.uas[0].live_calls();
        let order = json!({ "by": { "agent": "a1" }, "to": "913800138000" });
        let answer = talk.stage.server.api.post("/v1/calls", &order);
        let contact = answer["contact"].as_str().expect("an id").to_owned();
        talk.answers("bo");
        talk.stage.ends.until("the carrier to ring", |uas| uas[0].live_calls() == before + 1);
        let carrier = &talk.stage.ends.uas[0];
        let call = carrier.calls.values().next_back().expect("it rings");
        let user = |address: &str| {
            let at = address.split_once("sip:").and_then(|(_, rest)| rest.split_once('@'));
            at.map_or_else(|| panic!("a number in {address}"), |(user, _)| json!(user))
        };
        assert!(shows.as_array().is_some_and(|shows| shows.contains(&user(&call.remote))), "{outside} {}", call.remote);
        assert_eq!(dials, user(&call.local), "{outside}");
        talk.stage.server.api.post(&format!("/v1/calls/{contact}/hangup"), &json!({}));
        talk.is_released("bo");
        talk.stage.ends.until("the carrier to be released", |uas| uas[0].live_calls() == before);
        talk.stage.events.closed(&contact);
        talk.ends();
    });
}
