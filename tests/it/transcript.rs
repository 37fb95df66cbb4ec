//! `--transcript`: what the file holds, whatever becomes of the file, the server and the disk.
//! What newcomers are shown of it: in `protocols`.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{LINES, Launch, PATIENCE, Server, skipped, until};
use crate::member::Member;
use crate::peer::Peer;

mod disk;

/// A folder for the file and all that it was.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.path("t.jsonl")
    }

    fn launch(&self) -> Launch {
        let file = self.file();
        let args = ["--transcript", file.to_str().unwrap()];
        Launch::new("room").listen(&[LINES]).args(&args)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// What was said, line by line.
    #[track_caller]
    fn said(&self, name: &str) -> Vec<String> {
        texts(&self.text(name))
    }

    /// The file has so many lines.
    #[track_caller]
    fn has(&self, name: &str, lines: usize) {
        let what = format!("{lines} lines in {name}");
        until(&what, PATIENCE, || self.text(name).lines().count() == lines);
    }

    /// Moves the file away under that name, and tells the server.
    #[track_caller]
    fn rotate(&self, server: &Server, name: &str) {
        let told = |text: &str| text.matches("is opened anew").count();
        let before = told(&server.stderr().text());
        fs::rename(self.file(), self.path(name)).unwrap();
        server.signal(Signal::HUP);
        let said = server.stderr();
        said.wait("it is opened anew", |text| told(text) > before);
    }
}

/// The texts of all lines, each of which has to be whole.
#[track_caller]
fn texts(lines: &str) -> Vec<String> {
    assert!(
        lines.is_empty() || lines.ends_with('\n'),
        "it ends in a line"
    );
    let read = lines.lines().map(|line| {
        let object: Value =
            serde_json::from_str(line).unwrap_or_else(|why| panic!("{line}: {why}"));
        for field in ["time", "room", "type", "from"] {
            assert!(object[field].is_string(), "{line}");
        }
        object["text"].as_str().expect(line).to_owned()
    });
    read.collect()
}

/// Comes, says so much, and is heard.
#[track_caller]
fn says(server: &Server, text: &str) {
    speaks(&mut Peer::connect(server), text);
}

#[track_caller]
fn speaks(peer: &mut Peer, text: &str) {
    peer.send(format!("{text}\n"));
    is_heard(peer);
}

/// All that it has sent has come.
#[track_caller]
fn is_heard(peer: &mut Peer) {
    peer.send("/who\n");
    let is_answer = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        words.len() > 2 && words[1].parse::<u32>().is_ok() && words[2] == "here:"
    };
    while !is_answer(&peer.line()) {}
}

/// The numbers from 1 to `last`, each once and in order.
#[track_caller]
fn are_all(texts: &[String], last: u64) {
    for (text, expected) in texts.iter().zip(1..) {
        assert_eq!(*text, expected.to_string());
    }
    assert_eq!(texts.len() as u64, last);
}

#[test]
fn what_is_said_is_in_the_file_at_once_for_its_owner_alone() {
    let place = Place::new();
    let server = place.launch().start();
    let mut ann = Member::joins(&server, "ann");
    ann.says("hi \"all\"");
    ann.says("/me waves");
    ann.says("/msg ann psst");
    place.has("t.jsonl", 2);
    assert_eq!(place.said("t.jsonl"), ["hi \"all\"", "waves"]);
    let text = place.text("t.jsonl");
    let object: Value = serde_json::from_str(text.lines().next_back().unwrap()).unwrap();
    for (field, value) in [("type", "me"), ("room", "lobby"), ("from", "ann")] {
        assert_eq!(object[field], value);
    }
    let time = object["time"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    let metadata = fs::metadata(place.file()).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
}

#[test]
fn the_end_of_the_server_writes_all_that_was_said() {
    let place = Place::new();
    for round in 1..=3 {
        let mut server = place.launch().start();
        says(&server, &round.to_string());
        server.signal(Signal::TERM);
        assert_eq!(server.exit_code(), 0);
        are_all(&place.said("t.jsonl"), round);
    }
}

/// Somebody who speaks without a pause, and what it has said, is what all files have together.
#[test]
fn a_file_that_is_moved_away_under_load_loses_no_line() {
    const LINES_SAID: u64 = 60_000;
    let place = Place::new();
    let mut server = place.launch().start();
    let mut peer = Peer::connect(&server);
    let speaker = thread::spawn(move || {
        for hundred in 0..LINES_SAID / 100 {
            let numbers = hundred * 100 + 1..=hundred * 100 + 100;
            let lines: String = numbers.map(|number| format!("{number}\n")).collect();
            peer.send(lines);
        }
        is_heard(&mut peer);
    });
    let mut moved = 0;
    while !speaker.is_finished() {
        moved += 1;
        place.rotate(&server, &format!("{moved}"));
    }
    speaker.join().unwrap();
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), 0);
    assert!(moved >= 2, "moved {moved} times");
    let olds = (1..=moved).map(|number| number.to_string());
    let names = olds.chain(["t.jsonl".to_owned()]);
    let texts: Vec<String> = names.flat_map(|name| place.said(&name)).collect();
    are_all(&texts, LINES_SAID);
}

#[test]
fn sighup_without_a_move_goes_on_in_the_same_file() {
    let place = Place::new();
    let server = place.launch().start();
    says(&server, "1");
    server.signal(Signal::HUP);
    server.stderr().wait_for("is where it was");
    says(&server, "2");
    place.has("t.jsonl", 2);
}

#[test]
fn what_cannot_be_opened_anew_leaves_the_old_file() {
    let place = Place::new();
    let server = place.launch().start();
    says(&server, "1");
    place.has("t.jsonl", 1);
    fs::rename(place.file(), place.path("old")).unwrap();
    fs::create_dir(place.file()).unwrap();
    server.signal(Signal::HUP);
    let said = server.stderr().wait_for("what was there before stays");
    assert!(said.contains("SIGHUP: open --transcript"), "{said}");
    assert!(said.contains("Is a directory"), "{said}");
    says(&server, "2");
    place.has("old", 2);
}

/// Killed in the middle of talk: what somebody had heard a second before is there, nothing before
/// it is torn, and the next server goes on behind it.
#[test]
fn killed_under_load_it_loses_at_most_the_last_second() {
    let place = Place::new();
    let mut server = place.launch().start();
    let (mut speaker, mut listener) = (Peer::connect(&server), Peer::connect(&server));
    listener.send("/nick listener\n");
    while !listener.line().contains("listener") {}
    let speaking = thread::spawn(move || {
        for number in 1_u64.. {
            if !speaker.try_send(format!("{number}\n")) {
                return;
            }
            if number.is_multiple_of(50) {
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let heard = |line: &str| -> u64 { line.rsplit_once(' ').unwrap().1.parse().unwrap() };
    let start = Instant::now();
    let (mut early, mut late) = (0, 0);
    while start.elapsed() < Duration::from_millis(1500) {
        let line = listener.line();
        if line.starts_with("* ") {
            continue;
        }
        late = heard(&line);
        if start.elapsed() < Duration::from_millis(500) {
            early = late;
        }
    }
    server.signal(Signal::KILL);
    server.ends_within(PATIENCE);
    speaking.join().unwrap();
    let text = place.text("t.jsonl");
    let whole = &text[..text.rfind('\n').unwrap() + 1];
    let texts = texts(whole);
    let last = texts.len() as u64;
    are_all(&texts, last);
    assert!(
        early > 0 && last >= early,
        "heard {early}, then {late}; written {last}"
    );
    // Whether it was torn or not: now it is.
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(place.file())
        .unwrap();
    file.write_all(b"{\"type\":\"say\",\"id\":17").unwrap();
    let mut server = place.launch().start();
    let mut peer = Peer::connect(&server);
    let shown: Vec<String> = (0..21).map(|_| peer.line()).collect();
    for (line, number) in shown[1..].iter().zip(last - 19..) {
        assert_eq!(heard(line), number, "{shown:?}");
    }
    speaks(&mut peer, "on it goes");
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), 0);
    let text = place.text("t.jsonl");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len() as u64, last + 2);
    assert!(lines[lines.len() - 2].ends_with(":17"));
    assert!(lines[lines.len() - 1].ends_with(r#""text":"on it goes"}"#));
}

#[test]
fn what_cannot_be_opened_is_one_clear_line() {
    let place = Place::new();
    let first = place.launch().start();
    let file = place.file();
    let folder = place.0.path();
    for (path, why) in [
        (file.clone(), "another server writes to it"),
        (folder.to_owned(), "Is a directory (os error 21)"),
        (
            folder.join("no/such"),
            "No such file or directory (os error 2)",
        ),
    ] {
        let args = ["--transcript", path.to_str().unwrap()];
        let mut server = Launch::new("room").args(&args).spawn();
        assert_eq!(server.exit_code(), 1);
        let said = server.stderr().settled();
        let path = path.display();
        assert_eq!(said, format!("chinwag: open --transcript {path}: {why}\n"));
        assert_eq!(server.stdout().settled(), "");
    }
    says(&first, "1");
}

#[test]
fn in_the_sandbox_it_is_opened_anew_too() {
    let place = Place::new();
    let mut server = place.launch().args(&["--sandbox"]).spawn();
    until("it starts or gives up", PATIENCE, || {
        server.stdout().text().contains("listening") || !server.is_running()
    });
    if !server.is_running() {
        return skipped("--sandbox: this kernel has no Landlock");
    }
    let said = server.stdout().text();
    let address = said.trim().strip_prefix("listening on lines:").unwrap();
    speaks(&mut Peer::to(address), "1");
    place.has("t.jsonl", 1);
    place.rotate(&server, "old");
    speaks(&mut Peer::to(address), "2");
    place.has("t.jsonl", 1);
    assert_eq!(place.said("old"), ["1"]);
}

#[test]
fn as_another_user_it_is_opened_anew_where_that_user_may() {
    if !rustix::process::geteuid().is_root() {
        return skipped("--transcript with --user: only root can become another user");
    }
    let place = Place::new();
    let server = place.launch().args(&["--user", "nobody"]).start();
    let warning = "once the transcript";
    server.stderr().wait_for(warning);
    says(&server, "1");
    place.has("t.jsonl", 1);
    let nobody = fs::metadata(place.file()).unwrap();
    assert_ne!(nobody.uid(), 0);
    fs::rename(place.file(), place.path("old")).unwrap();
    server.signal(Signal::HUP);
    server
        .stderr()
        .wait_for("Permission denied (os error 13); what was there before stays");
    says(&server, "2");
    place.has("old", 2);
    drop(server);
    // In a folder of its own.
    let place = Place::new();
    let (user, group) = (Some(nobody.uid()), Some(nobody.gid()));
    std::os::unix::fs::chown(place.0.path(), user, group).unwrap();
    let server = place.launch().args(&["--user", "nobody"]).start();
    says(&server, "1");
    place.has("t.jsonl", 1);
    place.rotate(&server, "old");
    says(&server, "2");
    place.has("t.jsonl", 1);
    assert_eq!(place.said("old"), ["1"]);
    let said = server.stderr().text();
    assert!(!said.contains(warning), "{said}");
}
