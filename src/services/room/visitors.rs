//! Visitors: clients that have not come in yet, for the room's password or an IRC client's name is
//! missing. Counts and times only; knows no password.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::clock;

use crate::outbound::ClientId;
use crate::protocol::Encoding;

/// How long a client has for that.
pub(super) const TIME_TO_COME_IN: Duration = Duration::from_secs(30);

/// A client that has said as many wrong passwords is closed.
const MAX_WRONG_PASSWORDS: u8 = 3;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Visitor {
    pub(super) encoding: Encoding,
    /// It has been here before, and knows all up to the message of this id.
    pub(super) since: Option<u64>,
    wrong_passwords: u8,
    #[serde(with = "clock::instant")]
    due: Instant,
}

impl Visitor {
    pub(super) fn has_tried(&self) -> bool {
        self.wrong_passwords > 0
    }
}

#[derive(Debug, Default)]
pub(super) struct Visitors {
    by_client: HashMap<ClientId, Visitor>,
    due: BTreeSet<(Instant, ClientId)>,
}

impl Visitors {
    pub(super) fn add(
        &mut self,
        now: Instant,
        client: ClientId,
        encoding: Encoding,
        since: Option<u64>,
    ) {
        let due = now + TIME_TO_COME_IN;
        let visitor = Visitor {
            encoding,
            since,
            wrong_passwords: 0,
            due,
        };
        self.by_client.insert(client, visitor);
        self.due.insert((due, client));
    }

    pub(super) fn get(&self, client: ClientId) -> Option<&Visitor> {
        self.by_client.get(&client)
    }

    /// It comes in, or is gone.
    pub(super) fn remove(&mut self, client: ClientId) -> Option<Visitor> {
        let visitor = self.by_client.remove(&client)?;
        self.due.remove(&(visitor.due, client));
        Some(visitor)
    }

    /// It has said a wrong password; whether that was one too many.
    pub(super) fn is_wrong_once_more(&mut self, client: ClientId) -> bool {
        self.by_client.get_mut(&client).is_some_and(|visitor| {
            visitor.wrong_passwords += 1;
            visitor.wrong_passwords >= MAX_WRONG_PASSWORDS
        })
    }

    /// All of them, for another process.
    pub(super) fn all(&self) -> &HashMap<ClientId, Visitor> {
        &self.by_client
    }

    /// Those that another process has had.
    pub(super) fn of(by_client: HashMap<ClientId, Visitor>) -> Self {
        let due = by_client.iter();
        Self {
            due: due
                .map(|(client, visitor)| (visitor.due, *client))
                .collect(),
            by_client,
        }
    }

    /// When the next one's time is over.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// One whose time is over; it is a visitor still.
    pub(super) fn overdue(&self, now: Instant) -> Option<ClientId> {
        let (due, client) = self.due.first()?;
        (*due <= now).then_some(*client)
    }
}
