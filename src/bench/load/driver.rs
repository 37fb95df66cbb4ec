//! The generator's loop: one thread, one poll, every connection of a run. It waits, reads each
//! ready connection once, lets whoever's turn it is send in between, and keeps the time.
//!
//! It stands beside the server's reactor and not on it, for it needs what a server must not
//! have: it sends at the very moment at which something is due and stamps it then, and it reads
//! without budgets. The sockets and their registration are the reactor's.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::{Events, Poll, Token};
use slab::Slab;

use crate::addr::Address;
use crate::bench::config::{Load, Scenario};
use crate::bench::doctor;
use crate::bench::load::background::{BackgroundCounts, BackgroundLoad};
use crate::bench::load::clock::{Clock, ns};
use crate::bench::load::connection::{Connection, Written};
use crate::bench::load::dial::Route;
use crate::bench::load::engine::Engine;
use crate::bench::load::handshake::{Expect, Handshake};
use crate::bench::load::timer::Timer;
use crate::failure::CliError;
use crate::reactor::Net as _;
use crate::reactor::System;

mod stages;
mod traffic;

pub(crate) use stages::{Mark, Stage, Watcher};

const TIMER: Token = Token(usize::MAX);
/// Events taken from the poll at once.
const EVENTS_PER_ITERATION: usize = 1024;
/// What every read goes into: so much of what a server has merged is taken at once.
const SCRATCH_BYTES: usize = 256 * 1024;
const NEVER: u64 = u64::MAX;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Sends, receives and is measured; its key is its number.
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
    Handshake(Box<Expect>),
    Open,
    /// To be taken away at the end of the turn.
    Gone,
}

#[derive(Debug)]
struct Slot {
    connection: Connection,
    role: Role,
    step: Step,
    /// Something is held, and the engine or the crowd knows.
    blocked: bool,
    since_ns: u64,
}

/// One run's connections and its loop.
pub(crate) struct Driver<'a> {
    load: &'a Load,
    name: String,
    poll: Poll,
    system: System,
    timer: Timer,
    clock: Clock,
    route: Route,
    handshake: Handshake,
    slots: Slab<Slot>,
    gone: Vec<usize>,
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
    failure: Option<CliError>,
    /// When the last wait ended.
    woke_ns: u64,
    /// Spent in waits.
    pub(crate) idle_ns: u64,
    /// Members whose connection the server ended during the load.
    pub(crate) members_lost: usize,
    /// The load as a state machine.
    pub(crate) engine: Engine,
    interrupted: Arc<AtomicBool>,
}

impl<'a> Driver<'a> {
    /// A generator for `load` against `address`; nothing is opened yet but the poll.
    ///
    /// # Errors
    /// The address means nothing, or the system says why it cannot be.
    pub(crate) fn new(
        load: &'a Load,
        address: &Address,
        run: u32,
        interrupted: Arc<AtomicBool>,
    ) -> Result<Self, CliError> {
        let name = format!("bench {} {address}", load.name());
        let failed = |error: io::Error| CliError::runtime(format!("{name}: {error}"));
        let connections = load.connections + load.idle + load.slow;
        let route = Route::new(address, &load.sources, connections).map_err(failed)?;
        let poll = Poll::new().map_err(failed)?;
        let registry = poll.registry().try_clone().map_err(failed)?;
        let timer = Timer::new(poll.registry(), TIMER).map_err(failed)?;
        let engine = Engine::new(load, run);
        let handshake = Handshake {
            join: engine.protocol().join(),
            hello: load.hello.clone(),
            expect: load.expect.clone().map(String::into_bytes),
        };
        Ok(Self {
            load,
            poll,
            system: System::new(registry),
            timer,
            clock: Clock::start(),
            route,
            handshake,
            slots: Slab::with_capacity(connections),
            gone: Vec::new(),
            scratch: vec![0; SCRATCH_BYTES].into_boxed_slice(),
            out: Vec::with_capacity(SCRATCH_BYTES),
            background: BackgroundLoad::new(load),
            open: 0,
            others_open: 0,
            pending: 0,
            is_preparing: true,
            failure: None,
            woke_ns: 0,
            idle_ns: 0,
            members_lost: 0,
            engine,
            interrupted,
            name,
        })
    }

    /// One turn of the loop, which waits until something happens or `until_ns`.
    fn iteration(&mut self, events: &mut Events, until_ns: u64) -> Result<(), CliError> {
        let now_ns = self.clock.now_ns();
        let due_ns = until_ns
            .min(self.engine.next_due_ns())
            .min(self.background.next_due_ns());
        let wait = self.timer.before_poll(now_ns, due_ns);
        let wait = wait.map_err(|error| self.failed(&error))?;
        let worked_ns = now_ns.saturating_sub(self.woke_ns);
        let metrics = &mut self.engine.recorder.metrics;
        if metrics.window().contains(now_ns) {
            metrics.iteration.record(worked_ns);
        }
        match self.poll.poll(events, wait) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => events.clear(),
            Err(error) => return Err(self.failed(&error)),
        }
        self.woke_ns = self.clock.now_ns();
        self.idle_ns += self.woke_ns.saturating_sub(now_ns);
        self.send_what_is_due(self.woke_ns);
        for event in events.iter() {
            if event.token() == TIMER {
                self.timer.fired();
                continue;
            }
            let key = event.token().0;
            if event.is_writable() {
                self.on_writable(key);
            }
            if event.is_readable() || event.is_read_closed() {
                self.on_readable(key, event.is_read_closed());
            }
        }
        self.background_iteration();
        self.reap();
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// Begins a connection; false if the server's queue is full.
    fn dial(&mut self, role: Role) -> Result<Option<usize>, CliError> {
        let mut stream = match self.route.open() {
            Ok(stream) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(self.failed(&error)),
        };
        let entry = self.slots.vacant_entry();
        let key = entry.key();
        let registered = self.system.register(&mut stream, key);
        entry.insert(Slot {
            connection: Connection::new(stream),
            role,
            step: Step::Connecting,
            blocked: false,
            since_ns: self.clock.now_ns(),
        });
        self.pending += 1;
        registered.map_err(|error| self.failed(&error))?;
        Ok(Some(key))
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
        let role = slot.role;
        if role == Role::Transient {
            self.background.transient_lost(key);
            return;
        }
        if self.is_preparing {
            let hint = why.map_or_else(String::new, doctor::hint);
            let why = why.map_or("the server closed it".to_owned(), ToString::to_string);
            let count = self.open + self.others_open;
            self.failure.get_or_insert_with(|| {
                let name = &self.name;
                CliError::runtime(format!("{name}: connection {}: {why}{hint}", count + 1))
            });
        }
        match role {
            Role::Member => {
                self.open -= usize::from(was_open);
                self.members_lost += 1;
                self.engine.left(key);
            }
            Role::Idle | Role::Slow | Role::Transient => {
                self.others_open -= usize::from(was_open);
                self.background.other_lost(role == Role::Slow);
            }
        }
    }

    /// Takes away what has ended: not before the turn's end, for its events may still name it.
    fn reap(&mut self) {
        while let Some(key) = self.gone.pop() {
            // A member's key is its number, and is not given to anybody else.
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
    pub(crate) fn now_ns(&self) -> u64 {
        self.clock.now_ns()
    }

    /// What became of those around the members.
    pub(crate) fn background_counts(&self) -> BackgroundCounts {
        self.background.counts
    }

    /// Whether somebody wants it to end.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Until when something that ought to come is awaited.
    fn timeout_ns(&self) -> u64 {
        self.clock.now_ns().saturating_add(ns(self.load.timeout))
    }
}
