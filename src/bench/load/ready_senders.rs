//! Whose turn to send has come. Knows nobody's reasons.

/// Senders whose turn has come, each once.
#[derive(Debug, Default)]
pub(crate) struct ReadySenders {
    waiting: Vec<u32>,
    is_waiting: Vec<bool>,
}

impl ReadySenders {
    /// Of so many senders, of whom nobody has a turn yet.
    #[must_use]
    pub(crate) fn new(senders: usize) -> Self {
        Self {
            waiting: Vec::new(),
            is_waiting: vec![false; senders],
        }
    }

    /// Puts `sender` in, unless it is there.
    #[inline]
    pub(crate) fn give(&mut self, sender: usize) {
        if !std::mem::replace(&mut self.is_waiting[sender], true) {
            self.waiting.push(u32::try_from(sender).unwrap_or(u32::MAX));
        }
    }

    /// Whether it is nobody's.
    #[inline]
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes one out.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<usize> {
        let sender = self.waiting.pop()? as usize;
        self.is_waiting[sender] = false;
        Some(sender)
    }
}
