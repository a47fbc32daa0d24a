//! From the text of a settings file to [`Settings`].
//! Owns which keys there are and what they may hold. In: name and text. Out: settings, or every problem found.

use std::path::PathBuf;

use super::fields::{Fields, Item};
use super::problem::{Problem, Problems};
use super::settings::{
    Http, Interface, Journal, Listen, Media, PRIVATE_NETWORKS, Paths, PortRange, Recording, RecordingFormat, Serve,
    Settings, Sip,
};
use super::tree;
use crate::base::{Secret, Span};
use crate::event::words::Wire;

/// A restart and a client that comes back need the last day; beyond ten years the files are an archive's.
const KEEP_MIN: Span = Span::hours(24);
const KEEP_MAX: Span = Span::hours(24 * 3_660);

/// The commented default settings, which load to [`Settings::default`].
pub fn default_text() -> &'static str {
    include_str!("default.toml")
}

/// Reads a settings file. `name` is what problems call it.
///
/// # Errors
/// Every problem of the file, in its order; nothing of the file is used then.
pub fn load(name: &str, text: &str) -> Result<Settings, Vec<Problem>> {
    let mut problems = Problems::new(name, text);
    let settings = tree::toml(text, &mut problems).map(|root| settings(&Item::root(&root), &mut problems));
    problems.finish(settings)
}

fn settings(root: &Item, problems: &mut Problems) -> Settings {
    let mut settings = Settings::default();
    let known = ["data", "drain", "interface", "sip", "media", "recording", "journal", "http", "paths"];
    let Some(fields) = root.fields(&known, problems) else { return settings };
    set(&mut settings.data, path(&fields, "data", problems));
    let drain = fields.get("drain").and_then(|item| item.span(Span::ZERO..=Span::hours(24), problems));
    set(&mut settings.drain, drain);
    if let Some(item) = fields.get("interface") {
        settings.interfaces = interfaces(&item, problems);
    }
    if let Some(sip) = fields.get("sip").and_then(|item| item.fields(&["listen"], problems)) {
        set(&mut settings.sip, sip.get("listen").map(|item| Sip { listen: listens(&item, problems) }));
    }
    let media_at = fields.get("media").and_then(|item| item.fields(&["ports", "coalesce"], problems));
    if let Some(media) = media_at {
        settings.media = self::media(&media, &settings.sip, problems);
    }
    if let Some(recording) = fields.get("recording").and_then(|item| item.fields(&["format"], problems)) {
        let formats = [("pcm16", RecordingFormat::Pcm16), ("alaw", RecordingFormat::Alaw)];
        let format = recording.get("format").and_then(|item| item.one_of(&formats, problems));
        set(&mut settings.recording, format.map(|format| Recording { format }));
    }
    if let Some(journal) = fields.get("journal").and_then(|item| item.fields(&["keep"], problems)) {
        let keep = journal.get("keep").and_then(|item| item.span(KEEP_MIN..=KEEP_MAX, problems));
        set(&mut settings.journal, keep.map(|keep| Journal { keep }));
    }
    if let Some(item) = fields.get("http") {
        settings.http = https(&item, problems);
    }
    if let Some(paths) = fields.get("paths").and_then(|item| item.fields(&["dialplans", "sounds"], problems)) {
        let Paths { dialplans, sounds } = &mut settings.paths;
        set(dialplans, path(&paths, "dialplans", problems));
        set(sounds, path(&paths, "sounds", problems));
    }
    settings
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn path(fields: &Fields, key: &str, problems: &mut Problems) -> Option<PathBuf> {
    fields.get(key)?.text(problems).map(PathBuf::from)
}

fn interfaces(list: &Item, problems: &mut Problems) -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = Vec::new();
    let items = list.list(problems);
    if items.is_empty() {
        problems.add(list.at(), "`interface` is empty", "write an entry `[[interface]]`, or remove the key");
    }
    for item in items {
        let Some(interface) = interface(&item, problems) else { continue };
        if interfaces.iter().any(|i| i.bind == interface.bind) {
            let message = format!("`{}.bind` is `{}` a second time", item.path, interface.bind);
            problems.add(item.at(), message, "remove one of the two entries");
        }
        interfaces.push(interface);
    }
    interfaces
}

fn interface(item: &Item, problems: &mut Problems) -> Option<Interface> {
    let fields = item.fields(&["bind", "public", "local"], problems)?;
    let address = "an IP address";
    let bind = fields.need("bind", "bind = \"0.0.0.0\"", problems)?;
    let bind = bind.read(address, "write `0.0.0.0` for every address of the host", problems, |t| t.parse().ok())?;
    let mut interface = Interface { bind, ..Interface::default() };
    if let Some(item) = fields.get("public") {
        let hint = "write the address that the far side of the NAT sees, such as `203.0.113.7`";
        interface.public = item.read(address, hint, problems, |t| t.parse().ok());
        if let Some(public) = interface.public.filter(|p| p.is_unspecified() || p.is_ipv4() != bind.is_ipv4()) {
            let message = format!("`{}` cannot be told to a peer of `{bind}`: `{public}`", item.path);
            problems.add(item.at(), message, "write one address of the same family as `bind`");
        }
        interface.local = PRIVATE_NETWORKS.iter().filter_map(|n| n.parse().ok()).collect();
    }
    if let Some(item) = fields.get("local") {
        interface.local = item.list(problems).iter().filter_map(|i| i.network(problems)).collect();
    }
    Some(interface)
}

fn listens(list: &Item, problems: &mut Problems) -> Vec<Listen> {
    let mut listens = Vec::new();
    let items = list.list(problems);
    if items.is_empty() {
        problems.add(list.at(), "`sip.listen` is empty", "write `[\"udp:5060\", \"tcp:5060\"]`, or remove the key");
    }
    for item in items {
        let expected = "a transport and a port";
        let hint = "write `udp:5060` or `tcp:5060`; the address is the interface's `bind`";
        let Some(listen) = item.read(expected, hint, problems, listen) else { continue };
        if listens.contains(&listen) {
            problems.add(item.at(), format!("`{}` stands there a second time", item.path), "remove one of the two");
        }
        listens.push(listen);
    }
    listens
}

fn listen(text: &str) -> Option<Listen> {
    let (wire, port) = text.split_once(':')?;
    let wire = match wire {
        "udp" => Wire::Udp,
        "tcp" => Wire::Tcp,
        _ => return None,
    };
    Some(Listen { wire, port: self::port(port)? })
}

fn port(digits: &str) -> Option<u16> {
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok().filter(|p| *p != 0))?
}

fn media(fields: &Fields, sip: &Sip, problems: &mut Problems) -> Media {
    let mut media = Media::default();
    if let Some(coalesce) = fields.get("coalesce") {
        set(&mut media.coalesce, coalesce.bool(problems));
    }
    let Some(item) = fields.get("ports") else { return media };
    let hint = "write the first and the last port: `16384-32767`";
    let range = |text: &str| text.split_once('-').and_then(|(first, last)| Some((port(first)?, port(last)?)));
    let Some((first, last)) = item.read("a range of ports", hint, problems, range) else { return media };
    // An odd end cannot be half of a pair.
    let ports = PortRange { first: first.saturating_add(first % 2), last: last.saturating_sub(1 - last % 2) };
    if first < 1024 || ports.first >= ports.last {
        let message = format!("`media.ports` holds no pair of ports from 1024 to 65535: `{first}-{last}`");
        problems.add(item.at(), message, hint);
        return media;
    }
    for listen in sip.listen.iter().filter(|l| l.wire == Wire::Udp && (first..=last).contains(&l.port)) {
        let message = format!("`media.ports` holds port {}, on which `sip.listen` takes SIP", listen.port);
        problems.add(item.at(), message, "choose a range without it");
    }
    Media { ports, ..media }
}

fn https(list: &Item, problems: &mut Problems) -> Vec<Http> {
    let mut https: Vec<Http> = Vec::new();
    for item in list.list(problems) {
        let Some(http) = http(&item, problems) else { continue };
        if https.iter().any(|h| h.listen == http.listen) {
            let message = format!("`{}.listen` is `{}` a second time", item.path, http.listen);
            problems.add(item.at(), message, "give each API an address of its own");
        }
        https.push(http);
    }
    https
}

fn http(item: &Item, problems: &mut Problems) -> Option<Http> {
    let fields = item.fields(&["listen", "serve", "token"], problems)?;
    let listen = fields.need("listen", "listen = \"127.0.0.1:8080\"", problems)?;
    let hint = "write `127.0.0.1:8080`, or `[::1]:8080` for IPv6";
    let listen = listen.read("an address and a port", hint, problems, |t| t.parse().ok())?;
    let serve =
        fields.get("serve").map_or(Some(Serve::Native), |i| i.one_of(&[("native", Serve::Native)], problems))?;
    let token = fields.get("token").and_then(|i| i.text(problems)).map(|t| Secret(t.to_owned()));
    Some(Http { listen, serve, token })
}

#[cfg(test)]
mod tests {
    use super::super::problem::print;
    use super::*;

    #[test]
    fn the_default_text_says_what_the_defaults_are() {
        assert_eq!(load("cordboard.toml", default_text()), Ok(Settings::default()));
        assert_eq!(load("cordboard.toml", ""), Ok(Settings::default()));
    }

    #[test]
    fn every_commented_key_of_the_default_text_loads() {
        let uncommented: Vec<&str> =
            default_text().lines().map(|l| l.strip_prefix("# ").filter(|k| k.contains(" = ")).unwrap_or(l)).collect();
        let settings = load("cordboard.toml", &uncommented.join("\n")).expect("all keys are valid");
        assert_eq!(settings.interfaces[0].public, "203.0.113.7".parse().ok());
        assert_eq!(settings.interfaces[0].local.len(), 2);
        assert_eq!(settings.http[0].token, Some(Secret("...".into())));
    }

    #[test]
    fn the_text_of_the_design_loads() {
        let text = r#"
data = "data"
[[interface]]
bind = "0.0.0.0"                     # one entry per network
public = "203.0.113.7"               # told to peers outside `local` in Via, Contact and SDP (default: bind)
local = ["10.0.0.0/8", "192.168.0.0/16"]
[sip]
listen = ["udp:5060", "tcp:5060"]
[media]
ports = "16384-32767"
[recording]
format = "pcm16"                     # pcm16 | alaw
[[http]]
listen = "127.0.0.1:8080"
serve = "native"                     # native | aliyun | cec | callcenter | meiqia (a dialect needs its own address)
token = "..."                        # first admin token; generated when absent
[paths]
dialplans = "dialplans"
sounds = "sounds"
"#;
        let settings = load("cordboard.toml", text).expect("it loads");
        assert_eq!((settings.interfaces.len(), settings.http.len()), (1, 1));
        assert_eq!(settings.media.ports, PortRange { first: 16_384, last: 32_767 });
    }

    #[test]
    fn several_interfaces_and_apis() {
        let text = r#"
drain = "30s"
journal = { keep = "30d" }
http = [{ listen = "127.0.0.1:8080" }, { listen = "[::1]:8080", token = "t" }]
[[interface]]
bind = "192.0.2.1"
public = "203.0.113.7"
[[interface]]
bind = "::"
[media]
ports = "20001-20010"
coalesce = true
"#;
        let settings = load("c", text).expect("it loads");
        assert_eq!(settings.drain, Span::seconds(30));
        assert_eq!(settings.journal.keep, Span::hours(30 * 24));
        assert_eq!(settings.media, Media { ports: PortRange { first: 20_002, last: 20_009 }, coalesce: true });
        assert_eq!(settings.interfaces[0].local.len(), PRIVATE_NETWORKS.len(), "behind NAT the private peers are near");
        assert_eq!(settings.interfaces[1].local, []);
        assert_eq!(settings.http.len(), 2);
    }

    const FULL_OF_MISTAKES: &str = r#"
dato = "data"
drain = 600
[[interface]]
bind = "0.0.0.0"
public = "0.0.0.0"
local = ["10.0.0.1/8"]
[[interface]]
bind = "0.0.0.0"
[sip]
listen = ["udp:5060", "sctp:5060", "udp:5060", "udp:20000"]
[media]
ports = "16384-32767"
[recording]
format = "mp3"
[journal]
keep = "2h"
[[http]]
serve = "nativ"
[[http]]
listen = "8080"
"#;

    const MISTAKES_FOUND: &str = r#"error: unknown key `dato`
  --> cordboard.toml:2:1
   |  dato = "data"
hint: did you mean `data`?

error: `drain` must be a time with its unit, not the number 600
  --> cordboard.toml:3:9
   |  drain = 600
hint: write `600s` for seconds or `600m` for minutes

error: `interface[0].public` cannot be told to a peer of `0.0.0.0`: `0.0.0.0`
  --> cordboard.toml:6:10
   |  public = "0.0.0.0"
hint: write one address of the same family as `bind`

error: `interface[0].local[0]` has bits beyond its prefix: `10.0.0.1/8`
  --> cordboard.toml:7:10
   |  local = ["10.0.0.1/8"]
hint: write `10.0.0.0/8`, or `10.0.0.1` for one address

error: `interface[1].bind` is `0.0.0.0` a second time
  --> cordboard.toml:8:1
   |  [[interface]]
hint: remove one of the two entries

error: `sip.listen[1]` must be a transport and a port, not `sctp:5060`
  --> cordboard.toml:11:23
   |  listen = ["udp:5060", "sctp:5060", "udp:5060", "udp:20000"]
hint: write `udp:5060` or `tcp:5060`; the address is the interface's `bind`

error: `sip.listen[2]` stands there a second time
  --> cordboard.toml:11:36
   |  listen = ["udp:5060", "sctp:5060", "udp:5060", "udp:20000"]
hint: remove one of the two

error: `media.ports` holds port 20000, on which `sip.listen` takes SIP
  --> cordboard.toml:13:9
   |  ports = "16384-32767"
hint: choose a range without it

error: `recording.format` cannot be `mp3`
  --> cordboard.toml:15:10
   |  format = "mp3"
hint: use one of: `pcm16`, `alaw`

error: `journal.keep` must be from 24h to 87840h, not 2h
  --> cordboard.toml:17:8
   |  keep = "2h"
hint: choose a time in that range

error: `http[0].listen` is missing
  --> cordboard.toml:18:1
   |  [[http]]
hint: add `listen = "127.0.0.1:8080"`

error: `http[1].listen` must be an address and a port, not `8080`
  --> cordboard.toml:21:10
   |  listen = "8080"
hint: write `127.0.0.1:8080`, or `[::1]:8080` for IPv6
"#;

    #[test]
    fn each_problem_names_place_key_and_remedy() {
        let problems = load("cordboard.toml", FULL_OF_MISTAKES).expect_err("nothing of it may pass");
        assert_eq!(print(&problems), MISTAKES_FOUND);
    }
}
