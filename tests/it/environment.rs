//! Every option as an environment variable: `CHINWAG_MAX_CLIENTS` for `--max-clients`.

use std::process::{Command, Output, Stdio};

use crate::harness::{Capture, program, until};
use crate::peer::Peer;

/// Variables that these tests set, of all that the program could read.
fn chinwag(words: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program());
    command.args(words).stdin(Stdio::null());
    command.envs(variables.iter().copied());
    command
}

fn output(words: &[&str], variables: &[(&str, &str)]) -> Output {
    chinwag(words, variables).output().unwrap()
}

/// Why the program ends at once with wrong usage, in one line.
#[track_caller]
fn refusal(words: &[&str], variables: &[(&str, &str)]) -> String {
    let output = output(words, variables);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{variables:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

/// A server, and what it says until it listens on so many addresses.
fn serving(words: &[&str], variables: &[(&str, &str)], count: usize) -> (Running, String) {
    let mut command = chinwag(words, variables);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let stdout = Capture::of(child.stdout.take().unwrap());
    let running = Running(child);
    let said = stdout.wait("listening", |text| text.lines().count() >= count);
    (running, said)
}

struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_takes_its_options_from_variables() {
    let folder = tempfile::tempdir().unwrap();
    let path = format!("unix:{}", folder.path().join("s").display());
    let listen = format!("127.0.0.1:0,{path}");
    let variables = [
        ("CHINWAG_LISTEN", listen.as_str()),
        ("CHINWAG_TEXT", "by variable, with a comma"),
        ("CHINWAG_ONCE", "yes"),
        // Of another service.
        ("CHINWAG_HISTORY", "no number"),
        ("CHINWAG_MAX_CLIENTS", ""),
    ];
    let (mut running, said) = serving(&["serve", "reply"], &variables, 2);
    assert!(said.ends_with(&format!("listening on {path}\n")), "{said}");
    let first = said.lines().next().unwrap();
    let mut peer = Peer::to(first.strip_prefix("listening on ").unwrap());
    peer.send("hi");
    assert_eq!(peer.rest(), b"by variable, with a comma");
    until("--once", crate::harness::PATIENCE, || {
        running.0.try_wait().unwrap().is_some()
    });
}

#[test]
fn the_command_line_wins() {
    let variables = [
        ("CHINWAG_LISTEN", "no address at all,"),
        ("CHINWAG_LOG_SIZE", "1"),
        ("CHINWAG_TLS_SELF_SIGNED", "off"),
    ];
    for words in [
        &["serve", "room", "-l", "127.0.0.1:0", "--log-size", "1m"][..],
        &["serve", "--log-size=1m", "-l127.0.0.1:0"],
        &["serve", "--listen=127.0.0.1:0", "echo"],
    ] {
        let (_running, said) = serving(words, &variables, 1);
        assert!(said.starts_with("listening on 127.0.0.1:"), "{said}");
    }
    // Only in a variable do commas separate.
    let folder = tempfile::tempdir().unwrap();
    let path = format!("unix:{}", folder.path().join("a,b").display());
    let (_running, said) = serving(&["serve", "echo", "-l", &path], &variables, 1);
    assert_eq!(said, format!("listening on {path}\n"));
}

#[test]
fn a_wrong_value_is_told_with_its_variable() {
    for (words, variable, value, why) in [
        ("serve", "CHINWAG_LISTEN", "7788,x:y", "'x:y'"),
        ("serve room", "CHINWAG_MAX_CLIENTS", "many", "'many'"),
        ("serve", "CHINWAG_HISTORY", "10001", "10001"),
        (
            "serve",
            "CHINWAG_NOTICES",
            "loud",
            "[possible values: auto, on, off]",
        ),
        ("serve echo", "CHINWAG_SANDBOX", "perhaps", "'perhaps'"),
        ("serve", "CHINWAG_LOG_SIZE", "1k", "it must be at least 64k"),
        ("serve", "CHINWAG_MOTD", "@", "a file is missing"),
        ("serve", "CHINWAG_TLS_SELF_SIGNED", "1", "--tls-cert"),
        ("connect", "CHINWAG_TIMEOUT", "0", "at least 1ms"),
        ("bench room", "CHINWAG_CONNECTIONS", "none", "'none'"),
    ] {
        let mut words: Vec<&str> = words.split(' ').collect();
        if value == "1" {
            words.extend(["--tls-cert", "c.pem", "--tls-key", "k.pem"]);
        }
        let said = refusal(&words, &[(variable, value)]);
        assert!(said.contains(variable) && said.contains(why), "{said}");
        let page = format!("(see chinwag {}", words[0]);
        assert!(said.contains(&page), "{said}");
    }
}

/// What is said of an option that stands on the command line names no variable.
#[test]
fn a_wrong_option_is_told_as_it_was_given() {
    let said = refusal(
        &["serve", "--max-clients", "x", "--log-size=1k"],
        &[("CHINWAG_MAX_CLIENTS", "5"), ("CHINWAG_LOG_SIZE", "1m")],
    );
    assert!(
        said.contains("--max-clients") && !said.contains("CHINWAG"),
        "{said}"
    );
}

#[test]
fn help_names_the_variable_of_every_option_and_no_value() {
    for command in [
        "serve",
        "serve echo",
        "serve reply",
        "connect",
        "bench echo",
    ] {
        let mut words: Vec<&str> = command.split(' ').collect();
        words.push("--help");
        let variables = [
            ("CHINWAG_LISTEN", "127.0.0.1:1234"),
            ("CHINWAG_PASSWORD_FILE", "/secret/place"),
            ("CHINWAG_TEXT", "a secret"),
        ];
        let help = String::from_utf8(output(&words, &variables).stdout).unwrap();
        let flat = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(!flat.contains("secret") && !flat.contains("1234"), "{help}");
        let options = help.lines().filter_map(|line| {
            let option = line.trim_start();
            let option = match option.get(1..4)? {
                // Behind a short name.
                name if name.ends_with(", ") => &option[4..],
                _ => option,
            };
            let name = option.strip_prefix("--")?.split([' ', '=']).next()?;
            (name != "help" && line.len() - line.trim_start().len() < 8).then_some(name)
        });
        let mut count = 0;
        for option in options {
            let variable = option.to_uppercase().replace('-', "_");
            let told = format!("[env: CHINWAG_{variable}]");
            assert!(flat.contains(&told), "{command}: {told}:\n{help}");
            count += 1;
        }
        assert!(count >= 3, "{help}");
    }
}

/// A server that is measured is what the command line says.
#[test]
fn bench_keeps_variables_from_its_own_server() {
    let variables = [("CHINWAG_MAX_CLIENTS", "1"), ("CHINWAG_IDLE_TIMEOUT", "x")];
    let words = "bench echo -c 2 -n 20 --warmup 0s --json";
    let words: Vec<&str> = words.split(' ').collect();
    let output = output(&words, &variables);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(report.contains("\"sent\": 20,"), "{report}{said}");
}
