//! The world around one endpoint: a network with delay, loss, duplicates and reorder, phones, a disk that saves, and
//! peers that are scripts of a test.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::super::Endpoint;
use crate::base::{IdBlock, InterfaceNo, LinkId, Now, Ports, Rng, Span, Supplies, TenantNo, Time, Utc};
use crate::event::words::Wire;
use crate::sip::message::{Message, Request, Response};
use crate::sip::phone::{Phone, PhoneConfig, PhoneEvent, PhoneOutput};
use crate::sip::testing;
use crate::sip::words::{Act, Interface, Output, Tell};
use crate::site::Site;

pub const SERVER: &str = "192.0.2.1:5060";
pub const TRUNK: &str = "192.0.2.50:5060";
pub const SDP: &[u8] = b"v=0\r\n";

pub fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

struct Packet {
    from: SocketAddr,
    to: SocketAddr,
    wire: Wire,
    bytes: Bytes,
}

pub struct World {
    pub endpoint: Endpoint,
    pub now: Now,
    pub supplies: Supplies,
    pub phones: BTreeMap<SocketAddr, Phone>,
    pub events: Vec<(SocketAddr, PhoneEvent)>,
    pub tells: Vec<Tell>,
    /// What reached an address where no phone is.
    pub inbox: Vec<(SocketAddr, Message)>,
    /// Every message in its order: from, first line.
    pub log: Vec<(Time, SocketAddr, SocketAddr, String)>,
    net: BTreeMap<(Time, u64), Packet>,
    sent: u64,
    pub rng: Rng,
    /// Per datagram.
    pub loss: f64,
    pub duplicates: f64,
    pub jitter: Span,
    /// The next messages that a test drops, by how their first line begins.
    pub drop_next: Vec<&'static str>,
    pub disk: Option<bool>,
    /// Connections the endpoint wanted closed.
    pub closed: Vec<LinkId>,
    pub opens: bool,
    /// Connections that were asked for.
    pub opened: Vec<SocketAddr>,
}

impl World {
    pub fn new() -> Self {
        Self::with(testing::default_site())
    }

    pub fn with(site: Site) -> Self {
        let interface = Interface {
            no: InterfaceNo(0),
            ip: addr(SERVER).ip(),
            public: None,
            local: Vec::new(),
            udp: Some((LinkId(1), 5060)),
            tcp_port: Some(5060),
        };
        let start = Now { t: Time(1_000_000_000), wall: Utc(0) };
        Self {
            endpoint: Endpoint::new(TenantNo(1), Arc::new(site), vec![interface], Vec::new(), [7; 32]),
            now: start,
            supplies: Supplies { ids: IdBlock::new(0, 1, 1 << 40), ports: Ports::default(), rng: Rng::from_number(42) },
            phones: BTreeMap::new(),
            events: Vec::new(),
            tells: Vec::new(),
            inbox: Vec::new(),
            log: Vec::new(),
            net: BTreeMap::new(),
            sent: 0,
            rng: Rng::from_number(1),
            loss: 0.0,
            duplicates: 0.0,
            jitter: Span::ZERO,
            drop_next: Vec::new(),
            disk: Some(true),
            closed: Vec::new(),
            opens: true,
            opened: Vec::new(),
        }
    }

    pub fn phone(&mut self, user: &str, at: &str, wire: Wire) -> SocketAddr {
        let local = addr(at);
        let config = PhoneConfig {
            user: user.into(),
            password: format!("p{user}"),
            domain: "one.example".into(),
            registrar: addr(SERVER),
            local,
            wire,
            expires: Span::minutes(5),
        };
        self.phones.insert(local, Phone::new(config, self.phones.len() as u64 + 1));
        local
    }

    /// A phone that has registered.
    pub fn registered(&mut self, user: &str, at: &str) -> SocketAddr {
        let phone = self.phone(user, at, Wire::Udp);
        self.verb(phone, |phone, now| phone.register(now));
        self.run(Span::seconds(1));
        assert!(matches!(self.take_event(phone), Some(PhoneEvent::Registered { .. })));
        phone
    }

    pub fn verb<T>(&mut self, at: SocketAddr, verb: impl FnOnce(&mut Phone, Now) -> T) -> T {
        let now = self.now;
        let result = verb(self.phones.get_mut(&at).expect("a phone"), now);
        self.drain();
        result
    }

    pub fn act(&mut self, act: Act) {
        self.endpoint.act(act, self.now, &mut self.supplies);
        self.drain();
    }

    /// A script's message.
    pub fn inject(&mut self, from: &str, text: impl Into<Bytes>) {
        let from = addr(from);
        let wire = if from.port() >= 7_000 { Wire::Tcp } else { Wire::Udp };
        self.carry(Packet { from, to: addr(SERVER), wire, bytes: text.into() });
    }

    /// The same over a connection from there.
    pub fn inject_tcp(&mut self, from: &str, text: impl Into<Bytes>) {
        self.carry(Packet { from: addr(from), to: addr(SERVER), wire: Wire::Tcp, bytes: text.into() });
    }

    pub fn link(&self, at: SocketAddr) -> LinkId {
        LinkId(1_000 + u64::from(at.port()))
    }

    pub fn close_link(&mut self, at: SocketAddr) {
        self.endpoint.link_closed(self.link(at), self.now, &mut self.supplies);
        self.drain();
    }

    pub fn take_event(&mut self, at: SocketAddr) -> Option<PhoneEvent> {
        let index = self.events.iter().position(|(of, _)| *of == at)?;
        Some(self.events.remove(index).1)
    }

    /// Tells without the SIP history and dialog states.
    pub fn take_tells(&mut self) -> Vec<Tell> {
        let history = |tell: &Tell| matches!(tell, Tell::Traced(_) | Tell::Dialog { .. });
        std::mem::take(&mut self.tells).into_iter().filter(|tell| !history(tell)).collect()
    }

    /// First lines of what an address was sent, in order.
    pub fn heard_by(&self, at: &str) -> Vec<&str> {
        self.log.iter().filter(|(_, _, to, _)| *to == addr(at)).map(|(.., line)| line.as_str()).collect()
    }

    pub fn last_request(&self, at: &str, method: &str) -> Request {
        let found = self.inbox.iter().rev().find_map(|(to, message)| match message {
            Message::Request(request) if *to == addr(at) && request.method.as_str() == method => Some(request.clone()),
            Message::Request(_) | Message::Response(_) => None,
        });
        found.unwrap_or_else(|| panic!("no {method} at {at}: {:?}", self.heard_by(at)))
    }

    pub fn last_response(&self, at: &str) -> Response {
        let found = self.inbox.iter().rev().find_map(|(to, message)| match message {
            Message::Response(response) if *to == addr(at) => Some(response.clone()),
            Message::Request(_) | Message::Response(_) => None,
        });
        found.unwrap_or_else(|| panic!("no response at {at}: {:?}", self.heard_by(at)))
    }

    pub fn run(&mut self, span: Span) {
        let end = self.now.t + span;
        loop {
            let net = self.net.keys().next().map(|(at, _)| *at);
            let phones = self.phones.values().filter_map(Phone::deadline).min();
            let next = [net, phones, self.endpoint.deadline()].into_iter().flatten().min();
            let Some(t) = next.filter(|t| *t <= end) else { break };
            self.now.t = self.now.t.max(t);
            self.step();
        }
        self.now.t = end;
    }

    fn step(&mut self) {
        while let Some(entry) = self.net.first_entry().filter(|entry| entry.key().0 <= self.now.t) {
            let packet = entry.remove();
            self.deliver(packet);
        }
        for phone in self.phones.values_mut() {
            phone.due(self.now);
        }
        self.endpoint.due(self.now, &mut self.supplies);
        self.drain();
    }

    fn deliver(&mut self, packet: Packet) {
        let line = String::from_utf8_lossy(&packet.bytes).lines().next().unwrap_or("").to_owned();
        self.log.push((self.now.t, packet.from, packet.to, line));
        if packet.to == addr(SERVER) {
            let Ok(message) = Message::parse_datagram(packet.bytes) else { return };
            let link = if packet.wire == Wire::Tcp { self.link(packet.from) } else { LinkId(1) };
            let (now, supplies) = (self.now, &mut self.supplies);
            self.endpoint.receive(link, packet.wire, InterfaceNo(0), packet.from, message, now, supplies);
        } else if let Some(phone) = self.phones.get_mut(&packet.to) {
            phone.receive(packet.bytes, packet.from, self.now);
        } else if let Ok(message) = Message::parse_datagram(packet.bytes) {
            self.inbox.push((packet.to, message));
        }
        self.drain();
    }

    /// Outputs of everybody, until nobody has more to say at this instant.
    fn drain(&mut self) {
        let mut sends = Vec::new();
        for (at, phone) in &mut self.phones {
            while let Some(output) = phone.poll() {
                match output {
                    PhoneOutput::Send { to, bytes } => sends.push((*at, to, bytes)),
                    PhoneOutput::Event(event) => self.events.push((*at, event)),
                }
            }
        }
        for (from, to, bytes) in sends {
            // phones over TCP have ports from 7000 on
            let wire = if from.port() >= 7_000 { Wire::Tcp } else { Wire::Udp };
            self.carry(Packet { from, to, wire, bytes });
        }
        while let Some(output) = self.endpoint.poll() {
            self.put(output);
        }
    }

    fn put(&mut self, output: Output) {
        let (now, supplies) = (self.now, &mut self.supplies);
        match output {
            Output::Send { link, to, bytes } => {
                let wire = if link == LinkId(1) { Wire::Udp } else { Wire::Tcp };
                self.carry(Packet { from: addr(SERVER), to, wire, bytes });
            }
            Output::Open { request, to, .. } if self.opens => {
                self.opened.push(to);
                let link = LinkId(1_000 + u64::from(to.port()));
                self.endpoint.link_opened(request, link, now, supplies);
            }
            Output::Close { link } => self.closed.push(link),
            Output::Open { request, .. } => self.endpoint.link_failed(request, now, supplies),
            Output::SaveBinding { request, .. } => {
                if let Some(ok) = self.disk {
                    self.endpoint.binding_saved(request, ok, now, supplies);
                }
            }
            Output::UpdateBinding { .. } | Output::RemoveBinding { .. } => {}
            Output::Tell(tell) => self.tells.push(tell),
        }
    }

    fn carry(&mut self, packet: Packet) {
        let line = &packet.bytes;
        if let Some(at) = self.drop_next.iter().position(|start| line.starts_with(start.as_bytes())) {
            self.drop_next.remove(at);
            return;
        }
        let lossy = packet.wire == Wire::Udp;
        if lossy && self.rng.chance(self.loss) {
            return;
        }
        let copies = if lossy && self.rng.chance(self.duplicates) { 2 } else { 1 };
        for _ in 0..copies {
            self.sent += 1;
            let jitter = if self.jitter == Span::ZERO || !lossy {
                Span::ZERO
            } else {
                Span::micros(self.rng.below(self.jitter.as_micros() as u64) as i64)
            };
            let at = self.now.t + Span::millis(10) + jitter;
            let Packet { from, to, wire, ref bytes } = packet;
            self.net.insert((at, self.sent), Packet { from, to, wire, bytes: bytes.clone() });
        }
    }
}
