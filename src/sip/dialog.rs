//! One dialog: RFC 3261 §12. Owns its identity, route set, remote target and CSeq numbers, and writes its requests.
//! Leaves transactions, timers and what a request means to the endpoint.

use std::net::{IpAddr, SocketAddr};

use super::message::{CSeq, Headers, Method, Name, NameAddr, Request, RequestBuilder, Response, Uri, Via};
use crate::base::{InterfaceNo, LinkId};
use crate::event::DialogState;
use crate::event::words::Wire;

/// How many CSeq numbers are told to the journal ahead of use, so that a BYE after a restart has a higher one.
const CSEQ_RESERVE: u32 = 1_000;

/// How a far end is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    pub interface: InterfaceNo,
    pub wire: Wire,
    /// The connection, on TCP, as long as it stands.
    pub link: Option<LinkId>,
    /// Where it was heard from, or where we sent to.
    pub remote: SocketAddr,
}

#[derive(Clone, Debug)]
pub struct Dialog {
    pub call_id: String,
    pub local_tag: String,
    pub remote_tag: String,
    /// From of our requests, tag and all.
    local: NameAddr,
    remote: NameAddr,
    local_cseq: u32,
    reserved: u32,
    remote_cseq: Option<u32>,
    target: Uri,
    /// Route values in their order.
    routes: Vec<NameAddr>,
    pub path: Path,
    /// Contact and Record-Route may lead elsewhere than where the far end was heard from. False for phones: behind NAT
    /// their own idea of where they are is no use.
    follow: bool,
}

impl Dialog {
    /// RFC 3261 §12.1.1. `None` without a Contact.
    pub fn uas(request: &Request, local_tag: &str, path: Path, follow: bool) -> Option<Self> {
        let headers = &request.headers;
        let (to, from) = (headers.to().ok()?, headers.from().ok()?);
        Some(Self {
            call_id: headers.call_id().ok()?.into_owned(),
            local_tag: local_tag.to_owned(),
            remote_tag: from.tag().unwrap_or("").to_owned(),
            local: to.with_tag(local_tag),
            remote: from,
            local_cseq: 0,
            reserved: CSEQ_RESERVE,
            remote_cseq: Some(headers.cseq().ok()?.number),
            target: headers.contact_uri().ok()??,
            routes: headers.record_routes().ok()?,
            path,
            follow,
        })
    }

    /// RFC 3261 §12.1.2, from the response alone: it holds all that the request had.
    pub fn uac(response: &Response, path: Path, follow: bool) -> Option<Self> {
        let headers = &response.headers;
        let (to, from) = (headers.to().ok()?, headers.from().ok()?);
        let cseq = headers.cseq().ok()?.number;
        let mut routes = headers.record_routes().ok()?;
        routes.reverse();
        Some(Self {
            call_id: headers.call_id().ok()?.into_owned(),
            local_tag: from.tag().unwrap_or("").to_owned(),
            remote_tag: to.tag().unwrap_or("").to_owned(),
            // a far end that forgets its Contact is asked at the address it was called by
            target: headers.contact_uri().ok().flatten().unwrap_or_else(|| to.uri.clone()),
            local: from,
            remote: to,
            local_cseq: cseq,
            reserved: cseq.saturating_add(CSEQ_RESERVE),
            remote_cseq: None,
            routes,
            path,
            follow,
        })
    }

    /// From what was journaled by a process that died. `None` when it cannot be read.
    pub fn restored(state: &DialogState) -> Option<Self> {
        let routes: Option<Vec<NameAddr>> = state.route_set.iter().map(|route| NameAddr::parse(route)).collect();
        Some(Self {
            call_id: state.call_id.clone(),
            local_tag: state.local_tag.clone(),
            remote_tag: state.remote_tag.clone(),
            local: NameAddr::parse(&state.local_uri)?.with_tag(&state.local_tag),
            remote: with_tag(NameAddr::parse(&state.remote_uri)?, &state.remote_tag),
            local_cseq: state.cseq_reserved,
            reserved: state.cseq_reserved.saturating_add(CSEQ_RESERVE),
            remote_cseq: None,
            target: Uri::parse(&state.remote_target)?,
            routes: routes?,
            path: Path { interface: state.interface, wire: state.transport, link: None, remote: state.remote },
            // `remote` was the next hop when it was written
            follow: false,
        })
    }

    pub fn state(&self) -> DialogState {
        DialogState {
            interface: self.path.interface,
            transport: self.path.wire,
            remote: self.next_hop(),
            call_id: self.call_id.clone(),
            local_tag: self.local_tag.clone(),
            remote_tag: self.remote_tag.clone(),
            local_uri: self.local.to_string(),
            remote_uri: self.remote.to_string(),
            remote_target: self.target.as_str().to_owned(),
            route_set: self.routes.iter().map(ToString::to_string).collect(),
            cseq_reserved: self.reserved,
        }
    }

    /// Does a message from the far end, in which our tag was found, belong here?
    pub fn is_of(&self, headers: &Headers, remote_tag: Option<&str>) -> bool {
        headers.call_id().is_ok_and(|id| id == self.call_id) && remote_tag.unwrap_or("") == self.remote_tag
    }

    /// The number of the next request; true: the reserve grew, the journal must know.
    pub fn next_cseq(&mut self) -> (u32, bool) {
        self.local_cseq = self.local_cseq.saturating_add(1);
        let grown = self.local_cseq >= self.reserved;
        if grown {
            self.reserved = self.local_cseq.saturating_add(CSEQ_RESERVE);
        }
        (self.local_cseq, grown)
    }

    /// False: it is older than one that was seen (RFC 3261 §12.2.2), answer 500.
    pub fn take_cseq(&mut self, number: u32) -> bool {
        let fresh = self.remote_cseq.is_none_or(|seen| number > seen);
        if fresh {
            self.remote_cseq = Some(number);
        }
        fresh
    }

    /// Target refresh (RFC 3261 §12.2.1.2, §12.2.2). True: it is another.
    pub fn refresh_target(&mut self, headers: &Headers) -> bool {
        match headers.contact_uri() {
            Ok(Some(uri)) if uri != self.target => {
                self.target = uri;
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// A request within the dialog (RFC 3261 §12.2.1.1). `cseq` from [`Self::next_cseq`], or that of the INVITE for ACK.
    pub fn request(&self, method: Method, cseq: u32, via: &Via) -> RequestBuilder {
        let strict = self.routes.first().filter(|route| route.uri.param("lr").is_none());
        let (uri, routes, last) = match strict {
            // a strict router takes the Request-URI for itself and finds ours at the end of the route
            Some(first) => (first.uri.without_params(), &self.routes[1..], Some(NameAddr::new(self.target.clone()))),
            None => (self.target.clone(), &self.routes[..], None),
        };
        let mut builder = Request::builder(method.clone(), uri).header(Name::Via, via).header(Name::MaxForwards, 70);
        for route in routes.iter().chain(&last) {
            builder = builder.header(Name::Route, route);
        }
        builder
            .header(Name::From, &self.local)
            .header(Name::To, &self.remote)
            .header(Name::CallId, &self.call_id)
            .header(Name::CSeq, CSeq { number: cseq, method })
    }

    /// Where the next request goes; over TCP, where a connection leads to when the one there was is gone.
    pub fn next_hop(&self) -> SocketAddr {
        let uri = self.routes.first().map_or(&self.target, |route| &route.uri);
        match (self.follow, uri.ip()) {
            (true, Some(ip)) if is_inside(ip) == is_inside(self.path.remote.ip()) && !ip.is_unspecified() => {
                SocketAddr::new(ip, uri.port().unwrap_or(5060))
            }
            (true | false, _) => self.path.remote,
        }
    }
}

fn with_tag(addr: NameAddr, tag: &str) -> NameAddr {
    if tag.is_empty() { addr } else { addr.with_tag(tag) }
}

/// An address that only a private network or this host knows. A Contact of that kind from outside was written behind NAT.
fn is_inside(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::message::{Message, Transport};

    fn path(remote: &str) -> Path {
        let remote = remote.parse().expect("an address");
        Path { interface: InterfaceNo(0), wire: Wire::Udp, link: None, remote }
    }

    fn invite(record_routes: &str, contact: &str) -> Request {
        let text = format!(
            "INVITE sip:9000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKx\r\n{record_routes}\
             From: \"Ana\" <sip:a@x>;tag=ft\r\nTo: <sip:9000@x>\r\nCall-ID: c\r\nCSeq: 5 INVITE\r\n\
             Contact: <{contact}>\r\nContent-Length: 0\r\n\r\n"
        );
        match Message::parse_datagram(text.into()) {
            Ok(Message::Request(request)) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn requests_follow_the_route_set() {
        struct Row(&'static str, &'static str, &'static [&'static str], &'static str);
        let rows = [
            Row("", "sip:a@192.0.2.7:5070", &[], "192.0.2.7:5070"),
            Row(
                "Record-Route: <sip:192.0.2.8;lr>, <sip:192.0.2.9:5090;lr>\r\n",
                "sip:a@192.0.2.7:5070",
                &["<sip:192.0.2.8;lr>", "<sip:192.0.2.9:5090;lr>"],
                "192.0.2.8:5060",
            ),
            Row(
                "Record-Route: <sip:192.0.2.8>\r\nRecord-Route: <sip:192.0.2.9;lr>\r\n",
                "sip:192.0.2.8",
                &["<sip:192.0.2.9;lr>", "<sip:a@192.0.2.7:5070>"],
                "192.0.2.8:5060",
            ),
        ];
        for Row(record_routes, uri, routes, hop) in rows {
            let request = invite(record_routes, "sip:a@192.0.2.7:5070");
            let dialog = Dialog::uas(&request, "lt", path("192.0.2.7:5060"), true).expect("a dialog");
            let via = Via::new(Transport::Udp, ([192, 0, 2, 1], 5060).into(), "z9hG4bKy");
            let bye = dialog.request(Method::Bye, 1, &via).build().expect("built");
            let route: Vec<String> = bye.headers.list(Name::Route);
            assert_eq!((bye.uri.as_str(), dialog.next_hop().to_string().as_str()), (uri, hop));
            assert_eq!(route, routes);
            let text = String::from_utf8(bye.to_bytes().to_vec()).expect("text");
            assert!(text.contains("From: <sip:9000@x>;tag=lt\r\nTo: \"Ana\" <sip:a@x>;tag=ft\r\n"), "{text}");
        }
    }

    #[test]
    fn a_contact_written_behind_nat_is_not_followed() {
        let hop = |contact, source, follow| {
            let dialog = Dialog::uas(&invite("", contact), "lt", path(source), follow).expect("a dialog");
            dialog.next_hop().to_string()
        };
        assert_eq!(hop("sip:a@192.168.1.5", "203.0.113.9:4000", true), "203.0.113.9:4000");
        assert_eq!(hop("sip:a@203.0.113.8", "203.0.113.9:4000", true), "203.0.113.8:5060");
        assert_eq!(hop("sip:a@203.0.113.8", "203.0.113.9:4000", false), "203.0.113.9:4000", "a phone");
        assert_eq!(hop("sip:a@phone.example", "203.0.113.9:4000", true), "203.0.113.9:4000");
    }

    #[test]
    fn over_tcp_a_trunk_is_called_back_where_it_listens() {
        let over = |wire, follow| {
            let path = Path { wire, ..path("192.0.2.7:40123") };
            let dialog =
                Dialog::uas(&invite("", "sip:a@192.0.2.7:5070;transport=tcp"), "lt", path, follow).expect("ok");
            let later = Dialog::restored(&dialog.state()).expect("readable");
            assert_eq!(later.next_hop(), dialog.next_hop(), "a later process has no other connection to use");
            dialog.next_hop().to_string()
        };
        assert_eq!(over(Wire::Tcp, true), "192.0.2.7:5070", "its connection came from a port where nobody listens");
        assert_eq!(over(Wire::Tcp, false), "192.0.2.7:40123", "a phone has its connection alone");
    }

    #[test]
    fn cseq_numbers_are_reserved_ahead_and_a_restored_dialog_goes_on_above() {
        let mut dialog = Dialog::uas(&invite("", "sip:a@192.0.2.7"), "lt", path("192.0.2.7:5060"), true).expect("ok");
        assert!((1..1_000).all(|n| dialog.next_cseq() == (n, false)));
        assert_eq!(dialog.next_cseq(), (1_000, true));
        let state = dialog.state();
        let mut later = Dialog::restored(&state).expect("readable");
        assert!(later.next_cseq().0 > 1_000 && state.cseq_reserved == 2_000);
        assert_eq!((later.next_hop(), later.call_id.as_str()), (dialog.next_hop(), "c"));
        assert!(!dialog.take_cseq(5) && dialog.take_cseq(6) && !dialog.take_cseq(6));
    }
}
