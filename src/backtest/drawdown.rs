//! The deepest fall of the equity below the highest it had been.

use super::Sample;

/// A fall from a high, as a share of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fall {
    /// The high that it began at.
    pub peak: Sample,
    /// The lowest below it.
    pub trough: Sample,
    /// The first after it that is as high as the peak; none where it has not come.
    pub recovery: Option<Sample>,
}

impl Fall {
    const fn beginning(peak: Sample) -> Self {
        Self { peak, trough: peak, recovery: None }
    }

    /// Depth as a share of the peak, 0 or more: (peak − trough) ÷ peak (Magdon-Ismail and Atiya, Maximum Drawdown, 2004).
    #[must_use]
    pub fn depth(&self) -> f64 {
        below(self.peak.equity, self.trough.equity)
    }
}

/// How far a value is below a high, as a share of it; 0 where the high is nothing to fall from.
#[must_use]
pub fn below(peak: f64, value: f64) -> f64 {
    if peak > 0.0 { ((peak - value) / peak).max(0.0) } else { 0.0 }
}

/// Follows the equity from sample to sample.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Drawdown {
    /// The fall from the highest so far.
    current: Option<Fall>,
    /// The deepest of those before it.
    deepest: Option<Fall>,
}

impl Drawdown {
    /// The next sample.
    pub fn track(&mut self, sample: Sample) {
        let Some(fall) = &mut self.current else {
            self.current = Some(Fall::beginning(sample));
            return;
        };
        if sample.equity >= fall.peak.equity {
            fall.recovery = Some(sample);
            self.deepest = self.deepest();
            self.current = Some(Fall::beginning(sample));
        } else if sample.equity < fall.trough.equity {
            fall.trough = sample;
        }
    }

    /// The deepest fall, the first of equals; none where the equity never fell.
    #[must_use]
    pub fn deepest(&self) -> Option<Fall> {
        let current = self.current.filter(|fall| fall.depth() > 0.0);
        match (self.deepest, current) {
            (Some(deepest), Some(current)) if current.depth() <= deepest.depth() => Some(deepest),
            (deepest, current) => current.or(deepest),
        }
    }

    /// The highest so far.
    #[must_use]
    pub fn high(&self) -> Option<f64> {
        self.current.map(|fall| fall.peak.equity)
    }

    /// The samples without which the deepest fall, now or later, would be another.
    #[must_use]
    pub fn needs(&self, sample: &Sample) -> bool {
        let of = |fall: &Option<Fall>| {
            fall.is_some_and(|fall| fall.peak == *sample || fall.trough == *sample || fall.recovery == Some(*sample))
        };
        of(&self.current) || of(&self.deepest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::Timestamp;

    fn falls(equities: &[f64]) -> Option<(f64, f64, Option<i64>)> {
        let mut drawdown = Drawdown::default();
        for (at, equity) in (0..).zip(equities) {
            drawdown.track(Sample { at: Timestamp(at), equity: *equity, balance: *equity, open: 0 });
        }
        let fall = drawdown.deepest()?;
        Some((fall.peak.equity, fall.trough.equity, fall.recovery.map(|sample| sample.at.0)))
    }

    #[test]
    fn the_deepest_fall_is_a_share_of_its_peak() {
        for (equities, want) in [
            (&[] as &[f64], None),
            (&[100.0], None),
            (&[100.0, 101.0, 101.0, 102.0], None),
            (&[100.0, 90.0, 95.0], Some((100.0, 90.0, None))),
            (&[100.0, 90.0, 95.0, 100.0, 99.0], Some((100.0, 90.0, Some(3)))),
            (&[100.0, 90.0, 110.0, 88.0, 200.0, 181.0], Some((110.0, 88.0, Some(4)))), // 20 % before 10 % and 9.5 %
            (&[100.0, 90.0, 100.0, 90.0], Some((100.0, 90.0, Some(2)))),               // the first of equals
            (&[100.0, 50.0, 1000.0, 550.0], Some((100.0, 50.0, Some(2)))),             // 450 USDT, but 45 %
            (&[100.0, 0.0, -5.0], Some((100.0, -5.0, None))),
        ] {
            assert_eq!(falls(equities), want, "{equities:?}");
        }
        assert_eq!(below(0.0, -1.0), 0.0);
        assert_eq!(below(200.0, 150.0), 0.25);
    }
}
