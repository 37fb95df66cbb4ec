//! From an address to a connected socket, within a time. Knows nothing of what is said on it.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::addr::{Address, Listen};
use crate::failure::CliError;

/// Connects to the first address that answers.
///
/// # Errors
/// No address, no answer within `timeout`, or the last address's refusal.
pub(super) fn dial(server: &Listen, timeout: Duration) -> Result<Socket, CliError> {
    let (outcome, arrived) = mpsc::sync_channel(1);
    let target = server.address.clone();
    // Neither the resolver nor a unix socket can be told how long it may take; a thread can be
    // left behind.
    let dialling = thread::Builder::new()
        .name("dial".to_owned())
        .spawn(move || {
            // Whoever asked may have given up.
            let _ = outcome.send(connect(&target, timeout));
        })
        .map_err(|error| failed(server, &error))?;
    match arrived.recv_timeout(timeout) {
        Ok(connected) => {
            // No thread is left, then, that could take signals from those who wait for them.
            let _ = dialling.join();
            connected.map_err(|error| failed(server, &error))
        }
        Err(_) => Err(no_answer(server, timeout)),
    }
}

pub(super) fn no_answer(server: &Listen, timeout: Duration) -> CliError {
    CliError::runtime(format!("connect to {server}: no answer within {timeout:?}"))
}

pub(super) fn failed(server: &Listen, error: &io::Error) -> CliError {
    CliError::runtime(format!("connect to {server}: {error}"))
}

fn connect(address: &Address, timeout: Duration) -> io::Result<Socket> {
    if let Address::Unix(path) = address {
        return Ok(UnixStream::connect(path)?.into());
    }
    let deadline = Instant::now() + timeout;
    Ok(connect_any(&address.resolve()?, deadline)?.into())
}

fn connect_any(candidates: &[SocketAddr], deadline: Instant) -> io::Result<TcpStream> {
    let mut last_error = io::Error::from(io::ErrorKind::NotFound);
    for (nth, candidate) in candidates.iter().enumerate() {
        // One that never answers must not use up the time of those after it.
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(candidates.len() - nth).unwrap_or(u32::MAX);
        match connect_tcp(candidate, share) {
            Ok(stream) => return Ok(stream),
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

fn connect_tcp(address: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(address, timeout)?;
    // What is typed should leave at once, and `--raw` promises a send for each line.
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use socket2::{Domain, Type};

    use super::*;

    #[test]
    fn a_name_is_tried_at_all_its_addresses() {
        let [dead, living] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [gone, there] = [&dead, &living].map(|listener| listener.local_addr().unwrap());
        drop(dead);
        let deadline = Instant::now() + Duration::from_secs(10);
        let stream = connect_any(&[gone, there], deadline).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), there);
        assert!(connect_any(&[gone], deadline).is_err());
    }

    #[test]
    fn an_address_that_does_not_answer_leaves_time_for_the_next() {
        let full = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        full.bind(&any.into()).unwrap();
        full.listen(0).unwrap();
        let silent = full.local_addr().unwrap().as_socket().unwrap();
        // The one place is taken, so the kernel drops the next one's SYN.
        let _first = TcpStream::connect(silent).unwrap();
        let living = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = living.local_addr().unwrap();
        let timeout = Duration::from_secs(2);
        let stream = connect_any(&[silent, there], Instant::now() + timeout).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), there);
    }
}
