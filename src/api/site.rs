//! A tenant's whole site as a file: read it, or put another in its place while everything runs.
//! Owns the form on the wire. Leaves reading the file, its difference and its consequences to the sites' owner.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::reply::Reply;
use super::request::{Caller, JsonBody, Params};
use super::{Problem, Routes};
use crate::switch::door::SiteWish;
use crate::switch::permission::Permission;

pub fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(get_site, put_site))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteQuery {
    /// Show the passwords of the extensions too.
    #[serde(default)]
    pub passwords: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteBody {
    /// The text of a site file. What it does not name is removed; an extension without a password keeps the one it has.
    pub site: String,
    /// Tell the difference and change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

#[derive(Serialize, ToSchema)]
pub struct SiteReply {
    pub seq: u64,
    /// The site as a file.
    pub site: String,
}

#[derive(Serialize, ToSchema)]
pub struct SiteChangeReply {
    pub seq: u64,
    /// False: it was a dry run.
    pub applied: bool,
    /// One line per object: `-` was, `+` is, `~` has another password. `nothing changes` when that is so: it is no event.
    pub difference: String,
    /// Passwords that were made up, by extension; shown this once.
    pub passwords: BTreeMap<String, String>,
}

/// The tenant's site as a file.
#[utoipa::path(get, path = "/v1/site", tag = "site",
    params(("passwords" = Option<bool>, Query, description = "show the passwords of the extensions too")),
    responses((status = 200, body = SiteReply)))]
async fn get_site(caller: Caller, Params(query): Params<SiteQuery>) -> Result<Reply<SiteReply>, Problem> {
    caller.may(Permission::Admin)?;
    let told = caller.api.door.ask_site(caller.tenant.no, SiteWish::Export { passwords: query.passwords }).await?;
    let seq = caller.api.archive.newest();
    Ok(Reply::ok(seq, SiteReply { seq, site: told.text }))
}

/// Puts a file in the place of the tenant's site, or tells the difference.
///
/// It takes effect at once: calls go on, and who or what is removed while in use finishes its work.
#[utoipa::path(put, path = "/v1/site", tag = "site", request_body = SiteBody,
    responses((status = 200, body = SiteChangeReply)))]
async fn put_site(caller: Caller, JsonBody(body): JsonBody<SiteBody>) -> Result<Reply<SiteChangeReply>, Problem> {
    caller.may(Permission::Admin)?;
    let SiteBody { site: text, dry_run } = body;
    let wish = SiteWish::Apply { name: "site".to_owned(), text, dry_run, by: caller.by() };
    let told = caller.api.door.ask_site(caller.tenant.no, wish).await?;
    let seq = caller.api.archive.newest();
    let passwords = told.passwords.into_iter().collect();
    let body = SiteChangeReply { seq, applied: told.changed, difference: told.text, passwords };
    Ok(Reply { status: StatusCode::OK, seq, body })
}
