//! Oversold Bounce: long after a fall.

use super::{Adaptive, MarketView, Missing, Settings, Strategy, Verdict};
use crate::market::{Side, Symbol};

/// Long when the RSI has fallen to a threshold that follows the trend, and something was traded.
#[derive(Debug, Clone)]
pub struct OversoldBounce(Adaptive);

impl OversoldBounce {
    pub(super) fn new(settings: Settings, symbols: &[Symbol]) -> Self {
        let (base, range) = (settings.rsi_base, settings.rsi_range);
        let (lowest, highest) = ((base - range).max(30.0), (base + range).min(50.0));
        let by_symbol = settings.thresholds(symbols);
        Self(Adaptive { side: Side::Long, settings, lowest, highest, by_symbol })
    }
}

impl Strategy for OversoldBounce {
    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn side(&self) -> Side {
        self.0.side
    }

    fn threshold(&self, view: &MarketView<'_>) -> f64 {
        self.0.threshold(view.symbol, view.regime.trend, view.regime.momentum)
    }

    fn on_close(&mut self, view: &MarketView<'_>) -> Verdict {
        let Some(rsi) = view.own.rsi else { return Verdict::Wait };
        let threshold = self.threshold(view);
        let traded = view.candle.volume > 0.0 || !view.has_volume;
        if rsi > threshold || !traded {
            return Verdict::Wait;
        }
        let Some(atr) = view.own.atr else { return Verdict::NotWarm(Missing::Atr) };
        self.0.signal(view, rsi, atr, threshold).map_or(Verdict::Wait, Verdict::Enter)
    }
}
