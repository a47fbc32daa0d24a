//! Times as clients write them: RFC 3339 section 5.6, `2026-11-21T08:00:00Z` or with an offset.

use super::Problem;
use crate::base::Utc;

/// # Errors
/// 400 naming the field.
pub fn read(field: &str, text: &str) -> Result<Utc, Problem> {
    parse(text).ok_or_else(|| {
        Problem::field(
            field,
            format!("`{field}` is a time as `2026-11-21T08:00:00Z` (a `+` in a query is written `%2B`)"),
        )
    })
}

fn parse(text: &str) -> Option<Utc> {
    let bytes = text.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if !text.is_ascii() || !marks.iter().all(|(at, mark)| bytes.get(*at).map(u8::to_ascii_uppercase) == Some(*mark)) {
        return None;
    }
    let (year, month, day) = (number(&text[..4])?, number(&text[5..7])?, number(&text[8..10])?);
    let (hour, minute, second) = (number(&text[11..13])?, number(&text[14..16])?, number(text.get(17..19)?)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    // A leap second is shown as the second before it is over.
    if day < 1 || day > days || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (micros, zone) = fraction(&text[19..])?;
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset(zone)?) * 60 + second.min(59);
    Some(Utc(seconds * 1_000_000 + micros))
}

fn number(digits: &str) -> Option<i64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Microseconds, and what follows them.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(rest) = text.strip_prefix('.') else { return Some((0, text)) };
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits == 0 {
        return None;
    }
    let micros = format!("{:0<6.6}", &rest[..digits]);
    Some((number(&micros)?, &rest[digits..]))
}

/// Minutes east of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

/// Proleptic Gregorian, counted in years that begin in March.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (month * 153 + 2) / 5 + day
        - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_they_are_written() {
        let rows = [
            ("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00.000Z")),
            ("2026-11-21T08:30:15.25Z", Some("2026-11-21T08:30:15.250Z")),
            ("2026-11-21T08:30:15.1234567+08:00", Some("2026-11-21T00:30:15.123Z")),
            ("2024-02-29t23:59:59z", Some("2024-02-29T23:59:59.000Z")),
            ("2026-01-01T00:00:00-00:30", Some("2026-01-01T00:30:00.000Z")),
            ("2016-12-31T23:59:60Z", Some("2016-12-31T23:59:59.000Z")),
            ("2023-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-11-21", None),
            ("2026-11-21T08:00:00", None),
            ("2026-11-21T08:00:00 08:00", None),
            ("2026-11-21T24:00:00Z", None),
            ("2026-11-21T08:00:00.Z", None),
            ("\u{ff12}026-11-21T08:00:00Z", None),
            ("2026-11-21T0x:00:00Z", None),
        ];
        for (text, shown) in rows {
            assert_eq!(parse(text).map(Utc::rfc3339).as_deref(), shown, "{text}");
        }
    }
}
