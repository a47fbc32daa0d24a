//! What can be asked of a tenant. A command is a value: who, what, and never an implied leg.

use serde_json::{Map, Value};

use super::CallVerb;
use crate::base::{AgentNo, CommandId, ContactId, LegId};
use crate::event::words::{Actor, Station};

#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Unique per (tenant, token). The same id within 10 minutes has the same answer and no second effect.
    /// `None` for queries and for callers that want no such promise.
    pub id: Option<CommandId>,
    pub actor: Actor,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Agent {
        agent: AgentNo,
        verb: AgentVerb,
    },
    Originate(Originate),
    /// Ends the whole contact, or one leg of it.
    Hangup {
        contact: ContactId,
        leg: Option<LegId>,
    },
    /// Replaces the named keys of a contact's attached data; `null` removes one.
    SetData {
        contact: ContactId,
        data: Map<String, Value>,
    },
    /// A verb of call control.
    Call {
        contact: ContactId,
        verb: CallVerb,
    },
    Query(Query),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentVerb {
    /// At a station, or at the one the site names.
    SignIn {
        station: Option<Station>,
    },
    SignOut,
    Ready,
    NotReady,
}

/// Dials `to` and runs `flow` for whoever answers. Reaches out of the house, so it acts once it is on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Originate {
    /// An internal number or a public one, resolved as everywhere.
    pub to: String,
    pub flow: String,
    /// The number shown to the far end; the trunk's own when absent.
    pub from: Option<String>,
    pub data: Map<String, Value>,
}

/// Reads of live state. They are answered in the order of the mailbox, so a query after a command sees its effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    Agents,
    Agent(AgentNo),
    Groups,
    Extensions,
    /// Live contacts, oldest first.
    Contacts,
    Contact(ContactId),
    /// The SIP messages of a contact that still lives.
    SipHistory(ContactId),
}
