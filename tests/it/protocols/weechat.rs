//! weechat without its screen: it logs what it would show, and takes what a person would type from
//! a pipe.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{program_exists, serve};
use crate::child::Running;
use crate::harness::{PATIENCE, until};
use crate::member::Member;

struct Weechat {
    folder: tempfile::TempDir,
    _running: Running,
}

impl Weechat {
    fn start(program: &str, port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.args(["--dir", folder.path().to_str().unwrap()]);
        for line in [
            // Its logs are this test's eyes, and it need not wait between lines; all else is as it
            // comes.
            "/set logger.file.flush_delay 0",
            &format!("/server add here 127.0.0.1/{port} -nicks=wee,wee2 -anti_flood_prio_high=0"),
            "/connect here",
        ] {
            command.args(["--run-command", line]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.env("LC_ALL", "C.UTF-8");
        let running = Running::new(command.spawn().unwrap());
        Self {
            folder,
            _running: running,
        }
    }

    /// What its buffers have shown so far.
    fn shown(&self, buffer: &str) -> String {
        let file = format!("{buffer}.weechatlog");
        let path = self.folder.path().join("logs").join(file);
        fs::read(path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    #[track_caller]
    fn shows(&self, buffer: &str, words: &str) {
        until(&format!("{words} in {buffer}"), PATIENCE, || {
            self.shown(buffer).contains(words)
        });
    }

    /// Types into a buffer.
    #[track_caller]
    fn types(&self, buffer: &str, text: &str) {
        let mut pipe = None;
        until("weechat has its pipe", PATIENCE, || {
            pipe = fifo(self.folder.path());
            pipe.is_some()
        });
        let mut pipe = fs::OpenOptions::new()
            .write(true)
            .open(pipe.unwrap())
            .unwrap();
        writeln!(pipe, "{buffer} *{text}").unwrap();
    }
}

fn fifo(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    let paths = entries.flatten().map(|entry| entry.path());
    paths.into_iter().find(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("weechat_fifo_"))
    })
}

#[test]
fn a_person_at_weechat_talks_with_one_of_lines() {
    let Some(program) = program_exists("weechat-headless") else {
        return;
    };
    let server = serve(&["--notices", "on", "--motd", "be kind"]);
    let mut ann = Member::joins(&server, "ann");
    ann.says("said before");
    let weechat = Weechat::start(&program, server.port());
    let (of_server, of_room) = ("irc.server.here", "irc.here.#lobby");
    weechat.shows(of_server, "be kind");
    weechat.types(of_server, "/join #lobby");
    ann.is_told("wee joined");
    weechat.shows(of_room, "said before");
    weechat.types(of_room, "hello from weechat äö");
    ann.hears("wee: hello from weechat äö");
    ann.says("hello wee, 世界");
    weechat.shows(of_room, "ann\thello wee, 世界");
    weechat.types(of_room, "/me waves");
    ann.hears("** wee waves");
    ann.says("/me waves back");
    weechat.shows(of_room, "ann waves back");
    weechat.types(of_room, "/nick wei");
    ann.is_told("wee is now wei");
    weechat.shows(of_room, "wei");
    weechat.types(of_room, "/whois ann");
    weechat.shows(of_server, "[ann]");
    weechat.types(of_room, "/list");
    weechat.shows(of_server, "#lobby");
    weechat.types(of_room, "/msg ann psst");
    ann.hears("[wei] psst");
    weechat.types(of_room, "/reconnect here");
    ann.is_told("wei left");
    // It joins again what it was in.
    ann.is_told("joined");
    weechat.types(of_room, "back again");
    let line = ann.next();
    assert!(line.ends_with(": back again"), "{line}");
    for buffer in ["core.weechat", of_server, of_room] {
        let shown = weechat.shown(buffer);
        assert!(!shown.contains("=!="), "an error in {buffer}:\n{shown}");
        assert!(
            !shown.to_lowercase().contains("unknown"),
            "{buffer}:\n{shown}"
        );
    }
}
