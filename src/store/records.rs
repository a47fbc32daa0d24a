//! `records.db`: what follows from the journal. The projector folds committed events and keeps its position in the same
//! transaction. Deleting the file loses records older than the kept days and nothing else.
//! Owns its tables and its one writer thread. Leaves the fold to `ledger::projector`, reading to `query`.
//! In: committed events, pulled from the journal. Out: rows, and a position that can be awaited.
//! While the file cannot be written the projector tries again; the journal grows and calls go on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tokio::sync::watch;

use super::journal::{Journal, Next, ReadError, Slot};
use super::{StoreError, Sync, lock, open_writer, signed, unsigned};
use crate::base::TenantNo;
use crate::base::bounds::{COMMIT_RETRY, OPEN_SAVE_EVERY};
use crate::event::Recorded;
use crate::ledger::projector::{ContactKey, IntervalKey, fold};
use crate::ledger::{AgentInterval, Changes, ContactRecord, Open, State};

pub(super) const SCHEMA: &str = "
CREATE TABLE contact (tenant INTEGER NOT NULL, contact INTEGER NOT NULL, opened INTEGER NOT NULL,
    opened_at INTEGER NOT NULL, closed INTEGER, from_number TEXT NOT NULL, to_number TEXT NOT NULL, number INTEGER,
    disposition TEXT, last_seq INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (tenant, contact)) STRICT;
CREATE INDEX contact_by_time ON contact (tenant, opened_at, contact);
CREATE INDEX contact_by_from ON contact (tenant, from_number, opened_at, contact);
CREATE INDEX contact_by_to ON contact (tenant, to_number, opened_at, contact);
CREATE INDEX contact_open ON contact (tenant, opened_at, contact) WHERE closed IS NULL;
CREATE TABLE contact_agent (tenant INTEGER NOT NULL, agent INTEGER NOT NULL, contact INTEGER NOT NULL,
    PRIMARY KEY (tenant, agent, contact)) STRICT, WITHOUT ROWID;
CREATE TABLE contact_group (tenant INTEGER NOT NULL, grp INTEGER NOT NULL, contact INTEGER NOT NULL,
    PRIMARY KEY (tenant, grp, contact)) STRICT, WITHOUT ROWID;
CREATE TABLE segment (tenant INTEGER NOT NULL, segment INTEGER NOT NULL, contact INTEGER NOT NULL, agent INTEGER,
    from_us INTEGER, to_us INTEGER, PRIMARY KEY (tenant, segment)) STRICT, WITHOUT ROWID;
CREATE TABLE agent_interval (tenant INTEGER NOT NULL, agent INTEGER NOT NULL, seq INTEGER NOT NULL,
    from_t INTEGER NOT NULL, from_at INTEGER NOT NULL, to_t INTEGER, body TEXT NOT NULL,
    PRIMARY KEY (tenant, agent, seq)) STRICT, WITHOUT ROWID;
CREATE TABLE open (tenant INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE position (name TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO position VALUES ('rows', 0), ('open', 0);
";

/// How long the projector sleeps when nothing is committed; a commit or its end wakes it.
const IDLE: Duration = Duration::from_secs(60);

/// The thread that keeps records.db up to date.
pub struct Projector {
    journal: Arc<Journal>,
    stop: Arc<AtomicBool>,
    reached: watch::Receiver<u64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Projector {
    /// Starts folding into the file at `path`, made when absent.
    pub fn start(path: &Path, journal: Arc<Journal>) -> Result<Self, StoreError> {
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, reached) = watch::channel(0);
        // The first opening is done here, so that a file of another version is told to whoever starts the house.
        let writer = Writer::open(path, &journal)?;
        sender.send_replace(writer.position);
        let worker = Worker { path: path.to_owned(), journal: journal.clone(), stop: stop.clone(), reached: sender };
        let thread = std::thread::Builder::new().name("projector".to_owned()).spawn(move || worker.run(writer))?;
        Ok(Self { journal, stop, reached, thread: Mutex::new(Some(thread)) })
    }

    /// The position up to which rows are written; changes can be awaited.
    pub fn reached(&self) -> watch::Receiver<u64> {
        self.reached.clone()
    }

    /// Folds what is committed, saves the open state and ends the thread.
    pub fn close(&self) {
        self.stop.store(true, Release);
        self.journal.ring().nudge();
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the projector panicked; it starts again from its position with the house");
        }
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        self.close();
    }
}

struct Worker {
    path: PathBuf,
    journal: Arc<Journal>,
    stop: Arc<AtomicBool>,
    reached: watch::Sender<u64>,
}

impl Worker {
    /// After an error the fold's memory may be ahead of the file, so it is read again from the file.
    fn run(self, first: Writer) {
        let mut writer = Some(first);
        loop {
            let result = match writer.take() {
                Some(writer) => self.fold(writer),
                None => Writer::open(&self.path, &self.journal).and_then(|writer| self.fold(writer)),
            };
            let Err(error) = result else { return };
            tracing::error!(why = %error, "records cannot be written; the journal keeps what happens");
            if self.stop.load(Acquire) {
                return;
            }
            self.journal.ring().wait(u64::MAX, COMMIT_RETRY.to_std(), || self.stop.load(Acquire));
        }
    }

    fn fold(&self, mut writer: Writer) -> Result<(), StoreError> {
        loop {
            let stopping = self.stop.load(Acquire);
            let page = match self.journal.ring().next(writer.position) {
                Ok(Next::Events(page)) => page,
                Ok(Next::Behind) => self.journal.read_page(writer.position).map_err(unreadable)?,
                Err(ahead) => return Err(StoreError::Damaged(format!("records are ahead of the journal: {ahead:?}"))),
            };
            if !page.is_empty() {
                writer.write(&page)?;
                self.reached.send_replace(writer.position);
            } else if stopping {
                return writer.save_open();
            } else {
                self.journal.ring().wait(writer.position, IDLE, || self.stop.load(Acquire));
            }
        }
    }
}

/// The file, and the fold's memory as of its position.
struct Writer {
    connection: Connection,
    state: State,
    /// The last event whose rows are written.
    position: u64,
    /// The last event in the saved open state.
    open_position: u64,
}

impl Writer {
    fn open(path: &Path, journal: &Journal) -> Result<Self, StoreError> {
        let connection = open_writer(path, Sync::Normal, SCHEMA)?;
        let saved = read_open(&connection)?;
        let mut state = State { opens: saved.opens, ..State::default() };
        load_state(&connection, &mut state)?;
        // Events before the oldest kept day cannot be folded any more; the day's checkpoints stand for them.
        let kept = journal.oldest().map_or(journal.status().committed, |oldest| oldest - 1);
        let position = position(&connection, "rows")?.max(kept);
        let open_position = saved.position.max(kept);
        let mut writer = Self { connection, state, position, open_position };
        writer.catch_up(journal)?;
        Ok(writer)
    }

    /// The open state is saved less often than rows: it is folded up to them.
    fn catch_up(&mut self, journal: &Journal) -> Result<(), StoreError> {
        let mut at = self.open_position;
        while at < self.position {
            let page = journal.read_page(at).map_err(unreadable)?;
            if page.is_empty() {
                return Err(StoreError::Damaged(format!("the journal ends at {at}, before its records")));
            }
            for slot in page {
                at = slot.recorded.seq;
                if at <= self.position {
                    self.state.catch_up(&slot.recorded);
                }
            }
        }
        Ok(())
    }

    fn write(&mut self, page: &[Arc<Slot>]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        let mut changes = Changes::default();
        let mut position = self.position;
        for slot in page {
            let recorded = &slot.recorded;
            assert_eq!(recorded.seq, position + 1, "the projector folds each event once, in order");
            restore(&transaction, &mut self.state, recorded)?;
            fold(&mut self.state, recorded, &mut changes);
            position = recorded.seq;
        }
        write_rows(&transaction, &self.state, &changes)?;
        set_position(&transaction, "rows", position)?;
        let saves = position - self.open_position >= OPEN_SAVE_EVERY;
        if saves {
            write_open(&transaction, &self.state.opens, position)?;
        }
        transaction.commit()?;
        self.position = position;
        if saves {
            self.open_position = position;
        }
        self.state.drop_closed();
        Ok(())
    }

    fn save_open(&mut self) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        write_open(&transaction, &self.state.opens, self.position)?;
        transaction.commit()?;
        self.open_position = self.position;
        Ok(())
    }
}

/// The open state as it was saved last.
#[derive(Debug, Default)]
pub struct SavedOpen {
    pub opens: BTreeMap<TenantNo, Open>,
    /// The last event in it.
    pub position: u64,
    /// The last event whose rows are written.
    pub rows: u64,
}

pub(super) fn read_open(connection: &Connection) -> Result<SavedOpen, StoreError> {
    let mut select = connection.prepare("SELECT tenant, body FROM open")?;
    let rows = select.query_map([], |row| Ok((TenantNo(row.get(0)?), row.get::<_, String>(1)?)))?;
    let mut saved = SavedOpen {
        opens: BTreeMap::new(),
        position: position(connection, "open")?,
        rows: position(connection, "rows")?,
    };
    for row in rows {
        let (tenant, body) = row?;
        saved.opens.insert(tenant, parse(&body)?);
    }
    Ok(saved)
}

fn load_state(connection: &Connection, state: &mut State) -> Result<(), StoreError> {
    let mut contacts = connection.prepare("SELECT body FROM contact WHERE closed IS NULL")?;
    for body in contacts.query_map([], |row| row.get::<_, String>(0))? {
        state.restore(parse(&body?)?);
    }
    let mut intervals = connection.prepare("SELECT body FROM agent_interval WHERE to_t IS NULL")?;
    for body in intervals.query_map([], |row| row.get::<_, String>(0))? {
        let interval: AgentInterval = parse(&body?)?;
        state.intervals.insert((interval.tenant, interval.agent), interval);
    }
    Ok(())
}

/// A closed contact gets a later fact: its record comes back from the file.
fn restore(transaction: &Transaction<'_>, state: &mut State, recorded: &Recorded) -> Result<(), StoreError> {
    let Some((tenant, contact)) = state.needs(recorded) else { return Ok(()) };
    let mut select = transaction.prepare_cached("SELECT body FROM contact WHERE tenant = ? AND contact = ?")?;
    let body: Option<String> = select.query_row(params![tenant.0, signed(contact.0)], |row| row.get(0)).optional()?;
    if let Some(body) = body {
        state.restore(parse(&body)?);
    }
    Ok(())
}

fn write_rows(transaction: &Transaction<'_>, state: &State, changes: &Changes) -> Result<(), StoreError> {
    for key in &changes.contacts {
        if let Some(record) = state.contacts.get(key) {
            write_contact(transaction, *key, record)?;
        }
    }
    for (tenant, agent, seq) in &changes.void_intervals {
        transaction
            .prepare_cached("DELETE FROM agent_interval WHERE tenant = ? AND agent = ? AND seq = ?")?
            .execute(params![tenant.0, agent.0, signed(*seq)])?;
    }
    for (key, interval) in &changes.intervals {
        write_interval(transaction, *key, interval)?;
    }
    Ok(())
}

fn write_contact(
    transaction: &Transaction<'_>,
    (tenant, contact): ContactKey,
    record: &ContactRecord,
) -> Result<(), StoreError> {
    let id = signed(contact.0);
    transaction.prepare_cached("INSERT OR REPLACE INTO contact VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute(
        params![
            tenant.0,
            id,
            record.opened.t.0,
            record.opened.at.0,
            record.closed.map(|closed| closed.t.0),
            record.from,
            record.to,
            record.number.map(|number| number.0),
            record.disposition.map(|disposition| name(&disposition)),
            signed(record.last_seq),
            print(record),
        ],
    )?;
    for agent in record.agents() {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO contact_agent VALUES (?, ?, ?)")?
            .execute(params![tenant.0, agent.0, id])?;
    }
    for group in record.groups() {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO contact_group VALUES (?, ?, ?)")?
            .execute(params![tenant.0, group.0, id])?;
    }
    write_segments(transaction, tenant, record)
}

/// A segment has its name as soon as its agent is rung, and its place in the file when it has ended.
fn write_segments(transaction: &Transaction<'_>, tenant: TenantNo, record: &ContactRecord) -> Result<(), StoreError> {
    let named = record.offers.iter().map(|offer| (offer.segment, offer.agent, None));
    let ended = record.segments.iter().map(|one| (one.segment, one.agent, Some((one.from.0, one.to.0))));
    let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?, ?)")?;
    for (segment, agent, place) in named.chain(ended) {
        insert.execute(params![
            tenant.0,
            signed(segment.0),
            signed(record.contact.0),
            agent.map(|agent| agent.0),
            place.map(|(from, _)| from),
            place.map(|(_, to)| to),
        ])?;
    }
    Ok(())
}

fn write_interval(
    transaction: &Transaction<'_>,
    (tenant, agent, seq): IntervalKey,
    interval: &AgentInterval,
) -> Result<(), StoreError> {
    transaction.prepare_cached("INSERT OR REPLACE INTO agent_interval VALUES (?, ?, ?, ?, ?, ?, ?)")?.execute(
        params![
            tenant.0,
            agent.0,
            signed(seq),
            interval.from.0,
            interval.from_at.0,
            interval.to.map(|to| to.0),
            print(interval),
        ],
    )?;
    Ok(())
}

fn write_open(
    transaction: &Transaction<'_>,
    opens: &BTreeMap<TenantNo, Open>,
    position: u64,
) -> Result<(), StoreError> {
    for (tenant, open) in opens {
        transaction.execute("INSERT OR REPLACE INTO open VALUES (?, ?)", params![tenant.0, print(open)])?;
    }
    set_position(transaction, "open", position)
}

fn position(connection: &Connection, of: &str) -> Result<u64, StoreError> {
    Ok(unsigned(connection.query_row("SELECT seq FROM position WHERE name = ?", [of], |row| row.get(0))?))
}

fn set_position(transaction: &Transaction<'_>, of: &str, seq: u64) -> Result<(), StoreError> {
    transaction.prepare_cached("UPDATE position SET seq = ? WHERE name = ?")?.execute(params![signed(seq), of])?;
    Ok(())
}

fn unreadable(error: ReadError) -> StoreError {
    match error {
        ReadError::Store(error) => error,
        error @ (ReadError::Ahead { .. } | ReadError::NotKept { .. }) => StoreError::Damaged(error.to_string()),
    }
}

fn print<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("every key of a row prints as text")
}

/// The stored name of a word.
pub(super) fn name<T: serde::Serialize>(word: &T) -> String {
    print(word).trim_matches('"').to_owned()
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(body: &str) -> Result<T, StoreError> {
    serde_json::from_str(body).map_err(|error| StoreError::Damaged(error.to_string()))
}
