//! The peer's description as far as we read it: media lines with addresses, formats and directions.
//! Attributes that nobody reads are passed over.

use std::net::{IpAddr, SocketAddr};

use sdp_types::{Attribute, Connection, Media, Session};

use super::{Codec, MediaDirection, SdpError};
use crate::base::bounds::SDP_MEDIA_LINES;

/// One media line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub media: String,
    pub proto: String,
    /// The formats as written.
    pub fmt: String,
    pub port: u16,
    /// `None`: absent, a name, or multicast.
    pub ip: Option<IpAddr>,
    pub rtcp: Option<(u16, Option<IpAddr>)>,
    pub rtcp_mux: bool,
    /// From the peer's view; an address of all zeros means that it does not receive (RFC 3264 §8.4).
    pub direction: MediaDirection,
    /// Formats that we know, in the peer's order.
    pub formats: Vec<(u8, Format)>,
    pub ptime_ms: Option<u16>,
    pub maxptime_ms: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Codec(Codec),
    TelephoneEvent,
}

/// Reads all media lines. Only `v=`, `c=`, `m=` and `a=` matter; other lines are left out before parsing, so that an
/// odd `o=` or a name in Latin-1 costs no call.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Line>, SdpError> {
    let text = String::from_utf8_lossy(bytes);
    let needed: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| ["v=", "c=", "m=", "a="].iter().any(|key| line.starts_with(key)))
        .collect();
    if needed.iter().filter(|line| line.starts_with("m=")).count() > SDP_MEDIA_LINES {
        return Err(SdpError::TooManyLines);
    }
    let session = Session::parse(needed.join("\r\n").as_bytes()).map_err(|_| SdpError::Unreadable)?;
    Ok(session.medias.iter().map(|media| read_line(media, &session)).collect())
}

fn read_line(media: &Media, session: &Session) -> Line {
    let ip = media.connections.first().or(session.connection.as_ref()).and_then(address);
    let own = direction(&media.attributes).or_else(|| direction(&session.attributes));
    let mut direction = own.unwrap_or(MediaDirection::SEND_RECEIVE);
    if ip.is_some_and(|ip| ip.is_unspecified()) {
        direction.receive = false;
    }
    Line {
        media: media.media.clone(),
        proto: media.proto.clone(),
        fmt: media.fmt.clone(),
        port: media.port,
        ip,
        rtcp: value(&media.attributes, "rtcp").and_then(rtcp),
        rtcp_mux: media.has_attribute("rtcp-mux"),
        direction,
        formats: formats(media),
        ptime_ms: value(&media.attributes, "ptime").and_then(milliseconds),
        maxptime_ms: value(&media.attributes, "maxptime").and_then(milliseconds),
    }
}

impl Line {
    pub fn codecs(&self) -> impl Iterator<Item = (u8, Codec)> {
        self.formats.iter().filter_map(|&(payload, format)| match format {
            Format::Codec(codec) => Some((payload, codec)),
            Format::TelephoneEvent => None,
        })
    }

    pub fn telephone_event(&self) -> Option<u8> {
        self.formats.iter().find(|(_, format)| *format == Format::TelephoneEvent).map(|(payload, _)| *payload)
    }

    /// Sound over plain RTP. AVPF is taken too: its feedback is optional to send (RFC 4585 §4).
    pub fn is_plain_audio(&self) -> bool {
        let plain = ["RTP/AVP", "RTP/AVPF"].iter().any(|proto| self.proto.eq_ignore_ascii_case(proto));
        self.media.eq_ignore_ascii_case("audio") && plain && self.port != 0
    }

    /// RTP and RTCP of the peer, when we can reach it from `local`.
    pub fn addresses(&self, local: IpAddr, mux: bool) -> Option<(SocketAddr, SocketAddr)> {
        let same_family = |ip: &IpAddr| ip.is_ipv4() == local.is_ipv4();
        // all zeros mean hold in either family
        let ip = self.ip.filter(|ip| same_family(ip) || ip.is_unspecified())?;
        let rtp = SocketAddr::new(ip, self.port);
        let rtcp = match self.rtcp {
            _ if mux => rtp,
            Some((port, own)) => SocketAddr::new(own.filter(same_family).unwrap_or(ip), port),
            None => SocketAddr::new(ip, self.port.saturating_add(1)),
        };
        Some((rtp, rtcp))
    }
}

fn address(connection: &Connection) -> Option<IpAddr> {
    let text = connection.connection_address.split('/').next()?;
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical()).filter(|ip| !ip.is_multicast())
}

fn value<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute.attribute == name)?.value.as_deref().map(str::trim)
}

fn direction(attributes: &[Attribute]) -> Option<MediaDirection> {
    attributes.iter().find_map(|attribute| match attribute.attribute.as_str() {
        "sendrecv" => Some(MediaDirection::SEND_RECEIVE),
        "sendonly" => Some(MediaDirection::SEND_ONLY),
        "recvonly" => Some(MediaDirection::RECEIVE_ONLY),
        "inactive" => Some(MediaDirection::INACTIVE),
        _ => None,
    })
}

/// `53020` or `53020 IN IP4 126.16.64.4` (RFC 3605 §2.1).
fn rtcp(text: &str) -> Option<(u16, Option<IpAddr>)> {
    let mut words = text.split_ascii_whitespace();
    let port = words.next()?.parse().ok().filter(|&port| port != 0)?;
    Some((port, words.nth(2).and_then(|ip| ip.parse::<IpAddr>().ok()).map(|ip| ip.to_canonical())))
}

/// Whole milliseconds; some send `20.0`.
fn milliseconds(text: &str) -> Option<u16> {
    text.split('.').next()?.parse().ok()
}

/// The formats we know. A dynamic payload type means what its rtpmap says, a static one without rtpmap what RFC 3551 says.
fn formats(media: &Media) -> Vec<(u8, Format)> {
    let maps: Vec<(u8, Option<Format>)> = media
        .attributes
        .iter()
        .filter(|attribute| attribute.attribute == "rtpmap")
        .filter_map(|attribute| rtpmap(attribute.value.as_deref()?))
        .collect();
    let meaning = |payload: u8| match maps.iter().find(|(mapped, _)| *mapped == payload) {
        Some((_, format)) => *format,
        None => Codec::ALL.into_iter().find(|codec| codec.payload_type() == payload).map(Format::Codec),
    };
    let payloads = media.fmt.split_ascii_whitespace().filter_map(|text| text.parse::<u8>().ok()).filter(|&p| p < 128);
    payloads.filter_map(|payload| Some((payload, meaning(payload)?))).collect()
}

/// `101 telephone-event/8000`, `0 PCMU/8000/1`.
fn rtpmap(text: &str) -> Option<(u8, Option<Format>)> {
    let (payload, encoding) = text.trim().split_once([' ', '\t'])?;
    let mut parts = encoding.trim().split('/');
    let (name, rate, channels) = (parts.next()?, parts.next().unwrap_or("8000"), parts.next().unwrap_or("1"));
    let known = if name.eq_ignore_ascii_case("telephone-event") {
        Some(Format::TelephoneEvent)
    } else {
        Codec::ALL.into_iter().find(|codec| name.eq_ignore_ascii_case(codec.name())).map(Format::Codec)
    };
    Some((payload.parse().ok()?, known.filter(|_| rate == "8000" && channels == "1")))
}
