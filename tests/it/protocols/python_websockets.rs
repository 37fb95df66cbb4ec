//! Python's `websockets`, in the clear and over TLS: a library's idea of the protocol, not ours.

use super::{bare, listen, python_with_websockets};
use crate::tls::output;

const SCRIPT: &str = include_str!("talk.py");

#[test]
fn bots_talk_in_the_clear_and_over_tls() {
    let Some(python) = python_with_websockets() else {
        return;
    };
    let (authority, args) = super::certificates::args();
    let mut args: Vec<&str> = args.iter().map(String::as_str).collect();
    args.extend(["--notices", "on"]);
    let file = authority.file();
    // One after the other: in each of them there is a bob.
    for (index, scheme) in [(0, "ws"), (0, "wss"), (1, "ws"), (2, "wss")] {
        let server = listen(&["", "http:", "https:"], &args);
        let address = bare(&server, index).replace("127.0.0.1", "localhost");
        let url = format!("{scheme}://{address}/ws");
        let mut arguments = vec!["-c", SCRIPT, &url];
        if scheme == "wss" {
            arguments.push(&file);
        }
        match output(python, &arguments, "") {
            Some(said) => assert_eq!(said, "fine\n", "{url}"),
            None => return,
        }
    }
}
