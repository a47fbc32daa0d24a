//! What a REGISTER changes: RFC 3261 §10.3 steps 6 to 8, all or nothing.
//! In: the request, the bindings there are, the tenant's limits. Out: changes, or a refusal.

use super::{Asked, Change, Held, Reply};
use crate::base::bounds::BINDINGS_PER_EXTENSION;
use crate::base::{Span, Time};
use crate::sip::message::{Contact, Contacts, Scheme, Uri};
use crate::sip::words::Binding;
use crate::site::Limits;

/// Below an hour alone an interval may be called too brief. RFC 3261 §10.3 step 7.
const BRIEF_MAX: Span = Span::hours(1);

pub fn changes(asked: &Asked, held: &[Held], limits: &Limits, t: Time) -> Result<Vec<Change>, Reply> {
    match &asked.contacts {
        Contacts::Star if asked.expires != Some(0) => Err(Reply::refuse(400)),
        Contacts::Star => held.iter().map(|held| removal(asked, held)).collect(),
        Contacts::List(list) => {
            let mut changes = Vec::new();
            for contact in list {
                add(&mut changes, one(asked, contact, held, limits, t)?);
            }
            let new = |change: &&Change| match change {
                Change::Save(binding) => !held.iter().any(|held| held.binding.contact == binding.contact),
                Change::Refresh(_) | Change::Remove(_) => false,
            };
            let removed = changes.iter().filter(|change| matches!(change, Change::Remove(_))).count();
            let after = held.len() + changes.iter().filter(new).count();
            if after.saturating_sub(removed) > BINDINGS_PER_EXTENSION {
                return Err(Reply::refuse(403));
            }
            Ok(changes)
        }
    }
}

/// A contact that the same request names twice counts as named last.
fn add(changes: &mut Vec<Change>, more: Vec<Change>) {
    let key = |change: &Change| match change {
        Change::Save(binding) | Change::Refresh(binding) => binding.contact.clone(),
        Change::Remove(contact) => contact.clone(),
    };
    for change in more {
        changes.retain(|before| key(before) != key(&change));
        changes.push(change);
    }
}

fn one(asked: &Asked, contact: &Contact, held: &[Held], limits: &Limits, t: Time) -> Result<Vec<Change>, Reply> {
    let uri = contact.uri();
    match uri.scheme() {
        Scheme::Sip => {}
        // a sips contact wants TLS all the way, a tel or other one cannot be reached by us
        Scheme::Sips | Scheme::Tel | Scheme::Other => return Err(Reply::refuse(400)),
    }
    let same = |held: &&Held| {
        held.binding.contact == uri.as_str()
            || Uri::parse(&held.binding.contact).is_some_and(|known| known.equivalent(uri))
    };
    let known = held.iter().find(same);
    if let Some(known) = known {
        in_order(asked, known)?;
    }
    let lasts = match contact.expires().or(asked.expires) {
        Some(seconds) => Span::seconds(i64::from(seconds)),
        None => limits.register_default,
    };
    if lasts == Span::ZERO {
        return Ok(known.map(|known| Change::Remove(known.binding.contact.clone())).into_iter().collect());
    }
    if lasts < limits.register_min && lasts < BRIEF_MAX {
        let min_expires = Some(limits.register_min.as_seconds());
        return Err(Reply { status: 423, min_expires, contacts: Vec::new() });
    }
    let binding = Binding {
        extension: asked.extension,
        contact: uri.as_str().to_owned(),
        received: asked.received,
        interface: asked.interface,
        wire: asked.wire,
        path: asked.path.clone(),
        call_id: asked.call_id.clone(),
        cseq: asked.cseq,
        q: contact.q(),
        until: t + lasts.min(limits.register_max),
        user_agent: asked.user_agent.clone(),
    };
    Ok(match known {
        Some(known) if is_refresh(&known.binding, &binding) => vec![Change::Refresh(Box::new(binding))],
        Some(known) if known.binding.contact != binding.contact => {
            vec![Change::Remove(known.binding.contact.clone()), Change::Save(Box::new(binding))]
        }
        Some(_) | None => vec![Change::Save(Box::new(binding))],
    })
}

/// Nothing changed but time: it need not be on disk before the phone hears 200.
fn is_refresh(known: &Binding, new: &Binding) -> bool {
    known.contact == new.contact
        && known.call_id == new.call_id
        && known.received == new.received
        && known.interface == new.interface
        && known.wire == new.wire
        && known.path == new.path
        && known.q == new.q
}

fn removal(asked: &Asked, held: &Held) -> Result<Change, Reply> {
    in_order(asked, held)?;
    Ok(Change::Remove(held.binding.contact.clone()))
}

/// A request that was overtaken by a later one of the same phone changes nothing.
fn in_order(asked: &Asked, held: &Held) -> Result<(), Reply> {
    let overtaken = held.binding.call_id == asked.call_id && asked.cseq <= held.binding.cseq;
    if overtaken { Err(Reply::refuse(500)) } else { Ok(()) }
}
