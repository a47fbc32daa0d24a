//! Long on purpose: one table for each kind of node.
//! Scenarios: at a time something happens, and this is what the flow asks for.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::load::{Known, load};
use super::super::model::Flow;
use super::super::words::{DialResult, Input, Output, Subject};
use super::Run;
use crate::base::bounds::{
    ATTACHED_DATA_BYTES, CLIP_WAIT_MAX, DIGITS_HELD, FLOW_STEPS, PROMPT_MARGIN, QUEUE_VISITS, SOUND_MAX, SPEECH_CHARS,
    SPEECH_MAX,
};
use crate::base::{FlowNo, Now, Span, Time, Utc};
use crate::event::words::ItemExit;
use crate::media::words::Clip;

fn run(yaml: &str) -> Run {
    run_with(yaml, &Known::default())
}

fn run_with(yaml: &str, known: &Known) -> Run {
    let flow = load("test.yaml", yaml, known).unwrap_or_else(|p| panic!("{}", crate::config::print(&p)));
    let data = serde_json::json!({"level": "gold"}).as_object().expect("an object").clone();
    let (from, to, language) = ("+861012345678".to_owned(), "9000".to_owned(), "zh-CN".to_owned());
    Run::new(Arc::new(flow), Subject { flow: FlowNo(1), from, to, language, data })
}

fn at(ms: i64) -> Now {
    Now { t: Time(ms * 1_000), wall: Utc(0) }
}

/// An output as a supervisor would say it.
fn say(output: Output) -> String {
    match output {
        Output::Answer => "answer".to_owned(),
        Output::Play { sounds } => {
            let named = |clip: Clip| match clip {
                Clip::Speech { language, text } => format!("{language}:{text:?}"),
                Clip::Library(_) | Clip::Recording { .. } => clip.to_string(),
            };
            format!("play {}", sounds.into_iter().map(named).collect::<Vec<_>>().join(" "))
        }
        Output::StopPlay => "stop".to_owned(),
        Output::Queue { to, priority, wait_max } => {
            let wait_max = wait_max.map_or(String::new(), |span| format!(" for {span}"));
            format!("queue {to} at {priority}{wait_max}")
        }
        Output::Unqueue => "unqueue".to_owned(),
        Output::Dial { to, ring } => format!("dial {to} for {ring}"),
        Output::Set { key, value } => format!("set {key}={value}"),
        Output::Trace { node, exit } => format!("{node}>{exit}"),
        Output::Hangup { cause } => format!("hangup {cause:?}"),
        Output::Return => "return".to_owned(),
        Output::Ended => "ended".to_owned(),
        Output::TooManySteps => "too many steps".to_owned(),
    }
}

fn drain(run: &mut Run) -> String {
    std::iter::from_fn(|| run.poll()).map(say).collect::<Vec<_>>().join(", ")
}

fn left(exit: ItemExit) -> Input {
    Input::QueueLeft(exit)
}

const PLAYED: Input = Input::PlayEnded { missing: None };

fn missing() -> Input {
    Input::PlayEnded { missing: Some("zh-CN/a".to_owned()) }
}

/// Rows of (milliseconds, what happens, what is asked for). A deadline that passes between two rows is an error.
fn scenario(name: &str, yaml: &str, rows: &[(i64, Input, &str)]) {
    play_out(name, run(yaml), rows);
}

fn play_out(name: &str, mut run: Run, rows: &[(i64, Input, &str)]) {
    for (ms, input, expected) in rows {
        let due = run.deadline().filter(|deadline| *deadline < at(*ms).t);
        assert_eq!(due, None, "{name}: a deadline before {ms} was passed over");
        run.handle(input.clone(), at(*ms));
        assert_eq!(drain(&mut run), *expected, "{name}: at {ms}, {input:?}");
    }
}

const PLAY: &str = "
nodes:
  a: {answer: , next: b}
  b: {play: [a, tones/beep], next: c, failed: d}
  c: {play: c, barge: false, next: hangup}
  d: {play: en-US/d, next: hangup}
";

#[test]
fn the_exit_return_gives_the_caller_back() {
    let started = (0, Input::Start, "answer, a>next, play zh-CN/a tones/beep");
    let text = PLAY.replace("next: c, failed: d", "next: return, failed: d");
    scenario("to the end", &text, &[started.clone(), (2_000, PLAYED, "b>next, return, ended"), (3_000, PLAYED, "")]);
    scenario("it fails", &text, &[started, (2_000, missing(), "b>failed, play en-US/d")]);
    assert_eq!([PLAY, &text].map(|text| run(text).flow().returns()), [false, true]);
}

#[test]
fn a_caller_who_is_taken_out_and_comes_back_is_in_the_same_node() {
    let asked = (0, Input::Start, "answer, a>next, play zh-CN/a tones/beep");
    scenario(
        "out of a play",
        PLAY,
        &[
            asked,
            (500, Input::Taken, "b>taken"),
            (600, Input::Digit('1'), ""),
            (700, PLAYED, ""),
            (9_000, Input::AgentSideEnded, "b>after, play zh-CN/a tones/beep"),
            (9_500, PLAYED, "b>next, play zh-CN/c"),
        ],
    );
}

#[test]
fn play_ends_is_cut_or_fails() {
    let started = (0, Input::Start, "answer, a>next, play zh-CN/a tones/beep");
    scenario(
        "to the end",
        PLAY,
        &[
            started.clone(),
            (2_000, PLAYED, "b>next, play zh-CN/c"),
            (3_000, Input::Digit('1'), ""),
            (4_000, PLAYED, "c>next, hangup FlowEnded, ended"),
            (5_000, PLAYED, ""),
            (5_000, Input::CustomerLeft, ""),
        ],
    );
    scenario("cut by a key", PLAY, &[started.clone(), (500, Input::Digit('7'), "stop, b>next, play zh-CN/c")]);
    scenario("a letter that no phone has", PLAY, &[started.clone(), (500, Input::Digit('x'), "")]);
    scenario(
        "missing",
        PLAY,
        &[
            started.clone(),
            (100, missing(), "b>failed, play en-US/d"),
            (200, missing(), "d>failed, hangup FlowEnded, ended"),
        ],
    );
    scenario("he leaves", PLAY, &[started, (500, Input::CustomerLeft, "b>customer_left, ended"), (600, PLAYED, "")]);
    scenario("he leaves before the start", PLAY, &[(0, Input::CustomerLeft, "ended"), (0, Input::Start, "")]);
}

/// The media thread has died, or its report was lost.
#[test]
fn a_prompt_whose_end_nobody_reports_holds_nobody() {
    let flow = "
nodes:
  z: {answer: , next: a}
  a: {play: [one, two], barge: false, next: hangup, failed: b}
  b: {menu: one, keys: {1: hangup}, timeout: 4s, repeat: 0, no_input: c, invalid: hangup}
  c: {queue: support, announce: {sounds: one, every: 10s}, after: hangup, timeout: hangup, full: hangup, no_agent: hangup, failed: hangup}
";
    let lengths = [("zh-CN/one".to_owned(), Span::seconds(2)), ("zh-CN/two".to_owned(), Span::seconds(3))];
    let known = Known { sounds: Some(Arc::new(lengths.into())), ..Known::default() };
    play_out(
        "no report at all",
        run_with(flow, &known),
        &[
            (0, Input::Start, "answer, z>next, play zh-CN/one zh-CN/two"),
            (9_999, Input::Due, ""),
            (10_000, Input::Due, "stop, a>failed, play zh-CN/one"),
            (17_000, Input::Due, "stop"),
            (17_001, Input::PlayEnded { missing: None }, ""),
            (21_000, Input::Due, "b>no_input, queue support at 0"),
            (31_000, Input::Due, "play zh-CN/one"),
            (38_000, Input::Due, "stop"),
            (48_000, Input::Due, "play zh-CN/one"),
        ],
    );
    let mut unknown = run(flow);
    unknown.handle(Input::Start, at(0));
    assert_eq!(unknown.deadline(), Some(at(0).t + SOUND_MAX + PROMPT_MARGIN), "no library: as long as any sound lasts");
}

const MENU: &str = "
nodes:
  a: {answer: , next: hi}
  hi: {play: hi, next: m}
  m:
    menu: m
    keys: {1: one, \"*\": m}
    timeout: 4s
    repeat: 1
    no_input_sounds: quiet
    invalid_sounds: [wrong, so]
    no_input: bye
    invalid: sorry
  one: {set: {data.key: \"{{digits}}\"}, next: bye}
  bye: {play: bye, barge: false, next: hangup}
  sorry: {play: sorry, barge: false, next: hangup}
";

#[test]
fn menu_takes_a_key_or_asks_again() {
    let to_menu = [(0, Input::Start, "answer, a>next, play zh-CN/hi"), (1_000, PLAYED, "hi>next, play zh-CN/m")];
    let with = |rows: &[(i64, Input, &'static str)]| [&to_menu, rows].concat();
    scenario(
        "during the sounds",
        MENU,
        &with(&[
            (1_500, Input::Digit('1'), "stop, m>1, set key=1, one>next, play zh-CN/bye"),
            (1_600, Input::Digit('1'), ""),
            (3_000, PLAYED, "bye>next, hangup FlowEnded, ended"),
        ]),
    );
    scenario(
        "after the sounds",
        MENU,
        &with(&[
            (3_000, PLAYED, ""),
            (6_999, Input::Due, ""),
            (6_999, Input::Digit('1'), "m>1, set key=1, one>next, play zh-CN/bye"),
        ]),
    );
    scenario(
        "silence twice",
        MENU,
        &with(&[
            (3_000, PLAYED, ""),
            (7_000, Input::Due, "play zh-CN/quiet zh-CN/m"),
            (9_000, PLAYED, ""),
            (13_000, Input::Due, "m>no_input, play zh-CN/bye"),
        ]),
    );
    scenario(
        "wrong, then silence",
        MENU,
        &with(&[
            (2_000, Input::Digit('9'), "stop, play zh-CN/wrong zh-CN/so zh-CN/m"),
            (4_000, PLAYED, ""),
            (8_000, Input::Due, "m>no_input, play zh-CN/bye"),
        ]),
    );
    scenario(
        "wrong twice",
        MENU,
        &with(&[
            (3_000, PLAYED, ""),
            (3_500, Input::Digit('9'), "play zh-CN/wrong zh-CN/so zh-CN/m"),
            (3_600, Input::Digit('#'), "stop, m>invalid, play zh-CN/sorry"),
        ]),
    );
    scenario(
        "a sound is missing",
        MENU,
        &with(&[(1_000, missing(), ""), (4_000, Input::Digit('1'), "m>1, set key=1, one>next, play zh-CN/bye")]),
    );
    scenario(
        "he leaves",
        MENU,
        &with(&[(3_000, PLAYED, ""), (4_000, Input::CustomerLeft, "m>customer_left, ended"), (7_000, Input::Due, "")]),
    );
}

#[test]
fn keys_pressed_ahead_are_kept() {
    let start = (0, Input::Start, "answer, a>next, play zh-CN/hi");
    scenario(
        "the play is skipped and the menu not said",
        MENU,
        &[start.clone(), (100, Input::Digit('1'), "stop, hi>next, m>1, set key=1, one>next, play zh-CN/bye")],
    );
    let cleared = MENU.replace("repeat: 1", "repeat: 1\n    clear: true");
    scenario("unless cleared", &cleared, &[start.clone(), (100, Input::Digit('1'), "stop, hi>next, play zh-CN/m")]);
    let heard = MENU.replace("repeat: 1", "repeat: 1\n    barge: false");
    scenario(
        "or to be heard to the end",
        &heard,
        &[
            start,
            (100, Input::Digit('1'), "stop, hi>next, play zh-CN/m"),
            (200, Input::Digit('*'), ""),
            (300, PLAYED, "m>1, set key=1, one>next, play zh-CN/bye"),
        ],
    );
}

#[test]
fn a_key_that_no_menu_takes_skips_a_round_of_plays_once() {
    let round = "
nodes:
  a: {answer: , next: b}
  b: {play: b, next: c}
  c: {play: c, next: b}
";
    scenario(
        "skipped, then said",
        round,
        &[
            (0, Input::Start, "answer, a>next, play zh-CN/b"),
            (100, Input::Digit('1'), "stop, b>next, c>next, b>next, play zh-CN/c"),
            (200, PLAYED, "c>next, play zh-CN/b"),
        ],
    );
}

const COLLECT: &str = "
nodes:
  a: {answer: , next: hi}
  hi: {play: hi, barge: false, next: c}
  c:
    collect: c
    min: 2
    max: 4
    timeout: 6s
    between: 2s
    repeat: 1
    invalid_sounds: wrong
    next: got
    no_input: bye
    invalid: sorry
  got: {set: {data.c: \"<{{digits}}>\"}, next: bye}
  bye: {play: bye, next: hangup}
  sorry: {play: sorry, next: hangup}
";

#[test]
fn collect_gathers_digits() {
    let to_collect = [(0, Input::Start, "answer, a>next, play zh-CN/hi"), (1_000, PLAYED, "hi>next, play zh-CN/c")];
    let with = |rows: &[(i64, Input, &'static str)]| [&to_collect, rows].concat();
    scenario(
        "as many as there may be",
        COLLECT,
        &with(&[
            (1_500, Input::Digit('1'), "stop"),
            (2_000, Input::Digit('2'), ""),
            (3_000, Input::Digit('*'), ""),
            (4_000, Input::Digit('4'), "c>next, set c=<12*4>, got>next, play zh-CN/bye"),
        ]),
    );
    scenario(
        "ended by its key",
        COLLECT,
        &with(&[
            (3_000, PLAYED, ""),
            (8_999, Input::Digit('1'), ""),
            (9_500, Input::Digit('2'), ""),
            (9_600, Input::Digit('#'), "c>next, set c=<12>, got>next, play zh-CN/bye"),
        ]),
    );
    scenario(
        "ended by silence",
        COLLECT,
        &with(&[
            (1_500, Input::Digit('1'), "stop"),
            (2_000, Input::Digit('2'), ""),
            (4_000, Input::Due, "c>next, set c=<12>, got>next, play zh-CN/bye"),
        ]),
    );
    scenario(
        "too few, then none",
        COLLECT,
        &with(&[
            (1_500, Input::Digit('1'), "stop"),
            (3_500, Input::Due, "play zh-CN/wrong zh-CN/c"),
            (5_000, PLAYED, ""),
            (11_000, Input::Due, "c>no_input, play zh-CN/bye"),
        ]),
    );
    scenario(
        "ended too early, twice",
        COLLECT,
        &with(&[
            (1_500, Input::Digit('#'), "stop, play zh-CN/wrong zh-CN/c"),
            (1_600, Input::Digit('1'), "stop"),
            (1_700, Input::Digit('#'), "c>invalid, play zh-CN/sorry"),
        ]),
    );
    scenario(
        "partly pressed ahead, so not said",
        COLLECT,
        &[
            (0, Input::Start, "answer, a>next, play zh-CN/hi"),
            (200, Input::Digit('5'), ""),
            (1_000, PLAYED, "hi>next"),
            (1_100, Input::Digit('6'), ""),
            (3_100, Input::Due, "c>next, set c=<56>, got>next, play zh-CN/bye"),
        ],
    );
    let optional = COLLECT.replace("min: 2", "min: 0\n    end_key: none");
    scenario(
        "none is enough",
        &optional,
        &with(&[(2_000, PLAYED, ""), (8_000, Input::Due, "c>next, set c=<>, got>next, play zh-CN/bye")]),
    );
    scenario(
        "no key ends it",
        &optional,
        &with(&[
            (1_100, Input::Digit('#'), "stop"),
            (3_100, Input::Due, "c>next, set c=<#>, got>next, play zh-CN/bye"),
        ]),
    );
    scenario("he leaves", COLLECT, &with(&[(1_500, Input::CustomerLeft, "c>customer_left, ended")]));
}

const BRANCH: &str = "
nodes:
  b:
    branch:
      - if: has(data.vip) && data.vip == \"yes\"
        then: vip
      - if: from.startsWith(\"+8610\")
        then: near
    else: far
  vip: {hangup: }
  near:
    branch:
      - if: data.absent == \"x\"
        then: vip
    else: far
    failed: odd
  odd:
    branch:
      - if: digits
        then: vip
    else: far
  far: {hangup: busy}
";

#[test]
fn branch_takes_the_first_true_condition() {
    let trace = "b>if_2, near>failed, odd>failed, far>hangup, hangup Busy, ended";
    scenario("one after the other", BRANCH, &[(0, Input::Start, trace)]);
}

#[test]
fn set_changes_data_and_language() {
    let flow = "
on_hangup: left
nodes:
  a: {answer: , next: s}
  s:
    set: {data.a: \"{{to}}/{{data.level}}\", data.b: \"{{data.a}}!\", language: en-US, data.c: \"{{language}}\"}
    next: p
  p: {play: p, next: bad}
  bad: {set: {data.d: x, data.e: \"{{data.none}}\", data.f: x}, next: hangup, failed: q}
  q: {play: q, next: hangup}
  left: {set: {data.left: \"{{data.c}}\"}, next: hangup}
";
    scenario(
        "in order",
        flow,
        &[
            (0, Input::Start, "answer, a>next, set a=9000/gold, set b=9000/gold!, set c=en-US, s>next, play en-US/p"),
            (1_000, PLAYED, "p>next, set d=x, bad>failed, play en-US/q"),
            (2_000, Input::CustomerLeft, "q>customer_left, set left=en-US, left>next, ended"),
        ],
    );
    let long = "x".repeat(ATTACHED_DATA_BYTES - 40);
    let flow = format!(
        "nodes:\n  a: {{set: {{data.a: \"{long}\"}}, next: b}}\n  b: {{set: {{data.b: \"{}\"}}, next: hangup, failed: c}}\n  c: {{hangup: }}\n",
        "y".repeat(40)
    );
    let expected = format!("set a={long}, a>next, b>failed, c>hangup, hangup FlowEnded, ended");
    scenario("more than fits", &flow, &[(0, Input::Start, &expected)]);
}

const SAY: &str = "
nodes:
  a: {answer: , next: b}
  b: {say: \"Gold or not, you have {{data.level}}.\", next: c, failed: d}
  c: {say: {text: \"{{data.absent}}\", language: en-US}, next: hangup, failed: d}
  d: {play: [{text: bye, language: fr-FR}, d], barge: false, next: e}
  e:
    menu: [{text: \"{{data.absent}}\"}, {text: press}]
    keys: {1: hangup}
    no_input: hangup
    invalid: hangup
";

#[test]
fn text_is_said_interrupted_or_fails() {
    let started = (0, Input::Start, "answer, a>next, play zh-CN:\"Gold or not, you have gold.\"");
    scenario(
        "what cannot be computed leaves by failed, and a menu says the rest",
        SAY,
        &[
            started.clone(),
            (2_000, PLAYED, "b>next, c>failed, play fr-FR:\"bye\" zh-CN/d"),
            (3_000, PLAYED, "d>next, play zh-CN:\"press\""),
            (4_000, PLAYED, ""),
            (5_000, Input::Digit('1'), "e>1, hangup FlowEnded, ended"),
        ],
    );
    scenario(
        "cut by a key, which skips the next text too",
        SAY,
        &[started.clone(), (500, Input::Digit('1'), "stop, b>next, c>next, hangup FlowEnded, ended")],
    );
    scenario("no voice", SAY, &[started, (100, missing(), "b>failed, play fr-FR:\"bye\" zh-CN/d")]);
    let long = SAY.replace("Gold or not", &"x".repeat(SPEECH_CHARS - 15));
    scenario(
        "longer than is spoken, with what is computed",
        &long,
        &[(0, Input::Start, "answer, a>next, b>failed, play fr-FR:\"bye\" zh-CN/d")],
    );
    let mut run = Run::new(Arc::new(Flow::saying("{{hello}}", None)), run(SAY).subject().clone());
    run.handle(Input::Start, at(0));
    assert_eq!(drain(&mut run), "play zh-CN:\"{{hello}}\"");
    assert_eq!(run.deadline(), Some(at(0).t + SPEECH_MAX + CLIP_WAIT_MAX + PROMPT_MARGIN));
    run.handle(PLAYED, at(1));
    assert_eq!(drain(&mut run), "say>next, hangup FlowEnded, ended");
}

const QUEUE: &str = "
nodes:
  a: {answer: , next: p}
  p: {play: p, barge: false, next: q}
  q:
    queue: support
    priority: 3
    wait_max: 5m
    announce: {sounds: wait, every: 30s}
    keys: {1: key}
    after: after
    timeout: timeout
    full: full
    no_agent: no_agent
    failed: failed
  key: {play: key, next: hangup}
  after: {play: after, next: hangup}
  timeout: {play: timeout, next: hangup}
  full: {play: full, next: hangup}
  no_agent: {play: no_agent, next: hangup}
  failed: {play: failed, next: hangup}
";

/// A caller in the queue of [`QUEUE`], and what comes then.
fn queued(then: &[(i64, Input, &'static str)]) -> Vec<(i64, Input, &'static str)> {
    let before = [
        (0, Input::Start, "answer, a>next, play zh-CN/p"),
        (500, Input::Digit('1'), ""),
        (1_000, PLAYED, "p>next, queue support at 3 for 5m"),
    ];
    [&before, then].concat()
}

#[test]
fn a_queue_ends_in_a_talk_or_with_the_caller() {
    scenario(
        "an agent takes the call and hangs up",
        QUEUE,
        &queued(&[
            (2_000, left(ItemExit::Connected), "q>connected"),
            (3_000, Input::Digit('1'), ""),
            (60_000, Input::Due, ""),
            (90_000, Input::AgentSideEnded, "q>after, play zh-CN/after"),
            (91_000, Input::AgentSideEnded, ""),
            (92_000, PLAYED, "after>next, hangup FlowEnded, ended"),
        ]),
    );
    scenario(
        "the caller hangs up in the talk",
        QUEUE,
        &queued(&[
            (2_000, left(ItemExit::Connected), "q>connected"),
            (9_000, Input::CustomerLeft, "ended"),
            (9_000, Input::AgentSideEnded, ""),
        ]),
    );
    scenario(
        "the caller hangs up while waiting",
        QUEUE,
        &queued(&[(2_000, left(ItemExit::CallerLeft), ""), (2_000, Input::CustomerLeft, "q>customer_left, ended")]),
    );
}

#[test]
fn a_queue_leaves_by_the_exit_of_its_item() {
    for (exit, expected) in [
        (ItemExit::TimedOut, "q>timeout, play zh-CN/timeout"),
        (ItemExit::Full, "q>full, play zh-CN/full"),
        (ItemExit::NoAgent, "q>no_agent, play zh-CN/no_agent"),
        (ItemExit::Withdrawn, "q>failed, play zh-CN/failed"),
    ] {
        scenario("an exit", QUEUE, &queued(&[(2_000, left(exit), expected)]));
    }
}

#[test]
fn a_queue_announces_until_somebody_comes() {
    scenario(
        "announcements",
        QUEUE,
        &queued(&[
            (31_000, Input::Due, "play zh-CN/wait"),
            (33_000, PLAYED, ""),
            (62_999, Input::Due, ""),
            (63_000, Input::Due, "play zh-CN/wait"),
            (64_000, left(ItemExit::TimedOut), "stop, q>timeout, play zh-CN/timeout"),
        ]),
    );
    scenario(
        "connected during an announcement",
        QUEUE,
        &queued(&[
            (31_000, Input::Due, "play zh-CN/wait"),
            (32_000, left(ItemExit::Connected), "q>connected"),
            (33_000, PLAYED, ""),
        ]),
    );
}

#[test]
fn a_key_takes_the_caller_out_of_the_queue() {
    scenario(
        "a key takes him out",
        QUEUE,
        &queued(&[
            (2_000, Input::Digit('2'), ""),
            (3_000, Input::Digit('1'), "unqueue"),
            (3_001, Input::Digit('1'), ""),
            (3_002, left(ItemExit::Withdrawn), "q>1, play zh-CN/key"),
        ]),
    );
    scenario(
        "a key, but an agent was faster",
        QUEUE,
        &queued(&[
            (31_000, Input::Due, "play zh-CN/wait"),
            (32_000, Input::Digit('1'), "stop, unqueue"),
            (32_001, left(ItemExit::Connected), "q>connected"),
        ]),
    );
}

#[test]
fn a_contact_enters_only_so_many_queues() {
    let mut run = run("nodes:\n  a: {answer: , next: q}\n  q: {queue: s, full: q, failed: hangup}\n");
    run.handle(Input::Start, at(0));
    for _ in 1..QUEUE_VISITS {
        drain(&mut run);
        run.handle(left(ItemExit::Full), at(0));
    }
    assert_eq!(drain(&mut run), "q>full, queue s at 0");
    run.handle(left(ItemExit::Full), at(0));
    assert_eq!(drain(&mut run), "q>full, q>failed, hangup FlowEnded, ended");
}

const DIAL: &str = "
on_hangup: note
nodes:
  d:
    dial: \"{{to == '9000' ? '1001' : ''}}\"
    ring: 20s
    after: back
    busy: busy
    no_answer: silent
    failed: failed
  back: {dial: \"{{digits}}\", failed: failed}
  busy: {hangup: busy}
  silent: {hangup: rejected}
  failed: {hangup: not-found}
  note: {set: {data.left: \"yes\"}, next: hangup}
";

#[test]
fn dial_leaves_by_every_exit() {
    let dialled = (0, Input::Start, "dial 1001 for 20s");
    scenario(
        "somebody answers and hangs up",
        DIAL,
        &[
            dialled.clone(),
            (5_000, Input::DialEnded(DialResult::Connected), "d>connected"),
            (9_000, Input::AgentSideEnded, "d>after, back>failed, failed>hangup, hangup NotFound, ended"),
        ],
    );
    for (result, expected) in [
        (DialResult::Busy, "d>busy, busy>hangup, hangup Busy, ended"),
        (DialResult::NoAnswer, "d>no_answer, silent>hangup, hangup Rejected, ended"),
        (DialResult::Failed, "d>failed, failed>hangup, hangup NotFound, ended"),
    ] {
        scenario("an exit", DIAL, &[dialled.clone(), (5_000, Input::DialEnded(result), expected)]);
    }
    scenario(
        "he leaves",
        DIAL,
        &[
            dialled.clone(),
            (5_000, Input::CustomerLeft, "d>customer_left, set left=yes, note>next, ended"),
            (5_000, Input::DialEnded(DialResult::Failed), ""),
        ],
    );
    scenario(
        "he leaves in the talk",
        DIAL,
        &[
            dialled,
            (5_000, Input::DialEnded(DialResult::Connected), "d>connected"),
            (5_000, Input::CustomerLeft, "set left=yes, note>next, ended"),
        ],
    );
}

#[test]
fn a_run_without_end_is_ended() {
    let mut run = run("nodes:\n  a: {answer: , next: p}\n  p: {play: p, next: p}\n");
    run.handle(Input::Start, at(0));
    for _ in 0..FLOW_STEPS - 2 {
        run.handle(missing(), at(0));
        assert_eq!(drain(&mut run).split(", ").last(), Some("play zh-CN/p"));
    }
    run.handle(PLAYED, at(0));
    assert_eq!(drain(&mut run), "p>next, too many steps, ended");
    assert_eq!((run.node(), run.deadline(), run.is_ended()), (None, None, true));
}

#[test]
fn only_so_many_keys_are_held() {
    let mut run = run(&COLLECT.replace("max: 4", "max: 32"));
    run.handle(Input::Start, at(0));
    (0..DIGITS_HELD).for_each(|_| run.handle(Input::Digit('1'), at(1)));
    "2#".chars().for_each(|digit| run.handle(Input::Digit(digit), at(2)));
    assert_eq!(run.held.len(), DIGITS_HELD);
    assert_eq!((run.held.front(), run.held.back()), (Some(&'1'), Some(&'#')));
}

fn any_input() -> impl Strategy<Value = Input> {
    let item_exit = prop_oneof![
        4 => Just(ItemExit::Connected),
        1 => Just(ItemExit::CallerLeft),
        1 => Just(ItemExit::TimedOut),
        1 => Just(ItemExit::Full),
        1 => Just(ItemExit::NoAgent),
        1 => Just(ItemExit::Withdrawn),
    ];
    let result = prop_oneof![
        Just(DialResult::Connected),
        Just(DialResult::Busy),
        Just(DialResult::NoAnswer),
        Just(DialResult::Failed)
    ];
    prop_oneof![
        4 => Just(Input::Start),
        20 => prop::char::range('!', 'E').prop_map(Input::Digit),
        10 => prop::sample::select(vec!['1', '2', '*', '#']).prop_map(Input::Digit),
        20 => Just(PLAYED),
        3 => Just(missing()),
        10 => item_exit.prop_map(Input::QueueLeft),
        10 => result.prop_map(Input::DialEnded),
        10 => Just(Input::AgentSideEnded),
        2 => Just(Input::Taken),
        2 => Just(Input::SentOn),
        20 => Just(Input::Due),
        1 => Just(Input::CustomerLeft),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_a_run_stays_within_its_bounds_and_ends_once(
        which in 0..6usize,
        steps in prop::collection::vec((any_input(), 0..9_000i64), 0..300),
    ) {
        let round = QUEUE.replace("hangup", "p");
        let mut run = run([MENU, COLLECT, BRANCH, QUEUE, DIAL, &round][which]);
        let (mut ms, mut entered, mut ended) = (0, 0, 0);
        let inputs = steps.into_iter().chain([(Input::CustomerLeft, 0), (PLAYED, 0), (Input::CustomerLeft, 0)]);
        for (input, pause) in inputs {
            ms += pause;
            run.handle(input, at(ms));
            while let Some(output) = run.poll() {
                prop_assert_eq!(ended, 0, "{:?} after the end", output);
                entered += usize::from(matches!(output, Output::Trace { .. }));
                ended += usize::from(output == Output::Ended);
            }
            prop_assert!(run.held.len() <= DIGITS_HELD && run.steps <= FLOW_STEPS && run.visits <= QUEUE_VISITS);
        }
        prop_assert_eq!(ended, 1);
        // A node is traced at most three times: when somebody is connected or he is taken, and when it is left; and once
        // more for each taking.
        prop_assert!(entered <= 3 * FLOW_STEPS + 300);
    }
}
