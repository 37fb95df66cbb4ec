//! Console: the person at the server answers each client in turn. The tutorial's simulated chat,
//! but nobody's turn keeps anybody else from being heard.
//! Knows lines and clients; whether the screen is a terminal is the screen's affair.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use crate::addr::Peer;
use crate::outbound::{ClientId, Fanout, OutboxFull};
use crate::sanitize;
use crate::service::{Disconnect, OperatorInput, Service};
use crate::wire::{Framing, Message};

mod command;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
#[cfg(test)]
mod tests;

use command::OperatorCommand;

/// Where the conversation is shown.
pub trait Screen {
    /// Shows a line; must not block.
    fn print(&mut self, line: &str);

    /// Says whom a typed line would answer now, if anybody.
    fn prompt(&mut self, whom: Option<u64>);
}

/// The console service.
#[derive(Debug)]
pub struct Console<S> {
    screen: S,
    /// By client number.
    clients: BTreeMap<u64, Client>,
    /// Client number by [`ClientId::index`].
    numbers: Vec<Option<u64>>,
    last_number: u64,
    /// Who has ended its side and waits for an answer, the longest first.
    ended: VecDeque<u64>,
    /// When it will be known who of them was listening, in order.
    doubts: VecDeque<(Instant, u64)>,
    /// The client's number for each message that has no answer yet, by the message's.
    waiting: BTreeMap<u64, u64>,
    messages: u64,
    /// Lines typed while nobody waited.
    held: VecDeque<String>,
    input_ended: bool,
}

#[derive(Debug)]
struct Client {
    client: ClientId,
    peer: Peer,
    /// Whether its last message ended with a newline.
    ends_lines: bool,
    /// It will say nothing more.
    has_ended: bool,
    /// Its messages that have no answer yet.
    unanswered: VecDeque<u64>,
    /// What it was answered after its end. Whether it was still listening is known in a moment.
    doubtful: Vec<String>,
}

/// Who has ended its side may be gone altogether, which is found out by what it is sent: the
/// kernel at the other end says so at once, or so long after at most.
const DOUBT: Duration = Duration::from_millis(200);

/// From this many unanswered messages on, a client is not read from; half of it lets it on again.
const MAX_UNANSWERED: usize = 256;

/// So many who have ended their side are kept for an answer; most may be gone altogether.
const MAX_ENDED: usize = 256;

/// No more typed lines are taken while this many wait for messages to answer.
const MAX_HELD_LINES: usize = 1024;

impl<S: Screen> Console<S> {
    /// A console that shows the conversation on `screen`.
    #[must_use]
    pub fn new(screen: S) -> Self {
        Self {
            screen,
            clients: BTreeMap::new(),
            numbers: Vec::new(),
            last_number: 0,
            ended: VecDeque::new(),
            doubts: VecDeque::new(),
            waiting: BTreeMap::new(),
            messages: 0,
            held: VecDeque::new(),
            input_ended: false,
        }
    }

    fn number(&self, client: ClientId) -> Option<u64> {
        let number = (*self.numbers.get(client.index())?)?;
        (self.clients.get(&number)?.client == client).then_some(number)
    }

    /// Brings together lines and who waits for one, then says who is next.
    fn answer(&mut self, now: Instant, out: &mut Fanout) {
        while !self.held.is_empty()
            && let Some((_, number)) = self.waiting.pop_first()
        {
            let Some(line) = self.held.pop_front() else {
                break;
            };
            self.say(number, &line, out);
            if let Some(talker) = self.clients.get_mut(&number) {
                talker.unanswered.pop_front();
                if talker.has_ended {
                    talker.doubtful.push(line);
                    self.doubts.push_back((now + DOUBT, number));
                } else if talker.unanswered.len() == MAX_UNANSWERED / 2 {
                    out.resume_reading(talker.client);
                }
            }
        }
        if self.input_ended && self.held.is_empty() && self.doubts.is_empty() {
            out.stop();
        }
        self.name_who_is_next();
    }

    fn name_who_is_next(&mut self) {
        self.screen.prompt(self.waiting.values().next().copied());
    }

    fn say(&mut self, number: u64, line: &str, out: &mut Fanout) {
        let Some(talker) = self.clients.get(&number) else {
            return self.screen.print(&format!("there is no [{number}]"));
        };
        let end = if talker.ends_lines { "\n" } else { "" };
        if out.send(talker.client, format!("{line}{end}").as_bytes()) == Err(OutboxFull) {
            self.screen
                .print(&format!("[{number}] is owed too much already; not sent"));
        }
    }

    fn on_line(&mut self, now: Instant, line: String, out: &mut Fanout) {
        match command::parse(&line) {
            OperatorCommand::Nothing => {}
            OperatorCommand::Answer(text) => self.held.push_back(text.to_owned()),
            OperatorCommand::To(number, text) => self.say(number, text, out),
            OperatorCommand::All(text) => {
                let everybody: Vec<u64> = self.clients.keys().copied().collect();
                for number in everybody {
                    self.say(number, text, out);
                }
            }
            OperatorCommand::Who => self.who(),
            OperatorCommand::Close(number) => {
                match self.clients.get(&number).map(|talker| talker.client) {
                    Some(client) => {
                        self.leave(now, client, true, out);
                        out.close_after_flush(client);
                    }
                    None => self.screen.print(&format!("there is no [{number}]")),
                }
            }
            OperatorCommand::Quit => out.stop(),
            OperatorCommand::Wrong(why) => self.screen.print(why),
        }
        self.answer(now, out);
    }

    fn who(&mut self) {
        let mut here = self.clients.iter().filter(|(_, t)| !t.has_ended).peekable();
        let nobody_is_here = here.peek().is_none();
        for (number, talker) in here {
            let unanswered = talker.unanswered.len();
            let line = format!("[{number}] {}, {unanswered} to answer", talker.peer);
            self.screen.print(&line);
        }
        if nobody_is_here {
            self.screen.print("nobody is here");
        }
    }

    /// A client is gone, or is to be. What one that was not listening any more was answered is for
    /// the next.
    fn leave(&mut self, now: Instant, client: ClientId, was_listening: bool, out: &mut Fanout) {
        let Some((number, talker)) = self.forget(client) else {
            return;
        };
        if !talker.has_ended {
            self.screen.print(&format!("[{number}] left"));
        }
        if !was_listening {
            for line in talker.doubtful.into_iter().rev() {
                self.held.push_front(line);
            }
        }
        self.answer(now, out);
    }

    /// It has left already, as far as the person is told.
    fn close_silently(&mut self, client: ClientId, out: &mut Fanout) {
        self.forget(client);
        out.close_after_flush(client);
    }

    fn forget(&mut self, client: ClientId) -> Option<(u64, Client)> {
        let number = self.number(client)?;
        self.numbers[client.index()] = None;
        self.ended.retain(|ended| *ended != number);
        let talker = self.clients.remove(&number)?;
        for message in &talker.unanswered {
            self.waiting.remove(message);
        }
        self.doubts.retain(|(_, doubtful)| *doubtful != number);
        Some((number, talker))
    }

    /// A client will say nothing more, but what it has said is still worth an answer.
    fn wait_for_answers(&mut self, number: u64, out: &mut Fanout) {
        let Some(talker) = self.clients.get_mut(&number) else {
            return;
        };
        talker.has_ended = true;
        self.screen
            .print(&format!("[{number}] left, but may read an answer yet"));
        self.ended.push_back(number);
        if self.ended.len() > MAX_ENDED
            && let Some(talker) = self.ended.front().and_then(|k| self.clients.get(k))
        {
            self.close_silently(talker.client, out);
        }
        self.name_who_is_next();
    }
}

impl<S: Screen> Service for Console<S> {
    fn framing(&self) -> Framing {
        Framing::Text
    }

    fn on_open(&mut self, _now: Instant, client: ClientId, peer: &Peer, _out: &mut Fanout) {
        self.last_number += 1;
        if client.index() >= self.numbers.len() {
            self.numbers.resize(client.index() + 1, None);
        }
        self.numbers[client.index()] = Some(self.last_number);
        let talker = Client {
            client,
            peer: *peer,
            ends_lines: false,
            has_ended: false,
            unanswered: VecDeque::new(),
            doubtful: Vec::new(),
        };
        self.clients.insert(self.last_number, talker);
    }

    fn on_message(
        &mut self,
        now: Instant,
        client: ClientId,
        message: Message<'_>,
        out: &mut Fanout,
    ) {
        let (Message::Whole(bytes), Some(number)) = (message, self.number(client)) else {
            return;
        };
        let shown = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let shown = sanitize::sanitize(shown.strip_suffix(b"\r").unwrap_or(shown));
        self.screen.print(&format!("recv [{number}] {shown}"));
        if let Some(talker) = self.clients.get_mut(&number) {
            talker.ends_lines = bytes.ends_with(b"\n");
            talker.unanswered.push_back(self.messages);
            if talker.unanswered.len() == MAX_UNANSWERED {
                out.pause_reading(client);
            }
        }
        self.waiting.insert(self.messages, number);
        self.messages += 1;
        self.answer(now, out);
    }

    fn on_end(&mut self, now: Instant, client: ClientId, out: &mut Fanout) {
        let number = self.number(client);
        let talker = number.and_then(|number| self.clients.get(&number));
        if let (Some(number), Some(talker)) = (number, talker)
            && !talker.unanswered.is_empty()
        {
            return self.wait_for_answers(number, out);
        }
        self.leave(now, client, true, out);
        out.close_after_flush(client);
    }

    fn on_close(&mut self, now: Instant, client: ClientId, why: &Disconnect, out: &mut Fanout) {
        let was_listening = !matches!(why, Disconnect::Broken(_));
        self.leave(now, client, was_listening, out);
    }

    fn deadline(&self) -> Option<Instant> {
        self.doubts.front().map(|(at, _)| *at)
    }

    fn on_deadline(&mut self, now: Instant, out: &mut Fanout) {
        while let Some(&(at, number)) = self.doubts.front()
            && at <= now
        {
            self.doubts.pop_front();
            let Some(talker) = self.clients.get_mut(&number) else {
                continue;
            };
            talker.doubtful.remove(0);
            if talker.unanswered.is_empty() && talker.doubtful.is_empty() {
                let client = talker.client;
                self.close_silently(client, out);
            }
        }
        self.answer(now, out);
    }

    fn on_input(&mut self, now: Instant, input: OperatorInput, out: &mut Fanout) {
        match input {
            OperatorInput::Line(line) => self.on_line(now, line, out),
            OperatorInput::End => {
                self.input_ended = true;
                self.answer(now, out);
            }
        }
    }

    fn wants_input(&self) -> bool {
        !self.input_ended && self.held.len() < MAX_HELD_LINES
    }
}
