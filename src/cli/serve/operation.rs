//! The options of who runs the server: what it tells of itself, and what it gives up.

use clap::Args;

use crate::addr::Address;

#[derive(Args)]
pub(super) struct OperationOptions {
    /// Tell how the server does at http://ADDR/metrics, for Prometheus; whoever asks there is no
    /// client and takes no client's place
    #[arg(long, value_name = "ADDR")]
    pub(super) metrics: Option<Address>,

    /// Become this user once the listeners are open
    #[arg(long, value_name = "NAME")]
    pub(super) user: Option<String>,

    /// Once the listeners are open, give up opening files and further listeners (Landlock)
    #[cfg(feature = "sandbox")]
    #[arg(long)]
    pub(super) sandbox: bool,
}
