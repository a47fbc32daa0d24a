//! Random verbs, steps and times: the invariants hold after each, and at rest nothing is left.

use super::*;
use crate::site::{DirectWhen, Quota};
use proptest::prelude::{Just, ProptestConfig, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as Gen;

const AGENTS: u32 = 6;
const GROUPS: u32 = 3;

fn random_site(seed: u64) -> Site {
    let mut rng = Rng::from_number(seed);
    let groups = (1..=GROUPS)
        .map(|no| {
            let strategies = [
                Strategy::LongestIdle,
                Strategy::SkillLevel,
                Strategy::LeastTalk,
                Strategy::FewestCalls,
                Strategy::RoundRobin,
                Strategy::Random,
                Strategy::TopDown,
                Strategy::RingAll,
                Strategy::RingAll,
            ];
            let strategy = strategies[rng.below(9) as usize];
            let length_max = (rng.below(3) == 0).then(|| rng.below(4) as u32);
            let wait_max = (rng.below(3) == 0).then(|| Span::seconds(5 + rng.below(60) as i64));
            let calls_per_agent = 1 + rng.below(3) as u32;
            Group { strategy, length_max, wait_max, calls_per_agent, ..group(no) }
        })
        .collect();
    let memberships: Vec<Vec<(u32, u8)>> = (0..AGENTS)
        .map(|_| {
            let levels: Vec<(u32, u8)> = (1..=GROUPS).map(|g| (g, rng.below(14) as u8)).collect();
            levels.into_iter().filter(|(_, level)| (1..=9).contains(level)).collect()
        })
        .collect();
    let agents: Vec<(u32, &[(u32, u8)])> = (1..=AGENTS).zip(memberships.iter().map(Vec::as_slice)).collect();
    let mut site = site(groups, &agents);
    for agent in site.agents.values_mut() {
        agent.retiring = rng.below(12) == 0;
    }
    site.direct.when = if rng.below(3) == 0 { DirectWhen::Ready } else { DirectWhen::Reachable };
    site.rest.quota = (rng.below(3) > 0).then(|| Quota::Agents(rng.below(3) as u32));
    // Now and then somebody or something is removed altogether.
    site.agents.retain(|_, _| rng.below(12) > 0);
    site.groups.retain(|_, _| rng.below(8) > 0);
    site.extensions.retain(|_, _| rng.below(20) > 0);
    site
}

fn act() -> impl Gen<Value = (Do, i64)> {
    let agent = 1..=AGENTS;
    let ending = prop::sample::select(vec![
        OfferEnding::Connected,
        OfferEnding::Rejected,
        OfferEnding::RangOut,
        OfferEnding::CallerLeft,
        OfferEnding::Failed,
        OfferEnding::LostRace,
        OfferEnding::Unreachable,
        OfferEnding::Rescinded,
    ]);
    let wants =
        (0i64..60, -1i32..3, 0u8..11, prop::option::of(1i64..90)).prop_map(|(ago, priority, level, wait_max)| {
            // Most callers take anybody.
            let level = if level > 9 { level } else { level / 2 };
            Wants { entered: Some(-ago), priority, level, wait_max }
        });
    let call = (100u64..100_000, 1..=GROUPS + 1, wants).prop_map(|(item, group, w)| Do::CallAs(item, group, w));
    let what = prop_oneof![
        3 => agent.clone().prop_map(Do::Comes),
        1 => agent.clone().prop_map(Do::SignOut),
        2 => agent.clone().prop_map(Do::Ready),
        1 => agent.clone().prop_map(Do::NotReady),
        1 => agent.clone().prop_map(Do::Forced),
        2 => (agent.clone(), any::<bool>()).prop_map(|(n, on)| Do::Reach(n, on)),
        10 => call,
        2 => (0u64..40).prop_map(Do::CallerLeaves),
        1 => (0u64..40).prop_map(Do::TakenOut),
        5 => agent.clone().prop_map(Do::Rings),
        3 => agent.clone().prop_map(Do::PicksUp),
        5 => agent.clone().prop_map(Do::Talks),
        4 => (agent.clone(), ending).prop_map(|(n, e)| Do::Ends(n, e)),
        5 => (agent.clone(), Just(0u64)).prop_map(|(n, c)| Do::HangUp(n, c)),
        2 => (agent.clone(), 1u64..4).prop_map(|(n, c)| Do::Dials(n, c)),
        2 => (agent.clone(), 1u64..4).prop_map(|(n, c)| Do::HangsUpOwn(n, c)),
        3 => agent.clone().prop_map(Do::Rest),
        1 => agent.clone().prop_map(Do::CancelRest),
        1 => (agent.clone(), 0i64..30).prop_map(|(n, s)| Do::WrapUp(n, s)),
        1 => (agent.clone(), 1i64..30).prop_map(|(n, s)| Do::Extend(n, s)),
        1 => agent.clone().prop_map(Do::QuitWrapUp),
        1 => (agent.clone(), 1i64..30).prop_map(|(n, s)| Do::Reserve(n, s)),
        1 => agent.clone().prop_map(Do::Release),
        2 => (agent.clone(), 0u64..40).prop_map(|(n, c)| Do::Pick(n, c)),
        1 => (agent.clone(), prop::sample::select(vec![&[1u32][..], &[2], &[1, 2, 3]])).prop_map(|(n, g)| Do::Groups(n, g)),
        1 => agent.clone().prop_map(Do::ForcedOut),
        1 => (agent.clone(), agent.clone()).prop_map(|(n, at)| Do::ForcedIn(n, at)),
        3 => (agent.clone(), Just(0u64)).prop_map(|(n, c)| Do::Hold(n, c)),
        3 => (agent.clone(), 0u64..3).prop_map(|(n, c)| Do::Retrieve(n, c)),
        1 => (agent.clone(), Just(0u64)).prop_map(|(n, c)| Do::Consults(n, c)),
        1 => (agent.clone(), 1u64..4, any::<bool>()).prop_map(|(n, c, on)| Do::Monitors(n, c, on)),
        1 => (0u64..40, -3i32..4).prop_map(|(n, p)| Do::Priority(n, p)),
        2 => Just(Do::Wait),
        3 => (100u64..100_000, agent.clone(), 0i64..90).prop_map(|(i, n, s)| Do::CallAgent(i, n, s)),
        2 => (100u64..100_000, prop::sample::select(vec![&[1u32, 2][..], &[3, 1], &[2, 3, 4]])).prop_map(|(i, g)| Do::CallGroups(i, g)),
        1 => (0u64..40, 0i64..600).prop_map(|(i, at)| Do::TakePlace(i, at)),
        3 => (100u64..100_000, agent.clone(), 1..=GROUPS).prop_map(|(i, n, g)| Do::Inside(i, u64::from(n), g)),
        2 => (100u64..100_000, agent.clone(), agent.clone()).prop_map(|(i, n, a)| Do::InsideAgent(i, u64::from(n), a)),
    ];
    (what, prop_oneof![Just(0i64), 0i64..3_000, 0i64..40_000])
}

/// Acts that name a caller by chance are aimed at one who is there.
fn aim(house: &House, act: Do) -> Do {
    let nth = |n: u64| {
        let items: Vec<ItemId> = house.fold.items.keys().copied().collect();
        items.get(n as usize % items.len().max(1)).map_or(0, |i| i.0)
    };
    match act {
        Do::CallerLeaves(n) => Do::CallerLeaves(nth(n)),
        Do::TakenOut(n) => Do::TakenOut(nth(n)),
        Do::HangUp(n, _) => Do::HangUp(n, contacts_of(house, n).first().map_or(0, |c| c.0)),
        Do::Hold(n, _) => Do::Hold(n, contacts_of(house, n).last().map_or(0, |c| c.0)),
        Do::Consults(n, _) => Do::Consults(n, contacts_of(house, n).last().map_or(0, |c| c.0)),
        Do::Retrieve(n, i) => Do::Retrieve(n, contacts_of(house, n).get(i as usize).map_or(0, |c| c.0)),
        Do::Pick(n, i) => Do::Pick(n, house.fold.items.get(&ItemId(nth(i))).map_or(0, |item| item.holder.0)),
        Do::Inside(i, n, group) => Do::Inside(i, contacts_of(house, n as u32).first().map_or(i, |c| c.0), group),
        Do::InsideAgent(i, n, agent) => {
            Do::InsideAgent(i, contacts_of(house, n as u32).first().map_or(i, |c| c.0), agent)
        }
        Do::TakePlace(i, at) => Do::TakePlace(nth(i), at),
        Do::Priority(i, priority) => Do::Priority(nth(i), priority),
        Do::CallAs(item, group, wants) => {
            let entered = wants.entered.map(|ago| house.t.since(seconds(0)).as_seconds() + ago);
            Do::CallAs(item, group, Wants { entered, ..wants })
        }
        other => other,
    }
}

fn contacts_of(house: &House, n: u32) -> Vec<ContactId> {
    house.acd.snapshot(AgentNo(n)).map_or_else(Vec::new, |a| a.works.iter().filter_map(|w| w.contact).collect())
}

/// Everybody hangs up and leaves.
fn come_to_rest(house: &mut House) {
    let items: Vec<u64> = house.fold.items.keys().map(|i| i.0).collect();
    for item in items {
        house.act(Do::CallerLeaves(item));
    }
    for n in 1..=AGENTS {
        for contact in 1..4 {
            house.act(Do::HangsUpOwn(n, contact));
        }
        for contact in contacts_of(house, n) {
            house.act(Do::Monitors(n, contact.0, false));
            house.act(Do::HangUp(n, contact.0));
        }
        house.act(Do::QuitWrapUp(n));
    }
    house.go_to(house.t + Span::hours(1));
    for n in 1..=AGENTS {
        house.act(Do::SignOut(n));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_the_invariants_hold(
        seed in 0u64..1_000,
        acts in prop::collection::vec(act(), 1..120),
        changes in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        crash in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut house = House::new(random_site(seed));
        let changes: Vec<usize> = changes.iter().map(|c| c.index(acts.len())).collect();
        let crash = crash.map(|c| c.index(acts.len()));
        for (i, (act, later)) in acts.iter().enumerate() {
            if changes.contains(&i) {
                let now = house.now();
                // Who was removed and comes back is somebody new.
                let acd = &house.acd;
                house.fold.shown.retain(|no, _| acd.snapshot(*no).is_some());
                house.acd.set_site(Arc::new(random_site(seed + i as u64)), now, &mut house.supplies);
                house.drain();
            }
            if crash == Some(i) {
                restart(&mut house);
            }
            house.go_to(house.t + Span::millis(*later));
            let act = aim(&house, *act);
            house.act(act);
            prop_assert_eq!(house.acd.gauges().signed_in, house.acd.counts().signed_in);
        }
        come_to_rest(&mut house);
        prop_assert!(house.acd.is_at_rest(), "{:?}", house.acd.counts());
        prop_assert_eq!(house.acd.counts().ready, 0);
        prop_assert_eq!(house.acd.deadline(), None);
        prop_assert_eq!(house.fold.open(), Open::default());
    }
}

/// A fresh machine from what the fold knows.
pub fn restart(house: &mut House) {
    let (open, site) = (house.fold.open(), Arc::clone(&house.acd.site));
    house.t += Span::seconds(1);
    house.acd = Acd::new(site, house.now());
    let now = house.now();
    house.acd.restore(&open, now.t, now, &mut house.supplies);
    // What is shown counts from the restart at the earliest.
    for (_, since) in house.fold.shown.values_mut() {
        *since = now.t;
    }
    house.drain();
}
