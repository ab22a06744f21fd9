//! A closed quantity as a user reads it: in `trades.csv` and in the store.

use crate::{
    engine::{Settings, Trade},
    market::{Symbol, Timestamp},
};
use rust_decimal::Decimal;
use std::fmt;

/// A row of `trades.csv` and of the store's table. Decimals are exact and have no zeros at their end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the fields of an [`engine::Trade`](crate::engine::Trade), in the order of the columns
pub struct TradeRow {
    pub symbol: String,
    pub strategy: String,
    /// `long` or `short`.
    pub side: String,
    pub entry_time: Timestamp,
    pub entry_price: Decimal,
    pub qty: Decimal,
    pub exit_time: Timestamp,
    pub exit_price: Decimal,
    /// As [`engine::Reason::name`](crate::engine::Reason::name) has it.
    pub reason: String,
    pub gross: Decimal,
    pub fees: Decimal,
    pub funding: Decimal,
    pub pnl: Decimal,
    pub r: Decimal,
    pub balance: Decimal,
}

impl TradeRow {
    /// The names of the columns.
    pub const COLUMNS: &str = "symbol,strategy,side,entry_time_ms,entry_price,qty,exit_time_ms,exit_price,reason,gross,fees,funding,pnl,r,balance";

    /// The row of a trade, with the names of what it knows by its place in a list.
    #[must_use]
    pub fn new(trade: &Trade, symbol: &Symbol, strategy: &str) -> Self {
        Self {
            symbol: symbol.to_string(),
            strategy: strategy.to_owned(),
            side: trade.side.name().to_owned(),
            entry_time: trade.entry_time,
            entry_price: trade.entry_price.normalize(),
            qty: trade.qty.normalize(),
            exit_time: trade.exit_time,
            exit_price: trade.exit_price.normalize(),
            reason: trade.reason.name().to_owned(),
            gross: trade.gross.normalize(),
            fees: trade.fees.normalize(),
            funding: trade.funding.normalize(),
            pnl: trade.pnl().normalize(),
            r: trade.r.normalize(),
            balance: trade.balance.normalize(),
        }
    }

    /// The row of a trade that was made under these settings.
    #[must_use]
    pub fn of(trade: &Trade, settings: &Settings) -> Self {
        let symbol = &settings.instruments[trade.symbol.index()].symbol;
        Self::new(trade, symbol, &settings.strategies[usize::from(trade.strategy)].name)
    }

    /// What stands in each column.
    #[must_use]
    pub fn cells(&self) -> [String; 15] {
        let decimal = |number: Decimal| number.to_string();
        [
            self.symbol.clone(),
            self.strategy.clone(),
            self.side.clone(),
            self.entry_time.0.to_string(),
            decimal(self.entry_price),
            decimal(self.qty),
            self.exit_time.0.to_string(),
            decimal(self.exit_price),
            self.reason.clone(),
            decimal(self.gross),
            decimal(self.fees),
            decimal(self.funding),
            decimal(self.pnl),
            decimal(self.r),
            decimal(self.balance),
        ]
    }
}

/// Comma-separated, without an end of line.
impl fmt::Display for TradeRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cells().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{engine::Reason, market::Side};

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_row_has_exact_decimals_in_the_order_of_the_columns() {
        let stopped = Trade {
            symbol: crate::market::SymbolId(0),
            strategy: 0,
            side: Side::Long,
            entry_time: Timestamp(1_735_689_600_000),
            entry_price: dec("113500.0"),
            qty: dec("0.0040"),
            exit_time: Timestamp(1_735_695_000_000),
            exit_price: dec("111797.5"),
            reason: Reason::Stop,
            gross: dec("-6.8100"),
            fees: dec("0.540714"),
            funding: dec("0.045"),
            r: dec("-1.0860"),
            balance: dec("992.604286"),
        };
        let won = Trade {
            side: Side::Short,
            reason: Reason::Target,
            gross: dec("6.81"),
            funding: dec("-0.0450"),
            ..stopped.clone()
        };
        for (trade, want) in [
            (
                stopped,
                "BTC/USDT:USDT,oversold_bounce,long,1735689600000,113500,0.004,1735695000000,111797.5,stop,\
                 -6.81,0.540714,0.045,-7.395714,-1.086,992.604286",
            ),
            (
                won,
                "BTC/USDT:USDT,oversold_bounce,short,1735689600000,113500,0.004,1735695000000,111797.5,target,\
                 6.81,0.540714,-0.045,6.314286,-1.086,992.604286",
            ),
        ] {
            let row = TradeRow::new(&trade, &"BTCUSDT".parse().unwrap(), "oversold_bounce");
            assert_eq!(row.to_string(), want);
            assert_eq!(row.cells().len(), TradeRow::COLUMNS.split(',').count());
        }
    }
}
