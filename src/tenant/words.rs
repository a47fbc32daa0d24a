//! What the tenant machine takes and gives: closed lists. Nothing else can move a tenant.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{CommandId, InterfaceNo, LinkId};
use crate::event::Event;
use crate::event::words::{By, Wire};
use crate::ivr::Flows;
use crate::media;
use crate::site::Site;
use crate::switch::{Answer, Command, StoreAnswer, StoreAsk};

#[expect(clippy::large_enum_variant, reason = "most inputs are SIP messages; a box for each buys nothing")]
#[derive(Debug)]
pub enum Input {
    Sip(Received),
    /// A connection asked for by `Output::Open` stands.
    LinkOpened {
        request: u64,
        link: LinkId,
    },
    LinkFailed {
        request: u64,
    },
    LinkClosed {
        link: LinkId,
    },
    Media(media::words::Report),
    /// `reply` comes back in `Output::Answer`.
    Command {
        reply: u64,
        command: Box<Command>,
    },
    /// An event journaled with this token is on disk.
    Committed {
        token: u64,
    },
    Store(StoreAnswer),
    /// The site is this from now on, by whoever changed it.
    Site {
        site: Arc<Site>,
        by: By,
    },
    Flows(Arc<Flows>),
    House(House),
    Due,
}

/// One SIP message as the front let it in.
#[derive(Debug)]
pub struct Received {
    pub link: LinkId,
    pub interface: InterfaceNo,
    pub wire: Wire,
    pub from: SocketAddr,
    pub message: crate::sip::message::Message,
}

/// What the node allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum House {
    Open,
    /// New contacts get 503; running ones go on.
    Shed(ShedReason),
    /// No new contacts; the process ends when the running ones have ended.
    Draining,
    /// The drain's limit: everything ends now.
    Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShedReason {
    Disk,
    Journal,
    Media,
    /// Too many panics within a minute.
    InternalError,
}

/// Carried out in this order by a driver that never waits.
#[derive(Debug)]
pub enum Output {
    Send {
        link: LinkId,
        to: SocketAddr,
        bytes: Bytes,
    },
    Open {
        request: u64,
        interface: InterfaceNo,
        wire: Wire,
        to: SocketAddr,
    },
    Media(media::words::Command),
    /// Appended before anything that follows from it is sent. With a token, `Input::Committed` comes back.
    Journal {
        event: Box<Event>,
        notify: Option<u64>,
    },
    /// `repeat_of`: the command was carried out before, and its answer is stamped with the position it had then.
    Answer {
        reply: u64,
        answer: Answer,
        repeat_of: Option<CommandId>,
    },
    Store(StoreAsk),
}

impl Input {
    /// For logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sip(_) => "sip",
            Self::LinkOpened { .. } => "link-opened",
            Self::LinkFailed { .. } => "link-failed",
            Self::LinkClosed { .. } => "link-closed",
            Self::Media(_) => "media",
            Self::Command { .. } => "command",
            Self::Committed { .. } => "committed",
            Self::Store(_) => "store",
            Self::Site { .. } => "site",
            Self::Flows(_) => "flows",
            Self::House(_) => "house",
            Self::Due => "due",
        }
    }
}
