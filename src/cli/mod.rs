//! The command line: reads files, starts the house, prints what went wrong and what to do.
//! Leaves every rule to the rooms below. Exit code 0: done; 1: could not be done; 2: the words of the call are off.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the command line reads files, starts threads and speaks to a terminal"
)]

mod before;
mod check;
mod files;
mod house;
mod measure;
mod pushes;
mod remote;
mod resite;
mod serve;
mod sites;
mod tokens;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use files::Failure;

#[derive(Parser)]
#[command(
    version,
    about = "A call centre in one process: SIP in, IVR, skill groups, two-track recording, one small API"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the call centre; without a site, the demo site
    Serve(ServeArgs),
    /// Run it with scripted callers and agents that one can watch and listen to
    Demo(crate::demo::DemoArgs),
    /// Check settings, site, dialplans and sounds without starting
    Check(ServeArgs),
    /// Replace a tenant's site by a file and print the difference; a server that runs takes it at once
    Apply {
        file: PathBuf,
        /// Print the difference and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Admin token for a server that runs; default: `CORDBOARD_TOKEN`, then the settings'
        #[arg(long)]
        token: Option<String>,
        #[command(flatten)]
        at: ServeArgs,
    },
    /// Print a tenant's site as a file
    Export {
        /// Print passwords too
        #[arg(long)]
        passwords: bool,
        /// Which tenant, when there are several
        #[arg(long)]
        tenant: Option<String>,
        #[command(flatten)]
        at: ServeArgs,
    },
    /// Look at flows without a server
    #[command(subcommand)]
    Flow(FlowCommand),
    /// Print the commented default settings
    Config,
}

#[derive(Subcommand)]
enum FlowCommand {
    /// Check flow files
    Check { files: Vec<PathBuf> },
    /// Play scripts of callers against their flow and print the way each of them goes
    Test { scripts: Vec<PathBuf> },
    /// Print a flow as a Mermaid graph
    Graph { file: PathBuf },
}

/// Where the house finds its files.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Settings; default: `cordboard.toml` when it exists
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Site file, or a folder with one per tenant; applied only when the data has no such tenant
    #[arg(long, value_name = "FILE|DIR")]
    pub site: Option<PathBuf>,
    /// Overrides `data` of the settings
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Write every SIP message into a file in this folder
    #[arg(long, value_name = "DIR")]
    pub trace_sip: Option<PathBuf>,
}

pub fn main() -> ExitCode {
    let command = Cli::parse().command.unwrap_or(Command::Serve(ServeArgs::default()));
    // The demo's own lines tell what happens.
    start_logging(if matches!(command, Command::Demo(_)) { "warn" } else { "info" });
    let result = match command {
        Command::Serve(args) => serve::serve(&args),
        Command::Demo(args) => serve::demo(&args),
        Command::Check(args) => check::check(&args),
        Command::Apply { file, dry_run, token, at } => sites::apply(&file, &at, dry_run, token),
        Command::Export { passwords, tenant, at } => sites::export(&at, tenant.as_deref(), passwords),
        Command::Flow(FlowCommand::Check { files }) => check::flows(&files),
        Command::Flow(FlowCommand::Test { scripts }) => check::test(&scripts),
        Command::Flow(FlowCommand::Graph { file }) => check::graph(&file),
        Command::Config => {
            print!("{}", crate::config::default_text());
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure(text)) => {
            eprintln!("{}", text.trim_end());
            ExitCode::FAILURE
        }
    }
}

/// `CORDBOARD_LOG` filters as `RUST_LOG` does elsewhere; without it: `level` and worse.
fn start_logging(level: &str) {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("CORDBOARD_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
