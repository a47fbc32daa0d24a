//! Trunks that challenge us: a request that got 401 or 407 is sent once more with credentials (RFC 3261 §22.2, §22.3).
//! Owns which requests are proven and with whose account; [`Credentials`] own what was asked and when it is enough.
//! Later requests of the call carry credentials from the start. ACK has those of its INVITE, CANCEL has none (§22.1).

use super::{Cancel, Context, Endpoint, Leg, No, Role};
use crate::base::LegId;
use crate::base::bounds::PROOFS_PER_REQUEST;
use crate::event::words::PartyRef;
use crate::sip::credentials::{Credentials, Verdict};
use crate::sip::dialog::Path;
use crate::sip::message::{BuildError, CSeq, Name, Request, Response};
use crate::site::Account;

impl Endpoint {
    /// Adds what this call was asked for before; nothing when it was not.
    pub(super) fn prove(
        &mut self,
        request: &mut Request,
        path: &Path,
        role: &Role,
        (leg, talk): (Option<LegId>, Option<No>),
        context: &mut Context,
    ) {
        let Some(account) = self.account(path, role, (leg, talk)) else { return };
        let Some(credentials) = self.credentials(role, (leg, talk)) else { return };
        let proven = credentials.prove(request, &account, &mut context.supplies.rng);
        self.built(proven);
    }

    /// True: the response was a challenge and the request is out again. False: it is for those who sent the request.
    pub(super) fn proves_again(&mut self, no: No, response: &Response, context: &mut Context) -> bool {
        if !matches!(response.status, 401 | 407) {
            return false;
        }
        let Some(tx) = self.clients.get(&no) else { return false };
        let (path, role, of, proofs) = (tx.path, tx.role.clone(), (tx.leg, tx.talk), tx.proofs);
        let (given_up, mut request) = (tx.cancel != Cancel::No, tx.request.clone());
        if given_up || self.account(&path, &role, of).is_none() || !self.is_current(no, &role, of.0) {
            return false;
        }
        let Some(credentials) = self.credentials(&role, of) else { return false };
        let verdict = credentials.challenged(&request.headers, &response.headers);
        if verdict == Verdict::Refused || proofs >= PROOFS_PER_REQUEST {
            self.counters.unproven += 1;
            tracing::debug!(method = request.method.as_str(), status = response.status, "credentials refused");
            return false;
        }
        let renewed = self.renew(&mut request, &path, &role, of, context);
        let Some(Ok(())) = renewed else {
            self.counters.unwritable += 1;
            return false;
        };
        let again = self.send_request(request, path, role.clone(), of, context);
        if let Some(tx) = self.clients.get_mut(&again) {
            tx.proofs = proofs + 1;
        }
        if let (Role::Fork { fork }, Some(leg)) = (role, of.0)
            && let Some(state) = self.fork_state(leg, fork)
        {
            state.client = Some(again);
        }
        true
    }

    /// Another transaction of the same call: next CSeq, new branch (RFC 3261 §22.2).
    fn renew(
        &mut self,
        request: &mut Request,
        path: &Path,
        role: &Role,
        (leg, talk): (Option<LegId>, Option<No>),
        context: &mut Context,
    ) -> Option<Result<(), BuildError>> {
        let number = match (role, talk.and_then(|talk| self.talks.get_mut(&talk))) {
            (Role::Fork { fork }, _) => {
                let state = self.fork_state(leg?, *fork)?;
                state.cseq += 1;
                state.cseq
            }
            (_, Some(entry)) => {
                let (number, grown) = entry.dialog.next_cseq();
                if grown {
                    self.tell_dialog(talk?);
                }
                number
            }
            (_, None) => return None,
        };
        let via = self.new_via(path, context)?;
        let method = request.method.clone();
        let headers = &mut request.headers;
        Some(headers.set(Name::CSeq, CSeq { number, method }).and_then(|()| headers.set(Name::Via, via)))
    }

    /// An INVITE that was given up, or followed by another, is not sent again.
    fn is_current(&mut self, no: No, role: &Role, leg: Option<LegId>) -> bool {
        match role {
            Role::Fork { fork } => {
                leg.and_then(|leg| self.fork_state(leg, *fork)).is_some_and(|state| state.client == Some(no))
            }
            Role::Parting | Role::Refresh | Role::Digit | Role::Probe | Role::Notify { .. } | Role::Watch { .. } => {
                true
            }
        }
    }

    fn credentials(&mut self, role: &Role, (leg, talk): (Option<LegId>, Option<No>)) -> Option<&mut Credentials> {
        match role {
            Role::Fork { fork } => Some(&mut self.fork_state(leg?, *fork)?.credentials),
            Role::Parting | Role::Refresh | Role::Digit | Role::Probe | Role::Notify { .. } => {
                Some(&mut self.talks.get_mut(&talk?)?.credentials)
            }
            // a phone has no business with who we are
            Role::Watch { .. } => None,
        }
    }

    /// Who we are towards the far end of a request. A dialog that outlived its trunk's number, of a process before this
    /// one, has the trunk that is called at the same address.
    fn account(&self, path: &Path, role: &Role, (leg, talk): (Option<LegId>, Option<No>)) -> Option<Account> {
        let party = match role {
            Role::Fork { .. } => match self.legs.get(&leg?)? {
                Leg::Dialing(dialing) => dialing.party(),
                Leg::Inbound { .. } | Leg::Up { .. } => return None,
            },
            Role::Parting | Role::Refresh | Role::Digit | Role::Probe | Role::Notify { .. } => {
                self.talks.get(&talk?)?.party
            }
            Role::Watch { .. } => return None,
        };
        let PartyRef::Trunk(no) = party else { return None };
        let at_its_address = || {
            self.site.trunks.values().find(|t| t.send.ip == Some(path.remote.ip()) && t.send.port == path.remote.port())
        };
        self.site.trunks.get(&no).or_else(at_its_address)?.account.clone()
    }
}
