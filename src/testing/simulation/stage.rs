//! The stage: limits and services of one story, as its seed would have them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;

use super::World;
use super::kernel::Kernel;
use super::ledger::Ledger;
use super::moody::Moody;
use super::net::{Shared, SimNet};
use super::witness::{Rule, Witness};
use crate::outbound::{self, Pace};
use crate::reactor::{Engine, Limits, Rate};
use crate::service::Service;
use crate::services::echo::Echo;
use crate::services::reply::Reply;
use crate::services::room::{Config, Notices, Room};
use crate::wire::Framing;

const THANKS: &str = "thank you !";

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let most_guests = match dice.u8(0..100) {
            0 => 200,
            1..5 => 60,
            _ => dice.usize(2..16),
        };
        let limits = some_limits(&mut dice, most_guests);
        Self::with(dice, most_guests, limits)
    }

    pub(super) fn with(mut dice: Rng, most_guests: usize, limits: Limits) -> Self {
        let kernel: Shared = Rc::new(RefCell::new(Kernel::new(dice.u64(..))));
        let engine = Engine::new(SimNet(Rc::clone(&kernel)), limits);
        let mut world = Self {
            raw: dice.bool(),
            is_feverish: dice.u8(0..8) == 0,
            whispers: dice.bool(),
            dice,
            kernel,
            ledger: Ledger::default(),
            engine,
            guests: Vec::new(),
            limits,
            most_guests,
            idle_turns: 0,
            unsure: false,
        };
        world.open_services();
        world
    }

    fn open_services(&mut self) {
        let room_limits = outbound::Limits {
            log_bytes: one_of(&mut self.dice, 16 << 10, 64 << 10),
            // Where whispers may be refused, the rules alone do not tell what is owed.
            max_pending_bytes: match self.whispers {
                true => 1 << 20,
                false => self.dice.usize(100..5000),
            },
            high_water_bytes: 16 << 10,
            pace: one_of(&mut self.dice, Pace::Auto, Pace::Off),
        };
        let other_limits = outbound::Limits {
            log_bytes: 4096,
            high_water_bytes: room_limits.max_pending_bytes,
            ..room_limits
        };
        self.open_room(room_limits);
        match self.dice.bool() {
            true => self.open_service(Echo, Rule::Echo, other_limits),
            false => self.open_service(Moody::default(), Rule::Echo, other_limits),
        }
        let reply = Reply::new(THANKS, false);
        self.open_service(reply, Rule::Reply(THANKS), other_limits);
    }

    fn open_room(&mut self, limits: outbound::Limits) {
        let tells = self.dice.bool() && self.most_guests < 50;
        let history_lines = self.dice.usize(0..10);
        let room = Room::new(Config {
            framing: match self.raw {
                true => Framing::Auto,
                false => Framing::Line,
            },
            history_lines,
            notices: if tells { Notices::On } else { Notices::Off },
            motd: Vec::new(),
            max_message_bytes: self.limits.max_message_bytes,
        });
        let rule = Rule::Room {
            history_lines,
            tells,
            log_bytes: limits.log_bytes,
        };
        self.open_service(room, rule, limits);
    }

    fn open_service(
        &mut self,
        service: impl Service + 'static,
        rule: Rule,
        limits: outbound::Limits,
    ) {
        let witness = Witness::of(service, rule, self.limits, &self.ledger);
        let service = self.engine.add_service(Box::new(witness), limits);
        let door = self.kernel.borrow().doors.len();
        let token = self.engine.add_listener(door, service);
        self.kernel.borrow_mut().open_door(token);
    }
}

/// Half of the stories have none but a generous number of clients.
fn some_limits(dice: &mut Rng, most_guests: usize) -> Limits {
    let mut sometimes = |once_in: u32| dice.u32(0..once_in) == 0;
    let (few, per_ip, rate, idle, first) = (
        sometimes(2),
        sometimes(6),
        sometimes(6),
        sometimes(6),
        sometimes(6),
    );
    let mut a_while = || Duration::from_millis(dice.u64(300..1500));
    Limits {
        idle_timeout: idle.then(&mut a_while),
        first_message_timeout: first.then(&mut a_while),
        max_clients: if few { most_guests.div_ceil(2) } else { 1000 },
        max_message_bytes: 1024,
        max_clients_per_ip: per_ip.then(|| dice.usize(1..10)),
        message_rate: rate.then(|| Rate {
            per_s: dice.u32(10..500),
            burst: dice.u32(1..30),
        }),
        grace: super::GRACE,
    }
}

fn one_of<T>(dice: &mut Rng, one: T, other: T) -> T {
    if dice.bool() { one } else { other }
}
