//! Typed values of single header fields.

use std::fmt;

use super::text::{find_outside, is_token, number, split, trim};
use super::{Method, Params};

/// `314159 INVITE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// Below 2^31 (RFC 3261 §8.1.1.5).
    pub number: u32,
    pub method: Method,
}

impl CSeq {
    pub fn parse(text: &str) -> Option<Self> {
        let text = trim(text);
        let (digits, method) = text.split_at(text.find([' ', '\t'])?);
        let number = number(digits).filter(|&number| number < 1 << 31)?;
        Some(Self { number, method: Method::parse(trim(method))? })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

/// `application/sdp;charset=x`. Type and subtype in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    pub kind: String,
    pub subtype: String,
    pub params: Params,
}

impl ContentType {
    pub fn parse(text: &str) -> Option<Self> {
        let (media, params) = cut_params(text)?;
        let (kind, subtype) = media.split_once('/')?;
        let (kind, subtype) = (trim(kind).to_ascii_lowercase(), trim(subtype).to_ascii_lowercase());
        (is_token(kind.as_bytes()) && is_token(subtype.as_bytes())).then_some(Self { kind, subtype, params })
    }

    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind == kind && self.subtype == subtype
    }
}

/// Who refreshes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    Uac,
    Uas,
}

/// `1800;refresher=uac` (RFC 4028 §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// Seconds.
    pub delta: u32,
    pub refresher: Option<Refresher>,
}

impl SessionExpires {
    pub fn parse(text: &str) -> Option<Self> {
        let (delta, params) = cut_params(text)?;
        let refresher = match params.get("refresher") {
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            Some(_) | None => None,
        };
        Some(Self { delta: number(delta)?, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.delta)?;
        f.write_str(match self.refresher {
            Some(Refresher::Uac) => ";refresher=uac",
            Some(Refresher::Uas) => ";refresher=uas",
            None => "",
        })
    }
}

/// `120 (maintenance);duration=60`: the seconds alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter(pub u32);

impl RetryAfter {
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(['(', ';']).unwrap_or(text.len());
        number(&text[..end]).map(Self)
    }
}

/// `Q.850;cause=16;text="Terminated"` (RFC 3326 §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonValue {
    /// `SIP` or `Q.850`; compare without case.
    pub protocol: String,
    pub params: Params,
}

impl ReasonValue {
    pub fn new(protocol: &str, cause: u16, text: &str) -> Self {
        let mut params = Params::default();
        params.set("cause", cause);
        if !text.is_empty() {
            params.set_quoted("text", text);
        }
        Self { protocol: protocol.to_owned(), params }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (protocol, params) = cut_params(text)?;
        is_token(protocol.as_bytes()).then(|| Self { protocol: protocol.to_owned(), params })
    }

    pub fn cause(&self) -> Option<u16> {
        self.params.get("cause").and_then(number)
    }

    pub fn text(&self) -> Option<&str> {
        self.params.get("text")
    }
}

impl fmt::Display for ReasonValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.protocol, self.params)
    }
}

/// The dialog that a new INVITE takes over (RFC 3891 §6.1). The tags are seen from its receiver: `to_tag` is local.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    pub call_id: String,
    pub to_tag: String,
    pub from_tag: String,
    pub early_only: bool,
}

impl Replaces {
    pub fn parse(text: &str) -> Option<Self> {
        let (call_id, params) = cut_params(text)?;
        (!call_id.is_empty()).then_some(())?;
        Some(Self {
            call_id: call_id.to_owned(),
            to_tag: params.get("to-tag")?.to_owned(),
            from_tag: params.get("from-tag")?.to_owned(),
            early_only: params.has("early-only"),
        })
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        f.write_str(if self.early_only { ";early-only" } else { "" })
    }
}

/// What stands before the first `;`, and the parameters after it.
fn cut_params(text: &str) -> Option<(&str, Params)> {
    let end = find_outside(text, b';').unwrap_or(text.len());
    Some((trim(&text[..end]), Params::parse(text.get(end + 1..).unwrap_or(""))?))
}

/// The tokens of a comma list, empty elements left out.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    split(text, b',').filter(|token| !token.is_empty())
}

/// The phrase that RFCs give to a status; for an unknown one that of its class.
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        100 => "Trying",
        180 => "Ringing",
        181 => "Call Is Being Forwarded",
        182 => "Queued",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Moved Temporarily",
        305 => "Use Proxy",
        380 => "Alternative Service",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        410 => "Gone",
        412 => "Conditional Request Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        484 => "Address Incomplete",
        485 => "Ambiguous",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        493 => "Undecipherable",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        600 => "Busy Everywhere",
        603 => "Decline",
        604 => "Does Not Exist Anywhere",
        606 => "Not Acceptable",
        ..=199 => "Progress",
        201..=299 => "Success",
        303..=399 => "Redirection",
        409..=499 => "Client Error",
        506..=599 => "Server Error",
        601.. => "Global Failure",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cseq() {
        let rows = [
            ("0009  INVITE", Some("9 INVITE")),
            ("2147483647 X", Some("2147483647 X")),
            ("2147483648 INVITE", None),
            ("36893488147419103232 REGISTER", None),
            ("-1 INVITE", None),
            ("1", None),
            ("1 IN VITE", None),
            ("", None),
        ];
        for (text, printed) in rows {
            assert_eq!(CSeq::parse(text).map(|cseq| cseq.to_string()).as_deref(), printed, "{text}");
        }
    }

    #[test]
    fn timers_reasons_and_dialogs() {
        let session = SessionExpires::parse("1800 ; Refresher=UAS").expect("well-formed");
        assert_eq!((session.delta, session.refresher), (1800, Some(Refresher::Uas)));
        assert_eq!(session.to_string(), "1800;refresher=uas");
        assert_eq!(RetryAfter::parse("18000;duration=3600"), Some(RetryAfter(18_000)));
        assert_eq!(RetryAfter::parse("120 (I'm in a meeting)"), Some(RetryAfter(120)));
        assert_eq!(RetryAfter::parse("949302838503028349304023988"), None);
        let reason = ReasonValue::parse("Q.850 ;cause=16;text=\"Terminated, by us\"").expect("well-formed");
        assert_eq!((reason.cause(), reason.text()), (Some(16), Some("Terminated, by us")));
        assert_eq!(ReasonValue::new("SIP", 200, "x\"y").to_string(), "SIP;cause=200;text=\"x\\\"y\"");
        let replaces = Replaces::parse("98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff").expect("well-formed");
        assert_eq!(replaces.to_string(), "98732@sip.example.com;to-tag=ff87ff;from-tag=r33th4x0r");
        assert_eq!(Replaces::parse("x;from-tag=1"), None);
        let kind = ContentType::parse("Application/SDP ; charset=utf-8").expect("well-formed");
        assert!(kind.is("application", "sdp") && kind.params.has("charset"));
        assert_eq!(ContentType::parse("text"), None);
    }
}
