//! Made-up runs for the tests of this folder, which begin at 2025-01-01 00:00 UTC.

use crate::{
    backtest::{Ending, Record, Sample, Thinned},
    engine::{Account, Reason, Summary, Trade},
    market::{DAY_MS, HOUR_MS, Timestamp},
    run::rig::{self, START},
};

/// A long of BTC by the first strategy from an hour of the run on, for so many hours, without fees and result.
pub fn trade(hour: i64, hours: i64) -> Trade {
    let (entry_time, zero) = (START.plus_ms(hour * HOUR_MS), rig::dec("0"));
    Trade {
        entry_time,
        exit_time: entry_time.plus_ms(hours * HOUR_MS),
        gross: zero,
        fees: zero,
        funding: zero,
        r: zero,
        ..rig::trade(Reason::Target)
    }
}

/// Samples at these milliseconds.
pub fn samples(list: &[(i64, f64)]) -> Vec<Sample> {
    let sample = |&(at, equity): &(i64, f64)| Sample { at: Timestamp(at), equity, balance: equity, open: 0 };
    list.iter().map(sample).collect()
}

/// A run of two symbols and two strategies with this equity at its start and the end of each of its days.
pub fn record(equity: &[f64]) -> Record {
    let at = |day: usize| START.0 + day as i64 * DAY_MS;
    let list: Vec<_> = equity.iter().enumerate().map(|(day, equity)| (at(day), *equity)).collect();
    Record {
        symbols: vec![rig::btc(), "ETHUSDT".parse().unwrap()],
        strategies: vec!["dip".to_owned(), "rip".to_owned()],
        span: Some((START, Timestamp(at(equity.len() - 1)))),
        candles: 1440 * equity.len() as u64,
        account: Account::new(rig::dec("1000")),
        trades: Vec::new(),
        trades_beyond: 0,
        open: Vec::new(),
        equity: samples(&list),
        prices: vec![Thinned::default(), Thinned::default()],
        summary: Summary::default(),
        ending: Ending::Data,
    }
}
