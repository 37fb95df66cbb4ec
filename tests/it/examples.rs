//! The example runs, and does what its first lines say. `cargo test` builds it.

use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::child::Running;
use crate::harness::{Capture, skipped};
use crate::peer::Peer;

#[test]
fn everybody_sees_the_count_of_the_vote() {
    let program = Path::new(env!("CARGO_BIN_EXE_chinwag")).with_file_name("examples/vote");
    if !program.exists() {
        return skipped("the example: `cargo test` without `--test` builds it");
    }
    let mut vote = Command::new(program);
    let mut child = vote.arg("0").stdout(Stdio::piped()).spawn().unwrap();
    let stdout = Capture::of(child.stdout.take().unwrap());
    let mut vote = Running::new(child);
    let said = stdout.wait_for("\n");
    let address = said.trim_end().strip_prefix("listening on ").unwrap();
    let mut peers = [(); 3].map(|()| Peer::to(address));
    for peer in &mut peers {
        assert!(peer.line().starts_with("vote with one word"));
    }
    let [ann, bob, cid] = &mut peers;
    for (voter, word, count) in [
        (0, "tea", "tea 1"),
        (1, "ale", "ale 1, tea 1"),
        (0, "Ale", "ale 2"),
    ] {
        [&mut *ann, &mut *bob][voter].send(format!("{word}\n"));
        for peer in [&mut *ann, &mut *bob, &mut *cid] {
            assert_eq!(peer.line(), count);
        }
    }
    cid.send("two words\n");
    assert!(cid.line().starts_with("vote with one word"));
    bob.half_close();
    assert_eq!(bob.rest(), b"");
    assert_eq!(ann.line(), "ale 1");
    vote.signal(Signal::TERM);
    assert!(vote.wait().success());
}
