//! The one thread that writes recordings. Appends blocks, fills holes with silence, rewrites each header every second, so
//! that a file plays at every moment and after `kill -9`. What the disk refuses is a gap, told when the recording ends.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::base::{Span, TenantNo};
use crate::event::words::RecordingGap;
use crate::media::recorder::{Block, Key, Pool, Write};
use crate::media::wav::{self, Format};
use crate::media::words::{Report, ReportBody};

/// How old a header may be while its file grows.
const HEADER_EVERY: Duration = Duration::from_secs(1);
/// Silence written at once.
const FILL_BYTES: usize = 64 << 10;
const SAMPLES_PER_MS: i64 = 8;

/// Started once; engines get a [`Sender`] each. Its queue is bounded by the engines' block pool.
#[derive(Debug)]
pub struct RecorderWriter {
    sender: Sender<Write>,
    pool: Pool,
    is_full: Arc<AtomicBool>,
    /// Of all recordings that ended, in microseconds.
    lost: Arc<AtomicI64>,
    thread: JoinHandle<()>,
}

impl RecorderWriter {
    /// Files lie below `root`. `report` gets each recording's end.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        root: PathBuf,
        format: Format,
        report: impl Fn(TenantNo, Report) + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, receiver) = channel();
        let is_full = Arc::new(AtomicBool::new(false));
        let lost = Arc::new(AtomicI64::new(0));
        let (full, all_lost) = (Arc::clone(&is_full), Arc::clone(&lost));
        let mut work = Work { root, format, files: BTreeMap::new(), is_full: full, lost: all_lost };
        let thread = std::thread::Builder::new()
            .name("recorder-writer".to_owned())
            .spawn(move || work.run(&receiver, &report))?;
        Ok(Self { sender, pool: Pool::default(), is_full, lost, thread })
    }

    /// Room for the blocks that are on their way here, for the engines to take from.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Sound that is missing in recordings that have ended.
    pub fn lost(&self) -> Span {
        Span(self.lost.load(Ordering::Relaxed))
    }

    pub fn sender(&self) -> Sender<Write> {
        self.sender.clone()
    }

    /// The disk machine says that recordings must stop, or may go on. What comes meanwhile is a gap.
    pub fn set_full(&self, is_full: bool) {
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    /// Ends when all other senders are gone and everything is written. False: the thread had panicked.
    pub fn stop(self) -> bool {
        drop(self.sender);
        self.thread.join().is_ok()
    }
}

struct Work {
    root: PathBuf,
    format: Format,
    files: BTreeMap<Key, Recording>,
    is_full: Arc<AtomicBool>,
    lost: Arc<AtomicI64>,
}

/// One open recording.
struct Recording {
    /// `Err`: it could not be made, and why.
    file: Result<File, RecordingGap>,
    /// Bytes of sound in the file, and in its header.
    data: u64,
    told: u64,
    lost: Option<RecordingGap>,
    lost_bytes: u64,
}

impl Work {
    fn run(&mut self, receiver: &Receiver<Write>, report: &dyn Fn(TenantNo, Report)) {
        let mut headers_at = Instant::now() + HEADER_EVERY;
        loop {
            match receiver.recv_timeout(headers_at.saturating_duration_since(Instant::now())) {
                Ok(write) => self.take(write, report),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if headers_at <= Instant::now() {
                self.write_headers();
                headers_at = Instant::now() + HEADER_EVERY;
            }
        }
        self.write_headers();
    }

    fn take(&mut self, write: Write, report: &dyn Fn(TenantNo, Report)) {
        match write {
            Write::Open { key, file } => {
                let recording = self.open(&file);
                self.files.insert(key, recording);
            }
            Write::Block(block) => {
                let is_full = self.is_full.load(Ordering::Relaxed);
                if let Some(recording) = self.files.get_mut(&block.key) {
                    recording.append(&block, self.format, is_full);
                }
            }
            Write::End { key, length, gap } => {
                let Some(mut recording) = self.files.remove(&key) else { return };
                recording.write_header(self.format);
                let gap = recording.gap(self.format, length, gap);
                self.lost.fetch_add(gap.map_or(0, |(_, missing)| missing.0), Ordering::Relaxed);
                let body = ReportBody::RecordingEnded { recorder: key.recorder, length, gap };
                report(key.tenant, Report { contact: key.recorder, body });
            }
        }
    }

    fn open(&self, file: &str) -> Recording {
        let made = create(&self.root, file).and_then(|made| {
            made.write_all_at(&wav::header(self.format, 0), 0)?;
            Ok(made)
        });
        let file = made.map_err(|error| {
            tracing::warn!(%error, file, "recording not made");
            why(&error)
        });
        Recording { file, data: 0, told: 0, lost: None, lost_bytes: 0 }
    }

    fn write_headers(&mut self) {
        for recording in self.files.values_mut() {
            recording.write_header(self.format);
        }
    }
}

impl Recording {
    fn append(&mut self, block: &Block, format: Format, is_full: bool) {
        let written = match &self.file {
            Ok(_) if is_full => Err(RecordingGap::DiskFull),
            Ok(file) => write_block(file, self.data, block, format).map_err(|error| why(&error)),
            Err(gap) => Err(*gap),
        };
        match written {
            Ok(end) => self.data = end,
            Err(gap) => {
                self.lost = Some(gap);
                self.lost_bytes += block.bytes.len() as u64;
            }
        }
    }

    fn write_header(&mut self, format: Format) {
        let Ok(file) = &self.file else { return };
        if self.told == self.data {
            return;
        }
        match file.write_all_at(&wav::header(format, self.data), 0) {
            Ok(()) => self.told = self.data,
            Err(error) => tracing::debug!(%error, "header of a recording not written"),
        }
    }

    /// All that is missing, under the reason that the disk gave, or else the engine's.
    fn gap(&self, format: Format, length: Span, engine: Option<(RecordingGap, Span)>) -> Option<(RecordingGap, Span)> {
        if let Err(gap) = self.file {
            return Some((gap, length));
        }
        let lost = Span::micros((self.lost_bytes / format.frame_bytes() as u64) as i64 * 1_000 / SAMPLES_PER_MS);
        match (self.lost, engine) {
            (Some(gap), engine) => Some((gap, lost + engine.map_or(Span::ZERO, |(_, span)| span))),
            (None, engine) => engine,
        }
    }
}

/// Writes a block behind `data` bytes, silence before it where bytes are missing; the bytes there are then.
fn write_block(file: &File, mut data: u64, block: &Block, format: Format) -> io::Result<u64> {
    let start = format.header_bytes() as u64;
    let silence = [format.silence(); FILL_BYTES];
    while data < block.at {
        let count = (block.at - data).min(FILL_BYTES as u64);
        file.write_all_at(&silence[..count as usize], start + data)?;
        data += count;
    }
    file.write_all_at(&block.bytes, start + block.at)?;
    Ok(block.at + block.bytes.len() as u64)
}

/// Makes the file and its folders. What exists already is never written over: it is somebody's recording.
fn create(root: &Path, file: &str) -> io::Result<File> {
    let below = Path::new(file);
    if !below.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path leaves the recordings folder"));
    }
    let path = root.join(below);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)
}

fn why(error: &io::Error) -> RecordingGap {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => RecordingGap::DiskFull,
        _ => RecordingGap::WriteFailed,
    }
}

/// Makes the header of a recording found after a crash right for its length; the length of its sound.
///
/// # Errors
/// The file cannot be read or written, or it is no recording of ours (`InvalidData`).
pub fn repair(path: &Path) -> io::Result<Span> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    let mut head = vec![0; length.min(Format::Alaw.header_bytes() as u64) as usize];
    file.read_exact_at(&mut head, 0)?;
    let foreign = |_: wav::NotOurs| io::Error::new(io::ErrorKind::InvalidData, "no recording of this server");
    let repair = wav::repair(&head, length).map_err(foreign)?;
    if let Some(repair) = &repair {
        file.write_all_at(&repair.header, 0)?;
        file.set_len(repair.length)?;
    }
    let format = if head[20] == 6 { Format::Alaw } else { Format::Pcm16 };
    let length = repair.map_or(length, |repair| repair.length);
    let samples = (length - format.header_bytes() as u64) / format.frame_bytes() as u64;
    Ok(Span::micros(samples as i64 * 1_000 / SAMPLES_PER_MS))
}

#[cfg(test)]
mod tests;
