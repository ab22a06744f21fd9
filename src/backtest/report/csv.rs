//! `equity.csv`.

use crate::backtest::{Sample, drawdown::below};
use std::fmt::Write;

/// The names of the columns.
pub const COLUMNS: &str = "time_ms,equity,balance,drawdown_pct,open";

/// The samples of the equity, a row each: in USDT, and in percent below the highest so far.
#[must_use]
pub fn equity_csv(equity: &[Sample]) -> String {
    let mut text = format!("{COLUMNS}\n");
    let mut high = 0.0f64;
    for sample in equity {
        high = high.max(sample.equity);
        let fallen = 100.0 * below(high, sample.equity);
        let Sample { at, equity, balance, open } = sample;
        let _ = writeln!(text, "{},{equity},{balance},{fallen:.4},{open}", at.0); // a string takes all
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::report::sample::samples;

    #[test]
    fn a_row_has_the_fall_from_the_highest() {
        let mut equity = samples(&[(0, 1000.0), (3_600_000, 1100.25), (7_200_000, 990.225)]);
        equity[2].open = 2;
        let want = "time_ms,equity,balance,drawdown_pct,open\n\
                    0,1000,1000,0.0000,0\n3600000,1100.25,1100.25,0.0000,0\n7200000,990.225,990.225,10.0000,2\n";
        assert_eq!(equity_csv(&equity), want);
    }
}
