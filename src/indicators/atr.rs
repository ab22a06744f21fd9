//! Average true range.

use crate::market::Candle;
use serde::{Deserialize, Serialize};

/// Average true range, Wilder's smoothing (New Concepts in Technical Trading Systems, 1978), in price units.
///
/// A true range needs the close before it, so the first candle gives none; the average starts from the simple one of the first `period`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Atr {
    period: u32,
    ranges: u32,
    last_close: Option<f64>,
    value: f64,
    /// 1 ÷ the number of ranges: kept, since a division at every candle is slow.
    weight: f64,
}

impl Atr {
    /// An average over `period` true ranges; a period of 0 counts as 1.
    #[must_use]
    pub const fn new(period: u32) -> Self {
        Self { period: if period == 0 { 1 } else { period }, ranges: 0, last_close: None, value: 0.0, weight: 1.0 }
    }

    /// Takes in the next closed candle; `None` until `period` + 1 candles have come.
    pub fn update(&mut self, candle: &Candle) -> Option<f64> {
        if let Some(last) = self.last_close.replace(candle.close) {
            // no price is NaN, which `max` and `min` would look for
            let high = if last > candle.high { last } else { candle.high };
            let low = if last < candle.low { last } else { candle.low };
            let range = high - low;
            if self.ranges < self.period {
                self.ranges += 1;
                self.weight = 1.0 / f64::from(self.ranges);
            }
            self.value += (range - self.value) * self.weight;
        }
        self.value()
    }

    /// The latest average; `None` until it is warm.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.ranges == self.period).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Timestamp;

    #[test]
    fn the_true_range_reaches_to_the_close_before() {
        let mut atr = Atr::new(2);
        let candle = |open, high, low, close| Candle { open_time: Timestamp(0), open, high, low, close, volume: 0.0 };
        assert_eq!(atr.update(&candle(10.0, 11.0, 9.0, 10.0)), None);
        assert_eq!(atr.update(&candle(12.0, 13.0, 12.0, 12.0)), None, "gap up: 13 − 10 = 3");
        assert_eq!(atr.update(&candle(12.0, 12.5, 11.5, 12.0)), Some(2.0));
        assert_eq!(atr.update(&candle(12.0, 12.0, 8.0, 8.0)), Some(3.0), "(2 + 4) / 2");
    }
}
