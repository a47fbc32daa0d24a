//! Media ports: pairs of UDP sockets bound ahead (RTP even, RTCP odd above it), handed out once, rested afterwards.
//! A bind never fails after the SDP left, because the sockets exist before the machine hears of the pair.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use socket2::{Domain, Protocol, Socket, Type};

use crate::base::{InterfaceNo, PortPair, bounds};

/// DSCP Expedited Forwarding (46) in the upper six bits of the octet. RFC 3246, RFC 2474 §3.
const TOS_EXPEDITED: u32 = 46 << 2;
/// What the kernel keeps of one socket's packets: a second of sound with its bookkeeping, while its thread is held up.
const RECEIVE_BUFFER_BYTES: usize = 128 << 10;

/// A leg's two sockets.
#[derive(Debug)]
pub struct Sockets {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
}

/// Ports of one interface: pairs at even numbers from `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    pub interface: InterfaceNo,
    pub ip: IpAddr,
    pub first: u16,
    pub last: u16,
}

/// Shared by the tenants' drivers, which supply their machines, and the media threads, which claim and release.
#[derive(Debug)]
pub struct PortPool(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    ranges: Vec<Range>,
    /// Pairs whose sockets exist: supplied, claimed, or at rest. Full: who has rested longest rests on without sockets.
    open: usize,
    open_max: usize,
    /// Handed to a machine or ready to be, not yet claimed by a thread.
    bound: BTreeMap<PortPair, Sockets>,
}

/// The pairs of one interface that nobody has. A supply looks at the fronts alone, however many rest: machines are
/// supplied after each of their steps.
#[derive(Debug)]
struct Range {
    interface: InterfaceNo,
    ip: IpAddr,
    /// Not bound yet; those that others use go to the back.
    unbound: VecDeque<u16>,
    /// Since when; the oldest first. Without sockets others may take the port meanwhile, but no call of ours does.
    resting: VecDeque<(Instant, PortPair, Option<Sockets>)>,
    /// So many at the front of `resting` have no sockets any more.
    closed: usize,
}

/// Ports of others that one supply meets before it goes without.
const BINDS_REFUSED_MAX: usize = 16;

impl PortPool {
    /// At most `open_max` pairs of all ranges have sockets at a time.
    pub fn new(ranges: &[PortRange], open_max: usize) -> Self {
        let ranges = ranges.iter().map(Range::new).collect();
        Self(Mutex::new(Inner { ranges, open: 0, open_max, bound: BTreeMap::new() }))
    }

    /// Up to `count` pairs of an interface for a machine's supplies: rested ones first, then newly bound ones.
    /// Fewer when the range or what may be open is used up; none when the interface is unknown.
    pub fn supply(&self, interface: InterfaceNo, count: usize) -> Vec<PortPair> {
        let mut inner = self.lock();
        let Some(range) = inner.ranges.iter().position(|range| range.interface == interface) else { return Vec::new() };
        let now = Instant::now();
        let mut pairs = Vec::with_capacity(count);
        while pairs.len() < count {
            let Some((pair, sockets)) = inner.next(range, now) else { break };
            inner.bound.insert(pair, sockets);
            pairs.push(pair);
        }
        pairs
    }

    /// The sockets of a supplied pair, emptied of what strangers sent while they waited.
    pub fn claim(&self, pair: PortPair) -> Option<Sockets> {
        let sockets = self.lock().bound.remove(&pair)?;
        drain(&sockets.rtp);
        drain(&sockets.rtcp);
        Some(sockets)
    }

    /// A claimed pair is free again: it rests, still bound, so that a late packet finds no new owner.
    pub fn release(&self, pair: PortPair, sockets: Sockets) {
        self.lock().rest(pair, sockets);
    }

    /// A supplied pair that no thread ever claimed.
    pub fn give_back(&self, pair: PortPair) {
        let mut inner = self.lock();
        if let Some(sockets) = inner.bound.remove(&pair) {
            inner.rest(pair, sockets);
        }
    }

    /// Pairs supplied and pairs resting.
    pub fn counts(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.bound.len(), inner.ranges.iter().map(|range| range.resting.len()).sum())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code under this lock can leave it half changed, so a panic elsewhere is no reason to refuse calls.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    fn rest(&mut self, pair: PortPair, sockets: Sockets) {
        // Pairs are of known interfaces: ranges never change.
        if let Some(range) = self.ranges.iter_mut().find(|range| range.interface == pair.interface) {
            range.resting.push_back((Instant::now(), pair, Some(sockets)));
        }
    }

    fn next(&mut self, range: usize, now: Instant) -> Option<(PortPair, Sockets)> {
        match self.ranges[range].rested(now) {
            Some((pair, Some(sockets))) => return Some((pair, sockets)),
            Some((pair, None)) => self.ranges[range].unbound.push_front(pair.rtp),
            None => {}
        }
        if self.open >= self.open_max && !self.close_oldest() {
            return None;
        }
        let found = self.ranges[range].bind_next()?;
        self.open += 1;
        Some(found)
    }

    /// `false`: nothing rests with its sockets.
    fn close_oldest(&mut self) -> bool {
        let first_open = |range: &Range| range.resting.get(range.closed).map(|(since, ..)| *since);
        let oldest = self.ranges.iter_mut().filter(|range| first_open(range).is_some()).min_by_key(|r| first_open(r));
        let Some(range) = oldest else { return false };
        range.resting[range.closed].2 = None;
        range.closed += 1;
        self.open -= 1;
        true
    }
}

impl Range {
    fn new(&PortRange { interface, ip, first, last }: &PortRange) -> Self {
        let pairs = (first.next_multiple_of(2)..last).step_by(2).collect();
        Self { interface, ip, unbound: pairs, resting: VecDeque::new(), closed: 0 }
    }

    fn rested(&mut self, now: Instant) -> Option<(PortPair, Option<Sockets>)> {
        let (since, ..) = self.resting.front()?;
        if now.saturating_duration_since(*since) < bounds::PORT_REST.to_std() {
            return None;
        }
        self.closed = self.closed.saturating_sub(1);
        self.resting.pop_front().map(|(_, pair, sockets)| (pair, sockets))
    }

    /// The next pair that can be bound; others may use ports of the range.
    fn bind_next(&mut self) -> Option<(PortPair, Sockets)> {
        for _ in 0..self.unbound.len().min(BINDS_REFUSED_MAX) {
            let rtp = self.unbound.pop_front()?;
            match bind_pair(self.ip, rtp) {
                Ok(sockets) => return Some((PortPair { interface: self.interface, ip: self.ip, rtp }, sockets)),
                Err(error) => {
                    tracing::debug!(%error, port = rtp, "media port not bound");
                    self.unbound.push_back(rtp);
                }
            }
        }
        None
    }
}

/// Binds an RTP port and the RTCP port above it.
///
/// # Errors
/// What the system says: in use, no such address, no descriptors left.
pub fn bind_pair(ip: IpAddr, rtp: u16) -> io::Result<Sockets> {
    Ok(Sockets { rtp: bind(SocketAddr::new(ip, rtp))?, rtcp: bind(SocketAddr::new(ip, rtp + 1))? })
}

fn bind(at: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Both are wishes: a host that refuses them carries sound all the same.
    let marked = match at.ip() {
        IpAddr::V4(_) => socket.set_tos_v4(TOS_EXPEDITED),
        IpAddr::V6(_) => socket.set_only_v6(true).and_then(|()| socket.set_tclass_v6(TOS_EXPEDITED)),
    };
    if let Err(error) = marked.and_then(|()| socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)) {
        tracing::debug!(%error, "media socket option refused");
    }
    socket.bind(&at.into())?;
    Ok(socket.into())
}

fn drain(socket: &UdpSocket) {
    let mut byte = [0; 1];
    while socket.recv_from(&mut byte).is_ok() {}
}

/// An address of this process alone on the loopback, so that test runs side by side do not take each other's ports.
#[cfg(test)]
pub fn test_address() -> IpAddr {
    let process = std::process::id();
    IpAddr::from([127, 1 + (process % 250) as u8, (process / 250 % 250) as u8, 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERFACE: InterfaceNo = InterfaceNo(0);

    /// A range of `pairs` that is free at the moment, somewhere the other tests do not bind.
    fn pool(first: u16, pairs: u16) -> PortPool {
        pool_of(first, pairs, usize::MAX)
    }

    fn pool_of(first: u16, pairs: u16, open_max: usize) -> PortPool {
        let ip = test_address();
        PortPool::new(&[PortRange { interface: INTERFACE, ip, first, last: first + pairs * 2 - 1 }], open_max)
    }

    fn let_rest(pool: &PortPool, at: usize) {
        pool.lock().ranges[0].resting[at].0 =
            Instant::now().checked_sub(bounds::PORT_REST.to_std()).expect("a host up for a minute");
    }

    #[test]
    fn a_range_gives_each_pair_once_and_then_nothing() {
        let pool = pool(21_001, 3);
        let pairs = pool.supply(INTERFACE, 10);
        assert_eq!(pairs.len(), 2, "an odd first port leaves out half a pair at each end");
        assert!(pairs.iter().all(|pair| pair.rtp % 2 == 0 && (21_002..=21_005).contains(&pair.rtp)));
        assert!(pool.supply(INTERFACE, 1).is_empty());
        assert!(pool.supply(InterfaceNo(9), 1).is_empty());
        assert!(pool.claim(pairs[0]).is_some());
        assert!(pool.claim(pairs[0]).is_none());
    }

    #[test]
    fn a_port_somebody_else_uses_is_left_out() {
        let taken = UdpSocket::bind((test_address(), 21_103)).expect("free on this host");
        let pool = pool(21_100, 3);
        let ports: Vec<u16> = pool.supply(INTERFACE, 3).iter().map(|pair| pair.rtp).collect();
        assert_eq!(ports, [21_100, 21_104]);
        drop(taken);
        let later: Vec<u16> = pool.supply(INTERFACE, 3).iter().map(|pair| pair.rtp).collect();
        assert_eq!(later, [21_102], "its turn comes again");
    }

    #[test]
    fn a_supply_meets_so_many_ports_of_others_and_goes_without() {
        let many = BINDS_REFUSED_MAX as u16 + 2;
        let taken: Vec<UdpSocket> = (0..many - 1)
            .map(|pair| UdpSocket::bind((test_address(), 21_300 + 2 * pair)).expect("free on this host"))
            .collect();
        let pool = pool(21_300, many);
        assert!(pool.supply(INTERFACE, 1).is_empty());
        assert_eq!(pool.supply(INTERFACE, 1).len(), 1, "the next supply goes on where this one stopped");
        drop(taken);
    }

    #[test]
    fn strangers_packets_are_gone_when_a_pair_is_claimed_and_a_released_one_rests() {
        let pool = pool(21_200, 1);
        let pair = pool.supply(INTERFACE, 1)[0];
        let stranger = UdpSocket::bind((test_address(), 0)).expect("a port");
        stranger.send_to(b"stray", (pair.ip, pair.rtp)).expect("sent");
        let sockets = pool.claim(pair).expect("supplied");
        let nothing = sockets.rtp.recv_from(&mut [0; 8]).expect_err("it was emptied");
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(Socket::from(sockets.rtp.try_clone().expect("a clone")).tos_v4().expect("read"), TOS_EXPEDITED);
        pool.release(pair, sockets);
        assert_eq!(pool.counts(), (0, 1));
        assert!(pool.supply(INTERFACE, 1).is_empty(), "it rests");
        let_rest(&pool, 0);
        assert_eq!(pool.supply(INTERFACE, 1), [pair]);
        pool.give_back(pair);
        assert_eq!(pool.counts(), (0, 1));
    }

    #[test]
    fn when_no_more_may_be_open_who_rested_longest_rests_on_without_sockets() {
        let pool = pool_of(21_400, 4, 2);
        let ports = |count| pool.supply(INTERFACE, count).iter().map(|pair| pair.rtp).collect::<Vec<_>>();
        let is_open = |port: u16| UdpSocket::bind((test_address(), port)).is_err();
        let pairs = pool.supply(INTERFACE, 4);
        assert_eq!(
            pairs.iter().map(|pair| pair.rtp).collect::<Vec<_>>(),
            [21_400, 21_402],
            "two are in use, none rests"
        );
        pairs.iter().for_each(|pair| pool.give_back(*pair));
        assert!(is_open(21_400) && is_open(21_402), "at rest with their sockets");
        assert_eq!(ports(1), [21_404]);
        assert!(!is_open(21_400) && is_open(21_402), "the oldest has lost them");
        assert_eq!(ports(2), [21_406], "and then the next one; 21404 and 21406 are in use");
        let_rest(&pool, 0);
        assert!(ports(1).is_empty(), "21400 has rested, and all that may be open is in use");
        let of_21406 = PortPair { interface: INTERFACE, ip: test_address(), rtp: 21_406 };
        pool.give_back(of_21406);
        assert_eq!(ports(1), [21_400], "bound anew");
        assert!(!is_open(21_406));
    }
}
