//! A site as a person wrote it: objects that name each other by key, checked, without numbers.
//! Owns that form and what it says about things outside the file. Made by `load`; `plan` turns it into a [`super::Site`].

use super::{
    Account, AfterCall, CallingNumber, Codec, DigestPolicy, DirectCalls, Group, Limits, Number, Pattern, Reason, Rest,
    Rewrite, Secret, TakeOver, TrunkTarget,
};
use crate::config::{Problem, did_you_mean};
use crate::event::words::OfferWay;
use crate::site::Accept;

/// Made only by the loader, so every key named in it exists in it.
#[derive(Clone, Debug)]
pub struct SiteFile {
    pub(super) key: String,
    pub(super) domains: Vec<String>,
    pub(super) default: bool,
    pub(super) time_zone: String,
    pub(super) language: String,
    pub(super) digest: DigestPolicy,
    pub(super) limits: Limits,
    pub(super) extensions: Vec<ExtensionEntry>,
    /// Their `no` is 0 until `plan`; so is that of `reasons` and `numbers`.
    pub(super) groups: Vec<Group>,
    pub(super) reasons: Vec<Reason>,
    pub(super) rest: Rest,
    pub(super) take_over: TakeOver,
    pub(super) direct: DirectCalls,
    pub(super) calling_number: Option<CallingNumber>,
    pub(super) agents: Vec<AgentEntry>,
    pub(super) trunks: Vec<TrunkEntry>,
    pub(super) routes: Vec<RouteEntry>,
    pub(super) numbers: Vec<Number>,
    pub(super) emergency_numbers: Vec<String>,
    /// Keys of trunks.
    pub(super) emergency_trunks: Vec<String>,
    pub(super) outside: Vec<Reference>,
}

#[derive(Clone, Debug)]
pub(super) struct ExtensionEntry {
    pub number: String,
    pub name: String,
    pub password: Option<Secret>,
    pub outbound: bool,
    pub record: bool,
    pub auto_answer: bool,
}

#[derive(Clone, Debug)]
pub(super) struct AgentEntry {
    pub id: String,
    pub name: String,
    pub station: StationEntry,
    /// Id of a group, and the level in it.
    pub groups: Vec<(String, u8)>,
    pub after_call: AfterCall,
    pub offer: Option<OfferWay>,
    /// Ids of groups.
    pub supervises: Vec<String>,
    pub calling_number: Option<CallingNumber>,
}

#[derive(Clone, Debug)]
pub(super) enum StationEntry {
    /// The number of an extension.
    Extension {
        extension: String,
        permanent: bool,
    },
    Outside {
        number: String,
        confirm: bool,
        permanent: bool,
    },
}

#[derive(Clone, Debug)]
pub(super) struct TrunkEntry {
    pub id: String,
    pub send: TrunkTarget,
    pub accept: Vec<Accept>,
    pub codecs: Vec<Codec>,
    pub max_calls: u32,
    pub inbound: Vec<Rewrite>,
    pub outbound: Vec<Rewrite>,
    pub caller_id: Option<String>,
    pub refer: bool,
    pub account: Option<Account>,
}

#[derive(Clone, Debug)]
pub(super) struct RouteEntry {
    pub pattern: Pattern,
    pub action: RouteEntryAction,
}

#[derive(Clone, Debug)]
pub(super) enum RouteEntryAction {
    /// Ids of trunks.
    Trunks {
        to: String,
        trunks: Vec<String>,
    },
    Extension,
}

/// Something that a site file names and does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// A file in `dialplans/`, by its key.
    Flow,
    /// A file in `sounds/music/`, without its ending.
    Music,
    /// A folder of prompts in `sounds/`.
    Language,
}

#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub kind: Outside,
    pub name: String,
    /// What to say if it does not exist; its hint is made from what does.
    pub otherwise: Problem,
}

impl SiteFile {
    /// The tenant's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    pub fn domains(&self) -> &[String] {
        &self.domains
    }

    /// Takes requests whose host no tenant claims.
    pub fn is_default(&self) -> bool {
        self.default
    }

    /// Extensions for which a password must be made.
    pub fn without_password(&self) -> impl Iterator<Item = &str> {
        self.extensions.iter().filter(|e| e.password.is_none()).map(|e| e.number.as_str())
    }

    /// A problem for each name of this kind that is not among `known`. Names in the file's order, one problem per place.
    pub fn missing(&self, kind: Outside, known: &[&str]) -> Vec<Problem> {
        let of_kind = self.outside.iter().filter(|r| r.kind == kind && !known.contains(&r.name.as_str()));
        of_kind.map(|r| Problem { hint: did_you_mean(&r.name, known.iter().copied()), ..r.otherwise.clone() }).collect()
    }
}
