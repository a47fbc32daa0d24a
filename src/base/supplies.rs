//! What a machine consumes and cannot make: ids, media ports and chance, in blocks that the driver refills before each call.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use super::{InterfaceNo, PoolExhausted, Rng, Time};

/// Handed to `handle`. In production the driver refills it; in the simulator a test does.
#[derive(Debug)]
pub struct Supplies {
    pub ids: IdBlock,
    pub ports: Ports,
    pub rng: Rng,
}

/// A run of sequence numbers of this node. The second of the caller's time makes the number unique over restarts.
#[derive(Clone, Copy, Debug)]
pub struct IdBlock {
    node: u64,
    next: u64,
    end: u64,
}

/// Bits of the sequence part of an id: 16 million ids in a second before one could repeat.
const SEQUENCE_BITS: u32 = 24;
const NODE_BITS: u32 = 5;

impl IdBlock {
    /// Sequence numbers `start..end` (taken modulo 2^24) of node `node` (0 to 31).
    pub fn new(node: u8, start: u64, end: u64) -> Self {
        assert!(node < 1 << NODE_BITS, "a node's number has 5 bits");
        Self { node: u64::from(node), next: start, end }
    }

    pub fn left(&self) -> u64 {
        self.end.saturating_sub(self.next)
    }

    /// Continues with another run once this one is used up.
    pub fn refill(&mut self, start: u64, end: u64) {
        (self.next, self.end) = (start, end);
    }

    /// The next id, stamped with the second of `t`.
    pub fn mint(&mut self, t: Time) -> u64 {
        debug_assert!(self.next < self.end, "the driver refills ids before each call");
        let sequence = self.next & ((1 << SEQUENCE_BITS) - 1);
        self.next += 1;
        (t.seconds() as u64) << (NODE_BITS + SEQUENCE_BITS) | self.node << SEQUENCE_BITS | sequence
    }

    /// When an id was minted, to the second.
    pub fn minted_at(id: u64) -> Time {
        Time((id >> (NODE_BITS + SEQUENCE_BITS)) as i64 * 1_000_000)
    }
}

/// An RTP port and the RTCP port above it, both bound and emptied before the machine sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortPair {
    pub interface: InterfaceNo,
    /// The address the sockets are bound to.
    pub ip: IpAddr,
    /// Even; RTCP is at `rtp + 1`.
    pub rtp: u16,
}

/// Bound port pairs by interface.
#[derive(Debug, Default)]
pub struct Ports {
    free: BTreeMap<InterfaceNo, VecDeque<PortPair>>,
    /// Taken, and neither with the engine nor given back yet, with the number of the taking.
    lent: BTreeMap<PortPair, u64>,
    taken: u64,
}

impl Ports {
    pub fn put(&mut self, pair: PortPair) {
        self.free.entry(pair.interface).or_default().push_back(pair);
    }

    pub fn left(&self, interface: InterfaceNo) -> usize {
        self.free.get(&interface).map_or(0, VecDeque::len)
    }

    /// A pair that is already bound, so a bind never fails after the SDP left.
    pub fn take(&mut self, interface: InterfaceNo) -> Result<PortPair, PoolExhausted> {
        let pair = self.free.get_mut(&interface).and_then(VecDeque::pop_front).ok_or(PoolExhausted)?;
        self.taken += 1;
        self.lent.insert(pair, self.taken);
        Ok(pair)
    }

    /// The engine has this pair, or it was given back: whoever took it is not asked for it any longer.
    pub fn settled(&mut self, pair: PortPair) {
        self.lent.remove(&pair);
    }

    /// How many pairs were taken so far.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Pairs taken after the first `taken` and not settled: a step that panicked half way has lost them.
    pub fn lent_after(&self, taken: u64) -> Vec<PortPair> {
        self.lent.iter().filter(|(_, number)| **number > taken).map(|(pair, _)| *pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    #[test]
    fn ids_order_by_time_and_fit_60_bits() {
        let mut ids = IdBlock::new(31, (1 << SEQUENCE_BITS) - 1, 1 << 30);
        let last_second = Time((1 << 31) * 1_000_000 - 1);
        assert!(ids.mint(last_second) < 1 << 60);
        let mut ids = IdBlock::new(1, 5, 100);
        let t = Time(7_000_000);
        let (a, b, c) = (ids.mint(t), ids.mint(t), ids.mint(t + Span::seconds(1)));
        assert!(a < b && b < c);
        assert_eq!(a, 7 << 29 | 1 << 24 | 5);
    }

    #[test]
    fn a_port_pair_is_given_once() {
        let pair = PortPair { interface: InterfaceNo(0), ip: IpAddr::from([127, 0, 0, 1]), rtp: 16384 };
        let mut ports = Ports::default();
        ports.put(pair);
        assert_eq!(ports.take(InterfaceNo(0)), Ok(pair));
        assert_eq!(ports.take(InterfaceNo(0)), Err(PoolExhausted));
    }

    #[test]
    fn a_pair_is_lent_until_somebody_has_it() {
        let ip = IpAddr::from([127, 0, 0, 1]);
        let pair = |rtp| PortPair { interface: InterfaceNo(0), ip, rtp };
        let mut ports = Ports::default();
        [20_000, 20_002, 20_004].into_iter().for_each(|rtp| ports.put(pair(rtp)));
        assert_eq!(ports.take(InterfaceNo(0)), Ok(pair(20_000)));
        let before = ports.taken();
        assert_eq!(ports.take(InterfaceNo(0)), Ok(pair(20_002)));
        assert_eq!(ports.take(InterfaceNo(0)), Ok(pair(20_004)));
        ports.settled(pair(20_002));
        assert_eq!(ports.lent_after(before), [pair(20_004)], "of the step that took two");
        assert_eq!(ports.lent_after(0), [pair(20_000), pair(20_004)]);
    }
}
