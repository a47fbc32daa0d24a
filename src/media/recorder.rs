//! One contact's recorder: two tracks on one time line, handed to the writer as blocks of the file.
//! Owns what stands where in the file. Leaves the file to `drive/recorder_writer`. A full pool means the disk is stuck:
//! the block is left out, the writer fills its place with silence, the length of the gap is told at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::law::{self, SAMPLES_PER_MS};
use super::player::Player;
use super::timeline::{Track, WINDOW};
use super::wav::Format;
use super::words::{Source, TrackSpec};
use crate::base::{ContactId, LegId, PlayerId, Span, TenantNo, Time, bounds};
use crate::event::words::RecordingGap;
use crate::sdp::Codec;

/// How often a recorder hands out what has become old enough.
pub const TICK: Span = Span::millis(40);
/// The longest packet that is recorded: 200 ms.
const PACKET_SAMPLES: usize = 1_600;

/// Names a recording between engine and writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub tenant: TenantNo,
    pub recorder: ContactId,
}

/// What the writer is told, in order. It never answers an engine; it reports `RecordingEnded` itself.
#[derive(Debug)]
pub enum Write {
    Open { key: Key, file: String },
    Block(Block),
    End { key: Key, length: Span, gap: Option<(RecordingGap, Span)> },
}

/// Consecutive bytes of a recording's sound.
#[derive(Debug)]
pub struct Block {
    pub key: Key,
    /// Place of the first byte, counted from the end of the header. A hole before it is silence.
    pub at: u64,
    pub bytes: Vec<u8>,
    _permit: Permit,
}

/// How many blocks may be on their way to the disk, over all threads.
#[derive(Clone, Debug)]
pub struct Pool {
    blocks: usize,
    left: Arc<AtomicUsize>,
}

/// One block's room; given back when the block is dropped.
#[derive(Debug)]
struct Permit(Arc<AtomicUsize>);

impl Pool {
    pub fn new(blocks: usize) -> Self {
        Self { blocks, left: Arc::new(AtomicUsize::new(blocks)) }
    }

    pub fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// Blocks that are on their way.
    pub fn taken(&self) -> usize {
        self.blocks - self.left()
    }

    fn take(&self) -> Option<Permit> {
        let taken = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        taken.ok().map(|_| Permit(Arc::clone(&self.left)))
    }
}

impl Default for Pool {
    fn default() -> Self {
        Self::new(bounds::RECORDER_BLOCKS)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The customer.
    Left,
    /// What people and flow say to him.
    Right,
}

/// One source of one side with a time line of its own: each far end's clock is judged alone, the sum is written.
#[derive(Debug)]
struct Voice {
    side: Side,
    source: Source,
    /// False: what it said last is still to be written, then it goes.
    is_heard: bool,
    track: Track,
    /// Samples pulled from a player so far.
    pulled: i64,
}

#[derive(Debug)]
pub struct Recorder {
    key: Key,
    pub spec: TrackSpec,
    format: Format,
    voices: Vec<Voice>,
    /// Samples that came too late on tracks that are over.
    late: u64,
    /// Samples handed out.
    written: i64,
    block: Vec<u8>,
    block_at: u64,
    gap_samples: i64,
    pub next: Time,
}

impl Recorder {
    /// Records from `spec.origin` on; what lies further back than the window is silence already.
    pub fn start(key: Key, spec: TrackSpec, format: Format, now: Time) -> Self {
        let position = place(spec.origin, now);
        let written = (position - WINDOW).max(0);
        let mut recorder = Self {
            key,
            format,
            voices: Vec::new(),
            late: 0,
            written,
            block: Vec::with_capacity(bounds::RECORDER_BLOCK_BYTES),
            block_at: written as u64 * format.frame_bytes() as u64,
            gap_samples: 0,
            next: now + TICK,
            spec,
        };
        recorder.begin_voices(position.max(0));
        recorder
    }

    pub fn key(&self) -> Key {
        self.key
    }

    /// Samples that came too late for their place, both sides.
    pub fn late(&self) -> u64 {
        self.late + self.voices.iter().map(|voice| voice.track.late()).sum::<u64>()
    }

    /// The sources change from now on. One that stays keeps its time line.
    pub fn change(&mut self, spec: TrackSpec, now: Time) {
        self.spec = spec;
        for voice in &mut self.voices {
            voice.is_heard = voice.is_heard && self.spec.side(voice.side).contains(&voice.source);
        }
        self.begin_voices(place(self.spec.origin, now));
    }

    fn begin_voices(&mut self, pulled: i64) {
        for side in [Side::Left, Side::Right] {
            for &source in self.spec.side(side) {
                match self.voices.iter_mut().find(|voice| (voice.side, voice.source) == (side, source)) {
                    Some(voice) if voice.is_heard => {}
                    Some(voice) => {
                        (voice.is_heard, voice.pulled) = (true, pulled);
                        voice.track.end_run();
                    }
                    None => {
                        let track = Track::new(self.written);
                        self.voices.push(Voice { side, source, is_heard: true, track, pulled });
                    }
                }
            }
        }
    }

    /// A far end's SDP changed: its next packet begins a new run.
    pub fn end_run(&mut self, side: Side, leg: LegId) {
        if let Some(voice) = self.voice(side, leg) {
            voice.track.end_run();
        }
    }

    /// One packet of a leg that a side hears. `rtp`: SSRC, timestamp, marker.
    pub fn packet(&mut self, side: Side, leg: LegId, rtp: (u32, u32, bool), codec: Codec, codes: &[u8], now: Time) {
        let mut samples = [0; PACKET_SAMPLES];
        let count = codes.len().min(PACKET_SAMPLES);
        for (sample, &code) in samples.iter_mut().zip(codes) {
            *sample = law::decode(codec, code);
        }
        let arrival = place(self.spec.origin, now);
        let (ssrc, timestamp, marker) = rtp;
        if let Some(voice) = self.voice(side, leg) {
            voice.track.packet(ssrc, timestamp, marker, &samples[..count], arrival);
        }
    }

    fn voice(&mut self, side: Side, leg: LegId) -> Option<&mut Voice> {
        let wanted = (side, Source::Leg(leg));
        self.voices.iter_mut().find(|voice| voice.is_heard && (voice.side, voice.source) == wanted)
    }

    /// Pulls what players said since the last tick. Who is not found, or is music, said nothing.
    pub fn pull<'a>(&mut self, now: Time, find: impl Fn(PlayerId) -> Option<&'a Player>) {
        let origin = self.spec.origin;
        for voice in &mut self.voices {
            if let Source::Player(player) = voice.source
                && voice.is_heard
            {
                voice.pull(find(player).filter(|player| !player.spec().is_music), origin, now);
            }
        }
    }

    /// Hands out what is older than the window.
    pub fn tick(&mut self, now: Time, pool: &Pool, out: &mut impl FnMut(Write)) {
        self.hand_out(place(self.spec.origin, now) - WINDOW, pool, out);
        self.voices.retain(|voice| {
            let is_over = !voice.is_heard && voice.track.is_spent();
            self.late += if is_over { voice.track.late() } else { 0 };
            !is_over
        });
        self.next = now + TICK;
    }

    /// The end of the recording: everything up to now, and its length.
    pub fn finish(mut self, now: Time, pool: &Pool, out: &mut impl FnMut(Write)) {
        self.hand_out(place(self.spec.origin, now), pool, out);
        self.flush(pool, out);
        let gap = (self.gap_samples > 0).then(|| (RecordingGap::DiskSlow, length(self.gap_samples)));
        out(Write::End { key: self.key, length: length(self.written), gap });
    }

    fn hand_out(&mut self, to: i64, pool: &Pool, out: &mut impl FnMut(Write)) {
        while self.written < to {
            let mut frame = [0_i32; 2];
            for voice in &mut self.voices {
                frame[voice.side as usize] += i32::from(voice.track.take());
            }
            for sample in frame.map(|sum| sum.clamp(i16::MIN.into(), i16::MAX.into()) as i16) {
                match self.format {
                    Format::Pcm16 => self.block.extend(sample.to_le_bytes()),
                    Format::Alaw => self.block.push(law::encode(Codec::Pcma, sample)),
                }
            }
            self.written += 1;
            if self.block.len() >= bounds::RECORDER_BLOCK_BYTES {
                self.flush(pool, out);
            }
        }
    }

    fn flush(&mut self, pool: &Pool, out: &mut impl FnMut(Write)) {
        let length = self.block.len();
        if length == 0 {
            return;
        }
        let at = self.block_at;
        self.block_at += length as u64;
        match pool.take() {
            Some(permit) => {
                let bytes = std::mem::replace(&mut self.block, Vec::with_capacity(bounds::RECORDER_BLOCK_BYTES));
                out(Write::Block(Block { key: self.key, at, bytes, _permit: permit }));
            }
            None => {
                self.gap_samples += (length / self.format.frame_bytes()) as i64;
                self.block.clear();
            }
        }
    }
}

impl Voice {
    fn pull(&mut self, player: Option<&Player>, origin: Time, now: Time) {
        let position = place(origin, now);
        let Some(player) = player else {
            self.pulled = self.pulled.max(position);
            return;
        };
        // The first sample that lies wholly behind the player's start.
        let begins = -place(player.since(), origin);
        self.pulled = self.pulled.max(begins.min(position));
        let mut samples = [0; PACKET_SAMPLES];
        while self.pulled < position {
            let count = (position - self.pulled).min(PACKET_SAMPLES as i64) as usize;
            let at = origin + Span::micros(self.pulled * 1_000 / SAMPLES_PER_MS as i64);
            if player.read_linear(player.position(at), &mut samples[..count]) {
                self.track.put(self.pulled, &samples[..count]);
            }
            self.pulled += count as i64;
        }
    }
}

impl TrackSpec {
    fn side(&self, side: Side) -> &[Source] {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }
}

/// A moment as a place in the recording, in samples.
fn place(origin: Time, now: Time) -> i64 {
    ((now - origin).as_micros() * SAMPLES_PER_MS as i64).div_euclid(1_000)
}

fn length(samples: i64) -> Span {
    Span::micros(samples * 1_000 / SAMPLES_PER_MS as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder(format: Format, origin: Time, now: Time) -> Recorder {
        let key = Key { tenant: TenantNo(1), recorder: ContactId(2) };
        let spec = TrackSpec {
            recorder: ContactId(2),
            file: "a.wav".to_owned(),
            origin,
            left: vec![Source::Leg(LegId(1))],
            right: vec![],
        };
        Recorder::start(key, spec, format, now)
    }

    type Ended = (Span, Option<(RecordingGap, Span)>);

    fn run(format: Format, pool: &Pool, ms: i64) -> (Vec<(u64, Vec<u8>)>, Option<Ended>) {
        let mut recorder = recorder(format, Time(0), Time(0));
        let (mut blocks, mut end) = (vec![], None);
        let mut out = |write| match write {
            Write::Open { .. } => unreachable!("the engine opens"),
            Write::Block(block) => blocks.push((block.at, block.bytes)),
            Write::End { length, gap, .. } => end = Some((length, gap)),
        };
        for at in (0..ms).step_by(20) {
            let now = Time(at * 1_000);
            recorder.packet(Side::Left, LegId(1), (1, at as u32 * 8, false), Codec::Pcma, &[0xAA; 160], now);
            if at % 40 == 0 {
                recorder.tick(now, pool, &mut out);
            }
        }
        recorder.finish(Time(ms * 1_000), pool, &mut out);
        (blocks, end)
    }

    #[test]
    fn blocks_follow_each_other_and_hold_both_tracks() {
        for format in [Format::Pcm16, Format::Alaw] {
            let pool = Pool::new(10);
            let (blocks, end) = run(format, &pool, 1_000);
            assert_eq!(end, Some((Span::seconds(1), None)));
            let mut bytes = vec![];
            for (at, block) in blocks {
                assert_eq!(at, bytes.len() as u64);
                bytes.extend(block);
            }
            let frame: &[u8] = match format {
                Format::Pcm16 => &[0x00, 0x7E, 0, 0],
                Format::Alaw => &[0xAA, 0xD5],
            };
            assert_eq!(bytes, frame.repeat(8_000));
            assert_eq!(pool.left(), 10);
        }
    }

    #[test]
    fn a_stuck_disk_leaves_a_hole_that_is_told() {
        let (blocks, end) = run(Format::Pcm16, &Pool::new(0), 1_000);
        assert!(blocks.is_empty());
        assert_eq!(end, Some((Span::seconds(1), Some((RecordingGap::DiskSlow, Span::seconds(1))))));
    }

    #[test]
    fn a_recorder_that_starts_late_leaves_the_front_to_the_writer() {
        let mut recorder = recorder(Format::Pcm16, Time(0), Time(10_000_000));
        let mut first = None;
        recorder.tick(Time(11_000_000), &Pool::default(), &mut |write| {
            if let (Write::Block(block), None) = (write, first) {
                first = Some(block.at);
            }
        });
        assert_eq!(first, Some((80_000 - WINDOW as u64) * 4));
    }
}
