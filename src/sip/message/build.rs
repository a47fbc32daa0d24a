//! Messages of our own. Nothing that came from outside can end a line: CR and LF in a value are refused.

use std::fmt;

use bytes::Bytes;

use super::check::MANDATORY;
use super::text::is_token;
use super::values::reason_phrase;
use super::{CSeq, Headers, Method, Name, NameAddr, Request, Response, Uri};

/// Why a header field or a message was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// CR or LF in the value of this field. Values that were read by this room never have one.
    LineBreak(Name),
    /// A field name or a method that is no token.
    BadName,
    /// A status that is not 100 to 699, or CR or LF in the reason phrase.
    BadStatusLine,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineBreak(name) => write!(f, "line break in {}", name.as_str()),
            Self::BadName => f.write_str("a name that is no token"),
            Self::BadStatusLine => f.write_str("bad status line"),
        }
    }
}

impl std::error::Error for BuildError {}

/// What both builders gather: the first error is kept and told by `build`.
#[derive(Clone, Debug, Default)]
struct Parts {
    headers: Headers,
    body: Bytes,
    error: Option<BuildError>,
}

impl Parts {
    fn note(&mut self, result: Result<(), BuildError>) {
        self.error = self.error.or(result.err());
    }

    fn set_body(&mut self, content_type: &str, body: Bytes) {
        let result = self.headers.set(Name::ContentType, content_type);
        self.note(result);
        self.body = body;
    }

    fn finish(mut self) -> Result<(Headers, Bytes), BuildError> {
        let result = self.headers.set(Name::ContentLength, self.body.len());
        self.note(result);
        self.error.map_or(Ok((self.headers, self.body)), Err)
    }
}

/// Fields are written in the order of the calls.
#[derive(Clone, Debug)]
pub struct RequestBuilder {
    method: Method,
    uri: Uri,
    parts: Parts,
}

#[derive(Clone, Debug)]
pub struct ResponseBuilder {
    status: u16,
    reason: Option<String>,
    parts: Parts,
}

macro_rules! field_methods {
    () => {
        /// Adds a field.
        #[must_use]
        pub fn header(mut self, name: Name, value: impl fmt::Display) -> Self {
            let result = self.parts.headers.add(name, value);
            self.parts.note(result);
            self
        }

        /// Adds a field of any name.
        #[must_use]
        pub fn named(mut self, name: &str, value: impl fmt::Display) -> Self {
            let result = self.parts.headers.add_named(name, value);
            self.parts.note(result);
            self
        }

        /// One field of this name, in place of those there are.
        #[must_use]
        pub fn set(mut self, name: Name, value: impl fmt::Display) -> Self {
            let result = self.parts.headers.set(name, value);
            self.parts.note(result);
            self
        }

        /// Copies every field of this name.
        #[must_use]
        pub fn copy(mut self, from: &Headers, name: Name) -> Self {
            self.parts.headers.copy(from, name);
            self
        }

        /// Sets the body and its type.
        #[must_use]
        pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
            self.parts.set_body(content_type, body.into());
            self
        }
    };
}

impl RequestBuilder {
    field_methods!();

    pub fn build(self) -> Result<Request, BuildError> {
        if !is_token(self.method.as_str().as_bytes()) {
            return Err(BuildError::BadName);
        }
        let (headers, body) = self.parts.finish()?;
        Ok(Request { method: self.method, uri: self.uri, headers, body })
    }
}

impl ResponseBuilder {
    field_methods!();

    /// Another phrase than the usual one.
    #[must_use]
    pub fn reason(mut self, phrase: &str) -> Self {
        self.reason = Some(phrase.to_owned());
        self
    }

    /// Adds our tag to To, unless it has one (RFC 3261 §8.2.6.2).
    #[must_use]
    pub fn to_tag(mut self, tag: &str) -> Self {
        if self.parts.headers.to_tag().is_some() {
            return self;
        }
        let Some(to) = self.parts.headers.first(Name::To).map(|to| to.text().into_owned()) else { return self };
        let tagged = match NameAddr::parse(&to) {
            // the value stays as it came, byte for byte where it is UTF-8
            Some(_) => format!("{};tag={tag}", to.trim_end_matches([';', ' '])),
            None => return self,
        };
        let result = self.parts.headers.set(Name::To, tagged);
        self.parts.note(result);
        self
    }

    pub fn build(self) -> Result<Response, BuildError> {
        let reason = self.reason.unwrap_or_else(|| reason_phrase(self.status).to_owned());
        if !(100..700).contains(&self.status) || reason.contains(['\r', '\n']) {
            return Err(BuildError::BadStatusLine);
        }
        let (headers, body) = self.parts.finish()?;
        Ok(Response { status: self.status, reason: reason.into(), headers, body })
    }
}

impl Request {
    pub fn builder(method: Method, uri: Uri) -> RequestBuilder {
        RequestBuilder { method, uri, parts: Parts::default() }
    }

    /// The CANCEL of this request: same Request-URI, top Via, Route, From, To, Call-ID and CSeq number (RFC 3261 §9.1).
    pub fn cancel(&self) -> RequestBuilder {
        self.hop_by_hop(Method::Cancel, &self.headers)
    }

    /// The ACK of a final response that is no 2xx: as a CANCEL, with the response's To (RFC 3261 §17.1.1.3).
    pub fn ack_refusal(&self, response: &Response) -> RequestBuilder {
        self.hop_by_hop(Method::Ack, &response.headers)
    }

    fn hop_by_hop(&self, method: Method, to: &Headers) -> RequestBuilder {
        let number = self.headers.cseq().map_or(0, |cseq| cseq.number);
        let via = self.headers.via().map(|via| via.to_string()).unwrap_or_default();
        Self::builder(method.clone(), self.uri.clone())
            .header(Name::Via, via)
            .copy(&self.headers, Name::Route)
            .copy(&self.headers, Name::From)
            .copy(to, Name::To)
            .copy(&self.headers, Name::CallId)
            .header(Name::CSeq, CSeq { number, method })
            .header(Name::MaxForwards, 70)
    }

    /// Another Request-URI, method and headers as they are.
    #[must_use]
    pub fn with_uri(mut self, uri: Uri) -> Self {
        self.uri = uri;
        self
    }
}

impl Response {
    /// The response to a request, with the fields that every response copies (RFC 3261 §8.2.6.2, §12.1.1); Timestamp
    /// goes into a 100 alone (§8.2.6.1). Add a tag with [`ResponseBuilder::to_tag`], except to a 100.
    pub fn to(request: &Request, status: u16) -> ResponseBuilder {
        let mut builder = ResponseBuilder { status, reason: None, parts: Parts::default() };
        for name in MANDATORY {
            builder = builder.copy(&request.headers, name);
        }
        let starts_dialog = matches!(request.method, Method::Invite | Method::Subscribe | Method::Refer);
        if (101..300).contains(&status) && starts_dialog {
            builder = builder.copy(&request.headers, Name::RecordRoute);
        }
        if status == 100 {
            builder = builder.copy(&request.headers, Name::Timestamp);
        }
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::super::Message;
    use super::*;

    const INVITE: &str = "INVITE sip:9000@h SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bK1,\r\n SIP/2.0/TCP p;branch=z9hG4bK0\r\nRoute: <sip:p1;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:p;lr>\r\nf: J\u{e9} <sip:a@b>;tag=1\r\nt  : sip:9000@h\r\ni: x@y\r\nCSeq: 7 INVITE\r\nTimestamp: 54\r\nMax-Forwards: 70\r\nl: 0\r\n\r\n";

    fn invite() -> Request {
        // the name is Latin-1 on the wire
        let bytes: Vec<u8> = INVITE.chars().map(|char| char as u32 as u8).collect();
        match Message::parse_datagram(bytes.into()) {
            Ok(Message::Request(mut request)) => {
                request.headers.stamp_via("192.0.2.9:4000".parse().expect("address")).expect("a Via");
                request
            }
            other => panic!("{other:?}"),
        }
    }

    fn lines(bytes: Bytes) -> Vec<String> {
        let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        text.trim_end().split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn a_response_copies_what_it_must_and_no_more() {
        let ok = Response::to(&invite(), 200).to_tag("ours").header(Name::Contact, "<sip:us>").build().expect("clean");
        let expected = [
            "SIP/2.0 200 OK",
            "Via: SIP/2.0/UDP 10.0.0.1:5070;rport=4000;branch=z9hG4bK1;received=192.0.2.9, SIP/2.0/TCP p;branch=z9hG4bK0",
            "From: J\u{e9} <sip:a@b>;tag=1",
            "To: sip:9000@h;tag=ours",
            "Call-ID: x@y",
            "CSeq: 7 INVITE",
            "Record-Route: <sip:p;lr>",
            "Contact: <sip:us>",
            "Content-Length: 0",
        ];
        assert_eq!(lines(ok.to_bytes()), expected);
        let marks = [ok.headers.branch(), ok.headers.from_tag(), ok.headers.to_tag(), invite().headers.to_tag()];
        assert_eq!(marks.each_ref().map(Option::as_deref), [Some("z9hG4bK1"), Some("1"), Some("ours"), None]);
        let trying = Response::to(&invite(), 100).build().expect("clean");
        assert!(trying.headers.first(Name::Timestamp).is_some() && trying.headers.first(Name::RecordRoute).is_none());
        let busy = Response::to(&invite(), 486).reason("Busy Now").body("text/plain", "so").build().expect("clean");
        assert_eq!(lines(busy.to_bytes())[0], "SIP/2.0 486 Busy Now");
        assert_eq!((busy.headers.content_length(), busy.body().as_ref()), (Ok(Some(2)), b"so".as_slice()));
        assert_eq!(Response::to(&invite(), 99).build(), Err(BuildError::BadStatusLine));
        assert_eq!(Response::to(&invite(), 200).reason("a\nb").build(), Err(BuildError::BadStatusLine));
    }

    #[test]
    fn an_existing_to_tag_stays() {
        let mut bye = invite();
        bye.headers.set(Name::To, "<sip:9000@h>;tag=theirs").expect("clean");
        let ok = Response::to(&bye, 200).to_tag("ours").build().expect("clean");
        assert_eq!(ok.headers.to().map(|to| to.tag().map(str::to_owned)), Ok(Some("theirs".to_owned())));
    }

    #[test]
    fn cancel_and_ack_go_the_way_of_their_invite() {
        let invite = invite();
        let refusal = Response::to(&invite, 486).to_tag("t2").build().expect("clean");
        for (request, method, tag) in [
            (invite.cancel().build().expect("clean"), Method::Cancel, None),
            (invite.ack_refusal(&refusal).build().expect("clean"), Method::Ack, Some("t2")),
        ] {
            assert_eq!((&request.method, &request.uri), (&method, &invite.uri));
            assert_eq!(request.headers.vias().map(|vias| vias.len()), Ok(1));
            assert_eq!(request.headers.via(), invite.headers.via());
            assert_eq!(request.headers.cseq(), Ok(CSeq { number: 7, method }));
            assert_eq!(request.headers.to().expect("To").tag(), tag);
            assert_eq!(request.headers.routes().map(|routes| routes.len()), Ok(2));
            assert_eq!(request.check(), Ok(()));
        }
    }

    #[test]
    fn edits_keep_the_order() {
        let mut headers = invite().headers;
        headers.prepend(Name::Via, "SIP/2.0/UDP us;branch=z9hG4bKn").expect("clean");
        headers.set(Name::MaxForwards, 69).expect("clean");
        headers.remove(Name::Route);
        headers.add_named("x-call", 5).expect("clean");
        let names: Vec<_> = headers.iter().map(|header| header.name_text().into_owned()).collect();
        let expected = "Via Via Record-Route f t i CSeq Timestamp Max-Forwards l x-call";
        assert_eq!(names.join(" "), expected);
        assert_eq!((headers.max_forwards(), headers.named("X-Call").as_deref()), (Ok(Some(69)), Some("5")));
        assert_eq!(headers.named("Call-ID").as_deref(), Some("x@y"), "under its compact form too");
        assert!(headers.lists(Name::CSeq, "7 invite") && !headers.lists(Name::Supported, "timer"));
    }
}
