//! `bot backtest`.

use super::Cli;
use clap::Args;
use std::path::PathBuf;

pub(super) const MORE: &str = "\
Trades recorded candles as `bot --paper --replay FILE --speed max` would, to the last digit, but without its loop:
the same strategies, limits and simulated exchange. Files may be of several symbols and timeframes, and bot.toml counts.
Funding is paid at the rates of --funding, a file as `bot download --funding` writes it; else at paper.funding_rate_pct.
What was read wrong or is missing is said on stderr, where progress is shown too; the result goes to stdout.
Ctrl-C ends it early, with the result up to there.
Exit codes: 0 to the end of the data, 1 failed, 2 wrong usage or files, 3 an emergency stop ended it; 129, 130, 143:
cut short by a signal.";

/// `bot backtest`.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Backtest {
    /// Recorded candles: BTCUSDT-1m-2025-08.csv.gz and the like, or BTC/USDT:USDT@1m=FILE
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,
    /// On which terms
    #[command(flatten)]
    pub terms: Terms,
    /// The last candle ends then or earlier
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// What to trade [default: all that the files hold]
    #[arg(long, value_name = "A,B")]
    pub symbols: Option<String>,
    /// Write the result there as files
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The result as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What a backtest is made on besides candles: whoever explains one says the same.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Terms {
    /// As of a run [default: that of a run]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Trade from here on, as in 2025-08-01 or 2025-08-01T12:30 (UTC); candles before only warm the indicators
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Balance at the start [default: 1000]
    #[arg(long, value_name = "USDT", allow_negative_numbers = true)]
    pub capital: Option<String>,
    /// Fee of each order, in percent of its value [default: 0.06]
    #[arg(long, value_name = "PCT", allow_negative_numbers = true)]
    pub fee: Option<String>,
    /// How much worse than the price a market order is filled, in percent [default: 0.05]
    #[arg(long, value_name = "PCT", allow_negative_numbers = true)]
    pub slippage: Option<String>,
    /// Funding rates: BTCUSDT-funding-2025-08.csv.gz and the like, or BTC/USDT:USDT=FILE; once a file
    #[arg(long, value_name = "FILE")]
    pub funding: Vec<String>,
}

impl Terms {
    /// The flags that mean the same for a run, so that they are checked alike.
    #[must_use]
    pub fn as_of_a_run(&self, files: &[String], symbols: Option<&String>) -> Cli {
        Cli {
            paper: true,
            replay: files.to_vec(),
            config: self.config.clone(),
            capital: self.capital.clone(),
            fee: self.fee.clone(),
            slippage: self.slippage.clone(),
            symbols: symbols.cloned(),
            ..Cli::default()
        }
    }

    /// A flag that was given, if any was.
    #[must_use]
    pub fn given(&self) -> Option<&'static str> {
        let flags = [
            ("--config", self.config.is_some()),
            ("--from", self.from.is_some()),
            ("--capital", self.capital.is_some()),
            ("--fee", self.fee.is_some()),
            ("--slippage", self.slippage.is_some()),
            ("--funding", !self.funding.is_empty()),
        ];
        flags.into_iter().find_map(|(flag, is_given)| is_given.then_some(flag))
    }
}
