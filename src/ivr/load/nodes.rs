//! One function per kind of node: which keys it has, in which ranges, what is absent from it.
//! Leaves exits, keys, sounds and expressions to `parts`. Reads all of a node before it gives up, to tell all of its mistakes.

use std::collections::{BTreeMap, BTreeSet};

use super::super::expression::{Expression, Template};
use super::super::model::{
    Announce, Ask, Branch, Collect, Dial, Menu, Node, Play, Queue, Set, Sound, Target, Variable, WaitsFor,
};
use super::Loader;
use super::parts::{one_digit, variable};
use crate::base::Span;
use crate::base::bounds::GROUPS_PER_ITEM;
use crate::config::{Fields, Item, Value, did_you_mean};
use crate::event::words::EndCause;

/// Digits that a collect can gather at most.
const COLLECT_MAX: u32 = 32;
/// Times a menu or collect says its sounds again at most.
const REPEAT_MAX: u32 = 10;
/// Steps of a caller's priority; a higher one comes first.
const PRIORITY: std::ops::RangeInclusive<i64> = -100..=100;

impl Loader<'_, '_> {
    /// `answer:` stands alone.
    pub(super) fn nothing(&mut self, act: &Item) {
        if act.node.value != Value::Null {
            let message = format!("`{}` takes no value", act.path);
            self.problems.add(act.at(), message, "leave out what follows the colon");
        }
    }

    pub(super) fn answer(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        self.nothing(act);
        Some(Node::Answer { next: self.exit(fields, "next")? })
    }

    pub(super) fn play(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        let sounds = self.sounds(act);
        self.heard(sounds, fields).map(Node::Play)
    }

    pub(super) fn say(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        let text = self.text(act);
        self.heard(text.map(|text| vec![text]), fields).map(Node::Say)
    }

    fn heard(&mut self, sounds: Option<Vec<Sound>>, fields: &Fields) -> Option<Play> {
        let barge = self.flag(fields, "barge", true);
        let next = self.exit(fields, "next");
        let failed = self.exit_or(fields, "failed", next);
        Some(Play { sounds: sounds?, barge: barge?, next: next?, failed: failed? })
    }

    pub(super) fn menu(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        let ask = self.ask(act, fields);
        let keys = match fields.need("keys", "keys: {1: hangup}", &mut self.problems) {
            Some(item) => self.keys(&item),
            None => BTreeMap::new(),
        };
        Some(Node::Menu(Menu { ask: ask?, keys }))
    }

    pub(super) fn collect(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        let ask = self.ask(act, fields);
        let min = fields.get("min").map_or(Some(1), |item| item.integer(0..=COLLECT_MAX, &mut self.problems));
        let max = fields.need("max", "max: 6", &mut self.problems);
        let max = max.and_then(|item| item.integer(1..=COLLECT_MAX, &mut self.problems).map(|n| (n, item.at())));
        let end_key = match fields.get("end_key") {
            None => Some(Some('#')),
            Some(item) => self.end_key(&item),
        };
        let between = self.span(fields, "between", Span::seconds(3), Span::millis(500), Span::seconds(30));
        let next = self.exit(fields, "next");
        let (min, (max, at)) = (min?, max?);
        if min > max {
            let message = format!("`min` is {min}, more than `max`, which is {max}");
            self.problems.add(at, message, "exchange them");
        }
        let (min, max) = (min as usize, max as usize);
        Some(Node::Collect(Collect { ask: ask?, min, max, end_key: end_key?, between: between?, next: next? }))
    }

    pub(super) fn end_key(&mut self, item: &Item) -> Option<Option<char>> {
        let read = |text: &str| if text == "none" { Some(None) } else { one_digit(text).map(Some) };
        item.read("one digit or `none`", "write `end_key: \"#\"`", &mut self.problems, read)
    }

    pub(super) fn ask(&mut self, act: &Item, fields: &Fields) -> Option<Ask> {
        let sounds = self.sounds(act);
        let again = |key, loader: &mut Self| fields.get(key).map_or(Some(Vec::new()), |item| loader.sounds(&item));
        let (no_input_sounds, invalid_sounds) = (again("no_input_sounds", self), again("invalid_sounds", self));
        let (barge, clear) = (self.flag(fields, "barge", true), self.flag(fields, "clear", false));
        let timeout = self.span(fields, "timeout", Span::seconds(5), Span::millis(500), Span::minutes(1));
        let repeat = fields.get("repeat").map_or(Some(2), |item| item.integer(0..=REPEAT_MAX, &mut self.problems));
        let (no_input, invalid) = (self.exit(fields, "no_input"), self.exit(fields, "invalid"));
        Some(Ask {
            sounds: sounds?,
            no_input_sounds: no_input_sounds?,
            invalid_sounds: invalid_sounds?,
            barge: barge?,
            clear: clear?,
            timeout: timeout?,
            repeat: repeat?,
            no_input: no_input?,
            invalid: invalid?,
        })
    }

    pub(super) fn branch(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        let mut arms = Vec::new();
        for item in act.list(&mut self.problems) {
            let Some(arm) = item.fields(&["if", "then"], &mut self.problems) else { continue };
            let condition = arm.need("if", "if: digits == \"1\"", &mut self.problems);
            let condition = condition.and_then(|item| self.compile(&item, Expression::compile));
            let then = self.exit(&arm, "then");
            arms.extend(condition.zip(then));
        }
        let otherwise = self.exit(fields, "else");
        let failed = self.exit_or(fields, "failed", otherwise);
        Some(Node::Branch(Branch { arms, otherwise: otherwise?, failed: failed? }))
    }

    pub(super) fn set(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        let mut values = Vec::new();
        for (key, item) in act.named(&mut self.problems) {
            let Some(variable) = variable(&key.name) else {
                let message = format!("`{}` cannot be set", key.name);
                self.problems.add(key.at, message, "set `language`, or a field of the contact's data: `data.reason`");
                continue;
            };
            if variable == Variable::Language && self.language(&item).is_none() {
                continue;
            }
            let value = self.compile(&item, Template::compile);
            values.extend(value.map(|value| (variable, value)));
        }
        let next = self.exit(fields, "next");
        let failed = self.exit_or(fields, "failed", next);
        Some(Node::Set(Set { values, next: next?, failed: failed? }))
    }

    pub(super) fn queue(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        let to = self.waits_for(act);
        let priority = fields.get("priority").map_or(Some(0), |item| self.priority(&item));
        let wait_max = fields.get("wait_max");
        let wait_max = wait_max.and_then(|item| item.span(Span::seconds(1)..=Span::hours(4), &mut self.problems));
        let announce = fields.get("announce").and_then(|item| self.announce(&item));
        let keys = fields.get("keys").map_or(BTreeMap::new(), |item| self.keys(&item));
        let failed = self.exit(fields, "failed");
        let after = self.exit_or(fields, "after", Some(Target::Hangup));
        let [timeout, full, no_agent] = ["timeout", "full", "no_agent"].map(|key| self.exit_or(fields, key, failed));
        let to = to?;
        let (priority, after, failed) = (priority?, after?, failed?);
        let (timeout, full, no_agent) = (timeout?, full?, no_agent?);
        let queue = Queue { to, priority, wait_max, announce, keys, after, timeout, full, no_agent, failed };
        Some(Node::Queue(queue))
    }

    /// A group's id alone, or a map that names several groups or one agent.
    fn waits_for(&mut self, act: &Item) -> Option<WaitsFor> {
        let known = self.known;
        let Value::Map(keys) = &act.node.value else {
            return Some(WaitsFor::Groups(vec![self.id_of(act, "group", known.groups.as_ref())?]));
        };
        let fields = act.fields(&["groups", "agent"], &mut self.problems)?;
        match (fields.get("groups"), fields.get("agent")) {
            (Some(groups), None) => self.groups(&groups),
            (None, Some(agent)) => self.id_of(&agent, "agent", known.agents.as_ref()).map(WaitsFor::Agent),
            (Some(_), Some(_)) => {
                let message = format!("`{}` names both `groups` and `agent`", act.path);
                self.problems.add(act.at(), message, "the caller waits for the one or for the other");
                None
            }
            (None, None) => {
                // Of a key that is not known it has been told.
                if keys.is_empty() {
                    let hint = "write `{groups: [support, sales]}` or `{agent: ana}`";
                    self.problems.add(act.at(), format!("`{}` names nobody", act.path), hint);
                }
                None
            }
        }
    }

    fn groups(&mut self, item: &Item) -> Option<WaitsFor> {
        let known = self.known.groups.as_ref();
        let items = item.list(&mut self.problems);
        if items.is_empty() || items.len() > GROUPS_PER_ITEM {
            let message = format!("`{}` names {} groups, it must name 1 to {GROUPS_PER_ITEM}", item.path, items.len());
            self.problems.add(item.at(), message, "write `queue: support` for a single group");
            return None;
        }
        let mut groups: Vec<String> = Vec::new();
        for item_of in &items {
            let group = self.id_of(item_of, "group", known)?;
            if groups.contains(&group) {
                let message = format!("`{}` names `{group}` twice", item.path);
                self.problems.add(item_of.at(), message, "name each group once");
            }
            groups.push(group);
        }
        Some(WaitsFor::Groups(groups))
    }

    /// The id of an object of the site, which must exist where the site is known.
    fn id_of(&mut self, item: &Item, what: &str, known: Option<&BTreeSet<String>>) -> Option<String> {
        let id = item.text(&mut self.problems)?;
        if let Some(known) = known.filter(|known| !known.contains(id)) {
            let hint = did_you_mean(id, known.iter().map(String::as_str));
            self.problems.add(item.at(), format!("there is no {what} `{id}`"), hint);
        }
        Some(id.to_owned())
    }

    pub(super) fn priority(&mut self, item: &Item) -> Option<i32> {
        if let Value::Integer(n) = item.node.value
            && PRIORITY.contains(&n)
        {
            return i32::try_from(n).ok();
        }
        let message = format!("`{}` must be a number from {} to {}", item.path, PRIORITY.start(), PRIORITY.end());
        self.problems.add(item.at(), message, "write digits, without quotes; a higher number comes first");
        None
    }

    pub(super) fn announce(&mut self, item: &Item) -> Option<Announce> {
        let fields = item.fields(&["sounds", "every"], &mut self.problems)?;
        let sounds = fields.need("sounds", "sounds: thank-you-for-waiting", &mut self.problems);
        let sounds = sounds.and_then(|item| self.sounds(&item));
        let every = self.span(&fields, "every", Span::seconds(30), Span::seconds(5), Span::minutes(10));
        Some(Announce { sounds: sounds?, every: every? })
    }

    pub(super) fn dial(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        let to = self.compile(act, Template::compile);
        let ring = self.span(fields, "ring", Span::seconds(30), Span::seconds(5), Span::minutes(3));
        let failed = self.exit(fields, "failed");
        let after = self.exit_or(fields, "after", Some(Target::Hangup));
        let [busy, no_answer] = ["busy", "no_answer"].map(|key| self.exit_or(fields, key, failed));
        let (after, busy, no_answer, failed) = (after?, busy?, no_answer?, failed?);
        Some(Node::Dial(Dial { to: to?, ring: ring?, after, busy, no_answer, failed }))
    }

    pub(super) fn hangup(&mut self, act: &Item) -> Option<Node> {
        const CAUSES: [(&str, EndCause); 4] = [
            ("normal", EndCause::FlowEnded),
            ("busy", EndCause::Busy),
            ("rejected", EndCause::Rejected),
            ("not-found", EndCause::NotFound),
        ];
        let cause = match act.node.value {
            Value::Null => EndCause::FlowEnded,
            _ => act.one_of(&CAUSES, &mut self.problems)?,
        };
        Some(Node::Hangup { cause })
    }
}
