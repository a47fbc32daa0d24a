//! What holds for all messages: printing and reading are inverses, no bytes break the reader, nothing breaks a line, and
//! where rsip (somebody else's parser) reads a message, it reads the same.

use bytes::Bytes;
use proptest::prelude::*;
use rsip::prelude::{HeadersExt, ToTypedHeader};

use super::torture::ROWS;
use super::*;

/// Everything that reads: the datagram and the stream, all typed readers, the answer to it. Panics are the fault sought.
fn exercise(bytes: &[u8]) {
    let parsed = Message::parse_datagram(Bytes::copy_from_slice(bytes));
    let mut framer = StreamFramer::default();
    for piece in bytes.chunks(97) {
        framer.push(piece);
        while framer.next_frame().is_some() {}
    }
    let message = match parsed {
        Ok(message) => message,
        Err(ParseError { request: Some(request), fault }) => {
            let answer = Response::to(&request, fault.status()).reason(&fault.reason()).to_tag("t").build();
            assert!(answer.is_ok(), "{answer:?}");
            Message::Request(*request)
        }
        Err(ParseError { request: None, .. }) => return,
    };
    let headers = message.headers();
    let checked = message.check();
    let readable = [
        headers.contacts().is_ok(),
        headers.routes().is_ok(),
        headers.record_routes().is_ok(),
        headers.asserted_identities().is_ok(),
        headers.max_forwards().is_ok(),
        headers.session_expires().is_ok(),
        headers.min_se().is_ok(),
        headers.retry_after().is_ok(),
        headers.content_type().is_ok(),
        headers.replaces().is_ok(),
        headers.refer_to().is_ok(),
        headers.expires().is_ok(),
    ];
    assert!(checked.is_err() || readable[0]);
    assert!(headers.auth(Name::Authorization).len() + headers.reasons().len() <= bytes.len());
    if let (Message::Request(request), Ok(())) = (&message, checked) {
        let answer = Response::to(request, 200).to_tag("ours").build().expect("read values hold no line end");
        assert_eq!(answer.headers.cseq(), request.headers.cseq());
        assert!(answer.headers.to().is_ok_and(|to| to.tag().is_some()));
        let again = reparse(&Message::Response(answer.clone()));
        assert_eq!(again, Message::Response(answer));
    }
}

fn reparse(message: &Message) -> Message {
    Message::parse_datagram(message.to_bytes()).unwrap_or_else(|error| panic!("{error} in {message:?}"))
}

/// A request made of any harmless values.
fn any_request() -> impl Strategy<Value = Request> {
    let method = prop_oneof![Just("INVITE"), Just("BYE"), Just("X-NEW.1")];
    let fields = prop::collection::vec(("[A-Za-z][A-Za-z0-9-]{0,12}", "[^\r\n]{0,40}"), 0..8);
    (
        method,
        "[^\r\n\0]{1,12}",
        "[a-z]{1,8}",
        any::<u16>(),
        fields,
        prop::collection::vec(any::<u8>(), 0..200),
        "\\PC{0,12}",
    )
        .prop_filter_map("a framing field", |(method, user, host, port, fields, body, display)| {
            let uri = Uri::sip(Some(&user), &host, Some(port))?;
            let method = Method::parse(method)?;
            let from = NameAddr::new(uri.clone()).with_display(&display).with_tag("f1");
            let mut builder = Request::builder(method.clone(), uri.clone())
                .header(Name::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx")
                .header(Name::From, &from)
                .header(Name::To, NameAddr::new(uri))
                .header(Name::CallId, "c@h")
                .header(Name::CSeq, CSeq { number: 7, method });
            for (name, value) in &fields {
                if Name::parse(name.as_bytes()) != Name::Extension {
                    return None;
                }
                builder = builder.named(name, value);
            }
            let request = builder.body("application/octet-stream", body).build().expect("harmless");
            assert_eq!(request.headers.from().map(|read| read.display), Ok(from.display));
            Some(request)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_we_print_reads_back_the_same(request in any_request()) {
        prop_assert_eq!(request.check(), Ok(()));
        let message = Message::Request(request);
        prop_assert_eq!(reparse(&message), message);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        exercise(&bytes);
    }

    #[test]
    fn any_text_of_sip_pieces(pieces in prop::collection::vec("INVITE |sip:|SIP/2.0|\r\n|Via: |v:|,|;|<|>|\"|\\\\|=|@|\\[|\\]|::1|%4|m: \\*|l: 9|[a-z]|[0-9]| ", 0..60)) {
        exercise(("INVITE sip:a@b SIP/2.0\r\n".to_owned() + &pieces.concat() + "\r\n\r\n").as_bytes());
    }

    #[test]
    fn mutated_torture(row in 0..61_usize, cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6)) {
        let mut bytes = ROWS[row].1.to_vec();
        for (at, byte, how) in cuts {
            let at = at.index(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match how {
                0 if !bytes.is_empty() => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 if !bytes.is_empty() => drop(bytes.remove(at)),
                _ => bytes.truncate(bytes.len() - at / 4),
            }
        }
        exercise(&bytes);
    }

    #[test]
    fn no_value_ends_a_line(value in "[ -~]{0,8}[\r\n]{1,2}[ -~]{0,8}") {
        let uri = Uri::parse("sip:a@b").expect("well-formed");
        let mut headers = Headers::default();
        prop_assert_eq!(headers.add(Name::Subject, &value), Err(BuildError::LineBreak(Name::Subject)));
        prop_assert_eq!(headers.add_named(&value, "x"), Err(BuildError::BadName));
        let named = Request::builder(Method::Invite, uri.clone()).named("X-A", &value).build();
        prop_assert_eq!(named, Err(BuildError::LineBreak(Name::Extension)));
        let display = NameAddr::new(uri.clone()).with_display(&value);
        let from = Request::builder(Method::Invite, uri.clone()).header(Name::From, display).build();
        prop_assert_eq!(from, Err(BuildError::LineBreak(Name::From)));
        let request = Request::builder(Method::Extension(value.clone().into()), uri).build();
        prop_assert_eq!(request, Err(BuildError::BadName));
        prop_assert!(Uri::sip(Some(&value), "h", None).is_some_and(|uri| !uri.as_str().contains(['\r', '\n'])));
    }
}

#[test]
fn unchanged_messages_leave_as_they_came() {
    let mut same = 0;
    for (file, bytes, _) in ROWS {
        let Ok(message) = Message::parse_datagram(Bytes::from_static(bytes)) else { continue };
        let printed = message.to_bytes();
        assert_eq!(Message::parse_datagram(printed.clone()).map(|m| m.to_bytes()).as_ref(), Ok(&printed), "{file}");
        same += usize::from(bytes.starts_with(&printed));
    }
    // not the same: blanks in two start lines, one without Content-Length
    assert_eq!(same, 50);
}

/// Messages as phones and carriers send them, all of which rsip can read.
const PLAIN: [&str; 4] = [
    "INVITE sip:9000@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.1.1:5080;branch=z9hG4bK-7-1-0\r\nFrom: sipp <sip:sipp@127.0.1.1:5080>;tag=7SIPpTag001\r\nTo: 9000 <sip:9000@127.0.0.1:5060>\r\nCall-ID: 1-7@127.0.1.1\r\nCSeq: 1 INVITE\r\nContact: <sip:sipp@127.0.1.1:5080>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n",
    "REGISTER sip:demo.example SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.7:49152;rport;branch=z9hG4bK8d1\r\nFrom: \"Ana, B.\" <sip:1001@demo.example>;tag=ab12\r\nTo: <sip:1001@demo.example>\r\nCall-ID: 8877@10.0.0.7\r\nCSeq: 2 REGISTER\r\nContact: <sip:1001@10.0.0.7:49152;transport=tcp>;expires=300\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
    "SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP 192.0.2.5:5060;branch=z9hG4bKabc;received=192.0.2.9;rport=1024\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>;tag=2\r\nCall-ID: x@y\r\nCSeq: 314159 INVITE\r\nContact: <sip:b@192.0.2.6:5060>\r\nContent-Length: 0\r\n\r\n",
    "BYE sip:b@192.0.2.6:5060 SIP/2.0\r\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKnashds8\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>;tag=2\r\nCall-ID: x@y\r\nCSeq: 314160 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
];

/// What both parsers are asked for: start, tags, Call-ID, CSeq, branch, Contact.
#[derive(Debug, PartialEq)]
struct Reading {
    start: String,
    from_tag: Option<String>,
    to_tag: Option<String>,
    call_id: String,
    cseq: String,
    branch: Option<String>,
    contact: Option<String>,
}

fn by_rsip(bytes: &[u8]) -> Option<Reading> {
    let message = rsip::SipMessage::try_from(bytes).ok()?;
    let start = match &message {
        rsip::SipMessage::Request(request) => format!("{} {}", request.method, request.uri),
        rsip::SipMessage::Response(response) => response.status_code.code().to_string(),
    };
    let from = message.from_header().ok()?.clone().typed().ok()?;
    let to = message.to_header().ok()?.clone().typed().ok()?;
    let via = message.via_header().ok()?.clone().typed().ok()?;
    let cseq = message.cseq_header().ok()?.clone().typed().ok()?;
    let contact = match message.contact_header() {
        Ok(contact) => Some(contact.clone().typed().ok()?.uri.to_string()),
        Err(_) => None,
    };
    Some(Reading {
        start,
        from_tag: from.tag().map(ToString::to_string),
        to_tag: to.tag().map(ToString::to_string),
        call_id: rsip::headers::UntypedHeader::value(message.call_id_header().ok()?).to_owned(),
        cseq: format!("{} {}", cseq.seq, cseq.method),
        branch: via.branch().map(ToString::to_string),
        contact,
    })
}

fn by_us(bytes: &[u8]) -> Option<Reading> {
    let message = Message::parse_datagram(Bytes::copy_from_slice(bytes)).ok()?;
    message.check().ok()?;
    let headers = message.headers();
    Some(Reading {
        start: match &message {
            Message::Request(request) => format!("{} {}", request.method, request.uri),
            Message::Response(response) => response.status.to_string(),
        },
        from_tag: headers.from().ok()?.tag().map(str::to_owned),
        to_tag: headers.to().ok()?.tag().map(str::to_owned),
        call_id: headers.call_id().ok()?.into_owned(),
        cseq: headers.cseq().ok()?.to_string(),
        branch: headers.via().ok()?.branch().map(str::to_owned),
        contact: headers.contact_uri().ok()?.map(|uri| uri.to_string()),
    })
}

/// Case aside: rsip prints transports in capitals.
#[test]
fn rsip_reads_the_same_where_it_reads() {
    let torture = ROWS.iter().map(|&(file, bytes, _)| (file, bytes));
    let plain = PLAIN.iter().map(|text| (*text, text.as_bytes()));
    let mut agreed = 0;
    for (name, bytes) in plain.chain(torture) {
        if let (Some(theirs), Some(mut ours)) = (by_rsip(bytes), by_us(bytes)) {
            if theirs.contact.is_none() {
                // rsip does not know `m`
                ours.contact = None;
            }
            assert_eq!(format!("{theirs:?}").to_lowercase(), format!("{ours:?}").to_lowercase(), "{name}");
            agreed += 1;
        }
    }
    assert_eq!(agreed, 23, "how many both read");
}
