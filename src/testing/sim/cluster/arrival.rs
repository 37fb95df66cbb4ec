//! What a simulation of several nodes is like, and who comes to it.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::client::{Client, Purpose, ReadRate};
use super::super::conversation::Membership;
use super::super::link::Link;
use super::super::polyglot::Polyglot;
use super::super::records::{Record, Records};
use super::super::rng::Rng;
use super::super::speech::{Speech, Tongue};
use super::super::stream::SimHub;
use super::{Cluster, Duration, Instant};
use crate::addr::Proto;
use crate::outbound::{self, Pace};
use crate::reactor::Limits;
use crate::tls::fixed::Pair;

const NAMES: &[&str] = &["a", "b", "c", "d"];

/// In such a log all that is said meanwhile has room, for one that reads at once.
const LOG_BYTES: usize = 64 << 10;

impl Cluster {
    pub(super) fn new(rng: Rng, may_lose: bool) -> Self {
        let now = Instant::now();
        let limits = Limits {
            max_clients: 1000,
            max_message_bytes: 1024,
            max_clients_per_ip: None,
            message_rate: None,
            idle_timeout: None,
            first_message_timeout: None,
            grace: Duration::from_secs(2),
        };
        let outbound = outbound::Limits {
            log_bytes: rng.pick(&[LOG_BYTES, LOG_BYTES, 8 << 10]),
            max_pending_bytes: 1 << 20,
            high_water_bytes: 16 << 10,
            pace: rng.pick(&[Pace::Auto, Pace::Off]),
        };
        let nodes = rng.between(2, NAMES.len());
        let mut cluster = Self {
            epoch: now,
            now,
            hub: SimHub::default(),
            nodes: Vec::new(),
            processes: 0,
            records: Records::default(),
            story: Rc::default(),
            connected: Rc::new(RefCell::default()),
            clients: Vec::new(),
            homes: Vec::new(),
            limits,
            outbound,
            history_lines: rng.between(0, 10),
            most_clients: rng.between(3, 14),
            may_lose,
            tls: rng.chance(4).then(Pair::new).flatten(),
            has_faults: true,
            trace: None,
            happened: Default::default(),
            rng,
        };
        for name in &NAMES[..nodes] {
            cluster.add_node(name);
        }
        cluster
    }

    /// Somebody connects to one of the nodes that are there.
    pub(super) fn connect_client(&mut self) {
        let at = self.rng.below(self.nodes.len());
        let Some(server) = &self.nodes[at].server else {
            return;
        };
        let read_rate = match self.rng.below(10) {
            0..5 => ReadRate::Eager,
            5..8 => ReadRate::Intermittent,
            8 => ReadRate::Late,
            _ => ReadRate::Never,
        };
        let is_eager = read_rate == ReadRate::Eager;
        let send_buffer = match is_eager {
            true => usize::MAX,
            false => self.rng.between(200, 20_000),
        };
        let (proto, listener, speech) = self.some_member(at);
        let is_tls =
            proto.is_tls() || proto == Proto::Auto && self.tls.is_some() && self.rng.chance(3);
        let tls = match &self.tls {
            Some(tls) if is_tls => Some(tls.connect(self.rng.bool())),
            _ => None,
        };
        let mut network = server.network.borrow_mut();
        network.now = network.now.max(self.now);
        network.number_from(self.clients.len());
        let address = network.next_address();
        let id = network.connect(listener, address);
        network.set_send_buffer(id, send_buffer);
        network.sockets[id].is_reliable = is_eager;
        network.sockets[id].is_sealed = is_tls;
        drop(network);
        let mut record = Record::new(self.limits.max_clients);
        record.membership = Some(Membership::new(speech, None));
        let mut client = Client::new(id, read_rate, Purpose::Polyglot, self.rng.chance(12));
        client.link = Link::new(id, tls);
        let mut polyglot = Polyglot::new(speech, false);
        polyglot.is_restless = true;
        client.polyglot = Some(polyglot);
        let place = self.nodes[at]
            .view
            .borrow()
            .place(&self.story.borrow(), "lobby", self.now);
        self.connected.borrow_mut().insert(id, place.0);
        self.records.borrow_mut().clients.push(record);
        self.clients.push(client);
        self.homes.push(Some(at));
        self.with_client(id, |client, network, record| {
            client.arrive(network, record);
            if speech.tongue != Tongue::Irc && read_rate != ReadRate::Never {
                let name = format!("n{}", client.id);
                client.say(network, record, &speech.renaming(&name));
            }
        });
    }

    fn some_member(&self, at: usize) -> (Proto, usize, Speech) {
        let tongue = self
            .rng
            .pick(&[Tongue::WebSocket, Tongue::Lines, Tongue::Irc]);
        let protos = match tongue {
            Tongue::Lines => [Proto::Auto, Proto::Lines, Proto::Tls],
            Tongue::WebSocket => [Proto::Auto, Proto::Http, Proto::Https],
            Tongue::Irc => [Proto::Auto, Proto::Irc, Proto::Ircs],
        };
        let listeners = self.nodes[at].listeners.iter();
        let fitting: Vec<_> = listeners
            .filter(|(proto, _)| protos.contains(proto))
            .copied()
            .collect();
        let (proto, listener) = self.rng.pick(&fitting);
        let speech = Speech {
            tongue,
            since: None,
            wants_time: self.rng.bool(),
            wants_echo: self.rng.bool(),
        };
        (proto, listener, speech)
    }
}
