//! When reading has to wait for writing: the log must not run away from who keeps up.

use std::time::{Duration, Instant};

use super::driver::OUTRUN_PATIENCE;
use super::*;

const LOG_BYTES: usize = 4096;

fn room_of(members: usize) -> (Fanout, Vec<ClientId>, Instant) {
    let now = Instant::now();
    let limits = Limits {
        log_bytes: LOG_BYTES,
        max_pending_bytes: 1000,
        high_water_bytes: 1000,
        pace: Pace::Off,
    };
    let mut out = Fanout::new(limits, now);
    let members: Vec<ClientId> = (0..members).map(|n| out.open(n)).collect();
    members.iter().for_each(|id| out.follow(*id));
    (out, members, now)
}

/// Says a quarter of the log and a little more.
fn say_much(out: &mut Fanout) {
    for _ in 0..=LOG_BYTES / 4 / 100 {
        out.publish(None, &[&[b'x'; 100]]);
    }
}

#[test]
fn the_round_is_waited_for() {
    let (mut out, members, now) = room_of(2);
    say_much(&mut out);
    assert!(out.is_congested());
    for id in &members {
        assert_eq!(out.next_in_round(now), Some(*id));
        assert!(matches!(out.flush(*id, &mut Vec::new()), Flushed::Clear));
    }
    assert!(!out.is_congested());
}

/// What it says itself stands in the log between what it is owed; that is owed none the less.
#[test]
fn who_talks_is_waited_for_like_who_listens() {
    let (mut out, members, now) = room_of(2);
    say_much(&mut out);
    for id in &members {
        out.publish(Some(*id), &[b"quite so"]);
    }
    assert!(out.is_congested());
    assert_eq!(out.next_in_round(now), Some(members[0]));
}

#[test]
fn who_waits_in_the_queue_is_waited_for_too() {
    let (mut out, members, _) = room_of(1);
    out.note_queue();
    out.send(members[0], b"psst").expect("there is room");
    assert!(!out.is_congested());
    say_much(&mut out);
    assert!(out.is_congested());
    let id = out.next_queued().expect("it is owed something");
    assert!(matches!(out.flush(id, &mut Vec::new()), Flushed::Clear));
    out.note_queue();
    assert!(!out.is_congested());
}

#[test]
fn who_is_slow_is_not_waited_for() {
    let (mut out, members, _) = room_of(1);
    out.send(members[0], b"psst").expect("there is room");
    let id = out.next_queued().expect("it is owed something");
    let mut full: &mut [u8] = &mut [0; 2];
    assert!(matches!(out.flush(id, &mut full), Flushed::Blocked { .. }));
    out.note_queue();
    say_much(&mut out);
    assert!(!out.is_congested());
    // It takes something again, and is as far behind as before.
    out.note_queue();
    out.unblock(id);
    assert!(!out.is_congested());
}

/// But where nobody but the talker keeps up, all may be slower than the talk: that waits, for as
/// long as it takes to tell them from such as never read.
#[test]
fn a_room_of_which_all_are_behind_is_waited_for_a_while() {
    let (mut out, members, now) = room_of(3);
    let [talker, slow, deaf] = members[..] else {
        unreachable!()
    };
    let says_much = |out: &mut Fanout| {
        for _ in 0..=LOG_BYTES / 4 / 100 {
            out.publish(Some(talker), &[&[b'x'; 100]]);
        }
    };
    assert!(!out.is_outrun(now));
    for id in [slow, deaf] {
        out.publish(Some(talker), &[b"hello"]);
        let mut full: &mut [u8] = &mut [0; 2];
        assert!(matches!(out.flush(id, &mut full), Flushed::Blocked { .. }));
    }
    out.note_progress(now);
    says_much(&mut out);
    // Nobody has taken anything since they fell behind: such as never read are not waited for.
    assert!(!out.is_congested() && !out.is_outrun(now));
    let takes_little = |out: &mut Fanout, now| {
        let mut full: &mut [u8] = &mut [0; 2];
        out.unblock(slow);
        assert!(matches!(
            out.flush(slow, &mut full),
            Flushed::Blocked { .. }
        ));
        assert!(out.note_progress(now));
    };
    takes_little(&mut out, now);
    assert!(out.is_outrun(now));
    let until = out.outrun_until().expect("it is not for ever");
    assert!(out.is_outrun(until - Duration::from_millis(1)));
    assert!(!out.is_outrun(until));
    // Nor is one that takes so little that it never catches up.
    let much_later = now + OUTRUN_PATIENCE;
    takes_little(&mut out, much_later);
    assert!(!out.is_outrun(much_later));
    // One that catches up ends it, whatever the other does; and it may come again.
    assert!(matches!(out.flush(slow, &mut Vec::new()), Flushed::Clear));
    assert!(out.note_progress(until));
    assert!(!out.is_outrun(until));
    assert_eq!(out.outrun_until(), None);
    says_much(&mut out);
    assert!(out.is_outrun(until));
    // Alone there is nobody to wait for.
    out.forget(slow);
    out.forget(deaf);
    assert!(!out.is_outrun(until));
}
