//! Puts together what the generator's threads measure, second by second: exact sums, whatever the
//! number of threads. It has a thread of its own, so that none of them waits for it, and shows the
//! run while it lasts.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bench::load::schedule::SECOND_NS;
use crate::bench::load::shared::Shared;
use crate::bench::measure::histogram::{Durations, us};
use crate::bench::measure::metrics::Second;
use crate::bench::measure::process;
use crate::bench::report::hdr::HdrLog;
use crate::bench::report::live::Live;

/// The view is drawn so often.
const DRAW_EVERY: Duration = Duration::from_millis(200);

/// One second of the measured time, as it is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SecondRow {
    /// From 0.
    pub(crate) second: u64,
    /// Messages sent, a second.
    pub(crate) sent_per_s: f64,
    /// Deliveries that arrived, a second.
    pub(crate) received_per_s: f64,
    /// The median latency of what arrived.
    pub(crate) p50_us: Option<f64>,
    /// 99 of 100 within.
    pub(crate) p99_us: Option<f64>,
    /// The longest.
    pub(crate) max_us: Option<f64>,
}

/// What the generator and the server were like in one second.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Utilization {
    pub(crate) length_s: f64,
    /// The part of the time in which the busiest generator thread waited.
    pub(crate) waiting_share: f64,
    /// The part of a core that the busiest generator thread used.
    pub(crate) cpu_share: f64,
    /// The part of a core that the server's busiest thread used, if it is known.
    pub(crate) server_thread_share: Option<f64>,
}

/// Everything of a run, of all threads.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) latency: Durations,
    pub(crate) send_lag: Durations,
    pub(crate) iteration: Durations,
    pub(crate) rows: Vec<SecondRow>,
    pub(crate) utilization: Vec<Utilization>,
    /// CPU time of all generator threads.
    pub(crate) cpu_ns: u64,
    /// The interval log, if one was asked for.
    pub(crate) hdr: Option<String>,
}

/// The seconds of all threads.
#[derive(Debug, Default)]
struct Merged {
    threads: usize,
    length_ns: u64,
    latency: Durations,
    send_lag: Durations,
    iteration: Durations,
    sent: u64,
    received: u64,
    waiting_share: Option<f64>,
    cpu_share: f64,
    cpu_ns: u64,
    server_thread_share: Option<f64>,
}

/// Collects until all threads are done.
pub(crate) struct Collector {
    shared: Arc<Shared>,
    pids: Vec<u32>,
    /// CPU time of the server's threads when the last second ended.
    server_threads: Option<HashMap<String, u64>>,
    open: BTreeMap<u64, Merged>,
    hdr: Option<HdrLog>,
    live: Live,
    collected: Collected,
}

impl Collector {
    /// Of a run; `pids` are the server's processes, if they are known.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        pids: Vec<u32>,
        hdr: Option<HdrLog>,
        live: Live,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            pids,
            server_threads: None,
            open: BTreeMap::new(),
            hdr,
            live,
            collected: Collected::default(),
        }
    }

    /// Takes in what the threads send until they are done. `begun` is set when the measured time
    /// begins.
    pub(crate) fn collect(mut self, seconds: &Receiver<Second>, begun: &AtomicBool) -> Collected {
        loop {
            if self.server_threads.is_none() && begun.load(Ordering::Acquire) {
                self.server_threads = Some(self.server_now());
            }
            let wait = if self.server_threads.is_none() && !self.pids.is_empty() {
                DRAW_EVERY / 10
            } else {
                DRAW_EVERY
            };
            match seconds.recv_timeout(wait) {
                Ok(second) => self.take(second),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.live.show(&self.shared, &self.collected.rows);
        }
        while let Some((index, merged)) = self.open.pop_first() {
            self.finish(index, merged);
        }
        self.live.clear();
        self.collected.hdr = self.hdr.map(HdrLog::into_text);
        self.collected
    }

    fn server_now(&self) -> HashMap<String, u64> {
        process::threads_cpu_ns(&self.pids)
    }

    fn take(&mut self, second: Second) {
        let index = second.index;
        if !self.open.contains_key(&index) {
            let mut merged = Merged::default();
            if let Some(before) = self.server_threads.take().filter(|_| !self.pids.is_empty()) {
                let now = self.server_now();
                let share = us(process::busiest_ns(&before, &now)) / us(second.length_ns.max(1));
                // It was looked at a little later than the second ended.
                merged.server_thread_share = Some(share.min(1.0));
                self.server_threads = Some(now);
            }
            self.open.insert(index, merged);
        }
        let threads = self.shared.threads;
        let Some(merged) = self.open.get_mut(&index) else {
            return;
        };
        merged.add(&second);
        if merged.threads == threads
            && let Some(merged) = self.open.remove(&index)
        {
            self.finish(index, merged);
        }
    }

    fn finish(&mut self, index: u64, merged: Merged) {
        let all = &mut self.collected;
        all.latency.add(&merged.latency);
        all.send_lag.add(&merged.send_lag);
        all.iteration.add(&merged.iteration);
        if let Some(hdr) = &mut self.hdr {
            hdr.add(index * SECOND_NS, merged.length_ns, &merged.latency);
        }
        // What came after the measured time has a place in the distribution, and no second.
        if merged.length_ns == 0 {
            return;
        }
        all.cpu_ns += merged.cpu_ns;
        let length_s = us(merged.length_ns) / 1e6;
        all.rows.push(SecondRow {
            second: index,
            sent_per_s: merged.sent as f64 / length_s,
            received_per_s: merged.received as f64 / length_s,
            p50_us: merged.latency.told_us(0.5),
            p99_us: merged.latency.told_us(0.99),
            max_us: merged.latency.max_us(),
        });
        all.utilization.push(Utilization {
            length_s,
            waiting_share: merged.waiting_share.unwrap_or(0.0),
            cpu_share: merged.cpu_share,
            server_thread_share: merged.server_thread_share,
        });
    }
}

impl Merged {
    fn add(&mut self, second: &Second) {
        self.threads += 1;
        self.length_ns = self.length_ns.max(second.length_ns);
        self.latency.add(&second.latency);
        self.send_lag.add(&second.send_lag);
        self.iteration.add(&second.iteration);
        self.sent += second.sent;
        self.received += second.received;
        self.cpu_ns += second.cpu_ns;
        let length_ns = second.length_ns.max(1) as f64;
        let waiting = second.waited_ns as f64 / length_ns;
        self.waiting_share = Some(self.waiting_share.map_or(waiting, |w| w.min(waiting)));
        // A thread has looked at its clock a little later than the second ended.
        let cpu_share = (second.cpu_ns as f64 / length_ns).min(1.0);
        self.cpu_share = self.cpu_share.max(cpu_share);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::bench::config::load_of;

    #[test]
    fn each_second_is_told_by_its_busiest_thread() {
        let load = load_of("echo 7788 -c 2 --threads 2");
        let shared = Arc::new(Shared::new(&load, 0, Arc::default()));
        let (tell, seconds) = mpsc::sync_channel(8);
        // Of a thousand, of the two threads in each of three seconds.
        for (index, waited) in [(0, [900, 500]), (1, [10, 400]), (2, [700, 800])] {
            for waited in waited {
                let part_ns = SECOND_NS / 1_000;
                let second = Second {
                    index,
                    length_ns: SECOND_NS,
                    waited_ns: waited * part_ns,
                    cpu_ns: (1_000 - waited) * part_ns,
                    ..Second::default()
                };
                tell.send(second).unwrap();
            }
        }
        drop(tell);
        let collector = Collector::new(&shared, Vec::new(), None, Live::new(&load));
        let collected = collector.collect(&seconds, &AtomicBool::new(true));
        let told = collected.utilization.iter();
        let told: Vec<_> = told
            .map(|second| (second.length_s, second.waiting_share, second.cpu_share))
            .collect();
        assert_eq!(told, [(1.0, 0.5, 0.5), (1.0, 0.01, 0.99), (1.0, 0.7, 0.3)]);
        assert_eq!(collected.cpu_ns, 2_690 * (SECOND_NS / 1_000));
    }
}
