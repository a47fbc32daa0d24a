//! What is heard, as numbers: G.711 written here a second time, tones by Goertzel's filter, prompts by correlation,
//! recordings read by hound.

use std::f64::consts::TAU;
use std::io::Cursor;
use std::path::Path;
use std::process::Command;

/// Samples per second of everything here.
pub const RATE: usize = 8_000;
pub const PACKET_SAMPLES: usize = 160;

/// G.711 mu-law, by its definition (ITU-T G.711, table 2).
pub fn ulaw_encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = (i32::from(sample).abs()).min(32_635) + 132;
    let exponent = (7..15).rev().find(|bit| magnitude >> bit != 0).unwrap_or(7) - 7;
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    !u8::try_from(sign | (exponent << 4) | mantissa).expect("one octet")
}

pub fn ulaw_decode(octet: u8) -> i16 {
    let octet = i32::from(!octet);
    let (exponent, mantissa) = ((octet >> 4) & 7, octet & 0x0f);
    let magnitude = (((mantissa << 3) + 132) << exponent) - 132;
    i16::try_from(if octet & 0x80 == 0 { magnitude } else { -magnitude }).expect("15 bits")
}

/// G.711 A-law (ITU-T G.711, table 1), even bits inverted.
pub fn alaw_encode(sample: i16) -> u8 {
    let (sign, magnitude) = if sample >= 0 { (0x80, i32::from(sample)) } else { (0, -1 - i32::from(sample)) };
    let magnitude = magnitude >> 4;
    let code = match (4..11).rev().find(|bit| magnitude >> bit != 0) {
        None => magnitude,
        Some(bit) => ((bit - 3) << 4) | ((magnitude >> (bit - 4)) & 0x0f),
    };
    u8::try_from(sign | code).expect("one octet") ^ 0x55
}

pub fn alaw_decode(octet: u8) -> i16 {
    let octet = i32::from(octet ^ 0x55);
    let (exponent, mantissa) = ((octet >> 4) & 7, octet & 0x0f);
    let magnitude = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    i16::try_from(if octet & 0x80 != 0 { magnitude } else { -magnitude }).expect("16 bits")
}

/// The amplitude of one frequency, 1.0 for a tone at full scale (Goertzel).
pub fn level(samples: &[i16], hz: f64) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let (mut one, mut two) = (0.0, 0.0);
    let coefficient = 2.0 * (TAU * hz / RATE as f64).cos();
    for sample in samples {
        let next = f64::from(*sample) / 32_768.0 + coefficient * one - two;
        (two, one) = (one, next);
    }
    let power = one * one + two * two - coefficient * one * two;
    2.0 * power.max(0.0).sqrt() / samples.len() as f64
}

/// How much stronger one tone is than another, in decibels.
pub fn stronger_db(samples: &[i16], wanted: f64, other: f64) -> f64 {
    20.0 * (level(samples, wanted).max(1e-9) / level(samples, other).max(1e-9)).log10()
}

/// How loud it is on the whole, 1.0 for a square wave at full scale.
pub fn loudness(samples: &[i16]) -> f64 {
    let sum: f64 = samples.iter().map(|sample| (f64::from(*sample) / 32_768.0).powi(2)).sum();
    (sum / samples.len().max(1) as f64).sqrt()
}

/// Where a tone begins, in milliseconds: the first 10 ms that have half of the level it reaches.
pub fn onset_ms(samples: &[i16], hz: f64) -> f64 {
    const WINDOW: usize = 80;
    const STEP: usize = 8;
    let levels: Vec<f64> = samples.windows(WINDOW).step_by(STEP).map(|window| level(window, hz)).collect();
    let most = levels.iter().copied().fold(0.0, f64::max);
    let first = levels.iter().position(|at| *at > most / 2.0).expect("there is a loudest place");
    // Half of the level is reached when half of the window is filled.
    ((first * STEP + WINDOW / 2) * 1_000) as f64 / RATE as f64
}

/// How alike two sounds are at the best alignment, 1.0 for the same. `known` is searched for within the first
/// `lag_max` samples of `heard`.
pub fn likeness(heard: &[i16], known: &[i16], lag_max: usize) -> f64 {
    let as_floats = |samples: &[i16]| samples.iter().map(|sample| f32::from(*sample)).collect::<Vec<f32>>();
    let (heard, known) = (as_floats(heard), as_floats(known));
    let norm = |samples: &[f32]| samples.iter().map(|sample| sample * sample).sum::<f32>().sqrt();
    let (own, mut best) = (norm(&known), 0.0);
    for lag in 0..lag_max {
        let Some(part) = heard.get(lag..lag + known.len()) else { break };
        let product: f32 = part.iter().zip(&known).map(|(a, b)| a * b).sum();
        best = f32::max(best, product / (norm(part) * own).max(1.0));
    }
    f64::from(best)
}

/// How many quarters of a sound are in another, wherever: a machine that stood still for a moment leaves some out.
pub fn quarters(heard: &[i16], known: &[i16]) -> usize {
    let is_there = |quarter: &&[i16]| likeness(heard, quarter, heard.len()) > 0.9;
    known.chunks_exact(known.len() / 4).take(4).filter(is_there).count()
}

/// A sound of the repository at 8 kHz, resampled by sox.
pub fn library(key: &str) -> Vec<i16> {
    resampled(&Path::new(env!("CARGO_MANIFEST_DIR")).join("sounds").join(format!("{key}.wav")))
}

fn resampled(file: &Path) -> Vec<i16> {
    let arguments = ["-t", "raw", "-r", "8000", "-c", "1", "-b", "16", "-e", "signed-integer", "-L", "-"];
    let output = Command::new("sox").arg("-D").arg(file).args(arguments).output().expect("sox is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// What the voice makes of a text, at 8 kHz.
pub fn spoken(language: &str, text: &str) -> Vec<i16> {
    let file = tempfile::Builder::new().suffix(".wav").tempfile().expect("a file can be made");
    let status = Command::new("espeak-ng").args(["-v", language, "-w"]).arg(file.path()).arg(text).status();
    assert!(status.expect("espeak-ng is installed").success());
    resampled(file.path())
}

/// A stereo recording: left the customer, right who speaks to him.
pub struct Stereo {
    pub left: Vec<i16>,
    pub right: Vec<i16>,
}

impl Stereo {
    pub fn read(bytes: &[u8]) -> Self {
        let mut reader = hound::WavReader::new(Cursor::new(bytes)).expect("a WAV file");
        let spec = reader.spec();
        let found = (spec.channels, spec.sample_rate, spec.bits_per_sample);
        assert_eq!(found, (2, 8_000, 16), "two tracks of 16-bit samples at 8 kHz");
        let samples: Vec<i16> = reader.samples().map(|sample| sample.expect("whole samples")).collect();
        let track = |first: usize| samples.iter().skip(first).step_by(2).copied().collect();
        Self { left: track(0), right: track(1) }
    }

    pub fn length_ms(&self) -> f64 {
        (self.left.len() * 1_000) as f64 / RATE as f64
    }
}

/// What a phone says: silence, then a tone for two minutes.
pub fn write_tone(file: &Path, quiet_ms: usize, hz: f64) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(file, spec).expect("the file can be made");
    let quiet = quiet_ms * RATE / 1_000;
    for at in 0..120 * RATE {
        let sample = if at < quiet { 0 } else { tone(at - quiet, hz) };
        writer.write_sample(sample).expect("the file can be written");
    }
    writer.finalize().expect("the file can be closed");
}

/// A sample of a tone at a quarter of full scale.
pub fn tone(at: usize, hz: f64) -> i16 {
    ((TAU * hz * at as f64 / RATE as f64).sin() * 8_192.0) as i16
}

/// What baresip's `sndfile` module wrote of what it heard.
pub fn read_mono(file: &Path) -> Vec<i16> {
    let mut reader = hound::WavReader::open(file).expect("a WAV file");
    reader.samples().map_while(Result::ok).collect()
}

#[test]
fn the_two_laws_come_back_within_their_step() {
    for sample in (-32_000..32_000).step_by(7) {
        for (back, law) in [(ulaw_decode(ulaw_encode(sample)), "mu"), (alaw_decode(alaw_encode(sample)), "A")] {
            let (wanted, got) = (i32::from(sample), i32::from(back));
            assert!((wanted - got).abs() <= wanted.abs() / 16 + 16, "{law}: {wanted} became {got}");
        }
    }
    assert_eq!((ulaw_encode(0), alaw_encode(0)), (0xff, 0xd5), "silence as it is known on the wire");
}

#[test]
fn tones_are_told_apart_and_placed() {
    let samples: Vec<i16> = (0..16_000).map(|at| if at < 4_000 { 0 } else { tone(at, 440.0) }).collect();
    assert!(stronger_db(&samples[4_000..], 440.0, 1_000.0) > 30.0);
    assert!((onset_ms(&samples, 440.0) - 500.0).abs() < 5.0);
    assert!(likeness(&samples, &samples[4_100..8_000], 5_000) > 0.999);
    let other = (0..4_000).map(|at| tone(at, 700.0)).collect::<Vec<_>>();
    assert!(likeness(&samples, &other, 5_000) < 0.2);
    let known: Vec<i16> = (0..4_000).map(|at| tone(at, 440.0 + (at / 1_000) as f64 * 100.0)).collect();
    let gap = [&known[..1_000], &[0; 900], &known[2_000..]].concat();
    assert_eq!([quarters(&known, &known), quarters(&gap, &known), quarters(&other, &known)], [4, 3, 0]);
}
