//! What a text in a site file may be: keys, hosts, numbers, addresses of trunks.

use std::net::IpAddr;

use crate::event::words::Wire;
use crate::site::TrunkTarget;
use crate::site::number::is_international;

pub fn is_key(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    text.len() <= 64 && text.bytes().all(allowed) && text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
}

pub fn is_host(text: &str) -> bool {
    let label = |l: &str| {
        let allowed = l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (1..=63).contains(&l.len()) && allowed && !l.starts_with('-') && !l.ends_with('-')
    };
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label))
}

pub fn is_time_zone(text: &str) -> bool {
    let part =
        |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+'));
    text == "UTC" || (text.len() <= 64 && text.contains('/') && text.split('/').all(part))
}

pub fn is_number(text: &str) -> bool {
    match text.strip_prefix('+') {
        Some(digits) => is_international(digits),
        None => (1..=20).contains(&text.len()) && text.chars().all(|c| matches!(c, '0'..='9' | '*' | '#')),
    }
}

/// `sip:host:port;transport=tcp`; port 5060 and UDP where they are not named (RFC 3261, 19.1.2).
pub fn target(text: &str) -> Option<TrunkTarget> {
    let (address, parameters) = text.strip_prefix("sip:")?.split_once(';').unwrap_or((text.strip_prefix("sip:")?, ""));
    let transport = match parameters {
        "" | "transport=udp" => Wire::Udp,
        "transport=tcp" => Wire::Tcp,
        _ => return None,
    };
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(p) if p.bytes().all(|b| b.is_ascii_digit()) => p.parse().ok().filter(|p| *p != 0)?,
        Some(_) => return None,
        None => 5060,
    };
    let ip = host.parse().ok();
    is_host(host).then(|| TrunkTarget { host: host.to_ascii_lowercase(), ip, port, transport })
}

/// The network and the port of `network:port`; an IPv6 network with a port stands in brackets.
pub fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some((network, port)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (network, port.strip_prefix(':').or(Some(port).filter(|p| !p.is_empty())));
    }
    match text.split_once(':') {
        Some((network, port)) if !port.contains(':') => (network, Some(port)),
        Some(_) | None => (text, None),
    }
}
