//! What the tests of this room share: a site, and messages from text.

use super::message::{Message, Request};
use crate::base::{ExtensionNo, TenantNo};
use crate::site::{Extension, Numbering, Site, load, plan};

/// Extensions 1001 to 1003 with passwords `p1001` and so on, and a trunk at 192.0.2.50.
pub fn site(tenant: u16, domain: &str) -> Site {
    let text = format!(
        "tenant: t{tenant}
domains: [{domain}]
language: en-US
extensions:
  - {{number: \"1001\", password: p1001, outbound: true}}
  - {{number: \"1002\", password: p1002, outbound: true}}
  - {{number: \"1003\", password: p1003, outbound: true}}
trunks: [{{id: carrier, send: \"sip:192.0.2.50:5060\", accept: [192.0.2.50/32]}}]
emergency: {{numbers: [\"112\"], trunks: [carrier]}}
"
    );
    let file = load("site.yaml", &text).unwrap_or_else(|problems| panic!("{}", crate::config::print(&problems)));
    let mut site = plan(Numbering::new(TenantNo(tenant)), file, &[], &mut |_| String::new()).0;
    // Tests know the extensions by their numbers.
    site.extensions = site.extensions.into_values().map(renumbered).map(|e| (e.no, e)).collect();
    site
}

fn renumbered(extension: Extension) -> Extension {
    let no = extension.number.parse().map(ExtensionNo).unwrap_or(extension.no);
    Extension { no, ..extension }
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
