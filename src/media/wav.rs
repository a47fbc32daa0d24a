//! Headers of recordings: stereo WAV at 8 kHz, 16-bit linear (format 1) or A-law (format 6, with a `fact` chunk).
//! Pure: the header for a number of data bytes, and what is right for a file found after a crash.

use std::ops::Range;

use super::law;
use crate::base::Span;
use crate::sdp::Codec;

/// How recorded sound is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    #[default]
    Pcm16,
    Alaw,
}

const CHANNELS: u32 = 2;
const RATE: u32 = 8_000;

impl Format {
    /// Bytes of one left and one right sample.
    pub const fn frame_bytes(self) -> usize {
        match self {
            Self::Pcm16 => 4,
            Self::Alaw => 2,
        }
    }

    pub const fn header_bytes(self) -> usize {
        match self {
            Self::Pcm16 => 44,
            Self::Alaw => 58,
        }
    }

    /// The byte that is silence.
    pub const fn silence(self) -> u8 {
        match self {
            Self::Pcm16 => 0,
            Self::Alaw => 0xD5,
        }
    }

    const fn tag(self) -> u16 {
        match self {
            Self::Pcm16 => 1,
            Self::Alaw => 6,
        }
    }
}

/// The header of a file with `data` bytes of sound. WAV counts to 4 GiB; what is longer (37 h) is counted as that.
pub fn header(format: Format, data: u64) -> Vec<u8> {
    let frame = format.frame_bytes() as u64;
    let room = u64::from(u32::MAX) - format.header_bytes() as u64;
    let data = (data.min(room) / frame * frame) as u32;
    let mut out = Vec::with_capacity(format.header_bytes());
    out.extend(b"RIFF");
    out.extend((data + format.header_bytes() as u32 - 8).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend(if format == Format::Pcm16 { 16_u32 } else { 18 }.to_le_bytes());
    out.extend(format.tag().to_le_bytes());
    out.extend((CHANNELS as u16).to_le_bytes());
    out.extend(RATE.to_le_bytes());
    out.extend((RATE * frame as u32).to_le_bytes());
    out.extend((frame as u16).to_le_bytes());
    out.extend((frame as u16 * 8 / CHANNELS as u16).to_le_bytes());
    if format == Format::Alaw {
        out.extend(0_u16.to_le_bytes());
        out.extend(b"fact");
        out.extend(4_u32.to_le_bytes());
        out.extend((data / frame as u32).to_le_bytes());
    }
    out.extend(b"data");
    out.extend(data.to_le_bytes());
    out
}

/// A file that says something else than its length is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    pub header: Vec<u8>,
    /// Bytes the file should have: half a frame at its end is cut.
    pub length: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOurs;

/// The longer of the two headers.
pub const HEADER_BYTES_MAX: usize = Format::Alaw.header_bytes();

impl Format {
    /// As a header of ours says it. `head` is the file's first bytes.
    fn of(head: &[u8]) -> Result<Self, NotOurs> {
        match head.get(20..22) {
            Some([1, 0]) => Ok(Self::Pcm16),
            Some([6, 0]) => Ok(Self::Alaw),
            Some(_) | None => Err(NotOurs),
        }
    }
}

/// Which bytes of a recording of `length` bytes hold this part of its sound, as far as it goes: whole frames.
pub fn part(head: &[u8], length: u64, from: Span, to: Span) -> Result<(Format, Range<u64>), NotOurs> {
    let format = Format::of(head)?;
    let (start, frame) = (format.header_bytes() as u64, format.frame_bytes() as u64);
    let frames = length.saturating_sub(start) / frame;
    let place = |at: Span| (at.as_micros().max(0).cast_unsigned() / 125).min(frames);
    let (from, to) = (place(from), place(to));
    Ok((format, start + from * frame..start + to.max(from) * frame))
}

/// Both tracks as one.
pub fn mono(format: Format, frames: &[u8]) -> Vec<i16> {
    let sum =
        |left: i16, right: i16| (i32::from(left) + i32::from(right)).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    match format {
        Format::Pcm16 => frames
            .chunks_exact(4)
            .map(|f| sum(i16::from_le_bytes([f[0], f[1]]), i16::from_le_bytes([f[2], f[3]])))
            .collect(),
        Format::Alaw => frames
            .chunks_exact(2)
            .map(|f| sum(law::decode(Codec::Pcma, f[0]), law::decode(Codec::Pcma, f[1])))
            .collect(),
    }
}

/// Whether a recording's header is right for its length. `head` is the file's first bytes, at least 58 where it has them.
/// `Ok(None)`: it is right. `NotOurs`: no header that this module writes.
pub fn repair(head: &[u8], length: u64) -> Result<Option<Repair>, NotOurs> {
    let format = Format::of(head)?;
    let header_bytes = format.header_bytes();
    let written = head.get(..header_bytes).ok_or(NotOurs)?;
    let data = length.saturating_sub(header_bytes as u64);
    let whole = data / format.frame_bytes() as u64 * format.frame_bytes() as u64;
    let right = header(format, whole);
    let is_length = |at: usize| {
        (4..8).contains(&at) || at >= header_bytes - 4 || (format == Format::Alaw && (46..50).contains(&at))
    };
    if written.iter().zip(&right).enumerate().any(|(at, (is, should))| is != should && !is_length(at)) {
        return Err(NotOurs);
    }
    let length = header_bytes as u64 + whole;
    Ok((written != right || data != whole).then_some(Repair { header: right, length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pcm_file_is_read_by_somebody_elses_code() {
        let mut file = header(Format::Pcm16, 8);
        for sample in [1_i16, -2, 300, -400] {
            file.extend(sample.to_le_bytes());
        }
        let mut reader = hound::WavReader::new(&file[..]).expect("a WAV file");
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 8_000, 16));
        assert_eq!(reader.samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), [1, -2, 300, -400]);
    }

    #[test]
    fn lengths_stand_where_they_belong() {
        for (format, tag, header_bytes) in [(Format::Pcm16, 1, 44), (Format::Alaw, 6, 58)] {
            let head = header(format, 1_001);
            let data = 1_001 / format.frame_bytes() as u32 * format.frame_bytes() as u32;
            assert_eq!(head.len(), header_bytes);
            assert_eq!(u32::from_le_bytes(head[4..8].try_into().unwrap()), data + header_bytes as u32 - 8);
            assert_eq!(u32::from_le_bytes(head[header_bytes - 4..].try_into().unwrap()), data);
            assert_eq!(head[20], tag);
        }
        assert_eq!(header(Format::Alaw, 1_000)[46..50], 500_u32.to_le_bytes());
        assert_eq!(header(Format::Pcm16, u64::MAX).len(), 44);
    }

    #[test]
    fn a_part_is_found_in_a_file_that_grows_and_both_sides_are_heard() {
        for (format, frame) in [(Format::Pcm16, 4), (Format::Alaw, 2)] {
            // The header still says that nothing is there; a second is, and a byte.
            let (head, start) = (header(format, 0), header(format, 0).len() as u64);
            for (from, to, expected) in [
                (0, 1_000, 0..8_000),
                (250, 500, 2_000..4_000),
                (250, 9_000, 2_000..8_000),
                (2_000, 3_000, 8_000..8_000),
                (500, 250, 4_000..4_000),
                (-5, 1, 0..8),
            ] {
                let found = part(&head, start + 8_000 * frame + 1, Span::millis(from), Span::millis(to));
                let range = start + expected.start * frame..start + expected.end * frame;
                assert_eq!(found, Ok((format, range)), "{from} to {to}");
            }
        }
        assert_eq!(part(b"RIFF", 4, Span::ZERO, Span::ZERO), Err(NotOurs));
        let frames = [1_000_i16, 500, 30_000, 30_000].map(i16::to_le_bytes).concat();
        assert_eq!(mono(Format::Pcm16, &frames), [1_500, 32_767]);
        let alaw = mono(Format::Alaw, &[law::encode(Codec::Pcma, 1_000), law::encode(Codec::Pcma, 500)]);
        assert!((1_450..1_550).contains(&alaw[0]), "{alaw:?}");
    }

    #[test]
    fn a_file_cut_off_is_repaired_by_its_length() {
        for format in [Format::Pcm16, Format::Alaw] {
            let old = header(format, 0);
            let bytes = old.len() as u64;
            let repaired = repair(&old, bytes + 8_001).expect("ours").expect("wrong");
            assert_eq!(repaired, Repair { header: header(format, 8_000), length: bytes + 8_000 });
            assert_eq!(repair(&repaired.header, repaired.length), Ok(None));
            assert_eq!(repair(&old, bytes), Ok(None));
            assert_eq!(repair(&old[..30], 30), Err(NotOurs));
            let mut foreign = old.clone();
            foreign[24] ^= 1;
            assert_eq!(repair(&foreign, bytes), Err(NotOurs));
        }
        assert_eq!(repair(b"", 0), Err(NotOurs));
    }
}
