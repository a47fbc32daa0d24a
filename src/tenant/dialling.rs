//! Numbers to parties: what an INVITE, a flow or a command dials, and the ways that lead there.

use super::Tenant;
use super::two_way::Connect;
use super::words::House;
use crate::base::bounds::SELF_MEETINGS;
use crate::base::{ContactId, ExtensionNo, GroupNo, Now, NumberNo, Span, Supplies, TrunkNo};
use crate::call::words::{Act, Arrival, Attempt, Caller, Dial, Limits, Phones, Recorded};
use crate::event::words::{AlarmKind, By, CallKind, EndCause, PartyRef, Side, Speech};
use crate::sdp::Codec;
use crate::sip::words::{Incoming, Target};
use crate::site::{Destination, Origin, ResolveError, Trunk, resolve};

/// How long a phone or an outside party is rung when nobody says otherwise.
pub(super) const RING_DEFAULT: Span = Span::seconds(60);
/// Who calls when an order does not say and the trunk has no number of its own; a From needs a user (RFC 3261 §8.1.1.3).
pub(super) const ANONYMOUS: &str = "anonymous";
/// What our own phones may speak, best first.
const PHONE_CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

/// An originate that acts once its command is on disk.
#[derive(Clone, Debug)]
pub(super) struct Ordered {
    pub contact: ContactId,
    /// Who is rung first.
    pub to: Rung,
    pub from: Option<String>,
    pub then: Next,
    pub by: By,
}

/// What comes when the dialled party of an order has answered.
#[derive(Clone, Debug)]
pub(super) enum Next {
    Flow(String),
    Say(Speech),
    /// He is connected to somebody.
    Connect(Connect),
    /// A recording is played to him, from `start` on; he was rung at `first`.
    Play {
        what: Recorded,
        start: Span,
        first: String,
        by: By,
    },
}

/// Who is rung first for an order.
#[derive(Clone, Debug)]
pub(super) enum Rung {
    Number(String),
    /// An agent's station or a plain phone, which shows `to`.
    Phone {
        extension: ExtensionNo,
        caller: Option<Caller>,
        to: String,
        auto_answer: bool,
    },
    /// The leg of an agent's permanent station, which is there already.
    Line {
        caller: Caller,
        extension: Option<ExtensionNo>,
    },
}

/// The user of From: nobody in particular is told as RFC 3323 section 4.1.1.3 does, as a URI's user is never empty.
fn shown(from: &str) -> String {
    if from.is_empty() { "anonymous".to_owned() } else { from.to_owned() }
}

/// What a call over this trunk shows: a public number as it is, for any other the trunk's own.
pub(super) fn shown_over(trunk: &Trunk, from: &str) -> String {
    match from.starts_with('+') {
        true => from.to_owned(),
        false => trunk.caller_id.clone().unwrap_or_else(|| shown(from)),
    }
}

impl Tenant {
    /// An INVITE that the endpoint let in: a contact is born, whatever becomes of it.
    pub(super) fn arrive(&mut self, incoming: Incoming, now: Now, supplies: &mut Supplies) {
        if let Some(old) = incoming.replaces {
            return self.take_place(old, incoming, now, supplies);
        }
        let origin = match incoming.party {
            PartyRef::Trunk(trunk) => Origin::Trunk(trunk),
            PartyRef::Extension(extension) => Origin::Extension(extension),
        };
        let dialled = resolve(&self.site, &origin, &incoming.dialled);
        let refusal = self.refusal(&incoming, dialled.as_ref(), now);
        let number = match &dialled {
            Ok(Destination::Number { no }) => Some(*no),
            _ => None,
        };
        let looped = incoming.met.len() >= SELF_MEETINGS;
        let arrival = self.arrival(incoming, dialled.as_ref().ok(), number);
        let (from, party) = (arrival.from.clone(), arrival.incoming.party);
        let contact = self.contacts.arrive(arrival, refusal.is_none() && number.is_some(), now, supplies);
        // its birth is told before anything that another room says of it
        self.introduce(now, supplies);
        if looped {
            self.alarm(AlarmKind::Loop, contact);
        }
        if let Some(cause) = refusal {
            self.refuse(contact, cause, now, supplies);
            return;
        }
        match dialled {
            Ok(Destination::Number { no }) => self.answer_by_flow(contact, no, now, supplies),
            Ok(destination) => self.connect_directly(contact, party, &from, destination, now, supplies),
            // `refusal` has refused these.
            Err(_) => {}
        }
    }

    /// Why nothing here takes this call, if so. Emergency calls pass every limit.
    fn refusal(&mut self, incoming: &Incoming, to: Result<&Destination, &ResolveError>, now: Now) -> Option<EndCause> {
        match to {
            Err(ResolveError::NotFound) => Some(EndCause::NotFound),
            Err(ResolveError::Forbidden) => Some(EndCause::Forbidden),
            Ok(Destination::Emergency { .. }) => None,
            _ if incoming.met.len() >= SELF_MEETINGS => Some(EndCause::Loop),
            _ if self.house != House::Open => Some(EndCause::Overloaded),
            Ok(_) if self.is_full(incoming.party, now) => Some(EndCause::Full),
            Ok(_) => None,
        }
    }

    /// The tenant's calls and calls per second, and the trunk's.
    fn is_full(&mut self, party: PartyRef, now: Now) -> bool {
        let limits = self.site.limits;
        let trunk_full = match party {
            PartyRef::Trunk(trunk) => self.trunk_is_full(trunk),
            PartyRef::Extension(_) => false,
        };
        trunk_full || self.contacts.live() >= limits.calls as usize || !self.count_arrival(now)
    }

    /// One more new contact in this second; `false`: the second is full.
    pub(super) fn count_arrival(&mut self, now: Now) -> bool {
        if self.arrivals.0 != now.t.seconds() {
            self.arrivals = (now.t.seconds(), 0);
        }
        self.arrivals.1 += 1;
        self.arrivals.1 <= self.site.limits.cps
    }

    pub(super) fn trunk_is_full(&self, trunk: TrunkNo) -> bool {
        let max = self.site.trunks.get(&trunk).map_or(0, |t| t.max_calls as usize);
        self.contacts.trunk_legs(trunk) >= max
    }

    fn arrival(&self, incoming: Incoming, to: Option<&Destination>, number: Option<NumberNo>) -> Arrival {
        let site = &self.site;
        let number_object = number.and_then(|no| site.numbers.get(&no));
        let extension = match incoming.party {
            PartyRef::Extension(no) => site.extensions.get(&no),
            PartyRef::Trunk(_) => None,
        };
        let internal = matches!((extension, to), (Some(_), Some(Destination::Extension { .. })));
        let from = match extension {
            Some(extension) => extension.number.clone(),
            None => incoming.asserted_user.clone().unwrap_or_else(|| incoming.from_user.clone()),
        };
        let to = match to {
            Some(Destination::Number { no }) => {
                site.numbers.get(no).map_or_else(|| incoming.dialled.clone(), |n| n.number.clone())
            }
            Some(Destination::Trunks { number, .. } | Destination::Emergency { number, .. }) => number.clone(),
            Some(Destination::Extension { .. }) | None => incoming.dialled.clone(),
        };
        let record = match (number_object, extension) {
            (Some(number), _) => number.record,
            (None, Some(extension)) => extension.record,
            (None, None) => false,
        };
        Arrival {
            media_ip: self.sip.media_ip(incoming.interface, incoming.remote.ip()),
            from,
            to,
            number,
            language: number_object.and_then(|n| n.language.clone()).unwrap_or_else(|| site.language.clone()),
            record,
            customer: number.is_some() || extension.is_none(),
            call_kind: if internal { CallKind::Internal } else { CallKind::Main },
            codecs: self.codecs_of(incoming.party),
            limits: self.contact_limits(),
            incoming,
        }
    }

    pub(super) fn contact_limits(&self) -> Limits {
        Limits { call_max: self.site.limits.call_max, hold_max: self.site.limits.hold_max }
    }

    pub(super) fn codecs_of(&self, party: PartyRef) -> Vec<Codec> {
        match party {
            PartyRef::Trunk(trunk) => self.site.trunks.get(&trunk).map(|t| t.codecs.clone()).unwrap_or_default(),
            PartyRef::Extension(_) => PHONE_CODECS.to_vec(),
        }
    }

    pub(super) fn refuse(&mut self, contact: ContactId, cause: EndCause, now: Now, supplies: &mut Supplies) {
        self.contacts.act(contact, Act::Refuse { cause }, now, supplies);
    }

    fn answer_by_flow(&mut self, contact: ContactId, number: NumberNo, now: Now, supplies: &mut Supplies) {
        let flow = self.site.numbers.get(&number).map(|n| n.flow.clone()).unwrap_or_default();
        if self.contacts.is_live(contact) && !self.start_flow(contact, &flow, now, supplies) {
            self.refuse(contact, EndCause::NotFound, now, supplies);
        }
    }

    /// A phone or trunk reaches a party without a flow.
    fn connect_directly(
        &mut self,
        contact: ContactId,
        party: PartyRef,
        from: &str,
        destination: Destination,
        now: Now,
        supplies: &mut Supplies,
    ) {
        let outside = matches!(destination, Destination::Trunks { .. } | Destination::Emergency { .. });
        let shown = match &destination {
            Destination::Trunks { number, .. } if Self::is_phone(party) => {
                self.shown_number(self.agent_at(party), None, number, now, supplies)
            }
            Destination::Trunks { .. }
            | Destination::Emergency { .. }
            | Destination::Extension { .. }
            | Destination::Number { .. } => None,
        };
        match self.attempts(destination, shown.as_deref().unwrap_or(from), now) {
            Ok(ways) => {
                let attempts = Attempt::by_phones(ways);
                let customer = outside && Self::is_phone(party);
                let dial = Dial { attempts, queue: None, ring: RING_DEFAULT, customer, by: By::PARTY };
                self.contacts.act(contact, Act::Dial(Box::new(dial)), now, supplies);
            }
            Err(cause) => self.refuse(contact, cause, now, supplies),
        }
    }

    /// The ways to a destination, best first.
    pub(super) fn attempts(&self, destination: Destination, from: &str, now: Now) -> Result<Vec<Phones>, EndCause> {
        match destination {
            Destination::Extension { no: extension } => {
                if self.acd.is_station_full(extension) {
                    return Err(EndCause::Busy);
                }
                Ok(vec![self.phone_attempt(extension, from, None, now)])
            }
            Destination::Trunks { number, trunks } => {
                let free: Vec<_> = trunks.iter().copied().filter(|t| !self.trunk_is_full(*t)).collect();
                if free.is_empty() {
                    return Err(EndCause::Full);
                }
                Ok(free.into_iter().filter_map(|trunk| self.trunk_attempt(trunk, &number, from)).collect())
            }
            Destination::Emergency { number, trunks } => {
                Ok(trunks.into_iter().filter_map(|trunk| self.trunk_attempt(trunk, &number, from)).collect())
            }
            // A number is answered by its flow, which only callers reach.
            Destination::Number { .. } => Err(EndCause::NotFound),
        }
    }

    pub(super) fn phone_attempt(&self, extension: ExtensionNo, from: &str, name: Option<String>, now: Now) -> Phones {
        let number = self.site.extensions.get(&extension).map(|e| e.number.clone()).unwrap_or_default();
        Phones {
            party: PartyRef::Extension(extension),
            to_user: number.clone(),
            from_user: shown(from),
            from_name: name,
            remote: number,
            codecs: PHONE_CODECS.to_vec(),
            auto_answer: false,
            referred_by: None,
            caller: None,
            targets: self.with_media_ip(self.sip.targets_of_extension(extension, now.t)),
        }
    }

    fn trunk_attempt(&self, trunk: TrunkNo, number: &str, from: &str) -> Option<Phones> {
        let object = self.site.trunks.get(&trunk)?;
        let dialled = object.outbound_form(number);
        let from_user = shown_over(object, from);
        let target = self.sip.target_of_trunk(trunk, &dialled)?;
        Some(Phones {
            party: PartyRef::Trunk(trunk),
            to_user: dialled,
            from_user,
            from_name: None,
            remote: number.to_owned(),
            codecs: object.codecs.clone(),
            auto_answer: false,
            referred_by: None,
            caller: None,
            targets: self.with_media_ip(vec![target]),
        })
    }

    fn with_media_ip(&self, targets: Vec<Target>) -> Vec<(Target, std::net::IpAddr)> {
        targets
            .into_iter()
            .map(|target| {
                let ip = self.sip.media_ip(target.interface, target.remote.ip());
                (target, ip)
            })
            .collect()
    }

    /// An agent's phone shows the caller, and the group he called for.
    pub(super) fn agent_attempt(
        &self,
        extension: ExtensionNo,
        group: Option<GroupNo>,
        contact: ContactId,
        now: Now,
    ) -> Phones {
        let from = self.contacts.caller(contact).unwrap_or_default();
        let group = group.and_then(|group| self.site.groups.get(&group)).map(|g| g.name.clone());
        Phones { auto_answer: self.auto_answers(extension), ..self.phone_attempt(extension, &from, group, now) }
    }

    /// Whether an agent's phone is asked to answer by itself: as he prefers, else as the site says of it.
    pub(super) fn auto_answers(&self, extension: ExtensionNo) -> bool {
        let own = self.acd.holder_preferences(extension).auto_answer;
        own.unwrap_or(self.site.extensions.get(&extension).is_some_and(|e| e.auto_answer))
    }

    /// An agent's number outside, over each trunk of its route that has room, in order; a slot of the one is taken while it
    /// rings. None: all are full, or the site leads there no longer.
    pub(super) fn outside_attempts(&self, number: &str, contact: ContactId, now: Now) -> Vec<Phones> {
        let from = self.contacts.caller(contact).unwrap_or_default();
        match resolve(&self.site, &Origin::Api, number) {
            Ok(out @ Destination::Trunks { .. }) => self.attempts(out, &from, now).unwrap_or_default(),
            Ok(Destination::Number { .. } | Destination::Extension { .. } | Destination::Emergency { .. }) | Err(_) => {
                Vec::new()
            }
        }
    }

    pub(super) fn attempts_of_flow(&self, contact: ContactId, to: &str, now: Now) -> Result<Vec<Phones>, EndCause> {
        let from = self.contacts.caller(contact).unwrap_or_default();
        self.attempts_to(to, Origin::Flow, &from, now)
    }

    pub(super) fn attempts_to(&self, to: &str, origin: Origin, from: &str, now: Now) -> Result<Vec<Phones>, EndCause> {
        match resolve(&self.site, &origin, to) {
            Ok(destination) => self.attempts(destination, from, now),
            Err(ResolveError::NotFound) => Err(EndCause::NotFound),
            Err(ResolveError::Forbidden) => Err(EndCause::Forbidden),
        }
    }

    /// The originate's command is on disk: now it may reach out of the house.
    pub(super) fn committed(&mut self, token: u64, now: Now, supplies: &mut Supplies) {
        let Some(ordered) = self.awaiting_commit.remove(&token) else { return };
        let from = ordered.from.clone().unwrap_or_else(|| ANONYMOUS.to_owned());
        let contact = ordered.contact;
        if !self.contacts.is_live(contact) {
            return;
        }
        let attempts = match &ordered.to {
            Rung::Number(number) => self.attempts_to(number, Origin::Api, &from, now).map(Attempt::by_phones),
            Rung::Phone { extension, caller, to, auto_answer } => {
                let phone = self.phone_attempt(*extension, to, None, now);
                Ok(vec![Phones { auto_answer: *auto_answer, caller: *caller, ..phone }.into()])
            }
            Rung::Line { caller, .. } => Ok(vec![Attempt::Line { agent: caller.agent, caller: Some(*caller) }]),
        };
        match attempts {
            Ok(attempts) => {
                self.ordered_next.insert(contact, ordered.then.clone());
                let customer = matches!(ordered.to, Rung::Number(_));
                let dial = Dial { attempts, queue: None, ring: RING_DEFAULT, customer, by: ordered.by };
                self.contacts.act(contact, Act::Dial(Box::new(dial)), now, supplies);
            }
            Err(cause) => {
                self.contacts.act(contact, Act::Refuse { cause }, now, supplies);
            }
        }
    }

    /// The dialled party of an originate answered: its flow begins, or its text. Nobody answered: the contact has ended
    /// by itself.
    pub(super) fn ordered_dial_ended(
        &mut self,
        contact: ContactId,
        next: Next,
        result: Result<(), EndCause>,
        now: Now,
        supplies: &mut Supplies,
    ) {
        if result.is_err() {
            return;
        }
        let begun = match next {
            Next::Flow(key) => self.start_flow(contact, &key, now, supplies),
            Next::Say(speech) => self.start_saying(contact, speech, now, supplies),
            Next::Connect(connect) => return self.connect_second(contact, connect, now, supplies),
            Next::Play { what, start, first: _, by } => {
                let what = Box::new(what);
                self.contacts.act(contact, Act::StartPlayback { what, start, by }, now, supplies);
                return;
            }
        };
        if !begun {
            let hangup = Act::Hangup { leg: None, cause: EndCause::NotFound, side: Side::System, by: By::SYSTEM };
            self.contacts.act(contact, hangup, now, supplies);
        }
    }
}
