//! `site.db`: what was told to us. Site documents with their numbering, bindings, API tokens. The file to back up.
//! Owns its tables and its one writer thread. Leaves what a document says to `site`, what a binding means to `sip`.
//! In: documents and tokens (the caller waits), [`StoreAsk`]s (nobody waits; a save is answered once it is on disk).
//! Out: rows, [`StoreAnswer`]s. Documents hold passwords, so they are sealed whole.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::secrets::{SecretError, Secrets};
use super::{StoreError, Sync, lock, open_writer, signed, unsigned};
use crate::base::bounds::SITE_WRITES;
use crate::base::{SessionId, TenantNo};
use crate::switch::{StoreAnswer, StoreAsk};

const SCHEMA: &str = "
CREATE TABLE tenant (no INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, numbering TEXT NOT NULL,
    document BLOB) STRICT;
CREATE TABLE binding (tenant INTEGER NOT NULL, extension INTEGER NOT NULL, contact TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (tenant, extension, contact)) STRICT, WITHOUT ROWID;
CREATE TABLE token (no INTEGER PRIMARY KEY AUTOINCREMENT, digest BLOB NOT NULL UNIQUE, tenant INTEGER,
    permissions TEXT NOT NULL, name TEXT NOT NULL) STRICT;
";

/// Made in files of before too: what has no row is no session.
const PUSH_TABLE: &str = "
CREATE TABLE IF NOT EXISTS push (tenant INTEGER NOT NULL, session INTEGER NOT NULL, secret BLOB NOT NULL,
    position INTEGER NOT NULL, PRIMARY KEY (tenant, session)) STRICT, WITHOUT ROWID;
";

/// How long refreshes of bindings wait for company. A crash within it loses a refresh, which the phone repeats.
const GATHER: Duration = Duration::from_secs(1);

/// Answers to [`StoreAsk::SaveBinding`], told from the writer's thread. It must not wait.
pub type OnSaved = Box<dyn Fn(TenantNo, StoreAnswer) + Send>;

/// One tenant's site as it was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSite {
    pub tenant: TenantNo,
    pub key: String,
    /// Which number each key has; kept also for what was removed. JSON.
    pub numbering: String,
    /// The site file; `None` where a number was given and nothing saved yet.
    pub document: Option<String>,
}

/// A token as it is stored: its text is known only to its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    /// Never reused; it stands in events as `Actor::Integration`.
    pub no: u32,
    /// SHA-256 of the text.
    pub digest: [u8; 32],
    /// `None`: every tenant; each request names one.
    pub tenant: Option<TenantNo>,
    /// As `switch::permission` writes them, by spaces.
    pub permissions: String,
    pub name: String,
}

/// A session that pushes: what its deliveries carry, and how far they were taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPush {
    pub tenant: TenantNo,
    pub session: SessionId,
    pub secret: String,
    pub position: u64,
}

/// What the writer is asked; those with `done` are waited for.
enum Write {
    Binding { tenant: TenantNo, ask: StoreAsk },
    Tenant { key: String, done: Reply<TenantNo> },
    Site { tenant: TenantNo, numbering: String, document: Vec<u8>, done: Reply<()> },
    Token { token: StoredToken, done: Reply<u32> },
    RemoveToken { no: u32, done: Reply<bool> },
    Push { tenant: TenantNo, session: SessionId, secret: Vec<u8>, position: u64, done: Reply<()> },
    MovePush { tenant: TenantNo, session: SessionId, position: u64 },
    RemovePush { tenant: TenantNo, session: SessionId },
}

type Reply<T> = SyncSender<Result<T, StoreError>>;

pub struct SiteStore {
    secrets: Arc<Secrets>,
    path: std::path::PathBuf,
    lane: Mutex<Option<SyncSender<Write>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// A saved binding: its extension, its contact URI and its JSON.
pub type StoredBinding = (crate::base::ExtensionNo, String, String);

impl SiteStore {
    /// Opens or makes `site.db`.
    pub fn open(path: &Path, secrets: Arc<Secrets>, on_saved: OnSaved) -> Result<Self, StoreError> {
        let connection = open_writer(path, Sync::Full, SCHEMA)?;
        connection.execute_batch(PUSH_TABLE)?;
        let (lane, asked) = sync_channel(SITE_WRITES);
        let body = move || run(connection, &asked, &on_saved);
        let writer = std::thread::Builder::new().name("site".to_owned()).spawn(body)?;
        let (lane, writer) = (Mutex::new(Some(lane)), Mutex::new(Some(writer)));
        Ok(Self { secrets, path: path.to_owned(), lane, writer })
    }

    /// A machine's question. Never waits. False: the lane is full or closed; an update is lost (the phone repeats it),
    /// and a save will have no answer, so the phone gets 503 after its time.
    pub fn ask(&self, tenant: TenantNo, ask: StoreAsk) -> bool {
        match lock(&self.lane).as_ref().map(|lane| lane.try_send(Write::Binding { tenant, ask })) {
            Some(Ok(())) => true,
            Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) | None => false,
        }
    }

    /// The tenant's number; a key that is new gets the next one. Blocks on the disk.
    pub fn tenant(&self, key: &str) -> Result<TenantNo, StoreError> {
        let key = key.to_owned();
        self.wait(|done| Write::Tenant { key, done })
    }

    /// Saves a tenant's site in one transaction. Blocks on the disk.
    pub fn save_site(&self, tenant: TenantNo, numbering: &str, document: &str) -> Result<(), StoreError> {
        let document = self.secrets.seal(&purpose(tenant), document.as_bytes());
        let numbering = numbering.to_owned();
        self.wait(|done| Write::Site { tenant, numbering, document, done })
    }

    /// All tenants, by number.
    pub fn load_sites(&self) -> Result<Vec<StoredSite>, StoreError> {
        let connection = super::open_reader(&self.path)?;
        let mut select = connection.prepare("SELECT no, key, numbering, document FROM tenant ORDER BY no")?;
        let rows = select.query_map([], |row| {
            Ok((TenantNo(row.get(0)?), row.get(1)?, row.get(2)?, row.get::<_, Option<Vec<u8>>>(3)?))
        })?;
        let mut sites = Vec::new();
        for row in rows {
            let (tenant, key, numbering, sealed) = row?;
            let document = sealed.map(|sealed| self.unseal(tenant, &sealed)).transpose()?;
            sites.push(StoredSite { tenant, key, numbering, document });
        }
        Ok(sites)
    }

    pub fn load_bindings(&self, tenant: TenantNo) -> Result<Vec<StoredBinding>, StoreError> {
        let connection = super::open_reader(&self.path)?;
        let mut select = connection
            .prepare("SELECT extension, contact, body FROM binding WHERE tenant = ? ORDER BY extension, contact")?;
        let rows = select
            .query_map([tenant.0], |row| Ok((crate::base::ExtensionNo(row.get(0)?), row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Saves a token, `no` is ignored; returns its number. Blocks on the disk.
    pub fn save_token(&self, token: StoredToken) -> Result<u32, StoreError> {
        self.wait(|done| Write::Token { token, done })
    }

    /// False: there is no such token.
    pub fn remove_token(&self, no: u32) -> Result<bool, StoreError> {
        self.wait(|done| Write::RemoveToken { no, done })
    }

    pub fn load_tokens(&self) -> Result<Vec<StoredToken>, StoreError> {
        let connection = super::open_reader(&self.path)?;
        let mut select = connection.prepare("SELECT no, digest, tenant, permissions, name FROM token ORDER BY no")?;
        let rows = select.query_map([], |row| {
            Ok(StoredToken {
                no: row.get(0)?,
                digest: row.get(1)?,
                tenant: row.get::<_, Option<u16>>(2)?.map(TenantNo),
                permissions: row.get(3)?,
                name: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Saves a session that pushes, its secret sealed. Blocks on the disk.
    pub fn save_push(&self, push: &StoredPush) -> Result<(), StoreError> {
        let StoredPush { tenant, session, ref secret, position } = *push;
        let secret = self.secrets.seal(&push_purpose(tenant, session), secret.as_bytes());
        self.wait(|done| Write::Push { tenant, session, secret, position, done })
    }

    /// What came up to here was taken. Never waits; one that is lost is a delivery repeated after a restart.
    pub fn move_push(&self, tenant: TenantNo, session: SessionId, position: u64) {
        self.try_write(Write::MovePush { tenant, session, position });
    }

    /// The session is over. Never waits; one that is lost is found at the next start.
    pub fn remove_push(&self, tenant: TenantNo, session: SessionId) {
        self.try_write(Write::RemovePush { tenant, session });
    }

    fn try_write(&self, write: Write) {
        match lock(&self.lane).as_ref().map(|lane| lane.try_send(write)) {
            Some(Ok(())) => {}
            Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) | None => {
                tracing::debug!("site.db has too much to write; a session's place is saved with its next delivery");
            }
        }
    }

    pub fn load_pushes(&self) -> Result<Vec<StoredPush>, StoreError> {
        let connection = super::open_reader(&self.path)?;
        let mut select = connection.prepare("SELECT tenant, session, secret, position FROM push")?;
        let rows = select.query_map([], |row| {
            let (session, position): (i64, i64) = (row.get(1)?, row.get(3)?);
            Ok((TenantNo(row.get(0)?), SessionId(unsigned(session)), row.get::<_, Vec<u8>>(2)?, unsigned(position)))
        })?;
        let mut pushes = Vec::new();
        for row in rows {
            let (tenant, session, sealed, position) = row?;
            let bytes = self.secrets.open(&push_purpose(tenant, session), &sealed).map_err(|error: SecretError| {
                StoreError::Damaged(format!("the secret of session {session}: {error}"))
            })?;
            let secret = String::from_utf8(bytes).map_err(|error| StoreError::Damaged(error.to_string()))?;
            pushes.push(StoredPush { tenant, session, secret, position });
        }
        Ok(pushes)
    }

    /// Writes what waits and ends the writer.
    pub fn close(&self) {
        lock(&self.lane).take();
        if let Some(writer) = lock(&self.writer).take()
            && writer.join().is_err()
        {
            tracing::error!("the writer of site.db panicked");
        }
    }

    fn wait<T>(&self, write: impl FnOnce(Reply<T>) -> Write) -> Result<T, StoreError> {
        let (done, answer) = sync_channel(1);
        let lane = lock(&self.lane).clone().ok_or(StoreError::Stopped)?;
        lane.send(write(done)).map_err(|_| StoreError::Stopped)?;
        drop(lane);
        answer.recv().map_err(|_| StoreError::Stopped)?
    }

    fn unseal(&self, tenant: TenantNo, sealed: &[u8]) -> Result<String, StoreError> {
        let bytes = self
            .secrets
            .open(&purpose(tenant), sealed)
            .map_err(|error: SecretError| StoreError::Damaged(format!("the site of tenant {tenant}: {error}")))?;
        String::from_utf8(bytes).map_err(|error| StoreError::Damaged(error.to_string()))
    }
}

impl Drop for SiteStore {
    fn drop(&mut self) {
        self.close();
    }
}

fn push_purpose(tenant: TenantNo, session: SessionId) -> String {
    format!("push {tenant} {session}")
}

fn purpose(tenant: TenantNo) -> String {
    format!("site {tenant}")
}

/// Gathers refreshes; anything that somebody waits for takes them along at once.
fn run(mut connection: Connection, asked: &Receiver<Write>, on_saved: &OnSaved) {
    let mut gathered: Vec<Write> = Vec::new();
    let mut due: Option<Instant> = None;
    loop {
        let next = match due {
            Some(due) => asked.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let ended = matches!(next, Err(RecvTimeoutError::Disconnected));
        let mut urgent = next.is_err();
        for write in next.into_iter().chain(asked.try_iter()).take(SITE_WRITES) {
            urgent |= is_waited_for(&write);
            gathered.push(write);
        }
        due = due.or_else(|| (!gathered.is_empty()).then(|| Instant::now() + GATHER));
        if urgent || gathered.len() >= SITE_WRITES {
            commit(&mut connection, std::mem::take(&mut gathered), on_saved);
            due = None;
        }
        if ended {
            return;
        }
    }
}

fn is_waited_for(write: &Write) -> bool {
    match write {
        Write::Binding { ask: StoreAsk::SaveBinding { .. }, .. } => true,
        Write::Binding { ask: StoreAsk::UpdateBinding { .. } | StoreAsk::RemoveBinding { .. }, .. } => false,
        Write::MovePush { .. } | Write::RemovePush { .. } => false,
        Write::Tenant { .. }
        | Write::Site { .. }
        | Write::Token { .. }
        | Write::RemoveToken { .. }
        | Write::Push { .. } => true,
    }
}

/// What is told once the transaction is on disk, or is not.
type Told<'a> = Box<dyn FnOnce(bool) + 'a>;

fn commit(connection: &mut Connection, writes: Vec<Write>, on_saved: &OnSaved) {
    let mut told: Vec<Told<'_>> = Vec::new();
    let result = connection.transaction().and_then(|transaction| {
        for write in writes {
            told.push(apply(&transaction, write, on_saved));
        }
        transaction.commit()
    });
    if let Err(error) = &result {
        tracing::error!(why = %error, "site.db cannot be written");
    }
    told.into_iter().for_each(|tell| tell(result.is_ok()));
}

/// A write that fails by itself leaves the others of its batch alone: a failed statement undoes only itself.
fn apply<'a>(transaction: &Transaction<'_>, write: Write, on_saved: &'a OnSaved) -> Told<'a> {
    match write {
        Write::Binding { tenant, ask } => apply_binding(transaction, tenant, ask, on_saved),
        Write::Tenant { key, done } => reply(done, number_of(transaction, &key)),
        Write::Site { tenant, numbering, document, done } => {
            let changed = transaction.execute(
                "UPDATE tenant SET numbering = ?, document = ? WHERE no = ?",
                params![numbering, document, tenant.0],
            );
            reply(done, changed.and_then(exactly_one))
        }
        Write::Token { token, done } => {
            let inserted = transaction.execute(
                "INSERT INTO token (digest, tenant, permissions, name) VALUES (?, ?, ?, ?)",
                params![token.digest, token.tenant.map(|tenant| tenant.0), token.permissions, token.name],
            );
            reply(done, inserted.map(|_| u32::try_from(transaction.last_insert_rowid()).unwrap_or(u32::MAX)))
        }
        Write::RemoveToken { no, done } => {
            reply(done, transaction.execute("DELETE FROM token WHERE no = ?", [no]).map(|count| count == 1))
        }
        Write::Push { tenant, session, secret, position, done } => {
            let row = params![tenant.0, signed(session.0), secret, signed(position)];
            reply(done, transaction.execute("INSERT OR REPLACE INTO push VALUES (?, ?, ?, ?)", row).map(drop))
        }
        Write::MovePush { tenant, session, position } => {
            let update = "UPDATE push SET position = ? WHERE tenant = ? AND session = ?";
            unheard(transaction.execute(update, params![signed(position), tenant.0, signed(session.0)]))
        }
        Write::RemovePush { tenant, session } => {
            let delete = "DELETE FROM push WHERE tenant = ? AND session = ?";
            unheard(transaction.execute(delete, params![tenant.0, signed(session.0)]))
        }
    }
}

fn apply_binding<'a>(
    transaction: &Transaction<'_>,
    tenant: TenantNo,
    ask: StoreAsk,
    on_saved: &'a OnSaved,
) -> Told<'a> {
    let put = |extension: crate::base::ExtensionNo, contact: &str, json: &str| {
        let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO binding VALUES (?, ?, ?, ?)")?;
        insert.execute(params![tenant.0, extension.0, contact, json])
    };
    let (request, result) = match ask {
        StoreAsk::SaveBinding { request, extension, contact, json } => (Some(request), put(extension, &contact, &json)),
        StoreAsk::UpdateBinding { extension, contact, json } => (None, put(extension, &contact, &json)),
        StoreAsk::RemoveBinding { extension, contact } => {
            let key = params![tenant.0, extension.0, contact];
            let delete = "DELETE FROM binding WHERE tenant = ? AND extension = ? AND contact = ?";
            (None, transaction.execute(delete, key))
        }
    };
    if let Err(error) = &result {
        tracing::error!(why = %error, "a binding cannot be written");
    }
    let written = result.is_ok();
    Box::new(move |committed| {
        if let Some(request) = request {
            on_saved(tenant, StoreAnswer { request, saved: written && committed });
        }
    })
}

/// Nobody waits for it.
fn unheard(result: rusqlite::Result<usize>) -> Told<'static> {
    if let Err(error) = result {
        tracing::error!(why = %error, "a session's place cannot be written");
    }
    Box::new(|_| {})
}

fn number_of(transaction: &Transaction<'_>, key: &str) -> rusqlite::Result<TenantNo> {
    let found = transaction.query_row("SELECT no FROM tenant WHERE key = ?", [key], |row| row.get(0)).optional()?;
    match found {
        Some(no) => Ok(TenantNo(no)),
        None => {
            transaction.execute("INSERT INTO tenant (key, numbering) VALUES (?, '{}')", [key])?;
            let no = u16::try_from(transaction.last_insert_rowid()).map_err(|_| rusqlite::Error::InvalidQuery)?;
            Ok(TenantNo(no))
        }
    }
}

fn exactly_one(count: usize) -> rusqlite::Result<()> {
    if count == 1 { Ok(()) } else { Err(rusqlite::Error::StatementChangedRows(count)) }
}

/// Whoever asked may have gone; then nobody needs the answer.
fn reply<T: 'static>(done: Reply<T>, result: rusqlite::Result<T>) -> Told<'static> {
    Box::new(move |committed| {
        let answer = if committed { result.map_err(StoreError::from) } else { Err(StoreError::Stopped) };
        if done.send(answer).is_err() {
            tracing::debug!("nobody waits for a write of site.db any more");
        }
    })
}
