//! INVITE from us: one per fork in parallel, each a call of its own (Call-ID, From tag), because a phone that is
//! registered twice would take a second INVITE of the same call for a merged one (RFC 3261 §8.2.2.2).
//! Owns legs that are dialled. The first 200 wins, the others get CANCEL, a late 200 gets ACK and BYE; without a 200 the
//! best refusal is told (RFC 3261 §16.7 point 6).

use super::session;
use super::wire::ALLOW;
use super::{Cancel, Context, Endpoint, Leg, No, Phase, Role};
use crate::base::LegId;
use crate::base::bounds::FORKS;
use crate::event::words::{EndCause, PartyRef};
use crate::sip::credentials::Credentials;
use crate::sip::dialog::{Dialog, Path};
use crate::sip::front;
use crate::sip::message::{CSeq, Method, Name, NameAddr, Request, Response, Uri};
use crate::sip::words::{Fork, Invite, Tell};

/// ACKs kept of one INVITE: as many far ends as may answer it behind a forking proxy. More get ACK and BYE unkept.
const ACKS: usize = FORKS;
/// How often an INVITE is repeated with a longer session interval.
const RETRIES: u8 = 2;

#[derive(Debug)]
pub(super) struct Dialing {
    invite: Invite,
    forks: Vec<ForkState>,
}

impl Dialing {
    pub(super) fn party(&self) -> PartyRef {
        self.invite.party
    }
}

#[derive(Debug)]
pub(super) struct ForkState {
    pub(super) client: Option<No>,
    call_id: String,
    tag: String,
    pub(super) cseq: u32,
    seconds: u32,
    retries: u8,
    /// The final refusal; true when no response came.
    refused: Option<(u16, bool)>,
    pub(super) credentials: Credentials,
}

/// Who calls. A caller without a number is anonymous (RFC 3323 §4.1): a URI cannot have an empty user.
fn from_uri(user: &str, host: &str) -> Option<Uri> {
    match user {
        "" => Uri::sip(Some("anonymous"), "anonymous.invalid", None),
        user => Uri::sip(Some(user), host, None),
    }
}

impl Endpoint {
    pub(super) fn invite(&mut self, mut invite: Invite, context: &mut Context) {
        let leg = invite.leg;
        if self.legs.contains_key(&leg) {
            return;
        }
        // what is over the bound is not called
        invite.forks.truncate(FORKS);
        let rng = &mut context.supplies.rng;
        let forks: Vec<ForkState> = (invite.forks.iter())
            .map(|_| ForkState {
                client: None,
                call_id: rng.token(24),
                tag: front::new_tag(self.tenant, rng),
                cseq: 1,
                seconds: session::WANTED,
                retries: 0,
                refused: None,
                credentials: Credentials::default(),
            })
            .collect();
        let count = forks.len();
        self.legs.insert(leg, Leg::Dialing(Box::new(Dialing { invite, forks })));
        for fork in 0..count {
            self.call(leg, fork, context);
        }
        self.conclude(leg, context);
    }

    /// Sends the INVITE of one fork; one that cannot be written counts as refused with 500.
    fn call(&mut self, leg: LegId, fork: usize, context: &mut Context) {
        let Some(Leg::Dialing(dialing)) = self.legs.get(&leg) else { return };
        let (Some(state), Some(to)) = (dialing.forks.get(fork), dialing.invite.forks.get(fork)) else { return };
        let target = &to.target;
        let path = Path { interface: target.interface, wire: target.wire, link: target.link, remote: target.remote };
        let parts = (self.new_via(&path, context), self.contact(&path));
        let built = match parts {
            (Some(via), Some(contact)) => self.write_invite(&dialing.invite, to, state, &via, contact),
            (None, _) | (_, None) => None,
        };
        let client =
            built.map(|request| self.send_request(request, path, Role::Fork { fork }, (Some(leg), None), context));
        self.counters.unwritable += u64::from(client.is_none());
        if let Some(state) = self.fork_state(leg, fork) {
            state.client = client;
            if client.is_none() {
                state.refused = Some((500, true));
            }
        }
    }

    fn write_invite(
        &self,
        invite: &Invite,
        fork: &Fork,
        state: &ForkState,
        via: &crate::sip::message::Via,
        contact: NameAddr,
    ) -> Option<Request> {
        let uri = Uri::parse(&fork.target.uri)?;
        let host = contact.uri.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let from = from_uri(&invite.from_user, &host)?;
        let from = NameAddr::new(from).with_display(invite.from_name.as_deref().unwrap_or("")).with_tag(&state.tag);
        let to_host = uri.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let to = NameAddr::new(Uri::sip(Some(&invite.to_user), &to_host, uri.port())?);
        let mut builder =
            Request::builder(Method::Invite, uri).header(Name::Via, via).header(Name::MaxForwards, invite.max_forwards);
        for route in &fork.target.routes {
            builder = builder.header(Name::Route, route);
        }
        builder = builder
            .header(Name::From, from)
            .header(Name::To, to)
            .header(Name::CallId, &state.call_id)
            .header(Name::CSeq, CSeq { number: state.cseq, method: Method::Invite })
            .header(Name::Contact, contact)
            .header(Name::Allow, ALLOW);
        builder = session::write_request(builder, state.seconds, None);
        for (name, value) in &invite.headers {
            builder = builder.named(name, value);
        }
        if !fork.sdp.is_empty() {
            builder = builder.body("application/sdp", fork.sdp.clone());
        }
        builder.build().ok()
    }

    pub(super) fn fork_state(&mut self, leg: LegId, fork: usize) -> Option<&mut ForkState> {
        match self.legs.get_mut(&leg)? {
            Leg::Dialing(dialing) => dialing.forks.get_mut(fork),
            Leg::Inbound { .. } | Leg::Up { .. } => None,
        }
    }

    /// A response, a time-out (408) or a failed transport (503) of one fork.
    pub(super) fn fork_answered(
        &mut self,
        no: No,
        fork: usize,
        status: u16,
        response: Option<&Response>,
        path: Path,
        context: &mut Context,
    ) {
        let Some(tx) = self.clients.get(&no) else { return };
        let (cancel, leg) = (tx.cancel, tx.leg);
        let ours = leg.filter(|leg| self.fork_state(*leg, fork).is_some_and(|state| state.client == Some(no)));
        match (status, response) {
            (..200, response) => {
                if let Cancel::Wanted(cause) = cancel {
                    self.cancel_now(no, cause, context);
                }
                if let (Some(leg), Some(response), 101..) = (ours, response, status) {
                    let sdp = Some(Self::sdp_of(&response.headers, response.body())).filter(|sdp| !sdp.is_empty());
                    self.tell(Tell::Progress { leg, fork, status, sdp });
                }
            }
            (200..300, Some(response)) => match ours {
                Some(leg) => self.won(no, leg, fork, response, path, context),
                None => self.late_success(no, response, path, context),
            },
            (422, Some(response)) if ours.is_some() && self.call_again(leg, fork, response, context) => {}
            (_, response) => {
                if let Some(leg) = ours {
                    if let Some(state) = self.fork_state(leg, fork) {
                        state.refused = Some((status, response.is_none()));
                    }
                    self.conclude(leg, context);
                }
            }
        }
    }

    /// RFC 4028 §7.3: once more with the interval the far end wants.
    fn call_again(&mut self, leg: Option<LegId>, fork: usize, response: &Response, context: &mut Context) -> bool {
        let Some(leg) = leg else { return false };
        let Some(state) = self.fork_state(leg, fork) else { return false };
        let Some(seconds) = session::after_422(&response.headers, state.seconds) else { return false };
        if state.retries >= RETRIES {
            return false;
        }
        (state.seconds, state.retries, state.cseq) = (seconds, state.retries + 1, state.cseq + 1);
        self.call(leg, fork, context);
        true
    }

    /// The first 200: the leg is this dialog from here on.
    fn won(&mut self, no: No, leg: LegId, fork: usize, response: &Response, path: Path, context: &mut Context) {
        let Some(Leg::Dialing(dialing)) = self.legs.get(&leg) else { return };
        let party = dialing.invite.party;
        let offer = dialing.invite.forks.get(fork).map(|fork| fork.sdp.clone()).unwrap_or_default();
        let credentials = dialing.forks.get(fork).map(|state| state.credentials.clone()).unwrap_or_default();
        let others: Vec<No> = dialing.forks.iter().filter_map(|state| state.client).filter(|c| *c != no).collect();
        let Some(dialog) = Dialog::uac(response, path, follows(party)) else { return };
        let timer = session::agreed(&response.headers, context.t());
        let talk = self.open_talk(dialog, party, Some(leg), Phase::Confirmed, context);
        if let Some(entry) = self.talks.get_mut(&talk) {
            entry.takes_update = response.headers.lists(Name::Allow, "UPDATE");
            (entry.sdp, entry.session, entry.credentials) = (offer, timer, credentials);
            entry.transactions += 1;
        }
        if let Some(tx) = self.clients.get_mut(&no) {
            tx.talk = Some(talk);
        }
        self.legs.insert(leg, Leg::Up { talk });
        self.acknowledge(no, talk, response, context);
        self.tell(Tell::Answered { leg, fork, sdp: Self::sdp_of(&response.headers, response.body()) });
        self.tell_dialog(talk);
        for other in others {
            self.cancel(other, EndCause::LostRace, context);
        }
        self.plan_talk(talk);
    }

    /// ACK of a 2xx, kept for when the 2xx comes again (RFC 3261 §13.2.2.4).
    pub(super) fn acknowledge(&mut self, no: No, talk: No, response: &Response, context: &mut Context) {
        let tag = response.headers.to().ok().and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default();
        if self.acknowledge_again(no, &tag, context) {
            return;
        }
        let Some(entry) = self.talks.get(&talk) else { return };
        let path = Path { remote: entry.dialog.next_hop(), ..entry.dialog.path };
        let leg = entry.leg;
        let cseq = response.headers.cseq().map_or(0, |cseq| cseq.number);
        let Some(via) = self.new_via(&path, context) else { return };
        let Some(entry) = self.talks.get(&talk) else { return };
        let mut ack = entry.dialog.request(Method::Ack, cseq, &via);
        if let Some(tx) = self.clients.get(&no) {
            // the credentials of the INVITE (RFC 3261 §13.2.2.4); nobody may challenge an ACK
            let headers = &tx.request.headers;
            ack = ack.copy(headers, Name::Authorization).copy(headers, Name::ProxyAuthorization);
        }
        let built = ack.build();
        let Some(ack) = self.built(built) else { return };
        let bytes = ack.to_bytes();
        if let Some(tx) = self.clients.get_mut(&no).filter(|tx| tx.acks.len() < ACKS) {
            tx.acks.push((tag, path, bytes.clone()));
        }
        self.send_free(&path, bytes, leg, context);
    }

    /// True: this far end's 2xx was acknowledged before, and is now once more.
    fn acknowledge_again(&mut self, no: No, tag: &str, context: &mut Context) -> bool {
        let Some(tx) = self.clients.get(&no) else { return false };
        let Some((_, path, bytes)) = tx.acks.iter().find(|(of, ..)| of == tag) else { return false };
        let (path, bytes, leg) = (*path, bytes.clone(), tx.leg);
        self.send_free(&path, bytes, leg, context);
        true
    }

    /// A 2xx that nobody waits for: a repeat, one that crossed our CANCEL, or of a second far end behind a proxy.
    fn late_success(&mut self, no: No, response: &Response, path: Path, context: &mut Context) {
        let tag = response.headers.to().ok().and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default();
        if self.acknowledge_again(no, &tag, context) {
            return;
        }
        let Some(tx) = self.clients.get(&no) else { return };
        let (cause, taken) = (
            match tx.cancel {
                Cancel::Wanted(cause) => cause,
                Cancel::Sent | Cancel::No => EndCause::LostRace,
            },
            tx.acks.len() >= ACKS,
        );
        if taken {
            return;
        }
        self.finish_stray(Some(no), response, path, cause, context);
    }

    /// A response that matches no transaction. A 2xx to an INVITE of ours, of a process before this one, gets ACK and BYE.
    pub(super) fn stray_response(&mut self, response: &Response, path: Path, context: &mut Context) {
        let is_ours = |response: &Response| {
            let from = response.headers.from().ok()?;
            let invite = response.headers.cseq().ok()?.method == Method::Invite;
            let ours = front::tenant_of(from.tag()?) == Some(self.tenant) && !self.tags.contains_key(from.tag()?);
            Some(ours && invite && response.is_success())
        };
        self.counters.dropped += 1;
        if is_ours(response).unwrap_or(false) {
            self.finish_stray(None, response, path, EndCause::Crash, context);
        }
    }

    fn finish_stray(
        &mut self,
        no: Option<No>,
        response: &Response,
        path: Path,
        cause: EndCause,
        context: &mut Context,
    ) {
        let Some(dialog) = Dialog::uac(response, path, false) else { return };
        // another dialog of ours may have the same From tag (a proxy forked our INVITE): this one is found by nobody
        let shared = self.tags.get(&dialog.local_tag).copied();
        let tag = dialog.local_tag.clone();
        let party = PartyRef::Trunk(crate::base::TrunkNo(u32::MAX));
        let talk = self.open_talk(dialog, party, None, Phase::Confirmed, context);
        let key = no.unwrap_or(0);
        self.acknowledge(key, talk, response, context);
        self.say_bye(talk, cause, context);
        if let Some(other) = shared {
            self.tags.insert(tag, other);
        }
    }

    /// CANCEL to all that ring; a 200 that comes all the same gets ACK and BYE.
    pub(super) fn give_up_dialing(&mut self, leg: LegId, cause: EndCause, context: &mut Context) {
        let Some(Leg::Dialing(dialing)) = self.legs.get(&leg) else { return };
        let open: Vec<No> = dialing.forks.iter().filter(|f| f.refused.is_none()).filter_map(|f| f.client).collect();
        for client in open {
            self.cancel(client, cause, context);
        }
        self.legs.remove(&leg);
    }

    /// When every fork is refused, or one for all (6xx; for an agent's phones a 486): the best refusal is told.
    fn conclude(&mut self, leg: LegId, context: &mut Context) {
        let Some(Leg::Dialing(dialing)) = self.legs.get(&leg) else { return };
        let refused: Vec<(u16, bool)> = dialing.forks.iter().filter_map(|state| state.refused).collect();
        let one_ends = dialing.invite.one_refusal_ends;
        let global = refused.iter().any(|(status, _)| *status >= 600 || (one_ends && *status == 486));
        if refused.len() < dialing.forks.len() && !global {
            return;
        }
        let (status, silent) = best(&refused);
        self.give_up_dialing(leg, EndCause::LostRace, context);
        self.tell(Tell::Failed { leg, status, cause: cause_of(status, silent) });
    }
}

/// A trunk's Contact and Record-Route are followed, a phone is behind NAT until proven otherwise.
fn follows(party: PartyRef) -> bool {
    match party {
        PartyRef::Trunk(_) => true,
        PartyRef::Extension(_) => false,
    }
}

/// RFC 3261 §16.7 point 6: a 6xx first, else the lowest class; within 4xx those that tell the caller what to do, then a
/// refusal by a person before a machine's. No target at all is 480.
fn best(refused: &[(u16, bool)]) -> (u16, bool) {
    let rank = |status: u16| match status {
        600.. => (0, 0, status),
        401 | 407 | 415 | 420 | 484 => (u16::from(status >= 300) + status / 100, 0, status),
        486 => (1 + status / 100, 1, status),
        // a time-out says the least of its class
        408 => (1 + status / 100, 3, status),
        0..600 => (1 + status / 100, 2, status),
    };
    refused.iter().copied().min_by_key(|(status, _)| rank(*status)).unwrap_or((480, true))
}

fn cause_of(status: u16, silent: bool) -> EndCause {
    match status {
        _ if silent => EndCause::Unreachable,
        401 | 407 => EndCause::Unproven,
        486 | 600 => EndCause::Busy,
        404 | 408 | 410 | 430 | 480 => EndCause::Unreachable,
        484 | 604 => EndCause::NotFound,
        415 | 488 | 606 => EndCause::NotAcceptable,
        // A server's trouble and nobody's refusal: another way may lead there (RFC 3261 §21.5).
        500..600 => EndCause::Overloaded,
        _ => EndCause::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_without_a_number_is_anonymous() {
        let rows = [("+861", "sip:+861@192.0.2.1"), ("", "sip:anonymous@anonymous.invalid")];
        for (user, expected) in rows {
            assert_eq!(from_uri(user, "192.0.2.1").map(|uri| uri.as_str().to_owned()).as_deref(), Some(expected));
        }
    }

    #[test]
    fn the_best_refusal_is_chosen_by_class_and_by_what_it_says() {
        let rows: [(&[u16], u16, EndCause); 8] = [
            (&[503], 503, EndCause::Overloaded),
            (&[480, 486], 486, EndCause::Busy),
            (&[408, 404], 404, EndCause::Unreachable),
            (&[503, 486], 486, EndCause::Busy),
            (&[486, 603], 603, EndCause::Rejected),
            (&[500, 302], 302, EndCause::Rejected),
            (&[503, 500], 500, EndCause::Overloaded),
            (&[488], 488, EndCause::NotAcceptable),
        ];
        for (statuses, expected, cause) in rows {
            let refused: Vec<(u16, bool)> = statuses.iter().map(|status| (*status, false)).collect();
            let (status, silent) = best(&refused);
            assert_eq!((status, cause_of(status, silent)), (expected, cause), "{statuses:?}");
        }
        assert_eq!(best(&[]), (480, true));
        assert_eq!(cause_of(503, true), EndCause::Unreachable, "a connection that failed");
    }
}
