//! What agents ask for and what may be forced on them, as tables.

use super::*;
use crate::base::ReasonNo;
use crate::event::words::{NotReadyReason, Preferences, Wish, WorkRole};
use crate::site::{Quota, Reason, Rest, TakeOver};
use crate::switch::RestWait;

fn three() -> Site {
    site(vec![group(1), group(2)], &[(1, &[(1, 5), (2, 5)]), (2, &[(1, 5)]), (3, &[(1, 5)])])
}

fn with_everybody(site: Site) -> House {
    let mut house = House::new(site);
    for n in 1..=3 {
        house.act(Do::Comes(n));
    }
    house.kinds.clear();
    house
}

fn wish(house: &House, n: u32) -> Option<Wish> {
    house.acd.snapshot(AgentNo(n)).expect("an agent of the site").wish
}

fn until(house: &House, n: u32) -> Option<i64> {
    let seen = house.acd.snapshot(AgentNo(n)).expect("an agent of the site");
    seen.wish_until.map(|t| t.since(seconds(0)).as_seconds())
}

fn lunch(max: i64) -> Reason {
    Reason { no: ReasonNo(7), id: "lunch".into(), name: String::new(), max: Some(Span::seconds(max)) }
}

#[test]
fn a_reason_over_its_limit_is_told_once_and_the_agent_stays() {
    let mut site = three();
    site.reasons.insert(ReasonNo(7), lunch(60));
    let mut house = with_everybody(site);
    let by = By { actor: Actor::Integration(1), command: None };
    house.verb(1, AgentVerb::NotReady { reason: Some(ReasonNo(8)) }, &by);
    assert_eq!(house.refused, Some(VerbRefused::UnknownReason));
    house.verb(1, AgentVerb::NotReady { reason: Some(ReasonNo(7)) }, &by);
    house.drain();
    assert_eq!(until(&house, 1), Some(60));
    house.go_to(seconds(200));
    assert_eq!(house.kinds, ["agent_wish", "agent_overtime"]);
    assert_eq!(wish(&house, 1), Some(Wish::NotReady(NotReadyReason::Own(ReasonNo(7)))));
}

#[test]
fn a_wish_in_a_call_is_remembered_and_its_time_begins_after_it() {
    let mut site = three();
    site.reasons.insert(ReasonNo(7), lunch(60));
    let mut house = with_everybody(site);
    house.play(&[(10, Do::Call(7, 2), &["offer 7 to 1"]), (12, Do::Talks(1), &["7 Connected"])]);
    let by = By { actor: Actor::Integration(1), command: None };
    house.verb(1, AgentVerb::NotReady { reason: Some(ReasonNo(7)) }, &by);
    house.drain();
    assert_eq!((house.shown(1), until(&house, 1)), (Display::Talking, None));
    house.play(&[(40, Do::HangUp(1, 7), &[]), (55, Do::Wait, &[])]);
    assert_eq!((house.shown(1), until(&house, 1)), (Display::NotReady, Some(110)), "after the wrap-up of 10 s");
}

#[test]
fn what_an_agent_is_after_a_call_is_his_own_setting() {
    for (after, shown) in [
        (AfterCall::WrapUp, Display::WrapUp),
        (AfterCall::Ready, Display::Ready),
        (AfterCall::NotReady, Display::NotReady),
    ] {
        let mut site = three();
        site.agents.get_mut(&AgentNo(1)).expect("there").after_call = after;
        let mut house = with_everybody(site);
        let call: [(i64, Do, &[&str]); 3] = [
            (10, Do::Call(7, 2), &["offer 7 to 1"]),
            (12, Do::Talks(1), &["7 Connected"]),
            (20, Do::HangUp(1, 7), &[]),
        ];
        house.play(&call);
        assert_eq!(house.shown(1), shown, "{after:?}");
        // Or what he prefers until he signs out.
        let mut house = with_everybody(three());
        let preferences = Preferences { after_call: Some(after), auto_answer: Some(true) };
        house.play(&[(9, Do::Prefer(1, preferences), &[]), (9, Do::Prefer(1, Preferences::default()), &[])]);
        assert_eq!(house.kinds, ["agent_prefers"], "asking for nothing changes nothing");
        assert_eq!(house.acd.holder_preferences(ExtensionNo(1)), preferences);
        house.play(&call);
        assert_eq!(house.shown(1), shown, "{after:?}, preferred");
    }
}

#[test]
fn wrap_up_is_entered_extended_and_quit() {
    let mut house = with_everybody(three());
    house.play(&[(10, Do::Extend(1, 5), &[])]);
    assert_eq!(house.refused, Some(VerbRefused::NotInWrapUp));
    house.play(&[(10, Do::WrapUp(1, 20), &[]), (11, Do::Call(7, 2), &[]), (25, Do::Extend(1, 10), &[])]);
    assert_eq!(house.shown(1), Display::WrapUp);
    house.play(&[
        (39, Do::Wait, &[]),
        (40, Do::Wait, &["offer 7 to 1"]),
        (41, Do::CallerLeaves(7), &["rescind 1 CallerLeft", "7 CallerLeft"]),
    ]);
    // Without a length it lasts until he quits it, or is ready.
    house.play(&[
        (50, Do::WrapUp(1, 0), &[]),
        (51, Do::Call(8, 2), &[]),
        (5_000, Do::QuitWrapUp(1), &["offer 8 to 1"]),
    ]);
    house.play(&[
        (5_001, Do::Talks(1), &["8 Connected"]),
        (5_010, Do::HangUp(1, 8), &[]),
        (5_011, Do::WrapUp(1, 60), &[]),
        (5_065, Do::Call(9, 2), &[]),
        (5_066, Do::Ready(1), &["offer 9 to 1"]),
    ]);
}

#[test]
fn rest_is_first_come_first_served_within_the_quota() {
    let mut site = three();
    site.rest = Rest { quota: Some(Quota::Agents(1)), max: Span::seconds(600) };
    let mut house = with_everybody(site);
    house.play(&[(10, Do::Rest(1), &[]), (11, Do::Rest(2), &[]), (12, Do::Rest(3), &[]), (12, Do::Rest(3), &[])]);
    let waits = |house: &House, n| house.acd.snapshot(AgentNo(n)).expect("there").rest_wait;
    assert_eq!([1, 2, 3].map(|n| house.shown(n)), [Display::NotReady, Display::Ready, Display::Ready]);
    let wait = |place, at| RestWait { place, since: seconds(at), reason: None, length: Span::seconds(600) };
    assert_eq!([1, 2, 3].map(|n| waits(&house, n)), [None, Some(wait(1, 11)), Some(wait(2, 12))]);
    house.kinds.clear();
    house.play(&[(20, Do::Ready(1), &[])]);
    assert_eq!(house.kinds, ["agent_wish", "agent_rest_unqueued", "agent_wish"], "the next is granted at once");
    assert_eq!((house.shown(2), until(&house, 2)), (Display::NotReady, Some(620)));
    house.play(&[(30, Do::CancelRest(3), &[]), (31, Do::CancelRest(3), &[])]);
    assert_eq!(house.refused, Some(VerbRefused::NotResting));
    // Over its limit it is told, and he stays; who leaves makes room as well.
    house.kinds.clear();
    house.play(&[(40, Do::Rest(3), &[]), (700, Do::Wait, &[])]);
    assert_eq!(house.kinds, ["agent_rest_queued", "agent_overtime"]);
    house.play(&[(710, Do::SignOut(2), &[])]);
    assert_eq!(house.shown(3), Display::NotReady);
    house.play(&[(720, Do::CancelRest(3), &[])]);
    assert_eq!(house.shown(3), Display::Ready);
}

#[test]
fn a_quota_of_a_share_is_one_at_least() {
    for (quota, signed_in, expected) in
        [(Quota::Agents(0), 9, 0), (Quota::Agents(2), 1, 2), (Quota::Percent(20), 3, 1), (Quota::Percent(20), 15, 3)]
    {
        assert_eq!(quota.of(signed_in), expected, "{quota:?} {signed_in}");
    }
}

#[test]
fn who_rests_and_who_waits_for_it_survive_a_restart() {
    let mut site = three();
    site.rest = Rest { quota: Some(Quota::Agents(1)), max: Span::seconds(600) };
    site.reasons.insert(ReasonNo(7), lunch(60));
    let mut house = with_everybody(site);
    house.play(&[(10, Do::Rest(1), &[]), (11, Do::Rest(2), &[]), (12, Do::Wait, &[])]);
    let by = By { actor: Actor::Integration(1), command: None };
    let (reason, length) = (Some(ReasonNo(7)), Span::seconds(40));
    house.verb(3, AgentVerb::Rest { reason, length: Some(length) }, &by);
    house.drain();
    house.play(&[(13, Do::WrapUp(3, 0), &[])]);
    random::restart(&mut house);
    assert_eq!(wish(&house, 1), Some(Wish::NotReady(NotReadyReason::Rest(None))));
    let second = RestWait { place: 2, since: seconds(12), reason, length };
    assert_eq!(house.acd.snapshot(AgentNo(2)).expect("there").rest_wait.map(|wait| wait.place), Some(1));
    assert_eq!(house.acd.snapshot(AgentNo(3)).expect("there").rest_wait, Some(second));
    assert_eq!(house.shown(3), Display::WrapUp);
    house.play(&[(20, Do::SignOut(1), &[])]);
    assert_eq!(wish(&house, 2), Some(Wish::NotReady(NotReadyReason::Rest(None))));
}

#[test]
fn an_agent_serves_the_groups_he_chose() {
    let mut house = with_everybody(three());
    house.play(&[(10, Do::Groups(1, &[1]), &[]), (11, Do::Call(7, 2), &["7 NoAgent"]), (12, Do::Groups(2, &[2]), &[])]);
    assert_eq!(house.refused, Some(VerbRefused::NotMember(GroupNo(2))));
    random::restart(&mut house);
    assert_eq!(house.acd.snapshot(AgentNo(1)).expect("there").groups, [(GroupNo(1), 5)], "the choice survives");
    let by = By { actor: Actor::Integration(1), command: None };
    house.verb(1, AgentVerb::Groups { groups: None }, &by);
    house.drain();
    house.play(&[(20, Do::Call(8, 2), &[]), (21, Do::Reach(1, true), &["offer 8 to 1"])]);
}

#[test]
fn a_forced_sign_in_takes_over_who_is_in_no_call() {
    let mut house = with_everybody(three());
    house.play(&[(10, Do::ForcedIn(1, 2), &[])]);
    assert_eq!(house.kinds[0], "agent_forced", "who forced it and why is told first");
    assert_eq!([1, 2].map(|n| house.shown(n)), [Display::NotReady, Display::SignedOut]);
    house.play(&[
        (11, Do::Ready(1), &[]),
        (12, Do::Call(7, 2), &["offer 7 to 1"]),
        (13, Do::Talks(1), &["7 Connected"]),
    ]);
    house.kinds.clear();
    house.play(&[(14, Do::ForcedIn(2, 2), &[])]);
    assert_eq!((house.refused, house.kinds.len()), (Some(VerbRefused::Busy), 0), "and refused it tells nothing");
    house.play(&[(15, Do::ForcedIn(1, 1), &[])]);
    assert_eq!(house.refused, Some(VerbRefused::Busy));
    let mut site = three();
    site.take_over = TakeOver::Never;
    let mut house = with_everybody(site);
    house.play(&[(10, Do::ForcedIn(1, 2), &[])]);
    assert_eq!(house.refused, Some(VerbRefused::AlreadySignedIn));
}

#[test]
fn a_forced_sign_out_in_a_call_waits_for_its_end() {
    let mut house = with_everybody(three());
    house.play(&[
        (10, Do::Call(7, 2), &["offer 7 to 1"]),
        (12, Do::Talks(1), &["7 Connected"]),
        (13, Do::SignOut(1), &[]),
    ]);
    assert_eq!(house.refused, Some(VerbRefused::Busy));
    house.play(&[(14, Do::ForcedOut(1), &[]), (15, Do::Ready(1), &[])]);
    assert_eq!(
        (house.refused, house.shown(1)),
        (Some(VerbRefused::Busy), Display::Talking),
        "he does not talk himself out of it"
    );
    house.play(&[(20, Do::HangUp(1, 7), &[]), (30, Do::Wait, &[])]);
    assert_eq!(house.shown(1), Display::SignedOut);
    // At once when he is in none.
    house.play(&[(40, Do::ForcedOut(2), &[])]);
    assert_eq!(house.shown(2), Display::SignedOut);
}

#[test]
fn a_reserved_agent_is_kept_free_until_his_lease_ends() {
    let mut house = with_everybody(three());
    house.play(&[(10, Do::Reserve(1, 30), &[]), (11, Do::Call(7, 2), &[]), (12, Do::Reserve(1, 30), &[])]);
    assert_eq!((house.refused, house.shown(1)), (Some(VerbRefused::NotAvailable), Display::Reserved));
    house.play(&[
        (40, Do::Wait, &["offer 7 to 1"]),
        (41, Do::CallerLeaves(7), &["rescind 1 CallerLeft", "7 CallerLeft"]),
    ]);
    house.play(&[(50, Do::Reserve(1, 30), &[]), (51, Do::Call(8, 2), &[]), (52, Do::Release(1), &["offer 8 to 1"])]);
    house.play(&[(53, Do::Release(1), &[])]);
    assert_eq!(house.refused, Some(VerbRefused::NotReserved));
}

#[test]
fn an_agent_picks_a_caller_out_of_turn() {
    let mut house = with_everybody(three());
    for n in 1..=3 {
        house.act(Do::NotReady(n));
    }
    house.play(&[(10, Do::Call(7, 1), &[]), (11, Do::Call(8, 1), &[]), (12, Do::Pick(2, 8), &["offer 8 to 2"])]);
    house.play(&[(13, Do::Pick(2, 7), &[])]);
    assert_eq!(house.refused, Some(VerbRefused::NotAvailable));
    house.play(&[(14, Do::Pick(3, 9), &[])]);
    assert_eq!(house.refused, Some(VerbRefused::NotQueued));
    house.play(&[(15, Do::Talks(2), &["8 Connected"]), (16, Do::Ready(3), &["offer 7 to 3"])]);
}

#[test]
fn an_agent_picks_up_what_rings_at_another_who_is_not_charged() {
    let mut house = with_everybody(three());
    for n in 2..=3 {
        house.act(Do::NotReady(n));
    }
    house.play(&[
        (10, Do::Call(7, 1), &["offer 7 to 1"]),
        (11, Do::Pick(2, 7), &["rescind 1 LostRace", "offer 7 to 2"]),
        (12, Do::Pick(2, 7), &[]),
    ]);
    assert_eq!(house.refused, Some(VerbRefused::NotQueued), "it rings at him");
    assert_eq!(house.shown(1), Display::Ready);
    house.play(&[(13, Do::Talks(2), &["7 Connected"]), (14, Do::Pick(3, 7), &[])]);
    assert_eq!(house.refused, Some(VerbRefused::NotQueued), "he talks");
    house.play(&[(15, Do::Call(8, 1), &["offer 8 to 1"])]);
}

#[test]
fn a_caller_with_more_priority_goes_first() {
    let mut house = with_everybody(three());
    for n in 1..=3 {
        house.act(Do::NotReady(n));
    }
    house.play(&[
        (10, Do::Call(7, 1), &[]),
        (11, Do::Call(8, 1), &[]),
        (12, Do::Priority(8, 1), &[]),
        (13, Do::Ready(1), &["offer 8 to 1"]),
        (14, Do::Priority(8, 2), &[]),
        (15, Do::Ready(2), &["offer 7 to 2"]),
    ]);
}

#[test]
fn a_call_on_hold_lets_the_next_one_in_where_the_group_allows_it() {
    let mut site = three();
    site.groups.get_mut(&GroupNo(2)).expect("there").calls_per_agent = 2;
    let mut house = with_everybody(site);
    for n in 2..=3 {
        house.act(Do::NotReady(n));
    }
    house.play(&[
        (10, Do::Call(7, 2), &["offer 7 to 1"]),
        (11, Do::Talks(1), &["7 Connected"]),
        (12, Do::Call(8, 2), &[]),
        (13, Do::Call(9, 1), &[]),
        (14, Do::Hold(1, 7), &["offer 8 to 1"]),
        // Another ring is lost when he takes the first up again.
        (15, Do::Retrieve(1, 7), &["rescind 1 LostRace"]),
        (16, Do::Hold(1, 7), &["offer 8 to 1"]),
        (17, Do::Talks(1), &["8 Connected"]),
        (18, Do::Retrieve(1, 7), &[]),
    ]);
    assert_eq!(house.role_refused, Some(RoleRefused::Talks(ContactId(8))));
    house.play(&[(19, Do::Hold(1, 8), &[]), (20, Do::Call(10, 2), &[]), (21, Do::Consults(1, 7), &[])]);
    let roles: Vec<WorkRole> = house.acd.snapshot(AgentNo(1)).expect("there").works.iter().map(|w| w.role).collect();
    assert_eq!(roles, [WorkRole::Held, WorkRole::Consulting]);
    assert_eq!(house.shown(1), Display::Consulting);
    // The end of a held call is the end of a talk: wrap-up, and nobody is offered meanwhile.
    house.play(&[(22, Do::HangUp(1, 8), &[]), (23, Do::HangUp(1, 7), &[]), (33, Do::Wait, &["offer 9 to 1"])]);
}

#[test]
fn who_monitors_is_in_no_other_call() {
    let mut house = with_everybody(three());
    house.play(&[
        (10, Do::Call(7, 2), &["offer 7 to 1"]),
        (11, Do::Talks(1), &["7 Connected"]),
        (12, Do::Monitors(2, 7, true), &[]),
        (13, Do::NotReady(3), &[]),
        (14, Do::Call(8, 1), &[]),
    ]);
    assert_eq!(house.shown(2), Display::Monitoring);
    house.play(&[(15, Do::Monitors(1, 8, true), &[])]);
    assert_eq!(house.role_refused, Some(RoleRefused::Talks(ContactId(7))));
    house.play(&[(16, Do::Monitors(2, 7, false), &["offer 8 to 2"])]);
}

/// Ana (1) has talked long once, Bo (2) twice and briefly, Cai (3) not at all but let nobody wait since.
#[test]
fn strategies_choose_by_what_each_has_done() {
    for (strategy, expected) in [
        (Strategy::LongestIdle, "offer 9 to 3"),
        (Strategy::LeastTalk, "offer 9 to 3"),
        (Strategy::FewestCalls, "offer 9 to 3"),
        (Strategy::RoundRobin, "offer 9 to 3"),
        (Strategy::TopDown, "offer 9 to 1"),
    ] {
        let mut site = three();
        site.groups.get_mut(&GroupNo(1)).expect("there").strategy = strategy;
        let mut house = House::new(site);
        house.act(Do::Comes(1));
        house.play(&[
            (10, Do::Call(1, 1), &["offer 1 to 1"]),
            (11, Do::Talks(1), &["1 Connected"]),
            (100, Do::HangUp(1, 1), &[]),
        ]);
        house.play(&[
            (101, Do::Comes(2), &[]),
            (102, Do::Call(2, 1), &["offer 2 to 2"]),
            (103, Do::Talks(2), &["2 Connected"]),
        ]);
        house.play(&[
            (105, Do::HangUp(2, 2), &[]),
            (116, Do::NotReady(1), &[]),
            (117, Do::Call(3, 1), &["offer 3 to 2"]),
        ]);
        house.play(&[(118, Do::Talks(2), &["3 Connected"]), (120, Do::HangUp(2, 3), &[]), (121, Do::Comes(3), &[])]);
        house.play(&[(131, Do::Ready(1), &[]), (140, Do::Call(9, 1), &[expected])]);
        // Without Cai: Bo talked less, Ana took fewer and was asked longer ago.
        house.play(&[(141, Do::TakenOut(9), &house_taken(expected)), (142, Do::NotReady(3), &[])]);
        let second = match strategy {
            Strategy::LongestIdle | Strategy::LeastTalk => "offer 10 to 2",
            _ => "offer 10 to 1",
        };
        house.play(&[(150, Do::Call(10, 1), &[second])]);
    }
}

fn house_taken(offered: &str) -> [&'static str; 2] {
    match offered.ends_with('3') {
        true => ["rescind 3 Rescinded", "9 Withdrawn"],
        false => ["rescind 1 Rescinded", "9 Withdrawn"],
    }
}
