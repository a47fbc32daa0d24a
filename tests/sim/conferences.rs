//! Conferences: the chair who begins alone, seats, the length with its warning and end, and two contacts of one agent that
//! become one while he stays.

use cordboard::base::{ContactId, Span};
use cordboard::event::words::{Display, EndCause, TransferEnding, TransferMode};
use cordboard::switch::{Body, CallTarget, CallVerb, Caller, ChairLeaves, Code, ConferenceChange, TwoWay};

use crate::dialling::order;
use crate::lending::flow;
use crate::verbs::{ANA, BO, CAI, CUSTOMER, House, number, talk, to};

fn seats(seats: usize) -> CallVerb {
    CallVerb::Conference { change: ConferenceChange { seats: Some(seats), ..ConferenceChange::default() } }
}

fn lasts(seconds: i64, warn: i64) -> CallVerb {
    let (length, warn) = (Some(Span::seconds(seconds)), Some(Span::seconds(warn)));
    CallVerb::Conference { change: ConferenceChange { length, warn, ..ConferenceChange::default() } }
}

fn extend(seconds: i64) -> CallVerb {
    CallVerb::ExtendConference { by: Span::seconds(seconds) }
}

impl House {
    fn invite(&self, to: CallTarget) -> CallVerb {
        CallVerb::Invite { who: self.ana(), to, from: None, ring: None, chair_leaves: ChairLeaves::PassOn }
    }

    /// Ana is the chair of a conference, alone.
    fn convenes(&mut self) -> ContactId {
        let ana = Caller::Agent(self.agent_no("a0"));
        let body = Body::TwoWay(TwoWay { to: None, ..order(ana, number("1900")) });
        let contact = self.ordered("convene", body);
        self.answers(ANA);
        contact
    }

    /// She holds the caller and has called cai; what she does is done in the older contact.
    fn holds_one_and_talks_to_another(&mut self) -> (ContactId, ContactId) {
        let customer = self.named("customer");
        self.does(CallVerb::Hold { who: customer });
        let ana = Caller::Agent(self.agent_no("a0"));
        let second = self.ordered("two", Body::TwoWay(order(ana, number("1900"))));
        self.answers(ANA);
        self.answers(CAI);
        (self.contact, second)
    }
}

#[test]
fn an_agent_stays_when_his_two_contacts_become_one() {
    let mut house = talk();
    let (first, second) = house.holds_one_and_talks_to_another();
    assert_eq!(house.world.uas[ANA].live_calls(), 2);
    house.does(CallVerb::Merge { with: second, stays: true });
    house.hear(&[("customer", "ana+cai"), ("ana", "customer+cai"), ("cai", "customer+ana")]);
    assert_eq!(house.world.uas[ANA].live_calls(), 1, "what she held at her phone is over, she talks on");
    assert_eq!(house.shown("a0"), Some(Display::Conference));
    let ana = house.leg("ana");
    let view = house.world.tenant.as_ref().and_then(|t| t.contacts().view(first)).expect("the older goes on");
    assert_eq!(view.calls[0].chair, Some(ana));
    let merged = |contact| house.record_of(contact).merged.iter().map(|m| (m.with, m.goes_on)).collect::<Vec<_>>();
    assert_eq!((merged(first), merged(second)), (vec![(second, true)], vec![(first, false)]));
    assert!(house.record_of(second).closed.is_some());
    // they are one: whoever leaves, the others talk on
    house.hangs_up(ANA);
    house.hear(&[("customer", "cai"), ("cai", "customer")]);
    assert_eq!(house.shown("a0"), Some(Display::WrapUp));
    assert_eq!((house.record_of(first).anomalies, house.record_of(second).anomalies), (0, 0));
    house.ends();
}

#[test]
fn the_call_he_is_back_in_is_the_one_he_keeps() {
    let mut house = talk();
    let (first, second) = house.holds_one_and_talks_to_another();
    house.contact = second;
    let cai = house.named("cai");
    house.does(CallVerb::Hold { who: cai });
    house.contact = first;
    let customer = house.named("customer");
    house.does(CallVerb::Retrieve { who: customer });
    house.contact = second;
    // asked of either contact it is the same; the older goes on
    let answer = house.ask(CallVerb::Merge { with: first, stays: true });
    assert!(matches!(answer, cordboard::switch::Answer::Accepted { .. }), "{answer:?}");
    house.contact = first;
    house.hear(&[("customer", "ana+cai"), ("ana", "customer+cai"), ("cai", "customer+ana")]);
    assert_eq!(house.world.uas[ANA].live_calls(), 1);
    house.hangs_up(CUSTOMER);
    house.hear(&[("ana", "cai"), ("cai", "ana")]);
    house.hangs_up(CAI);
    house.wait(Span::seconds(15));
    assert_eq!(house.shown("a0"), Some(Display::Ready));
    house.world.finish();
}

#[test]
fn who_rings_or_is_not_his_is_not_merged() {
    let mut house = talk();
    let customer = house.named("customer");
    house.does(CallVerb::Hold { who: customer });
    let ana = Caller::Agent(house.agent_no("a0"));
    let second = house.ordered("two", Body::TwoWay(order(ana, number("1900"))));
    house.answers(ANA);
    let stay = |with| CallVerb::Merge { with, stays: true };
    house.refuses(stay(second), Code::NotTalking);
    house.refuses(stay(house.contact), Code::UnknownContact);
    house.does(seats(2));
    house.answers(CAI);
    house.refuses(stay(second), Code::ConferenceFull);
    house.does(seats(3));
    house.does(stay(second));
    house.hear(&[("customer", "ana+cai"), ("ana", "customer+cai"), ("cai", "customer+ana")]);
    house.ends();
}

#[test]
fn a_conference_has_so_many_seats() {
    let mut house = talk();
    house.does(seats(2));
    house.refuses(house.invite(number("1900")), Code::ConferenceFull);
    house.does(seats(3));
    house.does(house.invite(number("1900")));
    // who rings has a seat already
    house.refuses(house.invite(house.bo()), Code::ConferenceFull);
    house.answers(CAI);
    house.hear(&[("customer", "ana+cai"), ("ana", "customer+cai"), ("cai", "customer+ana")]);
    // fewer remove nobody
    house.does(seats(2));
    house.hear(&[("customer", "ana+cai"), ("ana", "customer+cai"), ("cai", "customer+ana")]);
    house.hangs_up(CAI);
    house.refuses(house.invite(number("1900")), Code::ConferenceFull);
    house.ends();
}

#[test]
fn a_conference_warns_is_extended_and_ends_and_the_customer_goes_on() {
    let mut house = talk();
    house.refuses(extend(5), Code::NothingToEnd);
    house.does(house.invite(number("1900")));
    house.answers(CAI);
    house.does(lasts(10, 3));
    house.refuses(extend(24 * 3_600), Code::TooLong);
    house.wait(Span::millis(5_900));
    house.hear(&[("customer", "ana+cai"), ("ana", "customer+cai"), ("cai", "customer+ana")]);
    house.wait(Span::millis(200));
    house.hear(&[("customer", "sound"), ("ana", "sound"), ("cai", "sound")]);
    house.wait(Span::seconds(2));
    house.hear(&[("customer", "ana+cai"), ("ana", "customer+cai"), ("cai", "customer+ana")]);
    // later, and warned again
    house.does(extend(5));
    house.wait(Span::seconds(2));
    house.hear(&[("customer", "ana+cai"), ("ana", "customer+cai"), ("cai", "customer+ana")]);
    house.wait(Span::seconds(5));
    house.hear(&[("customer", "music")]);
    assert_eq!((house.world.uas[ANA].live_calls(), house.world.uas[CAI].live_calls()), (0, 0));
    let causes: Vec<_> = house.record().legs.iter().filter_map(|leg| leg.cause).collect();
    assert_eq!(causes, [EndCause::TooLong, EndCause::TooLong]);
    assert_eq!(house.shown("a0"), Some(Display::WrapUp));
    house.ends();
}

#[test]
fn the_end_of_a_conference_finds_a_consult_and_whoever_rings() {
    let mut house = talk();
    house.does(lasts(5, 1));
    let ana = house.ana();
    house.does(CallVerb::Transfer {
        who: ana,
        mode: TransferMode::Consult,
        to: number("1900"),
        from: None,
        ring: None,
    });
    house.answers(CAI);
    house.wait(Span::seconds(5));
    house.hear(&[("customer", "music")]);
    assert_eq!((house.world.uas[ANA].live_calls(), house.world.uas[CAI].live_calls()), (0, 0));
    house.ends();
}

#[test]
fn the_end_of_a_conference_leaves_nobody_to_a_transfer_whose_transferor_has_left() {
    let mut house = talk();
    house.does(lasts(5, 1));
    let ana = house.ana();
    house.does(to(ana, TransferMode::Blind, number("1900")));
    assert_eq!((house.world.uas[ANA].live_calls(), house.world.uas[CAI].live_calls()), (0, 1));
    house.wait(Span::seconds(5));
    assert_eq!(house.transfer(), (TransferMode::Blind, Some(TransferEnding::Cancelled)));
    assert_eq!(house.world.uas[CAI].live_calls(), 0);
    house.hear(&[("customer", "music")]);
    house.ends();
}

#[test]
fn the_end_of_a_conference_is_none_of_a_phone_that_a_flow_rings() {
    let mut house = talk();
    house.does(lasts(5, 1));
    let ana = house.ana();
    house.does(to(ana, TransferMode::Blind, flow("forward")));
    house.wait(Span::seconds(6));
    assert_eq!((house.world.uas[ANA].live_calls(), house.world.uas[CAI].live_calls()), (0, 1));
    house.answers(CAI);
    house.hear(&[("customer", "cai"), ("cai", "customer")]);
    house.ends();
}

#[test]
fn a_chair_begins_alone_and_invites() {
    let mut house = talk();
    house.hangs_up(CUSTOMER);
    house.wait(Span::seconds(15));
    let contact = house.convenes();
    house.contact = contact;
    house.hear(&[("ana", "music")]);
    assert_eq!(house.shown("a0"), Some(Display::Conference));
    // longer than anybody else is left alone
    house.wait(Span::seconds(30));
    house.does(house.invite(number("1900")));
    house.rejects(CAI);
    house.does(house.invite(number("1900")));
    house.does(house.invite(house.bo()));
    house.answers(CAI);
    house.hear(&[("ana", "cai"), ("cai", "ana"), ("bo", "")]);
    house.answers(BO);
    house.hear(&[("ana", "cai+bo"), ("cai", "ana+bo"), ("bo", "ana+cai")]);
    assert_eq!((house.shown("a0"), house.shown("a1")), (Some(Display::Conference), Some(Display::Conference)));
    house.hangs_up(BO);
    house.hangs_up(CAI);
    // alone again, and still the chair
    house.wait(Span::seconds(30));
    house.hear(&[("ana", "music")]);
    house.does(lasts(10, 5));
    house.wait(Span::seconds(11));
    assert_eq!(house.world.uas[ANA].live_calls(), 0);
    assert_eq!(house.record().cause, Some(EndCause::TooLong));
    house.wait(Span::seconds(12));
    assert_eq!(house.shown("a0"), Some(Display::Ready));
    house.world.finish();
}

#[test]
fn a_chair_whom_nobody_joins_is_released_and_an_outsider_is_none() {
    let mut house = talk();
    house.hangs_up(CUSTOMER);
    house.wait(Span::seconds(15));
    let outside = TwoWay { to: None, ..order(Caller::Number("913800000000".to_owned()), number("1900")) };
    let refused = house.orders("out", Body::TwoWay(outside));
    assert!(matches!(&refused, cordboard::switch::Answer::Refused { code: Code::TargetUnfit, .. }), "{refused:?}");
    house.contact = house.convenes();
    house.wait(Span::minutes(9));
    assert_eq!(house.world.uas[ANA].live_calls(), 1);
    house.wait(Span::minutes(2));
    assert_eq!(house.world.uas[ANA].live_calls(), 0);
    assert!(house.record().closed.is_some());
    house.world.finish();
}

#[test]
fn the_chair_hangs_up_and_the_others_go_on() {
    let mut house = talk();
    house.hangs_up(CUSTOMER);
    house.wait(Span::seconds(15));
    house.contact = house.convenes();
    house.does(house.invite(number("1900")));
    house.answers(CAI);
    house.does(house.invite(house.bo()));
    house.answers(BO);
    house.hangs_up(ANA);
    house.hear(&[("cai", "bo"), ("bo", "cai")]);
    house.hangs_up(BO);
    house.wait(Span::seconds(5));
    assert_eq!(house.world.uas[CAI].live_calls(), 0, "whoever is left alone is released");
    house.wait(Span::seconds(15));
    house.world.finish();
}
