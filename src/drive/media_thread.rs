//! One media thread: an epoll (level-triggered, one receive per ready socket), two sockets per leg, one `media::Engine`.
//! Commands come through a mailbox with at most one entry per subject, so it cannot fill and nothing in it is lost.
//! A panic drops the leg that was worked on; three in a minute end all legs of the thread.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use super::leg_sockets::{Event, LegSockets, Ready};
use super::mailbox::{Arrival, Letters, Mailbox, Status};
use super::ports::{PortPool, Sockets};
use crate::base::{Now, Span, TenantNo, Time, bounds};
use crate::media::recorder::Write;
use crate::media::sound::Library;
use crate::media::words::{Clip, Command, Report};
use crate::media::{Channel, Engine, Home, Moving, Output, Settings, Slot, Verdict};

/// With `media.coalesce`, a thread that found packets looks again at the next multiple of this.
const COALESCE: Span = Span::micros(250);
/// A tick this much after its deadline is late; late for a second, the node sheds new contacts.
const LATE_TICK: Span = Span::millis(5);
const LATE_FOR: Span = Span::seconds(1);
/// Within which [`bounds::MEDIA_PANICS`] panics end all legs.
const PANIC_WINDOW: Span = Span::minutes(1);
/// How old the counters may be that others see.
const PUBLISH_EVERY: Span = Span::millis(100);
/// The longest wait of a thread without anything to do.
const PATIENCE: Span = Span::millis(500);

/// What one thread is started with.
pub struct ThreadSettings {
    pub name: String,
    pub engine: Settings,
    pub ports: Arc<PortPool>,
    /// `media.coalesce`: sleep to the next 250 us mark when packets were just found.
    pub coalesce: bool,
    pub clock: Arc<dyn Fn() -> Now + Send + Sync>,
    pub writer: Sender<Write>,
    /// Asks for a sound that is not in memory; the answer comes into the mailbox.
    pub load: Load,
}

pub type Load = Arc<dyn Fn(Clip, &Arc<Mailbox>) + Send + Sync>;

/// Those of all threads, by [`Home::index`]: a leg that moves is put into another one's.
pub type Mailboxes = Arc<[Arc<Mailbox>]>;

/// The handle to a running thread; anybody may send.
pub struct MediaThread {
    mailbox: Arc<Mailbox>,
    thread: JoinHandle<()>,
}

impl MediaThread {
    /// # Errors
    /// The system has no descriptor or thread left.
    pub fn start(
        settings: ThreadSettings,
        mailboxes: &Mailboxes,
        report: impl Fn(TenantNo, Report) + Send + 'static,
    ) -> io::Result<Self> {
        let mailboxes = Arc::clone(mailboxes);
        let mailbox = Arc::clone(&mailboxes[settings.engine.home.index]);
        let sockets = LegSockets::new(mailbox.bell())?;
        let thread = std::thread::Builder::new().name(settings.name.clone()).spawn({
            let mailbox = Arc::clone(&mailbox);
            move || Work::new(settings, sockets, mailbox, mailboxes, Box::new(report)).run()
        })?;
        Ok(Self { mailbox, thread })
    }

    /// Never waits, never fails: a newer command of the same subject takes the place of an older one.
    pub fn send(&self, tenant: TenantNo, command: Command) {
        self.mailbox.put(tenant, command);
    }

    pub fn set_library(&self, library: Arc<Library>) {
        self.mailbox.put_library(library);
    }

    pub fn status(&self) -> Status {
        self.mailbox.status()
    }

    /// Ends the thread after what was sent so far. False: it had panicked.
    pub fn stop(self) -> bool {
        self.mailbox.put_stop();
        self.thread.join().is_ok()
    }
}

struct Work {
    engine: Engine,
    mailbox: Arc<Mailbox>,
    mailboxes: Mailboxes,
    home: Home,
    ports: Arc<PortPool>,
    coalesce: bool,
    clock: Arc<dyn Fn() -> Now + Send + Sync>,
    writer: Sender<Write>,
    load: Load,
    report: Box<dyn Fn(TenantNo, Report) + Send>,
    sockets: LegSockets,
    panics: VecDeque<Time>,
    late_since: Option<Time>,
    status: Status,
    published: Time,
    buffer: Box<[u8; bounds::MEDIA_DATAGRAM_BYTES]>,
}

impl Work {
    fn new(
        settings: ThreadSettings,
        sockets: LegSockets,
        mailbox: Arc<Mailbox>,
        mailboxes: Mailboxes,
        report: Box<dyn Fn(TenantNo, Report) + Send>,
    ) -> Self {
        let ThreadSettings { engine, ports, coalesce, clock, writer, load, name: _ } = settings;
        Self {
            home: engine.home,
            engine: Engine::new(engine),
            mailbox,
            mailboxes,
            ports,
            coalesce,
            clock,
            writer,
            load,
            report,
            sockets,
            panics: VecDeque::new(),
            late_since: None,
            status: Status::default(),
            published: Time(0),
            buffer: Box::new([0; bounds::MEDIA_DATAGRAM_BYTES]),
        }
    }

    fn run(&mut self) {
        let mut ready = Ready::default();
        loop {
            if let Err(error) = self.sockets.wait(&mut ready, self.patience()) {
                tracing::error!(%error, "media thread cannot wait");
                return;
            }
            let now = (self.clock)();
            let (mut called, mut found) = (false, false);
            for event in ready.events() {
                match event {
                    Event::Bell => called = true,
                    Event::Readable(slot, channel) => {
                        self.receive(slot, channel, now);
                        found = true;
                    }
                }
            }
            if called && self.read_mail(now) {
                return;
            }
            self.tick(now);
            self.publish(now);
            if found && self.coalesce {
                let past = (self.clock)().t.0.rem_euclid(COALESCE.0);
                std::thread::sleep(Span(COALESCE.0 - past).to_std());
            }
        }
    }

    /// Until the engine has something to do, and no longer than the counters may be old.
    fn patience(&self) -> Duration {
        let now = (self.clock)().t;
        self.engine.deadline().map_or(PATIENCE, |at| at - now).min(PATIENCE).to_std()
    }

    /// One datagram; the socket reports again if it has more.
    fn receive(&mut self, slot: Slot, channel: Channel, now: Now) {
        let Some((length, from)) = self.sockets.receive(slot, channel, &mut self.buffer[..]) else { return };
        let worked = catch_unwind(AssertUnwindSafe(|| {
            let packet = &mut self.buffer[..length];
            let mut forward = match self.engine.on_datagram(slot, channel, from, packet, now.t) {
                Verdict::Forward(forward) => Some(forward),
                Verdict::Drop(_) | Verdict::Consume => None,
            };
            while let Some(sent) = forward {
                let took = self.sockets.send(sent.to, Channel::Rtp, &packet[..sent.length], sent.address);
                self.status.send_failed += u64::from(!took);
                self.status.sent += u64::from(took);
                forward = if sent.more { self.engine.another(packet, now.t) } else { None };
            }
        }));
        if worked.is_err() {
            self.after_panic(now);
        }
    }

    fn tick(&mut self, now: Now) {
        let late = self.engine.deadline().is_some_and(|at| at > Time(0) && now.t - at > LATE_TICK);
        self.status.ticks_late += u64::from(late);
        self.late_since = late.then(|| self.late_since.unwrap_or(now.t));
        self.status.is_late = self.late_since.is_some_and(|since| now.t - since >= LATE_FOR);
        let worked = catch_unwind(AssertUnwindSafe(|| {
            let (sockets, status) = (&self.sockets, &mut self.status);
            self.engine.tick(now, &mut |slot, channel, to, bytes| {
                let took = sockets.send(slot, channel, bytes, to);
                status.send_failed += u64::from(!took);
                status.sent += u64::from(took && channel == Channel::Rtp);
            });
        }));
        if worked.is_err() {
            self.after_panic(now);
        }
        self.carry_out();
    }

    /// Applies what waits in the mailbox. True: the thread shall end.
    fn read_mail(&mut self, now: Now) -> bool {
        let Letters { order, mut newest, arrivals, library, sounds, stop } = self.mailbox.take();
        if let Some(library) = library {
            self.engine.set_library(library);
        }
        for Arrival { moving, sockets } in arrivals {
            self.arrive(moving, sockets, now);
        }
        for key in order {
            let Some(command) = newest.remove(&key) else { continue };
            let (tenant, ..) = key;
            if catch_unwind(AssertUnwindSafe(|| self.engine.command(tenant, command, now))).is_err() {
                self.after_panic(now);
            }
        }
        for (clip, sound) in sounds {
            if catch_unwind(AssertUnwindSafe(|| self.engine.loaded(&clip, sound.as_ref(), now))).is_err() {
                self.after_panic(now);
            }
        }
        self.carry_out();
        self.published = Time(0);
        if stop {
            self.tick(now);
        }
        stop
    }

    /// A leg from another thread. What came for it meanwhile is reported by epoll at once.
    fn arrive(&mut self, moving: Moving, sockets: Option<Sockets>, now: Now) {
        let slot = self.engine.arrive(moving);
        match sockets {
            Some(sockets) => self.sockets.insert(slot, sockets),
            None => tracing::error!("a leg moved without its sockets"),
        }
        if catch_unwind(AssertUnwindSafe(|| self.engine.settle(slot, now))).is_err() {
            self.after_panic(now);
        }
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Report(tenant, report) => (self.report)(tenant, report),
                Output::Listen { slot, ports } => match self.ports.claim(ports) {
                    Some(sockets) => self.sockets.insert(slot, sockets),
                    None => tracing::error!(port = ports.rtp, "media port was never bound"),
                },
                Output::Load(clip) => (self.load)(clip, &self.mailbox),
                Output::Release { slot, ports } => {
                    if let Some(sockets) = self.sockets.remove(slot) {
                        self.ports.release(ports, sockets);
                    }
                }
                Output::Give { slot, moving } => {
                    let sockets = self.sockets.remove(slot);
                    let thread = self.home.of(moving.contact());
                    self.mailboxes[thread].put_arrival(Arrival { moving, sockets });
                }
                Output::Write(write) => {
                    if self.writer.send(write).is_err() {
                        tracing::error!("recorder writer is gone");
                    }
                }
            }
        }
    }

    /// Lets others see the counters; not after every packet, for it takes a lock.
    fn publish(&mut self, now: Now) {
        if now.t - self.published < PUBLISH_EVERY {
            return;
        }
        self.published = now.t;
        (self.status.legs, self.status.counters) = (self.engine.legs(), self.engine.counters());
        self.mailbox.publish(self.status);
    }

    fn after_panic(&mut self, now: Now) {
        self.status.panics += 1;
        self.panics.push_back(now.t);
        while self.panics.front().is_some_and(|at| now.t - *at > PANIC_WINDOW) {
            self.panics.pop_front();
        }
        tracing::error!(panics = self.panics.len(), "panic on a media thread, its leg is dropped");
        self.engine.abandon(now.t);
        if self.panics.len() >= bounds::MEDIA_PANICS {
            self.engine.abandon_all(now.t);
            self.panics.clear();
        }
        self.carry_out();
    }
}

#[cfg(test)]
mod tests;
