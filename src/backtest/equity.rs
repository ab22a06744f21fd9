//! The equity as it went, in so few samples that a year and a decade fit.

use super::Drawdown;
use crate::market::{DAY_MS, HOUR_MS, Timestamp};

/// Samples that are kept at most: hourly ones of more than two years, or daily ones of fifty.
pub const MOST_SAMPLES: usize = 20_000;

/// The account at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Market time.
    pub at: Timestamp,
    /// Balance with open positions at their marks, in USDT.
    pub equity: f64,
    /// Balance alone, in USDT.
    pub balance: f64,
    /// Open positions.
    pub open: u16,
}

/// Samples in the order of their time. Where there are too many, the last of each longer period stays, the first of all, and those
/// that the maximum drawdown consists of; a period divides a day as long as it can, so that the last of a UTC day stays.
#[derive(Debug)]
pub(super) struct Samples {
    kept: Vec<Sample>,
    most: usize,
    period_ms: i64,
    /// From here on a sample is due.
    due: Timestamp,
    /// Over all but the last, which may still be replaced.
    drawdown: Drawdown,
}

impl Samples {
    pub fn new(most: usize) -> Self {
        Self { kept: Vec::new(), most, period_ms: HOUR_MS, due: Timestamp(i64::MIN), drawdown: Drawdown::default() }
    }

    pub const fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether a period is over at `at`, or the last sample was taken at just this moment and something has happened since.
    pub fn wants(&self, at: Timestamp) -> bool {
        at >= self.due || self.kept.last().is_some_and(|last| last.at == at)
    }

    /// From when on a period is over.
    pub const fn due(&self) -> Timestamp {
        self.due
    }

    /// The account as it is; of two at one moment the later counts, and none is before the last.
    pub fn take(&mut self, sample: Sample) {
        let at = self.kept.last().map_or(sample.at, |last| last.at.max(sample.at));
        let sample = Sample { at, ..sample };
        if at >= self.due {
            self.due = at.floor_to(self.period_ms).plus_ms(self.period_ms);
        }
        match self.kept.last_mut() {
            Some(last) if last.at == at => *last = sample,
            last => {
                if let Some(last) = last {
                    self.drawdown.track(*last);
                }
                if self.kept.len() >= self.most {
                    self.thin();
                }
                self.kept.push(sample);
            }
        }
    }

    pub fn finish(self) -> Vec<Sample> {
        self.kept
    }

    /// Leaves at most half of them.
    fn thin(&mut self) {
        self.keep_last_of_each_period();
        while self.kept.len() > self.most / 2 && self.period_ms < i64::MAX / 4 {
            // 1, 2, 4, 8, 24 hours, 2, 4, … days
            self.period_ms = if self.period_ms == 8 * HOUR_MS { DAY_MS } else { 2 * self.period_ms };
            self.keep_last_of_each_period();
        }
    }

    fn keep_last_of_each_period(&mut self) {
        // What closes at a period's end belongs to it, not to the next one.
        let period = |sample: &Sample| sample.at.plus_ms(-1).floor_to(self.period_ms);
        let (all, last) = (&self.kept, self.kept.len().saturating_sub(1));
        let stays = |place: usize| {
            place == 0
                || place == last
                || period(&all[place]) != period(&all[place + 1])
                || self.drawdown.needs(&all[place])
        };
        self.kept = (0..all.len()).filter(|place| stays(*place)).map(|place| all[place]).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(at: i64, equity: f64) -> Sample {
        Sample { at: Timestamp(at), equity, balance: equity, open: 0 }
    }

    fn deepest(samples: &[Sample]) -> Option<super::super::Fall> {
        let mut drawdown = Drawdown::default();
        samples.iter().for_each(|sample| drawdown.track(*sample));
        drawdown.deepest()
    }

    #[test]
    fn one_an_hour_is_wanted_and_the_later_of_a_moment_counts() {
        let mut samples = Samples::new(100);
        assert!(samples.wants(Timestamp(5)));
        samples.take(sample(5, 1000.0));
        let hour = Timestamp(HOUR_MS);
        assert!(!samples.wants(hour.plus_ms(-1)) && samples.wants(hour));
        samples.take(sample(HOUR_MS, 1001.0));
        assert!(samples.wants(hour), "another symbol's candle closes at the same moment");
        samples.take(sample(HOUR_MS, 1002.0));
        samples.take(sample(HOUR_MS - 7, 1003.0)); // an exit within a candle that is told later
        assert!(!samples.wants(hour.plus_ms(1)));
        assert_eq!(samples.finish(), [sample(5, 1000.0), sample(HOUR_MS, 1003.0)]);
    }

    #[test]
    fn a_decade_keeps_the_end_of_each_day() {
        let mut samples = Samples::new(10_000);
        let hours = 10 * 365 * 24;
        (0..=hours).for_each(|hour| samples.take(sample(hour * HOUR_MS, hour as f64)));
        let kept = samples.finish();
        assert!(kept.len() <= 10_000, "{}", kept.len());
        for day in 0..=3650 {
            assert!(kept.iter().any(|sample| sample.at.0 == day * DAY_MS), "day {day}");
        }
    }

    #[test]
    fn many_exits_a_day_do_not_cost_the_days() {
        let mut samples = Samples::new(1000);
        for minute in 1..=100 * 1440 {
            samples.take(sample(minute * 60_000, minute as f64));
        }
        let kept = samples.finish();
        assert!((1..=100).all(|day| kept.iter().any(|sample| sample.at.0 == day * DAY_MS)));
    }

    proptest! {
        #[test]
        fn thinning_keeps_ends_order_limit_and_the_maximum_drawdown(
            steps in prop::collection::vec((1i64..20 * HOUR_MS, 1u32..1000), 1..600),
        ) {
            let (mut samples, mut all, mut at) = (Samples::new(40), Vec::new(), 0);
            for (step, equity) in steps {
                at += step;
                all.push(sample(at, f64::from(equity)));
                samples.take(sample(at, f64::from(equity)));
                prop_assert!(samples.kept.len() <= 40);
            }
            let kept = samples.finish();
            prop_assert!(kept.windows(2).all(|pair| pair[0].at < pair[1].at));
            prop_assert_eq!((kept.first(), kept.last()), (all.first(), all.last()));
            prop_assert_eq!(deepest(&kept), deepest(&all));
        }
    }
}
