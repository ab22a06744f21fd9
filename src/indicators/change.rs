//! How far a value has gone.

use super::ring::Ring;
use serde::{Deserialize, Serialize};

/// Relative change from the first to the last of so many values: 0.02 is a rise by 2 %. That of an average is its slope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    values: Ring,
}

impl Change {
    /// The change over `period` values, which is `period` − 1 steps; a period of 0 counts as 1.
    #[must_use]
    pub fn new(period: u32) -> Self {
        Self { values: Ring::new(period) }
    }

    /// Takes in the next value; `None` until `period` values have come, or where the first of them is 0.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.values.push(value);
        self.value()
    }

    /// The latest change; `None` until it is warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let (first, last) = self.values.ends()?;
        (first != 0.0).then(|| (last - first) / first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_from_the_first_to_the_last_of_its_period() {
        let mut change = Change::new(3);
        let got: Vec<_> = [100.0, 90.0, 110.0, 99.0, 0.0].into_iter().map(|value| change.update(value)).collect();
        assert_eq!(got, [None, None, Some(0.1), Some(0.1), Some(-1.0)]);
        assert_eq!(
            [1.0, 1.0].map(|value| change.update(value)),
            [Some(1.0 / 99.0 - 1.0), None],
            "from 0 there is none"
        );
    }
}
