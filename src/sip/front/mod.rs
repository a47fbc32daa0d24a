//! The door: which tenant a message belongs to, found without a shared table.
//! Owns the marks that our branches, tags and Contacts carry, the choice of tenant for an initial request, the class of a
//! message for the lanes, answers to what fits nobody, and the rate of each source ([`guard`]).
//! Leaves framing and size to `message`, credentials and everything with a state to the endpoint.
//!
//! A mark is `cb<tenant>.<chance>`: of a branch behind the magic cookie, of a tag as a whole; a Contact's user is `cb<tenant>`.

pub mod guard;

pub use guard::{Bucket, Failures, Rates};

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::message::{Message, Method, ParseError, Request, Response};
use super::transaction::MAGIC_COOKIE;
use crate::base::{Rng, TenantNo};
use crate::site::{self, Site};

/// 80 bits of chance in a branch or tag, 5 in each character (RFC 3261 §19.3 asks for 32).
const CHANCE: usize = 16;

pub fn new_branch(tenant: TenantNo, rng: &mut Rng) -> String {
    format!("{MAGIC_COOKIE}cb{tenant}.{}", rng.token(CHANCE))
}

pub fn new_tag(tenant: TenantNo, rng: &mut Rng) -> String {
    format!("cb{tenant}.{}", rng.token(CHANCE))
}

/// User part of our Contact.
pub fn contact_user(tenant: TenantNo) -> String {
    format!("cb{tenant}")
}

/// The tenant in a branch, tag or Contact user of ours.
pub fn tenant_of(mark: &str) -> Option<TenantNo> {
    let mark = mark.strip_prefix(MAGIC_COOKIE).unwrap_or(mark).strip_prefix("cb")?;
    let digits = mark.split_once('.').map_or(mark, |(digits, _)| digits);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse().ok().map(TenantNo)).flatten()
}

/// Lane of a message: the lowest is dropped first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// REGISTER and the rest: the sender repeats it, and nobody talks yet.
    Other,
    Invite,
    /// In-dialog requests, ACK, CANCEL and responses: calls that run.
    Dialog,
}

pub fn class(message: &Message) -> Class {
    match message {
        Message::Response(_) => Class::Dialog,
        Message::Request(request) => match request.method {
            Method::Ack | Method::Cancel => Class::Dialog,
            _ if request.in_dialog() => Class::Dialog,
            Method::Invite => Class::Invite,
            _ => Class::Other,
        },
    }
}

/// Whose message this is.
///
/// A response goes by its top Via, a request within a dialog by its To tag, or by the Contact user it is sent to. An
/// initial request goes to the tenant whose trunk the source is (by called number, when it is a trunk of several), else
/// to the one whose domain the Request-URI or To names, else to the default tenant.
pub fn owner(sites: &[Arc<Site>], source: SocketAddr, message: &Message) -> Option<TenantNo> {
    let known = |tenant: &TenantNo| sites.iter().any(|site| site.tenant == *tenant);
    match message {
        Message::Response(response) => {
            let via = response.headers.via().ok()?;
            via.branch().and_then(tenant_of).filter(known)
        }
        Message::Request(request) => {
            let to = request.headers.to().ok();
            let by_tag = to.as_ref().and_then(|to| to.tag()).and_then(tenant_of);
            let by_contact = request.uri.user().and_then(tenant_of);
            by_tag.or(by_contact).filter(known).or_else(|| which_tenant(sites, source, request))
        }
    }
}

fn which_tenant(sites: &[Arc<Site>], source: SocketAddr, request: &Request) -> Option<TenantNo> {
    let all = sites.iter().map(|site| &**site);
    let to = request.headers.to().ok();
    let hosts = [Some(request.uri.host()), to.as_ref().map(|to| to.uri.host())];
    // phones write the server's address into one of them and the domain into the other
    let named = |host: &&str| sites.iter().any(|site| site.has_domain(host));
    let host = hosts.into_iter().flatten().find(named).unwrap_or_default();
    let called = request.uri.user_plain().unwrap_or_default();
    site::which_tenant(all, source, host, &called).map(|claim| claim.tenant)
}

/// The answer to a faulty request, without a state. `None`: drop it.
pub fn refuse_faulty(error: &ParseError, source: SocketAddr) -> Option<Bytes> {
    let request = error.request.as_deref()?;
    refuse(request, error.fault.status(), &error.fault.reason(), source)
}

/// The answer to what fits no tenant. ACK is never answered.
pub fn refuse_stranger(request: &Request, source: SocketAddr) -> Option<Bytes> {
    refuse(request, 404, "Not Found", source)
}

fn refuse(request: &Request, status: u16, reason: &str, source: SocketAddr) -> Option<Bytes> {
    if request.method == Method::Ack {
        return None;
    }
    let mut stamped = request.clone();
    stamped.headers.stamp_via(source).ok()?;
    // a state-less answer has the same tag each time (RFC 3261 §8.2.7); this one leads nowhere and needs no secret
    Response::to(&stamped, status).reason(reason).to_tag("nobody").build().ok().map(|response| response.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::testing::{default_site, request, site};

    #[test]
    fn marks_are_read_back() {
        let mut rng = Rng::from_number(1);
        let tenant = TenantNo(12);
        assert_eq!(tenant_of(&new_branch(tenant, &mut rng)), Some(tenant));
        assert_eq!(tenant_of(&new_tag(tenant, &mut rng)), Some(tenant));
        assert_eq!(tenant_of(&contact_user(tenant)), Some(tenant));
        for foreign in ["z9hG4bKxyz", "cbx.1", "cb", "cb-1", "cb99999.x", "as5d6f", "1001"] {
            assert_eq!(tenant_of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn every_message_finds_its_owner_and_its_lane() {
        let sites: Vec<Arc<Site>> = vec![Arc::new(default_site()), Arc::new(site(2, "two.example"))];
        let phone: SocketAddr = ([198, 51, 100, 1], 5060).into();
        let trunk: SocketAddr = ([192, 0, 2, 50], 5060).into();
        struct Row(&'static str, &'static str, &'static str, bool, u16, Class);
        let rows = [
            Row("REGISTER", "sip:two.example", "<sip:1001@two.example>", false, 2, Class::Other),
            Row("REGISTER", "sip:192.0.2.1", "<sip:1001@TWO.example>", false, 2, Class::Other),
            Row("REGISTER", "sip:192.0.2.1", "<sip:1001@192.0.2.1>", false, 1, Class::Other),
            Row("INVITE", "sip:9000@192.0.2.1", "<sip:9000@192.0.2.1>", true, 1, Class::Invite),
            Row("INVITE", "sip:cb2@192.0.2.1", "<sip:x@y>;tag=cb2.abc", false, 2, Class::Dialog),
            Row("BYE", "sip:cb2@192.0.2.1", "<sip:x@y>", false, 2, Class::Other),
            Row("ACK", "sip:cb7@192.0.2.1", "<sip:x@y>;tag=cb7.abc", false, 1, Class::Dialog),
            Row("CANCEL", "sip:1002@two.example", "<sip:1002@two.example>", false, 2, Class::Dialog),
        ];
        for Row(method, uri, to, from_trunk, tenant, lane) in rows {
            let message = Message::Request(request(method, uri, to, ""));
            let source = if from_trunk { trunk } else { phone };
            assert_eq!(owner(&sites, source, &message), Some(TenantNo(tenant)), "{method} {uri} {to}");
            assert_eq!(class(&message), lane, "{method} {uri} {to}");
        }
        let stranger = Message::Request(request("REGISTER", "sip:three.example", "<sip:1@three.example>", ""));
        assert_eq!(owner(&sites[1..], phone, &stranger), None);
    }

    #[test]
    fn a_stranger_gets_404_and_his_ack_nothing() {
        let source = ([198, 51, 100, 1], 5060).into();
        let bytes = refuse_stranger(&request("INVITE", "sip:x@y", "<sip:x@y>", ""), source).expect("answered");
        assert!(bytes.starts_with(b"SIP/2.0 404 Not Found\r\n"));
        assert_eq!(refuse_stranger(&request("ACK", "sip:x@y", "<sip:x@y>", ""), source), None);
    }
}
