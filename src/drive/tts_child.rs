//! Text to sound: espeak-ng as a child process, one text each, and the folder of what was spoken before.
//! The text goes in by stdin, never as an argument. A child that takes too long is killed. What it made is kept under a hash
//! of language and text; when the folder is full, what was not asked for longest goes.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use sha2::{Digest, Sha256};

use crate::base::bounds::SPEECH_MAX;
use crate::media::sound::{self, RATE, Sound, SoundError};

/// What is run, found by `PATH`.
pub const PROGRAM: &str = "espeak-ng";
/// How to get it.
pub const REMEDY: &str = "install the package `espeak-ng`, or put the program where `PATH` leads";
/// Of what a child says about its failure.
const SAID_BYTES: u64 = 200;

/// Why a text was not spoken.
#[derive(Debug)]
pub enum TtsError {
    /// The program is not installed.
    Absent,
    /// It says so: most often that it has no such voice.
    Refused(String),
    TimedOut,
    /// What it wrote is no sound.
    Unusable(SoundError),
    Io(io::Error),
}

impl fmt::Display for TtsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => write!(f, "`{PROGRAM}` is not installed; hint: {REMEDY}"),
            Self::Refused(said) => write!(f, "`{PROGRAM}` refused: {said}"),
            Self::TimedOut => write!(f, "`{PROGRAM}` took too long and was killed"),
            Self::Unusable(error) => write!(f, "what `{PROGRAM}` wrote cannot be played: {error}"),
            Self::Io(error) => write!(f, "speech cannot be made: {error}"),
        }
    }
}

impl std::error::Error for TtsError {}

impl From<io::Error> for TtsError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Whether the program can be found, without running it.
pub fn is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(PROGRAM).is_file())
}

/// Speaks; several threads may at once, each with a child of its own.
#[derive(Debug)]
pub struct Tts {
    program: PathBuf,
    folder: PathBuf,
    max_bytes: u64,
    child_max: Duration,
    /// Of all files in the folder.
    bytes: Mutex<u64>,
}

impl Tts {
    /// The folder is made when there is none; what a crash left half made is removed.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(program: &Path, folder: &Path, max_bytes: u64, child_max: Duration) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut bytes = 0;
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.path().extension().is_some_and(|ending| ending == "part") {
                fs::remove_file(entry.path())?;
            } else {
                bytes += entry.metadata()?.len();
            }
        }
        let (program, folder) = (program.to_owned(), folder.to_owned());
        Ok(Self { program, folder, max_bytes, child_max, bytes: Mutex::new(bytes) })
    }

    /// From the folder, or from a child. Text that has nothing to be said is a sound of no length.
    ///
    /// # Errors
    /// As [`TtsError`] says; nothing is kept then.
    pub fn speak(&self, language: &str, text: &str) -> Result<Sound, TtsError> {
        let file = self.folder.join(format!("{}.wav", name(language, text)));
        if let Some(sound) = again(&file) {
            return Ok(sound);
        }
        // Two at the same text would write into one file.
        let part = file.with_extension(format!("{:?}.part", std::thread::current().id()));
        let made = self.run(language, text, &part).and_then(|()| self.keep(&part, &file));
        if made.is_err() {
            remove(&part);
        }
        made
    }

    fn run(&self, language: &str, text: &str, file: &Path) -> Result<(), TtsError> {
        let mut command = Command::new(&self.program);
        // -b 1: the text is UTF-8.
        command.args(["-v", &language.to_ascii_lowercase(), "-b", "1", "--stdin", "-w"]).arg(file);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => TtsError::Absent,
            _ => TtsError::Io(error),
        })?;
        if let Some(mut stdin) = child.stdin.take()
            && let Err(error) = stdin.write_all(text.as_bytes())
        {
            // It has ended already; its status says why. The text is smaller than a pipe, so this never waits.
            tracing::debug!(%error, "the text was not taken");
        }
        let status = match wait(&mut child, self.child_max) {
            Ok(Some(status)) => status,
            unfinished => {
                child.kill()?;
                child.wait()?;
                return Err(unfinished.err().map_or(TtsError::TimedOut, TtsError::Io));
            }
        };
        if status.success() {
            return Ok(());
        }
        let mut said = Vec::new();
        if let Some(stderr) = child.stderr.take() {
            stderr.take(SAID_BYTES).read_to_end(&mut said)?;
        }
        Err(TtsError::Refused(format!("{status}: {}", String::from_utf8_lossy(&said).trim())))
    }

    /// What a child made becomes the file that is found the next time.
    fn keep(&self, part: &Path, file: &Path) -> Result<Sound, TtsError> {
        let bytes = match fs::read(part) {
            Ok(bytes) => bytes,
            // Nothing in the text is said: dots, blanks.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Sound::from_linear(Vec::new())),
            Err(error) => return Err(error.into()),
        };
        let sound = match decode(&bytes) {
            Ok(sound) => sound,
            Err(SoundError::Empty) => {
                remove(part);
                return Ok(Sound::from_linear(Vec::new()));
            }
            Err(error) => return Err(TtsError::Unusable(error)),
        };
        fs::rename(part, file)?;
        self.make_room(bytes.len() as u64)?;
        Ok(sound)
    }

    /// Full: the files not asked for longest go, and some more, so that this is not done for each.
    fn make_room(&self, added: u64) -> io::Result<()> {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        *bytes += added;
        if *bytes <= self.max_bytes {
            return Ok(());
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let known = entry.metadata()?;
            files.push((known.modified()?, entry.path(), known.len()));
        }
        files.retain(|(_, path, _)| path.extension().is_some_and(|ending| ending == "wav"));
        files.sort();
        *bytes = files.iter().map(|(_, _, length)| length).sum();
        for (_, path, length) in files {
            if *bytes <= self.max_bytes / 8 * 7 {
                break;
            }
            fs::remove_file(path)?;
            *bytes -= length;
        }
        Ok(())
    }
}

/// The same for the same words in the same language.
fn name(language: &str, text: &str) -> String {
    let digest =
        Sha256::new().chain_update(language.to_ascii_lowercase()).chain_update([0]).chain_update(text).finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What was spoken before. A file that a crash left torn is made anew.
fn again(file: &Path) -> Option<Sound> {
    let bytes = fs::read(file).ok()?;
    match decode(&bytes) {
        Ok(sound) => {
            let touched =
                fs::File::options().append(true).open(file).and_then(|file| file.set_modified(SystemTime::now()));
            if let Err(error) = touched {
                tracing::debug!(%error, "the age of a spoken text was not written");
            }
            Some(sound)
        }
        Err(error) => {
            tracing::warn!(%error, "a spoken text is made anew");
            None
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Sound, SoundError> {
    let sound = sound::decode("speech.wav", bytes)?;
    let longest = usize::try_from(SPEECH_MAX.as_seconds()).unwrap_or(usize::MAX).saturating_mul(RATE as usize);
    match sound.linear().get(..longest) {
        Some(beginning) => Ok(Sound::from_linear(beginning.to_vec())),
        None => Ok(sound),
    }
}

fn remove(file: &Path) {
    if let Err(error) = fs::remove_file(file)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "a file of speech stays behind");
    }
}

/// Its end, or `None` when it has not ended by then.
fn wait(child: &mut Child, longest: Duration) -> io::Result<Option<ExitStatus>> {
    let pid = Pid::from_child(child);
    let descriptor = pidfd_open(pid, PidfdFlags::empty())?;
    let until = Instant::now() + longest;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        let mut ends = [PollFd::new(&descriptor, PollFlags::IN)];
        match poll(&mut ends, Some(&left)) {
            Ok(0) => return Ok(None),
            Ok(_) => return child.wait().map(Some),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::media::dsp;

    const LONG: Duration = Duration::from_secs(20);

    /// A program of the test's own, in a folder that goes with it.
    fn script(folder: &Path, text: &str) -> PathBuf {
        let file = folder.join("voice");
        fs::write(&file, format!("#!/bin/sh\n{text}\n")).expect("the script is written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it can be run");
        file
    }

    fn files(folder: &Path) -> usize {
        fs::read_dir(folder).expect("the folder is there").count()
    }

    #[test]
    fn text_becomes_sound_once_and_is_never_an_argument() {
        let folder = tempfile::tempdir().expect("a folder");
        let program =
            script(folder.path(), &format!("echo \"$@\" >> {}/ran\nexec {PROGRAM} \"$@\"", folder.path().display()));
        let speech = folder.path().join("speech");
        let tts = Tts::open(&program, &speech, u64::MAX, LONG).expect("a folder");
        let text = "--version; order 4711 is on its way";
        let sound = tts.speak("en-US", text).expect("it speaks");
        let seconds = sound.length().as_millis();
        assert!((1_500..8_000).contains(&seconds), "{seconds} ms");
        assert!(dsp::rms(sound.linear()) > 500.0, "{}", dsp::rms(sound.linear()));
        assert_eq!(tts.speak("en-us", text).expect("again"), sound);
        let again = Tts::open(&program, &speech, u64::MAX, LONG).expect("a folder");
        assert_eq!(again.speak("en-US", text).expect("after a restart"), sound);
        assert!(tts.speak("zh-CN", "你好").expect("another voice").length().as_millis() > 200);
        let ran = fs::read_to_string(folder.path().join("ran")).expect("it ran");
        assert_eq!(ran.lines().count(), 2, "{ran}");
        assert!(ran.starts_with("-v en-us -b 1 --stdin -w ") && !ran.contains("4711"), "{ran}");
        assert_eq!(files(&speech), 2);
    }

    #[test]
    fn what_goes_wrong_is_told_and_nothing_is_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let speech = folder.path().join("speech");
        let open = |program: &Path, longest| Tts::open(program, &speech, u64::MAX, longest).expect("a folder");
        let absent = open(&folder.path().join("nothing"), LONG).speak("en-US", "hello");
        assert!(matches!(absent, Err(TtsError::Absent)), "{absent:?}");
        let refused = open(Path::new(PROGRAM), LONG).speak("xx-XX", "hello");
        assert!(matches!(&refused, Err(TtsError::Refused(said)) if said.contains("voice")), "{refused:?}");
        let started = Instant::now();
        let slow = open(&script(folder.path(), "exec sleep 60"), Duration::from_millis(100)).speak("en-US", "hello");
        assert!(matches!(slow, Err(TtsError::TimedOut)) && started.elapsed() < LONG, "{slow:?}");
        let wrong = script(folder.path(), "while [ \"$1\" != -w ]; do shift; done; echo nonsense > \"$2\"");
        let wrong = open(&wrong, LONG).speak("en-US", "hello");
        assert!(matches!(wrong, Err(TtsError::Unusable(_))), "{wrong:?}");
        assert_eq!(open(Path::new(PROGRAM), LONG).speak("en-US", "").expect("silence").samples(), 0);
        assert_eq!(files(&speech), 0);
    }

    #[test]
    fn a_full_folder_loses_what_was_not_asked_for_longest() {
        let folder = tempfile::tempdir().expect("a folder");
        let speech = folder.path().join("speech");
        let open = |max| Tts::open(Path::new(PROGRAM), &speech, max, LONG).expect("a folder");
        let tts = open(u64::MAX);
        let file = |text: &str| speech.join(format!("{}.wav", name("en-US", text)));
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        for (text, age) in [("one", 3), ("two", 2), ("three", 1)] {
            tts.speak("en-US", text).expect("it speaks");
            let opened = fs::File::options().append(true).open(file(text)).expect("kept");
            opened.set_modified(old - Duration::from_secs(age)).expect("made older");
        }
        tts.speak("en-US", "one").expect("asked for again");
        fs::write(speech.join("left.part"), "torn").expect("writable");
        let all: u64 = ["one", "two", "three"].map(|text| fs::metadata(file(text)).expect("kept").len()).iter().sum();
        let full = open(all + 10);
        full.speak("en-US", "four").expect("it speaks");
        let left = ["one", "two", "three", "four"].map(|text| file(text).exists());
        assert!(left[0] && !left[1] && left[3], "{left:?}");
        assert!(!speech.join("left.part").exists());
    }
}
