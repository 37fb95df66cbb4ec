//! The house rules that no compiler checks: who may name what, and how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

/// Crates that turn bytes into values, and back, and do no more than that.
const PURE: [&str; 7] = [
    "base64::",
    "httparse::",
    "jiff::",
    "serde::",
    "serde_json::",
    "sha1::",
    "sha2::",
];

/// Values, and no sockets.
const ADDRESSES: &str = "std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr}";

const MAX_LINES: usize = 400;
const MAX_MAIN_LINES: usize = 60;

/// One source file: its path from the crate's root, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// In this module: `src/MODULE.rs` or anything in `src/MODULE/`?
    fn is_in(&self, module: &str) -> bool {
        self.path == format!("src/{module}.rs") || self.path.starts_with(&format!("src/{module}/"))
    }

    /// The lines of code: no comments, and not the tests inside the file.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let code = self.text.split("\n#[cfg(test)]\nmod ").next();
        code.unwrap_or_default()
            .lines()
            .enumerate()
            .map(|(i, line)| (i + 1, without_comment(line)))
    }

    /// Where the code names any of `words`, as `path:line: word`.
    fn naming(&self, words: &[&str]) -> Vec<String> {
        let mut found = Vec::new();
        for (number, line) in self.code() {
            for word in words {
                if names(line, word) {
                    found.push(format!("{}:{number} names {word}", self.path));
                }
            }
        }
        found
    }
}

/// The line up to its comment, which stands at its beginning or after a space: a string may have `//`.
fn without_comment(line: &str) -> &str {
    match line.trim_start().starts_with("//") {
        true => "",
        false => line.split(" //").next().unwrap_or_default(),
    }
}

/// Does `word` stand in `line` as a whole word?
fn names(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        !line[..at].ends_with(part_of_word) && !line[at + word.len()..].starts_with(part_of_word)
    })
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let short = path.strip_prefix(root()).unwrap();
            found.push(Source {
                path: short.to_str().unwrap().replace('\\', "/"),
                text: fs::read_to_string(&path).unwrap(),
            });
        }
    }
}

/// Every Rust file below these folders of the crate.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut found);
    }
    assert!(!found.is_empty());
    found
}

#[track_caller]
fn none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn mio_stays_in_its_modules() {
    let complaints: Vec<String> = sources(&["src"])
        .iter()
        .filter(|s| !s.is_in("reactor") && !s.is_in("bench"))
        .flat_map(|s| s.naming(&["mio", "signal_hook_mio"]))
        .collect();
    none(&complaints);
}

#[test]
fn services_have_no_socket_and_no_clock() {
    let forbidden = [
        "std::net",
        "std::os::unix::net",
        "mio",
        "Token",
        "Instant::now",
        "SystemTime::now",
        "socket2",
        "TcpStream",
        "TcpListener",
        "UnixStream",
        "UnixListener",
    ];
    let complaints: Vec<String> = sources(&["src"])
        .iter()
        .filter(|s| s.is_in("service") || s.is_in("services"))
        .flat_map(|s| s.naming(&forbidden))
        .collect();
    none(&complaints);
}

/// The crates that `Cargo.toml` lists, as paths begin with them.
fn crates() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let listed = manifest
        .split("\n[")
        .filter(|s| s.starts_with("dependencies]"));
    let names: Vec<String> = listed
        .flat_map(str::lines)
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.trim().replace('-', "_"))
        .collect();
    assert!(names.iter().any(|n| n == "mio"), "{names:?}");
    names
}

#[test]
fn wire_protocol_and_outbound_know_no_others() {
    let crates = crates();
    let foreign: Vec<String> = crates.iter().map(|name| format!("{name}::")).collect();
    let mut complaints = Vec::new();
    for source in sources(&["src"]) {
        let Some(module) = ["wire", "protocol", "outbound"]
            .into_iter()
            .find(|m| source.is_in(m))
        else {
            continue;
        };
        for (number, line) in source.code() {
            // The slab is a collection like std's, memchr a search; what another process goes on with
            // is written down by serde, the clock's readings among it; the seeds serve tests alone.
            let own = line
                .replace(&format!("crate::{module}"), "")
                .replace("slab::", "")
                .replace("memchr::", "")
                .replace("serde::", "")
                .replace("crate::clock", "")
                .replace("crate::testing::seeds", "");
            let own = match module {
                // What speaks lines cuts them, and a proxy names an address.
                "protocol" => PURE
                    .iter()
                    .chain(&["crate::wire", "std::net::SocketAddr", ADDRESSES])
                    .fold(own, |own, name| own.replace(name, "")),
                _ => own,
            };
            // A module of its own may be called as a crate is.
            let stranger = foreign.iter().any(|name| {
                let module = format!("mod {};", name.trim_end_matches(':'));
                // `ring::` is no part of `String::`.
                let is_path = |(at, _)| !own[..at].ends_with(char::is_alphanumeric);
                own.match_indices(name.as_str()).any(is_path)
                    && !own.contains(&format!("super::{name}"))
                    && !source.text.contains(&module)
            });
            if stranger || own.contains("crate::") || own.contains("std::net") {
                complaints.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    none(&complaints);
}

#[test]
fn the_reactor_names_no_concrete_service() {
    let services = [
        "services::echo",
        "services::reply",
        "services::console",
        "services::room",
    ];
    let complaints: Vec<String> = sources(&["src"])
        .iter()
        .filter(|s| s.is_in("reactor"))
        .flat_map(|s| s.naming(&services))
        .collect();
    none(&complaints);
}

#[test]
fn every_file_says_what_it_is_for_and_is_short() {
    let mut complaints = Vec::new();
    for source in sources(&["src", "tests", "benches", "examples"]) {
        let lines = source.text.lines().count();
        if !source.text.starts_with("//!") {
            complaints.push(format!("{} does not open with //!", source.path));
        }
        if lines > MAX_LINES {
            complaints.push(format!("{} has {lines} lines", source.path));
        }
        if source.path == "src/main.rs" && lines > MAX_MAIN_LINES {
            complaints.push(format!("src/main.rs has {lines} lines"));
        }
    }
    none(&complaints);
}

#[test]
fn the_rules_see_what_they_look_for() {
    let source = Source {
        path: "src/service/bad.rs".to_owned(),
        text: "//! mio\nlet u = \"a://b\"; use mio::Poll; // mio\nlet a = premio;\n\n#[cfg(test)]\nmod t { use mio; }"
            .to_owned(),
    };
    assert!(source.is_in("service") && !source.is_in("reactor"));
    assert_eq!(source.naming(&["mio"]), ["src/service/bad.rs:2 names mio"]);
    assert!(names("use std::net::TcpStream;", "std::net"));
}
