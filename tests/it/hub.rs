//! One room on three nodes, with a real Redis between them, and a proxy before each that fails.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::harness::{LINES, Launch, PATIENCE, Server, skipped, until};
use crate::member::Member;
use crate::peer::Peer;
use crate::upgrade::Succession;

#[allow(dead_code, reason = "the module's own tests use more of it")]
#[path = "../../src/hub/tests/proxy.rs"]
mod proxy;
#[allow(dead_code, reason = "the module's own tests use more of it")]
#[path = "../../src/hub/tests/redis_server.rs"]
mod redis_server;

use proxy::{Mode, Proxy, Way};
use redis_server::{RedisServer, is_there};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Nodes are noticed as dead, and names as free, within this.
const DEAD_WITHIN: Duration = Duration::from_secs(25);

fn node(url: &str, name: &str, args: &[&str]) -> Launch {
    Launch::new("room")
        .listen(&[LINES])
        .args(&["--hub", url, "--node", name])
        .args(args)
}

struct Cluster {
    redis: RedisServer,
    proxies: [Proxy; 3],
    nodes: [Server; 3],
}

impl Cluster {
    fn start(args: &[&str]) -> Self {
        let redis = RedisServer::start(&[]);
        let proxies = NAMES.map(|_| Proxy::start(redis.port));
        let at = |index: usize| node(&proxies[index].url(), NAMES[index], args).start();
        let nodes = [at(0), at(1), at(2)];
        Self {
            redis,
            proxies,
            nodes,
        }
    }

    /// A member on each node, once all have been told of all.
    fn members(&self, nicks: [&str; 3]) -> [Member; 3] {
        let mut members = [0, 1, 2].map(|at| Member::joins(&self.nodes[at], nicks[at]));
        for member in &mut members {
            sees(member, &nicks);
        }
        members
    }
}

/// Asks until all of these are here, and no others.
#[track_caller]
fn sees(member: &mut Member, nicks: &[&str]) {
    let mut expected: Vec<&str> = nicks.to_vec();
    expected.sort_unstable();
    let deadline = Instant::now() + DEAD_WITHIN;
    loop {
        member.says("/who");
        let told = member.is_told(" here: ");
        let (_, names) = told.split_once(" here: ").unwrap();
        let mut names: Vec<&str> = names.split(", ").collect();
        names.sort_unstable();
        if names == expected {
            return;
        }
        assert!(Instant::now() < deadline, "{names:?} are not {expected:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The lines of a listener up to so many of what others say.
#[track_caller]
fn said(listener: &mut Peer, lines: usize) -> Vec<String> {
    let mut heard = Vec::with_capacity(lines);
    while heard.len() < lines {
        let line = listener.line();
        if !line.starts_with("* ") {
            heard.push(line);
        }
    }
    heard
}

#[test]
fn members_of_all_nodes_are_in_one_room() {
    if !is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let [mut ann, mut bob, mut cid] = cluster.members(["ann", "bob", "cid"]);
    ann.says("hello");
    bob.hears("ann: hello");
    cid.hears("ann: hello");
    cid.says("/msg ann psst");
    ann.hears("[cid] psst");
    // A name is one member's on all of them.
    bob.says("/nick ann");
    bob.is_told("ann");
    let mut dee = Member::joins(&cluster.nodes[0], "dee");
    sees(&mut dee, &["ann", "bob", "cid", "dee"]);
    drop(cid);
    sees(&mut dee, &["ann", "bob", "dee"]);
}

#[test]
fn each_message_comes_once_and_in_one_order_whatever_happens_to_the_way() {
    const ROUNDS: usize = 12;
    const LINES_A_ROUND: usize = 50;
    if !is_there() {
        return;
    }
    let mut cluster = Cluster::start(&["--history", "0", "--notices", "off"]);
    let listeners = [0, 1, 2].map(|at| Member::joins(&cluster.nodes[at], ["x", "y", "z"][at]));
    let mut listeners = listeners.map(|member| member.peer);
    let nicks = ["a1", "a2", "b1", "b2", "c1", "c2"];
    let mut speakers: Vec<Member> = nicks
        .iter()
        .enumerate()
        .map(|(at, nick)| Member::joins(&cluster.nodes[at / 2], nick))
        .collect();
    let mut heard = [Vec::new(), Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        match round % 6 {
            1 => cluster.proxies[0].cut(),
            2 => cluster.proxies[1].cut_after(Way::ToServer, 1500),
            3 => cluster.proxies[2].cut_after(Way::ToClient, 1500),
            4 => cluster.proxies[round % 3].set(Mode::Delay(Duration::from_millis(20))),
            5 => {
                cluster.redis.kill();
                cluster.redis.start_again();
            }
            _ => {}
        }
        for line in 0..LINES_A_ROUND {
            for speaker in &mut speakers {
                speaker.says(&format!("{}", round * LINES_A_ROUND + line));
            }
        }
        for (listener, heard) in listeners.iter_mut().zip(&mut heard) {
            heard.extend(said(listener, LINES_A_ROUND * nicks.len()));
        }
        cluster
            .proxies
            .iter()
            .for_each(|proxy| proxy.set(Mode::Pass));
    }
    assert!(
        heard[0] == heard[1] && heard[1] == heard[2],
        "not one order"
    );
    let mut next = BTreeMap::new();
    for line in &heard[0] {
        let (nick, number) = line.split_once(": ").unwrap();
        let expected = next.entry(nick.to_owned()).or_insert(0);
        assert_eq!(number.parse(), Ok(*expected), "{nick}");
        *expected += 1;
    }
    assert_eq!(next.len(), nicks.len());
}

#[test]
fn while_the_hub_is_away_the_node_lives_and_what_is_said_waits() {
    if !is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let [mut ann, mut bob, mut cid] = cluster.members(["ann", "bob", "cid"]);
    cluster.redis.pause();
    ann.is_told("the hub is away");
    ann.says("first");
    ann.says("second");
    sees(&mut ann, &["ann", "bob", "cid"]);
    let mut dee = Member::joins(&cluster.nodes[0], "dee");
    sees(&mut dee, &["ann", "bob", "cid", "dee"]);
    cluster.nodes[0].does_not_spin();
    cluster.redis.go_on();
    ann.is_told("the hub is back");
    for member in [&mut bob, &mut cid, &mut dee] {
        member.hears("ann: first");
        member.hears("ann: second");
    }
}

#[test]
fn the_members_of_a_killed_node_leave_and_its_name_is_free() {
    if !is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let [mut ann, _bob, _cid] = cluster.members(["ann", "bob", "cid"]);
    cluster.nodes[2].signal(Signal::KILL);
    let began = Instant::now();
    let again = node(&cluster.redis.url(), "c", &[]).start();
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    sees(&mut ann, &["ann", "bob"]);
    let mut eve = Member::joins(&again, "eve");
    sees(&mut eve, &["ann", "bob", "eve"]);
}

#[test]
fn a_node_starts_at_a_hub_that_is_there_and_under_a_name_of_its_own() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let first = node(&redis.url(), "a", &[]).start();
    let mut second = node(&redis.url(), "a", &[]).spawn();
    assert_eq!(second.exit_code(), 1);
    let why = second.stderr().text();
    assert!(why.contains("node a is running already"), "{why}");
    // When it has ended in good order the name is free at once.
    first.signal(Signal::TERM);
    let url = redis.url();
    until("the name is free", PATIENCE, || {
        redis.say("EXISTS chinwag:node:a") == ":0\r\n"
    });
    drop(redis);
    let mut third = node(&url, "a", &[]).spawn();
    assert_eq!(third.exit_code(), 1);
    let why = third.stderr().text();
    assert!(why.contains("chinwag: join the hub at 127.0.0.1:"), "{why}");
}

/// Whoever comes first of all after a restart is told of all, and ruled by what was ordered before.
#[test]
fn a_node_that_starts_knows_all_before_its_first_client_comes() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "master\n").unwrap();
    let args = ["--operator-password-file", file.path().to_str().unwrap()];
    let first = node(&redis.url(), "a", &args).start();
    let mut ann = Member::joins(&first, "ann");
    ann.says("/op master");
    ann.says("/ban evil");
    ann.says("/topic chess");
    ann.is_told("set the topic: chess");
    for _ in 0..3 {
        let second = node(&redis.url(), "b", &[]).start();
        let mut peer = Peer::connect(&second);
        peer.send(b"/nick evil\n/nick ann\n");
        let mut told = String::new();
        while !told.contains("ann is taken") {
            told.push_str(&peer.line());
            told.push('\n');
        }
        assert!(told.contains("others here: 1;"), "{told}");
        assert!(told.contains("* topic: chess"), "{told}");
        assert!(told.contains("* that name is banned"), "{told}");
        assert!(!told.contains("ann joined"), "{told}");
    }
}

#[test]
fn a_node_whose_name_was_taken_tells_so_and_fails() {
    if !is_there() {
        return;
    }
    let cluster = Cluster::start(&[]);
    let mut ann = Member::joins(&cluster.nodes[0], "ann");
    cluster.proxies[0].set(Mode::Stall);
    ann.is_told("the hub is away");
    let _other = node(&cluster.redis.url(), "a", &[]).start();
    cluster.proxies[0].set(Mode::Pass);
    ann.is_told("another server has taken this one's place; it ends");
    let [mut first, ..] = cluster.nodes;
    assert_eq!(first.exit_code(), 1);
    let why = first.stderr().text();
    assert!(why.contains("another node has the name a now"), "{why}");
}

#[test]
fn no_signal_breaks_off_what_waits_for_the_hub() {
    if !is_there() {
        return;
    }
    let redis = RedisServer::start(&[]);
    let node = node(&redis.url(), "a", &[]).start();
    if !std::path::Path::new("/proc/self/task").exists() {
        return skipped("masks of threads: there is no /proc");
    }
    until("both threads take no signal", PATIENCE, || {
        let threads = std::fs::read_dir(format!("/proc/{}/task", node.id())).unwrap();
        let blocking = threads.filter(|thread| blocks_sighup(thread.as_ref().unwrap().path()));
        blocking.count() == 2
    });
}

/// Whether this thread of `/proc` is one of the hub's, and keeps SIGHUP from itself.
fn blocks_sighup(thread: PathBuf) -> bool {
    let status = std::fs::read_to_string(thread.join("status")).unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let mask = field("SigBlk:").and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let blocks = mask.is_some_and(|mask| mask & 1 << (Signal::HUP.as_raw() - 1) != 0);
    blocks && field("Name:").is_some_and(|name| name.contains("hub-"))
}

#[test]
fn in_the_sandbox_an_upgraded_node_reaches_the_hub() {
    if !is_there() {
        return;
    }
    let mut probe = Launch::new("echo").args(&["--sandbox"]).spawn();
    until("it starts or gives up", PATIENCE, || {
        probe.stdout().text().contains('\n') || !probe.is_running()
    });
    if !probe.is_running() {
        return skipped("--sandbox: this kernel has no Landlock");
    }
    let redis = RedisServer::start(&[]);
    let url = redis.url();
    let other = node(&url, "b", &[]).start();
    let mut upgraded = Succession::of(node(&url, "a", &["--sandbox"]).start());
    let mut ann = Member::joins(&upgraded.server, "ann");
    let mut bob = Member::joins(&other, "bob");
    sees(&mut ann, &["ann", "bob"]);
    upgraded.upgrades();
    ann.says("still here");
    bob.hears("ann: still here");
    bob.says("so am I");
    ann.hears("bob: so am I");
}
