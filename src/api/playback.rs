//! A recording played to an agent's phone, and its verbs. Reads which recording and whether it can be played; what becomes
//! of it is told by `playback` events, which also say who listened to what.

use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::agent_verbs::NoFields;
use super::agents::known_agent;
use super::recordings::length_of;
use super::reply::Reply;
use super::request::{Caller, JsonBody, Named, minted, wrong_snapshot};
use super::verbs::{Verb, verb};
use super::view::{CallReply, OriginateReply};
use super::{Problem, Routes};
use crate::base::Span;
use crate::base::bounds::SOUND_MAX;
use crate::switch::permission::Permission;
use crate::switch::{Body, CallVerb, Code, Play, PlaybackVerb, Snapshot};

pub fn routes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(play_recording))
        .routes(routes!(pause_playback))
        .routes(routes!(resume_playback))
        .routes(routes!(seek_playback))
        .routes(routes!(stop_playback))
}

/// One of `segment` and `contact`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlayBody {
    /// A part of a recording, by its id.
    #[serde(default)]
    pub segment: Option<String>,
    /// The whole recording of this contact.
    #[serde(default)]
    pub contact: Option<String>,
    /// Where to begin; at the begin when absent. Behind the end is at the end.
    #[serde(default)]
    pub from_ms: u64,
}

/// One of `by_ms` and `to_ms`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeekBody {
    /// So far onward, or with a minus back.
    #[serde(default)]
    pub by_ms: Option<i64>,
    /// To this place.
    #[serde(default)]
    pub to_ms: Option<u64>,
}

fn millis(ms: u64) -> Span {
    Span::millis(i64::try_from(ms).unwrap_or(i64::MAX).min(SOUND_MAX.as_millis()))
}

/// Rings an agent's phone and plays a recording to him: both tracks, as the file has them.
///
/// He listens in a contact of his own, which the answer names and which ends with the recording. It needs the permission to
/// fetch the recording. A recording that still grows is refused, and one over 30 minutes: play its segments.
#[utoipa::path(post, path = "/v1/agents/{id}/play", tag = "recordings", request_body = PlayBody,
    params(("id" = String, Path, description = "the agent's id, or `no:` and his number")),
    responses((status = 202, body = OriginateReply)))]
async fn play_recording(
    caller: Caller,
    Named(id): Named,
    JsonBody(body): JsonBody<PlayBody>,
) -> Result<Reply<OriginateReply>, Problem> {
    caller.may(Permission::RecordingsRead)?;
    caller.may(Permission::AgentsControl)?;
    let agent = known_agent(&caller, &id)?;
    let (segment, contact) = match (&body.segment, &body.contact) {
        (Some(segment), None) => (Some(minted("segment", segment)?), None),
        (None, Some(contact)) => (None, Some(minted("contact", contact)?)),
        (None, None) | (Some(_), Some(_)) => {
            return Err(Problem::field("segment", "name one of `segment` and `contact`"));
        }
    };
    // What a client has been told of may be asked for: the records wait for it.
    caller.api.archive.at_least(caller.api.archive.newest()).await?;
    let found = caller.api.archive.playable(caller.tenant.no, segment, contact).await?;
    let (of, sound) = found.ok_or_else(|| Problem::new(Code::NotFound, "no such recording"))?;
    let Some(sound) = sound else {
        return Err(Problem::new(Code::RecordingRuns, "it is still being written"));
    };
    let length = length_of(&caller.api.recordings, &sound).await?;
    if length > SOUND_MAX {
        let message = format!("it lasts {} ms, at most {} are played", length.as_millis(), SOUND_MAX.as_millis());
        return Err(Problem::new(Code::TooLong, message));
    }
    let (file, from, start) = (sound.file, sound.from, millis(body.from_ms));
    let order = Body::Play(Play { agent, of, segment, file, from, length, start });
    let (Snapshot::Ordered(contact), seq) = caller.ask(order).await? else { return Err(wrong_snapshot()) };
    let contact = contact.to_string();
    Ok(Reply { status: StatusCode::ACCEPTED, seq, body: OriginateReply { seq, contact } })
}

async fn steer(caller: &Caller, contact: &str, what: PlaybackVerb) -> Verb {
    verb(caller, contact, Permission::RecordingsRead, |_| Ok(CallVerb::Playback { verb: what })).await
}

/// The recording stands still and he hears nothing.
#[utoipa::path(post, path = "/v1/calls/{contact}/playback/pause", tag = "recordings",
    params(("contact" = String, Path, description = "the id of the contact in which he listens")),
    responses((status = 200, body = CallReply)))]
async fn pause_playback(caller: Caller, Named(contact): Named, JsonBody(NoFields {}): JsonBody<NoFields>) -> Verb {
    steer(&caller, &contact, PlaybackVerb::Pause).await
}

/// It goes on where it stood.
#[utoipa::path(post, path = "/v1/calls/{contact}/playback/resume", tag = "recordings",
    params(("contact" = String, Path, description = "the id of the contact in which he listens")),
    responses((status = 200, body = CallReply)))]
async fn resume_playback(caller: Caller, Named(contact): Named, JsonBody(NoFields {}): JsonBody<NoFields>) -> Verb {
    steer(&caller, &contact, PlaybackVerb::Resume).await
}

/// It goes on elsewhere: at a place, or so far onward or back. Beyond its ends is at its ends.
#[utoipa::path(post, path = "/v1/calls/{contact}/playback/seek", tag = "recordings", request_body = SeekBody,
    params(("contact" = String, Path, description = "the id of the contact in which he listens")),
    responses((status = 200, body = CallReply)))]
async fn seek_playback(caller: Caller, Named(contact): Named, JsonBody(body): JsonBody<SeekBody>) -> Verb {
    let most = SOUND_MAX.as_millis();
    let what = match (body.by_ms, body.to_ms) {
        (Some(by), None) => PlaybackVerb::SeekBy(Span::millis(by.clamp(-most, most))),
        (None, Some(to)) => PlaybackVerb::SeekTo(millis(to)),
        (None, None) | (Some(_), Some(_)) => return Err(Problem::field("by_ms", "name one of `by_ms` and `to_ms`")),
    };
    steer(&caller, &contact, what).await
}

/// It is over, and his phone is released.
#[utoipa::path(post, path = "/v1/calls/{contact}/playback/stop", tag = "recordings",
    params(("contact" = String, Path, description = "the id of the contact in which he listens")),
    responses((status = 200, body = CallReply)))]
async fn stop_playback(caller: Caller, Named(contact): Named, JsonBody(NoFields {}): JsonBody<NoFields>) -> Verb {
    steer(&caller, &contact, PlaybackVerb::Stop).await
}
