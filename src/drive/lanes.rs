//! What waits for one tenant. Only inputs from outside can fill anything: each kind has its lane, bound and rule.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use crate::base::LinkId;
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

impl Queues {
    /// All that a connection brought in one class, in its order.
    fn take_of(&mut self, class: Class, link: LinkId) -> VecDeque<Received> {
        let lane = &mut self.sip[class as usize];
        if lane.iter().all(|received| received.link != link) {
            return VecDeque::new();
        }
        let (taken, kept) = std::mem::take(lane).into_iter().partition(|received| received.link == link);
        *lane = kept;
        taken
    }
}

impl Lanes {
    /// An answer, a report, or an order of the house. The end of a connection comes after what it brought for running
    /// calls; what else it brought has nobody left to answer, and would be tied to a connection that is gone.
    pub fn put(&self, input: Input) {
        let mut queues = self.queues.lock().expect(UNPOISONED);
        if let Input::LinkClosed { link } = input {
            for class in [Class::Other, Class::Invite] {
                let dropped = queues.take_of(class, link).len();
                self.dropped[class as usize].fetch_add(dropped as u64, Ordering::Relaxed);
            }
            let last = queues.take_of(Class::Dialog, link);
            queues.answers.extend(last.into_iter().map(Input::Sip));
        }
        queues.answers.push_back(input);
        drop(queues);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::InterfaceNo;
    use crate::event::words::Wire;
    use crate::sip::message::Message;

    fn received(link: u64, method: &str) -> Received {
        let text = format!(
            "{method} sip:9000@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
             To: <sip:9000@h>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n\r\n"
        );
        let message = Message::parse_datagram(text.into()).expect("well-formed");
        let from = ([192, 0, 2, 1], 4_000).into();
        Received { link: LinkId(link), interface: InterfaceNo(0), wire: Wire::Tcp, from, message }
    }

    #[test]
    fn a_connections_end_comes_after_what_it_brought_for_running_calls() {
        let lanes = Lanes::default();
        for (link, class, method) in
            [(5, Class::Other, "REGISTER"), (6, Class::Invite, "INVITE"), (5, Class::Dialog, "BYE")]
        {
            assert!(lanes.put_sip(class, received(link, method)));
        }
        lanes.put(Input::LinkClosed { link: LinkId(5) });
        lanes.put(Input::Due);
        assert_eq!(lanes.sip_waiting(), 1, "they left the lane with the connection");
        let taken: Vec<String> = std::iter::from_fn(|| lanes.take(|| None))
            .map(|input| match input {
                Input::Sip(received) => {
                    format!("{} on {}", received.message.headers().cseq().expect("CSeq").method, received.link.0)
                }
                other => other.name().to_owned(),
            })
            .collect();
        assert_eq!(taken, ["BYE on 5", "link-closed", "due", "INVITE on 6"]);
    }
}
