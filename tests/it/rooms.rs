//! Several rooms in one server: `/join`, `--room`, `--max-rooms`, from the outside.

use crate::member::{Member, room};

#[test]
fn members_move_between_rooms_and_hear_one_at_a_time() {
    let server = room(&["--room", "Staff", "--max-rooms", "2"]);
    let mut ann = Member::joins(&server, "ann");
    let mut bob = Member::joins(&server, "bob");
    ann.is_told("bob");
    ann.says("/join games");
    ann.is_told("you are in games; others here: 0");
    bob.is_told("ann left");
    ann.says("anybody?");
    bob.says("/msg ann where are you?");
    ann.hears("[bob] where are you?");
    bob.says("/join #Games");
    bob.is_told("you are in games; others here: 1");
    bob.hears("ann: anybody?");
    ann.is_told("bob joined");
    bob.says("here");
    ann.hears("bob: here");
    bob.says("/join more");
    bob.is_told("there are as many rooms as may be; see /rooms");
    bob.says("/join staff");
    bob.is_told("you are in staff; others here: 0");
    ann.is_told("bob left");
    ann.says("/rooms");
    ann.is_told("lobby: 0 here");
    ann.is_told("games: 1 here");
    ann.is_told("staff: 1 here");
}
