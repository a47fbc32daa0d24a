//! Time on the house's own axis, and the wall clock beside it.
//! Rules and durations use [`Time`]; [`Utc`] serves opening hours, retention and what people read.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};

use serde::{Deserialize, Serialize};

/// A point on the house's axis: microseconds since 2020-01-01T00:00:00Z as the house counts them.
/// It only ever advances, also over a restart, so it can be stored and compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

/// A length of time in microseconds. The only length inside; milliseconds exist in files and JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub i64);

/// The wall clock: microseconds since 1970-01-01T00:00:00Z. It can jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Utc(pub i64);

/// Read once per wake-up by the driver and handed to the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub t: Time,
    pub wall: Utc,
}

/// Seconds from 1970-01-01 to 2020-01-01, the origin of [`Time`].
const HOUSE_EPOCH_UNIX_SECONDS: i64 = 1_577_836_800;

impl Time {
    /// Where the axis stands when it is set from the wall clock.
    pub fn from_wall(wall: Utc) -> Self {
        Self(wall.0 - HOUSE_EPOCH_UNIX_SECONDS * 1_000_000)
    }

    /// Whole seconds since the origin.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    pub fn since(self, earlier: Self) -> Span {
        self - earlier
    }
}

impl Span {
    pub const ZERO: Self = Self(0);

    pub const fn micros(n: i64) -> Self {
        Self(n)
    }

    pub const fn millis(n: i64) -> Self {
        Self(n * 1_000)
    }

    pub const fn seconds(n: i64) -> Self {
        Self(n * 1_000_000)
    }

    pub const fn minutes(n: i64) -> Self {
        Self(n * 60_000_000)
    }

    pub const fn hours(n: i64) -> Self {
        Self(n * 3_600_000_000)
    }

    pub const fn as_micros(self) -> i64 {
        self.0
    }

    pub const fn as_millis(self) -> i64 {
        self.0 / 1_000
    }

    pub const fn as_seconds(self) -> i64 {
        self.0 / 1_000_000
    }

    /// For a driver's `sleep`: never negative.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(self.0).unwrap_or(0))
    }

    /// Reads what files say: `500ms`, `20s`, `10m`, `4h`, `7d`; a bare number is refused because its unit would be a guess.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: i64 = text[..digits].parse().ok()?;
        let unit = match &text[digits..] {
            "ms" => Self::millis(1),
            "s" => Self::seconds(1),
            "m" => Self::minutes(1),
            "h" => Self::hours(1),
            "d" => Self::hours(24),
            _ => return None,
        };
        number.checked_mul(unit.0).map(Self)
    }
}

/// As files write it, in the largest unit that divides it; the inverse of [`Span::parse`] for whole milliseconds.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in [(Self::hours(1), "h"), (Self::minutes(1), "m"), (Self::seconds(1), "s")] {
            if self.0 != 0 && self.0 % unit.0 == 0 {
                return write!(f, "{}{name}", self.0 / unit.0);
            }
        }
        write!(f, "{}ms", self.as_millis())
    }
}

impl Utc {
    /// Calendar fields (year, month, day, hour, minute, second) in UTC.
    pub fn civil(self) -> (i64, u8, u8, u8, u8, u8) {
        let seconds = self.0.div_euclid(1_000_000);
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        (year, month, day, (rest / 3_600) as u8, (rest / 60 % 60) as u8, (rest % 60) as u8)
    }

    /// The UTC day as `2026-11-21`: the name of a day's files.
    pub fn day(self) -> String {
        let (year, month, day, ..) = self.civil();
        format!("{year:04}-{month:02}-{day:02}")
    }

    pub fn rfc3339(self) -> String {
        let (year, month, day, hour, minute, second) = self.civil();
        let millis = self.0.div_euclid(1_000).rem_euclid(1_000);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

/// Days since 1970-01-01 to a proleptic Gregorian date, by eras of 400 years.
fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u8;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u8;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

impl Add<Span> for Time {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Span> for Time {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Sub for Time {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Span {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Mul<i64> for Span {
    type Output = Self;
    fn mul(self, factor: i64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl Add<Span> for Utc {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub for Utc {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_what_they_write() {
        for text in ["500ms", "20s", "10m", "4h", "0ms"] {
            assert_eq!(Span::parse(text).map(|s| s.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Span::parse("7d"), Some(Span::hours(168)));
        for bad in ["", "20", "s", "-1s", "1.5s", "20 s", "99999999999999999h"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_wall_clock_knows_the_calendar() {
        assert_eq!(Utc(1_577_836_800_000_000).rfc3339(), "2020-01-01T00:00:00.000Z");
        assert_eq!(Utc(1_709_164_800_000_000).day(), "2024-02-29");
        assert_eq!(Utc(-1_000).rfc3339(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Time::from_wall(Utc(1_577_836_801_000_000)), Time(1_000_000));
    }
}
