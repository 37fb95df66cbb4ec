//! Scenes of pace: in a large, busy room messages merge; elsewhere nobody is ever held back.

use super::*;
use crate::outbound::Pace;

/// A visit is taken to cost 6 us here, so each of 1,000 is written to every 12 ms.
const PAUSE: Duration = Duration::from_millis(13);

fn crowd(members: usize, pace: Pace) -> Scene {
    let limits = Limits { pace, ..ROOMY };
    let mut room = Scene::of(Room::new(plain()), limits);
    for n in 0..members {
        room.joins(&n.to_string());
    }
    room
}

/// Talk that makes a room of 1,000 a busy one.
fn busy_crowd(pace: Pace) -> Scene {
    let mut room = crowd(1000, pace);
    talk(&mut room, 200);
    room.clear_output();
    room
}

/// A line each millisecond; returns the bytes and writes that they cost meanwhile.
fn talk(room: &mut Scene, lines: usize) -> (usize, usize) {
    let (bytes, writes) = room.written();
    for n in 0..lines {
        room.says("0", &format!("{n:03}"));
        room.advance(ms(1));
    }
    let (more_bytes, more_writes) = room.written();
    (more_bytes - bytes, more_writes - writes)
}

const LINE_BYTES: usize = "guest1: 000\n".len();

#[test]
fn a_large_busy_room_merges_and_loses_nothing() {
    let mut room = busy_crowd(Pace::Auto);
    let (bytes_before, _) = room.written();
    let (_, writes) = talk(&mut room, 100);
    assert!((5 * 999..15 * 999).contains(&writes), "{writes}");
    room.advance(2 * PAUSE);
    let (bytes, _) = room.written();
    // Some of the talk before may have come late; none of this may be missing.
    assert!(bytes - bytes_before >= 100 * LINE_BYTES * 999);
    let all: String = (0..100).map(|n| format!("guest1: {n:03}\n")).collect();
    for n in 1..1000 {
        assert!(room.heard(&n.to_string()).ends_with(&all));
    }
    room.hears_nothing("0");
}

#[test]
fn a_large_quiet_room_is_not_held_back() {
    let mut room = crowd(1000, Pace::Auto);
    for n in 0..20 {
        let (_, before) = room.written();
        room.says("0", &format!("{n}"));
        assert_eq!(room.written().1 - before, 999);
        room.advance(ms(50));
    }
}

#[test]
fn the_last_word_does_not_wait_for_a_next_one() {
    let mut room = busy_crowd(Pace::Auto);
    room.advance(ms(500));
    room.clear_output();
    room.says("0", "anybody?");
    room.advance(PAUSE);
    for n in 1..1000 {
        room.hears(&n.to_string(), "guest1: anybody?");
    }
}

#[test]
fn what_has_merged_enough_does_not_wait() {
    let mut room = busy_crowd(Pace::Auto);
    let (before, _) = room.written();
    for _ in 0..10 {
        room.says("0", &"x".repeat(1000));
    }
    let line_bytes = "guest1: \n".len() + 1000;
    let (bytes, _) = room.written();
    assert!(bytes - before >= (10 * line_bytes - 4096) * 999);
}

#[test]
fn a_small_room_is_never_paced() {
    let mut room = crowd(100, Pace::Auto);
    talk(&mut room, 200);
    assert_eq!(talk(&mut room, 100), (100 * LINE_BYTES * 99, 100 * 99));
}

#[test]
fn pace_off_holds_nothing_back() {
    let mut room = busy_crowd(Pace::Off);
    assert_eq!(talk(&mut room, 50), (50 * LINE_BYTES * 999, 50 * 999));
}

#[test]
fn nobody_is_starved_by_who_talks_without_end() {
    let mut room = busy_crowd(Pace::Auto);
    for _ in 0..100 {
        room.says("0", "and another thing");
        room.says("1", "quite so");
        room.advance(ms(1));
    }
    room.advance(2 * PAUSE);
    let said = room.heard("999");
    assert!(said.lines().count() >= 200);
    for n in 2..999 {
        assert_eq!(
            room.heard(&n.to_string()).lines().count(),
            said.lines().count()
        );
    }
}

#[test]
fn a_private_message_does_not_wait_for_the_round_and_keeps_its_place() {
    let mut room = busy_crowd(Pace::Auto);
    room.says("0", "held back");
    room.says("0", "/msg guest500 psst");
    let heard = room.heard("499");
    assert!(
        heard.ends_with("guest1: held back\n[guest1] psst\n"),
        "{heard}"
    );
    assert!(!room.heard("498").contains("held back"));
    room.advance(2 * PAUSE);
    assert!(room.heard("498").contains("guest1: held back\n"));
    room.hears_nothing("499");
}
