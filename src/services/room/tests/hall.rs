//! A room whose clients speak all its protocols, without an engine: each is given its messages,
//! and what it is owed is read as its kind of client reads it.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use super::super::{Config, Room};
use super::UNIX_EPOCH;
use crate::addr::Peer;
use crate::outbound::{ClientId, Fanout, Flushed, Limits};
use crate::protocol::Encoding;
use crate::protocol::websocket::{self, Reader, Role};
use crate::service::{Disconnect, Newcomer, Service};
use crate::testing::scene::ROOMY;
use crate::testing::some_time;
use crate::wire::Message;

/// When all is said: 2026-11-26T11:53:04.123Z.
pub(super) fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_795_693_984_123)
}

/// The id of the first message that is said, if all is said at that time.
pub(super) const FIRST_ID: u64 = 1_795_693_984_123_001;

pub(super) struct Hall {
    pub(super) room: Room,
    pub(super) out: Fanout,
    now: Instant,
    /// From where clients come.
    pub(super) peer: Peer,
    clients: HashMap<String, (ClientId, Encoding)>,
    came: usize,
}

impl Hall {
    pub(super) fn new(config: Config) -> Self {
        Self::with_limits(config, ROOMY)
    }

    pub(super) fn with_limits(config: Config, limits: Limits) -> Self {
        let config = Config {
            wall_clock: clock,
            ..config
        };
        Self {
            room: Room::new(config),
            out: Fanout::new(limits),
            now: some_time(),
            clients: HashMap::new(),
            came: 0,
            peer: Peer::Unix,
        }
    }

    /// With what the room gets beside its configuration.
    pub(super) fn with(self, change: impl FnOnce(Room) -> Room) -> Self {
        Self {
            room: change(self.room),
            ..self
        }
    }

    pub(super) fn comes(&mut self, name: &str, encoding: Encoding) {
        self.comes_with(name, encoding, None);
    }

    /// A page comes back.
    pub(super) fn comes_since(&mut self, name: &str, id: u64) {
        self.comes_with(name, Encoding::Json, Some(id));
    }

    fn comes_with(&mut self, name: &str, encoding: Encoding, since: Option<u64>) {
        let id = ClientId::new(self.came, 7);
        self.came += 1;
        self.clients.insert(name.to_owned(), (id, encoding));
        self.out.open(id);
        let newcomer = Newcomer {
            came_at: None,
            peer: &self.peer,
            encoding,
            since,
        };
        self.room.on_open(self.now, id, &newcomer, &mut self.out);
    }

    /// Comes by IRC with that nick and those capabilities, and joins; what it is told of that does
    /// not matter.
    pub(super) fn joins_by_irc(&mut self, name: &str, capabilities: &str) {
        self.comes(name, Encoding::Irc);
        for line in [
            &format!("CAP REQ :{capabilities}"),
            &format!("NICK {name}"),
            &format!("USER {name} 0 * :{name} Example"),
            "CAP END",
            "JOIN #lobby",
        ] {
            self.says(name, line);
        }
        self.told(name);
    }

    pub(super) fn says(&mut self, name: &str, line: impl AsRef<[u8]>) {
        self.sends(name, Message::Whole(line.as_ref()));
    }

    pub(super) fn sends(&mut self, name: &str, message: Message<'_>) {
        let id = self.id(name);
        assert!(!self.out.is_closing(id), "{name} speaks, but is closed");
        self.room.on_message(self.now, id, message, &mut self.out);
    }

    pub(super) fn is_gone(&mut self, name: &str, why: Disconnect) {
        let id = self.id(name);
        self.room.on_close(self.now, id, &why, &mut self.out);
        self.out.forget(id);
    }

    pub(super) fn waits(&mut self, time: Duration) {
        self.now += time;
        while self.room.deadline().is_some_and(|due| due <= self.now) {
            self.room.on_deadline(self.now, &mut self.out);
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.now
    }

    pub(super) fn is_closed(&self, name: &str) -> bool {
        self.out.is_closing(self.id(name))
    }

    /// What it has been told since it was last asked.
    pub(super) fn told(&mut self, name: &str) -> Vec<String> {
        let (id, encoding) = self.clients[name];
        let mut bytes = Vec::new();
        self.out.unblock(id);
        let flushed = self.out.flush(id, &mut bytes, self.now);
        assert!(matches!(flushed, Flushed::Clear), "{flushed:?}");
        read(encoding, &bytes)
    }

    #[track_caller]
    pub(super) fn hears(&mut self, name: &str, expected: &[&str]) {
        assert_eq!(self.told(name), expected, "what {name} hears");
    }

    /// What was told so far does not matter.
    pub(super) fn clear(&mut self) {
        let names: Vec<String> = self.clients.keys().cloned().collect();
        for name in names {
            if !self.out.is_clear(self.id(&name)) {
                self.told(&name);
            }
        }
    }

    pub(super) fn id(&self, name: &str) -> ClientId {
        self.clients[name].0
    }
}

/// As a client of that encoding reads it, message by message.
pub(super) fn read(encoding: Encoding, bytes: &[u8]) -> Vec<String> {
    let mut messages = Vec::new();
    match encoding {
        Encoding::Json => {
            let (mut reader, mut input) = (Reader::new(Role::Client), bytes);
            while let Some(event) = reader.next(&mut input, 1 << 20) {
                messages.push(match event.expect("frames in order") {
                    websocket::Event::Text(text) => text.to_owned(),
                    websocket::Event::Close(Some(code)) => {
                        assert!(input.is_empty(), "something comes behind the last frame");
                        format!("close {code}")
                    }
                    event => panic!("{event:?}"),
                });
            }
            assert!(input.is_empty() && reader.kept_bytes() == 0);
        }
        Encoding::Lines | Encoding::Irc | Encoding::IrcTime => {
            let end = match encoding {
                Encoding::Lines => "\n",
                _ => "\r\n",
            };
            let text = std::str::from_utf8(bytes).expect("text");
            assert!(text.is_empty() || text.ends_with(end), "{text:?}");
            messages.extend(text.split_terminator(end).map(str::to_owned));
        }
    }
    messages
}
