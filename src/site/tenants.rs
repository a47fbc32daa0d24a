//! Several tenants on one server: one site file each, checked against each other.
//! Owns what must be one tenant's alone. In: names and texts. Out: the files, or every problem of every file.

use std::collections::BTreeMap;

use super::SiteFile;
use super::load::load;
use crate::config::{Place, Problem, Problems};

/// Reads several tenants, one file each, and checks them against each other.
///
/// # Errors
/// Every problem of every file; nothing of any file is used then.
pub fn load_all(files: &[(String, String)]) -> Result<Vec<SiteFile>, Vec<Problem>> {
    let (mut sites, mut problems) = (Vec::new(), Vec::new());
    let mut owners = BTreeMap::new();
    for (name, text) in files {
        let site = match load(name, text) {
            Ok(site) => site,
            Err(found) => {
                problems.extend(found);
                continue;
            }
        };
        for (key, value) in alone(&site) {
            let owner = owners.entry((key, value.clone())).or_insert(name);
            if *owner != name {
                problems.push(problem(name, text, key, &value, owner));
            }
        }
        sites.push(site);
    }
    if problems.is_empty() { Ok(sites) } else { Err(problems) }
}

/// What no other tenant may say. Internal numbers are a tenant's own; a public one is the whole world's, and who calls
/// it means one tenant.
fn alone(site: &SiteFile) -> Vec<(&'static str, String)> {
    let mut says = vec![("tenant", site.key.clone())];
    says.extend(site.domains.iter().map(|d| ("domains", d.clone())));
    says.extend(site.default.then(|| ("default", "true".to_owned())));
    says.extend(site.numbers.iter().filter(|n| n.number.starts_with('+')).map(|n| ("numbers", n.number.clone())));
    says
}

/// The line that has both key and value, or else the key: a file that loads has each key once, at the start of a line.
fn problem(name: &str, text: &str, key: &str, value: &str, owner: &str) -> Problem {
    let quoted = |l: &str| l.to_ascii_lowercase().contains(value);
    let of_key = text.lines().position(|l| l.starts_with(key)).unwrap_or(0);
    let of_value = text.lines().skip(of_key).position(quoted).unwrap_or(0);
    let at = Place { line: (of_key + of_value) as u32 + 1, column: 1 };
    let message = format!("`{key}` has `{value}`, which another tenant has");
    Problems::new(name, text).problem(at, message, format!("it is in `{owner}`; remove one of the two"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> (String, String) {
        (name.to_owned(), text.to_owned())
    }

    #[test]
    fn several_tenants_are_checked_against_each_other() {
        let a = "tenant: a\ndomains: [a.example, shared.example]\ndefault: true\nnumbers: [{number: \"9\", flow: f}, \
                 {number: \"+864008001234\", flow: f}]\n";
        let b = "tenant: b\ndomains: [b.example]\nnumbers: [{number: \"9\", flow: f}]\n";
        let sites = load_all(&[file("a.yaml", a), file("b.yaml", b)]).expect("they agree");
        assert_eq!(sites.iter().map(SiteFile::key).collect::<Vec<_>>(), ["a", "b"]);

        let c = "default: true\ntenant: a\ndomains:\n  - c.example\n  - Shared.Example\nnumbers:\n  \
                 - {number: \"+864008001234\", flow: f}\n";
        let problems = load_all(&[file("a.yaml", a), file("c.yaml", c), file("d.yaml", "tenant: d\n")]);
        let problems = problems.expect_err("they do not");
        let lines: Vec<String> = problems.iter().map(|p| format!("{}:{} {}", p.file, p.line, p.message)).collect();
        assert_eq!(
            lines,
            [
                "c.yaml:2 `tenant` has `a`, which another tenant has",
                "c.yaml:5 `domains` has `shared.example`, which another tenant has",
                "c.yaml:1 `default` has `true`, which another tenant has",
                "c.yaml:7 `numbers` has `+864008001234`, which another tenant has",
                "d.yaml:1 `domains` is missing",
            ]
        );
        assert_eq!(problems[0].hint, "it is in `a.yaml`; remove one of the two");
    }
}
