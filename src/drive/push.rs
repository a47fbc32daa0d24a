//! Pushes events of sessions: one task per session, which posts what is committed and goes on behind what was taken.
//! Owns the order, the repeats and the places in `site.db`. Leaves the session's life to the tenant, the form of events to
//! `api`, the connection to `http_client`. A delivery may come twice, never not at all while its events are kept: the place
//! is saved after the 2xx.

mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use self::worker::Worker;
use crate::base::{SessionId, TenantNo};
use crate::event::Recorded;
use crate::event::session::Delivery;
use crate::event::words::Actor;
use crate::site::Site;
use crate::store::site::StoredPush;
use crate::store::{Journal, SiteStore, StoreError};
use crate::switch::door::{Door, PushAsked, Refusal};
use crate::switch::push_url::PushUrl;
use crate::switch::{Answer, Body, Code, Command, Query, SessionState, SessionVerb, Snapshot};

/// How events and places read to clients.
#[derive(Clone, Copy)]
pub struct Forms {
    /// Number of the view in a slot of the journal's ring.
    pub view: usize,
    /// Empty for what is not shown.
    pub event: fn(&Recorded) -> String,
    pub position: fn(u64) -> String,
}

pub struct Pushes {
    pub door: Door<Site>,
    pub journal: Arc<Journal>,
    pub store: Arc<SiteStore>,
    pub forms: Forms,
    pub asked: mpsc::Receiver<PushAsked>,
    /// The secrets of those that run.
    running: BTreeMap<(TenantNo, SessionId), String>,
    /// Each tells whether its session is over.
    workers: JoinSet<(TenantNo, SessionId, bool)>,
}

impl Pushes {
    pub fn new(door: Door<Site>, journal: Arc<Journal>, store: Arc<SiteStore>, forms: Forms) -> Self {
        let asked = door.open_pushes();
        Self { door, journal, store, forms, asked, running: BTreeMap::new(), workers: JoinSet::new() }
    }

    /// Goes on with the sessions of before. One without a saved place was never told to its client: it ends.
    ///
    /// # Errors
    /// `site.db` cannot be read.
    pub async fn resume(&mut self) -> Result<(), StoreError> {
        let mut stored: BTreeMap<(TenantNo, SessionId), StoredPush> =
            self.store.load_pushes()?.into_iter().map(|push| ((push.tenant, push.session), push)).collect();
        for tenant in self.door.tenants() {
            let query = Command { id: None, actor: Actor::System, body: Body::Query(Query::Sessions) };
            let Ok((Answer::Accepted { snapshot: Snapshot::Sessions(states) }, _)) =
                self.door.tell(&tenant, query).await
            else {
                tracing::error!(tenant = %tenant.no, "the tenant does not say which sessions it has");
                continue;
            };
            for state in states.into_iter().filter(|state| matches!(state.new.delivery, Delivery::Push { .. })) {
                match stored.remove(&(tenant.no, state.session)) {
                    Some(push) => self.start(tenant.no, &state, push.secret, push.position),
                    None => {
                        let verb = SessionVerb::Close { session: state.session, of: None };
                        let close = Command { id: None, actor: Actor::System, body: Body::Session(verb) };
                        if let Err(refusal) = self.door.tell(&tenant, close).await {
                            tracing::error!(session = %state.session, why = refusal.state, "it cannot be closed");
                        }
                    }
                }
            }
        }
        for (tenant, session) in stored.into_keys() {
            self.store.remove_push(tenant, session);
        }
        Ok(())
    }

    /// Runs until the process ends; the workers end with it.
    pub async fn run(mut self) {
        loop {
            tokio::select! {
                Some(asked) = self.asked.recv() => self.begin(asked).await,
                Some(ended) = self.workers.join_next() => match ended {
                    Ok((tenant, session, is_over)) => {
                        self.running.remove(&(tenant, session));
                        if is_over {
                            self.store.remove_push(tenant, session);
                        }
                    }
                    Err(error) => tracing::error!(%error, "a task that pushes events ended by a panic"),
                },
                else => return,
            }
        }
    }

    /// The place and the secret are on disk before anybody is told of the session.
    async fn begin(&mut self, asked: PushAsked) {
        let PushAsked { tenant, state, after, reply } = asked;
        let key = (tenant, state.session);
        let told = match (self.running.get(&key), state.secret.clone()) {
            (Some(secret), _) => Ok(secret.clone()),
            (None, None) => Err(Refusal::new(Code::UnknownSession, "it has ended since")),
            (None, Some(secret)) => {
                let push = StoredPush { tenant, session: state.session, secret: secret.clone(), position: after };
                let store = Arc::clone(&self.store);
                match tokio::task::spawn_blocking(move || store.save_push(&push)).await {
                    Ok(Ok(())) => {
                        self.start(tenant, &state, secret.clone(), after);
                        Ok(secret)
                    }
                    Ok(Err(error)) => {
                        tracing::error!(%error, "a session that pushes cannot be saved");
                        Err(Refusal::new(Code::InternalError, "the session cannot be saved"))
                    }
                    Err(error) => {
                        tracing::error!(%error, "saving a session ended by a panic");
                        Err(Refusal::new(Code::InternalError, "the session cannot be saved"))
                    }
                }
            }
        };
        answer(reply, told);
    }

    fn start(&mut self, tenant: TenantNo, state: &SessionState, secret: String, position: u64) {
        let Delivery::Push { url } = &state.new.delivery else { return };
        let (Ok(url), Some(tenant)) = (PushUrl::read(url), self.door.tenant(tenant)) else {
            tracing::error!(session = %state.session, "events cannot be pushed to this address");
            return;
        };
        let key = (tenant.no, state.session);
        let worker = Worker {
            door: self.door.clone(),
            tenant,
            journal: Arc::clone(&self.journal),
            store: Arc::clone(&self.store),
            forms: self.forms,
            session: state.session,
            url,
            secret: secret.clone(),
            filter: state.new.filter.clone(),
            lease: state.new.lease.map(|lease| lease.length),
            position,
            gap: false,
        };
        self.running.insert(key, secret);
        self.workers.spawn(async move {
            let is_over = worker.run().await;
            (key.0, key.1, is_over)
        });
    }
}

/// Whoever asked may have gone; the session stands all the same.
fn answer(reply: oneshot::Sender<Result<String, Refusal>>, told: Result<String, Refusal>) {
    if reply.send(told).is_err() {
        tracing::debug!("nobody waits for a session's secret any more");
    }
}

#[cfg(test)]
mod tests;
