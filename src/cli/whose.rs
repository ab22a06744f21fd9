//! Which account a subcommand looks at that has data directories before it.

use clap::Args;
use std::path::PathBuf;

/// One of the accounts of this machine.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Whose {
    /// Of the account with real money
    #[arg(long)]
    pub live: bool,
    /// With --live: mainnet, testnet or local [default: that of bot.toml, or mainnet]
    #[arg(long, value_name = "NAME", requires = "live", conflicts_with = "data_dir")]
    pub network: Option<String>,
    /// As of a run [default: that of a run]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}
