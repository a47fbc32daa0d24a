//! A flow file to a checked [`Flow`]: which keys a node has, where its exits lead, which sounds and groups it names.
//! Owns the words of the file and the complaints about them. Leaves the shape of the graph to `check`, expressions to
//! `expression`, reading of the file to `drive`. In: name, text, what exists around it. Out: a whole flow, or all problems.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use sha2::{Digest, Sha256};

use super::check;
use super::expression::{Expression, Refused, Template};
use super::model::{
    Announce, Ask, Branch, Collect, Dial, Flow, Menu, Node, NodeNo, Play, Queue, Set, Sound, Target, Variable,
};
use crate::base::Span;
use crate::base::bounds::FLOW_NODES;
use crate::config::{Fields, Item, Key, Place, Problem, Problems, Value, did_you_mean, nearest, yaml};
use crate::event::words::EndCause;

/// What exists around a flow. `None`: not known here, so not checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Keys of the sound library without ending, as `en-US/welcome` and `music/default`.
    pub sounds: Option<BTreeSet<String>>,
    /// The languages of the tenants and numbers that may run the flow.
    pub languages: BTreeSet<String>,
    /// Ids of the tenant's groups.
    pub groups: Option<BTreeSet<String>>,
}

/// Reads and checks one flow. `name` is the file's, its stem becomes the flow's key. A bad file is refused whole.
pub fn load(name: &str, text: &str, known: &Known) -> Result<Flow, Vec<Problem>> {
    let mut problems = Problems::new(name, text);
    let Some(root) = yaml(text, &mut problems) else { return Err(problems.into_vec()) };
    let root = Item::root(&root);
    let mut loader = Loader { known, problems, names: IndexMap::new(), sounds: Vec::new(), languages: Vec::new() };
    let draft = loader.flow(&root);
    let places: Vec<Place> = loader.names.values().copied().collect();
    let mut problems = loader.problems;
    let Some(mut flow) = draft.filter(|_| problems.is_empty()) else { return Err(problems.into_vec()) };
    check::graph(&flow, &places, &mut problems);
    flow.warnings = check::unreachable(&flow, &places, &problems);
    (flow.key, flow.version) = (stem(name).to_owned(), version(text));
    problems.finish(Some(flow))
}

/// `dialplans/main.yaml` is the flow `main`.
fn stem(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.split_once('.').map_or(file, |(stem, _)| stem)
}

fn version(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// The word that makes a node, and which keys may stand beside it.
#[derive(Clone, Copy)]
struct Kind {
    verb: Verb,
    word: &'static str,
    keys: &'static [&'static str],
}

#[derive(Clone, Copy)]
enum Verb {
    Answer,
    Play,
    Menu,
    Collect,
    Branch,
    Set,
    Queue,
    Dial,
    Hangup,
}

const KINDS: [Kind; 9] = [
    Kind { verb: Verb::Answer, word: "answer", keys: &["answer", "next"] },
    Kind { verb: Verb::Play, word: "play", keys: &["play", "barge", "next", "failed"] },
    Kind { verb: Verb::Menu, word: "menu", keys: &MENU_KEYS },
    Kind { verb: Verb::Collect, word: "collect", keys: &COLLECT_KEYS },
    Kind { verb: Verb::Branch, word: "branch", keys: &["branch", "else", "failed"] },
    Kind { verb: Verb::Set, word: "set", keys: &["set", "next", "failed"] },
    Kind { verb: Verb::Queue, word: "queue", keys: &QUEUE_KEYS },
    Kind { verb: Verb::Dial, word: "dial", keys: &["dial", "ring", "after", "busy", "no_answer", "failed"] },
    Kind { verb: Verb::Hangup, word: "hangup", keys: &["hangup"] },
];
const MENU_KEYS: [&str; 10] =
    ["menu", "keys", "timeout", "repeat", "barge", "clear", "no_input_sounds", "invalid_sounds", "no_input", "invalid"];
const COLLECT_KEYS: [&str; 14] = [
    "collect",
    "min",
    "max",
    "end_key",
    "between",
    "timeout",
    "repeat",
    "barge",
    "clear",
    "no_input_sounds",
    "invalid_sounds",
    "next",
    "no_input",
    "invalid",
];
const QUEUE_KEYS: [&str; 10] =
    ["queue", "priority", "wait_max", "announce", "keys", "after", "timeout", "full", "no_agent", "failed"];

/// The exit that is no node: the caller is released, or `on_hangup` ends.
const HANGUP: &str = "hangup";
const DIGITS: &str = "0123456789*#ABCD";
/// Digits that a collect can gather at most.
const COLLECT_MAX: u32 = 32;
/// Times a menu or collect says its sounds again at most.
const REPEAT_MAX: u32 = 10;
const PRIORITY: std::ops::RangeInclusive<i64> = -100..=100;

struct Loader<'k, 't> {
    known: &'k Known,
    problems: Problems<'t>,
    /// Every node of the file and where it is written; the index is its number.
    names: IndexMap<String, Place>,
    /// Sounds and languages the flow names, checked when all of them are known.
    sounds: Vec<(Place, Sound)>,
    languages: Vec<(Place, String)>,
}

impl Loader<'_, '_> {
    fn flow(&mut self, root: &Item) -> Option<Flow> {
        let fields = root.fields(&["language", "start", "on_hangup", "nodes"], &mut self.problems)?;
        let nodes = fields.need("nodes", "nodes: {hello: {answer: , next: hangup}}", &mut self.problems)?;
        let nodes = nodes.named(&mut self.problems);
        for (key, _) in &nodes {
            self.declare(key);
        }
        if nodes.is_empty() || nodes.len() > FLOW_NODES {
            let message = format!("`nodes` has {} nodes, it must have 1 to {FLOW_NODES}", nodes.len());
            self.problems.add(fields.at, message, "write one node per step of the call");
            return None;
        }
        let start = fields.get("start").map_or(Some(NodeNo(0)), |item| self.node_no(&item));
        let on_hangup = fields.get("on_hangup").and_then(|item| self.node_no(&item));
        let language = fields.get("language").and_then(|item| self.language(&item));
        let read: Vec<_> = nodes.iter().map(|(key, item)| (key.name.clone(), self.node(key, item))).collect();
        self.check_sounds(language.as_deref());
        let nodes: Option<IndexMap<_, _>> = read.into_iter().map(|(name, node)| Some((name, node?))).collect();
        let (key, version, warnings) = (String::new(), String::new(), Vec::new());
        Some(Flow { key, version, language, start: start?, nodes: nodes?, on_hangup, warnings })
    }

    fn declare(&mut self, key: &Key) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if key.name.is_empty() || !key.name.chars().all(plain) {
            let message = format!("`{}` cannot be the name of a node", key.name);
            self.problems.add(key.at, message, "use letters, digits, `_` and `-`");
        }
        if key.name == HANGUP {
            let message = "a node cannot be called `hangup`: that word is the exit that hangs up";
            self.problems.add(key.at, message, "call it `goodbye`, or remove it");
        }
        self.names.insert(key.name.clone(), key.at);
    }

    fn node(&mut self, key: &Key, item: &Item) -> Option<Node> {
        let Value::Map(entries) = &item.node.value else {
            item.fields(&["play", "menu", "next"], &mut self.problems)?;
            return None;
        };
        let has = |word: &str| entries.iter().any(|(key, _)| key.name == word);
        let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| has(kind.word)).collect();
        match kinds.as_slice() {
            [kind] => {
                let fields = item.fields(kind.keys, &mut self.problems)?;
                let act = fields.get(kind.word)?;
                self.verb(kind.verb, &act, &fields)
            }
            [] => {
                let words = KINDS.iter().map(|kind| kind.word);
                let slip = entries.iter().find(|(key, _)| nearest(&key.name, words.clone()).is_some());
                let hint = did_you_mean(slip.map_or("", |(key, _)| &key.name), words);
                let at = slip.map_or(key.at, |(key, _)| key.at);
                self.problems.add(at, format!("node `{}` does not say what it does", key.name), hint);
                None
            }
            [first, second, ..] => {
                let message = format!("node `{}` says both `{}` and `{}`", key.name, first.word, second.word);
                self.problems.add(key.at, message, "make a node of each and lead from one to the other with `next`");
                None
            }
        }
    }

    fn verb(&mut self, verb: Verb, act: &Item, fields: &Fields) -> Option<Node> {
        match verb {
            Verb::Answer => self.answer(act, fields),
            Verb::Play => self.play(act, fields),
            Verb::Menu => self.menu(act, fields),
            Verb::Collect => self.collect(act, fields),
            Verb::Branch => self.branch(act, fields),
            Verb::Set => self.set(act, fields),
            Verb::Queue => self.queue(act, fields),
            Verb::Dial => self.dial(act, fields),
            Verb::Hangup => self.hangup(act),
        }
    }

    /// `answer:` stands alone.
    fn nothing(&mut self, act: &Item) {
        if act.node.value != Value::Null {
            let message = format!("`{}` takes no value", act.path);
            self.problems.add(act.at(), message, "leave out what follows the colon");
        }
    }

    fn answer(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        self.nothing(act);
        Some(Node::Answer { next: self.exit(fields, "next")? })
    }

    fn play(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        let sounds = self.sounds(act);
        let barge = self.flag(fields, "barge", true);
        let next = self.exit(fields, "next");
        let failed = self.exit_or(fields, "failed", next);
        Some(Node::Play(Play { sounds: sounds?, barge: barge?, next: next?, failed: failed? }))
    }

    fn menu(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        let ask = self.ask(act, fields);
        let keys = match fields.need("keys", "keys: {1: hangup}", &mut self.problems) {
            Some(item) => self.keys(&item),
            None => BTreeMap::new(),
        };
        Some(Node::Menu(Menu { ask: ask?, keys }))
    }

    fn collect(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
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

    fn end_key(&mut self, item: &Item) -> Option<Option<char>> {
        let read = |text: &str| if text == "none" { Some(None) } else { one_digit(text).map(Some) };
        item.read("one digit or `none`", "write `end_key: \"#\"`", &mut self.problems, read)
    }

    fn ask(&mut self, act: &Item, fields: &Fields) -> Option<Ask> {
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

    fn branch(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
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

    fn set(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
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

    fn queue(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        let group = act.text(&mut self.problems);
        if let (Some(group), Some(groups)) = (group, &self.known.groups)
            && !groups.contains(group)
        {
            let hint = did_you_mean(group, groups.iter().map(String::as_str));
            self.problems.add(act.at(), format!("there is no group `{group}`"), hint);
        }
        let priority = fields.get("priority").map_or(Some(0), |item| self.priority(&item));
        let wait_max = fields.get("wait_max");
        let wait_max = wait_max.and_then(|item| item.span(Span::seconds(1)..=Span::hours(4), &mut self.problems));
        let announce = fields.get("announce").and_then(|item| self.announce(&item));
        let keys = fields.get("keys").map_or(BTreeMap::new(), |item| self.keys(&item));
        let failed = self.exit(fields, "failed");
        let after = self.exit_or(fields, "after", Some(Target::Hangup));
        let [timeout, full, no_agent] = ["timeout", "full", "no_agent"].map(|key| self.exit_or(fields, key, failed));
        let group = group?.to_owned();
        let (priority, after, failed) = (priority?, after?, failed?);
        let (timeout, full, no_agent) = (timeout?, full?, no_agent?);
        let queue = Queue { group, priority, wait_max, announce, keys, after, timeout, full, no_agent, failed };
        Some(Node::Queue(queue))
    }

    fn priority(&mut self, item: &Item) -> Option<i32> {
        if let Value::Integer(n) = item.node.value
            && PRIORITY.contains(&n)
        {
            return i32::try_from(n).ok();
        }
        let message = format!("`{}` must be a number from {} to {}", item.path, PRIORITY.start(), PRIORITY.end());
        self.problems.add(item.at(), message, "write digits, without quotes; a higher number comes first");
        None
    }

    fn announce(&mut self, item: &Item) -> Option<Announce> {
        let fields = item.fields(&["sounds", "every"], &mut self.problems)?;
        let sounds = fields.need("sounds", "sounds: thank-you-for-waiting", &mut self.problems);
        let sounds = sounds.and_then(|item| self.sounds(&item));
        let every = self.span(&fields, "every", Span::seconds(30), Span::seconds(5), Span::minutes(10));
        Some(Announce { sounds: sounds?, every: every? })
    }

    fn dial(&mut self, act: &Item, fields: &Fields) -> Option<Node> {
        let to = self.compile(act, Template::compile);
        let ring = self.span(fields, "ring", Span::seconds(30), Span::seconds(5), Span::minutes(3));
        let failed = self.exit(fields, "failed");
        let after = self.exit_or(fields, "after", Some(Target::Hangup));
        let [busy, no_answer] = ["busy", "no_answer"].map(|key| self.exit_or(fields, key, failed));
        let (after, busy, no_answer, failed) = (after?, busy?, no_answer?, failed?);
        Some(Node::Dial(Dial { to: to?, ring: ring?, after, busy, no_answer, failed }))
    }

    fn hangup(&mut self, act: &Item) -> Option<Node> {
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

/// What several kinds of nodes have.
impl Loader<'_, '_> {
    fn exit(&mut self, fields: &Fields, key: &str) -> Option<Target> {
        let item = fields.need(key, format!("{key}: hangup"), &mut self.problems)?;
        self.target(&item)
    }

    fn exit_or(&mut self, fields: &Fields, key: &str, absent: Option<Target>) -> Option<Target> {
        fields.get(key).map_or(absent, |item| self.target(&item))
    }

    fn target(&mut self, item: &Item) -> Option<Target> {
        if item.node.value == Value::Text(HANGUP.to_owned()) {
            return Some(Target::Hangup);
        }
        self.node_no(item).map(Target::Node)
    }

    fn node_no(&mut self, item: &Item) -> Option<NodeNo> {
        let name = item.text(&mut self.problems)?;
        if let Some(index) = self.names.get_index_of(name) {
            return Some(NodeNo(index));
        }
        let names = self.names.keys().map(String::as_str);
        let hint = match nearest(name, names.clone()) {
            Some(near) => format!("did you mean `{near}` (line {})?", self.names[near].line),
            None => did_you_mean(name, names.chain([HANGUP])),
        };
        let message = format!("`{}` names node `{name}`, which this flow does not have", item.path);
        self.problems.add(item.at(), message, hint);
        None
    }

    fn keys(&mut self, item: &Item) -> BTreeMap<char, Target> {
        let mut keys = BTreeMap::new();
        for (key, item) in item.named(&mut self.problems) {
            let digit = one_digit(&key.name);
            if digit.is_none() {
                let message = format!("`{}` is no key of a phone", key.name);
                self.problems.add(key.at, message, "write one of `0` to `9`, `\"*\"`, `\"#\"`, `A` to `D`");
            }
            keys.extend(digit.zip(self.target(&item)));
        }
        if item.node.value == Value::Map(Vec::new()) {
            self.problems.add(item.at(), format!("`{}` is empty", item.path), "name a key and a node: `1: support`");
        }
        keys
    }

    fn flag(&mut self, fields: &Fields, key: &str, absent: bool) -> Option<bool> {
        fields.get(key).map_or(Some(absent), |item| item.bool(&mut self.problems))
    }

    fn span(&mut self, fields: &Fields, key: &str, absent: Span, min: Span, max: Span) -> Option<Span> {
        fields.get(key).map_or(Some(absent), |item| item.span(min..=max, &mut self.problems))
    }

    /// One key or a list of them.
    fn sounds(&mut self, item: &Item) -> Option<Vec<Sound>> {
        let items = match &item.node.value {
            Value::List(_) => item.list(&mut self.problems),
            _ => vec![item.clone()],
        };
        let mut sounds = Vec::new();
        for item in &items {
            let sound = Sound::new(item.text(&mut self.problems)?);
            self.sounds.push((item.at(), sound.clone()));
            sounds.push(sound);
        }
        if sounds.is_empty() {
            self.problems.add(item.at(), format!("`{}` is empty", item.path), "name a sound");
        }
        Some(sounds)
    }

    fn language(&mut self, item: &Item) -> Option<String> {
        let text = item.text(&mut self.problems)?;
        if text.contains("{{") {
            let message = format!("`{}` cannot be computed", item.path);
            self.problems.add(item.at(), message, "name the language, and `branch` to one `set` for each");
            return None;
        }
        self.languages.push((item.at(), text.to_owned()));
        Some(text.to_owned())
    }

    /// Text that becomes an expression or a template.
    fn compile<T>(&mut self, item: &Item, compile: fn(&str) -> Result<T, Refused>) -> Option<T> {
        let text = item.text(&mut self.problems)?;
        match compile(text) {
            Ok(compiled) => Some(compiled),
            Err(Refused { why, hint }) => {
                self.problems.add(item.at(), format!("`{}` {why}", item.path), hint);
                None
            }
        }
    }

    /// Each sound exists in each language in which it may be spoken.
    fn check_sounds(&mut self, flow_language: Option<&str>) {
        let Some(library) = &self.known.sounds else { return };
        let folders: BTreeSet<&str> = library.iter().filter_map(|key| key.split_once('/')).map(|(f, _)| f).collect();
        for (at, language) in &self.languages {
            if !folders.contains(language.as_str()) {
                let message = format!("there are no sounds in `{language}`");
                self.problems.add(*at, message, did_you_mean(language, folders.iter().copied()));
            }
        }
        let mut spoken: BTreeSet<&str> = self.languages.iter().map(|(_, language)| language.as_str()).collect();
        if flow_language.is_none() {
            spoken.extend(self.known.languages.iter().map(String::as_str));
        }
        spoken.retain(|language| folders.contains(language));
        for (at, sound) in &self.sounds {
            let keys: BTreeSet<String> = spoken.iter().map(|language| sound.library_key(language)).collect();
            for key in keys.iter().filter(|key| !library.contains(*key)) {
                let folder = key.split_once('/').map_or("", |(folder, _)| folder);
                let same_folder = library.iter().map(String::as_str).filter(|known| known.starts_with(folder));
                let hint = match nearest(key, same_folder) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("put the file into `sounds/{key}.wav`"),
                };
                self.problems.add(*at, format!("there is no sound `{key}`"), hint);
            }
        }
    }
}

fn one_digit(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|digit| chars.next().is_none() && DIGITS.contains(*digit))
}

fn variable(name: &str) -> Option<Variable> {
    if name == "language" {
        return Some(Variable::Language);
    }
    let field = name.strip_prefix("data.")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named = field.starts_with(|c: char| c.is_ascii_alphabetic()) && field.chars().all(plain);
    named.then(|| Variable::Data(field.to_owned()))
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
