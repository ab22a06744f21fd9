//! Exponential moving average.

use serde::{Deserialize, Serialize};

/// Exponential moving average, α = 2 / (n + 1), started from the simple average of its first n values as charting sites do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ema {
    period: u32,
    seen: u32,
    value: f64,
    /// α: kept, since a division at every value is slow.
    weight: f64,
}

impl Ema {
    /// An average over `period` values; a period of 0 counts as 1.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        let period = if period == 0 { 1 } else { period };
        Self { period, seen: 0, value: 0.0, weight: 2.0 / (period as f64 + 1.0) }
    }

    /// Takes in the next value and returns the average, in its unit; `None` until `period` values have come.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        if self.seen < self.period {
            self.seen += 1;
            self.value += (value - self.value) / f64::from(self.seen);
        } else {
            self.value += (value - self.value) * self.weight;
        }
        self.value()
    }

    /// The latest average; `None` until it is warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.seen == self.period).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_from_the_simple_average() {
        let mut ema = Ema::new(3);
        let got: Vec<_> = [1.0, 2.0, 6.0, 5.0].into_iter().map(|value| ema.update(value)).collect();
        assert_eq!(got, [None, None, Some(3.0), Some(4.0)]);
    }
}
