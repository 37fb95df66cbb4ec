//! A link that goes down: nobody is told, and keepalive and TCP_USER_TIMEOUT have to notice.
//! Everything happens in two network namespaces of the test's own.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{SockRef, Socket, TcpKeepalive};

use crate::harness::{Launch, PATIENCE, Server, skipped, until};
use crate::peer::Peer;

/// What docs/REFERENCE.md names.
const NAMED: Duration = Duration::from_secs(120);

const NEAR: &str = "10.77.0.1";
const FAR: &str = "10.77.0.2";

/// Two machines, as it were, with a cable between them; both are gone when dropped.
struct Cable {
    near: String,
    far: String,
}

/// Runs `ip` with these words; whether it did what was asked.
fn ip(words: &str) -> bool {
    let done = Command::new("ip").args(words.split_whitespace()).output();
    done.is_ok_and(|done| done.status.success())
}

impl Cable {
    /// None where that takes rights, or a program, that are not there.
    fn lay(name: &str) -> Option<Self> {
        let id = std::process::id();
        let (near, far) = (
            format!("chinwag-{id}-{name}-n"),
            format!("chinwag-{id}-{name}-f"),
        );
        let laid = ip(&format!("netns add {near}"));
        let cable = Self { near, far };
        let Self { near, far } = &cable;
        let laid = laid
            && ip(&format!("netns add {far}"))
            && ip(&format!(
                "-n {near} link add eth0 type veth peer name eth0 netns {far}"
            ))
            && ip(&format!("-n {near} addr add {NEAR}/24 dev eth0"))
            && ip(&format!("-n {far} addr add {FAR}/24 dev eth0"))
            && ip(&format!("-n {near} link set lo up"))
            && ip(&format!("-n {near} link set eth0 up"))
            && ip(&format!("-n {far} link set eth0 up"));
        if !laid {
            skipped("a dead link: network namespaces need root, and ip of iproute2");
        }
        laid.then_some(cable)
    }

    /// A client on one of the machines.
    fn peer(&self, machine: &str, address: &str) -> Peer {
        let space = File::open(format!("/run/netns/{machine}")).expect("the namespace");
        let address: SocketAddr = address.parse().expect("a TCP address");
        // A thread of its own goes there; its socket stays there, wherever it is used.
        let connecting = thread::spawn(move || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(space.as_fd(), kind).expect("go there");
            TcpStream::connect_timeout(&address, PATIENCE).expect("connect")
        });
        Peer::over(connecting.join().expect("connected"))
    }

    /// The far machine is not reached any more, and does not know it.
    fn cut(&self) {
        assert!(ip(&format!("-n {} link set eth0 down", self.far)));
    }

    fn serve(&self, args: &[&str]) -> Server {
        Launch::new("room")
            .listen(&[&format!("lines:{NEAR}:0")])
            .wrap(&["ip", "netns", "exec", &self.near])
            .args(args)
            .log("debug")
            .start()
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.near));
        ip(&format!("netns del {}", self.far));
    }
}

/// The server's own sockets: duplicates of its descriptors, so that what is set here is set there.
/// None where that is not allowed.
fn sockets(server: &Server) -> Option<Vec<Socket>> {
    let pid = Pid::from_raw(server.id().cast_signed())?;
    let process = pidfd_open(pid, PidfdFlags::empty()).ok()?;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(format!("/proc/{}/fd", server.id()))
        .ok()?
        .flatten()
    {
        let target = std::fs::read_link(entry.path()).unwrap_or_default();
        if target.to_string_lossy().starts_with("socket:") {
            let number = entry
                .file_name()
                .to_string_lossy()
                .parse()
                .expect("a number");
            let none = PidfdGetfdFlags::empty();
            found.push(Socket::from(pidfd_getfd(&process, number, none).ok()?));
        }
    }
    Some(found)
}

/// The one with this peer.
fn serving(server: &Server, peer: &Peer) -> Option<Socket> {
    let mut all = sockets(server)?.into_iter();
    all.find(|socket| {
        let address = socket.peer_addr().ok().and_then(|a| a.as_socket());
        address == peer.stream.local_addr().ok()
    })
}

#[test]
fn every_client_is_watched_as_the_reference_says() {
    let server = Launch::new("echo").start();
    let mut peer = Peer::connect(&server);
    peer.echoes("x");
    let Some(socket) = serving(&server, &peer) else {
        return skipped("socket options: another process's sockets are not shown here");
    };
    assert_eq!(socket.tcp_user_timeout().unwrap(), Some(NAMED));
    assert!(socket.keepalive().unwrap() && socket.tcp_nodelay().unwrap());
    let probes = socket.tcp_keepalive_retries().unwrap();
    let until_given_up =
        socket.tcp_keepalive_time().unwrap() + socket.tcp_keepalive_interval().unwrap() * probes;
    assert_eq!(until_given_up, NAMED);
}

/// What goes on behind a link that has gone down: one member is owed nothing, one is; both are
/// given up, and a bystander on the server's own machine is not disturbed.
fn notices_within(cable: &Cable, server: &Server, named: Duration) {
    let mut near: Vec<Peer> = (0..2)
        .map(|_| cable.peer(&cable.near, server.address()))
        .collect();
    let mut far: Vec<Peer> = (0..2)
        .map(|_| cable.peer(&cable.far, server.address()))
        .collect();
    far[1].send("/nick owed\nhello\n");
    while near[0].line() != "owed: hello" {}
    let last_heard_of = Instant::now();
    cable.cut();
    near[1].send("/msg owed are you there?\nstill here\n");
    while !near[0].line().ends_with(": still here") {}
    // The kernel looks at its timers in steps that grow, so it may be late by one step.
    let limit = named + named / 2 + Duration::from_secs(2);
    until("both are given up", limit, || {
        server.stderr().text().matches("is gone:").count() == 2
    });
    let took = last_heard_of.elapsed();
    eprintln!("a dead link is noticed after {took:.1?}, {named:?} named");
    assert!(took > named / 2, "too early: {took:?}");
    near[1].send("and still\n");
    while !near[0].line().ends_with(": and still") {}
    server.does_not_spin();
}

/// The real times are two minutes: here a fortieth of them, set on the listener from outside and
/// handed on by the kernel, so that the program needs no option for it.
#[test]
fn a_dead_link_is_noticed() {
    let Some(cable) = Cable::lay("s") else { return };
    let server = cable.serve(&["--history", "0", "--notices", "off"]);
    let Some(all) = sockets(&server) else {
        return skipped("a dead link: another process's sockets are not ours to change here");
    };
    let listener = all
        .iter()
        .find(|socket| socket.is_listener().unwrap_or(false));
    let listener = SockRef::from(listener.expect("it listens"));
    let second = Duration::from_secs(1);
    let keepalive = TcpKeepalive::new().with_time(second).with_interval(second);
    listener
        .set_tcp_keepalive(&keepalive.with_retries(2))
        .unwrap();
    listener.set_tcp_user_timeout(Some(3 * second)).unwrap();
    notices_within(&cable, &server, 3 * second);
}

#[test]
#[ignore = "three minutes of waiting"]
fn a_dead_link_is_noticed_in_the_time_that_the_reference_names() {
    let Some(cable) = Cable::lay("r") else { return };
    let server = cable.serve(&["--history", "0", "--notices", "off"]);
    notices_within(&cable, &server, NAMED);
}
