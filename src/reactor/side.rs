//! What is served beside the clients, on the same poll: an engine of its own, so that whoever comes
//! there takes no client's place and no client's turn, and is counted among none.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::engine::{Engine, Readiness};
use super::net::{Listener, Net, System};
use super::{Limits, ServiceId};
use crate::addr::Proto;
use crate::outbound::{self, Pace};
use crate::service::{Figures, Service, Turns};

/// Tokens of the side's sources have this bit set. Keys of the slab never do: they count descriptors.
pub(super) const SIDE_BIT: usize = 1 << 31;

/// How many may be here at once; further ones wait unaccepted.
const MAX_CLIENTS: usize = 64;

/// What is told has some kilobytes.
const MAX_PENDING_BYTES: usize = 1 << 20;

/// Who has not said anything by then is closed: whoever has something to ask asks it at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// All clients are looked at for this figure, so not each time that somebody asks.
const LAG_EVERY: Duration = Duration::from_millis(50);

/// Side engine, and what it may tell.
pub(super) struct Side {
    engine: Engine<System>,
    figures: Rc<RefCell<Figures>>,
    turns: Turns,
    lag: Option<(Instant, u64)>,
}

impl Side {
    /// Serves at `listener` with what is made of the figures that it may tell. They are those of
    /// the moment in which it is called.
    pub(super) fn new(
        net: System,
        listener: Listener,
        service: impl FnOnce(Rc<RefCell<Figures>>) -> Box<dyn Service>,
    ) -> std::io::Result<Self> {
        let limits = Limits {
            max_clients: MAX_CLIENTS,
            max_message_bytes: MAX_PENDING_BYTES,
            idle_timeout: Some(PATIENCE),
            ..Limits::default()
        };
        let pending = outbound::Limits {
            log_bytes: 0,
            max_pending_bytes: MAX_PENDING_BYTES,
            high_water_bytes: MAX_PENDING_BYTES,
            pace: Pace::Off,
        };
        let figures = Rc::default();
        let mut engine = Engine::new(net, limits);
        let service = engine.add_service(service(Rc::clone(&figures)), pending);
        engine.add_listener(listener, service, Proto::Lines)?;
        Ok(Self {
            engine,
            figures,
            turns: Turns::default(),
            lag: None,
        })
    }

    /// Where it listens.
    pub(super) fn listeners(&self) -> impl Iterator<Item = (&Listener, ServiceId, Proto)> {
        self.engine.listeners()
    }

    pub(super) fn wait(&mut self, now: Instant) -> Option<Duration> {
        self.engine.wait(now)
    }

    /// Something happened to a source of the side's.
    pub(super) fn on_event<N: Net>(
        &mut self,
        token: usize,
        readiness: Readiness,
        clients: &Engine<N>,
        now: Instant,
    ) {
        let lag = self.lag.filter(|(at, _)| now < *at + LAG_EVERY);
        let lag = lag.unwrap_or_else(|| (now, clients.lag_bytes()));
        self.lag = Some(lag);
        *self.figures.borrow_mut() = Figures {
            lag_bytes: lag.1,
            turns: self.turns,
            ..clients.figures()
        };
        self.engine.on_event(token & !SIDE_BIT, readiness, now);
    }

    /// The clients' turn has ended.
    pub(super) fn end_turn(&mut self, now: Instant) {
        self.turns.add(now.elapsed());
        self.engine.end_turn(now);
    }
}
