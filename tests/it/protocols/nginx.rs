//! nginx as a proxy of streams that says where its clients come from.

use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::child::{PATIENCE, Running};
use crate::harness::skipped;

/// Where Debian's `libnginx-mod-stream` puts it.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

pub(super) struct Nginx {
    address: String,
    _running: Running,
    _folder: TempDir,
}

impl Nginx {
    /// In front of this address, on a port that was free a moment before: nginx cannot say which
    /// one the system has picked.
    pub(super) fn start(program: &str, upstream: &str) -> Option<Self> {
        if !std::path::Path::new(MODULE).exists() {
            skipped("nginx is here without libnginx-mod-stream");
            return None;
        }
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0")
                .unwrap()
                .local_addr()
                .unwrap();
            if let Some(nginx) = Self::start_at(program, &free.to_string(), upstream) {
                return Some(nginx);
            }
        }
        panic!("nginx does not start");
    }

    fn start_at(program: &str, address: &str, upstream: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let config = format!(
            "load_module {MODULE};\ndaemon off;\nmaster_process off;\npid {};\nerror_log {};\n\
             events {{}}\nstream {{ server {{ listen {address}; proxy_pass {upstream}; proxy_protocol on; }} }}\n",
            at("pid"),
            at("log"),
        );
        std::fs::write(at("config"), config).unwrap();
        let mut command = Command::new(program);
        command.args([
            "-p",
            folder.path().to_str().unwrap(),
            "-e",
            &at("log"),
            "-c",
            &at("config"),
        ]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let running = Running::new(command.spawn().unwrap());
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let log = std::fs::read_to_string(at("log")).unwrap_or_default();
            if log.contains("[emerg]") {
                eprintln!("{log}");
                return None;
            }
            // This one is a client of the server behind it, too, and gone at once.
            if TcpStream::connect(address).is_ok() {
                return Some(Self {
                    address: address.to_owned(),
                    _running: running,
                    _folder: folder,
                });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }
}
