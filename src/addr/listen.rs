//! What a server is asked to listen on: `[PROTO:]ADDR`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Address;
use crate::protocol::Opening;

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proto {
    /// What a client sends first decides.
    Auto,
    /// Lines, or whatever bytes the service takes.
    Lines,
    /// The same over TLS.
    Tls,
    /// A page, and a WebSocket.
    Http,
    /// The same over TLS.
    Https,
    /// Internet Relay Chat.
    Irc,
    /// The same over TLS.
    Ircs,
}

impl Proto {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Auto,
        Self::Lines,
        Self::Tls,
        Self::Http,
        Self::Https,
        Self::Irc,
        Self::Ircs,
    ];

    /// What `protos` are called, for people.
    pub(crate) fn list(protos: &[Self]) -> String {
        protos
            .iter()
            .map(|it| it.name())
            .collect::<Vec<_>>()
            .join(", ")
    }

    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Lines => "lines",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Https => "https",
            Self::Irc => "irc",
            Self::Ircs => "ircs",
        }
    }

    /// Whether every client speaks TLS.
    #[must_use]
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Https | Self::Ircs)
    }

    /// What clients speak there, inside TLS or not.
    pub(crate) fn opening(self) -> Opening {
        match self {
            Self::Auto => Opening::Auto,
            Self::Lines | Self::Tls => Opening::Lines,
            Self::Http | Self::Https => Opening::Http,
            Self::Irc | Self::Ircs => Opening::Irc,
        }
    }
}

impl FromStr for Proto {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let named = Self::ALL.into_iter().find(|proto| proto.name() == text);
        named.ok_or(())
    }
}

impl fmt::Display for Proto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An address to listen on, and what is spoken there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// `None`: what the service speaks unless it is told otherwise.
    pub proto: Option<Proto>,
    /// Where.
    pub address: Address,
}

impl FromStr for Listen {
    type Err = String;

    /// A host that is called as a protocol is needs one before it: `lines:irc:6667`.
    fn from_str(text: &str) -> Result<Self, String> {
        let prefixed = Proto::ALL.into_iter().find_map(|proto| {
            let rest = text.strip_prefix(proto.name())?.strip_prefix(':')?;
            Some((proto, rest))
        });
        Ok(match prefixed {
            Some((proto, rest)) => Self {
                proto: Some(proto),
                address: rest.parse()?,
            },
            None => Self {
                proto: None,
                address: text.parse().map_err(|why| no_proto(text).unwrap_or(why))?,
            },
        })
    }
}

/// What is wrong with an address that would be one without the word before it.
fn no_proto(text: &str) -> Option<String> {
    let (word, rest) = text.split_once(':')?;
    let is_word = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_meant = is_word && rest.parse::<Address>().is_ok();
    is_meant.then(|| format!("'{word}' is no PROTO: {}", Proto::list(&Proto::ALL)))
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(proto) = self.proto {
            write!(f, "{proto}:")?;
        }
        self.address.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_stands_before_any_address() {
        for (text, proto, address) in [
            ("7788", None, "127.0.0.1:7788"),
            ("tls:7788", Some(Proto::Tls), "127.0.0.1:7788"),
            ("irc::6667", Some(Proto::Irc), ":6667"),
            ("http:unix:/a", Some(Proto::Http), "unix:/a"),
            ("https:[::1]:1", Some(Proto::Https), "[::1]:1"),
            ("lines:irc:6667", Some(Proto::Lines), "irc:6667"),
            ("ircd:6667", None, "ircd:6667"),
        ] {
            let listen: Listen = text.parse().unwrap();
            assert_eq!(listen.proto, proto, "{text}");
            assert_eq!(listen.address.to_string(), address);
            let prefix = proto.map_or(String::new(), |proto| format!("{proto}:"));
            assert_eq!(listen.to_string(), format!("{prefix}{address}"));
        }
        for bad in ["tls:", "tls", "auto:host", "gopher:x:1"] {
            assert!(bad.parse::<Listen>().is_err(), "{bad}");
        }
        for bad in ["tcp:127.0.0.1:0", "LINES::0", "gopher:unix:/x"] {
            let (word, _) = bad.split_once(':').unwrap();
            let why = format!("'{word}' is no PROTO: auto, lines, tls, http, https, irc, ircs");
            assert_eq!(bad.parse::<Listen>(), Err(why));
        }
        let why = "::1:80".parse::<Listen>().unwrap_err();
        assert!(why.starts_with("an IPv6 address goes in brackets"), "{why}");
    }
}
