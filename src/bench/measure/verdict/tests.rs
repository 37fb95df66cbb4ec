//! What is said of runs that are good, good but for something, worthless, or bad.

use super::*;
use crate::bench::load::background::BackgroundCounts;
use crate::bench::measure::histogram::Summary;
use crate::bench::report::json::{Server, example};

/// A second in which nothing was wrong.
const GOOD: Utilization = Utilization {
    length_s: 1.0,
    waiting_share: 0.5,
    cpu_share: 0.5,
    server_thread_share: None,
};

const SATURATED: Utilization = Utilization {
    waiting_share: 0.01,
    cpu_share: 0.99,
    ..GOOD
};

/// The verdict, with the remarks behind it.
fn said(report: &Report, collected: &Collected, facts: &Facts) -> String {
    let (verdict, remarks) = judge(report, collected, facts);
    [vec![verdict], remarks].concat().join(" | ")
}

fn verdict_of(seconds: &[Utilization], change: impl Fn(&mut Report)) -> String {
    let mut report = example();
    report.measured_s = seconds.iter().map(|s| s.length_s).sum();
    change(&mut report);
    let collected = Collected {
        utilization: seconds.to_vec(),
        ..Collected::default()
    };
    said(&report, &collected, &Facts::default())
}

fn verdict(change: impl Fn(&mut Report)) -> String {
    verdict_of(&[GOOD], change)
}

fn p99(us: f64) -> Summary {
    Summary {
        p99: Some(us),
        ..Summary::default()
    }
}

#[test]
fn a_good_run_is_ok() {
    assert_eq!(verdict(|_| {}), "ok");
    assert_eq!(verdict(|r| r.generator.send_lag_us = Some(p99(15.0))), "ok");
    for (verdict, code) in [("ok", 0), ("INVALID: x", 3), ("FAILED: x", 1)] {
        assert_eq!(exit_code(verdict), code);
        assert_eq!(is_ok(verdict), code == 0);
    }
}

#[test]
fn the_servers_faults_are_named_all_of_them() {
    let faults = verdict(|r| {
        r.lost = 3;
        r.corrupt = 70;
        r.wrong_nick = 1;
        r.reordered = 5;
        r.in_two_orders = 5;
        r.came_back = 4;
        r.disconnected = 1;
    });
    assert_eq!(
        faults,
        "FAILED: 3 lost, 5 heard in another order than by others, 69 corrupt, 1 under another \
         nick than their sender's, 4 came back to their own senders (a server that means to: \
         --own), 1 of 2 connections closed"
    );
}

#[test]
fn why_the_first_connection_is_closed_is_told() {
    let facts = Facts {
        first_loss: Some("reset".to_owned()),
        ..Facts::default()
    };
    let mut report = example();
    report.disconnected = 1;
    assert_eq!(
        said(&report, &Collected::default(), &facts),
        "FAILED: 1 of 2 connections closed (reset)"
    );
}

#[test]
fn the_background_load_is_judged() {
    let background = |change: fn(&mut BackgroundCounts)| {
        let mut counts = BackgroundCounts {
            came: 10,
            ..BackgroundCounts::default()
        };
        change(&mut counts);
        verdict(move |r| {
            r.settings.idle = 7;
            r.background = Some(counts);
        })
    };
    assert_eq!(background(|b| b.served = 10), "ok");
    // Nobody owes those that do not read a connection.
    assert_eq!(background(|b| b.slow_closed = 1), "ok");
    let idle = background(|b| b.idle_closed = 2);
    assert_eq!(idle, "FAILED: 2 of 7 idle connections closed");
    let failed = background(|b| b.failed = 3);
    assert!(failed.starts_with("FAILED: 3 of 10 transient"), "{failed}");
    let ours = background(|b| b.not_dialled = 1);
    assert_eq!(ours, "ok | 1 of 10 transient clients could not be started");
}

#[test]
fn a_fault_is_told_though_the_run_was_interrupted() {
    let facts = Facts {
        interrupted: true,
        failed_conditions: vec!["p99 was 5 ms".to_owned()],
        ..Facts::default()
    };
    let collected = Collected::default();
    let mut report = example();
    assert_eq!(said(&report, &collected, &facts), "INVALID: interrupted");
    // What was on its way nobody waited for.
    report.lost = 7;
    assert_eq!(said(&report, &collected, &facts), "INVALID: interrupted");
    report.duplicate = 50;
    assert_eq!(said(&report, &collected, &facts), "FAILED: 50 duplicate");
}

#[test]
fn invalid_comes_before_a_condition() {
    let facts = Facts {
        failed_conditions: vec!["p99 was 5 ms".to_owned()],
        ..Facts::default()
    };
    let mut report = example();
    let collected = Collected::default();
    assert_eq!(said(&report, &collected, &facts), "FAILED: p99 was 5 ms");
    // A condition that cannot be judged makes the run worth nothing to who has asked.
    let unjudged = Facts {
        unjudged_conditions: vec!["too few".to_owned()],
        ..facts.clone()
    };
    let verdict = said(&report, &collected, &unjudged);
    assert_eq!(verdict, "INVALID: too few");
    report.latency_us = Summary::default();
    let verdict = said(&report, &collected, &facts);
    assert!(verdict.starts_with("INVALID: no message"), "{verdict}");
}

#[test]
fn a_generator_that_is_the_bottleneck_says_so() {
    let saturated = verdict_of(&[SATURATED], |_| {});
    assert!(
        saturated.starts_with("INVALID: the generator was saturated"),
        "{saturated}"
    );
    assert!(saturated.contains("--pid"), "{saturated}");
    // Of its own server nobody can name the process.
    let own = verdict_of(&[SATURATED], |r| r.settings.own_server = true);
    assert!(own.contains("not known") && !own.contains("--pid"), "{own}");
    let kept = Utilization {
        cpu_share: 0.12,
        ..SATURATED
    };
    let kept = verdict_of(&[kept], |_| {});
    assert!(
        kept.starts_with("INVALID: the generator was kept from its core"),
        "{kept}"
    );
    // Two seconds of ten are too many; one is to be known.
    let mut seconds = [GOOD; 10];
    seconds[3] = SATURATED;
    let one = verdict_of(&seconds, |_| {});
    assert!(
        one.starts_with("ok | the generator was saturated in 1.0 of 10.0 s"),
        "{one}"
    );
    seconds[4] = SATURATED;
    let two = verdict_of(&seconds, |_| {});
    assert!(
        two.starts_with("INVALID: the generator was saturated in 2.0 of 10.0 s"),
        "{two}"
    );
}

#[test]
fn too_short_a_time_proves_nothing_of_the_generator() {
    let short = |length_s| {
        let second = Utilization {
            length_s,
            ..SATURATED
        };
        verdict_of(&[second], |_| {})
    };
    assert_eq!(short(0.000_1), "ok");
    assert_eq!(short(0.099), "ok");
    assert!(short(0.1).starts_with("INVALID"), "{}", short(0.1));
}

#[test]
fn only_a_server_that_can_do_no_more_excuses_it() {
    let with = |busiest: f64, all: f64, cores: u32| {
        let second = Utilization {
            server_thread_share: Some(busiest),
            ..SATURATED
        };
        verdict_of(&[second], move |r| {
            r.server = Some(Server {
                cpu_share: all,
                busiest_thread_share: Some(busiest),
                cores: Some(cores),
                ..Server::default()
            });
        })
    };
    assert_eq!(with(0.95, 0.95, 8), "ok");
    assert_eq!(with(0.5, 1.9, 2), "ok");
    // Thirteen threads that share one core's worth are no bottleneck.
    let many = with(0.1, 1.04, 2);
    assert!(many.contains("the server's busiest thread 10 %"), "{many}");
}

#[test]
fn its_own_lateness_is_told() {
    let late = |lag_us: u64, latency_us: u64, count: u64| {
        let mut collected = Collected {
            utilization: vec![GOOD],
            ..Collected::default()
        };
        collected.send_lag.record_many(lag_us * 1_000, count);
        collected.latency.record_many(latency_us * 1_000, count);
        let mut report = example();
        report.generator.send_lag_us = Some(collected.send_lag.summary());
        report.latency_us = collected.latency.summary();
        said(&report, &collected, &Facts::default())
    };
    let invalid = late(8_000, 9_000, 1_000);
    assert!(invalid.contains("was kept from its core"), "{invalid}");
    assert!(invalid.contains("8.0 ms late"), "{invalid}");
    // Under five milliseconds the figure is the generator's all the same.
    let most = late(3_000, 3_200, 1_000);
    assert_eq!(
        most,
        "ok | the generator's own send lag is 94 % of the latency at p99"
    );
    // Of other messages it may be more than all of it, and of few it is not known.
    let all = late(3_000, 2_900, 1_000);
    assert!(all.contains("send lag is 100 % of the latency"), "{all}");
    assert_eq!(late(3_000, 3_200, 999), "ok");
    // A twentieth of what is measured does no harm.
    assert_eq!(late(8_000, 160_000, 1_000), "ok");
    let read = verdict(|r| {
        r.generator.iteration_us = p99(2_000.0);
        r.latency_us.p99 = Some(8_000.0);
    });
    assert!(
        read.starts_with("ok | the generator read deliveries up to 2.0 ms late"),
        "{read}"
    );
}

#[test]
fn a_rate_that_was_not_kept_is_not_claimed() {
    let unsent = |unsent| {
        verdict(move |r| {
            r.settings.rate_per_s = Some(2_000.0);
            r.measured = 2_000 - unsent;
            r.unsent = unsent;
        })
    };
    assert_eq!(
        unsent(900),
        "INVALID: the server took only 1100 of the 2000 messages that were due"
    );
    let few = unsent(10);
    assert!(
        few.starts_with("ok | 10 of 2000 messages that were due were never sent"),
        "{few}"
    );
    let stalled = verdict(|r| r.settings.messages = Some(1_500));
    assert_eq!(
        stalled,
        "INVALID: only 1000 of 1500 messages were sent in time"
    );
}

#[test]
fn a_run_that_has_not_settled_says_so() {
    let with = |last: f64, profile: Option<[f64; 2]>| {
        verdict_of(&[GOOD; 6], move |r| {
            let row = r.seconds[0];
            r.seconds = vec![row; 6];
            r.settings.profile_per_s = profile;
            r.seconds[4].received_per_s *= last;
            r.seconds[5].received_per_s *= last;
        })
    };
    assert_eq!(with(0.95, None), "ok");
    let slower = with(0.5, None);
    assert!(
        slower.contains("it had not settled") && slower.contains("-50 %"),
        "{slower}"
    );
    assert_eq!(with(0.5, Some([1.0, 2.0])), "ok");
}

#[test]
fn a_unit_that_was_not_measured_is_told() {
    let facts = Facts {
        calibration: Some("no such process".to_owned()),
        ..Facts::default()
    };
    let collected = Collected {
        utilization: vec![GOOD],
        ..Collected::default()
    };
    let verdict = said(&example(), &collected, &facts);
    assert_eq!(
        verdict,
        "ok | --calibrate measured nothing: no such process"
    );
}
