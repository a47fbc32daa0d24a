//! What a restart reads: the saved open state, and the journal after it.
//! Owns finding the shortest way to it, and the sign of life that a process leaves. Leaves building machines and ending
//! what is open to `tenant`.
//! In: the data folder, before any writer runs. Out: [`Recovered`].

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::journal::{ReadError, for_each_event, head};
use super::records::{SavedOpen, read_open};
use super::{StoreError, open_reader};
use crate::base::{TenantNo, Time};
use crate::ledger::Open;

#[derive(Debug, Default)]
pub struct Recovered {
    pub opens: BTreeMap<TenantNo, Open>,
    /// The journal goes on after it.
    pub last_seq: u64,
    /// Of the last event, or of the last sign of life after it: when the process before was seen last. The house's axis
    /// goes on 1 s after it at the earliest.
    pub last_t: Option<Time>,
    /// Events read from the journal for it.
    pub folded: u64,
}

/// Reads `data/records.db` if it can be read, and folds `data/journal` from its position or from the head of the newest
/// day, whichever is later: a day's file begins with everybody's open state.
pub fn recover(data: &Path) -> Result<Recovered, ReadError> {
    let saved = saved_open(&data.join("records.db"));
    let folder = data.join("journal");
    if !folder.is_dir() {
        return Ok(Recovered { last_seq: saved.rows, ..Recovered::default() });
    }
    let before_head = head(&folder)?.map_or(0, |seq| seq - 1);
    let (opens, start) =
        if saved.position > before_head { (saved.opens, saved.position) } else { (BTreeMap::new(), before_head) };
    let mut found = Recovered { opens, last_seq: start.max(saved.rows), last_t: None, folded: 0 };
    for_each_event(&folder, start, &mut |recorded| {
        found.opens.entry(recorded.event.tenant).or_default().apply(&recorded);
        found.last_seq = found.last_seq.max(recorded.seq);
        found.folded += 1;
    })?;
    found.last_t = found.opens.values().map(|open| open.last_t).chain(seen_alive(data)).max();
    Ok(found)
}

/// `data/alive`: that the process lives, told again and again. Calls in which nothing happens leave nothing else.
#[derive(Debug)]
pub struct Alive(File);

/// Digits of a time in the file: always as many, so that one write replaces the one before.
const ALIVE_DIGITS: usize = 20;

impl Alive {
    /// # Errors
    /// When the file cannot be made.
    pub fn open(data: &Path) -> io::Result<Self> {
        OpenOptions::new().create(true).truncate(false).write(true).open(data.join("alive")).map(Self)
    }

    /// Not synced: it is kept when the process dies, and when the machine does, its last half minute may not be.
    ///
    /// # Errors
    /// When the disk refuses it.
    pub fn tell(&self, t: Time) -> io::Result<()> {
        self.0.write_all_at(format!("{:0ALIVE_DIGITS$}", t.0).as_bytes(), 0)
    }
}

fn seen_alive(data: &Path) -> Option<Time> {
    let text = std::fs::read_to_string(data.join("alive")).ok()?;
    text.parse().ok().filter(|_| text.len() == ALIVE_DIGITS).map(Time)
}

/// Anything wrong with records.db costs time, never what is open: the journal has it too.
fn saved_open(path: &Path) -> SavedOpen {
    if !path.is_file() {
        return SavedOpen::default();
    }
    match open_reader(path).and_then(|connection| read_open(&connection)) {
        Ok(saved) => saved,
        Err(error) => {
            log_unreadable(&error);
            SavedOpen::default()
        }
    }
}

fn log_unreadable(error: &StoreError) {
    tracing::warn!(why = %error, "records.db cannot be read; what is open comes from the journal alone");
}
