//! One order in all encodings.

use proptest::prelude::*;

use super::hall::Hall;
use super::*;
use crate::protocol::Encoding;

const SPEAKERS: [(&str, &str); 5] = [
    ("line", "guest1"),
    ("page", "guest2"),
    ("bob", "bob"),
    ("echo", "echo"),
    ("time", "time"),
];

fn full_hall() -> Hall {
    let mut hall = Hall::new(Config {
        notices: Notices::On,
        history_lines: 1000,
        ..plain()
    });
    hall.comes("line", Encoding::Lines);
    hall.comes("page", Encoding::Json);
    hall.joins_by_irc("bob", "");
    hall.joins_by_irc("echo", "echo-message");
    hall.joins_by_irc("time", "server-time echo-message");
    hall.clear();
    hall
}

/// Who has said what, of whatever a client is told.
fn conversation(told: &[String]) -> Vec<(String, String)> {
    let said = |line: &String| {
        let (from, text) = match line.strip_prefix("{\"type\":\"say\"") {
            Some(rest) => {
                let (_, rest) = rest.split_once("\"from\":\"")?;
                let (from, rest) = rest.split_once("\",\"text\":\"")?;
                (from, rest.strip_suffix("\"}")?)
            }
            None => {
                let line = line.split_once("Z ").map_or(&**line, |(_, line)| line);
                match line.split_once(" PRIVMSG #lobby :") {
                    Some((source, text)) => (source[1..].split_once('!')?.0, text),
                    None => line.split_once(": ").filter(|_| !line.starts_with('*'))?,
                }
            }
        };
        Some((from.to_owned(), text.to_owned()))
    };
    told.iter().filter_map(said).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens between, all hear the same in the same order, without their own words where
    /// they do not hear them; and whoever comes later gets the same as history.
    #[test]
    fn all_hear_one_order(acts in prop::collection::vec((0..5_usize, 0..12_u8), 1..60)) {
        let mut hall = full_hall();
        let mut said: Vec<(String, String)> = Vec::new();
        for (n, (who, act)) in acts.into_iter().enumerate() {
            let (name, nick) = SPEAKERS[who];
            let is_irc = who > 1;
            match (act, is_irc) {
                (0, true) => hall.says(name, "WHO #lobby"),
                (0, false) => hall.says(name, "/who"),
                (1, true) => hall.says(name, "PRIVMSG guest1 :psst"),
                (1, false) => hall.says(name, "/msg bob psst"),
                (2, _) => hall.comes(&format!("late{n}"), Encoding::ALL[who % 2]),
                (_, true) => hall.says(name, format!("PRIVMSG #lobby :{n}")),
                (_, false) => hall.says(name, n.to_string()),
            }
            if act > 2 {
                said.push((nick.to_owned(), n.to_string()));
            }
        }
        for (name, nick) in SPEAKERS {
            let hears_itself = name != "line" && name != "bob";
            let expected: Vec<(String, String)> = said
                .iter()
                .filter(|(from, _)| hears_itself || from != nick)
                .cloned()
                .collect();
            prop_assert_eq!(conversation(&hall.told(name)), expected, "what {} hears", name);
        }
        for encoding in [Encoding::Lines, Encoding::Json] {
            hall.comes("new", encoding);
            prop_assert_eq!(&conversation(&hall.told("new")), &said);
        }
        for capabilities in ["", "server-time"] {
            hall.comes("new", Encoding::Irc);
            let cap = format!("CAP REQ :{capabilities}");
            let nick = format!("NICK new{}", capabilities.len());
            for line in [&cap, &nick, "USER n 0 * :n", "CAP END", "JOIN #lobby"] {
                hall.says("new", line);
            }
            prop_assert_eq!(&conversation(&hall.told("new")), &said);
        }
    }
}
