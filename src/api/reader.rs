//! A subscriber's place among the committed events, and what he sees of them.
//! Owns pulling page by page and the form of an event. Leaves carrying them to `events`, `subscriber` and `sessions`.

use std::sync::Arc;

use tokio::sync::watch;

use super::archive::PageError;
use super::position::Position;
use super::request::Caller;
use super::view::EventView;
use super::{Api, Problem};
use crate::base::{SessionId, TenantNo, Utc};
use crate::event::session::SessionEnding;
use crate::event::{Event, Filter, Kind, Recorded};
use crate::store::journal::Slot;
use crate::switch::Code;

/// From when to when the events are that a subscriber sees, by the clock of people.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    pub since: Option<Utc>,
    pub before: Option<Utc>,
}

impl Window {
    fn sees(&self, event: &Event) -> bool {
        self.since.is_none_or(|since| since <= event.at) && !self.is_over(event)
    }

    fn is_over(&self, event: &Event) -> bool {
        self.before.is_some_and(|before| before <= event.at)
    }
}

/// Our number among the views of a slot.
pub const NATIVE_VIEW: usize = 0;

/// Empty for kinds that are not shown.
pub fn written(recorded: &Recorded) -> String {
    let view = EventView::new(recorded);
    view.map_or_else(String::new, |view| {
        serde_json::to_string(&view).expect("texts, numbers and objects with text keys")
    })
}

/// A subscriber's place. Dropping a call of `next` half-way loses nothing: the place moves last.
pub struct Reader {
    pub api: Arc<Api>,
    tenant: TenantNo,
    filter: Filter,
    window: Window,
    /// What lies behind the window has been reached.
    pub complete: bool,
    pub after: u64,
    /// The client's session, and how it ended once its end was read.
    own: Option<SessionId>,
    pub ended: Option<SessionEnding>,
    committed: watch::Receiver<u64>,
}

impl Reader {
    /// Behind `after`. Without it from now on, or where a window begins.
    pub fn new(caller: &Caller, filter: Filter, window: Window, after: Option<&str>) -> Result<Self, Problem> {
        let api = caller.api.clone();
        let committed = api.archive.committed();
        let newest = api.archive.newest();
        let begins = match window {
            // Behind `newest` is only what was committed since it was read, in a new day's file.
            Window { since: Some(since), .. } => {
                api.archive.begins(since).map_or(newest, |first| newest.min(first.saturating_sub(1)))
            }
            Window { since: None, before: Some(_) } => api.archive.oldest().saturating_sub(1),
            Window { since: None, before: None } => newest,
        };
        let after = match after {
            None => begins,
            Some("newest") => newest,
            Some("oldest") => api.archive.oldest().saturating_sub(1),
            Some(text) => Position::read(text)?.0,
        };
        let (tenant, own, ended) = (caller.tenant.no, None, None);
        let reader = Self { api, tenant, filter, window, complete: false, after, own, ended, committed };
        match after > newest || after.saturating_add(1) < reader.api.archive.oldest() {
            true => Err(reader.out_of_reach()),
            false => Ok(reader),
        }
    }

    /// That of a session: it sees its own end, whatever its filter.
    pub fn of(self, session: SessionId) -> Self {
        Self { own: Some(session), ..self }
    }

    fn out_of_reach(&self) -> Problem {
        let (oldest, newest) = (self.api.archive.oldest(), self.api.archive.newest());
        Problem::new(Code::PositionUnknown, "the position is not among the events that are kept")
            .with("oldest", Position(oldest.saturating_sub(1)).text())
            .with("newest", Position(newest).text())
    }

    /// Waits for events behind the place and moves behind them. Those that the filter leaves out make an empty list.
    pub async fn next(&mut self) -> Result<Vec<String>, Problem> {
        while self.api.archive.newest() <= self.after {
            if self.committed.changed().await.is_err() {
                return Err(Problem::new(Code::Draining, "the journal is closed"));
            }
        }
        let page = match self.api.archive.page(self.after).await {
            Ok(page) => page,
            Err(PageError::OutOfReach) => return Err(self.out_of_reach()),
            Err(PageError::Unreadable) => {
                return Err(Problem::new(Code::InternalError, "the journal cannot be read"));
            }
        };
        let texts = page.iter().filter_map(|slot| self.text(slot)).map(str::to_owned).collect();
        self.complete |= page.iter().any(|slot| self.window.is_over(&slot.recorded.event));
        self.ended = self.ended.or_else(|| page.iter().find_map(|slot| self.end_of_own(slot)));
        if let Some(last) = page.last() {
            self.after = last.recorded.seq;
        }
        Ok(texts)
    }

    /// The text of an event that the subscriber sees; written once for all who do. Evaluated when it is pulled.
    fn text<'e>(&self, slot: &'e Slot) -> Option<&'e str> {
        let event = &slot.recorded.event;
        let wanted = event.tenant == self.tenant && self.window.sees(event) && self.filter.sees(event);
        let text = if wanted { slot.view(NATIVE_VIEW, written) } else { "" };
        (!text.is_empty()).then_some(text)
    }

    fn end_of_own(&self, slot: &Slot) -> Option<SessionEnding> {
        let Kind::SessionEnded { session, ending } = slot.recorded.event.kind else { return None };
        (Some(session) == self.own).then_some(ending)
    }
}
