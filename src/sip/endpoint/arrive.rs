//! What comes in first: matching, credentials, limits, and the requests that make no dialog.
//! Owns the order of the refusals of RFC 3261 §8.2, behind the challenge: from a source that is no trunk every request but
//! ACK and CANCEL is challenged first, statelessly, with the same bytes and the same work for known and unknown users.
//! We are a user agent, so the challenge is 401 for every method (RFC 3261 §22.2).

use super::wire::{ACCEPT, ALLOW, SUPPORTED};
use super::{Context, Endpoint, No, Phase, Role};
use crate::base::{ExtensionNo, LinkId, Span, TrunkNo};
use crate::event::words::{PartyRef, Wire};
use crate::sip::auth::Verdict;
use crate::sip::dialog::Path;
use crate::sip::message::{
    Fault, Headers, Message, Method, Name, Request, Response, ResponseBuilder, Scheme, Uri, part_of,
};
use crate::sip::registrar::{Asked, Out, Reply};
use crate::sip::words::Output;
use crate::site::which_trunk;

/// RFC 3261 §8.2.1, with what an unknown method is told.
enum Served {
    Yes,
    /// 405: known and not allowed.
    NotAllowed,
    /// 501.
    Unknown,
}

fn served(method: &Method) -> Served {
    match method {
        Method::Invite
        | Method::Ack
        | Method::Bye
        | Method::Cancel
        | Method::Options
        | Method::Register
        | Method::Info
        | Method::Refer
        | Method::Update => Served::Yes,
        Method::Prack | Method::Message | Method::Notify | Method::Subscribe | Method::Publish => Served::NotAllowed,
        Method::Extension(_) => Served::Unknown,
    }
}

/// What of a body we take.
pub(super) enum Body {
    None,
    Sdp(Vec<u8>),
    /// 415.
    Foreign,
}

impl Endpoint {
    pub(super) fn request_arrived(&mut self, mut request: Request, path: Path, link: LinkId, context: &mut Context) {
        let via = match request.check().and_then(|()| request.headers.via()) {
            Ok(via) => via,
            Err(fault) => return self.refuse_faulty(&request, fault, path),
        };
        let key = Self::server_key(&request, &via, &request.method);
        match request.method {
            Method::Ack => {
                let of_refusal = self.server_keys.get(&key).copied();
                return self.ack_arrived(&request, of_refusal, path, context);
            }
            Method::Cancel => {}
            _ => {
                if let Some(&no) = self.server_keys.get(&key) {
                    return self.request_repeated(no);
                }
            }
        }
        if request.headers.stamp_via(path.remote).is_err() {
            return;
        }
        let reply = Self::reply_path(&via, path);
        if request.method == Method::Cancel {
            let invite = self.server_keys.get(&Self::server_key(&request, &via, &Method::Invite)).copied();
            return self.cancel_arrived(request, key, invite, reply, context);
        }
        let talk = self.talk_of(&request);
        let from_dialog = talk.is_some_and(|no| self.is_from_far_end(no, &path));
        let party = match from_dialog {
            true => talk.and_then(|no| self.talks.get(&no)).map(|talk| talk.party),
            false => self.who(&request, path, reply, context),
        };
        let Some(party) = party else { return };
        // who proves to be somebody else has no business in this dialog
        let talk = talk.filter(|no| self.talks.get(no).is_some_and(|talk| talk.party == party));
        if let PartyRef::Extension(extension) = party {
            self.registrar.heard(extension, path.remote, context.t());
        }
        let is_merged = !request.in_dialog() && self.merges.contains_key(&Self::merge_key(&request.headers));
        let no = self.open_server(request, key, reply, context);
        if is_merged {
            return self.refuse(no, 482, context);
        }
        match talk {
            Some(talk) => self.in_dialog(no, talk, path, context),
            None => self.out_of_dialog(no, party, path, link, context),
        }
    }

    /// RFC 3261 §8.2.7. `request` is stamped; the tag is the same for the same request.
    fn refuse_stateless(&mut self, request: &Request, status: u16, reply: Path) {
        let (tag, call_id, cseq) = Self::merge_key(&request.headers);
        let to_tag = self.gate.stamp(&format!("{tag} {call_id} {cseq}"));
        let answer = Response::to(request, status).to_tag(&to_tag).build();
        if let Some(answer) = self.built(answer) {
            self.send_reply(&reply, answer.to_bytes());
        }
    }

    fn refuse_faulty(&mut self, request: &Request, fault: Fault, path: Path) {
        let mut request = request.clone();
        let stamped = request.answerable() && request.headers.stamp_via(path.remote).is_ok();
        let via = request.headers.via();
        let (Ok(via), true) = (via, stamped) else {
            self.counters.dropped += 1;
            return;
        };
        let tag = self.gate.stamp(&via.to_string());
        let answer = Response::to(&request, fault.status()).reason(&fault.reason()).to_tag(&tag).build();
        if let Some(answer) = self.built(answer) {
            self.send_reply(&Self::reply_path(&via, path), answer.to_bytes());
        }
    }

    // ---- who sends it

    /// The trunk or the extension; `None`: a challenge went out, or the connection of a banned user closes.
    fn who(&mut self, request: &Request, path: Path, reply: Path, context: &mut Context) -> Option<PartyRef> {
        if let Some(trunk) = which_trunk(&self.site, path.remote) {
            return Some(PartyRef::Trunk(trunk));
        }
        let credentials = request.headers.auth(Name::Authorization);
        let realm = self.realm().to_owned();
        let ours = credentials.iter().find(|value| value.get("realm") == Some(realm.as_str()));
        let mut stale = false;
        if let Some(value) = ours {
            let user = value.get("username").unwrap_or("").to_owned();
            let extension = self.site.extension(&user).map(|extension| extension.no);
            let exempt =
                path.wire == Wire::Udp || extension.is_some_and(|no| self.registrar.knows(no, path.remote.ip()));
            if !exempt && self.failures.is_banned(path.remote.ip(), &user, context.t()) {
                self.counters.banned += 1;
                self.out.extend(path.link.map(|link| Output::Close { link }));
                return None;
            }
            let site = std::sync::Arc::clone(&self.site);
            let password = |_: &str| extension.and_then(|no| site.extensions.get(&no)).map(|e| e.password.0.as_str());
            let about = (realm.as_str(), site.digest);
            match self.gate.judge(value, about, request.method.as_str(), password, context.t()) {
                Verdict::Proven => {
                    self.failures.succeeded(path.remote.ip(), &user);
                    return extension.map(PartyRef::Extension);
                }
                Verdict::Stale => stale = true,
                Verdict::Wrong => {
                    self.counters.refused_credentials += 1;
                    if path.wire == Wire::Tcp {
                        self.failures.failed(path.remote.ip(), &user, context.t());
                    }
                }
                Verdict::Absent => {}
            }
        }
        self.challenge(request, stale, reply, context);
        None
    }

    fn realm(&self) -> &str {
        self.site.domains.first().unwrap_or(&self.site.key)
    }

    /// Stateless (RFC 3261 §8.2.7): a flood of strangers costs no memory. The tag is the same for the same request.
    fn challenge(&mut self, request: &Request, stale: bool, reply: Path, context: &mut Context) {
        self.counters.challenged += 1;
        let (tag, call_id, cseq) = Self::merge_key(&request.headers);
        let to_tag = self.gate.stamp(&format!("{tag} {call_id} {cseq}"));
        let realm = self.realm().to_owned();
        let values = self.gate.challenges(&realm, self.site.digest, stale, context.t(), &mut context.supplies.rng);
        let builder = Response::to(request, 401).to_tag(&to_tag);
        let builder = values.iter().fold(builder, |builder, value| builder.header(Name::WwwAuthenticate, value));
        let built = builder.build();
        if let Some(response) = self.built(built) {
            self.send_reply(&reply, response.to_bytes());
        }
    }

    // ---- outside of dialogs

    fn out_of_dialog(&mut self, no: No, party: PartyRef, path: Path, link: LinkId, context: &mut Context) {
        let Some(request) = self.servers.get(&no).and_then(|tx| tx.request.as_deref()).cloned() else { return };
        match served(&request.method) {
            Served::Yes => {}
            Served::NotAllowed => {
                self.respond(no, 405, |builder| builder.header(Name::Allow, ALLOW), context);
                return;
            }
            Served::Unknown => {
                self.respond(no, 501, |builder| builder.header(Name::Allow, ALLOW), context);
                return;
            }
        }
        if request.in_dialog() {
            return self.refuse(no, 481, context);
        }
        match request.uri.scheme() {
            Scheme::Sip | Scheme::Tel => {}
            Scheme::Sips | Scheme::Other => return self.refuse(no, 416, context),
        }
        if self.refused_extension(no, &request, context) {
            return;
        }
        match request.method {
            Method::Invite => self.invite_arrived(no, request, party, path, context),
            Method::Register => self.register_arrived(no, &request, party, path, link, context),
            Method::Options => self.options(no, context),
            // what it would refer stands in a dialog
            Method::Refer => self.refuse(no, 403, context),
            // they live in dialogs alone
            _ => self.refuse(no, 481, context),
        }
    }

    /// 420 for a Require we do not know (RFC 3261 §8.2.2.3). True: it was sent.
    pub(super) fn refused_extension(&mut self, no: No, request: &Request, context: &mut Context) -> bool {
        let known = |tag: &String| SUPPORTED.iter().any(|known| known.eq_ignore_ascii_case(tag));
        let unknown: Vec<String> = request.headers.list(Name::Require).into_iter().filter(|tag| !known(tag)).collect();
        if unknown.is_empty() {
            return false;
        }
        self.respond(no, 420, |builder| builder.header(Name::Unsupported, unknown.join(", ")), context);
        true
    }

    /// RFC 3261 §8.2.3. A body that may be passed over is.
    pub(super) fn body_of(request: &Request) -> Body {
        if request.body().is_empty() {
            return Body::None;
        }
        let optional = request
            .headers
            .text(Name::ContentDisposition)
            .is_some_and(|text| text.to_ascii_lowercase().replace(' ', "").contains("handling=optional"));
        let encoded = request.headers.first(Name::ContentEncoding).is_some();
        match part_of(&request.headers, request.body(), "application", "sdp") {
            Some(sdp) if !encoded => Body::Sdp(sdp.to_vec()),
            Some(_) | None if optional => Body::None,
            Some(_) | None => Body::Foreign,
        }
    }

    /// The session description of a response or an ACK; empty when there is none. A type that is missing is forgiven.
    pub(super) fn sdp_of(headers: &Headers, body: &[u8]) -> Vec<u8> {
        let foreign = headers.content_type().is_ok_and(|kind| kind.is_some_and(|kind| !kind.is("application", "sdp")));
        let sdp = if foreign { part_of(headers, body, "application", "sdp").unwrap_or(&[]) } else { body };
        sdp.to_vec()
    }

    pub(super) fn refuse_body(&mut self, no: No, context: &mut Context) {
        let fill = |builder: ResponseBuilder| builder.header(Name::Accept, ACCEPT).named("Accept-Encoding", "identity");
        self.respond(no, 415, fill, context);
    }

    pub(super) fn options(&mut self, no: No, context: &mut Context) {
        let fill = |builder: ResponseBuilder| {
            builder
                .header(Name::Allow, ALLOW)
                .header(Name::Accept, ACCEPT)
                .header(Name::Supported, SUPPORTED.join(", "))
        };
        self.respond(no, 200, fill, context);
    }

    // ---- REGISTER

    fn register_arrived(
        &mut self,
        no: No,
        request: &Request,
        party: PartyRef,
        path: Path,
        link: LinkId,
        context: &mut Context,
    ) {
        if self.shedding {
            // apart, so that they do not all come back in the same second
            let seconds = 5 + context.supplies.rng.below(56);
            self.respond(no, 503, |builder| builder.header(Name::RetryAfter, seconds), context);
            return;
        }
        let extension = match party {
            PartyRef::Extension(extension) => extension,
            // a trunk does not register here
            PartyRef::Trunk(TrunkNo(_)) => return self.refuse(no, 403, context),
        };
        if !self.is_self(extension, request) {
            return self.refuse(no, 403, context);
        }
        let headers = &request.headers;
        let (Ok(contacts), Ok(call_id), Ok(cseq)) = (headers.contacts(), headers.call_id(), headers.cseq()) else {
            return self.refuse(no, 400, context);
        };
        let asked = Asked {
            extension,
            contacts,
            expires: headers.expires().unwrap_or(None),
            call_id: call_id.into_owned(),
            cseq: cseq.number,
            received: path.remote,
            interface: path.interface,
            wire: path.wire,
            link,
            path: headers.list(Name::Path),
            user_agent: headers.text(Name::UserAgent).map(|text| text.into_owned()),
        };
        let site = std::sync::Arc::clone(&self.site);
        match self.registrar.register(&asked, &site.limits, context.t()) {
            Ok(reply) => self.registered(no, &reply, context),
            Err(ticket) => {
                self.tickets.insert(ticket, no);
            }
        }
    }

    /// Nobody registers for another: From and To name the extension that proved itself.
    fn is_self(&self, extension: ExtensionNo, request: &Request) -> bool {
        let is = |uri: &Uri| {
            uri.user_plain().is_some_and(|user| self.site.extension(&user).is_some_and(|named| named.no == extension))
        };
        let (from, to) = (request.headers.from(), request.headers.to());
        from.is_ok_and(|from| is(&from.uri)) && to.is_ok_and(|to| is(&to.uri))
    }

    fn registered(&mut self, no: No, reply: &Reply, context: &mut Context) {
        let Some(request) = self.servers.get(&no).and_then(|tx| tx.request.as_deref()) else { return };
        let path = request.headers.list(Name::Path);
        let fill = |mut builder: ResponseBuilder| {
            if let Some(seconds) = reply.min_expires {
                builder = builder.header(Name::MinExpires, seconds);
            }
            for (uri, q, seconds) in &reply.contacts {
                let value = match q {
                    1000.. => format!("<{uri}>;expires={seconds}"),
                    0..1000 => format!("<{uri}>;q=0.{q:03};expires={seconds}"),
                };
                builder = builder.header(Name::Contact, value);
            }
            if reply.status == 200 && !path.is_empty() {
                builder = builder.header(Name::Path, path.join(", ")).header(Name::Supported, "path");
            }
            builder
        };
        self.respond(no, reply.status, fill, context);
    }

    pub(super) fn registrar_said(&mut self, out: Out, context: &mut Context) {
        match out {
            Out::World(output) => self.out.push_back(output),
            Out::Reply { ticket, reply } => {
                if let Some(no) = self.tickets.remove(&ticket) {
                    self.registered(no, &reply, context);
                }
            }
            Out::Probe { extension, contact } => self.ask_phone(extension, &contact, context),
        }
    }

    /// OPTIONS to a phone that nothing was heard of (RFC 3261 §11.1).
    fn ask_phone(&mut self, extension: ExtensionNo, contact: &str, context: &mut Context) {
        let Some(target) = self.registrar.target(extension, contact) else { return };
        let path = Path { interface: target.interface, wire: target.wire, link: target.link, remote: target.remote };
        let tag = crate::sip::front::new_tag(self.tenant, &mut context.supplies.rng);
        let call_id = context.supplies.rng.token(20);
        let (Some(uri), Some(via), Some(me)) =
            (Uri::parse(&target.uri), self.new_via(&path, context), self.contact(&path))
        else {
            return;
        };
        let to = crate::sip::message::NameAddr::new(uri.clone());
        let mut builder = Request::builder(Method::Options, uri).header(Name::Via, via).header(Name::MaxForwards, 70);
        for route in &target.routes {
            builder = builder.header(Name::Route, route);
        }
        let built = builder
            .header(Name::From, me.clone().with_tag(&tag))
            .header(Name::To, to)
            .header(Name::CallId, call_id)
            .header(Name::CSeq, "1 OPTIONS")
            .header(Name::Contact, me)
            .header(Name::Accept, ACCEPT)
            .build();
        if let Some(request) = self.built(built) {
            let role = Role::Watch { extension, remote: target.remote };
            self.send_request(request, path, role, (None, None), context);
        }
    }

    // ---- what belongs to a dialog

    fn talk_of(&self, request: &Request) -> Option<No> {
        let no = *self.tags.get(&request.headers.to_tag()?)?;
        let talk = self.talks.get(&no)?;
        talk.dialog.is_of(&request.headers, request.headers.from_tag().as_deref()).then_some(no)
    }

    /// The same source as the dialog's: proven once, needs no new challenge.
    fn is_from_far_end(&self, talk: No, path: &Path) -> bool {
        self.talks.get(&talk).is_some_and(|talk| {
            let known = talk.dialog.path;
            known.remote == path.remote && known.wire == path.wire
                || matches!(talk.party, PartyRef::Trunk(trunk)
                    if which_trunk(&self.site, path.remote) == Some(trunk))
        })
    }

    fn ack_arrived(&mut self, request: &Request, of_refusal: Option<No>, path: Path, context: &mut Context) {
        if let Some(tx) = of_refusal.and_then(|no| self.servers.get_mut(&no)) {
            tx.machine.acknowledged(context.t());
            let leg = tx.leg;
            self.trace(leg, false, path.remote, request.to_bytes(), context);
            of_refusal.into_iter().for_each(|no| self.plan_server(no));
        }
        if let Some(talk) = self.talk_of(request) {
            self.acknowledged(talk, request, path, context);
        }
    }

    fn cancel_arrived(
        &mut self,
        request: Request,
        key: super::ServerKey,
        invite: Option<No>,
        reply: Path,
        context: &mut Context,
    ) {
        if let Some(&no) = self.server_keys.get(&key) {
            return self.request_repeated(no);
        }
        let found = invite.and_then(|invite| self.servers.get(&invite).map(|tx| (invite, tx.to_tag.clone(), tx.leg)));
        let Some((invite, to_tag, leg)) = found else {
            self.cancelled_early.remember(super::ServerKey { method: Method::Invite.to_string(), ..key }, context.t());
            // nobody is challenged before a CANCEL, so one that fits nothing must not cost a transaction
            return self.refuse_stateless(&request, 481, reply);
        };
        let bytes = Message::Request(request.clone()).to_bytes();
        let no = self.open_server(request, key, reply, context);
        self.trace(leg, false, reply.remote, bytes, context);
        if let Some(tx) = self.servers.get_mut(&no) {
            // both answers have one tag (RFC 3261 §9.2)
            (tx.to_tag, tx.leg) = (to_tag, leg);
        }
        self.refuse(no, 200, context);
        self.caller_gave_up(invite, context);
    }

    /// Retry-After of a moment, for what will be possible soon (RFC 3261 §14.2, RFC 3311 §5.2).
    pub(super) fn refuse_for_now(&mut self, no: No, context: &mut Context) {
        let seconds = context.supplies.rng.below(11);
        self.respond(no, 500, |builder| builder.header(Name::RetryAfter, seconds), context);
    }

    pub(super) fn is_early(&self, talk: No) -> Option<No> {
        match self.talks.get(&talk)?.phase {
            Phase::Early { server } => Some(server),
            Phase::Confirmed | Phase::Parting(_) | Phase::Over => None,
        }
    }

    pub(super) fn is_emergency(&self, dialled: &str) -> bool {
        self.site.emergency.numbers.iter().any(|number| number == dialled)
    }

    /// How long a 2xx is repeated at first.
    pub(super) const fn first_repeat() -> Span {
        crate::sip::transaction::T1
    }
}
