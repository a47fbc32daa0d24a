//! The complaints that matter in this field, by their row in the list we began with: each is a test with its name.

use super::*;
use crate::event::words::NotReadyReason;

fn house(agents: &[(u32, &[(u32, u8)])]) -> House {
    let mut house = House::new(site(vec![group(1), group(2)], agents));
    for (n, _) in agents {
        house.act(Do::Comes(*n));
    }
    house
}

#[test]
fn row_1_a_late_answer_after_the_caller_left_wins_nothing() {
    let mut house = house(&[(1, &[(1, 5)])]);
    house.play(&[
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (2, Do::CallerLeaves(7), &["rescind 1 CallerLeft", "7 CallerLeft"]),
        (2, Do::PicksUp(1), &[]),
        (2, Do::Talks(1), &[]),
        (3, Do::Ends(1, OfferEnding::Connected), &[]),
    ]);
    assert_eq!((house.shown(1), house.acd.counts().late), (Display::Ready, 4));
    assert!(house.acd.is_at_rest());
}

#[test]
fn row_4_a_reservation_is_a_lease() {
    // Nobody ever says what became of the offers: they end by themselves, and nobody stays reserved.
    let mut house = house(&[(1, &[(1, 5)]), (2, &[(1, 5)])]);
    house.play(&[
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (2, Do::PicksUp(1), &[]),
        (4, Do::Wait, &["rescind 1 Failed", "offer 7 to 2"]),
        (4, Do::Rings(2), &[]),
        (8, Do::Wait, &[]),
        (24, Do::Wait, &["rescind 2 RangOut", "offer 7 to 1"]),
        (25, Do::CallerLeaves(7), &["rescind 1 CallerLeft", "7 CallerLeft"]),
    ]);
    assert!(house.acd.is_at_rest());
}

#[test]
fn row_5_nobody_is_shown_talking_after_the_talk() {
    let mut house = house(&[(1, &[(1, 5)])]);
    house.play(&[(1, Do::Call(7, 1), &["offer 7 to 1"]), (2, Do::Talks(1), &["7 Connected"])]);
    // Legs first or offer first: both orders come to the same.
    let now = house.now();
    house.acd.talk_ended(AgentNo(1), ContactId(7), Span::ZERO, &By::PARTY, now, &mut house.supplies);
    house.drain();
    assert_eq!(house.shown(1), Display::Ready);
    assert!(house.acd.is_at_rest());
    house.play(&[(3, Do::Ends(1, OfferEnding::Connected), &[])]);
    assert_eq!(house.acd.counts().late, 1);
}

#[test]
fn row_7_each_wrap_up_ends_on_its_own() {
    let mut house = house(&[(1, &[(1, 5)]), (2, &[(1, 5)])]);
    house.play(&[
        (1, Do::Call(1, 1), &["offer 1 to 1"]),
        (1, Do::Talks(1), &["1 Connected"]),
        (1, Do::Call(2, 1), &["offer 2 to 2"]),
        (1, Do::Talks(2), &["2 Connected"]),
        (20, Do::HangUp(1, 1), &[]),
        (25, Do::HangUp(2, 2), &[]),
        (26, Do::Call(3, 1), &[]),
        (27, Do::Call(4, 1), &[]),
        (29, Do::Wait, &[]),
        (30, Do::Wait, &["offer 3 to 1"]),
        (35, Do::Wait, &["offer 4 to 2"]),
    ]);
}

#[test]
fn row_8_a_change_of_state_during_an_offer_makes_no_storm() {
    for act in [Do::NotReady(1), Do::Forced(1), Do::SignOut(1), Do::ForcedOut(1)] {
        let mut house = house(&[(1, &[(1, 5)]), (2, &[(1, 5)])]);
        let ending =
            if matches!(act, Do::Forced(_) | Do::ForcedOut(_)) { "rescind 1 Rescinded" } else { "rescind 1 Rejected" };
        house.play(&[
            (1, Do::Call(7, 1), &["offer 7 to 1"]),
            (2, Do::Rings(1), &[]),
            (3, act, &[ending, "offer 7 to 2"]),
            (4, Do::Ends(2, OfferEnding::Failed), &[]),
            (5, Do::SignIn(1), &[]),
            (5, Do::Ready(1), &[]),
        ]);
        assert_eq!(house.kinds.iter().filter(|k| **k == "offer_made").count(), 2, "{act:?}");
    }
}

#[test]
fn row_8_a_phone_on_do_not_disturb_makes_no_storm() {
    let mut house = house(&[(1, &[(1, 5)])]);
    for caller in 1..=50 {
        house.act(Do::Call(caller, 1));
    }
    for _ in 0..50 {
        house.act(Do::Ends(1, OfferEnding::Rejected));
    }
    assert_eq!(house.kinds.iter().filter(|k| **k == "offer_made").count(), 3);
}

#[test]
fn row_9_the_oldest_eligible_caller_of_all_groups_is_offered() {
    let mut house = House::new(site(vec![group(1), group(2), group(3)], &[(1, &[(1, 5), (2, 5)]), (2, &[(3, 5)])]));
    house.act(Do::SignIn(1));
    house.act(Do::SignIn(2));
    house.play(&[
        // The very oldest waits for somebody else; that must not keep anybody from his agent.
        (0, Do::Call(1, 3), &[]),
        (1, Do::Call(2, 2), &[]),
        (2, Do::Call(3, 1), &[]),
        (3, Do::CallAs(4, 1, Wants { entered: Some(0), ..Wants::default() }), &[]),
        (4, Do::Reach(1, true), &[]),
        (5, Do::Ready(1), &["offer 4 to 1"]),
        (6, Do::Talks(1), &["4 Connected"]),
        (7, Do::HangUp(1, 4), &[]),
        (17, Do::Wait, &["offer 2 to 1"]),
    ]);
}

#[test]
fn row_10_repeated_answers_count_once() {
    let mut house = house(&[(1, &[(1, 5)])]);
    house.play(&[
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (2, Do::Talks(1), &["7 Connected"]),
        (2, Do::Talks(1), &[]),
        (3, Do::Talks(1), &[]),
    ]);
    assert_eq!(house.fold.connected, 1);
    assert_eq!(house.kinds.iter().filter(|k| **k == "offer_connected").count(), 1);
}

#[test]
fn row_11_wrap_up_and_idle_time_belong_to_the_agent() {
    let mut house = house(&[(1, &[(1, 5), (2, 5)]), (2, &[(1, 5)])]);
    house.play(&[
        (1, Do::Call(1, 2), &["offer 1 to 1"]),
        (2, Do::Talks(1), &["1 Connected"]),
        (20, Do::HangUp(1, 1), &[]),
        // In wrap-up of group 2 he is not offered group 1, and afterwards he is the one who idled less.
        (21, Do::Call(2, 1), &["offer 2 to 2"]),
        (22, Do::CallerLeaves(2), &["rescind 2 CallerLeft", "2 CallerLeft"]),
        (31, Do::Call(3, 1), &["offer 3 to 2"]),
    ]);
}

#[test]
fn row_12_after_a_transfer_to_another_queue_the_agent_is_offered_again() {
    let mut house = house(&[(1, &[(1, 5), (2, 5)]), (2, &[(2, 5)])]);
    house.play(&[(1, Do::Call(7, 1), &["offer 7 to 1"]), (2, Do::Talks(1), &["7 Connected"])]);
    // The same contact enters group 2 while agent 1 still talks; its age counts from its first entry.
    let again = NewItem {
        item: ItemId(70),
        to: To::Groups(vec![GroupNo(2)]),
        call: None,
        entered: seconds(1),
        priority: 0,
        level: 1,
        wait_max: None,
        holder: ContactId(7),
        visit: 2,
        not_to: Vec::new(),
    };
    house.t = seconds(30);
    house.told.clear();
    let now = house.now();
    house.acd.enqueue(&again, &By::FLOW, now, &mut house.supplies);
    house.drain();
    assert_eq!(house.told, ["offer 70 to 2"]);
    house.play(&[
        (31, Do::HangUp(1, 7), &[]),
        (32, Do::Ends(2, OfferEnding::Failed), &[]),
        (33, Do::Call(8, 1), &[]),
        // The contact he had before may come back to him.
        (37, Do::Wait, &["offer 70 to 2"]),
        (38, Do::Ends(2, OfferEnding::Rejected), &[]),
        (41, Do::Wait, &["offer 70 to 1"]),
        (42, Do::Talks(1), &["70 Connected"]),
        (50, Do::HangUp(1, 7), &[]),
        (60, Do::Wait, &["offer 8 to 1"]),
    ]);
}

#[test]
fn row_13_three_unanswered_offers_sign_nobody_out() {
    let mut house = house(&[(1, &[(1, 5)])]);
    for n in 0..3u32 {
        let at = i64::from(n) * 1_000;
        house.play(&[
            (at + 1, Do::Call(u64::from(n) + 1, 1), &[&format!("offer {} to 1", n + 1)]),
            (at + 1, Do::Rings(1), &[]),
            (at + 21, Do::Wait, &["rescind 1 RangOut"]),
        ]);
        let ana = house.acd.snapshot(AgentNo(1)).expect("ana");
        assert_eq!(ana.wish, Some(Wish::NotReady(NotReadyReason::RangOut)), "visible, with its reason");
        house.act(Do::CallerLeaves(u64::from(n) + 1));
    }
    // A supervisor may bring him back at once; else he comes back in time.
    house.verb(1, AgentVerb::Ready, &By { actor: Actor::Integration(1), command: None });
    house.drain();
    assert_eq!((house.refused, house.shown(1)), (None, Display::Ready));
}

#[test]
fn row_14_who_cannot_be_reached_is_not_available() {
    let mut house = house(&[(1, &[(1, 5)])]);
    house.play(&[(1, Do::Reach(1, false), &[]), (2, Do::Call(7, 1), &[])]);
    assert_eq!(house.shown(1), Display::Unreachable);
    house.play(&[
        (3, Do::Reach(1, true), &["offer 7 to 1"]),
        // Not answered yet: the caller need not wait for a phone that has gone.
        (4, Do::Reach(1, false), &["rescind 1 Unreachable"]),
        (5, Do::Reach(1, true), &["offer 7 to 1"]),
        (6, Do::Rings(1), &[]),
        // It rings, so it is there, whatever became of its registration.
        (7, Do::Reach(1, false), &[]),
        (8, Do::Talks(1), &["7 Connected"]),
    ]);
    assert_eq!(house.shown(1), Display::Talking);
}

#[test]
fn row_9_when_several_become_free_at_once_the_oldest_still_comes_first() {
    let skilled = Group { strategy: Strategy::SkillLevel, ..group(2) };
    let mut house = House::new(site(vec![skilled, group(3)], &[(1, &[(2, 3)]), (2, &[(2, 7), (3, 5)])]));
    house.play(&[
        (0, Do::Comes(1), &[]),
        (0, Do::Comes(2), &[]),
        (1, Do::Call(1, 2), &["offer 1 to 2"]),
        (1, Do::Talks(2), &["1 Connected"]),
        (1, Do::Call(2, 2), &["offer 2 to 1"]),
        (1, Do::Talks(1), &["2 Connected"]),
        (2, Do::HangUp(1, 2), &[]),
        (2, Do::HangUp(2, 1), &[]),
        (3, Do::Call(3, 3), &[]),
        (4, Do::Call(4, 2), &[]),
        // Agent 2 is the better one for the younger caller and the only one for the older.
        (12, Do::Wait, &["offer 3 to 2", "offer 4 to 1"]),
    ]);
}

#[test]
fn row_40_an_agent_whose_client_is_lost_is_offered_nothing() {
    let mut house = house(&[(1, &[(1, 5)]), (2, &[(1, 5)])]);
    let lost = Some(Wish::NotReady(NotReadyReason::ClientLost));
    house.play(&[
        (0, Do::ClientLost(1, false), &[]),
        (1, Do::Call(7, 1), &["offer 7 to 2"]),
        (2, Do::Talks(2), &["7 Connected"]),
        // In a talk it is remembered: he is signed out when it and its wrap-up are over, and the next caller finds nobody.
        (3, Do::ClientLost(2, true), &[]),
    ]);
    assert_eq!((house.wish(1), house.wish(2)), (lost, Some(Wish::SignOut)));
    assert_eq!(house.shown(2), Display::Talking);
    house.play(&[(4, Do::HangUp(2, 7), &[]), (5, Do::Call(8, 1), &[]), (15, Do::Wait, &[])]);
    assert_eq!((house.shown(1), house.shown(2)), (Display::NotReady, Display::SignedOut));
    // It does not pass by itself: whoever comes back says that he is ready.
    house.play(&[
        (40, Do::Reach(1, true), &[]),
        (41, Do::Ready(1), &["offer 8 to 1"]),
        // While it rings: taken back, and nobody is charged a missed call.
        (42, Do::ClientLost(1, false), &["rescind 1 Rescinded"]),
    ]);
    assert_eq!(house.wish(1), lost);
    // Not ready by a reason of his own: that stays.
    house.play(&[(43, Do::NotReady(1), &[]), (44, Do::ClientLost(1, false), &[])]);
    assert_eq!(house.wish(1), Some(Wish::NotReady(NotReadyReason::Asked)));
    // Signed out already.
    house.play(&[(45, Do::SignOut(1), &["8 NoAgent"]), (46, Do::ClientLost(1, true), &[])]);
    assert_eq!(house.shown(1), Display::SignedOut);
}
