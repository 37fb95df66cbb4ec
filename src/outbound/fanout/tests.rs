//! When reading has to wait for writing: the log must not run away from clients that keep up.

use std::time::{Duration, Instant};

use super::super::backpressure::{OUTRUN_TIMEOUT, STALL_TIMEOUT};
use super::super::outbox::Flushed;
use super::super::pacing::Pace;
use super::*;

const FIRST: AudienceId = AudienceId::FIRST;

/// A speaker whom nobody knows is one of the first audience.
fn anybody() -> ClientId {
    ClientId::new(99, 1)
}

const LOG_BYTES: usize = 4096;

fn room_of(members: usize) -> (Fanout, Vec<ClientId>, Instant) {
    let limits = Limits {
        log_bytes: LOG_BYTES,
        max_pending_bytes: 1000,
        high_water_bytes: 1000,
        pace: Pace::Off,
    };
    let mut out = Fanout::new(limits);
    let members: Vec<ClientId> = (0..members).map(|key| ClientId::new(key, 1)).collect();
    for id in &members {
        out.open(*id);
        out.follow(*id, FIRST, 0);
    }
    (out, members, Instant::now())
}

/// Says a quarter of the log and a little more.
fn say_much(out: &mut Fanout, from: Option<ClientId>) {
    for _ in 0..=LOG_BYTES / 4 / 100 {
        out.publish(FIRST, from, &[(0, &[&[b'x'; 100]])]);
    }
}

fn takes_all(out: &mut Fanout, id: ClientId, now: Instant) {
    assert!(matches!(
        out.flush(id, &mut Vec::new(), now),
        Flushed::Clear
    ));
}

/// Takes two bytes, and then no more.
fn takes_little(out: &mut Fanout, id: ClientId, now: Instant) {
    let mut full: &mut [u8] = &mut [0; 2];
    out.unblock(id);
    let flushed = out.flush(id, &mut full, now);
    assert!(matches!(flushed, Flushed::Blocked { progress: true }));
}

#[test]
fn the_round_is_waited_for() {
    let (mut out, members, now) = room_of(2);
    say_much(&mut out, None);
    assert!(out.is_congested(anybody(), now));
    for id in &members {
        assert_eq!(out.next_due(FIRST, now), Some(*id));
        takes_all(&mut out, *id, now);
    }
    assert!(!out.is_congested(anybody(), now));
}

/// What it says itself stands in the log between what it is owed; that is owed none the less.
#[test]
fn a_talker_is_waited_for_like_a_listener() {
    let (mut out, members, now) = room_of(2);
    say_much(&mut out, None);
    for id in &members {
        out.publish(FIRST, Some(*id), &[(0, &[b"quite so"])]);
    }
    assert!(out.is_congested(anybody(), now));
    assert_eq!(out.next_due(FIRST, now), Some(members[0]));
}

#[test]
fn a_client_that_is_owed_something_of_its_own_is_waited_for_too() {
    let (mut out, members, now) = room_of(1);
    out.send(members[0], b"psst").expect("there is room");
    assert!(!out.is_congested(anybody(), now));
    say_much(&mut out, None);
    assert!(out.is_congested(anybody(), now));
    let id = out.next_urgent().expect("it is owed something");
    takes_all(&mut out, id, now);
    assert!(!out.is_congested(anybody(), now));
}

#[test]
fn a_slow_client_is_not_waited_for() {
    let (mut out, members, now) = room_of(1);
    out.send(members[0], b"psst").expect("there is room");
    let id = out.next_urgent().expect("it is owed something");
    takes_little(&mut out, id, now);
    say_much(&mut out, None);
    assert!(!out.is_congested(anybody(), now));
    // It takes something again, and is as far behind as before.
    out.unblock(id);
    assert!(!out.is_congested(anybody(), now));
}

/// But where nobody but the talker keeps up, all may be slower than the talk: that waits, for as
/// long as it takes to tell them from such as never read.
#[test]
fn a_room_of_which_all_are_behind_is_waited_for_a_while() {
    let (mut out, members, start) = room_of(3);
    let [talker, slow, deaf] = members[..] else {
        unreachable!()
    };
    assert!(!out.is_outrun(anybody(), start));
    for id in [slow, deaf] {
        out.publish(FIRST, Some(talker), &[(0, &[b"hello"])]);
        takes_little(&mut out, id, start);
    }
    say_much(&mut out, Some(talker));
    assert!(!out.is_congested(anybody(), start));
    // Nobody has taken anything since they fell behind, and may yet.
    assert!(out.is_outrun(anybody(), start));
    assert!(out.is_outrun(anybody(), start + STALL_TIMEOUT - Duration::from_millis(1)));
    // Such as never read are not waited for.
    let later = start + STALL_TIMEOUT;
    assert!(!out.is_outrun(anybody(), later));
    takes_little(&mut out, slow, later);
    assert!(out.is_outrun(anybody(), later));
    // Nor is one that takes so little that it never catches up.
    for step in 1.. {
        let now = later + STALL_TIMEOUT / 2 * step;
        takes_little(&mut out, slow, now);
        assert_eq!(out.is_outrun(anybody(), now), now < start + OUTRUN_TIMEOUT);
        if now >= start + OUTRUN_TIMEOUT {
            break;
        }
    }
    // One that catches up ends it, whatever the other does; and it may come again.
    out.unblock(slow);
    takes_all(&mut out, slow, later);
    assert!(!out.is_outrun(anybody(), later));
    assert_eq!(out.throttled_until(), None);
    say_much(&mut out, Some(talker));
    assert!(out.is_outrun(anybody(), later + OUTRUN_TIMEOUT));
    // Alone there is nobody to wait for.
    out.forget(slow);
    out.forget(deaf);
    say_much(&mut out, Some(talker));
    assert!(!out.is_outrun(anybody(), later + OUTRUN_TIMEOUT));
}

/// What others tell a client has a bound, what it has asked for itself comes all the same.
#[test]
fn an_answer_fits_whatever_is_owed() {
    let (mut out, members, now) = room_of(1);
    let id = members[0];
    while out.send(id, &[b'x'; 300]).is_ok() {}
    out.answer(id, b"");
    out.answer(id, b"here you are");
    assert_eq!(out.send(id, b"psst"), Err(OutboxFull));
    let mut sent = Vec::new();
    assert!(matches!(out.flush(id, &mut sent, now), Flushed::Clear));
    assert!(sent.ends_with(b"xhere you are"));
}

/// It takes a look at neither, and costs no more memory than that.
#[test]
fn who_is_left_out_too_often_while_it_reads_nothing_has_lagged() {
    let limits = Limits {
        log_bytes: 64 << 20,
        max_pending_bytes: 1000,
        high_water_bytes: 1000,
        pace: Pace::Off,
    };
    let mut out = Fanout::new(limits);
    let [deaf, other] = [1, 2].map(|key| ClientId::new(key, 1));
    for id in [deaf, other] {
        out.open(id);
        out.follow(id, FIRST, 0);
    }
    let mut laggards = Vec::new();
    let mut said = 0;
    while laggards.is_empty() {
        said += 1;
        assert!(said < 1 << 20, "it is never found");
        out.publish(FIRST, [other, deaf], &[(0, &[b"x\n"])]);
        out.publish(FIRST, None, &[(0, &[b"y\n"])]);
        takes_all(&mut out, other, Instant::now());
        laggards = out.take_laggards(Instant::now());
    }
    assert!(laggards.len() == 1 && laggards[0].id == deaf && laggards[0].is_torn);
    let held_bytes = out.held_bytes(deaf);
    assert!(held_bytes < MAX_GAP_BYTES + 100, "{held_bytes}");
    // Until it is closed, it stays as it is.
    out.publish(FIRST, [deaf], &[(0, &[b"x\n"])]);
    assert_eq!(out.held_bytes(deaf), held_bytes);
}

#[test]
fn who_leaves_an_audience_takes_along_what_it_is_owed() {
    let (mut out, members, now) = room_of(2);
    let second = out.add_audience();
    for id in &members {
        out.follow(*id, second, 0);
    }
    out.publish(second, [members[1]], &[(0, &[b"psst"])]);
    for id in &members {
        out.leave(*id);
    }
    out.remove_audience(second);
    assert_eq!(out.audiences(), 1);
    out.publish(FIRST, None, &[(0, &[b"not for them"])]);
    for (id, owed) in members.into_iter().zip([&b"psst"[..], b""]) {
        let mut got = Vec::new();
        assert!(matches!(out.flush(id, &mut got, now), Flushed::Clear));
        assert_eq!(got, owed);
    }
}

/// Clients that come and go while nobody speaks leave nothing behind.
#[test]
fn the_schedule_forgets_followers_that_have_gone() {
    let (mut out, members, _) = room_of(1);
    for generation in 2..10_000 {
        let id = ClientId::new(1, generation);
        out.open(id);
        out.follow(id, FIRST, 0);
        out.forget(id);
    }
    assert!(out.audiences[FIRST.key()].schedule.ring_len() <= FEW_ENTRIES + 3);
    out.publish(FIRST, None, &[(0, &[b"hello"])]);
    assert_eq!(out.next_due(FIRST, Instant::now()), Some(members[0]));
}

/// Whenever one that lags is told so, it has had whole messages before. It is found while the talk
/// is read, and told at the turn's end.
#[test]
fn a_last_word_never_stands_in_a_message() {
    let mut told = 0;
    let runs = (30..60).flat_map(|bytes| (0..=LOG_BYTES / bytes).map(move |count| (bytes, count)));
    for (bytes, messages) in runs {
        let (mut out, members, now) = room_of(1);
        let id = members[0];
        out.publish(FIRST, None, &[(0, &[b"hello."])]);
        takes_little(&mut out, id, now);
        for _ in 0..messages {
            out.publish(FIRST, None, &[(0, &[&vec![b'x'; bytes]])]);
            out.is_outrun(id, now);
        }
        for laggard in out.take_laggards(now) {
            if !laggard.is_torn {
                told += 1;
                out.cut_short(laggard.id, 0, b"bye");
                out.unblock(id);
                let mut sent = Vec::new();
                assert!(matches!(out.flush(id, &mut sent, now), Flushed::Clear));
                assert_eq!(sent.escape_ascii().to_string(), "llo.bye");
            }
        }
    }
    assert!(told > 0);
}

/// Each message that a member gets, whatever pieces it comes in, but not its own; also what it takes
/// along into another audience, and what is for it alone.
#[test]
fn a_delivery_is_counted_once() {
    let (mut out, members, now) = room_of(2);
    let (speaker, member) = (members[0], members[1]);
    let mut sent = Vec::new();
    for n in 0..40 {
        out.publish(FIRST, Some(speaker), &[(0, &[b"message"])]);
        if n % 9 == 0 {
            out.send(member, b"answer").unwrap();
        }
        let mut piece: &mut [u8] = &mut [0; 5];
        out.unblock(member);
        out.flush(member, &mut piece, now);
        takes_all(&mut out, speaker, now);
    }
    let other = out.add_audience();
    out.follow(member, other, 0);
    out.publish(other, None, &[(0, &[b"there"])]);
    out.unblock(member);
    assert!(matches!(out.flush(member, &mut sent, now), Flushed::Clear));
    let counts = out.counts();
    assert_eq!(counts.sent.messages, 40 + 5 + 1);
    assert_eq!(counts.sent.bytes, 40 * 7 + 5 * 6 + 5);
}
