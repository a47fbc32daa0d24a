//! What loads, what is refused and in which words; that an export loads to the same site.

use proptest::prelude::{ProptestConfig, Strategy as _, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

use super::super::{
    Accept, AfterCall, CallingNumber, DEMO, DigestPolicy, DirectCalls, DirectWhen, Numbering, Passwords, Quota, Reason,
    Rest, RouteAction, Site, StationPlan, TakeOver, export, plan,
};
use super::*;
use crate::base::{AgentNo, ExtensionNo, ReasonNo, TenantNo, TrunkNo};
use crate::config::print;
use crate::event::words::Line;

/// As section 12 of the design prints it.
const DESIGN: &str = r#"
tenant: demo
domains: [demo.example]              # Request-URI host -> tenant; the first is the digest realm; `default: true` takes the rest
default: true
time_zone: Asia/Shanghai
limits: {calls: 500, cps: 20}
extensions: [{number: "1001", password: "..."}]
groups:     [{id: support, name: Support, strategy: longest-idle, ring: 20s, wrap_up: 10s}]
agents:     [{id: ana, name: Ana, station: {extension: "1001"}, groups: {support: 5}}]
trunks:     [{id: carrier, send: "sip:127.0.0.1:5080", accept: ["127.0.0.1/32:5080"], codecs: [PCMA], max_calls: 100, inbound: [{match: "^0?(4\\d{9})$", to: "+86$1"}]}]
routes:     [{match: "^9(\\d{7,})$", to: "+86$1", trunks: [carrier]}, {match: "^1\\d{3}$", extension: true}]
numbers:    [{number: "9000", flow: main}, {number: "+864008001234", flow: main}]
emergency:  {numbers: ["110", "119", "120", "122"], trunks: [carrier]}
digest: md5                          # md5 | both | sha-256; many phones fail on a SHA-256 challenge, even as the second
"#;

const PAGE: &str = include_str!("../../../docs/site.md");
const LOADER: &str = include_str!("../load.rs");

fn planned(text: &str) -> Site {
    let file = load("site.yaml", text).unwrap_or_else(|problems| panic!("{}", print(&problems)));
    plan(Numbering::new(TenantNo(1)), file, &["main"], &mut |number| format!("made for {number}")).0
}

#[test]
fn the_text_of_the_design_loads() {
    let site = planned(DESIGN);
    assert_eq!((site.key.as_str(), site.default, site.digest), ("demo", true, DigestPolicy::Md5));
    assert_eq!(site.extension("1001").map(|e| e.password.clone()), Some(Secret("...".into())));
    let ana = site.agent("ana").expect("ana is there");
    assert_eq!(ana.station, StationPlan::Extension(ExtensionNo(1)));
    assert_eq!(ana.groups.values().collect::<Vec<_>>(), [&5]);
    let support = site.group("support").expect("support is there");
    assert_eq!((support.ring, support.wrap_up), (Span::seconds(20), Span::seconds(10)));
    let carrier = &site.trunks[&TrunkNo(1)];
    let accept = Accept { network: "127.0.0.1/32".parse().expect("a network"), port: Some(5080) };
    assert_eq!((carrier.accept.as_slice(), carrier.codecs.as_slice()), ([accept].as_slice(), [Codec::Pcma].as_slice()));
    assert_eq!(carrier.send.to_string(), "sip:127.0.0.1:5080");
    assert!(matches!(&site.routes[0].action, RouteAction::Trunks { trunks, .. } if *trunks == [TrunkNo(1)]));
    assert_eq!(site.routes[1].action, RouteAction::Extension);
    assert_eq!((site.numbers.len(), site.emergency.numbers.len(), site.flows.len()), (2, 4, 1));
}

/// The page's example is one site, and every key that is read stands in it.
#[test]
fn the_example_of_the_page_is_whole() {
    let example = PAGE.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let site = planned(example);
    let known = site.extensions.len() + site.groups.len() + site.agents.len() + site.numbers.len();
    assert_eq!(known, 2 + 1 + 2 + 3, "each object of it");
    let read = LOADER.split("fields(").chain(LOADER.split("let known = ").skip(1)).skip(1);
    let lists = read.filter_map(|rest| rest.strip_prefix("&").unwrap_or(rest).strip_prefix('[')?.split(']').next());
    let keys: Vec<&str> = lists.flat_map(|list| list.split('"').skip(1).step_by(2)).chain(KEYS).collect();
    assert!(keys.len() > 60, "{keys:?}");
    let written: Vec<&str> = example.lines().filter_map(|line| line.split('#').next()).map(str::trim_end).collect();
    for key in keys {
        let stands = |line: &&str| line.contains(&format!("{key}: ")) || line.ends_with(&format!("{key}:"));
        assert!(written.iter().any(stands), "`{key}` is in no line of docs/site.md");
    }
}

#[test]
fn the_demo_ships_no_password() {
    let file = load("demo.yaml", DEMO).expect("it loads");
    assert_eq!(file.without_password().collect::<Vec<_>>(), ["1001", "1002", "1003", "1004"]);
    let site = planned(DEMO);
    assert_eq!(site.extension("1003").map(|e| e.password.clone()), Some(Secret("made for 1003".into())));
    assert_eq!(site.agents.len(), 2);
    assert!(!DEMO.contains("password:"));
}

const FULL_OF_MISTAKES: &str = r#"tenant: de/mo
domain: [demo.example]
time_zone: Shanghai
limits: {calls: 0, register_min: 2h}
extensions:
  - {number: "1001"}
  - {number: 1002}
  - {number: "1001", pasword: x}
groups:
  - {id: support, ring: 20, strategy: longest}
agents:
  - {id: ana, station: {extension: "1009"}, groups: {suport: 5, support: 10}}
  - {id: ana, station: {}}
trunks:
  - {id: carrier, send: "127.0.0.1:5080", accept: ["127.0.0.1/8:5080", "0.0.0.0/0", "10.0.0.0/8:x"], codecs: [G729]}
  - {id: second, send: "sip:h", inbound: [{match: "(\\d+", to: "$1"}, {match: "\\d+", to: "$1"}]}
routes:
  - {match: "^9(\\d{7,})$", trunks: [carier]}
  - {match: "^1", extension: true, trunks: [carrier]}
numbers:
  - {number: "1001", flow: main}
  - {number: "+0864", flow: main}
emergency: {numbers: ["110"]}
"#;

const MISTAKES_FOUND: &str = r#"error: `domains` is missing
  --> site.yaml:1:1
   |  tenant: de/mo
hint: add `domains: [pbx.example]`

error: `tenant` must be a key, not `de/mo`
  --> site.yaml:1:9
   |  tenant: de/mo
hint: use letters, digits, `-`, `_` and `.`, a letter or digit first, at most 64

error: unknown key `domain`
  --> site.yaml:2:1
   |  domain: [demo.example]
hint: did you mean `domains`?

error: `time_zone` must be a time zone, not `Shanghai`
  --> site.yaml:3:12
   |  time_zone: Shanghai
hint: write an IANA name such as `Asia/Shanghai`, or `UTC`

error: `limits` lets a phone register for 2h to 1h
  --> site.yaml:4:9
   |  limits: {calls: 0, register_min: 2h}
hint: put `register_default`, now 1h, between the two

error: `limits.calls` must be a number from 1 to 1000000, not the number 0
  --> site.yaml:4:17
   |  limits: {calls: 0, register_min: 2h}
hint: choose a number in that range

error: `extensions[1].number` must be text, not the number 1002
  --> site.yaml:7:14
   |  - {number: 1002}
hint: put it in quotes: `"1002"`

error: `extensions[2].number` is `1001` a second time
  --> site.yaml:8:14
   |  - {number: "1001", pasword: x}
hint: the first is in line 6; remove one, or give it another value

error: unknown key `pasword` in `extensions[2]`
  --> site.yaml:8:22
   |  - {number: "1001", pasword: x}
hint: did you mean `password`?

error: `groups[0].ring` must be a time with its unit, not the number 20
  --> site.yaml:10:25
   |  - {id: support, ring: 20, strategy: longest}
hint: write `20s` for seconds or `20m` for minutes

error: `groups[0].strategy` cannot be `longest`
  --> site.yaml:10:39
   |  - {id: support, ring: 20, strategy: longest}
hint: use one of: `longest-idle`, `skill-level`, `least-talk`, `fewest-calls`, `round-robin`, `random`, `top-down`, `ring-all`

error: `agents[0].station.extension` names extension `1009`, which this file does not have
  --> site.yaml:12:36
   |  - {id: ana, station: {extension: "1009"}, groups: {suport: 5, support: 10}}
hint: did you mean `1001` (line 6)?

error: `agents[0].groups.suport` names group `suport`, which this file does not have
  --> site.yaml:12:62
   |  - {id: ana, station: {extension: "1009"}, groups: {suport: 5, support: 10}}
hint: did you mean `support` (line 10)?

error: `agents[0].groups.support` must be a number from 1 to 9, not the number 10
  --> site.yaml:12:74
   |  - {id: ana, station: {extension: "1009"}, groups: {suport: 5, support: 10}}
hint: choose a number in that range

error: `agents[1].id` is `ana` a second time
  --> site.yaml:13:10
   |  - {id: ana, station: {}}
hint: the first is in line 12; remove one, or give it another value

error: `agents[1].station.extension` is missing
  --> site.yaml:13:24
   |  - {id: ana, station: {}}
hint: add `extension: "1001"`

error: `trunks[0].send` must be a SIP address, not `127.0.0.1:5080`
  --> site.yaml:15:25
   |  - {id: carrier, send: "127.0.0.1:5080", accept: ["127.0.0.1/8:5080", "0.0.0.0/0", "10.0.0.0/8:x"], codecs: [G729]}
hint: write `sip:host:port`, with `;transport=tcp` for TCP

error: `trunks[0].accept[0]` has bits beyond its prefix: `127.0.0.1/8:5080`
  --> site.yaml:15:52
   |  - {id: carrier, send: "127.0.0.1:5080", accept: ["127.0.0.1/8:5080", "0.0.0.0/0", "10.0.0.0/8:x"], codecs: [G729]}
hint: write `127.0.0.0/8`, or `127.0.0.1` for one address

error: `trunks[0].accept[1]` takes everybody for this trunk, unasked: `0.0.0.0/0`
  --> site.yaml:15:72
   |  - {id: carrier, send: "127.0.0.1:5080", accept: ["127.0.0.1/8:5080", "0.0.0.0/0", "10.0.0.0/8:x"], codecs: [G729]}
hint: name the carrier's networks, as it tells them

error: `trunks[0].accept[2]` has no such port: `10.0.0.0/8:x`
  --> site.yaml:15:85
   |  - {id: carrier, send: "127.0.0.1:5080", accept: ["127.0.0.1/8:5080", "0.0.0.0/0", "10.0.0.0/8:x"], codecs: [G729]}
hint: write a network and a port: `192.0.2.0/24:5060`

error: `trunks[0].codecs[0]` cannot be `G729`
  --> site.yaml:15:111
   |  - {id: carrier, send: "127.0.0.1:5080", accept: ["127.0.0.1/8:5080", "0.0.0.0/0", "10.0.0.0/8:x"], codecs: [G729]}
hint: use one of: `PCMU`, `PCMA`

error: `trunks[1].inbound[0].match` is no regular expression: found open group without closing ')'
  --> site.yaml:16:51
   |  - {id: second, send: "sip:h", inbound: [{match: "(\\d+", to: "$1"}, {match: "\\d+", to: "$1"}]}
hint: in double quotes each `\` is written twice: `"^1\\d{3}$"`

error: `trunks[1].inbound[1].to` uses `$1`, which `match` does not have
  --> site.yaml:16:91
   |  - {id: second, send: "sip:h", inbound: [{match: "(\\d+", to: "$1"}, {match: "\\d+", to: "$1"}]}
hint: put the part to keep in `match` in brackets, and name it `$1` to `$9`

error: `routes[0].trunks[0]` names trunk `carier`, which this file does not have
  --> site.yaml:18:38
   |  - {match: "^9(\\d{7,})$", trunks: [carier]}
hint: did you mean `carrier` (line 15)?

error: `routes[1]` must say `trunks` or `extension: true`, one of the two
  --> site.yaml:19:5
   |  - {match: "^1", extension: true, trunks: [carrier]}
hint: add `trunks: [...]` for calls that leave, `extension: true` for phones

error: `numbers[0].number` is `1001` a second time
  --> site.yaml:21:14
   |  - {number: "1001", flow: main}
hint: the first is in line 8; remove one, or give it another value

error: `numbers[1].number` must be a number, not `+0864`
  --> site.yaml:22:14
   |  - {number: "+0864", flow: main}
hint: write E.164 with `+`, as `"+864008001234"`, or an internal number, as `"9000"`

error: `emergency.trunks` is missing
  --> site.yaml:23:12
   |  emergency: {numbers: ["110"]}
hint: add `trunks: [carrier]`
"#;

#[test]
fn each_problem_names_place_key_and_remedy() {
    let problems = load("site.yaml", FULL_OF_MISTAKES).expect_err("nothing of it may pass");
    let printed = print(&problems);
    for (i, (got, wanted)) in printed.split("\n\n").zip(MISTAKES_FOUND.split("\n\n")).enumerate() {
        assert_eq!(got.trim(), wanted.trim(), "problem {i}");
    }
    assert_eq!(printed, MISTAKES_FOUND);
}

#[test]
fn the_smallest_site_and_the_empty_one() {
    let site = planned("tenant: t\ndomains: [T.Example]\n");
    assert_eq!(site.domains, ["t.example"]);
    assert!(site.has_domain("T.EXAMPLE") && !site.has_domain("example") && !site.default);
    let problems = load("site.yaml", "# nothing\n").expect_err("a tenant needs a key");
    assert_eq!(
        problems.iter().map(|p| p.message.as_str()).collect::<Vec<_>>(),
        ["`tenant` is missing", "`domains` is missing"]
    );
}

#[test]
fn trunk_addresses() {
    let rows = [
        ("sip:192.0.2.1", Some("sip:192.0.2.1:5060")),
        ("sip:192.0.2.1:5080;transport=udp", Some("sip:192.0.2.1:5080")),
        ("sip:Carrier.Example;transport=tcp", Some("sip:carrier.example:5060;transport=tcp")),
        ("sip:[2001:db8::1]:5080", Some("sip:[2001:db8::1]:5080")),
        ("sip:[2001:db8::1]", Some("sip:[2001:db8::1]:5060")),
        ("sip:2001:db8::1", None),
        ("sip:", None),
        ("sip:user@host", None),
        ("sip:host:0", None),
        ("sip:host:65536", None),
        ("sip:[::1]5080", None),
        ("sip:host;transport=tls", None),
        ("sips:host", None),
    ];
    for (text, expected) in rows {
        assert_eq!(target(text).map(|t| t.to_string()).as_deref(), expected, "{text}");
    }
}

#[test]
fn what_lies_outside_is_asked_for_by_kind() {
    let text = "tenant: t\ndomains: [t]\ngroups: [{id: g, music: jaz}]\nnumbers: [{number: \"9\", flow: mian, language: en-US}]\n";
    let file = load("site.yaml", text).expect("it loads");
    let messages = |kind, known: &[&str]| -> Vec<String> {
        file.missing(kind, known)
            .iter()
            .map(|p| format!("{}:{} {} | {}", p.line, p.column, p.message, p.hint))
            .collect()
    };
    let flow = "4:31 `numbers[0].flow` names flow `mian`, which is not there | did you mean `main`?";
    assert_eq!(messages(Outside::Flow, &["main", "closed"]), [flow]);
    let music = "3:25 `groups[0].music` names music `jaz`, which is not there | did you mean `jazz`?";
    assert_eq!(messages(Outside::Music, &["default", "jazz"]), [music]);
    assert_eq!(messages(Outside::Language, &["en-US", "zh-CN"]), [] as [String; 0]);
}

#[test]
fn a_number_is_never_reused() {
    let agents = |ids: &[&str]| {
        let entries: Vec<String> =
            ids.iter().map(|id| format!("{{id: {id}, station: {{extension: \"1\"}}}}")).collect();
        let text = format!(
            "tenant: t\ndomains: [t]\nextensions: [{{number: \"1\", password: p}}]\nagents: [{}]\n",
            entries.join(", ")
        );
        load("site.yaml", &text).expect("it loads")
    };
    let numbers = |site: &Site| site.agents.values().map(|a| (a.id.clone(), a.no.0)).collect::<Vec<_>>();
    let owned = |rows: &[(&str, u32)]| rows.iter().map(|(id, no)| ((*id).to_owned(), *no)).collect::<Vec<_>>();
    let mut none = |_: &str| unreachable!("the file has the password");
    let (site, numbering) = plan(Numbering::new(TenantNo(7)), agents(&["ana", "bo"]), &["main", "x"], &mut none);
    assert_eq!((site.tenant, numbers(&site)), (TenantNo(7), owned(&[("ana", 1), ("bo", 2)])));
    assert_eq!(site.flows.len(), 2);
    let stored = serde_json::to_string(&numbering).expect("it is stored as text");
    let numbering = serde_json::from_str(&stored).expect("and read again");
    let (site, numbering) = plan(numbering, agents(&["cai", "ana"]), &[], &mut none);
    assert_eq!(numbers(&site), owned(&[("cai", 3), ("ana", 1)]), "bo's number stays his");
    let (site, _) = plan(numbering, agents(&["bo", "dana"]), &[], &mut none);
    assert_eq!(numbers(&site), owned(&[("bo", 2), ("dana", 4)]));
    assert_eq!(site.agents[&AgentNo(4)].station, StationPlan::Extension(ExtensionNo(1)));
}

#[test]
fn an_export_hides_passwords_unless_asked() {
    let mut site = planned(DESIGN);
    site.trunks[0].account = Some(Account { user: "us".into(), password: Secret("carrier's".into()) });
    let hidden = export(&site, Passwords::Hidden);
    assert!(!hidden.contains("password") && hidden.contains("user: \"us\""), "{hidden}");
    let shown = export(&site, Passwords::Shown);
    assert!(shown.contains("password: \"...\"") && shown.contains("password: \"carrier's\""), "{shown}");
    assert!(!format!("{site:?}").contains("carrier's"), "no log shows it");
}

#[test]
fn a_trunk_has_both_parts_of_its_account_or_neither() {
    let site = |keys: &str| {
        let text = format!("tenant: t\ndomains: [t]\ntrunks: [{{id: c, send: \"sip:192.0.2.1\"{keys}}}]\n");
        load("site.yaml", &text).map(|file| plan(Numbering::new(TenantNo(1)), file, &[], &mut |_| String::new()).0)
    };
    let both = site(", user: us, password: \"p\"").expect("it loads");
    assert_eq!(both.trunks[0].account, Some(Account { user: "us".into(), password: Secret("p".into()) }));
    assert_eq!(site("").expect("it loads").trunks[0].account, None);
    for (keys, message, hint) in [
        (
            ", user: us",
            "`trunks[0]` has `user` and no `password`",
            "add `password`, as the carrier gave it, or remove `user`",
        ),
        (
            ", password: p",
            "`trunks[0]` has `password` and no `user`",
            "add `user`, as the carrier gave it, or remove `password`",
        ),
    ] {
        let problems = site(keys).expect_err("half an account proves nothing");
        assert_eq!((problems[0].message.as_str(), problems[0].hint.as_str()), (message, hint));
    }
}

fn any_span() -> impl proptest::strategy::Strategy<Value = Span> {
    prop_oneof![(1_i64..600_000).prop_map(Span::millis), (1_i64..60).prop_map(Span::seconds)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_export_loads_to_the_same_site(
        names in proptest::collection::vec(".{1,12}", 4),
        wrap_up in any_span(),
        wait_max in proptest::option::of(any_span().prop_map(|s| s + Span::seconds(1))),
        level in 1_u8..10,
        pattern in "[a-c0-9\\\\.]{0,4}\"?",
        flags in any::<(bool, bool, bool)>(),
        length_max in proptest::option::of(0_u32..1_000),
    ) {
        let mut site = planned(DESIGN);
        let extension = &mut site.extensions[0];
        (extension.name, extension.password, extension.outbound) = (names[0].clone(), Secret(names[1].clone()), flags.0);
        (site.agents[0].name, site.agents[0].groups[0]) = (names[2].clone(), level);
        let group = &mut site.groups[0];
        (group.name, group.wrap_up, group.wait_max) = (names[3].clone(), wrap_up, wait_max);
        (site.extensions[0].record, site.numbers[0].record) = (flags.1, flags.1);
        site.extensions[0].auto_answer = flags.2;
        (group.length_max, group.calls_per_agent) = (length_max, u32::from(level).min(8));
        site.agents[0].after_call = if flags.0 { AfterCall::NotReady } else { AfterCall::WrapUp };
        site.take_over = if flags.1 { TakeOver::Never } else { TakeOver::Idle };
        site.rest = Rest { quota: flags.2.then_some(Quota::Percent(u32::from(level))), max: wrap_up.max(Span::seconds(1)) };
        let when = if flags.0 { DirectWhen::Ready } else { DirectWhen::Reachable };
        site.direct = DirectCalls { when, ring: wrap_up.max(Span::seconds(1)), wrap_up };
        let reason = Reason { no: ReasonNo(1), id: "lunch".into(), name: names[0].clone(), max: wait_max };
        site.reasons.insert(reason.no, reason);
        group.strategy = if flags.2 { Strategy::SkillLevel } else { Strategy::LongestIdle };
        site.default = flags.2;
        if let Ok(pattern) = Pattern::new(&pattern) && !pattern.text().is_empty() {
            site.trunks[0].outbound.push(Rewrite { pattern: pattern.clone(), to: "$0\"\\".into() });
            site.trunks[0].caller_id = Some("+864008001234".into());
            site.trunks[0].send.transport = crate::event::words::Wire::Tcp;
            site.trunks[0].account = Some(Account { user: names[0].clone(), password: Secret(names[1].clone()) });
        }
        let text = export(&site, Passwords::Shown);
        prop_assert_eq!(planned(&text), site, "{}", text);
    }

    #[test]
    fn no_text_breaks_the_loader(text in "(tenant: [a-z]{0,3}\n)?(domains: \\[?[a-z]{0,3}\\]?\n)?\\PC{0,40}") {
        prop_assert!(load("site.yaml", &text).err().is_none_or(|problems| !problems.is_empty()));
    }
}

#[test]
fn calling_numbers_are_the_tenants_own() {
    let text = |rule: &str| {
        format!(
            "tenant: t\ndomains: [t.example]\ncalling_number: {rule}\nextensions: [{{number: \"1\", password: p}}]\n\
             groups: [{{id: g, calling_number: {rule}}}]\n\
             agents: [{{id: a, station: {{extension: \"1\"}}, calling_number: {rule}}}]\n\
             trunks: [{{id: c, send: \"sip:192.0.2.1\", accept: [\"192.0.2.1/32\"], caller_id: \"+8640080020\", refer: true}}]\n\
             numbers: [{{number: \"+8640080010\", flow: main}}, {{number: \"9000\", flow: main}}]\n"
        )
    };
    let list = || vec!["+8640080010".to_owned(), "+8640080020".to_owned()];
    let rows = [
        ("{fixed: \"+8640080010\"}", CallingNumber::Fixed("+8640080010".to_owned())),
        ("{random: [\"+8640080010\", \"+8640080020\"]}", CallingNumber::Random(list())),
        ("{rotate: [\"+8640080010\", \"+8640080020\"]}", CallingNumber::Rotate(list())),
        (
            "{by_region: {\"+10\": \"+8640080010\", \"+\": \"+8640080020\"}}",
            CallingNumber::ByRegion(vec![("+10".into(), "+8640080010".into()), ("+".into(), "+8640080020".into())]),
        ),
    ];
    for (rule, expected) in rows {
        let site = planned(&text(rule));
        let rules = [&site.calling_number, &site.groups[0].calling_number, &site.agents[0].calling_number];
        assert_eq!(rules, [&Some(expected.clone()), &Some(expected.clone()), &Some(expected)], "{rule}");
        assert!(site.trunks[0].refer && site.owns("+8640080020") && site.owns("1") && !site.owns("+8640080030"));
        assert_eq!(planned(&export(&site, Passwords::Shown)), site, "{rule}");
    }
    for (rule, problem) in [
        ("{fixed: \"+8640080030\"}", "which this file does not have"),
        ("{fixed: \"9000\"}", "an internal number"),
        ("{random: []}", "names 0 numbers"),
        ("{by_region: {\"10\": \"+8640080010\"}}", "begins no public number"),
        ("{fixed: \"+8640080010\", random: [\"+8640080010\"]}", "must say one of"),
        ("{}", "must say one of"),
    ] {
        let problems = load("site.yaml", &text(rule)).expect_err(rule);
        assert!(problems.iter().any(|p| p.message.contains(problem)), "{rule}: {problems:?}");
    }
}

#[test]
fn reasons_rest_and_what_follows_a_call() {
    let text = "tenant: t\ndomains: [t.example]\ntake_over: never\nrest: {quota: 3, max: 20m}\n\
        reasons: [{id: lunch, name: Lunch, max: 30m}, {id: meeting}]\nextensions: [{number: \"1\", password: p}]\n\
        groups: [{id: g, calls_per_agent: 3}]\n\
        agents: [{id: a, station: {extension: \"1\"}, groups: {g: 5}, after_call: not-ready}]\n";
    let site = planned(text);
    assert_eq!(
        (site.take_over, site.rest.quota, site.rest.max),
        (TakeOver::Never, Some(Quota::Agents(3)), Span::minutes(20))
    );
    let lunch = site.reason("lunch").expect("lunch is there");
    assert_eq!((lunch.no, lunch.max), (ReasonNo(1), Some(Span::minutes(30))));
    assert_eq!(site.reason("meeting").map(|r| (r.no, r.name.as_str(), r.max)), Some((ReasonNo(2), "meeting", None)));
    assert_eq!(site.agents[0].after_call, AfterCall::NotReady);
    assert_eq!(site.groups[0].calls_per_agent, 3);
    assert_eq!(site.direct, DirectCalls::default());
    let direct = text.replace("take_over: never", "direct_calls: {when: ready, ring: 5s, wrap_up: 3s}");
    let rule = DirectCalls { when: DirectWhen::Ready, ring: Span::seconds(5), wrap_up: Span::seconds(3) };
    assert_eq!(planned(&direct).direct, rule);
    let share = planned(&text.replace("quota: 3", "quota: 20%"));
    assert_eq!(share.rest.quota, Some(Quota::Percent(20)));
    for (from, to, message) in [
        ("quota: 3", "quota: 0%", "`rest.quota` must be a quota, not `0%`"),
        ("quota: 3", "quota: many", "`rest.quota` must be a quota, not `many`"),
        (
            "calls_per_agent: 3",
            "calls_per_agent: 9",
            "`groups[0].calls_per_agent` must be a number from 1 to 8, not the number 9",
        ),
        ("{id: meeting}", "{id: lunch}", "`reasons[1].id` is `lunch` a second time"),
        ("after_call: not-ready", "after_call: gone", "`agents[0].after_call` cannot be `gone`"),
    ] {
        let problems = load("site.yaml", &text.replace(from, to)).expect_err("it is refused");
        assert_eq!(problems[0].message, message);
    }
}

#[test]
fn a_station_is_an_extension_or_a_number_outside() {
    let text = "tenant: t\ndomains: [t.example]\nextensions: [{number: \"1\", password: p}]\n\
        agents: [{id: a, station: {outside: \"+86 138 0013 8000\"}}, {id: b, station: {outside: \"9138001\", confirm: false}}]\n";
    let site = planned(text);
    let stations: Vec<StationPlan> = site.agents.values().map(|a| a.station.clone()).collect();
    let outside = |number: &str, confirm| StationPlan::Outside { number: number.to_owned(), confirm };
    assert_eq!(stations, [outside("+8613800138000", true), outside("9138001", false)]);
    let up = planned(&text.replace("confirm: false}", "confirm: false, permanent: true}"));
    let line = Line::Outside { number: "9138001".to_owned(), confirm: false };
    assert_eq!(up.agents[1].station, StationPlan::Permanent(line));
    assert_eq!(planned(&export(&up, Passwords::Shown)), up, "an export loads to the same");
    let phone = planned(&text.replace("outside: \"9138001\", confirm: false", "extension: \"1\", permanent: true"));
    let line = Line::Extension(ExtensionNo(1));
    assert_eq!(phone.agents[1].station, StationPlan::Permanent(line));
    assert_eq!(planned(&export(&phone, Passwords::Shown)), phone, "an export loads to the same");
    assert_eq!(planned(&export(&site, Passwords::Shown)), site, "an export loads to the same");
    for (station, message) in [
        ("{outside: nowhere}", "`agents[1].station.outside` must be a number outside, not `nowhere`"),
        (
            "{extension: \"1\", outside: \"9138001\"}",
            "`agents[1].station` must say `extension` or `outside`, one of the two",
        ),
        ("{extension: \"1\", confirm: true}", "`agents[1].station.confirm` goes with `outside`"),
    ] {
        let text = text.replace("{outside: \"9138001\", confirm: false}", station);
        let problems = load("site.yaml", &text).expect_err("it is refused");
        assert_eq!(problems[0].message, message);
    }
}

#[test]
fn a_large_tenant_fits() {
    let mut text = String::from("tenant: t\ndomains: [t]\ngroups: [{id: g}]\nextensions:\n");
    for n in 0..20_000 {
        text.push_str(&format!("  - {{number: \"{n}\", name: \"N {n}\", password: \"p{n}\", outbound: true}}\n"));
    }
    text.push_str("agents:\n");
    for n in 0..20_000 {
        text.push_str(&format!("  - {{id: a{n}, station: {{extension: \"{n}\"}}, groups: {{g: 5}}}}\n"));
    }
    let site = planned(&text);
    assert_eq!((site.extensions.len(), site.agents.len()), (20_000, 20_000));
}
