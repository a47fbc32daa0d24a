//! Bodies of several parts (RFC 2046 §5.1), as gateways send a session description beside ISUP or a location (RFC 5621).
//! Finds one part. Leaves what it says to its reader.

use super::text::{decode, trim};
use super::{ContentType, Headers};

/// The body as one of `kind/subtype`: whole when it is of that type, or the first such part of a `multipart`.
/// `None`: there is none, or it is encoded.
pub fn part_of<'a>(headers: &Headers, body: &'a [u8], kind: &str, subtype: &str) -> Option<&'a [u8]> {
    let whole = headers.content_type().ok().flatten()?;
    if whole.is(kind, subtype) {
        return Some(body);
    }
    let boundary = whole.params.get("boundary").filter(|_| whole.kind == "multipart")?;
    find(boundary, body, |part| content(part, kind, subtype))
}

/// Offers each part to `read` until it takes one. A part that is not closed by a boundary was cut on its way.
fn find<'a>(boundary: &str, body: &'a [u8], read: impl Fn(&'a [u8]) -> Option<&'a [u8]>) -> Option<&'a [u8]> {
    let delimiter = format!("--{boundary}");
    let (mut from, mut at) = (None, 0);
    while at < body.len() {
        let end = line_end(body, at);
        let rest = body[at..end].strip_prefix(delimiter.as_bytes()).map(<[u8]>::trim_ascii);
        if let Some(rest @ (b"" | b"--")) = rest {
            let part = from.map(|from| without_line_end(&body[from..at]));
            if let Some(found) = part.and_then(&read) {
                return Some(found);
            }
            // what follows the last boundary is nothing
            from = rest.is_empty().then_some(end);
        }
        at = end;
    }
    None
}

/// What follows a part's header lines, when they name the type.
fn content<'a>(part: &'a [u8], kind: &str, subtype: &str) -> Option<&'a [u8]> {
    let (mut at, mut wanted) = (0, false);
    while at < part.len() {
        let end = line_end(part, at);
        let line = decode(without_line_end(&part[at..end]));
        at = end;
        if line.is_empty() {
            return wanted.then_some(&part[at..]);
        }
        let (name, value) = line.split_once(':')?;
        if trim(name).eq_ignore_ascii_case("Content-Type") {
            wanted = ContentType::parse(trim(value)).is_some_and(|found| found.is(kind, subtype));
        }
        let plain = ["binary", "8bit", "7bit"].iter().any(|plain| trim(value).eq_ignore_ascii_case(plain));
        if trim(name).eq_ignore_ascii_case("Content-Transfer-Encoding") && !plain {
            return None;
        }
    }
    None
}

fn line_end(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |feed| at + feed + 1)
}

fn without_line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::super::Name;
    use super::*;

    fn sdp<'a>(kind: &str, body: &'a str) -> Option<&'a str> {
        let mut headers = Headers::default();
        headers.add(Name::ContentType, kind).expect("clean");
        part_of(&headers, body.as_bytes(), "application", "sdp").map(|part| std::str::from_utf8(part).expect("text"))
    }

    #[test]
    fn the_first_part_of_a_type_is_found() {
        const MIXED: &str = "multipart/mixed;boundary=b";
        let rows = [
            ("application/sdp", "v=0\r\n", Some("v=0\r\n")),
            ("text/plain", "v=0\r\n", None),
            (MIXED, "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--b--\r\n", Some("v=0\r\n")),
            (MIXED, "--b\nContent-Type:application/sdp\n\nv=0\n--b--", Some("v=0")),
            (MIXED, "x\r\n--b\r\n\r\nno type\r\n--b\r\ncontent-TYPE: Application/SDP;a=b\r\n\r\n\r\n--b--", Some("")),
            (MIXED, "--bc\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--bc--\r\n", None),
            (MIXED, "--b\r\nContent-Type: application/sdp\r\n\r\ncut", None),
            (MIXED, "--b--\r\n--b\r\nno header\r\n--b\r\nContent-Type: application/sdp\r\n--b--", None),
            (
                MIXED,
                "--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w\r\n--b--\r\n",
                None,
            ),
            ("multipart/mixed", "--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--\r\n", None),
            (MIXED, "", None),
        ];
        for (kind, body, expected) in rows {
            assert_eq!(sdp(kind, body), expected, "{kind} {body:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_survived(body in "(--b|--b--|\r|\n|\r\n|:|Content-Type: application/sdp|\u{e9}|x){0,40}") {
            sdp("multipart/mixed;boundary=b", &body);
        }
    }
}
