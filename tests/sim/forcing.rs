//! What a supervisor forces on agents, and only on those of his groups; and whose doing it is when a change of state ends an
//! offer that rings. bo (`a1`) supervises.

use cordboard::base::{AgentNo, Span};
use cordboard::event::Kind;
use cordboard::event::words::{Actor, Display, OfferEnding, Station};
use cordboard::site::Site;
use cordboard::switch::{AgentVerb, Answer, Body, Code, Command, Force, Who};

use crate::places;
use crate::scenario::place::Shape;
use crate::supervision;
use crate::verbs::{ANA, House, called_at, talk_at};

/// bo supervises `sales` alone, in which ana is not.
fn site_of_sales() -> Site {
    places::site(&Shape { bo_supervises: "sales", ..Shape::SMALL })
}

fn force(supervisor: Option<AgentNo>) -> Option<Force> {
    Some(Force { why: "he is wanted".to_owned(), supervisor })
}

impl House {
    fn orders_body(&mut self, body: Body) -> Option<Code> {
        let reply = self.world.command(Command { id: None, actor: Actor::Integration(1), body });
        let refused = match &self.world.answers[&reply].0 {
            Answer::Accepted { .. } => None,
            Answer::Refused { code, .. } => Some(*code),
        };
        self.wait(Span::millis(500));
        refused
    }

    fn ends_leg(&mut self, leg: Option<Who>, supervisor: &str) -> Option<Code> {
        let supervisor = Some(self.agent_no(supervisor));
        self.orders_body(Body::Hangup { contact: self.contact, who: leg, supervisor })
    }

    /// By whom the last such event was.
    fn by(&self, is_it: impl Fn(&Kind) -> bool) -> Option<Actor> {
        self.world.told.iter().flatten().rfind(|event| is_it(&event.kind)).map(|event| event.by.actor)
    }
}

#[test]
fn his_own_wish_declines_what_rings_and_what_is_forced_takes_it_away() {
    let not_ready = || AgentVerb::NotReady { reason: None };
    let rest = || AgentVerb::Rest { reason: None, length: None };
    let rows = [
        (not_ready(), None, OfferEnding::Rejected),
        (AgentVerb::SignOut, None, OfferEnding::Rejected),
        (rest(), None, OfferEnding::Rejected),
        (AgentVerb::WrapUp { length: Some(Span::seconds(1)) }, None, OfferEnding::Rejected),
        (not_ready(), force(None), OfferEnding::Rescinded),
        (AgentVerb::SignOut, force(None), OfferEnding::Rescinded),
        (rest(), force(None), OfferEnding::Rescinded),
    ];
    for (verb, force, ending) in rows {
        let mut house = called_at(supervision::site());
        assert_eq!(house.world.uas[ANA].live_calls(), 1, "it rings");
        let case = format!("{verb:?} {force:?}");
        let agent = house.agent_no("a0");
        assert_eq!(house.orders_body(Body::Agent { agent, verb, force }), None, "{case}");
        assert_eq!(house.world.uas[ANA].live_calls(), 0, "{case}");
        let endings: Vec<_> = house.record().offers.iter().map(|offer| offer.ending).collect();
        assert_eq!(endings, [Some(ending)], "{case}");
        house.wait(Span::seconds(1));
        assert_eq!(house.world.uas[ANA].live_calls(), 0, "{case}: nor is she asked again");
        house.ends();
    }
}

#[test]
fn a_supervisor_forces_agents_of_his_groups_only() {
    let rows = [
        (supervision::site(), Some("a1"), None),
        (supervision::site(), None, None),
        (supervision::site(), Some("a0"), Some(Code::OutOfScope)),
        (site_of_sales(), Some("a1"), Some(Code::OutOfScope)),
    ];
    for (site, supervisor, refused) in rows {
        for verb in [AgentVerb::NotReady { reason: None }, AgentVerb::SignOut] {
            let mut house = called_at(site.clone());
            let supervisor = supervisor.map(|id| house.agent_no(id));
            let (agent, before) = (house.agent_no("a0"), house.shown("a0"));
            let body = Body::Agent { agent, verb, force: force(supervisor) };
            assert_eq!(house.orders_body(body), refused);
            let by = house.by(|kind| matches!(kind, Kind::AgentForced { .. }));
            if refused.is_some() {
                assert_eq!((by, house.shown("a0")), (None, before), "nothing has happened");
            } else {
                let who = supervisor.map_or(Actor::Integration(1), |agent| Actor::Agent { agent, token: 1 });
                assert_eq!(by, Some(who));
                let done = |kind: &Kind| matches!(kind, Kind::AgentSignedOut | Kind::AgentWish { .. });
                assert_eq!(house.by(done), Some(who), "and what it does is his");
            }
            house.ends();
        }
    }
    let mut house = called_at(supervision::site());
    let stranger = force(Some(AgentNo(99)));
    let body = Body::Agent { agent: house.agent_no("a0"), verb: AgentVerb::SignOut, force: stranger };
    assert_eq!(house.orders_body(body), Some(Code::UnknownAgent));
    house.ends();
}

#[test]
fn nobody_else_loses_his_station_to_a_supervisor_of_other_groups() {
    for (site, refused) in [(site_of_sales(), Some(Code::OutOfScope)), (supervision::site(), None)] {
        let mut house = called_at(site);
        let extension = house.world.site.extensions.values().find(|e| e.number == "1001").expect("ana's").no;
        let station = Some(Station::Extension(extension));
        let (agent, verb) = (house.agent_no("a1"), AgentVerb::SignIn { station, groups: None });
        assert_eq!(house.orders_body(Body::Agent { agent, verb, force: force(Some(agent)) }), refused);
        let left = if refused.is_some() { Display::Ringing } else { Display::SignedOut };
        assert_eq!(house.shown("a0"), Some(left));
        house.ends();
    }
}

#[test]
fn a_supervisor_ends_the_leg_of_an_agent_he_might_watch() {
    let mut house = talk_at(supervision::site());
    let (ana, customer) = (house.ana(), house.named("customer"));
    assert_eq!(house.ends_leg(ana, "a0"), Some(Code::OutOfScope));
    assert_eq!(house.ends_leg(customer, "a1"), Some(Code::OutOfScope), "he watches agents");
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    assert_eq!(house.ends_leg(ana, "a1"), None);
    assert_eq!((house.world.uas[ANA].live_calls(), house.shown("a0")), (0, Some(Display::WrapUp)));
    let bo = Actor::Agent { agent: house.agent_no("a1"), token: 1 };
    assert_eq!(house.by(|kind| matches!(kind, Kind::LegEnded { .. })), Some(bo));
    house.ends();
    let mut house = talk_at(site_of_sales());
    assert_eq!(house.ends_leg(None, "a1"), Some(Code::OutOfScope), "nor the whole contact");
    house.ends();
}
