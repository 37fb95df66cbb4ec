//! Five million deliveries through a hub, each checked, while Redis, the nodes and what is between
//! them fail in every way there is.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::Bound;
use crate::checked_clients::CheckedClients;
use crate::cluster::proxy::{Mode, Proxy, Way};
use crate::cluster::redis_server::{RedisServer, is_there};
use crate::cluster::{Cluster, QUIET};
use crate::harness::{ANY, serial};
use crate::speech::Speech;
use crate::stopped;
use crate::succession::Succession;

const DELIVERIES: u64 = 5_000_000;

/// On each of three nodes; and so many who only listen.
const SENDERS: usize = 20;
const LISTENERS: usize = 3;

/// Between two failures.
const CALM: Duration = Duration::from_secs(3);

/// What fails, one after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    RedisStands,
    RedisIsKilled,
    RedisIsFull,
    RedisIsEmptied,
    /// As after a failover to a replica that was behind.
    RedisLosesItsEnd,
    NodeStands,
    NodeIsUpgraded,
    WayIsCut,
    WayEndsInTheMiddle,
    WayIsSlow,
}

const FAULTS: [Fault; 10] = [
    Fault::RedisStands,
    Fault::NodeStands,
    Fault::RedisIsKilled,
    Fault::WayIsCut,
    Fault::RedisIsFull,
    Fault::NodeIsUpgraded,
    Fault::WayEndsInTheMiddle,
    Fault::RedisIsEmptied,
    Fault::WayIsSlow,
    Fault::RedisLosesItsEnd,
];

impl Fault {
    fn lasts(self) -> Duration {
        Duration::from_millis(match self {
            Self::RedisStands => 3000,
            Self::RedisIsFull | Self::WayIsSlow => 2000,
            Self::NodeStands => 1500,
            _ => 0,
        })
    }
}

struct Faults {
    redis: RedisServer,
    proxies: [Proxy; 3],
    nodes: [Succession; 3],
    /// Redis' file as it was some time ago.
    kept: tempfile::TempDir,
    count: usize,
    /// What fails now, and until when; or what was last, and when the next comes.
    now: Option<Fault>,
    until: Instant,
}

impl Faults {
    fn of(cluster: Cluster) -> Self {
        Self {
            redis: cluster.redis,
            proxies: cluster.proxies,
            nodes: cluster.nodes.map(Succession::of),
            kept: tempfile::tempdir().unwrap(),
            count: 0,
            now: None,
            until: Instant::now() + CALM,
        }
    }

    /// Begins and ends what is due.
    fn turn(&mut self) {
        let is_due = match self.now {
            // Whose process it is from here on has to be known.
            Some(Fault::NodeIsUpgraded) => self.nodes[self.last_at()].has_upgraded(),
            _ => Instant::now() >= self.until,
        };
        if !is_due {
            return;
        }
        match self.now.take() {
            Some(fault) => {
                self.end(fault);
                self.until = Instant::now() + CALM;
            }
            None => {
                let fault = FAULTS[self.count % FAULTS.len()];
                self.begin(fault);
                self.count += 1;
                self.now = Some(fault);
                self.until = Instant::now() + fault.lasts();
            }
        }
    }

    /// Which node's turn it is.
    fn at(&self) -> usize {
        self.count / FAULTS.len() % 3
    }

    /// Whose turn it was last.
    fn last_at(&self) -> usize {
        (self.count - 1) / FAULTS.len() % 3
    }

    fn begin(&mut self, fault: Fault) {
        let at = self.at();
        let Self { redis, proxies, .. } = self;
        match fault {
            Fault::RedisStands => redis.pause(),
            Fault::RedisIsKilled => {
                redis.kill();
                redis.start_again();
            }
            Fault::RedisIsFull => drop(redis.say("CONFIG SET maxmemory 1")),
            Fault::RedisIsEmptied => drop(redis.say("FLUSHALL")),
            Fault::RedisLosesItsEnd => {
                redis.kill();
                copy(self.kept.path(), &redis.append_only_folder());
                redis.start_again();
            }
            Fault::NodeStands => self.nodes[at].signal(Signal::STOP),
            Fault::NodeIsUpgraded => self.nodes[at].signal(Signal::USR2),
            Fault::WayIsCut => proxies[at].cut(),
            Fault::WayEndsInTheMiddle => {
                proxies[at].cut_after(Way::ToServer, 150_000);
                proxies[(at + 1) % 3].cut_after(Way::ToClient, 150_000);
            }
            Fault::WayIsSlow => proxies[at].set(Mode::Delay(Duration::from_millis(20))),
        }
    }

    fn end(&mut self, fault: Fault) {
        let at = self.last_at();
        let Self { redis, proxies, .. } = self;
        match fault {
            Fault::RedisStands => redis.go_on(),
            Fault::RedisIsFull => drop(redis.say("CONFIG SET maxmemory 0")),
            Fault::NodeStands => self.nodes[at].signal(Signal::CONT),
            Fault::WayIsSlow => {
                proxies[at].set(Mode::Pass);
                // The next but one takes away what comes from here on.
                copy(&redis.append_only_folder(), self.kept.path());
            }
            _ => {}
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

#[test]
#[ignore = "minutes of load"]
fn millions_of_deliveries_through_a_hub_under_faults() {
    if !is_there() {
        return;
    }
    let _alone = serial();
    let cluster = Cluster::started(|_, launch| {
        launch
            .listen(&[ANY])
            .args(&QUIET)
            .args(&["--log-size", "64m"])
    });
    let speeches = [Speech::Lines, Speech::WebSocket, Speech::Irc];
    let nodes = cluster.nodes.each_ref();
    let (senders, count) = (3 * SENDERS, 3 * (SENDERS + LISTENERS));
    let mut clients = CheckedClients::joins_in(&nodes, &speeches, count, senders, 40);
    let mut faults = Faults::of(cluster);
    let (start, bound) = (Instant::now(), Bound::new());
    clients.says(0);
    while clients.heard() < DELIVERIES || faults.count < 2 * FAULTS.len() || faults.now.is_some() {
        clients.says_more(100);
        clients.turn();
        bound.check(|| format!("{}, after {} faults", clients.state(), faults.count));
        faults.turn();
    }
    clients.says_last();
    while !clients.is_done() {
        clients.turn();
        bound.check(|| clients.state());
    }
    clients.agrees();
    eprintln!(
        "{} deliveries checked in {:.1?}, of {} messages, on three nodes; {} faults; 0 lost, \
         doubled, torn or in another order",
        clients.heard(),
        start.elapsed(),
        clients.said,
        faults.count,
    );
}

#[test]
#[ignore = "a minute"]
fn a_node_that_stands_for_a_minute_goes_on() {
    stopped::goes_on_after(Duration::from_secs(60));
}
