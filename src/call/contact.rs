//! A contact: one matter from its first INVITE or command to the end of its last leg.
//! Owns its legs, who talks to whom, what is recorded, and what its end means. In: acts of the tenant, tells of the
//! endpoint, reports of the engine, deadlines. Out: `Output`s. Its steps are in the files beside: `arrive` (birth),
//! `calls` (who is in which), `signal` (SIP), `acts` (the tenant), `dial`, `hears` and `room` (who hears what),
//! `recording`, `end`.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::calls::Call;
use super::conference::Conference;
use super::dial::Dialing;
use super::end::LegEnd;
use super::history::History;
use super::leg::Leg;
use super::room::Room;
use super::standing::{Passing, Standing, told_at_rest};
use super::transfer::Transfer;
use super::words::{Limits, Output, Tell};
use crate::base::bounds::{ALONE_MAX, CHAIR_ALONE_MAX, LEGS_PER_CONTACT};
use crate::base::{ContactId, GroupNo, LegId, Now, NumberNo, Span, Supplies, Time, TrunkNo};
use crate::event::words::{By, EndCause, PartyRef, Side};
use crate::event::{About, Kind};
use crate::media;
use crate::sip;

/// How long a stopped player, leg and recorder may take to report before the contact is let go without them.
pub(super) const SEAL_MAX: Span = Span::seconds(10);
/// An in-dialog probe that is not answered by then ends the leg: with the 30 s of silence before, a phone that
/// vanished frees its agent within 60 s.
pub(super) const PROBE_MAX: Span = Span::seconds(10);

#[derive(Clone, Debug)]
pub(super) struct Contact {
    pub id: ContactId,
    pub from: String,
    pub to: String,
    pub number: Option<NumberNo>,
    pub language: String,
    /// It is where an agent's leg rests, and nobody's matter.
    pub standing: Option<Standing>,
    /// Legs that rest elsewhere, in this step.
    pub passing: Vec<Passing>,
    pub record: bool,
    /// Its first party was dialled to be connected to a second.
    pub two_way: bool,
    /// The number that far ends are shown, when it is not who calls.
    pub shown: Option<String>,
    /// Shared with the copy that is kept of it during a step.
    pub data: Arc<Map<String, Value>>,
    pub born: Time,
    pub limits: Limits,
    /// Contacts this call has been through, ours last.
    pub met: Vec<String>,
    pub max_forwards: u8,
    /// The first is the main one, made at birth; the others come and go.
    pub calls: Vec<Call>,
    pub legs: Vec<Leg>,
    /// Ended legs that were let go of; the room takes them out of its index.
    pub dropped_legs: Vec<LegId>,
    /// What the room's counts have of this contact.
    pub counted: Tally,
    /// Whom the contact is about: the caller, or the first party a command dialled.
    pub main: Option<LegId>,
    /// The contact's customer, when it has one.
    pub customer: Option<LegId>,
    /// A flow runs and decides what comes next.
    pub flow_holds: bool,
    /// Whom the customer came from waits for him: which keys he presses in the flow is not told.
    pub hides_digits: bool,
    pub waiting: Option<Waiting>,
    pub dialings: Vec<Dialing>,
    pub transfer: Option<Box<Transfer>>,
    pub conference: Option<Box<Conference>>,
    pub room: Room,
    pub timers: Timers,
    pub marks: Marks,
    pub ended_by: Option<Ending>,
    /// How and when the other party left last, while a flow goes on.
    pub other_left: Option<(Time, LegEnd)>,
    pub history: History,
    /// The last leg has ended and the record is sealed; reports of the engine may still come.
    pub sealed: bool,
    /// Nothing is waited for any longer; the room drops it.
    pub gone: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Waiting {
    /// Where he waits; of a wait for one agent, on whose account.
    pub groups: Vec<GroupNo>,
}

/// A contact's share in the room's counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub live: bool,
    /// One per live leg.
    pub trunks: Vec<TrunkNo>,
}

/// What has happened to the contact, for its disposition.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks {
    pub answered: Option<Time>,
    pub talked: bool,
    pub queued: bool,
    pub dialled: bool,
    /// The party that a command dialled took the call; nobody else has talked to it by that.
    pub taken: bool,
    pub refused: bool,
    /// When a hold was too long.
    pub recalled: Option<Time>,
}

/// What ended the contact: the first thing that made its end certain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub side: Side,
    pub cause: EndCause,
    pub status: Option<u16>,
    /// The customer left while he waited in a queue.
    pub while_queued: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The dial has rung long enough.
    RingOver,
    /// A party has been alone for `ALONE_MAX`.
    Alone,
    /// The longest call is reached.
    CallMax,
    /// The longest hold is reached.
    HoldMax,
    /// The probe of a silent leg was not answered.
    Probe,
    /// The main party has heard long enough that nobody is there.
    ToneOver,
    /// The conference is warned, or over.
    Conference,
    /// The recording is as long as it was to be.
    Recording,
    /// Reports that are missing after the end are not waited for any longer.
    Seal,
}

/// One table, indexed by [`Timer`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timers([Option<Time>; 9]);

impl Timers {
    pub const ALL: [Timer; 9] = [
        Timer::RingOver,
        Timer::Alone,
        Timer::CallMax,
        Timer::HoldMax,
        Timer::Probe,
        Timer::ToneOver,
        Timer::Conference,
        Timer::Recording,
        Timer::Seal,
    ];

    pub fn set(&mut self, timer: Timer, at: Option<Time>) {
        self.0[timer as usize] = at;
    }

    /// Sets it unless it runs already.
    pub fn start(&mut self, timer: Timer, at: Time) {
        self.0[timer as usize].get_or_insert(at);
    }

    pub fn next(&self) -> Option<Time> {
        self.0.iter().flatten().min().copied()
    }

    pub fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize].is_some()
    }

    /// Takes the first timer that has come due.
    pub fn take_due(&mut self, t: Time) -> Option<Timer> {
        let due = Self::ALL.into_iter().find(|&timer| self.0[timer as usize].is_some_and(|at| at <= t))?;
        self.0[due as usize] = None;
        Some(due)
    }
}

/// What a contact works with during one call of the room.
pub(super) struct Context<'a> {
    pub now: Now,
    pub supplies: &'a mut Supplies,
    pub out: &'a mut VecDeque<Output>,
    /// What closes the contact: told after everything that its last step led to elsewhere.
    pub closing: &'a mut VecDeque<Output>,
    /// Versions of media commands and numbers of players, both per tenant.
    pub counter: &'a mut u64,
    pub tenant_key: &'a str,
    /// Whose doing this step is: that legs end, that agents do something else.
    pub by: By,
}

impl Context<'_> {
    pub fn t(&self) -> Time {
        self.now.t
    }

    pub fn count(&mut self) -> u64 {
        *self.counter += 1;
        *self.counter
    }
}

impl Contact {
    /// There for whoever asks: it has not ended, and is not where an agent's leg rests.
    pub fn is_open(&self) -> bool {
        !self.sealed && self.standing.is_none()
    }

    /// As it is before a step, for the case that the step panics. The history is in no step's way and stays.
    pub fn saved(&mut self) -> Self {
        let history = std::mem::take(&mut self.history);
        let saved = self.clone();
        self.history = history;
        saved
    }

    /// As it was before a step that panicked half way.
    pub fn put_back(&mut self, saved: Self) {
        let history = std::mem::take(&mut self.history);
        *self = Self { history, ..saved };
    }

    pub fn journal(&self, context: &mut Context, about: About, by: By, kind: Kind) {
        let about = match self.standing {
            None => About { contact: Some(self.id), ..about },
            Some(_) if told_at_rest(&kind) => About { call: None, ..about },
            Some(_) => return,
        };
        context.out.push_back(Output::Journal { about, by, kind });
    }

    /// The contact's own end.
    pub fn journal_last(&self, context: &mut Context, about: About, kind: Kind) {
        if self.standing.is_some() {
            return;
        }
        let about = About { contact: Some(self.id), ..about };
        context.closing.push_back(Output::Journal { about, by: By::SYSTEM, kind });
    }

    /// An event about the contact's main call.
    pub fn journal_call(&self, context: &mut Context, by: By, kind: Kind) {
        self.journal(context, About { call: Some(self.main_call()), ..About::default() }, by, kind);
    }

    /// An event about one of its legs.
    pub fn journal_leg(&self, context: &mut Context, leg: LegId, by: By, kind: Kind) {
        let about = self.leg(leg).map(Leg::about).unwrap_or_default();
        self.journal(context, about, by, kind);
    }

    pub fn tell(&self, context: &mut Context, tell: Tell) {
        context.out.push_back(Output::Tell { contact: self.id, tell });
    }

    pub fn sip(&self, context: &mut Context, act: sip::words::Act) {
        context.out.push_back(Output::Sip(act));
    }

    pub fn media(&self, context: &mut Context, body: media::words::Body) {
        let version = context.count();
        context.out.push_back(Output::Media(media::words::Command { contact: self.id, version, body }));
    }

    pub fn leg(&self, leg: LegId) -> Option<&Leg> {
        self.legs.iter().find(|l| l.id == leg)
    }

    pub fn leg_mut(&mut self, leg: LegId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|l| l.id == leg)
    }

    pub fn main_leg(&self) -> Option<&Leg> {
        self.main.and_then(|leg| self.leg(leg))
    }

    pub fn is_answered(&self, leg: LegId) -> bool {
        self.leg(leg).is_some_and(Leg::is_answered)
    }

    pub fn live_legs(&self) -> impl Iterator<Item = &Leg> {
        self.legs.iter().filter(|l| l.is_live())
    }

    /// The leg made for this offer, while it lives.
    pub fn leg_of_offer(&self, offer: crate::base::OfferId) -> Option<LegId> {
        self.live_legs().find(|l| l.offered.is_some_and(|o| o.offer == offer)).map(|l| l.id)
    }

    pub fn due(&mut self, context: &mut Context) {
        while let Some(timer) = self.timers.take_due(context.t()) {
            match timer {
                Timer::RingOver => self.ring_over(context),
                Timer::Alone => self.release_all(context, EndCause::PeerLeft, Side::System),
                Timer::CallMax => self.release_all(context, EndCause::TooLong, Side::System),
                Timer::HoldMax => self.hold_over(context),
                Timer::Probe => self.probe_unanswered(context),
                Timer::ToneOver => self.tone_over(context),
                Timer::Conference => self.conference_due(context),
                Timer::Recording => self.recording_due(context),
                Timer::Seal => self.let_go(context),
            }
        }
        self.settle(context);
    }

    pub fn tally(&self) -> Tally {
        let trunk = |leg: &Leg| match leg.party {
            PartyRef::Trunk(trunk) => Some(trunk),
            PartyRef::Extension(_) => None,
        };
        Tally { live: self.is_open(), trunks: self.live_legs().filter_map(trunk).collect() }
    }

    /// Ended legs whose sockets are closed stay for the SIP history's late messages, up to a number.
    fn drop_ended_legs(&mut self) {
        if self.legs.len() > LEGS_PER_CONTACT {
            let ended = |l: &Leg| !l.is_live() && !l.media.open;
            self.dropped_legs.extend(self.legs.iter().filter(|l| ended(l)).map(|l| l.id));
            self.legs.retain(|l| !ended(l));
        }
    }

    /// After each step: what everybody hears, who is alone, whether it is over.
    pub fn settle(&mut self, context: &mut Context) {
        if self.sealed {
            self.close_when_reported(context);
            return;
        }
        self.end_idle_supervisions(context);
        self.end_idle_passing(context);
        if self.live_legs().next().is_none() && !self.awaits_first_leg() {
            self.seal(context);
            self.close_when_reported(context);
            return;
        }
        self.end_orphaned_invites(context);
        self.wait_when_alone(context);
        self.end_unheard_announcements(context);
        self.close_empty_calls(context);
        self.sync_room(context);
        if self.standing.is_none() {
            self.tell_agents(context);
            self.watch_alone(context.t());
        }
        self.watch_holds();
        self.drop_ended_legs();
    }

    /// A contact born by a command has no leg until its command is on disk.
    fn awaits_first_leg(&self) -> bool {
        self.main.is_none() && self.ended_by.is_none()
    }

    fn watch_alone(&mut self, t: Time) {
        let held = self.flow_holds || self.waiting.is_some() || self.awaits_dial() || self.room.playback.is_some();
        let ringing = self.parties().any(|l| !l.is_answered());
        let alone = !held
            && !self.hears_tone()
            && self.transfer.is_none()
            && !self.talk_goes_on()
            && !ringing
            && self.parties().any(Leg::is_answered);
        if alone {
            let most = if self.is_convened() { CHAIR_ALONE_MAX } else { ALONE_MAX };
            self.timers.start(Timer::Alone, t + most);
        } else {
            self.timers.set(Timer::Alone, None);
        }
    }
}

const _: () = assert!(size_of::<Contact>() <= crate::base::bounds::CONTACT_VALUE_BYTES);
