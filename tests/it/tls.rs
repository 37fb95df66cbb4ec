//! TLS as clients meet it: every service, real clients, what goes wrong, and what does not stop.

pub(crate) mod certificates;
pub(crate) mod client;
mod clients;
mod connect;
mod crowd;
mod files;
mod services;

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::child::{PATIENCE, within_limit};
use crate::harness::{Launch, Server};
use certificates::Authority;

/// A server of `service` over TLS, whose certificate is for localhost, and who has signed it.
pub(crate) fn serve(service: &str, arguments: &[&str]) -> (Server, Authority) {
    let authority = Authority::new();
    let pair = authority.signs(&["localhost", "127.0.0.1"]);
    let launch = Launch::new(service).listen(&["tls:127.0.0.1:0", "127.0.0.1:0"]);
    let files = ["--tls-cert", pair.certificate(), "--tls-key", pair.key()];
    let server = launch.args(&files).args(arguments).start();
    (server, authority)
}

/// Where it speaks TLS, without the prefix.
fn tls_address(server: &Server) -> &str {
    let address = server.address().strip_prefix("tls:");
    address.expect("the prefix is told as it was given")
}

/// What a script says, if there is the program that runs it.
pub(crate) fn output(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    output_within(PATIENCE, program, arguments, input)
}

/// The same, of a script that takes its time.
pub(crate) fn output_within(
    limit: Duration,
    program: &str,
    arguments: &[&str],
    input: &str,
) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = piped.stderr(Stdio::piped()).spawn() else {
        crate::harness::skipped(&format!("there is no {program}"));
        return None;
    };
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
    let output = within_limit(limit, move || {
        std::io::Write::write_all(&mut stdin, input.as_bytes()).unwrap();
        // Its end would have openssl leave before the answer.
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        output
    });
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    Some(said)
}
