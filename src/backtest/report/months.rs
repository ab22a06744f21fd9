//! The equity by calendar months, in UTC.

use super::{
    calendar::{civil, month_begins},
    daily::value_at,
    yearly::change_pct,
};
use crate::backtest::Sample;
use serde::Serialize;

/// Months that are shown, at most: the first fifty years.
const MOST_MONTHS: i32 = 600;

/// What a month returned.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Month {
    /// The calendar year.
    pub year: i16,
    /// 1 to 12.
    pub month: u8,
    /// Equity at its end ÷ equity at its beginning − 1; the first and the last month begin and end with the run.
    pub return_pct: Option<f64>,
}

/// Every month that a run has seen something of.
#[must_use]
pub fn months(equity: &[Sample]) -> Vec<Month> {
    let (Some(first), Some(last)) = (equity.first(), equity.last()) else { return Vec::new() };
    let (year, month, _) = civil(first.at);
    let month_at = |place: i32| {
        let begins = month_begins(year, i32::from(month) + place)?;
        let ends = month_begins(year, i32::from(month) + place + 1)?;
        if begins >= last.at {
            return None;
        }
        let (from, to) = (value_at(equity, begins.max(first.at)), value_at(equity, ends.min(last.at)));
        let (year, month, _) = civil(begins);
        Some(Month { year, month, return_pct: change_pct(from, to) })
    };
    (0..MOST_MONTHS).map_while(month_at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{backtest::report::sample::samples, market::DAY_MS, run::rig::START};

    #[test]
    fn months_chain_to_the_whole_return() {
        // from the middle of January to the middle of March
        let at = |day: i64| START.0 + day * DAY_MS;
        let equity = samples(&[(at(14), 1000.0), (at(31), 1100.0), (at(40), 900.0), (at(59), 990.0), (at(70), 1089.0)]);
        let got: Vec<_> =
            months(&equity).into_iter().map(|month| (month.year, month.month, month.return_pct)).collect();
        assert_eq!(got, [(2025, 1, Some(10.0)), (2025, 2, Some(-10.0)), (2025, 3, Some(10.0))]);
        assert_eq!(months(&[]), []);
        let whole = months(&samples(&[(at(0), 1.0), (at(31), 2.0)]));
        assert_eq!(whole.len(), 1, "a run that ends as a month does has seen nothing of the next");
    }
}
