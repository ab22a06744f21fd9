//! Which exchange a subcommand asks.

use crate::{
    cli::{Cli, Place},
    config::{Config, Venue, process_env},
};
use std::path::Path;

/// The configuration of a subcommand that asks an exchange: that of a run with these flags, on Binance's real market unless something says otherwise.
///
/// # Errors
///
/// What is wrong with the configuration.
pub fn config(place: &Place, flags: Cli) -> Result<Config, String> {
    let cli = Cli { paper: true, network: place.network.clone(), config: place.config.clone(), ..flags };
    let mut config = Config::load(&cli, &process_env, Path::new("")).map_err(|error| error.to_string())?;
    if config.exchange.name == Venue::None {
        config.exchange.name = Venue::Binance; // the only one
    }
    Ok(config)
}
