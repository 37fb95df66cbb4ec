//! A run second by second, as CSV for other programs.

use std::fmt::Write as _;

use crate::bench::measure::collector::SecondRow;

/// A row a measured second; empty where there were too few for a figure.
pub(crate) fn csv(rows: &[SecondRow]) -> String {
    let mut text = "second,sent_per_s,received_per_s,p50_us,p99_us,max_us\n".to_owned();
    for row in rows {
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{},{:.3},{:.3}",
            row.second, row.sent_per_s, row.received_per_s
        );
        for figure in [row.p50_us, row.p99_us, row.max_us] {
            let _ = match figure {
                Some(us) => write!(text, ",{us:.3}"),
                None => write!(text, ","),
            };
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_a_second() {
        let row = SecondRow {
            second: 3,
            sent_per_s: 10.0,
            received_per_s: 20.5,
            p50_us: Some(1.25),
            p99_us: None,
            max_us: Some(7.0),
        };
        assert_eq!(
            csv(&[row]),
            "second,sent_per_s,received_per_s,p50_us,p99_us,max_us\n\
             3,10.000,20.500,1.250,,7.000\n"
        );
    }
}
