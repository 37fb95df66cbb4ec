//! What a newcomer is told of who is here while it is not known yet what it speaks, in scenes.

use std::time::UNIX_EPOCH;

use super::super::scene::{ROOMY, Scene};
use super::ms;
use crate::addr::Proto;
use crate::services::room::{Config, Notices, Room};
use crate::wire::Framing;

const REQUEST: &str = "GET /ws HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

fn room() -> Room {
    Room::new(Config {
        framing: Framing::Auto,
        history_lines: 0,
        notices: Notices::Auto,
        motd: Vec::new(),
        max_message_bytes: 1024,
        kept_rooms: Vec::new(),
        max_rooms: 64,
        password: None,
        operator_password: None,
        wall_clock: || UNIX_EPOCH,
    })
}

fn page(room: &mut Scene, name: &str) {
    room.joins_by(name, Proto::Auto);
    room.sends(name, REQUEST);
}

fn come_at_once(room: &mut Scene) {
    for name in ["eve", "kim"] {
        room.joins_by(name, Proto::Auto);
        room.advance(ms(30));
    }
}

/// How many others are here, by all that `name` was told of them.
#[track_caller]
fn others_by(room: &mut Scene, name: &str) -> usize {
    let heard = room.heard(name);
    let (_, rest) = heard.split_once("; others here: ").expect("a greeting");
    let (count, rest) = rest.split_once(';').expect("the rest of it");
    let told = |what| rest.matches(what).count();
    let known = count.parse::<usize>().expect("a number") + told(" joined\n");
    known.checked_sub(told(" left\n")).expect(&heard)
}

/// What happens while it is not known what the last to come speaks.
type Story = fn(&mut Scene);

#[test]
fn each_member_is_counted_in_the_greeting_or_announced_but_not_both() {
    let stories: [(&str, Story, usize); 7] = [
        ("nobody else", |_| {}, 0),
        (
            "others come as it does",
            |room| {
                room.joins_by("ann", Proto::Auto);
                room.advance(ms(50));
            },
            1,
        ),
        ("one of lines comes", |room| room.joins("ann"), 1),
        (
            "pages come, and nobody reads lines",
            |room| page(room, "ann"),
            1,
        ),
        (
            "a page comes, one of lines comes, the page goes",
            |room| {
                page(room, "ann");
                room.joins("eve");
                room.vanishes("ann");
            },
            1,
        ),
        (
            "one comes and goes",
            |room| {
                room.joins("ann");
                room.vanishes("ann");
            },
            0,
        ),
        (
            "one goes that was there",
            |room| {
                room.vanishes("old");
                room.joins("ann");
            },
            1,
        ),
    ];
    for (what, story, others) in stories {
        for is_upgraded in [false, true] {
            let mut scene = Scene::of(room(), ROOMY);
            if what == "one goes that was there" {
                scene.joins("old");
            }
            scene.joins_by("bob", Proto::Auto);
            story(&mut scene);
            if is_upgraded {
                scene.upgrades(room());
            }
            scene.advance(ms(200));
            assert_eq!(others_by(&mut scene, "bob"), others, "{what}");
        }
    }
    let mut scene = Scene::of(room(), ROOMY);
    scene.joins_by("ann", Proto::Auto);
    come_at_once(&mut scene);
    scene.advance(ms(200));
    for name in ["ann", "eve", "kim"] {
        assert_eq!(others_by(&mut scene, name), 2, "{name}");
    }
}

/// It is the sum that tells of those who come to a large room, and it says how many are there.
#[test]
fn in_a_large_room_the_greeting_counts_all_who_are_there() {
    let mut room = Scene::of(room(), ROOMY);
    for n in 0..60 {
        room.joins(&n.to_string());
    }
    room.joins_by("bob", Proto::Auto);
    room.joins("ann");
    room.advance(ms(100));
    let heard = room.heard("bob");
    assert!(heard.contains("; others here: 61;"), "{heard}");
    room.advance(ms(1000));
    room.hears("bob", "* 12 joined; 62 are here");
    room.hears_nothing("bob");
}
