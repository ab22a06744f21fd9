//! What a restart gets back: everything that is not a pure function of candles, and which candles were handed in.

use crate::{
    market::{ClosedCandle, Misfit, Names, Refit, SymbolId, Timestamp},
    trader::Snapshot,
};
use serde::{Deserialize, Serialize};

/// The state of a paper account and of the brain that trades it, between two events or in the middle of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// What the numbers in `trader` stand for.
    pub names: Names,
    /// Which candles were handed in.
    pub cursor: Cursor,
    /// Engine and venue.
    pub trader: Snapshot,
}

impl Memory {
    /// The same account and the same place in the data, for a run whose symbols and strategies are these.
    ///
    /// # Errors
    ///
    /// A [`Misfit`] where something is open that the lists have no place for.
    pub fn refit(self, names: Names) -> Result<Self, Misfit> {
        let lists = Refit { was: &self.names, now: &names };
        let trader = self.trader.refit(&lists)?;
        let cursor = self.cursor.renumbered(&lists.symbols().collect::<Vec<_>>());
        Ok(Self { names, cursor, trader })
    }
}

/// Where the data was left. A candle that was handed in before comes as history after a restart: nothing is decided on it twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Market time of the latest event.
    pub latest: Timestamp,
    /// One a symbol: the latest close among its candles.
    candles: Vec<Timestamp>,
}

impl Cursor {
    /// Before the data of so many symbols.
    #[must_use]
    pub fn new(symbols: usize) -> Self {
        Self { latest: Timestamp(i64::MIN), candles: vec![Timestamp(i64::MIN); symbols] }
    }

    /// The candle is being handed in.
    pub fn pass(&mut self, candle: &ClosedCandle) {
        let passed = &mut self.candles[candle.symbol.index()];
        *passed = (*passed).max(candle.closes_at());
    }

    /// The close of a symbol's last candle that was handed in; `None` before the first.
    #[must_use]
    pub fn passed(&self, symbol: SymbolId) -> Option<Timestamp> {
        self.candles.get(symbol.index()).copied().filter(|at| *at > Timestamp(i64::MIN))
    }

    /// Whether the candle was handed in before.
    #[must_use]
    pub fn has(&self, candle: &ClosedCandle) -> bool {
        candle.closes_at() <= self.candles[candle.symbol.index()]
    }

    /// The same place in the data of other symbols: `was` says for each where it stood in the old list. The data of a new one begins now.
    #[must_use]
    pub fn renumbered(&self, was: &[Option<usize>]) -> Self {
        let candles = was.iter().map(|place| place.map_or(self.latest, |place| self.candles[place]));
        Self { latest: self.latest, candles: candles.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Candle, MINUTE_MS, Timeframe};

    fn minute(symbol: u16, at: i64) -> ClosedCandle {
        let candle =
            Candle { open_time: Timestamp(at * MINUTE_MS), open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 1.0 };
        ClosedCandle { symbol: SymbolId(symbol), timeframe: Timeframe::M1, candle, history: false }
    }

    #[test]
    fn each_symbols_data_goes_on_where_it_was_left_and_that_of_a_new_one_begins_now() {
        let mut cursor = Cursor::new(2);
        cursor.pass(&minute(0, 7));
        cursor.pass(&minute(1, 5));
        cursor.latest = Timestamp(8 * MINUTE_MS);
        let moved = cursor.renumbered(&[Some(1), None, Some(0)]);
        let next = |symbol| (0..20).find(|at| !moved.has(&minute(symbol, *at)));
        assert_eq!([0, 1, 2].map(next), [Some(6), Some(8), Some(8)]);
        assert_eq!(cursor.renumbered(&[Some(0), Some(1)]), cursor);
    }
}
