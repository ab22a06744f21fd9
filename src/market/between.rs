//! An open range: prices at which nothing happens, values at which nobody has anything to say. Most are, and that is known before they come.

/// Numbers strictly between two.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Between {
    /// The one below them.
    pub above: f64,
    /// The one above them.
    pub below: f64,
}

impl Between {
    /// No number.
    pub const NONE: Self = Self { above: f64::INFINITY, below: f64::NEG_INFINITY };
    /// Every number.
    pub const ALL: Self = Self { above: f64::NEG_INFINITY, below: f64::INFINITY };

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { above: self.above.max(other.above), below: self.below.min(other.below) }
    }

    /// Whether this one is among them.
    #[inline]
    #[must_use]
    pub const fn holds(self, number: f64) -> bool {
        self.spans(number, number)
    }

    /// Whether all from one to another are among them.
    #[inline]
    #[must_use]
    pub const fn spans(self, low: f64, high: f64) -> bool {
        self.above < low && high < self.below
    }
}

impl Default for Between {
    fn default() -> Self {
        Self::NONE
    }
}
