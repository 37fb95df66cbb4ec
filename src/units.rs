//! Numbers, sizes and durations as people type them. Pure text to number; no option is known here.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Reads a whole number within `range`.
///
/// # Errors
/// Says what is wrong with `text`; or what is the least, or the most.
pub fn parse_number<T: TryFrom<u64>>(text: &str, range: &RangeInclusive<u64>) -> Result<T, String> {
    let number = match whole_number(text)? {
        Some(number) if number < *range.start() => {
            return Err(format!("at least {}", range.start()));
        }
        number => number.filter(|number| range.contains(number)),
    };
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| match *range.end() {
            u64::MAX => TOO_MUCH.to_owned(),
            most => format!("at most {most}"),
        })
}

/// [`parse_number`] for an option.
pub fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| parse_number(text, &range)
}

/// Reads a size in bytes: a whole number with an optional suffix `k`, `m` or `g` (1024-based,
/// either case).
///
/// # Errors
/// Says what is wrong with `text`; it must be a number, and fit.
pub fn parse_size(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, suffix)) if suffix.is_ascii_alphabetic() => {
            let unit = match suffix.to_ascii_lowercase() {
                'k' => 1024,
                'm' => 1024 * 1024,
                'g' => 1024 * 1024 * 1024,
                _ => return Err(format!("the suffix '{suffix}' is none of k, m, g")),
            };
            (&text[..at], unit)
        }
        _ => (text, 1),
    };
    whole_number(digits)?
        .and_then(|number| number.checked_mul(unit))
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| TOO_MUCH.to_owned())
}

/// Reads a duration: a number with a suffix `ms`, `s`, `m` or `h`; decimals are allowed
/// (`1.5s`), and a bare `0` needs no suffix.
///
/// # Errors
/// Says what is wrong with `text`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .ok_or("a unit is missing: ms, s, m or h")?;
    let (digits, suffix) = text.split_at(split);
    let unit_s = match suffix {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("the unit '{suffix}' is none of ms, s, m, h")),
    };
    let number: f64 = digits
        .parse()
        .map_err(|_| format!("'{digits}' is not a number"))?;
    Duration::try_from_secs_f64(number * unit_s)
        .ok()
        .filter(|d| *d <= LONGEST)
        .ok_or_else(|| "that is longer than a year".to_owned())
}

/// Reads a duration that may be `off`.
///
/// # Errors
/// As [`parse_duration`].
pub fn parse_timeout(text: &str) -> Result<Option<Duration>, String> {
    match text {
        "off" | "none" => Ok(None),
        _ => parse_duration(text).map(|d| (!d.is_zero()).then_some(d)),
    }
}

/// Longer waits are typing errors, and added to an `Instant` they could overflow it.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

const TOO_MUCH: &str = "that is more than this machine can count";

/// None if it is more than fits.
fn whole_number(digits: &str) -> Result<Option<u64>, String> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("'{digits}' is not a whole number"));
    }
    // Of digits alone nothing else can be wrong.
    Ok(digits.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let small = |text| parse_number::<u16>(text, &(1..=100));
        assert_eq!(small("1"), Ok(1));
        assert_eq!(small("0100"), Ok(100));
        for (text, why) in [
            ("0", "at least 1"),
            ("101", "at most 100"),
            ("99999999999999999999", "at most 100"),
            ("", "'' is not a whole number"),
            ("1k", "'1k' is not a whole number"),
            ("-1", "'-1' is not a whole number"),
        ] {
            assert_eq!(small(text), Err(why.to_owned()), "{text}");
        }
        let any = |text| parse_number::<u64>(text, &(0..=u64::MAX));
        assert_eq!(any("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(any("18446744073709551616"), Err(TOO_MUCH.to_owned()));
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("0"), Ok(0));
        assert_eq!(parse_size("1024"), Ok(1024));
        assert_eq!(parse_size("64k"), Ok(64 * 1024));
        assert_eq!(parse_size("16M"), Ok(16 << 20));
        assert_eq!(parse_size("1g"), Ok(1 << 30));
        for bad in [
            "",
            "k",
            "-1",
            "+1",
            "1.5k",
            "1kb",
            "1 k",
            "99999999999999999999",
            "99999999999g",
        ] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("0"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_duration("1h"), Ok(Duration::from_secs(3600)));
        for bad in [
            "", "5", "s", "-1s", "1d", "1..2s", "1e9s", "9999999h", "1 s",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_timeout_may_be_off() {
        assert_eq!(parse_timeout("off"), Ok(None));
        assert_eq!(parse_timeout("0"), Ok(None));
        assert_eq!(parse_timeout("30s"), Ok(Some(Duration::from_secs(30))));
    }
}
