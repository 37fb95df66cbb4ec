//! A service as the engine has it: guarded against its own panics, with all that is owed. Never
//! names a concrete one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::Token;
use crate::outbound::Fanout;
use crate::service::Service;

/// One service with all that its clients are owed.
pub(super) struct ServiceSlot {
    pub(super) service: Box<dyn Service>,
    pub(super) fanout: Fanout,
    /// Clients that are not read from until the room has caught up with the talk.
    pub(super) throttled: Vec<Token>,
    /// The service's deadline is not looked at before: it panicked there.
    pub(super) deadline_not_before: Option<Instant>,
}

impl ServiceSlot {
    pub(super) fn new(service: Box<dyn Service>, fanout: Fanout) -> Self {
        Self {
            service,
            fanout,
            throttled: Vec::new(),
            deadline_not_before: None,
        }
    }

    /// Calls the service. A panic in there ends with the call: it is a bug of the server's, and
    /// costs one client at most. `None` then.
    pub(super) fn guard<T>(
        &mut self,
        call: impl FnOnce(&mut dyn Service, &mut Fanout) -> T,
    ) -> Option<T> {
        let Self {
            service, fanout, ..
        } = self;
        // A service has to live with what it leaves half done. The fanout's own calls do not panic.
        catch_unwind(AssertUnwindSafe(|| call(service.as_mut(), fanout))).ok()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let deadline = self.service.deadline()?;
        let not_before = self.deadline_not_before;
        Some(not_before.map_or(deadline, |at| at.max(deadline)))
    }
}
