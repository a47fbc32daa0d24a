//! Phones and a carrier that remember nothing: what they say follows from the message they got. So the memory of a
//! process that holds them is the server's, and their work can be left out of the measured time.

#![allow(dead_code, reason = "each bench uses its part")]

use std::net::SocketAddr;

use bytes::Bytes;
use cordboard::base::Span;
use cordboard::sip::auth;
use cordboard::sip::message::{CSeq, Message, Method, Name, Request, Response, Uri};

/// The site's domain and the number that its carrier calls.
pub const DOMAIN: &str = "bench.example";
pub const CALLED: &str = "4008000001";
/// How long one way through the network takes, and how long a phone rings.
const WAY: Span = Span::millis(20);
const RING: Span = Span::seconds(1);

/// What a far end says, and when.
pub struct Said {
    pub after: Span,
    pub bytes: Bytes,
}

impl Said {
    fn soon(bytes: Bytes) -> Self {
        Self { after: WAY, bytes }
    }
}

pub fn password(user: &str) -> String {
    format!("secret-{user}")
}

/// A registration's first message; `authorization` makes it the second.
pub fn register(user: &str, at: SocketAddr, cseq: u32, authorization: Option<&str>) -> Bytes {
    let credentials = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
    let text = format!(
        "REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKr{user}x{cseq};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{user}@{DOMAIN}>;tag=t{user}\r\nTo: <sip:{user}@{DOMAIN}>\r\n\
         Call-ID: reg-{user}@{DOMAIN}\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:{user}@{at}>\r\nExpires: 3600\r\n\
         User-Agent: bench\r\n{credentials}Content-Length: 0\r\n\r\n"
    );
    Bytes::from(text)
}

/// The carrier's INVITE.
pub fn invite(call: u64, at: SocketAddr, server: SocketAddr) -> Bytes {
    invite_for(call, at, server, (20_000 + 2 * (call % 20_000)) as u16)
}

/// The same, with the port where the carrier takes sound.
pub fn invite_for(call: u64, at: SocketAddr, server: SocketAddr, port: u16) -> Bytes {
    let sdp = sdp(at, port);
    let text = format!(
        "INVITE sip:{CALLED}@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKi{call};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:+8613900000{:03}@{at}>;tag=c{call}\r\nTo: <sip:{CALLED}@{server}>\r\n\
         Call-ID: call-{call}@{at}\r\nCSeq: 1 INVITE\r\nContact: <sip:gw@{at}>\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{sdp}",
        call % 1_000,
        sdp.len(),
    );
    Bytes::from(text)
}

fn sdp(at: SocketAddr, port: u16) -> String {
    let ip = at.ip();
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 0 101\r\n\
         a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
         a=sendrecv\r\n"
    )
}

/// What the far end at `at` says to a message of the server. A caller who was answered hangs up after `talk`.
pub fn react(at: SocketAddr, message: &Message, talk: Option<Span>) -> Vec<Said> {
    match message {
        Message::Request(request) => match request.method {
            Method::Invite => ring_and_answer(at, request),
            Method::Ack => Vec::new(),
            _ => vec![Said::soon(reply(at, request, 200, None))],
        },
        Message::Response(response) => match response.headers.cseq().expect("the server says it").method {
            Method::Invite => answered(at, response, talk),
            Method::Register => challenged(at, response).map(Said::soon).into_iter().collect(),
            _ => Vec::new(),
        },
    }
}

fn ring_and_answer(at: SocketAddr, request: &Request) -> Vec<Said> {
    let port = 20_000 + 2 * (request.headers.call_id().expect("the server says it").len() as u16);
    let ok = reply(at, request, 200, Some(sdp(at, port)));
    vec![Said::soon(reply(at, request, 180, None)), Said { after: RING, bytes: ok }]
}

/// The same for each answer to a dialog's INVITE.
fn tag(request: &Request) -> String {
    let call_id = request.headers.call_id().expect("the server says it");
    call_id.chars().filter(char::is_ascii_alphanumeric).take(12).collect()
}

/// The 200 to an INVITE of the server, at once, with the port where sound is taken.
pub fn accept(at: SocketAddr, invite: &Request, port: u16) -> Bytes {
    reply(at, invite, 200, Some(sdp(at, port)))
}

/// The BYE of who was called by this INVITE.
pub fn bye(at: SocketAddr, invite: &Request) -> Bytes {
    let call_id = invite.headers.call_id().expect("the server says it");
    let to = invite.headers.to().expect("the server says it").with_tag(&tag(invite));
    let from = invite.headers.from().expect("the server says it");
    let target = invite.headers.contact_uri().expect("it can be read").expect("the server says it");
    Request::builder(Method::Bye, target)
        .header(Name::Via, format!("SIP/2.0/UDP {at};branch=z9hG4bKbye{};rport", tag(invite)))
        .header(Name::MaxForwards, 70)
        .header(Name::From, to)
        .header(Name::To, from)
        .header(Name::CallId, call_id)
        .header(Name::CSeq, CSeq { number: 1, method: Method::Bye })
        .build()
        .expect("a request")
        .to_bytes()
}

fn reply(at: SocketAddr, request: &Request, status: u16, sdp: Option<String>) -> Bytes {
    let builder = Response::to(request, status).to_tag(&tag(request)).header(Name::Contact, format!("<sip:ua@{at}>"));
    let builder = match sdp {
        Some(sdp) => builder.body("application/sdp", sdp),
        None => builder,
    };
    builder.build().expect("a response").to_bytes()
}

fn answered(at: SocketAddr, response: &Response, talk: Option<Span>) -> Vec<Said> {
    if response.is_provisional() {
        return Vec::new();
    }
    assert!(response.is_success(), "a call was refused with {}", response.status);
    let within = |method: Method, number: u32| {
        let target = response.headers.contact_uri().expect("it can be read").expect("a 2xx has it");
        let call_id = response.headers.call_id().expect("it can be read");
        let via = format!("SIP/2.0/UDP {at};branch=z9hG4bK{method}{call_id};rport");
        Request::builder(method.clone(), target)
            .header(Name::Via, via)
            .header(Name::MaxForwards, 70)
            .copy(&response.headers, Name::From)
            .copy(&response.headers, Name::To)
            .copy(&response.headers, Name::CallId)
            .header(Name::CSeq, CSeq { number, method })
            .build()
            .expect("a request")
            .to_bytes()
    };
    let ack = Said::soon(within(Method::Ack, 1));
    let bye = talk.map(|after| Said { after, bytes: within(Method::Bye, 2) });
    [Some(ack), bye].into_iter().flatten().collect()
}

/// The second message of a registration.
fn challenged(at: SocketAddr, response: &Response) -> Option<Bytes> {
    let challenge = response.headers.auth(Name::WwwAuthenticate).into_iter().next();
    let Some(challenge) = challenge else {
        assert_eq!(response.status, 200, "a registration failed");
        return None;
    };
    let to = response.headers.to().expect("it can be read");
    let user = to.uri.user().expect("an extension");
    let uri = Uri::sip(None, DOMAIN, None).expect("a domain");
    let value = auth::answer(&challenge, user, &password(user), "REGISTER", uri.as_str(), 1, "0a4f113b");
    let cseq = response.headers.cseq().expect("it can be read").number + 1;
    Some(register(user, at, cseq, Some(&value.expect("a challenge of ours").to_string())))
}
