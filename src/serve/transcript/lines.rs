//! The lines of a file, the last ones first; no more of it is read than is asked for.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use log::warn;

/// So much is read at once, in bytes.
const BLOCK_BYTES: usize = 64 << 10;

/// Of the file's end, so many bytes are read at most.
const MAX_BYTES: u64 = 16 << 20;

/// The longest line, in bytes, inclusive, without its newline. A longer one is passed over.
const MAX_LINE_BYTES: usize = 1 << 20;

/// Reads a file backwards.
#[derive(Debug)]
pub(in crate::serve) struct LastLines {
    file: Option<File>,
    /// What is before this was not read yet.
    start: u64,
    /// And is not read if it is before this.
    least: u64,
    /// What was read and not given, from `start` on.
    unread: Vec<u8>,
    /// The line that ends there is too long.
    skips: bool,
}

impl LastLines {
    /// Of the bytes that are in the file now.
    pub(super) fn of(file: Option<File>) -> Self {
        let length = file
            .as_ref()
            .map_or(Ok(0), |file| file.metadata().map(|it| it.len()));
        let length = length.unwrap_or(0);
        Self {
            file,
            start: length,
            least: length.saturating_sub(MAX_BYTES),
            unread: Vec::new(),
            skips: false,
        }
    }

    /// Reads what stands before; returns whether there was anything.
    fn read_block(&mut self) -> io::Result<bool> {
        let Some(file) = &self.file else {
            return Ok(false);
        };
        let before = self
            .start
            .saturating_sub(BLOCK_BYTES as u64)
            .max(self.least);
        let count = usize::try_from(self.start - before).unwrap_or(BLOCK_BYTES);
        let mut block = vec![0; count];
        file.read_exact_at(&mut block, before)?;
        block.append(&mut self.unread);
        (self.unread, self.start) = (block, before);
        Ok(count > 0)
    }

    /// The last line of what was read, if that has its beginning too.
    fn cut_line(&mut self, searched: usize) -> Option<Vec<u8>> {
        let new = self.unread.len() - searched;
        let newline = memchr::memrchr(b'\n', &self.unread[..new])?;
        let line = self.unread.split_off(newline + 1);
        self.unread.pop();
        Some(line)
    }
}

impl Iterator for LastLines {
    type Item = Vec<u8>;

    /// The one before, without its newline. The first of all is what stands behind the last newline.
    fn next(&mut self) -> Option<Vec<u8>> {
        let mut searched = 0;
        loop {
            if let Some(line) = self.cut_line(searched) {
                searched = 0;
                if !std::mem::take(&mut self.skips) && line.len() <= MAX_LINE_BYTES {
                    return Some(line);
                }
                continue;
            }
            if self.unread.len() > MAX_LINE_BYTES {
                self.skips = true;
                self.unread.clear();
            }
            searched = self.unread.len();
            match self.read_block() {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    warn!("read what was said before from the transcript: {error}");
                    self.file = None;
                    return None;
                }
            }
        }
        // The file's first line, unless its beginning was not read.
        self.file = None;
        let line = std::mem::take(&mut self.unread);
        (self.start == 0 && !self.skips && !line.is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn last_lines(bytes: &[u8]) -> LastLines {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        LastLines::of(Some(file))
    }

    fn read(bytes: &[u8]) -> Vec<String> {
        let lines = last_lines(bytes);
        lines.map(|line| String::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn lines_come_the_last_first_whole_or_torn() {
        assert_eq!(read(b""), [""; 0]);
        assert_eq!(read(b"a\nb\n"), ["", "b", "a"]);
        assert_eq!(read(b"a\n\nto"), ["to", "", "a"]);
        assert_eq!(read(b"torn"), ["torn"]);
        assert_eq!(LastLines::of(None).count(), 0);
    }

    /// Whatever stands where a block begins.
    #[test]
    fn lines_over_blocks_are_whole() {
        for length in BLOCK_BYTES - 3..BLOCK_BYTES + 3 {
            let (first, last) = ("x".repeat(length), "y".repeat(2 * BLOCK_BYTES));
            let text = format!("one\n{first}\n{last}\n");
            assert_eq!(
                read(text.as_bytes()),
                ["", &last, &first, "one"],
                "{length}"
            );
        }
    }

    #[test]
    fn what_is_too_long_is_passed_over() {
        let longest = "x".repeat(MAX_LINE_BYTES);
        for (middle, told) in [(longest.clone(), true), (longest.clone() + "x", false)] {
            let text = format!("one\n{middle}\nend\n");
            let mut expected = vec!["", "end"];
            expected.extend(told.then_some(&*middle));
            expected.push("one");
            assert_eq!(read(text.as_bytes()), expected);
        }
        let endless = "x".repeat(3 * MAX_LINE_BYTES + 5);
        assert_eq!(read(format!("one\n{endless}").as_bytes()), ["one"]);
        assert_eq!(read(endless.as_bytes()), [""; 0]);
    }

    #[test]
    fn no_more_is_read_than_is_asked_for_and_only_the_end() {
        let text = "0123456789abcde\n".repeat((MAX_BYTES >> 4) as usize + 100);
        let mut lines = last_lines(text.as_bytes());
        assert_eq!(lines.by_ref().take(10).count(), 10);
        assert_eq!(lines.start, (text.len() - BLOCK_BYTES) as u64);
        let count = 10 + lines.count();
        // The empty one behind the last newline; and the first may have been cut.
        assert_eq!(count, (MAX_BYTES >> 4) as usize);
    }
}
