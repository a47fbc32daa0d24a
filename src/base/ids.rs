//! Ids. Contacts, calls, legs, items, offers and segments have one number of 60 bits:
//! seconds of [`Time`] (31) | node (5) | sequence (24). It orders by time and never repeats after a restart.
//! Site objects have a small integer per tenant and kind, never reused.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bits of a minted number.
const ID_BITS: u32 = 60;

/// A text that is no id: digits only, and no number beyond 60 bits, which storage could not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoId;

impl fmt::Display for NoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id is a number of at most 60 bits")
    }
}

impl std::error::Error for NoId {}

fn number_of(text: &str) -> Result<u64, NoId> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number: &u64| digits && number >> ID_BITS == 0).ok_or(NoId)
}

macro_rules! minted {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NoId;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                number_of(text).map(Self)
            }
        }

        /// As text: 60 bits do not fit the number type of JSON's most common reader.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                number_of(&text).map(Self).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

macro_rules! numbered {
    ($($(#[$doc:meta])* $name:ident($int:ty))*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $int);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

minted! {
    /// One matter: from the command or INVITE that creates it to the end of its last call.
    ContactId
    /// One conversation as its holder sees it; it has one room.
    CallId
    /// One party's connection. 0 never occurs.
    LegId
    /// What is queued and offered.
    ItemId
    /// A joining of an item and an agent.
    OfferId
    /// A labelled part of a recording.
    SegmentId
    /// A client's way to hear events, with a lease.
    SessionId
}

numbered! {
    TenantNo(u16)
    ExtensionNo(u32)
    AgentNo(u32)
    GroupNo(u32)
    /// A reason for not being ready that the tenant made.
    ReasonNo(u32)
    NumberNo(u32)
    RouteNo(u32)
    TrunkNo(u32)
    FlowNo(u32)
    /// An entry of `[[interface]]`, expanded to one per address of the host.
    InterfaceNo(u16)
    /// A UDP socket or a TCP connection, numbered by its driver.
    LinkId(u64)
    /// A prompt, music or tone that plays into a room; unique per tenant.
    PlayerId(u64)
}

/// A command's id: text of at most 64 bytes, unique per (tenant, token). The token's number comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CommandId {
    pub token: u32,
    pub id: String,
}

/// A block of ids or ports was empty. The driver refills before it calls, so this ends one new call, never a running one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolExhausted;
