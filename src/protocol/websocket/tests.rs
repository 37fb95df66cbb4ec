//! Frames well and badly made, cut anywhere.

use proptest::prelude::*;

use super::*;

const MAX: usize = 300;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// What a reader says of the pieces: events, and the code of a failure.
fn read(role: Role, pieces: &[&[u8]]) -> Vec<String> {
    let mut reader = Reader::new(role);
    let mut said = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        while let Some(event) = reader.next(&mut input, MAX) {
            said.push(match event {
                Ok(Event::Ping(bytes)) => format!("ping {}", bytes.escape_ascii()),
                Ok(Event::Text(text)) if text.len() > 20 => format!("{} bytes", text.len()),
                Ok(Event::Text(text)) => text.to_owned(),
                Ok(Event::TooLong) => "!".to_owned(),
                Ok(Event::Close(code)) => format!("close {code:?}"),
                Err(code) => (code as u16).to_string(),
            });
        }
        assert!(input.is_empty());
        // A vector that grows may be twice as large as what is in it.
        assert!(reader.kept_bytes() <= 2 * (MAX + MAX_CONTROL_BYTES));
    }
    said
}

/// A frame as a client sends it, with any first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    encode_masked(Opcode::Text, payload, MASK, &mut frame);
    frame[0] = first;
    frame
}

#[track_caller]
fn check(all: &[(Vec<Vec<u8>>, &[&str])]) {
    for (frames, expected) in all {
        let stream = frames.concat();
        assert_eq!(&read(Role::Server, &[&stream]), expected, "{frames:?}");
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        let read = read(Role::Server, &bytes);
        assert_eq!(&read, expected, "byte by byte: {frames:?}");
    }
}

#[test]
fn frames_become_messages() {
    check(&[
        (vec![frame(0x81, b"Hello")], &["Hello"]),
        (vec![frame(0x81, b"")], &[""]),
        (vec![frame(0x81, &[b'x'; 126])], &["126 bytes"]),
        (vec![frame(0x81, &[b'x'; MAX])], &["300 bytes"]),
        (
            vec![frame(0x81, &[b'x'; MAX + 1]), frame(0x81, b"ok")],
            &["!", "ok"],
        ),
        (
            vec![frame(0x81, &[b'x'; 70_000]), frame(0x81, b"ok")],
            &["!", "ok"],
        ),
        // Fragments, with control frames in between.
        (
            vec![
                frame(1, b"Hel"),
                frame(0x89, b"p"),
                frame(0, b""),
                frame(0x80, b"lo"),
            ],
            &["ping p", "Hello"],
        ),
        (
            vec![frame(1, "é".as_bytes().split_at(1).0), frame(0x80, b"\xa9")],
            &["é"],
        ),
        (
            vec![
                frame(1, &[b'x'; 200]),
                frame(0, &[b'x'; 200]),
                frame(0x8a, b""),
                frame(0x80, b"x"),
                frame(0x81, b"ok"),
            ],
            &["!", "ok"],
        ),
        (
            vec![frame(0x89, &[b'p'; 125])],
            &[&format!("ping {}", "p".repeat(125))],
        ),
    ]);
}

#[test]
fn a_close_frame_ends_it() {
    let with_reason =
        |code: u16, reason: &[u8]| frame(0x88, &[&code.to_be_bytes(), reason].concat());
    check(&[
        (
            vec![frame(0x88, b""), frame(0x81, b"unheard")],
            &["close None"],
        ),
        (vec![with_reason(1000, b"bye")], &["close Some(1000)"]),
        (vec![with_reason(4999, b"")], &["close Some(4999)"]),
        (vec![with_reason(1005, b"")], &["1002"]),
        (vec![with_reason(999, b"")], &["1002"]),
        (vec![with_reason(5000, b"")], &["1002"]),
        (vec![with_reason(1000, b"\xff")], &["1007"]),
        (vec![frame(0x88, b"\x03")], &["1002"]),
    ]);
}

#[test]
fn what_breaks_the_protocol_is_told_by_its_code() {
    check(&[
        (
            vec![frame(0x82, b"bytes"), frame(0x81, b"unheard")],
            &["1003"],
        ),
        (vec![frame(2, b"bytes")], &["1003"]),
        (vec![frame(0x81, b"\xc3")], &["1007"]),
        (vec![frame(0x80, b"of nothing")], &["1002"]),
        (vec![frame(1, b"a"), frame(0x81, b"b")], &["1002"]),
        (vec![frame(0x83, b"")], &["1002"]),
        (vec![frame(0xc1, b"")], &["1002"]),
        (vec![frame(0x09, b"")], &["1002"]),
        (vec![frame(0x89, &[b'p'; 126])], &["1002"]),
        (vec![vec![0x81, 0x01, b'a']], &["1002"]),
        // A length longer than it need be, and one that is none.
        (vec![vec![0x81, 0xfe, 0, 125, 0, 0, 0, 0]], &["1002"]),
        (
            vec![vec![0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0]],
            &["1002"],
        ),
        (
            vec![vec![0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
            &["1002"],
        ),
        (
            vec![vec![
                0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
            ]],
            &["!"],
        ),
    ]);
}

/// The examples of RFC 6455, 5.7.
#[test]
fn frames_are_written_as_the_standard_shows_them() {
    let written = |opcode, payload: &[u8]| {
        let mut out = Vec::new();
        encode(opcode, payload, &mut out);
        out
    };
    assert_eq!(written(Opcode::Text, b"Hello"), b"\x81\x05Hello");
    assert_eq!(text_frame(b"Hello"), b"\x81\x05Hello");
    assert_eq!(written(Opcode::Pong, b"Hello"), b"\x8a\x05Hello");
    assert_eq!(written(Opcode::Text, &[b'x'; 256])[..4], [0x81, 0x7e, 1, 0]);
    assert_eq!(
        written(Opcode::Text, &[b'x'; 65_536])[..10],
        [0x81, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]
    );
    assert_eq!(
        frame(0x81, b"Hello"),
        b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
    );
    let mut close = Vec::new();
    encode_close(CloseCode::TryAgainLater, "behind", &mut close);
    assert_eq!(close, b"\x88\x08\x03\xf5behind");
    close.clear();
    encode_close(CloseCode::Policy, &"é".repeat(100), &mut close);
    assert_eq!(close.len(), 2 + 2 + 122);
    assert_eq!(read(Role::Client, &[&close]), ["close Some(1008)"]);
    // A server's frames are not masked.
    assert_eq!(read(Role::Client, &[&frame(0x81, b"")]), ["1002"]);
    assert_eq!(
        read(Role::Client, &[b"\x81\x02hi\x89\x00"]),
        ["hi", "ping "]
    );
}

#[test]
fn between_two_messages_nothing_is_held() {
    let mut reader = Reader::new(Role::Server);
    let stream = [frame(0x81, b"Hello"), frame(0x89, b"ping")].concat();
    let mut input = &stream[..];
    while reader.next(&mut input, MAX).is_some() {}
    assert_eq!(reader.kept_bytes(), 0);
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let first = prop::sample::select(vec![0x81u8, 0x81, 1, 0, 0x80, 0x89, 0x8a, 0x88, 0x82, 0xc1]);
    let payload = prop_oneof![
        "[a-cé€🦀]{0,120}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    (first, payload, any::<[u8; 4]>()).prop_map(|(first, payload, mask)| {
        let mut frame = Vec::new();
        encode_masked(Opcode::Text, &payload, mask, &mut frame);
        frame[0] = first;
        frame
    })
}

proptest! {
    #[test]
    fn every_way_to_cut_a_stream_gives_the_same_events(
        frames in prop::collection::vec(any_frame(), 0..8),
        cuts in prop::collection::vec(0usize..900, 0..16),
    ) {
        let stream = frames.concat();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.sort_unstable();
        cuts.push(stream.len());
        let mut at = 0;
        let pieces: Vec<&[u8]> = cuts
            .into_iter()
            .map(|cut| &stream[std::mem::replace(&mut at, cut)..cut])
            .collect();
        prop_assert_eq!(read(Role::Server, &pieces), read(Role::Server, &[&stream]));
    }

    #[test]
    fn what_is_written_is_read(texts in prop::collection::vec("[a-cé€🦀]{0,70}", 0..8), mask: [u8; 4]) {
        let (mut from_client, mut from_server) = (Vec::new(), Vec::new());
        for text in &texts {
            encode_masked(Opcode::Text, text.as_bytes(), mask, &mut from_client);
            encode(Opcode::Text, text.as_bytes(), &mut from_server);
        }
        for (role, stream) in [(Role::Server, from_client), (Role::Client, from_server)] {
            let (mut reader, mut input) = (Reader::new(role), &stream[..]);
            for text in &texts {
                prop_assert_eq!(reader.next(&mut input, MAX), Some(Ok(Event::Text(text))));
            }
            prop_assert_eq!(reader.next(&mut input, MAX), None);
        }
    }
}
