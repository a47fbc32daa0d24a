//! A flow as a value: its nodes, their exits, and what each of them is told.
//! Owns the closed list of node kinds and which exits each has. Leaves reading to `load`, running to `run`, expressions to
//! `expression`. Immutable after loading and shared as `Arc<Flow>`: a running call finishes on its version.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;

use super::expression::{Expression, Template};
use crate::base::Span;
use crate::config::Problem;
use crate::event::words::EndCause;

/// One file of `dialplans/`, complete and checked.
#[derive(Debug)]
pub struct Flow {
    /// The file's name without folder and ending.
    pub key: String,
    /// The first 12 hexadecimal digits of the text's SHA-256.
    pub version: String,
    /// Spoken whatever the caller's language; absent: the contact's.
    pub language: Option<String>,
    pub start: NodeNo,
    /// By name, in the order of the file.
    pub nodes: IndexMap<String, Node>,
    /// Runs without sound when the customer leaves.
    pub on_hangup: Option<NodeNo>,
    /// How long the sounds of the library last, by key. `None`: not known when the flow was loaded.
    pub lengths: Option<Arc<BTreeMap<String, Span>>>,
    /// What does not make the flow wrong, but is hardly meant: nodes that no exit leads to.
    pub warnings: Vec<Problem>,
}

/// A node's place in [`Flow::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeNo(pub usize);

/// Where an exit leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Node(NodeNo),
    /// The word `hangup`, which no node can have as its name.
    Hangup,
    /// The word `return`: the caller goes back to whoever sent him into the flow. With nobody there it is as `hangup`.
    Return,
}

/// A sound as the flow names it.
#[derive(Clone, Debug)]
pub enum Sound {
    /// A key without a slash: below the folder of the language spoken.
    Spoken(String),
    /// A key with a slash: the library's own, as `music/default` or `en-US/welcome`.
    Fixed(String),
    /// Text for a voice.
    Text(Arc<Text>),
}

/// What a voice says.
#[derive(Debug)]
pub struct Text {
    pub text: Template,
    /// Absent: the language spoken.
    pub language: Option<String>,
}

impl Sound {
    pub fn new(key: &str) -> Self {
        if key.contains('/') { Self::Fixed(key.to_owned()) } else { Self::Spoken(key.to_owned()) }
    }

    /// The key in the sound library; text has none.
    pub fn library_key(&self, language: &str) -> Option<String> {
        match self {
            Self::Spoken(key) => Some(format!("{language}/{key}")),
            Self::Fixed(key) => Some(key.clone()),
            Self::Text(_) => None,
        }
    }
}

/// What a flow can do. A node whose act can fail has a failure exit.
#[derive(Debug)]
pub enum Node {
    Answer {
        next: Target,
    },
    Play(Play),
    /// As `play`, of one text.
    Say(Play),
    Menu(Menu),
    Collect(Collect),
    Branch(Branch),
    Set(Set),
    Queue(Queue),
    Dial(Dial),
    Hangup {
        cause: EndCause,
    },
}

#[derive(Debug)]
pub struct Play {
    pub sounds: Vec<Sound>,
    /// A digit ends it; digits that came before skip it.
    pub barge: bool,
    pub next: Target,
    /// A sound is not in the library, or a text cannot be spoken.
    pub failed: Target,
}

/// What menu and collect share: say something, wait for digits, say it again when they do not come.
#[derive(Debug)]
pub struct Ask {
    pub sounds: Vec<Sound>,
    /// Said before the sounds are said again.
    pub no_input_sounds: Vec<Sound>,
    pub invalid_sounds: Vec<Sound>,
    /// A digit ends the sounds.
    pub barge: bool,
    /// Forget digits that came before.
    pub clear: bool,
    /// From the end of the sounds to the first digit.
    pub timeout: Span,
    /// How often the sounds are said again.
    pub repeat: u32,
    /// Nothing was pressed in the last try.
    pub no_input: Target,
    /// What was pressed in the last try means nothing here.
    pub invalid: Target,
}

/// One digit chooses.
#[derive(Debug)]
pub struct Menu {
    pub ask: Ask,
    pub keys: BTreeMap<char, Target>,
}

/// Several digits are gathered.
#[derive(Debug)]
pub struct Collect {
    pub ask: Ask,
    pub min: usize,
    pub max: usize,
    /// Ends the input and is no part of it.
    pub end_key: Option<char>,
    /// From one digit to the next.
    pub between: Span,
    pub next: Target,
}

#[derive(Debug)]
pub struct Branch {
    /// The first that is true is taken.
    pub arms: Vec<(Expression, Target)>,
    pub otherwise: Target,
    /// A condition could not be computed, for example because data is absent.
    pub failed: Target,
}

#[derive(Debug)]
pub struct Set {
    /// Done in order.
    pub values: Vec<(Variable, Template)>,
    pub next: Target,
    /// A value could not be computed, or the attached data is full.
    pub failed: Target,
}

/// What a flow may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// A field of the contact's attached data.
    Data(String),
    /// The language spoken from here on.
    Language,
}

/// Whom a caller waits for, by the site's ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// The first agent of any of these; of several who are ready one of the group named first.
    Groups(Vec<String>),
    /// This agent and nobody else.
    Agent(String),
}

/// As flows and their traces name them.
impl std::fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Groups(groups) => f.write_str(&groups.join(", ")),
            Self::Agent(agent) => write!(f, "agent {agent}"),
        }
    }
}

#[derive(Debug)]
pub struct Queue {
    pub to: WaitsFor,
    pub priority: i32,
    pub wait_max: Option<Span>,
    pub announce: Option<Announce>,
    /// Digits that take the caller out of the queue.
    pub keys: BTreeMap<char, Target>,
    /// The agent's side has ended and the customer is still there.
    pub after: Target,
    pub timeout: Target,
    pub full: Target,
    pub no_agent: Target,
    pub failed: Target,
}

/// Said again and again over the music.
#[derive(Debug)]
pub struct Announce {
    pub sounds: Vec<Sound>,
    pub every: Span,
}

#[derive(Debug)]
pub struct Dial {
    pub to: Template,
    pub ring: Span,
    pub after: Target,
    pub busy: Target,
    pub no_answer: Target,
    pub failed: Target,
}

impl Node {
    /// Everything it may say.
    fn sounds(&self) -> Vec<&Sound> {
        match self {
            Self::Play(play) | Self::Say(play) => play.sounds.iter().collect(),
            Self::Menu(Menu { ask, .. }) | Self::Collect(Collect { ask, .. }) => {
                [&ask.sounds, &ask.no_input_sounds, &ask.invalid_sounds].into_iter().flatten().collect()
            }
            Self::Queue(queue) => queue.announce.iter().flat_map(|announce| &announce.sounds).collect(),
            Self::Answer { .. } | Self::Branch(_) | Self::Set(_) | Self::Dial(_) | Self::Hangup { .. } => Vec::new(),
        }
    }

    /// The word that makes it in the file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Answer { .. } => "answer",
            Self::Play(_) => "play",
            Self::Say(_) => "say",
            Self::Menu(_) => "menu",
            Self::Collect(_) => "collect",
            Self::Branch(_) => "branch",
            Self::Set(_) => "set",
            Self::Queue(_) => "queue",
            Self::Dial(_) => "dial",
            Self::Hangup { .. } => "hangup",
        }
    }

    /// Time passes in it. A round of nodes that do not wait would never end.
    pub fn waits(&self) -> bool {
        match self {
            Self::Play(_) | Self::Say(_) | Self::Menu(_) | Self::Collect(_) | Self::Queue(_) | Self::Dial(_) => true,
            Self::Answer { .. } | Self::Branch(_) | Self::Set(_) | Self::Hangup { .. } => false,
        }
    }

    /// The customer hears something in it, so he must have been answered.
    pub fn speaks(&self) -> bool {
        match self {
            Self::Play(_) | Self::Say(_) | Self::Menu(_) | Self::Collect(_) | Self::Queue(_) => true,
            Self::Dial(_) | Self::Answer { .. } | Self::Branch(_) | Self::Set(_) | Self::Hangup { .. } => false,
        }
    }

    /// Every way out, by the names that the trace shows.
    pub fn exits(&self) -> Vec<(String, Target)> {
        let named = |pairs: &[(&str, Target)]| pairs.iter().map(|(n, t)| ((*n).to_owned(), *t)).collect::<Vec<_>>();
        let keyed = |keys: &BTreeMap<char, Target>| keys.iter().map(|(k, t)| (k.to_string(), *t)).collect::<Vec<_>>();
        let asked = |ask: &Ask| named(&[("no_input", ask.no_input), ("invalid", ask.invalid)]);
        match self {
            Self::Answer { next } => named(&[("next", *next)]),
            Self::Play(play) | Self::Say(play) => named(&[("next", play.next), ("failed", play.failed)]),
            Self::Menu(menu) => [keyed(&menu.keys), asked(&menu.ask)].concat(),
            Self::Collect(collect) => [named(&[("next", collect.next)]), asked(&collect.ask)].concat(),
            Self::Branch(branch) => {
                let arms = branch.arms.iter().enumerate().map(|(i, (_, t))| (arm_name(i), *t)).collect();
                [arms, named(&[("else", branch.otherwise), ("failed", branch.failed)])].concat()
            }
            Self::Set(set) => named(&[("next", set.next), ("failed", set.failed)]),
            Self::Queue(queue) => {
                let Queue { after, timeout, full, no_agent, failed, .. } = queue;
                let rest = [("timeout", *timeout), ("full", *full), ("no_agent", *no_agent), ("failed", *failed)];
                [named(&[(AFTER, *after)]), keyed(&queue.keys), named(&rest)].concat()
            }
            Self::Dial(Dial { after, busy, no_answer, failed, .. }) => {
                named(&[(AFTER, *after), ("busy", *busy), ("no_answer", *no_answer), ("failed", *failed)])
            }
            Self::Hangup { .. } => Vec::new(),
        }
    }
}

/// The exit of what was done as it should be.
pub const NEXT: &str = "next";
/// The exit of queue and dial that is taken when the talk is over.
pub const AFTER: &str = "after";

/// The name of a branch's exit: `if_1` is its first condition.
pub fn arm_name(index: usize) -> String {
    format!("if_{}", index + 1)
}

impl Flow {
    /// The groups whose queues its nodes name, each once, in the order of the file.
    pub fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for node in self.nodes.values() {
            let Node::Queue(Queue { to: WaitsFor::Groups(ids), .. }) = node else { continue };
            for id in ids.iter().map(String::as_str) {
                if !groups.contains(&id) {
                    groups.push(id);
                }
            }
        }
        groups
    }

    /// The flow that says one text to whoever is there and hangs up.
    pub fn saying(text: &str, language: Option<String>) -> Self {
        let text = Sound::Text(Arc::new(Text { text: Template::plain(text), language }));
        let play = Play { sounds: vec![text], barge: false, next: Target::Hangup, failed: Target::Hangup };
        Self {
            key: String::new(),
            version: String::new(),
            language: None,
            start: NodeNo(0),
            nodes: [("say".to_owned(), Node::Say(play))].into_iter().collect(),
            on_hangup: None,
            lengths: None,
            warnings: Vec::new(),
        }
    }

    /// Whether it can give its caller back to whoever sent him: an exit leads to `return`.
    pub fn returns(&self) -> bool {
        self.nodes.values().any(|node| node.exits().iter().any(|(_, target)| *target == Target::Return))
    }

    /// Whether any node has text for a voice.
    pub fn needs_voice(&self) -> bool {
        self.nodes.values().flat_map(Node::sounds).any(|sound| matches!(sound, Sound::Text(_)))
    }

    /// Proven by the loader: numbers of nodes come from this flow's own list.
    pub fn node(&self, no: NodeNo) -> (&str, &Node) {
        let (name, node) = self.nodes.get_index(no.0).expect("the loader numbers only nodes of this flow");
        (name, node)
    }
}
