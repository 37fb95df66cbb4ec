//! The options of a room on many machines.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::failure::CliError;
use crate::hub::HubConfig;

#[derive(Args)]
#[command(next_help_heading = "Options of a room")]
pub(super) struct HubOptions {
    /// Be one of the nodes of this hub, a Redis or Valkey: redis://[USER:PASSWORD@]HOST:PORT[/DB] or
    /// unix:///PATH; what is said on one of them is heard on all. Others see the arguments of a
    /// process: a password belongs in CHINWAG_HUB
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    hub: Option<String>,

    /// The key of the hub's stream; others begin with it
    #[arg(long, value_name = "KEY", default_value = "chinwag", requires = "hub")]
    hub_key: String,

    /// This node's name at the hub, which no other has [default: the host's name]
    #[arg(long, value_name = "NAME", requires = "hub")]
    node: Option<String>,
}

impl HubOptions {
    pub(super) fn into_config(self) -> Result<Option<HubConfig>, CliError> {
        let Some(url) = self.hub else {
            return Ok(None);
        };
        let uname = rustix::system::uname();
        let host = || uname.nodename().to_string_lossy().into_owned();
        let node = self.node.unwrap_or_else(host);
        let config = HubConfig::new(&url, self.hub_key, node);
        config.map(Some).map_err(CliError::usage)
    }
}
