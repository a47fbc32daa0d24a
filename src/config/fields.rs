//! Reads a tree by keys: which may stand where, of which kind, in which range.
//! Owns the complaints about those, so each loader words only what is its own.
//! In: a node, its path. Out: values, or `None` after a problem was added.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::problem::{Place, Problems, did_you_mean};
use super::tree::{Key, Node, Value};
use crate::base::{Network, NetworkError, Span};

/// A map of the file whose keys are known.
#[derive(Clone, Debug)]
pub struct Fields<'n> {
    pub at: Place,
    path: String,
    entries: &'n [(Key, Node)],
}

/// A value of the file and the path that leads to it, as `agents[0].station`.
#[derive(Clone, Debug)]
pub struct Item<'n> {
    pub node: &'n Node,
    pub path: String,
}

impl<'n> Item<'n> {
    pub fn root(node: &'n Node) -> Self {
        Self { node, path: String::new() }
    }

    pub fn at(&self) -> Place {
        self.node.at
    }

    fn wrong_kind(&self, expected: &str, hint: impl Into<String>, problems: &mut Problems) {
        let found = match &self.node.value {
            Value::Null => "nothing".to_owned(),
            Value::Bool(b) => format!("`{b}`"),
            Value::Integer(n) => format!("the number {n}"),
            Value::Other(text) => format!("`{text}`"),
            Value::Text(text) => format!("the text `{text}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        };
        let name = if self.path.is_empty() { "the file".to_owned() } else { format!("`{}`", self.path) };
        problems.add(self.at(), format!("{name} must be {expected}, not {found}"), hint);
    }

    /// The map's entries; keys other than `known` are problems.
    pub fn fields(&self, known: &[&'static str], problems: &mut Problems) -> Option<Fields<'n>> {
        let Value::Map(entries) = &self.node.value else {
            let keys = known.iter().take(3).map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
            self.wrong_kind("a map", format!("write keys and values here, such as {keys}"), problems);
            return None;
        };
        for (key, _) in entries {
            if !known.contains(&key.name.as_str()) {
                let place = if self.path.is_empty() { String::new() } else { format!(" in `{}`", self.path) };
                let hint = did_you_mean(&key.name, known.iter().copied());
                problems.add(key.at, format!("unknown key `{}`{place}", key.name), hint);
            }
        }
        Some(Fields { at: self.at(), path: self.path.clone(), entries })
    }

    /// A map whose keys are names of the file's own.
    pub fn named(&self, problems: &mut Problems) -> Vec<(&'n Key, Item<'n>)> {
        let Value::Map(entries) = &self.node.value else {
            self.wrong_kind("a map", "write `{name: value}`", problems);
            return Vec::new();
        };
        entries.iter().map(|(k, node)| (k, Item { node, path: format!("{}.{}", self.path, k.name) })).collect()
    }

    pub fn list(&self, problems: &mut Problems) -> Vec<Item<'n>> {
        let Value::List(items) = &self.node.value else {
            self.wrong_kind("a list", "put it in brackets: `[...]`", problems);
            return Vec::new();
        };
        items.iter().enumerate().map(|(i, node)| Item { node, path: format!("{}[{i}]", self.path) }).collect()
    }

    /// Text that is not empty. Unquoted digits are refused: YAML would drop leading zeros and a `+`.
    pub fn text(&self, problems: &mut Problems) -> Option<&'n str> {
        match &self.node.value {
            Value::Text(text) if text.is_empty() => {
                problems.add(self.at(), format!("`{}` is empty", self.path), "give it a value, or remove the key");
                None
            }
            Value::Text(text) => Some(text),
            Value::Integer(n) => {
                self.wrong_kind("text", format!("put it in quotes: `\"{n}\"`"), problems);
                None
            }
            Value::Null | Value::Bool(_) | Value::Other(_) | Value::List(_) | Value::Map(_) => {
                self.wrong_kind("text", "put the value in quotes: `\"...\"`", problems);
                None
            }
        }
    }

    pub fn bool(&self, problems: &mut Problems) -> Option<bool> {
        if let Value::Bool(b) = self.node.value {
            return Some(b);
        }
        self.wrong_kind("`true` or `false`", "write `true` or `false`, without quotes", problems);
        None
    }

    pub fn is_integer(&self) -> bool {
        matches!(self.node.value, Value::Integer(_))
    }

    pub fn integer(&self, range: RangeInclusive<u32>, problems: &mut Problems) -> Option<u32> {
        let expected = format!("a number from {} to {}", range.start(), range.end());
        if let Value::Integer(n) = self.node.value {
            let in_range = u32::try_from(n).ok().filter(|n| range.contains(n));
            if in_range.is_none() {
                self.wrong_kind(&expected, "choose a number in that range", problems);
            }
            return in_range;
        }
        self.wrong_kind(&expected, "write digits, without quotes", problems);
        None
    }

    /// A length of time with its unit, within `range`.
    pub fn span(&self, range: RangeInclusive<Span>, problems: &mut Problems) -> Option<Span> {
        if let Value::Integer(n) = self.node.value {
            self.wrong_kind(
                "a time with its unit",
                format!("write `{n}s` for seconds or `{n}m` for minutes"),
                problems,
            );
            return None;
        }
        let text = self.text(problems)?;
        let Some(span) = Span::parse(text) else {
            let hint = "write a whole number and its unit: `500ms`, `20s`, `10m`, `4h`, `7d`";
            problems.add(self.at(), format!("`{}` is no time: `{text}`", self.path), hint);
            return None;
        };
        if !range.contains(&span) {
            let message = format!("`{}` must be from {} to {}, not {span}", self.path, range.start(), range.end());
            problems.add(self.at(), message, "choose a time in that range");
            return None;
        }
        Some(span)
    }

    pub fn one_of<T: Copy>(&self, words: &[(&'static str, T)], problems: &mut Problems) -> Option<T> {
        let text = self.text(problems)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let hint = did_you_mean(text, words.iter().map(|(word, _)| *word));
            problems.add(self.at(), format!("`{}` cannot be `{text}`", self.path), hint);
        }
        found
    }

    /// Text that `read` understands; `expected` says what that is and `hint` shows it.
    pub fn read<T>(
        &self,
        expected: &str,
        hint: &str,
        problems: &mut Problems,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(problems)?;
        let value = read(text);
        if value.is_none() {
            problems.add(self.at(), format!("`{}` must be {expected}, not `{text}`", self.path), hint);
        }
        value
    }

    pub fn network(&self, problems: &mut Problems) -> Option<Network> {
        let text = self.text(problems)?;
        text.parse().map_err(|error| self.bad_network(text, error, problems)).ok()
    }

    pub fn bad_network(&self, text: &str, error: NetworkError, problems: &mut Problems) {
        let (why, hint) = match error {
            NetworkError::Address => ("is no network", "write an address and its prefix: `192.168.0.0/16`".to_owned()),
            NetworkError::Prefix => {
                ("has no such prefix", "the prefix is 0 to 32 for IPv4, 0 to 128 for IPv6: `192.168.0.0/16`".to_owned())
            }
            NetworkError::HostBits(meant) => {
                ("has bits beyond its prefix", format!("write `{meant}`, or `{}` for one address", one_address(text)))
            }
        };
        problems.add(self.at(), format!("`{}` {why}: `{text}`", self.path), hint);
    }
}

fn one_address(text: &str) -> &str {
    text.split_once('/').map_or(text, |(address, _)| address)
}

impl<'n> Fields<'n> {
    pub fn get(&self, key: &str) -> Option<Item<'n>> {
        let (_, node) = self.entries.iter().find(|(k, _)| k.name == key)?;
        Some(Item { node, path: self.path_of(key) })
    }

    /// As [`Self::get`], and a problem when it is absent.
    pub fn need(&self, key: &str, hint: impl Display, problems: &mut Problems) -> Option<Item<'n>> {
        let found = self.get(key);
        if found.is_none() {
            problems.add(self.at, format!("`{}` is missing", self.path_of(key)), format!("add `{hint}`"));
        }
        found
    }

    /// The items of a list, none if the key is absent.
    pub fn items(&self, key: &str, problems: &mut Problems) -> Vec<Item<'n>> {
        self.get(key).map_or(Vec::new(), |item| item.list(problems))
    }

    pub fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::yaml;
    use super::*;

    type Read = fn(&Item, &mut Problems) -> bool;

    /// What is said about `v: <text>` by the reading function.
    fn complaint(text: &str, read: impl FnOnce(&Item, &mut Problems) -> bool) -> String {
        let text = format!("v: {text}\n");
        let mut problems = Problems::new("f", &text);
        let root = yaml(&text, &mut problems).expect("well formed");
        let fields = Item::root(&root).fields(&["v"], &mut problems).expect("a map");
        let has_value = read(&fields.get("v").expect("there"), &mut problems);
        assert_eq!(has_value, problems.is_empty(), "a value or a problem");
        problems.into_vec().iter().map(|p| format!("{} | {}", p.message, p.hint)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn each_kind_says_what_it_wants() {
        let text = |item: &Item, p: &mut Problems| item.text(p).is_some();
        let level = |item: &Item, p: &mut Problems| item.integer(1..=9, p).is_some();
        let ring = |item: &Item, p: &mut Problems| item.span(Span::seconds(5)..=Span::minutes(5), p).is_some();
        let network = |item: &Item, p: &mut Problems| item.network(p).is_some();
        let word = |item: &Item, p: &mut Problems| item.one_of(&[("md5", 1), ("both", 2)], p).is_some();
        let rows: [(&str, Read, &str); 14] = [
            ("x", text, ""),
            ("1001", text, "`v` must be text, not the number 1001 | put it in quotes: `\"1001\"`"),
            ("\"\"", text, "`v` is empty | give it a value, or remove the key"),
            ("", text, "`v` must be text, not nothing | put the value in quotes: `\"...\"`"),
            ("5", level, ""),
            ("10", level, "`v` must be a number from 1 to 9, not the number 10 | choose a number in that range"),
            ("\"5\"", level, "`v` must be a number from 1 to 9, not the text `5` | write digits, without quotes"),
            ("20s", ring, ""),
            (
                "20",
                ring,
                "`v` must be a time with its unit, not the number 20 | write `20s` for seconds or `20m` for minutes",
            ),
            ("1s", ring, "`v` must be from 5s to 5m, not 1s | choose a time in that range"),
            (
                "soon",
                ring,
                "`v` is no time: `soon` | write a whole number and its unit: `500ms`, `20s`, `10m`, `4h`, `7d`",
            ),
            (
                "10.0.0.1/8",
                network,
                "`v` has bits beyond its prefix: `10.0.0.1/8` | write `10.0.0.0/8`, or `10.0.0.1` for one address",
            ),
            ("md4", word, "`v` cannot be `md4` | did you mean `md5`?"),
            ("sha", word, "`v` cannot be `sha` | use one of: `md5`, `both`"),
        ];
        for (value, read, expected) in rows {
            assert_eq!(complaint(value, read), expected, "{value}");
        }
    }
}
