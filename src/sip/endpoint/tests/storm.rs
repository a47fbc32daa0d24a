//! Whatever happens, in whatever order, nothing panics and nothing is left.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::super::Counts;
use super::world::*;
use crate::base::{LegId, Span};
use crate::event::words::{EndCause, PartyRef};
use crate::sip::phone::{PhoneCall, PhoneEvent};
use crate::sip::testing::EXT_1002;
use crate::sip::words::{Act, Fork, Invite, Tell};

/// What a storm has stirred up.
struct Storm {
    world: World,
    phones: [SocketAddr; 3],
    legs: Vec<LegId>,
    ended: Vec<LegId>,
    calls: Vec<(SocketAddr, PhoneCall)>,
}

/// Phones and the layer above act by chance on a bad network; afterwards everybody hangs up and time passes.
fn storm(seed: u64, loss: f64) {
    let mut storm = Storm::new(seed, loss);
    for step in 0..120 {
        storm.act(step);
        let span = storm.world.rng.below(3_000) as i64;
        storm.world.run(Span::millis(span));
        storm.listen(seed);
    }
    storm.end_all();
    let endpoint = &storm.world.endpoint;
    assert_eq!(endpoint.counts(), Counts::default(), "seed {seed}, loss {loss}: {endpoint:#?}");
}

impl Storm {
    fn new(seed: u64, loss: f64) -> Self {
        let mut world = World::new();
        world.rng = crate::base::Rng::from_number(seed);
        let ports = ["198.51.100.1:5062", "198.51.100.2:5063", "198.51.100.3:5064"];
        let phones = [
            world.registered("1001", ports[0]),
            world.registered("1002", ports[1]),
            world.registered("1002", ports[2]),
        ];
        (world.loss, world.duplicates, world.jitter) = (loss, 0.05, Span::millis(600));
        Self { world, phones, legs: Vec::new(), ended: Vec::new(), calls: Vec::new() }
    }

    /// Somebody does something.
    fn act(&mut self, step: u64) {
        let world = &mut self.world;
        let choice = world.rng.below(12);
        let phone = self.phones[world.rng.below(3) as usize];
        let leg = (!self.legs.is_empty()).then(|| self.legs[world.rng.below(self.legs.len() as u64) as usize]);
        let call = (!self.calls.is_empty()).then(|| self.calls[world.rng.below(self.calls.len() as u64) as usize]);
        match (choice, leg, call) {
            (0 | 1, ..) => {
                let call = world.verb(phone, |phone, now| phone.call("9000", SDP, now));
                self.calls.push((phone, call));
            }
            (2, ..) => self.dial(step),
            (3, Some(leg), _) => world.act(Act::Progress { leg, status: 180, sdp: None }),
            (4, Some(leg), _) => world.act(Act::Accept { leg, sdp: SDP.to_vec() }),
            (5, Some(leg), _) => world.act(Act::End { leg, status: 486, cause: EndCause::Released }),
            (6, Some(leg), _) => world.act(Act::Probe { leg }),
            (7, Some(leg), _) => world.act(Act::AnswerOffer { leg, sdp: SDP.to_vec() }),
            (8, _, Some((at, call))) => world.verb(at, |phone, now| phone.answer(call, SDP, now)),
            (9, _, Some((at, call))) => world.verb(at, |phone, now| phone.hang_up(call, now)),
            (10, _, Some((at, call))) => world.verb(at, |phone, now| phone.reinvite(call, SDP, now)),
            (11, _, Some((at, call))) => world.verb(at, |phone, now| phone.ring(call, now)),
            (_, _, _) => {}
        }
    }

    fn dial(&mut self, step: u64) {
        let leg = LegId(1_000_000 + step);
        let targets = self.world.endpoint.targets_of_extension(EXT_1002, self.world.now.t);
        let invite = Invite {
            leg,
            party: PartyRef::Extension(EXT_1002),
            forks: targets.into_iter().map(|target| Fork { target, sdp: SDP.to_vec() }).collect(),
            from_user: "9".into(),
            from_name: None,
            to_user: "1002".into(),
            max_forwards: 70,
            one_refusal_ends: step.is_multiple_of(2),
            headers: Vec::new(),
        };
        self.legs.push(leg);
        self.world.act(Act::Invite(Box::new(invite)));
    }

    /// Notes what began and what ended; nothing ends twice.
    fn listen(&mut self, seed: u64) {
        for tell in self.world.take_tells() {
            match tell {
                Tell::Incoming(incoming) => self.legs.push(incoming.leg),
                Tell::Failed { leg, .. } | Tell::Ended { leg, .. } => {
                    assert!(!self.ended.contains(&leg), "seed {seed}: {leg} ended twice");
                    self.ended.push(leg);
                }
                _ => {}
            }
        }
        for (at, event) in std::mem::take(&mut self.world.events) {
            if let PhoneEvent::Incoming { call, .. } = event {
                self.calls.push((at, call));
            }
        }
    }

    fn end_all(&mut self) {
        for leg in std::mem::take(&mut self.legs) {
            self.world.act(Act::End { leg, status: 480, cause: EndCause::Drained });
        }
        // INVITEs still under way make legs yet
        for _ in 0..40 {
            self.world.run(Span::seconds(5));
            for tell in self.world.take_tells() {
                if let Tell::Incoming(incoming) = tell {
                    self.world.act(Act::End { leg: incoming.leg, status: 480, cause: EndCause::Drained });
                }
            }
        }
    }
}

#[test]
fn at_rest_nothing_is_left_on_a_good_network() {
    (0..40).for_each(|seed| storm(seed, 0.0));
}

#[test]
fn at_rest_nothing_is_left_on_a_bad_network() {
    (100..160).for_each(|seed| storm(seed, 0.15));
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Require: timer\r\n".to_owned()),
        Just("Session-Expires: 90;refresher=uac\r\nSupported: timer\r\n".to_owned()),
        Just("Record-Route: <sip:192.0.2.77;lr>\r\n".to_owned()),
        Just("Expires: 0\r\n".to_owned()),
        Just("Route: <sip:192.0.2.1;lr>\r\n".to_owned()),
        Just("Content-Type: application/sdp\r\n".to_owned()),
        "[A-Za-z-]{1,12}: [ -~]{0,30}\r\n",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Messages of any order, from a trunk, in and out of dialogs.
    #[test]
    fn any_sequence_of_messages_is_survived(
        steps in proptest::collection::vec(
            (0usize..10, 0u32..4, 0u32..6, any::<bool>(), proptest::collection::vec(line(), 0..3), 0i64..40_000), 1..30)
    ) {
        let methods =
            ["INVITE", "ACK", "BYE", "CANCEL", "INFO", "UPDATE", "OPTIONS", "REGISTER", "FOO", "200"];
        let mut world = World::new();
        let mut legs = Vec::new();
        let mut tag = String::new();
        for (method, branch, cseq, in_dialog, lines, wait) in steps {
            let method = methods[method];
            let start = if method == "200" {
                "SIP/2.0 200 OK".to_owned()
            } else {
                format!("{method} sip:9000@192.0.2.1 SIP/2.0")
            };
            let word = if method == "200" { "INVITE" } else { method };
            let to_tag = if in_dialog { format!(";tag={tag}") } else { String::new() };
            world.inject(TRUNK, format!(
                "{start}\r\nVia: SIP/2.0/UDP 192.0.2.50:5060;branch=z9hG4bK{branch}\r\nFrom: <sip:a@c>;tag=f\r\n\
                 To: <sip:9000@c>{to_tag}\r\nCall-ID: p\r\nCSeq: {cseq} {word}\r\nContact: <sip:192.0.2.50>\r\n{}\r\n",
                lines.concat()
            ));
            world.run(Span::millis(wait));
            for tell in world.take_tells() {
                if let Tell::Incoming(incoming) = tell {
                    legs.push(incoming.leg);
                    if branch % 2 == 0 {
                        world.act(Act::Accept { leg: incoming.leg, sdp: SDP.to_vec() });
                        world.run(Span::millis(20));
                        if let Some(found) = world.last_response(TRUNK).headers.to().ok().and_then(|to| to.tag().map(str::to_owned)) {
                            tag = found;
                        }
                    }
                }
            }
        }
        for leg in legs {
            world.act(Act::End { leg, status: 480, cause: EndCause::Drained });
        }
        world.run(Span::seconds(140));
        prop_assert_eq!(world.endpoint.counts(), Counts::default());
    }
}
