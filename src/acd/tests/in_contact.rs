//! Who works for a contact is not offered what is wanted in it, and loses nothing by it.

use super::*;
use crate::event::words::WorkRole;

/// Ana alone holds caller 7 in a group whose agents may have two calls, and somebody of it is wanted there: item 8.
fn ana_holds(strategy: Strategy) -> House {
    let two = Group { calls_per_agent: 2, strategy, ..group(1) };
    let mut house = House::new(site(vec![two], &[(1, &[(1, 5)]), (2, &[(1, 5)])]));
    house.play(&[
        (0, Do::Comes(1), &[]),
        (1, Do::Call(7, 1), &["offer 7 to 1"]),
        (2, Do::Talks(1), &["7 Connected"]),
        (3, Do::Hold(1, 7), &[]),
        (4, Do::Inside(8, 7, 1), &[]),
    ]);
    house
}

fn works(house: &House, n: u32) -> Vec<(Option<ContactId>, WorkRole)> {
    let seen = house.acd.snapshot(AgentNo(n)).expect("an agent of the site");
    seen.works.iter().map(|work| (work.contact, work.role)).collect()
}

#[test]
fn nobody_is_rung_for_his_own_contact() {
    for strategy in [Strategy::LongestIdle, Strategy::Random, Strategy::SkillLevel, Strategy::RingAll] {
        let mut house = ana_holds(strategy);
        assert_eq!(works(&house, 1), [(Some(ContactId(7)), WorkRole::Held)], "{strategy:?}");
        house.play(&[
            (5, Do::Pick(1, 7), &[]),
            (6, Do::Call(9, 1), &["offer 9 to 1"]),
            (7, Do::CallerLeaves(9), &["rescind 1 CallerLeft", "9 CallerLeft"]),
            (8, Do::SignOut(1), &[]),
        ]);
        assert_eq!(house.refused, Some(VerbRefused::Busy), "she talks: {strategy:?}");
        house.play(&[
            (9, Do::Comes(2), &["offer 8 to 2"]),
            (10, Do::Ends(2, OfferEnding::Failed), &[]),
            (11, Do::HangUp(1, 7), &[]),
            (12, Do::NotReady(2), &[]),
            (20, Do::Wait, &[]),
            (21, Do::Wait, &["offer 8 to 1"]),
        ]);
    }
}

#[test]
fn who_is_in_it_cannot_pick_it_and_what_is_for_him_by_name_waits() {
    let mut house = ana_holds(Strategy::LongestIdle);
    house.act(Do::Pick(1, 7));
    assert_eq!(house.refused, Some(VerbRefused::InContact));
    house.play(&[
        (5, Do::CallerLeaves(8), &["8 CallerLeft"]),
        (6, Do::InsideAgent(9, 7, 1), &[]),
        (7, Do::HangUp(1, 7), &["offer 9 to 1"]),
    ]);
}

/// Item 9 is for her by name, ten seconds before the end of the wrap-up of its contact: what she does, when that ends in a
/// rejection, and until when she wraps up.
#[test]
fn an_offer_that_comes_to_nothing_gives_the_wrap_up_back() {
    let cases: &[(&[Do], i64, i64)] = &[
        (&[], 12, 17),
        (&[], 19, 19),
        (&[Do::Extend(1, 20)], 12, 37),
        (&[Do::WrapUp(1, 30)], 12, 38),
        (&[Do::QuitWrapUp(1)], 12, 12),
        (&[Do::Ready(1)], 12, 12),
    ];
    for (acts, rejected, until) in cases {
        let mut house = ana_holds(Strategy::LongestIdle);
        house.play(&[
            (5, Do::CallerLeaves(8), &["8 CallerLeft"]),
            (7, Do::HangUp(1, 7), &[]),
            (7, Do::InsideAgent(9, 7, 1), &["offer 9 to 1"]),
        ]);
        house.go_to(seconds(8));
        for act in *acts {
            house.act(*act);
            assert_eq!(house.refused, None, "{act:?}");
        }
        house.go_to(seconds(*rejected));
        house.act(Do::Ends(1, OfferEnding::Rejected));
        let shown = if until > rejected { Display::WrapUp } else { Display::Ready };
        assert_eq!(house.shown(1), shown, "{acts:?} {rejected}");
        house.go_to(seconds(*until));
        assert_eq!(house.shown(1), Display::Ready, "{acts:?} {rejected}");
        assert!(house.acd.is_at_rest());
    }
}
