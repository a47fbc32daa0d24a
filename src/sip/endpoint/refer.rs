//! REFER from our phones, the subscriptions it makes, and the dialogs that `Replaces` names (RFC 3515, RFC 3891, RFC 4488).
//! Owns what is malformed, the NOTIFYs and their order: one is out at a time, a newer word replaces one that waits.
//! Leaves what a reference means to the tenant, who tells how it goes by `Act::ReferProgress`.
//!
//! A subscription lives in its dialog and keeps it after a BYE (RFC 5057 §5): its failure ends nothing but itself.

use super::wire::ALLOW;
use super::{Context, Endpoint, No, Phase, Role, Timed};
use crate::base::bounds::REFER_SUBSCRIPTION;
use crate::base::{LegId, Span, Time};
use crate::event::words::PartyRef;
use crate::sip::message::{Method, Name, Replaces, Request, Scheme, reason_phrase};
use crate::sip::words::{Refer, ReferNo, Tell};

/// The NOTIFYs of one REFER.
#[derive(Debug)]
pub(super) struct Subscription {
    talk: No,
    /// CSeq of the REFER: the `id` of its event (RFC 3515 §2.4.6).
    id: u32,
    until: Time,
    /// What was told last.
    told: u16,
    /// It waits until the NOTIFY before it is answered.
    next: Option<u16>,
    /// A NOTIFY is out.
    out: bool,
}

/// What a `Replaces` names here (RFC 3891 §3).
pub(super) enum Replaced {
    Leg(LegId),
    /// Refused with this status.
    No(u16),
}

/// What a REFER asks for.
struct Asked {
    to: String,
    replaces: Option<Replaces>,
    referred_by: Option<String>,
}

impl Endpoint {
    pub(super) fn refer_arrived(&mut self, no: No, talk: No, request: &Request, context: &mut Context) {
        let Some(entry) = self.talks.get(&talk) else { return };
        let (party, leg, confirmed) = (entry.party, entry.leg, entry.phase == Phase::Confirmed);
        let Some(leg) = leg else { return self.refuse(no, 481, context) };
        let asked = match asked(request) {
            // whom a carrier's customer talks to is not his carrier's to say, unless the site trusts it
            _ if !self.may_refer(party) => return self.refuse(no, 403, context),
            // two dialogs of one carrier may be two people's
            Ok(Asked { replaces: Some(_), .. }) if matches!(party, PartyRef::Trunk(_)) => {
                return self.refuse(no, 403, context);
            }
            _ if !confirmed => return self.refuse(no, 403, context),
            _ if self.subscriptions.values().any(|s| s.talk == talk) => return self.refuse_for_now(no, context),
            Err(status) => return self.refuse(no, status, context),
            Ok(asked) => asked,
        };
        let silent = request.headers.named("Refer-Sub").is_some_and(|text| text.trim().eq_ignore_ascii_case("false"));
        let accepted = |builder: crate::sip::message::ResponseBuilder| {
            let builder = builder.header(Name::Allow, ALLOW);
            if silent { builder.named("Refer-Sub", "false") } else { builder }
        };
        let Some(contact) = self.talks.get(&talk).and_then(|talk| self.contact(&talk.dialog.path)) else { return };
        self.respond(no, 202, |builder| accepted(builder.header(Name::Contact, contact)), context);
        let refer = ReferNo(self.mint());
        if !silent {
            let id = request.headers.cseq().map_or(0, |cseq| cseq.number);
            self.subscribe(refer, talk, id, context);
        }
        let Asked { to, replaces, referred_by } = asked;
        let replaces = match replaces.map(|replaces| self.replaced(&replaces, None)) {
            Some(Replaced::No(_)) => return self.refer_progress(refer, 481, context),
            Some(Replaced::Leg(other)) if other == leg => return self.refer_progress(refer, 481, context),
            Some(Replaced::Leg(other)) => Some(other),
            None => None,
        };
        self.tell(Tell::Refer(Box::new(Refer { leg, refer, to, replaces, referred_by })));
    }

    fn may_refer(&self, party: PartyRef) -> bool {
        match party {
            PartyRef::Extension(_) => true,
            PartyRef::Trunk(trunk) => self.site.trunks.get(&trunk).is_some_and(|trunk| trunk.refer),
        }
    }

    /// The leg whose dialog is named. By `party` in an INVITE, who may replace nobody's dialogs but its own; a REFER (no
    /// party) may also name one that its phone still rings in.
    pub(super) fn replaced(&self, replaces: &Replaces, party: Option<PartyRef>) -> Replaced {
        let found = self.tags.get(&replaces.to_tag).and_then(|no| self.talks.get(no));
        let is_it = |d: &crate::sip::dialog::Dialog| d.call_id == replaces.call_id && d.remote_tag == replaces.from_tag;
        let Some(talk) = found.filter(|talk| is_it(&talk.dialog)) else { return Replaced::No(481) };
        match (talk.phase, talk.leg) {
            (Phase::Over | Phase::Parting(_), _) | (_, None) => Replaced::No(603),
            _ if party.is_some_and(|party| party != talk.party) => Replaced::No(403),
            (Phase::Confirmed, Some(_)) if replaces.early_only => Replaced::No(486),
            // an early dialog that we did not begin
            (Phase::Early { .. }, Some(_)) if party.is_some() => Replaced::No(481),
            (Phase::Early { .. } | Phase::Confirmed, Some(leg)) => Replaced::Leg(leg),
        }
    }

    /// What the `Replaces` of an INVITE names; `Err`: the status it is refused with.
    pub(super) fn replaced_by(&self, request: &Request, party: PartyRef) -> Result<Option<LegId>, u16> {
        if request.headers.all(Name::Replaces).count() > 1 {
            return Err(400);
        }
        match request.headers.replaces() {
            Ok(None) => Ok(None),
            Ok(Some(replaces)) => match self.replaced(&replaces, Some(party)) {
                Replaced::Leg(leg) => Ok(Some(leg)),
                Replaced::No(status) => Err(status),
            },
            Err(_) => Err(400),
        }
    }

    // ---- the subscription

    fn subscribe(&mut self, refer: ReferNo, talk: No, id: u32, context: &mut Context) {
        let until = context.t() + REFER_SUBSCRIPTION;
        if let Some(entry) = self.talks.get_mut(&talk) {
            entry.transactions += 1;
        }
        self.subscriptions.insert(refer, Subscription { talk, id, until, told: 100, next: None, out: false });
        self.agenda.set(Timed::Refer(refer), Some(until));
        self.refer_progress(refer, 100, context);
    }

    /// How the reference goes: a provisional status, or the final one, which ends the subscription.
    pub(super) fn refer_progress(&mut self, refer: ReferNo, status: u16, context: &mut Context) {
        let Some(subscription) = self.subscriptions.get_mut(&refer) else { return };
        if subscription.told >= 200 || subscription.next.is_some_and(|next| next >= 200) {
            return;
        }
        if subscription.out {
            subscription.next = Some(status);
            return;
        }
        self.notify(refer, status, None, context);
    }

    fn notify(&mut self, refer: ReferNo, status: u16, reason: Option<&str>, context: &mut Context) {
        let t = context.t();
        let Some(subscription) = self.subscriptions.get_mut(&refer) else { return };
        (subscription.told, subscription.out) = (status, true);
        let (talk, id) = (subscription.talk, subscription.id);
        let left = subscription.until.since(t).max(Span::ZERO).as_seconds();
        let state = match reason.or((status >= 200).then_some("noresource")) {
            Some(reason) => format!("terminated;reason={reason}"),
            None => format!("active;expires={left}"),
        };
        let fragment = format!("SIP/2.0 {status} {}\r\n", reason_phrase(status));
        let contact = self.talks.get(&talk).and_then(|talk| self.contact(&talk.dialog.path));
        let sent = contact.is_some_and(|contact| {
            self.send_in_dialog(talk, Method::Notify, Role::Notify { refer }, context, |builder| {
                builder
                    .header(Name::Contact, contact)
                    .header(Name::Event, format!("refer;id={id}"))
                    .header(Name::SubscriptionState, state)
                    .body("message/sipfrag;version=2.0", fragment)
            })
        });
        if !sent {
            self.unsubscribe(refer);
        }
    }

    /// A NOTIFY was answered, or not: refused, the subscription is over and nothing else is.
    pub(super) fn notified(&mut self, refer: ReferNo, status: u16, context: &mut Context) {
        if status < 200 {
            return;
        }
        let Some(subscription) = self.subscriptions.get_mut(&refer) else { return };
        subscription.out = false;
        let over = subscription.told >= 200 || subscription.until <= context.t();
        match subscription.next.take() {
            _ if status >= 300 || over => self.unsubscribe(refer),
            Some(next) => self.notify(refer, next, None, context),
            None => {}
        }
    }

    /// Nobody told the end of the reference in time.
    pub(super) fn refer_due(&mut self, refer: ReferNo, context: &mut Context) {
        self.agenda.set(Timed::Refer(refer), None);
        let Some(told) = self.subscriptions.get(&refer).filter(|s| !s.out).map(|s| s.told) else { return };
        self.notify(refer, told, Some("timeout"), context);
    }

    fn unsubscribe(&mut self, refer: ReferNo) {
        self.agenda.set(Timed::Refer(refer), None);
        if let Some(subscription) = self.subscriptions.remove(&refer) {
            self.release(Some(subscription.talk));
        }
    }
}

/// RFC 3515 §2.4.2: exactly one Refer-To, a URI that we can call by an INVITE. `Err`: the status of the refusal.
fn asked(request: &Request) -> Result<Asked, u16> {
    if request.headers.all(Name::ReferTo).count() != 1 {
        return Err(400);
    }
    let uri = request.headers.refer_to().ok().flatten().ok_or(400_u16)?.uri;
    match uri.scheme() {
        Scheme::Sip | Scheme::Tel => {}
        Scheme::Sips | Scheme::Other => return Err(416),
    }
    if uri.param("method").is_some_and(|method| !method.eq_ignore_ascii_case("INVITE")) {
        return Err(501);
    }
    let replaces = match uri.header("Replaces") {
        Some(text) => Some(Replaces::parse(&text).ok_or(400_u16)?),
        None => None,
    };
    let referred_by = request.headers.referred_by().map_err(|_| 400_u16)?.map(|addr| addr.uri.as_str().to_owned());
    Ok(Asked { to: uri.user_plain().unwrap_or_default().into_owned(), replaces, referred_by })
}
