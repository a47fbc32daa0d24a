//! A scenario's stage through the real binary: a server of its own, far ends on sockets of 127.0.0.1, the house asked and
//! ordered about over HTTP. Time is real, so a row is done as soon as the one before was seen, and the site's waits are
//! short; a row must come true by its time in the table and ten seconds.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use cordboard::base::{OfferId, Span, Time};
use cordboard::event::words::{Display, Disposition, Line, OfferEnding, Side, Station, TransferMode};
use cordboard::switch::{AgentVerb, ConsultVerb};
use serde_json::{Value, json};

use crate::far_ends::{self, FarEnds};
use crate::harness::server::House;
use crate::harness::wait::STEP;
use crate::harness::{Block, Events, Server};
use crate::scenario::place::{self, CARRIER, DOMAIN, SECOND_PHONE, Shape, TENANT, Waits};
use crate::scenario::stage::{Record, Stage, lines};
use crate::scenario::ua::Ua;

/// For those who have to live through them.
const SHORT: Waits = Waits { ring: "3s", dial: "5s", wrap_up: "1s" };
/// Between two looks at what has no event.
const LOOK: Duration = Duration::from_millis(20);

pub struct OnWire {
    pub ends: FarEnds,
    pub events: Events,
    pub server: Server,
    answers: BTreeMap<&'static str, bool>,
    began: Instant,
    /// It was told to end.
    ends_now: bool,
}

impl OnWire {
    /// All phones but the second are registered, and all agents are signed in and ready when the first row begins.
    pub fn new(shape: &Shape) -> Self {
        let carrier = far_ends::seat();
        let server = Server::open(House {
            tenant: TENANT,
            sites: vec![("site.yaml", place::site(shape, &SHORT, carrier.address()))],
            flows: place::flows(&SHORT),
            drain: "60s",
            sip: Block::one(),
            media_ports: 60,
        });
        let mut ends = FarEnds::new(server.sip);
        ends.add(CARRIER, carrier, shape.trunk_wire, DOMAIN);
        for (name, number, wire) in place::PHONES {
            let no = ends.uas.len();
            ends.add(name, far_ends::seat(), wire, DOMAIN).has_account(number, &place::password(number), 600);
            if name != SECOND_PHONE {
                ends.touch(no, |ua, t| ua.register(t));
            }
        }
        let is_ready = |ua: &Ua| ua.account.is_none() || ua.name == SECOND_PHONE || ua.register_status == Some(200);
        ends.until("the phones to register", |uas| uas.iter().all(is_ready));
        let events = server.events();
        events.ring(ends.bell());
        let mut stage = Self { ends, events, server, answers: BTreeMap::new(), began: Instant::now(), ends_now: false };
        for agent in ["ana", "bo"].map(place::agent) {
            stage.agent(agent, AgentVerb::SignIn { station: None, groups: None });
            stage.agent(agent, AgentVerb::Ready);
        }
        stage.began = Instant::now();
        stage
    }

    /// Of the one contact that lives.
    fn verb(&self, verb: &str, body: &Value) {
        let calls = self.server.api.get("/v1/calls");
        let id = calls["contacts"][0]["contact"].as_str().expect("a contact");
        self.server.api.post(&format!("/v1/calls/{id}/{verb}"), body);
    }

    /// `None`: the server did not answer, or not with 200.
    fn ask(&self, path: &str) -> Option<Value> {
        let reply = self.server.api.try_send("GET", path, &[], "").ok()?;
        (reply.status == 200).then(|| reply.json())
    }

    /// Records that know everything told so far.
    fn ask_records(&self, query: &str) -> Vec<Value> {
        let seq = self.ask("/v1/calls").and_then(|calls| calls["seq"].as_u64());
        let list = seq.and_then(|seq| self.ask(&format!("/v1/contacts?at_least={seq}&{query}")));
        list.and_then(|list| list["contacts"].as_array().cloned()).unwrap_or_default()
    }

    /// Far ends do their part meanwhile.
    pub fn carry_on_until(&mut self, what: &str, holds: impl Fn(&mut Self) -> bool) {
        let end = Instant::now() + STEP;
        while !holds(self) {
            assert!(Instant::now() < end, "waited {STEP:?} for {what}\n{}", self.tell());
            self.ends.wait(Instant::now() + LOOK);
        }
    }

    fn originate(&mut self, id: &'static str, body: Value) {
        let reply = self.server.api.send("POST", "/v1/calls", &[("Idempotency-Key", id)], &body.to_string());
        let accepted = match reply.status {
            202 => true,
            400..=599 => false,
            status => panic!("{status} to an order: {}", reply.json()),
        };
        self.answers.insert(id, accepted);
    }
}

impl Stage for OnWire {
    const IS_SIM: bool = false;

    fn uas(&self) -> &[Ua] {
        &self.ends.uas
    }

    fn touch<R>(&mut self, ua: usize, act: impl FnOnce(&mut Ua, Time) -> R) -> R {
        self.ends.touch(ua, act)
    }

    fn reach(&mut self, _at: Span) {}

    fn advance(&mut self, _from: Span, until: Span) -> bool {
        let end = self.began + Duration::from_micros(until.as_micros().unsigned_abs()) + STEP;
        self.ends.wait(end);
        Instant::now() >= end
    }

    fn agent(&mut self, id: &str, verb: AgentVerb) {
        let body = match &verb {
            AgentVerb::SignIn { station: Some(Station::Outside { number, confirm }), .. } => {
                json!({ "station": { "outside": number, "confirm": confirm } })
            }
            AgentVerb::SignIn { station: Some(Station::Permanent(Line::Extension(no))), .. } => {
                json!({ "station": { "extension": (1000 + no.0).to_string(), "permanent": true } })
            }
            AgentVerb::Offer { offer, .. } => json!({ "offer": offer.to_string() }),
            _ => json!({}),
        };
        self.server.api.post(&format!("/v1/agents/{id}/{}", verb.word()), &body);
    }

    fn order(&mut self, id: &'static str, to: &str, flow: &str) {
        self.originate(id, json!({"to": to, "flow": flow}));
    }

    fn lets_call(&mut self, id: &'static str, by: Result<&str, &str>, to: &str) {
        let by = match by {
            Ok(agent) => json!({ "agent": agent }),
            Err(number) => json!(number),
        };
        self.originate(id, json!({"by": by, "to": to}));
    }

    fn gives(&mut self, by: &str, mode: TransferMode, to: Result<&str, &str>) {
        let (verb, mode) = match mode {
            TransferMode::Consult => ("consult", None),
            TransferMode::Blind => ("transfer", Some("blind")),
            TransferMode::OnAnswer => ("transfer", Some("on-success")),
            TransferMode::ComeBack => ("transfer", Some("talk")),
        };
        let to = match to {
            Ok(agent) => json!({ "agent": agent }),
            Err(group) => json!({ "group": group }),
        };
        let mut body = json!({"agent": by, "to": to});
        if let Some(mode) = mode {
            body["mode"] = json!(mode);
        }
        self.verb(verb, &body);
    }

    fn lends(&mut self, by: &str, flow: &str) {
        self.verb("transfer", &json!({"agent": by, "mode": "talk", "to": {"flow": flow}}));
    }

    fn sends_on(&mut self, by: &str, offer: OfferId, group: &str) {
        let body = json!({ "offer": offer.to_string(), "to": { "group": group } });
        self.server.api.post(&format!("/v1/agents/{by}/reject-offer"), &body);
    }

    fn decides(&mut self, by: &str, verb: ConsultVerb) {
        let verb = match verb {
            ConsultVerb::Complete => "consult/complete",
            ConsultVerb::Cancel => "consult/cancel",
            ConsultVerb::Swap => "consult/swap",
            ConsultVerb::Join => "consult/join",
        };
        self.verb(verb, &json!({ "agent": by }));
    }

    fn convenes(&mut self, id: &'static str, by: &str) {
        self.originate(id, json!({"by": {"agent": by}}));
    }

    fn invites(&mut self, by: &str, to: &str) {
        self.verb("invite", &json!({"agent": by, "to": to}));
    }

    fn passes_keys(&mut self, to: &str) {
        let calls = self.server.api.get("/v1/calls");
        let legs = calls["contacts"][0]["calls"][0]["legs"].as_array().expect("a list");
        let customer = legs.iter().find(|leg| leg["role"] == "customer").expect("a customer");
        self.verb("pass-digits", &json!({"leg": customer["leg"], "to": {"agent": to}}));
    }

    fn limits(&mut self, seats: usize, length: Span, warn: Span) {
        let (length, warn) = (length.as_millis(), warn.as_millis());
        self.verb("conference", &json!({"seats": seats, "length_ms": length, "warn_ms": warn}));
    }

    fn end_all(&mut self) {
        let calls = self.server.api.get("/v1/calls");
        for contact in calls["contacts"].as_array().expect("a list") {
            let id = contact["contact"].as_str().expect("an id");
            self.server.api.post(&format!("/v1/calls/{id}/hangup"), &json!({}));
        }
    }

    fn crash(&mut self) {
        // What was seen is on disk: the records are folded from there.
        self.ask_records("limit=1");
        self.server.kill9();
        self.server.start_again();
        self.events = self.server.events();
        self.events.ring(self.ends.bell());
    }

    fn drain(&mut self) {
        self.server.terminate();
        self.carry_on_until("the server to be no longer ready", |stage| {
            stage.server.api.try_send("GET", "/readyz", &[], "").is_ok_and(|reply| reply.status == 503)
        });
    }

    fn drain_ends(&mut self) {
        self.ends_now = true;
        self.server.terminate();
    }

    fn shows(&mut self, id: &str) -> Option<Display> {
        word(&self.ask(&format!("/v1/agents/{id}"))?["agent"]["state"])
    }

    fn offer(&mut self, id: &str) -> Option<OfferId> {
        let no = self.ask(&format!("/v1/agents/{id}"))?["agent"]["no"].clone();
        let made = self.events.wait("offer_made", |event| event["agent_no"] == no);
        made["offer"].as_str()?.parse().ok()
    }

    fn accepted(&self, id: &str) -> Option<bool> {
        self.answers.get(id).copied()
    }

    fn contacts(&mut self) -> usize {
        match self.ask("/v1/calls") {
            Some(calls) => calls["contacts"].as_array().expect("a list").len(),
            // A drain is over when the last contact is.
            None if !self.server.is_alive() => 0,
            None => usize::MAX,
        }
    }

    fn record(&mut self, from: &str) -> Option<Record> {
        let from = from.replace('+', "%2B");
        let records = self.ask_records(&format!("from={from}&limit=1"));
        let record = records.first()?;
        let list = |name: &str| record[name].as_array().cloned().unwrap_or_default();
        Some(Record {
            disposition: word::<Disposition>(&record["disposition"]),
            side: word::<Side>(&record["ended_by"]),
            offers: list("offers").iter().filter_map(|offer| word::<OfferEnding>(&offer["ending"])).collect(),
            digits: list("digits").iter().filter_map(|digit| digit["digit"].as_str()).collect(),
        })
    }

    fn records(&mut self) -> (usize, usize) {
        let records = self.ask_records("limit=50");
        (records.len(), records.iter().filter(|record| record["closed"].is_string()).count())
    }

    fn tell(&mut self) -> String {
        let diaries: Vec<_> =
            self.ends.uas.iter().map(|ua| (&ua.name, &ua.diaries)).filter(|(_, d)| !d.is_empty()).collect();
        let (agents, calls) = (self.ask("/v1/agents"), self.ask("/v1/calls"));
        let records: Vec<String> = self.ask_records("limit=50").iter().map(Value::to_string).collect();
        let shown = |state: Option<Value>| state.map(|state| state.to_string()).unwrap_or_default();
        format!("{}\n{}\n{}\n{}", lines(&diaries), shown(agents), shown(calls), records.join("\n"))
    }

    fn finish(mut self) {
        self.carry_on_until("everybody to be at rest", |stage| stage.contacts() == 0 && stage.ends.live_calls() == 0);
        if self.ends_now {
            assert!(self.server.exit(STEP).success(), "a drain ends well");
        } else {
            self.server.assert_rest();
        }
    }
}

/// A word of the API as the house writes it.
fn word<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    (!value.is_null()).then(|| serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{value}: {error}")))
}
