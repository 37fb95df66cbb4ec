//! The thread that writes: entries in the order in which they were appended, as many at once as have
//! come together while the ones before were on their way.

use std::time::{Duration, Instant};

use super::config::HubConfig;
use super::connection::Connection;
use super::port::{Shared, Work};

/// How often the node says that it is here.
const RENEW_EVERY: Duration = Duration::from_secs(2);

/// What is sent at once: Redis does nothing else meanwhile.
const BATCH_ENTRIES: usize = 1000;
const BATCH_BYTES: usize = 1 << 20;

struct Writer<'a> {
    shared: &'a Shared,
    config: &'a HubConfig,
    boot: &'a str,
    renew_at: Instant,
}

pub(super) fn run(shared: &Shared, config: &HubConfig, boot: &str) {
    let mut writer = Writer {
        shared,
        config,
        boot,
        renew_at: Instant::now() + RENEW_EVERY,
    };
    let (mut connection, mut spare) = (None, Vec::new());
    while let Some(mut work) = shared.next_work(writer.renew_at, spare) {
        connection = work.connection.take().or(connection);
        let done = match &mut connection {
            Some(hub) => writer.write(hub, &work),
            None => Err("there is no connection to it".to_owned()),
        };
        match done {
            Ok(()) if work.is_last => return shared.on_end(),
            Ok(()) => {}
            Err(why) => {
                connection = None;
                shared.fail(work.epoch, why);
            }
        }
        spare = work.batch;
        spare.clear();
    }
}

impl Writer<'_> {
    fn write(&mut self, hub: &mut Connection, work: &Work) -> Result<(), String> {
        let mut rest = work.batch.as_slice();
        while !rest.is_empty() {
            self.renew(hub)?;
            let (batch, later) = rest.split_at(at_once(rest));
            hub.append(&self.config.key, batch)?;
            rest = later;
        }
        for (name, data) in &work.snapshots {
            hub.leave_snapshot(&self.config.snapshot_key(name), data)?;
        }
        match work.is_last {
            true => hub.release_name(self.config, self.boot),
            false => self.renew(hub),
        }
    }

    fn renew(&mut self, hub: &mut Connection) -> Result<(), String> {
        let now = Instant::now();
        if now < self.renew_at {
            return Ok(());
        }
        let is_ours = hub.renew_name(self.config, self.boot)?;
        self.shared.set_name_taken(!is_ours);
        self.renew_at = now + RENEW_EVERY;
        Ok(())
    }
}

/// How many of these go at once: at least one.
fn at_once(rest: &[Vec<u8>]) -> usize {
    let mut bytes = 0;
    let fitting = rest.iter().take(BATCH_ENTRIES).take_while(|data| {
        bytes += data.len();
        bytes <= BATCH_BYTES
    });
    fitting.count().max(1)
}
