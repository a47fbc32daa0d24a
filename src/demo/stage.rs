//! Where the scenes are played: the phones, the API, and everything that has happened so far.
//! Owns the printing of events and waiting for them. Leaves the plot to `scenes`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::client::Client;
use super::phone::{Account, Phone, Seen, Sockets};
use super::scenes::CALLERS;
use super::telling::{Names, Unknown};
use super::{AGENTS, DOMAIN, Plan, TENANT, clock_text};
use crate::drive::clock::{self, Clock};
use crate::sdp::Codec;

/// How long anything of a scene may take to happen.
const PATIENCE: Duration = Duration::from_secs(25);
/// How long one poll for events waits.
const POLL_MS: u32 = 5_000;
const POISON: &str = "no holder of this lock can panic";

/// A phone and whose it is.
pub struct Actor {
    pub name: &'static str,
    pub phone: Phone,
}

pub struct Stage {
    pub api: Client,
    pub ana: Actor,
    pub bo: Actor,
    /// As `CALLERS`.
    pub callers: Vec<Actor>,
    told: Arc<Told>,
    printing: JoinHandle<()>,
}

/// All events so far, and how many those are.
struct Told {
    events: Mutex<Vec<Value>>,
    /// What ended the printing, if something did.
    count: watch::Sender<Result<usize, String>>,
}

impl Stage {
    /// Starts the phones, registers and signs in the agents, and prints what happens from the first event on.
    pub async fn set(plan: Plan) -> Result<Self, String> {
        let api = Client { server: plan.http, token: plan.token.clone(), tenant: TENANT.to_owned() };
        let clock = Arc::new(Clock::start(None));
        let names = names(&api).await?;
        let told = Arc::new(Told { events: Mutex::default(), count: watch::Sender::new(Ok(0)) });
        let printing = tokio::spawn(follow(api.clone(), names, Arc::clone(&told)));
        let failed = |error: std::io::Error| format!("a phone has no sockets: {error}");
        let account = |user: &str, seed: u64, codecs: &[Codec]| Account {
            user: user.to_owned(),
            password: plan.password.clone(),
            domain: DOMAIN.to_owned(),
            server: plan.sip,
            codecs: codecs.to_vec(),
            seed,
        };
        let mut agents = Vec::new();
        for (seed, (id, _, number)) in (1..).zip(AGENTS) {
            let sockets = Sockets::bind().await.map_err(failed)?;
            let account = account(number, seed, &[Codec::Pcma, Codec::Pcmu]);
            let phone = Phone::start(account, sockets, Arc::clone(&clock)).map_err(failed)?;
            agents.push(Actor { name: id, phone });
        }
        let mut callers = Vec::new();
        for (seed, (socket, number)) in (11..).zip(plan.callers.into_iter().zip(CALLERS)) {
            let sockets = Sockets::with_sip(socket).await.map_err(failed)?;
            let account = account(number, seed, &[Codec::Pcmu, Codec::Pcma]);
            callers.push(Actor {
                name: number,
                phone: Phone::start(account, sockets, Arc::clone(&clock)).map_err(failed)?,
            });
        }
        let (Some(bo), Some(ana)) = (agents.pop(), agents.pop()) else { return Err("there are two agents".to_owned()) };
        let mut stage = Self { api, ana, bo, callers, told, printing };
        for actor in [&mut stage.ana, &mut stage.bo] {
            actor.phone.register();
            actor.sees("registers", |seen| matches!(seen, Seen::Registered { .. })).await?;
        }
        for (id, ..) in AGENTS {
            stage.agent(id, "sign-in").await?;
            let ready = stage.agent(id, "ready").await?;
            let seen = |event: &Value| event["seq"].as_u64() >= ready["seq"].as_u64();
            stage.event(0, "an agent is ready", seen).await?;
        }
        Ok(stage)
    }

    /// A verb of an agent through the API.
    pub async fn agent(&self, id: &str, verb: &str) -> Result<Value, String> {
        self.api.post(&format!("/v1/agents/{id}/{verb}"), &json!({})).await
    }

    /// The place behind what has happened so far.
    pub fn mark(&self) -> usize {
        self.told.events.lock().expect(POISON).len()
    }

    /// The first event at or behind `mark` that fits, waited for.
    pub async fn event(&self, mark: usize, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Value, String> {
        let mut count = self.told.count.subscribe();
        let found = async {
            loop {
                if let Some(event) = self.told.events.lock().expect(POISON).iter().skip(mark).find(|event| fits(event))
                {
                    return Ok(event.clone());
                }
                count.changed().await.map_err(|error| error.to_string())?;
                count.borrow_and_update().clone()?;
            }
        };
        timeout(PATIENCE, found).await.unwrap_or_else(|_| Err(format!("expected and not seen: {what}")))
    }

    /// As [`Stage::event`], by kind and one field of the event or of its `data`.
    pub async fn kind(&self, mark: usize, kind: &str, field: &str, value: &Value) -> Result<Value, String> {
        let fits = |event: &Value| event["kind"] == kind && (event[field] == *value || event["data"][field] == *value);
        self.event(mark, &format!("{kind} with {field} {value}"), fits).await
    }

    pub fn events(&self) -> Vec<Value> {
        self.told.events.lock().expect(POISON).clone()
    }

    /// The record of a contact, complete with its recording's length.
    pub async fn record(&self, contact: &Value) -> Result<Value, String> {
        let id = contact.as_str().unwrap_or_default();
        let ended = self.kind(0, "recording_ended", "contact", contact).await?;
        let path = format!("/v1/contacts/{id}?at_least={}", ended["seq"]);
        Ok(self.api.get(&path).await?["contact"].take())
    }
}

impl Drop for Stage {
    /// A poll that still waits would hold up the server's end.
    fn drop(&mut self) {
        self.printing.abort();
    }
}

impl Actor {
    /// The next thing that fits among what the phone sees; what does not fit is passed over.
    pub async fn sees(&mut self, what: &str, fits: impl Fn(&Seen) -> bool) -> Result<Seen, String> {
        let name = self.name;
        let found = async {
            loop {
                match self.phone.next().await {
                    Some(seen) if fits(&seen) => return Ok(seen),
                    Some(Seen::RegisterFailed { status }) => return Err(format!("{name} cannot register: {status}")),
                    Some(Seen::NoSound) => return Err(format!("{name}: no codec in common")),
                    Some(_) => {}
                    None => return Err(format!("the phone of {name} is gone")),
                }
            }
        };
        timeout(PATIENCE, found).await.unwrap_or_else(|_| Err(format!("{name} should see and did not: {what}")))
    }

    pub async fn talks(&mut self) -> Result<(), String> {
        self.sees("the call is answered", |seen| matches!(seen, Seen::Talking { .. })).await.map(drop)
    }

    pub async fn ends(&mut self) -> Result<Seen, String> {
        self.sees("the call ends", |seen| matches!(seen, Seen::Ended { .. })).await
    }
}

/// A line of the demo itself.
pub fn say(who: &str, what: &str) {
    println!("{}  {who:<15}  {what}", clock_text(clock::wall()));
}

/// Lets the phones talk.
pub async fn seconds(seconds: f64) {
    sleep(Duration::from_secs_f64(seconds)).await;
}

/// Names by number, as the API lists them.
async fn names(api: &Client) -> Result<Names, String> {
    let by_no = |list: &Value, field: &str| -> BTreeMap<u64, String> {
        let pairs = list.as_array().into_iter().flatten();
        pairs.filter_map(|item| Some((item["no"].as_u64()?, item[field].as_str()?.to_owned()))).collect()
    };
    let agents = by_no(&api.get("/v1/agents").await?["agents"], "id");
    let extensions = by_no(&api.get("/v1/extensions").await?["extensions"], "number");
    Ok(Names::new(agents, extensions))
}

/// Polls for events and prints them, until the process ends or the API fails.
async fn follow(api: Client, mut names: Names, told: Arc<Told>) {
    let mut after = "oldest".to_owned();
    let why = loop {
        let mut page = match api.get(&format!("/v1/events?after={after}&wait_ms={POLL_MS}")).await {
            Ok(page) => page,
            Err(error) => break error,
        };
        page["position"].as_str().unwrap_or_default().clone_into(&mut after);
        let Value::Array(events) = page["events"].take() else { break "a page without events".to_owned() };
        for event in &events {
            match names.tell(event) {
                Ok(Some(line)) => println!("{line}"),
                Ok(None) => {}
                Err(Unknown(kind)) => say("", &format!("an event of a kind that the demo does not know: {kind}")),
            }
        }
        let mut all = told.events.lock().expect(POISON);
        all.extend(events);
        drop(told.count.send_replace(Ok(all.len())));
    };
    drop(told.count.send_replace(Err(why)));
}
