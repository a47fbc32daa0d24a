//! `cordboard demo`: the server, and scripted callers and agents who use it over real SIP, RTP and HTTP on the loopback,
//! so that somebody without a SIP phone sees and hears it work. It is a test as well: a scene that ends otherwise than it
//! should is an error. Stands below `cli`, which starts the server, and above `api`, which it uses as any client does.
//! In: [`DemoArgs`]. Out: a plain line per event, the recordings and what is in them.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "the demo owns phones on sockets, writes its site file and speaks to a terminal"
)]

pub mod client;
mod listen;
pub mod phone;
mod scenes;
mod stage;
mod telling;

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};

use crate::base::{Rng, Utc};
use crate::drive::clock;
use stage::Stage;

/// The tenant of the demo.
const TENANT: &str = "demo";
const DOMAIN: &str = "demo.example";
/// Folders of a clone that the demo plays from.
const NEEDED: [&str; 2] = ["dialplans/main.yaml", "sounds/en-US/welcome.wav"];
/// Letters and digits of generated secrets.
const SECRET_LENGTH: usize = 24;
/// How often free ports are looked for.
const PORT_TRIES: usize = 100;

/// The agents of the demo: id, name, extension.
const AGENTS: [(&str, &str, &str); 2] = [("ana", "Ana", "1001"), ("bo", "Bo", "1002")];

#[derive(clap::Args, Clone, Debug)]
pub struct DemoArgs {
    /// Folder in which each run makes one of its own for data and recordings
    #[arg(long, value_name = "DIR", default_value = "demo-data")]
    pub data: PathBuf,
}

/// One run, before the server is started.
#[derive(Debug)]
pub struct Plan {
    pub data: PathBuf,
    pub settings_file: PathBuf,
    pub site_file: PathBuf,
    http: SocketAddr,
    sip: SocketAddr,
    token: String,
    password: String,
    /// Their ports are what the demo's trunk takes calls from.
    callers: Vec<UdpSocket>,
}

/// Makes the run's folder with its settings and site.
///
/// # Errors
/// A text for people: the folder cannot be made, or the dialplans and sounds are not here.
pub fn prepare(args: &DemoArgs) -> Result<Plan, String> {
    if let Some(missing) = NEEDED.iter().find(|path| !Path::new(path).is_file()) {
        return Err(format!("`{missing}` is not here: start the demo in the project's own folder"));
    }
    let failed = |error: std::io::Error| format!("the demo cannot be prepared: {error}");
    let data = fresh_folder(&args.data).map_err(failed)?;
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut f| std::io::Read::read_exact(&mut f, &mut seed))
        .map_err(failed)?;
    let mut rng = Rng::from_seed(seed);
    let callers = (0..scenes::CALLERS.len()).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)));
    let plan = Plan {
        settings_file: data.join("demo.toml"),
        site_file: data.join("demo.yaml"),
        http: free_address().map_err(failed)?,
        sip: free_address().map_err(failed)?,
        token: rng.token(SECRET_LENGTH),
        password: rng.token(SECRET_LENGTH),
        callers: callers.collect::<Result<_, _>>().map_err(failed)?,
        data,
    };
    std::fs::write(&plan.settings_file, plan.settings()).map_err(failed)?;
    std::fs::write(&plan.site_file, plan.site().map_err(failed)?).map_err(failed)?;
    Ok(plan)
}

/// Plays all scenes against the running server, then tells what the recordings hold.
///
/// # Errors
/// A text for people: what went otherwise than it should.
pub async fn run(plan: Plan, recordings: &Path) -> Result<(), String> {
    println!("Cordboard's demo: a caller, two agents and their phones, on this machine alone.");
    println!("  SIP {}   API http://{}/docs   token {}\n", plan.sip, plan.http, plan.token);
    let (data, http, token) = (plan.data.clone(), plan.http, plan.token.clone());
    let mut stage = Stage::set(plan).await?;
    let played = scenes::play(&mut stage).await;
    let listened = listen::report(&stage, recordings).await;
    println!("\nTo look at the records of these calls: cordboard serve --config {}", data.join("demo.toml").display());
    println!(
        "and then: curl -H 'Authorization: Bearer {token}' -H 'Cordboard-Tenant: {TENANT}' http://{http}/v1/contacts"
    );
    played.and(listened)
}

impl Plan {
    fn settings(&self) -> String {
        let (data, http, sip, token) = (self.data.display().to_string(), self.http, self.sip.port(), &self.token);
        // A TOML basic string has JSON's escapes.
        let data = serde_json::Value::String(data);
        format!(
            "# Written by `cordboard demo`.\ndata = {data}\ndrain = \"1s\"\n\n[[interface]]\nbind = \"127.0.0.1\"\n\n\
             [sip]\nlisten = [\"udp:{sip}\", \"tcp:{sip}\"]\n\n[[http]]\nlisten = \"{http}\"\nserve = \"native\"\n\
             token = \"{token}\"\n"
        )
    }

    fn site(&self) -> std::io::Result<String> {
        let mut accept = Vec::new();
        for caller in &self.callers {
            accept.push(format!("\"127.0.0.1/32:{}\"", caller.local_addr()?.port()));
        }
        let called_back = self.callers[0].local_addr()?;
        let (mut extensions, mut agents) = (String::new(), String::new());
        for (id, name, number) in AGENTS {
            let password = &self.password;
            writeln!(extensions, "  - {{number: \"{number}\", name: {name}, password: \"{password}\", record: true}}")
                .map_err(std::io::Error::other)?;
            writeln!(
                agents,
                "  - {{id: {id}, name: {name}, station: {{extension: \"{number}\"}}, groups: {{support: 5}}}}"
            )
            .map_err(std::io::Error::other)?;
        }
        let accept = accept.join(", ");
        Ok(format!(
            "# Written by `cordboard demo`.\ntenant: {TENANT}\ndomains: [{DOMAIN}]\ndefault: true\n\
             time_zone: Asia/Shanghai\nlanguage: en-US\nextensions:\n{extensions}groups:\n  \
             - {{id: support, name: Support, strategy: longest-idle, ring: 4s, wrap_up: 1s}}\nagents:\n{agents}\
             trunks:\n  - {{id: carrier, send: \"sip:{called_back}\", accept: [{accept}]}}\nroutes:\n  \
             - {{match: \"^\\\\+86\\\\d+$\", trunks: [carrier]}}\n  - {{match: \"^1\\\\d{{3}}$\", extension: true}}\n\
             numbers:\n  - {{number: \"9000\", flow: main}}\ndigest: both\n"
        ))
    }
}

/// A folder of this run's own, named by the time.
fn fresh_folder(below: &Path) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(below)?;
    let (year, month, day, hour, minute, second) = clock::wall().civil();
    let name = format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}");
    let mut last = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
    for suffix in ["", "-2", "-3", "-4"] {
        let folder = below.join(format!("{name}{suffix}"));
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// A port of the loopback that nobody has, neither UDP nor TCP. Somebody may take it before the server does: then the
/// server says so and the demo is started again.
fn free_address() -> std::io::Result<SocketAddr> {
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for _ in 0..PORT_TRIES {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = tcp.local_addr()?;
        match UdpSocket::bind(address) {
            Ok(_) => return Ok(address),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Wall time for lines of the demo itself, as events have it.
fn clock_text(at: Utc) -> String {
    at.rfc3339().get(11..23).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_the_server_reads() {
        let below = tempfile::tempdir().expect("a folder");
        let args = DemoArgs { data: below.path().join("a \"b\"") };
        let (one, two) = (prepare(&args).expect("a plan"), prepare(&args).expect("a second one"));
        assert_ne!(one.data, two.data);
        let settings = std::fs::read_to_string(&one.settings_file).expect("settings");
        let settings = crate::config::load("demo.toml", &settings).expect("settings that load");
        assert_eq!((settings.data, settings.http[0].listen), (one.data.clone(), one.http));
        let site = std::fs::read_to_string(&one.site_file).expect("a site");
        let site = crate::site::load("demo.yaml", &site).expect("a site that loads");
        assert!(site.without_password().next().is_none() && site.is_default());
    }
}
