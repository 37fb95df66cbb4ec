//! What real networks and machines do to a connection: resets, trickles, stopped processes, cut
//! sockets, dead links. Each beside bystanders, who must not notice.
//! What needs root, or a kernel that has it, says so and is skipped elsewhere.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::child::Running;
use crate::harness::{Capture, Launch, PATIENCE, Server, program, serial, skipped, until};
use crate::kernel;
use crate::member::{Member, room};
use crate::peer::Peer;

mod links;

/// Two who talk all the while; each line must be heard, once, and soon.
struct Bystanders {
    over: Arc<AtomicBool>,
    talking: JoinHandle<(usize, Duration)>,
}

impl Bystanders {
    fn talk_in(server: &Server) -> Self {
        let mut ann = Member::joins(server, "ann");
        let mut bob = Member::joins(server, "bob");
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let talking = thread::spawn(move || {
            let (mut said, mut longest) = (0, Duration::ZERO);
            while !stop.load(Ordering::Relaxed) {
                let (text, start) = (format!("tick {said}"), Instant::now());
                ann.says(&text);
                assert_eq!(next_of_ann(&mut bob), format!("ann: {text}"));
                longest = longest.max(start.elapsed());
                said += 1;
                thread::sleep(Duration::from_millis(1));
            }
            (said, longest)
        });
        Self { over, talking }
    }

    /// What they said, and how long a line took at most. The limit is generous: neighbours on
    /// this machine may take a core away for a while, and a server that hangs takes for ever.
    #[track_caller]
    fn were_undisturbed(self) {
        self.over.store(true, Ordering::Relaxed);
        let (said, longest) = self.talking.join().expect("all was heard");
        assert!(said > 0);
        assert!(longest < Duration::from_secs(3), "{longest:?}");
    }
}

/// The next line that ann said; others may speak in between.
fn next_of_ann(bob: &mut Member) -> String {
    loop {
        let line = bob.peer.line();
        if line.starts_with("ann: ") {
            return line;
        }
    }
}

#[test]
fn bystanders_do_not_notice_lines_that_are_cut_off() {
    let server = room(&[]);
    let bystanders = Bystanders::talk_in(&server);
    let mut cid = Member::joins(&server, "cid");
    for round in 0..100 {
        let mut dan = Peer::connect(&server);
        dan.send(format!("whole {round}\nnever to be heard {round}"));
        // Some are cut off before the server has seen anything of them.
        if round % 2 == 0 {
            dan.all_taken();
        }
        dan.reset();
    }
    let mut last = Member::joins(&server, "last");
    last.says("the end");
    let mut whole = 0;
    loop {
        let line = cid.next();
        assert!(!line.contains("never"), "half a line: {line}");
        whole += usize::from(line.contains(": whole "));
        if line == "last: the end" {
            break;
        }
    }
    assert!(whole >= 50, "{whole} of those that had arrived");
    bystanders.were_undisturbed();
}

/// A byte a second, twenty times as fast.
#[test]
fn a_line_that_takes_long_to_come_is_one_line() {
    let server = room(&["--framing", "line"]);
    let bystanders = Bystanders::talk_in(&server);
    let mut cid = Member::joins(&server, "cid");
    let mut slow = Member::joins(&server, "slow");
    let text = "typed with one finger, 中文 too";
    for byte in text.bytes().chain(*b"\r\n") {
        slow.peer.send([byte]);
        thread::sleep(Duration::from_millis(50));
    }
    let expected = format!("slow: {text}");
    loop {
        let line = cid.next();
        if line.starts_with("slow") {
            assert_eq!(line, expected);
            break;
        }
    }
    bystanders.were_undisturbed();
}

/// The smallest buffer there is, emptied seven bytes at a time: windows of a few bytes, writes
/// that end anywhere, also within a character.
#[test]
fn a_window_of_a_few_bytes_gets_every_line_whole() {
    let _alone = serial();
    let server = room(&["--framing", "line", "--history", "0"]);
    let mut tiny = Peer::with_receive_buffer(&server, 1);
    tiny.line();
    let bystanders = Bystanders::talk_in(&server);
    let mut cid = Member::joins(&server, "cid");
    let lines: Vec<String> = (0..100)
        .map(|i| format!("第{i}行 {}", "·".repeat(i)))
        .collect();
    let said = lines.clone();
    let talking = thread::spawn(move || {
        said.iter().for_each(|line| cid.says(line));
        cid
    });
    let (mut text, mut bytes) = (Vec::new(), [0; 7]);
    let mut heard = 0;
    while heard < lines.len() {
        let count = tiny.stream.read(&mut bytes).expect("it is not cut off");
        assert!(count > 0, "ended after {heard} lines");
        text.extend_from_slice(&bytes[..count]);
        while let Some(at) = text.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = text.drain(..=at).collect();
            let line = String::from_utf8(line).expect("whole characters");
            if let Some(line) = line.strip_prefix("cid: ") {
                assert_eq!(line.trim_end(), lines[heard].trim_end());
                heard += 1;
            }
        }
    }
    drop(talking.join().unwrap());
    bystanders.were_undisturbed();
}

/// A member whose machine sleeps misses nothing that the log still has.
#[test]
fn a_stopped_client_hears_later_what_was_said() {
    let server = room(&[]);
    let mut connect = Command::new(program());
    connect
        .args(["connect", server.address()])
        .env("NO_COLOR", "1");
    connect.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = connect.spawn().expect("the program starts");
    let heard = Capture::of(child.stdout.take().unwrap());
    let stdin = child.stdin.take().unwrap();
    let mut sleeper = Running::new(child);
    let mut cid = Member::joins(&server, "cid");
    until("the sleeper is in", PATIENCE, || {
        cid.says("/who");
        cid.is_told(" here: ").starts_with("* 2 here")
    });
    let bystanders = Bystanders::talk_in(&server);
    for round in 0..3 {
        sleeper.signal(Signal::STOP);
        // More than the socket holds: the rest waits in the log.
        for i in 0..3000 {
            cid.says(&format!("round {round} line {i} {}", "z".repeat(200)));
        }
        cid.peer.all_taken();
        sleeper.signal(Signal::CONT);
        heard.wait_for(&format!("cid: round {round} line 2999"));
    }
    drop(stdin);
    assert!(sleeper.wait().success());
    let heard = heard.settled();
    let lines: Vec<&str> = heard.lines().filter(|l| l.starts_with("cid: ")).collect();
    assert_eq!(lines.len(), 9000);
    for (i, line) in lines.iter().enumerate() {
        let expected = format!("cid: round {} line {} z", i / 3000, i % 3000);
        assert!(line.starts_with(&expected), "{line}");
    }
    bystanders.were_undisturbed();
}

/// With every descriptor taken and a crowd at the door, those inside talk as before.
#[test]
fn a_full_room_talks_while_a_crowd_waits() {
    let server = Launch::new("room")
        .wrap(&["prlimit", "--nofile=48:48"])
        .args(&["--max-clients", "1000"])
        .start();
    let bystanders = Bystanders::talk_in(&server);
    let crowd: Vec<Peer> = (0..100).map(|_| Peer::connect(&server)).collect();
    thread::sleep(Duration::from_millis(300));
    for peer in crowd {
        peer.reset();
        thread::sleep(Duration::from_millis(2));
    }
    Member::joins(&server, "late");
    bystanders.were_undisturbed();
}

/// The kernel would keep what a deaf client was sent for minutes after the connection has ended,
/// and such clients may come again and again.
#[test]
fn who_is_cut_off_as_too_slow_reads_a_prefix_and_a_clean_end() {
    let server = room(&["--log-size", "64k", "--history", "0"]);
    let mut deaf = Peer::connect(&server);
    deaf.line();
    let mut cid = Member::joins(&server, "cid");
    for i in 0..3000 {
        cid.says(&format!("line {i} {}", "z".repeat(500)));
    }
    server.stderr().wait_for("is disconnected");
    // What had reached it is there to be read, from the first line on without a gap.
    let heard = String::from_utf8(deaf.rest()).unwrap();
    let lines = heard.lines().filter_map(|line| line.strip_prefix("cid: "));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.len() > 10, "{heard}");
    // The last one may be cut off.
    for (i, line) in lines[..lines.len() - 1].iter().enumerate() {
        assert!(line.starts_with(&format!("line {i} z")), "{i}: {line}");
    }
}

/// `ss -K` on exactly one connection of the server's; false where the kernel, or the user, cannot.
fn cut(server: &Server, peer: &Peer) -> bool {
    let (client, remote) = (peer.local(), peer.remote());
    let filter = format!(
        "src 127.0.0.1 and sport = :{} and dst 127.0.0.1 and dport = :{}",
        server.port(),
        client.port()
    );
    let done = Command::new("ss").args(["-tnK", &filter]).output();
    let Ok(done) = done else {
        return false;
    };
    done.status.success() && kernel::side(remote, client).is_none_or(|side| side.state != 1)
}

#[test]
fn a_connection_that_the_administrator_cuts_is_gone() {
    let server = room(&[]);
    let probe = Peer::connect(&server);
    until("it is accepted", PATIENCE, || probe.far_side().is_some());
    if !cut(&server, &probe) {
        return skipped("a cut connection: ss -K needs root and CONFIG_INET_DIAG_DESTROY");
    }
    let at_start = kernel::descriptors(server.id());
    let bystanders = Bystanders::talk_in(&server);
    let mut cid = Member::joins(&server, "cid");
    for round in 0..20 {
        let mut dan = Member::joins(&server, "dan");
        dan.says(&format!("round {round}"));
        while cid.next() != format!("dan: round {round}") {}
        assert!(cut(&server, &dan.peer));
        while !cid.peer.line().contains("dan left") {}
        dan.peer.until_gone();
    }
    bystanders.were_undisturbed();
    drop(cid);
    until("nothing is left open", PATIENCE, || {
        kernel::descriptors(server.id()) <= at_start
    });
    server.does_not_spin();
}
