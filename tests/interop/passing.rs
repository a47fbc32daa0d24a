//! Keys of one party for one other party, through the real binary: who gets them, who does not, and what may be read of them.

use serde_json::json;

use crate::harness::wait::alone;
use crate::verbs::{place, talk};

#[test]
fn the_customer_keys_his_card_into_a_menu_and_the_agent_beside_hears_nothing_of_it() {
    alone(|| {
        let mut talk = talk();
        talk.does("invite", &json!({ "agent": "a0", "to": "1900" }));
        talk.answers("cai");
        talk.hears("cai", &["customer", "ana"]);
        // Until it is said whose they are his keys are for both, though each hears a sum.
        talk.presses("customer", '2');
        assert_eq!(talk.told("digit", 0)["data"]["digit"], "2");
        talk.stage.carry_on_until("both to have the key", |stage| {
            ["ana", "cai"].iter().all(|who| {
                let call = stage.ends.uas[place(who)].live_call().expect("it talks");
                let heard = stage.ends.sound(place(who), call).diary(0);
                heard.iter().filter(|p| p.payload_type == 101 && p.payload[..2] == [2, 0x8a]).count() == 3
            })
        });
        let leg = talk.customer()["leg"].clone();
        let menu = talk.view()["calls"][0]["legs"].as_array().expect("a list").last().expect("cai's")["leg"].clone();
        let pass = |on: bool| json!({ "leg": leg, "to": { "leg": menu }, "on": on });
        talk.does("pass-digits", &pass(true));
        let told = talk.told("leg_passes_digits", 0);
        assert_eq!((&told["leg"], &told["data"]), (&leg, &json!({ "to": menu, "on": true })), "{told}");
        assert_eq!(talk.view()["calls"][0]["legs"][0]["passes_digits_to"], menu);
        let (ana, cai) = (talk.rtp("ana").heard(), talk.rtp("cai").heard());
        talk.presses("customer", '4');
        assert_eq!(talk.told("digit", 1)["data"]["digit"], "x", "nobody is told");
        talk.informs("customer", '7');
        assert_eq!(talk.told("digit", 2)["data"]["digit"], "x", "nobody is told");
        talk.stage.carry_on_until("the menu to have both keys", |stage| {
            let rtp = stage.ends.sound(place("cai"), stage.ends.uas[place("cai")].live_call().expect("it talks"));
            let keys = rtp.diary(cai).into_iter().filter(|p| p.payload_type == 101 && p.payload[1] & 0x80 != 0);
            let mut codes: Vec<u8> = keys.map(|p| p.payload[0]).collect();
            codes.dedup();
            codes == [4, 7]
        });
        talk.hears("ana", &["customer", "cai"]);
        let keys = talk.rtp("ana").diary(ana).iter().filter(|p| p.payload_type == 101).count();
        assert_eq!(keys, 0, "nor hears them");
        // Nor does the trace that people may read show the one that came by INFO.
        let path = format!("/v1/calls/{}/sip", talk.contact);
        let trace = talk.stage.server.api.send("GET", &path, &[("Accept", "application/json")], "").json().to_string();
        assert!(trace.contains("Signal=x") && !trace.contains("Signal=7"), "{trace}");
        talk.hangs_up("cai");
        assert_eq!(talk.told("leg_passes_digits", 1)["data"], json!({ "to": menu, "on": false }));
        talk.hears("ana", &["customer"]);
        // To be pressed for the agent again: the engine forwards it.
        let ana = talk.rtp("ana").heard();
        talk.presses("customer", '9');
        assert_eq!(talk.told("digit", 3)["data"]["digit"], "9");
        talk.stage.carry_on_until("the agent to have the key", |stage| {
            let rtp = stage.ends.sound(place("ana"), stage.ends.uas[place("ana")].live_call().expect("she talks"));
            rtp.diary(ana).iter().any(|p| p.payload_type == 101 && p.payload[0] == 9)
        });
        let record = talk.ends();
        let digits: Vec<_> = record["digits"].as_array().expect("a list").iter().map(|d| d["digit"].clone()).collect();
        assert_eq!(digits, ["2", "x", "x", "9"], "{record}");
    });
}
