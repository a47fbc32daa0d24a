//! A carrier that wants to know who calls: sipp challenges, and checks the digests with code of its own.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::harness::rtp::Law;
use crate::harness::scene::Scene;
use crate::harness::sipp::{ACCOUNT, Callee};
use crate::harness::wait::beside_others;
use crate::harness::{Plan, Rtp, Sipp};

const WITH_ACCOUNT: &str = ", user: our-account, password: what-the-carrier-gave-us";

fn order(scene: &Scene) -> String {
    let reply = scene.server.api.post("/v1/calls", &json!({ "to": "913800138000", "flow": "hello" }));
    reply["contact"].as_str().expect("the contact's id").to_owned()
}

/// Whether any file below holds the text.
fn holds(folder: &Path, text: &str) -> bool {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    entries.map(|entry| entry.expect("an entry").path()).any(|path| match path.is_dir() {
        true => holds(&path, text),
        false => fs::read(&path).expect("a file").windows(text.len()).any(|part| part == text.as_bytes()),
    })
}

#[test]
fn a_carrier_that_challenges_is_called_and_hung_up_on_and_the_password_is_nowhere() {
    let _others = beside_others();
    let mut scene = Scene::new(&Plan { carrier: WITH_ACCOUNT, ..Plan::default() });
    let rtp = Rtp::new(Law::A);
    let mut carrier = Sipp::answer(&scene.server, &rtp, &Callee::Challenges);
    let contact = order(&scene);
    scene.of(&contact, "flow_started");
    rtp.wait_sound(0);
    let reply = scene.server.api.send("POST", &format!("/v1/calls/{contact}/hangup"), &[], "{}");
    assert_eq!(reply.status, 200, "{}", reply.json());
    carrier.done();
    let record = scene.record(&contact);
    assert_eq!((&record["ended_by"], &record["cause"]), (&"command".into(), &"released".into()), "{record}");
    scene.server.assert_rest();

    scene.server.kill9();
    let (_, password) = ACCOUNT;
    assert!(WITH_ACCOUNT.contains(password) && holds(&scene.server.data, "913800138000"), "the search finds things");
    assert!(!holds(&scene.server.data, password), "it stands in a file");
    let log = fs::read(scene.server.folder.path().join("cordboard-0.log")).expect("the log");
    assert!(!String::from_utf8_lossy(&log).contains(password), "it was logged");
}

#[test]
fn a_carrier_that_takes_no_credentials_is_named_as_the_cause() {
    let _others = beside_others();
    let scene = Scene::new(&Plan { carrier: WITH_ACCOUNT, ..Plan::default() });
    let rtp = Rtp::new(Law::A);
    let mut carrier = Sipp::answer(&scene.server, &rtp, &Callee::ChallengesOn);
    let contact = order(&scene);
    carrier.done();
    let record = scene.record(&contact);
    assert_eq!((&record["disposition"], &record["cause"]), (&"not-answered".into(), &"unproven".into()), "{record}");
    assert_eq!(record["sip_status"], 401, "{record}");
    scene.server.assert_rest();
}
