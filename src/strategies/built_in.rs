//! The two built-in rules: an RSI threshold that follows the trend, and distances from the ATR.

use super::{
    Condition, Kind, MarketView, Momentum, Settings, Signal, Strategy, Trend, Verdict, oversold_bounce, short_the_rip,
};
use crate::market::{Side, Symbol};

/// A built-in rule with its numbers; the symbols' own thresholds are looked up once.
#[derive(Debug, Clone)]
pub struct BuiltIn {
    settings: Settings,
    /// Bounds of the threshold.
    lowest: f64,
    highest: f64,
    /// A symbol's own threshold, by its place in the list.
    by_symbol: Vec<Option<f64>>,
}

impl BuiltIn {
    /// The rule that the settings name, for symbols that are numbered by their place in `symbols`.
    #[must_use]
    pub fn new(settings: &Settings, symbols: &[Symbol]) -> Self {
        let (lowest, highest) = match settings.kind {
            Kind::OversoldBounce => oversold_bounce::bounds(settings),
            Kind::ShortTheRip => short_the_rip::bounds(settings),
        };
        let own = |symbol| settings.rsi_by_symbol.iter().find(|(name, _)| name == symbol).map(|(_, rsi)| *rsi);
        Self { settings: settings.clone(), lowest, highest, by_symbol: symbols.iter().map(own).collect() }
    }

    /// The signal at this close: target at least its minimum away, stop at most its maximum. None where the ATR leaves no distance.
    pub(super) fn signal(&self, view: &MarketView<'_>, rsi: f64, atr: f64) -> Verdict {
        let (price, rule) = (view.candle.close, &self.settings);
        let target_distance = (rule.target_atr * atr).max(price * rule.target_min_pct / 100.0);
        let stop_distance = (rule.stop_atr * atr).min(price * rule.stop_max_pct / 100.0);
        if stop_distance <= 0.0 || target_distance <= 0.0 {
            return Verdict::Wait;
        }
        let (side, threshold) = (self.side(), self.threshold(view));
        Verdict::Enter(Signal { side, stop_distance, target_distance, rsi, threshold })
    }
}

impl Strategy for BuiltIn {
    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn side(&self) -> Side {
        match self.settings.kind {
            Kind::OversoldBounce => Side::Long,
            Kind::ShortTheRip => Side::Short,
        }
    }

    /// Lower in a rising market for a long and in a falling one for a short, higher in the other: by a third of the range, at most 3, or
    /// with strong momentum by half of it, at most 5.
    fn threshold(&self, view: &MarketView<'_>) -> f64 {
        if let Some(own) = self.by_symbol.get(view.symbol.index()).copied().flatten() {
            return own;
        }
        let range = self.settings.rsi_range;
        let strong = view.regime.momentum == Momentum::Strong;
        let shift = if strong { (range / 2.0).min(5.0) } else { (range / 3.0).min(3.0) };
        let shift = match (view.regime.trend, self.side()) {
            (Trend::Neutral, _) => 0.0,
            (Trend::Bullish, Side::Long) | (Trend::Bearish, Side::Short) => -shift,
            (Trend::Bearish, Side::Long) | (Trend::Bullish, Side::Short) => shift,
        };
        (self.settings.rsi_base + shift).max(self.lowest).min(self.highest)
    }

    fn on_close(&mut self, view: &MarketView<'_>) -> Verdict {
        match self.settings.kind {
            Kind::OversoldBounce => oversold_bounce::on_close(self, view),
            Kind::ShortTheRip => short_the_rip::on_close(self, view),
        }
    }

    fn conditions(&self, _view: &MarketView<'_>) -> Vec<Condition> {
        Vec::new()
    }
}
