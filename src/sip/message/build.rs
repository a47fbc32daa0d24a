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
        let Some(to) = self.parts.headers.first(Name::To).map(|to| to.text().into_owned()) else { return self };
        let tagged = match NameAddr::parse(&to) {
            Some(addr) if addr.tag().is_some() => return self,
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
