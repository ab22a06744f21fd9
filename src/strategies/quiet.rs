//! Where nobody has to ask a strategy: most closes are far from its threshold, and it costs more to ask than to know that.

use super::{Momentum, Regime, Strategy, Trend};
use crate::market::{Between, Side, SymbolId};

/// At which RSI a strategy lets a symbol's closes go by, in each kind of market.
#[derive(Debug, Clone)]
pub struct Quiet {
    between: [[Between; Trend::ALL.len()]; Momentum::ALL.len()],
}

impl Quiet {
    /// What the thresholds say.
    #[must_use]
    pub fn of(strategy: &dyn Strategy, symbol: SymbolId) -> Self {
        let between = |threshold| match threshold {
            Some((Side::Long, rsi)) => Between { above: rsi, ..Between::ALL },
            Some((Side::Short, rsi)) => Between { below: rsi, ..Between::ALL },
            None => Between::NONE,
        };
        let at = |momentum| Trend::ALL.map(|trend| between(strategy.threshold(symbol, trend, momentum)));
        Self { between: Momentum::ALL.map(at) }
    }

    /// At which RSI that is in such a market; one that is not known yet is none of these.
    #[inline]
    #[must_use]
    pub const fn between(&self, regime: &Regime) -> Between {
        self.between[regime.momentum as usize][regime.trend as usize]
    }
}
