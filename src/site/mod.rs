//! The objects of a tenant as one immutable value: extensions, agents, groups, numbers, routes, trunks.
//! Owns their types, `resolve` (who is meant by a dialled number) and `advertise` (which address a peer is told).
//! Leaves reading of files to the loader beside it, storing to `store`, and every change while running to the tenant
//! machine, which gets a new [`Site`] as an input and computes what the change touches.

use indexmap::IndexMap;
use std::net::IpAddr;

use crate::base::{AgentNo, ExtensionNo, FlowNo, GroupNo, NumberNo, RouteNo, Span, TenantNo, TrunkNo};
pub use crate::base::{Network, Secret};
use crate::event::words::Wire;
pub use crate::sdp::Codec;

/// Everything that was told to us about one tenant. Shared as `Arc<Site>`; never edited in place.
#[derive(Clone, Debug)]
pub struct Site {
    pub tenant: TenantNo,
    /// The tenant's key, as in the site file.
    pub key: String,
    /// Request-URI hosts that mean this tenant; the first is the digest realm.
    pub domains: Vec<String>,
    /// Takes requests whose host no tenant claims.
    pub default: bool,
    /// IANA name.
    pub time_zone: String,
    /// `zh-CN` or `en-US`: the folder of prompts.
    pub language: String,
    pub digest: DigestPolicy,
    pub limits: Limits,
    pub extensions: IndexMap<ExtensionNo, Extension>,
    pub agents: IndexMap<AgentNo, Agent>,
    pub groups: IndexMap<GroupNo, Group>,
    pub trunks: IndexMap<TrunkNo, Trunk>,
    /// In the order of the file; the first match wins.
    pub routes: Vec<Route>,
    pub numbers: IndexMap<NumberNo, Number>,
    pub emergency: Emergency,
    /// The number of each loaded flow, by key. The flows themselves are `ivr`'s.
    pub flows: IndexMap<String, FlowNo>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestPolicy {
    /// MD5 alone: many phones fail on a SHA-256 challenge, even as the second.
    Md5,
    /// SHA-256 first, then MD5.
    Both,
    Sha256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Live contacts. Full: 486 (480 where the caller waited).
    pub calls: u32,
    /// New contacts per second.
    pub cps: u32,
    /// Longest call, longest hold.
    pub call_max: Span,
    pub hold_max: Span,
    /// Shortest and longest registration a phone may ask for (423 below, cut above), and what it gets when it asks for none.
    pub register_min: Span,
    pub register_max: Span,
    pub register_default: Span,
}

/// A SIP account.
#[derive(Clone, Debug)]
pub struct Extension {
    pub no: ExtensionNo,
    /// Its number and its SIP user.
    pub number: String,
    pub name: String,
    pub password: Secret,
    /// May dial outside.
    pub outbound: bool,
    /// Removed while in use: finishes its running work.
    pub retiring: bool,
}

#[derive(Clone, Debug)]
pub struct Agent {
    pub no: AgentNo,
    pub id: String,
    pub name: String,
    pub station: StationPlan,
    /// Level per group, 1 to 9; a higher level is the better skill.
    pub groups: IndexMap<GroupNo, u8>,
    pub retiring: bool,
}

/// Where an agent is rung when signed in without naming a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StationPlan {
    Extension(ExtensionNo),
}

#[derive(Clone, Debug)]
pub struct Group {
    pub no: GroupNo,
    pub id: String,
    pub name: String,
    pub strategy: Strategy,
    /// How long one offer rings.
    pub ring: Span,
    pub wrap_up: Span,
    /// Callers waiting at most; full: the flow's `full` exit.
    pub length_max: Option<u32>,
    /// Longest wait; over: the flow's `timeout` exit.
    pub wait_max: Option<Span>,
    /// Key of the music below `sounds/music`.
    pub music: String,
    pub record: bool,
    pub retiring: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    LongestIdle,
    /// Best level first, longest idle among equals.
    SkillLevel,
}

#[derive(Clone, Debug)]
pub struct Trunk {
    pub no: TrunkNo,
    pub id: String,
    pub send: TrunkTarget,
    /// Sources that are this trunk; never guessed from where we send.
    pub accept: Vec<Accept>,
    pub codecs: Vec<Codec>,
    pub max_calls: u32,
    pub inbound: Vec<Rewrite>,
    /// What the number called from this trunk becomes when we dial out over it: `+` form to the carrier's form.
    pub outbound: Vec<Rewrite>,
    /// Shown to the carrier when the caller has no public number.
    pub caller_id: Option<String>,
    pub retiring: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkTarget {
    pub host: String,
    /// Resolved by the driver when the host is a name; set at load when it is an address.
    pub ip: Option<IpAddr>,
    pub port: u16,
    pub transport: Wire,
}

/// A network, and one port of it when named: `127.0.0.1/32:5080`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accept {
    pub network: Network,
    pub port: Option<u16>,
}

/// `match` is a regular expression over the whole number, `to` its replacement with `$1`.
#[derive(Clone, Debug)]
pub struct Rewrite {
    pub pattern: Pattern,
    pub to: String,
}

#[derive(Clone, Debug)]
pub struct Pattern(pub regex_lite::Regex);

#[derive(Clone, Debug)]
pub struct Route {
    pub no: RouteNo,
    pub pattern: Pattern,
    pub action: RouteAction,
}

#[derive(Clone, Debug)]
pub enum RouteAction {
    /// The rewritten number goes out over the first of these trunks that has room and answers.
    Trunks { to: String, trunks: Vec<TrunkNo> },
    /// The number is an extension's.
    Extension,
}

/// A number that callers reach: E.164 with `+`, or internal without.
#[derive(Clone, Debug)]
pub struct Number {
    pub no: NumberNo,
    pub number: String,
    /// Key of the flow that answers.
    pub flow: String,
    pub language: Option<String>,
    pub retiring: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Emergency {
    pub numbers: Vec<String>,
    pub trunks: Vec<TrunkNo>,
}
