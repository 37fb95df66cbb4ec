//! Cuts what is typed or piped in into lines of a bounded length. Bytes in, lines out.

/// A line was longer than it may be; all of it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

/// Holds the beginning of a line whose end has not come.
#[derive(Debug)]
pub(crate) struct LineBuffer {
    line: Vec<u8>,
    /// Of a line without its LF, inclusive.
    max_bytes: usize,
    is_too_long: bool,
}

impl LineBuffer {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            line: Vec::new(),
            max_bytes,
            is_too_long: false,
        }
    }

    /// Takes one byte; gives the line that it ends, without its LF.
    pub(crate) fn push(&mut self, byte: u8) -> Option<Result<String, TooLong>> {
        if byte == b'\n' {
            return Some(self.take());
        }
        if self.line.len() < self.max_bytes {
            self.line.push(byte);
        } else {
            self.is_too_long = true;
        }
        None
    }

    /// Nothing more comes: gives the line that has no end.
    pub(crate) fn end(&mut self) -> Option<Result<String, TooLong>> {
        (!self.line.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> Result<String, TooLong> {
        let text = String::from_utf8_lossy(&self.line).into_owned();
        self.line.clear();
        match std::mem::take(&mut self.is_too_long) {
            true => Err(TooLong),
            false => Ok(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_goes_whole_and_the_next_one_comes() {
        let mut buffer = LineBuffer::new(3);
        let typed = b"abc\n\nabcd\nabcdefgh\nab\nabcde";
        let lines: Vec<_> = typed.iter().filter_map(|&b| buffer.push(b)).collect();
        let [abc, empty, ab] = ["abc", "", "ab"].map(|text| Ok(text.to_owned()));
        assert_eq!(lines, [abc, empty, Err(TooLong), Err(TooLong), ab]);
        assert_eq!(buffer.end(), Some(Err(TooLong)));
        assert_eq!(buffer.end(), None);
        assert!(buffer.line.capacity() <= 8);
    }
}
