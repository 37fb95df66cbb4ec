//! A guest: one simulated client, what it says and how it reads. Decided by the kernel's dice.

use super::kernel::{End, Kernel};
use super::ledger::{Person, Said, Stage};
use super::witness::UNBEARABLE;

/// How a guest reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// All at once, whatever happens.
    Brisk,
    /// Now and then, a little or a lot.
    Ordinary,
    /// Not before the storm is over.
    Sleeper,
    /// Never.
    Stone,
}

/// What it comes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Chat,
    /// The plainest client: it never sends a newline.
    RawChat,
    Echo,
    Reply,
}

pub(super) struct Guest {
    pub(super) id: usize,
    pub(super) manner: Manner,
    purpose: Purpose,
    is_talkative: bool,
    /// Said, but not sent.
    unsent: Vec<u8>,
    /// Its own side is over.
    pub(super) has_finished: bool,
    /// The end that the server made, as it was seen.
    pub(super) end: Option<End>,
    said: usize,
}

/// So much may a raw client say at most: it must not come to be too long a message.
const RAW_BYTES: usize = 900;

impl Guest {
    pub(super) fn new(id: usize, manner: Manner, purpose: Purpose, is_talkative: bool) -> Self {
        Self {
            id,
            manner,
            purpose,
            is_talkative,
            unsent: Vec::new(),
            has_finished: false,
            end: None,
            said: 0,
        }
    }

    /// The first it does: a line client makes itself known, so that a pause in its first line is
    /// not taken for the end of it.
    pub(super) fn arrive(&mut self, kernel: &mut Kernel, person: &mut Person) {
        person.is_brisk = self.manner == Manner::Brisk;
        person.is_lazy = matches!(self.manner, Manner::Sleeper | Manner::Stone);
        if self.purpose == Purpose::Chat {
            self.line(person, String::new());
            self.send(kernel, usize::MAX);
        }
    }

    fn is_over(&self) -> bool {
        self.has_finished || self.end.is_some()
    }

    /// One thing or another, in the storm.
    pub(super) fn act(&mut self, kernel: &mut Kernel, person: &mut Person, whispers: bool) {
        match kernel.dice.u8(0..100) {
            _ if self.is_over() => {}
            0..40 if self.is_talkative => {
                for _ in 0..20 {
                    self.speak(kernel, person, whispers);
                }
                self.send(kernel, usize::MAX);
            }
            0..55 => self.speak(kernel, person, whispers),
            55..57 => {
                // Enough to run a small log over.
                for _ in 0..kernel.dice.u8(1..60) {
                    self.speak(kernel, person, whispers);
                }
            }
            57..60 => self.finish(kernel),
            60..62 => self.go(kernel, person, false),
            62..64 => self.go(kernel, person, true),
            64 if self.purpose == Purpose::Chat => self.line(person, "/quit".to_owned()),
            _ => {}
        }
        if kernel.dice.bool() {
            let most = kernel.dice.usize(0..2000);
            self.send(kernel, most);
        }
        match self.manner {
            Manner::Brisk => self.listen(kernel, person, usize::MAX),
            Manner::Ordinary if kernel.dice.bool() => {
                let most = kernel.dice.usize(1..20_000);
                self.listen(kernel, person, most);
            }
            _ => {}
        }
    }

    /// In the calm everybody is prompt, but for the stones.
    pub(super) fn be_prompt(&mut self, kernel: &mut Kernel, person: &mut Person) {
        self.send(kernel, usize::MAX);
        if self.manner != Manner::Stone {
            self.listen(kernel, person, usize::MAX);
        }
    }

    /// At the server's end it has nothing more to say.
    pub(super) fn hear_out(&mut self, kernel: &mut Kernel, person: &mut Person) {
        if self.manner != Manner::Stone {
            self.listen(kernel, person, usize::MAX);
        }
    }

    pub(super) fn can_chat(&self) -> bool {
        self.purpose == Purpose::Chat && !self.is_over()
    }

    fn speak(&mut self, kernel: &mut Kernel, person: &mut Person, whispers: bool) {
        self.said += 1;
        let filler = match kernel.dice.u8(0..10) {
            0 => kernel.dice.usize(0..900),
            _ => kernel.dice.usize(0..40),
        };
        let text = format!("{}.{} {}", self.id, self.said, "x".repeat(filler));
        match self.purpose {
            Purpose::Echo | Purpose::Reply => self.raw(person, text.as_bytes()),
            Purpose::RawChat if self.said * 40 < RAW_BYTES => {
                self.raw(person, format!("{}.{} ", self.id, self.said).as_bytes());
            }
            Purpose::RawChat => {}
            Purpose::Chat => match kernel.dice.u8(0..20) {
                0 => self.line(person, "y".repeat(1025 + filler)),
                1 => self.line(person, String::new()),
                2 => self.line(person, format!("/{}", "z".repeat(1 + filler))),
                3 if kernel.dice.u8(0..20) == 0 => {
                    let text = String::from_utf8_lossy(UNBEARABLE);
                    self.line(person, text.into_owned());
                }
                3..5 if whispers => {
                    let to = kernel.dice.usize(1..8);
                    self.line(person, format!("/msg guest{to} {text}"));
                }
                _ => self.line(person, text),
            },
        }
    }

    pub(super) fn line(&mut self, person: &mut Person, text: String) {
        self.unsent.extend_from_slice(text.as_bytes());
        self.unsent
            .extend_from_slice(if self.said.is_multiple_of(2) {
                b"\n"
            } else {
                b"\r\n"
            });
        person.said.push_back(match text.len() <= 1024 {
            true => Said::Line(text),
            false => Said::TooLong,
        });
    }

    fn raw(&mut self, person: &mut Person, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
        match person.said.back_mut() {
            Some(Said::Raw(raw)) => raw.extend(bytes),
            _ => person
                .said
                .push_back(Said::Raw(bytes.iter().copied().collect())),
        }
    }

    fn send(&mut self, kernel: &mut Kernel, most: usize) {
        if self.is_over() {
            return;
        }
        let count = most.min(self.unsent.len());
        let taken = kernel.peer_sends(self.id, &self.unsent[..count]);
        self.unsent.drain(..taken);
    }

    /// Its last words go out, then it only listens.
    fn finish(&mut self, kernel: &mut Kernel) {
        self.send(kernel, usize::MAX);
        if self.unsent.is_empty() {
            self.has_finished = true;
            kernel.peer_finishes(self.id);
        }
    }

    fn go(&mut self, kernel: &mut Kernel, person: &mut Person, abruptly: bool) {
        self.has_finished = true;
        self.end = Some(End::Reset);
        person.broke_off = true;
        match abruptly {
            true => kernel.break_off(self.id),
            false => kernel.peer_closes(self.id),
        }
    }

    pub(super) fn listen(&mut self, kernel: &mut Kernel, person: &mut Person, most: usize) {
        if self.end.is_some() {
            return;
        }
        let (bytes, end) = kernel.peer_receives(self.id, most);
        person.hears(self.id, &bytes);
        if let Some(end) = end {
            self.end = Some(end);
            // Whoever hears the end hangs up.
            if !self.has_finished && end != End::Reset {
                kernel.peer_finishes(self.id);
            }
            self.has_finished = true;
        }
    }

    /// Asserts that it has got all that it should have by now.
    pub(super) fn is_content(&self, person: &Person, is_rationed: bool) {
        let id = self.id;
        if person.broke_off || self.manner == Manner::Stone {
            return;
        }
        match person.stage {
            Stage::Outside => {}
            // Its words are still taken one by one; one that cannot be written to stays as long.
            Stage::Here if is_rationed && !person.said.is_empty() => {}
            Stage::Here => {
                assert!(
                    person.owed.is_empty(),
                    "#{id} is still owed {}",
                    person.owed.len()
                );
                assert!(
                    person.said.is_empty(),
                    "#{id} is not heard: {:?}",
                    person.said
                );
                let may_go = is_rationed || !self.has_finished;
                assert!(may_go, "#{id} has ended, and is not let go");
                assert_eq!(self.end, None, "#{id}");
            }
            // At a rate, its last word may have been taken a moment ago.
            Stage::Leaving => assert!(is_rationed, "#{id} is kept waiting for the end"),
            Stage::Gone(why) => self.is_content_with(person, why),
        }
    }

    fn is_content_with(&self, person: &Person, why: crate::service::Disconnect) {
        use crate::service::Disconnect::{Closed, Eof, Shutdown};
        let id = self.id;
        match why {
            Eof | Shutdown => {
                assert!(
                    person.owed.is_empty(),
                    "#{id} was owed {} more",
                    person.owed.len()
                );
                assert_eq!(self.end, Some(self.clean_end()), "#{id}");
            }
            Closed => panic!("#{id}: nobody asked for that"),
            // It has heard a part that was true, and then nothing.
            _ => assert!(self.end.is_some()),
        }
    }

    fn clean_end(&self) -> End {
        match self.end {
            Some(End::Finished) => End::Finished,
            _ => End::Closed,
        }
    }
}
