//! Client sessions: who hears events in which way, and for how long without a sign of the client.
//! Owns opening, renewing and ending them, their leases and bounds. Leaves carrying events to `api` and `drive::push`,
//! secrets to the former, what the loss of a client means for an agent to `acd`.
//! In: verbs of `SessionVerb`, time. Out: [`Output`]. A renewal is no event: after a restart every session has its whole
//! lease again, counted from the start.

use std::collections::{BTreeMap, VecDeque};

use crate::base::bounds::{PUSHES_PER_TENANT, SESSIONS_PER_TENANT, SESSIONS_PER_TOKEN, WATCHED_PER_TENANT};
use crate::base::{Agenda, AgentNo, CommandId, SessionId, Time};
use crate::event::session::{Delivery, Lease, LeasePolicy, SessionEnding};
use crate::event::{About, By, Filter, Kind};

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Whose it is.
    pub token: u32,
    /// The agent whose client it is.
    pub agent: Option<AgentNo>,
    pub delivery: Delivery,
    pub filter: Filter,
    /// `None`: it lives until it is closed or its token is gone.
    pub lease: Option<Lease>,
}

/// A live session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub new: NewSession,
    pub opened: Time,
    /// When the lease runs out.
    pub until: Option<Time>,
    /// The command that opened it: a repeat is answered with the same session.
    pub ordered_by: Option<CommandId>,
}

/// Why a verb was refused; the tenant maps it to a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRefused {
    /// There is none, or it is another token's.
    Unknown,
    /// So many sessions of this kind are open.
    Full(&'static str, usize),
    /// The watch lists of all sessions would have more than [`WATCHED_PER_TENANT`] entries.
    WatchedFull,
}

#[expect(clippy::large_enum_variant, reason = "most outputs are `Journal`, and the queue is empty between inputs")]
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    Journal {
        about: About,
        by: By,
        kind: Kind,
    },
    /// An agent has no client any more; only said with a policy that does something.
    ClientLost {
        agent: AgentNo,
        leaves: bool,
    },
}

#[derive(Debug, Default)]
pub struct Sessions {
    live: BTreeMap<SessionId, Session>,
    agenda: Agenda<SessionId>,
    outputs: VecDeque<Output>,
}

impl Sessions {
    /// # Errors
    /// `Full` at [`SESSIONS_PER_TENANT`], [`SESSIONS_PER_TOKEN`] or [`PUSHES_PER_TENANT`], `WatchedFull`.
    pub fn open(&mut self, id: SessionId, new: NewSession, by: &By, t: Time) -> Result<(), SessionRefused> {
        let pushes = |session: &Session| matches!(session.new.delivery, Delivery::Push { .. });
        let count = |of: &dyn Fn(&Session) -> bool| self.live.values().filter(|session| of(session)).count();
        if self.live.len() >= SESSIONS_PER_TENANT {
            return Err(SessionRefused::Full("of this tenant", SESSIONS_PER_TENANT));
        }
        if count(&|session| session.new.token == new.token) >= SESSIONS_PER_TOKEN {
            return Err(SessionRefused::Full("of this token", SESSIONS_PER_TOKEN));
        }
        if matches!(new.delivery, Delivery::Push { .. }) && count(&pushes) >= PUSHES_PER_TENANT {
            return Err(SessionRefused::Full("that push, of this tenant,", PUSHES_PER_TENANT));
        }
        let watched: usize = self.live.values().map(|session| session.new.filter.entries()).sum();
        if watched + new.filter.entries() > WATCHED_PER_TENANT {
            return Err(SessionRefused::WatchedFull);
        }
        let kind = Kind::SessionOpened {
            session: id,
            token: new.token,
            delivery: new.delivery.clone(),
            filter: Box::new(new.filter.clone()),
            lease: new.lease,
        };
        self.outputs.push_back(Output::Journal { about: about(new.agent), by: by.clone(), kind });
        self.put(id, Session { opened: t, until: None, ordered_by: by.command.clone(), new }, t);
        Ok(())
    }

    /// One that was open before a restart, with its whole lease from now on.
    pub fn restore(&mut self, id: SessionId, session: Session, t: Time) {
        self.put(id, session, t);
    }

    fn put(&mut self, id: SessionId, session: Session, t: Time) {
        self.live.insert(id, session);
        self.sign_of_life(id, t);
    }

    fn sign_of_life(&mut self, id: SessionId, t: Time) {
        let Some(session) = self.live.get_mut(&id) else { return };
        session.until = session.new.lease.map(|lease| t + lease.length);
        self.agenda.set(id, session.until);
    }

    /// A sign of life of the client. `of`: only if it is this token's.
    ///
    /// # Errors
    /// `Unknown`.
    pub fn renew(&mut self, id: SessionId, of: Option<u32>, t: Time) -> Result<(), SessionRefused> {
        self.get(id, of).ok_or(SessionRefused::Unknown)?;
        self.sign_of_life(id, t);
        Ok(())
    }

    /// Its owner has no more use for it: nothing follows for the agent.
    ///
    /// # Errors
    /// `Unknown`.
    pub fn close(&mut self, id: SessionId, of: Option<u32>, by: &By) -> Result<Session, SessionRefused> {
        self.get(id, of).ok_or(SessionRefused::Unknown)?;
        self.end(id, SessionEnding::Closed, by).ok_or(SessionRefused::Unknown)
    }

    /// Ends the sessions of tokens that are gone.
    pub fn revoke(&mut self, known: impl Fn(u32) -> bool) {
        let gone: Vec<SessionId> = self.iter().filter(|(_, s)| !known(s.new.token)).map(|(id, _)| id).collect();
        for id in gone {
            self.end(id, SessionEnding::Revoked, &By::SYSTEM);
        }
    }

    /// Ends what had no sign of life within its lease.
    pub fn due(&mut self, t: Time) {
        while let Some(id) = self.agenda.due(t) {
            self.end(id, SessionEnding::Expired, &By::SYSTEM);
        }
    }

    fn end(&mut self, id: SessionId, ending: SessionEnding, by: &By) -> Option<Session> {
        self.agenda.set(id, None);
        let session = self.live.remove(&id)?;
        let kind = Kind::SessionEnded { session: id, ending };
        self.outputs.push_back(Output::Journal { about: about(session.new.agent), by: by.clone(), kind });
        match ending {
            SessionEnding::Closed => {}
            SessionEnding::Expired | SessionEnding::Revoked => self.client_lost(&session.new),
        }
        Some(session)
    }

    /// An agent with another session has a client still; one without a lease proves no client.
    fn client_lost(&mut self, ended: &NewSession) {
        let (Some(agent), Some(lease)) = (ended.agent, ended.lease) else { return };
        if self.live.values().any(|session| session.new.agent == Some(agent) && session.new.lease.is_some()) {
            return;
        }
        let leaves = match lease.policy {
            LeasePolicy::Nothing => return,
            LeasePolicy::NotReady => false,
            LeasePolicy::SignOut => true,
        };
        self.outputs.push_back(Output::ClientLost { agent, leaves });
    }

    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    pub fn deadline(&self) -> Option<Time> {
        self.agenda.next().map(|(t, _)| t)
    }

    /// `of`: only if it is this token's.
    pub fn get(&self, id: SessionId, of: Option<u32>) -> Option<&Session> {
        self.live.get(&id).filter(|session| of.is_none_or(|token| token == session.new.token))
    }

    /// By age.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.live.iter().map(|(id, session)| (*id, session))
    }

    /// The session that this command opened, while it lives.
    pub fn ordered_by(&self, command: &CommandId) -> Option<SessionId> {
        self.iter().find(|(_, session)| session.ordered_by.as_ref() == Some(command)).map(|(id, _)| id)
    }
}

fn about(agent: Option<AgentNo>) -> About {
    About { agent, ..About::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;

    const ANA: AgentNo = AgentNo(3);

    enum Act {
        /// Number of the session, token, policy.
        Open(u64, u32, LeasePolicy),
        Renew(u64, Option<u32>),
        Close(u64, Option<u32>),
        Revoke(u32),
        /// Opened without a lease.
        Watch(u64, u32),
        Due,
    }

    fn second(s: i64) -> Time {
        Time(0) + Span::seconds(s)
    }

    fn new(token: u32, policy: LeasePolicy, delivery: Delivery) -> NewSession {
        let lease = Some(Lease { length: Span::seconds(60), policy });
        NewSession { token, agent: Some(ANA), delivery, filter: Filter::default(), lease }
    }

    /// What was told, in short.
    fn told(sessions: &mut Sessions) -> Vec<String> {
        std::iter::from_fn(|| sessions.poll())
            .map(|output| match output {
                Output::Journal { kind: Kind::SessionOpened { session, .. }, .. } => format!("{session} opened"),
                Output::Journal { kind: Kind::SessionEnded { session, ending }, .. } => {
                    format!("{session} {}", ending.word())
                }
                Output::Journal { kind, .. } => kind.name().to_owned(),
                Output::ClientLost { leaves, .. } => format!("lost, leaves: {leaves}"),
            })
            .collect()
    }

    /// At a second, an act, whether it is done, and what is told of it.
    type Step = (i64, Act, bool, &'static [&'static str]);

    fn play(rows: &[(&str, &[Step])]) {
        use Act::{Close, Due, Open, Renew, Revoke};
        for (name, steps) in rows {
            let mut sessions = Sessions::default();
            for (at, act, done, seen) in *steps {
                let t = second(*at);
                let result = match act {
                    Open(id, token, policy) => {
                        sessions.open(SessionId(*id), new(*token, *policy, Delivery::Poll), &By::SYSTEM, t)
                    }
                    Act::Watch(id, token) => {
                        let new = NewSession { lease: None, ..new(*token, LeasePolicy::Nothing, Delivery::Poll) };
                        sessions.open(SessionId(*id), new, &By::SYSTEM, t)
                    }
                    Renew(id, of) => sessions.renew(SessionId(*id), *of, t),
                    Close(id, of) => sessions.close(SessionId(*id), *of, &By::SYSTEM).map(drop),
                    Revoke(gone) => {
                        sessions.revoke(|token| token != *gone);
                        Ok(())
                    }
                    Due => {
                        sessions.due(t);
                        Ok(())
                    }
                };
                assert_eq!(result.is_ok(), *done, "{name} at {at}");
                assert_eq!(told(&mut sessions), *seen, "{name} at {at}");
            }
        }
    }

    #[test]
    fn a_session_lives_by_signs_of_its_client() {
        use Act::{Close, Due, Open, Renew};
        use LeasePolicy::{NotReady, Nothing, SignOut};
        play(&[
            (
                "no sign, and the agent is not ready",
                &[
                    (0, Open(1, 1, NotReady), true, &["1 opened"]),
                    (59, Due, true, &[]),
                    (60, Due, true, &["1 expired", "lost, leaves: false"]),
                    (61, Renew(1, Some(1)), false, &[]),
                ],
            ),
            (
                "each sign begins the lease anew",
                &[
                    (0, Open(1, 1, SignOut), true, &["1 opened"]),
                    (50, Renew(1, Some(1)), true, &[]),
                    (109, Due, true, &[]),
                    (110, Due, true, &["1 expired", "lost, leaves: true"]),
                ],
            ),
            (
                "nothing follows where nothing should",
                &[(0, Open(1, 1, Nothing), true, &["1 opened"]), (60, Due, true, &["1 expired"])],
            ),
            (
                "who closes it loses no client",
                &[
                    (0, Open(1, 1, SignOut), true, &["1 opened"]),
                    (1, Close(1, Some(1)), true, &["1 closed"]),
                    (1, Close(1, Some(1)), false, &[]),
                    (99, Due, true, &[]),
                ],
            ),
            (
                "another token's is not known",
                &[
                    (0, Open(1, 1, NotReady), true, &["1 opened"]),
                    (1, Renew(1, Some(2)), false, &[]),
                    (1, Close(1, Some(2)), false, &[]),
                    (59, Renew(1, None), true, &[]),
                    (60, Due, true, &[]),
                    (61, Close(1, None), true, &["1 closed"]),
                ],
            ),
        ]);
    }

    #[test]
    fn an_agent_has_a_client_until_the_last_one_is_lost() {
        use Act::{Due, Open, Revoke};
        use LeasePolicy::{NotReady, SignOut};
        play(&[
            (
                "an agent with a second client has lost none",
                &[
                    (0, Open(1, 1, NotReady), true, &["1 opened"]),
                    (10, Open(2, 1, NotReady), true, &["2 opened"]),
                    (60, Due, true, &["1 expired"]),
                    (70, Due, true, &["2 expired", "lost, leaves: false"]),
                ],
            ),
            (
                "a session without a lease is no client of his",
                &[
                    (0, Open(1, 1, NotReady), true, &["1 opened"]),
                    (0, Act::Watch(2, 1), true, &["2 opened"]),
                    (60, Due, true, &["1 expired", "lost, leaves: false"]),
                ],
            ),
            (
                "both at the same instant: the last one counts",
                &[
                    (0, Open(1, 1, NotReady), true, &["1 opened"]),
                    (0, Open(2, 1, SignOut), true, &["2 opened"]),
                    (60, Due, true, &["1 expired", "2 expired", "lost, leaves: true"]),
                ],
            ),
            (
                "a token is gone, and with it the client",
                &[
                    (0, Open(1, 1, NotReady), true, &["1 opened"]),
                    (1, Open(2, 2, NotReady), true, &["2 opened"]),
                    (2, Revoke(1), true, &["1 revoked"]),
                    (3, Revoke(2), true, &["2 revoked", "lost, leaves: false"]),
                ],
            ),
        ]);
    }

    #[test]
    fn full_is_refused_by_token_by_tenant_and_by_pushes() {
        let mut sessions = Sessions::default();
        let mut next = 0;
        let mut open = |sessions: &mut Sessions, token, delivery| {
            next += 1;
            sessions.open(SessionId(next), new(token, LeasePolicy::Nothing, delivery), &By::SYSTEM, Time(0))
        };
        let push = || Delivery::Push { url: "http://192.0.2.1/".to_owned() };
        for _ in 0..PUSHES_PER_TENANT {
            assert_eq!(open(&mut sessions, 1, push()), Ok(()));
        }
        assert!(matches!(open(&mut sessions, 2, push()), Err(SessionRefused::Full(_, PUSHES_PER_TENANT))));
        for _ in PUSHES_PER_TENANT..SESSIONS_PER_TOKEN {
            assert_eq!(open(&mut sessions, 1, Delivery::Poll), Ok(()));
        }
        assert!(matches!(open(&mut sessions, 1, Delivery::Poll), Err(SessionRefused::Full(_, SESSIONS_PER_TOKEN))));
        for _ in SESSIONS_PER_TOKEN..SESSIONS_PER_TENANT {
            assert_eq!(open(&mut sessions, 2, Delivery::Socket), Ok(()));
        }
        assert!(matches!(open(&mut sessions, 3, Delivery::Poll), Err(SessionRefused::Full(_, SESSIONS_PER_TENANT))));
    }

    #[test]
    fn watch_lists_are_bounded_together() {
        let mut sessions = Sessions::default();
        let each = WATCHED_PER_TENANT / 4;
        let filter = Filter { agents: (0..each as u32).map(AgentNo).collect(), ..Filter::default() };
        let new = NewSession { filter, ..new(1, LeasePolicy::Nothing, Delivery::Poll) };
        for id in 0..4 {
            assert_eq!(sessions.open(SessionId(id), new.clone(), &By::SYSTEM, Time(0)), Ok(()));
        }
        let more = sessions.open(SessionId(4), new, &By::SYSTEM, Time(0));
        assert_eq!(more, Err(SessionRefused::WatchedFull));
        let watches_all = self::new(1, LeasePolicy::Nothing, Delivery::Poll);
        assert_eq!(sessions.open(SessionId(5), watches_all, &By::SYSTEM, Time(0)), Ok(()), "it lists nobody");
        sessions.close(SessionId(0), None, &By::SYSTEM).expect("it lives");
    }
}
