//! The cut of a recording: which bytes of the file make a WAV of one segment, and which of those a range asks for.
//! Pure arithmetic over the file's head. Leaves reading the file to `recordings`.
//! WAV is RIFF: chunks of id, 32-bit little-endian length and content, padded to an even length.

use crate::base::Span;

/// Where the sound lies and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// `WAVE_FORMAT_*`: 1 PCM, 6 A-law.
    pub format: u16,
    pub channels: u16,
    pub rate: u32,
    /// Bytes of one frame: one sample of every channel.
    pub frame: u16,
    pub bits: u16,
    /// Offset of the first frame.
    pub data: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotWav;

/// Bytes of the file's begin that hold the head of every recording we write.
pub const HEAD_BYTES: usize = 4 << 10;

const PCM: u16 = 1;

impl Head {
    /// Reads the chunks before the sound.
    pub fn read(bytes: &[u8]) -> Result<Self, NotWav> {
        if bytes.get(..4) != Some(b"RIFF") || bytes.get(8..12) != Some(b"WAVE") {
            return Err(NotWav);
        }
        let mut at = 12;
        let mut format: Option<Self> = None;
        loop {
            let id = bytes.get(at..at + 4).ok_or(NotWav)?;
            let length = u32_at(bytes, at + 4)? as usize;
            let body = at + 8;
            match id {
                b"fmt " => {
                    let head = Self {
                        format: u16_at(bytes, body)?,
                        channels: u16_at(bytes, body + 2)?,
                        rate: u32_at(bytes, body + 4)?,
                        frame: u16_at(bytes, body + 12)?,
                        bits: u16_at(bytes, body + 14)?,
                        data: 0,
                    };
                    format = Some(head).filter(|head| head.frame > 0 && head.rate > 0);
                }
                b"data" => return format.map(|head| Self { data: body as u64, ..head }).ok_or(NotWav),
                _ => {}
            }
            at = body.checked_add(length + length % 2).ok_or(NotWav)?;
        }
    }

    /// The frames of `from..to` that a file of `file_bytes` holds, as offsets into the file. The file's length counts,
    /// not its header's: a server that was killed left the header up to a second behind.
    pub fn cut(&self, file_bytes: u64, from: Span, to: Span) -> (u64, u64) {
        let frame = u64::from(self.frame);
        let held = file_bytes.saturating_sub(self.data) / frame;
        let frames = |span: Span| {
            let micros = u128::from(u64::try_from(span.as_micros()).unwrap_or(0));
            u64::try_from(micros * u128::from(self.rate) / 1_000_000).map_or(held, |frames| frames.min(held))
        };
        let (first, last) = (frames(from), frames(to));
        (self.data + first * frame, self.data + last.max(first) * frame)
    }

    /// How long the sound of `from..to` is that a file of `file_bytes` holds.
    pub fn length(&self, file_bytes: u64, from: Span, to: Span) -> Span {
        let (first, last) = self.cut(file_bytes, from, to);
        let frames = (last - first) / u64::from(self.frame);
        Span::micros(i64::try_from(u128::from(frames) * 1_000_000 / u128::from(self.rate)).unwrap_or(i64::MAX))
    }

    /// The header of a WAV with `sound` bytes of this format.
    pub fn write(&self, sound: u64) -> Vec<u8> {
        let plain = self.format == PCM;
        // Every format but PCM has an extension field and a fact chunk with the number of frames.
        let (fmt_bytes, before_data) = if plain { (16_u32, 44_u64) } else { (18, 58) };
        let length = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
        let mut out = Vec::with_capacity(58);
        out.extend_from_slice(b"RIFF");
        out.extend_from_slice(&length(before_data - 8 + sound + sound % 2));
        out.extend_from_slice(b"WAVEfmt ");
        out.extend_from_slice(&fmt_bytes.to_le_bytes());
        out.extend_from_slice(&self.format.to_le_bytes());
        out.extend_from_slice(&self.channels.to_le_bytes());
        out.extend_from_slice(&self.rate.to_le_bytes());
        out.extend_from_slice(&(self.rate * u32::from(self.frame)).to_le_bytes());
        out.extend_from_slice(&self.frame.to_le_bytes());
        out.extend_from_slice(&self.bits.to_le_bytes());
        if !plain {
            out.extend_from_slice(&[0, 0]);
            out.extend_from_slice(b"fact\x04\0\0\0");
            out.extend_from_slice(&length(sound / u64::from(self.frame)));
        }
        out.extend_from_slice(b"data");
        out.extend_from_slice(&length(sound));
        out
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, NotWav> {
    let pair = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(NotWav)?;
    Ok(u16::from_le_bytes(*pair))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, NotWav> {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(NotWav)?;
    Ok(u32::from_le_bytes(*four))
}

/// What a `Range` header asks of `length` bytes. RFC 9110 section 14.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranged {
    /// No range, or one we ignore as the RFC allows: another unit, several ranges, bad syntax.
    Whole,
    /// First byte and the one after the last.
    Part(u64, u64),
    Unsatisfiable,
}

pub fn ranged(header: Option<&str>, length: u64) -> Ranged {
    let Some((first, last)) = header.and_then(|text| text.strip_prefix("bytes=")).and_then(|set| set.split_once('-'))
    else {
        return Ranged::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // More digits than fit a number lie behind every end.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (number(first.trim()), number(last.trim()), first.trim().is_empty(), last.trim().is_empty()) {
        (Some(first), Some(last), ..) if last < first => Ranged::Whole,
        (Some(first), ..) if first >= length && (number(last.trim()).is_some() || last.trim().is_empty()) => {
            Ranged::Unsatisfiable
        }
        (Some(first), Some(last), ..) => Ranged::Part(first, last.saturating_add(1).min(length)),
        (Some(first), None, _, true) => Ranged::Part(first, length),
        (None, Some(suffix), true, _) if suffix == 0 || length == 0 => Ranged::Unsatisfiable,
        (None, Some(suffix), true, _) => Ranged::Part(length.saturating_sub(suffix), length),
        (Some(_) | None, ..) => Ranged::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEREO: Head = Head { format: PCM, channels: 2, rate: 8_000, frame: 4, bits: 16, data: 44 };
    const ALAW: Head = Head { format: 6, channels: 2, rate: 8_000, frame: 2, bits: 8, data: 58 };

    #[test]
    fn heads_read_what_they_write() {
        for head in [STEREO, ALAW] {
            let bytes = head.write(3_200);
            assert_eq!(bytes.len() as u64, head.data);
            assert_eq!(Head::read(&bytes), Ok(head));
            for end in 0..bytes.len() - 8 {
                assert_eq!(Head::read(&bytes[..end]), Err(NotWav), "cut at {end}");
            }
        }
        assert_eq!(Head::read(b"RIFF\x04\0\0\0WAVEjunk\xff\xff\xff\xff"), Err(NotWav));
    }

    #[test]
    fn hound_reads_our_head() {
        let mut file = STEREO.write(16);
        file.extend_from_slice(&[1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0]);
        let mut reader = hound::WavReader::new(&file[..]).expect("a WAV");
        assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8_000));
        assert_eq!(reader.samples::<i16>().collect::<Result<Vec<_>, _>>().expect("samples"), [1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_cut_lies_on_frames_inside_the_file() {
        let second = 32_000;
        let rows = [
            (Span::ZERO, Span::seconds(1), 10 * second, (44, 44 + second)),
            (Span::seconds(2), Span::seconds(3), 10 * second, (44 + 2 * second, 44 + 3 * second)),
            (Span::micros(125), Span::micros(374), 10 * second, (48, 52)),
            (Span::seconds(1), Span::seconds(9), 2 * second + 3, (44 + second, 44 + 2 * second)),
            (Span::seconds(5), Span::seconds(9), 2 * second, (44 + 2 * second, 44 + 2 * second)),
            (Span::seconds(3), Span::seconds(1), 10 * second, (44 + 3 * second, 44 + 3 * second)),
            (Span::seconds(-1), Span(i64::MAX), second, (44, 44 + second)),
        ];
        for (from, to, sound, cut) in rows {
            assert_eq!(STEREO.cut(44 + sound, from, to), cut, "{from} {to}");
        }
        assert_eq!(STEREO.cut(10, Span::ZERO, Span::seconds(1)), (44, 44));
    }

    #[test]
    fn ranges_are_single_and_of_bytes() {
        use Ranged::{Part, Unsatisfiable, Whole};
        let rows = [
            (None, Whole),
            (Some("bytes=0-0"), Part(0, 1)),
            (Some("bytes=0-"), Part(0, 100)),
            (Some("bytes=10-19"), Part(10, 20)),
            (Some("bytes=90-500"), Part(90, 100)),
            (Some("bytes=99-99"), Part(99, 100)),
            (Some("bytes=-1"), Part(99, 100)),
            (Some("bytes=-1000"), Part(0, 100)),
            (Some("bytes=100-"), Unsatisfiable),
            (Some("bytes=100-200"), Unsatisfiable),
            (Some("bytes=99999999999999999999999-"), Unsatisfiable),
            (Some("bytes=-0"), Unsatisfiable),
            (Some("bytes=9-3"), Whole),
            (Some("bytes=0-1,5-6"), Whole),
            (Some("bytes=a-b"), Whole),
            (Some("bytes=500-x"), Whole),
            (Some("bytes=-"), Whole),
            (Some("bytes=5"), Whole),
            (Some("frames=0-5"), Whole),
            (Some(""), Whole),
        ];
        for (header, ranged_as) in rows {
            assert_eq!(ranged(header, 100), ranged_as, "{header:?}");
        }
        assert_eq!(ranged(Some("bytes=-5"), 0), Unsatisfiable);
    }
}
