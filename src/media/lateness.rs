//! Which commands the media threads have not applied yet, and when their silence is an alarm.
//! Owns the patience with each thread. Leaves sending and telling to the tenant's driver, which hands in what it sent and
//! what came back. In: commands sent, versions applied, the time. Out: [`Late`], once per thread until it answers in
//! time again. A command is forgotten when it is late, so a thread that never answers fills nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{Command, Subject};
use crate::base::bounds::MEDIA_APPLY_MAX;
use crate::base::{ContactId, LegId, Time};

/// A thread that has not applied a command for [`MEDIA_APPLY_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    pub thread: usize,
    /// Whose command it was.
    pub contact: ContactId,
    pub leg: Option<LegId>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    thread: usize,
    contact: ContactId,
    version: u64,
    until: Time,
}

#[derive(Debug, Default)]
pub struct Lateness {
    /// A leg takes its subjects along from contact to contact, and a newer word to one is the answer to an older word to
    /// the other: so not by contact.
    waiting: BTreeMap<Subject, Waiting>,
    by_time: BTreeSet<(Time, Subject)>,
    /// Threads whose alarm was raised.
    late: BTreeSet<usize>,
}

impl Lateness {
    /// A command went to a thread. A newer one of the same subject does not prolong the patience with the older, unless
    /// another thread has it.
    pub fn sent(&mut self, thread: usize, command: &Command, t: Time) {
        let (subject, contact, version) = (command.body.subject(), command.contact, command.version);
        let until = match self.waiting.remove(&subject) {
            Some(older) => {
                self.by_time.remove(&(older.until, subject));
                if older.thread == thread { older.until } else { t + MEDIA_APPLY_MAX }
            }
            None => t + MEDIA_APPLY_MAX,
        };
        self.wait(subject, Waiting { thread, contact, version, until });
    }

    /// The thread holds this version of the subject now. A thread that answers in time is late no longer.
    pub fn applied(&mut self, subject: Subject, version: u64, t: Time) {
        let Some(waiting) = self.waiting.remove(&subject) else { return };
        self.by_time.remove(&(waiting.until, subject));
        self.late.remove(&waiting.thread);
        if waiting.version > version {
            self.wait(subject, Waiting { until: t + MEDIA_APPLY_MAX, ..waiting });
        }
    }

    fn wait(&mut self, subject: Subject, waiting: Waiting) {
        self.by_time.insert((waiting.until, subject));
        self.waiting.insert(subject, waiting);
    }

    pub fn deadline(&self) -> Option<Time> {
        self.by_time.first().map(|(t, _)| *t)
    }

    /// The next thread that has become late; call it until `None`, when all that came in was handed in.
    pub fn due(&mut self, t: Time) -> Option<Late> {
        while let Some(&(_, subject)) = self.by_time.first().filter(|(until, _)| *until <= t) {
            self.by_time.pop_first();
            let Some(waiting) = self.waiting.remove(&subject) else { continue };
            if self.late.insert(waiting.thread) {
                return Some(Late { thread: waiting.thread, contact: waiting.contact, leg: leg_of(subject) });
            }
        }
        None
    }
}

fn leg_of(subject: Subject) -> Option<LegId> {
    match subject {
        Subject::Leg(leg) | Subject::Row(leg) | Subject::Hand(leg) => Some(leg),
        Subject::Player(_) | Subject::Recorder(_) | Subject::Ports(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::words::Body;

    fn at(ms: i64) -> Time {
        Time(ms * 1_000)
    }

    fn row(contact: u64, version: u64) -> Command {
        let body = Body::SetRow { sink: LegId(contact), sources: vec![] };
        Command { contact: ContactId(contact), version, body }
    }

    fn subject(contact: u64) -> Subject {
        Subject::Row(LegId(contact))
    }

    fn late(thread: usize, contact: u64) -> Option<Late> {
        Some(Late { thread, contact: ContactId(contact), leg: Some(LegId(contact)) })
    }

    #[test]
    fn an_answer_in_time_is_no_alarm() {
        let mut lateness = Lateness::default();
        lateness.sent(0, &row(1, 1), at(0));
        assert_eq!(lateness.deadline(), Some(at(200)));
        assert_eq!(lateness.due(at(199)), None);
        lateness.applied(subject(1), 1, at(199));
        assert_eq!((lateness.due(at(500)), lateness.deadline()), (None, None));
    }

    #[test]
    fn a_thread_is_late_once_until_it_answers_in_time() {
        let mut lateness = Lateness::default();
        lateness.sent(0, &row(1, 1), at(0));
        lateness.sent(0, &row(2, 2), at(10));
        lateness.sent(1, &row(3, 3), at(20));
        assert_eq!((lateness.due(at(300)), lateness.due(at(300))), (late(0, 1), late(1, 3)), "each thread once");
        assert_eq!((lateness.due(at(300)), lateness.deadline()), (None, None));
        lateness.sent(0, &row(1, 4), at(400));
        assert_eq!(lateness.due(at(700)), None, "it is known to be late");
        lateness.applied(subject(1), 1, at(710));
        lateness.sent(0, &row(1, 5), at(800));
        assert_eq!(lateness.due(at(1_000)), None, "an answer that came late ends no alarm");
        lateness.sent(0, &row(1, 6), at(1_100));
        lateness.applied(subject(1), 6, at(1_150));
        lateness.sent(0, &row(1, 7), at(1_200));
        assert_eq!(lateness.due(at(1_400)), late(0, 1), "it answered in time between: a new alarm");
    }

    #[test]
    fn newer_commands_do_not_prolong_the_patience() {
        let mut lateness = Lateness::default();
        lateness.sent(0, &row(1, 1), at(0));
        lateness.sent(0, &row(1, 2), at(150));
        assert_eq!(lateness.deadline(), Some(at(200)));
        lateness.applied(subject(1), 1, at(160));
        assert_eq!(lateness.deadline(), Some(at(360)), "the older is there, the newer is waited for");
    }

    #[test]
    fn a_leg_that_goes_to_another_contact_is_answered_for_there() {
        let mut lateness = Lateness::default();
        let there = |version| Command { contact: ContactId(9), ..row(1, version) };
        lateness.sent(0, &row(1, 1), at(0));
        // The thread has read both when it looks: it answers the newer alone.
        lateness.sent(0, &there(2), at(10));
        lateness.applied(subject(1), 2, at(30));
        assert_eq!((lateness.due(at(500)), lateness.deadline()), (None, None));
        // A thread that never had it is not late for it.
        lateness.sent(0, &row(1, 3), at(1_000));
        lateness.sent(1, &there(4), at(1_150));
        assert_eq!(lateness.due(at(1_300)), None);
        let late = Late { thread: 1, contact: ContactId(9), leg: Some(LegId(1)) };
        assert_eq!(lateness.due(at(1_350)), Some(late));
    }
}
