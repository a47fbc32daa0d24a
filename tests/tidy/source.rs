//! Rust source as the checks want it: comments and text blanked, tests cut out, imports spelled out, functions measured.
//! Owns a small reader of Rust's lexis; knows no rule of the house. In: path and text. Out: [`Source`].

/// One file. Every field has as many lines as the file, so that an offset gives the line everywhere.
pub struct Source {
    /// Below the repository, with `/`.
    pub path: String,
    pub text: String,
    /// Without comments and without what stands in quotes.
    pub code: String,
    /// `code` without `#[cfg(test)]` modules.
    pub shipped: String,
    /// The whole file is compiled for tests only.
    pub is_test: bool,
}

/// A function with a body.
pub struct Function {
    pub name: String,
    pub line: usize,
    pub lines: usize,
}

/// A path by which code names something: `use` trees are spelled out, `crate::a::{b, c}` is two.
pub struct Named {
    pub path: String,
    pub line: usize,
}

impl Source {
    pub fn new(path: &str, text: &str, is_test: bool) -> Self {
        let code = blank(text);
        let shipped = if is_test { keep_lines(&code) } else { without_tests(&code) };
        Self { path: path.to_owned(), text: text.to_owned(), code, shipped, is_test }
    }

    /// `src/acd/queue.rs` is in `acd`, `src/main.rs` in `main`; what is not in `src` is in no room.
    pub fn room(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or("");
        inside.split('/').next().unwrap_or("").trim_end_matches(".rs")
    }

    /// Lines that are neither empty nor comment nor test.
    pub fn code_lines(&self) -> usize {
        let of = if self.is_test { &self.code } else { &self.shipped };
        of.lines().filter(|line| !line.trim().is_empty()).count()
    }

    /// Names of the modules that this file has for tests only: `#[cfg(test)] mod proof;`.
    pub fn test_modules(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("#[cfg(test)]") {
            let words = self.code[at + 12..].trim_start();
            let words = words.strip_prefix("pub ").unwrap_or(words);
            if let Some(name) = words.strip_prefix("mod ").map(word)
                && words[4 + name.len()..].trim_start().starts_with(';')
            {
                found.push(name.to_owned());
            }
        }
        found
    }

    /// Every path in shipped code that has `::`, those of imports in full.
    pub fn named(&self) -> Vec<Named> {
        let (uses, rest) = split_uses(&self.shipped);
        let mut named = inline_paths(&rest);
        for (at, tree) in uses {
            let line = line_of(&self.shipped, at);
            let mut leaves = Vec::new();
            spell_out("", &tree, &mut leaves);
            named.extend(leaves.into_iter().map(|path| Named { path, line }));
        }
        named
    }

    pub fn functions(&self) -> Vec<Function> {
        let mut found = Vec::new();
        for (at, _) in self.code.match_indices("fn ") {
            let name = word(self.code[at + 3..].trim_start());
            if name.is_empty() || self.code[..at].chars().next_back().is_some_and(is_word) {
                continue;
            }
            if let Some(body) = body_of(&self.code[at..]) {
                let line = line_of(&self.code, at);
                let lines = self.code[at..at + body].lines().count();
                found.push(Function { name: name.to_owned(), line, lines });
            }
        }
        found
    }
}

pub fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The word that `text` begins with.
pub fn word(text: &str) -> &str {
    &text[..text.find(|c| !is_word(c)).unwrap_or(text.len())]
}

fn keep_lines(text: &str) -> String {
    text.chars().filter(|c| *c == '\n').collect()
}

/// Comments and the insides of literals as blanks; newlines stay.
fn blank(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_word = out.chars().next_back().is_some_and(is_word);
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if first == '"' {
            quoted(rest)
        } else if first == '\'' {
            character(rest)
        } else if !after_word && let Some(raw) = raw_text(rest) {
            raw
        } else {
            0
        };
        if length == 0 {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            out.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    out
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if text[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A character in quotes; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut inside = text.char_indices().skip(1);
    match inside.next() {
        Some((_, '\\')) => {
            inside.next();
            inside.find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1)
        }
        Some(_) => inside.next().filter(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}

/// `r"..."`, `br#"..."#` and their like.
fn raw_text(text: &str) -> Option<usize> {
    let start = ["r", "br"].iter().find(|p| text.strip_prefix(**p).is_some_and(|r| r.starts_with(['"', '#'])))?.len();
    let hashes = text[start..].chars().take_while(|c| *c == '#').count();
    let inside = text[start + hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(inside.find(&end).map_or(text.len(), |at| start + hashes + 1 + at + end.len()))
}

/// `code` with each `#[cfg(test)]` item that has a body blanked.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    for (at, _) in code.match_indices("#[cfg(test)]") {
        if let Some(length) = body_of(&code[at..]) {
            out.replace_range(at..at + length, &keep_lines_and_length(&code[at..at + length]));
        }
    }
    out
}

fn keep_lines_and_length(text: &str) -> String {
    text.bytes().map(|b| if b == b'\n' { '\n' } else { ' ' }).collect()
}

/// Up to and with the brace that closes the item `text` begins with; `None` when it ends with `;` first.
fn body_of(text: &str) -> Option<usize> {
    let (mut braces, mut others) = (0i32, 0i32);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => others += 1,
            ')' | ']' => others -= 1,
            ';' if braces == 0 && others == 0 => return None,
            '{' => braces += 1,
            '}' => {
                braces -= 1;
                if braces == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The trees of all `use` items with their places, and the code without them.
fn split_uses(code: &str) -> (Vec<(usize, String)>, String) {
    let mut rest = code.to_owned();
    let mut uses = Vec::new();
    for (at, _) in code.match_indices("use ") {
        if code[..at].chars().next_back().is_some_and(is_word) {
            continue;
        }
        let Some(end) = code[at..].find(';') else { continue };
        uses.push((at, code[at + 4..at + end].to_owned()));
        rest.replace_range(at..at + end, &keep_lines_and_length(&code[at..at + end]));
    }
    (uses, rest)
}

/// `a::{b, c::{d as e, self}}` as `a::b`, `a::c::d`, `a::c`.
fn spell_out(prefix: &str, tree: &str, out: &mut Vec<String>) {
    let tree = tree.trim();
    match tree.split_once('{') {
        Some((stem, list)) => {
            let prefix = format!("{prefix}{}", stem.trim());
            let list = list.rsplit_once('}').map_or(list, |(list, _)| list);
            let (mut depth, mut from) = (0, 0);
            for (at, c) in list.char_indices().chain([(list.len(), ',')]) {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        if !list[from..at].trim().is_empty() {
                            spell_out(&prefix, &list[from..at], out);
                        }
                        from = (at + 1).min(list.len());
                    }
                    _ => {}
                }
            }
        }
        None => {
            let name = tree.split(" as ").next().unwrap_or(tree).trim();
            let path =
                if name == "self" { prefix.trim_end_matches("::").to_owned() } else { format!("{prefix}{name}") };
            out.push(path);
        }
    }
}

fn inline_paths(code: &str) -> Vec<Named> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, c) in code.char_indices().chain([(code.len(), ' ')]) {
        match start {
            None if is_word(c) => start = Some(at),
            Some(from) if !is_word(c) && c != ':' => {
                let path = code[from..at].trim_end_matches(':');
                if path.contains("::") {
                    found.push(Named { path: path.to_owned(), line: line_of(code, from) });
                }
                start = None;
            }
            _ => {}
        }
    }
    found
}

#[test]
fn source_is_read_as_rust_reads_it() {
    let text = concat!(
        "//! head std::fs\n",
        "use crate::{acd, ivr::{Run as R, words::{self, Input}}};\n",
        "fn one<'a>(x: &'a [u8; 2]) -> char {\n",
        "    let s = \"} std::thread \\\" {\"; let r = r#\"tokio::\"#;\n",
        "    let c = '\\''; crate::call::act(s, r);\n",
        "    c /* } { */\n",
        "}\n",
        "#[cfg(test)]\nmod proof;\n",
        "#[cfg(test)]\nmod tests {\n    use crate::api::X;\n    fn two() {}\n}\n",
    );
    let source = Source::new("src/acd/x.rs", text, false);
    let named: Vec<_> = source.named().into_iter().map(|n| (n.path, n.line)).collect();
    let expected = [
        ("crate::call::act", 5),
        ("crate::acd", 2),
        ("crate::ivr::Run", 2),
        ("crate::ivr::words", 2),
        ("crate::ivr::words::Input", 2),
    ];
    assert_eq!(named, expected.map(|(path, line)| (path.to_owned(), line)));
    let functions: Vec<_> = source.functions().into_iter().map(|f| (f.name, f.line, f.lines)).collect();
    assert_eq!(functions, [("one".to_owned(), 3, 5), ("two".to_owned(), 13, 1)]);
    assert_eq!((source.room(), source.code_lines(), source.test_modules()), ("acd", 8, vec!["proof".to_owned()]));
}
