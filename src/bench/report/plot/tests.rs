//! The pages of runs as they are, and as no run has ever been.

use super::*;
use crate::bench::find_rate::Trial;
use crate::bench::report::json::{absurd, example};

#[test]
fn a_page_stands_alone() {
    let mut report = example();
    report.verdict = "FAILED: 3 <lost>".to_owned();
    let page = page(&[("a".to_owned(), &report)]);
    for outside in [
        "http:", "https:", "src=", "<script", "@import", "NaN", "inf",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("@media print"));
    assert!(page.contains("3 &lt;lost&gt;"));
    assert!(page.contains("99 of 100 within 200 µs"));
    assert!(page.contains("the axis does not begin at 0"));
    assert_eq!(page.matches("<svg class=\"chart\"").count(), 3);
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
}

#[test]
fn several_runs_share_the_axes() {
    let (a, mut b) = (example(), example());
    b.received = 1_999;
    b.owed = 2_000;
    b.service_curve = b.curve.clone();
    let page = page(&[("one".to_owned(), &a), ("two".to_owned(), &b)]);
    assert!(page.contains("one: latency") && page.contains("two: service time"));
    let footer = page.split("<footer>").nth(1).unwrap_or_default();
    assert!(footer.contains("one: chinwag 0") && footer.contains("1,000 of 1,000"));
    assert!(footer.contains("two: chinwag 0") && footer.contains("1,999 of 2,000"));
}

#[test]
fn a_long_legend_is_not_cut() {
    // It is text that wraps, beside the drawing and not in it.
    let report = example();
    let names = (0..30).map(|i| (format!("a run with a long name, number {i}"), &report));
    let named: Vec<_> = names.collect();
    let page = page(&named);
    let (first, last) = ("a run with a long name, number 0</li>", "number 29</li>");
    assert!(page.contains(first) && page.contains(last));
}

#[test]
fn a_search_is_drawn() {
    let mut report = example();
    let trial = |rate_per_s: f64, holds| Trial {
        rate_per_s,
        messages_per_s: rate_per_s,
        holds,
        value_us: rate_per_s,
        verdict: "ok".to_owned(),
    };
    report.search = Some(Search {
        condition: "p99<20ms".to_owned(),
        figure: "p99".to_owned(),
        found_rate_per_s: Some(2_000.0),
        trials: vec![
            trial(1_000.0, true),
            trial(4_000.0, false),
            trial(2_000.0, true),
        ],
    });
    let page = page(&[("a".to_owned(), &report)]);
    assert_eq!(page.matches("<svg class=\"chart\"").count(), 4);
    assert!(page.contains("2,000 messages a second is the highest rate that held p99&lt;20ms"));
}

#[test]
fn absurd_numbers_are_drawn_somehow() {
    for report in absurd() {
        let one = page(&[("a".to_owned(), &report)]);
        let two = page(&[("a".to_owned(), &report), ("b".to_owned(), &example())]);
        assert!(one.ends_with("</html>\n") && two.ends_with("</html>\n"));
    }
}

#[test]
fn an_empty_run_draws_empty_axes() {
    let mut report = example();
    report.curve.clear();
    report.timeline.clear();
    report.latency_us = Default::default();
    let page = page(&[("a".to_owned(), &report)]);
    assert!(!page.contains("NaN") && !page.contains("inf"));
}
