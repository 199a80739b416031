//! Days of the civil calendar, and moments as dates and times. Which day is today is told from outside.

use std::fmt;

use super::Moment;
use super::safe::Shown;

/// A day, in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// A day of the years 0 to 9999; `None` for days that do not exist.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let exists =
            year <= 9999 && (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
        exists.then_some(Self { year, month, day })
    }

    /// From `YYYY-MM-DD`; `None` for anything else and for days that do not exist.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| -> Option<u16> {
            bytes[range].iter().try_fold(0u16, |n, b| {
                b.is_ascii_digit().then(|| n * 10 + u16::from(b - b'0'))
            })
        };
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
        Self::new(year, month as u8, day as u8)
    }

    /// The day of a moment, in seconds since 1970. Moments after the year 9999 give its last day.
    pub fn of_unix(seconds: u64) -> Self {
        Moment(i64::try_from(seconds).unwrap_or(i64::MAX)).date()
    }

    /// The year.
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, from 1.
    pub fn month(self) -> u8 {
        self.month
    }

    /// The moment at which it begins.
    pub fn start(self) -> Moment {
        let whole = i64::from(self.year) / CYCLE.0 * CYCLE.1;
        let years = self.year - self.year % 400..self.year;
        let months = 1..self.month;
        let days = whole
            + years
                .map(|y| if is_leap(y) { 366 } else { 365 })
                .sum::<i64>()
            + months
                .map(|m| i64::from(days_of(self.year, m)))
                .sum::<i64>()
            + i64::from(self.day)
            - 1;
        Moment((days - BEFORE_1970) * DAY)
    }
}

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Days from the first of January of the year 0 to that of 1970.
const BEFORE_1970: i64 = 719_528;
/// The calendar repeats itself: years, and their days.
const CYCLE: (i64, i64) = (400, 146_097);

impl Moment {
    /// Brought into the years 0 to 9999, the only ones that can be written: a committer's clock says anything.
    fn bounded(self) -> i64 {
        self.0.clamp(-BEFORE_1970 * DAY, 253_402_300_799)
    }

    /// Its day, in UTC.
    pub fn date(self) -> Date {
        let days = self.bounded().div_euclid(DAY) + BEFORE_1970;
        let mut year = (days / CYCLE.1 * CYCLE.0) as u16;
        let mut days = days % CYCLE.1;
        loop {
            let length = if is_leap(year) { 366 } else { 365 };
            if days < length {
                break;
            }
            days -= length;
            year += 1;
        }
        let mut month = 1u8;
        while days >= i64::from(days_of(year, month)) {
            days -= i64::from(days_of(year, month));
            month += 1;
        }
        Date {
            year,
            month,
            day: days as u8 + 1,
        }
    }
}

/// As RFC 3339 writes it, in UTC: `2024-05-01T12:00:00Z`.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.bounded().rem_euclid(DAY);
        let (hour, minute) = (second / 3600, second / 60 % 60);
        write!(
            f,
            "{}T{hour:02}:{minute:02}:{:02}Z",
            self.date(),
            second % 60
        )
    }
}

/// Days of a month, from 1.
fn days_of(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Shown for Date {
    fn show(&self, out: &mut String) {
        out.push_str(&self.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_that_exist_are_dates() {
        for day in ["2026-01-31", "2024-02-29", "2000-02-29", "0001-01-01"] {
            assert_eq!(
                Date::parse(day).map(|d| d.to_string()).as_deref(),
                Some(day)
            );
        }
        for text in [
            "2026-02-29",
            "1900-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-04-31",
            "2026-4-3",
            "20260403",
            "2026-04-0a",
            "+026-04-01",
            "",
            "2026-04-010",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }

    #[test]
    fn moments_become_days() {
        for (seconds, day) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (86_400, "1970-01-02"),
            (951_782_400, "2000-02-29"),
            (1_790_000_000, "2026-09-21"),
            (4_102_444_799, "2099-12-31"),
            (u64::MAX, "9999-12-31"),
        ] {
            assert_eq!(Date::of_unix(seconds).to_string(), day);
        }
    }

    #[test]
    fn moments_of_any_clock_can_be_written() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (1_714_564_800, "2024-05-01T12:00:00Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
            (-62_167_219_201, "0000-01-01T00:00:00Z"),
            (i64::MIN, "0000-01-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (i64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(Moment(seconds).to_string(), text);
        }
    }

    #[test]
    fn days_begin_when_they_should() {
        for seconds in (-62_167_219_200..253_402_300_799).step_by(86_400 * 1_009 + 7) {
            let moment = Moment(seconds);
            let start = moment.date().start();
            assert_eq!(start.date(), moment.date());
            assert!((0..86_400).contains(&(moment.0 - start.0)), "{moment}");
        }
        assert_eq!(Date::new(2023, 2, 29), None);
    }
}
