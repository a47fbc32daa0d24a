//! The journal's one writer: takes what waits, commits it, tells it. Its panic aborts the process: an event that was
//! acted upon and is not written must not be survived by its effects.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};

use super::{Shared, Waiting, files};
use crate::base::bounds::{COMMIT_RETRY, JOURNAL_BATCH};
use crate::store::{StoreError, lock, signed};

/// Commits tried after `close` before what waits is given up.
const CLOSING_TRIES: u32 = 20;

pub(super) fn start(shared: Arc<Shared>) -> Result<JoinHandle<()>, std::io::Error> {
    let body = move || {
        let guard = AbortOnPanic;
        run(&shared);
        drop(guard);
    };
    std::thread::Builder::new().name("journal".to_owned()).spawn(body)
}

struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

/// The day's file that is open for writing.
type File = Option<(Arc<str>, Connection)>;

fn run(shared: &Shared) {
    let mut file: File = None;
    let mut tries = 0;
    let mut batch = VecDeque::new();
    while take(shared, &mut batch) {
        let began = Instant::now();
        match commit(shared, &mut file, &batch) {
            Ok(()) => {
                tries = 0;
                tell(shared, &mut batch, began.elapsed());
            }
            Err(error) => {
                tracing::error!(why = %error, "events wait in memory: the journal cannot be written");
                file = None;
                tries += 1;
                if !give_back(shared, &mut batch, tries) {
                    return;
                }
            }
        }
    }
}

/// Fills the empty batch with the leading events of one day, once there are any. `false`: closed, and nothing waits.
fn take(shared: &Shared, batch: &mut VecDeque<Waiting>) -> bool {
    // Its memory becomes the tail's: once both have grown, nobody asks for memory while the other waits for the lock.
    batch.shrink_to(JOURNAL_BATCH);
    let tail = lock(&shared.tail);
    let idle = shared.wake.wait_while(tail, |tail| tail.waiting.is_empty() && !tail.closing);
    let mut tail = idle.unwrap_or_else(PoisonError::into_inner);
    let Some(first) = tail.waiting.front() else { return false };
    let (day, since) = (first.day.clone(), first.since);
    tail.taken = Some(since);
    let one_day = tail.waiting.iter().take(JOURNAL_BATCH).take_while(|waiting| waiting.day == day).count();
    if one_day == tail.waiting.len() {
        std::mem::swap(&mut tail.waiting, batch);
    } else {
        batch.extend(tail.waiting.drain(..one_day));
    }
    true
}

fn commit(shared: &Shared, file: &mut File, batch: &VecDeque<Waiting>) -> Result<(), StoreError> {
    let (Some(first), Some(last)) = (batch.front(), batch.back()) else { return Ok(()) };
    if file.as_ref().is_none_or(|(day, _)| *day != first.day) {
        *file = Some((first.day.clone(), files::open_day(&shared.folder, &first.day)?));
    }
    let Some((_, connection)) = file else { return Err(StoreError::Stopped) };
    let transaction = connection.transaction()?;
    {
        // Or ignore: a commit that was reported as failed may have reached the disk, with these very rows.
        let mut insert = transaction.prepare_cached(
            "INSERT OR IGNORE INTO event (seq, t, tenant, contact, kind, v, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        for Waiting { recorded, body, .. } in batch {
            let event = &recorded.event;
            let contact = event.about.contact.map(|contact| signed(contact.0));
            let kind = event.kind.name();
            insert.execute(params![signed(recorded.seq), event.t.0, event.tenant.0, contact, kind, event.v, body])?;
        }
    }
    transaction.commit()?;
    lock(&shared.days).committed(&first.day, first.recorded.seq, last.recorded.seq);
    Ok(())
}

fn tell(shared: &Shared, batch: &mut VecDeque<Waiting>, took: Duration) {
    let bytes: usize = batch.iter().map(|waiting| waiting.body.len()).sum();
    let told: Vec<_> = batch.iter().filter_map(|w| Some((w.recorded.event.tenant, w.notify?))).collect();
    shared.ring.publish(batch.drain(..).map(|waiting| (waiting.recorded, waiting.body.len())));
    let mut tail = lock(&shared.tail);
    tail.bytes -= bytes;
    tail.taken = None;
    tail.commits += 1;
    tail.commit_time += took;
    drop(tail);
    told.into_iter().for_each(|(tenant, token)| (shared.on_committed)(tenant, token));
}

/// Puts the batch back in front and waits a little. False: the journal is closing and this was the last try.
fn give_back(shared: &Shared, batch: &mut VecDeque<Waiting>, tries: u32) -> bool {
    let mut tail = lock(&shared.tail);
    batch.drain(..).rev().for_each(|waiting| tail.waiting.push_front(waiting));
    tail.taken = None;
    if tail.closing && tries >= CLOSING_TRIES {
        return false;
    }
    let until = Instant::now() + COMMIT_RETRY.to_std();
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        tail = shared.wake.wait_timeout(tail, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    true
}
