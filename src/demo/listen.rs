//! What the recordings hold: for each its file, length, and how loud and of which tone each track is in the talk.

use std::path::Path;

use serde_json::Value;

use super::stage::Stage;
use crate::media::dsp;
use crate::media::sound::RATE;
use crate::media::wav::Format;

/// Tones that are looked for, in Hz: 20 apart, as wide as a voice on the telephone.
const TONES: std::ops::RangeInclusive<u32> = 15..=170;
const TONE_STEP: u32 = 20;
/// The share of a track's power that makes it a tone.
const PURE: f64 = 0.8;

/// Samples of one look: 100 ms.
const WINDOW: usize = RATE as usize / 10;

/// A recording's two tracks.
struct Tracks {
    left: Vec<i16>,
    right: Vec<i16>,
}

/// Prints each recording and how to hear it.
///
/// # Errors
/// A file that is told of and cannot be read, or none at all.
pub async fn report(stage: &Stage, recordings: &Path) -> Result<(), String> {
    println!("\nRecordings, left the customer, right the house:");
    let mut last = None;
    for event in stage.events() {
        if event["kind"] != "recording_started" {
            continue;
        }
        let path = recordings.join(event["data"]["file"].as_str().unwrap_or_default());
        let record = stage.record(&event["contact"]).await?;
        let tracks = read(&path).map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
        let seconds = tracks.left.len() as f64 / f64::from(RATE);
        println!("  {}\n    {seconds:.2} s, from {} to {}", path.display(), text(&record, "from"), text(&record, "to"));
        for segment in record["recording"]["segments"].as_array().into_iter().flatten() {
            let cut = |track: &[i16]| describe(part(track, &segment["from_ms"], &segment["to_ms"]));
            let from = segment["from_ms"].as_f64().unwrap_or_default() / 1_000.0;
            let to = segment["to_ms"].as_f64().unwrap_or_default() / 1_000.0;
            let with = segment["agent"]["id"].as_str().unwrap_or("no agent");
            println!(
                "    {from:6.2} to {to:6.2} s, {with:<8}  left {}, right {}",
                cut(&tracks.left),
                cut(&tracks.right)
            );
        }
        last = Some(path);
    }
    let Some(path) = last else { return Err("nothing was recorded".to_owned()) };
    println!("Any player plays them: `aplay {0}`, `play {0}`, or a browser.", path.display());
    Ok(())
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().filter(|text| !text.is_empty()).unwrap_or("the house")
}

/// A file as the recorder writes it: a header of known length, then pairs of samples.
fn read(path: &Path) -> std::io::Result<Tracks> {
    let bytes = std::fs::read(path)?;
    let sound = bytes.get(Format::Pcm16.header_bytes()..).unwrap_or_default();
    let track = |at: usize| {
        sound
            .chunks_exact(Format::Pcm16.frame_bytes())
            .map(|pair| i16::from_le_bytes([pair[at], pair[at + 1]]))
            .collect()
    };
    Ok(Tracks { left: track(0), right: track(2) })
}

fn part<'a>(track: &'a [i16], from_ms: &Value, to_ms: &Value) -> &'a [i16] {
    let place = |ms: &Value| ms.as_u64().unwrap_or_default() as usize * RATE as usize / 1_000;
    let to = place(to_ms).min(track.len());
    &track[place(from_ms).min(to)..to]
}

/// `-14 dB 1000 Hz`
fn describe(track: &[i16]) -> String {
    let level = dsp::rms(track);
    if level < 1.0 {
        return "silence".to_owned();
    }
    let decibels = 20.0 * (level / 32_768.0).log10();
    // Window by window: the recorder follows the clock of the sender by single samples, which turn the phase.
    let windows = || track.chunks_exact(WINDOW).filter(|window| dsp::rms(window) > level / 4.0);
    let count = windows().count().max(1) as f64;
    let strength = |step: &u32| {
        windows().map(|window| dsp::goertzel(window, RATE, f64::from(step * TONE_STEP))).sum::<f64>() / count
    };
    let strongest = TONES.max_by(|a, b| strength(a).total_cmp(&strength(b)));
    match strongest.filter(|step| strength(step) > PURE) {
        Some(step) => format!("{decibels:.0} dB, {} Hz", step * TONE_STEP),
        None => format!("{decibels:.0} dB, speech or music"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_told_by_level_and_tone() {
        let tone = |hz: f64| (0..4_000).map(|i| dsp::sine(i, RATE, hz, 9_000.0)).collect::<Vec<_>>();
        let noise: Vec<i16> = (0..4_000_i32)
            .map(|i| (i.wrapping_mul(i).wrapping_mul(7_919).rem_euclid(20_001) - 10_000) as i16)
            .collect();
        assert_eq!(describe(&tone(440.0)), "-14 dB, 440 Hz");
        assert_eq!(describe(&tone(1_300.0)), "-14 dB, 1300 Hz");
        assert_eq!(describe(&[0; 400]), "silence");
        assert!(describe(&noise).ends_with("speech or music"), "{}", describe(&noise));
    }
}
