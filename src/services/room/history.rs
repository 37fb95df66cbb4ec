//! Where the last lines of the conversation stand in the log, for those who join. Knows offsets;
//! neither text nor members.

use std::collections::VecDeque;
use std::ops::Range;

use crate::outbound::Offset;

/// The last lines. Those that stand together in the log are one range, so what a join costs
/// depends on the notices between the lines and not on their number.
#[derive(Debug)]
pub(super) struct History {
    max_lines: usize,
    /// Where each line ends, the oldest first.
    ends: VecDeque<Offset>,
    /// The same lines as ranges, ascending.
    runs: VecDeque<Range<Offset>>,
}

impl History {
    pub(super) fn new(max_lines: usize) -> Self {
        Self {
            max_lines,
            ends: VecDeque::new(),
            runs: VecDeque::new(),
        }
    }

    /// Adds the line that was appended last; the oldest goes if there would be too many.
    pub(super) fn push(&mut self, line: Range<Offset>) {
        if self.max_lines == 0 {
            return;
        }
        if self.ends.len() == self.max_lines {
            self.forget_oldest();
        }
        self.ends.push_back(line.end);
        match self.runs.back_mut() {
            Some(last) if last.end == line.start => last.end = line.end,
            _ => self.runs.push_back(line),
        }
    }

    /// Forgets the lines of which the log has begun to drop something.
    pub(super) fn forget_before(&mut self, log_start: Offset) {
        while self.runs.front().is_some_and(|run| run.start < log_start) {
            self.forget_oldest();
        }
    }

    /// What is to be replayed, in order.
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<Offset>> {
        self.runs.iter().cloned()
    }

    fn forget_oldest(&mut self) {
        let (Some(end), Some(run)) = (self.ends.pop_front(), self.runs.front_mut()) else {
            return;
        };
        run.start = end;
        if run.is_empty() {
            self.runs.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_stand_together_are_one_range() {
        let mut history = History::new(10_000);
        let runs = |history: &History| -> Vec<(Offset, Offset)> {
            history.runs().map(|run| (run.start, run.end)).collect()
        };
        for n in 0..30_000 {
            history.push(n * 10..(n + 1) * 10);
        }
        assert_eq!(runs(&history), [(200_000, 300_000)]);
        history.forget_before(250_001);
        assert_eq!(runs(&history), [(250_010, 300_000)]);
        // A notice between them.
        history.push(300_030..300_040);
        assert_eq!(runs(&history), [(250_010, 300_000), (300_030, 300_040)]);
        history.forget_before(300_035);
        assert_eq!(runs(&history), []);
        history.push(300_040..300_050);
        assert_eq!(runs(&history), [(300_040, 300_050)]);
    }

    #[test]
    fn it_is_what_a_list_of_lines_would_be() {
        let mut rng = fastrand::Rng::with_seed(1);
        for max_lines in [0, 1, 2, 7, 100] {
            let mut history = History::new(max_lines);
            let mut lines: VecDeque<Range<Offset>> = VecDeque::new();
            let (mut at, mut log_start) = (0, 0);
            for _ in 0..3000 {
                match rng.u8(0..8) {
                    0 => at += rng.u64(1..20),
                    1 => log_start = rng.u64(log_start..=at),
                    _ => {
                        let line = at..at + rng.u64(1..20);
                        at = line.end;
                        history.push(line.clone());
                        lines.push_back(line);
                    }
                }
                history.forget_before(log_start);
                let too_many = lines.len().saturating_sub(max_lines);
                lines.drain(..too_many);
                lines.retain(|line| line.start >= log_start);
                let bytes = |ranges: &VecDeque<Range<Offset>>| {
                    ranges.iter().cloned().flatten().collect::<Vec<_>>()
                };
                assert_eq!(bytes(&history.runs), bytes(&lines));
                assert_eq!(history.ends.len(), lines.len());
                let gaps = history.runs.iter().zip(history.runs.iter().skip(1));
                assert!(gaps.into_iter().all(|(one, next)| one.end < next.start));
            }
        }
    }
}
