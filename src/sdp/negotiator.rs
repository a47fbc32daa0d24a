//! Offer and answer of one dialog (RFC 3264): what was said, what is open, what is agreed.

use bytes::Bytes;
use sdp_types::{Attribute, Connection, Media, MediaType, Origin, Session, TransportProto};

use super::description::{Line, read};
use super::{Agreed, Capabilities, Codec, MediaAddress, MediaDirection, SdpError};

/// Offered under this payload type when the peer has not named one before.
const TELEPHONE_EVENT: u8 = 101;

/// One per dialog; cloned when an INVITE forks, as each branch answers the same offer.
#[derive(Clone, Debug)]
pub struct Negotiator {
    session_id: u64,
    /// What we last sent, version and all; compared to know whether the version grows.
    sent: Option<Session>,
    /// Media lines of the session; their number and order never change (RFC 3264 §8).
    slots: Vec<Slot>,
    /// Our payload type for digits; once used it means nothing else (RFC 3264 §8.3.2).
    telephone_event: u8,
    pending: Option<Pending>,
    /// What we said last, once the peer has met it: our offer that was answered, or our answer. Said again, in a fork or
    /// in a refresh, it may be answered again.
    answered: Option<Pending>,
    agreed: Option<Agreed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Slot {
    Audio { proto: String },
    Refused { media: String, proto: String, fmt: String },
}

/// Our open offer.
#[derive(Clone, Debug)]
struct Pending {
    capabilities: Capabilities,
    at: MediaAddress,
    direction: MediaDirection,
}

impl Negotiator {
    /// `session_id` is drawn once per dialog and stands in `o=` (RFC 8866 §5.2).
    pub fn new(session_id: u64) -> Self {
        Self {
            session_id,
            sent: None,
            slots: Vec::new(),
            telephone_event: TELEPHONE_EVENT,
            pending: None,
            answered: None,
            agreed: None,
        }
    }

    /// The last agreement.
    pub fn agreed(&self) -> Option<&Agreed> {
        self.agreed.as_ref()
    }

    /// Our offer waits for its answer.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Our offer: the first of a session, or a later one with the lines that the session has.
    /// `direction` is what we wish: `SEND_ONLY` holds the peer with music, `INACTIVE` without.
    pub fn offer(&mut self, capabilities: &Capabilities, at: MediaAddress, direction: MediaDirection) -> Bytes {
        if self.slots.is_empty() {
            self.slots.push(Slot::Audio { proto: "RTP/AVP".to_owned() });
        }
        let formats: Vec<(u8, Codec)> =
            capabilities.codecs.iter().map(|&codec| (codec.payload_type(), codec)).collect();
        let audio = Audio {
            at,
            formats: &formats,
            telephone_event: capabilities.telephone_event.then_some(self.telephone_event),
            ptime_ms: capabilities.ptime_ms,
            rtcp_mux: capabilities.rtcp_mux,
            direction,
        };
        self.pending = Some(Pending { capabilities: capabilities.clone(), at, direction });
        self.answered = None;
        self.write(&audio)
    }

    /// Reads the answer to our open offer. On an error the offer stays open: say `abandon` or wait for another answer.
    pub fn read_answer(&mut self, answer: &[u8]) -> Result<&Agreed, SdpError> {
        let pending = self.pending.as_ref().ok_or(SdpError::NoOffer)?;
        let agreed = self.meet(pending, answer)?;
        self.answered = self.pending.take();
        Ok(self.agreed.insert(agreed))
    }

    /// Reads another answer to what we said last, in place of the one before. A proxy may fork our INVITE: early sound then
    /// comes from one far end and the 200 from another (RFC 3261 §13.2.2.4); and a refresh repeats what we said (RFC 4028
    /// §7.4). On an error nothing changes.
    pub fn read_another_answer(&mut self, answer: &[u8]) -> Result<&Agreed, SdpError> {
        let answered = self.answered.as_ref().ok_or(SdpError::NoOffer)?;
        let agreed = self.meet(answered, answer)?;
        Ok(self.agreed.insert(agreed))
    }

    fn meet(&self, pending: &Pending, answer: &[u8]) -> Result<Agreed, SdpError> {
        let lines = read(answer)?;
        if lines.len() != self.slots.len() {
            return Err(SdpError::NotAnAnswer);
        }
        let at_audio = |slot: &Slot| matches!(slot, Slot::Audio { .. });
        let line = self.slots.iter().position(at_audio).and_then(|at| lines.get(at)).ok_or(SdpError::NotAnAnswer)?;
        if !line.is_plain_audio() {
            return Err(SdpError::NothingInCommon);
        }
        let offered = &pending.capabilities;
        let (send_payload, codec) =
            line.codecs().find(|(_, codec)| offered.codecs.contains(codec)).ok_or(SdpError::NothingInCommon)?;
        let mux = offered.rtcp_mux && line.rtcp_mux;
        let (remote, remote_rtcp) = line.addresses(pending.at.ip, mux).ok_or(SdpError::NothingInCommon)?;
        let direction = pending.direction.against(line.direction);
        Ok(Agreed {
            remote,
            remote_rtcp,
            rtcp_mux: mux,
            codec,
            send_payload,
            // the peer may send any format that the offer listed, under the offer's numbers (RFC 3264 §7)
            receive_payloads: offered.codecs.iter().map(|&codec| (codec.payload_type(), codec)).collect(),
            telephone_event_send: line.telephone_event().filter(|_| offered.telephone_event),
            telephone_event_receive: offered.telephone_event.then_some(self.telephone_event),
            send: direction.send,
            receive: direction.receive,
            ptime_ms: packet_time(line, offered.ptime_ms),
        })
    }

    /// Our open offer was refused or its request failed: what was agreed before stays (RFC 3261 §14.1).
    pub fn abandon(&mut self) {
        self.pending = None;
    }

    /// Answers the peer's offer, its first or a later one. On an error nothing has changed.
    /// The answer names one codec, so what arrives next is known.
    pub fn answer(
        &mut self,
        offer: &Offer,
        capabilities: &Capabilities,
        at: MediaAddress,
        wished: MediaDirection,
    ) -> Result<(Bytes, &Agreed), SdpError> {
        if self.pending.is_some() {
            return Err(SdpError::OfferPending);
        }
        let lines = &offer.0;
        let (chosen, agreed) = agree(lines, capabilities, at, wished).ok_or(SdpError::NothingInCommon)?;
        self.answered = Some(Pending {
            capabilities: Capabilities {
                codecs: vec![agreed.codec],
                telephone_event: agreed.telephone_event_receive.is_some(),
                ptime_ms: agreed.ptime_ms,
                rtcp_mux: agreed.rtcp_mux,
            },
            at,
            direction: MediaDirection { send: agreed.send, receive: agreed.receive },
        });
        // a peer that drops lines breaks RFC 3264 §8, but a session taken over by another device looks so
        self.slots = lines.iter().enumerate().map(|(at, line)| Slot::of(line, at == chosen)).collect();
        self.telephone_event = agreed.telephone_event_receive.unwrap_or(self.telephone_event);
        let audio = Audio {
            at,
            formats: &agreed.receive_payloads,
            telephone_event: agreed.telephone_event_receive,
            ptime_ms: agreed.ptime_ms,
            rtcp_mux: agreed.rtcp_mux,
            direction: MediaDirection { send: agreed.send, receive: agreed.receive },
        };
        let bytes = self.write(&audio);
        Ok((bytes, self.agreed.insert(agreed)))
    }

    /// Our description with all lines of the session. The version grows when anything else changed (RFC 3264 §8).
    fn write(&mut self, audio: &Audio) -> Bytes {
        let medias = self.slots.iter().map(|slot| match slot {
            Slot::Audio { proto } => audio.line(proto),
            Slot::Refused { media, proto, fmt } => {
                let mut line = Media::new(MediaType::Audio, 0, TransportProto::RtpAvp, fmt);
                (line.media, line.proto) = (media.clone(), proto.clone());
                line
            }
        });
        let version = self.sent.as_ref().map_or(1, |sent| sent.origin.sess_version);
        let mut session = Session::new(Origin::with_ip_addr(self.session_id, version, audio.at.ip), "-");
        session.set_connection(Connection::from_ip_addr(audio.at.ip));
        session.medias = medias.collect();
        if self.sent.as_ref().is_some_and(|sent| *sent != session) {
            session.origin.sess_version += 1;
        }
        let mut bytes = Vec::new();
        session.write(&mut bytes).expect("a Vec takes every byte");
        self.sent = Some(session);
        bytes.into()
    }
}

/// The peer's offer, read once, to be answered then or later. Without lines there is nothing in common with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer(Vec<Line>);

impl Offer {
    pub fn read(bytes: &[u8]) -> Result<Self, SdpError> {
        read(bytes).map(Self)
    }

    /// Its codecs that are among ours, in its order: what a second leg is offered first while the first is not answered.
    pub fn common_codecs(&self, capabilities: &Capabilities) -> Vec<Codec> {
        let line = self.0.iter().find(|line| usable(line, capabilities).is_some());
        let codecs = line.into_iter().flat_map(Line::codecs).map(|(_, codec)| codec);
        codecs.filter(|codec| capabilities.codecs.contains(codec)).collect()
    }
}

impl Slot {
    fn of(line: &Line, taken: bool) -> Self {
        if taken {
            Self::Audio { proto: line.proto.clone() }
        } else {
            Self::Refused { media: line.media.clone(), proto: line.proto.clone(), fmt: line.fmt.clone() }
        }
    }
}

/// The first codec of an audio line that we can do.
fn usable(line: &Line, capabilities: &Capabilities) -> Option<(u8, Codec)> {
    line.is_plain_audio().then(|| line.codecs().find(|(_, codec)| capabilities.codecs.contains(codec))).flatten()
}

/// The first line of an offer that we can take, and what it comes to.
fn agree(
    lines: &[Line],
    capabilities: &Capabilities,
    at: MediaAddress,
    wished: MediaDirection,
) -> Option<(usize, Agreed)> {
    lines.iter().enumerate().find_map(|(index, line)| {
        let (payload, codec) = usable(line, capabilities)?;
        let mux = capabilities.rtcp_mux && line.rtcp_mux;
        let (remote, remote_rtcp) = line.addresses(at.ip, mux)?;
        let direction = wished.against(line.direction);
        let event = line.telephone_event().filter(|_| capabilities.telephone_event);
        let agreed = Agreed {
            remote,
            remote_rtcp,
            rtcp_mux: mux,
            codec,
            send_payload: payload,
            receive_payloads: vec![(payload, codec)],
            telephone_event_send: event,
            telephone_event_receive: event,
            send: direction.send,
            receive: direction.receive,
            ptime_ms: packet_time(line, capabilities.ptime_ms),
        };
        Some((index, agreed))
    })
}

/// What the peer wishes, in whole frames of 10 ms up to 60; else ours. Never above its maximum.
fn packet_time(line: &Line, ours: u16) -> u16 {
    let sane = |ms: &u16| (10..=60).contains(ms) && ms.is_multiple_of(10);
    let wished = line.ptime_ms.filter(sane).unwrap_or(ours);
    line.maxptime_ms.filter(sane).map_or(wished, |maximum| wished.min(maximum))
}

/// Our audio line.
struct Audio<'a> {
    at: MediaAddress,
    formats: &'a [(u8, Codec)],
    telephone_event: Option<u8>,
    ptime_ms: u16,
    rtcp_mux: bool,
    direction: MediaDirection,
}

impl Audio<'_> {
    fn line(&self, proto: &str) -> Media {
        let payloads = self.formats.iter().map(|(payload, _)| *payload).chain(self.telephone_event);
        let list: Vec<String> = payloads.map(|payload| payload.to_string()).collect();
        let mut line = Media::new(MediaType::Audio, self.at.rtp, TransportProto::RtpAvp, list.join(" "));
        line.proto = proto.to_owned();
        let mut put = |name: &str, value: String| line.attributes.push(Attribute::with_value(name, value));
        for (payload, codec) in self.formats {
            put("rtpmap", format!("{payload} {}/8000", codec.name()));
        }
        if let Some(payload) = self.telephone_event {
            put("rtpmap", format!("{payload} telephone-event/8000"));
            put("fmtp", format!("{payload} 0-15"));
        }
        put("ptime", self.ptime_ms.to_string());
        line.attributes.push(Attribute::new(self.direction.attribute()));
        if self.rtcp_mux {
            line.attributes.push(Attribute::new("rtcp-mux"));
        }
        line
    }
}
