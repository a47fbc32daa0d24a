//! The walls and sizes of the house, as tests over its source text. clippy sees calls and types (`clippy.toml`); this sees
//! who imports whom, what machines name, how long things are, and whether the pages are true.
//! Owns the lists of named exceptions: they may only shrink, and one that is no longer needed fails too.
//! Each check is a function of one file, and is fed something bad once, so that it is known to bite.

#![allow(clippy::disallowed_methods, reason = "it reads the source files")]

#[path = "tidy/checks.rs"]
mod checks;
#[path = "tidy/source.rs"]
mod source;

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use checks::{FILE_LINES, FUNCTION_LINES, LONG_ON_PURPOSE};
use source::{Source, is_word};

/// Files that may be longer than the limit without a reason in their head. Remove, never add.
const LONG_FILES: [&str; 0] = [];

/// Pages that map the code: what they put in backticks is looked up.
const MAPS: [&str; 2] = ["docs/architecture.md", "CONTRIBUTING.md"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files of the repository by path below it, without what is built or recorded.
fn files() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the repository can be read") {
            let path = entry.expect("the repository can be read").path();
            let name =
                path.strip_prefix(root()).expect("below the root").to_str().expect("our names are text").to_owned();
            if ["target", "data", "demo-data", ".git", "sounds/en-US", "sounds/zh-CN"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() { folders.push(path) } else { found.push(name) }
        }
    }
    found.sort();
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All Rust files, those compiled for tests only marked.
fn sources() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(read_sources)
}

fn read_sources() -> Vec<Source> {
    let paths: Vec<String> = files().into_iter().filter(|path| path.ends_with(".rs")).collect();
    let mut for_tests: Vec<String> = Vec::new();
    for path in &paths {
        let folder = match path.strip_suffix("/mod.rs") {
            Some(folder) => folder,
            None => path.trim_end_matches(".rs"),
        };
        let modules = Source::new(path, &read(path), false).test_modules();
        for_tests.extend(modules.iter().map(|name| format!("{folder}/{name}")));
    }
    let source = |path: String| {
        let within = |of: &String| path == format!("{of}.rs") || path.starts_with(&format!("{of}/"));
        let is_test = path.starts_with("tests/") || for_tests.iter().any(within);
        Source::new(&path, &read(&path), is_test)
    };
    paths.into_iter().map(source).collect()
}

fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} places:\n{}", wrong.len(), wrong.join("\n"));
}

fn each(check: fn(&Source) -> Vec<String>) {
    let sources = sources();
    assert!(sources.len() > 100, "only {} source files were found", sources.len());
    none(sources.iter().flat_map(check).collect());
}

/// What `check` says of `text` as a file at `path`.
fn said(check: fn(&Source) -> Vec<String>, path: &str, text: &str) -> Vec<String> {
    check(&Source::new(path, text, path.starts_with("tests/")))
}

/// Path, a text there that `check` must refuse once, and one that it must pass.
type Bite<'a> = (&'a str, &'a str, &'a str);

fn bites(check: fn(&Source) -> Vec<String>, cases: &[Bite<'_>]) {
    for (path, bad, good) in cases {
        let wrong = said(check, path, bad);
        assert_eq!(wrong.len(), 1, "of {bad:?} it says {wrong:?}");
        assert_eq!(said(check, path, good), Vec::<String>::new(), "of {good:?}");
    }
}

#[test]
fn imports_go_down_only() {
    each(checks::import_direction);
}

#[test]
fn imports_go_down_only_bites() {
    let check = checks::import_direction;
    bites(
        check,
        &[
            ("src/acd/x.rs", "use crate::call::Contacts;", "use crate::{base::Time, event::Kind, site::Site};"),
            ("src/acd/x.rs", "use crate::{base::Time, tenant};", "use super::{Owner, queue::Queue};"),
            ("src/base/x.rs", "fn f() { crate::event::g() }", "// crate::event\nconst C: &str = \"crate::event::g\";"),
            ("src/switch/mod.rs", "use super::ledger::Open;", "#[cfg(test)]\nmod tests { use crate::api::X; }"),
            ("src/acd/x.rs", "use super::super::call::Act;", "use super::queue;"),
            ("src/demo/mod.rs", "use crate::cli::ServeArgs;", "use crate::drive::Clock;"),
        ],
    );
    assert_eq!(said(check, "src/cellar/mod.rs", "fn f() {}").len(), 1);
}

#[test]
fn the_door_keeps_the_api_from_the_machines() {
    let check = checks::import_direction;
    bites(
        check,
        &[
            ("src/api/x.rs", "use crate::tenant::words::Input;", "use crate::store::journal::Slot;"),
            ("src/api/x.rs", "use crate::ledger::{ContactRecord, Open};", "use crate::ledger::record::LegRecord;"),
            ("src/api/x.rs", "use crate::store::SiteStore;", "use crate::store::query::{Cursor, Filter};"),
        ],
    );
}

#[test]
fn machines_do_not_name_the_world() {
    each(checks::world);
}

#[test]
fn machines_do_not_name_the_world_bites() {
    let check = checks::world;
    bites(
        check,
        &[
            ("src/acd/x.rs", "use std::{collections::BTreeMap, fs};", "use std::collections::BTreeMap;"),
            ("src/acd/x.rs", "use std::time::Instant as I;", "use std::time::Duration;"),
            ("src/acd/x.rs", "fn f() { std::thread::yield_now() }", "fn f(instant: u8) { g::Instant::later(instant) }"),
            ("src/media/x.rs", "use std::net::{SocketAddr, UdpSocket};", "use std::net::SocketAddr;"),
            ("src/media/x.rs", "use std::collections::HashMap;", "// not a HashMap, whose order is chance"),
            ("src/call/x.rs", "async fn f() { tokio::task::yield_now().await }", "fn f() { tokio_like() }"),
            ("src/switch/code.rs", "use tokio::sync::mpsc;", "use crate::base::Time;"),
        ],
    );
    assert!(said(check, "src/switch/door.rs", "use tokio::sync::mpsc;").is_empty());
    assert!(said(check, "src/drive/x.rs", "use std::fs::File;").is_empty());
}

#[test]
fn walls_are_opened_once_per_room() {
    each(checks::permissions);
    let opened: Vec<String> = sources()
        .iter()
        .filter(|s| !s.is_test && s.shipped.contains("clippy::disallowed_methods"))
        .map(|s| s.path.clone())
        .collect();
    let missing: Vec<&str> = ["drive", "store", "api", "cli"]
        .into_iter()
        .filter(|room| !opened.contains(&format!("src/{room}/mod.rs")))
        .collect();
    assert!(missing.is_empty(), "these rooms do not say that they open the walls, or are gone: {missing:?}");
}

#[test]
fn walls_are_opened_once_per_room_bites() {
    let check = checks::permissions;
    let good =
        "#![allow(\n    clippy::disallowed_methods,\n    clippy::disallowed_types,\n    reason = \"files\"\n)]\n";
    bites(
        check,
        &[
            ("src/drive/mod.rs", "#![allow(clippy::disallowed_methods, clippy::disallowed_types)]\n", good),
            ("src/acd/mod.rs", good, "fn f() {}"),
            ("src/drive/udp.rs", good, "fn f() {}"),
            ("src/drive/mod.rs", &good.repeat(2), good),
            ("src/acd/x.rs", "#[allow(clippy::disallowed_types, reason = \"order\")]\nfn f() {}", "fn f() {}"),
            ("src/drive/mod.rs", &good.replace("#!", "#"), good),
        ],
    );
}

#[test]
fn functions_fit_a_screen() {
    each(checks::function_length);
    let of = |lines: usize| format!("fn long(a: [u8; 2]) {{\n{}}}\nfn short() {{}}\n", "    f();\n".repeat(lines - 2));
    bites(checks::function_length, &[("src/acd/x.rs", &of(FUNCTION_LINES + 1), &of(FUNCTION_LINES))]);
}

#[test]
fn every_meter_is_set() {
    none(checks::unset_meters(sources()));
    let table = Source::new("src/switch/meters.rs", "heard: \"cordboard_heard\" Counter \"\" \"packets\",\n", false);
    let with = |text: &str| {
        let user = Source::new("src/drive/x.rs", text, false);
        checks::unset_meters(&[Source::new(&table.path, &table.text, false), user])
    };
    assert_eq!(with("self.meters.heard_late.add(1);").len(), 1);
    assert_eq!(with("door.meters().heard.add(1);"), Vec::<String>::new());
}

#[test]
fn files_have_one_noun() {
    let long: Vec<(&str, String)> =
        sources().iter().flat_map(|s| checks::file_length(s).into_iter().map(|said| (s.path.as_str(), said))).collect();
    none(long.iter().filter(|(path, _)| !LONG_FILES.contains(path)).map(|(_, said)| said.clone()).collect());
    let healed = LONG_FILES.iter().filter(|path| !long.iter().any(|(found, _)| found == *path));
    none(healed.map(|path| format!("`{path}` is short now: take it off the list")).collect());
}

#[test]
fn files_have_one_noun_bites() {
    let check = checks::file_length;
    let lines = |n: usize| format!("//! Head.\n\n{}", "f!();\n// why\n".repeat(n));
    bites(
        check,
        &[
            ("src/acd/x.rs", &lines(FILE_LINES + 1), &lines(FILE_LINES)),
            ("src/drive/x.rs", &lines(checks::DRIVER_LINES + 1), &lines(checks::DRIVER_LINES)),
            ("tests/x.rs", &lines(FILE_LINES + 1), &lines(FILE_LINES)),
        ],
    );
    let excused = format!("//! {LONG_ON_PURPOSE}: one table.\n{}", lines(FILE_LINES + 1));
    assert_eq!(said(check, "src/acd/x.rs", &excused), Vec::<String>::new());
}

#[test]
fn files_say_what_they_own() {
    each(checks::head_comment);
    bites(checks::head_comment, &[("src/acd/x.rs", "use std::mem;\n", "//! Which caller waits.\nuse std::mem;\n")]);
}

#[test]
fn lines_are_not_wide() {
    each(checks::line_width);
    let wide = |n: usize| format!("// {}\n", "é".repeat(n - 3));
    bites(checks::line_width, &[("src/acd/x.rs", &wide(checks::LINE_WIDTH + 1), &wide(checks::LINE_WIDTH))]);
}

#[test]
fn nothing_is_left_for_later() {
    each(checks::banned_words);
    let check = checks::banned_words;
    let later = concat!("// TO", "DO: the rest\n");
    bites(
        check,
        &[
            ("src/acd/x.rs", later, "// all of it\n"),
            ("src/acd/x.rs", concat!("fn f() { let _", " = g(); }"), "fn f() { let _x = g(); }"),
            ("tests/x.rs", concat!("#[", "ignore]\nfn f() {}"), "#[test]\nfn f() {}"),
            ("src/drive/x.rs", concat!("fn f() { unbounded", "_channel(); }"), "fn f() { channel(BOUND); }"),
            ("src/acd/x.rs", concat!("fn f() { to", "do!() }"), "fn f() { \"to\"; }"),
        ],
    );
}

#[test]
fn tests_do_not_sleep() {
    each(checks::sleeping);
    let check = checks::sleeping;
    let sleeps = "fn f() { std::thread::sleep(D); }";
    bites(
        check,
        &[
            ("tests/x.rs", sleeps, "fn f() { wait_for(event); }"),
            ("src/acd/x.rs", sleeps, "fn f() {}"),
            ("src/drive/x.rs", &format!("#[cfg(test)]\nmod tests {{ {sleeps} }}"), sleeps),
        ],
    );
}

#[test]
fn quoted_rfcs_have_a_row() {
    let listed = checks::listed_rfcs(&read("docs/rfc.md"));
    assert!(listed.contains(&3261), "docs/rfc.md has no row of RFC 3261: {listed:?}");
    none(sources().iter().flat_map(|s| checks::quoted_rfcs(&s.path, &s.text, &listed)).collect());
}

#[test]
fn quoted_rfcs_have_a_row_bites() {
    let listed =
        checks::listed_rfcs("| RFC | Read |\n|---|---|\n| 3261 SIP | §17 |\n| 4566, 8866 SDP | all of 2327 |\n");
    assert_eq!(listed, [3261, 4566, 8866]);
    let wrong = checks::quoted_rfcs("x", concat!("RFC 3261 §17.\n", "RFC", " 3621 §17."), &listed);
    assert_eq!(wrong, [concat!("x:2: RFC", " 3621 has no row in docs/rfc.md")]);
}

fn exists(path: &str) -> bool {
    root().join(path).exists()
}

#[test]
fn pages_link_to_what_is_there() {
    let pages: Vec<String> = files().into_iter().filter(|path| path.ends_with(".md")).collect();
    none(pages.iter().flat_map(|path| checks::links(path, &read(path), &exists)).collect());
    let page = "[a](terms.md) [b](../README.md#run) [c](gone.md) [d](https://example.com/x.md) [e](#here)";
    let there = |path: &str| ["docs/terms.md", "README.md"].contains(&path);
    assert_eq!(checks::links("docs/x.md", page, &there), ["docs/x.md:1: `gone.md` is not there"]);
}

#[test]
fn maps_are_true() {
    let code: String = sources().iter().map(|s| s.code.as_str()).collect();
    let is_defined = |name: &str| {
        let mut found = code.match_indices(name);
        found.any(|(at, _)| !code[..at].ends_with(is_word) && !code[at + name.len()..].starts_with(is_word))
    };
    none(MAPS.iter().flat_map(|path| checks::map_is_true(path, &read(path), &exists, &is_defined)).collect());
    let page = "`src/acd` `acd/mod.rs` `acd/gone.rs` `Acd::settle` `Acd::unsettle` `settle()` `plain words`";
    let there = |path: &str| ["src/acd", "src/acd/mod.rs"].contains(&path);
    let wrong = checks::map_is_true("docs/x.md", page, &there, &|name| name == "settle");
    assert_eq!(
        wrong,
        ["docs/x.md:1: `acd/gone.rs` is not in the tree", "docs/x.md:1: `Acd::unsettle` is not in the tree"]
    );
}

#[test]
fn nothing_points_out_of_the_repository() {
    let ends = [".md", ".toml", ".yaml", ".html", ".json", ".tsv", "/run", "make-sounds"];
    let pages = files().into_iter().filter(|path| ends.iter().any(|end| path.ends_with(end)));
    let mut wrong: Vec<String> = pages.flat_map(|path| checks::strangers(&path, &read(&path), true)).collect();
    for source in sources() {
        let has_tests = source.is_test || source.code.contains("#[cfg(test)]");
        wrong.extend(checks::strangers(&source.path, &source.text, has_tests));
    }
    none(wrong);
    let strange = concat!("see /ro", "ot/notes\n");
    assert_eq!(
        checks::strangers("x", strange, true),
        [concat!("x:1: `/ro", "ot/` means nothing to a reader elsewhere")]
    );
    assert_eq!(checks::strangers("x", concat!("/t", "mp/x"), false).len(), 1);
    assert_eq!(checks::strangers("x", "see docs/terms.md", false), Vec::<String>::new());
}

/// The lints that stand for the walls are the ones clippy is told.
#[test]
fn clippy_knows_the_walls() {
    let told = read("clippy.toml");
    for wall in ["Instant::now", "SystemTime::now", "thread::sleep", "tokio::spawn", "HashMap", "UdpSocket"] {
        assert!(
            told.contains(&format!("::{}\"", wall)) || told.contains(&format!("\"{wall}\"")),
            "clippy.toml: {wall}"
        );
    }
    assert!(read("src/lib.rs").contains("#![forbid(unsafe_code)]"));
}

/// Complaint 17: locks that wait for each other. A machine is called, does its step and returns.
#[test]
fn row_17_no_machine_holds_a_lock_or_waits() {
    each(checks::locks);
}

#[test]
fn row_17_no_machine_holds_a_lock_or_waits_bites() {
    bites(
        checks::locks,
        &[
            ("src/acd/x.rs", "use std::sync::Mutex;", "use std::sync::Arc;"),
            ("src/tenant/x.rs", "fn f(lock: &RwLock<u8>) {}", "// no Mutex here\nfn f() {}"),
            ("src/call/x.rs", "async fn f() { g().await }", "fn f() { await_() }"),
        ],
    );
}

/// The page of complaints names tests in its last column: each of them is there.
#[test]
fn each_complaint_has_its_test() {
    let page = read("docs/complaints.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Row")).collect();
    assert!(rows.len() > 15, "{} rows", rows.len());
    none(rows.iter().flat_map(|row| untested(row)).collect());
}

/// What a row of that page names and nobody wrote.
fn untested(row: &str) -> Vec<String> {
    let tests: Vec<&str> = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap_or("").split(',').collect();
    let name = |test: &str| test.trim().trim_matches('`').to_owned();
    let is_there =
        |name: &String| !name.is_empty() && sources().iter().any(|s| s.text.contains(&format!("fn {name}(")));
    tests.into_iter().map(name).filter(|name| !is_there(name)).map(|name| format!("{row}: no test `{name}`")).collect()
}

#[test]
fn each_complaint_has_its_test_bites() {
    for bad in ["| 1 | a | b | `row_0_which_nobody_wrote` |", "| 1 | a | b | |"] {
        assert_eq!(untested(bad).len(), 1, "{bad}");
    }
    assert_eq!(untested("| 1 | a | b | `each_complaint_has_its_test_bites` |"), Vec::<String>::new());
}
