//! Reading what the house starts from: settings, dialplans, sounds. The loaders take (name, text); files are read here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ServeArgs;
use crate::base::Span;
use crate::config::{self, Problem, Settings};
use crate::ivr::{self, Flow, Known};
use crate::media::sound::Library;
use crate::site::Site;

/// Why a command could not be done: a text for people, with what to do about it.
#[derive(Debug)]
pub struct Failure(pub String);

impl Failure {
    pub fn new(what: impl Display, hint: impl Display) -> Self {
        Self(format!("error: {what}\nhint: {hint}"))
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Self(config::print(&problems))
    }
}

const DEFAULT_SETTINGS: &str = "cordboard.toml";

pub fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        let hint = match error.kind() {
            std::io::ErrorKind::InvalidData => "save the file as UTF-8",
            _ => "check the path",
        };
        Failure::new(format_args!("`{}` cannot be read: {error}", path.display()), hint)
    })
}

pub fn settings(args: &ServeArgs) -> Result<Settings, Failure> {
    let named = args.config.clone();
    let default = PathBuf::from(DEFAULT_SETTINGS);
    let path = named.or_else(|| default.is_file().then_some(default));
    let mut settings = match path {
        Some(path) => config::load(&path.display().to_string(), &read(&path)?)?,
        None => Settings::default(),
    };
    if let Some(data) = &args.data {
        settings.data.clone_from(data);
    }
    Ok(settings)
}

/// A folder's files with one of these endings, by name.
pub fn files_in(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: std::io::Error| {
        let hint = "name the folder under `[paths]`, or start where it lies";
        Failure::new(format_args!("folder `{}` cannot be read: {error}", folder.display()), hint)
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let ending = path.extension().and_then(|e| e.to_str());
        if path.is_file() && ending.is_some_and(|e| endings.contains(&e)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// All sounds below the folder, two levels deep: `<language>/<name>.wav`, `music/<name>.wav`, `tones/<name>.wav`.
pub fn sounds(folder: &Path) -> Result<Library, Failure> {
    let mut library = Library::default();
    let mut folders: Vec<PathBuf> = std::fs::read_dir(folder)
        .map_err(|error| {
            let hint = "name the folder under `[paths]`, or start where it lies";
            Failure::new(format_args!("folder `{}` cannot be read: {error}", folder.display()), hint)
        })?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    for below in folders {
        let area = below.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        for path in files_in(&below, &["wav"])? {
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let bytes = std::fs::read(&path).map_err(|error| {
                Failure::new(format_args!("`{}` cannot be read: {error}", path.display()), "check its permissions")
            })?;
            library
                .load(&format!("{area}/{name}"), &bytes)
                .map_err(|error| Failure(format!("error: `{}`: {error}", path.display())))?;
        }
    }
    Ok(library)
}

/// The flow files as (name, text).
pub fn dialplans(folder: &Path) -> Result<Vec<(String, String)>, Failure> {
    let files = files_in(folder, &["yaml", "yml"])?;
    files.iter().map(|path| Ok((path.display().to_string(), read(path)?))).collect()
}

/// The flows of one tenant. Those that its numbers name are checked against its groups and agents; a flow of
/// another tenant's is none of its business.
pub fn flows(texts: &[(String, String)], library: &Library, site: &Site) -> Result<ivr::Flows, Vec<Problem>> {
    let named: BTreeSet<&str> = site.numbers.values().map(|n| n.flow.as_str()).collect();
    let languages = site.numbers.values().filter_map(|n| n.language.clone()).chain([site.language.clone()]);
    let known = Known {
        sounds: Some(Arc::new(lengths(library))),
        languages: languages.collect(),
        groups: Some(site.groups.values().map(|g| g.id.clone()).collect()),
        agents: Some(site.agents.values().map(|a| a.id.clone()).collect()),
    };
    let (mut flows, mut problems) = (ivr::Flows::new(), Vec::new());
    for (name, text) in texts {
        let known = match named.contains(key_of(name)) {
            true => known.clone(),
            false => Known { groups: None, agents: None, ..known.clone() },
        };
        match ivr::load(name, text, &known) {
            Ok(flow) => {
                for warning in &flow.warnings {
                    tracing::warn!("{}", warning.to_string().replacen("error:", "", 1).trim());
                }
                flows.insert(flow.key.clone(), Arc::new(flow));
            }
            Err(more) => problems.extend(more),
        }
    }
    if problems.is_empty() { Ok(flows) } else { Err(problems) }
}

fn lengths(library: &Library) -> BTreeMap<String, Span> {
    let length = |key: &str| library.get(key).map_or(Span::ZERO, |sound| sound.length());
    library.keys().map(|key| (key.to_owned(), length(key))).collect()
}

/// The stem of a flow file's name.
fn key_of(name: &str) -> &str {
    Path::new(name).file_stem().and_then(|s| s.to_str()).unwrap_or_default()
}

/// The keys of flow files, whether they load or not.
pub fn flow_keys(texts: &[(String, String)]) -> Vec<&str> {
    texts.iter().map(|(name, _)| key_of(name)).collect()
}

/// A flow as a Mermaid graph.
pub fn graph(flow: &Flow) -> String {
    let mut text = String::from("flowchart TD\n");
    for (name, node) in &flow.nodes {
        text.push_str(&format!("    {name}[\"{name}: {}\"]\n", node.kind()));
        for (exit, target) in node.exits() {
            let to = match target {
                ivr::Target::Node(no) => flow.node(no).0.to_owned(),
                ivr::Target::Hangup => "end_((end))".to_owned(),
                ivr::Target::Return => "return_((return))".to_owned(),
            };
            text.push_str(&format!("    {name} -->|{exit}| {to}\n"));
        }
    }
    text
}
