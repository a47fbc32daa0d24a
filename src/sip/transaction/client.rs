//! Client transactions: RFC 3261 §17.1 as changed by RFC 6026 §7.2.
//! In: the class of a response, `Due`. Out: [`Step`].

use super::{Class, Step, T1, T2, Timer, Timers, Up};
use crate::base::{Span, Time};

/// Figure 5 of RFC 3261 with the Accepted state of RFC 6026 §7.2, and Figure 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// INVITE: Calling; others: Trying. Nothing was heard.
    Trying,
    Proceeding,
    Completed,
    /// INVITE only: a 2xx came; further ones are passed up.
    Accepted,
    Terminated,
}

#[derive(Clone, Debug)]
pub struct Client {
    invite: bool,
    reliable: bool,
    state: State,
    timers: Timers,
    interval: Span,
}

impl Client {
    /// The request is sent by the caller at `t`.
    pub fn new(invite: bool, reliable: bool, t: Time) -> Self {
        let mut timers = Timers::default();
        let (again, give_up) = if invite { (Timer::A, Timer::B) } else { (Timer::E, Timer::F) };
        timers.start(again, reliable, t);
        timers.start(give_up, reliable, t);
        Self { invite, reliable, state: State::Trying, timers, interval: T1 }
    }

    pub fn response(&mut self, class: Class, t: Time) -> Step {
        if self.invite { self.invite_response(class, t) } else { self.other_response(class, t) }
    }

    fn invite_response(&mut self, class: Class, t: Time) -> Step {
        match (self.state, class) {
            (State::Trying, Class::Provisional) => {
                self.enter(State::Proceeding);
                Step::up(Up::Response)
            }
            (State::Proceeding, Class::Provisional) | (State::Accepted, Class::Success) => Step::up(Up::Response),
            (State::Trying | State::Proceeding, Class::Success) => {
                self.enter(State::Accepted);
                self.timers.start(Timer::M, self.reliable, t);
                Step::up(Up::Response)
            }
            (State::Trying | State::Proceeding, Class::Failure) => {
                self.enter(State::Completed);
                self.timers.start(Timer::D, self.reliable, t);
                Step { resend: false, ack: true, up: Some(Up::Response) }
            }
            (State::Completed, Class::Failure) => Step { ack: true, ..Step::NONE },
            (State::Completed, Class::Provisional | Class::Success)
            | (State::Accepted, Class::Provisional | Class::Failure)
            | (State::Terminated, Class::Provisional | Class::Success | Class::Failure) => Step::NONE,
        }
    }

    fn other_response(&mut self, class: Class, t: Time) -> Step {
        match (self.state, class) {
            (State::Trying, Class::Provisional) => {
                // E and F run on; the interval is T2 from here (§17.1.2.2).
                self.state = State::Proceeding;
                self.interval = T2;
                Step::up(Up::Response)
            }
            (State::Proceeding, Class::Provisional) => Step::up(Up::Response),
            (State::Trying | State::Proceeding, Class::Success | Class::Failure) => {
                self.enter(State::Completed);
                self.timers.start(Timer::K, self.reliable, t);
                Step::up(Up::Response)
            }
            (
                State::Completed | State::Accepted | State::Terminated,
                Class::Provisional | Class::Success | Class::Failure,
            ) => Step::NONE,
        }
    }

    pub fn transport_failed(&mut self) -> Step {
        match self.state {
            State::Trying | State::Proceeding => {
                self.enter(State::Terminated);
                Step::up(Up::TransportFailed)
            }
            State::Completed | State::Accepted | State::Terminated => Step::NONE,
        }
    }

    /// A CANCEL was sent: without a final response within 64*T1 the INVITE counts as cancelled (RFC 3261 §9.1).
    pub fn cancelled(&mut self, t: Time) {
        match self.state {
            State::Trying | State::Proceeding => self.timers.start(Timer::B, self.reliable, t),
            State::Completed | State::Accepted | State::Terminated => {}
        }
    }

    pub fn due(&mut self, t: Time) -> Step {
        let Some(timer) = self.timers.pop_due(t) else { return Step::NONE };
        match timer {
            Timer::A => {
                self.interval = self.interval * 2;
                self.timers.set(Timer::A, t + self.interval);
                Step::RESEND
            }
            Timer::E => {
                self.interval = (self.interval * 2).min(T2);
                self.timers.set(Timer::E, t + self.interval);
                Step::RESEND
            }
            Timer::B | Timer::F => {
                self.enter(State::Terminated);
                Step::up(Up::TimedOut)
            }
            Timer::D | Timer::K | Timer::M => {
                self.enter(State::Terminated);
                Step::NONE
            }
            Timer::G | Timer::H | Timer::I | Timer::J | Timer::L => Step::NONE,
        }
    }

    pub fn deadline(&self) -> Option<Time> {
        self.timers.next().map(|(at, _)| at)
    }

    /// A provisional response came and no final one: CANCEL may be sent (RFC 3261 §9.1).
    pub fn is_proceeding(&self) -> bool {
        self.state == State::Proceeding
    }

    pub fn is_terminated(&self) -> bool {
        self.state == State::Terminated
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.timers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Act {
        Heard(Class),
        Wake,
        Fail,
    }
    use Act::{Fail, Heard, Wake};
    use Class::{Failure, Provisional, Success};

    const UP: Step = Step::up(Up::Response);
    const ACK: Step = Step { ack: true, ..Step::NONE };
    const UP_ACK: Step = Step { ack: true, ..UP };

    fn run(name: &str, mut client: Client, steps: &[(i64, Act, Step)]) -> Client {
        for (at, act, expected) in steps {
            let t = Time(at * 1_000);
            let step = match act {
                Heard(class) => client.response(*class, t),
                Wake => client.due(t),
                Fail => client.transport_failed(),
            };
            assert_eq!(step, *expected, "{name}: {act:?} at {at} ms");
        }
        client
    }

    #[test]
    fn invite_goes_by_figure_5_and_rfc_6026() {
        let udp = || Client::new(true, false, Time(0));
        let tcp = || Client::new(true, true, Time(0));
        let silent = run(
            "unanswered",
            udp(),
            &[
                (500, Wake, Step::RESEND),
                (1_499, Wake, Step::NONE),
                (1_500, Wake, Step::RESEND),
                (3_500, Wake, Step::RESEND),
                (7_500, Wake, Step::RESEND),
                (15_500, Wake, Step::RESEND),
                (31_500, Wake, Step::RESEND),
                (32_000, Wake, Step::up(Up::TimedOut)),
            ],
        );
        assert!(silent.is_terminated());
        let ringing = run("180 stops A and B", udp(), &[(100, Heard(Provisional), UP), (500, Heard(Provisional), UP)]);
        assert_eq!(ringing.deadline(), None);
        let refused = run(
            "a refusal is acknowledged each time",
            udp(),
            &[
                (100, Heard(Failure), UP_ACK),
                (600, Heard(Failure), ACK),
                (700, Heard(Success), Step::NONE),
                (32_100, Wake, Step::NONE),
            ],
        );
        assert!(refused.is_terminated());
        let accepted = run(
            "every 2xx reaches the core for 64*T1",
            udp(),
            &[
                (100, Heard(Provisional), UP),
                (200, Heard(Success), UP),
                (700, Heard(Success), UP),
                (800, Heard(Failure), Step::NONE),
                (32_199, Wake, Step::NONE),
                (32_200, Wake, Step::NONE),
                (32_201, Heard(Success), Step::NONE),
            ],
        );
        assert!(accepted.is_terminated());
        let refused = run("TCP keeps nothing", tcp(), &[(100, Heard(Failure), UP_ACK), (100, Wake, Step::NONE)]);
        assert!(refused.is_terminated());
        run("TCP is not repeated", tcp(), &[(500, Wake, Step::NONE), (32_000, Wake, Step::up(Up::TimedOut))]);
        run("the connection fails", tcp(), &[(10, Fail, Step::up(Up::TransportFailed)), (20, Fail, Step::NONE)]);
    }

    #[test]
    fn a_cancelled_invite_ends_by_itself() {
        let mut client = Client::new(true, false, Time(0));
        client.response(Provisional, Time(1));
        client.cancelled(Time(1_000_000));
        assert_eq!(client.due(Time(32_999_999)), Step::NONE);
        assert_eq!(client.due(Time(33_000_000)), Step::up(Up::TimedOut));
        assert!(client.is_terminated());
    }

    #[test]
    fn other_requests_go_by_figure_6() {
        let udp = || Client::new(false, false, Time(0));
        let silent = run(
            "unanswered",
            udp(),
            &[
                (500, Wake, Step::RESEND),
                (1_500, Wake, Step::RESEND),
                (3_500, Wake, Step::RESEND),
                (7_500, Wake, Step::RESEND),
                (11_500, Wake, Step::RESEND),
                (15_500, Wake, Step::RESEND),
                (19_500, Wake, Step::RESEND),
                (23_500, Wake, Step::RESEND),
                (27_500, Wake, Step::RESEND),
                (31_500, Wake, Step::RESEND),
                (32_000, Wake, Step::up(Up::TimedOut)),
            ],
        );
        assert!(silent.is_terminated());
        let answered = run(
            "a provisional slows the repeats",
            udp(),
            &[
                (100, Heard(Provisional), UP),
                (500, Wake, Step::RESEND),
                (4_499, Wake, Step::NONE),
                (4_500, Wake, Step::RESEND),
                (5_000, Heard(Success), UP),
                (5_100, Heard(Success), Step::NONE),
                (10_000, Wake, Step::NONE),
            ],
        );
        assert!(answered.is_terminated());
        let answered = run(
            "TCP",
            Client::new(false, true, Time(0)),
            &[(500, Wake, Step::NONE), (600, Heard(Failure), UP), (600, Wake, Step::NONE)],
        );
        assert!(answered.is_terminated());
    }
}
