//! One media thread: an epoll (level-triggered, one receive per ready socket), two sockets per leg, one `media::Engine`.
//! Commands come through a mailbox with at most one entry per subject, so it cannot fill and nothing in it is lost.
//! A panic drops the leg that was worked on; three in a minute end all legs of the thread.

use std::collections::VecDeque;
use std::io;
use std::net::UdpSocket;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::mailbox::{Letters, Mailbox, Status};
use super::ports::{PortPool, Sockets};
use crate::base::{Now, Span, TenantNo, Time, bounds};
use crate::media::recorder::Write;
use crate::media::sound::Library;
use crate::media::words::{Command, Report};
use crate::media::{Channel, Engine, Output, Settings, Slot, Verdict};

/// Ready sockets taken from epoll at once.
const EVENTS: usize = 256;
/// With `media.coalesce`, a thread that found packets looks again at the next multiple of this.
const COALESCE: Span = Span::micros(250);
/// A tick this much after its deadline is late; late for a second, the node sheds new contacts.
const LATE_TICK: Span = Span::millis(5);
const LATE_FOR: Span = Span::seconds(1);
/// Within which [`bounds::MEDIA_PANICS`] panics end all legs.
const PANIC_WINDOW: Span = Span::minutes(1);
/// How old the counters may be that others see.
const PUBLISH_EVERY: Span = Span::millis(100);
const WAKE: u64 = u64::MAX;

/// What one thread is started with.
pub struct ThreadSettings {
    pub name: String,
    pub engine: Settings,
    pub ports: Arc<PortPool>,
    /// `media.coalesce`: sleep to the next 250 us mark when packets were just found.
    pub coalesce: bool,
    pub clock: Arc<dyn Fn() -> Now + Send + Sync>,
    pub writer: Sender<Write>,
}

/// The handle to a running thread; anybody may send.
pub struct MediaThread {
    mailbox: Arc<Mailbox>,
    thread: JoinHandle<()>,
}

impl MediaThread {
    /// # Errors
    /// The system has no descriptor or thread left.
    pub fn start(settings: ThreadSettings, report: impl Fn(TenantNo, Report) + Send + 'static) -> io::Result<Self> {
        let mailbox = Arc::new(Mailbox::new()?);
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, mailbox.bell(), epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        let thread = std::thread::Builder::new().name(settings.name.clone()).spawn({
            let mailbox = Arc::clone(&mailbox);
            move || Work::new(settings, epoll, mailbox, Box::new(report)).run()
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
    epoll: OwnedFd,
    mailbox: Arc<Mailbox>,
    ports: Arc<PortPool>,
    coalesce: bool,
    clock: Arc<dyn Fn() -> Now + Send + Sync>,
    writer: Sender<Write>,
    report: Box<dyn Fn(TenantNo, Report) + Send>,
    sockets: Vec<Option<Sockets>>,
    panics: VecDeque<Time>,
    late_since: Option<Time>,
    status: Status,
    published: Time,
    buffer: Box<[u8; bounds::MEDIA_DATAGRAM_BYTES]>,
}

impl Work {
    fn new(
        settings: ThreadSettings,
        epoll: OwnedFd,
        mailbox: Arc<Mailbox>,
        report: Box<dyn Fn(TenantNo, Report) + Send>,
    ) -> Self {
        let ThreadSettings { engine, ports, coalesce, clock, writer, .. } = settings;
        Self {
            engine: Engine::new(engine),
            epoll,
            mailbox,
            ports,
            coalesce,
            clock,
            writer,
            report,
            sockets: Vec::new(),
            panics: VecDeque::new(),
            late_since: None,
            status: Status::default(),
            published: Time(0),
            buffer: Box::new([0; bounds::MEDIA_DATAGRAM_BYTES]),
        }
    }

    fn run(&mut self) {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            events.clear();
            let timeout = self.timeout();
            if let Err(error) = epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&timeout))
                && error != rustix::io::Errno::INTR
            {
                tracing::error!(%error, "media thread cannot wait");
                return;
            }
            let now = (self.clock)();
            let (mut called, mut found) = (false, false);
            for event in &events {
                match event.data.u64() {
                    WAKE => called = true,
                    token => {
                        self.receive(token, now);
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

    fn timeout(&self) -> Timespec {
        let now = (self.clock)().t;
        let wait = self.engine.deadline().map_or(Duration::from_millis(500), |at| (at - now).to_std());
        let wait = wait.min(Duration::from_millis(500));
        Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) }
    }

    /// One datagram; the socket reports again if it has more.
    fn receive(&mut self, token: u64, now: Now) {
        let (slot, channel) = (Slot((token >> 1) as u32), if token & 1 == 0 { Channel::Rtp } else { Channel::Rtcp });
        let Some(socket) = socket_of(&self.sockets, slot, channel) else { return };
        // An error here is an ICMP answer to something we sent; the next packet is not concerned.
        let Ok((length, from)) = socket.recv_from(&mut self.buffer[..]) else { return };
        let worked = catch_unwind(AssertUnwindSafe(|| {
            let packet = &mut self.buffer[..length];
            let mut forward = match self.engine.on_datagram(slot, channel, from, packet, now.t) {
                Verdict::Forward(forward) => Some(forward),
                Verdict::Drop(_) | Verdict::Consume => None,
            };
            while let Some(sent) = forward {
                let socket = socket_of(&self.sockets, sent.to, Channel::Rtp);
                let took = socket.is_some_and(|socket| socket.send_to(&packet[..sent.length], sent.address).is_ok());
                self.status.send_failed += u64::from(!took);
                forward = if sent.more { self.engine.another(packet, now.t) } else { None };
            }
        }));
        if worked.is_err() {
            self.after_panic(now);
        }
    }

    fn tick(&mut self, now: Now) {
        let late = self.engine.deadline().is_some_and(|at| at > Time(0) && now.t - at > LATE_TICK);
        self.late_since = late.then(|| self.late_since.unwrap_or(now.t));
        self.status.is_late = self.late_since.is_some_and(|since| now.t - since >= LATE_FOR);
        let worked = catch_unwind(AssertUnwindSafe(|| {
            let (sockets, failed) = (&self.sockets, &mut self.status.send_failed);
            self.engine.tick(now, &mut |slot, channel, to, bytes| {
                let took = socket_of(sockets, slot, channel).is_some_and(|socket| socket.send_to(bytes, to).is_ok());
                *failed += u64::from(!took);
            });
        }));
        if worked.is_err() {
            self.after_panic(now);
        }
        self.carry_out();
    }

    /// Applies what waits in the mailbox. True: the thread shall end.
    fn read_mail(&mut self, now: Now) -> bool {
        let Letters { order, mut newest, library, stop } = self.mailbox.take();
        if let Some(library) = library {
            self.engine.set_library(library);
        }
        for key in order {
            let Some(command) = newest.remove(&key) else { continue };
            let (tenant, ..) = key;
            if catch_unwind(AssertUnwindSafe(|| self.engine.command(tenant, command, now))).is_err() {
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

    fn carry_out(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Report(tenant, report) => (self.report)(tenant, report),
                Output::Listen { slot, ports } => match self.ports.claim(ports) {
                    Some(sockets) => self.listen(slot, sockets),
                    None => tracing::error!(port = ports.rtp, "media port was never bound"),
                },
                Output::Release { slot, ports } => {
                    if let Some(sockets) = self.sockets.get_mut(slot.0 as usize).and_then(Option::take) {
                        unwatch(&self.epoll, &sockets.rtp);
                        unwatch(&self.epoll, &sockets.rtcp);
                        self.ports.release(ports, sockets);
                    }
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

    fn listen(&mut self, slot: Slot, sockets: Sockets) {
        let index = slot.0 as usize;
        for (socket, channel) in [(&sockets.rtp, 0), (&sockets.rtcp, 1)] {
            let token = epoll::EventData::new_u64(u64::from(slot.0) << 1 | channel);
            if let Err(error) = epoll::add(&self.epoll, socket, token, epoll::EventFlags::IN) {
                tracing::error!(%error, "media socket not watched");
            }
        }
        if self.sockets.len() <= index {
            self.sockets.resize_with(index + 1, || None);
        }
        self.sockets[index] = Some(sockets);
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

fn socket_of(sockets: &[Option<Sockets>], slot: Slot, channel: Channel) -> Option<&UdpSocket> {
    let sockets = sockets.get(slot.0 as usize)?.as_ref()?;
    Some(match channel {
        Channel::Rtp => &sockets.rtp,
        Channel::Rtcp => &sockets.rtcp,
    })
}

fn unwatch(epoll: &OwnedFd, socket: &UdpSocket) {
    if let Err(error) = epoll::delete(epoll, socket.as_fd()) {
        tracing::debug!(%error, "media socket was not watched");
    }
}

#[cfg(test)]
mod tests;
