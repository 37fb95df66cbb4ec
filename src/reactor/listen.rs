//! Opening listening sockets, with every option set that the defaults get wrong.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};

use super::net::{Listener, SocketFile};
use crate::addr::Address;

/// How many connections may wait to be accepted; mio's own bind would say 128.
const BACKLOG: i32 = 4096;

/// A peer that has silently gone is noticed after some two minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const KEEPALIVE_PROBES: u32 = 4;

/// As soon, when something is owed to it: keepalive does not look then, and the kernel would go
/// on trying for a quarter of an hour. One that is there but takes nothing counts as gone, too.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(120);

/// Opens `address` for listening; returns the socket and what to call it: the real address, with
/// the port that the system picked.
///
/// # Errors
/// What the system says.
pub(super) fn open(
    address: &Address,
    send_buffer_bytes: Option<usize>,
) -> io::Result<(Listener, Address)> {
    match address {
        Address::Unix(path) => {
            let socket = bind_unix(path)?;
            let listener = Listener::Unix {
                socket: mio::net::UnixListener::from_std(socket.into()),
                send_buffer_bytes,
                file: Some(SocketFile::new(path.clone())),
            };
            Ok((listener, address.clone()))
        }
        Address::Any { port } => {
            let any_v6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, *port));
            let any_v4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, *port));
            open_tcp(any_v6, false, send_buffer_bytes).or_else(|error| match no_v6(&error) {
                true => open_tcp(any_v4, false, send_buffer_bytes),
                false => Err(error),
            })
        }
        // Of a name's several addresses, the caller has chosen one.
        Address::Tcp { .. } => match address.resolve()?.first() {
            Some(&address) => open_tcp(address, true, send_buffer_bytes),
            None => Err(io::ErrorKind::NotFound.into()),
        },
    }
}

fn open_tcp(
    address: SocketAddr,
    only_v6: bool,
    send_buffer_bytes: Option<usize>,
) -> io::Result<(Listener, Address)> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    socket.set_reuse_address(true)?;
    set_options(&socket, send_buffer_bytes)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let listener = mio::net::TcpListener::from_std(socket.into());
    let real = listener.local_addr()?;
    Ok((Listener::Tcp(listener), real.into()))
}

/// Takes a socket that listens already; returns it and what to call it. `owns_file`: the file of a
/// unix socket goes with it. Else that is of who has opened it.
///
/// # Errors
/// It does not listen, or what the system says.
pub(super) fn adopt(
    socket: OwnedFd,
    send_buffer_bytes: Option<usize>,
    owns_file: bool,
) -> io::Result<(Listener, Address)> {
    let socket = Socket::from(socket);
    if !socket.is_listener()? || socket.r#type()? != Type::STREAM {
        let why = "it is no stream socket that listens";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let local = socket.local_addr()?;
    if let Some(address) = local.as_socket() {
        set_options(&socket, send_buffer_bytes)?;
        let listener = mio::net::TcpListener::from_std(socket.into());
        return Ok((Listener::Tcp(listener), address.into()));
    }
    socket.set_nonblocking(true)?;
    #[cfg(target_os = "linux")]
    let name = local.as_abstract_namespace();
    #[cfg(not(target_os = "linux"))]
    let name: Option<&[u8]> = None;
    let path = match (local.as_pathname(), name) {
        (Some(path), _) => path.to_path_buf(),
        (None, name) => {
            let name = String::from_utf8_lossy(name.unwrap_or_default());
            format!("@{name}").into()
        }
    };
    let listener = Listener::Unix {
        socket: mio::net::UnixListener::from_std(socket.into()),
        send_buffer_bytes,
        file: owns_file.then(|| SocketFile::new(path.clone())),
    };
    Ok((listener, Address::Unix(path)))
}

/// What is set on a listener, and handed on to every connection that is accepted there.
fn set_options(socket: &Socket, send_buffer_bytes: Option<usize>) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))?;
    if let Some(bytes) = send_buffer_bytes {
        socket.set_send_buffer_size(bytes)?;
    }
    Ok(())
}

fn no_v6(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL))
}

fn bind_unix(path: &Path) -> io::Result<Socket> {
    let bind = || -> io::Result<Socket> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        socket.listen(BACKLOG)?;
        Ok(socket)
    };
    match bind() {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path) => {
            std::fs::remove_file(path)?;
            bind()
        }
        result => result,
    }
}

/// Whether `path` is a socket that nobody listens on any more.
fn is_stale(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    let refused = || match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => false,
        Err(error) => error.kind() == io::ErrorKind::ConnectionRefused,
    };
    is_socket && refused()
}
