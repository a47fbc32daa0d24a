//! Agents at numbers outside: nothing but failed offers tells that nobody is there, and a machine may answer.

use super::*;
use crate::event::words::{NotReadyReason, Wish};

const MOBILE: &str = "913800138000";
const OTHER: &str = "913800138001";

/// Agents 1 and 2 of one group, and a carrier that takes numbers from 9 on.
fn house() -> House {
    let mut site = site(vec![group(1)], &[(1, &[(1, 5)]), (2, &[(1, 5)])]);
    with_a_way_out(&mut site);
    House::new(site)
}

pub fn with_a_way_out(site: &mut Site) {
    let text = "tenant: t\ndomains: [t.example]\ntrunks: [{id: carrier, send: \"sip:127.0.0.1\", max_calls: 2}]\n\
        routes: [{match: \"^9(\\\\d{7,})$\", to: \"+86$1\", trunks: [carrier]}, {match: \"^1$\", extension: true}]\n";
    let file = crate::site::load("site.yaml", text).expect("it loads");
    let ways = crate::site::plan(crate::site::Numbering::new(TenantNo(1)), file, &[], &mut |_| String::new()).0;
    (site.trunks, site.routes) = (ways.trunks, ways.routes);
}

#[test]
fn row_40_a_voicemail_that_answers_is_no_answer() {
    let mut house = house();
    house.play(&[
        (0, Do::ComesOutside(1, MOBILE), &[]),
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (2, Do::Rings(1), &[]),
        (15, Do::IsAnswered(1), &[]),
    ]);
    assert_eq!(house.shown(1), Display::Ringing);
    // The ring would have been over at 21.
    house.play(&[
        (22, Do::Comes(2), &[]),
        (23, Do::Wait, &["rescind 1 RangOut", "offer 7 to 2"]),
        (24, Do::PicksUp(1), &[]),
        (24, Do::Talks(2), &["7 Connected"]),
    ]);
    let seat = house.acd.snapshot(AgentNo(1)).expect("an agent");
    assert_eq!((seat.wish, seat.reachable), (Some(Wish::NotReady(NotReadyReason::RangOut)), true));
}

#[test]
fn who_presses_the_key_is_connected() {
    let mut house = house();
    house.play(&[
        (0, Do::ComesOutside(1, MOBILE), &[]),
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (19, Do::IsAnswered(1), &[]),
        (26, Do::PicksUp(1), &[]),
        (27, Do::Talks(1), &["7 Connected"]),
        (60, Do::HangUp(1, 7), &[]),
    ]);
    assert_eq!(house.shown(1), Display::WrapUp);
}

#[test]
fn a_caller_who_leaves_while_the_key_is_waited_for_takes_the_offer_with_him() {
    let mut house = house();
    house.play(&[
        (0, Do::ComesOutside(1, MOBILE), &[]),
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (2, Do::IsAnswered(1), &[]),
        (3, Do::CallerLeaves(7), &["rescind 1 CallerLeft", "7 CallerLeft"]),
        (4, Do::PicksUp(1), &[]),
    ]);
    assert_eq!(house.shown(1), Display::Ready);
    assert!(house.acd.is_at_rest());
}

#[test]
fn three_failures_in_a_row_and_its_agent_is_unreachable_for_as_long_as_it_rests() {
    let mut house = house();
    house.play(&[
        (0, Do::ComesOutside(1, MOBILE), &[]),
        (0, Do::Call(7, 1), &["offer 7 to 1"]),
        (0, Do::Ends(1, OfferEnding::Failed), &[]),
        (5, Do::Wait, &["offer 7 to 1"]),
        (5, Do::Ends(1, OfferEnding::Unreachable), &[]),
        (15, Do::Wait, &["offer 7 to 1"]),
        (15, Do::Wait, &[]),
    ]);
    assert!(house.acd.snapshot(AgentNo(1)).expect("an agent").reachable);
    house.play(&[(16, Do::Ends(1, OfferEnding::Failed), &[])]);
    assert_eq!(house.shown(1), Display::Unreachable);
    // The next offer is the proof.
    house.play(&[(36, Do::Wait, &["offer 7 to 1"]), (37, Do::Talks(1), &["7 Connected"]), (40, Do::HangUp(1, 7), &[])]);
    house.play(&[(51, Do::Call(8, 1), &["offer 8 to 1"]), (51, Do::Ends(1, OfferEnding::Failed), &[])]);
    assert!(house.acd.snapshot(AgentNo(1)).expect("an agent").reachable, "a talk forgives");
}

#[test]
fn whoever_leaves_takes_the_marks_of_his_number_with_him() {
    let mut house = house();
    house.play(&[
        (0, Do::ComesOutside(1, MOBILE), &[]),
        (0, Do::Call(7, 1), &["offer 7 to 1"]),
        (0, Do::Ends(1, OfferEnding::Failed), &[]),
        (1, Do::SignOut(1), &["7 NoAgent"]),
        (2, Do::ComesOutside(1, OTHER), &[]),
        (3, Do::Call(8, 1), &["offer 8 to 1"]),
        (4, Do::CallerLeaves(8), &["rescind 1 CallerLeft", "8 CallerLeft"]),
        (5, Do::SignOut(1), &[]),
    ]);
    assert_eq!(house.acd.counts().deadlines, 0);
}

#[test]
fn a_number_must_lead_outside_and_serves_one_agent() {
    let mut house = house();
    for (number, expected) in [
        ("7777", Some(VerbRefused::UnknownStation)),
        ("1", Some(VerbRefused::UnknownStation)),
        (MOBILE, None),
        (OTHER, Some(VerbRefused::AlreadySignedIn)),
    ] {
        let station = Station::Outside { number: number.to_owned(), confirm: false };
        house.verb(1, AgentVerb::SignIn { station: Some(station), groups: None }, &By::SYSTEM);
        assert_eq!(house.refused, expected, "{number}");
    }
    let station = Station::Outside { number: MOBILE.to_owned(), confirm: true };
    house.verb(2, AgentVerb::SignIn { station: Some(station), groups: None }, &By::SYSTEM);
    assert_eq!(house.refused, Some(VerbRefused::StationTaken(AgentNo(1))));
    house.drain();
}

#[test]
fn after_a_restart_he_is_back_at_once() {
    let mut house = house();
    house.play(&[
        (0, Do::ComesOutside(1, MOBILE), &[]),
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (2, Do::IsAnswered(1), &[]),
    ]);
    let before = house.acd.open();
    let mut after = House::new((*house.acd.site).clone());
    after.t = house.t;
    after.fold = Fold::from_open(&before);
    let now = after.now();
    after.acd.restore(&before, now.t, now, &mut after.supplies);
    after.drain();
    assert_eq!(after.shown(1), Display::Ready);
    after.play(&[(3, Do::Call(8, 1), &["offer 8 to 1"])]);
}

#[test]
fn a_full_trunk_is_not_the_stations_fault() {
    let mut house = house();
    house.play(&[(0, Do::ComesOutside(1, MOBILE), &[]), (1, Do::Call(7, 1), &["offer 7 to 1"])]);
    // asked again every 5 s, however often there was no room
    for n in 0..5 {
        house.play(&[
            (1 + n * 5, Do::HasNoWay(1), &[]),
            (5 + n * 5, Do::Wait, &[]),
            (6 + n * 5, Do::Wait, &["offer 7 to 1"]),
        ]);
        assert_eq!(house.shown(1), Display::Ringing);
    }
    house.play(&[(27, Do::Talks(1), &["7 Connected"])]);
}
