//! A real writer thread in a folder of its own.

use super::*;
use crate::base::{ContactId, LegId, Time};
use crate::media::recorder::{Pool, Recorder, Side};
use crate::media::words::{Source, TrackSpec};
use crate::sdp::Codec;

const KEY: Key = Key { tenant: TenantNo(1), recorder: ContactId(9) };

struct Stage {
    folder: tempfile::TempDir,
    writer: RecorderWriter,
    reports: Receiver<(TenantNo, Report)>,
    pool: Pool,
}

impl Stage {
    fn new(format: Format) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (tell, reports) = channel();
        let writer = RecorderWriter::start(folder.path().to_owned(), format, move |tenant, report| {
            tell.send((tenant, report)).expect("the test listens");
        });
        Self { folder, writer: writer.expect("a thread"), reports, pool: Pool::new(100) }
    }

    fn send(&self, write: Write) {
        self.writer.sender().send(write).expect("the writer runs");
    }

    fn open(&self, file: &str) {
        self.send(Write::Open { key: KEY, file: file.to_owned() });
    }

    /// A recording of 2 s with a loud left side, from the engine's own recorder.
    fn record(&self, format: Format, pause: impl Fn(i64)) {
        let left = vec![Source::Leg(LegId(1))];
        let spec = TrackSpec { recorder: KEY.recorder, file: String::new(), origin: Time(0), left, right: vec![] };
        let mut recorder = Recorder::start(KEY, spec, format, Time(0));
        let mut out = |write| self.send(write);
        for ms in (0..2_000).step_by(20) {
            pause(ms);
            let now = Time(ms * 1_000);
            recorder.packet(Side::Left, LegId(1), (1, ms as u32 * 8, false), Codec::Pcma, &[0xAA; 160], now);
            recorder.tick(now, &self.pool, &mut out);
        }
        recorder.finish(Time(2_000_000), &self.pool, &mut out);
    }

    fn ended(&self) -> (Span, Option<(RecordingGap, Span)>) {
        let (tenant, report) = self.reports.recv_timeout(Duration::from_secs(10)).expect("a report within 10 s");
        assert_eq!((tenant, report.contact), (KEY.tenant, KEY.recorder));
        match report.body {
            ReportBody::RecordingEnded { length, gap, .. } => (length, gap),
            body @ (ReportBody::Applied { .. }
            | ReportBody::Fact { .. }
            | ReportBody::PlayerEnded { .. }
            | ReportBody::LegClosed { .. }) => panic!("{body:?}"),
        }
    }

    fn bytes(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(file)).expect("a file")
    }
}

#[test]
fn a_recording_is_whole_and_its_folders_are_made() {
    for format in [Format::Pcm16, Format::Alaw] {
        let stage = Stage::new(format);
        stage.open("1/2026-11-21/9.wav");
        stage.record(format, |_| {});
        assert_eq!(stage.ended(), (Span::seconds(2), None));
        let bytes = stage.bytes("1/2026-11-21/9.wav");
        assert_eq!(bytes.len(), format.header_bytes() + 16_000 * format.frame_bytes());
        assert_eq!(bytes[..format.header_bytes()], wav::header(format, 16_000 * format.frame_bytes() as u64));
        assert_eq!(stage.pool.left(), 100, "all blocks came back");
        assert!(stage.writer.stop());
    }
}

#[test]
fn a_full_disk_is_a_gap_of_silence_and_the_rest_is_in_its_place() {
    let stage = Stage::new(Format::Pcm16);
    stage.open("a.wav");
    stage.record(Format::Pcm16, |ms| {
        // The writer sees the flag at the block it handles: it has handled all that was sent so far.
        let wait = || {
            while stage.pool.left() < 100 {
                std::thread::yield_now()
            }
        };
        if ms == 800 || ms == 1_400 {
            wait();
            stage.writer.set_full(ms == 800);
        }
    });
    let (length, gap) = stage.ended();
    let (why, missing) = gap.expect("a gap");
    assert_eq!((length, why), (Span::seconds(2), RecordingGap::DiskFull));
    let bytes = stage.bytes("a.wav");
    assert_eq!(bytes.len(), 44 + 64_000);
    let silent = bytes[44..].chunks(4).filter(|frame| frame[..2] == [0, 0]).count() as i64;
    assert_eq!(silent, missing.as_micros() / 125);
    assert!((4_000..5_600).contains(&silent), "{silent}");
    assert!(stage.writer.stop());
}

#[test]
fn what_cannot_be_made_is_told_and_nothing_is_written_over() {
    for file in ["../out.wav", "/abs.wav", "taken.wav"] {
        let stage = Stage::new(Format::Pcm16);
        std::fs::write(stage.folder.path().join("taken.wav"), b"somebody's").expect("written");
        stage.open(file);
        stage.record(Format::Pcm16, |_| {});
        assert_eq!(stage.ended().1, Some((RecordingGap::WriteFailed, Span::seconds(2))), "{file}");
        assert_eq!(stage.bytes("taken.wav"), b"somebody's");
        assert!(stage.writer.stop());
    }
}

#[test]
fn a_growing_file_plays_and_a_cut_one_is_repaired() {
    let stage = Stage::new(Format::Pcm16);
    stage.open("a.wav");
    let spec = TrackSpec { recorder: KEY.recorder, file: String::new(), origin: Time(0), left: vec![], right: vec![] };
    let mut recorder = Recorder::start(KEY, spec, Format::Pcm16, Time(0));
    recorder.tick(Time(3_000_000), &stage.pool, &mut |write| stage.send(write));
    let path = stage.folder.path().join("a.wav");
    let until = Instant::now() + Duration::from_secs(10);
    let played = loop {
        let played = hound::WavReader::open(&path).map_or(0, |reader| reader.duration());
        if played > 0 || Instant::now() > until {
            break played;
        }
        std::thread::yield_now();
    };
    assert_eq!(played, 20_480, "whole blocks of what is older than 400 ms");

    let mut cut = stage.bytes("a.wav");
    cut.truncate(44 + 10_001);
    std::fs::write(&path, &cut).expect("written");
    assert_eq!(repair(&path).expect("ours"), Span::micros(2_500 * 125));
    assert_eq!(hound::WavReader::open(&path).expect("it plays").duration(), 2_500);
    assert_eq!(repair(&path).expect("ours"), Span::micros(2_500 * 125));
    std::fs::write(&path, b"no recording").expect("written");
    assert_eq!(repair(&path).expect_err("foreign").kind(), io::ErrorKind::InvalidData);
    assert!(stage.writer.stop());
}
