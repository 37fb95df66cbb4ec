//! What the options of `serve` take, as people type it. Text to values; and the words for the
//! choices of modules that know no command line.

use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::outbound::Pace;
use crate::reactor::Rate;
use crate::services::room::{self, Notices};
use crate::units::{parse_size, parse_timeout, whole};
use crate::wire::Framing;

/// A pasted paragraph is no flood.
const LEAST_BURST: u32 = 8;

/// A time limit, or `off`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeout(pub(super) Option<Duration>);

impl FromStr for Timeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_timeout(text).map(Self)
    }
}

impl ValueEnum for Framing {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::Line, Self::Raw]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Self::Auto => Some("auto".into()),
            Self::Line => Some("line".into()),
            Self::Raw => Some("raw".into()),
            // What the other services read.
            Self::Chunk | Self::Text => None,
        }
    }
}

impl ValueEnum for Notices {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::On, Self::Off]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Auto => "auto".into(),
            Self::On => "on".into(),
            Self::Off => "off".into(),
        })
    }
}

impl ValueEnum for Pace {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::Off]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Auto => "auto".into(),
            Self::Off => "off".into(),
        })
    }
}

/// A size as people type it, in bytes where no suffix fits.
pub(super) fn as_typed(bytes: usize) -> String {
    let units = [(1 << 30, 'g'), (1 << 20, 'm'), (1 << 10, 'k')];
    let fits = |(unit, _): &(usize, char)| bytes >= *unit && bytes.is_multiple_of(*unit);
    match units.into_iter().find(fits) {
        Some((unit, suffix)) => format!("{}{suffix}", bytes / unit),
        None => bytes.to_string(),
    }
}

/// `N/s`, `N/s:BURST` or a bare `N`.
pub(super) fn parse_rate(text: &str) -> Result<Rate, String> {
    let (rate, burst) = match text.split_once(':') {
        Some((rate, burst)) => (rate, Some(burst)),
        None => (text, None),
    };
    let count = whole(1..=1_000_000);
    let per_s = count(rate.strip_suffix("/s").unwrap_or(rate))?;
    let burst = burst.map_or(Ok(LEAST_BURST.max(per_s)), count)?;
    Ok(Rate { per_s, burst })
}

/// `SCHEME://HOST[:PORT]`, as a browser writes it.
pub(super) fn parse_origin(text: &str) -> Result<String, String> {
    let origin = text.strip_suffix('/').unwrap_or(text);
    let host = origin
        .strip_prefix("https://")
        .or(origin.strip_prefix("http://"));
    let is_host = |host: &str| {
        let is_bad = |c: char| c.is_whitespace() || c.is_control() || "/?#@*".contains(c);
        !host.is_empty() && !host.contains(is_bad)
    };
    match host {
        Some(host) if is_host(host) => Ok(origin.to_owned()),
        _ => Err("an origin is like https://example.org or http://localhost:8080".to_owned()),
    }
}

pub(super) fn parse_message_size(text: &str) -> Result<usize, String> {
    match parse_size(text)? {
        0 => Err("at least 1".to_owned()),
        bytes if bytes > 16 << 20 => Err("at most 16m".to_owned()),
        bytes => Ok(bytes),
    }
}

/// The name of a room.
pub(super) fn parse_room(text: &str) -> Result<String, String> {
    match room::is_room_name(text) {
        true => Ok(text.to_owned()),
        false => {
            Err("a room is named with letters, digits, _ and -, in at most 32 bytes".to_owned())
        }
    }
}
