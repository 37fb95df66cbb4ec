//! The one conversation of a room in which many protocols meet, and whether each member has heard
//! it: in order, once, whole, and no more of it than is its own affair.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::hearing::{Heard, Hearing};
use super::records::{Book, Record, Status};
use super::speech::{Speech, Tongue};
use crate::outbound::Offset;
use crate::service::Disconnect;

/// All that was said, in the order in which the room heard it.
#[derive(Default)]
pub(super) struct Conversation {
    said: Vec<Spoken>,
    /// By text: no two are the same.
    places: HashMap<String, usize>,
    /// The ids that were told, by place.
    ids: BTreeMap<usize, u64>,
    /// Where the log of lines ends now, if there is one.
    pub(super) lines_end: Option<Offset>,
}

struct Spoken {
    from: usize,
    /// To one alone.
    to: Option<usize>,
    /// Where the log of lines ended when it was said, if there was one.
    lines_end: Option<Offset>,
}

/// What is known of a member of such a room, beside what is known of all.
pub(super) struct Membership {
    pub(super) speech: Speech,
    /// It knows all up to there.
    pub(super) since: Option<usize>,
    /// How long the conversation was when it had a name, and when it came into the room.
    pub(super) named_at: Option<usize>,
    pub(super) came_at: Option<usize>,
    /// It was not known at once what it speaks, and hears all that was said from there on.
    pub(super) connected_at: Option<usize>,
    /// How it has asked to be answered when it ends.
    pub(super) asks_for: Option<u16>,
    /// The server has to end with this word, if its protocol has any.
    pub(super) last_word: Option<u16>,
}

impl Membership {
    pub(super) fn new(speech: Speech, since: Option<usize>) -> Self {
        Self {
            speech,
            since,
            named_at: None,
            came_at: None,
            connected_at: None,
            asks_for: None,
            last_word: None,
        }
    }
}

/// What a client has heard of the conversation, by place.
#[derive(Debug, Default)]
struct Places {
    public: Vec<usize>,
    private: Vec<usize>,
    /// All, in the order in which they were heard.
    all: Vec<usize>,
}

impl Conversation {
    pub(super) fn len(&self) -> usize {
        self.said.len()
    }

    pub(super) fn add(&mut self, from: usize, to: Option<usize>, text: &str) {
        let is_known = self.places.insert(text.to_owned(), self.said.len());
        assert_eq!(is_known, None, "{text} was said before");
        let lines_end = self.lines_end;
        self.said.push(Spoken {
            from,
            to,
            lines_end,
        });
    }

    /// How much was said before the log of lines came to be as long as that.
    pub(super) fn place_of(&self, lines_end: Offset) -> usize {
        self.said
            .partition_point(|said| said.lines_end < Some(lines_end))
    }

    /// Where the last message stands that `hearing` knows.
    pub(super) fn last_place(&self, hearing: &Hearing) -> Option<usize> {
        hearing.heard.iter().rev().find_map(|heard| match heard {
            Heard::Said { text, .. } => self.places.get(text).copied(),
            _ => None,
        })
    }

    /// Whose places `hearing` has heard, each said by whom it is said to be. The last may be a part
    /// of a text that IRC tells in several lines.
    fn places(&mut self, hearing: &Hearing, book: &[Record]) -> Places {
        let mut places = Places::default();
        for (at, heard) in hearing.heard.iter().enumerate() {
            let (text, from, id) = match heard {
                Heard::Said { id, from, text } => (text, Some(from), *id),
                Heard::Private { text } => (text, None, None),
                _ => continue,
            };
            let Some(place) = self.places.get(text).copied() else {
                let is_last = hearing.heard[at..].iter().skip(1).all(is_no_text);
                assert!(is_last && hearing.is_irc(), "{text:?} was never said");
                break;
            };
            if let Some(id) = id {
                self.learn(place, id);
            }
            let said = &self.said[place];
            assert!(
                from.is_none_or(|from| *from == book[said.from].nick),
                "{heard:?}"
            );
            assert_eq!(from.is_none(), said.to.is_some(), "{heard:?}");
            match said.to {
                None => places.public.push(place),
                Some(_) => places.private.push(place),
            }
            places.all.push(place);
        }
        places
    }

    /// Everybody is told the same id, and ids ascend.
    fn learn(&mut self, place: usize, id: u64) {
        let before = self.ids.range(..place).next_back();
        let after = self.ids.range(place + 1..).next();
        let ascends = before.is_none_or(|(_, before)| *before < id)
            && after.is_none_or(|(_, after)| id < *after);
        assert!(ascends, "id {id} at {place}");
        assert_eq!(*self.ids.entry(place).or_insert(id), id, "at {place}");
    }

    /// Where messages stand that are told to `client` while it hears them.
    fn owed(&self, client: usize, hears_itself: bool, range: std::ops::Range<usize>) -> Places {
        let mut places = Places::default();
        for place in range {
            let Spoken { from, to, .. } = self.said[place];
            let is_own = from == client && hears_itself;
            match to {
                None if from != client || is_own => places.public.push(place),
                Some(to) if to == client || is_own => places.private.push(place),
                _ => continue,
            }
            places.all.push(place);
        }
        places
    }

    fn public_before(&self, end: usize) -> Vec<usize> {
        (0..end)
            .filter(|place| self.said[*place].to.is_none())
            .collect()
    }
}

fn is_no_text(heard: &Heard) -> bool {
    !matches!(heard, Heard::Said { .. } | Heard::Private { .. })
}

/// Whether `heard` is a first part of `owed`, or all of it.
fn is_part(heard: &[usize], owed: &[usize], got_all: bool) -> bool {
    match got_all {
        true => heard == owed,
        false => owed.starts_with(heard),
    }
}

impl Book {
    /// Asserts that a client has got what it had to get; all of it, or a first part.
    pub(super) fn judge_hearing(
        &mut self,
        id: usize,
        hearing: &Hearing,
        got_all: bool,
        history_lines: usize,
    ) {
        let record = &self.clients[id];
        let Some(membership) = &record.membership else {
            return;
        };
        if record.status == Status::Outside {
            return judge_refusal(id, hearing);
        }
        let places = self.talk.places(hearing, &self.clients);
        assert!(
            places.public.is_sorted_by(|a, b| a < b),
            "#{id}: {places:?}"
        );
        let until = record.left.unwrap_or(self.talk.len());
        let hears_itself = membership.speech.hears_itself();
        let owed = |from: Option<usize>| {
            let from = from.unwrap_or(until).min(until);
            self.talk.owed(id, hears_itself, from..until)
        };
        let private = owed(membership.named_at).private;
        assert!(
            is_part(&places.private, &private, got_all),
            "#{id} was told alone {:?} of {private:?}",
            places.private
        );
        let came_at = membership.came_at.unwrap_or(until).min(until);
        let public = owed(membership.came_at);
        let split = places.public.partition_point(|place| *place < came_at);
        let (before, since) = places.public.split_at(split);
        assert!(
            is_part(since, &public.public, got_all),
            "#{id} heard {since:?} of {:?}",
            public.public
        );
        let later = places.all.iter().filter(|place| **place >= came_at);
        assert!(later.is_sorted_by(|a, b| a < b), "#{id}: {places:?}");
        let is_complete = got_all || !since.is_empty();
        self.judge_history(id, before, is_complete, hearing, history_lines);
        self.judge_end(id, hearing, got_all);
        if got_all && record.status == Status::Here {
            self.judge_names(id, hearing);
        }
    }

    /// What a newcomer was told of what was said before it came.
    fn judge_history(
        &self,
        id: usize,
        heard: &[usize],
        is_complete: bool,
        hearing: &Hearing,
        history_lines: usize,
    ) {
        let Some(membership) = &self.clients[id].membership else {
            return;
        };
        let before = self.talk.public_before(membership.came_at.unwrap_or(0));
        let has_gap = hearing.heard.contains(&Heard::Gap);
        let first = heard.first().map_or(before.len(), |first| {
            before.binary_search(first).expect("it was said to all")
        });
        assert!(
            is_part(heard, &before[first..], is_complete),
            "#{id}: a hole in {heard:?}"
        );
        match membership.since {
            None => {
                assert!(!has_gap, "#{id}: a gap in what nobody has asked for");
                let connected_at = membership.connected_at.unwrap_or(usize::MAX);
                let meanwhile = before.partition_point(|place| *place < connected_at);
                let most = history_lines + before.len() - meanwhile;
                let is_fine = heard.len() <= most && (first <= meanwhile || !is_complete);
                assert!(is_fine, "#{id}, here since {connected_at}: {heard:?}");
            }
            Some(since) => {
                let wanted = before.partition_point(|place| *place <= since);
                let is_fine = match has_gap {
                    true => first >= wanted || first + history_lines >= before.len(),
                    false => first == wanted || heard.is_empty() && !is_complete,
                };
                assert!(is_fine, "#{id} knew all until {since} and heard {heard:?}");
            }
        }
    }

    /// How it was told that it has ended.
    fn judge_end(&self, id: usize, hearing: &Hearing, got_all: bool) {
        let record = &self.clients[id];
        let Some(membership) = &record.membership else {
            return;
        };
        if membership.speech.tongue == Tongue::WebSocket
            && let Some(first) = hearing.heard.first()
        {
            assert!(
                matches!(first, Heard::You(name) if *name == record.nick),
                "#{id}: {first:?}"
            );
        }
        match record.status {
            Status::Gone(Disconnect::Eof | Disconnect::Shutdown) if got_all => {
                let word = match membership.speech.tongue {
                    Tongue::Lines => None,
                    Tongue::WebSocket => membership.last_word,
                    Tongue::Irc => membership.last_word.map(|_| 0),
                };
                assert_eq!(hearing.closed(), word, "#{id}: {:?}", hearing.heard.last());
                assert!(!hearing.is_torn(), "#{id} hears half of something");
            }
            Status::Here if got_all => assert!(!hearing.is_torn(), "#{id} hears half of it"),
            _ => {}
        }
    }

    /// One that was to be told that it lags, and has heard its end in good order, was told.
    pub(super) fn judge_lag(&self, id: usize, hearing: &Hearing) {
        let record = &self.clients[id];
        let membership = record.membership.as_ref();
        let last_word = membership.and_then(|member| member.last_word);
        if let (Status::Gone(Disconnect::Lagged { .. }), Some(word)) = (record.status, last_word) {
            let word = if hearing.is_irc() { 0 } else { word };
            assert_eq!(hearing.closed(), Some(word), "#{id} lags");
            assert!(
                !hearing.is_torn(),
                "#{id} lags, and hears half of something"
            );
        }
    }

    /// The members that a client knows of, from what it was told of their coming and going.
    fn judge_names(&self, id: usize, hearing: &Hearing) {
        let own = &self.clients[id].nick;
        let Some(known) = self.tells.then(|| hearing.names(own)).flatten() else {
            return;
        };
        let is_here = |record: &&Record| {
            let came_at = record.membership.as_ref().and_then(|member| member.came_at);
            record.status == Status::Here && came_at.is_some()
        };
        let here = self.clients.iter().filter(is_here);
        let here: BTreeSet<String> = here.map(|record| record.nick.clone()).collect();
        assert_eq!(known, here, "#{id} knows");
    }
}

/// One that no service knows of has heard nothing, or why.
fn judge_refusal(id: usize, hearing: &Hearing) {
    let is_fine = match &hearing.heard[..] {
        [] | [Heard::Status(503 | 408) | Heard::Closed(_)] => true,
        [Heard::Notice(text)] => text.starts_with("full: "),
        _ => false,
    };
    assert!(is_fine, "#{id} was turned away with {:?}", hearing.heard);
}
