//! What the tenant asks of a contact.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::contact::{Contact, Context, Waiting};
use super::words::{Act, Tell};
use crate::base::OfferId;
use crate::base::bounds::ATTACHED_DATA_BYTES;
use crate::event::Kind;
use crate::event::words::{By, EndCause, OfferEnding, Side};
use crate::media::words::Clip;

/// Attached data that makes a contact panic: only in tests, to see what that does to the others.
#[cfg(test)]
pub const POISON_KEY: &str = "poison";

impl Contact {
    pub fn act(&mut self, context: &mut Context, act: Act) {
        if let Err(refused) = self.may(&act) {
            tracing::debug!(contact = %self.id, ?refused, "act does not fit");
            return;
        }
        if let Some(by) = act.by() {
            context.by = by.clone();
        }
        match act {
            Act::Answer => {
                self.answer_main(context);
            }
            Act::Play { sounds } => self.play(context, sounds),
            Act::StopPlay => self.stop_prompt(context),
            Act::Wait { groups, music } => {
                self.marks.queued = true;
                if self.answer_main(context) {
                    self.waiting = Some(Waiting { groups });
                    self.room.music_key = music;
                }
            }
            Act::WaitOver => self.waiting = None,
            Act::Ring(ring) => self.ring_agent(context, *ring),
            Act::Unqueued { item, cause } => self.unqueued(context, item, cause),
            Act::Unring { offer, ending } => self.unring(context, offer, ending),
            Act::Dial(dial) => self.dial(context, *dial),
            Act::SetData { data, by } => self.set_data(context, data, by),
            Act::Refuse { cause } => self.refuse(context, cause, Side::System),
            Act::NotConnected { cause } => self.not_connected(context, cause),
            Act::Hold { leg, by } => self.hold(context, leg, by),
            Act::Retrieve { leg, by } => self.retrieve(context, leg, by),
            Act::Mute { leg, from, to, by } => self.mute(context, leg, (from, to), by),
            Act::PickUp { rung, attempt, ring, by: _ } => self.pick_up(context, rung, *attempt, ring),
            Act::SendDigits { leg, digits, by } => self.send_digits(context, leg, digits, by),
            Act::PassDigits { leg, to, on, by } => self.pass_digits(context, leg, to.filter(|_| on), by),
            Act::Announce { to, sounds, by } => self.announce(context, to, sounds, by),
            Act::StopAnnounce { to, by: _ } => self.end_announcement(context, |a| a.to == to, None),
            Act::Invite(invite) => self.invite(context, *invite),
            Act::Transfer(transfer) => self.begin_transfer(context, *transfer),
            Act::StepOut { transferor, by } => self.step_out(context, transferor, by),
            Act::TakeOut { by: _ } => self.take_out(context),
            Act::Lend { transferor, by } => self.lend(context, transferor, by),
            Act::ComeBack { transferor } => self.come_back(context, transferor),
            Act::Consult { transferor: _, verb, by } => self.consult(context, verb, by),
            Act::Record { verb, by } => self.record_verb(context, verb, by),
            Act::StartPlayback { what, start, by } => self.start_playback(context, *what, start, by),
            Act::Playback { verb, by } => self.steer_playback(context, verb, by),
            Act::Supervise(supervise) => self.supervise(context, *supervise),
            Act::ChangeMode { leg, mode, target, by } => self.change_mode(context, leg, (mode, target), by),
            Act::TakeChair { leg, by } => self.hand_chair(context, leg, by),
            Act::Convene { by } => self.convene(context, by),
            Act::LimitConference { change, by } => self.limit_conference(context, change, by),
            Act::ExtendConference { length, by } => self.extend_conference(context, length, by),
            Act::TakeOver { leg, by } => self.take_over(context, leg, by),
            Act::Hangup { leg, cause, side, by: _ } => match leg {
                Some(leg) if self.goes_on_without(leg) => self.release_leg(context, leg, cause, side),
                _ if side == Side::Flow => self.release_by_flow(context, cause),
                _ => self.release_all(context, cause, side),
            },
            Act::Unhold => self.unhold(context),
        }
        self.settle(context);
    }

    /// Whom an agent has just joined hears no prompt; the flow is told that it is over and waits for no end of it.
    fn play(&mut self, context: &mut Context, sounds: Vec<Clip>) {
        if self.main_has_company() {
            return self.tell(context, Tell::PlayEnded { missing: None });
        }
        if self.answer_main(context) {
            self.start_prompt(context, sounds);
        }
    }

    fn take_out(&mut self, context: &mut Context) {
        self.stop_prompt(context);
        self.waiting = None;
        self.drop_connect_dials(context);
        self.release_unwanted(context, EndCause::Rescinded, Side::Command);
    }

    fn unring(&mut self, context: &mut Context, offer: OfferId, ending: OfferEnding) {
        let Some(leg) = self.leg_of_offer(offer) else { return };
        let cause = match ending {
            OfferEnding::RangOut => EndCause::NoAnswer,
            OfferEnding::CallerLeft => EndCause::PeerLeft,
            OfferEnding::LostRace => EndCause::LostRace,
            OfferEnding::Rejected
            | OfferEnding::Failed
            | OfferEnding::Unreachable
            | OfferEnding::Rescinded
            | OfferEnding::SentOn
            | OfferEnding::Connected => EndCause::Rescinded,
        };
        self.release_leg(context, leg, cause, Side::System);
    }

    fn set_data(&mut self, context: &mut Context, data: Map<String, Value>, by: By) {
        #[cfg(test)]
        assert!(!data.contains_key(POISON_KEY), "poisoned by a test");
        let attached = Arc::make_mut(&mut self.data);
        for (key, value) in data {
            if value.is_null() {
                attached.remove(&key);
            } else {
                attached.insert(key, value);
            }
        }
        self.journal(context, Default::default(), by, Kind::ContactData { data: Map::clone(&self.data) });
    }

    /// Whether these values may be attached: their sum stays within the bound.
    pub fn data_fits(&self, more: &Map<String, Value>) -> bool {
        let size = |map: &Map<String, Value>| map.iter().map(|(k, v)| k.len() + v.to_string().len() + 4).sum::<usize>();
        let replaced: Map<String, Value> = self
            .data
            .iter()
            .filter(|(key, _)| !more.contains_key(*key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        size(&replaced) + size(more) <= ATTACHED_DATA_BYTES
    }

    /// The flow is over: a customer whom nothing else holds is released.
    fn unhold(&mut self, context: &mut Context) {
        self.flow_holds = false;
        if !self.main_has_company() && !self.awaits_dial() && self.waiting.is_none() {
            self.release_by_flow(context, EndCause::FlowEnded);
        }
    }
}
