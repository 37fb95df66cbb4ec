//! What a server gives up once it listens: another user's rights, files, new listeners.

use std::fs;

use crate::harness::{ANY, Launch, PATIENCE, skipped, until};
use crate::peer::{Peer, unix};

fn status(id: u32, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(":\t"));
    line.unwrap_or_else(|| panic!("no {field}")).to_owned()
}

#[test]
fn in_the_sandbox_it_serves_and_takes_its_socket_file_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let address = format!("unix:{}", path.display());
    let launch = Launch::new("echo").args(&["--sandbox"]);
    let mut server = launch.listen(&[ANY, &address]).spawn();
    until("it starts or gives up", PATIENCE, || {
        server.stdout().text().lines().count() == 2 || !server.is_running()
    });
    if !server.is_running() {
        assert!(server.stderr().settled().contains("no Landlock"));
        return skipped("--sandbox: this kernel has no Landlock");
    }
    let said = server.stdout().text();
    assert_eq!(status(server.id(), "NoNewPrivs"), "1");
    let tcp = said.lines().next().unwrap().strip_prefix("listening on ");
    Peer::to(tcp.unwrap()).echoes("over TCP");
    drop(unix(&address));
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.exit_code(), 0);
    assert!(!path.exists());
}

#[test]
fn it_becomes_another_user_for_good() {
    if !rustix::process::geteuid().is_root() {
        return skipped("--user: only root can become another user");
    }
    let server = Launch::new("echo").args(&["--user", "nobody"]).start();
    let ids: Vec<u32> = status(server.id(), "Uid")
        .split('\t')
        .map(|id| id.parse().unwrap())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0] && *id != 0), "{ids:?}");
    for thread in fs::read_dir(format!("/proc/{}/task", server.id())).unwrap() {
        let text = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert!(text.contains(&format!("Uid:\t{0}\t{0}\t{0}\t{0}", ids[0])));
    }
    Peer::connect(&server).echoes("all the same");
}

#[test]
fn a_user_that_is_none_is_one_clear_line() {
    let mut server = Launch::new("echo")
        .args(&["--user", "no-such-user"])
        .spawn();
    assert_eq!(server.exit_code(), 1);
    let said = server.stderr().settled();
    assert_eq!(
        said,
        "chinwag: become user no-such-user: there is no such user\n"
    );
}
