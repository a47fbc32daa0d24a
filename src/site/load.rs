//! From the text of a site file to a [`SiteFile`]: every key known, every reference met, every value in its range.
//! Owns the keys of the file and the complaints about them. In: name and text. Out: the file, or every problem found.
//! Leaves numbers and passwords to `plan`, the existence of flows and sounds to [`SiteFile::missing`].

use std::collections::BTreeMap;

use super::file::{
    AgentEntry, ExtensionEntry, Outside, Reference, RouteEntry, RouteEntryAction, SiteFile, StationEntry, TrunkEntry,
};
use super::{
    AFTER_CALL, Accept, Account, AfterCall, CODECS, Codec, DIGESTS, DIRECT, DigestPolicy, DirectCalls, Group, Limits,
    Network, Number, OFFER_WAYS, Pattern, Quota, Reason, Rest, Rewrite, STRATEGIES, Secret, Strategy, TAKE_OVER,
    TakeOver, normal_form,
};
use crate::base::bounds::{CALLS_PER_AGENT, REGISTER_MAX};
use crate::base::{GroupNo, NumberNo, ReasonNo, Span};
use crate::config::{Fields, Item, Problem, Problems, nearest, yaml};
use text::{is_host, is_key, is_number, is_time_zone, split_port, target};

/// Reads one tenant's site file. `name` is what problems call it.
///
/// # Errors
/// Every problem of the file, in its order; nothing of the file is used then.
pub fn load(name: &str, text: &str) -> Result<SiteFile, Vec<Problem>> {
    let mut loader = Loader { problems: Problems::new(name, text), taken: Taken::default(), outside: Vec::new() };
    let site = yaml(text, &mut loader.problems).and_then(|root| loader.site(&Item::root(&root)));
    loader.problems.finish(site)
}

const KEYS: [&str; 19] = [
    "tenant",
    "domains",
    "default",
    "time_zone",
    "language",
    "digest",
    "limits",
    "rest",
    "take_over",
    "direct_calls",
    "calling_number",
    "reasons",
    "extensions",
    "groups",
    "agents",
    "trunks",
    "routes",
    "numbers",
    "emergency",
];

/// Which keys of one kind the file has, each with its line.
#[derive(Default)]
struct Kind(BTreeMap<String, u32>);

#[derive(Default)]
struct Taken {
    extensions: Kind,
    /// Everything that can be dialled: extensions, numbers, emergency numbers.
    dialled: Kind,
    groups: Kind,
    reasons: Kind,
    agents: Kind,
    trunks: Kind,
    /// Numbers that a call may show: those that callers reach, and those of trunks.
    shown: Kind,
    accepts: Kind,
    routes: Kind,
    domains: Kind,
}

impl Kind {
    /// Notes a key; a second one is a problem.
    fn take(&mut self, item: &Item, key: &str, problems: &mut Problems) {
        let at = item.at();
        if let Some(first) = self.0.get(key) {
            let message = format!("`{}` is `{key}` a second time", item.path);
            problems.add(at, message, format!("the first is in line {first}; remove one, or give it another value"));
            return;
        }
        self.0.insert(key.to_owned(), at.line);
    }

    /// The key if the file has it; otherwise a problem.
    fn meet(&self, item: &Item, what: &str, key: &str, problems: &mut Problems) -> Option<String> {
        if self.0.contains_key(key) {
            return Some(key.to_owned());
        }
        let hint = match nearest(key, self.0.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}` (line {})?", self.0[near]),
            None if self.0.is_empty() => format!("add a {what} `{key}`, or remove this"),
            None => {
                let some: Vec<String> = self.0.keys().take(8).map(|k| format!("`{k}`")).collect();
                format!("add a {what} `{key}`, or name one of: {}", some.join(", "))
            }
        };
        let message = format!("`{}` names {what} `{key}`, which this file does not have", item.path);
        problems.add(item.at(), message, hint);
        None
    }
}

struct Loader<'t> {
    problems: Problems<'t>,
    taken: Taken,
    outside: Vec<Reference>,
}

impl Loader<'_> {
    /// What is named is read before what names it, whatever the file's order.
    fn site(&mut self, root: &Item) -> Option<SiteFile> {
        let fields = root.fields(&KEYS, &mut self.problems)?;
        let key = fields.need("tenant", "tenant: demo", &mut self.problems).and_then(|item| self.key(&item));
        let domains = self.domains(&fields);
        let default = fields.get("default").and_then(|item| item.bool(&mut self.problems)).unwrap_or(false);
        let time_zone = fields.get("time_zone").and_then(|item| {
            let hint = "write an IANA name such as `Asia/Shanghai`, or `UTC`";
            item.read("a time zone", hint, &mut self.problems, |t| is_time_zone(t).then(|| t.to_owned()))
        });
        let language = fields.get("language").and_then(|item| self.language(&item)).unwrap_or(LANGUAGE.to_owned());
        let digest = fields.get("digest").and_then(|item| item.one_of(&DIGESTS, &mut self.problems));
        let limits = fields.get("limits").and_then(|item| self.limits(&item)).unwrap_or_default();
        let extensions = self.each(&fields, "extensions", Self::extension);
        let numbers = self.each(&fields, "numbers", Self::number);
        let trunks = self.each(&fields, "trunks", Self::trunk);
        let groups = self.each(&fields, "groups", Self::group);
        let reasons = self.each(&fields, "reasons", Self::reason);
        let rest = fields.get("rest").and_then(|item| self.rest(&item)).unwrap_or_default();
        let take_over = fields.get("take_over").and_then(|item| item.one_of(&TAKE_OVER, &mut self.problems));
        let direct = fields.get("direct_calls").and_then(|item| self.direct_calls(&item)).unwrap_or_default();
        let agents = self.each(&fields, "agents", Self::agent);
        let calling_number = self.calling_number(&fields);
        let routes = self.each(&fields, "routes", Self::route);
        let emergency = fields.get("emergency").and_then(|item| self.emergency(&item));
        let (emergency_numbers, emergency_trunks) = emergency.unwrap_or_default();
        Some(SiteFile {
            key: key?,
            domains,
            default,
            time_zone: time_zone.unwrap_or("UTC".to_owned()),
            language,
            digest: digest.unwrap_or(DigestPolicy::Md5),
            limits,
            extensions,
            groups,
            reasons,
            rest,
            take_over: take_over.unwrap_or(TakeOver::Idle),
            direct,
            calling_number,
            agents,
            trunks,
            routes,
            numbers,
            emergency_numbers,
            emergency_trunks,
            outside: std::mem::take(&mut self.outside),
        })
    }

    /// Objects of one kind; one with a problem is left out, and the whole file is refused in the end.
    fn each<T>(&mut self, fields: &Fields, key: &str, read: fn(&mut Self, &Item) -> Option<T>) -> Vec<T> {
        fields.items(key, &mut self.problems).iter().filter_map(|item| read(self, item)).collect()
    }

    /// A key of the file: it becomes part of paths and addresses.
    fn key(&mut self, item: &Item) -> Option<String> {
        let hint = "use letters, digits, `-`, `_` and `.`, a letter or digit first, at most 64";
        item.read("a key", hint, &mut self.problems, |t| is_key(t).then(|| t.to_owned()))
    }

    fn text(&mut self, fields: &Fields, key: &str) -> Option<String> {
        fields.get(key)?.text(&mut self.problems).map(str::to_owned)
    }

    fn bool(&mut self, fields: &Fields, key: &str, default: bool) -> bool {
        fields.get(key).and_then(|item| item.bool(&mut self.problems)).unwrap_or(default)
    }

    fn span(&mut self, fields: &Fields, key: &str, shortest: Span, longest: Span) -> Option<Span> {
        fields.get(key)?.span(shortest..=longest, &mut self.problems)
    }

    fn domains(&mut self, fields: &Fields) -> Vec<String> {
        let Some(list) = fields.need("domains", "domains: [pbx.example]", &mut self.problems) else {
            return Vec::new();
        };
        let items = list.list(&mut self.problems);
        if items.is_empty() {
            self.problems.add(list.at(), "`domains` is empty", "name at least one host; the first is the digest realm");
        }
        let mut domains = Vec::new();
        for item in &items {
            let hint = "write a host name such as `pbx.example`, or an IP address";
            let host = item.read("a host", hint, &mut self.problems, |t| is_host(t).then(|| t.to_ascii_lowercase()));
            let Some(host) = host else { continue };
            self.taken.domains.take(item, &host, &mut self.problems);
            domains.push(host);
        }
        domains
    }

    fn language(&mut self, item: &Item) -> Option<String> {
        let hint = "name a folder of `sounds`, such as `zh-CN` or `en-US`";
        let language = item.read("a language", hint, &mut self.problems, |t| is_key(t).then(|| t.to_owned()))?;
        self.refer(item, Outside::Language, "language", &language);
        Some(language)
    }

    fn refer(&mut self, item: &Item, kind: Outside, what: &str, name: &str) {
        let message = format!("`{}` names {what} `{name}`, which is not there", item.path);
        let otherwise = self.problems.problem(item.at(), message, "");
        self.outside.push(Reference { kind, name: name.to_owned(), otherwise });
    }

    fn limits(&mut self, item: &Item) -> Option<Limits> {
        let known = ["calls", "cps", "call_max", "hold_max", "register_min", "register_max", "register_default"];
        let fields = item.fields(&known, &mut self.problems)?;
        let mut limits = Limits::default();
        for (key, most, place) in [("calls", 1_000_000, &mut limits.calls), ("cps", 100_000, &mut limits.cps)] {
            if let Some(n) = fields.get(key).and_then(|item| item.integer(1..=most, &mut self.problems)) {
                *place = n;
            }
        }
        let spans = [
            ("call_max", Span::minutes(1), Span::hours(48), &mut limits.call_max),
            ("hold_max", Span::seconds(10), Span::hours(48), &mut limits.hold_max),
            ("register_min", Span::seconds(1), REGISTER_MAX, &mut limits.register_min),
            ("register_max", Span::seconds(1), REGISTER_MAX, &mut limits.register_max),
            ("register_default", Span::seconds(1), REGISTER_MAX, &mut limits.register_default),
        ];
        for (key, shortest, longest, place) in spans {
            if let Some(span) = self.span(&fields, key, shortest, longest) {
                *place = span;
            }
        }
        let Limits { register_min, register_max, register_default, .. } = limits;
        if !(register_min..=register_max).contains(&register_default) {
            let message = format!("`limits` lets a phone register for {register_min} to {register_max}");
            let hint = format!("put `register_default`, now {register_default}, between the two");
            self.problems.add(item.at(), message, hint);
        }
        Some(limits)
    }

    fn extension(&mut self, item: &Item) -> Option<ExtensionEntry> {
        let fields =
            item.fields(&["number", "name", "password", "outbound", "record", "auto_answer"], &mut self.problems)?;
        let number_item = fields.need("number", "number: \"1001\"", &mut self.problems)?;
        let digits = |t: &str| (t.len() <= 20 && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.to_owned());
        let hint = "write up to 20 digits in quotes, without `+`: `\"1001\"`";
        let number = number_item.read("an internal number", hint, &mut self.problems, digits)?;
        self.taken.extensions.take(&number_item, &number, &mut self.problems);
        self.taken.dialled.0.insert(number.clone(), number_item.at().line);
        let name = self.text(&fields, "name").unwrap_or_else(|| number.clone());
        let password = self.text(&fields, "password").map(Secret);
        let (outbound, record) = (self.bool(&fields, "outbound", false), self.bool(&fields, "record", false));
        let auto_answer = self.bool(&fields, "auto_answer", false);
        Some(ExtensionEntry { name, password, outbound, record, auto_answer, number })
    }

    fn group(&mut self, item: &Item) -> Option<Group> {
        let known = [
            "id",
            "name",
            "strategy",
            "offer",
            "ring",
            "wrap_up",
            "length_max",
            "wait_max",
            "music",
            "calls_per_agent",
            "calling_number",
        ];
        let fields = item.fields(&known, &mut self.problems)?;
        let id_item = fields.need("id", "id: support", &mut self.problems)?;
        let id = self.key(&id_item)?;
        self.taken.groups.take(&id_item, &id, &mut self.problems);
        let offer = fields.get("offer").and_then(|item| item.one_of(&OFFER_WAYS, &mut self.problems));
        let strategy = fields.get("strategy").and_then(|item| item.one_of(&STRATEGIES, &mut self.problems));
        let length_max = fields.get("length_max").and_then(|item| item.integer(0..=100_000, &mut self.problems));
        let calls = 1..=CALLS_PER_AGENT as u32;
        let calls_per_agent = fields.get("calls_per_agent").and_then(|item| item.integer(calls, &mut self.problems));
        let music_item = fields.get("music");
        let music = music_item.as_ref().and_then(|item| self.key(item)).unwrap_or("default".to_owned());
        self.refer(music_item.as_ref().unwrap_or(&id_item), Outside::Music, "music", &music);
        Some(Group {
            no: GroupNo(0),
            name: self.text(&fields, "name").unwrap_or_else(|| id.clone()),
            id,
            strategy: strategy.unwrap_or(Strategy::LongestIdle),
            offer: offer.unwrap_or_default(),
            ring: self.span(&fields, "ring", Span::seconds(1), Span::minutes(10)).unwrap_or(Span::seconds(20)),
            wrap_up: self.span(&fields, "wrap_up", Span::ZERO, Span::hours(1)).unwrap_or(Span::seconds(10)),
            length_max,
            wait_max: self.span(&fields, "wait_max", Span::seconds(1), Span::hours(24)),
            music,
            calls_per_agent: calls_per_agent.unwrap_or(1),
            calling_number: self.calling_number(&fields),
            retiring: false,
        })
    }

    fn agent(&mut self, item: &Item) -> Option<AgentEntry> {
        let keys = ["id", "name", "station", "groups", "after_call", "offer", "supervises", "calling_number"];
        let fields = item.fields(&keys, &mut self.problems)?;
        let id_item = fields.need("id", "id: ana", &mut self.problems)?;
        let id = self.key(&id_item)?;
        self.taken.agents.take(&id_item, &id, &mut self.problems);
        let groups = fields.get("groups").map_or(Vec::new(), |item| self.levels(&item));
        let after_call = fields.get("after_call").and_then(|item| item.one_of(&AFTER_CALL, &mut self.problems));
        let after_call = after_call.unwrap_or(AfterCall::WrapUp);
        let offer = fields.get("offer").and_then(|item| item.one_of(&OFFER_WAYS, &mut self.problems));
        let supervises = self.each(&fields, "supervises", Self::group_named);
        let calling_number = self.calling_number(&fields);
        let station = fields.need("station", "station: {extension: \"1001\"}", &mut self.problems)?;
        let station = self.station(&station)?;
        let name = self.text(&fields, "name").unwrap_or_else(|| id.clone());
        Some(AgentEntry { name, id, station, groups, after_call, offer, supervises, calling_number })
    }

    fn station(&mut self, item: &Item) -> Option<StationEntry> {
        let fields = item.fields(&["extension", "outside", "confirm", "permanent"], &mut self.problems)?;
        let (inside, confirm) = (fields.get("extension"), fields.get("confirm"));
        let permanent = self.bool(&fields, "permanent", false);
        if let Some(number) = fields.get("outside") {
            if inside.is_some() {
                let message = format!("`{}` must say `extension` or `outside`, one of the two", item.path);
                self.problems.add(item.at(), message, "remove the one where he is not rung");
                return None;
            }
            let hint = "write the number as it is dialled here: `\"+8613800138000\"`";
            let number = number.read("a number outside", hint, &mut self.problems, normal_form)?;
            return Some(StationEntry::Outside { number, confirm: self.bool(&fields, "confirm", true), permanent });
        }
        if let Some(confirm) = confirm {
            let message = format!("`{}` goes with `outside`", confirm.path);
            self.problems.add(confirm.at(), message, "remove it: a phone of ours is no voicemail");
        }
        let extension_item = fields.need("extension", "extension: \"1001\"", &mut self.problems)?;
        let extension = extension_item.text(&mut self.problems)?;
        let extension = self.taken.extensions.meet(&extension_item, "extension", extension, &mut self.problems)?;
        Some(StationEntry::Extension { extension, permanent })
    }

    fn reason(&mut self, item: &Item) -> Option<Reason> {
        let fields = item.fields(&["id", "name", "max"], &mut self.problems)?;
        let id_item = fields.need("id", "id: meeting", &mut self.problems)?;
        let id = self.key(&id_item)?;
        self.taken.reasons.take(&id_item, &id, &mut self.problems);
        let name = self.text(&fields, "name").unwrap_or_else(|| id.clone());
        let max = self.span(&fields, "max", Span::seconds(1), Span::hours(24));
        Some(Reason { no: ReasonNo(0), id, name, max })
    }

    fn rest(&mut self, item: &Item) -> Option<Rest> {
        let fields = item.fields(&["quota", "max"], &mut self.problems)?;
        let quota = fields.get("quota").and_then(|item| {
            if item.is_integer() {
                return item.integer(0..=100_000, &mut self.problems).map(Quota::Agents);
            }
            let hint = "write how many may rest at a time, as `3`, or a share of those signed in, as `20%`";
            item.read("a quota", hint, &mut self.problems, percent)
        });
        let max = self.span(&fields, "max", Span::seconds(1), Span::hours(24));
        Some(Rest { quota, max: max.unwrap_or(Rest::default().max) })
    }

    fn direct_calls(&mut self, item: &Item) -> Option<DirectCalls> {
        let fields = item.fields(&["when", "ring", "wrap_up"], &mut self.problems)?;
        let usual = DirectCalls::default();
        let when = fields.get("when").and_then(|item| item.one_of(&DIRECT, &mut self.problems));
        let ring = self.span(&fields, "ring", Span::seconds(1), Span::hours(1));
        let wrap_up = self.span(&fields, "wrap_up", Span::ZERO, Span::hours(1));
        Some(DirectCalls {
            when: when.unwrap_or(usual.when),
            ring: ring.unwrap_or(usual.ring),
            wrap_up: wrap_up.unwrap_or(usual.wrap_up),
        })
    }

    fn group_named(&mut self, item: &Item) -> Option<String> {
        let id = item.text(&mut self.problems)?;
        self.taken.groups.meet(item, "group", id, &mut self.problems)
    }

    fn levels(&mut self, item: &Item) -> Vec<(String, u8)> {
        let mut levels = Vec::new();
        for (key, item) in item.named(&mut self.problems) {
            let group = self.taken.groups.meet(&item, "group", &key.name, &mut self.problems);
            let level = item.integer(1..=9, &mut self.problems).and_then(|n| u8::try_from(n).ok());
            levels.extend(group.zip(level));
        }
        levels
    }

    fn trunk(&mut self, item: &Item) -> Option<TrunkEntry> {
        let known = [
            "id",
            "send",
            "accept",
            "codecs",
            "max_calls",
            "inbound",
            "outbound",
            "caller_id",
            "refer",
            "user",
            "password",
        ];
        let fields = item.fields(&known, &mut self.problems)?;
        let id_item = fields.need("id", "id: carrier", &mut self.problems)?;
        let id = self.key(&id_item)?;
        self.taken.trunks.take(&id_item, &id, &mut self.problems);
        let accept = self.each(&fields, "accept", Self::accept);
        let codecs = fields.get("codecs").map_or(vec![Codec::Pcma, Codec::Pcmu], |item| self.codecs(&item));
        let max_calls = fields.get("max_calls").and_then(|item| item.integer(1..=100_000, &mut self.problems));
        let inbound = self.each(&fields, "inbound", Self::rewrite);
        let outbound = self.each(&fields, "outbound", Self::rewrite);
        let caller_id = fields.get("caller_id").and_then(|item| {
            let number = self.dialable(&item)?;
            self.taken.shown.0.insert(number.clone(), item.at().line);
            Some(number)
        });
        let refer = self.bool(&fields, "refer", false);
        let account = self.account(&fields, item);
        let send = fields.need("send", "send: \"sip:192.0.2.1:5060\"", &mut self.problems)?;
        let hint = "write `sip:host:port`, with `;transport=tcp` for TCP";
        let send = send.read("a SIP address", hint, &mut self.problems, target)?;
        let max_calls = max_calls.unwrap_or(100);
        Some(TrunkEntry { id, send, accept, codecs, max_calls, inbound, outbound, caller_id, refer, account })
    }

    /// `user` and `password` of a trunk, both or neither.
    fn account(&mut self, fields: &Fields, trunk: &Item) -> Option<Account> {
        let (user, password) = (self.text(fields, "user"), self.text(fields, "password"));
        let (there, missing) = match (user, password) {
            (Some(user), Some(password)) => return Some(Account { user, password: Secret(password) }),
            (None, None) => return None,
            (Some(_), None) => ("user", "password"),
            (None, Some(_)) => ("password", "user"),
        };
        let at = fields.get(there).map_or(trunk.at(), |item| item.at());
        let message = format!("`{}` has `{there}` and no `{missing}`", trunk.path);
        self.problems.add(at, message, format!("add `{missing}`, as the carrier gave it, or remove `{there}`"));
        None
    }

    fn accept(&mut self, item: &Item) -> Option<Accept> {
        let text = item.text(&mut self.problems)?;
        let (network, port) = split_port(text);
        let port = match port.map(str::parse::<u16>) {
            None => None,
            Some(Ok(port)) if port != 0 => Some(port),
            Some(_) => {
                let message = format!("`{}` has no such port: `{text}`", item.path);
                self.problems.add(item.at(), message, "write a network and a port: `192.0.2.0/24:5060`");
                return None;
            }
        };
        let network = network.parse::<Network>();
        let network = network.map_err(|error| item.bad_network(text, error, &mut self.problems)).ok()?;
        if network.prefix == 0 {
            let message = format!("`{}` takes everybody for this trunk, unasked: `{text}`", item.path);
            self.problems.add(item.at(), message, "name the carrier's networks, as it tells them");
            return None;
        }
        let accept = Accept { network, port };
        self.taken.accepts.take(item, &accept.to_string(), &mut self.problems);
        Some(accept)
    }

    fn codecs(&mut self, list: &Item) -> Vec<Codec> {
        let items = list.list(&mut self.problems);
        if items.is_empty() {
            let message = format!("`{}` is empty", list.path);
            self.problems.add(list.at(), message, "write `[PCMA, PCMU]`, the first is preferred");
        }
        items.iter().filter_map(|item| item.one_of(&CODECS, &mut self.problems)).collect()
    }

    fn pattern(&mut self, fields: &Fields) -> Option<Pattern> {
        let item = fields.need("match", "match: \"^1\\\\d{3}$\"", &mut self.problems)?;
        let text = item.text(&mut self.problems)?;
        let pattern = Pattern::new(text);
        let report = |error| {
            let message = format!("`{}` is no regular expression: {error}", item.path);
            let hint = "in double quotes each `\\` is written twice: `\"^1\\\\d{3}$\"`";
            self.problems.add(item.at(), message, hint);
        };
        pattern.map_err(report).ok()
    }

    /// The key `to`, whose `$1` must be groups of the pattern.
    fn replacement(&mut self, item: &Item, pattern: &Pattern) -> Option<String> {
        let text = item.text(&mut self.problems)?;
        if let Some(group) = pattern.unknown_group(text) {
            let message = format!("`{}` uses `{group}`, which `match` does not have", item.path);
            self.problems.add(
                item.at(),
                message,
                "put the part to keep in `match` in brackets, and name it `$1` to `$9`",
            );
            return None;
        }
        Some(text.to_owned())
    }

    fn rewrite(&mut self, item: &Item) -> Option<Rewrite> {
        let fields = item.fields(&["match", "to"], &mut self.problems)?;
        let pattern = self.pattern(&fields)?;
        let to = fields.need("to", "to: \"+86$1\"", &mut self.problems)?;
        Some(Rewrite { to: self.replacement(&to, &pattern)?, pattern })
    }

    fn route(&mut self, item: &Item) -> Option<RouteEntry> {
        let fields = item.fields(&["match", "to", "trunks", "extension"], &mut self.problems)?;
        let pattern = self.pattern(&fields)?;
        if let Some(item) = fields.get("match") {
            self.taken.routes.take(&item, pattern.text(), &mut self.problems);
        }
        let trunks = fields.get("trunks");
        let extension = self.bool(&fields, "extension", false);
        if extension == trunks.is_some() {
            let message = format!("`{}` must say `trunks` or `extension: true`, one of the two", item.path);
            self.problems.add(
                item.at(),
                message,
                "add `trunks: [...]` for calls that leave, `extension: true` for phones",
            );
            return None;
        }
        let Some(trunks) = trunks else { return Some(RouteEntry { pattern, action: RouteEntryAction::Extension }) };
        let to = fields.get("to").map_or(Some("$0".to_owned()), |item| self.replacement(&item, &pattern))?;
        let trunks = self.trunks(&trunks)?;
        Some(RouteEntry { pattern, action: RouteEntryAction::Trunks { to, trunks } })
    }

    fn trunks(&mut self, list: &Item) -> Option<Vec<String>> {
        let items = list.list(&mut self.problems);
        if items.is_empty() {
            let message = format!("`{}` is empty", list.path);
            self.problems.add(
                list.at(),
                message,
                "name at least one trunk; the next is tried when one is full or silent",
            );
            return None;
        }
        let mut trunks = Vec::new();
        for item in &items {
            let id = item.text(&mut self.problems);
            trunks.extend(id.and_then(|id| self.taken.trunks.meet(item, "trunk", id, &mut self.problems)));
        }
        Some(trunks)
    }

    /// A number in normal form, public or internal.
    fn dialable(&mut self, item: &Item) -> Option<String> {
        let hint = "write E.164 with `+`, as `\"+864008001234\"`, or an internal number, as `\"9000\"`";
        item.read("a number", hint, &mut self.problems, |t| is_number(t).then(|| t.to_owned()))
    }

    fn number(&mut self, item: &Item) -> Option<Number> {
        let fields = item.fields(&["number", "flow", "language", "record"], &mut self.problems)?;
        let number_item = fields.need("number", "number: \"9000\"", &mut self.problems)?;
        let number = self.dialable(&number_item)?;
        self.taken.dialled.take(&number_item, &number, &mut self.problems);
        self.taken.shown.0.insert(number.clone(), number_item.at().line);
        let language = fields.get("language").and_then(|item| self.language(&item));
        let flow_item = fields.need("flow", "flow: main", &mut self.problems)?;
        let flow = self.key(&flow_item)?;
        self.refer(&flow_item, Outside::Flow, "flow", &flow);
        let record = self.bool(&fields, "record", true);
        Some(Number { no: NumberNo(0), number, flow, language, record, retiring: false })
    }

    fn emergency(&mut self, item: &Item) -> Option<(Vec<String>, Vec<String>)> {
        let fields = item.fields(&["numbers", "trunks"], &mut self.problems)?;
        let mut numbers = Vec::new();
        for item in fields.items("numbers", &mut self.problems) {
            let digits = |t: &str| (t.len() <= 8 && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.to_owned());
            let hint = "write the digits in quotes: `\"110\"`";
            let Some(number) = item.read("a short number", hint, &mut self.problems, digits) else { continue };
            self.taken.dialled.take(&item, &number, &mut self.problems);
            numbers.push(number);
        }
        // An emergency call that goes nowhere must be found now, not on the day.
        let trunks = fields.need("trunks", "trunks: [carrier]", &mut self.problems)?;
        Some((numbers, self.trunks(&trunks)?))
    }
}

/// The language of prompts where a site names none.
const LANGUAGE: &str = "zh-CN";

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: 500,
            cps: 20,
            call_max: Span::hours(4),
            hold_max: Span::minutes(15),
            register_min: Span::minutes(1),
            register_max: Span::hours(1),
            register_default: Span::hours(1),
        }
    }
}

impl Default for Rest {
    fn default() -> Self {
        Self { quota: None, max: Span::minutes(15) }
    }
}

fn percent(text: &str) -> Option<Quota> {
    text.strip_suffix('%')?.parse().ok().filter(|percent| (1..=100).contains(percent)).map(Quota::Percent)
}

mod calling;
#[cfg(test)]
mod tests;
mod text;
