//! Three nodes with a real Redis between them, a proxy before each, and those who talk there.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::harness::{LINES, Launch, Server, until};
use crate::member::Member;
use crate::peer::Peer;

#[allow(dead_code, reason = "the module's own tests use more of it")]
#[path = "../../../src/hub/tests/proxy.rs"]
pub(crate) mod proxy;
#[allow(dead_code, reason = "the module's own tests use more of it")]
#[path = "../../../src/hub/tests/redis_server.rs"]
pub(crate) mod redis_server;

use proxy::Proxy;
use redis_server::RedisServer;

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Nodes are noticed as dead, and names as free, within this.
pub(crate) const DEAD_WITHIN: Duration = Duration::from_secs(25);

/// Longer than any failure of the hub is noticed late, and any node is away.
const BACK_WITHIN: Duration = Duration::from_secs(20);

/// For those who count what is said.
pub(crate) const QUIET: [&str; 4] = ["--history", "0", "--notices", "off"];

pub(crate) fn node(url: &str, name: &str, args: &[&str]) -> Launch {
    Launch::new("room")
        .listen(&[LINES])
        .args(&["--hub", url, "--node", name])
        .args(args)
}

pub(crate) struct Cluster {
    pub(crate) redis: RedisServer,
    pub(crate) proxies: [Proxy; 3],
    pub(crate) nodes: [Server; 3],
}

impl Cluster {
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::started(|_, launch| launch.args(args))
    }

    /// `with` completes the launch of each.
    pub(crate) fn started(with: impl Fn(usize, Launch) -> Launch) -> Self {
        let redis = RedisServer::start(&[]);
        let proxies = NAMES.map(|_| Proxy::start(redis.port));
        let at = |index: usize| with(index, node(&proxies[index].url(), NAMES[index], &[])).start();
        let nodes = [at(0), at(1), at(2)];
        Self {
            redis,
            proxies,
            nodes,
        }
    }

    /// A member on each node, once all have been told of all.
    pub(crate) fn members(&self, nicks: [&str; 3]) -> [Member; 3] {
        let mut members = [0, 1, 2].map(|at| Member::joins(&self.nodes[at], nicks[at]));
        for member in &mut members {
            sees(member, &nicks);
        }
        members
    }

    /// Until every node has logged these words so often.
    #[track_caller]
    pub(crate) fn all_log(&self, words: &str, times: usize) {
        for node in &self.nodes {
            until(words, BACK_WITHIN, || {
                node.stderr().text().matches(words).count() >= times
            });
        }
    }
}

/// Asks until all of these are here, and no others.
#[track_caller]
pub(crate) fn sees(member: &mut Member, nicks: &[&str]) {
    let mut expected: Vec<&str> = nicks.to_vec();
    expected.sort_unstable();
    let deadline = Instant::now() + DEAD_WITHIN;
    loop {
        let names = who(member);
        if names == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{names:?} are not {expected:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Who is here, in the order of their names.
#[track_caller]
pub(crate) fn who(member: &mut Member) -> Vec<String> {
    member.says("/who");
    let told = member.is_told(" here: ");
    let (_, names) = told.split_once(" here: ").unwrap();
    let mut names: Vec<String> = names.split(", ").map(str::to_owned).collect();
    names.sort_unstable();
    names
}

/// Two who speak on each node, and one who listens.
pub(crate) struct Talk {
    listeners: [Peer; 3],
    speakers: Vec<(Member, usize)>,
    heard: [Vec<String>; 3],
}

impl Talk {
    pub(crate) fn start(cluster: &Cluster) -> Self {
        let listener = |at: usize| Member::joins(&cluster.nodes[at], ["x", "y", "z"][at]).peer;
        let speakers = ["a1", "b1", "c1", "a2", "b2", "c2"].into_iter().enumerate();
        Self {
            listeners: [0, 1, 2].map(listener),
            speakers: speakers
                .map(|(at, nick)| (Member::joins(&cluster.nodes[at % 3], nick), 0))
                .collect(),
            heard: Default::default(),
        }
    }

    /// So many lines more of each.
    pub(crate) fn says(&mut self, lines: usize) {
        self.says_on(&[0, 1, 2], lines);
    }

    /// The same of those who are on these nodes.
    pub(crate) fn says_on(&mut self, nodes: &[usize], lines: usize) {
        for _ in 0..lines {
            for (at, (speaker, said)) in self.speakers.iter_mut().enumerate() {
                if nodes.contains(&(at % 3)) {
                    speaker.says(&said.to_string());
                    *said += 1;
                }
            }
        }
    }

    /// All of it, by all.
    #[track_caller]
    pub(crate) fn is_heard(&mut self) {
        (0..3).for_each(|at| self.is_heard_on(at));
    }

    /// All of it, on that node.
    #[track_caller]
    pub(crate) fn is_heard_on(&mut self, node: usize) {
        let said: usize = self.speakers.iter().map(|(_, said)| said).sum();
        let heard = &mut self.heard[node];
        while heard.len() < said {
            let line = self.listeners[node].line();
            if !line.starts_with("* ") {
                heard.push(line);
            }
        }
    }

    /// Nothing more comes; what has come is the same on all nodes, all of it and each once.
    #[track_caller]
    pub(crate) fn was_in_one_order(mut self) {
        self.says(1);
        self.is_heard();
        let mut next = BTreeMap::new();
        for line in &self.heard[0] {
            let (nick, number) = line.split_once(": ").unwrap();
            let expected = next.entry(nick).or_insert(0);
            assert_eq!(number.parse(), Ok(*expected), "{nick}");
            *expected += 1;
        }
        let said = self.speakers.iter().map(|(who, said)| (&*who.nick, *said));
        assert_eq!(next, said.collect());
        let [one, two, three] = &self.heard;
        let differs = one.iter().zip(two).zip(three);
        let first = differs.clone().position(|((a, b), c)| a != b || b != c);
        assert!(
            first.is_none(),
            "not one order: {:?}",
            differs
                .skip(first.unwrap_or(0))
                .take(20)
                .collect::<Vec<_>>()
        );
    }
}
