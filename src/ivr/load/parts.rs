//! What several kinds of nodes have: exits, keys of a phone, sounds, times, expressions.
//! Owns whether a name means something: a node, a sound, a language. In: items of the file. Out: values, or problems.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::expression::{Refused, Template};
use super::super::model::{NodeNo, Sound, Target, Text, Variable};
use super::{HANGUP, Loader, RETURN};
use crate::base::bounds::SPEECH_CHARS;
use crate::base::{Span, is_language_tag};
use crate::config::{Fields, Item, Value, did_you_mean, nearest};

const DIGITS: &str = "0123456789*#ABCD";

impl Loader<'_, '_> {
    pub(super) fn exit(&mut self, fields: &Fields, key: &str) -> Option<Target> {
        let item = fields.need(key, format!("{key}: hangup"), &mut self.problems)?;
        self.target(&item)
    }

    pub(super) fn exit_or(&mut self, fields: &Fields, key: &str, absent: Option<Target>) -> Option<Target> {
        fields.get(key).map_or(absent, |item| self.target(&item))
    }

    pub(super) fn target(&mut self, item: &Item) -> Option<Target> {
        if item.node.value == Value::Text(HANGUP.to_owned()) {
            return Some(Target::Hangup);
        }
        if item.node.value == Value::Text(RETURN.to_owned()) {
            return Some(Target::Return);
        }
        self.node_no(item).map(Target::Node)
    }

    pub(super) fn node_no(&mut self, item: &Item) -> Option<NodeNo> {
        let name = item.text(&mut self.problems)?;
        if let Some(index) = self.names.get_index_of(name) {
            return Some(NodeNo(index));
        }
        let names = self.names.keys().map(String::as_str);
        let hint = match nearest(name, names.clone()) {
            Some(near) => format!("did you mean `{near}` (line {})?", self.names[near].line),
            None => did_you_mean(name, names.chain([HANGUP, RETURN])),
        };
        let message = format!("`{}` names node `{name}`, which this flow does not have", item.path);
        self.problems.add(item.at(), message, hint);
        None
    }

    pub(super) fn keys(&mut self, item: &Item) -> BTreeMap<char, Target> {
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

    pub(super) fn flag(&mut self, fields: &Fields, key: &str, absent: bool) -> Option<bool> {
        fields.get(key).map_or(Some(absent), |item| item.bool(&mut self.problems))
    }

    pub(super) fn span(&mut self, fields: &Fields, key: &str, absent: Span, min: Span, max: Span) -> Option<Span> {
        fields.get(key).map_or(Some(absent), |item| item.span(min..=max, &mut self.problems))
    }

    /// One key or text, or a list of them.
    pub(super) fn sounds(&mut self, item: &Item) -> Option<Vec<Sound>> {
        let items = match &item.node.value {
            Value::List(_) => item.list(&mut self.problems),
            _ => vec![item.clone()],
        };
        let mut sounds = Vec::new();
        for item in &items {
            if let Value::Map(_) = item.node.value {
                sounds.push(self.text(item)?);
                continue;
            }
            let sound = Sound::new(item.text(&mut self.problems)?);
            self.sounds.push((item.at(), sound.clone()));
            sounds.push(sound);
        }
        if sounds.is_empty() {
            self.problems.add(item.at(), format!("`{}` is empty", item.path), "name a sound");
        }
        Some(sounds)
    }

    /// What a voice says: text, or a map of text and language.
    pub(super) fn text(&mut self, item: &Item) -> Option<Sound> {
        let (text, language) = match item.node.value {
            Value::Map(_) => {
                let fields = item.fields(&["text", "language"], &mut self.problems)?;
                (fields.need("text", "text: Good morning", &mut self.problems)?, fields.get("language"))
            }
            _ => (item.clone(), None),
        };
        let language = language.map(|item| {
            let read = |text: &str| is_language_tag(text).then(|| text.to_owned());
            item.read("a language", "write a language tag, such as `en-US`", &mut self.problems, read)
        });
        let template = self.compile(&text, Template::compile)?;
        let chars = template.fixed_chars();
        if chars > SPEECH_CHARS {
            let message = format!("`{}` has {chars} characters, at most {SPEECH_CHARS} are spoken", text.path);
            self.problems.add(text.at(), message, "make several nodes of it");
            return None;
        }
        if template.literal().is_some_and(|text| text.trim().is_empty()) {
            self.problems.add(text.at(), format!("`{}` is empty", text.path), "write what is to be said");
            return None;
        }
        // One that was refused is no language; one that is absent is the one spoken.
        let language = match language {
            Some(read) => Some(read?),
            None => None,
        };
        Some(Sound::Text(Arc::new(Text { text: template, language })))
    }

    pub(super) fn language(&mut self, item: &Item) -> Option<String> {
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
    pub(super) fn compile<T>(&mut self, item: &Item, compile: fn(&str) -> Result<T, Refused>) -> Option<T> {
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
    pub(super) fn check_sounds(&mut self, flow_language: Option<&str>) {
        let Some(library) = &self.known.sounds else { return };
        let folders: BTreeSet<&str> = library.keys().filter_map(|key| key.split_once('/')).map(|(f, _)| f).collect();
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
            let keys: BTreeSet<String> = spoken.iter().filter_map(|language| sound.library_key(language)).collect();
            for key in keys.iter().filter(|key| !library.contains_key(*key)) {
                let folder = key.split_once('/').map_or("", |(folder, _)| folder);
                let same_folder = library.keys().map(String::as_str).filter(|known| known.starts_with(folder));
                let hint = match nearest(key, same_folder) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("put the file into `sounds/{key}.wav`"),
                };
                self.problems.add(*at, format!("there is no sound `{key}`"), hint);
            }
        }
    }
}

pub(super) fn one_digit(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|digit| chars.next().is_none() && DIGITS.contains(*digit))
}

pub(super) fn variable(name: &str) -> Option<Variable> {
    if name == "language" {
        return Some(Variable::Language);
    }
    let field = name.strip_prefix("data.")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let named = field.starts_with(|c: char| c.is_ascii_alphabetic()) && field.chars().all(plain);
    named.then(|| Variable::Data(field.to_owned()))
}
