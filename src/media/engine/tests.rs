//! Engines in virtual time with real packets: what each far end hears, what is told, what is recorded.
//! The small world that all of them share, and who hears whom of two or three legs.

use std::net::SocketAddr;
use std::sync::Arc;

use super::*;
use crate::base::{InterfaceNo, bounds};
use crate::media::rtp::{self, HEADER_BYTES, Stamp};
use crate::media::sound::Sound;
use crate::media::words::{Body, Clip, Command, Fact, LegSpec, NumberedDigit, PlayerSpec, Remote, TrackSpec};
use crate::media::{dsp, law, rtcp};
use crate::sdp::Codec;

mod handing;
mod mixing;
mod playing;
mod telling;

const TENANT: TenantNo = TenantNo(1);
const CONTACT: ContactId = ContactId(77);
const A: LegId = LegId(1);
const B: LegId = LegId(2);
const C: LegId = LegId(3);
const PROMPT: PlayerId = PlayerId(1);

fn address(leg: LegId) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, leg.0 as u8], 4_000))
}

fn spec(leg: LegId, codec: Codec) -> LegSpec {
    let rtcp = SocketAddr::from(([10, 0, 0, leg.0 as u8], 4_001));
    LegSpec {
        leg,
        ports: PortPair { interface: InterfaceNo(0), ip: [127, 0, 0, 1].into(), rtp: 20_000 + leg.0 as u16 * 2 },
        remote: Some(Remote {
            rtp: address(leg),
            rtcp,
            rtcp_mux: false,
            codec,
            payload_type: law::static_payload_type(codec),
            ptime_ms: 20,
        }),
        latch_epoch: 1,
        telephone_event_send: Some(100 + leg.0 as u8),
        telephone_event_receive: Some(100 + leg.0 as u8),
        send: true,
        receive: true,
        watch: true,
        digits: vec![],
        keeps_keys: false,
    }
}

/// A packet that arrived at a far end.
#[derive(Clone, Debug)]
struct Got {
    at: Time,
    header: rtp::Header,
    payload: Vec<u8>,
}

struct World {
    engine: Engine,
    now: Now,
    version: u64,
    slots: BTreeMap<LegId, Slot>,
    got: BTreeMap<SocketAddr, Vec<Got>>,
    rtcp: Vec<(Time, SocketAddr, Vec<u8>)>,
    reports: Vec<ReportBody>,
    track: Vec<u8>,
    ended: Option<Span>,
    released: Vec<PortPair>,
    asked: Vec<Clip>,
}

impl World {
    fn new() -> Self {
        let mut library = Library::default();
        let tone =
            |hz: f64, ms: u64| Sound::from_linear((0..ms * 8).map(|i| dsp::sine(i, 8_000, hz, 9_000.0)).collect());
        library.insert("en-US/hello", tone(700.0, 1_000));
        library.insert("music/default", tone(1_500.0, 500));
        let settings = Settings {
            library: Arc::new(library),
            pool: Pool::default(),
            format: Format::Pcm16,
            rng: Rng::from_number(5),
            home: Home::default(),
        };
        Self {
            engine: Engine::new(settings),
            now: Now { t: Time(1_000_000_000), wall: Utc(1_700_000_000_000_000) },
            version: 0,
            slots: BTreeMap::new(),
            got: BTreeMap::new(),
            rtcp: vec![],
            reports: vec![],
            track: vec![],
            ended: None,
            released: vec![],
            asked: vec![],
        }
    }

    /// A room with these legs, each hearing nobody yet.
    fn with(legs: &[(LegId, Codec)]) -> Self {
        let mut world = Self::new();
        for &(leg, codec) in legs {
            world.tell(Body::SetLeg(spec(leg, codec)));
        }
        world
    }

    fn tell(&mut self, body: Body) {
        self.version += 1;
        self.tell_version(self.version, body);
    }

    fn tell_version(&mut self, version: u64, body: Body) {
        self.engine.command(TENANT, Command { contact: CONTACT, version, body }, self.now);
        self.settle();
    }

    fn row(&mut self, sink: LegId, source: Option<Source>) {
        self.tell(Body::SetRow { sink, sources: source.into_iter().collect() });
    }

    fn play(&mut self, sound: &str, repeat: bool, is_music: bool) {
        let spec =
            PlayerSpec { player: PROMPT, sounds: vec![sound.into()], repeat, is_music, paused: false, position: None };
        self.tell(Body::SetPlayer(spec));
    }

    fn record(&mut self, left: Option<Source>, right: Option<Source>, origin: Time) {
        let spec = TrackSpec {
            recorder: CONTACT,
            file: "1/a.wav".to_owned(),
            origin,
            left: left.into_iter().collect(),
            right: right.into_iter().collect(),
        };
        self.tell(Body::SetTrack(spec));
    }

    fn settle(&mut self) {
        let (got, rtcp, now) = (&mut self.got, &mut self.rtcp, self.now);
        self.engine.tick(now, &mut |_, channel, to, packet: &[u8]| match channel {
            Channel::Rtp => got.entry(to).or_default().push(got_packet(now.t, packet)),
            Channel::Rtcp => rtcp.push((now.t, to, packet.to_vec())),
        });
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Report(tenant, report) => {
                    assert_eq!((tenant, report.contact), (TENANT, CONTACT));
                    self.reports.push(report.body);
                }
                Output::Listen { slot, ports } => {
                    self.slots.insert(LegId(u64::from(ports.rtp - 20_000) / 2), slot);
                }
                Output::Release { ports, .. } => self.released.push(ports),
                Output::Load(clip) => self.asked.push(clip),
                Output::Give { moving, .. } => panic!("one engine keeps its legs: {moving:?}"),
                Output::Write(Write::Open { file, .. }) => assert_eq!(file, "1/a.wav"),
                Output::Write(Write::Block(block)) => {
                    assert_eq!(block.at, self.track.len() as u64);
                    self.track.extend(&block.bytes);
                }
                Output::Write(Write::End { length, gap, .. }) => {
                    assert_eq!(gap, None);
                    self.ended = Some(length);
                }
            }
        }
    }

    /// Time passes; all deadlines on the way are kept.
    fn pass(&mut self, span: Span) {
        let until = self.now.t + span;
        while let Some(at) = self.engine.deadline().filter(|at| *at <= until) {
            self.advance_to(at.max(self.now.t));
            self.settle();
        }
        self.advance_to(until);
    }

    fn advance_to(&mut self, t: Time) {
        self.now.wall = self.now.wall + (t - self.now.t);
        self.now.t = t;
    }

    /// One datagram from a far end; what is forwarded is received at the other far ends.
    fn send(&mut self, leg: LegId, from: SocketAddr, channel: Channel, bytes: &[u8]) -> Verdict {
        let mut packet = bytes.to_vec();
        let verdict = self.engine.on_datagram(self.slots[&leg], channel, from, &mut packet, self.now.t);
        let mut forward = match verdict {
            Verdict::Forward(forward) => Some(forward),
            Verdict::Drop(_) | Verdict::Consume => None,
        };
        while let Some(sent) = forward {
            let got = got_packet(self.now.t, &packet[..sent.length]);
            self.got.entry(sent.address).or_default().push(got);
            forward = if sent.more { self.engine.another(&mut packet, self.now.t) } else { None };
        }
        self.settle();
        verdict
    }

    fn says(&mut self, leg: LegId, payload_type: u8, stamp: Stamp, payload: &[u8]) -> Verdict {
        self.send(leg, address(leg), Channel::Rtp, &packet(payload_type, leg.0 as u32, stamp, payload))
    }

    /// 20 ms of a tone from a leg, packet `index` of its stream.
    fn hums(&mut self, leg: LegId, codec: Codec, hz: f64, index: u64) -> Verdict {
        let payload: Vec<u8> =
            (index * 160..index * 160 + 160).map(|i| law::encode(codec, dsp::sine(i, 8_000, hz, 9_000.0))).collect();
        self.says(leg, law::static_payload_type(codec), stamp(index), &payload)
    }

    fn heard_by(&self, leg: LegId) -> &[Got] {
        self.got.get(&address(leg)).map_or(&[], Vec::as_slice)
    }

    fn facts(&self) -> Vec<(LegId, Fact)> {
        let fact = |body: &ReportBody| match body {
            ReportBody::Fact { leg, fact } => Some((*leg, *fact)),
            ReportBody::Applied { .. }
            | ReportBody::PlayerEnded { .. }
            | ReportBody::LegClosed { .. }
            | ReportBody::RecordingEnded { .. } => None,
        };
        self.reports.iter().filter_map(fact).collect()
    }

    fn tracks(&self) -> (Vec<i16>, Vec<i16>) {
        let sample = |bytes: &[u8]| i16::from_le_bytes([bytes[0], bytes[1]]);
        self.track.chunks(4).map(|frame| (sample(frame), sample(&frame[2..]))).unzip()
    }
}

fn got_packet(at: Time, packet: &[u8]) -> Got {
    let header = rtp::read(packet).expect("we send RTP");
    Got { at, header, payload: packet[HEADER_BYTES..].to_vec() }
}

fn packet(payload_type: u8, ssrc: u32, stamp: Stamp, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; HEADER_BYTES];
    rtp::write(&mut packet, payload_type, ssrc, stamp);
    packet.extend(payload);
    packet
}

fn stamp(index: u64) -> Stamp {
    Stamp {
        marker: index == 0,
        sequence: 65_530_u64.wrapping_add(index) as u16,
        timestamp: (index * 160) as u32 + 5_000,
    }
}

fn linear(got: &[Got], codec: Codec) -> Vec<i16> {
    got.iter().flat_map(|got| &got.payload).map(|&code| law::decode(codec, code)).collect()
}

fn assert_continuous(got: &[Got]) {
    for pair in got.windows(2) {
        let (a, b) = (pair[0].header, pair[1].header);
        assert_eq!(b.ssrc, a.ssrc);
        assert_eq!(b.sequence, a.sequence.wrapping_add(1), "at {:?}", pair[1].at);
        let samples = b.timestamp.wrapping_sub(a.timestamp);
        let elapsed = ((pair[1].at - pair[0].at).as_micros() * 8 / 1_000) as u32;
        assert!(samples.abs_diff(elapsed) <= 320, "{samples} samples in {elapsed}");
    }
}

#[test]
fn two_legs_hear_each_other_and_are_recorded_on_two_tracks() {
    let mut world = World::with(&[(A, Codec::Pcma), (B, Codec::Pcmu)]);
    world.row(A, Some(Source::Leg(B)));
    world.row(B, Some(Source::Leg(A)));
    world.record(Some(Source::Leg(A)), Some(Source::Leg(B)), world.now.t);
    world.pass(Span::millis(100));
    for index in 0..150 {
        world.hums(A, Codec::Pcma, 440.0, index);
        if index >= 10 {
            world.hums(B, Codec::Pcmu, 1_000.0, index - 10);
        }
        world.pass(Span::millis(20));
    }
    world.tell(Body::Close(Subject::Recorder(CONTACT)));
    let (at_a, at_b) = (linear(world.heard_by(A), Codec::Pcma), linear(world.heard_by(B), Codec::Pcmu));
    assert_eq!((at_a.len(), at_b.len()), (140 * 160, 150 * 160));
    assert!(dsp::goertzel(&at_a, 8_000, 1_000.0) > 0.97 && dsp::goertzel(&at_a, 8_000, 440.0) < 0.01);
    assert!(dsp::goertzel(&at_b, 8_000, 440.0) > 0.97 && dsp::goertzel(&at_b, 8_000, 1_000.0) < 0.01);
    assert_continuous(world.heard_by(A));
    assert_continuous(world.heard_by(B));
    assert!(world.heard_by(A).iter().all(|got| got.header.payload_type == 8));

    let (left, right) = world.tracks();
    assert_eq!(world.ended, Some(Span::millis(3_100)));
    assert_eq!(left.len(), 3_100 * 8);
    let first = |track: &[i16]| track.iter().position(|sample| sample.abs() > 1_000).expect("sound");
    assert!((800..810).contains(&first(&left)), "left begins at {}", first(&left));
    assert!((2_400..2_410).contains(&first(&right)), "right begins at {}", first(&right));
    assert!(dsp::goertzel(&left[800..], 8_000, 440.0) > 0.97 && dsp::goertzel(&left, 8_000, 1_000.0) < 0.01);
    assert!(dsp::goertzel(&right[2_400..], 8_000, 1_000.0) > 0.97 && dsp::goertzel(&right, 8_000, 440.0) < 0.01);
    assert_eq!(world.facts(), [(A, Fact::FirstSound), (B, Fact::FirstSound)]);
    assert_eq!(world.engine.counters().forwarded, 290);
}

#[test]
fn a_sink_goes_on_over_prompt_music_talk_and_keys() {
    let mut world = World::with(&[(A, Codec::Pcma), (B, Codec::Pcma)]);
    world.play("en-US/hello", false, false);
    world.row(A, Some(Source::Player(PROMPT)));
    world.pass(Span::millis(1_500));
    assert_eq!(world.heard_by(A).len(), 50);
    assert!(dsp::goertzel(&linear(world.heard_by(A), Codec::Pcma), 8_000, 700.0) > 0.97);
    assert!(world.reports.contains(&ReportBody::PlayerEnded { player: PROMPT, missing: None }));
    world.play("music/default", true, true);
    world.pass(Span::millis(2_003));
    let music = &world.heard_by(A)[50..];
    assert_eq!(music.len(), 101);
    assert!(dsp::goertzel(&linear(music, Codec::Pcma), 8_000, 1_500.0) > 0.97);
    world.row(A, Some(Source::Leg(B)));
    for index in 0..10 {
        world.hums(B, Codec::Pcma, 440.0, index);
        world.pass(Span::millis(20));
    }
    let mut leg = spec(A, Codec::Pcma);
    leg.digits = vec![NumberedDigit { number: 1, digit: '7' }];
    world.tell(Body::SetLeg(leg));
    for index in 10..30 {
        world.hums(B, Codec::Pcma, 440.0, index);
        world.pass(Span::millis(20));
    }
    let got = world.heard_by(A).to_vec();
    let markers: Vec<usize> = (0..got.len()).filter(|&i| got[i].header.marker).collect();
    let events: Vec<usize> = (0..got.len()).filter(|&i| got[i].header.payload_type == 101).collect();
    assert_eq!(markers, [0, 50, 151, 161, 169]);
    assert_eq!(events, (161..169).collect::<Vec<_>>());
    assert!(events.iter().all(|&i| got[i].header.timestamp == got[161].header.timestamp));
    let sound: Vec<Got> = got.iter().filter(|got| got.header.payload_type == 8).cloned().collect();
    for pair in got.windows(2) {
        assert_eq!(pair[1].header.sequence, pair[0].header.sequence.wrapping_add(1));
    }
    for pair in sound.windows(2) {
        let samples = pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp);
        let elapsed = ((pair[1].at - pair[0].at).as_micros() * 8 / 1_000) as u32;
        assert!(samples.abs_diff(elapsed) <= 160, "{samples} samples in {elapsed}");
    }
}

#[test]
fn loss_in_the_source_is_a_gap_and_hold_is_none() {
    let mut world = World::with(&[(A, Codec::Pcma), (B, Codec::Pcma)]);
    world.row(B, Some(Source::Leg(A)));
    for index in [0, 1, 3] {
        world.hums(A, Codec::Pcma, 440.0, index);
    }
    world.row(B, None);
    assert_eq!(world.hums(A, Codec::Pcma, 440.0, 4), Verdict::Consume);
    world.pass(Span::millis(1_000));
    world.row(B, Some(Source::Leg(A)));
    world.hums(A, Codec::Pcma, 440.0, 60);
    let first = world.heard_by(B)[0].header.sequence;
    let steps: Vec<u16> = world.heard_by(B).iter().map(|got| got.header.sequence.wrapping_sub(first)).collect();
    assert_eq!(steps, [0, 1, 3, 4]);
    assert_eq!(world.engine.counts(A).map(|counts| counts.lost), Some(56));
}

#[test]
fn keys_are_told_once_and_passed_on_with_the_sinks_payload_type() {
    let mut world = World::with(&[(A, Codec::Pcma), (B, Codec::Pcma)]);
    world.row(B, Some(Source::Leg(A)));
    world.hums(A, Codec::Pcma, 440.0, 0);
    for (index, flags, length) in [(1, 10, 160_u16), (2, 10, 320), (3, 0x8A, 480), (4, 0x8A, 480)] {
        let [high, low] = length.to_be_bytes();
        let stamp = Stamp { timestamp: 5_160, ..stamp(index) };
        world.says(A, 101, stamp, &[9, flags, high, low]);
        world.pass(Span::millis(20));
    }
    assert_eq!(world.facts(), [(A, Fact::FirstSound), (A, Fact::Digit('9'))]);
    let types: Vec<u8> = world.heard_by(B).iter().map(|got| got.header.payload_type).collect();
    assert_eq!(types, [8, 102, 102, 102, 102]);

    let mut without = spec(B, Codec::Pcma);
    without.telephone_event_send = None;
    world.tell(Body::SetLeg(without));
    assert_eq!(world.says(A, 101, stamp(5), &[1, 10, 0, 160]), Verdict::Consume);
    assert_eq!(world.says(A, 13, stamp(6), &[0]), Verdict::Drop(Refusal::PayloadType));
    world.hums(A, Codec::Pcma, 440.0, 7);
    let got = world.heard_by(B);
    assert_eq!(got[5].header.sequence, got[4].header.sequence.wrapping_add(1));
}

/// A key of four packets, with the sound that some senders go on with meanwhile.
fn presses(world: &mut World, from: LegId, code: u8, index: u64) {
    for (at, flags) in [(0, 10), (2, 10), (4, 0x8A), (6, 0x8A)] {
        let stamp = Stamp { timestamp: 5_160 + index as u32 * 160, ..stamp(index + at) };
        world.says(from, 100 + from.0 as u8, stamp, &[code, flags, 1, at as u8]);
        world.hums(from, Codec::Pcma, 440.0, index + at + 1);
        world.pass(Span::millis(20));
    }
}

#[test]
fn a_kept_key_is_told_as_such_and_neither_it_nor_its_tone_reaches_anybody() {
    let mut world = World::with(&[(A, Codec::Pcma), (B, Codec::Pcma)]);
    world.row(B, Some(Source::Leg(A)));
    let keeps = |keeps_keys| Body::SetLeg(LegSpec { keeps_keys, ..spec(A, Codec::Pcma) });
    world.tell(keeps(true));
    world.hums(A, Codec::Pcma, 440.0, 0);
    presses(&mut world, A, 9, 1);
    world.pass(Span::millis(60));
    world.hums(A, Codec::Pcma, 440.0, 9);
    assert_eq!(world.facts(), [(A, Fact::FirstSound), (A, Fact::KeptDigit('9'))]);
    let got = world.heard_by(B);
    assert!(got.iter().all(|got| got.header.payload_type == 8));
    assert_eq!(got.len(), 2, "what was said before and after it");
    assert_eq!(got[1].header.sequence, got[0].header.sequence.wrapping_add(1), "and nothing is missing");
    // The key that is down when the leg's keys are everybody's again stays kept, and one that was down before is not.
    let press = |world: &mut World, sequence, flags, code| {
        let stamp = Stamp { timestamp: 9_000 + u32::from(code) * 4_000, ..stamp(sequence) };
        world.says(A, 101, stamp, &[code, flags, 1, 0]);
    };
    press(&mut world, 20, 10, 5);
    world.tell(keeps(false));
    press(&mut world, 21, 0x8A, 5);
    press(&mut world, 22, 10, 6);
    world.tell(keeps(true));
    press(&mut world, 23, 0x8A, 6);
    assert_eq!(world.facts()[2..], [(A, Fact::KeptDigit('5')), (A, Fact::Digit('6'))]);
    let types: Vec<u8> = world.heard_by(B).iter().map(|got| got.header.payload_type).collect();
    assert_eq!(types, [8, 8, 102, 102]);
}

#[test]
fn the_newest_version_wins_and_the_same_changes_nothing() {
    let mut world = World::with(&[(A, Codec::Pcma), (B, Codec::Pcma)]);
    let heard = |world: &World| world.engine.rooms[&(TENANT, CONTACT)].rows.get(&A).cloned();
    world.tell_version(10, Body::SetRow { sink: A, sources: vec![Source::Leg(B)] });
    world.tell_version(9, Body::SetRow { sink: A, sources: vec![] });
    assert_eq!(heard(&world), Some(vec![Source::Leg(B)]));
    world.tell_version(10, Body::SetRow { sink: A, sources: vec![] });
    assert_eq!(heard(&world), Some(vec![Source::Leg(B)]));
    let last = ReportBody::Applied { subject: Subject::Row(A), version: 10 };
    assert_eq!(world.reports.iter().filter(|body| **body == last).count(), 3);
    world.tell_version(11, Body::Close(Subject::Leg(A)));
    world.tell_version(10, Body::SetLeg(spec(A, Codec::Pcma)));
    assert_eq!((world.engine.legs(), world.engine.counters().outdated), (1, 2));
    world.tell_version(12, Body::Close(Subject::Leg(B)));
    world.tell_version(13, Body::Close(Subject::Row(A)));
    assert!(world.engine.rooms.is_empty());
    world.pass(bounds::CLOSED_MEMORY + Span::seconds(1));
    world.tell_version(14, Body::Close(Subject::Row(A)));
    assert_eq!((world.engine.versions.len(), world.engine.closed.len()), (1, 1));
}

/// The call ends a leg, not its row: nobody hears through it any more.
#[test]
fn a_leg_that_ends_takes_its_row_along() {
    let mut world = World::with(&[(A, Codec::Pcma), (B, Codec::Pcma)]);
    world.row(A, Some(Source::Leg(B)));
    world.row(B, Some(Source::Leg(A)));
    for leg in [A, B] {
        world.tell(Body::Close(Subject::Leg(leg)));
    }
    // a word that comes too late makes no room
    world.row(A, None);
    assert!(world.engine.rooms.is_empty());
    world.pass(bounds::CLOSED_MEMORY + Span::seconds(1));
    world.tell(Body::Close(Subject::Leg(C)));
    let left: Vec<_> = world.engine.versions.keys().collect();
    assert_eq!(left, [&(TENANT, Subject::Leg(C))]);
}

#[test]
fn who_is_named_before_he_is_there_is_heard_when_he_comes() {
    let mut world = World::with(&[(B, Codec::Pcma)]);
    world.row(B, Some(Source::Leg(A)));
    world.row(A, Some(Source::Player(PROMPT)));
    world.tell(Body::SetLeg(spec(A, Codec::Pcma)));
    world.play("en-US/hello", false, false);
    world.pass(Span::millis(10));
    world.hums(A, Codec::Pcma, 440.0, 0);
    assert_eq!((world.heard_by(A).len(), world.heard_by(B).len()), (1, 1));
}

#[test]
fn one_source_reaches_several_sinks_each_in_its_law() {
    let mut world = World::with(&[(A, Codec::Pcma), (B, Codec::Pcmu), (C, Codec::Pcma)]);
    world.row(B, Some(Source::Leg(A)));
    world.row(C, Some(Source::Leg(A)));
    for index in 0..50 {
        world.hums(A, Codec::Pcma, 440.0, index);
        world.pass(Span::millis(20));
    }
    for (leg, codec) in [(B, Codec::Pcmu), (C, Codec::Pcma)] {
        assert_eq!(world.heard_by(leg).len(), 50);
        assert!(dsp::goertzel(&linear(world.heard_by(leg), codec), 8_000, 440.0) > 0.97);
        assert_continuous(world.heard_by(leg));
    }
}

#[test]
fn a_leg_that_goes_to_another_contact_hears_and_is_heard_there_only() {
    let mut world = World::with(&[(A, Codec::Pcma), (B, Codec::Pcma), (C, Codec::Pcma)]);
    world.row(B, Some(Source::Leg(A)));
    world.row(A, Some(Source::Leg(B)));
    let elsewhere = ContactId(78);
    let commands = [Body::SetLeg(spec(A, Codec::Pcma)), Body::SetLeg(spec(C, Codec::Pcma))].into_iter().chain([
        Body::SetRow { sink: C, sources: vec![Source::Leg(A)] },
        Body::SetRow { sink: A, sources: vec![Source::Leg(C)] },
    ]);
    for (version, body) in (100..).zip(commands) {
        world.engine.command(TENANT, Command { contact: elsewhere, version, body }, world.now);
    }
    while world.engine.poll().is_some() {}
    let mut bytes = packet(8, 1, stamp(0), &[0; 160]);
    let verdict = world.engine.on_datagram(world.slots[&A], Channel::Rtp, address(A), &mut bytes, world.now.t);
    let to_c =
        |verdict| matches!(verdict, Verdict::Forward(Forward { address: to, more: false, .. }) if to == address(C));
    assert!(to_c(verdict), "{verdict:?}");
    let mut bytes = packet(8, 2, stamp(0), &[0; 160]);
    let verdict = world.engine.on_datagram(world.slots[&B], Channel::Rtp, address(B), &mut bytes, world.now.t);
    assert_eq!(verdict, Verdict::Consume);
    assert_eq!(world.engine.rooms[&(TENANT, CONTACT)].legs.len(), 1);
}

#[test]
fn nothing_is_sent_to_nowhere() {
    for nowhere in ["0.0.0.0:4000", "10.0.0.1:0"] {
        let mut world = World::new();
        let mut leg = spec(A, Codec::Pcma);
        let at = nowhere.parse().expect("an address");
        leg.remote = leg.remote.map(|remote| Remote { rtp: at, rtcp: at, ..remote });
        world.tell(Body::SetLeg(leg));
        world.play("music/default", true, true);
        world.row(A, Some(Source::Player(PROMPT)));
        world.pass(Span::seconds(20));
        assert!(world.got.is_empty() && world.rtcp.is_empty(), "{nowhere}");
    }
}

#[test]
fn each_far_end_gets_the_packet_length_it_asked_for() {
    for (ptime_ms, packets) in [(10, 100), (20, 50), (30, 34), (60, 17)] {
        let mut world = World::new();
        let mut leg = spec(A, Codec::Pcmu);
        leg.remote = leg.remote.map(|remote| Remote { ptime_ms, ..remote });
        world.tell(Body::SetLeg(leg));
        world.play("en-US/hello", false, false);
        world.row(A, Some(Source::Player(PROMPT)));
        world.pass(Span::seconds(2));
        let got = world.heard_by(A);
        assert_eq!(got.len(), packets, "{ptime_ms} ms");
        assert!(got.iter().all(|got| got.payload.len() == usize::from(ptime_ms) * 8));
        assert_continuous(got);
        let heard = linear(got, Codec::Pcmu);
        assert!(dsp::goertzel(&heard[..8_000], 8_000, 700.0) > 0.97);
        assert!(heard[8_000..].iter().all(|&sample| sample == 0));
    }
}
