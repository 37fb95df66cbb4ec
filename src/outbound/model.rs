//! The model test of this module: a seed's worth of random life against one plain queue a member.
//! Whatever is said, stalled, trimmed and written in part, each member's bytes must be those of
//! its queue, in the form of its feed, and it must be called lagged exactly when the plain log says so.
//! Knows the public face of [`Fanout`] only.

use std::rc::Rc;
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::{AudienceId, ClientId, Fanout, Flushed, Limits, OutboxFull, Pace};
use crate::testing::seeds;

mod plain;
mod writing;

use plain::{INDEX_ENTRY_BYTES, Member, Mix, PlainAudience};

const USUAL_SEEDS: u64 = 4000;
const ACTIONS_PER_RUN: usize = 150;
const MOST_MEMBERS: usize = 9;

#[test]
fn every_member_gets_its_plain_queue() {
    let Some(mix) = seeds::for_each_seed(USUAL_SEEDS, |seed| Model::new(seed).run()) else {
        return;
    };
    // None of it is worth anything if the stories are all alike.
    let ended = mix.drained + mix.lagged + mix.left_early;
    assert!(mix.drained * 4 > ended, "{mix:?}");
    assert!(mix.lagged * 10 > ended, "{mix:?}");
    assert!(mix.left_early * 20 > ended, "{mix:?}");
    for count in [
        mix.replayed,
        mix.partial,
        mix.skipped_while_behind,
        mix.private_while_behind,
        mix.outbox_full,
        mix.interrupted,
        mix.cut_short,
        mix.moved,
    ] {
        assert!(count * 100 > ended, "{mix:?}");
    }
    // Few stories are long enough for a room to be found busy.
    assert!(mix.paced > 0, "{mix:?}");
}

struct Model {
    rng: Rng,
    fanout: Fanout,
    now: Instant,
    opened: u32,
    limits: Limits,
    /// All that there ever were. Two of them are open.
    audiences: Vec<PlainAudience>,
    open: [usize; 2],
    members: Vec<Member>,
    gone: Vec<ClientId>,
    said: u64,
    mix: Mix,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let limits = Limits {
            log_bytes: rng.usize(60..600),
            max_pending_bytes: rng.usize(1..400),
            high_water_bytes: 400,
            pace: if rng.bool() { Pace::Auto } else { Pace::Off },
        };
        let mut fanout = Fanout::new(limits);
        let ids = [AudienceId::FIRST, fanout.add_audience()];
        Self {
            fanout,
            audiences: ids
                .map(|id| PlainAudience::new(id, limits.log_bytes))
                .into(),
            open: [0, 1],
            now: Instant::now(),
            opened: 0,
            limits,
            rng,
            members: Vec::new(),
            gone: Vec::new(),
            said: 0,
            mix: Mix::default(),
        }
    }

    fn run(mut self) -> Mix {
        for _ in 0..ACTIONS_PER_RUN {
            self.act();
            self.look_at_somebody();
        }
        for at in 0..self.members.len() {
            self.unblock(at);
        }
        self.serve_everybody();
        assert!(self.members.iter().all(|member| member.owed.is_empty()));
        self.mix.drained += self.members.len();
        self.mix
    }

    fn act(&mut self) {
        match self.rng.u8(0..100) {
            0..8 => self.open(),
            8..16 => self.follow(),
            16..50 => self.publish(),
            50..62 => self.send(),
            62..80 => self.take_turn(),
            80..88 => {
                if let Some(at) = self.anybody() {
                    self.unblock(at);
                }
            }
            88 => self.leave(),
            89 => self.move_somebody(),
            90..92 => self.vanish(),
            92..94 => self.sweep(),
            94..96 => self.serve_everybody(),
            96 => self.cut_short(),
            97 => self.now += Duration::from_millis(self.rng.u64(0..20)),
            _ => {
                // Where rounds take long enough, a handful of members is paced like a thousand.
                let elapsed = Duration::from_micros(self.rng.u64(0..20_000));
                self.fanout.add_busy(AudienceId::FIRST, elapsed);
            }
        }
    }

    fn anybody(&mut self) -> Option<usize> {
        (!self.members.is_empty()).then(|| self.rng.usize(0..self.members.len()))
    }

    /// Something to say that tells itself from everything else, or next to nothing.
    fn words(&mut self) -> Rc<[u8]> {
        self.said += 1;
        let mut words = format!("{}:", self.said).into_bytes();
        let length = match self.rng.u8(0..20) {
            0 => 0,
            1 => self.rng.usize(0..900),
            _ => self.rng.usize(1..40),
        };
        words.resize(length, b'a' + self.rng.u8(0..26));
        words.into()
    }

    fn open(&mut self) {
        if self.members.len() < MOST_MEMBERS {
            self.opened += 1;
            let is_free = |key: &usize| self.members.iter().all(|m| m.id.index() != *key);
            let key = (0..MOST_MEMBERS).find(is_free).expect("one is free");
            let id = ClientId::new(key, self.opened);
            self.fanout.open(id);
            let feed = self.rng.usize(0..2);
            self.members.push(Member::new(id, feed));
        }
    }

    /// Somebody joins, with some of the history.
    fn follow(&mut self) {
        let Some(at) = self.anybody() else { return };
        if self.members[at].follows {
            return;
        }
        let id = self.members[at].id;
        let (audience, feed) = (self.members[at].audience, self.members[at].feed);
        let plain = &self.audiences[audience];
        if !self.open.contains(&audience) {
            return;
        }
        let mut from = 0;
        // What is trimmed first is sent first: history is for who has never followed.
        while self.members[at].is_fresh && from < plain.history.len() && self.rng.u8(0..5) > 0 {
            let first = self.rng.usize(from..plain.history.len());
            let last = (first + self.rng.usize(0..3)).min(plain.history.len() - 1);
            let range = plain.history[first][feed].start..plain.history[last][feed].end;
            self.fanout.replay(id, plain.id, feed, range.clone());
            self.mix.replayed += self.members[at].owe_kept(&plain.logs[feed], &range);
            from = last + 1;
        }
        self.fanout.follow(id, plain.id, feed);
        self.members[at].follows = true;
        self.members[at].is_fresh = false;
    }

    fn publish(&mut self) {
        let from = match self.rng.u8(0..10) {
            0 => None,
            1 => self.gone.last().copied(),
            _ => self.anybody().map(|at| self.members[at].id),
        };
        let words = self.words();
        let split = self.rng.usize(0..=words.len());
        let forms = [Rc::clone(&words), [&b"<"[..], &words, b">"].concat().into()];
        let parts = [&words[..split], &words[split..]];
        let messages: [(usize, &[&[u8]]); 2] = [(0, &parts), (1, &[&forms[1]])];
        let audience = self.rng.choice(self.open).unwrap_or_default();
        let plain = &mut self.audiences[audience];
        let ranges = self.fanout.publish(plain.id, from, &messages);
        let fits = |form: &Rc<[u8]>| form.len() + INDEX_ENTRY_BYTES <= self.limits.log_bytes;
        assert_eq!(ranges.is_some(), forms.iter().all(fits));
        let Some([first, second, ..]) = ranges else {
            return;
        };
        let ranges = [first, second];
        for ((log, form), range) in plain.logs.iter_mut().zip(&forms).zip(&ranges) {
            assert_eq!(log.append(form).as_ref(), Some(range));
        }
        plain.published += forms[1].len() as u64;
        let hears = |member: &&mut Member| member.follows && member.audience == audience;
        for member in self.members.iter_mut().filter(hears) {
            if Some(member.id) == from {
                self.mix.skipped_while_behind += usize::from(!member.owed.is_empty());
            } else {
                let feed = member.feed;
                member.owe(&forms[feed], Some(ranges[feed].start));
            }
        }
        plain.history.push(ranges);
        if plain.history.len() > 20 {
            plain.history.remove(0);
        }
    }

    fn send(&mut self) {
        if let Some(gone) = self.gone.last() {
            assert_eq!(self.fanout.send(*gone, b"nobody hears this"), Ok(()));
        }
        let Some(at) = self.anybody() else { return };
        let words = self.words();
        let member = &mut self.members[at];
        let was_full = self.fanout.above_high_water(member.id);
        match self.fanout.send(member.id, &words) {
            Ok(()) => {
                assert!(!was_full);
                self.mix.private_while_behind += usize::from(member.owes_shared());
                member.owe(&words, None);
            }
            Err(OutboxFull) => {
                assert!(was_full);
                assert!(member.could_hold_bytes() >= self.limits.max_pending_bytes);
                self.mix.outbox_full += 1;
            }
        }
    }

    /// Ends in good order: what is owed now stays owed.
    fn leave(&mut self) {
        let Some(at) = self.anybody() else { return };
        self.fanout.unfollow(self.members[at].id);
        self.members[at].follows = false;
        self.members[at].is_fresh = false;
    }

    /// Is to be told its last: of what it is owed, no more than what it has got in part.
    fn cut_short(&mut self) {
        let Some(at) = self.anybody() else { return };
        let words = self.words();
        let member = &mut self.members[at];
        if self.audiences[member.audience]
            .behind_bytes(member)
            .is_none()
        {
            // Sometimes TLS has sealed some of what comes next.
            let under_way_bytes = match self.rng.bool() {
                true => self.rng.usize(0..=member.owed_bytes()),
                false => 0,
            };
            self.mix.cut_short += usize::from(member.keep_begun(under_way_bytes));
            member.owe(&words, None);
            self.fanout.cut_short(member.id, under_way_bytes, &words);
            member.follows = false;
            member.is_fresh = false;
        }
    }

    /// Goes from one audience, or one feed, to another; or an audience that nobody follows is done
    /// with, and there is another in its place.
    fn move_somebody(&mut self) {
        let old = self.open[1];
        let follows = |member: &Member| member.follows && member.audience == old;
        if self.rng.bool() && !self.members.iter().any(follows) {
            self.fanout.remove_audience(self.audiences[old].id);
            let id = self.fanout.add_audience();
            self.open[1] = self.audiences.len();
            let plain = PlainAudience::new(id, self.limits.log_bytes);
            return self.audiences.push(plain);
        }
        let Some(at) = self.anybody() else { return };
        let audience = self.rng.choice(self.open).unwrap_or_default();
        let (feed, member) = (self.rng.usize(0..2), &mut self.members[at]);
        let is_torn = self.audiences[member.audience]
            .behind_bytes(member)
            .is_some();
        if is_torn || (member.audience, member.feed) == (audience, feed) {
            return;
        }
        self.mix.moved += usize::from(member.owes_shared());
        member.owed.iter_mut().for_each(|owed| owed.at = None);
        (member.audience, member.feed) = (audience, feed);
        member.follows = true;
        member.is_fresh = false;
        let to = self.audiences[audience].id;
        self.fanout.follow(member.id, to, feed);
    }

    /// Goes at once, whatever it is owed.
    fn vanish(&mut self) {
        let Some(at) = self.anybody() else { return };
        if self.rng.bool() {
            self.fanout.discard(self.members[at].id);
            assert!(self.fanout.is_clear(self.members[at].id));
        }
        self.mix.left_early += 1;
        self.forget(at);
    }

    fn forget(&mut self, at: usize) {
        let member = self.members.swap_remove(at);
        self.fanout.forget(member.id);
        self.gone.push(member.id);
        assert!(self.fanout.is_closing(member.id));
    }

    fn look_at_somebody(&mut self) {
        for plain in self.open.map(|at| &self.audiences[at]) {
            for (feed, log) in plain.logs.iter().enumerate() {
                assert_eq!(self.fanout.log_start(plain.id, feed), log.start());
            }
        }
        let Some(at) = self.anybody() else { return };
        let member = &self.members[at];
        assert_eq!(self.fanout.is_clear(member.id), member.owed.is_empty());
        if self.fanout.above_high_water(member.id) {
            assert!(!self.fanout.below_low_water(member.id));
        } else {
            assert!(member.private_bytes() < self.limits.max_pending_bytes);
        }
    }
}
