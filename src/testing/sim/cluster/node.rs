//! One node of the simulation: its processes, and its way to the stream.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::super::net::Shared as Net;
use super::super::network::Network;
use super::super::oracle::{Oracle, Rule};
use super::super::records::Status;
use super::super::server::Server;
use super::super::stream::LinkId;
use super::witness::{Shared, View, Witness};
use super::{Client, Cluster, IDLE_TURNS, ReadRate, WALL, WALL_MS, wall_clock};
use crate::addr::Proto;
use crate::hub::HubEvent;
use crate::service::Input;
use crate::services::room::hub::{Resumer, Start};
use crate::services::room::{Config, Notices, Room};
use crate::wire::Framing;

const PROTOS: &[Proto] = &[
    Proto::Auto,
    Proto::Lines,
    Proto::Http,
    Proto::Irc,
    Proto::Tls,
    Proto::Https,
    Proto::Ircs,
];

/// Turns that have nothing to do are no spin if this passes in between: what is tried again waits longer.
const A_WHILE: Duration = Duration::from_millis(1);

const HOUR_MS: u64 = 3_600_000;

pub(super) struct Node {
    name: &'static str,
    /// `None`: it is dead, or has not begun.
    pub(super) server: Option<Server>,
    pub(super) listeners: Vec<(Proto, usize)>,
    pub(super) view: Shared<View>,
    pub(super) link: LinkId,
    /// How far its clock is off, in milliseconds.
    skew_ms: u64,
    /// When what it has appended comes into the stream, it is told what stands there, and its
    /// connections are made anew.
    pub(super) write_at: Option<Instant>,
    pub(super) read_at: Option<Instant>,
    pub(super) mend_at: Option<Instant>,
    /// It cannot reach the hub before.
    pub(super) is_away_until: Option<Instant>,
    pub(super) frozen_until: Option<Instant>,
    /// Dead until then.
    pub(super) starts_at: Option<Instant>,
    idle_turns: u32,
    turned_at: Instant,
}

impl Cluster {
    pub(super) fn add_node(&mut self, name: &'static str) {
        // Nobody reads on it before it begins.
        let (link, ..) = self.hub.start();
        self.hub.forget(link);
        let skew_ms = match self.rng.below(4) {
            0 => self.rng.below(2 * 3_600_000) as u64,
            _ => HOUR_MS,
        };
        self.nodes.push(Node {
            name,
            server: None,
            listeners: Vec::new(),
            view: Rc::new(RefCell::new(View::new(name, 0, crate::hub::EntryId::START))),
            link,
            skew_ms,
            write_at: None,
            read_at: None,
            mend_at: None,
            is_away_until: None,
            frozen_until: None,
            starts_at: Some(self.now),
            idle_turns: 0,
            turned_at: self.now,
        });
    }

    pub(super) fn start_all(&mut self) {
        for at in 0..self.nodes.len() {
            self.pass(Duration::from_millis(1));
            assert!(self.nodes[at].server.is_some(), "it has begun");
            self.pass(Duration::from_millis(self.rng.below(4000) as u64));
        }
    }

    /// What the node's clock says now.
    fn set_wall(&self, at: usize) {
        let ms = u64::try_from((self.now - self.epoch).as_millis()).unwrap_or(0);
        WALL.set(WALL_MS + ms + self.nodes[at].skew_ms - HOUR_MS);
        self.hub.set_clock(WALL_MS + ms);
    }

    fn room(&self) -> Room {
        Room::new(Config {
            framing: Framing::Line,
            history_lines: self.history_lines,
            notices: Notices::On,
            motd: Vec::new(),
            max_message_bytes: self.limits.max_message_bytes,
            kept_rooms: Vec::new(),
            max_rooms: 64,
            password: None,
            operator_password: None,
            wall_clock,
        })
    }

    fn witness(&self, room: Room, network: &Net, view: &Shared<View>) -> Box<Witness> {
        let limits = (self.limits, self.outbound);
        Box::new(Witness {
            oracle: Oracle::new(room, Rule::OfNode, limits, network, &self.records),
            view: Rc::clone(view),
            story: Rc::clone(&self.story),
            records: Rc::clone(&self.records),
            connected: Rc::clone(&self.connected),
        })
    }

    /// A process of the node begins.
    fn start(&mut self, at: usize) {
        self.set_wall(at);
        let (link, position, tail, port) = self.hub.start();
        self.processes += 1;
        let name = self.nodes[at].name;
        let view = View::new(name, self.processes, position);
        let view = Rc::new(RefCell::new(view));
        let start = Start {
            node: name.to_owned(),
            boot: self.processes.to_string(),
            time: (position.ms + 1) * 1000,
            position,
            tail,
            port,
        };
        let mut network = Network::new(self.rng.clone());
        network.begin_at(self.epoch, self.now);
        network.has_faults = self.has_faults;
        network.reports_changes_only = self.rng.bool();
        network.trace = self.trace.is_some().then(String::new);
        let mut server = Server::new(network, self.limits);
        if let Some(tls) = &self.tls {
            server.engine.set_tls(tls.server());
        }
        let room = self.room().with_hub(self.now, start);
        let witness = self.witness(room, &server.network, &view);
        let service = server.add(witness, self.outbound);
        let has_tls = self.tls.is_some();
        let protos = PROTOS.iter().filter(|proto| has_tls || !proto.is_tls());
        let listeners = protos.map(|proto| (*proto, server.listen(service, *proto)));
        let listeners = listeners.collect();
        let node = &mut self.nodes[at];
        node.listeners = listeners;
        node.server = Some(server);
        (node.view, node.link, node.starts_at) = (view, link, None);
        (node.write_at, node.read_at, node.mend_at) = (None, None, None);
        (node.is_away_until, node.frozen_until) = (None, None);
        self.note("started");
    }

    /// Another process goes on in this one's place, if it can; or only begins to.
    pub(super) fn upgrade(&mut self, at: usize, is_successful: bool) {
        self.set_wall(at);
        let link = self.nodes[at].link;
        self.hub.lands(link, self.rng.below(4));
        let hub = self.hub.clone();
        let resumer = Resumer(Box::new(move |_, position| Ok(hub.resume(position).1)));
        let room = self.room().with_hub_resumer(resumer);
        let view = Rc::clone(&self.nodes[at].view);
        let Some(server) = &self.nodes[at].server else {
            return;
        };
        let witness = self.witness(room, &server.network, &view);
        let outbound = self.outbound;
        let now = self.now;
        let clients = self.clients_of(at);
        let node = &mut self.nodes[at];
        let Some(server) = &mut node.server else {
            return;
        };
        let mut network = server.network.borrow_mut();
        network.now = now;
        let has_faults = std::mem::take(&mut network.has_faults);
        drop(network);
        if is_successful {
            for client in clients {
                self.records.borrow_mut().clients[self.clients[client].id].may_restart = true;
            }
            if server.try_upgrade(vec![(witness, outbound)]).is_ok() {
                server.network.borrow_mut().has_faults = has_faults;
                server.input.clear();
                node.link = self.hub.newest();
                (node.write_at, node.read_at, node.mend_at) = (None, None, None);
                return self.note("upgraded");
            }
        } else {
            let _ = server.engine.save();
            server.engine.cancel_handover();
        }
        server.network.borrow_mut().has_faults = has_faults;
        let told = HubEvent::Away("an upgrade was tried".to_owned());
        server.input.push_back(Input::Hub(told));
        self.note("not upgraded");
    }

    /// The process is killed.
    pub(super) fn kill(&mut self, at: usize, for_ms: u64) {
        let link = self.nodes[at].link;
        self.hub.cut(link, self.rng.below(3), self.rng.bool());
        self.hub.forget(link);
        for client in self.clients_of(at) {
            self.homes[client] = None;
            let mut book = self.records.borrow_mut();
            let record = &mut book.clients[self.clients[client].id];
            record.has_reset = true;
            record.status = Status::Leaving;
        }
        self.nodes[at].server = None;
        self.nodes[at].starts_at = Some(self.now + Duration::from_millis(for_ms));
        self.note("killed");
    }

    /// The process ends in good order.
    pub(super) fn stop(&mut self, at: usize) {
        self.set_wall(at);
        let now = self.now;
        let Some(server) = &mut self.nodes[at].server else {
            return;
        };
        self.records.borrow_mut().is_ending = true;
        server.engine.stop(now);
        let until = now + self.limits.grace * 2;
        loop {
            for client in self.clients_of(at) {
                self.with_client(client, Client::read_all);
            }
            let Some(server) = &mut self.nodes[at].server else {
                return;
            };
            if server.engine.is_done() {
                break;
            }
            self.now = server.now();
            assert!(self.now < until, "it does not end");
            let wait = server.wait(self.now);
            let next = server.network.borrow().next_event();
            let due = [wait.map(|wait| self.now + wait), next];
            self.now = due
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(self.now)
                .max(self.now);
            server.network.borrow_mut().now = self.now;
            server.turn();
        }
        self.records.borrow_mut().is_ending = false;
        for client in self.clients_of(at) {
            self.homes[client] = None;
        }
        // It says farewell to the others.
        self.nodes[at].server = None;
        self.hub.lands(self.nodes[at].link, usize::MAX);
        self.hub.forget(self.nodes[at].link);
        self.keep_ledger();
    }

    /// When anything happens at a node of itself.
    pub(super) fn next_at(&mut self, at: usize) -> Option<Instant> {
        let now = self.now;
        let node = &mut self.nodes[at];
        if node.starts_at.is_some() || node.frozen_until.is_some() {
            return [node.starts_at, node.frozen_until]
                .into_iter()
                .flatten()
                .min();
        }
        let server = node.server.as_mut()?;
        server.network.borrow_mut().now = now;
        let wait = server.wait(now).map(|wait| now + wait);
        let event = server.network.borrow().next_event();
        let input = (server.has_input()).then_some(now);
        let hub = [node.write_at, node.read_at, node.mend_at];
        [wait, event, input].into_iter().chain(hub).flatten().min()
    }

    /// A node does what is due.
    pub(super) fn step(&mut self, at: usize) {
        if self.nodes[at].starts_at.is_some() {
            self.start(at);
        } else {
            self.nodes[at].frozen_until = None;
        }
        self.set_wall(at);
        self.move_hub(at);
        self.turn(at);
        self.keep_ledger();
        for client in self.clients_of(at) {
            if self.clients[client].read_rate == ReadRate::Eager {
                self.with_client(client, Client::read_all);
            }
            if self.clients[client].is_opening() {
                self.with_client(client, Client::go_on_opening);
            }
        }
    }

    fn turn(&mut self, at: usize) {
        let messages = self.records.borrow().messages;
        let node = &mut self.nodes[at];
        let Some(server) = &mut node.server else {
            return;
        };
        let progress = |server: &Server| server.network.borrow().progress;
        server.network.borrow_mut().now = self.now;
        let wait = server.wait(self.now);
        let before = (progress(server), server.input.len());
        let has_events = server.turn();
        let is_same = (progress(server), server.input.len()) == before
            && self.records.borrow().messages == messages;
        let was_idle = wait.is_some_and(|wait| wait.is_zero()) && !has_events && is_same;
        let is_soon = self.now <= node.turned_at + A_WHILE;
        node.idle_turns = if was_idle && is_soon {
            node.idle_turns + 1
        } else {
            0
        };
        node.turned_at = self.now;
        assert!(node.idle_turns < IDLE_TURNS, "node {} spins", node.name);
        self.now = server.now();
        if server.turns.is_multiple_of(8) {
            server.engine.audit(self.now);
        }
        let trace = server
            .network
            .borrow_mut()
            .trace
            .as_mut()
            .map(std::mem::take);
        if let (Some(all), Some(trace)) = (&mut self.trace, trace) {
            for line in trace.lines() {
                all.extend([node.name, " ", line, "\n"]);
            }
        }
        self.records.borrow().failed.check();
    }
}
