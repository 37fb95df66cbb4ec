//! The rooms that one service holds, which IRC calls channels: their names and what each has of its
//! own. Knows no members.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU16;
use std::ops::{Index, IndexMut};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use slab::Slab;

use super::broadcast::Addressees;
use super::history::History;
use super::nick;
use super::notices::{Notices, PendingNotices};
use crate::outbound::{AudienceId, Fanout, Published};
use crate::protocol::{Encoding, beginning};

/// The longest topic, in bytes, inclusive; what is longer is cut.
const MAX_TOPIC_BYTES: usize = 300;

/// The most rooms that there may ever be beside the lobby.
pub const MAX_ROOMS: u16 = 10_000;

/// Names one of the rooms. Small, for each member has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ChannelId(NonZeroU16);

impl ChannelId {
    /// The room that is always there, and in which everybody begins.
    pub(super) const LOBBY: Self = Self(NonZeroU16::MIN);

    /// [`MAX_ROOMS`] and the lobby are as many as there may be.
    pub(super) fn of_index(index: usize) -> Self {
        let number = u16::try_from(index + 1).ok().and_then(NonZeroU16::new);
        Self(number.unwrap_or(NonZeroU16::MAX))
    }

    /// For tables.
    pub(super) fn index(self) -> usize {
        usize::from(self.0.get()) - 1
    }
}

/// One room.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Channel {
    pub(super) addressees: Addressees,
    /// May be empty.
    topic: Box<str>,
    pub(super) history: History,
    pending: PendingNotices,
    /// It stays when it is empty.
    is_kept: bool,
    /// Of how many more members its log of lines tells that they have come than that they have gone.
    #[serde(default)]
    told_here: i64,
}

impl Channel {
    pub(super) fn name(&self) -> &str {
        self.addressees.room()
    }

    /// As IRC calls it.
    pub(super) fn irc_name(&self) -> &str {
        self.addressees.channel()
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    pub(super) fn told_here(&self) -> i64 {
        self.told_here
    }

    /// It was told where `published` says that a member has come (`1`) or gone (`-1`).
    pub(super) fn note_told(&mut self, published: Option<Published>, change: i64) {
        if published.is_some_and(|ranges| !ranges[Encoding::Lines.index()].is_empty()) {
            self.told_here += change;
        }
    }

    /// Gives it a topic, sanitized, or none.
    pub(super) fn set_topic(&mut self, topic: &str) {
        self.topic = beginning(topic, MAX_TOPIC_BYTES).into();
    }
}

/// Why there is no room of that name to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    BadName,
    TooMany,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Channels {
    /// By [`ChannelId`]; the first is the lobby.
    slab: Slab<Channel>,
    /// By what their names look like once case is gone: two of one look are one.
    by_look: HashMap<Box<str>, ChannelId>,
    /// How many there may be beside the lobby.
    most: usize,
    notices: Notices,
    history_lines: usize,
    /// When what is to be summed up in which room: ascending. Some may be gone.
    sums: VecDeque<(Instant, ChannelId)>,
}

/// What the room is called that is always there.
pub(super) const LOBBY: &str = "lobby";

/// Whether a room can have that name.
#[must_use]
pub fn is_name(given: &str) -> bool {
    name(given).is_some()
}

/// How the name of a room is spelled: as a nick, in lower case; an IRC client's `#` may stand before
/// it.
fn name(given: &str) -> Option<Box<str>> {
    let name = nick::parse(given.strip_prefix('#').unwrap_or(given)).ok()?;
    // Few letters become longer in lower case, and have more marks then.
    nick::parse(&name.to_lowercase()).ok()
}

/// What the name of a room looks like once case is gone.
pub(super) fn look(given: &str) -> Option<Box<str>> {
    name(given).map(|name| nick::folded(&name))
}

impl Channels {
    /// The lobby, and what was said there will have ids above `start_id`.
    pub(super) fn new(most: usize, notices: Notices, history_lines: usize, start_id: u64) -> Self {
        let mut channels = Self {
            slab: Slab::new(),
            by_look: HashMap::new(),
            most,
            notices,
            history_lines,
            sums: VecDeque::new(),
        };
        let lobby = channels.insert(LOBBY, AudienceId::FIRST, start_id);
        channels[lobby].is_kept = true;
        channels
    }

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    /// Those that another process has had, in place of these.
    pub(super) fn restore(&mut self, saved: Vec<(ChannelId, Channel)>) {
        let names = saved.iter();
        self.by_look = names
            .map(|(id, channel)| (nick::folded(channel.name()), *id))
            .collect();
        let due = saved.iter();
        let mut sums: Vec<_> = due
            .filter_map(|(id, channel)| Some((channel.pending.due()?, *id)))
            .collect();
        sums.sort_by_key(|(due, _)| *due);
        self.sums = sums.into();
        let by_key = saved.into_iter();
        self.slab = by_key.map(|(id, it)| (id.index(), it)).collect();
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ChannelId, &Channel)> {
        self.slab
            .iter()
            .map(|(key, channel)| (ChannelId::of_index(key), channel))
    }

    /// The room of that name, in whatever case, with `#` or without.
    pub(super) fn find(&self, given: &str) -> Option<ChannelId> {
        self.by_look.get(&look(given)?).copied()
    }

    /// The same, and makes it if there is none. `spared` is a room that will end with that, if it is
    /// none of those that stay, and does not count.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub(super) fn find_or_make(
        &mut self,
        given: &str,
        start_id: u64,
        spared: Option<ChannelId>,
        out: &mut Fanout,
    ) -> Result<ChannelId, Refused> {
        let name = name(given).ok_or(Refused::BadName)?;
        if let Some(found) = self.find(&name) {
            return Ok(found);
        }
        let spared = spared.filter(|room| !self[*room].is_kept);
        // Nor does the lobby count.
        let count = self.slab.len() - 1 - usize::from(spared.is_some());
        if count >= self.most {
            return Err(Refused::TooMany);
        }
        Ok(self.insert(&name, out.add_audience(), start_id))
    }

    /// The room stays from here on, whoever leaves it.
    pub(super) fn keep(&mut self, id: ChannelId) {
        self[id].is_kept = true;
    }

    /// The last member has left: the room ends, if it is none of those that stay. Whether it has.
    pub(super) fn end_unless_kept(&mut self, id: ChannelId, out: &mut Fanout) -> bool {
        if self[id].is_kept {
            return false;
        }
        let channel = self.slab.remove(id.index());
        self.by_look.remove(&nick::folded(channel.name()));
        out.remove_audience(channel.addressees.audience());
        true
    }

    /// Something is to be announced in a room of so many members; whether now, one by one.
    /// Which of the rooms that need not stay nobody would miss.
    pub(super) fn unkept(&self) -> Vec<ChannelId> {
        let all = self.iter().filter(|(_, channel)| !channel.is_kept);
        all.map(|(id, _)| id).collect()
    }

    pub(super) fn announces(
        &mut self,
        now: Instant,
        id: ChannelId,
        members: usize,
        what: fn(&mut PendingNotices, Instant, usize) -> bool,
    ) -> bool {
        let pending = &mut self[id].pending;
        let was_due = pending.due();
        let is_told_now = what(pending, now, members);
        if let (None, Some(due)) = (was_due, pending.due()) {
            self.sums.push_back((due, id));
        }
        is_told_now
    }

    /// When the next sum is to be announced.
    pub(super) fn due(&self) -> Option<Instant> {
        self.sums.front().map(|(due, _)| *due)
    }

    /// A room in which a sum is due, and what has been counted there; given how many are where.
    pub(super) fn sum_up(
        &mut self,
        now: Instant,
        members: impl Fn(ChannelId) -> usize,
    ) -> Option<(ChannelId, String)> {
        while let Some((due, id)) = self.sums.front().copied()
            && due <= now
        {
            self.sums.pop_front();
            let channel = self.slab.get_mut(id.index());
            let pending = channel.map(|channel| &mut channel.pending);
            if let Some(pending) = pending.filter(|it| it.due().is_some_and(|due| due <= now))
                && let Some(sum) = pending.sum_up(members(id))
            {
                return Some((id, sum));
            }
        }
        None
    }

    fn insert(&mut self, name: &str, audience: AudienceId, start_id: u64) -> ChannelId {
        let key = self.slab.insert(Channel {
            addressees: Addressees::new(audience, name),
            topic: Box::default(),
            history: History::new(self.history_lines, start_id),
            pending: PendingNotices::new(self.notices),
            is_kept: false,
            told_here: 0,
        });
        self.by_look
            .insert(nick::folded(name), ChannelId::of_index(key));
        ChannelId::of_index(key)
    }
}

impl Index<ChannelId> for Channels {
    type Output = Channel;

    fn index(&self, id: ChannelId) -> &Channel {
        &self.slab[id.index()]
    }
}

impl IndexMut<ChannelId> for Channels {
    fn index_mut(&mut self, id: ChannelId) -> &mut Channel {
        &mut self.slab[id.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With its names, and with what the fanout has of it (which has a test of its own), it takes
    /// less than 2 KiB.
    #[test]
    fn an_empty_room_takes_less_than_a_kibibyte() {
        assert!(size_of::<Channel>() < 900, "{}", size_of::<Channel>());
    }

    #[test]
    fn names_are_those_of_nicks_in_lower_case() {
        for (given, spelled) in [
            ("games", Some("games")),
            ("#Games_2-b", Some("games_2-b")),
            ("ÄRGER", Some("ärger")),
            ("李雷", Some("李雷")),
            ("", None),
            ("#", None),
            ("##x", None),
            ("a b", None),
            ("a,b", None),
            ("x\u{7}", None),
        ] {
            assert_eq!(name(given).as_deref(), spelled, "{given:?}");
        }
        let long = "x".repeat(32);
        assert!(is_name(&long) && !is_name(&format!("{long}x")));
    }
}
