//! A simulation of one room on several nodes: real engines, each on a network of its own, one stream
//! between them, one clock and one seed. The hub delays and batches, goes away and comes back, and
//! loses what it had; nodes are killed, stand still, begin anew and are upgraded; clients come, talk
//! and go. Whatever happens, all members hear what stands in the stream, in its order and once.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use self::node::Node;
use self::witness::{Shared, Story};
use super::client::{Client, ReadRate};
use super::network::Network;
use super::records::{Record, Records, Status};
use super::rng::Rng;
use super::stream::SimHub;
use crate::outbound;
use crate::reactor::Limits;
use crate::tls::fixed::Pair;

mod arrival;
mod faults;
mod judge;
mod node;
mod tests;
mod threads;
mod totals;
mod witness;

/// So many turns in a row may do nothing without being asked to.
const IDLE_TURNS: u32 = 10;

/// Longer than it takes until a dead node is known to be dead, and a connection is made anew.
const SETTLED_WITHIN: Duration = Duration::from_secs(40);

/// 2026-11-26T11:53:04Z.
const WALL_MS: u64 = 1_795_693_984_000;

thread_local! {
    /// What the clock on the wall says to the node whose turn it is, in milliseconds.
    static WALL: Cell<u64> = const { Cell::new(WALL_MS) };
}

fn wall_clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(WALL.get())
}

pub(super) struct Cluster {
    rng: Rng,
    epoch: Instant,
    now: Instant,
    hub: SimHub,
    nodes: Vec<Node>,
    /// How many processes there have been.
    processes: usize,
    records: Records,
    story: Shared<Story>,
    /// How much had been said in the lobby when a client connected, that has not been let in.
    connected: Shared<HashMap<usize, usize>>,
    clients: Vec<Client>,
    /// By client: at which node, if that process is there still.
    homes: Vec<Option<usize>>,
    limits: Limits,
    outbound: outbound::Limits,
    history_lines: usize,
    most_clients: usize,
    /// The stream may lose some of what it had.
    may_lose: bool,
    tls: Option<Pair>,
    has_faults: bool,
    trace: Option<String>,
    happened: BTreeMap<&'static str, usize>,
}

impl Cluster {
    pub(super) fn run(&mut self) {
        self.start_all();
        for _ in 0..self.rng.between(20, 90) {
            self.inject_faults();
            let span = match self.rng.below(24) {
                0 => Duration::from_millis(self.rng.below(9000) as u64),
                _ => Duration::from_micros(100 * self.rng.below(300) as u64),
            };
            self.pass(span);
        }
        self.settle();
        self.check_clients();
        self.call_all();
        self.check_clients();
        self.check_all();
        self.end();
    }

    fn note(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
        self.trace_line(|| format!("-- {what}"));
    }

    fn trace_line(&mut self, line: impl FnOnce() -> String) {
        let at = self.now.saturating_duration_since(self.epoch);
        if let Some(trace) = &mut self.trace {
            let _ = writeln!(trace, "{at:?} {}", line());
        }
    }

    /// Lets time pass, with all that is due in it.
    fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            let next = (0..self.nodes.len())
                .filter_map(|at| self.next_at(at))
                .min();
            let next = next.filter(|next| *next < until);
            self.now = self.now.max(next.unwrap_or(until));
            if next.is_none() {
                return;
            }
            for at in 0..self.nodes.len() {
                if self.next_at(at).is_some_and(|next| next <= self.now) {
                    self.step(at);
                }
            }
        }
    }

    fn with_client(
        &mut self,
        at: usize,
        action: impl FnOnce(&mut Client, &mut Network, &mut Record),
    ) {
        let Some(server) = self.homes[at].and_then(|home| self.nodes[home].server.as_ref()) else {
            return;
        };
        let client = &mut self.clients[at];
        let mut book = self.records.borrow_mut();
        let mut network = server.network.borrow_mut();
        network.now = network.now.max(self.now);
        action(client, &mut network, &mut book.clients[client.id]);
    }

    fn clients_of(&self, node: usize) -> Vec<usize> {
        let homes = self.homes.iter().enumerate();
        let here = homes.filter(|(_, home)| **home == Some(node));
        here.map(|(at, _)| at).collect()
    }

    fn is_here(&self, at: usize) -> bool {
        let book = self.records.borrow();
        self.homes[at].is_some() && book.clients[self.clients[at].id].status == Status::Here
    }

    /// Nothing fails any more, all nodes are there and reach the hub, and slow clients catch up.
    fn settle(&mut self) {
        self.has_faults = false;
        self.hub.late_arrives();
        for node in &mut self.nodes {
            if let Some(server) = &node.server {
                server.network.borrow_mut().has_faults = false;
            }
            (node.frozen_until, node.is_away_until) = (None, None);
            node.mend_at = None;
            if node.starts_at.is_some() {
                node.starts_at = Some(self.now);
            }
        }
        for at in 0..self.clients.len() {
            self.with_client(at, |client, network, _| {
                if client.reads_at_all() {
                    network.set_send_buffer(client.id, usize::MAX);
                }
            });
        }
        let until = self.now + SETTLED_WITHIN;
        while self.now < until {
            self.be_prompt();
            self.pass(Duration::from_millis(1000));
        }
        self.be_prompt();
    }

    fn be_prompt(&mut self) {
        for at in 0..self.clients.len() {
            self.with_client(at, Client::be_prompt);
        }
    }

    /// Everybody says a last word, and asks who is there.
    fn call_all(&mut self) {
        for at in 0..self.clients.len() {
            if self.is_here(at) && self.clients[at].can_chat() {
                self.with_client(at, |client, network, record| {
                    client.call(network, record, "does everybody hear me?");
                });
            }
        }
        for _ in 0..8 {
            self.be_prompt();
            self.pass(Duration::from_millis(500));
        }
        for at in 0..self.clients.len() {
            if self.is_here(at) && self.clients[at].can_chat() {
                self.with_client(at, Client::ask_who);
            }
        }
        for _ in 0..4 {
            self.be_prompt();
            self.pass(Duration::from_millis(500));
        }
        self.be_prompt();
    }

    /// The nodes are told to end, one after the other.
    fn end(&mut self) {
        self.records.borrow_mut().is_ending = true;
        for at in 0..self.nodes.len() {
            self.stop(at);
            self.pass(Duration::from_millis(100));
        }
    }
}

impl Client {
    fn ask_who(&mut self, network: &mut Network, record: &mut Record) {
        let is_irc = self.polyglot.as_ref().is_some_and(|it| it.hearing.is_irc());
        let words = if is_irc { "NAMES #lobby" } else { "/who" };
        self.say(network, record, words);
    }

    fn reads_at_all(&self) -> bool {
        self.read_rate != ReadRate::Never
    }
}
