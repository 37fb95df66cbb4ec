//! Scenes of pace: in a large, busy room messages merge; elsewhere nobody is ever held back.

use super::*;
use crate::outbound::Pace;

/// A visit is taken to cost 6 us here, so each of 1,000 is written to every 12 ms.
const PAUSE: Duration = Duration::from_millis(13);

fn crowd(members: usize, pace: Pace) -> Rehearsal {
    let limits = Limits { pace, ..ROOMY };
    let mut room = Rehearsal::of(Room::new(plain()), limits);
    for n in 0..members {
        room.joins(&n.to_string());
    }
    room
}

/// A crowd in which a line is said each millisecond, at a moment when all have just been told.
fn busy_crowd(members: usize) -> Rehearsal {
    let mut room = crowd(members, Pace::Auto);
    for _ in 0..150 {
        room.says("0", ".");
        room.advance(ms(1));
    }
    for _ in 0..20 {
        let (_, writes) = room.written();
        room.advance(ms(1));
        if room.written().1 > writes {
            room.nobody_minds();
            return room;
        }
        room.says("0", ".");
    }
    panic!("nobody was told anything for 20 ms");
}

/// `count` lines at once; returns the bytes and writes that they cost.
fn burst(room: &mut Rehearsal, count: usize) -> (usize, usize) {
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
    let mut room = busy_crowd(1000);
    let (bytes, writes) = room.written();
    for n in 0..100 {
        room.advance(ms(1));
        room.says("0", &format!("{n:02}"));
    }
    room.advance(PAUSE);
    let (more_bytes, more_writes) = room.written();
    assert_eq!(more_bytes - bytes, "guest1: 00\n".len() * 100 * 999);
    // Each is written to every 12 ms, and once more when it has become quiet.
    assert_eq!(more_writes - writes, 9 * 999);
    let expected: String = (0..100).map(|n| format!("guest1: {n:02}\n")).collect();
    for n in 1..1000 {
        assert_eq!(room.heard(&n.to_string()), expected);
    }
}

#[test]
fn who_waits_is_told_as_soon_as_nobody_says_more() {
    let mut room = busy_crowd(1000);
    room.says("0", "and now");
    room.hears_nothing("999");
    // Four times the usual millisecond, well before the 12 ms are over.
    room.advance(ms(5));
    room.hears("999", "guest1: and now");
}

#[test]
fn the_last_word_does_not_wait_for_a_next_one() {
    let mut room = busy_crowd(Pace::Auto);
    room.advance(ms(500));
    room.nobody_minds();
    room.says("0", "anybody?");
    room.advance(PAUSE);
    for n in 1..1000 {
        room.hears(&n.to_string(), "guest1: anybody?");
    }
}

#[test]
fn one_message_at_a_time_is_never_held_back_however_large_the_room() {
    let mut room = crowd(1000, Pace::Auto);
    for _ in 0..50 {
        assert_eq!(burst(&mut room, 1).1, 999);
        room.advance(ms(7));
    }
}

#[test]
fn what_has_merged_enough_does_not_wait() {
    let mut room = busy_crowd(1000);
    let (bytes, writes) = room.written();
    for _ in 0..10 {
        room.says("0", &"x".repeat(1000));
    }
    // 4 KiB are due at once: of ten times 1 KB that is twice.
    let (more_bytes, more_writes) = room.written();
    assert_eq!(more_writes - writes, 2 * 999);
    assert!(more_bytes - bytes >= 8 * 1000 * 999);
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
    let mut room = busy_crowd(1000);
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
