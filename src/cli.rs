//! The command line: every flag and subcommand.
//!
//! A flag that is a key of the configuration too is carried as the text that was typed; `config` checks it with the key's own range, so
//! that a flag, a variable and a line of `bot.toml` are refused in the same words.

mod asking; // what asks an exchange
mod backtest; // what trades recorded candles
mod values; // what shows indicators and decisions
mod whose; // which account is looked at

pub use asking::{Doctor, Download, Flatten, Place};
pub use backtest::{Backtest, Terms};
pub use values::{Explain, Indicators};
pub use whose::Whose;

use crate::market::{Symbol, Timeframe};
use clap::{Args, Parser, Subcommand, error::ErrorKind};
use std::{ffi::OsString, io::Write, net::SocketAddr, path::PathBuf};

const ABOUT: &str = "A small trading bot for USDT-margined perpetual futures that always knows whether it is well.";

const USAGE: &str = "bot --paper [OPTIONS]
       bot --live [OPTIONS]
       bot backtest FILE... [OPTIONS]
       bot indicators FILE... [OPTIONS]
       bot explain --at TIME [FILE...] [OPTIONS]
       bot download SYMBOL TIMEFRAME --from DATE [OPTIONS]
       bot doctor [OPTIONS]
       bot flatten [OPTIONS]
       bot init [FILE] [--force]
       bot generate FILE [OPTIONS]
       bot exchange [OPTIONS]";

const EXAMPLES: &str = "\
Examples:
  bot --paper                                  trade made-up prices with simulated money, until stopped
  bot --paper --speed 3600 --duration 30       thirty hours of the market in thirty seconds
  bot --paper --replay BTCUSDT-1m-2025-08.csv.gz --speed max
                                               trade recorded candles, as fast as they can be read
  bot backtest BTCUSDT-1m-2025-08.csv.gz       the same, with nothing but the result
  bot --paper --infinite --auto-restart        go on for months
  bot init                                     write bot.toml with every key and its default

Variables: RUST_LOG (info; at warn a good run prints nothing), HEALTH_CHECK_INTERVAL (seconds between heartbeats,
300), CAPITAL_USDT, TRADING_SYMBOLS; with --live BINANCE_API_KEY and BINANCE_API_SECRET.
A flag goes before a variable, a variable before bot.toml, bot.toml before the default.
Exit codes: 0 done or asked to stop, 1 failed, 2 wrong usage or configuration, 3 emergency stop, 70 internal error,
75 another bot holds the data directory; 129, 130 and 143: a hang-up, Ctrl-C or SIGTERM cut a --duration short.";

const STATUS: &str = "\
Times are local, market times UTC. Days are counted back from the account's market time, which is far from ours
where the market is made up or recorded; 7 days are 168 hours, as with `bot trades --since 7d`.
--json: one object. Amounts, prices and quantities are strings with all their digits, moments are
{\"utc\": \"2025-01-31T12:30:00Z\", \"ms\": 1738326600000}, what is not known is null, lists have the newest last.
Exit codes: 0 whatever the status is, 2 where there is no account or it can't be read.";

const TRADES: &str = "\
Times are the market's, in UTC; the newest trade is the last.
--json has the columns of --csv by their names, decimals as strings with all their digits, times as
{\"utc\": \"2025-01-31T12:30:00Z\", \"ms\": 1738326600000}.
--since takes 2025-01-31, 2025-01-31T12:30, or how far back from the account's market time: 7d, 12h, 30m.";

const BACKUP: &str = "\
The copy is of one moment and holds the whole account, but not the journal. To go back to it: stop the bot,
delete smolbear.db-wal and smolbear.db-shm in the data directory, and put the copy in place of smolbear.db.";

const EXCHANGE: &str = "\
The first line of stdout says where it listens, as in
  Listening on http://127.0.0.1:8787 and ws://127.0.0.1:8787
and what follows says which lines bot.toml needs, and with which key and secret accounts trade. They open
nothing real. Symbols are those that a run in this folder would trade.
It ends on Ctrl-C, on SIGTERM, and some seconds after recorded candles are over, each with exit code 0.";

/// What `bot` answers to neither `--paper` nor `--live`.
const NO_MODE: &str = "\
say which account to trade on:

  --paper   simulated money: no key is read, no order leaves this machine
  --live    real money: orders go to the exchange

Try `bot --paper`; `bot --help` shows every option.";

/// What was asked for on the command line.
#[derive(Debug, Clone, Default, PartialEq, Parser)]
#[command(name = "bot", version = env!("SMOLBEAR_VERSION"), about = ABOUT, override_usage = USAGE, after_help = EXAMPLES)]
#[command(disable_help_subcommand = true)]
pub struct Cli {
    /// Simulated money: no key is read, no order leaves this machine
    #[arg(long, help_heading = "Account (one of the two)", conflicts_with = "live")]
    pub paper: bool,
    /// Real money: orders go to the exchange; needs keys and live.confirm in bot.toml
    #[arg(long, help_heading = "Account (one of the two)", conflicts_with_all = ["replay", "seed"])]
    pub live: bool,

    /// Run exactly that long, then end cleanly; without it, until stopped
    #[arg(long, value_name = "SECONDS", help_heading = "Running", allow_negative_numbers = true)]
    pub duration: Option<String>,
    /// Never end for an error that can be recovered: log it, count it, retry
    #[arg(long, help_heading = "Running")]
    pub infinite: bool,
    /// Have a parent process start it again when it fails, is killed or freezes
    #[arg(long, help_heading = "Running")]
    pub auto_restart: bool,
    /// Restarts before giving up with exit code 1 [default: 1000]
    #[arg(long, value_name = "N", help_heading = "Running", allow_negative_numbers = true)]
    pub max_restarts: Option<String>,
    /// Pause before a restart; doubles while failures follow each other [default: 30]
    #[arg(long, value_name = "SECONDS", help_heading = "Running", allow_negative_numbers = true)]
    pub restart_delay: Option<String>,
    /// Check everything and print the configuration, but trade nothing
    #[arg(long, help_heading = "Running")]
    pub dry_run: bool,
    /// Log more, such as each signal that was not taken, with its reason
    #[arg(long, help_heading = "Running")]
    pub debug: bool,

    /// Real prices of this exchange: binance; no key is needed on paper
    #[arg(long, value_name = "NAME", help_heading = "Market", conflicts_with_all = ["replay", "seed"])]
    pub exchange: Option<String>,
    /// Of the exchange: mainnet where nothing else is said, testnet, or local for `bot exchange`
    #[arg(long, value_name = "NAME", help_heading = "Market")]
    pub network: Option<String>,
    /// Recorded candles: BTCUSDT-1m-2025-08.csv.gz and the like, or BTC/USDT:USDT@1m=FILE
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Market", conflicts_with = "seed")]
    pub replay: Vec<String>,
    /// With --replay: at the end of the data start again, with times moved on
    #[arg(long = "loop", help_heading = "Market")]
    pub looped: bool,
    /// How much faster than real time (3600: an hour a second), or max [default: 1]
    #[arg(long, value_name = "N|max", help_heading = "Market", allow_negative_numbers = true)]
    pub speed: Option<String>,
    /// Seed of the made-up prices; the same seed gives the same market [default: 1]
    #[arg(long, value_name = "N", help_heading = "Market", allow_negative_numbers = true)]
    pub seed: Option<String>,
    /// What to trade, as in BTC/USDT:USDT,ETHUSDT [default: BTC, ETH, SOL, or all of --replay]
    #[arg(long, value_name = "A,B", help_heading = "Market")]
    pub symbols: Option<String>,

    /// As `bot init` writes it [default: ./bot.toml, ~/.config/smolbear/bot.toml or none]
    #[arg(long, value_name = "FILE", help_heading = "Money and files")]
    pub config: Option<PathBuf>,
    /// Balance of the paper account at the start [default: 1000]
    #[arg(long, value_name = "USDT", help_heading = "Money and files", allow_negative_numbers = true)]
    pub capital: Option<String>,
    /// The memory [default: ~/.local/state/smolbear, with --live live in it; experiments: none]
    #[arg(long, value_name = "DIR", help_heading = "Money and files")]
    pub data_dir: Option<PathBuf>,
    /// Begin a new paper account; the old one is set aside, not deleted
    #[arg(long, help_heading = "Money and files")]
    pub fresh: bool,
    /// Trade again after an emergency stop, or after too many restarts
    #[arg(long, help_heading = "Money and files")]
    pub clear_emergency: bool,
    /// Go on without an account whose memory is damaged; it is set aside, not deleted
    #[arg(long, help_heading = "Money and files")]
    pub accept_new_store: bool,
    /// Write trades.csv there, a row as each trade ends, and the report at the end
    #[arg(long, value_name = "DIR", help_heading = "Money and files")]
    pub out: Option<PathBuf>,

    /// As of [`Backtest`].
    #[arg(skip)]
    pub fee: Option<String>,
    /// As of [`Backtest`].
    #[arg(skip)]
    pub slippage: Option<String>,

    /// Something else than a run.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the program does besides trading.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Command {
    /// Trade recorded candles as fast as they can be read, and report what came of it
    #[command(after_help = backtest::MORE)]
    Backtest(Backtest),
    /// Indicators of recorded candles as CSV, to hold beside a charting site
    #[command(after_help = values::INDICATORS)]
    Indicators(Indicators),
    /// Why it did or did not trade at a moment: values, thresholds, and what stopped the signal
    #[command(after_help = values::EXPLAIN)]
    Explain(Explain),
    /// Write a commented bot.toml that holds every key with its default
    Init(Init),
    /// Write made-up candles in the format that --replay reads
    Generate(Generate),
    /// Run the journal of a data directory again and compare what the bot did
    Replay(Replay),
    /// How the bot is, whether it runs or not: health, positions, results, signals, errors
    #[command(after_help = STATUS)]
    Status(Status),
    /// The trades of a data directory
    #[command(after_help = TRADES)]
    Trades(Trades),
    /// Copy the account's memory while the bot runs
    #[command(after_help = BACKUP)]
    Backup(Backup),
    /// Play an exchange on this machine, for bots to trade on: Binance USD-M futures, made up or recorded
    #[command(after_help = EXCHANGE)]
    Exchange(Exchange),
    /// Fetch candles from an exchange into a file that --replay reads
    #[command(after_help = asking::DOWNLOAD)]
    Download(Download),
    /// Close what is the bot's at the exchange and cancel its orders, whether it runs or not
    #[command(after_help = asking::FLATTEN)]
    Flatten(Flatten),
    /// Check the way to an exchange and what it offers, with what to do where a check fails
    #[command(after_help = asking::DOCTOR)]
    Doctor(Doctor),
}

/// `bot init`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Init {
    /// Where to
    #[arg(default_value = "bot.toml")]
    pub file: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
}

/// `bot generate`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Generate {
    /// Where to; a name that ends in .gz is compressed
    pub file: PathBuf,
    /// Whose price level and habits
    #[arg(long, default_value = "BTC/USDT:USDT")]
    pub symbol: Symbol,
    /// Length of a candle
    #[arg(long, default_value = "1m")]
    pub timeframe: Timeframe,
    /// How many days of candles, 1 to 3650
    #[arg(long, default_value = "30", value_parser = clap::value_parser!(u32).range(1..=3650), allow_negative_numbers = true)]
    pub days: u32,
    /// The same seed gives the same candles
    #[arg(long, default_value = "1", allow_negative_numbers = true)]
    pub seed: u64,
}

/// `bot replay`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Replay {
    /// A data directory, or one segment of its journal [default: that of a run]
    #[arg(conflicts_with_all = ["live", "data_dir"])]
    pub dir: Option<PathBuf>,
    /// Which account
    #[command(flatten)]
    pub whose: Whose,
    /// Stop at this market time, as in 2025-01-31 or 2025-01-31T12:30
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
}

/// `bot status`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Status {
    /// For programs
    #[arg(long)]
    pub json: bool,
    /// Which account
    #[command(flatten)]
    pub whose: Whose,
}

/// `bot trades`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Trades {
    /// The columns of trades.csv
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// For programs, one object a line
    #[arg(long)]
    pub json: bool,
    /// Only those that ended at this market time or later, as in 2025-01-31 or 7d
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Which account
    #[command(flatten)]
    pub whose: Whose,
}

/// `bot backup`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Backup {
    /// Where to; it must not exist
    pub file: PathBuf,
    /// Which account
    #[command(flatten)]
    pub whose: Whose,
}

/// `bot exchange`.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Exchange {
    /// Where it listens, on this machine; port 0 is one that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787")]
    pub listen: SocketAddr,
    /// Seed of made-up prices and of faults [default: 1]
    #[arg(long, value_name = "N", conflicts_with = "replay", allow_negative_numbers = true)]
    pub seed: Option<String>,
    /// Recorded 1m candles, named as for a run; others of the same symbols are history
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub replay: Vec<String>,
    /// At the end of --replay start again, with times moved on
    #[arg(long = "loop", requires = "replay")]
    pub looped: bool,
    /// What it lists [default: BTC, ETH, SOL, or all of --replay]
    #[arg(long, value_name = "A,B")]
    pub symbols: Option<String>,
    /// How much faster than real time it goes, as in 60 [default: 1]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub speed: Option<String>,
    /// USDT that an account has at first [default: 1000]
    #[arg(long, value_name = "USDT", allow_negative_numbers = true)]
    pub capital: Option<String>,
    /// API key of the account; it opens nothing else [default: playedkey1]
    #[arg(long)]
    pub key: Option<String>,
    /// What its requests are signed with [default: playedsecret1]
    #[arg(long)]
    pub secret: Option<String>,
    /// Accounts, with keys of their own: playedkey1, playedkey2, ...; 0 to 8
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u8).range(0..=8))]
    pub accounts: u8,
    /// What goes wrong, each NAME or NAME=SHARE, or all; `--faults list` says what there is
    #[arg(long, value_name = "A,B=0.1")]
    pub faults: Option<String>,
    /// Market time at which it opens (UTC) [default: 2025-01-01, or 500 minutes into --replay]
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// Move the data by whole days and open now, for clients that go by this machine's clock
    #[arg(long)]
    pub now: bool,
}

/// Why the command line leads to no run: the whole text that the user gets to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usage {
    /// `--help` or `--version`: for stdout, exit code 0.
    Shown(String),
    /// Something is wrong: for stderr, exit code 2.
    Wrong(String),
}

impl Usage {
    /// The exit code that belongs to it.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Shown(_) => 0,
            Self::Wrong(_) => 2,
        }
    }

    /// Writes it to where it belongs. A reader that is gone (`bot --help | head -1`) is no failure.
    pub fn print(&self) {
        let _ = match self {
            Self::Shown(text) => std::io::stdout().write_all(text.as_bytes()),
            Self::Wrong(text) => std::io::stderr().write_all(text.as_bytes()),
        };
    }
}

impl From<clap::Error> for Usage {
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Self::Shown(text),
            // Four lines of usage would hide the one that says what is wrong.
            _ => Self::Wrong(
                text.split("\n\n")
                    .filter(|part| !part.trim_start().starts_with("Usage:"))
                    .collect::<Vec<_>>()
                    .join("\n\n"),
            ),
        }
    }
}

/// Reads the command line; the first argument is the program's name.
///
/// # Errors
///
/// [`Usage::Shown`] for `--help` and `--version`; [`Usage::Wrong`] for flags that don't exist, miss their value or contradict each other,
/// and for a run that says neither `--paper` nor `--live`.
pub fn parse<A>(args: impl IntoIterator<Item = A>) -> Result<Cli, Usage>
where
    A: Into<OsString> + Clone,
{
    let cli = Cli::try_parse_from(args)?;
    match fault(&cli) {
        Some(text) => Err(Usage::Wrong(format!("error: {text}\n"))),
        None => Ok(cli),
    }
}

/// What is wrong with flags that are fine alone.
fn fault(cli: &Cli) -> Option<&'static str> {
    if cli.command.is_some() {
        let only = Cli { command: cli.command.clone(), ..Cli::default() };
        return (*cli != only).then_some("a subcommand takes none of the flags of a run; `bot --help` shows both");
    }
    if !cli.paper && !cli.live {
        return Some(NO_MODE);
    }
    let lonely = cli.looped && cli.replay.is_empty();
    lonely.then_some("--loop needs --replay FILE: it starts recorded candles again at their end")
}

impl Cli {
    /// What was typed for a flag that is a key of the configuration too; a switch that was given is `true`.
    #[must_use]
    pub fn value_of(&self, flag: &str) -> Option<&str> {
        let switch = |on: bool| on.then_some("true");
        match flag {
            "--duration" => self.duration.as_deref(),
            "--infinite" => switch(self.infinite),
            "--auto-restart" => switch(self.auto_restart),
            "--max-restarts" => self.max_restarts.as_deref(),
            "--restart-delay" => self.restart_delay.as_deref(),
            "--exchange" => self.exchange.as_deref(),
            "--network" => self.network.as_deref(),
            "--speed" => self.speed.as_deref(),
            "--seed" => self.seed.as_deref(),
            "--symbols" => self.symbols.as_deref(),
            "--capital" => self.capital.as_deref(),
            "--fee" => self.fee.as_deref(),
            "--slippage" => self.slippage.as_deref(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
