//! The terminal's modes: taken over while a line is edited, given back as found. Knows nothing
//! of lines.
//!
//! Only termios is touched, never O_NONBLOCK: that flag belongs to the open file, which the
//! shell shares.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::stdio::stdin;
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios, tcgetattr,
    tcsetattr,
};

/// The modes of the terminal on stdin as they were found.
pub(super) struct RawMode {
    found: Termios,
    given_back: Mutex<bool>,
}

impl RawMode {
    /// Notes the modes; changes nothing.
    ///
    /// # Errors
    /// stdin is no terminal.
    pub(super) fn find() -> io::Result<Self> {
        Ok(Self {
            found: tcgetattr(stdin())?,
            given_back: Mutex::new(false),
        })
    }

    /// Every key as it is pressed, unechoed, no signals from the keyboard. Does nothing once the
    /// modes are given back for good.
    pub(super) fn enter(&self) {
        let given_back = self.lock();
        if *given_back {
            return;
        }
        let mut raw = self.found.clone();
        raw.input_modes &= !(InputModes::BRKINT
            | InputModes::ICRNL
            | InputModes::INLCR
            | InputModes::IGNCR
            | InputModes::ISTRIP
            | InputModes::IXON);
        raw.local_modes &=
            !(LocalModes::ECHO | LocalModes::ICANON | LocalModes::IEXTEN | LocalModes::ISIG);
        // Lines are printed with a plain LF, here as where nothing is edited.
        raw.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Without a terminal left to set there is nothing to do: reading will tell.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &raw);
    }

    /// Gives the modes back, until [`RawMode::enter`].
    pub(super) fn suspend(&self) {
        // Now, not drained: a terminal that nobody reads would never drain.
        let _ = tcsetattr(stdin(), OptionalActions::Now, &self.found);
    }

    /// Gives the modes back for good.
    pub(super) fn restore(&self) {
        let mut given_back = self.lock();
        *given_back = true;
        self.suspend();
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.given_back
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
