//! The native API: HTTP and WebSocket under `/v1`, JSON, OpenAPI at `/openapi.json`, a page to try it at `/docs`.
//! Owns wire forms, reading of requests, permissions of operations, subscribers. Leaves every decision to the tenant
//! machine behind `switch::door`, records and events to `store`.
//! In: HTTP requests. Out: commands and queries through the door; views of what comes back.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a driver: sockets, files and waiting for clients"
)]

mod agent_verbs;
mod agents;
pub mod archive;
mod calls;
mod docs;
mod events;
mod examples;
mod health;
mod instant;
mod playback;
pub mod position;
mod previews;
mod problem;
pub mod reader;
mod record_verbs;
mod recordings;
mod records;
mod reply;
mod request;
mod resolve;
mod serve;
mod sessions;
mod site;
mod subscriber;
mod supervision;
#[cfg(test)]
mod tests;
mod verbs;
pub mod view;
mod watch_list;
mod wav;

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Uri;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use futures_util::FutureExt;
use tokio::sync::watch;
use utoipa_axum::router::OpenApiRouter;

use archive::Archive;
pub use problem::Problem;
use request::Caller;
pub use serve::{Crowd, serve};

use crate::base::Time;
use crate::site::Site;
use crate::switch::Code;

/// The door, with sites as the rooms above `site` know them.
pub type Door = crate::switch::door::Door<Site>;
pub type Tenant = crate::switch::door::Tenant<Site>;

type Routes = OpenApiRouter<Arc<Api>>;

/// What every request can reach.
pub struct Api {
    pub door: Door,
    pub archive: Archive,
    /// The folder below which records name their files.
    pub recordings: PathBuf,
    closing: watch::Sender<bool>,
}

impl Api {
    pub fn new(door: Door, archive: Archive, recordings: PathBuf) -> Arc<Self> {
        Arc::new(Self { door, archive, recordings, closing: watch::Sender::new(false) })
    }

    /// Ready once the server stops.
    async fn until_closing(&self) {
        // The sender lives as long as `self`, so waiting can only end with the value.
        if self.closing.subscribe().wait_for(|closing| *closing).await.is_err() {
            tracing::error!("the closing mark went away before its owner");
        }
    }

    fn close(&self) {
        self.closing.send_replace(true);
    }
}

impl Caller {
    fn lens(&self) -> view::Lens<'_> {
        view::Lens { site: &self.site, origin: self.api.door.wall(Time(0)) }
    }
}

/// Every route, with what surrounds them all.
pub fn router(api: Arc<Api>) -> Router {
    let (router, _) = operations().split_for_parts();
    router
        .route("/openapi.json", routing::get(docs::openapi))
        .route("/docs", routing::get(docs::page))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(api.clone(), around))
        .with_state(api)
}

fn operations() -> Routes {
    OpenApiRouter::new()
        .merge(health::routes())
        .merge(agents::routes())
        .merge(agent_verbs::routes())
        .merge(calls::routes())
        .merge(previews::routes())
        .merge(verbs::routes())
        .merge(record_verbs::routes())
        .merge(supervision::routes())
        .merge(records::routes())
        .merge(recordings::routes())
        .merge(playback::routes())
        .merge(events::routes())
        .merge(sessions::routes())
        .merge(site::routes())
        .merge(resolve::routes())
}

/// Counts answers by class; a panic in an operation is our bug and ends that request alone.
async fn around(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let response = answered.unwrap_or_else(|_| {
        tracing::error!("an operation of the API panicked");
        Problem::new(Code::InternalError, "the operation panicked").into_response()
    });
    let meters = api.door.meters();
    match response.status().as_u16() {
        ..400 => meters.http_ok.add(1),
        400..500 => meters.http_client.add(1),
        500.. => meters.http_server.add(1),
    }
    response
}

async fn not_found(uri: Uri) -> Problem {
    Problem::new(Code::NotFound, format!("there is no path `{}`", uri.path()))
}

async fn method_not_allowed(uri: Uri) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("`{}` has other methods", uri.path()))
}
