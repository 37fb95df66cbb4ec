//! The reactor on real sockets, with services that no user has: what its own services never do.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::*;
use crate::outbound::{ClientId, Fanout, Pace};
use crate::service::Disconnect;
use crate::wire::{Framing, Message};

const PATIENCE: Duration = Duration::from_secs(10);

/// An echo that panics where it is asked to, and at its deadline, ends the server when it is told
/// so, and tells why each client has gone.
struct Fragile {
    gone: mpsc::Sender<Disconnect>,
    deadline: Option<Instant>,
    faults_at_deadline: u8,
}

impl Service for Fragile {
    fn framing(&self) -> Framing {
        Framing::Line
    }

    fn on_message(&mut self, _: Instant, client: ClientId, line: Message<'_>, out: &mut Fanout) {
        match line {
            Message::Whole(b"break") => panic!("as it was asked to"),
            Message::Whole(b"end") => out.stop(),
            Message::Whole(b"late") => self.deadline = Some(Instant::now()),
            Message::Whole(b"faults") => {
                out.send(client, &[self.faults_at_deadline])
                    .expect("it takes what it is sent");
            }
            Message::Whole(line) => out.send(client, line).expect("it takes what it is sent"),
            Message::TooLong => {}
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    fn on_deadline(&mut self, _: Instant, _: &mut Fanout) {
        self.faults_at_deadline = self.faults_at_deadline.saturating_add(1);
        panic!("and is still due");
    }

    fn on_end(&mut self, _: Instant, _: ClientId, _: &mut Fanout) {
        panic!("at an end, too");
    }

    fn on_close(&mut self, _: Instant, _: ClientId, why: &Disconnect, _: &mut Fanout) {
        self.gone.send(*why).expect("the test wants to know");
        if *why == Disconnect::Panicked {
            panic!("and while cleaning up");
        }
    }
}

struct Running {
    reactor: JoinHandle<io::Result<()>>,
    address: Address,
    gone: mpsc::Receiver<Disconnect>,
}

impl Running {
    fn start() -> Self {
        let (gone, has_gone) = mpsc::channel();
        let (address, listens) = mpsc::channel();
        let reactor = thread::spawn(move || {
            let mut reactor = Reactor::new(Limits {
                max_clients: 100,
                max_message_bytes: 1024,
                max_clients_per_ip: None,
                message_rate: None,
                idle_timeout: None,
                first_message_timeout: None,
                grace: Duration::from_secs(1),
            })?;
            let limits = outbound::Limits {
                log_bytes: 4096,
                max_pending_bytes: 4096,
                high_water_bytes: 4096,
                pace: Pace::Off,
            };
            let service = reactor.add_service(
                Box::new(Fragile {
                    gone,
                    deadline: None,
                    faults_at_deadline: 0,
                }),
                limits,
            );
            let any = "127.0.0.1:0".parse().expect("an address");
            let real = reactor.listen(&any, service, None)?;
            address.send(real).expect("the test waits for it");
            reactor.run()
        });
        Self {
            reactor,
            address: listens.recv_timeout(PATIENCE).expect("it listens"),
            gone: has_gone,
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address.resolve().unwrap()[0]).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    fn why_gone(&self) -> Disconnect {
        self.gone.recv_timeout(PATIENCE).expect("somebody is gone")
    }
}

fn echoes(mut client: &TcpStream, word: &str) {
    client.write_all(format!("{word}\n").as_bytes()).unwrap();
    let mut back = vec![0; word.len()];
    client.read_exact(&mut back).unwrap();
    assert_eq!(back, word.as_bytes());
}

fn is_cut_off(mut client: &TcpStream) -> bool {
    match client.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
    }
}

#[test]
fn a_fault_in_a_handler_ends_one_connection_and_nothing_else() {
    let server = Running::start();
    let bystander = server.connect();
    echoes(&bystander, "before");
    for round in 0..20 {
        let mut victim = server.connect();
        if round % 2 == 0 {
            victim.write_all(b"break\nnever heard\n").unwrap();
        } else {
            echoes(&victim, "all is well");
            victim.shutdown(std::net::Shutdown::Write).unwrap();
        }
        assert_eq!(server.why_gone(), Disconnect::Panicked);
        assert!(is_cut_off(&victim));
        echoes(&bystander, &format!("after {round}"));
    }
    (&bystander).write_all(b"end\n").unwrap();
    assert_ne!(server.why_gone(), Disconnect::Panicked);
    server.reactor.join().unwrap().unwrap();
}

/// What panicked at its deadline is due still, and is left alone for a while.
#[test]
fn a_fault_at_a_deadline_does_not_make_the_loop_spin() {
    let server = Running::start();
    let mut client = server.connect();
    client.write_all(b"late\n").unwrap();
    for round in 0..50 {
        echoes(&client, &format!("round {round}"));
    }
    client.write_all(b"faults\n").unwrap();
    let mut count = [0];
    client.read_exact(&mut count).unwrap();
    assert!((1..25).contains(&count[0]), "{count:?}");
    client.write_all(b"end\n").unwrap();
    server.reactor.join().unwrap().unwrap();
}
