//! What the API asks of the store, in one place: committed events by page, records, segments, and waiting for them.
//! Owns the questions. Leaves the answers to `store`.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::Problem;
use crate::base::bounds::EVENT_PAGE;
use crate::base::{AgentNo, ContactId, GroupNo, NumberNo, SegmentId, Span, TenantNo, Utc};
use crate::event::Recorded;
use crate::event::words::Disposition;
use crate::ledger::ContactRecord;

/// The position is not among the events that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfReach;

/// A part of a file below the folder of recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// What it is called when saved.
    pub name: String,
    pub file: String,
    pub from: Span,
    pub to: Span,
}

/// Which records a list holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordFilter {
    /// Opened at or after, and before; wall clock.
    pub since: Option<Utc>,
    pub before: Option<Utc>,
    pub agent: Option<AgentNo>,
    pub group: Option<GroupNo>,
    pub number: Option<NumberNo>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub disposition: Option<Disposition>,
    /// Alive, or ended.
    pub open: Option<bool>,
}

/// Where a page of a list begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageStart {
    First,
    /// Behind this contact, in the order of the list: newest first.
    Behind(ContactId),
    Offset(u64),
}

#[derive(Clone, Debug, PartialEq)]
pub struct RecordPage {
    pub records: Vec<ContactRecord>,
    pub more: bool,
    pub total: Option<u64>,
}

/// Events and what follows from them.
pub struct Archive {
    kept: Mutex<Kept>,
    committed: watch::Sender<u64>,
    /// How far the records are.
    folded: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    events: Vec<Arc<Recorded>>,
    rows: crate::ledger::Rows,
}

impl Default for Archive {
    fn default() -> Self {
        Self { kept: Mutex::default(), committed: watch::Sender::new(0), folded: watch::Sender::new(0) }
    }
}

impl Archive {
    /// The seq of the last event on disk; 0 before the first.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    /// The first seq that can still be read.
    pub fn oldest(&self) -> u64 {
        self.kept().events.first().map_or(1, |recorded| recorded.seq)
    }

    /// Committed events behind `after`, oldest first, at most a page of them.
    ///
    /// # Errors
    /// When events behind `after` are no longer kept.
    pub async fn page(&self, after: u64) -> Result<Vec<Arc<Recorded>>, OutOfReach> {
        let kept = self.kept();
        if after.saturating_add(1) < kept.events.first().map_or(1, |recorded| recorded.seq) {
            return Err(OutOfReach);
        }
        let newest = *self.committed.borrow();
        let behind = kept.events.partition_point(|recorded| recorded.seq <= after);
        Ok(kept.events[behind..].iter().take(EVENT_PAGE).filter(|recorded| recorded.seq <= newest).cloned().collect())
    }

    /// How far the records are, told on every change.
    pub fn reached(&self) -> watch::Receiver<u64> {
        self.folded.subscribe()
    }

    pub async fn contact(&self, tenant: TenantNo, contact: ContactId) -> Result<Option<ContactRecord>, Problem> {
        Ok(self.kept().rows.contacts.get(&(tenant, contact)).cloned())
    }

    pub async fn contacts(
        &self,
        tenant: TenantNo,
        filter: &RecordFilter,
        start: PageStart,
        limit: usize,
        count: bool,
    ) -> Result<RecordPage, Problem> {
        let kept = self.kept();
        let all: Vec<&ContactRecord> = kept
            .rows
            .contacts
            .iter()
            .rev()
            .filter(|((of, _), record)| *of == tenant && filter.admits(record))
            .map(|(_, record)| record)
            .collect();
        let total = count.then_some(all.len() as u64);
        let skip = match start {
            PageStart::First => 0,
            PageStart::Behind(contact) => all.iter().take_while(|record| record.contact >= contact).count(),
            PageStart::Offset(offset) => usize::try_from(offset).unwrap_or(usize::MAX).min(all.len()),
        };
        let records: Vec<ContactRecord> = all[skip..].iter().take(limit).map(|record| (*record).clone()).collect();
        Ok(RecordPage { more: skip + records.len() < all.len(), records, total })
    }

    /// The part of a recording that a segment names.
    pub async fn segment(&self, tenant: TenantNo, segment: SegmentId) -> Result<Option<Sound>, Problem> {
        let kept = self.kept();
        let of_tenant = kept.rows.contacts.iter().filter(|((of, _), _)| *of == tenant).map(|(_, record)| record);
        let sound =
            of_tenant.filter_map(|record| Some((record.recording.as_ref()?, record))).find_map(|(file, record)| {
                let part = record.segments.iter().find(|part| part.segment == segment)?;
                Some(Sound { name: segment.to_string(), file: file.file.clone(), from: part.from, to: part.to })
            });
        Ok(sound)
    }

    /// The whole recording of a contact.
    pub async fn recording(&self, tenant: TenantNo, contact: ContactId) -> Result<Option<Sound>, Problem> {
        let record = self.contact(tenant, contact).await?;
        let file = record.and_then(|record| record.recording).map(|recording| recording.file);
        Ok(file.map(|file| Sound { name: contact.to_string(), file, from: Span::ZERO, to: Span(i64::MAX) }))
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a committed event.
    #[cfg(test)]
    pub fn commit(&self, event: crate::event::Event) -> u64 {
        let seq = {
            let mut kept = self.kept();
            let seq = kept.rows.position + 1;
            let recorded = Recorded { seq, event };
            kept.rows.apply(&recorded);
            kept.events.push(Arc::new(recorded));
            seq
        };
        self.committed.send_replace(seq);
        self.folded.send_replace(seq);
        seq
    }

    /// Events up to this one are no longer kept.
    #[cfg(test)]
    pub fn forget(&self, seq: u64) {
        self.kept().events.retain(|recorded| recorded.seq > seq);
    }
}

impl RecordFilter {
    fn admits(&self, record: &ContactRecord) -> bool {
        self.since.is_none_or(|since| record.opened.at >= since)
            && self.before.is_none_or(|before| record.opened.at < before)
            && self.agent.is_none_or(|agent| record.agents().contains(&agent))
            && self.group.is_none_or(|group| record.groups().contains(&group))
            && self.number.is_none_or(|number| record.number == Some(number))
            && self.from.as_ref().is_none_or(|from| record.from == *from)
            && self.to.as_ref().is_none_or(|to| record.to == *to)
            && self.disposition.is_none_or(|disposition| record.disposition == Some(disposition))
            && self.open.is_none_or(|open| record.closed.is_none() == open)
    }
}
