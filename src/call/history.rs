//! The SIP messages of a contact, as they were on the wire but for credentials and keys: `SIP_HISTORY_BYTES` of them, the
//! oldest go first.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::base::bounds::{SIP_HISTORY_BODY_BYTES, SIP_HISTORY_BYTES};
use crate::sip::message::redacted;
use crate::sip::words::Traced;

#[derive(Clone, Debug, Default)]
pub(super) struct History {
    messages: VecDeque<Traced>,
    bytes: usize,
}

impl History {
    pub fn push(&mut self, mut traced: Traced) {
        traced.bytes = cut_body(redacted(&traced.bytes));
        self.bytes += traced.bytes.len();
        self.messages.push_back(traced);
        while self.bytes > SIP_HISTORY_BYTES {
            let Some(oldest) = self.messages.pop_front() else { break };
            self.bytes -= oldest.bytes.len();
        }
    }

    pub fn messages(&self) -> impl Iterator<Item = &Traced> {
        self.messages.iter()
    }
}

/// A body over the bound is cut. A message that fits stays as it is, shared with who sent it: what is traced was written
/// by the endpoint, and is no part of a datagram.
fn cut_body(bytes: Bytes) -> Bytes {
    if bytes.len() <= SIP_HISTORY_BODY_BYTES {
        return bytes;
    }
    let body = bytes.windows(4).position(|w| w == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
    let end = body + SIP_HISTORY_BODY_BYTES;
    if bytes.len() <= end { bytes } else { Bytes::copy_from_slice(&bytes[..end]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{LegId, Time};

    fn message(body: usize) -> Traced {
        let text = format!("OPTIONS sip:a SIP/2.0\r\n\r\n{}", "x".repeat(body));
        Traced { leg: LegId(1), sent: true, t: Time(0), remote: ([127, 0, 0, 1], 5060).into(), bytes: text.into() }
    }

    #[test]
    fn no_credentials_are_kept() {
        let text =
            "INVITE sip:a SIP/2.0\r\nAuthorization: Digest username=\"u\", realm=\"r\", response=\"5ec\"\r\n\r\nv=0";
        let mut history = History::default();
        history.push(Traced { bytes: text.into(), ..message(0) });
        let kept = String::from_utf8_lossy(&history.messages[0].bytes).into_owned();
        assert!(
            kept.contains("username=\"u\", realm=\"r\"") && kept.ends_with("v=0") && !kept.contains("5ec"),
            "{kept}"
        );
    }

    #[test]
    fn the_oldest_go_and_long_bodies_are_cut() {
        let mut history = History::default();
        history.push(message(5_000));
        assert_eq!(history.bytes, "OPTIONS sip:a SIP/2.0\r\n\r\n".len() + SIP_HISTORY_BODY_BYTES);
        for _ in 0..20 {
            history.push(message(1_000));
        }
        assert!(history.bytes <= SIP_HISTORY_BYTES && history.bytes > SIP_HISTORY_BYTES - 1_100);
        assert_eq!(history.bytes, history.messages().map(|m| m.bytes.len()).sum::<usize>());
    }
}
