//! What a bot does until a moment depends on nothing that was known later.

use crate::rig::{Rig, made_up, recorded, seeded};
use smolbear::{
    candles_file,
    config::Config,
    engine::Action,
    market::{Candle, ClosedCandle, DAY_MS, HOUR_MS, MINUTE_MS, Timeframe, Timestamp},
    simulation::prices::{EPOCH, Market},
};
use std::path::{Path, PathBuf};

/// What was asked for until a moment, that moment included.
fn until(rig: &Rig, moment: Timestamp) -> &[(Timestamp, Action)] {
    let end = rig.asked.partition_point(|(at, _)| *at <= moment);
    &rig.asked[..end]
}

/// Every `every`th candle's close from `EPOCH` on, up to `ms` after it.
fn moments(ms: i64, every: i64) -> impl Iterator<Item = Timestamp> {
    (1..).map(move |number| EPOCH.plus_ms(number * every)).take_while(move |moment| *moment <= EPOCH.plus_ms(ms))
}

/// Another future: the price halves, and ranges and volume are wild.
fn otherwise(candle: Candle) -> Candle {
    let (open, close) = (candle.close * 0.5, candle.open * 0.45);
    Candle { open, close, high: open.max(close) * 1.2, low: open.min(close) * 0.8, volume: 7.0, ..candle }
}

#[test]
fn what_was_decided_stays_decided_when_the_candles_end_or_go_on_otherwise() {
    let config = seeded(6);
    let candles: Vec<_> = made_up(&config, 3 * DAY_MS).collect();
    let mut whole = Rig::new(&config);
    whole.feed(candles.iter().copied());
    assert!(whole.fills().count() >= 20);
    for moment in moments(3 * DAY_MS, 5 * HOUR_MS + 30 * MINUTE_MS) {
        let known = candles.partition_point(|candle| candle.closes_at() <= moment);
        let mut rig = Rig::new(&config);
        rig.feed(candles[..known].iter().copied());
        assert_eq!(rig.asked, until(&whole, moment), "cut at {moment:?}");
        let future = candles[known..].iter().take(3 * 240);
        rig.feed(future.map(|closed| ClosedCandle { candle: otherwise(closed.candle), ..*closed }));
        assert_eq!(until(&rig, moment), until(&whole, moment), "otherwise from {moment:?} on");
        assert_ne!(rig.asked, until(&whole, rig.latest), "another future after {moment:?} is another story");
    }
}

/// Files of one coin in five timeframes: coarse ones from before the first minute on, no fine ones for ten hours, so that coarse ones step
/// in. What closes after `moment` is another future.
fn write(folder: &Path, moment: Timestamp) -> Vec<PathBuf> {
    let sol = "SOLUSDT".parse().unwrap();
    let begin = EPOCH.plus_ms(-60 * DAY_MS);
    let end = EPOCH.plus_ms(2 * DAY_MS);
    let files = [Timeframe::H4, Timeframe::H1, Timeframe::M15, Timeframe::M5, Timeframe::M1].map(|timeframe| {
        let path = folder.join(format!("SOLUSDT-{timeframe}.csv"));
        let after = |candle: &Candle| candle.open_time.plus_ms(timeframe.ms());
        let candles = Market::candles(2, &sol, timeframe, begin).take_while(|candle| after(candle) <= end);
        let hour = |candle: &Candle| candle.open_time.since_ms(EPOCH).div_euclid(HOUR_MS);
        let candles = candles.filter(|candle| timeframe > Timeframe::M1 || hour(candle) >= 0);
        let candles = candles.filter(|candle| timeframe > Timeframe::M5 || !(20..30).contains(&hour(candle)));
        let told = candles.map(|candle| if after(&candle) > moment { otherwise(candle) } else { candle });
        candles_file::write(&path, told).unwrap();
        path
    });
    files.into()
}

#[test]
fn coarse_candles_of_files_tell_nothing_before_they_close() {
    let folder = tempfile::tempdir().unwrap();
    let run = |moment| {
        let (symbols, candles) = recorded(&write(folder.path(), moment));
        let mut rig = Rig::new(&Config { symbols, ..Config::default() });
        rig.feed(candles);
        rig
    };
    let whole = run(Timestamp(i64::MAX));
    assert!(whole.fills().count() >= 8, "{}", whole.fills().count());
    // not on the hour, so that coarse candles hold both what was and what will be
    for moment in moments(2 * DAY_MS, 7 * HOUR_MS + 13 * MINUTE_MS) {
        let rig = run(moment);
        assert_eq!(until(&rig, moment), until(&whole, moment), "otherwise from {moment:?} on");
        assert_ne!(rig.trader.tally(), whole.trader.tally(), "another future after {moment:?} is another story");
    }
}
