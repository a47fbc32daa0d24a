//! A script for a flow: what a caller does and what must come of it, without a server (`cordboard flow test`).
//! Owns the words of the script and playing it against the real run, with a clock that only `wait` moves. Leaves reading
//! files to `cli`. In: the script's name and text, the flow. Out: the way through the nodes, line by line, and what was
//! expected in vain.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::model::Flow;
use super::run::Run;
use super::words::{DialResult, Input, Output, Subject};
use crate::base::{FlowNo, Now, Span, Time, Utc};
use crate::config::{Item, Place, Problem, Problems, yaml};
use crate::event::words::ItemExit;
use crate::media::words::Clip;

/// A flow's file and the callers that try it.
#[derive(Debug)]
pub struct Script {
    /// Path of the flow's file, from the script's folder.
    pub flow: String,
    name: String,
    text: String,
    tests: Vec<Test>,
}

/// What came of playing a script.
#[derive(Debug)]
pub struct Played {
    /// For people: each test with the nodes it went through.
    pub path: String,
    pub tests: usize,
    /// At most one per test: after it the rest of its steps means nothing.
    pub failures: Vec<Problem>,
}

#[derive(Debug)]
struct Test {
    name: String,
    subject: Subject,
    steps: Vec<(Place, Step)>,
}

#[derive(Debug)]
enum Step {
    Press(String),
    /// What plays has been heard to its end.
    Heard,
    Wait(Span),
    Queue(ItemExit),
    Dial(DialResult),
    /// The agent or dialled party hangs up.
    TalkOver,
    HangUp,
    /// The node he is in, `hangup` or `return`.
    Expect(String),
    /// The sounds asked for last: library keys, and texts as they are spoken.
    Plays(Vec<String>),
    /// Attached data has these values.
    Data(Vec<(String, String)>),
}

const STEPS: [&str; 10] = ["press", "heard", "wait", "queue", "dial", "talk", "caller", "expect", "plays", "data"];
const QUEUE_ENDS: [(&str, ItemExit); 5] = [
    ("connected", ItemExit::Connected),
    ("timed-out", ItemExit::TimedOut),
    ("full", ItemExit::Full),
    ("no-agent", ItemExit::NoAgent),
    ("withdrawn", ItemExit::Withdrawn),
];
const DIAL_ENDS: [(&str, DialResult); 4] = [
    ("connected", DialResult::Connected),
    ("busy", DialResult::Busy),
    ("no-answer", DialResult::NoAnswer),
    ("failed", DialResult::Failed),
];
/// What `expect` calls a run that is over.
const OVER: &str = "hangup";
/// And one that gave the caller back.
const RETURNED: &str = "return";

/// Reads a script; a bad one is refused whole.
pub fn load(name: &str, text: &str) -> Result<Script, Vec<Problem>> {
    let mut problems = Problems::new(name, text);
    let root = yaml(text, &mut problems);
    let script = root.and_then(|root| script(&Item::root(&root), &mut problems));
    let script = script.map(|(flow, tests)| Script { flow, name: name.to_owned(), text: text.to_owned(), tests });
    problems.finish(script)
}

fn script(root: &Item, problems: &mut Problems) -> Option<(String, Vec<Test>)> {
    let fields = root.fields(&["flow", "tests"], problems)?;
    let flow = fields.need("flow", "flow: ../main.yaml", problems)?.text(problems)?.to_owned();
    let tests = fields.need("tests", "tests: [{name: he hangs up, steps: [caller: leaves]}]", problems)?;
    let tests: Vec<Test> = tests.list(problems).iter().filter_map(|item| test(item, problems)).collect();
    Some((flow, tests))
}

fn test(item: &Item, problems: &mut Problems) -> Option<Test> {
    let fields = item.fields(&["name", "from", "to", "language", "data", "steps"], problems)?;
    let name = fields.need("name", "name: a caller who wants to be served", problems)?.text(problems)?.to_owned();
    let mut text = |key: &str, otherwise: &str| {
        let given = fields.get(key).and_then(|item| item.text(problems));
        given.unwrap_or(otherwise).to_owned()
    };
    let (from, to, language) = (text("from", "+861012345678"), text("to", "9000"), text("language", "en-US"));
    let data = fields.get("data").map_or(Vec::new(), |item| pairs(&item, problems));
    let data: Map<String, Value> = data.into_iter().map(|(key, value)| (key, Value::String(value))).collect();
    let steps = fields.need("steps", "steps: [press: \"1\"]", problems)?;
    let steps = steps.list(problems).iter().filter_map(|item| Some((item.at(), step(item, problems)?))).collect();
    Some(Test { name, subject: Subject { flow: FlowNo(1), from, to, language, data }, steps })
}

fn pairs(item: &Item, problems: &mut Problems) -> Vec<(String, String)> {
    let named = item.named(problems);
    named.iter().filter_map(|(key, item)| Some((key.name.clone(), item.text(problems)?.to_owned()))).collect()
}

fn step(item: &Item, problems: &mut Problems) -> Option<Step> {
    let fields = item.fields(&STEPS, problems)?;
    let said: Vec<Item> = STEPS.iter().filter_map(|word| fields.get(word)).collect();
    let [value] = said.as_slice() else {
        problems.add(item.at(), "a step says one thing", "write one of its words, such as `- press: \"1\"`");
        return None;
    };
    let word = value.path.rsplit('.').next().unwrap_or_default();
    let end = [("end", ())];
    Some(match word {
        "press" => Step::Press(value.read("keys of a phone", "write `\"12#\"`", problems, keys)?),
        "heard" => value.one_of(&end, problems).map(|()| Step::Heard)?,
        "wait" => Step::Wait(value.span(Span::ZERO..=Span::hours(24), problems)?),
        "queue" => Step::Queue(value.one_of(&QUEUE_ENDS, problems)?),
        "dial" => Step::Dial(value.one_of(&DIAL_ENDS, problems)?),
        "talk" => value.one_of(&end, problems).map(|()| Step::TalkOver)?,
        "caller" => value.one_of(&[("leaves", ())], problems).map(|()| Step::HangUp)?,
        "expect" => Step::Expect(value.text(problems)?.to_owned()),
        "plays" => {
            let sounds = value.list(problems);
            Step::Plays(sounds.iter().filter_map(|s| s.text(problems).map(str::to_owned)).collect())
        }
        _ => Step::Data(pairs(value, problems)),
    })
}

fn keys(text: &str) -> Option<String> {
    text.chars().all(|c| matches!(c, '0'..='9' | '*' | '#' | 'A'..='D')).then(|| text.to_owned())
}

impl Script {
    /// Plays every test against a run of this flow.
    pub fn play(&self, flow: &Arc<Flow>) -> Played {
        let problems = Problems::new(&self.name, &self.text);
        let mut played = Played { path: String::new(), tests: self.tests.len(), failures: Vec::new() };
        for test in &self.tests {
            let mut stage = Stage::new(Arc::clone(flow), test.subject.clone());
            stage.lines = format!("{}\n", test.name);
            stage.tell(Input::Start);
            let failed = test.steps.iter().find_map(|(at, step)| Some((*at, stage.step(step).err()?)));
            played.path.push_str(&stage.lines);
            if let Some((at, (message, hint))) = failed {
                played.failures.push(problems.problem(at, format!("{}: {message}", test.name), hint));
            }
        }
        played
    }
}

/// What was not as expected, and what to look at.
type Mismatch = (String, String);

/// One caller in one run.
struct Stage {
    run: Run,
    t: Time,
    plays: Vec<String>,
    /// It gave the caller back.
    returned: bool,
    lines: String,
}

impl Stage {
    fn new(flow: Arc<Flow>, subject: Subject) -> Self {
        Self { run: Run::new(flow, subject), t: Time(0), plays: Vec::new(), returned: false, lines: String::new() }
    }

    fn step(&mut self, step: &Step) -> Result<(), Mismatch> {
        match step {
            Step::Press(keys) => keys.chars().for_each(|key| self.tell(Input::Digit(key))),
            Step::Heard => self.tell(Input::PlayEnded { missing: None }),
            Step::Wait(span) => self.wait(*span),
            Step::Queue(exit) => self.tell(Input::QueueLeft(*exit)),
            Step::Dial(result) => self.tell(Input::DialEnded(*result)),
            Step::TalkOver => self.tell(Input::AgentSideEnded),
            Step::HangUp => self.tell(Input::CustomerLeft),
            Step::Expect(node) => {
                let is = self.run.node().unwrap_or(if self.returned { RETURNED } else { OVER });
                let hint = "the way there is printed above; change the flow, or what is expected";
                return same(node, is, || (format!("he should be in `{node}` and is in `{is}`"), hint.to_owned()));
            }
            Step::Plays(sounds) => {
                let (wanted, is) = (sounds.join(", "), self.plays.join(", "));
                let hint = "name the library's keys, `en-US/welcome`, or the text that is spoken";
                return same(&wanted, &is, || (format!("he should hear `{wanted}` and hears `{is}`"), hint.to_owned()));
            }
            Step::Data(pairs) => return pairs.iter().try_for_each(|(key, value)| self.has(key, value)),
        }
        Ok(())
    }

    fn has(&self, key: &str, value: &str) -> Result<(), Mismatch> {
        let is = self.run.subject().data.get(key).and_then(Value::as_str).unwrap_or_default();
        same(value, is, || (format!("`data.{key}` should be `{value}` and is `{is}`"), "see its `set`".to_owned()))
    }

    /// Deadlines come when they are due.
    fn wait(&mut self, span: Span) {
        let until = self.t + span;
        while let Some(due) = self.run.deadline().filter(|due| *due <= until) {
            self.t = due;
            self.tell(Input::Due);
        }
        self.t = until;
    }

    fn tell(&mut self, input: Input) {
        self.run.handle(input, Now { t: self.t, wall: Utc(0) });
        while let Some(output) = self.run.poll() {
            let said = match output {
                Output::Trace { node, exit } => format!("{node} -> {exit}"),
                Output::Play { sounds } => {
                    self.plays = sounds.into_iter().map(named).collect();
                    format!("  plays {}", self.plays.join(", "))
                }
                Output::Queue { to, .. } => format!("  waits for `{to}`"),
                Output::Dial { to, ring } => format!("  dials {to} for {ring}"),
                Output::Set { key, value } => format!("  data.{key} = {value}"),
                Output::TooManySteps => "  too many steps".to_owned(),
                Output::Return => {
                    self.returned = true;
                    continue;
                }
                Output::Answer | Output::StopPlay | Output::Unqueue | Output::Hangup { .. } | Output::Ended => continue,
            };
            self.lines.push_str(&format!("{:>8}  {said}\n", self.t.since(Time(0)).to_string()));
        }
    }
}

/// A sound as a script names it.
fn named(clip: Clip) -> String {
    match clip {
        Clip::Library(key) | Clip::Recording { file: key, .. } => key,
        Clip::Speech { text, .. } => text,
    }
}

fn same(wanted: &str, is: &str, otherwise: impl FnOnce() -> Mismatch) -> Result<(), Mismatch> {
    if wanted == is { Ok(()) } else { Err(otherwise()) }
}

#[cfg(test)]
mod tests {
    use super::super::load::Known;
    use super::*;
    use crate::config::print;

    const MAIN: &str = include_str!("../../dialplans/main.yaml");
    const SHIPPED: &str = include_str!("../../dialplans/tests/main.yaml");
    const PAGE: &str = include_str!("../../docs/flows.md");

    fn flow(text: &str) -> Arc<Flow> {
        Arc::new(super::super::load("main.yaml", text, &Known::default()).unwrap_or_else(|p| panic!("{}", print(&p))))
    }

    fn played(text: &str) -> Played {
        load("tests/main.yaml", text).unwrap_or_else(|problems| panic!("{}", print(&problems))).play(&flow(MAIN))
    }

    #[test]
    fn the_flow_that_ships_does_what_its_script_says() {
        let played = played(SHIPPED);
        assert_eq!(print(&played.failures), "", "{}", played.path);
        assert!(played.tests >= 5);
    }

    #[test]
    fn the_example_with_text_does_what_its_script_says() {
        let (flow, script) =
            (include_str!("../../dialplans/examples/order.yaml"), include_str!("../../dialplans/tests/order.yaml"));
        let flow =
            super::super::load("order.yaml", flow, &Known::default()).unwrap_or_else(|p| panic!("{}", print(&p)));
        let played = load("tests/order.yaml", script).unwrap_or_else(|p| panic!("{}", print(&p))).play(&Arc::new(flow));
        assert_eq!(print(&played.failures), "", "{}", played.path);
        assert_eq!(played.tests, 3);
    }

    #[test]
    fn the_example_of_the_page_holds() {
        let example = PAGE.split("```yml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
        let played = played(example);
        assert_eq!((print(&played.failures), played.tests), (String::new(), 1), "{}", played.path);
    }

    #[test]
    fn what_is_expected_in_vain_is_told_with_its_place() {
        let script = "flow: ../main.yaml\ntests:\n  - name: hours\n    steps:\n      - heard: end\n      - press: \"2\"\n\
                      \x20     - expect: main\n      - expect: goodbye\n  - name: away\n    steps:\n      - caller: leaves\n\
                      \x20     - expect: hangup\n      - plays: [en-US/goodbye]\n";
        let played = played(script);
        let expected = "error: hours: he should be in `main` and is in `hours`\n  --> tests/main.yaml:7:9\n   |  \
            - expect: main\nhint: the way there is printed above; change the flow, or what is expected\n\n\
            error: away: he should hear `en-US/goodbye` and hears `en-US/welcome`\n  --> tests/main.yaml:13:9\n   |  \
            - plays: [en-US/goodbye]\nhint: name the library's keys, `en-US/welcome`, or the text that is spoken\n";
        assert_eq!(print(&played.failures), expected);
        let way = "hours\n     0ms  hello -> next\n     0ms    plays en-US/welcome\n     0ms  welcome -> next\n";
        assert!(played.path.starts_with(way), "{}", played.path);
    }

    #[test]
    fn a_script_that_says_nothing_clear_is_refused() {
        let script = "flow: a\ntests:\n  - name: x\n    steps:\n      - pres: \"1\"\n      - press: \"x\"\n      - {wait: 5s, heard: end}\n";
        let said = print(&load("s.yaml", script).expect_err("three mistakes"));
        for line in ["s.yaml:5:9", "s.yaml:6:16", "s.yaml:7:9"] {
            assert!(said.contains(line), "{line}: {said}");
        }
    }
}
