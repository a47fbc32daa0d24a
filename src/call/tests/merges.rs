//! Two contacts of one phone become one, in every order of REFER, answer and hang-up.

use super::super::words::{Act, ChairLeaves, Invite, Refused, Tell};
use super::*;
use crate::event::words::{LegRole, TransferEnding};
use crate::sip::words::{Act as Sip, Tell as FromSip};

/// Ana talks to a customer; her phone has called somebody by itself, whom it still rings or talks to.
struct Two {
    bench: Bench,
    first: ContactId,
    second: ContactId,
}

impl Two {
    fn new(answered: bool) -> Self {
        let mut two = Self::of(Bench::talk(false));
        if answered {
            two.bench.answer("bo");
            two.bench.heard("bo");
        }
        two
    }

    fn of(mut bench: Bench) -> Self {
        let first = bench.contact;
        bench.pass(Span::seconds(1));
        let second = bench.phone_calls("ana-two", "bo");
        Self { bench, first, second }
    }

    fn merge(&mut self) -> Result<LegId, Refused> {
        let legs = (self.bench.leg("ana"), self.bench.leg("ana-two"));
        self.bench.merge(legs)
    }

    fn is_live(&self, name: &str) -> bool {
        let leg = self.bench.leg(name);
        [self.first, self.second].iter().any(|contact| self.bench.contacts.has_leg(*contact, leg))
    }

    /// Who is in the contact that goes on; the other is gone.
    fn left(&mut self) -> Vec<String> {
        self.bench.contact = self.first;
        assert!(!self.bench.contacts.is_live(self.second), "the younger one is an alias");
        self.bench.calls()
    }
}

#[test]
fn two_that_talk_are_joined_and_the_phone_is_out_of_both() {
    let mut two = Two::new(true);
    let ana = two.bench.leg("ana");
    assert_eq!(two.merge(), Ok(ana));
    assert_eq!(two.left(), ["customer+bo"]);
    assert_eq!((two.bench.hears("customer"), two.bench.hears("bo")), ("bo".to_owned(), "customer".to_owned()));
    assert_eq!(two.bench.recorded(), ("customer".to_owned(), "bo".to_owned()), "the customer's recording goes on");
    assert!(!two.is_live("ana") && !two.is_live("ana-two"));
    let ended = Tell::TransferEnded { transferor: ana, ending: TransferEnding::Completed, cause: None };
    assert_eq!(two.bench.tells.iter().filter(|tell| **tell == ended).count(), 1);
    let hands: Vec<&Body> = two.bench.medias.iter().filter(|body| matches!(body, Body::Hand { .. })).collect();
    assert_eq!(hands, [&Body::Hand { leg: two.bench.leg("bo"), to: two.first }]);
    let merged = |contact: ContactId| two.bench.ledger.contacts[&(TenantNo(1), contact)].merged.clone();
    let names = |contact| merged(contact).iter().map(|m| (m.with, m.goes_on)).collect::<Vec<_>>();
    assert_eq!((names(two.first), names(two.second)), (vec![(two.second, true)], vec![(two.first, false)]));
    two.bench.bye("customer");
    assert!(two.bench.is_over());
    for record in two.bench.ledger.contacts.values() {
        assert_eq!(record.anomalies, 0, "{record:#?}");
        assert!(record.closed.is_some());
    }
}

/// Her phone holds the customer and talks to Bo on its other line: that line is hers from then on, for everybody.
#[test]
fn who_stays_goes_on_with_the_line_that_talks() {
    let mut two = Two::new(true);
    let (held, line) = (two.bench.leg("ana"), two.bench.leg("ana-two"));
    let name = |bench: &Bench, contact, leg| {
        let open = bench.open();
        let leg: &crate::ledger::open::OpenLeg = &open.contacts[&contact].legs[&leg];
        (leg.role, leg.agent, leg.offer)
    };
    let hers = name(&two.bench, two.first, held);
    two.bench.tell(FromSip::Offer { leg: held, sdp: Some(HELD_SDP.to_vec()) }, held);
    assert_eq!(two.bench.stay((held, line)), Ok(()));
    assert_eq!(name(&two.bench, two.first, line), hers);
    assert!(!two.is_live("ana"));
    assert_eq!((two.bench.hears("customer"), two.bench.hears("bo")).0, "ana-two+bo");
    two.bench.contact = two.first;
    two.bench.pass(Span::seconds(10));
    two.bench.act(Act::Unhold);
    two.bench.bye("ana-two");
    two.bench.bye("customer");
    let record = two.bench.ledger.contacts[&(TenantNo(1), two.first)].clone();
    let talks: Vec<Span> = record.legs.iter().filter(|leg| leg.role == LegRole::Agent).map(|leg| leg.talk).collect();
    assert_eq!((talks.len(), talks.last()), (2, Some(&Span::seconds(10))), "his talk goes on: {talks:?}");
    assert_eq!(record.anomalies, 0);
}

#[test]
fn the_transferor_is_told_before_his_leg_ends() {
    let mut two = Two::new(true);
    let ana = two.bench.leg("ana");
    let ended = Tell::TransferEnded { transferor: ana, ending: TransferEnding::Completed, cause: None };
    assert_eq!(two.merge(), Ok(ana));
    let at = |found: &dyn Fn(&Story) -> bool| two.bench.order.iter().position(found).expect("it happened");
    let told = at(&|story| matches!(story, Story::Told(tell) if *tell == ended));
    let bye = at(&|story| matches!(story, Story::Sip(Sip::End { leg, .. }) if *leg == ana));
    assert!(told < bye);
}

/// What happens after the merge of a contact whose target still rings, and what is left.
#[test]
fn every_order_around_a_target_that_rings() {
    struct Row(&'static str, &'static [&'static str], &'static [&'static str], Option<TransferEnding>);
    let rows = [
        Row("he answers", &["answer bo"], &["customer+bo"], Some(TransferEnding::Completed)),
        Row("transferor first", &["bye ana", "answer bo"], &["customer+bo"], Some(TransferEnding::Completed)),
        Row("he refuses", &["fail bo"], &["customer+ana"], Some(TransferEnding::Failed)),
        Row(
            "another way is tried, and he answers",
            &["no-way bo", "answer bo"],
            &["customer+bo"],
            Some(TransferEnding::Completed),
        ),
        Row(
            "another way is tried, and the customer leaves",
            &["no-way bo", "bye customer"],
            &[],
            Some(TransferEnding::CustomerLeft),
        ),
        Row("he rings out", &["wait"], &["customer+ana"], Some(TransferEnding::Failed)),
        Row("customer leaves", &["bye customer"], &[], Some(TransferEnding::CustomerLeft)),
        Row("both leave", &["bye ana", "bye customer"], &[], Some(TransferEnding::CustomerLeft)),
        Row("nobody is left to take him", &["bye ana", "fail bo"], &["customer"], Some(TransferEnding::Failed)),
        Row("not yet", &[], &["customer+ana+bo"], None),
        Row("transferor leaves, not yet", &["bye ana"], &["customer+bo"], None),
    ];
    for Row(name, steps, left, ending) in rows {
        let mut two = Two::new(false);
        two.merge().unwrap_or_else(|refused| panic!("{name}: {refused:?}"));
        for step in steps {
            match step.split_once(' ') {
                Some(("answer", who)) => two.bench.answer(who),
                Some(("bye", who)) => two.bench.bye(who),
                Some(("fail", who)) => two.bench.fail(who, EndCause::Busy),
                Some(("no-way", who)) => two.bench.fail(who, EndCause::Unreachable),
                _ => two.bench.pass(Span::seconds(30)),
            }
        }
        assert_eq!(two.left(), left, "{name}");
        let endings: Vec<TransferEnding> = (two.bench.tells.iter())
            .filter_map(|tell| if let Tell::TransferEnded { ending, .. } = tell { Some(*ending) } else { None })
            .collect();
        assert_eq!(endings, ending.into_iter().collect::<Vec<_>>(), "{name}");
        assert!(!two.is_live("ana-two"), "{name}");
        two.bench.hang_up(None);
        assert!(two.bench.is_over(), "{name}: no leg is left");
    }
}

/// What happened before the REFER came.
#[test]
fn what_comes_before_the_merge_decides_whether_it_can_be() {
    struct Row(&'static str, bool, &'static [&'static str], Option<Refused>);
    let rows = [
        Row("all talk", true, &[], None),
        Row("he rings", false, &[], None),
        Row("the customer has left", true, &["bye customer"], Some(Refused::UnknownLeg)),
        Row("the target has left", true, &["bye bo"], Some(Refused::UnknownLeg)),
        Row("the target refused", false, &["fail bo"], Some(Refused::UnknownLeg)),
        Row("the first call is over", true, &["bye ana"], Some(Refused::UnknownLeg)),
        Row("the second call is over", true, &["bye ana-two"], Some(Refused::UnknownLeg)),
    ];
    for Row(name, answered, steps, refused) in rows {
        let mut two = Two::new(answered);
        for step in steps {
            match step.split_once(' ') {
                Some(("bye", who)) => two.bench.bye(who),
                Some(("fail", who)) => two.bench.fail(who, EndCause::Busy),
                _ => panic!("{step}"),
            }
        }
        assert_eq!(two.merge().err(), refused, "{name}");
    }
    // Somebody is being invited, whom nobody would wait for.
    let mut two = Two::new(true);
    let (inviter, chair_leaves, dial) = (two.bench.leg("ana"), ChairLeaves::PassOn, dial(&["cy"]));
    two.bench.verb(Act::Invite(Box::new(Invite { inviter, chair_leaves, dial })));
    assert_eq!(two.merge().err(), Some(Refused::TransferRuns));
}

#[test]
fn the_older_goes_on_also_when_the_customer_is_in_the_younger() {
    let mut bench = Bench::phone();
    let first = bench.contact;
    bench.answer("boss");
    bench.heard("boss");
    bench.pass(Span::seconds(5));
    let second = bench.customer_calls();
    bench.contact = second;
    bench.act(Act::Wait { groups: vec![GROUP], music: "jazz".to_owned() });
    bench.ring("ana", 1);
    bench.answer("ana");
    bench.heard("ana");
    bench.act(Act::Unhold);
    bench.pass(Span::seconds(5));
    let legs = (bench.leg("ana"), bench.leg("ana-zero"));
    assert_eq!(bench.merge(legs), Ok(legs.1));
    assert!(!bench.contacts.is_live(second));
    bench.contact = first;
    assert_eq!(bench.calls(), ["boss+customer"]);
    assert_eq!(bench.hears("customer"), "boss");
    assert_eq!(bench.recorded(), ("customer".to_owned(), "boss".to_owned()), "he is recorded on, in the older's file");
    let roles: Vec<LegRole> = bench.ledger.contacts[&(TenantNo(1), first)].legs.iter().map(|leg| leg.role).collect();
    assert_eq!(roles, [LegRole::Other, LegRole::Other, LegRole::Customer]);
    bench.bye("boss");
    bench.hang_up(None);
    assert!(bench.is_over());
}

#[test]
fn an_agent_who_was_reached_through_a_group_comes_with_his_talk() {
    let mut two = Two::of(Bench::talk(false));
    // the phone's second call is to a group, whose agent has taken it
    two.bench.fail("bo", EndCause::Busy);
    let second = two.bench.group_calls("ana-three");
    two.second = second;
    two.bench.contact = second;
    two.bench.act(Act::Wait { groups: vec![GROUP], music: "jazz".to_owned() });
    two.bench.ring("cy", 2);
    two.bench.answer("cy");
    two.bench.heard("cy");
    two.bench.pass(Span::seconds(1));
    let legs = (two.bench.leg("ana"), two.bench.leg("ana-three"));
    assert_eq!(two.bench.merge(legs), Ok(legs.0));
    assert_eq!(two.left(), ["customer+cy"]);
    assert!(two.bench.tells.contains(&Tell::AgentMoved { agent: AgentNo(2), from: second }));
    let before = two.bench.tells.len();
    two.bench.bye("cy");
    let after = &two.bench.tells[before..];
    assert!(after.contains(&Tell::AgentGone { agent: AgentNo(2), group: Some(GROUP) }), "{after:?}");
    assert!(!after.iter().any(|tell| matches!(tell, Tell::Offer { .. })), "his offer is over already: {after:?}");
}
