//! What every request brings: who asks, for which tenant, with which command id; its body, query and path.
//! Owns reading and refusing them. Leaves meaning to each operation.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::{Api, Problem, Tenant};
use crate::base::CommandId;
use crate::base::bounds::{COMMAND_ID_BYTES, HTTP_BODY_BYTES, HTTP_BODY_WAIT};
use crate::event::words::{Actor, By};
use crate::site::Site;
use crate::switch::door::{Scope, Token};
use crate::switch::permission::Permission;
use crate::switch::{Answer, Body, Code, Command, SessionVerb, Snapshot};

/// Names the tenant when the token is the node's.
pub const TENANT_HEADER: &str = "cordboard-tenant";
/// The command id. The same within 10 minutes has the same answer and no second effect.
pub const COMMAND_HEADER: &str = "idempotency-key";
/// A browser's WebSocket cannot send `Authorization`: it offers the token as a subprotocol with this prefix.
pub const TOKEN_PROTOCOL: &str = "bearer.";

/// Who asks, and the tenant he asks, with its site taken once for this request.
pub struct Caller {
    pub api: Arc<Api>,
    pub token: Token,
    pub tenant: Arc<Tenant>,
    pub site: Arc<Site>,
    id: Option<CommandId>,
}

/// The token alone, for what belongs to the node.
pub struct Bearer(pub Token);

impl FromRequestParts<Arc<Api>> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let text = token_text(&parts.headers)
            .ok_or_else(|| Problem::new(Code::Unauthorized, "there is no `Authorization: Bearer` header"))?;
        api.door.find_token(text).map(Self).ok_or_else(|| Problem::new(Code::Unauthorized, "the token is not known"))
    }
}

fn token_text(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim());
    }
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    offered.flat_map(|list| list.split(',')).find_map(|protocol| protocol.trim().strip_prefix(TOKEN_PROTOCOL))
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let Bearer(token) = Bearer::from_request_parts(parts, api).await?;
        let named = header_text(&parts.headers, TENANT_HEADER)?;
        let tenant = match (token.row.scope, named) {
            (Scope::Tenant(no), None) => api.door.tenant(no),
            (Scope::Tenant(no), Some(key)) => {
                let own = api.door.tenant(no).filter(|tenant| tenant.key == key);
                Some(own.ok_or_else(|| Problem::new(Code::Forbidden, "the token is another tenant's"))?)
            }
            (Scope::Node, Some(key)) => api.door.tenant_by_key(key),
            (Scope::Node, None) => {
                return Err(Problem::field("Cordboard-Tenant", "a node's token names the tenant in this header"));
            }
        };
        let tenant = tenant.ok_or_else(|| Problem::new(Code::NotFound, "there is no such tenant"))?;
        let id = command_id(&parts.headers, token.no())?;
        Ok(Self { api: api.clone(), site: tenant.site(), token, tenant, id })
    }
}

fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| Problem::field(name, "the header holds more than visible ASCII"))
}

fn command_id(headers: &HeaderMap, token: u32) -> Result<Option<CommandId>, Problem> {
    let Some(id) = header_text(headers, COMMAND_HEADER)? else { return Ok(None) };
    if id.is_empty() || id.len() > COMMAND_ID_BYTES {
        return Err(Problem::field("Idempotency-Key", format!("a command id has 1 to {COMMAND_ID_BYTES} bytes")));
    }
    Ok(Some(CommandId { token, id: id.to_owned() }))
}

impl Caller {
    pub fn may(&self, permission: Permission) -> Result<(), Problem> {
        self.token.require(permission).map_err(Problem::from)
    }

    /// Who asks, for what is not asked of the tenant.
    pub fn by(&self) -> By {
        By { actor: Actor::Integration(self.token.no()), command: self.id.clone() }
    }

    /// Asks the tenant and waits. A refusal of his becomes a problem.
    pub async fn ask(&self, body: Body) -> Result<(Snapshot, u64), Problem> {
        let id = match &body {
            Body::Query(_) | Body::Session(SessionVerb::Renew { .. }) => None,
            Body::Agent { .. }
            | Body::Originate(_)
            | Body::TwoWay(_)
            | Body::Play(_)
            | Body::Preview { .. }
            | Body::Decide { .. }
            | Body::Hangup { .. }
            | Body::SetData { .. }
            | Body::Priority { .. }
            | Body::Watch { .. }
            | Body::SendOn { .. }
            | Body::Session(SessionVerb::Open(_) | SessionVerb::Close { .. })
            | Body::Call { .. } => self.id.clone(),
        };
        let command = Command { id, actor: Actor::Integration(self.token.no()), body };
        match self.api.door.command(&self.token, &self.tenant, command).await? {
            (Answer::Accepted { snapshot }, seq) => Ok((snapshot, seq)),
            (Answer::Refused { code, state }, seq) => Err(Problem::new(code, state).with("seq", seq)),
        }
    }
}

/// The tenant answered with another kind of object than the question asks for.
pub fn wrong_snapshot() -> Problem {
    Problem::new(Code::InternalError, "the tenant answered another question")
}

/// A JSON body of at most 1 MiB that came within 10 s. An empty one reads as `{}`, for verbs whose fields are optional.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Arc<Api>) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?").to_owned());
        let reading = axum::body::to_bytes(request.into_body(), HTTP_BODY_BYTES);
        let bytes = tokio::time::timeout(HTTP_BODY_WAIT.to_std(), reading)
            .await
            .map_err(|_| Problem::new(Code::BadRequest, format!("the body did not come within {HTTP_BODY_WAIT}")))?
            .map_err(|error| unread_body(&error))?;
        if bytes.is_empty() {
            return parse(b"{}").map(Self);
        }
        if !kind.as_deref().is_some_and(is_json) {
            return Err(Problem::field("Content-Type", "a body is `application/json`"));
        }
        parse(&bytes).map(Self)
    }
}

/// Either it was too long or the client went away; nobody reads the second answer.
fn unread_body(error: &axum::Error) -> Problem {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.to_string().contains("length limit exceeded") {
            return Problem::new(Code::BodyTooLarge, format!("the body is over {HTTP_BODY_BYTES} bytes"));
        }
        cause = error.source();
    }
    Problem::new(Code::BadRequest, "the body broke off")
}

fn is_json(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let axum::Json(value) = axum::Json::from_bytes(bytes).map_err(|refused| readable(&refused.body_text()))?;
    Ok(value)
}

/// The framework puts a sentence before the reader's words; the reader's words name the field and the place.
fn readable(text: &str) -> Problem {
    let words = ["into the target type: ", "as JSON: ", "query string: "].iter().find_map(|mark| {
        let at = text.find(mark)?;
        Some(&text[at + mark.len()..])
    });
    Problem::unreadable(words.unwrap_or(text))
}

/// The query string; an unknown or unreadable parameter is refused by name.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Api>> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let Query(value) =
            Query::from_request_parts(parts, api).await.map_err(|refused| readable(&refused.body_text()))?;
        Ok(Self(value))
    }
}

/// The one variable of a path, as text.
pub struct Named(pub String);

impl FromRequestParts<Arc<Api>> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let Path(text) = Path::from_request_parts(parts, api)
            .await
            .map_err(|_| Problem::field("path", "the path is not UTF-8 under its percent signs"))?;
        Ok(Self(text))
    }
}

/// The two variables of a path, as text.
pub struct NamedTwo(pub String, pub String);

impl FromRequestParts<Arc<Api>> for NamedTwo {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let Path((one, two)) = Path::from_request_parts(parts, api)
            .await
            .map_err(|_| Problem::field("path", "the path is not UTF-8 under its percent signs"))?;
        Ok(Self(one, two))
    }
}

/// A contact's, leg's or segment's id: the text of a number of 60 bits.
pub fn minted<T: std::str::FromStr>(field: &str, text: &str) -> Result<T, Problem> {
    text.parse()
        .map_err(|_| Problem::field(field, format!("`{field}` is the id that lists and events show, digits only")))
}
