//! The stages of a run, which all threads pass together: connect, find out who is there, load, wait
//! for the last messages.

use super::*;
use crate::bench::load::schedule::Ticks;
use crate::bench::measure::verdict::{INTERRUPTED, exit_code};

/// Connections being made at the same time.
pub(super) const PENDING_MAX: usize = 256;
/// A full queue: again after this.
const RETRY_NS: u64 = 1_000_000;
/// A probe that not everybody heard: again after this, then after twice that, and so on.
const PROBE_AGAIN_NS: u64 = 10_000_000;
const PROBE_AGAIN_NS_MAX: u64 = 640_000_000;
/// After the last message has come: time for one that comes twice.
const LINGER_NS: u64 = 50_000_000;
/// Waiting for the last messages ends after this, even while some still come: a minute.
const DRAIN_NS_MAX: u64 = 60_000_000_000;
/// So often a thread looks whether it was interrupted, or whether the others are done.
const LOOK_EVERY_NS: u64 = 200_000_000;
const LOOK_AT_OTHERS_EVERY_NS: u64 = 1_000_000;
/// The load of several threads begins so much after all are ready: each has to hear of it.
const START_AHEAD_NS: u64 = 10_000_000;
/// What fell due in the last moments is still sent for so long after the end.
const LAST_SENDING_NS: u64 = 10_000_000;

impl Driver<'_> {
    /// The whole run. Afterwards `engine` has the accounts, which are closed, and the metrics.
    ///
    /// # Errors
    /// It could not be prepared, or the poll failed. What goes wrong under load is a figure.
    pub(crate) fn run(&mut self, watcher: &mut dyn Watcher) -> Result<(), CliError> {
        let mut events = Events::with_capacity(EVENTS_PER_ITERATION);
        self.mark(watcher, Mark::Before);
        self.connect(&mut events)?;
        self.wait_for_all(&mut events, Point::Connected)?;
        self.find_all(&mut events)?;
        self.is_preparing = false;
        self.last_words = HashMap::new();
        self.mark(watcher, Mark::Ready);
        let start_ns = self.agree_on_start(&mut events)?;
        self.put_load(&mut events, watcher, start_ns)?;
        self.wait_for_all(&mut events, Point::Stopped)?;
        self.drain(&mut events)?;
        self.engine.close();
        let rest = self.engine.metrics_mut().take_rest();
        let _ = self.seconds.send(rest);
        Ok(())
    }

    /// Tells the watcher, if this is the thread that does.
    fn mark(&self, watcher: &mut dyn Watcher, mark: Mark) {
        if self.thread == 0 {
            watcher.mark(mark, self.now_ns());
        }
    }

    /// How long a thread may wait without looking at the others.
    fn look_every_ns(&self) -> u64 {
        if self.shared.threads == 1 {
            LOOK_EVERY_NS
        } else {
            LOOK_AT_OTHERS_EVERY_NS
        }
    }

    /// Comes to `point`, and waits for the others to come there too; reads meanwhile.
    fn wait_for_all(&mut self, events: &mut Events, point: Point) -> Result<(), CliError> {
        self.shared.pass(point);
        while !self.shared.all_passed(point) {
            self.give_up_if_others_failed()?;
            self.iterate(events, self.now_ns() + LOOK_AT_OTHERS_EVERY_NS)?;
        }
        Ok(())
    }

    /// The reason is the other thread's to tell.
    fn give_up_if_others_failed(&self) -> Result<(), CliError> {
        if self.shared.has_failed() {
            return Err(CliError::runtime("another thread has failed"));
        }
        Ok(())
    }

    fn connect(&mut self, events: &mut Events) -> Result<(), CliError> {
        let load = self.load;
        let (thread, threads) = (self.thread, self.shared.threads);
        let total = load.lasting_connections();
        let mine = part(total, thread, threads);
        let start_ns = self.now_ns();
        let ticks = load.settings.connect_per_s;
        let ticks = ticks.map(|per_s| Ticks::new(start_ns, per_s));
        let (mut dialled, mut seen) = (0, 0);
        let mut deadline_ns = self.timeout_ns();
        while self.open + self.others_open < mine {
            let now_ns = self.now_ns();
            let mut again_ns = NEVER;
            while dialled < mine && self.pending < PENDING_MAX {
                let number = dialled * threads + thread;
                // What was due before counts from then on, also when it had to wait for others.
                let due_ns = match ticks {
                    Some(ticks) => ticks.due_ns(number as u64),
                    None => self.now_ns(),
                };
                if due_ns > now_ns && ticks.is_some() {
                    again_ns = due_ns;
                    break;
                }
                if self.dial(self.role_of(number), due_ns)?.is_none() {
                    again_ns = now_ns + RETRY_NS;
                    break;
                }
                dialled += 1;
            }
            let look_ns = now_ns + self.look_every_ns();
            self.iterate(events, again_ns.min(deadline_ns).min(look_ns))?;
            let open = self.open + self.others_open;
            let waits_for_its_time = ticks.is_some() && again_ns != NEVER && self.pending == 0;
            if open > seen || waits_for_its_time {
                self.shared
                    .open
                    .fetch_add(open.saturating_sub(seen), Ordering::Relaxed);
                seen = open;
                deadline_ns = self.timeout_ns();
            }
            let all_open = || self.shared.open.load(Ordering::Relaxed);
            self.check_wait(deadline_ns, all_open, total, "opened")?;
        }
        let open = self.open + self.others_open;
        self.shared
            .open
            .fetch_add(open.saturating_sub(seen), Ordering::Relaxed);
        Ok(())
    }

    /// What the connection with this number is for. Members come first, so that their keys are
    /// their numbers.
    fn role_of(&self, number: usize) -> Role {
        let settings = &self.load.settings;
        if number < settings.connections {
            Role::Member
        } else if number < settings.connections + settings.idle {
            Role::Idle
        } else {
            Role::Slow
        }
    }

    /// Has each member prove that the server knows of it, so that it is owed all that is sent from
    /// now on.
    fn find_all(&mut self, events: &mut Events) -> Result<(), CliError> {
        let total = self.load.settings.connections;
        let is_echo = self.load.scenario == Scenario::Echo;
        let probed = |driver: &Self| driver.shared.probed.load(Ordering::Acquire);
        let mut deadline_ns = self.timeout_ns();
        let mut again_after_ns = PROBE_AGAIN_NS;
        // In an echo each has asked when it came.
        let mut probe_ns = if is_echo {
            self.now_ns() + PROBE_AGAIN_NS_MAX
        } else {
            0
        };
        let (mut seen, mut was_first_left) = (probed(self), false);
        let mut round = 0;
        while probed(self) < total {
            self.give_up_if_others_failed()?;
            let now_ns = self.now_ns();
            if now_ns >= probe_ns {
                probe_ns = now_ns + again_after_ns;
                again_after_ns = PROBE_AGAIN_NS_MAX.min(again_after_ns * 2);
                self.ask_around(now_ns, round);
                round += 1;
            }
            let look_ns = now_ns + self.look_every_ns();
            self.iterate(events, probe_ns.min(deadline_ns).min(look_ns))?;
            let heard = probed(self);
            if heard > seen {
                seen = heard;
                deadline_ns = self.timeout_ns();
            }
            // Those who have asked do not hear themselves: now the others ask.
            let is_first_left = !is_echo && heard + self.ways.count() >= total;
            if is_first_left && !std::mem::replace(&mut was_first_left, true) {
                probe_ns = 0;
            }
            self.check_wait(deadline_ns, || heard, total, "had an answer")?;
        }
        Ok(())
    }

    /// In a room the first member of each node asks for the others, and in the next round the
    /// second for the first, and so on by turns: who is on a node is known without a word from
    /// another one, and what nodes do not pass on is lost, and found under load. In an echo, each
    /// that has not heard itself asks once more.
    fn ask_around(&mut self, now_ns: u64, round: usize) {
        if self.load.scenario != Scenario::Echo {
            let nodes = self.ways.count();
            let (thread, threads) = (self.thread, self.shared.threads);
            let first = round % 2 * nodes;
            let probers = first..(first + nodes).min(self.load.settings.connections);
            for prober in probers.filter(|prober| prober % threads == thread) {
                self.probe(prober / threads, now_ns);
            }
            return;
        }
        let members = part(
            self.load.settings.connections,
            self.thread,
            self.shared.threads,
        );
        for member in 0..members {
            if !self.engine.recorder().is_probed(member) {
                self.probe(member, now_ns);
            }
        }
    }

    /// When the load begins: the first thread says so.
    fn agree_on_start(&mut self, events: &mut Events) -> Result<u64, CliError> {
        if self.shared.threads == 1 {
            return Ok(self.now_ns());
        }
        if self.thread == 0 {
            self.shared.set_start(self.now_ns() + START_AHEAD_NS);
        }
        loop {
            self.give_up_if_others_failed()?;
            match self.shared.start() {
                Some(start_ns) if start_ns <= self.now_ns() => return Ok(start_ns),
                Some(start_ns) => self.iterate(events, start_ns)?,
                None => self.iterate(events, self.now_ns() + LOOK_AT_OTHERS_EVERY_NS)?,
            }
        }
    }

    fn put_load(
        &mut self,
        events: &mut Events,
        watcher: &mut dyn Watcher,
        start_ns: u64,
    ) -> Result<(), CliError> {
        self.engine.start(self.load, start_ns);
        self.background.start(start_ns);
        let from_ns = self.engine.metrics().window().from_ns;
        let (mut stage, mut stall_ns) = (Stage::WarmingUp, self.timeout_ns());
        let mut received = 0;
        self.set_stage(stage);
        loop {
            let now_ns = self.now_ns();
            if stage == Stage::WarmingUp && now_ns >= from_ns {
                stage = Stage::Measuring;
                self.set_stage(stage);
                self.mark(watcher, Mark::From);
                let used = self.used();
                self.engine.metrics_mut().begin(used);
                self.woke_ns = now_ns;
            }
            self.engine
                .metrics_mut()
                .close_window(self.shared.early_end_ns());
            // A run that ends with its messages ends also when none come back any more.
            if self.told_received > received {
                received = self.told_received;
                stall_ns = self.timeout_ns();
            }
            let is_stalled = self.load.settings.duration_s.is_none()
                && self.load.settings.in_flight.is_some()
                && now_ns >= stall_ns;
            let is_over = self.shared.is_interrupted() || self.open == 0 || is_stalled;
            if is_over {
                self.shared.end_early(now_ns);
                self.engine.metrics_mut().close_window(now_ns);
            }
            let to_ns = self.engine.metrics().window().to_ns;
            if now_ns >= to_ns || is_over || self.shared.has_failed() {
                if stage == Stage::WarmingUp {
                    self.mark(watcher, Mark::From);
                }
                self.mark(watcher, Mark::To);
                break;
            }
            let next_ns = if stage == Stage::WarmingUp {
                from_ns
            } else {
                to_ns
            };
            self.send_what_is_due(now_ns);
            self.iterate(events, next_ns.min(now_ns + self.look_every_ns()))?;
        }
        self.end_load();
        Ok(())
    }

    /// Sends what fell due in the last moments, and then nothing any more.
    fn end_load(&mut self) {
        let (mut now_ns, to_ns) = (self.now_ns(), self.engine.metrics().window().to_ns);
        // From now on: what fell due while the thread had no core is late, and not unsent.
        let until_ns = to_ns.max(now_ns).saturating_add(LAST_SENDING_NS);
        self.engine.issue(now_ns);
        while self.engine.has_ready_senders() && now_ns < until_ns && !self.shared.is_interrupted()
        {
            self.send_next(now_ns);
            now_ns = self.now_ns();
        }
        let used = self.used();
        self.engine.stop(now_ns);
        let last = self.engine.metrics_mut().end_last_second(used);
        let _ = self.seconds.send(last);
        self.background.stop();
        self.set_stage(Stage::Draining);
    }

    fn set_stage(&self, stage: Stage) {
        if self.thread == 0 {
            self.shared.set_stage(stage);
        }
    }

    /// Waits for what is still on its way, within bounds.
    fn drain(&mut self, events: &mut Events) -> Result<(), CliError> {
        let end_ns = self.now_ns().saturating_add(DRAIN_NS_MAX);
        let mut deadline_ns = self.timeout_ns();
        let received = |driver: &Self| driver.shared.received.load(Ordering::Relaxed);
        let mut seen = received(self);
        let mut has_passed = false;
        while !self.shared.all_passed(Point::Drained) {
            let now_ns = self.now_ns();
            let is_over = self.shared.is_interrupted() || now_ns >= deadline_ns.min(end_ns);
            if !has_passed && (is_over || self.engine.recorder().is_all_done()) {
                has_passed = true;
                self.shared.pass(Point::Drained);
                continue;
            }
            self.give_up_if_others_failed()?;
            self.iterate(
                events,
                deadline_ns
                    .min(now_ns + self.look_every_ns())
                    .max(now_ns + 1),
            )?;
            if received(self) > seen {
                seen = received(self);
                deadline_ns = self.timeout_ns();
            }
        }
        let linger_ns = self.now_ns() + LINGER_NS;
        while self.now_ns() < linger_ns {
            self.iterate(events, linger_ns)?;
        }
        self.wait_for_all(events, Point::Over)
    }

    fn check_wait(
        &self,
        deadline_ns: u64,
        have: impl Fn() -> usize,
        total: usize,
        what: &str,
    ) -> Result<(), CliError> {
        if self.shared.is_interrupted() {
            let why = format!("{}: {INTERRUPTED}", self.name);
            let code = exit_code(INTERRUPTED);
            return Err(CliError::with_exit_code(why, code));
        }
        self.give_up_if_others_failed()?;
        if self.now_ns() < deadline_ns {
            return Ok(());
        }
        Err(CliError::runtime(format!(
            "{}: {} of {total} connections {what}, the others did not within {:?}; {}",
            self.name,
            have(),
            self.load.settings.timeout(),
            self.hint()
        )))
    }
}
