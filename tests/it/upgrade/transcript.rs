//! The transcript over upgrades: each line once and in order, whichever process wrote it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{SOON, Succession};
use crate::harness::{Launch, PATIENCE, skipped, until};
use crate::member::Member;
use crate::peer::Peer;

fn launch(file: &Path) -> Launch {
    let args = ["--transcript", file.to_str().unwrap()];
    Launch::unnamed().listen(&["lines:127.0.0.1:0"]).args(&args)
}

/// What was said, line by line; each has to be whole.
fn said(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let read = text.lines().map(|line| {
        let object: Value = serde_json::from_str(line).expect(line);
        object["text"].as_str().expect(line).to_owned()
    });
    read.collect()
}

/// Somebody speaks without a pause while one process after the other serves.
#[track_caller]
fn no_line_is_lost(file: &Path, launch: Launch) {
    const LINES: usize = 20_000;
    const UPGRADES: usize = 5;
    let mut chat = Succession::of(launch.start());
    let mut peer = Peer::connect(&chat.server);
    let speaker = std::thread::spawn(move || {
        for number in 0..LINES {
            peer.send(format!("{number}\n"));
        }
        peer
    });
    for _ in 0..UPGRADES {
        chat.upgrades();
    }
    let _peer = speaker.join().unwrap();
    until("all is written", PATIENCE, || said(file).len() >= LINES);
    let expected: Vec<String> = (0..LINES).map(|number| number.to_string()).collect();
    assert!(said(file) == expected);
    chat.ends();
    let told = chat.server.stderr().text();
    assert!(!told.contains("transcript"), "{told}");
}

#[test]
fn each_line_is_there_once_whichever_process_wrote_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.jsonl");
    no_line_is_lost(&file, launch(&file));
}

#[test]
fn so_it_is_in_the_sandbox() {
    let mut probe = Launch::new("echo").args(&["--sandbox"]).spawn();
    until("it starts or gives up", PATIENCE, || {
        probe.stdout().text().contains('\n') || !probe.is_running()
    });
    if !probe.is_running() {
        return skipped("--sandbox: this kernel has no Landlock");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.jsonl");
    no_line_is_lost(&file, launch(&file).args(&["--sandbox"]));
}

#[test]
fn so_it_is_for_another_user() {
    if !rustix::process::geteuid().is_root() {
        return skipped("--user: only root can become another user");
    }
    let folder = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(folder.path(), mode).unwrap();
    let file = folder.path().join("t.jsonl");
    no_line_is_lost(&file, launch(&file).args(&["--user", "nobody"]));
}

/// Newcomers are shown what was said, each line once.
#[test]
fn what_was_said_is_shown_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.jsonl");
    let mut chat = Succession::of(launch(&file).start());
    let mut ann = Member::joins(&chat.server, "ann");
    ann.says("one");
    chat.upgrades();
    ann.says("two");
    let mut bob = Member::joins(&chat.server, "bob");
    ann.is_told("bob");
    let mut late = Peer::connect(&chat.server);
    let shown: Vec<String> = (0..3).map(|_| late.line()).collect();
    assert_eq!(shown[1..], ["ann: one", "ann: two"]);
    ann.says("three");
    bob.hears("ann: three");
    chat.ends();
    assert_eq!(said(&file), ["one", "two", "three"]);
}

/// The new process cannot open it: the old one goes on, with its file.
#[test]
fn one_that_cannot_be_opened_fails_the_upgrade() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.jsonl");
    let old = folder.path().join("old");
    let mut chat = Succession::of(launch(&file).start());
    let mut ann = Member::joins(&chat.server, "ann");
    let mut bob = Member::joins(&chat.server, "bob");
    ann.is_told("bob");
    ann.says("one");
    bob.hears("ann: one");
    until("it is written", PATIENCE, || said(&file).len() == 1);
    fs::rename(&file, &old).unwrap();
    fs::create_dir(&file).unwrap();
    chat.signal(rustix::process::Signal::USR2);
    let told = chat.server.stderr().wait("it has failed", |text| {
        text.contains("this process goes on")
    });
    let why = format!(
        "chinwag: open --transcript {}: Is a directory",
        file.display()
    );
    assert!(told.contains(&why), "{told}");
    ann.says("two");
    bob.hears("ann: two");
    until("it is written", SOON, || said(&old).len() == 2);
    fs::remove_dir(&file).unwrap();
    chat.upgrades();
    ann.says("three");
    bob.hears("ann: three");
    until("it is written", PATIENCE, || {
        file.exists() && said(&file).len() == 1
    });
    chat.ends();
}

/// A transcript that nothing can be written to: there is no upgrade, and the chat goes on.
#[test]
fn one_that_does_not_take_all_fails_the_upgrade_at_once() {
    let mut chat = Succession::of(launch(Path::new("/dev/full")).start());
    let mut ann = Member::joins(&chat.server, "ann");
    let mut bob = Member::joins(&chat.server, "bob");
    ann.is_told("bob");
    ann.says("one");
    bob.hears("ann: one");
    chat.signal(rustix::process::Signal::USR2);
    let why = "failed: write the transcript to its end: No space left on device";
    chat.server.stderr().wait_for(why);
    ann.says("two");
    bob.hears("ann: two");
    chat.signal(rustix::process::Signal::TERM);
    assert_eq!(chat.server.exit_code(), 0);
}
