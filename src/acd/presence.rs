//! Coming and going: who signs in where and with which groups, who takes whose place, who leaves.
//! Owns which of these is refused in which state. Leaves what he wishes and does while he is there to `wishes`.

use super::agent::{Agent, Doing, Seat};
use super::people::cut_short;
use super::phone::{Phone, PhoneId};
use super::words::{Output, VerbRefused};
use super::{Acd, Owner, about_agent};
use crate::base::{AgentNo, GroupNo, ItemId, Time};
use crate::event::words::{ItemExit, Line, NotReadyReason, OfferEnding, Station, Wish};
use crate::event::{By, Kind};
use crate::site::{Destination, Origin, TakeOver, resolve};

impl Acd {
    /// Forced, it ends his own session elsewhere and another agent's at the station, if the site lets it and neither is in
    /// a call.
    pub(super) fn ask_sign_in(
        &mut self,
        no: AgentNo,
        station: Option<Station>,
        groups: Option<Vec<GroupNo>>,
        forced: bool,
        by: &By,
        t: Time,
    ) -> Result<(), VerbRefused> {
        let agent = self.site.agents.get(&no).filter(|a| !a.retiring).ok_or(VerbRefused::Retiring)?;
        let take_over = forced && self.site.take_over == TakeOver::Idle;
        if self.seat_of(no).is_ok() && !take_over {
            return Err(VerbRefused::AlreadySignedIn);
        }
        let station = station.unwrap_or_else(|| agent.station.station());
        self.known_station(&station)?;
        let chosen = self.chosen_groups(no, groups.as_deref())?;
        let other = self.who_sits_at(&station).filter(|other| *other != no);
        if let Some(other) = other.filter(|_| !take_over) {
            return Err(VerbRefused::StationTaken(other));
        }
        if self.is_in_call(no) || other.is_some_and(|other| self.is_in_call(other)) {
            return Err(VerbRefused::Busy);
        }
        for seated in [Some(no), other].into_iter().flatten() {
            if self.seat_of(seated).is_ok() {
                self.stop_ringing(seated, OfferEnding::Rescinded, by, t);
                self.sign_out(seated, by, t);
            }
        }
        let mut seat = Seat::new(station.clone(), chosen, t);
        seat.chosen = groups.is_some();
        let (groups, chosen, wish) = (seat.group_numbers(), seat.chosen, seat.wish);
        self.journal(about_agent(no), by, Kind::AgentSignedIn { station, groups, chosen });
        self.journal(about_agent(no), by, Kind::AgentWish { wish, limit: None, until: None });
        self.take_seat(no, seat, t);
        self.ring_line(no, by);
        Ok(())
    }

    /// The site has this extension, or a way out to this number.
    fn known_station(&self, station: &Station) -> Result<(), VerbRefused> {
        match station {
            Station::Extension(extension) | Station::Permanent(Line::Extension(extension)) => {
                let known = self.site.extensions.get(extension).ok_or(VerbRefused::UnknownStation)?;
                if known.retiring { Err(VerbRefused::Retiring) } else { Ok(()) }
            }
            Station::Outside { number, confirm: _ } | Station::Permanent(Line::Outside { number, confirm: _ }) => {
                match resolve(&self.site, &Origin::Api, number) {
                    Ok(Destination::Trunks { .. }) => Ok(()),
                    Ok(Destination::Number { .. } | Destination::Extension { .. } | Destination::Emergency { .. })
                    | Err(_) => Err(VerbRefused::UnknownStation),
                }
            }
        }
    }

    /// Who sits where this agent is about to sign in: at this station, or at the one the site names.
    pub fn seated_where(&self, no: AgentNo, station: Option<&Station>) -> Option<AgentNo> {
        let his = || self.site.agents.get(&no).map(|agent| agent.station.station());
        let station = station.cloned().or_else(his)?;
        self.who_sits_at(&station).filter(|other| *other != no)
    }

    /// Two agents at one outside number would be rung on one phone.
    fn who_sits_at(&self, station: &Station) -> Option<AgentNo> {
        if let Some(extension) = station.extension() {
            return self.phones.get(&PhoneId::Extension(extension))?.holder;
        }
        let here = |agent: &&Agent| agent.seat().is_some_and(|seat| seat.station.outside() == station.outside());
        self.agents.values().find(here).map(|agent| agent.no)
    }

    /// His groups by the site, or those of them that are named.
    fn chosen_groups(&self, no: AgentNo, named: Option<&[GroupNo]>) -> Result<Vec<(GroupNo, u8)>, VerbRefused> {
        let all = self.site_groups(no);
        let Some(named) = named else { return Ok(all) };
        if let Some(stranger) = named.iter().find(|group| !all.iter().any(|(his, _)| his == *group)) {
            return Err(VerbRefused::NotMember(*stranger));
        }
        Ok(all.into_iter().filter(|(group, _)| named.contains(group)).collect())
    }

    /// Callers whom nobody signed in can take any more leave.
    pub(super) fn choose_groups(
        &mut self,
        no: AgentNo,
        named: Option<Vec<GroupNo>>,
        by: &By,
        t: Time,
    ) -> Result<(), VerbRefused> {
        self.seat_of(no)?;
        let groups = self.chosen_groups(no, named.as_deref())?;
        let before = self.seat_of(no)?.group_numbers();
        self.replace_groups(no, groups, named.is_some(), by, t);
        for group in before {
            self.expel_hopeless(group, t);
        }
        Ok(())
    }

    pub(super) fn replace_groups(&mut self, no: AgentNo, groups: Vec<(GroupNo, u8)>, chosen: bool, by: &By, t: Time) {
        let Some(seat) = self.agents.get_mut(&no).and_then(|a| a.seat_mut()) else {
            return;
        };
        let (before, chose) = (seat.group_numbers(), seat.chosen);
        let old = std::mem::replace(&mut seat.groups, groups.clone());
        seat.chosen = chosen;
        let after = seat.group_numbers();
        self.matcher.part(&old);
        self.matcher.join(&groups);
        if (&before, chose) != (&after, chosen) {
            self.journal(about_agent(no), by, Kind::AgentGroups { groups: after, chosen });
        }
        // Out of the sets he stood in by his old levels; `settle` puts him into the new.
        self.place(no, t);
        self.touched.insert(no);
    }

    /// The agent sits down: his groups count him, his phone is his, and what it is in already is his work.
    pub(super) fn take_seat(&mut self, no: AgentNo, seat: Seat, t: Time) {
        let (id, extension) = (seat.phone(no), seat.station.extension());
        self.matcher.join(&seat.groups);
        let phone = self.phones.entry(id).or_insert_with(|| match id {
            PhoneId::Extension(_) => Phone::default(),
            PhoneId::Outside(_) => Phone::outside(),
        });
        phone.holder = Some(no);
        let claims = phone.claims().to_vec();
        if seat.rests() {
            self.resting.insert(no);
        }
        self.signed_in += 1;
        self.agents.get_mut(&no).expect("asked before").sign_in(seat);
        self.begin_line(no);
        for contact in claims {
            self.begin_dialing(no, contact, t);
        }
        self.begin_wish(no, t);
        self.outputs.extend(extension.map(|extension| Output::Watch { extension, on: true }));
        self.sync_reach(no, &By::SYSTEM, t);
        self.touched.insert(no);
    }

    /// In a call, or about to be: he has picked up.
    fn is_in_call(&self, no: AgentNo) -> bool {
        self.seat_of(no).is_ok_and(|seat| {
            seat.works().iter().any(|w| match w.doing {
                Doing::Call { .. } | Doing::Monitoring => true,
                Doing::Offered(offer) => self.offers.get(&offer).is_some_and(|lease| !lease.rings()),
                Doing::WrapUp { .. } | Doing::Reserved { .. } => false,
            })
        })
    }

    pub(super) fn ask_sign_out(&mut self, no: AgentNo, forced: bool, by: &By, t: Time) -> Result<(), VerbRefused> {
        self.seat_of(no)?;
        if self.is_in_call(no) {
            if !forced {
                return Err(VerbRefused::Busy);
            }
            self.set_wish(no, Wish::SignOut, by, t);
            self.stop_ringing(no, cut_short(forced), by, t);
            self.end_wrap_ups(no, by, t);
            return Ok(());
        }
        self.stop_ringing(no, cut_short(forced), by, t);
        self.sign_out(no, by, t);
        Ok(())
    }

    /// Whoever has nothing but wrap-ups and reservations left is signed out. Callers whom nobody signed in can take any
    /// more leave.
    pub(super) fn sign_out(&mut self, no: AgentNo, by: &By, t: Time) {
        self.unqueue_rest(no, false, by);
        self.end_works(no, by, t, |doing| doing.is_wrap_up() || doing.until().is_some());
        let Some(seat) = self.agents.get_mut(&no).and_then(|a| a.sign_out(t)) else {
            return;
        };
        self.journal(about_agent(no), by, Kind::AgentSignedOut);
        self.drop_line(no, seat.phone(no), by);
        match seat.phone(no) {
            id @ PhoneId::Extension(_) => self.phones.entry(id).or_default().holder = None,
            id @ PhoneId::Outside(_) => {
                self.phones.remove(&id);
                self.agenda.set(Owner::Phone(id), None);
            }
        }
        self.resting.remove(&no);
        self.signed_in -= 1;
        self.matcher.part(&seat.groups);
        let extension = seat.station.extension();
        self.outputs.extend(extension.map(|extension| Output::Watch { extension, on: false }));
        self.touched.insert(no);
        for (group, _) in seat.groups {
            self.expel_hopeless(group, t);
        }
        self.expel_private(no, t);
    }

    /// Callers of a group whom nobody signed in can ever take leave it, unless they wait in another too.
    pub(super) fn expel_hopeless(&mut self, group: GroupNo, t: Time) {
        let mut hopeless = self.matcher.queue(group).map_or_else(Vec::new, |q| q.hopeless());
        let waits_here = |id: &ItemId| self.items.get(id).is_some_and(|item| item.groups().contains(&group));
        hopeless.extend(self.barring.iter().copied().filter(waits_here));
        for item in hopeless {
            // What rings is looked at when nobody is rung any more.
            if !self.items.get(&item).is_some_and(|item| item.is_waiting() && self.is_hopeless(item)) {
                continue;
            }
            self.leave(item, ItemExit::NoAgent, &By::SYSTEM, t);
        }
    }

    /// Somebody who was removed from the site, or is to leave, has finished his work.
    pub(super) fn retire_if_idle(&mut self, no: AgentNo, t: Time) {
        let stays = self.site.agents.get(&no).is_some_and(|a| !a.retiring);
        if let Ok(seat) = self.seat_of(no)
            && seat.works().is_empty()
        {
            if seat.wish == Wish::SignOut {
                let by = seat.asked_by.clone();
                self.sign_out(no, &by, t);
            } else if !stays {
                self.sign_out(no, &By::SYSTEM, t);
            }
        }
        if self.seat_of(no).is_err() && !self.site.agents.contains_key(&no) {
            self.agents.remove(&no);
        }
    }

    /// Who may sit down again after a restart.
    pub(super) fn may_sit(&self, no: AgentNo, station: &Station) -> bool {
        let agent = self.site.agents.get(&no).is_some_and(|a| !a.retiring);
        // A phone that is being removed serves until its agent leaves.
        let phone = self.known_station(station) != Err(VerbRefused::UnknownStation);
        let free = self.who_sits_at(station).is_none();
        agent && phone && free && self.agents.get(&no).is_some_and(|a| a.seat().is_none())
    }

    /// Who was ready before a restart is not, until his phone is proved to be there.
    pub(super) const AFTER_RESTART: Wish = Wish::NotReady(NotReadyReason::Restart);
}
