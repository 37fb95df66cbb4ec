//! A thousand rooms beside one with the same traffic, and ten thousand rooms in which nobody is.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{Launch, PATIENCE, Server, serial, skipped};
use crate::kernel;
use crate::machine;
use crate::mixed_clients::MixedClients;

const MEMBERS: usize = 10;
const ROOMS: usize = 1000;
const KEPT: usize = 10_000;

/// Messages a second over all rooms, and half the most bytes that one has to fill it.
const RATE: u32 = 1000;
const FILLING: usize = 60;

/// Each is measured so often, one after the other, for so long.
const PAIRS: usize = 7;
const TALK: Duration = Duration::from_secs(3);

/// The same where instructions are counted, which makes a server fifty times slower.
const COUNTED_RATE: u32 = 150;
const COUNTED_MESSAGES: [u64; 2] = [300, 1800];

const MAY_COST: f64 = 1.10;
const MAY_TAKE_BYTES: u64 = 2048;

fn launch() -> Launch {
    Launch::new("room").args(&["--max-rooms", "1000"])
}

/// A server, and members in so many of its rooms.
struct Talk {
    server: Server,
    clients: MixedClients,
}

impl Talk {
    fn begins(rooms: usize) -> Self {
        let server = launch().start();
        let clients = MixedClients::joins(server.address(), rooms, MEMBERS, 0);
        let mut talk = Self { server, clients };
        // What was said first finds tables that have to grow.
        talk.cpu_us_a_delivery();
        talk
    }

    /// Of the server.
    fn cpu_us_a_delivery(&mut self) -> f64 {
        self.clients.settles();
        let cpu_ms = || machine::cpu_ms(self.server.id()).expect("it is there");
        let (cpu_before, heard_before) = (cpu_ms(), self.clients.heard);
        let began = Instant::now();
        while began.elapsed() < TALK {
            self.clients.talks(RATE, FILLING);
            self.clients.turn();
        }
        self.clients.settles();
        let deliveries = self.clients.heard - heard_before;
        (cpu_ms() - cpu_before) * 1000.0 / deliveries as f64
    }
}

fn median(of: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = of.collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Where each delivery is to another of ten thousand sockets, the kernel finds none of them in the
/// caches: that is in the ratio, and there is nothing that the server could do about it.
#[test]
#[ignore = "20,000 descriptors"]
fn cpu_time_of_a_thousand_rooms_beside_one_of_the_same_traffic() {
    let _alone = serial();
    let (mut one, mut many) = (Talk::begins(1), Talk::begins(ROOMS));
    let pairs: Vec<_> = (0..PAIRS)
        .map(|_| (one.cpu_us_a_delivery(), many.cpu_us_a_delivery()))
        .collect();
    eprintln!(
        "CPU a delivery: one room of {MEMBERS} {:.2} us, {ROOMS} of them {:.2} us, ratio {:.3} \
         (medians of {PAIRS} pairs: {pairs:.2?}); load average {}",
        median(pairs.iter().map(|(one, _)| *one)),
        median(pairs.iter().map(|(_, many)| *many)),
        median(pairs.iter().map(|(one, many)| many / one)),
        machine::load_average(),
    );
}

/// All that a server has to do for so many messages in so many rooms, as valgrind counts it.
/// How many deliveries that were, and how many instructions.
fn counted(rooms: usize, messages: u64) -> (u64, u64) {
    let valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no"];
    let nowhere = "--cachegrind-out-file=/dev/null";
    let mut server = launch()
        .wrap(&[valgrind[0], valgrind[1], valgrind[2], nowhere])
        .start();
    let mut clients = MixedClients::joins(server.address(), rooms, MEMBERS, 0);
    while clients.said < messages {
        clients.talks(COUNTED_RATE, FILLING);
        clients.turn();
    }
    clients.settles();
    server.signal(Signal::TERM);
    server.ends_within(PATIENCE);
    let told = server.stderr().settled();
    let (_, count) = told.split_once("refs:").expect("valgrind's word");
    let count = count.lines().next().unwrap_or_default();
    let count = count.replace(',', "").trim().parse().expect("a number");
    (clients.heard, count)
}

#[test]
#[ignore = "20,000 descriptors"]
fn a_delivery_takes_as_many_instructions_in_a_thousand_rooms_as_in_one() {
    let _alone = serial();
    let version = std::process::Command::new("valgrind")
        .arg("--version")
        .output();
    if version.is_err() {
        return skipped("valgrind is not there");
    }
    let [one, many] = [1, ROOMS].map(|rooms| {
        let [less, more] = COUNTED_MESSAGES.map(|messages| counted(rooms, messages));
        (more.1 - less.1) as f64 / (more.0 - less.0) as f64
    });
    let ratio = many / one;
    eprintln!(
        "instructions a delivery: {one:.0} in one room of {MEMBERS}, {many:.0} in {ROOMS}; ratio {ratio:.3}"
    );
    assert!(ratio <= MAY_COST);
}

#[test]
#[ignore = "10,000 rooms"]
fn a_room_in_which_nobody_is_takes_less_than_two_kibibytes() {
    let _alone = serial();
    let names: Vec<String> = (0..KEPT).map(|number| format!("kept{number}")).collect();
    let kept: Vec<&str> = names.iter().flat_map(|name| ["--room", name]).collect();
    let rss = |rooms: &[&str]| {
        let launch = Launch::new("room").args(&["--max-rooms", "10000"]);
        let server = launch.args(rooms).start();
        kernel::rss_kib(server.id())
    };
    let (without, with) = (rss(&[]), rss(&kept));
    let bytes = (with - without) * 1024 / KEPT as u64;
    eprintln!("{KEPT} kept rooms: {with} KiB, none: {without} KiB; {bytes} bytes a room");
    assert!(bytes < MAY_TAKE_BYTES);
}
