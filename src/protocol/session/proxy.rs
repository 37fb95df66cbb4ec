//! The PROXY protocol, versions 1 and 2: a proxy says first of all where its client comes from.
//!
//! Own code: of the crates, `ppp` refuses a header of version 1 that a read cuts before its last
//! port, and `proxy-header` takes some that are none.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::clock;

use super::output::refuse;
use super::state::{Joining, State, Step};
use super::{HEAD_TIMEOUT, Opening, Output};
use crate::wire::Framing;

const SIGNATURE_1: &[u8] = b"PROXY ";
/// With its end.
const MAX_BYTES_1: usize = 107;

const SIGNATURE_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const FIXED_BYTES_2: usize = 16;
/// Two addresses of unix sockets, the longest that there are.
const UNIX_BYTES_2: usize = 216;
/// And 2 KiB of what else a proxy may want to say.
const MAX_LENGTH_2: usize = UNIX_BYTES_2 + 2048;

/// The header is none, or breaks the protocol.
#[derive(Debug, PartialEq, Eq)]
struct Bad;

/// A client whose proxy has not yet said where it comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Proxied {
    opening: Opening,
    framing: Framing,
    #[serde(with = "clock::instant")]
    since: Instant,
    #[serde(with = "clock::instant")]
    read_at: Instant,
    header: Vec<u8>,
}

impl Proxied {
    pub(super) fn new(opening: Opening, framing: Framing, now: Instant) -> Self {
        Self {
            opening,
            framing,
            since: now,
            read_at: now,
            header: Vec::new(),
        }
    }

    pub(super) fn due(&self) -> Instant {
        self.since + HEAD_TIMEOUT
    }

    pub(super) fn on_read(&mut self, now: Instant) {
        self.read_at = now;
    }

    /// Whether the proxy has sent nothing, as one does that only looks whether we are there.
    pub(super) fn is_silent(&self) -> bool {
        self.header.is_empty()
    }

    pub(super) fn next(mut self: Box<Self>, input: &mut &[u8]) -> Step {
        while let Some((byte, rest)) = input.split_first() {
            *input = rest;
            self.header.push(*byte);
            match parse(&self.header) {
                None => {}
                Some(Ok(address)) => {
                    return (self.begin(input), Some(Output::ProxiedFrom(address)));
                }
                Some(Err(Bad)) => {
                    *input = &[];
                    let has_signature = self.header.len() > SIGNATURE_1.len();
                    let why = match has_signature {
                        true => "a bad PROXY header",
                        false => "no PROXY header",
                    };
                    return (State::Over, Some(refuse(why)));
                }
            }
        }
        (State::Proxied(self), None)
    }

    /// The client's own session, of which `input` is the beginning.
    fn begin(&self, input: &[u8]) -> State {
        let mut state = State::begin(self.opening, self.framing, self.read_at);
        let joins = state.joins_at_once();
        if !input.is_empty() {
            state.on_read(input, self.read_at);
        }
        match joins {
            None => state,
            Some(encoding) => State::Joining(Box::new(Joining {
                encoding,
                since: None,
                then: state,
            })),
        }
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn kept_bytes(&self) -> usize {
        self.header.capacity()
    }
}

/// The address that a header says, once it is complete; `None`: there must be more. Asked with each
/// byte that comes.
fn parse(header: &[u8]) -> Option<Result<Option<SocketAddr>, Bad>> {
    let is_2 = header.first() == SIGNATURE_2.first();
    let signature = if is_2 { SIGNATURE_2 } else { SIGNATURE_1 };
    let known = header.len().min(signature.len());
    if header[..known] != signature[..known] {
        return Some(Err(Bad));
    }
    match is_2 {
        true => parse_2(header),
        false => match header {
            [.., b'\n'] => Some(parse_1(header)),
            _ if header.len() >= MAX_BYTES_1 => Some(Err(Bad)),
            _ => None,
        },
    }
}

/// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`, or `PROXY UNKNOWN` and whatever else.
fn parse_1(line: &[u8]) -> Result<Option<SocketAddr>, Bad> {
    let line = line.strip_suffix(b"\r\n").ok_or(Bad)?;
    let line = std::str::from_utf8(line).map_err(|_| Bad)?;
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        [_, "UNKNOWN", ..] => Ok(None),
        [_, "TCP4", from, to, from_port, to_port] => {
            address_1::<Ipv4Addr>(to, to_port)?;
            address_1::<Ipv4Addr>(from, from_port).map(Some)
        }
        [_, "TCP6", from, to, from_port, to_port] => {
            address_1::<Ipv6Addr>(to, to_port)?;
            address_1::<Ipv6Addr>(from, from_port).map(Some)
        }
        _ => Err(Bad),
    }
}

fn address_1<Ip: FromStr + Into<IpAddr>>(ip: &str, port: &str) -> Result<SocketAddr, Bad> {
    let ip: Ip = ip.parse().map_err(|_| Bad)?;
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    let is_shortest = port == "0" || !port.starts_with('0');
    match port.parse() {
        Ok(port) if is_number && is_shortest => Ok(SocketAddr::new(ip.into(), port)),
        _ => Err(Bad),
    }
}

fn parse_2(header: &[u8]) -> Option<Result<Option<SocketAddr>, Bad>> {
    let (fixed, said) = header.split_at_checked(FIXED_BYTES_2)?;
    let [.., command, family, high, low] = *fixed else {
        return None;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let address_bytes = match (command, family) {
        // The proxy itself, as when it looks whether we are there.
        (0x20, _) => 0,
        (0x21, 0x00) => 0,
        (0x21, 0x11 | 0x12) => 12,
        (0x21, 0x21 | 0x22) => 36,
        (0x21, 0x31 | 0x32) => UNIX_BYTES_2,
        _ => return Some(Err(Bad)),
    };
    if !(address_bytes..=MAX_LENGTH_2).contains(&length) {
        return Some(Err(Bad));
    }
    // Both addresses, both ports, and whatever else.
    let from = match address_bytes {
        12 => said.first_chunk().map(|ip: &[u8; 4]| IpAddr::from(*ip)),
        36 => said.first_chunk().map(|ip: &[u8; 16]| IpAddr::from(*ip)),
        _ => None,
    };
    let port = match said.get(address_bytes.saturating_sub(4)..) {
        Some([high, low, ..]) => u16::from_be_bytes([*high, *low]),
        _ => 0,
    };
    (said.len() == length).then(|| Ok(from.map(|ip| SocketAddr::new(ip, port))))
}
