//! `serve room`: lines in, `NICK: TEXT` out to everybody else, in one order.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Launch, PATIENCE, until};
use crate::member::{Member, guest_in, lines_room, room};
use crate::peer::Peer;

#[test]
fn a_line_goes_to_all_others_byte_for_byte() {
    let server = lines_room(&["--notices", "off", "--history", "0"]);
    let mut ann = Peer::connect(&server);
    let mut bob = Peer::connect(&server);
    let mut cy = Peer::connect(&server);
    bob.send("/nick bob\n");
    assert!(bob.line().starts_with("* "));
    bob.send("hello, all\n");
    assert_eq!(ann.exactly(16), b"bob: hello, all\n");
    assert_eq!(cy.exactly(16), b"bob: hello, all\n");
    cy.send("x\n");
    // The sender got neither its own line nor anything else.
    let heard = bob.line();
    assert_eq!(heard, format!("{}: x", guest_in(&heard).expect("a guest")));
}

#[test]
fn a_room_is_what_serve_means() {
    let server = Launch::unnamed().start();
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    bob.says("hi");
    ann.hears("bob: hi");
}

#[test]
fn guests_are_numbered_and_differ() {
    let server = room(&[]);
    let members: Vec<Member> = (0..10).map(|_| Member::arrives(&server)).collect();
    let mut nicks: Vec<&str> = members.iter().map(|m| m.nick.as_str()).collect();
    assert!(nicks.contains(&"guest1"));
    nicks.sort_unstable();
    nicks.dedup();
    assert_eq!(nicks.len(), 10);
}

#[test]
fn the_sender_does_not_hear_itself() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    ann.is_told("bob");
    for round in 0..20 {
        ann.says(&format!("from ann {round}"));
        bob.hears(&format!("ann: from ann {round}"));
        bob.says(&format!("from bob {round}"));
        ann.hears(&format!("bob: from bob {round}"));
    }
}

#[test]
fn lines_end_with_lf_or_crlf() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    bob.peer.send("unix\ndos\r\nunix\ntab\there\n");
    for text in ["unix", "dos", "unix", "tab\there"] {
        ann.hears(&format!("bob: {text}"));
    }
}

#[test]
fn every_line_arrives_once_and_in_order() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    let lines: String = (0..5000).map(|i| format!("line {i}\n")).collect();
    let mut writer = bob.peer.stream.try_clone().unwrap();
    let writing = thread::spawn(move || {
        // Cuts that fall anywhere in a line.
        for piece in lines.as_bytes().chunks(997) {
            std::io::Write::write_all(&mut writer, piece).unwrap();
        }
    });
    for i in 0..5000 {
        ann.hears(&format!("bob: line {i}"));
    }
    writing.join().unwrap();
    bob.says("end");
    ann.hears("bob: end");
}

#[test]
fn a_line_may_come_byte_by_byte() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    for byte in "h\u{e9}llo \u{1f980}\r\n".as_bytes() {
        bob.peer.send([*byte]);
        bob.peer.all_taken();
    }
    ann.hears("bob: h\u{e9}llo \u{1f980}");
}

#[test]
fn all_members_see_one_order() {
    let server = room(&[]);
    let mut members: Vec<Member> = (0..6)
        .map(|i| Member::joins(&server, &format!("m{i}")))
        .collect();
    let speaking: Vec<_> = members
        .iter()
        .take(4)
        .map(|member| {
            let mut peer = member.peer.stream.try_clone().unwrap();
            thread::spawn(move || {
                for i in 0..300 {
                    let line = format!("{i}\n");
                    std::io::Write::write_all(&mut peer, line.as_bytes()).unwrap();
                }
            })
        })
        .collect();
    let mut hear =
        |who: usize, count| -> Vec<String> { (0..count).map(|_| members[who].next()).collect() };
    let all = hear(4, 1200);
    assert_eq!(hear(5, 1200), all);
    for speaker in 0..4 {
        let own = format!("m{speaker}: ");
        let others: Vec<&String> = all.iter().filter(|l| !l.starts_with(&own)).collect();
        let heard = hear(speaker, 900);
        assert!(heard.iter().eq(others), "m{speaker} saw another order");
        let mine: Vec<&String> = all.iter().filter(|l| l.starts_with(&own)).collect();
        assert!(
            mine.iter()
                .enumerate()
                .all(|(i, l)| **l == format!("{own}{i}"))
        );
    }
    speaking.into_iter().for_each(|s| s.join().unwrap());
}

#[test]
fn a_raw_client_is_in_the_conversation() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut raw = Member::arrives(&server);
    ann.is_told(&raw.nick);
    let start = Instant::now();
    raw.peer.send("hi");
    ann.hears(&format!("{}: hi", raw.nick));
    // Quiet for 200 ms makes it a message, and no sooner.
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(190), "{took:?}");
    ann.says("hello, raw one");
    raw.hears("ann: hello, raw one");
    raw.peer.send("second");
    ann.hears(&format!("{}: second", raw.nick));
}

#[test]
fn what_a_raw_client_sends_without_a_pause_is_one_message() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    for _ in 0..10 {
        let mut raw = Member::arrives(&server);
        ann.is_told(&raw.nick);
        let start = Instant::now();
        raw.peer.send("one ");
        thread::sleep(Duration::from_millis(50));
        raw.peer.send("message");
        if start.elapsed() < Duration::from_millis(150) {
            ann.hears(&format!("{}: one message", raw.nick));
            return;
        }
        // This machine was busy: the pause was a real one. Again, with a new client.
        while ann.next() != format!("{}: message", raw.nick) {}
    }
    panic!("no quiet moment in ten");
}

#[test]
fn a_client_of_lines_may_pause_in_one() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    let mut raw = Member::arrives(&server);
    bob.peer.send("half");
    bob.peer.all_taken();
    // The raw client's message takes 200 ms of quiet: by then bob's half would be out as well.
    raw.peer.send("tick");
    ann.hears(&format!("{}: tick", raw.nick));
    bob.peer.send(" and half\n");
    ann.hears("bob: half and half");
}

#[test]
fn framing_line_waits_for_the_newline() {
    let server = room(&["--framing", "line"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::arrives(&server);
    bob.peer.send("not ");
    bob.peer.all_taken();
    // The scenario: longer than a raw client's quiet.
    assert!(!{
        ann.is_told(&bob.nick);
        ann.peer.anything_within(Duration::from_millis(400))
    });
    bob.peer.send("yet\n");
    ann.hears(&format!("{}: not yet", bob.nick));
}

#[test]
fn framing_raw_needs_no_newline_at_all() {
    let server = lines_room(&["--framing", "raw", "--notices", "off"]);
    let mut ann = Peer::connect(&server);
    let mut bob = Peer::connect(&server);
    for text in ["first", "second"] {
        until("bob is in the room and heard", PATIENCE, || {
            bob.send(text);
            let heard = ann.anything_within(Duration::from_secs(2));
            heard && ann.line().ends_with(&format!(": {text}"))
        });
    }
}

#[test]
fn no_client_drives_anothers_terminal() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    let cases: [(&[u8], &str); 9] = [
        (b"\x1b[31mred", "\u{fffd}[31mred"),
        (b"bell\x07", "bell\u{fffd}"),
        (b"nul\0l", "nul\u{fffd}l"),
        (b"del\x7f", "del\u{fffd}"),
        (b"c1 \xc2\x9b2J", "c1 \u{fffd}2J"),
        (b"bad \xff byte", "bad \u{fffd} byte"),
        (b"mid\rdle", "mid\u{fffd}dle"),
        (b"tab\tstays", "tab\tstays"),
        (
            "\u{4f60}\u{597d} \u{1f980} \u{e9}".as_bytes(),
            "\u{4f60}\u{597d} \u{1f980} \u{e9}",
        ),
    ];
    for (sent, relayed) in cases {
        bob.peer.send([sent, b"\n"].concat());
        ann.hears(&format!("bob: {relayed}"));
    }
    bob.peer.send(b"cut \xc3\n\xa9 here\n");
    ann.hears("bob: cut \u{fffd}");
    ann.hears("bob: \u{fffd} here");
}

#[test]
fn a_line_too_long_is_refused_whole_and_told() {
    let server = room(&["--max-message", "64"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    ann.is_told("bob");
    let (fits, over) = ("f".repeat(64), "o".repeat(65));
    bob.peer.send(format!("{fits}\n{over}\n{fits}\r\nok\n"));
    ann.hears(&format!("bob: {fits}"));
    ann.hears(&format!("bob: {fits}"));
    ann.hears("bob: ok");
    assert!(bob.notice().contains("64"), "the notice names the limit");
    ann.says("and bob was told nothing else");
    assert_eq!(bob.peer.line(), "ann: and bob was told nothing else");
}

#[test]
fn a_line_without_end_is_skipped_to_its_newline() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    ann.is_told("bob");
    let before = crate::kernel::rss_kib(server.id());
    for _ in 0..128 {
        bob.peer.send(vec![b'x'; 64 * 1024]);
    }
    bob.peer.all_taken();
    let grown = crate::kernel::rss_kib(server.id()).saturating_sub(before);
    assert!(grown < 4096, "{grown} KiB for one line");
    bob.peer.send("tail\nok\n");
    ann.hears("bob: ok");
    // One notice for the line, not one for each piece of it.
    bob.notice();
    ann.says("hi");
    assert_eq!(bob.peer.line(), "ann: hi");
}

#[test]
fn an_end_relays_what_was_complete_and_is_told() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    ann.is_told(" bob");
    server.pause();
    bob.peer.send("complete\ntorn");
    bob.peer.half_close();
    server.resume();
    assert_eq!(ann.peer.line(), "bob: complete");
    assert!(ann.notice().contains("bob"));
    bob.peer.rest();
    let mut cy = Member::joins(&server, "cy");
    cy.says("next");
    ann.hears("cy: next");
}

/// `printf hi | nc`: there was never a newline, so what came is one message.
#[test]
fn a_raw_clients_last_words_count() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    let mut raw = Member::arrives(&server);
    raw.peer.send("hi");
    raw.peer.half_close();
    ann.hears(&format!("{}: hi", raw.nick));
}

#[test]
fn a_half_closed_member_gets_what_it_is_owed() {
    let server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    ann.says("said before");
    let mut bob = Peer::connect(&server);
    bob.send("/who\n");
    bob.half_close();
    let heard = String::from_utf8(bob.rest()).unwrap();
    assert!(heard.contains("ann: said before\n"), "{heard:?}");
    assert!(heard.contains("* ") && heard.ends_with('\n'), "{heard:?}");
}

/// Pace is for large and busy rooms; either way a small one says the same.
#[test]
fn pace_loses_nothing() {
    for pace in ["auto", "off"] {
        let server = lines_room(&["--pace", pace, "--notices", "off"]);
        let mut crowd: Vec<Peer> = (0..60).map(|_| Peer::connect(&server)).collect();
        let mut ann = Peer::connect(&server);
        ann.send("/nick ann\n");
        ann.line();
        for i in 0..200 {
            ann.send(format!("line {i}\n"));
        }
        for peer in &mut crowd {
            for i in 0..200 {
                assert_eq!(peer.line(), format!("ann: line {i}"), "pace {pace}");
            }
        }
    }
}

#[test]
fn talking_alone_is_no_error() {
    let mut server = room(&[]);
    let mut ann = Member::joins(&server, "ann");
    ann.says("is anybody there?");
    ann.says("/who");
    ann.is_told("ann");
    assert!(server.is_running());
}
