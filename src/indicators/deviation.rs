//! Standard deviation of the last values.

use super::sliding::{Part, Sliding};
use serde::{Deserialize, Serialize};

/// Rolling standard deviation of the population (divided by their number), as TA-Lib's STDDEV with one deviation; in the values' unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deviation(Sliding<Spread>);

/// Count, mean and sum of squared differences from it; parts are joined as in Chan, Golub, LeVeque (1979), "Updating formulae and a pairwise
/// algorithm for computing sample variances".
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Part for Spread {
    type Value = f64;

    fn of(value: f64) -> Self {
        Self { count: 1.0, mean: value, squares: 0.0 }
    }

    fn join(self, newer: Self) -> Self {
        let count = self.count + newer.count;
        let apart = newer.mean - self.mean;
        let (share, weight) = (newer.count / count, self.count * newer.count / count);
        let squares = self.squares + newer.squares + apart * apart * weight;
        Self { count, mean: self.mean + apart * share, squares }
    }
}

impl Deviation {
    /// Of `period` values, 1 to [`super::LONGEST`].
    #[must_use]
    pub fn new(period: u32) -> Self {
        Self(Sliding::new(period))
    }

    /// Takes in the next value; `None` until `period` values have come.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.0.push(value);
        self.value()
    }

    /// The latest deviation; `None` until it is warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.0.total().map(|all| (all.squares / all.count).sqrt())
    }

    /// How many deviations `value` is from the mean of the last ones, upwards or downwards. `None` until it is warm, and where all of them
    /// are equal.
    #[must_use]
    pub fn distance(&self, value: f64) -> Option<f64> {
        let all = self.0.total()?;
        let deviation = (all.squares / all.count).sqrt();
        (deviation > 0.0).then(|| (value - all.mean).abs() / deviation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divides_by_the_number_of_values() {
        let mut deviation = Deviation::new(4);
        let got: Vec<_> = [9.0, 1.0, 1.0, 3.0, 3.0].into_iter().map(|value| deviation.update(value)).collect();
        assert_eq!(got, [None, None, None, Some(10.75f64.sqrt()), Some(1.0)]);
        assert_eq!(deviation.distance(-1.0), Some(3.0), "the mean is 2");
    }

    #[test]
    fn equal_values_have_none_and_nothing_is_far_from_them() {
        let mut deviation = Deviation::new(3);
        let last = [1e9, 0.1, 0.1, 0.1].into_iter().map(|value| deviation.update(value)).last();
        assert_eq!(last, Some(Some(0.0)), "nothing is left of what went before");
        assert_eq!(deviation.distance(5.0), None);
    }
}
