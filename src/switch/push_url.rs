//! Where events are pushed to: an `http://` URL, taken apart once.
//! Owns what such a URL may be. In: text. Out: host, port, path. RFC 3986 section 3, of which only `http` with an authority
//! without user information is wanted; RFC 9110 section 4.2.1.

use std::fmt;

use crate::base::bounds::PUSH_URL_BYTES;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushUrl {
    /// A name or an address; one of IPv6 without its brackets.
    pub host: String,
    pub port: u16,
    /// With the query, as a request line has it.
    pub path: String,
    /// Host and port as `Host` has them.
    pub authority: String,
}

/// Why a URL cannot be pushed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlRefused {
    Https,
    NotHttp,
    /// Longer than [`PUSH_URL_BYTES`].
    TooLong,
    /// A character that no URL has as it is.
    Character,
    UserInfo,
    Fragment,
    Host,
    Port,
}

impl fmt::Display for UrlRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Https => f.write_str("`https` is not spoken yet: name an `http://` address, or a proxy of your own"),
            Self::NotHttp => f.write_str("the address begins with `http://`"),
            Self::TooLong => write!(f, "the address has at most {PUSH_URL_BYTES} bytes"),
            Self::Character => f.write_str("the address holds more than visible ASCII: escape it with `%`"),
            Self::UserInfo => {
                f.write_str("name no user or password in the address: deliveries carry the session's `secret`")
            }
            Self::Fragment => f.write_str("an address to post to has no `#` part"),
            Self::Host => f.write_str("the address names no host"),
            Self::Port => f.write_str("the port of the address is a number from 1 to 65535"),
        }
    }
}

impl PushUrl {
    /// # Errors
    /// What about it cannot be.
    pub fn read(text: &str) -> Result<Self, UrlRefused> {
        if text.len() > PUSH_URL_BYTES {
            return Err(UrlRefused::TooLong);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UrlRefused::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlRefused::NotHttp)?;
        if scheme.eq_ignore_ascii_case("https") {
            return Err(UrlRefused::Https);
        }
        if !scheme.eq_ignore_ascii_case("http") {
            return Err(UrlRefused::NotHttp);
        }
        if rest.contains('#') {
            return Err(UrlRefused::Fragment);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err(UrlRefused::UserInfo);
        }
        let (host, port) = place(authority)?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { host: host.to_owned(), port, path, authority: authority.to_owned() })
    }
}

fn place(authority: &str) -> Result<(&str, u16), UrlRefused> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']').ok_or(UrlRefused::Host)?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or(UrlRefused::Port)?) })
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    if host.is_empty() {
        return Err(UrlRefused::Host);
    }
    let digits = |port: &&str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = match port {
        None | Some("") => 80,
        Some(port) => Some(port).filter(digits).and_then(|port| port.parse().ok()).ok_or(UrlRefused::Port)?,
    };
    if port == 0 { Err(UrlRefused::Port) } else { Ok((host, port)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_or_refused() {
        let url = |host: &str, port, path: &str, authority: &str| {
            Ok(PushUrl { host: host.into(), port, path: path.into(), authority: authority.into() })
        };
        let long = format!("http://a/{}", "x".repeat(PUSH_URL_BYTES));
        let rows = [
            ("http://192.0.2.1:8000/hook?x=1", url("192.0.2.1", 8000, "/hook?x=1", "192.0.2.1:8000")),
            ("HTTP://crm.example", url("crm.example", 80, "/", "crm.example")),
            ("http://crm.example?x", url("crm.example", 80, "/?x", "crm.example")),
            ("http://[2001:db8::1]:81/a", url("2001:db8::1", 81, "/a", "[2001:db8::1]:81")),
            ("http://[2001:db8::1]/a", url("2001:db8::1", 80, "/a", "[2001:db8::1]")),
            ("https://crm.example/", Err(UrlRefused::Https)),
            ("ftp://crm.example/", Err(UrlRefused::NotHttp)),
            ("crm.example", Err(UrlRefused::NotHttp)),
            ("http:///hook", Err(UrlRefused::Host)),
            ("http://[::1/", Err(UrlRefused::Host)),
            ("http://ana:blue@crm.example/", Err(UrlRefused::UserInfo)),
            ("http://crm.example/#top", Err(UrlRefused::Fragment)),
            ("http://crm.example:0/", Err(UrlRefused::Port)),
            ("http://crm.example:+80/", Err(UrlRefused::Port)),
            ("http://crm.example:70000/", Err(UrlRefused::Port)),
            ("http://crm.example/a b", Err(UrlRefused::Character)),
            ("http://crm.example/a\r\nX: y", Err(UrlRefused::Character)),
            (long.as_str(), Err(UrlRefused::TooLong)),
        ];
        for (text, read) in rows {
            assert_eq!(PushUrl::read(text), read, "{text}");
        }
    }
}
