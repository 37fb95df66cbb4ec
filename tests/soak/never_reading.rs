//! A thousand who never read while 64 MiB are said: what they cost the server, the kernel, and
//! those who do read.

use std::time::{Duration, Instant};

use crate::checked_clients::CheckedClients;
use crate::harness::serial;
use crate::kernel;
use crate::machine;
use crate::member::room;
use crate::peer::Peer;
use crate::{Bound, scale};

const SILENT: usize = 1000;
const SAID_BYTES: u64 = 64 << 20;
const TEXT_BYTES: usize = 980;
const LOG_KIB: u64 = 16 * 1024;
const MAY_GROW_KIB: u64 = LOG_KIB + 16 * 1024;
const MAY_KERNEL_KIB: u64 = 512_000_000 / 1024;

/// What was the most while it lasted, in KiB: the server, and the kernel for all TCP.
#[derive(Default)]
struct Peak {
    server: u64,
    kernel: u64,
    orphans: u64,
}

impl Peak {
    fn look(&mut self, server: u32) {
        let tcp = machine::tcp();
        self.server = self.server.max(kernel::rss_kib(server));
        self.kernel = self.kernel.max(tcp.memory_kib);
        self.orphans = self.orphans.max(tcp.orphans);
    }
}

/// With `again`, who is cut off comes back at once, and still does not read.
fn say_it_all(again: bool) {
    let _alone = serial();
    let server = room(&["--history", "0", "--max-message", "4k"]);
    let mut clients = CheckedClients::joins(&server, 20, 4, TEXT_BYTES);
    let mut silent = scale::connects(server.address(), SILENT);
    for peer in &silent {
        peer.stream.set_nonblocking(true).unwrap();
    }
    let before = (kernel::rss_kib(server.id()), machine::tcp().memory_kib);
    let (start, bound) = (Instant::now(), Bound::new());
    let (mut peak, mut looked, mut returned) = (Peak::default(), start, 0);
    let messages = SAID_BYTES / TEXT_BYTES as u64;
    while clients.said < messages || !clients.is_done() {
        clients.says_more((messages - clients.said).min(100));
        clients.turn();
        bound.check(|| clients.state());
        if looked.elapsed() > Duration::from_millis(50) {
            looked = Instant::now();
            peak.look(server.id());
            if again {
                returned += come_back(&mut silent, server.address());
            }
        }
    }
    let took = start.elapsed();
    peak.look(server.id());
    let grown = peak.server.saturating_sub(before.0);
    eprintln!(
        "{} MiB said to {SILENT} who never read ({returned} came back) and 20 who did, {took:.1?}, \
         {} deliveries checked: server {} KiB before, {grown} KiB more at most; kernel memory for \
         TCP {} KiB before, {} KiB at most, {} orphans",
        SAID_BYTES >> 20,
        clients.heard(),
        before.0,
        before.1,
        peak.kernel,
        peak.orphans,
    );
    assert!(grown <= MAY_GROW_KIB, "{grown} KiB more");
    assert!(peak.kernel < MAY_KERNEL_KIB, "kernel: {} KiB", peak.kernel);
}

/// Those whom the server has cut off connect anew.
fn come_back(silent: &mut [Peer], address: &str) -> u64 {
    let mut returned = 0;
    for peer in silent {
        // A client that does not read learns of its end by trying to send.
        if !peer.try_send("\n") {
            *peer = Peer::to(address);
            peer.stream.set_nonblocking(true).unwrap();
            returned += 1;
        }
    }
    returned
}

#[test]
#[ignore = "a minute of load"]
fn a_thousand_who_never_read_cost_a_bounded_amount() {
    say_it_all(false);
}

#[test]
#[ignore = "a minute of load"]
fn a_thousand_who_never_read_and_come_back_cost_no_more() {
    say_it_all(true);
}
