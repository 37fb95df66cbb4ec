//! Rooms as IRC's clients know them: channels, of which each is in one at a time.

use super::hall::Hall;
use super::*;
use crate::protocol::Encoding;

/// With ann, a client of lines, and bob, one of IRC, in the lobby.
fn hall() -> Hall {
    let mut hall = Hall::new(Config {
        notices: Notices::On,
        history_lines: 5,
        max_rooms: 2,
        ..plain()
    });
    hall.comes("ann", Encoding::Lines);
    hall.says("ann", "/nick ann");
    hall.joins_by_irc("bob", "");
    hall.clear();
    hall
}

#[track_caller]
fn answers(hall: &mut Hall, line: &str, expected: &[&str]) {
    hall.says("bob", line);
    let told = hall.told("bob").into_iter();
    let told: Vec<String> = told.map(|line| line.replace(":irc.chinwag ", "")).collect();
    assert_eq!(told, expected, "{line}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_channel_is_left_before_another_is_joined() {
    let mut hall = hall();
    hall.says("ann", "/join Games");
    hall.says("ann", "/topic chess");
    hall.says("ann", "anybody?");
    hall.told("bob");
    answers(
        &mut hall,
        "JOIN #games",
        &["405 bob #games :you are in a channel already; leave that first"],
    );
    answers(
        &mut hall,
        "PART #games",
        &["442 bob #games :you are not in that channel"],
    );
    answers(&mut hall, "PART #Lobby", &[":bob!bob@chinwag PART #lobby"]);
    answers(
        &mut hall,
        "JOIN #GAMES",
        &[
            ":bob!bob@chinwag JOIN #games",
            "332 bob #games :chess",
            "353 bob = #games :ann bob",
            "366 bob #games :end of the names",
            ":ann!ann@chinwag PRIVMSG #games :anybody?",
        ],
    );
    answers(&mut hall, "PRIVMSG #Games :me", &[]);
    answers(
        &mut hall,
        "PRIVMSG #lobby :hi",
        &["404 bob #lobby :you are not in that channel"],
    );
    answers(
        &mut hall,
        "WHOIS ann",
        &[
            "311 bob ann ann chinwag * :ann",
            "319 bob ann :#games",
            concat!(
                "312 bob ann irc.chinwag :chinwag-",
                env!("CARGO_PKG_VERSION")
            ),
            "318 bob ann :end of WHOIS",
        ],
    );
    answers(
        &mut hall,
        "LIST",
        &[
            "321 bob Channel :Users  Name",
            "322 bob #lobby 0 :",
            "322 bob #games 2 :chess",
            "323 bob :end of LIST",
        ],
    );
    answers(
        &mut hall,
        "NAMES",
        &[
            "353 bob = #games :ann bob",
            "366 bob #games :end of the names",
        ],
    );
    answers(&mut hall, "MODE #games", &["324 bob #games +n"]);
    answers(&mut hall, "JOIN 0", &[":bob!bob@chinwag PART #games"]);
    answers(&mut hall, "JOIN 0", &[]);
    // It heard all of it before.
    answers(
        &mut hall,
        "JOIN #games",
        &[
            ":bob!bob@chinwag JOIN #games",
            "332 bob #games :chess",
            "353 bob = #games :ann bob",
            "366 bob #games :end of the names",
        ],
    );
    let ann = [
        "* you are in games; others here: 0",
        "* ann set the topic: chess",
        "* bob joined",
        "bob: me",
        "* bob left",
        "* bob joined",
    ];
    hall.hears("ann", &ann);
    hall.says("ann", "/join lobby");
    answers(
        &mut hall,
        "QUIT",
        &[":ann!ann@chinwag PART #games", "ERROR :you have left"],
    );
    assert_eq!(hall.room.channels.len(), 1);
}

#[test]
fn a_channel_that_cannot_be_had_is_refused() {
    let mut hall = hall();
    answers(&mut hall, "PART #lobby", &[":bob!bob@chinwag PART #lobby"]);
    for (name, code) in [("#a*", 403), ("#", 403), ("&x", 403), ("lobby", 403)] {
        let told = format!("{code} bob {name} :no such channel");
        answers(&mut hall, &format!("JOIN {name}"), &[&told]);
    }
    hall.comes("cat", Encoding::Lines);
    hall.comes("dan", Encoding::Lines);
    hall.says("cat", "/join one");
    hall.says("dan", "/join two");
    answers(
        &mut hall,
        "JOIN #three",
        &["437 bob #three :there are as many channels as may be"],
    );
    answers(
        &mut hall,
        "LUSERS",
        &[
            "251 bob :there are 4 users on 1 server",
            "254 bob 3 :channels formed",
            "255 bob :I have 4 clients and 0 servers",
        ],
    );
}

#[test]
fn a_topic_is_set_by_who_is_there() {
    let mut hall = hall();
    answers(
        &mut hall,
        "TOPIC #lobby",
        &["331 bob #lobby :no topic is set"],
    );
    answers(
        &mut hall,
        "TOPIC #Lobby :tea\u{7} time",
        &[":bob!bob@chinwag TOPIC #lobby :tea\u{FFFD} time"],
    );
    answers(
        &mut hall,
        "TOPIC #lobby",
        &["332 bob #lobby :tea\u{FFFD} time"],
    );
    hall.says("ann", "/topic cake");
    answers(
        &mut hall,
        "TOPIC #lobby :",
        &[
            ":ann!ann@chinwag TOPIC #lobby :cake",
            ":bob!bob@chinwag TOPIC #lobby :",
        ],
    );
    let ann = [
        "* bob set the topic: tea\u{FFFD} time",
        "* ann set the topic: cake",
        "* bob took the topic away",
    ];
    hall.hears("ann", &ann);
    answers(&mut hall, "PART #lobby", &[":bob!bob@chinwag PART #lobby"]);
    answers(
        &mut hall,
        "TOPIC #lobby :mine",
        &["442 bob #lobby :you are not in that channel"],
    );
    answers(
        &mut hall,
        "TOPIC #other :mine",
        &["403 bob #other :no such channel"],
    );
}

/// Who has left a room keeps nothing of it in memory: neither its place nor its log.
#[test]
fn who_has_left_holds_no_room() {
    let mut hall = hall();
    answers(&mut hall, "PART #lobby", &[":bob!bob@chinwag PART #lobby"]);
    hall.says("bob", "JOIN #games");
    hall.says("ann", "/join games");
    hall.says("ann", "hello");
    // It has not read this yet.
    hall.says("bob", "PART #games :bye");
    hall.says("ann", "/join lobby");
    assert_eq!((hall.room.channels.len(), hall.out.audiences()), (1, 1));
    let told = hall.told("bob");
    assert_eq!(
        told[told.len() - 3..],
        [
            ":ann!ann@chinwag JOIN #games",
            ":ann!ann@chinwag PRIVMSG #games :hello",
            ":bob!bob@chinwag PART #games :bye",
        ]
    );
}
