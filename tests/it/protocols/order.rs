//! One order: clients of all three protocols talk at once, and all of them see the same.

use std::sync::Barrier;
use std::thread;

use super::irc_client::Irc;
use super::serve;
use super::websocket_client::WebSocket;
use crate::member::Member;

/// How many lines each of them says.
const EACH: usize = 200;

/// What one client has seen, as `NICK: TEXT`, and whether its own is in it.
struct Seen {
    nick: String,
    lines: Vec<String>,
    own: bool,
}

/// A client of any protocol: it says a line, and gives the next one that it hears.
trait Talker: Send {
    fn nick(&self) -> String;
    fn hears_itself(&self) -> bool;
    fn say(&mut self, text: &str);
    fn hear(&mut self) -> String;
}

impl Talker for Member {
    fn nick(&self) -> String {
        self.nick.clone()
    }
    fn hears_itself(&self) -> bool {
        false
    }
    fn say(&mut self, text: &str) {
        self.says(text);
    }
    fn hear(&mut self) -> String {
        self.next()
    }
}

impl Talker for WebSocket {
    fn nick(&self) -> String {
        self.name.clone()
    }
    fn hears_itself(&self) -> bool {
        true
    }
    fn say(&mut self, text: &str) {
        self.says(text);
    }
    fn hear(&mut self) -> String {
        let told = self.talk();
        format!(
            "{}: {}",
            told["from"].as_str().unwrap(),
            told["text"].as_str().unwrap()
        )
    }
}

impl Talker for Irc {
    fn nick(&self) -> String {
        self.nick.clone()
    }
    fn hears_itself(&self) -> bool {
        false
    }
    fn say(&mut self, text: &str) {
        self.says(text);
    }
    fn hear(&mut self) -> String {
        let (from, _, text) = self.hears();
        format!("{from}: {text}")
    }
}

#[test]
fn nine_clients_of_three_protocols_see_one_order() {
    let server = serve(&["--notices", "off", "--history", "0"]);
    let mut talkers: Vec<Box<dyn Talker>> = Vec::new();
    for number in 0..3 {
        talkers.push(Box::new(Member::joins(&server, &format!("line{number}"))));
        talkers.push(Box::new(WebSocket::named(
            server.address(),
            &format!("page{number}"),
        )));
        talkers.push(Box::new(Irc::joins(
            server.address(),
            &format!("irc{number}"),
        )));
    }
    let all = talkers.len();
    let start = Barrier::new(all);
    let seen: Vec<Seen> = thread::scope(|scope| {
        let threads: Vec<_> = talkers
            .into_iter()
            .map(|mut talker| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    let (nick, own) = (talker.nick(), talker.hears_itself());
                    let expected = EACH * (all - usize::from(!own));
                    let mut lines = Vec::new();
                    // Some at once, and then one for each that is heard.
                    let mut said = 0;
                    while lines.len() < expected {
                        while said < EACH && said <= 5 + lines.len() / (all - 1) {
                            talker.say(&format!("number {said}"));
                            said += 1;
                        }
                        lines.push(talker.hear());
                    }
                    Seen { nick, lines, own }
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let master = &seen.iter().find(|seen| seen.own).unwrap().lines;
    assert_eq!(master.len(), EACH * all);
    for Seen { nick, lines, own } in &seen {
        let prefix = format!("{nick}: ");
        let expected = master
            .iter()
            .filter(|line| *own || !line.starts_with(&prefix));
        assert!(expected.eq(lines), "{nick} has seen another order");
        let own = master.iter().filter(|line| line.starts_with(&prefix));
        let said = (0..EACH).map(|number| format!("{prefix}number {number}"));
        assert!(own.cloned().eq(said), "what {nick} has said");
    }
}
