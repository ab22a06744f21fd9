//! What would have come of buying everything and doing nothing.

use super::{numbers::finite, yearly::change_pct};
use crate::{backtest::Record, moment::Moment};
use serde::Serialize;

/// Equal parts of the capital in all symbols that have prices, from each one's first price to its last, without fees and funding.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct BuyAndHold {
    /// The mean of the symbols' returns.
    pub return_pct: Option<f64>,
    /// Each symbol that has prices.
    pub symbols: Vec<Held>,
}

/// A symbol from its first price to its last.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs)] // the names say it
pub struct Held {
    pub symbol: String,
    pub from: Moment,
    pub until: Moment,
    pub first_price: f64,
    pub last_price: f64,
    pub return_pct: Option<f64>,
}

impl BuyAndHold {
    /// Of the prices of a run.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let held = record.symbols.iter().zip(&record.prices).filter_map(|(symbol, prices)| {
            let (first, last) = prices.ends?;
            Some(Held {
                symbol: symbol.to_string(),
                from: Moment::from(first.at),
                until: Moment::from(last.at),
                first_price: first.price,
                last_price: last.price,
                return_pct: change_pct(first.price, last.price),
            })
        });
        let symbols: Vec<_> = held.collect();
        let returns = symbols.iter().map(|held| held.return_pct).collect::<Option<Vec<f64>>>();
        let mean = |returns: Vec<f64>| finite(returns.iter().sum::<f64>() / returns.len() as f64);
        Self { return_pct: returns.and_then(mean), symbols }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::{Mark, Thinned, report::sample};
    use crate::market::Timestamp;

    #[test]
    fn each_symbol_is_an_equal_part() {
        let prices = |first, last| {
            let mark = |at, price| Mark { at: Timestamp(at), price };
            Thinned { ends: Some((mark(0, first), mark(5, last))), ..Thinned::default() }
        };
        for (list, want) in [
            (vec![], None),
            (vec![Thinned::default()], None),
            (vec![prices(100.0, 110.0)], Some(10.0)),
            (vec![prices(100.0, 110.0), prices(2.0, 1.0)], Some(-20.0)), // (10 − 50) ÷ 2
            (vec![prices(100.0, 110.0), Thinned::default()], Some(10.0)),
        ] {
            let record = crate::backtest::Record { prices: list, ..sample::record(&[1000.0]) };
            assert_eq!(BuyAndHold::of(&record).return_pct, want);
        }
    }
}
