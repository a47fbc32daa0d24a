//! Writes a site as the text from which it can be loaded again.
//! Owns the layout: one object a line. In: a site. Out: YAML; what is not there is left out.

use std::fmt::Write;

use super::{
    AFTER_CALL, AfterCall, Agent, CODECS, CallingNumber, DIGESTS, DIRECT, DirectCalls, Extension, Group, Number,
    OFFER_WAYS, Quota, Reason, Rewrite, Route, RouteAction, STRATEGIES, Site, StationPlan, TAKE_OVER, TakeOver, Trunk,
};
use crate::base::{GroupNo, TrunkNo};
use crate::event::words::{Line, OfferWay};

/// Whether an export shows secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passwords {
    /// Left out: who loads the text must supply them.
    Hidden,
    Shown,
}

/// The site as YAML. Loaded and planned from an empty numbering it gives the same objects in the same order.
pub fn export(site: &Site, passwords: Passwords) -> String {
    let domains: Vec<String> = site.domains.iter().map(|d| quoted(d)).collect();
    let mut text = format!("tenant: {}\ndomains: [{}]\n", quoted(&site.key), domains.join(", "));
    if site.default {
        text.push_str("default: true\n");
    }
    let (time_zone, language) = (quoted(&site.time_zone), quoted(&site.language));
    line(
        &mut text,
        format_args!("time_zone: {time_zone}\nlanguage: {language}\ndigest: {}", word(&DIGESTS, site.digest)),
    );
    line(&mut text, format_args!("limits: {}", limits(site)));
    line(&mut text, format_args!("rest: {}", rest(site)));
    if site.take_over != TakeOver::Idle {
        line(&mut text, format_args!("take_over: {}", word(&TAKE_OVER, site.take_over)));
    }
    if site.direct != DirectCalls::default() {
        let DirectCalls { when, ring, wrap_up } = site.direct;
        let (when, ring, wrap_up) = (word(&DIRECT, when), ring.to_string(), wrap_up.to_string());
        let rule = map(&[("when", Some(when.to_owned())), ("ring", Some(ring)), ("wrap_up", Some(wrap_up))]);
        line(&mut text, format_args!("direct_calls: {rule}"));
    }
    if let Some(rule) = &site.calling_number {
        line(&mut text, format_args!("calling_number: {}", calling_number(rule)));
    }
    list(&mut text, "reasons", site.reasons.values().map(reason));
    list(&mut text, "extensions", site.extensions.values().map(|e| extension(e, passwords)));
    list(&mut text, "groups", site.groups.values().map(group));
    list(&mut text, "agents", site.agents.values().map(|a| agent(site, a)));
    list(&mut text, "trunks", site.trunks.values().map(|t| trunk(t, passwords)));
    list(&mut text, "routes", site.routes.iter().map(|r| route(site, r)));
    list(&mut text, "numbers", site.numbers.values().map(number));
    if !site.emergency.trunks.is_empty() {
        let numbers: Vec<String> = site.emergency.numbers.iter().map(|n| quoted(n)).collect();
        let trunks = trunk_ids(site, &site.emergency.trunks);
        line(&mut text, format_args!("emergency: {{numbers: [{}], trunks: {trunks}}}", numbers.join(", ")));
    }
    text
}

fn extension(e: &Extension, passwords: Passwords) -> String {
    map(&[
        ("number", Some(quoted(&e.number))),
        ("name", Some(quoted(&e.name))),
        ("password", (passwords == Passwords::Shown).then(|| quoted(&e.password.0))),
        ("outbound", e.outbound.then(|| "true".to_owned())),
        ("record", e.record.then(|| "true".to_owned())),
        ("auto_answer", e.auto_answer.then(|| "true".to_owned())),
    ])
}

fn group(g: &Group) -> String {
    map(&[
        ("id", Some(quoted(&g.id))),
        ("name", Some(quoted(&g.name))),
        ("strategy", Some(word(&STRATEGIES, g.strategy).to_owned())),
        ("offer", (g.offer != OfferWay::Ring).then(|| word(&OFFER_WAYS, g.offer).to_owned())),
        ("ring", Some(g.ring.to_string())),
        ("wrap_up", Some(g.wrap_up.to_string())),
        ("length_max", g.length_max.map(|n| n.to_string())),
        ("wait_max", g.wait_max.map(|s| s.to_string())),
        ("music", Some(quoted(&g.music))),
        ("calls_per_agent", (g.calls_per_agent != 1).then(|| g.calls_per_agent.to_string())),
        ("calling_number", g.calling_number.as_ref().map(calling_number)),
    ])
}

fn agent(site: &Site, a: &Agent) -> String {
    let station = match &a.station {
        StationPlan::Extension(no) => site.extensions.get(no).map(|e| format!("{{extension: {}}}", quoted(&e.number))),
        StationPlan::Permanent(Line::Extension(no)) => {
            site.extensions.get(no).map(|e| format!("{{extension: {}, permanent: true}}", quoted(&e.number)))
        }
        StationPlan::Permanent(Line::Outside { number, confirm }) => {
            Some(format!("{{outside: {}, confirm: {confirm}, permanent: true}}", quoted(number)))
        }
        StationPlan::Outside { number, confirm } => {
            Some(format!("{{outside: {}, confirm: {confirm}}}", quoted(number)))
        }
    };
    let level = |(no, level): (&GroupNo, &u8)| Some(format!("{}: {level}", quoted(&site.groups.get(no)?.id)));
    let levels: Vec<String> = a.groups.iter().filter_map(level).collect();
    let supervises: Vec<String> = a.supervises.iter().filter_map(|no| Some(quoted(&site.groups.get(no)?.id))).collect();
    map(&[
        ("id", Some(quoted(&a.id))),
        ("name", Some(quoted(&a.name))),
        ("station", station),
        ("groups", Some(format!("{{{}}}", levels.join(", ")))),
        ("after_call", (a.after_call != AfterCall::WrapUp).then(|| word(&AFTER_CALL, a.after_call).to_owned())),
        ("offer", a.offer.map(|way| word(&OFFER_WAYS, way).to_owned())),
        ("supervises", (!supervises.is_empty()).then(|| format!("[{}]", supervises.join(", ")))),
        ("calling_number", a.calling_number.as_ref().map(calling_number)),
    ])
}

fn calling_number(rule: &CallingNumber) -> String {
    let list = |numbers: &[String]| {
        let numbers: Vec<String> = numbers.iter().map(|n| quoted(n)).collect();
        format!("[{}]", numbers.join(", "))
    };
    match rule {
        CallingNumber::Fixed(number) => map(&[("fixed", Some(quoted(number)))]),
        CallingNumber::ByRegion(regions) => {
            let regions: Vec<String> = regions.iter().map(|(a, b)| format!("{}: {}", quoted(a), quoted(b))).collect();
            map(&[("by_region", Some(format!("{{{}}}", regions.join(", "))))])
        }
        CallingNumber::Random(numbers) => map(&[("random", Some(list(numbers)))]),
        CallingNumber::Rotate(numbers) => map(&[("rotate", Some(list(numbers)))]),
    }
}

fn reason(r: &Reason) -> String {
    map(&[("id", Some(quoted(&r.id))), ("name", Some(quoted(&r.name))), ("max", r.max.map(|span| span.to_string()))])
}

fn rest(site: &Site) -> String {
    let quota = site.rest.quota.map(|quota| match quota {
        Quota::Agents(agents) => agents.to_string(),
        Quota::Percent(percent) => format!("\"{percent}%\""),
    });
    map(&[("quota", quota), ("max", Some(site.rest.max.to_string()))])
}

fn route(site: &Site, r: &Route) -> String {
    let pattern = Some(quoted(r.pattern.text()));
    match &r.action {
        RouteAction::Trunks { to, trunks } => {
            map(&[("match", pattern), ("to", Some(quoted(to))), ("trunks", Some(trunk_ids(site, trunks)))])
        }
        RouteAction::Extension => map(&[("match", pattern), ("extension", Some("true".to_owned()))]),
    }
}

fn number(n: &Number) -> String {
    let language = n.language.as_deref().map(quoted);
    let record = (!n.record).then(|| "false".to_owned());
    map(&[
        ("number", Some(quoted(&n.number))),
        ("flow", Some(quoted(&n.flow))),
        ("language", language),
        ("record", record),
    ])
}

fn line(text: &mut String, what: std::fmt::Arguments<'_>) {
    writeln!(text, "{what}").expect("a String takes all that is written");
}

fn limits(site: &Site) -> String {
    let l = site.limits;
    let spans = [
        ("call_max", l.call_max),
        ("hold_max", l.hold_max),
        ("register_min", l.register_min),
        ("register_max", l.register_max),
        ("register_default", l.register_default),
    ];
    let spans: String = spans.iter().map(|(key, span)| format!(", {key}: {span}")).collect();
    format!("{{calls: {}, cps: {}{spans}}}", l.calls, l.cps)
}

fn trunk(t: &Trunk, passwords: Passwords) -> String {
    let accept: Vec<String> = t.accept.iter().map(|a| quoted(&a.to_string())).collect();
    let account = t.account.as_ref().filter(|_| passwords == Passwords::Shown);
    let codecs: Vec<&str> = t.codecs.iter().map(|c| word(&CODECS, *c)).collect();
    map(&[
        ("id", Some(quoted(&t.id))),
        ("send", Some(quoted(&t.send.to_string()))),
        ("accept", Some(format!("[{}]", accept.join(", ")))),
        ("codecs", Some(format!("[{}]", codecs.join(", ")))),
        ("max_calls", Some(t.max_calls.to_string())),
        ("inbound", rewrites(&t.inbound)),
        ("outbound", rewrites(&t.outbound)),
        ("caller_id", t.caller_id.as_deref().map(quoted)),
        ("refer", t.refer.then(|| "true".to_owned())),
        ("user", t.account.as_ref().map(|a| quoted(&a.user))),
        ("password", account.map(|a| quoted(&a.password.0))),
    ])
}

fn rewrites(rules: &[Rewrite]) -> Option<String> {
    let rule = |r: &Rewrite| map(&[("match", Some(quoted(r.pattern.text()))), ("to", Some(quoted(&r.to)))]);
    (!rules.is_empty()).then(|| format!("[{}]", rules.iter().map(rule).collect::<Vec<_>>().join(", ")))
}

fn trunk_ids(site: &Site, trunks: &[TrunkNo]) -> String {
    let ids = trunks.iter().filter_map(|no| site.trunks.get(no)).map(|t| quoted(&t.id));
    format!("[{}]", ids.collect::<Vec<_>>().join(", "))
}

fn list(text: &mut String, key: &str, objects: impl Iterator<Item = String>) {
    let objects: Vec<String> = objects.map(|o| format!("  - {o}\n")).collect();
    if !objects.is_empty() {
        text.push_str(&format!("{key}:\n{}", objects.concat()));
    }
}

fn map(entries: &[(&str, Option<String>)]) -> String {
    let present = entries.iter().filter_map(|(key, value)| value.as_ref().map(|v| format!("{key}: {v}")));
    format!("{{{}}}", present.collect::<Vec<_>>().join(", "))
}

fn word<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, v)| *v == value).map(|(w, _)| *w).expect("the table has a word for each variant")
}

/// A double-quoted scalar (YAML 1.2.2, 7.3.1): what does not print, and what a reader could take for a line break, is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' => out.push(c),
            c if u32::from(c) > 0xffff => out.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out.push('"');
    out
}
