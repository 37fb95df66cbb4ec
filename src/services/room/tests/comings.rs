//! Scenes of coming and going: greetings, notices, their sum, history.

use super::*;

fn with_notices(notices: Notices) -> Scene {
    open(Config { notices, ..plain() })
}

#[test]
fn a_newcomer_is_greeted_and_told_to_the_others() {
    for notices in [Notices::On, Notices::Auto] {
        let mut room = with_notices(notices);
        room.joins("ann");
        room.hears(
            "ann",
            "* you are guest1; others here: 0; /help lists the commands",
        );
        room.joins("bob");
        room.hears(
            "bob",
            "* you are guest2; others here: 1; /help lists the commands",
        );
        room.hears("ann", "* guest2 joined");
        room.hears_nothing("bob");
        room.vanishes("bob");
        room.hears("ann", "* guest2 left");
        room.joins("eve");
        room.says("eve", "/quit");
        room.hears("ann", "* guest3 joined");
        room.hears("ann", "* guest3 left");
        room.hears_nothing("ann");
    }
}

#[test]
fn without_notices_nobody_is_told_anything() {
    let mut room = with_notices(Notices::Off);
    room.joins("ann");
    room.joins("bob");
    room.says("bob", "/nick bob");
    room.hears("bob", "* you are now bob");
    room.vanishes("bob");
    room.advance(ms(5000));
    room.hears_nothing("ann");
    room.hears_nothing("bob");
}

#[test]
fn above_fifty_members_notices_are_summed_up() {
    let mut room = with_notices(Notices::Auto);
    for n in 0..50 {
        room.joins(&n.to_string());
    }
    assert!(room.heard("0").ends_with("* guest50 joined\n"));
    room.advance(ms(5000));
    room.joins("ann");
    room.joins("bob");
    room.says("bob", "/nick bob");
    room.vanishes("ann");
    room.advance(ms(999));
    room.hears_nothing("0");
    room.advance(ms(1));
    room.hears("0", "* 2 joined, 1 left, 1 took another nick; 51 are here");
    room.hears_nothing("0");
    assert!(room.heard("bob").ends_with("; 51 are here\n"));
    room.advance(ms(5000));
    room.hears_nothing("0");
    // The one who makes it a small room again is still one of a large one, and who leaves next
    // is not told before it.
    room.vanishes("bob");
    room.vanishes("1");
    room.hears_nothing("0");
    room.advance(ms(1000));
    room.hears("0", "* 2 left; 49 are here");
    room.vanishes("2");
    room.hears("0", "* guest3 left");
    room.hears_nothing("0");
}

#[test]
fn notices_on_tells_each_whatever_the_size() {
    let mut room = with_notices(Notices::On);
    for n in 0..60 {
        room.joins(&n.to_string());
    }
    assert_eq!(room.heard("0").matches(" joined\n").count(), 59);
}

#[test]
fn filling_a_room_costs_as_many_bytes_as_there_are_members() {
    let fill = |members: usize| {
        let mut room = with_notices(Notices::Auto);
        for n in 0..members {
            room.joins(&n.to_string());
            if n % 1000 == 999 {
                room.says("0", "all well?");
                room.advance(ms(150));
                assert!(room.heard("1").contains("guest1: all well?\n"));
            }
        }
        room.advance(ms(3000));
        room.written().0
    };
    let (small, large) = (fill(1000), fill(10_000));
    // 50 are told of one another; everybody gets a greeting, the talk and a summary.
    assert!(small > 1000 * 60, "{small}");
    assert!(large < 10_000 * 400, "{large}");
}

#[test]
fn history_is_replayed_to_who_joins() {
    let mut room = seat(
        open(Config {
            history_lines: 3,
            ..plain()
        }),
        &["ann", "bob"],
    );
    for line in [
        "one",
        "two",
        "/me waves",
        "/msg bob psst",
        "/who",
        "/nope",
        "three",
    ] {
        room.says("ann", line);
    }
    room.joins("eve");
    room.says("ann", "four");
    for line in ["ann: two", "** ann waves", "ann: three", "ann: four"] {
        room.hears("eve", line);
    }
    room.hears_nothing("eve");
}

#[test]
fn history_holds_only_the_conversation() {
    let config = Config {
        history_lines: 20,
        notices: Notices::On,
        ..plain()
    };
    let mut room = seat(open(config), &["ann", "bob"]);
    room.says("ann", "one");
    room.vanishes("bob");
    room.says("ann", "/nick eve");
    room.says("ann", "two");
    room.joins("kim");
    room.hears(
        "kim",
        "* you are guest3; others here: 1; /help lists the commands",
    );
    room.hears("kim", "ann: one");
    room.hears("kim", "eve: two");
    room.hears_nothing("kim");
}

#[test]
fn history_is_no_longer_than_the_log() {
    let config = Config {
        history_lines: 1000,
        ..plain()
    };
    let limits = Limits {
        log_bytes: 1000,
        ..ROOMY
    };
    let mut room = seat(Scene::of(Room::new(config), limits), &["ann", "bob"]);
    for n in 0..500 {
        room.says("ann", &format!("line {n}"));
    }
    room.joins("eve");
    let heard = room.heard("eve");
    let all = room.heard("bob");
    assert!(
        all.ends_with(&heard) && heard.starts_with("ann: line "),
        "{heard}"
    );
    assert!((30..60).contains(&heard.lines().count()), "{heard}");
}

/// Each join is one write of what was said, whatever the number of lines.
#[test]
fn a_long_history_comes_whole_in_order_and_in_one_piece() {
    let config = Config {
        history_lines: 10_000,
        ..plain()
    };
    let mut room = seat(open(config), &["ann"]);
    for n in 0..12_000 {
        room.says("ann", &n.to_string());
    }
    let all: String = (2_000..12_000).map(|n| format!("ann: {n}\n")).collect();
    for name in ["bob", "eve"] {
        let (_, before) = room.written();
        room.joins(name);
        assert_eq!(room.written().1 - before, 1);
        assert_eq!(room.heard(name), all);
    }
}

#[test]
fn notices_between_the_lines_are_left_out_of_history() {
    let config = Config {
        history_lines: 5,
        notices: Notices::On,
        ..plain()
    };
    let mut room = seat(open(config), &["ann"]);
    for n in 0..10 {
        room.says("ann", &format!("/me does {n}"));
        room.says("ann", &n.to_string());
        room.says("ann", &format!("/nick ann{n}"));
    }
    room.joins("bob");
    room.hears(
        "bob",
        "* you are guest2; others here: 1; /help lists the commands",
    );
    for line in [
        "ann6: 7",
        "** ann7 does 8",
        "ann7: 8",
        "** ann8 does 9",
        "ann8: 9",
    ] {
        room.hears("bob", line);
    }
    room.hears_nothing("bob");
}

#[test]
fn a_newcomer_that_stalls_over_its_history_gets_it_whole_and_then_the_rest() {
    let mut room = seat(
        open(Config {
            history_lines: 2,
            ..plain()
        }),
        &["ann", "bob"],
    );
    for line in ["one", "two", "three"] {
        room.says("ann", line);
    }
    room.vanishes("bob");
    room.joins("eve");
    room.clear_output();
    room.joins("kim");
    room.hears("kim", "ann: two");
    room.hears("kim", "ann: three");
    // Its own line stands in the history of others, and is not said to itself.
    room.stalls("eve");
    room.says("eve", "four");
    room.says("ann", "five");
    room.recovers("eve");
    room.hears("eve", "ann: five");
    room.hears_nothing("eve");
    room.joins("lee");
    room.hears("lee", "guest3: four");
    room.hears("lee", "ann: five");
}

#[test]
fn the_message_of_the_day_comes_before_history() {
    let config = Config {
        motd: vec!["welcome".into(), "be kind".into()],
        history_lines: 5,
        notices: Notices::On,
        ..plain()
    };
    let mut room = seat(open(config), &["ann"]);
    room.says("ann", "anybody?");
    room.joins("bob");
    room.hears(
        "bob",
        "* you are guest2; others here: 1; /help lists the commands",
    );
    room.hears("bob", "* welcome");
    room.hears("bob", "* be kind");
    room.hears("bob", "ann: anybody?");
    room.hears_nothing("bob");
}
