//! The network: datagrams get lost, late, doubled and out of order; streams arrive whole and in order, cut anywhere.
//! Owns delays and connections. Leaves what the bytes mean to both ends.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use cordboard::base::{LinkId, Rng, Span, Time};
use cordboard::sip::message::StreamFramer;

/// What the network does to a message.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    pub loss: f64,
    pub duplication: f64,
    /// Shortest way and what chance adds to it. Different delays of two messages are their reordering.
    pub delay: Span,
    pub jitter: Span,
}

impl Weather {
    pub const FINE: Self = Self { loss: 0.0, duplication: 0.0, delay: Span::millis(5), jitter: Span::millis(10) };
    pub const FOUL: Self = Self { loss: 0.05, duplication: 0.02, delay: Span::millis(5), jitter: Span::millis(80) };

    /// The longest time one message takes, when it arrives.
    pub fn longest(&self) -> Span {
        self.delay + self.jitter
    }
}

/// One TCP connection between a far end and the server.
pub struct Connection {
    pub ua: usize,
    pub remote: SocketAddr,
    pub server: StreamFramer,
    pub phone: StreamFramer,
    last_in: Time,
    last_out: Time,
}

pub struct Net {
    pub weather: Weather,
    pub connections: BTreeMap<LinkId, Connection>,
    next_link: u64,
    rng: Rng,
}

impl Net {
    pub fn new(weather: Weather, rng: Rng) -> Self {
        // link 1 is the server's UDP socket
        Self { weather, connections: BTreeMap::new(), next_link: 2, rng }
    }

    fn way(&mut self) -> Span {
        Span(self.weather.delay.0 + self.rng.below(self.weather.jitter.0 as u64 + 1) as i64)
    }

    /// When a datagram arrives: never, once or twice.
    pub fn datagram(&mut self, t: Time) -> Vec<Time> {
        if self.rng.chance(self.weather.loss) {
            return Vec::new();
        }
        let mut arrivals = vec![t + self.way()];
        if self.rng.chance(self.weather.duplication) {
            arrivals.push(t + self.way());
        }
        arrivals
    }

    pub fn connect(&mut self, ua: usize, remote: SocketAddr, t: Time) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        let (server, phone) = (StreamFramer::default(), StreamFramer::default());
        self.connections.insert(link, Connection { ua, remote, server, phone, last_in: t, last_out: t });
        link
    }

    /// A write becomes up to three reads, each with its time, in order.
    pub fn stream(&mut self, link: LinkId, to_server: bool, bytes: &Bytes, t: Time) -> Vec<(Time, Bytes)> {
        let mut cuts: Vec<usize> =
            (0..self.rng.below(3)).map(|_| self.rng.below(bytes.len() as u64) as usize).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        let mut arrivals = Vec::new();
        for pair in cuts.windows(2) {
            let way = self.way();
            let Some(connection) = self.connections.get_mut(&link) else { return Vec::new() };
            let last = if to_server { &mut connection.last_in } else { &mut connection.last_out };
            *last = (*last).max(t + way) + Span::micros(1);
            arrivals.push((*last, bytes.slice(pair[0]..pair[1])));
        }
        arrivals
    }
}
