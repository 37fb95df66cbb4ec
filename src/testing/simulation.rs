//! The engine against a simulated network and a virtual clock, everything decided by one seed:
//! partial reads and writes, EAGAIN and EINTR at any moment, resets, half-closes, no descriptors,
//! stalled peers, late, second and stale events. Whatever happens, everybody hears what the
//! services' rules owe them, in order and once; the engine keeps its bounds and never spins; and
//! two virtual seconds after the storm everybody is served.
//!
//! `CHINWAG_SEEDS=1000000 cargo test --release simulation` for more of it.

use std::rc::Rc;
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::reactor::{Engine, Limits};
use crate::testing::seeds;

mod guest;
mod kernel;
mod ledger;
mod moody;
mod net;
mod stage;
mod sum;
mod witness;

use guest::{Guest, Manner, Purpose};
use kernel::Kernel;
use ledger::{Ledger, Person, Stage};
use net::{Shared, SimNet, host_of};
use sum::Sum;

const USUAL_SEEDS: u64 = 500;

/// Who can be served is served within this.
const PATIENCE: Duration = Duration::from_secs(2);

const A_LITTLE: Duration = Duration::from_millis(120);

const GRACE: Duration = Duration::from_secs(2);

/// So many turns in a row may do nothing without being asked to.
const IDLE_TURNS: u32 = 10;

#[test]
fn everybody_is_served_whatever_happens() {
    let Some(sum) = seeds::tell(USUAL_SEEDS, |seed| World::new(seed).story()) else {
        return;
    };
    // None of it is worth anything if the stories are all alike.
    let stories = sum.stories;
    assert!(sum.guests > 5 * stories, "{sum:?}");
    assert!(sum.content * 3 > sum.guests, "{sum:?}");
    assert!(sum.broken * 20 > sum.guests, "{sum:?}");
    assert!(sum.lagged * 20 > stories, "{sum:?}");
    assert!(sum.sent_away * 2 > stories, "{sum:?}");
    assert!(sum.heard_bytes > 10_000 * stories, "{sum:?}");
    assert!(sum.unsure * 10 < stories, "{sum:?}");
}

/// A listener is looked at twice in a turn, for an event and for what was left, and each time
/// takes in no more than its budget, however many stand there and go on coming.
#[test]
fn a_crowd_at_the_door_is_let_in_by_turns() {
    let mut world = World::with(Rng::with_seed(1), 1000, ROOMY);
    world.kernel.borrow_mut().is_stormy = false;
    (0..1000).for_each(|_| world.somebody_comes());
    let mut here = 0;
    while here < 1000 {
        world.somebody_comes();
        world.turn(Duration::ZERO);
        let now_here = here_of(&world);
        let most = 2 * 64 * world.kernel.borrow().doors.len();
        assert!(
            (1..=most).contains(&(now_here - here)),
            "{here}, {now_here}"
        );
        here = now_here;
    }
    world.end();
}

/// However much there is to be read, it is soon the turn of those who are to be told.
#[test]
fn those_who_talk_are_listened_to_by_turns() {
    let mut world = World::with(Rng::with_seed(2), 50, ROOMY);
    world.kernel.borrow_mut().is_stormy = false;
    (0..50).for_each(|_| world.somebody_comes());
    world.turn(Duration::ZERO);
    for at in 0..world.guests.len() {
        world.with_guest(at, |guest, _, person, _| {
            if guest.can_chat() {
                (0..1000).for_each(|_| guest.line(person, String::new()));
            }
        });
    }
    world.each_guest(Guest::be_prompt);
    let mut heard = world.ledger.borrow().messages;
    let mut turns = 0;
    while world.engine.wait(world.now()) == Some(Duration::ZERO) || turns == 0 {
        world.each_guest(Guest::be_prompt);
        world.turn(Duration::ZERO);
        let now_heard = world.ledger.borrow().messages;
        assert!(now_heard - heard < 10_000, "{}", now_heard - heard);
        heard = now_heard;
        turns += 1;
    }
    assert!(
        turns > 3 && heard > 30_000,
        "{turns} turns, {heard} messages"
    );
    world.end();
}

const ROOMY: Limits = Limits {
    max_clients: 10_000,
    max_message_bytes: 1024,
    max_clients_per_ip: None,
    message_rate: None,
    idle_timeout: None,
    first_message_timeout: None,
    grace: GRACE,
};

fn here_of(world: &World) -> usize {
    world.ledger.borrow().here
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
    /// Everybody talks without end, and several of them between two turns.
    is_feverish: bool,
    idle_turns: u32,
    /// The talk went on, and nobody could say whether all were content.
    unsure: bool,
}

const ROOM: usize = 0;
const ECHO: usize = 1;
const REPLY: usize = 2;

impl World {
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
        let acts = if self.is_feverish { 20 } else { 4 };
        for _ in 0..self.dice.u8(0..acts) {
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
        let is_talkative = self.is_feverish || self.dice.u8(0..4) == 0;
        self.guests
            .push(Guest::new(id, manner, purpose, is_talkative));
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
        self.look_at_limits();
        assert!(!self.ledger.borrow().complained.get(), "see above");
        self.engine.audit(now);
    }

    fn look_at_limits(&self) {
        let book = self.ledger.borrow();
        assert!(book.here <= self.limits.max_clients);
        let Some(most) = self.limits.max_clients_per_ip else {
            return;
        };
        let mut here = [0; 256];
        for (id, person) in book.people.iter().enumerate() {
            let is_here = matches!(person.stage, Stage::Here | Stage::Leaving);
            here[usize::from(host_of(id))] += usize::from(is_here);
        }
        assert!(here.iter().all(|here| *here <= most));
    }

    fn now(&self) -> Instant {
        self.kernel.borrow().now
    }

    /// Nothing goes wrong any more, and whoever was slow catches up.
    fn calm(&mut self) {
        let until = self.now() + PATIENCE;
        while self.now() < until {
            self.each_guest(Guest::be_prompt);
            self.turn(until.saturating_duration_since(self.now()));
        }
        // Somebody may have been let go in the last turn, and the others are told in the next.
        while self.engine.wait(self.now()) == Some(Duration::ZERO) {
            self.turn(Duration::ZERO);
        }
        self.each_guest(Guest::hear_out);
    }

    fn each_guest(&mut self, deed: fn(&mut Guest, &mut Kernel, &mut Person)) {
        for at in 0..self.guests.len() {
            self.with_guest(at, |guest, kernel, person, _| deed(guest, kernel, person));
        }
    }

    fn everybody_is_content(&mut self) {
        let book = self.ledger.borrow();
        let is_rationed = self.limits.message_rate.is_some();
        // A room that is paced tells the others a little later, and who may speak at a rate only is
        // found gone when it may speak again.
        let just_now = self.now() - A_LITTLE;
        let has_just_come = |person: &Person| person.opened_at.is_some_and(|at| at > just_now);
        let has_just_spoken = |person: &Person| person.spoke_at.is_some_and(|at| at > just_now);
        let has_more = |person: &Person| {
            person.stage == Stage::Here && (!person.said.is_empty() || has_just_spoken(person))
        };
        let people = &book.people;
        let goes_on = is_rationed && people.iter().any(has_more);
        if goes_on || people.iter().any(has_just_come) {
            self.unsure = true;
            return;
        }
        // Who had to wait at the door may have come a moment ago.
        let a_moment_ago = self.now() - Duration::from_millis(300);
        for guest in &self.guests {
            let person = &book.people[guest.id];
            if person.opened_at.is_none_or(|at| at < a_moment_ago) {
                guest.is_content(person, is_rationed);
            }
        }
        // Where silence is a reason to go, a place may have come free in this very turn.
        let Limits {
            idle_timeout,
            first_message_timeout,
            ..
        } = self.limits;
        let is_lasting = idle_timeout.or(first_message_timeout).is_none();
        if is_lasting && book.here < self.limits.max_clients {
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
            self.each_guest(Guest::hear_out);
            self.turn(until.saturating_duration_since(self.now()));
        }
        assert_eq!(self.ledger.borrow().here, 0);
        self.each_guest(|guest, kernel, person| {
            guest.hear_out(kernel, person);
            guest.is_content(person, true);
        });
    }
}
