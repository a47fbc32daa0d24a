//! Every ending of an offer and every rule of queues and agents, as tables.

use super::*;
use crate::event::words::{NotReadyReason, Wish};

fn two_agents() -> House {
    let mut house = House::new(site(vec![group(1)], &[(1, &[(1, 5)]), (2, &[(1, 5)])]));
    house.play(&[(0, Do::Comes(1), &[]), (1, Do::Comes(2), &[])]);
    house
}

fn one_agent() -> House {
    let mut house = House::new(site(vec![group(1)], &[(1, &[(1, 5)])]));
    house.act(Do::Comes(1));
    house
}

#[test]
fn a_call_from_entry_to_the_end_of_the_wrap_up() {
    let mut house = one_agent();
    house.play(&[
        (10, Do::Call(7, 1), &["offer 7 to 1"]),
        (11, Do::Rings(1), &[]),
        (13, Do::PicksUp(1), &[]),
        (13, Do::Talks(1), &["7 Connected"]),
    ]);
    assert_eq!(house.shown(1), Display::Talking);
    house.kinds.clear();
    house.play(&[(60, Do::HangUp(1, 7), &[]), (61, Do::Call(8, 1), &[])]);
    assert_eq!(house.kinds, ["offer_ended", "agent_work", "item_entered"]);
    assert_eq!(house.shown(1), Display::WrapUp);
    house.play(&[
        (70, Do::Wait, &["offer 8 to 1"]),
        (71, Do::CallerLeaves(8), &["rescind 1 CallerLeft", "8 CallerLeft"]),
    ]);
    assert!(house.acd.is_at_rest());
    assert_eq!(house.shown(1), Display::Ready);
    assert_eq!(house.acd.deadline(), None);
}

#[test]
fn rejected_goes_to_the_next_and_back_after_a_while() {
    let mut house = two_agents();
    house.play(&[
        (10, Do::Call(7, 1), &["offer 7 to 1"]),
        (12, Do::Ends(1, OfferEnding::Rejected), &["offer 7 to 2"]),
        (14, Do::Ends(2, OfferEnding::Rejected), &[]),
        (15, Do::Call(8, 1), &["offer 8 to 1"]),
    ]);
    assert_eq!(house.shown(2), Display::Ready);
    assert_eq!(house.acd.queue_snapshot(GroupNo(1)).waiting, 2);
    house.play(&[
        (16, Do::Ends(1, OfferEnding::Rejected), &["offer 8 to 2"]),
        (31, Do::Wait, &[]),
        (32, Do::Wait, &["offer 7 to 1"]),
    ]);
}

#[test]
fn whoever_is_alone_is_asked_again_at_the_old_rank() {
    for refuses in [Do::Ends(1, OfferEnding::Rejected), Do::NotReady(1), Do::Forced(1)] {
        let mut house = one_agent();
        house.act(Do::Call(7, 1));
        house.go_to(seconds(1));
        house.act(refuses);
        house.act(Do::Ready(1));
        house.play(&[
            (2, Do::Call(8, 1), &["offer 8 to 1"]),
            (3, Do::CallerLeaves(8), &["rescind 1 CallerLeft", "8 CallerLeft"]),
            (4, Do::NotReady(1), &[]),
            (5, Do::Call(9, 1), &[]),
            (20, Do::Wait, &[]),
            (21, Do::Wait, &[]),
            (22, Do::Ready(1), &["offer 7 to 1"]),
        ]);
    }
    let mut house = one_agent();
    house.play(&[
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (2, Do::Ends(1, OfferEnding::Rejected), &[]),
        (21, Do::Wait, &[]),
        (22, Do::Wait, &["offer 7 to 1"]),
    ]);
    assert_eq!(house.shown(1), Display::Ringing, "woken by the item's own deadline");
}

#[test]
fn who_sent_it_on_is_never_asked() {
    let mut house = one_agent();
    house.play(&[(1, Do::CallNotTo(7, 1, 1), &["7 NoAgent"])]);
    let mut house = two_agents();
    house.play(&[
        (1, Do::CallNotTo(7, 1, 1), &["offer 7 to 2"]),
        (2, Do::Ends(2, OfferEnding::Rejected), &[]),
        (21, Do::Wait, &[]),
        (22, Do::Wait, &["offer 7 to 2"]),
        (23, Do::Ends(2, OfferEnding::Rejected), &[]),
        (24, Do::SignOut(1), &[]),
        (25, Do::SignIn(1), &[]),
        (26, Do::SignOut(2), &["7 NoAgent"]),
    ]);
    assert!(house.acd.is_at_rest());
    house.play(&[
        (30, Do::Comes(2), &[]),
        (31, Do::CallNotTo(8, 1, 1), &["offer 8 to 2"]),
        (32, Do::SignOut(2), &["rescind 2 Rejected", "8 NoAgent"]),
    ]);
}

#[test]
fn who_refused_joins_the_round_again() {
    let all = Group { strategy: Strategy::RingAll, ..group(1) };
    let mut house = House::new(site(vec![all], &[(1, &[(1, 5)]), (2, &[(1, 5)])]));
    house.play(&[
        (0, Do::Comes(1), &[]),
        (1, Do::Comes(2), &[]),
        (10, Do::Call(7, 1), &["offer 7 to 1", "offer 7 to 2"]),
        (11, Do::Ends(1, OfferEnding::Rejected), &[]),
        (29, Do::IsAnswered(2), &[]),
        (30, Do::Wait, &[]),
        (31, Do::Wait, &["offer 7 to 1"]),
        (32, Do::Talks(2), &["rescind 1 LostRace", "7 Connected"]),
    ]);
}

#[test]
fn rang_out_makes_not_ready_for_a_while_and_goes_to_the_next() {
    let mut house = two_agents();
    house.play(&[
        (10, Do::Call(7, 1), &["offer 7 to 1"]),
        (11, Do::Rings(1), &[]),
        (29, Do::Wait, &[]),
        (30, Do::Wait, &["rescind 1 RangOut", "offer 7 to 2"]),
        (31, Do::Talks(2), &["7 Connected"]),
        (32, Do::Call(8, 1), &[]),
    ]);
    let ana = house.acd.snapshot(AgentNo(1)).expect("ana");
    assert_eq!((ana.wish, ana.display), (Some(Wish::NotReady(NotReadyReason::RangOut)), Display::NotReady));
    house.play(&[(329, Do::Wait, &[]), (330, Do::Wait, &["offer 8 to 1"])]);
}

#[test]
fn a_phone_that_never_rang_is_unreachable_not_rang_out() {
    let mut house = one_agent();
    house.play(&[(10, Do::Call(7, 1), &["offer 7 to 1"]), (30, Do::Wait, &["rescind 1 Unreachable"])]);
    assert_eq!(house.shown(1), Display::Unreachable);
    let rests_until = house.acd.snapshot(AgentNo(1)).and_then(|ana| ana.rests_until);
    assert_eq!(rests_until, Some(seconds(35)));
    house.play(&[(34, Do::Wait, &[]), (35, Do::Wait, &["offer 7 to 1"])]);
}

#[test]
fn failed_rests_the_phone_longer_each_time() {
    let mut house = one_agent();
    house.play(&[
        (10, Do::Call(7, 1), &["offer 7 to 1"]),
        (11, Do::Ends(1, OfferEnding::Failed), &[]),
        (15, Do::Wait, &[]),
        (16, Do::Wait, &["offer 7 to 1"]),
        (17, Do::Ends(1, OfferEnding::Failed), &[]),
        (26, Do::Wait, &[]),
        (27, Do::Wait, &["offer 7 to 1"]),
        (28, Do::Talks(1), &["7 Connected"]),
        (40, Do::HangUp(1, 7), &[]),
        (50, Do::Call(8, 1), &["offer 8 to 1"]),
        (51, Do::Ends(1, OfferEnding::Failed), &[]),
        (56, Do::Wait, &["offer 8 to 1"]),
    ]);
    assert_eq!(house.shown(1), Display::Ringing);
}

#[test]
fn unreachable_waits_for_a_proof_or_its_rest() {
    let mut house = one_agent();
    house.play(&[
        (10, Do::Call(7, 1), &["offer 7 to 1"]),
        (11, Do::Ends(1, OfferEnding::Unreachable), &[]),
        (12, Do::Reach(1, true), &["offer 7 to 1"]),
        (13, Do::Ends(1, OfferEnding::Unreachable), &[]),
        (14, Do::Reach(1, false), &[]),
        (40, Do::Wait, &[]),
    ]);
    assert_eq!(house.shown(1), Display::Unreachable);
    house.play(&[(41, Do::Reach(1, true), &["offer 7 to 1"])]);
}

#[test]
fn lost_race_charges_nobody_and_does_not_exclude() {
    let mut house = one_agent();
    house.play(&[
        (10, Do::Call(7, 1), &["offer 7 to 1"]),
        (11, Do::Dials(1, 100), &["rescind 1 LostRace"]),
        (12, Do::Call(8, 1), &[]),
    ]);
    assert_eq!(house.shown(1), Display::Dialing);
    house.play(&[(20, Do::HangsUpOwn(1, 100), &["offer 7 to 1"])]);
    // Told by whoever rings, it must not be rung again at once.
    house.play(&[(21, Do::Ends(1, OfferEnding::LostRace), &[]), (26, Do::Wait, &["offer 7 to 1"])]);
}

#[test]
fn rescinded_by_a_supervisor_or_a_withdrawal() {
    let mut house = two_agents();
    house.play(&[
        (10, Do::Call(7, 1), &["offer 7 to 1"]),
        (11, Do::Forced(1), &["rescind 1 Rescinded", "offer 7 to 2"]),
        (12, Do::TakenOut(7), &["rescind 2 Rescinded", "7 Withdrawn"]),
    ]);
    assert!(house.acd.is_at_rest());
}

#[test]
fn a_caller_who_leaves_ends_the_offer_in_every_state() {
    for acts in [&[][..], &[Do::Rings(1)], &[Do::PicksUp(1)], &[Do::Rings(1), Do::PicksUp(1)]] {
        let mut house = one_agent();
        house.act(Do::Call(7, 1));
        for act in acts {
            house.act(*act);
        }
        house.play(&[(1, Do::CallerLeaves(7), &["rescind 1 CallerLeft", "7 CallerLeft"])]);
        assert!(house.acd.is_at_rest());
        assert_eq!(house.shown(1), Display::Ready, "{acts:?}");
    }
    let mut house = one_agent();
    house.play(&[(1, Do::Call(7, 1), &["offer 7 to 1"]), (2, Do::Ends(1, OfferEnding::CallerLeft), &["7 CallerLeft"])]);
    assert!(house.acd.is_at_rest());
}

#[test]
fn picked_up_but_no_sound_is_offered_again_at_the_old_rank() {
    let mut house = two_agents();
    house.play(&[
        (10, Do::Call(7, 1), &["offer 7 to 1"]),
        (11, Do::PicksUp(1), &[]),
        (13, Do::Wait, &["rescind 1 Failed", "offer 7 to 2"]),
    ]);
}

#[test]
fn a_failed_offer_keeps_the_callers_rank() {
    let mut house = two_agents();
    house.play(&[
        (10, Do::Call(7, 1), &["offer 7 to 1"]),
        (11, Do::Call(8, 1), &["offer 8 to 2"]),
        (12, Do::Call(9, 1), &[]),
        (13, Do::Ends(1, OfferEnding::Failed), &[]),
        (14, Do::Ends(2, OfferEnding::Failed), &[]),
        (18, Do::Wait, &["offer 7 to 1"]),
        (19, Do::Wait, &["offer 8 to 2"]),
    ]);
}

#[test]
fn nobody_is_offered_to_a_phone_in_a_call() {
    let mut house = House::new(site(vec![group(1)], &[(1, &[(1, 5)])]));
    house.play(&[
        (0, Do::Dials(1, 100), &[]),
        (1, Do::Comes(1), &[]),
        (2, Do::Call(7, 1), &[]),
        (3, Do::Dials(1, 101), &[]),
        (4, Do::HangsUpOwn(1, 100), &[]),
        (5, Do::SignOut(1), &[]),
    ]);
    assert_eq!(house.refused, Some(VerbRefused::Busy));
    house.play(&[(6, Do::HangsUpOwn(1, 101), &["offer 7 to 1"])]);
}

#[test]
fn a_phone_has_a_bound_of_calls() {
    let mut house = one_agent();
    for contact in 0..8 {
        house.act(Do::Dials(1, 100 + contact));
    }
    let now = house.now();
    let more = |house: &mut House, contact| {
        house.acd.claim_station(ExtensionNo(1), ContactId(contact), now, &mut house.supplies)
    };
    assert_eq!(more(&mut house, 108), Err(crate::acd::words::ClaimRefused::Full));
    assert_eq!(more(&mut house, 107), Ok(Some(AgentNo(1))));
    assert_eq!(house.acd.counts().claims, 8);
}

#[test]
fn limits_lead_out() {
    let mut small = group(1);
    (small.length_max, small.wait_max) = (Some(1), Some(Span::seconds(30)));
    let mut house = House::new(site(vec![small, group(2)], &[(1, &[(1, 5)])]));
    house.play(&[
        (0, Do::Call(1, 1), &["1 NoAgent"]),
        (0, Do::SignIn(1), &[]),
        (1, Do::Call(2, 2), &["2 NoAgent"]),
        (1, Do::Call(3, 99), &["3 NoAgent"]),
        (1, Do::CallAs(4, 1, Wants { level: 6, ..Wants::default() }), &["4 NoAgent"]),
        (1, Do::Call(5, 1), &[]),
        (2, Do::Call(6, 1), &["6 Full"]),
        (30, Do::Wait, &[]),
        (31, Do::CallAs(7, 1, Wants { wait_max: Some(5), ..Wants::default() }), &["5 TimedOut"]),
        (36, Do::Call(8, 1), &["7 TimedOut"]),
        (37, Do::SignOut(1), &["8 NoAgent"]),
    ]);
    assert!(house.acd.is_at_rest());
}

#[test]
fn a_full_group_still_takes_whom_somebody_is_free_for() {
    let mut none = group(1);
    none.length_max = Some(0);
    let mut house = House::new(site(vec![none], &[(1, &[(1, 5)])]));
    house.play(&[(0, Do::Comes(1), &[]), (1, Do::Call(1, 1), &["offer 1 to 1"]), (2, Do::Call(2, 1), &["2 Full"])]);
}

#[test]
fn while_an_agent_is_rung_the_offer_decides_over_the_longest_wait() {
    let mut patient = group(1);
    patient.wait_max = Some(Span::seconds(15));
    let mut house = House::new(site(vec![patient], &[(1, &[(1, 5)]), (2, &[(1, 5)])]));
    house.play(&[
        (0, Do::Comes(1), &[]),
        (0, Do::Comes(2), &[]),
        (1, Do::Call(1, 1), &["offer 1 to 1"]),
        (1, Do::Rings(1), &[]),
        (20, Do::Wait, &[]),
        (21, Do::Wait, &["rescind 1 RangOut", "1 TimedOut"]),
    ]);
    assert_eq!(house.acd.counts().offers, 0);
}

#[test]
fn priority_is_worth_minutes_and_levels_are_needed() {
    let mut house = House::new(site(vec![group(1)], &[(1, &[(1, 3)]), (2, &[(1, 7)])]));
    house.act(Do::SignIn(1));
    house.act(Do::SignIn(2));
    house.play(&[
        (0, Do::Call(1, 1), &[]),
        (50, Do::CallAs(2, 1, Wants { priority: 1, ..Wants::default() }), &[]),
        (51, Do::CallAs(3, 1, Wants { priority: 1, level: 5, ..Wants::default() }), &[]),
        (70, Do::CallAs(4, 1, Wants { priority: 1, ..Wants::default() }), &[]),
        (71, Do::Reach(1, true), &[]),
        (72, Do::Ready(1), &["offer 2 to 1"]),
        (73, Do::Reach(2, true), &[]),
        (74, Do::Ready(2), &["offer 3 to 2"]),
        (75, Do::Ends(1, OfferEnding::Rejected), &["offer 1 to 1"]),
    ]);
}

#[test]
fn strategies_choose() {
    for (strategy, expected) in [(Strategy::LongestIdle, "offer 1 to 1"), (Strategy::SkillLevel, "offer 1 to 2")] {
        let chosen = Group { strategy, ..group(1) };
        let mut house = House::new(site(vec![chosen], &[(1, &[(1, 3)]), (2, &[(1, 7)]), (3, &[(1, 7)])]));
        house.play(&[(0, Do::Comes(1), &[]), (1, Do::Comes(2), &[]), (2, Do::Comes(3), &[])]);
        house.play(&[(3, Do::Call(1, 1), &[expected])]);
    }
}

#[test]
fn a_wish_during_a_call_is_remembered() {
    let mut house = one_agent();
    house.play(&[
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (2, Do::PicksUp(1), &[]),
        (2, Do::NotReady(1), &[]),
        (3, Do::Talks(1), &["7 Connected"]),
        (9, Do::HangUp(1, 7), &[]),
        (10, Do::Call(8, 1), &[]),
        (19, Do::Wait, &[]),
    ]);
    assert_eq!(house.shown(1), Display::NotReady);
    house.play(&[(20, Do::Ready(1), &["offer 8 to 1"])]);
}

#[test]
fn ready_ends_a_wrap_up() {
    let mut house = one_agent();
    house.play(&[
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (2, Do::Talks(1), &["7 Connected"]),
        (9, Do::HangUp(1, 7), &[]),
        (10, Do::Call(8, 1), &[]),
        (11, Do::Ready(1), &["offer 8 to 1"]),
    ]);
}

#[test]
fn verbs_are_refused_where_they_make_no_sense() {
    let mut house = two_agents();
    let verbs = [
        (9, AgentVerb::Ready, VerbRefused::UnknownAgent),
        (1, AgentVerb::SignIn { station: None, groups: None }, VerbRefused::AlreadySignedIn),
    ];
    for (n, verb, refused) in verbs {
        house.verb(n, verb, &By::SYSTEM);
        assert_eq!(house.refused, Some(refused));
    }
    house.act(Do::SignOut(2));
    for (verb, refused) in [
        (AgentVerb::Ready, VerbRefused::NotSignedIn),
        (AgentVerb::SignOut, VerbRefused::NotSignedIn),
        (AgentVerb::NotReady { reason: None }, VerbRefused::NotSignedIn),
        (
            AgentVerb::SignIn { station: Some(Station::Extension(ExtensionNo(1))), groups: None },
            VerbRefused::StationTaken(AgentNo(1)),
        ),
        (
            AgentVerb::SignIn { station: Some(Station::Extension(ExtensionNo(7))), groups: None },
            VerbRefused::UnknownStation,
        ),
    ] {
        house.verb(2, verb, &By::SYSTEM);
        assert_eq!(house.refused, Some(refused));
    }
    house.drain();
}

#[test]
fn a_new_site_is_live() {
    let mut house = House::new(site(vec![group(1), group(2)], &[(1, &[(1, 3)]), (2, &[(1, 3)])]));
    house.play(&[
        (0, Do::Comes(1), &[]),
        (0, Do::SignIn(2), &[]),
        (1, Do::Call(1, 2), &["1 NoAgent"]),
        (1, Do::Call(2, 1), &["offer 2 to 1"]),
        (2, Do::Talks(1), &["2 Connected"]),
        (3, Do::Call(3, 1), &[]),
    ]);
    // Agent 1 is removed while he talks; agent 2 loses group 1 and gets group 2, whose patience is short.
    let mut impatient = group(2);
    impatient.wait_max = Some(Span::seconds(5));
    let change = |house: &mut House, site: Site| {
        house.told.clear();
        let now = house.now();
        house.acd.set_site(Arc::new(site), now, &mut house.supplies);
        house.drain();
    };
    let mut next = site(vec![group(1), impatient], &[(2, &[(2, 3)])]);
    next.extensions.extend(site(vec![], &[(1, &[])]).extensions);
    change(&mut house, next);
    assert_eq!(house.told, ["3 NoAgent"]);
    house.play(&[(4, Do::Ready(1), &[])]);
    assert_eq!(house.refused, Some(VerbRefused::Retiring));
    house.play(&[(5, Do::Call(4, 2), &[]), (6, Do::HangUp(1, 2), &[]), (16, Do::Wait, &["4 TimedOut"])]);
    assert_eq!(house.acd.snapshot(AgentNo(1)), None);
    assert_eq!(house.acd.counts().signed_in, 1);
    // Patience and levels change for those who wait.
    house.play(&[(17, Do::CallAs(5, 2, Wants { level: 3, ..Wants::default() }), &[])]);
    change(&mut house, site(vec![group(2)], &[(2, &[(2, 3)])]));
    house.play(&[(30, Do::Wait, &[])]);
    change(&mut house, site(vec![group(2)], &[(2, &[(2, 2)])]));
    assert_eq!(house.told, ["5 NoAgent"]);
}

#[test]
fn after_a_restart_agents_return_with_their_phones() {
    let mut house = House::new(site(
        vec![group(1)],
        &[(1, &[(1, 3)]), (2, &[(1, 3)]), (3, &[(1, 3)]), (4, &[(1, 3)]), (5, &[(1, 3)])],
    ));
    house.play(&[
        (0, Do::Comes(1), &[]),
        (1, Do::Call(1, 1), &["offer 1 to 1"]),
        (2, Do::Talks(1), &["1 Connected"]),
        (3, Do::Comes(2), &[]),
        (4, Do::Call(2, 1), &["offer 2 to 2"]),
        (5, Do::Comes(3), &[]),
        (5, Do::NotReady(3), &[]),
        (6, Do::Call(3, 1), &[]),
        (7, Do::Comes(4), &["offer 3 to 4"]),
        (7, Do::Talks(4), &["3 Connected"]),
        (8, Do::HangUp(4, 3), &[]),
        (8, Do::Comes(5), &[]),
    ]);
    let before = house.fold.open();
    // Agent 5 was removed while the server was down.
    let next = site(vec![group(1)], &[(1, &[(1, 3)]), (2, &[(1, 3)]), (3, &[(1, 3)]), (4, &[(1, 3)])]);
    let now = Now { t: seconds(10), wall: Utc(0) };
    let mut after = House::new(next);
    (after.t, after.fold) = (now.t, Fold::from_open(&before));
    after.acd.restore(&before, now.t, now, &mut after.supplies);
    after.drain();
    assert!(after.fold.items.is_empty() && after.fold.offers.is_empty());
    assert_eq!(after.acd.counts().signed_in, 4);
    let wish = |house: &House, n| house.acd.snapshot(AgentNo(n)).and_then(|a| a.wish);
    assert_eq!(wish(&after, 1), Some(Wish::NotReady(NotReadyReason::Restart)));
    assert_eq!(wish(&after, 3), Some(Wish::NotReady(NotReadyReason::Asked)));
    assert_eq!(after.shown(4), Display::WrapUp);
    after.play(&[
        (11, Do::Call(7, 1), &[]),
        (12, Do::Reach(3, true), &[]),
        (13, Do::Reach(4, true), &[]),
        (17, Do::Wait, &[]),
        (18, Do::Wait, &["offer 7 to 4"]),
        (19, Do::Call(8, 1), &[]),
        (20, Do::Reach(1, true), &["offer 8 to 1"]),
    ]);
}
