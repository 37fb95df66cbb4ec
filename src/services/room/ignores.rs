//! Who wants to hear nothing of whom. By client, so that a new nick changes nothing.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::outbound::ClientId;

/// A member ignores at most so many, inclusive.
pub(super) const MAX_IGNORED: usize = 32;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ignores {
    /// Whom a member ignores, in the order in which it began to.
    by_member: HashMap<ClientId, Vec<ClientId>>,
    /// The same the other way round: whom to leave out when that one speaks.
    by_ignored: HashMap<ClientId, BTreeSet<ClientId>>,
}

/// A member ignores as many as it may already.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl Ignores {
    /// The other way than so far; returns whether `member` ignores `other` now.
    ///
    /// # Errors
    /// [`TooMany`], and nothing has changed.
    pub(super) fn toggle(&mut self, member: ClientId, other: ClientId) -> Result<bool, TooMany> {
        if self.is_ignored(other, member) {
            self.end(member, other);
            return Ok(false);
        }
        let ignored = self.by_member.entry(member).or_default();
        if ignored.len() >= MAX_IGNORED {
            return Err(TooMany);
        }
        ignored.push(other);
        self.by_ignored.entry(other).or_default().insert(member);
        Ok(true)
    }

    /// Whether `by` wants to hear nothing of `speaker`.
    pub(super) fn is_ignored(&self, speaker: ClientId, by: ClientId) -> bool {
        let ignored = self.by_member.get(&by);
        ignored.is_some_and(|ignored| ignored.contains(&speaker))
    }

    /// Who want to hear nothing of `speaker`.
    pub(super) fn who_ignore(&self, speaker: ClientId) -> impl Iterator<Item = ClientId> {
        let members = self.by_ignored.get(&speaker);
        members.into_iter().flatten().copied()
    }

    /// Whom `member` ignores.
    pub(super) fn ignored_by(&self, member: ClientId) -> &[ClientId] {
        self.by_member.get(&member).map_or(&[], Vec::as_slice)
    }

    /// A client is gone.
    pub(super) fn forget(&mut self, client: ClientId) {
        for other in self.by_member.remove(&client).unwrap_or_default() {
            self.leave_out(client, other);
        }
        for member in self.by_ignored.remove(&client).unwrap_or_default() {
            self.drop_ignored(member, client);
        }
    }

    fn end(&mut self, member: ClientId, other: ClientId) {
        self.drop_ignored(member, other);
        self.leave_out(member, other);
    }

    fn drop_ignored(&mut self, member: ClientId, other: ClientId) {
        if let Some(ignored) = self.by_member.get_mut(&member) {
            ignored.retain(|it| *it != other);
            if ignored.is_empty() {
                self.by_member.remove(&member);
            }
        }
    }

    fn leave_out(&mut self, member: ClientId, other: ClientId) {
        if let Some(members) = self.by_ignored.get_mut(&other) {
            members.remove(&member);
            if members.is_empty() {
                self.by_ignored.remove(&other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_gone_is_in_neither_table() {
        let [ann, bob, eve] = [1, 2, 3].map(|key| ClientId::new(key, 1));
        let mut ignores = Ignores::default();
        for (member, other) in [(ann, bob), (ann, eve), (eve, bob), (bob, ann)] {
            assert_eq!(ignores.toggle(member, other), Ok(true));
        }
        assert_eq!(ignores.who_ignore(bob).collect::<Vec<_>>(), [ann, eve]);
        assert_eq!(ignores.ignored_by(ann), [bob, eve]);
        assert_eq!(ignores.toggle(eve, bob), Ok(false));
        assert!(ignores.is_ignored(bob, ann) && !ignores.is_ignored(bob, eve));
        ignores.forget(bob);
        assert_eq!(ignores.ignored_by(ann), [eve]);
        assert_eq!(ignores.who_ignore(ann).count(), 0);
        ignores.forget(ann);
        assert!(ignores.by_member.is_empty() && ignores.by_ignored.is_empty());
    }
}
