//! Percentile rank.

use super::ring::Ring;
use serde::{Deserialize, Serialize};

/// The share of the other values of the period that are below the last one, 0 to 1; equal ones count half.
///
/// An update looks at the whole period: a constant amount of work, but one that grows with the period. The engine ranks the last 100 of
/// its coarsest candles alone, which is nothing a day; an ordered copy would cost more than it saves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rank {
    values: Ring,
}

impl Rank {
    /// A rank among `period` values; a period below 2 counts as 2.
    #[must_use]
    pub fn new(period: u32) -> Self {
        Self { values: Ring::new(period.max(2)) }
    }

    /// Takes in the next value; `None` until `period` values have come.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.values.push(value);
        let all = self.values.all()?;
        let (below, equal) = all.iter().fold((0u32, 0u32), |(below, equal), other| {
            (below + u32::from(*other < value), equal + u32::from(*other == value))
        });
        let others = all.len() as f64 - 1.0;
        Some((f64::from(below) + f64::from(equal.saturating_sub(1)) / 2.0) / others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_0_for_the_least_1_for_the_greatest_and_a_half_among_equals() {
        for (values, want) in
            [([1.0, 2.0, 3.0], 1.0), ([3.0, 2.0, 1.0], 0.0), ([1.0, 3.0, 2.0], 0.5), ([2.0, 2.0, 2.0], 0.5)]
        {
            let mut rank = Rank::new(3);
            let got = values.map(|value| rank.update(value));
            assert_eq!(got, [None, None, Some(want)], "{values:?}");
        }
    }
}
