//! `[live]`: what real orders need, and what is no way to send them.

use super::{Config, ConfigError, Mode, Network, Source, Venue, keys::KEYS};
use std::path::{Path, PathBuf};

/// What a person must have written.
pub const CONFIRM: &str = "I accept real orders";

/// `[live]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Live {
    /// [`CONFIRM`], or nothing.
    pub confirm: String,
    /// Where the keys are; empty: nowhere but in the environment.
    pub key_file: String,
}

impl Config {
    /// Whether real orders may be sent as far as the configuration goes. `sources`: who set each key.
    pub(super) fn check_live(&self, sources: &[Option<Source>]) -> Result<(), ConfigError> {
        if self.mode != Mode::Live {
            return Ok(());
        }
        let file = self.config_file.as_ref().map_or_else(|| "bot.toml".to_owned(), |file| file.display().to_string());
        let wrong = |what: String| Err(ConfigError::Together { at: Source::Flag("--live"), what });
        if self.exchange.name == Venue::None {
            return wrong(format!(
                "no exchange is named; write name = \"binance\" under [exchange] in {file}, or add --exchange binance"
            ));
        }
        if self.live.confirm != CONFIRM {
            return wrong(format!(
                "real orders are sent only where {file} says, under [live], confirm = \"{CONFIRM}\""
            ));
        }
        let set_by = |path: &str| KEYS.iter().zip(sources).find(|(key, _)| key.path == path)?.1.clone();
        // what was confirmed for an account to play with is not confirmed for real money
        if self.is_real_money() && matches!(set_by("exchange.network"), Some(Source::Flag(_))) {
            return wrong(format!("{file} names the network that orders go to; --network sends none to mainnet"));
        }
        let leverage = self.risk.leverage;
        if leverage.fract() != 0.0 {
            let at = set_by("risk.leverage").unwrap_or(Source::Flag("--live"));
            let what = format!("the exchange takes a whole risk.leverage, and it is {leverage}");
            return Err(ConfigError::Together { at, what });
        }
        if self.fresh {
            return wrong(
                "--fresh begins a new paper account; a real one is the exchange's. Name another --data-dir where its memory is to begin anew"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// The file with the keys, where one is named: from where the configuration is.
    #[must_use]
    pub fn key_file(&self) -> Option<PathBuf> {
        let folder = self.config_file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        (!self.live.key_file.is_empty()).then(|| folder.join(&self.live.key_file))
    }

    /// Whether orders would move money: not on a playground or on this machine.
    #[must_use]
    pub fn is_real_money(&self) -> bool {
        self.mode == Mode::Live && self.exchange.network == Network::Mainnet
    }
}
