//! As many clients as one process may hold; and ten thousand whose server is killed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use rustix::process::Signal;
use socket2::{Domain, Socket, Type};

use crate::harness::{Launch, Server, serial, until};
use crate::kernel;
use crate::machine;
use crate::member::{Member, room};
use crate::peer::Peer;

const MOST: usize = 19_500;
const DESCRIPTORS: &str = "--nofile=20000:20000";
const RETURNING: usize = 10_000;
const BACK_WITHIN: Duration = Duration::from_secs(5);
const THREADS: usize = 4;

/// An address of loopback has ports for so many.
const PER_SOURCE: usize = 5000;

/// A client with an address of its own choice: one address has ports for so many only.
pub(crate) fn connect_from(source: IpAddr, address: &str) -> io::Result<Peer> {
    let address: SocketAddr = address.parse().expect("a TCP address");
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // Else the kernel looks for a port that nobody has: with thousands taken, ten seconds of
    // its time go into ten thousand such searches.
    setsockopt(&socket, IpBindAddressNoPort, &true)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket.connect(&address.into())?;
    Ok(Peer::over(socket.into()))
}

/// From where the `i`th of many clients connects.
pub(crate) fn source(i: usize) -> IpAddr {
    let last = u8::try_from(1 + i / PER_SOURCE).unwrap();
    IpAddr::V4(Ipv4Addr::new(127, 0, 1, last))
}

/// `count` clients, from as many addresses as their ports need.
pub(crate) fn connects(address: &str, count: usize) -> Vec<Peer> {
    let peers = (0..count).map(|i| connect_from(source(i), address).expect("connect"));
    peers.collect()
}

fn holds_twenty_thousand(service: &str) -> Server {
    Launch::new(service)
        .wrap(&["prlimit", DESCRIPTORS])
        .args(&["--max-clients", "19900"])
        .start()
}

#[test]
#[ignore = "20,000 descriptors"]
fn one_process_holds_19_500_and_answers_all() {
    let _alone = serial();
    let server = holds_twenty_thousand("echo");
    let before = kernel::rss_kib(server.id());
    let start = Instant::now();
    let mut peers = connects(server.address(), MOST);
    let connected = start.elapsed();
    for round in 0..3 {
        for (i, peer) in peers.iter_mut().enumerate() {
            peer.send(format!("{round}/{i}"));
        }
        for (i, peer) in peers.iter_mut().enumerate() {
            let expected = format!("{round}/{i}");
            assert_eq!(peer.exactly(expected.len()), expected.as_bytes());
        }
    }
    eprintln!(
        "echo: {MOST} clients connected in {connected:.1?}, each answered three times, all in \
         {:.1?}; descriptors {}, {} bytes a client",
        start.elapsed(),
        kernel::descriptors(server.id()),
        (kernel::rss_kib(server.id()) - before) * 1024 / MOST as u64,
    );
}

#[test]
#[ignore = "20,000 descriptors"]
fn one_room_holds_19_500_and_all_hear() {
    let _alone = serial();
    let server = holds_twenty_thousand("room");
    let before = kernel::rss_kib(server.id());
    let start = Instant::now();
    let mut peers = connects(server.address(), MOST);
    let connected = start.elapsed();
    for speaker in [0, MOST / 2, MOST - 1] {
        let text = format!("from number {speaker}");
        peers[speaker].send(format!("{text}\n"));
        for (i, peer) in peers.iter_mut().enumerate() {
            while i != speaker && !peer.line().ends_with(&text) {}
        }
    }
    eprintln!(
        "room: {MOST} members joined in {connected:.1?}, all heard three lines within {:.1?}; \
         descriptors {}, {} bytes a member",
        start.elapsed(),
        kernel::descriptors(server.id()),
        (kernel::rss_kib(server.id()) - before) * 1024 / MOST as u64,
    );
}

/// One share of those whose server is killed: waits for the end, comes back, is answered.
fn returns(mut peers: Vec<Peer>, address: &str, first: usize) -> Vec<Peer> {
    for peer in &mut peers {
        peer.until_gone();
    }
    let back = peers.drain(..).enumerate().map(|(i, old)| {
        let source = old.local().ip();
        drop(old);
        let mut peer = loop {
            // Nobody listens until the new server does.
            match connect_from(source, address) {
                Ok(peer) => break peer,
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        };
        peer.send(format!("/nick back{}\n", first + i));
        peer
    });
    let mut back: Vec<Peer> = back.collect();
    for (i, peer) in back.iter_mut().enumerate() {
        let answer = format!("* you are now back{}", first + i);
        while peer.line() != answer {}
    }
    back
}

#[test]
#[ignore = "20,000 descriptors"]
fn ten_thousand_are_back_in_five_seconds() {
    let _alone = serial();
    let mut server = room(&[]);
    let address = server.address().to_owned();
    let mut peers = connects(&address, RETURNING);
    for peer in &mut peers {
        while !peer.line().starts_with("* you are") {}
    }
    let start = Instant::now();
    server.signal(Signal::KILL);
    server.ends_within(Duration::from_secs(5));
    let returning: Vec<_> = (0..THREADS)
        .map(|share| {
            let address = address.clone();
            let these = peers.split_off(peers.len() - RETURNING / THREADS);
            thread::spawn(move || returns(these, &address, share * RETURNING / THREADS))
        })
        .collect();
    let again = Launch::new("room").listen(&[&address]).start();
    let listening = start.elapsed();
    let back = returning.into_iter().flat_map(|r| r.join().unwrap());
    let mut back: Vec<Peer> = back.collect();
    let answered = start.elapsed();
    // From one to all, and from all ends to one.
    back[0].send("hello everybody\n");
    for peer in &mut back[1..] {
        while !peer.line().ends_with(": hello everybody") {}
    }
    let took = start.elapsed();
    eprintln!(
        "{RETURNING} clients: from kill -9 until the new server listened {listening:.2?}, until \
         each was back and answered {answered:.2?}, until all had heard one of them {took:.2?}; \
         server {:.2} s of CPU, load average {}",
        kernel::cpu_seconds(again.id()),
        machine::load_average(),
    );
    assert!(took < BACK_WITHIN, "{took:?}");
    let mut ann = Member::joins(&again, "ann");
    ann.says("/who");
    until("the room counts them", Duration::from_secs(5), || {
        ann.notice().contains(&format!("{} here", RETURNING + 1))
    });
}
