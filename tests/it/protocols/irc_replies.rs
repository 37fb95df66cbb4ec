//! What the server answers to each of an IRC client's questions.

use super::irc_client::{Irc, word};
use super::serve;
use crate::harness::Server;
use crate::member::Member;

fn room() -> (Server, Member, Irc) {
    let server = serve(&["--notices", "on"]);
    let mut ann = Member::joins(&server, "ann");
    let eve = Irc::joins(server.address(), "eve");
    ann.is_told("eve joined");
    (server, ann, eve)
}

#[test]
fn who_joins_is_told_of_the_topic_and_the_names() {
    let (server, _ann, _eve) = room();
    let mut joe = Irc::registers(server.address(), "joe");
    let lines = joe.asks("JOIN #lobby");
    assert!(
        lines[0].starts_with(":joe!")
            && word(&lines[0], 1) == "JOIN"
            && lines[0].ends_with("#lobby"),
        "{lines:?}"
    );
    let numerics: Vec<&str> = lines[1..].iter().map(|line| word(line, 1)).collect();
    let names = lines
        .iter()
        .position(|line| word(line, 1) == "353")
        .expect("names");
    assert!(
        numerics.ends_with(&["353", "366"]) || numerics.contains(&"366"),
        "{numerics:?}"
    );
    let (head, listed) = lines[names].split_once(" :").unwrap();
    assert!(head.ends_with(" 353 joe = #lobby"), "{head}");
    let mut listed: Vec<&str> = listed
        .split_whitespace()
        .map(|name| name.trim_start_matches(['@', '+']))
        .collect();
    listed.sort_unstable();
    assert_eq!(listed, ["ann", "eve", "joe"]);
    // Once more is nothing.
    assert_eq!(joe.asks("JOIN #lobby"), [""; 0]);
    assert_eq!(joe.asks("JOIN #Lobby"), [""; 0]);
}

#[test]
fn a_second_channel_at_once_is_405() {
    let (_server, _ann, mut eve) = room();
    assert_eq!(eve.numerics("JOIN #other"), ["405"]);
    assert_eq!(eve.numerics("JOIN #lobby,#other"), ["405"]);
    assert!(eve.asks("JOIN #other")[0].contains(" 405 eve #other :"));
    for (line, allowed) in [
        ("JOIN lobby", ["403", "405"]),
        ("JOIN &lobby", ["403", "405"]),
        ("PART #other", ["403", "442"]),
    ] {
        let numerics = eve.numerics(line);
        assert!(
            numerics.len() == 1 && allowed.contains(&&*numerics[0]),
            "{line}: {numerics:?}"
        );
    }
}

#[test]
fn who_parts_is_a_member_no_more_and_may_come_back() {
    let (_server, mut ann, mut eve) = room();
    eve.sends("PART #lobby :tea");
    let line = eve.line();
    assert!(
        line.starts_with(":eve!") && word(&line, 1) == "PART" && word(&line, 2) == "#lobby",
        "{line}"
    );
    ann.is_told("eve left");
    assert!(["404", "442"].contains(&&*eve.numerics("PRIVMSG #lobby :hi")[0]));
    assert!(["403", "442"].contains(&&*eve.numerics("PART #lobby")[0]));
    ann.says("gone?");
    assert_eq!(eve.asks("PING x").len(), 1, "nothing of the room");
    eve.sends("JOIN #lobby");
    ann.is_told("eve joined");
    eve.until(" 366 ");
    eve.says("back");
    ann.hears("eve: back");
    // JOIN 0 leaves all of them.
    eve.sends("JOIN 0");
    eve.until(" PART ");
    ann.is_told("eve left");
}

#[test]
fn questions_about_people_have_their_answers() {
    let (_server, _ann, mut eve) = room();
    let who = eve.asks("WHO #lobby");
    let numerics: Vec<&str> = who.iter().map(|line| word(line, 1)).collect();
    assert_eq!(numerics, ["352", "352", "315"], "{who:?}");
    let entry = who
        .iter()
        .find(|line| word(line, 7) == "ann")
        .unwrap_or_else(|| panic!("{who:?}"));
    assert!(
        entry.contains(" 352 eve #lobby ") && (word(entry, 8) == "H" || word(entry, 8) == "H@"),
        "{entry}"
    );
    assert!(
        entry.split_once(" :").unwrap().1.starts_with("0 "),
        "hops and the real name: {entry}"
    );
    assert!(eve.numerics("WHO ann").contains(&"315".to_owned()));
    assert_eq!(eve.numerics("WHO nobody"), ["315"]);
    let whois = eve.asks("WHOIS ann");
    let numerics: Vec<&str> = whois.iter().map(|line| word(line, 1)).collect();
    assert!(
        numerics[0] == "311" && *numerics.last().unwrap() == "318",
        "{numerics:?}"
    );
    assert!(
        numerics.contains(&"319") && numerics.contains(&"312"),
        "{numerics:?}"
    );
    assert!(whois[0].contains(" 311 eve ann "), "{}", whois[0]);
    assert_eq!(eve.numerics("WHOIS nobody"), ["401", "318"]);
    let numerics = eve.numerics("WHOIS ann ann");
    assert!(
        numerics[0] == "311",
        "irssi and HexChat ask like this: {numerics:?}"
    );
    assert_eq!(eve.numerics("WHOIS"), ["431"]);
    let names = eve.asks("NAMES #lobby");
    assert_eq!(word(names.last().unwrap(), 1), "366");
    assert_eq!(word(&names[0], 1), "353");
    assert_eq!(eve.numerics("NAMES #other"), ["366"]);
    let is_on = eve.asks("ISON ann nobody eve");
    let listed = is_on[0].split_once(" :").unwrap().1.trim();
    assert!(
        word(&is_on[0], 1) == "303" && ["ann eve", "eve ann"].contains(&listed),
        "{is_on:?}"
    );
    let hosts = eve.asks("USERHOST ann eve");
    assert!(
        word(&hosts[0], 1) == "302" && hosts[0].contains("ann=+") && hosts[0].contains("eve=+"),
        "{hosts:?}"
    );
}

#[test]
fn questions_about_the_room_and_the_server_have_their_answers() {
    let (_server, _ann, mut eve) = room();
    let list = eve.asks("LIST");
    let entry = list
        .iter()
        .find(|line| word(line, 1) == "322")
        .unwrap_or_else(|| panic!("{list:?}"));
    assert!(entry.contains(" 322 eve #lobby 2 :"), "{entry}");
    assert_eq!(word(list.last().unwrap(), 1), "323");
    let topic = eve.numerics("TOPIC #lobby");
    assert!(["331", "332"].contains(&&*topic[0]), "{topic:?}");
    assert!(["403", "442"].contains(&&*eve.numerics("TOPIC #other")[0]));
    let mode = eve.asks("MODE #lobby");
    assert!(
        word(&mode[0], 1) == "324" && mode[0].contains(" #lobby +"),
        "{mode:?}"
    );
    assert_eq!(eve.numerics("MODE eve"), ["221"]);
    assert_eq!(*eve.numerics("MODE #lobby b").last().unwrap(), "368");
    assert_eq!(eve.numerics("MODE #lobby +o eve"), ["482"]);
    let numerics = eve.numerics("MODE eve +i");
    assert!(
        numerics.is_empty() || ["MODE", "221", "501"].contains(&&*numerics[0]),
        "{numerics:?}"
    );
    assert_eq!(eve.asks("MODE ann").len(), 1);
    let lusers = eve.numerics("LUSERS");
    assert!(
        lusers.contains(&"251".to_owned()) && lusers.contains(&"255".to_owned()),
        "{lusers:?}"
    );
    assert!(["422", "375"].contains(&&*eve.numerics("MOTD")[0]));
    assert_eq!(eve.numerics("AWAY :lunch"), ["306"]);
    assert_eq!(eve.numerics("AWAY"), ["305"]);
}

#[test]
fn pings_are_answered() {
    let (_server, _ann, mut eve) = room();
    eve.sends("PING abc");
    let line = eve.line();
    assert!(
        word(&line, 1) == "PONG" && (line.ends_with(" abc") || line.ends_with(" :abc")),
        "{line}"
    );
    eve.sends("PING :two words");
    let line = eve.line();
    assert!(line.ends_with(" :two words"), "{line}");
    assert!(["409", "461"].contains(&&*eve.numerics("PING")[0]));
    // An answer that nobody has asked for is nothing.
    assert!(eve.asks("PONG abc").is_empty());
}

#[test]
fn messages_that_cannot_be_delivered_are_told_and_notices_are_not() {
    let (_server, mut ann, mut eve) = room();
    assert_eq!(eve.numerics("PRIVMSG nobody :hi"), ["401"]);
    assert!(["401", "403", "404"].contains(&&*eve.numerics("PRIVMSG #other :hi")[0]));
    assert_eq!(eve.numerics("PRIVMSG #lobby :"), ["412"]);
    assert_eq!(eve.numerics("PRIVMSG"), ["411"]);
    for line in [
        "NOTICE nobody :hi",
        "NOTICE #other :hi",
        "NOTICE #lobby :",
        "NOTICE",
    ] {
        assert!(eve.asks(line).is_empty(), "{line}");
    }
    eve.sends("NOTICE #lobby :take note");
    let line = ann.next();
    assert!(line.contains("take note") && line.contains("eve"), "{line}");
    eve.sends("NOTICE ann :psst");
    let line = ann.next();
    assert!(line.contains("psst") && line.contains("eve"), "{line}");
    // One that is away says so.
    eve.sends("AWAY :lunch");
    eve.until(" 306 ");
    eve.sends("PRIVMSG eve :note to self");
    eve.until(" 301 ");
}

#[test]
fn it_leaves_with_an_error_line_and_a_clean_end() {
    let (_server, mut ann, mut eve) = room();
    eve.says("bye");
    eve.sends("QUIT :gone fishing");
    ann.hears("eve: bye");
    ann.is_told("eve left");
    let mut last = String::new();
    while let Some(line) = eve.next_line() {
        last = line;
    }
    assert!(last.starts_with("ERROR :"), "{last}");
}

#[test]
fn the_servers_end_is_an_error_line_too() {
    let (mut server, mut ann, mut eve) = room();
    ann.says("the last word");
    eve.until(":the last word");
    server.signal(rustix::process::Signal::TERM);
    let mut last = String::new();
    while let Some(line) = eve.next_line() {
        last = line;
    }
    assert!(last.starts_with("ERROR :"), "{last}");
    drop((ann, eve));
    assert_eq!(server.exit_code(), 0);
}
