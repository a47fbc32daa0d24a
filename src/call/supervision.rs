//! Supervisors: somebody who is no party of a talk hears it, speaks to his agent or to all, or takes the agent's place.
//! Owns what a supervisor's leg watches and whom he speaks to, both attributes of the leg. Leaves what that sounds like to
//! `hears`. A leg that watches is no company: it holds no call, keeps nobody from being alone, and ends with what it
//! watches. Who watches a leg goes with it into every call, in every mode; who watches a call stays in it.

use super::contact::{Contact, Context};
use super::dial::{Part, Purpose};
use super::end::LegEnd;
use super::leg::Leg;
use super::words::{Caller, Refused, Supervise, Tell};
use crate::base::{AgentNo, CallId, ContactId, GroupNo, LegId};
use crate::event::words::{
    By, Direction, EndCause, LegRole, Side, SupervisionEnding, SupervisionMode as Mode, Watched,
};
use crate::event::{About, Kind};
use crate::switch::LegPhase;

/// What makes a leg a supervisor's.
#[derive(Clone, Debug)]
pub(super) struct Supervision {
    pub agent: AgentNo,
    pub mode: Mode,
    pub target: Watched,
    /// False once he talks in the agent's place: then he is a party like others.
    pub watches: bool,
    /// Who asked for it.
    pub by: By,
}

impl Leg {
    /// It belongs to a supervisor who has not taken over.
    pub fn watches(&self) -> Option<&Supervision> {
        self.supervision.as_deref().filter(|s| s.watches)
    }

    /// Nobody but one agent hears it.
    pub fn whispers(&self) -> bool {
        self.watches().is_some_and(|s| s.mode == Mode::Whisper)
    }
}

impl Contact {
    /// Live legs that are parties, which a supervisor is not.
    pub fn parties(&self) -> impl Iterator<Item = &Leg> {
        self.live_legs().filter(|l| l.watches().is_none())
    }

    pub fn may_supervise(&self, target: Watched, mode: Mode) -> Result<(), Refused> {
        match target {
            Watched::Leg(leg) => {
                let party = self.parties().find(|l| l.id == leg).ok_or(Refused::UnknownLeg)?;
                let to_customer = mode == Mode::Whisper && party.role == LegRole::Customer;
                if to_customer { Err(Refused::NobodyToWhisperTo) } else { Ok(()) }
            }
            Watched::Call(_) if mode == Mode::Whisper => Err(Refused::NobodyToWhisperTo),
            Watched::Call(call) => self.members(call).next().map(|_| ()).ok_or(Refused::UnknownCall),
        }
    }

    /// The supervision that this leg is, once he is there.
    pub fn supervisor(&self, leg: LegId) -> Result<&Supervision, Refused> {
        let leg = self.leg(leg).filter(|l| l.is_live()).ok_or(Refused::UnknownLeg)?;
        let supervision = leg.watches().ok_or(Refused::NotSupervisor)?;
        if leg.is_answered() { Ok(supervision) } else { Err(Refused::NotTalking) }
    }

    pub fn may_take_over(&self, leg: LegId) -> Result<(), Refused> {
        let target = self.supervisor(leg)?.target;
        if self.transfer.is_some() {
            return Err(Refused::TransferRuns);
        }
        // Whom an order dials is nobody's customer before he answers.
        if self.main_leg().is_none_or(|main| !main.is_answered() && main.direction == Direction::Outbound) {
            return Err(Refused::NobodyToReplace);
        }
        let others = || self.talkers(self.main_call()).filter(|l| Some(l.id) != self.main);
        match target {
            Watched::Leg(watched) if Some(watched) == self.main => Err(Refused::NobodyToReplace),
            Watched::Leg(_) => Ok(()),
            // Of several it must be said whose place it is.
            Watched::Call(_) if others().nth(1).is_some() => Err(Refused::NobodyToReplace),
            Watched::Call(_) if others().next().is_some() => Ok(()),
            Watched::Call(_) if self.waiting.is_some() || !self.rung_for(Purpose::Connect).is_empty() => Ok(()),
            Watched::Call(_) => Err(Refused::NobodyToReplace),
        }
    }

    /// His station is rung; he hears the call as soon as he answers.
    pub fn supervise(&mut self, context: &mut Context, supervise: Supervise) {
        let Supervise { agent, target, mode, attempt, ring, by } = supervise;
        let Some(call) = self.call_watched(target) else { return };
        let supervision = Box::new(Supervision { agent, mode, target, watches: true, by: by.clone() });
        let part = Part { supervision: Some(supervision), ..Part::new(call, LegRole::Supervisor, &attempt) };
        match self.ring_out(context, attempt, part, None) {
            Ok(leg) => {
                self.await_supervisor(context, leg, ring, by);
                self.lent_answers(context, leg);
            }
            Err(cause) => {
                let about = About { call: Some(call), agent: Some(agent), ..About::default() };
                let (ending, cause) = (SupervisionEnding::Failed, Some(cause));
                self.journal(context, about, by, Kind::SupervisionEnded { ending, cause });
            }
        }
    }

    fn call_watched(&self, target: Watched) -> Option<CallId> {
        match target {
            Watched::Leg(leg) => self.leg(leg).map(|l| l.call),
            Watched::Call(call) => Some(call),
        }
    }

    pub fn supervisor_answered(&mut self, context: &mut Context, leg: LegId) {
        drop(self.take_dialing(leg));
        let Some(supervision) = self.leg(leg).and_then(Leg::watches).cloned() else { return };
        let Supervision { mode, target, by, .. } = supervision;
        self.journal_leg(context, leg, by, Kind::SupervisionStarted { mode, target });
    }

    pub fn change_mode(&mut self, context: &mut Context, leg: LegId, (mode, target): (Mode, Option<Watched>), by: By) {
        let Some(supervision) = self.leg_mut(leg).and_then(|l| l.supervision.as_mut()) else { return };
        supervision.mode = mode;
        supervision.target = target.unwrap_or(supervision.target);
        let target = supervision.target;
        self.journal_leg(context, leg, by.clone(), Kind::SupervisionChanged { mode, target });
        if let Some(call) = self.call_watched(target) {
            self.hand(context, leg, call, &by);
        }
    }

    /// Those who watch this leg are where it is.
    pub fn follow(&mut self, context: &mut Context, leg: LegId, to: CallId, by: &By) {
        let watches = |l: &&Leg| l.watches().is_some_and(|s| s.target == Watched::Leg(leg));
        let followers: Vec<LegId> = self.live_legs().filter(watches).map(|l| l.id).collect();
        for follower in followers {
            self.hand(context, follower, to, by);
        }
    }

    /// Who watched the old leg goes on with the one that takes its place.
    pub fn watch_instead(&mut self, context: &mut Context, old: LegId, new: LegId, by: &By) {
        let watches = |l: &&mut Leg| l.id != new && l.is_live() && l.watches().is_some();
        let mut told = Vec::new();
        for leg in self.legs.iter_mut().filter(watches) {
            let Some(supervision) = leg.supervision.as_mut().filter(|s| s.target == Watched::Leg(old)) else {
                continue;
            };
            supervision.target = Watched::Leg(new);
            told.push((leg.id, supervision.mode, leg.phase));
        }
        // Who is still rung for it has heard nothing: his beginning says what he watches.
        for (leg, mode, _) in told.into_iter().filter(|(_, _, phase)| *phase == LegPhase::Answered) {
            self.journal_leg(context, leg, by.clone(), Kind::SupervisionChanged { mode, target: Watched::Leg(new) });
        }
    }

    /// The supervisor talks from now on; whoever talked, rang or was waited for in his place does not.
    pub fn take_over(&mut self, context: &mut Context, leg: LegId, by: By) {
        let Some(Supervision { agent, target, .. }) = self.leg(leg).and_then(Leg::watches).cloned() else { return };
        let main = self.main_call();
        let replaced = match target {
            Watched::Leg(watched) => Some(watched),
            Watched::Call(_) => self.talkers(main).find(|l| Some(l.id) != self.main).map(|l| l.id),
        };
        let group = self.group_taken_over(replaced);
        self.hand(context, leg, main, &by);
        let kind = Kind::SupervisionEnded { ending: SupervisionEnding::TookOver, cause: None };
        self.journal_leg(context, leg, by.clone(), kind);
        if let Some(l) = self.leg_mut(leg) {
            (l.role, l.caller) = (LegRole::Agent, Some(Caller { agent, group }));
            if let Some(supervision) = &mut l.supervision {
                supervision.watches = false;
            }
        }
        if !self.answer_main(context) {
            return;
        }
        self.marks.talked = true;
        self.free_all(context, main, &by);
        self.end_what_rings(context, (agent, group), &by);
        let chair = self.calls.iter_mut().filter(|call| call.id == main).find_map(|call| call.chair.as_mut());
        if let Some((chair, _)) = chair.filter(|(chair, _)| Some(*chair) == replaced) {
            *chair = leg;
            self.journal_leg(context, leg, by.clone(), Kind::ChairTaken);
        }
        if let Some(replaced) = replaced {
            self.watch_instead(context, replaced, leg, &by);
            self.release_leg(context, replaced, EndCause::Released, Side::Command);
        }
    }

    /// Whose call it is: of the agent in whose place the supervisor comes, or of the queue the main party waits in.
    fn group_taken_over(&self, replaced: Option<LegId>) -> Option<GroupNo> {
        let his = replaced.and_then(|leg| self.leg(leg)).and_then(|l| l.about().group);
        let rings = || self.live_legs().find_map(|l| l.offered.filter(|o| !o.connected)?.group);
        let waits = || self.waiting.as_ref().and_then(|waiting| waiting.groups.first().copied());
        his.or_else(rings).or_else(waits)
    }

    /// Whoever is rung for the main party has lost the race, which costs an agent nothing.
    fn end_what_rings(&mut self, context: &mut Context, (agent, group): (AgentNo, Option<GroupNo>), by: &By) {
        self.waiting = None;
        self.tell(context, Tell::TakenOver { agent, group, by: by.clone() });
        let offered = |l: &&Leg| l.offered.is_some_and(|o| !o.connected);
        let offered: Vec<LegId> = self.live_legs().filter(offered).map(|l| l.id).collect();
        for leg in offered {
            self.release_leg(context, leg, EndCause::LostRace, Side::Command);
        }
        let rung = self.rung_for(Purpose::Connect).to_vec();
        if let Some(&first) = rung.first() {
            drop(self.take_dialing(first));
            for leg in rung {
                self.release_leg(context, leg, EndCause::LostRace, Side::Command);
            }
            self.tell(context, Tell::DialEnded(Ok(())));
        }
    }

    /// A supervisor's leg is about to end; whose, and how that ends his part.
    pub fn supervision_over(
        &mut self,
        context: &mut Context,
        leg: LegId,
        end: LegEnd,
    ) -> Option<(AgentNo, SupervisionEnding)> {
        let l = self.leg(leg)?;
        let (supervision, phase) = (l.watches()?, l.phase);
        let agent = supervision.agent;
        let (ending, by) = match (phase, end.cause) {
            (LegPhase::Calling | LegPhase::Ringing | LegPhase::Ended, _) => {
                (SupervisionEnding::Failed, supervision.by.clone())
            }
            (
                LegPhase::Answered,
                EndCause::HungUp | EndCause::Released | EndCause::MediaLost | EndCause::SignallingLost,
            ) => (SupervisionEnding::Left, context.by.clone()),
            (LegPhase::Answered, _) => (SupervisionEnding::TargetLeft, context.by.clone()),
        };
        self.journal_leg(context, leg, by, Kind::SupervisionEnded { ending, cause: Some(end.cause) });
        Some((agent, ending))
    }

    /// What he watches is over: so is his leg.
    pub fn end_idle_supervisions(&mut self, context: &mut Context) {
        let idle: Vec<LegId> = self.live_legs().filter(|l| self.watches_nothing(l)).map(|l| l.id).collect();
        for leg in idle {
            self.release_leg(context, leg, EndCause::PeerLeft, Side::System);
        }
    }

    fn watches_nothing(&self, leg: &Leg) -> bool {
        leg.watches().is_some_and(|s| match s.target {
            Watched::Leg(watched) => !self.leg(watched).is_some_and(Leg::is_live),
            Watched::Call(call) => self.members(call).next().is_none(),
        })
    }
}

impl super::Contacts {
    /// The groups that what is watched belongs to: of a leg its offer's, of a call all that its contact is in.
    pub fn groups_watched(&self, id: ContactId, target: Watched) -> Vec<GroupNo> {
        let Some(contact) = self.contacts.get(&id) else { return Vec::new() };
        let is_watched = |leg: &&Leg| match target {
            Watched::Leg(watched) => leg.id == watched,
            Watched::Call(_) => true,
        };
        let offered = contact.parties().filter(is_watched).filter_map(|l| l.offered).filter_map(|o| o.group);
        let waits = contact.waiting.iter().filter(|_| matches!(target, Watched::Call(_))).flat_map(|w| &w.groups);
        offered.chain(waits.copied()).collect()
    }
}
