//! From an address that was asked for to the listeners that it takes. Opens nothing itself.

use std::io;

use rustix::io::Errno;

use crate::addr::{Address, Listen, Proto};
use crate::failure::CliError;
use crate::serve::ServiceConfig;

/// Whether the service speaks what is to be spoken there, and has the certificate that it takes.
///
/// # Errors
/// One line: why it cannot be.
pub(crate) fn check(
    listener: &Listen,
    service: &ServiceConfig,
    has_certificate: bool,
) -> Result<(), CliError> {
    let proto = listener.proto.unwrap_or(service.proto());
    let protos = service.protos();
    let why = if !protos.contains(&proto) {
        format!("{proto} is not spoken here; {} are", Proto::list(protos))
    } else if !proto.is_tls() || has_certificate {
        return Ok(());
    } else if cfg!(feature = "tls") {
        "a certificate is missing; see --tls-cert and --tls-self-signed".to_owned()
    } else {
        "this chinwag was built without TLS (its cargo feature is 'tls')".to_owned()
    };
    Err(CliError::usage(format!("listen on {listener}: {why}")))
}

/// Opens, by `open`, each address that `asked` stands for, so that whoever dials the name gets here
/// by whichever address it picks; returns what `open` says of each.
///
/// An address that this machine does not have is passed over while the name has another: a hosts
/// file may well list `::1` where there is no IPv6. Any other failure is final: a server that
/// listened on one half of `localhost` while another has the other half would split a chat.
pub(super) fn open_all(
    asked: &Listen,
    protos: &[Proto],
    mut open: impl FnMut(&Address) -> io::Result<Address>,
) -> Result<Vec<Listen>, CliError> {
    let fail = |error| CliError::runtime(format!("listen on {asked}: {error}"));
    let mut opened = Vec::new();
    let mut absent = None;
    let addresses = asked.address.listen_addresses();
    let addresses = addresses.map_err(|error| match may_be_a_proto(asked) {
        true => {
            let protos = Proto::list(protos);
            let why = format!("listen on {asked}: {error}; a PROTO is one of {protos}");
            CliError::runtime(why)
        }
        false => fail(error),
    })?;
    for address in addresses {
        match open(&address) {
            Ok(address) => opened.push(Listen {
                proto: asked.proto,
                address,
            }),
            Err(error) if is_absent(&error) => absent = Some(error),
            Err(error) if address == asked.address => return Err(fail(error)),
            Err(error) => {
                let why = format!("listen on {asked}: at {address}: {error}");
                return Err(CliError::runtime(why));
            }
        }
    }
    match absent {
        Some(error) if opened.is_empty() => Err(fail(error)),
        _ => Ok(opened),
    }
}

/// Whether the word before the port may be meant for what is to be spoken there.
fn may_be_a_proto(asked: &Listen) -> bool {
    match &asked.address {
        Address::Tcp { host, .. } => asked.proto.is_none() && !host.contains(['.', ':']),
        Address::Any { .. } | Address::Unix(_) => false,
    }
}

/// Whether the machine has no such address, or none of its kind.
fn is_absent(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(errno: Errno) -> io::Error {
        io::Error::from_raw_os_error(errno.raw_os_error())
    }

    #[test]
    fn what_the_machine_does_not_have_is_named_if_there_is_nothing_else() {
        let asked: Listen = "127.0.0.1:7788".parse().unwrap();
        let refused = open_all(&asked, &[], |_| Err(error(Errno::ADDRNOTAVAIL))).unwrap_err();
        assert!(
            refused
                .to_string()
                .starts_with("listen on 127.0.0.1:7788: "),
            "{refused}"
        );
        let path: Listen = "tls:unix:/x".parse().unwrap();
        assert_eq!(
            open_all(&path, &[], |a| Ok(a.clone())),
            Ok(vec![path.clone()])
        );
    }
    #[test]
    fn a_word_that_is_no_host_may_be_meant_for_a_proto() {
        let protos = [Proto::Lines, Proto::Tls];
        for (text, is_told) in [
            ("no-such-proto:0", true),
            ("*:0", true),
            ("no.such.host.invalid:0", false),
            ("lines:no-such-host:0", false),
        ] {
            let asked: Listen = text.parse().unwrap();
            let why = open_all(&asked, &protos, |a| Ok(a.clone())).unwrap_err();
            let is_named = why.to_string().ends_with("; a PROTO is one of lines, tls");
            assert_eq!(is_named, is_told, "{why}");
        }
    }
}
