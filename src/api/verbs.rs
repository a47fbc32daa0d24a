//! The verbs of call control: reads which leg and whom each names. What becomes of an accepted verb is told by events whose
//! `by.command_id` is its `Idempotency-Key`.

use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::agents::agent_no;
use super::calls::contact_reply;
use super::records::group_no;
use super::reply::Reply;
use super::request::{Caller, JsonBody, Named, minted};
use super::view::CallReply;
use super::{Problem, Routes};
use crate::base::Span;
use crate::base::bounds::{
    ANNOUNCED_SOUNDS, CONFERENCE_MAX, DIRECT_WAIT_MAX, GROUPS_PER_ITEM, LEGS_PER_CONTACT, RING_MAX,
};
use crate::event::words::TransferMode;
use crate::site::{Destination, Origin, resolve};
use crate::switch::permission::Permission;
use crate::switch::{Body, CallTarget, CallVerb, ChairLeaves, Code, ConferenceChange, ConsultVerb, Hearers, Who};

pub fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(hold))
        .routes(routes!(retrieve))
        .routes(routes!(mute))
        .routes(routes!(unmute))
        .routes(routes!(send_digits))
        .routes(routes!(pass_digits))
        .routes(routes!(announce))
        .routes(routes!(stop_announcement))
        .routes(routes!(invite))
        .routes(routes!(give_chair))
        .routes(routes!(limit_conference))
        .routes(routes!(extend_conference))
        .routes(routes!(transfer))
        .routes(routes!(consult))
        .routes(routes!(complete))
        .routes(routes!(cancel))
        .routes(routes!(swap))
        .routes(routes!(join))
        .routes(routes!(merge))
}

/// Which party. Absent: the only one that the verb fits; when it fits several, 422 `leg-not-named`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LegBody {
    #[serde(default)]
    pub leg: Option<String>,
    /// An agent's id, or `no:` and his number: his leg in this contact.
    #[serde(default)]
    pub agent: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MuteBody {
    #[serde(default)]
    pub leg: Option<String>,
    #[serde(default)]
    pub agent: Option<String>,
    /// Nobody hears it. True when both are absent.
    #[serde(default)]
    pub from: Option<bool>,
    /// It hears nobody.
    #[serde(default)]
    pub to: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DigitsBody {
    #[serde(default)]
    pub leg: Option<String>,
    #[serde(default)]
    pub agent: Option<String>,
    /// 1 to 64 of `0`-`9`, `*`, `#`, `A`-`D`.
    pub digits: String,
}

/// One of `{"leg": id}` and `{"agent": id}`: his leg in this contact.
#[derive(Deserialize, ToSchema)]
#[serde(untagged, deny_unknown_fields, expecting = "expected one of {\"leg\": id} and {\"agent\": id}")]
pub enum PartyBody {
    Leg { leg: String },
    Agent { agent: String },
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PassDigitsBody {
    /// Whose keys.
    #[serde(default)]
    pub leg: Option<String>,
    #[serde(default)]
    pub agent: Option<String>,
    /// Who gets them; not needed to end it.
    #[serde(default)]
    pub to: Option<PartyBody>,
    /// False ends it. True when absent.
    #[serde(default)]
    pub on: Option<bool>,
}

/// Who hears it: one party, or with `call` everybody in it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnnounceBody {
    #[serde(default)]
    pub leg: Option<String>,
    #[serde(default)]
    pub agent: Option<String>,
    #[serde(default)]
    pub call: Option<String>,
    /// 1 to 16 keys of the sound library, played one after the other.
    pub sounds: Vec<String>,
}

/// Whose announcement.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HearersBody {
    #[serde(default)]
    pub leg: Option<String>,
    #[serde(default)]
    pub agent: Option<String>,
    #[serde(default)]
    pub call: Option<String>,
}

/// A number (internal, or public with `+`), or one of `{"agent": id}`, `{"group": id}`, `{"groups": [id]}`, `{"flow": key}`.
#[derive(Deserialize, ToSchema)]
#[serde(
    untagged,
    expecting = "expected a number as text, or one of {\"agent\": id}, {\"group\": id}, {\"groups\": [id]} and {\"flow\": key}"
)]
pub enum TargetBody {
    Number(String),
    Named(NamedTarget),
}

/// One of `agent`, `group`, `groups` and `flow`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedTarget {
    /// An offer to him alone, where he is signed in: also while he is not ready, unless the site says otherwise.
    #[serde(default)]
    pub agent: Option<String>,
    /// How long it waits for this agent when he is busy or cannot be reached; refused at once when absent.
    #[serde(default)]
    pub wait_ms: Option<u64>,
    /// Its queue.
    #[serde(default)]
    pub group: Option<String>,
    /// The queues of up to eight groups: the first ready agent of any.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// A flow's key.
    #[serde(default)]
    pub flow: Option<String>,
    /// With `flow`: what is attached to the contact before it runs, as by `PATCH /v1/calls/{contact}/data`.
    #[serde(default)]
    pub data: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteBody {
    /// Who invites: he has the chair of the conference, unless somebody has it.
    #[serde(default)]
    pub leg: Option<String>,
    #[serde(default)]
    pub agent: Option<String>,
    pub to: TargetBody,
    /// The number shown outside, one of the tenant's own; by the rule for calling numbers when absent.
    #[serde(default)]
    pub from: Option<String>,
    /// How long it rings at most; 60 s when absent.
    #[serde(default)]
    pub ring_ms: Option<u64>,
    /// When the chair leaves: `pass-on` (the next one has it, also when absent) or `end` (everybody is released).
    #[serde(default)]
    pub chair_leaves: Option<ChairBody>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChairBody {
    PassOn,
    End,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferBody {
    /// Who transfers.
    #[serde(default)]
    pub leg: Option<String>,
    #[serde(default)]
    pub agent: Option<String>,
    /// `blind`: he is released at once. `on-success`: when the target answers; a failure brings him back to the others.
    /// `talk`: he waits while the target talks to the others, and is with them again when it leaves. With a flow as the
    /// target he is with the other party again when it reaches the exit `return`; that flow must have one.
    pub mode: ModeBody,
    pub to: TargetBody,
    /// The number shown outside, one of the tenant's own; when absent, whom he gives away.
    #[serde(default)]
    pub from: Option<String>,
    /// How long it rings at most; 60 s when absent.
    #[serde(default)]
    pub ring_ms: Option<u64>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ModeBody {
    Blind,
    OnSuccess,
    Talk,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsultBody {
    /// Who consults.
    #[serde(default)]
    pub leg: Option<String>,
    #[serde(default)]
    pub agent: Option<String>,
    pub to: TargetBody,
    /// The number shown outside, one of the tenant's own; by the rule for calling numbers when absent.
    #[serde(default)]
    pub from: Option<String>,
    /// How long it rings at most; 60 s when absent.
    #[serde(default)]
    pub ring_ms: Option<u64>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeBody {
    /// The id of another contact.
    pub with: String,
    /// The party that is in both stays, and all talk to each other. False when absent: it leaves both.
    #[serde(default)]
    pub stays: bool,
}

/// What is to hold of the contact's main call; what is absent stays as it is. One of `seats` and `length_ms` is there.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConferenceBody {
    /// Parties at most, 2 to 32, those who ring included. Nobody is removed by a smaller number.
    #[serde(default)]
    pub seats: Option<usize>,
    /// It ends so long after now: 1 s to 24 h.
    #[serde(default)]
    pub length_ms: Option<i64>,
    /// All are warned so long before its end; less than `length_ms`, and with it. Absent: nobody is.
    #[serde(default)]
    pub warn_ms: Option<i64>,
    /// What they hear then: up to 16 keys of the sound library; a beep when absent.
    #[serde(default)]
    pub sounds: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendBody {
    /// It ends so much later; at most 24 h after its length was set.
    pub by_ms: i64,
}

pub type Verb = Result<Reply<CallReply>, Problem>;

pub fn who(caller: &Caller, leg: Option<String>, agent: Option<String>) -> Result<Option<Who>, Problem> {
    match (leg, agent) {
        (None, None) => Ok(None),
        (Some(leg), None) => Ok(Some(Who::Leg(minted("leg", &leg)?))),
        (None, Some(id)) => {
            let unknown = || Problem::new(Code::UnknownAgent, format!("no agent `{id}`"));
            agent_no(&caller.site, &id).ok_or_else(unknown).map(|no| Some(Who::Agent(no)))
        }
        (Some(_), Some(_)) => Err(Problem::field("agent", "name `leg` or `agent`, not both")),
    }
}

fn hearers(
    caller: &Caller,
    call: Option<String>,
    (leg, agent): (Option<String>, Option<String>),
) -> Result<Hearers, Problem> {
    match (call, &leg, &agent) {
        (Some(call), None, None) => Ok(Hearers::Call(minted("call", &call)?)),
        (Some(_), _, _) => Err(Problem::field("call", "name `call`, `leg` or `agent`, not two of them")),
        (None, _, _) => who(caller, leg, agent).map(Hearers::One),
    }
}

/// Dialling out of the house by a verb needs what originating needs.
pub fn target(caller: &Caller, to: TargetBody) -> Result<CallTarget, Problem> {
    Ok(match to {
        TargetBody::Number(number) => {
            if let Ok(Destination::Trunks { .. }) = resolve(&caller.site, &Origin::Api, &number) {
                caller.may(Permission::CallsOriginate)?;
            }
            CallTarget::Number(number)
        }
        TargetBody::Named(named) => named_target(caller, named)?,
    })
}

fn named_target(caller: &Caller, named: NamedTarget) -> Result<CallTarget, Problem> {
    let group = |id: String| {
        let unknown = || Problem::new(Code::UnknownGroup, format!("no group `{id}`"));
        group_no(&caller.site, &id).ok_or_else(unknown)
    };
    match named {
        NamedTarget { agent: Some(id), wait_ms, group: None, groups: None, flow: None, data: None } => {
            let unknown = || Problem::new(Code::UnknownAgent, format!("no agent `{id}`"));
            let agent = agent_no(&caller.site, &id).ok_or_else(unknown)?;
            let wait = Span::millis(wait_ms.and_then(|ms| i64::try_from(ms).ok()).unwrap_or(0));
            if wait > DIRECT_WAIT_MAX {
                let most = DIRECT_WAIT_MAX.as_millis();
                return Err(Problem::field("to.wait_ms", format!("must be at most {most}")));
            }
            Ok(CallTarget::Agent { agent, wait })
        }
        NamedTarget { agent: None, wait_ms: None, group: Some(id), groups: None, flow: None, data: None } => {
            Ok(CallTarget::Groups(vec![group(id)?]))
        }
        NamedTarget { agent: None, wait_ms: None, group: None, groups: Some(ids), flow: None, data: None } => {
            if ids.is_empty() || ids.len() > GROUPS_PER_ITEM {
                return Err(Problem::field("to.groups", format!("name 1 to {GROUPS_PER_ITEM} groups")));
            }
            ids.into_iter().map(group).collect::<Result<Vec<_>, _>>().map(CallTarget::Groups)
        }
        NamedTarget { agent: None, wait_ms: None, group: None, groups: None, flow: Some(key), data } => {
            Ok(CallTarget::Flow { key, data: data.unwrap_or_default() })
        }
        NamedTarget { .. } => {
            let remedy = "name one of `agent` (with `wait_ms` or without), `group`, `groups` and `flow` (with `data` or without)";
            Err(Problem::field("to", remedy))
        }
    }
}

pub fn ring(ms: Option<u64>) -> Result<Option<Span>, Problem> {
    let Some(ms) = ms else { return Ok(None) };
    let span = i64::try_from(ms).ok().filter(|ms| (1..=RING_MAX.as_millis()).contains(ms)).map(Span::millis);
    span.map(Some).ok_or_else(|| Problem::field("ring_ms", format!("`ring_ms` is 1 to {}", RING_MAX.as_millis())))
}

/// Permission first, so that who may not act learns nothing about which agents and groups there are.
pub async fn verb(
    caller: &Caller,
    contact: &str,
    permission: Permission,
    read: impl FnOnce(&Caller) -> Result<CallVerb, Problem>,
) -> Verb {
    caller.may(permission)?;
    let contact = minted("contact", contact)?;
    let verb = read(caller)?;
    contact_reply(caller, Body::Call { contact, verb }).await
}

/// One party hears music and nobody hears it, until it is retrieved.
#[utoipa::path(post, path = "/v1/calls/{contact}/hold", tag = "calls", request_body = LegBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn hold(caller: Caller, Named(contact): Named, JsonBody(LegBody { leg, agent }): JsonBody<LegBody>) -> Verb {
    let read = |caller: &Caller| Ok(CallVerb::Hold { who: who(caller, leg, agent)? });
    verb(&caller, &contact, Permission::CallsControl, read).await
}

/// A held party is in the talk again.
#[utoipa::path(post, path = "/v1/calls/{contact}/retrieve", tag = "calls", request_body = LegBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn retrieve(caller: Caller, Named(contact): Named, JsonBody(LegBody { leg, agent }): JsonBody<LegBody>) -> Verb {
    let read = |caller: &Caller| Ok(CallVerb::Retrieve { who: who(caller, leg, agent)? });
    verb(&caller, &contact, Permission::CallsControl, read).await
}

/// Mutes a party: `from` it nothing is heard, `to` it nobody speaks.
#[utoipa::path(post, path = "/v1/calls/{contact}/mute", tag = "calls", request_body = MuteBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn mute(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<MuteBody>) -> Verb {
    let MuteBody { leg, agent, from, to } = body;
    let read = |caller: &Caller| {
        let (from, to) = (from.unwrap_or(to.is_none()), to.unwrap_or(false));
        Ok(CallVerb::Mute { who: who(caller, leg, agent)?, from, to })
    };
    verb(&caller, &contact, Permission::CallsControl, read).await
}

/// A party speaks and hears again.
#[utoipa::path(post, path = "/v1/calls/{contact}/unmute", tag = "calls", request_body = LegBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn unmute(caller: Caller, Named(contact): Named, JsonBody(LegBody { leg, agent }): JsonBody<LegBody>) -> Verb {
    let read = |caller: &Caller| Ok(CallVerb::Mute { who: who(caller, leg, agent)?, from: false, to: false });
    verb(&caller, &contact, Permission::CallsControl, read).await
}

/// Presses keys towards a party's far end.
#[utoipa::path(post, path = "/v1/calls/{contact}/digits", tag = "calls", request_body = DigitsBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn send_digits(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<DigitsBody>) -> Verb {
    let DigitsBody { leg, agent, digits } = body;
    let read = |caller: &Caller| Ok(CallVerb::Digits { who: who(caller, leg, agent)?, digits });
    verb(&caller, &contact, Permission::CallsControl, read).await
}

/// Keys that a party presses go to one other party alone: nobody else hears them, and which they are is told nowhere.
///
/// It ends by `on: false`, or when one of the two leaves the call of the other; `leg_passes_digits` tells both. Meanwhile
/// the party's voice is heard by all. A phone whose keys are tones in its sound is refused (409 `keys-are-tones`).
#[utoipa::path(post, path = "/v1/calls/{contact}/pass-digits", tag = "calls", request_body = PassDigitsBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn pass_digits(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<PassDigitsBody>) -> Verb {
    let PassDigitsBody { leg, agent, to, on } = body;
    let on = on.unwrap_or(true);
    let read = |caller: &Caller| {
        if on && to.is_none() {
            return Err(Problem::field("to", "`to` names who gets the keys"));
        }
        let to = match to {
            None => None,
            Some(PartyBody::Leg { leg }) => Some(Who::Leg(minted("to", &leg)?)),
            Some(PartyBody::Agent { agent: id }) => self::who(caller, None, Some(id))?,
        };
        Ok(CallVerb::PassDigits { who: who(caller, leg, agent)?, to, on })
    };
    verb(&caller, &contact, Permission::CallsControl, read).await
}

/// Plays sounds of the library to one party or to a whole call, instead of what they hear of each other.
#[utoipa::path(post, path = "/v1/calls/{contact}/announce", tag = "calls", request_body = AnnounceBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn announce(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<AnnounceBody>) -> Verb {
    let AnnounceBody { leg, agent, call, sounds } = body;
    let read = |caller: &Caller| {
        if sounds.is_empty() || sounds.len() > ANNOUNCED_SOUNDS {
            return Err(Problem::field("sounds", format!("`sounds` names 1 to {ANNOUNCED_SOUNDS} sounds")));
        }
        Ok(CallVerb::Announce { to: hearers(caller, call, (leg, agent))?, sounds })
    };
    verb(&caller, &contact, Permission::CallsControl, read).await
}

/// Ends an announcement before its end.
#[utoipa::path(post, path = "/v1/calls/{contact}/announce/stop", tag = "calls", request_body = HearersBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn stop_announcement(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<HearersBody>) -> Verb {
    let HearersBody { leg, agent, call } = body;
    let read = |caller: &Caller| Ok(CallVerb::StopAnnounce { to: hearers(caller, call, (leg, agent))? });
    verb(&caller, &contact, Permission::CallsControl, read).await
}

/// Somebody further joins the call: a conference. The others talk on while it rings.
#[utoipa::path(post, path = "/v1/calls/{contact}/invite", tag = "calls", request_body = InviteBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn invite(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<InviteBody>) -> Verb {
    let InviteBody { leg, agent, to, from, ring_ms, chair_leaves } = body;
    let read = |caller: &Caller| {
        let chair_leaves = match chair_leaves {
            None | Some(ChairBody::PassOn) => ChairLeaves::PassOn,
            Some(ChairBody::End) => ChairLeaves::End,
        };
        let (who, to, ring) = (who(caller, leg, agent)?, target(caller, to)?, ring(ring_ms)?);
        Ok(CallVerb::Invite { who, to, from, ring, chair_leaves })
    };
    verb(&caller, &contact, Permission::CallsControl, read).await
}

/// This party has the conference from now on; what the chair's leaving means stays as it was.
#[utoipa::path(post, path = "/v1/calls/{contact}/chair", tag = "calls", request_body = LegBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn give_chair(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<LegBody>) -> Verb {
    let read = |caller: &Caller| Ok(CallVerb::Chair { who: who(caller, body.leg, body.agent)? });
    verb(&caller, &contact, Permission::CallsControl, read).await
}

fn conference_change(body: ConferenceBody) -> Result<ConferenceChange, Problem> {
    let ConferenceBody { seats, length_ms, warn_ms, sounds } = body;
    if seats.is_none() && length_ms.is_none() {
        return Err(Problem::field("seats", "name `seats`, `length_ms` or both"));
    }
    if seats.is_some_and(|seats| !(2..=LEGS_PER_CONTACT).contains(&seats)) {
        return Err(Problem::field("seats", format!("`seats` is 2 to {LEGS_PER_CONTACT}")));
    }
    let most = CONFERENCE_MAX.as_millis();
    if length_ms.is_some_and(|ms| !(1_000..=most).contains(&ms)) {
        return Err(Problem::field("length_ms", format!("`length_ms` is 1000 to {most}")));
    }
    if warn_ms.is_some_and(|warn| length_ms.is_none_or(|length| !(1..length).contains(&warn))) {
        return Err(Problem::field("warn_ms", "`warn_ms` is less than the `length_ms` that it goes with"));
    }
    if sounds.len() > ANNOUNCED_SOUNDS || (warn_ms.is_none() && !sounds.is_empty()) {
        let told = format!("`sounds` goes with `warn_ms` and names up to {ANNOUNCED_SOUNDS} sounds");
        return Err(Problem::field("sounds", told));
    }
    Ok(ConferenceChange { seats, length: length_ms.map(Span::millis), warn: warn_ms.map(Span::millis), sounds })
}

/// Says how many may be in the main call, and how long it may last.
///
/// When the time is over, it is as if everybody but the customer had hung up: a customer goes on in his flow, as after any
/// agent; without a flow he is released too. `conference_ending` and the sounds warn before it.
#[utoipa::path(post, path = "/v1/calls/{contact}/conference", tag = "calls", request_body = ConferenceBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn limit_conference(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<ConferenceBody>) -> Verb {
    let read = |_: &Caller| Ok(CallVerb::Conference { change: conference_change(body)? });
    verb(&caller, &contact, Permission::CallsControl, read).await
}

/// The conference ends later; it is warned again.
#[utoipa::path(post, path = "/v1/calls/{contact}/conference/extend", tag = "calls", request_body = ExtendBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn extend_conference(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<ExtendBody>) -> Verb {
    let read = |_: &Caller| {
        let most = CONFERENCE_MAX.as_millis();
        if !(1_000..=most).contains(&body.by_ms) {
            return Err(Problem::field("by_ms", format!("`by_ms` is 1000 to {most}")));
        }
        Ok(CallVerb::ExtendConference { by: Span::millis(body.by_ms) })
    };
    verb(&caller, &contact, Permission::CallsControl, read).await
}

/// Gives the call to somebody else.
///
/// The others never end with the transferor: when nobody takes a blind transfer, the flow goes on after its agent, or
/// the transferor's group gets them. `consult/complete` and `consult/cancel` decide about a transfer that runs.
#[utoipa::path(post, path = "/v1/calls/{contact}/transfer", tag = "calls", request_body = TransferBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn transfer(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<TransferBody>) -> Verb {
    let TransferBody { leg, agent, mode, to, from, ring_ms } = body;
    let read = |caller: &Caller| {
        let mode = match mode {
            ModeBody::Blind => TransferMode::Blind,
            ModeBody::OnSuccess => TransferMode::OnAnswer,
            ModeBody::Talk => TransferMode::ComeBack,
        };
        let (who, to, ring) = (who(caller, leg, agent)?, target(caller, to)?, ring(ring_ms)?);
        Ok(CallVerb::Transfer { who, mode, to, from, ring })
    };
    verb(&caller, &contact, Permission::CallsControl, read).await
}

/// A party talks to somebody while the others hear music.
#[utoipa::path(post, path = "/v1/calls/{contact}/consult", tag = "calls", request_body = ConsultBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn consult(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<ConsultBody>) -> Verb {
    let ConsultBody { leg, agent, to, from, ring_ms } = body;
    let read = |caller: &Caller| {
        let (who, to, ring) = (who(caller, leg, agent)?, target(caller, to)?, ring(ring_ms)?);
        Ok(CallVerb::Transfer { who, mode: TransferMode::Consult, to, from, ring })
    };
    verb(&caller, &contact, Permission::CallsControl, read).await
}

async fn decide(caller: &Caller, contact: &str, LegBody { leg, agent }: LegBody, decision: ConsultVerb) -> Verb {
    let read = |caller: &Caller| Ok(CallVerb::Consult { who: who(caller, leg, agent)?, verb: decision });
    verb(caller, contact, Permission::CallsControl, read).await
}

/// The others get the target, ringing or not, and the transferor is released.
#[utoipa::path(post, path = "/v1/calls/{contact}/consult/complete", tag = "calls", request_body = LegBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn complete(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<LegBody>) -> Verb {
    decide(&caller, &contact, body, ConsultVerb::Complete).await
}

/// The target is released and the transferor is with the others again.
#[utoipa::path(post, path = "/v1/calls/{contact}/consult/cancel", tag = "calls", request_body = LegBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn cancel(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<LegBody>) -> Verb {
    decide(&caller, &contact, body, ConsultVerb::Cancel).await
}

/// The transferor goes from the target to the others, or back.
#[utoipa::path(post, path = "/v1/calls/{contact}/consult/swap", tag = "calls", request_body = LegBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn swap(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<LegBody>) -> Verb {
    decide(&caller, &contact, body, ConsultVerb::Swap).await
}

/// All of them talk to each other.
#[utoipa::path(post, path = "/v1/calls/{contact}/consult/join", tag = "calls", request_body = LegBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn join(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<LegBody>) -> Verb {
    decide(&caller, &contact, body, ConsultVerb::Join).await
}

/// Joins two contacts of one party: those it talked with talk to each other, and to it if it `stays`.
///
/// The older contact goes on, the other ends as its alias; both records name each other. Who stays has the conference; his
/// phone goes on with the call in which he talks, the one it holds ends.
#[utoipa::path(post, path = "/v1/calls/{contact}/merge", tag = "calls", request_body = MergeBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn merge(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<MergeBody>) -> Verb {
    let MergeBody { with, stays } = body;
    let read = |_: &Caller| Ok(CallVerb::Merge { with: minted("with", &with)?, stays });
    verb(&caller, &contact, Permission::CallsControl, read).await
}
