//! SIGHUP: message of the day and password are read anew; what cannot be read stays as it was.
//! Certificates: in `tls`.

use std::fs;
use std::path::Path;

use rustix::process::Signal;

use crate::harness::{LINES, Launch, PATIENCE, Server, skipped, until};
use crate::peer::Peer;

struct Place {
    folder: tempfile::TempDir,
    server: Server,
}

impl Place {
    /// A room with a message of the day, and a password, from files.
    fn new(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (motd, password) = (folder.path().join("motd"), folder.path().join("password"));
        fs::write(&motd, "the first day\n").unwrap();
        fs::write(&password, "sesame\n").unwrap();
        let motd = format!("@{}", motd.display());
        let files = [
            "--motd",
            &motd,
            "--password-file",
            password.to_str().unwrap(),
        ];
        let launch = Launch::new("room").listen(&[LINES]).args(&files);
        let server = launch.args(args).start();
        Self { folder, server }
    }

    fn path(&self, name: &str) -> impl AsRef<Path> + use<> {
        self.folder.path().join(name)
    }

    fn reloads(&self, said: &str) {
        self.server.signal(Signal::HUP);
        self.server.stderr().wait_for(said);
    }

    /// What a client is told that says this password, up to the word of welcome, or of refusal.
    fn told(&self, password: &str) -> String {
        let mut peer = Peer::connect(&self.server);
        peer.send(format!("/pass {password}\n/who\n"));
        let mut told = String::new();
        loop {
            let line = peer.line();
            told += &line;
            told.push('\n');
            let words: Vec<&str> = line.split(' ').collect();
            let is_list = words.len() > 2 && words[1].parse::<u32>().is_ok() && words[2] == "here:";
            if is_list || line.contains("wrong password") {
                return told;
            }
        }
    }
}

fn files_are_read_anew(args: &[&str]) {
    let place = Place::new(args);
    assert!(place.told("sesame").contains("the first day"));
    let mut early = Peer::connect(&place.server);
    early.send("/pass sesame\n/nick ann\n");
    while !early.line().ends_with("you are now ann") {}
    // One that takes the old one's name, and one that is written over.
    fs::write(place.path("new"), "the second\x1b day\n").unwrap();
    fs::rename(place.path("new"), place.path("motd")).unwrap();
    fs::write(place.path("password"), "open\n").unwrap();
    place.reloads("the password is read anew");
    place
        .server
        .stderr()
        .wait_for("the message of the day is read anew");
    assert!(place.told("sesame").contains("wrong password"));
    let told = place.told("open");
    assert!(told.contains("* the second\u{fffd} day\n"), "{told}");
    early.send("/who\n");
    while !early.line().contains("1 here: ann") {}
}

#[test]
fn a_room_tells_its_new_message_and_asks_for_its_new_password() {
    files_are_read_anew(&[]);
}

#[test]
fn so_it_does_in_the_sandbox() {
    let mut probe = Launch::new("echo").args(&["--sandbox"]).spawn();
    until("it starts or gives up", PATIENCE, || {
        probe.stdout().text().contains("listening") || !probe.is_running()
    });
    if !probe.is_running() {
        return skipped("--sandbox: this kernel has no Landlock");
    }
    files_are_read_anew(&["--sandbox"]);
}

#[test]
fn what_cannot_be_read_stays_as_it_was() {
    let place = Place::new(&[]);
    fs::write(place.path("motd"), "x".repeat(20_000)).unwrap();
    fs::write(place.path("password"), "").unwrap();
    place.reloads("is longer than 16k; what was there before stays");
    place
        .server
        .stderr()
        .wait_for("first line is empty; what was there before stays");
    assert!(place.told("sesame").contains("the first day"));
    fs::remove_file(place.path("motd")).unwrap();
    place.reloads("No such file or directory");
    assert!(place.told("sesame").contains("the first day"));
    let said = place.server.stderr().text();
    assert!(!said.contains("nothing to read anew"), "{said}");
}
