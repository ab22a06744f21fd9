//! Oversold Bounce: long when the RSI has fallen to a threshold that follows the trend, and something was traded.

use super::{ATR, Bound, BuiltIn, Condition, MarketView, RSI, Settings};
use std::ops::ControlFlow;

/// The threshold stays within these.
pub(super) fn bounds(settings: &Settings) -> (f64, f64) {
    ((settings.rsi_base - settings.rsi_range).max(30.0), (settings.rsi_base + settings.rsi_range).min(50.0))
}

/// Shows each condition in turn, until `see` has seen enough.
pub(super) fn look<B>(
    rule: &BuiltIn,
    view: &MarketView<'_>,
    mut see: impl FnMut(Condition) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let timeframe = rule.settings.timeframe;
    see(Condition { what: RSI, timeframe, value: view.own.rsi, bound: Bound::AtMost(rule.threshold_at(view)) })?;
    if view.has_volume {
        let volume = Some(view.candle.volume);
        see(Condition { what: "volume", timeframe, value: volume, bound: Bound::Above(0.0) })?;
    }
    if rule.settings.wants_atr() {
        see(Condition { what: ATR, timeframe, value: view.own.atr, bound: Bound::Above(0.0) })?;
    }
    ControlFlow::Continue(())
}
