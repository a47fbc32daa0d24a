//! Offers of the field and of RFC 3264, each with the answer and what is agreed.

use proptest::prelude::*;

use super::*;

const US: MediaAddress = MediaAddress { ip: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), rtp: 16_384 };
const WISH: MediaDirection = MediaDirection::SEND_RECEIVE;

fn us_v6() -> MediaAddress {
    MediaAddress { ip: "2001:db8::1".parse().expect("address"), rtp: 16_384 }
}

fn read(offer: &str) -> Offer {
    Offer::read(offer.as_bytes()).expect("readable")
}

fn offer(media: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n{media}")
}

/// The lines of a description that differ: `m=` and `a=`, without the rtpmap and fmtp of our own making.
fn media(bytes: &[u8]) -> String {
    let text = std::str::from_utf8(bytes).expect("ours is ASCII");
    let lines = text.split("\r\n").filter(|line| line.starts_with("m=") || line.starts_with("a="));
    let told = lines.filter(|line| !line.contains("map:") && !line.contains("fmtp:") && *line != "a=ptime:20");
    told.collect::<Vec<_>>().join(" ")
}

fn brief(agreed: &Agreed) -> String {
    let event = |payload: Option<u8>| payload.map_or("-".to_owned(), |payload| payload.to_string());
    format!(
        "{} {} {}={} digits {}/{} {}{} {}ms",
        agreed.remote,
        agreed.remote_rtcp.port(),
        agreed.codec.name(),
        agreed.send_payload,
        event(agreed.telephone_event_send),
        event(agreed.telephone_event_receive),
        if agreed.send { "S" } else { "-" },
        if agreed.receive { "R" } else { "-" },
        agreed.ptime_ms,
    )
}

/// What an offer leads to: our lines and the agreement, or the status.
fn answered(offer: &str, capabilities: &Capabilities, at: MediaAddress) -> (String, String) {
    let mut side = Negotiator::new(7);
    let met = Offer::read(offer.as_bytes()).and_then(|offer| {
        let (bytes, agreed) = side.answer(&offer, capabilities, at, WISH)?;
        Ok((media(&bytes), brief(agreed)))
    });
    met.unwrap_or_else(|error| (String::new(), error.status().to_string()))
}

/// Why, media lines offered, our media lines, agreement.
type Answered = (&'static str, &'static str, &'static str, &'static str);

fn answers(rows: &[Answered]) {
    for (why, lines, ours, agreed) in rows {
        let expected = ((*ours).to_owned(), (*agreed).to_owned());
        assert_eq!(answered(&offer(lines), &Capabilities::default(), US), expected, "{why}");
    }
}

#[test]
fn a_codec_is_chosen_in_the_offers_order() {
    answers(&[
        (
            "the offer's order wins (RFC 3264 §6.1)",
            "m=audio 4000 RTP/AVP 18 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n",
            "m=audio 16384 RTP/AVP 0 101 a=sendrecv",
            "198.51.100.7:4000 4001 PCMU=0 digits 101/101 SR 20ms",
        ),
        (
            "dynamic payload types stay the offer's",
            "m=audio 4000 RTP/AVP 97 96\r\na=rtpmap:97 pcma/8000/1\r\na=rtpmap:96 TELEPHONE-EVENT/8000\r\n",
            "m=audio 16384 RTP/AVP 97 96 a=sendrecv",
            "198.51.100.7:4000 4001 PCMA=97 digits 96/96 SR 20ms",
        ),
        (
            "events at another rate, stereo, and a static type that is mapped away are not ours",
            "m=audio 4000 RTP/AVP 0 96 98 8\r\na=rtpmap:0 L16/8000\r\na=rtpmap:96 telephone-event/48000\r\na=rtpmap:98 PCMU/8000/2\r\n",
            "m=audio 16384 RTP/AVP 8 a=sendrecv",
            "198.51.100.7:4000 4001 PCMA=8 digits -/- SR 20ms",
        ),
    ]);
}

#[test]
fn directions_are_answered() {
    answers(&[
        (
            "hold (§8.4)",
            "m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n",
            "m=audio 16384 RTP/AVP 8 a=recvonly",
            "198.51.100.7:4000 4001 PCMA=8 digits -/- -R 20ms",
        ),
        (
            "we may only send",
            "m=audio 4000 RTP/AVP 8\r\na=recvonly\r\n",
            "m=audio 16384 RTP/AVP 8 a=sendonly",
            "198.51.100.7:4000 4001 PCMA=8 digits -/- S- 20ms",
        ),
        (
            "inactive (§6.1)",
            "m=audio 4000 RTP/AVP 8\r\na=inactive\r\n",
            "m=audio 16384 RTP/AVP 8 a=inactive",
            "198.51.100.7:4000 4001 PCMA=8 digits -/- -- 20ms",
        ),
        (
            "hold as in RFC 2543: all zeros",
            "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\n",
            "m=audio 16384 RTP/AVP 8 a=recvonly",
            "0.0.0.0:4000 4001 PCMA=8 digits -/- -R 20ms",
        ),
        (
            "direction for the whole session, overruled by the line's",
            "a=sendonly\r\nm=audio 4000 RTP/AVP 8\r\na=sendrecv\r\n",
            "m=audio 16384 RTP/AVP 8 a=sendrecv",
            "198.51.100.7:4000 4001 PCMA=8 digits -/- SR 20ms",
        ),
        (
            "direction for the whole session",
            "a=sendonly\r\nm=audio 4000 RTP/AVP 8\r\n",
            "m=audio 16384 RTP/AVP 8 a=recvonly",
            "198.51.100.7:4000 4001 PCMA=8 digits -/- -R 20ms",
        ),
    ]);
}

#[test]
fn media_lines_are_answered_where_they_stand() {
    answers(&[
        (
            "video and fax are refused where they stand (§6)",
            "m=video 5000 RTP/AVP 31 34\r\na=rtpmap:31 H261/90000\r\nm=audio 4000 RTP/AVP 8\r\nm=image 38000 udptl t38\r\na=T38FaxVersion:0\r\n",
            "m=video 0 RTP/AVP 31 34 m=audio 16384 RTP/AVP 8 a=sendrecv m=image 0 udptl t38",
            "198.51.100.7:4000 4001 PCMA=8 digits -/- SR 20ms",
        ),
        (
            "a second audio line and a disabled first",
            "m=audio 0 RTP/AVP 8\r\nm=audio 4000 RTP/AVP 8\r\nm=audio 4002 RTP/AVP 8\r\n",
            "m=audio 0 RTP/AVP 8 m=audio 16384 RTP/AVP 8 a=sendrecv m=audio 0 RTP/AVP 8",
            "198.51.100.7:4000 4001 PCMA=8 digits -/- SR 20ms",
        ),
        (
            "encrypted line first, plain line second",
            "m=audio 4000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\nm=audio 4002 RTP/AVP 8\r\n",
            "m=audio 0 RTP/SAVP 8 m=audio 16384 RTP/AVP 8 a=sendrecv",
            "198.51.100.7:4002 4003 PCMA=8 digits -/- SR 20ms",
        ),
        (
            "feedback profile is taken and repeated",
            "m=audio 4000 RTP/AVPF 8\r\na=rtcp-fb:* trr-int 5000\r\n",
            "m=audio 16384 RTP/AVPF 8 a=sendrecv",
            "198.51.100.7:4000 4001 PCMA=8 digits -/- SR 20ms",
        ),
        (
            "rtcp elsewhere, packets of 30 ms, unknown attributes",
            "m=audio 4000/2 RTP/AVP 8\r\na=rtcp:53020 IN IP4 198.51.100.9\r\na=ptime:30\r\na=nobody:knows\r\na=\r\n",
            "m=audio 16384 RTP/AVP 8 a=ptime:30 a=sendrecv",
            "198.51.100.7:4000 53020 PCMA=8 digits -/- SR 30ms",
        ),
        (
            "packet time beyond reason, and a maximum",
            "m=audio 4000 RTP/AVP 8\r\na=ptime:200\r\na=maxptime:10\r\n",
            "m=audio 16384 RTP/AVP 8 a=ptime:10 a=sendrecv",
            "198.51.100.7:4000 4001 PCMA=8 digits -/- SR 10ms",
        ),
    ]);
}

#[test]
fn offers_that_cannot_be_met_are_refused() {
    answers(&[
        ("no codec in common", "m=audio 4000 RTP/AVP 18 9\r\n", "", "488"),
        ("audio switched off", "m=audio 0 RTP/AVP 8\r\n", "", "488"),
        ("no media at all (§5)", "", "", "488"),
        ("only video", "m=video 5000 RTP/AVP 31\r\n", "", "488"),
        ("only encrypted", "m=audio 4000 RTP/SAVP 8\r\n", "", "488"),
        ("a name for an address", "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 host.example.com\r\n", "", "488"),
        ("a group's address", "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 224.2.36.42/127\r\n", "", "488"),
        ("the other family", "m=audio 4000 RTP/AVP 8\r\nc=IN IP6 2001:db8::7\r\n", "", "488"),
        ("a port that is none", "m=audio 70000 RTP/AVP 8\r\n", "", "400"),
    ]);
}

#[test]
fn bodies_of_the_field() {
    let audio = "m=audio 4000 RTP/AVP 8\r\n";
    let rows = [
        ("lines end in LF", offer(audio).replace("\r\n", "\n"), "198.51.100.7:4000"),
        ("no s=, no t=, no o=", format!("v=0\r\nc=IN IP4 198.51.100.7\r\n{audio}"), "198.51.100.7:4000"),
        (
            "address at the line alone",
            "v=0\r\ns=-\r\nm=audio 4000 RTP/AVP 8\r\nc=IN IP4 198.51.100.8\r\n".into(),
            "198.51.100.8:4000",
        ),
        ("no address", format!("v=0\r\ns=-\r\n{audio}"), "488"),
        ("y= and f= of GB/T 28181", offer(&format!("y=0100000001\r\nf=v/2/4\r\n{audio}")), "198.51.100.7:4000"),
        ("blank in the user name of o=", offer(audio).replace("o=- 1", "o=A B 1"), "198.51.100.7:4000"),
        (
            "numbers over 64 bits in o=",
            offer(audio).replace("1 1 IN", "99999999999999999999999 99999999999999999999999 IN"),
            "198.51.100.7:4000",
        ),
        ("Latin-1 in s=", offer(audio).replace("s=-", "s=\u{fffd}"), "198.51.100.7:4000"),
        ("mapped IPv4", offer(audio).replace("IP4 198.51.100.7", "IP6 ::ffff:198.51.100.7"), "198.51.100.7:4000"),
        ("blanks at the end of lines", offer(audio).replace("\r\n", " \r\n"), "198.51.100.7:4000"),
        ("blank lines", offer(audio).replace("\r\n", "\r\n\r\n"), "198.51.100.7:4000"),
        ("17 lines", offer(&audio.repeat(17)), "488"),
        ("16 lines", offer(&audio.repeat(16)), "198.51.100.7:4000"),
        ("not SDP", "<audio/>".into(), "400"),
        ("empty", String::new(), "400"),
        (
            "a browser",
            offer(
                "a=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\r\na=rtpmap:111 opus/48000/2\r\na=setup:actpass\r\na=mid:0\r\na=ice-ufrag:x\r\na=rtcp-mux\r\n",
            ),
            "488",
        ),
        (
            "the example of RFC 5118 §4.8",
            offer(
                "m=audio 22334 RTP/AVP 0\r\nc=IN IP4 192.0.2.9\r\nm=video 6024 RTP/AVP 107\r\nc=IN IP6 2001:db8::1\r\n",
            ),
            "192.0.2.9:22334",
        ),
    ];
    for (why, body, remote) in rows {
        let (_, agreed) = answered(&body, &Capabilities::default(), US);
        assert_eq!(agreed.split(' ').next(), Some(remote), "{why}");
    }
}

#[test]
fn our_offer_is_text_that_anybody_reads() {
    let capabilities = Capabilities { rtcp_mux: true, ..Capabilities::default() };
    let bytes = Negotiator::new(42).offer(&capabilities.preferring(Codec::Pcmu), us_v6(), MediaDirection::SEND_ONLY);
    let expected = "v=0\r\no=- 42 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\n\
        m=audio 16384 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendonly\r\na=rtcp-mux\r\n";
    assert_eq!(std::str::from_utf8(&bytes), Ok(expected));
}

#[test]
fn answers_to_our_offer() {
    let rows = [
        (
            "one codec, digits under another number",
            "m=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\n",
            "198.51.100.7:4000 4001 PCMU=0 digits 96/101 SR 20ms",
        ),
        (
            "several codecs: the answer's first",
            "m=audio 4000 RTP/AVP 0 8\r\n",
            "198.51.100.7:4000 4001 PCMU=0 digits -/101 SR 20ms",
        ),
        (
            "a codec that was not offered is passed over",
            "m=audio 4000 RTP/AVP 18 8\r\n",
            "198.51.100.7:4000 4001 PCMA=8 digits -/101 SR 20ms",
        ),
        (
            "held from the start",
            "m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n",
            "198.51.100.7:4000 4001 PCMA=8 digits -/101 -R 20ms",
        ),
        ("mux", "m=audio 4000 RTP/AVP 8\r\na=rtcp-mux\r\n", "198.51.100.7:4000 4000 PCMA=8 digits -/101 SR 20ms"),
        ("refused", "m=audio 0 RTP/AVP 8\r\n", "no codec or address in common"),
        ("nothing of ours", "m=audio 4000 RTP/AVP 18\r\n", "no codec or address in common"),
        (
            "a line too many",
            "m=audio 4000 RTP/AVP 8\r\nm=video 0 RTP/AVP 31\r\n",
            "the answer does not match the offer",
        ),
        ("no line", "", "the answer does not match the offer"),
    ];
    let capabilities = Capabilities { rtcp_mux: true, ..Capabilities::default() };
    for (why, lines, expected) in rows {
        let mut side = Negotiator::new(7);
        side.offer(&capabilities, US, WISH);
        let got = side.read_answer(offer(lines).as_bytes()).map_or_else(|error| error.to_string(), brief);
        assert_eq!(got, expected, "{why}");
        if let Some(agreed) = side.agreed() {
            assert_eq!(agreed.receive_payloads, [(8, Codec::Pcma), (0, Codec::Pcmu)], "all that was offered may come");
        }
    }
}

#[test]
fn a_session_keeps_its_lines_its_digits_and_counts_its_versions() {
    let version = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let origin = text.lines().find(|line| line.starts_with("o=")).expect("o=").to_owned();
        origin.split(' ').nth(2).expect("a version").to_owned()
    };
    let capabilities = Capabilities::default();
    let mut side = Negotiator::new(7);
    let first = offer("m=image 38000 udptl t38\r\nm=audio 4000 RTP/AVP 0 96\r\na=rtpmap:96 telephone-event/8000\r\n");
    let (answer, _) = side.answer(&read(&first), &capabilities, US, WISH).expect("common");
    assert_eq!(version(&answer), "1");

    let (again, _) = side.answer(&read(&first), &capabilities, US, WISH).expect("common");
    assert_eq!(again, answer, "the same offer, the same answer, the same version");

    let hold = side.offer(&capabilities, US, MediaDirection::SEND_ONLY);
    assert_eq!(media(&hold), "m=image 0 udptl t38 m=audio 16384 RTP/AVP 8 0 96 a=sendonly");
    assert_eq!(version(&hold), "2");
    assert_eq!(side.answer(&read(&first), &capabilities, US, WISH).err(), Some(SdpError::OfferPending));
    assert_eq!(SdpError::OfferPending.status(), 491);
    let reply =
        offer("m=image 0 udptl t38\r\nm=audio 4000 RTP/AVP 8 99\r\na=rtpmap:99 telephone-event/8000\r\na=recvonly\r\n");
    let held = side.read_answer(reply.as_bytes()).map(brief);
    assert_eq!(held.as_deref(), Ok("198.51.100.7:4000 4001 PCMA=8 digits 99/96 S- 20ms"));
    assert_eq!(side.read_answer(reply.as_bytes()).err(), Some(SdpError::NoOffer));

    let retrieve = side.offer(&capabilities, US, WISH);
    assert_eq!(version(&retrieve), "3");
    side.abandon();
    assert!(!side.is_pending() && side.agreed().is_some_and(|agreed| !agreed.receive), "the hold stays");
    let refused = side.answer(&read(&offer("m=audio 4000 RTP/AVP 18\r\n")), &capabilities, US, WISH).err();
    assert_eq!(refused, Some(SdpError::NothingInCommon));
    assert!(side.agreed().is_some_and(|agreed| agreed.send), "a refused offer changes nothing");
}

#[test]
fn what_we_wish_meets_what_the_peer_says() {
    let holding = MediaDirection::SEND_ONLY;
    let mut side = Negotiator::new(7);
    let lines = offer("m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n");
    let (bytes, agreed) = side.answer(&read(&lines), &Capabilities::default(), US, holding).expect("common");
    assert_eq!(
        (media(&bytes).as_str(), agreed.send, agreed.receive),
        ("m=audio 16384 RTP/AVP 8 a=inactive", false, false)
    );
}

#[test]
fn capabilities_decide() {
    let lines = offer("m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp-mux\r\n");
    let only = Capabilities { codecs: vec![Codec::Pcmu], telephone_event: false, ptime_ms: 40, rtcp_mux: true };
    let expected = (
        "m=audio 16384 RTP/AVP 0 a=ptime:40 a=sendrecv a=rtcp-mux",
        "198.51.100.7:4000 4000 PCMU=0 digits -/- SR 40ms",
    );
    assert_eq!(answered(&lines, &only, US), (expected.0.into(), expected.1.into()));
    assert_eq!(read(&lines).common_codecs(&Capabilities::default()), [Codec::Pcma, Codec::Pcmu]);
    assert_eq!(read(&lines).common_codecs(&only), [Codec::Pcmu]);
    assert_eq!(read("v=0\r\n").common_codecs(&only), []);
    let v6 = offer("m=audio 4000 RTP/AVP 8\r\nc=IN IP6 2001:db8::7\r\n");
    assert_eq!(answered(&v6, &Capabilities::default(), us_v6()).1, "[2001:db8::7]:4000 4001 PCMA=8 digits -/- SR 20ms");
    let hold = offer("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\n");
    assert_eq!(answered(&hold, &Capabilities::default(), us_v6()).0, "m=audio 16384 RTP/AVP 8 a=recvonly");
}

/// Lines of any kind, well-formed and not, in any order.
const PIECES: &str = "v=0\r\n|c=IN IP4 192.0.2.7\r\n|c=IN IP6 ::1\r\n|c=IN IP4 x/1/2\r\n|m=audio [0-9]{1,6} RTP/AVP( [0-9]{1,3}){0,4}\r\n|m=image 1 udptl t38\r\n|m=audio\r\n|a=rtpmap:[0-9]{1,3} (PCMU|PCMA|telephone-event|x)/?[0-9]{0,5}\r\n|a=(sendonly|inactive|recvonly)\r\n|a=rtcp:[0-9 ]{0,9}\r\n|a=ptime:[0-9.-]{0,6}\r\n|a=rtcp-mux\r\n|o=[ -~]{0,20}\r\n|[ -~]{0,12}\n|\r";

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut side = Negotiator::new(1);
        let met = Offer::read(&bytes).is_ok_and(|offer| side.answer(&offer, &Capabilities::default(), US, WISH).is_ok());
        prop_assert!(!met);
    }

    /// What we answer has the offer's lines, is read by the offerer, and both sides mean the same.
    #[test]
    fn any_lines(pieces in prop::collection::vec(PIECES, 0..20)) {
        let body = "v=0\r\nc=IN IP4 192.0.2.7\r\n".to_owned() + &pieces.concat();
        let mut side = Negotiator::new(1);
        if let Ok(offer) = Offer::read(body.as_bytes())
            && let Ok((answer, agreed)) = side.answer(&offer, &Capabilities::default(), US, WISH)
        {
            let count = |text: &str| text.lines().filter(|line| line.starts_with("m=")).count();
            prop_assert_eq!(count(std::str::from_utf8(&answer).expect("text")), count(&body));
            prop_assert!(!(agreed.send && agreed.remote.ip().is_unspecified()));
            prop_assert!((10..=60).contains(&agreed.ptime_ms));
        }
    }

    /// Two of us always agree, and on the same things.
    #[test]
    fn two_sides(mux in any::<[bool; 2]>(), events in any::<[bool; 2]>(), first in 0..2_usize, wishes in any::<[[bool; 2]; 2]>()) {
        let capabilities = |side: usize| Capabilities { rtcp_mux: mux[side], telephone_event: events[side], ..Capabilities::default() };
        let wish = |side: usize| MediaDirection { send: wishes[side][0], receive: wishes[side][1] };
        let them = MediaAddress { ip: "198.51.100.7".parse().expect("address"), rtp: 20_000 };
        let (mut caller, mut callee) = (Negotiator::new(1), Negotiator::new(2));
        let offer = caller.offer(&capabilities(0).preferring(Codec::ALL[first]), US, wish(0));
        let offer = Offer::read(&offer).expect("ours");
        let (answer, theirs) = callee.answer(&offer, &capabilities(1), them, wish(1)).expect("the same codecs");
        let ours = caller.read_answer(&answer).expect("an answer");
        prop_assert_eq!((ours.codec, theirs.codec), (Codec::ALL[first], Codec::ALL[first]));
        prop_assert_eq!((ours.send, ours.receive), (theirs.receive, theirs.send));
        prop_assert_eq!((ours.rtcp_mux, ours.telephone_event_send), (theirs.rtcp_mux, theirs.telephone_event_receive));
        prop_assert_eq!((ours.remote.port(), theirs.remote.port()), (20_000, 16_384));
        prop_assert_eq!(ours.rtcp_mux, mux[0] && mux[1]);
    }
}
