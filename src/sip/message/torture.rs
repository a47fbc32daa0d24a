//! The messages of RFC 4475 and RFC 5118, each with its outcome. Files: `tests/torture/`, named by section.

use bytes::Bytes;

use super::*;

/// What becomes of a message that arrives as a datagram.
fn outcome(bytes: &'static [u8]) -> String {
    let message = match Message::parse_datagram(Bytes::from_static(bytes)) {
        Ok(message) => message,
        Err(error) => return refusal(error.fault, error.request.is_some()),
    };
    if let Err(fault) = message.check() {
        let answerable = matches!(&message, Message::Request(request) if request.answerable());
        return refusal(fault, answerable);
    }
    let headers = message.headers();
    let start = match &message {
        Message::Request(Request { method, uri, .. }) if uri.scheme() == Scheme::Other => {
            format!("{method} other scheme")
        }
        Message::Request(Request { method, uri, .. }) => format!("{method} {}", uri.host()),
        Message::Response(response) => response.status.to_string(),
    };
    let from = headers.from().expect("checked");
    let cseq = headers.cseq().expect("checked");
    let vias = headers.vias().expect("checked").len();
    let contacts = match headers.contacts().expect("checked") {
        Contacts::Star => "*".to_owned(),
        Contacts::List(list) => list.len().to_string(),
    };
    let tag = from.tag().unwrap_or("-").chars().take(12).collect::<String>();
    format!("{start} cseq {} tag {tag} via {vias} contact {contacts} body {}", cseq.number, message.body().len())
}

fn refusal(fault: Fault, answerable: bool) -> String {
    if answerable { format!("{} {fault}", fault.status()) } else { format!("dropped: {fault}") }
}

macro_rules! rows {
    ($($file:literal $outcome:literal,)*) => {
        /// File, bytes, outcome.
        pub(super) const ROWS: &[(&str, &[u8], &str)] = &[$((
            $file,
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torture/", $file, ".sip")),
            $outcome,
        )),*];
    };
}

rows! {
    // unknown transports are read
    "3.1.1.10_transports" "OPTIONS example.com cseq 60 tag 323 via 5 contact 0 body 0",
    "3.1.1.11_mpart01" "MESSAGE example.org cseq 1 tag 2fb0dcc9 via 1 contact 1 body 553",
    "3.1.1.12_unreason" "200 cseq 35 tag 11141343 via 1 contact 1 body 154",
    "3.1.1.13_noreason" "100 cseq 35 tag 39ansfi3 via 1 contact 1 body 0",
    "3.1.1.1_wsinv" "INVITE chair-dnrc.example.com cseq 9 tag 98asjd8 via 3 contact 1 body 150",
    // the endpoint: 501
    "3.1.1.2_intmeth" "!interesting-Method0123456789_*+`.%indeed'~ example.com cseq 139122385 tag _token~1'+`* via 1 contact 0 body 0",
    "3.1.1.3_esc01" "INVITE example.net cseq 234234 tag 938 via 1 contact 1 body 150",
    "3.1.1.4_escnull" "REGISTER example.com cseq 14398234 tag 839923423 via 1 contact 2 body 0",
    // escapes mean nothing in names: the endpoint: 501
    "3.1.1.5_esc02" "RE%47IST%45R registrar.example.com cseq 29344 tag f232jadfj23 via 1 contact 2 body 0",
    "3.1.1.6_lwsdisp" "OPTIONS example.com cseq 60 tag 323 via 1 contact 0 body 0",
    // 34 hops, 14 of them with blanks before the colon
    "3.1.1.7_longreq" "INVITE example.com cseq 3882340 tag 129829829829 via 34 contact 1 body 150",
    // what follows the first message's length is dropped
    "3.1.1.8_dblreq" "REGISTER example.com cseq 8 tag 43251j3j324 via 1 contact 1 body 0",
    "3.1.1.9_semiuri" "OPTIONS example.com cseq 8 tag 33242 via 1 contact 0 body 0",
    // blanks after the version are forgiven, as the RFC allows
    "3.1.2.10_trws" "OPTIONS example.com cseq 238923 tag 329429089 via 1 contact 0 body 0",
    // header fields in the Request-URI are passed over, as the RFC allows
    "3.1.2.11_escruri" "INVITE example.com cseq 149209342 tag 341518 via 1 contact 1 body 150",
    // nobody reads Date
    "3.1.2.12_baddate" "INVITE example.com cseq 1392934 tag 2234923 via 1 contact 1 body 150",
    "3.1.2.13_regbadct" "400 Bad Contact",
    // blanks inside the brackets are forgiven, as the RFC allows
    "3.1.2.14_badaspec" "OPTIONS example.org cseq 3923239 tag 433423 via 1 contact 0 body 0",
    // the quotes are inferred, as the RFC allows
    "3.1.2.15_baddn" "OPTIONS example.org cseq 3923239 tag 43 via 1 contact 0 body 0",
    "3.1.2.16_badvers" "505 Version Not Supported",
    "3.1.2.17_mismatch01" "400 CSeq Method Mismatch",
    // 400 or 501, as the RFC allows
    "3.1.2.18_mismatch02" "400 CSeq Method Mismatch",
    "3.1.2.19_bigcode" "dropped: Bad Status-Line",
    // and a bad Via
    "3.1.2.1_badinv01" "400 Bad Contact",
    "3.1.2.2_clerr" "400 Content-Length Exceeds Message",
    "3.1.2.3_ncl" "400 Bad Content-Length",
    "3.1.2.4_scalar02" "400 Bad CSeq",
    "3.1.2.5_scalarlg" "dropped: Bad CSeq",
    "3.1.2.6_quotbal" "400 Bad To",
    "3.1.2.7_ltgtruri" "400 Bad Request-URI",
    "3.1.2.8_lwsruri" "400 Bad Request-URI",
    // more blanks in the request line are forgiven, as the RFC allows
    "3.1.2.9_lwsstart" "INVITE example.com cseq 1893884 tag 8814 via 1 contact 1 body 150",
    // `unique_branch` is `None`: matched as in RFC 2543
    "3.2.1_badbranch" "OPTIONS example.com cseq 8 tag 33242 via 1 contact 0 body 0",
    // not for us: no proxy
    "3.3.10_bcast" "dropped: Repeated Via",
    "3.3.11_zeromf" "OPTIONS example.com cseq 39234321 tag 3ghsd41 via 1 contact 0 body 0",
    "3.3.12_cparam01" "REGISTER example.com cseq 2 tag DkfVgjkrtMwa via 1 contact 1 body 0",
    "3.3.13_cparam02" "REGISTER example.com cseq 3 tag 838293 via 1 contact 1 body 0",
    "3.3.14_regescrt" "REGISTER example.com cseq 14398234 tag 8 via 1 contact 1 body 0",
    "3.3.15_sdp01" "INVITE example.com cseq 8 tag 234 via 1 contact 1 body 150",
    // the RFC would like a 400, but there is nothing to build it from
    "3.3.1_insuf" "dropped: Missing From",
    // the endpoint: 416
    "3.3.2_unkscm" "OPTIONS other scheme cseq 3923423 tag 384 via 1 contact 0 body 0",
    // the endpoint: 416
    "3.3.3_novelsc" "OPTIONS other scheme cseq 3923423 tag 384 via 1 contact 0 body 0",
    // a registrar of SIP addresses: 404
    "3.3.4_unksm2" "REGISTER example.com cseq 234902 tag 3234233 via 1 contact 1 body 0",
    // the endpoint: 420
    "3.3.5_bext01" "OPTIONS example.com cseq 8 tag 242etr via 1 contact 0 body 0",
    // the endpoint: 415
    "3.3.6_invut" "INVITE example.com cseq 235448 tag 8392034 via 1 contact 1 body 40",
    // not understood, so as without credentials: 401
    "3.3.7_regaut01" "REGISTER example.com cseq 9338 tag 87321hj23128 via 1 contact 0 body 0",
    "3.3.8_multi01" "400 Repeated Max-Forwards",
    "3.3.9_mcl01" "400 Repeated Content-Length",
    // no branch, no Max-Forwards, no Contact, no length: the body is the rest
    "3.4.1_inv2543" "INVITE example.com cseq 56 tag - via 1 contact 0 body 104",
    // read as two colons
    "4.10_ipv6-bug-abnf-3-colons" "OPTIONS [2001:db8:::192.0.2.1] cseq 689 tag 810x2 via 1 contact 0 body 0",
    "4.10_ipv6-correct-abnf-2-colons" "OPTIONS [2001:db8::192.0.2.1] cseq 689 tag 810x2 via 1 contact 0 body 0",
    "4.1_ipv6-good" "REGISTER [2001:db8::10] cseq 98176 tag 81x2 via 1 contact 1 body 0",
    // an IPv6 address needs its brackets
    "4.2_ipv6-bad" "400 Bad Request-URI",
    // the last group is no port
    "4.3_port-ambiguous" "REGISTER [2001:db8::10:5070] cseq 98176 tag 81x2 via 1 contact 1 body 0",
    "4.4_port-unambiguous" "REGISTER [2001:db8::10] cseq 98176 tag 81x2 via 1 contact 1 body 0",
    "4.5_via-received-param-no-delim" "OPTIONS [2001:db8::10] cseq 921 tag 81x2 via 1 contact 1 body 0",
    "4.5_via-received-param-with-delim" "BYE [2001:db8::10] cseq 321 tag 81x2 via 1 contact 0 body 0",
    "4.6_ipv6-in-sdp" "INVITE [2001:db8::10] cseq 8612 tag 81x2 via 1 contact 1 body 268",
    "4.7_mult-ip-in-header" "BYE host.example.net cseq 89187 tag 81x2 via 3 contact 0 body 0",
    "4.8_mult-ip-in-sdp" "INVITE [2001:db8::10] cseq 8912 tag 81x2 via 1 contact 1 body 181",
    "4.9_ipv4-mapped-ipv6" "INVITE example.com cseq 612 tag 81x2 via 2 contact 1 body 236",
}

#[test]
fn every_message_has_its_outcome() {
    assert_eq!(ROWS.len(), 61);
    let wrong: Vec<String> = ROWS
        .iter()
        .map(|&(file, bytes, expected)| (file, outcome(bytes), expected))
        .filter(|(_, got, expected)| got != expected)
        .map(|(file, got, expected)| format!("    \"{file}\" \"{got}\", // not {expected}"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn typed_values_behind_the_outcomes() {
    let message = |file: &str| {
        let (_, bytes, _) = ROWS.iter().find(|row| row.0 == file).expect("a row");
        Message::parse_datagram(Bytes::from_static(bytes)).expect("accepted")
    };
    let wsinv = message("3.1.1.1_wsinv");
    let headers = wsinv.headers();
    assert_eq!(headers.from().map(|from| from.display), Ok(Some("J Rosenberg \\\"".to_owned())));
    assert_eq!(
        headers.to().map(|to| to.to_string()),
        Ok("<sip:vivekg@chair-dnrc.example.com>;tag=1918181833n".to_owned())
    );
    assert_eq!((headers.max_forwards(), headers.text(Name::Subject).as_deref()), (Ok(Some(68)), Some("")));
    assert_eq!(headers.named("newfangledheader").as_deref(), Some("newfangled value continued newfangled value"));
    let branches: Vec<_> = headers.vias().expect("read").iter().map(|via| via.branch().map(str::to_owned)).collect();
    assert_eq!(branches, ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"].map(|branch| Some(branch.to_owned())));
    let Ok(Contacts::List(contacts)) = headers.contacts() else { panic!("a list") };
    assert_eq!((contacts[0].q(), contacts[0].0.params.get("newparam")), (330, Some("newvalue")));
    assert!(headers.routes().is_ok_and(|routes| routes[0].uri.param("lr").is_some()));

    let Message::Response(unreason) = message("3.1.1.12_unreason") else { panic!("a response") };
    assert!(unreason.reason().starts_with("= 2**3 * 5**2 \u{43d}\u{43e}"));
    let esc = message("3.1.1.3_esc01");
    let contact = esc.headers().contact_uri().ok().flatten().expect("one");
    assert_eq!(
        (contact.user_plain().as_deref(), contact.param("lr"), contact.param("name")),
        (Some("caller"), Some(""), Some("v%61lue%25%34%31"))
    );
    assert_eq!(
        message("4.7_mult-ip-in-header").headers().vias().expect("read")[2].received(),
        "192.0.2.200".parse().ok()
    );
    assert_eq!(message("3.1.2.4_scalar02").headers().expires(), Err(Fault::Malformed(Name::Expires)));
    assert_eq!(message("3.1.2.4_scalar02").headers().max_forwards(), Err(Fault::Malformed(Name::MaxForwards)));
}
