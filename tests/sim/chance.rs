//! Verbs by chance: what a random client asks of the house as it is now. Most of it fits the state, some of it cannot.
//! Owns which verb comes next and whom it names. Leaves who calls whom to `day`, and looking on to `world` and `check`:
//! what was refused has had no effect, what was accepted breaks no invariant.

use cordboard::acd::open::OpenOffer;
use cordboard::base::{AgentNo, CallId, ContactId, GroupNo, LegId, Rng, SessionId, Span, Time, TrunkNo};
use cordboard::event::Filter;
use cordboard::event::session::{Delivery, Lease, LeasePolicy};
use cordboard::event::words::{
    Actor, AfterCall, Display, OfferPhase, OnTimeout, Preferences, SupervisionMode, TransferMode,
};
use cordboard::switch::session::NewSession;
use cordboard::switch::{
    AgentVerb, Answer, Body, CallTarget, CallVerb, Caller, ChairLeaves, Command, ConferenceChange, ConsultVerb,
    ContactState, Force, Hearers, LegPhase, LegState, LookedUpBy, Lookup, OfferVerb, Play, PlaybackVerb, Query,
    RecordVerb, SessionVerb, Snapshot, TwoWay, Watch, Who,
};

use crate::world::World;

/// Where numbers lead: phones, agents' phones, outside, flows, nobody, nowhere.
const NUMBERS: [&str; 9] = ["1900", "1901", "1902", "1001", "1003", "913800000000", "9002", "+864008000001", "7777"];
const SOUNDS: [&str; 2] = ["en-US/thank-you-for-waiting", "no/such/sound"];
/// The token that asks.
const TOKEN: u32 = 1;
/// `identity` returns whom it was lent.
const FLOWS: [&str; 4] = ["direct", "callback", "identity", "no-such-flow"];

/// A client that knows what is alive.
pub struct Client<'a> {
    pub rng: &'a mut Rng,
    pub agents: &'a [AgentNo],
    pub groups: &'a [GroupNo],
    pub memory: &'a mut Memory,
}

/// What a client remembers from one verb to the next.
#[derive(Default)]
pub struct Memory {
    announced: Option<(ContactId, Hearers)>,
    /// Sessions that were opened; some of them have lapsed since.
    sessions: Vec<SessionId>,
    /// Previews: whom they are shown to.
    previews: Vec<(AgentNo, ContactId)>,
}

impl Memory {
    /// What was answered to a command of this client.
    pub fn answered(&mut self, body: &Body, answer: &Answer) {
        match (body, answer) {
            (Body::Session(SessionVerb::Open(_)), Answer::Accepted { snapshot: Snapshot::Sessions(opened) }) => {
                self.sessions.extend(opened.iter().map(|session| session.session));
            }
            (Body::Preview { order, .. }, Answer::Accepted { snapshot: Snapshot::Contacts(shown) }) => {
                let Caller::Agent(agent) = order.by else { return };
                self.previews.extend(shown.iter().map(|contact| (agent, contact.contact)));
            }
            _ => {}
        }
    }
}

fn one_of<T: Copy>(rng: &mut Rng, of: &[T]) -> Option<T> {
    (!of.is_empty()).then(|| of[rng.below(of.len() as u64) as usize])
}

impl Client<'_> {
    /// The next command, about something that is alive; `None`: nothing is.
    pub fn command(&mut self, world: &mut World) -> Option<Command> {
        let contacts = live(world);
        let tenant = world.tenant.as_ref()?;
        let shown = |agent: &AgentNo| tenant.acd().snapshot(*agent).map(|snapshot| (*agent, snapshot.display));
        let shown: Vec<(AgentNo, Display)> = self.agents.iter().filter_map(shown).collect();
        let offers = tenant.acd().open().offers;
        let body = match self.rng.below(100) {
            0..5 => self.session()?,
            5..8 => self.preview()?,
            8..15 => self.offer(&offers).or_else(|| self.preference())?,
            15..17 => self.preference()?,
            17 => self.convene()?,
            18..20 => self.play(&contacts, world.t)?,
            20 => Body::Query(Query::Resolve(self.lookup()?)),
            21..24 => self.of_those_with_the_house(&contacts)?,
            _ => self.body(&contacts, &shown)?,
        };
        Some(Command { id: None, actor: Actor::Integration(TOKEN), body })
    }

    /// A client comes, shows that it lives, or goes; most of them forget to, and their leases lapse.
    fn session(&mut self) -> Option<Body> {
        let known = self.memory.sessions.len();
        let verb = match self.rng.below(10) {
            0..5 => {
                let policies = [LeasePolicy::Nothing, LeasePolicy::NotReady, LeasePolicy::SignOut];
                let length = Span::seconds(20 + self.rng.below(100) as i64);
                let lease =
                    Some(Lease { length, policy: one_of(self.rng, &policies)? }).filter(|_| self.rng.chance(0.9));
                let agent = self.agent().filter(|_| self.rng.chance(0.9));
                let delivery = if self.rng.chance(0.5) { Delivery::Socket } else { Delivery::Poll };
                SessionVerb::Open(NewSession { token: TOKEN, agent, delivery, filter: Filter::default(), lease })
            }
            5..8 => SessionVerb::Renew { session: one_of(self.rng, &self.memory.sessions)?, of: Some(TOKEN) },
            _ => {
                let at = self.rng.below(known.max(1) as u64) as usize;
                let session = (at < known).then(|| self.memory.sessions.swap_remove(at))?;
                SessionVerb::Close { session, of: Some(TOKEN) }
            }
        };
        Some(Body::Session(verb))
    }

    /// An agent is shown whom he may call, or says whether he does.
    fn preview(&mut self) -> Option<Body> {
        let known = self.memory.previews.len();
        if known > 0 && self.rng.chance(0.6) {
            let (agent, contact) = self.memory.previews.swap_remove(self.rng.below(known as u64) as usize);
            return Some(Body::Decide { agent, contact, dial: self.rng.chance(0.6) });
        }
        let order = TwoWay { by: Caller::Agent(self.agent()?), ..self.two_way()? };
        let on_timeout = if self.rng.chance(0.5) { OnTimeout::Skip } else { OnTimeout::Dial };
        Some(Body::Preview { order, timeout: Span::seconds(5 + self.rng.below(20) as i64), on_timeout })
    }

    /// An agent begins a conference, with nobody yet.
    fn convene(&mut self) -> Option<Body> {
        let order = self.two_way()?;
        Some(Body::TwoWay(TwoWay { by: Caller::Agent(self.agent()?), to: None, ..order }))
    }

    /// A recording is played to an agent, or something is done with one that plays.
    fn play(&mut self, contacts: &[ContactState], t: Time) -> Option<Body> {
        let played: Vec<ContactId> = contacts.iter().filter(|c| c.playback.is_some()).map(|c| c.contact).collect();
        if let Some(contact) = one_of(self.rng, &played).filter(|_| self.rng.chance(0.7)) {
            let verb = self.playback();
            return Some(Body::Call { contact, verb: CallVerb::Playback { verb } });
        }
        let (agent, length) = (self.agent()?, Span::seconds(10 + self.rng.below(60) as i64));
        let start = Span::seconds(self.rng.below(10) as i64);
        let (of, file) = (ContactId(t.0 as u64), "sim/2026-03-02/77.wav".to_owned());
        Some(Body::Play(Play { agent, of, segment: None, file, from: Span::ZERO, length, start }))
    }

    fn playback(&mut self) -> PlaybackVerb {
        match self.rng.below(10) {
            0..3 => PlaybackVerb::Pause,
            3..6 => PlaybackVerb::Resume,
            6 => PlaybackVerb::SeekTo(Span::seconds(self.rng.below(70) as i64)),
            7 | 8 => PlaybackVerb::SeekBy(Span::seconds(self.rng.below(40) as i64 - 20)),
            _ => PlaybackVerb::Stop,
        }
    }

    fn lookup(&mut self) -> Option<Lookup> {
        let by = match self.rng.chance(0.5) {
            true => LookedUpBy::Command { agent: self.agent(), group: one_of(self.rng, self.groups) },
            false => LookedUpBy::Trunk(TrunkNo(1)),
        };
        Some(Lookup { to: one_of(self.rng, &NUMBERS)?.to_owned(), by })
    }

    /// Somebody who is with no person yet is sent elsewhere.
    fn of_those_with_the_house(&mut self, contacts: &[ContactState]) -> Option<Body> {
        let alone = |c: &&ContactState| c.playback.is_none() && (c.queued.is_some() || c.flow.is_some());
        let fit: Vec<&ContactState> = contacts.iter().filter(alone).collect();
        let contact = one_of(self.rng, &fit)?.contact;
        let supervisor = self.agent().filter(|_| self.rng.chance(0.3));
        Some(Body::Call { contact, verb: CallVerb::Route { supervisor, to: self.target()?, ring: self.ring() } })
    }

    /// What an agent says of an offer of his, shown or ringing.
    fn offer(&mut self, offers: &[OpenOffer]) -> Option<Body> {
        let waits: Vec<&OpenOffer> = offers.iter().filter(|offer| offer.phase != OfferPhase::Connected).collect();
        let offer = one_of(self.rng, &waits)?;
        let verb = match self.rng.below(10) {
            0..4 => OfferVerb::Show,
            4..8 => OfferVerb::Accept,
            _ => OfferVerb::Reject { reason: None },
        };
        Some(Body::Agent { agent: offer.agent, verb: AgentVerb::Offer { offer: offer.offer, verb }, force: None })
    }

    fn preference(&mut self) -> Option<Body> {
        let after = [AfterCall::Ready, AfterCall::WrapUp, AfterCall::NotReady];
        let after_call = one_of(self.rng, &after).filter(|_| self.rng.chance(0.7));
        let auto_answer = self.rng.chance(0.5).then(|| self.rng.chance(0.5));
        let verb = AgentVerb::Prefer { preferences: Preferences { after_call, auto_answer } };
        Some(Body::Agent { agent: self.agent()?, verb, force: None })
    }

    fn body(&mut self, contacts: &[ContactState], shown: &[(AgentNo, Display)]) -> Option<Body> {
        if let Some((contact, to)) = self.memory.announced.take_if(|_| self.rng.chance(0.3)) {
            return Some(Body::Call { contact, verb: CallVerb::StopAnnounce { to } });
        }
        let contact = self.contact(contacts)?;
        let id = contact.contact;
        let legs: Vec<&LegState> = contact.calls.iter().flat_map(|call| &call.legs).collect();
        Some(match self.rng.below(100) {
            0..4 => Body::Hangup { contact: id, who: self.leg(&legs).map(Who::Leg), supervisor: self.supervisor() },
            4 => Body::Hangup { contact: id, who: None, supervisor: self.supervisor() },
            5..8 => Body::Priority { contact: id, priority: self.rng.below(9) as i32 - 4 },
            8..10 => Body::SetData { contact: id, data: data(self.rng.below(5)) },
            10..26 => self.agents_verb(contacts, shown)?,
            26..28 => Body::TwoWay(self.two_way()?),
            28..38 => self.merge(contacts)?,
            _ => Body::Call { contact: id, verb: self.verb(contact, contacts)? },
        })
    }

    /// Of contacts that have somebody in common, if there are any.
    fn merge(&mut self, contacts: &[ContactState]) -> Option<Body> {
        let shares = |c: &&ContactState| {
            let mut others = contacts.iter().filter(|other| other.contact != c.contact);
            others.any(|other| legs_of(other).any(|l| legs_of(c).any(|his| his.party == l.party)))
        };
        let fit: Vec<ContactId> = contacts.iter().filter(shares).map(|c| c.contact).collect();
        let contact = one_of(self.rng, &fit)?;
        let (with, stays) = (self.other(contact, contacts)?, self.rng.chance(0.6));
        Some(Body::Call { contact, verb: CallVerb::Merge { with, stays } })
    }

    /// Those in which several talk are the more interesting ones.
    fn contact<'c>(&mut self, contacts: &'c [ContactState]) -> Option<&'c ContactState> {
        let lively = |c: &&ContactState| c.transfer.is_some() || legs_of(c).any(|leg| leg.supervision.is_some());
        if let Some(contact) = one_of(self.rng, &contacts.iter().filter(lively).collect::<Vec<_>>())
            && self.rng.chance(0.2)
        {
            return Some(contact);
        }
        let several: Vec<&ContactState> = contacts.iter().filter(|c| legs_of(c).count() > 1).collect();
        let busy = one_of(self.rng, &several).filter(|_| self.rng.chance(0.85));
        let any = one_of(self.rng, &contacts.iter().collect::<Vec<_>>());
        busy.or(any)
    }

    /// In whose scope it is done; nobody's as often as not.
    fn supervisor(&mut self) -> Option<AgentNo> {
        if self.rng.chance(0.5) { self.agent() } else { None }
    }

    fn agent(&mut self) -> Option<AgentNo> {
        one_of(self.rng, self.agents)
    }

    fn leg(&mut self, legs: &[&LegState]) -> Option<LegId> {
        match self.rng.chance(0.97) {
            true => one_of(self.rng, legs).map(|leg| leg.leg),
            false => Some(LegId(5)),
        }
    }

    fn who(&mut self, contact: &ContactState) -> Option<Who> {
        let legs: Vec<&LegState> = legs_of(contact).collect();
        match self.rng.below(100) {
            0..20 => None,
            20..45 => {
                let agents: Vec<AgentNo> = legs.iter().filter_map(|leg| leg.agent).collect();
                one_of(self.rng, &agents).or_else(|| self.agent()).map(Who::Agent)
            }
            _ => self.leg(&legs).map(Who::Leg),
        }
    }

    fn call(&mut self, contact: &ContactState) -> CallId {
        let calls: Vec<CallId> = contact.calls.iter().map(|call| call.call).collect();
        one_of(self.rng, &calls).filter(|_| self.rng.chance(0.95)).unwrap_or(CallId(5))
    }

    fn target(&mut self) -> Option<CallTarget> {
        Some(match self.rng.below(100) {
            0..50 => CallTarget::Number(one_of(self.rng, &NUMBERS)?.to_owned()),
            50..75 => CallTarget::Agent { agent: self.agent()?, wait: Span::seconds(self.rng.below(20) as i64) },
            75..88 => CallTarget::Groups(self.groups[..1 + self.rng.below(2) as usize].to_vec()),
            _ => CallTarget::Flow { key: one_of(self.rng, &FLOWS)?.to_owned(), data: data(2) },
        })
    }

    fn ring(&mut self) -> Option<Span> {
        self.rng.chance(0.5).then(|| Span::seconds(3 + self.rng.below(20) as i64))
    }

    fn verb(&mut self, contact: &ContactState, contacts: &[ContactState]) -> Option<CallVerb> {
        let who = self.who(contact);
        let watches = legs_of(contact).any(|leg| leg.supervision.is_some());
        if watches && self.rng.chance(0.4) {
            return Some(match self.rng.below(4) {
                0 => CallVerb::TakeOver { who },
                _ => CallVerb::SuperviseMode { who, mode: self.mode(), target: self.watch(contact) },
            });
        }
        if let Some(transfer) = contact.transfer.as_ref().filter(|_| self.rng.chance(0.3)) {
            return Some(CallVerb::Consult { who: Some(Who::Leg(transfer.leg)), verb: self.consult() });
        }
        Some(match self.rng.below(100) {
            0..8 => CallVerb::Hold { who },
            8..18 => CallVerb::Retrieve { who },
            18..24 => CallVerb::Mute { who, from: self.rng.chance(0.3), to: self.rng.chance(0.3) },
            24..26 => CallVerb::PassDigits { who, to: self.who(contact), on: self.rng.chance(0.8) },
            26..28 => CallVerb::Digits { who, digits: ["1", "12#", "x", ""][self.rng.below(4) as usize].to_owned() },
            28..34 => {
                let to = self.hearers(contact);
                self.memory.announced = Some((contact.contact, to));
                CallVerb::Announce { to, sounds: self.sounds() }
            }
            34..36 => CallVerb::StopAnnounce { to: self.hearers(contact) },
            36..42 => self.invite(who)?,
            42..60 => self.transfer(who)?,
            60..74 => CallVerb::Consult { who, verb: self.consult() },
            74..76 => CallVerb::Merge { with: self.other(contact.contact, contacts)?, stays: self.rng.chance(0.5) },
            76..80 => CallVerb::Conference { change: self.conference() },
            80 => CallVerb::ExtendConference { by: Span::seconds(5 + self.rng.below(60) as i64) },
            81..86 => CallVerb::Record { verb: self.record() },
            86 => CallVerb::Chair { who },
            87..95 => CallVerb::Supervise {
                agent: self.agent()?,
                target: self.watch(contact),
                mode: self.mode(),
                ring: self.ring(),
            },
            95..97 => CallVerb::TakeOver { who },
            _ => CallVerb::SuperviseMode { who, mode: self.mode(), target: self.watch(contact) },
        })
    }

    fn hearers(&mut self, contact: &ContactState) -> Hearers {
        match self.rng.chance(0.5) {
            true => Hearers::One(self.who(contact)),
            false => Hearers::Call(self.call(contact)),
        }
    }

    fn sounds(&mut self) -> Vec<String> {
        let sound = SOUNDS[usize::from(self.rng.chance(0.1))].to_owned();
        vec![sound; 1 + self.rng.below(2) as usize]
    }

    fn invite(&mut self, who: Option<Who>) -> Option<CallVerb> {
        let chair_leaves = if self.rng.chance(0.5) { ChairLeaves::End } else { ChairLeaves::PassOn };
        Some(CallVerb::Invite { who, to: self.target()?, from: None, ring: self.ring(), chair_leaves })
    }

    fn conference(&mut self) -> ConferenceChange {
        let length = self.rng.chance(0.6).then(|| Span::seconds(10 + self.rng.below(90) as i64));
        let warn = length.filter(|_| self.rng.chance(0.7)).map(|_| Span::seconds(3 + self.rng.below(9) as i64));
        let seats = (length.is_none() || self.rng.chance(0.3)).then(|| 2 + self.rng.below(4) as usize);
        let sounds = if warn.is_some() && self.rng.chance(0.5) { self.sounds() } else { Vec::new() };
        ConferenceChange { seats, length, warn, sounds }
    }

    fn transfer(&mut self, who: Option<Who>) -> Option<CallVerb> {
        if self.rng.chance(0.1) {
            let to = CallTarget::Flow { key: "identity".to_owned(), data: data(2) };
            return Some(CallVerb::Transfer { who, mode: TransferMode::ComeBack, to, from: None, ring: None });
        }
        let modes = [TransferMode::Blind, TransferMode::OnAnswer, TransferMode::ComeBack, TransferMode::Consult];
        Some(CallVerb::Transfer {
            who,
            mode: one_of(self.rng, &modes)?,
            to: self.target()?,
            from: None,
            ring: self.ring(),
        })
    }

    fn consult(&mut self) -> ConsultVerb {
        let verbs = [ConsultVerb::Complete, ConsultVerb::Cancel, ConsultVerb::Swap, ConsultVerb::Join];
        verbs[self.rng.below(4) as usize]
    }

    fn record(&mut self) -> RecordVerb {
        let length = self.rng.chance(0.5).then(|| Span::seconds(1 + self.rng.below(60) as i64));
        let verbs = [RecordVerb::Pause, RecordVerb::Resume, RecordVerb::Start { length }, RecordVerb::Stop];
        verbs[[0, 0, 0, 1, 1, 1, 2, 3][self.rng.below(8) as usize]]
    }

    fn mode(&mut self) -> SupervisionMode {
        [SupervisionMode::Listen, SupervisionMode::Whisper, SupervisionMode::Barge][self.rng.below(3) as usize]
    }

    fn watch(&mut self, contact: &ContactState) -> Option<Watch> {
        match self.rng.below(3) {
            0 => None,
            1 => Some(Watch::Call(self.call(contact))),
            _ => self.who(contact).map(Watch::Party),
        }
    }

    /// Somebody who has two calls can join them; most pairs have nobody in common.
    fn other(&mut self, one: ContactId, contacts: &[ContactState]) -> Option<ContactId> {
        let parties: Vec<_> = contacts.iter().filter(|c| c.contact == one).flat_map(legs_of).map(|l| l.party).collect();
        let shared = |c: &&ContactState| c.contact != one && legs_of(c).any(|l| parties.contains(&l.party));
        let fit: Vec<ContactId> = contacts.iter().filter(shared).map(|c| c.contact).collect();
        let any: Vec<ContactId> = contacts.iter().map(|c| c.contact).collect();
        one_of(self.rng, &fit).filter(|_| self.rng.chance(0.9)).or_else(|| one_of(self.rng, &any))
    }

    /// Mostly of somebody whom it fits.
    fn agents_verb(&mut self, contacts: &[ContactState], shown: &[(AgentNo, Display)]) -> Option<Body> {
        let waiting: Vec<ContactId> = contacts.iter().filter(|c| c.queued.is_some()).map(|c| c.contact).collect();
        let reserved = shown.iter().any(|(_, display)| *display == Display::Reserved);
        let (verb, fits) = match self.rng.below(10) {
            _ if reserved && self.rng.chance(0.5) => (AgentVerb::Release, Display::Reserved),
            0..4 => {
                let contact = one_of(self.rng, &waiting).unwrap_or(ContactId(5));
                (AgentVerb::Pick { contact }, Display::Ready)
            }
            4 => (AgentVerb::Note { text: "as agreed".to_owned() }, Display::Talking),
            5 => (AgentVerb::ExtendWrapUp { by: Span::seconds(7) }, Display::WrapUp),
            6 => (AgentVerb::QuitWrapUp, Display::WrapUp),
            7 => {
                let groups = self.groups[..1 + self.rng.below(2) as usize].to_vec();
                (AgentVerb::Groups { groups: Some(groups) }, Display::Ready)
            }
            8 => (AgentVerb::Reserve { length: Span::seconds(20) }, Display::Ready),
            _ => (AgentVerb::Release, Display::Reserved),
        };
        let fit: Vec<AgentNo> = shown.iter().filter(|(_, display)| *display == fits).map(|(agent, _)| *agent).collect();
        let agent = one_of(self.rng, &fit).filter(|_| self.rng.chance(0.8)).or_else(|| self.agent())?;
        let forced = self.rng.chance(0.2);
        let force = forced.then(|| Force { why: "he is wanted".to_owned(), supervisor: self.supervisor() });
        Some(Body::Agent { agent, verb, force })
    }

    fn two_way(&mut self) -> Option<TwoWay> {
        let by = match self.rng.chance(0.7) {
            true => Caller::Agent(self.agent()?),
            false => Caller::Number(one_of(self.rng, &NUMBERS)?.to_owned()),
        };
        let group = if self.rng.chance(0.3) { one_of(self.rng, self.groups) } else { None };
        let (to, ring) = (self.target()?, self.ring());
        Some(TwoWay { by, to: Some(to), group, from: None, auto_answer: None, ring, data: data(1) })
    }
}

fn legs_of(contact: &ContactState) -> impl Iterator<Item = &LegState> {
    contact.calls.iter().flat_map(|call| &call.legs).filter(|leg| leg.phase != LegPhase::Ended)
}

/// What is counted as one verb.
pub fn word(body: &Body) -> &'static str {
    match body {
        Body::Agent { verb, .. } => verb.word(),
        Body::Priority { .. } => "priority",
        Body::Originate(_) => "originate",
        Body::TwoWay(TwoWay { to: Some(_), .. }) => "two-way",
        Body::TwoWay(TwoWay { to: None, .. }) => "convene",
        Body::Play(_) => "play",
        Body::Hangup { who: Some(_), .. } => "hangup-leg",
        Body::Hangup { who: None, .. } => "hangup",
        Body::SetData { .. } => "data",
        Body::Query(Query::Resolve(_)) => "resolve",
        Body::Query(_) => "query",
        Body::Session(_) => "session",
        Body::Preview { .. } => "preview",
        Body::Decide { .. } => "decide-preview",
        Body::Call { verb, .. } => call_word(verb),
        Body::Watch { .. } => "watch",
        Body::SendOn { .. } => "send-on",
    }
}

fn call_word(verb: &CallVerb) -> &'static str {
    match verb {
        CallVerb::Hold { .. } => "hold",
        CallVerb::Retrieve { .. } => "retrieve",
        CallVerb::Mute { .. } => "mute",
        CallVerb::Digits { .. } => "digits",
        CallVerb::PassDigits { .. } => "pass-digits",
        CallVerb::Announce { .. } => "announce",
        CallVerb::StopAnnounce { .. } => "stop-announce",
        CallVerb::Invite { .. } => "invite",
        CallVerb::Transfer { mode: TransferMode::Blind, .. } => "transfer-blind",
        CallVerb::Transfer { mode: TransferMode::OnAnswer, .. } => "transfer-on-answer",
        CallVerb::Transfer { mode: TransferMode::ComeBack, to: CallTarget::Flow { .. }, .. } => "lend",
        CallVerb::Transfer { mode: TransferMode::ComeBack, .. } => "transfer-come-back",
        CallVerb::Transfer { mode: TransferMode::Consult, .. } => "transfer-consult",
        CallVerb::Consult { verb: ConsultVerb::Complete, .. } => "consult-complete",
        CallVerb::Consult { verb: ConsultVerb::Cancel, .. } => "consult-cancel",
        CallVerb::Consult { verb: ConsultVerb::Swap, .. } => "consult-swap",
        CallVerb::Consult { verb: ConsultVerb::Join, .. } => "consult-join",
        CallVerb::Merge { stays: false, .. } => "merge",
        CallVerb::Merge { stays: true, .. } => "merge-and-stay",
        CallVerb::Conference { .. } => "conference",
        CallVerb::ExtendConference { .. } => "extend-conference",
        CallVerb::Chair { .. } => "chair",
        CallVerb::Record { verb: RecordVerb::Start { .. } } => "record-start",
        CallVerb::Record { verb: RecordVerb::Stop } => "record-stop",
        CallVerb::Record { verb: RecordVerb::Pause } => "record-pause",
        CallVerb::Record { verb: RecordVerb::Resume } => "record-resume",
        CallVerb::Route { .. } => "route",
        CallVerb::Playback { verb: PlaybackVerb::Pause } => "playback-pause",
        CallVerb::Playback { verb: PlaybackVerb::Resume } => "playback-resume",
        CallVerb::Playback { verb: PlaybackVerb::SeekTo(_) | PlaybackVerb::SeekBy(_) } => "playback-seek",
        CallVerb::Playback { verb: PlaybackVerb::Stop } => "playback-stop",
        CallVerb::Supervise { .. } => "supervise",
        CallVerb::SuperviseMode { .. } => "supervise-mode",
        CallVerb::TakeOver { .. } => "take-over",
    }
}

fn data(n: u64) -> serde_json::Map<String, serde_json::Value> {
    let value = if n == 0 { serde_json::Value::Null } else { serde_json::Value::from(n) };
    [("case".to_owned(), value)].into_iter().collect()
}

/// Asked as any client asks.
fn live(world: &mut World) -> Vec<ContactState> {
    let answer = world.ask(Body::Query(Query::Contacts));
    match answer {
        Some(Answer::Accepted { snapshot: Snapshot::Contacts(contacts) }) => contacts,
        // the process died over the question
        None => Vec::new(),
        Some(answer) => panic!("contacts are told: {answer:?}"),
    }
}
