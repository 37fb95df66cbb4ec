//! What of a room comes from files and is read anew at SIGHUP. Knows no file: whoever has made the
//! room reads.

use std::fmt;

use super::{Password, Room};

/// What was read anew; `None`: that stays as it was.
#[derive(Debug, Default)]
pub struct Fresh {
    /// The message of the day.
    pub motd: Option<Vec<String>>,
    /// The password, for those who come from now on.
    pub password: Option<Password>,
    /// The operators' password; who is one stays one.
    pub operator_password: Option<Password>,
}

/// Reads what comes from files.
#[derive(Default)]
pub(super) struct Files(Option<Box<dyn FnMut() -> Fresh>>);

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Files")
    }
}

impl Room {
    /// A room some of which comes from files: `read` reads them anew.
    #[must_use]
    pub fn with_files(mut self, read: Box<dyn FnMut() -> Fresh>) -> Self {
        self.files = Files(Some(read));
        self
    }

    /// Returns whether there is anything that comes from files.
    pub(super) fn reload(&mut self) -> bool {
        let Some(read) = &mut self.files.0 else {
            return false;
        };
        let fresh = read();
        if let Some(motd) = fresh.motd {
            self.config.motd = motd;
        }
        if let Some(password) = fresh.password {
            self.config.password = Some(password);
        }
        if let Some(password) = fresh.operator_password {
            self.config.operator_password = Some(password);
        }
        true
    }
}
