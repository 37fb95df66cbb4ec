//! The program itself, started anew to go on in this process's place; and the end of whoever was
//! started so.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::CliError;
use crate::reactor::{Launch, NewProcess, Taker};

/// Tells a process that its stdin is the socket to the one in whose place it is to go on.
const TAKES_OVER: &str = "CHINWAG_TAKES_OVER";

/// What service managers tell one process by its id, which another has.
const OF_ONE_PROCESS: [&str; 4] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"];

/// How this program is started again as it was, from whatever then is at its path.
pub(super) fn launch() -> Launch {
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    let program = program(&name);
    Box::new(move || {
        let (own, other) =
            UnixStream::pair().map_err(|error| format!("open a pair of sockets: {error}"))?;
        let mut command = Command::new(&program);
        command
            .arg0(&name)
            .args(&arguments)
            .env(TAKES_OVER, "1")
            .stdin(Stdio::from(OwnedFd::from(other)));
        for variable in OF_ONE_PROCESS {
            command.env_remove(variable);
        }
        let child = command.spawn();
        let child = child.map_err(|error| format!("start {}: {error}", program.display()))?;
        Ok(NewProcess::new(child, own))
    })
}

/// The path by which the program was started: a link in it may lead elsewhere by then.
pub(super) fn program(name: &OsStr) -> PathBuf {
    let own = env::current_exe();
    let is_own = |path: &Path| match (path.canonicalize(), &own) {
        (Ok(path), Ok(own)) => path == *own,
        _ => false,
    };
    let named = match Path::new(name).components().count() {
        1 => env::var_os("PATH").and_then(|folders| {
            let mut paths = env::split_paths(&folders).map(|folder| folder.join(name));
            paths.find(|path| is_own(path))
        }),
        _ => std::path::absolute(name).ok(),
    };
    match named.filter(|path| is_own(path)) {
        Some(path) => path,
        None => own.unwrap_or_else(|_| PathBuf::from(name)),
    }
}

/// The process in whose place this one is to go on, if it was started for that. To be called while
/// there is one thread, and once.
pub(super) fn predecessor() -> Result<Option<Taker>, CliError> {
    if env::var_os(TAKES_OVER).is_none() {
        return Ok(None);
    }
    let take = || -> io::Result<Taker> {
        let socket = io::stdin().as_fd().try_clone_to_owned()?;
        let nothing = std::fs::File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(&nothing)?;
        let socket = UnixStream::from(socket);
        // Of a stdin that is something else the variable says nothing.
        socket.peer_addr()?;
        Ok(Taker::new(socket))
    };
    take()
        .map(Some)
        .map_err(|error| failure(&error.to_string()))
}

/// Why this process cannot go on in the other's place.
pub(super) fn failure(why: &str) -> CliError {
    CliError::runtime(format!("take over from the process before: {why}"))
}
