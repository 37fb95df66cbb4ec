//! A client of a scene: it sends what it was given as soon as there is room, and reads what comes
//! unless it is stalled.

use super::super::sim::link::Link;
use super::super::sim::network::{End, Network};

pub(super) struct Client {
    pub(super) link: Link,
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
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            unsent: Vec::new(),
            has_ended: false,
            is_stalled: false,
            heard: Vec::new(),
            end: None,
            text_bytes: 0,
        }
    }

    /// Sends what there is room for; returns whether that was all.
    pub(super) fn send(&mut self, network: &mut Network) -> bool {
        if self.end == Some(End::Reset) {
            return true;
        }
        if !self.unsent.is_empty() {
            let count = self.link.send(network, &self.unsent, usize::MAX);
            self.unsent.drain(..count);
        }
        let is_all = self.unsent.is_empty();
        if is_all && self.has_ended && self.link.finish(network) {
            self.has_ended = false;
        }
        is_all && !self.has_ended
    }

    pub(super) fn read(&mut self, network: &mut Network) {
        if self.is_stalled || self.end.is_some() {
            return;
        }
        let (bytes, end) = self.link.receive(network, usize::MAX);
        self.heard.extend(bytes);
        self.end = end;
        if end == Some(End::Finished) {
            // Its own words do not interest anybody any more: it hangs up.
            self.unsent.clear();
            self.link.finish(network);
        }
    }
}
