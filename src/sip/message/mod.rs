//! The SIP message: bytes in, typed values on demand, bytes out.
//!
//! Owns the grammar of RFC 3261 §25 as far as Cordboard reads it, framing on streams, and the verdicts on what is broken.
//! Leaves to others what a message means (transaction, dialog, endpoint) and where it goes (front, drivers).
//! In: [`Message::parse_datagram`], [`StreamFramer`]. Out: [`Message::to_bytes`].
//!
//! Tolerant in: compact names, folding, space before the colon, bare LF, any case, Latin-1 values, unknown everything.
//! Strict out: canonical names, one value per line, no CR or LF inside a value, a right Content-Length. A header line
//! that nobody changed leaves with the bytes it came with.

mod addr;
mod auth;
mod build;
mod check;
mod fault;
mod frame;
mod headers;
mod method;
mod name;
mod params;
mod parse;
mod parts;
#[cfg(test)]
mod proof;
mod redact;
mod text;
#[cfg(test)]
mod torture;
mod uri;
mod values;
mod via;

pub use addr::{Contact, Contacts, NameAddr};
pub use auth::{AuthParam, AuthValue};
pub use build::{BuildError, RequestBuilder, ResponseBuilder};
pub use fault::{Fault, ParseError};
pub use frame::{Frame, StreamFramer};
pub use headers::{Header, Headers};
pub use method::Method;
pub use name::Name;
pub use params::{Param, Params};
pub use parts::part_of;
pub use redact::{Redactor, redacted};
pub use uri::{Scheme, Uri};
pub use values::{CSeq, ContentType, ReasonValue, Refresher, Replaces, RetryAfter, SessionExpires, reason_phrase};
pub use via::{Transport, Via};

use bytes::Bytes;

/// A request or a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Request(Request),
    Response(Response),
}

/// A request: start line, headers in their order, body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub method: Method,
    pub uri: Uri,
    pub headers: Headers,
    body: Bytes,
}

/// A response: start line, headers in their order, body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: u16,
    reason: Bytes,
    pub headers: Headers,
    body: Bytes,
}

impl Message {
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    pub fn body(&self) -> &Bytes {
        match self {
            Self::Request(request) => &request.body,
            Self::Response(response) => &response.body,
        }
    }

    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }

    /// The verdict on the mandatory header fields, see [`Request::check`] and [`Response::check`].
    pub fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Request(request) => request.check(),
            Self::Response(response) => response.check(),
        }
    }
}

impl Request {
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// From and To have tags: it belongs to a dialog (or claims to).
    pub fn in_dialog(&self) -> bool {
        self.headers.to_tag().is_some()
    }

    /// There is enough to answer it with: the header fields which a response copies (RFC 3261 §8.2.6.2), and it is no ACK.
    pub fn answerable(&self) -> bool {
        self.method != Method::Ack && check::MANDATORY.iter().all(|&name| self.headers.first(name).is_some())
    }

    pub fn to_bytes(&self) -> Bytes {
        let mut out = self.headers.sized_buffer(self.uri.as_str().len() + self.body.len());
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.uri.as_str().as_bytes());
        out.extend_from_slice(b" SIP/2.0\r\n");
        self.headers.write(&mut out, self.body.len());
        out.extend_from_slice(&self.body);
        out.into()
    }
}

impl Response {
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The reason phrase; may be empty.
    pub fn reason(&self) -> std::borrow::Cow<'_, str> {
        text::decode(&self.reason)
    }

    /// 1xx.
    pub fn is_provisional(&self) -> bool {
        self.status < 200
    }

    /// 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    pub fn to_bytes(&self) -> Bytes {
        let mut out = self.headers.sized_buffer(self.reason.len() + self.body.len());
        out.extend_from_slice(format!("SIP/2.0 {} ", self.status).as_bytes());
        out.extend_from_slice(&self.reason);
        out.extend_from_slice(b"\r\n");
        self.headers.write(&mut out, self.body.len());
        out.extend_from_slice(&self.body);
        out.into()
    }
}
