//! Menu and collect: say something, take digits, say it again when they do not come.
//! Owns what was entered in this node and how often it was said. Leaves the digits held before and after to the run.

use super::super::model::{Ask, Collect, Menu, Node, NodeNo, Target};
use super::super::words::Output;
use super::{Run, State, Step};
use crate::base::{Now, Time};

/// A menu or collect that waits for the caller.
#[derive(Clone, Debug)]
pub struct Asking {
    pub node: NodeNo,
    /// How often it was said again.
    again: u32,
    entered: String,
    phase: Phase,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The end of the sounds is reported before `until`, or sound is broken.
    Speaking { until: Time },
    /// For the first digit or the next one.
    Listening { until: Time },
}

impl Asking {
    pub fn until(&self) -> Time {
        match self.phase {
            Phase::Speaking { until } | Phase::Listening { until } => until,
        }
    }
}

/// Which of the two it is.
#[derive(Clone, Copy)]
pub enum Rule<'f> {
    Menu(&'f Menu),
    Collect(&'f Collect),
}

/// What a digit, or its absence, means.
enum Verdict {
    More,
    Done { exit: String, target: Target },
    Bad(Fault),
}

#[derive(Clone, Copy)]
enum Fault {
    NoInput,
    Invalid,
}

impl<'f> Rule<'f> {
    /// None for nodes that ask nothing.
    pub fn of(node: &'f Node) -> Option<Self> {
        match node {
            Node::Menu(menu) => Some(Self::Menu(menu)),
            Node::Collect(collect) => Some(Self::Collect(collect)),
            Node::Answer { .. }
            | Node::Play(_)
            | Node::Say(_)
            | Node::Branch(_)
            | Node::Set(_)
            | Node::Queue(_)
            | Node::Dial(_)
            | Node::Hangup { .. } => None,
        }
    }

    fn ask(self) -> &'f Ask {
        match self {
            Self::Menu(menu) => &menu.ask,
            Self::Collect(collect) => &collect.ask,
        }
    }

    fn press(self, entered: &mut String, digit: char) -> Verdict {
        match self {
            Self::Menu(menu) => match menu.keys.get(&digit) {
                Some(target) => {
                    entered.push(digit);
                    Verdict::Done { exit: digit.to_string(), target: *target }
                }
                None => Verdict::Bad(Fault::Invalid),
            },
            Self::Collect(collect) if collect.end_key == Some(digit) => {
                if entered.len() < collect.min {
                    Verdict::Bad(Fault::Invalid)
                } else {
                    next(collect)
                }
            }
            Self::Collect(collect) => {
                entered.push(digit);
                if entered.len() < collect.max { Verdict::More } else { next(collect) }
            }
        }
    }

    /// No digit came in time.
    fn silence(self, entered: &str) -> Verdict {
        match self {
            Self::Menu(_) => Verdict::Bad(Fault::NoInput),
            Self::Collect(collect) if entered.len() >= collect.min => next(collect),
            Self::Collect(_) if entered.is_empty() => Verdict::Bad(Fault::NoInput),
            Self::Collect(_) => Verdict::Bad(Fault::Invalid),
        }
    }

    /// How long to wait for a digit after these.
    fn listening(self, entered: &str, now: Now) -> Phase {
        let patience = match self {
            Self::Collect(collect) if !entered.is_empty() => collect.between,
            Self::Menu(_) | Self::Collect(_) => self.ask().timeout,
        };
        Phase::Listening { until: now.t + patience }
    }
}

fn next(collect: &Collect) -> Verdict {
    Verdict::Done { exit: "next".to_owned(), target: collect.next }
}

impl Run {
    /// Enters the node. Digits that came before answer it before it is said, unless it must be heard.
    pub(super) fn ask(&mut self, node: NodeNo, rule: Rule, now: Now) -> Step {
        let ask = rule.ask();
        if ask.clear {
            self.held.clear();
        }
        let asking = |until| Asking { node, again: 0, entered: String::new(), phase: Phase::Speaking { until } };
        if ask.barge && !self.held.is_empty() {
            return self.consume(asking(now.t), rule, now);
        }
        let until = self.say(&ask.sounds, now);
        self.state = State::Asking(asking(until));
        Step::Wait
    }

    /// A digit was added to those held.
    pub(super) fn pressed(&mut self, rule: Rule, now: Now) -> Step {
        let State::Asking(asking) = &self.state else { return Step::Wait };
        let asking = asking.clone();
        match asking.phase {
            Phase::Speaking { .. } if !rule.ask().barge => return Step::Wait,
            Phase::Speaking { .. } => self.outputs.push_back(Output::StopPlay),
            Phase::Listening { .. } => {}
        }
        self.consume(asking, rule, now)
    }

    /// The sounds have ended. One that is missing changes nothing: the caller may know what to press.
    pub(super) fn said(&mut self, rule: Rule, now: Now) -> Step {
        let State::Asking(asking) = &self.state else { return Step::Wait };
        match asking.phase {
            Phase::Speaking { .. } => self.consume(asking.clone(), rule, now),
            // Stopped by a digit, it may still report its end.
            Phase::Listening { .. } => Step::Wait,
        }
    }

    /// Its deadline has come: nobody pressed anything, or nobody reported that the sounds have ended. For the latter he
    /// is not kept waiting; he may know what to press.
    pub(super) fn overdue(&mut self, rule: Rule, now: Now) -> Step {
        let State::Asking(asking) = &self.state else { return Step::Wait };
        match asking.phase {
            Phase::Speaking { .. } => {
                self.outputs.push_back(Output::StopPlay);
                self.said(rule, now)
            }
            Phase::Listening { .. } => self.silence(rule, now),
        }
    }

    fn silence(&mut self, rule: Rule, now: Now) -> Step {
        let State::Asking(asking) = &self.state else { return Step::Wait };
        let asking = asking.clone();
        match rule.silence(&asking.entered) {
            Verdict::More => Step::Wait,
            Verdict::Done { exit, target } => self.done(asking, exit, target),
            Verdict::Bad(fault) => self.say_again(asking, rule, fault, now),
        }
    }

    fn consume(&mut self, mut asking: Asking, rule: Rule, now: Now) -> Step {
        while let Some(digit) = self.held.pop_front() {
            match rule.press(&mut asking.entered, digit) {
                Verdict::More => {}
                Verdict::Done { exit, target } => return self.done(asking, exit, target),
                Verdict::Bad(fault) => return self.say_again(asking, rule, fault, now),
            }
        }
        asking.phase = rule.listening(&asking.entered, now);
        self.state = State::Asking(asking);
        Step::Wait
    }

    fn done(&mut self, asking: Asking, exit: String, target: Target) -> Step {
        self.digits = asking.entered;
        Step::Leave { exit, target }
    }

    /// Digits after a wrong one followed the same wrong plan: they go.
    fn say_again(&mut self, asking: Asking, rule: Rule, fault: Fault, now: Now) -> Step {
        self.held.clear();
        let ask = rule.ask();
        let (first, exit, target) = match fault {
            Fault::NoInput => (&ask.no_input_sounds, "no_input", ask.no_input),
            Fault::Invalid => (&ask.invalid_sounds, "invalid", ask.invalid),
        };
        if asking.again >= ask.repeat {
            self.digits.clear();
            return Step::leave(exit, target);
        }
        let sounds: Vec<_> = first.iter().chain(&ask.sounds).cloned().collect();
        let until = self.say(&sounds, now);
        let (node, again) = (asking.node, asking.again + 1);
        self.state = State::Asking(Asking { node, again, entered: String::new(), phase: Phase::Speaking { until } });
        Step::Wait
    }
}
