//! A connection's way from being dialled to being open: the kernel's handshake, that of TLS, and what
//! its protocol and the command line want to be said and heard first.

use super::stages::PENDING_MAX;
use super::*;
use crate::addr::Address;
use crate::bench::check::header::Header;
use crate::bench::load::dial::Route;
use crate::sanitize::sanitize;
use crate::tls::{Connector, Trust};

/// A TLS handshake has so many reads of an iteration; a whole one takes two or three.
const SECURING_READS_MAX: usize = 16;

/// What a server says is kept up to here, to be shown in an error.
const LAST_WORDS_BYTES_MAX: usize = 200;
const SHORT_QUEUE: &str = "a short accept queue? --connect-rate spares it";
/// A kernel whose queue is full has a client ask again after a second: this is just under it.
const SLOW_CONNECT_US: f64 = 900_000.0;

/// How connections to one of the server's addresses are made.
pub(super) struct Way {
    /// For errors.
    pub(super) name: String,
    route: Route,
    tls: Option<Connector>,
}

/// The ways to all of them. All connections, whatever they are for, take them in turn.
pub(super) struct Ways {
    ways: Vec<Way>,
    thread: usize,
    threads: usize,
}

impl Ways {
    /// For the connections to `target` that `thread` makes.
    ///
    /// # Errors
    /// An address means nothing.
    pub(super) fn new(load: &Load, target: &Target, thread: usize) -> Result<Self, CliError> {
        let count = target.addresses.len();
        let each = load.lasting_connections().div_ceil(count.max(1));
        let way = |address| {
            let name = format!("bench {} {address}", load.name());
            let route = Route::new(address, &load.sources, each, thread);
            let route = route.map_err(|error| CliError::runtime(format!("{name}: {error}")))?;
            let tls = load.settings.tls.then(|| connector(load, address));
            Ok(Way {
                name,
                route,
                tls: tls.transpose()?,
            })
        };
        let ways: Result<_, CliError> = target.addresses.iter().map(way).collect();
        Ok(Self {
            ways: ways?,
            thread,
            threads: load.settings.threads,
        })
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.ways.len()
    }

    fn place_of(&self, nth: usize) -> usize {
        (nth * self.threads + self.thread) % self.ways.len()
    }

    /// The way of the connection that is the thread's `nth`.
    pub(super) fn of(&self, nth: usize) -> &Way {
        &self.ways[self.place_of(nth)]
    }

    fn of_mut(&mut self, nth: usize) -> &mut Way {
        let place = self.place_of(nth);
        &mut self.ways[place]
    }
}

/// What makes connections to `address` TLS.
fn connector(load: &Load, address: &Address) -> Result<Connector, CliError> {
    let trust = match &load.trust {
        Some(trust) => trust.clone(),
        None if address.is_this_machine() => Trust::Anyone,
        None => Trust::System,
    };
    let connector = Connector::new(&trust, address.certificate_name())?;
    Ok(if load.settings.tls_resume {
        connector
    } else {
        connector.without_resumption()
    })
}

impl Driver<'_> {
    /// Begins a connection that was due at `due_ns`; none if the server's queue is full.
    pub(super) fn dial(&mut self, role: Role, due_ns: u64) -> Result<Option<usize>, CliError> {
        let way = self.ways.of_mut(self.dialled);
        let mut stream = match way.route.open() {
            Ok(stream) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => {
                let hint = doctor::hint(&error);
                return Err(CliError::runtime(format!("{}: {error}{hint}", way.name)));
            }
        };
        let entry = self.slots.vacant_entry();
        let key = entry.key();
        let registered = self.system.register(&mut stream, key);
        entry.insert(Slot {
            connection: Connection::new(stream),
            role,
            step: Step::Connecting,
            blocked: false,
            has_answered: false,
            is_closed: false,
            is_unfinished: false,
            due_ns,
            nth: self.dialled,
        });
        self.pending += 1;
        self.dialled += 1;
        registered.map_err(|error| self.failed(&error))?;
        Ok(Some(key))
    }

    /// Something happened to a connection that is being made.
    pub(super) fn on_connecting(&mut self, key: usize) {
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        match slot.connection.is_connected() {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => return self.lose(key, Some(&error)),
        }
        let now_ns = self.shared.clock.now_ns();
        if slot.role != Role::Transient {
            let taken_ns = now_ns.saturating_sub(slot.due_ns);
            self.engine.metrics_mut().handshake.record(taken_ns);
        }
        let Some(connector) = &self.ways.of(slot.nth).tls else {
            return self.begin(key, now_ns);
        };
        match connector.connect() {
            Ok(tls) => {
                slot.connection.secure(tls);
                slot.step = Step::Securing;
                self.on_securing(key);
            }
            Err(error) => self.lose(key, Some(&error)),
        }
    }

    /// Something happened to a connection whose TLS handshake is under way.
    pub(super) fn on_securing(&mut self, key: usize) {
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        for reads in 0.. {
            if reads == SECURING_READS_MAX {
                return self.leave_unfinished(key);
            }
            match slot.connection.read(&mut self.scratch) {
                Ok(0) => return self.lose(key, None),
                // The server speaks first.
                Ok(n) => {
                    if let Some(tls) = slot.connection.tls() {
                        tls.unread(&self.scratch[..n]);
                    }
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.lose(key, Some(&error)),
            }
        }
        let Some(tls) = slot.connection.tls().filter(|tls| !tls.is_handshaking()) else {
            return;
        };
        let is_resumed = tls.is_resumed();
        let now_ns = self.shared.clock.now_ns();
        let taken_ns = now_ns.saturating_sub(slot.due_ns);
        let metrics = self.engine.metrics_mut();
        metrics.tls_handshake.record(taken_ns);
        metrics.tls_resumed += u64::from(is_resumed);
        self.begin(key, now_ns);
        // No edge tells of what came with the handshake's end.
        self.on_readable(key);
    }

    /// The connection can be used: says its first words.
    fn begin(&mut self, key: usize, now_ns: u64) {
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        let number = key * self.shared.threads + self.thread;
        let nth = slot.nth * self.shared.threads + self.thread;
        let (words, wait) = self.handshake.begin(number, nth);
        let is_open = wait.is_none();
        if let Some(wait) = wait {
            slot.step = Step::Handshake(Box::new(wait));
        }
        self.out.clear();
        self.out.extend_from_slice(&words);
        if !self.out.is_empty() {
            self.send(key);
        }
        if is_open {
            self.opened(key, now_ns);
        }
    }

    /// The connection has had its handshake and may be used.
    fn opened(&mut self, key: usize, now_ns: u64) {
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        if matches!(slot.step, Step::Open | Step::Gone) {
            return;
        }
        slot.step = Step::Open;
        self.pending -= 1;
        match slot.role {
            Role::Member => {
                self.open += 1;
                if self.load.scenario == Scenario::Echo {
                    self.probe(key, now_ns);
                }
            }
            Role::Idle => self.others_open += 1,
            Role::Slow => {
                self.others_open += 1;
                self.fill_up(key);
            }
            Role::Transient => {
                self.out.clear();
                self.background.transient_opened(key, now_ns, &mut self.out);
                self.send(key);
            }
        }
    }

    /// What the connection waits for comes; where in the scratch buffer that ends, once it has come.
    pub(super) fn on_handshake(&mut self, key: usize, n: usize, now_ns: u64) -> Option<usize> {
        if self.is_preparing {
            self.note_first_answer(key, now_ns, true);
        }
        let Step::Handshake(wait) = &mut self.slots.get_mut(key)?.step else {
            return None;
        };
        self.out.clear();
        let heard = wait.feed(&self.scratch[..n], &mut self.out);
        if !self.out.is_empty() {
            self.send(key);
        }
        match heard {
            Ok(None) => None,
            Ok(Some(after)) => {
                self.opened(key, now_ns);
                Some(after)
            }
            Err(why) => {
                self.lose(key, Some(&io::Error::other(why)));
                None
            }
        }
    }

    /// The first `n` bytes of the scratch buffer are the latest of what the server says to `key`.
    pub(super) fn note_words(&mut self, key: usize, n: usize) {
        let words = self.last_words.entry(key).or_default();
        words.clear();
        words.extend_from_slice(&self.scratch[n.saturating_sub(LAST_WORDS_BYTES_MAX)..n]);
    }

    /// Why the run cannot begin: the connection that is the thread's `nth` has ended, `why` or because
    /// the server closed it.
    pub(super) fn not_there(&self, key: usize, nth: usize, why: Option<&io::Error>) -> CliError {
        let number = nth * self.shared.threads + self.thread + 1;
        let all = self.load.lasting_connections();
        let hint = why.map_or_else(String::new, doctor::hint);
        let why = why.map_or_else(|| self.why_closed(key), ToString::to_string);
        let name = &self.ways.of(nth).name;
        CliError::runtime(format!("{name}: connection {number} of {all}: {why}{hint}"))
    }

    /// A server that closes a connection may have said why, in a line.
    fn why_closed(&self, key: usize) -> String {
        let words = self.last_words.get(&key).map_or(&[][..], Vec::as_slice);
        let line = words.trim_ascii_end().rsplit(|b| *b == b'\n').next();
        let run = Header::run_digits(self.shared.run);
        // Not what it has sent back.
        let is_own = |line: &[u8]| !line.windows(run.len()).any(|part| part == run);
        match line.filter(|line| !line.is_empty() && is_own(line)) {
            Some(line) => format!("the server said '{}' and closed it", sanitize(line)),
            None => "the server closed it".to_owned(),
        }
    }

    /// What is known of why some connections are not there, or have had no answer.
    pub(super) fn hint(&self) -> &str {
        let mine = part(
            self.load.lasting_connections(),
            self.thread,
            self.shared.threads,
        );
        let is_connecting = |(_, slot): (usize, &Slot)| matches!(slot.step, Step::Connecting);
        let is_queue_full = self.dialled < mine && self.pending < PENDING_MAX;
        if is_queue_full || self.slots.iter().any(is_connecting) {
            return SHORT_QUEUE;
        }
        if let Some(remark) = &self.engine.recorder().remark {
            return remark;
        }
        let slowest_us = self.engine.metrics().handshake.max_us();
        match slowest_us {
            Some(us) if us >= SLOW_CONNECT_US => SHORT_QUEUE,
            _ => "the server said nothing",
        }
    }

    /// The server's first word proves that it has accepted the connection. In a room that is not
    /// what a member has said meanwhile: that comes when the generator has it said.
    pub(super) fn note_first_answer(&mut self, key: usize, now_ns: u64, is_talk: bool) {
        let is_own = self.load.scenario == Scenario::Echo || is_talk;
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        if !std::mem::replace(&mut slot.has_answered, true) && is_own {
            let taken_ns = now_ns.saturating_sub(slot.due_ns);
            self.engine.metrics_mut().connect.record(taken_ns);
        }
    }
}
