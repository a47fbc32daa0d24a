//! Links: UDP sockets and TCP connections by number. A send never waits: UDP drops what the kernel will not take, TCP
//! closes the connection whose peer does not read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use dashmap::DashMap;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

use crate::base::LinkId;
use crate::base::bounds::{TCP_QUEUE_MESSAGES, TCP_WRITE_BUFFER_BYTES};

#[derive(Debug, Default)]
pub struct Links {
    by_id: DashMap<LinkId, Link>,
    next: AtomicU64,
    /// Datagrams the kernel took, and those it did not.
    pub udp_sent: AtomicU64,
    pub udp_unsent: AtomicU64,
    /// Connections closed because their peer did not read.
    pub tcp_stuck: AtomicU64,
}

#[derive(Clone, Debug)]
enum Link {
    Udp(Arc<UdpSocket>),
    Tcp(TcpLink),
}

/// The writing side of a connection; dropping it ends the connection.
#[derive(Clone, Debug)]
pub struct TcpLink {
    queue: mpsc::Sender<Bytes>,
    unsent: Arc<AtomicUsize>,
}

/// What a connection's writer takes from.
#[derive(Debug)]
pub struct TcpQueue {
    pub queue: mpsc::Receiver<Bytes>,
    unsent: Arc<AtomicUsize>,
}

impl TcpQueue {
    /// These bytes are with the kernel now.
    pub fn sent(&self, bytes: usize) {
        self.unsent.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Links {
    pub fn add_udp(&self, socket: Arc<UdpSocket>) -> LinkId {
        self.add(Link::Udp(socket))
    }

    pub fn add_tcp(&self) -> (LinkId, TcpQueue) {
        let (sender, queue) = mpsc::channel(TCP_QUEUE_MESSAGES);
        let unsent = Arc::new(AtomicUsize::new(0));
        let id = self.add(Link::Tcp(TcpLink { queue: sender, unsent: Arc::clone(&unsent) }));
        (id, TcpQueue { queue, unsent })
    }

    fn add(&self, link: Link) -> LinkId {
        let id = LinkId(self.next.fetch_add(1, Ordering::Relaxed));
        self.by_id.insert(id, link);
        id
    }

    /// Its writer ends, and with it the connection.
    pub fn remove(&self, id: LinkId) {
        self.by_id.remove(&id);
    }

    pub fn is_open(&self, id: LinkId) -> bool {
        self.by_id.contains_key(&id)
    }

    pub fn send(&self, id: LinkId, to: SocketAddr, bytes: Bytes) {
        let Some(link) = self.by_id.get(&id).map(|link| link.clone()) else { return };
        match link {
            Link::Udp(socket) => {
                let counter = if socket.try_send_to(&bytes, to).is_ok() { &self.udp_sent } else { &self.udp_unsent };
                counter.fetch_add(1, Ordering::Relaxed);
            }
            Link::Tcp(link) => {
                let length = bytes.len();
                let unsent = link.unsent.fetch_add(length, Ordering::Relaxed) + length;
                if unsent > TCP_WRITE_BUFFER_BYTES || link.queue.try_send(bytes).is_err() {
                    self.tcp_stuck.fetch_add(1, Ordering::Relaxed);
                    self.remove(id);
                }
            }
        }
    }
}
