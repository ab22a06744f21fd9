//! The equity at the ends of UTC days.

use crate::{
    backtest::Sample,
    market::{DAY_MS, Timestamp},
};

/// Days a year: a market that never closes has all of them.
pub const DAYS_A_YEAR: f64 = 365.0;

/// Days that are looked at, at most: a century. Times in a file may be anything.
const MOST_DAYS: i64 = 36_525;

/// Returns of whole UTC days: equity at a day's end ÷ equity at its beginning − 1.
///
/// The equity at a moment is that of the last sample until then, so a day without data returned 0. A day that the run did not see whole
/// does not count. Empty where a day began with nothing, since no return is defined from there.
#[must_use]
pub fn returns(equity: &[Sample]) -> Vec<f64> {
    let (Some(first), Some(last)) = (equity.first(), equity.last()) else { return Vec::new() };
    let begins = Timestamp(first.at.0.saturating_add(DAY_MS - 1)).floor_to(DAY_MS);
    let days = last.at.since_ms(begins).div_euclid(DAY_MS).min(MOST_DAYS);
    let ends = (0..=days).map(|day| value_at(equity, begins.plus_ms(day.saturating_mul(DAY_MS))));
    let ends: Vec<f64> = ends.collect();
    if ends.iter().any(|equity| *equity <= 0.0) {
        return Vec::new();
    }
    ends.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect()
}

/// The equity at a moment that is not before the first sample.
#[must_use]
pub fn value_at(equity: &[Sample], at: Timestamp) -> f64 {
    let until = equity.partition_point(|sample| sample.at <= at);
    equity.get(until.saturating_sub(1)).map_or(0.0, |sample| sample.equity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{backtest::report::sample::samples, market::HOUR_MS};

    #[test]
    fn only_whole_days_count_and_a_silent_one_returns_nothing() {
        let hours = |list: &[(i64, f64)]| {
            samples(&list.iter().map(|(hour, equity)| (hour * HOUR_MS, *equity)).collect::<Vec<_>>())
        };
        for (list, want) in [
            (vec![], vec![]),
            (vec![(0, 100.0)], vec![]),
            (vec![(0, 100.0), (23, 120.0)], vec![]),
            (vec![(0, 100.0), (23, 120.0), (24, 125.0)], vec![0.25]),
            (vec![(0, 100.0), (20, 125.0), (49, 250.0)], vec![0.25, 0.0]), // what is after the second day's end does not count
            (vec![(5, 80.0), (24, 100.0), (48, 50.0)], vec![-0.5]),
            (vec![(0, 100.0), (24, 0.0), (48, 0.0)], vec![]),
        ] {
            assert_eq!(returns(&hours(&list)), want, "{list:?}");
        }
        assert!(returns(&samples(&[(i64::MIN, 1.0), (i64::MAX, 1.0)])).len() <= MOST_DAYS as usize);
    }
}
