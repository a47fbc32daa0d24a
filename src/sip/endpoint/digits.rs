//! Digits by INFO: the bodies `application/dtmf-relay` and `application/dtmf`, as phones and gateways write them.
//! There is no RFC for either; RFC 6086 calls them legacy usage.

use crate::base::Span;
use crate::sip::message::ContentType;

/// What an INFO carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Info {
    Digit(char),
    /// No body, or one of these kinds that names no digit: 200 and nothing more.
    Nothing,
    /// 415.
    Foreign,
}

pub fn read(kind: Option<&ContentType>, body: &[u8]) -> Info {
    let text = String::from_utf8_lossy(body);
    match kind {
        _ if body.is_empty() => Info::Nothing,
        Some(kind) if kind.is("application", "dtmf-relay") => {
            let signal = text.lines().find_map(|line| {
                let (name, value) = line.split_once('=')?;
                name.trim().eq_ignore_ascii_case("signal").then(|| value.trim().to_owned())
            });
            signal.and_then(|signal| digit(&signal)).map_or(Info::Nothing, Info::Digit)
        }
        Some(kind) if kind.is("application", "dtmf") => digit(text.trim()).map_or(Info::Nothing, Info::Digit),
        Some(_) | None => Info::Foreign,
    }
}

/// One character, or the number of the event (RFC 4733 §3.2): 10 is `*`, 11 is `#`, 12 to 15 are A to D.
fn digit(text: &str) -> Option<char> {
    match text {
        "10" => Some('*'),
        "11" => Some('#'),
        "12" => Some('A'),
        "13" => Some('B'),
        "14" => Some('C'),
        "15" => Some('D'),
        _ => {
            let mut chars = text.chars();
            let (digit, rest) = (chars.next()?.to_ascii_uppercase(), chars.next());
            (rest.is_none() && matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D')).then_some(digit)
        }
    }
}

/// The body of an INFO of ours.
pub fn write(digit: char, duration: Span) -> String {
    format!("Signal={digit}\r\nDuration={}\r\n", duration.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_as_phones_write_them() {
        let rows = [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", Info::Digit('5')),
            ("application/dtmf-relay", "Signal= *\nDuration= 250", Info::Digit('*')),
            ("Application/DTMF-Relay", "signal=11\r\n", Info::Digit('#')),
            ("application/dtmf-relay", "Duration=160\r\n", Info::Nothing),
            ("application/dtmf-relay", "Signal=55\r\n", Info::Nothing),
            ("application/dtmf", "7", Info::Digit('7')),
            ("application/dtmf", "d\r\n", Info::Digit('D')),
            ("application/dtmf", "", Info::Nothing),
            ("application/media_control+xml", "<x/>", Info::Foreign),
        ];
        for (kind, body, expected) in rows {
            let kind = ContentType::parse(kind);
            assert_eq!(read(kind.as_ref(), body.as_bytes()), expected, "{body}");
        }
        assert_eq!(read(None, b"x"), Info::Foreign);
        let relay = ContentType::parse("application/dtmf-relay");
        assert_eq!(read(relay.as_ref(), write('#', Span::millis(100)).as_bytes()), Info::Digit('#'));
    }
}
