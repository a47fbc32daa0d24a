//! Queries: live state as their askers see it.

use super::Tenant;
use crate::base::{AgentNo, ContactId, ExtensionNo, Now};
use crate::event::words::{NotReadyReason, Wish};
use crate::sip::words::Binding;
use crate::switch::{
    AgentState, AgentWorkState, Answer, BindingState, Code, ContactState, ExtensionState, GroupState, Query, Snapshot,
    TracedMessage,
};

impl Tenant {
    pub(super) fn query(&self, query: &Query, now: Now) -> Answer {
        let snapshot = match query {
            Query::Agents => {
                Some(Snapshot::Agents(self.site.agents.keys().filter_map(|no| self.agent_state(*no)).collect()))
            }
            Query::Agent(no) => self.agent_state(*no).map(|state| Snapshot::Agents(vec![state])),
            Query::Groups => Some(Snapshot::Groups(self.group_states())),
            Query::Sessions => Some(Snapshot::Sessions(self.session_states())),
            Query::Session(id) => Some(self.session_snapshot(*id)).filter(|_| self.sessions.get(*id, None).is_some()),
            Query::Extensions => Some(Snapshot::Extensions(self.extension_states(now))),
            Query::Contacts => {
                Some(Snapshot::Contacts(self.contacts.views().map(|view| self.with_flow(view)).collect()))
            }
            Query::Contact(id) => self.contact_state(*id).map(|state| Snapshot::Contacts(vec![state])),
            Query::SipHistory(id) => self.sip_history(*id).map(Snapshot::SipHistory),
            Query::Resolve(lookup) => {
                return match self.look_up(lookup) {
                    Ok(snapshot) => Answer::Accepted { snapshot },
                    Err((code, state)) => Answer::Refused { code, state },
                };
            }
        };
        match snapshot {
            Some(snapshot) => Answer::Accepted { snapshot },
            None => {
                let code = match query {
                    Query::Agent(_) => Code::UnknownAgent,
                    Query::Session(_) => Code::UnknownSession,
                    _ => Code::UnknownContact,
                };
                Answer::Refused { code, state: String::new() }
            }
        }
    }

    pub(super) fn agent_state(&self, no: AgentNo) -> Option<AgentState> {
        let agent = self.site.agents.get(&no)?;
        let seen = self.acd.snapshot(no)?;
        Some(AgentState {
            agent: no,
            id: agent.id.clone(),
            name: agent.name.clone(),
            display: seen.display,
            since: seen.since,
            station: seen.station,
            groups: seen.groups,
            not_ready: seen.wish.and_then(not_ready),
            not_ready_until: seen.wish_until,
            leaving: seen.wish == Some(Wish::SignOut),
            rest_wait: seen.rest_wait,
            preferences: seen.preferences,
            reachable: seen.reachable,
            down: seen.down,
            phone_rests_until: seen.rests_until,
            watches: self.watches.state(no),
            work: seen
                .works
                .into_iter()
                .map(|w| AgentWorkState {
                    role: w.role,
                    contact: w.contact,
                    offer: w.offer,
                    since: w.since,
                    until: w.until,
                })
                .collect(),
        })
    }

    fn group_states(&self) -> Vec<GroupState> {
        self.site
            .groups
            .values()
            .map(|group| {
                let queue = self.acd.queue_snapshot(group.no);
                GroupState {
                    group: group.no,
                    id: group.id.clone(),
                    name: group.name.clone(),
                    waiting: queue.waiting,
                    oldest: queue.oldest,
                    signed_in: queue.signed_in,
                    available: queue.ready,
                }
            })
            .collect()
    }

    fn extension_states(&self, now: Now) -> Vec<ExtensionState> {
        self.site
            .extensions
            .values()
            .map(|extension| ExtensionState {
                extension: extension.no,
                number: extension.number.clone(),
                name: extension.name.clone(),
                bindings: self.binding_states(extension.no, now),
            })
            .collect()
    }

    fn binding_states(&self, extension: ExtensionNo, now: Now) -> Vec<BindingState> {
        let targets = self.sip.targets_of_extension(extension, now.t);
        let state = |binding: Binding| BindingState {
            usable: targets.iter().any(|target| target.remote == binding.received),
            received: binding.received.to_string(),
            contact: binding.contact,
            wire: binding.wire,
            until: binding.until,
            user_agent: binding.user_agent,
        };
        self.sip.bindings(extension).into_iter().map(state).collect()
    }

    pub(super) fn contact_state(&self, id: ContactId) -> Option<ContactState> {
        self.contacts.view(id).map(|view| self.with_flow(view))
    }

    fn with_flow(&self, view: crate::call::ContactView) -> ContactState {
        let run = self.runs.get(&view.contact);
        ContactState {
            contact: view.contact,
            from: view.from,
            to: view.to,
            number: view.number,
            opened: view.opened,
            flow: run.and_then(|r| r.flow_key.clone()),
            node: run.filter(|r| r.flow_key.is_some()).and_then(|r| r.flow.node()).map(str::to_owned),
            queued: view.queued,
            wait: self.waits.get(&view.contact).and_then(|wait| self.acd.wait(wait.item?)),
            data: view.data,
            calls: view.calls,
            transfer: view.transfer,
            conference: view.conference,
            recording: view.recording,
            playback: view.playback,
        }
    }

    fn sip_history(&self, id: ContactId) -> Option<Vec<TracedMessage>> {
        let messages = self.contacts.history(id)?;
        let message = |m: crate::sip::words::Traced| TracedMessage {
            leg: m.leg,
            sent: m.sent,
            t: m.t,
            remote: m.remote.to_string(),
            text: String::from_utf8_lossy(&m.bytes).into_owned(),
        };
        Some(messages.into_iter().map(message).collect())
    }
}

fn not_ready(wish: Wish) -> Option<NotReadyReason> {
    match wish {
        Wish::Ready | Wish::SignOut => None,
        Wish::NotReady(reason) => Some(reason),
    }
}
