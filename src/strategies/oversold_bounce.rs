//! Oversold Bounce: long when the RSI has fallen to a threshold that follows the trend, and something was traded.

use super::{BuiltIn, MarketView, Missing, Settings, Strategy, Verdict};

/// The threshold stays within these.
pub(super) fn bounds(settings: &Settings) -> (f64, f64) {
    ((settings.rsi_base - settings.rsi_range).max(30.0), (settings.rsi_base + settings.rsi_range).min(50.0))
}

pub(super) fn on_close(rule: &BuiltIn, view: &MarketView<'_>) -> Verdict {
    let Some(rsi) = view.own.rsi else { return Verdict::Wait };
    let traded = view.candle.volume > 0.0 || !view.has_volume;
    if rsi > rule.threshold(view) || !traded {
        return Verdict::Wait;
    }
    let Some(atr) = view.own.atr else { return Verdict::NotWarm(Missing::Atr) };
    rule.signal(view, rsi, atr)
}
