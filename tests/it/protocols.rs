//! The protocols of a room, as its clients meet them: lines, HTTP, WebSockets and IRC, on one port
//! and on ports of their own, with real browsers, IRC clients and proxies.

mod bad_openings;
mod browser;
mod certificates;
mod crowd;
mod detect;
mod full;
mod http;
mod http_client;
mod irc_client;
mod irc_conversation;
mod irc_registration;
mod irc_replies;
mod irssi;
mod listeners;
mod nginx;
mod operators;
mod order;
mod password;
mod proxied;
mod python_websockets;
mod slow;
mod split;
mod state;
mod tls_inside;
mod transcript;
mod websocket;
pub(crate) mod websocket_client;
mod websocket_end;
mod websocket_origin;
mod weechat;

use std::path::Path;
use std::process::{Command, Output};

use crate::harness::{Launch, Server, program, skipped};
use crate::member::Member;
use crate::peer::Peer;

/// `chinwag serve` as everybody starts it, on a port of its own.
fn serve(args: &[&str]) -> Server {
    Launch::unnamed().args(args).start()
}

/// `chinwag serve -l …` for each of these, on loopback ports of their own.
fn listen(prefixes: &[&str], args: &[&str]) -> Server {
    let addresses: Vec<String> = prefixes.iter().map(|p| format!("{p}127.0.0.1:0")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    Launch::unnamed().listen(&addresses).args(args).start()
}

/// What becomes of `chinwag serve` with these arguments, which must not be enough to serve.
fn does_not_serve(args: &[&str]) -> Output {
    let mut command = Command::new("timeout");
    command.arg("20").arg(program()).arg("serve").args(args);
    command.output().expect("it runs")
}

/// An address of the server's, without the name of a protocol in front.
fn bare(server: &Server, index: usize) -> &str {
    let address = &server.addresses[index];
    match address.split_once(':') {
        Some((word, rest)) if word.bytes().all(|b| b.is_ascii_lowercase()) && word != "unix" => {
            rest
        }
        _ => address,
    }
}

/// A line client that has come to the listener of this index.
#[track_caller]
fn line_member(server: &Server, index: usize, nick: &str) -> Member {
    Member::over(Peer::to(bare(server, index)), nick)
}

/// A Python with the package `websockets`: Debian's `python3-websockets` is for its own Python.
fn python_with_websockets() -> Option<&'static str> {
    let found = ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let probe = Command::new(python)
            .args(["-c", "import websockets"])
            .output();
        probe.is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        skipped("no Python here has the package websockets");
    }
    found
}

/// Is there such a program, in `PATH` or where Debian keeps those of administrators?
fn program_exists(name: &str) -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/sbin"]);
    let found = folders
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        skipped(&format!("there is no {name}"));
    }
    found.map(|path| path.to_str().expect("UTF-8").to_owned())
}
