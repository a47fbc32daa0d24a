//! A flow file to a checked [`Flow`]: which keys a node has, where its exits lead, which sounds and groups it names.
//! Owns the words of the file and the complaints about them: here the file and the kinds of nodes, in `nodes` each kind, in
//! `parts` what they share, in `check` the shape of the graph. Leaves expressions to `expression`, reading to `drive`.
//! In: name, text, what exists around it. Out: a whole flow, or all problems.

mod check;
mod nodes;
mod parts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;
use sha2::{Digest, Sha256};

use super::model::{Flow, Node, NodeNo, Sound};
use crate::base::Span;
use crate::base::bounds::FLOW_NODES;
use crate::config::{Fields, Item, Key, Place, Problem, Problems, Value, did_you_mean, nearest, yaml};

/// What exists around a flow. `None`: not known here, so not checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Keys of the sound library without ending, as `en-US/welcome` and `music/default`, and how long each lasts.
    pub sounds: Option<Arc<BTreeMap<String, Span>>>,
    /// The languages of the tenants and numbers that may run the flow.
    pub languages: BTreeSet<String>,
    /// Ids of the tenant's groups.
    pub groups: Option<BTreeSet<String>>,
    /// Ids of the tenant's agents.
    pub agents: Option<BTreeSet<String>>,
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
    Say,
    Menu,
    Collect,
    Branch,
    Set,
    Queue,
    Dial,
    Hangup,
}

const KINDS: [Kind; 10] = [
    Kind { verb: Verb::Answer, word: "answer", keys: &["answer", "next"] },
    Kind { verb: Verb::Play, word: "play", keys: &["play", "barge", "next", "failed"] },
    Kind { verb: Verb::Say, word: "say", keys: &["say", "barge", "next", "failed"] },
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
/// The other one: the caller goes back to whoever sent him.
const RETURN: &str = "return";

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
        let lengths = self.known.sounds.clone();
        Some(Flow { key, version, language, start: start?, nodes: nodes?, on_hangup, lengths, warnings })
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
        if key.name == RETURN {
            let message = "a node cannot be called `return`: that word is the exit that gives the caller back";
            self.problems.add(key.at, message, "call it `back`, or remove it");
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
            Verb::Say => self.say(act, fields),
            Verb::Menu => self.menu(act, fields),
            Verb::Collect => self.collect(act, fields),
            Verb::Branch => self.branch(act, fields),
            Verb::Set => self.set(act, fields),
            Verb::Queue => self.queue(act, fields),
            Verb::Dial => self.dial(act, fields),
            Verb::Hangup => self.hangup(act),
        }
    }
}

#[cfg(test)]
mod tests;
