//! Short The Rip: short when the RSI has risen to a threshold that follows the trend while the context's averages stand in falling order.

use super::{BuiltIn, MarketView, Missing, Readings, Settings, Strategy, Verdict};

/// The threshold stays within these.
pub(super) fn bounds(settings: &Settings) -> (f64, f64) {
    ((settings.rsi_base - settings.rsi_range).max(55.0), (settings.rsi_base + settings.rsi_range).min(85.0))
}

pub(super) fn on_close(rule: &BuiltIn, view: &MarketView<'_>) -> Verdict {
    let Some(rsi) = view.own.rsi else { return Verdict::Wait };
    if rsi < rule.threshold(view) {
        return Verdict::Wait;
    }
    match (falling_order(view.context, view.regime.strength), view.own.atr) {
        (None, _) => Verdict::NotWarm(Missing::Ema200),
        (Some(false), _) => Verdict::Wait,
        (Some(true), None) => Verdict::NotWarm(Missing::Atr),
        (Some(true), Some(atr)) => rule.signal(view, rsi, atr),
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
