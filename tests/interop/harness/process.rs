//! A program that a test started: its output in a file, killed by its id when dropped, its log printed when a test fails.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::wait;

pub struct Process {
    child: Child,
    name: String,
    /// Printed when the test fails; the program's output first.
    logs: Vec<PathBuf>,
}

/// How much of a log's end a failed test shows.
const TAIL_BYTES: usize = 8_000;

impl Process {
    /// # Panics
    /// When the program is not installed; `tests/run` installs what is needed.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Self {
        let out = File::create(log).expect("the log can be made");
        let err = out.try_clone().expect("a file handle can be doubled");
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let child =
            child.unwrap_or_else(|error| panic!("`{name}` does not start: {error}; run tests/run once as root"));
        Self { child, name: name.to_owned(), logs: vec![log.to_owned()] }
    }

    pub fn also_show(&mut self, log: PathBuf) {
        self.logs.push(log);
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("our own child can be signalled");
    }

    /// No warning, as a power cut.
    pub fn kill9(&mut self) {
        self.child.kill().expect("our own child can be killed");
        self.child.wait().expect("and awaited");
    }

    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("our own child can be asked")
    }

    pub fn exit(&mut self, limit: Duration) -> ExitStatus {
        let name = self.name.clone();
        wait::until(&format!("`{name}` to end"), limit, || self.has_ended())
    }

    fn show(&self) {
        for log in &self.logs {
            let text = fs::read(log).unwrap_or_default();
            let tail = String::from_utf8_lossy(&text[text.len().saturating_sub(TAIL_BYTES)..]);
            eprintln!("---- {} ({})\n{tail}", self.name, log.file_name().unwrap_or_default().display());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.has_ended().is_none() {
            self.kill9();
        }
        if std::thread::panicking() {
            self.show();
        }
    }
}
