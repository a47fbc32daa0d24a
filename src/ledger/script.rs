//! Test only: events as a supervisor would tell them, for the folds here and for `store`.

use serde_json::json;

use crate::base::{
    AgentNo, CallId, CommandId, ContactId, ExtensionNo, FlowNo, GroupNo, ItemId, LegId, NumberNo, OfferId, SegmentId,
    Span, TenantNo, Time, TrunkNo, Utc,
};
use crate::event::words::{
    By, CallKind, DigitPath, Direction, Disposition, EndCause, ItemExit, LegRole, OfferEnding, OfferWay, PartyRef,
    SegmentEdge, Side, Station, Wish, WorkRole,
};
use crate::event::{About, Event, Kind, MediaCounts, Recorded, VERSION};

pub const TENANT: TenantNo = TenantNo(1);
pub const ANA: AgentNo = AgentNo(1);
pub const SUPPORT: GroupNo = GroupNo(1);
/// Noon of a day.
pub const NOON: Utc = Utc(1_795_003_200_000_000);

/// Events in the order they are told, at times in milliseconds.
#[derive(Default)]
pub struct Script {
    pub events: Vec<Recorded>,
}

pub fn event(ms: i64, about: About, kind: Kind) -> Event {
    let (t, at) = (Time(0) + Span::millis(ms), NOON + Span::millis(ms));
    Event { v: VERSION, t, at, tenant: TENANT, about, by: By::SYSTEM, kind }
}

impl Script {
    pub fn tell(&mut self, ms: i64, about: About, kind: Kind) {
        let seq = self.events.len() as u64 + 1;
        self.events.push(Recorded { seq, event: event(ms, about, kind) });
    }

    /// Ana signs in and is ready.
    pub fn sign_in(&mut self, ms: i64) {
        let about = About { agent: Some(ANA), ..About::default() };
        let station = Station::Extension(ExtensionNo(1));
        self.tell(ms, about, Kind::AgentSignedIn { station, groups: vec![SUPPORT], chosen: false });
        self.tell(ms, about, Kind::AgentReachable { reachable: true, cause: None });
        self.tell(ms + 500, about, Kind::AgentWish { wish: Wish::Ready, limit: None, until: None });
    }

    /// Contact `n` up to the moment in which it waits in the group: it presses 1 after 1 s and waits after 2 s.
    pub fn caller_waits(&mut self, ms: i64, n: u64) {
        let ids = Ids(n);
        self.tell(ms, ids.contact(), opened(n));
        self.tell(ms, ids.customer(), created(Direction::Inbound, LegRole::Customer, PartyRef::Trunk(TrunkNo(1))));
        self.tell(ms, ids.call(), Kind::CallOpened { call_kind: CallKind::Main });
        self.tell(ms, About { leg: ids.customer().leg, ..ids.call() }, Kind::CallJoined);
        let (flow, flow_key, version) = (FlowNo(1), "main".to_owned(), "1".to_owned());
        self.tell(ms, ids.contact(), Kind::FlowStarted { flow, flow_key, version });
        self.tell(ms + 100, ids.customer(), Kind::LegAnswered);
        self.tell(ms + 100, ids.contact(), Kind::RecordingStarted { file: format!("demo/d/{n}.wav"), until: None });
        self.tell(ms + 150, ids.customer(), Kind::MediaHeard);
        self.tell(ms + 1_000, ids.customer(), Kind::Digit { digit: '1', path: DigitPath::Rtp });
        let (node, exit) = ("menu".to_owned(), "1".to_owned());
        self.tell(ms + 1_000, ids.contact(), Kind::FlowNode { node, exit });
        let data = json!({"digit": "1"}).as_object().cloned().unwrap_or_default();
        self.tell(ms + 1_000, ids.contact(), Kind::ContactData { data });
        let due = Time(0) + Span::millis(ms + 2_000);
        self.tell(ms + 2_000, ids.item(), Kind::ItemEntered { due, priority: 0, visit: 1, groups: Vec::new() });
    }

    /// Ana is rung after 3 s and answers after 5 s.
    pub fn agent_answers(&mut self, ms: i64, n: u64) {
        let ids = Ids(n);
        let until = Time(0) + Span::millis(ms + 23_000);
        let (station, segment) = (Station::Extension(ExtensionNo(1)), SegmentId(n * 100 + 6));
        self.tell(ms + 3_000, ids.offer(), Kind::OfferMade { station, until, segment, way: OfferWay::Ring });
        self.tell(ms + 3_000, ids.work(), Kind::AgentWork { role: WorkRole::Offered, until: None });
        let party = PartyRef::Extension(ExtensionNo(1));
        self.tell(ms + 3_000, ids.agent(), created(Direction::Outbound, LegRole::Agent, party));
        self.tell(ms + 3_200, ids.agent(), Kind::LegProgress { status: 180 });
        self.tell(ms + 3_200, ids.offer(), Kind::OfferAlerting);
        self.tell(ms + 5_000, ids.agent(), Kind::LegAnswered);
        self.tell(ms + 5_000, ids.offer(), Kind::OfferAccepted);
        self.tell(ms + 5_000, About { leg: ids.agent().leg, ..ids.call() }, Kind::CallJoined);
        self.tell(ms + 5_100, ids.offer(), Kind::OfferConnected);
        self.tell(ms + 5_100, ids.item(), Kind::ItemLeft { exit: ItemExit::Connected, waited: Span::millis(3_100) });
        self.tell(ms + 5_100, ids.work(), Kind::AgentWork { role: WorkRole::Talking, until: None });
    }

    /// The caller hangs up after 65 s; the wrap-up lasts until 75 s, after the contact was closed.
    pub fn caller_hangs_up(&mut self, ms: i64, n: u64) {
        let ids = Ids(n);
        let at = ms + 65_000;
        let ended = |side| Kind::LegEnded { cause: EndCause::HungUp, side, sip_status: None };
        self.tell(at, ids.customer(), ended(Side::Customer));
        self.tell(at, ids.agent(), ended(Side::System));
        self.tell(at, ids.offer(), Kind::OfferEnded { ending: OfferEnding::Connected, sip_status: None, reason: None });
        let until = Some(Time(0) + Span::millis(at + 10_000));
        self.tell(at, ids.work(), Kind::AgentWork { role: WorkRole::WrapUp, until });
        self.tell(at, ids.call(), Kind::CallClosed);
        self.tell(at, ids.contact(), Kind::FlowEnded { flow: FlowNo(1) });
        let (disposition, side, cause) = (Disposition::Answered, Side::Customer, EndCause::HungUp);
        self.tell(at, ids.contact(), Kind::ContactClosed { disposition, side, cause, sip_status: None });
        let counts = MediaCounts { received: 3_250, sent: 3_249, ..MediaCounts::default() };
        self.tell(at + 10, ids.customer(), Kind::LegMedia { counts });
        let segment = Kind::Segment {
            segment: SegmentId(n * 100 + 6),
            from: Span::millis(4_900),
            to: Span::millis(64_900),
            began: SegmentEdge::PartyChanged,
            ended: SegmentEdge::Ended,
        };
        self.tell(at + 20, About { call: ids.call().call, ..ids.agent() }, segment);
        let (length, answered) = (Span::millis(64_900), Span::millis(64_900));
        self.tell(at + 20, ids.contact(), Kind::RecordingEnded { length, answered, gap: None, cause: None });
        self.tell(at + 10_000, ids.work(), Kind::AgentWorkEnded { role: WorkRole::WrapUp });
    }

    /// The caller gives up after 4 s in the group.
    pub fn caller_gives_up(&mut self, ms: i64, n: u64) {
        let ids = Ids(n);
        let at = ms + 6_000;
        self.tell(at, ids.item(), Kind::ItemLeft { exit: ItemExit::CallerLeft, waited: Span::seconds(4) });
        let (cause, side) = (EndCause::HungUp, Side::Customer);
        self.tell(at, ids.customer(), Kind::LegEnded { cause, side, sip_status: None });
        self.tell(at, ids.call(), Kind::CallClosed);
        self.tell(at, ids.contact(), Kind::FlowEnded { flow: FlowNo(1) });
        let disposition = Disposition::AbandonedInQueue;
        self.tell(at, ids.contact(), Kind::ContactClosed { disposition, side, cause, sip_status: None });
    }

    pub fn command(&mut self, ms: i64, id: &str) {
        let (id, code) = (CommandId { token: 1, id: id.to_owned() }, "accepted".to_owned());
        self.tell(ms, About::default(), Kind::CommandAccepted { id, code, body_hash: 7 });
    }

    /// Ana's day: one contact answered, one that gave up while she talked, one still waiting.
    pub fn day() -> Self {
        let mut script = Self::default();
        script.sign_in(0);
        script.command(600, "c1");
        script.caller_waits(1_000, 1);
        script.agent_answers(1_000, 1);
        script.caller_waits(20_000, 2);
        script.caller_gives_up(20_000, 2);
        script.caller_hangs_up(1_000, 1);
        script.caller_waits(100_000, 3);
        script
    }
}

/// The ids of contact `n`.
#[derive(Clone, Copy)]
pub struct Ids(pub u64);

impl Ids {
    pub fn contact(self) -> About {
        About { contact: Some(ContactId(self.0 * 100)), ..About::default() }
    }

    pub fn call(self) -> About {
        About { call: Some(CallId(self.0 * 100 + 1)), ..self.contact() }
    }

    pub fn customer(self) -> About {
        About { leg: Some(LegId(self.0 * 100 + 2)), ..self.contact() }
    }

    pub fn item(self) -> About {
        About { item: Some(ItemId(self.0 * 100 + 3)), group: Some(SUPPORT), ..self.contact() }
    }

    pub fn offer(self) -> About {
        About { offer: Some(OfferId(self.0 * 100 + 4)), agent: Some(ANA), ..self.item() }
    }

    pub fn agent(self) -> About {
        let offer = self.offer().offer;
        About { leg: Some(LegId(self.0 * 100 + 5)), agent: Some(ANA), offer, ..self.contact() }
    }

    pub fn work(self) -> About {
        About { agent: Some(ANA), ..self.contact() }
    }
}

fn opened(n: u64) -> Kind {
    let (from, to) = (format!("+86138{n:08}"), "9000".to_owned());
    Kind::ContactOpened { from, to, number: Some(NumberNo(1)), language: "en-US".to_owned(), record: true }
}

fn created(direction: Direction, role: LegRole, party: PartyRef) -> Kind {
    Kind::LegCreated { direction, role, party, remote: "1001".to_owned() }
}
