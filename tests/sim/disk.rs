//! The journal as a vector, and the table of bindings: what survives a crash.
//! Owns seq numbers, commits and three faults: the uncommitted tail is lost at a crash, the disk stalls, a commit is
//! refused. Leaves folding to `cordboard::ledger`: open state of all that was appended, rows of all that is committed.

use std::collections::BTreeMap;

use cordboard::base::bounds::COMMIT_RETRY;
use cordboard::base::{ExtensionNo, Rng, Span, TenantNo, Time};
use cordboard::event::{Event, Recorded};
use cordboard::ledger::{Open, Rows};
use cordboard::sip::words::Binding;
use sha2::{Digest, Sha256};

use crate::records;

#[derive(Clone, Copy, Debug, Default)]
pub struct DiskFaults {
    /// Chance of each commit to hang for seconds, and to fail and be tried again.
    pub stall: f64,
    pub refuse: f64,
    /// Chance that a binding is not saved.
    pub unsaved: f64,
}

pub struct Disk {
    pub faults: DiskFaults,
    tenant: TenantNo,
    /// Appended, not committed, with the tokens that wait.
    tail: Vec<(Recorded, Option<u64>)>,
    /// Of the tail, what the commit that runs holds.
    in_flight: usize,
    next_seq: u64,
    /// Fold of everything appended: equal to the live state.
    pub open: Open,
    /// Folds of everything committed.
    pub rows: Rows,
    pub committed: u64,
    digest: Sha256,
    pub bindings: BTreeMap<(ExtensionNo, String), String>,
    rng: Rng,
}

impl Disk {
    pub fn new(tenant: TenantNo, faults: DiskFaults, rng: Rng) -> Self {
        Self {
            faults,
            tenant,
            tail: Vec::new(),
            in_flight: 0,
            next_seq: 1,
            open: Open::default(),
            rows: Rows::default(),
            committed: 0,
            digest: Sha256::new(),
            bindings: BTreeMap::new(),
            rng,
        }
    }

    /// Answers when a commit is to end, if none runs.
    pub fn append(&mut self, event: Event, notify: Option<u64>, t: Time) -> (Recorded, Option<Time>) {
        let recorded = Recorded { seq: self.next_seq, event };
        self.next_seq += 1;
        self.open.apply(&recorded);
        self.tail.push((recorded.clone(), notify));
        (recorded, self.begin_commit(t))
    }

    fn begin_commit(&mut self, t: Time) -> Option<Time> {
        if self.in_flight > 0 || self.tail.is_empty() {
            return None;
        }
        self.in_flight = self.tail.len();
        Some(t + self.commit_takes())
    }

    fn commit_takes(&mut self) -> Span {
        let usual = Span::micros(500 + self.rng.below(8_000) as i64);
        match self.rng.chance(self.faults.stall) {
            true => usual + Span::millis(500 + self.rng.below(4_000) as i64),
            false => usual,
        }
    }

    /// The commit that ran has ended: the tokens it held, and when the next one ends.
    pub fn commit(&mut self, t: Time) -> (Vec<u64>, Option<Time>) {
        if self.rng.chance(self.faults.refuse) {
            return (Vec::new(), Some(t + COMMIT_RETRY));
        }
        let batch: Vec<_> = self.tail.drain(..self.in_flight).collect();
        self.in_flight = 0;
        let mut tokens = Vec::new();
        for (recorded, notify) in batch {
            self.digest.update(serde_json::to_vec(&recorded).expect("every event prints"));
            records::waits_or_talks(&self.rows, &recorded);
            self.rows.apply(&recorded);
            self.committed = recorded.seq;
            tokens.extend(notify);
        }
        (tokens, self.begin_commit(t))
    }

    /// How long the oldest event waits.
    pub fn commit_age(&self, t: Time) -> Span {
        self.tail.first().map_or(Span::ZERO, |(recorded, _)| t - recorded.event.t)
    }

    /// The process died: the tail is gone. The open state is folded from what is left.
    pub fn crash(&mut self) -> usize {
        let lost = self.tail.len();
        self.tail.clear();
        self.in_flight = 0;
        self.next_seq = self.committed + 1;
        self.open = self.rows.open(self.tenant).cloned().unwrap_or_default();
        lost
    }

    /// Names of the events that are not on disk yet.
    pub fn tail(&self) -> Vec<&'static str> {
        self.tail.iter().map(|(recorded, _)| recorded.event.kind.name()).collect()
    }

    /// Those of them that somebody waits for.
    pub fn awaited(&self) -> Vec<&'static str> {
        self.tail
            .iter()
            .filter(|(_, notify)| notify.is_some())
            .map(|(recorded, _)| recorded.event.kind.name())
            .collect()
    }

    pub fn saved_bindings(&self) -> Vec<Binding> {
        self.bindings.values().map(|json| serde_json::from_str(json).expect("what was saved is read back")).collect()
    }

    pub fn save_takes(&mut self) -> (Span, bool) {
        (Span::micros(500 + self.rng.below(10_000) as i64), !self.rng.chance(self.faults.unsaved))
    }

    /// Of every committed event, byte by byte.
    pub fn digest(&self) -> String {
        self.digest.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
