//! What is refused, in which order, and with which status.

use super::super::Counts;
use super::world::*;
use crate::base::Span;
use crate::sip::message::Name;
use crate::sip::words::Tell;

const STRANGER: &str = "198.51.100.66:5060";

/// From the trunk, which is trusted, so that what is refused is the request itself.
fn request(method: &str, uri: &str, to_tag: &str, more: &str, body: &str) -> String {
    format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.50:5060;branch=z9hG4bKr1;rport\r\nFrom: <sip:a@carrier>;tag=f\r\n\
         To: <sip:9000@192.0.2.1>{to_tag}\r\nCall-ID: r1\r\nCSeq: 1 {method}\r\nContact: <sip:192.0.2.50>\r\n{more}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn each_bad_request_gets_its_status() {
    struct Row(&'static str, &'static str, &'static str, &'static str, &'static str, u16, Option<(Name, &'static str)>);
    let sdp = "Content-Type: application/sdp\r\n";
    let number = "sip:9000@192.0.2.1";
    let allow = Some((Name::Allow, super::super::wire::ALLOW));
    let rows = [
        Row("FOO", number, "", "", "", 501, allow),
        Row("REFER", number, "", "", "", 403, None),
        Row("SUBSCRIBE", number, "", "", "", 405, allow),
        Row("PRACK", number, "", "", "", 405, allow),
        Row("BYE", number, "", "", "", 481, None),
        Row("BYE", number, ";tag=cb1.gone", "", "", 481, None),
        Row("INVITE", number, ";tag=cb1.gone", "", "", 481, None),
        Row("INFO", number, "", "", "", 481, None),
        Row("CANCEL", number, "", "", "", 481, None),
        Row("INVITE", number, "", "Max-Forwards: 0\r\n", "", 483, None),
        Row("INVITE", number, "", "Require: 100rel, timer, x\r\n", "", 420, Some((Name::Unsupported, "100rel, x"))),
        Row(
            "INVITE",
            number,
            "",
            "Content-Type: text/plain\r\n",
            "hi",
            415,
            Some((Name::Accept, super::super::wire::ACCEPT)),
        ),
        Row("INVITE", number, "", "Content-Encoding: gzip\r\nContent-Type: application/sdp\r\n", "hi", 415, None),
        Row("INVITE", "sips:9000@192.0.2.1", "", sdp, "v=0", 416, None),
        Row("INVITE", "mailto:a@b", "", sdp, "v=0", 416, None),
        Row("INVITE", number, "", "Supported: timer\r\nSession-Expires: 30\r\n", "", 422, Some((Name::MinSe, "90"))),
        Row("INVITE", number, "", "From: <sip:b@c>\r\n", "", 400, None),
        Row("REGISTER", number, "", "", "", 403, None),
        Row("OPTIONS", number, "", "", "", 200, allow),
    ];
    for Row(method, uri, to_tag, more, body, status, header) in rows {
        let mut world = World::new();
        world.inject(TRUNK, request(method, uri, to_tag, more, body));
        world.run(Span::millis(50));
        let response = world.last_response(TRUNK);
        assert_eq!(response.status, status, "{method} {uri} {more}");
        assert!(response.headers.to().expect("To").tag().is_some(), "{method}: every final answer has a tag");
        if let Some((name, value)) = header {
            assert_eq!(response.headers.text(name).as_deref(), Some(value), "{method} {more}");
        }
        assert_eq!(world.take_tells(), [], "{method} {more}");
        world.run(Span::seconds(40));
        assert_eq!(world.endpoint.counts(), Counts::default(), "{method} {more}");
    }
}

#[test]
fn a_merged_request_gets_482() {
    let mut world = World::new();
    let first = request("INVITE", "sip:9000@192.0.2.1", "", "", "");
    world.inject(TRUNK, first.clone());
    world.inject(TRUNK, first.clone());
    world.run(Span::millis(50));
    assert!(matches!(world.take_tells()[..], [Tell::Incoming(_)]), "a repeat is no second call");
    world.inject(TRUNK, first.replace("z9hG4bKr1", "z9hG4bKr2"));
    world.run(Span::millis(50));
    assert_eq!(world.last_response(TRUNK).status, 482);
    assert_eq!(world.take_tells(), []);
}

#[test]
fn strangers_are_challenged_whatever_they_ask_and_leave_nothing_behind() {
    for method in ["INVITE", "REGISTER", "OPTIONS", "BYE", "FOO", "SUBSCRIBE", "ACK", "CANCEL"] {
        let mut world = World::new();
        let text = request(method, "sip:9000@192.0.2.1", "", "", "").replace("192.0.2.50", "198.51.100.66");
        world.inject(STRANGER, text.clone());
        world.inject(STRANGER, text);
        world.run(Span::millis(50));
        match method {
            "ACK" => assert!(world.heard_by(STRANGER).is_empty()),
            "CANCEL" => {
                assert_eq!(world.heard_by(STRANGER).len(), 2);
                assert_eq!(world.last_response(STRANGER).status, 481);
                assert_eq!(world.endpoint.counts(), Counts::default(), "{method} costs no memory");
            }
            _ => {
                let response = world.last_response(STRANGER);
                let value = &response.headers.auth(Name::WwwAuthenticate)[0];
                assert_eq!((response.status, value.get("realm")), (401, Some("one.example")), "{method}");
                assert_eq!(world.endpoint.counts(), Counts::default(), "{method} costs no memory");
            }
        }
    }
}

#[test]
fn a_stranger_cannot_end_a_call_that_is_not_his() {
    let mut world = World::new();
    world.inject(TRUNK, request("INVITE", "sip:9000@192.0.2.1", "", "", ""));
    world.run(Span::millis(50));
    let tells = world.take_tells();
    let [Tell::Incoming(incoming)] = &tells[..] else { panic!("{tells:?}") };
    world.act(crate::sip::words::Act::Accept { leg: incoming.leg, sdp: SDP.to_vec() });
    world.run(Span::millis(50));
    let tag = world.last_response(TRUNK).headers.to().expect("To").tag().expect("a tag").to_owned();
    let bye = request("BYE", "sip:9000@192.0.2.1", &format!(";tag={tag}"), "", "").replace("CSeq: 1", "CSeq: 2");
    world.inject(STRANGER, bye.replace("z9hG4bKr1", "z9hG4bKs"));
    world.run(Span::millis(50));
    assert_eq!((world.last_response(STRANGER).status, world.take_tells()), (401, vec![]));
    world.inject(TRUNK, bye.replace("z9hG4bKr1", "z9hG4bKt"));
    world.run(Span::millis(50));
    assert!(matches!(world.take_tells()[..], [Tell::Ended { by_far_end: true, .. }]));
}

#[test]
fn a_full_node_refuses_calls_but_not_emergencies() {
    let mut world = World::new();
    world.endpoint.set_shedding(true);
    world.inject(TRUNK, request("INVITE", "sip:9000@192.0.2.1", "", "", ""));
    world.run(Span::millis(50));
    let response = world.last_response(TRUNK);
    assert_eq!((response.status, response.headers.text(Name::RetryAfter)), (503, None), "no Retry-After to trunks");
    world.inject(TRUNK, request("INVITE", "sip:112@192.0.2.1", "", "", "").replace("r1", "e1"));
    world.run(Span::millis(50));
    assert!(matches!(world.take_tells()[..], [Tell::Incoming(_)]));
}

#[test]
fn a_request_of_rfc_2543_is_matched_without_a_branch() {
    let mut world = World::new();
    let old = request("INVITE", "sip:9000@192.0.2.1", "", "", "").replace(";branch=z9hG4bKr1;rport", "");
    world.inject(TRUNK, old.clone());
    world.inject(TRUNK, old.clone());
    world.run(Span::millis(50));
    assert!(matches!(world.take_tells()[..], [Tell::Incoming(_)]));
    world.inject(TRUNK, old.replace("INVITE sip", "CANCEL sip").replace("1 INVITE", "1 CANCEL"));
    world.run(Span::millis(50));
    assert!(matches!(world.take_tells()[..], [Tell::Ended { by_far_end: true, .. }]));
    assert_eq!(world.last_response(TRUNK).status, 487);
    world.inject(TRUNK, old.replace("INVITE sip", "ACK sip").replace("1 INVITE", "1 ACK"));
    world.run(Span::seconds(6));
    assert_eq!(world.heard_by(TRUNK).iter().filter(|line| line.contains("487")).count(), 1, "the ACK was matched");
}

/// The lanes let a CANCEL pass an INVITE that waits, and so does a network.
#[test]
fn a_cancel_that_overtook_its_invite_is_remembered() {
    let mut world = World::new();
    let invite = request("INVITE", "sip:9000@192.0.2.1", "", "", "");
    world.inject(TRUNK, invite.replace("INVITE", "CANCEL"));
    world.run(Span::millis(50));
    assert_eq!(world.last_response(TRUNK).status, 481);
    world.inject(TRUNK, invite.clone());
    world.run(Span::millis(50));
    assert_eq!((world.last_response(TRUNK).status, world.take_tells()), (487, vec![]));
    // much later it is another matter
    world.inject(TRUNK, invite.replace("r1", "r2").replace("INVITE", "CANCEL"));
    world.run(Span::seconds(40));
    world.inject(TRUNK, invite.replace("r1", "r2"));
    world.run(Span::millis(50));
    assert!(matches!(world.take_tells()[..], [Tell::Incoming(_)]));
}

#[test]
fn a_body_of_several_parts_is_read_for_its_sdp() {
    let mut world = World::new();
    let body = "preamble\r\n--b 1\r\nContent-Type: application/vnd.x;a=b\r\n\r\n\u{1}\r\n--b 1  \r\nContent-Disposition: session\r\n\
                content-type : application/sdp\r\n\r\nv=0\r\ns=-\r\n\r\n--b 1--\r\n";
    let kind = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b 1\"\r\n";
    world.inject(TRUNK, request("INVITE", "sip:9000@192.0.2.1", "", kind, body));
    world.run(Span::millis(50));
    let tells = world.take_tells();
    let [Tell::Incoming(incoming)] = &tells[..] else { panic!("{tells:?} {:?}", world.heard_by(TRUNK)) };
    assert_eq!(incoming.sdp.as_deref(), Some(&b"v=0\r\ns=-\r\n"[..]));
    // without a part that we can read it is refused
    let other = body.replace("application/sdp", "text/plain");
    world.inject(TRUNK, request("INVITE", "sip:9000@192.0.2.1", "", kind, &other).replace("r1", "r2"));
    world.run(Span::millis(50));
    assert_eq!(world.last_response(TRUNK).status, 415);
}
