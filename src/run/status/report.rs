//! How the bot is. As JSON this is what `bot status --json` prints: a name, once given, keeps its meaning.
//!
//! Amounts, prices and quantities are strings with all their digits; moments have two forms; what is not known is null.

use crate::{moment::Moment, run::earnings::Earnings};
use rust_decimal::Decimal;
use serde::Serialize;

/// The whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The data directory, absolute.
    pub data_dir: String,
    /// When this was looked at, by the wall clock.
    pub looked: Moment,
    /// Whether a bot holds the data directory.
    pub running: bool,
    /// Its process.
    pub pid: Option<u32>,
    /// When the run began that goes on, or the last one; none of a bot that has not said so yet.
    pub started: Option<Moment>,
    /// How long the run that goes on has been going on.
    pub uptime_s: Option<i64>,
    /// How the last run ended, where none goes on.
    pub last_end: Option<LastEnd>,
    /// The bot's last word on its health: of the run that goes on, or of the last one.
    pub health: Option<Health>,
    /// Whether the run that goes on owes such a word.
    pub health_overdue: bool,
    /// Whose money it is.
    pub account: Account,
    /// Where it is at an exchange, how it stands there as of the last commit; null on paper.
    pub live: Option<Live>,
    /// What is open, by symbol.
    pub positions: Vec<Position>,
    /// Results.
    pub pnl: Pnl,
    /// What keeps the bot from opening positions now.
    pub halts: Vec<Halt>,
    /// Limits and circuit breakers that have tripped, oldest first.
    pub breakers: Vec<Breaker>,
    /// Symbols that get no new entries for a while, since they failed too often.
    pub quarantined: Vec<Quarantined>,
    /// The last signals, taken or not and why; the newest last.
    pub signals: Vec<Line>,
    /// The last errors and warnings; the newest last.
    pub errors: Vec<Line>,
    /// What is kept, in bytes.
    pub store: Store,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LastEnd {
    /// One word: `clean`, `emergency`, `input`, `crash`, `reboot`, `frozen`, `out_of_memory`, `seen` (by the supervisor), `killed`.
    pub how: &'static str,
    /// As the log of the next run will say it.
    pub text: String,
    /// When, where the run could still say so.
    pub at: Option<Moment>,
    /// The last moment of which something is known.
    pub last_heard: Option<Moment>,
    /// What the process ended with, where that is known.
    pub exit_code: Option<u8>,
}

/// What the bot said of itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// `healthy`, `degraded` or `critical`.
    pub status: String,
    /// Why, where it is not healthy, and what limits trading.
    pub reasons: Vec<String>,
    /// When, by the wall clock.
    pub at: Moment,
    /// How long that is ago.
    pub age_s: i64,
    /// Memory in use then; null where unknown.
    pub memory_kb: Option<u64>,
}

/// The account as of its last commit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Account {
    /// What it trades.
    pub market: Option<String>,
    /// When it was opened, by the wall clock.
    pub opened: Option<Moment>,
    /// What it began with.
    pub capital: Option<Decimal>,
    /// Without open positions.
    pub balance: Option<Decimal>,
    /// With them, at their marks.
    pub equity: Option<Decimal>,
    /// How far the market had come. Days are counted back from here.
    pub market_time: Option<Moment>,
    /// When that was saved, by the wall clock.
    pub saved: Option<Moment>,
}

/// An account at an exchange.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Live {
    /// `mainnet`, `testnet` or `local`.
    pub network: String,
    /// Whether it was what the exchange had; while it is not, nothing is opened.
    pub proven: bool,
    /// Orders of which nobody knows what became of them.
    pub in_doubt: Vec<InDoubt>,
    /// Symbols with orders or positions that are not the bot's, where nothing is opened.
    pub foreign: Vec<String>,
}

/// An order in doubt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InDoubt {
    /// Its name at the exchange.
    pub order: String,
    /// Whose.
    pub symbol: String,
}

/// An open position.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Position {
    /// `BTC/USDT:USDT`.
    pub symbol: String,
    /// Whose signal it came from.
    pub strategy: Option<String>,
    /// `long` or `short`.
    pub side: &'static str,
    /// In base units.
    pub qty: Decimal,
    /// Average.
    pub entry_price: Decimal,
    /// Market time of the first fill.
    pub since: Moment,
    /// Where it is stopped.
    pub stop: Decimal,
    /// Where it is taken.
    pub target: Decimal,
    /// The last known price.
    pub mark: Option<Decimal>,
    /// What it would earn there, without fees.
    pub unrealised: Option<Decimal>,
}

/// Results of closed trades, by the market time of their exits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pnl {
    /// Of the UTC day that the market is in.
    pub today: Period,
    /// Of the 168 hours until the account's market time.
    pub last_7_days: Period,
    /// Of all trades.
    pub all: Period,
}

/// Results from a moment on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Period {
    /// Null: from the beginning.
    pub from: Option<Moment>,
    /// What was earned since.
    #[serde(flatten)]
    pub earnings: Earnings,
}

/// A halt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Halt {
    /// `emergency` or `restarts`.
    pub kind: &'static str,
    /// In the log's words.
    pub reason: String,
    /// By the wall clock.
    pub since: Moment,
    /// When it ends by itself; null: never.
    pub until: Option<Moment>,
    /// The flag with which the bot must be started for it to end now.
    pub cleared_by: &'static str,
}

/// A limit or a circuit breaker that has tripped.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Breaker {
    /// `losses_in_a_row`, `daily_loss`, `position_loss`, `volatility_spike`, `correlation`, `drawdown` or `empty_account`.
    pub kind: &'static str,
    /// `pause`, `close` or `emergency_stop`; `close_position`, `halve_sizes` or `skip` where it is about one symbol.
    pub effect: &'static str,
    /// That symbol.
    pub symbol: Option<String>,
    /// In the log's words.
    pub reason: String,
    /// Market time.
    pub since: Moment,
    /// Market time at which it resets; null: with the position's end, or, for an emergency stop, with `--clear-emergency`.
    pub until: Option<Moment>,
}

/// A symbol in quarantine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quarantined {
    /// Its name.
    pub symbol: String,
    /// When it ends, in market time.
    pub until: Moment,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// By the wall clock.
    pub at: Moment,
    /// Without its time stamp.
    pub text: String,
}

/// Sizes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Store {
    /// Money, with its log.
    pub database_bytes: u64,
    /// What happened.
    pub journal_bytes: u64,
    /// What was set aside.
    pub old_bytes: u64,
}
