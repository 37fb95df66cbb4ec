//! Another process goes on in the server's place: nobody notices, whenever that is, in scenes.

use std::time::UNIX_EPOCH;

use super::super::scene::{ROOMY, Scene};
use super::super::sim::network::End;
use super::{ONE_A_SECOND, echo, ms};
use crate::addr::Proto;
use crate::outbound;
use crate::protocol::websocket::{Opcode, encode_masked};
use crate::service::Disconnect;
use crate::services::echo::Echo;
use crate::services::reply::Reply;
use crate::services::room::{Config, Notices, Password, Room};
use crate::wire::Framing;

fn room(password: Option<&str>) -> Room {
    Room::new(Config {
        framing: Framing::Auto,
        history_lines: 5,
        notices: Notices::Auto,
        motd: vec!["welcome".to_owned()],
        max_message_bytes: 1024,
        kept_rooms: vec!["kept".to_owned()],
        max_rooms: 64,
        password: password.map(|text| Password::new(text.as_bytes()).expect("a password")),
        operator_password: Some(Password::new(b"master").expect("a password")),
        wall_clock: || UNIX_EPOCH,
    })
}

const LIMITS: outbound::Limits = outbound::Limits {
    log_bytes: 8 << 10,
    high_water_bytes: 2 << 10,
    ..ROOMY
};

const REQUEST: &str = "GET /ws HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

fn frame(text: &str) -> Vec<u8> {
    let mut sent = Vec::new();
    encode_masked(Opcode::Text, text.as_bytes(), [1, 2, 3, 4], &mut sent);
    sent
}

/// What one does in a story.
enum Act {
    Comes(&'static str, Proto),
    Sends(&'static str, Vec<u8>),
    HasRoomFor(&'static str, usize),
    Waits(u64),
    Ends(&'static str),
    Vanishes(&'static str),
}

fn say(name: &'static str, text: &str) -> Act {
    Act::Sends(name, text.as_bytes().to_vec())
}

fn perform(scene: &mut Scene, act: &Act) {
    match act {
        Act::Comes(name, proto) => scene.joins_by(name, *proto),
        Act::Sends(name, bytes) => scene.sends(name, bytes),
        Act::HasRoomFor(name, bytes) => scene.has_room_for(name, *bytes),
        Act::Waits(for_ms) => scene.advance(ms(*for_ms)),
        Act::Ends(name) => scene.ends(name),
        Act::Vanishes(name) => scene.vanishes(name),
    }
}

/// All of a story's clients, what each has heard, and how it has ended.
type Heard = Vec<(&'static str, String, Option<End>)>;

/// The story with an upgrade before each of those acts.
fn tell(
    acts: &[Act],
    upgrades: &[usize],
    scene: impl Fn() -> Scene,
    upgrade: impl Fn(&mut Scene),
) -> Heard {
    let mut scene = scene();
    for (number, act) in acts.iter().enumerate() {
        if upgrades.contains(&number) {
            upgrade(&mut scene);
        }
        perform(&mut scene, act);
    }
    scene.advance(ms(1500));
    let names = acts.iter().filter_map(|act| match act {
        Act::Comes(name, _) => Some(*name),
        _ => None,
    });
    names
        .map(|name| (name, scene.heard(name), scene.end(name)))
        .collect()
}

/// Nobody hears anything else than without upgrades, wherever one is, or if one is everywhere.
#[track_caller]
fn nobody_notices(acts: &[Act], scene: impl Fn() -> Scene, upgrade: impl Fn(&mut Scene)) {
    let plain = tell(acts, &[], &scene, &upgrade);
    assert!(plain.iter().any(|(_, heard, _)| !heard.is_empty()));
    for number in 0..acts.len() {
        let heard = tell(acts, &[number], &scene, &upgrade);
        assert_eq!(heard, plain, "with an upgrade before act {number}");
    }
    let everywhere: Vec<_> = (0..acts.len()).collect();
    let heard = tell(acts, &everywhere, &scene, &upgrade);
    assert_eq!(heard, plain, "with an upgrade before each act");
}

#[track_caller]
fn nobody_in_a_room_notices(acts: &[Act], password: Option<&str>) {
    nobody_notices(
        acts,
        || Scene::of(room(password), LIMITS).with_limits(|it| it.message_rate = None),
        |scene| scene.upgrades(room(password)),
    );
}

#[test]
fn a_conversation_in_every_protocol_goes_on() {
    let ws = REQUEST.split_at(40);
    let said = frame("hello from a page");
    let said = said.split_at(9);
    nobody_in_a_room_notices(
        &[
            Act::Comes("ann", Proto::Lines),
            say("ann", "/nick ann\nfirst\n"),
            Act::Comes("page", Proto::Auto),
            Act::Sends("page", ws.0.into()),
            Act::Sends("page", ws.1.into()),
            Act::Comes("irc", Proto::Irc),
            say("irc", "CAP LS 302\r\nNICK irc\r\nCAP REQ :server-time"),
            say(
                "irc",
                " echo-message\r\nUSER u 0 * :Real Name\r\nCAP END\r\nJOIN #lob",
            ),
            say("irc", "by\r\n"),
            Act::Comes("silent", Proto::Auto),
            Act::Waits(40),
            say("ann", "while one has not decided\n"),
            Act::Waits(70),
            Act::Sends("page", said.0.into()),
            say("ann", "half a li"),
            say("irc", "PRIVMSG #lobby :from irc\r\n"),
            Act::Sends("page", said.1.into()),
            say("ann", "ne\r"),
            Act::Waits(100),
            say("ann", "\nanother\n"),
            say("silent", "no end of line"),
            Act::Waits(100),
            Act::Waits(150),
            say("ann", "/msg irc psst\n/ignore silent\n"),
            say("silent", "unheard by one\n"),
            Act::Sends("page", frame("/join games")),
            Act::Sends("page", frame("/topic chess")),
            say("ann", "/join games\n/away for tea\n"),
            say("irc", "PRIVMSG ann :there?\r\nWHOIS ann\r\n"),
            say("silent", "/rooms\n/who\n"),
            Act::Comes("late", Proto::Lines),
            Act::Vanishes("irc"),
            say("late", "/join games\n"),
            Act::Ends("ann"),
            say("silent", "\u{1b}\u{ff} still here\n"),
        ],
        None,
    );
}

#[test]
fn what_is_owed_is_owed_still() {
    let mut acts = vec![
        Act::Comes("ann", Proto::Lines),
        Act::Comes("slow", Proto::Lines),
        Act::Comes("page", Proto::Http),
        Act::Sends("page", REQUEST.into()),
        Act::HasRoomFor("slow", 10),
        Act::HasRoomFor("page", 33),
    ];
    acts.extend((0..20).map(|n| say("ann", &format!("{n} {}\n", "x".repeat(n * 5)))));
    acts.extend([
        say("slow", "its own\n/who\n"),
        say("ann", "and more\n"),
        Act::HasRoomFor("slow", 700),
        Act::HasRoomFor("page", 1500),
        say("ann", "/msg guest2 alone\n"),
        Act::HasRoomFor("slow", usize::MAX),
        Act::HasRoomFor("page", usize::MAX),
        say("ann", "last\n"),
    ]);
    nobody_in_a_room_notices(&acts, None);
}

#[test]
fn who_is_at_the_door_is_so_still() {
    nobody_in_a_room_notices(
        &[
            Act::Comes("ann", Proto::Lines),
            say("ann", "guess\n"),
            Act::Comes("irc", Proto::Irc),
            say("irc", "PASS secret\r\nNICK irc\r\n"),
            say("ann", "again\n"),
            say("irc", "USER u 0 * :u\r\nJOIN #lobby\r\n"),
            Act::Comes("page", Proto::Auto),
            Act::Sends("page", REQUEST.into()),
            Act::Sends("page", frame("/pass secret")),
            say("ann", "a third time\n"),
            Act::Comes("idle", Proto::Lines),
            Act::Waits(29_000),
            Act::Waits(1500),
        ],
        Some("secret"),
    );
}

#[test]
fn order_is_kept() {
    nobody_in_a_room_notices(
        &[
            Act::Comes("ann", Proto::Lines),
            Act::Comes("bob", Proto::Lines),
            Act::Comes("eve", Proto::Lines),
            say("eve", "/op guess\n/op again\n"),
            say("ann", "/op master\n/mute guest2 2s\n/ban nobody\n"),
            say("bob", "not relayed\n"),
            Act::Waits(2500),
            say("bob", "relayed\n/nick nobody\n"),
            say("eve", "/op once more\n"),
            say("ann", "/bans\n/kick guest2 for a test\n"),
        ],
        None,
    );
}

#[test]
fn many_who_come_and_go_are_summed_up_still() {
    let names: Vec<&'static str> = (0..60)
        .map(|n| &*Box::leak(format!("c{n}").into_boxed_str()))
        .collect();
    let mut acts: Vec<_> = names
        .iter()
        .map(|name| Act::Comes(name, Proto::Lines))
        .collect();
    acts.extend([Act::Waits(400), Act::Vanishes("c3"), Act::Waits(700)]);
    let scene = || Scene::of(room(None), LIMITS);
    let upgrade = |scene: &mut Scene| scene.upgrades(room(None));
    let plain = tell(&acts, &[], scene, upgrade);
    for number in [20, 52, 60, 61, 62] {
        assert_eq!(tell(&acts, &[number], scene, upgrade), plain, "{number}");
    }
}

#[test]
fn limits_on_each_client_go_on() {
    let scene = || {
        Scene::of(room(None), LIMITS).with_limits(|limits| {
            limits.message_rate = ONE_A_SECOND;
            limits.idle_timeout = Some(ms(9000));
            limits.first_message_timeout = Some(ms(4000));
            limits.max_clients_per_ip = Some(1);
        })
    };
    nobody_notices(
        &[
            Act::Comes("ann", Proto::Lines),
            Act::Comes("silent", Proto::Lines),
            say("ann", "1\n2\n3\n"),
            Act::Waits(1100),
            say("ann", "4\n"),
            Act::Waits(1500),
            Act::Waits(2000),
            Act::Waits(5000),
            Act::Waits(4000),
        ],
        scene,
        |scene| scene.upgrades(room(None)),
    );
}

#[test]
fn echo_and_reply_go_on() {
    let acts = [
        Act::Comes("ann", Proto::Lines),
        Act::HasRoomFor("ann", 10),
        say("ann", &"what is said ".repeat(3000)),
        Act::HasRoomFor("ann", 5000),
        say("ann", "the end"),
        Act::HasRoomFor("ann", usize::MAX),
        Act::Ends("ann"),
    ];
    nobody_notices(&acts, echo, |scene| scene.upgrades(Echo));
    let reply = || Reply::new("thank you !", true);
    let acts = [
        Act::Comes("ann", Proto::Lines),
        Act::Comes("bob", Proto::Lines),
        say("ann", "hi"),
    ];
    nobody_notices(
        &acts,
        || Scene::of(reply(), ROOMY),
        |scene| scene.upgrades(reply()),
    );
}

#[test]
fn one_inside_tls_is_told_and_the_others_that_it_has_left() {
    let mut scene = Scene::of(room(None), LIMITS).with_tls();
    scene.joins("ann");
    scene.joins_by("tls", Proto::Tls);
    scene.joins_by("page", Proto::Https);
    scene.sends("page", REQUEST);
    scene.clear_output();
    scene.upgrades(room(None));
    scene.advance(ms(1000));
    assert_eq!(scene.heard("tls"), "* the server restarts; come again\n");
    let close = [&[0x88, 33, 3, 0xe9][..], b"the server restarts; come again"].concat();
    assert_eq!(scene.heard_bytes("page"), close);
    for name in ["tls", "page"] {
        assert_eq!(scene.end(name), Some(End::Finished), "{name}");
        assert_eq!(scene.fate(name), Some(Disconnect::Restarted), "{name}");
    }
    assert_eq!(scene.heard("ann"), "* guest2 left\n* guest3 left\n");
    scene.says("ann", "/who");
    scene.hears("ann", "* 1 here: guest1");
    scene.joins_by("tls again", Proto::Tls);
    scene.says("tls again", "back");
    scene.hears("ann", "* guest4 joined");
    scene.hears("ann", "guest4: back");
}

#[test]
fn who_is_on_its_way_out_goes_in_good_order() {
    let mut scene = Scene::of(room(None), LIMITS);
    scene.joins("ann");
    scene.joins("bob");
    scene.has_room_for("bob", 5);
    scene.says("bob", "/quit");
    scene.upgrades(room(None));
    scene.recovers("bob");
    scene.advance(ms(1000));
    assert!(
        scene
            .heard("bob")
            .ends_with("; /help lists the commands\n* welcome\n")
    );
    assert_eq!(scene.end("bob"), Some(End::Finished));
    scene.says("ann", "/who");
    assert!(scene.heard("ann").ends_with("* 1 here: guest1\n"));
}
