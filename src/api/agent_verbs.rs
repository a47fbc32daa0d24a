//! The verbs of an agent: each a command with its body, its permission and the agent as he is right after it.
//! Owns turning keys into numbers and refusing what cannot be meant. Leaves the agent's state to the tenant.

use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::agents::{agent_reply, known_agent};
use super::reply::Reply;
use super::request::{Caller, JsonBody, Named, minted};
use super::verbs::{TargetBody, ring, target};
use super::view::AgentReply;
use super::{Problem, Routes};
use crate::base::bounds::{AGENT_NOTE_BYTES, FORCE_REASON_BYTES, OFFER_REASON_BYTES};
use crate::base::{GroupNo, ReasonNo, Span};
use crate::event::words::{AfterCall, Line, Preferences, Station};
use crate::site::{Site, normal_form};
use crate::switch::permission::Permission;
use crate::switch::{AgentVerb, Body, Code, Force, OfferVerb};

pub fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .routes(routes!(choose_groups))
        .routes(routes!(make_ready))
        .routes(routes!(make_not_ready))
        .routes(routes!(wrap_up))
        .routes(routes!(extend_wrap_up))
        .routes(routes!(quit_wrap_up))
        .routes(routes!(rest))
        .routes(routes!(cancel_rest))
        .routes(routes!(reserve))
        .routes(routes!(release))
        .routes(routes!(pick))
        .routes(routes!(prefer))
        .routes(routes!(show_offer))
        .routes(routes!(accept_offer))
        .routes(routes!(reject_offer))
        .routes(routes!(note))
}

/// Where the agent takes calls, and for which groups.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInBody {
    /// Absent: the station the site names.
    #[serde(default)]
    pub station: Option<StationBody>,
    /// Some of his groups, by id. Absent: all of them.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
    /// Why it is forced; needs `agents.supervise`. Ends another agent's session at the station and his own elsewhere.
    #[serde(default)]
    pub force: Option<String>,
    /// The supervisor who forces it, by id: then only an agent of the groups that he supervises. Absent: nobody.
    #[serde(default)]
    pub by: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StationBody {
    /// An extension's number. Either this or `outside`.
    #[serde(default)]
    pub extension: Option<String>,
    /// A number outside, as it is dialled here; needs `calls.originate` too. A trunk dials it for each offer.
    #[serde(default)]
    pub outside: Option<String>,
    /// Whoever answers outside must press 1 before he is connected, so that no voicemail is. Absent: true.
    #[serde(default)]
    pub confirm: Option<bool>,
    /// It is rung once and its leg stays up between calls: an offer is heard as a tone and is connected at once.
    /// Absent: false.
    #[serde(default)]
    pub permanent: bool,
}

/// A verb without fields.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoFields {}

/// A verb that can be forced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForceBody {
    /// Why it is forced; needs `agents.supervise`.
    #[serde(default)]
    pub force: Option<String>,
    /// The supervisor who forces it, by id: then only an agent of the groups that he supervises. Absent: nobody.
    #[serde(default)]
    pub by: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupsBody {
    /// Some of his groups, by id. Absent: all of them.
    #[serde(default)]
    pub groups: Option<Vec<String>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotReadyBody {
    /// The id of one of the site's `reasons`.
    #[serde(default)]
    pub reason: Option<String>,
    /// Why it is forced; needs `agents.supervise`.
    #[serde(default)]
    pub force: Option<String>,
    /// The supervisor who forces it, by id: then only an agent of the groups that he supervises. Absent: nobody.
    #[serde(default)]
    pub by: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreferencesBody {
    /// What he is right after a call: `wrap-up`, `ready` or `not-ready`.
    #[serde(default)]
    pub after_call: Option<AfterCallBody>,
    /// His phone is asked to answer by itself: offers, and calls that he begins by a command.
    #[serde(default)]
    pub auto_answer: Option<bool>,
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AfterCallBody {
    WrapUp,
    Ready,
    NotReady,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WrapUpBody {
    /// 1 s to 1 h. Absent: until he quits it.
    #[serde(default)]
    pub length_ms: Option<i64>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendWrapUpBody {
    /// 1 s to 1 h.
    pub by_ms: i64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestBody {
    /// The id of one of the site's `reasons`.
    #[serde(default)]
    pub reason: Option<String>,
    /// At most the site's `rest.max` and the reason's own; absent: as long as that.
    #[serde(default)]
    pub length_ms: Option<i64>,
    /// Why it is forced beyond the quota; needs `agents.supervise`.
    #[serde(default)]
    pub force: Option<String>,
    /// The supervisor who forces it, by id: then only an agent of the groups that he supervises. Absent: nobody.
    #[serde(default)]
    pub by: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReserveBody {
    /// 1 s to 5 min.
    pub length_ms: i64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PickBody {
    /// A contact that waits in one of his groups, or that rings at a colleague of one of them by his number.
    pub contact: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfferBody {
    /// As the event `offer_made` names it.
    pub offer: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectBody {
    /// As the event `offer_made` names it.
    pub offer: String,
    /// 1 to 256 bytes, for the record.
    #[serde(default)]
    pub reason: Option<String>,
    /// Where the caller goes instead of to the next agent.
    #[serde(default)]
    pub to: Option<TargetBody>,
    /// With `to`: how long it rings at most; 60 s when absent.
    #[serde(default)]
    pub ring_ms: Option<u64>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteBody {
    /// 1 to 1,024 bytes.
    pub text: String,
}

type Verb = Result<Reply<AgentReply>, Problem>;

/// Permission first, so that who may not act learns nothing about which agents, stations and groups there are.
async fn carry_out(
    caller: &Caller,
    id: &str,
    (force, by): (Option<String>, Option<String>),
    verb: Result<AgentVerb, Problem>,
) -> Verb {
    caller.may(if force.is_some() { Permission::AgentsSupervise } else { Permission::AgentsControl })?;
    if force.as_ref().is_some_and(|why| why.trim().is_empty() || why.len() > FORCE_REASON_BYTES) {
        return Err(Problem::field("force", format!("`force` says why in 1 to {FORCE_REASON_BYTES} bytes")));
    }
    if force.is_none() && by.is_some() {
        return Err(Problem::field("by", "`by` is who forces it: say why with `force`"));
    }
    let agent = known_agent(caller, id)?;
    let supervisor = by.map(|id| known_agent(caller, &id)).transpose()?;
    let force = force.map(|why| Force { why, supervisor });
    agent_reply(caller, Body::Agent { agent, verb: verb?, force }).await
}

fn station(site: &Site, named: Option<&StationBody>) -> Result<Option<Station>, Problem> {
    match named {
        None => Ok(None),
        Some(StationBody { extension: Some(number), outside: None, confirm: None, permanent }) => {
            let found = site.extensions.values().find(|extension| extension.number == *number);
            let missing = || Problem::new(Code::UnknownStation, format!("no extension `{number}`"));
            let no = found.ok_or_else(missing)?.no;
            Ok(Some(if *permanent { Station::Permanent(Line::Extension(no)) } else { Station::Extension(no) }))
        }
        Some(StationBody { extension: None, outside: Some(number), confirm, permanent }) => {
            let unfit = || Problem::field("station.outside", "`station.outside` is a number as it is dialled here");
            let number = normal_form(number).ok_or_else(unfit)?;
            let confirm = confirm.unwrap_or(true);
            Ok(Some(match permanent {
                true => Station::Permanent(Line::Outside { number, confirm }),
                false => Station::Outside { number, confirm },
            }))
        }
        Some(StationBody { .. }) => {
            let text =
                "`station` has either `extension`, or `outside` with or without `confirm`; both may be `permanent`";
            Err(Problem::field("station", text))
        }
    }
}

fn groups(site: &Site, ids: Option<Vec<String>>) -> Result<Option<Vec<GroupNo>>, Problem> {
    let Some(ids) = ids else { return Ok(None) };
    if ids.is_empty() {
        return Err(Problem::field("groups", "`groups` is empty: name one at least, or leave it out"));
    }
    let group = |id: String| site.group(&id).map(|group| group.no).ok_or_else(|| Problem::new(Code::NotMember, id));
    ids.into_iter().map(group).collect::<Result<Vec<_>, _>>().map(Some)
}

fn reason(site: &Site, id: Option<String>) -> Result<Option<ReasonNo>, Problem> {
    let Some(id) = id else { return Ok(None) };
    site.reason(&id).map(|reason| Some(reason.no)).ok_or_else(|| Problem::new(Code::UnknownReason, id))
}

fn length(field: &'static str, ms: i64, longest: Span) -> Result<Span, Problem> {
    let range = Span::seconds(1)..=longest;
    let length = (0..=longest.as_millis()).contains(&ms).then(|| Span::millis(ms)).filter(|l| range.contains(l));
    length.ok_or_else(|| Problem::field(field, format!("`{field}` is 1000 to {}", longest.as_millis())))
}

/// Signs an agent in, not ready, at the named station or at his own.
#[utoipa::path(post, path = "/v1/agents/{id}/sign-in", tag = "agents", request_body = SignInBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn sign_in(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<SignInBody>) -> Verb {
    if body.station.as_ref().is_some_and(|station| station.outside.is_some()) {
        caller.may(Permission::CallsOriginate)?;
    }
    let station = station(&caller.site, body.station.as_ref());
    let groups = groups(&caller.site, body.groups);
    let verb = station.and_then(|station| Ok(AgentVerb::SignIn { station, groups: groups? }));
    carry_out(&caller, &id, (body.force, body.by), verb).await
}

/// Signs an agent out. Refused while he is in a call; forced then, he is signed out when it is over.
#[utoipa::path(post, path = "/v1/agents/{id}/sign-out", tag = "agents", request_body = ForceBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn sign_out(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<ForceBody>) -> Verb {
    carry_out(&caller, &id, (body.force, body.by), Ok(AgentVerb::SignOut)).await
}

/// The agent takes calls of these of his groups from now on.
#[utoipa::path(post, path = "/v1/agents/{id}/groups", tag = "agents", request_body = GroupsBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn choose_groups(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<GroupsBody>) -> Verb {
    let verb = groups(&caller.site, body.groups).map(|groups| AgentVerb::Groups { groups });
    carry_out(&caller, &id, (None, None), verb).await
}

/// The agent takes calls, at once or after what he does now. Ends a wrap-up.
#[utoipa::path(post, path = "/v1/agents/{id}/ready", tag = "agents", request_body = ForceBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn make_ready(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<ForceBody>) -> Verb {
    carry_out(&caller, &id, (body.force, body.by), Ok(AgentVerb::Ready)).await
}

/// The agent takes no further calls. A call he is in goes on.
#[utoipa::path(post, path = "/v1/agents/{id}/not-ready", tag = "agents", request_body = NotReadyBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn make_not_ready(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<NotReadyBody>) -> Verb {
    let verb = reason(&caller.site, body.reason).map(|reason| AgentVerb::NotReady { reason });
    carry_out(&caller, &id, (body.force, body.by), verb).await
}

/// Wrap-up without a call, or another length for the one that runs.
#[utoipa::path(post, path = "/v1/agents/{id}/wrap-up", tag = "agents", request_body = WrapUpBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn wrap_up(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<WrapUpBody>) -> Verb {
    let length = body.length_ms.map(|ms| length("length_ms", ms, Span::hours(1))).transpose();
    carry_out(&caller, &id, (None, None), length.map(|length| AgentVerb::WrapUp { length })).await
}

/// A wrap-up ends so much later; no later than an hour from now.
#[utoipa::path(post, path = "/v1/agents/{id}/extend-wrap-up", tag = "agents", request_body = ExtendWrapUpBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn extend_wrap_up(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<ExtendWrapUpBody>) -> Verb {
    let verb = length("by_ms", body.by_ms, Span::hours(1)).map(|by| AgentVerb::ExtendWrapUp { by });
    carry_out(&caller, &id, (None, None), verb).await
}

/// The wrap-up is over; what he wished before holds again.
#[utoipa::path(post, path = "/v1/agents/{id}/quit-wrap-up", tag = "agents",
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn quit_wrap_up(caller: Caller, Named(id): Named, JsonBody(NoFields {}): JsonBody<NoFields>) -> Verb {
    carry_out(&caller, &id, (None, None), Ok(AgentVerb::QuitWrapUp)).await
}

/// The agent rests, or waits for it while as many rest as the site's quota allows.
#[utoipa::path(post, path = "/v1/agents/{id}/rest", tag = "agents", request_body = RestBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn rest(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<RestBody>) -> Verb {
    let length = body.length_ms.map(|ms| length("length_ms", ms, Span::hours(24))).transpose();
    let reason = reason(&caller.site, body.reason);
    let verb = length.and_then(|length| Ok(AgentVerb::Rest { reason: reason?, length }));
    carry_out(&caller, &id, (body.force, body.by), verb).await
}

/// The agent waits for rest no longer, or returns from it and is ready.
#[utoipa::path(post, path = "/v1/agents/{id}/cancel-rest", tag = "agents",
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn cancel_rest(caller: Caller, Named(id): Named, JsonBody(NoFields {}): JsonBody<NoFields>) -> Verb {
    carry_out(&caller, &id, (None, None), Ok(AgentVerb::CancelRest)).await
}

/// Keeps an agent who is free for a call that is announced: no other is offered to him for so long.
#[utoipa::path(post, path = "/v1/agents/{id}/reserve", tag = "agents", request_body = ReserveBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn reserve(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<ReserveBody>) -> Verb {
    let verb = length("length_ms", body.length_ms, Span::minutes(5)).map(|length| AgentVerb::Reserve { length });
    carry_out(&caller, &id, (None, None), verb).await
}

/// The agent is kept no longer.
#[utoipa::path(post, path = "/v1/agents/{id}/release", tag = "agents",
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn release(caller: Caller, Named(id): Named, JsonBody(NoFields {}): JsonBody<NoFields>) -> Verb {
    carry_out(&caller, &id, (None, None), Ok(AgentVerb::Release)).await
}

/// The agent takes a contact that waits, whatever its place; his phone rings for it at once. One that rings at a colleague by
/// his number rings at both, and whoever answers first has it.
#[utoipa::path(post, path = "/v1/agents/{id}/pick", tag = "agents", request_body = PickBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn pick(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<PickBody>) -> Verb {
    let verb = minted("contact", &body.contact).map(|contact| AgentVerb::Pick { contact });
    carry_out(&caller, &id, (None, None), verb).await
}

/// What the agent has instead of what the site says of him, until he signs out; what is not named stays as it is.
#[utoipa::path(post, path = "/v1/agents/{id}/preferences", tag = "agents", request_body = PreferencesBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn prefer(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<PreferencesBody>) -> Verb {
    let PreferencesBody { after_call, auto_answer } = body;
    let after_call = after_call.map(|after| match after {
        AfterCallBody::Ready => AfterCall::Ready,
        AfterCallBody::WrapUp => AfterCall::WrapUp,
        AfterCallBody::NotReady => AfterCall::NotReady,
    });
    carry_out(
        &caller,
        &id,
        (None, None),
        Ok(AgentVerb::Prefer { preferences: Preferences { after_call, auto_answer } }),
    )
    .await
}

fn offer_verb(offer: &str, verb: OfferVerb) -> Result<AgentVerb, Problem> {
    minted("offer", offer).map(|offer| AgentVerb::Offer { offer, verb })
}

/// The agent's client shows the offer to him: from now on letting it pass is his.
#[utoipa::path(post, path = "/v1/agents/{id}/show-offer", tag = "agents", request_body = OfferBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn show_offer(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<OfferBody>) -> Verb {
    carry_out(&caller, &id, (None, None), offer_verb(&body.offer, OfferVerb::Show)).await
}

/// The agent takes the offer that his client shows: his phone is rung and asked to answer by itself.
#[utoipa::path(post, path = "/v1/agents/{id}/accept-offer", tag = "agents", request_body = OfferBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn accept_offer(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<OfferBody>) -> Verb {
    carry_out(&caller, &id, (None, None), offer_verb(&body.offer, OfferVerb::Accept)).await
}

/// The agent does not take the offer, whether it is shown or rings: it goes on to the next and does not come back to him.
///
/// With `to` the caller goes there instead, as old as he is, and `route_ended` tells when he is with somebody. When nobody
/// takes him there he waits where he did, at his old rank.
#[utoipa::path(post, path = "/v1/agents/{id}/reject-offer", tag = "agents", request_body = RejectBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn reject_offer(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<RejectBody>) -> Verb {
    let RejectBody { offer, reason, to, ring_ms } = body;
    let unfit = reason.as_ref().is_some_and(|text| !(1..=OFFER_REASON_BYTES).contains(&text.len()));
    let long = || Problem::field("reason", format!("`reason` has 1 to {OFFER_REASON_BYTES} bytes"));
    let verb = match (unfit, to) {
        (true, _) => Err(long()),
        (false, Some(to)) => return send_on(&caller, (&id, &offer), (to, ring_ms), reason).await,
        (false, None) if ring_ms.is_some() => Err(Problem::field("ring_ms", "`ring_ms` goes with `to`")),
        (false, None) => offer_verb(&offer, OfferVerb::Reject { reason }),
    };
    carry_out(&caller, &id, (None, None), verb).await
}

async fn send_on(
    caller: &Caller,
    (id, offer): (&str, &str),
    (to, ring_ms): (TargetBody, Option<u64>),
    reason: Option<String>,
) -> Verb {
    caller.may(Permission::AgentsControl)?;
    let (agent, offer) = (known_agent(caller, id)?, minted("offer", offer)?);
    let (to, ring) = (target(caller, to)?, ring(ring_ms)?);
    agent_reply(caller, Body::SendOn { agent, offer, to, ring, reason }).await
}

/// Tells an agent something: the event `agent_note`.
#[utoipa::path(post, path = "/v1/agents/{id}/note", tag = "agents", request_body = NoteBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 200, body = AgentReply)))]
async fn note(caller: Caller, Named(id): Named, JsonBody(body): JsonBody<NoteBody>) -> Verb {
    let fits = (1..=AGENT_NOTE_BYTES).contains(&body.text.len());
    let problem = || Problem::field("text", format!("`text` has 1 to {AGENT_NOTE_BYTES} bytes"));
    let verb = fits.then_some(AgentVerb::Note { text: body.text }).ok_or_else(problem);
    carry_out(&caller, &id, (None, None), verb).await
}
