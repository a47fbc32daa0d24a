//! Small readers of text and bytes that the whole grammar shares.

use std::borrow::Cow;

/// UTF-8 where it is valid, else Latin-1: old gateways send names in it, and no byte may be lost.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
    }
}

/// `token` of RFC 3261 §25.1.
pub(super) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| is_token_byte(byte))
}

pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// A blank, or part of a fold.
pub(super) fn is_lws(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Without blanks and folds at both ends.
pub(super) fn trim_lws(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_lws(byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_lws(byte)).map_or(start, |last| last + 1);
    &bytes[start..end]
}

pub(super) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// A decimal number of digits alone; a sign, a blank or more than fits is `None`.
pub(super) fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    let text = trim(text);
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Cuts at `separator` where it stands outside of quoted strings and of `<>`. Pieces are trimmed.
/// An opened quote or bracket that never closes swallows the rest; the reader of the piece refuses it.
pub(super) fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let end = find_outside(text, separator);
        rest = end.map(|end| &text[end + 1..]);
        Some(trim(end.map_or(text, |end| &text[..end])))
    })
}

/// The first `wanted` (ASCII) outside of quoted strings and of `<>`.
pub(super) fn find_outside(text: &str, wanted: u8) -> Option<usize> {
    let (bytes, mut at, mut angle) = (text.as_bytes(), 0, false);
    loop {
        match *bytes.get(at)? {
            byte if byte == wanted && !angle => return Some(at),
            b'"' => at = quote_end(bytes, at + 1)?,
            b'<' => angle = true,
            b'>' => angle = false,
            _ => {}
        }
        at += 1;
    }
}

/// Where the quote closes whose content begins at `at`.
fn quote_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The first of these ASCII characters.
pub(super) fn find_any<const N: usize>(text: &str, wanted: [u8; N]) -> Option<usize> {
    text.bytes().position(|byte| wanted.contains(&byte))
}

/// A quoted string at the start of `text`: its content without escapes, and what follows it.
pub(super) fn unquote(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut content = String::new();
    let mut chars = inner.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((content, &inner[at + 1..])),
            '\\' => content.push(chars.next()?.1),
            _ => content.push(char),
        }
    }
    None
}

/// Writes `content` as a quoted string, escaping what must be.
pub(super) fn write_quoted(f: &mut std::fmt::Formatter<'_>, content: &str) -> std::fmt::Result {
    let mut rest = content;
    f.write_str("\"")?;
    while let Some(at) = find_any(rest, [b'"', b'\\']) {
        f.write_str(&rest[..at])?;
        f.write_str("\\")?;
        f.write_str(&rest[at..=at])?;
        rest = &rest[at + 1..];
    }
    f.write_str(rest)?;
    f.write_str("\"")
}

/// Resolves `%XX`; a broken escape stays as it is (RFC 4475 §3.1.1.5). Bytes that are no UTF-8 stay escaped.
pub(super) fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let value = pair.filter(|_| byte == b'%').filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit()));
        if let Some(value) = value.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            out.push(value);
            rest = &after[2..];
        } else {
            out.push(byte);
            rest = after;
        }
    }
    String::from_utf8(out).map_or(Cow::Borrowed(text), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_only_outside_of_quotes_and_brackets() {
        let rows: [(&str, &[&str]); 5] = [
            ("a , b", &["a", "b"]),
            ("\"a,b\" <sip:x,y>, c", &["\"a,b\" <sip:x,y>", "c"]),
            (r#""a\",b",c"#, &[r#""a\",b""#, "c"]),
            ("", &[""]),
            ("\"open, c", &["\"open, c"]),
        ];
        for (text, pieces) in rows {
            assert_eq!(split(text, b',').collect::<Vec<_>>(), pieces, "{text}");
        }
    }

    #[test]
    fn quoted_strings_lose_their_escapes() {
        assert_eq!(unquote(r#""J \\\" R" <x>"#), Some((r#"J \" R"#.to_owned(), " <x>")));
        assert_eq!(unquote("\"open"), None);
        assert_eq!(unquote("\"open\\"), None);
    }

    #[test]
    fn percent_decoding_leaves_what_it_cannot_read() {
        for (text, plain) in
            [("a%40b", "a@b"), ("%Z%45", "%ZE"), ("%", "%"), ("%4", "%4"), ("%ff", "%ff"), ("%C3%A4", "ä")]
        {
            assert_eq!(percent_decode(text), plain, "{text}");
        }
    }

    #[test]
    fn numbers_are_digits_alone() {
        assert_eq!(number::<u32>(" 0068 "), Some(68));
        for bad in ["", "-1", "+1", "4294967296", "1 2"] {
            assert_eq!(number::<u32>(bad), None, "{bad}");
        }
    }
}
