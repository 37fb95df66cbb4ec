//! Frames as they are read, cut anywhere.

use serde::{Deserialize, Serialize};

use super::CloseCode;
use super::frame::{LENGTH_16, LENGTH_64, MASKED, MAX_CONTROL_BYTES, Opcode, apply_mask};

const MAX_HEADER_BYTES: usize = 14;

/// Whose frames are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// A client's, which must be masked.
    Server,
    /// A server's, which must not be.
    Client,
}

/// What a peer has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole message.
    Text(&'a str),
    /// A message over the limit. Its bytes are gone, and so will be the rest of it; it is
    /// reported once.
    TooLong,
    /// To be answered with a pong of the same bytes.
    Ping(&'a [u8]),
    /// The peer closes, with this code if it says one; to be answered with a close of the same
    /// code. Nothing more will be read.
    Close(Option<u16>),
}

/// One connection's place in reading frames. Holds a message's bytes until it is whole, at most
/// as many as the limit, and no buffer between two messages.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reader {
    role: Role,
    /// The header of the next frame, as far as it has come.
    header: [u8; MAX_HEADER_BYTES],
    header_bytes: usize,
    /// The frame whose payload is being read.
    frame: Option<Frame>,
    /// The unfinished message; with `emitted`, one that the caller has seen.
    message: Vec<u8>,
    message_state: MessageState,
    /// The payload of a control frame, which may come between the frames of a message.
    control: Vec<u8>,
    emitted: Emitted,
    is_over: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Frame {
    opcode: Opcode,
    is_final: bool,
    mask: [u8; 4],
    payload_bytes: u64,
    read_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum MessageState {
    /// Between two.
    None,
    Open,
    /// It was too long, and the rest of it is skipped.
    Skipping,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Emitted {
    Nothing,
    Message,
    Control,
}

impl Reader {
    /// A reader at the first frame.
    #[must_use]
    pub fn new(role: Role) -> Self {
        Self {
            role,
            header: [0; MAX_HEADER_BYTES],
            header_bytes: 0,
            frame: None,
            message: Vec::new(),
            message_state: MessageState::None,
            control: Vec::new(),
            emitted: Emitted::Nothing,
            is_over: false,
        }
    }

    /// Takes the next event off the front of `input`, of messages of at most `max_message_bytes`;
    /// `None`: the input is used up. What an event was kept in is freed by the call after it.
    ///
    /// # Errors
    /// What the peer did wrong: the code to close with. Nothing more is read then.
    pub fn next(
        &mut self,
        input: &mut &[u8],
        max_message_bytes: usize,
    ) -> Option<Result<Event<'_>, CloseCode>> {
        self.drop_emitted();
        loop {
            if self.is_over {
                *input = &[];
                return None;
            }
            let done = match self.frame {
                None => self.read_header(input, max_message_bytes)?,
                Some(frame) => self.read_payload(frame, input)?,
            };
            match done {
                Ok(Done::Nothing) => {}
                // Nobody here asks for one, and some send them unasked, as a sign of life.
                Ok(Done::Control(Opcode::Pong)) => self.control = Vec::new(),
                Ok(Done::TooLong) => return Some(Ok(Event::TooLong)),
                Ok(Done::Message) => return Some(self.end_message()),
                Ok(Done::Control(opcode)) => return Some(self.end_control(opcode)),
                Err(code) => return Some(Err(self.fail(code))),
            }
        }
    }

    /// Memory that is held.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn kept_bytes(&self) -> usize {
        self.message.capacity() + self.control.capacity()
    }

    /// `None`: there must be more.
    fn read_header(&mut self, input: &mut &[u8], max: usize) -> Option<Result<Done, CloseCode>> {
        while !input.is_empty() {
            let have = self.header_bytes;
            let wanted = header_length(&self.header[..have]);
            let taken = input.len().min(wanted - have);
            self.header[have..have + taken].copy_from_slice(&input[..taken]);
            *input = &input[taken..];
            let have = have + taken;
            self.header_bytes = have;
            if have >= 2 && have == header_length(&self.header[..have]) {
                self.header_bytes = 0;
                return Some(self.begin_frame(have, max));
            }
        }
        None
    }

    fn begin_frame(&mut self, header_length: usize, max: usize) -> Result<Done, CloseCode> {
        let frame = parse_header(&self.header[..header_length], self.role)?;
        let is_first = match frame.opcode {
            Opcode::Binary => return Err(CloseCode::Unsupported),
            Opcode::Text => true,
            Opcode::Continuation => false,
            Opcode::Close | Opcode::Ping | Opcode::Pong => {
                self.frame = Some(frame);
                return Ok(Done::Nothing);
            }
        };
        if is_first != (self.message_state == MessageState::None) {
            return Err(CloseCode::Protocol);
        }
        self.frame = Some(frame);
        if is_first {
            self.message_state = MessageState::Open;
        }
        let room = max.saturating_sub(self.message.len()) as u64;
        if self.message_state == MessageState::Open && frame.payload_bytes > room {
            self.message = Vec::new();
            self.message_state = MessageState::Skipping;
            return Ok(Done::TooLong);
        }
        Ok(Done::Nothing)
    }

    /// `None`: there must be more.
    fn read_payload(
        &mut self,
        mut frame: Frame,
        input: &mut &[u8],
    ) -> Option<Result<Done, CloseCode>> {
        let left = frame.payload_bytes - frame.read_bytes;
        let taken = usize::try_from(left).map_or(input.len(), |left| left.min(input.len()));
        let (payload, rest) = input.split_at(taken);
        *input = rest;
        let buffer = match frame.opcode.is_control() {
            true => Some(&mut self.control),
            false => (self.message_state == MessageState::Open).then_some(&mut self.message),
        };
        if let Some(buffer) = buffer {
            let at = buffer.len();
            buffer.extend_from_slice(payload);
            // What lies before in the buffer may be of other frames.
            let before = (frame.read_bytes % 4) as usize;
            apply_mask(&mut buffer[at..], frame.mask, before);
        }
        frame.read_bytes += taken as u64;
        if frame.read_bytes < frame.payload_bytes {
            self.frame = Some(frame);
            return None;
        }
        self.frame = None;
        Some(Ok(match frame.opcode {
            opcode if opcode.is_control() => Done::Control(opcode),
            _ if !frame.is_final => Done::Nothing,
            _ => match std::mem::replace(&mut self.message_state, MessageState::None) {
                MessageState::Open => Done::Message,
                MessageState::Skipping | MessageState::None => Done::Nothing,
            },
        }))
    }

    fn end_message(&mut self) -> Result<Event<'_>, CloseCode> {
        if std::str::from_utf8(&self.message).is_err() {
            return Err(self.fail(CloseCode::NotText));
        }
        self.emitted = Emitted::Message;
        Ok(Event::Text(
            std::str::from_utf8(&self.message).unwrap_or_default(),
        ))
    }

    fn end_control(&mut self, opcode: Opcode) -> Result<Event<'_>, CloseCode> {
        if opcode == Opcode::Close {
            let close = parse_close(&self.control);
            self.is_over = true;
            self.free();
            return close.map(Event::Close);
        }
        self.emitted = Emitted::Control;
        Ok(Event::Ping(&self.control))
    }

    fn fail(&mut self, code: CloseCode) -> CloseCode {
        self.is_over = true;
        self.free();
        code
    }

    fn free(&mut self) {
        self.message = Vec::new();
        self.control = Vec::new();
    }

    fn drop_emitted(&mut self) {
        match std::mem::replace(&mut self.emitted, Emitted::Nothing) {
            Emitted::Nothing => {}
            Emitted::Message => self.message = Vec::new(),
            Emitted::Control => self.control = Vec::new(),
        }
    }
}

/// What a step of reading has completed.
enum Done {
    Nothing,
    TooLong,
    Message,
    Control(Opcode),
}

/// How long the header is that begins with `known`, as far as that tells.
fn header_length(known: &[u8]) -> usize {
    let Some(second) = known.get(1) else {
        return 2;
    };
    let mask = if second & MASKED != 0 { 4 } else { 0 };
    let length = match second & !MASKED {
        LENGTH_16 => 2,
        LENGTH_64 => 8,
        _ => 0,
    };
    2 + length + mask
}

fn parse_header(header: &[u8], role: Role) -> Result<Frame, CloseCode> {
    let (first, second) = (header[0], header[1]);
    let is_masked = second & MASKED != 0;
    let reserved = first & 0x70;
    let opcode = Opcode::from_bits(first & 0x0f).filter(|_| reserved == 0);
    let opcode = opcode.ok_or(CloseCode::Protocol)?;
    let is_final = first & 0x80 != 0;
    let (length, mask) = match is_masked {
        true => header[2..].split_at(header.len() - 6),
        false => (&header[2..], [0; 4].as_slice()),
    };
    let payload_bytes = match length {
        [] => u64::from(second & !MASKED),
        _ => length
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    };
    let least = match length.len() {
        0 => 0,
        2 => u64::from(LENGTH_16),
        _ => 1 << 16,
    };
    let is_well_formed = is_masked == (role == Role::Server)
        && (least..1 << 63).contains(&payload_bytes)
        && (!opcode.is_control() || is_final && payload_bytes <= MAX_CONTROL_BYTES as u64);
    match is_well_formed {
        true => Ok(Frame {
            opcode,
            is_final,
            mask: mask.try_into().unwrap_or_default(),
            payload_bytes,
            read_bytes: 0,
        }),
        false => Err(CloseCode::Protocol),
    }
}

/// The code that a close frame says.
fn parse_close(payload: &[u8]) -> Result<Option<u16>, CloseCode> {
    match payload {
        [] => Ok(None),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            let may_be_sent = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            if std::str::from_utf8(reason).is_err() {
                return Err(CloseCode::NotText);
            }
            may_be_sent.then_some(Some(code)).ok_or(CloseCode::Protocol)
        }
        [_] => Err(CloseCode::Protocol),
    }
}
