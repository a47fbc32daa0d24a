//! Loads what players say and is not in memory: spoken texts and cuts of recordings. A few threads, so that no media thread
//! waits for a disk or a child; who asked hears through his mailbox, also that there is no such sound.
//! A text that several ask for is spoken once; those spoken lately stay in memory.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::mailbox::Mailbox;
use super::media_thread::Load;
use super::tts_child::{Tts, TtsError};
use crate::base::Span;
use crate::base::bounds::{CLIP_LANE, CLIP_THREADS, SOUND_MAX, SPEECH_MEMORY_BYTES};
use crate::media::sound::Sound;
use crate::media::wav;
use crate::media::words::Clip;

/// Bytes of a sample in the forms that are kept: linear, and coded in both laws.
const SAMPLE_BYTES: usize = 4;

/// Called once when speech is not to be had, and again when that happens after it was.
pub type OnAbsent = Box<dyn Fn(&TtsError) + Send + Sync>;

pub struct ClipLoader {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    work: Mutex<Work>,
    more: Condvar,
    tts: Tts,
    /// Where recordings lie.
    recordings: PathBuf,
    on_absent: OnAbsent,
    is_absent: AtomicBool,
}

#[derive(Default)]
struct Work {
    queue: VecDeque<Clip>,
    /// Those in the queue and those being loaded, with who waits for them.
    wanted: BTreeMap<Clip, Vec<Arc<Mailbox>>>,
    memory: Memory,
    stop: bool,
}

impl ClipLoader {
    /// # Errors
    /// The system has no thread left.
    pub fn start(tts: Tts, recordings: PathBuf, on_absent: OnAbsent) -> io::Result<Self> {
        let is_absent = AtomicBool::new(false);
        let work = Mutex::default();
        let shared = Arc::new(Shared { work, more: Condvar::new(), tts, recordings, on_absent, is_absent });
        let threads = (0..CLIP_THREADS).map(|index| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new().name(format!("clips-{index}")).spawn(move || shared.run())
        });
        Ok(Self { threads: threads.collect::<io::Result<_>>()?, shared })
    }

    /// How media threads ask. Never waits; the answer is always put into the mailbox.
    pub fn asker(&self) -> Load {
        let shared = Arc::clone(&self.shared);
        Arc::new(move |clip, mailbox| shared.ask(clip, mailbox))
    }

    /// Ends when what is being loaded is. False: a thread had panicked.
    pub fn stop(self) -> bool {
        self.shared.lock().stop = true;
        self.shared.more.notify_all();
        self.threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count() == 0
    }
}

impl Shared {
    /// What the lock guards is whole after each statement, so a panic elsewhere spoils nothing.
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, clip: Clip, mailbox: &Arc<Mailbox>) {
        let mut work = self.lock();
        if let Some(sound) = work.memory.get(&clip) {
            drop(work);
            return mailbox.put_sound(clip, Some(sound));
        }
        if let Some(waiting) = work.wanted.get_mut(&clip) {
            if !waiting.iter().any(|known| Arc::ptr_eq(known, mailbox)) {
                waiting.push(Arc::clone(mailbox));
            }
            return;
        }
        if work.queue.len() >= CLIP_LANE || work.stop {
            drop(work);
            tracing::warn!(%clip, "too many sounds wait to be loaded");
            return mailbox.put_sound(clip, None);
        }
        work.wanted.insert(clip.clone(), vec![Arc::clone(mailbox)]);
        work.queue.push_back(clip);
        drop(work);
        self.more.notify_one();
    }

    fn run(&self) {
        while let Some(clip) = self.next() {
            let loaded = catch_unwind(AssertUnwindSafe(|| self.load(&clip))).unwrap_or_else(|_| {
                tracing::error!(%clip, "loading a sound panicked");
                None
            });
            let loaded = loaded.map(Arc::new);
            let mut work = self.lock();
            if let (Some(sound), Clip::Speech { .. }) = (&loaded, &clip) {
                work.memory.keep(clip.clone(), sound);
            }
            let waiting = work.wanted.remove(&clip).unwrap_or_default();
            drop(work);
            for mailbox in waiting {
                mailbox.put_sound(clip.clone(), loaded.clone());
            }
        }
    }

    fn next(&self) -> Option<Clip> {
        let mut work = self.lock();
        loop {
            if work.stop {
                return None;
            }
            if let Some(clip) = work.queue.pop_front() {
                return Some(clip);
            }
            work = self.more.wait(work).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn load(&self, clip: &Clip) -> Option<Sound> {
        match clip {
            // Those are all in memory.
            Clip::Library(_) => None,
            Clip::Speech { language, text } => self.speak(language, text),
            Clip::Recording { file, from, to } => match cut(&self.recordings, file, *from, *to) {
                Ok(sound) => Some(sound),
                Err(error) => {
                    tracing::warn!(%error, file, "a recording cannot be played");
                    None
                }
            },
        }
    }

    fn speak(&self, language: &str, text: &str) -> Option<Sound> {
        match self.tts.speak(language, text) {
            Ok(sound) => {
                self.is_absent.store(false, Ordering::Relaxed);
                Some(sound)
            }
            Err(error @ TtsError::Absent) => {
                if !self.is_absent.swap(true, Ordering::Relaxed) {
                    (self.on_absent)(&error);
                }
                None
            }
            Err(error) => {
                tracing::warn!(%error, language, "a text was not spoken");
                None
            }
        }
    }
}

/// Spoken texts, by when they were asked for.
#[derive(Default)]
struct Memory {
    sounds: BTreeMap<Clip, (u64, Arc<Sound>)>,
    by_age: BTreeMap<u64, Clip>,
    bytes: usize,
    asked: u64,
}

impl Memory {
    fn get(&mut self, clip: &Clip) -> Option<Arc<Sound>> {
        let (age, sound) = self.sounds.get_mut(clip)?;
        self.asked += 1;
        if let Some(clip) = self.by_age.remove(age) {
            self.by_age.insert(self.asked, clip);
        }
        *age = self.asked;
        Some(Arc::clone(sound))
    }

    /// Full: the one not asked for longest goes.
    fn keep(&mut self, clip: Clip, sound: &Arc<Sound>) {
        self.asked += 1;
        self.bytes += bytes(sound);
        self.by_age.insert(self.asked, clip.clone());
        if let Some((age, before)) = self.sounds.insert(clip, (self.asked, Arc::clone(sound))) {
            self.by_age.remove(&age);
            self.bytes -= bytes(&before);
        }
        while self.bytes > SPEECH_MEMORY_BYTES
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.bytes -= self.sounds.remove(&oldest).map_or(0, |(_, sound)| bytes(&sound));
        }
    }
}

fn bytes(sound: &Sound) -> usize {
    sound.samples() * SAMPLE_BYTES
}

/// Both tracks of a part as one sound. The file may still be growing: what is there counts, not what its header says.
fn cut(root: &Path, file: &str, from: Span, to: Span) -> io::Result<Sound> {
    let below = Path::new(file);
    if !below.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path leaves the recordings folder"));
    }
    let file = File::open(root.join(below))?;
    let length = file.metadata()?.len();
    let mut head = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(wav::HEADER_BYTES_MAX)];
    file.read_exact_at(&mut head, 0)?;
    let foreign = |_: wav::NotOurs| io::Error::new(io::ErrorKind::InvalidData, "no recording of this server");
    let (format, part) = wav::part(&head, length, from, to.min(from + SOUND_MAX)).map_err(foreign)?;
    let mut bytes = vec![0; usize::try_from(part.end - part.start).unwrap_or(0)];
    file.read_exact_at(&mut bytes, part.start)?;
    Ok(Sound::from_linear(wav::mono(format, &bytes)))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::drive::tts_child::PROGRAM;
    use crate::media::wav::Format;

    const LONG: Duration = Duration::from_secs(20);

    fn speech(text: &str) -> Clip {
        Clip::Speech { language: "en-US".to_owned(), text: text.to_owned() }
    }

    fn loader(folder: &Path, program: &str, on_absent: OnAbsent) -> ClipLoader {
        let tts = Tts::open(Path::new(program), &folder.join("speech"), u64::MAX, LONG).expect("a folder");
        ClipLoader::start(tts, folder.to_owned(), on_absent).expect("threads")
    }

    /// Waits for so many answers.
    fn answers(mailbox: &Mailbox, count: usize) -> Vec<(Clip, Option<usize>)> {
        let (until, mut got) = (Instant::now() + LONG, Vec::new());
        while got.len() < count && Instant::now() < until {
            got.extend(mailbox.take().sounds.into_iter().map(|(clip, sound)| (clip, sound.map(|s| s.samples()))));
            std::thread::yield_now();
        }
        got.sort();
        got
    }

    #[test]
    fn who_asks_gets_each_sound_or_hears_that_there_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = wav::header(Format::Pcm16, 0);
        (0..16_000).for_each(|_| file.extend([0xE8, 0x03, 0xD0, 0x07]));
        std::fs::write(folder.path().join("a.wav"), &file).expect("writable");
        let loader = loader(folder.path(), PROGRAM, Box::new(|error| panic!("{error}")));
        let (ask, first, second) = (loader.asker(), Mailbox::new().expect("one"), Mailbox::new().expect("two"));
        let (first, second) = (Arc::new(first), Arc::new(second));
        let part = |file: &str, from, to| Clip::Recording {
            file: file.to_owned(),
            from: Span::millis(from),
            to: Span::millis(to),
        };
        for clip in [speech("hello"), part("a.wav", 500, 1_500), part("a.wav", 1_900, 9_000), part("../a.wav", 0, 1)] {
            ask(clip.clone(), &first);
            ask(clip, &second);
        }
        let got = answers(&first, 4);
        assert_eq!(got, answers(&second, 4));
        let lengths: Vec<_> = got.iter().map(|(_, length)| *length).collect();
        assert_eq!(lengths[1..], [None, Some(8_000), Some(800)], "{got:?}");
        assert!(lengths[0].is_some_and(|length| length > 2_000), "{got:?}");
        ask(speech("hello"), &first);
        assert_eq!(answers(&first, 1), got[..1], "from memory");
        assert!(loader.stop());
    }

    #[test]
    fn a_voice_that_is_not_installed_is_told_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (tell, told) = channel();
        let on_absent = move |error: &TtsError| tell.send(error.to_string()).expect("the test listens");
        let loader = loader(folder.path(), "/nonexistent/voice", Box::new(on_absent));
        let (ask, mailbox) = (loader.asker(), Arc::new(Mailbox::new().expect("one")));
        ask(speech("one"), &mailbox);
        ask(speech("two"), &mailbox);
        assert_eq!(answers(&mailbox, 2), [(speech("one"), None), (speech("two"), None)]);
        assert!(loader.stop());
        drop(ask);
        assert_eq!(told.iter().map(|said| said.contains("install")).collect::<Vec<_>>(), [true]);
    }

    #[test]
    fn memory_loses_what_was_not_asked_for_longest() {
        let mut memory = Memory::default();
        let sound = Arc::new(Sound::from_linear(vec![0; SPEECH_MEMORY_BYTES / SAMPLE_BYTES / 3 / 160 * 160]));
        for text in ["a", "b", "c"] {
            memory.keep(speech(text), &sound);
        }
        assert!(memory.get(&speech("a")).is_some());
        memory.keep(speech("d"), &sound);
        let left = ["a", "b", "c", "d"].map(|text| memory.get(&speech(text)).is_some());
        assert_eq!(left, [true, false, true, true]);
        memory.keep(speech("a"), &sound);
        assert_eq!((memory.sounds.len(), memory.by_age.len(), memory.bytes), (3, 3, 3 * bytes(&sound)));
    }
}
