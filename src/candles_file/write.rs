//! Writing candles in the format that is read.

use super::error::FileError;
use super::name::UNFINISHED;
use super::row;
use crate::market::Candle;
use flate2::{Compression, write::GzEncoder};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The first line of a file.
pub const HEADER: &str = "open_time_ms,open,high,low,close,volume";

/// Writes candles as `open_time_ms,open,high,low,close,volume` under a header, gzipped when the name ends in `.gz`; returns how many.
///
/// Numbers read back to the same bits. The rows go to a name of their own beside `path`, which takes the place of `path` only when
/// everything is on the disk, so that a partial file is never mistaken for a whole one.
///
/// # Errors
/// The file cannot be written, or a candle has not passed [`Candle::check`]; nothing new is at `path` then.
pub fn write(path: &Path, candles: impl Iterator<Item = Candle>) -> Result<u64, FileError> {
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        // A device or a folder must not be replaced by a file.
        return Err(FileError::NotAFile { file: path.display().to_string() });
    }
    let unfinished = beside(path);
    let written = fill(&unfinished, path.extension().is_some_and(|ending| ending == "gz"), candles)
        .and_then(|count| std::fs::rename(&unfinished, path).map(|()| count));
    written.map_err(|source| {
        // Best effort: the error that is told is the one that matters.
        let _ = std::fs::remove_file(&unfinished);
        FileError::Write { file: path.display().to_string(), source }
    })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(UNFINISHED);
    PathBuf::from(name)
}

fn fill(path: &Path, packed: bool, candles: impl Iterator<Item = Candle>) -> io::Result<u64> {
    let file = File::create(path)?;
    let (count, file) = if packed {
        // The encoder clears its whole buffer at each call, so it must not see the small pieces of a row.
        let mut text = BufWriter::new(GzEncoder::new(file, Compression::fast()));
        (rows(&mut text, candles)?, text.into_inner()?.finish()?)
    } else {
        let mut text = BufWriter::new(file);
        (rows(&mut text, candles)?, text.into_inner()?)
    };
    file.sync_all()?;
    Ok(count)
}

fn rows(out: &mut impl Write, candles: impl Iterator<Item = Candle>) -> io::Result<u64> {
    let mut count = 0;
    writeln!(out, "{HEADER}")?;
    for candle in candles {
        candle.check().map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))?;
        write_row(out, &candle)?;
        count += 1;
    }
    Ok(count)
}

/// A candle as one row, with its line end. Numbers read back to the same bits.
///
/// # Errors
/// Those of `out`.
pub fn write_row(out: &mut impl Write, candle: &Candle) -> io::Result<()> {
    let Candle { open_time, open, high, low, close, volume } = candle;
    writeln!(out, "{},{open},{high},{low},{close},{volume}", open_time.0)
}

/// The candle of a row without its line end; `None` where it is none, or one that cannot be.
#[must_use]
pub fn read_row(line: &[u8]) -> Option<Candle> {
    row::parse(line).ok().filter(|candle| candle.check().is_ok())
}

#[cfg(test)]
mod tests {
    use super::super::{FileSpec, rows::Rows};
    use super::*;
    use crate::market::{PRICES, Timeframe, Timestamp};
    use proptest::prelude::*;

    fn candle(minute: i64, close: f64) -> Candle {
        let open_time = Timestamp(minute * 60_000);
        Candle { open_time, open: close, high: close, low: close, close, volume: close / 3.0 }
    }

    fn read_back(path: &Path) -> Vec<Candle> {
        let spec = FileSpec { symbol: "BTCUSDT".parse().unwrap(), timeframe: Timeframe::M1, path: path.to_owned() };
        let mut rows = Rows::open(&spec).unwrap();
        std::iter::from_fn(|| rows.next().unwrap()).collect()
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_bit_for_bit(
            prices in proptest::collection::vec(PRICES, 0..20), packed: bool
        ) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(if packed { "a.csv.gz" } else { "a.csv" });
            let candles: Vec<_> = prices.iter().zip(0..).map(|(&price, minute)| candle(minute, price)).collect();
            prop_assert_eq!(write(&path, candles.iter().copied()).unwrap(), candles.len() as u64);
            prop_assert_eq!(read_back(&path), candles);
            prop_assert_eq!(std::fs::read(&path).unwrap().starts_with(&[0x1f, 0x8b]), packed);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        write(&path, [candle(0, 1.0)].into_iter()).unwrap();
        let error = write(&path, [candle(0, 2.0), candle(1, f64::NAN)].into_iter()).unwrap_err();
        assert!(error.to_string().ends_with("cannot be written: open is not a finite number"), "{error}");
        assert_eq!(read_back(&path), [candle(0, 1.0)]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_a_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let error = write(folder.path(), [candle(0, 1.0)].into_iter()).unwrap_err();
        assert!(matches!(error, FileError::NotAFile { .. }), "{error}");
        let nowhere = folder.path().join("none/a.csv");
        assert!(matches!(write(&nowhere, std::iter::empty()), Err(FileError::Write { .. })));
    }
}
