//! What a restart gets back: everything that is not a pure function of candles, and which candles were handed in.

use crate::{
    market::{ClosedCandle, Symbol, Timestamp},
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

/// The names of what engine and venue know by its place in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// By [`crate::market::SymbolId`].
    pub symbols: Vec<Symbol>,
    /// By their place in the configuration.
    pub strategies: Vec<String>,
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
