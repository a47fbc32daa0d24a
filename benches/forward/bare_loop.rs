//! The yardstick: a bare forwarder with two sockets per call, nothing but receive and send. What socket 2i hears leaves
//! through 2i + 1 and the other way round, to where that side's packets come from. It knows no RTP.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

pub struct BareLoop {
    addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl BareLoop {
    pub fn start(far_ends: &[SocketAddr]) -> Self {
        let sockets: Vec<UdpSocket> = far_ends.iter().map(|_| bind()).collect();
        let peers = far_ends.to_vec();
        let addresses = sockets.iter().map(|socket| socket.local_addr().expect("bound")).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let stop = Arc::clone(&stop);
            move || forward(&sockets, peers, &stop)
        });
        Self { addresses, stop, thread }
    }

    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the loop has nothing to panic about");
    }
}

/// With the buffer that the server's sockets have.
fn bind() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    socket.set_nonblocking(true).expect("a socket can be told");
    socket2::SockRef::from(&socket).set_recv_buffer_size(128 << 10).expect("a socket can be told");
    socket
}

fn forward(sockets: &[UdpSocket], mut peers: Vec<SocketAddr>, stop: &AtomicBool) {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("a descriptor is free");
    for (index, socket) in sockets.iter().enumerate() {
        let token = epoll::EventData::new_u64(index as u64);
        epoll::add(&epoll, socket, token, epoll::EventFlags::IN).expect("a socket can be watched");
    }
    let mut ready = Vec::with_capacity(256);
    let mut packet = [0; 2048];
    let patience = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    while !stop.load(Ordering::Relaxed) {
        ready.clear();
        match epoll::wait(&epoll, spare_capacity(&mut ready), Some(&patience)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("{error}"),
        }
        for event in &ready {
            let index = event.data.u64() as usize;
            let Ok((length, from)) = sockets[index].recv_from(&mut packet) else { continue };
            peers[index] = from;
            let other = index ^ 1;
            // A full buffer at the far end shows as a lost packet.
            sockets[other].send_to(&packet[..length], peers[other]).unwrap_or_default();
        }
    }
}
