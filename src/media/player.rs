//! A player: a list of sounds, one after the other, from a moment on. What it plays at a moment is a pure function of
//! time, so each sink and each recorder track reads it at its own pace and all of them hear the same. It stands still
//! until the last of its sounds has been loaded.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::law;
use super::sound::{Library, RATE, Sound};
use super::stream::samples;
use super::words::{Clip, PlayerSpec};
use crate::base::{Span, Time, bounds};
use crate::sdp::Codec;

#[derive(Clone, Debug)]
pub struct Player {
    spec: PlayerSpec,
    /// In the order of the state; `None`: still being loaded.
    sounds: Vec<Option<Arc<Sound>>>,
    /// While one of them is: when nobody waits for it any longer.
    until: Option<Time>,
    /// Samples of all sounds together.
    length: u64,
    /// The position at `since`; from then on it runs, unless it is paused.
    at: u64,
    since: Time,
    /// Rises when the position was changed or the player stood still: its sinks begin anew.
    turn: u32,
}

/// What a newer state of a player means for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steer {
    Same,
    /// Paused, going on, or elsewhere.
    Changed,
    /// Other sounds: it is another player.
    Another,
}

/// A sound that the library does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(pub String);

impl Player {
    /// Starts now, or when all of [`Player::awaited`] have arrived. A sound that is missing plays nothing at all: the
    /// flow has an exit for it.
    pub fn start(spec: PlayerSpec, library: &Library, now: Time) -> Result<Self, Missing> {
        let find = |clip: &Clip| match clip {
            Clip::Library(key) => library.get(key).cloned().map(Some).ok_or_else(|| Missing(key.clone())),
            Clip::Speech { .. } | Clip::Recording { .. } => Ok(None),
        };
        let sounds: Vec<_> = spec.sounds.iter().map(find).collect::<Result<_, _>>()?;
        let at = spec.position.map_or(0, |(_, at)| u64::from(samples(at)));
        let until = sounds.iter().any(Option::is_none).then(|| now + bounds::CLIP_WAIT_MAX);
        let mut player = Self { spec, sounds, until, length: 0, at, since: now, turn: 0 };
        player.measure();
        Ok(player)
    }

    fn measure(&mut self) {
        self.length = self.sounds.iter().flatten().map(|sound| sound.samples() as u64).sum();
    }

    /// The sounds it waits for, each once.
    pub fn awaited(&self) -> BTreeSet<&Clip> {
        let all = self.spec.sounds.iter().zip(&self.sounds);
        all.filter(|(_, sound)| sound.is_none()).map(|(clip, _)| clip).collect()
    }

    /// One of them is there. True: it was the last, and the player starts.
    pub fn arrive(&mut self, clip: &Clip, sound: &Arc<Sound>, now: Time) -> bool {
        if self.until.is_none() {
            return false;
        }
        for (place, _) in self.sounds.iter_mut().zip(&self.spec.sounds).filter(|(_, named)| *named == clip) {
            *place = Some(Arc::clone(sound));
        }
        if self.sounds.iter().any(Option::is_none) {
            return false;
        }
        self.measure();
        (self.until, self.since, self.turn) = (None, now, self.turn + 1);
        true
    }

    /// Neither paused nor waiting for a sound.
    fn runs(&self) -> bool {
        !self.spec.paused && self.until.is_none()
    }

    /// Applies a newer state from now on.
    pub fn steer(&mut self, spec: &PlayerSpec, now: Time) -> Steer {
        let PlayerSpec { player, sounds, repeat, is_music, paused, position } = spec;
        let mine = &self.spec;
        if (player, sounds, repeat, is_music) != (&mine.player, &mine.sounds, &mine.repeat, &mine.is_music) {
            return Steer::Another;
        }
        let asked = position.filter(|(epoch, _)| mine.position.is_none_or(|(have, _)| have < *epoch));
        let position = asked.map_or(self.position(now), |(_, at)| u64::from(samples(at)));
        if asked.is_none() && *paused == mine.paused {
            return Steer::Same;
        }
        (self.at, self.since, self.turn) = (position, now, self.turn + 1);
        self.spec = spec.clone();
        Steer::Changed
    }

    /// `None` while it stands still.
    pub fn turn(&self) -> Option<u32> {
        self.runs().then_some(self.turn)
    }

    pub fn spec(&self) -> &PlayerSpec {
        &self.spec
    }

    /// When the last sound is over, or is waited for no longer; `None` for music that repeats, and while it is paused.
    pub fn ends(&self) -> Option<Time> {
        if self.until.is_some() {
            return self.until;
        }
        let repeats = self.spec.repeat && self.length > 0;
        let left = self.length.saturating_sub(self.at);
        let ends = self.since + Span::micros(left as i64 * 1_000_000 / i64::from(RATE));
        (!repeats && !self.spec.paused).then_some(ends)
    }

    /// Since when it has been playing from one place on.
    pub fn since(&self) -> Time {
        self.since
    }

    /// Samples from the start of the first sound to what is played at `now`.
    pub fn position(&self, now: Time) -> u64 {
        self.at + if self.runs() { u64::from(samples(now - self.since)) } else { 0 }
    }

    /// Codes from `position` on; what lies behind the end is silence. False: nothing is left to play, or it is paused.
    pub fn read(&self, position: u64, codec: Codec, out: &mut [u8]) -> bool {
        let end = self.copy(position, out, |sound| sound.coded(codec));
        out[end..].fill(law::silence(codec));
        end > 0
    }

    /// The same as linear samples.
    pub fn read_linear(&self, position: u64, out: &mut [i16]) -> bool {
        let end = self.copy(position, out, |sound| sound.linear());
        out[end..].fill(0);
        end > 0
    }

    /// Fills `out` from `position` on; the number of samples that were there.
    fn copy<T: Copy>(&self, position: u64, out: &mut [T], part: impl Fn(&Sound) -> &[T]) -> usize {
        let mut filled = 0;
        while filled < out.len() && self.runs() {
            let Some((sound, at)) = self.locate(position + filled as u64) else { break };
            let from = &part(sound)[at..];
            let count = from.len().min(out.len() - filled);
            out[filled..filled + count].copy_from_slice(&from[..count]);
            filled += count;
        }
        filled
    }

    fn locate(&self, position: u64) -> Option<(&Sound, usize)> {
        let mut at = if self.spec.repeat { position.checked_rem(self.length)? } else { position };
        for sound in self.sounds.iter().flatten() {
            let length = sound.samples() as u64;
            if at < length {
                return Some((sound, at as usize));
            }
            at -= length;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PlayerId;

    fn player(sounds: &[&str], repeat: bool) -> Result<Player, Missing> {
        let mut library = Library::default();
        library.insert("a", Sound::from_linear((0..160).map(|i| i * 8).collect()));
        library.insert("b", Sound::from_linear(vec![-8_000; 320]));
        let sounds = sounds.iter().map(|key| Clip::from(*key)).collect();
        Player::start(
            PlayerSpec { player: PlayerId(1), sounds, repeat, is_music: false, paused: false, position: None },
            &library,
            Time(1_000_000),
        )
    }

    #[test]
    fn sounds_follow_each_other_and_end_in_silence() {
        let player = player(&["a", "b"], false).unwrap();
        assert_eq!(player.ends(), Some(Time(1_060_000)));
        let mut out = [1; 240];
        assert!(player.read_linear(100, &mut out));
        assert_eq!((out[0], out[59], out[60], out[239]), (800, 1_272, -8_000, -8_000));
        assert!(player.read_linear(400, &mut out));
        assert_eq!((out[79], out[80]), (-8_000, 0));
        let mut codes = [0; 240];
        assert!(!player.read(480, Codec::Pcma, &mut codes));
        assert_eq!(codes, [0xD5; 240]);
        assert_eq!(player.position(Time(1_020_000)), 160);
    }

    #[test]
    fn a_player_stands_still_goes_on_and_leaps_when_it_is_told_so() {
        let mut player = player(&["a", "b"], false).unwrap();
        let spec = player.spec().clone();
        let at = |ms: i64| Time(1_000_000 + ms * 1_000);
        let paused = PlayerSpec { paused: true, ..spec.clone() };
        let leap = PlayerSpec { position: Some((1, Span::millis(30))), ..spec.clone() };
        // (ms, state, answer, turn, position right then, end in ms)
        for (ms, state, answer, turn, position, ends) in [
            (5, &spec, Steer::Same, Some(0), 40, Some(60)),
            (10, &paused, Steer::Changed, None, 80, None),
            (500, &paused, Steer::Same, None, 80, None),
            (510, &spec, Steer::Changed, Some(2), 80, Some(560)),
            (520, &leap, Steer::Changed, Some(3), 240, Some(550)),
            (530, &leap, Steer::Same, Some(3), 320, Some(550)),
        ] {
            assert_eq!(player.steer(state, at(ms)), answer, "at {ms}");
            assert_eq!(
                (player.turn(), player.position(at(ms)), player.ends()),
                (turn, position, ends.map(at)),
                "at {ms}"
            );
        }
        assert!(player.read_linear(320, &mut [0; 8]));
        player.steer(&PlayerSpec { paused: true, ..leap.clone() }, at(540));
        assert!(!player.read_linear(320, &mut [0; 8]));
        assert_eq!(player.steer(&PlayerSpec { repeat: true, ..leap }, at(550)), Steer::Another);
    }

    #[test]
    fn it_stands_still_until_the_last_sound_is_there() {
        let mut library = Library::default();
        library.insert("a", Sound::from_linear(vec![1_000; 160]));
        let spoken = |text: &str| Clip::Speech { language: "en-US".to_owned(), text: text.to_owned() };
        let (one, other) = (spoken("one"), spoken("two"));
        let sounds = vec![one.clone(), "a".into(), other.clone(), one.clone()];
        let spec = PlayerSpec { sounds, ..player(&[], false).unwrap().spec };
        let mut player = Player::start(spec, &library, Time(0)).unwrap();
        assert_eq!(player.awaited().into_iter().collect::<Vec<_>>(), [&one, &other]);
        let waiting = (None, Some(Time(0) + bounds::CLIP_WAIT_MAX), 0);
        let sound = Arc::new(Sound::from_linear(vec![2_000; 320]));
        assert_eq!((player.turn(), player.ends(), player.position(Time(500_000))), waiting);
        assert!(!player.arrive(&one, &sound, Time(100_000)));
        assert_eq!((player.turn(), player.ends(), player.position(Time(500_000))), waiting);
        assert!(!player.read_linear(0, &mut [0; 8]));
        assert!(player.arrive(&other, &sound, Time(600_000)));
        // 3 x 320 + 160 samples.
        assert_eq!((player.turn(), player.since(), player.ends()), (Some(1), Time(600_000), Some(Time(740_000))));
        assert!(!player.arrive(&other, &sound, Time(700_000)), "it starts once");
        let mut out = [0; 200];
        assert!(player.read_linear(300, &mut out));
        assert_eq!((out[0], out[20], out[180]), (2_000, 1_000, 2_000));
    }

    #[test]
    fn music_repeats_for_ever() {
        let player = player(&["a"], true).unwrap();
        assert_eq!(player.ends(), None);
        let mut out = [0; 200];
        assert!(player.read_linear(160 * 1_000 + 150, &mut out));
        assert_eq!((out[0], out[10], out[170]), (1_200, 0, 0));
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_is_over_at_once() {
        assert_eq!(player(&["a", "c"], false).unwrap_err(), Missing("c".to_owned()));
        assert_eq!(player(&[], true).unwrap().ends(), Some(Time(1_000_000)));
        assert!(!player(&[], true).unwrap().read_linear(0, &mut [0; 4]));
    }
}
