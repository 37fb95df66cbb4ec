//! Readings of the monotonic clock for another process: as nanoseconds of the system's own clock,
//! which all processes share. Within one process they come back unchanged.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// One moment, on both clocks.
fn base() -> (Instant, i64) {
    static BASE: OnceLock<(Instant, i64)> = OnceLock::new();
    *BASE.get_or_init(|| {
        let system = clock_gettime(ClockId::Monotonic);
        (
            Instant::now(),
            system.tv_sec * 1_000_000_000 + system.tv_nsec,
        )
    })
}

fn to_ns(at: Instant) -> i64 {
    let (instant, ns) = base();
    let in_ns = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    match at.checked_duration_since(instant) {
        Some(after) => ns.saturating_add(in_ns(after)),
        None => ns.saturating_sub(in_ns(instant.duration_since(at))),
    }
}

/// `None`: no moment that this process can name.
fn of_ns(at_ns: i64) -> Option<Instant> {
    let (instant, ns) = base();
    let span = Duration::from_nanos(at_ns.abs_diff(ns));
    match at_ns >= ns {
        true => instant.checked_add(span),
        false => instant.checked_sub(span),
    }
}

/// For serde: an [`Instant`].
pub(crate) mod instant {
    use std::time::Instant;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(at: &Instant, to: S) -> Result<S::Ok, S::Error> {
        super::to_ns(*at).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Instant, D::Error> {
        let at_ns = i64::deserialize(from)?;
        super::of_ns(at_ns).ok_or_else(|| de::Error::custom("a time out of range"))
    }
}

/// For serde: an `Option<Instant>`.
pub(crate) mod optional_instant {
    use std::time::Instant;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(crate) fn serialize<S: Serializer>(at: &Option<Instant>, to: S) -> Result<S::Ok, S::Error> {
        at.map(super::to_ns).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Instant>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.and_then(super::of_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_comes_back_unchanged() {
        let now = Instant::now();
        for at in [
            now,
            now + Duration::from_secs(3600),
            now.checked_sub(Duration::from_nanos(1_500_001)).unwrap(),
        ] {
            assert_eq!(of_ns(to_ns(at)), Some(at));
        }
        let system = clock_gettime(ClockId::Monotonic);
        let system_ns = system.tv_sec * 1_000_000_000 + system.tv_nsec;
        let off = Duration::from_nanos(to_ns(Instant::now()).abs_diff(system_ns));
        assert!(off < Duration::from_secs(1), "{off:?}");
    }
}
