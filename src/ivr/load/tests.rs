//! What is said about each way of writing a flow wrong. The texts are the product: a changed one is a visible difference.

use super::*;
use crate::config::print;

const MAIN: &str = include_str!("../../../dialplans/main.yaml");
const PAGE: &str = include_str!("../../../docs/flows.md");
/// The first column names every prompt; each exists in both languages.
const PROMPTS: &str = include_str!("../../../sounds/prompts.tsv");

fn library() -> Known {
    let prompts = PROMPTS.lines().skip(1).filter_map(|line| line.split('\t').next());
    let spoken = prompts.flat_map(|key| [format!("zh-CN/{key}"), format!("en-US/{key}")]);
    let fixed = ["music/default", "tones/beep"].map(str::to_owned);
    Known {
        sounds: Some(Arc::new(spoken.chain(fixed).map(|key| (key, Span::seconds(2))).collect())),
        languages: ["zh-CN", "en-US"].map(str::to_owned).into(),
        groups: Some(["support", "sales"].map(str::to_owned).into()),
        agents: Some(["ana", "bo"].map(str::to_owned).into()),
    }
}

/// Everything that is said about a text, or `fine`.
fn said(text: &str) -> String {
    match load("dialplans/x.yaml", text, &library()) {
        Ok(flow) if flow.warnings.is_empty() => "fine".to_owned(),
        Ok(flow) => format!("fine, but\n{}", print(&flow.warnings)),
        Err(problems) => print(&problems),
    }
}

/// What is said about a node between `answer` and the end, message and hint only.
fn said_of(node: &str) -> String {
    let text = format!("nodes:\n  a: {{answer: , next: n}}\n  n: {{{node}}}\n  b: {{play: welcome, next: hangup}}\n");
    match load("x.yaml", &text, &library()) {
        Ok(_) => "fine".to_owned(),
        Err(problems) => problems.iter().map(|p| format!("{} | {}", p.message, p.hint)).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
fn the_shipped_flow_is_fine() {
    let flow = load("dialplans/main.yaml", MAIN, &library()).unwrap_or_else(|problems| panic!("{}", print(&problems)));
    assert_eq!((flow.key.as_str(), flow.start, flow.version.len()), ("main", NodeNo(0), 12));
    assert_eq!(flow.warnings, []);
    assert_ne!(flow.version, load("main.yaml", &format!("{MAIN}\n"), &library()).expect("still fine").version);
}

#[test]
fn every_example_of_the_page_is_a_flow() {
    let blocks: Vec<&str> = PAGE.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 12);
    for block in &blocks {
        assert_eq!(said(block), "fine", "{block}");
    }
    for kind in KINDS {
        assert!(PAGE.contains(&format!("\n## {}\n", kind.word)), "{} has no chapter", kind.word);
        for key in kind.keys {
            assert!(PAGE.contains(&format!("`{key}`")) || PAGE.contains(&format!("{key}:")), "{key} is not told");
        }
    }
    for name in super::super::expression::NAMES {
        assert!(PAGE.contains(&format!("| `{name}")), "{name} is not told");
    }
}

#[test]
fn a_wrong_flow_is_told_with_its_places() {
    let text = "\
start: helo
nodes:
  hello: {answer: , next: mainmenu}
  main_menu:
    menu: main-menue
    keys: {1: support, 12: support}
    timeout: 5
    no_input: bye
  support: {queue: suport}
  bye: {pley: goodbye, next: hangup}
";
    let expected = "\
error: `start` names node `helo`, which this flow does not have
  --> dialplans/x.yaml:1:8
   |  start: helo
hint: did you mean `hello` (line 3)?

error: `nodes.hello.next` names node `mainmenu`, which this flow does not have
  --> dialplans/x.yaml:3:27
   |  hello: {answer: , next: mainmenu}
hint: did you mean `main_menu` (line 4)?

error: `nodes.main_menu.invalid` is missing
  --> dialplans/x.yaml:5:5
   |  menu: main-menue
hint: add `invalid: hangup`

error: there is no sound `en-US/main-menue`
  --> dialplans/x.yaml:5:11
   |  menu: main-menue
hint: did you mean `en-US/main-menu`?

error: there is no sound `zh-CN/main-menue`
  --> dialplans/x.yaml:5:11
   |  menu: main-menue
hint: did you mean `zh-CN/main-menu`?

error: `12` is no key of a phone
  --> dialplans/x.yaml:6:24
   |  keys: {1: support, 12: support}
hint: write one of `0` to `9`, `\"*\"`, `\"#\"`, `A` to `D`

error: `nodes.main_menu.timeout` must be a time with its unit, not the number 5
  --> dialplans/x.yaml:7:14
   |  timeout: 5
hint: write `5s` for seconds or `5m` for minutes

error: `nodes.support.failed` is missing
  --> dialplans/x.yaml:9:12
   |  support: {queue: suport}
hint: add `failed: hangup`

error: there is no group `suport`
  --> dialplans/x.yaml:9:20
   |  support: {queue: suport}
hint: did you mean `support`?

error: node `bye` does not say what it does
  --> dialplans/x.yaml:10:9
   |  bye: {pley: goodbye, next: hangup}
hint: did you mean `play`?
";
    assert_eq!(said(text), expected);
}

/// A node, and the problem with its remedy.
fn said_of_each(rows: &[(&str, &str)]) {
    for (node, expected) in rows {
        assert_eq!(said_of(node), *expected, "{node}");
    }
}

#[test]
fn what_is_wrong_with_a_node_and_its_sounds() {
    said_of_each(&[
        ("play: welcome, next: hangup", "fine"),
        ("play: welcome, next: return", "fine"),
        (
            "play: welcome, next: hangup, loop: 3",
            "unknown key `loop` in `nodes.n` | use one of: `play`, `barge`, `next`, `failed`",
        ),
        (
            "play: welcome, menu: main-menu, next: b",
            "node `n` says both `play` and `menu` | \
             make a node of each and lead from one to the other with `next`",
        ),
        ("play: [], next: b", "`nodes.n.play` is empty | name a sound"),
        ("play: music/jazz, next: b", "there is no sound `music/jazz` | put the file into `sounds/music/jazz.wav`"),
        (
            "play: welcome, barge: yess, next: b",
            "`nodes.n.barge` must be `true` or `false`, not the text `yess` | write `true` or `false`, without quotes",
        ),
        (
            "next: b",
            "node `n` does not say what it does | use one of: `answer`, `play`, `say`, `menu`, `collect`, `branch`, `set`, `queue`, `dial`, `hangup`",
        ),
        ("answer: yes, next: b", "`nodes.n.answer` takes no value | leave out what follows the colon"),
    ]);
}

#[test]
fn what_is_wrong_with_texts() {
    said_of_each(&[
        ("say: Good morning, next: b", "fine"),
        ("say: {text: 'You are {{from}}.', language: en-US}, barge: false, next: b, failed: b", "fine"),
        ("play: [welcome, {text: Good morning}], next: b", "fine"),
        ("say: {language: en-US}, next: b", "`nodes.n.say.text` is missing | add `text: Good morning`"),
        (
            "say: {text: x, language: english language}, next: b",
            "`nodes.n.say.language` must be a language, not `english language` | write a language tag, such as `en-US`",
        ),
        ("say: '{{digit}}', next: b", "`nodes.n.say` uses the name `digit` | did you mean `digits`?"),
        ("say: ' ', next: b", "`nodes.n.say` is empty | write what is to be said"),
        ("say: x", "`nodes.n.next` is missing | add `next: hangup`"),
        ("say: 5, next: b", "`nodes.n.say` must be text, not the number 5 | put it in quotes: `\"5\"`"),
    ]);
    let long = format!("say: {}, next: b", "x".repeat(1_001));
    assert_eq!(said_of(&long), "`nodes.n.say` has 1001 characters, at most 1000 are spoken | make several nodes of it");
}

#[test]
fn what_is_wrong_with_keys_and_digits() {
    said_of_each(&[
        (
            "menu: main-menu, keys: {}, no_input: b, invalid: b",
            "`nodes.n.keys` is empty | name a key and a node: `1: support`",
        ),
        ("menu: main-menu, no_input: b, invalid: b", "`nodes.n.keys` is missing | add `keys: {1: hangup}`"),
        (
            "menu: main-menu, keys: {1: b}, repeat: 11, no_input: b, invalid: b",
            "`nodes.n.repeat` must be a number from 0 to 10, not the number 11 | choose a number in that range",
        ),
        (
            "menu: main-menu, keys: {1: b}, timeout: 2h, no_input: b, invalid: b",
            "`nodes.n.timeout` must be from 500ms to 1m, not 2h | choose a time in that range",
        ),
        (
            "collect: welcome, min: 5, max: 4, next: b, no_input: b, invalid: b",
            "`min` is 5, more than `max`, which is 4 | exchange them",
        ),
        (
            "collect: welcome, max: 4, end_key: \"##\", next: b, no_input: b, invalid: b",
            "`nodes.n.end_key` must be one digit or `none`, not `##` | write `end_key: \"#\"`",
        ),
    ]);
}

#[test]
fn what_is_wrong_with_branches_and_values() {
    said_of_each(&[
        (
            "branch: [{if: digits = 1, then: b}], else: b",
            "`nodes.n.branch[0].if` cannot be read: token recognition error at: '= ' | compare with `==`, join with `&&` and put texts in quotes: `digits == \"1\"`",
        ),
        (
            "branch: [{if: dgits == \"1\", then: b}], else: b",
            "`nodes.n.branch[0].if` uses the name `dgits` | did you mean `digits`?",
        ),
        (
            "branch: [{if: 'from.startwith(\"1\")', then: b}], else: b",
            "`nodes.n.branch[0].if` uses the function `startwith` | did you mean `startsWith`?",
        ),
        ("branch: [{if: 'true'}], else: b", "`nodes.n.branch[0].then` is missing | add `then: hangup`"),
        ("branch: [{if: 'true', then: b}]", "`nodes.n.else` is missing | add `else: hangup`"),
        (
            "set: {reason: x}, next: b",
            "`reason` cannot be set | set `language`, or a field of the contact's data: `data.reason`",
        ),
        (
            "set: {data.x: \"{{data.y\"}, next: b",
            "`nodes.n.set.data.x` opens `{{` and never closes it | write `{{digits}}`",
        ),
        (
            "set: {language: \"{{digits}}\"}, next: b",
            "`nodes.n.set.language` cannot be computed | name the language, and `branch` to one `set` for each",
        ),
        ("set: {language: en-UK}, next: b", "there are no sounds in `en-UK` | did you mean `en-US`?"),
        (
            "set: {data.x: 5}, next: b",
            "`nodes.n.set.data.x` must be text, not the number 5 | put it in quotes: `\"5\"`",
        ),
    ]);
}

#[test]
fn what_is_wrong_with_where_a_call_goes() {
    said_of_each(&[
        (
            "queue: support, priority: 1000, failed: b",
            "`nodes.n.priority` must be a number from -100 to 100 | write digits, without quotes; a higher number comes first",
        ),
        (
            "queue: support, announce: {every: 30s}, failed: b",
            "`nodes.n.announce.sounds` is missing | add `sounds: thank-you-for-waiting`",
        ),
        (
            "queue: support, announce: {sounds: welcome, every: 1s}, failed: b",
            "`nodes.n.announce.every` must be from 5s to 10m, not 1s | choose a time in that range",
        ),
        ("queue: {groups: [support, sales]}, failed: b", "fine"),
        ("queue: {agent: ana}, wait_max: 1m, failed: b", "fine"),
        ("queue: {groups: [sales, suport]}, failed: b", "there is no group `suport` | did you mean `support`?"),
        (
            "queue: {groups: [support, support]}, failed: b",
            "`nodes.n.queue.groups` names `support` twice | name each group once",
        ),
        (
            "queue: {groups: []}, failed: b",
            "`nodes.n.queue.groups` names 0 groups, it must name 1 to 8 | write `queue: support` for a single group",
        ),
        (
            "queue: {groups: [a, b, c, d, e, f, g, h, i]}, failed: b",
            "`nodes.n.queue.groups` names 9 groups, it must name 1 to 8 | write `queue: support` for a single group",
        ),
        ("queue: {agent: anna}, failed: b", "there is no agent `anna` | did you mean `ana`?"),
        (
            "queue: {agent: ana, groups: [support]}, failed: b",
            "`nodes.n.queue` names both `groups` and `agent` | the caller waits for the one or for the other",
        ),
        ("queue: {}, failed: b", "`nodes.n.queue` names nobody | write `{groups: [support, sales]}` or `{agent: ana}`"),
        ("queue: {group: support}, failed: b", "unknown key `group` in `nodes.n.queue` | did you mean `groups`?"),
        ("dial: 1001, failed: b", "`nodes.n.dial` must be text, not the number 1001 | put it in quotes: `\"1001\"`"),
        ("dial: \"1001\"", "`nodes.n.failed` is missing | add `failed: hangup`"),
        ("hangup: bussy", "`nodes.n.hangup` cannot be `bussy` | did you mean `busy`?"),
    ]);
}

#[test]
fn a_flow_in_which_a_caller_gets_lost_is_refused() {
    let round = "\
nodes:
  a: {answer: , next: b}
  b: {set: {data.x: \"1\"}, next: c}
  c: {branch: [], else: b}
";
    let before = "nodes:\n  p: {play: welcome, next: hangup}\n";
    let gone = "\
on_hangup: note
nodes:
  a: {answer: , next: hangup}
  note: {set: {data.x: \"1\"}, next: bye}
  bye: {play: goodbye, next: hangup}
";
    let unused = "nodes:\n  a: {answer: , next: hangup}\n  b: {play: goodbye, next: b}\n";
    let named = "nodes:\n  hangup: {answer: , next: hangup}\n";
    let rows = [
        (
            round,
            "\
error: the way through `b`, `c` goes round without waiting for anything
  --> dialplans/x.yaml:3:3
   |  b: {set: {data.x: \"1\"}, next: c}
hint: lead one of the exits to a node that waits, such as `play` or `menu`
",
        ),
        (
            before,
            "\
error: node `p` (`play`) can be reached before the call is answered
  --> dialplans/x.yaml:2:3
   |  p: {play: welcome, next: hangup}
hint: lead to it through a node `{answer: , next: p}`
",
        ),
        (
            gone,
            "\
error: `on_hangup` leads to node `bye` (`play`), but the caller is gone
  --> dialplans/x.yaml:5:3
   |  bye: {play: goodbye, next: hangup}
hint: use only `set` and `branch` there, and `hangup` as the last exit
",
        ),
        (
            unused,
            "\
fine, but
error: no exit leads to node `b`
  --> dialplans/x.yaml:3:3
   |  b: {play: goodbye, next: b}
hint: lead an exit there, or remove the node
",
        ),
        (
            named,
            "\
error: a node cannot be called `hangup`: that word is the exit that hangs up
  --> dialplans/x.yaml:2:3
   |  hangup: {answer: , next: hangup}
hint: call it `goodbye`, or remove it
",
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(said(text), expected, "{text}");
    }
}

#[test]
fn who_has_talked_was_answered() {
    let after = "nodes:\n  d: {dial: \"1001\", after: p, failed: hangup}\n  p: {play: goodbye, next: hangup}\n";
    assert_eq!(said(after), "fine");
    let failed = after.replace("after: p, failed: hangup", "failed: p");
    assert!(said(&failed).starts_with("error: node `p` (`play`) can be reached before the call is answered"));
}

#[test]
fn what_is_no_flow_at_all_is_told_too() {
    let rows = [
        ("", "`nodes` is missing"),
        ("nodes: {}\n", "`nodes` has 0 nodes, it must have 1 to 1000"),
        ("- a\n", "the file must be a map, not a list"),
        ("nodes: {a: play}\n", "`nodes.a` must be a map, not the text `play`"),
        ("nodes: [", "not YAML: "),
        ("nodes:\n  a b: {hangup: }\n", "`a b` cannot be the name of a node"),
    ];
    for (text, expected) in rows {
        let problems = load("x.yaml", text, &Known::default()).expect_err(text);
        assert!(problems[0].message.starts_with(expected), "{text}: {}", problems[0]);
    }
    let many: String = (0..=FLOW_NODES).map(|n| format!("  n{n}: {{hangup: }}\n")).collect();
    assert!(load("x.yaml", &format!("nodes:\n{many}"), &Known::default()).is_err());
}

#[test]
fn sounds_are_looked_for_in_the_languages_that_are_spoken() {
    let mut known = library();
    Arc::make_mut(known.sounds.as_mut().expect("a library")).remove("en-US/closed");
    let text = |head: &str| format!("{head}nodes:\n  a: {{answer: , next: p}}\n  p: {{play: closed, next: hangup}}\n");
    let problems = |head: &str, known: &Known| load("x.yaml", &text(head), known).err().map_or(0, |found| found.len());
    assert_eq!(problems("", &known), 1);
    assert_eq!(problems("language: zh-CN\n", &known), 0);
    assert_eq!(problems("language: en-US\n", &known), 1);
    known.languages.remove("en-US");
    assert_eq!(problems("", &known), 0);
    assert_eq!(problems("language: xx\n", &Known::default()), 0);
}
