//! What a flow run is told and what it asks for. It knows sounds, digits, groups and numbers; no leg, dialog or agent.

pub use super::model::WaitsFor;
use crate::base::{FlowNo, Span};
use crate::event::words::{EndCause, ItemExit};
use crate::media::words::Clip;

/// One running flow of a contact hears this.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The customer is there; the flow begins at its first node.
    Start,
    Digit(char),
    /// The prompts asked for by the last `Play` have ended; `missing` names a sound that does not exist.
    PlayEnded {
        missing: Option<String>,
    },
    /// The customer left the queue without an agent, or was connected.
    QueueLeft(ItemExit),
    /// The dialled party answered, or how it did not.
    DialEnded(DialResult),
    /// The agent or dialled party ended the talk; the customer is still there.
    AgentSideEnded,
    /// A person takes the customer out of the flow. Should that lead nowhere `AgentSideEnded` follows, and the flow goes on
    /// with the node he was in.
    Taken,
    /// The agent to whom he was offered sends him on, unanswered: for the flow he has been with an agent.
    SentOn,
    /// The customer is gone: `on_hangup` runs without sound.
    CustomerLeft,
    Due,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialResult {
    Connected,
    Busy,
    NoAnswer,
    /// Not found, forbidden, full, unreachable.
    Failed,
}

/// And asks for this. After `Ended` nothing more comes.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Answer the customer if that has not happened.
    Answer,
    /// Play these sounds one after the other, instead of what plays now. While the customer waits in a
    /// queue this is an announcement: the music comes back when it ends or is stopped.
    Play {
        sounds: Vec<Clip>,
    },
    StopPlay,
    /// Have the customer wait for an agent. The flow waits for `QueueLeft`.
    Queue {
        to: WaitsFor,
        priority: i32,
        wait_max: Option<Span>,
    },
    /// Take him out again (the caller pressed a key for it). The flow still waits for `QueueLeft`: `Withdrawn`, or
    /// `Connected` if an agent was faster.
    Unqueue,
    /// Ring somebody and connect. The flow waits for `DialEnded`.
    Dial {
        to: String,
        ring: Span,
    },
    /// Attached data of the contact changed.
    Set {
        key: String,
        value: String,
    },
    /// A node was left by one of its exits.
    Trace {
        node: String,
        exit: String,
    },
    Hangup {
        cause: EndCause,
    },
    /// The caller goes back to whoever sent him; with nobody there he is released.
    Return,
    /// The run is over; also after `Hangup`, `Return` and `TooManySteps`. If the customer is still there and nothing else holds
    /// him, he is released.
    Ended,
    /// More steps than a contact may take: the flow ended itself.
    TooManySteps,
}

/// What a run may look at: facts about its contact, fixed when it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    pub flow: FlowNo,
    pub from: String,
    pub to: String,
    pub language: String,
    pub data: serde_json::Map<String, serde_json::Value>,
}
