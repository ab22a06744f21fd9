//! The two built-in rules: an RSI threshold that follows the trend, and distances from the ATR; or, in their simple forms, fixed ones.

use super::{
    Cause, Condition, Kind, MarketView, Momentum, Settings, Signal, Strategy, Trend, Verdict, oversold_bounce,
    short_the_rip,
};
use crate::market::{Side, Symbol, SymbolId};
use std::ops::ControlFlow;

/// A built-in rule with its numbers; thresholds are worked out once.
#[derive(Debug, Clone)]
pub struct BuiltIn {
    pub(super) settings: Settings,
    side: Side,
    /// The threshold of each symbol, by its place in the list, by momentum, and by trend.
    thresholds: Vec<[[f64; Trend::ALL.len()]; Momentum::ALL.len()]>,
}

impl BuiltIn {
    /// The rule that the settings name, for symbols that are numbered by their place in `symbols`.
    #[must_use]
    pub fn new(settings: &Settings, symbols: &[Symbol]) -> Self {
        let side = if settings.kind == Kind::ShortTheRip { Side::Short } else { Side::Long };
        let at = |momentum| Trend::ALL.map(|trend| threshold(settings, side, trend, momentum));
        let everywhere = Momentum::ALL.map(at);
        let own = |symbol| settings.rsi_by_symbol.iter().find(|(name, _)| name == symbol);
        let of = |symbol| own(symbol).map_or(everywhere, |(_, rsi)| everywhere.map(|by_trend| by_trend.map(|_| *rsi)));
        Self { settings: settings.clone(), side, thresholds: symbols.iter().map(of).collect() }
    }

    /// The RSI at which it would enter now.
    pub(super) fn threshold_at(&self, view: &MarketView<'_>) -> f64 {
        self.rsi_in(view.symbol, view.regime.trend, view.regime.momentum)
    }

    fn rsi_in(&self, symbol: SymbolId, trend: Trend, momentum: Momentum) -> f64 {
        self.thresholds[symbol.index()][momentum as usize][trend as usize]
    }

    /// Shows each condition in turn, in the order in which the rule looks, until `see` has seen enough.
    fn look<B>(&self, view: &MarketView<'_>, see: impl FnMut(Condition) -> ControlFlow<B>) -> ControlFlow<B> {
        match self.side {
            Side::Long => oversold_bounce::look(self, view, see),
            Side::Short => short_the_rip::look(self, view, see),
        }
    }

    /// The signal where every condition holds.
    fn signal(&self, view: &MarketView<'_>, rsi: f64) -> Signal {
        let (stop_distance, target_distance) = (self.settings.stop_distance(view), self.settings.target_distance(view));
        let cause = Cause::Rsi { value: rsi, threshold: self.threshold_at(view) };
        Signal { side: self.side, stop_distance, target_distance, cause }
    }
}

/// The RSI at which a rule enters, where the symbol has none of its own.
///
/// Lower in a rising market for a long and in a falling one for a short, higher in the other: by a third of the range, at most 3, or
/// with strong momentum by half of it, at most 5. Fixed in the simple form.
fn threshold(settings: &Settings, side: Side, trend: Trend, momentum: Momentum) -> f64 {
    let (lowest, highest) = match side {
        _ if !settings.adaptive => (settings.rsi_fixed, settings.rsi_fixed),
        Side::Long => oversold_bounce::bounds(settings),
        Side::Short => short_the_rip::bounds(settings),
    };
    let range = settings.rsi_range;
    let shift = if momentum == Momentum::Strong { (range / 2.0).min(5.0) } else { (range / 3.0).min(3.0) };
    let shift = match (trend, side) {
        (Trend::Neutral, _) => 0.0,
        (Trend::Bullish, Side::Long) | (Trend::Bearish, Side::Short) => -shift,
        (Trend::Bearish, Side::Long) | (Trend::Bullish, Side::Short) => shift,
    };
    (settings.rsi_base + shift).max(lowest).min(highest)
}

impl Strategy for BuiltIn {
    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn threshold(&self, symbol: SymbolId, trend: Trend, momentum: Momentum) -> Option<(Side, f64)> {
        Some((self.side, self.rsi_in(symbol, trend, momentum)))
    }

    fn on_close(&mut self, view: &MarketView<'_>) -> Verdict {
        let Some(rsi) = view.own.rsi else { return Verdict::Wait };
        let seen = self.look(view, |condition| match condition.holds() {
            Some(true) => ControlFlow::Continue(()),
            Some(false) => ControlFlow::Break(Verdict::Wait),
            None => ControlFlow::Break(Verdict::NotWarm(condition.what)),
        });
        seen.break_value().unwrap_or_else(|| Verdict::Enter(self.signal(view, rsi)))
    }

    fn conditions(&self, view: &MarketView<'_>) -> Vec<Condition> {
        let mut all = Vec::new();
        let _ = self.look(view, |condition| {
            all.push(condition);
            ControlFlow::<()>::Continue(())
        });
        all
    }
}
