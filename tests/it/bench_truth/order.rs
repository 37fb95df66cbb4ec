//! Whether `bench` sees that a room's members hear its messages in two orders, or under another
//! nick than their sender's.

use serde_json::Value;

use crate::bench_peers::{bench, number, relayed, room_of, sequence};

/// A room that holds back one line to one member until a line of another sender has gone to it.
fn swapping(of: usize) -> std::net::SocketAddr {
    let (mut held, mut has_swapped): (Option<(usize, String)>, bool) = (None, false);
    room_of(false, move |to, from, line| {
        let text = relayed(from, line);
        if to != of || has_swapped || sequence(line).is_none_or(|n| n < 20) {
            return text;
        }
        match held.replace((from, text)) {
            None => String::new(),
            // Of one sender they stay in order; that is another fault.
            Some((before, kept)) if before == from => kept,
            Some((_, kept)) => {
                has_swapped = true;
                held.take().map_or(String::new(), |(_, text)| text) + &kept
            }
        }
    })
}

fn verdict(report: &Value) -> &str {
    report["verdict"].as_str().unwrap()
}

const LOAD: &str = "-n 400 --warmup 0 --pipeline 4";

#[test]
fn two_messages_in_two_orders_are_found() {
    // A member that only listens; one that sends; a room in which all send.
    for (who, member) in [
        ("-c 5 --senders 2", 4),
        ("-c 5 --senders 3", 1),
        ("-c 5 --senders 5", 4),
        ("-c 4 --senders 4", 0),
        ("-c 6 --senders 3 --threads 2", 5),
        ("-c 6 --senders 3 --threads 2", 4),
        ("-c 5 --senders 5 --threads 2", 3),
    ] {
        let address = swapping(member).to_string();
        let (report, output) = bench("room", &address, &format!("{LOAD} {who}"));
        assert!(
            number(&report, "/in_two_orders") > 0.0,
            "{who}: {}",
            verdict(&report)
        );
        assert!(number(&report, "/reordered") > 0.0, "{who}");
        assert!(
            verdict(&report).contains("another order"),
            "{who}: {}",
            verdict(&report)
        );
        assert_eq!(output.status.code(), Some(1), "{who}");
    }
}

#[test]
fn one_order_is_found_good_whoever_sends() {
    for who in [
        "-c 2 --senders 2",
        "-c 3 --senders 3",
        "-c 6 --senders 1",
        "-c 6 --senders 5",
        "-c 6 --senders 6",
        "-c 7 --senders 3 --threads 3",
        "-c 6 --senders 6 --threads 2",
        "-c 6 --senders 2 --threads 2 --rate 500",
    ] {
        let address = room_of(false, |_, from, line| relayed(from, line)).to_string();
        // The pace is the closed loop's own, unless there is a rate.
        let load = LOAD.trim_end_matches(" --pipeline 4");
        let (report, _) = bench("room", &address, &format!("{load} {who}"));
        for count in [
            "reordered",
            "in_two_orders",
            "wrong_nick",
            "corrupt",
            "lost",
        ] {
            assert_eq!(report[count], 0, "{who}: {}", verdict(&report));
        }
        assert_eq!(report["owed"], report["received"], "{who}");
        assert!(number(&report, "/received") > 0.0, "{who}");
    }
}

#[test]
fn a_line_under_another_nick_is_found() {
    for nick in ["guest0", "nobody", ""] {
        let mut wrong = 0;
        let address = room_of(false, move |to, from, line| {
            let is_wrong = to == 3 && from == 1 && sequence(line).is_some_and(|n| n % 8 == 5);
            wrong += u32::from(is_wrong);
            if is_wrong && wrong <= 25 {
                format!("{nick}: {line}\n")
            } else {
                relayed(from, line)
            }
        });
        let options = format!("{LOAD} -c 5 --senders 2 --rate 1000");
        let options = options.replace(" --pipeline 4", "");
        let (report, output) = bench("room", &address.to_string(), &options);
        assert_eq!(report["wrong_nick"], 25, "{nick}: {}", verdict(&report));
        assert_eq!(report["corrupt"], 25);
        assert_eq!(report["lost"], 0);
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn what_no_room_calls_its_members_is_not_judged() {
    // Nothing before a line; the same for all; another each time.
    for prefix in ["", "> ", "[n] "] {
        let mut count = 0;
        let address = room_of(false, move |to, _, line| {
            count += u32::from(to == 0);
            format!("{}{line}\n", prefix.replace('n', &count.to_string()))
        });
        let (report, _) = bench(
            "room",
            &address.to_string(),
            &format!("{LOAD} -c 4 --senders 2"),
        );
        assert_eq!(report["wrong_nick"], 0, "{prefix}: {}", verdict(&report));
    }
}
