//! Is the instrument true over TLS, and does it know whom it talks to?

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;

use crate::bench_peers::{assert_counts, bench, number, program, wide};
use crate::harness::Launch;
use crate::tls::certificates::{Authority, Pair};

/// A run against a server of the program's own.
fn own(words: &str) -> Value {
    let output = program()
        .arg("bench")
        .args(words.split(' '))
        .arg("--json")
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let verdict = report["verdict"].as_str().unwrap();
    assert_eq!(verdict, "ok", "{words}");
    report
}

#[test]
fn our_own_services_are_good_over_tls() {
    for words in [
        "echo",
        "room --senders 2",
        "room --senders 2 --protocol ws",
        "room --senders 2 --protocol irc --threads 2",
    ] {
        let report = own(&format!("{words} --tls -c 6 -d 300ms --warmup 0"));
        assert!(number(&report, "/received") > 0.0);
        assert_eq!(number(&report, "/tls_handshake_us/count"), 6.0, "{words}");
        let (kernel, tls) = ("/handshake_us/max", "/tls_handshake_us/max");
        assert!(number(&report, kernel) < number(&report, tls), "{words}");
    }
    let plain = own("echo -c 2 -d 100ms --warmup 0");
    assert!(plain["tls_handshake_us"].is_null() && plain["tls_resumed"].is_null());
}

#[test]
fn handshakes_are_full_ones_unless_they_are_to_resume() {
    let load = "echo --tls -c 2 -d 500ms --warmup 0 --churn 40";
    let full = own(load);
    assert!(number(&full, "/background/served") > 5.0);
    assert_eq!(full["tls_resumed"], 0);
    let resumed = own(&format!("{load} --tls-resume"));
    assert!(number(&resumed, "/tls_resumed") > 5.0, "{resumed}");
}

/// An echo over TLS that sends every 500th line of a connection twice.
fn doubling(pair: &Pair) -> SocketAddr {
    let certificates = CertificateDer::pem_file_iter(pair.certificate()).unwrap();
    let certificates = certificates.map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(pair.key()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .unwrap();
    let (config, listener) = (Arc::new(config), wide());
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (config, stream) = (Arc::clone(&config), stream.unwrap());
            thread::spawn(move || {
                let connection = ServerConnection::new(config).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                let (mut seen, mut line, mut byte) = (0, Vec::new(), [0]);
                while std::io::Read::read_exact(&mut stream, &mut byte).is_ok() {
                    line.push(byte[0]);
                    if byte == *b"\n" {
                        seen += 1;
                        let times = if seen % 500 == 0 { 2 } else { 1 };
                        let said = std::mem::take(&mut line).repeat(times);
                        // The client may be gone.
                        let _ = std::io::Write::write_all(&mut stream, &said);
                    }
                }
            });
        }
    });
    address
}

#[test]
fn a_fault_is_found_through_tls() {
    let authority = Authority::new();
    let address = doubling(&authority.signs(&["127.0.0.1"])).to_string();
    let load = "-c 1 --tls -n 1200 --warmup 0 --pipeline 16";
    // The first line was the one that found out that it is there.
    assert_counts(&bench("echo", &address, load), [0, 2, 0, 0]);
}

#[test]
fn who_it_is_matters_where_it_is_asked() {
    let authority = Authority::new();
    let pair = authority.signs(&["127.0.0.1"]);
    let files = ["--tls-cert", pair.certificate(), "--tls-key", pair.key()];
    let server = Launch::new("echo")
        .listen(&["tls:127.0.0.1:0"])
        .args(&files);
    let server = server.start();
    let address = server.address().strip_prefix("tls:").unwrap();
    let plain = Launch::new("reply").start();
    let stranger = Authority::new();
    let (known, other) = (authority.file(), stranger.file());
    let zeros = "00".repeat(32);
    for (address, options, why) in [
        (address, String::new(), ""),
        (address, format!("--tls-ca {known}"), ""),
        (
            address,
            format!("--tls-ca {other}"),
            "nobody that is trusted here",
        ),
        (
            address,
            format!("--tls-fingerprint {zeros}"),
            "another fingerprint",
        ),
        (plain.address(), String::new(), "what comes is no TLS"),
    ] {
        let load = format!("-c 2 -d 100ms --warmup 0 --tls {options}");
        let (report, output) = bench("echo", address, &load);
        let verdict = report["verdict"].as_str().unwrap();
        assert!(verdict.contains(why), "{options}: {verdict}");
        let code = if why.is_empty() { 0 } else { 1 };
        assert_eq!(output.status.code(), Some(code), "{options}: {verdict}");
    }
}
