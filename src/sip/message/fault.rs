//! What can be wrong with a message, and what a server answers to it.

use std::borrow::Cow;
use std::fmt;

use super::{Name, Request};

/// What is wrong with a message. A faulty response is dropped (RFC 3261 §18.1.2); a faulty request gets `status()`
/// when it is answerable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing but line ends or NULs: a keep-alive, to be ignored.
    Empty,
    /// The first line is neither a request line nor a status line of any SIP.
    NotSip,
    /// SIP, but not 2.0.
    Version,
    /// A method that is no token.
    RequestLine,
    /// A Request-URI with blanks, brackets or without a readable host.
    RequestUri,
    /// A status that is not 100 to 699.
    StatusLine,
    /// A header line without a name or a colon, or with a bare CR.
    HeaderLine,
    /// The headers never end.
    Unfinished,
    /// More than [`crate::base::bounds::SIP_HEADERS`] lines.
    TooManyHeaders,
    /// Longer than [`crate::base::bounds::SIP_MESSAGE_BYTES`].
    MessageTooLong,
    /// Longer than [`crate::base::bounds::SIP_BODY_BYTES`].
    BodyTooLong,
    /// The Content-Length promises more than came.
    BodyCut,
    /// A mandatory header field is absent.
    Missing(Name),
    /// A header field that stands once stands twice.
    Repeated(Name),
    /// A header field that cannot be read.
    Malformed(Name),
    /// The CSeq names another method than the request line.
    CSeqMethod,
}

impl Fault {
    /// The status a server answers with.
    pub fn status(self) -> u16 {
        match self {
            Self::Version => 505,
            Self::MessageTooLong => 513,
            Self::BodyTooLong => 413,
            Self::Empty
            | Self::NotSip
            | Self::RequestLine
            | Self::RequestUri
            | Self::StatusLine
            | Self::HeaderLine
            | Self::Unfinished
            | Self::TooManyHeaders
            | Self::BodyCut
            | Self::Missing(_)
            | Self::Repeated(_)
            | Self::Malformed(_)
            | Self::CSeqMethod => 400,
        }
    }

    /// A reason phrase that names what is wrong (RFC 3261 §21.4.1).
    pub fn reason(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Empty => "Empty Message",
            Self::NotSip => "Not SIP",
            Self::Version => "Version Not Supported",
            Self::RequestLine => "Bad Request-Line",
            Self::RequestUri => "Bad Request-URI",
            Self::StatusLine => "Bad Status-Line",
            Self::HeaderLine => "Bad Header Line",
            Self::Unfinished => "Headers Without End",
            Self::TooManyHeaders => "Too Many Headers",
            Self::MessageTooLong => "Message Too Large",
            Self::BodyTooLong => "Request Entity Too Large",
            Self::BodyCut => "Content-Length Exceeds Message",
            Self::CSeqMethod => "CSeq Method Mismatch",
            Self::Missing(name) => return Cow::Owned(format!("Missing {}", name.as_str())),
            Self::Repeated(name) => return Cow::Owned(format!("Repeated {}", name.as_str())),
            Self::Malformed(name) => return Cow::Owned(format!("Bad {}", name.as_str())),
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason())
    }
}

/// A message that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    pub fault: Fault,
    /// The request as far as it could be read, when that is enough to answer it ([`Request::answerable`]).
    /// Its URI may be unreadable and its body is empty.
    pub request: Option<Box<Request>>,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl std::error::Error for ParseError {}
