//! Scenes of pace: in a large, busy room messages merge; elsewhere nobody is ever held back.

use super::*;
use crate::outbound::Pace;

/// A visit is taken to cost 6 us here, so a room of 1,000 is written to each 12 ms.
const PAUSE: Duration = Duration::from_millis(13);

fn crowd(members: usize, pace: Pace) -> Rehearsal {
    let limits = Limits { pace, ..ROOMY };
    let mut room = Rehearsal::of(Room::new(plain()), limits);
    for n in 0..members {
        room.joins(&n.to_string());
    }
    room
}

/// `count` lines at once; returns the bytes and writes that they cost.
fn burst(room: &mut Rehearsal, count: usize) -> (usize, usize) {
    let (bytes, writes) = room.written();
    for n in 0..count {
        room.says("0", &format!("{n}"));
    }
    let (more_bytes, more_writes) = room.written();
    (more_bytes - bytes, more_writes - writes)
}

#[test]
fn a_large_busy_room_merges_and_loses_nothing() {
    let mut room = crowd(1000, Pace::Auto);
    // A quiet room is not held back, however large.
    assert_eq!(burst(&mut room, 1), ("guest1: 0\n".len() * 999, 999));
    assert_eq!(burst(&mut room, 10), (0, 0));
    room.advance(PAUSE);
    let (bytes, writes) = room.written();
    assert_eq!(bytes, "guest1: 0\n".len() * 11 * 999);
    assert_eq!(writes, 2 * 999);
    for n in 1..1000 {
        let heard = room.heard(&n.to_string());
        let numbers: Vec<&str> = heard
            .lines()
            .map(|line| &line["guest1: ".len()..])
            .collect();
        assert_eq!(numbers.join(""), "00123456789");
    }
}

#[test]
fn after_a_while_of_quiet_nobody_is_held_back() {
    let mut room = crowd(1000, Pace::Auto);
    for _ in 0..5 {
        assert_eq!(burst(&mut room, 1).1, 999);
        room.advance(PAUSE);
    }
}

#[test]
fn what_has_merged_enough_does_not_wait() {
    let mut room = crowd(1000, Pace::Auto);
    burst(&mut room, 1);
    let (bytes, writes) = room.written();
    for _ in 0..10 {
        room.says("0", &"x".repeat(1000));
    }
    // 4 KiB are due at once: of ten times 1 KB that is at least twice.
    let (more_bytes, more_writes) = room.written();
    assert_eq!(more_writes - writes, 2 * 999);
    assert!(more_bytes - bytes >= 8 * 1000 * 999);
}

#[test]
fn a_small_room_is_never_paced() {
    let mut room = crowd(100, Pace::Auto);
    let line_bytes = "guest1: 0\n".len();
    assert_eq!(burst(&mut room, 10), (line_bytes * 10 * 99, 10 * 99));
}

#[test]
fn pace_off_holds_nothing_back() {
    let mut room = crowd(1000, Pace::Off);
    assert_eq!(burst(&mut room, 10).1, 10 * 999);
}

#[test]
fn nobody_is_starved_by_who_talks_without_end() {
    let mut room = crowd(1000, Pace::Auto);
    for _ in 0..100 {
        room.says("0", "and another thing");
        room.says("1", "quite so");
        room.advance(ms(1));
    }
    room.advance(PAUSE);
    let said = room.heard("999");
    assert_eq!(said.lines().count(), 200);
    for n in 2..999 {
        assert_eq!(room.heard(&n.to_string()), said);
    }
}

#[test]
fn a_private_message_does_not_wait_for_the_round_and_keeps_its_place() {
    let mut room = crowd(1000, Pace::Auto);
    burst(&mut room, 1);
    room.nobody_minds();
    room.says("0", "held back");
    room.says("0", "/msg guest500 psst");
    room.hears("499", "guest1: held back");
    room.hears("499", "[guest1] psst");
    room.hears_nothing("498");
    room.advance(PAUSE);
    room.hears("498", "guest1: held back");
    room.hears_nothing("499");
}
