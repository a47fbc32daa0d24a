//! Starts the pushing of events: joins what posts them (`drive`) with how they read (`api`).

use std::sync::Arc;

use tokio::task::JoinHandle;

use crate::api::position::Position;
use crate::api::{Door, reader};
use crate::base::Rng;
use crate::drive::push::{Forms, Pushes};
use crate::store::{Journal, SiteStore, StoreError};

/// After the tenants, who say which sessions there are, and before anybody can open one.
pub async fn start(
    door: &Door,
    journal: &Arc<Journal>,
    store: &Arc<SiteStore>,
    rng: Rng,
) -> Result<JoinHandle<()>, StoreError> {
    let forms = Forms { view: reader::NATIVE_VIEW, event: reader::written, position: |seq| Position(seq).text() };
    let mut pushes = Pushes::new(door.clone(), Arc::clone(journal), Arc::clone(store), forms, rng);
    pushes.resume().await?;
    Ok(tokio::spawn(pushes.run()))
}
