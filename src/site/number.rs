//! Numbers as people and carriers write them, and the one form in which the house compares them.
//! Owns normal form, patterns over whole numbers and their rewriting. Leaves to `resolve` what a number reaches.

use std::borrow::Cow;
use std::fmt;

use regex_lite::Regex;

use crate::base::bounds::{DIALLED_BYTES, PATTERN_BYTES};

/// The normal form of what was dialled: a public number is E.164 with `+`, an internal one has none and consists of
/// digits, `*` and `#`. Visual separators go (RFC 3966, section 3), so do the scheme, host and parameters of a URI;
/// the international prefix `00` (ITU-T E.164) becomes `+`. `None` if nothing dialable is left.
pub fn normal_form(dialled: &str) -> Option<String> {
    let number = stripped(dialled)?;
    let international = number.strip_prefix("00").filter(|n| is_international(n));
    Some(international.map_or(number.clone(), |n| format!("+{n}")))
}

/// Digits that can follow a `+`: a country code never begins with 0, a whole number has at most 15 digits (ITU-T E.164).
pub(super) fn is_international(digits: &str) -> bool {
    (7..=15).contains(&digits.len()) && !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit())
}

/// The number without URI and separators; a leading `00` stays.
pub(super) fn stripped(dialled: &str) -> Option<String> {
    if dialled.len() > DIALLED_BYTES {
        return None;
    }
    let user = percent_decoded(user_part(dialled.trim()))?;
    let number: String = user.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')' | ' ')).collect();
    let dialable = |n: &str| n.chars().all(|c| matches!(c, '0'..='9' | '*' | '#'));
    let is_number = match number.strip_prefix('+') {
        Some(digits) => is_international(digits),
        None => !number.is_empty() && dialable(&number),
    };
    is_number.then_some(number)
}

/// What stands for the number in a `sip:`, `sips:` or `tel:` URI; other text is the number itself.
fn user_part(text: &str) -> &str {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    let cut = |t: &'_ str, at: &[char]| t.find(at).unwrap_or(t.len());
    if scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips") {
        // Without an `@` the URI has a host and no user.
        let user = rest.split_once('@').map_or("", |(user, _)| user);
        &user[..cut(user, &[';', ':'])]
    } else if scheme.eq_ignore_ascii_case("tel") {
        &rest[..cut(rest, &[';'])]
    } else {
        text
    }
}

/// `%2B` is a `+`, `%23` a `#` (RFC 3986, section 2.1). `None` for what is no escape, or no ASCII.
fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).filter(|c| c.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let byte = u8::from_str_radix(code, 16).ok().filter(u8::is_ascii)?;
        decoded.push(byte.into());
        decoded.push_str(&part[2..]);
    }
    Some(Cow::Owned(decoded))
}

/// A regular expression over a whole number.
#[derive(Clone)]
pub struct Pattern(Regex);

const WHOLE: (&str, &str) = ("^(?:", ")$");

impl Pattern {
    /// # Errors
    /// What is wrong with the expression, in words.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > PATTERN_BYTES {
            return Err(format!("over {PATTERN_BYTES} bytes"));
        }
        // On its own first: `a)(b` would pass between the brackets.
        Regex::new(text).map_err(|e| e.to_string())?;
        Regex::new(&format!("{}{text}{}", WHOLE.0, WHOLE.1)).map(Self).map_err(|e| e.to_string())
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        let whole = self.0.as_str();
        whole.strip_prefix(WHOLE.0).and_then(|t| t.strip_suffix(WHOLE.1)).unwrap_or(whole)
    }

    pub fn matches(&self, number: &str) -> bool {
        self.0.is_match(number)
    }

    /// `$1` to `$9` are the pattern's groups, `$0` the whole number; one digit, so `$10` is the first group and a 0.
    /// `None` if the number does not match.
    pub fn rewrite(&self, number: &str, to: &str) -> Option<String> {
        let groups = self.0.captures(number)?;
        let mut parts = to.split('$');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let group = part.chars().next().and_then(|c| c.to_digit(10));
            match group {
                Some(n) => {
                    out.push_str(groups.get(n as usize).map_or("", |m| m.as_str()));
                    out.push_str(&part[1..]);
                }
                None => out.push_str(part),
            }
        }
        Some(out)
    }

    /// The first `$` of `to` that names no group of this pattern.
    pub(super) fn unknown_group(&self, to: &str) -> Option<String> {
        to.split('$').skip(1).find_map(|part| {
            let group = part.chars().next().and_then(|c| c.to_digit(10));
            let known = group.is_some_and(|n| (n as usize) < self.0.captures_len());
            (!known).then(|| format!("${}", part.chars().next().map_or(String::new(), String::from)))
        })
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// `match` is a [`Pattern`], `to` its replacement.
#[derive(Clone, Debug, PartialEq)]
pub struct Rewrite {
    pub pattern: Pattern,
    pub to: String,
}

impl Rewrite {
    /// What the first of `rules` that matches makes of the number.
    pub(super) fn first(rules: &[Self], number: &str) -> Option<String> {
        rules.iter().find_map(|rule| rule.pattern.rewrite(number, &rule.to))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_way_of_writing_has_one_form() {
        let rows = [
            ("+864008001234", Some("+864008001234")),
            ("+86 (400) 800-12.34", Some("+864008001234")),
            ("00864008001234", Some("+864008001234")),
            ("tel:+86-400-800-1234;phone-context=example.com", Some("+864008001234")),
            ("TEL:1001", Some("1001")),
            ("sip:%2B864008001234@demo.example;transport=tcp", Some("+864008001234")),
            ("sips:1001;x=1:secret@demo.example", Some("1001")),
            ("sip:1001:secret@[2001:db8::1]:5060", Some("1001")),
            ("*97#", Some("*97#")),
            ("sip:%2a97%23@h", Some("*97#")),
            ("0", Some("0")),
            ("00", Some("00")),
            ("0012", Some("0012")),
            ("04008001234", Some("04008001234")),
            (" 1001 ", Some("1001")),
            ("sip:demo.example", None),
            ("sip:ana@demo.example", None),
            ("", None),
            ("+", None),
            ("+0864008001", None),
            ("+1234567890123456", None),
            ("++864008001234", None),
            ("10+01", None),
            ("%zz1", None),
            ("%2", None),
            ("%E4%BD%A0", None),
        ];
        for (dialled, expected) in rows {
            assert_eq!(normal_form(dialled).as_deref(), expected, "{dialled}");
        }
        assert_eq!(normal_form(&"1".repeat(DIALLED_BYTES + 1)), None);
    }

    #[test]
    fn a_pattern_covers_the_whole_number() {
        let rows = [
            ("^0?(4\\d{9})$", "+86$1", "04008001234", Some("+864008001234")),
            ("^0?(4\\d{9})$", "+86$1", "14008001234", None),
            ("1|2", "$0", "12", None),
            ("(1)(2)?", "$2$1", "1", Some("1")),
            ("(\\d+)", "$10", "5", Some("50")),
            ("9", "1$", "9", Some("1")),
        ];
        for (pattern, to, number, expected) in rows {
            let pattern = Pattern::new(pattern).expect("a pattern");
            assert_eq!(pattern.rewrite(number, to).as_deref(), expected, "{pattern:?} {number}");
        }
        for bad in ["(", "a)(b", "[", "\\", &"1".repeat(PATTERN_BYTES + 1)] {
            assert!(Pattern::new(bad).is_err(), "{bad}");
        }
        let pattern = Pattern::new("(a)(b)").expect("a pattern");
        assert_eq!(pattern.text(), "(a)(b)");
        assert_eq!(pattern.unknown_group("x$2$0"), None);
        assert_eq!(pattern.unknown_group("x$3").as_deref(), Some("$3"));
        assert_eq!(pattern.unknown_group("x$").as_deref(), Some("$"));
    }

    proptest! {
        #[test]
        fn normal_form_is_its_own_normal_form(dialled in "(sip:|tel:)?\\+?[0-9*# ().%-]{0,20}(@h)?") {
            if let Some(number) = normal_form(&dialled) {
                prop_assert_eq!(normal_form(&number), Some(number));
            }
        }

        #[test]
        fn no_text_breaks_it(dialled in "\\PC*", to in "\\PC*") {
            normal_form(&dialled);
            Pattern::new("(.*)").expect("a pattern").rewrite(&dialled, &to);
        }
    }
}
