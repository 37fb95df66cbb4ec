//! Under whose nick each line comes: what stands before a message must be its sender's, the same
//! each time. A server that puts nothing there, or something else each time, is not judged. Knows
//! no protocol.

use std::collections::HashMap;

/// Different prefixes of one sender that are remembered. A sender with more has no nick.
const PREFIXES_MAX: usize = 8;
/// Of a longer prefix no nick is made.
const PREFIX_BYTES_MAX: usize = 256;
/// A prefix that is no longer is compared where it stands: IRC's has a host in it, and a command.
const INLINE_BYTES: usize = 64;

/// The messages that came with one prefix.
#[derive(Debug, Clone, Copy)]
struct Use {
    first: u32,
    last: u32,
    count: u64,
}

impl Use {
    fn add(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.count += other.count;
    }
}

#[derive(Debug, Clone)]
struct Prefix {
    text: Box<[u8]>,
    used: Use,
}

/// What one sender's messages came with.
#[derive(Debug, Clone, Default)]
struct Sender {
    prefixes: Vec<Prefix>,
    is_unsteady: bool,
}

/// The prefix that a sender's first message came with, as most of the others will.
#[derive(Debug, Clone, Copy)]
struct First {
    text: [u8; INLINE_BYTES],
    /// None: there is no such prefix yet, or it is too long.
    length: Option<u8>,
    used: Use,
}

/// The nicks of one run's senders.
#[derive(Debug, Clone)]
pub(crate) struct Nicks {
    first: Vec<First>,
    senders: Vec<Sender>,
}

impl Nicks {
    /// Of so many senders.
    pub(crate) fn new(senders: usize) -> Self {
        let first = First {
            text: [0; INLINE_BYTES],
            length: None,
            used: Use {
                first: 0,
                last: 0,
                count: 0,
            },
        };
        Self {
            first: vec![first; senders],
            senders: vec![Sender::default(); senders],
        }
    }

    /// A message came with `prefix` before it.
    #[inline(always)]
    pub(crate) fn heard(&mut self, sender: usize, sequence: u32, prefix: &[u8]) {
        let first = &mut self.first[sender];
        if first.is(prefix) {
            first.used.count += 1;
            first.used.last = first.used.last.max(sequence);
            return;
        }
        self.another(sender, sequence, prefix);
    }

    #[cold]
    fn another(&mut self, sender: usize, sequence: u32, prefix: &[u8]) {
        let used = Use {
            first: sequence,
            last: sequence,
            count: 1,
        };
        let first = &mut self.first[sender];
        if first.used.count == 0 && first.set(prefix) {
            first.used = used;
        } else {
            self.senders[sender].add(prefix, used);
        }
    }

    /// Every sender with all its prefixes.
    fn whole(&self) -> Vec<Sender> {
        let mut whole = self.senders.clone();
        for (sender, first) in whole.iter_mut().zip(&self.first) {
            if let Some(length) = first.length {
                sender.add(&first.text[..usize::from(length)], first.used);
            }
        }
        whole
    }

    /// Takes in what another thread's receivers heard.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.senders.iter_mut().zip(other.whole()) {
            mine.is_unsteady |= theirs.is_unsteady;
            for prefix in &theirs.prefixes {
                mine.add(&prefix.text, prefix.used);
            }
        }
    }

    /// Lines that came under a nick that is not their sender's.
    pub(crate) fn wrong(&self) -> u64 {
        let senders = self.whole();
        let usual: HashMap<&[u8], usize> = senders
            .iter()
            .enumerate()
            .filter_map(|(sender, one)| Some((&*one.usual()?.text, sender)))
            .filter(|(text, _)| !text.is_empty())
            .collect();
        let wrong = senders.iter().enumerate().map(|(sender, one)| {
            let Some(nick) = one.usual() else {
                return 0;
            };
            let others = one.prefixes.iter().filter(|p| p.text != nick.text);
            let wrong = others.filter(|prefix| {
                let is_somebodys = usual.get(&*prefix.text).is_some_and(|s| *s != sender);
                // A prefix that replaces another for good is a change: the time of day, a new nick.
                let is_between =
                    prefix.used.first <= nick.used.last && nick.used.first <= prefix.used.last;
                is_somebodys || is_between
            });
            wrong.map(|prefix| prefix.used.count).sum()
        });
        wrong.sum()
    }
}

impl First {
    #[inline]
    fn is(&self, prefix: &[u8]) -> bool {
        let length = self.length.map(usize::from);
        length == Some(prefix.len()) && self.text[..prefix.len()] == *prefix
    }

    /// Makes it `prefix`, if that is short enough.
    fn set(&mut self, prefix: &[u8]) -> bool {
        let Some(place) = self.text.get_mut(..prefix.len()) else {
            return false;
        };
        place.copy_from_slice(prefix);
        self.length = u8::try_from(prefix.len()).ok();
        true
    }
}

impl Sender {
    fn add(&mut self, text: &[u8], used: Use) {
        if let Some(known) = self.prefixes.iter_mut().find(|p| *p.text == *text) {
            known.used.add(used);
        } else if self.prefixes.len() < PREFIXES_MAX && text.len() <= PREFIX_BYTES_MAX {
            let text = text.into();
            self.prefixes.push(Prefix { text, used });
        } else {
            self.is_unsteady = true;
        }
    }

    /// The prefix that most of its messages came with; none if it has no steady one.
    fn usual(&self) -> Option<&Prefix> {
        let steady = self.prefixes.iter().filter(|_| !self.is_unsteady);
        steady.max_by_key(|prefix| prefix.used.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(heard: &[(usize, u32, &str)]) -> u64 {
        let mut nicks = Nicks::new(3);
        for (sender, sequence, prefix) in heard {
            nicks.heard(*sender, *sequence, prefix.as_bytes());
        }
        // However the receivers are shared between threads.
        let mut parts = [Nicks::new(3), Nicks::new(3)];
        for (i, (sender, sequence, prefix)) in heard.iter().enumerate() {
            parts[i % 2].heard(*sender, *sequence, prefix.as_bytes());
        }
        let [mut merged, other] = parts;
        merged.merge(&other);
        assert_eq!(merged.wrong(), nicks.wrong());
        nicks.wrong()
    }

    #[test]
    fn a_line_under_another_nick_is_wrong() {
        let good = [(0, 0, "a: "), (1, 0, "b: "), (0, 1, "a: "), (1, 1, "b: ")];
        assert_eq!(wrong(&good), 0);
        let with = |more: &[(usize, u32, &'static str)]| wrong(&[&good[..], more].concat());
        assert_eq!(with(&[(0, 2, "b: ")]), 1, "another's");
        assert_eq!(with(&[(0, 2, "x: "), (0, 3, "a: ")]), 1, "nobody's");
        assert_eq!(with(&[(0, 2, ""), (0, 3, "a: ")]), 1, "none");
        // The very first one.
        let first = [(0, 0, "b: "), (0, 1, "a: "), (0, 2, "a: "), (1, 0, "b: ")];
        assert_eq!(wrong(&first), 1);
    }

    #[test]
    fn servers_without_nicks_are_not_judged() {
        assert_eq!(wrong(&[(0, 0, ""), (1, 0, ""), (0, 1, "")]), 0);
        assert_eq!(wrong(&[(0, 0, "> "), (1, 0, "> "), (0, 1, "> ")]), 0);
        let times: Vec<String> = (0..60).map(|s| format!("[12:00:{s:02}] ")).collect();
        let said: Vec<_> = (0..60)
            .map(|i| (0, i, times[i as usize].as_str()))
            .collect();
        assert_eq!(wrong(&said), 0);
        assert_eq!(
            wrong(&[(0, 0, "[1] a: "), (0, 1, "[1] a: "), (0, 2, "[2] a: ")]),
            0
        );
    }
}
