//! The words of a scenario, and what plays one. A scenario is a table of times, acts and what must be seen; it names no
//! machine and no message, so that the same table can run here and through the real binary.

use cordboard::base::Span;
use cordboard::event::words::{Display, Disposition, OfferEnding, Side};

/// Somebody: a phone by its name, or a caller at the carrier by any other word.
pub type Who = &'static str;

#[derive(Clone, Copy, Debug)]
pub enum Act {
    Nothing,
    /// From the carrier or a phone.
    Calls(Who, &'static str),
    Presses(Who, char),
    /// By SIP INFO.
    Informs(Who, char),
    HangsUp(Who),
    Answers(Who),
    Rejects(Who, u16),
    Holds(Who),
    Retrieves(Who),
    /// Power is lost, and is back.
    Vanishes(Who),
    ComesBack(Who),
    /// Registers with this password.
    Registers(Who, &'static str),
    SignsIn(Who),
    SignsOut(Who),
    GetsReady(Who),
    GetsNotReady(Who),
    /// Command id, number, flow.
    Orders(&'static str, &'static str, &'static str),
    /// The command ends everything that runs.
    EndsAll,
    Crash,
    Drain,
    /// The drain's limit.
    DrainEnds,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expect {
    /// A caller's call rings at the far end (180 or 183).
    HearsRinging(Who),
    /// A phone rings.
    Rings(Who),
    /// A call is up on both sides.
    Talks(Who),
    /// It has no call.
    IsIdle(Who),
    /// Its last call ended with this final response.
    Gets(Who, u16),
    GetsBye(Who),
    GetsCancel(Who),
    /// The last REGISTER's final answer.
    RegisterGets(Who, u16),
    Shows(Who, Display),
    /// The last answer to this command id.
    Accepted(&'static str),
    TurnsDown(&'static str),
    /// Contacts that live now.
    Contacts(usize),
    /// The record of a caller's last contact.
    Record(Who, Disposition, Side, &'static [OfferEnding]),
    /// There are so many records, and all have ended.
    Records(usize),
    /// The digits in the record.
    Digits(Who, &'static str),
}

pub struct Row {
    pub at: Span,
    pub act: Act,
    /// Each must come true before the next row's time.
    pub sees: &'static [Expect],
}

pub const fn at(ms: i64, act: Act, sees: &'static [Expect]) -> Row {
    Row { at: Span::millis(ms), act, sees }
}

pub struct Scenario {
    pub name: &'static str,
    pub rows: &'static [Row],
}

/// What a scenario runs on.
pub trait Stage {
    fn act(&mut self, act: Act);
    /// Time goes on, at most to `until`. `true`: it is there.
    fn advance(&mut self, until: Span) -> bool;
    fn holds(&mut self, expect: &Expect) -> bool;
    /// What is really there, for a failure.
    fn tell(&self) -> String;
    fn finish(self);
}

/// How long the last row may take.
const LAST: Span = Span::minutes(3);

pub fn play(scenario: &Scenario, mut stage: impl Stage) {
    for (n, row) in scenario.rows.iter().enumerate() {
        while !stage.advance(row.at) {}
        stage.act(row.act);
        let until = scenario.rows.get(n + 1).map_or(row.at + LAST, |next| next.at);
        let mut missing: Vec<&Expect> = row.sees.iter().collect();
        loop {
            missing.retain(|expect| !stage.holds(expect));
            if missing.is_empty() || stage.advance(until) {
                break;
            }
        }
        missing.retain(|expect| !stage.holds(expect));
        assert!(
            missing.is_empty(),
            "{}: at {} after {:?}, not seen by {until}: {missing:?}\n{}",
            scenario.name,
            row.at,
            row.act,
            stage.tell()
        );
    }
    stage.finish();
}
