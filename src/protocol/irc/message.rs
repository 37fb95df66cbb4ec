//! One line: `[@tags] [:source] COMMAND parameters [:the last one]`.

/// More parameters than RFC 1459 knows are part of the last one.
const MAX_PARAMETERS: usize = 15;

/// A line's parts. Tags and source are passed over: nobody may speak for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) command: &'a str,
    pub(super) parameters: Vec<&'a str>,
}

/// What of a line counts towards its 512 bytes.
pub(super) fn without_tags(line: &[u8]) -> &[u8] {
    match line {
        [b'@', ..] => {
            let end = line.iter().position(|byte| *byte == b' ');
            line[end.unwrap_or(line.len())..].trim_ascii_start()
        }
        _ => line,
    }
}

/// `None`: an empty line.
pub(super) fn parse(line: &str) -> Option<Message<'_>> {
    let mut rest = line.trim_start_matches(' ');
    if rest.starts_with(':') {
        (_, rest) = next_word(rest);
    }
    let (command, mut rest) = next_word(rest);
    let mut parameters = Vec::new();
    while !rest.is_empty() {
        if let Some(last) = rest.strip_prefix(':') {
            parameters.push(last);
            break;
        }
        if parameters.len() + 1 == MAX_PARAMETERS {
            parameters.push(rest);
            break;
        }
        let (parameter, left) = next_word(rest);
        parameters.push(parameter);
        rest = left;
    }
    let message = Message {
        command,
        parameters,
    };
    (!command.is_empty()).then_some(message)
}

fn next_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (word, rest.trim_start_matches(' '))
}

impl<'a> Message<'a> {
    /// A parameter that says something.
    pub(super) fn get(&self, index: usize) -> Option<&'a str> {
        let parameter = self.parameters.get(index).copied();
        parameter.filter(|parameter| !parameter.is_empty())
    }
}
