//! The handle that the API, the dialects and the console hold: the only way to ask a tenant anything.
//! Owns the lanes to the tenants' tasks with their bounds, the tokens, the site each tenant has now, the state of the
//! house, and the meters. Leaves deciding to the tenant machine and wire forms to `api`.
//! In: a [`Command`] and a token. Out: the [`Answer`] with the `seq` it was stamped with, or a [`Refusal`].
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the one place in `switch` that waits for others"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use tokio::sync::{mpsc, oneshot, watch};

use super::meters::{self, NodeMeters, TenantMeters};
use super::permission::{Permission, Permissions};
use super::{Answer, Code, Command, SessionState};
use crate::base::bounds::{COMMAND_LANE, COMMAND_WAIT, COMMANDS_PER_TOKEN, PUSH_LANE, SITE_LANE, SITE_WAIT};
use crate::base::{TenantNo, Time, Utc};
use crate::event::words::By;

/// Cheap to clone; all clones are one door. `S` is the tenant's site, in which the rooms above look up what a key means;
/// it is a parameter because `site` is built above this room.
pub struct Door<S>(Arc<Inner<S>>);

impl<S> Clone for Door<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

struct Inner<S> {
    tenants: RwLock<BTreeMap<TenantNo, Arc<Tenant<S>>>>,
    tokens: RwLock<Vec<Token>>,
    house: watch::Sender<House>,
    /// To the owner of the sites, once there is one.
    sites: RwLock<Option<mpsc::Sender<SiteAsked>>>,
    /// To whoever pushes events, once there is one.
    pushes: RwLock<Option<mpsc::Sender<PushAsked>>>,
    node: Arc<NodeMeters>,
    /// Wall clock minus house axis, in microseconds.
    wall_offset: AtomicI64,
}

/// One tenant as others see it.
pub struct Tenant<S> {
    pub no: TenantNo,
    /// As in the site file; never changes.
    pub key: String,
    pub meters: TenantMeters,
    site: RwLock<Arc<S>>,
    lane: mpsc::Sender<Asked>,
}

/// What the tenant's task finds in its lane.
#[derive(Debug)]
pub struct Asked {
    pub command: Box<Command>,
    /// With the seq of the last event appended before the answer. Nobody may be listening any more.
    pub reply: oneshot::Sender<(Answer, u64)>,
}

/// A session that was opened to push: whoever pushes begins, or has begun already.
#[derive(Debug)]
pub struct PushAsked {
    pub tenant: TenantNo,
    pub state: SessionState,
    /// What comes behind this seq is delivered.
    pub after: u64,
    /// The session's secret.
    pub reply: oneshot::Sender<Result<String, Refusal>>,
}

/// A question about a tenant's site, or its change. Sites are the house's: their owner answers, not the tenant.
#[derive(Debug)]
pub struct SiteAsked {
    pub tenant: TenantNo,
    pub wish: SiteWish,
    pub reply: oneshot::Sender<Result<SiteTold, Refusal>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteWish {
    /// The site as a file.
    Export { passwords: bool },
    /// This file is the whole site from now on, by whoever wants it; `name` is what its problems call it. One that makes
    /// no difference changes nothing and is no event.
    Apply { name: String, text: String, dry_run: bool, by: By },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SiteTold {
    /// The file, or the difference that the change makes.
    pub text: String,
    /// The tenant has another site from now on.
    pub changed: bool,
    /// Passwords that were made up: extension and password.
    pub passwords: Vec<(String, String)>,
}

/// Why the door, not the tenant, refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: Code,
    /// What stood in the way, for people.
    pub state: String,
}

/// What the node allows, as `/readyz` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum House {
    Starting,
    Open,
    /// New contacts get 503; running ones go on.
    Shed {
        why: &'static str,
    },
    /// No new contacts; the process ends when the running ones have.
    Draining {
        contacts_left: u32,
    },
}

/// Whom a token may speak for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Tenant(TenantNo),
    /// Every tenant; each request names one.
    Node,
}

/// A token as it is stored: its text is known only to its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// Never reused; it stands in events as `Actor::Integration`.
    pub no: u32,
    pub name: String,
    pub scope: Scope,
    pub permissions: Permissions,
    /// SHA-256 of the text. Enough, because the text is random and long, not a person's password.
    pub digest: [u8; 32],
}

/// A token that was presented and found.
#[derive(Clone, Debug)]
pub struct Token {
    pub row: TokenRow,
    in_flight: Arc<AtomicUsize>,
}

impl TokenRow {
    pub fn digest_of(text: &str) -> [u8; 32] {
        Sha256::digest(text.as_bytes()).into()
    }
}

impl Token {
    pub fn no(&self) -> u32 {
        self.row.no
    }

    /// # Errors
    /// `forbidden`, naming the permission.
    pub fn require(&self, permission: Permission) -> Result<(), Refusal> {
        if self.row.permissions.allow(permission) {
            return Ok(());
        }
        Err(Refusal::new(Code::Forbidden, format!("the token lacks `{permission}`")))
    }

    /// Counts one command in flight until the guard drops.
    fn take_flight(&self) -> Result<Flight, Refusal> {
        if self.in_flight.fetch_add(1, Relaxed) < COMMANDS_PER_TOKEN {
            return Ok(Flight(self.in_flight.clone()));
        }
        self.in_flight.fetch_sub(1, Relaxed);
        Err(Refusal::new(Code::TooManyCommands, format!("{COMMANDS_PER_TOKEN} commands of this token are in flight")))
    }
}

struct Flight(Arc<AtomicUsize>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

impl Refusal {
    pub fn new(code: Code, state: impl Into<String>) -> Self {
        Self { code, state: state.into() }
    }
}

impl<S> Tenant<S> {
    /// The site as it is now. It may change between two calls: take it once per request.
    pub fn site(&self) -> Arc<S> {
        self.site.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<S> Default for Door<S> {
    fn default() -> Self {
        let inner = Inner {
            tenants: RwLock::default(),
            tokens: RwLock::default(),
            house: watch::Sender::new(House::Starting),
            node: Arc::default(),
            sites: RwLock::new(None),
            pushes: RwLock::new(None),
            wall_offset: AtomicI64::new(-Time::from_wall(Utc(0)).0),
        };
        Self(Arc::new(inner))
    }
}

impl<S> Door<S> {
    /// Opens a tenant's lane; its task reads from the other end.
    pub fn open_tenant(&self, no: TenantNo, key: &str, site: Arc<S>) -> (Arc<Tenant<S>>, mpsc::Receiver<Asked>) {
        let (lane, asked) = mpsc::channel(COMMAND_LANE);
        let key = key.to_owned();
        let tenant = Arc::new(Tenant { no, key, meters: TenantMeters::default(), site: RwLock::new(site), lane });
        self.0.tenants.write().unwrap_or_else(PoisonError::into_inner).insert(no, tenant.clone());
        (tenant, asked)
    }

    /// The tenant's site is now this one. Called after the tenant machine has it.
    pub fn set_site(&self, no: TenantNo, site: Arc<S>) {
        if let Some(tenant) = self.tenant(no) {
            *tenant.site.write().unwrap_or_else(PoisonError::into_inner) = site;
        }
    }

    pub fn tenant(&self, no: TenantNo) -> Option<Arc<Tenant<S>>> {
        self.0.tenants.read().unwrap_or_else(PoisonError::into_inner).get(&no).cloned()
    }

    /// By number.
    pub fn tenants(&self) -> Vec<Arc<Tenant<S>>> {
        self.0.tenants.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub fn tenant_by_key(&self, key: &str) -> Option<Arc<Tenant<S>>> {
        let tenants = self.0.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.values().find(|tenant| tenant.key == key).cloned()
    }

    /// Replaces all tokens. One that stays keeps its count of commands in flight.
    pub fn set_tokens(&self, rows: Vec<TokenRow>) {
        let mut tokens = self.0.tokens.write().unwrap_or_else(PoisonError::into_inner);
        let before: BTreeMap<u32, Arc<AtomicUsize>> =
            tokens.iter().map(|token| (token.row.no, token.in_flight.clone())).collect();
        *tokens = rows
            .into_iter()
            .map(|row| Token { in_flight: before.get(&row.no).cloned().unwrap_or_default(), row })
            .collect();
    }

    /// The tokens that may speak for this tenant.
    pub fn token_numbers(&self, tenant: TenantNo) -> BTreeSet<u32> {
        let tokens = self.0.tokens.read().unwrap_or_else(PoisonError::into_inner);
        let speaks =
            |token: &&Token| matches!(token.row.scope, Scope::Node) || token.row.scope == Scope::Tenant(tenant);
        tokens.iter().filter(speaks).map(Token::no).collect()
    }

    /// Whose token this is. Every token is compared, each in constant time, so the time tells nothing of a near miss.
    pub fn find_token(&self, text: &str) -> Option<Token> {
        let digest = TokenRow::digest_of(text);
        let tokens = self.0.tokens.read().unwrap_or_else(PoisonError::into_inner);
        let (mut found, mut place) = (Choice::from(0), 0_u64);
        for (index, token) in tokens.iter().enumerate() {
            let same = token.row.digest.ct_eq(&digest);
            place.conditional_assign(&(index as u64), same);
            found |= same;
        }
        bool::from(found).then(|| tokens[place as usize].clone())
    }

    /// Puts a command into its tenant's lane and waits for the answer.
    ///
    /// # Errors
    /// `too-many-commands` when the token or the lane is full, `timeout` after 5 s without an answer (the command may
    /// still take effect: repeat it with the same id), `internal-error` when the tenant dropped it.
    pub async fn command(&self, token: &Token, tenant: &Tenant<S>, command: Command) -> Result<(Answer, u64), Refusal> {
        let flight = token.take_flight().inspect_err(|_| tenant.meters.commands_full.add(1))?;
        let answered = self.tell(tenant, command).await;
        drop(flight);
        answered
    }

    /// The same for the house itself, which has no token.
    ///
    /// # Errors
    /// As [`Self::command`].
    pub async fn tell(&self, tenant: &Tenant<S>, command: Command) -> Result<(Answer, u64), Refusal> {
        let (reply, answer) = oneshot::channel();
        tenant.lane.try_send(Asked { command: Box::new(command), reply }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                tenant.meters.commands_full.add(1);
                Refusal::new(Code::TooManyCommands, format!("{COMMAND_LANE} commands wait for this tenant"))
            }
            mpsc::error::TrySendError::Closed(_) => Refusal::new(Code::Draining, "the tenant has ended"),
        })?;
        match tokio::time::timeout(COMMAND_WAIT.to_std(), answer).await {
            Ok(Ok((answer, seq))) => {
                match &answer {
                    Answer::Accepted { .. } => tenant.meters.commands_accepted.add(1),
                    Answer::Refused { .. } => tenant.meters.commands_refused.add(1),
                }
                Ok((answer, seq))
            }
            Ok(Err(_)) => Err(Refusal::new(Code::InternalError, "the tenant dropped the command")),
            Err(_) => {
                tenant.meters.commands_timeout.add(1);
                Err(Refusal::new(Code::Timeout, format!("no answer within {COMMAND_WAIT}")))
            }
        }
    }

    /// Whoever owns the sites takes their changes from here.
    pub fn open_sites(&self) -> mpsc::Receiver<SiteAsked> {
        let (lane, asked) = mpsc::channel(SITE_LANE);
        *self.0.sites.write().unwrap_or_else(PoisonError::into_inner) = Some(lane);
        asked
    }

    /// Asks for a tenant's site or its change, and waits.
    ///
    /// # Errors
    /// `too-many-commands` when others wait already, `draining` when nobody owns sites any more, `timeout` after 30 s
    /// without an answer (the change may still be made), and whatever the owner says.
    pub async fn ask_site(&self, tenant: TenantNo, wish: SiteWish) -> Result<SiteTold, Refusal> {
        let lane = self.0.sites.read().unwrap_or_else(PoisonError::into_inner).clone();
        let gone = || Refusal::new(Code::Draining, "sites are not changed any more");
        let (reply, answer) = oneshot::channel();
        lane.ok_or_else(gone)?.try_send(SiteAsked { tenant, wish, reply }).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                Refusal::new(Code::TooManyCommands, format!("{SITE_LANE} changes of sites wait"))
            }
            mpsc::error::TrySendError::Closed(_) => gone(),
        })?;
        match tokio::time::timeout(SITE_WAIT.to_std(), answer).await {
            Ok(Ok(told)) => told,
            Ok(Err(_)) => Err(gone()),
            Err(_) => Err(Refusal::new(Code::Timeout, format!("no answer within {SITE_WAIT}"))),
        }
    }

    /// Whoever pushes takes new sessions from here.
    pub fn open_pushes(&self) -> mpsc::Receiver<PushAsked> {
        let (lane, asked) = mpsc::channel(PUSH_LANE);
        *self.0.pushes.write().unwrap_or_else(PoisonError::into_inner) = Some(lane);
        asked
    }

    /// Has the events of a new session pushed; answers the secret that its deliveries carry.
    ///
    /// # Errors
    /// `draining` when nobody pushes any more, and whatever saving it met.
    pub async fn push(&self, tenant: TenantNo, state: SessionState, after: u64) -> Result<String, Refusal> {
        let lane = self.0.pushes.read().unwrap_or_else(PoisonError::into_inner).clone();
        let gone = || Refusal::new(Code::Draining, "events are not pushed any more");
        let (reply, answer) = oneshot::channel();
        let asked = PushAsked { tenant, state, after, reply };
        lane.ok_or_else(gone)?.send(asked).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    pub fn set_house(&self, house: House) {
        self.0.node.ready.set(i64::from(house == House::Open));
        self.0.house.send_replace(house);
    }

    pub fn house(&self) -> House {
        self.0.house.borrow().clone()
    }

    /// Told of every change, for sessions that announce a drain.
    pub fn watch_house(&self) -> watch::Receiver<House> {
        self.0.house.subscribe()
    }

    pub fn meters(&self) -> &Arc<NodeMeters> {
        &self.0.node
    }

    /// All meters as Prometheus reads them.
    pub fn print_meters(&self) -> String {
        let tenants = self.0.tenants.read().unwrap_or_else(PoisonError::into_inner);
        let rows: Vec<(String, Vec<i64>)> =
            tenants.values().map(|tenant| (tenant.key.clone(), tenant.meters.read())).collect();
        meters::print(&self.0.node, &rows)
    }

    /// The driver's clock says how far the wall is from the house's axis; it changes when the wall is stepped.
    pub fn set_clock(&self, t: Time, wall: Utc) {
        self.0.wall_offset.store(wall.0 - t.0, Relaxed);
    }

    /// A point of the axis as people read it.
    pub fn wall(&self, t: Time) -> Utc {
        Utc(t.0 + self.0.wall_offset.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::words::Actor;
    use crate::switch::{Body, Query, Snapshot};

    fn row(no: u32, text: &str) -> TokenRow {
        let digest = TokenRow::digest_of(text);
        TokenRow { no, name: text.to_owned(), scope: Scope::Node, permissions: Permissions::ADMIN, digest }
    }

    fn door(tokens: &[&str]) -> Door<()> {
        let door = Door::default();
        door.set_tokens(tokens.iter().zip(1..).map(|(text, no)| row(no, text)).collect());
        door
    }

    fn ask() -> Command {
        Command { id: None, actor: Actor::System, body: Body::Query(Query::Agents) }
    }

    fn answer() -> Answer {
        Answer::Accepted { snapshot: Snapshot::Agents(Vec::new()) }
    }

    #[test]
    fn a_token_is_found_by_its_text_alone() {
        let door = door(&["first", "second", "third"]);
        for (text, no) in [("first", Some(1)), ("third", Some(3)), ("Third", None), ("", None)] {
            assert_eq!(door.find_token(text).map(|token| token.no()), no, "{text}");
        }
        door.set_tokens(Vec::new());
        assert!(door.find_token("first").is_none());
    }

    #[tokio::test]
    async fn the_answer_comes_with_its_seq() {
        let door = door(&["t"]);
        let (tenant, mut lane) = door.open_tenant(TenantNo(1), "demo", Arc::new(()));
        let token = door.find_token("t").expect("just set");
        let asking = door.command(&token, &tenant, ask());
        let answering = async {
            let asked = lane.recv().await.expect("the door holds the other end");
            asked.reply.send((answer(), 42)).expect("the door waits");
        };
        let (answered, ()) = tokio::join!(asking, answering);
        assert_eq!(answered, Ok((answer(), 42)));
        assert_eq!(tenant.meters.commands_accepted.get(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_a_timeout_and_frees_the_token() {
        let door = door(&["t"]);
        let (tenant, lane) = door.open_tenant(TenantNo(1), "demo", Arc::new(()));
        let token = door.find_token("t").expect("just set");
        let refusal = door.command(&token, &tenant, ask()).await.expect_err("nobody answers");
        assert_eq!(refusal.code, Code::Timeout);
        assert_eq!(token.in_flight.load(Relaxed), 0);
        drop(lane);
        let refusal = door.command(&token, &tenant, ask()).await.expect_err("the tenant is gone");
        assert_eq!(refusal.code, Code::Draining);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_has_32_commands_in_flight_and_others_go_on() {
        let door = door(&["greedy", "modest"]);
        let (tenant, mut lane) = door.open_tenant(TenantNo(1), "demo", Arc::new(()));
        let greedy = door.find_token("greedy").expect("just set");
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..COMMANDS_PER_TOKEN {
            let (door, greedy, tenant) = (door.clone(), greedy.clone(), tenant.clone());
            waiting.spawn(async move { door.command(&greedy, &tenant, ask()).await });
        }
        let held: Vec<Asked> = {
            let mut held = Vec::new();
            lane.recv_many(&mut held, COMMANDS_PER_TOKEN).await;
            while held.len() < COMMANDS_PER_TOKEN {
                lane.recv_many(&mut held, COMMANDS_PER_TOKEN).await;
            }
            held
        };
        let again = door.find_token("greedy").expect("the count belongs to the token, not to one look-up");
        let refusal = door.command(&again, &tenant, ask()).await.expect_err("33rd");
        assert_eq!(refusal.code, Code::TooManyCommands);
        let modest = door.find_token("modest").expect("just set");
        let (answered, ()) = tokio::join!(door.command(&modest, &tenant, ask()), async {
            let asked = lane.recv().await.expect("the modest one's");
            asked.reply.send((answer(), 1)).expect("it waits");
        });
        assert!(answered.is_ok());
        for asked in held {
            asked.reply.send((answer(), 2)).expect("all wait");
        }
        while let Some(done) = waiting.join_next().await {
            assert!(done.expect("no panic").is_ok());
        }
        assert_eq!(greedy.in_flight.load(Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_lane_refuses_at_once() {
        let names: Vec<String> = (0..=COMMAND_LANE / COMMANDS_PER_TOKEN).map(|n| format!("t{n}")).collect();
        let door = door(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let (tenant, _lane) = door.open_tenant(TenantNo(1), "demo", Arc::new(()));
        let mut waiting = tokio::task::JoinSet::new();
        for name in &names[1..] {
            for _ in 0..COMMANDS_PER_TOKEN {
                let (door, tenant) = (door.clone(), tenant.clone());
                let token = door.find_token(name).expect("just set");
                waiting.spawn(async move { door.command(&token, &tenant, ask()).await });
            }
        }
        while tenant.lane.capacity() > 0 {
            tokio::task::yield_now().await;
        }
        let token = door.find_token("t0").expect("just set");
        let refusal = door.command(&token, &tenant, ask()).await.expect_err("the lane is full");
        assert_eq!(refusal.code, Code::TooManyCommands);
        assert_eq!(tenant.meters.commands_full.get(), 1);
    }
}
