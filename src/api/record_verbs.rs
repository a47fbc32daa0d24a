//! The verbs of a contact's recording: start, stop, pause, resume. Leaves what is recorded to `call`, and the files to
//! `recordings`.

use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::agent_verbs::NoFields;
use super::request::{Caller, JsonBody, Named};
use super::verbs::{Verb, verb};
use super::view::CallReply;
use super::{Problem, Routes};
use crate::base::Span;
use crate::base::bounds::RECORD_LENGTH_MAX;
use crate::switch::permission::Permission;
use crate::switch::{CallVerb, RecordVerb};

pub fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(start_recording))
        .routes(routes!(stop_recording))
        .routes(routes!(pause_recording))
        .routes(routes!(resume_recording))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordBody {
    /// It ends by itself when it is so long, pauses included: 1 s to 24 h. Absent: it has no limit.
    #[serde(default)]
    pub length_ms: Option<i64>,
}

async fn record(caller: &Caller, contact: &str, what: RecordVerb) -> Verb {
    verb(caller, contact, Permission::RecordingsControl, |_| Ok(CallVerb::Record { verb: what })).await
}

/// Begins to record a contact that was not recorded. With `length_ms` it ends by itself: `recording_ended` has the cause
/// `too-long` then.
#[utoipa::path(post, path = "/v1/calls/{contact}/record/start", tag = "calls", request_body = RecordBody,
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn start_recording(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<RecordBody>) -> Verb {
    let read = |_: &Caller| {
        let most = RECORD_LENGTH_MAX.as_millis();
        if body.length_ms.is_some_and(|ms| !(1_000..=most).contains(&ms)) {
            return Err(Problem::field("length_ms", format!("`length_ms` is 1000 to {most}")));
        }
        Ok(CallVerb::Record { verb: RecordVerb::Start { length: body.length_ms.map(Span::millis) } })
    };
    verb(&caller, &contact, Permission::RecordingsControl, read).await
}

/// Ends the recording for good; what was recorded stays.
#[utoipa::path(post, path = "/v1/calls/{contact}/record/stop", tag = "calls",
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn stop_recording(caller: Caller, Named(contact): Named, JsonBody(NoFields {}): JsonBody<NoFields>) -> Verb {
    record(&caller, &contact, RecordVerb::Stop).await
}

/// Silence of the same length is recorded until it is resumed.
#[utoipa::path(post, path = "/v1/calls/{contact}/record/pause", tag = "calls",
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn pause_recording(caller: Caller, Named(contact): Named, JsonBody(NoFields {}): JsonBody<NoFields>) -> Verb {
    record(&caller, &contact, RecordVerb::Pause).await
}

/// Sound is recorded again.
#[utoipa::path(post, path = "/v1/calls/{contact}/record/resume", tag = "calls",
    params(("contact" = String, Path, description = "the contact's id")), responses((status = 200, body = CallReply)))]
async fn resume_recording(caller: Caller, Named(contact): Named, JsonBody(NoFields {}): JsonBody<NoFields>) -> Verb {
    record(&caller, &contact, RecordVerb::Resume).await
}
