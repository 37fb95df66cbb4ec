//! What comes to services from beside the clients: other threads' input, and that files have changed.

use std::time::Instant;

use super::super::ServiceId;
use super::super::net::Net;
use super::{Engine, RunState};
use crate::service::{Input, Service};

impl<N: Net> Engine<N> {
    /// Whether a service's next input may be handed over. What a hub says waits as all talk does.
    pub(crate) fn wants_input(&mut self, service: ServiceId, now: Instant) -> bool {
        let slot = &mut self.services[service.index()];
        let may_speak = slot.service.wants_input() && !slot.fanout.is_any_congested(now);
        may_speak && self.run_state == RunState::Running
    }

    /// Something came from another thread.
    pub(crate) fn on_input(&mut self, service: ServiceId, input: Input, now: Instant) {
        self.call_service(service, now, |service, out| {
            service.on_input(now, input, out);
        });
    }

    /// Has services read anew what came from files; returns whether anything does.
    pub(crate) fn reload_services(&mut self, now: Instant) -> bool {
        let mut has_files = false;
        for index in 0..self.services.len() {
            let call = |service: &mut dyn Service, _: &mut _| service.on_reload();
            let answer = self.call_service(ServiceId::new(index), now, call);
            has_files |= answer.unwrap_or(true);
        }
        has_files
    }
}
