//! Steps that many scenarios share, in the words of a call centre.

use serde_json::{Value, json};

use super::rtp::{Law, Rtp};
use super::sipp::{Caller, Sipp};
use super::{Events, Plan, Server};

pub struct Scene {
    pub events: Events,
    pub server: Server,
}

impl Scene {
    pub fn new(plan: &Plan) -> Self {
        let server = Server::start(plan);
        Self { events: server.events(), server }
    }

    pub fn sign_in(&self, agent: &str) {
        let reply = self.server.api.post(&format!("/v1/agents/{agent}/sign-in"), &json!({}));
        assert_eq!(reply["agent"]["not_ready"], "signed-in", "who signs in is not ready yet: {reply}");
    }

    /// Signs an agent in and makes him ready.
    pub fn ready(&self, agent: &str) {
        self.sign_in(agent);
        let reply = self.server.api.post(&format!("/v1/agents/{agent}/ready"), &json!({}));
        assert_eq!(reply["agent"]["state"], "ready", "{reply}");
    }

    /// A customer calls over the carrier and talks until the cue.
    pub fn call(&self, dialled: &str) -> Customer {
        self.call_from(1, dialled, &Caller::Talks)
    }

    pub fn call_from(&self, index: u16, dialled: &str, caller: &Caller) -> Customer {
        let before = self.events.so_far("contact_opened").len();
        let rtp = Rtp::new(Law::A);
        let sipp = Sipp::call(&self.server, index, dialled, &rtp, caller);
        let opened = match caller {
            Caller::Refused(_) => Value::Null,
            Caller::Talks | Caller::GivesUp => self.events.nth("contact_opened", before),
        };
        let contact = opened["contact"].as_str().unwrap_or_default().to_owned();
        Customer { sipp, rtp, contact }
    }

    /// Waits for the end of a contact and gives its record.
    pub fn record(&self, contact: &str) -> Value {
        self.events.closed(contact);
        // What belongs to the end and is told after it, such as the offer's, has been told when the tenant answers.
        let calls = self.server.api.get("/v1/calls");
        self.server.api.record(contact, calls["seq"].as_u64().expect("answers have a seq"))
    }

    /// An event of that kind about that contact.
    pub fn of(&self, contact: &str, kind: &str) -> Value {
        self.events.wait(kind, |event| event["contact"] == contact)
    }
}

pub struct Customer {
    pub sipp: Sipp,
    pub rtp: Rtp,
    pub contact: String,
}
