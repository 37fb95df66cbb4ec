//! Members of the room as the tests speak of them: `ann.says`, `bob.hears`.

use crate::harness::{LINES, Launch, Server};
use crate::peer::Peer;

/// A room on a port of its own.
pub(crate) fn room(args: &[&str]) -> Server {
    Launch::new("room").args(args).start()
}

/// The same for lines alone: who has connected is in, also where nobody is greeted.
pub(crate) fn lines_room(args: &[&str]) -> Server {
    Launch::new("room").listen(&[LINES]).args(args).start()
}

/// A client in the room, with a nick of its choice.
pub(crate) struct Member {
    pub(crate) peer: Peer,
    pub(crate) nick: String,
}

impl Member {
    /// Connects and takes a nick at once, also where nobody is greeted.
    #[track_caller]
    pub(crate) fn joins(server: &Server, nick: &str) -> Self {
        Self::over(Peer::connect(server), nick)
    }

    /// The same of a client that is connected already.
    #[track_caller]
    pub(crate) fn over(peer: Peer, nick: &str) -> Self {
        let mut member = Self {
            peer,
            nick: String::new(),
        };
        member.renames(nick);
        member
    }

    /// Connects and waits for the welcome, which names its nick.
    #[track_caller]
    pub(crate) fn arrives(server: &Server) -> Self {
        Self::greeted(Peer::connect(server))
    }

    /// A client that is connected, once it has its welcome.
    #[track_caller]
    pub(crate) fn greeted(mut peer: Peer) -> Self {
        loop {
            let line = peer.line();
            if let Some(nick) = line.starts_with("* ").then(|| guest_in(&line)).flatten() {
                return Self { peer, nick };
            }
        }
    }

    /// Takes a nick, and waits for the server's word on it; what was said before that, the
    /// room's history for one, is passed over.
    #[track_caller]
    pub(crate) fn renames(&mut self, nick: &str) {
        self.says(&format!("/nick {nick}"));
        nick.clone_into(&mut self.nick);
        loop {
            let line = self.peer.line();
            if line.starts_with("* ") && line.contains(nick) {
                return;
            }
        }
    }

    #[track_caller]
    pub(crate) fn says(&mut self, text: &str) {
        self.peer.send(format!("{text}\n"));
    }

    /// The next line that is not from the server itself must be this one.
    #[track_caller]
    pub(crate) fn hears(&mut self, line: &str) {
        assert_eq!(self.next(), line, "what {} hears", self.nick);
    }

    /// The next line that is not from the server itself.
    #[track_caller]
    pub(crate) fn next(&mut self) -> String {
        loop {
            let line = self.peer.line();
            if !line.starts_with("* ") {
                return line;
            }
        }
    }

    /// The next line must be from the server itself.
    #[track_caller]
    pub(crate) fn notice(&mut self) -> String {
        let line = self.peer.line();
        assert!(line.starts_with("* "), "not a notice: {line:?}");
        line
    }

    /// A notice that has `words` in it comes before anything is said; gives the one.
    #[track_caller]
    pub(crate) fn is_told(&mut self, words: &str) -> String {
        loop {
            let line = self.notice();
            if line.contains(words) {
                return line;
            }
        }
    }

    /// The next line of all, notices too, is what `other` says now: nothing else was sent here.
    #[track_caller]
    pub(crate) fn hears_nothing_before(&mut self, other: &mut Member, text: &str) {
        other.says(text);
        let expected = format!("{}: {text}", other.nick);
        assert_eq!(self.peer.line(), expected, "what {} hears", self.nick);
    }
}

/// The first `guestN` in a line.
pub(crate) fn guest_in(line: &str) -> Option<String> {
    let start = line.find("guest")?;
    let digits = line[start + 5..].chars().take_while(char::is_ascii_digit);
    let digits: String = digits.collect();
    (!digits.is_empty()).then(|| format!("guest{digits}"))
}
