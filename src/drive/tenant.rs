//! Drives one tenant machine: receives, hands in, carries out. Decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use super::clock::Clock;
use super::lanes::Lanes;
use super::supply::{Load, Supplier};
use super::world::World;
use crate::base::bounds::MEDIA_APPLY_MAX;
use crate::base::{ContactId, Now, Span, Supplies, Time};
use crate::event::words::{AlarmKind, By};
use crate::event::{About, Event, Kind, VERSION};
use crate::media::lateness::Lateness;
use crate::media::words::{Body, Command, Report, ReportBody, Subject};
use crate::site::Site;
use crate::switch::Answer;
use crate::switch::door::{self, Asked};
use crate::tenant::words::{House, Input, Output, ShedReason};
use crate::tenant::{Tenant, Why};

/// `handle` has this budget at the 99th percentile; slower ones are told.
const BUDGET: Span = Span::micros(200);
/// Inputs between two looks at the other tasks of this thread.
const INPUTS_PER_TURN: usize = 64;
/// So many panics within a minute, and new contacts are refused for a minute.
const PANICS_MAX: usize = 3;
const PANIC_WINDOW: Span = Span::minutes(1);

pub struct TenantDriver {
    pub machine: Tenant,
    pub supplies: Supplies,
    pub supplier: Supplier,
    pub lanes: Arc<Lanes>,
    pub commands: mpsc::Receiver<Asked>,
    pub clock: Arc<Clock>,
    pub world: World,
    pub door: Arc<door::Tenant<Site>>,
    pub state: State,
}

/// What the driver remembers between two inputs.
#[derive(Debug, Default)]
pub struct State {
    replies: BTreeMap<u64, oneshot::Sender<(Answer, u64)>>,
    next_reply: u64,
    last_seq: u64,
    panicked: Vec<Time>,
    shed_until: Option<Time>,
    house: Option<House>,
    lateness: Lateness,
    /// What the engine was told to have and not yet to close.
    media: BTreeSet<(ContactId, Subject)>,
    media_version: u64,
}

impl TenantDriver {
    /// Runs until the door is closed and nothing waits any more.
    pub async fn run(mut self) {
        loop {
            if self.turn() {
                // More may wait, and nobody will wake us for it: a wake-up is kept once, however many inputs came.
                tokio::task::yield_now().await;
                continue;
            }
            self.watch_media();
            let deadline = self.deadline();
            let due = deadline.map(|t| tokio::time::Instant::from_std(self.clock.instant_of(t)));
            let sleep = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.lanes.woken() => {}
                asked = self.commands.recv() => match asked {
                    Some(asked) => {
                        let input = self.asked(asked);
                        self.step(input);
                    }
                    None => return,
                },
                () = sleep => self.step(Input::Due),
            }
        }
    }

    /// Handles what waits, at most `INPUTS_PER_TURN`; timers are not held up by a flood. `true`: more may wait.
    fn turn(&mut self) -> bool {
        for _ in 0..INPUTS_PER_TURN {
            let Some(input) = self.next_input() else { return false };
            self.step(input);
        }
        if self.deadline().is_some_and(|at| at <= self.clock.now().t) {
            self.step(Input::Due);
        }
        true
    }

    fn deadline(&self) -> Option<Time> {
        [self.machine.deadline(), self.state.shed_until, self.state.lateness.deadline()].into_iter().flatten().min()
    }

    fn next_input(&mut self) -> Option<Input> {
        let (commands, state) = (&mut self.commands, &mut self.state);
        self.lanes.take(|| commands.try_recv().ok().map(|asked| state.asked(asked)))
    }

    fn asked(&mut self, asked: Asked) -> Input {
        self.state.asked(asked)
    }

    fn step(&mut self, input: Input) {
        if let Input::House(house) = input {
            self.state.house = Some(house);
        }
        let now = self.clock.now();
        if let Input::Media(Report { contact: _, body: ReportBody::Applied { subject, version } }) = &input {
            self.state.lateness.applied(*subject, *version, now.t);
        }
        if self.state.shed_until.is_some_and(|at| at <= now.t) {
            self.state.shed_until = None;
            self.handle(Input::House(self.state.house.unwrap_or(House::Open)), now);
        }
        self.handle(input, now);
        self.measure();
    }

    /// Asked only when no report waits: who has answered is not late because we were.
    fn watch_media(&mut self) {
        let now = self.clock.now();
        while let Some(late) = self.state.lateness.due(now.t) {
            let text = format!("media thread {} has not applied a command for {MEDIA_APPLY_MAX}", late.thread);
            tracing::error!(thread = late.thread, contact = %late.contact, "media commands are not applied");
            let about = About { contact: Some(late.contact), leg: late.leg, ..About::default() };
            self.alarm(AlarmKind::MediaLate, text, about, now);
        }
    }

    fn measure(&self) {
        let meters = &self.door.meters;
        meters.contacts.set(self.machine.live_contacts());
        meters.legs.set(self.machine.contacts().counts().1);
        meters.bindings.set(self.machine.endpoint().phones());
        let acd = self.machine.acd().gauges();
        meters.waiting.set(acd.items);
        meters.agents_signed_in.set(acd.signed_in);
        meters.agents_available.set(acd.ready);
    }

    /// As of the last input.
    fn load(&self) -> Load {
        let read = |meter: &crate::switch::meters::Meter| usize::try_from(meter.get()).unwrap_or(0);
        Load { contacts: read(&self.door.meters.contacts), waiting: read(&self.door.meters.waiting) }
    }

    /// One input: in, and everything out. A panic outside of a contact restores the machine from what was appended.
    fn handle(&mut self, input: Input, now: Now) {
        let load = self.load();
        self.supplier.refill(&mut self.supplies, load);
        let (name, started) = (input.name(), Instant::now());
        let (machine, supplies) = (&mut self.machine, &mut self.supplies);
        let caught = catch_unwind(AssertUnwindSafe(|| machine.handle(input, now, supplies)));
        let took = started.elapsed();
        let meters = &self.door.meters;
        meters.inputs.add(1);
        meters.input_time.add(i64::try_from(took.as_micros()).unwrap_or(i64::MAX));
        if took > BUDGET.to_std() {
            meters.slow_inputs.add(1);
            tracing::debug!(input = name, took_us = took.as_micros() as u64, "slow step");
        }
        if caught.is_err() {
            tracing::error!(input = name, "the tenant machine panicked; its calls end, its phones stay");
            self.restore(now);
        }
        while let Some(output) = self.machine.poll() {
            self.put(output);
        }
        while let Some(link) = self.machine.poll_closing() {
            self.world.close(link);
        }
    }

    /// As after a restart, in place: calls end with `internal-error`, links, bindings and sign-ins stay.
    fn restore(&mut self, now: Now) {
        self.door.meters.panics.add(1);
        self.alarm(AlarmKind::InternalError, "the tenant machine panicked".to_owned(), About::default(), now);
        // Whose command it was reads that there is no answer, and may repeat it.
        self.state.replies.clear();
        let open = self.world.journal.open_state(self.machine.no());
        self.close_media();
        self.machine = self.machine.renewed(self.state.media_version, now, &mut self.supplies.rng);
        self.machine.restore(&open, Why::Panic, now, &mut self.supplies);
        if let Some(house) = self.state.house {
            self.machine.handle(Input::House(house), now, &mut self.supplies);
        }
        self.state.panicked.retain(|at| now.t - *at < PANIC_WINDOW);
        self.state.panicked.push(now.t);
        if self.state.panicked.len() >= PANICS_MAX {
            self.state.shed_until = Some(now.t + PANIC_WINDOW);
            self.machine.handle(Input::House(House::Shed(ShedReason::InternalError)), now, &mut self.supplies);
        }
    }

    /// The new machine knows nothing of what the engine still has, sockets, players, recorders, nor of ports that no
    /// engine had yet.
    fn close_media(&mut self) {
        for ports in self.supplies.ports.lent_after(0) {
            self.supplies.ports.settled(ports);
            self.state.media_version += 1;
            let (version, body) = (self.state.media_version, Body::ReturnPorts(ports));
            self.world.media(Command { contact: ContactId(0), version, body });
        }
        for (contact, subject) in std::mem::take(&mut self.state.media) {
            self.state.media_version += 1;
            let (version, body) = (self.state.media_version, Body::Close(subject));
            self.world.media(Command { contact, version, body });
        }
    }

    fn media(&mut self, command: Command) {
        let of = (command.contact, command.body.subject());
        self.state.media_version = command.version;
        match command.body {
            Body::ReturnPorts(ports) => {
                self.supplies.ports.settled(ports);
                return self.world.media(command);
            }
            Body::Close(_) => drop(self.state.media.remove(&of)),
            Body::SetLeg(ref spec) => {
                self.supplies.ports.settled(spec.ports);
                self.state.media.insert(of);
            }
            Body::SetPlayer(_) | Body::SetTrack(_) => drop(self.state.media.insert(of)),
            Body::Hand { leg, to } => {
                self.state.media.remove(&(command.contact, Subject::Leg(leg)));
                self.state.media.insert((to, Subject::Leg(leg)));
            }
            Body::SetRow { .. } => {}
        }
        self.state.lateness.sent(self.world.threads.home(command.contact), &command, self.clock.t());
        self.world.media(command);
    }

    fn alarm(&mut self, alarm: AlarmKind, text: String, about: About, now: Now) {
        let (v, tenant, by) = (VERSION, self.machine.no(), By::SYSTEM);
        let event = Event { v, t: now.t, at: now.wall, tenant, about, by, kind: Kind::Alarm { alarm, text } };
        self.state.last_seq = self.world.journal.append(event, None);
    }

    fn put(&mut self, output: Output) {
        match output {
            Output::Send { link, to, bytes } => self.world.send(link, to, bytes),
            Output::Open { request, interface, wire: _, to } => self.world.open(request, interface, to),
            Output::Media(command) => self.media(command),
            Output::Journal { event, notify } => self.state.last_seq = self.world.journal.append(*event, notify),
            Output::Answer { reply, answer, repeat_of } => {
                let then = repeat_of.and_then(|id| self.world.journal.accepted(self.machine.no(), &id));
                self.state.reply(reply, answer, then);
            }
            Output::Store(ask) => self.world.store(ask),
        }
    }
}

impl State {
    fn asked(&mut self, asked: Asked) -> Input {
        let reply = self.next_reply;
        self.next_reply += 1;
        self.replies.insert(reply, asked.reply);
        Input::Command { reply, command: asked.command }
    }

    fn reply(&mut self, reply: u64, answer: Answer, seq: Option<u64>) {
        let Some(sender) = self.replies.remove(&reply) else { return };
        // Whoever asked may have gone; the command stands all the same.
        if sender.send((answer, seq.unwrap_or(self.last_seq))).is_err() {
            tracing::debug!("nobody waits for this answer any more");
        }
    }
}

#[cfg(test)]
mod tests;
