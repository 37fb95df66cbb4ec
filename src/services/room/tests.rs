//! The rules of the room, each in a scene. Here is what the scenes share.

use std::time::{Duration, UNIX_EPOCH};

use super::{Config, Notices, Password, Room, WHO_NAMES};
use crate::outbound::Limits;
use crate::service::{Disconnect, Service};
use crate::testing::scene::{ROOMY, Scene};
use crate::wire::Framing;

mod comings;
mod commands;
mod hall;
mod hub;
mod ignore;
mod irc;
mod irc_capabilities;
mod irc_questions;
mod irc_talk;
mod json;
mod operators;
mod order;
mod pace;
mod password;
mod rooms;
mod rooms_irc;
mod rooms_told;
mod since;
mod slow;
mod talk;
mod transcript;

/// A room that says nothing of itself.
fn plain() -> Config {
    Config {
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
    }
}

fn open(config: Config) -> Scene {
    Scene::of(Room::new(config), ROOMY)
}

/// A plain room in which these are, under their names.
fn room_of(names: &[&str]) -> Scene {
    seat(open(plain()), names)
}

fn seat(mut room: Scene, names: &[&str]) -> Scene {
    for name in names {
        room.joins(name);
        room.says(name, &format!("/nick {name}"));
    }
    room.clear_output();
    room
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}
