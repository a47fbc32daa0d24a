//! Players and the recorder: what waits, what is missing, what is written and where.

use super::*;

#[test]
fn a_missing_sound_is_named_at_once() {
    let mut world = World::with(&[(A, Codec::Pcma)]);
    world.play("en-US/absent", false, false);
    let missing = Some("en-US/absent".to_owned());
    assert!(world.reports.contains(&ReportBody::PlayerEnded { player: PROMPT, missing }));
}

/// Speech and a cut of a recording are asked for once each, heard when both are there, and given up after a while.
#[test]
fn a_player_waits_for_what_is_not_in_memory() {
    let spoken = Clip::Speech { language: "en-US".to_owned(), text: "hello".to_owned() };
    let cut = Clip::Recording { file: "1/a.wav".to_owned(), from: Span::ZERO, to: Span::seconds(1) };
    let spec = PlayerSpec {
        player: PROMPT,
        sounds: vec![spoken.clone(), cut.clone(), spoken.clone()],
        repeat: false,
        is_music: false,
        paused: false,
        position: None,
    };
    let tone = Arc::new(Sound::from_linear((0..800).map(|i| dsp::sine(i, 8_000, 700.0, 9_000.0)).collect()));
    let ended = |missing: Option<&str>| ReportBody::PlayerEnded { player: PROMPT, missing: missing.map(str::to_owned) };
    let begin = || {
        let mut world = World::with(&[(A, Codec::Pcma)]);
        world.row(A, Some(Source::Player(PROMPT)));
        world.tell(Body::SetPlayer(spec.clone()));
        assert_eq!(world.asked, [spoken.clone(), cut.clone()]);
        world.pass(Span::millis(500));
        world
    };

    let mut world = begin();
    world.engine.loaded(&spoken, Some(&tone), world.now);
    world.pass(Span::millis(500));
    assert!(world.heard_by(A).is_empty() && !world.reports.contains(&ended(None)));
    world.engine.loaded(&cut, Some(&tone), world.now);
    world.pass(Span::millis(280));
    assert!(!world.reports.contains(&ended(None)));
    world.pass(Span::millis(30));
    assert!(world.reports.contains(&ended(None)));
    let heard = world.heard_by(A);
    assert_eq!(heard.len(), 15, "300 ms");
    assert!(dsp::goertzel(&linear(heard, Codec::Pcma), 8_000, 700.0) > 0.9);

    let mut world = begin();
    world.engine.loaded(&cut, None, world.now);
    world.settle();
    assert!(world.reports.contains(&ended(Some("1/a.wav"))));
    world.tell(Body::Close(Subject::Player(PROMPT)));

    let mut world = begin();
    world.engine.loaded(&cut, Some(&tone), world.now);
    world.pass(bounds::CLIP_WAIT_MAX - Span::millis(501));
    assert!(!world.reports.contains(&ended(Some("speech in en-US"))));
    world.pass(Span::millis(2));
    assert!(world.reports.contains(&ended(Some("speech in en-US"))));
    world.engine.loaded(&spoken, Some(&tone), world.now);
    world.pass(Span::seconds(1));
    assert!(world.heard_by(A).is_empty(), "it comes too late");
}

#[test]
fn prompts_are_recorded_where_they_were_heard_and_music_is_not() {
    for (is_music, loud) in [(false, true), (true, false)] {
        let mut world = World::with(&[(A, Codec::Pcma)]);
        world.record(Some(Source::Leg(A)), Some(Source::Player(PROMPT)), world.now.t);
        // Between two samples, so that a start is never just at one.
        world.pass(Span::micros(250_060));
        world.play("en-US/hello", false, is_music);
        world.row(A, Some(Source::Player(PROMPT)));
        world.pass(Span::micros(1_999_940));
        world.tell(Body::Close(Subject::Recorder(CONTACT)));
        let (_, right) = world.tracks();
        assert_eq!(right.len(), 2_250 * 8);
        assert!(right[..2_000].iter().all(|&sample| sample == 0));
        assert_eq!(dsp::rms(&right[2_000..10_000]) > 5_000.0, loud, "music {is_music}");
        assert_eq!(dsp::goertzel(&right[2_000..10_000], 8_000, 700.0) > 0.97, loud);
        assert!(right[10_001..].iter().all(|&sample| sample == 0));
    }
}

#[test]
fn the_recorder_is_not_moved_by_jitter_reordering_and_loss() {
    let mut world = World::with(&[(A, Codec::Pcma)]);
    world.record(Some(Source::Leg(A)), None, world.now.t);
    let mut rng = Rng::from_number(9);
    let mut arrivals: Vec<(i64, u64)> = (0..500)
        .filter(|index| index % 37 != 5)
        .map(|index| (index as i64 * 20_000 + rng.below(60_000) as i64, index))
        .collect();
    arrivals.sort_unstable();
    let start = world.now.t;
    for (at, index) in arrivals {
        let now = world.now.t;
        world.pass(start + Span::micros(at) - now);
        world.hums(A, Codec::Pcma, 440.0, index);
    }
    world.tell(Body::Close(Subject::Recorder(CONTACT)));
    let (left, _) = world.tracks();
    // Every second is in phase with one sine: its own place, or at most 2 ms from it.
    for second in 1..9_usize {
        let part = &left[second * 8_000..second * 8_000 + 8_000];
        assert!(dsp::goertzel(part, 8_000, 440.0) > 0.9, "second {second}: {}", dsp::goertzel(part, 8_000, 440.0));
    }
    let first = left.iter().position(|sample| sample.abs() > 1_000).expect("sound");
    assert!(first < 480, "begins at {first}");
}
