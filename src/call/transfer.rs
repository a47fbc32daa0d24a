//! The transfer machine: one leg gives its call to somebody who is being dialled, in every order of what can happen.
//! Owns what each step of transferor, target and the others means, as one table. Leaves carrying it out to
//! `transfer_acts`. The others (the customer) never end with the transferor: only `Strand` can leave them alone.
//! In: `Event`. Out: `Step`s, in the order in which they are done.

use crate::base::{CallId, GroupNo, LegId};
use crate::event::words::{By, TransferEnding, TransferMode};
use crate::switch::{TransferPhase, TransferState};

#[derive(Clone, Debug)]
pub(super) struct Transfer {
    pub mode: TransferMode,
    pub phase: Phase,
    /// Who gives the call away, and whether he is still there.
    pub transferor: LegId,
    pub transferor_here: bool,
    /// The leg that was dialled last; none while a flow has the others.
    pub target: Option<LegId>,
    /// The call in which transferor and target meet; none for a blind transfer.
    pub side: Option<CallId>,
    /// The group whose agent the transferor is: it gets the customer when nobody else does.
    pub group: Option<GroupNo>,
    pub by: By,
}

impl Transfer {
    /// What is asked for.
    pub fn state(&self) -> Option<TransferState> {
        let phase = match self.phase {
            Phase::Ringing => TransferPhase::Ringing,
            Phase::Consulting => TransferPhase::Consulting,
            Phase::Away => TransferPhase::Away,
            Phase::Over => return None,
        };
        Some(TransferState { mode: self.mode, phase, leg: self.transferor, target: self.target, call: self.side })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The target is dialled.
    Ringing,
    /// Target and transferor can talk; with `Swap` the transferor goes to and fro.
    Consulting,
    /// The target talks to the others, the transferor waits until it leaves.
    Away,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    TargetAnswered,
    /// Refused, rang out, unreachable, or its last way failed.
    TargetFailed,
    TargetLeft,
    TransferorLeft,
    /// The last of the others left.
    OthersLeft,
    Complete,
    Cancel,
    Join,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The target comes into the call of the others, ringing or not.
    TargetToOthers,
    /// The transferor is with the others again.
    TransferorToOthers,
    ReleaseTransferor,
    ReleaseTarget,
    /// The others are alone now: the flow, the group or the end has them.
    Strand,
    End(TransferEnding),
}

impl Transfer {
    /// A flow has the others, and nobody was dialled.
    pub fn is_lending(&self) -> bool {
        self.phase == Phase::Away && self.target.is_none()
    }

    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Takes one event. What is not in the table is late and changes nothing.
    pub fn handle(&mut self, event: Event) -> Vec<Step> {
        let (phase, steps) = next(self.mode, self.phase, self.transferor_here, event);
        self.phase = phase;
        if event == Event::TransferorLeft || steps.contains(&Step::ReleaseTransferor) {
            self.transferor_here = false;
        }
        steps
    }
}

/// The table.
fn next(mode: TransferMode, phase: Phase, here: bool, event: Event) -> (Phase, Vec<Step>) {
    match phase {
        Phase::Ringing if here => ringing(mode, event),
        Phase::Ringing => ringing_alone(event),
        Phase::Consulting => consulting(event),
        Phase::Away => away(event),
        Phase::Over => (Phase::Over, Vec::new()),
    }
}

fn over(steps: &[Step], ending: TransferEnding) -> (Phase, Vec<Step>) {
    let mut steps = steps.to_vec();
    steps.push(Step::End(ending));
    (Phase::Over, steps)
}

/// The transferor waits with the target for its answer; the others hear music.
fn ringing(mode: TransferMode, event: Event) -> (Phase, Vec<Step>) {
    use Step::{ReleaseTarget, ReleaseTransferor, TargetToOthers, TransferorToOthers};
    match (event, mode) {
        (Event::TargetAnswered, TransferMode::Consult) => (Phase::Consulting, Vec::new()),
        (Event::TargetAnswered, TransferMode::ComeBack) => (Phase::Away, vec![TargetToOthers]),
        (Event::TargetAnswered, TransferMode::OnAnswer | TransferMode::Blind) => {
            over(&[TargetToOthers, ReleaseTransferor], TransferEnding::Completed)
        }
        (Event::TargetFailed | Event::TargetLeft, _) => over(&[TransferorToOthers], TransferEnding::Failed),
        // The others wait for the target, with ring-back.
        (Event::TransferorLeft, _) => (Phase::Ringing, vec![TargetToOthers]),
        (Event::Complete, _) => (Phase::Ringing, vec![TargetToOthers, ReleaseTransferor]),
        (Event::OthersLeft, _) => over(&[ReleaseTarget, ReleaseTransferor], TransferEnding::CustomerLeft),
        (Event::Cancel, _) => over(&[ReleaseTarget, TransferorToOthers], TransferEnding::Cancelled),
        (Event::Join, _) => (Phase::Ringing, Vec::new()),
    }
}

/// The transferor is gone and the target rings in the others' call.
fn ringing_alone(event: Event) -> (Phase, Vec<Step>) {
    match event {
        Event::TargetAnswered => over(&[Step::TargetToOthers], TransferEnding::Completed),
        Event::TargetFailed | Event::TargetLeft => over(&[Step::Strand], TransferEnding::Failed),
        Event::OthersLeft => over(&[Step::ReleaseTarget], TransferEnding::CustomerLeft),
        Event::Cancel => over(&[Step::ReleaseTarget, Step::Strand], TransferEnding::Cancelled),
        Event::TransferorLeft | Event::Complete | Event::Join => (Phase::Ringing, Vec::new()),
    }
}

fn consulting(event: Event) -> (Phase, Vec<Step>) {
    use Step::{ReleaseTarget, ReleaseTransferor, TargetToOthers, TransferorToOthers};
    match event {
        Event::TargetFailed | Event::TargetLeft => over(&[TransferorToOthers], TransferEnding::CameBack),
        Event::TransferorLeft => over(&[TargetToOthers], TransferEnding::Completed),
        Event::Complete => over(&[TargetToOthers, ReleaseTransferor], TransferEnding::Completed),
        // The two talk on, wherever the transferor was just then; the main call is theirs.
        Event::OthersLeft => over(&[TargetToOthers, TransferorToOthers], TransferEnding::CustomerLeft),
        Event::Cancel => over(&[ReleaseTarget, TransferorToOthers], TransferEnding::Cancelled),
        Event::Join => over(&[TargetToOthers, TransferorToOthers], TransferEnding::Joined),
        Event::TargetAnswered => (Phase::Consulting, Vec::new()),
    }
}

fn away(event: Event) -> (Phase, Vec<Step>) {
    use Step::{ReleaseTarget, ReleaseTransferor, TransferorToOthers};
    match event {
        Event::TargetFailed | Event::TargetLeft => over(&[TransferorToOthers], TransferEnding::CameBack),
        Event::TransferorLeft => over(&[], TransferEnding::Completed),
        Event::Complete => over(&[ReleaseTransferor], TransferEnding::Completed),
        Event::OthersLeft => over(&[ReleaseTarget, ReleaseTransferor], TransferEnding::CustomerLeft),
        Event::Cancel => over(&[ReleaseTarget, TransferorToOthers], TransferEnding::Cancelled),
        Event::Join => over(&[TransferorToOthers], TransferEnding::Joined),
        Event::TargetAnswered => (Phase::Away, Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Event::{Cancel, Complete, Join, OthersLeft, TargetAnswered, TargetFailed, TargetLeft, TransferorLeft};

    const MODES: [TransferMode; 4] =
        [TransferMode::Blind, TransferMode::OnAnswer, TransferMode::ComeBack, TransferMode::Consult];
    const EVENTS: [Event; 8] =
        [TargetAnswered, TargetFailed, TargetLeft, TransferorLeft, OthersLeft, Complete, Cancel, Join];

    fn transfer(mode: TransferMode) -> Transfer {
        Transfer {
            mode,
            phase: Phase::Ringing,
            transferor: LegId(2),
            transferor_here: true,
            target: Some(LegId(3)),
            side: Some(CallId(2)),
            group: None,
            by: By::SYSTEM,
        }
    }

    /// Every row: what happens in which order, and what must be told at the end.
    #[test]
    fn each_order_has_its_ending() {
        let rows: [(TransferMode, &[Event], Option<TransferEnding>); 22] = [
            (TransferMode::Blind, &[Complete, TargetAnswered], Some(TransferEnding::Completed)),
            (TransferMode::Blind, &[Complete, TargetFailed], Some(TransferEnding::Failed)),
            (TransferMode::Blind, &[Complete, OthersLeft, TargetAnswered], Some(TransferEnding::CustomerLeft)),
            (TransferMode::Blind, &[Complete, Cancel, TargetFailed], Some(TransferEnding::Cancelled)),
            (TransferMode::Blind, &[TransferorLeft, TargetAnswered], Some(TransferEnding::Completed)),
            (TransferMode::OnAnswer, &[TargetAnswered, TransferorLeft], Some(TransferEnding::Completed)),
            (TransferMode::OnAnswer, &[TransferorLeft, TargetAnswered], Some(TransferEnding::Completed)),
            (TransferMode::OnAnswer, &[TargetFailed, TransferorLeft], Some(TransferEnding::Failed)),
            (TransferMode::OnAnswer, &[TransferorLeft, TargetFailed], Some(TransferEnding::Failed)),
            (TransferMode::OnAnswer, &[OthersLeft, TargetFailed], Some(TransferEnding::CustomerLeft)),
            (TransferMode::OnAnswer, &[Cancel, TargetFailed], Some(TransferEnding::Cancelled)),
            (TransferMode::ComeBack, &[TargetAnswered, TargetLeft], Some(TransferEnding::CameBack)),
            (TransferMode::ComeBack, &[TargetAnswered, TransferorLeft, TargetLeft], Some(TransferEnding::Completed)),
            (TransferMode::ComeBack, &[TargetAnswered, OthersLeft], Some(TransferEnding::CustomerLeft)),
            (TransferMode::ComeBack, &[TargetAnswered, Cancel, TargetLeft], Some(TransferEnding::Cancelled)),
            (TransferMode::Consult, &[TargetAnswered], None),
            (TransferMode::Consult, &[TargetAnswered, Complete, TransferorLeft], Some(TransferEnding::Completed)),
            (TransferMode::Consult, &[TargetAnswered, TransferorLeft, TargetLeft], Some(TransferEnding::Completed)),
            (TransferMode::Consult, &[TargetAnswered, TargetLeft, TransferorLeft], Some(TransferEnding::CameBack)),
            (TransferMode::Consult, &[TargetAnswered, OthersLeft, Complete], Some(TransferEnding::CustomerLeft)),
            (TransferMode::Consult, &[TargetAnswered, Join, TransferorLeft], Some(TransferEnding::Joined)),
            (TransferMode::Consult, &[Join, TargetFailed], Some(TransferEnding::Failed)),
        ];
        for (mode, events, expected) in rows {
            let mut machine = transfer(mode);
            let steps: Vec<Step> = events.iter().flat_map(|event| machine.handle(*event)).collect();
            let endings: Vec<_> = steps.iter().filter(|step| matches!(step, Step::End(_))).collect();
            assert_eq!(endings, expected.map(Step::End).iter().collect::<Vec<_>>(), "{mode:?} {events:?}");
        }
    }

    /// All orders of up to four events in all modes: one ending, nothing after it, nobody released twice, and the
    /// others never alone but by `Strand`.
    #[test]
    fn no_order_leaves_the_customer_alone() {
        for mode in MODES {
            for order in 0..EVENTS.len().pow(4) {
                let events = [0, 1, 2, 3].map(|place| EVENTS[order / EVENTS.len().pow(place) % EVENTS.len()]);
                judge(mode, &events);
            }
        }
    }

    fn judge(mode: TransferMode, events: &[Event]) {
        let mut machine = transfer(mode);
        let (mut ended, mut stranded, mut others_left) = (false, false, false);
        let (mut transferor_with_others, mut target_with_others) = (false, false);
        let (mut transferor, mut target) = (true, true);
        for event in events {
            match event {
                // What the network and the contact can bring only while it is possible.
                TransferorLeft if !std::mem::replace(&mut transferor, false) => continue,
                TargetFailed | TargetLeft if !std::mem::replace(&mut target, false) => continue,
                OthersLeft if std::mem::replace(&mut others_left, true) => continue,
                TargetAnswered if !target => continue,
                _ => {}
            }
            let steps = machine.handle(*event);
            assert!(!ended || steps.is_empty(), "{mode:?} {events:?}: {steps:?} after its end");
            for step in steps {
                match step {
                    Step::TargetToOthers => target_with_others = true,
                    Step::TransferorToOthers => {
                        assert!(transferor, "{mode:?} {events:?}: he is gone");
                        transferor_with_others = true;
                    }
                    Step::ReleaseTransferor => {
                        assert!(std::mem::replace(&mut transferor, false), "{mode:?} {events:?}: released twice");
                    }
                    Step::ReleaseTarget => {
                        assert!(std::mem::replace(&mut target, false), "{mode:?} {events:?}: released twice");
                    }
                    Step::Strand => stranded = true,
                    Step::End(_) => ended = true,
                }
            }
            if ended {
                let company = (transferor_with_others && transferor) || (target_with_others && target);
                assert!(others_left || stranded || company, "{mode:?} {events:?}: the customer is alone");
                return;
            }
            assert!(!target_with_others || target || transferor, "{mode:?} {events:?}: waits for nobody");
        }
    }
}
