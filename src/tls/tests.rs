//! Two connections that talk through pipes in memory, which cut what they carry anywhere.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};

use crate::protocol::session::Opening;

use super::{Identity, TlsConnection, TlsServer, Trust, client};

/// What one end has sent and the other has not read.
#[derive(Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    is_ended: bool,
}

/// One end of a stream. What a call moves is cut as `cuts` say, in turn.
struct End {
    from: Rc<RefCell<Pipe>>,
    to: Rc<RefCell<Pipe>>,
    cuts: Vec<usize>,
    calls: usize,
    /// What the pipe takes before it is full.
    room: usize,
}

impl End {
    fn cut(&mut self) -> usize {
        self.calls += 1;
        self.cuts[self.calls % self.cuts.len()]
    }
}

impl Read for End {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let cut = self.cut();
        let mut pipe = self.from.borrow_mut();
        if pipe.bytes.is_empty() && !pipe.is_ended {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = into.len().min(cut).min(pipe.bytes.len());
        for (place, byte) in into.iter_mut().zip(pipe.bytes.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let cut = self.cut();
        let mut pipe = self.to.borrow_mut();
        let room = self.room.saturating_sub(pipe.bytes.len());
        let count = bytes.len().min(cut).min(room);
        pipe.bytes.extend(&bytes[..count]);
        match count {
            0 => Err(ErrorKind::WouldBlock.into()),
            _ => Ok(count),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One side with its end of the stream, and what it has read.
struct Party {
    tls: TlsConnection,
    stream: End,
    heard: Vec<u8>,
    has_heard_end: bool,
}

impl Party {
    /// Reads until nothing is there, at most `most` at once.
    fn reads(&mut self, most: usize) -> io::Result<()> {
        let mut bytes = vec![0; most];
        while !self.has_heard_end {
            match self.tls.read(&mut self.stream, &mut bytes) {
                Ok(0) => self.has_heard_end = true,
                Ok(count) => self.heard.extend(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Offers `bytes` in pieces; returns how many were taken.
    fn writes(&mut self, bytes: &[u8], piece: usize) -> usize {
        let pieces: Vec<_> = bytes.chunks(piece).take(64).map(IoSlice::new).collect();
        match self.tls.write_vectored(&mut self.stream, &pieces) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => panic!("{error}"),
        }
    }
}

struct Configs {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

/// A certificate of one's own, and a client that knows it.
fn configs(version: &'static SupportedProtocolVersion) -> Configs {
    let server = TlsServer::new(&Identity::SelfSigned, &[]).unwrap();
    let trust = Trust::Fingerprint(server.sha256());
    Configs {
        server: Arc::clone(server.configs().of(Opening::Auto)),
        client: client::config_of(&trust, &[version]).unwrap(),
    }
}

fn ends(cuts: &[usize], room: usize) -> [End; 2] {
    let [one, other] = [(); 2].map(|()| Rc::new(RefCell::new(Pipe::default())));
    [(&one, &other), (&other, &one)].map(|(from, to)| End {
        from: Rc::clone(from),
        to: Rc::clone(to),
        cuts: cuts.to_vec(),
        calls: 0,
        room,
    })
}

fn pair(configs: &Configs, cuts: &[usize], room: usize) -> [Party; 2] {
    let name = ServerName::try_from("localhost").unwrap();
    let server = TlsConnection::accept(Arc::clone(&configs.server), &[]).unwrap();
    let client = TlsConnection::connect(Arc::clone(&configs.client), name).unwrap();
    let mut streams = ends(cuts, room).into_iter();
    [server, client].map(|tls| Party {
        tls,
        stream: streams.next().unwrap(),
        heard: Vec::new(),
        has_heard_end: false,
    })
}

fn shake(parties: &mut [Party; 2]) {
    for _ in 0..100_000 {
        if parties.iter().all(|party| !party.tls.is_handshaking()) {
            return;
        }
        for party in parties.iter_mut() {
            party.reads(1000).unwrap();
            party.tls.push(&mut party.stream).unwrap();
        }
    }
    panic!("no end of the handshake");
}

fn bytes(count: usize) -> Vec<u8> {
    (0u8..=250).cycle().take(count).collect()
}

/// Both say `said`, then end, the first one first; each hears the other's whole.
fn talk(parties: &mut [Party; 2], said: &[usize; 2], piece: usize, most: usize) {
    let said = said.map(bytes);
    let mut left = [0, 0];
    for _ in 0..1_000_000 {
        for (index, party) in parties.iter_mut().enumerate() {
            party.reads(most).unwrap();
            let owed = &said[index][left[index]..];
            if !owed.is_empty() {
                left[index] += party.writes(owed, piece);
            } else if index == 0 || party.has_heard_end {
                party.tls.close_notify(&mut party.stream).unwrap();
            }
        }
        if parties.iter().all(|party| party.has_heard_end) {
            break;
        }
    }
    for (party, said) in parties.iter().zip(said.iter().rev()) {
        assert!(party.has_heard_end && party.heard == *said);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_cross_whole_and_in_order_however_they_are_cut(
        cuts in prop::collection::vec(1usize..40_000, 1..20),
        small_cuts in prop::collection::vec(1usize..40, 0..20),
        said in [0usize..60_000, 0usize..60_000],
        piece in 1usize..30_000,
        most in 1usize..70_000,
        room in 1usize..60_000,
        is_tls12 in any::<bool>(),
    ) {
        let version = if is_tls12 { &rustls::version::TLS12 } else { &rustls::version::TLS13 };
        let configs = configs(version);
        let mut parties = pair(&configs, &[cuts, small_cuts].concat(), room);
        shake(&mut parties);
        talk(&mut parties, &said, piece, most);
    }
}

const ANY: &SupportedProtocolVersion = &rustls::version::TLS13;

/// Two that have shaken hands, over pipes that cut nothing.
fn settled(room: usize) -> [Party; 2] {
    let mut parties = pair(&configs(ANY), &[usize::MAX], room);
    shake(&mut parties);
    for party in &mut parties {
        party.reads(1000).unwrap();
    }
    parties
}

/// The only party, on whose stream is `bytes`.
fn server_that_gets(bytes: &[u8]) -> Party {
    let [server, client] = pair(&configs(ANY), &[usize::MAX], usize::MAX);
    client.stream.to.borrow_mut().bytes.extend(bytes);
    server
}

#[test]
fn a_record_that_is_partly_sent_is_told_of_once_it_is_sent() {
    let [mut server, mut client] = settled(5000);
    let said = bytes(20_000);
    let mut left = said.as_slice();
    let mut calls = Vec::new();
    while !left.is_empty() {
        let taken = server.writes(left, usize::MAX);
        left = &left[taken..];
        calls.push(taken);
        client.reads(1 << 16).unwrap();
    }
    // A record of 16 KiB goes in four parts, and the rest begins behind it.
    assert_eq!(calls, [0, 0, 0, 16_384, 3616]);
    assert!(client.heard == said);
}

#[test]
fn nothing_is_written_before_the_handshake_is_over() {
    let [mut server, mut client] = pair(&configs(ANY), &[usize::MAX], usize::MAX);
    client.reads(1000).unwrap();
    server.reads(1000).unwrap();
    // It has said all that it has to say, and could be answered by anybody.
    assert!(server.tls.is_handshaking());
    assert_eq!(server.writes(b"hi", 2), 0);
    client.reads(1000).unwrap();
    assert!(!client.tls.is_handshaking() && client.heard.is_empty());
}

#[test]
fn what_was_read_before_belongs_to_the_handshake() {
    let configs = configs(ANY);
    let [server, mut client] = pair(&configs, &[usize::MAX], usize::MAX);
    client.reads(1000).unwrap();
    let hello: Vec<u8> = client.stream.to.borrow_mut().bytes.drain(..).collect();
    for cut in [1, 5, hello.len()] {
        let accepted = TlsConnection::accept(Arc::clone(&configs.server), &hello[..cut]).unwrap();
        assert!(accepted.may_have_more());
        let [_, client] = pair(&configs, &[usize::MAX], usize::MAX);
        let mut server = Party {
            tls: accepted,
            stream: client.stream,
            heard: Vec::new(),
            has_heard_end: false,
        };
        server.stream.from.borrow_mut().bytes.extend(&hello[cut..]);
        server.reads(1000).unwrap();
        // A server's hello is a handshake record.
        assert_eq!(server.stream.to.borrow().bytes[0], 0x16);
    }
    drop(server);
}

#[test]
fn what_is_no_tls_is_refused_with_an_alert() {
    let mut server = server_that_gets(b"GET / HTTP/1.1\r\n\r\n");
    let why = server.reads(1000).unwrap_err();
    assert_eq!(why.kind(), ErrorKind::InvalidData);
    assert!(why.to_string().contains("no TLS"), "{why}");
    assert_eq!(server.stream.to.borrow().bytes[0], 0x15);
    // It stays so.
    assert_eq!(server.reads(1000).unwrap_err().to_string(), why.to_string());
}

#[test]
fn a_hello_has_a_bound() {
    let hello = |bytes: usize| {
        // A handshake record of 16,000 bytes, of which so many have come.
        let mut record = vec![0x16, 3, 1, 0x3e, 0x80, 1, 0, 0x3e, 0x7c];
        record.resize(bytes, 3);
        server_that_gets(&record).reads(1 << 16)
    };
    assert!(hello(6 * 1024).is_ok());
    let why = hello(6 * 1024 + 1).unwrap_err().to_string();
    assert_eq!(why, "a handshake message of more than 6144 bytes");
}

#[test]
fn a_client_hears_why_it_does_not_trust_and_the_server_that_it_does_not() {
    let mut configs = configs(ANY);
    configs.client = client::config(&Trust::Fingerprint([7; 32])).unwrap();
    let mut parties = pair(&configs, &[usize::MAX], usize::MAX);
    parties[1].reads(1000).unwrap();
    parties[0].reads(1000).unwrap();
    let why = parties[1].reads(1000).unwrap_err().to_string();
    assert!(
        why.starts_with("its certificate has another fingerprint: "),
        "{why}"
    );
    let why = parties[0].reads(1000).unwrap_err().to_string();
    assert!(why.starts_with("received fatal alert"), "{why}");
}

#[test]
fn an_end_is_an_end_with_a_close_notify_or_without() {
    for has_close_notify in [true, false] {
        let [mut server, mut client] = settled(usize::MAX);
        assert_eq!(client.writes(b"last", 10), 4);
        match has_close_notify {
            true => assert!(client.tls.close_notify(&mut client.stream).unwrap()),
            false => client.stream.to.borrow_mut().is_ended = true,
        }
        let mut bytes = [0; 100];
        assert_eq!(server.tls.read(&mut server.stream, &mut bytes).unwrap(), 4);
        // No edge tells of the one kind.
        assert_eq!(server.tls.may_have_more(), has_close_notify);
        assert_eq!(server.tls.read(&mut server.stream, &mut bytes).unwrap(), 0);
        // The other direction is still open.
        assert_eq!(server.writes(b"answer", 10), 6);
        client.reads(100).unwrap();
        assert_eq!(client.heard, b"answer");
    }
}

#[test]
fn one_call_does_not_open_any_number_of_records() {
    let [mut server, mut client] = settled(usize::MAX);
    let said = bytes(10_000);
    for byte in &said {
        assert_eq!(client.writes(&[*byte], 1), 1);
    }
    let mut first = vec![0; 1 << 16];
    let count = server.tls.read(&mut server.stream, &mut first).unwrap();
    assert!((2000..4000).contains(&count), "{count}");
    assert!(server.tls.may_have_more());
    server.heard.extend(&first[..count]);
    server.reads(1 << 16).unwrap();
    assert!(server.heard == said && !server.tls.may_have_more());
}

#[test]
fn a_connection_that_is_idle_keeps_no_buffer() {
    let mut parties = settled(usize::MAX);
    let [server, client] = &mut parties;
    for _ in 0..3 {
        assert_eq!(client.writes(&bytes(40_000), 1000), 40_000);
        server.reads(100).unwrap();
        assert_eq!(server.writes(&bytes(40_000), 1000), 40_000);
        client.reads(100).unwrap();
    }
    assert_eq!(
        [server.tls.buffer_bytes(), client.tls.buffer_bytes()],
        [0, 0]
    );
}
