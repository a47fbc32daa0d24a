//! `docs/coverage.md` is true: each command, query, field and kind of event it names exists, no row is blank, and its
//! sums are those of its rows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

const SERVED: &str = "| operation or event | served by |";
const ELSEWHERE: &str = "| matter | operations | how many |";
const MISSING: &str = "| API | operation or event | what is missing |";
const SUMS: &str = "| API | rows | not served yet | elsewhere | core |";

/// Read when the test runs, so that a change of the page is judged without a build.
fn read(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn page() -> String {
    read("docs/coverage.md")
}

/// What a row may name.
struct Known {
    api: Value,
    text: String,
    /// Kinds of events with the fields of their sample.
    kinds: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    fn now() -> Self {
        let api = super::super::docs::describe();
        let mut kinds = BTreeMap::new();
        for line in read("src/event/golden.jsonl").lines() {
            let sample: Value = serde_json::from_str(line).expect("a golden line is JSON");
            let kind = sample["kind"].as_str().expect("a sample has a kind").to_owned();
            let fields = sample.as_object().expect("an event is an object").keys().cloned().collect();
            kinds.insert(kind, fields);
        }
        Self { text: api.to_string(), api, kinds }
    }

    /// The fields that `METHOD /path` takes in its query and its body; none if it takes any.
    fn fields(&self, method: &str, path: &str) -> Result<Option<BTreeSet<String>>, String> {
        let operation = &self.api["paths"][path][method.to_lowercase()];
        if operation.is_null() {
            return Err(format!("the API has no `{method} {path}`"));
        }
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let mut fields: BTreeSet<String> =
            parameters.iter().filter_map(|p| p["name"].as_str().map(str::to_owned)).collect();
        let mut schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        if let Some(of) = schema["oneOf"].as_array() {
            schema = of.iter().find(|one| !one["$ref"].is_null()).unwrap_or(schema);
        }
        if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
            schema = &self.api["components"]["schemas"][name];
        }
        match schema["properties"].as_object() {
            Some(properties) => fields.extend(properties.keys().cloned()),
            None if !schema.is_null() => return Ok(None),
            None => (),
        }
        Ok(Some(fields))
    }

    /// Whether the API's description uses this word for a field or a value.
    fn says(&self, word: &str) -> bool {
        self.text.contains(&format!("\"{word}\"")) || self.text.contains(&format!("`{word}`"))
    }
}

/// The texts between backticks.
fn spans(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The keys of `{a, b: x, c: {d}}`: `a`, `b`, `c`.
fn keys(braces: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut parts) = (0, 1, Vec::new());
    for (at, letter) in braces.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => (),
        }
        if (letter == ',' && depth == 1) || (letter == '}' && depth == 0) {
            parts.push(&braces[begin..at]);
            begin = at + 1;
        }
    }
    parts.iter().map(|part| part.split(':').next().unwrap_or(part).trim()).collect()
}

/// What is wrong with what `cell` says serves an operation.
fn wrong(known: &Known, cell: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut named = false;
    let mut fields: Option<BTreeSet<String>> = None;
    for span in spans(cell) {
        if let Some((method, path)) = span.split_once(" /") {
            named = true;
            match known.fields(method, &format!("/{path}")) {
                Ok(takes) => fields = takes,
                Err(problem) => problems.push(problem),
            }
        } else if span.starts_with('{') {
            let unknown =
                keys(span).into_iter().filter(|key| fields.as_ref().is_some_and(|takes| !takes.contains(*key)));
            problems.extend(unknown.map(|key| format!("`{key}` in `{cell}` is no field of it")));
        } else if let Some(has) = known.kinds.get(span) {
            named = true;
            fields = Some(has.clone());
        } else if !known.says(span) {
            problems.push(format!("nothing is called `{span}`"));
        }
    }
    if !named && !cell.starts_with("the refusal") {
        problems.push(format!("`{cell}` names no command, query or event"));
    }
    problems
}

/// The rows below each head line like `head`, with the section they stand in.
fn rows<'p>(page: &'p str, head: &str) -> Vec<(&'p str, Vec<&'p str>)> {
    let (mut section, mut inside, mut found) = ("", false, Vec::new());
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        }
        if line == head {
            inside = true;
        } else if !line.starts_with('|') {
            inside = false;
        } else if inside && !line.starts_with("|---") {
            found.push((section, line.trim_matches('|').split('|').map(str::trim).collect()));
        }
    }
    found
}

#[test]
fn each_row_of_the_coverage_page_is_served_by_what_exists() {
    let (known, page) = (Known::now(), page());
    let served = rows(&page, SERVED);
    assert!(served.len() > 250, "only {} rows were found", served.len());
    let mut problems = Vec::new();
    for (_, row) in &served {
        assert_eq!(row.len(), 2, "{row:?}");
        problems.extend(wrong(&known, row[1]).into_iter().map(|problem| format!("{}: {problem}", row[0])));
    }
    assert!(problems.is_empty(), "{} problems in docs/coverage.md:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn the_sums_of_the_coverage_page_are_those_of_its_rows() {
    let page = page();
    let count = |section: &str, head: &str| rows(&page, head).iter().filter(|(of, _)| *of == section).count();
    let mut all = [0; 4];
    for (_, row) in rows(&page, SUMS) {
        let said: Vec<usize> = row[1..].iter().map(|sum| sum.parse().expect("a sum")).collect();
        if row[0] == "all" {
            assert_eq!(said, all);
            continue;
        }
        let elsewhere = rows(&page, ELSEWHERE).into_iter().filter(|(of, _)| *of == row[0]);
        let elsewhere: usize = elsewhere
            .map(|(_, listed)| {
                let names = listed[1].split(", ").filter(|name| !name.is_empty()).count();
                assert_eq!(names.to_string(), listed[2], "{}: {}", row[0], listed[0]);
                names
            })
            .sum();
        let missing = rows(&page, MISSING);
        let missing = missing.iter().filter(|(_, cells)| cells[0] == row[0] && !cells[1].ends_with(')')).count();
        let counted = [count(row[0], SERVED), missing, elsewhere];
        assert_eq!(said, [counted[0], counted[1], counted[2], counted.iter().sum()], "{}", row[0]);
        for (sum, said) in all.iter_mut().zip(said) {
            *sum += said;
        }
    }
    assert!(all[3] > 570, "{all:?}");
}

#[test]
fn what_does_not_exist_is_not_coverage() {
    let known = Known::now();
    let cases = [
        ("`POST /v1/agents/{id}/ready` `{force}`", 0),
        ("`leg_held`, `agent_wish` `{wish}`", 0),
        ("`GET /v1/agents` (`ready`)", 0),
        ("`POST /v1/calls/{contact}/transfer` `{agent, mode: blind, to: {flow}}`", 0),
        ("`POST /v1/agents/{id}/dance`", 1),
        ("`POST /v1/agents/{id}/ready` `{tempo}`", 1),
        ("`leg_held` `{tempo}`", 1),
        ("`leg_danced`, `leg_held`", 1),
        ("", 1),
        ("later", 1),
    ];
    for (cell, problems) in cases {
        assert_eq!(wrong(&known, cell).len(), problems, "{cell}: {:?}", wrong(&known, cell));
    }
}
