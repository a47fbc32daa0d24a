//! What the tests of this room share: a site, and messages from text.

use super::message::{Message, Request};
use crate::base::{ExtensionNo, TenantNo};
use crate::site::{Numbering, Site, load, plan};

/// The numbers that [`site`] gives to 1001 and 1002.
pub const EXT_1001: ExtensionNo = ExtensionNo(1);
pub const EXT_1002: ExtensionNo = ExtensionNo(2);

/// Extensions 1001 to 1003 with passwords `p1001` and so on, and a trunk at 192.0.2.50.
pub fn site(tenant: u16, domain: &str) -> Site {
    let text = format!(
        r#"
tenant: t{tenant}
domains: [{domain}]
extensions:
  - {{number: "1001", password: p1001}}
  - {{number: "1002", password: p1002}}
  - {{number: "1003", password: p1003}}
trunks:
  - {{id: carrier, send: "sip:192.0.2.50:5060", accept: ["192.0.2.50/32"], codecs: [PCMA], max_calls: 100}}
emergency: {{numbers: ["112"], trunks: [carrier]}}
"#
    );
    let file = load("test.yaml", &text).unwrap_or_else(|problems| panic!("{}", crate::config::print(&problems)));
    plan(Numbering::new(TenantNo(tenant)), file, &[], &mut |_| String::new()).0
}

/// Tenant 1 at `one.example`, which takes what nobody else does.
pub fn default_site() -> Site {
    let mut site = site(1, "one.example");
    site.default = true;
    site
}

/// A request with the usual fields; `more` are further header lines, each with its line end.
pub fn request(method: &str, uri: &str, to: &str, more: &str) -> Request {
    let text = format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 198.51.100.1:5060;branch=z9hG4bK{method}1;rport\r\n\
         From: <sip:1001@one.example>;tag=ft\r\nTo: {to}\r\nCall-ID: c1\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n\
         {more}Content-Length: 0\r\n\r\n"
    );
    parse(text)
}

pub fn parse(text: impl Into<bytes::Bytes>) -> Request {
    match Message::parse_datagram(text.into()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}
