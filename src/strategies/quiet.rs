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
pub struct Between {
    above: f64,
    below: f64,
}

impl Between {
    /// Any RSI.
    pub const ANY: Self = Self { above: f64::NEG_INFINITY, below: f64::INFINITY };

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { above: self.above.max(other.above), below: self.below.min(other.below) }
    }

    /// Whether this one is among them; one that is not known yet never is.
    #[inline]
    #[must_use]
    pub fn holds(self, rsi: Option<f64>) -> bool {
        rsi.is_some_and(|rsi| self.above < rsi && rsi < self.below)
    }
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

    /// At which RSI that is in such a market.
    #[inline]
    #[must_use]
    pub const fn between(&self, regime: &Regime) -> Between {
        self.between[regime.momentum as usize][regime.trend as usize]
    }
}
