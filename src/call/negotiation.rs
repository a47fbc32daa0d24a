//! A leg's half of offer/answer: its ports, what was said to each phone it rings, and what came of it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{PoolExhausted, PortPair, Supplies};
use crate::event::MediaCounts;
use crate::media::words::NumberedDigit;
use crate::sdp::{Agreed, Capabilities, Codec, MediaAddress, MediaDirection, Negotiator, Offer};
use crate::sip::words::Target;

#[derive(Clone, Debug)]
pub(super) struct LegMedia {
    capabilities: Capabilities,
    /// One per phone that an outbound leg rings, one for an inbound leg. Phones on one interface share their ports.
    /// Shared with the copy that is kept of the contact during a step: few steps change it.
    ends: Arc<Vec<End>>,
    /// The end whose far side is connected, or sends early sound.
    chosen: usize,
    /// The far end's first offer, which still waits for our answer.
    remote_offer: Option<Arc<Offer>>,
    /// What we said in answer to it; said again in later responses to the same INVITE.
    answer: Option<Bytes>,
    /// Rises with each offer/answer that changes the peer's address.
    pub latch_epoch: u32,
    pub digits: Vec<NumberedDigit>,
    digits_numbered: u32,
    /// The engine owns the sockets.
    pub open: bool,
    pub counts: Option<MediaCounts>,
}

#[derive(Clone, Debug)]
struct End {
    ports: PortPair,
    at: MediaAddress,
    negotiator: Negotiator,
}

impl End {
    fn new(ports: PortPair, ip: IpAddr, supplies: &mut Supplies) -> Self {
        let session = u64::from(supplies.rng.u32());
        Self { ports, at: MediaAddress { ip, rtp: ports.rtp }, negotiator: Negotiator::new(session) }
    }
}

impl LegMedia {
    pub fn new(codecs: Vec<Codec>) -> Self {
        Self {
            capabilities: Capabilities { codecs, ..Capabilities::default() },
            ends: Arc::default(),
            chosen: 0,
            remote_offer: None,
            answer: None,
            latch_epoch: 0,
            digits: Vec::new(),
            digits_numbered: 0,
            open: false,
            counts: None,
        }
    }

    /// For an inbound leg. Without an offer the far end wants ours; with one that cannot be read there is nothing in common.
    pub fn arrive(&mut self, ports: PortPair, ip: IpAddr, offer: Option<Vec<u8>>, supplies: &mut Supplies) {
        Arc::make_mut(&mut self.ends).push(End::new(ports, ip, supplies));
        self.remote_offer = offer.map(|sdp| Arc::new(Offer::read(&sdp).unwrap_or_default()));
    }

    /// An offer for each target of an outbound leg, over a pair of ports for each interface among them.
    pub fn ring(
        &mut self,
        targets: &[(Target, IpAddr)],
        supplies: &mut Supplies,
    ) -> Result<Vec<Vec<u8>>, PoolExhausted> {
        let mut offers = Vec::with_capacity(targets.len());
        for (target, ip) in targets {
            let shared = self.ends.iter().map(|end| end.ports).find(|ports| ports.interface == target.interface);
            let ports = match shared {
                Some(ports) => ports,
                None => supplies.ports.take(target.interface)?,
            };
            let mut end = End::new(ports, *ip, supplies);
            offers.push(end.negotiator.offer(&self.capabilities, end.at, MediaDirection::SEND_RECEIVE).to_vec());
            Arc::make_mut(&mut self.ends).push(end);
        }
        Ok(offers)
    }

    pub fn agreed(&self) -> Option<&Agreed> {
        self.ends.get(self.chosen)?.negotiator.agreed()
    }

    pub fn ports(&self) -> Option<PortPair> {
        self.ends.get(self.chosen).map(|end| end.ports)
    }

    /// The codec that both sides have, or the first that the far end offered among ours.
    pub fn codec(&self) -> Option<Codec> {
        if let Some(agreed) = self.agreed() {
            return Some(agreed.codec);
        }
        self.remote_offer.as_ref()?.common_codecs(&self.capabilities).first().copied()
    }

    /// Whether the far end's first offer can be answered at all.
    pub fn can_answer(&self) -> bool {
        self.remote_offer.is_none() || self.codec().is_some()
    }

    /// What our response to the first INVITE says: the answer to its offer, or our offer when it had none.
    pub fn answer_or_offer(&mut self) -> Option<Vec<u8>> {
        if self.answer.is_none() {
            let end = Arc::make_mut(&mut self.ends).get_mut(self.chosen)?;
            let sdp = match self.remote_offer.take() {
                Some(offer) => {
                    let wished = MediaDirection::SEND_RECEIVE;
                    let (sdp, _) = end.negotiator.answer(&offer, &self.capabilities, end.at, wished).ok()?;
                    self.latch_epoch += 1;
                    sdp
                }
                None => end.negotiator.offer(&self.capabilities, end.at, MediaDirection::SEND_RECEIVE),
            };
            self.answer = Some(sdp);
        }
        self.answer.as_ref().map(|sdp| sdp.to_vec())
    }

    /// The answer to our offer, from the phone that was rung by this fork: it counts before one that came with early
    /// sound, which may have been another far end's. The same answer again changes nothing.
    /// `false`: there is none that we can use.
    pub fn take_answer(&mut self, fork: usize, sdp: &[u8]) -> bool {
        let Some(end) = Arc::make_mut(&mut self.ends).get_mut(fork) else { return false };
        let before = end.negotiator.agreed().map(|a| a.remote);
        let usable = match end.negotiator.is_pending() {
            true => end.negotiator.read_answer(sdp).is_ok(),
            false => end.negotiator.read_another_answer(sdp).is_ok() || before.is_some(),
        };
        if usable && (self.chosen != fork || end.negotiator.agreed().map(|a| a.remote) != before) {
            self.latch_epoch += 1;
            self.chosen = fork;
        }
        usable
    }

    /// Sound before the answer: taken from the first phone that sends some, while no other does.
    pub fn take_early_answer(&mut self, fork: usize, sdp: &[u8]) -> bool {
        match self.agreed() {
            Some(_) => self.chosen == fork,
            None => self.take_answer(fork, sdp),
        }
    }

    /// Whether we would send after this later offer of the far end: it wants to hear us.
    pub fn would_send(&self, offer: &[u8]) -> bool {
        let Some(end) = self.ends.get(self.chosen) else { return false };
        let Ok(offer) = Offer::read(offer) else { return false };
        let mut after = end.negotiator.clone();
        let answer = after.answer(&offer, &self.capabilities, end.at, MediaDirection::SEND_RECEIVE);
        answer.is_ok() && after.agreed().is_some_and(|agreed| agreed.send)
    }

    /// A later offer of the far end, or its wish for ours. `None`: it cannot be met, everything stays.
    pub fn re_offer(&mut self, sdp: Option<&[u8]>) -> Option<Vec<u8>> {
        let end = Arc::make_mut(&mut self.ends).get_mut(self.chosen)?;
        let before = end.negotiator.agreed().map(|a| a.remote);
        let wished = MediaDirection::SEND_RECEIVE;
        let answer = match sdp {
            Some(offer) => end.negotiator.answer(&Offer::read(offer).ok()?, &self.capabilities, end.at, wished).ok()?.0,
            None => end.negotiator.offer(&self.capabilities, end.at, wished),
        };
        if end.negotiator.agreed().map(|a| a.remote) != before {
            self.latch_epoch += 1;
        }
        Some(answer.to_vec())
    }

    /// The far end's answer to what we said last, when that was said again. `false`: it cannot be used.
    pub fn take_refreshed(&mut self, sdp: &[u8]) -> bool {
        self.take_answer(self.chosen, sdp)
    }

    /// Our 200 carried an offer; this came in its ACK. `true` as well when nothing was open.
    pub fn take_ack(&mut self, sdp: Option<&[u8]>) -> bool {
        let chosen = self.chosen;
        let pending = self.ends.get(chosen).is_some_and(|end| end.negotiator.is_pending());
        if !pending {
            return true;
        }
        sdp.is_some_and(|sdp| self.take_answer(chosen, sdp))
    }

    pub fn send_digit(&mut self, digit: char) {
        self.digits_numbered += 1;
        self.digits.push(NumberedDigit { number: self.digits_numbered, digit });
        let excess = self.digits.len().saturating_sub(crate::base::bounds::DIGITS_HELD);
        self.digits.drain(..excess);
    }

    /// Ports that the engine never got, to be given back when the leg is over.
    pub fn take_unused_ports(&mut self) -> Vec<PortPair> {
        let used = self.ports().filter(|_| self.open);
        let mut unused: Vec<PortPair> = std::mem::take(&mut self.ends).iter().map(|end| end.ports).collect();
        unused.sort_unstable();
        unused.dedup();
        unused.retain(|ports| Some(*ports) != used);
        unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{IdBlock, InterfaceNo, Ports, Rng};
    use crate::event::words::Wire;

    fn sdp(port: u16) -> Vec<u8> {
        format!("v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n")
            .into_bytes()
    }

    #[test]
    fn the_answer_of_the_200_counts_before_that_of_early_sound() {
        let ip = IpAddr::from([127, 0, 0, 1]);
        let mut ports = Ports::default();
        ports.put(PortPair { interface: InterfaceNo(0), ip, rtp: 20_000 });
        let mut supplies = Supplies { ids: IdBlock::new(0, 1, 1 << 20), ports, rng: Rng::from_number(1) };
        let target = Target {
            uri: "sip:a@192.0.2.9".to_owned(),
            interface: InterfaceNo(0),
            wire: Wire::Udp,
            link: None,
            remote: ([192, 0, 2, 9], 5060).into(),
            routes: Vec::new(),
        };
        let mut media = LegMedia::new(vec![Codec::Pcma]);
        assert!(media.ring(&[(target, ip)], &mut supplies).is_ok());
        let port = |media: &LegMedia| media.agreed().map(|agreed| agreed.remote.port());
        assert!(media.take_early_answer(0, &sdp(4_000)) && media.take_early_answer(0, &sdp(4_002)));
        assert_eq!((port(&media), media.latch_epoch), (Some(4_000), 1), "the first early sound stays");
        assert!(media.take_answer(0, &sdp(4_004)));
        assert_eq!((port(&media), media.latch_epoch), (Some(4_004), 2), "a proxy had forked the call");
        assert!(media.take_answer(0, &sdp(4_004)) && media.take_answer(0, b""), "none: what was said early holds");
        assert_eq!((port(&media), media.latch_epoch), (Some(4_004), 2));
    }
}
