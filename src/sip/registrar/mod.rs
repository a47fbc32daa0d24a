//! Where phones are: RFC 3261 §10.3, RFC 3327 (Path), and proof that a watched phone is still there.
//! Owns bindings, their expiry, and which of them can be used now. Leaves who may register whom to the endpoint (digest),
//! saving to `store`, and OPTIONS on the wire to the endpoint.
//! In: [`Asked`], `saved`, `link_closed`, `heard`, `answered`, `due`. Out: [`Out`].
//!
//! A new binding is unused until it is saved; the same Contact, Call-ID and source is a refresh, answered at once.

mod rules;
const _: () = assert!(size_of::<Held>() <= crate::base::bounds::BINDING_VALUE_BYTES);

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use super::message::Contacts;
use super::words::{Binding, Output, Target, Tell};
use crate::base::{Agenda, ExtensionNo, InterfaceNo, LinkId, Span, Time};
use crate::event::words::Wire;
use crate::site::Limits;

/// How long a REGISTER waits for the disk; then 503.
pub const SAVE_PATIENCE: Span = Span::seconds(2);
/// A watched phone of which nothing was heard for this long is asked.
pub const WATCH_INTERVAL: Span = Span::seconds(30);
/// It has this long to answer; two misses in a row, within 60 s of the last sign of life, mean unreachable.
pub const WATCH_PATIENCE: Span = Span::seconds(10);
const MISSES: u8 = 2;
const _: () =
    assert!(WATCH_INTERVAL.as_micros() + MISSES as i64 * WATCH_PATIENCE.as_micros() <= Span::minutes(1).as_micros());

/// A REGISTER whose sender has proven to be `extension`.
#[derive(Clone, Debug)]
pub struct Asked {
    pub extension: ExtensionNo,
    pub contacts: Contacts,
    /// The Expires header field, seconds.
    pub expires: Option<u32>,
    pub call_id: String,
    pub cseq: u32,
    pub received: SocketAddr,
    pub interface: InterfaceNo,
    pub wire: Wire,
    pub link: LinkId,
    pub path: Vec<String>,
    pub user_agent: Option<String>,
}

/// The response to a REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    /// With 423.
    pub min_expires: Option<i64>,
    /// With 200: Contact URI, q in thousandths, seconds left.
    pub contacts: Vec<(String, u16, i64)>,
}

impl Reply {
    const fn refuse(status: u16) -> Self {
        Self { status, min_expires: None, contacts: Vec::new() }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Out {
    World(Output),
    /// The answer to the REGISTER with this ticket, which `register` could not give at once.
    Reply {
        ticket: u64,
        reply: Reply,
    },
    /// Ask this contact by OPTIONS; any answer is reported by `answered`.
    Probe {
        extension: ExtensionNo,
        contact: String,
    },
}

#[derive(Clone, Debug)]
struct Held {
    binding: Binding,
    /// Of a TCP binding: its connection, while it stands.
    link: Option<LinkId>,
    since: Time,
    heard: Time,
    misses: u8,
    /// An OPTIONS is out until then.
    asked_until: Option<Time>,
}

impl Held {
    fn is_usable(&self) -> bool {
        let connected = match self.binding.wire {
            Wire::Udp => true,
            Wire::Tcp => self.link.is_some(),
        };
        connected && self.misses < MISSES
    }

    fn watch_deadline(&self) -> Time {
        self.asked_until.unwrap_or(self.heard + WATCH_INTERVAL)
    }
}

/// One change a REGISTER asks for.
#[derive(Clone, Debug, PartialEq)]
enum Change {
    Save(Box<Binding>),
    Refresh(Box<Binding>),
    Remove(String),
}

#[derive(Clone, Debug)]
struct Pending {
    extension: ExtensionNo,
    changes: Vec<Change>,
    link: LinkId,
    unsaved: BTreeSet<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Save(u64),
    Expiry(ExtensionNo),
    Watch(ExtensionNo),
}

#[derive(Debug, Default)]
pub struct Registrar {
    held: BTreeMap<ExtensionNo, Vec<Held>>,
    /// Bindings in `held`.
    count: usize,
    watched: BTreeSet<ExtensionNo>,
    reachable: BTreeSet<ExtensionNo>,
    pending: BTreeMap<u64, Pending>,
    /// Save request to ticket.
    saving: BTreeMap<u64, u64>,
    agenda: Agenda<Due>,
    last: u64,
    out: VecDeque<Out>,
}

impl Registrar {
    /// With the bindings that were saved. Those over TCP are unusable until the phone registers again.
    pub fn new(bindings: Vec<Binding>) -> Self {
        let mut registrar = Self::default();
        for binding in bindings {
            let (extension, since) = (binding.extension, Time(0));
            let held = Held { binding, link: None, since, heard: since, misses: 0, asked_until: None };
            registrar.held.entry(extension).or_default().push(held);
            registrar.count += 1;
        }
        let extensions: Vec<ExtensionNo> = registrar.held.keys().copied().collect();
        for extension in extensions {
            if registrar.is_reachable(extension) {
                registrar.reachable.insert(extension);
            }
            registrar.plan(extension);
        }
        registrar
    }

    /// This registrar takes the place of another in the same process: connections of phones stand.
    pub fn keep_links(&mut self, before: &Self) {
        for (extension, list) in &mut self.held {
            let earlier = before.held.get(extension).map_or(&[][..], Vec::as_slice);
            for held in list.iter_mut() {
                let same = earlier.iter().find(|other| other.binding.contact == held.binding.contact);
                held.link = same.and_then(|same| same.link);
            }
        }
        let extensions: Vec<ExtensionNo> = self.held.keys().copied().collect();
        for extension in extensions {
            if self.is_reachable(extension) {
                self.reachable.insert(extension);
            }
            self.plan(extension);
        }
    }

    /// `Ok`: the answer. `Err`: a ticket, the answer follows as [`Out::Reply`].
    pub fn register(&mut self, asked: &Asked, limits: &Limits, t: Time) -> Result<Reply, u64> {
        let none = Vec::new();
        let held = self.held.get(&asked.extension).unwrap_or(&none);
        let changes = match rules::changes(asked, held, limits, t) {
            Ok(changes) => changes,
            Err(reply) => return Ok(reply),
        };
        if !changes.iter().any(|change| matches!(change, Change::Save(_))) {
            self.apply(asked.extension, changes, asked.link, t);
            return Ok(self.listing(asked.extension, t));
        }
        let waiting = self.pending.values().filter(|pending| pending.extension == asked.extension).count();
        if waiting >= crate::base::bounds::BINDINGS_PER_EXTENSION {
            return Ok(Reply::refuse(503));
        }
        let ticket = self.mint();
        let mut unsaved = BTreeSet::new();
        for change in &changes {
            if let Change::Save(binding) = change {
                let request = self.mint();
                unsaved.insert(request);
                self.out.push_back(Out::World(Output::SaveBinding { request, binding: binding.clone() }));
            }
        }
        self.saving.extend(unsaved.iter().map(|request| (*request, ticket)));
        self.pending.insert(ticket, Pending { extension: asked.extension, changes, link: asked.link, unsaved });
        self.agenda.set(Due::Save(ticket), Some(t + SAVE_PATIENCE));
        Err(ticket)
    }

    /// The answer to a `SaveBinding`. One that comes too late is nothing: the REGISTER has had its 503.
    pub fn saved(&mut self, request: u64, ok: bool, t: Time) {
        let Some(ticket) = self.saving.remove(&request) else { return };
        if !ok {
            return self.give_up(ticket);
        }
        let done = self.pending.get_mut(&ticket).is_some_and(|pending| {
            pending.unsaved.remove(&request);
            pending.unsaved.is_empty()
        });
        if let Some(pending) = done.then(|| self.pending.remove(&ticket)).flatten() {
            self.agenda.set(Due::Save(ticket), None);
            self.apply(pending.extension, pending.changes, pending.link, t);
            let reply = self.listing(pending.extension, t);
            self.out.push_back(Out::Reply { ticket, reply });
        }
    }

    /// What was saved for a REGISTER that failed is taken back, so that disk and memory agree.
    fn give_up(&mut self, ticket: u64) {
        self.agenda.set(Due::Save(ticket), None);
        let Some(pending) = self.pending.remove(&ticket) else { return };
        for request in &pending.unsaved {
            self.saving.remove(request);
        }
        for change in pending.changes {
            let Change::Save(binding) = change else { continue };
            let before = self.find(pending.extension, &binding.contact).map(|held| Box::new(held.binding.clone()));
            self.out.push_back(Out::World(match before {
                Some(binding) => Output::UpdateBinding { binding },
                None => Output::RemoveBinding { extension: pending.extension, contact: binding.contact },
            }));
        }
        self.out.push_back(Out::Reply { ticket, reply: Reply::refuse(503) });
    }

    fn apply(&mut self, extension: ExtensionNo, changes: Vec<Change>, link: LinkId, t: Time) {
        // A refresh goes on by itself: it says nothing of a phone that did not answer.
        let is_new = changes.iter().any(|change| matches!(change, Change::Save(_)));
        for change in changes {
            match change {
                Change::Remove(contact) => self.remove(extension, &contact),
                Change::Save(binding) => self.put(*binding, link, t, true),
                Change::Refresh(binding) => {
                    self.out.push_back(Out::World(Output::UpdateBinding { binding: binding.clone() }));
                    self.put(*binding, link, t, false);
                }
            }
        }
        let was_there = self.reachable.contains(&extension);
        self.settle(extension);
        if is_new && was_there {
            self.prove(extension);
        }
    }

    /// A watched phone has shown that it is there. It is told also when that is no change: an offer may have failed there.
    fn prove(&mut self, extension: ExtensionNo) {
        if self.watched.contains(&extension) && self.is_reachable(extension) {
            self.tell(Tell::Reachable { extension, reachable: true });
        }
    }

    fn put(&mut self, binding: Binding, link: LinkId, t: Time, news: bool) {
        let (extension, contact, until) = (binding.extension, binding.contact.clone(), binding.until);
        let link = (binding.wire == Wire::Tcp).then_some(link);
        let list = self.held.entry(extension).or_default();
        match list.iter_mut().find(|held| held.binding.contact == contact) {
            Some(held) => {
                let since = if news { t } else { held.since };
                *held = Held { binding, link, since, heard: t, misses: 0, asked_until: None };
            }
            None => {
                list.push(Held { binding, link, since: t, heard: t, misses: 0, asked_until: None });
                self.count += 1;
            }
        }
        if news {
            self.tell(Tell::Registered { extension, contact, until });
        }
    }

    fn remove(&mut self, extension: ExtensionNo, contact: &str) {
        let Some(list) = self.held.get_mut(&extension) else { return };
        let before = list.len();
        list.retain(|held| held.binding.contact != contact);
        if list.len() < before {
            self.count -= before - list.len();
            let contact = contact.to_owned();
            self.out.push_back(Out::World(Output::RemoveBinding { extension, contact: contact.clone() }));
            self.tell(Tell::Unregistered { extension, contact });
        }
    }

    /// After each change of an extension: deadlines, and whether it became or ceased to be reachable.
    fn settle(&mut self, extension: ExtensionNo) {
        if self.held.get(&extension).is_some_and(Vec::is_empty) {
            self.held.remove(&extension);
        }
        self.plan(extension);
        let reachable = self.is_reachable(extension);
        let changed = if reachable { self.reachable.insert(extension) } else { self.reachable.remove(&extension) };
        if changed {
            self.tell(Tell::Reachable { extension, reachable });
        }
    }

    fn plan(&mut self, extension: ExtensionNo) {
        let list = self.held.get(&extension).map_or(&[][..], Vec::as_slice);
        let expiry = list.iter().map(|held| held.binding.until).min();
        let watched = self.watched.contains(&extension);
        let connected = list.iter().filter(|held| held.binding.wire == Wire::Udp || held.link.is_some());
        let watch = connected.map(Held::watch_deadline).min().filter(|_| watched);
        self.agenda.set(Due::Expiry(extension), expiry);
        self.agenda.set(Due::Watch(extension), watch);
    }

    /// A connection is gone, and with it the phones behind it (RFC 5626 has the phone open a new one).
    /// A REGISTER that waits for the disk has nobody left to answer: its binding would lead nowhere.
    pub fn link_closed(&mut self, link: LinkId) {
        let waiting = self.pending.iter().filter(|(_, pending)| pending.link == link);
        for ticket in waiting.map(|(ticket, _)| *ticket).collect::<Vec<_>>() {
            self.give_up(ticket);
        }
        let gone: Vec<(ExtensionNo, String)> = self
            .held
            .values()
            .flatten()
            .filter(|held| held.link == Some(link))
            .map(|held| (held.binding.extension, held.binding.contact.clone()))
            .collect();
        for (extension, contact) in gone {
            self.remove(extension, &contact);
            self.settle(extension);
        }
    }

    pub fn watch(&mut self, extension: ExtensionNo, on: bool, t: Time) {
        let changed = if on { self.watched.insert(extension) } else { self.watched.remove(&extension) };
        if !changed {
            return;
        }
        for held in self.held.get_mut(&extension).into_iter().flatten() {
            // what was heard before the watch began proves nothing: ask soon
            held.heard = held.heard.max(t - WATCH_INTERVAL);
            held.asked_until = None;
        }
        self.settle(extension);
    }

    /// Something came from the phone at `source`.
    pub fn heard(&mut self, extension: ExtensionNo, source: SocketAddr, t: Time) {
        let mut changed = false;
        for held in self.held.get_mut(&extension).into_iter().flatten() {
            if held.binding.received == source {
                (held.heard, held.misses, held.asked_until) = (t, 0, None);
                changed = true;
            }
        }
        if changed {
            self.settle(extension);
        }
    }

    /// It answered an OPTIONS.
    pub fn answered(&mut self, extension: ExtensionNo, source: SocketAddr, t: Time) {
        let was_there = self.reachable.contains(&extension);
        self.heard(extension, source, t);
        if was_there && self.bindings(extension).any(|binding| binding.received == source) {
            self.prove(extension);
        }
    }

    /// Extensions that exist no more.
    pub fn retain(&mut self, exists: impl Fn(ExtensionNo) -> bool) {
        let gone: Vec<ExtensionNo> = self.held.keys().copied().filter(|&extension| !exists(extension)).collect();
        for extension in gone {
            for contact in self.bindings(extension).map(|binding| binding.contact.clone()).collect::<Vec<_>>() {
                self.remove(extension, &contact);
            }
            self.settle(extension);
        }
        self.watched.retain(|&extension| exists(extension));
    }

    pub fn due(&mut self, t: Time) {
        while let Some(due) = self.agenda.due(t) {
            match due {
                Due::Save(ticket) => self.give_up(ticket),
                Due::Expiry(extension) => self.expire(extension, t),
                Due::Watch(extension) => self.ask(extension, t),
            }
        }
    }

    fn expire(&mut self, extension: ExtensionNo, t: Time) {
        let over = |binding: &&Binding| binding.until <= t;
        for contact in self.bindings(extension).filter(over).map(|b| b.contact.clone()).collect::<Vec<_>>() {
            self.remove(extension, &contact);
        }
        self.settle(extension);
    }

    fn ask(&mut self, extension: ExtensionNo, t: Time) {
        for held in self.held.get_mut(&extension).into_iter().flatten() {
            if held.watch_deadline() > t || (held.binding.wire == Wire::Tcp && held.link.is_none()) {
                continue;
            }
            if held.asked_until.take().is_some() {
                held.misses = (held.misses + 1).min(MISSES);
            }
            // one that counts as gone is asked at the slow pace whether it came back
            let patience = if held.misses < MISSES { WATCH_PATIENCE } else { WATCH_INTERVAL };
            held.asked_until = Some(t + patience);
            self.out.push_back(Out::Probe { extension, contact: held.binding.contact.clone() });
        }
        self.settle(extension);
    }

    pub fn deadline(&self) -> Option<Time> {
        self.agenda.next().map(|(at, _)| at)
    }

    pub fn poll(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    /// Phones registered.
    pub fn count(&self) -> usize {
        self.count
    }

    pub fn bindings(&self, extension: ExtensionNo) -> impl Iterator<Item = &Binding> {
        self.held.get(&extension).into_iter().flatten().map(|held| &held.binding)
    }

    pub fn is_reachable(&self, extension: ExtensionNo) -> bool {
        self.held.get(&extension).is_some_and(|list| list.iter().any(Held::is_usable))
    }

    /// Is there a live registration from this host? Its next connection has another port.
    pub fn knows(&self, extension: ExtensionNo, source: IpAddr) -> bool {
        self.bindings(extension).any(|binding| binding.received.ip() == source)
    }

    /// The usable contacts, by q, then the newest first.
    pub fn targets(&self, extension: ExtensionNo, t: Time) -> Vec<Target> {
        let list = self.held.get(&extension).map_or(&[][..], Vec::as_slice);
        let mut usable: Vec<&Held> = list.iter().filter(|held| held.is_usable() && held.binding.until > t).collect();
        usable.sort_by_key(|held| (std::cmp::Reverse(held.binding.q), std::cmp::Reverse(held.since)));
        usable.into_iter().map(target).collect()
    }

    /// One contact, usable or not: for a probe.
    pub fn target(&self, extension: ExtensionNo, contact: &str) -> Option<Target> {
        self.find(extension, contact).map(target)
    }

    /// REGISTERs that wait for the disk.
    pub fn waiting(&self) -> usize {
        self.pending.len()
    }

    fn find(&self, extension: ExtensionNo, contact: &str) -> Option<&Held> {
        self.held.get(&extension)?.iter().find(|held| held.binding.contact == contact)
    }

    fn listing(&self, extension: ExtensionNo, t: Time) -> Reply {
        let left = |binding: &Binding| (binding.until.since(t) + Span(999_999)).as_seconds();
        let row = |binding: &Binding| (binding.contact.clone(), binding.q, left(binding));
        Reply { status: 200, min_expires: None, contacts: self.bindings(extension).map(row).collect() }
    }

    fn tell(&mut self, tell: Tell) {
        self.out.push_back(Out::World(Output::Tell(tell)));
    }

    fn mint(&mut self) -> u64 {
        self.last += 1;
        self.last
    }
}

fn target(held: &Held) -> Target {
    let binding = &held.binding;
    Target {
        uri: binding.contact.clone(),
        interface: binding.interface,
        wire: binding.wire,
        link: held.link,
        remote: binding.received,
        routes: binding.path.clone(),
    }
}
