//! A service of one's own on chinwag's reactor: a vote.
//!
//! Each line that a client sends is its vote, and everybody sees the count at once. What a service
//! gets for nothing: thousands of clients on one thread, lines cut out of the stream, bounds on
//! everything that a client can make grow, slow readers that hold up nobody, a clean end.
//!
//! ```sh
//! cargo run --example vote -- 7799      # and then, from as many terminals as you like:
//! nc 127.0.0.1 7799
//! ```

#![allow(
    clippy::print_stdout,
    reason = "a program says on stdout where it listens"
)]

use std::collections::{BTreeMap, HashMap};
use std::error::Error;
use std::time::{Duration, Instant};

use chinwag::addr::Address;
use chinwag::outbound::{self, AudienceId, ClientId, Fanout, Pace};
use chinwag::reactor::{Limits, Reactor};
use chinwag::service::{Disconnect, Newcomer, Service};
use chinwag::wire::{Framing, Message};

const USAGE: &[u8] = b"vote with one word; a later vote replaces yours\n";

/// All clients are told the same, in one form.
const FEED: usize = 0;

/// A service has no socket and no clock: the reactor calls it, and it acts by asking the fanout.
#[derive(Default)]
struct Vote {
    /// At most one for each client, so it is bounded as the clients are.
    votes: HashMap<ClientId, String>,
}

impl Vote {
    /// The count, in one line: `ale 2, tea 1`.
    fn count(&self) -> String {
        let mut counts = BTreeMap::new();
        for vote in self.votes.values() {
            *counts.entry(vote).or_insert(0) += 1;
        }
        let counts: Vec<String> = counts
            .iter()
            .map(|(vote, n)| format!("{vote} {n}"))
            .collect();
        counts.join(", ") + "\n"
    }
}

impl Service for Vote {
    fn framing(&self) -> Framing {
        Framing::Line
    }

    fn on_open(&mut self, _: Instant, client: ClientId, _: &Newcomer<'_>, out: &mut Fanout) {
        // From here on this client is sent whatever is published.
        out.follow(client, AudienceId::FIRST, FEED);
        // An error would say that it is owed too much already; a client that has just come is not.
        let _ = out.send(client, USAGE);
    }

    fn on_message(&mut self, _: Instant, client: ClientId, message: Message<'_>, out: &mut Fanout) {
        let word = match message {
            Message::Whole(line) => std::str::from_utf8(line).unwrap_or_default().trim(),
            // Longer than `max_message_bytes`; the reactor has skipped it.
            Message::TooLong => "",
        };
        if word.is_empty() || !word.chars().all(char::is_alphanumeric) {
            // A client that does not read its answers is not read from, so this goes through.
            let _ = out.send(client, USAGE);
            return;
        }
        self.votes.insert(client, word.to_lowercase());
        // Stored once for all, however many they are.
        out.publish(
            AudienceId::FIRST,
            None,
            &[(FEED, &[self.count().as_bytes()])],
        );
    }

    fn on_close(&mut self, _: Instant, client: ClientId, _why: &Disconnect, out: &mut Fanout) {
        if self.votes.remove(&client).is_some() {
            out.publish(
                AudienceId::FIRST,
                None,
                &[(FEED, &[self.count().as_bytes()])],
            );
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "7799".to_owned());
    let address: Address = address.parse()?;
    let mut reactor = Reactor::new(Limits {
        max_clients: 1000,
        max_message_bytes: 32,
        max_clients_per_ip: None,
        message_rate: None,
        idle_timeout: None,
        first_message_timeout: None,
        grace: Duration::from_secs(1),
    })?;
    let owed = outbound::Limits {
        log_bytes: 1 << 20,
        max_pending_bytes: 64 << 10,
        high_water_bytes: 16 << 10,
        pace: Pace::Auto,
    };
    let vote = reactor.add_service(Box::new(Vote::default()), owed);
    let real = reactor.listen(&address, vote, None)?;
    println!("listening on {real}");
    // Until SIGTERM or SIGINT; what is owed is sent before it returns.
    Ok(reactor.run()?)
}
