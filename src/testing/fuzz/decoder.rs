//! The decoder: every way to cut a stream gives the messages that a plain reading of the whole
//! gives, none is too long, and what is kept in between is bounded.

use super::Tape;
use crate::wire::{Decoder, Framing, Message};

/// A message's bytes; `None` for one that was too long.
type Heard = Option<Vec<u8>>;

pub(super) fn check(data: &[u8]) {
    let mut tape = Tape::new(data);
    let framing = tape.pick(&[Framing::Chunk, Framing::Line, Framing::Auto, Framing::Raw]);
    let max = 1 + usize::from(tape.byte() % 24);
    // A piece is as long as its byte says; above 127, a quiet while comes after it.
    let plan = usize::from(tape.byte() % 12);
    let plan = tape.take(plan);
    let stream = tape.rest();
    let whole = hear(framing, max, &[(stream, false)]);
    assert_eq!(whole, expected(framing, max, stream));

    let (pieces, is_quiet) = cut(stream, plan);
    let heard = hear(framing, max, &pieces);
    if framing == Framing::Chunk {
        let bytes = |heard: &[Heard]| heard.iter().flatten().flatten().copied().collect();
        let (once, again): (Vec<u8>, Vec<u8>) = (bytes(&whole), bytes(&heard));
        assert_eq!(once, again);
    } else if framing == Framing::Line || !is_quiet {
        assert_eq!(heard, whole, "{pieces:?}");
    }
}

/// The pieces of `stream`, each with whether quiet follows; and whether any does.
fn cut<'a>(mut stream: &'a [u8], plan: &[u8]) -> (Vec<(&'a [u8], bool)>, bool) {
    let mut pieces = Vec::new();
    for byte in plan {
        let (piece, rest) = stream.split_at(usize::from(byte & 0x7f).min(stream.len()));
        pieces.push((piece, *byte > 0x7f));
        stream = rest;
    }
    pieces.push((stream, false));
    let is_quiet = pieces.iter().any(|(_, quiet)| *quiet);
    (pieces, is_quiet)
}

/// What the decoder makes of the pieces and of the stream's end.
fn hear(framing: Framing, max: usize, pieces: &[(&[u8], bool)]) -> Vec<Heard> {
    let note = |message: Message<'_>| match message {
        Message::Whole(bytes) => {
            assert!(bytes.len() <= max);
            Some(bytes.to_vec())
        }
        Message::TooLong => None,
    };
    let mut decoder = Decoder::new(framing);
    let mut heard = Vec::new();
    for (at, (piece, quiet)) in pieces.iter().enumerate() {
        let mut input = *piece;
        while let Some(message) = decoder.next(&mut input, max) {
            heard.push(note(message));
        }
        assert!(input.is_empty());
        assert!(decoder.kept_bytes() <= max + 2);
        if *quiet || at + 1 == pieces.len() {
            while let Some(message) = decoder.quiet(max) {
                heard.push(note(message));
            }
            assert!(!decoder.awaits_quiet());
        }
    }
    heard
}

/// The messages of a stream that comes in one piece, by the contract's words.
fn expected(framing: Framing, max: usize, stream: &[u8]) -> Vec<Heard> {
    let judged = |line: &[u8]| (line.len() <= max).then(|| line.to_vec());
    let no_cr = |line: &[u8]| judged(line.strip_suffix(b"\r").unwrap_or(line));
    let lines = stream.split(|byte| *byte == b'\n').count() - 1;
    let mut heard: Vec<Heard> = Vec::new();
    match framing {
        Framing::Chunk => return stream.chunks(max).map(judged).collect(),
        Framing::Raw if stream.len() > max + 2 => heard.push(None),
        Framing::Raw if stream.is_empty() => {}
        Framing::Raw => heard.push(no_cr(stream.strip_suffix(b"\n").unwrap_or(stream))),
        Framing::Line | Framing::Auto => {
            let mut parts = stream.split(|byte| *byte == b'\n');
            heard.extend(parts.by_ref().take(lines).map(no_cr));
            let unfinished = parts.next().unwrap_or_default();
            // It may still turn out to be as long as it may be, and its CR LF.
            if unfinished.len() > max + 2 {
                heard.push(None);
            } else if framing == Framing::Auto && lines == 0 && !unfinished.is_empty() {
                heard.push(no_cr(unfinished));
            }
        }
    }
    heard
}
