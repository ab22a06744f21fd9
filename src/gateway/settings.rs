//! What a session is told at its start, and what the next one needs of it.

use crate::market::{OrderRequest, Symbol, Timeframe, Timestamp};
use serde::{Deserialize, Serialize};

/// What a session is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Their places are their [`SymbolId`]s.
    pub symbols: Vec<Symbol>,
    /// Of which history is wanted. 1m is always.
    pub timeframes: Vec<Timeframe>,
    /// Candles of each timeframe.
    pub history: u16,
    /// Close of the last 1m candle that a restored account was given, by symbol: what follows comes as live candles, so that its stops are
    /// walked. Nothing for a new account.
    pub delivered: Vec<Option<Timestamp>>,
    /// For pauses and renewals.
    pub seed: u64,
    /// The account that is traded; `None` where only prices are read.
    pub account: Option<Account>,
}

/// What a session is told of the account that it trades.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Notional divided by margin, of every symbol.
    pub leverage: u32,
    /// Orders that a restored account has not seen the end of.
    pub open: Vec<Left>,
    /// The number of the last trade that was counted, by symbol.
    pub counted: Vec<Option<u64>>,
    /// When that account was stored: trades since then are read where none was counted.
    pub since: Timestamp,
}

/// An order that the run before has left, as it was known when its state was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// As it was, or may have been, sent.
    pub request: OrderRequest,
    /// Whether the exchange had taken it: it is there, or has ended, and nothing of it is on its way.
    pub accepted: bool,
    /// By the market's time, when the engine had given it away at the latest; `None`: at any time before this start.
    pub given_by: Option<Timestamp>,
}

/// What a restart needs besides the settings: how far candles were delivered. Sockets, requests and prices are made anew, the rules are read
/// anew, and history is fetched again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// As [`Settings::delivered`].
    pub delivered: Vec<Option<Timestamp>>,
}
