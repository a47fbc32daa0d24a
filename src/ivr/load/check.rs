//! The shape of a flow: whether a caller can get lost in it.
//! Owns the rules about ways through the graph. Leaves the words of single nodes to `load`.
//! In: a flow whose exits all lead somewhere, and where its nodes are written. Out: problems.

use std::collections::BTreeSet;

use super::super::model::{AFTER, Flow, Node, NodeNo, Target};
use crate::config::{Place, Problem, Problems};

/// Rounds without waiting, sound before the answer, sound after the customer left.
pub fn graph(flow: &Flow, places: &[Place], problems: &mut Problems) {
    rounds(flow, places, problems);
    answered(flow, places, problems);
    silent(flow, places, problems);
}

/// Nodes that no exit leads to: allowed, but hardly meant.
pub fn unreachable(flow: &Flow, places: &[Place], problems: &Problems) -> Vec<Problem> {
    let reached = reach(flow, [flow.start].into_iter().chain(flow.on_hangup), |_, _| true);
    let rest = (0..flow.nodes.len()).map(NodeNo).filter(|no| !reached.contains(no));
    rest.map(|no| {
        let message = format!("no exit leads to node `{}`", flow.node(no).0);
        problems.problem(places[no.0], message, "lead an exit there, or remove the node")
    })
    .collect()
}

/// Nodes that can be reached by exits that `follow` allows, by node and the exit's name.
fn reach(
    flow: &Flow,
    from: impl IntoIterator<Item = NodeNo>,
    follow: impl Fn(&Node, &str) -> bool,
) -> BTreeSet<NodeNo> {
    let mut open: Vec<NodeNo> = from.into_iter().collect();
    let mut reached: BTreeSet<NodeNo> = open.iter().copied().collect();
    while let Some(no) = open.pop() {
        let (_, node) = flow.node(no);
        for (exit, target) in node.exits() {
            if let Target::Node(next) = target
                && follow(node, &exit)
                && reached.insert(next)
            {
                open.push(next);
            }
        }
    }
    reached
}

/// A round of nodes in which no time passes would never end. Takes away nodes that lead out until none is left, or a round.
fn rounds(flow: &Flow, places: &[Place], problems: &mut Problems) {
    let mut left: BTreeSet<NodeNo> = (0..flow.nodes.len()).map(NodeNo).filter(|no| !flow.node(*no).1.waits()).collect();
    let onward = |no: NodeNo, left: &BTreeSet<NodeNo>| {
        let exits = flow.node(no).1.exits();
        exits.into_iter().find_map(|(_, target)| match target {
            Target::Node(next) if left.contains(&next) => Some(next),
            Target::Node(_) | Target::Hangup | Target::Return => None,
        })
    };
    while let Some(no) = left.iter().copied().find(|no| onward(*no, &left).is_none()) {
        left.remove(&no);
    }
    let Some(mut no) = left.first().copied() else { return };
    let mut walked = Vec::new();
    while !walked.contains(&no) {
        walked.push(no);
        no = onward(no, &left).expect("what is left leads to what is left");
    }
    walked.drain(..walked.iter().position(|w| *w == no).unwrap_or(0));
    let names: Vec<String> = walked.iter().map(|no| format!("`{}`", flow.node(*no).0)).collect();
    let message = format!("the way through {} goes round without waiting for anything", names.join(", "));
    problems.add(places[no.0], message, "lead one of the exits to a node that waits, such as `play` or `menu`");
}

/// Nobody hears anything before `answer`. After `after` somebody has talked, so the call was answered.
fn answered(flow: &Flow, places: &[Place], problems: &mut Problems) {
    let unanswered = reach(flow, [flow.start], |node, exit| !matches!(node, Node::Answer { .. }) && exit != AFTER);
    let speaking = unanswered.into_iter().find(|no| flow.node(*no).1.speaks());
    if let Some(no) = speaking {
        let (name, node) = flow.node(no);
        let message = format!("node `{name}` (`{}`) can be reached before the call is answered", node.kind());
        problems.add(places[no.0], message, format!("lead to it through a node `{{answer: , next: {name}}}`"));
    }
}

/// `on_hangup` runs when nobody listens any more.
fn silent(flow: &Flow, places: &[Place], problems: &mut Problems) {
    for no in reach(flow, flow.on_hangup, |_, _| true) {
        let (name, node) = flow.node(no);
        match node {
            Node::Set(_) | Node::Branch(_) | Node::Hangup { .. } => {}
            Node::Answer { .. }
            | Node::Play(_)
            | Node::Say(_)
            | Node::Menu(_)
            | Node::Collect(_)
            | Node::Queue(_)
            | Node::Dial(_) => {
                let message = format!("`on_hangup` leads to node `{name}` (`{}`), but the caller is gone", node.kind());
                problems.add(places[no.0], message, "use only `set` and `branch` there, and `hangup` as the last exit");
            }
        }
    }
}
