//! RTP packets in place (RFC 3550 §5.1): what a header says, and a header written over it.
//! Reading is `rtp-rs`; it cannot edit, so the 12 bytes we send are written here.

use rtp_rs::RtpReader;

/// Length of the header we send: no contributing sources, no extension.
pub const HEADER_BYTES: usize = 12;

/// What a header says, and where its payload lies in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload_at: usize,
    /// Bytes of payload, without padding.
    pub payload_bytes: usize,
}

/// What the first byte of a datagram on a media port says it is. RFC 7983 §7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Stun,
    Zrtp,
    Dtls,
    TurnChannel,
    Rtp,
    /// Told from RTP by the second byte. RFC 5761 §4.
    Rtcp,
    Unknown,
}

pub fn kind(packet: &[u8]) -> Kind {
    match packet {
        [0..=3, ..] => Kind::Stun,
        [16..=19, ..] => Kind::Zrtp,
        [20..=63, ..] => Kind::Dtls,
        [64..=79, ..] => Kind::TurnChannel,
        [128..=191, 192..=223, ..] => Kind::Rtcp,
        [128..=191, _, ..] => Kind::Rtp,
        _ => Kind::Unknown,
    }
}

/// Reads a header; `None` if the packet is none of RFC 3550.
pub fn read(packet: &[u8]) -> Option<Header> {
    let reader = RtpReader::new(packet).ok()?;
    let payload_at = reader.payload_offset();
    Some(Header {
        marker: reader.mark(),
        payload_type: reader.payload_type(),
        sequence: reader.sequence_number().into(),
        timestamp: reader.timestamp(),
        ssrc: reader.ssrc(),
        payload_at,
        payload_bytes: reader.payload().len(),
    })
}

/// Moves the payload right behind a header of [`HEADER_BYTES`] and returns the length of the packet.
/// Contributing sources, header extensions and padding were agreed with the sender only, so they go.
pub fn strip(packet: &mut [u8], header: &Header) -> usize {
    if header.payload_at != HEADER_BYTES {
        packet.copy_within(header.payload_at..header.payload_at + header.payload_bytes, HEADER_BYTES);
    }
    HEADER_BYTES + header.payload_bytes
}

/// What stands in a header of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
}

/// Writes the 12 bytes of a header. `packet` holds at least that many.
pub fn write(packet: &mut [u8], payload_type: u8, ssrc: u32, stamp: Stamp) {
    packet[0] = 0x80;
    packet[1] = payload_type & 0x7F | if stamp.marker { 0x80 } else { 0 };
    packet[2..4].copy_from_slice(&stamp.sequence.to_be_bytes());
    packet[4..8].copy_from_slice(&stamp.timestamp.to_be_bytes());
    packet[8..12].copy_from_slice(&ssrc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp_rs::{Pad, RtpPacketBuilder};

    #[test]
    fn what_is_written_is_read_by_somebody_elses_code() {
        let mut packet = [7; HEADER_BYTES + 4];
        write(&mut packet, 101, 0xAABB_CCDD, Stamp { marker: true, sequence: 65_535, timestamp: 9 });
        let read = read(&packet).expect("a packet of ours");
        assert_eq!((read.marker, read.payload_type, read.sequence), (true, 101, 65_535));
        assert_eq!((read.timestamp, read.ssrc, read.payload_at, read.payload_bytes), (9, 0xAABB_CCDD, 12, 4));
    }

    #[test]
    fn a_packet_with_all_options_is_stripped_to_its_payload() {
        let mut packet = RtpPacketBuilder::new()
            .payload_type(8)
            .add_csrc(1)
            .add_csrc(2)
            .extension(0xBEDE, &[0x10, 0xFF, 0, 0])
            .padded(Pad::round_to(4))
            .payload(&[1, 2, 3])
            .build()
            .expect("a lawful packet");
        let header = read(&packet).expect("read");
        assert_eq!(header.payload_bytes, 3);
        let length = strip(&mut packet, &header);
        write(&mut packet, 0, 5, Stamp { marker: false, sequence: 1, timestamp: 2 });
        assert_eq!(&packet[HEADER_BYTES..length], [1, 2, 3]);
        assert_eq!(super::read(&packet[..length]).expect("ours").payload_bytes, 3);
    }

    #[test]
    fn the_first_bytes_tell_the_kind() {
        for (bytes, expected) in [
            (&[0x00, 0x01][..], Kind::Stun),
            (&[16, 0], Kind::Zrtp),
            (&[22, 254], Kind::Dtls),
            (&[64, 0], Kind::TurnChannel),
            (&[0x80, 0], Kind::Rtp),
            (&[0x80, 0x88], Kind::Rtp),
            (&[0x80, 0xE5], Kind::Rtp),
            (&[0x81, 200], Kind::Rtcp),
            (&[0x80, 223], Kind::Rtcp),
            (&[0x80], Kind::Unknown),
            (&[200, 1], Kind::Unknown),
            (&[], Kind::Unknown),
        ] {
            assert_eq!(kind(bytes), expected, "{bytes:?}");
        }
        assert_eq!(read(&[0x80; 11]), None);
    }
}
