//! What time, quiet and the stream's end do, and what is kept meanwhile.

use super::*;

const NEVER: [Duration; 0] = [];

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[test]
fn silence_on_auto_is_a_client_of_lines() {
    let mut client = client(Opening::Auto);
    assert_eq!(client.wait(ms(99)), NEVER);
    assert_eq!(client.heard, []);
    assert_eq!(client.wait(ms(1000)), [ms(100)]);
    assert_eq!(client.heard, [LINES]);
    client.read(b"hi\n");
    assert_eq!(client.heard, [LINES, said("hi")]);
    // Nobody greets a client whose listener tells of it at once, or that has to speak first.
    for opening in [Opening::Lines, Opening::Irc] {
        assert_eq!(super::client(opening).wait(ms(9999)), NEVER);
    }
}

#[test]
fn what_is_ambiguous_waits_no_longer_than_200_ms() {
    for (opening, first, more, joined) in [
        (Opening::Auto, "GET /", "", vec![LINES]),
        (Opening::Auto, "NIC", "", vec![LINES]),
        (Opening::Auto, "NIC", "E", vec![LINES]),
        (Opening::Lines, "GET / HTTP/1.", "", vec![]),
        (Opening::Lines, "\x16\x03", "\x01", vec![]),
    ] {
        let mut client = client(opening);
        client.wait(ms(60));
        client.read(first.as_bytes());
        assert_eq!(client.wait(ms(150)), NEVER);
        if !more.is_empty() {
            client.read(more.as_bytes());
        }
        assert_eq!(client.wait(ms(49)), NEVER, "{first}");
        assert_eq!(client.heard, []);
        assert_eq!(client.wait(ms(1))[0], ms(260), "{first}");
        client.wait(ms(200));
        let text = said(&[first, more].concat());
        assert_eq!(client.heard, [joined, vec![text]].concat());
    }
    // One of IRC ends its lines itself.
    let mut client = client(Opening::Irc);
    client.read(b"PIN");
    assert_eq!(client.wait(ms(500)), [ms(200)]);
    client.read(b"G\r\n");
    assert_eq!(client.heard, [said("PING")]);
}

#[test]
fn a_request_that_lacks_its_lines_end_is_no_chat() {
    let why = "an HTTP request where lines are expected";
    for (opening, end) in [
        (Opening::Lines, vec![turned_away(why)]),
        (Opening::Irc, vec![turned_away(why)]),
        (Opening::Auto, vec![]),
    ] {
        let mut client = client(opening);
        client.read(b"GET / HTTP/1.1");
        assert_eq!(client.wait(ms(200)), [ms(200)], "{opening:?}");
        assert_eq!(client.heard, end, "{opening:?}");
        // On auto the rest of it may still come.
        if opening == Opening::Auto {
            client.read(b"\r\n\r\n");
            assert_eq!(status(&client.heard).0, "400");
        }
        let mut client = super::client(opening);
        client.read(b"GET / HTTP/1.1");
        client.end();
        let said: Vec<_> = (client.heard.iter())
            .filter(|heard| matches!(heard, Heard::Message(_)))
            .collect();
        assert!(said.is_empty(), "{opening:?}: {said:?}");
    }
}

#[test]
fn a_client_that_was_greeted_is_still_looked_at() {
    for (bytes, why) in [
        (
            &b"GET / HTTP/1.1\r\n"[..],
            "an HTTP request where lines are expected",
        ),
        (
            b"\x16\x03\x01\x02\x00\x01",
            "a TLS hello where lines are expected",
        ),
        (b"SSH-2.0-x\r\n", "an SSH client"),
    ] {
        let greeted = || {
            let mut client = client(Opening::Auto);
            client.setup.has_tls = true;
            client.wait(ms(150));
            client
        };
        assert_eq!(play_cut(greeted, bytes), [LINES, turned_away(why)]);
    }
    let mut client = client(Opening::Auto);
    client.wait(ms(150));
    client.read(b"NICK ann\r\n");
    assert_eq!(client.heard, [LINES, said("NICK ann")]);
}

#[test]
fn a_head_has_10_seconds() {
    let seconds = Duration::from_secs;
    let late = Some("an HTTP request that was not complete in 10 s");
    // Browsers connect before they know whether they will ask.
    let mut client = super::client(Opening::Http);
    assert_eq!(client.wait(seconds(60)), [seconds(10)]);
    assert_eq!(status(&client.heard), ("408".to_owned(), None));
    let slow = |mut client: Driver, bytes: &[u8], each: Duration| {
        let mut done = Vec::new();
        for byte in bytes.chunks(1).cycle() {
            if client.is_over() {
                return (client.heard, done);
            }
            client.read(byte);
            done = client.wait(each);
        }
        panic!("there are no bytes")
    };
    for byte in [b"G", b"/"] {
        let (heard, done) = slow(super::client(Opening::Http), byte, seconds(1));
        let is_late = byte == b"G";
        let expected = if is_late {
            ("408", late)
        } else {
            ("400", Some("a bad HTTP request"))
        };
        assert_eq!(status(&heard), (expected.0.to_owned(), expected.1));
        assert_eq!(done == [seconds(10)], is_late);
    }
    for opening in [Opening::Auto, Opening::Http] {
        let mut client = super::client(opening);
        client.wait(ms(50));
        client.read(b"GET / HTTP/1.1\r\n");
        let (heard, done) = slow(client, b"x", seconds(1));
        assert_eq!((status(&heard).1, done), (late, vec![seconds(10)]));
    }
    for (bytes, why) in [
        ("", "no PROXY header in 10 s"),
        ("PROXY ", "no PROXY header in 10 s"),
    ] {
        let mut client = Driver::new(Opening::Auto, Framing::Auto, true);
        if !bytes.is_empty() {
            client.read(bytes.as_bytes());
        }
        assert_eq!(client.wait(seconds(60)), [seconds(10)]);
        assert_eq!(client.heard, [turned_away(why)]);
    }
}

#[test]
fn the_times_begin_behind_the_proxy() {
    let mut client = Driver::new(Opening::Auto, Framing::Auto, true);
    client.wait(ms(5000));
    client.read(b"PROXY UNKNOWN\r\n");
    assert_eq!(client.wait(ms(500)), [ms(5100)]);
    assert_eq!(client.heard, [Heard::From(None), LINES]);
    let mut client = Driver::new(Opening::Http, Framing::Auto, true);
    client.wait(ms(5000));
    client.read(b"PROXY UNKNOWN\r\nGET");
    assert_eq!(client.wait(ms(60_000)), [ms(15_000)]);
}

#[test]
fn inside_of_tls_the_same_is_asked_again() {
    const HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01";
    let inside = || {
        let mut client = client(Opening::Auto);
        client.setup.has_tls = true;
        client.read(HELLO);
        assert_eq!(client.heard, [Heard::Tls(HELLO.to_vec())]);
        client.over_tls(None);
        client.heard.clear();
        client
    };
    assert_eq!(inside().session.joins_at_once(), None);
    assert_eq!(inside().wait(ms(500)), [ms(100)]);
    let heard = play_cut(inside, HELLO);
    assert_eq!(heard, [turned_away("a TLS hello inside of TLS")]);
    let heard = play_cut(inside, b"NICK ann\r\n");
    assert_eq!(heard, [IRC, said("NICK ann")]);
    let heard = play_cut(inside, b"GET /healthz HTTP/1.0\r\n\r\n");
    assert_eq!(status(&heard), ("200".to_owned(), None));
    // A listener of lines over TLS, directly and behind a proxy whose header came with the hello.
    for is_proxied in [false, true] {
        let mut client = Driver::new(Opening::Lines, Framing::Auto, is_proxied);
        let mut input = [b"PROXY UNKNOWN\r\n", HELLO].concat();
        if is_proxied {
            let setup = client.setup.clone();
            let (read, mut rest) = (input.clone(), &input[..]);
            client.session.on_read(&read, std::time::Instant::now());
            let output = client.session.next(&mut rest, &setup, false);
            assert_eq!(output, Some(Output::ProxiedFrom(None)));
            assert_eq!(rest, HELLO);
            input.clear();
        }
        client.over_tls(None);
        assert_eq!(client.session.joins_at_once(), Some(Encoding::Lines));
        client.read(b"hi\n");
        assert_eq!(client.heard, [said("hi")]);
    }
}

#[test]
fn what_a_tls_handshake_has_agreed_on_is_spoken_inside() {
    let inside = |opening, alpn: &[u8]| {
        let mut client = client(opening);
        client.setup.has_tls = true;
        if opening == Opening::Auto {
            client.read(b"\x16\x03\x01\x02\x00\x01");
        }
        client.over_tls(Some(alpn));
        client.heard.clear();
        client
    };
    // Its request may come a long round trip after the handshake's end.
    let mut browser = inside(Opening::Auto, b"http/1.1");
    assert_eq!(browser.session.joins_at_once(), None);
    assert!(browser.wait(ms(9_999)).is_empty());
    browser.read(b"GET /healthz HTTP/1.0\r\n\r\n");
    assert_eq!(status(&browser.heard), ("200".to_owned(), None));
    let mut silent = inside(Opening::Auto, b"http/1.1");
    assert_eq!(silent.wait(ms(10_000)), [ms(10_000)]);
    assert_eq!(status(&silent.heard).0, "408");
    let heard = play_cut(|| inside(Opening::Auto, b"http/1.1"), b"hi\r\n\r\n");
    assert_eq!(status(&heard).0, "400");
    let mut bot = inside(Opening::Auto, b"irc");
    assert_eq!(bot.session.joins_at_once(), Some(Encoding::Irc));
    assert!(bot.wait(ms(10_000)).is_empty());
    bot.read(b"ping x\r\n");
    assert_eq!(bot.heard, [said("ping x")]);
    // What the listener speaks counts before that, and what nobody speaks is nothing.
    for (opening, alpn) in [(Opening::Lines, &b"http/1.1"[..]), (Opening::Http, b"irc")] {
        let joins = inside(opening, alpn).session.joins_at_once();
        assert_eq!(joins, client(opening).session.joins_at_once());
    }
    assert_eq!(inside(Opening::Auto, b"h2").wait(ms(500)), [ms(100)]);
}

#[test]
fn keys_that_a_person_types_are_edited() {
    for opening in [Opening::Auto, Opening::Lines] {
        let heard = |reads: &[&str]| {
            let reads: Vec<&[u8]> = reads.iter().map(|read| read.as_bytes()).collect();
            let heard = play(client(opening), &reads);
            heard.last().cloned().unwrap()
        };
        assert_eq!(heard(&["G", "E", "\x08", "O", "\r\n"]), said("GO"));
        assert_eq!(heard(&["G", "E", "T", "\r\n"]), said("GET"));
        assert_eq!(heard(&["G", "é", "\x08", "O", "\r\n"]), said("GO"));
        assert_eq!(heard(&["GE", "\x08", "O", "\r\n"]), said("GE\x08O"));
        assert_eq!(heard(&["G", "ET", "\x08", "O", "\r\n"]), said("GET\x08O"));
        assert_eq!(heard(&["GET\x08 / HTTP\r\n"]), said("GET\x08 / HTTP"));
        let mut client = client(opening);
        client.read(b"G");
        client.wait(ms(200));
        for key in ["\x08", "h", "i", "\r\n"] {
            client.read(key.as_bytes());
        }
        assert_eq!(client.heard.last(), Some(&said("hi")));
    }
}

#[test]
fn what_is_held_at_the_end_is_lines() {
    let after = |opening, bytes: &[u8]| {
        let mut client = client(opening);
        if !bytes.is_empty() {
            client.read(bytes);
        }
        client.end();
        client.heard
    };
    let nothing = Heard::Last(Vec::new(), None);
    for (opening, bytes, expected) in [
        (Opening::Auto, &b""[..], vec![LINES]),
        (Opening::Auto, b"NICK", vec![LINES, said("NICK")]),
        (
            Opening::Auto,
            b"\x16\x03\x01\na",
            vec![LINES, said("\x16\x03\x01")],
        ),
        (Opening::Auto, b"hi", vec![LINES, said("hi")]),
        (Opening::Lines, b"", vec![]),
        (Opening::Lines, b"GET", vec![said("GET")]),
        (Opening::Lines, &[b'A'; 41], vec![Heard::TooLong]),
        // Half a line is none.
        (Opening::Irc, b"PING", vec![]),
        (Opening::Http, b"", vec![nothing.clone()]),
        (Opening::Http, b"GET", vec![nothing.clone()]),
        (
            Opening::Http,
            b"GET / HTTP/1.1\r\nHost",
            vec![nothing.clone()],
        ),
        (
            Opening::Auto,
            b"GET / HTTP/1.1\r\nHost",
            vec![nothing.clone()],
        ),
    ] {
        let text = bytes.escape_ascii();
        assert_eq!(after(opening, bytes), expected, "{opening:?} {text}");
    }
    let mut client = Driver::new(Opening::Lines, Framing::Auto, true);
    client.end();
    assert_eq!(client.heard, [nothing]);
    let mut client = Driver::new(Opening::Lines, Framing::Auto, true);
    client.read(b"PROXY");
    client.end();
    assert_eq!(client.heard, [turned_away("a PROXY header without an end")]);
    // The service hears of one that has ended as soon as it had come in.
    let heard = play_end(GET_WS);
    assert_eq!(heard[1..], [Heard::Joined(Encoding::Json, None)]);
}

fn play_end(bytes: &str) -> Vec<Heard> {
    let mut client = client(Opening::Auto);
    client.read(bytes.as_bytes());
    client.end();
    client.heard
}

#[test]
fn little_is_held_whatever_comes() {
    let shout = [b"AAAH /".to_vec(), vec![b'A'; 9_000]].concat();
    let head = [b"GET / HTTP/1.1\r\n".to_vec(), vec![b'a'; 9_000]].concat();
    let tlvs = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x08\xd8"[..], &[0; 9000]].concat();
    for opening in [
        Opening::Auto,
        Opening::Lines,
        Opening::Irc,
        Opening::Http,
        Opening::Bytes,
    ] {
        for is_proxied in [false, true] {
            for bytes in [&shout, &tlvs, &head] {
                for size in [7, 100, 5000, 9_100] {
                    let mut client = Driver::new(opening, Framing::Auto, is_proxied);
                    bytes.chunks(size).for_each(|piece| client.read(piece));
                    let kept = client.most_kept_bytes;
                    assert!(kept <= 8 * 1024, "{opening:?} {size} {kept}");
                }
            }
        }
    }
}
