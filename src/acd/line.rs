//! Permanent stations: one leg to the agent's phone stays up between his calls.
//! Owns when it is rung, so that a phone that does not answer is never rung in a tight loop. Leaves the leg itself to
//! whoever answers an [`Output::RingLine`] with [`Acd::line_up`] or [`Acd::line_down`].
//!
//! The rule: it is rung at sign-in and whenever its agent makes himself ready, at once. When it fails or goes down it
//! rests like every phone that fails (5 s, then twice as long each time, 5 min at most, until he has talked), and is
//! rung again then, or as soon as it registers, if he is still to be ready. A restart counts as a failure.

use super::Acd;
use super::phone::{Phone, PhoneId};
use super::words::Output;
use crate::base::{AgentNo, Now, Supplies, Time};
use crate::event::By;
use crate::event::words::{EndCause, NotReadyReason, OfferEnding, Wish};

/// The leg of a permanent station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    /// It is not there; why, once it is known.
    Down(Option<EndCause>),
    Rings,
    Up,
}

impl Acd {
    /// His phone was picked up, by a person where a key is to prove it.
    pub fn line_up(&mut self, no: AgentNo, now: Now, supplies: &mut Supplies) {
        if self.set_line(no, LineState::Up) {
            self.sync_phone(no);
            self.sync_reach(no, &By::PARTY, now.t);
        }
        self.settle(now.t, supplies);
    }

    /// The leg has ended, or was never answered.
    pub fn line_down(&mut self, no: AgentNo, cause: EndCause, now: Now, supplies: &mut Supplies) {
        if self.set_line(no, LineState::Down(Some(cause))) {
            self.rest(no, now.t, Phone::failed);
            if let Some(offer) = self.ringing_offer(no) {
                self.rescind(offer, OfferEnding::Unreachable, &By::SYSTEM, now.t);
            }
        }
        self.settle(now.t, supplies);
    }

    /// False: he is at no permanent station any more.
    fn set_line(&mut self, no: AgentNo, line: LineState) -> bool {
        match self.phone_of(no).and_then(|phone| phone.line.as_mut()) {
            Some(state) => {
                *state = line;
                true
            }
            None => false,
        }
    }

    /// Rings it unless it is up or rings.
    pub(super) fn ring_line(&mut self, no: AgentNo, by: &By) {
        let Ok(station) = self.seat_of(no).map(|seat| seat.station.clone()) else { return };
        let Some(line) = station.permanent().cloned() else { return };
        let Some(phone) = self.phone_of(no).filter(|p| matches!(p.line, Some(LineState::Down(_)))) else { return };
        phone.line = Some(LineState::Rings);
        phone.end_rest();
        self.sync_phone(no);
        self.outputs.push_back(Output::RingLine { agent: no, line, by: by.clone() });
    }

    /// Its rest is over, or its phone has come back: rung again for who is, or was before a restart, ready.
    pub(super) fn ring_line_again(&mut self, no: AgentNo) {
        let wish = self.seat_of(no).map(|seat| seat.wish);
        if let Ok(Wish::Ready | Wish::NotReady(NotReadyReason::Restart)) = wish {
            self.ring_line(no, &By::SYSTEM);
        }
    }

    /// He returns by himself: what went down while he was not ready is rung, after its rest if that is not over.
    pub(super) fn ring_line_rested(&mut self, no: AgentNo) {
        if self.phone_of(no).is_some_and(|phone| !phone.resting()) {
            self.ring_line_again(no);
        }
    }

    /// A phone that is sat down at: its line is not there yet.
    pub(super) fn begin_line(&mut self, no: AgentNo) {
        let permanent = self.seat_of(no).is_ok_and(|seat| seat.station.permanent().is_some());
        if let Some(phone) = self.phone_of(no) {
            phone.line = permanent.then_some(LineState::Down(None));
        }
    }

    /// Who sat there leaves.
    pub(super) fn drop_line(&mut self, no: AgentNo, phone: PhoneId, by: &By) {
        let line = self.phones.get_mut(&phone).and_then(|phone| phone.line.take());
        if matches!(line, Some(LineState::Up | LineState::Rings)) {
            self.outputs.push_back(Output::DropLine { agent: no, by: by.clone() });
        }
    }

    /// After a restart: the leg of before gets its BYE first.
    pub(super) fn rest_line(&mut self, no: AgentNo, t: Time) {
        if self.phone_of(no).is_some_and(|phone| phone.line.is_some()) {
            self.rest(no, t, Phone::failed);
        }
    }
}
