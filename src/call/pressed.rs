//! One key press that is told twice: some phones and gateways say a digit by RFC 4733 and by INFO as well.
//! Owns which digits of a leg still wait for their twin. In: a digit, how it came, when. Out: whether it is news.

use std::collections::VecDeque;

use crate::base::bounds::DIGITS_HELD;
use crate::base::{Span, Time};
use crate::event::words::DigitPath;

/// The other way of telling is this late at most.
const TWIN_WITHIN: Span = Span::seconds(2);

#[derive(Clone, Debug, Default)]
pub(super) struct Pressed {
    waiting: VecDeque<(char, DigitPath, Time)>,
    by_info: bool,
}

impl Pressed {
    /// False: it was told before in the other way. Each digit has one twin, so a key that is pressed twice counts twice.
    pub fn is_news(&mut self, digit: char, path: DigitPath, t: Time) -> bool {
        self.by_info |= path == DigitPath::Info;
        while self.waiting.front().is_some_and(|(.., at)| t.since(*at) > TWIN_WITHIN)
            || self.waiting.len() >= DIGITS_HELD
        {
            self.waiting.pop_front();
        }
        let twin = self.waiting.iter().position(|(told, by, _)| *told == digit && *by != path);
        let is_news = twin.and_then(|at| self.waiting.remove(at)).is_none();
        if is_news {
            self.waiting.push_back((digit, path, t));
        }
        is_news
    }

    /// Some digit came by INFO: this far end says its keys so, whatever its SDP does not say.
    pub fn came_by_info(&self) -> bool {
        self.by_info
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DigitPath::{Info, Rtp};

    /// When in ms, what, how it came, and whether it is news.
    type Step = (i64, char, DigitPath, bool);

    #[test]
    fn a_digit_told_in_two_ways_counts_once() {
        let rows: [(&str, &[Step]); 4] = [
            ("one way", &[(0, '1', Rtp, true), (100, '1', Rtp, true), (200, '2', Rtp, true)]),
            (
                "both ways, one key twice",
                &[(0, '1', Rtp, true), (50, '1', Info, false), (300, '1', Info, true), (310, '1', Rtp, false)],
            ),
            ("a burst", &[(0, '1', Rtp, true), (10, '2', Rtp, true), (500, '1', Info, false), (510, '2', Info, false)]),
            ("much later it is another press", &[(0, '5', Rtp, true), (2_001, '5', Info, true)]),
        ];
        for (name, steps) in rows {
            let mut pressed = Pressed::default();
            for &(ms, digit, path, expected) in steps {
                assert_eq!(pressed.is_news(digit, path, Time(ms * 1_000)), expected, "{name} at {ms} ms");
            }
        }
    }

    #[test]
    fn a_flood_is_bounded() {
        let mut pressed = Pressed::default();
        assert!((0..1_000).all(|_| pressed.is_news('1', Rtp, Time(0))));
        assert!(pressed.waiting.len() <= DIGITS_HELD);
    }
}
