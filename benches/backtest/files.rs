//! From files to candles, and from files through the trader.

use crate::{
    common::{drive, seconds},
    walk,
};
use smolbear::{
    candles_file::{Feed, FileSpec, write},
    market::{ClosedCandle, Symbol, SymbolId},
    strategies,
};
use std::path::Path;

/// As a backtest reads them.
const ROWS: usize = 64;

/// Files of so many symbols' candles, one a symbol, named with the ending.
pub fn written(folder: &Path, symbols: &[Symbol], candles: &[ClosedCandle], ending: &str) -> Vec<FileSpec> {
    let one = |(index, symbol): (usize, &Symbol)| {
        let path = folder.join(format!("{index}-{}{ending}", candles.len()));
        let own = candles.iter().filter(|closed| closed.symbol == SymbolId(index as u16)).map(|closed| closed.candle);
        write(&path, own).expect("room for a file");
        FileSpec { symbol: symbol.clone(), timeframe: candles[0].timeframe, path }
    };
    symbols.iter().enumerate().map(one).collect()
}

/// Seconds to read all files, merged.
pub fn read(specs: &[FileSpec], symbols: &[Symbol]) -> f64 {
    seconds(|| {
        let mut feed = Feed::open(specs, symbols).expect("files that were just written");
        let mut volume = 0.0;
        while let Some(closed) = feed.next().expect("rows that were just written") {
            volume += closed.candle.volume;
        }
        volume
    })
}

/// Seconds from files to the end of the walk, with both strategies as they are by default.
pub fn traded(specs: &[FileSpec], symbols: &[Symbol]) -> f64 {
    seconds(|| {
        let mut feed = Feed::open(specs, symbols).expect("files that were just written");
        let mut trader = walk::usual(symbols, strategies::Settings::defaults());
        let mut rows = std::iter::from_fn(|| feed.next().expect("rows that were just written"));
        let mut some = Vec::new();
        loop {
            some.clear();
            some.extend(rows.by_ref().take(ROWS));
            if some.is_empty() {
                break trader;
            }
            drive(&mut trader, &some);
        }
    })
}
