//! The journal's files by day: which seq begins where, and reading them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::event::{Event, Recorded};
use crate::store::{StoreError, Sync, open_reader, open_writer, signed, unsigned};

const SCHEMA: &str = "CREATE TABLE event (seq INTEGER PRIMARY KEY, t INTEGER NOT NULL, tenant INTEGER NOT NULL,
    contact INTEGER, kind TEXT NOT NULL, v INTEGER NOT NULL, body TEXT NOT NULL) STRICT;";

/// Why events cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// The position lies beyond the committed one.
    Ahead {
        committed: u64,
    },
    /// Events after the position were removed with their day.
    NotKept {
        oldest: Option<u64>,
    },
    Store(StoreError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ahead { committed } => write!(f, "the last committed event is {committed}"),
            Self::NotKept { oldest } => write!(f, "the oldest event that is kept is {oldest:?}"),
            Self::Store(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ReadError {}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Files that hold events, by day, with their first and last seq.
#[derive(Clone, Debug, Default)]
pub struct Days {
    spans: BTreeMap<String, (u64, u64)>,
    /// Of all files, also of empty ones.
    names: Vec<String>,
    pub last_seq: u64,
}

fn path(folder: &Path, day: &str) -> PathBuf {
    folder.join(format!("{day}.db"))
}

pub fn open_day(folder: &Path, day: &str) -> Result<Connection, StoreError> {
    open_writer(&path(folder, day), Sync::Full, SCHEMA)
}

/// The day of a file's name: `2026-11-21.db`.
fn day_of(name: &str) -> Option<&str> {
    let day = name.strip_suffix(".db")?;
    let is_date = day.len() == 10
        && day
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    is_date.then_some(day)
}

impl Days {
    /// Looks at every file. One that was made and got no event, or not even its table, counts by its name alone.
    pub fn read(folder: &Path) -> Result<Self, StoreError> {
        let mut days = Self::default();
        for entry in std::fs::read_dir(folder)? {
            if let Some(day) = entry?.file_name().to_str().and_then(day_of) {
                days.names.push(day.to_owned());
            }
        }
        days.names.sort();
        for day in &days.names {
            // A writer's view: after a crash it recovers the write-ahead log, which a reader may not.
            let connection = open_day(folder, day)?;
            let ends = connection.query_row("SELECT min(seq), max(seq) FROM event", [], |row| {
                Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
            })?;
            if let (Some(first), Some(last)) = ends {
                days.spans.insert(day.clone(), (unsigned(first), unsigned(last)));
                days.last_seq = days.last_seq.max(unsigned(last));
            }
        }
        Ok(days)
    }

    pub fn newest(&self) -> Option<String> {
        self.names.last().cloned()
    }

    pub fn oldest(&self) -> Option<u64> {
        self.spans.values().next().map(|(first, _)| *first)
    }

    /// The first event of that day's file, or else of the next kept one. No event of that day or later lies before it, as
    /// the day of a file never goes back.
    pub fn begins(&self, day: &str) -> Option<u64> {
        self.spans.range(day.to_owned()..).next().map(|(_, (first, _))| *first)
    }

    /// The first event of the newest file that holds any: before it lies nothing that is needed to know what is open.
    pub fn head(&self) -> Option<u64> {
        self.spans.values().next_back().map(|(first, _)| *first)
    }

    pub fn committed(&mut self, day: &str, first: u64, last: u64) {
        self.spans.entry(day.to_owned()).or_insert((first, last)).1 = last;
        if self.names.last().is_none_or(|newest| newest.as_str() < day) {
            self.names.push(day.to_owned());
        }
        self.last_seq = last;
    }

    pub fn remove(&mut self, folder: &Path, before: &str, projected: u64) -> Result<Vec<String>, StoreError> {
        let newest = self.newest();
        let old = self.names.iter().filter(|day| day.as_str() < before && Some(*day) != newest.as_ref());
        let folded = old.filter(|day| self.spans.get(*day).is_none_or(|(_, last)| *last <= projected));
        let removed: Vec<_> = folded.cloned().collect();
        for day in &removed {
            std::fs::remove_file(path(folder, day))?;
            for beside in ["-wal", "-shm"] {
                match std::fs::remove_file(folder.join(format!("{day}.db{beside}"))) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                    Ok(()) | Err(_) => {}
                }
            }
            self.spans.remove(day);
            self.names.retain(|name| name != day);
        }
        Ok(removed)
    }

    /// Events after `after` up to `until`, at most `limit`, over as many files as it takes.
    pub fn events(
        &self,
        folder: &Path,
        after: u64,
        until: u64,
        limit: usize,
        each: &mut dyn FnMut(Recorded),
    ) -> Result<(), ReadError> {
        if after >= until {
            return Ok(());
        }
        let oldest = self.oldest();
        if oldest.is_none_or(|oldest| oldest > after + 1) {
            return Err(ReadError::NotKept { oldest });
        }
        let mut left = limit;
        for (day, _) in self.spans.iter().filter(|(_, (_, last))| *last > after) {
            left -= read_day(&open_reader(&path(folder, day))?, after, until, left, each)?;
            if left == 0 {
                break;
            }
        }
        Ok(())
    }
}

fn read_day(
    connection: &Connection,
    after: u64,
    until: u64,
    limit: usize,
    each: &mut dyn FnMut(Recorded),
) -> Result<usize, StoreError> {
    let mut select =
        connection.prepare("SELECT seq, body FROM event WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?")?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = select.query([signed(after), signed(until), limit])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let seq = unsigned(row.get(0)?);
        let body = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let event: Event =
            serde_json::from_str(body).map_err(|error| StoreError::Damaged(format!("event {seq}: {error}")))?;
        each(Recorded { seq, event });
        count += 1;
    }
    Ok(count)
}

/// Every kept event after a position, in order. For a restart and for rebuilding, with no journal running.
pub fn for_each_event(folder: &Path, after: u64, each: &mut dyn FnMut(Recorded)) -> Result<(), ReadError> {
    let days = Days::read(folder)?;
    days.events(folder, after, days.last_seq, usize::MAX, each)
}

/// The first event of the newest file that holds any.
pub fn head(folder: &Path) -> Result<Option<u64>, StoreError> {
    Ok(Days::read(folder)?.head())
}
