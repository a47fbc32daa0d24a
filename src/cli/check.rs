//! `cordboard check` and `flow check | graph | test`: everything that can be wrong in files, without starting.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{self, Failure};
use super::{ServeArgs, sites};
use crate::base::TenantNo;
use crate::drive::tts_child;
use crate::ivr::{self, Known};
use crate::site::{self, Numbering};

pub fn check(args: &ServeArgs) -> Result<(), Failure> {
    let settings = files::settings(args)?;
    let library = files::sounds(&settings.paths.sounds)?;
    let dialplans = files::dialplans(&settings.paths.dialplans)?;
    let keys = files::flow_keys(&dialplans);
    let tenants = site::load_all(&sites::texts(args)?)?;
    let count = tenants.len();
    let mut speaking = BTreeSet::new();
    for (index, file) in tenants.into_iter().enumerate() {
        sites::check_outside(&file, &keys, &library)?;
        let tenant = TenantNo(u16::try_from(index + 1).unwrap_or(u16::MAX));
        let site = site::plan(Numbering::new(tenant), file, &keys, &mut |_| String::new()).0;
        let flows = files::flows(&dialplans, &library, &site)?;
        speaking.extend(flows.values().filter(|flow| flow.needs_voice()).map(|flow| format!("`{}`", flow.key)));
    }
    if !speaking.is_empty() && !tts_child::is_installed() {
        let (flows, program) = (speaking.into_iter().collect::<Vec<_>>().join(", "), tts_child::PROGRAM);
        println!("warning: `{program}` is not installed; flows that speak text: {flows}\nhint: {}", tts_child::REMEDY);
    }
    println!(
        "settings, {count} {}, {} and {} are in order",
        if count == 1 { "site" } else { "sites" },
        plural(dialplans.len(), "flow"),
        plural(library.keys().count(), "sound"),
    );
    Ok(())
}

fn plural(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

pub fn flows(paths: &[PathBuf]) -> Result<(), Failure> {
    if paths.is_empty() {
        return Err(Failure::new("no file is named", "write `cordboard flow check dialplans/*.yaml`"));
    }
    let mut problems = Vec::new();
    for path in paths {
        match load(path)? {
            Ok(flow) => {
                for warning in &flow.warnings {
                    println!("{}", warning.to_string().replacen("error:", "warning:", 1));
                }
            }
            Err(more) => problems.extend(more),
        }
    }
    if !problems.is_empty() {
        return Err(problems.into());
    }
    println!("{} in order", plural(paths.len(), "flow"));
    Ok(())
}

pub fn graph(path: &Path) -> Result<(), Failure> {
    let flow = load(path)??;
    print!("{}", files::graph(&flow));
    Ok(())
}

/// Plays scripts against their flows. The way of each caller is printed; one expectation not met is a failure.
pub fn test(paths: &[PathBuf]) -> Result<(), Failure> {
    if paths.is_empty() {
        return Err(Failure::new("no script is named", "write `cordboard flow test dialplans/tests/main.yaml`"));
    }
    let (mut tests, mut failures) = (0, Vec::new());
    for path in paths {
        let script = ivr::script::load(&path.display().to_string(), &files::read(path)?)?;
        let flow = load(&path.parent().unwrap_or(Path::new(".")).join(&script.flow))??;
        let played = script.play(&Arc::new(flow));
        print!("{}", played.path);
        tests += played.tests;
        failures.extend(played.failures);
    }
    if !failures.is_empty() {
        return Err(failures.into());
    }
    println!("{} in order", plural(tests, "test"));
    Ok(())
}

fn load(path: &Path) -> Result<Result<ivr::Flow, Vec<crate::config::Problem>>, Failure> {
    Ok(ivr::load(&path.display().to_string(), &files::read(path)?, &Known::default()))
}
