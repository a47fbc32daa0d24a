//! Where a tenant's outputs go: links, media threads, journal, store. Nothing here waits.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::gate::Gate;
use super::lanes::Lanes;
use super::media_thread::MediaThread;
use super::ports::PortPool;
use super::tcp;
use crate::base::{ContactId, InterfaceNo, LinkId, TenantNo};
use crate::event::Event;
use crate::media::words::{Body, Command, Subject};
use crate::store::{Journal, SiteStore};
use crate::switch::{StoreAnswer, StoreAsk};
use crate::tenant::words::Input;

pub struct World {
    pub tenant: TenantNo,
    pub gate: Arc<Gate>,
    pub lanes: Arc<Lanes>,
    pub ports: Arc<PortPool>,
    pub rooms: Rooms,
    pub journal: Arc<Journal>,
    pub site: Arc<SiteStore>,
    /// Each interface's own address.
    pub addresses: BTreeMap<InterfaceNo, IpAddr>,
}

/// Which thread has a contact's room.
pub struct Rooms {
    threads: Arc<Vec<MediaThread>>,
    of_contact: BTreeMap<ContactId, (usize, BTreeSet<Subject>)>,
    contacts: Vec<usize>,
}

impl Rooms {
    pub fn new(threads: Arc<Vec<MediaThread>>) -> Self {
        let contacts = vec![0; threads.len()];
        Self { threads, of_contact: BTreeMap::new(), contacts }
    }

    /// All of a contact's sound is on one thread: the least loaded when it begins.
    fn send(&mut self, tenant: TenantNo, command: Command) {
        let (contact, subject) = (command.contact, command.body.subject());
        let contacts = &mut self.contacts;
        let (thread, subjects) = self.of_contact.entry(contact).or_insert_with(|| {
            let least = (0..contacts.len()).min_by_key(|&i| contacts[i]).unwrap_or(0);
            contacts[least] += 1;
            (least, BTreeSet::new())
        });
        let thread = *thread;
        match command.body {
            Body::Close(subject) => {
                subjects.remove(&subject);
            }
            Body::SetLeg(_) | Body::SetPlayer(_) | Body::SetTrack(_) => {
                subjects.insert(subject);
            }
            Body::SetRow { .. } | Body::ReturnPorts(_) => {}
        }
        if subjects.is_empty() {
            self.of_contact.remove(&contact);
            self.contacts[thread] -= 1;
        }
        self.threads[thread].send(tenant, command);
    }
}

impl World {
    pub fn send(&self, link: LinkId, to: SocketAddr, bytes: bytes::Bytes) {
        self.gate.send(link, to, bytes);
    }

    pub fn open(&self, request: u64, interface: InterfaceNo, to: SocketAddr) {
        let (gate, lanes) = (Arc::clone(&self.gate), Arc::clone(&self.lanes));
        let Some(&local) = self.addresses.get(&interface) else {
            return lanes.put(Input::LinkFailed { request });
        };
        tokio::spawn(async move {
            match tcp::connect(local, to, interface, gate).await {
                Ok(link) => lanes.put(Input::LinkOpened { request, link }),
                Err(error) => {
                    tracing::debug!(%to, %error, "connection not made");
                    lanes.put(Input::LinkFailed { request });
                }
            }
        });
    }

    pub fn media(&mut self, command: Command) {
        match command.body {
            Body::ReturnPorts(pair) => self.ports.give_back(pair),
            Body::SetLeg(_) | Body::SetRow { .. } | Body::SetPlayer(_) | Body::SetTrack(_) | Body::Close(_) => {
                self.rooms.send(self.tenant, command);
            }
        }
    }

    pub fn append(&self, event: &Event, notify: Option<u64>) -> u64 {
        self.journal.append(event, notify)
    }

    pub fn store(&self, ask: StoreAsk) {
        let lanes = Arc::clone(&self.lanes);
        self.site.ask(self.tenant, ask, move |answer: StoreAnswer| lanes.put(Input::Store(answer)));
    }
}
