//! Messages as people may see them: histories and traces show who tried to prove what, never the proof, and that a key was
//! pressed, never which.
//! Owns which header fields hold credentials and what is left of them, and which bodies say keys. In: bytes from the wire,
//! whole messages or parts of a stream. Out: the same bytes with `Authorization` and `Proxy-Authorization` (RFC 3261
//! §20.7, §20.28) cut to scheme, username, realm and algorithm, as with the rest a password could be guessed offline, and
//! with `x` for the key of an INFO (`application/dtmf-relay`, `application/dtmf`): it may be a digit of a card.

use bytes::Bytes;

use super::auth::AuthValue;
use crate::base::bounds::SIP_MESSAGE_BYTES;

const FIELDS: [&[u8]; 2] = [b"authorization", b"proxy-authorization"];
const KEPT: [&str; 3] = ["username", "realm", "algorithm"];

/// A whole message. A body that says no key is left as it is; a message without secrets is not copied.
pub fn redacted(message: &Bytes) -> Bytes {
    let Some((head, says_key)) = secrets_of(message) else { return message.clone() };
    let mut redactor = Redactor::default();
    let mut out = redactor.push(&message[..head]);
    out.extend(redactor.finish());
    match says_key {
        true => out.extend(without_keys(&message[head..])),
        false => out.extend_from_slice(&message[head..]),
    }
    out.into()
}

/// The length of the head, without its empty line, and whether the body says a key; `None`: there is no secret.
fn secrets_of(message: &[u8]) -> Option<(usize, bool)> {
    let (mut at, mut says_key, mut proves) = (0, false, false);
    for line in message.split_inclusive(|b| *b == b'\n') {
        if line == b"\r\n" && message[..at].ends_with(b"\r\n") {
            break;
        }
        // few lines are worth a look at their whole name
        match line.first() {
            Some(b'a' | b'A' | b'p' | b'P') => proves |= field_of(line).is_some(),
            Some(b'c' | b'C') => says_key |= says_keys(line),
            Some(_) | None => {}
        }
        at += line.len();
    }
    (proves || says_key).then_some((at, says_key))
}

/// A stream, as it comes in parts: what is not yet a whole field is held back.
#[derive(Debug, Default)]
pub struct Redactor {
    /// A line without its end, or a field whose next line may go on with it (RFC 3261 §7.3.1).
    held: Vec<u8>,
    /// The head that passes now says: its body is keys, and how long it is.
    says_keys: bool,
    body_bytes: usize,
    /// Bytes of a body of keys that come next.
    keys_left: usize,
}

impl Redactor {
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let mut out = Vec::new();
        loop {
            if self.keys_left > 0 && self.held.len() >= self.keys_left {
                let body: Vec<u8> = self.held.drain(..std::mem::take(&mut self.keys_left)).collect();
                out.extend(without_keys(&body));
            }
            let Some(end) = self.line_end().filter(|_| self.keys_left == 0) else { break };
            let line: Vec<u8> = self.held.drain(..end).collect();
            self.note(&line);
            print(&line, &mut out);
        }
        if self.held.len() > SIP_MESSAGE_BYTES {
            out.extend(self.finish());
        }
        out
    }

    /// No more comes.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let held = std::mem::take(&mut self.held);
        match std::mem::take(&mut self.keys_left) {
            0 => print(&held, &mut out),
            _ => out.extend(without_keys(&held)),
        }
        out
    }

    /// What a line of a head says of the body. Of other bodies a line may look like it: then a key too many is hidden.
    fn note(&mut self, line: &[u8]) {
        if says_keys(line) {
            self.says_keys = true;
        } else if let Some(value) = value_of(line, &[b"content-length", b"l"]) {
            self.body_bytes = String::from_utf8_lossy(value).trim().parse().unwrap_or(0);
        } else if line.trim_ascii_end().is_empty() {
            let (says_keys, bytes) = (std::mem::take(&mut self.says_keys), std::mem::take(&mut self.body_bytes));
            self.keys_left = if says_keys { bytes } else { 0 };
        }
    }

    /// Where the first line ends, with what is folded to it when it holds credentials; `None`: not known yet.
    fn line_end(&self) -> Option<usize> {
        let mut end = self.held.iter().position(|b| *b == b'\n')? + 1;
        if field_of(&self.held).is_some() {
            while matches!(self.held.get(end)?, b' ' | b'\t') {
                end += self.held[end..].iter().position(|b| *b == b'\n')? + 1;
            }
        }
        Some(end)
    }
}

/// The length of the field's name, with the colon, when this line holds credentials.
fn field_of(line: &[u8]) -> Option<usize> {
    value_of(line, &FIELDS).map(|value| line.len() - value.len())
}

fn value_of<'a>(line: &'a [u8], names: &[&[u8]]) -> Option<&'a [u8]> {
    let colon = line.iter().take(64).position(|b| *b == b':')?;
    let name = line[..colon].trim_ascii_end();
    names.iter().any(|field| name.eq_ignore_ascii_case(field)).then_some(&line[colon + 1..])
}

/// The line says that the body is a key: `application/dtmf-relay` or `application/dtmf`.
fn says_keys(line: &[u8]) -> bool {
    let value = value_of(line, &[b"content-type", b"c"]).map(|value| value.trim_ascii().to_ascii_lowercase());
    value.is_some_and(|value| value.starts_with(b"application/dtmf"))
}

/// A body that says a key, without it: the value of `Signal`, or all there is.
fn without_keys(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in body.split_inclusive(|b| *b == b'\n') {
        let text = line.trim_ascii_end();
        let (key, end) = line.split_at(text.len());
        match key.iter().position(|b| *b == b'=') {
            Some(at) if !key[..at].trim_ascii().eq_ignore_ascii_case(b"signal") => out.extend_from_slice(key),
            Some(at) => {
                out.extend_from_slice(&key[..=at]);
                out.push(b'x');
            }
            None if key.is_empty() => {}
            None => out.push(b'x'),
        }
        out.extend_from_slice(end);
    }
    out
}

fn print(line: &[u8], out: &mut Vec<u8>) {
    let Some(value) = field_of(line) else { return out.extend_from_slice(line) };
    out.extend_from_slice(&line[..value]);
    out.extend_from_slice(shown(&String::from_utf8_lossy(&line[value..])).as_bytes());
    if line.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
}

fn shown(value: &str) -> String {
    let unfolded = value.replace(['\r', '\n'], " ");
    let Some(found) = AuthValue::parse(&unfolded).filter(AuthValue::is_digest) else { return " [redacted]".to_owned() };
    let mut kept = AuthValue::new(&found.scheme);
    kept.params = found.params.into_iter().filter(|p| KEPT.iter().any(|k| p.name.eq_ignore_ascii_case(k))).collect();
    format!(" {kept}, [redacted]")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "REGISTER sip:a SIP/2.0\r\nVia: SIP/2.0/UDP b\r\n\
        authorization : Digest username=\"1001\", realm=\"a, b\",\r\n nonce=\"n\", response=\"5ec\",\r\n\tcnonce=\"c\", \
        algorithm=MD5\r\nProxy-Authorization: Basic 5ecret\r\nCall-ID: x\r\nContent-Length: 24\r\n\r\n\
        Authorization: in a body";
    const SHOWN: &str = "REGISTER sip:a SIP/2.0\r\nVia: SIP/2.0/UDP b\r\n\
        authorization : Digest username=\"1001\", realm=\"a, b\", algorithm=MD5, [redacted]\r\n\
        Proxy-Authorization: [redacted]\r\nCall-ID: x\r\nContent-Length: 24\r\n\r\nAuthorization: in a body";

    #[test]
    fn who_and_where_stay_and_the_proof_goes() {
        let shown = redacted(&Bytes::from_static(MESSAGE.as_bytes()));
        assert_eq!(String::from_utf8_lossy(&shown), SHOWN);
        let plain = Bytes::from_static(b"OPTIONS sip:a SIP/2.0\r\nCall-ID: Authorization: x\r\n\r\n");
        assert_eq!(redacted(&plain), plain);
    }

    #[test]
    fn a_stream_shows_no_proof_wherever_it_is_cut() {
        let whole = MESSAGE.split_once("Authorization: in a body").expect("a body").0;
        let expected = SHOWN.split_once("Authorization: in a body").expect("a body").0;
        for cut in 0..whole.len() {
            let mut redactor = Redactor::default();
            let mut out = redactor.push(&whole.as_bytes()[..cut]);
            out.extend(redactor.push(&whole.as_bytes()[cut..]));
            out.extend(redactor.finish());
            assert_eq!(String::from_utf8_lossy(&out), expected, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_cut_off_in_the_middle_is_no_proof_either() {
        let at = MESSAGE.find("5ec").expect("a response") + 2;
        let shown = redacted(&Bytes::copy_from_slice(&MESSAGE.as_bytes()[..at]));
        assert!(!String::from_utf8_lossy(&shown).contains("5e"), "{shown:?}");
    }

    #[test]
    fn which_key_an_info_says_is_not_shown() {
        let head = |kind: &str, bytes: usize| {
            format!("INFO sip:a SIP/2.0\r\nContent-Type: {kind}\r\nContent-Length: {bytes}\r\n\r\n")
        };
        let rows = [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "Signal=x\r\nDuration=160\r\n"),
            ("Application/DTMF-Relay", "signal = 11\nDuration=160", "signal =x\nDuration=160"),
            ("application/dtmf", "7", "x"),
            ("application/dtmf", "7\r\n", "x\r\n"),
            ("application/dtmf\r\nc: text/plain", "7", "x"),
            ("text/plain\r\nc : application/dtmf", "7", "x"),
            ("application/sdp", "a=5\r\n", "a=5\r\n"),
        ];
        let next = "BYE sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n";
        for (kind, body, shown) in rows {
            let (head, shown) = (head(kind, body.len()), shown.to_owned());
            let message = Bytes::from(format!("{head}{body}"));
            assert_eq!(redacted(&message), format!("{head}{shown}"), "{kind} {body}");
            let stream = format!("{head}{body}{next}{head}{body}{next}");
            for cut in 0..stream.len() {
                let mut redactor = Redactor::default();
                let mut out = redactor.push(&stream.as_bytes()[..cut]);
                out.extend(redactor.push(&stream.as_bytes()[cut..]));
                out.extend(redactor.finish());
                let expected = format!("{head}{shown}{next}{head}{shown}{next}");
                assert_eq!(String::from_utf8_lossy(&out), expected, "{kind} {body}, cut at {cut}");
            }
        }
        let cut_off = Bytes::from(format!("{}Signal=5", head("application/dtmf-relay", 30)));
        let mut redactor = Redactor::default();
        let mut out = redactor.push(&cut_off);
        out.extend(redactor.finish());
        assert!(!String::from_utf8_lossy(&out).contains('5'), "what never came whole");
    }
}
