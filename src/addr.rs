//! Addresses as people type them: `HOST:PORT`, `[v6]:PORT`, `:PORT`, `PORT`, `unix:PATH`; and the
//! one function that resolves them. Opening sockets is for the modules that own them.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod listen;
mod network;

pub use listen::{Listen, Proto};
pub use network::Network;

/// The port that the tutorial's simulated chat used, on loopback.
pub const DEFAULT: &str = "127.0.0.1:7788";

/// An address that a server listens on or a client connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A host and a port.
    Tcp {
        /// Whatever the system's resolver takes: a name, an IPv4 address, or an IPv6 address
        /// without its brackets, with a scope (`fe80::1%eth0`, `fe80::1%2`) if it needs one.
        host: String,
        /// Port; 0 lets the system pick when listening.
        port: u16,
    },
    /// Every interface, IPv4 and IPv6; to connect to, this machine.
    Any {
        /// Port; 0 lets the system pick when listening.
        port: u16,
    },
    /// A unix stream socket.
    Unix(PathBuf),
}

impl Address {
    /// The socket addresses that this stands for, each once, in the resolver's order; none for a
    /// unix path. [`Address::Any`] gives loopback, v4 first, which is how one reaches it. An IPv4
    /// address that was written as an IPv6 one (`::ffff:127.0.0.1`) comes as IPv4.
    ///
    /// # Errors
    /// What the resolver says.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::Tcp { host, port } => {
                let found = (host.as_str(), *port).to_socket_addrs()?;
                match each_once(found) {
                    none if none.is_empty() => Err(io::Error::new(
                        io::ErrorKind::NotFound,
                        "the name has no address",
                    )),
                    addresses => Ok(addresses),
                }
            }
            Self::Any { port } => Ok(vec![
                SocketAddr::from(([127, 0, 0, 1], *port)),
                SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], *port)),
            ]),
            Self::Unix(_) => Ok(Vec::new()),
        }
    }

    /// What a server has to listen on so that this address leads to it: all addresses of a name.
    ///
    /// # Errors
    /// What the resolver says.
    pub(crate) fn listen_addresses(&self) -> io::Result<Vec<Self>> {
        match self {
            Self::Tcp { .. } => Ok(self.resolve()?.into_iter().map(Self::from).collect()),
            Self::Any { .. } | Self::Unix(_) => Ok(vec![self.clone()]),
        }
    }

    /// What a server's certificate has to be for, if it is there.
    #[cfg(any(feature = "bench", feature = "client"))]
    pub(crate) fn certificate_name(&self) -> &str {
        match self {
            Self::Tcp { host, .. } => host.split('%').next().unwrap_or(host),
            Self::Any { .. } | Self::Unix(_) => "localhost",
        }
    }

    /// Whether whoever connects to it reaches this machine. A name is not looked up, but for the
    /// usual one.
    #[cfg(feature = "bench")]
    pub(crate) fn is_this_machine(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => {
                host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
            }
            Self::Any { .. } | Self::Unix(_) => true,
        }
    }

    /// Whether clients can come from other machines. A name is not looked up: false.
    pub(crate) fn is_open_to_others(&self) -> bool {
        match self {
            Self::Tcp { host, .. } => {
                let ip = host.split_once('%').map_or(host.as_str(), |(ip, _)| ip);
                ip.parse::<IpAddr>().is_ok_and(|ip| !ip.is_loopback())
            }
            Self::Any { .. } => true,
            Self::Unix(_) => false,
        }
    }
}

/// A hosts file with a name on several lines makes the resolver repeat itself.
fn each_once(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses = Vec::new();
    for address in found.map(unmapped) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// An IPv4 address also where it was written as an IPv6 one.
fn unmapped(address: SocketAddr) -> SocketAddr {
    let port = address.port();
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => (v4, port).into(),
        IpAddr::V6(_) => address,
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
            _ => address.ip().to_string(),
        };
        let port = address.port();
        Self::Tcp { host, port }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err("a path is missing after 'unix:'".to_owned()),
                _ => Ok(Self::Unix(PathBuf::from(path))),
            };
        }
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self::Tcp {
                host: "127.0.0.1".to_owned(),
                port: parse_port(text)?,
            });
        }
        // The colons of an address in brackets are its own.
        let (host, port) = text
            .rsplit_once(':')
            .filter(|(_, port)| !port.is_empty() && !text.ends_with(']'))
            .ok_or("a port is missing; HOST:PORT, [v6]:PORT, :PORT, PORT or unix:PATH")?;
        let port = parse_port(port)?;
        if host.is_empty() {
            return Ok(Self::Any { port });
        }
        let host = match host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
            Some(v6) => check_v6(v6).map(|()| v6)?,
            None if host.contains(':') => {
                return Err("an IPv6 address goes in brackets: [v6]:PORT".to_owned());
            }
            None => host,
        };
        Ok(Self::Tcp {
            host: host.to_owned(),
            port,
        })
    }
}

/// Which scopes there are only the system knows.
fn check_v6(text: &str) -> Result<(), String> {
    let (ip, scope) = text.split_once('%').unwrap_or((text, "?"));
    if ip.parse::<std::net::Ipv6Addr>().is_err() {
        return Err(format!("'{ip}' is not an IPv6 address"));
    }
    match scope {
        "" => Err(format!("an interface is missing after '{ip}%'")),
        _ => Ok(()),
    }
}

/// Where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Peer {
    /// Another host, or this one, over TCP.
    Tcp(SocketAddr),
    /// Behind a unix socket, where nobody has an address.
    Unix,
}

impl From<SocketAddr> for Peer {
    /// A client of IPv4 that has come to a listener of IPv6 is one of IPv4.
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(unmapped(address))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix => f.write_str("unix"),
        }
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("'{text}' is not a port"));
    }
    text.parse()
        .map_err(|_| format!("port {text} is over 65535"))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Any { port } => write!(f, ":{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Result<Address, String> {
        Ok(Address::Tcp {
            host: host.to_owned(),
            port,
        })
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!("127.0.0.1:7788".parse(), tcp("127.0.0.1", 7788));
        assert_eq!("7788".parse(), tcp("127.0.0.1", 7788));
        assert_eq!("localhost:0".parse(), tcp("localhost", 0));
        assert_eq!("[::1]:80".parse(), tcp("::1", 80));
        assert_eq!("[fe80::1%lo]:80".parse(), tcp("fe80::1%lo", 80));
        assert_eq!("[fe80::1%2]:80".parse(), tcp("fe80::1%2", 80));
        assert_eq!(":7788".parse(), Ok(Address::Any { port: 7788 }));
        assert_eq!("unix:/a:b".parse(), Ok(Address::Unix("/a:b".into())));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "host",
            "host:",
            "::1:80",
            "[::1]",
            "[::1:80",
            "1:65536",
            "70000",
            "a:+1",
            "unix:",
            "[x]:1",
            "[fe80::1%]:1",
            "[%lo]:1",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_missing_port_is_what_is_missed() {
        for bad in ["", "host", "host:", ":", "[::1]", "[::1]:"] {
            let why = bad.parse::<Address>().unwrap_err();
            assert!(why.starts_with("a port is missing"), "{bad}: {why}");
        }
    }

    #[test]
    fn it_prints_as_it_is_typed() {
        for text in [
            "127.0.0.1:7788",
            "[::1]:80",
            "[fe80::1%lo]:80",
            ":7788",
            "unix:/tmp/x",
        ] {
            assert_eq!(
                text.parse::<Address>().map(|a| a.to_string()),
                Ok(text.to_owned())
            );
        }
    }

    fn address(text: &str) -> Address {
        text.parse().unwrap()
    }

    #[test]
    fn scopes_and_mapped_addresses_are_resolved() {
        let v6 = std::net::SocketAddrV6::new("::1".parse().unwrap(), 80, 0, 1);
        let scoped = address("[::1%1]:80").resolve().unwrap();
        assert_eq!(scoped, [SocketAddr::V6(v6)]);
        assert_eq!(Address::from(scoped[0]), address("[::1%1]:80"));
        assert!(address("[fe80::1%nowhere]:80").resolve().is_err());
        let v4 = SocketAddr::from(([127, 0, 0, 1], 80));
        for text in ["[::ffff:127.0.0.1]:80", "127.1:80", "127.0.0.1:80"] {
            assert_eq!(address(text).resolve().unwrap(), [v4], "{text}");
        }
    }

    #[test]
    fn a_repeated_address_counts_once() {
        let [one, other] = ["[::ffff:1.2.3.4]:1", "1.2.3.4:1"].map(|a| a.parse().unwrap());
        assert_eq!(each_once([one, other, one].into_iter()), [other]);
    }

    #[test]
    fn a_client_is_shown_as_what_it_is() {
        for (text, shown) in [
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("[::ffff:127.0.0.1]:1", "127.0.0.1:1"),
            ("[::1]:1", "[::1]:1"),
            ("[fe80::1%2]:1", "[fe80::1%2]:1"),
        ] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(Peer::from(address).to_string(), shown);
        }
    }

    #[test]
    fn only_loopback_and_unix_paths_are_out_of_reach() {
        for (text, is_open) in [
            ("127.0.0.1:1", false),
            ("[::1]:1", false),
            ("unix:/x", false),
            (":1", true),
            ("0.0.0.0:1", true),
            ("[fe80::1%2]:1", true),
        ] {
            assert_eq!(address(text).is_open_to_others(), is_open, "{text}");
        }
    }
}
