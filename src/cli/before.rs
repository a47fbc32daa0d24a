//! What a process that is gone has left: open calls, and recordings that were being written.
//! Owns putting both together for each tenant. Leaves reading the journal to `store`, ending what is open to `tenant`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::base::{ContactId, Span, TenantNo, Time};
use crate::drive::recorder_writer;
use crate::ledger::Open;
use crate::store::Recovered;

/// What a tenant's machine begins with.
pub struct Before {
    pub open: Open,
    /// When the process before was seen last.
    pub alive: Option<Time>,
    /// The sound that there is of recordings that were open.
    pub recordings: BTreeMap<ContactId, Span>,
}

impl Before {
    pub fn of(recovered: &Recovered, recordings: &BTreeMap<ContactId, Span>, tenant: TenantNo) -> Self {
        let open = recovered.opens.get(&tenant).cloned().unwrap_or_default();
        Self { open, alive: recovered.last_t, recordings: recordings.clone() }
    }
}

/// The files that were being written when the process died, and how much sound they have.
pub fn repair_recordings(folder: &Path, opens: &BTreeMap<TenantNo, Open>) -> BTreeMap<ContactId, Span> {
    let contacts = opens.values().flat_map(|open| &open.contacts);
    let files = contacts.filter_map(|(id, contact)| Some((*id, contact.recording.as_ref()?.file.clone())));
    // Their contacts had ended, their last blocks may not have been written.
    let unsealed = opens.values().flat_map(|open| &open.unsealed);
    let unsealed = unsealed.map(|(id, recording)| (*id, recording.file.clone()));
    files
        .chain(unsealed)
        .filter_map(|(id, file)| match recorder_writer::repair(&folder.join(&file)) {
            Ok(length) => Some((id, length)),
            Err(error) => {
                tracing::warn!(%error, file, "a recording that was open could not be repaired");
                None
            }
        })
        .collect()
}
