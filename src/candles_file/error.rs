//! What can be wrong with a file or a row, in prose.

use crate::market::{CandleFault, FundingRate, Symbol, SymbolError, Timeframe, TimeframeError, Timestamp};
use std::io;

/// Why a file cannot be read or written. Each names the file, and the line of its (unpacked) text where there is one.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum FileError {
    #[error("{file} cannot be opened: {source}")]
    Open { file: String, source: io::Error },
    #[error("{file} is no file but something else, such as a directory")]
    NotAFile { file: String },
    #[error("{file} was never finished: its writing was cut short")]
    Unfinished { file: String },
    #[error(
        "{file}: the name does not tell the symbol, `{got}` is none; \
         name it like BTCUSDT-1m-2025-08.csv.gz or write BTC/USDT:USDT@1m={file}"
    )]
    NameWithoutSymbol { file: String, got: String },
    #[error(
        "{file}: the name tells {symbol}, but not the timeframe: {source}; \
         name it like BTCUSDT-1m-2025-08.csv.gz or write {symbol}@1m={file}"
    )]
    NameWithoutTimeframe { file: String, symbol: Symbol, source: TimeframeError },
    #[error(
        "{file}: the name does not tell the symbol, `{got}` is none; \
         name it like BTCUSDT-funding-2025-08.csv.gz or write BTC/USDT:USDT={file}"
    )]
    RatesWithoutSymbol { file: String, got: String },
    #[error("{argument}: the symbol is wrong: {source}")]
    Symbol { argument: String, source: SymbolError },
    #[error("{argument}: the timeframe is wrong: {source}")]
    Timeframe { argument: String, source: TimeframeError },
    #[error("{file} holds {symbol}, which is not among the symbols of this run: {listed}")]
    Unlisted { file: String, symbol: Symbol, listed: String },
    #[error("{file} has no rows")]
    Empty { file: String },
    #[error("{file} is a zip archive that cannot be read: {reason}")]
    Archive { file: String, reason: String },
    #[error("{file}: its rows are {spacing} apart, but it was given as {timeframe}")]
    Spacing { file: String, spacing: String, timeframe: Timeframe },
    #[error("{file}:{line}: {fault}")]
    Row { file: String, line: u64, fault: RowFault },
    #[error("{file}:{line}: the file is cut short or damaged here: {source}")]
    Damaged { file: String, line: u64, source: io::Error },
    #[error("{file}:{line}: cannot be read: {source}")]
    Read { file: String, line: u64, source: io::Error },
    #[error("{file} was changed while it was in use")]
    Changed { file: String },
    #[error("{file} cannot be written: {source}")]
    Write { file: String, source: io::Error },
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[allow(missing_docs)] // the messages say it
pub enum RowFault {
    #[error("`{0}` is neither a row nor a header; a row is open_time_ms,open,high,low,close,volume in that order")]
    Header(String),
    #[error("there is no column `{0}`; a row is open_time_ms,open,high,low,close,volume")]
    Missing(&'static str),
    #[error("open_time is `{0}`, but must be whole milliseconds since 1970 (or microseconds), such as 1754426940000")]
    Time(String),
    #[error("{column} is `{got}`, but must be a number, such as 113509.98")]
    Number { column: &'static str, got: String },
    #[error("{0}")]
    Candle(#[from] CandleFault),
    #[error("opens at {open}, before the row above it ({previous}); rows must be in the order of their times")]
    OutOfOrder { open: String, previous: String },
    #[error("opens at {open}, which is no beginning of a {timeframe} candle{hint}")]
    Misaligned { open: String, timeframe: Timeframe, hint: String },
    #[error("`{0}` holds no funding rate; a row is funding_time_ms,rate")]
    NoRate(String),
    #[error(
        "the rate is `{0}`, but must be a part of the position's value from -{largest} to {largest}, such as 0.0001",
        largest = FundingRate::LARGEST
    )]
    Rate(String),
    #[error("longer than {0} bytes, which no row is")]
    TooLong(usize),
}

/// A moment as a person reads it, in UTC.
pub(super) fn utc(at: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(at.0) {
        Ok(time) if at.0 % 1_000 == 0 => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Ok(time) => format!("{time}"),
        Err(_) => format!("{} ms", at.0),
    }
}

/// A length of time as a timeframe's name, or in seconds where it is none's.
pub(super) fn length(ms: i64) -> String {
    let named = Timeframe::ALL.into_iter().find(|timeframe| timeframe.ms() == ms);
    named.map_or_else(|| format!("{} s", ms as f64 / 1_000.0), |timeframe| timeframe.to_string())
}

/// The beginning of what a file holds, safe for a terminal.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN)]);
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
