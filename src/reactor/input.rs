//! The operator's lines, from the thread that waits for them to the loop.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;

use mio::Waker;

use super::{Reactor, ServiceId};
use crate::service::Input;

/// The operator's lines that wait between the threads.
const INPUT_QUEUE: usize = 64;

/// The other end of [`Reactor::input`], for the thread that waits for the operator.
#[derive(Debug, Clone)]
pub struct InputSender {
    queue: SyncSender<Input>,
    waker: Arc<Waker>,
}

impl InputSender {
    /// Hands something over, and waits while the service wants no more. Returns whether there is
    /// still somebody to hand over to.
    #[must_use]
    pub fn send(&self, input: Input) -> bool {
        self.queue.send(input).is_ok() && self.waker.wake().is_ok()
    }
}

impl Reactor {
    /// A way for another thread to hand the operator's lines to `service`.
    pub fn input(&mut self, service: ServiceId) -> InputSender {
        let (queue, receiver) = sync_channel(INPUT_QUEUE);
        self.input = Some((service, receiver));
        let waker = Arc::clone(&self.waker);
        InputSender { queue, waker }
    }

    /// Hands over the operator's lines, as many as are wanted. What is not wanted yet is asked for
    /// again in every turn: only what a client says can change that.
    pub(super) fn pass_input_on(&mut self, now: Instant) {
        let Some((service, receiver)) = &self.input else {
            return;
        };
        for _ in 0..INPUT_QUEUE {
            if !self.engine.wants_input(*service, now) {
                return;
            }
            match receiver.try_recv() {
                Ok(input) => {
                    // A thousand entries are enough for a turn.
                    let is_much = matches!(input, Input::Hub(_));
                    self.engine.on_input(*service, input, now);
                    if is_much {
                        break;
                    }
                }
                Err(_) => return,
            }
        }
        // There may be more, but it is the clients' turn. A waker that cannot wake has lost its
        // poll, and the loop with it.
        let _ = self.waker.wake();
    }
}
