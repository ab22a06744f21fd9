//! What a run leaves for its report.

use crate::{
    engine::{Account, Engine, Position, Summary, Trade},
    market::{Candle, ClosedCandle, Symbol, Timestamp},
};

/// Everything that a report is made of. Trades are exact; equity and prices are for statistics and charts.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What was traded; a symbol's place is its [`crate::market::SymbolId`].
    pub symbols: Vec<Symbol>,
    /// The strategies' names, in the order of the configuration.
    pub strategies: Vec<String>,
    /// Opening of the first candle that moved a price, and close of the last one.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Candles that moved a price.
    pub candles: u64,
    /// The account at the end.
    pub account: Account,
    /// Closed quantities in the order of their exits: the rows of `trades.csv`.
    pub trades: Vec<Trade>,
    /// Positions that stay open.
    pub open: Vec<Position>,
    /// The equity as it went: at most one a market hour, and one at each exit; the first is the capital, the last the end.
    pub equity: Vec<Sample>,
    /// By symbol: the way of the price.
    pub prices: Vec<Thinned>,
    /// Signals taken and not taken.
    pub summary: Summary,
    /// Why it ended.
    pub ending: Ending,
}

/// Why a run over recorded candles ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The data is over.
    Data,
    /// Somebody asked for its end.
    Interrupted,
    /// The engine stopped trading for good.
    Emergency,
}

/// The account at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Market time.
    pub at: Timestamp,
    /// Balance with open positions at their marks, in USDT.
    pub equity: f64,
    /// Balance alone, in USDT.
    pub balance: f64,
    /// Open positions.
    pub open: u16,
}

/// A price at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub struct Mark {
    pub at: Timestamp,
    pub price: f64,
}

/// The candles of one symbol, joined to so few that they can be drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thinned {
    /// The first price and the last.
    pub ends: Option<(Mark, Mark)>,
    /// At most some hundreds, of one length, in order.
    pub candles: Vec<Candle>,
}

/// Watches a run. What it does for a candle costs a few nanoseconds.
pub struct Recorder {
    span: Option<(Timestamp, Timestamp)>,
    candles: u64,
    trades: Vec<Trade>,
}

impl Recorder {
    /// Before the first event.
    #[must_use]
    pub fn new(_engine: &Engine) -> Self {
        Self { span: None, candles: 0, trades: Vec::new() }
    }

    /// After each candle that moved a price and all that followed from it.
    pub fn candle(&mut self, candle: &ClosedCandle, _engine: &Engine) {
        self.candles += 1;
        let begins = self.span.map_or(candle.candle.open_time, |(begins, _)| begins);
        self.span = Some((begins, candle.closes_at()));
    }

    /// A closed quantity.
    pub fn trade(&mut self, trade: &Trade, _engine: &Engine) {
        self.trades.push(trade.clone());
    }

    /// What was seen.
    #[must_use]
    pub fn finish(self, engine: &Engine, ending: Ending) -> Record {
        let names = engine.settings().names();
        Record {
            symbols: names.symbols,
            strategies: names.strategies,
            span: self.span,
            candles: self.candles,
            account: engine.account().clone(),
            trades: self.trades,
            open: engine.positions().cloned().collect(),
            equity: Vec::new(),
            prices: Vec::new(),
            summary: engine.summary().clone(),
            ending,
        }
    }
}
