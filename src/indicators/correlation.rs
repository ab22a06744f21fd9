//! Correlation of two series.

use super::sliding::{Part, Sliding};
use serde::{Deserialize, Serialize};

/// Rolling correlation of the last `N` pairs (Pearson, of the population), as TA-Lib's CORREL; −1 to 1, and 0 where either side is constant.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Correlation<const N: usize>(Sliding<Joint, N>);

/// Count, means, and sums of squares and products of what pairs differ from them; parts are joined as those of a deviation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Joint {
    count: f64,
    means: [f64; 2],
    squares: [f64; 2],
    products: f64,
}

impl Part for Joint {
    type Value = (f64, f64);

    fn of((one, other): (f64, f64)) -> Self {
        Self { count: 1.0, means: [one, other], squares: [0.0; 2], products: 0.0 }
    }

    fn join(self, newer: Self) -> Self {
        let count = self.count + newer.count;
        let [one, other] = [0, 1].map(|side| newer.means[side] - self.means[side]);
        let (share, weight) = (newer.count / count, self.count * newer.count / count);
        Self {
            count,
            means: [self.means[0] + one * share, self.means[1] + other * share],
            squares: [
                self.squares[0] + newer.squares[0] + one * one * weight,
                self.squares[1] + newer.squares[1] + other * other * weight,
            ],
            products: self.products + newer.products + one * other * weight,
        }
    }
}

impl Joint {
    /// Of all pairs; `None` where there are fewer than `least`.
    pub fn all(pairs: impl Iterator<Item = (f64, f64)>, least: u32) -> Option<Self> {
        pairs.map(Self::of).reduce(Self::join).filter(|all| all.count >= f64::from(least))
    }

    /// How far both sides go together.
    #[must_use]
    pub fn correlation(&self) -> f64 {
        let spread = self.squares[0].sqrt() * self.squares[1].sqrt();
        if spread > 0.0 { (self.products / spread).clamp(-1.0, 1.0) } else { 0.0 }
    }
}

impl<const N: usize> Correlation<N> {
    /// Takes in the next pair; `None` until `N` pairs have come.
    pub fn update(&mut self, one: f64, other: f64) -> Option<f64> {
        self.0.push((one, other));
        self.value()
    }

    /// The latest correlation; `None` until it is warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.0.total().map(|all| all.correlation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_its_bounds_and_is_0_where_a_side_does_not_move() {
        for (pairs, want) in [
            ([(1.0, 10.0), (2.0, 20.0), (3.0, 30.0)], 1.0),
            ([(1.0, -1e8), (2.0, -2e8), (3.0, -3e8)], -1.0),
            ([(1.0, 1.0), (2.0, 2.0), (3.0, 1.0)], 0.0),
            ([(1.0, 5.0), (2.0, 5.0), (3.0, 5.0)], 0.0),
            ([(0.1, 0.1), (0.1, 0.1), (0.1, 0.1)], 0.0),
        ] {
            let mut correlation = Correlation::<3>::default();
            assert_eq!(correlation.update(1e9, -7.0), None);
            let got = pairs.into_iter().filter_map(|(one, other)| correlation.update(one, other)).last().unwrap();
            assert!((got - want).abs() < 1e-12 && got.abs() <= 1.0, "{pairs:?}: {got}");
            assert!(pairs[0].1 != pairs[1].1 || got == 0.0, "nothing is left of what went before: {got}");
        }
    }
}
