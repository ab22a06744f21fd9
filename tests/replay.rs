//! Recorded markets of every kind, from their first candle to the last.

use crate::{
    common::shared,
    rig::{Rig, recorded, unlimited},
};
use rust_decimal::Decimal;
use smolbear::{
    config::Config,
    engine::Record,
    market::{ClosedCandle, Symbol, SymbolId, Timeframe},
};
use std::path::{Path, PathBuf};

/// Files with at least so many rows show trades.
const LONG: usize = 1_900;

/// A bot for these symbols whose strategies decide on candles that the data has.
fn config(symbols: Vec<Symbol>, finest: Timeframe) -> Config {
    let mut config = Config { symbols, ..Config::default() };
    unlimited(&mut config.risk);
    for rule in &mut config.strategies {
        rule.timeframe = rule.timeframe.max(finest);
        rule.context = rule.context.max(finest);
    }
    config
}

/// Runs over all candles; the balance is followed from record to record.
fn run(config: &Config, candles: Vec<ClosedCandle>) -> Rig {
    let mut rig = Rig::new(config);
    rig.feed(candles);
    let mut balance = config.paper.capital;
    for record in rig.records() {
        match record {
            Record::Intent(_) => {}
            Record::Fill(fill) => balance -= fill.fee,
            Record::Funding(paid) => balance -= paid.amount,
            Record::Trade(trade) => {
                balance += trade.gross;
                assert_eq!(trade.balance, balance, "{trade:?}");
            }
        }
    }
    assert_eq!(rig.trader.engine().account().balance, balance);
    rig
}

fn candle_files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.join("data").read_dir().unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut files: Vec<_> =
        entries.filter(|path| name(path).ends_with(".csv.gz") && !name(path).contains("funding")).collect();
    files.sort();
    files
}

#[test]
fn every_recorded_file_runs_to_its_end_and_the_long_ones_show_trades() {
    let Some(folder) = shared() else { return };
    let files = candle_files(&folder);
    assert!(files.len() >= 20, "{files:?}");
    for file in files {
        let (symbols, candles) = recorded(&[&file]);
        let (rows, last) = (candles.len(), candles.last().copied().unwrap());
        let rig = run(&config(symbols, last.timeframe), candles);
        assert_eq!(rig.latest, last.closes_at(), "{}", file.display());
        let trades = rig.trades().count();
        assert!(trades > 0 || rows < LONG, "{}: no trade in {rows} rows", file.display());
        assert!(rig.trader.engine().account().balance > Decimal::ZERO, "{}", file.display());
    }
}

fn five_files_of(folder: &Path, coin: &str) -> Vec<PathBuf> {
    let lengths = ["1m", "5m", "15m", "1h", "4h"].into_iter();
    lengths.map(|length| folder.join(format!("data/{coin}USDT-{length}-2025-08.csv.gz"))).collect()
}

#[test]
fn the_five_files_of_a_coin_start_warm() {
    let Some(folder) = shared() else { return };
    for coin in ["BTC", "ETH", "SOL"] {
        let (symbols, candles) = recorded(&five_files_of(&folder, coin));
        let (history, prices) = candles.split_at(candles.partition_point(|candle| candle.history));
        assert_eq!(prices.len(), 1_000);
        let mut rig = Rig::new(&Config { symbols, require_warm: true, ..Config::default() });
        rig.feed(history.iter().copied());
        let outlook = rig.trader.engine().outlook(SymbolId(0));
        assert_eq!(outlook.ema200_seen, 200, "{coin}: EMA200 on 4h");
        assert!(outlook.rsi.is_some() && outlook.price == Some(history.last().unwrap().candle.close), "{outlook:?}");
        rig.feed(prices.iter().copied());
        let not_warm = rig.trader.engine().summary().skipped().find(|(why, _)| *why == smolbear::engine::Skip::NotWarm);
        assert_eq!(not_warm, None, "{coin}");
    }
}

#[test]
fn three_coins_of_five_files_trade_on_one_account() {
    let Some(folder) = shared() else { return };
    let files: Vec<_> = ["SOL", "BTC", "ETH"].into_iter().flat_map(|coin| five_files_of(&folder, coin)).collect();
    let (symbols, candles) = recorded(&files);
    let rig = run(&config(symbols, Timeframe::M1), candles);
    assert!(rig.trader.engine().summary().entries >= 2, "{:?}", rig.trader.engine().summary());
    let long = ["BTCUSDT-1h-2026", "ETHUSDT-1h-2026", "SOLUSDT-1h-2026"];
    let (symbols, candles) = recorded(&long.map(|name| folder.join(format!("data/{name}.csv.gz"))));
    let rig = run(&config(symbols, Timeframe::H1), candles);
    for symbol in (0..3).map(SymbolId) {
        assert!(rig.trades().filter(|trade| trade.symbol == symbol).count() >= 5, "{symbol:?}");
    }
}
