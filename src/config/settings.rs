//! The settings of one server as typed values, and their defaults.
//! Owns the types. Leaves reading to `load`, and what each setting does to the room it is for.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::base::{Network, Secret, Span};
use crate::event::words::Wire;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Journal, site, records and recordings.
    pub data: PathBuf,
    /// How long running contacts may go on after SIGTERM before they are released.
    pub drain: Span,
    /// At least one.
    pub interfaces: Vec<Interface>,
    pub sip: Sip,
    pub media: Media,
    pub recording: Recording,
    pub journal: Journal,
    /// No two on the same address.
    pub http: Vec<Http>,
    pub paths: Paths,
}

/// An `[[interface]]`: one network the server stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// A wildcard becomes one interface per address of the host at start.
    pub bind: IpAddr,
    /// Told to peers outside `local`; never a wildcard, of the family of `bind`.
    pub public: Option<IpAddr>,
    /// Peers that are told the bound address.
    pub local: Vec<Network>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sip {
    /// On every interface. At least one.
    pub listen: Vec<Listen>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    pub wire: Wire,
    pub port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    pub ports: PortRange,
    /// A media thread that has just found packets sleeps to the next 250 us mark before it looks again.
    pub coalesce: bool,
}

/// Both ends belong to it. `first` is even and `last` odd: ports go in pairs, RTP and RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    pub first: u16,
    pub last: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    pub format: RecordingFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingFormat {
    /// 16-bit linear PCM, 32,000 bytes per second of two tracks.
    Pcm16,
    /// G.711 A-law, half of that.
    Alaw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journal {
    /// Days that are older are removed, whole.
    pub keep: Span,
}

/// An `[[http]]`: one address on which one API is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    pub listen: SocketAddr,
    pub serve: Serve,
    /// The first admin token; generated at the first start when absent.
    pub token: Option<Secret>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serve {
    /// The API of `api/`.
    Native,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    pub dialplans: PathBuf,
    pub sounds: PathBuf,
}

/// The private networks (RFC 1918 section 3, RFC 4193 section 3.1) and the link-local ones (RFC 3927 section 2.1,
/// RFC 4291 section 2.5.6): no peer beyond NAT has such an address, so who has one is near.
pub(super) const PRIVATE_NETWORKS: [&str; 6] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"];

impl Default for Interface {
    fn default() -> Self {
        Self { bind: IpAddr::V4(Ipv4Addr::UNSPECIFIED), public: None, local: Vec::new() }
    }
}

impl Default for Sip {
    fn default() -> Self {
        Self { listen: vec![Listen { wire: Wire::Udp, port: 5060 }, Listen { wire: Wire::Tcp, port: 5060 }] }
    }
}

impl Default for Media {
    fn default() -> Self {
        Self { ports: PortRange { first: 16_384, last: 32_767 }, coalesce: false }
    }
}

impl Default for Recording {
    fn default() -> Self {
        Self { format: RecordingFormat::Pcm16 }
    }
}

impl Default for Journal {
    fn default() -> Self {
        Self { keep: Span::hours(90 * 24) }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), serve: Serve::Native, token: None }
    }
}

impl Default for Paths {
    fn default() -> Self {
        Self { dialplans: PathBuf::from("dialplans"), sounds: PathBuf::from("sounds") }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data: PathBuf::from("data"),
            drain: Span::minutes(10),
            interfaces: vec![Interface::default()],
            sip: Sip::default(),
            media: Media::default(),
            recording: Recording::default(),
            journal: Journal::default(),
            http: vec![Http::default()],
            paths: Paths::default(),
        }
    }
}
