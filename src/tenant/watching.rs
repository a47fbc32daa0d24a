//! Supervisors who go with an agent from call to call.
//! Owns who watches whom, until he or one of them leaves: a fold of `watch_*` events, so a restart and a contact that fails
//! lose none. Leaves the leg between calls to `call::standing`, what he hears in one to `call::supervision`, that nobody
//! else is offered to him to the ACD.
//! In: the command, events about either of them, ends of his leg. Out: acts, `watch_*` events.
//!
//! One rule, applied whenever something of either has changed: his phone is rung if his leg is not up, and his leg is
//! where the agent's is, if it may hear that; at rest it hears silence.

use std::collections::{BTreeMap, BTreeSet};

use super::Tenant;
use super::commands::Refusal;
use super::dialling::RING_DEFAULT;
use super::words::House;
use crate::base::{AgentNo, ContactId, LegId, Now, Span, Supplies, Time};
use crate::call::words::{Act, Attempt, Phones, Stand, Supervise};
use crate::event::words::{
    By, EndCause, Side, Station, SupervisionEnding, SupervisionMode, WatchEnding, Watched, WorkRole,
};
use crate::event::{About, Kind};
use crate::ledger::open::OpenWatch;
use crate::switch::{Code, Snapshot, WatchState, WatchVerb};

/// All of a tenant, by supervisor: one each, so as many as are signed in at most.
#[derive(Debug, Default)]
pub(super) struct Watches {
    by_supervisor: BTreeMap<AgentNo, AgentWatch>,
    /// The agent, and who watches him.
    by_agent: BTreeSet<(AgentNo, AgentNo)>,
    /// Supervisors of whom, or of whose agent, something has changed.
    touched: BTreeSet<AgentNo>,
}

#[derive(Clone, Debug)]
struct AgentWatch {
    agent: AgentNo,
    mode: SupervisionMode,
    ring: Span,
    since: Time,
    by: By,
    /// His phone has answered.
    there: bool,
    /// The contact that he hears.
    within: Option<ContactId>,
}

impl Watches {
    fn insert(&mut self, supervisor: AgentNo, watch: AgentWatch) {
        self.by_agent.insert((watch.agent, supervisor));
        self.by_supervisor.insert(supervisor, watch);
        self.touched.insert(supervisor);
    }

    fn remove(&mut self, supervisor: AgentNo) -> Option<AgentWatch> {
        let watch = self.by_supervisor.remove(&supervisor)?;
        self.by_agent.remove(&(watch.agent, supervisor));
        Some(watch)
    }

    /// An event about this agent stands in the journal.
    pub fn note(&mut self, about: &About) {
        let Some(agent) = about.agent.filter(|_| !self.by_supervisor.is_empty()) else { return };
        self.touch(agent);
    }

    fn touch(&mut self, agent: AgentNo) {
        let watchers = self.by_agent.range((agent, AgentNo(0))..=(agent, AgentNo(u32::MAX))).map(|(_, by)| *by);
        self.touched.extend(watchers);
        if self.by_supervisor.contains_key(&agent) {
            self.touched.insert(agent);
        }
    }

    pub fn touch_all(&mut self) {
        self.touched.extend(self.by_supervisor.keys());
    }

    pub fn take_touched(&mut self) -> Option<AgentNo> {
        self.touched.pop_first()
    }

    pub fn state(&self, supervisor: AgentNo) -> Option<WatchState> {
        let AgentWatch { agent, mode, since, there, .. } = self.by_supervisor.get(&supervisor)?;
        Some(WatchState { agent: *agent, mode: *mode, since: *since, there: *there })
    }

    /// Who watches whom and how, for comparing with a fold of the journal.
    pub fn open(&self) -> impl Iterator<Item = (AgentNo, OpenWatch)> {
        let open = |w: &AgentWatch| OpenWatch { watched: w.agent, mode: w.mode, since: w.since, by: w.by.clone() };
        self.by_supervisor.iter().map(move |(supervisor, watch)| (*supervisor, open(watch)))
    }
}

impl Tenant {
    pub(super) fn watch_verb(
        &mut self,
        (agent, supervisor): (AgentNo, AgentNo),
        verb: WatchVerb,
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<Snapshot, Refusal> {
        match verb {
            WatchVerb::Start { mode, ring } => {
                self.may_watch(supervisor, agent, now)?;
                self.acd
                    .watching(supervisor, true, &by, now, supplies)
                    .map_err(|why| self.not_free(why, supervisor))?;
                let (ring, since) = (ring.unwrap_or(RING_DEFAULT), now.t);
                let watch = AgentWatch { agent, mode, ring, since, by: by.clone(), there: false, within: None };
                self.watches.insert(supervisor, watch);
                self.tell_watch(supervisor, by, Kind::WatchStarted { watched: agent, mode });
            }
            WatchVerb::Mode { mode } => {
                let before = self.his_watch(supervisor, agent)?;
                if before.mode == mode {
                    return Err((Code::AlreadyDone, self.agent_name(supervisor)));
                }
                self.tell_watch(supervisor, by.clone(), Kind::WatchChanged { watched: agent, mode });
                self.watches.by_supervisor.entry(supervisor).and_modify(|watch| watch.mode = mode);
                let leg = before.within.and_then(|within| Some((within, self.leg_watching(within, supervisor)?)));
                if let Some((within, leg)) = leg {
                    self.contacts.act(within, Act::ChangeMode { leg, mode, target: None, by }, now, supplies);
                }
            }
            WatchVerb::Stop => {
                self.his_watch(supervisor, agent)?;
                self.end_watch(supervisor, (WatchEnding::Stopped, None), by, now, supplies);
            }
        }
        self.introduce(now, supplies);
        Ok(Snapshot::Agents(self.agent_state(supervisor).into_iter().collect()))
    }

    /// Refused before any effect: he is to be rung at once, and may hear a call of the agent's groups.
    fn may_watch(&self, supervisor: AgentNo, agent: AgentNo, now: Now) -> Result<(), Refusal> {
        self.house_lets_in()?;
        let name = self.agent_name(supervisor);
        if supervisor == agent {
            return Err((Code::TargetUnfit, format!("{name} himself")));
        }
        if !self.is_signed_in(agent) {
            return Err((Code::NotSignedIn, self.agent_name(agent)));
        }
        self.supervises_one(supervisor, &self.groups_of(agent))?;
        match self.watches.state(supervisor) {
            Some(watch) if watch.agent == agent => return Err((Code::AlreadyDone, name)),
            Some(watch) => {
                let text = format!("{name} goes with {}", self.agent_name(watch.agent));
                return Err((Code::AgentBusy, text));
            }
            None => {}
        }
        // No contact: nobody calls.
        self.way_to_agent(ContactId(0), supervisor, now).map(drop)
    }

    fn his_watch(&self, supervisor: AgentNo, agent: AgentNo) -> Result<AgentWatch, Refusal> {
        let watch = self.watches.by_supervisor.get(&supervisor).filter(|watch| watch.agent == agent);
        watch.cloned().ok_or_else(|| (Code::NotSupervisor, self.agent_name(supervisor)))
    }

    fn is_signed_in(&self, agent: AgentNo) -> bool {
        self.acd.snapshot(agent).is_some_and(|seen| seen.station.is_some())
    }

    fn tell_watch(&mut self, supervisor: AgentNo, by: By, kind: Kind) {
        self.contacts.journal(About { agent: Some(supervisor), ..About::default() }, by, kind);
    }

    /// After everything that was said is carried on: his leg goes where the rule has it.
    pub(super) fn keep_watch(&mut self, supervisor: AgentNo, now: Now, supplies: &mut Supplies) {
        let Some(watch) = self.watches.by_supervisor.get(&supervisor).cloned() else { return };
        if let Some(ending) = self.watch_is_over(supervisor, &watch) {
            return self.end_watch(supervisor, (ending, None), By::SYSTEM, now, supplies);
        }
        let place = self.place_of(&watch);
        match (watch.within, place) {
            (Some(within), Some((contact, _))) if within == contact => {}
            // What his leg's rest leads to brings him to the next.
            (Some(within), _) => self.leave_watched(supervisor, within, now, supplies),
            (None, _) if self.contacts.line(supervisor).is_none() => {
                self.ring_watcher(supervisor, &watch, now, supplies)
            }
            (None, Some(place)) => self.hear_watched(supervisor, &watch, place, now, supplies),
            (None, None) => {}
        }
    }

    fn watch_is_over(&self, supervisor: AgentNo, watch: &AgentWatch) -> Option<WatchEnding> {
        let leaves = self.acd.is_leaving(supervisor);
        if leaves || !self.is_signed_in(supervisor) || !self.is_signed_in(watch.agent) {
            return Some(WatchEnding::SignedOut);
        }
        self.supervises_one(supervisor, &self.groups_of(watch.agent)).is_err().then_some(WatchEnding::OutOfScope)
    }

    /// Where the agent's leg is: in the call he talks in, else where the supervisor is with him already, else where he
    /// rings or holds.
    fn place_of(&self, watch: &AgentWatch) -> Option<(ContactId, LegId)> {
        let works = self.acd.snapshot(watch.agent)?.works;
        let rank = |contact: ContactId, role: WorkRole| match role {
            WorkRole::Talking | WorkRole::Conference | WorkRole::Consulting | WorkRole::Dialing => Some(0),
            WorkRole::Offered | WorkRole::Held if watch.within == Some(contact) => Some(1),
            WorkRole::Offered => Some(2),
            WorkRole::Held => Some(3),
            WorkRole::Monitoring | WorkRole::Reserved | WorkRole::WrapUp => None,
        };
        let ranked = works.iter().filter_map(|work| {
            let contact = work.contact?;
            let legs = self.contacts.legs_of(contact);
            let his = legs.iter().find(|leg| leg.supervision.is_none() && self.is_of(leg, watch.agent))?.leg;
            Some((rank(contact, work.role)?, contact, his))
        });
        ranked.min().map(|(_, contact, leg)| (contact, leg))
    }

    /// Where his phone stays up anyway it is rung by the ACD's rule.
    fn ring_watcher(&mut self, supervisor: AgentNo, watch: &AgentWatch, now: Now, supplies: &mut Supplies) {
        let ends = matches!(self.house, House::Draining | House::Ending);
        if ends || self.contacts.has_line(supervisor) {
            return;
        }
        let Some(Station::Extension(extension)) = self.acd.snapshot(supervisor).and_then(|seen| seen.station) else {
            return;
        };
        // After a restart its phone may have to come back first.
        if !self.sip.is_reachable(extension) {
            return;
        }
        let shown = self.acd.snapshot(watch.agent).and_then(|seen| seen.station);
        let from = shown.map(|station| self.station_number(&station)).unwrap_or_default();
        let auto_answer = self.auto_answers(extension);
        let phones = Phones { auto_answer, ..self.phone_attempt(extension, &from, None, now) };
        let stand = Stand {
            contact: ContactId(supplies.ids.mint(now.t)),
            agent: supervisor,
            attempts: vec![phones],
            confirm: false,
            ring: watch.ring,
            language: self.site.language.clone(),
            limits: self.contact_limits(),
            by: watch.by.clone(),
        };
        self.contacts.stand(stand, now, supplies);
    }

    /// He is in this call from now on, if it is his to hear and he is free for it.
    fn hear_watched(
        &mut self,
        supervisor: AgentNo,
        watch: &AgentWatch,
        (contact, leg): (ContactId, LegId),
        now: Now,
        supplies: &mut Supplies,
    ) {
        let (target, by) = (Watched::Leg(leg), watch.by.clone());
        let there = self.contacts.legs_of(contact).iter().any(|leg| self.is_of(leg, supervisor));
        if there || self.in_scope(contact, supervisor, target).is_err() {
            return;
        }
        let attempt = Attempt::Line { agent: supervisor, caller: None };
        let (mode, ring) = (watch.mode, watch.ring);
        let supervise = Supervise { agent: supervisor, target, mode, attempt, ring, by: by.clone() };
        let act = Act::Supervise(Box::new(supervise));
        if self.contacts.may(contact, &act).is_err() {
            return;
        }
        if let Err(why) = self.acd.monitoring(supervisor, contact, true, &by, now, supplies) {
            return tracing::debug!(%contact, %supervisor, ?why, "he talks elsewhere and does not hear it");
        }
        self.watches.by_supervisor.entry(supervisor).and_modify(|watch| watch.within = Some(contact));
        self.contacts.act(contact, act, now, supplies);
    }

    fn leg_watching(&self, contact: ContactId, supervisor: AgentNo) -> Option<LegId> {
        let legs = self.contacts.legs_of(contact);
        legs.iter().find(|leg| leg.supervision.is_some() && leg.agent == Some(supervisor)).map(|leg| leg.leg)
    }

    /// His part in this call is over as if the agent had left it.
    fn leave_watched(&mut self, supervisor: AgentNo, contact: ContactId, now: Now, supplies: &mut Supplies) {
        match self.leg_watching(contact, supervisor) {
            Some(leg) => {
                let (cause, side, by) = (EndCause::PeerLeft, Side::System, By::SYSTEM);
                self.contacts.act(contact, Act::Hangup { leg: Some(leg), cause, side, by }, now, supplies);
            }
            None => self.watch_at_rest(supervisor),
        }
    }

    fn watch_at_rest(&mut self, supervisor: AgentNo) {
        self.watches.by_supervisor.entry(supervisor).and_modify(|watch| watch.within = None);
        self.watches.touch(supervisor);
    }

    /// What the end of his part in a call means: with the agent's he waits for the next, with his own it is over.
    pub(super) fn watcher_left(
        &mut self,
        supervisor: AgentNo,
        (ending, cause): (SupervisionEnding, EndCause),
        now: Now,
        supplies: &mut Supplies,
    ) {
        match ending {
            SupervisionEnding::TargetLeft | SupervisionEnding::Failed => self.watch_at_rest(supervisor),
            SupervisionEnding::Left => {
                self.end_watch(supervisor, (WatchEnding::Left, Some(cause)), By::PARTY, now, supplies);
            }
            SupervisionEnding::TookOver => {
                self.end_watch(supervisor, (WatchEnding::TookOver, None), By::PARTY, now, supplies);
            }
        }
    }

    /// The leg to his phone is there.
    pub(super) fn watcher_up(&mut self, supervisor: AgentNo) {
        self.watches.by_supervisor.entry(supervisor).and_modify(|watch| watch.there = true);
        self.watches.touch(supervisor);
    }

    /// It is gone, or was never answered. What a failure of ours has cut off is rung again.
    pub(super) fn watcher_down(&mut self, supervisor: AgentNo, cause: EndCause, now: Now, supplies: &mut Supplies) {
        let Some(watch) = self.watches.by_supervisor.get_mut(&supervisor) else { return };
        let was_there = std::mem::take(&mut watch.there);
        watch.within = None;
        let ending = match cause {
            EndCause::InternalError | EndCause::Drained | EndCause::Crash => return self.watches.touch(supervisor),
            _ if was_there => WatchEnding::Left,
            _ => WatchEnding::Failed,
        };
        self.end_watch(supervisor, (ending, Some(cause)), By::PARTY, now, supplies);
    }

    /// The one end. His leg goes where it belongs: to his station's rest, or, rung for this alone, it ends.
    pub(super) fn end_watch(
        &mut self,
        supervisor: AgentNo,
        (ending, cause): (WatchEnding, Option<EndCause>),
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) {
        let Some(watch) = self.watches.remove(supervisor) else { return };
        if let Some(within) = watch.within.filter(|_| ending != WatchEnding::TookOver)
            && let Some(leg) = self.leg_watching(within, supervisor)
        {
            self.hang_up(within, Some(leg), EndCause::Released, by.clone(), now, supplies);
        }
        let station = self.acd.snapshot(supervisor).and_then(|seen| seen.station);
        if station.is_none_or(|station| station.permanent().is_none()) {
            self.contacts.drop_line(supervisor, EndCause::Released, by.clone(), now, supplies);
        }
        if let Err(why) = self.acd.watching(supervisor, false, &by, now, supplies) {
            tracing::debug!(%supervisor, ?why, "signed out meanwhile");
        }
        self.tell_watch(supervisor, by, Kind::WatchEnded { watched: watch.agent, ending, cause });
    }

    /// After the agents: his phone is rung anew, when it is there.
    pub(super) fn restore_watches(&mut self, open: &BTreeMap<AgentNo, OpenWatch>, now: Now, supplies: &mut Supplies) {
        for (supervisor, before) in open {
            let OpenWatch { watched: agent, mode, since, by } = before.clone();
            let watch = AgentWatch { agent, mode, ring: RING_DEFAULT, since, by, there: false, within: None };
            self.watches.insert(*supervisor, watch);
            if self.acd.watching(*supervisor, true, &By::SYSTEM, now, supplies).is_err() {
                self.end_watch(*supervisor, (WatchEnding::SignedOut, None), By::SYSTEM, now, supplies);
            }
        }
    }
}
