//! The unit that stays put while a shared machine changes its speed: the CPU time of one
//! send of 100 bytes and their receipt on loopback, taken on the server's core, or on its processes'
//! in turn, in the same seconds in which the server is measured.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::bench::measure::process;

/// Bytes that are sent and received.
const LOOPBACK_BYTES: usize = 100;
/// A burst: so many exchanges, the first ones to warm the caches and not counted.
const LOOPBACKS: u32 = 40;
const WARMING: u32 = 10;
/// Between bursts: so it takes less than 1 % of the core.
const PAUSE: Duration = Duration::from_millis(50);

/// A thread that measures exchanges now and then.
#[derive(Debug)]
pub(crate) struct Calibrator {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<u64>>,
}

impl Calibrator {
    /// Starts beside these processes.
    ///
    /// # Errors
    /// No sockets, no thread, or no such process.
    pub(crate) fn start(pids: &[u32]) -> io::Result<Self> {
        let (near, far) = pair()?;
        for pid in pids {
            process::usage(*pid)?;
        }
        let pids = pids.to_vec();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("calibrate".to_owned())
            .spawn(move || measure(&pids, near, far, &stopped))?;
        Ok(Self { stop, thread })
    }

    /// Ends it; the median CPU time of a send and receive in microseconds, if any was measured.
    pub(crate) fn finish(self) -> Option<f64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        let mut bursts_ns = self.thread.join().ok()?;
        bursts_ns.sort_unstable();
        let median_ns = bursts_ns.get(bursts_ns.len() / 2)?;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand ns")]
        let us = *median_ns as f64 / f64::from(LOOPBACKS) / 1_000.0;
        Some(us)
    }
}

fn pair() -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    Ok((near, far))
}

/// CPU time of each burst, in nanoseconds.
fn measure(pids: &[u32], mut near: TcpStream, mut far: TcpStream, stop: &AtomicBool) -> Vec<u64> {
    let mut bursts_ns = Vec::new();
    let mut bytes = [b'x'; LOOPBACK_BYTES];
    for pid in pids.iter().cycle() {
        if stop.load(Ordering::Relaxed) || sit_beside(*pid).is_none() {
            break;
        }
        let mut begun_ns = 0;
        for i in 0..WARMING + LOOPBACKS {
            if i == WARMING {
                begun_ns = process::own_thread_cpu_ns();
            }
            if near.write_all(&bytes).is_err() || far.read_exact(&mut bytes).is_err() {
                return bursts_ns;
            }
        }
        bursts_ns.push(process::own_thread_cpu_ns().saturating_sub(begun_ns));
        thread::park_timeout(PAUSE);
    }
    bursts_ns
}

/// Moves this thread to the core that the server runs on.
fn sit_beside(pid: u32) -> Option<()> {
    let of = rustix::process::Pid::from_raw(i32::try_from(pid).ok()?);
    let allowed = sched_getaffinity(of).ok()?;
    let last = process::usage(pid).ok()?.processor as usize;
    let mut one = CpuSet::new();
    if last < CpuSet::MAX_CPU && allowed.is_set(last) {
        one.set(last);
        // Where it may not be moved, it measures where it is.
        let _ = sched_setaffinity(None, &one);
    }
    Some(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_takes_some_microseconds() {
        let calibrator = Calibrator::start(&[std::process::id()]).unwrap();
        thread::sleep(Duration::from_millis(120));
        let us = calibrator.finish().unwrap();
        assert!((0.5..10_000.0).contains(&us), "{us}");
    }
}
