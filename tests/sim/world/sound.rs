//! Sound as far as the machine hears of it: what it orders of media, and what is reported back.

use cordboard::base::{ContactId, LegId, Span};
use cordboard::media::words::{Body, Command, Fact, Report, ReportBody};
use cordboard::tenant::words::Input;

use super::{Happening, World};
use crate::scenario::ua::call::{CallNo, Phase};
use crate::sound::Echo;

/// RTP and RTCP are missed for so long before it is told (design 14).
const SILENCE: Span = Span::seconds(30);
/// How often a leg is listened to before its first sound and after it.
const LISTEN_SOON: Span = Span::millis(300);
const LISTEN_LATER: Span = Span::seconds(5);

impl World {
    pub(super) fn media(&mut self, command: Command) {
        match &command.body {
            Body::SetLeg(spec) => self.supplies.ports.settled(spec.ports),
            Body::ReturnPorts(ports) => self.supplies.ports.settled(*ports),
            Body::SetRow { .. } | Body::SetPlayer(_) | Body::SetTrack(_) | Body::Hand { .. } | Body::Close(_) => {}
        }
        let life = self.life;
        for echo in self.sound.command(command, self.t) {
            match echo {
                Echo::Report(takes, contact, body) => self.report_in(takes, contact, body),
                Echo::Listen(leg) => self.push(self.t + Span::millis(30), Happening::Listen { life, leg }),
                Echo::PlayerEnds(contact, player) => {
                    let ends = self.t + self.sound.player_length(player);
                    self.push(ends, Happening::PlayerEnds { life, contact, player });
                }
            }
        }
    }

    pub(super) fn report_in(&mut self, takes: Span, contact: ContactId, body: ReportBody) {
        let report = Report { contact, body };
        self.push(self.t + takes, Happening::Report { life: self.life, report });
    }

    /// The first packet, as soon as the far end has a call that is up; silence, once nothing came for long enough.
    pub(super) fn listen(&mut self, leg: LegId) {
        let Some(l) = self.sound.legs.get(&leg) else { return };
        let rtp = l.spec.remote.map(|remote| remote.rtp);
        let ua = self.uas.iter().find(|ua| Some(ua.at.ip()) == rtp.map(|rtp| rtp.ip()) && !ua.gone);
        let call = ua.zip(rtp).and_then(|(ua, rtp)| ua.call_at(rtp));
        let sounds = ua.is_some_and(|ua| !ua.silent) && call.is_some_and(|c| c.phase == Phase::Up);
        let (t, contact) = (self.t, l.contact);
        let l = self.sound.legs.get_mut(&leg).expect("it was just seen");
        let (first, lost) = (sounds && !l.heard, !sounds && l.spec.watch && !l.silent && t - l.last_sound >= SILENCE);
        if sounds {
            (l.heard, l.last_sound, l.silent) = (true, t, false);
        }
        l.silent |= lost;
        let again = if l.heard { LISTEN_LATER } else { LISTEN_SOON };
        self.push(t + again, Happening::Listen { life: self.life, leg });
        if first {
            // A thread that is late tells it of a contact that the leg may have left meanwhile.
            let takes = Span::millis(1 + self.rng.below(40) as i64);
            self.report_in(takes, contact, ReportBody::Fact { leg, fact: Fact::FirstSound });
        }
        if lost {
            self.feed(Input::Media(Report { contact, body: ReportBody::Fact { leg, fact: Fact::Silence } }));
        }
    }

    pub(super) fn pressed(&mut self, ua: usize, call: CallNo, key: char) {
        let peer = self.uas[ua].calls.get(&call).and_then(|c| c.peer_rtp);
        let Some((leg, l)) = peer.and_then(|rtp| self.sound.leg_at(rtp)) else { return };
        let (contact, fact) = (l.contact, if l.spec.keeps_keys { Fact::KeptDigit(key) } else { Fact::Digit(key) });
        self.report_in(Span::millis(20), contact, ReportBody::Fact { leg, fact });
    }
}
