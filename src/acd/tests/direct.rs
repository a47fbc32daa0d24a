//! Items for one named agent, and items over several groups.

use super::*;
use crate::event::words::{NotReadyReason, Wish};
use crate::site::DirectWhen;

/// Ana and bo in group 1, cai in group 2, all ready.
fn three() -> House {
    let mut house = House::new(site(vec![group(1), group(2)], &[(1, &[(1, 5)]), (2, &[(1, 5)]), (3, &[(2, 5)])]));
    for n in 1..=3 {
        house.act(Do::Comes(n));
    }
    house
}

#[test]
fn a_direct_call_rings_its_agent_alone_and_is_his_work() {
    let mut house = three();
    house.play(&[
        (1, Do::CallAgent(7, 2, 0), &["offer 7 to 2"]),
        (2, Do::Rings(2), &[]),
        (3, Do::Talks(2), &["7 Connected"]),
    ]);
    assert_eq!(house.shown(2), Display::Talking);
    house.play(&[(20, Do::HangUp(2, 7), &[])]);
    assert_eq!(house.shown(2), Display::WrapUp);
    assert_eq!(house.acd.queue_snapshot(GroupNo(1)).waiting, 0, "it was in no queue");
}

/// What keeps a direct call away, with and without patience.
#[test]
fn who_can_be_called_directly() {
    let cases: &[(&[Do], bool)] = &[
        (&[Do::NotReady(2)], true),
        (&[Do::Rest(2)], true),
        (&[Do::WrapUp(2, 60)], true),
        (&[Do::Reserve(2, 60)], true),
        (&[Do::Call(1, 2), Do::Dials(2, 9)], false),
        (&[Do::Dials(2, 9)], false),
        (&[Do::Monitors(2, 9, true)], false),
        (&[Do::CallAgent(1, 2, 0)], false),
        (&[Do::CallAgent(1, 2, 0), Do::Talks(2)], false),
        (&[Do::CallAgent(1, 2, 0), Do::Talks(2), Do::Hold(2, 1)], true),
        (&[Do::Reach(2, false)], false),
    ];
    for (before, rung) in cases {
        let mut house = three();
        before.iter().for_each(|act| house.act(*act));
        house.told.clear();
        house.act(Do::CallAgent(7, 2, 0));
        let expected = if *rung { "offer 7 to 2" } else { "7 Full" };
        assert_eq!(house.told, [expected], "{before:?}");
        if !rung {
            house.told.clear();
            house.act(Do::CallAgent(8, 2, 10));
            assert_eq!(house.told, [] as [&str; 0], "it waits: {before:?}");
            house.go_to(house.t + Span::seconds(10));
            assert!(house.told.contains(&"8 TimedOut".to_owned()), "{before:?}: {:?}", house.told);
        }
    }
    let mut house = three();
    house.play(&[(1, Do::SignOut(2), &[]), (1, Do::CallAgent(7, 2, 30), &["7 NoAgent"])]);
}

#[test]
fn the_site_may_ask_that_he_be_ready() {
    let mut strict = site(vec![group(1)], &[(1, &[(1, 5)])]);
    strict.direct.when = DirectWhen::Ready;
    let mut house = House::new(strict);
    house.play(&[
        (0, Do::Comes(1), &[]),
        (1, Do::NotReady(1), &[]),
        (2, Do::CallAgent(7, 1, 0), &["7 Full"]),
        (3, Do::CallAgent(8, 1, 30), &[]),
        (4, Do::Ready(1), &["offer 8 to 1"]),
    ]);
}

#[test]
fn what_waits_for_a_busy_agent_comes_in_rank_with_his_groups() {
    let mut house = three();
    house.play(&[
        (1, Do::CallAgent(1, 2, 0), &["offer 1 to 2"]),
        (2, Do::Talks(2), &["1 Connected"]),
        (3, Do::CallAgent(7, 2, 300), &[]),
        (4, Do::NotReady(1), &[]),
        (5, Do::Call(8, 1), &[]),
        (6, Do::HangUp(2, 1), &["offer 7 to 2"]),
        (7, Do::Ends(2, OfferEnding::Rejected), &["7 NoAgent"]),
        (8, Do::Call(9, 1), &[]),
        (16, Do::Wait, &["offer 8 to 2"]),
    ]);
}

#[test]
fn each_ending_of_a_direct_offer() {
    let cases = [
        (OfferEnding::Rejected, &["7 NoAgent"][..]),
        (OfferEnding::RangOut, &["7 NoAgent"]),
        (OfferEnding::Failed, &["7 TimedOut"]),
        (OfferEnding::Unreachable, &["7 TimedOut"]),
        (OfferEnding::LostRace, &["7 TimedOut"]),
        (OfferEnding::CallerLeft, &["7 CallerLeft"]),
    ];
    for (ending, told) in cases {
        let mut house = three();
        house.play(&[(1, Do::CallAgent(7, 2, 0), &["offer 7 to 2"]), (2, Do::Ends(2, ending), told)]);
        assert!(house.acd.is_at_rest(), "{ending:?}");
    }
    // A phone that failed is tried again when it has rested, as long as there is patience.
    let mut house = three();
    house.play(&[
        (1, Do::CallAgent(7, 2, 60), &["offer 7 to 2"]),
        (2, Do::Ends(2, OfferEnding::Failed), &[]),
        (7, Do::Wait, &["offer 7 to 2"]),
        (8, Do::SignOut(2), &["rescind 2 Rejected", "7 NoAgent"]),
    ]);
}

#[test]
fn a_direct_call_that_rings_out_spares_whoever_was_not_ready() {
    let mut house = three();
    house.play(&[
        (1, Do::NotReady(2), &[]),
        (2, Do::CallAgent(7, 2, 0), &["offer 7 to 2"]),
        (3, Do::Rings(2), &[]),
        (22, Do::Wait, &["rescind 2 RangOut", "7 NoAgent"]),
    ]);
    let bo = house.acd.snapshot(AgentNo(2)).expect("bo");
    assert_eq!(bo.wish, Some(Wish::NotReady(NotReadyReason::Asked)));
}

#[test]
fn a_colleague_of_his_group_picks_it_up() {
    let mut house = three();
    house.play(&[
        (1, Do::CallAgent(7, 2, 0), &["offer 7 to 2"]),
        (2, Do::Rings(2), &[]),
        (3, Do::Pick(3, 7), &[]),
        (4, Do::Pick(1, 7), &["rescind 2 LostRace", "offer 7 to 1"]),
        (5, Do::Talks(1), &["7 Connected"]),
    ]);
    // no patience was left: that of the offer was all
    let mut house = three();
    house.play(&[
        (1, Do::CallAgent(7, 2, 0), &["offer 7 to 2"]),
        (2, Do::Pick(1, 7), &["rescind 2 LostRace", "offer 7 to 1"]),
        (3, Do::Ends(1, OfferEnding::Failed), &["7 TimedOut"]),
    ]);
    assert!(house.acd.is_at_rest());
}

#[test]
fn the_first_ready_agent_of_any_group_is_asked() {
    let mut house = three();
    house.play(&[
        (1, Do::NotReady(1), &[]),
        (1, Do::NotReady(2), &[]),
        (1, Do::NotReady(3), &[]),
        (2, Do::CallGroups(7, &[1, 2]), &[]),
        (3, Do::Call(8, 2), &[]),
    ]);
    let waiting = |house: &House, group| house.acd.queue_snapshot(GroupNo(group)).waiting;
    assert_eq!([waiting(&house, 1), waiting(&house, 2)], [1, 2], "it is counted in each");
    house.play(&[
        (4, Do::Ready(3), &["offer 7 to 3"]),
        (5, Do::Ends(3, OfferEnding::Rejected), &["offer 8 to 3"]),
        (6, Do::Ready(2), &["offer 7 to 2"]),
        (7, Do::Talks(2), &["7 Connected"]),
        (8, Do::CallerLeaves(8), &["rescind 3 CallerLeft", "8 CallerLeft"]),
    ]);
    assert_eq!([waiting(&house, 1), waiting(&house, 2)], [0, 0]);
}

#[test]
fn of_several_groups_the_first_named_with_a_free_agent_serves() {
    let mut house = three();
    house.play(&[
        (1, Do::CallGroups(7, &[2, 1]), &["offer 7 to 3"]),
        (2, Do::CallGroups(8, &[2, 1]), &["offer 8 to 1"]),
    ]);
    let served = |offers: &[super::super::OpenOffer]| offers.iter().map(|o| o.group).collect::<Vec<_>>();
    assert_eq!(served(&house.acd.open().offers), [Some(GroupNo(2)), Some(GroupNo(1))]);
}

#[test]
fn it_leaves_when_the_last_of_its_groups_has_nobody() {
    let mut house = three();
    house.play(&[
        (1, Do::NotReady(1), &[]),
        (1, Do::NotReady(2), &[]),
        (1, Do::NotReady(3), &[]),
        (2, Do::CallGroups(7, &[1, 2]), &[]),
        (3, Do::SignOut(3), &[]),
        (4, Do::SignOut(1), &[]),
        (5, Do::SignOut(2), &["7 NoAgent"]),
        (6, Do::CallGroups(8, &[1, 2]), &["8 NoAgent"]),
    ]);
}

#[test]
fn several_groups_have_room_while_one_has_and_the_shortest_patience() {
    let small = Group { length_max: Some(1), wait_max: Some(Span::seconds(40)), ..group(1) };
    let mut house = House::new(site(vec![small, group(2)], &[(1, &[(1, 5), (2, 5)])]));
    house.play(&[
        (0, Do::SignIn(1), &[]),
        (1, Do::Call(1, 1), &[]),
        (2, Do::CallGroups(7, &[1]), &["7 Full"]),
        (3, Do::CallGroups(8, &[1, 2]), &[]),
        (41, Do::Wait, &["1 TimedOut"]),
        (43, Do::Wait, &["8 TimedOut"]),
    ]);
}

#[test]
fn who_takes_the_place_in_the_queue_is_as_old_as_his_contact() {
    let mut house = three();
    house.play(&[
        (1, Do::NotReady(1), &[]),
        (1, Do::NotReady(2), &[]),
        (10, Do::Call(7, 1), &[]),
        (12, Do::Call(8, 1), &[]),
        (13, Do::TakePlace(8, 2), &[]),
        (14, Do::Ready(1), &["offer 8 to 1"]),
        (15, Do::TakePlace(8, 3), &[]),
        (16, Do::Ends(1, OfferEnding::Rejected), &["offer 7 to 1"]),
    ]);
}
