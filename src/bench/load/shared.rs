//! What the generator's threads tell each other. Every connection belongs to one thread; between
//! threads go only counts, what became of a room's messages, and how far each has come.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::bench::check::order::SharedOrder;
use crate::bench::config::{Load, Scenario};
use crate::bench::load::clock::Clock;
use crate::bench::load::schedule::NEVER;
use crate::failure::CliError;

/// All receivers of a thread have had a message of a sender of another thread's, or will not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Note {
    pub(crate) sender: u32,
    pub(crate) sequence: u32,
    pub(crate) first_ns: u64,
    pub(crate) last_ns: u64,
    pub(crate) is_given_up: bool,
}

/// Points of a run that all threads pass together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// All connections are open.
    Connected,
    /// Nothing is sent any more.
    Stopped,
    /// Nobody waits for anything any more.
    Drained,
    /// Nothing is read any more.
    Over,
}

const POINTS: usize = 4;

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Connections are being made.
    Connecting,
    /// The load is on, but does not count yet.
    WarmingUp,
    /// What is due now counts.
    Measuring,
    /// The last messages are awaited.
    Draining,
}

const STAGES: [Stage; 4] = [
    Stage::Connecting,
    Stage::WarmingUp,
    Stage::Measuring,
    Stage::Draining,
];

/// The messages that other threads have for one.
#[derive(Debug, Default)]
struct Inbox {
    notes: Mutex<Vec<Note>>,
    waker: OnceLock<mio::Waker>,
}

/// The measured messages of a closed loop, which its threads take one by one. A thread may have
/// read its clock before another one did and take a message after it, so the last one that is taken
/// need not be the latest.
#[derive(Debug)]
struct Budget {
    /// Nobody has taken these.
    left: AtomicU64,
    /// These are not in `end_ns` yet.
    untimed: AtomicU64,
    /// Just behind the latest message.
    end_ns: AtomicU64,
}

impl Budget {
    fn new(messages: u64) -> Self {
        Self {
            left: AtomicU64::new(messages),
            untimed: AtomicU64::new(messages),
            end_ns: AtomicU64::new(0),
        }
    }

    /// Takes up to `wanted` messages that are sent at `now_ns`: how many, and the end of the
    /// measured time if that is known now.
    fn take(&self, wanted: u32, now_ns: u64) -> (u32, Option<u64>) {
        let wanted = u64::from(wanted);
        let take = |left: u64| Some(left.saturating_sub(wanted));
        let left = self
            .left
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take);
        let taken = left.unwrap_or_else(|left| left).min(wanted);
        if taken == 0 {
            return (0, None);
        }
        self.end_ns.fetch_max(now_ns + 1, Ordering::AcqRel);
        let is_last = self.untimed.fetch_sub(taken, Ordering::AcqRel) == taken;
        let end_ns = is_last.then(|| self.end_ns.load(Ordering::Acquire));
        (u32::try_from(taken).unwrap_or(u32::MAX), end_ns)
    }
}

/// One run's common state.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Tells this run's messages from others'.
    pub(crate) run: u32,
    pub(crate) threads: usize,
    pub(crate) clock: Clock,
    /// By sender: how many it has sent.
    sent: Arc<[AtomicU32]>,
    /// By thread: members that are connected.
    present: Box<[AtomicUsize]>,
    inboxes: Box<[Inbox]>,
    passed: [AtomicUsize; POINTS],
    /// Where all threads' order is compared; none where one thread sees all.
    order: Option<Mutex<SharedOrder>>,
    /// Each thread has a member that hears everything, and tells what that has heard.
    pub(crate) has_listeners: bool,
    /// When the load begins; 0 until that is known.
    start_ns: AtomicU64,
    /// When the measured time ended, if that was before its time.
    end_ns: AtomicU64,
    /// Closed loop with a number of messages.
    budget: Option<Budget>,
    failure: Mutex<Option<CliError>>,
    has_failed: AtomicBool,
    interrupted: Arc<AtomicBool>,
    /// Members that have had a probe.
    pub(crate) probed: AtomicUsize,
    /// Connections that are open, of those that last.
    pub(crate) open: AtomicUsize,
    /// Deliveries so far.
    pub(crate) received: AtomicU64,
    stage: AtomicUsize,
}

impl Shared {
    /// For a run of `load`.
    pub(crate) fn new(load: &Load, run: u32, interrupted: Arc<AtomicBool>) -> Self {
        let settings = &load.settings;
        let threads = settings.threads;
        let (members, senders) = (settings.connections, settings.senders);
        // Members go to the threads in turn, so the last ones come after all senders.
        let has_listeners = settings.own || members >= senders.saturating_add(threads);
        let compares = threads > 1 && load.scenario == Scenario::Room;
        let closed_for = settings.messages.filter(|_| settings.in_flight.is_some());
        Self {
            run,
            threads,
            clock: Clock::start(),
            sent: (0..senders).map(|_| AtomicU32::new(0)).collect(),
            present: (0..threads)
                .map(|thread| AtomicUsize::new(part(members, thread, threads)))
                .collect(),
            inboxes: (0..threads).map(|_| Inbox::default()).collect(),
            passed: Default::default(),
            order: compares.then(|| {
                Mutex::new(if has_listeners {
                    SharedOrder::new(threads, 0)
                } else {
                    SharedOrder::new(members, senders)
                })
            }),
            has_listeners,
            start_ns: AtomicU64::new(0),
            end_ns: AtomicU64::new(NEVER),
            budget: closed_for.map(Budget::new),
            failure: Mutex::new(None),
            has_failed: AtomicBool::new(false),
            interrupted,
            probed: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            received: AtomicU64::new(0),
            stage: AtomicUsize::new(0),
        }
    }

    /// How many `sender` has sent.
    #[inline]
    pub(crate) fn sent(&self, sender: usize) -> u32 {
        self.sent[sender].load(Ordering::Acquire)
    }

    /// How many each sender has sent.
    pub(crate) fn sent_counts(&self) -> Arc<[AtomicU32]> {
        Arc::clone(&self.sent)
    }

    /// `sender` has sent one more. Only its own thread says so.
    #[inline]
    pub(crate) fn count_sent(&self, sender: usize) {
        let count = self.sent[sender].load(Ordering::Relaxed);
        self.sent[sender].store(count + 1, Ordering::Release);
    }

    /// How many all have sent.
    pub(crate) fn sent_by_all(&self) -> u64 {
        let counts = self
            .sent
            .iter()
            .map(|n| u64::from(n.load(Ordering::Acquire)));
        counts.sum()
    }

    /// Threads but `thread` that have members.
    pub(crate) fn others_present(&self, thread: usize) -> usize {
        let others = self.present.iter().enumerate();
        let others = others.filter(|(other, n)| *other != thread && n.load(Ordering::Relaxed) > 0);
        others.count()
    }

    /// A member of `thread` has left.
    pub(crate) fn left(&self, thread: usize) {
        self.present[thread].fetch_sub(1, Ordering::Relaxed);
    }

    /// How many of `thread`'s inbox can be told that something is in it.
    pub(crate) fn set_waker(&self, thread: usize, waker: mio::Waker) {
        // Each thread does so once.
        let _ = self.inboxes[thread].waker.set(waker);
    }

    /// Hands `notes` to `thread`, and wakes it if it may wait for them.
    pub(crate) fn tell(&self, thread: usize, notes: &mut Vec<Note>, wakes: bool) {
        let inbox = &self.inboxes[thread];
        let mut waiting = inbox.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let was_empty = waiting.is_empty();
        waiting.append(notes);
        drop(waiting);
        if let Some(waker) = inbox.waker.get().filter(|_| was_empty && wakes) {
            // Where it fails the thread finds the notes when it wakes by itself.
            let _ = waker.wake();
        }
    }

    /// Takes what others have told `thread`.
    pub(crate) fn take_notes(&self, thread: usize, into: &mut Vec<Note>) {
        let notes = self.inboxes[thread].notes.lock();
        std::mem::swap(&mut *notes.unwrap_or_else(PoisonError::into_inner), into);
    }

    /// What one thread's receivers have heard, in order.
    pub(crate) fn heard(&self, all: &mut Vec<(u32, u32, u32)>) {
        if let Some(order) = &self.order {
            let mut order = order.lock().unwrap_or_else(PoisonError::into_inner);
            order.heard(all.drain(..));
        }
        all.clear();
    }

    /// Messages that threads' receivers have heard in two orders.
    pub(crate) fn order_violations(&self) -> u64 {
        self.order.as_ref().map_or(0, |order| {
            let order = order.lock().unwrap_or_else(PoisonError::into_inner);
            order.violations()
        })
    }

    /// A thread has come to `point`.
    pub(crate) fn pass(&self, point: Point) {
        self.passed[point as usize].fetch_add(1, Ordering::AcqRel);
    }

    /// Whether all threads have come to `point`.
    pub(crate) fn all_passed(&self, point: Point) -> bool {
        self.passed[point as usize].load(Ordering::Acquire) >= self.threads
    }

    /// Says when the load begins.
    pub(crate) fn set_start(&self, start_ns: u64) {
        self.start_ns.store(start_ns.max(1), Ordering::Release);
    }

    /// When the load begins; none until that is known.
    pub(crate) fn start(&self) -> Option<u64> {
        Some(self.start_ns.load(Ordering::Acquire)).filter(|start| *start > 0)
    }

    /// The measured time ends now, though it was to last longer.
    pub(crate) fn end_early(&self, now_ns: u64) {
        self.end_ns.fetch_min(now_ns, Ordering::AcqRel);
    }

    /// When the measured time was ended early; never, if it was not.
    #[inline]
    pub(crate) fn early_end_ns(&self) -> u64 {
        self.end_ns.load(Ordering::Relaxed)
    }

    /// Takes as many measured messages out of those that may still be sent, to be sent at `now_ns`,
    /// or as many as there are. When all have been taken, the measured time ends behind the latest.
    #[inline]
    pub(crate) fn take_budget(&self, wanted: u32, now_ns: u64) -> u32 {
        let Some(budget) = &self.budget else {
            return wanted;
        };
        let (taken, end_ns) = budget.take(wanted, now_ns);
        if let Some(end_ns) = end_ns {
            self.end_early(end_ns);
        }
        taken
    }

    /// The run cannot go on.
    pub(crate) fn fail(&self, failure: CliError) {
        let mut first = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(failure);
        drop(first);
        self.has_failed.store(true, Ordering::Release);
    }

    /// Whether it cannot go on.
    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// Why it cannot go on.
    pub(crate) fn take_failure(&self) -> Option<CliError> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }

    /// Whether somebody wants it to end.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// The run has come to `stage`.
    pub(crate) fn set_stage(&self, stage: Stage) {
        self.stage.store(stage as usize, Ordering::Relaxed);
    }

    /// Where the run is.
    pub(crate) fn stage(&self) -> Stage {
        let stage = STAGES.get(self.stage.load(Ordering::Relaxed));
        *stage.unwrap_or(&Stage::Draining)
    }
}

/// How many of `all`, which go to `threads` in turn, are `thread`'s.
pub(crate) fn part(all: usize, thread: usize, threads: usize) -> usize {
    all / threads + usize::from(thread < all % threads)
}
