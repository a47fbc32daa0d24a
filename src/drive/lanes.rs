//! What waits for one tenant. Only inputs from outside can fill anything: each kind has its lane, bound and rule.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::base::bounds::DATAGRAM_LANE;
use crate::sip::front::Class;
use crate::tenant::words::{Input, Received};

/// The tenant's mailbox. Answers and reports are bounded by what was asked; SIP by `DATAGRAM_LANE`.
#[derive(Debug, Default)]
pub struct Lanes {
    queues: Mutex<Queues>,
    woken: Notify,
    /// Messages dropped because the lane was full, by class.
    pub dropped: [AtomicU64; 3],
}

#[derive(Debug, Default)]
struct Queues {
    answers: VecDeque<Input>,
    sip: [VecDeque<Received>; 3],
    /// Whose turn it is among what is not urgent.
    turn: usize,
}

impl Lanes {
    /// An answer, a report, or an order of the house.
    pub fn put(&self, input: Input) {
        self.queues.lock().expect(UNPOISONED).answers.push_back(input);
        self.woken.notify_one();
    }

    /// A message from outside. Full: the lowest class is dropped, UDP will repeat. `false`: it was this one.
    pub fn put_sip(&self, class: Class, received: Received) -> bool {
        let mut queues = self.queues.lock().expect(UNPOISONED);
        let at = class as usize;
        let full = queues.sip.iter().map(VecDeque::len).sum::<usize>() >= DATAGRAM_LANE;
        if full {
            let lowest = (0..at).find(|&lower| !queues.sip[lower].is_empty());
            let Some(lowest) = lowest else {
                self.dropped[at].fetch_add(1, Ordering::Relaxed);
                return false;
            };
            queues.sip[lowest].pop_back();
            self.dropped[lowest].fetch_add(1, Ordering::Relaxed);
        }
        queues.sip[at].push_back(received);
        drop(queues);
        self.woken.notify_one();
        true
    }

    /// The next input: answers and reports, then what belongs to running calls, then the others in turn with `commands`.
    pub fn take(&self, mut command: impl FnMut() -> Option<Input>) -> Option<Input> {
        let mut queues = self.queues.lock().expect(UNPOISONED);
        if let Some(input) = queues.answers.pop_front() {
            return Some(input);
        }
        if let Some(received) = queues.sip[Class::Dialog as usize].pop_front() {
            return Some(Input::Sip(received));
        }
        for _ in 0..3 {
            queues.turn = (queues.turn + 1) % 3;
            let input = match queues.turn {
                0 => command(),
                1 => queues.sip[Class::Invite as usize].pop_front().map(Input::Sip),
                _ => queues.sip[Class::Other as usize].pop_front().map(Input::Sip),
            };
            if input.is_some() {
                return input;
            }
        }
        None
    }

    pub async fn woken(&self) {
        self.woken.notified().await;
    }

    /// How many SIP messages wait: a TCP reader pauses while the lane is full.
    pub fn sip_waiting(&self) -> usize {
        self.queues.lock().expect(UNPOISONED).sip.iter().map(VecDeque::len).sum()
    }
}

const UNPOISONED: &str = "no holder of this lock can panic";
