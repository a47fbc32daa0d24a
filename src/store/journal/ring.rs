//! The last committed events in memory. Subscribers pull: a slow one holds no memory here.
//! Owns the slots, the committed position and waking those who wait for it. Leaves views and filters to the reader,
//! older events to the files.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::Duration;

use tokio::sync::watch;

use crate::base::bounds::{EVENT_PAGE, EVENT_RING, EVENT_RING_BYTES};
use crate::event::Recorded;
use crate::store::lock;

/// Forms in which an event can be read: the native API and four dialects.
pub const VIEWS: usize = 5;

/// A committed event, and its text in each view, written when somebody first reads it.
#[derive(Debug)]
pub struct Slot {
    pub recorded: Recorded,
    views: [OnceLock<Box<str>>; VIEWS],
}

impl Slot {
    pub fn new(recorded: Recorded) -> Self {
        Self { recorded, views: Default::default() }
    }

    /// The text of view number `view` (below [`VIEWS`]). All readers of a view bring the same function.
    pub fn view(&self, view: usize, write: impl FnOnce(&Recorded) -> String) -> &str {
        self.views[view].get_or_init(|| write(&self.recorded).into())
    }
}

/// What lies after a position.
#[derive(Debug)]
pub enum Next {
    /// At most [`EVENT_PAGE`]; none when the position is the committed one.
    Events(Vec<Arc<Slot>>),
    /// Older than the ring: read the files in pages.
    Behind,
}

/// The position lies beyond the committed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    pub committed: u64,
}

/// The slots, each with the length of its stored form, and their sum.
#[derive(Default)]
struct Held {
    slots: VecDeque<(Arc<Slot>, usize)>,
    bytes: usize,
}

impl Held {
    /// Full, by number or by bytes: the oldest go.
    fn push(&mut self, slot: Slot, bytes: usize) {
        let full = |held: &Self| held.slots.len() == EVENT_RING || held.bytes + bytes > EVENT_RING_BYTES;
        while full(self) {
            let Some((_, gone)) = self.slots.pop_front() else { break };
            self.bytes -= gone;
        }
        self.slots.push_back((Arc::new(slot), bytes));
        self.bytes += bytes;
    }
}

pub struct Ring {
    held: Mutex<Held>,
    committed: AtomicU64,
    moved: Condvar,
    watch: watch::Sender<u64>,
}

impl Ring {
    pub(super) fn new(committed: u64) -> Self {
        Self {
            held: Mutex::default(),
            committed: AtomicU64::new(committed),
            moved: Condvar::new(),
            watch: watch::Sender::new(committed),
        }
    }

    pub fn committed(&self) -> u64 {
        self.committed.load(Acquire)
    }

    pub fn watch(&self) -> watch::Receiver<u64> {
        self.watch.subscribe()
    }

    /// Never waits.
    pub fn next(&self, after: u64) -> Result<Next, Ahead> {
        let held = lock(&self.held);
        let committed = self.committed();
        if after >= committed {
            return if after == committed { Ok(Next::Events(Vec::new())) } else { Err(Ahead { committed }) };
        }
        let Some(first) = held.slots.front().map(|(slot, _)| slot.recorded.seq).filter(|first| *first <= after + 1)
        else {
            return Ok(Next::Behind);
        };
        let skip = usize::try_from(after + 1 - first).expect("an index into the ring");
        Ok(Next::Events(held.slots.iter().skip(skip).take(EVENT_PAGE).map(|(slot, _)| Arc::clone(slot)).collect()))
    }

    /// For threads: waits until something is committed after `after`, until `enough`, or for `wait`.
    pub fn wait(&self, after: u64, wait: Duration, enough: impl Fn() -> bool) {
        let held = lock(&self.held);
        let waited = self.moved.wait_timeout_while(held, wait, |_| self.committed() <= after && !enough());
        drop(waited.unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// Lets everybody who waits ask again whether it is enough.
    pub fn nudge(&self) {
        // Whoever has asked and does not wait yet holds the lock.
        drop(lock(&self.held));
        self.moved.notify_all();
    }

    /// A batch is on disk: from now on it can be seen. Each with the length of its stored form.
    pub(super) fn publish(&self, batch: impl Iterator<Item = (Recorded, usize)>) {
        let mut held = lock(&self.held);
        for (recorded, bytes) in batch {
            let seq = recorded.seq;
            held.push(Slot::new(recorded), bytes);
            self.committed.store(seq, Release);
        }
        drop(held);
        self.moved.notify_all();
        self.watch.send_replace(self.committed());
    }
}
