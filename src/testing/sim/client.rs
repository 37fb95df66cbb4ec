//! One simulated client: what it says and how it reads, as the network's rng has it.

use super::link::Link;
use super::network::{End, Network};
use super::oracle::PANIC_TRIGGER;
use super::polyglot::Polyglot;
use super::records::{Record, Sent, Status};
use crate::service::Disconnect;

/// When a client reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadRate {
    /// All at once, whatever happens.
    Eager,
    /// Now and then, a little or a lot.
    Intermittent,
    /// Not before the faults are over.
    Late,
    Never,
}

/// What it comes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Chat,
    /// The plainest client: it never sends a newline.
    RawChat,
    /// It says whatever bytes come to it, and the room is of any kind.
    Anything,
    /// It is a member, in a protocol of its own.
    Polyglot,
    Echo,
    Reply,
}

pub(super) struct Client {
    pub(super) id: usize,
    pub(super) read_rate: ReadRate,
    purpose: Purpose,
    is_talkative: bool,
    pub(super) link: Link,
    pub(super) polyglot: Option<Polyglot>,
    /// Said, but not sent.
    pub(super) unsent: Vec<u8>,
    /// Its own side ends when that is sent.
    is_finishing: bool,
    /// Its own side is over.
    pub(super) has_finished: bool,
    /// The end that the server made, as it was seen.
    pub(super) end: Option<End>,
    pub(super) said: usize,
}

/// So much may a raw client say at most: it must not come to be too long a message.
const RAW_BYTES: usize = 900;

const CANNED: &[&[u8]] = &[
    b"ok\n",
    b"/who\n",
    b"/help\n",
    b"/quit\n",
    b"/nick ann\n",
    b"/nick ANN\n",
    b"/me waves\n",
    b"/msg guest1 hi\n",
    b"/msg ann psst\n",
    b"\n",
    b"//x\r\n",
    b"a\nb\nc\n",
    b"\x1b[2J\xe2\x80\xae\xff\n",
    b"\xef\xbb\xbf/nick bob\r\0",
    b"\xff\xfb\x1f\xff\xfa\x1f\0\x50\0\x18\xff\xf0\xff\xf4",
];

impl Client {
    pub(super) fn new(
        id: usize,
        read_rate: ReadRate,
        purpose: Purpose,
        is_talkative: bool,
    ) -> Self {
        Self {
            id,
            read_rate,
            purpose,
            is_talkative,
            link: Link::new(id, None),
            polyglot: None,
            unsent: Vec::new(),
            is_finishing: false,
            has_finished: false,
            end: None,
            said: 0,
        }
    }

    /// The first it does: a line client makes itself known, so that a pause in its first line is
    /// not taken for the end of it.
    pub(super) fn arrive(&mut self, network: &mut Network, record: &mut Record) {
        record.is_eager = self.read_rate == ReadRate::Eager;
        record.says_anything = self.purpose == Purpose::Anything;
        if self.purpose == Purpose::Chat {
            self.line(record, String::new());
        }
        self.open(record);
        self.send(network, usize::MAX);
        if self.is_opening() || self.link.is_tls() {
            self.go_on_opening(network, record);
        }
    }

    fn is_over(&self) -> bool {
        self.has_finished || self.end.is_some()
    }

    /// Whether it says nothing more.
    fn is_done(&self) -> bool {
        let has_closed = self
            .polyglot
            .as_ref()
            .is_some_and(|polyglot| polyglot.has_closed);
        self.is_over() || self.is_finishing || has_closed
    }

    /// One thing or another, among the faults.
    pub(super) fn act(&mut self, network: &mut Network, record: &mut Record, private: bool) {
        match network.rng.below(100) {
            _ if self.is_done() => {}
            0..40 if self.is_talkative => {
                for _ in 0..20 {
                    self.speak(network, record, private);
                }
                self.send(network, usize::MAX);
            }
            0..55 => self.speak(network, record, private),
            55..57 => {
                // Enough to run a small log over.
                for _ in 0..network.rng.between(1, 59) {
                    self.speak(network, record, private);
                }
            }
            57..60 => self.finish(network),
            60..62 => self.leave(network, record, false),
            62..64 => self.leave(network, record, true),
            64 if matches!(self.purpose, Purpose::Chat | Purpose::Polyglot) => {
                self.quit(network, record);
            }
            66 => self.say_farewell(network, record),
            65 => network.peer_marks_urgent(self.id),
            _ => {}
        }
        if !self.is_over() && network.rng.bool() {
            let most = network.rng.below(2000);
            self.send(network, most);
        }
        match self.read_rate {
            // Nobody comes in that does not read what a handshake says.
            _ if self.link.is_handshaking() => self.read(network, record, usize::MAX),
            ReadRate::Eager => self.read(network, record, usize::MAX),
            ReadRate::Intermittent if network.rng.bool() => {
                let most = network.rng.between(1, 20_000);
                self.read(network, record, most);
            }
            _ => {}
        }
    }

    /// After the faults every client that ever reads is prompt.
    pub(super) fn be_prompt(&mut self, network: &mut Network, record: &mut Record) {
        self.send(network, usize::MAX);
        self.read_all(network, record);
        // What it has read may have ended a handshake.
        self.send(network, usize::MAX);
    }

    pub(super) fn read_all(&mut self, network: &mut Network, record: &mut Record) {
        if self.read_rate != ReadRate::Never || self.link.is_handshaking() {
            self.read(network, record, usize::MAX);
        }
    }

    pub(super) fn can_chat(&self) -> bool {
        matches!(self.purpose, Purpose::Chat | Purpose::Polyglot) && !self.is_done()
    }

    fn speak(&mut self, network: &mut Network, record: &mut Record, private: bool) {
        let rng = &network.rng;
        self.said += 1;
        if self.purpose == Purpose::Anything {
            let bytes = match rng.below(4) {
                0 | 1 => rng.pick(CANNED).to_vec(),
                2 => rng.pick(CANNED).repeat(rng.below(24)),
                _ => rng.bytes(rng.below(32)),
            };
            return self.unsent.extend(bytes);
        }
        let filler = match rng.below(10) {
            0 => rng.below(900),
            _ => rng.below(40),
        };
        let text = format!("{}.{} {}", self.id, self.said, "x".repeat(filler));
        match self.purpose {
            Purpose::Anything => {}
            Purpose::Polyglot => self.converse(network, record, private),
            Purpose::Echo | Purpose::Reply => self.raw(record, text.as_bytes()),
            Purpose::RawChat if self.said * 40 < RAW_BYTES => {
                self.raw(record, format!("{}.{} ", self.id, self.said).as_bytes());
            }
            Purpose::RawChat => {}
            Purpose::Chat => match rng.below(20) {
                1 => self.line(record, "y".repeat(1025 + filler)),
                2 => self.line(record, String::new()),
                3 => self.line(record, format!("/{}", "z".repeat(1 + filler))),
                4 if rng.chance(20) => {
                    let text = String::from_utf8_lossy(PANIC_TRIGGER);
                    self.line(record, text.into_owned());
                }
                5..7 if private => {
                    let to = rng.between(1, 7);
                    self.line(record, format!("/msg guest{to} {text}"));
                }
                _ => self.line(record, text),
            },
        }
    }

    pub(super) fn line(&mut self, record: &mut Record, text: String) {
        let end: &[u8] = match self.said % 2 {
            0 => b"\n",
            _ => b"\r\n",
        };
        self.unsent.extend_from_slice(text.as_bytes());
        self.unsent.extend_from_slice(end);
        record.said.push_back(match text.len() <= 1024 {
            true => Sent::Line(text),
            false => Sent::TooLong,
        });
    }

    fn raw(&mut self, record: &mut Record, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
        match record.said.back_mut() {
            Some(Sent::Raw(raw)) => raw.extend(bytes),
            _ => record
                .said
                .push_back(Sent::Raw(bytes.iter().copied().collect())),
        }
    }

    pub(super) fn send(&mut self, network: &mut Network, most: usize) {
        if self.is_over() {
            return;
        }
        let taken = self.link.send(network, &self.unsent, most);
        self.unsent.drain(..taken);
        // What it has said during a handshake goes out behind it.
        if self.is_finishing && self.unsent.is_empty() && !self.link.is_handshaking() {
            self.has_finished = self.link.finish(network);
        }
    }

    /// Its last words go out, then it only reads.
    fn finish(&mut self, network: &mut Network) {
        self.send(network, usize::MAX);
        if self.unsent.is_empty() {
            self.is_finishing = true;
            self.send(network, usize::MAX);
        }
    }

    fn leave(&mut self, network: &mut Network, record: &mut Record, abruptly: bool) {
        self.has_finished = true;
        self.end = Some(End::Reset);
        record.has_reset = true;
        match abruptly {
            true => network.peer_resets(self.id),
            false => network.peer_closes(self.id),
        }
    }

    pub(super) fn read(&mut self, network: &mut Network, record: &mut Record, most: usize) {
        if self.end.is_some() {
            return;
        }
        let (bytes, end) = self.link.receive(network, most);
        match &mut self.polyglot {
            Some(polyglot) => {
                record.heard_bytes += bytes.len();
                polyglot.hearing.hears(&bytes);
            }
            None => record.hears(self.id, &bytes),
        }
        if let Some(end) = end {
            self.end = Some(end);
            // A client that reads the end hangs up.
            if !self.has_finished && end != End::Reset {
                self.link.finish(network);
            }
            self.has_finished = true;
        }
    }

    /// Asserts that it has got all that it should have by now.
    pub(super) fn check_served(&self, record: &Record, has_rate: bool) {
        let id = self.id;
        if record.has_reset || self.read_rate == ReadRate::Never {
            return;
        }
        match record.status {
            Status::Outside => {}
            // Its words are still taken one by one; one that cannot be written to stays as long.
            Status::Here if has_rate && !record.said.is_empty() => {}
            Status::Here => {
                let (owed, said) = (&record.owed, &record.said);
                assert!(owed.is_empty(), "#{id} is still owed {}", owed.len());
                assert!(said.is_empty(), "#{id} is not heard: {said:?}");
                let may_stay = has_rate || !self.is_done();
                assert!(may_stay, "#{id} has ended, and is not let go");
                assert_eq!(self.end, None, "#{id}");
            }
            // At a rate, its last word may have been taken a moment ago.
            Status::Leaving => assert!(has_rate, "#{id} is kept waiting for the end"),
            Status::Gone(Disconnect::Eof | Disconnect::Shutdown) => {
                let owed = record.owed.len();
                assert_eq!(owed, 0, "#{id} was owed {owed} more");
                let is_clean = matches!(self.end, Some(End::Finished | End::Closed));
                assert!(is_clean, "#{id}: {:?}", self.end);
                assert!(self.link.is_ended_well(), "#{id}: TLS has no end");
            }
            // It has heard a part that was true, and then nothing.
            Status::Gone(_) => assert!(self.end.is_some()),
        }
    }

    /// Whether it has read until the server ended.
    pub(super) fn has_read_all(&self) -> bool {
        matches!(self.end, Some(End::Finished | End::Closed))
    }

    /// Whether the server has ended its side in good order, and it has read all before that.
    pub(super) fn has_ended_well(&self) -> bool {
        self.end == Some(End::Finished) && self.link.is_ended_well()
    }

    /// Whether it has got all that was for it.
    pub(super) fn got_all(&self, record: &Record) -> bool {
        use Status::{Gone, Here, Leaving, Outside};
        let is_over = self.has_read_all();
        match record.status {
            _ if record.has_reset || self.read_rate == ReadRate::Never => false,
            Outside | Leaving => false,
            Here => true,
            Gone(why) => is_over && matches!(why, Disconnect::Eof | Disconnect::Shutdown),
        }
    }
}
