//! The file of a strategy of signals: `time_ms,symbol,side,stop,target`, oldest first.

use super::{ConfigError, Source, given::Given, slot::MAX_SYMBOLS};
use crate::{
    market::{PRICES, Side, Symbol, Timestamp},
    strategies::{Level, List, Row},
};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    ops::RangeInclusive,
    path::Path,
};

/// Rows of a file, at most: 16 MB of memory, and a journal that begins with those to come.
const MOST_ROWS: usize = 500_000;
/// Bytes of a line, at most.
const LONGEST_LINE: usize = 256;
const COLUMNS: &str = "time_ms,symbol,side,stop,target";
/// Milliseconds since 1970, from 1973: seconds would be less, microseconds more.
const TIMES: RangeInclusive<i64> = 100_000_000_000..=100_000_000_000_000;
/// How far away a stop or a target in percent may be.
pub const PERCENT: RangeInclusive<f64> = 0.1..=50.0;

/// Reads a file of signals; messages call it by its path, the list by the name that it was given.
pub fn read(path: &Path, name: &str) -> Result<List, ConfigError> {
    let shown = path.display().to_string();
    let unreadable = |cause| ConfigError::Unreadable { file: shown.clone(), cause };
    let file = File::open(path).map_err(unreadable)?;
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("it is no file but something else, such as a directory")));
    }
    parse(BufReader::new(file), &shown, name)
}

/// The signals in a text; the first thing wrong in it is the error.
pub fn parse(mut from: impl BufRead, shown: &str, name: &str) -> Result<List, ConfigError> {
    let mut reading = Reading::default();
    let (mut text, mut line) = (Vec::new(), 0);
    loop {
        text.clear();
        let read = from.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut text);
        if read.map_err(|cause| ConfigError::Unreadable { file: shown.to_owned(), cause })? == 0 {
            break;
        }
        line += 1;
        reading.line(&text, line).map_err(|what| wrong(shown, line, what))?;
    }
    if reading.rows.is_empty() {
        return Err(wrong(shown, line.max(1), format!("there is no signal; a row is {COLUMNS}")));
    }
    let symbols = reading.symbols.into_iter().map(|known| (known.symbol, known.first)).collect();
    Ok(List::new(name.to_owned(), symbols, reading.rows))
}

/// What is wrong in a line of a file.
pub fn wrong(shown: &str, line: u32, what: String) -> ConfigError {
    ConfigError::Together { at: Source::File { file: shown.to_owned(), line: line as usize }, what }
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    rows: Vec<Row>,
    symbols: Vec<Known>,
    latest: i64,
}

/// A symbol, with the lines of its first row and of its last, and the time of the latter.
struct Known {
    symbol: Symbol,
    first: u32,
    last: u32,
    at: i64,
}

impl Reading {
    fn line(&mut self, text: &[u8], line: u32) -> Result<(), String> {
        if text.len() > LONGEST_LINE {
            return Err(format!("longer than {LONGEST_LINE} bytes, which no row is"));
        }
        let text = std::str::from_utf8(text).map_err(|_| format!("no valid text; a row is {COLUMNS}"))?.trim();
        let header = line == 1 && text.starts_with(|letter: char| letter.is_ascii_alphabetic());
        if text.is_empty() || (header && text == COLUMNS) {
            return Ok(());
        }
        let fields: Vec<_> = text.split(',').map(str::trim).collect();
        let [time, symbol, side, stop, target] = fields[..] else {
            return Err(format!(
                "{} is no row; a row is {COLUMNS}, where stop and target may be empty",
                Given::Text(text)
            ));
        };
        let at = time
            .parse()
            .ok()
            .filter(|at| TIMES.contains(at))
            .ok_or_else(|| refused("time_ms", time, "whole milliseconds since 1970, such as 1754404200000"))?;
        if at < self.latest {
            return Err(format!("time_ms is {at}, before the row above it; rows must be in the order of their times"));
        }
        let symbol = self.symbol(symbol, at, line)?;
        let side = match side {
            "long" => Side::Long,
            "short" => Side::Short,
            _ => return Err(refused("side", side, "long or short")),
        };
        let (stop, target) = (level("stop", stop)?, level("target", target)?);
        if self.rows.len() == MOST_ROWS {
            return Err(format!("more than {MOST_ROWS} rows; split the file, one [[strategy]] each"));
        }
        self.latest = at;
        self.rows.push(Row { at: Timestamp(at), symbol, side, stop, target });
        Ok(())
    }

    /// A symbol's place among those of the file.
    fn symbol(&mut self, text: &str, at: i64, line: u32) -> Result<u16, String> {
        let symbol: Symbol =
            text.parse().map_err(|_| refused("symbol", text, "a symbol such as BTC/USDT:USDT or BTCUSDT"))?;
        if let Some(place) = self.symbols.iter().position(|known| known.symbol == symbol) {
            let known = &mut self.symbols[place];
            if known.at == at {
                return Err(format!("{symbol} has a signal of the same time in line {}", known.last));
            }
            (known.at, known.last) = (at, line);
            return Ok(place as u16);
        }
        if self.symbols.len() == MAX_SYMBOLS {
            return Err(format!("more than {MAX_SYMBOLS} different symbols"));
        }
        self.symbols.push(Known { symbol, first: line, last: line, at });
        Ok((self.symbols.len() - 1) as u16)
    }
}

fn refused(column: &str, got: &str, allowed: &str) -> String {
    format!("{column} is {}, but must be {allowed}", Given::Text(got))
}

fn level(column: &str, text: &str) -> Result<Level, String> {
    let number =
        |text: &str, range: RangeInclusive<f64>| text.trim().parse().ok().filter(|value| range.contains(value));
    let found = match text.strip_suffix('%') {
        _ if text.is_empty() => Some(Level::RULE),
        Some(percent) => number(percent, PERCENT).map(Level::percent),
        None => number(text, PRICES).map(Level::price),
    };
    let (least, most) = (PERCENT.start(), PERCENT.end());
    found.ok_or_else(|| {
        let allowed = format!(
            "a price such as 111797.5, percent from {least}% to {most}%, or empty for the rule of [[strategy]]"
        );
        refused(column, text, &allowed)
    })
}
