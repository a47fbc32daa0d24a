//! All media threads of the node: which contact lives on which, and one door for commands to any.

use std::io;
use std::sync::Arc;

use super::mailbox::{Mailbox, Status};
use super::media_thread::{Mailboxes, MediaThread, ThreadSettings};
use crate::base::{ContactId, TenantNo};
use crate::media::Home;
use crate::media::sound::Library;
use crate::media::words::{Body, Command, Report};

/// All legs of a contact's room live on one thread, from its birth to its end.
pub struct MediaThreads(Vec<MediaThread>);

impl MediaThreads {
    /// One thread per entry of `settings`; at least one.
    ///
    /// # Errors
    /// The system has no descriptor or thread left.
    pub fn start(
        settings: Vec<ThreadSettings>,
        report: impl Fn(TenantNo, Report) + Clone + Send + 'static,
    ) -> io::Result<Self> {
        let threads = settings.len();
        if threads == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no media thread"));
        }
        let mailboxes: io::Result<Vec<_>> = settings.iter().map(|_| Mailbox::new().map(Arc::new)).collect();
        let mailboxes = Mailboxes::from(mailboxes?);
        let started = settings.into_iter().enumerate().map(|(index, mut settings)| {
            settings.engine.home = Home { index, threads };
            MediaThread::start(settings, &mailboxes, report.clone())
        });
        Ok(Self(started.collect::<io::Result<_>>()?))
    }

    /// How many threads a host of `cores` gets: all but one, at least one.
    pub fn count(cores: usize) -> usize {
        cores.saturating_sub(1).max(1)
    }

    /// Never waits, never fails.
    pub fn send(&self, tenant: TenantNo, command: Command) {
        let thread = self.home(command.contact);
        if let Body::Hand { to, .. } = command.body
            && self.home(to) != thread
        {
            // Whoever is to get a leg has to know it before the first command about it.
            self.0[self.home(to)].send(tenant, command.clone());
        }
        self.0[thread].send(tenant, command);
    }

    /// The thread on which this contact lives.
    pub fn home(&self, contact: ContactId) -> usize {
        home(contact, self.0.len())
    }

    pub fn set_library(&self, library: &Arc<Library>) {
        for thread in &self.0 {
            thread.set_library(Arc::clone(library));
        }
    }

    pub fn status(&self) -> impl Iterator<Item = Status> {
        self.0.iter().map(MediaThread::status)
    }

    /// Ends all threads after what was sent so far. False: one had panicked.
    pub fn stop(self) -> bool {
        self.0.into_iter().map(MediaThread::stop).filter(|whole| !whole).count() == 0
    }
}

fn home(contact: ContactId, threads: usize) -> usize {
    Home { index: 0, threads }.of(contact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{IdBlock, Time};

    #[test]
    fn contacts_are_spread_evenly_and_stay() {
        let mut ids = IdBlock::new(1, 0, 10_000);
        let mut legs = [0; 3];
        for second in 0..100 {
            for _ in 0..60 {
                let contact = ContactId(ids.mint(Time(second * 1_000_000)));
                legs[home(contact, 3)] += 1;
                assert_eq!(home(contact, 3), home(contact, 3));
            }
        }
        assert!(legs.iter().all(|&count| (1_900..=2_100).contains(&count)), "{legs:?}");
        assert_eq!((MediaThreads::count(1), MediaThreads::count(2), MediaThreads::count(8)), (1, 1, 7));
    }
}
