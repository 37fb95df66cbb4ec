//! One step of a TLS connection, whichever side: what rustls asks for, done.

use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use rustls::{CommonState, Error};

/// One side of a connection.
pub(super) enum Side {
    Server(Box<UnbufferedServerConnection>),
    Client(Box<UnbufferedClientConnection>),
}

impl Side {
    pub(super) fn common(&self) -> &CommonState {
        match self {
            Self::Server(connection) => connection,
            Self::Client(connection) => connection,
        }
    }

    /// Does the next step with what `buffer` holds; returns how much of it is done with.
    pub(super) fn step(&mut self, buffer: &mut [u8], sink: &mut Sink<'_>) -> (usize, Step) {
        match self {
            Self::Server(connection) => sink.take(connection.process_tls_records(buffer)),
            Self::Client(connection) => sink.take(connection.process_tls_records(buffer)),
        }
    }
}

/// Where what a step gives goes, and what it is to do when it can.
pub(super) struct Sink<'a> {
    /// What was opened goes here from `count` on, and to `opened` what does not fit.
    pub(super) into: &'a mut [u8],
    pub(super) count: &'a mut usize,
    pub(super) opened: &'a mut Vec<u8>,
    /// What the connection says of itself.
    pub(super) outgoing: &'a mut Vec<u8>,
    pub(super) has_ended: &'a mut bool,
    pub(super) request: Request<'a>,
}

/// What is to be sealed.
pub(super) enum Request<'a> {
    None,
    /// `plain`, as one record.
    Seal {
        plain: &'a [u8],
        record: &'a mut [u8],
    },
    /// That nothing more comes.
    CloseNotify(&'a mut [u8]),
}

/// What is to be done after a step.
pub(super) enum Step {
    /// The next one.
    Again,
    /// Nothing, until more has come.
    Wait,
    /// The request has made a record of this length.
    Sealed(usize),
    /// Nothing; but there may be an alert to be sent.
    Failed(Error),
}

impl Sink<'_> {
    /// Does what `status` asks for; returns how many bytes of the records are done with.
    pub(super) fn take<Data>(&mut self, status: UnbufferedStatus<'_, '_, Data>) -> (usize, Step) {
        let mut discard = status.discard;
        let step = match status.state {
            Err(error) => Step::Failed(error),
            Ok(ConnectionState::ReadTraffic(mut traffic)) => loop {
                match traffic.next_record() {
                    None => break Step::Again,
                    Some(Err(error)) => break Step::Failed(error),
                    Some(Ok(record)) => {
                        discard += record.discard;
                        self.put(record.payload);
                    }
                }
            },
            Ok(ConnectionState::EncodeTlsData(data)) => self.encode(data),
            Ok(ConnectionState::TransmitTlsData(data)) => {
                // It stands before whatever is written later.
                data.done();
                Step::Again
            }
            Ok(ConnectionState::PeerClosed) => {
                *self.has_ended = true;
                Step::Again
            }
            Ok(ConnectionState::WriteTraffic(traffic)) => self.seal(traffic),
            Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => Step::Wait,
            Ok(other) => Step::Failed(Error::General(format!("no answer to {other:?}"))),
        };
        (discard, step)
    }

    fn put(&mut self, bytes: &[u8]) {
        let room = &mut self.into[*self.count..];
        let (fits, more) = bytes.split_at(bytes.len().min(room.len()));
        room[..fits.len()].copy_from_slice(fits);
        *self.count += fits.len();
        self.opened.extend_from_slice(more);
    }

    fn encode<Data>(&mut self, mut data: EncodeTlsData<'_, Data>) -> Step {
        let start = self.outgoing.len();
        // It says how much room it needs.
        let required = match data.encode(&mut []) {
            Err(EncodeError::InsufficientSize(size)) => size.required_size,
            _ => 0,
        };
        self.outgoing.resize(start + required, 0);
        match data.encode(&mut self.outgoing[start..]) {
            Ok(_) => Step::Again,
            Err(error) => Step::Failed(Error::General(error.to_string())),
        }
    }

    fn seal<Data>(&mut self, mut traffic: WriteTraffic<'_, Data>) -> Step {
        let sealed = match std::mem::replace(&mut self.request, Request::None) {
            Request::None => return Step::Wait,
            Request::Seal { plain, record } => traffic.encrypt(plain, record),
            Request::CloseNotify(record) => traffic.queue_close_notify(record),
        };
        match sealed {
            Ok(length) => Step::Sealed(length),
            Err(EncryptError::EncryptExhausted) => Step::Failed(Error::EncryptError),
            Err(error) => Step::Failed(Error::General(error.to_string())),
        }
    }
}
