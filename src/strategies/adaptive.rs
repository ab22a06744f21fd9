//! What the two built-in rules share: an RSI threshold that follows the trend, and distances from the ATR.

use super::{MarketView, Momentum, Settings, Signal, Trend};
use crate::market::{Side, SymbolId};

/// The numbers of a built-in rule, with the symbols' own thresholds looked up once.
#[derive(Debug, Clone)]
pub(super) struct Adaptive {
    pub side: Side,
    pub settings: Settings,
    /// Bounds of the threshold.
    pub lowest: f64,
    pub highest: f64,
    /// A symbol's own threshold, by [`SymbolId`].
    pub by_symbol: Vec<Option<f64>>,
}

impl Adaptive {
    /// The RSI at which the rule enters.
    ///
    /// With the trend against the trade the rule is stricter, with the trend more willing: it is moved by a third of the range, at most 3,
    /// or with strong momentum by half of it, at most 5.
    pub fn threshold(&self, symbol: SymbolId, trend: Trend, momentum: Momentum) -> f64 {
        if let Some(own) = self.by_symbol.get(symbol.index()).copied().flatten() {
            return own;
        }
        let range = self.settings.rsi_range;
        let shift = if momentum == Momentum::Strong { (range / 2.0).min(5.0) } else { (range / 3.0).min(3.0) };
        let lower_in = if self.side == Side::Long { Trend::Bullish } else { Trend::Bearish };
        let base = self.settings.rsi_base;
        let moved = match trend {
            Trend::Neutral => base,
            trend if trend == lower_in => base - shift,
            _ => base + shift,
        };
        moved.max(self.lowest).min(self.highest)
    }

    /// The signal at this close: target at least its minimum away, stop at most its maximum. `None` where the ATR leaves no distance.
    pub fn signal(&self, view: &MarketView<'_>, rsi: f64, atr: f64, threshold: f64) -> Option<Signal> {
        let price = view.candle.close;
        let target_distance = (self.settings.target_atr * atr).max(price * self.settings.target_min_pct / 100.0);
        let stop_distance = (self.settings.stop_atr * atr).min(price * self.settings.stop_max_pct / 100.0);
        let possible = stop_distance > 0.0 && target_distance > 0.0;
        possible.then_some(Signal { side: self.side, stop_distance, target_distance, rsi, threshold })
    }
}
