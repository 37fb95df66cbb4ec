//! The rehearsal: a service, all that it owes and a clock that stands still until it is told.
//! Does with them what the reactor does, without a socket, so that a test reads like a scene.
//! Knows no concrete service.

use std::collections::{HashMap, VecDeque};
use std::io::{self, IoSlice, Write};
use std::time::{Duration, Instant};

use crate::addr::Peer;
use crate::outbound::{ClientId, Fanout, Limits, Pace};
use crate::service::{Disconnect, OperatorInput, Service};
use crate::wire::Decoder;

mod driver;

/// The bounds of most rehearsals: generous.
pub(crate) const ROOMY: Limits = Limits {
    log_bytes: 1 << 20,
    max_pending_bytes: 1 << 20,
    high_water_bytes: 1 << 20,
    pace: Pace::Auto,
};

/// A service on the stage. Whoever is named has joined before.
pub(crate) struct Scene {
    service: Box<dyn Service>,
    out: Fanout,
    now: Instant,
    actors: Vec<Actor>,
    by_name: HashMap<String, usize>,
    /// Who has something to be read.
    ready: VecDeque<usize>,
    /// Who has gone without the service having heard of it.
    dying: VecDeque<usize>,
    typed: VecDeque<OperatorInput>,
    stopped: bool,
    max_message_bytes: usize,
}

struct Actor {
    id: ClientId,
    decoder: Decoder,
    /// Sent, but not read yet.
    unread: Vec<u8>,
    has_ended: bool,
    eof_was_read: bool,
    paused: bool,
    spoke_at: Instant,
    socket: Socket,
    fate: Option<Disconnect>,
}

/// What takes an actor's bytes: `room` of them, then no more until there is room again.
struct Socket {
    room: usize,
    heard: Vec<u8>,
    /// How much was written in all, and in how many writes.
    written_bytes: usize,
    writes: usize,
}

/// The scene: what the actors do.
impl Scene {
    pub(crate) fn of(service: impl Service + 'static, limits: Limits) -> Self {
        let now = Instant::now();
        Self {
            service: Box::new(service),
            out: Fanout::new(limits, now),
            now,
            actors: Vec::new(),
            by_name: HashMap::new(),
            ready: VecDeque::new(),
            dying: VecDeque::new(),
            typed: VecDeque::new(),
            stopped: false,
            max_message_bytes: 1024,
        }
    }

    pub(crate) fn with_max_message(mut self, bytes: usize) -> Self {
        self.max_message_bytes = bytes;
        self
    }

    pub(crate) fn joins(&mut self, name: &str) {
        let at = self.actors.len();
        let id = self.out.open(at);
        self.actors.push(Actor {
            id,
            decoder: Decoder::new(self.service.framing()),
            unread: Vec::new(),
            has_ended: false,
            eof_was_read: false,
            paused: false,
            spoke_at: self.now,
            socket: Socket {
                room: usize::MAX,
                heard: Vec::new(),
                written_bytes: 0,
                writes: 0,
            },
            fate: None,
        });
        self.by_name.insert(name.to_owned(), at);
        self.service
            .on_open(self.now, id, &Peer::Unix, &mut self.out);
        self.settle();
    }

    /// A line, with its newline.
    pub(crate) fn says(&mut self, name: &str, line: &str) {
        self.sends(name, format!("{line}\n"));
    }

    /// Bytes, as they are.
    pub(crate) fn sends(&mut self, name: &str, bytes: impl AsRef<[u8]>) {
        let at = self.at(name);
        self.actors[at].unread.extend_from_slice(bytes.as_ref());
        self.ready.push_back(at);
        self.settle();
    }

    /// Its socket takes nothing more.
    pub(crate) fn stalls(&mut self, name: &str) {
        self.has_room_for(name, 0);
    }

    /// Its socket takes so many bytes, and then no more.
    pub(crate) fn has_room_for(&mut self, name: &str, bytes: usize) {
        let at = self.at(name);
        self.actors[at].socket.room = bytes;
        if bytes > 0 {
            self.out.unblock(self.actors[at].id);
        }
        self.settle();
    }

    pub(crate) fn recovers(&mut self, name: &str) {
        self.has_room_for(name, usize::MAX);
    }

    /// Ends its side, and goes on listening.
    pub(crate) fn ends(&mut self, name: &str) {
        let at = self.at(name);
        self.actors[at].has_ended = true;
        self.ready.push_back(at);
        self.settle();
    }

    /// Is gone at once.
    pub(crate) fn vanishes(&mut self, name: &str) {
        let at = self.at(name);
        self.kill(at, Disconnect::Broken(io::ErrorKind::ConnectionReset));
        self.settle();
    }

    /// The person at the server types a line; it waits until the service wants it.
    pub(crate) fn types(&mut self, line: &str) {
        self.typed.push_back(OperatorInput::Line(line.to_owned()));
        self.settle();
    }

    pub(crate) fn ends_typing(&mut self) {
        self.typed.push_back(OperatorInput::End);
        self.settle();
    }

    /// Time passes, from deadline to deadline.
    pub(crate) fn advance(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(next) = self.next_deadline().filter(|next| *next <= until) {
            assert!(next > self.now, "something is due, and stays so");
            self.now = next;
            self.run_deadlines();
            self.settle();
        }
        self.now = until;
        self.settle();
    }
}

/// The scene: what can be told of it.
impl Scene {
    /// The next line that `name` hears is this one.
    #[track_caller]
    pub(crate) fn hears(&mut self, name: &str, line: &str) {
        let at = self.at(name);
        let heard = &mut self.actors[at].socket.heard;
        let end = heard.iter().position(|byte| *byte == b'\n');
        let bytes: Vec<u8> = heard
            .drain(..end.map_or(heard.len(), |at| at + 1))
            .collect();
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text, format!("{line}\n"), "what {name} hears");
    }

    #[track_caller]
    pub(crate) fn hears_nothing(&mut self, name: &str) {
        assert_eq!(self.heard(name), "", "what {name} hears");
    }

    /// All that `name` has heard since it was last asked.
    pub(crate) fn heard(&mut self, name: &str) -> String {
        let at = self.at(name);
        let bytes = std::mem::take(&mut self.actors[at].socket.heard);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What was heard so far does not matter.
    pub(crate) fn clear_output(&mut self) {
        for actor in &mut self.actors {
            actor.socket.heard.clear();
        }
    }

    /// Why `name` is gone; `None`: it is here.
    pub(crate) fn fate(&self, name: &str) -> Option<Disconnect> {
        self.actors[self.at(name)].fate
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether there are bytes of `name` that the service has not been given.
    pub(crate) fn is_kept_waiting(&self, name: &str) -> bool {
        !self.actors[self.at(name)].unread.is_empty()
    }

    /// Bytes and writes to all of them together.
    pub(crate) fn written(&self) -> (usize, usize) {
        let sockets = || self.actors.iter().map(|actor| &actor.socket);
        (
            sockets().map(|socket| socket.written_bytes).sum(),
            sockets().map(|socket| socket.writes).sum(),
        )
    }

    fn at(&self, name: &str) -> usize {
        let at = self.by_name.get(name);
        *at.unwrap_or_else(|| panic!("{name} never joined"))
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let before = self.heard.len();
        for piece in pieces {
            let count = piece.len().min(self.room);
            self.heard.extend_from_slice(&piece[..count]);
            if self.room != usize::MAX {
                self.room -= count;
            }
        }
        self.writes += 1;
        self.written_bytes += self.heard.len() - before;
        Ok(self.heard.len() - before)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
