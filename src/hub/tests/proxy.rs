//! What stands between a node and Redis, and can cut, stall, delay, half-deliver and refuse.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(2);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Pass,
    /// Nothing goes on, in either direction; what was taken goes on later.
    Stall,
    /// Each piece goes on so much later.
    Delay(Duration),
    /// Whoever comes, and whoever is there, is hung up on.
    Refuse,
}

#[derive(Clone, Copy)]
pub(crate) enum Way {
    ToServer,
    ToClient,
}

struct State {
    mode: Mode,
    /// Connections of an earlier one are cut.
    epoch: u64,
    /// So many bytes still pass to the server, and to the client; then the connection is cut.
    until_cut: [Option<usize>; 2],
}

pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// To that port on loopback.
    pub(crate) fn start(to: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            mode: Mode::Pass,
            epoch: 0,
            until_cut: [None, None],
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else {
                    continue;
                };
                let (client2, server2) = (client.try_clone(), server.try_clone());
                let (Ok(client2), Ok(server2)) = (client2, server2) else {
                    continue;
                };
                pump(client, server, Way::ToServer, Arc::clone(&shared));
                pump(server2, client2, Way::ToClient, Arc::clone(&shared));
            }
        });
        Self { port, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.state.lock().unwrap().mode = mode;
    }

    /// Every connection that is there.
    pub(crate) fn cut(&self) {
        self.state.lock().unwrap().epoch += 1;
    }

    /// Cuts the connection by which so many bytes will have passed, in the middle of whatever it is.
    pub(crate) fn cut_after(&self, way: Way, bytes: usize) {
        self.state.lock().unwrap().until_cut[way as usize] = Some(bytes);
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, way: Way, state: Arc<Mutex<State>>) {
    let epoch = state.lock().unwrap().epoch;
    from.set_read_timeout(Some(LOOK_EVERY)).unwrap();
    from.set_nodelay(true).unwrap();
    to.set_nodelay(true).unwrap();
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        let may_go_on = || {
            let state = state.lock().unwrap();
            (state.epoch == epoch && state.mode != Mode::Refuse).then_some(state.mode)
        };
        while may_go_on().is_some() {
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    continue;
                }
                Err(_) => break,
            };
            loop {
                match may_go_on() {
                    Some(Mode::Stall) => thread::sleep(LOOK_EVERY),
                    Some(Mode::Delay(span)) => break thread::sleep(span),
                    _ => break,
                }
            }
            let passes = passing(&state, way, read);
            if may_go_on().is_none() || to.write_all(&buffer[..passes]).is_err() || passes < read {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}

/// How many of so many bytes pass.
fn passing(state: &Mutex<State>, way: Way, bytes: usize) -> usize {
    let mut state = state.lock().unwrap();
    let Some(left) = &mut state.until_cut[way as usize] else {
        return bytes;
    };
    if *left > bytes {
        *left -= bytes;
        return bytes;
    }
    let passes = (*left).min(bytes.saturating_sub(1));
    state.until_cut[way as usize] = None;
    passes
}
