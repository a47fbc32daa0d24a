//! A call of two by command: who hears what before and after, whose call it is, what is recorded, and how it fails.

use serde_json::Map;

use super::super::words::{Act, Birth, Caller, Dial, Does, Phones, Tell};
use super::{Bench, GROUP, LIMITS, asked, dial, phones};
use crate::base::bounds::ALONE_MAX;
use crate::base::{AgentNo, ContactId, Span};
use crate::event::words::{CallKind, Disposition, EndCause, LegRole, Side};
use crate::media::words::ReportBody;
use crate::sip::words as sip;

const ANA: AgentNo = AgentNo(1);

impl Bench {
    /// A contact is born by a command, and its first party is rung: an agent, or a customer.
    fn two_way(first: &str, caller: Option<Caller>) -> Self {
        let mut bench = Self::empty();
        let (contact, now) = (ContactId(5), bench.now());
        let birth = Birth {
            contact,
            from: "1001".to_owned(),
            to: "boss".to_owned(),
            language: "en-US".to_owned(),
            record: true,
            data: Map::new(),
            limits: LIMITS,
            two_way: true,
            call_kind: CallKind::Main,
            shown: None,
            standing: None,
            by: asked(),
        };
        bench.contacts.born(birth, now, &mut bench.supplies);
        bench.contact = contact;
        bench.drain();
        let first = Dial {
            attempts: vec![Phones { caller, ..phones(first) }.into()],
            queue: None,
            ring: Span::seconds(20),
            customer: caller.is_none(),
            by: asked(),
        };
        bench.act(Act::Dial(Box::new(first)));
        bench
    }

    fn ana_calls(group: bool) -> Self {
        Self::two_way("ana", Some(Caller { agent: ANA, group: group.then_some(GROUP) }))
    }

    /// The second party is dialled as the tenant does when the first has answered.
    fn second(&mut self, to: &str, customer: bool) {
        self.act(Act::Dial(Box::new(Dial { customer, ..dial(&[to]) })));
    }

    fn does(&self) -> Vec<Does> {
        let does = |tell: &Tell| match tell {
            Tell::AgentDoes { agent: ANA, does, by: _ } => Some(*does),
            _ => None,
        };
        self.tells.iter().filter_map(does).collect()
    }
}

#[test]
fn an_agent_calls_a_customer() {
    let mut bench = Bench::ana_calls(true);
    bench.rings("ana");
    bench.answer("ana");
    assert!(bench.tells.contains(&Tell::DialEnded(Ok(()))));
    bench.second("joe", true);
    assert_eq!(bench.hears("ana"), "tones/ringback");
    assert_eq!((bench.does(), bench.track.is_none()), (vec![], true), "nothing of him is recorded before the talk");
    bench.pass(ALONE_MAX + ALONE_MAX);
    bench.answer("joe");
    assert_eq!((bench.hears("ana"), bench.hears("joe")), ("joe".to_owned(), "ana".to_owned()));
    assert_eq!(bench.recorded(), ("joe".to_owned(), "ana".to_owned()));
    assert_eq!(bench.does(), [Does::Talks]);
    let view = bench.contacts.view(bench.contact).expect("it lives");
    let legs: Vec<_> = view.calls[0].legs.iter().map(|l| (l.role, l.agent)).collect();
    assert_eq!(legs, [(LegRole::Agent, Some(ANA)), (LegRole::Customer, None)]);
    bench.pass(Span::seconds(5));
    bench.bye("joe");
    assert!(bench.is_over());
    assert!(bench.tells.contains(&Tell::CallerGone { agent: ANA, group: Some(GROUP) }), "{:?}", bench.tells);
    let record = bench.record();
    assert_eq!((record.disposition, record.side), (Some(Disposition::Answered), Some(Side::Customer)));
    assert_eq!(bench.last("segment").about.agent, Some(ANA));
}

#[test]
fn a_phone_is_asked_to_answer_and_told_who_referred() {
    let mut bench = Bench::customer();
    for (auto_answer, referred_by) in [(false, None), (true, Some("sip:ana@example.com"))] {
        let boss = Phones { auto_answer, referred_by: referred_by.map(str::to_owned), ..phones("boss") };
        let first = Dial { attempts: vec![boss.into()], ..dial(&[]) };
        bench.act(Act::Dial(Box::new(first)));
        let Some(sip::Act::Invite(invite)) = bench.sips.last() else { panic!("{:?}", bench.sips.last()) };
        let header = |name: &str| invite.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        // RFC 5373 section 4.1, and what phones took before it
        let asked = ["Answer-Mode", "Alert-Info", "Call-Info"].map(|name| header(name).is_some());
        assert_eq!(asked, [auto_answer; 3]);
        assert_eq!(header("Answer-Mode"), auto_answer.then_some("Auto"));
        assert_eq!(header("Referred-By"), referred_by.map(|uri| format!("<{uri}>")).as_deref());
        bench.fail("boss", EndCause::Rejected);
    }
}

#[test]
fn holding_and_the_end_of_hold_are_told_of_who_calls() {
    let mut bench = Bench::ana_calls(false);
    bench.answer("ana");
    bench.second("joe", true);
    bench.answer("joe");
    let joe = bench.leg("joe");
    bench.verb(Act::Hold { leg: joe, by: asked() });
    bench.verb(Act::Retrieve { leg: joe, by: asked() });
    assert_eq!(bench.does(), [Does::Talks, Does::Holds, Does::Talks]);
    bench.bye("ana");
    assert!(bench.is_over() && bench.tells.contains(&Tell::CallerGone { agent: ANA, group: None }));
}

#[test]
fn who_calls_hears_that_nobody_is_there_and_is_released() {
    // how it fails, and whether the end of the tone is told
    for (refused, told) in [(true, true), (true, false), (false, true)] {
        let mut bench = Bench::ana_calls(true);
        bench.answer("ana");
        if refused {
            bench.second("joe", true);
            bench.fail("joe", EndCause::Busy);
        } else {
            bench.act(Act::NotConnected { cause: EndCause::Busy });
        }
        assert_eq!(bench.hears("ana"), ["tones/busy"; 4].join(","), "{refused} {told}");
        if told {
            let player = *bench.players.keys().next_back().expect("the tone");
            bench.report(ReportBody::PlayerEnded { player, missing: None });
        } else {
            bench.pass(Span::seconds(4));
            assert!(bench.is_live("ana"));
            bench.pass(Span::seconds(2));
        }
        assert!(bench.is_over(), "{refused} {told}");
        assert_eq!(bench.record().disposition, Some(Disposition::NotAnswered));
        assert_eq!(bench.record().cause, Some(EndCause::Busy));
        assert!(bench.tells.contains(&Tell::CallerGone { agent: ANA, group: None }), "no wrap-up after no talk");
    }
}

#[test]
fn nobody_is_dialled_for_who_does_not_answer() {
    let mut bench = Bench::ana_calls(true);
    bench.fail("ana", EndCause::Rejected);
    assert!(bench.is_over());
    assert_eq!(bench.record().disposition, Some(Disposition::NotAnswered));
    assert!(bench.tells.contains(&Tell::DialEnded(Err(EndCause::Rejected))));
    assert!(bench.tells.contains(&Tell::CallerGone { agent: ANA, group: None }));
}

#[test]
fn a_customer_called_first_is_recorded_from_his_answer_on() {
    let mut bench = Bench::two_way("joe", None);
    bench.answer("joe");
    bench.second("boss", false);
    assert_eq!((bench.hears("joe"), bench.recorded().0), ("tones/ringback".to_owned(), "joe".to_owned()));
    bench.answer("boss");
    assert_eq!(bench.recorded(), ("joe".to_owned(), "boss".to_owned()));
    bench.bye("boss");
    assert!(bench.is_over());
    let mut bench = Bench::two_way("joe", None);
    bench.answer("joe");
    bench.second("boss", false);
    bench.bye("joe");
    assert!(bench.is_over());
    assert_eq!(bench.record().disposition, Some(Disposition::AbandonedRinging));
}
