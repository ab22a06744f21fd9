//! Where nobody has to ask a strategy: most closes are far from its threshold, and it costs more to ask than to know that.

use super::{Momentum, Regime, Strategy, Trend};
use crate::market::{Side, SymbolId};

/// At which RSI a strategy lets a symbol's closes go by, in each kind of market.
#[derive(Debug, Clone)]
pub struct Quiet {
    between: [[Between; Trend::ALL.len()]; Momentum::ALL.len()],
}

/// An RSI above one and below another.
#[derive(Debug, Clone, Copy)]
struct Between {
    above: f64,
    below: f64,
}

impl Quiet {
    /// What the thresholds say.
    #[must_use]
    pub fn of(strategy: &dyn Strategy, symbol: SymbolId) -> Self {
        let between = |threshold| match threshold {
            Some((Side::Long, rsi)) => Between { above: rsi, below: f64::INFINITY },
            Some((Side::Short, rsi)) => Between { above: f64::NEG_INFINITY, below: rsi },
            None => Between { above: f64::INFINITY, below: f64::NEG_INFINITY },
        };
        let at = |momentum| Trend::ALL.map(|trend| between(strategy.threshold(symbol, trend, momentum)));
        Self { between: Momentum::ALL.map(at) }
    }

    /// Whether a close with this RSI is one of them.
    #[inline]
    #[must_use]
    pub fn holds(&self, rsi: Option<f64>, regime: &Regime) -> bool {
        let between = &self.between[regime.momentum as usize][regime.trend as usize];
        rsi.is_some_and(|rsi| between.above < rsi && rsi < between.below)
    }
}
