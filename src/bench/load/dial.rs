//! Opening connections without waiting for them, from several addresses in turn where one has
//! too few ports. Knows what to dial, not why.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[cfg(target_os = "linux")]
use nix::sys::socket::{setsockopt, sockopt::IpBindAddressNoPort};
use socket2::{Domain, Socket, Type};

use crate::addr::Address;
use crate::reactor::Stream;

/// From one address to another some 28,000 connections are possible; a few of those ports are
/// always taken.
const PER_SOURCE_MAX: usize = 25_000;

/// Where connections go, and from where.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    target: Target,
    sources: Vec<IpAddr>,
    opened: usize,
}

#[derive(Debug, Clone)]
enum Target {
    Tcp(SocketAddr),
    Unix(std::path::PathBuf),
}

impl Route {
    /// The way to `address` for `connections`, from `sources` in turn, or from as many loopback
    /// addresses as are needed if there are none. Each thread begins with another one.
    ///
    /// # Errors
    /// The name has no address, or the system says why it cannot be looked up.
    pub(crate) fn new(
        address: &Address,
        sources: &[IpAddr],
        connections: usize,
        thread: usize,
    ) -> io::Result<Self> {
        if let Address::Unix(path) = address {
            return Ok(Self {
                target: Target::Unix(path.clone()),
                sources: Vec::new(),
                opened: 0,
            });
        }
        let target = reachable(&address.resolve()?)?;
        let sources = match sources {
            [] => loopback_sources(target.ip(), connections),
            given => given.to_vec(),
        };
        Ok(Self {
            target: Target::Tcp(target),
            sources,
            opened: thread,
        })
    }

    /// Begins one connection; it stands when the stream is writable.
    ///
    /// # Errors
    /// `WouldBlock`: a unix server has too many waiting, try again. Else what the system says.
    pub(crate) fn open(&mut self) -> io::Result<Stream> {
        let stream = match &self.target {
            Target::Unix(path) => Stream::Unix(mio::net::UnixStream::connect(path)?),
            Target::Tcp(target) => {
                let source = match self.sources.len() {
                    0 => None,
                    count => self.sources.get(self.opened % count).copied(),
                };
                Stream::Tcp(open_tcp(*target, source)?)
            }
        };
        self.opened += 1;
        Ok(stream)
    }
}

fn open_tcp(target: SocketAddr, source: Option<IpAddr>) -> io::Result<mio::net::TcpStream> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(source) = source {
        // The port is found when connecting, then: to look for one that nobody at all has takes
        // seconds of the kernel's time once there are thousands.
        #[cfg(target_os = "linux")]
        setsockopt(&socket, IpBindAddressNoPort, &true)?;
        socket.bind(&SocketAddr::new(source, 0).into())?;
    }
    match socket.connect(&target.into()) {
        Ok(()) => {}
        Err(error) if is_in_progress(&error) => {}
        Err(error) => return Err(error),
    }
    Ok(mio::net::TcpStream::from_std(socket.into()))
}

fn is_in_progress(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
        || error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error())
}

/// The first of several addresses of a name that somebody listens on. One address alone is not
/// tried: the first connection will tell.
fn reachable(addresses: &[SocketAddr]) -> io::Result<SocketAddr> {
    let timeout = std::time::Duration::from_secs(2);
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    if let [only] = addresses {
        return Ok(*only);
    }
    for address in addresses {
        match std::net::TcpStream::connect_timeout(address, timeout) {
            Ok(_) => return Ok(*address),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn loopback_sources(target: IpAddr, connections: usize) -> Vec<IpAddr> {
    let needed = connections.div_ceil(PER_SOURCE_MAX);
    if !target.is_loopback() || target.is_ipv6() || needed < 2 {
        return Vec::new();
    }
    // 127.0.0.0/8 is all ours.
    (1..=needed.min(250))
        .filter_map(|n| u8::try_from(n).ok())
        .map(|n| IpAddr::V4(Ipv4Addr::new(127, 0, 0, n)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_lends_more_addresses_when_ports_run_out() {
        let here = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(loopback_sources(here, 25_000), Vec::<IpAddr>::new());
        assert_eq!(
            loopback_sources(here, 50_001),
            [[127, 0, 0, 1], [127, 0, 0, 2], [127, 0, 0, 3]].map(IpAddr::from)
        );
        assert!(loopback_sources(IpAddr::from([10, 0, 0, 1]), 99_999).is_empty());
    }
}
