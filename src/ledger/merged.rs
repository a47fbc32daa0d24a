//! Contacts that are one, as their records say.

use serde::{Deserialize, Serialize};

use super::record::ContactRecord;
use crate::base::bounds::RECORD_LIST;
use crate::base::{ContactId, Time};

/// `goes_on`: its legs came here; else ours went there, and this contact is its alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedRecord {
    pub with: ContactId,
    pub goes_on: bool,
    pub at: Time,
}

impl ContactRecord {
    pub(super) fn merged_with(&mut self, with: ContactId, goes_on: bool, at: Time) {
        if self.merged.len() < RECORD_LIST {
            self.merged.push(MergedRecord { with, goes_on, at });
        } else {
            self.cut += 1;
        }
    }
}
