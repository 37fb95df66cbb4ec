//! The room's password: kept as its hash, and compared in a time that tells nothing of it.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::sanitize;

/// The longest password, in bytes, inclusive. A longer one is refused, and never the right one.
pub const MAX_BYTES: usize = 512;

/// What a client has to say before it hears anything.
#[derive(Clone)]
pub struct Password {
    hash: [u8; 32],
}

impl Password {
    /// The password that is `text`: every protocol must be able to say it.
    ///
    /// # Errors
    /// Why it cannot be one.
    pub fn new(text: &[u8]) -> Result<Self, String> {
        let is_sayable = std::str::from_utf8(text).is_ok_and(|text| {
            text.trim() == text
                && !text.contains('\t')
                && sanitize::sanitize(text.as_bytes()) == text
        });
        match text.len() {
            0 => Err("its first line is empty".to_owned()),
            1..=MAX_BYTES if is_sayable => Ok(Self { hash: hash(text) }),
            1..=MAX_BYTES => Err(
                "its first line is no UTF-8 text, has control characters, or begins or ends with \
                 white space"
                    .to_owned(),
            ),
            _ => Err(format!("its first line is longer than {MAX_BYTES} bytes")),
        }
    }

    /// Whether `given` is the password.
    pub(crate) fn is(&self, given: &str) -> bool {
        given.len() <= MAX_BYTES && hash(given.as_bytes()).ct_eq(&self.hash).into()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

fn hash(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_it_is_and_nothing_else() {
        let password = Password::new("correct horse".as_bytes()).unwrap();
        assert!(password.is("correct horse"));
        for wrong in [
            "",
            "correct",
            "Correct horse",
            "correct horse ",
            &"x".repeat(600),
        ] {
            assert!(!password.is(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{password:?}"), "Password");
        assert!(Password::new(&[b'x'; 512]).unwrap().is(&"x".repeat(512)));
    }

    #[test]
    fn what_no_client_could_say_is_none() {
        for bad in [
            &b""[..],
            b" x",
            b"x ",
            b"a\tb",
            b"a\x1bb",
            b"caf\xe9",
            "a\u{202E}b".as_bytes(),
            &[b'x'; 513],
        ] {
            assert!(Password::new(bad).is_err(), "{bad:?}");
        }
        assert!(Password::new("pässwörd 1".as_bytes()).is_ok());
    }
}
