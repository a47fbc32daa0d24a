//! Words of client sessions: how one gets its events, what keeps it alive, and how it ended.

use serde::{Deserialize, Serialize};

use crate::base::Span;

/// How a client session gets its events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// It opens a WebSocket.
    Socket,
    /// It asks again and again, and waits for the answer.
    Poll,
    /// They are posted to this `http://` address.
    Push { url: String },
}

/// How long a session lives without a sign of its client, and what follows when none came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    pub length: Span,
    pub policy: LeasePolicy,
}

/// What the end of a lease does to the session's agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeasePolicy {
    Nothing,
    /// Not ready, reason `client-lost`: he is offered nothing more.
    NotReady,
    /// Signed out, during a call when it is over.
    SignOut,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionEnding {
    /// Its owner closed it.
    Closed,
    /// No sign of the client came within the lease.
    Expired,
    /// The token that opened it is gone.
    Revoked,
}

impl LeasePolicy {
    /// As people and clients read it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::NotReady => "not-ready",
            Self::SignOut => "sign-out",
        }
    }
}

impl SessionEnding {
    /// As people and clients read it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}
