//! Session timers: RFC 4028 as a table. Owns what is agreed and when something is due; `talk` sends and ends.

use crate::base::{Span, Time};
use crate::sip::message::{Headers, Name, Refresher, RequestBuilder, ResponseBuilder, SessionExpires};

/// What we ask for, seconds.
pub const WANTED: u32 = 1_800;
/// The shortest we take, seconds: the least RFC 4028 §4 allows.
pub const MIN_SE: u32 = 90;

/// After a refresh that crossed theirs: longer than who owns the Call-ID waits (RFC 3261 §14.1: 2.1 to 4 s).
const RETRY: Span = Span::seconds(5);

/// What an INVITE or UPDATE says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing, and the far end could not do it.
    Nothing,
    /// The far end knows session timers and asks for none: what we ask for, seconds.
    Able {
        seconds: u32,
    },
    Interval {
        seconds: u32,
        refresher: Option<Refresher>,
        able: bool,
    },
    /// 422 (RFC 4028 §9).
    TooSmall,
}

pub fn asked(headers: &Headers) -> Asked {
    let able = headers.lists(Name::Supported, "timer") || headers.lists(Name::Require, "timer");
    match headers.session_expires() {
        Ok(Some(SessionExpires { delta, refresher })) => match (delta < MIN_SE, able) {
            (true, true) => Asked::TooSmall,
            // only a proxy on the way asked: who called would not understand a 422
            (true, false) => Asked::Interval { seconds: MIN_SE, refresher, able },
            (false, _) => Asked::Interval { seconds: delta, refresher, able },
        },
        // RFC 4028 leaves an unreadable one open; it counts as absent
        Ok(None) | Err(_) => {
            if able {
                // never below what the far end takes at least (RFC 4028 §9)
                Asked::Able { seconds: headers.min_se().ok().flatten().map_or(WANTED, |min| min.max(WANTED)) }
            } else {
                Asked::Nothing
            }
        }
    }
}

/// An agreed timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub seconds: u32,
    pub ours: bool,
    /// Who that is in the transaction that agreed on it.
    role: Refresher,
    able: bool,
    refresh: Option<Time>,
    end: Time,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Refresh,
    /// BYE (RFC 4028 §10).
    End,
}

impl Session {
    fn new(seconds: u32, role: Refresher, ours: bool, able: bool, t: Time) -> Self {
        let whole = Span::seconds(i64::from(seconds));
        // who waits gives up shortly before, min(32 s, a third) (RFC 4028 §10); who refreshes has tried for half the time
        let margin = Span::seconds(i64::from(seconds / 3).min(32));
        let refresh = ours.then(|| t + Span::micros(whole.as_micros() / 2));
        Self { seconds, ours, role, able, refresh, end: t + whole - margin }
    }

    pub fn deadline(&self) -> Time {
        self.refresh.map_or(self.end, |refresh| refresh.min(self.end))
    }

    /// The refresh was put off (491 and the like): once more in a moment.
    pub fn retry(&mut self, t: Time) {
        self.refresh = Some(t + RETRY);
    }

    /// The refresh is out: its answer says when the next is due.
    pub fn sent(&mut self) {
        self.refresh = None;
    }

    pub fn due(&mut self, t: Time) -> Option<Due> {
        if self.end <= t {
            return Some(Due::End);
        }
        self.refresh.take_if(|refresh| *refresh <= t).map(|_| Due::Refresh)
    }
}

/// As UAS (RFC 4028 §9, Table 2).
pub fn accept(asked: &Asked, t: Time) -> Option<Session> {
    let (seconds, role, able) = match *asked {
        Asked::Nothing | Asked::TooSmall => return None,
        Asked::Able { seconds } => (seconds, Refresher::Uas, true),
        Asked::Interval { seconds, refresher, able: true } => (seconds, refresher.unwrap_or(Refresher::Uac), true),
        // who does not know the timer cannot refresh
        Asked::Interval { seconds, refresher: _, able: false } => (seconds, Refresher::Uas, false),
    };
    Some(Session::new(seconds, role, role == Refresher::Uas, able, t))
}

pub fn write_answer(builder: ResponseBuilder, session: Option<&Session>) -> ResponseBuilder {
    let Some(session) = session else { return builder };
    let value = SessionExpires { delta: session.seconds, refresher: Some(session.role) };
    let builder = builder.header(Name::SessionExpires, value);
    if session.role == Refresher::Uac && session.able { builder.header(Name::Require, "timer") } else { builder }
}

/// Of our INVITE or refresh. `refresher` is named in a refresh so that the roles stay (RFC 4028 §7.4).
pub fn write_request(builder: RequestBuilder, seconds: u32, refresher: Option<Refresher>) -> RequestBuilder {
    builder
        .header(Name::SessionExpires, SessionExpires { delta: seconds, refresher })
        .header(Name::MinSe, MIN_SE)
        .header(Name::Supported, "timer")
}

/// As UAC (RFC 4028 §7.2): what the 2xx says counts; without the header there is no timer.
pub fn agreed(headers: &Headers, t: Time) -> Option<Session> {
    let SessionExpires { delta, refresher } = headers.session_expires().ok()??;
    let role = refresher.unwrap_or(Refresher::Uac);
    Some(Session::new(delta.max(MIN_SE), role, role == Refresher::Uac, true, t))
}

/// After a 422: what to ask for instead. `None`: it asks for less than we did, which is no answer to repeat for.
pub fn after_422(headers: &Headers, asked: u32) -> Option<u32> {
    headers.min_se().ok().flatten().filter(|min| *min > asked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::testing::request;

    #[test]
    fn the_table_of_rfc_4028_section_9() {
        struct Row(&'static str, Asked, Option<(u32, bool, bool)>);
        use Refresher::{Uac, Uas};
        let interval = |seconds, refresher, able| Asked::Interval { seconds, refresher, able };
        let rows = [
            Row("", Asked::Nothing, None),
            Row("Supported: timer\r\n", Asked::Able { seconds: 1_800 }, Some((1_800, true, false))),
            Row("k: timer\r\nMin-SE: 3600\r\n", Asked::Able { seconds: 3_600 }, Some((3_600, true, false))),
            Row("k: timer\r\nMin-SE: 90\r\n", Asked::Able { seconds: 1_800 }, Some((1_800, true, false))),
            Row("Supported: timer\r\nSession-Expires: 600\r\n", interval(600, None, true), Some((600, false, true))),
            Row("k: timer\r\nx: 600;refresher=uas\r\n", interval(600, Some(Uas), true), Some((600, true, false))),
            Row("k: timer\r\nx: 600;refresher=uac\r\n", interval(600, Some(Uac), true), Some((600, false, true))),
            Row("Session-Expires: 600\r\n", interval(600, None, false), Some((600, true, false))),
            Row("Session-Expires: 60\r\n", interval(90, None, false), Some((90, true, false))),
            Row("k: timer\r\nx: 60\r\n", Asked::TooSmall, None),
        ];
        for Row(headers, expected, session) in rows {
            let request = request("INVITE", "sip:9000@h", "<sip:9000@h>", headers);
            let asked = asked(&request.headers);
            assert_eq!(asked, expected, "{headers}");
            // seconds, we refresh, the answer requires the timer
            let accepted = accept(&asked, Time(0));
            let found = accepted.map(|s| (s.seconds, s.ours, s.role == Uac && s.able));
            assert_eq!(found, session, "{headers}");
        }
    }

    #[test]
    fn who_refreshes_does_at_half_time_and_who_waits_gives_up_before_the_end() {
        let second = |s| Time(0) + Span::seconds(s);
        let mut ours = Session::new(600, Refresher::Uas, true, true, Time(0));
        assert_eq!(
            (ours.deadline(), ours.due(second(299)), ours.due(second(300))),
            (second(300), None, Some(Due::Refresh))
        );
        assert_eq!((ours.deadline(), ours.due(second(568))), (second(568), Some(Due::End)));
        let mut theirs = Session::new(90, Refresher::Uac, false, true, Time(0));
        assert_eq!(
            (theirs.deadline(), theirs.due(second(59)), theirs.due(second(60))),
            (second(60), None, Some(Due::End))
        );
    }
}
