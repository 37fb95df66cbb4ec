//! The room and the hub, put together: here the port is given to the room, and what it tells to the
//! loop. Knows both; neither what an entry means nor how it travels.

use log::info;

use crate::failure::CliError;
use crate::hub::{self, HubConfig, HubPort};

/// Joins the hub, before clients may come.
///
/// # Errors
/// One line: why not.
pub(super) fn join(config: &HubConfig) -> Result<Box<dyn HubPort + Send>, CliError> {
    let connected = hub::connect(config.clone())?;
    info!(
        "node {} is at the hub {config}, behind entry {}",
        config.node, connected.position
    );
    connected.start(Box::new(|_event| true))
}
