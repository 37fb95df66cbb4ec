//! Members for another process.

use serde::{Deserialize, Serialize};

use super::{ClientId, Encoding, Members};
use crate::services::room::channels::ChannelId;

/// The members as they are, in an order in which they can be made again.
#[derive(Debug, Serialize, Deserialize)]
pub(in super::super) struct SavedMembers {
    members: Vec<SavedMember>,
    guests: u64,
    /// Of the last member of another node.
    generation: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedMember {
    client: ClientId,
    encoding: Encoding,
    nick: Box<str>,
    room: Option<ChannelId>,
}

impl Members {
    pub(in super::super) fn save(&self) -> SavedMembers {
        let all = self.some_of_all(usize::MAX).into_iter();
        let members = all.filter_map(|(client, nick)| {
            let member = self.get(client)?;
            Some(SavedMember {
                client,
                encoding: member.encoding,
                nick: nick.into(),
                room: member.room,
            })
        });
        SavedMembers {
            members: members.collect(),
            guests: self.guests,
            generation: self.table.generation(),
        }
    }

    pub(in super::super) fn restore(saved: SavedMembers) -> Self {
        let mut members = Self::new();
        members.guests = saved.guests;
        for member in saved.members {
            let SavedMember {
                client,
                encoding,
                nick,
                room,
            } = member;
            members.insert(client, encoding, nick);
            if let Some(room) = room {
                members.enter(client, encoding, room);
            }
        }
        members.table.go_on(saved.generation);
        members
    }
}
