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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, prop_oneof, proptest};
    use std::fmt::Write as _;

    fn of(text: &[u8]) -> Result<List, String> {
        parse(text, "dir/s.csv", "s.csv").map_err(|error| error.to_string())
    }

    #[test]
    fn rows_are_read_with_and_without_a_header() {
        let rows = "1754404200000,BTCUSDT,long,111797.5,1.5%\n1754404200000,ETH/USDT:USDT,short,,\r\n\n1754404260000, btcusdt ,long, 1 %,";
        for text in [rows.to_owned(), format!("{COLUMNS}\n{rows}\n")] {
            let list = of(text.as_bytes()).unwrap();
            let first = 1 + u32::from(text.starts_with('t'));
            let names: Vec<_> = list.symbols().iter().map(|(symbol, line)| (symbol.as_str(), *line)).collect();
            assert_eq!(names, [("BTC/USDT:USDT", first), ("ETH/USDT:USDT", first + 1)]);
            let row = |at, symbol, side, stop, target| Row { at: Timestamp(at), symbol, side, stop, target };
            let want = [
                row(1_754_404_200_000, 0, Side::Long, Level::price(111_797.5), Level::percent(1.5)),
                row(1_754_404_260_000, 0, Side::Long, Level::percent(1.0), Level::RULE),
                row(1_754_404_200_000, 1, Side::Short, Level::RULE, Level::RULE),
            ];
            assert_eq!((list.rows(), list.file.as_str()), (&want[..], "s.csv"));
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_what_is_allowed() {
        const ROW: &str = "1754404200000,BTCUSDT,long,,";
        for (text, want) in [
            ("", "dir/s.csv:1: there is no signal; a row is time_ms,symbol,side,stop,target"),
            (COLUMNS, "dir/s.csv:1: there is no signal"),
            (
                "time,symbol,side,stop,target",
                "dir/s.csv:1: time_ms is \"time\", but must be whole milliseconds since 1970",
            ),
            (
                "R\n1754404200000,BTCUSDT,long",
                "dir/s.csv:2: \"1754404200000,BTCUSDT,long\" is no row; a row is time_ms,",
            ),
            ("R,", "dir/s.csv:1: \"1754404200000,BTCUSDT,long,,,\" is no row"),
            ("1754404200,BTCUSDT,long,,", "dir/s.csv:1: time_ms is \"1754404200\", but must be whole milliseconds"),
            ("1754404200000000,BTCUSDT,long,,", "dir/s.csv:1: time_ms is \"1754404200000000\""),
            ("1754404200000,BTC USDT,long,,", "dir/s.csv:1: symbol is \"BTC USDT\", but must be a symbol such as"),
            ("1754404200000,BTCUSDT,buy,,", "dir/s.csv:1: side is \"buy\", but must be long or short"),
            (
                "1754404200000,BTCUSDT,long,x,",
                "dir/s.csv:1: stop is \"x\", but must be a price such as 111797.5, percent from 0.1% to 50%, or empty",
            ),
            ("1754404200000,BTCUSDT,long,0,", "dir/s.csv:1: stop is \"0\""),
            ("1754404200000,BTCUSDT,long,-1,", "dir/s.csv:1: stop is \"-1\""),
            ("1754404200000,BTCUSDT,long,nan,", "dir/s.csv:1: stop is \"nan\""),
            ("1754404200000,BTCUSDT,long,,inf", "dir/s.csv:1: target is \"inf\""),
            ("1754404200000,BTCUSDT,long,,0.09%", "dir/s.csv:1: target is \"0.09%\""),
            ("1754404200000,BTCUSDT,long,,50.1%", "dir/s.csv:1: target is \"50.1%\""),
            ("R\n1754404199999,ETHUSDT,long,,", "dir/s.csv:2: time_ms is 1754404199999, before the row above it"),
            (
                "R\n1754404200000,BTC/USDT:USDT,short,,",
                "dir/s.csv:2: BTC/USDT:USDT has a signal of the same time in line 1",
            ),
        ] {
            let got = of(text.replace('R', ROW).as_bytes()).unwrap_err();
            assert!(got.starts_with(want), "{text}: {got}");
        }
        let long = format!("{ROW}\n{}", "1".repeat(LONGEST_LINE + 1));
        assert_eq!(of(long.as_bytes()).unwrap_err(), "dir/s.csv:2: longer than 256 bytes, which no row is");
        assert!(of(b"\xff,\n").unwrap_err().starts_with("dir/s.csv:1: no valid text"));
    }

    #[test]
    fn there_is_a_most_of_rows_and_of_symbols() {
        let mut text = String::new();
        for row in 0..=MOST_ROWS {
            writeln!(text, "{},BTCUSDT,long,,", 1_754_404_200_000 + row).unwrap();
        }
        let want = "dir/s.csv:500001: more than 500000 rows; split the file, one [[strategy]] each";
        assert_eq!(of(text.as_bytes()).unwrap_err(), want);
        let full = text.trim_end().rsplit_once('\n').unwrap().0;
        assert_eq!(of(full.as_bytes()).unwrap().rows().len(), MOST_ROWS);
        let symbol = |number: usize| format!("1754404200000,A{number}USDT,long,,\n");
        let many: String = (0..=MAX_SYMBOLS).map(symbol).collect();
        assert_eq!(of(many.as_bytes()).unwrap_err(), "dir/s.csv:65: more than 64 different symbols");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = of(&bytes);
        }

        #[test]
        fn almost_a_file_is_read_or_refused_and_what_is_read_is_in_range(
            text in proptest::collection::vec(prop_oneof!["175440420[0-9]{4}", "[0-9]{0,20}", "BTCUSDT|ETHUSDT|[A-Z]{0,5}", "long|short", "-?[0-9.]{0,6}%?", "[,\n\r ]"], 0..60)
        ) {
            if let Ok(list) = of(text.join(",").as_bytes()) {
                for pair in list.rows().windows(2) {
                    prop_assert!((pair[0].symbol, pair[0].at) < (pair[1].symbol, pair[1].at));
                }
                for level in list.rows().iter().flat_map(|row| [row.stop, row.target]) {
                    prop_assert!(level.as_price().is_none_or(|price| PRICES.contains(&price)));
                    prop_assert!(level.as_percent().is_none_or(|percent| PERCENT.contains(&percent)));
                }
            }
        }
    }
}
