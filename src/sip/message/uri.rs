//! URIs: sip, sips and tel are read, any other scheme is kept as it came.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::text::{find_any, number, percent_decode};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Sip,
    Sips,
    Tel,
    /// Any other: 416 in a Request-URI (RFC 3261 §8.2.2.1).
    Other,
}

/// A URI: its text, and where its parts are. The text holds no blank, control, quote or angle bracket.
/// `==` compares text; [`Uri::equivalent`] compares by the rules of SIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uri {
    text: String,
    scheme: Scheme,
    user: Option<Range<usize>>,
    password: Option<Range<usize>>,
    host: Range<usize>,
    ip: Option<IpAddr>,
    port: Option<u16>,
    /// Without the leading `;`.
    params: Range<usize>,
    /// Without the leading `?`.
    headers: Range<usize>,
}

impl Uri {
    /// `None` when it is no URI, or a sip or sips URI without a readable host.
    pub fn parse(text: &str) -> Option<Self> {
        let colon = find_any(text, [b':'])?;
        let scheme_ok = text.as_bytes().first()?.is_ascii_alphabetic()
            && text[..colon].bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        if !scheme_ok || text.bytes().any(|b| b <= b' ' || matches!(b, 0x7f | b'<' | b'>' | b'"')) {
            return None;
        }
        let scheme = &text[..colon];
        if scheme.eq_ignore_ascii_case("sip") {
            Self::parse_sip(text, Scheme::Sip, colon + 1)
        } else if scheme.eq_ignore_ascii_case("sips") {
            Self::parse_sip(text, Scheme::Sips, colon + 1)
        } else if scheme.eq_ignore_ascii_case("tel") {
            Self::parse_tel(text, colon + 1)
        } else {
            Some(Self::opaque(text, Scheme::Other))
        }
    }

    /// `sip:user@host:port` with the user escaped as needed. `None` when the host is no host.
    pub fn sip(user: Option<&str>, host: &str, port: Option<u16>) -> Option<Self> {
        let mut text = String::from("sip:");
        if let Some(user) = user {
            escape_user(&mut text, user);
            text.push('@');
        }
        let bare_v6 = host.parse::<Ipv6Addr>().is_ok();
        text.push_str(&if bare_v6 { format!("[{host}]") } else { host.to_owned() });
        if let Some(port) = port {
            text.push_str(&format!(":{port}"));
        }
        if host.contains([';', '?', '@']) {
            return None;
        }
        Self::parse(&text)
    }

    /// The same URI with one more parameter. `None` when name or value have characters that a URI cannot carry.
    pub fn with_param(&self, name: &str, value: Option<&str>) -> Option<Self> {
        let clean = |text: &str| !text.is_empty() && !text.contains([';', '?', '@', ' ']);
        if !clean(name) || !value.is_none_or(clean) || self.scheme == Scheme::Other {
            return None;
        }
        let mut text = self.text.clone();
        let at = if self.headers.is_empty() { text.len() } else { self.headers.start - 1 };
        let param = value.map_or_else(|| format!(";{name}"), |value| format!(";{name}={value}"));
        text.insert_str(at, &param);
        Self::parse(&text)
    }

    /// A text that is no readable URI, kept for an answer about it.
    pub(super) fn unreadable(text: &str) -> Self {
        Self::opaque(text, Scheme::Other)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// As written, escapes and all; of a tel URI the number.
    pub fn user(&self) -> Option<&str> {
        self.user.clone().map(|range| &self.text[range])
    }

    /// The user without escapes.
    pub fn user_plain(&self) -> Option<Cow<'_, str>> {
        self.user().map(percent_decode)
    }

    pub fn password(&self) -> Option<&str> {
        self.password.clone().map(|range| &self.text[range])
    }

    /// As written, IPv6 in its brackets; empty for tel and other schemes.
    pub fn host(&self) -> &str {
        &self.text[self.host.clone()]
    }

    /// The host when it is an address.
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Parameters in their order, as written.
    pub fn params(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        pieces(&self.text[self.params.clone()], ';')
    }

    /// The value of a parameter; `Some("")` when it has none.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params().find(|(n, _)| percent_decode(n).eq_ignore_ascii_case(name)).map(|(_, value)| value.unwrap_or(""))
    }

    /// Header fields after `?`, as written.
    pub fn headers(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        pieces(&self.text[self.headers.clone()], '&')
    }

    /// The value of a header field after `?`, without escapes.
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.headers().find(|(n, _)| percent_decode(n).eq_ignore_ascii_case(name));
        found.map(|(_, value)| percent_decode(value.unwrap_or("")).into_owned())
    }

    /// Without parameters and header fields: what a binding is compared and shown by.
    pub fn without_params(&self) -> Self {
        let cut = [&self.params, &self.headers].into_iter().filter(|r| !r.is_empty()).map(|r| r.start - 1).min();
        cut.and_then(|cut| Self::parse(&self.text[..cut])).unwrap_or_else(|| self.clone())
    }

    /// Equal by RFC 3261 §19.1.4 (sip, sips), RFC 3966 §4 (tel), or by text. Not transitive, by the RFC's own rules.
    pub fn equivalent(&self, other: &Self) -> bool {
        if self.scheme != other.scheme {
            return false;
        }
        match self.scheme {
            Scheme::Other => self.text == other.text,
            Scheme::Tel => {
                let digits = |uri: &Self| uri.user().map(|n| n.replace(['-', '.', '(', ')'], "").to_ascii_lowercase());
                digits(self) == digits(other) && self.params_match(other, |_| true)
            }
            Scheme::Sip | Scheme::Sips => {
                self.user_plain() == other.user_plain()
                    && self.password().map(percent_decode) == other.password().map(percent_decode)
                    && self.same_host(other)
                    && self.port == other.port
                    && self.params_match(other, |name| {
                        ["user", "ttl", "method", "maddr"].iter().any(|n| name.eq_ignore_ascii_case(n))
                    })
                    && self.headers_match(other)
            }
        }
    }

    fn same_host(&self, other: &Self) -> bool {
        match (self.ip, other.ip) {
            (Some(one), Some(two)) => one == two,
            (None, None) => self.host().eq_ignore_ascii_case(other.host()),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Parameters of both agree; one that only one URI has matters when `alone` says so.
    fn params_match(&self, other: &Self, alone: impl Fn(&str) -> bool) -> bool {
        let covers = |one: &Self, two: &Self| {
            one.params().all(|(name, value)| {
                let name = percent_decode(name);
                match two.param(&name) {
                    Some(theirs) => percent_decode(value.unwrap_or("")).eq_ignore_ascii_case(&percent_decode(theirs)),
                    None => !alone(&name),
                }
            })
        };
        covers(self, other) && covers(other, self)
    }

    fn headers_match(&self, other: &Self) -> bool {
        let sorted = |uri: &Self| {
            let mut list: Vec<(String, String)> = uri
                .headers()
                .map(|(n, v)| (percent_decode(n).to_ascii_lowercase(), percent_decode(v.unwrap_or("")).into_owned()))
                .collect();
            list.sort();
            list
        };
        sorted(self) == sorted(other)
    }

    fn opaque(text: &str, scheme: Scheme) -> Self {
        let end = text.len()..text.len();
        Self {
            text: text.to_owned(),
            scheme,
            user: None,
            password: None,
            host: end.clone(),
            ip: None,
            port: None,
            params: end.clone(),
            headers: end,
        }
    }

    fn parse_tel(text: &str, start: usize) -> Option<Self> {
        let mut uri = Self::opaque(text, Scheme::Tel);
        let end = text[start..].find(';').map_or(text.len(), |at| start + at);
        if start == end {
            return None;
        }
        uri.user = Some(start..end);
        uri.params = (end + 1).min(text.len())..text.len();
        Some(uri)
    }

    fn parse_sip(text: &str, scheme: Scheme, start: usize) -> Option<Self> {
        let mut uri = Self::opaque(text, scheme);
        let host_start = match user_end(text, start) {
            Some(at) => {
                let colon = find_any(&text[start..at], [b':']).map(|colon| start + colon);
                uri.user = Some(start..colon.unwrap_or(at));
                uri.password = colon.map(|colon| colon + 1..at);
                if start == at {
                    return None;
                }
                at + 1
            }
            None => start,
        };
        let rest_start = find_any(&text[host_start..], [b';', b'?']).map_or(text.len(), |at| host_start + at);
        let (host_end, port) = host_and_port(&text[host_start..rest_start])?;
        uri.host = host_start..host_start + host_end;
        uri.port = port;
        uri.ip = parse_ip(uri.host());
        let headers = find_any(&text[rest_start..], [b'?']).map(|at| rest_start + at);
        let params_end = headers.unwrap_or(text.len());
        uri.params = (rest_start + 1).min(params_end)..params_end;
        uri.headers = headers.map_or(text.len(), |at| at + 1)..text.len();
        Some(uri)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Where the `@` after the user stands. Users may hold `;` and `?` (RFC 3261 §25.1), and some phones send `a@b@host`.
fn user_end(text: &str, start: usize) -> Option<usize> {
    let first = start + find_any(&text[start..], [b'@'])?;
    let hosts_end = find_any(&text[first..], [b';', b'?']).map_or(text.len(), |at| first + at);
    text.as_bytes()[..hosts_end].iter().rposition(|b| *b == b'@')
}

/// Length of the host at the start of `text`, and the port after it. `None` when either is broken.
pub(super) fn host_and_port(text: &str) -> Option<(usize, Option<u16>)> {
    let host_end = match text.starts_with('[') {
        true => find_any(text, [b']'])? + 1,
        false => find_any(text, [b':']).unwrap_or(text.len()),
    };
    let host = &text[..host_end];
    if !(is_hostname(host) || parse_ip(host).is_some()) {
        return None;
    }
    match text[host_end..].strip_prefix(':') {
        // `host:` alone is seen in the field and means no port
        Some("") => Some((host_end, None)),
        Some(port) => Some((host_end, Some(number(port)?))),
        None => (host_end == text.len()).then_some((host_end, None)),
    }
}

/// Tolerant: underscores are no host names, but they stand in SIP domains.
fn is_hostname(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

/// An address as SIP writes it: IPv4, or IPv6 in brackets (also without, as `received` has it: RFC 5118 §4.5).
/// Three colons count as two (RFC 5118 §4.10: the grammar of RFC 3261 allowed them by mistake).
pub(super) fn parse_ip(host: &str) -> Option<IpAddr> {
    if let Ok(v4) = host.parse::<Ipv4Addr>() {
        return Some(IpAddr::V4(v4));
    }
    if !host.contains(':') {
        return None;
    }
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    inner.parse().or_else(|_| inner.replacen(":::", "::", 1).parse()).ok().map(IpAddr::V6)
}

fn pieces(text: &str, separator: char) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split(separator).filter(|piece| !piece.is_empty()).map(|piece| match piece.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (piece, None),
    })
}

/// `user` of RFC 3261 §25.1; what else there is becomes `%XX`.
fn escape_user(out: &mut String, user: &str) {
    for byte in user.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&byte);
        if plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn parts() {
        // text, user, password, host, port, params, headers
        let rows = [
            ("sip:atlanta.com", None, None, "atlanta.com", None, "", ""),
            (
                "SIP:alice:pw@h_1.com:5061;lr;x=1?a=b&c",
                Some("alice"),
                Some("pw"),
                "h_1.com",
                Some(5061),
                "lr x=1",
                "a=b c",
            ),
            ("sip:[2001:db8::10]:5070", None, None, "[2001:db8::10]", Some(5070), "", ""),
            ("sip:[2001:db8::10:5070]", None, None, "[2001:db8::10:5070]", None, "", ""),
            ("sip:u@[2001:db8:::192.0.2.1]", Some("u"), None, "[2001:db8:::192.0.2.1]", None, "", ""),
            (
                "sips:user;par=u%40example.net@example.com",
                Some("user;par=u%40example.net"),
                None,
                "example.com",
                None,
                "",
                "",
            ),
            ("sip:a@b@c:", Some("a@b"), None, "c", None, "", ""),
            ("tel:+1-201-555-0123;phone-context=x", Some("+1-201-555-0123"), None, "", None, "phone-context=x", ""),
            ("isbn:2983792873", None, None, "", None, "", ""),
        ];
        let joined = |list: Vec<(&str, Option<&str>)>| {
            let texts: Vec<String> =
                list.iter().map(|(n, v)| v.map_or((*n).to_owned(), |v| format!("{n}={v}"))).collect();
            texts.join(" ")
        };
        for (text, user, password, host, port, params, headers) in rows {
            let uri = uri(text);
            assert_eq!((uri.user(), uri.password(), uri.host(), uri.port()), (user, password, host, port), "{text}");
            assert_eq!(
                (joined(uri.params().collect()), joined(uri.headers().collect())),
                (params.into(), headers.into())
            );
            assert_eq!(uri.to_string(), text);
        }
        assert_eq!(uri("sip:u@[2001:db8:::192.0.2.1]").ip(), Some("2001:db8::192.0.2.1".parse().expect("address")));
    }

    #[test]
    fn what_is_no_uri() {
        for bad in [
            "",
            "sip",
            "sip:",
            "sip:@h",
            "sip:u@",
            "sip:2001:db8::10",
            "sip:h:99999",
            "sip:h:5x",
            "sip:u@h h",
            "<sip:h>",
            "sip:[::1",
            "sip:[zz]",
            "1x:y",
            "tel:",
            "sip:h\r\n",
            "sip:u@h\u{7f}",
            ":x",
        ] {
            assert_eq!(Uri::parse(bad), None, "{bad:?}");
        }
    }

    /// The examples of RFC 3261 §19.1.4.
    #[test]
    fn equivalence() {
        let same = [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
            ("sip:[2001:db8::1]", "sip:[2001:DB8:0::1]"),
            ("tel:+1-201-555", "tel:+1201555"),
        ];
        let different = [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a@h", "sips:a@h"),
            ("sip:a@h;user=phone", "sip:a@h"),
        ];
        for (one, two) in same {
            assert!(uri(one).equivalent(&uri(two)) && uri(two).equivalent(&uri(one)), "{one} {two}");
        }
        for (one, two) in different {
            assert!(!uri(one).equivalent(&uri(two)) && !uri(two).equivalent(&uri(one)), "{one} {two}");
        }
    }

    #[test]
    fn built_by_parts() {
        let plain = Uri::sip(Some("a b@c"), "2001:db8::1", Some(5070)).expect("host");
        assert_eq!(plain.as_str(), "sip:a%20b%40c@[2001:db8::1]:5070");
        assert_eq!(plain.user_plain().as_deref(), Some("a b@c"));
        let with = uri("sip:h?x=y").with_param("transport", Some("tcp")).and_then(|u| u.with_param("lr", None));
        assert_eq!(with.expect("clean").as_str(), "sip:h;transport=tcp;lr?x=y");
        assert_eq!(uri("sip:u@h;a=1?b").without_params().as_str(), "sip:u@h");
        assert_eq!(Uri::sip(Some("a"), "h;x", None), None);
        assert_eq!(uri("sip:h").with_param("a", Some("b\r\nVia:")), None);
    }
}
