//! Records, their lists, `at_least`, and the sound of segments.

use axum::body::Body as HttpBody;
use axum::http::Request;
use serde_json::{Value, json};

use super::house::{CONTACT, Rig, event, of_contact, opened};
use crate::base::{ContactId, SegmentId, Span};
use crate::event::words::{Disposition, EndCause, SegmentEdge, Side};
use crate::event::{About, Kind};

/// `CORDBOARD_BLESS=1` writes the file anew; its diff is then the change of the API that is reviewed.
pub fn compare(reviewed: &str, file: &str, now: &Value) {
    let now = serde_json::to_string_pretty(now).expect("JSON") + "\n";
    if std::env::var_os("CORDBOARD_BLESS").is_some() {
        let path = format!("{}/src/api/tests/golden/{file}", env!("CARGO_MANIFEST_DIR"));
        return std::fs::write(path, now).expect("the tree can be written");
    }
    assert!(reviewed == now, "{file} differs: run with CORDBOARD_BLESS=1 and review\n{now}");
}

fn closed() -> Kind {
    Kind::ContactClosed {
        disposition: Disposition::Answered,
        side: Side::Customer,
        cause: EndCause::HungUp,
        sip_status: None,
    }
}

/// A recorded contact whose segment 77 is the second second of its file.
fn recorded(rig: &Rig) {
    let file = "demo/2026-11-21/1.wav".to_owned();
    rig.commit(of_contact(), opened());
    rig.commit(of_contact(), Kind::RecordingStarted { file, until: None });
    let (from, to) = (Span::seconds(1), Span::seconds(2));
    let (began, ended) = (SegmentEdge::Answered, SegmentEdge::Ended);
    rig.commit(of_contact(), Kind::Segment { segment: SegmentId(77), from, to, began, ended });
    let (length, answered) = (Span::seconds(3), Span::seconds(3));
    rig.commit(of_contact(), Kind::RecordingEnded { length, answered, gap: None, cause: None });
    rig.commit(of_contact(), closed());
}

#[tokio::test]
async fn a_record_is_the_one_that_was_reviewed() {
    let rig = Rig::new();
    recorded(&rig);
    let record = rig.get_ok(&format!("/v1/contacts/{CONTACT}?at_least=5")).await;
    assert_eq!(record.header("cordboard-seq"), Some("5"));
    compare(include_str!("golden/record.json"), "record.json", &record.json());
    assert_eq!(rig.ask("GET", &format!("/v1/contacts/{CONTACT}"), "other", None).await.status, 404, "another tenant's");
}

#[tokio::test]
async fn lists_page_by_cursor_and_by_offset() {
    let rig = Rig::new();
    for n in 1..=5 {
        let about = About { contact: Some(ContactId(n)), ..About::default() };
        rig.commit(about, opened());
        if n != 5 {
            rig.commit(about, closed());
        }
    }
    let ids = |answer: &Value| -> Vec<String> {
        let rows = answer["contacts"].as_array().expect("a list");
        rows.iter().map(|row| row["contact"].as_str().expect("an id").to_owned()).collect()
    };
    let first = rig.get_ok("/v1/contacts?limit=2").await.json();
    assert_eq!((ids(&first), first.get("total")), (vec!["5".to_owned(), "4".to_owned()], None));
    let cursor = first["cursor"].as_str().expect("more pages");
    let second = rig.get_ok(&format!("/v1/contacts?limit=3&cursor={cursor}")).await.json();
    assert_eq!((ids(&second).concat(), second.get("cursor")), ("321".to_owned(), None));
    let rows = [
        ("offset=1&limit=2", "43", Some(5)),
        ("offset=9", "", Some(5)),
        ("open=true", "5", None),
        ("open=false&offset=0", "4321", Some(4)),
        ("disposition=answered", "4321", None),
        ("disposition=refused", "", None),
        ("to=9000", "54321", None),
        ("agent=ana", "", None),
        ("from=%2B8613800138000&limit=1", "5", None),
        ("since=2026-11-21T08:00:00Z", "54321", None),
        ("before=2026-11-21T08:00:00Z", "", None),
    ];
    for (query, expected, total) in rows {
        let answer = rig.get_ok(&format!("/v1/contacts?{query}")).await.json();
        assert_eq!((ids(&answer).concat().as_str(), answer["total"].as_u64()), (expected, total), "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn at_least_waits_for_the_records_and_says_how_far_they_are() {
    let rig = Rig::new();
    recorded(&rig);
    let late = rig.get("/v1/contacts?at_least=6").await;
    assert_eq!((late.status, &late.json()["reached"]), (503, &json!(5)));
    assert_eq!(late.json()["code"], "not-caught-up");
    let (answered, ()) = tokio::join!(rig.get("/v1/contacts?at_least=6"), async {
        tokio::task::yield_now().await;
        rig.put(event(of_contact(), Kind::CallLeft));
    });
    assert_eq!((answered.status, answered.header("cordboard-seq")), (200, Some("6")));
}

/// Three seconds of 16-bit stereo at 8 kHz; each frame holds its number twice.
fn write_sound(rig: &Rig) -> Vec<u8> {
    let folder = rig.folder.path().join("demo/2026-11-21");
    std::fs::create_dir_all(&folder).expect("a folder");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(folder.join("1.wav"), spec).expect("a file");
    for frame in 0..24_000_i16 {
        writer.write_sample(frame).and_then(|()| writer.write_sample(frame)).expect("a sample");
    }
    writer.finalize().expect("an end");
    std::fs::read(folder.join("1.wav")).expect("the file")
}

async fn ranged(rig: &Rig, method: &str, path: &str, headers: &[(&str, &str)]) -> super::house::Answered {
    let mut request = Request::builder().method(method).uri(path).header("authorization", "Bearer admin");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    rig.send(request.body(HttpBody::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_segment_is_the_cut_of_its_file() {
    let rig = Rig::new();
    recorded(&rig);
    write_sound(&rig);
    let cut = rig.get_ok("/v1/recordings/77").await;
    assert_eq!((cut.header("content-type"), cut.header("content-length")), (Some("audio/wav"), Some("32044")));
    let mut reader = hound::WavReader::new(&cut.body[..]).expect("a WAV");
    let samples: Vec<i16> = reader.samples().collect::<Result<_, _>>().expect("samples");
    assert_eq!((samples.len(), samples[0], samples[15_999]), (16_000, 8_000, 15_999));
    assert_eq!(rig.ask("GET", "/v1/recordings/77", "other", None).await.status, 404, "another tenant's");
    let viewer = rig.ask("GET", "/v1/recordings/77", "viewer", None).await;
    assert_eq!(viewer.status, 403);
}

/// Request headers; status, `Content-Range`, which bytes of the whole.
type RangeRow<'a> = (&'a [(&'a str, &'a str)], u16, Option<&'a str>, std::ops::Range<usize>);

#[tokio::test]
async fn ranges_of_a_segment() {
    let rig = Rig::new();
    recorded(&rig);
    write_sound(&rig);
    let whole = rig.get_ok("/v1/recordings/77").await;
    let etag = whole.header("etag").expect("an ETag").to_owned();
    let rows: [RangeRow<'_>; 9] = [
        (&[("range", "bytes=0-43")], 206, Some("bytes 0-43/32044"), 0..44),
        (&[("range", "bytes=40-51")], 206, Some("bytes 40-51/32044"), 40..52),
        (&[("range", "bytes=32000-")], 206, Some("bytes 32000-32043/32044"), 32_000..32_044),
        (&[("range", "bytes=-4")], 206, Some("bytes 32040-32043/32044"), 32_040..32_044),
        (&[("range", "bytes=32044-")], 416, Some("bytes */32044"), 0..0),
        (&[("range", "bytes=0-1,5-9")], 200, None, 0..32_044),
        (&[("range", "bytes=0-3"), ("if-range", &etag)], 206, Some("bytes 0-3/32044"), 0..4),
        (&[("range", "bytes=0-3"), ("if-range", "\"old\"")], 200, None, 0..32_044),
        (&[], 200, None, 0..32_044),
    ];
    for (headers, status, range, bytes) in rows {
        let answered = ranged(&rig, "GET", "/v1/recordings/77", headers).await;
        assert_eq!((answered.status, answered.header("content-range")), (status, range), "{headers:?}");
        if status == 416 {
            assert_eq!(answered.json()["code"], "range-not-satisfiable");
            continue;
        }
        assert!(answered.body == whole.body[bytes], "{headers:?}");
        let head = ranged(&rig, "HEAD", "/v1/recordings/77", headers).await;
        assert_eq!(
            (head.status, head.header("content-length")),
            (status, answered.header("content-length")),
            "{headers:?}"
        );
        assert!(head.body.is_empty());
    }
}

#[tokio::test]
async fn the_whole_recording_is_the_file_as_far_as_it_is_written() {
    let rig = Rig::new();
    recorded(&rig);
    let file = write_sound(&rig);
    let path = format!("/v1/contacts/{CONTACT}/recording");
    assert!(rig.get_ok(&path).await.body == file);
    // Killed in the middle of a block: the header promises more than there is.
    let on_disk = rig.folder.path().join("demo/2026-11-21/1.wav");
    std::fs::write(&on_disk, &file[..44 + 4_001]).expect("written");
    let short = rig.get_ok(&path).await;
    assert_eq!(hound::WavReader::new(&short.body[..]).expect("a WAV").duration(), 1_000);
    std::fs::write(&on_disk, b"not a WAV").expect("written");
    assert_eq!(rig.get(&path).await.status, 500);
    std::fs::remove_file(&on_disk).expect("removed");
    assert_eq!(rig.get(&path).await.status, 404);
}
