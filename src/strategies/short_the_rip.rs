//! Short The Rip: short when the RSI has risen to a threshold that follows the trend while the context's averages stand in falling order.

use super::{ATR, Bound, BuiltIn, Condition, MarketView, RSI, Settings};
use std::ops::ControlFlow;

/// The threshold stays within these.
pub(super) fn bounds(settings: &Settings) -> (f64, f64) {
    ((settings.rsi_base - settings.rsi_range).max(55.0), (settings.rsi_base + settings.rsi_range).min(85.0))
}

/// Shows each condition in turn, until `see` has seen enough.
///
/// The order is EMA21 < EMA50 ≤ EMA200, within a tolerance that is tight in a strong micro trend; it is not asked for in a weak one, but
/// EMA200 is. The simple form knows no micro trend and has no tolerance.
pub(super) fn look<B>(
    rule: &BuiltIn,
    view: &MarketView<'_>,
    mut see: impl FnMut(Condition) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let (timeframe, context) = (rule.settings.timeframe, rule.settings.context);
    see(Condition { what: RSI, timeframe, value: view.own.rsi, bound: Bound::AtLeast(rule.threshold_at(view)) })?;
    // the last of the averages to be warm
    see(Condition { what: "EMA(200)", timeframe: context, value: view.context.ema200, bound: Bound::Above(0.0) })?;
    let averages = (view.context.ema21, view.context.ema50, view.context.ema200);
    if let (Some(tolerance), (value, Some(middle), Some(slow))) = (tolerance(rule, view.regime.strength), averages) {
        let (below_middle, at_most_slow) = (middle * (1.0 + tolerance), slow * (1.0 + tolerance));
        let (fast, middle) = ("EMA(21) against EMA(50)", "EMA(50) against EMA(200)");
        see(Condition { what: fast, timeframe: context, value, bound: Bound::Below(below_middle) })?;
        let value = view.context.ema50;
        see(Condition { what: middle, timeframe: context, value, bound: Bound::AtMost(at_most_slow) })?;
    }
    if rule.settings.wants_atr() {
        see(Condition { what: ATR, timeframe, value: view.own.atr, bound: Bound::Above(0.0) })?;
    }
    ControlFlow::Continue(())
}

/// By how much an average may be above the next slower one, as a part of it; `None` where their order doesn't matter.
fn tolerance(rule: &BuiltIn, strength: f64) -> Option<f64> {
    match strength {
        _ if !rule.settings.adaptive => Some(0.0),
        strength if strength < 0.3 => None,
        strength if strength > 0.7 => Some(0.001),
        _ => Some(0.005),
    }
}
