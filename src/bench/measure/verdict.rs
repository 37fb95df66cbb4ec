//! Whether a run's figures may be relied on, and whether the server did what it should.
//! One line of text out of a report; measures nothing.
//!
//! There are three verdicts: `ok`; `INVALID: …`, whose figures say more of the generator than of the
//! server; and `FAILED: …`, where the server did something wrong, which comes before all others.
//! Remarks say what is to be known of figures that hold.

use crate::bench::measure::collector::{Collected, Utilization};
use crate::bench::report::json::Report;

/// The generator may be this late at p99, or a tenth of the latency it measures. It is about a
/// time slice of an ordinary scheduler, which a process that shares a core waits for now and then.
const LAG_INVALID_US: f64 = 5_000.0;
/// Of the latency at p99: with more, the figure holds something of the generator's.
const LAG_SHARE: f64 = 0.1;
/// What is shorter is told beside the figures only.
const LAG_NOTED_US: f64 = 500.0;
/// A generator thread that waits less than this part of the time, or uses more than that of a core,
/// may be the bottleneck. (A wait that ends at once costs time too, so the first alone misses some.)
const WAITING_SHARE: f64 = 0.03;
const BUSY_SHARE: f64 = 0.96;
/// A server whose busiest thread uses more of a core than this is a bottleneck too; so is one that
/// uses so much of all cores that it may use.
const SERVER_BUSY_SHARE: f64 = 0.9;
/// More than this part of the measured time, and the generator was the bottleneck.
const SATURATED_SHARE: f64 = 0.1;
/// A span that is shorter tells nothing of whether the generator had time left: it may have begun
/// and ended within one piece of its work.
const SECOND_MIN_S: f64 = 0.1;
/// So much of the asked messages must have been sent.
const SENT_SHARE: f64 = 0.99;
/// A run this long is looked at for whether it settled: its first third beside its last.
const SETTLED_MIN_S: f64 = 6.0;
const SETTLED_SHARE: f64 = 0.1;

/// The verdict on a good run.
pub(crate) const OK: &str = "ok";
/// The verdict on a run that somebody ended.
pub(crate) const INTERRUPTED: &str = "INVALID: interrupted";

/// What else the verdict has to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Somebody ended the run before its time.
    pub(crate) interrupted: bool,
    /// Why the first connection of those that are closed is, if that is known.
    pub(crate) first_loss: Option<String>,
    /// The unit of CPU time was asked for and could not be measured.
    pub(crate) calibration: Option<String>,
    /// Conditions under which the run has failed, and that are met.
    pub(crate) failed_conditions: Vec<String>,
    /// Conditions that so few messages cannot be judged by.
    pub(crate) unjudged_conditions: Vec<String>,
}

/// Whether a verdict is good.
pub(crate) fn is_ok(verdict: &str) -> bool {
    verdict == OK
}

/// The exit code that goes with a verdict.
pub(crate) fn exit_code(verdict: &str) -> u8 {
    if is_ok(verdict) {
        0
    } else if verdict.starts_with("INVALID") {
        3
    } else {
        1
    }
}

/// `ok`, or why not; and what is to be known of figures that hold.
pub(crate) fn judge(
    report: &Report,
    collected: &Collected,
    facts: &Facts,
) -> (String, Vec<String>) {
    if let Some(spoilt) = spoilt(report, collected, facts) {
        return (spoilt, Vec::new());
    }
    let verdict = match facts.failed_conditions[..] {
        [] => OK.to_owned(),
        _ => format!("FAILED: {}", facts.failed_conditions.join(", ")),
    };
    (verdict, remarks(report, &collected.utilization, facts))
}

/// Why the figures tell nothing, or nothing good.
fn spoilt(report: &Report, collected: &Collected, facts: &Facts) -> Option<String> {
    let faults = faults(report, facts);
    if !faults.is_empty() {
        return Some(format!("FAILED: {}", faults.join(", ")));
    }
    if facts.interrupted {
        return Some(INTERRUPTED.to_owned());
    }
    let unjudged = facts.unjudged_conditions.first();
    let why = invalid(report, collected).or_else(|| unjudged.cloned());
    why.map(|why| format!("INVALID: {why}"))
}

/// What the server did wrong.
fn faults(report: &Report, facts: &Facts) -> Vec<String> {
    // Nobody waited for what was on its way when somebody ended the run.
    let lost = if facts.interrupted { 0 } else { report.lost };
    let counts = [
        (lost, "lost"),
        (report.duplicate, "duplicate"),
        (
            report.reordered - report.in_two_orders.min(report.reordered),
            "reordered",
        ),
        (
            report.in_two_orders,
            "heard in another order than by others",
        ),
        (
            report.corrupt - report.wrong_nick.min(report.corrupt),
            "corrupt",
        ),
        (report.wrong_nick, "under another nick than their sender's"),
        (
            report.came_back,
            "came back to their own senders (a server that means to: --own)",
        ),
    ];
    let mut faults: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let settings = &report.settings;
    let mut closed = |count: u64, all: u64, what: &str| {
        if count > 0 {
            faults.push(format!("{count} of {all} {what}"));
        }
    };
    closed(
        report.disconnected,
        settings.connections as u64,
        &facts
            .first_loss
            .as_ref()
            .map_or("connections closed".to_owned(), |why| {
                format!("connections closed ({why})")
            }),
    );
    if let Some(background) = report.background {
        closed(
            background.idle_closed,
            settings.idle as u64,
            "idle connections closed",
        );
        let failed = background.failed;
        closed(
            failed,
            background.came,
            "transient clients refused, unanswered or hung up on",
        );
    }
    faults
}

/// What makes the figures worthless.
fn invalid(report: &Report, collected: &Collected) -> Option<String> {
    if report.latency_us.count == 0 {
        return Some("no message that was due in the measured time arrived".to_owned());
    }
    late(report, collected)
        .or_else(|| saturated(report, &collected.utilization, SATURATED_SHARE))
        .or_else(|| short(report))
}

/// Messages went out much too late, though the server did not hold them up.
fn late(report: &Report, collected: &Collected) -> Option<String> {
    // However few there are: that some were late is known.
    let lag_us = collected.send_lag.quantile_us(0.99);
    let latency_us = collected.latency.quantile_us(0.99);
    if lag_us <= LAG_INVALID_US.max(latency_us * LAG_SHARE) {
        return None;
    }
    let seconds = &collected.utilization;
    let busiest = seconds.iter().map(|s| s.cpu_share).fold(0.0, f64::max);
    let why = if busiest > SERVER_BUSY_SHARE {
        "was saturated"
    } else {
        "was kept from its core by something else"
    };
    Some(format!(
        "the generator {why}: it sent {:.1} ms late at p99, with {:.0} % of a core",
        lag_us / 1_000.0,
        report.generator.cpu_share * 100.0
    ))
}

/// The generator had no time left in more than `share` of the measured time, though the server had.
fn saturated(report: &Report, seconds: &[Utilization], share: f64) -> Option<String> {
    let saturated_s = length_of(seconds, |second| is_saturated(second, report));
    if saturated_s <= report.measured_s * share {
        return None;
    }
    let server = report.server.as_ref();
    let server = match server.and_then(|server| server.busiest_thread_share) {
        Some(share) => format!("the server's busiest thread {:.0} %", share * 100.0),
        // Only of a server that somebody else has started.
        None if report.server.is_none() && !report.settings.own_server => {
            "the server's is not known, --pid tells".to_owned()
        }
        None => "the server's is not known".to_owned(),
    };
    let busy = seconds.iter().filter(|second| is_saturated(second, report));
    let cpu = busy.map(|second| second.cpu_share).fold(0.0, f64::max);
    // One that has no time left, and has not used it either, was not let.
    let why = if cpu > SERVER_BUSY_SHARE {
        "was saturated"
    } else {
        "was kept from its core by something else"
    };
    Some(format!(
        "the generator {why} in {saturated_s:.1} of {:.1} s: it used {:.0} % of a core; {server}",
        report.measured_s,
        cpu * 100.0
    ))
}

fn is_saturated(second: &Utilization, report: &Report) -> bool {
    let is_busy = second.waiting_share < WAITING_SHARE || second.cpu_share > BUSY_SHARE;
    let server = report.server.as_ref();
    let uses_all_cores = server.is_some_and(|server| {
        let cores = server.cores.map_or(f64::INFINITY, f64::from);
        server.cpu_share > cores * SERVER_BUSY_SHARE
    });
    let has_busy_thread = second
        .server_thread_share
        .is_some_and(|share| share > SERVER_BUSY_SHARE);
    is_busy && !uses_all_cores && !has_busy_thread
}

/// How many seconds are so; those that are too short to tell are not.
fn length_of(seconds: &[Utilization], is_so: impl Fn(&&Utilization) -> bool) -> f64 {
    seconds
        .iter()
        .filter(|second| second.length_s >= SECOND_MIN_S)
        .filter(is_so)
        .map(|second| second.length_s)
        .sum()
}

/// Less was sent than was asked for.
fn short(report: &Report) -> Option<String> {
    let due = report.measured + report.unsent;
    if (report.measured as f64) < due as f64 * SENT_SHARE {
        return Some(format!(
            "the server took only {} of the {due} messages that were due",
            report.measured
        ));
    }
    let asked = report.settings.messages?;
    (report.measured + report.unsent < asked).then(|| {
        format!(
            "only {} of {asked} messages were sent in time",
            report.measured
        )
    })
}

/// What is to be known of figures that hold.
fn remarks(report: &Report, seconds: &[Utilization], facts: &Facts) -> Vec<String> {
    let mut notes = lateness(report);
    notes.extend(saturated(report, seconds, 0.0));
    if report.unsent > 0 {
        notes.push(format!(
            "{} of {} messages that were due were never sent, and count with the time that they \
             had waited",
            report.unsent,
            report.measured + report.unsent
        ));
    }
    if let Some(background) = report.background.filter(|b| b.not_dialled > 0) {
        notes.push(format!(
            "{} of {} transient clients could not be started",
            background.not_dialled, background.came
        ));
    }
    notes.extend(unsettled(report));
    let calibration = facts.calibration.iter();
    notes.extend(calibration.map(|why| format!("--calibrate measured nothing: {why}")));
    notes
}

/// What the generator's own lateness is of the latency: of a percentile that is told, for both.
fn lateness(report: &Report) -> Vec<String> {
    let Some(latency_us) = report.latency_us.p99 else {
        return Vec::new();
    };
    // Each is of other messages: a percentile may be more than that of the whole which it is in.
    let share_of_latency = |us: f64| (us / latency_us.max(0.001)).min(1.0);
    let is_noted = |us: &f64| *us > LAG_NOTED_US && share_of_latency(*us) > LAG_SHARE;
    let lag_us = report.generator.send_lag_us.and_then(|lag| lag.p99);
    let lag = lag_us.filter(is_noted).map(|us| {
        format!(
            "the generator's own send lag is {:.0} % of the latency at p99",
            share_of_latency(us) * 100.0
        )
    });
    let read_us = report.generator.iteration_us.p99;
    let read = read_us.filter(is_noted).map(|us| {
        format!(
            "the generator read deliveries up to {:.1} ms late at p99, {:.0} % of the latency",
            us / 1_000.0,
            share_of_latency(us) * 100.0
        )
    });
    lag.into_iter().chain(read).collect()
}

/// The run went faster or slower all the time, so that its figures depend on its length.
fn unsettled(report: &Report) -> Option<String> {
    let rows = &report.seconds;
    // A profile is to change.
    if report.measured_s < SETTLED_MIN_S || report.settings.profile_per_s.is_some() {
        return None;
    }
    let third = rows.len() / 3;
    let mean = |rows: &[crate::bench::measure::collector::SecondRow]| {
        rows.iter().map(|row| row.received_per_s).sum::<f64>() / rows.len().max(1) as f64
    };
    let (first, last) = (mean(&rows[..third]), mean(&rows[rows.len() - third..]));
    let change = last / first.max(f64::MIN_POSITIVE) - 1.0;
    (change.abs() > SETTLED_SHARE).then(|| {
        format!(
            "it had not settled: the last third of the time delivered {:+.0} % beside the first",
            change * 100.0
        )
    })
}

#[cfg(test)]
mod tests;
