//! Addresses as people type them: `HOST:PORT`, `[v6]:PORT`, `:PORT`, `PORT`, `unix:PATH`.
//! Text only: opening sockets is for the rooms that own them.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

/// The port that the tutorial's simulated chat used, on loopback.
pub const DEFAULT: &str = "127.0.0.1:7788";

/// An address that a server listens on or a client connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A host name or IP address (v6 without its brackets) and a port.
    Tcp {
        /// Name or address.
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
    /// The socket addresses that this stands for, in the resolver's order; none for a unix
    /// path. [`Address::Any`] gives loopback, v4 first, which is how one reaches it.
    ///
    /// # Errors
    /// What the resolver says.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::Tcp { host, port } => Ok((host.as_str(), *port).to_socket_addrs()?.collect()),
            Self::Any { port } => Ok(vec![
                SocketAddr::from(([127, 0, 0, 1], *port)),
                SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], *port)),
            ]),
            Self::Unix(_) => Ok(Vec::new()),
        }
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
            Some(v6) => v6
                .parse::<std::net::Ipv6Addr>()
                .map(|_| v6)
                .map_err(|_| format!("'{v6}' is not an IPv6 address"))?,
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

/// Where a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Another host, or this one, over TCP.
    Tcp(SocketAddr),
    /// Behind a unix socket, where nobody has an address.
    Unix,
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
        assert_eq!(":7788".parse(), Ok(Address::Any { port: 7788 }));
        assert_eq!("unix:/a:b".parse(), Ok(Address::Unix("/a:b".into())));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "", "host", "host:", "::1:80", "[::1]", "[::1:80", "1:65536", "70000", "a:+1", "unix:",
            "[x]:1",
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
        for text in ["127.0.0.1:7788", "[::1]:80", ":7788", "unix:/tmp/x"] {
            assert_eq!(
                text.parse::<Address>().map(|a| a.to_string()),
                Ok(text.to_owned())
            );
        }
    }
}
