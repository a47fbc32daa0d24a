//! What a restart reads: the saved open state, and the journal after it.
//! Owns finding the shortest way to it. Leaves building machines and ending what is open to `tenant`.
//! In: the data folder, before any writer runs. Out: [`Recovered`].

use std::collections::BTreeMap;
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
    /// Of the last event. The house's axis goes on 1 s after it at the earliest.
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
    found.last_t = found.opens.values().map(|open| open.last_t).max();
    Ok(found)
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
