//! A candle with what an exchange counts besides.

use super::grid::Grid;
use crate::market::{Candle, Timestamp};

/// The most trades that a minute is played with: ten a second.
pub const MOST_TRADES: i64 = 600;

/// A candle, finished or not.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bar {
    /// The numbers that everyone knows.
    pub candle: Candle,
    /// Turnover in USDT.
    pub quote: f64,
    /// Part of the volume that was bought from resting offers, in base units.
    pub bought: f64,
    /// How many trades.
    pub trades: u32,
}

impl Bar {
    /// A candle of the past, with the rest made up from it alone.
    pub fn past(candle: Candle, qty: Grid) -> Self {
        let middle = (candle.open + candle.high + candle.low + candle.close) / 4.0;
        let range = candle.high - candle.low;
        let rise = if range > 0.0 { (candle.close - candle.open) / range } else { 0.0 };
        let steps = qty.nearest(candle.volume);
        Self {
            candle,
            quote: candle.volume * middle,
            bought: qty.value(qty.nearest(candle.volume * (0.5 + 0.2 * rise))).min(candle.volume),
            trades: steps.clamp(0, MOST_TRADES) as u32,
        }
    }

    /// A candle that begins with a price, before any trade.
    pub const fn begun(open_time: Timestamp, price: f64) -> Self {
        let candle = Candle { open_time, open: price, high: price, low: price, close: price, volume: 0.0 };
        Self { candle, quote: 0.0, bought: 0.0, trades: 0 }
    }

    /// Takes in the bar that follows within the same longer period.
    pub fn absorb(&mut self, next: &Self) {
        self.candle.absorb(&next.candle);
        self.quote += next.quote;
        self.bought += next.bought;
        self.trades = self.trades.saturating_add(next.trades);
    }

    /// Whether anything happened: an exchange pushes nothing about other candles.
    pub fn is_lively(&self) -> bool {
        self.candle.volume > 0.0 || self.candle.high > self.candle.low
    }
}
