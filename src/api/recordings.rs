//! Sound of contacts: the cut of one segment, or the whole file, with single byte ranges (RFC 9110 section 14).

use std::path::{Component, Path, PathBuf};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::archive::Sound;
use super::records::AtLeast;
use super::reply::SEQ_HEADER;
use super::request::{Caller, Named, Params, minted};
use super::wav::{self, HEAD_BYTES, Head, Ranged};
use super::{Problem, Routes};
use crate::base::Span;
use crate::switch::Code;
use crate::switch::permission::Permission;

/// Bytes of sound read and sent at once.
const BLOCK_BYTES: usize = 64 << 10;

pub fn routes() -> Routes {
    OpenApiRouter::new().routes(routes!(get_segment)).routes(routes!(get_recording))
}

/// The sound of one segment as a WAV: left the customer, right the house.
#[utoipa::path(get, path = "/v1/recordings/{segment}", tag = "recordings",
    params(("segment" = String, Path, description = "the segment's id, as the record and events name it"),
        ("Range" = Option<String>, Header, description = "one range of bytes"), AtLeast),
    responses((status = 200, content_type = "audio/wav", body = Vec<u8>), (status = 206, content_type = "audio/wav", body = Vec<u8>)))]
async fn get_segment(
    caller: Caller,
    Named(segment): Named,
    Params(query): Params<AtLeast>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.may(Permission::RecordingsRead)?;
    let segment = minted("segment", &segment)?;
    let seq = query.wait(&caller.api).await?;
    let sound = caller.api.archive.segment(caller.tenant.no, segment).await?;
    let sound = sound.ok_or_else(|| Problem::new(Code::NotFound, "no such segment is recorded"))?;
    serve(&caller, &sound, seq, &headers).await
}

/// The whole recording of a contact as a WAV, also while it is being written.
#[utoipa::path(get, path = "/v1/contacts/{contact}/recording", tag = "recordings",
    params(("contact" = String, Path, description = "the contact's id"),
        ("Range" = Option<String>, Header, description = "one range of bytes"), AtLeast),
    responses((status = 200, content_type = "audio/wav", body = Vec<u8>), (status = 206, content_type = "audio/wav", body = Vec<u8>)))]
async fn get_recording(
    caller: Caller,
    Named(contact): Named,
    Params(query): Params<AtLeast>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.may(Permission::RecordingsRead)?;
    let contact = minted("contact", &contact)?;
    let seq = query.wait(&caller.api).await?;
    let sound = caller.api.archive.recording(caller.tenant.no, contact).await?;
    let sound = sound.ok_or_else(|| Problem::new(Code::NotFound, "the contact was not recorded"))?;
    serve(&caller, &sound, seq, &headers).await
}

/// Inside the folder of recordings, whatever the record says.
fn inside(folder: &Path, file: &str) -> Option<PathBuf> {
    let file = Path::new(file);
    let plain = file.components().all(|part| matches!(part, Component::Normal(_)));
    plain.then(|| folder.join(file))
}

/// How long the sound of this part is, as far as the file has it.
///
/// # Errors
/// `not-found` when there is no such file any more, `recording-broken` when it is no recording of ours or holds nothing.
pub async fn length_of(folder: &Path, sound: &Sound) -> Result<Span, Problem> {
    let outside = || Problem::new(Code::InternalError, "the record names a file outside of the recordings");
    let path = inside(folder, &sound.file).ok_or_else(outside)?;
    let gone = |error: std::io::Error| {
        tracing::warn!(%error, "recording cannot be read");
        Problem::new(Code::NotFound, "the sound is not on the disk any more")
    };
    let mut file = File::open(&path).await.map_err(gone)?;
    let bytes = file.metadata().await.map_err(gone)?.len();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    (&mut file).take(HEAD_BYTES as u64).read_to_end(&mut head).await.map_err(gone)?;
    let broken = |what: &str| Problem::new(Code::RecordingBroken, format!("`{}` {what}", sound.file));
    let head = Head::read(&head).map_err(|_| broken("is no WAV"))?;
    let length = head.length(bytes, sound.from, sound.to);
    if length == Span::ZERO { Err(broken("holds no sound there")) } else { Ok(length) }
}

async fn serve(caller: &Caller, sound: &Sound, seq: u64, headers: &HeaderMap) -> Result<Response, Problem> {
    let path = inside(&caller.api.recordings, &sound.file)
        .ok_or_else(|| Problem::new(Code::InternalError, "the record names a file outside of the recordings"))?;
    let gone = |error: std::io::Error| {
        tracing::warn!(%error, "recording cannot be read");
        Problem::new(Code::NotFound, "the sound is not on the disk any more")
    };
    let mut file = File::open(&path).await.map_err(gone)?;
    let length = file.metadata().await.map_err(gone)?.len();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    (&mut file).take(HEAD_BYTES as u64).read_to_end(&mut head).await.map_err(gone)?;
    let head = Head::read(&head).map_err(|_| Problem::new(Code::InternalError, "the file is no WAV"))?;
    let (first, last) = head.cut(length, sound.from, sound.to);
    let whole = Whole { head: head.write(last - first), first, length: last - first };
    let etag = format!("\"{}-{}-{}\"", sound.name, whole.first, whole.length);
    let mut response = whole.answer(file, headers, &etag).await?;
    let out = response.headers_mut();
    out.insert(HeaderName::from_static(SEQ_HEADER), seq.into());
    let named = format!("inline; filename=\"{}.wav\"", sound.name);
    out.insert(header::CONTENT_DISPOSITION, named.parse().expect("an id of digits between fixed words"));
    Ok(response)
}

/// The WAV as a client sees it: a header of our own, then a part of the file.
struct Whole {
    head: Vec<u8>,
    /// Where its sound begins in the file, and its bytes.
    first: u64,
    length: u64,
}

impl Whole {
    async fn answer(self, file: File, headers: &HeaderMap, etag: &str) -> Result<Response, Problem> {
        let total = self.head.len() as u64 + self.length;
        let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
        // RFC 9110 section 13.1.5: a range of another version is no range.
        let same = text(header::IF_RANGE).is_none_or(|known| known == etag);
        let range = text(header::RANGE).filter(|_| same);
        let (status, from, to) = match wav::ranged(range, total) {
            Ranged::Whole => (StatusCode::OK, 0, total),
            Ranged::Part(from, to) => (StatusCode::PARTIAL_CONTENT, from, to),
            Ranged::Unsatisfiable => {
                let mut refused =
                    Problem::new(Code::RangeNotSatisfiable, format!("it has {total} bytes")).into_response();
                let range = format!("bytes */{total}").parse().expect("digits");
                refused.headers_mut().insert(header::CONTENT_RANGE, range);
                return Ok(refused);
            }
        };
        let body = self.part(file, from, to).await?;
        let mut response = (status, body).into_response();
        let out = response.headers_mut();
        out.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("audio/wav"));
        out.insert(header::ACCEPT_RANGES, header::HeaderValue::from_static("bytes"));
        out.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("private, no-cache"));
        out.insert(header::ETAG, etag.parse().expect("digits between quotes"));
        out.insert(header::CONTENT_LENGTH, (to - from).into());
        if status == StatusCode::PARTIAL_CONTENT {
            let range = format!("bytes {from}-{}/{total}", to - 1).parse().expect("digits");
            out.insert(header::CONTENT_RANGE, range);
        }
        Ok(response)
    }

    /// Bytes `from..to` of header and sound together.
    async fn part(self, mut file: File, from: u64, to: u64) -> Result<Body, Problem> {
        let head_length = self.head.len() as u64;
        let slice = |at: u64| usize::try_from(at.min(head_length)).unwrap_or(self.head.len());
        let head = Bytes::copy_from_slice(&self.head[slice(from)..slice(to)]);
        let start = self.first + from.saturating_sub(head_length);
        let left = to.max(head_length) - from.max(head_length);
        file.seek(std::io::SeekFrom::Start(start))
            .await
            .map_err(|error| Problem::new(Code::InternalError, format!("the file cannot be read: {error}")))?;
        let sound = stream::try_unfold((file, left), async |(mut file, left)| {
            if left == 0 {
                return Ok(None);
            }
            let mut block = Vec::with_capacity(BLOCK_BYTES);
            let wanted = left.min(BLOCK_BYTES as u64);
            let got = (&mut file).take(wanted).read_to_end(&mut block).await? as u64;
            if got == 0 {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
            }
            Ok(Some((Bytes::from(block), (file, left - got))))
        });
        let head = stream::iter((!head.is_empty()).then_some(Ok::<_, std::io::Error>(head)));
        Ok(Body::from_stream(futures_util::StreamExt::chain(head, sound)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_lies_inside_of_the_folder_or_nowhere() {
        let folder = Path::new("/data/recordings");
        assert_eq!(inside(folder, "demo/2026-11-21/1.wav"), Some("/data/recordings/demo/2026-11-21/1.wav".into()));
        for bad in ["../site.db", "/etc/passwd", "demo/../../site.db", "./x"] {
            assert_eq!(inside(folder, bad).filter(|_| bad != "./x"), None, "{bad}");
        }
    }
}
