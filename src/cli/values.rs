//! What shows a user the values that decisions are made of.

use super::{Terms, Whose};
use clap::Args;

pub(super) const INDICATORS: &str = "\
One row a finished candle: open_time_ms, open, high, low, close, volume, and a column for each indicator, empty
where it has no value yet. Several files of one symbol combine as with --replay.
Names for --only, with the period that counts where none is typed:
  rsi:14  atr:14  ema:21  sma:20     RSI and ATR by Wilder, averages of the close
  change:10                          of the close, first to last of so many candles (0.02 is 2 %)
  slope:20                           the same of EMA(21)
  rank:100                           of ATR(14) among the last so many, 0 to 1
  deviation:20                       standard deviation of the close
  correlation:20                     of close and volume
  regime                             trend and volatility (4h), momentum (1h), strength (30m), as the strategies see them
Without --only: rsi:14, atr:14, ema:21, ema:50, ema:200, regime.";

pub(super) const EXPLAIN: &str = "\
With files, it trades them from their beginning as `bot backtest` does; without, it looks at what a bot has done, in
its data directory, where TIME may also be how far back from the account's market time: 7d, 12h, 30m.
TIME is the market's, in UTC: 2025-01-31T14:05, or 2025-01-31. The candle that counts closes then, or last before.
Exit codes: 0, or 2 where nothing is known of that time.";

/// `bot indicators`.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Indicators {
    /// Recorded candles: BTCUSDT-1m-2025-08.csv.gz and the like, or BTC/USDT:USDT@1m=FILE
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,
    /// Of candles so long [default: the finest of the files]
    #[arg(long, value_name = "TIMEFRAME")]
    pub timeframe: Option<String>,
    /// Which indicators, as in rsi:14,ema:50
    #[arg(long, value_name = "A,B")]
    pub only: Option<String>,
    /// Whose candles, where the files hold several symbols'
    #[arg(long, value_name = "SYMBOL")]
    pub symbols: Option<String>,
}

/// `bot explain`.
#[derive(Debug, Clone, Default, PartialEq, Args)]
pub struct Explain {
    /// Which moment of the market
    #[arg(long, value_name = "TIME")]
    pub at: String,
    /// Recorded candles: BTCUSDT-1m-2025-08.csv.gz and the like, or BTC/USDT:USDT@1m=FILE
    #[arg(value_name = "FILE", conflicts_with_all = ["data_dir", "live"])]
    pub files: Vec<String>,
    /// On which terms, for files
    #[command(flatten)]
    pub terms: Terms,
    /// Only these
    #[arg(long, value_name = "A,B")]
    pub symbols: Option<String>,
    /// Which account
    #[command(flatten)]
    pub whose: Whose,
    /// For programs
    #[arg(long)]
    pub json: bool,
}
