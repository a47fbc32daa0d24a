//! The rules of the house over one file each: what is wrong with it, as lines `path:line: what`.
//! Owns the rules; their lists of named exceptions stand in `tidy.rs`. In: [`Source`] or text. Out: complaints.

use super::source::{Source, is_word, line_of, word};

/// From the ground up; a room imports from storeys below its own.
pub const STOREYS: [&[&str]; 13] = [
    &["base"],
    &["event"],
    &["switch", "ledger"],
    &["config", "sdp"],
    &["site", "media"],
    &["sip"],
    &["call", "acd", "ivr", "dialer"],
    &["tenant"],
    &["store"],
    &["drive"],
    &["api", "dialects", "console"],
    &["demo"],
    &["cli"],
];
/// The rooms at the door take words and answers, no machine and no driver.
const AT_THE_DOOR: [&str; 3] = ["api", "dialects", "console"];
const THROUGH_THE_DOOR: [&str; 7] = ["base", "event", "site", "switch", "store::query", "store::journal", "ledger"];
/// Of the ledger these take what a record is made of.
const OF_THE_LEDGER: [&str; 2] = ["ledger::ContactRecord", "ledger::record"];
/// Rooms that touch the world.
pub const DRIVERS: [&str; 9] = ["drive", "store", "api", "dialects", "console", "cli", "demo", "main", "lib"];
pub const WAITING_FILE: &str = "src/switch/door.rs";
/// What only drivers name.
const OF_THE_WORLD: [&str; 9] = [
    "tokio",
    "std::fs",
    "std::thread",
    "std::process",
    "std::env",
    "std::time::Instant",
    "std::time::SystemTime",
    "rusqlite",
    "socket2",
];
const WORLDLY_WORDS: [&str; 6] = ["UdpSocket", "TcpStream", "TcpListener", "SystemTime", "HashMap", "HashSet"];
pub const FUNCTION_LINES: usize = 80;
pub const FILE_LINES: usize = 600;
pub const DRIVER_LINES: usize = 300;
pub const LINE_WIDTH: usize = 140;
pub const LONG_ON_PURPOSE: &str = "Long on purpose";

/// A driver or part of the way to one.
fn touches_the_world(source: &Source) -> bool {
    source.path == WAITING_FILE || DRIVERS.contains(&source.room())
}

fn storey(room: &str) -> Option<usize> {
    STOREYS.iter().position(|rooms| rooms.contains(&room))
}

pub fn import_direction(source: &Source) -> Vec<String> {
    let Some(own) = storey(source.room()) else {
        let known = !source.path.starts_with("src/") || ["main", "lib"].contains(&source.room());
        return if known { Vec::new() } else { vec![format!("{}:1: this room stands on no storey", source.path)] };
    };
    let mut wrong = Vec::new();
    // `src/acd/queue.rs` is two deep: `super::super` leaves its room.
    let depth = source.path.split('/').count() - 1 - usize::from(source.path.ends_with("/mod.rs"));
    for named in source.named() {
        if named.path.split("::").take_while(|part| *part == "super").count() >= depth {
            wrong.push(format!("{}:{}: `{}` leaves the room by the back", source.path, named.line, named.path));
        }
        let Some(path) = named.path.strip_prefix("crate::") else { continue };
        let room = word(path);
        if room == source.room() {
            continue;
        }
        if storey(room).is_none_or(|other| other >= own) {
            wrong.push(format!("{}:{}: `{}` is not below this room", source.path, named.line, named.path));
        }
        let begins = |allowed: &str| path == allowed || path.starts_with(&format!("{allowed}::"));
        let passes =
            THROUGH_THE_DOOR.iter().any(|a| begins(a)) && (room != "ledger" || OF_THE_LEDGER.iter().any(|a| begins(a)));
        if AT_THE_DOOR.contains(&source.room()) && !passes {
            wrong.push(format!("{}:{}: `{}` is behind the door", source.path, named.line, named.path));
        }
    }
    wrong
}

pub fn world(source: &Source) -> Vec<String> {
    if touches_the_world(source) || !source.path.starts_with("src/") {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    for named in source.named() {
        let of_the_world = |w: &str| named.path == *w || named.path.starts_with(&format!("{w}::"));
        let by_word = named.path.split("::").any(|part| WORLDLY_WORDS.contains(&part));
        if by_word || OF_THE_WORLD.iter().any(|w| of_the_world(w)) || named.path.ends_with("Instant::now") {
            wrong.push(format!("{}:{}: a machine names `{}`", source.path, named.line, named.path));
        }
    }
    wrong
}

/// One permission per room, at its top, with its reason.
/// What waits for somebody else.
const LOCKS: [&str; 5] = ["Mutex", "RwLock", "Condvar", "async", "await"];

/// A machine has no lock and waits for nobody.
pub fn locks(source: &Source) -> Vec<String> {
    if !source.path.starts_with("src/") || touches_the_world(source) {
        return Vec::new();
    }
    let wrong = |(number, line): (usize, &str)| {
        let found = line.split(|c| !is_word(c)).find(|word| LOCKS.contains(word))?;
        Some(format!("{}:{}: a machine has no `{found}`", source.path, number + 1))
    };
    source.shipped.lines().enumerate().filter_map(wrong).collect()
}

pub fn permissions(source: &Source) -> Vec<String> {
    if !source.path.starts_with("src/") || source.is_test {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    let at_top = source.path == WAITING_FILE
        || (DRIVERS.contains(&source.room()) && source.path == format!("src/{}/mod.rs", source.room()));
    let mut given = 0;
    for (at, _) in source.shipped.match_indices("clippy::disallowed_methods") {
        given += 1;
        let begin = source.shipped[..at].rfind("#").unwrap_or(0);
        let line = line_of(&source.shipped, at);
        if !at_top || !source.shipped[begin..at].starts_with("#![allow(") {
            wrong.push(format!("{}:{line}: only the top of a room may open the walls", source.path));
        }
        let end = source.text[begin..].find(")]").map_or(source.text.len(), |end| begin + end);
        if !source.text[begin..end].contains("reason = \"") {
            wrong.push(format!("{}:{line}: the walls are opened without a reason", source.path));
        }
    }
    let types = source.shipped.matches("clippy::disallowed_types").count();
    if given > 1 || (types > given && !at_top) {
        wrong.push(format!("{}:1: the walls are opened once per room, for methods and types together", source.path));
    }
    wrong
}

pub fn function_length(source: &Source) -> Vec<String> {
    let long = source.functions().into_iter().filter(|f| f.lines > FUNCTION_LINES);
    long.map(|f| format!("{}:{}: `{}` has {} lines, over {FUNCTION_LINES}", source.path, f.line, f.name, f.lines))
        .collect()
}

pub fn file_length(source: &Source) -> Vec<String> {
    let lines = source.code_lines();
    let head: String = source.text.lines().take_while(|line| line.starts_with("//!")).collect();
    let limit = if source.room() == "drive" && !source.is_test { DRIVER_LINES } else { FILE_LINES };
    if lines > limit && !head.contains(LONG_ON_PURPOSE) {
        return vec![format!("{}:1: {lines} lines of code, over {limit}", source.path)];
    }
    Vec::new()
}

pub fn head_comment(source: &Source) -> Vec<String> {
    if source.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![format!("{}:1: no head comment that says what this file owns", source.path)]
}

/// rustfmt wraps what it can; text in quotes may run on.
pub fn line_width(source: &Source) -> Vec<String> {
    let is_wide = |line: &str| line.chars().count() > LINE_WIDTH && !line.contains('"');
    let wide = source.text.lines().enumerate().filter(|(_, line)| is_wide(line));
    wide.map(|(no, _)| format!("{}:{}: wider than {LINE_WIDTH}", source.path, no + 1)).collect()
}

/// What is never written, in code or in comments. Put together here so that this file does not have it.
pub fn banned_words(source: &Source) -> Vec<String> {
    let in_code = [
        concat!("to", "do!"),
        concat!("unimplemented", "!"),
        concat!("db", "g!"),
        concat!("#[", "ignore"),
        concat!("unbounded", "_channel"),
        concat!("let _", " ="),
        concat!("let _", ":"),
    ];
    let in_text = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut wrong = Vec::new();
    let found = in_code.iter().map(|w| (w, &source.code)).chain(in_text.iter().map(|w| (w, &source.text)));
    for (banned, text) in found {
        for (at, _) in text.match_indices(*banned) {
            let alone = !text[..at].chars().next_back().is_some_and(is_word)
                && !text[at + banned.len()..].chars().next().is_some_and(is_word);
            if alone {
                wrong.push(format!("{}:{}: `{banned}`", source.path, line_of(text, at)));
            }
        }
    }
    wrong
}

/// A test is given its time or waits for an event; only drivers sleep.
pub fn sleeping(source: &Source) -> Vec<String> {
    let ships = !source.is_test && source.path.starts_with("src/");
    let mut wrong = Vec::new();
    for sleep in ["thread::sleep", "time::sleep"] {
        for (at, _) in source.code.match_indices(sleep) {
            let shipped = ships && source.shipped[at..].starts_with(sleep);
            if !shipped || !touches_the_world(source) {
                wrong.push(format!("{}:{}: `{sleep}`", source.path, line_of(&source.code, at)));
            }
        }
    }
    wrong
}

/// Numbers of the RFCs that a text quotes, with their lines.
pub fn rfcs(text: &str) -> Vec<(u32, usize)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("RFC ") {
        let digits: String = text[at + 4..].chars().take_while(char::is_ascii_digit).collect();
        if let Ok(number) = digits.parse() {
            found.push((number, line_of(text, at)));
        }
    }
    found
}

/// The RFCs that have a row: the numbers in the first cell of each.
pub fn listed_rfcs(page: &str) -> Vec<u32> {
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    cells.flat_map(|cell| cell.split(|c: char| !c.is_ascii_digit())).filter_map(|n| n.parse().ok()).collect()
}

pub fn quoted_rfcs(path: &str, text: &str, listed: &[u32]) -> Vec<String> {
    let unlisted = rfcs(text).into_iter().filter(|(number, _)| !listed.contains(number));
    unlisted.map(|(number, line)| format!("{path}:{line}: RFC {number} has no row in docs/rfc.md")).collect()
}

/// Links of a page to files; `exists` is asked with a path below the repository.
pub fn links(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut wrong = Vec::new();
    for (at, _) in text.match_indices("](") {
        let target = text[at + 2..].split([')', '#', ' ']).next().unwrap_or("");
        if target.is_empty() || target.contains("://") || target.starts_with("mailto:") {
            continue;
        }
        let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
        for part in target.split('/') {
            match part {
                ".." => drop(parts.pop()),
                "." | "" => {}
                name => parts.push(name),
            }
        }
        if !exists(&parts.join("/")) {
            wrong.push(format!("{path}:{}: `{target}` is not there", line_of(text, at)));
        }
    }
    wrong
}

/// What a page puts in backticks and looks like a file or a name of the code must be there: the map must be true.
pub fn map_is_true(
    path: &str,
    text: &str,
    exists: &dyn Fn(&str) -> bool,
    is_defined: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (no, line) in text.lines().enumerate() {
        for quoted in line.split('`').skip(1).step_by(2) {
            let is_file = quoted.contains('/') && !quoted.contains([' ', ':', '*', '<'])
                || [".rs", ".md", ".toml", ".yaml"].iter().any(|end| quoted.ends_with(end) && !quoted.contains(' '));
            let name = quoted.trim_end_matches("()").rsplit("::").next().unwrap_or("");
            let is_name = (quoted.contains("::") || quoted.ends_with("()")) && name.chars().all(is_word);
            let missing = if is_file {
                !["", "src/"].iter().any(|root| exists(format!("{root}{quoted}").trim_end_matches('/')))
            } else {
                is_name && !is_defined(name)
            };
            if missing {
                wrong.push(format!("{path}:{}: `{quoted}` is not in the tree", no + 1));
            }
        }
    }
    wrong
}

/// Paths of somebody's machine, and pages that are not in this repository.
pub fn strangers(path: &str, text: &str, is_test: bool) -> Vec<String> {
    let text = &text.to_lowercase();
    let everywhere = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("design", " §")];
    let outside_tests = [concat!("/t", "mp/")];
    let also = if is_test { &[][..] } else { &outside_tests[..] };
    let mut wrong = Vec::new();
    for strange in everywhere.iter().chain(also) {
        for (at, _) in text.match_indices(strange) {
            let line = line_of(text, at);
            wrong.push(format!("{path}:{line}: `{strange}` means nothing to a reader elsewhere"));
        }
    }
    wrong
}

/// A meter that nothing sets is a figure that says nothing happens.
pub fn unset_meters(sources: &[Source]) -> Vec<String> {
    let tables = sources.iter().filter(|s| s.path == METERS);
    let fields =
        tables.flat_map(|s| s.text.lines()).filter(|line| [" Counter", " Gauge"].iter().any(|w| line.contains(w)));
    let fields = fields.filter_map(|line| line.trim().split_once(": \"").map(|(field, _)| field));
    let is_set = |field: &&str| {
        let ways = ["meters.", "meters().", "node."].map(|of| format!("{of}{field}"));
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let said = |code: &str| ways.iter().any(|way| code.split(way.as_str()).skip(1).any(ends));
        sources.iter().any(|s| s.path != METERS && s.path.starts_with("src/") && said(&s.shipped))
    };
    fields.filter(|field| !is_set(field)).map(|field| format!("{METERS}:1: nothing sets `{field}`")).collect()
}

const METERS: &str = "src/switch/meters.rs";
