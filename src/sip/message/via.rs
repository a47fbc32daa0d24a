//! Via: where a request came from and where its response goes.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use super::Params;
use super::text::{is_token, number, split, trim};
use super::uri::{host_and_port, parse_ip};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    Udp,
    Tcp,
    Tls,
    Ws,
    Wss,
    Extension(String),
}

impl Transport {
    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_uppercase().as_str() {
            "UDP" => Self::Udp,
            "TCP" => Self::Tcp,
            "TLS" => Self::Tls,
            "WS" => Self::Ws,
            "WSS" => Self::Wss,
            _ if is_token(text.as_bytes()) => Self::Extension(text.to_owned()),
            _ => return None,
        })
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
            Self::Extension(text) => text,
        }
    }
}

/// One hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    pub transport: Transport,
    /// As written, IPv6 in brackets.
    pub host: String,
    pub port: Option<u16>,
    pub params: Params,
}

/// A branch with this start names one transaction (RFC 3261 §8.1.1.7).
const MAGIC_COOKIE: &str = "z9hG4bK";

impl Via {
    /// Our own hop. `sent_by` is what the peer is told, `branch` begins with the magic cookie.
    pub fn new(transport: Transport, sent_by: SocketAddr, branch: &str) -> Self {
        let host = match sent_by.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let mut params = Params::default();
        params.set("branch", branch);
        Self { transport, host, port: Some(sent_by.port()), params }
    }

    /// `SIP / 2.0 / UDP host : port ; params`, blanks anywhere between the parts (RFC 4475 §3.1.1.1).
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once('/')?;
        let (version, rest) = rest.split_once('/')?;
        if !trim(name).eq_ignore_ascii_case("SIP") || trim(version) != "2.0" {
            return None;
        }
        let rest = trim(rest);
        let (transport, rest) = rest.split_at(rest.find([' ', '\t'])?);
        let (sent_by, params) = rest.split_once(';').unwrap_or((rest, ""));
        let sent_by: String = sent_by.chars().filter(|c| !matches!(c, ' ' | '\t')).collect();
        let (host_end, port) = host_and_port(&sent_by)?;
        Some(Self {
            transport: Transport::parse(transport)?,
            host: sent_by[..host_end].to_owned(),
            port,
            params: Params::parse(params)?,
        })
    }

    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch")
    }

    /// The branch identifies the transaction; without it RFC 2543 matching applies (RFC 3261 §17.2.3, RFC 4475 §3.2.1).
    pub fn unique_branch(&self) -> Option<&str> {
        self.branch().filter(|branch| {
            branch.len() > MAGIC_COOKIE.len()
                && branch.get(..MAGIC_COOKIE.len()).is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE))
        })
    }

    pub fn received(&self) -> Option<IpAddr> {
        self.params.get("received").and_then(parse_ip)
    }

    /// The port of `rport=`; `None` when it is absent or still empty.
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport").and_then(number)
    }

    pub fn maddr(&self) -> Option<&str> {
        self.params.get("maddr")
    }

    /// The host when it is an address.
    pub fn ip(&self) -> Option<IpAddr> {
        parse_ip(&self.host)
    }

    /// Notes where the request really came from (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn stamp(&mut self, source: SocketAddr) {
        let wants_port = self.params.has("rport");
        if wants_port || self.ip() != Some(source.ip()) {
            self.params.set("received", source.ip());
        }
        if wants_port {
            self.params.set("rport", source.port());
        }
    }

    /// Where a response goes on an unreliable transport when the Via was stamped, unless `maddr` names another host
    /// (RFC 3261 §18.2.2, RFC 3581 §4). `None`: the host is a name.
    pub fn response_address(&self) -> Option<SocketAddr> {
        let port = self.port.unwrap_or(if self.transport == Transport::Tls { 5061 } else { 5060 });
        if let Some(maddr) = self.maddr() {
            return Some(SocketAddr::new(parse_ip(maddr)?, port));
        }
        let ip = self.received().or_else(|| self.ip())?;
        Some(SocketAddr::new(ip, self.rport().unwrap_or(port)))
    }

    /// Each value of one line.
    pub(super) fn parse_line(line: &str) -> impl Iterator<Item = Option<Self>> {
        split(line, b',').map(Self::parse)
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport.as_str(), self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_prints() {
        let rows = [
            ("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", Some("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")),
            (
                "SIP  / 2.0  / TCP     spindle.example.com   ;  branch  =   z9hG4bK9ikj8",
                Some("SIP/2.0/TCP spindle.example.com;branch=z9hG4bK9ikj8"),
            ),
            ("sip/2.0/udp [2001:db8::9:1]:6050;rport", Some("SIP/2.0/UDP [2001:db8::9:1]:6050;rport")),
            ("SIP/2.0/UNKNOWN t4.example.com : 5070", Some("SIP/2.0/UNKNOWN t4.example.com:5070")),
            ("SIP/2.0/UDP 192.0.2.15;;", None),
            ("SIP/7.0/UDP c.example.com", None),
            ("SIP/2.0/UDP", None),
            ("SIP/2.0/UDP ;branch=x", None),
            ("SIP/2.0/UDP h:99999", None),
            ("", None),
        ];
        for (text, printed) in rows {
            assert_eq!(Via::parse(text).map(|via| via.to_string()).as_deref(), printed, "{text}");
        }
    }

    #[test]
    fn stamping_tells_the_source_only_where_needed() {
        let source: SocketAddr = "192.0.2.9:40000".parse().expect("address");
        let rows = [
            (
                "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKa",
                "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKa",
                "192.0.2.9:5060",
            ),
            ("SIP/2.0/UDP 10.0.0.1", "SIP/2.0/UDP 10.0.0.1;received=192.0.2.9", "192.0.2.9:5060"),
            ("SIP/2.0/UDP h:6000;rport", "SIP/2.0/UDP h:6000;rport=40000;received=192.0.2.9", "192.0.2.9:40000"),
            ("SIP/2.0/UDP 192.0.2.9;rport", "SIP/2.0/UDP 192.0.2.9;rport=40000;received=192.0.2.9", "192.0.2.9:40000"),
            ("SIP/2.0/UDP h;maddr=192.0.2.77", "SIP/2.0/UDP h;maddr=192.0.2.77;received=192.0.2.9", "192.0.2.77:5060"),
        ];
        for (before, after, target) in rows {
            let mut via = Via::parse(before).expect("well-formed");
            via.stamp(source);
            assert_eq!((via.to_string(), via.response_address()), (after.into(), target.parse().ok()), "{before}");
        }
    }

    #[test]
    fn received_is_read_with_and_without_brackets() {
        for text in ["2001:db8::9:255", "[2001:db8::9:255]"] {
            let via = Via::parse(&format!("SIP/2.0/UDP [2001:db8::9:1];received={text};branch=z9hG4bK"));
            let via = via.expect("well-formed");
            assert_eq!(via.received(), "2001:db8::9:255".parse().ok());
            assert_eq!((via.branch(), via.unique_branch()), (Some("z9hG4bK"), None));
        }
    }
}
