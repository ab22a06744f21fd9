//! Return by risk.

use super::{daily::DAYS_A_YEAR, numbers::finite};

/// Less than this is no deviation but rounding.
const LEAST_DEVIATION: f64 = 1e-12;

/// Sharpe ratio of daily returns (Sharpe, The Sharpe Ratio, 1994): mean ÷ standard deviation (of a sample: n − 1) × √365, with a risk-free
/// rate of 0. None of less than two days, or where all are equal.
#[must_use]
pub fn sharpe(returns: &[f64]) -> Option<f64> {
    let mean = mean(returns)?;
    let squares: f64 = returns.iter().map(|day| (day - mean) * (day - mean)).sum();
    by(mean, (squares / (returns.len() - 1) as f64).sqrt())
}

/// Sortino ratio of daily returns (Sortino and Price, Performance Measurement in a Downside Risk Framework, 1994): mean ÷ downside
/// deviation × √365, with a target of 0; the deviation is √(Σ min(day, 0)² ÷ n), over all days. None of less than two, or where none lost.
#[must_use]
pub fn sortino(returns: &[f64]) -> Option<f64> {
    let mean = mean(returns)?;
    let squares: f64 = returns.iter().map(|day| day.min(0.0) * day.min(0.0)).sum();
    by(mean, (squares / returns.len() as f64).sqrt())
}

fn mean(returns: &[f64]) -> Option<f64> {
    (returns.len() >= 2).then(|| returns.iter().sum::<f64>() / returns.len() as f64)
}

fn by(mean: f64, deviation: f64) -> Option<f64> {
    if deviation < LEAST_DEVIATION { None } else { finite(mean / deviation * DAYS_A_YEAR.sqrt()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratios_are_those_of_the_formulas() {
        for (returns, by_deviation, by_downside) in [
            (&[] as &[f64], None, None),
            (&[0.01], None, None),
            (&[0.01, 0.01], None, None),
            (&[0.0, 0.0, 0.0], None, None),
            // mean 0.01, deviation √((0.01² + 0.01²) ÷ 1) = 0.0141421: 0.707107 × 19.104973; nothing was lost
            (&[0.0, 0.02], Some(13.509_256), None),
            // mean 0.01, Σ(x − mean)² = 0.0001 + 0.0004 + 0.0009 + 0.0004 over 3: √0.0006 = 0.0244949; downside √(0.0002 ÷ 4) = 0.0070711
            (&[0.02, -0.01, 0.04, -0.01], Some(7.799_573), Some(27.018_512)),
            // mean −0.02, √(0.0002 ÷ 1) = 0.0141421; downside √(0.001 ÷ 2) = 0.0223607
            (&[-0.01, -0.03], Some(-27.018_512), Some(-17.088_007)),
        ] {
            for (got, want) in [(sharpe(returns), by_deviation), (sortino(returns), by_downside)] {
                match (got, want) {
                    (Some(got), Some(want)) => assert!((got - want).abs() < 1e-5, "{returns:?}: {got}, not {want}"),
                    _ => assert_eq!(got, want, "{returns:?}"),
                }
            }
        }
    }
}
