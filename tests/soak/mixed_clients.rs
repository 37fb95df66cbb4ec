//! Members of many rooms, by lines, WebSocket and IRC, who check all that they hear: each message once,
//! whole, in its room and in the one order. One thread drives them all, by one poll.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use fastrand::Rng;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::checked_clients::sum;
use crate::checked_text::Stamp;
use crate::dialect::{Protocol, Told};
use crate::scale::{connect_from, source};

/// So many members of a room speak: one of each protocol.
pub(crate) const SENDERS: usize = 3;

/// The longest wait for something to read.
const TICK: Duration = Duration::from_millis(1);

struct Client {
    stream: TcpStream,
    protocol: Protocol,
    /// What all its nicks begin with.
    stem: String,
    /// Its room, if it stays in one; it hears all that is said there, from the first message on.
    home: Option<usize>,
    /// The room in which it is to be, and that in which it is, as it was told.
    goes_to: String,
    here: Option<String>,
    /// By sender: the last message heard of it in this room.
    last: [Option<u64>; SENDERS],
    /// Over all checked messages.
    order: u64,
    unsent: Vec<u8>,
    unread: Vec<u8>,
}

pub(crate) struct MixedClients {
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    /// The first of them stay.
    stayers: usize,
    rooms: usize,
    /// By room and sender: how much each has said.
    said_by: Vec<[u64; SENDERS]>,
    start: Instant,
    /// When the next message is to be said.
    next_at: Duration,
    pub(crate) said: u64,
    /// How often what was said has to be heard by those who stay, and has been.
    owed: u64,
    pub(crate) heard: u64,
    /// From when a message was to be said until it was heard, in µs, one for each delivery.
    latencies_us: Vec<u32>,
    /// How late the latest was said.
    latest: Duration,
    rng: Rng,
}

fn name(room: usize) -> String {
    format!("r{room}")
}

impl MixedClients {
    /// `rooms` of `members` each, and `movers` who go from one to another. All have joined.
    pub(crate) fn joins(address: &str, rooms: usize, members: usize, movers: usize) -> Self {
        let mut all = Self {
            poll: Poll::new().unwrap(),
            events: Events::with_capacity(4096),
            clients: Vec::new(),
            stayers: rooms * members,
            rooms,
            said_by: vec![[0; SENDERS]; rooms],
            start: Instant::now(),
            next_at: Duration::ZERO,
            said: 0,
            owed: 0,
            heard: 0,
            latencies_us: Vec::new(),
            latest: Duration::ZERO,
            rng: Rng::with_seed(12),
        };
        for number in 0..all.stayers {
            // Members of a room come one after the other, so its first three are of three protocols.
            let (room, member) = (number / members, number % members);
            all.join(address, member, format!("s{room}x{member}"), Some(room));
        }
        for number in 0..movers {
            all.join(address, number, format!("m{number}v"), None);
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Some(late) = all.clients.iter().find(|client| client.here.is_none()) {
            assert!(Instant::now() < deadline, "{} has not joined", late.stem);
            all.turn();
        }
        all.resumes();
        all
    }

    fn join(&mut self, address: &str, member: usize, stem: String, home: Option<usize>) {
        let key = self.clients.len();
        let stream = connect_from(source(key), address).expect("connect").stream;
        stream.set_nonblocking(true).unwrap();
        let mut stream = TcpStream::from_std(stream);
        let both = Interest::READABLE | Interest::WRITABLE;
        let registry = self.poll.registry();
        registry.register(&mut stream, Token(key), both).unwrap();
        let protocol = Protocol::ALL[member % SENDERS];
        let goes_to = name(home.unwrap_or(member % self.rooms));
        let mut client = Client {
            stream,
            protocol,
            stem,
            home,
            goes_to: goes_to.clone(),
            here: None,
            last: [None; SENDERS],
            order: 0,
            unsent: Vec::new(),
            unread: Vec::new(),
        };
        client.sends(&protocol.opening(&client.stem));
        client.sends(&protocol.moves(None, &goes_to));
        self.clients.push(client);
    }

    /// Goes on to talk, now.
    pub(crate) fn resumes(&mut self) {
        self.next_at = self.start.elapsed();
    }

    /// Says all that is due at so many messages a second, each by one who stays.
    pub(crate) fn talks(&mut self, rate: u32, filling: usize) {
        while self.next_at <= self.start.elapsed() {
            let room = self.rng.usize(..self.rooms);
            let sender = self.rng.usize(..SENDERS);
            let seq = self.said_by[room][sender] + 1;
            let (at, filling) = (self.next_at, self.rng.usize(..=filling * 2));
            let stamp = Stamp {
                room,
                sender,
                seq,
                at,
            };
            self.said_by[room][sender] = seq;
            let members = self.stayers / self.rooms;
            let client = &mut self.clients[room * members + sender];
            let bytes = client.protocol.says(&client.goes_to, &stamp.text(filling));
            client.sends(&bytes);
            self.owed += members as u64 - u64::from(!client.protocol.echoes());
            self.said += 1;
            self.latest = self.latest.max(self.start.elapsed().saturating_sub(at));
            self.next_at += Duration::from_secs(1) / rate;
        }
    }

    /// One of those who do not stay moves to another room, or to one of its own, takes another nick,
    /// or says something that is not checked.
    pub(crate) fn moves(&mut self) {
        let mover = self.rng.usize(self.stayers..self.clients.len());
        let client = &mut self.clients[mover];
        let to = match self.rng.u8(..8) {
            0..4 => name(self.rng.usize(..self.rooms)),
            4 => format!("v{mover}"),
            5 => {
                let nick = format!("{}{}", client.stem, self.rng.lowercase());
                let bytes = client.protocol.takes_nick(&nick);
                return client.sends(&bytes);
            }
            _ => {
                let bytes = client.protocol.says(&client.goes_to, "of no concern");
                return client.sends(&bytes);
            }
        };
        let from = std::mem::replace(&mut client.goes_to, to);
        let moves = client.protocol.moves(Some(&from), &client.goes_to);
        client.sends(&moves);
    }

    /// Sends and reads what goes; waits a little when nothing does.
    pub(crate) fn turn(&mut self) {
        let until_next = self.next_at.saturating_sub(self.start.elapsed());
        match self.poll.poll(&mut self.events, Some(until_next.min(TICK))) {
            Err(e) if e.kind() == ErrorKind::Interrupted => return,
            polled => polled.unwrap(),
        }
        let events: Vec<_> = self.events.iter().map(|e| e.token().0).collect();
        for key in events {
            let client = &mut self.clients[key];
            client.flush();
            client.read();
            self.check(key);
        }
    }

    /// All that one client has read.
    fn check(&mut self, key: usize) {
        let client = &mut self.clients[key];
        let unread = std::mem::take(&mut client.unread);
        let mut at = 0;
        while let Some((length, told)) = client.protocol.take(&unread[at..], &client.stem) {
            at += length;
            match told {
                Told::Room(room) => client.is_in(room),
                Told::Said { from, text } => {
                    if let Some(stamp) = Stamp::parse(&text) {
                        assert_eq!(*from, format!("s{}x{}", stamp.room, stamp.sender), "{text}");
                        client.hears(&stamp);
                        if client.home.is_some() {
                            self.heard += 1;
                            let late = self.start.elapsed().saturating_sub(stamp.at).as_micros();
                            self.latencies_us.push(u32::try_from(late).unwrap());
                        }
                    }
                }
                Told::Other => {}
            }
        }
        client.unread = unread;
        client.unread.drain(..at);
    }

    /// Has everybody heard everything?
    pub(crate) fn is_done(&self) -> bool {
        assert!(self.heard <= self.owed, "{}", self.state());
        self.heard == self.owed
    }

    pub(crate) fn state(&self) -> String {
        let Self { heard, owed, .. } = self;
        format!("{heard} of {owed} deliveries were heard")
    }

    /// Waits until that is so.
    #[track_caller]
    pub(crate) fn settles(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.is_done() {
            self.turn();
            assert!(Instant::now() < deadline, "{}", self.state());
        }
        self.resumes();
    }

    /// All who heard everything in a room have heard it in one order.
    #[track_caller]
    pub(crate) fn agrees(&self) {
        let members = self.stayers / self.rooms;
        for room in self.clients[..self.stayers].chunks(members) {
            let (senders, listeners) = room.split_at(SENDERS);
            let echoing = senders.iter().filter(|sender| sender.protocol.echoes());
            let mut orders = echoing.chain(listeners).map(|client| client.order);
            let first = orders.next().expect("somebody hears everything");
            assert!(orders.all(|order| order == first), "two orders");
        }
    }

    /// By room and sender, how much each has said.
    pub(crate) fn said_by(&self) -> &[[u64; SENDERS]] {
        &self.said_by
    }

    /// The latencies since that was last asked: median, 99 in 100, the most, in ms; and how late the
    /// latest was said.
    pub(crate) fn take_latencies(&mut self) -> ([f64; 3], Duration) {
        let mut latencies = std::mem::take(&mut self.latencies_us);
        latencies.sort_unstable();
        let last = latencies.len() - 1;
        let ms = [50, 99, 100].map(|part| f64::from(latencies[last * part / 100]) / 1000.0);
        (ms, std::mem::take(&mut self.latest))
    }
}

impl Client {
    fn is_in(&mut self, room: String) {
        self.here = Some(room);
        // Who stays is here before anything is said, another one in the midst.
        self.last = [self.home.map(|_| 0); SENDERS];
    }

    #[track_caller]
    fn hears(&mut self, stamp: &Stamp) {
        let stem = &self.stem;
        assert_eq!(Some(name(stamp.room)), self.here, "{stem}: of another room");
        let last = &mut self.last[stamp.sender];
        assert!(
            last.is_none_or(|last| stamp.seq == last + 1),
            "{stem}: lost, doubled or out of order: {stamp:?} after {last:?}"
        );
        *last = Some(stamp.seq);
        self.order = sum(
            self.order.wrapping_mul(31),
            &(stamp.seq << 8 | stamp.sender as u64).to_le_bytes(),
        );
    }

    fn sends(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
        self.flush();
    }

    #[track_caller]
    fn flush(&mut self) {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(e) => panic!("{} cannot send: {e}", self.stem),
            }
        }
    }

    #[track_caller]
    fn read(&mut self) {
        let mut chunk = [0; 16 * 1024];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => panic!("{} was closed: {}", self.stem, self.tail()),
                Ok(count) => self.unread.extend_from_slice(&chunk[..count]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(e) => panic!("{} was cut off: {e}", self.stem),
            }
        }
    }

    /// What it was told last.
    fn tail(&self) -> String {
        String::from_utf8_lossy(&self.unread).into_owned()
    }
}
