//! INVITE to us: from 100 to the ACK of our 2xx. RFC 3261 §13.3.
//! Owns legs that came in and are not answered, and the repeats of our 2xx. Leaves the dialog's life to `talk`.

use super::arrive::Body;
use super::wire::{ALLOW, SUPPORTED};
use super::{Context, Endpoint, Leg, No, Phase, Talk, Unacked};
use crate::base::LegId;
use crate::event::words::{EndCause, PartyRef};
use crate::sip::credentials::Credentials;
use crate::sip::dialog::{Dialog, Path};
use crate::sip::endpoint::session::{self, Asked};
use crate::sip::front::Bucket;
use crate::sip::message::{Method, Name, Request, ResponseBuilder};
use crate::sip::transaction::PATIENCE;
use crate::sip::words::{Incoming, Tell};

/// The header that says which contacts a call has been.
pub(super) const MET: &str = "X-Cordboard-Contact";

impl Endpoint {
    /// An INVITE from a trunk or a proven phone, outside of dialogs.
    pub(super) fn invite_arrived(
        &mut self,
        no: No,
        request: Request,
        party: PartyRef,
        path: Path,
        context: &mut Context,
    ) {
        let dialled = request.uri.user_plain().unwrap_or_default().into_owned();
        let Some(key) = self.servers.get(&no).map(|tx| &tx.key) else { return };
        if self.cancelled_early.take(key, context.t()) {
            return self.refuse(no, 487, context);
        }
        if self.shedding && !self.is_emergency(&dialled) {
            return self.refuse(no, 503, context);
        }
        let max_forwards = request.headers.max_forwards().unwrap_or(None).unwrap_or(70);
        if max_forwards == 0 {
            return self.refuse(no, 483, context);
        }
        let sdp = match Self::body_of(&request) {
            Body::None => None,
            Body::Sdp(sdp) => Some(sdp),
            Body::Foreign => return self.refuse_body(no, context),
        };
        let timer = session::asked(&request.headers);
        if let Asked::TooSmall = timer {
            self.respond(no, 422, |builder| builder.header(Name::MinSe, session::MIN_SE), context);
            return;
        }
        // first of all: whose call it takes over is never a new call
        let replaces = match self.replaced_by(&request, party) {
            Ok(replaces) => replaces,
            Err(status) => return self.refuse(no, status, context),
        };
        let Some(to_tag) = self.servers.get(&no).map(|tx| tx.to_tag.clone()) else { return };
        let follow = matches!(party, PartyRef::Trunk(_));
        let Some(dialog) = Dialog::uas(&request, &to_tag, path, follow) else {
            return self.refuse(no, 400, context);
        };
        let leg = LegId(context.supplies.ids.mint(context.t()));
        let talk = self.open_talk(dialog, party, Some(leg), Phase::Early { server: no }, context);
        if let Some(entry) = self.talks.get_mut(&talk) {
            entry.takes_update = request.headers.lists(Name::Allow, "UPDATE");
        }
        self.join_talk(no, talk, Some(leg));
        self.legs.insert(leg, Leg::Inbound { server: no, talk });
        let incoming = incoming(leg, party, dialled, sdp, max_forwards, &request, path);
        self.tell(Tell::Incoming(Box::new(Incoming { replaces, ..incoming })));
        self.trace(Some(leg), false, path.remote, request.to_bytes(), context);
        self.respond(no, 100, |builder| builder, context);
    }

    pub(super) fn open_talk(
        &mut self,
        dialog: Dialog,
        party: PartyRef,
        leg: Option<LegId>,
        phase: Phase,
        context: &Context,
    ) -> No {
        let no = self.mint();
        self.tags.insert(dialog.local_tag.clone(), no);
        let infos = Bucket::full(crate::base::bounds::INFOS_PER_SECOND, context.t());
        let talk = Talk {
            dialog,
            party,
            leg,
            phase,
            transactions: 0,
            takes_update: false,
            sdp: Vec::new(),
            session: None,
            offered: None,
            refreshing: false,
            unacked: None,
            infos,
            credentials: Credentials::default(),
        };
        self.talks.insert(no, talk);
        no
    }

    pub(super) fn progress(&mut self, leg: LegId, status: u16, sdp: Option<Vec<u8>>, context: &mut Context) {
        let Some(&Leg::Inbound { server, talk }) = self.legs.get(&leg) else { return };
        if !(101..200).contains(&status) {
            return;
        }
        let Some(contact) = self.talks.get(&talk).and_then(|talk| self.contact(&talk.dialog.path)) else { return };
        let fill = |builder: ResponseBuilder| {
            let builder = builder.header(Name::Contact, contact).header(Name::Allow, ALLOW);
            match sdp {
                Some(sdp) => builder.body("application/sdp", sdp),
                None => builder,
            }
        };
        self.respond(server, status, fill, context);
    }

    pub(super) fn accept(&mut self, leg: LegId, sdp: Vec<u8>, context: &mut Context) {
        let Some(&Leg::Inbound { server, talk }) = self.legs.get(&leg) else { return };
        if self.answer_with_sdp(server, talk, sdp, context) {
            self.legs.insert(leg, Leg::Up { talk });
            if let Some(entry) = self.talks.get_mut(&talk) {
                entry.phase = Phase::Confirmed;
            }
            self.tell_dialog(talk);
            self.plan_talk(talk);
        }
    }

    /// 200 to an INVITE, first or later, and to an UPDATE: with session timer, and repeated until its ACK.
    pub(super) fn answer_with_sdp(&mut self, server: No, talk: No, sdp: Vec<u8>, context: &mut Context) -> bool {
        let t = context.t();
        let Some(request) = self.servers.get(&server).and_then(|tx| tx.request.as_deref()) else { return false };
        let (headers, is_invite) = (&request.headers, request.method == Method::Invite);
        let (offered, cseq) =
            (matches!(Self::body_of(request), Body::None), headers.cseq().map_or(0, |cseq| cseq.number));
        let timer = session::accept(&session::asked(headers), t);
        let Some(entry) = self.talks.get_mut(&talk) else { return false };
        entry.session = timer;
        if !sdp.is_empty() {
            entry.sdp.clone_from(&sdp);
        }
        let path = entry.dialog.path;
        let Some(contact) = self.contact(&path) else { return false };
        let fill = |builder: ResponseBuilder| {
            let builder = builder
                .header(Name::Contact, contact)
                .header(Name::Allow, ALLOW)
                .header(Name::Supported, SUPPORTED.join(", "));
            let builder = session::write_answer(builder, timer.as_ref());
            if sdp.is_empty() { builder } else { builder.body("application/sdp", sdp) }
        };
        let reply_path = self.servers.get(&server).map_or(path, |tx| tx.path);
        let Some(bytes) = self.respond(server, 200, fill, context) else { return false };
        if let Some(entry) = self.talks.get_mut(&talk).filter(|_| is_invite) {
            let interval = Self::first_repeat();
            entry.unacked = Some(Unacked {
                bytes,
                path: reply_path,
                cseq,
                again: t + interval,
                interval,
                until: t + PATIENCE,
                offered,
            });
        }
        self.plan_talk(talk);
        true
    }

    /// The ACK of our 2xx.
    pub(super) fn acknowledged(&mut self, talk: No, request: &Request, path: Path, context: &mut Context) {
        let Some(entry) = self.talks.get_mut(&talk) else { return };
        let cseq = request.headers.cseq().map_or(0, |cseq| cseq.number);
        let Some(unacked) = entry.unacked.take_if(|unacked| unacked.cseq == cseq) else { return };
        let (leg, phase) = (entry.leg, entry.phase);
        self.trace(leg, false, path.remote, request.to_bytes(), context);
        match phase {
            Phase::Parting(cause) => self.say_bye(talk, cause, context),
            Phase::Confirmed => {
                let sdp = Some(Self::sdp_of(&request.headers, request.body())).filter(|sdp| !sdp.is_empty());
                let sdp = sdp.filter(|_| unacked.offered);
                if let Some(leg) = leg {
                    self.tell(Tell::Acked { leg, sdp });
                }
            }
            Phase::Early { .. } | Phase::Over => {}
        }
        self.plan_talk(talk);
    }

    /// A CANCEL for this INVITE: nothing when it was answered before (RFC 3261 §9.2).
    pub(super) fn caller_gave_up(&mut self, invite: No, context: &mut Context) {
        let Some(tx) = self.servers.get(&invite).filter(|tx| tx.machine.is_open()) else { return };
        let (leg, talk) = (tx.leg, tx.talk);
        // a re-INVITE that is cancelled leaves the dialog as it was
        let initial = talk.is_some_and(|talk| self.is_early(talk) == Some(invite));
        self.respond(invite, 487, |builder| builder, context);
        if let Some(entry) = talk.and_then(|talk| self.talks.get_mut(&talk)) {
            entry.offered.take_if(|offered| *offered == invite);
        }
        if let (true, Some(leg), Some(talk)) = (initial, leg, talk) {
            self.leg_ended(leg, talk, EndCause::Cancelled, Some(487), true);
        }
    }

    /// A final refusal of an INVITE that was not answered.
    pub(super) fn refuse_invite(&mut self, leg: LegId, status: u16, cause: EndCause, context: &mut Context) {
        let Some(Leg::Inbound { server, talk }) = self.legs.get(&leg) else { return };
        let (server, talk) = (*server, *talk);
        let status =
            if (300..700).contains(&status) { status } else { crate::switch::code::sip_status(cause).max(300) };
        let reason = super::wire::reason(cause);
        let sent = self.respond(server, status, |builder| builder.header(Name::Reason, reason), context);
        if sent.is_none() {
            self.refuse(server, 500, context);
        }
        self.legs.remove(&leg);
        self.close_talk(talk);
    }
}

fn incoming(
    leg: LegId,
    party: PartyRef,
    dialled: String,
    sdp: Option<Vec<u8>>,
    max_forwards: u8,
    request: &Request,
    path: Path,
) -> Incoming {
    let headers = &request.headers;
    let from = headers.from().ok();
    let user = |addr: &crate::sip::message::NameAddr| addr.uri.user_plain().map(|user| user.into_owned());
    let asserted = match party {
        PartyRef::Trunk(_) => headers.asserted_identities().unwrap_or_default().iter().find_map(user),
        // a phone asserts nothing about itself
        PartyRef::Extension(_) => None,
    };
    let mets = headers.iter().filter(|header| header.name_text().eq_ignore_ascii_case(MET));
    Incoming {
        leg,
        party,
        from_user: from.as_ref().and_then(user).unwrap_or_default(),
        from_name: from.as_ref().and_then(|from| from.display.clone()),
        asserted_user: asserted,
        dialled,
        call_id: headers.call_id().map(|id| id.into_owned()).unwrap_or_default(),
        sdp,
        replaces: None,
        max_forwards,
        interface: path.interface,
        remote: path.remote,
        wire: path.wire,
        met: mets
            .flat_map(|header| header.text().split(',').map(|id| id.trim().to_owned()).collect::<Vec<_>>())
            .collect(),
    }
}
