//! The loop of one generator thread: one poll, and every connection of the thread. It waits, reads
//! each ready connection once, lets senders that are due send in between, and keeps the time.
//!
//! It stands beside the server's reactor and not on it, for it needs what a server must not
//! have: it sends at the very moment at which something is due and writes down when. What one
//! connection may have of an iteration has a bound all the same: a server that sends without end
//! keeps neither the time nor the other connections from being looked at. The sockets and their
//! registration are the reactor's.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;

use mio::{Events, Poll, Token};
use slab::Slab;

use crate::bench::config::{Load, Scenario, Target};
use crate::bench::doctor;
use crate::bench::load::background::{BackgroundCounts, BackgroundLoad};
use crate::bench::load::clock::ns;
use crate::bench::load::connection::{Connection, Written};
use crate::bench::load::engine::Engine;
use crate::bench::load::handshake::{Handshake, Wait};
use crate::bench::load::schedule::NEVER;
use crate::bench::load::shared::{Point, Shared, Stage, part};
use crate::bench::load::timer::Timer;
use crate::bench::measure::metrics::{Second, Used};
use crate::bench::measure::process;
use crate::failure::CliError;
use crate::reactor::Net as _;
use crate::reactor::System;

mod opening;
mod stages;
mod traffic;

use opening::Ways;

const TIMER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
/// Events taken from the poll at once.
const EVENTS_PER_ITERATION: usize = 1024;
/// What every read goes into: so much of what a server has merged is taken at once.
const SCRATCH_BYTES: usize = 256 * 1024;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Sends, receives and is measured; its key is its number among the thread's.
    Member,
    /// Is there and reads.
    Idle,
    /// Never reads.
    Slow,
    /// Comes and goes.
    Transient,
}

/// How far a connection has come.
#[derive(Debug)]
enum Step {
    Connecting,
    /// Its TLS handshake is under way.
    Securing,
    Handshake(Box<Wait>),
    Open,
    /// To be taken away at the end of the iteration.
    Gone,
}

/// One line of the cache: thousands are gone through in turn.
#[derive(Debug)]
#[repr(align(64))]
struct Slot {
    connection: Connection,
    role: Role,
    step: Step,
    /// Something is held, and the engine or the background load knows.
    blocked: bool,
    /// The server has said something.
    has_answered: bool,
    /// The server sends no more.
    is_closed: bool,
    /// It stands in `unfinished`.
    is_unfinished: bool,
    /// When the connection was due.
    due_ns: u64,
    /// Its place among those that were dialled.
    nth: usize,
}

// A debug build of mio has more in a stream.
#[cfg(not(debug_assertions))]
const _: () = assert!(size_of::<Slot>() == 64);

/// A moment at which the measured time begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing is connected yet.
    Before,
    /// All are connected and known to the server.
    Ready,
    /// The measured time begins.
    From,
    /// The measured time ends.
    To,
}

/// What is to be looked at outside of the threads when something begins or ends.
pub(crate) trait Watcher {
    /// Told at once, by the first thread.
    fn mark(&mut self, mark: Mark, now_ns: u64);
}

/// One thread's connections and its loop.
pub(crate) struct Driver<'a> {
    load: &'a Load,
    shared: Arc<Shared>,
    thread: usize,
    name: String,
    poll: Poll,
    system: System,
    timer: Timer,
    ways: Ways,
    handshake: Handshake,
    slots: Slab<Slot>,
    gone: Vec<usize>,
    /// Connections that had more to do than an iteration has time for. No edge tells of them.
    unfinished: VecDeque<usize>,
    /// Connections that were dialled.
    dialled: usize,
    scratch: Box<[u8]>,
    out: Vec<u8>,
    background: BackgroundLoad,
    /// Members that are open.
    open: usize,
    /// Idle and slow ones that are open.
    others_open: usize,
    /// Connections begun and not yet open.
    pending: usize,
    /// Whether connections may still fail the run: until the load begins.
    is_preparing: bool,
    /// Meanwhile: what the server has said last, by connection.
    last_words: HashMap<usize, Vec<u8>>,
    failure: Option<CliError>,
    /// When the last wait ended.
    woke_ns: u64,
    /// Spent in waits.
    waited_ns: u64,
    /// Deliveries that the others have been told of.
    told_received: u64,
    /// Members whose connection the server ended during the load.
    members_lost: usize,
    /// Why the first of them ended, if more is known than that.
    first_loss: Option<String>,
    engine: Engine,
    seconds: Sender<Second>,
}

/// What a thread leaves when it is done.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) engine: Engine,
    pub(crate) members_lost: usize,
    pub(crate) first_loss: Option<String>,
    pub(crate) background: BackgroundCounts,
}

impl<'a> Driver<'a> {
    /// A generator for the part of `load` against `target` that is `thread`'s; nothing is opened
    /// yet but the poll. `seconds` gets what was measured, second by second.
    ///
    /// # Errors
    /// An address means nothing, or the system says why it cannot be.
    pub(crate) fn new(
        load: &'a Load,
        target: &Target,
        shared: &Arc<Shared>,
        thread: usize,
        seconds: Sender<Second>,
    ) -> Result<Self, CliError> {
        let name = format!("bench {} {}", load.name(), target.name());
        let failed = |error: io::Error| CliError::runtime(format!("{name}: {error}"));
        let threads = shared.threads;
        let connections = load.lasting_connections();
        let ways = Ways::new(load, target, thread)?;
        let poll = Poll::new().map_err(failed)?;
        let registry = poll.registry().try_clone().map_err(failed)?;
        let timer = Timer::new(poll.registry(), TIMER).map_err(failed)?;
        if threads > 1 {
            let waker = mio::Waker::new(poll.registry(), WAKER).map_err(failed)?;
            shared.set_waker(thread, waker);
        }
        let engine = Engine::new(load, shared, thread);
        let handshake = Handshake::new(&load.settings, engine.protocol().clone());
        Ok(Self {
            load,
            shared: Arc::clone(shared),
            thread,
            poll,
            system: System::new(registry),
            timer,
            ways,
            handshake,
            slots: Slab::with_capacity(part(connections, thread, threads)),
            gone: Vec::new(),
            unfinished: VecDeque::new(),
            dialled: 0,
            scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
            out: Vec::with_capacity(SCRATCH_BYTES),
            background: BackgroundLoad::new(load, thread),
            open: 0,
            others_open: 0,
            pending: 0,
            is_preparing: true,
            last_words: HashMap::new(),
            failure: None,
            woke_ns: 0,
            waited_ns: 0,
            told_received: 0,
            members_lost: 0,
            first_loss: None,
            engine,
            seconds,
            name,
        })
    }

    /// What is left when the run is over.
    pub(crate) fn into_outcome(self) -> Outcome {
        Outcome {
            engine: self.engine,
            members_lost: self.members_lost,
            first_loss: self.first_loss,
            background: self.background.counts,
        }
    }

    /// Waits until something happens or `until_ns`, and does what there is to do.
    fn iterate(&mut self, events: &mut Events, until_ns: u64) -> Result<(), CliError> {
        let now_ns = self.now_ns();
        let due_ns = if self.unfinished.is_empty() {
            until_ns
                .min(self.engine.next_due_ns())
                .min(self.background.next_due_ns())
                .min(self.engine.metrics().second_ends_ns())
        } else {
            now_ns
        };
        let wait = self.timer.before_poll(now_ns, due_ns);
        let wait = wait.map_err(|error| self.failed(&error))?;
        let worked_ns = now_ns.saturating_sub(self.woke_ns);
        self.engine.metrics_mut().iteration(now_ns, worked_ns);
        match self.poll.poll(events, wait) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            Err(error) => return Err(self.failed(&error)),
        }
        self.woke_ns = self.now_ns();
        self.waited_ns += self.woke_ns.saturating_sub(now_ns);
        self.send_what_is_due(self.woke_ns);
        for event in events.iter() {
            match event.token() {
                TIMER => self.timer.fired(),
                WAKER => {}
                Token(key) => {
                    if event.is_writable() {
                        self.on_writable(key);
                    }
                    if event.is_readable() || event.is_read_closed() {
                        if let Some(slot) = self.slots.get_mut(key) {
                            slot.is_closed |= event.is_read_closed();
                        }
                        self.on_readable(key);
                    }
                }
            }
        }
        self.go_on();
        if self.shared.threads > 1 {
            self.exchange_notes();
        }
        self.background_iteration();
        self.reap();
        self.end_seconds();
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// Tells the other threads what they wait for, and takes what they tell.
    fn exchange_notes(&mut self) {
        let now_ns = self.now_ns();
        self.engine.take_notes(now_ns, self.thread);
        self.send_what_is_due(now_ns);
        self.engine.tell_others();
    }

    /// Hands on the seconds that are over.
    fn end_seconds(&mut self) {
        let received = self.engine.recorder().tracker().totals().received;
        let more = received - self.told_received;
        if more > 0 {
            self.told_received = received;
            self.shared.received.fetch_add(more, Ordering::Relaxed);
        }
        if self.engine.metrics().second_ends_ns() <= self.woke_ns {
            let (used, now_ns) = (self.used(), self.woke_ns);
            let seconds = &self.seconds;
            self.engine
                .metrics_mut()
                .end_seconds(now_ns, used, |second| {
                    // If the collector has failed, the run fails with it.
                    let _ = seconds.send(second);
                });
        }
    }

    /// What the thread has used so far.
    fn used(&self) -> Used {
        Used {
            waited_ns: self.waited_ns,
            cpu_ns: process::own_thread_cpu_ns(),
        }
    }

    /// The connection ended, or is to end; a failure while the run is being prepared.
    fn lose(&mut self, key: usize, why: Option<&io::Error>) {
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        let step = std::mem::replace(&mut slot.step, Step::Gone);
        if matches!(step, Step::Gone) {
            return;
        }
        self.gone.push(key);
        let was_open = matches!(step, Step::Open);
        self.pending -= usize::from(!was_open);
        let (role, nth) = (slot.role, slot.nth);
        if role == Role::Transient {
            self.background.transient_lost(key);
            return;
        }
        if self.is_preparing {
            let failure = self.not_there(key, nth, why);
            self.failure.get_or_insert(failure);
        }
        match role {
            Role::Member => {
                self.open -= usize::from(was_open);
                self.members_lost += 1;
                if let (None, Some(why)) = (&self.first_loss, why) {
                    self.first_loss = Some(why.to_string());
                }
                let now_ns = self.now_ns();
                self.engine.left(now_ns, key);
            }
            Role::Idle | Role::Slow | Role::Transient => {
                self.others_open -= usize::from(was_open);
                self.background.other_lost(role == Role::Slow);
            }
        }
    }

    /// Takes away what has ended: not before the iteration's end, for its events may still name it.
    fn reap(&mut self) {
        while let Some(key) = self.gone.pop() {
            // A member's key is its number, and is not given to anything else.
            let is_member = self.slots.get(key).is_some_and(|s| s.role == Role::Member);
            if is_member {
                if let Some(slot) = self.slots.get(key) {
                    let _ = self.system.shutdown_write(slot.connection.stream());
                }
            } else if let Some(slot) = self.slots.try_remove(key) {
                self.system.close(slot.connection.into_stream());
            }
        }
    }

    fn failed(&self, error: &io::Error) -> CliError {
        let hint = doctor::hint(error);
        CliError::runtime(format!("{}: {error}{hint}", self.name))
    }

    /// The time of the run.
    #[inline]
    fn now_ns(&self) -> u64 {
        self.shared.clock.now_ns()
    }

    /// Until when something that ought to come is awaited.
    fn timeout_ns(&self) -> u64 {
        let timeout_ns = ns(self.load.settings.timeout());
        self.now_ns().saturating_add(timeout_ns)
    }
}
