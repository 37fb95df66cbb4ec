//! A script at the other end: stdin goes out as it is, arrivals go to stdout as they are.

use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::sync::Arc;
use std::thread;

use super::Config;
use super::link::Link;
use crate::failure::CliError;

const BUFFER_BYTES: usize = 64 * 1024;
/// With `--raw` a longer line goes out in several sends.
const RAW_LINE_MAX_BYTES: u64 = 64 * 1024;

/// Copies both ways until the server's end; `early` has come before. At stdin's end our side is shut down; a reader of
/// stdout that goes away ends it all, quietly.
///
/// # Errors
/// stdin cannot be read, stdout not be written, or the connection broke.
pub(super) fn run(config: &Config, link: &Arc<Link>, early: &[u8]) -> Result<(), CliError> {
    let (sending, is_raw) = (Arc::clone(link), config.raw);
    // Nobody waits for this thread: when the server has ended, stdin does not matter.
    let sender = thread::Builder::new().name("send".to_owned());
    let sender = sender
        .spawn(move || send(&sending, is_raw))
        .map_err(|error| super::broken(config, &error))?;
    match receive(link, early) {
        // The connection's end may be our own doing.
        Ok(()) if sender.is_finished() => match sender.join() {
            Ok(Err(error)) => Err(CliError::runtime(format!("read stdin: {error}"))),
            _ => Ok(()),
        },
        Ok(()) => Ok(()),
        Err(Broken::Socket(error)) => Err(super::broken(config, &error)),
        Err(Broken::Stdout(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(Broken::Stdout(error)) => Err(CliError::runtime(format!("write stdout: {error}"))),
    }
}

enum Broken {
    Socket(io::Error),
    Stdout(io::Error),
}

fn receive(link: &Link, early: &[u8]) -> Result<(), Broken> {
    let mut stdout = io::stdout().lock();
    let mut show = |bytes: &[u8]| {
        let shown = stdout.write_all(bytes).and_then(|()| stdout.flush());
        shown.map_err(Broken::Stdout)
    };
    show(early)?;
    let mut bytes = vec![0; BUFFER_BYTES];
    loop {
        match link.read(&mut bytes, None) {
            Ok(0) => return Ok(()),
            Ok(count) => show(&bytes[..count])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(Broken::Socket(error)),
        }
    }
}

/// Sends stdin, then shuts our side down, also when stdin breaks: only that is an error here,
/// for what breaks at the socket the receiver sees too.
fn send(link: &Link, is_raw: bool) -> io::Result<()> {
    let sent = match is_raw {
        true => send_lines(link),
        false => send_bytes(link),
    };
    link.end_our_side();
    sent
}

fn send_bytes(link: &Link) -> io::Result<()> {
    let mut stdin = io::stdin().lock();
    let mut bytes = vec![0; BUFFER_BYTES];
    loop {
        let count = match stdin.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if link.write_all(&bytes[..count]).is_err() {
            return Ok(());
        }
    }
}

fn send_lines(link: &Link) -> io::Result<()> {
    let mut stdin = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut bounded = stdin.by_ref().take(RAW_LINE_MAX_BYTES);
        if bounded.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        // Nothing cannot be sent.
        if !text.is_empty() && link.write_all(text).is_err() {
            return Ok(());
        }
    }
}
