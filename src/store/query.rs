//! Questions to records.db: a read-only pool with a deadline, never a writer's connection.
//! Owns the SQL of lists and look-ups and waiting for `at_least`. Leaves views and permissions to `api`.
//! In: a question and a deadline. Out: records, pages, intervals, or [`QueryError`].

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use tokio::sync::watch;

use super::journal::{Ahead, Journal, Next, ReadError, Slot};
use super::records::{name, parse};
use super::{StoreError, lock, open_reader, signed};
use crate::base::bounds::QUERY_POOL;
use crate::base::{AgentNo, ContactId, GroupNo, SegmentId, Span, TenantNo, Utc};
use crate::event::words::Disposition;
use crate::ledger::record::{RecordingRecord, SegmentRecord};
use crate::ledger::{AgentInterval, ContactRecord};

#[derive(Debug)]
pub enum QueryError {
    /// The deadline passed; the statement was interrupted.
    Late,
    /// Records have not reached the position asked for.
    NotCaughtUp {
        reached: u64,
    },
    Store(StoreError),
}

impl From<StoreError> for QueryError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Which contacts a list holds. What is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub from: Option<String>,
    pub to: Option<String>,
    /// Who talked in it.
    pub agent: Option<AgentNo>,
    /// It waited there.
    pub group: Option<GroupNo>,
    /// Born at or after, and before.
    pub since: Option<Utc>,
    pub until: Option<Utc>,
    pub disposition: Option<Disposition>,
    /// Only those that have ended, or only those that have not.
    pub closed: Option<bool>,
}

/// Where a page begins; newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// After this one. The page has no total.
    After(Cursor),
    /// Skip this many; the page has an exact total.
    Offset(u64),
}

/// The last contact of the page before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub opened_at: Utc,
    pub contact: ContactId,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub contacts: Vec<ContactRecord>,
    /// `None`: this is the last page.
    pub next: Option<Cursor>,
    pub total: Option<u64>,
}

/// A segment with the recording it lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundSegment {
    pub contact: ContactId,
    /// `None`: an offer named it and it has not ended, or the offer came to nothing.
    pub segment: Option<SegmentRecord>,
    pub recording: Option<RecordingRecord>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Query(Arc<Inner>);

struct Inner {
    path: PathBuf,
    pool: Mutex<Vec<Connection>>,
    reached: watch::Receiver<u64>,
    deadline: Span,
}

impl Query {
    /// Reads the file at `path`, which the projector has made; each question may take `deadline`.
    pub fn new(path: &Path, reached: watch::Receiver<u64>, deadline: Span) -> Self {
        Self(Arc::new(Inner { path: path.to_owned(), pool: Mutex::new(Vec::new()), reached, deadline }))
    }

    /// Waits until the records hold event `seq`, at most for `wait`.
    pub async fn at_least(&self, seq: u64, wait: Span) -> Result<(), QueryError> {
        let mut reached = self.0.reached.clone();
        let caught_up = tokio::time::timeout(wait.to_std(), reached.wait_for(|at| *at >= seq)).await;
        match caught_up {
            Ok(Ok(_)) => Ok(()),
            // Too slow, or the projector has ended.
            Ok(Err(_)) | Err(_) => Err(QueryError::NotCaughtUp { reached: self.reached() }),
        }
    }

    /// The last event that the rows hold.
    pub fn reached(&self) -> u64 {
        *self.0.reached.borrow()
    }

    pub async fn contact(&self, tenant: TenantNo, contact: ContactId) -> Result<Option<ContactRecord>, QueryError> {
        self.run(move |connection| contact_by_id(connection, tenant, contact)).await
    }

    pub async fn contacts(
        &self,
        tenant: TenantNo,
        filter: Filter,
        start: Start,
        limit: usize,
    ) -> Result<Page, QueryError> {
        self.run(move |connection| list(connection, tenant, &filter, start, limit)).await
    }

    pub async fn segment(&self, tenant: TenantNo, segment: SegmentId) -> Result<Option<FoundSegment>, QueryError> {
        self.run(move |connection| segment_by_id(connection, tenant, segment)).await
    }

    /// An agent's states that touch a time of the wall clock, in order.
    pub async fn intervals(
        &self,
        tenant: TenantNo,
        agent: AgentNo,
        since: Utc,
        until: Utc,
    ) -> Result<Vec<AgentInterval>, QueryError> {
        self.run(move |connection| intervals(connection, tenant, agent, since, until)).await
    }

    /// Runs on a connection of the pool, off the caller's thread. Past the deadline the statement is interrupted.
    pub async fn run<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, QueryError> {
        let pooled = lock(&self.0.pool).pop();
        let connection = pooled.map_or_else(|| open_reader(&self.0.path), Ok)?;
        let interrupt = connection.get_interrupt_handle();
        let inner = self.0.clone();
        let mut asked = tokio::task::spawn_blocking(move || {
            let answer = ask(&connection);
            let mut pool = lock(&inner.pool);
            if pool.len() < QUERY_POOL {
                pool.push(connection);
            }
            answer
        });
        match tokio::time::timeout(self.0.deadline.to_std(), &mut asked).await {
            Ok(Ok(answer)) => answer.map_err(QueryError::Store),
            Ok(Err(_)) => Err(QueryError::Store(StoreError::Stopped)),
            Err(_) => {
                interrupt.interrupt();
                Err(QueryError::Late)
            }
        }
    }
}

/// Committed events after a position, at most [`EVENT_PAGE`](crate::base::bounds::EVENT_PAGE): from memory, or from the
/// files off the caller's thread. When there are none it waits for one, at most for `wait`.
pub async fn events(journal: &Arc<Journal>, after: u64, wait: Span) -> Result<Vec<Arc<Slot>>, ReadError> {
    let ahead = |ahead: Ahead| ReadError::Ahead { committed: ahead.committed };
    let mut committed = journal.committed();
    let mut next = journal.ring().next(after).map_err(ahead)?;
    if matches!(&next, Next::Events(none) if none.is_empty()) {
        let moved = tokio::time::timeout(wait.to_std(), committed.wait_for(|position| *position > after)).await;
        if !matches!(moved, Ok(Ok(_))) {
            return Ok(Vec::new());
        }
        next = journal.ring().next(after).map_err(ahead)?;
    }
    match next {
        Next::Events(events) => Ok(events),
        Next::Behind => {
            let journal = journal.clone();
            let read = tokio::task::spawn_blocking(move || journal.read_page(after)).await;
            read.unwrap_or(Err(ReadError::Store(StoreError::Stopped)))
        }
    }
}

pub fn contact_by_id(
    connection: &Connection,
    tenant: TenantNo,
    contact: ContactId,
) -> Result<Option<ContactRecord>, StoreError> {
    let mut select = connection.prepare_cached("SELECT body FROM contact WHERE tenant = ? AND contact = ?")?;
    let body: Option<String> = select.query_row(params![tenant.0, signed(contact.0)], |row| row.get(0)).optional()?;
    body.map(|body| parse(&body)).transpose()
}

pub fn list(
    connection: &Connection,
    tenant: TenantNo,
    filter: &Filter,
    start: Start,
    limit: usize,
) -> Result<Page, StoreError> {
    let (mut conditions, mut values) = conditions(tenant, filter);
    let mut total = None;
    let mut skip = 0;
    match start {
        Start::Offset(offset) => {
            let count = format!("SELECT count(*) FROM contact c WHERE {conditions}");
            let counted: i64 =
                connection.prepare_cached(&count)?.query_row(params_from_iter(&values), |row| row.get(0))?;
            total = Some(super::unsigned(counted));
            skip = i64::try_from(offset).unwrap_or(i64::MAX);
        }
        Start::After(cursor) => {
            conditions += " AND (c.opened_at, c.contact) < (?, ?)";
            values.extend([Sql::Integer(cursor.opened_at.0), Sql::Integer(signed(cursor.contact.0))]);
        }
    }
    // One more than asked for tells whether there is a next page.
    values.extend([Sql::Integer(i64::try_from(limit + 1).unwrap_or(i64::MAX)), Sql::Integer(skip)]);
    let mut select = connection.prepare_cached(&page_sql(&conditions))?;
    let mut contacts: Vec<ContactRecord> = Vec::new();
    for body in select.query_map(params_from_iter(&values), |row| row.get::<_, String>(0))? {
        contacts.push(parse(&body?)?);
    }
    let more = contacts.len() > limit;
    contacts.truncate(limit);
    let last = contacts.last().filter(|_| more);
    let next = last.map(|record| Cursor { opened_at: record.opened.at, contact: record.contact });
    Ok(Page { contacts, next, total })
}

fn page_sql(conditions: &str) -> String {
    format!(
        "SELECT c.body FROM contact c WHERE {conditions} ORDER BY c.opened_at DESC, c.contact DESC LIMIT ? OFFSET ?"
    )
}

fn conditions(tenant: TenantNo, filter: &Filter) -> (String, Vec<Sql>) {
    let mut sql = "c.tenant = ?".to_owned();
    let mut values = vec![Sql::Integer(i64::from(tenant.0))];
    let mut add = |condition: &str, value: Option<Sql>| {
        if let Some(value) = value {
            sql += " AND ";
            sql += condition;
            values.push(value);
        }
    };
    add("c.from_number = ?", filter.from.clone().map(Sql::Text));
    add("c.to_number = ?", filter.to.clone().map(Sql::Text));
    add("c.opened_at >= ?", filter.since.map(|at| Sql::Integer(at.0)));
    add("c.opened_at < ?", filter.until.map(|at| Sql::Integer(at.0)));
    add("c.disposition = ?", filter.disposition.map(|disposition| Sql::Text(name(&disposition))));
    add(
        "EXISTS (SELECT 1 FROM contact_agent a WHERE a.tenant = c.tenant AND a.agent = ? AND a.contact = c.contact)",
        filter.agent.map(|agent| Sql::Integer(i64::from(agent.0))),
    );
    add(
        "EXISTS (SELECT 1 FROM contact_group g WHERE g.tenant = c.tenant AND g.grp = ? AND g.contact = c.contact)",
        filter.group.map(|group| Sql::Integer(i64::from(group.0))),
    );
    // As it stands in the partial index, or that index is not found.
    sql += match filter.closed {
        Some(true) => " AND c.closed IS NOT NULL",
        Some(false) => " AND c.closed IS NULL",
        None => "",
    };
    (sql, values)
}

pub fn segment_by_id(
    connection: &Connection,
    tenant: TenantNo,
    segment: SegmentId,
) -> Result<Option<FoundSegment>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT c.body FROM segment s JOIN contact c ON c.tenant = s.tenant AND c.contact = s.contact
         WHERE s.tenant = ? AND s.segment = ?",
    )?;
    let body: Option<String> = select.query_row(params![tenant.0, signed(segment.0)], |row| row.get(0)).optional()?;
    let Some(record) = body.map(|body| parse::<ContactRecord>(&body)).transpose()? else { return Ok(None) };
    let place = record.segments.into_iter().find(|one| one.segment == segment);
    Ok(Some(FoundSegment { contact: record.contact, segment: place, recording: record.recording }))
}

pub fn intervals(
    connection: &Connection,
    tenant: TenantNo,
    agent: AgentNo,
    since: Utc,
    until: Utc,
) -> Result<Vec<AgentInterval>, StoreError> {
    // An interval's end is told on the house's axis; its length is added to the wall clock of its begin.
    let mut select = connection.prepare_cached(
        "SELECT body FROM agent_interval WHERE tenant = ? AND agent = ? AND from_at < ?
         AND (to_t IS NULL OR from_at + (to_t - from_t) > ?) ORDER BY seq",
    )?;
    let rows = select.query_map(params![tenant.0, agent.0, until.0, since.0], |row| row.get::<_, String>(0))?;
    rows.map(|body| parse(&body?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_has_an_index_that_leads_to_its_rows() {
        let connection = Connection::open_in_memory().expect("memory");
        connection.execute_batch(super::super::records::SCHEMA).expect("the tables");
        let filters = [
            (Filter::default(), "contact_by_time (tenant=?"),
            (Filter { from: Some("1".to_owned()), ..Filter::default() }, "contact_by_from (tenant=? AND from_number=?"),
            (Filter { to: Some("1".to_owned()), ..Filter::default() }, "contact_by_to (tenant=? AND to_number=?"),
            (Filter { closed: Some(false), ..Filter::default() }, "contact_open (tenant=?"),
            (Filter { closed: Some(true), ..Filter::default() }, "contact_by_time (tenant=?"),
        ];
        for (filter, index) in filters {
            let (conditions, values) = conditions(TenantNo(1), &filter);
            let sql = format!("EXPLAIN QUERY PLAN {}", page_sql(&conditions));
            let values = values.into_iter().chain([Sql::Integer(51), Sql::Integer(0)]);
            let mut explain = connection.prepare(&sql).expect("SQL");
            let steps = explain.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).expect("steps");
            let steps: Vec<String> = steps.map(|step| step.expect("text")).collect();
            let one = steps.len() == 1 && steps[0].contains("USING INDEX") && steps[0].contains(index);
            assert!(one, "{filter:?}: {steps:?}");
        }
    }
}
