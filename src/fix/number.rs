//! Numbers and times as sops (go-yaml v3, Go's JSON) reads them, compared by value and never by way of rounding.

use crate::syntax::Format;

/// A number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// A whole one that sops holds.
    Int(i64),
    /// One with a fraction, an exponent or a tag: its digits, and what remains of them.
    Float { digits: Decimal, held: Decimal },
    /// `.inf`, `-.inf` and `.nan`, by their first letters.
    Special(&'static str),
    /// A whole one beyond what sops holds, or one that begins with a zero: octal to some, decimal to others.
    Other(Decimal),
}

/// Sign, digits without zeros at either end, and the power of ten of the last digit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    minus: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn read(text: &str) -> Option<Self> {
        let (minus, body) = signed(text);
        let (mantissa, exponent) = match body.find(['e', 'E']) {
            Some(at) => (&body[..at], body[at + 1..].parse::<i64>().ok()?),
            None => (body, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [whole, fraction].concat();
        if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let cut = all.trim_end_matches('0');
        let digits = cut.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self {
                minus,
                digits,
                exponent: 0,
            });
        }
        let zeros = i64::try_from(all.len() - cut.len()).ok()?;
        let places = i64::try_from(fraction.len()).ok()?;
        Some(Self {
            minus,
            digits,
            exponent: exponent.checked_sub(places)?.checked_add(zeros)?,
        })
    }
}

fn signed(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

/// Reads a number in any of YAML's forms, JSON's among them.
pub(super) fn read(text: &str) -> Option<Number> {
    let plain = text.replace('_', "");
    let (minus, body) = signed(&plain);
    match body {
        ".inf" | ".Inf" | ".INF" => return Some(Number::Special(if minus { "-I" } else { "+I" })),
        ".nan" | ".NaN" | ".NAN" => return Some(Number::Special("Na")),
        _ => {}
    }
    let radix = match body.get(..2) {
        Some("0x" | "0X") => 16,
        Some("0o" | "0O") => 8,
        Some("0b" | "0B") => 2,
        _ => 10,
    };
    if radix != 10 {
        let n = i128::from_str_radix(&body[2..], radix).ok()?;
        let n = if minus { -n } else { n };
        return Some(match i64::try_from(n) {
            Ok(n) => Number::Int(n),
            Err(_) => Number::Other(Decimal::read(&n.to_string())?),
        });
    }
    let digits = Decimal::read(&plain)?;
    if body.bytes().all(|b| b.is_ascii_digit()) {
        let octal = body.len() > 1 && body.starts_with('0');
        return Some(match plain.parse::<i64>() {
            Ok(n) if !octal => Number::Int(n),
            _ => Number::Other(digits),
        });
    }
    let value: f64 = plain.parse().ok()?;
    let held = Decimal::read(&format!("{value:e}"))?;
    Some(Number::Float { digits, held })
}

impl Number {
    /// Whether sops gives the same number back.
    pub(super) fn is_kept(&self) -> bool {
        match self {
            Self::Int(_) | Self::Special(_) => true,
            // The MAC of a file with a readable minus zero does not hold.
            Self::Float { digits, held } => {
                digits == held && !(digits.minus && digits.digits.is_empty())
            }
            Self::Other(_) => false,
        }
    }

    /// How long the text is that sops encrypts.
    pub(super) fn length(&self, text: &str) -> Option<usize> {
        match self {
            Self::Int(n) => Some(n.to_string().len()),
            Self::Float { .. } => {
                let value: f64 = text.replace('_', "").parse().ok()?;
                Some(value.to_string().len())
            }
            Self::Special("Na") => Some("NaN".len()),
            Self::Special(_) => Some("+Inf".len()),
            Self::Other(_) => None,
        }
    }

    /// Whether sops writes it as it stands.
    pub(super) fn is_spelled_as_sops(&self, text: &str, format: Format) -> bool {
        match self {
            Self::Int(n) => n.to_string() == text,
            Self::Special(_) => matches!(text, ".inf" | "-.inf" | ".nan"),
            Self::Float { .. } => {
                let range = match format {
                    Format::Json => 1e-6..1e21,
                    _ => 1e-4..1e6,
                };
                text.parse::<f64>()
                    .is_ok_and(|value| range.contains(&value.abs()) && value.to_string() == text)
            }
            Self::Other(_) => false,
        }
    }

    /// Whether two are the same number, whatever their form.
    pub(super) fn same(one: &Self, other: &Self) -> bool {
        match (one, other) {
            (Self::Special(a), Self::Special(b)) => a == b,
            (Self::Special(_), _) | (_, Self::Special(_)) => false,
            (a, b) => match (a.decimal(), b.decimal()) {
                (Some(a), Some(b)) => a == b,
                _ => false,
            },
        }
    }

    fn decimal(&self) -> Option<Decimal> {
        match self {
            Self::Int(n) => Decimal::read(&n.to_string()),
            Self::Float { digits, .. } | Self::Other(digits) => Some(digits.clone()),
            Self::Special(_) => None,
        }
    }
}

/// Seconds since 1970 and the fraction's digits, of a date or time as go-yaml reads them; `None`: it is text to it.
pub(super) fn instant(text: &str) -> Option<(i64, String)> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some((&text[at..=at], &text[at + 1..]))),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let (y, m, d) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = (small(y, 4)?, small(m, 2)?, small(d, 2)?);
    if parts.next().is_some() || y.len() != 4 || !(1..=12).contains(&month) {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=last).contains(&day) {
        return None;
    }
    let midnight = days(year, month, day) * 86_400;
    let Some((mark, time)) = time else {
        return Some((midnight, String::new()));
    };
    let zone = time.find(['Z', '+', '-']);
    // A zone behind a blank is not understood by go-yaml, and none behind a `T` is not, either.
    if (mark == " ") == zone.is_some() {
        return None;
    }
    let (clock, zone) = time.split_at(zone.unwrap_or(time.len()));
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':');
    let (h, min, s) = (parts.next()?, parts.next()?, parts.next()?);
    let (h, min, s) = (small(h, 2)?, small(min, 2)?, small(s, 2)?);
    let digits = fraction.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || h > 23 || min > 59 || s > 59 || !digits {
        return None;
    }
    let offset = match zone.as_bytes() {
        [] | [b'Z'] => 0,
        [sign, ..] => {
            let (hours, minutes) = zone[1..].split_once(':')?;
            let seconds = (small(hours, 2)? * 60 + small(minutes, 2)?) * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
    };
    let seconds = midnight + h * 3_600 + min * 60 + s - offset;
    Some((seconds, fraction.trim_end_matches('0').to_owned()))
}

fn small(text: &str, most: usize) -> Option<i64> {
    let fine = !text.is_empty() && text.len() <= most && text.bytes().all(|b| b.is_ascii_digit());
    fine.then(|| text.parse().ok()).flatten()
}

/// Days since 1970-01-01 of the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_sops_keeps() {
        for text in [
            "0",
            "-1",
            "+1",
            "0x1F",
            "-0x1F",
            "0o17",
            "0b101",
            "1_000",
            "9223372036854775807",
            "-9223372036854775808",
            ".5",
            "5.",
            "1e3",
            "1.10",
            "0.1",
            "-.inf",
            ".nan",
            "1e22",
            "1.7976931348623157e308",
            "5e-324",
        ] {
            assert!(read(text).is_some_and(|n| n.is_kept()), "{text}");
        }
    }

    #[test]
    fn numbers_that_sops_changes() {
        for text in [
            "9223372036854775808",
            "-9223372036854775809",
            "12345678901234567890123",
            "0123456",
            "089",
            "0xffffffffffffffff",
            "0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF",
            "0.1234567890123456789",
            "1e400",
            "1e-400",
            "-0.0",
            "4.9e-324",
            "9007199254740993.0",
        ] {
            assert!(!read(text).is_some_and(|n| n.is_kept()), "{text}");
        }
    }

    #[test]
    fn numbers_are_compared_by_value() {
        let same = |a: &str, b: &str| {
            let n = |t: &str| read(t).unwrap();
            Number::same(&n(a), &n(b))
        };
        assert!(same("0x1F", "31") && same("1.0", "1") && same("1e3", "1000"));
        assert!(same("123456789.0", "1.23456789e+08") && same("-0", "0"));
        assert!(!same("0x1F", "77") && !same("1", "-1") && !same(".inf", "-.inf"));
        assert!(!same("9007199254740993", "9007199254740992"));
    }

    #[test]
    fn times_are_compared_by_instant() {
        let at = |text: &str| instant(text).unwrap();
        assert_eq!(at("1970-01-01"), (0, String::new()));
        assert_eq!(at("2024-1-1"), at("2024-01-01T00:00:00Z"));
        assert_eq!(at("2024-05-06 07:08:09.50"), at("2024-05-06T07:08:09.5Z"));
        assert_eq!(at("2024-05-06T09:08:09+02:00"), at("2024-05-06T07:08:09Z"));
        assert_ne!(at("2024-01-01"), at("2034-09-09"));
        for text in [
            "2024-02-30",
            "2024-05-06T07:08:09",
            "2024-05-06 07:08:09 +02:00",
        ] {
            assert_eq!(instant(text), None);
        }
    }
}
