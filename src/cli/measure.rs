//! Brings the node's meters up to what sockets, threads and disk have counted. What happens in one place is counted there.

use std::sync::atomic::Ordering;

use super::house::House;
use crate::media::Refusal;
use crate::sip::front::Class;

impl House {
    /// Once a second.
    pub(super) fn measure(&self) {
        let meters = self.door.meters();
        let links = &self.gate.links;
        meters.sip_sent.set(links.udp_sent.load(Ordering::Relaxed));
        meters.sip_unsent.set(links.udp_unsent.load(Ordering::Relaxed));
        meters.sip_stuck.set(links.tcp_stuck.load(Ordering::Relaxed));
        let dropped = self.gate.dropped();
        meters.sip_dropped_dialog.set(dropped[Class::Dialog as usize]);
        meters.sip_dropped_invite.set(dropped[Class::Invite as usize]);
        meters.sip_dropped_register.set(dropped[Class::Other as usize]);

        let threads: Vec<_> = self.threads.status().collect();
        meters.media_legs.set(threads.iter().map(|status| status.legs).sum::<usize>());
        meters.media_received.set(threads.iter().map(|status| status.counters.packets).sum::<u64>());
        meters.media_sent.set(threads.iter().map(|status| status.sent).sum::<u64>());
        let latched = Refusal::Latched as usize;
        meters.media_refused.set(threads.iter().map(|status| status.counters.dropped[latched]).sum::<u64>());
        meters.media_late.set(threads.iter().map(|status| status.ticks_late).sum::<u64>());
        meters.recorder_blocks.set(self.recorder.pool().taken());
        meters.recorder_gap.set(self.recorder.lost().as_micros());

        let journal = self.journal.status();
        meters.journal_tail.set(journal.tail_bytes);
        meters.journal_events.set(journal.committed);
        meters.journal_commits.set(journal.commits);
        meters.journal_commit_time.set(journal.commit_time.as_micros());
        meters.projected.set(*self.projector.reached().borrow());
    }
}
