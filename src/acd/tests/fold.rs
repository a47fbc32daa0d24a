//! A fold of the journal, and the rules of matching said once more in the plainest way, from this fold alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::acd::phone::{Phone, PhoneId};
use crate::acd::{Acd, Open, OpenAgent, OpenItem, OpenOffer, OpenRest, OpenWork};
use crate::base::bounds::{CALLS_PER_AGENT, EXCLUSIONS_PER_ITEM, REFUSED_REST, RING_ALL_MAX};
use crate::base::{AgentNo, ContactId, GroupNo, ItemId, OfferId, Span, Time};
use crate::event::words::{Display, OfferEnding, OfferPhase, Preferences, Wish, WorkRole};
use crate::event::{About, Kind};
use crate::site::{DirectWhen, Strategy};

#[derive(Clone, Debug, Default)]
pub struct Fold {
    agents: BTreeMap<AgentNo, OpenAgent>,
    pub items: BTreeMap<ItemId, OpenItem>,
    pub offers: BTreeMap<OfferId, OpenOffer>,
    rests: Vec<OpenRest>,
    ended: BTreeSet<OfferId>,
    /// Who refused it, and until when he is not asked again.
    excluded: BTreeMap<ItemId, Vec<(AgentNo, Time)>>,
    /// Who sent it on.
    pub not_to: BTreeMap<ItemId, AgentNo>,
    /// Arrival order, for ties of rank.
    order: Vec<ItemId>,
    pub connected: usize,
    /// An agent chose this item himself.
    pub picked: Option<(AgentNo, ItemId)>,
    /// The time of what is being told.
    pub t: Time,
    /// What rings at all agents of a group, until one accepts.
    rounds: BTreeMap<ItemId, GroupNo>,
    /// Who was kept free until then.
    released: BTreeMap<AgentNo, Time>,
    /// What was shown of whom since when, by these events alone.
    pub shown: BTreeMap<AgentNo, (Display, Time)>,
}

impl Fold {
    pub fn open(&self) -> Open {
        Open {
            agents: self.agents.values().cloned().collect(),
            items: self.items.values().cloned().collect(),
            offers: self.offers.values().copied().collect(),
            rests: self.rests.clone(),
        }
    }

    pub fn from_open(open: &Open) -> Self {
        Self {
            agents: open.agents.iter().map(|a| (a.agent, a.clone())).collect(),
            items: open.items.iter().map(|i| (i.item, i.clone())).collect(),
            offers: open.offers.iter().map(|o| (o.offer, *o)).collect(),
            rests: open.rests.clone(),
            ..Self::default()
        }
    }

    pub fn apply(&mut self, t: Time, about: About, kind: &Kind) {
        self.fold(t, about, kind);
        // An item for an agent by name says nothing of what he does.
        let of_an_item = matches!(kind, Kind::ItemEntered { .. } | Kind::ItemPriority { .. } | Kind::ItemLeft { .. });
        let Some(no) = about.agent.filter(|_| !of_an_item) else {
            return;
        };
        let display = self.agents.get(&no).map_or(Display::SignedOut, reference_display);
        let before = self.shown.get(&no).map(|(display, _)| *display);
        if before != Some(display) {
            self.shown.insert(no, (display, t));
        }
    }

    fn fold(&mut self, t: Time, about: About, kind: &Kind) {
        match kind {
            Kind::ItemEntered { due, priority, visit, groups } => {
                let (item, holder, groups) =
                    (about.item.expect("item"), about.contact.expect("contact"), groups.clone());
                let (call, agent, group) = (about.call, about.agent, about.group);
                let (due, priority, visit, since) = (*due, *priority, *visit, t);
                let open = OpenItem { item, holder, call, agent, group, groups, due, priority, visit, since };
                assert!(self.items.insert(item, open).is_none(), "entered twice");
                self.order.push(item);
            }
            Kind::ItemLeft { waited, .. } => {
                let item = self.items.remove(&about.item.expect("item")).expect("leaves once");
                assert_eq!(*waited, t.since(item.since));
                self.excluded.remove(&item.item);
            }
            Kind::ItemPriority { due, priority } => {
                let item = self.items.get_mut(&about.item.expect("item")).expect("of a waiting item");
                (item.due, item.priority, item.call) = (*due, *priority, about.call);
            }
            Kind::OfferMade { .. }
            | Kind::OfferShown
            | Kind::OfferAlerting
            | Kind::OfferConfirming { .. }
            | Kind::OfferAccepted
            | Kind::OfferConnected => {
                self.offer(about, kind);
            }
            Kind::OfferEnded { ending, .. } => self.offer_ended(about, *ending),
            Kind::AgentSignedOut => {
                let agent = self.agents.remove(&about.agent.expect("agent")).expect("signed in");
                assert!(agent.works.is_empty(), "signed out of nothing: {agent:?}");
            }
            _ => self.agent(t, about, kind),
        }
    }

    fn offer(&mut self, about: About, kind: &Kind) {
        let offer = about.offer.expect("offer");
        let phase = match kind {
            Kind::OfferShown => OfferPhase::Shown,
            Kind::OfferAlerting => OfferPhase::Alerting,
            Kind::OfferConfirming { .. } => OfferPhase::Confirming,
            Kind::OfferAccepted => OfferPhase::Accepted,
            Kind::OfferConnected => OfferPhase::Connected,
            _ => {
                let (item, agent) = (about.item.expect("item"), about.agent.expect("agent"));
                let (holder, group) = (about.contact.expect("contact"), about.group);
                let open = OpenOffer { offer, item, holder, agent, group, phase: OfferPhase::Made };
                assert!(self.offers.insert(offer, open).is_none(), "made twice");
                return;
            }
        };
        self.connected += usize::from(phase == OfferPhase::Connected);
        let live = self.offers.get_mut(&offer).expect("steps of a live offer");
        live.phase = phase;
        if matches!(phase, OfferPhase::Accepted | OfferPhase::Connected) {
            self.rounds.remove(&live.item);
        }
    }

    /// Invariant 9: one ending.
    fn offer_ended(&mut self, about: About, ending: OfferEnding) {
        let id = about.offer.expect("offer");
        let offer = self.offers.remove(&id).expect("ends once");
        assert!(self.ended.insert(id), "two endings");
        if !self.offers.values().any(|other| other.item == offer.item) {
            self.rounds.remove(&offer.item);
        }
        assert_eq!(ending == OfferEnding::Connected, offer.phase == OfferPhase::Connected);
        let named = self.items.get(&offer.item).is_some_and(|item| item.agent == Some(offer.agent));
        let excludes = match ending {
            OfferEnding::Rejected | OfferEnding::Rescinded => true,
            OfferEnding::RangOut => named,
            OfferEnding::Connected
            | OfferEnding::CallerLeft
            | OfferEnding::Failed
            | OfferEnding::LostRace
            | OfferEnding::Unreachable
            | OfferEnding::SentOn => false,
        };
        if excludes {
            let excluded = self.excluded.entry(offer.item).or_default();
            excluded.retain(|(agent, until)| *agent != offer.agent && *until > self.t);
            if excluded.len() == EXCLUSIONS_PER_ITEM {
                excluded.remove(0);
            }
            excluded.push((offer.agent, self.t + REFUSED_REST));
        }
    }

    fn agent(&mut self, t: Time, about: About, kind: &Kind) {
        let no = about.agent.expect("agent");
        if let Kind::AgentSignedIn { station, groups, chosen } = kind {
            let agent = OpenAgent {
                agent: no,
                station: station.clone(),
                groups: groups.clone(),
                since: t,
                wish: Wish::Ready, // the next event says
                wish_since: t,
                reachable: false,
                works: vec![],
                chosen: *chosen,
                wish_limit: None,
                wish_until: None,
                overtime: false,
                talked: Span::ZERO,
                calls: 0,
                offered: None,
                preferences: Preferences::default(),
            };
            assert!(self.agents.insert(no, agent).is_none(), "signed in twice");
            return;
        }
        match kind {
            Kind::AgentRestQueued { reason, length } => {
                self.rests.push(OpenRest { agent: no, reason: *reason, length: *length, since: t });
                return;
            }
            Kind::AgentRestUnqueued { .. } => {
                let at = self.rests.iter().position(|rest| rest.agent == no).expect("who waits");
                self.rests.remove(at);
                return;
            }
            Kind::AgentForced { .. } | Kind::AgentNote { .. } | Kind::NumberRotated { .. } => return,
            Kind::PreviewShown { .. } | Kind::PreviewEnded { .. } => return,
            _ => {}
        }
        let agent = self.agents.get_mut(&no).expect("signed in");
        match kind {
            Kind::AgentGroups { groups, chosen } => (agent.groups, agent.chosen) = (groups.clone(), *chosen),
            Kind::AgentWish { wish, limit, until } => {
                (agent.wish, agent.wish_since, agent.overtime) = (*wish, t, false);
                (agent.wish_limit, agent.wish_until) = (*limit, *until);
            }
            Kind::AgentPrefers { preferences } => {
                assert_ne!(agent.preferences, *preferences, "told once");
                agent.preferences = *preferences;
            }
            Kind::AgentOvertime => assert!(!std::mem::replace(&mut agent.overtime, true), "told once"),
            Kind::AgentReachable { reachable, cause: _ } => {
                assert_ne!(agent.reachable, *reachable, "told once");
                agent.reachable = *reachable;
            }
            Kind::AgentWork { role, until } => works(agent, about.contact, *role, *until, t),
            Kind::AgentWorkEnded { role } => {
                let at = agent.works.iter().position(|w| w.contact == about.contact && w.role == *role);
                let work = agent.works.remove(at.expect("ends what he does"));
                talked(agent, Some(work), t);
                if *role == WorkRole::Reserved {
                    self.released.insert(no, t);
                }
            }
            other => panic!("not the acd's: {other:?}"),
        }
    }

    /// May this agent be offered this item? From the journal, the site, and which phones rest.
    pub fn reference_eligible(&self, acd: &Acd, item: &OpenItem, agent: &OpenAgent) -> bool {
        let free = agent.reachable
            && !rests(acd, agent)
            && self.takes_one_more(acd, item, agent)
            && not_in_it(item, agent)
            && self.not_to.get(&item.item) != Some(&agent.agent)
            && !self.rests_from(item, agent);
        if !free {
            return false;
        }
        if let Some(named) = item.agent {
            return named == agent.agent && may_be_called(acd, agent);
        }
        let mut all = item.group.into_iter().chain(item.groups.iter().copied());
        agent.wish == Wish::Ready
            && agent.works.iter().all(|w| w.role == WorkRole::Held && agent.station.permanent().is_none())
            && all.any(|group| serves(acd, item, agent, group))
    }

    fn rests_from(&self, item: &OpenItem, agent: &OpenAgent) -> bool {
        let refused = self.excluded.get(&item.item).map_or(&[][..], Vec::as_slice);
        refused.iter().any(|(no, until)| *no == agent.agent && *until > self.t)
    }

    /// It is offered to nobody, or to others of his group which rings all, who have not accepted.
    fn takes_one_more(&self, acd: &Acd, item: &OpenItem, agent: &OpenAgent) -> bool {
        let live = self.offers.values().filter(|o| o.item == item.item).count();
        let Some(group) = self.rounds.get(&item.item) else { return live == 0 };
        let rings_all = acd.site.groups.get(group).is_some_and(|g| g.strategy == Strategy::RingAll);
        let patient =
            acd.items.get(&item.item).is_none_or(|i| i.deadline(acd.patience(i)).is_none_or(|at| at > self.t));
        live < RING_ALL_MAX && rings_all && patient && serves(acd, item, agent, *group)
    }

    /// Invariant 2.
    pub fn no_pair_waits(&self, acd: &Acd) {
        for item in self.items.values() {
            for agent in self.agents.values() {
                assert!(!self.reference_eligible(acd, item, agent), "{item:?} waits beside {agent:?}");
            }
        }
    }

    /// At the moment of an offer: the agent may take the item, and no earlier caller whom he may take waits.
    pub fn judge_choice(&mut self, acd: &Acd, about: About) {
        let (no, id) = (about.agent.expect("an agent"), about.item.expect("an item"));
        if self.picked == Some((no, id)) {
            return;
        }
        let (agent, item) = (&self.agents[&no], &self.items[&id]);
        assert!(self.reference_eligible(acd, item, agent), "{item:?} is not for {agent:?}");
        // For whom he was kept free until now he is free for nobody else.
        let was_kept = item.agent == Some(no) && self.released.get(&no) == Some(&self.t);
        let rank = |i: &OpenItem| (i.due, self.order.iter().rposition(|o| *o == i.item));
        let before = |other: &&OpenItem| rank(other) < rank(item) && !(was_kept && other.agent.is_none());
        for other in self.items.values().filter(before) {
            assert!(!self.reference_eligible(acd, other, agent), "{other:?} came before {item:?} for {agent:?}");
        }
        let rings_all = |group: &GroupNo| acd.site.groups.get(group).is_some_and(|g| g.strategy == Strategy::RingAll);
        if item.agent.is_none() {
            self.rounds.extend(about.group.filter(rings_all).map(|group| (id, group)));
        }
    }
}

/// He does nothing for its contact; by name he may wrap it up, or be kept free for it.
fn not_in_it(item: &OpenItem, agent: &OpenAgent) -> bool {
    let by_name = item.agent == Some(agent.agent);
    let free = |role| by_name && matches!(role, WorkRole::WrapUp | WorkRole::Reserved);
    agent.works.iter().all(|w| w.contact != Some(item.holder) || free(w.role))
}

fn serves(acd: &Acd, item: &OpenItem, agent: &OpenAgent, group: GroupNo) -> bool {
    let level = acd.site.agents.get(&agent.agent).and_then(|a| a.groups.get(&group)).copied();
    agent.groups.contains(&group)
        && level.is_some_and(|level| level >= acd.items.get(&item.item).map_or(1, |i| i.level))
        && acd.site.groups.get(&group).is_some_and(|g| agent.works.len() < g.calls_per_agent as usize)
}

/// By name: he wants nothing of it, but he must have a hand free.
fn may_be_called(acd: &Acd, agent: &OpenAgent) -> bool {
    let wraps_up = agent.works.iter().any(|w| w.role == WorkRole::WrapUp);
    let held = |w: &OpenWork| w.role == WorkRole::Held && agent.station.permanent().is_none();
    let free = |w: &OpenWork| matches!(w.role, WorkRole::WrapUp | WorkRole::Reserved) || held(w);
    let idle = agent.works.iter().all(free);
    let wishes = match acd.site.direct.when {
        DirectWhen::Reachable => agent.wish != Wish::SignOut,
        DirectWhen::Ready => agent.wish == Wish::Ready && !wraps_up,
    };
    idle && wishes
        && agent.works.len() < CALLS_PER_AGENT
        && acd.site.agents.get(&agent.agent).is_some_and(|a| !a.retiring)
}

/// He does one thing for a contact, and one for none.
fn works(agent: &mut OpenAgent, contact: Option<ContactId>, role: WorkRole, until: Option<Time>, t: Time) {
    let before = agent.works.iter().position(|w| w.contact == contact).map(|at| agent.works.remove(at));
    let same = before.filter(|before| before.role == role);
    if same.is_none() {
        talked(agent, before, t);
        agent.calls += u32::from(role == WorkRole::Talking && before.is_some_and(|b| b.role == WorkRole::Offered));
    }
    if role == WorkRole::Offered {
        agent.offered = Some(t);
    }
    agent.works.push(OpenWork { contact, role, since: same.map_or(t, |same| same.since), until });
    agent.works.sort_by_key(|w| w.contact);
}

fn talked(agent: &mut OpenAgent, work: Option<OpenWork>, t: Time) {
    if let Some(work) = work.filter(|w| w.role == WorkRole::Talking) {
        agent.talked = agent.talked + (t - work.since);
    }
}

/// The table of precedence, from the least to the most important.
fn reference_display(agent: &OpenAgent) -> Display {
    let doing = |role, display| agent.works.iter().any(|w| w.role == role).then_some(display);
    [
        Some(if agent.wish == Wish::Ready { Display::Ready } else { Display::NotReady }),
        (!agent.reachable).then_some(Display::Unreachable),
        doing(WorkRole::WrapUp, Display::WrapUp),
        doing(WorkRole::Reserved, Display::Reserved),
        doing(WorkRole::Held, Display::Held),
        doing(WorkRole::Offered, Display::Ringing),
        doing(WorkRole::Monitoring, Display::Monitoring),
        doing(WorkRole::Dialing, Display::Dialing),
        doing(WorkRole::Consulting, Display::Consulting),
        doing(WorkRole::Conference, Display::Conference),
        doing(WorkRole::Talking, Display::Talking),
    ]
    .into_iter()
    .flatten()
    .last()
    .expect("the first always holds")
}

fn rests(acd: &Acd, agent: &OpenAgent) -> bool {
    let id = match agent.station.extension() {
        Some(extension) => PhoneId::Extension(extension),
        None => PhoneId::Outside(agent.agent),
    };
    acd.phones.get(&id).is_some_and(Phone::resting)
}
