//! The SQLite files: one writer thread each, never two files in one transaction. `journal/<UTC day>.db` is what
//! happened, `site.db` what was told to us, `records.db` what follows from the journal.
//! Owns files, transactions and waiting for them. Leaves what an event means to `ledger`, deciding to the machines.
//! In: events, questions, site documents. Out: positions, answers, rows; after a restart the open state.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this room is the disk: files, writer threads, and how long a commit takes"
)]

pub mod journal;
pub mod query;
pub mod records;
pub mod restart;
pub mod secrets;
pub mod site;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

pub use journal::{Journal, Next};
pub use query::Query;
pub use records::Projector;
pub use restart::{Alive, Recovered, recover};
pub use site::SiteStore;

/// Why a file cannot be used.
#[derive(Debug)]
pub enum StoreError {
    Sql(rusqlite::Error),
    File(std::io::Error),
    /// The file was written by another version of the house.
    Version {
        found: i64,
        known: i64,
    },
    /// Something in it cannot be read: what, and why.
    Damaged(String),
    /// The writer has stopped.
    Stopped,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sql(error) => write!(f, "{error}"),
            Self::File(error) => write!(f, "{error}"),
            Self::Version { found, known } => {
                write!(f, "the file has version {found}, this program knows version {known}")
            }
            Self::Damaged(what) => write!(f, "cannot be read: {what}"),
            Self::Stopped => f.write_str("the writer has stopped"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

/// Whether a commit waits until its bytes are on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sync {
    /// Each commit survives a power cut.
    Full,
    /// The last commits may be lost in one, nothing else: they can be built again.
    Normal,
}

/// Version of the tables of all files. Another one is refused, not guessed at.
const SCHEMA: i64 = 1;
/// How long a statement waits for a lock. Writers are alone, so only a checkpoint can be met.
const BUSY: Duration = Duration::from_secs(5);

/// Opens or makes a file for its one writer.
fn open_writer(path: &Path, sync: Sync, schema: &str) -> Result<Connection, StoreError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", if sync == Sync::Full { "FULL" } else { "NORMAL" })?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match found {
        // Tables and version in one transaction: a crash leaves an empty file, never half of it.
        0 => connection.execute_batch(&format!("BEGIN; {schema} PRAGMA user_version = {SCHEMA}; COMMIT;"))?,
        SCHEMA => {}
        found => return Err(StoreError::Version { found, known: SCHEMA }),
    }
    Ok(connection)
}

fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// SQLite's integers are signed. Ids have 60 bits and positions fewer, so nothing is lost.
fn signed(n: u64) -> i64 {
    i64::try_from(n).expect("ids and positions have less than 63 bits")
}

fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

/// A lock whose holder panicked is taken over: what it guards is changed by whole steps only.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
