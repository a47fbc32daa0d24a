//! The endpoint of one tenant: bytes to legs and back. A composition of the machines of this room, itself a machine.
//!
//! Owns transactions, dialogs and which leg they carry; above it only [`LegId`] exists. Dialogs outlive their legs: one
//! without a leg stays until its transactions end and answers by itself (late 2xx: ACK and BYE; repeated 2xx: ACK;
//! requests: 481). Leaves SDP, sound and what a call means to `call`, sockets and connections to `drive`.
//! In: messages, links, [`Act`], `due`. Out: [`Output`].
//!
//! `wire` sends and answers, `challenged` proves who we are, `arrive` judges what comes in first, `uas` and `uac` make
//! dialogs, `talk` lives in them, `session` keeps them alive, `refer` takes references within them.

mod arrive;
mod challenged;
mod digits;
mod refer;
mod session;
mod talk;
const _: () = assert!(size_of::<Talk>() <= crate::base::bounds::DIALOG_VALUE_BYTES);

#[cfg(test)]
mod tests;
mod uac;
mod uas;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;

use super::auth::Gate;
use super::credentials::Credentials;
use super::dialog::{Dialog, Path};
use super::front::{Bucket, Failures};
use super::message::{Message, Request};
use super::registrar::Registrar;
use super::transaction::PATIENCE;
use super::transaction::client::Client;
use super::transaction::server::Server;
use super::words::{Act, Binding, Interface, Output, ReferNo, Target, Tell};
use crate::base::bounds::CANCELS_REMEMBERED;
use crate::base::{Agenda, ExtensionNo, InterfaceNo, LegId, LinkId, Now, Supplies, TenantNo, Time, TrunkNo};
use crate::event::words::{EndCause, PartyRef, Wire};
use crate::site::{Site, advertise};
use session::Session;

/// Time and supplies of one call from outside.
struct Context<'a> {
    now: Now,
    supplies: &'a mut Supplies,
}

impl Context<'_> {
    fn t(&self) -> Time {
        self.now.t
    }
}

/// Numbers of transactions and dialogs within one endpoint.
type No = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timed {
    Client(No),
    Server(No),
    Talk(No),
    Refer(ReferNo),
}

/// A request of ours until it is answered and the answer cannot come again.
#[derive(Debug)]
struct ClientTx {
    machine: Client,
    request: Request,
    bytes: Bytes,
    path: Path,
    role: Role,
    /// Whose history the messages go to.
    leg: Option<LegId>,
    talk: Option<No>,
    key: (String, String),
    /// How often it was proven anew.
    proofs: u8,
    /// It is on the wire, not waiting for a connection.
    sent: bool,
    /// INVITE only.
    cancel: Cancel,
    /// The ACK of each 2xx by the far end's tag, sent again whenever that 2xx comes again.
    acks: Vec<(String, Path, Bytes)>,
}

/// Whose request it is.
#[derive(Clone, Debug, PartialEq)]
enum Role {
    Fork {
        fork: usize,
    },
    /// BYE, CANCEL: nobody waits for the answer.
    Parting,
    Refresh,
    Digit,
    Probe,
    Notify {
        refer: ReferNo,
    },
    /// OPTIONS to a watched phone.
    Watch {
        extension: ExtensionNo,
        remote: SocketAddr,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    No,
    /// Wanted; waits for a provisional response (RFC 3261 §9.1).
    Wanted(EndCause),
    Sent,
}

/// A request of theirs until our answer has surely arrived.
#[derive(Debug)]
struct ServerTx {
    machine: Server,
    /// Until the final response.
    request: Option<Box<Request>>,
    key: ServerKey,
    merge: MergeKey,
    path: Path,
    to_tag: String,
    last: Option<Bytes>,
    leg: Option<LegId>,
    talk: Option<No>,
}

/// RFC 3261 §17.2.3. For a branch without the magic cookie everything RFC 2543 matching compares stands in `branch`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ServerKey {
    branch: String,
    sent_by: String,
    method: String,
}

/// INVITEs whose CANCEL came first: the lanes before us let a CANCEL pass, and so does a network. Full: the oldest goes.
#[derive(Debug, Default)]
struct CancelledEarly(VecDeque<(Time, ServerKey)>);

impl CancelledEarly {
    fn remember(&mut self, invite: ServerKey, t: Time) {
        if self.0.len() == CANCELS_REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((t, invite));
    }

    /// Was this INVITE, which comes now, cancelled not long ago?
    fn take(&mut self, invite: &ServerKey, t: Time) -> bool {
        while self.0.front().is_some_and(|(at, _)| t.since(*at) > PATIENCE) {
            self.0.pop_front();
        }
        let found = self.0.iter().position(|(_, key)| key == invite);
        found.and_then(|at| self.0.remove(at)).is_some()
    }
}

/// From tag, Call-ID, CSeq: the same in another transaction is a merged request (RFC 3261 §8.2.2.2).
type MergeKey = (String, String, String);

/// A dialog and what hangs on it.
#[derive(Debug)]
struct Talk {
    dialog: Dialog,
    party: PartyRef,
    /// `None`: over for those above.
    leg: Option<LegId>,
    phase: Phase,
    /// Transactions that belong to it.
    transactions: usize,
    /// What the far end last told it can: `UPDATE` in its Allow.
    takes_update: bool,
    /// Our last offer or answer, to refresh the session with.
    sdp: Vec<u8>,
    session: Option<Session>,
    /// Their re-INVITE or UPDATE that waits for the layer above.
    offered: Option<No>,
    /// Our refresh is out: theirs crosses it (491).
    refreshing: bool,
    /// Our 2xx that waits for its ACK.
    unacked: Option<Unacked>,
    infos: Bucket,
    /// What the far end asked us to prove.
    credentials: Credentials,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// An INVITE to us that is not answered.
    Early {
        server: No,
    },
    Confirmed,
    /// It ends as soon as the ACK of our 2xx is here (RFC 3261 §15).
    Parting(EndCause),
    /// BYE was sent or received.
    Over,
}

/// RFC 3261 §13.3.1.4: the core repeats its 2xx until the ACK comes, on TCP too.
#[derive(Debug)]
struct Unacked {
    bytes: Bytes,
    path: Path,
    cseq: u32,
    again: Time,
    interval: crate::base::Span,
    until: Time,
    /// Our 2xx carried the offer: the ACK has the answer.
    offered: bool,
}

#[derive(Debug)]
enum Leg {
    Inbound { server: No, talk: No },
    Dialing(Box<uac::Dialing>),
    Up { talk: No },
}

/// What waits for a connection to open.
#[derive(Debug)]
struct Opening {
    interface: InterfaceNo,
    to: SocketAddr,
    waiting: Vec<(Option<No>, Bytes)>,
}

/// What there is of everything; zero at rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub dialogs: usize,
    pub transactions: usize,
    pub legs: usize,
    /// Of transactions, dialogs and REGISTERs that wait; the expiry of bindings is not counted.
    pub timers: usize,
}

/// What happened, for the collector of metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub received: u64,
    pub sent: u64,
    /// Responses that match nothing, requests that cannot be answered, messages for a link that is gone.
    pub dropped: u64,
    pub challenged: u64,
    pub refused_credentials: u64,
    /// Requests of ours that a far end challenged and did not take.
    pub unproven: u64,
    /// Requests of users that are banned at their source.
    pub banned: u64,
    pub repeated: u64,
    /// INFO over the rate.
    pub infos_refused: u64,
    /// A message we could not write: our bug or a value from outside that cannot stand in a header.
    pub unwritable: u64,
}

#[derive(Debug)]
pub struct Endpoint {
    tenant: TenantNo,
    site: Arc<Site>,
    interfaces: Vec<Interface>,
    gate: Gate,
    failures: Failures,
    registrar: Registrar,
    shedding: bool,
    clients: BTreeMap<No, ClientTx>,
    client_keys: BTreeMap<(String, String), No>,
    servers: BTreeMap<No, ServerTx>,
    server_keys: BTreeMap<ServerKey, No>,
    merges: BTreeMap<MergeKey, No>,
    cancelled_early: CancelledEarly,
    talks: BTreeMap<No, Talk>,
    /// Our tag names the dialog.
    tags: BTreeMap<String, No>,
    legs: BTreeMap<LegId, Leg>,
    subscriptions: BTreeMap<ReferNo, refer::Subscription>,
    /// TCP connections that stand.
    links: BTreeMap<LinkId, (InterfaceNo, SocketAddr)>,
    /// REGISTERs that wait for the disk: the registrar's ticket, their transaction.
    tickets: BTreeMap<u64, No>,
    openings: BTreeMap<u64, Opening>,
    /// Client transactions whose transport failed within this call.
    failed: VecDeque<No>,
    agenda: Agenda<Timed>,
    out: VecDeque<Output>,
    last: No,
    pub counters: Counters,
}

impl Endpoint {
    /// `nonce_key` signs digest nonces; `bindings` are those that were saved.
    pub fn new(
        tenant: TenantNo,
        site: Arc<Site>,
        interfaces: Vec<Interface>,
        bindings: Vec<Binding>,
        nonce_key: [u8; 32],
    ) -> Self {
        Self {
            tenant,
            site,
            interfaces,
            gate: Gate::new(nonce_key),
            failures: Failures::default(),
            registrar: Registrar::new(bindings),
            shedding: false,
            clients: BTreeMap::new(),
            client_keys: BTreeMap::new(),
            servers: BTreeMap::new(),
            server_keys: BTreeMap::new(),
            merges: BTreeMap::new(),
            cancelled_early: CancelledEarly::default(),
            talks: BTreeMap::new(),
            tags: BTreeMap::new(),
            legs: BTreeMap::new(),
            subscriptions: BTreeMap::new(),
            links: BTreeMap::new(),
            tickets: BTreeMap::new(),
            openings: BTreeMap::new(),
            failed: VecDeque::new(),
            agenda: Agenda::default(),
            out: VecDeque::new(),
            last: 0,
            counters: Counters::default(),
        }
    }

    /// The tenant's objects changed: phones of extensions that are gone lose their bindings, calls go on.
    pub fn set_site(&mut self, site: Arc<Site>, now: Now, supplies: &mut Supplies) {
        self.site = site;
        let site = Arc::clone(&self.site);
        self.registrar.retain(|extension| site.extensions.contains_key(&extension));
        self.settle(&mut Context { now, supplies });
    }

    /// While true, new INVITEs get 503, except emergency calls, and REGISTERs 503 with Retry-After.
    pub fn set_shedding(&mut self, shedding: bool) {
        self.shedding = shedding;
    }

    /// One message, as the front let it in.
    #[expect(
        clippy::too_many_arguments,
        reason = "where a message came from has four parts, and the shape of a machine two"
    )]
    pub fn receive(
        &mut self,
        link: LinkId,
        wire: Wire,
        interface: InterfaceNo,
        from: SocketAddr,
        message: Message,
        now: Now,
        supplies: &mut Supplies,
    ) {
        let context = &mut Context { now, supplies };
        self.counters.received += 1;
        if wire == Wire::Tcp {
            self.links.insert(link, (interface, from));
        }
        let path = Path { interface, wire, link: Some(link), remote: from };
        match message {
            Message::Request(request) => self.request_arrived(request, path, link, context),
            Message::Response(response) => self.response_arrived(&response, path, context),
        }
        self.settle(context);
    }

    /// A connection we asked for stands: what waits for it leaves.
    pub fn link_opened(&mut self, request: u64, link: LinkId, now: Now, supplies: &mut Supplies) {
        if let Some(opening) = self.openings.remove(&request) {
            self.links.insert(link, (opening.interface, opening.to));
            for (client, bytes) in opening.waiting {
                if let Some(tx) = client.and_then(|no| self.clients.get_mut(&no)) {
                    (tx.sent, tx.path.link) = (true, Some(link));
                }
                self.put(link, opening.to, bytes);
            }
        }
        self.settle(&mut Context { now, supplies });
    }

    /// It could not be opened: what waits for it fails with 503.
    pub fn link_failed(&mut self, request: u64, now: Now, supplies: &mut Supplies) {
        if let Some(opening) = self.openings.remove(&request) {
            self.failed.extend(opening.waiting.into_iter().filter_map(|(client, _)| client));
        }
        self.settle(&mut Context { now, supplies });
    }

    /// A connection is gone: phones behind it are unreachable, requests that wait for an answer on it fail.
    pub fn link_closed(&mut self, link: LinkId, now: Now, supplies: &mut Supplies) {
        self.links.remove(&link);
        self.registrar.link_closed(link);
        let on_it = |tx: &ClientTx| tx.sent && tx.path.wire == Wire::Tcp && tx.path.link == Some(link);
        self.failed.extend(self.clients.iter().filter(|(_, tx)| on_it(tx)).map(|(no, _)| *no));
        self.settle(&mut Context { now, supplies });
    }

    /// The answer to [`Output::SaveBinding`].
    pub fn binding_saved(&mut self, request: u64, ok: bool, now: Now, supplies: &mut Supplies) {
        self.registrar.saved(request, ok, now.t);
        self.settle(&mut Context { now, supplies });
    }

    pub fn act(&mut self, act: Act, now: Now, supplies: &mut Supplies) {
        let context = &mut Context { now, supplies };
        match act {
            Act::Invite(invite) => self.invite(*invite, context),
            Act::Progress { leg, status, sdp } => self.progress(leg, status, sdp, context),
            Act::Accept { leg, sdp } => self.accept(leg, sdp, context),
            Act::End { leg, status, cause } => self.end(leg, status, cause, context),
            Act::AnswerOffer { leg, sdp } => self.answer_offer(leg, sdp, context),
            Act::RefuseOffer { leg, status } => self.refuse_offer(leg, status, context),
            Act::SendDigit { leg, digit, duration } => self.send_digit(leg, digit, duration, context),
            Act::Probe { leg } => self.probe(leg, context),
            Act::ByeRestored { dialog, cause } => self.bye_restored(&dialog, cause, context),
            Act::ReferProgress { refer, status } => self.refer_progress(refer, status, context),
            Act::Watch { extension, on } => self.registrar.watch(extension, on, context.t()),
        }
        self.settle(context);
    }

    /// Runs every deadline that has come.
    pub fn due(&mut self, now: Now, supplies: &mut Supplies) {
        let context = &mut Context { now, supplies };
        while let Some(timed) = self.agenda.due(now.t) {
            match timed {
                Timed::Client(no) => self.client_due(no, context),
                Timed::Server(no) => self.server_due(no, context),
                Timed::Talk(no) => self.talk_due(no, context),
                Timed::Refer(refer) => self.refer_due(refer, context),
            }
        }
        self.registrar.due(now.t);
        self.settle(context);
    }

    pub fn deadline(&self) -> Option<Time> {
        [self.agenda.next().map(|(at, _)| at), self.registrar.deadline()].into_iter().flatten().min()
    }

    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// The usable contacts of an extension, by q, then the newest first.
    pub fn targets_of_extension(&self, extension: ExtensionNo, t: Time) -> Vec<Target> {
        self.registrar.targets(extension, t).into_iter().map(|target| self.with_link(target)).collect()
    }

    /// Where `dialled` is called over a trunk. `None` when there is no such trunk, its host has no address yet, or no
    /// interface speaks its transport.
    pub fn target_of_trunk(&self, trunk: TrunkNo, dialled: &str) -> Option<Target> {
        let send = &self.site.trunks.get(&trunk)?.send;
        let remote = SocketAddr::new(send.ip?, send.port);
        let speaks = |interface: &&Interface| {
            interface.ip.is_ipv4() == remote.is_ipv4()
                && match send.transport {
                    Wire::Udp => interface.udp.is_some(),
                    Wire::Tcp => true,
                }
        };
        let fitting: Vec<&Interface> = self.interfaces.iter().filter(speaks).collect();
        // an address of this host is called from itself, everybody else from the first interface that is no loopback
        let same = |interface: &&&Interface| interface.ip.is_loopback() == remote.ip().is_loopback();
        let interface =
            fitting.iter().find(|i| i.ip == remote.ip()).or(fitting.iter().find(same)).or(fitting.first())?;
        let uri = super::message::Uri::sip(Some(dialled), &send.host, Some(send.port))?;
        let uri = match send.transport {
            Wire::Udp => uri,
            Wire::Tcp => uri.with_param("transport", Some("tcp"))?,
        };
        let routes = Vec::new();
        let uri = uri.as_str().to_owned();
        Some(self.with_link(Target { uri, interface: interface.no, wire: send.transport, link: None, remote, routes }))
    }

    pub fn is_reachable(&self, extension: ExtensionNo) -> bool {
        self.registrar.is_reachable(extension)
    }

    /// Phones registered.
    pub fn phones(&self) -> usize {
        self.registrar.count()
    }

    pub fn bindings(&self, extension: ExtensionNo) -> Vec<Binding> {
        self.registrar.bindings(extension).cloned().collect()
    }

    /// This endpoint takes the place of another in the same process: the connections stand.
    pub fn keep_links(&mut self, before: &Self) {
        self.links.clone_from(&before.links);
        self.registrar.keep_links(&before.registrar);
    }

    pub fn all_bindings(&self) -> Vec<Binding> {
        self.site.extensions.keys().flat_map(|extension| self.bindings(*extension)).collect()
    }

    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    pub fn interface(&self, no: InterfaceNo) -> Option<&Interface> {
        self.interfaces.iter().find(|interface| interface.no == no)
    }

    /// The address an SDP shows to `peer`. An interface that does not exist shows the unspecified address, which no peer sends to.
    pub fn media_ip(&self, interface: InterfaceNo, peer: IpAddr) -> IpAddr {
        let unknown = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
        self.interface(interface).map_or(unknown, |i| advertise(peer, i.ip, i.public, &i.local))
    }

    pub fn counts(&self) -> Counts {
        Counts {
            dialogs: self.talks.len() + self.tags.len(),
            transactions: self.clients.len() + self.servers.len() + self.openings.len(),
            legs: self.legs.len(),
            timers: self.agenda.len() + self.registrar.waiting() + self.tickets.len(),
        }
    }

    pub fn is_at_rest(&self) -> bool {
        self.counts() == Counts::default()
    }

    fn with_link(&self, target: Target) -> Target {
        let link = match target.wire {
            Wire::Udp => self.interface(target.interface).and_then(|interface| interface.udp).map(|(link, _)| link),
            Wire::Tcp => target.link,
        };
        Target { link, ..target }
    }

    fn mint(&mut self) -> No {
        self.last += 1;
        self.last
    }

    fn tell(&mut self, tell: Tell) {
        self.out.push_back(Output::Tell(tell));
    }

    /// After each input: failed transports and what the registrar has to say.
    fn settle(&mut self, context: &mut Context) {
        while let Some(no) = self.failed.pop_front() {
            self.client_failed(no, context);
        }
        while let Some(out) = self.registrar.poll() {
            self.registrar_said(out, context);
        }
        while let Some(no) = self.failed.pop_front() {
            self.client_failed(no, context);
        }
    }
}
