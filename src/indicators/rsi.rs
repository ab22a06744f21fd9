//! Relative strength index.

use serde::{Deserialize, Serialize};

/// Relative strength index, Wilder's smoothing (New Concepts in Technical Trading Systems, 1978), 0 to 100.
///
/// The averages of gains and losses start from the simple average of the first `period` changes. 50 where there were neither.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rsi {
    period: u32,
    changes: u32,
    last: Option<f64>,
    gain: f64,
    loss: f64,
    /// 1 ÷ the number of changes: kept, since a division at every close is slow.
    weight: f64,
}

impl Rsi {
    /// An index over `period` changes; a period of 0 counts as 1.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        let period = if period == 0 { 1 } else { period };
        Self { period, changes: 0, last: None, gain: 0.0, loss: 0.0, weight: 1.0 }
    }

    /// Takes in the next close; `None` until `period` + 1 closes have come.
    pub fn update(&mut self, close: f64) -> Option<f64> {
        let last = self.last.replace(close)?;
        if self.changes < self.period {
            self.changes += 1;
            self.weight = 1.0 / f64::from(self.changes);
        }
        let change = close - last;
        let gained = if change > 0.0 { change } else { 0.0 };
        let lost = gained - change; // one of them is 0
        let gain = self.gain + (gained - self.gain) * self.weight;
        let loss = self.loss + (lost - self.loss) * self.weight;
        (self.gain, self.loss) = (gain, loss);
        self.index(gain, loss) // not from where they have just been written: that wait is longer than all the rest
    }

    /// The latest index; `None` until it is warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.index(self.gain, self.loss)
    }

    fn index(&self, gain: f64, loss: f64) -> Option<f64> {
        let (total, warm) = (gain + loss, self.changes == self.period);
        warm.then(|| if total > 0.0 { 100.0 * (gain / total) } else { 50.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_wilder() {
        let mut rsi = Rsi::new(2);
        // changes +1, -1 → 50; then +2: gain (0.5+2)/2 = 1.25, loss 0.25 → 83.33
        let got: Vec<_> = [10.0, 11.0, 10.0, 12.0].into_iter().map(|close| rsi.update(close)).collect();
        assert_eq!(got, [None, None, Some(50.0), Some(100.0 * (1.25 / 1.5))]);
    }

    #[test]
    fn is_50_when_nothing_moves_and_has_its_bounds() {
        for (closes, want) in [([5.0, 5.0, 5.0], 50.0), ([1.0, 2.0, 3.0], 100.0), ([3.0, 2.0, 1.0], 0.0)] {
            let mut rsi = Rsi::new(2);
            let last = closes.into_iter().map(|close| rsi.update(close)).last();
            assert_eq!(last, Some(Some(want)));
        }
    }
}
