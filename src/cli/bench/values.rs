//! How the values of `bench`'s options are read. Text in, a value or what is wrong with it out.

use crate::bench::config;
use crate::units;

/// Messages a second at most.
const RATE_MAX: f64 = 1e8;

/// Messages a second: more than none, also less than one.
pub(super) fn rate(text: &str) -> Result<f64, String> {
    let digits = text.strip_suffix("/s").unwrap_or(text);
    match digits.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= RATE_MAX => Ok(rate),
        Ok(_) => Err(format!("a rate is more than 0 and at most {RATE_MAX}")),
        Err(_) => Err(format!("'{digits}' is not a number")),
    }
}

pub(super) fn profile(text: &str) -> Result<[f64; 2], String> {
    let ends = text
        .strip_suffix("/s")
        .and_then(|text| text.split_once(".."));
    let (from, to) = ends.ok_or("a profile is FROM..TO/s, as in 100..5000/s")?;
    Ok([rate(from)?, rate(to)?])
}

/// `pidof` names several where several run.
pub(super) fn process(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err(format!("'{text}' is not one process id")),
        Ok(pid) => Ok(pid),
    }
}

pub(super) fn size(text: &str) -> Result<usize, String> {
    let bytes = units::parse_size(text)?;
    let (min, max) = (config::SIZE_BYTES_MIN, config::SIZE_BYTES_MAX);
    if bytes < min {
        return Err(format!(
            "the smallest is {min}: a message carries its sender, number, due time and checksum"
        ));
    }
    if bytes > max {
        return Err(format!("the largest is {max}"));
    }
    Ok(bytes)
}

/// `\r`, `\n`, `\t` and `\\` as in most languages; other backslashes are an error.
pub(super) fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        plain.push(match chars.next() {
            Some('r') => '\r',
            Some('n') => '\n',
            Some('t') => '\t',
            Some('\\') => '\\',
            _ => return Err("a backslash goes before r, n, t or a backslash".to_owned()),
        });
    }
    Ok(plain)
}

/// `yes` or `no`.
pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("not yes or no".to_owned()),
    }
}
