//! How the world reaches a media thread: a mailbox with at most one command per subject, so it cannot fill and nothing in
//! it is lost, a bell that its epoll hears, and the counters it shows.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};

use super::ports::Sockets;
use crate::base::TenantNo;
use crate::media::sound::{Library, Sound};
use crate::media::words::{Body, Clip, Command, Subject};
use crate::media::{Counters, Moving};

/// How a thread fares, as of its last look at its mailbox or at most half a second ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub legs: usize,
    pub counters: Counters,
    /// RTP packets the system took, forwarded and our own.
    pub sent: u64,
    /// Ticks that came more than 5 ms after their deadline.
    pub ticks_late: u64,
    /// Packets the system did not take, and sockets that were missing.
    pub send_failed: u64,
    pub panics: u64,
    /// Ticks have been late for a second: new contacts must be refused.
    pub is_late: bool,
}

pub struct Mailbox {
    letters: Mutex<Letters>,
    status: Mutex<Status>,
    wake: OwnedFd,
}

/// What waits, in the order in which its subjects came.
#[derive(Default)]
pub struct Letters {
    pub order: VecDeque<Key>,
    pub newest: BTreeMap<Key, Command>,
    /// Legs from other threads. Bounded by the legs there are.
    pub arrivals: Vec<Arrival>,
    pub library: Option<Arc<Library>>,
    /// Sounds that players asked for; `None`: there is none. Bounded by what was asked.
    pub sounds: Vec<(Clip, Option<Arc<Sound>>)>,
    pub stop: bool,
}

/// A leg on its way, as one owned value; its datagrams wait in the sockets.
#[derive(Debug)]
pub struct Arrival {
    pub moving: Moving,
    pub sockets: Option<Sockets>,
}

/// A `Close` has an entry of its own: a leg opened and closed at once still gives its ports back.
pub type Key = (TenantNo, Subject, bool);

impl Mailbox {
    /// # Errors
    /// The system has no descriptor left.
    pub fn new() -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(Self { letters: Mutex::default(), status: Mutex::default(), wake })
    }

    /// Readable while something waits.
    pub fn bell(&self) -> &OwnedFd {
        &self.wake
    }

    /// A newer command of the same subject takes the place of an older one.
    pub fn put(&self, tenant: TenantNo, command: Command) {
        let key = (tenant, command.body.subject(), matches!(command.body, Body::Close(_)));
        let mut letters = lock(&self.letters);
        match letters.newest.get_mut(&key) {
            Some(waiting) if waiting.version < command.version => *waiting = command,
            Some(_) => {}
            None => {
                letters.order.push_back(key);
                letters.newest.insert(key, command);
            }
        }
        drop(letters);
        self.ring();
    }

    pub fn put_arrival(&self, arrival: Arrival) {
        lock(&self.letters).arrivals.push(arrival);
        self.ring();
    }

    pub fn put_library(&self, library: Arc<Library>) {
        lock(&self.letters).library = Some(library);
        self.ring();
    }

    pub fn put_sound(&self, clip: Clip, sound: Option<Arc<Sound>>) {
        lock(&self.letters).sounds.push((clip, sound));
        self.ring();
    }

    pub fn put_stop(&self) {
        lock(&self.letters).stop = true;
        self.ring();
    }

    /// Everything that waits; the bell is silent afterwards.
    pub fn take(&self) -> Letters {
        let mut count = [0; 8];
        if let Err(error) = rustix::io::read(&self.wake, &mut count) {
            tracing::debug!(%error, "media thread called for nothing");
        }
        std::mem::take(&mut *lock(&self.letters))
    }

    pub fn status(&self) -> Status {
        *lock(&self.status)
    }

    pub fn publish(&self, status: Status) {
        *lock(&self.status) = status;
    }

    fn ring(&self) {
        // The only failure is a counter at its maximum, which rings too.
        if let Err(error) = rustix::io::write(&self.wake, &1_u64.to_ne_bytes()) {
            tracing::debug!(%error, "media thread already called");
        }
    }
}

/// What the locks guard is whole after each statement, so a panic elsewhere spoils nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ContactId, LegId};
    use crate::media::words::Source;

    #[test]
    fn the_newest_of_each_subject_waits_and_none_is_lost() {
        let mailbox = Mailbox::new().expect("a descriptor");
        let row =
            |sink, source: Option<Source>| Body::SetRow { sink: LegId(sink), sources: source.into_iter().collect() };
        let leg = Some(Source::Leg(LegId(9)));
        for (tenant, version, body) in [
            (1, 1, row(1, leg)),
            (1, 2, row(2, leg)),
            (2, 1, row(1, leg)),
            (1, 4, row(1, None)),
            (1, 3, row(1, leg)),
            (1, 5, Body::Close(Subject::Row(LegId(1)))),
        ] {
            mailbox.put(TenantNo(tenant), Command { contact: ContactId(1), version, body });
        }
        let mut letters = mailbox.take();
        let taken: Vec<(u16, u64, bool)> = letters
            .order
            .iter()
            .filter_map(|key| letters.newest.remove(key).map(|command| (key.0.0, command.version, key.2)))
            .collect();
        assert_eq!(taken, [(1, 4, false), (1, 2, false), (2, 1, false), (1, 5, true)]);
        assert!(mailbox.take().order.is_empty());
    }
}
