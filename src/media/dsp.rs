//! Small signal measures: how strong one frequency is, how loud a piece of sound is, and a tone to test with.

/// Power of `hz` in `samples` taken at `rate` per second, as a share of the whole power (0.0 to about 1.0).
/// Goertzel's algorithm: one bin of a Fourier transform without the others.
pub fn goertzel(samples: &[i16], rate: u32, hz: f64) -> f64 {
    let total: f64 = samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum();
    if total == 0.0 {
        return 0.0;
    }
    let coefficient = 2.0 * (std::f64::consts::TAU * hz / f64::from(rate)).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for &sample in samples {
        (one, two) = (f64::from(sample) + coefficient * one - two, one);
    }
    let power = one * one + two * two - coefficient * one * two;
    2.0 * power / (total * samples.len() as f64)
}

/// Root mean square of the samples; full scale is 32,768.
pub fn rms(samples: &[i16]) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    (samples.iter().map(|&s| f64::from(s) * f64::from(s)).sum::<f64>() / samples.len() as f64).sqrt()
}

/// Sample `index` of a sine of `hz` at `rate` per second.
pub fn sine(index: u64, rate: u32, hz: f64, amplitude: f64) -> i16 {
    let phase = (index as f64 * hz / f64::from(rate)).fract() * std::f64::consts::TAU;
    (amplitude * phase.sin()).round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_found_at_its_frequency_and_nowhere_else() {
        let tone: Vec<i16> = (0..1600).map(|i| sine(i, 8_000, 440.0, 8_000.0)).collect();
        assert!(goertzel(&tone, 8_000, 440.0) > 0.98);
        assert!(goertzel(&tone, 8_000, 1_000.0) < 0.01);
        assert!((rms(&tone) - 8_000.0 / 2_f64.sqrt()).abs() < 30.0);
        assert_eq!((goertzel(&[0; 100], 8_000, 440.0), rms(&[])), (0.0, 0.0));
    }
}
