//! The site of the scenarios as a file, its flows, and who has which phone.

use std::net::SocketAddr;

use cordboard::base::ExtensionNo;
use cordboard::event::words::Wire;

pub const DOMAIN: &str = "sim.example";
pub const TENANT: &str = "sim";

/// What differs between sites.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub agents: usize,
    pub calls: u32,
    pub digest: &'static str,
    pub trunk_calls: u32,
    /// How the carrier and we speak.
    pub trunk_wire: Wire,
    /// How `support` offers: `ring` or `client`.
    pub offer: &'static str,
    /// To whom `support` offers.
    pub strategy: &'static str,
    /// The groups that bo supervises, as the site file lists them.
    pub bo_supervises: &'static str,
}

impl Shape {
    pub const SMALL: Self = Self {
        agents: 2,
        calls: 50,
        digest: "md5",
        trunk_calls: 50,
        trunk_wire: Wire::Udp,
        offer: "ring",
        strategy: "longest-idle",
        bo_supervises: "",
    };
}

/// How long the site lets people wait. Only lengths differ between back-ends, never the order of things.
pub struct Waits {
    /// How long a group rings an agent.
    pub ring: &'static str,
    /// How long a flow rings a phone.
    pub dial: &'static str,
    pub wrap_up: &'static str,
}

/// As a call centre has them.
pub const USUAL: Waits = Waits { ring: "20s", dial: "20s", wrap_up: "10s" };

/// The phones of a small site by name: extension and transport. `ana2` is ana's second phone, and does not register by
/// itself.
pub const PHONES: [(&str, &str, Wire); 6] = [
    ("ana", "1001", Wire::Udp),
    ("bo", "1002", Wire::Tcp),
    ("cai", "1900", Wire::Udp),
    ("dana", "1901", Wire::Tcp),
    ("eve", "1902", Wire::Udp),
    (SECOND_PHONE, "1001", Wire::Udp),
];
pub const SECOND_PHONE: &str = "ana2";
pub const CARRIER: &str = "carrier";
/// Whoever we called last over the carrier, beside the callers there.
pub const CALLED: &str = "called";

pub fn password(number: &str) -> String {
    format!("secret-{number}")
}

/// The agents of a small site, by the names of their phones.
pub fn agent(who: &str) -> &'static str {
    match who {
        "ana" => "a0",
        "bo" => "a1",
        other => panic!("{other} is no agent"),
    }
}

/// The extension of the agent at this phone, in the order of the site.
pub fn extension(who: &str) -> ExtensionNo {
    match who {
        "ana" => ExtensionNo(1),
        "bo" => ExtensionNo(2),
        other => panic!("{other} is no agent"),
    }
}

/// The carrier takes calls at `carrier`, and connects from the port behind it too. Agents `a0`, `a1` ... at the extensions
/// from 1001 on; three more phones behind them, from 1900 on.
pub fn site(shape: &Shape, waits: &Waits, carrier: SocketAddr) -> String {
    let numbers = (0..shape.agents).map(|n| (1001 + n).to_string());
    let others = ["1900", "1901", "1902"].map(str::to_owned);
    let extension = |n: String| {
        format!("  - {{number: \"{n}\", name: Phone {n}, password: \"{}\", outbound: true}}\n", password(&n))
    };
    let extensions: String = numbers.chain(others).map(extension).collect();
    let agents: String = (0..shape.agents).map(|n| agent_line(n, shape)).collect();
    let Shape { calls, digest, trunk_calls, offer, strategy, agents: _, trunk_wire: _, bo_supervises: _ } = shape;
    let transport = match shape.trunk_wire {
        Wire::Udp => "",
        Wire::Tcp => ";transport=tcp",
    };
    let Waits { ring, wrap_up, dial: _ } = waits;
    let (ip, port, second) = (carrier.ip(), carrier.port(), carrier.port() + 1);
    format!(
        r#"tenant: {TENANT}
domains: [{DOMAIN}]
default: true
time_zone: UTC
language: en-US
limits: {{calls: {calls}, cps: 100}}
rest: {{quota: 20%, max: 2m}}
extensions:
{extensions}groups:
  - {{id: support, name: Support, strategy: {strategy}, offer: {offer}, ring: {ring}, wrap_up: {wrap_up}}}
  - {{id: sales, name: Sales, strategy: skill-level, ring: 15s, wrap_up: 5s}}
agents:
{agents}trunks:
  - {{id: carrier, send: "sip:{carrier}{transport}", accept: ["{ip}/32:{port}", "{ip}/32:{second}"], codecs: [PCMA], max_calls: {trunk_calls}, inbound: [{{match: "^0?(4\\d{{9}})$", to: "+86$1"}}]}}
routes:
  - {{match: "^9(\\d{{7,}})$", to: "+86$1", trunks: [carrier]}}
  - {{match: "^1\\d{{3}}$", extension: true}}
numbers:
  - {{number: "+864008000001", flow: main}}
  - {{number: "+864008000002", flow: direct}}
  - {{number: "+864008000003", flow: forward}}
  - {{number: "9002", flow: direct}}
emergency: {{numbers: ["110"], trunks: [carrier]}}
digest: {digest}
"#
    )
}

fn agent_line(n: usize, shape: &Shape) -> String {
    let groups = match n % 3 {
        0 => "support: 5",
        1 => "support: 5, sales: 3",
        _ => "support: 2, sales: 7",
    };
    let number = 1001 + n;
    let supervises = if n == 1 { shape.bo_supervises } else { "" };
    format!(
        "  - {{id: a{n}, name: Agent {n}, station: {{extension: \"{number}\"}}, groups: {{{groups}}}, \
         supervises: [{supervises}]}}\n"
    )
}

/// Flows by key, with their text.
pub fn flows(waits: &Waits) -> Vec<(&'static str, String)> {
    let forward = include_str!("forward.yaml");
    vec![
        ("main", include_str!("../../dialplans/main.yaml").to_owned()),
        ("direct", include_str!("direct.yaml").to_owned()),
        ("identity", include_str!("identity.yaml").to_owned()),
        ("callback", include_str!("callback.yaml").to_owned()),
        ("forward", forward.replace("ring: 20s", &format!("ring: {}", waits.dial))),
    ]
}
