//! The setup: limits and services of one simulation, as its rng has them.

use std::time::{Duration, UNIX_EPOCH};

use super::holding_echo::HoldingEcho;
use super::network::Network;
use super::oracle::{MOST_HISTORY_LINES, Oracle, Rule};
use super::records::Records;
use super::rng::Rng;
use super::server::Server;
use super::simulation::{GRACE, Simulation};
use crate::addr::Proto;
use crate::outbound::{self, Pace};
use crate::reactor::{Limits, Rate, ServiceId};
use crate::service::Service;
use crate::services::echo::Echo;
use crate::services::reply::Reply;
use crate::services::room::{Config, Notices, Room};
use crate::tls::fixed::Pair;
use crate::wire::Framing;

/// In such a log a turn's talk is no reason to lag, as JSON too.
pub(super) const FAIR_LOG_BYTES: usize = 64 << 10;

const THANKS: &str = "thank you !";

/// Of what kind the room's clients are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Talk {
    Lines,
    /// Some of them raw.
    Mixed,
    /// They may say anything.
    Anything,
    /// Each in a protocol of its own, some inside TLS.
    Polyglot,
}

/// Where clients come in.
#[derive(Default)]
pub(super) struct Listeners {
    pub(super) rooms: Vec<(Proto, usize)>,
    pub(super) echoes: Vec<(Proto, usize)>,
    pub(super) replies: Vec<(Proto, usize)>,
}

const PLAIN_PROTOS: &[Proto] = &[Proto::Lines];

const ROOM_PROTOS: &[Proto] = &[
    Proto::Auto,
    Proto::Lines,
    Proto::Http,
    Proto::Irc,
    Proto::Tls,
    Proto::Https,
    Proto::Ircs,
];

const OTHER_PROTOS: &[Proto] = &[Proto::Lines, Proto::Tls];

impl Simulation {
    pub(crate) fn new(rng: Rng) -> Self {
        let talk = rng.pick(&[Talk::Anything, Talk::Lines, Talk::Mixed, Talk::Polyglot]);
        Self::of(rng, talk)
    }

    pub(super) fn of(rng: Rng, talk: Talk) -> Self {
        let most_clients = match rng.below(100) {
            99 => 200,
            95..99 => 60,
            _ => rng.between(2, 15),
        };
        let mut limits = some_limits(&rng, most_clients);
        if talk == Talk::Anything {
            limits.max_message_bytes = rng.pick(&[60, 16, 200]);
        }
        Self::with(rng, most_clients, talk, limits)
    }

    pub(super) fn with(rng: Rng, most_clients: usize, talk: Talk, limits: Limits) -> Self {
        let is_busy = rng.chance(8);
        let sends_private = rng.bool();
        let mut network = Network::new(rng.clone());
        network.has_faults = true;
        network.reports_changes_only = rng.bool();
        let micros = rng.pick(&[6, 1, 20]);
        network.call_time = Duration::from_micros(micros);
        let is_polyglot = talk == Talk::Polyglot;
        network.is_proxied = is_polyglot && rng.chance(6);
        let is_proxied = network.is_proxied;
        let mut simulation = Self {
            rng,
            server: Server::new(network, limits),
            records: Records::default(),
            clients: Vec::new(),
            limits,
            most_clients,
            talk,
            sends_private,
            history_lines: 0,
            is_busy,
            idle_turns: 0,
            is_unsure: false,
            listeners: Listeners::default(),
            tls: is_polyglot.then(Pair::new).flatten(),
            has_raw_clients: false,
        };
        if is_proxied {
            simulation.server.engine.expect_proxy();
        }
        if let Some(tls) = &simulation.tls {
            simulation.server.engine.set_tls(tls.server());
        }
        simulation.add_services();
        simulation
    }

    fn add_services(&mut self) {
        let room_limits = outbound::Limits {
            log_bytes: match self.talk {
                Talk::Anything => self.rng.pick(&[64 << 10, 1000, 3000]),
                Talk::Lines | Talk::Mixed => self.rng.pick(&[16 << 10, 64 << 10]),
                Talk::Polyglot => self.rng.pick(&[16 << 10, 32 << 10, FAIR_LOG_BYTES]),
            },
            // Where private messages may be refused, the rules alone do not tell what is owed.
            max_pending_bytes: match self.sends_private {
                true => 1 << 20,
                false => self.rng.between(64, 5000),
            },
            high_water_bytes: 16 << 10,
            pace: self.rng.pick(&[Pace::Auto, Pace::Off]),
        };
        let other_limits = outbound::Limits {
            log_bytes: 4096,
            high_water_bytes: room_limits.max_pending_bytes,
            ..room_limits
        };
        self.add_room(room_limits);
        let holds = self.rng.bool();
        let echo = match holds {
            true => self.add(HoldingEcho::default(), Rule::Echo, other_limits),
            false => self.add(Echo, Rule::Echo, other_limits),
        };
        self.listeners.echoes = self.listen(echo, OTHER_PROTOS);
        let reply = Reply::new(THANKS, false);
        let reply = self.add(reply, Rule::Reply(THANKS), other_limits);
        self.listeners.replies = self.listen(reply, OTHER_PROTOS);
    }

    /// On all of `protos` where there are many, and a certificate for some of them.
    fn listen(&mut self, service: ServiceId, protos: &[Proto]) -> Vec<(Proto, usize)> {
        let protos = match self.talk {
            Talk::Polyglot => protos,
            _ => PLAIN_PROTOS,
        };
        let has_tls = self.tls.is_some();
        let protos = protos.iter().filter(|proto| has_tls || !proto.is_tls());
        protos
            .map(|proto| (*proto, self.server.listen(service, *proto)))
            .collect()
    }

    fn add_room(&mut self, limits: outbound::Limits) {
        let is_strict = self.talk != Talk::Anything;
        let tells = self.rng.bool() && self.most_clients < 50;
        self.history_lines = self.rng.between(0, MOST_HISTORY_LINES);
        let framing = match self.talk {
            Talk::Lines => Framing::Line,
            Talk::Mixed => Framing::Auto,
            Talk::Anything => self.rng.pick(&[Framing::Auto, Framing::Line, Framing::Raw]),
            Talk::Polyglot => self.rng.pick(&[Framing::Line, Framing::Auto]),
        };
        self.has_raw_clients = framing == Framing::Auto;
        let room = Room::new(Config {
            framing,
            history_lines: self.history_lines,
            notices: match tells {
                true => Notices::On,
                false if is_strict => Notices::Off,
                false => self.rng.pick(&[Notices::Auto, Notices::Off]),
            },
            motd: match is_strict {
                true => Vec::new(),
                false => vec!["mind the gap".to_owned()],
            },
            max_message_bytes: self.limits.max_message_bytes,
            kept_rooms: Vec::new(),
            max_rooms: 64,
            password: None,
            operator_password: None,
            wall_clock: || UNIX_EPOCH,
        });
        let history_lines = self.history_lines;
        let rule = match self.talk {
            Talk::Anything => Rule::AnyRoom,
            Talk::Polyglot => Rule::Polyglot,
            Talk::Lines | Talk::Mixed => Rule::Room {
                history_lines,
                tells,
            },
        };
        self.records.borrow_mut().tells = tells;
        let room = self.add(room, rule, limits);
        self.listeners.rooms = self.listen(room, ROOM_PROTOS);
    }

    fn add(
        &mut self,
        service: impl Service + 'static,
        rule: Rule,
        limits: outbound::Limits,
    ) -> ServiceId {
        let both = (self.limits, limits);
        let oracle = Oracle::new(service, rule, both, &self.server.network, &self.records);
        self.server.add(Box::new(oracle), limits)
    }
}

/// Half of the simulations have none but a generous number of clients.
fn some_limits(rng: &Rng, most_clients: usize) -> Limits {
    let (few, per_ip) = (rng.bool(), rng.chance(6));
    let (rate, idle, first) = (rng.chance(6), rng.chance(6), rng.chance(6));
    let a_while = || Duration::from_millis(rng.between(300, 1500) as u64);
    Limits {
        idle_timeout: idle.then(a_while),
        first_message_timeout: first.then(a_while),
        max_clients: if few { most_clients.div_ceil(2) } else { 1000 },
        max_message_bytes: 1024,
        max_clients_per_ip: per_ip.then(|| rng.between(1, 9)),
        message_rate: rate.then(|| Rate {
            per_s: u32::try_from(rng.between(10, 499)).expect("some hundreds"),
            burst: u32::try_from(rng.between(1, 29)).expect("some dozens"),
        }),
        grace: GRACE,
    }
}
