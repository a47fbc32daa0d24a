//! RTCP (RFC 3550 §6): reports we send, reports we get. Ours on both sides of a room, never forwarded.

use rtcp_types::{
    Bye, Compound, Packet, ReceiverReport, ReportBlock, RtcpPacketWriterExt, Sdes, SdesChunk, SdesItem, SenderReport,
};

use super::receive::Block;
use crate::base::{Span, Utc};

/// Mean time between two reports; each is drawn from half to one and a half of it. RFC 3550 §6.2, §6.3.1.
pub const INTERVAL: Span = Span::seconds(5);
/// Room for the largest compound packet we make.
pub const PACKET_BYTES: usize = 256;
/// Seconds from 1900-01-01, where NTP counts from, to 1970-01-01. RFC 5905 §6.
const NTP_UNIX_SECONDS: u64 = 2_208_988_800;

/// What we say about our own stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    pub at: Utc,
    pub timestamp: u32,
    pub packets: u32,
    pub octets: u32,
}

/// The wall clock as NTP has it: seconds and 2^-32 seconds.
pub fn ntp(at: Utc) -> u64 {
    let micros = at.0.max(0) as u64;
    let fraction = ((micros % 1_000_000) << 32) / 1_000_000;
    (micros / 1_000_000 + NTP_UNIX_SECONDS) << 32 | fraction
}

/// Writes sender report (or receiver report, when we sent nothing), CNAME and, at the end of the leg, BYE.
/// The length written; `None` when it does not fit, which no packet of ours does.
pub fn write(
    out: &mut [u8],
    ssrc: u32,
    cname: &str,
    sent: Option<Sent>,
    about: Option<Block>,
    bye: bool,
) -> Option<usize> {
    let block = about.map(|block| {
        ReportBlock::builder(block.ssrc)
            .fraction_lost(block.fraction_lost)
            .cumulative_lost(block.lost)
            .extended_sequence_number(block.highest)
            .interarrival_jitter(block.jitter)
            .last_sender_report_timestamp(block.last_sender_report)
            .delay_since_last_sender_report_timestamp(block.delay)
    });
    let mut compound = Compound::builder();
    compound = match sent {
        Some(sent) => {
            let mut report = SenderReport::builder(ssrc)
                .ntp_timestamp(ntp(sent.at))
                .rtp_timestamp(sent.timestamp)
                .packet_count(sent.packets)
                .octet_count(sent.octets);
            if let Some(block) = block {
                report = report.add_report_block(block);
            }
            compound.add_packet(report)
        }
        None => {
            let mut report = ReceiverReport::builder(ssrc);
            if let Some(block) = block {
                report = report.add_report_block(block);
            }
            compound.add_packet(report)
        }
    };
    let chunk = SdesChunk::builder(ssrc).add_item(SdesItem::builder(SdesItem::CNAME, cname));
    compound = compound.add_packet(Sdes::builder().add_chunk(chunk));
    if bye {
        compound = compound.add_packet(Bye::builder().add_source(ssrc));
    }
    compound.write_into(out).ok()
}

/// What a far end says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// SSRC and NTP time of its sender report.
    pub sender_report: Option<(u32, u64)>,
    /// What it says about our SSRC.
    pub about_us: Option<PeerReport>,
    pub bye: bool,
}

/// How our sound arrives at the far end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerReport {
    /// Cumulative.
    pub lost: u32,
    /// Of 256, since its last report.
    pub fraction_lost: u8,
    /// In samples.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of our report it saw last, and its age in 1/65,536 s: the round trip comes from both.
    pub last_sender_report: u32,
    pub delay: u32,
}

impl PeerReport {
    /// Round-trip time when the report arrived at `at`. RFC 3550 §6.4.1.
    pub fn round_trip(&self, at: Utc) -> Option<Span> {
        let now = (ntp(at) >> 16) as u32;
        let units = now.wrapping_sub(self.delay).wrapping_sub(self.last_sender_report) as i32;
        (self.last_sender_report != 0 && units >= 0).then(|| Span::micros(i64::from(units) * 1_000_000 / 65_536))
    }
}

/// Reads a compound packet; `None` if it is none of RFC 3550.
pub fn read(packet: &[u8], our_ssrc: u32) -> Option<Heard> {
    let mut heard = Heard::default();
    for part in Compound::parse(packet).ok()? {
        match part.ok()? {
            Packet::Sr(report) => {
                heard.sender_report = Some((report.ssrc(), report.ntp_timestamp()));
                heard.about_us = heard.about_us.or(report.report_blocks().find_map(|block| about(&block, our_ssrc)));
            }
            Packet::Rr(report) => {
                heard.about_us = heard.about_us.or(report.report_blocks().find_map(|block| about(&block, our_ssrc)));
            }
            Packet::Bye(_) => heard.bye = true,
            // Kinds of the crate's own enum that say nothing a voice leg needs.
            Packet::App(_)
            | Packet::Sdes(_)
            | Packet::TransportFeedback(_)
            | Packet::PayloadFeedback(_)
            | Packet::Xr(_)
            | Packet::Unknown(_) => {}
        }
    }
    Some(heard)
}

fn about(block: &ReportBlock<'_>, ssrc: u32) -> Option<PeerReport> {
    (block.ssrc() == ssrc).then(|| PeerReport {
        lost: block.cumulative_lost(),
        fraction_lost: block.fraction_lost(),
        jitter: block.interarrival_jitter(),
        last_sender_report: block.last_sender_report_timestamp(),
        delay: block.delay_since_last_sender_report_timestamp(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: Block = Block {
        ssrc: 7,
        fraction_lost: 12,
        lost: 34,
        highest: 70_000,
        jitter: 56,
        last_sender_report: 0x0102_0304,
        delay: 65_536,
    };

    #[test]
    fn what_is_written_is_read() {
        let mut out = [0; PACKET_BYTES];
        let sent = Sent { at: Utc(1_500_000), timestamp: 800, packets: 5, octets: 800 };
        let length = write(&mut out, 9, "abcdefghijklmnop", Some(sent), Some(BLOCK), true).expect("it fits");
        let heard = read(&out[..length], 7).expect("lawful");
        assert_eq!(heard.sender_report, Some((9, (NTP_UNIX_SECONDS + 1) << 32 | 1 << 31)));
        assert!(heard.bye);
        let about = heard.about_us.expect("about us");
        assert_eq!((about.lost, about.fraction_lost, about.jitter), (34, 12, 56));
        assert_eq!(read(&out[..length], 8).expect("lawful").about_us, None);
        assert_eq!(out[1], 200);
    }

    #[test]
    fn who_sent_nothing_writes_a_receiver_report() {
        let mut out = [0; PACKET_BYTES];
        let length = write(&mut out, 9, "x", None, None, false).expect("it fits");
        assert_eq!((out[1], length % 4), (201, 0));
        let heard = read(&out[..length], 7).expect("lawful");
        assert_eq!(heard, Heard::default());
    }

    #[test]
    fn the_round_trip_is_what_the_clocks_say() {
        let ours = (ntp(Utc(10_000_000)) >> 16) as u32;
        let report = PeerReport { last_sender_report: ours, delay: 65_536 * 2, ..PeerReport::default() };
        let round_trip = report.round_trip(Utc(12_080_000)).expect("both known");
        assert!((round_trip - Span::millis(80)).as_micros().abs() < 50, "{}", round_trip.as_micros());
        assert_eq!(PeerReport::default().round_trip(Utc(0)), None);
    }

    #[test]
    fn rubbish_is_refused() {
        for bytes in [&[][..], &[0x80], &[0x80, 200, 0, 9, 0], &[0x40, 200, 0, 0]] {
            assert_eq!(read(bytes, 1), None, "{bytes:?}");
        }
    }
}
