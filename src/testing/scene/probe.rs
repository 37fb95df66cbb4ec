//! The probe: stands between the engine and a scene's service, and remembers which clients came, what was
//! given to the service and why each client went.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use super::super::sim::net::Shared;
use super::super::sim::server::FailureFlag;
use crate::outbound::{ClientId, Fanout};
use crate::protocol::Encoding;
use crate::service::{Disconnect, Input, Newcomer, Service, TooMany};
use crate::wire::{Framing, Message};

/// What the service was told, by socket.
#[derive(Default)]
pub(super) struct Seen {
    clients: HashMap<usize, Client>,
    sockets: HashMap<ClientId, usize>,
    failed: FailureFlag,
}

#[derive(Default)]
struct Client {
    messages: usize,
    text_bytes: usize,
    fate: Option<Disconnect>,
}

impl Seen {
    pub(super) fn has_come(&self, socket: usize) -> bool {
        self.clients.contains_key(&socket)
    }

    pub(super) fn fate(&self, socket: usize) -> Option<Disconnect> {
        self.clients.get(&socket)?.fate
    }

    pub(super) fn messages(&self, socket: usize) -> usize {
        self.clients
            .get(&socket)
            .map_or(0, |client| client.messages)
    }

    pub(super) fn text_bytes(&self, socket: usize) -> usize {
        let client = self.clients.get(&socket);
        client.map_or(0, |client| client.text_bytes)
    }

    #[track_caller]
    pub(super) fn check(&self) {
        self.failed.check();
    }
}

pub(super) struct Probe {
    service: Rc<RefCell<Box<dyn Service>>>,
    seen: Rc<RefCell<Seen>>,
    network: Shared,
    failed: FailureFlag,
}

impl Probe {
    pub(super) fn new(
        service: &Rc<RefCell<Box<dyn Service>>>,
        seen: &Rc<RefCell<Seen>>,
        network: &Shared,
    ) -> Self {
        Self {
            service: Rc::clone(service),
            seen: Rc::clone(seen),
            network: Rc::clone(network),
            failed: seen.borrow().failed.clone(),
        }
    }

    fn note(&self, client: ClientId, what: impl FnOnce(&mut Client)) {
        let mut seen = self.seen.borrow_mut();
        let socket = seen.sockets[&client];
        what(seen.clients.entry(socket).or_default());
    }
}

impl Service for Probe {
    fn refusal(&self, of: TooMany, encoding: Encoding) -> Option<Vec<u8>> {
        self.service.borrow().refusal(of, encoding)
    }

    fn farewell(&self, client: ClientId, why: &Disconnect) -> Option<Vec<u8>> {
        self.service.borrow().farewell(client, why)
    }

    fn speaks_protocols(&self) -> bool {
        self.service.borrow().speaks_protocols()
    }

    fn told_here(&self) -> i64 {
        self.service.borrow().told_here()
    }

    fn framing(&self) -> Framing {
        self.service.borrow().framing()
    }

    fn on_open(
        &mut self,
        now: Instant,
        client: ClientId,
        newcomer: &Newcomer<'_>,
        out: &mut Fanout,
    ) {
        let _watch = self.failed.clone();
        let socket = self.network.borrow().socket_at(newcomer.peer);
        self.seen.borrow_mut().sockets.insert(client, socket);
        self.note(client, |_| {});
        self.service
            .borrow_mut()
            .on_open(now, client, newcomer, out);
    }

    fn on_message(
        &mut self,
        now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        let _watch = self.failed.clone();
        self.note(client, |client| {
            client.messages += 1;
            if let Message::Whole(bytes) = message {
                client.text_bytes += super::text_bytes(bytes);
            }
        });
        let mut service = self.service.borrow_mut();
        service.on_message(now, client, message, out);
    }

    fn on_end(&mut self, now: Instant, client: ClientId, out: &mut Fanout) {
        let _watch = self.failed.clone();
        self.service.borrow_mut().on_end(now, client, out);
    }

    fn on_close(&mut self, now: Instant, client: ClientId, why: &Disconnect, out: &mut Fanout) {
        let _watch = self.failed.clone();
        self.note(client, |client| {
            client.fate.get_or_insert(*why);
        });
        self.service.borrow_mut().on_close(now, client, why, out);
    }

    fn save(&self) -> Option<Result<Vec<u8>, String>> {
        self.service.borrow().save()
    }

    fn restore(&mut self, saved: &[u8]) -> Result<(), String> {
        self.service.borrow_mut().restore(saved)
    }

    fn on_input(&mut self, now: Instant, input: Input, out: &mut Fanout) {
        let _watch = self.failed.clone();
        self.service.borrow_mut().on_input(now, input, out);
    }

    fn wants_input(&self) -> bool {
        self.service.borrow().wants_input()
    }

    fn deadline(&self) -> Option<Instant> {
        self.service.borrow().deadline()
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Fanout) {
        let _watch = self.failed.clone();
        self.service.borrow_mut().on_deadline(now, out);
    }
}
