//! Members who check all that they hear: each message once, whole, and in the one order; on one server
//! or on several, which are one room.
//! One thread drives them all; sockets do not block.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::harness::Server;
use crate::peer::Peer;
use crate::speech::{self, Speech};

/// So many messages may be on their way to the slowest: what bounds the load.
const WINDOW: u64 = 3000;

/// One member, its place in what is said, and what is checked of it.
struct CheckedClient {
    peer: Peer,
    nick: String,
    speech: Speech,
    unsent: Vec<u8>,
    unread: Vec<u8>,
    /// By sender: the last message heard of it.
    last: Vec<u64>,
    heard: u64,
    said: u64,
    /// Over every line from the first to the last message of the first sender.
    order: Option<u64>,
    /// That last one.
    ends_at: Option<u64>,
    is_over: bool,
    stalls_until: Option<Instant>,
}

pub(crate) struct CheckedClients {
    members: Vec<CheckedClient>,
    senders: usize,
    text_bytes: usize,
    pub(crate) said: u64,
    pub(crate) rng: Rng,
}

/// FNV-1a: enough to tell torn text from whole.
pub(crate) fn sum(seed: u64, bytes: &[u8]) -> u64 {
    let start = seed ^ 0xcbf2_9ce4_8422_2325;
    bytes.iter().fold(start, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl CheckedClients {
    /// `count` members, of whom the first `senders` speak, `text_bytes` at a time.
    pub(crate) fn joins(server: &Server, count: usize, senders: usize, text_bytes: usize) -> Self {
        Self::joins_in(&[server], &[Speech::Lines], count, senders, text_bytes)
    }

    /// The same in turn on each of these servers, and speaking in each of these ways.
    pub(crate) fn joins_in(
        servers: &[&Server],
        speeches: &[Speech],
        count: usize,
        senders: usize,
        text_bytes: usize,
    ) -> Self {
        let members = (0..count).map(|i| {
            let nick = format!("h{i}");
            let speech = speeches[i / servers.len() % speeches.len()];
            let mut peer = speech.joins(servers[i % servers.len()], &nick);
            peer.stream.set_nonblocking(true).unwrap();
            CheckedClient {
                unread: std::mem::take(&mut peer.unread),
                peer,
                nick,
                speech,
                unsent: Vec::new(),
                last: vec![0; senders],
                heard: 0,
                said: 0,
                order: None,
                ends_at: None,
                is_over: false,
                stalls_until: None,
            }
        });
        Self {
            members: members.collect(),
            senders,
            text_bytes,
            said: 0,
            rng: Rng::with_seed(5),
        }
    }

    pub(crate) fn heard(&self) -> u64 {
        self.members.iter().map(|client| client.heard).sum()
    }

    /// The message of each, from a sender chosen at random, as far as the window allows.
    pub(crate) fn says_more(&mut self, most: u64) {
        let slowest = self.members.iter().map(|client| client.heard + client.said);
        let room = (slowest.min().unwrap_or(0) + WINDOW).saturating_sub(self.said);
        for _ in 0..room.min(most) {
            let sender = self.rng.usize(..self.senders);
            self.says(sender);
        }
    }

    /// One message.
    pub(crate) fn says(&mut self, sender: usize) {
        self.said += 1;
        let client = &mut self.members[sender];
        client.said += 1;
        let seq = client.said;
        let length = self.rng.usize(1..=self.text_bytes * 2 - 1);
        let text: String = (0..length).map(|i| letter(seq, i)).collect();
        let check = sum(seq, text.as_bytes());
        let line = format!("#{sender} {seq} {check:016x} {text}");
        client.unsent.extend(client.speech.says(&line));
    }

    /// The last message of all.
    pub(crate) fn says_last(&mut self) {
        self.says(0);
        let last = self.members[0].said;
        for client in &mut self.members {
            client.ends_at = Some(last);
        }
    }

    /// Some of them do not read for a while.
    pub(crate) fn stalls(&mut self, count: usize, most: Duration) {
        for _ in 0..count {
            let client = self.rng.usize(..self.members.len());
            self.members[client].stalls_until = Some(Instant::now() + most.mul_f64(self.rng.f64()));
        }
    }

    /// Sends and reads what goes; waits a little when nothing does.
    pub(crate) fn turn(&mut self) {
        let now = Instant::now();
        let mut moved = false;
        for client in &mut self.members {
            // Pieces of any size: a message may come in parts, or many at once.
            let piece = client.unsent.len().min(self.rng.usize(1..4000));
            moved |= client.send(piece);
            if client.stalls_until.is_none_or(|until| until <= now) {
                client.stalls_until = None;
                moved |= client.hear();
            }
        }
        if !moved {
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Has everybody heard everything?
    pub(crate) fn is_done(&self) -> bool {
        let whole = |client: &CheckedClient| client.heard + client.said == self.said;
        self.members.iter().all(whole)
    }

    /// Who is how far behind.
    pub(crate) fn state(&self) -> String {
        let behind = |client: &CheckedClient| self.said - client.heard - client.said;
        let worst = self.members.iter().map(behind).max();
        format!("{} said, the last is {worst:?} behind", self.said)
    }

    /// All who only listened have heard the very same, those lines too that are not checked.
    #[track_caller]
    pub(crate) fn agrees(&self) {
        let listeners = &self.members[self.senders..];
        assert!(listeners.iter().all(|l| l.is_over && l.order.is_some()));
        assert!(listeners.iter().all(|l| l.order == listeners[0].order));
    }
}

pub(crate) fn letter(seq: u64, at: usize) -> char {
    char::from(b'a' + u8::try_from((seq + at as u64) % 26).unwrap())
}

impl CheckedClient {
    fn send(&mut self, piece: usize) -> bool {
        if piece == 0 {
            return false;
        }
        match self.peer.stream.write(&self.unsent[..piece]) {
            Ok(written) => drop(self.unsent.drain(..written)),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return false,
            Err(e) => panic!("{} cannot send: {e}", self.nick),
        }
        true
    }

    fn hear(&mut self) -> bool {
        let mut chunk = [0; 64 * 1024];
        match self.peer.stream.read(&mut chunk) {
            Ok(0) => panic!("{} was cut off", self.nick),
            Ok(count) => self.unread.extend_from_slice(&chunk[..count]),
            Err(e) if e.kind() == ErrorKind::WouldBlock => return false,
            Err(e) => panic!("{} was cut off: {e}", self.nick),
        }
        let mut unread = std::mem::take(&mut self.unread);
        let mut at = 0;
        while let Some((length, heard)) = self.speech.first(&unread[at..], &self.nick) {
            match heard {
                speech::Heard::Line(line) => self.check(&line),
                speech::Heard::Asked(answer) => self.unsent.extend(answer),
                speech::Heard::Nothing => {}
            }
            at += length;
        }
        unread.drain(..at);
        self.unread = unread;
        true
    }

    fn check(&mut self, line: &str) {
        if line.starts_with("* ") {
            return;
        }
        let heard = Heard::parse(line);
        if let Some(heard) = &heard {
            assert_eq!(
                heard.seq,
                self.last[heard.sender] + 1,
                "{}: lost, doubled or out of order: {line}",
                self.nick
            );
            self.last[heard.sender] = heard.seq;
            self.heard += 1;
            if (heard.sender, heard.seq) == (0, 1) {
                self.order = Some(0);
            }
        }
        if !self.is_over {
            self.order = self.order.map(|order| sum(order, line.as_bytes()));
            self.is_over = self.ends_at == Some(self.last[0]);
        }
    }
}

/// A checked message.
pub(crate) struct Heard {
    pub(crate) sender: usize,
    pub(crate) seq: u64,
}

impl Heard {
    /// None when the line is of somebody else; fails the test when it is torn.
    #[track_caller]
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (nick, text) = line.split_once(": ")?;
        let mut words = text.strip_prefix('#')?.splitn(4, ' ');
        let mut next = || words.next().unwrap_or_else(|| panic!("torn: {line}"));
        let (sender, seq, check, text) = (next(), next(), next(), next());
        assert_eq!(nick.strip_prefix('h'), Some(sender), "not by {nick}");
        let seq: u64 = seq.parse().expect("a number");
        let check = u64::from_str_radix(check, 16).expect("a sum");
        assert_eq!(check, sum(seq, text.as_bytes()), "torn: {line}");
        let sender = sender.parse().expect("a number");
        Some(Self { sender, seq })
    }
}
