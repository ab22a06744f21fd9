//! Growth, as of a year.

use super::{daily::DAYS_A_YEAR, numbers::finite};
use crate::market::DAY_MS;

/// Shorter runs say nothing about a year.
const LEAST_MS: i64 = 2 * DAY_MS;

/// What became of an amount, in percent. None where there was none.
#[must_use]
pub fn change_pct(from: f64, to: f64) -> Option<f64> {
    if from > 0.0 { finite(100.0 * (to / from - 1.0)) } else { None }
}

/// Compound annual growth rate in percent: (to ÷ from)^(365 days ÷ length) − 1, with interest on interest (CFA Institute, Quantitative
/// Methods: geometric mean return). None of a run of less than two days, and where nothing was there or nothing is left.
#[must_use]
pub fn yearly_pct(from: f64, to: f64, length_ms: i64) -> Option<f64> {
    if from <= 0.0 || to <= 0.0 || length_ms < LEAST_MS {
        return None;
    }
    let days = length_ms as f64 / DAY_MS as f64;
    finite(100.0 * ((to / from).powf(DAYS_A_YEAR / days) - 1.0))
}

/// Calmar ratio (Young, Calmar Ratio: A Smoother Tool, 1991): yearly return ÷ maximum drawdown, here of the whole run.
#[must_use]
pub fn calmar(yearly_pct: Option<f64>, deepest_pct: Option<f64>) -> Option<f64> {
    finite(yearly_pct? / deepest_pct.filter(|depth| *depth > 0.0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_compounded() {
        for (from, to, days, want) in [
            (1000.0, 1100.0, 365, Some(10.0)),
            (1000.0, 1210.0, 730, Some(10.0)),  // 1.1 × 1.1
            (1000.0, 1100.0, 73, Some(61.051)), // 1.1⁵ − 1
            (1000.0, 500.0, 365, Some(-50.0)),
            (1000.0, 1000.0, 2, Some(0.0)),
            (1000.0, 1100.0, 1, None),
            (1000.0, 0.0, 365, None),
            (0.0, 1000.0, 365, None),
            (1e-9, 1e9, 2, None), // more than a number holds
        ] {
            assert_eq!(yearly_pct(from, to, days * DAY_MS), want, "{from} to {to} in {days} days");
        }
        assert_eq!((change_pct(1000.0, 1034.2), change_pct(0.0, 1.0)), (Some(3.42), None));
        assert_eq!(
            (calmar(Some(30.0), Some(10.0)), calmar(Some(30.0), Some(0.0)), calmar(None, Some(1.0))),
            (Some(3.0), None, None)
        );
    }
}
