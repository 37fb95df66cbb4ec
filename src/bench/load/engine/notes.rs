//! What the engines of several threads tell each other of their messages.

use super::*;

impl Engine {
    /// Tells other threads what they wait for.
    pub(crate) fn tell_others(&mut self) {
        if !self.recorder.heard.is_empty() {
            self.shared.heard(&mut self.recorder.heard);
        }
        if self.recorder.notes.is_empty() {
            return;
        }
        let threads = self.shared.threads;
        let wakes = self.plan.is_none();
        let notes = std::mem::take(&mut self.recorder.notes);
        for thread in 0..threads {
            let theirs = notes
                .iter()
                .filter(|n| n.sender as usize % threads == thread);
            self.notes.extend(theirs);
            if !self.notes.is_empty() {
                self.shared.tell(thread, &mut self.notes, wakes);
            }
        }
    }

    /// Takes in what other threads have told.
    pub(crate) fn take_notes(&mut self, now_ns: u64, thread: usize) {
        self.shared.take_notes(thread, &mut self.notes);
        let notes = std::mem::take(&mut self.notes);
        for note in &notes {
            self.recorder.noted(now_ns, note);
        }
        self.notes = notes;
        self.notes.clear();
    }
}
