//! Where clients come in: listeners that are opened, that systemd has handed over, or that the process
//! has in whose place this one goes on.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use log::warn;

use super::logging::Log;
use super::operator::OperatorConsole;
use super::{Config, listeners, systemd, upgrade};
use crate::addr::{Address, Listen};
use crate::failure::CliError;
use crate::reactor::{Reactor, ServiceId, Taker};
use crate::service::{Figures, Service};
use crate::services::metrics::Metrics;

/// Where clients come in, and where the server tells how it does.
pub(super) struct Listening {
    pub(super) listeners: Vec<Listen>,
    metrics: Option<Address>,
}

/// Goes on with the clients and the listeners of the process before.
pub(super) fn take_over(
    config: &Config,
    taker: &mut Taker,
    log: &Log,
    reactor: &mut Reactor,
) -> Result<Listening, CliError> {
    let taken = reactor.take_over(taker, config.send_buffer_bytes());
    let taken = taken.map_err(|why| upgrade::failure(&why))?;
    let metrics = taken.aside.map(|(listener, address)| {
        let served = reactor.serve_aside(listener, metrics_service(log));
        served.map(|()| address)
    });
    let metrics = metrics.transpose();
    Ok(Listening {
        listeners: taken.listeners,
        metrics: metrics.map_err(|error| upgrade::failure(&error.to_string()))?,
    })
}

/// Takes the listeners that systemd has handed over, and opens those that are asked for.
pub(super) fn open(
    config: &Config,
    handed: Vec<systemd::Handed>,
    log: &Log,
    reactor: &mut Reactor,
    service: ServiceId,
) -> Result<Listening, CliError> {
    Ok(Listening {
        listeners: open_listeners(config, handed, reactor, service)?,
        metrics: open_metrics(config, log, reactor)?,
    })
}

fn open_listeners(
    config: &Config,
    handed: Vec<systemd::Handed>,
    reactor: &mut Reactor,
    service: ServiceId,
) -> Result<Vec<Listen>, CliError> {
    let send_buffer_bytes = config.send_buffer_bytes();
    let mut opened = Vec::new();
    for (proto, socket) in handed {
        let spoken = proto.unwrap_or(config.service.proto());
        let attempt =
            |error| CliError::runtime(format!("listen on a socket of systemd's: {error}"));
        let address = reactor.adopt(socket, spoken, service, send_buffer_bytes);
        let address = address.map_err(attempt)?;
        let listener = Listen { proto, address };
        listeners::check(&listener, &config.service, config.tls.is_some())?;
        opened.push(listener);
    }
    for asked in &config.listen {
        let proto = asked.proto.unwrap_or(config.service.proto());
        let open =
            |address: &Address| reactor.listen_for(address, proto, service, send_buffer_bytes);
        opened.extend(listeners::open_all(asked, config.service.protos(), open)?);
    }
    Ok(opened)
}

/// Listens where the server tells how it does; returns the real address.
fn open_metrics(
    config: &Config,
    log: &Log,
    reactor: &mut Reactor,
) -> Result<Option<Address>, CliError> {
    let Some(asked) = &config.metrics else {
        return Ok(None);
    };
    let opened = reactor.listen_aside(asked, metrics_service(log));
    let fail = |error| CliError::runtime(format!("listen on {asked} for --metrics: {error}"));
    let address = opened.map_err(fail)?;
    if address.is_open_to_others() {
        warn!("metrics at {address} can be read from other machines");
    }
    Ok(Some(address))
}

/// Who tells how the server does, once its figures are there.
fn metrics_service(log: &Log) -> impl FnOnce(Rc<RefCell<Figures>>) -> Box<dyn Service> {
    let dropped_lines = log.dropped_lines();
    |figures| Box::new(Metrics::new(figures, dropped_lines))
}

impl Listening {
    /// Says where clients may come now.
    pub(super) fn announce(&self, config: &Config, operator: Option<&OperatorConsole>) {
        for listener in &self.listeners {
            announce(&listener.to_string(), operator);
            if listener.address.is_open_to_others() && !config.service.has_password() {
                warn!("{listener} can be reached from other machines, without a password");
            }
        }
        if let Some(address) = &self.metrics {
            announce(&format!("metrics:{address}"), operator);
        }
    }
}

/// Says that clients may come to one now. Nobody has to listen to it.
fn announce(listener: &str, operator: Option<&OperatorConsole>) {
    let line = format!("listening on {listener}");
    match operator {
        Some(operator) => operator.print(&line),
        None => {
            let mut stdout = std::io::stdout().lock();
            let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
        }
    }
}
