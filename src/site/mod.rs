//! The objects of a tenant as one immutable value: extensions, agents, groups, numbers, routes, trunks.
//! Owns their types, `resolve` (who is meant by a dialled number) and `advertise` (which address a peer is told).
//! The way there: [`load`] reads text to a [`SiteFile`] of keys, [`plan`] gives each object its number, [`export`] writes
//! the text back. Leaves reading of files to `drive`, storing to `store`, and every change while running to the tenant
//! machine, which gets a new [`Site`] as an input and computes what the change touches.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use indexmap::IndexMap;

use crate::base::{AgentNo, ExtensionNo, FlowNo, GroupNo, NumberNo, ReasonNo, RouteNo, Span, TenantNo, TrunkNo};

mod advertise;
mod calling;
mod export;
mod file;
mod load;
mod number;
mod plan;
mod resolve;
mod tenants;

pub use crate::base::{Network, Secret};
pub use advertise::advertise;
pub use calling::CallingNumber;
pub use export::{Passwords, export};
pub use file::{Outside, SiteFile};
pub use load::load;
pub use number::{Pattern, Rewrite, normal_form};
pub use plan::{Numbering, Register, plan};
pub use resolve::{Claim, Destination, Origin, ResolveError, resolve, which_tenant, which_trunk};
pub use tenants::load_all;

/// The site that `cordboard serve` runs when no other was given; passwords are generated.
pub const DEMO: &str = include_str!("demo.yaml");

pub use crate::event::words::AfterCall;
use crate::event::words::{Line, OfferWay, Station, Wire};
pub use crate::sdp::Codec;

/// Everything that was told to us about one tenant. Shared as `Arc<Site>`; never edited in place.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    pub tenant: TenantNo,
    /// Rises with each plan.
    pub version: u64,
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
    /// Why agents are not ready, in the tenant's own words.
    pub reasons: IndexMap<ReasonNo, Reason>,
    pub rest: Rest,
    pub take_over: TakeOver,
    pub direct: DirectCalls,
    /// The number that calls show which leave the house, where no agent or group has a rule.
    pub calling_number: Option<CallingNumber>,
    pub trunks: IndexMap<TrunkNo, Trunk>,
    /// In the order of the file; the first match wins.
    pub routes: Vec<Route>,
    pub numbers: IndexMap<NumberNo, Number>,
    pub emergency: Emergency,
    /// The number of each loaded flow, by key. The flows themselves are `ivr`'s.
    pub flows: IndexMap<String, FlowNo>,
    /// What each internal or public number is. Made by `plan`, because every REGISTER and every dialled digit asks.
    pub(crate) dialled: BTreeMap<String, Dialled>,
}

/// No two objects of a site have the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialled {
    Extension(ExtensionNo),
    Number(NumberNo),
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
#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    pub no: ExtensionNo,
    /// Its number and its SIP user.
    pub number: String,
    pub name: String,
    pub password: Secret,
    /// May dial outside.
    pub outbound: bool,
    /// For an agent's offers it is asked to answer by itself.
    pub auto_answer: bool,
    /// Calls that this phone makes are recorded; those to a number are by the number's rule.
    pub record: bool,
    /// Removed while in use: finishes its running work.
    pub retiring: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Agent {
    pub no: AgentNo,
    pub id: String,
    pub name: String,
    pub station: StationPlan,
    /// Level per group, 1 to 9; a higher level is the better skill.
    pub groups: IndexMap<GroupNo, u8>,
    pub after_call: AfterCall,
    /// How offers reach him, if not as his groups say.
    pub offer: Option<OfferWay>,
    /// Whose calls he may listen to, speak into and take over.
    pub supervises: Vec<GroupNo>,
    /// What his calls show.
    pub calling_number: Option<CallingNumber>,
    pub retiring: bool,
}

/// A tenant's own reason for not being ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub no: ReasonNo,
    pub id: String,
    pub name: String,
    /// Over it an event is told; the agent stays not ready.
    pub max: Option<Span>,
}

/// How many may rest at a time, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// `None`: as many as want to.
    pub quota: Option<Quota>,
    /// The longest rest, and its length when none is named.
    pub max: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    Agents(u32),
    /// Of those signed in; one at least.
    Percent(u32),
}

impl Quota {
    /// How many may rest while so many are signed in.
    pub fn of(self, signed_in: usize) -> usize {
        match self {
            Self::Agents(agents) => agents as usize,
            Self::Percent(percent) => (signed_in * percent as usize / 100).max(1),
        }
    }
}

/// Calls to one agent by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectCalls {
    pub when: DirectWhen,
    /// How long he is rung when nobody says otherwise.
    pub ring: Span,
    /// After one that is on no group's account.
    pub wrap_up: Span,
}

impl Default for DirectCalls {
    fn default() -> Self {
        Self { when: DirectWhen::Reachable, ring: Span::seconds(30), wrap_up: Span::ZERO }
    }
}

/// When an agent can be called by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectWhen {
    /// His phone can be reached and he talks to nobody, whatever he wishes.
    Reachable,
    /// He is also ready, and in no wrap-up.
    Ready,
}

/// What a forced sign-in may end: another agent's session at the station, or the agent's own at another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakeOver {
    /// A session without a call.
    Idle,
    Never,
}

/// Where an agent is rung when signed in without naming a station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StationPlan {
    Extension(ExtensionNo),
    /// A number in normal form that the routes lead over a trunk. `confirm`: whoever answers must press 1 before he is
    /// connected.
    Outside {
        number: String,
        confirm: bool,
    },
    /// He is rung once, at sign-in; the leg stays up between his calls.
    Permanent(Line),
}

impl StationPlan {
    pub fn station(&self) -> Station {
        match self {
            Self::Extension(no) => Station::Extension(*no),
            Self::Outside { number, confirm } => Station::Outside { number: number.clone(), confirm: *confirm },
            Self::Permanent(line) => Station::Permanent(line.clone()),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub no: GroupNo,
    pub id: String,
    pub name: String,
    pub strategy: Strategy,
    /// How an offer reaches an agent who does not say it himself.
    pub offer: OfferWay,
    /// How long one offer rings, or is shown.
    pub ring: Span,
    pub wrap_up: Span,
    /// Callers waiting at most; full: the flow's `full` exit.
    pub length_max: Option<u32>,
    /// Longest wait; over: the flow's `timeout` exit.
    pub wait_max: Option<Span>,
    /// Key of the music below `sounds/music`.
    pub music: String,
    /// A call of this group is offered to an agent who is in fewer calls than this, all of them on hold.
    pub calls_per_agent: u32,
    /// What calls for it show.
    pub calling_number: Option<CallingNumber>,
    pub retiring: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    LongestIdle,
    /// Best level first, longest idle among equals.
    SkillLevel,
    /// Who has talked least since he signed in.
    LeastTalk,
    /// Who has taken the fewest calls since he signed in.
    FewestCalls,
    /// Whose last offer is the longest ago.
    RoundRobin,
    /// Anybody who is free, each as likely as the next.
    Random,
    /// The first who is free in the order of the file.
    TopDown,
    /// All who are free at once, at most `RING_ALL_MAX`; the first to accept.
    RingAll,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Trunk {
    pub no: TrunkNo,
    pub id: String,
    pub send: TrunkTarget,
    /// Sources that are this trunk; never guessed from where we send.
    pub accept: Vec<Accept>,
    pub codecs: Vec<Codec>,
    pub max_calls: u32,
    /// What a number called by this trunk becomes, the first match wins: the carrier's form to `+` form or an internal number.
    pub inbound: Vec<Rewrite>,
    /// What a number becomes when we dial it over this trunk, the first match wins: `+` form to the carrier's form.
    pub outbound: Vec<Rewrite>,
    /// Shown to the carrier when the caller has no public number.
    pub caller_id: Option<String>,
    /// Its far ends may give their call to one of our numbers by REFER.
    pub refer: bool,
    /// Who we are when the carrier challenges our requests.
    pub account: Option<Account>,
    pub retiring: bool,
}

/// What the carrier gave us to prove ourselves with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub user: String,
    pub password: Secret,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkTarget {
    pub host: String,
    /// Resolved by the driver when the host is a name; set at load when it is an address.
    pub ip: Option<IpAddr>,
    pub port: u16,
    pub transport: Wire,
}

/// A network, and one port of it when named: `127.0.0.1/32:5080`, `[2001:db8::/32]:5080`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accept {
    pub network: Network,
    pub port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    pub no: RouteNo,
    pub pattern: Pattern,
    pub action: RouteAction,
}

#[derive(Clone, Debug, PartialEq)]
pub enum RouteAction {
    /// `to` with its `$1` is the number that goes out over the first of these trunks that has room and answers.
    Trunks { to: String, trunks: Vec<TrunkNo> },
    /// The number is an extension's.
    Extension,
}

/// A number that callers reach: E.164 with `+`, or internal without.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    pub no: NumberNo,
    pub number: String,
    /// Key of the flow that answers.
    pub flow: String,
    pub language: Option<String>,
    /// Its contacts are recorded from the answer on.
    pub record: bool,
    pub retiring: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emergency {
    pub numbers: Vec<String>,
    pub trunks: Vec<TrunkNo>,
}

impl Site {
    /// A tenant without objects, with the limits of a site file that names none.
    pub fn bare(tenant: TenantNo, key: &str) -> Self {
        let file = load(key, &format!("tenant: {key}\ndomains: [{key}.example]\n"));
        let file = file.unwrap_or_else(|problems| panic!("a tenant's key: {}", crate::config::print(&problems)));
        plan(Numbering::new(tenant), file, &[], &mut |_| String::new()).0
    }

    /// The tenant may show it: callers reach it, or it is a trunk's.
    pub fn owns(&self, number: &str) -> bool {
        self.dialled.contains_key(number) || self.trunks.values().any(|t| t.caller_id.as_deref() == Some(number))
    }

    /// The extension that has this number.
    pub fn extension(&self, number: &str) -> Option<&Extension> {
        match self.dialled.get(number)? {
            Dialled::Extension(no) => self.extensions.get(no).filter(|e| !e.retiring),
            Dialled::Number(_) => None,
        }
    }

    /// The number in normal form that callers reach.
    pub fn number(&self, number: &str) -> Option<&Number> {
        match self.dialled.get(number)? {
            Dialled::Number(no) => self.numbers.get(no).filter(|n| !n.retiring),
            Dialled::Extension(_) => None,
        }
    }

    pub fn agent(&self, id: &str) -> Option<&Agent> {
        self.agents.values().find(|a| a.id == id)
    }

    pub fn reason(&self, id: &str) -> Option<&Reason> {
        self.reasons.values().find(|r| r.id == id)
    }

    pub fn group(&self, id: &str) -> Option<&Group> {
        self.groups.values().find(|g| g.id == id)
    }

    /// Whether a Request-URI's host is this tenant's. A host name's case means nothing (RFC 3261, 19.1.4).
    pub fn has_domain(&self, host: &str) -> bool {
        self.domains.iter().any(|d| d.eq_ignore_ascii_case(host))
    }
}

impl Accept {
    pub fn matches(&self, source: SocketAddr) -> bool {
        self.network.contains(source.ip()) && self.port.is_none_or(|p| p == source.port())
    }
}

impl fmt::Display for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.network.ip) {
            (None, _) => self.network.fmt(f),
            (Some(port), IpAddr::V4(_)) => write!(f, "{}:{port}", self.network),
            (Some(port), IpAddr::V6(_)) => write!(f, "[{}]:{port}", self.network),
        }
    }
}

/// As a SIP URI, which the loader reads back.
impl fmt::Display for TrunkTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ip {
            Some(IpAddr::V6(ip)) => write!(f, "sip:[{ip}]:{}", self.port)?,
            Some(IpAddr::V4(_)) | None => write!(f, "sip:{}:{}", self.host, self.port)?,
        }
        match self.transport {
            Wire::Udp => Ok(()),
            Wire::Tcp => f.write_str(";transport=tcp"),
        }
    }
}

/// The words of the file for each of a closed set, the same for reading and writing.
const STRATEGIES: [(&str, Strategy); 8] = [
    ("longest-idle", Strategy::LongestIdle),
    ("skill-level", Strategy::SkillLevel),
    ("least-talk", Strategy::LeastTalk),
    ("fewest-calls", Strategy::FewestCalls),
    ("round-robin", Strategy::RoundRobin),
    ("random", Strategy::Random),
    ("top-down", Strategy::TopDown),
    ("ring-all", Strategy::RingAll),
];
const AFTER_CALL: [(&str, AfterCall); 3] =
    [("ready", AfterCall::Ready), ("wrap-up", AfterCall::WrapUp), ("not-ready", AfterCall::NotReady)];
const OFFER_WAYS: [(&str, OfferWay); 2] = [("ring", OfferWay::Ring), ("client", OfferWay::Client)];
const TAKE_OVER: [(&str, TakeOver); 2] = [("idle", TakeOver::Idle), ("never", TakeOver::Never)];
const DIRECT: [(&str, DirectWhen); 2] = [("reachable", DirectWhen::Reachable), ("ready", DirectWhen::Ready)];
const DIGESTS: [(&str, DigestPolicy); 3] =
    [("md5", DigestPolicy::Md5), ("both", DigestPolicy::Both), ("sha-256", DigestPolicy::Sha256)];
const CODECS: [(&str, Codec); 2] = [("PCMU", Codec::Pcmu), ("PCMA", Codec::Pcma)];
