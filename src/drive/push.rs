//! Pushes events of sessions: one task per session, which posts what is committed and goes on behind what was taken.
//! Owns the order, the repeats, secrets and the places in `site.db`. Leaves the session's life to the tenant, the form of events to
//! `api`, the connection to `http_client`. A delivery may come twice, never not at all while its events are kept: the place
//! is saved after the 2xx.

mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use self::worker::Worker;
use crate::base::bounds::{PUSH_BEGIN_WAIT, PUSH_RETRY_FIRST, PUSH_RETRY_MAX};
use crate::base::{Rng, SessionId, TenantNo};
use crate::event::Recorded;
use crate::event::session::Delivery;
use crate::event::words::Actor;
use crate::site::Site;
use crate::store::site::StoredPush;
use crate::store::{Journal, SiteStore, StoreError};
use crate::switch::door::{Door, PushAsked, Refusal, Tenant};
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
    rng: Rng,
    /// The secrets of those that run.
    running: BTreeMap<Key, String>,
    /// Each tells whether its session is over.
    workers: JoinSet<bool>,
    keys: BTreeMap<task::Id, Key>,
    /// Tenants whose sessions are looked through again, and when.
    again: BTreeMap<TenantNo, Instant>,
    /// Seen without a place when their tenant was looked through: the next time they end.
    unbegun: BTreeSet<Key>,
}

type Key = (TenantNo, SessionId);

/// Characters of the secret that deliveries carry: 160 bits.
const SECRET_LENGTH: usize = 32;

impl Pushes {
    pub fn new(door: Door<Site>, journal: Arc<Journal>, store: Arc<SiteStore>, forms: Forms, rng: Rng) -> Self {
        let asked = door.open_pushes();
        Self {
            door,
            journal,
            store,
            forms,
            asked,
            rng,
            running: BTreeMap::new(),
            workers: JoinSet::new(),
            keys: BTreeMap::new(),
            again: BTreeMap::new(),
            unbegun: BTreeSet::new(),
        }
    }

    /// Goes on with the sessions of before. One without a saved place was never told to its client: it ends.
    ///
    /// # Errors
    /// `site.db` cannot be read.
    pub async fn resume(&mut self) -> Result<(), StoreError> {
        let tenants = self.door.tenants();
        let known: BTreeSet<TenantNo> = tenants.iter().map(|tenant| tenant.no).collect();
        for push in self.store.load_pushes()?.into_iter().filter(|push| !known.contains(&push.tenant)) {
            self.store.remove_push(push.tenant, push.session);
        }
        for tenant in tenants {
            self.look_through(&tenant, true).await?;
        }
        Ok(())
    }

    /// Starts what has a place and does not run, ends what has none for good, forgets the places of what has ended.
    /// A tenant that does not answer keeps all of it and is asked again.
    async fn look_through(&mut self, tenant: &Arc<Tenant<Site>>, at_start: bool) -> Result<(), StoreError> {
        let query = Command { id: None, actor: Actor::System, body: Body::Query(Query::Sessions) };
        let Ok((Answer::Accepted { snapshot: Snapshot::Sessions(states) }, _)) = self.door.tell(tenant, query).await
        else {
            tracing::error!(tenant = %tenant.no, "the tenant does not say which sessions it has; it is asked again");
            self.again.insert(tenant.no, Instant::now() + PUSH_RETRY_FIRST.to_std());
            return Ok(());
        };
        let store = Arc::clone(&self.store);
        let places = task::spawn_blocking(move || store.load_pushes()).await;
        let places = places.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))?;
        let mut stored: BTreeMap<SessionId, StoredPush> = places
            .into_iter()
            .filter(|push| push.tenant == tenant.no && !self.running.contains_key(&(tenant.no, push.session)))
            .map(|push| (push.session, push))
            .collect();
        let mut unbegun = BTreeSet::new();
        for state in states.into_iter().filter(|state| matches!(state.new.delivery, Delivery::Push { .. })) {
            let key = (tenant.no, state.session);
            match stored.remove(&state.session) {
                Some(push) => self.start(tenant.no, &state, push.secret, push.position),
                None if self.running.contains_key(&key) => {}
                None if at_start || self.unbegun.contains(&key) => self.close(tenant, state.session).await,
                None => drop(unbegun.insert(key)),
            }
        }
        for session in stored.into_keys() {
            self.store.remove_push(tenant.no, session);
        }
        if !unbegun.is_empty() {
            self.again.insert(tenant.no, Instant::now() + PUSH_BEGIN_WAIT.to_std());
        }
        self.unbegun.retain(|(of, _)| *of != tenant.no);
        self.unbegun.append(&mut unbegun);
        Ok(())
    }

    async fn close(&self, tenant: &Arc<Tenant<Site>>, session: SessionId) {
        let verb = SessionVerb::Close { session, of: None };
        let close = Command { id: None, actor: Actor::System, body: Body::Session(verb) };
        if let Err(refusal) = self.door.tell(tenant, close).await {
            tracing::error!(%session, why = refusal.state, "it cannot be closed");
        }
    }

    /// Runs until the process ends; the workers end with it.
    pub async fn run(mut self) {
        loop {
            let next = self.again.iter().min_by_key(|(_, at)| **at).map(|(tenant, at)| (*tenant, *at));
            tokio::select! {
                Some(asked) = self.asked.recv() => self.begin(asked).await,
                Some(ended) = self.workers.join_next_with_id() => self.ended(ended),
                tenant = due(next), if next.is_some() => self.look_again(tenant).await,
                else => return,
            }
        }
    }

    async fn look_again(&mut self, tenant: TenantNo) {
        self.again.remove(&tenant);
        let Some(tenant) = self.door.tenant(tenant) else { return };
        if let Err(error) = self.look_through(&tenant, false).await {
            tracing::error!(%error, "the places of sessions that push cannot be read; they are read again");
            self.again.insert(tenant.no, Instant::now() + PUSH_RETRY_MAX.to_std());
        }
    }

    fn ended(&mut self, ended: Result<(task::Id, bool), JoinError>) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let Some(key) = self.keys.remove(&id) else { return };
        self.running.remove(&key);
        match ended {
            Ok((_, true)) => self.store.remove_push(key.0, key.1),
            Ok((_, false)) => {}
            Err(error) => {
                tracing::error!(%error, session = %key.1, "what pushes events ended by a panic; it is started again");
                self.again.insert(key.0, Instant::now() + PUSH_RETRY_MAX.to_std());
            }
        }
    }

    /// The place and the secret are on disk before anybody is told of the session. When they cannot be saved the session
    /// waits for its command to be repeated, and ends if it is not.
    async fn begin(&mut self, asked: PushAsked) {
        let PushAsked { tenant, state, after, reply } = asked;
        if let Some(secret) = self.running.get(&(tenant, state.session)) {
            return answer(reply, Ok(secret.clone()));
        }
        let secret = self.rng.token(SECRET_LENGTH);
        let push = StoredPush { tenant, session: state.session, secret: secret.clone(), position: after };
        let store = Arc::clone(&self.store);
        let error = match task::spawn_blocking(move || store.save_push(&push)).await {
            Ok(Ok(())) => {
                self.start(tenant, &state, secret.clone(), after);
                return answer(reply, Ok(secret));
            }
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        tracing::error!(error, session = %state.session, "a session that pushes cannot be saved");
        self.again.entry(tenant).or_insert(Instant::now() + PUSH_BEGIN_WAIT.to_std());
        answer(
            reply,
            Err(Refusal::new(Code::InternalError, "the session cannot be saved; repeat the command with its key")),
        );
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
        let task = self.workers.spawn(worker.run());
        self.keys.insert(task.id(), key);
    }
}

async fn due(next: Option<(TenantNo, Instant)>) -> TenantNo {
    match next {
        Some((tenant, at)) => {
            sleep_until(at).await;
            tenant
        }
        None => std::future::pending().await,
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
