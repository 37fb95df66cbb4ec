//! A server started for one run and ended with it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::addr::Address;
use crate::failure::CliError;

/// How long it may take to listen.
const START_PATIENCE: Duration = Duration::from_secs(10);
const LISTENING: &str = "listening on ";
/// Tells the server which process has started it.
const STARTED_BY: &str = "CHINWAG_BENCH_PID";

/// A child process that serves; ended when dropped.
#[derive(Debug)]
pub(crate) struct OwnServer {
    child: Child,
    /// Where it listens.
    pub(crate) address: Address,
}

impl OwnServer {
    /// Starts this program with `arguments`, which have it serve `service`.
    ///
    /// # Errors
    /// It does not start, or does not listen in time.
    pub(crate) fn start(service: &str, arguments: &[OsString]) -> Result<Self, CliError> {
        let failed = |why: String| CliError::runtime(format!("start serve {service}: {why}"));
        let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
        let mut command = Command::new(program);
        // What is measured is what `arguments` say, whatever variables stand for other options.
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"CHINWAG_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            // Ctrl-C is for the run, which then ends the server.
            .process_group(0)
            .args(arguments)
            .env(STARTED_BY, std::process::id().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| failed(error.to_string()))?;
        let (told, first_line) = mpsc::channel();
        let stdout = child.stdout.take();
        // A pipe cannot be waited for with a timeout; a thread can be left behind.
        let reader = thread::Builder::new().spawn(move || {
            for line in stdout.into_iter().flat_map(|s| BufReader::new(s).lines()) {
                let Ok(line) = line else {
                    break;
                };
                // Who started it may have given up; the rest is read so that it never blocks.
                let _ = told.send(line);
            }
        });
        let waited = reader
            .map_err(|error| error.to_string())
            .and_then(|_| wait_for_address(&first_line));
        match waited {
            Ok(address) => Ok(Self { child, address }),
            Err(why) => {
                let _ = child.kill();
                let status = child.wait().map_or(String::new(), |s| format!(" ({s})"));
                Err(failed(format!("{why}{status}")))
            }
        }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a server that `bench` has started: asks the system to kill it when `bench` ends, however
/// that ends. Anywhere else nothing happens.
///
/// # Errors
/// `bench` has ended already, or the system does not do that.
pub(crate) fn end_with_bench() -> Result<(), CliError> {
    let Some(starter) = std::env::var_os(STARTED_BY) else {
        return Ok(());
    };
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .map_err(|error| CliError::runtime(format!("serve: follow its parent's end: {error}")))?;
    // The signal is for an end that is still to come.
    let parent = rustix::process::getppid().map_or(0, rustix::process::Pid::as_raw_pid);
    if starter.to_str() != Some(parent.to_string().as_str()) {
        return Err(CliError::runtime(
            "serve: the bench that started it has ended",
        ));
    }
    Ok(())
}

fn wait_for_address(lines: &mpsc::Receiver<String>) -> Result<Address, String> {
    let line = lines
        .recv_timeout(START_PATIENCE)
        .map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => format!("not listening after {START_PATIENCE:?}"),
            mpsc::RecvTimeoutError::Disconnected => "it ended at once".to_owned(),
        })?;
    line.strip_prefix(LISTENING)
        .ok_or_else(|| format!("it said '{line}'"))?
        .parse()
}
