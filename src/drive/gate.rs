//! The way from sockets to tenants: bytes become messages, each finds its tenant and lane. Holds the front's tables;
//! the rules themselves are `sip::front`'s.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use bytes::Bytes;

use super::clock::Clock;
use super::lanes::Lanes;
use super::links::Links;
use crate::base::bounds::{DATAGRAM_LANE, TCP_CONNECTIONS_PER_SOURCE, TCP_IDLE, TCP_IDLE_STRANGER};
use crate::base::{InterfaceNo, LinkId, Span, TenantNo};
use crate::event::words::Wire;
use crate::sip::front;
use crate::sip::front::guard::Rates;
use crate::sip::message::{Frame, Message, Redactor, StreamFramer};
use crate::site::{Site, which_trunk};
use crate::switch::meters::NodeMeters;
use crate::tenant::words::{Input, Received};

/// How often a reader looks again while its tenant's lane is full.
const FULL_LANE_PAUSE: Duration = Duration::from_millis(20);

pub struct Gate {
    pub links: Links,
    clock: Arc<Clock>,
    rates: Mutex<Rates>,
    tenants: RwLock<Tenants>,
    connections: Mutex<BTreeMap<IpAddr, usize>>,
    connections_max: usize,
    meters: Arc<NodeMeters>,
    trace: Option<super::trace::Trace>,
}

#[derive(Default)]
struct Tenants {
    sites: Vec<Arc<Site>>,
    lanes: BTreeMap<TenantNo, Arc<Lanes>>,
}

impl Gate {
    /// With at most so many TCP connections.
    pub fn new(
        clock: Arc<Clock>,
        trace: Option<super::trace::Trace>,
        connections_max: usize,
        meters: Arc<NodeMeters>,
    ) -> Self {
        Self {
            links: Links::default(),
            clock,
            rates: Mutex::new(Rates::default()),
            tenants: RwLock::new(Tenants::default()),
            connections: Mutex::new(BTreeMap::new()),
            connections_max,
            meters,
            trace,
        }
    }

    /// A tenant, or its new site.
    pub fn set_tenant(&self, site: Arc<Site>, lanes: Arc<Lanes>) {
        let mut tenants = self.tenants.write().expect(UNPOISONED);
        tenants.lanes.insert(site.tenant, lanes);
        tenants.sites.retain(|s| s.tenant != site.tenant);
        tenants.sites.push(site);
    }

    /// Sends on a link, and into the trace.
    pub fn send(&self, link: LinkId, to: SocketAddr, bytes: Bytes) {
        if let Some(trace) = &self.trace {
            trace.sent(to, &bytes);
        }
        self.links.send(link, to, bytes);
    }

    /// A UDP datagram; what comes back is answered without a state.
    pub fn datagram(&self, link: LinkId, interface: InterfaceNo, from: SocketAddr, bytes: Bytes) -> Option<Bytes> {
        self.meters.sip_received.add(1);
        if let Some(trace) = &self.trace {
            trace.received(from, &bytes);
        }
        // Keep-alives of phones behind NAT (RFC 5626 §4.4.1 for streams; over UDP any short filler).
        if bytes.iter().all(|b| matches!(b, b'\r' | b'\n' | 0)) {
            return None;
        }
        match Message::parse_datagram(bytes) {
            Ok(message) => self.message(link, interface, Wire::Udp, from, message),
            Err(error) => {
                self.meters.sip_refused.add(1);
                self.admits(from, front::Class::Other).then(|| front::refuse_faulty(&error, from)).flatten()
            }
        }
    }

    fn message(
        &self,
        link: LinkId,
        interface: InterfaceNo,
        wire: Wire,
        from: SocketAddr,
        message: Message,
    ) -> Option<Bytes> {
        let class = front::class(&message);
        if !self.admits(from, class) {
            self.meters.sip_refused.add(1);
            return None;
        }
        let tenants = self.tenants.read().expect(UNPOISONED);
        match front::owner(&tenants.sites, from, &message).and_then(|no| tenants.lanes.get(&no)) {
            Some(lanes) => {
                lanes.put_sip(class, Received { link, interface, wire, from, message });
                None
            }
            None => match &message {
                Message::Request(request) => front::refuse_stranger(request, from),
                Message::Response(_) => None,
            },
        }
    }

    /// Trunks are never slowed.
    fn admits(&self, from: SocketAddr, class: front::Class) -> bool {
        let is_trunk =
            self.tenants.read().expect(UNPOISONED).sites.iter().any(|site| which_trunk(site, from).is_some());
        is_trunk || self.rates.lock().expect(UNPOISONED).admit(from.ip(), class, self.clock.t())
    }

    /// Whether this source may have one more connection.
    pub fn admits_connection(&self, from: SocketAddr) -> bool {
        let mut connections = self.connections.lock().expect(UNPOISONED);
        let all: usize = connections.values().sum();
        let of_source = connections.get(&from.ip()).copied().unwrap_or(0);
        let admitted = all < self.connections_max && of_source < TCP_CONNECTIONS_PER_SOURCE;
        if admitted {
            connections.insert(from.ip(), of_source + 1);
            self.meters.sip_connections.add(1);
        }
        admitted
    }

    /// One that was admitted is gone.
    pub fn connection_closed(&self, from: SocketAddr) {
        let mut connections = self.connections.lock().expect(UNPOISONED);
        if let Some(count) = connections.get_mut(&from.ip()) {
            *count = count.saturating_sub(1);
            self.meters.sip_connections.add(-1);
            if *count == 0 {
                connections.remove(&from.ip());
            }
        }
    }

    /// Messages that full lanes dropped, by class.
    pub fn dropped(&self) -> [u64; 3] {
        let tenants = self.tenants.read().expect(UNPOISONED);
        let of_class = |at: usize| tenants.lanes.values().map(|lanes| lanes.dropped[at].load(Relaxed)).sum();
        std::array::from_fn(of_class)
    }

    /// Every tenant may have had something on it.
    pub fn link_closed(&self, link: LinkId) {
        for lanes in self.tenants.read().expect(UNPOISONED).lanes.values() {
            lanes.put(Input::LinkClosed { link });
        }
    }

    pub fn stream(self: &Arc<Self>, link: LinkId, interface: InterfaceNo, from: SocketAddr) -> Stream {
        Stream {
            gate: Arc::clone(self),
            framer: StreamFramer::default(),
            redactor: Redactor::default(),
            link,
            interface,
            from,
            speaks: false,
        }
    }

    fn is_full(&self) -> bool {
        let tenants = self.tenants.read().expect(UNPOISONED);
        tenants.lanes.values().any(|lanes| lanes.sip_waiting() >= DATAGRAM_LANE / 2)
    }
}

/// The reading side of one TCP connection.
pub struct Stream {
    gate: Arc<Gate>,
    framer: StreamFramer,
    /// For the trace.
    redactor: Redactor,
    link: LinkId,
    interface: InterfaceNo,
    from: SocketAddr,
    /// It brought a message.
    speaks: bool,
}

impl Stream {
    /// How long it may be silent.
    pub fn patience(&self) -> Span {
        if self.speaks { TCP_IDLE } else { TCP_IDLE_STRANGER }
    }

    /// Waits while a lane is filling up: TCP then makes the sender wait.
    pub async fn room(&self) {
        while self.gate.is_full() {
            tokio::time::sleep(FULL_LANE_PAUSE).await;
        }
    }

    /// Bytes from the peer. `false`: it speaks no SIP, the connection is to be closed.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        if let Some(trace) = &self.gate.trace {
            trace.received_part(self.from, bytes, &mut self.redactor);
        }
        self.framer.push(bytes);
        while let Some(frame) = self.framer.next_frame() {
            let mut broken = false;
            let answer = match frame {
                Frame::Message(message) => {
                    self.speaks = true;
                    self.gate.message(self.link, self.interface, Wire::Tcp, self.from, message)
                }
                Frame::Ping => Some(Bytes::from_static(b"\r\n")),
                Frame::Pong => None,
                Frame::Refused(error) => {
                    self.gate.meters.sip_refused.add(1);
                    front::refuse_faulty(&error, self.from)
                }
                Frame::Broken(error) => {
                    self.gate.meters.sip_refused.add(1);
                    broken = true;
                    front::refuse_faulty(&error, self.from)
                }
            };
            if let Some(answer) = answer {
                self.gate.send(self.link, self.from, answer);
            }
            if broken {
                return false;
            }
        }
        true
    }
}

const UNPOISONED: &str = "no holder of this lock can panic";

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 100;

    #[test]
    fn a_connection_that_brought_a_message_may_be_silent_as_long_as_a_registration() {
        let gate = Arc::new(Gate::new(Arc::new(Clock::start(None)), None, MAX, Arc::default()));
        let mut stream = gate.stream(LinkId(1), InterfaceNo(0), SocketAddr::from(([192, 0, 2, 1], 4_000)));
        assert!(stream.push(b"\r\n\r\nREGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n"));
        assert_eq!(stream.patience(), TCP_IDLE_STRANGER);
        assert!(stream.push(b"From: <sip:a@h>;tag=1\r\nTo: <sip:a@h>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n\r\n"));
        assert!(stream.patience() >= crate::base::bounds::REGISTER_MAX);
    }

    #[test]
    fn connections_are_bounded_and_a_refused_source_is_not_remembered() {
        let gate = Gate::new(Arc::new(Clock::start(None)), None, MAX, Arc::default());
        let source = |n: usize| SocketAddr::new(IpAddr::from((n as u32).to_be_bytes()), 4_000);
        assert!((0..MAX).all(|n| gate.admits_connection(source(n))));
        assert!(!gate.admits_connection(source(MAX)));
        assert_eq!(gate.connections.lock().expect("whole").len(), MAX);
        gate.connection_closed(source(0));
        assert!(gate.admits_connection(source(MAX)));
    }
}
