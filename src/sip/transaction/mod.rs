//! SIP transactions: RFC 3261 §17 as changed by RFC 6026 (2xx to INVITE) and RFC 4320 (non-INVITE).
//! Owns their states, timers and keys. Leaves bytes, links and what a response means to the endpoint.
//! In: what arrived, as a class; `Due(Timer)`. Out: a [`Step`]: what to send again and what to tell the core.

pub mod client;
pub mod server;

use crate::base::{Span, Time};

/// Estimate of the round trip: 500 ms. RFC 3261 §17.1.1.1.
pub const T1: Span = Span::millis(500);
/// Longest interval between repeats of a non-INVITE request or an INVITE response: 4 s. RFC 3261 §17.1.2.2.
pub const T2: Span = Span::seconds(4);
/// How long a message stays in the network: 5 s. RFC 3261 §17.1.2.2.
pub const T4: Span = Span::seconds(5);
/// How long a transaction tries, 64*T1 = 32 s: timers B, F, H, J, L and M.
pub const PATIENCE: Span = Span::micros(64 * T1.as_micros());

/// Names of RFC 3261 Table 4 and RFC 6026 §8. C is a proxy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// INVITE is sent again, UDP only: T1, doubling.
    A,
    /// INVITE was not answered at all: 64*T1. After a CANCEL also: no final response came.
    B,
    /// Absorbs repeated final responses to INVITE: 32 s on UDP, 0 on TCP.
    D,
    /// Non-INVITE is sent again, UDP only: T1, doubling to T2.
    E,
    /// Non-INVITE was not answered: 64*T1.
    F,
    /// A final non-2xx to INVITE is sent again, UDP only: T1, doubling to T2.
    G,
    /// It was never acknowledged: 64*T1.
    H,
    /// Absorbs repeated ACKs: T4 on UDP, 0 on TCP.
    I,
    /// Absorbs repeated non-INVITE requests: 64*T1 on UDP, 0 on TCP.
    J,
    /// Absorbs repeated responses to non-INVITE: T4 on UDP, 0 on TCP.
    K,
    /// Absorbs repeated INVITEs after a 2xx: 64*T1. RFC 6026 §7.1.
    L,
    /// Collects 2xx after the first: 64*T1. RFC 6026 §7.2.
    M,
}

impl Timer {
    pub const COUNT: usize = 12;
    const ALL: [Self; Self::COUNT] =
        [Self::A, Self::B, Self::D, Self::E, Self::F, Self::G, Self::H, Self::I, Self::J, Self::K, Self::L, Self::M];

    /// How long it runs when first set. `None`: a reliable transport does without it.
    pub const fn first(self, reliable: bool) -> Option<Span> {
        match self {
            Self::A | Self::E | Self::G => {
                if reliable {
                    None
                } else {
                    Some(T1)
                }
            }
            Self::B | Self::F | Self::H | Self::L | Self::M => Some(PATIENCE),
            Self::D | Self::J => Some(if reliable { Span::ZERO } else { PATIENCE }),
            Self::I | Self::K => Some(if reliable { Span::ZERO } else { T4 }),
        }
    }
}

/// At most one time per timer.
#[derive(Clone, Debug, Default)]
pub struct Timers {
    at: [Option<Time>; Timer::COUNT],
}

impl Timers {
    pub fn set(&mut self, timer: Timer, at: Time) {
        self.at[timer as usize] = Some(at);
    }

    /// Sets it for as long as the table says; on a transport that does without it, nothing.
    pub fn start(&mut self, timer: Timer, reliable: bool, t: Time) {
        self.at[timer as usize] = timer.first(reliable).map(|span| t + span);
    }

    pub fn clear(&mut self) {
        self.at = [None; Timer::COUNT];
    }

    /// The next to fire; ties go by name.
    pub fn next(&self) -> Option<(Time, Timer)> {
        Timer::ALL.iter().filter_map(|&timer| self.at[timer as usize].map(|at| (at, timer))).min()
    }

    /// Takes the timer when its time has come; a wake-up for a timer that was stopped or moved is nothing.
    pub fn take_due(&mut self, timer: Timer, t: Time) -> bool {
        let due = self.at[timer as usize].is_some_and(|at| at <= t);
        if due {
            self.at[timer as usize] = None;
        }
        due
    }

    /// The most urgent timer whose time has come, taken off.
    pub fn pop_due(&mut self, t: Time) -> Option<Timer> {
        let (at, timer) = self.next()?;
        (at <= t).then(|| {
            self.at[timer as usize] = None;
            timer
        })
    }
}

/// What a transaction wants done now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Send the stored message (the request of a client, the last response of a server) again.
    pub resend: bool,
    /// Send the ACK of a non-2xx (client INVITE).
    pub ack: bool,
    pub up: Option<Up>,
}

/// What the core above is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Up {
    /// The response that was handed in is news.
    Response,
    /// Timer B or F: as a 408.
    TimedOut,
    /// The transport failed: as a 503.
    TransportFailed,
    /// Timer H: nobody acknowledged our final response.
    NotAcknowledged,
}

impl Step {
    pub const NONE: Self = Self { resend: false, ack: false, up: None };
    pub const RESEND: Self = Self { resend: true, ..Self::NONE };

    pub const fn up(up: Up) -> Self {
        Self { up: Some(up), ..Self::NONE }
    }
}

/// Class of a status as transactions see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Provisional,
    Success,
    /// 300 to 699.
    Failure,
}

impl Class {
    pub fn of(status: u16) -> Self {
        match status {
            0..200 => Self::Provisional,
            200..300 => Self::Success,
            300.. => Self::Failure,
        }
    }
}

/// The cookie of a branch that is unique by itself. RFC 3261 §8.1.1.7.
pub const MAGIC_COOKIE: &str = "z9hG4bK";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timer_table_is_the_rfcs() {
        let udp = [
            (Timer::A, 500),
            (Timer::B, 32_000),
            (Timer::D, 32_000),
            (Timer::E, 500),
            (Timer::F, 32_000),
            (Timer::G, 500),
            (Timer::H, 32_000),
            (Timer::I, 5_000),
            (Timer::J, 32_000),
            (Timer::K, 5_000),
            (Timer::L, 32_000),
            (Timer::M, 32_000),
        ];
        for (timer, millis) in udp {
            assert_eq!(timer.first(false), Some(Span::millis(millis)), "{timer:?} on UDP");
        }
        for timer in Timer::ALL {
            let expected = match timer {
                Timer::A | Timer::E | Timer::G => None,
                Timer::D | Timer::I | Timer::J | Timer::K => Some(Span::ZERO),
                Timer::B | Timer::F | Timer::H | Timer::L | Timer::M => Some(PATIENCE),
            };
            assert_eq!(timer.first(true), expected, "{timer:?} on TCP");
        }
    }

    #[test]
    fn a_stopped_timer_does_not_fire() {
        let mut timers = Timers::default();
        timers.start(Timer::B, false, Time(0));
        timers.start(Timer::A, false, Time(0));
        assert_eq!(timers.next(), Some((Time(500_000), Timer::A)));
        assert!(!timers.take_due(Timer::A, Time(499_999)));
        assert!(timers.take_due(Timer::A, Time(500_000)));
        assert!(!timers.take_due(Timer::A, Time(500_000)));
        timers.clear();
        assert_eq!(timers.next(), None);
    }
}
