//! The subcommands that ask an exchange.

use crate::market::{Symbol, Timeframe};
use clap::Args;
use std::path::PathBuf;

pub(super) const DOWNLOAD: &str = "\
Example:
  bot download BTCUSDT 1m --from 2025-08-01 --to 2025-09-01
  bot --paper --replay BTCUSDT-1m-2025-08-01-2025-09-01.csv.gz --speed max

No key is needed. Times are UTC. Only candles that are finished are taken; what the exchange does not have is
counted and said. What was cut short (Ctrl-C, a network that is gone) goes on with the same command: until it is
whole, the file has .part at the end of its name. A name that ends in .gz is compressed.
--funding writes the rates that were settled to SYMBOL-funding-FROM.csv.gz: funding_time_ms,rate, where 0.0001 is
0.01 % of a position's value that a long pays to a short.
Exit codes: 0 whole, 1 failed, 2 wrong usage, or nothing there; 129, 130, 143: cut short by a signal.";

pub(super) const DOCTOR: &str = "\
Asks the exchange for all that paper trading on its prices needs: names, connection, clock, limits, the rules of
each symbol against the capital, candles, funding rates, streams; then the places on disk. Where there are keys, as
for --live, the account too: rights of the key, modes, balance, orders. A line that fails says what to do. Without
an exchange in bot.toml it is Binance's real market. Nothing is traded; --with-order places and cancels one stop.
Exit codes: 0 all passed, 1 something failed, 2 wrong usage or configuration.";

/// `bot download`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Download {
    /// Whose candles, as in BTCUSDT
    pub symbol: Symbol,
    /// Length of a candle: 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h, 1d
    pub timeframe: Timeframe,
    /// The first candle opens then or later, as in 2025-08-01 or 2025-08-01T12:30 (UTC)
    #[arg(long, value_name = "DATE")]
    pub from: String,
    /// The last candle ends then or earlier [default: now]
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// The funding rates too, into a file of their own
    #[arg(long)]
    pub funding: bool,
    /// A file, or a folder for SYMBOL-TIMEFRAME-FROM-TO.csv.gz [default: here]
    #[arg(long, value_name = "FILE|DIR")]
    pub out: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    pub force: bool,
    /// Where from
    #[command(flatten)]
    pub place: Place,
}

pub(super) const FLATTEN: &str = "\
Keys and exchange are those of --live. Ours are orders whose names have the form that the bot gives, and positions
that its memory holds or that a stop of ours protects; each is closed at the market by an order that can't open
one. A bot that runs meanwhile books what was closed and may open positions again: stop it first.
Exit codes: 0 nothing of ours is left, 1 something is, 2 wrong usage, no keys, or no answer to the question.";

/// `bot flatten`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Flatten {
    /// Also what is not the bot's, on these symbols; asks first
    #[arg(long)]
    pub all: bool,
    /// Don't ask
    #[arg(long)]
    pub yes: bool,
    /// As of a run
    #[arg(long, value_name = "A,B")]
    pub symbols: Option<String>,
    /// As of a run with --live
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Which exchange
    #[command(flatten)]
    pub place: Place,
}

/// `bot doctor`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Doctor {
    /// As of a run
    #[arg(long, value_name = "A,B")]
    pub symbols: Option<String>,
    /// As of a run
    #[arg(long, value_name = "USDT", allow_negative_numbers = true)]
    pub capital: Option<String>,
    /// As of a run
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Place a stop far from the price and cancel it, with real keys at a real account
    #[arg(long)]
    pub with_order: bool,
    /// Which exchange
    #[command(flatten)]
    pub place: Place,
}

/// Which exchange a subcommand asks.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Place {
    /// binance [default: binance]
    #[arg(long, value_name = "NAME", value_parser = ["binance"])]
    pub exchange: Option<String>,
    /// mainnet, testnet, or local for `bot exchange` [default: that of bot.toml, or mainnet]
    #[arg(long, value_name = "NAME")]
    pub network: Option<String>,
    /// Its [exchange] counts [default: as of a run]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
