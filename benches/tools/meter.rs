//! What the benches measure with: CPU of threads, load of others, memory, order statistics, words of the command line.
//! Reads `/proc`, so it is for Linux, as the server's media thread is.

#![allow(dead_code, reason = "each bench uses its part")]

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Cores of the server and of who loads it.
pub const SERVER_CORE: usize = 0;
pub const LOAD_CORE: usize = 1;

/// Puts this thread, and those it starts from here on, on one core. On a machine without that core it stays where it is.
pub fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    if sched_setaffinity(None, &set).is_err() {
        eprintln!("not pinned to core {core}: the figures below mix server and load");
    }
}

/// CPU time of the calling thread.
pub fn own_cpu() -> Duration {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}

/// A thread of some process, by its folder in `/proc`.
#[derive(Clone, Debug)]
pub struct Thread(String);

/// The threads of a process; `self` is this one.
pub fn threads(process: &str) -> BTreeSet<String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process lives");
    tasks.map(|task| task.expect("the process lives").path().display().to_string()).collect()
}

impl Thread {
    /// Those that came since `before`.
    pub fn since(before: &BTreeSet<String>) -> Vec<Self> {
        threads("self").difference(before).cloned().map(Self).collect()
    }

    pub fn all_of(process: u32) -> Vec<Self> {
        threads(&process.to_string()).into_iter().map(Self).collect()
    }

    /// Time on a core. Nothing for a thread that has ended.
    pub fn cpu(&self) -> Duration {
        let stat = fs::read_to_string(format!("{}/schedstat", self.0)).unwrap_or_default();
        let on_core = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
        Duration::from_nanos(on_core.unwrap_or(0))
    }

    pub fn name(&self) -> String {
        fs::read_to_string(format!("{}/comm", self.0)).unwrap_or_default().trim().to_owned()
    }
}

/// What all cores did since the machine started that was not idleness, and what this process had of it.
pub fn busy() -> (Duration, Duration) {
    let stat = fs::read_to_string("/proc/stat").expect("Linux");
    let ticks: Vec<u64> =
        stat.lines().next().unwrap_or("").split_whitespace().skip(1).filter_map(|t| t.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal
    let busy: u64 = [0, 1, 2, 5, 6, 7].iter().filter_map(|&i| ticks.get(i)).sum();
    let own = clock_gettime(ClockId::ProcessCPUTime);
    (Duration::from_millis(busy * 10), Duration::new(own.tv_sec as u64, own.tv_nsec as u32))
}

/// Resident memory of a process in bytes.
pub fn resident(process: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}

pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which a part of them lies; 0 of none.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = ((sorted.len().max(1) - 1) as f64 * part).round() as usize;
    sorted.get(index).copied().unwrap_or(0.0)
}

/// The number behind `--name` on the command line.
pub fn number(name: &str, default: u64) -> u64 {
    text(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("`{name} {value}` is no number")))
}

/// The word behind `--name` on the command line.
pub fn text(name: &str) -> Option<String> {
    let words: Vec<String> = std::env::args().collect();
    let at = words.iter().position(|word| word == name)?;
    words.get(at + 1).cloned()
}

/// Where this runs, for the page of figures.
pub fn print_machine() {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("").trim_matches([' ', '\t', ':']);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    println!("{cores} x {model}, Linux {}", kernel.trim());
}
