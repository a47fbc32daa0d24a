//! Measures the disk and the journal once a second, feeds `ledger::disk`, and carries out what it says. Tells beside it
//! that the process lives.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::clock::Clock;
use super::recorder_writer::RecorderWriter;
use crate::base::Supplies;
use crate::event::words::AlarmKind;
use crate::ledger::disk::{Disk, Output, Reading, Why};
use crate::store::{Alive, Journal};
use crate::switch::meters::NodeMeters;
use crate::tenant::words::{House, ShedReason};

const EVERY: Duration = Duration::from_secs(1);

/// What the house is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    House(House),
    /// A person must act.
    Alarm(AlarmKind, String),
    /// Nothing waits in memory any longer than it may.
    DrainAndExit,
}

pub struct DiskDriver {
    pub folder: PathBuf,
    pub journal: Arc<Journal>,
    pub recorder: Arc<RecorderWriter>,
    pub clock: Arc<Clock>,
    pub alive: Alive,
    pub supplies: Supplies,
    pub verdicts: mpsc::Sender<Verdict>,
    pub meters: Arc<NodeMeters>,
}

impl DiskDriver {
    pub async fn run(mut self) {
        let mut machine = Disk::default();
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            if let Err(error) = self.alive.tell(self.clock.t()) {
                tracing::warn!(%error, "`alive` cannot be written; after a crash calls end with their last event");
            }
            machine.handle(self.read(), self.clock.now(), &mut self.supplies);
            while let Some(output) = machine.poll() {
                let verdict = match output {
                    Output::Alarm { alarm, text } => {
                        tracing::error!(?alarm, text, "disk");
                        Verdict::Alarm(alarm, text)
                    }
                    Output::StopRecordings { gap: _ } => {
                        self.recorder.set_full(true);
                        continue;
                    }
                    Output::StartRecordings => {
                        self.recorder.set_full(false);
                        continue;
                    }
                    Output::Shed { why: Why::Disk } => Verdict::House(House::Shed(ShedReason::Disk)),
                    Output::Shed { why: Why::Journal } => Verdict::House(House::Shed(ShedReason::Journal)),
                    Output::Admit => Verdict::House(House::Open),
                    Output::DrainAndExit => Verdict::DrainAndExit,
                };
                if self.verdicts.send(verdict).await.is_err() {
                    return;
                }
            }
        }
    }

    fn read(&self) -> Reading {
        let status = self.journal.status();
        // A file system that cannot be asked is reported as unknown; the journal's own lateness still counts.
        let (free, total) = match rustix::fs::statvfs(&self.folder) {
            Ok(found) => (found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize),
            Err(error) => {
                tracing::warn!(%error, "free space cannot be read");
                (0, 0)
            }
        };
        self.meters.disk_free.set(free);
        Reading { free, total, commit_age: status.commit_age, tail_bytes: status.tail_bytes }
    }
}
