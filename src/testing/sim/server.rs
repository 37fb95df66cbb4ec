//! The server as a test drives it: the real engine on the simulated network, turn by turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use super::net::{Shared, SimNet};
use super::network::Network;
use crate::addr::Proto;
use crate::outbound;
use crate::reactor::{Engine, Limits, ServiceId};
use crate::service::{OperatorInput, Service};

/// As many lines of the operator's as the reactor hands over in one turn.
const INPUT_PER_TURN: usize = 64;

/// Where what goes on for longer is given up.
const MANY_TURNS: u64 = 1_000_000;

pub(crate) struct Server {
    pub(crate) network: Shared,
    pub(crate) engine: Engine<SimNet>,
    /// What the operator has typed and the service has not taken.
    pub(crate) input: VecDeque<OperatorInput>,
    input_to: Option<ServiceId>,
    pub(crate) turns: u64,
}

impl Server {
    pub(crate) fn new(network: Network, limits: Limits) -> Self {
        let network = Rc::new(RefCell::new(network));
        Self {
            engine: Engine::new(SimNet(Rc::clone(&network)), limits),
            network,
            input: VecDeque::new(),
            input_to: None,
            turns: 0,
        }
    }

    /// Adds a service. What is typed goes to the last.
    pub(crate) fn add(&mut self, service: Box<dyn Service>, limits: outbound::Limits) -> ServiceId {
        let service = self.engine.add_service(service, limits);
        self.input_to = Some(service);
        service
    }

    /// Adds a listener, whose number is returned.
    pub(crate) fn listen(&mut self, service: ServiceId, proto: Proto) -> usize {
        let listener = self.network.borrow_mut().listen();
        let added = self.engine.add_listener(listener, service, proto);
        added.expect("the simulated network has room for it");
        listener
    }

    pub(crate) fn now(&self) -> Instant {
        self.network.borrow().now
    }

    /// One turn of the loop, as the reactor runs it. Returns whether there were events.
    pub(crate) fn turn(&mut self) -> bool {
        let events = self.network.borrow_mut().events();
        let now = self.now();
        let has_events = !events.is_empty();
        for (token, readiness) in events {
            self.engine.on_event(token, readiness, now);
        }
        for _ in 0..INPUT_PER_TURN {
            if let Some(service) = self.input_to
                && self.engine.wants_input(service)
                && let Some(input) = self.input.pop_front()
            {
                self.engine.on_input(service, input, now);
            }
        }
        self.engine.end_turn(now);
        self.turns += 1;
        assert!(self.turns < MANY_TURNS, "it never comes to rest");
        has_events
    }

    /// Whether a turn at this time would have something to do. As the engine has it.
    pub(crate) fn has_work(&mut self) -> bool {
        if self.engine.is_done() {
            return false;
        }
        let now = self.now();
        let takes_input = |service| self.engine.wants_input(service) && !self.input.is_empty();
        self.input_to.is_some_and(takes_input)
            || self
                .network
                .borrow()
                .next_event()
                .is_some_and(|at| at <= now)
            || self.engine.wait(now).is_some_and(|wait| wait.is_zero())
    }
}

/// Set when a call was left by a panic: the engine survives a service that panics, and with it the
/// assertions of a wrapper around the service.
#[derive(Debug, Default, Clone)]
pub(crate) struct FailureFlag(Rc<Cell<bool>>);

impl FailureFlag {
    #[track_caller]
    pub(crate) fn check(&self) {
        assert!(!self.0.get(), "a call of the service failed; see above");
    }
}

impl Drop for FailureFlag {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.set(true);
        }
    }
}
