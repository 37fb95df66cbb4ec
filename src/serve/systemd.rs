//! What systemd, or whatever speaks as it does, hands to the server, and what it is told: listening
//! sockets, that clients may come, that the loop goes on, that the server ends.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use listenfd::ListenFd;
use log::warn;

use crate::addr::Proto;
use crate::failure::CliError;
use crate::reactor::Supervisor;

/// The number of the first descriptor that is handed over.
const FIRST: usize = 3;

/// Whether listening sockets were handed to this process.
pub(crate) fn has_sockets() -> bool {
    let is_for_us = number("LISTEN_PID") == Some(u64::from(std::process::id()));
    is_for_us && number("LISTEN_FDS").is_some_and(|count| count > 0)
}

/// A listening socket that was handed over, and what is spoken there, if its name
/// (`FileDescriptorName=`) says so.
pub(super) type Handed = (Option<Proto>, OwnedFd);

/// The listening sockets that were handed to this process. To be called while there is one thread, and once.
pub(super) fn take_sockets() -> Result<Vec<Handed>, CliError> {
    if !has_sockets() {
        return Ok(Vec::new());
    }
    let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut names = names.split(':');
    let mut handed = ListenFd::from_env();
    let count = handed.len();
    let take = |at| {
        let proto = names.next().and_then(|name| name.parse().ok());
        let socket = take_socket(&mut handed, at).map_err(|error| {
            let number = FIRST + at;
            CliError::runtime(format!("take descriptor {number} from systemd: {error}"))
        })?;
        Ok((proto, socket))
    };
    (0..count).map(take).collect()
}

fn take_socket(handed: &mut ListenFd, at: usize) -> io::Result<OwnedFd> {
    if let Ok(Some(socket)) = handed.take_unix_listener(at) {
        return Ok(socket.into());
    }
    match handed.take_tcp_listener(at)? {
        Some(socket) => Ok(socket.into()),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

/// The service manager that has started the server, if one wants to be told anything.
pub(super) struct Manager {
    socket: UnixDatagram,
    /// It gives the server up that is silent for so long.
    watchdog: Option<Duration>,
}

impl Manager {
    /// The one of whom the environment tells. One that cannot be reached is logged, and no reason
    /// not to serve.
    pub(super) fn find() -> Option<Self> {
        let path = env::var_os("NOTIFY_SOCKET")?;
        match reach(&path) {
            Ok(socket) => Some(Self {
                socket,
                watchdog: watchdog(),
            }),
            Err(error) => {
                let path = path.display();
                warn!("tell the service manager at {path} how it goes: {error}");
                None
            }
        }
    }

    /// Clients may come.
    pub(super) fn on_ready(&self) {
        self.tell("READY=1");
    }

    /// A manager that does not listen is not waited for: the loop is the clients'.
    fn tell(&self, state: &str) {
        let _ = self.socket.send(state.as_bytes());
    }
}

impl Supervisor for Manager {
    fn interval(&self) -> Option<Duration> {
        self.watchdog.map(|limit| limit / 2)
    }

    fn on_alive(&mut self) {
        self.tell("WATCHDOG=1");
    }

    fn on_stopping(&mut self) {
        self.tell("STOPPING=1");
    }

    fn on_succeeded(&mut self, pid: u32) {
        self.tell(&format!("MAINPID={pid}"));
    }
}

/// A path, or, with an `@` before it, a name in the kernel's own space.
fn reach(path: &OsStr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    #[cfg(target_os = "linux")]
    if let Some(name) = path.as_encoded_bytes().strip_prefix(b"@") {
        use std::os::linux::net::SocketAddrExt as _;
        let name = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
        socket.connect_addr(&name)?;
        return Ok(socket);
    }
    socket.connect(path)?;
    Ok(socket)
}

/// How long the manager bears silence, if it was meant for this process.
fn watchdog() -> Option<Duration> {
    let is_for_us = match number("WATCHDOG_PID") {
        Some(pid) => pid == u64::from(std::process::id()),
        None => env::var_os("WATCHDOG_PID").is_none(),
    };
    let limit = number("WATCHDOG_USEC").filter(|usec| is_for_us && *usec > 0);
    limit.map(Duration::from_micros)
}

fn number(variable: &str) -> Option<u64> {
    env::var(variable).ok()?.parse().ok()
}
