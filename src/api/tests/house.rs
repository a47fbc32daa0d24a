//! What the tests share: a site, a fake tenant, requests without a socket, events.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body as HttpBody;
use axum::http::{HeaderMap, Request, StatusCode};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::api::archive::Archive;
use crate::api::{Api, Door, router};
use crate::base::{
    AgentNo, CallId, ContactId, ExtensionNo, FlowNo, GroupNo, LegId, NumberNo, OfferId, ReasonNo, SessionId, Span,
    TenantNo, Time, TrunkNo, Utc,
};
use crate::event::session::{Delivery, Lease, LeasePolicy};
use crate::event::words::{
    CallKind, Direction, Display, LegRole, NotReadyReason, PartyRef, Preferences, Station, TransferMode, Wire, WorkRole,
};
use crate::event::{About, By, Event, Filter, Kind, VERSION};
use crate::site::{
    AfterCall, Agent, Extension, Group, Number, Reason, Secret, Site, StationPlan, Strategy, Trunk, TrunkTarget,
};
use crate::store::{Journal, Projector, Query};
use crate::switch::door::{House, Scope, TokenRow};
use crate::switch::permission::{Permissions, Role};
use crate::switch::session::NewSession;
use crate::switch::{
    AgentState, AgentWorkState, Answer, BindingState, Body, CallState, Command, ConferenceState, ContactState,
    ExtensionState, GroupState, LeadsTo, LegPhase, LegState, Lookup, Outside, Query as Ask, RecordingPhase,
    RecordingState, Resolved, RestWait, RuleKind, RuleOf, SessionState, ShownBy, Snapshot, TracedMessage,
    TransferPhase, TransferState, TrunkWay, WaitState,
};

pub const CONTACT: ContactId = ContactId(116_703_443_107_610_625);
pub const SESSION: SessionId = SessionId(116_703_443_107_610_640);
/// The axis at 2026-11-21T08:00:00Z.
pub const T: Time = Time(217_411_200_000_000);
/// The seq that the fake tenant stamps.
pub const SEQ: u64 = 7;

pub struct Rig {
    pub api: Arc<Api>,
    pub journal: Arc<Journal>,
    projector: Projector,
    /// What reached the tenant.
    pub heard: Arc<Mutex<Vec<Command>>>,
    pub folder: tempfile::TempDir,
}

/// An answer as a client reads it.
#[derive(Debug)]
pub struct Answered {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answered {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Rig {
    pub fn new() -> Self {
        Self::answering(|command| Some(answer(&command.body)))
    }

    /// `None` leaves the command without an answer.
    pub fn answering(answer: impl Fn(&Command) -> Option<Answer> + Send + 'static) -> Self {
        let door = Door::default();
        let (_, mut lane) = door.open_tenant(TenantNo(1), "demo", Arc::new(site()));
        let (_, _other) = door.open_tenant(TenantNo(2), "other", Arc::new(Site { tenant: TenantNo(2), ..site() }));
        door.set_tokens(tokens());
        door.set_house(House::Open);
        let heard: Arc<Mutex<Vec<Command>>> = Arc::default();
        let hears = heard.clone();
        tokio::spawn(async move {
            let mut unanswered = Vec::new();
            while let Some(asked) = lane.recv().await {
                hears.lock().expect("not poisoned").push((*asked.command).clone());
                match answer(&asked.command) {
                    Some(answer) => drop(asked.reply.send((answer, SEQ))),
                    None => unanswered.push(asked),
                }
            }
        });
        let folder = tempfile::tempdir().expect("a place for recordings");
        let opened = Journal::open(&folder.path().join("journal"), 0, BTreeMap::new(), Box::new(|_, _| {}));
        let journal = Arc::new(opened.expect("a journal"));
        let records = folder.path().join("records.db");
        let projector = Projector::start(&records, journal.clone()).expect("records");
        let query = Query::new(&records, projector.reached(), Span::seconds(10));
        let api = Api::new(door, Archive::new(journal.clone(), query), folder.path().to_owned());
        Self { api, journal, projector, heard, folder }
    }

    /// A request without a socket; `token` empty sends none.
    pub async fn ask(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                HttpBody::from(body.to_string())
            }
            None => HttpBody::empty(),
        };
        self.send(request.body(body).expect("a request")).await
    }

    pub async fn send(&self, request: Request<HttpBody>) -> Answered {
        let service = TowerToHyperService::new(router(self.api.clone()));
        let response = service.call(request).await.expect("infallible");
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 24).await.expect("a body");
        Answered { status: head.status.as_u16(), headers: head.headers, body: body.to_vec() }
    }

    pub async fn get(&self, path: &str) -> Answered {
        self.ask("GET", path, "admin", None).await
    }

    pub async fn get_ok(&self, path: &str) -> Answered {
        let answered = self.get(path).await;
        assert_eq!(answered.status, StatusCode::OK, "{path}: {}", answered.text());
        answered
    }

    pub fn commit(&self, about: About, kind: Kind) -> u64 {
        self.put(event(about, kind))
    }

    /// Appends, and waits until records hold it. The writers are threads, so this works in paused time too.
    pub fn put(&self, event: Event) -> u64 {
        let seq = self.journal.append(event, None);
        let reached = self.projector.reached();
        while *reached.borrow() < seq {
            std::thread::yield_now();
        }
        seq
    }
}

pub fn tokens() -> Vec<TokenRow> {
    let row = |no, name: &str, scope, permissions| TokenRow {
        no,
        name: name.to_owned(),
        scope,
        permissions,
        digest: TokenRow::digest_of(name),
    };
    let demo = Scope::Tenant(TenantNo(1));
    vec![
        row(1, "admin", demo, Permissions::ADMIN),
        row(2, "nothing", demo, Permissions::NONE),
        row(3, "viewer", demo, Role::Viewer.permissions()),
        row(7, "clerk", demo, Role::Integration.permissions()),
        row(4, "node", Scope::Node, Permissions::ADMIN),
        row(5, "other", Scope::Tenant(TenantNo(2)), Permissions::ADMIN),
        row(6, "orphan", Scope::Tenant(TenantNo(9)), Permissions::ADMIN),
    ]
}

pub fn event(about: About, kind: Kind) -> Event {
    Event { v: VERSION, t: T, at: Utc(1_795_248_000_000_000), tenant: TenantNo(1), about, by: By::SYSTEM, kind }
}

pub fn of_contact() -> About {
    About { contact: Some(CONTACT), ..About::default() }
}

pub fn opened() -> Kind {
    Kind::ContactOpened {
        from: "+8613800138000".into(),
        to: "9000".into(),
        number: Some(NumberNo(1)),
        language: "zh-CN".into(),
        record: true,
    }
}

pub fn site() -> Site {
    let extension = Extension {
        no: ExtensionNo(1),
        number: "1001".into(),
        name: "Ana's phone".into(),
        password: Secret("hidden".into()),
        outbound: true,
        record: false,
        auto_answer: false,
        retiring: false,
    };
    let agent = Agent {
        no: AgentNo(3),
        id: "ana".into(),
        name: "Ana".into(),
        station: StationPlan::Extension(ExtensionNo(1)),
        groups: IndexMap::from([(GroupNo(2), 5)]),
        offer: None,
        after_call: AfterCall::WrapUp,
        supervises: Vec::new(),
        calling_number: None,
        retiring: false,
    };
    let group = Group {
        no: GroupNo(2),
        id: "support".into(),
        name: "Support".into(),
        offer: crate::event::words::OfferWay::Ring,
        strategy: Strategy::LongestIdle,
        ring: Span::seconds(20),
        wrap_up: Span::seconds(10),
        length_max: None,
        wait_max: None,
        music: "default".into(),
        calls_per_agent: 1,
        calling_number: None,
        retiring: false,
    };
    let send = TrunkTarget { host: "127.0.0.1".into(), ip: None, port: 5080, transport: Wire::Udp };
    let trunk = Trunk {
        no: TrunkNo(1),
        id: "carrier".into(),
        send,
        accept: Vec::new(),
        codecs: Vec::new(),
        max_calls: 100,
        inbound: Vec::new(),
        outbound: Vec::new(),
        caller_id: None,
        refer: false,
        account: None,
        retiring: false,
    };
    let number = Number {
        no: NumberNo(1),
        number: "9000".into(),
        flow: "main".into(),
        language: None,
        record: true,
        retiring: false,
    };
    let mut site = Site::bare(TenantNo(1), "demo");
    site.default = true;
    site.extensions = IndexMap::from([(extension.no, extension)]);
    site.agents = IndexMap::from([(agent.no, agent)]);
    site.groups = IndexMap::from([(group.no, group)]);
    site.trunks = IndexMap::from([(trunk.no, trunk)]);
    site.numbers = IndexMap::from([(number.no, number)]);
    let meeting = Reason { no: ReasonNo(2), id: "meeting".into(), name: "Meeting".into(), max: None };
    site.reasons = IndexMap::from([(meeting.no, meeting)]);
    site.flows = IndexMap::from([("main".to_owned(), FlowNo(1))]);
    site
}

/// The fake tenant: one of everything.
pub fn answer(body: &Body) -> Answer {
    let snapshot = match body {
        Body::Agent { .. }
        | Body::Decide { .. }
        | Body::Watch { .. }
        | Body::SendOn { .. }
        | Body::Query(Ask::Agents | Ask::Agent(_)) => Snapshot::Agents(vec![agent_state()]),
        Body::Originate(_) | Body::TwoWay(_) | Body::Play(_) | Body::Preview { .. } => {
            Snapshot::Ordered(contact_state().contact)
        }
        Body::Hangup { .. } | Body::SetData { .. } | Body::Priority { .. } | Body::Call { .. } => {
            Snapshot::Contacts(vec![contact_state()])
        }
        Body::Query(Ask::Contacts | Ask::Contact(_)) => Snapshot::Contacts(vec![contact_state()]),
        Body::Session(_) | Body::Query(Ask::Sessions | Ask::Session(_)) => Snapshot::Sessions(vec![session_state()]),
        Body::Query(Ask::Groups) => Snapshot::Groups(vec![group_state()]),
        Body::Query(Ask::Extensions) => Snapshot::Extensions(vec![extension_state()]),
        Body::Query(Ask::SipHistory(_)) => Snapshot::SipHistory(history()),
        Body::Query(Ask::Resolve(lookup)) => Snapshot::Resolved(Box::new(resolved(lookup))),
    };
    Answer::Accepted { snapshot }
}

/// `1...` is an extension, `9...` a number, the rest is outside.
fn resolved(lookup: &Lookup) -> Resolved {
    let leads_to = match lookup.to.as_bytes().first() {
        Some(b'1') => {
            LeadsTo::Extension { extension: ExtensionNo(1), agent: Some(AgentNo(3)), reachable: true, busy: false }
        }
        Some(b'9') => LeadsTo::Number { number: NumberNo(1), flow: "main".into(), groups: vec![GroupNo(2)] },
        _ => LeadsTo::Outside(Outside {
            number: "+8613800138000".into(),
            emergency: false,
            shown_by: ShownBy::Rule { of: RuleOf::Group(GroupNo(2)), kind: RuleKind::Rotate },
            trunks: vec![TrunkWay {
                trunk: TrunkNo(1),
                dials: "013800138000".into(),
                full: true,
                shows: vec!["+861".into(), "+862".into()],
            }],
        }),
    };
    Resolved { to: lookup.to.clone(), leads_to }
}

fn agent_state() -> AgentState {
    let work = AgentWorkState {
        role: WorkRole::WrapUp,
        contact: Some(CONTACT),
        offer: None,
        since: T,
        until: Some(T + Span::seconds(10)),
    };
    AgentState {
        agent: AgentNo(3),
        id: "ana".into(),
        name: "Ana".into(),
        display: Display::WrapUp,
        since: T,
        station: Some(Station::Extension(ExtensionNo(1))),
        // A group that the site no longer has shows its number.
        groups: vec![(GroupNo(2), 5), (GroupNo(99), 1)],
        not_ready: Some(NotReadyReason::Rest(Some(ReasonNo(2)))),
        not_ready_until: Some(T + Span::minutes(5)),
        leaving: false,
        rest_wait: Some(RestWait { place: 2, since: T, reason: Some(ReasonNo(2)), length: Span::minutes(10) }),
        preferences: Preferences { after_call: None, auto_answer: Some(true) },
        reachable: true,
        down: None,
        phone_rests_until: None,
        watches: None,
        work: vec![work],
    }
}

/// Ana's client, by the token of `clerk`.
pub fn session_state() -> SessionState {
    let lease = Some(Lease { length: Span::seconds(30), policy: LeasePolicy::NotReady });
    let filter = Filter { agents: [AgentNo(3)].into(), groups: [GroupNo(2), GroupNo(99)].into(), ..Filter::default() };
    let new = NewSession { token: 7, agent: Some(AgentNo(3)), delivery: Delivery::Poll, filter, lease };
    SessionState { session: SESSION, new, opened: T, until: Some(T + Span::seconds(30)) }
}

fn group_state() -> GroupState {
    GroupState {
        group: GroupNo(2),
        id: "support".into(),
        name: "Support".into(),
        waiting: 2,
        oldest: Some(T),
        signed_in: 4,
        available: 1,
    }
}

fn extension_state() -> ExtensionState {
    let binding = BindingState {
        contact: "sip:1001@192.0.2.15:5060".into(),
        received: "198.51.100.7:50234".into(),
        wire: Wire::Udp,
        until: T + Span::minutes(5),
        user_agent: Some("baresip".into()),
        usable: true,
    };
    ExtensionState {
        extension: ExtensionNo(1),
        number: "1001".into(),
        name: "Ana's phone".into(),
        bindings: vec![binding],
    }
}

fn contact_state() -> ContactState {
    let leg = |leg, role, party, agent, phase| LegState {
        leg: LegId(leg),
        role,
        direction: Direction::Inbound,
        party,
        remote: "+8613800138000".into(),
        agent,
        offer: agent.map(|_| OfferId(9)),
        phase,
        since: T,
        held: None,
        muted_from: false,
        muted_to: false,
        passes_to: None,
        supervision: None,
    };
    let caller = leg(11, LegRole::Customer, PartyRef::Trunk(TrunkNo(1)), None, LegPhase::Answered);
    let ana = leg(12, LegRole::Agent, PartyRef::Extension(ExtensionNo(1)), Some(AgentNo(3)), LegPhase::Ringing);
    ContactState {
        contact: CONTACT,
        from: "+8613800138000".into(),
        to: "9000".into(),
        number: Some(NumberNo(1)),
        opened: T,
        flow: Some("main".into()),
        node: Some("to_support".into()),
        queued: Some(GroupNo(2)),
        wait: Some(WaitState {
            groups: vec![GroupNo(2)],
            agent: None,
            since: T,
            first: T - Span::seconds(9),
            priority: 2,
            offered: vec![(AgentNo(3), OfferId(14))],
        }),
        data: json!({ "order": "4711" }).as_object().expect("an object").clone(),
        calls: vec![CallState {
            call: CallId(10),
            kind: CallKind::Main,
            chair: Some(LegId(12)),
            legs: vec![caller, ana],
        }],
        transfer: Some(TransferState {
            mode: TransferMode::ComeBack,
            phase: TransferPhase::Away,
            leg: LegId(12),
            target: Some(LegId(13)),
            call: Some(CallId(14)),
        }),
        playback: None,
        conference: Some(ConferenceState {
            seats: Some(8),
            until: Some(T + Span::minutes(60)),
            warn_at: Some(T + Span::minutes(57)),
        }),
        recording: Some(RecordingState { phase: RecordingPhase::Paused, since: T, until: Some(T + Span::minutes(1)) }),
    }
}

fn history() -> Vec<TracedMessage> {
    let message = |leg, sent, text: &str| TracedMessage {
        leg: LegId(leg),
        sent,
        t: T,
        remote: "198.51.100.20:5060".into(),
        text: text.into(),
    };
    vec![
        message(11, false, "INVITE sip:9000@demo.example SIP/2.0\r\n\r\n"),
        message(11, true, "SIP/2.0 100 Trying\r\n\r\n"),
    ]
}
