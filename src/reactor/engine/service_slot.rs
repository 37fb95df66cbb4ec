//! A service as the engine has it: guarded against its own faults, with all that is owed. Never
//! names a concrete one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::super::token::SourceToken;
use crate::outbound::Fanout;
use crate::service::Service;

/// One service with all that its clients are owed.
pub(super) struct ServiceSlot {
    pub(super) service: Box<dyn Service>,
    pub(super) fanout: Fanout,
    /// Who is not read from until some follower has taken something, or it has been long enough.
    pub(super) held_back: Vec<SourceToken>,
    /// The service's deadline is not looked at before: it panicked there.
    pub(super) deadline_not_before: Option<Instant>,
}

impl ServiceSlot {
    pub(super) fn new(service: Box<dyn Service>, fanout: Fanout) -> Self {
        Self {
            service,
            fanout,
            held_back: Vec::new(),
            deadline_not_before: None,
        }
    }

    /// Calls the service. A panic in there ends with the call: it is a fault of ours, and one
    /// client's at most. `None` then.
    pub(super) fn guard<T>(
        &mut self,
        call: impl FnOnce(&mut dyn Service, &mut Fanout) -> T,
    ) -> Option<T> {
        let Self {
            service, fanout, ..
        } = self;
        // What a service leaves half done it has to live with; the fanout is whole at any time.
        catch_unwind(AssertUnwindSafe(|| call(service.as_mut(), fanout))).ok()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let deadline = self.service.deadline()?;
        Some(
            self.deadline_not_before
                .map_or(deadline, |at| at.max(deadline)),
        )
    }

    /// Notes whether somebody who was behind has taken something; whether those who were held back
    /// for that may go on, or have waited for long enough.
    pub(super) fn may_go_on(&mut self, now: Instant) -> bool {
        let progress = self.fanout.note_progress(now);
        let is_over = self.fanout.outrun_until().is_none_or(|until| until <= now);
        progress || is_over
    }
}
