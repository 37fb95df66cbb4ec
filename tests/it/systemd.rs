//! What systemd hands to the server and is told by it; the units in `contrib/`.

use std::io::Write;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::child::Running;
use crate::harness::{Capture, Launch, PATIENCE, Server, program, skipped, until};
use crate::member::Member;
use crate::peer::{Peer, unix};

/// What a service manager hears.
struct Manager {
    socket: UnixDatagram,
    /// For `NOTIFY_SOCKET`.
    address: String,
    _folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            socket,
            address: path.to_str().unwrap().to_owned(),
            _folder: folder,
        }
    }

    #[track_caller]
    fn hears(&self) -> String {
        let mut state = [0; 512];
        let length = self.socket.recv(&mut state).expect("a message");
        String::from_utf8(state[..length].to_vec()).unwrap()
    }

    /// A server that is told of this manager, and of these variables.
    fn starts(&self, service: &str, variables: &[&str]) -> Server {
        let notify = format!("NOTIFY_SOCKET={}", self.address);
        let words = [&["env", &notify], variables].concat();
        Launch::new(service).wrap(&words).start()
    }
}

#[test]
fn a_manager_is_told_of_the_beginning_and_of_the_end() {
    let manager = Manager::new();
    let mut server = manager.starts("room", &[]);
    assert_eq!(manager.hears(), "READY=1");
    let ann = Member::joins(&server, "ann");
    server.signal(Signal::TERM);
    assert_eq!(manager.hears(), "STOPPING=1");
    assert_eq!(server.exit_code(), 0);
    drop(ann);
    manager.socket.set_nonblocking(true).unwrap();
    assert!(manager.socket.recv(&mut [0; 9]).is_err(), "nothing else");
}

#[test]
fn a_manager_may_have_a_name_that_is_no_path() {
    let name = format!("chinwag-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let manager = Manager {
        socket,
        address: format!("@{name}"),
        _folder: tempfile::tempdir().unwrap(),
    };
    let _server = manager.starts("echo", &[]);
    assert_eq!(manager.hears(), "READY=1");
}

/// Nothing is heard of a loop that is stuck.
#[test]
fn the_watchdog_is_fed_by_the_loop() {
    let manager = Manager::new();
    let server = manager.starts("echo", &["WATCHDOG_USEC=400000"]);
    assert_eq!(manager.hears(), "READY=1");
    assert_eq!(manager.hears(), "WATCHDOG=1");
    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(manager.hears(), "WATCHDOG=1");
    }
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(550), "too often: {took:?}");
    server.pause();
    manager.socket.set_nonblocking(true).unwrap();
    while manager.socket.recv(&mut [0; 99]).is_ok() {}
    manager.socket.set_nonblocking(false).unwrap();
    let silence = Some(Duration::from_millis(600));
    manager.socket.set_read_timeout(silence).unwrap();
    assert!(manager.socket.recv(&mut [0; 99]).is_err(), "fed, and stuck");
    server.resume();
    manager.socket.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(manager.hears(), "WATCHDOG=1");
}

#[test]
fn a_watchdog_for_another_process_is_none() {
    let manager = Manager::new();
    let mut server = manager.starts("echo", &["WATCHDOG_USEC=1000", "WATCHDOG_PID=1"]);
    assert_eq!(manager.hears(), "READY=1");
    let mut peer = Peer::connect(&server);
    peer.echoes("x");
    server.signal(Signal::TERM);
    assert_eq!(manager.hears(), "STOPPING=1");
    drop(peer);
    assert_eq!(server.exit_code(), 0);
}

/// The kernel holds ten messages or so for one who does not read.
#[test]
fn a_manager_that_hears_nothing_is_not_waited_for() {
    let manager = Manager::new();
    let mut server = manager.starts("echo", &["WATCHDOG_USEC=2000"]);
    let mut peer = Peer::connect(&server);
    until("the queue is full", PATIENCE, || {
        peer.echoes("x");
        let filler = UnixDatagram::unbound().unwrap();
        filler.set_nonblocking(true).unwrap();
        filler.send_to(b"x", &manager.address).is_err()
    });
    for _ in 0..20 {
        peer.echoes("y");
        std::thread::sleep(Duration::from_millis(2));
    }
    server.signal(Signal::TERM);
    drop(peer);
    assert_eq!(server.exit_code(), 0);
    let gone = Launch::new("echo").wrap(&["env", "NOTIFY_SOCKET=/nowhere/at/all"]);
    let server = gone.start();
    let said = server.stderr().wait_for("/nowhere/at/all");
    assert!(said.contains("WARN") && said.lines().count() == 1, "{said}");
    Peer::connect(&server).echoes("served all the same");
}

/// A server to which these sockets are handed, and what it says on stdout.
fn handed(first: OwnedFd, second: OwnedFd, names: &str, words: &[&str]) -> (Running, Capture) {
    let (ours, theirs) = std::io::pipe().unwrap();
    // The shell becomes the server; what it finds on 0 and 1 it hands over as 3 and 4.
    let script = "exec 3<&0 4<&1 1>&2 </dev/null; export LISTEN_PID=$$; exec \"$@\"";
    let child = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(program())
        .arg("serve")
        .args(words)
        .env("LISTEN_FDS", "2")
        .env("LISTEN_FDNAMES", names)
        .env("RUST_LOG", "off")
        .stdin(first)
        .stdout(second)
        .stderr(theirs)
        .spawn()
        .unwrap();
    (Running::new(child), Capture::of(ours))
}

#[test]
fn sockets_that_are_handed_over_are_listened_on_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    let both = || {
        let _ = std::fs::remove_file(&path);
        let unix = UnixListener::bind(&path).unwrap();
        (tcp.try_clone().unwrap().into(), unix.into())
    };
    let told = format!(
        "listening on {address}\nlistening on http:unix:{}\n",
        path.display()
    );
    let (first, second) = both();
    let (mut running, stdout) = handed(first, second, "connection:http", &[]);
    let said = stdout.wait("two listeners", |text| text.lines().count() == 2);
    assert_eq!(said, told);
    let mut ann = Peer::to(&address.to_string());
    ann.send("/nick ann\n");
    while !ann.line().contains("you are now ann") {}
    let mut page = unix(&format!("unix:{}", path.display()));
    page.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut page, &mut answer).unwrap();
    assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
    running.signal(Signal::TERM);
    assert!(running.wait().success());
    assert!(path.exists(), "the socket's file is not the server's");

    // What is asked for comes behind.
    let (first, second) = both();
    let words = ["room", "-l", "127.0.0.1:0"];
    let (_running, stdout) = handed(first, second, "", &words);
    let said = stdout.wait("three listeners", |text| text.lines().count() == 3);
    let told = told.replace("http:", "");
    assert!(
        said.starts_with(&format!("{told}listening on 127.0.0.1:")),
        "{said}"
    );
}

#[test]
fn what_cannot_be_listened_on_is_told_in_a_line() {
    let listener = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
    let datagrams = || OwnedFd::from(UnixDatagram::unbound().unwrap());
    let connected = || OwnedFd::from(std::os::unix::net::UnixStream::pair().unwrap().0);
    for (second, name, service, code, why) in [
        (
            datagrams(),
            "",
            "echo",
            1,
            "take descriptor 4 from systemd: ",
        ),
        (
            connected(),
            "",
            "echo",
            1,
            "it is no stream socket that listens",
        ),
        (listener(), "x:irc", "echo", 2, "irc is not spoken here"),
        (listener(), "x:https", "room", 2, "a certificate is missing"),
    ] {
        let (mut running, said) = handed(listener(), second, name, &[service]);
        assert_eq!(
            running.wait().code(),
            Some(code),
            "{why}: {}",
            said.settled()
        );
        let said = said.settled();
        assert!(
            said.starts_with("chinwag: ") && said.contains(why),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn systemd_itself_starts_a_server_for_its_first_client() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let launcher = Command::new("systemd-socket-activate")
        .arg("-l")
        .arg(&path)
        .arg(program())
        .args(["serve", "echo"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(launcher) = launcher else {
        return skipped("socket activation: systemd-socket-activate is not installed");
    };
    let mut running = Running::new(launcher);
    until("it listens", PATIENCE, || path.exists());
    let mut peer = unix(&format!("unix:{}", path.display()));
    for _ in 0..2 {
        peer.write_all(b"hello").unwrap();
        let mut back = [0; 5];
        std::io::Read::read_exact(&mut peer, &mut back).unwrap();
        assert_eq!(&back, b"hello");
    }
    running.signal(Signal::TERM);
    assert!(running.wait().success());
}

#[test]
fn the_units_are_sound_and_leave_the_service_little() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/systemd");
    let unit = folder.join("chinwag.service");
    let mut analyze = Command::new("systemd-analyze");
    let security = analyze.args(["security", "--offline=true"]).arg(&unit);
    let Ok(security) = security.output() else {
        return skipped("the units: systemd-analyze is not installed");
    };
    let said = String::from_utf8_lossy(&security.stdout).into_owned();
    let (_, level) = said
        .split_once("Overall exposure level for chinwag.service: ")
        .unwrap();
    let level: f32 = level.split_whitespace().next().unwrap().parse().unwrap();
    assert!(level < 2.0, "{said}");
    // The program that the unit names need not be there.
    let text = std::fs::read_to_string(&unit).unwrap();
    let copies = tempfile::tempdir().unwrap();
    let program = program().into_string().unwrap();
    assert!(text.contains("\nExecStart=/usr/bin/chinwag serve room\n"));
    let text = text.replace("/usr/bin/chinwag", &program);
    std::fs::write(copies.path().join("chinwag.service"), text).unwrap();
    std::fs::copy(
        folder.join("chinwag.socket"),
        copies.path().join("chinwag.socket"),
    )
    .unwrap();
    let mut analyze = Command::new("systemd-analyze");
    analyze
        .args(["verify", "--man=no"])
        .current_dir(copies.path());
    let verified = analyze
        .args(["./chinwag.service", "./chinwag.socket"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    let ours: Vec<_> = said
        .lines()
        .filter(|line| line.contains("chinwag"))
        .collect();
    assert!(verified.status.success() && ours.is_empty(), "{said}");
}
