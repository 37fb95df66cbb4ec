//! Upgrades on real sockets: at SIGUSR2 another process goes on in the server's place, and nobody
//! notices. Or it fails, and the old one goes on.

mod faults;
mod load;
mod transcript;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{ANY, Launch, PATIENCE, program, skipped, until};
use crate::member::Member;
use crate::peer::{Peer, unix};
use crate::succession::Succession;
use crate::tls::certificates::Authority;
use crate::tls::client::Client;

#[test]
fn the_conversation_goes_on_and_the_old_process_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let address = format!("lines:unix:{}", path.display());
    let launch = Launch::unnamed().listen(&["lines:127.0.0.1:0", &address]);
    let mut chat = Succession::of(launch.start());
    let mut ann = Member::joins(&chat.server, "ann");
    let mut bob = Member::joins(&chat.server, "bob");
    let mut carl = unix(&address["lines:".len()..]);
    carl.write_all(b"/nick carl\n").unwrap();
    ann.says("before");
    bob.hears("ann: before");
    ann.peer.send("half a ");
    ann.peer.all_taken();
    chat.upgrades();
    assert_eq!(chat.server.exit_code(), 0);
    ann.peer.send("line\n");
    bob.hears("ann: half a line");
    bob.says("after");
    ann.hears("bob: after");
    carl.write_all(b"by a path\n").unwrap();
    bob.hears("carl: by a path");
    // Who comes now is as welcome, by either, and is shown what was said before.
    let mut dora = Member::joins(&chat.server, "dora");
    dora.says("new");
    ann.hears("carl: by a path");
    ann.hears("dora: new");
    let mut eve = unix(&address["lines:".len()..]);
    let mut heard = [0; 4096];
    until("it is greeted", PATIENCE, || {
        let count = eve.read(&mut heard).unwrap();
        String::from_utf8_lossy(&heard[..count]).contains("ann: before")
    });
    chat.upgrades();
    ann.says("again");
    bob.hears("dora: new");
    bob.hears("ann: again");
    assert!(path.exists());
    chat.ends();
    assert!(
        ann.peer
            .next_line()
            .is_none_or(|_| ann.peer.rest().is_empty())
    );
    assert!(!path.exists(), "the last process takes the file away");
}

#[test]
fn operators_and_what_they_did_go_along() {
    let folder = tempfile::tempdir().unwrap();
    let [password, state] = ["password", "state"].map(|name| folder.path().join(name));
    fs::write(&password, "sesame\n").unwrap();
    let args = [
        "--operator-password-file",
        password.to_str().unwrap(),
        "--state",
        state.to_str().unwrap(),
    ];
    let mut chat = Succession::of(Launch::unnamed().args(&args).start());
    let mut ann = Member::joins(&chat.server, "ann");
    let mut bob = Member::joins(&chat.server, "bob");
    ann.says("/op sesame");
    ann.says("/mute bob");
    ann.says("/ban eve 2h");
    bob.is_told("ann banned eve");
    chat.upgrades();
    bob.says("unheard");
    bob.is_told("an operator has muted you");
    bob.says("/nick eve");
    bob.is_told("that name is banned");
    ann.says("/ban carl");
    ann.says("/unmute bob");
    bob.is_told("ann let bob speak again");
    bob.says("heard");
    ann.hears("bob: heard");
    let bans = || fs::read_to_string(state.join("state.json")).unwrap_or_default();
    until("the new process writes its state", PATIENCE, || {
        bans().contains("carl")
    });
    assert!(bans().contains("eve"), "{}", bans());
    chat.ends();
}

#[test]
fn where_the_server_tells_how_it_does_goes_along() {
    let launch = Launch::new("room").args(&["--metrics", ANY]);
    let mut chat = Succession::of(launch.start());
    let told = chat.server.stdout().wait_for("listening on metrics:");
    let (_, address) = told.split_once("listening on metrics:").unwrap();
    let ann = Member::joins(&chat.server, "ann");
    for _ in 0..2 {
        chat.upgrades();
        let mut stream = TcpStream::connect(address.trim()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.contains("\nchinwag_clients{protocol=\"lines\"} 1\n"),
            "{answer}"
        );
        assert!(answer.contains("\nchinwag_accepted_total 1\n"), "{answer}");
    }
    drop(ann);
}

#[test]
fn one_inside_tls_is_told_and_closed_in_good_order() {
    let authority = Authority::new();
    let pair = authority.signs(&["localhost"]);
    let files = ["--tls-cert", pair.certificate(), "--tls-key", pair.key()];
    let launch = Launch::unnamed()
        .listen(&["lines:127.0.0.1:0", "tls:127.0.0.1:0"])
        .args(&files);
    let mut chat = Succession::of(launch.start());
    let mut ann = Member::joins(&chat.server, "ann");
    let address = chat.server.addresses[1]
        .strip_prefix("tls:")
        .unwrap()
        .to_owned();
    let mut sealed = Client::connect(&address, &authority);
    sealed.send("/nick sealed\n");
    until("it has its name", PATIENCE, || {
        sealed.line() == "* you are now sealed"
    });
    chat.upgrades();
    let rest = String::from_utf8(sealed.rest()).unwrap();
    assert!(
        rest.ends_with("* the server restarts; come again\n"),
        "{rest}"
    );
    assert_eq!(chat.server.exit_code(), 0);
    until("the others are told", PATIENCE, || {
        ann.peer.line() == "* sealed left"
    });
    let mut again = Client::connect(&address, &authority);
    again.send("/nick again\nback\n");
    ann.hears("again: back");
    chat.ends();
}

/// Clients know it by its fingerprint.
#[test]
fn a_certificate_that_the_server_has_made_stays() {
    let launch = Launch::new("echo").listen(&["tls:127.0.0.1:0"]);
    let mut chat = Succession::of(launch.args(&["--tls-self-signed"]).start());
    chat.upgrades();
    let told = chat.server.stderr().wait("both fingerprints", |text| {
        text.matches("fingerprint: ").count() == 2
    });
    let told = told.split("fingerprint: ").skip(1);
    let told: Vec<&str> = told.filter_map(|rest| rest.lines().next()).collect();
    assert_eq!(told[0], told[1]);
    let mut connect = Command::new(program());
    connect.args(["connect", &chat.server.addresses[0]]);
    connect.args(["--tls-fingerprint", told[0]]);
    let output = connect.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    chat.ends();
}

#[test]
fn the_transcript_goes_on_with_the_next_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("transcript");
    let args = ["--transcript", path.to_str().unwrap(), "--room", "kept"];
    let launch = Launch::unnamed().listen(&["lines:127.0.0.1:0"]).args(&args);
    let mut chat = Succession::of(launch.start());
    // Before anybody has come, too.
    chat.upgrades();
    let mut ann = Member::joins(&chat.server, "ann");
    let mut bob = Member::joins(&chat.server, "bob");
    for number in 0..10 {
        for more in 0..20 {
            ann.says(&format!("{number} {more}"));
        }
        chat.upgrades();
    }
    for line in (0..10).flat_map(|number| (0..20).map(move |more| (number, more))) {
        bob.hears(&format!("ann: {} {}", line.0, line.1));
    }
    chat.ends();
    let text = fs::read_to_string(&path).unwrap();
    let said: Vec<String> = text
        .lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["text"].as_str().unwrap().to_owned()
        })
        .collect();
    let lines = (0..10).flat_map(|number| (0..20).map(move |more| format!("{number} {more}")));
    assert_eq!(said, lines.collect::<Vec<_>>());
}

#[test]
fn a_manager_is_told_who_goes_on() {
    use std::os::unix::net::UnixDatagram;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let hears = || {
        let mut state = [0; 512];
        let length = manager.recv(&mut state).expect("a message");
        String::from_utf8(state[..length].to_vec()).unwrap()
    };
    let notify = format!("NOTIFY_SOCKET={}", path.display());
    let launch = Launch::new("room").wrap(&["env", &notify]);
    let mut chat = Succession::of(launch.start());
    assert_eq!(hears(), "READY=1");
    chat.upgrades();
    let mut told = [hears(), hears()];
    told.sort();
    let main_pid = format!("MAINPID={}", chat.pid.as_raw_nonzero());
    assert_eq!(told, [main_pid.as_str(), "READY=1"]);
    chat.ends();
    assert_eq!(hears(), "STOPPING=1");
}

#[test]
fn so_it_does_in_the_sandbox_as_often_as_one_likes() {
    let mut probe = Launch::new("echo").args(&["--sandbox"]).spawn();
    until("it starts or gives up", PATIENCE, || {
        probe.stdout().text().contains('\n') || !probe.is_running()
    });
    if !probe.is_running() {
        return skipped("--sandbox: this kernel has no Landlock");
    }
    let mut echo = Succession::of(Launch::new("echo").args(&["--sandbox"]).start());
    let mut ann = Peer::connect(&echo.server);
    for _ in 0..18 {
        echo.upgrades();
        ann.echoes("still the same");
    }
}

#[test]
fn it_stays_whom_it_became() {
    if !rustix::process::geteuid().is_root() {
        return skipped("--user: only root can become another user");
    }
    let launch = Launch::new("echo").args(&["--user", "nobody"]);
    let mut echo = Succession::of(launch.start());
    let mut ann = Peer::connect(&echo.server);
    echo.upgrades();
    ann.echoes("all the same");
    let status = fs::read_to_string(format!("/proc/{}/status", echo.pid.as_raw_nonzero())).unwrap();
    assert!(!status.contains("\nUid:\t0\t"), "{status}");
}

#[test]
fn process_1_stays_and_hands_signals_on() {
    let unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let works = Command::new(unshare[0])
        .args(&unshare[1..])
        .arg("true")
        .status();
    if !works.is_ok_and(|status| status.success()) {
        return skipped("process 1: unshare may not make a namespace of processes here");
    }
    let mut server = Launch::new("echo").wrap(&unshare).start();
    let mut ann = Peer::connect(&server);
    let children = format!("/proc/{0}/task/{0}/children", server.id());
    let first: PathBuf = children.into();
    let first = fs::read_to_string(first).unwrap();
    let first = Pid::from_raw(first.trim().parse().unwrap()).unwrap();
    for upgrades in 1..=3 {
        kill_process(first, Signal::USR2).unwrap();
        server.stderr().wait("another goes on", |text| {
            text.matches(" goes on with ").count() == upgrades
        });
        ann.echoes("still here");
    }
    assert!(server.is_running());
    kill_process(first, Signal::TERM).unwrap();
    assert_eq!(server.exit_code(), 0);
    assert!(ann.rest().is_empty());
}

#[test]
fn the_console_is_not_handed_over() {
    let server = Launch::new("console").stdin(Stdio::piped()).start();
    let mut ann = Peer::connect(&server);
    ann.send("hello");
    server.stdout().wait_for("recv [1] hello");
    server.signal(Signal::USR2);
    server
        .stderr()
        .wait_for("SIGUSR2: this service's clients cannot be handed over");
    ann.send("again");
    server.stdout().wait_for("recv [1] again");
}

/// Longer than anything takes here that is not waited for on purpose.
const SOON: Duration = Duration::from_secs(3);
