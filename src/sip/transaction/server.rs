//! Server transactions: RFC 3261 §17.2 as changed by RFC 6026 §7.1 and RFC 4320 §4.
//! In: a repeated request, the class of our response, ACK, `Due`. Out: [`Step`].

use super::{Class, Step, T1, T2, Timer, Timers, Up};
use crate::base::{Span, Time};

/// Figure 7 of RFC 3261 with the Accepted state of RFC 6026 §7.1, and Figure 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// INVITE: Proceeding; others: Trying.
    Proceeding,
    Completed,
    /// INVITE only.
    Confirmed,
    /// INVITE only: a 2xx was sent; the core repeats it, the transaction absorbs the INVITE.
    Accepted,
    Terminated,
}

#[derive(Clone, Debug)]
pub struct Server {
    invite: bool,
    reliable: bool,
    state: State,
    timers: Timers,
    interval: Span,
}

impl Server {
    pub fn new(invite: bool, reliable: bool) -> Self {
        Self { invite, reliable, state: State::Proceeding, timers: Timers::default(), interval: T1 }
    }

    /// The request came again: the last response goes out again, when there is one and it is ours to repeat.
    pub fn repeated(&self) -> Step {
        match self.state {
            State::Proceeding | State::Completed => Step::RESEND,
            State::Confirmed | State::Accepted | State::Terminated => Step::NONE,
        }
    }

    /// The core responds. False: a final response went before, or the class is not for this method
    /// (RFC 4320 §4.1: no provisional for non-INVITE over UDP before 3.5 s; we send none at all). The response is not sent.
    pub fn respond(&mut self, class: Class, t: Time) -> bool {
        match (self.state, class, self.invite) {
            (State::Proceeding, Class::Provisional, true) => true,
            (State::Proceeding, Class::Success, true) => {
                self.enter(State::Accepted);
                self.timers.start(Timer::L, self.reliable, t);
                true
            }
            (State::Proceeding, Class::Failure, true) => {
                self.enter(State::Completed);
                self.timers.start(Timer::G, self.reliable, t);
                self.timers.start(Timer::H, self.reliable, t);
                true
            }
            (State::Proceeding, Class::Success | Class::Failure, false) => {
                self.enter(State::Completed);
                self.timers.start(Timer::J, self.reliable, t);
                true
            }
            (State::Proceeding, Class::Provisional, false)
            | (State::Completed | State::Confirmed | State::Accepted | State::Terminated, _, _) => false,
        }
    }

    /// The ACK of a non-2xx.
    pub fn acknowledged(&mut self, t: Time) {
        match self.state {
            State::Completed if self.invite => {
                self.enter(State::Confirmed);
                self.timers.start(Timer::I, self.reliable, t);
            }
            State::Proceeding | State::Completed | State::Confirmed | State::Accepted | State::Terminated => {}
        }
    }

    pub fn due(&mut self, t: Time) -> Step {
        let Some(timer) = self.timers.pop_due(t) else { return Step::NONE };
        match timer {
            Timer::G => {
                self.interval = (self.interval * 2).min(T2);
                self.timers.set(Timer::G, t + self.interval);
                Step::RESEND
            }
            Timer::H => {
                self.enter(State::Terminated);
                Step::up(Up::NotAcknowledged)
            }
            Timer::I | Timer::J | Timer::L => {
                self.enter(State::Terminated);
                Step::NONE
            }
            Timer::A | Timer::B | Timer::D | Timer::E | Timer::F | Timer::K | Timer::M => Step::NONE,
        }
    }

    pub fn deadline(&self) -> Option<Time> {
        self.timers.next().map(|(at, _)| at)
    }

    /// No final response was sent.
    pub fn is_open(&self) -> bool {
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
        Again,
        Say(Class),
        Ack,
        Wake,
    }
    use Act::{Ack, Again, Say, Wake};
    use Class::{Failure, Provisional, Success};

    const SENT: Step = Step::RESEND;
    const NONE: Step = Step::NONE;

    /// `Say` is judged by whether it went out.
    fn run(name: &str, mut server: Server, steps: &[(i64, Act, Step)]) -> Server {
        for (at, act, expected) in steps {
            let t = Time(at * 1_000);
            let step = match act {
                Again => server.repeated(),
                Say(class) => Step { resend: server.respond(*class, t), ..NONE },
                Ack => {
                    server.acknowledged(t);
                    NONE
                }
                Wake => server.due(t),
            };
            assert_eq!(step, *expected, "{name}: {act:?} at {at} ms");
        }
        server
    }

    #[test]
    fn invite_goes_by_figure_7_and_rfc_6026() {
        let udp = || Server::new(true, false);
        let unacknowledged = run(
            "a refusal nobody acknowledges",
            udp(),
            &[
                (0, Say(Provisional), SENT),
                (100, Again, SENT),
                (1_000, Say(Failure), SENT),
                (1_100, Again, SENT),
                (1_500, Wake, SENT),
                (2_500, Wake, SENT),
                (4_500, Wake, SENT),
                (8_500, Wake, SENT),
                (12_500, Wake, SENT),
                (12_600, Say(Success), NONE),
                (33_000, Wake, SENT),
                (33_000, Wake, Step::up(Up::NotAcknowledged)),
            ],
        );
        assert!(unacknowledged.is_terminated());
        let confirmed = run(
            "ACK ends the repeats, T4 absorbs the rest",
            udp(),
            &[(0, Say(Failure), SENT), (300, Ack, NONE), (500, Wake, NONE), (600, Again, NONE), (5_300, Wake, NONE)],
        );
        assert!(confirmed.is_terminated());
        let accepted = run(
            "after 2xx the INVITE is absorbed for 64*T1 and nothing repeated here",
            udp(),
            &[
                (0, Say(Success), SENT),
                (10, Again, NONE),
                (20, Ack, NONE),
                (500, Wake, NONE),
                (600, Say(Failure), NONE),
                (32_000, Wake, NONE),
            ],
        );
        assert!(accepted.is_terminated());
        let tcp = run(
            "TCP",
            Server::new(true, true),
            &[(0, Say(Failure), SENT), (500, Wake, NONE), (600, Ack, NONE), (600, Wake, NONE)],
        );
        assert!(tcp.is_terminated());
    }

    #[test]
    fn other_requests_go_by_figure_8_and_rfc_4320() {
        let answered = run(
            "UDP",
            Server::new(false, false),
            &[
                (0, Say(Provisional), NONE),
                (100, Say(Success), SENT),
                (200, Again, SENT),
                (300, Say(Failure), NONE),
                (32_100, Wake, NONE),
                (32_200, Again, NONE),
            ],
        );
        assert!(answered.is_terminated());
        let answered = run("TCP", Server::new(false, true), &[(0, Say(Failure), SENT), (0, Wake, NONE)]);
        assert!(answered.is_terminated());
    }
}
