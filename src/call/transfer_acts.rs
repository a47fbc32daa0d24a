//! What a contact does for its transfer: begins it, carries out the machine's steps, and tells it who left.

use super::contact::{Contact, Context};
use super::dial::Purpose;
use super::end::LegEnd;
use super::leg::Leg;
use super::transfer::{Event, Phase, Step, Transfer};
use super::words::{self, ConsultVerb, Tell};
use crate::base::LegId;
use crate::event::Kind;
use crate::event::words::{By, CallKind, EndCause, Side, TransferEnding, TransferMode};

impl Contact {
    /// The transferor goes to the target, or away; the others stay in the main call.
    pub fn begin_transfer(&mut self, context: &mut Context, transfer: words::Transfer) {
        let words::Transfer { transferor, mode, dial } = transfer;
        let by = dial.by.clone();
        if self.main == Some(transferor) {
            self.pass_main(transferor);
        }
        self.journal_leg(context, transferor, by.clone(), Kind::TransferBegan { mode });
        let side = match mode {
            TransferMode::Blind => None,
            TransferMode::OnAnswer | TransferMode::ComeBack | TransferMode::Consult => {
                Some(self.open_call(context, CallKind::Consult, by.clone()))
            }
        };
        let group = self.leg(transferor).and_then(|l| l.offered).and_then(|o| o.group);
        self.transfer = Some(Box::new(Transfer {
            mode,
            phase: Phase::Ringing,
            transferor,
            transferor_here: true,
            target: None,
            side,
            group,
            by: by.clone(),
        }));
        if let Some(side) = side {
            self.hand(context, transferor, side, &by);
        }
        let call = side.unwrap_or_else(|| self.main_call());
        self.start_dial(context, dial, Purpose::Transfer, call);
        if mode == TransferMode::Blind {
            // Nobody to be rung has ended it already, and the transferor is still there.
            self.transfer_event(context, Event::Complete, None);
        }
    }

    /// The transferor leaves; a group or flow has the other party from here on. The transfer is over as it begins, and
    /// stands until he is gone: nobody makes an end of the talk.
    pub fn step_out(&mut self, context: &mut Context, transferor: LegId, by: By) {
        let mode = TransferMode::Blind;
        if self.main == Some(transferor) {
            self.pass_main(transferor);
        }
        let main = self.main_call();
        self.journal_leg(context, transferor, by.clone(), Kind::TransferBegan { mode });
        self.free_all(context, main, &by);
        self.transfer = Some(Box::new(Transfer {
            mode,
            phase: Phase::Over,
            transferor,
            transferor_here: false,
            target: None,
            side: None,
            group: None,
            by,
        }));
        self.release_leg(context, transferor, EndCause::Released, Side::Command);
        self.transfer_ended(context, TransferEnding::Completed, None, false);
    }

    /// The transferor waits in a call of his own; the other party is alone in the main one, for a flow.
    pub fn lend(&mut self, context: &mut Context, transferor: LegId, by: By) {
        let mode = TransferMode::ComeBack;
        if self.main == Some(transferor) {
            self.pass_main(transferor);
        }
        let main = self.main_call();
        self.journal_leg(context, transferor, by.clone(), Kind::TransferBegan { mode });
        self.free_all(context, main, &by);
        let side = self.open_call(context, CallKind::Consult, by.clone());
        let group = self.leg(transferor).and_then(|l| l.offered).and_then(|o| o.group);
        self.transfer = Some(Box::new(Transfer {
            mode,
            phase: Phase::Away,
            transferor,
            transferor_here: true,
            target: None,
            side: Some(side),
            group,
            by: by.clone(),
        }));
        self.hand(context, transferor, side, &by);
    }

    /// The flow that had the others is over.
    pub fn come_back(&mut self, context: &mut Context, transferor: LegId) {
        if self.transfer.as_ref().is_some_and(|t| t.transferor == transferor && t.is_lending()) {
            self.transfer_event(context, Event::TargetLeft, None);
        }
    }

    pub fn consult(&mut self, context: &mut Context, verb: ConsultVerb, by: By) {
        let Some(transfer) = &mut self.transfer else { return };
        transfer.by = by.clone();
        match verb {
            ConsultVerb::Complete => self.transfer_event(context, Event::Complete, None),
            ConsultVerb::Cancel => self.transfer_event(context, Event::Cancel, None),
            ConsultVerb::Join => self.transfer_event(context, Event::Join, None),
            ConsultVerb::Swap => self.swap(context, &by),
        }
    }

    fn swap(&mut self, context: &mut Context, by: &By) {
        let Some((transferor, side)) = self.transfer.as_ref().map(|t| (t.transferor, t.side)) else { return };
        let main = self.main_call();
        let here = self.leg(transferor).map(|l| l.call);
        if let Some(to) = if here == Some(main) { side } else { Some(main) } {
            self.hand(context, transferor, to, by);
        }
    }

    /// The dial of the transfer is over.
    pub fn target_dialled(&mut self, context: &mut Context, leg: Option<LegId>, result: Result<(), LegEnd>) {
        if let Some(transfer) = &mut self.transfer {
            transfer.target = leg;
        }
        match result {
            Ok(()) => self.transfer_event(context, Event::TargetAnswered, None),
            Err(end) => self.transfer_event(context, Event::TargetFailed, Some(end)),
        }
    }

    /// Whoever asked may want to hear it.
    pub fn target_rings(&self, context: &mut Context, leg: LegId) {
        let transferor = self.transfer.as_ref().map(|t| t.transferor);
        if let Some(transferor) = transferor.filter(|_| self.purpose_of(leg) == Some(Purpose::Transfer)) {
            self.tell(context, Tell::TargetRings { transferor });
        }
    }

    /// What the end of this leg is to the transfer, if anything.
    pub fn leaves_transfer(&self, leg: LegId) -> Option<Event> {
        let transfer = self.transfer.as_ref().filter(|t| !t.is_over())?;
        if transfer.transferor == leg {
            return Some(Event::TransferorLeft);
        }
        if transfer.target == Some(leg) {
            return Some(Event::TargetLeft);
        }
        let other = |l: &Leg| l.id != transfer.transferor && Some(l.id) != transfer.target;
        let others = self.talkers(self.main_call()).any(other);
        (!others).then_some(Event::OthersLeft)
    }

    pub fn transfer_event(&mut self, context: &mut Context, event: Event, end: Option<LegEnd>) {
        let Some(steps) = self.transfer.as_mut().map(|t| t.handle(event)) else { return };
        let ending = steps.iter().find_map(|step| if let Step::End(ending) = step { Some(*ending) } else { None });
        // Told before his leg is released, so that he can read it; the story has it where it ends.
        let told = ending.filter(|_| steps.contains(&Step::ReleaseTransferor));
        if let (Some(ending), Some(transferor)) = (told, self.transfer.as_ref().map(|t| t.transferor)) {
            self.tell(context, Tell::TransferEnded { transferor, ending, cause: told_cause(ending, end) });
        }
        let to_queue = self.awaits_queued_target() && steps.contains(&Step::TargetToOthers);
        for step in steps {
            self.transfer_step(context, step, end, told.is_some());
        }
        // The queue has the others: whom they get from it is no matter of the transfer.
        if to_queue && !self.awaits_queued_target() {
            self.transfer_event(context, Event::TargetAnswered, None);
        }
    }

    /// Who was given away by a transfer to a queue has nobody to talk with any longer.
    pub fn leave_to_queue(&mut self, context: &mut Context) {
        let Some(by) = self.transfer.as_ref().map(|transfer| transfer.by.clone()) else { return };
        if !self.main_has_company() && self.hand_to_queue(context, &by) {
            self.transfer_event(context, Event::TargetAnswered, None);
        }
    }

    fn transfer_step(&mut self, context: &mut Context, step: Step, end: Option<LegEnd>, told: bool) {
        let Some(transfer) = &self.transfer else { return };
        let (transferor, by, main) = (transfer.transferor, transfer.by.clone(), self.main_call());
        let targets = match transfer.target {
            Some(target) => vec![target],
            None => self.rung_for(Purpose::Transfer).to_vec(),
        };
        // Somebody left, or somebody asked.
        let (cause, whose) = end.map_or((EndCause::Released, Side::Command), |e| (EndCause::PeerLeft, e.side));
        match step {
            Step::TargetToOthers => {
                if !self.hand_to_queue(context, &by) {
                    for target in targets {
                        self.redirect_dial(target, main);
                        self.hand(context, target, main, &by);
                    }
                }
                self.retrieve_all(context, main, &by);
            }
            Step::TransferorToOthers => self.hand(context, transferor, main, &by),
            Step::ReleaseTransferor => self.release_leg(context, transferor, cause, whose),
            Step::ReleaseTarget => {
                self.give_up_dials(context, |d| d.purpose == Purpose::Transfer);
                for target in targets {
                    self.release_leg(context, target, cause, whose);
                }
            }
            Step::Strand => {
                let asked = LegEnd { cause: EndCause::Released, side: Side::Command, status: None };
                self.strand(context, end.unwrap_or(asked));
            }
            Step::End(ending) => self.transfer_ended(context, ending, end, told),
        }
    }

    fn transfer_ended(&mut self, context: &mut Context, ending: TransferEnding, end: Option<LegEnd>, told: bool) {
        let Some(transfer) = self.transfer.take() else { return };
        let Transfer { transferor, mode, by, .. } = *transfer;
        let cause = told_cause(ending, end);
        if ending == TransferEnding::Completed {
            let main = self.main_call();
            self.free_all(context, main, &by);
        }
        self.journal_leg(context, transferor, by, Kind::TransferEnded { mode, ending, cause });
        if !told {
            self.tell(context, Tell::TransferEnded { transferor, ending, cause });
        }
        if ending == TransferEnding::Joined {
            let main = self.main_call();
            self.take_chair(context, main, transferor, words::ChairLeaves::PassOn);
        }
    }

    /// The contact itself ends, or its conference: its transfer with it.
    pub fn drop_transfer(&mut self, context: &mut Context, ending: TransferEnding, cause: EndCause) {
        if self.transfer.is_some() {
            let end = LegEnd { cause, side: Side::System, status: None };
            self.transfer_ended(context, ending, Some(end), false);
        }
    }

    /// The others have lost the transferor and do not get the target. The flow goes on, or his group gets them; else the
    /// contact ends as the target did.
    fn strand(&mut self, context: &mut Context, end: LegEnd) {
        let group = self.transfer.as_ref().and_then(|t| t.group);
        if self.main_has_company() || self.waiting.is_some() {
            return;
        }
        if self.flow_holds {
            self.other_left = Some((context.t(), end));
            self.tell(context, Tell::OtherSideLeft);
        } else if let Some(group) = group {
            self.tell(context, Tell::Stranded { group });
        } else if let Some(main) = self.main {
            self.mark_ending(end);
            self.release_leg(context, main, end.cause, end.side);
        }
    }
}

/// Why it did not come about, where somebody's end is the reason.
fn told_cause(ending: TransferEnding, end: Option<LegEnd>) -> Option<EndCause> {
    match ending {
        TransferEnding::Failed | TransferEnding::CameBack | TransferEnding::CustomerLeft => end.map(|e| e.cause),
        TransferEnding::Completed | TransferEnding::Joined | TransferEnding::Cancelled => None,
    }
}
