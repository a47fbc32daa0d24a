//! The journal: what happened, append-only, one file per UTC day.
//! Owns the order of events: `append` takes the next number and never waits; the writer thread commits whatever waits
//! as soon as its last commit returned. Leaves meaning to `ledger`.
//! In: events, in the order in which they happened. Out: their `seq`; tokens once they are on disk; committed events,
//! pulled by subscribers from the [`Ring`] or page by page from the files.

mod files;
mod ring;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;

pub use files::{ReadError, for_each_event, head};
pub use ring::{Ahead, Next, Ring, Slot, VIEWS};

use super::{StoreError, lock};
use crate::base::bounds::{EVENT_PAGE, JOURNAL_TAIL_HARD_BYTES};
use crate::base::{CommandId, Span, TenantNo};
use crate::event::{About, By, Event, Kind, Recorded, VERSION};
use crate::ledger::Open;
use files::Days;

/// Tokens of events that are on disk now, told from the writer's thread: tenant and token. It must not wait.
pub type OnCommitted = Box<dyn Fn(TenantNo, u64) + Send + Sync>;

/// Shared by all who append or read.
pub struct Journal {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    folder: PathBuf,
    tail: Mutex<Tail>,
    /// Something waits for the writer, or it shall stop.
    wake: Condvar,
    ring: Ring,
    days: Mutex<Days>,
    on_committed: OnCommitted,
}

/// What is appended and not yet committed.
struct Tail {
    next: u64,
    /// The UTC day of the file that new events go to. It never goes back.
    day: Arc<str>,
    /// A fold of all that was appended, for the next day's checkpoint and for restoring a tenant machine.
    opens: BTreeMap<TenantNo, Open>,
    waiting: VecDeque<Waiting>,
    /// Of the bodies that are not committed, also of those the writer has taken.
    bytes: usize,
    /// Since when the writer holds the batch it has taken.
    taken: Option<Instant>,
    commits: u64,
    commit_time: Duration,
    closing: bool,
}

struct Waiting {
    day: Arc<str>,
    recorded: Recorded,
    body: String,
    notify: Option<u64>,
    since: Instant,
}

/// For the disk machine and the meters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    pub committed: u64,
    pub appended: u64,
    /// Age of the oldest event that is not committed; zero when there is none.
    pub commit_age: Span,
    pub tail_bytes: usize,
    /// Batches written since the start, and how long that took.
    pub commits: u64,
    pub commit_time: Span,
}

impl Journal {
    /// Opens `folder` and goes on after `last_seq`. `opens` is what a restart found open.
    pub fn open(
        folder: &Path,
        last_seq: u64,
        opens: BTreeMap<TenantNo, Open>,
        on_committed: OnCommitted,
    ) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder)?;
        let days = Days::read(folder)?;
        let last_seq = last_seq.max(days.last_seq);
        let tail = Tail {
            next: last_seq + 1,
            day: days.newest().unwrap_or_default().into(),
            opens,
            waiting: VecDeque::new(),
            bytes: 0,
            taken: None,
            commits: 0,
            commit_time: Duration::ZERO,
            closing: false,
        };
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            tail: Mutex::new(tail),
            wake: Condvar::new(),
            ring: Ring::new(last_seq),
            days: Mutex::new(days),
            on_committed,
        });
        let writer = writer::start(shared.clone())?;
        Ok(Self { shared, writer: Mutex::new(Some(writer)) })
    }

    /// Takes the next number and puts the event at the tail; never waits for the disk. With `notify`, the token is told
    /// once the event is committed.
    pub fn append(&self, event: Event, notify: Option<u64>) -> u64 {
        let body = stored(&event);
        let since = Instant::now();
        let mut tail = lock(&self.shared.tail);
        tail.turn_day(&event, since);
        let seq = tail.push(event, body, notify, since);
        let bytes = tail.bytes;
        drop(tail);
        if bytes >= JOURNAL_TAIL_HARD_BYTES {
            tracing::error!(bytes, "events cannot be written and memory for them has an end");
            std::process::abort();
        }
        self.shared.wake.notify_one();
        seq
    }

    pub fn status(&self) -> Status {
        let committed = self.shared.ring.committed();
        let tail = lock(&self.shared.tail);
        let oldest = tail.taken.or_else(|| tail.waiting.front().map(|w| w.since));
        let span = |time: Duration| Span::micros(i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
        Status {
            committed,
            appended: tail.next - 1,
            commit_age: oldest.map_or(Span::ZERO, |since| span(since.elapsed())),
            tail_bytes: tail.bytes,
            commits: tail.commits,
            commit_time: span(tail.commit_time),
        }
    }

    /// The fold of what was appended for this tenant: a machine that panicked is built again from it.
    pub fn open_state(&self, tenant: TenantNo) -> Open {
        lock(&self.shared.tail).opens.get(&tenant).cloned().unwrap_or_default()
    }

    /// The event that accepted this command, while its id is remembered. What is open is not copied for it: a client may
    /// repeat commands as fast as it likes.
    pub fn accepted(&self, tenant: TenantNo, id: &CommandId) -> Option<u64> {
        lock(&self.shared.tail).opens.get(&tenant)?.commands.get(id).map(|accepted| accepted.seq)
    }

    /// The position of the last committed event; changes can be awaited.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.shared.ring.watch()
    }

    pub fn ring(&self) -> &Ring {
        &self.shared.ring
    }

    /// Committed events after a position, at most [`EVENT_PAGE`], from the files. Blocks on the disk.
    pub fn read_page(&self, after: u64) -> Result<Vec<Arc<Slot>>, ReadError> {
        let committed = self.shared.ring.committed();
        if after > committed {
            return Err(ReadError::Ahead { committed });
        }
        let days = lock(&self.shared.days).clone();
        let mut page = Vec::new();
        days.events(&self.shared.folder, after, committed, EVENT_PAGE, &mut |recorded| {
            page.push(Arc::new(Slot::new(recorded)));
        })?;
        Ok(page)
    }

    /// Committed events behind `after`, oldest first, at most a page of them: from memory, or else from the files.
    pub async fn page(self: &Arc<Self>, after: u64) -> Result<Vec<Arc<Slot>>, ReadError> {
        match self.ring().next(after) {
            Ok(Next::Events(page)) => return Ok(page),
            Ok(Next::Behind) => {}
            Err(Ahead { committed }) => return Err(ReadError::Ahead { committed }),
        }
        let journal = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || journal.read_page(after)).await;
        read.unwrap_or_else(|error| {
            tracing::error!(%error, "reading events ended by a panic");
            Err(ReadError::Store(StoreError::Stopped))
        })
    }

    /// The oldest event that is kept, if any.
    pub fn oldest(&self) -> Option<u64> {
        lock(&self.shared.days).oldest()
    }

    /// A kept event before which none of that UTC day or later lies; `None`: there is none of them at all.
    pub fn begins(&self, day: &str) -> Option<u64> {
        lock(&self.shared.days).begins(day)
    }

    /// Removes the files of days before `day`, whole, as far as the projector has folded them. Returns their days.
    pub fn remove_days(&self, day: &str, projected: u64) -> Result<Vec<String>, StoreError> {
        lock(&self.shared.days).remove(&self.shared.folder, day, projected)
    }

    /// Commits what waits and ends the writer. Events that could not be written are told by their number.
    pub fn close(&self) -> Result<(), usize> {
        lock(&self.shared.tail).closing = true;
        self.shared.wake.notify_all();
        if let Some(writer) = lock(&self.writer).take() {
            writer.join().expect("a panic of the writer aborts the process");
        }
        let left = lock(&self.shared.tail).waiting.len();
        if left == 0 { Ok(()) } else { Err(left) }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Err(left) = self.close() {
            tracing::error!(left, "events were not written");
        }
    }
}

impl Tail {
    /// A new day's file begins with each tenant's open state, so what is open never depends on removed days.
    fn turn_day(&mut self, event: &Event, since: Instant) {
        let day = event.at.day();
        if day.as_str() <= &*self.day {
            return;
        }
        self.day = day.into();
        let opens = self.opens.iter_mut().map(|(tenant, open)| {
            open.pass(event.t);
            (*tenant, open.to_value())
        });
        for (tenant, open) in opens.collect::<Vec<_>>() {
            let kind = Kind::Checkpoint { open };
            let (t, at, about) = (event.t, event.at, About::default());
            let checkpoint = Event { v: VERSION, t, at, tenant, about, by: By::SYSTEM, kind };
            let body = stored(&checkpoint);
            self.push(checkpoint, body, None, since);
        }
    }

    fn push(&mut self, event: Event, body: String, notify: Option<u64>, since: Instant) -> u64 {
        let recorded = Recorded { seq: self.next, event };
        self.opens.entry(recorded.event.tenant).or_default().apply(&recorded);
        self.next += 1;
        self.bytes += body.len();
        let seq = recorded.seq;
        self.waiting.push_back(Waiting { day: self.day.clone(), recorded, body, notify, since });
        seq
    }
}

fn stored(event: &Event) -> String {
    serde_json::to_string(event).expect("an event prints")
}
