//! Ports of 127.0.0.1, below the kernel's own range, so that nobody is given one between our look and our bind. Who is
//! given a block has it until he drops it: nobody else tries a port of it meanwhile, for a trial bind is in the way of who
//! is about to open the port.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

const FIRST: u16 = 10_000;
/// Blocks begin at a multiple of so many ports.
const UNIT: u16 = 20;
const UNITS: u16 = 1_100;

#[derive(Default)]
struct Ledger {
    /// Units asked for so far: a port rests as long as possible before somebody else has it.
    asked: u32,
    lent: BTreeSet<u16>,
}

static LEDGER: Mutex<Ledger> = Mutex::new(Ledger { asked: 0, lent: BTreeSet::new() });

fn ledger() -> MutexGuard<'static, Ledger> {
    LEDGER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ports in a row that are their holder's until this is dropped.
#[derive(Debug)]
pub struct Block {
    /// Even.
    pub first: u16,
    units: Range<u16>,
}

impl Block {
    /// `count` ports that were free for UDP and TCP a moment ago. Runs at the same time begin at different places.
    pub fn new(count: u16) -> Self {
        let length = count.div_ceil(UNIT);
        let home = (std::process::id() % 37) * 29;
        let mut ledger = ledger();
        for _ in 0..UNITS {
            let place = (home + ledger.asked) % u32::from(UNITS);
            ledger.asked += u32::from(length);
            let unit = u16::try_from(place).expect("below the count of units");
            let (units, first) = (unit..unit + length, FIRST + unit * UNIT);
            if units.end <= UNITS
                && !units.clone().any(|unit| ledger.lent.contains(&unit))
                && (first..first + count).all(is_free)
            {
                ledger.lent.extend(units.clone());
                return Self { first, units };
            }
        }
        panic!("no {count} free ports in a row");
    }

    pub fn one() -> Self {
        Self::new(1)
    }

    /// Of the first port.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.first))
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        let mut ledger = ledger();
        for unit in self.units.clone() {
            ledger.lent.remove(&unit);
        }
    }
}

fn is_free(port: u16) -> bool {
    UdpSocket::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// Whether somebody has that UDP port open. Asked of the kernel's list, which is in nobody's way.
pub fn is_open(port: u16) -> bool {
    let list = std::fs::read_to_string("/proc/net/udp").expect("Linux lists its sockets");
    let place = format!(":{port:04X} ");
    list.lines().any(|line| line.get(..30).is_some_and(|start| start.contains(&place)))
}
