//! Scenes: a service on the real engine, clients with names, and a clock that stands still until
//! it is told. Knows no concrete service.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::sim::network::{End, Network};
use super::sim::rng::Rng;
use super::sim::server::Server;
use crate::addr::Proto;
use crate::outbound::{self, Pace};
use crate::reactor::{self, ServiceId};
use crate::service::{Disconnect, Input, Service};
use crate::tls::fixed::Pair;

mod arrivals;
mod client;
mod probe;

use client::Client;
use probe::{Probe, Seen};

/// The bounds of most scenes: generous.
pub(crate) const ROOMY: outbound::Limits = outbound::Limits {
    log_bytes: 1 << 20,
    max_pending_bytes: 1 << 20,
    high_water_bytes: 1 << 20,
    pace: Pace::Auto,
};

const NO_LIMITS: reactor::Limits = reactor::Limits {
    max_clients: 100_000,
    max_message_bytes: 1024,
    max_clients_per_ip: None,
    message_rate: None,
    idle_timeout: None,
    first_message_timeout: None,
    grace: Duration::from_secs(1),
};

/// The audit looks at everybody: in a crowd that is left to the simulation.
const AUDITED_CLIENTS: usize = 100;

/// A service and its clients. Whatever a client does, the server has then done all that it can
/// at this time, unless it is [frozen](Self::freeze).
pub(crate) struct Scene {
    service: Rc<RefCell<Box<dyn Service>>>,
    outbound: outbound::Limits,
    limits: reactor::Limits,
    seen: Rc<RefCell<Seen>>,
    server: Server,
    service_id: ServiceId,
    listeners: Vec<(Proto, usize)>,
    /// The certificate, and clients that know it.
    tls: Option<Pair>,
    now: Instant,
    is_frozen: bool,
    /// By socket.
    clients: Vec<Client>,
    by_name: HashMap<String, usize>,
    /// Who has something to send that has no room yet.
    sending: Vec<usize>,
}

/// The stage.
impl Scene {
    pub(crate) fn of(service: impl Service + 'static, outbound: outbound::Limits) -> Self {
        let service: Box<dyn Service> = Box::new(service);
        Self::new(Rc::new(RefCell::new(service)), outbound, NO_LIMITS)
    }

    fn new(
        service: Rc<RefCell<Box<dyn Service>>>,
        outbound: outbound::Limits,
        limits: reactor::Limits,
    ) -> Self {
        let network = Network::new(Rng::from_bytes(&[]));
        let now = network.now;
        let mut server = Server::new(network, limits);
        let seen = Rc::new(RefCell::new(Seen::default()));
        let probe = Probe::new(&service, &seen, &server.network);
        let service_id = server.add(Box::new(probe), outbound);
        Self {
            service,
            outbound,
            limits,
            seen,
            server,
            service_id,
            listeners: Vec::new(),
            tls: None,
            now,
            is_frozen: false,
            clients: Vec::new(),
            by_name: HashMap::new(),
            sending: Vec::new(),
        }
    }

    /// With other limits on each connection; before the first has come.
    pub(crate) fn with_limits(mut self, change: impl FnOnce(&mut reactor::Limits)) -> Self {
        assert!(self.clients.is_empty());
        change(&mut self.limits);
        Self::new(self.service, self.outbound, self.limits)
    }

    pub(crate) fn with_max_message(self, bytes: usize) -> Self {
        self.with_limits(|limits| limits.max_message_bytes = bytes)
    }
}

/// What the clients do, and the clock.
impl Scene {
    /// A line, with its newline.
    pub(crate) fn says(&mut self, name: &str, line: &str) {
        self.sends(name, format!("{line}\n"));
    }

    /// Bytes, as they are.
    pub(crate) fn sends(&mut self, name: &str, bytes: impl AsRef<[u8]>) {
        let id = self.id(name);
        let client = &mut self.clients[id];
        client.unsent.extend_from_slice(bytes.as_ref());
        client.text_bytes += text_bytes(bytes.as_ref());
        self.sending.push(id);
        self.settle();
    }

    /// Its socket takes nothing more.
    pub(crate) fn stalls(&mut self, name: &str) {
        self.has_room_for(name, 0);
    }

    /// Its socket takes so many bytes, and then no more.
    pub(crate) fn has_room_for(&mut self, name: &str, bytes: usize) {
        let id = self.id(name);
        let mut network = self.server.network.borrow_mut();
        network.set_room(id, bytes);
        self.clients[id].is_stalled = bytes == 0;
        self.clients[id].read(&mut network);
        drop(network);
        self.settle();
    }

    pub(crate) fn recovers(&mut self, name: &str) {
        self.has_room_for(name, usize::MAX);
    }

    /// So many bytes are under way to it at most; it reads on, so that more can follow.
    pub(crate) fn has_send_buffer_of(&mut self, name: &str, bytes: usize) {
        let id = self.id(name);
        self.server.network.borrow_mut().set_send_buffer(id, bytes);
    }

    /// What it sends arrives in pieces of so many bytes.
    pub(crate) fn sends_in_pieces_of(&mut self, name: &str, bytes: usize) {
        let id = self.id(name);
        let mut network = self.server.network.borrow_mut();
        network.set_receive_buffer(id, bytes);
    }

    /// Ends its side, and goes on listening.
    pub(crate) fn ends(&mut self, name: &str) {
        let id = self.id(name);
        self.clients[id].has_ended = true;
        self.sending.push(id);
        self.settle();
    }

    /// Its connection breaks: it is gone at once.
    pub(crate) fn vanishes(&mut self, name: &str) {
        let id = self.id(name);
        self.server.network.borrow_mut().peer_resets(id);
        self.clients[id].end = Some(End::Reset);
        self.settle();
    }

    /// The operator types a line; it waits until the service wants it.
    pub(crate) fn types(&mut self, line: &str) {
        let input = Input::Line(line.to_owned());
        self.server.input.push_back(input);
        self.settle();
    }

    pub(crate) fn ends_typing(&mut self) {
        self.server.input.push_back(Input::End);
        self.settle();
    }

    /// The server is told to end.
    pub(crate) fn stops(&mut self) {
        self.server.engine.stop(self.now);
        self.settle();
    }

    /// Another process goes on in the server's place, with `service` as it is before it has heard of
    /// anybody.
    pub(crate) fn upgrades(&mut self, service: impl Service + 'static) {
        self.service = Rc::new(RefCell::new(Box::new(service)));
        let probe = Probe::new(&self.service, &self.seen, &self.server.network);
        self.server.upgrade(vec![(Box::new(probe), self.outbound)]);
        if let Some(tls) = &self.tls {
            self.server.engine.set_tls(tls.server());
        }
        self.settle();
    }

    /// Time passes, from deadline to deadline.
    pub(crate) fn advance(&mut self, time: Duration) {
        let until = self.now + time;
        self.settle();
        while !self.is_done()
            && let Some(wait) = self.server.wait(self.now)
            && self.now + wait <= until
        {
            self.set_clock(self.now + wait);
            self.settle_due();
        }
        self.set_clock(until);
        self.settle();
    }

    /// The process is paused for so long; what clients do `meanwhile` lies in their sockets, and
    /// then one turn sees it all.
    pub(crate) fn freeze(&mut self, time: Duration, meanwhile: impl FnOnce(&mut Self)) {
        self.is_frozen = true;
        meanwhile(self);
        self.is_frozen = false;
        self.set_clock(self.now + time);
        self.settle_due();
    }
}

/// What can be told of them.
impl Scene {
    /// The next line that `name` hears is this one.
    #[track_caller]
    pub(crate) fn hears(&mut self, name: &str, line: &str) {
        let id = self.id(name);
        let heard = &mut self.clients[id].heard;
        let end = heard.iter().position(|byte| *byte == b'\n');
        let bytes: Vec<u8> = heard
            .drain(..end.map_or(heard.len(), |at| at + 1))
            .collect();
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text, format!("{line}\n"), "what {name} hears");
    }

    #[track_caller]
    pub(crate) fn hears_nothing(&mut self, name: &str) {
        assert_eq!(self.heard(name), "", "what {name} hears");
    }

    /// All that `name` has heard since it was last asked.
    pub(crate) fn heard(&mut self, name: &str) -> String {
        let id = self.id(name);
        let bytes = std::mem::take(&mut self.clients[id].heard);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The same, of one whose bytes are no text.
    pub(crate) fn heard_bytes(&mut self, name: &str) -> Vec<u8> {
        let id = self.id(name);
        std::mem::take(&mut self.clients[id].heard)
    }

    /// What was heard so far does not matter.
    pub(crate) fn clear_output(&mut self) {
        for client in &mut self.clients {
            client.heard.clear();
        }
    }

    /// Why the service was told that `name` is gone; `None`: it was not.
    pub(crate) fn fate(&self, name: &str) -> Option<Disconnect> {
        self.seen.borrow().fate(self.id(name))
    }

    /// Whether the service was told of `name`.
    pub(crate) fn is_served(&self, name: &str) -> bool {
        self.seen.borrow().has_come(self.id(name))
    }

    /// How the server has ended its side, as `name` saw it.
    pub(crate) fn end(&self, name: &str) -> Option<End> {
        self.clients[self.id(name)].end
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.server.engine.is_stopping()
    }

    /// Whether the server has ended.
    pub(crate) fn is_done(&self) -> bool {
        self.server.engine.is_done()
    }

    /// Whether there are bytes of `name` that the service has not been given, other than line
    /// ends. An unfinished line counts; a line that is too long must not have been sent.
    pub(crate) fn is_kept_waiting(&self, name: &str) -> bool {
        let id = self.id(name);
        self.seen.borrow().text_bytes(id) < self.clients[id].text_bytes
    }

    /// How many messages of `name` the service has been given.
    pub(crate) fn messages(&self, name: &str) -> usize {
        self.seen.borrow().messages(self.id(name))
    }

    /// Bytes and writes to all of them together.
    pub(crate) fn written(&self) -> (usize, usize) {
        let network = self.server.network.borrow();
        (
            (network.sockets.iter()).map(|s| s.written_bytes).sum(),
            (network.sockets.iter()).map(|s| s.writes).sum(),
        )
    }

    /// How many turns the loop has made.
    pub(crate) fn turns(&self) -> u64 {
        self.server.turns
    }

    fn id(&self, name: &str) -> usize {
        let id = self.by_name.get(name);
        *id.unwrap_or_else(|| panic!("{name} never joined"))
    }
}

/// The loop.
impl Scene {
    /// Turns of the loop until there is nothing left to do at this time.
    fn settle(&mut self) {
        self.exchange();
        while !self.is_frozen && self.server.has_work() {
            self.turn();
        }
    }

    /// The same, when something is due, and so there is a turn at least.
    fn settle_due(&mut self) {
        self.turn();
        self.settle();
    }

    fn turn(&mut self) {
        self.server.turn();
        // Its calls have taken time, for the engine to measure; here it stands still.
        self.set_clock(self.now);
        self.seen.borrow().check();
        if self.clients.len() <= AUDITED_CLIENTS {
            self.server.engine.audit(self.now);
        }
        self.exchange();
    }

    fn set_clock(&mut self, now: Instant) {
        self.now = now;
        self.server.network.borrow_mut().now = now;
    }

    /// The clients send what has room, and read what has come.
    fn exchange(&mut self) {
        let mut network = self.server.network.borrow_mut();
        let mut sending = std::mem::take(&mut self.sending);
        sending.retain(|id| !self.clients[*id].send(&mut network));
        self.sending = sending;
        for id in network.take_peer_news() {
            self.clients[id].read(&mut network);
        }
    }
}

fn text_bytes(bytes: &[u8]) -> usize {
    let is_text = |byte: &&u8| !matches!(byte, b'\r' | b'\n');
    bytes.iter().filter(is_text).count()
}
