//! A request's head: read in pieces, bounded, and looked things up in.

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::protocol::extend_within;

/// The most bytes that a head may have, its empty line included; over it: 431.
pub const MAX_HEAD_BYTES: usize = 8 * 1024;

/// The most headers that a head may have; over it: 431.
pub const MAX_HEADERS: usize = 100;

/// A request's head.
#[derive(Debug, PartialEq, Eq)]
pub struct Head<'a> {
    /// `GET`, in whatever case it came.
    pub method: &'a str,
    /// What of the target stands before a `?`.
    pub path: &'a str,
    /// What stands after it.
    pub query: &'a str,
    /// HTTP/1.1, not 1.0.
    pub is_http_1_1: bool,
    headers: Vec<(&'a str, &'a [u8])>,
}

/// Collects a head as it comes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct HeadReader {
    bytes: Vec<u8>,
}

impl HeadReader {
    /// Takes bytes off the front of `input` until the head is complete; what is left of `input`
    /// then comes after it. `None`: all of it is taken, and there must be more.
    ///
    /// # Errors
    /// What the client is to be told in place of an answer.
    pub fn read(&mut self, input: &mut &[u8]) -> Option<Result<Head<'_>, Refusal>> {
        if self.bytes.is_empty() {
            skip_empty_lines(input);
        }
        // Only a newline can complete a head: one that comes byte by byte is not read each time.
        while let Some(at) = memchr::memchr(b'\n', input) {
            let (line, rest) = input.split_at(at + 1);
            *input = rest;
            if !self.keep(line) {
                return Some(Err(Refusal::HeadTooLarge));
            }
            if self.bytes.ends_with(b"\n\r\n") || self.bytes.ends_with(b"\n\n") {
                return Some(parse(&self.bytes));
            }
        }
        if !self.keep(std::mem::take(input)) {
            return Some(Err(Refusal::HeadTooLarge));
        }
        None
    }

    /// Memory that is held.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn kept_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether they fit.
    fn keep(&mut self, bytes: &[u8]) -> bool {
        let mut left = bytes;
        extend_within(&mut self.bytes, &mut left, MAX_HEAD_BYTES);
        left.is_empty()
    }
}

impl<'a> Head<'a> {
    /// The values of the header `name`, in order.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let headers = self.headers.iter();
        let named = headers.filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        named.map(|(_, value)| *value)
    }

    /// The value of a header that may be there once; `None` when it is missing.
    ///
    /// # Errors
    /// [`Refusal::BadRequest`] when it is there twice, or no text.
    pub fn value(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        let mut values = self.values(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(Refusal::BadRequest);
        }
        let text = first.map(|value| std::str::from_utf8(value).map(str::trim));
        text.transpose().map_err(|_| Refusal::BadRequest)
    }

    /// Whether the header `name`, a list, has `token` in it, in whatever case.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.values(name)
            .flat_map(|value| value.split(|byte| *byte == b','))
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    }

    /// The value of `key` in the query.
    #[must_use]
    pub fn parameter(&self, key: &str) -> Option<&'a str> {
        let mut pairs = self.query.split('&').map(|pair| pair.split_once('='));
        pairs.find_map(|pair| {
            pair.filter(|(name, _)| *name == key)
                .map(|(_, value)| value)
        })
    }
}

/// Takes empty lines off the front of `input`: some clients send one before their request.
pub fn skip_empty_lines(input: &mut &[u8]) {
    let begin = input.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    *input = &input[begin.unwrap_or(input.len())..];
}

fn parse(bytes: &[u8]) -> Result<Head<'_>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooManyHeaders),
        Ok(httparse::Status::Partial) | Err(_) => return Err(Refusal::BadRequest),
    }
    let (Some(method), Some(target), Some(version)) =
        (request.method, request.path, request.version)
    else {
        return Err(Refusal::BadRequest);
    };
    let (path, query) = origin_form(target);
    let headers = request.headers.iter();
    Ok(Head {
        method,
        path,
        query,
        is_http_1_1: version == 1,
        headers: headers.map(|header| (header.name, header.value)).collect(),
    })
}

/// Path and query of a target, which a proxy may have given with its host.
fn origin_form(target: &str) -> (&str, &str) {
    let authority = target
        .strip_prefix("http://")
        .or(target.strip_prefix("https://"));
    let target = match authority {
        Some(rest) => rest.find(['/', '?']).map_or("/", |at| &rest[at..]),
        None => target,
    };
    let target = target.split('#').next().unwrap_or_default();
    target.split_once('?').unwrap_or((target, ""))
}
