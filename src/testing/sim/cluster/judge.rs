//! Whether everybody has heard what stands in the stream.

use std::collections::{BTreeMap, BTreeSet};

use super::super::client::Client;
use super::super::hearing::Heard;
use super::super::ledger::addressee;
use super::super::records::Status;
use super::Cluster;
use super::witness::{Stay, Story};

/// What one client has heard in one stay: by place, and in which room.
struct Part {
    room: String,
    places: Vec<usize>,
}

/// Whose text it is.
fn speaker(text: &str) -> usize {
    let number = text.split_once('.').and_then(|(id, _)| id.parse().ok());
    number.expect("the number of a client")
}

impl Cluster {
    pub(super) fn check_clients(&self) {
        let book = self.records.borrow();
        let story = self.story.borrow();
        for client in &self.clients {
            let record = &book.clients[client.id];
            client.check_served(record, false);
            let got_all = client.got_all(record);
            let is_here = got_all && record.status == Status::Here;
            self.judge_public(&story, client, got_all, is_here);
            judge_private(&story, client, is_here);
            let names = client.polyglot.as_ref().map(|it| it.hearing.called());
            if let Some(Some(name)) = names.filter(|_| is_here) {
                assert_eq!(name, record.nick, "#{} is called so", client.id);
            }
        }
    }

    fn judge_public(&self, story: &Story, client: &Client, got_all: bool, is_here: bool) {
        let id = client.id;
        let parts = self.parts(story, client);
        let empty = Vec::new();
        let stays = story.stays.get(&id).unwrap_or(&empty);
        assert!(
            parts.len() <= stays.len(),
            "#{id} was in {} rooms",
            stays.len()
        );
        assert!(
            !got_all || parts.len() == stays.len(),
            "#{id} was in {} rooms",
            stays.len()
        );
        for (number, (part, stay)) in parts.iter().zip(stays).enumerate() {
            assert_eq!(part.room, stay.room, "#{id}");
            let is_whole = got_all || number + 1 < parts.len();
            if story.ledger.is_torn {
                let once: BTreeSet<usize> = part.places.iter().copied().collect();
                assert_eq!(once.len(), part.places.len(), "#{id} hears something twice");
            } else {
                self.judge_part(story, client, part, stay, is_whole);
            }
        }
        if is_here && let (Some(part), Some(stay)) = (parts.last(), stays.last()) {
            self.judge_missing(story, client, part, stay);
        }
    }

    /// What it has heard, room by room.
    fn parts(&self, story: &Story, client: &Client) -> Vec<Part> {
        let Some(polyglot) = &client.polyglot else {
            return Vec::new();
        };
        let mut parts: Vec<Part> = Vec::new();
        let new = |room: &str| Part {
            room: room.to_owned(),
            places: Vec::new(),
        };
        let heard = &polyglot.hearing.heard;
        for (at, what) in heard.iter().enumerate() {
            match what {
                Heard::Room(room) => parts.push(new(room)),
                Heard::You(_) if parts.is_empty() && !polyglot.hearing.is_irc() => {
                    parts.push(new("lobby"));
                }
                Heard::Joined(_) if parts.is_empty() && polyglot.hearing.is_irc() => {
                    parts.push(new("lobby"));
                }
                // Not by which name: its speaker's may be another one's by then.
                Heard::Said { text, .. } => {
                    let Some((room, place)) = story.ledger.find(text) else {
                        let is_last = heard[at + 1..]
                            .iter()
                            .all(|it| !matches!(it, Heard::Said { .. }));
                        let is_cut = polyglot.hearing.is_irc() && is_last;
                        assert!(is_cut, "#{}: {text:?} is not in the stream", client.id);
                        break;
                    };
                    let part = parts.last_mut().expect("it is in a room");
                    assert_eq!(part.room, room, "#{} hears {text:?}", client.id);
                    part.places.push(place);
                }
                _ => {}
            }
        }
        parts
    }

    /// All that is heard in one stay stands in one piece in the stream, some of it before the coming.
    fn judge_part(&self, story: &Story, client: &Client, part: &Part, stay: &Stay, is_whole: bool) {
        let id = client.id;
        let lines = story.ledger.lines(&stay.room);
        let hears_itself = client
            .polyglot
            .as_ref()
            .is_some_and(|it| it.speech.hears_itself());
        let is_silent = |place: usize| !hears_itself && speaker(&lines[place].text) == id;
        let (least, most) = stay.came;
        let places = &part.places;
        assert!(places.is_sorted_by(|a, b| a < b), "#{id} hears {places:?}");
        let (least_left, most_left) = stay.left.unwrap_or((lines.len(), lines.len()));
        let first = places.first().copied().unwrap_or(most);
        let is_early = first + self.history_lines >= least;
        assert!(
            is_early,
            "#{id} came at {:?} and hears {places:?}",
            stay.came
        );
        let end = places.last().map_or(first, |last| last + 1);
        assert!(
            end <= most_left.max(most),
            "#{id} left at {:?} and hears {places:?}",
            stay.left
        );
        let end = if is_whole { end.max(least_left) } else { end };
        let from = if places.is_empty() && !is_whole {
            end
        } else {
            first.min(most)
        };
        for (place, line) in lines.iter().enumerate().take(end).skip(from) {
            let is_heard = places.binary_search(&place).is_ok();
            let may_miss = is_silent(place) || !is_whole && places.is_empty();
            assert!(
                is_heard || may_miss,
                "#{id} came at {:?}, left at {:?}, and misses {place} of {places:?}: {:?}",
                stay.came,
                stay.left,
                line.text
            );
            let may_hear = !is_silent(place) || place < most;
            assert!(!is_heard || may_hear, "#{id} hears itself");
        }
        let is_exact = is_whole && least == most && stay.room == "lobby" && self.has_all_history();
        if is_exact && story.ledger.losses == 0 {
            let wanted = least.saturating_sub(self.history_lines);
            let is_told = (wanted..least).all(|place| places.contains(&place));
            assert!(is_told, "#{id} came at {least} and hears {places:?}");
        }
    }

    fn has_all_history(&self) -> bool {
        self.outbound.log_bytes >= 64 << 10
    }

    /// Whatever the stream has lost, one that was here all the time has heard all in the end.
    fn judge_missing(&self, story: &Story, client: &Client, part: &Part, stay: &Stay) {
        if stay.left.is_some() {
            return;
        }
        let id = client.id;
        let hears_itself = client
            .polyglot
            .as_ref()
            .is_some_and(|it| it.speech.hears_itself());
        let known: BTreeSet<usize> = part.places.iter().copied().collect();
        let lines = story.ledger.lines(&stay.room);
        for (place, line) in lines.iter().enumerate().skip(stay.came.1) {
            let is_own = speaker(&line.text) == id && !hears_itself;
            let is_heard = known.contains(&place) || is_own;
            assert!(
                is_heard,
                "#{id} came at {:?} and misses {:?}",
                stay.came, line.text
            );
        }
    }

    /// What all nodes have in common.
    pub(super) fn check_all(&self) {
        self.check_said();
        self.check_names();
    }

    /// All that was said on nodes that are there stands in the stream, in its speakers' order.
    fn check_said(&self) {
        let story = self.story.borrow();
        for node in &self.nodes {
            let process = node.view.borrow().process;
            let said = story.said.get(&process);
            let mut last: BTreeMap<(&str, usize), usize> = BTreeMap::new();
            for text in said.into_iter().flatten() {
                let found = story.ledger.find(text);
                let (room, place) = found.unwrap_or_else(|| panic!("{text:?} is lost"));
                // A private message in between does not count.
                let before = last.insert((room, speaker(text)), place);
                let ascends = story.ledger.is_torn || before.is_none_or(|before| before < place);
                assert!(ascends, "{text:?} stands at {place}");
            }
        }
    }

    /// All who ask are told the same names, and those of all who are there, each once.
    fn check_names(&self) {
        let book = self.records.borrow();
        let story = self.story.borrow();
        let rooms = |id: usize| {
            let stay = story.stays.get(&id)?.last()?;
            stay.left.is_none().then_some(&*stay.room)
        };
        let mut here: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (at, client) in self.clients.iter().enumerate() {
            if self.is_here(at)
                && let Some(room) = rooms(client.id)
            {
                let names = here.entry(room).or_default();
                names.push(book.clients[client.id].nick.clone());
                names.sort();
            }
        }
        for (at, client) in self.clients.iter().enumerate() {
            if !self.is_here(at) || !client.can_chat() || !client.reads_at_all() {
                continue;
            }
            let Some(room) = rooms(client.id) else {
                continue;
            };
            let heard = client
                .polyglot
                .iter()
                .flat_map(|it| it.hearing.heard.iter().rev());
            let told = heard.into_iter().find_map(|it| match it {
                Heard::Names(names) => Some(names.clone()),
                _ => None,
            });
            let mut told = told.unwrap_or_default();
            told.sort();
            let home = self.homes[at].map(|home| self.nodes[home].view.borrow().node);
            assert_eq!(
                told, here[room],
                "who is in {room}, as #{} at {home:?} is told",
                client.id
            );
        }
    }
}

/// What is said to one alone only that one hears, and the speaker.
fn judge_private(story: &Story, client: &Client, is_here: bool) {
    let id = client.id;
    let Some(polyglot) = &client.polyglot else {
        return;
    };
    let private = polyglot.hearing.heard.iter().filter_map(|it| match it {
        Heard::Private { text } => Some(text),
        _ => None,
    });
    let mut heard = BTreeSet::new();
    for text in private {
        let is_own = speaker(text) == id && polyglot.speech.hears_itself();
        if !is_own || addressee(text) == id {
            assert_eq!(addressee(text), id, "#{id} hears {text:?}");
            assert!(heard.insert(text.clone()), "#{id} hears {text:?} twice");
        }
    }
    let here = story.told.get(&id).into_iter().flatten();
    let owed: BTreeSet<String> = here.chain(story.ledger.told(id)).cloned().collect();
    let never = heard.difference(&owed).next();
    assert_eq!(never, None, "#{id}");
    if is_here {
        assert_eq!(heard, owed, "what #{id} is told alone");
    }
}
