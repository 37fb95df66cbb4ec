//! The senders that may have something to send. Knows nobody's reasons.

/// Senders, each once.
#[derive(Debug, Default)]
pub(crate) struct ReadySenders {
    ready: Vec<u32>,
    is_ready: Vec<bool>,
}

impl ReadySenders {
    /// Of so many senders, none of which is ready yet.
    pub(crate) fn new(senders: usize) -> Self {
        Self {
            ready: Vec::new(),
            is_ready: vec![false; senders],
        }
    }

    /// Puts `sender` in, unless it is there.
    #[inline]
    pub(crate) fn add(&mut self, sender: usize) {
        if !std::mem::replace(&mut self.is_ready[sender], true) {
            self.ready.push(u32::try_from(sender).unwrap_or(u32::MAX));
        }
    }

    /// Whether there is none.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Takes one out.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<usize> {
        let sender = self.ready.pop()? as usize;
        self.is_ready[sender] = false;
        Some(sender)
    }
}
