//! What clients of IRC ask, and what they are answered.

use super::irc::{hall_of_two, short};
use crate::protocol::Encoding;
use crate::wire::Message;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn questions_are_answered() {
    let mut hall = hall_of_two();
    hall.joins_by_irc("cat", "");
    hall.says("cat", "AWAY :at lunch");
    hall.comes("dan", Encoding::Irc);
    hall.says("dan", "NICK dan");
    hall.says("dan", "USER dan 0 * :Dan\u{202E} \u{7}D");
    hall.clear();
    let version = concat!(
        "312 bob ann irc.chinwag :chinwag-",
        env!("CARGO_PKG_VERSION")
    );
    let version_alone = concat!(
        "351 bob chinwag-",
        env!("CARGO_PKG_VERSION"),
        " irc.chinwag :a chat in UTF-8"
    );
    let version_of_cat = version.replace(" ann ", " cat ");
    let version_of_dan = version.replace(" ann ", " dan ");
    let all: &[(&str, &[&str])] = &[
        (
            "NAMES",
            &[
                "353 bob = #lobby :ann bob cat",
                "366 bob #lobby :end of the names",
            ],
        ),
        (
            "NAMES #lobby,#lobby",
            &[
                "353 bob = #lobby :ann bob cat",
                "366 bob #lobby :end of the names",
            ],
        ),
        ("NAMES #other", &["366 bob #other :end of the names"]),
        (
            "WHO #Lobby",
            &[
                "352 bob #lobby ann chinwag irc.chinwag ann H :0 ann",
                "352 bob #lobby bob chinwag irc.chinwag bob H :0 bob Example",
                "352 bob #lobby cat chinwag irc.chinwag cat G :0 cat Example",
                "315 bob #Lobby :end of WHO",
            ],
        ),
        (
            "WHO dan",
            &[
                "352 bob * dan chinwag irc.chinwag dan H :0 Dan\u{FFFD} \u{FFFD}D",
                "315 bob dan :end of WHO",
            ],
        ),
        ("WHO #other", &["315 bob #other :end of WHO"]),
        (
            "WHO A*",
            &[
                "352 bob #lobby ann chinwag irc.chinwag ann H :0 ann",
                "315 bob A* :end of WHO",
            ],
        ),
        (
            "WHO ?at",
            &[
                "352 bob #lobby cat chinwag irc.chinwag cat G :0 cat Example",
                "315 bob ?at :end of WHO",
            ],
        ),
        ("WHO x*", &["315 bob x* :end of WHO"]),
        ("WHO #lobby o", &["315 bob #lobby :end of WHO"]),
        (
            "WHOWAS eve",
            &[
                "406 bob eve :nobody is remembered who has gone",
                "369 bob eve :end of WHOWAS",
            ],
        ),
        ("VERSION", &[version_alone]),
        (
            "WHOIS ANN",
            &[
                "311 bob ann ann chinwag * :ann",
                "319 bob ann :#lobby",
                version,
                "318 bob ann :end of WHOIS",
            ],
        ),
        (
            "WHOIS cat,dan",
            &[
                "311 bob cat cat chinwag * :cat Example",
                "319 bob cat :#lobby",
                &version_of_cat,
                "301 bob cat :at lunch",
                "318 bob cat :end of WHOIS",
            ],
        ),
        (
            "WHOIS dan dan",
            &[
                "311 bob dan dan chinwag * :Dan\u{FFFD} \u{FFFD}D",
                &version_of_dan,
                "318 bob dan :end of WHOIS",
            ],
        ),
        (
            "WHOIS eve",
            &["401 bob eve :no such nick", "318 bob eve :end of WHOIS"],
        ),
        ("TOPIC #lobby", &["331 bob #lobby :no topic is set"]),
        ("TOPIC #other", &["403 bob #other :no such channel"]),
        (
            "LIST",
            &[
                "321 bob Channel :Users  Name",
                "322 bob #lobby 3 :",
                "323 bob :end of LIST",
            ],
        ),
        (
            "LIST #nope",
            &["321 bob Channel :Users  Name", "323 bob :end of LIST"],
        ),
        (
            "LIST #nope,#Lob*",
            &[
                "321 bob Channel :Users  Name",
                "322 bob #lobby 3 :",
                "323 bob :end of LIST",
            ],
        ),
        ("MODE #lobby", &["324 bob #lobby +n"]),
        ("MODE #other +b", &["403 bob #other :no such channel"]),
        ("MODE bob +i", &[]),
        ("MODE Bob", &["221 bob +"]),
        ("MODE ann", &["502 bob :that is another one's mode"]),
        ("MODE ann +i", &["502 bob :that is another one's mode"]),
        ("MODE eve +i", &["401 bob eve :no such nick"]),
        ("AWAY :gone", &["306 bob :you are marked as away"]),
        ("AWAY", &["305 bob :you are no longer marked as away"]),
        (
            "MOTD",
            &[
                "375 bob :- irc.chinwag message of the day -",
                "372 bob :- mind the gap",
                "376 bob :end of the message of the day",
            ],
        ),
        (
            "LUSERS",
            &[
                "251 bob :there are 4 users on 1 server",
                "254 bob 1 :channels formed",
                "255 bob :I have 4 clients and 0 servers",
            ],
        ),
        (
            "USERHOST CAT eve ann a b c bob",
            &["302 bob :cat=-cat@chinwag ann=+ann@chinwag"],
        ),
        ("ISON ANN eve dan", &["303 bob :ann dan"]),
        ("JOIN #lobby", &[]),
        (
            "JOIN #other",
            &["405 bob #other :you are in a channel already; leave that first"],
        ),
        ("PART #other", &["403 bob #other :no such channel"]),
        ("NICK bob", &[]),
        ("NICK CAT", &["433 bob CAT :that nickname is in use"]),
        (
            "NICK a*",
            &["432 bob a* :nicks have only letters, digits, _ and -"],
        ),
        ("PRIVMSG #other :hi", &["403 bob #other :no such channel"]),
        ("PRIVMSG eve :hi", &["401 bob eve :no such nick"]),
        ("NOTICE eve,#other :hi", &[]),
        ("PRIVMSG cat :hi", &["301 bob cat :at lunch"]),
        ("NOTICE cat :hi", &[]),
        (
            "PRIVMSG e,e,e,e,f,g :hi",
            &[
                "401 bob e :no such nick",
                "401 bob e :no such nick",
                "401 bob e :no such nick",
                "401 bob e :no such nick",
                "407 bob f :at most 4 at once; not said to that one",
            ],
        ),
        ("PASS x", &["462 bob :you are registered already"]),
        ("FROBNICATE", &["421 bob FROBNICATE :unknown command"]),
    ];
    for (line, answers) in all {
        hall.says("bob", line);
        assert_eq!(short(hall.told("bob")), *answers, "{line}");
    }
    hall.sends("bob", Message::TooLong);
    assert_eq!(short(hall.told("bob")), ["417 bob :that line is too long"]);
    hall.hears("ann", &[]);
    hall.says("dan", "JOIN other");
    hall.says("dan", "PART #lobby");
    hall.says("dan", "TOPIC #lobby :mine");
    assert_eq!(
        short(hall.told("dan")),
        [
            "403 dan other :no such channel",
            "442 dan #lobby :you are not in that channel",
            "442 dan #lobby :you are not in that channel",
        ]
    );
}
