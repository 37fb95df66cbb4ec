//! One room on several nodes, with a hub that the test plays: a stream of entries, which each node
//! reads on when it is told to, and which fails as real ones do.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use super::super::hub::Start;
use super::hall::Hall;
use super::*;
use crate::hub::{Entry, EntryId, HubEvent, HubPort};
use crate::protocol::Encoding;
use crate::service::Input;
use crate::testing::seeds::for_each_seed;
use crate::testing::some_time;

/// What Redis would have.
#[derive(Default)]
struct Stream {
    entries: Vec<Entry>,
    snapshots: HashMap<String, Vec<u8>>,
    last_ms: u64,
}

type Shared = Arc<Mutex<Stream>>;

fn lock(stream: &Shared) -> MutexGuard<'_, Stream> {
    stream.lock().unwrap()
}

/// One node's way to it.
#[derive(Default)]
struct Link {
    /// Appended and not there yet.
    under_way: Vec<Vec<u8>>,
    /// The hub has failed, and the room has not said that it knows.
    is_closed: bool,
    wanted: Option<String>,
}

struct Port {
    stream: Shared,
    link: Arc<Mutex<Link>>,
}

impl HubPort for Port {
    fn append(&mut self, data: Vec<u8>) {
        let mut link = self.link.lock().unwrap();
        if !link.is_closed {
            link.under_way.push(data);
        }
    }

    fn start_again(&mut self) {
        self.link.lock().unwrap().is_closed = false;
    }

    fn offer_snapshot(&mut self, to: &str, data: Vec<u8>) {
        lock(&self.stream).snapshots.insert(to.to_owned(), data);
    }

    fn want_snapshot(&mut self, name: &str) {
        self.link.lock().unwrap().wanted = Some(name.to_owned());
    }

    fn hand_over(&mut self) {}

    fn take_back(&mut self) {}
}

struct Node {
    hall: Hall,
    link: Arc<Mutex<Link>>,
    /// How many entries it has read.
    read: usize,
    is_away: bool,
}

struct Cluster {
    stream: Shared,
    nodes: BTreeMap<&'static str, Node>,
}

fn told_of_all() -> Config {
    Config {
        notices: Notices::On,
        history_lines: 50,
        operator_password: Some(Password::new(b"master").unwrap()),
        ..plain()
    }
}

impl Cluster {
    fn of(names: &[&'static str]) -> Self {
        let mut cluster = Self {
            stream: Shared::default(),
            nodes: BTreeMap::new(),
        };
        lock(&cluster.stream).last_ms = 1_795_693_984_000;
        for name in names {
            cluster.starts(name);
            cluster.settles();
        }
        cluster
    }

    fn starts(&mut self, name: &'static str) {
        let link = Arc::<Mutex<Link>>::default();
        let port = Port {
            stream: Arc::clone(&self.stream),
            link: Arc::clone(&link),
        };
        let tail = lock(&self.stream).entries.clone();
        let start = Start {
            node: name.to_owned(),
            boot: name.to_owned(),
            position: tail.last().map_or(EntryId::START, |last| last.id),
            tail,
            port: Box::new(port),
        };
        let hall = Hall::new(told_of_all()).with(|room| room.with_hub(some_time(), start));
        let read = lock(&self.stream).entries.len();
        let node = Node {
            hall,
            link,
            read,
            is_away: false,
        };
        self.nodes.insert(name, node);
    }

    fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.get_mut(name).unwrap()
    }

    fn comes(&mut self, node: &str, name: &str) {
        let hall = &mut self.node(node).hall;
        hall.comes(name, Encoding::Lines);
        hall.says(name, format!("/nick {name}"));
    }

    /// What a node has appended is in the stream.
    fn sends(&mut self, name: &str) {
        let count = self.node(name).link.lock().unwrap().under_way.len();
        self.sends_some(name, count);
    }

    fn sends_some(&mut self, name: &str, count: usize) {
        let node = &self.nodes[name];
        if node.is_away {
            return;
        }
        let mut link = node.link.lock().unwrap();
        let count = count.min(link.under_way.len());
        let mut stream = lock(&self.stream);
        for data in link.under_way.drain(..count) {
            stream.last_ms += 1;
            let (ms, seq) = (stream.last_ms, 0);
            let id = EntryId { ms, seq };
            stream.entries.push(Entry { id, data });
        }
    }

    /// A node is told of so many entries more.
    fn reads_some(&mut self, name: &str, count: usize) {
        let stream = Arc::clone(&self.stream);
        let node = self.node(name);
        if node.is_away {
            return;
        }
        let wanted = node.link.lock().unwrap().wanted.clone();
        let snapshot = wanted.and_then(|wanted| lock(&stream).snapshots.remove(&wanted));
        if let Some(snapshot) = snapshot {
            node.link.lock().unwrap().wanted = None;
            node.happens(HubEvent::Snapshot(snapshot));
        }
        let entries: Vec<Entry> = {
            let stream = lock(&stream);
            let rest = &stream.entries[node.read.min(stream.entries.len())..];
            rest.iter().take(count).cloned().collect()
        };
        node.read += entries.len();
        if !entries.is_empty() {
            node.happens(HubEvent::Entries(entries));
        }
    }

    /// All that is under way arrives.
    fn settles(&mut self) {
        let names: Vec<&str> = self.nodes.keys().copied().collect();
        loop {
            for name in &names {
                self.sends(name);
                self.reads_some(name, usize::MAX);
            }
            let end = lock(&self.stream).entries.len();
            let is_quiet = |node: &Node| {
                let link = node.link.lock().unwrap();
                node.is_away || node.read == end && link.under_way.is_empty()
            };
            if self.nodes.values().all(is_quiet) {
                let wants = |node: &Node| node.link.lock().unwrap().wanted.clone();
                let snapshots = &lock(&self.stream).snapshots;
                let waiting = self.nodes.values().filter_map(wants);
                if !waiting
                    .into_iter()
                    .any(|name| snapshots.contains_key(&name))
                {
                    return;
                }
            }
        }
    }

    /// The hub fails for a node: what was under way is there in part.
    fn fails(&mut self, name: &str, arrive: usize) {
        self.sends_some(name, arrive);
        let node = self.node(name);
        if node.is_away {
            return;
        }
        node.is_away = true;
        let mut link = node.link.lock().unwrap();
        link.under_way.clear();
        link.is_closed = true;
        drop(link);
        node.happens(HubEvent::Away("it was cut".to_owned()));
    }

    fn returns(&mut self, name: &str, is_rewound: bool) {
        let node = self.node(name);
        if node.is_away {
            node.is_away = false;
            node.happens(HubEvent::Back { is_rewound });
        }
    }

    /// The hub begins anew, and knows nothing.
    fn is_emptied(&mut self) {
        let names: Vec<&'static str> = self.nodes.keys().copied().collect();
        for name in &names {
            self.fails(name, 0);
        }
        lock(&self.stream).entries.clear();
        for name in names {
            self.node(name).read = 0;
            self.returns(name, true);
        }
    }

    fn clear(&mut self) {
        for node in self.nodes.values_mut() {
            node.hall.clear();
        }
    }

    #[track_caller]
    fn hears(&mut self, node: &str, name: &str, expected: &[&str]) {
        self.node(node).hall.hears(name, expected);
    }

    fn says(&mut self, node: &str, name: &str, line: &str) {
        self.node(node).hall.says(name, line);
    }
}

impl Node {
    fn happens(&mut self, event: HubEvent) {
        let hall = &mut self.hall;
        let now = hall.now();
        hall.room.on_input(now, Input::Hub(event), &mut hall.out);
    }
}

/// Three nodes with a member each.
fn three() -> Cluster {
    let mut cluster = Cluster::of(&["a", "b", "c"]);
    for (node, name) in [("a", "ann"), ("b", "bob"), ("c", "eve")] {
        cluster.comes(node, name);
        cluster.settles();
    }
    cluster.clear();
    cluster
}

#[test]
fn all_nodes_tell_the_same_in_one_order() {
    let mut cluster = three();
    cluster.node("c").hall.comes("page", Encoding::Json);
    cluster.settles();
    cluster.clear();
    cluster.says("a", "ann", "one");
    cluster.says("b", "bob", "two");
    // Nothing is heard before it has come back, and what is in the stream first comes first.
    cluster.hears("a", "ann", &[]);
    cluster.sends("b");
    cluster.settles();
    cluster.hears("a", "ann", &["bob: two"]);
    cluster.hears("b", "bob", &["ann: one"]);
    cluster.hears("c", "eve", &["bob: two", "ann: one"]);
    let told = cluster.node("c").hall.told("page").join("\n");
    assert!(told.contains(r#""from":"bob","text":"two""#), "{told}");
    cluster.says("c", "eve", "/me waves");
    cluster.settles();
    cluster.hears("a", "ann", &["** eve waves"]);
}

#[test]
fn who_is_where_is_known_on_all_nodes() {
    let mut cluster = three();
    cluster.says("a", "ann", "/who");
    cluster.hears("a", "ann", &["* 3 here: ann, bob, eve"]);
    cluster.says("b", "bob", "/nick rob");
    cluster.says("c", "eve", "/join games");
    cluster.settles();
    cluster.hears("a", "ann", &["* bob is now rob", "* eve left"]);
    cluster.says("b", "bob", "/join games");
    cluster.settles();
    cluster.hears(
        "c",
        "eve",
        &["* you are in games; others here: 0", "* rob joined"],
    );
    cluster.says("a", "ann", "/rooms");
    let told = cluster.node("a").hall.told("ann");
    assert!(told.last().unwrap().contains("games: 2 here"), "{told:?}");
}

#[test]
fn private_messages_topics_and_absence_cross_nodes() {
    let mut cluster = three();
    cluster.says("b", "bob", "/away for tea");
    cluster.says("a", "ann", "/topic chess");
    cluster.settles();
    cluster.clear();
    cluster.says("a", "ann", "/msg bob psst");
    cluster.settles();
    cluster.hears("a", "ann", &["* bob is away: for tea"]);
    cluster.hears("b", "bob", &["[ann] psst"]);
    cluster.hears("c", "eve", &[]);
    cluster.says("c", "eve", "/topic");
    cluster.hears("c", "eve", &["* topic: chess"]);
    cluster.says("b", "bob", "/ignore ann");
    cluster.says("a", "ann", "/msg bob unheard");
    cluster.says("a", "ann", "unheard");
    cluster.settles();
    cluster.hears("b", "bob", &["* you hear no more of ann"]);
}

#[test]
fn a_name_is_whose_entry_comes_first() {
    let mut cluster = three();
    cluster.says("a", "ann", "/nick zoe");
    cluster.says("b", "bob", "/nick zoe");
    cluster.clear();
    cluster.sends("b");
    cluster.settles();
    let told = cluster.node("a").hall.told("ann");
    assert!(
        told.iter()
            .any(|line| line == "* zoe is taken, on another node"),
        "{told:?}"
    );
    for (node, name) in [("a", "ann"), ("b", "bob"), ("c", "eve")] {
        cluster.clear();
        cluster.says(node, name, "/who");
        let told = cluster.node(node).hall.told(name).remove(0);
        assert!(told.starts_with("* 3 here: "), "{told}");
        assert_eq!(told.matches("zoe").count(), 1, "{told}");
        assert!(told.contains("eve") && told.contains("guest"), "{told}");
    }
    cluster.says("c", "eve", "/nick Zoe");
    cluster.hears("c", "eve", &["* Zoe is taken"]);
}

#[test]
fn a_failing_hub_loses_and_doubles_nothing() {
    let mut cluster = three();
    for line in ["1", "2", "3"] {
        cluster.says("a", "ann", line);
    }
    cluster.fails("a", 2);
    cluster.says("a", "ann", "4");
    cluster.hears(
        "a",
        "ann",
        &["* the hub is away; what is said waits for it"],
    );
    cluster.says("a", "ann", "/who");
    cluster.hears("a", "ann", &["* 3 here: ann, bob, eve"]);
    cluster.returns("a", false);
    cluster.settles();
    cluster.hears("a", "ann", &["* the hub is back"]);
    cluster.hears("b", "bob", &["ann: 1", "ann: 2", "ann: 3", "ann: 4"]);
    cluster.hears("c", "eve", &["ann: 1", "ann: 2", "ann: 3", "ann: 4"]);
}

#[test]
fn a_hub_that_begins_empty_doubles_nothing_and_who_is_there_is_known_again() {
    let mut cluster = three();
    cluster.says("a", "ann", "heard");
    cluster.settles();
    cluster.says("a", "ann", "not heard yet");
    cluster.is_emptied();
    cluster.settles();
    let told = cluster.node("b").hall.told("bob");
    let said: Vec<&String> = told.iter().filter(|line| !line.starts_with("* ")).collect();
    assert_eq!(said, ["ann: heard", "ann: not heard yet"], "{told:?}");
    assert!(told.iter().all(|line| !line.ends_with(" left")), "{told:?}");
    cluster.says("b", "bob", "/who");
    cluster.hears("b", "bob", &["* 3 here: bob, ann, eve"]);
}

#[test]
fn a_node_that_begins_knows_what_the_others_do() {
    let mut cluster = three();
    cluster.says("a", "ann", "/op master");
    cluster.says("a", "ann", "/topic chess");
    cluster.says("a", "ann", "/ban mallory");
    cluster.says("b", "bob", "before");
    cluster.settles();
    cluster.starts("d");
    cluster.says("a", "ann", "meanwhile");
    cluster.settles();
    cluster.comes("d", "dan");
    cluster.settles();
    let told = cluster.node("d").hall.told("dan");
    for line in [
        "* you are guest1; others here: 3; /help lists the commands",
        "* topic: chess",
        "bob: before",
        "ann: meanwhile",
    ] {
        assert!(told.iter().any(|it| it == line), "{line}: {told:?}");
    }
    cluster.says("d", "dan", "/nick mallory");
    cluster.hears("d", "dan", &["* that name is banned"]);
}

#[test]
fn operators_rule_on_all_nodes() {
    let mut cluster = three();
    cluster.says("a", "ann", "/op master");
    cluster.says("a", "ann", "/mute bob");
    cluster.settles();
    cluster.clear();
    cluster.says("b", "bob", "muted");
    cluster.settles();
    cluster.hears("b", "bob", &["* an operator has muted you; not relayed"]);
    cluster.hears("c", "eve", &[]);
    cluster.says("a", "ann", "/kick eve enough");
    cluster.settles();
    assert!(cluster.node("c").hall.is_closed("eve"));
    assert!(!cluster.node("b").hall.is_closed("bob"));
    cluster.says("a", "ann", "/who");
    let told = cluster.node("a").hall.told("ann");
    assert_eq!(told.last().unwrap(), "* 2 here: ann, bob");
    cluster.says("a", "ann", "/ban bob");
    cluster.settles();
    assert!(cluster.node("b").hall.is_closed("bob"));
}

#[test]
fn the_members_of_a_dead_node_leave_and_come_again_if_it_lives() {
    let mut cluster = three();
    for _ in 0..6 {
        for name in ["a", "b"] {
            cluster.node(name).hall.waits(Duration::from_secs(5));
            cluster.sends(name);
        }
        for name in ["a", "b"] {
            cluster.reads_some(name, usize::MAX);
        }
    }
    cluster.hears("a", "ann", &["* eve left"]);
    cluster.says("b", "bob", "/who");
    cluster.hears("b", "bob", &["* eve left", "* 2 here: bob, ann"]);
    cluster.says("c", "eve", "is anybody there?");
    cluster.settles();
    let told = cluster.node("a").hall.told("ann");
    assert_eq!(told, ["* eve joined", "eve: is anybody there?"]);
    cluster.says("b", "bob", "yes");
    cluster.settles();
    assert!(
        cluster
            .node("c")
            .hall
            .told("eve")
            .contains(&"bob: yes".to_owned())
    );
}

#[test]
fn who_speaks_into_a_hub_that_is_away_is_read_no_more_at_a_bound() {
    let mut cluster = three();
    cluster.fails("a", 0);
    let line = "x".repeat(1000);
    let mut said = 0;
    let ann = cluster.node("a").hall.id("ann");
    while cluster.node("a").hall.out.below_low_water(ann) {
        cluster.says("a", "ann", &line);
        said += 1;
        assert!(said < 2000, "it is read without end");
    }
    cluster.returns("a", false);
    cluster.settles();
    assert!(cluster.node("a").hall.out.below_low_water(ann));
    let told = cluster.node("b").hall.told("bob");
    assert_eq!(told.len(), said);
}

/// What runs of the random story have come to.
#[derive(Default)]
struct Sum {
    said: usize,
    failures: usize,
}

impl std::ops::AddAssign for Sum {
    fn add_assign(&mut self, more: Self) {
        self.said += more.said;
        self.failures += more.failures;
    }
}

#[test]
fn whatever_fails_all_nodes_hear_all_once_and_in_one_order() {
    let sum = for_each_seed(300, |seed| {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut cluster = three();
        let people = [("a", "ann"), ("b", "bob"), ("c", "eve")];
        let mut sum = Sum::default();
        for _ in 0..rng.usize(20..120) {
            let (node, name) = people[rng.usize(..3)];
            match rng.u8(..12) {
                0..6 => {
                    cluster.says(node, name, &format!("{name} {}", sum.said));
                    sum.said += 1;
                }
                6 | 7 => cluster.sends_some(node, rng.usize(..4)),
                8 | 9 => cluster.reads_some(node, rng.usize(..5)),
                10 => {
                    cluster.fails(node, rng.usize(..3));
                    sum.failures += 1;
                }
                _ => cluster.returns(node, false),
            }
        }
        for (node, _) in people {
            cluster.returns(node, false);
        }
        cluster.settles();
        let mut heard = Vec::new();
        for (node, name) in people {
            let told = cluster.node(node).hall.told(name);
            let said: Vec<String> = told
                .into_iter()
                .filter(|it| !it.starts_with("* "))
                .collect();
            heard.push((name, said));
        }
        // Each hears all but its own, so any two have heard a third in one order, and together all.
        let mut all = 0;
        for (name, said) in &heard {
            let mut numbers: HashMap<&str, usize> = HashMap::new();
            for line in said {
                let (from, text) = line.split_once(": ").unwrap();
                assert_ne!(from, *name);
                let number = text.split(' ').nth(1).unwrap().parse().unwrap();
                let before = numbers.insert(from, number);
                assert!(
                    before.is_none_or(|before| before < number),
                    "{name}: {said:?}"
                );
            }
            all += said.len();
        }
        assert_eq!(all, 2 * sum.said, "{heard:?}");
        for (left, right) in [(0, 1), (0, 2), (1, 2)] {
            let common = |of: usize, other: usize| -> Vec<&String> {
                let prefix = format!("{}: ", heard[other].0);
                let lines = heard[of].1.iter();
                lines.filter(|line| !line.starts_with(&prefix)).collect()
            };
            assert_eq!(common(left, right), common(right, left));
        }
        sum
    });
    if let Some(sum) = sum {
        assert!(sum.said > 1000 && sum.failures > 300);
    }
}
