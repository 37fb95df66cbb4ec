//! A byte order mark: three bytes that some editors put before a text. Left in place, one makes
//! `/msg` no command, and what was meant for one reader goes to all.

use serde::{Deserialize, Serialize};

const BYTES: &[u8; 3] = b"\xef\xbb\xbf";

/// How much of a byte order mark a stream has begun with.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) enum Mark {
    /// Nothing has come yet.
    #[default]
    Start,
    /// Its first byte has come.
    One,
    /// Its first two bytes have come.
    Two,
    /// It is complete, or there is none.
    Decided,
}

impl Mark {
    pub(super) fn is_open(self) -> bool {
        !matches!(self, Self::Decided)
    }

    /// What has been held back, since it may turn out to be a mark.
    pub(super) fn held(self) -> &'static [u8] {
        match self {
            Self::Start | Self::Decided => &[],
            Self::One => &BYTES[..1],
            Self::Two => &BYTES[..2],
        }
    }

    /// Whether `byte` is the next one of the mark, which it is then taken for.
    pub(super) fn takes(&mut self, byte: u8) -> bool {
        let (next, expected) = match self {
            Self::Start => (Self::One, BYTES[0]),
            Self::One => (Self::Two, BYTES[1]),
            Self::Two => (Self::Decided, BYTES[2]),
            Self::Decided => return false,
        };
        let is_next = byte == expected;
        if is_next {
            *self = next;
        }
        is_next
    }

    /// It was none: gives back what was held.
    pub(super) fn decide(&mut self) -> &'static [u8] {
        let held = self.held();
        *self = Self::Decided;
        held
    }
}
