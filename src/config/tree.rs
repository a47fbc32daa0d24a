//! A settings or site file as a tree whose every key and value knows its line and column.
//! Owns the way from TOML and YAML text to that one tree, and the words for text that is neither.
//! Leaves the meaning of keys to the loaders, which read the tree through `Fields`.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problems};
use crate::base::bounds::{CONFIG_DEPTH, CONFIG_FILE_BYTES, CONFIG_NODES};

#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub at: Place,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A YAML key with nothing after it.
    Null,
    Bool(bool),
    Integer(i64),
    /// A number that is no `i64`, or a TOML date: nothing that a file of ours may say. As it was written.
    Other(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of a YAML file; by key of a TOML file.
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub at: Place,
    pub name: String,
}

/// Reads YAML. `None` after a problem was added.
pub fn yaml(text: &str, problems: &mut Problems) -> Option<Node> {
    fits(text, problems)?;
    if text.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#')) {
        return Some(Node { at: Place { line: 1, column: 1 }, value: Value::Map(Vec::new()) });
    }
    let mut options = serde_saphyr::Options::default();
    // YAML 1.1 reads `n`, `on` and `no` as truths; a node or group of that name would become one.
    options.strict_booleans = true;
    // Both are told in our own words: `<<` as an unknown key, a key that stands there twice below.
    options.merge_keys = serde_saphyr::options::MergeKeyPolicy::AsOrdinary;
    options.duplicate_keys = serde_saphyr::options::DuplicateKeyPolicy::PassThrough;
    if let Some(budget) = &mut options.budget {
        budget.max_depth = CONFIG_DEPTH;
        (budget.max_nodes, budget.max_events) = (CONFIG_NODES, 2 * CONFIG_NODES);
        (budget.max_total_scalar_bytes, budget.max_total_comment_bytes) = (CONFIG_FILE_BYTES, CONFIG_FILE_BYTES);
    }
    let parsed: Result<Spanned<Any>, _> = serde_saphyr::from_str_with_options(text, options);
    let root: Node = match parsed {
        Ok(root) => root.into(),
        Err(error) => {
            let at = error.location().map_or(Place::default(), Place::from);
            let message = error.without_snippet().to_string();
            let message = message.lines().next().unwrap_or_default();
            let message = message.split_once(" at line ").map_or(message, |(what, _)| what);
            let message = message.split_once(';').map_or(message, |(what, _)| what);
            let (what, hint) = unread(message);
            problems.add(at, what, hint);
            return None;
        }
    };
    twice(&root, problems);
    Some(root)
}

/// What the reader's words mean to whoever wrote the file, and the remedy.
fn unread(message: &str) -> (String, &'static str) {
    if message.contains("recursion limit") || message.contains("Depth") {
        return (
            "the file is nested too deeply".to_owned(),
            "no file of ours has more than a few levels; close what is open",
        );
    }
    if message.contains("budget breached") {
        let hint = "write out less by `*` aliases, or make several files of it";
        return ("the file is too large, its `*` aliases counted as what they stand for".to_owned(), hint);
    }
    if message.contains("recursive references") {
        return ("an alias stands for something that holds it".to_owned(), "let `*` name something outside of itself");
    }
    let hint = "look at this line and the one before: indent by spaces, close what is open, \
                quote text that holds `: ` or begins with a sign";
    (format!("not YAML: {message}"), hint)
}

/// Keys that stand in one map a second time. The first one's value is what `Fields` sees.
fn twice(node: &Node, problems: &mut Problems) {
    match &node.value {
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Other(_) | Value::Text(_) => {}
        Value::List(items) => items.iter().for_each(|item| twice(item, problems)),
        Value::Map(entries) => {
            let mut first = BTreeMap::new();
            for (key, value) in entries {
                if let Some(line) = first.get(key.name.as_str()) {
                    let hint = format!("the first is in line {line}; remove one");
                    problems.add(key.at, format!("key `{}` stands there a second time", key.name), hint);
                } else {
                    first.insert(key.name.as_str(), key.at.line);
                }
                twice(value, problems);
            }
        }
    }
}

/// Reads TOML. `None` after a problem was added.
pub fn toml(text: &str, problems: &mut Problems) -> Option<Node> {
    fits(text, problems)?;
    match DeTable::parse(text) {
        Ok(table) => {
            let index = LineIndex::new(text);
            Some(Node { at: Place { line: 1, column: 1 }, value: toml_map(table.get_ref(), &index) })
        }
        Err(error) => {
            let at = error.span().map_or(Place::default(), |s| LineIndex::new(text).place(s.start));
            let message = error.message().lines().next().unwrap_or_default();
            let hint = "write `key = value`, text in quotes, below its `[table]`; `cordboard config` prints an example";
            problems.add(at, format!("not TOML: {message}"), hint);
            None
        }
    }
}

fn fits(text: &str, problems: &mut Problems) -> Option<()> {
    if text.len() <= CONFIG_FILE_BYTES {
        return Some(());
    }
    let message = format!("the file has {} bytes, at most {CONFIG_FILE_BYTES} are read", text.len());
    problems.add(Place::default(), message, "split it into one file per tenant");
    None
}

/// Where each line begins, to find the place of a byte without a walk through the text for each value.
struct LineIndex<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> LineIndex<'t> {
    fn new(text: &'t str) -> Self {
        let after_newlines = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Self { text, starts: std::iter::once(0).chain(after_newlines).collect() }
    }

    fn place(&self, byte: usize) -> Place {
        let line = self.starts.partition_point(|s| *s <= byte);
        let start = self.starts[line - 1];
        let column = self.text.get(start..byte).map_or(0, |before| before.chars().count());
        Place { line: line as u32, column: column as u32 + 1 }
    }
}

fn toml_map(table: &DeTable<'_>, index: &LineIndex) -> Value {
    let mut entries: Vec<(Key, Node)> = table
        .iter()
        .map(|(key, value)| {
            let at = index.place(key.span().start);
            let key = Key { at, name: key.get_ref().to_string() };
            (key, Node { at: index.place(value.span().start), value: toml_value(value.get_ref(), index) })
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.at);
    Value::Map(entries)
}

fn toml_value(value: &DeValue<'_>, index: &LineIndex) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(n) => match i64::from_str_radix(n.as_str(), n.radix()) {
            Ok(n) => Value::Integer(n),
            Err(_) => Value::Other(n.as_str().to_owned()),
        },
        DeValue::Float(n) => Value::Other(n.as_str().to_owned()),
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Datetime(date) => Value::Other(date.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| Node { at: index.place(item.span().start), value: toml_value(item.get_ref(), index) })
                .collect(),
        ),
        DeValue::Table(table) => toml_map(table, index),
    }
}

/// A YAML value of any kind, its parts with their places.
struct Any(Value);

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        let cut = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Self { line: cut(location.line()), column: cut(location.column()) }
    }
}

impl From<Spanned<Any>> for Node {
    fn from(any: Spanned<Any>) -> Self {
        Self { at: any.referenced.into(), value: any.value.0 }
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Any;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("text, a number, true, false, a list or a map")
    }

    fn visit_bool<E>(self, b: bool) -> Result<Any, E> {
        Ok(Any(Value::Bool(b)))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Any, E> {
        Ok(Any(Value::Integer(n)))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Any, E> {
        Ok(Any(i64::try_from(n).map_or_else(|_| Value::Other(n.to_string()), Value::Integer)))
    }

    fn visit_i128<E>(self, n: i128) -> Result<Any, E> {
        Ok(Any(Value::Other(n.to_string())))
    }

    fn visit_u128<E>(self, n: u128) -> Result<Any, E> {
        Ok(Any(Value::Other(n.to_string())))
    }

    fn visit_f64<E>(self, n: f64) -> Result<Any, E> {
        Ok(Any(Value::Other(n.to_string())))
    }

    fn visit_str<E>(self, text: &str) -> Result<Any, E> {
        Ok(Any(Value::Text(text.to_owned())))
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Any, E> {
        Ok(Any(Value::Other(format!("{} bytes", bytes.len()))))
    }

    fn visit_unit<E>(self) -> Result<Any, E> {
        Ok(Any(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Any, E> {
        Ok(Any(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Any, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Any, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element::<Spanned<Any>>()? {
            list.push(item.into());
        }
        Ok(Any(Value::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Any, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let key = Key { at: key.referenced.into(), name: key.value };
            entries.push((key, map.next_value::<Spanned<Any>>()?.into()));
        }
        Ok(Any(Value::Map(entries)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::problem::Problem;
    use super::*;

    fn flat(node: &Node, path: &str, out: &mut Vec<String>) {
        let Place { line, column } = node.at;
        match &node.value {
            Value::List(items) => items.iter().enumerate().for_each(|(i, n)| flat(n, &format!("{path}[{i}]"), out)),
            Value::Map(entries) => {
                for (key, n) in entries {
                    out.push(format!("{}:{} {path}.{}", key.at.line, key.at.column, key.name));
                    flat(n, &format!("{path}.{}", key.name), out);
                }
            }
            scalar => out.push(format!("{line}:{column} {path} = {scalar:?}")),
        }
    }

    fn lines(node: Option<Node>) -> Vec<String> {
        let mut out = Vec::new();
        flat(&node.expect("the text is well formed"), "", &mut out);
        out
    }

    #[test]
    fn yaml_keeps_the_place_of_each_key_and_value() {
        let text = "# head\na: 20s\nb:\n  - {c: \"1001\", d: 1001}\n  - x\ne:\nf: {g: true, h: 1.5}\n";
        let expected = [
            "2:1 .a",
            "2:4 .a = Text(\"20s\")",
            "3:1 .b",
            "4:6 .b[0].c",
            "4:9 .b[0].c = Text(\"1001\")",
            "4:17 .b[0].d",
            "4:20 .b[0].d = Integer(1001)",
            "5:5 .b[1] = Text(\"x\")",
            "6:1 .e",
            "6:2 .e = Null",
            "7:1 .f",
            "7:5 .f.g",
            "7:8 .f.g = Bool(true)",
            "7:14 .f.h",
            "7:17 .f.h = Other(\"1.5\")",
        ];
        assert_eq!(lines(yaml(text, &mut Problems::new("f", text))), expected);
    }

    #[test]
    fn toml_keeps_the_place_of_each_key_and_value() {
        let text = "data = \"ü\" \n[[interface]]\nbind = \"::\" # \n[sip]\nlisten = [\"udp:5060\", 7]\n";
        let expected = [
            "1:1 .data",
            "1:8 .data = Text(\"ü\")",
            "2:3 .interface",
            "3:1 .interface[0].bind",
            "3:8 .interface[0].bind = Text(\"::\")",
            "4:2 .sip",
            "5:1 .sip.listen",
            "5:11 .sip.listen[0] = Text(\"udp:5060\")",
            "5:23 .sip.listen[1] = Integer(7)",
        ];
        assert_eq!(lines(toml(text, &mut Problems::new("f", text))), expected);
    }

    #[test]
    fn what_nests_too_deep_is_refused() {
        for n in [100, 10_000] {
            for text in [format!("a: {}{}", "[".repeat(n), "]".repeat(n)), "- ".repeat(n) + "x", "? ".repeat(n) + "x"] {
                let mut problems = Problems::new("f", &text);
                assert_eq!(yaml(&text, &mut problems).is_some(), problems.is_empty());
                assert!(n == 100 || !problems.is_empty());
            }
            let text = format!("a = {}{}", "[".repeat(n), "]".repeat(n));
            let mut problems = Problems::new("f", &text);
            assert_eq!((toml(&text, &mut problems), problems.is_empty()), (None, false));
        }
    }

    #[test]
    fn a_key_stands_once() {
        let text = "a: 1\nb: [{c: 1, c: 2}]\na: 2\n";
        let mut problems = Problems::new("f", text);
        assert!(yaml(text, &mut problems).is_some());
        let found: Vec<String> =
            problems.into_vec().iter().map(|p| format!("{}:{} {} | {}", p.line, p.column, p.message, p.hint)).collect();
        assert_eq!(
            found,
            [
                "2:12 key `c` stands there a second time | the first is in line 2; remove one",
                "3:1 key `a` stands there a second time | the first is in line 1; remove one",
            ]
        );
    }

    #[test]
    fn what_multiplies_is_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let all = vec![format!("*a{}", i - 1); 10].join(", ");
            text.push_str(&format!("a{i}: &a{i} [{all}]\n"));
        }
        let mut problems = Problems::new("f", &text);
        assert_eq!(yaml(&text, &mut problems), None);
        let long = "#".repeat(CONFIG_FILE_BYTES + 1);
        let mut problems = Problems::new("f", &long);
        assert_eq!((yaml(&long, &mut problems), toml(&long, &mut problems)), (None, None));
        assert!(problems.into_vec().iter().all(|p| p.message.contains("bytes, at most 16777216 are read")));
    }

    #[test]
    fn what_is_too_deep_or_too_much_is_told_in_plain_words() {
        let bomb: String = ('b'..='k')
            .map(|c| format!("{c}: &{c} [{}]\n", vec![format!("*{}", char::from(c as u8 - 1)); 9].join(",")))
            .collect();
        let rows = [
            (format!("a: &a [x,x,x,x,x,x,x,x,x]\n{bomb}"), "aliases"),
            (format!("a: {}{}", "[".repeat(1_000), "]".repeat(1_000)), "deep"),
            (format!("a: {}1{}", "{a: ".repeat(1_000), "}".repeat(1_000)), "deep"),
        ];
        for (text, word) in rows {
            let mut problems = Problems::new("f", &text);
            assert_eq!(yaml(&text, &mut problems), None);
            let problem = problems.into_vec().remove(0);
            assert!(problem.message.contains(word) && !problem.hint.contains("indent"), "{problem}");
        }
    }

    #[test]
    fn text_of_another_kind_is_a_problem_with_a_place() {
        let rows = [
            ("a: [1, 2\nb: 3\n", "2:2 not YAML: illegal placement of ':' indicator"),
            ("a: \"x\n", "2:1 not YAML: invalid indentation in multiline quoted scalar"),
            ("a: 1\n---\nb: 1\n", "3:1 not YAML: multiple YAML documents detected"),
            ("? [a]\n: 1\n", "1:3 not YAML: expected string scalar"),
        ];
        for (text, expected) in rows {
            let mut problems = Problems::new("f", text);
            assert_eq!(yaml(text, &mut problems), None, "{text}");
            let Problem { line, column, message, .. } = problems.into_vec().remove(0);
            assert_eq!(format!("{line}:{column} {message}"), expected);
        }
        for (text, line) in [("a = \n", 1), ("a = 1\na = 2\n", 2), ("x\n", 1), ("a = 1\n[b\n", 2)] {
            let mut problems = Problems::new("f", text);
            assert_eq!(toml(text, &mut problems), None, "{text}");
            let found = problems.into_vec();
            assert!(found[0].line == line && found[0].message.starts_with("not TOML: "), "{}", found[0]);
        }
    }
}
