//! (13) The state folded from the journal equals the live state.

use cordboard::acd::open::{Open as AcdOpen, OpenAgent, OpenItem, OpenOffer, OpenWork};
use cordboard::base::{ContactId, LegId};
use cordboard::event::words::{LegRole, PartyRef};
use cordboard::ledger::Open;
use cordboard::switch::LegPhase;
use cordboard::tenant::Tenant;

pub fn equals_fold(tenant: &Tenant, open: &Open) {
    let (live, folded) = (tenant.acd().open(), acd_of(open));
    assert_eq!(live.agents, folded.agents, "(13) agents, live and folded");
    assert_eq!(live.rests, folded.rests, "(13) who waits for rest, live and folded");
    assert_eq!(live.items, folded.items, "(13) items, live and folded");
    assert_eq!(live.offers, folded.offers, "(13) offers, live and folded");
    assert_eq!(live_contacts(tenant), folded_contacts(open), "(13) contacts, live and folded");
}

fn acd_of(open: &Open) -> AcdOpen {
    let agents = open.agents.iter().map(|(no, seat)| OpenAgent {
        agent: *no,
        station: seat.station.clone(),
        groups: seat.groups.clone(),
        since: seat.since,
        wish: seat.wish,
        wish_since: seat.wish_since,
        reachable: seat.reachable,
        works: seat
            .aside
            .iter()
            .map(|work| (None, work))
            .chain(seat.works.iter().map(|(contact, work)| (Some(*contact), work)))
            .map(|(contact, work)| OpenWork { contact, role: work.role, since: work.since, until: work.until })
            .collect(),
        chosen: seat.chosen,
        wish_limit: seat.wish_limit,
        wish_until: seat.wish_until,
        overtime: seat.overtime,
        talked: seat.talked,
        calls: seat.calls,
        offered: seat.offered,
        preferences: seat.preferences,
    });
    let mut items = Vec::new();
    let mut offers = Vec::new();
    for (holder, contact) in &open.contacts {
        items.extend(contact.items.iter().map(|(item, state)| OpenItem {
            item: *item,
            holder: *holder,
            call: state.call,
            agent: state.agent,
            group: state.group,
            groups: state.groups.clone(),
            due: state.due,
            priority: state.priority,
            visit: state.visit,
            since: state.entered,
        }));
        offers.extend(contact.offers.iter().map(|(offer, state)| OpenOffer {
            offer: *offer,
            item: state.item.expect("an offer has an item"),
            holder: *holder,
            agent: state.agent.expect("an offer has an agent"),
            group: state.group,
            phase: state.phase,
        }));
    }
    items.sort_unstable_by_key(|item: &OpenItem| item.item);
    offers.sort_unstable_by_key(|offer: &OpenOffer| offer.offer);
    AcdOpen { agents: agents.collect(), items, offers, rests: open.rests.clone() }
}

/// What both know of a contact.
type Contact = (ContactId, String, String, Vec<(LegId, LegRole, PartyRef, bool)>);

fn live_contacts(tenant: &Tenant) -> Vec<Contact> {
    let legs = |calls: &[cordboard::switch::CallState]| {
        let mut legs: Vec<_> = calls
            .iter()
            .flat_map(|call| &call.legs)
            .map(|l| (l.leg, l.role, l.party, l.phase == LegPhase::Answered))
            .collect();
        legs.sort_unstable_by_key(|l| l.0);
        legs
    };
    tenant.contacts().views().map(|c| (c.contact, c.from, c.to, legs(&c.calls))).collect()
}

fn folded_contacts(open: &Open) -> Vec<Contact> {
    open.contacts
        .iter()
        .map(|(id, c)| {
            let legs = c.legs.iter().map(|(leg, l)| (*leg, l.role, l.party, l.answered.is_some())).collect();
            (*id, c.from.clone(), c.to.clone(), legs)
        })
        .collect()
}
