//! A text that says who has said it, where, which one it is and when, with a sum that tells torn
//! text from whole.

use std::time::Duration;

use crate::checked_clients::{letter, sum};

/// Of one message: the `seq`th of the `sender`th member of its room, meant to be said `at` after the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) room: usize,
    pub(crate) sender: usize,
    pub(crate) seq: u64,
    pub(crate) at: Duration,
}

impl Stamp {
    /// With `filling` bytes behind it.
    pub(crate) fn text(&self, filling: usize) -> String {
        let Self {
            room,
            sender,
            seq,
            at,
        } = self;
        let at = at.as_micros();
        let filling: String = (0..filling).map(|i| letter(*seq, i)).collect();
        let check = sum(*seq, filling.as_bytes());
        format!("#{room} {sender} {seq} {at} {check:x} {filling}")
    }

    /// None when it is somebody else's; fails the test when it is torn.
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix('#')?.splitn(6, ' ');
        let mut next = || words.next().unwrap_or_else(|| panic!("torn: {text}"));
        let [room, sender, seq, at, check, filling] = std::array::from_fn(|_| next());
        let number = |word: &str| -> u64 { word.parse().unwrap_or_else(|_| panic!("{text}")) };
        let seq = number(seq);
        let check = u64::from_str_radix(check, 16).expect("a sum");
        assert_eq!(check, sum(seq, filling.as_bytes()), "torn: {text}");
        Some(Self {
            room: usize::try_from(number(room)).unwrap(),
            sender: usize::try_from(number(sender)).unwrap(),
            seq,
            at: Duration::from_micros(number(at)),
        })
    }
}
