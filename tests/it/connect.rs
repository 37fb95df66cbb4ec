//! `chinwag connect` against small servers of the tests' own.

mod person;
mod pipe;
mod room;
mod signals;
mod status;

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use crate::child::{PATIENCE, within};

/// A listener, and the arguments that reach it.
fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

fn accept(listener: &TcpListener) -> TcpStream {
    let listener = listener.try_clone().unwrap();
    let (stream, _) = within(move || listener.accept()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn connect(address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chinwag"));
    command.args(["connect", address]);
    command
}

/// Exactly as many bytes as are expected; what is sent later stays in the socket.
#[track_caller]
fn hears(mut stream: &TcpStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    stream.read_exact(&mut bytes).unwrap();
    assert!(bytes == expected, "{:?}", String::from_utf8_lossy(&bytes));
}

#[track_caller]
fn hears_end(mut stream: &TcpStream) {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(String::from_utf8_lossy(&rest), "");
}

/// Makes the close that follows a reset.
fn reset(stream: TcpStream) {
    let socket = socket2::SockRef::from(&stream);
    socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
}
