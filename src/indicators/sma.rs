//! Simple moving average.

/// Mean of the last n values.
///
/// Nothing is ever subtracted: a running sum from which the oldest value is taken keeps the rounding errors of values that are long gone,
/// and a price of 1e8 would leave more of them than a price of 1e-8 weighs. The values are in two parts instead. Of the older ones only the
/// sums from each of them to the last are kept, of the newer ones the sum; when the older ones are used up, the newer ones become the older.
/// That turn costs n additions and comes every n values, so an update costs two on average.
#[derive(Debug, Clone, PartialEq)]
pub struct Sma {
    /// Before `next` the newer values; from there on the sums of the older ones.
    slots: Box<[f64]>,
    next: usize,
    /// Sum of the newer values.
    newer: f64,
    filled: bool,
}

impl Sma {
    /// A mean of `period` values, 1 to [`super::LONGEST`].
    #[must_use]
    pub fn new(period: u32) -> Self {
        let len = period.clamp(1, super::LONGEST) as usize;
        Self { slots: vec![0.0; len].into_boxed_slice(), next: 0, newer: 0.0, filled: false }
    }

    /// Takes in the next value and returns the mean, in its unit; `None` until `period` values have come.
    pub fn update(&mut self, value: f64) -> Option<f64> {
        self.slots[self.next] = value;
        self.newer += value;
        self.next += 1;
        if self.next == self.slots.len() {
            self.turn();
        }
        self.filled.then(|| (self.newer + self.slots[self.next]) / self.slots.len() as f64)
    }

    /// The newer values become the older ones.
    fn turn(&mut self) {
        let mut sum = 0.0;
        for slot in self.slots.iter_mut().rev() {
            sum += *slot;
            *slot = sum;
        }
        (self.next, self.newer, self.filled) = (0, 0.0, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_mean_of_the_last_values_and_forgets_the_rest() {
        let mut sma = Sma::new(3);
        let values = [1.0, 2.0, 6.0, 7.0, 1e8, 1e-8, 1e-8, 1e-8, 4e-8];
        let got: Vec<_> = values.into_iter().map(|value| sma.update(value)).collect();
        assert_eq!(got[..4], [None, None, Some(3.0), Some(5.0)]);
        assert_eq!(got[7..], [Some(1e-8), Some(2e-8)], "nothing is left of 1e8");
    }
}
