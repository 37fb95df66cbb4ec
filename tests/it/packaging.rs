//! What is shipped: pages and completions as they are generated, the Debian package, the program as
//! process 1 of a container that has nothing else in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;

use crate::child::Running;
use crate::harness::{ANY, Capture, PATIENCE, program, skipped};
use crate::member::Member;
use crate::peer::Peer;

fn contrib(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("contrib")
        .join(path)
}

fn generated(words: &[&str]) -> Vec<u8> {
    let output = Command::new(program()).arg("generate").args(words).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// The files of a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn pages_and_completions_are_those_of_the_program() {
    let again = "contrib/generate makes them anew";
    let fresh = tempfile::tempdir().unwrap();
    generated(&["man", "--out", fresh.path().to_str().unwrap()]);
    let (fresh, kept) = (files(fresh.path()), files(&contrib("man")));
    assert!(fresh.keys().eq(kept.keys()), "{again}");
    for (name, page) in fresh {
        assert!(page == kept[&name], "{name} is an old one; {again}");
    }
    for (shell, name) in [
        ("bash", "chinwag.bash"),
        ("fish", "chinwag.fish"),
        ("zsh", "_chinwag"),
    ] {
        let kept = fs::read(contrib("completions").join(name)).unwrap();
        let fresh = generated(&["completions", shell]);
        assert!(fresh == kept, "{name} is an old one; {again}");
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Builds the package from the program under test.
fn build_package(folder: &Path) -> Option<PathBuf> {
    let target = folder.join("target");
    fs::create_dir_all(target.join("release")).unwrap();
    fs::copy(program(), target.join("release/chinwag")).unwrap();
    let package = folder.join("chinwag.deb");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["deb", "--no-build", "--fast", "--output"])
        .arg(&package);
    cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", &target);
    let output = cargo.stdin(Stdio::null()).output();
    let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    match output {
        Ok(output) if output.status.success() => Some(package),
        Ok(output) if !said(&output).contains("no such command") => panic!("{}", said(&output)),
        _ => None,
    }
}

/// `dpkg` on a system of its own, which has nothing in it.
fn dpkg(root: &Path, words: &[&str]) -> Output {
    let mut dpkg = Command::new("dpkg");
    dpkg.arg(format!("--root={}", root.display()));
    // Its scripts are run outside of the root, and told of it.
    dpkg.args(["--force-script-chrootless", "--force-depends"])
        .args(words);
    dpkg.env("DEBIAN_FRONTEND", "noninteractive")
        .output()
        .unwrap()
}

#[test]
fn the_package_is_installed_and_started_and_goes_without_a_trace() {
    let has_dpkg = Command::new("dpkg").arg("--version").output().is_ok();
    if !is_root() || !has_dpkg {
        return skipped("the Debian package: that needs root and dpkg");
    }
    let folder = tempfile::tempdir().unwrap();
    let Some(package) = build_package(folder.path()) else {
        // Minutes to install, so that the checks of a change may go without it.
        let told = "SKIPPED the Debian package: cargo-deb is not installed";
        return writeln!(std::io::stderr(), "{told}").unwrap();
    };
    let root = folder.path().join("root");
    let admin = root.join("var/lib/dpkg");
    fs::create_dir_all(admin.join("info")).unwrap();
    fs::create_dir_all(admin.join("updates")).unwrap();
    fs::write(admin.join("status"), "").unwrap();
    let installed = dpkg(&root, &["--install", package.to_str().unwrap()]);
    assert!(installed.status.success(), "{installed:?}");
    let page = root.join("usr/share/man/man1/chinwag-serve-room.1.gz");
    for file in [
        page,
        root.join("etc/default/chinwag"),
        root.join("usr/share/bash-completion/completions/chinwag"),
        root.join("usr/share/zsh/vendor-completions/_chinwag"),
        root.join("usr/share/fish/vendor_completions.d/chinwag.fish"),
        root.join("usr/share/doc/chinwag/examples/chinwag.socket"),
        root.join("usr/share/doc/chinwag/copyright"),
    ] {
        assert!(file.is_file(), "{}", file.display());
    }
    let unit = fs::read_to_string(root.join("usr/lib/systemd/system/chinwag.service")).unwrap();
    let wanted = root.join("etc/systemd/system/multi-user.target.wants/chinwag.service");
    assert!(wanted.symlink_metadata().is_ok(), "it is not enabled");

    // As the unit starts it.
    let command = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart=/"));
    let mut words = command.unwrap().split(' ');
    let notify = folder.path().join("notify");
    let manager = UnixDatagram::bind(&notify).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut server = Command::new(root.join(words.next().unwrap()))
        .args(words)
        .env("NOTIFY_SOCKET", &notify)
        .env("CHINWAG_LISTEN", "lines:127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdout = Capture::of(server.stdout.take().unwrap());
    let mut running = Running::new(server);
    let mut ready = [0; 64];
    let length = manager.recv(&mut ready).unwrap();
    assert_eq!(&ready[..length], b"READY=1");
    let told = stdout.wait_for("\n");
    let address = told.trim_end().strip_prefix("listening on lines:").unwrap();
    let mut ann = Member::over(Peer::to(address), "ann");
    let mut bob = Member::over(Peer::to(address), "bob");
    ann.says("hello");
    bob.hears("ann: hello");
    running.signal(Signal::TERM);
    assert!(running.wait().success());

    let purged = dpkg(&root, &["--purge", "chinwag"]);
    assert!(purged.status.success(), "{purged:?}");
    for gone in [
        "usr/bin/chinwag",
        "etc/default/chinwag",
        "usr/share/doc/chinwag",
    ] {
        assert!(!root.join(gone).exists(), "{gone} is left");
    }
    assert!(wanted.symlink_metadata().is_err(), "it is still enabled");
}

/// As in a container: alone, as process 1, which the kernel keeps from signals that it does not
/// handle; with nothing else in its file system, where it is linked statically.
#[test]
fn it_is_a_good_process_1() {
    let unshare = ["--fork", "--pid", "--kill-child", "--mount-proc"];
    let may = Command::new("unshare").args(unshare).arg("true").output();
    if !may.is_ok_and(|output| output.status.success()) {
        return skipped("process 1: unshare cannot make a pid namespace here");
    }
    let folder = tempfile::tempdir().unwrap();
    // `.ci/run` sets it to nothing where it cannot be built.
    let alone = std::env::var_os("CHINWAG_STATIC_BIN").filter(|path| !path.is_empty());
    let mut command = Command::new("unshare");
    command.args(&unshare[..3]);
    match &alone {
        Some(path) => {
            fs::copy(path, folder.path().join("chinwag")).unwrap();
            let root = format!("--root={}", folder.path().display());
            command.args([&root, "--", "/chinwag"]);
        }
        None => {
            command.arg("--").arg(program());
        }
    }
    for signal in [Signal::TERM, Signal::INT] {
        let mut unshared = Command::new(command.get_program());
        unshared
            .args(command.get_args())
            .args(["serve", "echo", "-l", ANY]);
        unshared
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = unshared.spawn().unwrap();
        let stdout = Capture::of(child.stdout.take().unwrap());
        let parent = child.id();
        let mut running = Running::new(child);
        let told = stdout.wait_for("\n");
        let mut peer = Peer::to(told.trim_end().strip_prefix("listening on ").unwrap());
        peer.echoes("hello");
        let children = format!("/proc/{parent}/task/{parent}/children");
        let server = fs::read_to_string(children).unwrap();
        let server: i32 = server.trim().parse().expect("one child");
        let names = fs::read_to_string(format!("/proc/{server}/status")).unwrap();
        let ids = names.lines().find_map(|line| line.strip_prefix("NSpid:"));
        assert!(ids.unwrap().ends_with("\t1"), "{names}");
        let server = rustix::process::Pid::from_raw(server).unwrap();
        rustix::process::kill_process(server, signal).unwrap();
        peer.rest();
        drop(peer);
        assert!(running.wait().success());
    }
}
