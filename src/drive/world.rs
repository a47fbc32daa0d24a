//! Where a tenant's outputs go: links, media threads, journal, store. Nothing here waits.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::gate::Gate;
use super::lanes::Lanes;
use super::media_threads::MediaThreads;
use super::ports::PortPool;
use super::tcp;
use crate::base::{InterfaceNo, LinkId, TenantNo};
use crate::media::words::{Body, Command};
use crate::store::{Journal, SiteStore};
use crate::switch::StoreAsk;
use crate::tenant::words::Input;

pub struct World {
    pub tenant: TenantNo,
    pub gate: Arc<Gate>,
    pub lanes: Arc<Lanes>,
    pub ports: Arc<PortPool>,
    pub threads: Arc<MediaThreads>,
    pub journal: Arc<Journal>,
    pub site: Arc<SiteStore>,
    /// Each interface's own address.
    pub addresses: BTreeMap<InterfaceNo, IpAddr>,
}

impl World {
    pub fn send(&self, link: LinkId, to: SocketAddr, bytes: bytes::Bytes) {
        self.gate.send(link, to, bytes);
    }

    /// A connection is closed when what waits for it is written; its end comes back as `LinkClosed`.
    pub fn close(&self, link: LinkId) {
        self.gate.links.remove(link);
    }

    pub fn open(&self, request: u64, interface: InterfaceNo, to: SocketAddr) {
        let (gate, lanes) = (Arc::clone(&self.gate), Arc::clone(&self.lanes));
        let Some(&local) = self.addresses.get(&interface) else {
            return lanes.put(Input::LinkFailed { request });
        };
        tokio::spawn(async move {
            match tcp::connect(local, to, interface, Arc::clone(&gate)).await {
                Ok(link) => {
                    lanes.put(Input::LinkOpened { request, link });
                    // It may have closed meanwhile, and its end been told before its beginning.
                    if !gate.links.is_open(link) {
                        lanes.put(Input::LinkClosed { link });
                    }
                }
                Err(error) => {
                    tracing::debug!(%to, %error, "connection not made");
                    lanes.put(Input::LinkFailed { request });
                }
            }
        });
    }

    pub fn media(&self, command: Command) {
        match command.body {
            Body::ReturnPorts(pair) => self.ports.give_back(pair),
            Body::SetLeg(_)
            | Body::SetRow { .. }
            | Body::Hand { .. }
            | Body::SetPlayer(_)
            | Body::SetTrack(_)
            | Body::Close(_) => {
                self.threads.send(self.tenant, command);
            }
        }
    }

    /// A question that the store's full lane does not take has no answer: the machine's own deadline answers the phone.
    pub fn store(&self, ask: StoreAsk) {
        if !self.site.ask(self.tenant, ask) {
            tracing::warn!("the store takes no more bindings at this moment");
        }
    }
}
