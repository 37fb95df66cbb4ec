//! A client of a scene: it sends what it was given as soon as there is room, and reads what comes
//! unless it is stalled.

use super::super::sim::network::{End, Network};

#[derive(Default)]
pub(super) struct Client {
    /// Sent, but without room in the network.
    pub(super) unsent: Vec<u8>,
    /// Its side ends after that.
    pub(super) has_ended: bool,
    /// It does not read.
    pub(super) is_stalled: bool,
    pub(super) heard: Vec<u8>,
    /// The end that the server made.
    pub(super) end: Option<End>,
    /// What it sent, without line ends.
    pub(super) text_bytes: usize,
}

impl Client {
    /// Sends what there is room for; returns whether that was all.
    pub(super) fn send(&mut self, id: usize, network: &mut Network) -> bool {
        if self.end == Some(End::Reset) {
            return true;
        }
        if !self.unsent.is_empty() {
            let count = network.peer_sends(id, &self.unsent);
            self.unsent.drain(..count);
        }
        let is_all = self.unsent.is_empty();
        if is_all && std::mem::take(&mut self.has_ended) {
            network.peer_finishes(id);
        }
        is_all
    }

    pub(super) fn read(&mut self, id: usize, network: &mut Network) {
        if self.is_stalled || self.end.is_some() {
            return;
        }
        let (bytes, end) = network.peer_receives(id, usize::MAX);
        self.heard.extend(bytes);
        self.end = end;
        if end == Some(End::Finished) {
            // Its own words do not interest anybody any more: it hangs up.
            self.unsent.clear();
            network.peer_finishes(id);
        }
    }
}
