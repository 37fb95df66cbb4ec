//! Clients that others have made: openssl's, and Python's.

use super::{output, serve, tls_address};

#[test]
fn openssl_talks_in_both_versions_and_believes_the_certificate() {
    let (server, authority) = serve("reply", &["--text", "thank you !\n"]);
    for version in ["-tls1_2", "-tls1_3"] {
        let file = authority.file();
        let address = tls_address(&server);
        let arguments = [
            "s_client",
            "-connect",
            address,
            "-CAfile",
            &file,
            "-verify_return_error",
            "-verify_hostname",
            "localhost",
            "-ign_eof",
            version,
        ];
        let Some(said) = output("openssl", &arguments, "hello\n") else {
            return;
        };
        assert!(said.contains("Verify return code: 0 (ok)"), "{said}");
        assert!(said.contains("thank you !"), "{said}");
    }
}

/// Reads to a clean end, in which `unwrap` hears the server's close_notify; then once more, with
/// the session of before.
const PYTHON: &str = r#"
import socket, ssl, sys
host, port, ca = sys.argv[1:4]
for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = context.maximum_version = version
    session = None
    for turn in range(2):
        raw = socket.create_connection((host, int(port)), timeout=15)
        sock = context.wrap_socket(raw, server_hostname="localhost",
                                   suppress_ragged_eofs=False, session=session)
        assert sock.session_reused == (turn == 1), (version, turn)
        sock.sendall(b"x" * 100_000)
        heard = b""
        while len(heard) < 100_000:
            heard += sock.recv(65536)
        assert heard == b"x" * 100_000
        session = sock.session
        # Half-closes with a close_notify, and hears the other one.
        raw = sock.unwrap()
        assert raw.recv(10) == b"", version
        raw.close()
print("fine")
"#;

#[test]
fn python_ends_cleanly_and_resumes_its_session() {
    let (server, authority) = serve("echo", &[]);
    let (host, port) = tls_address(&server).rsplit_once(':').unwrap();
    let file = authority.file();
    if let Some(said) = output("python3", &["-c", PYTHON, host, port, &file], "") {
        assert_eq!(said, "fine\n");
    }
}
