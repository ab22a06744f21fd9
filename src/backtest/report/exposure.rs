//! How long something was open.

use super::numbers::finite;
use crate::{backtest::Record, market::Timestamp};

/// Share of a run's time with at least one open position, in percent: the union of all times from entry to exit.
#[must_use]
pub fn exposure_pct(record: &Record) -> Option<f64> {
    let (begin, end) = record.span?;
    let length = end.since_ms(begin);
    if length <= 0 {
        return None;
    }
    let closed = record.trades.iter().map(|trade| (trade.entry_time, trade.exit_time));
    let open = record.open.iter().map(|position| (position.entry_time, end));
    let within = |(from, to): (Timestamp, Timestamp)| (from.max(begin), to.min(end));
    let mut times: Vec<_> = closed.chain(open).map(within).collect();
    times.sort_unstable();
    let (mut sum, mut until) = (0i64, begin);
    for (from, to) in times {
        sum += to.since_ms(from.max(until)).max(0);
        until = until.max(to);
    }
    finite(100.0 * sum as f64 / length as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::report::sample::{self, trade};

    #[test]
    fn what_overlaps_counts_once() {
        let record = |times: &[(i64, i64)]| Record {
            trades: times.iter().map(|(from, hours)| trade(*from, *hours)).collect(),
            ..sample::record(&[1000.0, 1000.0]) // two days: 0 to 24 hours
        };
        for (times, want) in [
            (&[] as &[(i64, i64)], 0.0),
            (&[(0, 6)], 25.0),
            (&[(0, 6), (3, 6), (20, 4)], 54.166_667), // 9 + 4 of 24 hours
            (&[(0, 12), (1, 2), (6, 9)], 62.5),       // 15 of 24
            (&[(-6, 12), (18, 12)], 50.0),            // only what lies within the run
        ] {
            assert_eq!(exposure_pct(&record(times)), Some(want), "{times:?}");
        }
        assert_eq!(exposure_pct(&Record { span: None, ..record(&[]) }), None);
    }
}
