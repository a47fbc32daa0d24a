//! A contact on a bench: parties with names, what each hears in words, the story of the journal, and what must hold after
//! each step. Sockets and files close at once.

mod complaints;
mod merges;
mod outside;
mod passing;
mod permanent;
mod picking;
mod replaces;
mod supervision;
mod transfers;
mod two_way;
mod verbs;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::Contacts;
use super::words::{
    Act, Arrival, Attempt, Birth, Dial, Limits, OfferStep, Output, Phones, Ring, Stand, Tell, Transfer,
};
use crate::base::{
    AgentNo, CallId, CommandId, ContactId, GroupNo, IdBlock, InterfaceNo, ItemId, LegId, Now, OfferId, PlayerId,
    PortPair, Ports, Rng, SegmentId, Span, Supplies, TenantNo, Time, TrunkNo, Utc,
};
use crate::event::words::{Actor, By, CallKind, EndCause, PartyRef, TransferMode, Wire};
use crate::event::{Event, Kind, Recorded, VERSION};
use crate::ledger::{ContactRecord, Open, Rows};
use crate::media::words::{Body, Fact, PlayerSpec, Report, ReportBody, Source, Subject, TrackSpec};
use crate::sdp::Codec;
use crate::sip::words::{self as sip, Target};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n";
pub const HELD_SDP: &[u8] = b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=inactive\r\n";
const LIMITS: Limits = Limits { call_max: Span::minutes(240), hold_max: Span::minutes(15) };
pub const GROUP: GroupNo = GroupNo(1);

/// What a contact asked for and told, in one order.
pub enum Story {
    Sip(sip::Act),
    Told(Tell),
}

pub struct Bench {
    contacts: Contacts,
    supplies: Supplies,
    pub t: Time,
    pub contact: ContactId,
    names: BTreeMap<LegId, String>,
    rows: BTreeMap<LegId, Vec<Source>>,
    players: BTreeMap<PlayerId, PlayerSpec>,
    pub track: Option<TrackSpec>,
    pub sips: Vec<sip::Act>,
    pub tells: Vec<Tell>,
    pub medias: Vec<Body>,
    pub order: Vec<Story>,
    pub events: Vec<Event>,
    pub ledger: Rows,
    seq: u64,
}

/// By the command `x`.
pub fn asked() -> By {
    By { actor: Actor::Integration(1), command: Some(CommandId { token: 1, id: "x".to_owned() }) }
}

/// A dial to phones of these names, tried in this order, for 20 s.
pub fn dial(to: &[&str]) -> Dial {
    let attempts = to.iter().map(|to| attempt(to)).collect();
    Dial { attempts, queue: None, ring: Span::seconds(20), customer: false, by: asked() }
}

fn attempt(to: &str) -> Attempt {
    phones(to).into()
}

/// At one address; `nobody` has none.
fn phones(to: &str) -> Phones {
    let target = Target {
        uri: format!("sip:{to}@127.0.0.1"),
        interface: InterfaceNo(0),
        wire: Wire::Udp,
        link: None,
        remote: (HERE, 5060).into(),
        routes: Vec::new(),
    };
    Phones {
        party: PartyRef::Trunk(TrunkNo(2)),
        to_user: to.to_owned(),
        from_user: "100".to_owned(),
        from_name: None,
        remote: to.to_owned(),
        codecs: vec![Codec::Pcma],
        auto_answer: false,
        referred_by: None,
        caller: None,
        targets: if to == "nobody" { Vec::new() } else { vec![(target, HERE)] },
    }
}

impl Bench {
    fn empty() -> Self {
        let mut ports = Ports::default();
        for rtp in (20_000..20_200).step_by(2) {
            ports.put(PortPair { interface: InterfaceNo(0), ip: HERE, rtp });
        }
        let supplies = Supplies { ids: IdBlock::new(0, 1, 1 << 20), ports, rng: Rng::from_number(1) };
        Self {
            contacts: Contacts::new("demo"),
            supplies,
            t: Time(1_000_000_000),
            contact: ContactId(0),
            names: BTreeMap::new(),
            rows: BTreeMap::new(),
            players: BTreeMap::new(),
            track: None,
            sips: Vec::new(),
            tells: Vec::new(),
            medias: Vec::new(),
            order: Vec::new(),
            events: Vec::new(),
            ledger: Rows::default(),
            seq: 0,
        }
    }

    /// A customer who was let in and whom a flow holds.
    pub fn customer() -> Self {
        let mut bench = Self::empty();
        bench.contact = bench.customer_calls();
        bench
    }

    /// A command has Bo dialled, whom it rings.
    pub fn order() -> Self {
        let mut bench = Self::empty();
        bench.contact = ContactId(bench.supplies.ids.mint(bench.t));
        let birth = Birth {
            contact: bench.contact,
            from: "100".to_owned(),
            to: "bo".to_owned(),
            language: "en-US".to_owned(),
            record: false,
            data: serde_json::Map::new(),
            limits: LIMITS,
            two_way: false,
            call_kind: CallKind::Main,
            shown: None,
            standing: None,
            by: asked(),
        };
        let now = bench.now();
        bench.contacts.born(birth, now, &mut bench.supplies);
        bench.drain();
        bench.act(Act::Dial(Box::new(Dial { customer: true, ..dial(&["bo"]) })));
        bench.rings("bo");
        bench
    }

    /// Ana's phone has called the boss by itself.
    pub fn phone() -> Self {
        let mut bench = Self::empty();
        bench.contact = bench.phone_calls("ana-zero", "boss");
        bench
    }

    pub fn customer_calls(&mut self) -> ContactId {
        let leg = LegId(7);
        self.names.insert(leg, "customer".to_owned());
        self.arrives(arrival(leg), true)
    }

    fn arrives(&mut self, arrival: Arrival, flow: bool) -> ContactId {
        let now = self.now();
        // What a step tells is judged against the contact it is about.
        let before = std::mem::replace(&mut self.contact, ContactId(0));
        let contact = self.contacts.arrive(arrival, flow, now, &mut self.supplies);
        self.drain();
        self.contact = before;
        contact
    }

    /// A phone in a talk calls a group, by another leg.
    pub fn group_calls(&mut self, name: &str) -> ContactId {
        let leg = LegId(20 + self.names.len() as u64);
        self.names.insert(leg, name.to_owned());
        let arrival = Arrival { customer: false, record: false, ..arrival(leg) };
        self.arrives(arrival, false)
    }

    /// A phone calls another by itself, to which two ways lead.
    pub fn phone_calls(&mut self, name: &str, to: &str) -> ContactId {
        let contact = self.group_calls(name);
        let (before, now) = (std::mem::replace(&mut self.contact, contact), self.now());
        self.contacts.act(contact, Act::Dial(Box::new(dial(&[to, to]))), now, &mut self.supplies);
        self.drain();
        self.contact = before;
        contact
    }

    pub fn merge(&mut self, legs: (LegId, LegId)) -> Result<LegId, super::words::Refused> {
        let now = self.now();
        let result = self.contacts.merge(legs, By::PARTY, now, &mut self.supplies);
        self.drain();
        result
    }

    pub fn stay(&mut self, legs: (LegId, LegId)) -> Result<(), super::words::Refused> {
        let now = self.now();
        let result = self.contacts.merge_and_stay(legs, By::PARTY, now, &mut self.supplies);
        self.drain();
        result
    }

    /// The customer and Ana talk since 10 s. `flow`: the customer's flow goes on after her.
    pub fn talk(flow: bool) -> Self {
        let mut bench = Self::customer();
        bench.act(Act::Wait { groups: vec![GROUP], music: "jazz".to_owned() });
        bench.ring("ana", 1);
        bench.answer("ana");
        bench.heard("ana");
        if !flow {
            bench.act(Act::Unhold);
        }
        bench.pass(Span::seconds(10));
        bench
    }

    /// An offer rings an agent.
    pub fn ring(&mut self, name: &str, no: u64) {
        self.offer(name, no, false);
    }

    /// `confirm`: at a number outside, where a machine may answer.
    pub fn offer(&mut self, name: &str, no: u64, confirm: bool) {
        self.offer_over(&[name], no, confirm);
    }

    /// Over the first of these ways, then the next.
    pub fn offer_over(&mut self, names: &[&str], no: u64, confirm: bool) {
        self.offer_for(names, no, ItemId(800 + no), confirm);
    }

    /// For who waits as this item.
    pub fn offer_for(&mut self, names: &[&str], no: u64, item: ItemId, confirm: bool) {
        let ring = Ring {
            offer: OfferId(900 + no),
            item,
            agent: AgentNo(no as u32),
            group: Some(GROUP),
            segment: SegmentId(700 + no),
            attempts: names.iter().map(|name| attempt(name)).collect(),
            confirm,
        };
        self.act(Act::Ring(Box::new(ring)));
    }

    /// The station of this agent is rung for a leg that stays up.
    pub fn stand(&mut self, name: &str, no: u64, confirm: bool) {
        let (now, contact) = (self.now(), ContactId(self.supplies.ids.mint(self.t)));
        let stand = Stand {
            contact,
            agent: AgentNo(no as u32),
            attempts: vec![phones(name)],
            confirm,
            ring: Span::seconds(20),
            language: "en-US".to_owned(),
            limits: LIMITS,
            by: By::SYSTEM,
        };
        self.contacts.stand(stand, now, &mut self.supplies);
        self.drain();
    }

    /// An offer for the leg of this agent's station that is up.
    pub fn offer_line(&mut self, no: u64, offer: u64) {
        let ring = Ring {
            offer: OfferId(900 + offer),
            item: ItemId(800 + offer),
            agent: AgentNo(no as u32),
            group: Some(GROUP),
            segment: SegmentId(700 + offer),
            attempts: vec![Attempt::Line { agent: AgentNo(no as u32), caller: None }],
            confirm: false,
        };
        self.act(Act::Ring(Box::new(ring)));
    }

    pub fn drop_line(&mut self, no: u64) {
        let now = self.now();
        self.contacts.drop_line(AgentNo(no as u32), EndCause::Released, asked(), now, &mut self.supplies);
        self.drain();
    }

    /// Another customer than the first, and his contact is the one of the next acts.
    pub fn next_customer(&mut self, name: &str) {
        let leg = LegId(20 + self.names.len() as u64);
        self.names.insert(leg, name.to_owned());
        self.contact = self.arrives(arrival(leg), true);
        self.act(Act::Wait { groups: vec![GROUP], music: "jazz".to_owned() });
    }

    /// The sound that this one hears alone has been played.
    pub fn played(&mut self, name: &str) {
        let Some([Source::Player(player)]) = self.rows.get(&self.leg(name)).map(Vec::as_slice) else {
            panic!("{name} hears no player")
        };
        self.report(ReportBody::PlayerEnded { player: *player, missing: None });
    }

    pub fn now(&self) -> Now {
        Now { t: self.t, wall: Utc(1_795_003_200_000_000 + self.t.0) }
    }

    pub fn act(&mut self, act: Act) {
        let now = self.now();
        self.contacts.act(self.contact, act, now, &mut self.supplies);
        self.drain();
    }

    /// A verb that must fit.
    pub fn verb(&mut self, act: Act) {
        assert_eq!(self.contacts.may(self.contact, &act), Ok(()), "{act:?}");
        self.act(act);
    }

    pub fn refused(&self, act: &Act) -> Option<super::words::Refused> {
        self.contacts.may(self.contact, act).err()
    }

    pub fn transfer(&mut self, mode: TransferMode, to: &[&str]) {
        let transfer = Transfer { transferor: self.leg("ana"), mode, dial: dial(to) };
        self.verb(Act::Transfer(Box::new(transfer)));
    }

    pub fn consult(&mut self, verb: super::words::ConsultVerb) {
        let transferor = self.leg("ana");
        self.verb(Act::Consult { transferor, verb, by: asked() });
    }

    pub fn hang_up(&mut self, leg: Option<LegId>) {
        let side = crate::event::words::Side::Command;
        self.act(Act::Hangup { leg, cause: EndCause::Released, side, by: asked() });
    }

    pub fn pass(&mut self, span: Span) {
        let until = self.t + span;
        while let Some(at) = self.contacts.deadline().filter(|at| *at <= until) {
            self.t = at;
            let now = self.now();
            self.contacts.due(now, &mut self.supplies);
            self.drain();
        }
        self.t = until;
    }

    pub fn tell(&mut self, tell: sip::Tell, leg: LegId) {
        let now = self.now();
        self.contacts.signal(leg, tell, now, &mut self.supplies);
        self.drain();
    }

    pub fn rings(&mut self, name: &str) {
        let leg = self.leg(name);
        self.tell(sip::Tell::Progress { leg, fork: 0, status: 180, sdp: None }, leg);
    }

    pub fn answer(&mut self, name: &str) {
        let leg = self.leg(name);
        self.tell(sip::Tell::Answered { leg, fork: 0, sdp: SDP.to_vec() }, leg);
    }

    pub fn fail(&mut self, name: &str, cause: EndCause) {
        let leg = self.leg(name);
        self.tell(sip::Tell::Failed { leg, status: 486, cause }, leg);
    }

    pub fn bye(&mut self, name: &str) {
        let leg = self.leg(name);
        self.tell(sip::Tell::Ended { leg, cause: EndCause::HungUp, status: None, by_far_end: true }, leg);
    }

    pub fn heard(&mut self, name: &str) {
        let leg = self.leg(name);
        let contact = self.contacts.place_of(leg).map_or(self.contact, |(contact, _)| contact);
        self.report_of(contact, ReportBody::Fact { leg, fact: Fact::FirstSound });
    }

    pub fn report(&mut self, body: ReportBody) {
        self.report_of(self.contact, body);
    }

    pub fn report_of(&mut self, contact: ContactId, body: ReportBody) {
        let now = self.now();
        self.contacts.report(Report { contact, body }, now, &mut self.supplies);
        self.drain();
    }

    /// The last leg of this name.
    pub fn leg(&self, name: &str) -> LegId {
        let found = self.names.iter().rev().find(|(_, n)| *n == name);
        *found.unwrap_or_else(|| panic!("nobody rang {name}")).0
    }

    pub fn call_of(&self, name: &str) -> Option<CallId> {
        let leg = self.leg(name);
        let view = self.contacts.view(self.contact)?;
        view.calls.iter().find(|call| call.legs.iter().any(|l| l.leg == leg)).map(|call| call.call)
    }

    pub fn is_live(&self, name: &str) -> bool {
        self.names.values().any(|n| n == name) && self.contacts.has_leg(self.contact, self.leg(name))
    }

    pub fn is_over(&self) -> bool {
        self.contacts.counts() == (0, 0)
    }

    /// Who is in which call, ringing ones too: `ana+bo | customer`.
    pub fn calls(&self) -> Vec<String> {
        let Some(view) = self.contacts.view(self.contact) else { return Vec::new() };
        let names = |legs: Vec<LegId>| legs.iter().map(|l| self.names[l].as_str()).collect::<Vec<_>>().join("+");
        view.calls.iter().map(|call| names(call.legs.iter().map(|l| l.leg).collect())).collect()
    }

    /// What somebody hears, in words.
    pub fn hears(&self, name: &str) -> String {
        let row = self.rows.get(&self.leg(name)).cloned().unwrap_or_default();
        let words: Vec<String> = row.iter().map(|source| self.source(*source)).collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join("+") }
    }

    fn source(&self, source: Source) -> String {
        match source {
            Source::Leg(leg) => self.names[&leg].clone(),
            Source::Player(player) => {
                self.players[&player].sounds.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
            }
        }
    }

    /// The two tracks of the recording, in words.
    pub fn recorded(&self) -> (String, String) {
        let track = self.track.as_ref().expect("it is recorded");
        let words = |sources: &[Source]| sources.iter().map(|s| self.source(*s)).collect::<Vec<_>>().join("+");
        (words(&track.left), words(&track.right))
    }

    pub fn record(&self) -> &ContactRecord {
        &self.ledger.contacts[&(TenantNo(1), self.contact)]
    }

    pub fn open(&self) -> &Open {
        self.ledger.open(TenantNo(1)).expect("something happened")
    }

    /// Events of these names, with who they are about.
    pub fn story(&self, kinds: &[&str]) -> Vec<String> {
        let shown = self.events.iter().filter(|e| kinds.contains(&e.kind.name()));
        let about = |e: &Event| e.about.leg.map_or("-".to_owned(), |leg| self.names[&leg].clone());
        shown.map(|e| format!("{} {}", e.kind.name(), about(e))).collect()
    }

    pub fn last(&self, kind: &str) -> &Event {
        self.events.iter().rfind(|e| e.kind.name() == kind).unwrap_or_else(|| panic!("no {kind}"))
    }

    fn drain(&mut self) {
        while let Some(output) = self.contacts.poll() {
            match output {
                Output::Sip(act) => self.sip(act),
                Output::Media(command) => self.media(command.contact, command.body),
                Output::Tell { tell, .. } => {
                    self.order.push(Story::Told(tell.clone()));
                    self.tells.push(tell);
                }
                Output::Journal { about, by, kind } => self.journal(about, by, kind),
            }
        }
        self.judge();
    }

    fn sip(&mut self, act: sip::Act) {
        if let sip::Act::Invite(invite) = &act {
            self.names.insert(invite.leg, invite.to_user.clone());
        }
        self.order.push(Story::Sip(act.clone()));
        self.sips.push(act);
    }

    fn media(&mut self, contact: ContactId, body: Body) {
        self.medias.push(body.clone());
        match body {
            Body::SetRow { sink, sources } => drop(self.rows.insert(sink, sources)),
            Body::SetPlayer(spec) => drop(self.players.insert(spec.player, spec)),
            Body::SetTrack(spec) => self.track = Some(spec),
            Body::Close(Subject::Leg(leg)) => {
                self.rows.remove(&leg);
                let now = self.now();
                let body = ReportBody::LegClosed { leg, counts: Default::default() };
                self.contacts.report(Report { contact, body }, now, &mut self.supplies);
            }
            Body::Close(Subject::Recorder(recorder)) => {
                let now = self.now();
                let body = ReportBody::RecordingEnded { recorder, length: Span::seconds(1), gap: None };
                self.contacts.report(Report { contact, body }, now, &mut self.supplies);
            }
            Body::SetLeg(_) | Body::Close(_) | Body::ReturnPorts(_) | Body::Hand { .. } => {}
        }
    }

    fn journal(&mut self, about: crate::event::About, by: By, kind: Kind) {
        let event = Event { v: VERSION, t: self.t, at: self.now().wall, tenant: TenantNo(1), about, by, kind };
        self.seq += 1;
        self.ledger.apply(&Recorded { seq: self.seq, event: event.clone() });
        self.events.push(event);
    }

    /// What holds after each step: every live leg is in one call, and the journal says the same; a customer who was
    /// answered hears something unless he is muted.
    fn judge(&self) {
        let Some(view) = self.contacts.view(self.contact) else { return };
        let open = &self.open().contacts[&self.contact];
        assert_eq!(self.open().anomalies, 0, "{:#?}", self.events);
        for call in &view.calls {
            let legs: std::collections::BTreeSet<LegId> = call.legs.iter().map(|l| l.leg).collect();
            assert_eq!(open.calls.get(&call.call).map(|c| &c.legs), Some(&legs), "call {}", call.call);
        }
        assert_eq!(open.calls.len(), view.calls.len());
        let mut legs: Vec<LegId> = view.calls.iter().flat_map(|c| &c.legs).map(|l| l.leg).collect();
        legs.sort();
        assert_eq!(legs, open.legs.keys().copied().collect::<Vec<_>>(), "each leg is in one call");
    }
}

fn arrival(leg: LegId) -> Arrival {
    let incoming = sip::Incoming {
        leg,
        party: PartyRef::Trunk(TrunkNo(1)),
        from_user: "+861".to_owned(),
        from_name: None,
        asserted_user: None,
        dialled: "9000".to_owned(),
        call_id: "c".to_owned(),
        sdp: Some(SDP.to_vec()),
        replaces: None,
        max_forwards: 70,
        interface: InterfaceNo(0),
        remote: (HERE, 5060).into(),
        wire: Wire::Udp,
        met: Vec::new(),
    };
    Arrival {
        incoming,
        media_ip: HERE,
        from: "+861".to_owned(),
        to: "9000".to_owned(),
        number: None,
        language: "en-US".to_owned(),
        record: true,
        customer: true,
        call_kind: CallKind::Main,
        codecs: vec![Codec::Pcma],
        limits: LIMITS,
    }
}

#[test]
fn the_bench_begins_with_a_talk() {
    let mut bench = Bench::talk(false);
    assert_eq!((bench.hears("customer"), bench.hears("ana")), ("ana".to_owned(), "customer".to_owned()));
    assert_eq!(bench.recorded(), ("customer".to_owned(), "ana".to_owned()));
    assert!(bench.tells.contains(&Tell::Offer { offer: OfferId(901), step: OfferStep::Connected }));
    bench.bye("customer");
    assert!(bench.is_over());
    assert_eq!(bench.record().anomalies, 0);
}
