//! Upgrades that fail, at each step: the old process goes on, says why in one line, and nobody
//! notices.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{SOON, Succession};
use crate::harness::{Launch, PATIENCE, program};
use crate::member::Member;

/// A room of a program at a path of its own, so that something else can take its place.
struct Replaced {
    chat: Succession,
    path: std::path::PathBuf,
    ann: Member,
    bob: Member,
    said: usize,
    _folder: tempfile::TempDir,
}

impl Replaced {
    #[track_caller]
    fn new(args: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chinwag");
        symlink(fs::canonicalize(program()).unwrap(), &path).unwrap();
        let launch = Launch::unnamed().program(&path).args(args);
        let chat = Succession::of(launch.start());
        let ann = Member::joins(&chat.server, "ann");
        let bob = Member::joins(&chat.server, "bob");
        Self {
            chat,
            path,
            ann,
            bob,
            said: 0,
            _folder: folder,
        }
    }

    fn put(&self, text: &str, mode: u32) {
        let new = self.path.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(mode)).unwrap();
        fs::rename(new, &self.path).unwrap();
    }

    /// The program is there again, and takes over.
    #[track_caller]
    fn upgrades(&mut self) {
        let _ = fs::remove_file(&self.path);
        symlink(fs::canonicalize(program()).unwrap(), &self.path).unwrap();
        self.chat.upgrades();
        self.talk();
    }

    #[track_caller]
    fn talk(&mut self) {
        self.said += 1;
        self.ann.says(&format!("word {}", self.said));
        self.bob.hears(&format!("ann: word {}", self.said));
    }

    /// An upgrade is tried, and fails for that reason.
    #[track_caller]
    fn fails(&mut self, why: &str) {
        let before = self.chat.server.stderr().text().len();
        // What is said while it is under way is not lost.
        self.ann.says("meanwhile");
        self.chat.signal(Signal::USR2);
        let told = self.chat.server.stderr().wait("why it has failed", |text| {
            text[before..].contains("this process goes on")
        });
        let told: Vec<&str> = told[before..]
            .lines()
            .filter(|line| line.contains(" ERROR] "))
            .collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(why), "{}", told[0]);
        self.bob.hears("ann: meanwhile");
        self.talk();
    }
}

/// A program that talks with the old process over its stdin.
fn script(body: &str) -> String {
    format!(
        "#!/usr/bin/env python3\n\
         import os, socket, sys, time\n\
         old = socket.socket(fileno=os.dup(0))\n\
         def take(count):\n\
         \x20   taken = b''\n\
         \x20   while len(taken) < count:\n\
         \x20       taken += old.recv(count - len(taken)) or sys.exit(7)\n\
         \x20   return taken\n\
         def take_all():\n\
         \x20   counts = take(16)\n\
         \x20   descriptors = int.from_bytes(counts[:8], 'little')\n\
         \x20   taken = 0\n\
         \x20   while taken < descriptors:\n\
         \x20       taken += len(socket.recv_fds(old, 1, 253)[1])\n\
         \x20   take(int.from_bytes(counts[8:], 'little'))\n\
         {body}\n"
    )
}

const HELLO: &str = "old.send(b'chinwag takes over 1\\n')";

#[test]
fn a_new_program_that_cannot_be_started() {
    let mut replaced = Replaced::new(&[]);
    fs::remove_file(&replaced.path).unwrap();
    replaced.fails("No such file or directory");
    replaced.put("#!/bin/sh\n", 0o644);
    replaced.fails("Permission denied");
    replaced.put("no program", 0o755);
    replaced.fails("Exec format error");
    replaced.upgrades();
}

#[test]
fn a_new_program_that_ends_at_any_step() {
    let mut replaced = Replaced::new(&[]);
    for (body, why) in [
        (
            "sys.exit(3)",
            "it ended before it was ready: exit status: 3",
        ),
        ("os.abort()", "it ended before it was ready: signal: 6"),
        (&format!("{HELLO}\nsys.exit(3)"), "hand over to it: "),
        (
            &format!("{HELLO}\ntake(3)\nsys.exit(3)"),
            "hand over to it: ",
        ),
        (
            &format!("{HELLO}\ntake_all()\nsys.exit(3)"),
            "hand over to it: ",
        ),
        (
            &format!("{HELLO}\ntake_all()\nold.send(b'rea')\nsys.exit(3)"),
            "hand over to it: ",
        ),
    ] {
        replaced.put(&script(body), 0o755);
        replaced.fails(why);
    }
    replaced.upgrades();
}

#[test]
fn a_new_program_that_says_something_else() {
    let mut replaced = Replaced::new(&[]);
    for (body, why) in [
        (
            "old.send(b'chinwag takes over 2\\n'); time.sleep(60)",
            "it does not read this version's state",
        ),
        (
            "old.send(b'?'); time.sleep(60)",
            "it does not read this version's state",
        ),
        (
            &format!("{HELLO}\ntake_all()\nold.send(b'REBOOT'); time.sleep(60)"),
            "it is not ready",
        ),
    ] {
        replaced.put(&script(body), 0o755);
        replaced.fails(why);
    }
    replaced.upgrades();
}

/// What has a time limit ends early at any signal.
#[test]
fn a_signal_in_the_middle_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let motd = folder.path().join("motd");
    fs::write(&motd, "welcome\n").unwrap();
    let motd = format!("@{}", motd.display());
    let mut replaced = Replaced::new(&["--motd", &motd]);
    let signal = "import signal\nos.kill(os.getppid(), signal.SIGHUP)\ntime.sleep(0.3)";
    let body = format!("{HELLO}\ntake_all()\n{signal}\nold.send(b'REBOOT'); time.sleep(60)");
    replaced.put(&script(&body), 0o755);
    replaced.fails("it is not ready");
    replaced.upgrades();
}

#[test]
fn a_new_program_that_hangs_is_given_up_after_five_seconds() {
    let mut replaced = Replaced::new(&[]);
    for (body, why) in [
        ("time.sleep(60)", "it said nothing for 5 s"),
        (
            &format!("{HELLO}\ntime.sleep(60)"),
            "it did not take over within 5s",
        ),
        (
            &format!("{HELLO}\ntake_all()\ntime.sleep(60)"),
            "it did not take over within 5s",
        ),
    ] {
        replaced.put(&script(body), 0o755);
        let began = Instant::now();
        replaced.fails(why);
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(5), "{took:?}");
        assert!(took < Duration::from_secs(5) + SOON, "{took:?}");
    }
    replaced.upgrades();
}

#[test]
fn a_server_that_ends_takes_the_new_process_along() {
    let replaced = &mut Replaced::new(&[]);
    let pid = replaced.path.with_extension("pid");
    let note = format!("open({:?}, 'w').write(str(os.getpid()))", pid.display());
    replaced.put(&script(&format!("{note}\ntime.sleep(60)")), 0o755);
    replaced.chat.signal(Signal::USR2);
    let mut new = None;
    crate::harness::until("the new process runs", PATIENCE, || {
        new = fs::read_to_string(&pid)
            .ok()
            .and_then(|pid| pid.parse().ok());
        new.is_some()
    });
    replaced.chat.signal(Signal::TERM);
    assert_eq!(replaced.chat.server.exit_code(), 0);
    let new = rustix::process::Pid::from_raw(new.unwrap()).unwrap();
    crate::harness::until("it is ended", PATIENCE, || {
        rustix::process::test_kill_process(new).is_err()
    });
}
