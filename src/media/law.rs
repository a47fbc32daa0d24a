//! G.711: both laws between 8-bit codes and 16-bit linear samples, and between each other by table.
//! Owns the arithmetic of ITU-T G.711; the tables are made from it when the program is compiled.

use crate::sdp::Codec;

/// Samples per millisecond of both laws (RFC 3551 §4.5.14).
pub const SAMPLES_PER_MS: usize = 8;
/// Samples in 20 ms, the frame we make ourselves unless a far end asked otherwise.
pub const FRAME: usize = 20 * SAMPLES_PER_MS;

static FROM_PCMU: [i16; 256] = decoded(Codec::Pcmu);
static FROM_PCMA: [i16; 256] = decoded(Codec::Pcma);
static PCMU_TO_PCMA: [u8; 256] = converted(Codec::Pcmu, Codec::Pcma);
static PCMA_TO_PCMU: [u8; 256] = converted(Codec::Pcma, Codec::Pcmu);

/// One code as a linear sample.
pub fn decode(codec: Codec, code: u8) -> i16 {
    match codec {
        Codec::Pcmu => FROM_PCMU[code as usize],
        Codec::Pcma => FROM_PCMA[code as usize],
    }
}

/// A linear sample as the code whose interval holds it.
pub fn encode(codec: Codec, sample: i16) -> u8 {
    encode_one(codec, sample)
}

/// The code of silence: the smallest positive step of its law.
pub const fn silence(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 0xFF,
        Codec::Pcma => 0xD5,
    }
}

/// Rewrites codes of one law as codes of the other, in place. Equal laws cost nothing.
pub fn convert(from: Codec, to: Codec, codes: &mut [u8]) {
    let table = match (from, to) {
        (Codec::Pcmu, Codec::Pcma) => &PCMU_TO_PCMA,
        (Codec::Pcma, Codec::Pcmu) => &PCMA_TO_PCMU,
        (Codec::Pcmu, Codec::Pcmu) | (Codec::Pcma, Codec::Pcma) => return,
    };
    for code in codes {
        *code = table[*code as usize];
    }
}

/// Static payload type of the law, RFC 3551 §6.
pub const fn static_payload_type(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 0,
        Codec::Pcma => 8,
    }
}

const fn decode_one(codec: Codec, code: u8) -> i16 {
    match codec {
        Codec::Pcmu => {
            let code = !code;
            let magnitude = (((code & 0x0F) as i16 * 8 + 132) << ((code >> 4) & 7)) - 132;
            if code & 0x80 == 0 { magnitude } else { -magnitude }
        }
        Codec::Pcma => {
            let code = code ^ 0x55;
            let (step, segment) = ((code & 0x0F) as i16, (code >> 4) & 7);
            let magnitude = if segment == 0 { step * 16 + 8 } else { (step * 16 + 264) << (segment - 1) };
            if code & 0x80 != 0 { magnitude } else { -magnitude }
        }
    }
}

const fn encode_one(codec: Codec, sample: i16) -> u8 {
    match codec {
        Codec::Pcmu => {
            let sign = if sample < 0 { 0x80 } else { 0 };
            let magnitude = (sample as i32).abs();
            let biased = if magnitude > 32_635 { 32_767 } else { magnitude + 132 } as u32;
            let segment = 24 - biased.leading_zeros();
            let step = (biased >> (segment + 3)) & 0x0F;
            !(sign | (segment as u8) << 4 | step as u8)
        }
        Codec::Pcma => {
            // A negative sample mirrors at -1/2: -1 lies in the first negative interval, as 0 does in the positive.
            let (sign, magnitude) = if sample < 0 { (0, !sample as u32) } else { (0x80, sample as u32) };
            let code = if magnitude < 256 {
                magnitude >> 4
            } else {
                let segment = 24 - magnitude.leading_zeros();
                segment << 4 | (magnitude >> (segment + 3)) & 0x0F
            };
            (sign | code as u8) ^ 0x55
        }
    }
}

const fn decoded(codec: Codec) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = decode_one(codec, code as u8);
        code += 1;
    }
    table
}

const fn converted(from: Codec, to: Codec) -> [u8; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = encode_one(to, decode_one(from, code as u8));
        code += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition by decision values: the code whose interval's lower end is the largest not above the magnitude.
    fn by_decision_values(codec: Codec, sample: i16) -> u8 {
        let negative = sample < 0;
        let mut best = 0;
        for step in 0..128_i32 {
            let (segment, within) = (step / 16, step % 16);
            let low = match codec {
                Codec::Pcmu => (128 + 8 * within) * (1 << segment) - 132,
                Codec::Pcma if segment == 0 => 16 * within,
                Codec::Pcma => (256 + 16 * within) * (1 << (segment - 1)),
            };
            let magnitude = match codec {
                Codec::Pcmu => i32::from(sample).abs(),
                Codec::Pcma if negative => -1 - i32::from(sample),
                Codec::Pcma => i32::from(sample),
            };
            if low <= magnitude {
                best = step as u8;
            }
        }
        match codec {
            Codec::Pcmu => !(best | if negative { 0x80 } else { 0 }),
            Codec::Pcma => (best | if negative { 0 } else { 0x80 }) ^ 0x55,
        }
    }

    #[test]
    fn every_sample_gets_the_code_of_its_interval() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            for sample in i16::MIN..=i16::MAX {
                assert_eq!(encode(codec, sample), by_decision_values(codec, sample), "{codec:?} {sample}");
            }
        }
    }

    #[test]
    fn known_codes_have_their_values() {
        for (codec, code, sample) in [
            (Codec::Pcmu, 0xFF, 0),
            (Codec::Pcmu, 0x80, 32_124),
            (Codec::Pcmu, 0x00, -32_124),
            (Codec::Pcma, 0xD5, 8),
            (Codec::Pcma, 0xAA, 32_256),
            (Codec::Pcma, 0x2A, -32_256),
        ] {
            assert_eq!(decode(codec, code), sample, "{codec:?} {code:02x}");
        }
    }

    #[test]
    fn a_code_decodes_into_its_own_interval() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            for code in 0..=255 {
                let back = encode(codec, decode(codec, code));
                // Mu-law has two zeros; the negative one comes back as the positive.
                let expected = if codec == Codec::Pcmu && code == 0x7F { 0xFF } else { code };
                assert_eq!(back, expected, "{codec:?} {code:02x}");
            }
        }
    }

    #[test]
    fn conversion_is_decode_then_encode_and_equal_laws_stay() {
        let all: Vec<u8> = (0..=255).collect();
        for (from, to) in [(Codec::Pcmu, Codec::Pcma), (Codec::Pcma, Codec::Pcmu)] {
            let mut codes = all.clone();
            convert(from, to, &mut codes);
            for (before, after) in all.iter().zip(&codes) {
                assert_eq!(*after, encode(to, decode(from, *before)));
            }
            let mut same = all.clone();
            convert(from, from, &mut same);
            assert_eq!(same, all);
        }
    }
}
