//! Openings that come slowly, or never: they end after 10 s; and clients that do not come in: after
//! 30 s. One test, for all of them wait side by side.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::certificates::args;
use super::http_client::request;
use super::websocket_client::handshake;
use super::{bare, listen};
use crate::harness::Server;
use crate::member::Member;
use crate::tls::client::{Client, config};

/// What became of a client: what it was told until the connection was gone, and when that was.
struct Ended {
    name: &'static str,
    told: String,
    lasted: Duration,
}

/// A client that sends the first part at once and the rest a byte a second.
fn drip(
    name: &'static str,
    address: &str,
    first: &'static str,
    rest: &'static str,
) -> JoinHandle<Ended> {
    let mut client = TcpStream::connect(address).unwrap();
    let began = Instant::now();
    client.write_all(first.as_bytes()).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    thread::spawn(move || {
        let (mut told, mut rest) = (Vec::new(), rest.bytes());
        let mut chunk = [0; 4096];
        loop {
            match client.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => told.extend(&chunk[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(
                        began.elapsed() < Duration::from_secs(45),
                        "{name}: still there"
                    );
                    if let Some(byte) = rest.next() {
                        let _ = client.write_all(&[byte]);
                    }
                }
                Err(_) => break,
            }
        }
        let told = String::from_utf8_lossy(&told).into_owned();
        Ended {
            name,
            told,
            lasted: began.elapsed(),
        }
    })
}

const LONG: &str = "X-Very-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";

#[test]
fn who_does_not_come_to_the_point_is_closed() {
    let (authority, args) = args();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let server = listen(&["http:", "https:", "tls:", "", "ircs:"], &args);
    let proxied = listen(&[""], &["--proxy-protocol"]);
    let [http, https, tls, auto, ircs] =
        [0, 1, 2, 3, 4].map(|index| bare(&server, index).to_owned());
    let proxied = bare(&proxied, 0);
    let mut ann = Member::greeted(crate::peer::Peer::to(&auto));
    let waiting = [
        drip("silent on http", &http, "", ""),
        drip("a slow word on http", &http, "", "GET /index.html"),
        drip(
            "a slow head on http",
            &http,
            "GET / HTTP/1.1\r\nHost: x\r\n",
            LONG,
        ),
        drip(
            "a slow head on auto",
            &auto,
            "GET / HTTP/1.1\r\nHost: x\r\n",
            LONG,
        ),
        drip("silent on https", &https, "", ""),
        drip("silent on tls", &tls, "", ""),
        drip("silent on ircs", &ircs, "", ""),
        drip(
            "a slow hello on auto",
            &auto,
            "\x16\x03\x01\x02\x00\x01\x00",
            "aaaaaaaaaaaaaaaaaaaaaaaa",
        ),
        drip("silent for a proxy", proxied, "", ""),
        drip(
            "a slow proxy",
            proxied,
            "PROXY TCP4 1",
            "1.111.111.111 127.0.0.1",
        ),
    ];
    // Hands shaken, and then nothing.
    let inside = {
        let address = https.clone();
        let mut client = Client::with(&address, config(&authority));
        thread::spawn(move || {
            let began = Instant::now();
            while client.try_line().is_some() {}
            Ended {
                name: "silent inside https",
                told: String::new(),
                lasted: began.elapsed(),
            }
        })
    };
    let outside = without_a_password();
    for thread in waiting.into_iter().chain([inside]) {
        let Ended { name, told, .. } = ends_after(10.0, thread);
        if name.starts_with("a slow head") {
            assert!(told.starts_with("HTTP/1.1 408 "), "{name}: {told:?}");
        }
        assert!(!told.contains("guest"), "{name}: {told:?}");
    }
    outside.waits();
    // Whoever is greeted as a line client may stay silent for as long as it likes.
    ann.says("/who");
    ann.is_told("1 here");
}

#[track_caller]
fn ends_after(limit: f64, thread: JoinHandle<Ended>) -> Ended {
    let ended = thread.join().unwrap();
    let Ended { name, told, lasted } = &ended;
    let seconds = lasted.as_secs_f64();
    let bounds = limit - 0.5..limit + 4.0;
    assert!(bounds.contains(&seconds), "{name}: {seconds} s, {told:?}");
    ended
}

/// Clients that do not say the password, or who they are.
struct Outside {
    _servers: [Server; 2],
    waiting: Vec<JoinHandle<Ended>>,
}

fn without_a_password() -> Outside {
    let file = super::password::file();
    let guarded = listen(&[""], &["--password-file", file.path().to_str().unwrap()]);
    let open = listen(&["irc:"], &[]);
    let address = guarded.address();
    let page = request("GET", "/ws", &handshake(""));
    let waiting = vec![
        drip("a silent line", address, "", ""),
        drip(
            "a line that talks",
            address,
            "hello?\n",
            "/who\n/pass x\n/help\n/who\n/who\n/who\n",
        ),
        drip("a silent page", address, page.leak(), ""),
        drip("irc that negotiates", address, "CAP LS 302\r\n", ""),
        drip(
            "irc that talks",
            address,
            "CAP LS 302\r\nNICK a\r\n",
            "PASS x\r\nCAP LS\r\nPING x\r\n",
        ),
        drip(
            "irc with a wrong one",
            address,
            "PASS x\r\nNICK b\r\nUSER b 0 * :B\r\n",
            "",
        ),
        drip("irc without a name", bare(&open, 0), "CAP LS 302\r\n", ""),
        drip("irc that says nothing", bare(&open, 0), "", ""),
    ];
    let _servers = [guarded, open];
    Outside { _servers, waiting }
}

impl Outside {
    #[track_caller]
    fn waits(self) {
        for thread in self.waiting {
            let Ended { name, told, .. } = ends_after(30.0, thread);
            assert!(
                !told.contains("guest") && !told.contains(" 001 "),
                "{name}: {told:?}"
            );
            let (_, last) = told.trim_end().rsplit_once('\n').unwrap_or(("", &told));
            match name.split(' ').next().unwrap() {
                "irc" => assert!(last.starts_with("ERROR :"), "{name}: {told:?}"),
                // The first byte of 1008; the second is no UTF-8.
                "a" if name.ends_with("page") => {
                    assert!(last.contains('\u{3}'), "{name}: {told:?}")
                }
                _ => assert!(last.starts_with("* "), "{name}: {told:?}"),
            }
        }
    }
}
