//! Servers of several nodes: one load, one account and one order over all of them.

use std::collections::{HashMap, HashSet};
use std::net::TcpStream;
use std::thread;

use crate::bench_peers::{
    assert_counts, bench, number, relayed, room_of, room_of_nodes, sequence, wide,
};
use crate::harness::Launch;

const LOAD: &str = "-c 6 --senders 4 -n 300 --warmup 0 --rate 1000";

fn in_words(addresses: &[impl ToString]) -> String {
    let words: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    words.join(" ")
}

#[test]
fn rooms_that_pass_nothing_on_have_lost_what_the_other_half_was_owed() {
    for threads in [1, 2] {
        let rooms = [(); 2].map(|()| room_of(false, |_, from, line| relayed(from, line)));
        let found = bench(
            "room",
            &in_words(&rooms),
            &format!("{LOAD} --threads {threads}"),
        );
        // Of five others two are on the sender's node.
        assert_counts(&found, [300 * 3, 0, 0, 0]);
        assert_eq!(found.0["received"], 300 * 2);
        assert_eq!(found.0["settings"]["addresses"][1], rooms[1].to_string());
    }
    // A closed loop waits for the other half, and its end is not waited for for ever.
    let rooms = [(); 2].map(|()| room_of(false, |_, from, line| relayed(from, line)));
    let (report, _) = bench("room", &in_words(&rooms), "-c 4 -n 50 --warmup 0");
    assert_eq!((&report["sent"], &report["lost"]), (&4.into(), &8.into()));
}

#[test]
fn nodes_that_pass_on_in_two_orders_are_found() {
    for threads in [1, 2] {
        // The second node swaps two lines of different senders, once for each of its members.
        let mut held: HashMap<usize, (usize, String)> = HashMap::new();
        let mut swapped = HashSet::new();
        let rooms = room_of_nodes(2, false, move |to, from, line| {
            let text = relayed(from, line);
            if to % 2 == 0 || swapped.contains(&to) || sequence(line).is_none_or(|n| n < 20) {
                return text;
            }
            match held.remove(&to) {
                None => {
                    held.insert(to, (from, text));
                    String::new()
                }
                // Those of one sender stay in order: that is another fault.
                Some((before, kept)) if before == from => kept + &text,
                Some((_, kept)) => {
                    swapped.insert(to);
                    text + &kept
                }
            }
        });
        let options = format!("{LOAD} --threads {threads}");
        let (report, output) = bench("room", &in_words(&rooms), &options);
        let verdict = report["verdict"].as_str().unwrap();
        assert!(number(&report, "/in_two_orders") > 0.0, "{verdict}");
        assert_eq!(
            (&report["lost"], &report["duplicate"]),
            (&0.into(), &0.into())
        );
        assert!(verdict.contains("another order"), "{verdict}");
        assert_eq!(output.status.code(), Some(1));
    }
}

/// Hands the connections that come to it on to these addresses, in turn.
fn splitter(to: Vec<String>) -> String {
    let listener = wide();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for (client, to) in listener.incoming().zip(to.iter().cycle()) {
            let (client, node) = (client.unwrap(), TcpStream::connect(to).unwrap());
            for (mut from, mut to) in [
                (client.try_clone().unwrap(), node.try_clone().unwrap()),
                (node, client),
            ] {
                thread::spawn(move || std::io::copy(&mut from, &mut to));
            }
        }
    });
    address
}

#[test]
fn one_room_at_several_addresses_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("unix:{}", folder.path().join("room").display());
    let room = Launch::new("room")
        .listen(&["127.0.0.1:0", "127.0.0.1:0", &path])
        .start();
    let said = room
        .stdout()
        .wait("three", |said| said.lines().count() == 3);
    let listening = |line: &str| line.strip_prefix("listening on ").map(str::to_owned);
    let ports: Vec<String> = said.lines().filter_map(listening).collect();
    let split = splitter(ports[..2].to_vec());
    for (addresses, options) in [
        (in_words(&ports), ""),
        (in_words(&ports), "--threads 2 --idle 4 --churn 20"),
        (split, ""),
        (in_words(&ports), "--protocol ws --threads 3"),
    ] {
        let found = bench("room", &addresses, &format!("{LOAD} {options}"));
        assert_counts(&found, [0; 4]);
        let report = &found.0;
        // Where others keep the generator from its core, it is INVALID.
        let verdict = report["verdict"].as_str().unwrap();
        assert!(!verdict.starts_with("FAILED"), "{verdict}");
        assert_eq!(report["owed"], report["received"]);
        assert_eq!(report["measured"], 300);
    }
}

#[test]
fn processes_are_told_each_and_together() {
    let nodes = [(); 2].map(|()| Launch::new("echo").start());
    let [first, second] = nodes.each_ref().map(|node| node.id());
    let addresses = in_words(&nodes.each_ref().map(|node| node.address()));
    let options = format!("-c 4 -d 400ms --warmup 0 --rate 2000 --pid {first} --pid {second}");
    let (report, _) = bench("echo", &addresses, &options);
    for (i, pid) in [first, second].into_iter().enumerate() {
        assert_eq!(report["servers"][i]["pid"], pid);
        assert!(number(&report, &format!("/servers/{i}/cpu_share")) > 0.0);
    }
    let sum = |name: &str| {
        let of = |i: usize| number(&report, &format!("/servers/{i}/{name}"));
        (of(0) + of(1) - number(&report, &format!("/server/{name}"))).abs()
    };
    assert_eq!(sum("rss_bytes"), 0.0);
    assert!(sum("cpu_us_per_message") < 0.01 && sum("cpu_share") < 0.01);

    // One server against one of two nodes.
    let options = format!(
        "-c 4 -d 200ms --warmup 0 --rounds 1 --pid {first} --compare {} --compare-pid {first} \
         --compare-pid {second}",
        addresses.replace(' ', " --compare ")
    );
    let (report, _) = bench("echo", nodes[0].address(), &options);
    assert_eq!(
        report["first"][0]["settings"]["address"],
        nodes[0].address()
    );
    assert_eq!(report["second"][0]["settings"]["address"], addresses);
    assert_eq!(report["first"][0]["servers"].as_array().unwrap().len(), 0);
    assert_eq!(report["second"][0]["servers"].as_array().unwrap().len(), 2);
}

#[test]
fn an_error_says_of_which_node() {
    let listener = wide();
    let gone = listener.local_addr().unwrap().to_string();
    drop(listener);
    let node = room_of(false, |_, from, line| relayed(from, line));
    let (report, output) = bench("room", &format!("{node} {gone}"), "-c 4");
    let verdict = report["verdict"].as_str().unwrap();
    assert!(
        verdict.contains(&format!("bench room {gone}: connection")),
        "{verdict}"
    );
    assert_eq!(report["settings"]["address"], format!("{node} {gone}"));
    assert_eq!(output.status.code(), Some(1));
}
