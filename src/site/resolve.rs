//! Who is meant by a dialled number, and which trunk a source is.
//! Owns the one way from a number to a destination, for phones, trunks, flows, transfers and the API.
//! Leaves to `call` whether the destination is free, to `sip` where its phones are.

use std::net::SocketAddr;

use super::number::{normal_form, stripped};
use super::{Extension, Number, Rewrite, Route, RouteAction, Site, Trunk};
use crate::base::{ExtensionNo, NumberNo, TenantNo, TrunkNo};

/// Who dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Extension(ExtensionNo),
    /// Reaches the tenant's numbers and nothing else: a carrier's caller never gets out again, nor to a phone.
    Trunk(TrunkNo),
    Flow,
    Api,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// One of the tenant's numbers: its flow answers.
    Number {
        no: NumberNo,
    },
    Extension {
        no: ExtensionNo,
    },
    /// Out over the first of the trunks that has room and answers. `number` is what [`Trunk::outbound_form`] takes.
    Trunks {
        number: String,
        trunks: Vec<TrunkNo>,
    },
    /// As `Trunks`, past every permission, limit, blacklist and shedding.
    Emergency {
        number: String,
        trunks: Vec<TrunkNo>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResolveError {
    /// It means nothing here. SIP: 404.
    NotFound,
    /// Who dials may not dial this. SIP: 403.
    Forbidden,
}

/// Resolves what was dialled: a number in any form, or a `sip:` or `tel:` URI with one.
///
/// The order: emergency numbers, the tenant's own numbers, then the routes, of which the first match decides. A number
/// that a route rewrites to one of the first two is that one, so no call leaves over a trunk to come back in.
///
/// # Errors
/// `NotFound` for what is no number, for what no rule knows, and for a trunk that is none of this site.
pub fn resolve(site: &Site, from: &Origin, dialled: &str) -> Result<Destination, ResolveError> {
    let outbound = match from {
        Origin::Trunk(no) => {
            let trunk = site.trunks.get(no).ok_or(ResolveError::NotFound)?;
            let number = trunk.called_number(dialled).ok_or(ResolveError::NotFound)?;
            let no = site.number(&number).ok_or(ResolveError::NotFound)?.no;
            return Ok(Destination::Number { no });
        }
        Origin::Extension(no) => site.extensions.get(no).is_some_and(|e| e.outbound),
        Origin::Flow | Origin::Api => true,
    };
    let number = normal_form(dialled).ok_or(ResolveError::NotFound)?;
    if let Some(destination) = known(site, &number) {
        return Ok(destination);
    }
    let Some(Route { pattern, action, .. }) = site.routes.iter().find(|r| r.pattern.matches(&number)) else {
        return Err(ResolveError::NotFound);
    };
    match action {
        RouteAction::Extension => {
            let no = site.extension(&number).ok_or(ResolveError::NotFound)?.no;
            Ok(Destination::Extension { no })
        }
        RouteAction::Trunks { to, trunks } => {
            let rewritten = pattern.rewrite(&number, to).and_then(|n| normal_form(&n)).ok_or(ResolveError::NotFound)?;
            if let Some(destination) = known(site, &rewritten) {
                return Ok(destination);
            }
            if !outbound {
                return Err(ResolveError::Forbidden);
            }
            let trunks = in_service(site, trunks);
            if trunks.is_empty() {
                Err(ResolveError::NotFound)
            } else {
                Ok(Destination::Trunks { number: rewritten, trunks })
            }
        }
    }
}

/// What needs no route.
fn known(site: &Site, number: &str) -> Option<Destination> {
    if site.emergency.numbers.iter().any(|n| n == number) {
        let trunks = in_service(site, &site.emergency.trunks);
        return Some(Destination::Emergency { number: number.to_owned(), trunks });
    }
    site.number(number).map(|n: &Number| Destination::Number { no: n.no })
}

fn in_service(site: &Site, trunks: &[TrunkNo]) -> Vec<TrunkNo> {
    trunks.iter().copied().filter(|no| site.trunks.get(no).is_some_and(|t| !t.retiring)).collect()
}

/// The trunk that a source is, by `accept` alone. The narrowest network decides; a named port is narrower than none.
pub fn which_trunk(site: &Site, source: SocketAddr) -> Option<TrunkNo> {
    let accepts = site.trunks.values().filter(|t| !t.retiring).flat_map(|t| t.accept.iter().map(move |a| (a, t.no)));
    let matching = accepts.filter(|(accept, _)| accept.matches(source));
    // `min_by_key` keeps the first of equals, so the file's order decides then.
    matching.min_by_key(|(a, _)| std::cmp::Reverse((a.network.prefix, a.port.is_some()))).map(|(_, no)| no)
}

/// Whose an initial request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub tenant: TenantNo,
    /// The trunk that sent it; `None` for a phone.
    pub trunk: Option<TrunkNo>,
}

/// The tenant that an initial request belongs to; `host` is that of its Request-URI, `called` the URI or number.
///
/// A source that `accept` knows is a trunk. Tenants may share a carrier, so among them the one decides that has the
/// called number, then the one that has the host, then the first. Any other source is a phone: the tenant that has the
/// host, then the default. `None`: nobody's, the front answers.
pub fn which_tenant<'s>(
    sites: impl Iterator<Item = &'s Site> + Clone,
    source: SocketAddr,
    host: &str,
    called: &str,
) -> Option<Claim> {
    let trunks = sites.clone().filter_map(|site| Some((site, which_trunk(site, source)?)));
    let has_number = |(site, no): &(&Site, TrunkNo)| resolve(site, &Origin::Trunk(*no), called).is_ok();
    let trunk = trunks.clone().find(has_number).or_else(|| trunks.clone().find(|(site, _)| site.has_domain(host)));
    if let Some((site, no)) = trunk.or_else(|| trunks.clone().next()) {
        return Some(Claim { tenant: site.tenant, trunk: Some(no) });
    }
    let site = sites.clone().find(|s| s.has_domain(host)).or_else(|| sites.clone().find(|s| s.default))?;
    Some(Claim { tenant: site.tenant, trunk: None })
}

impl Trunk {
    /// The number that this trunk calls, in normal form: by the first of the `inbound` rules that matches it as it came
    /// (without URI and separators), as it is otherwise. `None` if it is no number.
    pub fn called_number(&self, called: &str) -> Option<String> {
        let called = stripped(called)?;
        normal_form(&Rewrite::first(&self.inbound, &called).unwrap_or(called))
    }

    /// What this carrier is to be sent for a number: by the first of the `outbound` rules that matches.
    pub fn outbound_form(&self, number: &str) -> String {
        Rewrite::first(&self.outbound, number).unwrap_or_else(|| number.to_owned())
    }
}

impl Extension {
    pub fn origin(&self) -> Origin {
        Origin::Extension(self.no)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Numbering, load, plan};
    use super::*;

    const SITE: &str = r#"
tenant: t
domains: [t.example]
extensions:
  - {number: "1001", password: a, outbound: true}
  - {number: "1002", password: b}
trunks:
  - id: carrier
    send: "sip:192.0.2.1"
    accept: ["192.0.2.0/24", "127.0.0.1/32:5080"]
    inbound: [{match: "^0?(4\\d{9})$", to: "+86$1"}, {match: "00(\\d+)", to: "$1"}]
    outbound: [{match: "\\+86(\\d+)", to: "0$1"}, {match: "\\+(\\d+)", to: "00$1"}]
  - {id: second, send: "sip:192.0.2.2", accept: ["192.0.2.2/32", "192.0.2.3:5060", "2001:db8::/32"]}
routes:
  - {match: "9(\\d{7,})", to: "+86$1", trunks: [carrier, second]}
  - {match: "9(1\\d\\d)", to: "$1", trunks: [second]}
  - {match: "\\+\\d+", trunks: [second]}
  - {match: "1\\d{3}", extension: true}
  - {match: "10\\d\\d", trunks: [carrier]}
numbers:
  - {number: "9000", flow: main}
  - {number: "+864008001234", flow: main}
emergency: {numbers: ["110"], trunks: [carrier]}
"#;

    fn site() -> Site {
        let file = load("t.yaml", SITE).expect("it loads");
        plan(Numbering::new(TenantNo(1)), file, &[], &mut |_| unreachable!("all have passwords")).0
    }

    #[test]
    fn one_function_for_phones_trunks_flows_and_api() {
        use Destination::{Emergency, Extension, Number, Trunks};
        use Origin::{Api, Flow};
        use ResolveError::{Forbidden, NotFound};
        let site = site();
        let (carrier, second) = (TrunkNo(1), TrunkNo(2));
        let (may, may_not) = (Origin::Extension(ExtensionNo(1)), Origin::Extension(ExtensionNo(2)));
        let (from_carrier, from_second) = (Origin::Trunk(carrier), Origin::Trunk(second));
        let internal = || Ok(Number { no: NumberNo(1) });
        let public = || Ok(Number { no: NumberNo(2) });
        let out = |number: &str, trunks: &[TrunkNo]| Ok(Trunks { number: number.into(), trunks: trunks.into() });
        let emergency = || Ok(Emergency { number: "110".into(), trunks: vec![carrier] });
        let rows = [
            ("an extension calls a number", may_not, "9000", internal()),
            ("in any form", may_not, "sip:9000@t.example", internal()),
            ("an extension", may_not, "1001", Ok(Extension { no: ExtensionNo(1) })),
            ("an extension nobody has, though a later route would match", may, "1009", Err(NotFound)),
            ("outside, with the permission", may, "9 1380-0138", out("+8613800138", &[carrier, second])),
            ("outside, without", may_not, "913800138", Err(Forbidden)),
            ("by international prefix", may, "00 44 20 7946 0000", out("+442079460000", &[second])),
            ("our own number from outside's view", may_not, "+86 400 800 1234", public()),
            ("and by way of a route", may_not, "94008001234", public()),
            ("emergency needs no permission", may_not, "110", emergency()),
            ("nor by way of a route", may_not, "9110", emergency()),
            ("nothing", may, "2000", Err(NotFound)),
            ("no number", may, "ana", Err(NotFound)),
            ("an extension that is gone", Origin::Extension(ExtensionNo(9)), "913800138", Err(Forbidden)),
            ("a flow", Flow, "913800138", out("+8613800138", &[carrier, second])),
            ("the API", Api, "tel:+442079460000", out("+442079460000", &[second])),
            ("a trunk calls a number in its form", from_carrier, "04008001234", public()),
            ("and in ours", from_carrier, "sip:+864008001234@t.example", public()),
            ("rules see what came", from_carrier, "009000", internal()),
            ("each trunk by its own rules", from_second, "04008001234", Err(NotFound)),
            ("a trunk reaches no extension", from_carrier, "1001", Err(NotFound)),
            ("and never gets out", from_carrier, "913800138", Err(NotFound)),
            ("nor to emergency", from_carrier, "110", Err(NotFound)),
            ("an unknown trunk", Origin::Trunk(TrunkNo(9)), "9000", Err(NotFound)),
        ];
        for (what, from, dialled, expected) in rows {
            assert_eq!(resolve(&site, &from, dialled), expected, "{what}: {dialled}");
        }
    }

    #[test]
    fn what_retires_takes_no_new_call() {
        let mut site = site();
        site.trunks[0].retiring = true;
        site.numbers[0].retiring = true;
        site.extensions[0].retiring = true;
        let out = Destination::Trunks { number: "+8613800138".into(), trunks: vec![TrunkNo(2)] };
        assert_eq!(resolve(&site, &Origin::Api, "913800138"), Ok(out));
        assert_eq!(resolve(&site, &Origin::Api, "9000"), Err(ResolveError::NotFound));
        assert_eq!(resolve(&site, &Origin::Api, "1001"), Err(ResolveError::NotFound));
        assert_eq!(which_trunk(&site, "127.0.0.1:5080".parse().expect("an address")), None);
    }

    #[test]
    fn a_trunk_is_recognised_by_accept() {
        let site = site();
        let rows = [
            ("192.0.2.9:40000", Some(1)),
            ("192.0.2.2:5060", Some(2)),
            ("192.0.2.3:5060", Some(2)),
            ("192.0.2.3:5061", Some(1)),
            ("[::ffff:192.0.2.2]:5060", Some(2)),
            ("[2001:db8::7]:5060", Some(2)),
            ("127.0.0.1:5080", Some(1)),
            ("127.0.0.1:5081", None),
            ("192.0.3.1:5060", None),
        ];
        for (source, expected) in rows {
            let found = which_trunk(&site, source.parse().expect("an address"));
            assert_eq!(found, expected.map(TrunkNo), "{source}");
        }
    }

    #[test]
    fn each_carrier_gets_its_own_form() {
        let site = site();
        assert_eq!(site.trunks[0].outbound_form("+864008001234"), "04008001234");
        assert_eq!(site.trunks[0].outbound_form("+442079460000"), "00442079460000");
        assert_eq!(site.trunks[1].outbound_form("+442079460000"), "+442079460000");
    }

    #[test]
    fn a_request_finds_its_tenant() {
        let b = r#"
tenant: b
domains: [b.example, 192.0.2.50]
default: true
trunks: [{id: shared, send: "sip:192.0.2.1", accept: ["192.0.2.0/24"]}]
numbers: [{number: "+864008005678", flow: main}]
"#;
        let file = load("b.yaml", b).expect("it loads");
        let sites = [site(), plan(Numbering::new(TenantNo(2)), file, &[], &mut |_| unreachable!("no phones")).0];
        let rows = [
            (
                "a trunk's call goes to who has the number",
                "192.0.2.9:5060",
                "x",
                "sip:+864008005678@x",
                Some((2, Some(1))),
            ),
            ("in the trunk's form", "192.0.2.9:5060", "b.example", "sip:04008001234@b.example", Some((1, Some(1)))),
            (
                "nobody has it: to the host's tenant",
                "192.0.2.9:5060",
                "b.example",
                "sip:1@b.example",
                Some((2, Some(1))),
            ),
            ("nor the host: to the first", "192.0.2.9:5060", "x", "sip:1@x", Some((1, Some(1)))),
            ("only one accepts it", "127.0.0.1:5080", "b.example", "sip:1@b.example", Some((1, Some(1)))),
            ("a phone goes by host", "198.51.100.7:5060", "T.example", "sip:9000@T.example", Some((1, None))),
            ("which may be an address", "198.51.100.7:5060", "192.0.2.50", "sip:9000@192.0.2.50", Some((2, None))),
            ("or to the default", "198.51.100.7:5060", "x", "sip:9000@x", Some((2, None))),
        ];
        for (what, source, host, called, expected) in rows {
            let claim = which_tenant(sites.iter(), source.parse().expect("an address"), host, called);
            let expected = expected.map(|(t, trunk)| Claim { tenant: TenantNo(t), trunk: trunk.map(TrunkNo) });
            assert_eq!(claim, expected, "{what}");
        }
        let strange = "198.51.100.7:5060".parse().expect("an address");
        assert_eq!(which_tenant(sites[..1].iter(), strange, "x", "sip:1@x"), None);
    }
}
