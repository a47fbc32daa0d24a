//! Rows of several sources: who hears whom in conferences, whispers and announcements, and that nobody hears anybody else.

use super::*;

/// Each leg's own tone, so that 20 ms hold whole waves of all of them.
fn hz(leg: LegId) -> f64 {
    300.0 + 150.0 * leg.0 as f64
}

const PROMPT_HZ: f64 = 700.0;
const AMPLITUDE: f64 = 2_500.0;

impl World {
    fn rows(&mut self, sink: LegId, sources: &[Source]) {
        self.tell(Body::SetRow { sink, sources: sources.to_vec() });
    }

    /// Everybody hears everybody else.
    fn conference(&mut self, legs: &[LegId]) {
        for &sink in legs {
            let others: Vec<Source> = legs.iter().filter(|&&leg| leg != sink).map(|&leg| Source::Leg(leg)).collect();
            self.rows(sink, &others);
        }
    }

    /// Everybody says 20 ms of his own tone.
    fn all_hum(&mut self, legs: &[LegId], index: u64) {
        for &leg in legs {
            let tone = |i| law::encode(Codec::Pcma, dsp::sine(i, 8_000, hz(leg), AMPLITUDE));
            let payload: Vec<u8> = (index * 160..index * 160 + 160).map(tone).collect();
            self.says(leg, 8, stamp(index), &payload);
        }
        self.pass(Span::millis(20));
    }

    fn hum_for(&mut self, legs: &[LegId], from: u64, frames: u64) {
        for index in from..from + frames {
            self.all_hum(legs, index);
        }
    }

    /// What a far end heard since `since`.
    fn heard_since(&self, leg: LegId, since: Time, codec: Codec) -> Vec<i16> {
        let got: Vec<Got> = self.heard_by(leg).iter().filter(|got| got.at >= since).cloned().collect();
        linear(&got, codec)
    }
}

/// How loud a tone is, as a share of how loud each source says it.
fn loudness(samples: &[i16], hz: f64) -> f64 {
    (dsp::goertzel(samples, 8_000, hz)).sqrt() * dsp::rms(samples) / (AMPLITUDE / 2_f64.sqrt())
}

fn legs(count: u64) -> Vec<LegId> {
    (1..=count).map(LegId).collect()
}

fn world_of(legs: &[LegId], codec: impl Fn(LegId) -> Codec) -> World {
    let spec: Vec<_> = legs.iter().map(|&leg| (leg, codec(leg))).collect();
    World::with(&spec)
}

#[test]
fn three_hear_each_other_in_both_laws_and_every_packet_length() {
    let three = legs(3);
    let codec = |leg: LegId| if leg == C { Codec::Pcmu } else { Codec::Pcma };
    let mut world = world_of(&three, codec);
    for (leg, ptime_ms) in [(A, 20), (B, 30), (C, 10)] {
        let mut spec = spec(leg, codec(leg));
        spec.remote = spec.remote.map(|remote| Remote { ptime_ms, ..remote });
        world.tell(Body::SetLeg(spec));
    }
    world.conference(&three);
    world.hum_for(&three, 0, 150);
    let since = world.now.t - Span::seconds(1);
    for &sink in &three {
        let heard = world.heard_since(sink, since, codec(sink));
        assert!((7_500..=8_200).contains(&heard.len()), "{}", heard.len());
        for &source in &three {
            let loud = loudness(&heard[..7_200], hz(source));
            assert!(if source == sink { loud < 0.05 } else { (0.9..1.1).contains(&loud) }, "{sink} {source}: {loud}");
        }
        assert_continuous(&world.heard_by(sink)[20..]);
    }
    assert_eq!(world.heard_by(C)[5].payload.len(), 80);
    assert_eq!((world.engine.counters().mixed_late, world.engine.counters().forwarded), (0, 0));
}

#[test]
fn a_sink_goes_on_from_talk_to_conference_and_back() {
    let three = legs(3);
    let mut world = world_of(&three, |_| Codec::Pcma);
    world.rows(A, &[Source::Leg(B)]);
    world.hum_for(&three, 0, 20);
    world.conference(&three);
    world.hum_for(&three, 20, 30);
    world.rows(A, &[Source::Leg(B)]);
    world.hum_for(&three, 50, 20);
    world.play("en-US/hello", true, false);
    world.rows(A, &[Source::Player(PROMPT)]);
    world.hum_for(&three, 70, 20);
    world.rows(A, &[Source::Player(PROMPT), Source::Leg(B), Source::Leg(C)]);
    world.hum_for(&three, 90, 20);
    let got = world.heard_by(A);
    assert_continuous(got);
    let markers = got.iter().filter(|got| got.header.marker).count();
    assert_eq!(markers, 5, "one at the begin and at each change");
    assert!((107..=112).contains(&got.len()), "{}", got.len());
}

#[test]
fn an_announcement_over_a_talk_is_heard_with_it() {
    let two = legs(2);
    let mut world = world_of(&two, |_| Codec::Pcma);
    world.rows(B, &[Source::Leg(A)]);
    world.rows(A, &[Source::Leg(B), Source::Player(PROMPT)]);
    world.hum_for(&two, 0, 20);
    world.play("music/default", true, false);
    world.hum_for(&two, 20, 80);
    let heard = world.heard_since(A, world.now.t - Span::seconds(1), Codec::Pcma);
    assert!(loudness(&heard, hz(B)) > 0.9 && loudness(&heard, 1_500.0) > 3.0);
    let heard = world.heard_since(B, world.now.t - Span::seconds(1), Codec::Pcma);
    assert!(loudness(&heard, hz(A)) > 0.9 && loudness(&heard, 1_500.0) < 0.05);
}

#[test]
fn a_prompt_stands_still_goes_on_and_is_heard_again_from_a_place() {
    let mut world = world_of(&legs(1), |_| Codec::Pcma);
    let state = |paused, position| PlayerSpec {
        player: PROMPT,
        sounds: vec!["en-US/hello".into()],
        repeat: false,
        is_music: false,
        paused,
        position,
    };
    let ended = ReportBody::PlayerEnded { player: PROMPT, missing: None };
    let ends = |world: &World| world.reports.iter().filter(|body| **body == ended).count();
    world.rows(A, &[Source::Player(PROMPT)]);
    world.tell(Body::SetPlayer(state(false, None)));
    world.pass(Span::millis(299));
    world.tell(Body::SetPlayer(state(true, None)));
    world.pass(Span::seconds(5));
    assert_eq!((world.heard_by(A).len(), ends(&world)), (15, 0));
    world.tell(Body::SetPlayer(state(false, None)));
    world.pass(Span::millis(750));
    assert_eq!(ends(&world), 1);
    world.tell(Body::SetPlayer(state(false, Some((1, Span::millis(500))))));
    world.pass(Span::millis(600));
    assert_eq!(ends(&world), 2);
    let got = world.heard_by(A);
    assert!((74..=78).contains(&got.len()), "{}", got.len());
    assert_continuous(got);
    assert_eq!(got.iter().filter(|got| got.header.marker).count(), 3);
    assert!(dsp::goertzel(&linear(&got[16..45], Codec::Pcma), 8_000, 700.0) > 0.97);
}

#[test]
fn keys_in_a_conference_are_facts_and_no_sound() {
    let three = legs(3);
    let mut world = world_of(&three, |_| Codec::Pcma);
    world.conference(&three);
    world.hum_for(&three, 0, 10);
    for (index, flags, length) in [(10, 10, 160_u16), (11, 10, 320), (12, 0x8A, 480)] {
        let [high, low] = length.to_be_bytes();
        world.says(A, 101, Stamp { timestamp: 6_600, ..stamp(index) }, &[5, flags, high, low]);
        world.pass(Span::millis(20));
    }
    assert!(world.facts().contains(&(A, Fact::Digit('5'))));
    assert!(world.heard_by(B).iter().all(|got| got.header.payload_type == 8));
    let mut leg = spec(B, Codec::Pcma);
    leg.digits = vec![NumberedDigit { number: 1, digit: '7' }];
    world.tell(Body::SetLeg(leg));
    world.hum_for(&three, 13, 30);
    let events = world.heard_by(B).iter().filter(|got| got.header.payload_type == 102).count();
    assert_eq!(events, 8, "a key for one of them is sent to him");
}

#[test]
fn a_room_that_is_over_leaves_nothing_behind() {
    let four = legs(4);
    let mut world = world_of(&four, |_| Codec::Pcma);
    world.conference(&four);
    world.hum_for(&four, 0, 10);
    assert_eq!(world.engine.mixers.indexes().count(), 1);
    for &leg in &four[2..] {
        world.tell(Body::Close(Subject::Leg(leg)));
    }
    world.rows(A, &[Source::Leg(B)]);
    world.rows(B, &[Source::Leg(A)]);
    assert_eq!(world.engine.mixers.indexes().count(), 0);
    assert!(four[..2].iter().all(|leg| {
        let slot = world.engine.leg_slots[leg];
        world.engine.legs.get(slot).is_some_and(|leg| leg.jitter.is_none() && leg.hearing.is_none())
    }));
    world.conference(&four[..2]);
    world.hum_for(&four[..2], 10, 10);
    for &leg in &four[..2] {
        world.tell(Body::Close(Subject::Leg(leg)));
    }
    assert!(world.engine.rooms.is_empty());
    assert_eq!(world.engine.deadline(), None);
}

#[test]
fn a_bug_in_a_conference_ends_one_leg() {
    let three = legs(3);
    let mut world = world_of(&three, |_| Codec::Pcma);
    world.conference(&three);
    world.hum_for(&three, 0, 50);
    let mut bytes = packet(8, POISON_SSRC, stamp(0), &[0; 160]);
    let (slot, now) = (world.slots[&C], world.now.t);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        world.engine.on_datagram(slot, Channel::Rtp, address(C), &mut bytes, now)
    }));
    assert!(caught.is_err() && world.engine.abandon(now));
    world.settle();
    let since = world.now.t;
    world.hum_for(&three[..2], 50, 50);
    let heard = world.heard_since(A, since + Span::millis(200), Codec::Pcma);
    assert!(loudness(&heard, hz(B)) > 0.9 && loudness(&heard, hz(C)) < 0.05);
}

#[test]
fn an_agent_and_a_supervisor_who_barges_in_share_a_track_each_on_his_own_clock() {
    let three = legs(3);
    let mut world = world_of(&three, |_| Codec::Pcma);
    world.conference(&three);
    let spec = |right: &[LegId]| TrackSpec {
        recorder: CONTACT,
        file: "1/a.wav".to_owned(),
        origin: Time(1_000_000_000),
        left: vec![Source::Leg(A)],
        right: right.iter().map(|&leg| Source::Leg(leg)).chain([Source::Player(PROMPT)]).collect(),
    };
    world.tell(Body::SetTrack(spec(&[B])));
    world.hum_for(&three, 0, 50);
    world.tell(Body::SetTrack(spec(&[B, C])));
    world.hum_for(&three, 50, 50);
    world.play("music/default", true, true);
    world.tell(Body::SetTrack(spec(&[C])));
    world.hum_for(&three, 100, 50);
    world.tell(Body::Close(Subject::Recorder(CONTACT)));
    assert_eq!(world.ended, Some(Span::seconds(3)));
    let (left, right) = world.tracks();
    for (second, heard) in [(0, vec![B]), (1, vec![B, C]), (2, vec![C])] {
        let part = second * 8_000 + 400..(second + 1) * 8_000 - 400;
        for &leg in &three {
            let expected = if heard.contains(&leg) { 0.95..1.05 } else { 0.0..0.01 };
            let loud = loudness(&right[part.clone()], hz(leg));
            assert!(expected.contains(&loud), "second {second}: {leg} at {loud}");
        }
        assert!(loudness(&left[part.clone()], hz(A)) > 0.95 && loudness(&right[part], 1_500.0) < 0.01);
    }
}

/// Invariant 7 of the house: no sink ever gets a sample of a source outside its row.
#[test]
fn nobody_hears_who_is_not_in_his_row() {
    for seed in 1..=6 {
        isolation(seed);
    }
}

/// Rows change at random among 2 to 10 legs and a player, with jitter; each sink is judged from 220 ms after an edit on.
fn isolation(seed: u64) {
    let mut rng = Rng::from_number(seed);
    let all = legs(2 + rng.below(9));
    let mut world = world_of(&all, |leg| if leg.0.is_multiple_of(3) { Codec::Pcmu } else { Codec::Pcma });
    let codec = |leg: LegId| if leg.0.is_multiple_of(3) { Codec::Pcmu } else { Codec::Pcma };
    world.play("en-US/hello", true, false);
    let mut rows: BTreeMap<LegId, (Vec<Source>, Time)> = BTreeMap::new();
    let mut judged = 0;
    let mut pending: Vec<(Time, LegId, u64)> = vec![];
    for index in 0..700_u64 {
        let base = world.now.t;
        pending.extend(all.iter().map(|&leg| (base + Span::micros(rng.below(18_000) as i64), leg, index)));
        pending.sort_unstable();
        for (at, leg, index) in std::mem::take(&mut pending) {
            world.pass(at - world.now.t);
            let tone = |i| law::encode(codec(leg), dsp::sine(i, 8_000, hz(leg), AMPLITUDE));
            let payload: Vec<u8> = (index * 160..index * 160 + 160).map(tone).collect();
            world.says(leg, law::static_payload_type(codec(leg)), stamp(index), &payload);
        }
        world.pass(base + Span::millis(20) - world.now.t);
        if index % 50 == 49 {
            judged += judge(&mut world, &rows, &all, codec);
            for _ in 0..=rng.below(3) {
                let sink = all[rng.below(all.len() as u64) as usize];
                let mut row: Vec<Source> =
                    all.iter().filter(|_| rng.below(2) == 0).map(|&leg| Source::Leg(leg)).collect();
                if rng.below(4) == 0 {
                    row.push(Source::Player(PROMPT));
                }
                // The six loudest are a rule of its own: here everybody is as loud, so rows stay under it.
                row.truncate(5);
                rows.insert(sink, (row.clone(), world.now.t));
                world.rows(sink, &row);
            }
        }
    }
    assert!(judged > 50, "seed {seed}: {judged} pairs judged");
}

/// Compares what each far end heard with its row; the number of pairs that could be judged.
fn judge(
    world: &mut World,
    rows: &BTreeMap<LegId, (Vec<Source>, Time)>,
    all: &[LegId],
    codec: impl Fn(LegId) -> Codec,
) -> usize {
    let mut judged = 0;
    for (&sink, (row, since)) in rows {
        let since = *since + Span::millis(220);
        let heard = world.heard_since(sink, since.max(world.now.t - Span::millis(700)), codec(sink));
        let sources = all.iter().map(|&leg| (Source::Leg(leg), hz(leg)));
        for (source, hz) in sources.chain([(Source::Player(PROMPT), PROMPT_HZ)]) {
            let loud = loudness(&heard, hz);
            let in_row = row.contains(&source) && (row.len() == 1 || source != Source::Leg(sink));
            // A leg may be alone in its own row; it hears itself then.
            let right = if in_row { loud > 0.6 } else { loud < 0.2 };
            assert!(right, "{sink} hears {source:?} at {loud:.3}; its row is {row:?}");
            judged += 1;
        }
    }
    world.got.clear();
    judged
}
