//! The room as a whole, on the real engine and a simulated network: members join, say anything,
//! end, break off, stall and take again, while the clock moves as the bytes say. What each got
//! must be what was said, in the one order, each line once, without its own.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::Tape;
use crate::outbound::{Limits as Owing, Pace};
use crate::reactor::{Engine, Limits, Rate, Readiness};
use crate::services::room::{Config, Notices, Room};
use crate::wire::Framing;

mod net;
mod story;

use net::{Net, World};
use story::{Probe, Story};

const MOST_WIRES: usize = 10;
/// What a stalled client still takes, at most, is a byte; this is one that takes everything.
const ALL: usize = usize::MAX;
const CANNED: &[&[u8]] = &[
    b"/who\n",
    b"/help\n",
    b"/quit\n",
    b"/nick ann\n",
    b"/nick ANN\n",
    b"/me waves\n",
    b"/msg guest1 hi\n",
    b"/msg ann psst\n",
    b"\n",
    b"//x\r\n",
    b"ok\n",
    b"a\nb\nc\n",
    b"\x1b[2J\xe2\x80\xae\xff\n",
];

pub(super) fn check(data: &[u8]) {
    let mut tape = Tape::new(data);
    let mut play = Play::new(&mut tape);
    while !tape.is_over() {
        play.act(&mut tape);
    }
    play.end();
}

struct Play {
    world: Rc<RefCell<World>>,
    story: Rc<RefCell<Story>>,
    engine: Engine<Net>,
    history_lines: usize,
}

impl Play {
    fn new(tape: &mut Tape<'_>) -> Self {
        let max_message_bytes = tape.pick(&[60, 16, 200]);
        let history_lines = tape.pick(&[20, 0, 1, 3]);
        let config = Config {
            framing: tape.pick(&[Framing::Auto, Framing::Line, Framing::Raw]),
            history_lines,
            notices: tape.pick(&[Notices::Auto, Notices::On, Notices::Off]),
            motd: vec!["mind the gap".to_owned()],
            max_message_bytes,
        };
        let owing = Owing {
            log_bytes: tape.pick(&[1 << 16, 1000, 3000]),
            max_pending_bytes: tape.pick(&[1 << 20, 64, 500]),
            high_water_bytes: 16 << 10,
            pace: tape.pick(&[Pace::Auto, Pace::Off]),
        };
        let seconds = |s: u64| Some(Duration::from_secs(s));
        let limits = Limits {
            max_clients: 6,
            max_message_bytes,
            max_clients_per_ip: None,
            message_rate: tape.pick(&[
                None,
                Some(Rate {
                    per_s: 20,
                    burst: 3,
                }),
            ]),
            idle_timeout: None,
            first_message_timeout: tape.pick(&[None, None, seconds(1)]),
            grace: Duration::from_secs(1),
        };
        let world = Rc::new(RefCell::new(World::new(Instant::now())));
        let story = Rc::new(RefCell::new(Story::new(owing.max_pending_bytes)));
        let mut engine = Engine::new(Net(Rc::clone(&world)), limits);
        let probe = Probe::new(Room::new(config), Rc::clone(&story));
        let service = engine.add_service(Box::new(probe), owing);
        let added = engine.add_listener((), service);
        assert!(added.is_ok());
        Self {
            world,
            story,
            engine,
            history_lines,
        }
    }

    fn act(&mut self, tape: &mut Tape<'_>) {
        let action = tape.byte();
        let who = usize::from(action >> 4);
        match action & 15 {
            0 => self.join(),
            1 | 2 => {
                let count = usize::from(tape.byte() % 32);
                self.say(who, tape.take(count));
            }
            3 | 4 => self.say(who, tape.pick(CANNED)),
            5 => self.world.borrow_mut().end(who),
            6 => self.world.borrow_mut().reset(who),
            7 => self
                .world
                .borrow_mut()
                .set_room(who, usize::from(tape.byte())),
            8 => self.world.borrow_mut().set_room(who, ALL),
            9 => self
                .world
                .borrow_mut()
                .slow_down(who, usize::from(tape.byte() % 8)),
            10 => self.world.borrow_mut().interrupt(who),
            11 => self.late_event(who, tape.byte()),
            12 => self.pass(Duration::from_millis(8 * u64::from(tape.byte()))),
            13 => {
                // Said in one go, so that it all comes with one read.
                let line = tape.pick(CANNED);
                self.say(who, &line.repeat(usize::from(tape.byte() % 24)));
            }
            _ => self.turn(),
        }
    }

    fn join(&mut self) {
        let mut world = self.world.borrow_mut();
        if world.wires.len() < MOST_WIRES {
            world.connect();
            drop(world);
            let token = self.world.borrow().listener_token;
            self.engine.on_event(token, readable(), self.now());
        }
    }

    fn say(&mut self, who: usize, bytes: &[u8]) {
        self.world.borrow_mut().send(who, bytes);
    }

    /// An event that tells of nothing, or names a client that may have gone.
    fn late_event(&mut self, who: usize, what: u8) {
        let token = self
            .world
            .borrow()
            .wires
            .get(who)
            .and_then(|wire| wire.token);
        if let Some(token) = token {
            let readiness = Readiness {
                readable: what & 1 != 0,
                writable: what & 2 != 0,
                urgent: what & 4 != 0,
                ..Readiness::default()
            };
            self.engine.on_event(token, readiness, self.now());
        }
    }

    fn now(&self) -> Instant {
        self.world.borrow().now
    }

    fn pass(&mut self, time: Duration) {
        self.world.borrow_mut().now += time;
        self.turn();
    }

    fn turn(&mut self) {
        let now = self.now();
        let events = self.world.borrow_mut().events();
        for (token, readiness) in events {
            self.engine.on_event(token, readiness, now);
        }
        self.engine.end_turn(now);
    }

    /// Until nothing is left to do, if that comes within `most` of the clock.
    fn settle(&mut self, most: Duration) {
        let until = self.now() + most;
        for _ in 0..100_000 {
            self.turn();
            if self.engine.is_done() {
                return;
            }
            if self.world.borrow().has_events() {
                continue;
            }
            match self.engine.wait(self.now()) {
                Some(wait) if self.now() + wait <= until => self.world.borrow_mut().now += wait,
                _ => return,
            }
        }
        panic!("the engine never comes to rest");
    }

    /// The faults stop, then the server: everybody is served, then gone.
    fn end(&mut self) {
        self.world.borrow_mut().heal();
        self.settle(Duration::from_secs(60));
        self.judge();
        let now = self.now();
        self.story.borrow_mut().stop();
        self.engine.stop(now);
        self.settle(Duration::from_secs(2));
        assert!(self.engine.is_done(), "somebody never goes");
        self.judge();
    }

    fn judge(&self) {
        let (world, story) = (self.world.borrow(), self.story.borrow());
        for wire in &world.wires {
            // Without a token it still waits to be let in.
            if let Some(token) = wire.token {
                story.judge(token, wire, self.history_lines);
            }
        }
    }
}

fn readable() -> Readiness {
    Readiness {
        readable: true,
        ..Readiness::default()
    }
}
