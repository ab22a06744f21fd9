//! The driver of backtests over real candles: it decides on what is known, and every coin is accounted for.

use crate::{
    common::shared,
    rig::{recorded, unlimited},
};
use rust_decimal::Decimal;
use smolbear::{
    backtest::{Driver, Listener, Record},
    config::Config,
    engine::{Action, Engine, Record as Durable},
    market::{Candle, ClosedCandle, FundingRate, Symbol, SymbolId, Timeframe, Timestamp},
    trader::Trader,
};
use std::{convert::Infallible, path::Path};

/// What a run did.
struct Run {
    asked: Vec<(Timestamp, Action)>,
    record: Record,
}

impl Run {
    /// What was asked for until a moment, that moment included.
    fn until(&self, moment: Timestamp) -> &[(Timestamp, Action)] {
        &self.asked[..self.asked.partition_point(|(at, _)| *at <= moment)]
    }

    fn durable(&self) -> impl Iterator<Item = &Durable> {
        self.asked.iter().flat_map(|(_, action)| match action {
            Action::Commit { records, .. } => records.as_slice(),
            _ => &[],
        })
    }
}

/// A bot that trades often.
fn config(symbols: Vec<Symbol>, finest: Timeframe) -> Config {
    let mut config = Config { symbols, ..Config::default() };
    unlimited(&mut config.risk);
    config.paper.capital = Decimal::from(100_000);
    for rule in &mut config.strategies {
        rule.timeframe = rule.timeframe.max(finest);
        rule.context = rule.timeframe;
        rule.rsi_base = if rule.rsi_base < 50.0 { 50.0 } else { 55.0 };
        (rule.rsi_range, rule.target_atr, rule.target_min_pct) = (0.0, 0.5, 0.0);
    }
    config
}

/// Over these candles; the end of the run is not among what was asked for where it is `cut`.
fn run(config: &Config, candles: &[ClosedCandle], funding: Vec<FundingRate>, cut: bool) -> Run {
    in_steps(config, candles, funding, cut, 1_000)
}

/// The same, at most so many events at once.
fn in_steps(config: &Config, candles: &[ClosedCandle], funding: Vec<FundingRate>, cut: bool, events: u32) -> Run {
    let instruments = config.instruments_for(&config.symbols).unwrap();
    let venue = config.matching_settings(instruments.clone());
    let trader = Trader::on_paper(config.engine_settings(instruments), venue);
    let source = candles.iter().copied().map(Ok::<_, Infallible>);
    let mut driver = Driver::new(trader, source, funding, config.on_stop_close).unwrap();
    let mut asked = Vec::new();
    let mut listen = |_: &Engine, at: Timestamp, action: &Action| asked.push((at, action.clone()));
    let ending = loop {
        if let Some(ending) = driver.step(events, &mut listen).unwrap() {
            break ending;
        }
    };
    let mut unheard = |_: &Engine, _: Timestamp, _: &Action| {};
    let listener: &mut Listener<'_> = if cut { &mut unheard } else { &mut listen };
    let (record, trader) = driver.finish(ending, listener);
    trader.check();
    Run { asked, record }
}

/// Another future: the price halves, and ranges and volume are wild.
fn otherwise(closed: &ClosedCandle) -> ClosedCandle {
    let (open, close) = (closed.candle.close * 0.5, closed.candle.open * 0.45);
    let (high, low) = (open.max(close) * 1.2, open.min(close) * 0.8);
    ClosedCandle { candle: Candle { open, close, high, low, volume: 7.0, ..closed.candle }, ..*closed }
}

/// Recorded candles, and a bot for them.
fn market(shared: &Path, files: &[&str]) -> (Config, Vec<ClosedCandle>) {
    let paths: Vec<_> = files.iter().map(|name| shared.join(format!("data/{name}.csv.gz"))).collect();
    let (symbols, candles) = recorded(&paths);
    let finest = candles.iter().filter(|candle| !candle.history).map(|candle| candle.timeframe).min().unwrap();
    (config(symbols, finest), candles)
}

const MARKETS: [&[&str]; 5] = [
    &["XRPUSDT-PERP-5m-2021-11"],
    &["BTCUSD-PERP-1m-2022-01"],
    &["BTCUSDT-1h-2026", "ETHUSDT-1h-2026", "SOLUSDT-1h-2026"],
    &["SOLUSDT-1m-2025-08", "SOLUSDT-5m-2025-08", "SOLUSDT-15m-2025-08", "SOLUSDT-1h-2025-08", "SOLUSDT-4h-2025-08"],
    // coarse candles step in where the minutes end
    &["BTCUSD-PERP-1m-2022-01", "BTCUSDT-15m-2025-08", "BTCUSDT-4h-2025-08"],
];

#[test]
fn what_was_decided_stays_decided_when_real_candles_end_or_go_on_otherwise() {
    let Some(shared) = shared() else { return };
    for files in MARKETS {
        let (config, candles) = market(&shared, files);
        let whole = run(&config, &candles, Vec::new(), false);
        assert!(whole.record.trades.len() >= 5, "{files:?}: {}", whole.record.trades.len());
        let begins = candles.partition_point(|candle| candle.history);
        for cut in 1..=12 {
            // not at round numbers, and not when funding is due: that comes before the next candle, and here none does
            let around = begins + (candles.len() - begins) * cut / 13 + cut * 7 % 11;
            let close = |candle: &&ClosedCandle| candle.closes_at().0 % 28_800_000 != 0;
            let moment = candles[around..].iter().find(close).unwrap().closes_at();
            let known = candles.partition_point(|candle| candle.closes_at() <= moment);
            let part = run(&config, &candles[..known], Vec::new(), true);
            assert_eq!(part.asked, whole.until(moment), "{files:?} cut at {moment:?}");
            let future = candles[known..].iter().take(2_000).map(otherwise);
            let told: Vec<_> = candles[..known].iter().copied().chain(future).collect();
            let other = run(&config, &told, Vec::new(), true);
            assert_eq!(other.until(moment), whole.until(moment), "{files:?} otherwise from {moment:?} on");
        }
        let all: Vec<_> =
            candles[..begins + 300].iter().copied().chain(candles[begins + 300..].iter().map(otherwise)).collect();
        assert_ne!(
            run(&config, &all, Vec::new(), false).asked,
            whole.asked,
            "{files:?}: another future is another story"
        );
    }
}

#[test]
fn candles_that_are_told_in_a_row_leave_what_each_of_them_leaves() {
    let Some(shared) = shared() else { return };
    for files in MARKETS {
        let (config, candles) = market(&shared, files);
        let begins = candles[candles.partition_point(|candle| candle.history)].candle.open_time;
        let rate = |number| FundingRate {
            symbol: SymbolId(0),
            rate: Decimal::new(number, 5),
            at: begins.floor_to(3_600_000).plus_ms(3_600_000 * number + 17),
        };
        let rates: Vec<_> = (0..200).map(rate).collect();
        let one_by_one = in_steps(&config, &candles, rates.clone(), false, 1);
        let in_rows = run(&config, &candles, rates, false);
        assert!(in_rows.asked == one_by_one.asked, "{files:?}");
        assert!(in_rows.record == one_by_one.record, "{files:?}: {:?} {:?}", in_rows.record, one_by_one.record);
    }
}

#[test]
fn the_balance_is_the_sum_of_what_was_booked_on_every_file() {
    let Some(shared) = shared() else { return };
    let mut names: Vec<_> = shared.join("data").read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let names = names.iter().filter_map(|name| name.to_str()?.strip_suffix(".csv.gz"));
    let files: Vec<_> = names.filter(|name| !name.contains("funding")).collect();
    assert!(files.len() >= 21);
    for file in files {
        for close in [false, true] {
            let (mut config, candles) = market(&shared, &[file]);
            config.on_stop_close = close;
            assert_adds_up(&config, &run(&config, &candles, Vec::new(), false), file);
        }
    }
}

/// To the last digit: what trades, fills and settlements say, each on its own.
fn assert_adds_up(config: &Config, run: &Run, name: &str) {
    let (mut gross, mut fees, mut funding) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    let mut trades = Vec::new();
    for record in run.durable() {
        match record {
            Durable::Intent(_) => {}
            Durable::Fill(fill) => fees += fill.fee,
            Durable::Funding(paid) => funding += paid.amount,
            Durable::Trade(trade) => {
                gross += trade.gross;
                trades.push(trade.clone());
            }
        }
    }
    let account = &run.record.account;
    assert_eq!(account.balance, config.paper.capital + gross - fees - funding, "{name}");
    assert_eq!((account.realised, account.fees, account.funding), (gross, fees, funding), "{name}");
    assert_eq!(trades, run.record.trades, "{name}");
    assert!(run.record.open.is_empty() || !config.on_stop_close, "{name}: closed where that is wanted");
    // the rows of trades.csv are short of the account by what was paid for what stays open
    let rows_fees: Decimal = trades.iter().map(|trade| trade.fees).sum();
    let rows_funding: Decimal = trades.iter().map(|trade| trade.funding).sum();
    if run.record.open.is_empty() {
        assert_eq!((rows_fees, rows_funding), (fees, funding), "{name}");
        assert_eq!(trades.last().map_or(config.paper.capital, |trade| trade.balance), account.balance, "{name}");
    } else {
        assert!(rows_fees < fees, "{name}: an open position has paid for its entry");
    }
}

#[test]
fn a_rate_of_funding_counts_from_its_settlement_on_and_never_before() {
    let Some(shared) = shared() else { return };
    let (config, candles) = market(&shared, &["XRPUSDT-PERP-5m-2021-11"]);
    let begins = candles[0].candle.open_time;
    // each four hours, a few milliseconds late as venues do it, and one long before the first candle
    let rates: Vec<_> = (-5..60)
        .map(|number| {
            let at = begins.floor_to(14_400_000).plus_ms(number * 14_400_000 + 17);
            FundingRate { symbol: SymbolId(0), rate: Decimal::new(number + 100, 5), at }
        })
        .collect();
    let whole = run(&config, &candles, rates.clone(), false);
    let paid: Vec<_> = whole
        .durable()
        .filter_map(|record| if let Durable::Funding(paid) = record { Some(*paid) } else { None })
        .collect();
    assert!(paid.len() >= 5, "{}", paid.len());
    for settled in &paid {
        assert!(rates.iter().any(|said| said.at.floor_to(60_000) == settled.at), "{settled:?}");
        assert!(settled.at >= begins);
    }
    assert!(paid.iter().any(|settled| settled.at.0 % 28_800_000 != 0), "also between the usual hours");
    assert_adds_up(&config, &whole, "with rates");
    // later rates that are otherwise change nothing before
    let moment = paid[paid.len() / 2].at;
    let changed = rates.iter().map(|said| match said.at.floor_to(60_000) > moment {
        true => FundingRate { rate: Decimal::new(25, 3), ..*said },
        false => *said,
    });
    let other = run(&config, &candles, changed.collect(), false);
    assert_eq!(other.until(moment), whole.until(moment));
    assert_ne!(other.record.account.funding, whole.record.account.funding);
}
