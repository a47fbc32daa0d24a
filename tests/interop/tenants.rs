//! Two tenants in one process, by two site files in a folder: each sees what is its own.

use cordboard::event::words::Wire;
use serde_json::Value;

use crate::far_ends::{self, FarEnds};
use crate::harness::server::House;
use crate::harness::wait::beside_others;
use crate::harness::{Api, Block, Events, Server};
use crate::scenario::ua::Ua;
use crate::scenario::ua::call::{Phase, Plan};

fn site(name: &str) -> String {
    format!(
        r#"tenant: {name}
domains: [{name}.example]
language: en-US
extensions:
  - {{number: "1001", password: "{name}-1001"}}
  - {{number: "1002", password: "{name}-1002"}}
routes:
  - {{match: "^1\\d{{3}}$", extension: true}}
"#
    )
}

fn phone(ends: &mut FarEnds, name: &str, number: &str, at: &str, password: &str) -> usize {
    let no = ends.uas.len();
    ends.add(name, far_ends::seat(), Wire::Udp, &format!("{at}.example")).has_account(number, password, 600);
    ends.touch(no, |ua, t| ua.register(t));
    no
}

fn ids(api: &Api, path: &str) -> Vec<String> {
    let contacts = api.get(path)["contacts"].as_array().expect("a list").clone();
    contacts.iter().map(|contact| contact["contact"].as_str().expect("an id").to_owned()).collect()
}

fn bindings(api: &Api) -> Vec<Value> {
    let extensions = api.get("/v1/extensions")["extensions"].as_array().expect("a list").clone();
    extensions.iter().flat_map(|extension| extension["bindings"].as_array().expect("a list").clone()).collect()
}

#[test]
fn the_same_extensions_in_two_tenants_do_not_know_each_other() {
    let _others = beside_others();
    let server = Server::open(House {
        tenant: "north",
        sites: vec![("north.yaml", site("north")), ("south.yaml", site("south"))],
        flows: Vec::new(),
        drain: "20s",
        sip: Block::one(),
        media_ports: 60,
    });
    let north = server.api.clone();
    let south = Api { tenant: "south", ..north.clone() };
    let (north_events, south_events) = (Events::open(&north, "newest"), Events::open(&south, "newest"));
    let mut ends = FarEnds::new(server.sip);
    let [n1, n2] = ["1001", "1002"].map(|n| phone(&mut ends, &format!("n{n}"), n, "north", &format!("north-{n}")));
    let [s1, s2] = ["1001", "1002"].map(|n| phone(&mut ends, &format!("s{n}"), n, "south", &format!("south-{n}")));
    let thief = phone(&mut ends, "thief", "1001", "south", "north-1001");
    let is_tried = |uas: &[Ua]| uas.iter().all(|ua| ua.register_status.is_some_and(|status| status != 401));
    ends.until("the phones to register", |uas| is_tried(&uas[..thief]));
    ends.until("the thief to be refused", |uas| {
        uas[thief].register_status == Some(401) && !uas[thief].is_registering()
    });
    assert_eq!((bindings(&north).len(), bindings(&south).len()), (2, 2), "each has the bindings of its own phones");

    let call = ends.touch(n1, |ua, t| ua.call("1002", "", Plan::default(), t));
    ends.until("the north's second phone to ring", |uas| uas[n2].live_calls() == 1);
    assert_eq!(ends.uas[s2].diaries.len(), 0, "the same number in the south is somebody else");
    let other = ends.touch(s1, |ua, t| ua.call("1002", "", Plan::default(), t));
    ends.until("the south's second phone to ring", |uas| uas[s2].live_calls() == 1);
    for ua in [n2, s2] {
        let rings = ends.uas[ua].live_call().expect("it rings");
        ends.touch(ua, |ua, t| ua.answer(rings, t));
    }
    ends.until("both to talk", |uas| {
        let is_up = |ua: usize, call| uas[ua].calls.get(&call).is_some_and(|c: &_| c.phase == Phase::Up);
        is_up(n1, call) && is_up(s1, other)
    });
    let (here, there) = (ids(&north, "/v1/calls"), ids(&south, "/v1/calls"));
    assert_eq!((here.len(), there.len()), (1, 1));
    assert_ne!(here, there);
    for verb in ["/v1/calls", "/v1/contacts"] {
        assert_eq!(south.send("GET", &format!("{verb}/{}", here[0]), &[], "").status, 404, "{verb}");
    }
    let ended = south.send("POST", &format!("/v1/calls/{}/hangup", here[0]), &[], "{}");
    assert_eq!(ended.status, 404, "nobody ends a call of others");

    ends.touch(n1, |ua, t| ua.hang_up(call, t));
    ends.until("the north to be at rest", |uas| uas[n2].live_calls() == 0);
    assert_eq!(ends.uas[s2].live_calls(), 1, "the south talks on");
    ends.touch(s1, |ua, t| ua.hang_up(other, t));
    ends.until("the south to be at rest", |uas| uas[s2].live_calls() == 0);
    for (api, events, own) in [(&north, &north_events, &here), (&south, &south_events, &there)] {
        let closed = events.closed(&own[0]);
        assert_eq!(events.so_far("contact_opened").len(), 1, "{} is told of its own", api.tenant);
        assert_eq!(&ids(api, &format!("/v1/contacts?at_least={}", closed["seq"])), own);
    }
    server.assert_rest();
}
