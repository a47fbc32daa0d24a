//! Free ports of 127.0.0.1, below the kernel's own range, so that nobody is given one between our look and our bind.

use std::net::{TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 10_000;
const BLOCK: u32 = 20;
const BLOCKS: u32 = 1_100;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// The first of `count` ports in a row, even, that were free for UDP and TCP a moment ago and that no other test of this
/// run was given. Runs at the same time begin at different places.
pub fn block(count: u16) -> u16 {
    let blocks = u32::from(count).div_ceil(BLOCK);
    let home = (std::process::id() % 37) * 29;
    for _ in 0..BLOCKS {
        let place = (home + NEXT.fetch_add(blocks, Ordering::Relaxed)) % BLOCKS;
        if place + blocks > BLOCKS {
            continue;
        }
        let first = u16::try_from(FIRST + place * BLOCK).expect("below 32,768");
        if (first..first + count).all(is_free) {
            return first;
        }
    }
    panic!("no {count} free ports in a row");
}

fn is_free(port: u16) -> bool {
    UdpSocket::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// One free port.
pub fn one() -> u16 {
    block(1)
}

/// Whether somebody has that UDP port open. Asked of the kernel's list: a trial bind would be in the way of who is about
/// to open it.
pub fn is_open(port: u16) -> bool {
    let list = std::fs::read_to_string("/proc/net/udp").expect("Linux lists its sockets");
    let place = format!(":{port:04X} ");
    list.lines().any(|line| line.get(..30).is_some_and(|start| start.contains(&place)))
}
