//! A SIP phone of a few lines over UDP or TCP, for what real phones do not do: wrong passwords, floods, broken messages.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use md5::{Digest as _, Md5};

use super::Server;
use super::server::DOMAIN;
use super::wait::STEP;

/// A UDP socket that speaks SIP.
pub struct Raw {
    pub socket: UdpSocket,
    pub own: SocketAddr,
    pub server: SocketAddr,
}

impl Raw {
    pub fn new(server: &Server) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let own = socket.local_addr().expect("it is bound");
        Self { socket, own, server: server.sip }
    }

    pub fn send(&self, text: &str) {
        self.send_bytes(text.as_bytes());
    }

    pub fn send_bytes(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.server).expect("the loopback takes it");
    }

    /// The next datagram, if one comes in that time.
    pub fn receive(&self, limit: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(limit.max(Duration::from_millis(1)))).expect("a length above zero");
        let mut buffer = [0; 65_536];
        match self.socket.recv_from(&mut buffer) {
            Ok((length, _)) => Some(String::from_utf8_lossy(&buffer[..length]).into_owned()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => None,
            Err(error) => panic!("the socket broke: {error}"),
        }
    }

    /// Sends a request and returns its final answer; repeats it as RFC 3261 wants of UDP.
    pub fn ask(&self, request: &str) -> String {
        let call_id = header(request, "Call-ID").expect("a request has a Call-ID").to_owned();
        let cseq = header(request, "CSeq").expect("and a CSeq").to_owned();
        let end = Instant::now() + STEP;
        self.send(request);
        while Instant::now() < end {
            match self.receive(Duration::from_millis(500)) {
                Some(answer) => {
                    let is_own = header(&answer, "Call-ID") == Some(&call_id) && header(&answer, "CSeq") == Some(&cseq);
                    if is_own && status(&answer) >= 200 {
                        return answer;
                    }
                }
                None => self.send(request),
            }
        }
        panic!("no answer to {request}");
    }

    /// A REGISTER as `phone`, whose contact is this socket.
    pub fn register(&self, phone: &str, cseq: u32, call_id: &str, authorization: &str) -> String {
        let own = self.own;
        format!(
            "REGISTER sip:{DOMAIN} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{call_id}-{cseq}\r\nMax-Forwards: 70\r\nFrom: <sip:{phone}@{DOMAIN}>;tag=f{call_id}\r\nTo: <sip:{phone}@{DOMAIN}>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} REGISTER\r\nContact: <sip:{phone}@{own}>\r\nExpires: 600\r\n{authorization}Content-Length: 0\r\n\r\n"
        )
    }

    /// Registers with a password and returns the final answer to the second try.
    pub fn register_with(&self, phone: &str, password: &str, call_id: &str) -> String {
        let first = self.ask(&self.register(phone, 1, call_id, ""));
        assert_eq!(status(&first), 401, "{first}");
        let answer = authorization(&first, "REGISTER", &format!("sip:{DOMAIN}"), phone, password);
        self.ask(&self.register(phone, 2, call_id, &answer))
    }
}

/// What a phone needs to speak inside of its call.
pub struct Dialog {
    pub call_id: String,
    pub from: String,
    pub to: String,
    pub target: String,
}

impl Raw {
    /// Calls as a registered phone, with sound at `sdp`, and returns once it is answered.
    pub fn call(&self, phone: &str, password: &str, dialled: &str, sdp: &str) -> Dialog {
        let own = self.own;
        let call_id = format!("raw-{}", own.port());
        let uri = format!("sip:{dialled}@{DOMAIN}");
        let invite = |cseq: u32, authorization: &str| {
            format!(
                "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{call_id}i{cseq}\r\nMax-Forwards: 70\r\nFrom: <sip:{phone}@{DOMAIN}>;tag=raw\r\nTo: <{uri}>\r\nCall-ID: {call_id}\r\nCSeq: {cseq} INVITE\r\nContact: <sip:{phone}@{own}>\r\n{authorization}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
                sdp.len()
            )
        };
        let first = self.ask(&invite(1, ""));
        let challenge = status(&first);
        assert!(matches!(challenge, 401 | 407), "{first}");
        self.send(&format!(
            "ACK {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{call_id}i1\r\nMax-Forwards: 70\r\nFrom: <sip:{phone}@{DOMAIN}>;tag=raw\r\nTo: {}\r\nCall-ID: {call_id}\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
            header(&first, "To").expect("an answer has a To")
        ));
        let answered = self.ask(&invite(2, &authorization(&first, "INVITE", &uri, phone, password)));
        assert_eq!(status(&answered), 200, "{answered}");
        let contact = header(&answered, "Contact").expect("a 200 has a Contact");
        let target = contact.split(['<', '>']).nth(1).expect("in angle brackets").to_owned();
        let to = header(&answered, "To").expect("an answer has a To").to_owned();
        let from = format!("<sip:{phone}@{DOMAIN}>;tag=raw");
        let dialog = Dialog { call_id, from, to, target };
        self.send(&dialog.request(self.own, "ACK", 2, ""));
        dialog
    }
}

impl Dialog {
    pub fn request(&self, own: SocketAddr, method: &str, cseq: u32, body: &str) -> String {
        let Self { call_id, from, to, target } = self;
        let kind = if body.is_empty() { "" } else { "Content-Type: application/dtmf-relay\r\n" };
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{call_id}{method}{cseq}\r\nMax-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

pub fn status(message: &str) -> u16 {
    message.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)).and_then(|text| text.parse().ok()).unwrap_or(0)
}

pub fn header<'m>(message: &'m str, name: &str) -> Option<&'m str> {
    let head = message.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A parameter of a challenge, without its quotes.
pub fn parameter<'m>(challenge: &'m str, name: &str) -> Option<&'m str> {
    let list = challenge.trim().strip_prefix("Digest ").unwrap_or(challenge);
    let mut pairs = list.split(',').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim_matches('"'))
}

/// The answer to an MD5 challenge with qop=auth (RFC 2617 section 3.2.2), as a header line.
pub fn authorization(challenge: &str, method: &str, uri: &str, user: &str, password: &str) -> String {
    let (asks, answers) = match status(challenge) {
        407 => ("Proxy-Authenticate", "Proxy-Authorization"),
        _ => ("WWW-Authenticate", "Authorization"),
    };
    let text = header(challenge, asks).expect("a challenge");
    let value = |name: &str| parameter(text, name).unwrap_or_default().to_owned();
    let (realm, nonce, opaque) = (value("realm"), value("nonce"), value("opaque"));
    let hash = |text: String| Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (who, what) = (hash(format!("{user}:{realm}:{password}")), hash(format!("{method}:{uri}")));
    let response = hash(format!("{who}:{nonce}:00000001:c0ffee:auth:{what}"));
    let opaque = if opaque.is_empty() { String::new() } else { format!(", opaque=\"{opaque}\"") };
    format!(
        "{answers}: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c0ffee\"{opaque}\r\n"
    )
}

/// Sends bytes on a connection of their own and reads until the server has sent a message, closes, or the time is over.
pub fn over_tcp(server: &Server, pieces: &[&[u8]], limit: Duration) -> String {
    let mut stream = TcpStream::connect(server.sip).expect("the server listens");
    stream.set_read_timeout(Some(limit)).expect("a length above zero");
    for piece in pieces {
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    let mut heard = Vec::new();
    let mut buffer = vec![0; 65_536];
    // A ping has its pong (RFC 5626 section 4.4.1): reads on until a message has come.
    while !heard.windows(4).any(|four| four == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(length @ 1..) => heard.extend_from_slice(&buffer[..length]),
            Ok(0) | Err(_) => break,
        }
    }
    String::from_utf8_lossy(&heard).into_owned()
}
