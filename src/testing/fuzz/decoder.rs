//! The decoder: every way to cut a stream gives the messages that a plain reading of the whole
//! gives, none is too long, and what is kept in between is bounded.

use super::ByteSource;
use crate::wire::{Decoded, Decoder, Framing, Message};

const IAC: u8 = 255;
const MAX_SUBNEGOTIATION_BYTES: usize = 255;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Message(Vec<u8>),
    TooLong,
    Reply([u8; 3]),
}

/// One piece of a stream.
#[derive(Debug)]
struct Piece<'a> {
    bytes: &'a [u8],
    /// A quiet while follows.
    is_quiet: bool,
}

pub(super) fn check(data: &[u8]) {
    let mut source = ByteSource::new(data);
    let framing = source.pick(&[
        Framing::Chunk,
        Framing::Line,
        Framing::Auto,
        Framing::Raw,
        Framing::Text,
    ]);
    let max = 1 + usize::from(source.byte() % 24);
    // A piece is as long as its byte says; above 127, a quiet while comes after it.
    let plan = usize::from(source.byte() % 12);
    let plan = source.take(plan);
    let stream = source.rest();
    let whole = hear(framing, max, &[piece(stream)], false);
    let pieces = cut(stream, plan);
    let heard = hear(framing, max, &pieces, false);
    let is_quiet = pieces.iter().any(|piece| piece.is_quiet);
    match framing {
        Framing::Chunk | Framing::Text => {
            assert_eq!(bytes_of(&whole), stream);
            assert_eq!(bytes_of(&heard), stream);
        }
        Framing::Line | Framing::Auto | Framing::Raw => {
            assert_eq!(whole, expected(framing, max, stream));
            assert!(is_quiet || heard == whole, "{pieces:?} {heard:?} {whole:?}");
        }
    }
    let is_text = std::str::from_utf8(stream).is_ok();
    if framing == Framing::Text && is_text && !is_quiet && max >= 4 {
        for message in &heard {
            let Heard::Message(bytes) = message else {
                panic!("{message:?}");
            };
            assert!(std::str::from_utf8(bytes).is_ok(), "{pieces:?} {bytes:?}");
        }
    }
    // As reads of their own the pieces may be keys, of which nothing is said here but that they
    // stay within their bounds.
    hear(framing, max, &pieces, true);
}

fn piece(bytes: &[u8]) -> Piece<'_> {
    let is_quiet = false;
    Piece { bytes, is_quiet }
}

fn cut<'a>(mut stream: &'a [u8], plan: &[u8]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    for byte in plan {
        let (bytes, rest) = stream.split_at(usize::from(byte & 0x7f).min(stream.len()));
        let is_quiet = *byte > 0x7f;
        pieces.push(Piece { bytes, is_quiet });
        stream = rest;
    }
    pieces.push(piece(stream));
    pieces
}

fn bytes_of(heard: &[Heard]) -> Vec<u8> {
    let mut all = Vec::new();
    for heard in heard {
        match heard {
            Heard::Message(bytes) => all.extend(bytes),
            other => panic!("{other:?}"),
        }
    }
    all
}

/// What the decoder makes of the pieces and of the stream's end.
fn hear(framing: Framing, max: usize, pieces: &[Piece<'_>], are_reads: bool) -> Vec<Heard> {
    let note = |message: Message<'_>| match message {
        Message::Whole(bytes) => {
            assert!(bytes.len() <= max);
            Heard::Message(bytes.to_vec())
        }
        Message::TooLong => Heard::TooLong,
    };
    let mut decoder = Decoder::new(framing);
    if !are_reads {
        decoder.on_read(b"no keys");
    }
    let mut heard = Vec::new();
    for piece in pieces {
        let mut input = piece.bytes;
        if are_reads {
            decoder.on_read(input);
        }
        while let Some(decoded) = decoder.next(&mut input, max) {
            heard.push(match decoded {
                Decoded::Message(message) => note(message),
                Decoded::Reply(reply) => Heard::Reply(reply),
            });
        }
        assert!(input.is_empty());
        assert!(decoder.kept_bytes() <= if framing == Framing::Text { 3 } else { max + 2 });
        if piece.is_quiet && decoder.flush_after().is_some() {
            heard.extend(decoder.flush_idle(max).map(note));
            assert_eq!(decoder.flush_after(), None);
        }
    }
    heard.extend(decoder.finish(max).map(note));
    assert_eq!(decoder.finish(max), None);
    assert_eq!(decoder.kept_bytes(), 0);
    heard
}

/// What is left of a stream without telnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symbol {
    Byte(u8),
    Reply([u8; 3]),
    EraseCharacter,
    EraseLine,
}

fn symbols(mut stream: &[u8]) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    loop {
        stream = match stream {
            [IAC] | [IAC, 251..=254] | [] => break,
            [IAC, IAC, rest @ ..] => {
                symbols.push(Symbol::Byte(IAC));
                rest
            }
            [IAC, 250, rest @ ..] => without_subnegotiation(rest),
            [IAC, verb @ (251 | 253), option, rest @ ..] => {
                let refusal = if *verb == 251 { 254 } else { 252 };
                symbols.push(Symbol::Reply([IAC, refusal, *option]));
                rest
            }
            [IAC, 252 | 254, _, rest @ ..] => rest,
            [IAC, 247, rest @ ..] => {
                symbols.push(Symbol::EraseCharacter);
                rest
            }
            [IAC, 248, rest @ ..] => {
                symbols.push(Symbol::EraseLine);
                rest
            }
            [IAC, 236..=255, rest @ ..] => rest,
            [byte, rest @ ..] => {
                symbols.push(Symbol::Byte(*byte));
                rest
            }
        };
    }
    without_mark(symbols)
}

fn without_subnegotiation(stream: &[u8]) -> &[u8] {
    let mut at = 0;
    loop {
        match &stream[at..] {
            [IAC, 240, rest @ ..] => return rest,
            [b'\n', ..] if at >= MAX_SUBNEGOTIATION_BYTES => return &stream[at..],
            [IAC, b'\n', ..] if at + 1 >= MAX_SUBNEGOTIATION_BYTES => return &stream[at + 1..],
            [IAC, _, ..] => at += 2,
            [_, ..] => at += 1,
            [] => return &[],
        }
    }
}

/// Without the byte order mark that the text begins with.
fn without_mark(symbols: Vec<Symbol>) -> Vec<Symbol> {
    let is_reply = |symbol: &&Symbol| matches!(symbol, Symbol::Reply(_));
    let mut first = symbols.iter().filter(|symbol| !is_reply(symbol));
    let is_marked = [0xef, 0xbb, 0xbf]
        .iter()
        .all(|byte| first.next() == Some(&Symbol::Byte(*byte)));
    let mut left = if is_marked { 3 } else { 0 };
    let is_kept = |symbol: &Symbol| {
        let is_of_mark = left > 0 && !is_reply(&symbol);
        left -= usize::from(is_of_mark);
        !is_of_mark
    };
    let mut symbols = symbols;
    symbols.retain(is_kept);
    symbols
}

/// The messages of a stream that comes in one piece, by the contract's words.
fn expected(framing: Framing, max: usize, stream: &[u8]) -> Vec<Heard> {
    let (mut heard, mut line, mut has_ended_line) = (Vec::new(), Line::default(), false);
    let is_raw = framing == Framing::Raw;
    let room = if is_raw { max + 2 } else { max };
    let mut has_cr = false;
    let symbols = symbols(stream);
    let is_reply = |symbol: &Symbol| matches!(symbol, Symbol::Reply(_));
    let text = symbols.iter().filter(|symbol| !is_reply(symbol));
    // What may still turn out to be a byte order mark is too long for nothing yet.
    let begun_mark = [Symbol::Byte(0xef), Symbol::Byte(0xbb)];
    line.is_too_long = framing == Framing::Line && text.eq(&begun_mark);
    for symbol in symbols {
        if let Symbol::Reply(reply) = symbol {
            heard.push(Heard::Reply(reply));
            continue;
        }
        if std::mem::take(&mut has_cr) {
            if let Symbol::Byte(b'\n' | 0) = symbol {
                heard.extend(line.end());
                has_ended_line = true;
                continue;
            }
            heard.extend(line.push(b'\r', room));
        }
        match symbol {
            Symbol::Byte(b'\n') if !is_raw => {
                heard.extend(line.end());
                has_ended_line = true;
            }
            Symbol::Byte(b'\r') if !is_raw => has_cr = true,
            Symbol::Byte(byte) => heard.extend(line.push(byte, room)),
            Symbol::EraseCharacter => while let Some(0x80..0xc0) = line.text.pop() {},
            Symbol::EraseLine => line.text.clear(),
            Symbol::Reply(_) => {}
        }
    }
    if has_cr {
        heard.extend(line.end());
    } else if framing != Framing::Line && !has_ended_line && !line.text.is_empty() {
        if is_raw {
            let end = |text: &[u8]| -> usize {
                match text {
                    [.., b'\r', b'\n' | 0] => 2,
                    [.., b'\r' | b'\n'] => 1,
                    _ => 0,
                }
            };
            line.text.truncate(line.text.len() - end(&line.text));
        }
        heard.push(match line.text.len() <= max {
            true => Heard::Message(line.text),
            false => Heard::TooLong,
        });
    }
    heard
}

#[derive(Default)]
struct Line {
    text: Vec<u8>,
    is_too_long: bool,
}

impl Line {
    fn push(&mut self, byte: u8, room: usize) -> Option<Heard> {
        if self.is_too_long {
            return None;
        }
        self.text.push(byte);
        self.is_too_long = self.text.len() > room;
        self.is_too_long.then(|| {
            self.text.clear();
            Heard::TooLong
        })
    }

    fn end(&mut self) -> Option<Heard> {
        let text = std::mem::take(&mut self.text);
        (!std::mem::take(&mut self.is_too_long)).then_some(Heard::Message(text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// Bytes that mean something to a decoder, and two that do not.
    const ALPHABET: &[u8] =
        b"ab\r\r\n\n\0/\x08\x1b[\xef\xbb\xbf\xff\xff\xff\xfa\xf0\xf7\xf8\xfb\xfc\xfd\xf4\xc3\xa9";

    proptest! {
        #[test]
        fn the_decoder_agrees_with_a_plain_reading(
            head in prop::collection::vec(any::<u8>(), 0..14),
            stream in prop::collection::vec(prop::sample::select(ALPHABET), 0..80),
        ) {
            super::check(&[head, stream].concat());
        }
    }
}
