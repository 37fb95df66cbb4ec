//! What the engine owes every client, whatever its service, in scenes.

use std::time::{Duration, UNIX_EPOCH};

use super::scene::{ROOMY, Scene};
use super::sim::network::End;
use crate::addr::Peer;
use crate::outbound;
use crate::reactor::Rate;
use crate::service::Disconnect;
use crate::services::echo::Echo;
use crate::services::room::{Config, Notices, Room};
use crate::wire::Framing;

mod arrivals;
mod openings;
mod upgrade;
mod websockets;

/// As the server has it.
const HIGH_WATER: outbound::Limits = outbound::Limits {
    high_water_bytes: 16 << 10,
    ..ROOMY
};

const ONE_A_SECOND: Option<Rate> = Some(Rate { per_s: 1, burst: 1 });

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn room(limits: outbound::Limits) -> Scene {
    let config = Config {
        framing: Framing::Auto,
        history_lines: 0,
        notices: Notices::Off,
        motd: Vec::new(),
        max_message_bytes: 1024,
        kept_rooms: Vec::new(),
        max_rooms: 64,
        password: None,
        operator_password: None,
        wall_clock: || UNIX_EPOCH,
    };
    Scene::of(Room::new(config), limits)
}

fn echo() -> Scene {
    Scene::of(Echo, HIGH_WATER)
}

fn from(address: &str) -> Peer {
    Peer::Tcp(address.parse().expect("an address"))
}

fn with_idle_timeout(scene: Scene, timeout: Duration) -> Scene {
    scene.with_limits(|limits| limits.idle_timeout = Some(timeout))
}

/// Bytes of which no two places look alike.
fn bytes(count: usize) -> String {
    let numbers = (0..).flat_map(|n: u32| format!("{n} ").into_bytes());
    let bytes = numbers.take(count).collect();
    String::from_utf8(bytes).expect("digits")
}

#[test]
fn a_line_that_arrives_in_pieces_is_one() {
    let mut room = room(ROOMY);
    room.joins("ann");
    room.joins("bob");
    room.sends_in_pieces_of("ann", 3);
    let turns = room.turns();
    room.says("ann", "all in one line");
    assert!(room.turns() >= turns + 5);
    room.hears("bob", "guest1: all in one line");
    room.hears_nothing("bob");
}

#[test]
fn all_goes_through_a_small_buffer() {
    let mut echo = echo();
    echo.joins("ann");
    echo.has_send_buffer_of("ann", 100);
    echo.sends("ann", bytes(50_000));
    assert_eq!(echo.heard("ann"), bytes(50_000));
    echo.ends("ann");
    assert_eq!(echo.end("ann"), Some(End::Closed));
    assert_eq!(echo.fate("ann"), Some(Disconnect::Eof));
}

#[test]
fn who_is_idle_is_closed_and_who_speaks_is_not() {
    let mut echo = with_idle_timeout(echo(), ms(700));
    echo.joins("ann");
    echo.joins("bob");
    echo.advance(ms(699));
    echo.sends("ann", "still here");
    assert_eq!(echo.fate("bob"), None);
    echo.advance(ms(1));
    assert_eq!(echo.fate("bob"), Some(Disconnect::Idle));
    echo.advance(ms(698));
    assert_eq!(echo.fate("ann"), None);
    echo.advance(ms(1));
    assert_eq!(echo.fate("ann"), Some(Disconnect::Idle));
}

#[test]
fn who_never_speaks_is_closed_after_the_first_message_timeout() {
    let mut room = room(ROOMY).with_limits(|limits| {
        limits.first_message_timeout = Some(ms(500));
    });
    room.joins("ann");
    room.joins("bob");
    room.says("ann", "hi");
    room.advance(ms(500));
    assert_eq!(room.fate("bob"), Some(Disconnect::Silent));
    room.advance(ms(5000));
    assert_eq!(room.fate("ann"), None);
}

#[test]
fn each_address_has_so_many_places() {
    let mut echo = echo().with_limits(|limits| limits.max_clients_per_ip = Some(1));
    echo.joins_from("ann", from("10.0.0.1:1"));
    echo.joins_from("bob", from("10.0.0.1:2"));
    echo.joins_from("eve", from("10.0.0.2:1"));
    assert!(echo.is_served("ann") && !echo.is_served("bob") && echo.is_served("eve"));
    assert_eq!(echo.end("bob"), Some(End::Finished));
    echo.vanishes("ann");
    echo.joins_from("kim", from("10.0.0.1:3"));
    assert!(echo.is_served("kim"));
}

#[test]
fn at_the_end_of_the_server_what_is_owed_goes_out_within_the_grace() {
    let mut echo = echo();
    echo.joins("ann");
    echo.joins("bob");
    for name in ["ann", "bob"] {
        echo.has_room_for(name, 2);
        echo.sends(name, "owed");
    }
    echo.stops();
    echo.recovers("ann");
    assert_eq!(echo.heard("ann"), "owed");
    assert_eq!(echo.fate("ann"), Some(Disconnect::Eof));
    echo.advance(ms(999));
    assert!(echo.has_stopped() && !echo.is_done());
    echo.advance(ms(1));
    assert_eq!(echo.fate("bob"), Some(Disconnect::Shutdown));
    assert!(echo.is_done());
}

/// One that is held by its rate has not been idle; when it may speak again and does not, it is.
#[test]
fn a_member_that_was_held_by_its_rate_goes_idle_while_others_talk() {
    let mut room = room(ROOMY).with_limits(|limits| {
        limits.message_rate = Some(Rate {
            per_s: 1,
            burst: 10,
        });
        limits.idle_timeout = Some(ms(1500));
    });
    room.joins("ann");
    room.joins("bob");
    room.sends("bob", "x\n".repeat(10));
    for n in 0..3000 {
        if n % 1000 == 0 {
            room.says("ann", "hi");
        }
        room.advance(ms(1));
    }
    assert_eq!(room.messages("bob"), 10);
    assert_eq!(room.fate("bob"), Some(Disconnect::Idle));
    assert_eq!(room.fate("ann"), None);
}

#[test]
fn a_raw_client_is_held_at_the_high_water_mark() {
    let mut room = room(HIGH_WATER);
    for n in 0..100 {
        room.joins(&n.to_string());
    }
    room.joins("raw");
    room.stalls("raw");
    for _ in 0..200 {
        room.sends("raw", "/who");
        room.advance(ms(250));
    }
    assert!(room.is_kept_waiting("raw"));
    // An answer of a hundred names is of some 900 bytes.
    assert!(room.messages("raw") < 30, "{}", room.messages("raw"));
    room.recovers("raw");
    room.advance(ms(250));
    assert!(!room.is_kept_waiting("raw"));
}

#[test]
fn a_pour_is_waited_for_by_who_reads_steadily() {
    let limits = outbound::Limits {
        log_bytes: 1 << 20,
        ..HIGH_WATER
    };
    for members in 2..=6 {
        let mut room = room(limits);
        room.joins("ann");
        let readers: Vec<String> = (1..members).map(|n| n.to_string()).collect();
        for name in &readers {
            room.joins(name);
            room.stalls(name);
        }
        let line = format!("{}\n", "x".repeat(899));
        room.sends("ann", line.repeat(4000));
        for _ in 0..250 {
            room.advance(ms(20));
            for name in &readers {
                room.has_room_for(name, 60_000);
            }
        }
        let heard = format!("guest1: {line}").len() * 4000;
        for name in &readers {
            assert_eq!(room.fate(name), None, "{name} of {members}");
            assert_eq!(room.heard(name).len(), heard, "{name} of {members}");
        }
    }
}

#[test]
fn who_is_not_read_from_is_not_idle() {
    let mut echo = with_idle_timeout(echo(), ms(700));
    echo.joins("ann");
    echo.has_room_for("ann", 200_000);
    echo.sends("ann", bytes(8 << 20));
    echo.advance(ms(1500));
    echo.recovers("ann");
    assert!(echo.heard("ann") == bytes(8 << 20));
    echo.advance(ms(700));
    assert_eq!(echo.fate("ann"), Some(Disconnect::Idle));
}

#[test]
fn what_waits_for_its_rate_is_heard_before_its_client_is_idle() {
    let mut echo = echo().with_limits(|limits| {
        limits.message_rate = ONE_A_SECOND;
        limits.idle_timeout = Some(ms(300));
    });
    echo.joins("ann");
    echo.sends("ann", bytes(8 * 1024));
    echo.advance(ms(7200));
    assert_eq!(echo.messages("ann"), 8);
    assert_eq!(echo.heard("ann"), bytes(8 * 1024));
}

#[test]
fn after_a_freeze_what_lies_in_the_socket_is_heard() {
    let mut room = room(ROOMY).with_limits(|limits| {
        limits.idle_timeout = Some(ms(700));
        limits.first_message_timeout = Some(ms(700));
    });
    room.joins("ann");
    room.joins("bob");
    room.says("bob", "hi");
    room.freeze(ms(5000), |room| {
        room.says("ann", "I am here");
        room.says("bob", "so am I");
    });
    assert_eq!((room.fate("ann"), room.fate("bob")), (None, None));
    room.hears("bob", "guest1: I am here");
    room.hears("ann", "guest2: hi");
    room.hears("ann", "guest2: so am I");
}

#[test]
fn after_a_freeze_who_has_ended_is_not_idle() {
    let mut echo = with_idle_timeout(echo(), ms(700));
    echo.joins("ann");
    echo.freeze(ms(5000), |echo| {
        echo.sends("ann", "good bye");
        echo.ends("ann");
    });
    assert_eq!(echo.heard("ann"), "good bye");
    assert_eq!(echo.fate("ann"), Some(Disconnect::Eof));
}

/// One poll does not tell of all of them.
#[test]
fn after_a_freeze_a_crowd_is_heard() {
    let mut echo = with_idle_timeout(echo(), ms(700));
    let names: Vec<String> = (0..3000).map(|n| n.to_string()).collect();
    for name in &names {
        echo.joins(name);
    }
    echo.freeze(ms(5000), |echo| {
        for name in &names {
            echo.sends(name, "hi");
        }
    });
    for name in &names {
        assert_eq!(echo.fate(name), None, "{name}");
        assert_eq!(echo.heard(name), "hi");
    }
}

#[test]
fn a_freeze_does_not_split_a_raw_message() {
    let mut room = room(ROOMY);
    room.joins("ann");
    room.joins("bob");
    room.sends("ann", "hel");
    room.advance(ms(100));
    room.freeze(ms(1000), |room| room.sends("ann", "lo"));
    room.advance(ms(200));
    room.hears("bob", "guest1: hello");
}

#[test]
fn a_full_room_says_so() {
    let mut room = room(ROOMY).with_limits(|limits| limits.max_clients = 2);
    for name in ["ann", "bob", "eve"] {
        room.joins(name);
    }
    room.hears("eve", "* full: 2 are here; try again later");
    assert!(room.end("eve").is_some_and(|end| end != End::Reset));
    assert!(!room.is_served("eve"));
    room.vanishes("ann");
    room.joins("kim");
    room.says("bob", "hi");
    room.hears("kim", "guest2: hi");
}
