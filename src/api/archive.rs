//! What the API asks of the store, in one place: committed events by page, records, segments, and waiting for them.
//! Owns the questions and what a failed one becomes. Leaves the answers to `store`.

use std::sync::Arc;

use tokio::sync::watch;

use super::Problem;
use crate::base::bounds::RECORDS_WAIT;
use crate::base::{ContactId, SegmentId, Span, TenantNo, Utc};
use crate::ledger::ContactRecord;
use crate::store::journal::{Journal, ReadError, Slot};
use crate::store::query::{Filter, Page, Query, QueryError, Start};
use crate::switch::Code;

/// Why a page of events cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageError {
    /// The position is not among the events that are kept.
    OutOfReach,
    Unreadable,
}

/// A part of a file below the folder of recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// What it is called when saved.
    pub name: String,
    pub file: String,
    pub from: Span,
    pub to: Span,
}

/// Events and what follows from them.
#[derive(Clone)]
pub struct Archive {
    journal: Arc<Journal>,
    query: Query,
}

impl Archive {
    pub fn new(journal: Arc<Journal>, query: Query) -> Self {
        Self { journal, query }
    }

    /// The seq of the last event on disk; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.journal.ring().committed()
    }

    /// Tells when `newest` has moved; it may do so a moment later.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.journal.committed()
    }

    /// Waits until `seq` is on disk.
    ///
    /// # Errors
    /// `draining` when the journal was closed before.
    pub async fn until_committed(&self, seq: u64) -> Result<(), Problem> {
        let reached = self.committed().wait_for(|committed| *committed >= seq).await.map(drop);
        reached.map_err(|_| Problem::new(Code::Draining, "the journal is closed"))
    }

    /// The first seq that can still be read.
    pub fn oldest(&self) -> u64 {
        self.journal.oldest().unwrap_or_else(|| self.journal.ring().committed() + 1)
    }

    /// A seq that can be read and before which nothing happened at this time or later; `None`: there is none yet.
    pub fn begins(&self, since: Utc) -> Option<u64> {
        self.journal.begins(&since.day())
    }

    /// Committed events behind `after`, oldest first, at most a page of them: from memory, or else from the files.
    pub async fn page(&self, after: u64) -> Result<Vec<Arc<Slot>>, PageError> {
        self.journal.page(after).await.map_err(|error| match error {
            ReadError::Ahead { .. } | ReadError::NotKept { .. } => PageError::OutOfReach,
            ReadError::Store(error) => {
                tracing::error!(%error, "events cannot be read");
                PageError::Unreadable
            }
        })
    }

    /// Waits until the records hold `seq`; tells how far they are.
    ///
    /// # Errors
    /// `not-caught-up` after 1 s, with `reached`.
    pub async fn at_least(&self, seq: u64) -> Result<u64, Problem> {
        self.query.at_least(seq, RECORDS_WAIT).await.map_err(problem)?;
        Ok(self.query.reached())
    }

    pub async fn contact(&self, tenant: TenantNo, contact: ContactId) -> Result<Option<ContactRecord>, Problem> {
        self.query.contact(tenant, contact).await.map_err(problem)
    }

    pub async fn contacts(
        &self,
        tenant: TenantNo,
        filter: Filter,
        start: Start,
        limit: usize,
    ) -> Result<Page, Problem> {
        self.query.contacts(tenant, filter, start, limit).await.map_err(problem)
    }

    /// The part of a recording that a segment names.
    pub async fn segment(&self, tenant: TenantNo, segment: SegmentId) -> Result<Option<Sound>, Problem> {
        let found = self.query.segment(tenant, segment).await.map_err(problem)?;
        Ok(found.and_then(|found| {
            // One that has not ended has no place in the file yet.
            let part = found.segment?;
            let name = part.segment.to_string();
            found.recording.map(|recording| Sound { name, file: recording.file, from: part.from, to: part.to })
        }))
    }

    /// Whose recording one of these names, and where its sound lies; no sound while that part is still being written.
    pub async fn playable(
        &self,
        tenant: TenantNo,
        segment: Option<SegmentId>,
        contact: Option<ContactId>,
    ) -> Result<Option<(ContactId, Option<Sound>)>, Problem> {
        if let Some(segment) = segment {
            let found = self.query.segment(tenant, segment).await.map_err(problem)?;
            let Some(found) = found.filter(|found| found.recording.is_some()) else { return Ok(None) };
            return Ok(Some((found.contact, self.segment(tenant, segment).await?)));
        }
        let Some(contact) = contact else { return Ok(None) };
        let recording = self.contact(tenant, contact).await?.and_then(|record| record.recording);
        let Some(recording) = recording else { return Ok(None) };
        let name = contact.to_string();
        let whole = Sound { name, file: recording.file, from: Span::ZERO, to: Span(i64::MAX) };
        Ok(Some((contact, recording.length.map(|_| whole))))
    }

    /// The whole recording of a contact.
    pub async fn recording(&self, tenant: TenantNo, contact: ContactId) -> Result<Option<Sound>, Problem> {
        let record = self.contact(tenant, contact).await?;
        let file = record.and_then(|record| record.recording).map(|recording| recording.file);
        Ok(file.map(|file| Sound { name: contact.to_string(), file, from: Span::ZERO, to: Span(i64::MAX) }))
    }
}

fn problem(error: QueryError) -> Problem {
    match error {
        QueryError::NotCaughtUp { reached } => {
            Problem::new(Code::NotCaughtUp, format!("the records have reached {reached}")).with("reached", reached)
        }
        QueryError::Late => Problem::new(Code::Overloaded, "the records did not answer in time"),
        QueryError::Store(error) => {
            tracing::error!(%error, "records cannot be read");
            Problem::new(Code::InternalError, "the records cannot be read")
        }
    }
}
