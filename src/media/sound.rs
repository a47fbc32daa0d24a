//! The library of sounds: prompts, music and tones by key, each decoded and resampled once when it is loaded and kept
//! as frames that are ready to be sent in both laws, and as linear samples for the recorder.
//! Pure: takes names and bytes; `drive` reads the files. A key is the name without its ending: `en-US/welcome`.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Cursor;
use std::sync::Arc;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use super::law::{self, FRAME};
use crate::base::{Span, bounds};
use crate::sdp::Codec;

/// Samples per second of everything we play and record.
pub const RATE: u32 = 8_000;
/// Frames that the resampler takes at once.
const RESAMPLER_CHUNK: usize = 1_024;

/// One sound at 8 kHz, mono, filled up with silence to whole frames of 20 ms.
#[derive(Clone, PartialEq, Eq)]
pub struct Sound {
    linear: Box<[i16]>,
    pcmu: Box<[u8]>,
    pcma: Box<[u8]>,
}

impl fmt::Debug for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sound({} ms)", self.linear.len() / law::SAMPLES_PER_MS)
    }
}

impl Sound {
    /// From samples at 8 kHz, mono.
    pub fn from_linear(mut linear: Vec<i16>) -> Self {
        linear.resize(linear.len().next_multiple_of(FRAME), 0);
        let coded = |codec| linear.iter().map(|&sample| law::encode(codec, sample)).collect();
        Self { pcmu: coded(Codec::Pcmu), pcma: coded(Codec::Pcma), linear: linear.into() }
    }

    /// Length in samples.
    /// At 8 kHz.
    pub fn length(&self) -> Span {
        Span::micros(i64::try_from(self.samples()).unwrap_or(i64::MAX).saturating_mul(125))
    }

    pub fn samples(&self) -> usize {
        self.linear.len()
    }

    pub fn linear(&self) -> &[i16] {
        &self.linear
    }

    pub fn coded(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcmu => &self.pcmu,
            Codec::Pcma => &self.pcma,
        }
    }
}

/// Why a file cannot be played, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoundError {
    /// The header is none that can be read.
    NotASound(String),
    /// The header is right, its sound is not.
    Undecodable(String),
    Empty,
    TooLong,
}

impl fmt::Display for SoundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASound(why) => {
                write!(f, "no WAV file that can be read: {why}; hint: write it anew with `sox IN -r 8000 -c 1 OUT.wav`")
            }
            Self::Undecodable(why) => write!(f, "the sound cannot be decoded: {why}; hint: use 16-bit PCM"),
            Self::Empty => {
                f.write_str("no sound in it; hint: the length in its header may be 0, write it anew with sox")
            }
            Self::TooLong => {
                write!(f, "longer than {} minutes; hint: cut it", bounds::SOUND_SAMPLES / RATE as usize / 60)
            }
        }
    }
}

impl std::error::Error for SoundError {}

/// All sounds by key. A thread holds it as `Arc<Library>`; a change is a new one.
#[derive(Clone, Debug, Default)]
pub struct Library {
    sounds: BTreeMap<String, Arc<Sound>>,
}

impl Library {
    /// Decodes a file. `name` is its path below the sounds folder; the key is that without the ending.
    pub fn load(&mut self, name: &str, bytes: &[u8]) -> Result<(), SoundError> {
        let sound = decode(name, bytes)?;
        self.insert(key(name), sound);
        Ok(())
    }

    pub fn insert(&mut self, key: &str, sound: Sound) {
        self.sounds.insert(key.to_owned(), Arc::new(sound));
    }

    pub fn get(&self, key: &str) -> Option<&Arc<Sound>> {
        self.sounds.get(key)
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.sounds.keys().map(String::as_str)
    }
}

/// `en-US/welcome.wav` -> `en-US/welcome`.
pub fn key(name: &str) -> &str {
    let file_at = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[file_at..].rfind('.') {
        Some(dot) if dot > 0 => &name[..file_at + dot],
        Some(_) | None => name,
    }
}

/// Decodes a file to 8 kHz, mono.
pub fn decode(name: &str, bytes: &[u8]) -> Result<Sound, SoundError> {
    let (mono, rate) = read(name, bytes)?;
    if mono.is_empty() {
        return Err(SoundError::Empty);
    }
    if mono.len() / rate as usize > bounds::SOUND_SAMPLES / RATE as usize {
        return Err(SoundError::TooLong);
    }
    let samples = resample(mono, rate)?;
    Ok(Sound::from_linear(samples.iter().map(|&s| (s * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16).collect()))
}

/// The samples of the file, mixed to one channel, and its rate.
fn read(name: &str, bytes: &[u8]) -> Result<(Vec<f32>, u32), SoundError> {
    let unreadable = |error: symphonia::core::errors::Error| SoundError::NotASound(error.to_string());
    let undecodable = |error: symphonia::core::errors::Error| SoundError::Undecodable(error.to_string());
    let mut hint = Hint::new();
    if let Some((_, ending)) = name.rsplit_once('.') {
        hint.with_extension(ending);
    }
    let stream = MediaSourceStream::new(Box::new(Cursor::new(bytes.to_vec())), Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(&hint, stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(unreadable)?;
    let no_track = || SoundError::NotASound("it has no sound track".to_owned());
    let track = format.default_track(TrackType::Audio).ok_or_else(no_track)?;
    let track_id = track.id;
    let params = track.codec_params.as_ref().and_then(|params| params.audio()).ok_or_else(no_track)?;
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(params, &AudioDecoderOptions::default())
        .map_err(undecodable)?;
    let (mut mono, mut rate, mut interleaved) = (Vec::new(), RATE, Vec::<f32>::new());
    while let Some(packet) = format.next_packet().map_err(undecodable)? {
        if packet.track_id != track_id {
            continue;
        }
        let decoded = decoder.decode(&packet).map_err(undecodable)?;
        let channels = decoded.spec().channels().count().max(1);
        rate = decoded.spec().rate().max(1);
        decoded.copy_to_vec_interleaved(&mut interleaved);
        mono.extend(interleaved.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32));
    }
    Ok((mono, rate))
}

fn resample(mono: Vec<f32>, rate: u32) -> Result<Vec<f32>, SoundError> {
    if rate == RATE {
        return Ok(mono);
    }
    let refused = |why: String| SoundError::Undecodable(format!("{rate} Hz cannot be resampled: {why}"));
    let length = (mono.len() as u64 * u64::from(RATE)).div_ceil(u64::from(rate)) as usize;
    let mut resampler = Fft::<f32>::new(rate as usize, RATE as usize, RESAMPLER_CHUNK, 1, FixedSync::Input)
        .map_err(|error| refused(error.to_string()))?;
    let input = InterleavedSlice::new(&mono, 1, mono.len()).map_err(|error| refused(error.to_string()))?;
    let output = resampler.process_all(&input, mono.len(), None).map_err(|error| refused(error.to_string()))?;
    let mut samples = output.take_data();
    samples.resize(length, 0.0);
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::dsp;

    fn wav(rate: u32, channels: u16, samples: impl Iterator<Item = i16>) -> Vec<u8> {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut bytes = Cursor::new(vec![]);
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        for sample in samples {
            for _ in 0..channels {
                writer.write_sample(sample).unwrap();
            }
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    fn tone(rate: u32) -> impl Iterator<Item = i16> {
        (0..u64::from(rate)).map(move |i| dsp::sine(i, rate, 440.0, 8_000.0))
    }

    #[test]
    fn a_tone_keeps_its_frequency_level_and_length_at_every_rate() {
        for (rate, channels) in [(8_000, 1), (8_000, 2), (16_000, 1), (22_050, 1), (44_100, 2), (48_000, 1)] {
            let sound = decode("a.wav", &wav(rate, channels, tone(rate))).unwrap();
            assert_eq!(sound.samples(), 8_000, "{rate}");
            let middle = &sound.linear()[400..7_600];
            assert!(dsp::goertzel(middle, RATE, 440.0) > 0.98, "{rate}");
            assert!((dsp::rms(middle) - 5_657.0).abs() < 60.0, "{rate}: {}", dsp::rms(middle));
            for codec in [Codec::Pcmu, Codec::Pcma] {
                let decoded: Vec<i16> = sound.coded(codec).iter().map(|&code| law::decode(codec, code)).collect();
                assert!(dsp::goertzel(&decoded[400..7_600], RATE, 440.0) > 0.97, "{rate} {codec:?}");
            }
        }
    }

    #[test]
    fn sounds_at_8_khz_are_kept_sample_by_sample() {
        let sound = decode("a.wav", &wav(8_000, 1, (0..200).map(|i| i * 100 - 9_000))).unwrap();
        assert_eq!(sound.samples(), 320);
        assert!((0..200).all(|i| sound.linear()[i] == i as i16 * 100 - 9_000));
        assert!(sound.linear()[200..].iter().all(|&s| s == 0));
    }

    #[test]
    fn what_cannot_be_played_says_why() {
        assert!(matches!(decode("a.wav", b"not a wav file at all"), Err(SoundError::NotASound(_))));
        assert!(matches!(decode("a.wav", b""), Err(SoundError::NotASound(_))));
        assert!(decode("a.wav", &wav(8_000, 1, std::iter::empty())).is_err());
        let mut unfinished = wav(8_000, 1, tone(8_000));
        unfinished[40..44].fill(0);
        let error = decode("a.wav", &unfinished).expect_err("a length of 0");
        assert!(error.to_string().contains("hint"), "{error}");
    }

    #[test]
    fn keys_have_no_ending() {
        for (name, expected) in
            [("en-US/welcome.wav", "en-US/welcome"), ("a.b/c", "a.b/c"), ("x.y.wav", "x.y"), ("m/.wav", "m/.wav")]
        {
            assert_eq!(key(name), expected);
        }
        let mut library = Library::default();
        library.load("en-US/beep.wav", &wav(8_000, 1, tone(8_000))).unwrap();
        assert_eq!(library.keys().collect::<Vec<_>>(), ["en-US/beep"]);
        assert_eq!(library.get("en-US/beep").map(|sound| sound.samples()), Some(8_000));
    }
}
