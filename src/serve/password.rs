//! `--password-file` and the like: the first line of a file.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use crate::failure::CliError;
use crate::services::room::{MAX_PASSWORD_BYTES, Password};

/// The password in the file of that option, if it is given.
///
/// # Errors
/// See [`read`].
pub(crate) fn read_if(path: Option<&Path>, option: &str) -> Result<Option<Password>, CliError> {
    path.map(|path| read(path, option)).transpose()
}

/// The password in that file. Nothing of it is told, whatever is wrong.
///
/// # Errors
/// A runtime [`CliError`] of one line if the file cannot be read, a usage one if it holds none.
pub(super) fn read(path: &Path, option: &str) -> Result<Password, CliError> {
    let line = first_line(path).map_err(|error| {
        CliError::runtime(format!("read {option} from {}: {error}", path.display()))
    })?;
    Password::new(&line)
        .map_err(|why| CliError::usage(format!("{option} {}: {why}", path.display())))
}

/// Without its end; as much of it as shows whether it is too long.
fn first_line(path: &Path) -> io::Result<Vec<u8>> {
    let most_bytes = MAX_PASSWORD_BYTES as u64 + 2;
    let mut line = Vec::new();
    BufReader::new(File::open(path)?.take(most_bytes)).read_until(b'\n', &mut line)?;
    if line.pop_if(|byte| *byte == b'\n').is_some() {
        line.pop_if(|byte| *byte == b'\r');
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTION: &str = "--password-file";

    fn read_bytes(bytes: &[u8]) -> Result<Password, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        read(file.path(), OPTION).map_err(|failure| {
            assert_eq!(failure.exit_code(), 2, "{failure}");
            let told = failure.to_string();
            let path = file.path().display().to_string();
            told.replace(&path, "FILE")
        })
    }

    #[test]
    fn a_password_is_a_file_s_first_line() {
        for bytes in [&b"open sesame"[..], b"open sesame\n", b"open sesame\r\nx\n"] {
            assert!(read_bytes(bytes).unwrap().is("open sesame"), "{bytes:?}");
        }
        let longest = [&[b'x'; 512][..], b"\r\n"].concat();
        assert!(read_bytes(&longest).is_ok());
    }

    #[test]
    fn what_is_none_is_told_and_nothing_of_it() {
        let too_long = [b'x'; 513];
        let unsayable = "its first line is no UTF-8 text, has control characters, or begins or \
                         ends with white space";
        for (bytes, why) in [
            (&b""[..], "its first line is empty"),
            (b"\nsecret\n", "its first line is empty"),
            (b" secret\n", unsayable),
            (b"se\0cret\n", unsayable),
            (b"secr\xe9t\n", unsayable),
            (&too_long, "its first line is longer than 512 bytes"),
        ] {
            let told = read_bytes(bytes).unwrap_err();
            assert_eq!(told, format!("--password-file FILE: {why}"));
        }
        let told = read(Path::new("/no/such/file"), OPTION).unwrap_err();
        assert_eq!(told.exit_code(), 1);
        let why = "read --password-file from /no/such/file: No such file or directory";
        assert!(told.to_string().starts_with(why), "{told}");
        assert!(read(Path::new("/dev/zero"), OPTION).is_err());
    }
}
