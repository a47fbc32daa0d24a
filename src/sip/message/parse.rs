//! Bytes to a message: start line, header lines, body. Nothing is judged here beyond what framing needs.

use bytes::Bytes;

use super::text::{decode, is_lws, is_token_byte, trim};
use super::{Fault, Header, Headers, Message, Method, ParseError, Request, Response, Uri};
use crate::base::bounds::{SIP_BODY_BYTES, SIP_HEADERS, SIP_MESSAGE_BYTES};

impl Message {
    /// Reads one datagram. Without Content-Length the body is the rest; bytes beyond it are dropped (RFC 3261 §18.3).
    pub fn parse_datagram(datagram: Bytes) -> Result<Self, ParseError> {
        let start = datagram.iter().position(|byte| !matches!(byte, b'\r' | b'\n' | 0)).unwrap_or(datagram.len());
        let datagram = datagram.slice(start..);
        if datagram.is_empty() {
            return Err(ParseError { fault: Fault::Empty, request: None });
        }
        let head = parse_head(&datagram)?;
        if let Some(fault) = head.start_fault.or(head.header_fault) {
            return Err(head.refused(fault));
        }
        if datagram.len() > SIP_MESSAGE_BYTES {
            return Err(head.refused(Fault::MessageTooLong));
        }
        let rest = datagram.slice(head.len..);
        let body = match head.message.headers().content_length() {
            Ok(Some(length)) if length > SIP_BODY_BYTES => return Err(head.refused(Fault::BodyTooLong)),
            Ok(Some(length)) if length > rest.len() => return Err(head.refused(Fault::BodyCut)),
            Ok(Some(length)) => rest.slice(..length),
            Ok(None) => rest,
            Err(fault) => return Err(head.refused(fault)),
        };
        if body.len() > SIP_BODY_BYTES {
            return Err(head.refused(Fault::BodyTooLong));
        }
        Ok(head.with_body(body))
    }
}

/// A message without its body, and where the body begins.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub message: Message,
    pub len: usize,
    /// What is wrong with the start line; the rest could be read.
    pub start_fault: Option<Fault>,
    /// The first thing wrong with the header lines: a Content-Length may be among the unreadable.
    pub header_fault: Option<Fault>,
}

impl Head {
    pub fn with_body(self, body: Bytes) -> Message {
        match self.message {
            Message::Request(request) => Message::Request(Request { body, ..request }),
            Message::Response(response) => Message::Response(Response { body, ..response }),
        }
    }

    pub fn refused(self, fault: Fault) -> ParseError {
        let request = match self.message {
            Message::Request(request) => request.answerable().then(|| Box::new(request)),
            Message::Response(_) => None,
        };
        ParseError { fault, request }
    }
}

/// Reads start line and headers, past faults too, for what an answer needs. An error: there is no start line to read.
pub(super) fn parse_head(bytes: &Bytes) -> Result<Head, ParseError> {
    let mut lines = Lines { bytes, at: 0 };
    let Some(first) = lines.next_line() else {
        let fault = if looks_like_sip(bytes) { Fault::Unfinished } else { Fault::NotSip };
        return Err(ParseError { fault, request: None });
    };
    let start = parse_start(&bytes[first.0..first.1]).map_err(|fault| ParseError { fault, request: None })?;
    let (headers, len, header_fault) = parse_headers(&mut lines);
    let headers = Headers::from_lines(headers);
    let (message, start_fault) = match start {
        Start::Request(method, uri, fault) => {
            (Message::Request(Request { method, uri, headers, body: Bytes::new() }), fault)
        }
        Start::Response(status, reason) => {
            let reason = bytes.slice_ref(reason);
            (Message::Response(Response { status, reason, headers, body: Bytes::new() }), None)
        }
    };
    Ok(Head { message, len, start_fault, header_fault })
}

enum Start<'a> {
    /// With what is wrong about it, when it can still be answered.
    Request(Method, Uri, Option<Fault>),
    Response(u16, &'a [u8]),
}

fn looks_like_sip(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|window| window.eq_ignore_ascii_case(b"SIP/"))
}

fn parse_start(line: &[u8]) -> Result<Start<'_>, Fault> {
    if line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/")) {
        return parse_status_line(line);
    }
    let text = decode(line);
    let text = trim(&text);
    let (Some(method_end), Some(version_start)) = (text.find(' '), text.rfind(' ')) else { return Err(Fault::NotSip) };
    let version = &text[version_start + 1..];
    if !version.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/")) || method_end >= version_start {
        return Err(Fault::NotSip);
    }
    let method = Method::parse(&text[..method_end]).ok_or(Fault::RequestLine)?;
    // more than one blank between the parts is forgiven (RFC 4475 §3.1.2.9), a blank inside the URI is not (§3.1.2.8)
    let uri = trim(&text[method_end..version_start]);
    let version_fault = (!version.eq_ignore_ascii_case("SIP/2.0")).then_some(Fault::Version);
    Ok(match Uri::parse(uri) {
        Some(uri) => Start::Request(method, uri, version_fault),
        None => Start::Request(method, Uri::unreadable(uri), version_fault.or(Some(Fault::RequestUri))),
    })
}

fn parse_status_line(line: &[u8]) -> Result<Start<'_>, Fault> {
    let (version, rest) = line.split_at(line.iter().position(|&byte| byte == b' ').ok_or(Fault::StatusLine)?);
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Err(Fault::Version);
    }
    let rest = rest.trim_ascii_start();
    let (code, reason) = rest.split_at(rest.iter().position(|&byte| byte == b' ').unwrap_or(rest.len()));
    let digits = code.len() == 3 && code.iter().all(u8::is_ascii_digit);
    let status = digits.then(|| code.iter().fold(0, |sum, &digit| sum * 10 + u16::from(digit - b'0')));
    match status {
        Some(status @ 100..=699) => Ok(Start::Response(status, reason.strip_prefix(b" ").unwrap_or(reason))),
        Some(_) | None => Err(Fault::StatusLine),
    }
}

/// Header lines up to the empty one; where the body begins; the first fault.
fn parse_headers(lines: &mut Lines) -> (Vec<Header>, usize, Option<Fault>) {
    const USUAL: usize = 16;
    let mut headers = Vec::with_capacity(USUAL);
    let mut fault = None;
    loop {
        let Some((start, end)) = lines.next_field() else {
            return (headers, lines.at, fault.or(Some(Fault::Unfinished)));
        };
        if start == end {
            return (headers, lines.at, fault);
        }
        if headers.len() == SIP_HEADERS {
            return (headers, lines.at, fault.or(Some(Fault::TooManyHeaders)));
        }
        match parse_header(lines.bytes.slice(start..end)) {
            Some(header) => headers.push(header),
            None => fault = fault.or(Some(Fault::HeaderLine)),
        }
    }
}

fn parse_header(line: Bytes) -> Option<Header> {
    let name_len = line.iter().take_while(|&&byte| is_token_byte(byte)).count();
    let blanks = line[name_len..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let colon = name_len + blanks;
    if name_len == 0 || line.get(colon) != Some(&b':') || has_bare_cr(&line) {
        return None;
    }
    let value_blanks = line[colon + 1..].iter().take_while(|byte| is_lws(byte)).count();
    Some(Header::from_line(line, name_len, colon + 1 + value_blanks))
}

/// A CR that is not part of a fold would end the line for a laxer reader than this one.
fn has_bare_cr(line: &[u8]) -> bool {
    line.contains(&b'\r')
        && line.iter().enumerate().any(|(at, &byte)| byte == b'\r' && line.get(at + 1) != Some(&b'\n'))
}

/// Lines end in CRLF, or in LF alone from sloppy senders.
struct Lines<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Lines<'_> {
    /// Start and end of the next line, without its end.
    fn next_line(&mut self) -> Option<(usize, usize)> {
        let start = self.at;
        let feed = start + self.bytes[start..].iter().position(|&byte| byte == b'\n')?;
        self.at = feed + 1;
        let end = if feed > start && self.bytes[feed - 1] == b'\r' { feed - 1 } else { feed };
        Some((start, end))
    }

    /// The next line with its continuation lines (RFC 3261 §7.3.1).
    fn next_field(&mut self) -> Option<(usize, usize)> {
        let (start, mut end) = self.next_line()?;
        while end > start && matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
            end = self.next_line()?.1;
        }
        Some((start, end))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Name;
    use super::*;

    const HEAD: &str = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n";

    #[test]
    fn what_a_datagram_is_refused_for() {
        let with = |rest: &str| HEAD.to_owned() + rest;
        // bytes, fault, answerable
        let rows = [
            ("\r\n\r\n".to_owned(), Fault::Empty, false),
            ("\0\0\0\0".into(), Fault::Empty, false),
            (String::new(), Fault::Empty, false),
            ("GET / HTTP/1.1\r\n\r\n".into(), Fault::NotSip, false),
            ("hello".into(), Fault::NotSip, false),
            ("INVITE sip:a@b SIP/2.0".into(), Fault::Unfinished, false),
            (with(""), Fault::Unfinished, true),
            (with("X: y"), Fault::Unfinished, true),
            (with("\r\n").replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"), Fault::Version, true),
            (with("\r\n").replace("sip:a@b SIP", "sip:a b SIP"), Fault::RequestUri, true),
            (with("\r\n").replace("OPTIONS sip", "OPT(IONS sip"), Fault::RequestLine, false),
            (with("no colon\r\n\r\n"), Fault::HeaderLine, true),
            (with("Subject: a\rVia: b\r\n\r\n"), Fault::HeaderLine, true),
            (with(": nameless\r\n\r\n"), Fault::HeaderLine, true),
            (with(&format!("{}\r\n", "X: y\r\n".repeat(SIP_HEADERS))), Fault::TooManyHeaders, true),
            (with(&format!("X: {}\r\n\r\n", "y".repeat(SIP_MESSAGE_BYTES))), Fault::MessageTooLong, true),
            (with(&format!("\r\n{}", "y".repeat(SIP_BODY_BYTES + 1))), Fault::BodyTooLong, true),
            (with(&format!("l: {}\r\n\r\n", SIP_BODY_BYTES + 1)), Fault::BodyTooLong, true),
            (with("l: 5\r\n\r\nfour"), Fault::BodyCut, true),
            (with("l: 5x\r\n\r\nfives"), Fault::Malformed(Name::ContentLength), true),
            (with("\r\n").replace("OPTIONS sip:a@b SIP", "ACK <x> SIP"), Fault::RequestUri, false),
            (with("\r\n").replace("Call-ID: x", "Y: x\r\nbad"), Fault::HeaderLine, false),
            ("SIP/2.0 99 Low\r\n\r\n".into(), Fault::StatusLine, false),
            ("SIP/2.0 700 High\r\n\r\n".into(), Fault::StatusLine, false),
            ("SIP/2.0\r\n\r\n".into(), Fault::StatusLine, false),
            ("SIP/1.0 200 OK\r\n\r\n".into(), Fault::Version, false),
        ];
        for (text, fault, answerable) in rows {
            let error = Message::parse_datagram(Bytes::from(text.clone())).expect_err("refused");
            assert_eq!(
                (error.fault, error.request.is_some()),
                (fault, answerable),
                "{:?}",
                &text[..text.len().min(300)]
            );
        }
    }

    #[test]
    fn the_body_ends_where_the_length_says() {
        for (rest, body) in
            [("l: 2\r\n\r\nabcd", "ab"), ("\r\nabcd", "abcd"), ("l: 2\r\nl: 02\r\n\r\nab", "ab"), ("\n", "")]
        {
            let message = Message::parse_datagram(Bytes::from(HEAD.to_owned() + rest)).expect("well-formed");
            assert_eq!(message.body(), body, "{rest:?}");
        }
    }
}
