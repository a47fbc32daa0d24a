//! What is wrong with a file that a person wrote, where, and what to do about it.
//! Owns the form in which settings, site and flow errors are told, and the guess at what was meant.
//! Leaves to the loaders what is wrong, to the command line where it is printed.

use std::fmt;

/// One complaint. Text follows one guide: lower case, literals in backticks, then `hint:` with the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file's name as it was given to the loader.
    pub file: String,
    /// From 1; the column counts characters. What is absent points at the thing that should hold it.
    pub line: u32,
    pub column: u32,
    /// What is wrong. Names the key, as `agents[0].station.extension`.
    pub message: String,
    /// The line itself, without its indentation.
    pub source: String,
    /// What to do. May name a line of the same file.
    pub hint: String,
}

/// A point in a file: line and column from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

/// The complaints about one file, in the order in which they were found.
#[derive(Debug)]
pub struct Problems<'t> {
    file: &'t str,
    lines: Vec<&'t str>,
    found: Vec<Problem>,
}

impl<'t> Problems<'t> {
    pub fn new(file: &'t str, text: &'t str) -> Self {
        Self { file, lines: text.lines().collect(), found: Vec::new() }
    }

    pub fn add(&mut self, at: Place, message: impl Into<String>, hint: impl Into<String>) {
        let problem = self.problem(at, message, hint);
        self.found.push(problem);
    }

    /// A complaint that is kept for later instead of being added.
    pub fn problem(&self, at: Place, message: impl Into<String>, hint: impl Into<String>) -> Problem {
        let Place { line, column } = Place { line: at.line.max(1), column: at.column.max(1) };
        let source = self.lines.get(line as usize - 1).map_or(String::new(), |l| excerpt(l, column));
        Problem { file: self.file.to_owned(), line, column, message: message.into(), source, hint: hint.into() }
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// In the order of the file.
    pub fn into_vec(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|p| (p.line, p.column));
        self.found
    }

    /// The value if nothing was found; what was found otherwise.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            Some(_) | None => Err(self.into_vec()),
        }
    }
}

/// Characters of a line that are shown. A longer one is cut around the place: a file on one line fills no screen, and no
/// alarm in the journal.
const SHOWN: usize = 160;

/// The line without its indentation, or the part of it around this column.
fn excerpt(line: &str, column: u32) -> String {
    let trimmed = line.trim();
    let length = trimmed.chars().count();
    if length <= SHOWN {
        return trimmed.to_owned();
    }
    let indent = line.chars().count() - line.trim_start().chars().count();
    let at = (column as usize - 1).saturating_sub(indent);
    let from = at.saturating_sub(SHOWN / 2).min(length - SHOWN);
    let part: String = trimmed.chars().skip(from).take(SHOWN).collect();
    let (before, after) = (if from > 0 { "... " } else { "" }, if from + SHOWN < length { " ..." } else { "" });
    format!("{before}{part}{after}")
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, source, hint } = self;
        writeln!(f, "error: {message}\n  --> {file}:{line}:{column}")?;
        if !source.is_empty() {
            writeln!(f, "   |  {source}")?;
        }
        writeln!(f, "hint: {hint}")
    }
}

impl std::error::Error for Problem {}

/// All complaints as one text, an empty line between two.
pub fn print(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

/// The one of `known` that `word` is nearest to, if it is near enough to be a slip: a third of its letters, at least one.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let letters: Vec<char> = word.to_lowercase().chars().take(WORD_CHARS).collect();
    let near_enough = (letters.len() / 3).max(1);
    let distances = known.into_iter().map(|k| (distance(&letters, &k.to_lowercase()), k));
    distances.filter(|(d, k)| *d <= near_enough && *d < k.len()).min_by_key(|(d, _)| *d).map(|(_, k)| k)
}

/// ``did you mean `x`?`` or, when nothing is near, what there is to choose from.
pub fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> String {
    if let Some(k) = nearest(word, known.clone()) {
        return format!("did you mean `{k}`?");
    }
    let mut listed: Vec<String> = known.into_iter().take(LISTED + 1).map(|k| format!("`{k}`")).collect();
    if listed.is_empty() {
        return "there is none to choose from; add it, or remove this".to_owned();
    }
    if listed.len() > LISTED {
        listed[LISTED] = "...".to_owned();
    }
    format!("use one of: {}", listed.join(", "))
}

/// Letters of a word that are compared. Longer: the rest is ignored, a guess needs no more.
const WORD_CHARS: usize = 64;
/// Choices that a hint lists. More: three dots.
const LISTED: usize = 16;

/// Levenshtein's distance, a transposition of neighbours counting as one.
fn distance(from: &[char], to: &str) -> usize {
    let to: Vec<char> = to.chars().take(WORD_CHARS).collect();
    let mut rows = vec![(0..=to.len()).collect::<Vec<_>>()];
    for (i, f) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, t) in to.iter().enumerate() {
            let changed = rows[i][j] + usize::from(f != t);
            let mut best = changed.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *f == to[j - 1] && from[i - 1] == *t {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_where_and_what_to_do() {
        let mut problems = Problems::new("dialplans/sales.yaml", "steps:\n  greet:\n    then: mainmenu\n");
        let message = "`then` names step `mainmenu`, which this flow does not have";
        problems.add(Place { line: 3, column: 11 }, message, "did you mean `main_menu` (line 22)?");
        problems.add(Place::default(), "`name` is missing", "add `name: sales`");
        let printed = "\
error: `name` is missing
  --> dialplans/sales.yaml:1:1
   |  steps:
hint: add `name: sales`

error: `then` names step `mainmenu`, which this flow does not have
  --> dialplans/sales.yaml:3:11
   |  then: mainmenu
hint: did you mean `main_menu` (line 22)?
";
        assert_eq!(print(&problems.into_vec()), printed);
    }

    #[test]
    fn a_long_line_is_shown_around_its_place() {
        let text = format!("{}hereé{}", "a".repeat(100_000), "b".repeat(100_000));
        let mut problems = Problems::new("f", &text);
        problems.add(Place { line: 1, column: 100_001 }, "wrong", "mend it");
        problems.add(Place { line: 1, column: 9 }, "wrong", "mend it");
        problems.add(Place { line: 1, column: 4_000_000_000 }, "wrong", "mend it");
        let shown: Vec<String> = problems.into_vec().into_iter().map(|p| p.source).collect();
        assert!(shown.iter().all(|source| source.chars().count() <= 170), "{shown:?}");
        assert!(shown[0].starts_with("aaa") && shown[0].ends_with("a ..."), "{}", shown[0]);
        assert!(shown[1].contains("ahereéb") && shown[1].starts_with("... "), "{}", shown[1]);
        assert!(shown[2].ends_with('b'), "{}", shown[2]);
    }

    #[test]
    fn guesses_a_slip_and_nothing_farther() {
        let known = ["extensions", "groups", "agents", "main_menu", "ms"];
        let rows = [
            ("extension", Some("extensions")),
            ("gruops", Some("groups")),
            ("Agents", Some("agents")),
            ("mainmenu", Some("main_menu")),
            ("trunks", None),
            ("x", None),
            ("", None),
        ];
        for (word, expected) in rows {
            assert_eq!(nearest(word, known), expected, "{word}");
        }
        assert_eq!(did_you_mean("q", ["a1", "b2"]), "use one of: `a1`, `b2`");
    }
}
