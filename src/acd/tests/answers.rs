//! Offers that a client shows first, and what an agent says of any offer in his client.

use super::*;
use crate::event::words::{NotReadyReason, Wish};

/// Agents 1 and 2 of one group whose offers are shown first; agent 2 is rung all the same. Agent 1 is there.
fn house() -> House {
    let mut shown = group(1);
    shown.offer = OfferWay::Client;
    let mut site = site(vec![shown], &[(1, &[(1, 5)]), (2, &[(1, 5)])]);
    site.agents[1].offer = Some(OfferWay::Ring);
    let mut house = House::new(site);
    house.play(&[(0, Do::Comes(1), &[])]);
    house
}

fn wish(house: &House, n: u32) -> Option<Wish> {
    house.acd.snapshot(AgentNo(n)).and_then(|seen| seen.wish)
}

#[test]
fn nothing_rings_before_the_agent_has_accepted() {
    let mut house = house();
    house.play(&[(1, Do::Call(7, 1), &[]), (2, Do::Shows(1), &[])]);
    assert_eq!(house.shown(1), Display::Ringing);
    house.play(&[
        (15, Do::Accepts(1), &["offer 7 to 1"]),
        (15, Do::Accepts(1), &[]),
        (16, Do::Rings(1), &[]),
        (30, Do::PicksUp(1), &[]),
        (31, Do::Talks(1), &["7 Connected"]),
        (60, Do::HangUp(1, 7), &[]),
    ]);
    assert_eq!((house.refused, house.shown(1)), (None, Display::WrapUp));
    let accepted = house.kinds.iter().filter(|kind| **kind == "offer_accepted").count();
    assert_eq!(accepted, 1, "by the agent; that his phone followed is its leg's");
}

#[test]
fn letting_it_pass_is_the_agents_only_when_it_was_shown() {
    let mut house = house();
    house.play(&[(1, Do::Call(7, 1), &[]), (2, Do::Shows(1), &[]), (21, Do::Wait, &["rescind 1 RangOut"])]);
    assert_eq!(wish(&house, 1), Some(Wish::NotReady(NotReadyReason::RangOut)));
    // No client showed the next one: it comes again when the station has rested.
    house.play(&[
        (22, Do::Ready(1), &[]),
        (42, Do::Wait, &["rescind 1 Unreachable"]),
        (43, Do::Reach(1, true), &[]),
        (46, Do::Shows(1), &[]),
    ]);
    assert_eq!((wish(&house, 1), house.refused), (Some(Wish::Ready), Some(VerbRefused::OfferOver)));
    house.play(&[(47, Do::Shows(1), &[]), (48, Do::Accepts(1), &["offer 7 to 1"])]);
    assert_eq!(house.refused, None);
}

#[test]
fn row_1_who_accepts_after_the_caller_left_is_told_so_and_never_rung() {
    let mut house = house();
    house.play(&[
        (1, Do::Call(7, 1), &[]),
        (2, Do::Shows(1), &[]),
        (3, Do::CallerLeaves(7), &["rescind 1 CallerLeft", "7 CallerLeft"]),
        (3, Do::Accepts(1), &[]),
    ]);
    assert_eq!((house.refused, house.shown(1)), (Some(VerbRefused::OfferOver), Display::Ready));
    assert!(house.acd.is_at_rest());
    // He accepted first; the caller left while his phone was rung.
    house.play(&[
        (4, Do::Call(8, 1), &[]),
        (5, Do::Accepts(1), &["offer 8 to 1"]),
        (6, Do::CallerLeaves(8), &["rescind 1 CallerLeft", "8 CallerLeft"]),
        (6, Do::Talks(1), &[]),
    ]);
    assert!(house.acd.is_at_rest());
}

#[test]
fn who_rejects_is_not_asked_again_and_the_next_has_his_turn() {
    let mut house = house();
    house.play(&[
        (1, Do::Call(7, 1), &[]),
        (2, Do::Comes(2), &[]),
        (3, Do::DeclinesOffer(1), &["rescind 1 Rejected", "offer 7 to 2"]),
        (4, Do::Rings(2), &[]),
        (5, Do::Accepts(2), &[]),
    ]);
    assert_eq!(house.refused, Some(VerbRefused::OfferRings));
    house.play(&[(6, Do::DeclinesOffer(2), &["rescind 2 Rejected"]), (7, Do::DeclinesOffer(2), &[])]);
    assert_eq!(house.refused, Some(VerbRefused::OfferOver));
    assert_eq!((house.shown(1), house.shown(2)), (Display::Ready, Display::Ready));
    house.play(&[(8, Do::CallerLeaves(7), &["7 CallerLeft"])]);
}

#[test]
fn a_phone_that_does_not_follow_has_failed_and_the_caller_keeps_his_rank() {
    let mut house = house();
    house.play(&[
        (1, Do::Call(7, 1), &[]),
        (2, Do::Call(8, 1), &[]),
        (3, Do::Accepts(1), &["offer 7 to 1"]),
        (4, Do::DeclinesOffer(1), &[]),
    ]);
    assert_eq!(house.refused, Some(VerbRefused::OfferAccepted));
    house.play(&[
        (22, Do::Comes(2), &["offer 8 to 2"]),
        (22, Do::Ends(2, OfferEnding::Rejected), &[]),
        (23, Do::Wait, &["rescind 1 Failed", "offer 7 to 2"]),
    ]);
    assert_eq!(wish(&house, 1), Some(Wish::Ready), "he did his part");
}
