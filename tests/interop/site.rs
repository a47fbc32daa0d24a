//! The site changes while the server runs and a call is up.

use std::fs;
use std::process::{Command, Output};

use crate::harness::scene::Scene;
use crate::harness::server::HELLO;
use crate::harness::wait::beside_others;
use crate::harness::{Answer, Phone, Plan, Server};

/// `cordboard apply` from the server's own folder.
fn apply(server: &Server, file: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cordboard"));
    command.current_dir(server.folder.path()).args(["apply", file, "--config", "cordboard.toml", "--data"]);
    command.arg(&server.data).args(more).output().expect("the binary runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_file_applied_to_a_running_server_is_live_and_calls_go_on() {
    let _others = beside_others();
    let scene = Scene::new(&Plan::default());
    let mut customer = scene.call(HELLO);
    scene.of(&customer.contact, "flow_started");

    let folder = scene.server.folder.path();
    let before = fs::read_to_string(folder.join("sites/site.yaml")).expect("the site was written");
    let extension = "  - {number: \"1005\", password: \"secret-1005\"}\ngroups:\n";
    let eva = "  - {id: eva, name: Eva, station: {extension: \"1005\"}, groups: {support: 5}}\ntrunks:\n";
    let without_bo: String = before.split_inclusive('\n').filter(|line| !line.contains("id: bo,")).collect();
    let after = without_bo.replacen("groups:\n", extension, 1).replacen("trunks:\n", eva, 1);
    fs::write(folder.join("next.yaml"), &after).expect("a file");

    let dry = apply(&scene.server, "next.yaml", &["--dry-run"]);
    assert!(dry.status.success(), "{}", said(&dry));
    let difference = String::from_utf8_lossy(&dry.stdout).into_owned();
    for part in ["\"1005\"", "eva", "bo"] {
        let sign = if part == "bo" { '-' } else { '+' };
        assert!(difference.lines().any(|l| l.starts_with(sign) && l.contains(part)), "{part} in {difference}");
    }
    assert!(!difference.contains("secret-"), "{difference}");
    assert_eq!(scene.events.so_far("site_changed").len(), 0, "a dry run changes nothing");

    let done = apply(&scene.server, "next.yaml", &[]);
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(String::from_utf8_lossy(&done.stdout), difference);
    let changed = scene.events.any("site_changed");
    assert_eq!(changed["by"]["actor"], "integration", "whoever holds the token did it: {changed}");
    let again = apply(&scene.server, "next.yaml", &[]);
    assert_eq!(said(&again), "nothing changes\n");
    fs::write(folder.join("secret.yaml"), after.replacen("secret-1005", "secret-of-eva", 1)).expect("a file");
    let secret = apply(&scene.server, "secret.yaml", &["--dry-run"]);
    assert!(said(&secret).starts_with('~') && said(&secret).contains("\"1005\""), "{}", said(&secret));
    assert_eq!(scene.events.so_far("site_changed").len(), 1, "what changes nothing is no event");
    let _phone = Phone::new(1005, Answer::Itself).switch_on(&scene.server);
    scene.ready("eva");
    let agents = scene.server.api.get("/v1/agents").to_string();
    assert!(agents.contains("\"eva\"") && !agents.contains("\"bo\""), "{agents}");
    let site = scene.server.api.get("/v1/site")["site"].as_str().expect("a file").to_owned();
    assert!(site.contains("1005") && !site.contains("secret-1005"), "{site}");

    // Nothing of it touched the call.
    customer.rtp.wait_packets(customer.rtp.heard() + 100);
    customer.sipp.cue();
    customer.sipp.done();
    assert_eq!(scene.record(&customer.contact)["cause"], "hung-up");

    fs::write(folder.join("other.yaml"), after.replacen("tenant: test", "tenant: other", 1)).expect("a file");
    let other = apply(&scene.server, "other.yaml", &[]);
    assert!(!other.status.success(), "{}", said(&other));
    let stranger = apply(&scene.server, "next.yaml", &["--token", "somebody-elses"]);
    assert!(!stranger.status.success() && said(&stranger).contains("401"), "{}", said(&stranger));
    scene.server.assert_rest();
}
