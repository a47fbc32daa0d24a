//! Live contacts: what they are, dialling out, hanging up, attached data, SIP history.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::agents::known_agent;
use super::records::group_no;
use super::reply::{Reply, SEQ_HEADER};
use super::request::{Caller, JsonBody, Named, minted, wrong_snapshot};
use super::verbs::{TargetBody, ring, target, who};
use super::view::{CallReply, CallsReply, ContactView, OriginateReply, SipReply, TracedView, ladder};
use super::{Problem, Routes};
use crate::base::bounds::{ATTACHED_DATA_BYTES, SPEECH_CHARS};
use crate::base::{ContactId, GroupNo, Span, is_language_tag};
use crate::switch::permission::Permission;
use crate::switch::{self, Body, CallTarget, Code, Originate, Query, Snapshot, Then, TwoWay};

pub fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(list_calls, originate))
        .routes(routes!(get_call))
        .routes(routes!(hang_up))
        .routes(routes!(set_data))
        .routes(routes!(prioritise))
        .routes(routes!(sip_history))
}

/// Dials `to` and runs `flow` for whoever answers, or speaks a text to him; or lets `by` call `to`: one of the three.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginateBody {
    /// An internal number, or a public one with `+`; with `by` also `{"agent": id}`, `{"group": id}` or `{"flow": key}`.
    /// Absent with `by`: he is the chair of a conference, alone until he invites.
    #[serde(default)]
    pub to: Option<TargetBody>,
    /// Who calls: `{"agent": id}`, or a number. He is rung first; when he has answered, `to` is dialled and they talk.
    #[serde(default)]
    pub by: Option<TargetBody>,
    /// For which of his groups the agent calls; its wrap-up follows.
    #[serde(default)]
    pub group: Option<String>,
    /// The phone of `by` is asked to answer by itself. Absent: what the site says of an agent's extension.
    #[serde(default)]
    pub auto_answer: Option<bool>,
    /// With `by`: how long `to` rings at most; 60 s when absent.
    #[serde(default)]
    pub ring_ms: Option<u64>,
    /// A flow's key: its file in `dialplans` without the ending.
    #[serde(default)]
    pub flow: Option<String>,
    /// Spoken to its end; then the call is over.
    #[serde(default)]
    pub say: Option<SayBody>,
    /// The number shown to the far end; by the rule for calling numbers when absent.
    #[serde(default)]
    pub from: Option<String>,
    /// Attached to the contact from its birth; at most 16 KB.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

/// Text for a voice.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({ "text": "Your order 4711 is on its way.", "language": "en-US" }))]
#[serde(deny_unknown_fields)]
pub struct SayBody {
    /// At most 1,000 characters.
    pub text: String,
    /// A language tag, `zh-CN`; the tenant's language when absent.
    #[serde(default)]
    pub language: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HangupBody {
    /// Ends this leg alone. Neither it nor `agent`: the whole contact.
    #[serde(default)]
    pub leg: Option<String>,
    /// An agent's id, or `no:` and his number: ends his leg in this contact alone.
    #[serde(default)]
    pub agent: Option<String>,
    /// The supervisor who does so: then only what he might supervise; needs `calls.supervise` instead.
    #[serde(default)]
    pub by: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriorityBody {
    /// -1000 to 1000; the higher comes first. Replaces the one it has.
    pub priority: i32,
}

/// All live contacts with their calls and legs, oldest first.
#[utoipa::path(get, path = "/v1/calls", tag = "calls", responses((status = 200, body = CallsReply)))]
async fn list_calls(caller: Caller) -> Result<Reply<CallsReply>, Problem> {
    caller.may(Permission::CallsRead)?;
    let (Snapshot::Contacts(states), seq) = caller.ask(Body::Query(Query::Contacts)).await? else {
        return Err(wrong_snapshot());
    };
    let contacts = states.iter().map(|state| ContactView::new(state, &caller.lens())).collect();
    Ok(Reply::ok(seq, CallsReply { seq, contacts }))
}

/// One live contact.
#[utoipa::path(get, path = "/v1/calls/{contact}", tag = "calls",
    params(("contact" = String, Path, description = "the contact's id")),
    responses((status = 200, body = CallReply)))]
async fn get_call(caller: Caller, Named(contact): Named) -> Result<Reply<CallReply>, Problem> {
    caller.may(Permission::CallsRead)?;
    let contact = minted("contact", &contact)?;
    contact_reply(&caller, Body::Query(Query::Contact(contact))).await
}

/// Dials a number, and runs a flow for whoever answers or speaks a text to him; or calls for somebody.
///
/// With `by` an agent, a phone or somebody outside is rung first and then connected to `to`. An agent who is not ready may
/// call; one who talks gets 409 `agent-busy`, which names the contact. If nobody is there he hears it and is released.
///
/// 202 says that the command is accepted and on its way to the disk; what becomes of the call is told by events of the
/// contact. Send an `Idempotency-Key` to be able to repeat after a timeout without dialling twice.
#[utoipa::path(post, path = "/v1/calls", tag = "calls", request_body = OriginateBody,
    responses((status = 202, body = OriginateReply)))]
async fn originate(caller: Caller, JsonBody(body): JsonBody<OriginateBody>) -> Result<Reply<OriginateReply>, Problem> {
    caller.may(Permission::CallsOriginate)?;
    match &body.to {
        Some(TargetBody::Number(to)) if to.is_empty() => return Err(Problem::field("to", "`to` is empty")),
        None if body.by.is_none() => return Err(Problem::field("to", "missing field `to`")),
        Some(_) | None => {}
    }
    check_data(&body.data)?;
    let order = if body.by.is_some() { two_way(&caller, body)? } else { one_way(body)? };
    let (Snapshot::Ordered(contact), seq) = caller.ask(order).await? else { return Err(wrong_snapshot()) };
    let contact = contact.to_string();
    Ok(Reply { status: StatusCode::ACCEPTED, seq, body: OriginateReply { seq, contact } })
}

/// A number, and what comes when it answers.
fn one_way(body: OriginateBody) -> Result<Body, Problem> {
    let OriginateBody { to, by: _, group, auto_answer, ring_ms, flow, say, from, data } = body;
    let Some(TargetBody::Number(to)) = to else {
        return Err(Problem::field("to", "without `by`, `to` is a number"));
    };
    for (name, is_there) in
        [("group", group.is_some()), ("auto_answer", auto_answer.is_some()), ("ring_ms", ring_ms.is_some())]
    {
        if is_there {
            return Err(Problem::field(name, format!("`{name}` goes with `by`")));
        }
    }
    Ok(Body::Originate(Originate { to, then: then(flow, say)?, from, data }))
}

/// Somebody, and whom he calls.
fn two_way(caller: &Caller, body: OriginateBody) -> Result<Body, Problem> {
    let OriginateBody { to, by, group, auto_answer, ring_ms, flow, say, from, data } = body;
    for (name, is_there) in [("flow", flow.is_some()), ("say", say.is_some())] {
        if is_there {
            return Err(Problem::field(name, format!("`{name}` and `by` exclude each other")));
        }
    }
    let by = match by.map(|by| target(caller, by)).transpose()? {
        Some(CallTarget::Agent { agent, wait: Span::ZERO }) => switch::Caller::Agent(agent),
        Some(CallTarget::Number(number)) => switch::Caller::Number(number),
        Some(CallTarget::Agent { .. } | CallTarget::Groups(_) | CallTarget::Flow { .. }) | None => {
            return Err(Problem::field("by", "`by` is a number or `{\"agent\": id}`"));
        }
    };
    let group = group_named(caller, group)?;
    let (to, ring) = (to.map(|to| target(caller, to)).transpose()?, ring(ring_ms)?);
    Ok(Body::TwoWay(TwoWay { by, to, group, from, auto_answer, ring, data }))
}

pub fn group_named(caller: &Caller, id: Option<String>) -> Result<Option<GroupNo>, Problem> {
    let Some(id) = id else { return Ok(None) };
    let unknown = || Problem::new(Code::UnknownGroup, format!("no group `{id}`"));
    group_no(&caller.site, &id).ok_or_else(unknown).map(Some)
}

/// Ends a contact, or one leg of it.
#[utoipa::path(post, path = "/v1/calls/{contact}/hangup", tag = "calls", request_body = HangupBody,
    params(("contact" = String, Path, description = "the contact's id")),
    responses((status = 200, body = CallReply)))]
async fn hang_up(
    caller: Caller,
    Named(contact): Named,
    JsonBody(body): JsonBody<HangupBody>,
) -> Result<Reply<CallReply>, Problem> {
    caller.may(if body.by.is_some() { Permission::CallsSupervise } else { Permission::CallsControl })?;
    let contact = minted("contact", &contact)?;
    let supervisor = body.by.map(|id| known_agent(&caller, &id)).transpose()?;
    let who = who(&caller, body.leg, body.agent)?;
    contact_reply(&caller, Body::Hangup { contact, who, supervisor }).await
}

/// Replaces the named keys of a contact's attached data; `null` removes one.
#[utoipa::path(patch, path = "/v1/calls/{contact}/data", tag = "calls", request_body = Object,
    params(("contact" = String, Path, description = "the contact's id")),
    responses((status = 200, body = CallReply)))]
async fn set_data(
    caller: Caller,
    Named(contact): Named,
    JsonBody(data): JsonBody<Map<String, Value>>,
) -> Result<Reply<CallReply>, Problem> {
    caller.may(Permission::CallsControl)?;
    let contact = minted("contact", &contact)?;
    check_data(&data)?;
    contact_reply(&caller, Body::SetData { contact, data }).await
}

/// A waiting contact stands elsewhere in its queue: each step is worth a minute of waiting.
#[utoipa::path(post, path = "/v1/calls/{contact}/priority", tag = "calls", request_body = PriorityBody,
    params(("contact" = String, Path, description = "the contact's id")),
    responses((status = 200, body = CallReply)))]
async fn prioritise(
    caller: Caller,
    Named(contact): Named,
    JsonBody(body): JsonBody<PriorityBody>,
) -> Result<Reply<CallReply>, Problem> {
    caller.may(Permission::CallsControl)?;
    let contact = minted("contact", &contact)?;
    if !(-1_000..=1_000).contains(&body.priority) {
        return Err(Problem::field("priority", "`priority` is -1000 to 1000"));
    }
    contact_reply(&caller, Body::Priority { contact, priority: body.priority }).await
}

/// A flow or a text, and one of them.
fn then(flow: Option<String>, say: Option<SayBody>) -> Result<Then, Problem> {
    let SayBody { text, language } = match (flow, say) {
        (Some(flow), None) if flow.is_empty() => return Err(Problem::field("flow", "`flow` is empty".to_owned())),
        (Some(flow), None) => return Ok(Then::Flow(flow)),
        (None, None) => return Err(Problem::field("flow", "missing field `flow`, or `say`".to_owned())),
        (Some(_), Some(_)) => return Err(Problem::field("say", "`flow` and `say` exclude each other".to_owned())),
        (None, Some(say)) => say,
    };
    let chars = text.chars().count();
    if text.trim().is_empty() {
        return Err(Problem::field("say.text", "`say.text` is empty".to_owned()));
    }
    if chars > SPEECH_CHARS {
        let message = format!("`say.text` has {chars} characters, at most {SPEECH_CHARS} are spoken");
        return Err(Problem::field("say.text", message));
    }
    if language.as_ref().is_some_and(|language| !is_language_tag(language)) {
        return Err(Problem::field("say.language", "`say.language` is no language tag, such as `en-US`".to_owned()));
    }
    Ok(Then::Say { text, language })
}

/// What is too large by itself is refused here; the tenant checks the sum.
pub fn check_data(data: &Map<String, Value>) -> Result<(), Problem> {
    let bytes = serde_json::to_string(data).map_or(usize::MAX, |text| text.len());
    if bytes > ATTACHED_DATA_BYTES {
        return Err(Problem::new(Code::DataTooLarge, format!("`data` has {bytes} bytes")));
    }
    Ok(())
}

pub async fn contact_reply(caller: &Caller, body: Body) -> Result<Reply<CallReply>, Problem> {
    let (Snapshot::Contacts(states), seq) = caller.ask(body).await? else { return Err(wrong_snapshot()) };
    let state = states.first().ok_or_else(wrong_snapshot)?;
    Ok(Reply::ok(seq, CallReply { seq, contact: ContactView::new(state, &caller.lens()) }))
}

/// The SIP messages of a live contact, oldest first: text for people, or JSON with `Accept: application/json`.
#[utoipa::path(get, path = "/v1/calls/{contact}/sip", tag = "calls",
    params(("contact" = String, Path, description = "the contact's id")),
    responses((status = 200, content((SipReply = "application/json"), (String = "text/plain")))))]
async fn sip_history(caller: Caller, Named(contact): Named, headers: HeaderMap) -> Result<Response, Problem> {
    caller.may(Permission::SipRead)?;
    let contact: ContactId = minted("contact", &contact)?;
    let (Snapshot::SipHistory(messages), seq) = caller.ask(Body::Query(Query::SipHistory(contact))).await? else {
        return Err(wrong_snapshot());
    };
    let messages: Vec<TracedView> = messages.iter().map(|message| TracedView::new(message, &caller.lens())).collect();
    let wanted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if wanted.contains("json") {
        return Ok(Reply::ok(seq, SipReply { seq, messages }).into_response());
    }
    let mut response = ladder(&messages).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(HeaderName::from_static(SEQ_HEADER), seq.into());
    Ok(response)
}
