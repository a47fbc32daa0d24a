//! (13) The state folded from the journal equals the live state: agents, items, offers, and of contacts who is in which
//! call, held, muted or watched, who has the chair, what is transferred and recorded.

use cordboard::acd::open::{Open as AcdOpen, OpenAgent, OpenItem, OpenOffer, OpenWork};
use cordboard::base::{CallId, ContactId, LegId, Time};
use cordboard::call::ContactView;
use cordboard::event::words::{CallKind, LegRole, PartyRef, SupervisionMode, TransferMode, Watched};
use cordboard::ledger::Open;
use cordboard::ledger::open::{OpenCall, OpenContact, OpenLeg};
use cordboard::switch::{CallState, LegPhase, LegState, RecordingPhase};
use cordboard::tenant::Tenant;

pub fn equals_fold(tenant: &Tenant, open: &Open) {
    let (live, folded) = (tenant.acd().open(), acd_of(open));
    assert_eq!(live.agents, folded.agents, "(13) agents, live and folded");
    assert_eq!(live.rests, folded.rests, "(13) who waits for rest, live and folded");
    assert_eq!(live.items, folded.items, "(13) items, live and folded");
    assert_eq!(live.offers, folded.offers, "(13) offers, live and folded");
    let at_rest = open.at_rest.iter().map(|(leg, l)| (*leg, (l.agent.expect("whose"), l.answered.is_some())));
    assert_eq!(tenant.contacts().legs_at_rest(), at_rest.collect(), "(13) legs at rest, live and folded");
    let watches: Vec<_> = tenant.watches().collect();
    assert_eq!(watches, open.watches.clone().into_iter().collect::<Vec<_>>(), "(13) who goes with whom");
    let live = live_contacts(tenant);
    let folded = folded_contacts(open, &live);
    assert_eq!(live.len(), folded.len(), "(13) contacts, live and folded");
    for (live, folded) in live.iter().zip(&folded) {
        assert_eq!(live, folded, "(13) a contact, live and folded");
    }
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
#[derive(Debug, PartialEq)]
struct Contact {
    contact: ContactId,
    from: String,
    to: String,
    data: serde_json::Map<String, serde_json::Value>,
    calls: Vec<Call>,
    /// Mode, and who gives his call away.
    transfer: Option<(TransferMode, LegId)>,
    /// Whether it is paused, and when it ends by itself; none when nothing is recorded. Known live until the engine is told
    /// to close the file.
    recording: Option<(bool, Option<Time>)>,
}

#[derive(Debug, PartialEq)]
struct Call {
    call: CallId,
    kind: CallKind,
    chair: Option<LegId>,
    legs: Vec<Leg>,
}

#[derive(Debug, PartialEq)]
struct Leg {
    leg: LegId,
    role: LegRole,
    party: PartyRef,
    answered: bool,
    held: bool,
    muted: (bool, bool),
    passes_to: Option<LegId>,
    supervision: Option<(SupervisionMode, Watched)>,
}

fn live_contacts(tenant: &Tenant) -> Vec<Contact> {
    tenant.contacts().views().map(live_contact).collect()
}

fn live_contact(view: ContactView) -> Contact {
    let mut calls: Vec<Call> = view.calls.iter().map(live_call).collect();
    calls.sort_unstable_by_key(|call| call.call);
    Contact {
        contact: view.contact,
        from: view.from,
        to: view.to,
        data: view.data,
        calls,
        transfer: view.transfer.map(|transfer| (transfer.mode, transfer.leg)),
        recording: view.recording.and_then(|recording| match recording.phase {
            RecordingPhase::On => Some((false, recording.until)),
            RecordingPhase::Paused => Some((true, recording.until)),
            RecordingPhase::Over => None,
        }),
    }
}

fn live_call(call: &CallState) -> Call {
    let leg = |l: &LegState| Leg {
        leg: l.leg,
        role: l.role,
        party: l.party,
        answered: l.phase == LegPhase::Answered,
        held: l.held.is_some(),
        muted: (l.muted_from, l.muted_to),
        passes_to: l.passes_to,
        supervision: l.supervision.filter(|_| l.phase == LegPhase::Answered),
    };
    let mut legs: Vec<Leg> = call.legs.iter().map(leg).collect();
    legs.sort_unstable_by_key(|leg| leg.leg);
    Call { call: call.call, kind: call.kind, chair: call.chair, legs }
}

/// `live`: whose recordings the machine has ended already, while their writers still have to tell it.
fn folded_contacts(open: &Open, live: &[Contact]) -> Vec<Contact> {
    open.contacts.iter().map(|(id, contact)| folded_contact(*id, contact, live)).collect()
}

fn folded_contact(id: ContactId, folded: &OpenContact, live: &[Contact]) -> Contact {
    let call = |(call, c): (&CallId, &OpenCall)| Call {
        call: *call,
        kind: c.kind,
        chair: c.chair,
        legs: c.legs.iter().map(|leg| folded_leg(*leg, &folded.legs[leg])).collect(),
    };
    let is_over = live.iter().any(|l| l.contact == id && l.recording.is_none());
    Contact {
        contact: id,
        from: folded.from.clone(),
        to: folded.to.clone(),
        data: folded.data.clone(),
        calls: folded.calls.iter().map(call).collect(),
        transfer: folded.transfer.map(|transfer| (transfer.mode, transfer.leg)),
        recording: folded.recording.as_ref().filter(|_| !is_over).map(|r| (r.paused, r.until)),
    }
}

fn folded_leg(id: LegId, folded: &OpenLeg) -> Leg {
    Leg {
        leg: id,
        role: folded.role,
        party: folded.party,
        answered: folded.answered.is_some(),
        held: folded.held.is_some(),
        muted: (folded.muted_from, folded.muted_to),
        passes_to: folded.passes_to,
        supervision: folded.supervision,
    }
}
