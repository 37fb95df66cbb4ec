//! A wait that ends on the microsecond: the poll's own timeout is rounded up to a millisecond,
//! which an open loop would show as send lag. On Linux a timer descriptor in the poll; it is
//! never read, for setting it again makes it quiet.

use std::io;
use std::time::Duration;

use mio::Token;

/// Wakes the poll when something is due.
#[derive(Debug)]
pub(crate) struct Timer {
    #[cfg(target_os = "linux")]
    timer: std::os::fd::OwnedFd,
    armed_ns: u64,
}

/// Not armed.
const NEVER: u64 = u64::MAX;

impl Timer {
    /// A timer that reports to `registry`'s poll as `token`.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn new(registry: &mio::Registry, token: Token) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        {
            use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
            use std::os::fd::AsRawFd;

            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            let raw = timer.as_raw_fd();
            let mut source = mio::unix::SourceFd(&raw);
            registry.register(&mut source, token, mio::Interest::READABLE)?;
            Ok(Self {
                timer,
                armed_ns: NEVER,
            })
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (registry, token);
            Ok(Self { armed_ns: NEVER })
        }
    }

    /// Sees to it that a poll begun at `now_ns` ends at `due_ns`; returns the timeout to give
    /// it. The system is only asked when `due_ns` has changed.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn before_poll(&mut self, now_ns: u64, due_ns: u64) -> io::Result<Option<Duration>> {
        if due_ns == NEVER {
            return Ok(None);
        }
        if due_ns <= now_ns {
            return Ok(Some(Duration::ZERO));
        }
        let wait = Duration::from_nanos(due_ns - now_ns);
        #[cfg(target_os = "linux")]
        {
            if self.armed_ns != due_ns {
                self.set(wait)?;
                self.armed_ns = due_ns;
            }
            Ok(None)
        }
        #[cfg(not(target_os = "linux"))]
        Ok(Some(wait))
    }

    /// It has rung.
    pub(crate) fn fired(&mut self) {
        self.armed_ns = NEVER;
    }

    #[cfg(target_os = "linux")]
    fn set(&self, wait: Duration) -> io::Result<()> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};

        let zero = Timespec::default();
        let value = Itimerspec {
            it_interval: zero,
            it_value: Timespec {
                tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: wait.subsec_nanos().into(),
            },
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &value)?;
        Ok(())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn it_ends_a_poll_again_and_again() {
        let mut poll = mio::Poll::new().unwrap();
        let mut events = mio::Events::with_capacity(4);
        let mut timer = Timer::new(poll.registry(), Token(7)).unwrap();
        for _ in 0..5 {
            let begun = Instant::now();
            assert_eq!(timer.before_poll(1_000, 301_000).unwrap(), None);
            poll.poll(&mut events, Some(Duration::from_secs(5)))
                .unwrap();
            assert!(begun.elapsed() >= Duration::from_micros(290));
            assert_eq!(events.iter().next().map(|e| e.token()), Some(Token(7)));
            timer.fired();
        }
        assert_eq!(timer.before_poll(5, 5).unwrap(), Some(Duration::ZERO));
        assert_eq!(timer.before_poll(5, NEVER).unwrap(), None);
    }
}
