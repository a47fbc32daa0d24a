//! Messages out of a byte stream (RFC 3261 §18.3): TCP cuts where it likes, Content-Length says where a body ends.

use bytes::{Bytes, BytesMut};

use super::parse::{Head, parse_head};
use super::{Fault, Message, ParseError};
use crate::base::bounds::{SIP_BODY_BYTES, SIP_MESSAGE_BYTES, TCP_READ_BUFFER_BYTES};

/// What came out of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one frame lives at a time, on the stack")]
pub enum Frame {
    Message(Message),
    /// The stream cannot go on, as where the next message begins is unknown or the sender speaks no SIP: answer if
    /// possible, then close the connection.
    Broken(ParseError),
    /// CRLFCRLF: answer with CRLF (RFC 5626 §4.4.1).
    Ping,
    /// CRLF: the answer to a ping of ours.
    Pong,
    /// A faulty message whose end is known: answer it if it can be answered, the stream goes on.
    Refused(ParseError),
}

/// One per connection: `push` what was read, then `next` until `None`.
#[derive(Debug, Default)]
pub struct StreamFramer {
    buffer: BytesMut,
    /// Bytes at the start of `buffer` that hold no end of headers.
    scanned: usize,
    /// Headers are read, the body is not complete.
    waiting: Option<Waiting>,
    broken: bool,
}

#[derive(Debug)]
struct Waiting {
    head: Head,
    body: usize,
}

impl StreamFramer {
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Bytes of a message that is not complete.
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// The next frame; `None` when more bytes are needed, and for ever after `Broken`.
    pub fn next_frame(&mut self) -> Option<Frame> {
        if self.broken {
            return None;
        }
        if self.waiting.is_none() {
            if let Some(frame) = self.take_line_ends() {
                return Some(frame);
            }
            if let Some(frame) = self.take_head() {
                return Some(frame);
            }
        }
        self.take_body()
    }

    /// CRLFs between messages. One CRLF alone waits for what follows it, as it may be half a ping.
    fn take_line_ends(&mut self) -> Option<Frame> {
        if self.buffer.starts_with(b"\r\n\r\n") {
            self.cut(4);
            return Some(Frame::Ping);
        }
        if self.buffer.starts_with(b"\r\n") && self.buffer.get(2).is_some_and(|&byte| byte != b'\r') {
            self.cut(2);
            return Some(Frame::Pong);
        }
        None
    }

    /// Reads the headers when they are complete, and sets `waiting`.
    fn take_head(&mut self) -> Option<Frame> {
        let half_a_ping = b"\r\n\r\n".starts_with(&self.buffer);
        if half_a_ping {
            return None;
        }
        let Some(head_len) = self.find_head_end() else {
            if self.buffer.len() < TCP_READ_BUFFER_BYTES {
                return None;
            }
            let error =
                parse_head(&self.take_all()).map_or_else(|error| error, |head| head.refused(Fault::MessageTooLong));
            return Some(self.break_off(error));
        };
        let head = match parse_head(&self.cut(head_len)) {
            Ok(head) => head,
            Err(error) => return Some(self.break_off(error)),
        };
        // without a length there is no body (RFC 3261 §20.14 demands the field on streams)
        let length = head.header_fault.map_or_else(|| head.message.headers().content_length(), Err);
        let fault = match length.map(|length| length.unwrap_or(0)) {
            Ok(body) if body > SIP_BODY_BYTES => Fault::BodyTooLong,
            Ok(body) if head_len + body > SIP_MESSAGE_BYTES => Fault::MessageTooLong,
            Ok(body) => {
                self.waiting = Some(Waiting { head, body });
                return None;
            }
            Err(fault) => fault,
        };
        Some(self.break_off(head.refused(fault)))
    }

    fn take_body(&mut self) -> Option<Frame> {
        if self.waiting.as_ref()?.body > self.buffer.len() {
            return None;
        }
        let waiting = self.waiting.take()?;
        let body = self.cut(waiting.body);
        Some(match waiting.head.start_fault {
            None => Frame::Message(waiting.head.with_body(body)),
            Some(fault) => Frame::Refused(waiting.head.refused(fault)),
        })
    }

    /// Length of the headers with the empty line, if it is there. Looks at each byte once over all calls.
    fn find_head_end(&mut self) -> Option<usize> {
        // the end may lie across what was seen and what is new: up to two bytes (LF CR) of it are old
        let from = self.scanned.saturating_sub(2);
        let mut at = from;
        while let Some(feed) = self.buffer[at..].iter().position(|&byte| byte == b'\n').map(|feed| at + feed) {
            match &self.buffer[feed + 1..] {
                [b'\n', ..] => return Some(feed + 2),
                [b'\r', b'\n', ..] => return Some(feed + 3),
                _ => at = feed + 1,
            }
        }
        self.scanned = self.buffer.len();
        None
    }

    fn break_off(&mut self, error: ParseError) -> Frame {
        self.broken = true;
        self.buffer.clear();
        Frame::Broken(error)
    }

    fn cut(&mut self, len: usize) -> Bytes {
        self.scanned = 0;
        self.buffer.split_to(len).freeze()
    }

    fn take_all(&mut self) -> Bytes {
        self.cut(self.buffer.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &str = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n";

    fn with(rest: &str) -> String {
        format!("{OPTIONS}{rest}")
    }

    fn brief(frame: &Frame) -> String {
        let error = |kind: &str, error: &ParseError| {
            format!("{kind} {} {}", error.fault.status(), if error.request.is_some() { "answer" } else { "drop" })
        };
        match frame {
            Frame::Message(message) => format!("message {}", String::from_utf8_lossy(message.body())),
            Frame::Refused(e) => error("refused", e),
            Frame::Broken(e) => error("broken", e),
            Frame::Ping => "ping".into(),
            Frame::Pong => "pong".into(),
        }
    }

    fn frames(bytes: &[u8], step: usize) -> Vec<String> {
        let mut framer = StreamFramer::default();
        let mut out = Vec::new();
        for piece in bytes.chunks(step) {
            framer.push(piece);
            while let Some(frame) = framer.next_frame() {
                out.push(brief(&frame));
            }
        }
        out
    }

    #[test]
    fn the_same_frames_however_the_stream_is_cut() {
        let two = with("l: 5\r\n\r\nhello") + &with("Content-Length: 0\r\n\r\n");
        let rows: [(String, &[&str]); 19] = [
            (two, &["message hello", "message "]),
            (with("\r\n") + "\r\n\r\n" + &with("l: 1\r\n\r\n!"), &["message ", "ping", "message !"]),
            ("\r\n".to_owned() + &with("l:0\r\n\r\n"), &["pong", "message "]),
            ("\r\n".into(), &[]),
            (with("l: 3\n\nabc").replace("\r\n", "\n"), &["message abc"]),
            (with("l: 6\r\n\r\nhello"), &[]),
            (with("l: -1\r\n\r\n"), &["broken 400 answer"]),
            (with("l: 1\r\nl: 2\r\n\r\nab"), &["broken 400 answer"]),
            (with("l: 99999\r\n\r\n"), &["broken 413 answer"]),
            (with(&format!("l: {}\r\n\r\n", u64::MAX)), &["broken 413 answer"]),
            (with("Content-Length 2\r\n\r\nab"), &["broken 400 answer"]),
            (with(&"X: y\r\n".repeat(300)) + "l: 1\r\n\r\n!", &["broken 400 answer"]),
            (with("l: 2\r\n\r\nab").replace("a@b S", "a@ S") + &with("\r\n"), &["refused 400 answer", "message "]),
            (with("\r\n").replace("SIP/2.0\r\n", "SIP/3.0\r\n"), &["refused 505 answer"]),
            (with(&format!("X: {}\r\nl: 9000\r\n\r\n", "y".repeat(60_000))), &["broken 513 answer"]),
            ("\r".to_owned() + &with("\r\n"), &["broken 400 drop"]),
            ("\r\n\rX".to_owned() + &with("\r\n"), &["broken 400 drop"]),
            ("GET / HTTP/1.1\r\nHost: x\r\n\r\n".into(), &["broken 400 drop"]),
            (with(&"X: y\r\n".repeat(20_000)), &["broken 513 answer"]),
        ];
        for (stream, expected) in rows {
            for step in [1, 2, 3, 7, 100, 1 << 20] {
                assert_eq!(frames(stream.as_bytes(), step), expected, "{step} {}", &stream[..stream.len().min(400)]);
            }
        }
    }

    #[test]
    fn a_broken_stream_stays_broken_and_holds_nothing() {
        let mut framer = StreamFramer::default();
        framer.push(b"GET / HTTP/1.1\r\n\r\n");
        assert!(matches!(framer.next_frame(), Some(Frame::Broken(_))));
        framer.push(with("\r\n").as_bytes());
        assert_eq!((framer.next_frame(), framer.pending()), (None, 0));
    }
}
