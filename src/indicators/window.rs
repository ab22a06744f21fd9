//! The last values, for changes and ranks.

use serde::{Deserialize, Serialize};

/// The last `N` values, in a ring of fixed size. Written down as the values that came, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Window<const N: usize> {
    values: [f64; N],
    next: usize,
    filled: bool,
}

impl<const N: usize> Default for Window<N> {
    fn default() -> Self {
        Self { values: [0.0; N], next: 0, filled: false }
    }
}

/// More values than a window holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} values for a window of {1}")]
pub struct TooMany(usize, usize);

impl<const N: usize> From<Window<N>> for Vec<f64> {
    fn from(window: Window<N>) -> Self {
        let (newer, older) = window.values.split_at(window.next);
        if window.filled { [older, newer].concat() } else { newer.to_vec() }
    }
}

impl<const N: usize> TryFrom<Vec<f64>> for Window<N> {
    type Error = TooMany;

    fn try_from(values: Vec<f64>) -> Result<Self, TooMany> {
        if values.len() > N {
            return Err(TooMany(values.len(), N));
        }
        let mut window = Self::default();
        values.into_iter().for_each(|value| window.push(value));
        Ok(window)
    }
}

impl<const N: usize> Window<N> {
    /// Takes in the next value, and forgets the one `N` before it.
    pub fn push(&mut self, value: f64) {
        self.values[self.next] = value;
        self.next += 1;
        if self.next == N {
            self.next = 0;
            self.filled = true;
        }
    }

    /// Relative change from the first to the last of the `N` values; `None` until there are `N`, or when the first is 0.
    #[must_use]
    pub fn change(&self) -> Option<f64> {
        let first = self.values[self.next];
        let last = self.values[(self.next + N - 1) % N];
        (self.filled && first != 0.0).then(|| (last - first) / first)
    }

    /// The share of the other `N` − 1 values that are below the last one, 0 to 1; equal ones count half. `None` until there are `N`.
    #[must_use]
    pub fn rank(&self) -> Option<f64> {
        let last = self.values[(self.next + N - 1) % N];
        let below = self.values.iter().filter(|value| **value < last).count();
        let equal = self.values.iter().filter(|value| **value == last).count().saturating_sub(1);
        (self.filled && N > 1).then(|| (below as f64 + equal as f64 / 2.0) / (N as f64 - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_runs_from_the_first_to_the_last_of_the_window() {
        let mut window = Window::<3>::default();
        let got: Vec<_> = [100.0, 90.0, 110.0, 99.0]
            .into_iter()
            .map(|value| {
                window.push(value);
                window.change()
            })
            .collect();
        assert_eq!(got, [None, None, Some(0.1), Some(0.1)]);
    }

    #[test]
    fn what_was_written_down_goes_on_as_it_would_have() {
        for seen in 0..8 {
            let mut window = Window::<3>::default();
            (0..seen).for_each(|at| window.push(f64::from(at * at % 5)));
            let mut again = Window::<3>::try_from(Vec::from(window.clone())).unwrap();
            for value in [1.0, 7.0, 3.0, 2.0] {
                assert_eq!((again.change(), again.rank()), (window.change(), window.rank()), "after {seen}");
                window.push(value);
                again.push(value);
            }
        }
        assert_eq!(Window::<3>::try_from(vec![0.0; 4]), Err(TooMany(4, 3)));
    }

    #[test]
    fn rank_is_0_for_the_least_1_for_the_greatest_and_a_half_among_equals() {
        for (values, want) in
            [([1.0, 2.0, 3.0], 1.0), ([3.0, 2.0, 1.0], 0.0), ([1.0, 3.0, 2.0], 0.5), ([2.0, 2.0, 2.0], 0.5)]
        {
            let mut window = Window::<3>::default();
            values.into_iter().for_each(|value| window.push(value));
            assert_eq!(window.rank(), Some(want), "{values:?}");
        }
    }
}
