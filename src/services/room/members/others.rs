//! Members of other nodes, and what they are told of this server's own.

use super::{Change, Members};
use crate::outbound::ClientId;
use crate::protocol::Encoding;

/// Guests of one node have numbers that differ by this.
const NODE_CLASSES: u64 = 100;

impl Members {
    /// This server is the node of that name: from here on [`take_changes`](Self::take_changes) tells
    /// of its own members, and its guests have numbers that other nodes seldom give at the same time.
    pub(in super::super) fn be_of_node(&mut self, node: &str) {
        self.changes.get_or_insert_default();
        let bytes = node.bytes().map(u64::from);
        let class = bytes.fold(7, |sum, byte| (sum * 31 + byte) % NODE_CLASSES);
        self.guest_step = NODE_CLASSES;
        self.guests = self.guests.next_multiple_of(NODE_CLASSES) + class;
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
        let near = self.guests..self.guests + 10 * NODE_CLASSES;
        if let Some(number) = number.filter(|number| near.contains(number)) {
            self.guests += (number - self.guests).next_multiple_of(self.guest_step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_somebody_has_had_is_nobody_elses_in_another_process() {
        let mut members = Members::new();
        let [_, gone] = ["ann", "bob"].map(|nick| members.add_of_another_node(nick));
        members.remove(gone);
        let mut restored = Members::restore(members.save());
        assert_ne!(restored.add_of_another_node("eve"), gone);
    }
}
