//! Who is ignored is not heard by who does so: in no protocol, by no other name, and not of old.

use super::hall::Hall;
use super::*;
use crate::protocol::Encoding;

fn hall() -> Hall {
    let mut hall = Hall::new(Config {
        history_lines: 10,
        ..plain()
    });
    for name in ["ann", "bob", "eve"] {
        hall.comes(name, Encoding::Lines);
        hall.says(name, format!("/nick {name}"));
    }
    hall.comes("page", Encoding::Json);
    hall.says("page", "/nick page");
    hall.joins_by_irc("cat", "");
    hall.clear();
    hall
}

#[test]
fn one_hears_nothing_of_whom_one_ignores() {
    let mut hall = hall();
    hall.says("bob", "first");
    for name in ["ann", "page"] {
        hall.says(name, "/ignore BOB");
    }
    hall.hears("ann", &["bob: first", "* you hear no more of bob"]);
    hall.told("page");
    hall.says("bob", "second");
    hall.says("bob", "/me third");
    hall.says("bob", "/nick rob");
    hall.says("bob", "/msg ann fourth");
    hall.says("bob", "/msg page fourth");
    hall.says("eve", "I hear rob");
    hall.says("bob", "fifth");
    hall.hears("ann", &["eve: I hear rob"]);
    let page = hall.told("page");
    assert!(
        page.len() == 1 && page[0].contains("I hear rob"),
        "{page:?}"
    );
    hall.hears(
        "eve",
        &["bob: first", "bob: second", "** bob third", "rob: fifth"],
    );
    // It does not learn that it is ignored.
    hall.hears("bob", &["* you are now rob", "eve: I hear rob"]);
    // Neither is what it said replayed.
    hall.says("ann", "/join games");
    hall.says("ann", "/join lobby");
    hall.hears(
        "ann",
        &[
            "* you are in games; others here: 0",
            "* you are in lobby; others here: 4",
            "eve: I hear rob",
        ],
    );
    hall.says("ann", "/ignore");
    hall.says("ann", "/ignore rob");
    hall.says("ann", "/ignore");
    hall.says("bob", "sixth");
    hall.hears(
        "ann",
        &[
            "* you ignore rob",
            "* you hear rob again",
            "* you ignore nobody",
            "rob: sixth",
        ],
    );
}

/// One that takes the place of who was ignored, or its name, is another.
#[test]
fn an_ignore_ends_with_who_is_ignored() {
    let mut hall = hall();
    hall.says("ann", "/ignore bob");
    hall.says("eve", "/ignore ann");
    hall.is_gone("bob", Disconnect::Eof);
    hall.is_gone("eve", Disconnect::Eof);
    hall.comes("bob", Encoding::Lines);
    hall.says("bob", "/nick bob");
    hall.clear();
    hall.says("bob", "hi");
    hall.says("ann", "/ignore");
    hall.hears("ann", &["bob: hi", "* you ignore nobody"]);
}

#[test]
fn what_cannot_be_ignored_is_refused() {
    let mut hall = hall();
    let names: Vec<String> = (0..33).map(|n| format!("m{n}")).collect();
    for name in &names {
        hall.comes(name, Encoding::Lines);
        hall.says(name, format!("/nick {name}"));
    }
    hall.clear();
    for (line, answer) in [
        ("/ignore nobody", "* there is no nobody here"),
        ("/ignore ann", "* that is you"),
    ] {
        hall.says("ann", line);
        hall.hears("ann", &[answer]);
    }
    for name in &names[..32] {
        hall.says("ann", format!("/ignore {name}"));
    }
    hall.told("ann");
    hall.says("ann", "/ignore m32");
    hall.hears("ann", &["* you ignore 32 already, as many as may be"]);
    hall.says("ann", "/ignore m0");
    hall.says("ann", "/ignore m32");
    hall.hears("ann", &["* you hear m0 again", "* you hear no more of m32"]);
}

/// To who speaks IRC an ignore of its member is no matter: its client has its own.
#[test]
fn a_channel_is_heard_by_those_who_ignore_nobody() {
    let mut hall = hall();
    hall.says("ann", "/ignore cat");
    hall.told("ann");
    hall.says("cat", "PRIVMSG #lobby :hi");
    hall.says("cat", "PRIVMSG ann :hi");
    hall.hears("ann", &[]);
    hall.hears("cat", &[]);
    hall.hears("eve", &["cat: hi"]);
}
