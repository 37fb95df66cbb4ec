//! How long connecting takes, told of servers that take their time.

use std::thread;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use crate::bench_peers::{bench, number, serve_on, wide};

#[test]
fn a_server_that_accepts_late_connects_late() {
    // The kernel makes the connections meanwhile, due evenly over 300 ms.
    const LATE: Duration = Duration::from_millis(1000);
    let listener = wide();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        thread::sleep(LATE);
        serve_on(listener, || Box::new(|line, send| send(&line)))
    });
    let load = "-c 60 --connect-rate 200 -d 100ms --warmup 0";
    let (report, _) = bench("echo", &address.to_string(), load);
    let p50 = number(&report, "/connect_us/p50");
    assert!(p50 >= 500_000.0, "{p50}");
    // That the kernel was quick is told too, as what it is.
    assert!(number(&report, "/handshake_us/p50") < p50);
}

#[test]
fn a_connection_counts_from_when_it_was_due() {
    // A queue of one: what is due meanwhile cannot even be asked for.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.sock");
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    socket.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    socket.listen(1).unwrap();
    let listener = std::os::unix::net::UnixListener::from(socket);
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(700));
        for stream in listener.incoming() {
            let mut from = stream.unwrap();
            let mut to = from.try_clone().unwrap();
            thread::spawn(move || std::io::copy(&mut from, &mut to));
        }
    });
    let load = "-c 40 --connect-rate 200 -d 100ms --warmup 0";
    let (report, _) = bench("echo", &format!("unix:{}", path.display()), load);
    // They were due over 200 ms.
    for row in ["/connect_us/p50", "/handshake_us/p50"] {
        assert!(number(&report, row) >= 400_000.0, "{row} in {report}");
    }
}
