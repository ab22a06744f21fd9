//! Simple moving average.

use super::sliding::{Part, Sliding};
use serde::{Deserialize, Serialize};

/// Mean of the last n values, in their unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sma {
    values: Sliding<Sum>,
}

/// A sum. Parts are added and never subtracted.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sum(f64);

impl Part for Sum {
    type Value = f64;

    fn of(value: f64) -> Self {
        Self(value)
    }

    fn join(self, newer: Self) -> Self {
        Self(self.0 + newer.0)
    }
}

impl Sma {
    /// A mean of `period` values, 1 to [`super::LONGEST`].
    #[must_use]
    pub fn new(period: u32) -> Self {
        Self { values: Sliding::new(period) }
    }

    /// Takes in the next value; `None` until `period` values have come.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.values.push(value);
        self.values.total().map(|Sum(sum)| sum / f64::from(self.values.period()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_mean_of_the_last_values_and_forgets_the_rest() {
        let mut sma = Sma::new(3);
        let tiny = 1.0 / 1024.0 / 1024.0 / 1024.0;
        let values = [1.0, 2.0, 6.0, 7.0, 1e8, tiny, tiny, tiny, 4.0 * tiny];
        let got: Vec<_> = values.into_iter().map(|value| sma.update(value)).collect();
        assert_eq!(got[..4], [None, None, Some(3.0), Some(5.0)]);
        assert_eq!(got[7..], [Some(tiny), Some(2.0 * tiny)], "nothing is left of 1e8");
    }
}
