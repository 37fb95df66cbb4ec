//! What newcomers are shown of a transcript after a restart, in every protocol.

use rustix::process::Signal;

use super::irc_client::Irc;
use super::websocket_client::WebSocket;
use crate::harness::Launch;
use crate::member::Member;

#[test]
fn after_a_restart_all_are_shown_what_was_said_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.jsonl");
    let args = ["--transcript", file.to_str().unwrap(), "--room", "games"];
    let addresses = ["lines:127.0.0.1:0", "http:127.0.0.1:0", "irc:127.0.0.1:0"];
    let launch = || Launch::new("room").listen(&addresses).args(&args);
    let mut server = launch().start();
    let mut ann = Member::joins(&server, "ann");
    let http = server.addresses[1].strip_prefix("http:").unwrap();
    let mut page = WebSocket::named(http, "eve");
    ann.says("hi");
    page.says("/me waves");
    let first = page.talk();
    assert_eq!(page.talk()["text"], "waves");
    ann.hears("** eve waves");
    ann.says("/join games");
    ann.is_told("you are in games");
    ann.says("chess?");
    page.says("last words");
    page.talk();
    server.signal(Signal::TERM);
    assert_eq!(server.exit_code(), 0);
    drop((ann, page));

    let server = launch().start();
    let mut bob = Member::joins(&server, "bob");
    let http = server.addresses[1].strip_prefix("http:").unwrap();
    let irc = server.addresses[2].strip_prefix("irc:").unwrap();
    // Lines are told when they come, before they have a name.
    let mut late = crate::peer::Peer::connect(&server);
    let shown: Vec<String> = (0..4).map(|_| late.line()).collect();
    assert_eq!(shown[1..], ["ann: hi", "** eve waves", "eve: last words"]);
    bob.says("/join games");
    bob.hears("ann: chess?");
    // The page that comes back has missed nothing but what came after what it knows.
    let since = first["id"].as_u64().unwrap();
    let mut page = WebSocket::joins(http, &format!("/ws?since={since}"));
    let told = [page.talk(), page.talk()];
    assert_eq!(told[0]["type"], "me");
    assert_eq!(told[1]["text"], "last words");
    assert!(told[0]["id"].as_u64() > Some(since));
    page.says("and on");
    let next = page.talk();
    assert!(next["id"].as_u64() > told[1]["id"].as_u64());
    let mut client = Irc::with_caps(irc, "zoe", "server-time");
    client.sends("JOIN #lobby");
    let line = client.until("PRIVMSG");
    let time = first["time"].as_str().unwrap();
    assert_eq!(
        line,
        format!("@time={time} :ann!ann@chinwag PRIVMSG #lobby :hi")
    );
}
