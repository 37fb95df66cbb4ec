//! How one process hands sockets, and what it knows of them, to another over a socket between the two.
//!
//! ```text
//!   new   hello: which version of the state it reads
//!   old   how many descriptors, how many bytes; the descriptors, some at once; the bytes
//!   new   ready: all is where it was, and it waits
//!   old   go; from here on the sockets are the other's
//! ```
//!
//! Until `go` the old process has everything still. It goes on by itself if anything fails, but ends
//! the other one first: never do two of them serve.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::cmsg_space;
use rustix::io::retry_on_intr;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// What the new process says first. The number is the state's: it goes up when an older state cannot
/// be read any more.
pub(super) const HELLO: &[u8] = b"chinwag takes over 1\n";

const READY: &[u8] = b"ready\n";
const GO: &[u8] = b"go\n";

/// Descriptors that go with one message; the kernel takes 253.
const DESCRIPTORS_AT_ONCE: usize = 200;

/// Bytes that are written, or read, at once.
const BYTES_AT_ONCE: usize = 256 * 1024;

/// How long the new process waits for whatever the old one says next.
const PATIENCE: Duration = Duration::from_secs(10);

/// The old process's end.
#[derive(Debug)]
pub(super) struct Giver {
    socket: UnixStream,
    /// When it is given up.
    until: Instant,
}

impl Giver {
    /// `socket` is blocking from here on.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn new(socket: UnixStream, until: Instant) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        Ok(Self { socket, until })
    }

    /// Hands everything over, and waits until the other one is ready.
    ///
    /// # Errors
    /// What the system says; [`TimedOut`](io::ErrorKind::TimedOut) when it takes too long.
    pub(super) fn give(&mut self, state: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let counts = [descriptors.len() as u64, state.len() as u64];
        self.write_all(&counts.map(u64::to_le_bytes).concat())?;
        for some in descriptors.chunks(DESCRIPTORS_AT_ONCE) {
            self.attempt(|socket| {
                let mut space =
                    [MaybeUninit::uninit(); cmsg_space!(ScmRights(DESCRIPTORS_AT_ONCE))];
                let mut control = SendAncillaryBuffer::new(&mut space);
                control.push(SendAncillaryMessage::ScmRights(some));
                let byte = [IoSlice::new(&[0])];
                Ok(sendmsg(socket, &byte, &mut control, SendFlags::NOSIGNAL)?)
            })?;
        }
        self.write_all(state)?;
        let mut answer = [0; READY.len()];
        let mut rest = &mut answer[..];
        while !rest.is_empty() {
            match self.attempt(|mut socket| socket.read(rest))? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => rest = &mut rest[count..],
            }
        }
        match answer == READY {
            true => Ok(()),
            false => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is not ready",
            )),
        }
    }

    /// The other one is to go on. If that is said, it does.
    ///
    /// # Errors
    /// What the system says: it has gone.
    pub(super) fn go(mut self) -> io::Result<()> {
        self.write_all(GO)
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let some = &bytes[..bytes.len().min(BYTES_AT_ONCE)];
            bytes = &bytes[self.attempt(|mut socket| socket.write(some))?..];
        }
        Ok(())
    }

    /// Does something with the socket while there is time. A signal breaks off what has a time limit,
    /// and is no reason to fail.
    fn attempt<T>(&self, mut call: impl FnMut(&UnixStream) -> io::Result<T>) -> io::Result<T> {
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.socket.set_write_timeout(Some(left))?;
            self.socket.set_read_timeout(Some(left))?;
            match call(&self.socket) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // So a timeout is told, as if the socket did not block.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(io::ErrorKind::TimedOut.into());
                }
                done => return done,
            }
        }
    }
}

/// The new process's end.
#[derive(Debug)]
pub(crate) struct Taker {
    socket: UnixStream,
    goes_on: bool,
}

/// One that does not go on says why, and ends. The other process hears of it by its end: it would not
/// let it finish what it says.
impl Drop for Taker {
    fn drop(&mut self) {
        if !self.goes_on {
            std::mem::forget(self.socket.try_clone());
        }
    }
}

impl Taker {
    pub(crate) fn new(socket: UnixStream) -> Self {
        Self {
            socket,
            goes_on: false,
        }
    }

    /// Says that all may come, and takes it: the state, and the descriptors.
    ///
    /// # Errors
    /// What the system says: the old process has gone, or has given this one up.
    pub(super) fn take(&mut self) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
        self.socket.set_nonblocking(false)?;
        self.socket.set_read_timeout(Some(PATIENCE))?;
        self.socket.write_all(HELLO)?;
        let (wanted, state_bytes) = (self.take_number()?, self.take_number()?);
        let mut descriptors = Vec::new();
        while (descriptors.len() as u64) < wanted {
            self.take_some(&mut descriptors)?;
        }
        let mut state = Vec::new();
        (&mut self.socket)
            .take(state_bytes)
            .read_to_end(&mut state)?;
        match state.len() as u64 == state_bytes {
            true => Ok((state, descriptors)),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn take_number(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.socket.read_exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn take_some(&mut self, into: &mut Vec<OwnedFd>) -> io::Result<()> {
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(DESCRIPTORS_AT_ONCE))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let read = retry_on_intr(|| {
            let into = &mut [IoSliceMut::new(&mut byte)];
            recvmsg(&self.socket, into, &mut control, RecvFlags::CMSG_CLOEXEC)
        })?;
        let before = into.len();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                into.extend(descriptors);
            }
        }
        // Descriptors that this process has no room for are dropped on the way.
        match read.bytes > 0 && into.len() > before {
            true => Ok(()),
            false => Err(io::Error::other("descriptors are missing")),
        }
    }

    /// Says that all is ready, and waits for the word to go on. It also goes on when the old process
    /// has gone without a word: nobody else would.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn wait_for_go(mut self) -> io::Result<()> {
        // One that has gone does not hear it.
        let _ = self.socket.write_all(READY);
        let mut word = Vec::new();
        (&mut self.socket)
            .take(GO.len() as u64)
            .read_to_end(&mut word)?;
        self.goes_on = word == GO || word.is_empty();
        match self.goes_on {
            true => Ok(()),
            false => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "no word to go on",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::thread;

    use super::*;

    fn pair(until: Duration) -> (Giver, Taker) {
        let (one, other) = UnixStream::pair().unwrap();
        let giver = Giver::new(one, Instant::now() + until).unwrap();
        (giver, Taker::new(other))
    }

    fn hear_hello(giver: &mut Giver) {
        let mut hello = [0; HELLO.len()];
        giver.socket.read_exact(&mut hello).unwrap();
        assert_eq!(hello, HELLO);
    }

    #[test]
    fn what_is_given_is_taken() {
        for (count, bytes) in [(0, 0), (1, 1), (200, 5), (450, 3_000_000)] {
            let (mut giver, mut taker) = pair(Duration::from_secs(20));
            let taking = thread::spawn(move || {
                let taken = taker.take().unwrap();
                taker.wait_for_go().unwrap();
                taken
            });
            hear_hello(&mut giver);
            let files: Vec<_> = (0..count).map(|_| tempfile::tempfile().unwrap()).collect();
            for (number, mut file) in files.iter().enumerate() {
                write!(file, "{number}").unwrap();
            }
            let state: Vec<u8> = (0..bytes).map(|at: usize| at.to_le_bytes()[0]).collect();
            let descriptors: Vec<_> = files.iter().map(|file| file.as_fd()).collect();
            giver.give(&state, &descriptors).unwrap();
            giver.go().unwrap();
            let (taken, descriptors) = taking.join().unwrap();
            assert!(taken == state, "{count} {bytes}");
            assert_eq!(descriptors.len(), count);
            for (number, descriptor) in descriptors.into_iter().enumerate() {
                use std::os::unix::fs::FileExt as _;
                let mut text = [0; 8];
                let count = std::fs::File::from(descriptor)
                    .read_at(&mut text, 0)
                    .unwrap();
                assert_eq!(text[..count], *number.to_string().as_bytes());
            }
        }
    }

    #[test]
    fn who_does_not_take_is_waited_for_until_then() {
        for hears in [0, HELLO.len()] {
            let (mut giver, taker) = pair(Duration::from_millis(100));
            let began = Instant::now();
            let state = vec![0; if hears == 0 { 10 } else { 10_000_000 }];
            let error = giver.give(&state, &[]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            assert!(began.elapsed() >= Duration::from_millis(100));
            drop(taker);
            assert!(giver.go().is_err());
        }
    }

    #[test]
    fn who_is_given_up_does_not_go_on_before_it_is_ready() {
        let (mut giver, mut taker) = pair(Duration::from_secs(20));
        let taking = thread::spawn(move || taker.take().map(drop));
        hear_hello(&mut giver);
        drop(giver);
        assert!(taking.join().unwrap().is_err());
    }

    #[test]
    fn who_is_ready_goes_on_alone() {
        let (giver, taker) = pair(Duration::from_secs(20));
        drop(giver);
        assert!(taker.wait_for_go().is_ok());
    }
}
