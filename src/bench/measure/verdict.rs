//! Whether a run's figures may be relied on, and whether the server did what it should.
//! One line of text out of a report; measures nothing.

use crate::bench::report::json::Report;

/// The generator may be this late at p99, or a tenth of the latency it measures. It is about a
/// slice of an ordinary scheduler, which whoever shares a core with anything waits for now and
/// then; the report shows the lateness, so that nobody takes it for the server's.
const LATE_US: f64 = 5_000.0;
const LATE_SHARE: f64 = 0.1;
/// A generator that waits less than this part of the time, or uses more than that of a core, may
/// be the bottleneck. (A wait that ends at once costs time too, so the first alone misses some.)
const WAITING_SHARE: f64 = 0.03;
const BUSY_SHARE: f64 = 0.96;
/// A server that uses more of a core than this is a bottleneck too.
const SERVER_BUSY_SHARE: f64 = 0.9;
/// So much of the asked rate must have been sent.
const RATE_SHARE: f64 = 0.99;

/// What else the verdict has to know.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts {
    /// Somebody ended the run before its time.
    pub(crate) interrupted: bool,
    /// Senders' own messages that came back, though none are owed.
    pub(crate) own: u64,
}

/// `ok`, or what was wrong.
pub(crate) fn judge(report: &Report, facts: Facts) -> String {
    if facts.interrupted {
        return "INVALID: interrupted".to_owned();
    }
    let reason = fault(report, facts)
        .map(|why| format!("FAILED: {why}"))
        .or_else(|| invalid(report).map(|why| format!("INVALID: {why}")));
    reason.unwrap_or_else(|| "ok".to_owned())
}

/// What the server did wrong.
fn fault(report: &Report, facts: Facts) -> Option<String> {
    if facts.own > 0 {
        let own = facts.own;
        return Some(format!(
            "{own} messages came back to their own senders (a server that means to: --own)"
        ));
    }
    let counts = [
        (report.lost, "lost"),
        (report.duplicate, "duplicate"),
        (report.reordered, "reordered"),
        (report.corrupt, "corrupt"),
    ];
    let mut faults: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if report.disconnected > 0 {
        let all = report.settings.connections;
        faults.push(format!(
            "{} of {all} connections closed",
            report.disconnected
        ));
    }
    (!faults.is_empty()).then(|| faults.join(", "))
}

/// What makes the figures worthless.
fn invalid(report: &Report) -> Option<String> {
    if report.latency_us.count == 0 {
        return Some("no message that was due in the measured time arrived".to_owned());
    }
    let generator = &report.generator;
    let cpu = generator.cpu_share * 100.0;
    if let Some(send_lag) = &generator.send_lag_us {
        let limit_us = LATE_US.max(report.latency_us.p99 * LATE_SHARE);
        if send_lag.p99 > limit_us {
            let late_ms = send_lag.p99 / 1_000.0;
            let why = if generator.cpu_share > SERVER_BUSY_SHARE {
                "was saturated"
            } else {
                "was kept from its core by something else"
            };
            return Some(format!(
                "the generator {why}: it sent {late_ms:.1} ms late at p99, with {cpu:.0} % of a core"
            ));
        }
    }
    let server_share = report.server.as_ref().map(|server| server.cpu_share);
    let server_is_busy = server_share.is_some_and(|share| share > SERVER_BUSY_SHARE);
    let is_busy = generator.waiting_share < WAITING_SHARE || generator.cpu_share > BUSY_SHARE;
    if is_busy && !server_is_busy {
        let server = server_share.map_or(
            "the server's is not known, --pid tells".to_owned(),
            |share| format!("the server {:.0} %", share * 100.0),
        );
        return Some(format!(
            "the generator was saturated: it waited {:.0} % of the time and used {cpu:.0} % of a \
             core; {server}",
            generator.waiting_share * 100.0
        ));
    }
    let asked = report.settings.rate_per_s.map(|rate| rate as f64)?;
    (generator.sent_per_s < asked * RATE_SHARE && report.unsent > 0).then(|| {
        format!(
            "the server took only {:.0} of {asked:.0} messages a second",
            generator.sent_per_s
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::measure::histogram::Summary;
    use crate::bench::report::json::{Report, example};

    fn verdict(change: impl Fn(&mut Report)) -> String {
        let mut report = example();
        change(&mut report);
        judge(&report, Facts::default())
    }

    fn late(p99: f64) -> Option<Summary> {
        Some(Summary {
            p99,
            ..Summary::default()
        })
    }

    #[test]
    fn a_good_run_is_ok() {
        assert_eq!(verdict(|_| {}), "ok");
        assert_eq!(verdict(|r| r.generator.send_lag_us = late(4_900.0)), "ok");
    }

    #[test]
    fn the_servers_faults_are_named() {
        let faults = verdict(|r| {
            r.lost = 3;
            r.corrupt = 1;
            r.disconnected = 1;
        });
        assert_eq!(
            faults,
            "FAILED: 3 lost, 1 corrupt, 1 of 2 connections closed"
        );
        let facts = Facts {
            own: 4,
            interrupted: false,
        };
        assert!(judge(&example(), facts).contains("--own"));
    }

    #[test]
    fn a_generator_that_is_the_bottleneck_says_so() {
        let saturated = verdict(|r| r.generator.waiting_share = 0.01);
        assert!(
            saturated.starts_with("INVALID: the generator was saturated"),
            "{saturated}"
        );
        let saturated = verdict(|r| r.generator.cpu_share = 0.99);
        assert!(saturated.contains("--pid"), "{saturated}");
        let late_one = verdict(|r| r.generator.send_lag_us = late(8_000.0));
        assert!(late_one.contains("8.0 ms late"), "{late_one}");
        // A twentieth of what is measured does no harm.
        let sanitize = verdict(|r| {
            r.generator.send_lag_us = late(8_000.0);
            r.latency_us.p99 = 160_000.0;
        });
        assert_eq!(sanitize, "ok");
    }

    #[test]
    fn a_rate_that_was_not_kept_is_not_claimed() {
        let short = verdict(|r| {
            r.settings.rate_per_s = Some(2_000);
            r.unsent = 900;
        });
        assert_eq!(
            short,
            "INVALID: the server took only 1000 of 2000 messages a second"
        );
        assert!(verdict(|r| r.latency_us = Summary::default()).starts_with("INVALID: no message"));
        let facts = Facts {
            own: 0,
            interrupted: true,
        };
        assert_eq!(judge(&example(), facts), "INVALID: interrupted");
    }
}
