//! Panics that a run makes up, and what the driver does about one that no contact catches.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;
use std::thread;

use cordboard::base::{ContactId, Span, Time};
use cordboard::event::words::{AlarmKind, By};
use cordboard::event::{About, Event, Kind, VERSION};
use cordboard::media::words::{Body, Command};
use cordboard::tenant::words::{House, Input, ShedReason};
use cordboard::tenant::{Tenant, Why};

use super::{Happening, World};

/// Bugs of ours that a run made up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panics {
    /// In a contact's own step, and elsewhere in the machine.
    pub contacts: u64,
    pub machine: u64,
    /// The last ones elsewhere: the third within a minute closes the door for one.
    pub(super) recent: Vec<Time>,
    pub(super) media_version: u64,
}

/// As in `drive::tenant`.
const PANICS_MAX: usize = 3;
const PANIC_WINDOW: Span = Span::minutes(1);

thread_local! {
    static MADE_UP: Cell<bool> = const { Cell::new(false) };
}

/// Runs a step that is to panic. It says so in one line: the backtraces of a day's hundreds would bury the one that fails
/// the run.
pub(super) fn made_up(step: impl FnOnce()) -> thread::Result<()> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if MADE_UP.get() {
                eprintln!("{}", panic.to_string().replace('\n', " "));
            } else {
                usual(panic);
            }
        }));
    });
    MADE_UP.set(true);
    let caught = catch_unwind(AssertUnwindSafe(step));
    MADE_UP.set(false);
    caught
}

impl World {
    /// A panic outside of a contact: as `drive::tenant` does, another machine in its place.
    pub(super) fn renew(&mut self, tenant: &Tenant) {
        let now = self.now();
        self.panics.machine += 1;
        self.note(format!("{:>10} the machine panicked", self.since_start()));
        let about = About::default();
        let kind = Kind::Alarm { alarm: AlarmKind::InternalError, text: "the tenant machine panicked".to_owned() };
        let (tenant_no, by) = (self.site.tenant, By::SYSTEM);
        self.journal(Event { v: VERSION, t: now.t, at: now.wall, tenant: tenant_no, about, by, kind }, None);
        for ports in self.supplies.ports.lent_after(0) {
            self.panics.media_version += 1;
            let (contact, version) = (ContactId(0), self.panics.media_version);
            self.media(Command { contact, version, body: Body::ReturnPorts(ports) });
        }
        for (contact, subject) in self.sound.open() {
            self.panics.media_version += 1;
            let (version, body) = (self.panics.media_version, Body::Close(subject));
            self.media(Command { contact, version, body });
        }
        let mut renewed = tenant.renewed(self.panics.media_version, now, &mut self.supplies.rng);
        let open = self.disk.open.clone();
        self.check.renewed(self.t);
        renewed.restore(&open, Why::Panic, now, &mut self.supplies);
        renewed.handle(Input::House(self.house), now, &mut self.supplies);
        self.panics.recent.retain(|at| now.t - *at < PANIC_WINDOW);
        self.panics.recent.push(now.t);
        if self.panics.recent.len() >= PANICS_MAX {
            self.house = House::Shed(ShedReason::InternalError);
            renewed.handle(Input::House(self.house), now, &mut self.supplies);
            self.push(now.t + PANIC_WINDOW, Happening::DoorOpens { life: self.life });
        }
        self.carry_out(renewed);
    }
}
