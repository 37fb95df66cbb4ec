//! What goes to the server: what a person types, and what the client asks a room. A bounded queue,
//! and the thread behind it.

use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::link::Link;
use super::room::Room;
use super::session::held;

/// So many lines the server may leave untaken; further ones are refused.
const UNSENT_MAX_LINES: usize = 1024;

pub(super) enum Order {
    Say(String),
    /// What the room should be asked, if it should still be asked by then.
    Ask,
}

/// The queue, for those who fill it. None of them waits.
pub(super) struct Outgoing {
    /// None once the person has left.
    queue: Mutex<Option<SyncSender<Order>>>,
}

impl Outgoing {
    pub(super) fn new() -> (Arc<Self>, Receiver<Order>) {
        let (queue, orders) = mpsc::sync_channel(UNSENT_MAX_LINES);
        let queue = Mutex::new(Some(queue));
        (Arc::new(Self { queue }), orders)
    }

    /// Sends a line; false: too many wait already.
    pub(super) fn say(&self, line: String) -> bool {
        let unsent = self.queue().as_ref().map(|q| q.try_send(Order::Say(line)));
        !matches!(unsent, Some(Err(TrySendError::Full(_))))
    }

    /// Asks the room, unless the server is behind: then there will be another occasion.
    pub(super) fn ask(&self) {
        let _ = self.queue().as_ref().map(|q| q.try_send(Order::Ask));
    }

    /// Nothing more follows.
    pub(super) fn end(&self) {
        *self.queue() = None;
    }

    fn queue(&self) -> MutexGuard<'_, Option<SyncSender<Order>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries out all that is ordered, then ends our side.
pub(super) fn send(link: &Link, orders: &Receiver<Order>, room: &Mutex<Room>, ending: &str) {
    for order in orders {
        let text = match order {
            Order::Say(mut line) => {
                held(room).sends(&line);
                line.push_str(ending);
                line
            }
            Order::Ask => held(room).question().to_owned(),
        };
        // One write for each line. What breaks here, the receiver sees and reports.
        if !text.is_empty() && link.write_all(text.as_bytes()).is_err() {
            return;
        }
    }
    link.end_our_side();
}
