//! `"Name" <uri>;params`: From, To, Contact, Route, Refer-To, P-Asserted-Identity.

use std::fmt;

use super::params::value_in;
use super::text::{find_any, find_outside, number, trim, unquote, write_quoted};
use super::{Params, Uri};

/// An address with an optional name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// Without quotes and escapes.
    pub display: Option<String>,
    pub uri: Uri,
    /// The header field's parameters, outside of the brackets.
    pub params: Params,
}

impl NameAddr {
    pub fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::default() }
    }

    #[must_use]
    pub fn with_display(mut self, display: &str) -> Self {
        self.display = (!display.is_empty()).then(|| display.to_owned());
        self
    }

    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", tag);
        self
    }

    /// The dialog tag of From and To.
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag")
    }

    /// An unquoted name with commas is forgiven (RFC 4475 §3.1.2.15), and blanks inside the brackets (§3.1.2.14).
    /// Without brackets the parameters are the header field's, and a `?` or `,` is refused (RFC 3261 §20).
    pub fn parse(text: &str) -> Option<Self> {
        let (display, uri, params) = cut(text)?;
        Some(Self { display, uri: Uri::parse(uri)?, params: Params::parse(params)? })
    }
}

/// The tag of a From or To; its URI is not read.
pub(super) fn tag_in(text: &str) -> Option<String> {
    cut(text).and_then(|(_, _, params)| value_in(params, "tag"))
}

/// The name, and as text the URI and the header field's parameters.
fn cut(text: &str) -> Option<(Option<String>, &str, &str)> {
    let text = trim(text);
    let (display, rest) = if text.starts_with('"') {
        let (display, rest) = unquote(text)?;
        (Some(display), trim(rest))
    } else {
        let open = find_any(text, [b'<']).unwrap_or(0);
        let display = trim(&text[..open]);
        ((!display.is_empty()).then(|| display.to_owned()), &text[open..])
    };
    if let Some(inner) = rest.strip_prefix('<') {
        let close = find_any(inner, [b'>'])?;
        let after = trim(&inner[close + 1..]);
        let params = match after.strip_prefix(';') {
            Some(params) => params,
            None if after.is_empty() => "",
            None => return None,
        };
        return Some((display, trim(&inner[..close]), params));
    }
    if display.is_some() {
        return None;
    }
    let end = find_outside(rest, b';').unwrap_or(rest.len());
    let uri = trim(&rest[..end]);
    find_any(uri, [b'?', b',']).is_none().then_some((None, uri, rest.get(end + 1..).unwrap_or("")))
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write_quoted(f, display)?;
            f.write_str(" ")?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// One value of a Contact header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact(pub NameAddr);

impl Contact {
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// Thousandths, 0 to 1000; 1000 when absent or unreadable (RFC 3261 §20.10).
    pub fn q(&self) -> u16 {
        self.0.params.get("q").and_then(parse_q).unwrap_or(1000)
    }

    /// Seconds. `None` when absent or no number of 32 bits, which the registrar replaces by its default.
    pub fn expires(&self) -> Option<u32> {
        self.0.params.get("expires").and_then(number)
    }

    /// The instance id without its angle brackets (RFC 5626 §4.1).
    pub fn instance(&self) -> Option<&str> {
        let text = self.0.params.get("+sip.instance")?;
        Some(text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text))
    }
}

impl fmt::Display for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// All Contact values of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contacts {
    /// `*`, alone: in a REGISTER with Expires 0 it removes all bindings (RFC 3261 §10.2.2).
    Star,
    /// May be empty.
    List(Vec<Contact>),
}

/// `qvalue` of RFC 3261 §25.1 as thousandths.
fn parse_q(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" | "" => Some(thousandths),
        "1" => (thousandths == 0).then_some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        let rows = [
            ("sip:a@b;tag=1", Some("<sip:a@b>;tag=1")),
            ("<sip:a@b;lr>;tag=1", Some("<sip:a@b;lr>;tag=1")),
            ("caller<sip:a@b>;tag=323", Some("\"caller\" <sip:a@b>;tag=323")),
            (r#""J \\\" R"    <sip:a@b> ; tag = 9"#, Some(r#""J \\\" R" <sip:a@b>;tag=9"#)),
            ("Bell, Alexander <sip:a@b>", Some("\"Bell, Alexander\" <sip:a@b>")),
            ("\"W\" < sip:t@example.org >", Some("\"W\" <sip:t@example.org>")),
            ("\"A\"<tel:+1201>", Some("\"A\" <tel:+1201>")),
            ("<sip:a@b?Route=%3Csip:x%3E>", Some("<sip:a@b?Route=%3Csip:x%3E>")),
            ("sip:a@b?Route=%3Csip:x%3E", None),
            ("\"open <sip:a@b>", None),
            ("\"A\" sip:a@b", None),
            ("<sip:a@b", None),
            ("<sip:a@b> x", None),
            ("<sip:a@b>;;", None),
            ("", None),
        ];
        for (text, printed) in rows {
            let addr = NameAddr::parse(text);
            assert_eq!(addr.as_ref().map(ToString::to_string).as_deref(), printed, "{text}");
            if let Some(addr) = addr {
                assert_eq!(tag_in(text).as_deref(), addr.tag(), "{text}");
                assert_eq!(NameAddr::parse(&addr.to_string()), Some(addr));
            }
        }
    }

    #[test]
    fn contact_parameters() {
        let contact = |text: &str| Contact(NameAddr::parse(text).expect("well-formed"));
        for (q, thousandths) in
            [("0.33", 330), ("1", 1000), ("1.0", 1000), ("0", 0), (".5", 500), ("2", 1000), ("x", 1000)]
        {
            assert_eq!(contact(&format!("<sip:a@b>;q={q}")).q(), thousandths, "{q}");
        }
        assert_eq!(contact("<sip:a@b>").q(), 1000);
        assert_eq!(contact("<sip:a@b>;expires=60").expires(), Some(60));
        assert_eq!(contact("<sip:a@b>;expires=280297596632815").expires(), None);
        let instance = contact("<sip:a@b>;+sip.instance=\"<urn:uuid:0C67446E>\"");
        assert_eq!(instance.instance(), Some("urn:uuid:0C67446E"));
    }
}
