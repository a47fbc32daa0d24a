//! Sending: links, Via and Contact, client and server transactions as entries of the endpoint.
//! Owns matching of responses and repeated requests (RFC 3261 §17.1.3, §17.2.3). Leaves what they mean to its siblings.

use std::net::SocketAddr;

use bytes::Bytes;

use super::{Cancel, ClientTx, Context, Endpoint, MergeKey, No, Opening, Role, ServerKey, ServerTx, Timed};
use crate::base::{LegId, LinkId};
use crate::event::words::{EndCause, Wire};
use crate::sip::dialog::Path;
use crate::sip::front;
use crate::sip::message::{
    BuildError, Headers, Method, Name, NameAddr, ReasonValue, Request, Response, ResponseBuilder, Transport, Uri, Via,
};
use crate::sip::transaction::client::Client;
use crate::sip::transaction::server::Server;
use crate::sip::transaction::{Class, Step, Up};
use crate::sip::words::{Output, Tell, Traced};
use crate::site::advertise;
use crate::switch::code::sip_status;

/// What we serve; PRACK and the rest get 405.
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, UPDATE, REFER";
/// Option tags we understand.
pub(super) const SUPPORTED: [&str; 4] = ["timer", "path", "replaces", "norefersub"];
pub(super) const ACCEPT: &str = "application/sdp, application/dtmf-relay, application/dtmf, multipart/mixed";
const AGENT: &str = "Cordboard";

impl Endpoint {
    // ---- links

    pub(super) fn put(&mut self, link: LinkId, to: SocketAddr, bytes: Bytes) {
        self.counters.sent += 1;
        self.out.push_back(Output::Send { link, to, bytes });
    }

    /// The link that leads along a path now.
    fn link_of(&self, path: &Path) -> Option<LinkId> {
        match path.wire {
            Wire::Udp => self.interface(path.interface).and_then(|interface| interface.udp).map(|(link, _)| link),
            Wire::Tcp => path.link.filter(|link| self.links.contains_key(link)).or_else(|| {
                let there = |entry: &(&LinkId, &(_, SocketAddr))| *entry.1 == (path.interface, path.remote);
                self.links.iter().find(there).map(|(link, _)| *link)
            }),
        }
    }

    /// Sends, or waits for a connection. `client` fails if none comes up.
    fn transmit(&mut self, path: &Path, bytes: Bytes, client: Option<No>) {
        if let Some(link) = self.link_of(path) {
            if let Some(tx) = client.and_then(|no| self.clients.get_mut(&no)) {
                (tx.sent, tx.path.link) = (true, Some(link));
            }
            // a connection leads where it leads
            let to = self.links.get(&link).map_or(path.remote, |(_, remote)| *remote);
            return self.put(link, to, bytes);
        }
        if path.wire == Wire::Udp {
            self.counters.dropped += 1;
            return self.failed.extend(client);
        }
        let (interface, to) = (path.interface, path.remote);
        if let Some(opening) = self.openings.values_mut().find(|o| o.interface == interface && o.to == to) {
            return opening.waiting.push((client, bytes));
        }
        let request = self.mint();
        self.openings.insert(request, Opening { interface, to, waiting: vec![(client, bytes)] });
        self.out.push_back(Output::Open { request, interface, wire: Wire::Tcp, to });
    }

    /// Where we say we are. `None`: there is no such interface.
    fn sent_by(&self, path: &Path) -> Option<SocketAddr> {
        let interface = self.interface(path.interface)?;
        let port = match path.wire {
            Wire::Udp => interface.udp.map(|(_, port)| port),
            Wire::Tcp => interface.tcp_port,
        };
        let ip = advertise(path.remote.ip(), interface.ip, interface.public, &interface.local);
        Some(SocketAddr::new(ip, port.unwrap_or(5060)))
    }

    pub(super) fn new_via(&self, path: &Path, context: &mut Context) -> Option<Via> {
        let transport = match path.wire {
            Wire::Udp => Transport::Udp,
            Wire::Tcp => Transport::Tcp,
        };
        let branch = front::new_branch(self.tenant, &mut context.supplies.rng);
        let mut via = Via::new(transport, self.sent_by(path)?, &branch);
        via.params.set_flag("rport");
        Some(via)
    }

    pub(super) fn contact(&self, path: &Path) -> Option<NameAddr> {
        let at = self.sent_by(path)?;
        let uri = Uri::sip(Some(&front::contact_user(self.tenant)), &at.ip().to_string(), Some(at.port()))?;
        let uri = match path.wire {
            Wire::Udp => uri,
            Wire::Tcp => uri.with_param("transport", Some("tcp"))?,
        };
        Some(NameAddr::new(uri))
    }

    pub(super) fn trace(
        &mut self,
        leg: Option<LegId>,
        sent: bool,
        remote: SocketAddr,
        bytes: Bytes,
        context: &Context,
    ) {
        if let Some(leg) = leg.filter(|leg| self.legs.contains_key(leg)) {
            self.tell(Tell::Traced(Box::new(Traced { leg, sent, t: context.t(), remote, bytes })));
        }
    }

    /// `None` is counted: a value that cannot stand in a message never ends more than the message.
    pub(super) fn built<T>(&mut self, result: Result<T, BuildError>) -> Option<T> {
        self.counters.unwritable += u64::from(result.is_err());
        result.ok()
    }

    // ---- our requests

    /// Sends a request in a new transaction.
    pub(super) fn send_request(
        &mut self,
        mut request: Request,
        path: Path,
        role: Role,
        (leg, talk): (Option<LegId>, Option<No>),
        context: &mut Context,
    ) -> No {
        self.prove(&mut request, &path, &role, (leg, talk), context);
        let (no, bytes) = (self.mint(), request.to_bytes());
        let branch = request.headers.branch().unwrap_or_default();
        let key = (branch, request.method.to_string());
        let machine = Client::new(request.method == Method::Invite, path.wire == Wire::Tcp, context.t());
        self.client_keys.insert(key.clone(), no);
        if let Some(talk) = talk.and_then(|talk| self.talks.get_mut(&talk)) {
            talk.transactions += 1;
        }
        let (proofs, sent, cancel, acks) = (0, false, Cancel::No, Vec::new());
        let bytes_kept = bytes.clone();
        let tx =
            ClientTx { machine, request, bytes: bytes_kept, path, role, leg, talk, key, proofs, sent, cancel, acks };
        self.clients.insert(no, tx);
        self.trace(leg, true, path.remote, bytes.clone(), context);
        self.transmit(&path, bytes, Some(no));
        self.plan_client(no);
        no
    }

    /// A message that no transaction answers for: the ACK of a 2xx.
    pub(super) fn send_free(&mut self, path: &Path, bytes: Bytes, leg: Option<LegId>, context: &Context) {
        self.trace(leg, true, path.remote, bytes.clone(), context);
        self.transmit(path, bytes, None);
    }

    fn plan_client(&mut self, no: No) {
        let Some(tx) = self.clients.get(&no) else { return self.agenda.set(Timed::Client(no), None) };
        if !tx.machine.is_terminated() {
            return self.agenda.set(Timed::Client(no), tx.machine.deadline());
        }
        self.agenda.set(Timed::Client(no), None);
        if let Some(tx) = self.clients.remove(&no) {
            self.client_keys.remove(&tx.key);
            self.release(tx.talk);
        }
        for opening in self.openings.values_mut() {
            opening.waiting.retain(|(client, _)| *client != Some(no));
        }
    }

    pub(super) fn response_arrived(&mut self, response: &Response, path: Path, context: &mut Context) {
        if response.check().is_err() {
            self.counters.dropped += 1;
            return;
        }
        let Ok(cseq) = response.headers.cseq() else { return };
        let key = (response.headers.branch().unwrap_or_default(), cseq.method.to_string());
        let Some(&no) = self.client_keys.get(&key) else {
            return self.stray_response(response, path, context);
        };
        let Some(tx) = self.clients.get_mut(&no) else { return };
        let leg = tx.leg;
        let step = tx.machine.response(Class::of(response.status), context.t());
        self.trace(leg, false, path.remote, response.to_bytes(), context);
        self.client_step(no, step, Some(response), path, context);
    }

    pub(super) fn client_due(&mut self, no: No, context: &mut Context) {
        let Some(tx) = self.clients.get_mut(&no) else { return self.agenda.set(Timed::Client(no), None) };
        let (step, path) = (tx.machine.due(context.t()), tx.path);
        self.client_step(no, step, None, path, context);
    }

    pub(super) fn client_failed(&mut self, no: No, context: &mut Context) {
        let Some(tx) = self.clients.get_mut(&no) else { return };
        let (step, path) = (tx.machine.transport_failed(), tx.path);
        self.client_step(no, step, None, path, context);
    }

    fn client_step(&mut self, no: No, step: Step, response: Option<&Response>, path: Path, context: &mut Context) {
        if let Some(tx) = self.clients.get(&no).filter(|_| step.resend) {
            let (path, bytes) = (tx.path, tx.bytes.clone());
            self.transmit(&path, bytes, Some(no));
        }
        if let Some(response) = response.filter(|_| step.ack) {
            self.acknowledge_refusal(no, response, context);
        }
        let status = match step.up {
            Some(Up::Response) => response.map(|response| response.status),
            Some(Up::TimedOut) => Some(408),
            Some(Up::TransportFailed) => Some(503),
            Some(Up::NotAcknowledged) | None => None,
        };
        if let Some(status) = status
            && !response.is_some_and(|response| self.proves_again(no, response, context))
        {
            self.answered_by(no, status, response, path, context);
        }
        self.plan_client(no);
    }

    fn acknowledge_refusal(&mut self, no: No, response: &Response, context: &mut Context) {
        let Some(tx) = self.clients.get(&no) else { return };
        let (path, leg, ack) = (tx.path, tx.leg, tx.request.ack_refusal(response).build());
        if let Some(ack) = self.built(ack) {
            self.send_free(&path, ack.to_bytes(), leg, context);
        }
    }

    /// An answer of any kind to a request of ours; `response` is absent when none came.
    fn answered_by(&mut self, no: No, status: u16, response: Option<&Response>, path: Path, context: &mut Context) {
        let Some(tx) = self.clients.get(&no) else { return };
        match tx.role.clone() {
            Role::Fork { fork } => self.fork_answered(no, fork, status, response, path, context),
            Role::Parting => {}
            Role::Refresh => self.refresh_answered(no, status, response, context),
            Role::Digit => self.told_in_dialog(no, status, response, context),
            Role::Probe => self.probe_answered(no, status, response, context),
            Role::Notify { refer } => self.notified(refer, status, context),
            Role::Watch { extension, remote } => {
                if response.is_some() {
                    self.registrar.answered(extension, remote, context.t());
                }
            }
        }
    }

    /// CANCEL now, or as soon as RFC 3261 §9.1 allows.
    pub(super) fn cancel(&mut self, no: No, cause: EndCause, context: &mut Context) {
        let Some(tx) = self.clients.get_mut(&no) else { return };
        if !tx.sent {
            // still waiting for its connection: it was never sent, so nothing is left to cancel
            tx.machine.transport_failed();
            return self.plan_client(no);
        }
        if tx.cancel == Cancel::Sent || tx.machine.is_terminated() {
            return;
        }
        tx.cancel = Cancel::Wanted(cause);
        if tx.machine.is_proceeding() {
            self.cancel_now(no, cause, context);
        }
    }

    pub(super) fn cancel_now(&mut self, no: No, cause: EndCause, context: &mut Context) {
        let Some(tx) = self.clients.get_mut(&no) else { return };
        tx.cancel = Cancel::Sent;
        tx.machine.cancelled(context.t());
        let (path, leg) = (tx.path, tx.leg);
        let cancel = tx.request.cancel().header(Name::Reason, reason(cause)).build();
        if let Some(cancel) = self.built(cancel) {
            self.send_request(cancel, path, Role::Parting, (leg, None), context);
        }
        self.plan_client(no);
    }

    // ---- their requests

    /// RFC 3261 §17.2.3; an ACK finds its INVITE.
    pub(super) fn server_key(request: &Request, via: &Via, method: &Method) -> ServerKey {
        let headers = &request.headers;
        let branch = match via.unique_branch() {
            Some(branch) => branch.to_owned(),
            None => {
                let tag = headers.from_tag().unwrap_or_default();
                let call_id = headers.call_id().map(|id| id.into_owned()).unwrap_or_default();
                let cseq = headers.cseq().map_or(0, |cseq| cseq.number);
                format!("2543 {} {tag} {call_id} {cseq} {via}", request.uri)
            }
        };
        let port = via.port.map(|port| port.to_string()).unwrap_or_default();
        let method = if *method == Method::Ack { &Method::Invite } else { method };
        ServerKey { branch, sent_by: format!("{}:{port}", via.host.to_ascii_lowercase()), method: method.to_string() }
    }

    pub(super) fn merge_key(headers: &Headers) -> MergeKey {
        let tag = headers.from_tag().unwrap_or_default();
        let call_id = headers.call_id().map(|id| id.into_owned()).unwrap_or_default();
        (tag, call_id, headers.cseq().map(|cseq| cseq.to_string()).unwrap_or_default())
    }

    /// A transaction for a request that was stamped with its source.
    pub(super) fn open_server(&mut self, request: Request, key: ServerKey, path: Path, context: &mut Context) -> No {
        let no = self.mint();
        let merge = Self::merge_key(&request.headers);
        let machine = Server::new(request.method == Method::Invite, path.wire == Wire::Tcp);
        let to_tag = front::new_tag(self.tenant, &mut context.supplies.rng);
        self.server_keys.insert(key.clone(), no);
        self.merges.entry(merge.clone()).or_insert(no);
        let request = Some(Box::new(request));
        let (last, leg, talk) = (None, None, None);
        self.servers.insert(no, ServerTx { machine, request, key, merge, path, to_tag, last, leg, talk });
        no
    }

    /// Ties a transaction to a dialog.
    pub(super) fn join_talk(&mut self, server: No, talk: No, leg: Option<LegId>) {
        if let (Some(tx), Some(entry)) = (self.servers.get_mut(&server), self.talks.get_mut(&talk)) {
            (tx.talk, tx.leg) = (Some(talk), leg);
            entry.transactions += 1;
        }
    }

    /// Responds in a transaction; the bytes, when they went out.
    pub(super) fn respond(
        &mut self,
        no: No,
        status: u16,
        fill: impl FnOnce(ResponseBuilder) -> ResponseBuilder,
        context: &mut Context,
    ) -> Option<Bytes> {
        let tx = self.servers.get_mut(&no)?;
        let request = tx.request.as_deref()?;
        let builder = Response::to(request, status);
        let builder = if status == 100 { builder } else { builder.to_tag(&tx.to_tag) };
        let built = fill(builder.header(Name::Server, AGENT)).build();
        let bytes = self.built(built)?.to_bytes();
        let tx = self.servers.get_mut(&no)?;
        if !tx.machine.respond(Class::of(status), context.t()) {
            return None;
        }
        tx.last = Some(bytes.clone());
        if status >= 200 {
            tx.request = None;
        }
        let (path, leg) = (tx.path, tx.leg);
        self.trace(leg, true, path.remote, bytes.clone(), context);
        self.send_response(no, bytes.clone());
        self.plan_server(no);
        Some(bytes)
    }

    pub(super) fn refuse(&mut self, no: No, status: u16, context: &mut Context) {
        self.respond(no, status, |builder| builder, context);
    }

    /// RFC 3261 §18.2.2: TCP answers on its connection, UDP goes where [`Endpoint::reply_path`] found out.
    fn send_response(&mut self, no: No, bytes: Bytes) {
        let Some(tx) = self.servers.get(&no) else { return };
        let path = tx.path;
        self.send_reply(&path, bytes);
    }

    pub(super) fn send_reply(&mut self, path: &Path, bytes: Bytes) {
        match self.link_of(path) {
            Some(link) => self.put(link, path.remote, bytes),
            // the connection the request came by is gone; who still wants the answer repeats the request
            None => self.counters.dropped += 1,
        }
    }

    /// Where a response goes: the source, or on UDP without `rport` its address and the port of Via (RFC 3581 §4).
    pub(super) fn reply_path(via: &Via, path: Path) -> Path {
        match path.wire {
            Wire::Udp if !via.params.has("rport") => {
                Path { remote: SocketAddr::new(path.remote.ip(), via.port.unwrap_or(5060)), ..path }
            }
            Wire::Udp | Wire::Tcp => path,
        }
    }

    pub(super) fn request_repeated(&mut self, no: No) {
        self.counters.repeated += 1;
        let again = self.servers.get(&no).filter(|tx| tx.machine.repeated().resend).and_then(|tx| tx.last.clone());
        if let Some(bytes) = again {
            self.send_response(no, bytes);
        }
    }

    pub(super) fn server_due(&mut self, no: No, context: &mut Context) {
        let Some(tx) = self.servers.get_mut(&no) else { return self.agenda.set(Timed::Server(no), None) };
        // timer H needs no more than the end of the transaction: the leg ended with the refusal
        if tx.machine.due(context.t()).resend
            && let Some(bytes) = tx.last.clone()
        {
            self.send_response(no, bytes);
        }
        self.plan_server(no);
    }

    pub(super) fn plan_server(&mut self, no: No) {
        let Some(tx) = self.servers.get(&no) else { return self.agenda.set(Timed::Server(no), None) };
        if !tx.machine.is_terminated() {
            return self.agenda.set(Timed::Server(no), tx.machine.deadline());
        }
        self.agenda.set(Timed::Server(no), None);
        if let Some(tx) = self.servers.remove(&no) {
            self.server_keys.remove(&tx.key);
            if self.merges.get(&tx.merge) == Some(&no) {
                self.merges.remove(&tx.merge);
            }
            self.release(tx.talk);
        }
    }

    /// A transaction of this dialog is gone.
    pub(super) fn release(&mut self, talk: Option<No>) {
        let Some(no) = talk else { return };
        if let Some(talk) = self.talks.get_mut(&no) {
            talk.transactions = talk.transactions.saturating_sub(1);
        }
        self.plan_talk(no);
    }
}

/// Why we end something, for the far end to read (RFC 3326 §2).
pub(super) fn reason(cause: EndCause) -> ReasonValue {
    match cause {
        EndCause::LostRace => ReasonValue::new("SIP", 200, "Call completed elsewhere"),
        EndCause::HungUp | EndCause::FlowEnded | EndCause::Released | EndCause::PeerLeft => {
            ReasonValue::new("Q.850", 16, "Normal call clearing")
        }
        EndCause::Cancelled
        | EndCause::Rejected
        | EndCause::Busy
        | EndCause::NoAnswer
        | EndCause::Unreachable
        | EndCause::NotFound
        | EndCause::Forbidden
        | EndCause::NotAcceptable
        | EndCause::Unproven
        | EndCause::Rescinded
        | EndCause::MediaLost
        | EndCause::SignallingLost
        | EndCause::TooLong
        | EndCause::Full
        | EndCause::Overloaded
        | EndCause::Crash
        | EndCause::Drained
        | EndCause::Loop
        | EndCause::InternalError => ReasonValue::new("SIP", sip_status(cause), text(cause)),
    }
}

/// The words of [`EndCause`] as stored, which are what people read elsewhere too.
fn text(cause: EndCause) -> &'static str {
    match cause {
        EndCause::HungUp => "Hung up",
        EndCause::Cancelled => "Cancelled",
        EndCause::Rejected => "Rejected",
        EndCause::Busy => "Busy",
        EndCause::NoAnswer => "No answer",
        EndCause::Unreachable => "Unreachable",
        EndCause::NotFound => "Not found",
        EndCause::Forbidden => "Forbidden",
        EndCause::NotAcceptable => "Not acceptable",
        EndCause::Unproven => "Credentials refused",
        EndCause::FlowEnded => "Flow ended",
        EndCause::Released => "Released",
        EndCause::PeerLeft => "Peer left",
        EndCause::LostRace => "Lost race",
        EndCause::Rescinded => "Rescinded",
        EndCause::MediaLost => "Media lost",
        EndCause::SignallingLost => "Signalling lost",
        EndCause::TooLong => "Too long",
        EndCause::Full => "Full",
        EndCause::Overloaded => "Overloaded",
        EndCause::Crash => "Server restarted",
        EndCause::Drained => "Server stopped",
        EndCause::Loop => "Loop",
        EndCause::InternalError => "Internal error",
    }
}
