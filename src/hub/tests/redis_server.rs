//! A Redis of the test's own, on a free port, with its files in a folder that goes with it.
//! `CHINWAG_TEST_REDIS` names another program than `redis-server`, as `valkey-server`.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) struct RedisServer {
    process: Child,
    pub(crate) port: u16,
    folder: tempfile::TempDir,
    options: Vec<String>,
}

fn program() -> OsString {
    std::env::var_os("CHINWAG_TEST_REDIS").unwrap_or_else(|| "redis-server".into())
}

/// Whether there is one to be started; says so where there is none.
pub(crate) fn is_there() -> bool {
    let found = Command::new(program()).arg("--version").output();
    if found.is_ok() {
        return true;
    }
    let _ = writeln!(std::io::stderr(), "SKIPPED hub: there is no redis-server");
    let all = std::env::var_os("CHINWAG_REQUIRE_ALL");
    assert!(all.is_none(), "skipped: there is no redis-server");
    false
}

impl RedisServer {
    pub(crate) fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options: Vec<String> = options.iter().map(|&o| o.to_owned()).collect();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let process = launch(port, folder.path(), &options);
        let server = Self {
            process,
            port,
            folder,
            options,
        };
        server.wait();
        server
    }

    fn wait(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.answers() {
            assert!(Instant::now() < deadline, "redis-server never answers");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whatever it says but that it is still loading.
    fn answers(&self) -> bool {
        let said = self.say("PING");
        said.starts_with("+PONG") || said.starts_with("-NOAUTH")
    }

    /// One command, its words parted by spaces; the beginning of its answer as it comes.
    pub(crate) fn say(&self, command: &str) -> String {
        let Ok(mut socket) = TcpStream::connect(("127.0.0.1", self.port)) else {
            return String::new();
        };
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = [0; 4096];
        let sent = socket.write_all(format!("{command}\r\n").as_bytes());
        let read = sent.and_then(|()| socket.read(&mut answer)).unwrap_or(0);
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// It is there, and does nothing.
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// After `kill`, with the files that are there.
    pub(crate) fn start_again(&mut self) {
        self.process = launch(self.port, self.folder.path(), &self.options);
        self.wait();
    }

    /// Where its appendonly files are.
    pub(crate) fn append_only_folder(&self) -> PathBuf {
        self.folder.path().join("appendonlydir")
    }
}

fn launch(port: u16, folder: &Path, options: &[String]) -> Child {
    let mut command = Command::new(program());
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--appendonly", "yes", "--save", ""])
        .arg("--dir")
        .arg(folder)
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
