//! Telnet's commands (RFC 854, 855, 885, 1184): taken out of a stream wherever a read cuts them,
//! and what would be negotiated is refused. Keeps some bytes of state and no buffer.

use serde::{Deserialize, Serialize};

pub(super) const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SUBNEGOTIATION: u8 = 250;
const ERASE_LINE: u8 = 248;
const ERASE_CHARACTER: u8 = 247;
const SUBNEGOTIATION_END: u8 = 240;
/// The lowest command (end of file). What is below is no telnet but a byte 255 in a text that
/// is not UTF-8.
const FIRST_COMMAND: u8 = 236;

/// After so many bytes a subnegotiation ends with the line, if its end has not come: so one that is
/// never ended swallows no line behind that, and none of it is taken for text. Before, a newline is a
/// byte of it: of a window with ten rows. Those that a client sends without being asked have some 10
/// bytes.
const MAX_SUBNEGOTIATION_BYTES: u8 = u8::MAX;

/// Where a stream stands between telnet's commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Telnet {
    /// In the text.
    #[default]
    Text,
    /// After an IAC.
    Command,
    /// After IAC and WILL, WONT, DO or DONT.
    Option { verb: u8 },
    /// In a subnegotiation of so many bytes so far, or more if they are the most.
    Subnegotiation { bytes: u8 },
    /// After an IAC in one.
    SubnegotiationCommand { bytes: u8 },
}

/// What a byte has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing yet, or nothing at all.
    Nothing,
    /// An IAC that is text, since it was sent twice.
    Iac,
    /// No command: an IAC that is text, and the byte after it, which was not looked at.
    NoCommand,
    /// A subnegotiation is over, and the newline that has ended it was not looked at.
    CutOff,
    /// To be sent back at once.
    Reply([u8; 3]),
    EraseCharacter,
    EraseLine,
}

impl Step {
    /// Whether the byte that has led to it is used up.
    pub(super) fn takes_byte(self) -> bool {
        !matches!(self, Self::NoCommand | Self::CutOff)
    }
}

impl Telnet {
    /// Whether it is in a subnegotiation that has gone on for too long.
    pub(super) fn is_runaway(self) -> bool {
        let (Self::Subnegotiation { bytes } | Self::SubnegotiationCommand { bytes }) = self else {
            return false;
        };
        bytes == MAX_SUBNEGOTIATION_BYTES
    }

    /// Whether the next byte, `byte`, is telnet's.
    pub(super) fn takes(self, byte: u8) -> bool {
        byte == IAC || self != Self::Text
    }

    /// Takes the next byte.
    pub(super) fn step(&mut self, byte: u8) -> Step {
        let (next, step) = match *self {
            Self::Text if byte == IAC => (Self::Command, Step::Nothing),
            Self::Text => (Self::Text, Step::Nothing),
            Self::Command => match byte {
                IAC => (Self::Text, Step::Iac),
                WILL | WONT | DO | DONT => (Self::Option { verb: byte }, Step::Nothing),
                SUBNEGOTIATION => (Self::Subnegotiation { bytes: 0 }, Step::Nothing),
                ERASE_CHARACTER => (Self::Text, Step::EraseCharacter),
                ERASE_LINE => (Self::Text, Step::EraseLine),
                FIRST_COMMAND.. => (Self::Text, Step::Nothing),
                _ => (Self::Text, Step::NoCommand),
            },
            Self::Option { verb: WILL } => (Self::Text, Step::Reply([IAC, DONT, byte])),
            Self::Option { verb: DO } => (Self::Text, Step::Reply([IAC, WONT, byte])),
            // To answer what agrees with us would have no end.
            Self::Option { .. } => (Self::Text, Step::Nothing),
            Self::SubnegotiationCommand { .. } if byte == SUBNEGOTIATION_END => {
                (Self::Text, Step::Nothing)
            }
            _ if byte == b'\n' && self.is_runaway() => (Self::Text, Step::CutOff),
            Self::Subnegotiation { bytes } | Self::SubnegotiationCommand { bytes } => {
                let was_command = matches!(self, Self::SubnegotiationCommand { .. });
                let bytes = bytes.saturating_add(1);
                let next = match byte {
                    IAC if !was_command => Self::SubnegotiationCommand { bytes },
                    _ => Self::Subnegotiation { bytes },
                };
                (next, Step::Nothing)
            }
        };
        *self = next;
        step
    }
}
