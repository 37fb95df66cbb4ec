//! How clients come to a simulation: to which listener, speaking what, inside TLS or not.

use std::net::SocketAddr;

use super::super::client::{Client, Purpose, ReadRate};
use super::super::conversation::Membership;
use super::super::link::Link;
use super::super::polyglot::Polyglot;
use super::super::records::Record;
use super::super::setup::Talk;
use super::super::speech::{Speech, Tongue};
use super::{HOSTS, Simulation};
use crate::addr::{Peer, Proto};

struct Arrival {
    proto: Proto,
    listener: usize,
    purpose: Purpose,
    speech: Option<Speech>,
    /// What it knows already.
    since: Option<usize>,
}

impl Simulation {
    pub(super) fn connect_client(&mut self) {
        let read_rate = match self.rng.below(10) {
            0..4 => ReadRate::Eager,
            4..7 => ReadRate::Intermittent,
            7..9 => ReadRate::Late,
            _ => ReadRate::Never,
        };
        let arrival = self.some_arrival();
        let is_eager = read_rate == ReadRate::Eager;
        let send_buffer = match is_eager {
            true => usize::MAX,
            false => self.rng.between(200, 20_000),
        };
        let is_tls = arrival.proto.is_tls()
            || arrival.proto == Proto::Auto && self.tls.is_some() && self.rng.chance(3);
        let tls = match &self.tls {
            Some(tls) if is_tls => Some(tls.connect(self.rng.bool())),
            _ => None,
        };
        let address = address_of(self.clients.len());
        let mut network = self.server.network.borrow_mut();
        let id = network.connect(arrival.listener, Peer::Tcp(address));
        network.set_send_buffer(id, send_buffer);
        network.sockets[id].is_reliable = is_eager;
        network.sockets[id].is_sealed = is_tls;
        if network.is_proxied {
            let (ip, port) = (address.ip(), address.port());
            let header = format!("PROXY TCP4 {ip} 127.0.0.1 {port} 7788\r\n");
            network.peer_sends(id, header.as_bytes());
        }
        drop(network);
        let mut record = Record::new(self.limits.max_clients);
        let is_talkative = self.is_busy || self.rng.chance(4);
        let mut client = Client::new(id, read_rate, arrival.purpose, is_talkative);
        client.link = Link::new(id, tls);
        if let Some(speech) = arrival.speech {
            record.membership = Some(Membership::new(speech, arrival.since));
            let is_silent = !self.has_raw_clients && self.rng.bool();
            client.polyglot = Some(Polyglot::new(speech, is_silent));
        }
        self.records.borrow_mut().clients.push(record);
        self.clients.push(client);
        self.with_client(self.clients.len() - 1, Client::arrive);
    }

    fn some_arrival(&self) -> Arrival {
        let (listeners, purpose) = match (self.rng.below(10), self.talk) {
            (9, _) => (&self.listeners.echoes, Purpose::Echo),
            (8, _) => (&self.listeners.replies, Purpose::Reply),
            (_, Talk::Polyglot) => return self.some_member(),
            (_, Talk::Anything) => (&self.listeners.rooms, Purpose::Anything),
            (6 | 7, Talk::Mixed) => (&self.listeners.rooms, Purpose::RawChat),
            _ => (&self.listeners.rooms, Purpose::Chat),
        };
        let (proto, listener) = match &listeners[..] {
            [only] => *only,
            several => self.rng.pick(several),
        };
        Arrival {
            proto,
            listener,
            purpose,
            speech: None,
            since: None,
        }
    }

    /// One that speaks a protocol of its own, where that is spoken.
    fn some_member(&self) -> Arrival {
        let tongue = self
            .rng
            .pick(&[Tongue::WebSocket, Tongue::Lines, Tongue::Irc]);
        let protos = match tongue {
            Tongue::Lines => [Proto::Auto, Proto::Lines, Proto::Tls],
            Tongue::WebSocket => [Proto::Auto, Proto::Http, Proto::Https],
            Tongue::Irc => [Proto::Auto, Proto::Irc, Proto::Ircs],
        };
        let rooms = self.listeners.rooms.iter();
        let rooms: Vec<_> = rooms
            .filter(|(proto, _)| protos.contains(proto))
            .copied()
            .collect();
        let (proto, listener) = self.rng.pick(&rooms);
        let known = match tongue == Tongue::WebSocket && self.rng.chance(2) {
            true => self.something_known(),
            false => None,
        };
        let speech = Speech {
            tongue,
            since: known.map(|(id, _)| id),
            wants_time: self.rng.bool(),
            wants_echo: self.rng.bool(),
        };
        Arrival {
            proto,
            listener,
            purpose: Purpose::Polyglot,
            speech: Some(speech),
            since: known.map(|(_, place)| place),
        }
    }

    /// What somebody has heard last: its id, and its place in the conversation.
    fn something_known(&self) -> Option<(u64, usize)> {
        let (before, after) = self
            .clients
            .split_at(self.rng.below(self.clients.len().max(1)));
        let talk = &self.records.borrow().talk;
        after.iter().chain(before).find_map(|client| {
            let hearing = &client.polyglot.as_ref()?.hearing;
            Some((hearing.last_id()?, talk.last_place(hearing)?))
        })
    }
}

/// A client's number as an address: a few hosts, and a port each.
fn address_of(number: usize) -> SocketAddr {
    let host = u8::try_from(number % HOSTS).expect("a few");
    let port = u16::try_from(number).expect("some thousand");
    SocketAddr::from(([10, 0, 0, host], port))
}
