//! Short The Rip: short after a rise within a falling market.

use super::{Adaptive, MarketView, Missing, Readings, Settings, Strategy, Verdict};
use crate::market::{Side, Symbol};

/// Short when the RSI has risen to a threshold that follows the trend while the context's averages stand in falling order.
#[derive(Debug, Clone)]
pub struct ShortTheRip(Adaptive);

impl ShortTheRip {
    pub(super) fn new(settings: Settings, symbols: &[Symbol]) -> Self {
        let (base, range) = (settings.rsi_base, settings.rsi_range);
        let (lowest, highest) = ((base - range).max(55.0), (base + range).min(85.0));
        let by_symbol = settings.thresholds(symbols);
        Self(Adaptive { side: Side::Short, settings, lowest, highest, by_symbol })
    }
}

/// EMA21 < EMA50 ≤ EMA200, within a tolerance that is tight in a strong micro trend; not asked for in a weak one.
///
/// `None` where EMA200 (which is the last to be warm) has no value yet: then the rule does not enter, however weak the trend.
fn falling_order(context: &Readings, strength: f64) -> Option<bool> {
    let (fast, middle, slow) = (context.ema21?, context.ema50?, context.ema200?);
    let tolerance = match strength {
        strength if strength < 0.3 => return Some(true),
        strength if strength > 0.7 => 0.001,
        _ => 0.005,
    };
    Some(fast < middle * (1.0 + tolerance) && middle <= slow * (1.0 + tolerance))
}

impl Strategy for ShortTheRip {
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
        if rsi < threshold {
            return Verdict::Wait;
        }
        match falling_order(view.context, view.regime.strength) {
            None => Verdict::NotWarm(Missing::Ema200),
            Some(false) => Verdict::Wait,
            Some(true) => match view.own.atr {
                None => Verdict::NotWarm(Missing::Atr),
                Some(atr) => self.0.signal(view, rsi, atr, threshold).map_or(Verdict::Wait, Verdict::Enter),
            },
        }
    }
}
