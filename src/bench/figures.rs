//! What a run measures: distributions and counts over its window, and its course over time.
//! Times come in as nanoseconds; no clock here.

use serde::{Deserialize, Serialize};

use super::histogram::{Durations, us};

/// Slices of time that the window is cut into at most.
const SLICES_MAX: u64 = 120;
/// The shortest slice: 100 ms.
const SLICE_NS_MIN: u64 = 100_000_000;

/// The time in which messages that are due count, in nanoseconds from the start of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    /// Messages due from here on.
    pub from_ns: u64,
    /// Messages due before this.
    pub to_ns: u64,
}

impl Window {
    /// Whether `at_ns` is in it.
    #[inline]
    #[must_use]
    pub fn contains(&self, at_ns: u64) -> bool {
        (self.from_ns..self.to_ns).contains(&at_ns)
    }
}

/// One slice of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Where it begins, in seconds from the window's start.
    pub at_s: f64,
    /// Messages sent in it.
    pub sent: u64,
    /// Deliveries in it.
    pub received: u64,
    /// The longest latency of a delivery in it.
    pub max_us: f64,
}

/// Everything measured.
#[derive(Debug, Default)]
pub struct Figures {
    window: Window,
    slice_ns: u64,
    slices: Vec<(u64, u64, u64)>,
    /// Due time to delivery.
    pub latency: Durations,
    /// Real sending to delivery; open loop only, in a closed loop it is the latency.
    pub service: Durations,
    /// Due time to the last receiver's delivery; rooms only.
    pub last_receiver: Durations,
    /// First to last receiver's delivery; rooms only.
    pub spread: Durations,
    /// Due time to sending, of messages that the server did not hold up; open loop only.
    pub lateness: Durations,
    /// How long the generator worked between two waits: so late a delivery may be read.
    pub turn: Durations,
    /// From asking for a connection until it stands.
    pub connect: Durations,
    /// From asking for a connection until the server has answered on it; echo only.
    pub first_answer: Durations,
}

impl Figures {
    /// Sets the window; before that nothing falls into it.
    pub fn open_window(&mut self, window: Window) {
        let length = window.to_ns.saturating_sub(window.from_ns);
        self.slice_ns = SLICE_NS_MIN.max(length.div_ceil(SLICES_MAX));
        let slices = usize::try_from(length.div_ceil(self.slice_ns)).unwrap_or(0);
        self.slices = vec![(0, 0, 0); slices];
        self.window = window;
    }

    /// The window.
    #[inline]
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// Enters what one read brought.
    #[inline]
    pub fn read_batch(&mut self, now_ns: u64, deliveries: u64, longest_ns: u64) {
        if let Some((_, received, longest)) = self.slice(now_ns) {
            *received += deliveries;
            *longest = (*longest).max(longest_ns);
        }
    }

    /// Enters that `messages` were sent.
    #[inline]
    pub fn sent(&mut self, now_ns: u64, messages: u64) {
        if let Some((sent, ..)) = self.slice(now_ns) {
            *sent += messages;
        }
    }

    /// The course over the window.
    #[must_use]
    pub fn course(&self) -> Vec<Slice> {
        self.slices
            .iter()
            .enumerate()
            .map(|(i, (sent, received, longest))| Slice {
                at_s: us(i as u64 * self.slice_ns) / 1e6,
                sent: *sent,
                received: *received,
                max_us: us(*longest),
            })
            .collect()
    }

    /// The length of a slice in seconds.
    #[must_use]
    pub fn slice_s(&self) -> f64 {
        us(self.slice_ns) / 1e6
    }

    #[inline]
    fn slice(&mut self, now_ns: u64) -> Option<&mut (u64, u64, u64)> {
        let at = now_ns.checked_sub(self.window.from_ns)? / self.slice_ns.max(1);
        self.slices.get_mut(usize::try_from(at).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_course_is_cut_into_slices() {
        let mut figures = Figures::default();
        figures.read_batch(5, 1, 1);
        figures.open_window(Window {
            from_ns: 1_000_000_000,
            to_ns: 1_250_000_000,
        });
        figures.read_batch(999_999_999, 7, 7);
        figures.read_batch(1_000_000_000, 2, 5_000);
        figures.read_batch(1_099_999_999, 3, 4_000);
        figures.sent(1_249_000_000, 4);
        figures.sent(1_350_000_000, 9);
        let course = figures.course();
        assert_eq!(course.len(), 3);
        assert_eq!((course[0].received, course[0].max_us), (5, 5.0));
        assert_eq!((course[2].sent, course[2].at_s), (4, 0.2));
        assert_eq!(
            course[1],
            Slice {
                at_s: 0.1,
                ..Slice::default()
            }
        );
    }

    #[test]
    fn a_long_window_has_no_more_slices() {
        let mut figures = Figures::default();
        figures.open_window(Window {
            from_ns: 0,
            to_ns: 3_600_000_000_000,
        });
        assert_eq!(figures.course().len(), 120);
    }
}
