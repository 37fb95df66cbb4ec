//! The one kind of error that reaches the user: a line of text and an exit code.
//! Knows nothing of what failed; whoever fails says what was attempted, on what, and why.

use std::fmt;

/// Why the program ends without having done what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliError {
    message: String,
    exit_code: u8,
}

impl CliError {
    /// The network, the system or a check failed: exit code 1.
    pub fn runtime(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            exit_code: 1,
        }
    }

    /// The command line asks for something that cannot be: exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            exit_code: 2,
        }
    }

    /// The same failure in other words.
    pub(crate) fn map(self, words: impl FnOnce(String) -> String) -> Self {
        Self {
            message: words(self.message),
            ..self
        }
    }

    /// Whether it is the command line that is wrong.
    pub(crate) fn is_usage(&self) -> bool {
        self.exit_code == 2
    }

    /// With an exit code of its own.
    #[cfg(feature = "bench")]
    pub(crate) fn with_exit_code(message: impl Into<String>, exit_code: u8) -> Self {
        Self {
            message: message.into(),
            exit_code,
        }
    }

    /// The process's exit code: 1, 2, or 3 of a load run that tells nothing of the server.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.exit_code
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}
