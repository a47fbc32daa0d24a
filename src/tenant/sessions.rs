//! Client sessions of the tenant: their verbs, and what their ends mean for agents.
//! Owns minting ids. Leaves leases and bounds to `switch::session`, secrets to `drive::push`, wishes to `acd`.

use super::Tenant;
use super::commands::Refusal;
use crate::base::bounds::WATCHED_PER_TENANT;
use crate::base::{CommandId, Now, SessionId, Supplies};
use crate::event::By;
use crate::ledger::open::OpenSession;
use crate::switch::session::{NewSession, Output, Session, SessionRefused};
use crate::switch::{Code, SessionState, SessionVerb, Snapshot};

impl Tenant {
    pub(super) fn session_verb(
        &mut self,
        verb: SessionVerb,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Snapshot, Refusal> {
        match verb {
            SessionVerb::Open(new) => self.open_session(new, by, now, supplies),
            SessionVerb::Renew { session, of } => {
                self.sessions.renew(session, of, now.t).map_err(|refused| session_refused(session, refused))?;
                Ok(self.session_snapshot(session))
            }
            SessionVerb::Close { session, of } => {
                let closed =
                    self.sessions.close(session, of, by).map_err(|refused| session_refused(session, refused))?;
                Ok(Snapshot::Sessions(vec![state(session, &closed)]))
            }
        }
    }

    fn open_session(
        &mut self,
        new: NewSession,
        by: &By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Snapshot, Refusal> {
        if let Some(agent) = new.agent.filter(|agent| !self.site.agents.contains_key(agent)) {
            return Err((Code::UnknownAgent, agent.to_string()));
        }
        let session = SessionId(supplies.ids.mint(now.t));
        self.sessions.open(session, new, by, now.t).map_err(|refused| session_refused(session, refused))?;
        Ok(self.session_snapshot(session))
    }

    pub(super) fn session_snapshot(&self, session: SessionId) -> Snapshot {
        Snapshot::Sessions(self.sessions.get(session, None).map(|found| state(session, found)).into_iter().collect())
    }

    /// The session that an accepted command opened, if it still lives.
    pub(super) fn session_of_command(&self, id: &CommandId) -> Snapshot {
        self.sessions.ordered_by(id).map_or(Snapshot::Sessions(Vec::new()), |session| self.session_snapshot(session))
    }

    pub(super) fn session_states(&self) -> Vec<SessionState> {
        self.sessions.iter().map(|(id, session)| state(id, session)).collect()
    }

    pub(super) fn session_said(&mut self, output: Output, now: Now, supplies: &mut Supplies) {
        match output {
            Output::Journal { about, by, kind } => self.journal(now, about, by, kind, None),
            Output::ClientLost { agent, leaves } => self.acd.client_lost(agent, leaves, now, supplies),
        }
    }

    /// Renewals are not journaled, so nobody knows how much of a lease was left: each has its whole length from now on.
    pub(super) fn restore_session(&mut self, id: SessionId, open: &OpenSession, now: Now) {
        let new = NewSession {
            token: open.token,
            agent: open.agent,
            delivery: open.delivery.clone(),
            filter: open.filter.clone(),
            lease: open.lease,
        };
        let session = Session { new, opened: open.opened, until: None, ordered_by: open.ordered_by.clone() };
        self.sessions.restore(id, session, now.t);
    }
}

fn session_refused(session: SessionId, refused: SessionRefused) -> Refusal {
    match refused {
        SessionRefused::Unknown => (Code::UnknownSession, session.to_string()),
        SessionRefused::Full(whose, most) => (Code::TooManySessions, format!("{most} sessions {whose} are open")),
        SessionRefused::WatchedFull => {
            let text =
                format!("the watch lists of this tenant's sessions may have {WATCHED_PER_TENANT} entries in all");
            (Code::TooManySessions, text)
        }
    }
}

fn state(id: SessionId, session: &Session) -> SessionState {
    let Session { new, opened, until, ordered_by: _ } = session.clone();
    SessionState { session: id, new, opened, until }
}
