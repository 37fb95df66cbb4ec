//! What the reactor does with a fanout: flushes into sockets that take a little or a lot, and looks
//! for laggards.

use super::plain::{Member, PlainAudience, Sink};
use super::{ClientId, Flushed, Model};

impl Model {
    pub(super) fn unblock(&mut self, at: usize) {
        self.members[at].blocked = false;
        self.fanout.unblock(self.members[at].id);
    }

    /// Some flushes, as the reactor makes them, into sockets that take a little or a lot.
    pub(super) fn take_turn(&mut self) {
        for _ in 0..self.fanout.urgent_len() {
            if let Some(id) = self.fanout.next_urgent() {
                let room = self.some_room();
                self.flush(id, room);
            }
        }
        for _ in 0..self.rng.u8(0..6) {
            if let Some(id) = self.next_due() {
                let room = self.some_room();
                self.flush(id, room);
            }
        }
    }

    fn next_due(&mut self) -> Option<ClientId> {
        let audience = self.fanout.next_round(self.now)?;
        self.fanout.next_due(audience, self.now)
    }

    fn some_room(&mut self) -> usize {
        match self.rng.u8(0..8) {
            0..3 => 0,
            3 => self.rng.usize(1..4),
            4 => self.rng.usize(1..30),
            5 => self.rng.usize(1..300),
            _ => usize::MAX,
        }
    }

    /// Whoever can take something gets all that it is owed, however the rest of them stand.
    pub(super) fn serve_everybody(&mut self) {
        loop {
            if let Some(id) = self.fanout.next_urgent() {
                self.flush(id, usize::MAX);
            } else if let Some(id) = self.next_due() {
                self.flush(id, usize::MAX);
            } else if let Some(due) = self.fanout.round_due(self.now) {
                assert!(due > self.now, "due, but not in the round");
                self.mix.paced += 1;
                self.now = due;
            } else {
                break;
            }
        }
        let mut awake = self.members.iter().filter(|member| !member.blocked);
        assert!(awake.all(|member| member.owed.is_empty()), "passed over");
    }

    fn flush(&mut self, id: ClientId, room: usize) {
        let here = |member: &Member| member.id == id;
        let at = self.members.iter().position(here).expect("it is here");
        let member = &mut self.members[at];
        assert!(!member.blocked, "flushed in vain");
        let behind = self.audiences[member.audience].behind_bytes(member);
        let mut sink = Sink::new(room, &mut self.rng);
        let flushed = self.fanout.flush(id, &mut sink, self.now);
        member.take(&sink.taken);
        self.mix.interrupted += usize::from(sink.interrupted);
        match flushed {
            Flushed::Lagged(lagged) => {
                assert_eq!(Some(lagged.behind_bytes), behind);
                assert!(sink.taken.is_empty());
                self.mix.lagged += 1;
                self.forget(at);
            }
            _ if behind.is_some() => panic!("it has lagged, and was told {flushed:?}"),
            Flushed::Clear => assert!(member.owed.is_empty()),
            Flushed::Blocked { progress } => {
                assert_eq!(progress, !sink.taken.is_empty());
                assert!(!member.owed.is_empty() && sink.is_full());
                self.mix.partial += usize::from(progress);
                member.blocked = true;
            }
            Flushed::Failed(error) => panic!("{error}"),
        }
    }

    /// Looks for those who will never catch up, and finds each of them.
    pub(super) fn sweep(&mut self) {
        let step = (self.limits.log_bytes as u64 / 16).max(1);
        let is_due = |plain: &PlainAudience| plain.published - plain.swept_at >= step;
        let due: Vec<usize> = (0..self.audiences.len())
            .filter(|at| is_due(&self.audiences[*at]))
            .collect();
        let found = self.fanout.take_laggards(self.now);
        for laggard in found.iter().filter(|laggard| laggard.is_torn) {
            let here = |member: &Member| member.id == laggard.id;
            let at = self.members.iter().position(here).expect("it is here");
            let member = &self.members[at];
            let behind = self.audiences[member.audience].behind_bytes(member);
            assert_eq!(Some(laggard.behind_bytes), behind);
            self.mix.lagged += 1;
            self.forget(at);
        }
        for at in due {
            let plain = &mut self.audiences[at];
            plain.swept_at = plain.published;
            let is_behind = |member: &Member| plain.behind_bytes(member).is_some();
            let mut members = self.members.iter().filter(|member| member.audience == at);
            assert!(!members.any(is_behind), "a laggard stays");
        }
    }
}
