//! What a phone asks for by REFER: its call goes to somebody else (a transfer), or to whom it talks with in another call
//! (a merge of the two). Owns which subscription hears of which transfer. Leaves parsing to the endpoint, and what a
//! transfer is to the contact. In: `sip::words::Refer`, ends of transfers. Out: acts on contacts, `Act::ReferProgress`.

use super::Tenant;
use super::commands::Refusal;
use crate::base::{ContactId, LegId, Now, NumberNo, Supplies, TrunkNo};
use crate::call::words::{Act, Attempt, Dial, Refused, Replacement, Transfer};
use crate::event::words::{By, EndCause, PartyRef, TransferEnding, TransferMode};
use crate::sip::words::{Act as Sip, Incoming, Refer, ReferNo};
use crate::site::{Destination, Origin, ResolveError, resolve};
use crate::switch::Code;
use crate::switch::code::sip_status;

/// The final status of a reference that waits for no transfer.
struct Told(u16);

impl Told {
    fn of(cause: EndCause) -> Self {
        Self(sip_status(cause))
    }
}

impl Tenant {
    /// A REFER that was answered with 202. The phone stays with its far end until somebody answers: it reads how it went
    /// and is released, or has its call back. One that says BYE before is not waited for (RFC 5589 §6).
    pub(super) fn referred(&mut self, refer: Refer, now: Now, supplies: &mut Supplies) {
        let Refer { leg, refer: no, to, replaces, referred_by } = refer;
        let result = match replaces {
            Some(other) => self.refer_attended(leg, other, now, supplies),
            None => self.refer_blind((leg, no), (&to, referred_by), now, supplies),
        };
        match result {
            Ok(transferor) => drop(self.refers.insert(transferor, no)),
            Err(Told(status)) => self.refer_progress(no, status, now, supplies),
        }
    }

    fn refer_progress(&mut self, refer: ReferNo, status: u16, now: Now, supplies: &mut Supplies) {
        self.sip.act(Sip::ReferProgress { refer, status }, now, supplies);
    }

    /// A transfer with the permissions of the phone that asks; the target sees whom it will talk to.
    fn refer_blind(
        &mut self,
        (leg, refer): (LegId, ReferNo),
        (to, referred_by): (&str, Option<String>),
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<LegId, Told> {
        let (contact, party) = self.contacts.place_of(leg).ok_or(Told(481))?;
        let extension = match party {
            PartyRef::Extension(extension) => extension,
            PartyRef::Trunk(trunk) => return self.refer_of_trunk((contact, leg, refer), (trunk, to), now, supplies),
        };
        if let Ok(Destination::Number { no }) = resolve(&self.site, &Origin::Extension(extension), to) {
            return self.refer_to_flow((contact, leg, refer), no, now, supplies);
        }
        let from = self.contacts.other_party(contact, leg).unwrap_or_default();
        let mut ways = self.attempts_to(to, Origin::Extension(extension), &from, now).map_err(Told::of)?;
        // who works here is no business of a carrier's
        for way in ways.iter_mut().filter(|way| Self::is_phone(way.party)) {
            way.referred_by.clone_from(&referred_by);
        }
        let attempts = Attempt::by_phones(ways);
        let dial = Dial { attempts, queue: None, ring: super::dialling::RING_DEFAULT, customer: false, by: By::PARTY };
        let transfer = Transfer { transferor: leg, mode: TransferMode::OnAnswer, dial };
        let act = Act::Transfer(Box::new(transfer));
        self.contacts.may(contact, &act).map_err(refused)?;
        self.contacts.act(contact, act, now, supplies);
        Ok(leg)
    }

    /// A far end behind a trunk that may refer reaches what its calls reach: our numbers, and nothing outside.
    fn refer_of_trunk(
        &mut self,
        (contact, leg, refer): (ContactId, LegId, ReferNo),
        (trunk, to): (TrunkNo, &str),
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<LegId, Told> {
        match resolve(&self.site, &Origin::Trunk(trunk), to) {
            Ok(Destination::Number { no }) => self.refer_to_flow((contact, leg, refer), no, now, supplies),
            Ok(Destination::Extension { .. } | Destination::Trunks { .. } | Destination::Emergency { .. }) => {
                Err(Told::of(EndCause::Forbidden))
            }
            Err(ResolveError::NotFound) => Err(Told::of(EndCause::NotFound)),
            Err(ResolveError::Forbidden) => Err(Told::of(EndCause::Forbidden)),
        }
    }

    /// A number of ours is answered by its flow, at once.
    fn refer_to_flow(
        &mut self,
        (contact, leg, refer): (ContactId, LegId, ReferNo),
        number: NumberNo,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<LegId, Told> {
        let flow = self.site.numbers.get(&number).map(|n| n.flow.clone()).unwrap_or_default();
        if !self.flows.contains_key(&flow) || !self.site.flows.contains_key(&flow) {
            return Err(Told::of(EndCause::NotFound));
        }
        self.contacts.may(contact, &Act::StepOut { transferor: leg, by: By::PARTY }).map_err(refused)?;
        self.refer_progress(refer, 200, now, supplies);
        self.transfer_to_flow(contact, leg, &flow, By::PARTY, now, supplies);
        Err(Told(200))
    }

    /// The phone gives whom it talks with here to whom it talks with, or rings, there. Both are dialogs of its own.
    fn refer_attended(&mut self, leg: LegId, other: LegId, now: Now, supplies: &mut Supplies) -> Result<LegId, Told> {
        let (here, there) =
            (self.contacts.place_of(leg).ok_or(Told(481))?, self.contacts.place_of(other).ok_or(Told(481))?);
        if here.1 != there.1 {
            return Err(Told::of(EndCause::Forbidden));
        }
        if self.would_talk_twice((leg, other)).is_some() {
            return Err(Told::of(EndCause::Busy));
        }
        self.contacts.merge((leg, other), By::PARTY, now, supplies).map_err(refused)
    }

    /// An INVITE takes the place of a leg of its own party. No new contact, whatever becomes of it.
    pub(super) fn take_place(&mut self, old: LegId, incoming: Incoming, now: Now, supplies: &mut Supplies) {
        let leg = incoming.leg;
        let media_ip = self.sip.media_ip(incoming.interface, incoming.remote.ip());
        let codecs = self.codecs_of(incoming.party);
        if !self.contacts.replace(old, Replacement { incoming, media_ip, codecs }, now, supplies) {
            self.sip.act(Sip::End { leg, status: 481, cause: EndCause::NotFound }, now, supplies);
        }
    }

    /// The two legs that one party has in both contacts, by a command: all its far ends talk to each other, and to it if
    /// it `stays`.
    pub(super) fn merge(
        &mut self,
        (contact, with, stays): (ContactId, ContactId, bool),
        by: By,
        now: Now,
        supplies: &mut Supplies,
    ) -> Result<(), Refusal> {
        let (here, there) = (self.contacts.legs_of(contact), self.contacts.legs_of(with));
        if there.is_empty() || with == contact {
            return Err((Code::UnknownContact, with.to_string()));
        }
        let pairs = here
            .iter()
            .flat_map(|a| there.iter().map(move |b| (a, b)))
            .filter(|(a, b)| a.party == b.party && Self::is_phone(a.party));
        let (mut fits, mut why) = (Vec::new(), Refused::NotTransferor);
        for (a, b) in pairs.map(|(a, b)| (a.leg, b.leg)) {
            let may = if stays { self.contacts.may_stay(a, b) } else { self.contacts.may_merge(a, b) };
            match may {
                Ok(()) => fits.push((a, b)),
                Err(refused) => why = refused,
            }
        }
        let code = |refused| (super::verbs::code_of(refused), with.to_string());
        match fits[..] {
            [legs] => {
                if let Some(other) = self.would_talk_twice(legs) {
                    return Err((Code::AgentBusy, other.to_string()));
                }
                if stays {
                    return self.contacts.merge_and_stay(legs, by, now, supplies).map_err(code);
                }
                self.contacts.merge(legs, by, now, supplies).map(|_| ()).map_err(code)
            }
            [] => Err(code(why)),
            [_, _, ..] => Err((Code::LegNotNamed, with.to_string())),
        }
    }

    /// Where somebody else talks whom the merger of these two legs' contacts would bring into a talk.
    fn would_talk_twice(&self, (one, other): (LegId, LegId)) -> Option<ContactId> {
        let contacts = [one, other].map(|leg| self.contacts.place_of(leg).map(|(contact, _)| contact));
        let stays = |leg: &crate::switch::LegState| leg.leg != one && leg.leg != other;
        contacts.iter().flatten().find_map(|contact| {
            let legs = self.contacts.legs_of(*contact).into_iter().filter(stays);
            let mut agents = legs.filter_map(|leg| leg.agent.or(self.agent_at(leg.party)));
            agents.find_map(|agent| self.acd.talks_elsewhere(agent, *contact).filter(|c| !contacts.contains(&Some(*c))))
        })
    }

    pub(super) fn refer_rings(&mut self, transferor: LegId, now: Now, supplies: &mut Supplies) {
        if let Some(&refer) = self.refers.get(&transferor) {
            self.refer_progress(refer, 180, now, supplies);
        }
    }

    pub(super) fn refer_ended(
        &mut self,
        transferor: LegId,
        ending: TransferEnding,
        cause: Option<EndCause>,
        now: Now,
        supplies: &mut Supplies,
    ) {
        let Some(refer) = self.refers.remove(&transferor) else { return };
        let status = match ending {
            TransferEnding::Completed | TransferEnding::Joined | TransferEnding::CameBack => 200,
            TransferEnding::Cancelled | TransferEnding::CustomerLeft => 487,
            TransferEnding::Failed => cause.map_or(480, sip_status).max(400),
        };
        self.refer_progress(refer, status, now, supplies);
    }
}

/// A final status for what does not fit the call as it is.
fn refused(why: Refused) -> Told {
    Told(match why {
        Refused::UnknownContact | Refused::UnknownLeg | Refused::UnknownCall => 481,
        Refused::TransferRuns | Refused::Full | Refused::NoSeat | Refused::InConference | Refused::NotWithFlow => 486,
        Refused::NotTransferor | Refused::NotSupervisor => 403,
        Refused::NotTalking
        | Refused::NotRinging
        | Refused::AlreadyDone
        | Refused::NothingToEnd
        | Refused::TransferNotThere
        | Refused::BadDigits
        | Refused::KeysAreTones
        | Refused::TooLong
        | Refused::NobodyToWhisperTo
        | Refused::NobodyToReplace
        | Refused::RecordingOver => 488,
    })
}
