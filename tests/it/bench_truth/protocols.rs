//! Is the instrument true where messages travel in a WebSocket's frames, or by IRC?

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use chinwag::protocol::http::accept_key;
use chinwag::protocol::websocket::{Event, Opcode, Reader, Role, encode, text_frame};

use crate::bench_peers::{assert_counts, bench, number, wide};

/// What a room makes of the text of `from` for `to`, the `nth` of all: under which nick, and what.
trait Relay: FnMut(usize, usize, u64, &str) -> Vec<(String, String)> + Send + 'static {}

impl<F: FnMut(usize, usize, u64, &str) -> Vec<(String, String)> + Send + 'static> Relay for F {}

fn nick(from: usize) -> String {
    format!("guest{from}")
}

/// As a room ought to.
fn truthful(_: usize, from: usize, _: u64, text: &str) -> Vec<(String, String)> {
    vec![(nick(from), text.to_owned())]
}

/// The members of a room, each with the bytes that it is sent.
struct Members {
    /// By the order in which they were accepted, once they are in.
    streams: Vec<Option<TcpStream>>,
    nth: u64,
    relay: Box<dyn Relay>,
    own: bool,
    encode: fn(&str, &str) -> Vec<u8>,
}

impl Members {
    fn say(&mut self, from: usize, text: &str) {
        for (to, member) in self.streams.iter_mut().enumerate() {
            let Some(member) = member else {
                continue;
            };
            if !self.own && to == from {
                continue;
            }
            self.nth += 1;
            for (nick, text) in (self.relay)(to, from, self.nth, text) {
                // It may be gone.
                let _ = member.write_all(&(self.encode)(&nick, &text));
            }
        }
    }
}

/// A room of threads; `talk` is a connection's talk with it.
fn room(members: Members, talk: fn(usize, TcpStream, &Mutex<Members>)) -> SocketAddr {
    let listener = wide();
    let address = listener.local_addr().unwrap();
    let members = Arc::new(Mutex::new(members));
    thread::spawn(move || {
        for (me, stream) in listener.incoming().enumerate() {
            let (stream, members) = (stream.unwrap(), Arc::clone(&members));
            stream.set_nodelay(true).unwrap();
            members.lock().unwrap().streams.push(None);
            thread::spawn(move || talk(me, stream, &members));
        }
    });
    address
}

fn come_in(members: &Mutex<Members>, me: usize, stream: &TcpStream, greeting: &[u8]) {
    let mut members = members.lock().unwrap();
    let mut stream = stream.try_clone().unwrap();
    let _ = stream.write_all(greeting);
    members.streams[me] = Some(stream);
}

fn as_object(nick: &str, text: &str) -> Vec<u8> {
    let time = "2026-11-26T11:53:04.123Z";
    let object = format!(
        r#"{{"type":"say","id":7,"time":"{time}","room":"lobby","from":"{nick}","text":"{text}"}}"#
    );
    text_frame(object.as_bytes())
}

fn as_it_came(_: &str, text: &str) -> Vec<u8> {
    text_frame(text.as_bytes())
}

fn ws_room(own: bool, encode: fn(&str, &str) -> Vec<u8>, relay: impl Relay) -> SocketAddr {
    let members = Members {
        streams: Vec::new(),
        nth: 0,
        relay: Box::new(relay),
        own,
        encode,
    };
    room(members, ws_talk)
}

fn ws_talk(me: usize, mut stream: TcpStream, members: &Mutex<Members>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let (mut line, mut key) = (String::new(), String::new());
    while lines.read_line(&mut line).is_ok_and(|n| n > 2) {
        if let Some(given) = line.strip_prefix("Sec-WebSocket-Key: ") {
            given.trim().clone_into(&mut key);
        }
        line.clear();
    }
    let accept = accept_key(&key);
    let mut greeting = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes();
    greeting.extend(text_frame(br#"{"type":"you","name":"x"}"#));
    encode(Opcode::Ping, b"\nare you there?", &mut greeting);
    come_in(members, me, &stream, &greeting);
    let mut buffer = lines.buffer().to_vec();
    let mut frames = Reader::new(Role::Server);
    loop {
        let mut input = buffer.as_slice();
        while let Some(event) = frames.next(&mut input, 2_000) {
            match event {
                Ok(Event::Text(text)) => members.lock().unwrap().say(me, text),
                Ok(_) => {}
                Err(code) => panic!("{code:?}"),
            }
        }
        buffer.resize(4096, 0);
        match stream.read(&mut buffer) {
            Ok(n @ 1..) => buffer.truncate(n),
            Ok(_) | Err(_) => return,
        }
    }
}

fn irc_line(nick: &str, text: &str) -> Vec<u8> {
    format!(":{nick}!{nick}@host PRIVMSG #lobby :{text}\r\n").into_bytes()
}

fn irc_room(relay: impl Relay) -> SocketAddr {
    let members = Members {
        streams: Vec::new(),
        nth: 0,
        relay: Box::new(relay),
        own: false,
        encode: irc_line,
    };
    room(members, irc_talk)
}

/// It wants its ping answered first, and then tells of the channel.
fn irc_talk(me: usize, mut stream: TcpStream, members: &Mutex<Members>) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        let (command, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let _ = match command {
            "USER" => stream.write_all(b"PING :cookie\r\n"),
            "PONG" => {
                assert_eq!(rest, ":cookie");
                stream.write_all(b":srv 001 x :welcome\r\n:srv 422 x :no motd\r\n")
            }
            "JOIN" => {
                let greeting = b":x!x@host JOIN #lobby\r\n:srv 366 x #lobby :End\r\n";
                come_in(members, me, &stream, greeting);
                Ok(())
            }
            "PRIVMSG" => {
                let (_, text) = rest.split_once(" :").unwrap();
                members.lock().unwrap().say(me, text);
                Ok(())
            }
            _ => Ok(()),
        };
    }
}

const LOAD: &str = "-c 5 --senders 2 -n 400 --warmup 0 --pipeline 4";

/// A run against such a room, over each of the protocols.
fn over_each<R: Relay>(
    relay: impl Fn() -> R,
    check: impl Fn(&(serde_json::Value, std::process::Output)),
) {
    let rooms = [
        (ws_room(true, as_object, relay()), "--protocol ws"),
        (irc_room(relay()), "--protocol irc"),
        (
            ws_room(false, as_it_came, relay()),
            "--protocol ws --own=no",
        ),
    ];
    for (address, protocol) in rooms {
        let found = bench("room", &address.to_string(), &format!("{LOAD} {protocol}"));
        check(&found);
    }
}

#[test]
fn good_rooms_are_found_good() {
    over_each(
        || truthful,
        |found| {
            assert_counts(found, [0; 4]);
            let report = &found.0;
            let receivers = if report["settings"]["own"] == true {
                5.0
            } else {
                4.0
            };
            assert_eq!(number(report, "/owed"), number(report, "/sent") * receivers);
            assert_eq!(report["received"], report["owed"]);
        },
    );
}

#[test]
fn a_room_that_does_wrong_is_found_out() {
    let nth = |at: u64, times: usize| {
        move || {
            move |_: usize, from: usize, nth: u64, text: &str| {
                let times = if nth == at { times } else { 1 };
                vec![(nick(from), text.to_owned()); times]
            }
        }
    };
    over_each(nth(777, 0), |found| assert_counts(found, [1, 0, 0, 0]));
    over_each(nth(777, 2), |found| assert_counts(found, [0, 1, 0, 0]));
    let damaging = || {
        |_: usize, from: usize, nth: u64, text: &str| {
            let text = if nth % 100 == 50 {
                text.replace('e', "f")
            } else {
                text.to_owned()
            };
            vec![(nick(from), text)]
        }
    };
    over_each(damaging, |found| {
        assert!(number(&found.0, "/corrupt") > 0.0, "{}", found.0);
        assert_eq!(found.0["lost"], 0);
    });
    let torn = || {
        |_: usize, from: usize, nth: u64, text: &str| {
            let length = if nth == 777 { 40 } else { text.len() };
            vec![(nick(from), text[..length].to_owned())]
        }
    };
    over_each(torn, |found| assert_counts(found, [0, 0, 0, 1]));
}

#[test]
fn another_nick_is_found_where_there_are_nicks() {
    let wrong = || {
        |_: usize, from: usize, nth: u64, text: &str| {
            let name = if nth % 300 == 299 {
                "nobody".to_owned()
            } else {
                nick(from)
            };
            vec![(name, text.to_owned())]
        }
    };
    over_each(wrong, |found| {
        let (report, has_nicks) = (
            &found.0,
            found.0["settings"]["protocol"] == "irc" || found.0["settings"]["own"] == true,
        );
        assert_eq!(number(report, "/wrong_nick") > 0.0, has_nicks, "{report}");
    });
}

#[test]
fn two_orders_are_found() {
    // One member has each text of the first sender a text later.
    let late = || {
        let mut kept = Vec::new();
        move |to: usize, from: usize, nth: u64, text: &str| {
            let now = truthful(to, from, nth, text);
            match (to, from) {
                (4, 0) => std::mem::replace(&mut kept, now),
                (4, _) => [now, std::mem::take(&mut kept)].concat(),
                _ => now,
            }
        }
    };
    over_each(late, |found| {
        assert!(number(&found.0, "/in_two_orders") > 0.0, "{}", found.0);
    });
}

#[test]
fn who_is_not_let_in_is_told_why() {
    let refuse = |answer: &'static str| {
        let listener = wide();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 1024]);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        address
    };
    for (protocol, answer, why) in [
        (
            "ws",
            "HTTP/1.1 403 Forbidden\r\n\r\n",
            "takes no WebSocket: 403 Forbidden",
        ),
        (
            "irc",
            ":srv 433 * x :Nickname is already in use\r\n",
            "433 * x :Nickname",
        ),
        (
            "irc",
            "SSH-2.0-OpenSSH_10\r\n",
            "said 'SSH-2.0-OpenSSH_10' and closed it",
        ),
    ] {
        let options = format!("-c 2 --protocol {protocol}");
        let (report, output) = bench("room", &refuse(answer), &options);
        let verdict = report["verdict"].as_str().unwrap();
        assert!(verdict.contains(why), "{verdict}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn our_own_room_is_good_over_each_protocol() {
    for protocol in ["ws", "irc"] {
        let options = format!(
            "-c 6 --senders 3 --threads 2 --churn 20 --idle 2 -d 400ms --protocol {protocol}"
        );
        let output = crate::bench_peers::program()
            .args(["bench", "room", "--json"])
            .args(options.split(' '))
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let verdict = report["verdict"].as_str().unwrap();
        assert_eq!(verdict, "ok", "{protocol}");
        assert!(number(&report, "/received") > 0.0);
        assert!(number(&report, "/background/served") > 0.0);
    }
}
