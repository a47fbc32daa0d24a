//! Keeps a tenant's supplies full: ids from the node's counter, ports that are bound already.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ports::PortPool;
use crate::base::{IdBlock, InterfaceNo, Ports, Rng, Supplies};

/// Ids that one step can never use up: a step ends or makes at most every leg of every contact of a tenant once.
const IDS_LOW: u64 = 1 << 11;
/// 4,096 tenants share the 24 bits of a second.
const IDS_BLOCK: u64 = 1 << 12;
/// Pairs one step may take of one interface: a contact's own and a few dialled ones.
const PORTS_LOW: usize = 4;
const PORTS_FILL: usize = 8;

/// The node's counter of ids, shared by its tenants.
#[derive(Debug, Default)]
pub struct IdCounter(AtomicU64);

impl IdCounter {
    fn block(&self) -> (u64, u64) {
        let start = self.0.fetch_add(IDS_BLOCK, Ordering::Relaxed);
        (start, start + IDS_BLOCK)
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
        let (start, end) = self.ids.block();
        Supplies { ids: IdBlock::new(NODE, start, end), ports: Ports::default(), rng }
    }

    pub fn refill(&self, supplies: &mut Supplies) {
        if supplies.ids.left() < IDS_LOW {
            let (start, end) = self.ids.block();
            supplies.ids.refill(start, end);
        }
        for &interface in &self.interfaces {
            if supplies.ports.left(interface) < PORTS_LOW {
                for pair in self.ports.supply(interface, PORTS_FILL) {
                    supplies.ports.put(pair);
                }
            }
        }
    }
}
