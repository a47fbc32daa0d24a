//! What an agent says of his offer in a client: that it is shown, that he takes it, that he does not.
//! Owns which of these fits which offer. Leaves the ringing that follows to whoever hears `Output::Offer`.

use super::words::{NewItem, Offer, Output, VerbRefused};
use super::{Acd, Owner};
use crate::base::{AgentNo, GroupNo, Now, OfferId, Span, Supplies, Time};
use crate::event::words::{ItemExit, OfferEnding, OfferWay};
use crate::event::{By, Kind};
use crate::switch::OfferVerb;

impl Acd {
    pub(super) fn offer_verb(
        &mut self,
        no: AgentNo,
        offer: OfferId,
        verb: OfferVerb,
        by: &By,
        t: Time,
    ) -> Result<(), VerbRefused> {
        self.seat_of(no)?;
        let ring = self.ring_of(offer);
        let lease = self.offers.get_mut(&offer).filter(|lease| lease.agent == no).ok_or(VerbRefused::OfferOver)?;
        let about = lease.about();
        match verb {
            OfferVerb::Show => {
                if lease.show().map_err(|_| VerbRefused::OfferRings)? {
                    self.journal(about, by, Kind::OfferShown);
                }
            }
            OfferVerb::Accept => {
                if lease.accept(t + ring).map_err(|_| VerbRefused::OfferRings)? {
                    let until = lease.deadline();
                    self.agenda.set(Owner::Offer(offer), until);
                    self.journal(about, by, Kind::OfferAccepted);
                    self.win(offer, by, t);
                    self.ring_station(offer);
                }
            }
            OfferVerb::Reject { reason } => {
                if !lease.rings() {
                    return Err(VerbRefused::OfferAccepted);
                }
                lease.reason = reason;
                self.rescind(offer, OfferEnding::Rejected, by, t);
            }
        }
        Ok(())
    }

    /// What this agent is offered and has not taken yet, as it comes back should it find nobody elsewhere: of its age, and
    /// not to him.
    ///
    /// # Errors
    /// The offer is not his or is over, or he has taken it.
    pub fn offered(&self, no: AgentNo, offer: OfferId) -> Result<NewItem, VerbRefused> {
        self.seat_of(no)?;
        let lease = self.offers.get(&offer).filter(|lease| lease.agent == no).ok_or(VerbRefused::OfferOver)?;
        let item = self.items.get(&lease.item).ok_or(VerbRefused::OfferOver)?;
        if !lease.rings() {
            return Err(VerbRefused::OfferAccepted);
        }
        Ok(item.again(no))
    }

    /// He sends it elsewhere: it leaves its queue, and whoever else is rung for it has lost the race.
    pub fn send_on(&mut self, offer: OfferId, reason: Option<String>, by: &By, now: Now, supplies: &mut Supplies) {
        let Some(lease) = self.offers.get_mut(&offer) else { return };
        lease.reason = reason;
        let id = lease.item;
        self.call_off(offer, OfferEnding::SentOn, by, now.t);
        let offers = self.items.get(&id).map_or_else(Vec::new, |item| item.state.offers().to_vec());
        for other in offers {
            self.call_off(other, OfferEnding::LostRace, by, now.t);
        }
        self.leave(id, ItemExit::Routed, by, now.t);
        self.settle(now.t, supplies);
    }

    /// The agent's own way, or his group's; a leg that is up is not rung.
    pub(super) fn way_of(&self, no: AgentNo, group: Option<GroupNo>) -> OfferWay {
        let his = self.site.agents.get(&no).and_then(|agent| agent.offer);
        let of_group = || group.and_then(|group| self.site.groups.get(&group)).map(|group| group.offer);
        let way = his.or_else(of_group).unwrap_or_default();
        let permanent = self.seat_of(no).is_ok_and(|seat| seat.station.permanent().is_some());
        if permanent && way.is_ring() { OfferWay::Permanent } else { way }
    }

    /// How long a station rings for this offer.
    fn ring_of(&self, offer: OfferId) -> Span {
        let group = self.offers.get(&offer).and_then(|lease| lease.group);
        group.and_then(|group| self.site.groups.get(&group)).map_or(self.site.direct.ring, |group| group.ring)
    }

    pub(super) fn ring_station(&mut self, offer: OfferId) {
        let Some(lease) = self.offers.get(&offer) else { return };
        let Ok(seat) = self.seat_of(lease.agent) else { return };
        let told = Offer {
            offer,
            segment: lease.segment,
            item: lease.item,
            holder: lease.holder,
            agent: lease.agent,
            group: lease.group,
            station: seat.station.clone(),
            until: lease.deadline().unwrap_or(seat.since),
            accepted: lease.accepted,
        };
        self.outputs.push_back(Output::Offer(Box::new(told)));
    }
}
