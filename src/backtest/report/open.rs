//! Positions that stay open.

use crate::{
    backtest::Record,
    market::{SymbolId, decimal},
    moment::Moment,
};
use rust_decimal::Decimal;
use serde::Serialize;

/// A position that stays open, at its last price.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Open {
    /// `BTC/USDT:USDT`.
    pub symbol: String,
    /// Whose signal it came from.
    pub strategy: String,
    /// `long` or `short`.
    pub side: &'static str,
    /// In base units.
    pub qty: Decimal,
    /// Average.
    pub entry_price: Decimal,
    /// The first fill.
    pub since: Moment,
    /// Where it is stopped.
    pub stop: Decimal,
    /// Where it is taken.
    pub target: Decimal,
    /// The last price; none where no candle came.
    pub mark: Option<Decimal>,
    /// What it would earn there, without fees, in USDT.
    pub unrealised: Option<Decimal>,
}

/// All of them.
#[must_use]
pub fn open(record: &Record) -> Vec<Open> {
    let each = record.open.iter().map(|position| {
        let mark = record.prices.get(position.symbol.index()).and_then(|prices| decimal(prices.ends?.1.price));
        Open {
            symbol: symbol_name(record, position.symbol).to_owned(),
            strategy: strategy_name(record, position.plan.strategy).to_owned(),
            side: position.plan.side.name(),
            qty: position.qty.normalize(),
            entry_price: position.entry_price(),
            since: Moment::from(position.entry_time),
            stop: position.stop.normalize(),
            target: position.target.normalize(),
            mark,
            unrealised: mark.map(|mark| position.unrealised(mark).normalize()),
        }
    });
    each.collect()
}

/// A symbol's name; nothing for one that is not in the list.
#[must_use]
pub fn symbol_name(record: &Record, symbol: SymbolId) -> &str {
    record.symbols.get(symbol.index()).map_or("", |symbol| symbol.as_str())
}

/// A strategy's name, likewise.
#[must_use]
pub fn strategy_name(record: &Record, strategy: u16) -> &str {
    record.strategies.get(usize::from(strategy)).map_or("", String::as_str)
}
