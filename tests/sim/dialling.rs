//! Calls that a command asks for, and what phones and carriers ask for themselves: who is connected to whom, which number is
//! shown, how an agent goes from one call to the next.

use cordboard::base::{CommandId, ContactId, Span};
use cordboard::event::words::{Actor, Display, OnTimeout, TransferMode};
use cordboard::ledger::ContactRecord;
use cordboard::site::CallingNumber;
use cordboard::switch::{
    Answer, Body, CallTarget, CallVerb, Caller, ChairLeaves, Code, Command, LeadsTo, LookedUpBy, Lookup, Originate,
    Outside, Query, RuleKind, RuleOf, ShownBy, Snapshot, Then, TrunkWay, TwoWay, Who,
};
use serde_json::Map;

use crate::places;
use crate::scenario::place::Shape;
use crate::scenario::ua::call::Phase;
use crate::verbs::{ANA, BO, CAI, CUSTOMER, House, number, talk, talk_at, to};

pub fn order(by: Caller, to: CallTarget) -> TwoWay {
    TwoWay { by, to: Some(to), group: None, from: None, auto_answer: None, ring: None, data: Map::new() }
}

impl House {
    pub fn orders(&mut self, id: &str, body: Body) -> Answer {
        let id = Some(CommandId { token: 1, id: id.to_owned() });
        let reply = self.world.command(Command { id, actor: Actor::Integration(1), body });
        self.wait(Span::millis(500));
        self.world.answers[&reply].0.clone()
    }

    /// The contact that an accepted order has made.
    pub fn ordered(&mut self, id: &str, body: Body) -> ContactId {
        match self.orders(id, body) {
            Answer::Accepted { snapshot: Snapshot::Ordered(contact) } => contact,
            other => panic!("{other:?}"),
        }
    }

    fn looks_up(&mut self, to: &str, by: LookedUpBy) -> Result<LeadsTo, Code> {
        let body = Body::Query(Query::Resolve(Lookup { to: to.to_owned(), by }));
        let reply = self.world.command(Command { id: None, actor: Actor::Integration(1), body });
        match self.world.answers[&reply].0.clone() {
            Answer::Accepted { snapshot: Snapshot::Resolved(resolved) } => Ok(resolved.leads_to),
            Answer::Refused { code, .. } => Err(code),
            other @ Answer::Accepted { .. } => panic!("{other:?}"),
        }
    }

    /// What the carrier would be shown of a call by this agent, or by nobody.
    fn would_show(&mut self, agent: Option<&str>) -> Vec<String> {
        let agent = agent.map(|id| self.agent_no(id));
        match self.looks_up("913800000000", LookedUpBy::Command { agent, group: None }) {
            Ok(LeadsTo::Outside(outside)) => outside.trunks[0].shows.clone(),
            other => panic!("{other:?}"),
        }
    }

    pub fn record_of(&self, contact: ContactId) -> &ContactRecord {
        &self.world.disk.rows.contacts[&(self.world.site.tenant, contact)]
    }

    /// Whom the carrier's newest call is from.
    fn shown_to_carrier(&self) -> String {
        let carrier = &self.world.uas[CUSTOMER];
        let call = carrier.live_call().and_then(|call| carrier.calls.get(&call)).expect("it is rung");
        call.remote.clone()
    }
}

#[test]
fn an_agent_calls_while_she_holds_and_the_two_are_merged() {
    let mut house = talk();
    let ana = Caller::Agent(house.agent_no("a0"));
    let (first, customer) = (house.contact, house.named("customer"));
    let busy = house.orders("busy", Body::TwoWay(order(ana.clone(), number("1900"))));
    assert!(
        matches!(&busy, Answer::Refused { code: Code::AgentBusy, state } if *state == first.to_string()),
        "{busy:?}"
    );
    house.does(CallVerb::Hold { who: customer });
    let second = house.ordered("two", Body::TwoWay(order(ana, number("1900"))));
    assert_eq!(house.shown("a0"), Some(Display::Dialing));
    house.answers(ANA);
    house.answers(CAI);
    assert_eq!(house.shown("a0"), Some(Display::Talking));
    house.hear(&[("customer", "music"), ("ana", "")]);
    house.contact = second;
    house.hear(&[("ana", "cai"), ("cai", "ana")]);
    let cai = house.named("cai");
    house.does(CallVerb::Hold { who: cai });
    assert_eq!(house.shown("a0"), Some(Display::Held));
    // back to the first, and to the second again
    house.contact = first;
    house.does(CallVerb::Retrieve { who: customer });
    house.hear(&[("customer", "ana"), ("ana", "customer")]);
    assert_eq!(house.shown("a0"), Some(Display::Talking));
    house.does(CallVerb::Hold { who: customer });
    house.refuses(CallVerb::Merge { with: ContactId(5), stays: false }, Code::UnknownContact);
    house.refuses(CallVerb::Merge { with: first, stays: false }, Code::UnknownContact);
    house.does(CallVerb::Merge { with: second, stays: false });
    house.hear(&[("customer", "cai"), ("cai", "customer")]);
    assert_eq!(house.world.uas[ANA].live_calls(), 0, "she is out of both");
    assert_eq!(house.shown("a0"), Some(Display::WrapUp));
    house.wait(Span::seconds(1));
    assert_eq!(house.record_of(second).merged.len(), 1, "its record names the other");
    house.ends();
}

#[test]
fn she_calls_for_her_group_and_wraps_up_and_a_stranger_group_is_refused() {
    let mut house = talk();
    let bo = Caller::Agent(house.agent_no("a1"));
    let group = |house: &House, id: &str| house.world.site.group(id).expect("a group").no;
    let sales = group(&house, "sales");
    let ana = Caller::Agent(house.agent_no("a0"));
    let refused = house.orders("no", Body::TwoWay(TwoWay { group: Some(sales), ..order(ana, number("1900")) }));
    assert!(matches!(refused, Answer::Refused { code: Code::NotMember, .. }), "{refused:?}");
    let second = house.ordered("yes", Body::TwoWay(TwoWay { group: Some(sales), ..order(bo, number("1900")) }));
    house.answers(BO);
    house.answers(CAI);
    assert_eq!(house.shown("a1"), Some(Display::Talking));
    house.hangs_up(CAI);
    assert_eq!(house.shown("a1"), Some(Display::WrapUp));
    house.wait(Span::seconds(6));
    assert_eq!(house.shown("a1"), Some(Display::NotReady), "as he was before");
    assert_eq!(house.record_of(second).wrap_ups.len(), 1);
    house.ends();
}

#[test]
fn who_calls_a_group_or_a_flow_waits_there() {
    let mut house = talk();
    let bo = Caller::Agent(house.agent_no("a1"));
    let support = CallTarget::Groups(vec![house.world.site.group("support").expect("a group").no]);
    let first = house.contact;
    house.contact = house.ordered("one", Body::TwoWay(order(bo.clone(), support)));
    house.answers(BO);
    house.hear(&[("bo", "music")]);
    house.hangs_up(BO);
    house.contact = house.ordered(
        "two",
        Body::TwoWay(order(bo, CallTarget::Flow { key: "direct".to_owned(), data: Default::default() })),
    );
    house.answers(BO);
    house.hear(&[("bo", "music")]);
    house.hangs_up(BO);
    house.contact = first;
    house.ends();
}

#[test]
fn calls_show_the_tenants_numbers_and_a_rotation_goes_on_after_a_restart() {
    let mut site = places::site(&Shape::SMALL);
    let (one, two) = ("+864008000001".to_owned(), "+864008000002".to_owned());
    site.calling_number = Some(CallingNumber::Rotate(vec![one.clone(), two.clone()]));
    let regions = vec![("+86138".to_owned(), "+864008000003".to_owned())];
    site.agents.values_mut().find(|a| a.id == "a0").expect("ana").calling_number =
        Some(CallingNumber::ByRegion(regions));
    let mut house = talk_at(site);
    house.hangs_up(CUSTOMER);
    let call = |from: Option<&str>| {
        let (then, from) = (Then::Flow("direct".to_owned()), from.map(str::to_owned));
        Body::Originate(Originate { to: "913800000000".to_owned(), then, from, data: Map::new() })
    };
    let stranger = house.orders("stranger", call(Some("+8613999999999")));
    assert!(matches!(stranger, Answer::Refused { code: Code::NumberNotOwned, .. }), "{stranger:?}");
    for (id, expected) in [("a", &one), ("b", &two), ("c", &one)] {
        // asking twice moves nothing
        assert_eq!(house.would_show(None).first(), Some(expected), "{id}");
        assert_eq!(house.would_show(None).first(), Some(expected), "{id}");
        house.ordered(id, call(None));
        assert!(house.shown_to_carrier().contains(expected.as_str()), "{id}: {}", house.shown_to_carrier());
        house.rejects(CUSTOMER);
    }
    house.world.crash(Span::seconds(1));
    house.wait(Span::seconds(12));
    house.ordered("d", call(None));
    assert!(house.shown_to_carrier().contains(&two), "{}", house.shown_to_carrier());
    house.rejects(CUSTOMER);
    house.ordered("e", call(Some(&one)));
    assert!(house.shown_to_carrier().contains(&one), "{}", house.shown_to_carrier());
    house.rejects(CUSTOMER);
    // an agent's own rule, whether a command or his phone calls
    assert_eq!(house.would_show(Some("a0")), ["+864008000003"]);
    let ana = Caller::Agent(house.agent_no("a0"));
    house.ordered("f", Body::TwoWay(order(ana, number("913800000000"))));
    house.answers(ANA);
    assert!(house.shown_to_carrier().contains("+864008000003"), "{}", house.shown_to_carrier());
    house.hangs_up(ANA);
    house.world.touch(ANA, |ua, t| ua.call("913800000000", "", Default::default(), t));
    house.wait(Span::millis(500));
    assert!(house.shown_to_carrier().contains("+864008000003"), "{}", house.shown_to_carrier());
    house.rejects(CUSTOMER);
    house.world.finish();
}

/// ana's phone asks for something about the call it has with the customer.
fn refers(house: &mut House, ua: usize, target: &str, other: bool) {
    let calls: Vec<_> = house.world.uas[ua].calls.values().filter(|c| c.phase == Phase::Up).map(|c| c.no).collect();
    let (call, other) = if other { (calls[0], Some(calls[1])) } else { (calls[calls.len() - 1], None) };
    house.world.touch(ua, |ua, t| ua.refer(call, target, other, t));
    house.wait(Span::millis(500));
}

#[test]
fn row_31_an_attended_refer_joins_the_calls_that_are_there() {
    let mut house = talk();
    let call = house.world.uas[ANA].live_call().expect("she talks");
    house.world.touch(ANA, |ua, t| ua.carry_out(call, crate::scenario::ua::call::Deed::Hold, t));
    house.wait(Span::millis(500));
    house.world.touch(ANA, |ua, t| ua.call("1900", "", Default::default(), t));
    house.wait(Span::millis(500));
    house.answers(CAI);
    refers(&mut house, ANA, "1900", true);
    house.hear(&[("customer", "cai"), ("cai", "customer")]);
    assert_eq!(house.world.uas[CAI].diaries.len(), 1, "no new INVITE");
    assert_eq!(house.world.uas[ANA].live_calls(), 0);
    house.ends();
}

#[test]
fn a_phone_refers_its_call_to_a_flow_behind_a_number() {
    let mut house = talk();
    refers(&mut house, ANA, "9002", false);
    assert_eq!(house.world.uas[ANA].live_calls(), 0);
    house.hear(&[("customer", "music")]);
    house.ends();
}

#[test]
fn a_trunk_refers_only_where_the_site_lets_it() {
    for lets in [false, true] {
        let mut site = places::site(&Shape::SMALL);
        site.trunks.values_mut().for_each(|trunk| trunk.refer = lets);
        let mut house = talk_at(site);
        let ana = house.ana();
        house.does(to(ana, TransferMode::Blind, number("913800000000")));
        house.answers(CUSTOMER);
        let outside = house.world.uas[CUSTOMER].live_call().expect("the target");
        // outside it may not, to a number of ours it may
        refers(&mut house, CUSTOMER, "+8613811111111", false);
        assert!(house.world.uas[CUSTOMER].calls[&outside].phase == Phase::Up, "{lets}");
        refers(&mut house, CUSTOMER, "+864008000002", false);
        let is_out = house.world.uas[CUSTOMER].calls.get(&outside).is_none_or(|call| call.phase == Phase::Over);
        assert_eq!(is_out, lets);
        if !lets {
            house.hangs_up(CUSTOMER);
        }
        house.hear(&[("customer", "music")]);
        house.ends();
    }
}

/// ana is shown whom to call.
fn previewed(on_timeout: OnTimeout) -> (House, ContactId) {
    let mut house = talk();
    house.hangs_up(CUSTOMER);
    house.wait(Span::seconds(11));
    assert_eq!(house.shown("a0"), Some(Display::Ready));
    let order = order(Caller::Agent(house.agent_no("a0")), number("1900"));
    let contact = house.ordered("p", Body::Preview { order, timeout: Span::seconds(30), on_timeout });
    assert_eq!(house.shown("a0"), Some(Display::Reserved));
    assert_eq!(house.world.uas[ANA].live_calls(), 0, "nobody is rung yet");
    house.contact = contact;
    (house, contact)
}

fn decide(house: &House, contact: ContactId, dial: bool) -> Body {
    Body::Decide { agent: house.agent_no("a0"), contact, dial }
}

/// She answers, cai answers, they talk.
fn talks_to_cai(house: &mut House) {
    house.answers(ANA);
    house.answers(CAI);
    house.hear(&[("ana", "cai"), ("cai", "ana")]);
    assert_eq!(house.shown("a0"), Some(Display::Talking));
    house.hangs_up(ANA);
    assert_eq!(house.shown("a0"), Some(Display::Ready));
}

#[test]
fn a_preview_is_dialled_or_skipped_once() {
    let (mut house, contact) = previewed(OnTimeout::Skip);
    let body = decide(&house, contact, true);
    assert!(matches!(house.orders("d", body.clone()), Answer::Accepted { .. }));
    assert!(matches!(house.orders("e", body), Answer::Refused { code: Code::UnknownContact, .. }));
    talks_to_cai(&mut house);
    house.world.finish();

    let (mut house, contact) = previewed(OnTimeout::Dial);
    let body = decide(&house, contact, false);
    assert!(matches!(house.orders("s", body), Answer::Accepted { .. }));
    assert_eq!((house.shown("a0"), house.world.uas[ANA].live_calls()), (Some(Display::Ready), 0));
    house.wait(Span::seconds(31));
    assert_eq!(house.world.uas[ANA].diaries.len(), 1, "she was rung once, by the caller before");
    house.world.finish();
}

#[test]
fn a_preview_that_nobody_decides_does_what_was_said() {
    for (on_timeout, rung) in [(OnTimeout::Skip, 0), (OnTimeout::Dial, 1)] {
        let (mut house, _) = previewed(on_timeout);
        house.wait(Span::seconds(28));
        assert_eq!(house.shown("a0"), Some(Display::Reserved));
        house.wait(Span::seconds(3));
        assert_eq!(house.world.uas[ANA].live_calls(), rung, "{on_timeout:?}");
        if rung == 1 {
            talks_to_cai(&mut house);
        }
        assert_eq!(house.shown("a0"), Some(Display::Ready));
        house.world.finish();
    }
}

#[test]
fn a_preview_ends_with_its_contact_and_with_the_process() {
    let (mut house, contact) = previewed(OnTimeout::Dial);
    house.orders("h", Body::Hangup { contact, who: None, supervisor: None });
    assert_eq!(house.shown("a0"), Some(Display::Ready));
    let order = order(Caller::Agent(house.agent_no("a0")), number("1900"));
    house.ordered("q", Body::Preview { order, timeout: Span::seconds(30), on_timeout: OnTimeout::Dial });
    house.world.crash(Span::seconds(1));
    house.wait(Span::seconds(5));
    assert_eq!(house.shown("a0"), Some(Display::Ready));
    house.wait(Span::seconds(40));
    assert_eq!(house.world.uas[ANA].live_calls(), 0);
    house.world.finish();
}

#[test]
fn a_number_is_looked_up_as_it_would_be_dialled() {
    let mut site = places::site(&Shape::SMALL);
    let (one, two) = ("+864008000001".to_owned(), "+864008000002".to_owned());
    site.calling_number = Some(CallingNumber::Fixed(one.clone()));
    site.groups.values_mut().find(|g| g.id == "support").expect("support").calling_number =
        Some(CallingNumber::Random(vec![one.clone(), two.clone()]));
    let mut house = talk_at(site);
    let tenant = house.world.site.clone();
    let group = |id: &str| tenant.groups.values().find(|g| g.id == id).expect("a group").no;
    let (support, sales, ana) = (group("support"), group("sales"), house.agent_no("a0"));
    let (phone, main) =
        (|n: &str| tenant.extension(n).expect("one").no, tenant.number("+864008000001").expect("one").no);
    let trunk = *tenant.trunks.keys().next().expect("a carrier");
    let nobody = LookedUpBy::Command { agent: None, group: None };
    let of = |agent, group| LookedUpBy::Command { agent, group };
    let out = |shown_by, shows: &[&String]| {
        let shows = shows.iter().map(|n| (*n).clone()).collect();
        let way = TrunkWay { trunk, dials: "+8613800000000".to_owned(), full: false, shows };
        let number = "+8613800000000".to_owned();
        Ok(LeadsTo::Outside(Outside { number, emergency: false, shown_by, trunks: vec![way] }))
    };
    let rule = |of, kind| ShownBy::Rule { of, kind };
    let extension =
        |number, agent, reachable, busy| Ok(LeadsTo::Extension { extension: phone(number), agent, reachable, busy });
    let emergency = TrunkWay { trunk, dials: "110".to_owned(), full: false, shows: vec!["1001".to_owned()] };
    let rows = [
        ("her phone, while she talks", "1001", nobody, extension("1001", Some(ana), true, false)),
        ("a phone that nobody has switched on", "1901", nobody, extension("1901", None, false, false)),
        (
            "a number, by the trunk's rules",
            "4008000001",
            LookedUpBy::Trunk(trunk),
            Ok(LeadsTo::Number { number: main, flow: "main".to_owned(), groups: vec![support] }),
        ),
        ("which reach nothing else", "1001", LookedUpBy::Trunk(trunk), Err(Code::UnknownNumber)),
        ("nothing", "2000", nobody, Err(Code::UnknownNumber)),
        ("outside", "913800000000", nobody, out(rule(RuleOf::Tenant, RuleKind::Fixed), &[&one])),
        (
            "for a group",
            "913800000000",
            of(None, Some(support)),
            out(rule(RuleOf::Group(support), RuleKind::Random), &[&one, &two]),
        ),
        (
            "for a group without a rule",
            "913800000000",
            of(Some(ana), None),
            out(rule(RuleOf::Tenant, RuleKind::Fixed), &[&one]),
        ),
        ("for a group that is not hers", "913800000000", of(Some(ana), Some(sales)), Err(Code::NotMember)),
        (
            "an emergency shows who calls",
            "110",
            of(Some(ana), None),
            Ok(LeadsTo::Outside(Outside {
                number: "110".to_owned(),
                emergency: true,
                shown_by: ShownBy::Trunk,
                trunks: vec![emergency],
            })),
        ),
    ];
    for (what, to, by, expected) in rows {
        assert_eq!(house.looks_up(to, by), expected, "{what}");
    }
    house.ends();
}

#[test]
fn a_verb_shows_outside_the_number_that_it_names() {
    let (one, two) = ("+864008000001", "+864008000002");
    let mut site = places::site(&Shape::SMALL);
    site.calling_number = Some(CallingNumber::Fixed(one.to_owned()));
    type Row = (&'static str, fn(Option<Who>, CallTarget, Option<String>) -> CallVerb, &'static str);
    fn transfer(who: Option<Who>, mode: TransferMode, to: CallTarget, from: Option<String>) -> CallVerb {
        CallVerb::Transfer { who, mode, to, from, ring: None }
    }
    // what is asked for, and what it shows when it names no number
    let rows: [Row; 4] = [
        ("blind", |who, to, from| transfer(who, TransferMode::Blind, to, from), "+8613900000001"),
        ("on success", |who, to, from| transfer(who, TransferMode::OnAnswer, to, from), "+8613900000001"),
        ("consult", |who, to, from| transfer(who, TransferMode::Consult, to, from), one),
        (
            "invite",
            |who, to, from| CallVerb::Invite { who, to, from, ring: None, chair_leaves: ChairLeaves::PassOn },
            one,
        ),
    ];
    for (what, verb, otherwise) in rows {
        for (from, expected) in [(Some(two), two), (None, otherwise)] {
            let mut house = talk_at(site.clone());
            let ana = house.ana();
            let sales = CallTarget::Groups(vec![house.world.site.group("sales").expect("a group").no]);
            let stranger = Some("+8613999999999".to_owned());
            house.refuses(verb(ana, number("913800000000"), stranger), Code::NumberNotOwned);
            for inside in [number("1900"), number(one), sales] {
                house.refuses(verb(ana, inside, Some(two.to_owned())), Code::TargetUnfit);
            }
            house.refuses(verb(ana, number("2000"), Some(two.to_owned())), Code::UnknownNumber);
            house.does(verb(ana, number("913800000000"), from.map(str::to_owned)));
            assert!(house.shown_to_carrier().contains(expected), "{what}: {}", house.shown_to_carrier());
            house.rejects(CUSTOMER);
            house.ends();
        }
    }
}
