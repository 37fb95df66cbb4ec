//! The engine against a simulated network and a virtual clock, everything decided by one seed:
//! partial reads and writes, EAGAIN and EINTR at any moment, resets, half-closes, no descriptors,
//! stalled peers, late, second and stale events. Whatever happens, everybody hears what the
//! services' rules owe them, in order and once; the engine keeps its bounds and never spins; and
//! two virtual seconds after the storm everybody is served.
//!
//! `CHINWAG_SEEDS=1000000 cargo test --release simulation` for more of it.

use std::cell::RefCell;
use std::ops::AddAssign;
use std::rc::Rc;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::outbound::{self, Pace};
use crate::reactor::{Engine, Limits};
use crate::seeds;
use crate::service::Disconnect;
use crate::service::echo::Echo;
use crate::service::reply::Reply;
use crate::service::room::{Config, Notices, Room};
use crate::wire::Framing;

mod guest;
mod kernel;
mod net;
mod witness;

use guest::{Guest, Manner, Purpose};
use kernel::Kernel;
use net::{Shared, SimNet};
use witness::{Ledger, Person, Rule, Stage, Witness};

const USUAL_SEEDS: u64 = 500;

/// Who can be served is served within this.
const PATIENCE: Duration = Duration::from_secs(2);

const GRACE: Duration = Duration::from_secs(2);

/// So many turns in a row may do nothing without being asked to.
const IDLE_TURNS: u32 = 10;

const THANKS: &str = "thank you !";

#[test]
fn everybody_is_served_whatever_happens() {
    let Some(sum) = seeds::tell(USUAL_SEEDS, |seed| World::new(seed).story()) else {
        return;
    };
    // None of it is worth anything if the stories are all alike.
    let stories = sum.stories;
    assert!(sum.guests > 5 * stories, "{sum:?}");
    assert!(sum.content * 2 > sum.guests, "{sum:?}");
    assert!(sum.broken * 20 > sum.guests, "{sum:?}");
    assert!(sum.lagged * 20 > stories, "{sum:?}");
    assert!(sum.heard_bytes > 10_000 * stories, "{sum:?}");
}

struct World {
    dice: Rng,
    kernel: Shared,
    ledger: Ledger,
    engine: Engine<SimNet>,
    guests: Vec<Guest>,
    limits: Limits,
    most_guests: usize,
    whispers: bool,
    raw: bool,
    idle_turns: u32,
}

/// What happened, over all stories.
#[derive(Debug, Default)]
struct Sum {
    stories: usize,
    guests: usize,
    content: usize,
    broken: usize,
    lagged: usize,
    heard_bytes: usize,
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.stories += other.stories;
        self.guests += other.guests;
        self.content += other.content;
        self.broken += other.broken;
        self.lagged += other.lagged;
        self.heard_bytes += other.heard_bytes;
    }
}

const ROOM: usize = 0;
const ECHO: usize = 1;
const REPLY: usize = 2;

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Rng::with_seed(seed);
        let kernel: Shared = Rc::new(RefCell::new(Kernel::new(dice.u64(..))));
        let most_guests = match dice.u8(0..20) {
            0 => 60,
            _ => dice.usize(2..16),
        };
        let limits = Limits {
            max_clients: if dice.bool() {
                1000
            } else {
                most_guests.div_ceil(2)
            },
            max_message_bytes: 1024,
            max_clients_per_ip: None,
            message_rate: None,
            idle_timeout: None,
            first_message_timeout: None,
            grace: GRACE,
        };
        let engine = Engine::new(SimNet(Rc::clone(&kernel)), limits);
        let mut world = Self {
            raw: dice.bool(),
            whispers: dice.bool(),
            dice,
            kernel,
            ledger: Ledger::default(),
            engine,
            guests: Vec::new(),
            limits,
            most_guests,
            idle_turns: 0,
        };
        world.open_services();
        world
    }

    fn open_services(&mut self) {
        let tells = self.dice.bool() && self.most_guests < 50;
        let history_lines = self.dice.usize(0..10);
        let room = Room::new(Config {
            framing: if self.raw {
                Framing::Auto
            } else {
                Framing::Line
            },
            history_lines,
            notices: if tells { Notices::On } else { Notices::Off },
            motd: Vec::new(),
            max_message_bytes: self.limits.max_message_bytes,
        });
        let outbound = outbound::Limits {
            log_bytes: if self.dice.bool() { 16 << 10 } else { 64 << 10 },
            // Where whispers may be refused, the rules alone do not tell what is owed.
            max_pending_bytes: match self.whispers {
                true => 1 << 20,
                false => self.dice.usize(100..5000),
            },
            pace: if self.dice.bool() {
                Pace::Auto
            } else {
                Pace::Off
            },
        };
        let rule = Rule::Room {
            history_lines,
            tells,
            max_message_bytes: self.limits.max_message_bytes,
            log_bytes: outbound.log_bytes,
        };
        let room = Witness::of(room, rule, &self.ledger);
        let echo = Witness::of(Echo, Rule::Echo, &self.ledger);
        let reply = Witness::of(Reply::new(THANKS, false), Rule::Reply(THANKS), &self.ledger);
        let no_log = outbound::Limits {
            log_bytes: 4096,
            ..outbound
        };
        let services = [
            self.engine.add_service(Box::new(room), outbound),
            self.engine.add_service(Box::new(echo), no_log),
            self.engine.add_service(Box::new(reply), no_log),
        ];
        for (door, service) in services.into_iter().enumerate() {
            let token = self.engine.add_listener(door, service);
            self.kernel.borrow_mut().open_door(token);
        }
    }

    fn story(mut self) -> Sum {
        for _ in 0..self.dice.usize(50..400) {
            self.rage();
        }
        self.kernel.borrow_mut().is_stormy = false;
        if self.dice.u8(0..4) > 0 {
            self.calm();
            self.everybody_is_content();
            self.somebody_speaks();
            self.calm();
            self.everybody_is_content();
        }
        self.end();
        self.sum()
    }

    /// Some guests act, some come, and the engine has a turn.
    fn rage(&mut self) {
        if self.guests.len() < self.most_guests * 2 && self.dice.u8(0..4) == 0 {
            for _ in 0..self.dice.usize(1..=self.most_guests / 2 + 1) {
                self.somebody_comes();
            }
        }
        for _ in 0..self.dice.u8(0..4) {
            if !self.guests.is_empty() {
                let at = self.dice.usize(0..self.guests.len());
                self.with_guest(at, Guest::act);
            }
        }
        for at in 0..self.guests.len() {
            if self.guests[at].manner == Manner::Brisk {
                self.with_guest(at, |guest, kernel, person, _| {
                    guest.listen(kernel, person, usize::MAX);
                });
            }
        }
        let idle = Duration::from_micros(self.dice.u64(0..20_000));
        self.turn(idle);
    }

    fn somebody_comes(&mut self) {
        let manner = match self.dice.u8(0..10) {
            0..4 => Manner::Brisk,
            4..7 => Manner::Ordinary,
            7..9 => Manner::Sleeper,
            _ => Manner::Stone,
        };
        let (door, purpose) = match self.dice.u8(0..10) {
            0 => (ECHO, Purpose::Echo),
            1 => (REPLY, Purpose::Reply),
            2 | 3 if self.raw => (ROOM, Purpose::RawChat),
            _ => (ROOM, Purpose::Chat),
        };
        let is_brisk = manner == Manner::Brisk;
        let capacity = match is_brisk {
            true => usize::MAX,
            false => self.dice.usize(200..20_000),
        };
        let id = self.kernel.borrow_mut().connect(door, capacity, is_brisk);
        self.ledger.borrow_mut().people.push(Person::default());
        self.guests
            .push(Guest::new(id, manner, purpose, self.dice.u8(0..4) == 0));
        self.with_guest(self.guests.len() - 1, |guest, kernel, person, _| {
            guest.arrive(kernel, person);
        });
    }

    fn with_guest(
        &mut self,
        at: usize,
        deed: impl FnOnce(&mut Guest, &mut Kernel, &mut Person, bool),
    ) {
        let guest = &mut self.guests[at];
        let mut book = self.ledger.borrow_mut();
        let mut kernel = self.kernel.borrow_mut();
        deed(
            guest,
            &mut kernel,
            &mut book.people[guest.id],
            self.whispers,
        );
    }

    /// One turn of the loop; nobody outside does anything for `idle`.
    fn turn(&mut self, idle: Duration) {
        let now = self.now();
        let wait = self.engine.wait(now);
        let (events, before) = {
            let mut kernel = self.kernel.borrow_mut();
            // A poll comes back late rather than early.
            let late = Duration::from_micros(self.dice.u64(0..1000));
            let due = wait.map(|wait| match wait.is_zero() {
                true => now,
                false => now + wait + late,
            });
            let until = [due, kernel.next_event(), Some(now + idle)];
            kernel.now = until.into_iter().flatten().min().unwrap_or(now).max(now);
            (
                kernel.events(),
                kernel.deeds + self.ledger.borrow().messages,
            )
        };
        let now = self.now();
        let has_events = !events.is_empty();
        for (token, readiness) in events {
            self.engine.on_event(token, readiness, now);
        }
        self.engine.end_turn(now);
        let deeds = self.kernel.borrow().deeds + self.ledger.borrow().messages;
        let was_idle = wait == Some(Duration::ZERO) && !has_events && deeds == before;
        self.idle_turns = if was_idle { self.idle_turns + 1 } else { 0 };
        assert!(self.idle_turns < IDLE_TURNS, "the engine spins");
        assert!(self.ledger.borrow().here <= self.limits.max_clients);
        assert!(!self.ledger.borrow().complained.get(), "see above");
        self.engine.audit(now);
    }

    fn now(&self) -> Instant {
        self.kernel.borrow().now
    }

    /// Nothing goes wrong any more, and whoever was slow catches up.
    fn calm(&mut self) {
        let until = self.now() + PATIENCE;
        while self.now() < until {
            for at in 0..self.guests.len() {
                self.with_guest(at, |guest, kernel, person, _| {
                    guest.be_prompt(kernel, person)
                });
            }
            self.turn(until.saturating_duration_since(self.now()));
        }
    }

    fn everybody_is_content(&self) {
        let book = self.ledger.borrow();
        for guest in &self.guests {
            guest.is_content(&book.people[guest.id]);
        }
        if book.here < self.limits.max_clients {
            let kernel = self.kernel.borrow();
            assert!(
                kernel.doors.iter().all(|door| door.queue.is_empty()),
                "kept at the door"
            );
        }
    }

    fn somebody_speaks(&mut self) {
        let book = Rc::clone(&self.ledger);
        let is_here = |guest: &Guest| book.borrow().people[guest.id].stage == Stage::Here;
        let speaker = self
            .guests
            .iter()
            .position(|guest| guest.can_chat() && is_here(guest));
        if let Some(at) = speaker {
            self.with_guest(at, |guest, _, person, _| {
                guest.line(person, "does everybody hear me?".to_owned());
            });
        }
    }

    /// The server is told to end, and does so in good order.
    fn end(&mut self) {
        let now = self.now();
        self.engine.stop(now);
        self.ledger.borrow_mut().is_ending = true;
        let until = now + GRACE + Duration::from_millis(10);
        while !self.engine.is_done() {
            assert!(self.now() < until, "it does not end");
            for at in 0..self.guests.len() {
                self.with_guest(at, |guest, kernel, person, _| {
                    guest.hear_out(kernel, person)
                });
            }
            self.turn(until.saturating_duration_since(self.now()));
        }
        let book = self.ledger.borrow();
        assert_eq!(book.here, 0);
        drop(book);
        for at in 0..self.guests.len() {
            self.with_guest(at, |guest, kernel, person, _| {
                guest.hear_out(kernel, person);
                guest.is_content(person);
            });
        }
    }

    fn sum(&self) -> Sum {
        let book = self.ledger.borrow();
        let gone = |why: fn(&Disconnect) -> bool| {
            let people = book.people.iter();
            people
                .filter(|person| matches!(&person.stage, Stage::Gone(reason) if why(reason)))
                .count()
        };
        Sum {
            stories: 1,
            guests: self.guests.len(),
            content: gone(|why| matches!(why, Disconnect::Eof | Disconnect::Shutdown)),
            broken: gone(|why| matches!(why, Disconnect::Broken(_))),
            lagged: gone(|why| matches!(why, Disconnect::Lagged { .. })),
            heard_bytes: book.people.iter().map(|person| person.heard_bytes).sum(),
        }
    }
}
