//! A simulation: clients and faults, all decided by one seed or by a fuzzer's bytes. Partial reads
//! and writes, EAGAIN and EINTR at any moment, resets, half-closes, no descriptors, stalled peers,
//! late, duplicate and stale events. Whatever happens, everybody hears what the services' rules
//! owe them, in order and once; the engine keeps its bounds and never spins; and six virtual
//! seconds after the faults everybody is served.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::client::{Client, ReadRate};
use super::network::Network;
use super::records::{Record, Records, Status};
use super::rng::Rng;
use super::server::Server;
use super::setup::{Listeners, Talk};
use crate::reactor::Limits;
use crate::tls::fixed::Pair;

mod arrival;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod totals;

/// Who can be served is served within this: talk may wait five seconds for a room that it outran.
const SERVED_WITHIN: Duration = Duration::from_secs(6);

const A_LITTLE: Duration = Duration::from_millis(120);

pub(super) const GRACE: Duration = Duration::from_secs(2);

/// So many turns in a row may do nothing without being asked to.
const IDLE_TURNS: u32 = 10;

const HOSTS: usize = 3;

pub(crate) struct Simulation {
    pub(super) rng: Rng,
    pub(super) server: Server,
    pub(super) records: Records,
    pub(super) clients: Vec<Client>,
    pub(super) limits: Limits,
    pub(super) most_clients: usize,
    pub(super) talk: Talk,
    pub(super) sends_private: bool,
    pub(super) history_lines: usize,
    /// Everybody talks without end, and several of them between two turns.
    pub(super) is_busy: bool,
    pub(super) idle_turns: u32,
    /// The talk still went on when the clients were to be checked.
    pub(super) is_unsure: bool,
    pub(super) listeners: Listeners,
    pub(super) tls: Option<Pair>,
    /// Who sends no line's end for a while is a raw client.
    pub(super) has_raw_clients: bool,
}

impl Simulation {
    pub(crate) fn run(&mut self) {
        for _ in 0..self.rng.between(50, 399) {
            if self.rng.is_exhausted() {
                break;
            }
            self.inject_faults();
        }
        self.server.network.borrow_mut().has_faults = false;
        let is_patient = !self.rng.chance(4);
        if is_patient {
            self.quiesce();
            self.check_clients();
            self.say_a_last_line();
            self.quiesce();
            self.check_clients();
        }
        self.end();
    }

    fn now(&self) -> Instant {
        self.server.now()
    }

    /// Some clients act, some come, and the engine has a turn.
    fn inject_faults(&mut self) {
        if self.clients.len() < self.most_clients * 2 && self.rng.below(4) == 0 {
            for _ in 0..self.rng.between(1, self.most_clients / 2 + 1) {
                self.connect_client();
            }
        }
        let acts = if self.is_busy { 20 } else { 4 };
        for _ in 0..self.rng.below(acts) {
            if !self.clients.is_empty() {
                let at = self.rng.below(self.clients.len());
                let private = self.sends_private;
                self.with_client(at, |client, network, record| {
                    client.act(network, record, private);
                });
            }
        }
        for at in 0..self.clients.len() {
            if self.clients[at].read_rate == ReadRate::Eager {
                self.with_client(at, Client::read_all);
            }
            if self.clients[at].is_opening() {
                self.with_client(at, Client::go_on_opening);
            }
        }
        let is_opening = self.clients.iter().any(Client::is_opening);
        if self.rng.chance(100) && !is_opening {
            // The process is paused, and what was sent meanwhile lies in the sockets.
            let pause = Duration::from_millis(self.rng.below(2000) as u64);
            self.server.network.borrow_mut().now += pause;
        }
        let idle = Duration::from_micros(100 * self.rng.below(200) as u64);
        self.turn(idle);
    }

    fn with_client(
        &mut self,
        at: usize,
        action: impl FnOnce(&mut Client, &mut Network, &mut Record),
    ) {
        let client = &mut self.clients[at];
        let mut book = self.records.borrow_mut();
        let mut network = self.server.network.borrow_mut();
        action(client, &mut network, &mut book.clients[client.id]);
    }

    fn each_client(&mut self, action: fn(&mut Client, &mut Network, &mut Record)) {
        for at in 0..self.clients.len() {
            self.with_client(at, action);
        }
    }

    /// One turn of the loop; no client does anything for `idle`.
    fn turn(&mut self, idle: Duration) {
        let now = self.now();
        let wait = self.server.engine.wait(now);
        // A poll comes back late rather than early.
        let late = Duration::from_micros(10 * self.rng.below(100) as u64);
        let due = wait.map(|wait| match wait.is_zero() {
            true => now,
            false => now + wait + late,
        });
        let mut network = self.server.network.borrow_mut();
        let until = [due, network.next_event(), Some(now + idle)];
        network.now = until.into_iter().flatten().min().unwrap_or(now).max(now);
        drop(network);
        let before = self.progress();
        let has_events = self.server.turn();
        let was_idle = wait == Some(Duration::ZERO) && !has_events && self.progress() == before;
        self.idle_turns = if was_idle { self.idle_turns + 1 } else { 0 };
        assert!(self.idle_turns < IDLE_TURNS, "the engine spins");
        self.check_limits();
        self.records.borrow().failed.check();
        #[cfg(test)]
        self.server.engine.audit(self.now());
    }

    fn progress(&self) -> u64 {
        self.server.network.borrow().progress + self.records.borrow().messages
    }

    fn check_limits(&self) {
        let book = self.records.borrow();
        assert!(book.here <= self.limits.max_clients);
        let Some(most) = self.limits.max_clients_per_ip else {
            return;
        };
        let mut here = [0; HOSTS];
        for (id, record) in book.clients.iter().enumerate() {
            let is_here = matches!(record.status, Status::Here | Status::Leaving);
            here[id % HOSTS] += usize::from(is_here);
        }
        assert!(here.iter().all(|here| *here <= most));
    }

    /// Nothing fails any more, and slow clients catch up.
    fn quiesce(&mut self) {
        let until = self.now() + SERVED_WITHIN;
        while self.now() < until {
            self.each_client(Client::be_prompt);
            self.turn(until.saturating_duration_since(self.now()));
        }
        // A client may have been closed in the last turn, and the others are told in the next.
        while self.server.engine.wait(self.now()) == Some(Duration::ZERO) {
            self.turn(Duration::ZERO);
        }
        self.each_client(Client::read_all);
    }

    fn check_clients(&mut self) {
        let book = self.records.borrow();
        let has_rate = self.limits.message_rate.is_some();
        // A paced room tells the others a little later, and a client that is held by its rate is
        // found gone when it may speak again.
        let just_now = self.now() - A_LITTLE;
        let has_just_come = |record: &Record| record.opened_at.is_some_and(|at| at > just_now);
        let has_just_spoken = |record: &Record| record.spoke_at.is_some_and(|at| at > just_now);
        let has_more = |record: &Record| {
            record.status == Status::Here && (!record.said.is_empty() || has_just_spoken(record))
        };
        let goes_on = has_rate && book.clients.iter().any(has_more);
        if goes_on || book.clients.iter().any(has_just_come) {
            self.is_unsure = true;
            return;
        }
        // Who had to wait to be accepted may have come a moment ago.
        let a_moment_ago = self.now() - Duration::from_millis(300);
        drop(book);
        for client in &self.clients {
            let opened_at = self.records.borrow().clients[client.id].opened_at;
            if opened_at.is_none_or(|at| at < a_moment_ago) {
                self.check_client(client, has_rate, !has_rate);
            }
        }
        // Where silence is a reason to go, a place may have come free in this very turn.
        let Limits {
            idle_timeout,
            first_message_timeout,
            ..
        } = self.limits;
        let is_lasting = idle_timeout.or(first_message_timeout).is_none();
        // One that lagged has its place until it has heard so.
        let is_lasting = is_lasting && self.talk != Talk::Polyglot;
        let network = self.server.network.borrow();
        let here = self.records.borrow().here;
        for (at, listener) in network.listeners.iter().enumerate() {
            let has_place = is_lasting && here < self.limits.max_clients;
            // A room that is full says so.
            let is_room = self.listeners.rooms.iter().any(|(_, room)| *room == at);
            if has_place || is_room {
                assert!(listener.queue.is_empty(), "not accepted");
            }
        }
    }

    fn check_client(&self, client: &Client, has_rate: bool, has_settled: bool) {
        let mut book = self.records.borrow_mut();
        let record = &book.clients[client.id];
        client.check_served(record, has_rate);
        let got_all = has_settled && client.got_all(record);
        if record.says_anything {
            book.judge(client.id, got_all, self.history_lines);
        }
        if let Some(polyglot) = &client.polyglot {
            book.judge_hearing(client.id, &polyglot.hearing, got_all, self.history_lines);
            if client.has_ended_well() {
                book.judge_lag(client.id, &polyglot.hearing);
            }
        }
    }

    fn say_a_last_line(&mut self) {
        let records = Rc::clone(&self.records);
        let is_here = |client: &Client| {
            client.can_chat() && records.borrow().clients[client.id].status == Status::Here
        };
        if let Some(at) = self.clients.iter().position(is_here) {
            self.with_client(at, |client, network, record| {
                client.call(network, record, "does everybody hear me?");
            });
        }
    }

    /// The server is told to end, and does so in good order.
    fn end(&mut self) {
        let now = self.now();
        let mut book = self.records.borrow_mut();
        book.is_ending = true;
        let said = book.said();
        for record in &mut book.clients {
            record.left.get_or_insert(said);
        }
        drop(book);
        self.server.engine.stop(now);
        let until = now + GRACE + Duration::from_millis(10);
        while !self.server.engine.is_done() {
            assert!(self.now() < until, "it does not end");
            self.each_client(Client::read_all);
            self.turn(until.saturating_duration_since(self.now()));
        }
        self.each_client(Client::read_all);
        assert_eq!(self.records.borrow().here, 0);
        for client in &self.clients {
            self.check_client(client, true, true);
        }
        assert!(self.server.network.borrow().all_are_closed());
    }
}
