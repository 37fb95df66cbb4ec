//! One HTTP request, and what is answered to it up to a clean end of the connection.

use crate::peer::Peer;

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// Reads the head alone.
    #[track_caller]
    pub(super) fn head(peer: &mut Peer) -> Self {
        let mut lines = Vec::new();
        loop {
            let line = peer.line();
            let line = line
                .strip_suffix('\r')
                .unwrap_or_else(|| panic!("no CRLF: {line:?}"));
            if line.is_empty() {
                break;
            }
            lines.push(line.to_owned());
        }
        let status = lines[0]
            .strip_prefix("HTTP/1.1 ")
            .unwrap_or_else(|| panic!("{:?}", lines[0]));
        let headers = lines[1..].iter().map(|line| {
            let (name, value) = line
                .split_once(':')
                .unwrap_or_else(|| panic!("a header: {line:?}"));
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        Self {
            status: status[..3].parse().unwrap(),
            headers: headers.collect(),
            body: Vec::new(),
        }
    }

    /// Reads all of it, and the end of the connection.
    #[track_caller]
    pub(super) fn whole(peer: &mut Peer) -> Self {
        let mut answer = Self::head(peer);
        answer.body = peer.rest();
        answer
    }

    /// From bytes that were read elsewhere.
    #[track_caller]
    pub(super) fn of(bytes: &[u8]) -> Self {
        let at = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .expect("a whole head");
        let head = std::str::from_utf8(&bytes[..at]).expect("UTF-8");
        let (first, rest) = head.split_once("\r\n").unwrap_or((head, ""));
        let headers = rest.split("\r\n").filter_map(|line| line.split_once(':'));
        Self {
            status: first.split(' ').nth(1).expect("a status").parse().unwrap(),
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect(),
            body: bytes[at + 4..].to_vec(),
        }
    }

    /// The only header of this name.
    #[track_caller]
    pub(super) fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(n, _)| n == name);
        let (_, value) = found
            .next()
            .unwrap_or_else(|| panic!("no {name}: {:?}", self.headers));
        assert!(found.next().is_none(), "{name} twice: {:?}", self.headers);
        value
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
}

/// Sends these bytes, and reads the answer and the end.
#[track_caller]
pub(super) fn ask(address: &str, request: impl AsRef<[u8]>) -> Answer {
    let mut peer = Peer::to(address);
    peer.send(request);
    Answer::whole(&mut peer)
}

#[track_caller]
pub(super) fn get(address: &str, target: &str) -> Answer {
    ask(address, request("GET", target, ""))
}

/// A request as any client makes it; `headers` each with its line end.
pub(super) fn request(method: &str, target: &str, headers: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: chat.example\r\n{headers}\r\n")
}
