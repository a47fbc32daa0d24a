//! What the tests of this room share: a site, and messages from text.

use indexmap::IndexMap;

use super::message::{Message, Request};
use crate::base::{ExtensionNo, Span, TenantNo, TrunkNo};
use crate::event::words::Wire;
use crate::site::{Accept, DigestPolicy, Emergency, Extension, Limits, Network, Secret, Site, Trunk, TrunkTarget};

/// Extensions 1001 to 1003 with passwords `p1001` and so on, and a trunk at 192.0.2.50.
pub fn site(tenant: u16, domain: &str) -> Site {
    let extension = |no: u32| Extension {
        no: ExtensionNo(no),
        number: no.to_string(),
        name: String::new(),
        password: Secret(format!("p{no}")),
        outbound: true,
        retiring: false,
    };
    let trunk = Trunk {
        no: TrunkNo(1),
        id: "carrier".into(),
        send: TrunkTarget {
            host: "192.0.2.50".into(),
            ip: Some([192, 0, 2, 50].into()),
            port: 5060,
            transport: Wire::Udp,
        },
        accept: vec![Accept { network: Network { ip: [192, 0, 2, 50].into(), prefix: 32 }, port: None }],
        codecs: Vec::new(),
        max_calls: 100,
        inbound: Vec::new(),
        outbound: Vec::new(),
        caller_id: None,
        retiring: false,
    };
    Site {
        tenant: TenantNo(tenant),
        key: domain.into(),
        domains: vec![domain.into()],
        default: false,
        time_zone: "UTC".into(),
        language: "en-US".into(),
        digest: DigestPolicy::Md5,
        limits: Limits {
            calls: 100,
            cps: 100,
            call_max: Span::hours(4),
            hold_max: Span::minutes(15),
            register_min: Span::seconds(60),
            register_max: Span::hours(1),
            register_default: Span::minutes(5),
        },
        extensions: [1001, 1002, 1003].into_iter().map(|no| (ExtensionNo(no), extension(no))).collect(),
        agents: IndexMap::new(),
        groups: IndexMap::new(),
        trunks: IndexMap::from([(TrunkNo(1), trunk)]),
        routes: Vec::new(),
        numbers: IndexMap::new(),
        emergency: Emergency { numbers: vec!["112".into()], trunks: vec![TrunkNo(1)] },
        flows: IndexMap::new(),
    }
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
