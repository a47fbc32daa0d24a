//! A group that rings all: who is in a round, who wins it, and that it costs the others nothing.

use super::*;
use crate::base::bounds::RING_ALL_MAX;
use crate::event::words::NotReadyReason;

fn rings_all(no: u32) -> Group {
    Group { strategy: Strategy::RingAll, ..group(no) }
}

/// Agents 1 to 3 in group 1, ready in this order.
fn three() -> House {
    let mut house = House::new(site(vec![rings_all(1), group(2)], &[(1, &[(1, 5)]), (2, &[(1, 5)]), (3, &[(1, 5)])]));
    for n in 1..=3 {
        house.play(&[(i64::from(n) - 3, Do::Comes(n), &[])]);
    }
    house
}

const ALL: &[&str] = &["offer 7 to 1", "offer 7 to 2", "offer 7 to 3"];

#[test]
fn the_first_to_accept_wins_and_the_others_are_free_at_once() {
    let mut house = three();
    house.play(&[
        (1, Do::Call(7, 1), ALL),
        (2, Do::Rings(1), &[]),
        (2, Do::Rings(2), &[]),
        (2, Do::Call(8, 1), &[]),
        // the two others are offered the next caller in the same instant
        (3, Do::PicksUp(2), &["rescind 1 LostRace", "rescind 3 LostRace", "offer 8 to 1", "offer 8 to 3"]),
        (4, Do::Talks(2), &["7 Connected"]),
    ]);
    assert_eq!(
        (house.shown(1), house.shown(2), house.shown(3)),
        (Display::Ringing, Display::Talking, Display::Ringing)
    );
    assert!([1, 3].iter().all(|n| house.wish(*n) == Some(Wish::Ready)), "nobody is charged a miss");
    house.play(&[(5, Do::CallerLeaves(8), &["rescind 1 CallerLeft", "rescind 3 CallerLeft", "8 CallerLeft"])]);
    house.play(&[(9, Do::HangUp(2, 7), &[]), (9, Do::QuitWrapUp(2), &[])]);
    assert!(house.acd.is_at_rest());
}

#[test]
fn one_who_is_out_leaves_only_his_own_offer() {
    let mut house = three();
    house.play(&[
        (1, Do::Call(7, 1), ALL),
        (1, Do::Rings(2), &[]),
        (2, Do::Ends(1, OfferEnding::Rejected), &[]),
        (3, Do::NotReady(2), &["rescind 2 Rejected"]),
        (4, Do::Ends(3, OfferEnding::Failed), &[]),
        // whose phone has failed is asked again when it has rested, who rejected is not
        (8, Do::Wait, &[]),
        (9, Do::Wait, &["offer 7 to 3"]),
        (10, Do::Talks(3), &["7 Connected"]),
    ]);
    assert_eq!(house.shown(1), Display::Ready);
}

#[test]
fn when_all_have_let_it_ring_out_it_waits_again_at_its_old_rank() {
    let mut house = three();
    house.play(&[(1, Do::Call(7, 1), ALL), (1, Do::Rings(1), &[]), (1, Do::Rings(2), &[]), (1, Do::Rings(3), &[])]);
    house.play(&[(2, Do::Call(8, 1), &[])]);
    house.play(&[(21, Do::Wait, &["rescind 1 RangOut", "rescind 2 RangOut", "rescind 3 RangOut"])]);
    for n in 1..=3 {
        assert_eq!(house.wish(n), Some(Wish::NotReady(NotReadyReason::RangOut)));
    }
    house.play(&[
        (22, Do::Ready(3), &["offer 7 to 3"]),
        (23, Do::Ready(1), &["offer 7 to 1"]),
        (24, Do::Talks(1), &["rescind 3 LostRace", "offer 8 to 3", "7 Connected"]),
    ]);
}

#[test]
fn row_3_a_winner_without_sound_costs_the_caller_no_age() {
    // he hangs up before any sound, or there never is any
    for (at, out, told) in [
        (3, Do::Ends(2, OfferEnding::Rejected), &["offer 7 to 1", "offer 7 to 3"][..]),
        (4, Do::Wait, &["rescind 2 Failed", "offer 7 to 1", "offer 7 to 3"]),
    ] {
        let mut house = three();
        house.play(&[(1, Do::Call(7, 1), ALL), (2, Do::PicksUp(2), &["rescind 1 LostRace", "rescind 3 LostRace"])]);
        let due = |house: &House| house.fold.items[&ItemId(7)].clone();
        let before = due(&house);
        // who came later comes after him still
        house.play(&[(2, Do::Groups(1, &[]), &[]), (2, Do::Groups(3, &[]), &[]), (3, Do::Call(8, 1), &[])]);
        house.play(&[
            (3, Do::Groups(1, &[1]), &["offer 8 to 1"]),
            (3, Do::CallerLeaves(8), &["rescind 1 CallerLeft", "8 CallerLeft"]),
        ]);
        house.play(&[(3, Do::Groups(3, &[1]), &[]), (at, out, told)]);
        assert_eq!(due(&house), before, "his rank and his age");
        house.play(&[(5, Do::Talks(3), &["rescind 1 LostRace", "7 Connected"])]);
    }
}

#[test]
fn row_2_two_who_answer_at_the_same_instant_are_one_winner_and_one_who_lost() {
    let mut house = three();
    house.play(&[
        (1, Do::Call(7, 1), ALL),
        (2, Do::PicksUp(3), &["rescind 1 LostRace", "rescind 2 LostRace"]),
        (2, Do::PicksUp(1), &[]),
        (2, Do::Talks(2), &[]),
        (2, Do::Talks(3), &["7 Connected"]),
    ]);
    assert_eq!((house.acd.counts().late, house.fold.connected), (4, 1), "what comes after the decision wins nothing");
    assert_eq!((house.shown(1), house.shown(2), house.shown(3)), (Display::Ready, Display::Ready, Display::Talking));
}

#[test]
fn who_becomes_ready_while_the_others_ring_joins_them() {
    let mut house = three();
    house.play(&[
        (0, Do::NotReady(2), &[]),
        (0, Do::NotReady(3), &[]),
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (2, Do::Call(8, 1), &[]),
        (5, Do::Ready(2), &["offer 7 to 2"]),
        (6, Do::Rings(1), &[]),
        (6, Do::Rings(2), &[]),
        // each lease is its own
        (21, Do::Wait, &["rescind 1 RangOut"]),
        (22, Do::Ready(3), &["offer 7 to 3"]),
        (24, Do::PicksUp(3), &["rescind 2 LostRace", "offer 8 to 2"]),
    ]);
    assert_eq!(house.acd.wait(ItemId(7)).map(|wait| wait.offered.len()), Some(1));
}

#[test]
fn nobody_joins_whose_caller_has_waited_as_long_as_he_may() {
    let mut house = three();
    house.play(&[
        (0, Do::NotReady(2), &[]),
        (0, Do::NotReady(3), &[]),
        (1, Do::CallAs(7, 1, Wants { wait_max: Some(10), ..Wants::default() }), &["offer 7 to 1"]),
        (1, Do::Rings(1), &[]),
        (10, Do::Ready(2), &["offer 7 to 2"]),
        (10, Do::Rings(2), &[]),
        (11, Do::Ready(3), &[]),
        (21, Do::Wait, &["rescind 1 RangOut"]),
        (30, Do::Wait, &["rescind 2 RangOut", "7 TimedOut"]),
    ]);
    assert!(house.acd.is_at_rest());
}

#[test]
fn a_round_has_a_bound_and_the_longest_idle_come_first() {
    let most = RING_ALL_MAX as u32;
    let agents: Vec<(u32, &[(u32, u8)])> = (1..=most + 2).map(|n| (n, &[(1, 5)][..])).collect();
    let mut house = House::new(site(vec![rings_all(1)], &agents));
    for n in (1..=most + 2).rev() {
        house.play(&[(i64::from(most) - i64::from(n) - 100, Do::Comes(n), &[])]);
    }
    let rung = |house: &House, item| {
        let mut agents: Vec<u32> =
            house.acd.wait(ItemId(item)).expect("it waits").offered.iter().map(|o| o.0.0).collect();
        agents.sort_unstable();
        agents
    };
    house.act(Do::Call(7, 1));
    assert_eq!(rung(&house, 7), (3..=most + 2).collect::<Vec<_>>());
    // whose place is taken by the next
    house.act(Do::Ends(5, OfferEnding::Rejected));
    assert_eq!(rung(&house, 7).len(), RING_ALL_MAX);
    assert!(rung(&house, 7).contains(&2) && !rung(&house, 7).contains(&5));
    // who is left over and who rejected are there for the next caller
    house.act(Do::Call(8, 1));
    assert_eq!(rung(&house, 8), [1, 5]);
}

#[test]
fn a_caller_of_several_groups_rings_at_those_of_one() {
    let agents: &[(u32, &[(u32, u8)])] = &[(1, &[(1, 5), (2, 5)]), (2, &[(1, 5)]), (3, &[(2, 5)])];
    let mut house = House::new(site(vec![rings_all(1), rings_all(2), group(3)], agents));
    for n in 1..=3 {
        house.act(Do::Comes(n));
    }
    house.play(&[
        (1, Do::CallGroups(7, &[1, 2]), &["offer 7 to 1", "offer 7 to 2"]),
        (2, Do::Call(8, 2), &["offer 8 to 3"]),
        // he is in both rounds' groups and joins the older caller
        (3, Do::Ends(1, OfferEnding::LostRace), &[]),
        (8, Do::Wait, &["offer 7 to 1"]),
        (9, Do::PicksUp(1), &["rescind 2 LostRace"]),
        (9, Do::Ends(1, OfferEnding::Rejected), &["offer 7 to 2", "offer 8 to 1"]),
    ]);
}

#[test]
fn clients_outside_stations_and_phones_are_in_one_round() {
    let mut house = {
        let mut site = site(vec![rings_all(1)], &[(1, &[(1, 5)]), (2, &[(1, 5)]), (3, &[(1, 5)])]);
        site.agents[0].offer = Some(OfferWay::Client);
        super::outside::with_a_way_out(&mut site);
        House::new(site)
    };
    house.play(&[(0, Do::Comes(1), &[]), (0, Do::Comes(2), &[]), (0, Do::ComesOutside(3, "913800138000"), &[])]);
    house.play(&[
        (1, Do::Call(7, 1), &["offer 7 to 2", "offer 7 to 3"]),
        (2, Do::Shows(1), &[]),
        // what answers outside may be a machine: it has won nothing
        (3, Do::IsAnswered(3), &[]),
        (4, Do::Accepts(1), &["rescind 2 LostRace", "rescind 3 LostRace", "offer 7 to 1"]),
        (5, Do::PicksUp(2), &[]),
        (5, Do::Talks(1), &["7 Connected"]),
        (6, Do::Call(8, 1), &["offer 8 to 2", "offer 8 to 3"]),
        (7, Do::IsAnswered(3), &[]),
        (8, Do::PicksUp(3), &["rescind 2 LostRace"]),
        (8, Do::Talks(3), &["8 Connected"]),
    ]);
}

#[test]
fn a_pick_and_a_supervisor_end_the_whole_round() {
    let agents: &[(u32, &[(u32, u8)])] = &[(1, &[(1, 5)]), (2, &[(1, 5)]), (3, &[(1, 5)])];
    let mut house = House::new(site(vec![rings_all(1)], agents));
    house.play(&[
        (0, Do::Comes(1), &[]),
        (0, Do::Comes(2), &[]),
        (0, Do::SignIn(3), &[]),
        (0, Do::Reach(3, true), &[]),
        (1, Do::Call(7, 1), &["offer 7 to 1", "offer 7 to 2"]),
        (2, Do::Pick(1, 7), &[]),
    ]);
    assert_eq!(house.refused, Some(VerbRefused::NotQueued), "it rings at him");
    house.play(&[(3, Do::Pick(3, 7), &["rescind 1 LostRace", "rescind 2 LostRace", "offer 7 to 3"])]);
    // it is his alone, whatever the group does
    house.play(&[(4, Do::Wait, &[]), (5, Do::TakenOut(7), &["rescind 3 Rescinded", "7 Withdrawn"])]);
    assert!(house.acd.is_at_rest());
}

#[test]
fn a_new_strategy_is_for_who_is_not_rung_yet() {
    let agents: &[(u32, &[(u32, u8)])] = &[(1, &[(1, 5)]), (2, &[(1, 5)]), (3, &[(1, 5)])];
    let mut house = House::new(site(vec![rings_all(1)], agents));
    let change = |house: &mut House, strategy| {
        house.told.clear();
        let now = house.now();
        let next = site(vec![Group { strategy, ..group(1) }], agents);
        house.acd.set_site(Arc::new(next), now, &mut house.supplies);
        house.drain();
    };
    house.play(&[
        (0, Do::Comes(1), &[]),
        (0, Do::Comes(2), &[]),
        (1, Do::Call(7, 1), &["offer 7 to 1", "offer 7 to 2"]),
    ]);
    change(&mut house, Strategy::LongestIdle);
    house.play(&[(2, Do::Comes(3), &[])]);
    change(&mut house, Strategy::RingAll);
    assert_eq!(house.told, ["offer 7 to 3"]);
}

#[test]
fn after_a_restart_no_offer_of_a_round_is_left() {
    let mut house = three();
    house.play(&[(1, Do::Call(7, 1), ALL), (2, Do::Rings(2), &[])]);
    super::random::restart(&mut house);
    assert!(house.fold.offers.is_empty() && house.fold.items.is_empty());
    assert!(house.acd.is_at_rest());
    house.play(&[
        (4, Do::Reach(1, true), &[]),
        (4, Do::Reach(2, true), &[]),
        (5, Do::Call(8, 1), &["offer 8 to 1", "offer 8 to 2"]),
    ]);
}

#[test]
fn a_caller_whose_wait_a_new_site_has_ended_is_offered_to_one() {
    let mut house = three();
    for n in 1..=3 {
        house.play(&[(1, Do::Dials(n, u64::from(n)), &[]), (1, Do::Hold(n, u64::from(n)), &[])]);
    }
    house.play(&[(2, Do::Call(7, 1), &[]), (30, Do::Wait, &[])]);
    // whoever holds somebody may have one more from now on, and nobody waits longer than 20 s
    let mut site = (*house.acd.site).clone();
    let group = site.groups.get_mut(&GroupNo(1)).expect("a group");
    (group.calls_per_agent, group.wait_max) = (2, Some(Span::seconds(20)));
    let now = house.now();
    house.acd.set_site(Arc::new(site), now, &mut house.supplies);
    house.drain();
    assert_eq!(house.acd.counts().offers, 1, "nobody joins after the longest wait");
}
