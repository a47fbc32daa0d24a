//! Keeps a tenant's supplies full: ids from the node's counter, ports that are bound already.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ports::PortPool;
use crate::base::{IdBlock, InterfaceNo, Ports, Rng, Supplies};

/// Ids that one step takes whatever waits, and for each contact that is open: one step may queue, offer and cut the
/// recording of them all, as when a group is removed or a process of before is ended.
const IDS_LOW: u64 = 1 << 11;
const IDS_PER_CONTACT: u64 = 4;
/// 4,096 tenants share the 24 bits of a second.
const IDS_BLOCK: u64 = 1 << 12;
/// Pairs one step may take of one interface: a contact's own and a few dialled ones; and one for each caller who waits,
/// up to a bound, because all of them may be offered in one step: wrap-ups end together, a shift gets ready.
const PORTS_LOW: usize = 4;
const PORTS_FILL: usize = 8;
const PORTS_WAITING_MAX: usize = 256;

/// The node's counter of ids, shared by its tenants.
#[derive(Debug, Default)]
pub struct IdCounter(AtomicU64);

impl IdCounter {
    fn block(&self, length: u64) -> (u64, u64) {
        let start = self.0.fetch_add(length, Ordering::Relaxed);
        (start, start + length)
    }
}

#[derive(Clone)]
pub struct Supplier {
    pub ids: Arc<IdCounter>,
    pub ports: Arc<PortPool>,
    pub interfaces: Vec<InterfaceNo>,
}

/// This process is node 0 until nodes join.
const NODE: u8 = 0;

impl Supplier {
    pub fn supplies(&self, rng: Rng) -> Supplies {
        let (start, end) = self.ids.block(IDS_BLOCK);
        Supplies { ids: IdBlock::new(NODE, start, end), ports: Ports::default(), rng }
    }

    pub fn refill(&self, supplies: &mut Supplies, load: Load) {
        let ids_low = IDS_LOW + IDS_PER_CONTACT * load.contacts as u64;
        if supplies.ids.left() < ids_low {
            let (start, end) = self.ids.block(IDS_BLOCK.max(2 * ids_low));
            supplies.ids.refill(start, end);
        }
        let ports_low = PORTS_LOW + load.waiting.min(PORTS_WAITING_MAX);
        for &interface in &self.interfaces {
            let left = supplies.ports.left(interface);
            if left < ports_low {
                for pair in self.ports.supply(interface, ports_low - left + PORTS_FILL - PORTS_LOW) {
                    supplies.ports.put(pair);
                }
            }
        }
    }
}

/// What one step of a tenant may have to do with at most.
#[derive(Clone, Copy, Debug, Default)]
pub struct Load {
    /// Contacts that are open.
    pub contacts: usize,
    /// Of which wait in queues.
    pub waiting: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::ports::PortRange;

    #[test]
    fn a_step_that_meets_every_contact_and_every_caller_has_enough() {
        let interface = InterfaceNo(0);
        let range = PortRange { interface, ip: [127, 0, 0, 1].into(), first: 42_000, last: 42_999 };
        let ports = Arc::new(PortPool::new(&[range], usize::MAX));
        let supplier = Supplier { ids: Arc::default(), ports, interfaces: vec![interface] };
        let mut supplies = supplier.supplies(Rng::from_number(1));
        for (contacts, waiting) in [(0, 0), (10_000, 40), (10_000, 100_000)] {
            supplier.refill(&mut supplies, Load { contacts, waiting });
            assert!(supplies.ids.left() >= 4 * contacts as u64, "{contacts}");
            assert!(supplies.ports.left(interface) > waiting.min(PORTS_WAITING_MAX), "{waiting}");
        }
    }
}
