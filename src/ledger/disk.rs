//! The disk machine: what the house still dares while the disk fills or stalls.
//! Owns the thresholds and their order. Leaves measuring to its driver, refusing and ending to those it tells.
//! In: [`Reading`]. Out: [`Output`]s, each once per change. Recordings never take the journal's last bytes.
//! Absent: the ballast file, which comes between shedding and draining.

use std::collections::VecDeque;

use crate::base::bounds::{
    COMMIT_AGE_MAX, DISK_ALARM_PERCENT, DISK_MARGIN_PERCENT, DISK_RECORDINGS_PERCENT, DISK_SHED_PERCENT,
    JOURNAL_TAIL_BYTES,
};
use crate::base::{Now, Span, Supplies};
use crate::event::words::{AlarmKind, RecordingGap};

/// What the driver measured, about once a second and whenever a commit is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Bytes the house may still write, and the size of the file system. 0 of 0 means: not known.
    pub free: u64,
    pub total: u64,
    /// Age of the oldest event that waits to be committed; zero when none waits.
    pub commit_age: Span,
    /// Events that wait in memory.
    pub tail_bytes: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// A person must act.
    Alarm {
        alarm: AlarmKind,
        text: String,
    },
    /// Recordings that run end with this gap, new ones are not begun.
    StopRecordings {
        gap: RecordingGap,
    },
    StartRecordings,
    /// New contacts get 503, running ones go on.
    Shed {
        why: Why,
    },
    Admit,
    /// Nothing waits in memory any longer than it may: drain, close contacts with their cause, exit non-zero.
    DrainAndExit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Too little space.
    Disk,
    /// Events are not committed.
    Journal,
}

/// How far it has come. Each state includes what the ones before it forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Space {
    Enough,
    Low,
    NoRecordings,
    Full,
}

#[derive(Debug)]
pub struct Disk {
    space: Space,
    stalled: bool,
    /// The last word: nothing follows it.
    draining: bool,
    output: VecDeque<Output>,
}

impl Default for Disk {
    fn default() -> Self {
        Self { space: Space::Enough, stalled: false, draining: false, output: VecDeque::new() }
    }
}

impl Disk {
    pub fn handle(&mut self, reading: Reading, _now: Now, _supplies: &mut Supplies) {
        let before = self.shedding();
        self.space(&reading);
        self.commits(&reading);
        if before != self.shedding() {
            self.output.push_back(self.shedding().map_or(Output::Admit, |why| Output::Shed { why }));
        }
        if reading.tail_bytes >= JOURNAL_TAIL_BYTES && !self.draining {
            self.draining = true;
            self.output.push_back(Output::DrainAndExit);
        }
    }

    pub fn poll(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// Recordings may run.
    pub fn records(&self) -> bool {
        self.space < Space::NoRecordings
    }

    fn shedding(&self) -> Option<Why> {
        if self.space == Space::Full { Some(Why::Disk) } else { self.stalled.then_some(Why::Journal) }
    }

    fn space(&mut self, reading: &Reading) {
        if reading.total == 0 {
            return;
        }
        let after = next_space(self.space, reading);
        let before = std::mem::replace(&mut self.space, after);
        let percent = reading.free.saturating_mul(100) / reading.total;
        if before < Space::Low && after >= Space::Low {
            self.alarm(AlarmKind::DiskLow, format!("{percent} % of the disk are free"));
        }
        if before < Space::NoRecordings && after >= Space::NoRecordings {
            self.output.push_back(Output::StopRecordings { gap: RecordingGap::DiskFull });
            self.alarm(AlarmKind::DiskFull, format!("{percent} % of the disk are free: recordings stopped"));
        }
        if before >= Space::NoRecordings && after < Space::NoRecordings {
            self.output.push_back(Output::StartRecordings);
        }
    }

    fn commits(&mut self, reading: &Reading) {
        let stalled = reading.commit_age >= COMMIT_AGE_MAX;
        if stalled && !self.stalled {
            let waiting = reading.commit_age.as_millis();
            self.alarm(AlarmKind::JournalStalled, format!("no commit for {waiting} ms"));
        }
        self.stalled = stalled;
    }

    fn alarm(&mut self, alarm: AlarmKind, text: String) {
        self.output.push_back(Output::Alarm { alarm, text });
    }
}

/// Down at the thresholds, up again only with a margin above them, so that a disk at a threshold does not flap.
fn next_space(before: Space, reading: &Reading) -> Space {
    let at = |state: Space, percent: u64| {
        let percent = if before >= state { percent + DISK_MARGIN_PERCENT } else { percent };
        u128::from(reading.free) * 100 < u128::from(reading.total) * u128::from(percent)
    };
    if at(Space::Full, DISK_SHED_PERCENT) {
        Space::Full
    } else if at(Space::NoRecordings, DISK_RECORDINGS_PERCENT) {
        Space::NoRecordings
    } else if at(Space::Low, DISK_ALARM_PERCENT) {
        Space::Low
    } else {
        Space::Enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{IdBlock, Ports, Rng, Time, Utc};

    #[test]
    fn each_threshold_is_told_once() {
        // Free per mille, commit age in ms, tail in MiB, what is told.
        let steps: &[(u64, i64, usize, &[&str])] = &[
            (500, 0, 0, &[]),
            (99, 0, 0, &["low"]),
            (95, 0, 0, &[]),
            (49, 0, 0, &["stop", "full"]),
            (19, 0, 0, &["shed disk"]),
            // Within the margin nothing comes back.
            (29, 0, 0, &[]),
            (31, 0, 0, &["admit"]),
            (59, 0, 0, &[]),
            (61, 0, 0, &["start"]),
            (500, 0, 0, &[]),
            (500, 1_999, 1, &[]),
            (500, 2_000, 1, &["stalled", "shed journal"]),
            (500, 9_000, 2, &[]),
            (10, 9_000, 3, &["low", "stop", "full", "shed disk"]),
            (500, 9_000, 3, &["start", "shed journal"]),
            (500, 0, 0, &["admit"]),
            (500, 9_000, 64, &["stalled", "shed journal", "drain"]),
            (500, 9_500, 65, &[]),
        ];
        let mut disk = Disk::default();
        let mut supplies = Supplies { ids: IdBlock::new(0, 0, 1), ports: Ports::default(), rng: Rng::from_number(1) };
        for (index, (free, age, tail, expected)) in steps.iter().enumerate() {
            let reading = Reading { free: *free, total: 1_000, commit_age: Span::millis(*age), tail_bytes: tail << 20 };
            disk.handle(reading, Now { t: Time(index as i64), wall: Utc(0) }, &mut supplies);
            let told: Vec<_> = std::iter::from_fn(|| disk.poll()).map(|o| name(&o)).collect();
            assert_eq!(&told, expected, "step {index}");
        }
    }

    #[test]
    fn an_unknown_disk_is_no_full_disk() {
        let mut disk = Disk::default();
        let mut supplies = Supplies { ids: IdBlock::new(0, 0, 1), ports: Ports::default(), rng: Rng::from_number(1) };
        let reading = Reading { free: 0, total: 0, commit_age: Span::ZERO, tail_bytes: 0 };
        disk.handle(reading, Now { t: Time(0), wall: Utc(0) }, &mut supplies);
        assert_eq!(disk.poll(), None);
        assert!(disk.records());
    }

    fn name(output: &Output) -> &'static str {
        match output {
            Output::Alarm { alarm: AlarmKind::DiskLow, .. } => "low",
            Output::Alarm { alarm: AlarmKind::DiskFull, .. } => "full",
            Output::Alarm { alarm: AlarmKind::JournalStalled, .. } => "stalled",
            Output::Alarm { alarm, .. } => panic!("{alarm:?} is not the disk's"),
            Output::StopRecordings { .. } => "stop",
            Output::StartRecordings => "start",
            Output::Shed { why: Why::Disk } => "shed disk",
            Output::Shed { why: Why::Journal } => "shed journal",
            Output::Admit => "admit",
            Output::DrainAndExit => "drain",
        }
    }
}
