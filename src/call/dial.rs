//! Dialling: outbound legs to extensions, agents' stations and trunks, one attempt after the other.

use std::collections::VecDeque;

use super::contact::{Contact, Context, Timer};
use super::end::LegEnd;
use super::leg::{Leg, Offered};
use super::negotiation::LegMedia;
use super::standing::{Home, JOIN_TONE};
use super::supervision::Supervision;
use super::words::{Attempt, Audience, Caller, ChairLeaves, Dial, Does, OfferStep, Phones, Queued, Ring, Tell};
use crate::base::bounds::LEGS_PER_CONTACT;
use crate::base::{CallId, LegId, Span, Time};
use crate::event::Kind;
use crate::event::words::{By, Direction, EndCause, LegRole, OfferEnding, Side};
use crate::media::words::Body;
use crate::sip::words::{Act, Fork, Invite};
use crate::switch::LegPhase;

/// Header that carries the contacts a call has been through, so that a loop is seen.
pub const CONTACT_HEADER: &str = "X-Cordboard-Contact";

/// What makes a phone answer by itself: RFC 5373 section 4.1, and the two conventions that desk phones know. Their URIs
/// are never asked for.
const AUTO_ANSWER: [(&str, &str); 3] = [
    ("Alert-Info", "<sip:auto-answer.invalid>;info=alert-autoanswer"),
    ("Call-Info", "<sip:auto-answer.invalid>;answer-after=0"),
    ("Answer-Mode", "Auto"),
];

/// What a party hears who was dialled to be connected to somebody, when nobody is there (ITU-T E.180), and how
/// often; should its end not be told, it is over after `TONE_MAX`.
const BUSY_TONE: &str = "tones/busy";
const BUSY_TONES: usize = 4;
const TONE_MAX: Span = Span::seconds(5);

/// One dial: parties are tried in order until one answers.
#[derive(Clone, Debug)]
pub(super) struct Dialing {
    pub purpose: Purpose,
    /// The call that whoever answers is in.
    pub call: CallId,
    attempts: VecDeque<Attempt>,
    /// What rings now: one leg, or several where a queue rings all its agents or somebody picks up for another.
    pub legs: Vec<LegId>,
    customer: bool,
    /// `None`: as long as the queue has patience.
    until: Option<Time>,
    pub by: By,
    /// Whom it reaches comes from there.
    pub queue: Option<Queued>,
    /// How the last one ended whom the queue had rung.
    pub last: Option<LegEnd>,
}

impl Dialing {
    pub fn is_invite(&self) -> bool {
        matches!(self.purpose, Purpose::Invite { .. })
    }

    /// Whom the dial has reached, or the first whom it rings.
    pub fn leg(&self) -> Option<LegId> {
        self.legs.first().copied()
    }
}

/// What a dial is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The main party is to be connected, or dialled itself; the tenant is told.
    Connect,
    /// A further party of a call.
    Invite { inviter: LegId, chair_leaves: ChairLeaves },
    /// The target of the contact's transfer.
    Transfer,
    /// A supervisor, for whom nobody waits.
    Supervise,
    /// An agent's station, whose leg is to stay up.
    Stand { confirm: bool },
}

/// What a leg is to be in its contact, however it comes there.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub call: CallId,
    pub role: LegRole,
    pub offered: Option<Offered>,
    pub caller: Option<Caller>,
    pub supervision: Option<Box<Supervision>>,
}

impl Part {
    pub fn new(call: CallId, role: LegRole, attempt: &Attempt) -> Self {
        Self { call, role, offered: None, caller: attempt.caller(), supervision: None }
    }

    /// Until somebody is there.
    pub fn does(&self) -> Does {
        let for_nobody = self.offered.is_none() && self.supervision.is_none();
        if self.caller.is_some() || for_nobody { Does::Dials } else { Does::Talks }
    }
}

impl Contact {
    pub fn dial(&mut self, context: &mut Context, dial: Dial) {
        self.marks.dialled = true;
        let call = self.main_call();
        self.start_dial(context, dial, Purpose::Connect, call);
    }

    pub fn start_dial(&mut self, context: &mut Context, dial: Dial, purpose: Purpose, call: CallId) {
        let until = dial.queue.is_none().then(|| context.t() + dial.ring);
        let Dial { attempts, queue, customer, by, ring: _ } = dial;
        let attempts = attempts.into();
        let dialing = Dialing { purpose, call, attempts, legs: Vec::new(), customer, until, by, queue, last: None };
        if dialing.queue.is_some() {
            return self.await_queue(dialing);
        }
        let last = LegEnd { cause: EndCause::Unreachable, side: Side::System, status: None };
        self.next_attempt(context, dialing, last);
    }

    /// Rings the next target; with none left the dial is over with how the last one ended.
    fn next_attempt(&mut self, context: &mut Context, mut dialing: Dialing, mut last: LegEnd) {
        while let Some(attempt) = dialing.attempts.pop_front() {
            let role = match (attempt.caller(), dialing.customer) {
                _ if self.standing.is_some() => LegRole::Agent,
                (Some(_), _) => LegRole::Agent,
                (None, true) => LegRole::Customer,
                (None, false) => LegRole::Other,
            };
            let home = match dialing.purpose {
                Purpose::Stand { confirm } => self.at_home(confirm),
                Purpose::Connect | Purpose::Invite { .. } | Purpose::Transfer | Purpose::Supervise => None,
            };
            let part = Part::new(dialing.call, role, &attempt);
            match self.ring_out(context, attempt, part, home) {
                Ok(leg) => {
                    dialing.legs = vec![leg];
                    self.dialings.push(dialing);
                    self.watch_dials();
                    return self.lent_answers(context, leg);
                }
                Err(cause) => last = LegEnd { cause, side: Side::System, status: None },
            }
        }
        self.dial_over(context, &dialing, Err(last));
    }

    /// A supervisor's phone rings; nothing of the others waits for it.
    pub fn await_supervisor(&mut self, context: &mut Context, leg: LegId, ring: Span, by: By) {
        let (purpose, call, until) = (Purpose::Supervise, self.main_call(), Some(context.t() + ring));
        let (attempts, legs, queue, last) = (VecDeque::new(), vec![leg], None, None);
        self.dialings.push(Dialing { purpose, call, attempts, legs, customer: false, until, by, queue, last });
        self.watch_dials();
    }

    /// Somebody is dialled for whom the others wait.
    pub fn awaits_dial(&self) -> bool {
        self.dialings.iter().any(|d| d.purpose != Purpose::Supervise)
    }

    /// The dial that made this leg and waits for its answer, taken out.
    pub fn take_dialing(&mut self, leg: LegId) -> Option<Dialing> {
        let at = self.dialings.iter().position(|d| d.legs.contains(&leg))?;
        let dialing = self.dialings.remove(at);
        self.watch_dials();
        Some(dialing)
    }

    /// A dial of another contact goes on here, for the transfer.
    pub fn adopt_dialing(&mut self, dialing: Dialing, call: CallId) {
        self.dialings.push(Dialing { purpose: Purpose::Transfer, call, customer: false, ..dialing });
        self.watch_dials();
    }

    /// What rings for this purpose.
    pub fn rung_for(&self, purpose: Purpose) -> &[LegId] {
        self.dialings.iter().find(|d| d.purpose == purpose).map_or(&[], |d| &d.legs)
    }

    /// Phones that ring for somebody by their own number: no queue and no supervisor has them rung.
    pub fn rings_directly(&self, leg: LegId) -> bool {
        let direct = |d: &Dialing| match d.purpose {
            Purpose::Connect | Purpose::Invite { .. } | Purpose::Transfer => d.queue.is_none(),
            Purpose::Supervise | Purpose::Stand { .. } => false,
        };
        self.dialings.iter().any(|d| direct(d) && d.legs.contains(&leg)) && self.main != Some(leg)
    }

    /// Another phone rings as well for whom this leg rings: who answers first has him.
    pub fn pick_up(&mut self, context: &mut Context, rung: LegId, attempt: Attempt, ring: Span) {
        let Some(call) = self.dialings.iter().find(|d| d.legs.contains(&rung)).map(|d| d.call) else { return };
        let until = context.t() + ring;
        // One that does not ring costs nobody anything: the other rings on.
        let part = Part::new(call, LegRole::Other, &attempt);
        let Ok(leg) = self.ring_out(context, attempt, part, None) else { return };
        if let Some(dialing) = self.dialings.iter_mut().find(|d| d.legs.contains(&rung)) {
            dialing.legs.push(leg);
            dialing.until = dialing.until.max(Some(until));
        }
        self.watch_dials();
        self.lent_answers(context, leg);
    }

    /// What this leg rings for.
    pub fn purpose_of(&self, leg: LegId) -> Option<Purpose> {
        self.dialings.iter().find(|d| d.legs.contains(&leg)).map(|d| d.purpose)
    }

    pub fn is_dialled(&self, leg: LegId) -> bool {
        self.purpose_of(leg).is_some()
    }

    /// Whoever answers the dial of this leg is in another call.
    pub fn redirect_dial(&mut self, leg: LegId, call: CallId) {
        if let Some(dialing) = self.dialings.iter_mut().find(|d| d.legs.contains(&leg)) {
            dialing.call = call;
        }
    }

    /// A dial for a talk that is over, and what rings for it: who is left of it, if anybody, has gone on to a flow.
    pub fn orphaned_invite(&self) -> Option<(CallId, Vec<LegId>)> {
        // Who began it alone waits for the first to come.
        let least = if self.is_convened() { 0 } else { 1 };
        let talks = |d: &Dialing| self.talkers(d.call).filter(|l| !d.legs.contains(&l.id)).nth(least).is_some();
        self.dialings.iter().find(|d| d.is_invite() && !talks(d)).map(|d| (d.call, d.legs.clone()))
    }

    /// Who asked for those who are being invited.
    pub fn inviters(&mut self) -> impl Iterator<Item = &mut LegId> {
        self.dialings.iter_mut().filter_map(|d| match &mut d.purpose {
            Purpose::Invite { inviter, .. } => Some(inviter),
            Purpose::Connect | Purpose::Transfer | Purpose::Supervise | Purpose::Stand { .. } => None,
        })
    }

    /// Somebody further is being rung.
    pub fn invites(&self) -> bool {
        self.dialings.iter().any(Dialing::is_invite)
    }

    /// The main party is gone: nothing is dialled for it any longer.
    pub fn drop_connect_dials(&mut self, context: &mut Context) {
        self.give_up_dials(context, |d| d.purpose == Purpose::Connect);
    }

    /// Dials are given up; whoever rings for them is ended by the caller.
    pub fn drop_dials(&mut self, context: &mut Context) {
        self.give_up_dials(context, |_| true);
    }

    pub fn watch_dials(&mut self) {
        let until = self.dialings.iter().filter_map(|d| d.until).min();
        self.timers.set(Timer::RingOver, until);
    }

    /// A dialled leg ended before its answer: a called party that will not take the call ends the dial, a way that does
    /// not lead there gives the next one its turn.
    pub fn attempt_failed(&mut self, context: &mut Context, mut dialing: Dialing, leg: LegId, end: LegEnd) {
        dialing.legs.retain(|other| *other != leg);
        if dialing.queue.is_some() {
            dialing.last = Some(end);
            return self.await_queue(dialing);
        }
        // Another phone still rings for it.
        if !dialing.legs.is_empty() {
            self.dialings.push(dialing);
            return self.watch_dials();
        }
        if self.main.is_some_and(|m| self.leg(m).is_some_and(|l| !l.is_live())) {
            self.main = None;
        }
        match leads_nowhere(end.cause) {
            true => self.next_attempt(context, dialing, end),
            false => self.dial_over(context, &dialing, Err(end)),
        }
    }

    pub fn dial_over(&mut self, context: &mut Context, dialing: &Dialing, result: Result<(), LegEnd>) {
        match dialing.purpose {
            Purpose::Connect => self.connect_over(context, result),
            Purpose::Invite { inviter, chair_leaves } => {
                let whom = (dialing.call, dialing.leg(), dialing.by.clone());
                self.invite_over(context, whom, (inviter, chair_leaves), result.err().map(|end| end.cause));
            }
            Purpose::Transfer => self.target_dialled(context, dialing.leg(), result),
            // Told when his leg answers or ends.
            Purpose::Supervise => {}
            Purpose::Stand { .. } => result.err().into_iter().for_each(|end| self.mark_ending(end)),
        }
    }

    fn connect_over(&mut self, context: &mut Context, result: Result<(), LegEnd>) {
        self.tell(context, Tell::DialEnded(result.map_err(|end| end.cause)));
        let Err(end) = result else { return };
        if self.flow_holds {
            return;
        }
        self.mark_ending(end);
        match self.main {
            // A final status says it to a caller; who was dialled himself hears it.
            Some(main) if self.is_answered(main) && self.two_way => self.play_busy_tone(context),
            Some(main) => self.release_leg(context, main, end.cause, end.side),
            None => self.marks.dialled = true,
        }
    }

    /// Whom the main party is to be connected to cannot even be dialled.
    pub fn not_connected(&mut self, context: &mut Context, cause: EndCause) {
        self.marks.dialled = true;
        self.connect_over(context, Err(LegEnd { cause, side: Side::System, status: None }));
    }

    fn play_busy_tone(&mut self, context: &mut Context) {
        self.start_prompt(context, vec![BUSY_TONE.into(); BUSY_TONES]);
        self.timers.set(Timer::ToneOver, Some(context.t() + TONE_MAX));
    }

    /// That nobody is there is being told to the main party.
    pub fn hears_tone(&self) -> bool {
        self.timers.is_set(Timer::ToneOver)
    }

    /// The main party has heard that nobody is there.
    pub fn tone_over(&mut self, context: &mut Context) {
        self.timers.set(Timer::ToneOver, None);
        if let Some(ending) = self.ended_by {
            self.release_all(context, ending.cause, ending.side);
        }
    }

    /// Dials that have rung long enough.
    pub fn ring_over(&mut self, context: &mut Context) {
        let t = context.t();
        let mut rung_out = Vec::new();
        for dialing in self.dialings.iter_mut().filter(|d| d.until.is_some_and(|until| until <= t)) {
            dialing.attempts.clear();
            rung_out.extend(&dialing.legs);
        }
        for leg in rung_out {
            self.release_leg(context, leg, EndCause::NoAnswer, Side::System);
        }
        self.watch_dials();
    }

    /// The dialled leg answered; another that rang for the same has lost the race.
    pub fn dial_answered(&mut self, context: &mut Context, leg: LegId) {
        let Some(mut dialing) = self.take_dialing(leg) else { return };
        let rung = std::mem::replace(&mut dialing.legs, vec![leg]);
        // Those whom a queue has rung are called off by it.
        for other in rung.into_iter().filter(|&other| other != leg && dialing.queue.is_none()) {
            self.release_leg(context, other, EndCause::LostRace, Side::System);
        }
        self.dial_over(context, &dialing, Ok(()));
    }

    pub fn ring_agent(&mut self, context: &mut Context, ring: Ring) {
        let offered = Offered {
            offer: ring.offer,
            item: ring.item,
            agent: ring.agent,
            group: ring.group,
            segment: Some(ring.segment),
            connected: false,
            confirm: ring.confirm,
            over: false,
        };
        let gone = self.sealed || (self.dialing_of_item(ring.item).is_none() && self.waiting.is_none());
        if gone {
            let step = OfferStep::Ended { ending: OfferEnding::CallerLeft, sip_status: None };
            return self.tell(context, Tell::Offer { offer: ring.offer, step });
        }
        self.ring_ways(context, offered, ring.attempts.into(), OfferStep::NoWay);
    }

    /// Rings an agent's station by the first way that is open; with none left the offer ends so, or as the last way did.
    pub fn ring_ways(
        &mut self,
        context: &mut Context,
        offered: Offered,
        mut ways: VecDeque<Attempt>,
        mut step: OfferStep,
    ) {
        let call = self.dialing_of_item(offered.item).map(|d| d.call).unwrap_or(self.main_call());
        while let Some(attempt) = ways.pop_front() {
            let part = Part { offered: Some(offered), ..Part::new(call, LegRole::Agent, &attempt) };
            match self.ring_out(context, attempt, part, None) {
                Ok(leg) => {
                    self.dialing_of_item(offered.item).into_iter().for_each(|d| d.legs.push(leg));
                    self.leg_mut(leg)
                        .into_iter()
                        .for_each(|l| l.ways = std::mem::take(&mut ways).into_iter().collect());
                    return self.lent_answers(context, leg);
                }
                Err(EndCause::Unreachable) => {
                    step = OfferStep::Ended { ending: OfferEnding::Unreachable, sip_status: None };
                }
                // We are full: that says nothing of the station.
                Err(_) => step = OfferStep::NoWay,
            }
        }
        self.tell(context, Tell::Offer { offer: offered.offer, step });
    }

    /// One further leg. `home`: where it is to rest, if it is rung to stay up.
    pub fn ring_out(
        &mut self,
        context: &mut Context,
        attempt: Attempt,
        part: Part,
        home: Option<Home>,
    ) -> Result<LegId, EndCause> {
        let is_full = self.live_legs().count() >= LEGS_PER_CONTACT;
        match attempt {
            Attempt::Phones(phones) if phones.targets.is_empty() => Err(EndCause::Unreachable),
            Attempt::Phones(_) | Attempt::Line { .. } if is_full => Err(EndCause::Full),
            Attempt::Phones(phones) => self.ring_phones(context, *phones, part, home),
            Attempt::Line { .. } => self.seat_lent(context, part),
        }
    }

    /// An outbound leg, with an INVITE to each phone of the party.
    fn ring_phones(
        &mut self,
        context: &mut Context,
        phones: Phones,
        part: Part,
        home: Option<Home>,
    ) -> Result<LegId, EndCause> {
        let id = LegId(context.supplies.ids.mint(context.now.t));
        let mut media = LegMedia::new(self.codecs_for(&phones.codecs));
        let Ok(offers) = media.ring(&phones.targets, context.supplies) else {
            for ports in media.take_unused_ports() {
                self.media(context, Body::ReturnPorts(ports));
            }
            return Err(EndCause::Overloaded);
        };
        let forks = phones.targets.into_iter().zip(offers).map(|((target, _), sdp)| Fork { target, sdp }).collect();
        let does = part.does();
        let Part { call, role, offered, caller, supervision } = part;
        let leg = Leg {
            id,
            call,
            role,
            direction: Direction::Outbound,
            party: phones.party,
            remote: phones.remote,
            phase: LegPhase::Calling,
            since: context.t(),
            offered,
            caller,
            supervision,
            media,
            progress: 0,
            heard: false,
            held_since: None,
            away_since: None,
            muted_from: false,
            muted_to: false,
            passes_to: None,
            does,
            probing: false,
            ways: Box::default(),
            pressed: Default::default(),
            home,
        };
        self.open_leg(context, leg);
        let invite = Invite {
            leg: id,
            party: phones.party,
            forks,
            from_user: phones.from_user,
            from_name: phones.from_name,
            to_user: phones.to_user,
            max_forwards: self.max_forwards,
            one_refusal_ends: matches!(role, LegRole::Agent | LegRole::Supervisor),
            headers: self.headers(phones.auto_answer, phones.referred_by),
        };
        self.sip(context, Act::Invite(Box::new(invite)));
        Ok(id)
    }

    fn headers(&self, auto_answer: bool, referred_by: Option<String>) -> Vec<(String, String)> {
        let mut headers = vec![(CONTACT_HEADER.to_owned(), self.met.join(", "))];
        if auto_answer {
            headers.extend(AUTO_ANSWER.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        headers.extend(referred_by.map(|uri| ("Referred-By".to_owned(), format!("<{uri}>"))));
        headers
    }

    /// The leg is a part of the contact and its call from here on.
    pub fn open_leg(&mut self, context: &mut Context, leg: Leg) {
        let Leg { direction, role, party, ref remote, .. } = leg;
        let kind = Kind::LegCreated { direction, role, party, remote: remote.clone() };
        self.seat(context, leg, kind);
    }

    /// As a leg is that stays up and was at rest before it came here.
    pub fn open_lent(&mut self, context: &mut Context, leg: Leg) {
        let Leg { direction, role, party, ref remote, since, .. } = leg;
        let (remote, answered) = (remote.clone(), Some(since));
        let kind = Kind::LegMoved { from: None, to: self.id, direction, role, party, remote, answered };
        self.seat(context, leg, kind);
    }

    fn seat(&mut self, context: &mut Context, leg: Leg, kind: Kind) {
        let id = leg.id;
        let (is_customer, by_offer) = (leg.role == LegRole::Customer, leg.offered.is_some());
        let watches = leg.watches().is_some();
        self.legs.push(leg);
        if is_customer {
            self.customer = Some(id);
        }
        if self.main.is_none() && !by_offer && !watches && self.standing.is_none() {
            self.main = Some(id);
            self.room.main_segment = Some(crate::base::SegmentId(context.supplies.ids.mint(context.now.t)));
        }
        self.journal_leg(context, id, By::SYSTEM, kind);
        self.journal_leg(context, id, By::SYSTEM, Kind::CallJoined);
        if let Some(busy) = self.busy_tell(id, true) {
            self.tell(context, busy);
        }
    }

    /// The leg of a station that is up needs no INVITE: its far end hears a tone, and is there.
    pub fn lent_answers(&mut self, context: &mut Context, leg: LegId) {
        if !self.leg(leg).is_some_and(Leg::is_up) {
            return;
        }
        self.announce(context, Audience::Leg(leg), vec![JOIN_TONE.to_owned()], By::SYSTEM);
        self.picked_up(context, leg);
    }

    /// As long as whoever answered may take for it.
    pub fn await_dial_until(&mut self, leg: LegId, until: Time) {
        self.dialings.iter_mut().filter(|d| d.legs.contains(&leg)).for_each(|d| d.until = Some(until));
        self.watch_dials();
    }

    /// The codec of the party that waits comes first, so that nothing has to be converted.
    fn codecs_for(&self, theirs: &[crate::sdp::Codec]) -> Vec<crate::sdp::Codec> {
        let first = self.main_leg().and_then(|l| l.media.codec());
        let mut codecs: Vec<_> = first.into_iter().filter(|c| theirs.contains(c)).collect();
        codecs.extend(theirs.iter().copied().filter(|c| Some(*c) != first));
        codecs
    }
}

/// The way did not lead to the called party, so another may; else he, or we, will not have it.
pub(super) fn leads_nowhere(cause: EndCause) -> bool {
    match cause {
        EndCause::Unreachable
        | EndCause::Overloaded
        | EndCause::Full
        | EndCause::NotAcceptable
        | EndCause::Unproven
        | EndCause::SignallingLost
        | EndCause::InternalError => true,
        EndCause::HungUp
        | EndCause::Cancelled
        | EndCause::Rejected
        | EndCause::Busy
        | EndCause::NoAnswer
        | EndCause::NotFound
        | EndCause::Forbidden
        | EndCause::FlowEnded
        | EndCause::Released
        | EndCause::PeerLeft
        | EndCause::LostRace
        | EndCause::Rescinded
        | EndCause::MediaLost
        | EndCause::TooLong
        | EndCause::Crash
        | EndCause::Drained
        | EndCause::Loop => false,
    }
}
