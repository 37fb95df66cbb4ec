//! The load around the members: connections that only sit there, never read, or come and go.
//! What they do and how many of them failed; no socket.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::bench::config::{Load, Scenario};
use crate::bench::load::clock::ns;
use crate::bench::load::schedule::{NEVER, Ticks};

/// In a room, a transient client stays so long: 100 ms.
const STAY_NS: u64 = 100_000_000;
/// Transient clients at once.
const TRANSIENTS_MAX: usize = 5_000;

/// What became of the background load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BackgroundCounts {
    /// Came: connections asked for.
    pub(crate) came: u64,
    /// Came, were served and went.
    pub(crate) served: u64,
    /// The server refused them, did not answer in time, or hung up on them.
    pub(crate) failed: u64,
    /// The generator could not ask for them: too many were there already, or the system had no
    /// more.
    pub(crate) not_dialled: u64,
    /// Connections that never read, and that the server ended.
    pub(crate) slow_closed: u64,
    /// Connections that only sat there, and that the server ended.
    pub(crate) idle_closed: u64,
}

#[derive(Debug, Clone, Copy)]
struct Transient {
    leaves_ns: u64,
    is_open: bool,
    is_served: bool,
}

/// The background load's state.
#[derive(Debug)]
pub(crate) struct BackgroundLoad {
    is_echo: bool,
    size_bytes: usize,
    timeout_ns: u64,
    per_s: u64,
    ticks: Option<Ticks>,
    issued: u64,
    transients: HashMap<usize, Transient>,
    /// Who leaves next, in order of time; entries may be old.
    leaving: VecDeque<(u64, usize)>,
    pub(crate) counts: BackgroundCounts,
}

impl BackgroundLoad {
    /// The part of `thread`: the first one's clients come and go.
    pub(crate) fn new(load: &Load, thread: usize) -> Self {
        let settings = &load.settings;
        Self {
            is_echo: load.scenario == Scenario::Echo,
            size_bytes: settings.size_bytes,
            timeout_ns: ns(settings.timeout()),
            per_s: if thread == 0 { settings.churn_per_s } else { 0 },
            ticks: None,
            issued: 0,
            transients: HashMap::new(),
            leaving: VecDeque::new(),
            counts: BackgroundCounts::default(),
        }
    }

    /// From `now_ns` on they come.
    pub(crate) fn start(&mut self, now_ns: u64) {
        self.ticks = (self.per_s > 0).then(|| Ticks::new(now_ns, self.per_s));
    }

    /// Nobody comes any more.
    pub(crate) fn stop(&mut self) {
        self.ticks = None;
    }

    /// When something is to be done next.
    #[inline]
    pub(crate) fn next_due_ns(&self) -> u64 {
        if self.per_s == 0 {
            return NEVER;
        }
        let comes = self.ticks.map_or(NEVER, |ticks| ticks.due_ns(self.issued));
        let leaves = self.leaving.front().map_or(NEVER, |(at, _)| *at);
        comes.min(leaves)
    }

    /// How many come now.
    pub(crate) fn take_due(&mut self, now_ns: u64) -> u64 {
        let Some(ticks) = self.ticks else {
            return 0;
        };
        let due = ticks.due_by(now_ns).saturating_sub(self.issued);
        self.issued += due;
        self.counts.came += due;
        let free = TRANSIENTS_MAX.saturating_sub(self.transients.len()) as u64;
        self.counts.not_dialled += due.saturating_sub(free);
        due.min(free)
    }

    pub(crate) fn transient_dialled(&mut self, key: usize, now_ns: u64) {
        let leaves_ns = now_ns.saturating_add(self.timeout_ns);
        self.note(key, leaves_ns, false);
    }

    pub(crate) fn transient_not_dialled(&mut self) {
        self.counts.not_dialled += 1;
    }

    /// The transient client is in; what it says goes to `out`.
    pub(crate) fn transient_opened(&mut self, key: usize, now_ns: u64, out: &mut Vec<u8>) {
        if self.is_echo {
            self.ballast(out);
        } else {
            self.note(key, now_ns.saturating_add(STAY_NS), true);
        }
    }

    /// Something came for it; whether it may go.
    pub(crate) fn transient_heard(&mut self, key: usize) -> bool {
        if !self.is_echo {
            return false;
        }
        if let Some(transient) = self.transients.get_mut(&key) {
            transient.is_served = true;
        }
        true
    }

    /// The next one whose time is over.
    pub(crate) fn next_to_leave(&mut self, now_ns: u64) -> Option<usize> {
        while let Some((at, key)) = self.leaving.front().copied() {
            if at > now_ns {
                return None;
            }
            self.leaving.pop_front();
            let transient = self.transients.get_mut(&key);
            if let Some(transient) = transient.filter(|t| t.leaves_ns <= now_ns) {
                // One that an echo has not answered by now is not served.
                transient.is_served |= transient.is_open && !self.is_echo;
                return Some(key);
            }
        }
        None
    }

    /// Its connection has ended, from whichever side.
    pub(crate) fn transient_lost(&mut self, key: usize) {
        match self.transients.remove(&key) {
            Some(transient) if transient.is_served => self.counts.served += 1,
            _ => self.counts.failed += 1,
        }
    }

    pub(crate) fn other_lost(&mut self, slow: bool) {
        if slow {
            self.counts.slow_closed += 1;
        } else {
            self.counts.idle_closed += 1;
        }
    }

    /// A line that is no message, of a message's size.
    pub(crate) fn ballast(&self, out: &mut Vec<u8>) {
        out.resize(out.len() + self.size_bytes.saturating_sub(1), b'x');
        out.push(b'\n');
    }

    fn note(&mut self, key: usize, leaves_ns: u64, is_open: bool) {
        let transient = Transient {
            leaves_ns,
            is_open,
            is_served: false,
        };
        self.transients.insert(key, transient);
        // Two lengths of stay, so almost in order: put it where it belongs, from behind.
        let behind = self
            .leaving
            .iter()
            .rev()
            .take_while(|(at, _)| *at > leaves_ns);
        let place = self.leaving.len() - behind.count();
        self.leaving.insert(place, (leaves_ns, key));
    }
}

impl std::ops::AddAssign for BackgroundCounts {
    fn add_assign(&mut self, other: Self) {
        self.came += other.came;
        self.served += other.served;
        self.failed += other.failed;
        self.not_dialled += other.not_dialled;
        self.slow_closed += other.slow_closed;
        self.idle_closed += other.idle_closed;
    }
}
