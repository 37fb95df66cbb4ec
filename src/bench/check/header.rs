//! What one message says of itself, as a line of text that passes through any line server
//! untouched: `CHECKSUM RUN SENDER SEQUENCE DUE padding`, all hexadecimal at fixed places.
//! Knows bytes only: no clock, no protocol, no connection.

/// The smallest text that has room for all fields, in bytes, without the newline.
pub(crate) const TEXT_BYTES_MIN: usize = 52;

/// The sequence numbers from here up are not used: a run ends before.
pub(crate) const SEQUENCE_END: u32 = u32::MAX;

/// The smallest text that also has room for the time at which it was really sent.
pub(crate) const TEXT_BYTES_MIN_WITH_SENT: usize = SENT_LOW_AT + 8;

const RUN_AT: usize = 9;
const SENDER_AT: usize = 18;
const SEQUENCE_AT: usize = 27;
const DUE_HIGH_AT: usize = 36;
const SENT_HIGH_AT: usize = TEXT_BYTES_MIN + 1;
const SENT_LOW_AT: usize = SENT_HIGH_AT + 8;
/// The checksum covers everything behind itself.
const COVERED_FROM: usize = 8;

/// The fields of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Tells one run's messages from another's.
    pub(crate) run: u32,
    /// Who sent it, from 0.
    pub(crate) sender: u32,
    /// Its place among that sender's messages, from 0.
    pub(crate) sequence: u32,
    /// When it was to be sent, in nanoseconds from the start of the run.
    pub(crate) due_ns: u64,
}

/// The bytes are not as they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Corrupt;

/// The padded text of a message of `text_bytes` with its fields still blank, to be filled by
/// [`Header::write`]; at least [`TEXT_BYTES_MIN`].
#[must_use]
pub(crate) fn template(text_bytes: usize) -> Vec<u8> {
    let mut text = vec![b' '; TEXT_BYTES_MIN.min(text_bytes)];
    // No blank at the end, which a server might trim.
    text.extend(
        (text.len()..text_bytes).map(|i| b".abcdefghijklmnopqrstuvwxyz"[(i - TEXT_BYTES_MIN) % 27]),
    );
    text
}

impl Header {
    /// Writes the fields and the checksum into `text`, which [`template`] has made.
    pub(crate) fn write(&self, text: &mut [u8]) {
        put(text, RUN_AT, self.run);
        put(text, SENDER_AT, self.sender);
        put(text, SEQUENCE_AT, self.sequence);
        put_time(text, DUE_HIGH_AT, self.due_ns);
        let sum = checksum(&text[COVERED_FROM..]);
        put(text, 0, sum);
    }

    /// As [`Self::write`], and says when the message was really sent, in place of padding: `text`
    /// has at least [`TEXT_BYTES_MIN_WITH_SENT`].
    pub(crate) fn write_with_sent(&self, text: &mut [u8], sent_ns: u64) {
        text[TEXT_BYTES_MIN] = b' ';
        put_time(text, SENT_HIGH_AT, sent_ns);
        self.write(text);
    }

    /// When a message that [`Self::write_with_sent`] has written was really sent.
    pub(crate) fn read_sent(text: &[u8]) -> u64 {
        take_time(text, SENT_HIGH_AT)
    }

    /// Reads `text`, a whole message without its newline.
    ///
    /// # Errors
    /// [`Corrupt`] when the checksum does not fit, or the text is too short to have one.
    #[inline]
    pub(crate) fn read(text: &[u8]) -> Result<Self, Corrupt> {
        if text.len() < TEXT_BYTES_MIN {
            return Err(Corrupt);
        }
        // The digits are compared as they stand, so that a changed letter case counts too.
        if eight(text, 0) != hex(checksum(&text[COVERED_FROM..])) {
            return Err(Corrupt);
        }
        Ok(Self {
            run: take(text, RUN_AT),
            sender: take(text, SENDER_AT),
            sequence: take(text, SEQUENCE_AT),
            due_ns: take_time(text, DUE_HIGH_AT),
        })
    }

    /// Whether `text`, which is whole, bears these digits.
    #[inline]
    pub(crate) fn is_of_run(text: &[u8], digits: [u8; 8]) -> bool {
        eight(text, RUN_AT) == digits
    }

    /// The digits of `run` as they stand in every message of it.
    #[must_use]
    pub(crate) fn run_digits(run: u32) -> [u8; 8] {
        hex(run)
    }
}

/// 32 bits of a multiply-and-fold hash in two lanes. Fields and padding of 100 bytes take it
/// some 6 ns, where a table-driven CRC-32 takes 40 (its fast form starts at 128 bytes); a
/// damaged message passes with a chance of one in 2^32, as with the CRC.
#[inline]
fn checksum(bytes: &[u8]) -> u32 {
    const KEYS: [u64; 4] = [
        0x9e37_79b9_7f4a_7c15,
        0xbf58_476d_1ce4_e5b9,
        0x94d0_49bb_1331_11eb,
        0xd6e8_feb8_6659_fd93,
    ];
    let (blocks, _) = bytes.as_chunks::<32>();
    let mut left = KEYS[0] ^ bytes.len() as u64;
    let mut right = KEYS[1];
    let mut mix = |block: &[u8; 32]| {
        let (words, _) = block.as_chunks::<8>();
        left = fold(
            left ^ u64::from_le_bytes(words[0]),
            KEYS[2] ^ u64::from_le_bytes(words[1]),
        );
        right = fold(
            right ^ u64::from_le_bytes(words[2]),
            KEYS[3] ^ u64::from_le_bytes(words[3]),
        );
    };
    blocks.iter().for_each(&mut mix);
    // The last 32 bytes once more: they cover what the whole blocks left over.
    if let Some(last) = bytes.last_chunk::<32>() {
        mix(last);
    }
    let both = fold(left ^ KEYS[3], right ^ KEYS[2]).to_le_bytes();
    u32::from_le_bytes([both[0], both[1], both[2], both[3]])
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let bytes = product.to_le_bytes();
    let (halves, _) = bytes.as_chunks::<8>();
    u64::from_le_bytes(halves[0]) ^ u64::from_le_bytes(halves[1])
}

const LOW_NIBBLES: u64 = 0x0f0f_0f0f_0f0f_0f0f;
const ONES: u64 = 0x0101_0101_0101_0101;

/// Eight digits at once: a nibble is spread to each byte, then turned into its letter.
#[inline]
fn hex(value: u32) -> [u8; 8] {
    let x = u64::from(value);
    let x = (x << 16 | x) & 0x0000_ffff_0000_ffff;
    let x = (x << 8 | x) & 0x00ff_00ff_00ff_00ff;
    let x = (x << 4 | x) & LOW_NIBBLES;
    let over_nine = ((x + 6 * ONES) >> 4) & ONES;
    (x + 0x30 * ONES + over_nine * 39).to_be_bytes()
}

/// The reverse of [`hex`]; other bytes give a wrong number, which the checksum has excluded.
#[inline]
fn unhex(digits: [u8; 8]) -> u32 {
    let x = u64::from_be_bytes(digits);
    let x = ((x & LOW_NIBBLES) + ((x >> 6) & ONES) * 9) & LOW_NIBBLES;
    let x = (x | x >> 4) & 0x00ff_00ff_00ff_00ff;
    let x = (x | x >> 8) & 0x0000_ffff_0000_ffff;
    let x = (x | x >> 16).to_be_bytes();
    u32::from_be_bytes([x[4], x[5], x[6], x[7]])
}

#[inline]
fn eight(text: &[u8], at: usize) -> [u8; 8] {
    text[at..].first_chunk().copied().unwrap_or_default()
}

#[inline]
fn take(text: &[u8], at: usize) -> u32 {
    unhex(eight(text, at))
}

#[inline]
fn take_time(text: &[u8], at: usize) -> u64 {
    u64::from(take(text, at)) << 32 | u64::from(take(text, at + 8))
}

#[inline]
fn put_time(text: &mut [u8], at: usize, ns: u64) {
    let [a, b, c, d, e, f, g, h] = ns.to_be_bytes();
    put(text, at, u32::from_be_bytes([a, b, c, d]));
    put(text, at + 8, u32::from_be_bytes([e, f, g, h]));
}

#[inline]
fn put(text: &mut [u8], at: usize, value: u32) {
    if let Some(place) = text[at..].first_chunk_mut() {
        *place = hex(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        run: 0x5f3a_9c01,
        sender: 9_999,
        sequence: 0xdead_beef,
        due_ns: 0x0123_4567_89ab_cdef,
    };

    fn text(bytes: usize) -> Vec<u8> {
        let mut text = template(bytes);
        HEADER.write(&mut text);
        text
    }

    #[test]
    fn what_is_written_is_read() {
        for bytes in [TEXT_BYTES_MIN, 54, 63, 99, 100, 1000] {
            assert_eq!(Header::read(&text(bytes)), Ok(HEADER), "{bytes}");
        }
    }

    #[test]
    fn the_real_time_is_read_where_it_was_written() {
        let mut text = template(TEXT_BYTES_MIN_WITH_SENT);
        HEADER.write_with_sent(&mut text, 0x0fed_cba9_8765_4321);
        assert_eq!(Header::read(&text), Ok(HEADER));
        assert_eq!(Header::read_sent(&text), 0x0fed_cba9_8765_4321);
        let shown = String::from_utf8(text).unwrap();
        assert!(shown.ends_with("89abcdef 0fedcba987654321"), "{shown}");
    }

    #[test]
    fn it_is_plain_text() {
        let shown = String::from_utf8(text(60)).unwrap();
        assert!(
            shown.ends_with(" 5f3a9c01 0000270f deadbeef 0123456789abcdef.abcdefg"),
            "{shown}"
        );
        assert_eq!(&text(60)[9..17], &Header::run_digits(HEADER.run));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for bytes in [TEXT_BYTES_MIN, 99] {
            let whole = text(bytes);
            for at in 0..bytes * 8 {
                let mut damaged = whole.clone();
                damaged[at / 8] ^= 1 << (at % 8);
                assert_eq!(Header::read(&damaged), Err(Corrupt), "bit {at} of {bytes}");
            }
        }
    }

    #[test]
    fn a_cut_or_mended_text_is_noticed() {
        let whole = text(99);
        for kept in 0..99 {
            assert_eq!(Header::read(&whole[..kept]), Err(Corrupt), "{kept}");
        }
        let mut other = template(99);
        Header {
            sequence: 7,
            ..HEADER
        }
        .write(&mut other);
        other[..20].copy_from_slice(&whole[..20]);
        assert_eq!(Header::read(&other), Err(Corrupt));
    }
}
