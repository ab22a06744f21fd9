//! Real files, read in place; passed over where the folder is absent.

use super::{Feed, FileSpec, Tally, write};
use crate::market::{Candle, ClosedCandle, Symbol, SymbolId, Timeframe, Timestamp};
use std::path::PathBuf;

/// The folder of recorded candles, or a line that says that there is none.
fn data() -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared"));
    let folder = std::env::var_os("SMOLBEAR_SHARED").map_or_else(beside, PathBuf::from).join("data");
    if !folder.is_dir() {
        println!("passed over: there are no recorded candles in {}", folder.display());
        return None;
    }
    Some(folder)
}

fn feed(names: &[String]) -> Option<Feed> {
    let folder = data()?;
    let spec = |name: &String| FileSpec::parse(folder.join(name).to_str().unwrap()).unwrap();
    let specs: Vec<_> = names.iter().map(spec).collect();
    let mut symbols: Vec<Symbol> = Vec::new();
    for spec in &specs {
        if !symbols.contains(&spec.symbol) {
            symbols.push(spec.symbol.clone());
        }
    }
    Some(Feed::open(&specs, &symbols).unwrap())
}

fn all(feed: &mut Feed) -> Vec<ClosedCandle> {
    std::iter::from_fn(|| feed.next().unwrap()).collect()
}

#[test]
fn every_file_reads_whole() {
    let mut files: Vec<(String, u64)> = [
        ("BTCUSDT-1h-2026", 2_628),
        ("ETHUSDT-1h-2026", 2_628),
        ("SOLUSDT-1h-2026", 1_332),
        ("BTCUSD-PERP-1m-2022-01", 29_270),
        ("XRPUSDT-PERP-5m-2021-11", 1_999),
    ]
    .map(|(name, rows)| (name.to_owned(), rows))
    .to_vec();
    for coin in ["BTC", "ETH", "SOL"] {
        files.extend(["1m", "5m", "15m", "1h", "4h"].map(|length| (format!("{coin}USDT-{length}-2025-08"), 1_000)));
    }
    for (name, rows) in files {
        let Some(mut feed) = feed(&[format!("{name}.csv.gz")]) else { return };
        assert_eq!(all(&mut feed).len() as u64, rows, "{name}");
        assert_eq!(feed.tally(), &Tally { files: 1, rows, ..Tally::default() }, "{name}");
    }
}

#[test]
fn the_gaps_of_four_years_are_counted_and_the_first_is_said() {
    let Some(mut feed) = feed(&["SOLUSDT-1h-2020-2026.csv.gz".to_owned()]) else { return };
    assert_eq!(all(&mut feed).len(), 33_665);
    assert_eq!(feed.tally(), &Tally { files: 1, rows: 33_665, gaps: 10, missing: 20, doubled: 0 });
    let remarks = feed.take_remarks();
    assert!(
        remarks.len() == 1
            && remarks[0]
                .contains(":2666: a gap before 2020-11-30 07:00:00 UTC, missing candles of SOL/USDT:USDT 1h: 1;"),
        "{remarks:?}"
    );
}

#[test]
fn the_five_files_of_one_coin_start_warm() {
    let names = ["4h", "1m", "15m", "1h", "5m"].map(|length| format!("BTCUSDT-{length}-2025-08.csv.gz"));
    let Some(mut feed) = feed(&names) else { return };
    let begin = Timestamp(1_754_426_940_000);
    assert_eq!(feed.starts_at(), Some(begin.plus_ms(60_000)));
    let candles = all(&mut feed);
    let (history, prices): (Vec<ClosedCandle>, Vec<_>) = candles.into_iter().partition(|closed| closed.history);
    assert_eq!(prices.len(), 1_000);
    assert!(prices.iter().all(|closed| closed.timeframe == Timeframe::M1));
    assert!(history.iter().all(|closed| closed.closes_at() <= begin));
    let count = |timeframe| history.iter().filter(|closed| closed.timeframe == timeframe).count();
    let warm = [Timeframe::M5, Timeframe::M15, Timeframe::H1, Timeframe::H4].map(count);
    assert_eq!(warm, [799, 933, 982, 995]);
    assert_eq!(feed.tally(), &Tally { files: 5, rows: 5_000, ..Tally::default() });
}

#[test]
fn fifteen_files_of_three_coins_merge_in_order() {
    let coins = ["BTC", "ETH", "SOL"].into_iter();
    let names: Vec<_> = coins
        .flat_map(|coin| ["1m", "5m", "15m", "1h", "4h"].map(|length| format!("{coin}USDT-{length}-2025-08.csv.gz")))
        .collect();
    let Some(mut feed) = feed(&names) else { return };
    let candles = all(&mut feed);
    let key = |closed: &ClosedCandle| (closed.closes_at(), closed.timeframe, closed.symbol);
    assert!(candles.windows(2).all(|pair| key(&pair[0]) < key(&pair[1])));
    for symbol in (0..3).map(SymbolId) {
        let prices = candles.iter().filter(|closed| closed.symbol == symbol && !closed.history);
        assert_eq!(prices.count(), 1_000);
    }
}

#[test]
#[ignore = "a measurement: cargo test --release --lib how_fast -- --ignored --nocapture"]
fn how_fast_rows_are_read_and_written() {
    let Some(mut january) = feed(&["BTCUSD-PERP-1m-2022-01.csv.gz".to_owned()]) else { return };
    let once = all(&mut january);
    let folder = tempfile::tempdir().unwrap();
    for name in ["BTCUSDT-1m.csv", "BTCUSDT-1m.csv.gz"] {
        let path = folder.path().join(name);
        let candles = once.iter().cycle().zip(0..3_000_000).map(|(closed, minute)| Candle {
            open_time: once[0].candle.open_time.plus_ms(minute * 60_000),
            ..closed.candle
        });
        measured(&format!("{name} written"), || write(&path, candles).unwrap());
        println!("{name}: {} bytes", path.metadata().unwrap().len());
        let spec = FileSpec::parse(path.to_str().unwrap()).unwrap();
        let symbols = [spec.symbol.clone()];
        for _ in 0..3 {
            measured(&format!("{name} read"), || {
                let mut feed = Feed::open(std::slice::from_ref(&spec), &symbols).unwrap();
                std::iter::from_fn(|| feed.next().unwrap()).count() as u64
            });
        }
    }
}

/// Prints how many rows a second of this thread's own processor time were handled.
fn measured(what: &str, work: impl FnOnce() -> u64) {
    let used_ns = || -> u64 {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    };
    let start = used_ns();
    let rows = work();
    let seconds = (used_ns() - start) as f64 / 1e9;
    println!("{what}: {rows} rows in {seconds:.3} s, {:.1} million a second", rows as f64 / seconds / 1e6);
}
