//! Phones register: real ones by the hundred, and those that may not.

use crate::harness::raw::{self, Raw, header, status};
use crate::harness::wait::beside_others;
use crate::harness::{Plan, Server, Sipp};

fn bindings(server: &Server, transport: &str) -> usize {
    let extensions = server.api.get("/v1/extensions");
    let list = extensions["extensions"].as_array().expect("a list").clone();
    let all = list.iter().flat_map(|extension| extension["bindings"].as_array().expect("a list").clone());
    all.filter(|binding| binding["transport"] == transport && binding["usable"] == true).count()
}

#[test]
fn a_hundred_phones_register_over_udp() {
    let _others = beside_others();
    let server = Server::start(&Plan { extensions: 100, ..Plan::default() });
    Sipp::register(&server, 100, false);
    assert_eq!(bindings(&server, "udp"), 100);
    assert_eq!(server.api.figure("cordboard_sip_bindings_count"), 100.0);
}

#[test]
fn a_hundred_phones_register_over_tcp() {
    let _others = beside_others();
    let server = Server::start(&Plan { extensions: 100, ..Plan::default() });
    let events = server.events();
    Sipp::register(&server, 100, true);
    events.wait("registered", |event| event["data"]["extension_no"] == 100);
    assert_eq!(events.so_far("registered").len(), 100);
    // sipp is gone and its connection with it: nobody can be called over it any more.
    events.wait("unregistered", |event| event["data"]["extension_no"] == 100);
    assert_eq!(bindings(&server, "tcp"), 0);
}

/// What may differ between two answers to the same question: what is fresh by chance, and who asked.
fn without_chance(answer: &str, phone: &str) -> String {
    let challenge = header(answer, "WWW-Authenticate").unwrap_or_default();
    let nonce = raw::parameter(challenge, "nonce").unwrap_or("-");
    let to_tag = header(answer, "To").and_then(|to| to.split(";tag=").nth(1)).unwrap_or("-");
    answer.replace(nonce, "NONCE").replace(to_tag, "TAG").replace(phone, "PHONE")
}

#[test]
fn a_wrong_password_and_an_unknown_extension_get_the_same_answer() {
    let _others = beside_others();
    let server = Server::start(&Plan::default());
    let raw = Raw::new(&server);
    let wrong = raw.register_with("1001", "not-its-password", "same-call-id");
    let unknown = raw.register_with("7777", "not-its-password", "same-call-id");
    assert!(matches!(status(&wrong), 401 | 403), "{wrong}");
    assert_eq!(without_chance(&wrong, "1001"), without_chance(&unknown, "7777"));
    // The same socket with the right password: it was the password, and nobody was banned for one mistake.
    let right = raw.register_with("1001", "secret-1001", "another-call-id");
    assert_eq!(status(&right), 200, "{right}");
    assert_eq!(bindings(&server, "udp"), 1);
}

#[test]
fn a_nonce_is_not_taken_twice_and_an_invented_one_never() {
    let _others = beside_others();
    let server = Server::start(&Plan::default());
    let raw = Raw::new(&server);
    let first = raw.ask(&raw.register("1002", 1, "nonce", ""));
    let answer = raw::authorization(&first, "REGISTER", "sip:test.example", "1002", "secret-1002");
    assert_eq!(status(&raw.ask(&raw.register("1002", 2, "nonce", &answer))), 200);
    // The same credentials in another request: the count did not rise.
    let again = raw.ask(&raw.register("1002", 3, "nonce", &answer));
    assert_eq!(status(&again), 401, "{again}");
    let nonce = raw::parameter(header(&first, "WWW-Authenticate").expect("a challenge"), "nonce").expect("a nonce");
    let invented = first.replace(nonce, &"0".repeat(nonce.len()));
    let answer = raw::authorization(&invented, "REGISTER", "sip:test.example", "1002", "secret-1002");
    let refused = raw.ask(&raw.register("1002", 4, "nonce", &answer));
    assert_eq!(status(&refused), 401, "{refused}");
}
