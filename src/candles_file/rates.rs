//! Funding rates that were settled, from a file.
//!
//! ```text
//! funding_time_ms,rate
//! 1754006400000,0.0001
//! ```
//!
//! The first column is a time, and the header says which one is the rate: it is called so, or ends so as in Binance's public
//! `calc_time,funding_interval_hours,last_funding_rate`, or is `open` where rates were put into rows of candles. Without a header it is the
//! second one. Plain, gzip or zip, as with candles.

use super::{
    bytes,
    error::{FileError, RowFault, excerpt},
    feed::place_of,
    name,
};
use crate::market::{FundingRate, Symbol, Timestamp};
use rust_decimal::Decimal;
use std::io::{BufRead, BufReader, Read};

/// Longer than any row.
const LONGEST_LINE: u64 = 1_024;
/// More than a century of hours: what has more is no file of rates.
const MOST_ROWS: usize = 1_000_000;
/// From here a time is microseconds, not milliseconds.
const MICROSECONDS: i64 = 100_000_000_000_000;

/// The rates of a file whose name begins with the symbol, or of `SYMBOL=FILE`; in any order. A symbol's place in `symbols` is its id.
///
/// # Errors
/// Whose rates they are is not told, or these are not traded; the file cannot be read; a row that may not be, with file and line.
pub fn rates(argument: &str, symbols: &[Symbol]) -> Result<Vec<FundingRate>, FileError> {
    let (whose, path) = name::whose(argument)?;
    let file = path.display().to_string();
    let symbol = place_of(&path, &whose, symbols)?;
    let (text, _) = bytes::open(&path)?;
    let mut text = BufReader::new(text);
    let (mut found, mut column, mut line) = (Vec::new(), 1, Vec::new());
    for number in 1.. {
        line.clear();
        let read = (&mut text).take(LONGEST_LINE).read_until(b'\n', &mut line);
        let fault = |fault| FileError::Row { file: file.clone(), line: number, fault };
        if read.map_err(|source| FileError::Read { file: file.clone(), line: number, source })? == 0 {
            break;
        }
        let row = line.trim_ascii();
        if line.len() as u64 == LONGEST_LINE || found.len() == MOST_ROWS {
            return Err(fault(RowFault::NoRate(excerpt(row))));
        }
        if number == 1 && !row.first().is_some_and(u8::is_ascii_digit) {
            column = rate_column(row).ok_or_else(|| fault(RowFault::NoRate(excerpt(row))))?;
        } else if !row.is_empty() {
            let (at, rate) = parse(row, column).map_err(fault)?;
            found.push(FundingRate { symbol, rate, at });
        }
    }
    if found.is_empty() { Err(FileError::Empty { file }) } else { Ok(found) }
}

/// The place of the rate among the columns that a header names.
fn rate_column(header: &[u8]) -> Option<usize> {
    let header = header.strip_prefix("\u{feff}".as_bytes()).unwrap_or(header).to_ascii_lowercase();
    let names: Vec<_> = header.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
    let place = |is: fn(&[u8]) -> bool| names.iter().position(|name| is(name)).filter(|place| *place > 0);
    place(|name| name.ends_with(b"rate")).or_else(|| place(|name| name == b"open"))
}

fn parse(row: &[u8], column: usize) -> Result<(Timestamp, Decimal), RowFault> {
    let mut columns = row.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let time = columns.next().unwrap_or_default();
    let ms = text(time).parse().ok().filter(|ms: &i64| *ms >= 0).ok_or_else(|| RowFault::Time(excerpt(time)))?;
    let ms = if ms < MICROSECONDS { ms } else { ms / 1_000 };
    let number = columns.nth(column - 1).unwrap_or_default();
    let rate = text(number).parse().or_else(|_| Decimal::from_scientific(text(number)));
    let rate = rate.ok().filter(|rate: &Decimal| rate.abs() <= FundingRate::LARGEST);
    Ok((Timestamp(ms), rate.ok_or_else(|| RowFault::Rate(excerpt(number)))?))
}

fn text(field: &[u8]) -> &str {
    std::str::from_utf8(field).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::SymbolId;

    /// The times and rates of a file of BTC, or the error without the file's name.
    fn read(content: &str) -> Result<Vec<(i64, String)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("BTCUSDT-funding.csv");
        std::fs::write(&path, content).unwrap();
        let path = path.to_str().unwrap();
        let listed = ["ETHUSDT", "BTCUSDT"].map(|name| name.parse().unwrap());
        let found = rates(path, &listed).map_err(|error| error.to_string().replace(path, "FILE"))?;
        assert!(found.iter().all(|said| said.symbol == SymbolId(1)));
        Ok(found.iter().map(|said| (said.at.0, said.rate.to_string())).collect())
    }

    #[test]
    fn the_header_says_where_the_rate_is() {
        let want = Ok(vec![(28_800_017, "0.0001".to_owned()), (57_600_000, "-0.00002".to_owned())]);
        for content in [
            "funding_time_ms,rate\n28800017,0.0001\n57600000,-0.00002\n",
            "28800017,0.0001\r\n57600000,-2e-5",
            "open_time_ms,open,high,low,close,volume\n28800017,0.0001,0,0,0,0\n\n57600000,-0.00002,0,0,0,0\n",
            "calc_time,funding_interval_hours,last_funding_rate\n28800017,8,0.0001\n57600000,8,-0.00002\n",
        ] {
            assert_eq!(read(content), want, "{content}");
        }
        assert_eq!(read("1754006400000000,0.0001\n"), Ok(vec![(1_754_006_400_000, "0.0001".to_owned())]));
    }

    #[test]
    fn what_may_not_be_is_an_error_with_file_and_line() {
        for (content, want) in [
            ("", "FILE has no rows"),
            ("funding_time_ms,rate\n", "FILE has no rows"),
            ("time,value\n0,0.1\n", "FILE:1: `time,value` holds no funding rate"),
            ("0,0.0001\nsoon,0.0001\n", "FILE:2: open_time is `soon`"),
            ("0,0.0001\n-5,0.0001\n", "FILE:2: open_time is `-5`"),
            ("0,0.01\n1,0.04\n", "FILE:2: the rate is `0.04`, but must be a part of the position's value"),
            ("0\n", "FILE:1: the rate is ``"),
            ("0,NaN\n", "FILE:1: the rate is `NaN`"),
        ] {
            let error = read(content).unwrap_err();
            assert!(error.starts_with(want), "{content:?}: {error}");
        }
        let long = format!("0,0.0001{}\n", "0".repeat(5_000));
        assert!(read(&long).unwrap_err().starts_with("FILE:1: "));
    }

    #[test]
    fn whose_rates_they_are_is_told_by_the_name_or_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rates.csv");
        std::fs::write(&path, "0,0.0001\n").unwrap();
        let path = path.to_str().unwrap();
        let listed = ["BTCUSDT".parse().unwrap()];
        assert_eq!(rates(&format!("BTC/USDT:USDT={path}"), &listed).unwrap().len(), 1);
        let error = rates(path, &listed).unwrap_err().to_string();
        assert!(
            error.contains("does not tell the symbol, `rates` is none") && error.contains("BTC/USDT:USDT="),
            "{error}"
        );
        let error = rates(&format!("ETHUSDT={path}"), &listed).unwrap_err().to_string();
        assert!(
            error.contains("holds ETH/USDT:USDT, which is not among the symbols of this run: BTC/USDT:USDT"),
            "{error}"
        );
    }
}
