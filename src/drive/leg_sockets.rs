//! The sockets of a media thread's legs, by the engine's slots, and the epoll that watches them and the thread's bell.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::ports::Sockets;
use crate::media::{Channel, Slot};

/// Ready sockets taken from epoll at once.
const EVENTS: usize = 256;
const BELL: u64 = u64::MAX;

pub struct LegSockets {
    epoll: OwnedFd,
    sockets: Vec<Option<Sockets>>,
}

/// What epoll reports, in a buffer that is used again.
pub struct Ready(Vec<epoll::Event>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Bell,
    Readable(Slot, Channel),
}

impl Default for Ready {
    fn default() -> Self {
        Self(Vec::with_capacity(EVENTS))
    }
}

impl Ready {
    pub fn events(&self) -> impl Iterator<Item = Event> {
        self.0.iter().map(|event| match event.data.u64() {
            BELL => Event::Bell,
            token => {
                Event::Readable(Slot((token >> 1) as u32), if token & 1 == 0 { Channel::Rtp } else { Channel::Rtcp })
            }
        })
    }
}

impl LegSockets {
    /// # Errors
    /// The system has no descriptor left.
    pub fn new(bell: &OwnedFd) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, bell, epoll::EventData::new_u64(BELL), epoll::EventFlags::IN)?;
        Ok(Self { epoll, sockets: Vec::new() })
    }

    /// Waits until something can be read, the bell rings or the time is over.
    ///
    /// # Errors
    /// What epoll says; an interruption is none.
    pub fn wait(&self, ready: &mut Ready, at_most: Duration) -> io::Result<()> {
        ready.0.clear();
        let timeout = Timespec { tv_sec: at_most.as_secs() as i64, tv_nsec: i64::from(at_most.subsec_nanos()) };
        match epoll::wait(&self.epoll, spare_capacity(&mut ready.0), Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// One datagram. `None` also for the ICMP answer to something we sent: the next packet is not concerned.
    pub fn receive(&self, slot: Slot, channel: Channel, buffer: &mut [u8]) -> Option<(usize, SocketAddr)> {
        self.find(slot, channel)?.recv_from(buffer).ok()
    }

    /// False: the system did not take it.
    pub fn send(&self, slot: Slot, channel: Channel, bytes: &[u8], to: SocketAddr) -> bool {
        self.find(slot, channel).is_some_and(|socket| socket.send_to(bytes, to).is_ok())
    }

    pub fn insert(&mut self, slot: Slot, sockets: Sockets) {
        for (socket, channel) in [(&sockets.rtp, 0), (&sockets.rtcp, 1)] {
            let token = epoll::EventData::new_u64(u64::from(slot.0) << 1 | channel);
            if let Err(error) = epoll::add(&self.epoll, socket, token, epoll::EventFlags::IN) {
                tracing::error!(%error, "media socket not watched");
            }
        }
        let index = slot.0 as usize;
        if self.sockets.len() <= index {
            self.sockets.resize_with(index + 1, || None);
        }
        self.sockets[index] = Some(sockets);
    }

    pub fn remove(&mut self, slot: Slot) -> Option<Sockets> {
        let sockets = self.sockets.get_mut(slot.0 as usize)?.take()?;
        for socket in [&sockets.rtp, &sockets.rtcp] {
            if let Err(error) = epoll::delete(&self.epoll, socket.as_fd()) {
                tracing::debug!(%error, "media socket was not watched");
            }
        }
        Some(sockets)
    }

    fn find(&self, slot: Slot, channel: Channel) -> Option<&UdpSocket> {
        let sockets = self.sockets.get(slot.0 as usize)?.as_ref()?;
        Some(match channel {
            Channel::Rtp => &sockets.rtp,
            Channel::Rtcp => &sockets.rtcp,
        })
    }
}
