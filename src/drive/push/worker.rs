//! One session's deliveries: gathers what its filter sees, posts it until it is taken, goes on behind it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until};

use super::Forms;
use crate::base::bounds::{
    PUSH_ASK_EVERY, PUSH_BODY_BYTES, PUSH_EVENTS, PUSH_PAGES, PUSH_PLACE_EVERY, PUSH_RETRY_FIRST, PUSH_RETRY_MAX,
};
use crate::base::{SessionId, Span};
use crate::drive::http_client::{self, PostError};
use crate::event::words::Actor;
use crate::event::{Filter, Kind};
use crate::site::Site;
use crate::store::journal::{ReadError, Slot};
use crate::store::{Journal, SiteStore};
use crate::switch::door::{Door, House, Tenant};
use crate::switch::push_url::PushUrl;
use crate::switch::{Answer, Body, Code, Command, Query, SessionVerb};

pub struct Worker {
    pub door: Door<Site>,
    pub tenant: Arc<Tenant<Site>>,
    pub journal: Arc<Journal>,
    pub store: Arc<SiteStore>,
    pub forms: Forms,
    pub session: SessionId,
    pub url: PushUrl,
    pub secret: String,
    pub filter: Filter,
    /// Each third of it something is posted, if only to show that both ends live.
    pub lease: Option<Span>,
    /// Everything up to it was taken, or is none of this session's business.
    pub position: u64,
    /// Events before the position were not kept long enough; told with the next delivery.
    pub gap: bool,
}

/// The session is over.
struct Ended;

/// What is to be delivered next.
#[derive(Default)]
struct Batch {
    events: Vec<Box<RawValue>>,
    bytes: usize,
    /// The last event that was looked at.
    upto: u64,
}

/// A delivery, as the receiver reads it.
#[derive(Serialize)]
struct Delivery<'b> {
    session: SessionId,
    after: String,
    position: String,
    events: &'b [Box<RawValue>],
    /// Some events behind `after` are not kept any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    gap: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    contacts_left: Option<u32>,
}

impl Worker {
    /// `true`: the session is over. `false`: the journal is closed, the next start goes on with it.
    pub async fn run(mut self) -> bool {
        let mut committed = self.journal.committed();
        let mut beat = self.next_beat();
        let mut saved = Instant::now();
        loop {
            committed.mark_unchanged();
            let Ok(batch) = self.gather().await else { return true };
            let is_due = beat.is_some_and(|at| at <= Instant::now());
            if batch.events.is_empty() && !self.gap && !is_due {
                let looked_on = batch.upto > self.position;
                self.position = batch.upto;
                if looked_on {
                    if saved.elapsed() >= PUSH_PLACE_EVERY.to_std() {
                        saved = self.save_place();
                    }
                    continue;
                }
                tokio::select! {
                    changed = committed.changed() => if changed.is_err() { return false },
                    () = until(beat) => {}
                }
                continue;
            }
            if self.deliver(&batch).await.is_err() {
                return true;
            }
            (self.position, self.gap) = (batch.upto, false);
            saved = self.save_place();
            beat = self.next_beat();
        }
    }

    fn save_place(&self) -> Instant {
        self.store.move_push(self.tenant.no, self.session, self.position);
        Instant::now()
    }

    fn next_beat(&self) -> Option<Instant> {
        self.lease.map(|lease| Instant::now() + Span(lease.0 / 3).to_std())
    }

    /// What stands behind the position, as far as one delivery goes.
    async fn gather(&mut self) -> Result<Batch, Ended> {
        let mut batch = Batch { upto: self.position, ..Batch::default() };
        for _ in 0..PUSH_PAGES {
            let page = self.page(&mut batch).await;
            if page.is_empty() {
                break;
            }
            for slot in &page {
                if !self.take(&mut batch, slot)? {
                    return Ok(batch);
                }
            }
        }
        Ok(batch)
    }

    /// The next committed events; none too when they cannot be read now.
    async fn page(&mut self, batch: &mut Batch) -> Vec<Arc<Slot>> {
        match self.journal.page(batch.upto).await {
            Ok(page) => page,
            Err(ReadError::NotKept { .. }) if batch.events.is_empty() => {
                let oldest = self.journal.oldest().unwrap_or(batch.upto + 1);
                tracing::warn!(session = %self.session, "events were removed before they were taken");
                (batch.upto, self.gap) = (oldest.saturating_sub(1), true);
                Vec::new()
            }
            Err(error @ (ReadError::NotKept { .. } | ReadError::Ahead { .. } | ReadError::Store(_))) => {
                tracing::error!(session = %self.session, ?error, "events cannot be read");
                Vec::new()
            }
        }
    }

    /// `false`: the batch is full without it.
    fn take(&self, batch: &mut Batch, slot: &Slot) -> Result<bool, Ended> {
        let event = &slot.recorded.event;
        let own = event.tenant == self.tenant.no;
        if own && matches!(event.kind, Kind::SessionEnded { session, .. } if session == self.session) {
            return Err(Ended);
        }
        let text = if own && self.filter.sees(event) { slot.view(self.forms.view, self.forms.event) } else { "" };
        if !text.is_empty() {
            let is_full = batch.events.len() >= PUSH_EVENTS || batch.bytes + text.len() > PUSH_BODY_BYTES;
            if is_full && !batch.events.is_empty() {
                return Ok(false);
            }
            batch.bytes += text.len();
            batch.events.push(RawValue::from_string(text.to_owned()).expect("it was written as JSON"));
        }
        batch.upto = slot.recorded.seq;
        Ok(true)
    }

    /// Posts it until it is taken.
    async fn deliver(&self, batch: &Batch) -> Result<(), Ended> {
        let mut wait = PUSH_RETRY_FIRST;
        loop {
            let answered = http_client::post(&self.url, &self.secret, self.body(batch)).await;
            match &answered {
                Ok(200..=299) => return self.lives(SessionVerb::Renew { session: self.session, of: None }).await,
                Ok(status) => tracing::warn!(session = %self.session, status, "a delivery was not taken"),
                Err(why @ (PostError::Connect(_) | PostError::Http(_) | PostError::Unsendable | PostError::Late)) => {
                    tracing::warn!(session = %self.session, %why, "a delivery did not arrive")
                }
            }
            self.pause(wait).await?;
            wait = (wait + wait).min(PUSH_RETRY_MAX);
        }
    }

    /// A session that ends meanwhile takes its worker with it, however long the pause.
    async fn pause(&self, length: Span) -> Result<(), Ended> {
        let end = Instant::now() + length.to_std();
        while Instant::now() < end {
            sleep_until(end.min(Instant::now() + PUSH_ASK_EVERY.to_std())).await;
            self.ask(Body::Query(Query::Session(self.session))).await?;
        }
        Ok(())
    }

    async fn lives(&self, renew: SessionVerb) -> Result<(), Ended> {
        self.ask(Body::Session(renew)).await
    }

    /// A tenant that does not answer now has its sessions still.
    async fn ask(&self, body: Body) -> Result<(), Ended> {
        let command = Command { id: None, actor: Actor::System, body };
        match self.door.tell(&self.tenant, command).await {
            Ok((Answer::Refused { code: Code::UnknownSession, .. }, _)) => Err(Ended),
            Ok((Answer::Accepted { .. } | Answer::Refused { .. }, _)) => Ok(()),
            Err(refusal) => {
                tracing::debug!(session = %self.session, why = refusal.state, "the tenant did not answer");
                Ok(())
            }
        }
    }

    fn body(&self, batch: &Batch) -> String {
        let contacts_left = match self.door.house() {
            House::Draining { contacts_left } => Some(contacts_left),
            House::Starting | House::Open | House::Shed { .. } => None,
        };
        let delivery = Delivery {
            session: self.session,
            after: (self.forms.position)(self.position),
            position: (self.forms.position)(batch.upto),
            events: &batch.events,
            gap: self.gap,
            contacts_left,
        };
        serde_json::to_string(&delivery).expect("texts, numbers and JSON")
    }
}

async fn until(beat: Option<Instant>) {
    match beat {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
