//! How a contact is born: by an INVITE that was let in, or by a command.

use std::sync::Arc;

use super::calls::Call;
use super::contact::{Contact, Context, Marks, Tally, Timers};
use super::end::LegEnd;
use super::history::History;
use super::leg::Leg;
use super::negotiation::LegMedia;
use super::room::Room;
use super::standing::Standing;
use super::words::{Arrival, Birth, Does, Limits};
use crate::base::{AgentNo, CallId, ContactId, NumberNo};
use crate::event::Kind;
use crate::event::words::{By, CallKind, Direction, EndCause, LegRole, Side};
use crate::switch::LegPhase;

/// What a contact is fixed to at its birth.
pub(super) struct Born {
    pub contact: ContactId,
    pub from: String,
    pub to: String,
    pub number: Option<NumberNo>,
    pub language: String,
    pub record: bool,
    pub limits: Limits,
    pub call_kind: CallKind,
    pub met: Vec<String>,
    pub max_forwards: u8,
    pub by: By,
    /// Nobody's matter: the place where an agent's leg rests.
    pub standing: Option<AgentNo>,
}

impl Contact {
    pub fn open(context: &mut Context, born: Born) -> Self {
        let Born {
            contact,
            from,
            to,
            number,
            language,
            record,
            limits,
            call_kind,
            mut met,
            max_forwards,
            by,
            standing,
        } = born;
        met.push(contact.to_string());
        let opened = Self {
            id: contact,
            from,
            to,
            number,
            language,
            record,
            standing: standing.map(Standing::new),
            passing: Vec::new(),
            two_way: false,
            shown: None,
            data: Arc::default(),
            born: context.t(),
            limits,
            met,
            max_forwards,
            calls: vec![Call { id: CallId(context.supplies.ids.mint(context.now.t)), kind: call_kind, chair: None }],
            legs: Vec::new(),
            dropped_legs: Vec::new(),
            counted: Tally::default(),
            main: None,
            customer: None,
            flow_holds: false,
            hides_digits: false,
            waiting: None,
            dialings: Vec::new(),
            transfer: None,
            conference: None,
            room: Room::new("default"),
            timers: Timers::default(),
            marks: Marks::default(),
            ended_by: None,
            other_left: None,
            history: History::default(),
            sealed: false,
            gone: false,
        };
        let kind = Kind::ContactOpened {
            from: opened.from.clone(),
            to: opened.to.clone(),
            number: opened.number,
            language: opened.language.clone(),
            record: opened.record,
        };
        opened.journal(context, Default::default(), by, kind);
        opened.journal_call(context, By::SYSTEM, Kind::CallOpened { call_kind });
        opened
    }

    pub fn arrive(context: &mut Context, contact: ContactId, arrival: Arrival) -> Self {
        let Arrival { incoming, media_ip, from, to, number, language, record, customer, call_kind, codecs, limits } =
            arrival;
        let born = Born {
            contact,
            from,
            to,
            number,
            language,
            record,
            limits,
            call_kind,
            met: incoming.met,
            max_forwards: incoming.max_forwards.saturating_sub(1),
            by: By::PARTY,
            standing: None,
        };
        let mut contact = Self::open(context, born);
        #[cfg(test)]
        assert!(incoming.from_user != super::POISON_KEY, "poisoned by a test");
        let mut media = LegMedia::new(codecs);
        let ports = context.supplies.ports.take(incoming.interface);
        if let Ok(ports) = ports {
            media.arrive(ports, media_ip, incoming.sdp, context.supplies);
        }
        let readable = media.can_answer();
        let call = contact.main_call();
        contact.open_leg(
            context,
            Leg {
                id: incoming.leg,
                call,
                role: if customer { LegRole::Customer } else { LegRole::Other },
                direction: Direction::Inbound,
                party: incoming.party,
                remote: incoming.from_user,
                phase: LegPhase::Calling,
                since: context.t(),
                offered: None,
                caller: None,
                supervision: None,
                media,
                progress: 0,
                heard: false,
                held_since: None,
                away_since: None,
                muted_from: false,
                muted_to: false,
                passes_to: None,
                does: Does::Dials,
                probing: false,
                ways: Box::default(),
                pressed: Default::default(),
                home: None,
            },
        );
        if !readable {
            contact.refuse(context, EndCause::NotAcceptable, Side::System);
        } else if ports.is_err() {
            contact.refuse(context, EndCause::Overloaded, Side::System);
        }
        contact.settle(context);
        contact
    }

    pub fn born(context: &mut Context, birth: Birth) -> Self {
        let born = Born {
            contact: birth.contact,
            from: birth.from,
            to: birth.to,
            number: None,
            language: birth.language,
            record: birth.record,
            limits: birth.limits,
            call_kind: birth.call_kind,
            met: Vec::new(),
            max_forwards: 70,
            by: birth.by.clone(),
            standing: birth.standing,
        };
        let mut contact = Self::open(context, born);
        (contact.two_way, contact.shown) = (birth.two_way, birth.shown);
        if !birth.data.is_empty() {
            let kind = Kind::ContactData { data: birth.data.clone() };
            contact.data = Arc::new(birth.data);
            contact.journal(context, Default::default(), birth.by, kind);
        }
        contact
    }

    /// Nothing here takes the call: a final refusal before anybody was rung.
    pub fn refuse(&mut self, context: &mut Context, cause: EndCause, side: Side) {
        self.marks.refused = true;
        let status = Some(crate::switch::code::sip_status(cause));
        self.mark_ending(LegEnd { cause, side, status });
        self.release_all(context, cause, side);
    }
}
