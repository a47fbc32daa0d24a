//! Keys of one party for one other party: who gets them, what is told of them, and what ends it.

use super::super::POISON_KEY;
use super::super::words::{Act, ChairLeaves, Invite, Refused, Replacement};
use super::{Bench, HELD_SDP, HERE, SDP, arrival, asked, dial};
use crate::base::{ContactId, LegId, Span};
use crate::event::Kind;
use crate::event::words::{By, DigitPath, SupervisionMode, TransferMode};
use crate::media::words::{Body, Fact, ReportBody};
use crate::sdp::Codec;
use crate::sip::words as sip;

/// A phone whose keys, if it says any by RTP, are tones.
const TONES: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";

impl Bench {
    /// Customer, Ana and a bank's menu talk.
    fn with_bank(sdp: &[u8]) -> Self {
        let mut bench = Self::talk(false);
        let invite = Invite { inviter: bench.leg("ana"), chair_leaves: ChairLeaves::PassOn, dial: dial(&["bank"]) };
        bench.verb(Act::Invite(Box::new(invite)));
        let leg = bench.leg("bank");
        bench.tell(sip::Tell::Answered { leg, fork: 0, sdp: sdp.to_vec() }, leg);
        bench
    }

    fn passing(&self, from: &str, to: Option<&str>) -> Act {
        let (leg, to) = (self.leg(from), to.map(|to| self.leg(to)));
        Act::PassDigits { leg, to, on: to.is_some(), by: asked() }
    }

    fn passes(&mut self, from: &str, to: Option<&str>) {
        let act = self.passing(from, to);
        self.verb(act);
    }

    fn presses(&mut self, who: &str, fact: fn(char) -> Fact, key: char) {
        let leg = self.leg(who);
        self.report(ReportBody::Fact { leg, fact: fact(key) });
    }

    /// Keys that each was sent by us, in either way.
    fn sent(&self, to: &str) -> String {
        self.sent_to(self.leg(to))
    }

    fn sent_to(&self, to: LegId) -> String {
        let by_rtp = self.medias.iter().rev().find_map(|body| match body {
            Body::SetLeg(spec) if spec.leg == to => Some(spec.digits.iter().map(|d| d.digit).collect::<String>()),
            _ => None,
        });
        let by_info = self.sips.iter().filter_map(|act| match act {
            sip::Act::SendDigit { leg, digit, .. } if *leg == to => Some(*digit),
            _ => None,
        });
        by_rtp.unwrap_or_default() + &by_info.collect::<String>()
    }

    fn keeps_keys(&self, who: &str) -> bool {
        let leg = self.leg(who);
        let last = self.medias.iter().rev().find_map(|body| match body {
            Body::SetLeg(spec) if spec.leg == leg => Some(spec.keeps_keys),
            _ => None,
        });
        last.expect("it has sockets")
    }

    /// Who passes whose keys to whom, live; the fold says the same.
    fn pairs(&self) -> Vec<(LegId, LegId)> {
        let view = self.contacts.view(self.contact);
        let live: Vec<_> = view.iter().flat_map(|v| &v.calls).flat_map(|call| &call.legs).collect();
        let mut live: Vec<_> = live.iter().filter_map(|l| Some((l.leg, l.passes_to?))).collect();
        live.sort_unstable();
        let open = self.open().contacts.get(&self.contact);
        let folded = open.into_iter().flat_map(|c| &c.legs).filter_map(|(leg, l)| Some((*leg, l.passes_to?)));
        assert_eq!(live, folded.collect::<Vec<_>>(), "live and folded");
        live
    }

    fn told(&self) -> Vec<(LegId, bool, By)> {
        let told = self.events.iter().filter_map(|event| match event.kind {
            Kind::LegPassesDigits { to, on } => Some((to, on, event.by.clone())),
            _ => None,
        });
        told.collect()
    }

    /// All that was told of keys.
    fn keys_told(&self) -> String {
        let key = |kind: &Kind| if let Kind::Digit { digit, .. } = kind { Some(*digit) } else { None };
        self.events.iter().filter_map(|event| key(&event.kind)).collect()
    }
}

#[test]
fn the_one_gets_them_and_which_they_are_is_told_to_nobody() {
    // How the bank takes keys, and how the customer's phone says them.
    for (sdp, info) in [(SDP, false), (SDP, true), (TONES, false), (TONES, true)] {
        let mut bench = Bench::with_bank(sdp);
        bench.passes("customer", Some("bank"));
        let (customer, bank) = (bench.leg("customer"), bench.leg("bank"));
        assert_eq!(bench.last("leg_passes_digits").kind, Kind::LegPassesDigits { to: bank, on: true });
        assert_eq!(bench.last("leg_passes_digits").by, asked());
        assert_eq!((bench.pairs(), bench.keeps_keys("customer")), (vec![(customer, bank)], true));
        assert_eq!(bench.refused(&bench.passing("customer", Some("bank"))), Some(Refused::AlreadyDone));
        assert_eq!((bench.hears("ana"), bench.hears("bank")), ("customer+bank".into(), "customer+ana".into()));
        for key in ['4', '7', '#'] {
            match info {
                true => bench.tell(sip::Tell::Digit { leg: customer, digit: key }, customer),
                false => bench.presses("customer", Fact::KeptDigit, key),
            }
        }
        assert_eq!((bench.sent("bank"), bench.sent("ana")), ("47#".to_owned(), String::new()));
        // Ana's own keys are everybody's, as ever.
        bench.presses("ana", Fact::Digit, '9');
        assert_eq!(bench.keys_told(), "xxx9");
        bench.passes("customer", None);
        assert_eq!(bench.last("leg_passes_digits").kind, Kind::LegPassesDigits { to: bank, on: false });
        assert_eq!((bench.pairs(), bench.keeps_keys("customer")), (vec![], false));
        // One that was down meanwhile: the engine has kept it, and nobody gets it now.
        bench.presses("customer", Fact::KeptDigit, '5');
        bench.presses("customer", Fact::Digit, '6');
        assert_eq!(bench.keys_told(), "xxx9x6");
        assert!(!bench.sent("bank").contains('5'));
        let off = bench.passing("customer", None);
        assert_eq!(bench.refused(&off), Some(Refused::NothingToEnd));
        assert_eq!(bench.record().digits.iter().map(|d| d.digit).collect::<String>(), "xxx9x6");
    }
}

#[test]
fn of_three_who_talk_the_other_two_get_a_key() {
    // What is done, who presses, and what we send to the customer, Ana and the bank.
    type Row = (&'static str, fn(&mut Bench), &'static str, [&'static str; 3]);
    let mute: fn(&mut Bench) = |bench| {
        let leg = bench.leg("customer");
        bench.verb(Act::Mute { leg, from: true, to: false, by: asked() });
    };
    let rows: [Row; 4] = [
        ("they talk", |_| {}, "customer", ["", "5", "5"]),
        ("one of ours presses it", |_| {}, "ana", ["5", "", "5"]),
        ("whom nobody hears", mute, "customer", ["", "", ""]),
        ("two are left, and the engine forwards it", |bench| bench.bye("bank"), "customer", ["", "", ""]),
    ];
    for (what, does, who, expected) in rows {
        let mut bench = Bench::with_bank(SDP);
        let bank = bench.leg("bank");
        does(&mut bench);
        bench.presses(who, Fact::Digit, '5');
        assert_eq!(["customer", "ana"].map(|name| bench.sent(name)), expected[..2], "{what}");
        assert_eq!(bench.sent_to(bank), expected[2], "{what}");
        assert_eq!(bench.keys_told(), "5", "{what}");
    }
    // By INFO to whom it is not said otherwise, and once, however often it is told.
    let mut bench = Bench::with_bank(TONES);
    let customer = bench.leg("customer");
    bench.presses("customer", Fact::Digit, '5');
    bench.tell(sip::Tell::Digit { leg: customer, digit: '5' }, customer);
    assert_eq!((bench.sent("ana"), bench.sent("bank")), ("5".to_owned(), "5".to_owned()));
    // A supervisor's whisper makes a sum of what she hears; he gets no keys.
    let mut bench = Bench::watched(SupervisionMode::Whisper);
    bench.presses("customer", Fact::Digit, '5');
    assert_eq!(["ana", "sue"].map(|name| bench.sent(name)), ["5", ""]);
    bench.presses("ana", Fact::Digit, '6');
    assert_eq!(bench.sent("customer"), "", "he hears her alone: the engine forwards it");
}

#[test]
fn a_key_that_all_had_already_is_not_sent_again() {
    let mut bench = Bench::with_bank(SDP);
    bench.passes("customer", Some("bank"));
    bench.presses("customer", Fact::Digit, '3');
    assert_eq!((bench.sent("bank"), bench.keys_told()), (String::new(), "x".to_owned()));
}

#[test]
fn what_cannot_be_passed_is_refused() {
    let mut bench = Bench::with_bank(TONES);
    let customer = bench.leg("customer");
    let pass = |bench: &Bench, from: LegId, to: LegId| {
        bench.refused(&Act::PassDigits { leg: from, to: Some(to), on: true, by: asked() })
    };
    let bank = bench.leg("bank");
    assert_eq!(pass(&bench, customer, LegId(1)), Some(Refused::UnknownLeg));
    assert_eq!(pass(&bench, LegId(1), customer), Some(Refused::UnknownLeg));
    assert_eq!(pass(&bench, customer, customer), Some(Refused::NotTalking), "to itself");
    assert_eq!(pass(&bench, bank, customer), Some(Refused::KeysAreTones));
    bench.tell(sip::Tell::Digit { leg: bank, digit: '1' }, bank);
    assert_eq!(pass(&bench, bank, customer), None, "by INFO it says them apart from its voice");
    let ana = bench.leg("ana");
    bench.passes("customer", Some("bank"));
    let other = Act::PassDigits { leg: customer, to: Some(ana), on: false, by: asked() };
    assert_eq!(bench.refused(&other), Some(Refused::NothingToEnd), "not to her");
    bench.passes("customer", Some("ana"));
    assert_eq!(bench.pairs(), [(customer, ana)], "to one at a time");
}

#[test]
fn it_goes_on_through_hold_and_ends_with_the_talk_of_the_two() {
    struct Row {
        what: &'static str,
        does: fn(&mut Bench),
        goes_on: bool,
    }
    let hold = |bench: &mut Bench, who: &str| {
        let leg = bench.leg(who);
        bench.verb(Act::Hold { leg, by: asked() });
    };
    let consult: fn(&mut Bench) = |bench| {
        bench.verb(Act::Hangup {
            leg: Some(bench.leg("ana")),
            cause: crate::event::words::EndCause::Released,
            side: crate::event::words::Side::Command,
            by: asked(),
        });
    };
    let rows = [
        Row { what: "the customer hangs up", does: |bench| bench.bye("customer"), goes_on: false },
        Row { what: "the bank hangs up", does: |bench| bench.bye("bank"), goes_on: false },
        Row { what: "the agent leaves", does: consult, goes_on: true },
        Row {
            what: "the customer's keys become tones",
            does: |bench| {
                let leg = bench.leg("customer");
                bench.tell(sip::Tell::Offer { leg, sdp: Some(TONES.to_vec()) }, leg);
            },
            goes_on: false,
        },
        Row {
            what: "the contact's code panics",
            does: |bench| {
                let data = [(POISON_KEY.to_owned(), serde_json::Value::Null)].into_iter().collect();
                bench.act(Act::SetData { data, by: asked() });
            },
            goes_on: false,
        },
    ];
    for Row { what, does, goes_on } in rows {
        let mut bench = Bench::with_bank(SDP);
        bench.passes("customer", Some("bank"));
        hold(&mut bench, "customer");
        bench.presses("customer", Fact::KeptDigit, '1');
        bench.presses("customer", Fact::KeptDigit, '2');
        assert_eq!(bench.sent("bank"), "12", "{what}: held");
        let bank = bench.leg("bank");
        does(&mut bench);
        bench.pass(Span::millis(1));
        assert_eq!(!bench.pairs().is_empty(), goes_on, "{what}");
        let told: Vec<_> = bench.told().into_iter().map(|(to, on, _)| (to, on)).collect();
        let expected = if goes_on { vec![(bank, true)] } else { vec![(bank, true), (bank, false)] };
        assert_eq!(told, expected, "{what}");
        assert_eq!(bench.record().anomalies, 0, "{what}");
        assert_eq!(bench.open().anomalies, 0, "{what}");
    }
}

#[test]
fn a_consult_of_one_of_them_ends_it() {
    let mut bench = Bench::with_bank(SDP);
    bench.passes("ana", Some("bank"));
    bench.passes("customer", Some("bank"));
    let customer = bench.leg("customer");
    bench.transfer(TransferMode::Consult, &["bo"]);
    assert_eq!(bench.pairs(), [(customer, bench.leg("bank"))], "Ana talks elsewhere, the two still to each other");
    assert_eq!(bench.last("leg_passes_digits").about.leg, Some(bench.leg("ana")));
    assert_eq!(bench.last("leg_passes_digits").by, asked(), "her consult has ended it");
}

#[test]
fn who_takes_a_place_gets_the_keys_or_gives_his() {
    for old in ["customer", "bank"] {
        let mut bench = Bench::with_bank(SDP);
        bench.passes("customer", Some("bank"));
        let (gone, new) = (bench.leg(old), LegId(bench.supplies.ids.mint(bench.t)));
        bench.names.insert(new, "new".to_owned());
        let incoming = sip::Incoming { replaces: Some(gone), sdp: Some(SDP.to_vec()), ..arrival(new).incoming };
        let (now, with) = (bench.now(), Replacement { incoming, media_ip: HERE, codecs: vec![Codec::Pcma] });
        assert!(bench.contacts.replace(gone, with, now, &mut bench.supplies));
        bench.drain();
        let (from, to) = if old == "customer" { ("new", "bank") } else { ("customer", "new") };
        assert_eq!(bench.pairs(), [(bench.leg(from), bench.leg(to))], "{old}");
        bench.presses(from, Fact::KeptDigit, '8');
        assert_eq!(bench.sent(to), "8", "{old}");
        assert!(bench.told().iter().all(|(_, on, _)| *on), "{old}: it never ended");
        assert_eq!(
            bench.events.iter().filter(|e| e.kind == Kind::Digit { digit: 'x', path: DigitPath::Rtp }).count(),
            1
        );
    }
}

/// Customer, Ana and the bank talk; her other line is in a younger contact with Bo and a menu.
struct Two {
    bench: Bench,
    first: ContactId,
    second: ContactId,
}

impl Two {
    fn new() -> Self {
        let mut bench = Bench::with_bank(SDP);
        let first = bench.contact;
        bench.pass(Span::seconds(1));
        let second = bench.phone_calls("ana-two", "bo");
        bench.answer("bo");
        bench.heard("bo");
        bench.contact = second;
        let invite = Invite { inviter: bench.leg("ana-two"), chair_leaves: ChairLeaves::PassOn, dial: dial(&["menu"]) };
        bench.verb(Act::Invite(Box::new(invite)));
        bench.answer("menu");
        bench.heard("menu");
        bench.contact = first;
        Self { bench, first, second }
    }

    /// Whose keys go to whom, in whichever of the two they talk.
    fn passes(&mut self, from: &str, to: &str) {
        let is_first = ["customer", "ana", "bank"].contains(&from);
        self.bench.contact = if is_first { self.first } else { self.second };
        self.bench.passes(from, Some(to));
        self.bench.contact = self.first;
    }

    /// After the merge: whose keys go to whom, by name, and what comes of a key that is pressed.
    fn judge(&mut self, what: &str, expected: Option<(&str, &str)>) {
        let bench = &mut self.bench;
        let expected = expected.map(|(from, to)| (bench.leg(from), bench.leg(to)));
        assert_eq!(bench.pairs(), expected.into_iter().collect::<Vec<_>>(), "{what}");
        let kept = ["customer", "ana", "ana-two", "bank", "bo", "menu"].into_iter().filter(|who| {
            let leg = bench.leg(who);
            bench.contacts.has_leg(bench.contact, leg) && bench.keeps_keys(who)
        });
        let kept: Vec<LegId> = kept.map(|who| bench.leg(who)).collect();
        assert_eq!(kept, expected.iter().map(|(from, _)| *from).collect::<Vec<_>>(), "{what}: kept by the engine");
        if let Some((from, to)) = expected {
            let (from, to) = (bench.names[&from].clone(), bench.names[&to].clone());
            bench.presses(&from, Fact::KeptDigit, '8');
            assert_eq!(bench.sent(&to), "8", "{what}");
            assert!(bench.keys_told().ends_with('x'), "{what}");
        }
        for who in ["customer", "bank", "bo", "menu"] {
            bench.bye(who);
        }
        assert!(!bench.contacts.is_live(self.first) && !bench.contacts.is_live(self.second), "{what}");
        for record in bench.ledger.contacts.values() {
            assert_eq!(record.anomalies, 0, "{what}");
        }
    }
}

#[test]
fn two_contacts_become_one_and_who_passes_keys_to_whom_stays_where_both_stay() {
    let rows = [
        ("customer", "bank", true),
        ("bank", "customer", true),
        ("bo", "menu", true),
        ("menu", "bo", true),
        ("customer", "ana", false),
        ("ana", "customer", false),
        ("bo", "ana-two", false),
        ("ana-two", "bo", false),
    ];
    for (from, to, stays) in rows {
        let what = format!("{from} to {to}");
        let mut two = Two::new();
        two.passes(from, to);
        let legs = (two.bench.leg("ana"), two.bench.leg("ana-two"));
        assert_eq!(two.bench.merge(legs), Ok(legs.0), "{what}");
        assert_eq!(two.bench.calls(), ["customer+bank+bo+menu"], "{what}");
        let told: Vec<bool> = two.bench.told().into_iter().map(|(_, on, _)| on).collect();
        assert_eq!(told, if stays { vec![true] } else { vec![true, false] }, "{what}");
        two.judge(&what, stays.then_some((from, to)));
    }
}

#[test]
fn she_stays_with_both_and_the_line_that_goes_on_has_the_keys_of_the_other() {
    let pairs = [
        ("customer", "bank"),
        ("bo", "menu"),
        ("customer", "ana"),
        ("ana", "customer"),
        ("bo", "ana-two"),
        ("ana-two", "bo"),
    ];
    for (line, gone, holds) in [("ana", "ana-two", false), ("ana-two", "ana", true)] {
        for (from, to) in pairs {
            let what = format!("{from} to {to}, {line} goes on");
            let mut two = Two::new();
            two.passes(from, to);
            let legs = (two.bench.leg("ana"), two.bench.leg("ana-two"));
            if holds {
                two.bench.tell(sip::Tell::Offer { leg: legs.0, sdp: Some(HELD_SDP.to_vec()) }, legs.0);
            }
            assert_eq!(two.bench.stay(legs), Ok(()), "{what}");
            let now = |who: &'static str| if who == gone { line } else { who };
            assert!(two.bench.told().iter().all(|(_, on, _)| *on), "{what}: it never ended");
            two.judge(&what, Some((now(from), now(to))));
        }
    }
}
