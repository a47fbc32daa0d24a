//! Messages as people may see them: histories and traces show who tried to prove what, never the proof.
//! Owns which header fields hold credentials and what is left of them. In: bytes from the wire, whole messages or parts of
//! a stream. Out: the same bytes, line by line, with `Authorization` and `Proxy-Authorization` (RFC 3261 §20.7, §20.28)
//! cut to scheme, username, realm and algorithm: with the rest a password could be guessed offline.

use bytes::Bytes;

use super::auth::AuthValue;
use crate::base::bounds::SIP_MESSAGE_BYTES;

const FIELDS: [&[u8]; 2] = [b"authorization", b"proxy-authorization"];
const KEPT: [&str; 3] = ["username", "realm", "algorithm"];

/// A whole message. Its body is left as it is; one without credentials is not copied.
pub fn redacted(message: &Bytes) -> Bytes {
    let head = message.windows(4).position(|w| w == b"\r\n\r\n").map_or(message.len(), |at| at + 2);
    if !message[..head].split(|b| *b == b'\n').any(|line| field_of(line).is_some()) {
        return message.clone();
    }
    let mut redactor = Redactor::default();
    let mut out = redactor.push(&message[..head]);
    out.extend(redactor.finish());
    out.extend_from_slice(&message[head..]);
    out.into()
}

/// A stream, as it comes in parts: what is not yet a whole field is held back.
#[derive(Debug, Default)]
pub struct Redactor {
    /// A line without its end, or a field whose next line may go on with it (RFC 3261 §7.3.1).
    held: Vec<u8>,
}

impl Redactor {
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(bytes);
        let mut out = Vec::new();
        while let Some(end) = self.line_end() {
            let line: Vec<u8> = self.held.drain(..end).collect();
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
        print(&std::mem::take(&mut self.held), &mut out);
        out
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
    let colon = line.iter().take(64).position(|b| *b == b':')?;
    let name = line[..colon].trim_ascii_end();
    FIELDS.iter().any(|field| name.eq_ignore_ascii_case(field)).then_some(colon + 1)
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
}
