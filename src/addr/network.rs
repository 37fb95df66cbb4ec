//! Addresses that count as one.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::Peer;

/// The addresses that count as one. One IPv6 client has at least 2^64 addresses to choose from: a
/// /64 is what a subscriber gets. A dual-stack listener shows an IPv4 client as `::ffff:a.b.c.d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpAddr);

impl Network {
    /// That of a client; behind a unix socket nobody has one.
    #[must_use]
    pub fn of(peer: &Peer) -> Option<Self> {
        match peer {
            Peer::Tcp(address) => Some(Self::containing(address.ip())),
            Peer::Unix => None,
        }
    }

    /// The one that `text` means: an address, or an IPv6 one with `/64`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_suffix("/64");
        let ip: IpAddr = bare.unwrap_or(text).parse().ok()?;
        (bare.is_none() || ip.is_ipv6()).then(|| Self::containing(ip))
    }

    fn containing(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V6(ip) => Self(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into()),
            v4 => Self(v4),
        }
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is no address"))
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(ip) => write!(f, "{ip}"),
            IpAddr::V6(ip) => write!(f, "{ip}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_address_or_a_64() {
        let told = |text: &str| Network::parse(text).map(|network| network.to_string());
        for (text, network) in [
            ("10.0.0.1", Some("10.0.0.1")),
            ("::ffff:10.0.0.1", Some("10.0.0.1")),
            ("2001:db8::7", Some("2001:db8::/64")),
            ("2001:db8::7/64", Some("2001:db8::/64")),
            ("2001:db8:0:1::/64", Some("2001:db8:0:1::/64")),
            ("10.0.0.1/64", None),
            ("2001:db8::/32", None),
            ("ann", None),
            ("", None),
        ] {
            assert_eq!(told(text).as_deref(), network, "{text}");
        }
    }
}
