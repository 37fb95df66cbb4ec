//! Members of other nodes, and what they are told of this server's own.

use super::{Change, Members};
use crate::outbound::ClientId;
use crate::protocol::Encoding;

impl Members {
    /// From here on [`take_changes`](Self::take_changes) tells of this server's own members.
    pub(in super::super) fn watch_changes(&mut self) {
        self.changes.get_or_insert_default();
    }

    /// What has changed since this was last called, in its order.
    pub(in super::super) fn take_changes(&mut self) -> Vec<(ClientId, Change)> {
        self.changes
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// This server's own members, each with its nick.
    pub(in super::super) fn own(&self) -> Vec<(ClientId, &str)> {
        let all = self.some_of_all(usize::MAX).into_iter();
        all.filter(|(client, _)| !super::is_of_another_node(*client))
            .collect()
    }

    /// Takes in a member of another node, in no room yet. One whose nick somebody has is a guest.
    pub(in super::super) fn add_of_another_node(&mut self, nick: &str) -> ClientId {
        let client = self.table.new_id();
        let free = self.free_nick(nick, None);
        let nick = free.unwrap_or_else(|_| self.next_guest(|_| true));
        self.insert(client, Encoding::Lines, nick);
        client
    }

    /// Nobody is called as the guests of another node, of which one is `nick`.
    pub(in super::super) fn pass_guest(&mut self, nick: &str) {
        let number = nick
            .strip_prefix("guest")
            .and_then(|number| number.parse().ok());
        // A nick that somebody has chosen says nothing.
        if let Some(number) = number.filter(|number| *number < self.guests + 1000) {
            self.guests = self.guests.max(number);
        }
    }
}
