//! Bindings of one extension: taken, refreshed, limited, removed and expired.

use super::*;
use crate::sip::message::{Contact, NameAddr};

const EXT: ExtensionNo = ExtensionNo(7);

fn limits() -> Limits {
    Limits {
        calls: 10,
        cps: 10,
        call_max: Span::hours(4),
        hold_max: Span::minutes(15),
        register_min: Span::seconds(60),
        register_max: Span::hours(1),
        register_default: Span::minutes(5),
    }
}

fn asked(cseq: u32, contacts: &[&str]) -> Asked {
    let list = contacts.iter().map(|text| Contact(NameAddr::parse(text).expect("a contact"))).collect();
    Asked {
        extension: EXT,
        contacts: Contacts::List(list),
        expires: None,
        call_id: "c1".into(),
        cseq,
        received: ([192, 0, 2, 9], 5060).into(),
        interface: InterfaceNo(0),
        wire: Wire::Udp,
        link: LinkId(1),
        path: Vec::new(),
        user_agent: None,
    }
}

/// Registers, lets the disk answer at once, gives the reply.
fn register(registrar: &mut Registrar, asked: &Asked, t: Time) -> Reply {
    match registrar.register(asked, &limits(), t) {
        Ok(reply) => reply,
        Err(ticket) => {
            let saves: Vec<u64> = drain(registrar)
                .iter()
                .filter_map(|out| match out {
                    Out::World(Output::SaveBinding { request, .. }) => Some(*request),
                    _ => None,
                })
                .collect();
            for request in saves {
                registrar.saved(request, true, t);
            }
            let replies = drain(registrar).into_iter().filter_map(|out| match out {
                Out::Reply { ticket: of, reply } => (of == ticket).then_some(reply),
                Out::World(_) | Out::Probe { .. } => None,
            });
            replies.last().expect("answered when saved")
        }
    }
}

fn drain(registrar: &mut Registrar) -> Vec<Out> {
    std::iter::from_fn(|| registrar.poll()).collect()
}

fn tells(registrar: &mut Registrar) -> Vec<Tell> {
    let tell = |out| match out {
        Out::World(Output::Tell(tell)) => Some(tell),
        Out::World(_) | Out::Reply { .. } | Out::Probe { .. } => None,
    };
    drain(registrar).into_iter().filter_map(tell).collect()
}

#[test]
fn each_register_gets_what_rfc_3261_section_10_3_says() {
    struct Row(&'static str, Asked, u16, &'static [(&'static str, i64)]);
    let star = |expires| Asked { contacts: Contacts::Star, expires, ..asked(9, &[]) };
    let expires = |seconds, asked| Asked { expires: Some(seconds), ..asked };
    let other = |asked| Asked { call_id: "c2".into(), ..asked };
    let a = "<sip:a@192.0.2.9>";
    let rows = [
        Row("a query changes nothing", asked(2, &[]), 200, &[("sip:a@192.0.2.9", 300)]),
        Row(
            "the parameter wins over the header",
            expires(90, asked(2, &["<sip:a@192.0.2.9>;expires=120"])),
            200,
            &[("sip:a@192.0.2.9", 120)],
        ),
        Row("the header is for all", expires(90, asked(2, &[a])), 200, &[("sip:a@192.0.2.9", 90)]),
        Row("cut to the longest", expires(7_200, asked(2, &[a])), 200, &[("sip:a@192.0.2.9", 3_600)]),
        Row("too brief", expires(59, asked(2, &[a])), 423, &[]),
        Row("removed", expires(0, asked(2, &[a])), 200, &[]),
        Row(
            "removing a stranger is no fault",
            expires(0, asked(2, &["<sip:x@192.0.2.9>"])),
            200,
            &[("sip:a@192.0.2.9", 300)],
        ),
        Row(
            "a second contact",
            asked(2, &["<sip:b@192.0.2.9>;q=0.5"]),
            200,
            &[("sip:a@192.0.2.9", 300), ("sip:b@192.0.2.9", 300)],
        ),
        Row("all or nothing", asked(2, &["<sip:b@192.0.2.9>", "<sip:c@192.0.2.9>;expires=1"]), 423, &[]),
        Row("overtaken", asked(1, &[a]), 500, &[]),
        Row("another Call-ID has its own order", other(asked(1, &[a])), 200, &[("sip:a@192.0.2.9", 300)]),
        Row("star", star(Some(0)), 200, &[]),
        Row("star without Expires: 0", star(None), 400, &[]),
        Row("star overtaken", Asked { cseq: 1, ..star(Some(0)) }, 500, &[]),
        Row("a tel contact", asked(2, &["<tel:+861>"]), 400, &[]),
        Row("equivalent, not equal", asked(2, &["<sip:a@192.0.2.9;x=1>"]), 200, &[("sip:a@192.0.2.9;x=1", 300)]),
    ];
    for Row(name, asked_then, status, contacts) in rows {
        let mut registrar = Registrar::default();
        assert_eq!(register(&mut registrar, &asked(1, &[a]), Time(0)).status, 200, "{name}");
        let reply = register(&mut registrar, &asked_then, Time(0));
        let listed: Vec<(&str, i64)> = reply.contacts.iter().map(|(uri, _, left)| (uri.as_str(), *left)).collect();
        assert_eq!((reply.status, listed.as_slice()), (status, contacts), "{name}");
        assert_eq!(reply.min_expires, (status == 423).then_some(60), "{name}");
        if status != 200 {
            assert_eq!(registrar.bindings(EXT).count(), 1, "{name} changes nothing");
        }
    }
}

#[test]
fn a_new_binding_waits_for_the_disk_and_a_refresh_does_not() {
    let mut registrar = Registrar::default();
    let ticket = registrar.register(&asked(1, &["<sip:a@h>"]), &limits(), Time(0)).expect_err("waits");
    let Some(Out::World(Output::SaveBinding { request, .. })) = registrar.poll() else { panic!("asks to save") };
    assert!(!registrar.is_reachable(EXT), "unused until saved");
    registrar.saved(request, true, Time(1));
    let outs = drain(&mut registrar);
    assert!(matches!(outs[0], Out::World(Output::Tell(Tell::Registered { .. }))));
    assert!(matches!(outs[1], Out::World(Output::Tell(Tell::Reachable { reachable: true, .. }))));
    assert!(matches!(&outs[2], Out::Reply { ticket: of, reply } if *of == ticket && reply.status == 200));
    assert_eq!(registrar.register(&asked(2, &["<sip:a@h>"]), &limits(), Time(2)).expect("at once").status, 200);
    assert!(matches!(drain(&mut registrar)[..], [Out::World(Output::UpdateBinding { .. })]));
    let moved = Asked { received: ([192, 0, 2, 9], 9999).into(), ..asked(3, &["<sip:a@h>"]) };
    assert!(registrar.register(&moved, &limits(), Time(3)).is_err(), "another source is a new binding");
}

#[test]
fn a_disk_that_does_not_answer_means_503_and_no_binding() {
    for refused in [false, true] {
        let mut registrar = Registrar::default();
        let ticket = registrar.register(&asked(1, &["<sip:a@h>"]), &limits(), Time(0)).expect_err("waits");
        let Some(Out::World(Output::SaveBinding { request, .. })) = registrar.poll() else { panic!("asks to save") };
        if refused {
            registrar.saved(request, false, Time(1));
        } else {
            assert_eq!(registrar.deadline(), Some(Time(0) + SAVE_PATIENCE));
            registrar.due(Time(0) + SAVE_PATIENCE);
        }
        let outs = drain(&mut registrar);
        assert!(matches!(outs[0], Out::World(Output::RemoveBinding { .. })), "taken back");
        assert_eq!(outs[1], Out::Reply { ticket, reply: Reply::refuse(503) });
        registrar.saved(request, true, Time(5));
        assert_eq!((registrar.poll(), registrar.is_reachable(EXT), registrar.deadline()), (None, false, None));
    }
}

#[test]
fn an_extension_has_a_bounded_number_of_contacts() {
    let mut registrar = Registrar::default();
    let max = crate::base::bounds::BINDINGS_PER_EXTENSION;
    for n in 0..=max {
        let contact = format!("<sip:c{n}@h>");
        let reply = register(&mut registrar, &asked(n as u32 + 1, &[&contact]), Time(0));
        assert_eq!(reply.status, if n < max { 200 } else { 403 });
    }
}

#[test]
fn a_binding_ends_by_time_or_with_its_connection() {
    let mut registrar = Registrar::default();
    register(&mut registrar, &asked(1, &["<sip:a@h>"]), Time(0));
    let tcp = Asked { wire: Wire::Tcp, link: LinkId(5), ..asked(2, &["<sip:b@h>;expires=600;q=0.2"]) };
    register(&mut registrar, &tcp, Time(0));
    let uris: Vec<String> = registrar.targets(EXT, Time(0)).into_iter().map(|target| target.uri).collect();
    assert_eq!(uris, ["sip:a@h", "sip:b@h"]);
    drain(&mut registrar);
    registrar.due(Time(0) + Span::minutes(5));
    assert_eq!(tells(&mut registrar), [Tell::Unregistered { extension: EXT, contact: "sip:a@h".into() }]);
    registrar.link_closed(LinkId(5));
    let gone = Tell::Unregistered { extension: EXT, contact: "sip:b@h".into() };
    assert_eq!(tells(&mut registrar), [gone, Tell::Reachable { extension: EXT, reachable: false }]);
    assert_eq!(registrar.deadline(), None);
}

#[test]
fn after_a_restart_tcp_bindings_wait_for_their_phone() {
    let binding = |contact: &str, wire| Binding {
        extension: EXT,
        contact: contact.into(),
        received: ([192, 0, 2, 9], 5060).into(),
        interface: InterfaceNo(0),
        wire,
        path: Vec::new(),
        call_id: "c1".into(),
        cseq: 1,
        q: 1000,
        until: Time(0) + Span::hours(1),
        user_agent: None,
    };
    let mut registrar = Registrar::new(vec![binding("sip:t@h", Wire::Tcp)]);
    assert!(!registrar.is_reachable(EXT));
    let again = Asked { wire: Wire::Tcp, link: LinkId(3), ..asked(2, &["<sip:t@h>"]) };
    assert_eq!(register(&mut registrar, &again, Time(5)).status, 200);
    assert_eq!(registrar.targets(EXT, Time(5))[0].link, Some(LinkId(3)));
    // One in its place in the same process: nobody has hung up.
    let mut renewed = Registrar::new(registrar.bindings(EXT).cloned().collect());
    assert!(!renewed.is_reachable(EXT));
    renewed.keep_links(&registrar);
    assert!(renewed.is_reachable(EXT));
    assert_eq!(renewed.targets(EXT, Time(5))[0].link, Some(LinkId(3)));
    assert!(Registrar::new(vec![binding("sip:u@h", Wire::Udp)]).is_reachable(EXT));
}

#[test]
fn a_watched_phone_that_stops_answering_is_unreachable_within_a_minute() {
    let mut registrar = Registrar::default();
    register(&mut registrar, &asked(1, &["<sip:a@h>;expires=3600"]), Time(0));
    registrar.watch(EXT, true, Time(0));
    drain(&mut registrar);
    let source = asked(1, &[]).received;
    let steps: [(i64, bool, usize, Option<bool>); 7] = [
        // second, heard, probes sent, reachability told
        (30, false, 1, None),
        (35, true, 0, None),
        (64, false, 0, None),
        (65, false, 1, None),
        (75, false, 1, None),
        (85, false, 1, Some(false)),
        (90, true, 0, Some(true)),
    ];
    for (second, heard, probes, told) in steps {
        let t = Time(0) + Span::seconds(second);
        registrar.due(t);
        if heard {
            registrar.heard(EXT, source, t);
        }
        let outs = drain(&mut registrar);
        let sent = outs.iter().filter(|out| matches!(out, Out::Probe { .. })).count();
        let reachable = outs.iter().find_map(|out| match out {
            Out::World(Output::Tell(Tell::Reachable { reachable, .. })) => Some(*reachable),
            _ => None,
        });
        assert_eq!((sent, reachable), (probes, told), "at {second} s");
    }
    registrar.watch(EXT, false, Time(0) + Span::seconds(90));
    assert_eq!(registrar.deadline(), Some(Time(0) + Span::hours(1)), "only the expiry is left");
}

#[test]
fn each_proof_of_a_watched_phone_is_told() {
    let first = || asked(1, &["<sip:a@h>"]);
    let rebooted = || Asked { call_id: "c2".into(), ..first() };
    let source = asked(1, &[]).received;
    // watched; what comes at 31 s, after an OPTIONS; how often it is told that the phone is there
    type Comes = fn(&mut Registrar, Asked, SocketAddr, Time);
    let registers: Comes = |registrar, asked, _, t| {
        registrar.register(&asked, &limits(), t).expect_err("it is saved first");
        let saves = drain(registrar);
        let [Out::World(Output::SaveBinding { request, .. })] = saves[..] else { panic!("{saves:?}") };
        registrar.saved(request, true, t);
    };
    let refreshes: Comes = |registrar, asked, _, t| {
        let again = Asked { cseq: 2, call_id: "c1".into(), ..asked };
        registrar.register(&again, &limits(), t).expect("a refresh is answered at once");
    };
    let answers: Comes = |registrar, _, source, t| registrar.answered(EXT, source, t);
    let speaks: Comes = |registrar, _, source, t| registrar.heard(EXT, source, t);
    let comes_back: Comes = |registrar, _, source, t| {
        registrar.due(t + WATCH_PATIENCE);
        registrar.due(t + WATCH_PATIENCE * 2);
        assert!(!registrar.is_reachable(EXT));
        registrar.answered(EXT, source, t + WATCH_PATIENCE * 3);
    };
    for (watched, comes, told) in [
        (true, registers, 1),
        (false, registers, 0),
        (true, refreshes, 0),
        (true, answers, 1),
        (false, answers, 0),
        (true, speaks, 0),
        (true, comes_back, 1),
    ] {
        let mut registrar = Registrar::default();
        register(&mut registrar, &first(), Time(0));
        if watched {
            registrar.watch(EXT, true, Time(0));
        }
        registrar.due(Time(0) + WATCH_INTERVAL);
        drain(&mut registrar);
        comes(&mut registrar, rebooted(), source, Time(0) + Span::seconds(31));
        let there = Tell::Reachable { extension: EXT, reachable: true };
        assert_eq!(tells(&mut registrar).iter().filter(|tell| **tell == there).count(), told);
    }
}

#[test]
fn a_connection_that_closes_before_the_disk_answers_leaves_no_binding() {
    let mut registrar = Registrar::default();
    let asked = Asked { wire: Wire::Tcp, link: LinkId(9), ..asked(1, &["<sip:a@192.0.2.9:7000;transport=tcp>"]) };
    assert!(registrar.register(&asked, &limits(), Time(0)).is_err());
    let saves = drain(&mut registrar);
    let [Out::World(Output::SaveBinding { request, .. })] = &saves[..] else { panic!("{saves:?}") };
    registrar.link_closed(LinkId(9));
    registrar.saved(*request, true, Time(0));
    assert!(!registrar.is_reachable(EXT) && registrar.count() == 0 && registrar.waiting() == 0);
    let said = drain(&mut registrar);
    let gone = said.iter().any(|out| matches!(out, Out::World(Output::RemoveBinding { .. })));
    assert!(gone, "the disk forgets it too: {said:?}");
}
