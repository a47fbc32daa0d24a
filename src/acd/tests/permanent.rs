//! Permanent stations: when the phone is rung, and that its leg alone says whether its agent can be reached.

use super::*;
use crate::event::words::NotReadyReason;

fn house() -> House {
    House::new(site(vec![group(1)], &[(1, &[(1, 5)]), (2, &[(1, 5)])]))
}

fn seen(house: &House) -> (bool, Option<EndCause>) {
    let seen = house.acd.snapshot(AgentNo(1)).expect("an agent");
    (seen.reachable, seen.down)
}

#[test]
fn it_is_rung_once_and_offered_to_while_it_is_up() {
    let mut house = house();
    house.play(&[
        (0, Do::SignInPermanent(1), &["ring 1"]),
        (1, Do::Reach(1, true), &[]),
        (1, Do::Ready(1), &[]),
        (2, Do::Call(7, 1), &[]),
    ]);
    assert_eq!((house.shown(1), seen(&house)), (Display::Unreachable, (false, None)), "a registration is no leg");
    house.play(&[
        (5, Do::LineUp(1), &["offer 7 to 1"]),
        (5, Do::Talks(1), &["7 Connected"]),
        // What the phone says of itself does not matter while its leg is up.
        (6, Do::Reach(1, false), &[]),
        (40, Do::HangUp(1, 7), &[]),
        (41, Do::Call(8, 1), &[]),
        (50, Do::Wait, &["offer 8 to 1"]),
        (50, Do::Talks(1), &["8 Connected"]),
        (60, Do::HangUp(1, 8), &[]),
        (61, Do::SignOut(1), &["drop 1"]),
    ]);
    assert_eq!(house.ways, [OfferWay::Permanent; 2]);
    assert!(house.acd.is_at_rest());
    assert_eq!(house.acd.counts().deadlines, 0);
}

#[test]
fn a_phone_that_does_not_answer_is_rung_again_later_and_later() {
    let mut house = house();
    house.play(&[
        (0, Do::SignInPermanent(1), &["ring 1"]),
        (1, Do::LineDown(1, EndCause::Busy), &[]),
        // Who is not ready is not rung again.
        (30, Do::Wait, &[]),
    ]);
    assert_eq!((house.shown(1), seen(&house)), (Display::Unreachable, (false, Some(EndCause::Busy))));
    house.play(&[
        (30, Do::Ready(1), &["ring 1"]),
        (31, Do::LineDown(1, EndCause::NoAnswer), &[]),
        // He asks: at once.
        (32, Do::Ready(1), &["ring 1"]),
        (32, Do::Ready(1), &[]),
        (33, Do::LineDown(1, EndCause::NoAnswer), &[]),
        (52, Do::Wait, &[]),
        (53, Do::Wait, &["ring 1"]),
        (53, Do::LineDown(1, EndCause::NoAnswer), &[]),
        (92, Do::Wait, &[]),
        (93, Do::Wait, &["ring 1"]),
        (94, Do::LineUp(1), &[]),
        (95, Do::LineDown(1, EndCause::HungUp), &[]),
        (174, Do::Wait, &[]),
        (175, Do::Wait, &["ring 1"]),
        (176, Do::SignOut(1), &["drop 1"]),
        (600, Do::Wait, &[]),
    ]);
}

#[test]
fn a_phone_that_comes_back_is_rung_and_one_that_stays_is_not() {
    let mut house = house();
    house.play(&[
        (0, Do::SignInPermanent(1), &["ring 1"]),
        (0, Do::Ready(1), &[]),
        (1, Do::LineDown(1, EndCause::Unreachable), &[]),
        (2, Do::Reach(1, true), &["ring 1"]),
        (3, Do::LineDown(1, EndCause::Unreachable), &[]),
        // It says that it is there, and does not answer.
        (4, Do::Reach(1, true), &[]),
        (5, Do::Reach(1, true), &[]),
        (12, Do::Wait, &[]),
        (13, Do::Wait, &["ring 1"]),
        (14, Do::LineUp(1), &[]),
    ]);
    assert_eq!(house.shown(1), Display::Ready);
}

#[test]
fn a_leg_that_goes_down_while_its_agent_rests_is_rung_when_he_returns() {
    // When it goes down, and when it is rung: he returns at 321, and its own rest is over first.
    for (down, rung) in [(200, 321), (320, 325)] {
        let mut house = house();
        house.play(&[
            (0, Do::SignInPermanent(1), &["ring 1"]),
            (0, Do::Ready(1), &[]),
            (0, Do::LineUp(1), &[]),
            (1, Do::Call(7, 1), &["offer 7 to 1"]),
            (2, Do::Rings(1), &[]),
            (22, Do::Wait, &["rescind 1 RangOut"]),
            (down, Do::LineDown(1, EndCause::HungUp), &[]),
            (rung - 1, Do::Wait, &[]),
            (rung, Do::Wait, &["ring 1"]),
            (rung, Do::LineUp(1), &["offer 7 to 1"]),
        ]);
    }
}

#[test]
fn a_leg_that_is_lost_in_a_talk_leaves_its_agent_unreachable_after_his_wrap_up() {
    let mut house = house();
    house.play(&[
        (0, Do::SignInPermanent(1), &["ring 1"]),
        (0, Do::Ready(1), &[]),
        (0, Do::LineUp(1), &[]),
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (1, Do::Talks(1), &["7 Connected"]),
        (2, Do::LineDown(1, EndCause::HungUp), &[]),
        (2, Do::HangUp(1, 7), &[]),
    ]);
    assert_eq!((house.shown(1), seen(&house)), (Display::WrapUp, (false, Some(EndCause::HungUp))));
    // The rest of a phone that has failed, as for every phone.
    house.play(&[(7, Do::Wait, &["ring 1"]), (8, Do::LineUp(1), &[]), (12, Do::Wait, &[])]);
    assert_eq!(house.shown(1), Display::Ready);
}

#[test]
fn whoever_holds_somebody_has_no_leg_for_another() {
    let mut several = group(1);
    several.calls_per_agent = 3;
    let mut house = House::new(site(vec![several], &[(1, &[(1, 5)])]));
    house.play(&[
        (0, Do::SignInPermanent(1), &["ring 1"]),
        (0, Do::Ready(1), &[]),
        (0, Do::LineUp(1), &[]),
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (1, Do::Talks(1), &["7 Connected"]),
        (2, Do::Hold(1, 7), &[]),
        (3, Do::Call(8, 1), &[]),
        (3, Do::CallAgent(9, 1, 0), &["9 Full"]),
    ]);
    let other = house.acd.may_dial(AgentNo(1), ContactId(10));
    assert_eq!(other, Err(RoleRefused::Talks(ContactId(7))));
}

#[test]
fn after_a_restart_it_is_rung_when_it_has_rested_and_its_agent_is_back_with_it() {
    let mut house = house();
    house.play(&[
        (0, Do::SignInPermanent(1), &["ring 1"]),
        (0, Do::Ready(1), &[]),
        (0, Do::LineUp(1), &[]),
        (0, Do::SignInPermanent(2), &["ring 2"]),
        (0, Do::LineUp(2), &[]),
    ]);
    let before = house.acd.open();
    let mut after = House::new((*house.acd.site).clone());
    after.t = house.t;
    after.fold = Fold::from_open(&before);
    let now = after.now();
    after.acd.restore(&before, now.t, now, &mut after.supplies);
    after.drain();
    assert_eq!(after.wish(1), Some(Wish::NotReady(NotReadyReason::Restart)));
    after.play(&[
        (1, Do::Reach(1, true), &["ring 1"]),
        (2, Do::LineDown(1, EndCause::Busy), &[]),
        (11, Do::Wait, &[]),
        (12, Do::Wait, &["ring 1"]),
        (13, Do::LineUp(1), &[]),
        // Who was not ready is rung when he is.
        (60, Do::Ready(2), &["ring 2"]),
    ]);
    assert_eq!(after.shown(1), Display::Ready);
}

#[test]
fn who_is_signed_out_by_the_end_of_his_own_call_leaves_nothing_at_the_phone() {
    let mut house = house();
    house.play(&[(0, Do::SignInPermanent(1), &["ring 1"]), (0, Do::Ready(1), &[]), (0, Do::LineUp(1), &[])]);
    let (agent, contact, now) = (AgentNo(1), ContactId(7), house.now());
    house.acd.dials(agent, contact, &By::SYSTEM, now, &mut house.supplies).expect("he is free");
    house.drain();
    house.play(&[(1, Do::ForcedOut(1), &[])]);
    let now = house.now();
    house.acd.talk_ended(agent, contact, Span::ZERO, &By::SYSTEM, now, &mut house.supplies);
    house.acd.release_line(agent, Some(ExtensionNo(1)), contact, now, &mut house.supplies);
    house.drain();
    assert!(house.acd.is_at_rest());
    house.play(&[(2, Do::Comes(1), &[])]);
    assert_eq!(house.shown(1), Display::Ready);
}
