//! Starts the real program, keeps what it says, and ends it whatever happens.
//! Every wait has a limit; a failing test shows the program's stderr.

use std::ffi::OsString;
use std::io::{ErrorKind, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::kernel;

/// How long anything that must happen may take before the test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);

/// A port of the system's choice on loopback.
pub(crate) const ANY: &str = "127.0.0.1:0";

/// The same, for lines alone: who has connected is in. Elsewhere a room waits a tenth of a second
/// for what else it may be, and where nobody is greeted a test cannot know when.
pub(crate) const LINES: &str = "lines:127.0.0.1:0";

/// The program under test.
pub(crate) fn program() -> OsString {
    std::env::var_os("CHINWAG_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_chinwag").into())
}

/// Held by tests that load the machine or measure it, so that they run one after the other.
pub(crate) fn serial() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Polls until `holds` does, and fails the test when it never does.
#[track_caller]
pub(crate) fn until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < deadline, "never, in {limit:?}: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Says that a test cannot run here, and why; fails it where every test has to run.
#[track_caller]
pub(crate) fn skipped(why: &str) {
    // Not `eprintln!`: of a test that passes, the test harness keeps that to itself.
    writeln!(std::io::stderr(), "SKIPPED {why}").expect("stderr is open");
    let all = std::env::var_os("CHINWAG_REQUIRE_ALL");
    assert!(all.is_none(), "skipped: {why}");
}

/// A command line being put together.
pub(crate) struct Launch {
    program: OsString,
    service: Vec<String>,
    listen: Vec<String>,
    args: Vec<String>,
    wrap: Vec<String>,
    log: String,
    stdin: Stdio,
    stdout: Option<Stdio>,
    stderr: Option<Stdio>,
}

impl Launch {
    /// `chinwag serve SERVICE` on a port of its own, nothing on stdin.
    pub(crate) fn new(service: &str) -> Self {
        Self {
            program: program(),
            service: vec![service.to_owned()],
            listen: vec![ANY.to_owned()],
            args: Vec::new(),
            wrap: Vec::new(),
            log: "info".to_owned(),
            stdin: Stdio::null(),
            stdout: None,
            stderr: None,
        }
    }

    /// `chinwag serve` with no service named.
    pub(crate) fn unnamed() -> Self {
        let mut launch = Self::new("");
        launch.service.clear();
        launch
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|&a| a.to_owned()));
        self
    }

    /// The program, by another path.
    pub(crate) fn program(mut self, path: impl Into<OsString>) -> Self {
        self.program = path.into();
        self
    }

    /// These addresses in place of the one on loopback.
    pub(crate) fn listen(mut self, addresses: &[&str]) -> Self {
        self.listen = addresses.iter().map(|&a| a.to_owned()).collect();
        self
    }

    /// Runs the program by way of another that execs it: `prlimit`, `setsid`, `sh -c`.
    pub(crate) fn wrap(mut self, words: &[&str]) -> Self {
        self.wrap = words.iter().map(|&w| w.to_owned()).collect();
        self
    }

    pub(crate) fn log(mut self, level: &str) -> Self {
        level.clone_into(&mut self.log);
        self
    }

    pub(crate) fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.stdin = stdin.into();
        self
    }

    /// stdout goes elsewhere; the test must learn the address by itself.
    pub(crate) fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.stdout = Some(stdout.into());
        self
    }

    pub(crate) fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.stderr = Some(stderr.into());
        self
    }

    /// Starts the program, and waits until it listens everywhere that it was told to.
    #[track_caller]
    pub(crate) fn start(self) -> Server {
        let listeners = self.listen.len();
        let mut server = self.spawn();
        let stdout = server.stdout.as_ref().expect("stdout is the harness's");
        let said = stdout.wait("a listening line for each listener", |text| {
            text.matches('\n').count() >= listeners
        });
        server.addresses = said
            .lines()
            .take(listeners)
            .map(|line| {
                let address = line.strip_prefix("listening on ");
                address.unwrap_or_else(|| panic!("{line:?}")).to_owned()
            })
            .collect();
        server
    }

    /// Starts the program and waits for nothing.
    #[track_caller]
    pub(crate) fn spawn(self) -> Server {
        let mut words: Vec<OsString> = self.wrap.iter().map(OsString::from).collect();
        words.extend([self.program, "serve".into()]);
        words.extend(self.service.iter().map(OsString::from));
        for address in &self.listen {
            words.extend(["-l".into(), address.into()]);
        }
        words.extend(self.args.iter().map(OsString::from));
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .env("RUST_LOG", &self.log)
            .env("NO_COLOR", "1")
            .stdin(self.stdin)
            .stdout(self.stdout.unwrap_or_else(Stdio::piped))
            .stderr(self.stderr.unwrap_or_else(Stdio::piped))
            .spawn()
            .expect("the program starts");
        Server {
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map(Capture::of),
            stderr: child.stderr.take().map(Capture::of),
            addresses: Vec::new(),
            child,
        }
    }
}

/// The running program. Dropped: killed.
pub(crate) struct Server {
    child: Child,
    /// There when the launch asked for a pipe.
    pub(crate) stdin: Option<ChildStdin>,
    stdout: Option<Capture>,
    stderr: Option<Capture>,
    /// Where it listens, as it says itself, in order.
    pub(crate) addresses: Vec<String>,
}

impl Server {
    /// The first address, without the protocol in front if that is lines.
    pub(crate) fn address(&self) -> &str {
        let address = &self.addresses[0];
        address.strip_prefix("lines:").unwrap_or(address)
    }

    pub(crate) fn port(&self) -> u16 {
        let (_, port) = self.address().rsplit_once(':').expect("a TCP address");
        port.parse().expect("a port")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn stdout(&self) -> &Capture {
        self.stdout.as_ref().expect("stdout is the harness's")
    }

    pub(crate) fn stderr(&self) -> &Capture {
        self.stderr.as_ref().expect("stderr is the harness's")
    }

    /// Types at the server's stdin.
    #[track_caller]
    pub(crate) fn types(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is a pipe");
        stdin.write_all(text.as_bytes()).expect("stdin is read");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is there");
    }

    /// Stops the whole process, and waits until every thread of it stands.
    #[track_caller]
    pub(crate) fn pause(&self) {
        self.signal(Signal::STOP);
        until("all threads stopped", PATIENCE, || {
            kernel::all_stopped(self.id())
        });
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_none()
    }

    /// Waits for the end, at most `limit`.
    #[track_caller]
    pub(crate) fn ends_within(&mut self, limit: Duration) -> ExitStatus {
        let mut status = None;
        until("the process ends", limit, || {
            status = self.child.try_wait().expect("wait");
            status.is_some()
        });
        status.expect("it ended")
    }

    /// The exit code, waited for with [`PATIENCE`].
    #[track_caller]
    pub(crate) fn exit_code(&mut self) -> i32 {
        let status = self.ends_within(PATIENCE);
        status.code().unwrap_or_else(|| panic!("{status}"))
    }

    /// The share of one core that the process used over half a second.
    fn cpu_share(&self) -> f64 {
        let (start, before) = (Instant::now(), kernel::cpu_seconds(self.id()));
        thread::sleep(Duration::from_millis(500));
        (kernel::cpu_seconds(self.id()) - before) / start.elapsed().as_secs_f64()
    }

    /// Nothing to do must cost nothing: under 5 % of a core. A server that spins does so in every
    /// window; on a busy machine, one that still has something to finish needs a second look.
    #[track_caller]
    pub(crate) fn does_not_spin(&self) {
        let mut share = 1.0;
        for _ in 0..6 {
            share = self.cpu_share();
            if share < 0.05 {
                return;
            }
        }
        panic!("{:.0} % of a core", share * 100.0);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            for (name, capture) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
                let text = capture.as_ref().map(Capture::settled).unwrap_or_default();
                let tail: Vec<&str> = text.lines().rev().take(40).collect();
                for line in tail.iter().rev() {
                    eprintln!("[server {name}] {line:.300}");
                }
            }
        }
    }
}

/// What a pipe has carried so far; a thread reads it so that the program never waits.
pub(crate) struct Capture {
    state: Arc<(Mutex<Captured>, Condvar)>,
}

#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    ended: bool,
}

/// The lock, also after a failed assertion held it: what was said is to be shown then.
fn held(captured: &Mutex<Captured>) -> MutexGuard<'_, Captured> {
    captured.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Capture {
    pub(crate) fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let state = Arc::new((Mutex::new(Captured::default()), Condvar::new()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            let mut chunk = vec![0; 16 * 1024];
            loop {
                let read = pipe.read(&mut chunk);
                let mut captured = held(&shared.0);
                match read {
                    Ok(0) => captured.ended = true,
                    Ok(n) => captured.bytes.extend_from_slice(&chunk[..n]),
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    // A terminal whose other side is gone says EIO.
                    Err(_) => captured.ended = true,
                }
                shared.1.notify_all();
                if captured.ended {
                    return;
                }
            }
        });
        Self { state }
    }

    /// All that came so far.
    pub(crate) fn text(&self) -> String {
        let captured = held(&self.state.0);
        String::from_utf8_lossy(&captured.bytes).into_owned()
    }

    /// Waits until `holds` of all that came; gives it.
    #[track_caller]
    pub(crate) fn wait(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut captured = held(&self.state.0);
        loop {
            let text = String::from_utf8_lossy(&captured.bytes).into_owned();
            if holds(&text) {
                return text;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !captured.ended,
                "never said: {what}; said: {text:?}"
            );
            let waited = self.state.1.wait_timeout(captured, left);
            let (next, _) = waited.unwrap_or_else(PoisonError::into_inner);
            captured = next;
        }
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, needle: &str) -> String {
        self.wait(needle, |text| text.contains(needle))
    }

    /// All that was ever said, once the pipe has ended (or does not, for a while).
    pub(crate) fn settled(&self) -> String {
        let deadline = Instant::now() + Duration::from_secs(2);
        let mut captured = held(&self.state.0);
        while !captured.ended && Instant::now() < deadline {
            let wait = Duration::from_millis(50);
            let waited = self.state.1.wait_timeout(captured, wait);
            let (next, _) = waited.unwrap_or_else(PoisonError::into_inner);
            captured = next;
        }
        String::from_utf8_lossy(&captured.bytes).into_owned()
    }
}
