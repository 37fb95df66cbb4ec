//! The server as a test drives it: the real engine on the simulated network, turn by turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::net::{Shared, SimNet, SimStream};
use super::network::Network;
use crate::addr::Proto;
use crate::outbound;
use crate::reactor::{Engine, Limits, ServiceId};
use crate::service::{Input, Service};

/// As many lines of the operator's as the reactor hands over in one turn.
const INPUT_PER_TURN: usize = 64;

/// Where what goes on for longer is given up.
const MANY_TURNS: u64 = 1_000_000;

pub(crate) struct Server {
    pub(crate) network: Shared,
    pub(crate) engine: Engine<SimNet>,
    /// Those of former processes, which end those that they could not hand over.
    former: Vec<Engine<SimNet>>,
    limits: Limits,
    /// What the operator has typed and the service has not taken.
    pub(crate) input: VecDeque<Input>,
    input_to: Option<ServiceId>,
    pub(crate) turns: u64,
}

impl Server {
    pub(crate) fn new(network: Network, limits: Limits) -> Self {
        let network = Rc::new(RefCell::new(network));
        Self {
            engine: Engine::new(SimNet(Rc::clone(&network)), limits),
            former: Vec::new(),
            limits,
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

    /// Another process goes on in this one's place, with these services in place of those, and knows
    /// what was written down for it.
    pub(crate) fn upgrade(&mut self, services: Vec<(Box<dyn Service>, outbound::Limits)>) {
        self.try_upgrade(services).expect("it can be handed over");
    }

    /// The same, if it can be handed over now; else this process goes on.
    pub(crate) fn try_upgrade(
        &mut self,
        services: Vec<(Box<dyn Service>, outbound::Limits)>,
    ) -> Result<(), String> {
        let (saved, tokens) = match self.engine.save() {
            Ok(saved) => saved,
            Err(why) => {
                self.engine.cancel_handover();
                return Err(why);
            }
        };
        let bytes = rmp_serde::to_vec_named(&saved).expect("it can be written down");
        let saved = rmp_serde::from_slice(&bytes).expect("and be read");
        let streams = tokens.iter().filter_map(|token| self.engine.stream(*token));
        let streams = streams.map(SimStream::duplicate).collect();
        let mut engine = Engine::new(SimNet(Rc::clone(&self.network)), self.limits);
        for (service, limits) in services {
            engine.add_service(service, limits);
        }
        let now = self.now();
        engine
            .restore(saved, streams, now)
            .expect("it goes on where the other was");
        for (listener, service, proto) in self.engine.listeners() {
            let added = engine.add_listener(*listener, service, proto);
            added.expect("the simulated network has room for it");
        }
        self.engine.let_go(&tokens, now);
        self.former
            .push(std::mem::replace(&mut self.engine, engine));
        Ok(())
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
            // Whose it is not takes no notice.
            for former in &mut self.former {
                former.on_event(token, readiness, now);
            }
        }
        for _ in 0..INPUT_PER_TURN {
            if let Some(service) = self.input_to
                && self.engine.wants_input(service, now)
                && let Some(input) = self.input.pop_front()
            {
                self.engine.on_input(service, input, now);
            }
        }
        self.engine.end_turn(now);
        for former in &mut self.former {
            former.end_turn(now);
        }
        self.former.retain(|former| !former.is_done());
        self.turns += 1;
        assert!(self.turns < MANY_TURNS, "it never comes to rest");
        has_events
    }

    /// How long the loop may wait.
    pub(crate) fn wait(&mut self, now: Instant) -> Option<Duration> {
        let engines = self.former.iter_mut().chain([&mut self.engine]);
        engines.filter_map(|engine| engine.wait(now)).min()
    }

    /// Whether there is input that the service takes now.
    pub(crate) fn has_input(&mut self) -> bool {
        let now = self.now();
        let is_typed = !self.input.is_empty();
        let wants_input = |service| is_typed && self.engine.wants_input(service, now);
        self.input_to.is_some_and(wants_input)
    }

    /// Whether a turn at this time would have something to do. As the engine has it.
    pub(crate) fn has_work(&mut self) -> bool {
        if self.engine.is_done() {
            return false;
        }
        let now = self.now();
        self.has_input()
            || self
                .network
                .borrow()
                .next_event()
                .is_some_and(|at| at <= now)
            || self.wait(now).is_some_and(|wait| wait.is_zero())
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
