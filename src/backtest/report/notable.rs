//! The trades that stand out.

use super::open::symbol_name;
use crate::{backtest::Record, engine::Trade, moment::Moment};
use rust_decimal::Decimal;
use serde::Serialize;

/// A trade as a report names it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)] // the columns of `trades.csv`
pub struct Notable {
    pub symbol: String,
    pub side: &'static str,
    pub entry: Moment,
    pub exit: Moment,
    pub pnl: Decimal,
    pub r: Decimal,
}

/// The trade that earned most and the one that earned least, the first of equals; none without trades.
#[must_use]
pub fn best_and_worst(record: &Record) -> (Option<Notable>, Option<Notable>) {
    let notable = |trade: &Trade| Notable {
        symbol: symbol_name(record, trade.symbol).to_owned(),
        side: trade.side.name(),
        entry: Moment::from(trade.entry_time),
        exit: Moment::from(trade.exit_time),
        pnl: trade.pnl().normalize(),
        r: trade.r.normalize(),
    };
    let best = record.trades.iter().rev().max_by_key(|trade| trade.pnl());
    let worst = record.trades.iter().min_by_key(|trade| trade.pnl());
    (best.map(notable), worst.map(notable))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backtest::report::sample::{self, trade},
        run::rig::dec,
    };

    #[test]
    fn the_first_of_equals_stands_out() {
        let trades = ["1", "3", "-2", "3", "-2"];
        let trades = (0..).zip(trades).map(|(hour, gross)| Trade { gross: dec(gross), ..trade(hour, 1) }).collect();
        let record = Record { trades, ..sample::record(&[1000.0]) };
        let (best, worst) = best_and_worst(&record);
        let shown = |notable: Option<Notable>| notable.map(|trade| (trade.pnl.to_string(), trade.entry));
        assert_eq!(shown(best), Some(("3".to_owned(), Moment::from(trade(1, 1).entry_time))));
        assert_eq!(shown(worst), Some(("-2".to_owned(), Moment::from(trade(2, 1).entry_time))));
        assert_eq!(best_and_worst(&sample::record(&[1000.0])), (None, None));
    }
}
