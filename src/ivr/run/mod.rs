//! One run of a flow for one contact: where it stands, what it waits for, what it asks for.
//! Owns the position, the digits and the flow's view of the attached data. Leaves sound, queueing and dialling to whoever
//! carries out its outputs. In: [`Input`] and the time. Out: [`Output`] until `None`, and one deadline.
//!
//! While the contact waits in a queue, rings somebody or talks, the run is suspended in its `queue` or `dial` node.

mod ask;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::expression::{NoValue, Scope};
use super::model::{AFTER, Branch, Dial, Flow, Node, NodeNo, Play, Queue, Set, Sound, Target, Variable, arm_name};
use super::words::{DialResult, Input, Output, Subject};
use crate::base::bounds::{
    ATTACHED_DATA_BYTES, CLIP_WAIT_MAX, DIGITS_HELD, FLOW_STEPS, PROMPT_MARGIN, QUEUE_VISITS, SOUND_MAX, SPEECH_CHARS,
    SPEECH_MAX,
};
use crate::base::{Now, Span, Time};
use crate::event::words::{EndCause, ItemExit};
use crate::media::words::Clip;
use ask::{Asking, Rule};

/// A flow run. Call `handle`, then `poll` until `None`; call `handle(Input::Due)` when `deadline` has come.
#[derive(Debug)]
pub struct Run {
    flow: Arc<Flow>,
    subject: Subject,
    /// Spoken now: the flow's own, else the contact's, until a `set` changes it.
    language: String,
    /// What the last menu or collect got.
    digits: String,
    /// Pressed, and not yet taken by a menu or collect.
    held: VecDeque<char>,
    /// Plays that held digits have skipped since the last input.
    skipped: BTreeSet<NodeNo>,
    /// Nodes entered.
    steps: usize,
    /// Queues entered.
    visits: usize,
    state: State,
    outputs: VecDeque<Output>,
}

#[derive(Debug)]
enum State {
    Idle,
    /// In a `play` or `say`. Its end is reported before `until`, or sound is broken.
    Playing {
        node: NodeNo,
        until: Time,
    },
    /// In a `menu` or `collect`.
    Asking(Asking),
    Queued {
        node: NodeNo,
        phase: QueuePhase,
    },
    Dialing {
        node: NodeNo,
    },
    /// The customer talks; `after` is where the flow goes on.
    Connected {
        node: NodeNo,
        after: Target,
    },
    Ended,
}

#[derive(Clone, Copy, Debug)]
enum QueuePhase {
    /// Music plays. The next announcement, if the node has one.
    Waiting {
        announce: Option<Time>,
    },
    Announcing {
        until: Time,
    },
    /// The caller pressed this key; the queue has not let him go yet.
    Leaving {
        key: char,
    },
}

impl QueuePhase {
    fn waiting(queue: &Queue, now: Now) -> Self {
        Self::Waiting { announce: queue.announce.as_ref().map(|announce| now.t + announce.every) }
    }
}

/// What came of entering a node, or of something that happened in it.
enum Step {
    Wait,
    Leave { exit: String, target: Target },
}

impl Step {
    fn leave(exit: &str, target: Target) -> Self {
        Self::Leave { exit: exit.to_owned(), target }
    }
}

/// The exit in the trace when the customer went away inside a node. No node can lead anywhere by it.
pub const CUSTOMER_LEFT: &str = "customer_left";
/// And when a person took him out of it.
pub const TAKEN: &str = "taken";

impl Run {
    pub fn new(flow: Arc<Flow>, subject: Subject) -> Self {
        let language = flow.language.clone().unwrap_or_else(|| subject.language.clone());
        Self {
            flow,
            subject,
            language,
            digits: String::new(),
            held: VecDeque::new(),
            skipped: BTreeSet::new(),
            steps: 0,
            visits: 0,
            state: State::Idle,
            outputs: VecDeque::new(),
        }
    }

    pub fn handle(&mut self, input: Input, now: Now) {
        self.skipped.clear();
        let flow = Arc::clone(&self.flow);
        let at = self.place().map(|no| (no, flow.node(no).1));
        match input {
            Input::Start => self.start(&flow, now),
            Input::CustomerLeft => self.customer_left(&flow),
            Input::Digit(digit) => {
                if let Some((no, node)) = at {
                    let step = self.digit(digit, node, now);
                    self.take(&flow, no, step, now);
                }
            }
            Input::PlayEnded { missing } => {
                if let Some((no, node)) = at {
                    let step = self.play_ended(missing.is_some(), node, now);
                    self.take(&flow, no, step, now);
                }
            }
            Input::QueueLeft(exit) => {
                if let Some((no, Node::Queue(queue))) = at {
                    let step = self.queue_left(exit, no, queue);
                    self.take(&flow, no, step, now);
                }
            }
            Input::DialEnded(result) => {
                if let Some((no, Node::Dial(dial))) = at {
                    let step = self.dial_ended(result, no, dial);
                    self.take(&flow, no, step, now);
                }
            }
            Input::AgentSideEnded => {
                if let State::Connected { node, after } = self.state {
                    self.take(&flow, node, Step::leave(AFTER, after), now);
                }
            }
            Input::Taken => {
                if let Some((no, _)) = at {
                    self.taken_until(no, Target::Node(no));
                }
            }
            Input::SentOn => {
                if let Some((no, Node::Queue(queue))) = at {
                    self.taken_until(no, queue.after);
                }
            }
            Input::Due => {
                if let Some((no, node)) = at.filter(|_| self.deadline().is_some_and(|deadline| deadline <= now.t)) {
                    let step = self.due(node, now);
                    self.take(&flow, no, step, now);
                }
            }
        }
    }

    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call `handle(Input::Due)`.
    pub fn deadline(&self) -> Option<Time> {
        match &self.state {
            State::Asking(asking) => Some(asking.until()),
            State::Queued { phase: QueuePhase::Waiting { announce }, .. } => *announce,
            State::Queued { phase: QueuePhase::Announcing { until }, .. } | State::Playing { until, .. } => {
                Some(*until)
            }
            State::Queued { phase: QueuePhase::Leaving { .. }, .. } => None,
            State::Idle | State::Dialing { .. } | State::Connected { .. } | State::Ended => None,
        }
    }

    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// The node in which the run stands; none before its start and after its end.
    pub fn node(&self) -> Option<&str> {
        self.place().map(|no| self.flow.node(no).0)
    }

    pub fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    fn place(&self) -> Option<NodeNo> {
        match &self.state {
            State::Playing { node, .. }
            | State::Queued { node, .. }
            | State::Dialing { node }
            | State::Connected { node, .. } => Some(*node),
            State::Asking(asking) => Some(asking.node),
            State::Idle | State::Ended => None,
        }
    }

    fn start(&mut self, flow: &Flow, now: Now) {
        match self.state {
            State::Idle => self.go(flow, Target::Node(flow.start), now),
            State::Playing { .. }
            | State::Asking(_)
            | State::Queued { .. }
            | State::Dialing { .. }
            | State::Connected { .. }
            | State::Ended => {}
        }
    }

    /// Leaves `no` if the step says so, and runs on to the next node that waits.
    fn take(&mut self, flow: &Flow, no: NodeNo, step: Step, now: Now) {
        if let Step::Leave { exit, target } = step {
            self.trace(no, exit);
            self.go(flow, target, now);
        }
    }

    fn go(&mut self, flow: &Flow, mut target: Target, now: Now) {
        loop {
            let no = match target {
                Target::Node(no) => no,
                Target::Hangup => return self.hang_up(EndCause::FlowEnded),
                Target::Return => {
                    self.outputs.push_back(Output::Return);
                    return self.end();
                }
            };
            if !self.count_step() {
                return;
            }
            match self.enter(no, flow.node(no).1, now) {
                Step::Wait => return,
                Step::Leave { exit, target: next } => {
                    self.trace(no, exit);
                    target = next;
                }
            }
        }
    }

    /// False when the contact has run through as many nodes as it may: the run is over.
    fn count_step(&mut self) -> bool {
        if self.steps >= FLOW_STEPS {
            self.outputs.push_back(Output::TooManySteps);
            self.end();
            return false;
        }
        self.steps += 1;
        true
    }

    fn enter(&mut self, no: NodeNo, node: &Node, now: Now) -> Step {
        match node {
            Node::Answer { next } => {
                self.outputs.push_back(Output::Answer);
                Step::leave("next", *next)
            }
            Node::Play(play) | Node::Say(play) => self.enter_play(no, play, now),
            Node::Menu(menu) => self.ask(no, Rule::Menu(menu), now),
            Node::Collect(collect) => self.ask(no, Rule::Collect(collect), now),
            Node::Branch(branch) => self.branch(branch),
            Node::Set(set) => self.set(set),
            Node::Queue(queue) => self.enter_queue(no, queue, now),
            Node::Dial(dial) => self.enter_dial(no, dial),
            Node::Hangup { cause } => {
                self.trace(no, "hangup".to_owned());
                self.hang_up(*cause);
                Step::Wait
            }
        }
    }

    /// Held digits skip it, but not twice on the same way: what no menu takes would skip a round of plays for ever.
    fn enter_play(&mut self, no: NodeNo, play: &Play, now: Now) -> Step {
        if play.barge && !self.held.is_empty() {
            if self.skipped.insert(no) {
                return Step::leave("next", play.next);
            }
            self.held.clear();
        }
        let Ok(clips) = play.sounds.iter().map(|sound| self.clip(sound)).collect::<Result<Vec<_>, _>>() else {
            return Step::leave("failed", play.failed);
        };
        let until = self.play(clips.into_iter().flatten().collect(), now);
        self.state = State::Playing { node: no, until };
        Step::Wait
    }

    /// Digits pressed so far were meant for what was heard before the queue.
    fn enter_queue(&mut self, no: NodeNo, queue: &Queue, now: Now) -> Step {
        self.held.clear();
        if self.visits >= QUEUE_VISITS {
            return Step::leave("failed", queue.failed);
        }
        self.visits += 1;
        let (to, priority, wait_max) = (queue.to.clone(), queue.priority, queue.wait_max);
        self.outputs.push_back(Output::Queue { to, priority, wait_max });
        self.state = State::Queued { node: no, phase: QueuePhase::waiting(queue, now) };
        Step::Wait
    }

    fn enter_dial(&mut self, no: NodeNo, dial: &Dial) -> Step {
        self.held.clear();
        match dial.to.render(self.scope()) {
            Ok(to) if !to.is_empty() => {
                self.outputs.push_back(Output::Dial { to, ring: dial.ring });
                self.state = State::Dialing { node: no };
                Step::Wait
            }
            Ok(_) | Err(NoValue::Failed(_) | NoValue::WrongKind) => Step::leave("failed", dial.failed),
        }
    }

    fn branch(&self, branch: &Branch) -> Step {
        for (index, (condition, target)) in branch.arms.iter().enumerate() {
            match condition.truth(self.scope()) {
                Ok(true) => return Step::Leave { exit: arm_name(index), target: *target },
                Ok(false) => {}
                Err(NoValue::Failed(_) | NoValue::WrongKind) => return Step::leave("failed", branch.failed),
            }
        }
        Step::leave("else", branch.otherwise)
    }

    /// In order; what was set before a failure stays.
    fn set(&mut self, set: &Set) -> Step {
        for (variable, template) in &set.values {
            let Ok(value) = template.render(self.scope()) else {
                return Step::leave("failed", set.failed);
            };
            match variable {
                Variable::Language => self.language = value,
                Variable::Data(key) => {
                    if !self.attach(key, value) {
                        return Step::leave("failed", set.failed);
                    }
                }
            }
        }
        Step::leave("next", set.next)
    }

    /// False, and nothing changed, when the data would be larger than a contact may carry.
    fn attach(&mut self, key: &str, value: String) -> bool {
        let mut data = self.subject.data.clone();
        data.insert(key.to_owned(), serde_json::Value::String(value.clone()));
        let bytes = serde_json::Value::Object(data.clone()).to_string().len();
        if bytes > ATTACHED_DATA_BYTES {
            return false;
        }
        self.subject.data = data;
        self.outputs.push_back(Output::Set { key: key.to_owned(), value });
        true
    }

    fn scope(&self) -> Scope<'_> {
        let Subject { from, to, data, .. } = &self.subject;
        Scope { digits: &self.digits, from, to, language: &self.language, data }
    }

    fn digit(&mut self, digit: char, node: &Node, now: Now) -> Step {
        if !matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D') {
            return Step::Wait;
        }
        match &self.state {
            State::Playing { .. } => {
                self.hold(digit);
                let (Node::Play(play @ Play { barge: true, .. }) | Node::Say(play @ Play { barge: true, .. })) = node
                else {
                    return Step::Wait;
                };
                self.outputs.push_back(Output::StopPlay);
                Step::leave("next", play.next)
            }
            State::Asking(_) => {
                self.hold(digit);
                Rule::of(node).map_or(Step::Wait, |rule| self.pressed(rule, now))
            }
            State::Queued { node: no, phase } => {
                let (no, phase) = (*no, *phase);
                if matches!(node, Node::Queue(queue) if queue.keys.contains_key(&digit)) {
                    self.leave_queue(no, phase, digit);
                }
                Step::Wait
            }
            // Ringing and talking people press keys that are not meant for the flow.
            State::Idle | State::Dialing { .. } | State::Connected { .. } | State::Ended => Step::Wait,
        }
    }

    /// Full: the oldest digit goes.
    fn hold(&mut self, digit: char) {
        if self.held.len() == DIGITS_HELD {
            self.held.pop_front();
        }
        self.held.push_back(digit);
    }

    fn leave_queue(&mut self, no: NodeNo, phase: QueuePhase, key: char) {
        match phase {
            QueuePhase::Leaving { .. } => return,
            QueuePhase::Announcing { .. } => self.outputs.push_back(Output::StopPlay),
            QueuePhase::Waiting { .. } => {}
        }
        self.outputs.push_back(Output::Unqueue);
        self.state = State::Queued { node: no, phase: QueuePhase::Leaving { key } };
    }

    fn play_ended(&mut self, missing: bool, node: &Node, now: Now) -> Step {
        match &self.state {
            State::Playing { .. } => {
                let (Node::Play(play) | Node::Say(play)) = node else { return Step::Wait };
                if missing { Step::leave("failed", play.failed) } else { Step::leave("next", play.next) }
            }
            State::Asking(_) => Rule::of(node).map_or(Step::Wait, |rule| self.said(rule, now)),
            State::Queued { node: no, phase: QueuePhase::Announcing { .. } } => {
                let (no, Node::Queue(queue)) = (*no, node) else { return Step::Wait };
                self.state = State::Queued { node: no, phase: QueuePhase::waiting(queue, now) };
                Step::Wait
            }
            // A sound that was stopped may still report its end.
            State::Queued { phase: QueuePhase::Waiting { .. } | QueuePhase::Leaving { .. }, .. }
            | State::Idle
            | State::Dialing { .. }
            | State::Connected { .. }
            | State::Ended => Step::Wait,
        }
    }

    fn queue_left(&mut self, exit: ItemExit, no: NodeNo, queue: &Queue) -> Step {
        let State::Queued { phase, .. } = self.state else { return Step::Wait };
        let step = match (exit, phase) {
            (ItemExit::Connected, _) => {
                self.connected(no, queue.after);
                return Step::Wait;
            }
            // `CustomerLeft` follows and says what is to be done.
            (ItemExit::CallerLeft, _) => return Step::Wait,
            (
                ItemExit::TimedOut | ItemExit::Full | ItemExit::NoAgent | ItemExit::Withdrawn | ItemExit::Routed,
                QueuePhase::Leaving { key },
            ) => {
                let target = queue.keys.get(&key).copied().unwrap_or(queue.failed);
                Step::leave(&key.to_string(), target)
            }
            (ItemExit::TimedOut, QueuePhase::Waiting { .. } | QueuePhase::Announcing { .. }) => {
                Step::leave("timeout", queue.timeout)
            }
            (ItemExit::Full, QueuePhase::Waiting { .. } | QueuePhase::Announcing { .. }) => {
                Step::leave("full", queue.full)
            }
            (ItemExit::NoAgent, QueuePhase::Waiting { .. } | QueuePhase::Announcing { .. }) => {
                Step::leave("no_agent", queue.no_agent)
            }
            (ItemExit::Withdrawn | ItemExit::Routed, QueuePhase::Waiting { .. } | QueuePhase::Announcing { .. }) => {
                Step::leave("failed", queue.failed)
            }
        };
        if matches!(phase, QueuePhase::Announcing { .. }) {
            self.outputs.push_back(Output::StopPlay);
        }
        step
    }

    fn dial_ended(&mut self, result: DialResult, no: NodeNo, dial: &Dial) -> Step {
        let State::Dialing { .. } = self.state else { return Step::Wait };
        match result {
            DialResult::Connected => {
                self.connected(no, dial.after);
                Step::Wait
            }
            DialResult::Busy => Step::leave("busy", dial.busy),
            DialResult::NoAnswer => Step::leave("no_answer", dial.no_answer),
            DialResult::Failed => Step::leave("failed", dial.failed),
        }
    }

    fn connected(&mut self, node: NodeNo, after: Target) {
        self.trace(node, "connected".to_owned());
        self.state = State::Connected { node, after };
    }

    /// Its deadline has come.
    fn due(&mut self, node: &Node, now: Now) -> Step {
        match &self.state {
            // Nobody reported the end of the sound: media is broken, and the caller is not kept for it.
            State::Playing { .. } => {
                self.outputs.push_back(Output::StopPlay);
                self.play_ended(true, node, now)
            }
            State::Asking(_) => Rule::of(node).map_or(Step::Wait, |rule| self.overdue(rule, now)),
            State::Queued { phase: QueuePhase::Announcing { .. }, .. } => {
                self.outputs.push_back(Output::StopPlay);
                self.play_ended(true, node, now)
            }
            State::Queued { node: no, phase: QueuePhase::Waiting { .. } | QueuePhase::Leaving { .. } } => {
                let no = *no;
                if let Node::Queue(Queue { announce: Some(announce), .. }) = node {
                    let until = self.say(&announce.sounds, now);
                    self.state = State::Queued { node: no, phase: QueuePhase::Announcing { until } };
                }
                Step::Wait
            }
            State::Idle | State::Dialing { .. } | State::Connected { .. } | State::Ended => Step::Wait,
        }
    }

    /// Somebody else has the customer from now on. What he pressed so far was meant for what he heard.
    fn taken_until(&mut self, no: NodeNo, after: Target) {
        self.trace(no, TAKEN.to_owned());
        self.held.clear();
        self.state = State::Connected { node: no, after };
    }

    /// Runs `on_hangup`, whose nodes the loader has proven to be silent, and ends.
    fn customer_left(&mut self, flow: &Flow) {
        match (&self.state, self.place()) {
            (State::Ended, _) => return,
            (State::Connected { .. } | State::Idle, _) | (_, None) => {}
            (_, Some(no)) => self.trace(no, CUSTOMER_LEFT.to_owned()),
        }
        let mut target = flow.on_hangup.filter(|_| !matches!(self.state, State::Idle)).map(Target::Node);
        while let Some(Target::Node(no)) = target {
            if !self.count_step() {
                return;
            }
            let step = match flow.node(no).1 {
                Node::Branch(branch) => self.branch(branch),
                Node::Set(set) => self.set(set),
                Node::Answer { .. }
                | Node::Play(_)
                | Node::Say(_)
                | Node::Menu(_)
                | Node::Collect(_)
                | Node::Queue(_)
                | Node::Dial(_)
                | Node::Hangup { .. } => Step::leave("hangup", Target::Hangup),
            };
            target = None;
            if let Step::Leave { exit, target: next } = step {
                self.trace(no, exit);
                target = Some(next);
            }
        }
        self.end();
    }

    /// A sound as it is played here and now; text of nothing is no sound.
    fn clip(&self, sound: &Sound) -> Result<Option<Clip>, NoValue> {
        let text = match sound {
            Sound::Text(text) => text,
            Sound::Spoken(_) | Sound::Fixed(_) => return Ok(sound.library_key(&self.language).map(Clip::Library)),
        };
        let language = text.language.as_ref().unwrap_or(&self.language).clone();
        let text = text.text.render(self.scope())?.trim().to_owned();
        if text.chars().count() > SPEECH_CHARS {
            return Err(NoValue::Failed("it is too long to be spoken".to_owned()));
        }
        Ok((!text.is_empty()).then_some(Clip::Speech { language, text }))
    }

    /// As `play`, without the texts that cannot be computed: who is asked may know what to press.
    fn say(&mut self, sounds: &[Sound], now: Now) -> Time {
        let clips = sounds.iter().filter_map(|sound| self.clip(sound).ok().flatten()).collect();
        self.play(clips, now)
    }

    /// Answers when the end of these sounds should have been reported.
    fn play(&mut self, sounds: Vec<Clip>, now: Now) -> Time {
        let lengths = self.flow.lengths.as_deref();
        let length = |clip: &Clip| match clip {
            // One that is not in the library is reported as missing at once.
            Clip::Library(key) => lengths.and_then(|lengths| lengths.get(key)).map_or(0, |span| span.0),
            Clip::Speech { .. } => SPEECH_MAX.0 + CLIP_WAIT_MAX.0,
            Clip::Recording { from, to, .. } => (*to - *from).0.max(0) + CLIP_WAIT_MAX.0,
        };
        let unknown = lengths.is_none() && sounds.iter().any(|clip| matches!(clip, Clip::Library(_)));
        let length = sounds.iter().map(length).sum::<i64>() + if unknown { SOUND_MAX.0 } else { 0 };
        self.outputs.push_back(Output::Play { sounds });
        now.t + Span(length) + PROMPT_MARGIN
    }

    fn trace(&mut self, no: NodeNo, exit: String) {
        let node = self.flow.node(no).0.to_owned();
        self.outputs.push_back(Output::Trace { node, exit });
    }

    fn hang_up(&mut self, cause: EndCause) {
        self.outputs.push_back(Output::Hangup { cause });
        self.end();
    }

    fn end(&mut self) {
        self.outputs.push_back(Output::Ended);
        self.state = State::Ended;
    }
}

#[cfg(test)]
mod tests;
