//! Is it alive, does it take contacts, what do its figures say.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::request::Bearer;
use super::{Api, Problem, Routes};
use crate::switch::door::House;
use crate::switch::permission::Permission;

pub fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(metrics))
}

#[derive(Debug, Serialize, ToSchema)]
pub struct HealthReply {
    /// `open`, `starting`, `shedding` or `draining`.
    pub state: &'static str,
    /// Why contacts are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
    /// Contacts that still run while draining.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contacts_left: Option<u32>,
}

impl HealthReply {
    pub fn new(house: &House) -> Self {
        let plain = |state| Self { state, why: None, contacts_left: None };
        match house {
            House::Starting => plain("starting"),
            House::Open => plain("open"),
            House::Shed { why } => Self { why: Some(why), ..plain("shedding") },
            House::Draining { contacts_left } => Self { contacts_left: Some(*contacts_left), ..plain("draining") },
        }
    }
}

/// 200 as long as the process answers. Needs no token.
#[utoipa::path(get, path = "/healthz", tag = "house", responses((status = 200, body = HealthReply)))]
async fn healthz(State(api): State<Arc<Api>>) -> Response {
    axum::Json(HealthReply::new(&api.door.house())).into_response()
}

/// 200 while new contacts are taken, else 503. Needs no token.
#[utoipa::path(get, path = "/readyz", tag = "house",
    responses((status = 200, body = HealthReply), (status = 503, body = HealthReply)))]
async fn readyz(State(api): State<Arc<Api>>) -> Response {
    let house = api.door.house();
    let status = if house == House::Open { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(HealthReply::new(&house))).into_response()
}

/// Figures of the node in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "house", responses((status = 200, body = String, content_type = "text/plain")))]
async fn metrics(State(api): State<Arc<Api>>, Bearer(token): Bearer) -> Result<Response, Problem> {
    token.require(Permission::MetricsRead)?;
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, api.door.print_meters()).into_response())
}
