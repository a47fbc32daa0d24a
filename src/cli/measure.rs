//! Brings the node's meters up to what sockets, threads and disk have counted. What happens in one place is counted there.

use std::sync::atomic::Ordering;

use super::house::House;
use crate::media::Refusal;
use crate::sip::front::Class;
use crate::switch::meters::Meter;

impl House {
    /// Once a second.
    pub(super) fn measure(&self) {
        let meters = self.door.meters();
        let links = &self.gate.links;
        set(&meters.sip_sent, links.udp_sent.load(Ordering::Relaxed));
        set(&meters.sip_unsent, links.udp_unsent.load(Ordering::Relaxed));
        set(&meters.sip_stuck, links.tcp_stuck.load(Ordering::Relaxed));
        let dropped = self.gate.dropped();
        set(&meters.sip_dropped_dialog, dropped[Class::Dialog as usize]);
        set(&meters.sip_dropped_invite, dropped[Class::Invite as usize]);
        set(&meters.sip_dropped_register, dropped[Class::Other as usize]);

        let threads: Vec<_> = self.threads.status().collect();
        set(&meters.media_legs, threads.iter().map(|status| status.legs as u64).sum());
        set(&meters.media_received, threads.iter().map(|status| status.counters.packets).sum());
        set(&meters.media_sent, threads.iter().map(|status| status.sent).sum());
        let latched = Refusal::Latched as usize;
        set(&meters.media_refused, threads.iter().map(|status| status.counters.dropped[latched]).sum());
        set(&meters.media_late, threads.iter().map(|status| status.ticks_late).sum());
        set(&meters.recorder_blocks, self.recorder.pool().taken() as u64);
        meters.recorder_gap.set(self.recorder.lost().as_micros());

        let journal = self.journal.status();
        set(&meters.journal_tail, journal.tail_bytes as u64);
        set(&meters.journal_events, journal.committed);
        set(&meters.journal_commits, journal.commits);
        meters.journal_commit_time.set(journal.commit_time.as_micros());
        set(&meters.projected, *self.projector.reached().borrow());
    }
}

fn set(meter: &Meter, n: u64) {
    meter.set(i64::try_from(n).unwrap_or(i64::MAX));
}
