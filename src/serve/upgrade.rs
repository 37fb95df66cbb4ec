//! The program itself, started anew to go on in this process's place; and the end of whoever was
//! started so.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use rustix::io::Errno;
use rustix::process::WaitOptions;
use signal_hook::consts::SIGCHLD;
use signal_hook::iterator::Signals;

use crate::failure::CliError;
use crate::reactor::{Launch, NewProcess, Taker};
use crate::signals::{self, HANDLED};

/// Tells a process that its stdin is the socket to the one in whose place it is to go on.
const TAKES_OVER: &str = "CHINWAG_TAKES_OVER";

/// What service managers tell one process by its id, which another has.
const OF_ONE_PROCESS: [&str; 4] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"];

/// How this program is started again as it was, from whatever then is at its path.
pub(super) fn launch() -> Launch {
    let program = program();
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
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
pub(super) fn program() -> PathBuf {
    let name = env::args_os().next().unwrap_or_default();
    let own = env::current_exe();
    let is_own = |path: &Path| match (path.canonicalize(), &own) {
        (Ok(path), Ok(own)) => path == *own,
        _ => false,
    };
    let named = match Path::new(&name).components().count() {
        1 => env::var_os("PATH").and_then(|folders| {
            let mut paths = env::split_paths(&folders).map(|folder| folder.join(&name));
            paths.find(|path| is_own(path))
        }),
        _ => std::path::absolute(&name).ok(),
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

/// Whether the end of this process is the end of all that it has started, as in a container.
pub(super) fn is_first_process() -> bool {
    std::process::id() == 1
}

/// Hands signals on to whoever goes on in this process's place, and ends with the last of them.
pub(super) fn outlive_successors() -> Result<(), CliError> {
    let fail = |why: String| CliError::runtime(format!("wait for the process that goes on: {why}"));
    let handled = HANDLED.into_iter().chain([SIGCHLD]);
    let mut signals = Signals::new(handled).map_err(|error| fail(error.to_string()))?;
    let mut last = ExitStatus::default();
    // One that has ended before has nobody told of it.
    for signal in [SIGCHLD].into_iter().chain(signals.forever()) {
        if signal != SIGCHLD {
            signals::send_to_all(signal);
        } else if !has_children(&mut last) {
            break;
        }
    }
    match last.success() {
        true => Ok(()),
        false => Err(fail(last.to_string())),
    }
}

/// Takes the ends of all children that have ended; returns whether there are others. `last` is how the
/// last one has.
fn has_children(last: &mut ExitStatus) -> bool {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some((_, status))) => *last = ExitStatus::from_raw(status.as_raw()),
            Ok(None) => return true,
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}
