//! From values to places on an axis, and which values to write there.

use crate::bench::report::table::duration;

/// One axis.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    from: f64,
    to: f64,
    is_log: bool,
    /// Values to mark, with what to write there.
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Scale {
    /// Where `value` is, from 0 to 1.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let along = |v: f64| if self.is_log { v.max(1e-9).log10() } else { v };
        let (from, to) = (along(self.from), along(self.to));
        ((along(value) - from) / (to - from)).clamp(0.0, 1.0)
    }

    /// Shares of all, by how many nines they have: 90 %, 99 %, …
    pub(crate) fn nines(most: f64) -> Self {
        let mut ticks = vec![(0.0, "0 %".to_owned()), (0.301, "50 %".to_owned())];
        for (nines, text) in [
            (1.0, "90 %"),
            (2.0, "99 %"),
            (3.0, "99.9 %"),
            (4.0, "99.99 %"),
            (5.0, "99.999 %"),
            (6.0, "99.9999 %"),
        ] {
            if nines <= most - 0.3 {
                ticks.push((nines, text.to_owned()));
            }
        }
        ticks.push((most, "slowest".to_owned()));
        Self {
            from: 0.0,
            to: most,
            is_log: false,
            ticks,
        }
    }

    /// Durations over several orders of magnitude.
    pub(crate) fn log_us(low: f64, high: f64) -> Self {
        let first = steps(low.max(0.1)).take_while(|at| *at <= low).last();
        let low = first.unwrap_or(0.1);
        let high = steps(low).find(|at| *at >= high.max(low * 10.0));
        let high = high.unwrap_or(low * 10.0);
        let is_wide = high / low > 200.0;
        let ticks = steps(low)
            .skip_while(|at| *at < low * 0.99)
            .take_while(|at| *at <= high * 1.01)
            .filter(|at| !is_wide || is_decade(*at))
            .map(|at| (at, duration(at)))
            .collect();
        Self {
            from: low,
            to: high,
            is_log: true,
            ticks,
        }
    }

    /// Durations from 0.
    pub(crate) fn us(high: f64) -> Self {
        Self::linear(high, 5, duration)
    }

    /// Counts from 0.
    pub(crate) fn count(high: f64) -> Self {
        Self::linear(high, 5, short)
    }

    /// Time from 0.
    pub(crate) fn seconds(end: f64) -> Self {
        let mut scale = Self::linear(end, 8, |s| format!("{}", (s * 100.0).round() / 100.0));
        // Time ends where it ends, not at a round number.
        scale.to = end;
        scale.ticks.retain(|(at, _)| *at <= end * 1.001);
        scale
    }

    fn linear(high: f64, parts: u32, text: impl Fn(f64) -> String) -> Self {
        let rough = high.max(1e-6) / f64::from(parts);
        let decade = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .map(|m| m * decade)
            .into_iter()
            .find(|step| *step >= rough)
            .unwrap_or(rough);
        let count = (high / step).ceil().max(1.0);
        let mut ticks = Vec::new();
        let mut i = 0.0;
        while i <= count {
            ticks.push((i * step, text(i * step)));
            i += 1.0;
        }
        Self {
            from: 0.0,
            to: count * step,
            is_log: false,
            ticks,
        }
    }
}

/// 1, 2, 5, 10, 20, … from the decade of `low` on.
fn steps(low: f64) -> impl Iterator<Item = f64> {
    let first = low.max(1e-3).log10().floor();
    (0..60).map(move |i| {
        let mantissa = [1.0, 2.0, 5.0][i % 3];
        let decade = first + f64::from(u8::try_from(i / 3).unwrap_or(0));
        mantissa * 10_f64.powf(decade)
    })
}

fn is_decade(value: f64) -> bool {
    let exponent = value.log10();
    (exponent - exponent.round()).abs() < 1e-6
}

/// A count in few letters.
fn short(value: f64) -> String {
    let tidy = |v: f64| (v * 100.0).round() / 100.0;
    match value {
        v if v >= 1e6 => format!("{} M", tidy(v / 1e6)),
        v if v >= 1e3 => format!("{} k", tidy(v / 1e3)),
        v => format!("{}", tidy(v)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_numbers_cover_the_values() {
        let texts = |scale: Scale| scale.ticks.into_iter().map(|(_, t)| t).collect::<Vec<_>>();
        assert_eq!(
            texts(Scale::count(930.0)),
            ["0", "200", "400", "600", "800", "1 k"]
        );
        assert_eq!(
            texts(Scale::count(2.4e6)),
            ["0", "500 k", "1 M", "1.5 M", "2 M", "2.5 M"]
        );
        assert_eq!(
            texts(Scale::log_us(7.0, 90.0)),
            ["5.00 µs", "10.0 µs", "20.0 µs", "50.0 µs", "100 µs"]
        );
        assert_eq!(
            texts(Scale::log_us(7.0, 1_500.0)),
            ["10.0 µs", "100 µs", "1.00 ms"]
        );
        assert_eq!(
            texts(Scale::seconds(2.0)).first().map(String::as_str),
            Some("0")
        );
        assert_eq!(
            texts(Scale::nines(3.0)),
            ["0 %", "50 %", "90 %", "99 %", "slowest"]
        );
    }

    #[test]
    fn places_run_from_0_to_1() {
        let scale = Scale::log_us(10.0, 1_000.0);
        assert_eq!(scale.place(10.0), 0.0);
        assert_eq!(scale.place(100.0), 0.5);
        assert_eq!(scale.place(5_000.0), 1.0);
        assert_eq!(scale.place(0.0), 0.0);
    }
}
