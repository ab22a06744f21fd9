//! Prices at which nothing happens, which is known before they come: most of them.

/// Prices strictly between two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calm {
    /// In USDT.
    pub above: f64,
    /// In USDT.
    pub below: f64,
}

impl Calm {
    /// No price at all.
    pub const NOWHERE: Self = Self { above: f64::INFINITY, below: f64::NEG_INFINITY };
    /// Every price.
    pub const EVERYWHERE: Self = Self { above: f64::NEG_INFINITY, below: f64::INFINITY };

    /// The prices that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { above: self.above.max(other.above), below: self.below.min(other.below) }
    }

    /// Whether all prices from one to another are among them.
    #[inline]
    #[must_use]
    pub const fn spans(&self, low: f64, high: f64) -> bool {
        self.above < low && high < self.below
    }
}

impl Default for Calm {
    fn default() -> Self {
        Self::NOWHERE
    }
}
